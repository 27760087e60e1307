//! Heaps that lie scattered over the file, walked in the file's order as the page does: the answer is that of the walk by address, whatever the guesses of
//! where objects begin came to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod shared;

use dropheap::heap::lanes::STREAMS;
use dropheap::report::HeapReport;
use dropheap::synth::Random;
use dropheap::synth::big::{Plan, make};
use dropheap::synth::minidump::locate_stream;
use dropheap::{Analysis, Options};
use proptest::prelude::*;
use shared::{dumps, evening, fixture, unpack};
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// A dump whose memory list can be cut and whose memory can be written to.
#[derive(Clone)]
struct Memory {
    /// What is in front of the memory in the file.
    head: Vec<u8>,
    /// (address, bytes).
    ranges: Vec<(u64, Vec<u8>)>,
}

impl Memory {
    fn of(dump: &[u8]) -> Memory {
        let (_, list, _) = locate_stream(dump, 9).unwrap();
        let base = word(dump, list + 8) as usize;
        let mut at = base;
        let ranges = (0..word(dump, list) as usize).map(|i| {
            let (addr, len) = (word(dump, list + 16 + 16 * i), word(dump, list + 24 + 16 * i) as usize);
            at += len;
            (addr, dump[at - len..at].to_vec())
        });
        let ranges = ranges.collect();
        assert_eq!(at, dump.len(), "memory is last");
        Memory { head: dump[..base].to_vec(), ranges }
    }

    fn place(&mut self, addr: u64) -> &mut [u8] {
        let (start, bytes) = self.ranges.iter_mut().find(|r| r.0 <= addr && addr < r.0 + r.1.len() as u64).unwrap();
        &mut bytes[(addr - *start) as usize..]
    }

    fn word(&mut self, addr: u64) -> u64 {
        word(self.place(addr), 0)
    }

    fn put(&mut self, addr: u64, value: u64) {
        self.place(addr)[..8].copy_from_slice(&value.to_le_bytes());
    }

    /// Cuts the ranges into pieces of up to `most` bytes, drops one in `drop` of those of the heap that was added, and writes all in any order.
    fn scattered(&self, random: &mut Random, most: u64, drop: u64) -> Vec<u8> {
        let mut pieces: Vec<(u64, &[u8])> = Vec::new();
        for (addr, bytes) in &self.ranges {
            let (mut addr, mut rest) = (*addr, &bytes[..]);
            // Here and there pieces no longer than a header.
            let small = if random.below(4) == 0 { 20_000 } else { 0 };
            while !rest.is_empty() {
                // Mostly whole words, and now and then not.
                let unit = if random.below(50) == 0 { 1 } else { 8 };
                let most = if bytes.len() - rest.len() < small { 48 } else { most };
                let len = (1 + random.below(most / unit)) * unit + (addr.wrapping_neg() & 7);
                let len = len.min(rest.len() as u64) as usize;
                if !(drop > 0 && is_added(addr) && random.below(drop) == 0) {
                    pieces.push((addr, &rest[..len]));
                }
                (addr, rest) = (addr + len as u64, &rest[len..]);
            }
        }
        for i in (1..pieces.len()).rev() {
            pieces.swap(i, random.below(i as u64 + 1) as usize);
        }
        self.written(&pieces)
    }

    /// A dump of these pieces, in their order.
    fn written(&self, pieces: &[(u64, &[u8])]) -> Vec<u8> {
        let (entry, _, _) = locate_stream(&self.head, 9).unwrap();
        let mut out = self.head.clone();
        let list = out.len();
        let size = 16 + 16 * pieces.len();
        out[entry + 4..entry + 8].copy_from_slice(&(size as u32).to_le_bytes());
        out[entry + 8..entry + 12].copy_from_slice(&(list as u32).to_le_bytes());
        out.extend((pieces.len() as u64).to_le_bytes());
        out.extend(((list + size) as u64).to_le_bytes());
        for (addr, bytes) in pieces {
            out.extend(addr.to_le_bytes());
            out.extend((bytes.len() as u64).to_le_bytes());
        }
        pieces.iter().for_each(|p| out.extend(p.1));
        out
    }
}

/// Where the generator puts regions, and the first object of one.
const ADDED: u64 = 0x0100_0000_0000;
const REGION: u64 = 4 << 20;
const FIRST: u64 = 0x28;
const REGIONS: u64 = 5;

fn is_added(addr: u64) -> bool {
    (ADDED..ADDED + REGIONS * REGION).contains(&addr)
}

/// A grown dump, the method tables of `Free` and of byte arrays, and the objects that were added by region: (address, method table, bytes).
struct Grown {
    memory: Memory,
    free: u64,
    bytes: u64,
    objects: Vec<Vec<(u64, u64, u64)>>,
}

static GROWN: LazyLock<Grown> = LazyLock::new(|| {
    let expected = std::fs::read_to_string(fixture("net10-x64-wks/expected-evening.csv")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { objects: 30_000, segments: REGIONS, seed: 11, filled: true, ..Plan::UNCHANGED };
    let made = make(evening("net10-x64-wks"), &expected, &plan, folder.path()).unwrap();
    let mut memory = Memory::of(&std::fs::read(made.dump).unwrap());
    let table = |name: &str| {
        let line = expected.lines().find(|l| l.ends_with(&format!(",\"{name}\"")) || l.ends_with(&format!(",{name}")));
        u64::from_str_radix(line.unwrap().split(',').next().unwrap(), 16).unwrap()
    };
    let objects = (0..REGIONS).map(|i| {
        let mut at = ADDED + i * REGION + FIRST;
        let mut all = Vec::new();
        while memory.word(at) != 0 {
            let table = memory.word(at);
            let (flags, base) = (memory.word(table) & 0xFFFF_FFFF, memory.word(table) >> 32);
            let component = if flags >> 31 == 1 { flags & 0xFFFF } else { 0 };
            let size = ((base + component * (memory.word(at + 8) & 0xFFFF_FFFF)).max(24) + 7) & !7;
            all.push((at, table, size));
            at += size;
        }
        all
    });
    let objects: Vec<_> = objects.collect();
    assert!(objects.iter().all(|o| o.len() > 4_000));
    Grown { free: table("Free"), bytes: table("System.Byte[]"), memory, objects }
});

impl Grown {
    /// Several objects in a row become one: their bytes stay, as a sweep leaves them in a Free block, or as an array may hold them by chance;
    /// `moved` by a few words, so that what looks like objects in it ends elsewhere.
    fn bury(&self, memory: &mut Memory, random: &mut Random, table: u64, most: u64, moved: bool) {
        let region = &self.objects[random.below(REGIONS) as usize];
        let first = random.below(region.len() as u64 - most) as usize;
        let run = &region[first..first + 2 + random.below(most - 2) as usize];
        let (at, bytes) = (run[0].0, run.iter().map(|o| o.2).sum::<u64>());
        if bytes < 64 {
            return;
        }
        if moved {
            let by = 8 * (1 + random.below(4)) as usize;
            memory.place(at)[16..bytes as usize - 8].rotate_right(by);
        }
        memory.put(at, table);
        memory.put(at + 8, bytes - 24);
    }
}

fn by_address(bytes: &[u8]) -> HeapReport {
    let options = Options { file_name: "x.dmp".into(), threads: 1, ..Options::default() };
    dropheap::analyze(Arc::new(bytes.to_vec()), options, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// What the page reads.
#[derive(Debug, Default)]
struct Read {
    bytes: u64,
    /// Windows that begin elsewhere than a little behind the one before on the same lane.
    jumps: u64,
    windows: u64,
}

fn located(bytes: &[u8], window: u64) -> Analysis {
    let options = Options { file_name: "x.dmp".into(), window, ..Options::default() };
    let mut analysis = Analysis::open(Arc::new(bytes.to_vec()), options).unwrap();
    analysis.locate().unwrap();
    analysis
}

/// As the page does: lanes that have nothing to do are asked again.
fn feed(bytes: &[u8], window: u64) -> (HeapReport, Read) {
    let mut analysis = located(bytes, window);
    let lanes = analysis.lanes();
    let mut ends = vec![0; lanes];
    let mut read = Read::default();
    let mut done = 0;
    loop {
        for (lane, end) in ends.iter_mut().enumerate() {
            if analysis.busy(lane) {
                continue;
            }
            let Some(next) = analysis.upcoming_on(lane, 4).first().copied() else { continue };
            read.jumps += u64::from(next.offset < *end || next.offset - *end > 1 << 20);
            *end = next.offset + next.len;
            read.bytes += next.len;
            read.windows += 1;
            analysis.begin(lane, next);
            analysis.read_window(lane).unwrap();
        }
        if (0..lanes).all(|lane| !analysis.busy(lane)) {
            break;
        }
        let progress = analysis.step().unwrap();
        assert!(progress.done >= done && progress.done <= progress.total);
        done = progress.done;
    }
    assert_eq!(analysis.step().unwrap().done, analysis.total());
    (analysis.finish().unwrap(), read)
}

fn text(report: &HeapReport) -> String {
    serde_json::to_string_pretty(report).unwrap()
}

fn same(bytes: &[u8], window: u64) -> Result<(), TestCaseError> {
    let (want, (got, _)) = (by_address(bytes), feed(bytes, window));
    if want != got {
        let (want, got) = (text(&want), text(&got));
        let first = want.lines().zip(got.lines()).position(|(a, b)| a != b).unwrap_or(0);
        let near = |t: &str| t.lines().skip(first.saturating_sub(6)).take(12).collect::<Vec<_>>().join("\n");
        return Err(TestCaseError::fail(format!("by address:\n{}\non islands:\n{}", near(&want), near(&got))));
    }
    Ok(())
}

/// Every fixture in pieces: segments and regions, x64 and x86, allocation contexts and frozen segments.
#[test]
fn every_fixture_scattered_over_the_file_gives_the_same_answer() {
    for (i, (set, stage, path)) in dumps().into_iter().enumerate() {
        let memory = Memory::of(&unpack(path));
        for most in [700, 20_000] {
            let scattered = memory.scattered(&mut Random(i as u64 + most), most, 0);
            same(&scattered, 64 << 10).unwrap_or_else(|e| panic!("{set} {stage}, pieces of {most} bytes: {e}"));
        }
    }
}

/// A heap with nothing special in it, in pages of any order; the fixture's own memory in front of it as it was.
fn in_pages() -> (Vec<u8>, usize) {
    let memory = &GROWN.memory;
    let (own, added): (Vec<_>, Vec<_>) = memory.ranges.iter().partition(|r| !is_added(r.0));
    let mut pages: Vec<(u64, &[u8])> = added.iter().flat_map(|r| (r.0..).step_by(4096).zip(r.1.chunks(4096))).collect();
    let mut random = Random(5);
    for i in (1..pages.len()).rev() {
        pages.swap(i, random.below(i as u64 + 1) as usize);
    }
    let mut pieces: Vec<(u64, &[u8])> = own.iter().map(|r| (r.0, &r.1[..])).collect();
    let count = pages.len();
    pieces.append(&mut pages);
    (memory.written(&pieces), count)
}

/// It is read once, by each lane a part of it from the front to the end: what a browser pays for is the number of jumps.
#[test]
fn a_scattered_heap_is_read_once_in_the_order_of_the_file() {
    let (bytes, pages) = in_pages();
    let whole: Vec<_> = GROWN.memory.ranges.iter().map(|r| (r.0, &r.1[..])).collect();
    let (_, in_order) = feed(&GROWN.memory.written(&whole), 64 << 10);
    let (report, read) = feed(&bytes, 64 << 10);
    assert_eq!(text(&report), text(&by_address(&bytes)));
    assert!(report.exact(), "{:?}", report.findings);
    assert!(
        pages > 500 && read.jumps <= in_order.jumps + STREAMS as u64,
        "{in_order:?} in order, {read:?} in {pages} pages"
    );
    assert!(read.bytes < in_order.bytes + 100_000, "{in_order:?} in order, {read:?} in {pages} pages");
}

/// Up to the end it may turn out that objects were counted where none are: until then nothing is shown, and nothing of a walk that stops early is counted.
#[test]
fn what_is_in_doubt_is_not_shown() {
    let (bytes, _) = in_pages();
    let mut analysis = located(&bytes, 64 << 10);
    for _ in 0..10 {
        let next = analysis.upcoming_on(0, 1)[0];
        analysis.begin(0, next);
        analysis.read_window(0).unwrap();
        analysis.step().unwrap();
        assert!(analysis.partial().unwrap().is_none());
    }
    let report = analysis.finish().unwrap();
    assert_eq!((report.heap.objects, report.heap.explained_bytes), (0, 0));
    let unfinished = report.findings.iter().find(|f| f.code == "walk-unfinished").unwrap();
    let segments = report.heap.segments.iter().filter(|s| s.bytes > 0).count() as u64;
    assert_eq!((unfinished.count, report.exact()), (segments, false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn islands_give_the_answer_of_the_walk_by_address(
        seed in 1u64..u64::MAX, most in prop::sample::select(vec![500u64, 3_000, 3_000, 30_000, 200_000]), free in 0u64..60, arrays in 0u64..40,
        large in prop::bool::ANY, damaged in prop::sample::select(vec![0u64, 0, 3]), drop in prop::sample::select(vec![0u64, 0, 40]),
        window in prop::sample::select(vec![64u64 << 10, 512 << 10]),
    ) {
        let mut random = Random(seed);
        let grown = &*GROWN;
        let mut memory = grown.memory.clone();
        // Late ones lie over early ones, so that there are graves in graves.
        if large {
            grown.bury(&mut memory, &mut random, grown.free, 6_000.min(grown.objects[0].len() as u64 - 1), false);
        }
        for i in 0..free.max(arrays) {
            for (table, n) in [(grown.free, free), (grown.bytes, arrays)] {
                if i < n {
                    let moved = random.below(2) == 0;
                    grown.bury(&mut memory, &mut random, table, 60, moved);
                }
            }
        }
        for _ in 0..damaged {
            let region = &grown.objects[random.below(REGIONS) as usize];
            memory.put(region[random.below(region.len() as u64) as usize].0, 0xCDCD_CDCD_CDCD_CDCD);
        }
        same(&memory.scattered(&mut random, most, drop), window)?;
    }
}
