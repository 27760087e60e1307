//! The walk as its callers cut it: by threads, by windows, and asked in the middle. The answer must be the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod shared;

use dropheap::report::{HeapReport, MethodTableRow};
use dropheap::source::counted::Counted;
use dropheap::source::file::FileSource;
use dropheap::synth::big::{BASES, NET31, Plan, make};
use dropheap::verify::{Verdict, verify};
use dropheap::{Analysis, Options};
use shared::{evening, fixture};
use std::ops::ControlFlow;
use std::sync::Arc;

fn run(bytes: &[u8], threads: usize, window: u64) -> HeapReport {
    let options = Options { file_name: "x.dmp".into(), threads, window, ..Options::default() };
    dropheap::analyze(Arc::new(bytes.to_vec()), options, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The same process with regions of every size, many more than the shares of four threads.
fn grown(plan: &Plan) -> (Vec<u8>, String) {
    let expected = fixture(format!("{}/expected-evening.csv", plan.base.set));
    let folder = tempfile::tempdir().unwrap();
    let expected = std::fs::read_to_string(expected).unwrap();
    let made = make(evening(plan.base.set), &expected, plan, folder.path()).unwrap();
    (std::fs::read(made.dump).unwrap(), std::fs::read_to_string(made.expected).unwrap())
}

const PLAN: Plan = Plan { objects: 100_000, segments: 40, seed: 7, ..Plan::UNCHANGED };

#[test]
fn the_number_of_threads_does_not_matter() {
    let mut all: Vec<Vec<u8>> = ["net10-x64-srv", "net31-x64-srv", "net21-x86-wks"].map(evening).into();
    all.push(grown(&Plan { method_tables: 3_000, ranges: 300, shuffled: true, ..PLAN }).0);
    // Something to find in many segments: words of the heap that are no objects.
    let mut damaged = all[3].clone();
    let len = damaged.len();
    for at in (len / 2..len).step_by(100_003) {
        damaged[at..at + 8].fill(0xCD);
    }
    all.push(damaged);
    for (number, bytes) in all.iter().enumerate() {
        let want = serde_json::to_string(&run(bytes, 1, 0)).unwrap();
        for threads in 2..=4 {
            assert_eq!(
                serde_json::to_string(&run(bytes, threads, 0)).unwrap(),
                want,
                "{threads} threads, dump {number}"
            );
        }
        for (window, piece) in [(512 << 10, 64 << 10), (64 << 10, 1 << 20), (100_000, 7_001)] {
            let fed = serde_json::to_string(&feed(bytes, window, piece, &mut |_| {})).unwrap();
            assert_eq!(fed, want, "fed as in a browser, in windows of {window} and pieces of {piece}, dump {number}");
        }
        let fed = serde_json::to_string(&feed_one(bytes, 1 << 20)).unwrap();
        assert_eq!(fed, want, "fed one window at a time, dump {number}");
    }
}

fn located(bytes: &[u8], window: u64) -> Analysis {
    let options = Options { file_name: "x.dmp".into(), window, ..Options::default() };
    let mut analysis = Analysis::open(Arc::new(bytes.to_vec()), options).unwrap();
    analysis.locate().unwrap();
    analysis
}

/// As the page does, windows in pieces; `asked` is called between two steps.
fn feed(bytes: &[u8], window: u64, piece: usize, asked: &mut dyn FnMut(&mut Analysis)) -> HeapReport {
    let mut analysis = located(bytes, window);
    let mut open: Vec<usize> = (0..analysis.lanes()).collect();
    assert_eq!(open, [0, 1, 2, 3]);
    let mut done = 0;
    while !open.is_empty() {
        open.retain(|&lane| {
            if !analysis.busy(lane) {
                let Some(next) = analysis.upcoming_on(lane, 4).first().copied() else { return false };
                analysis.begin(lane, next);
                loop {
                    let (offset, room) = analysis.room(lane);
                    let len = room.len().min(piece);
                    if len == 0 {
                        break;
                    }
                    let from = usize::try_from(offset).unwrap();
                    room[..len].copy_from_slice(&bytes[from..from + len]);
                    // A window that is not yet full is not walked.
                    analysis.filled(lane, len);
                }
            }
            true
        });
        let progress = analysis.step().unwrap();
        assert!(progress.done >= done && progress.done <= analysis.total());
        done = progress.done;
        asked(&mut analysis);
    }
    assert_eq!(done, analysis.total());
    analysis.finish().unwrap()
}

/// One window after the other, all on one lane.
fn feed_one(bytes: &[u8], window: u64) -> HeapReport {
    let mut analysis = located(bytes, window);
    while let Some(next) = analysis.upcoming_on(0, 4).first().copied() {
        analysis.begin(0, next);
        analysis.read_window(0).unwrap();
        analysis.step().unwrap();
    }
    analysis.finish().unwrap()
}

/// What was not fed is said, also of the shares that nobody began.
#[test]
fn a_walk_that_stops_early_says_so() {
    let bytes = evening("net10-x64-wks");
    let mut analysis = located(&bytes, 64 << 10);
    for lane in 0..4 {
        let next = analysis.upcoming_on(lane, 1)[0];
        analysis.begin(lane, next);
        analysis.read_window(lane).unwrap();
    }
    analysis.step().unwrap();
    let report = analysis.finish().unwrap();
    assert!(!report.exact() && report.heap.objects > 0);
    let unfinished = report.findings.iter().find(|f| f.code == "walk-unfinished").unwrap();
    let regions = report.heap.segments.iter().filter(|s| s.objects == 0).count() as u64;
    assert!(unfinished.count >= regions && regions > 0, "{unfinished:?}, {regions} regions without an object");
    assert_eq!(run(&bytes, 1, 0).heap.objects, feed(&bytes, 64 << 10, 4096, &mut |_| {}).heap.objects);
}

/// The windows are walked two by two, those first that were filled first: the streams of the other lanes run ahead meanwhile.
#[test]
fn windows_are_walked_in_the_order_in_which_they_were_filled() {
    let bytes = evening("net10-x64-wks");
    let mut analysis = located(&bytes, 64 << 10);
    let mut full = vec![3, 1, 0, 2];
    for &lane in &full {
        let next = analysis.upcoming_on(lane, 1)[0];
        analysis.begin(lane, next);
        analysis.read_window(lane).unwrap();
    }
    while full.len() > 1 {
        analysis.step().unwrap();
        let before = full.clone();
        full.retain(|&lane| analysis.busy(lane));
        assert_eq!(full.len(), before.len() - 1, "one window is used up by a step");
        assert!(full.ends_with(&before[2..]), "{before:?} became {full:?}");
    }
}

/// A window is walked when all of it is there.
#[test]
fn a_window_is_walked_when_it_is_full() {
    let bytes = evening("net10-x64-wks");
    let mut analysis = located(&bytes, 64 << 10);
    let next = analysis.upcoming_on(0, 1)[0];
    analysis.begin(0, next);
    analysis.filled(0, 100);
    assert_eq!(analysis.step().unwrap().done, 0);
    assert!(analysis.busy(0));
}

#[test]
fn what_was_walked_so_far_grows_to_the_whole() {
    let bytes = evening("net10-x64-wks");
    let mut so_far = vec![(0, 0)];
    let fed = feed(&bytes, 512 << 10, 64 << 10, &mut |analysis| {
        let partial = analysis.partial().unwrap().unwrap();
        let sum = partial.types.iter().fold(partial.heap.free.count, |n, t| n + t.count);
        assert_eq!(sum, partial.heap.objects);
        so_far.push((partial.heap.objects, partial.heap.explained_bytes));
    });
    assert!(so_far.len() > 4 && so_far.is_sorted(), "{so_far:?}");
    assert_eq!(so_far.last(), Some(&(fed.heap.objects, fed.heap.explained_bytes)));
    assert_eq!(fed, run(&bytes, 0, 0));
}

/// Method table, count, size.
fn rows(report: &HeapReport) -> Vec<String> {
    let row = |m: &MethodTableRow| format!("{:0>16},{},{}", m.method_table, m.count, m.total_size);
    let mut rows: Vec<String> = report.method_tables.iter().map(row).collect();
    rows.sort_unstable();
    rows
}

/// The same of the generator's answer.
fn expected_rows(csv: &str) -> Vec<String> {
    let mut rows: Vec<String> =
        csv.lines().skip(1).map(|l| l.splitn(4, ',').take(3).collect::<Vec<_>>().join(",")).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn a_grown_dump_has_the_rows_that_it_was_made_of() {
    for plan in [
        PLAN,
        Plan { ranges: 2_000, ..PLAN },
        Plan { ranges: 2_000, shuffled: true, ..PLAN },
        Plan { method_tables: 20_000, modules: 500, segments: 1_000, ..PLAN },
        Plan { base: &NET31, ..PLAN },
        Plan { base: &NET31, ranges: 2_000, shuffled: true, method_tables: 3_000, modules: 50, ..PLAN },
    ] {
        let (bytes, expected) = grown(&plan);
        let report = run(&bytes, 2, 0);
        assert_eq!(rows(&report), expected_rows(&expected), "{plan:?}");
        assert!(report.exact(), "{:?}", report.findings);
        let names: std::collections::BTreeSet<&str> = report.types.iter().map(|t| t.type_name.as_str()).collect();
        for line in expected.lines().filter(|l| l.contains("Dictionary`2[[")) {
            let name = line.splitn(4, ',').nth(3).unwrap().trim_matches('"');
            assert!(names.contains(name), "{name}");
        }
    }
}

/// Segments and regions alike go to generation 2 and to the large objects; what was in the others stays there. The bodies of large arrays are holes.
#[cfg(unix)]
#[test]
fn a_dump_grows_in_its_old_generations() {
    for base in BASES {
        let folder = tempfile::tempdir().unwrap();
        let expected = std::fs::read_to_string(fixture(format!("{}/expected-evening.csv", base.set))).unwrap();
        let plan = Plan { base, objects: 50_000, segments: 3, file_size: 5 << 30, ..Plan::UNCHANGED };
        let made = make(evening(base.set), &expected, &plan, folder.path()).unwrap();
        let source = Arc::new(FileSource::open(&made.dump).unwrap());
        let grown = dropheap::analyze(source, Options::default(), &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(grown.exact() && made.file_size > 4 << 30, "{:?}", grown.findings);
        assert_eq!(rows(&grown), expected_rows(&std::fs::read_to_string(made.expected).unwrap()), "{}", base.set);
        let before = run(&evening(base.set), 1, 0);
        let counts = |r: &HeapReport| r.heap.generations.iter().map(|g| g.count).collect::<Vec<_>>();
        let (before, after) = (counts(&before), counts(&grown));
        let more: Vec<u64> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
        assert_eq!(more, [0, 0, 50_000, 2, 0, 0], "{}", base.set);
    }
}

/// What was added is a heap in every respect: GCDescs, parents, dictionaries.
#[test]
fn a_grown_dump_holds_every_invariant() {
    for base in BASES {
        let (bytes, _) = grown(&Plan { base, method_tables: 500, ..PLAN });
        let report = verify(Arc::new(bytes), Options::default(), &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(report.verdict, Verdict::Holds, "{}: {:?}", base.set, report.invariants);
    }
}

/// Past the limit of rows the totals stay, and the rest is said.
#[test]
fn more_method_tables_than_rows_are_said() {
    let (bytes, expected) = grown(&Plan { method_tables: 111_000, ..PLAN });
    let report = run(&bytes, 2, 0);
    assert_eq!(report.method_tables.len(), dropheap::limits::MAX_ROWS + 1);
    let want: u64 = expected.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(report.heap.objects, want);
    assert_eq!(report.method_tables.iter().map(|m| m.count).sum::<u64>(), want);
    let finding = report.findings.iter().find(|f| f.code == "too-many-rows").unwrap();
    assert!(finding.partial && !report.exact(), "{finding:?}");
    assert_eq!(serde_json::to_string(&run(&bytes, 1, 0)).unwrap(), serde_json::to_string(&report).unwrap());
}

/// Bytes of the heap are read once, whatever the order and the number of ranges.
#[test]
fn the_heap_is_read_once() {
    for plan in [PLAN, Plan { ranges: 2_000, shuffled: true, ..PLAN }] {
        let (bytes, _) = grown(&plan);
        let source = Arc::new(Counted::new(bytes));
        let read = dropheap::analyze(source.clone(), Options::default(), &mut |_| ControlFlow::Continue(())).unwrap();
        let structures = source.bytes() - read.heap.total_bytes.min(source.bytes());
        // Structures are read by page of 64 KiB, by each thread's cache.
        assert!(structures < 24 << 20, "{structures} bytes beside the heap's {}", read.heap.total_bytes);
    }
}

/// Structures of very many method tables are read in the order of their addresses, so that a page of the cache serves all that lie on it: what a page in a
/// browser pays is the number of reads.
#[test]
fn many_method_tables_are_read_page_by_page() {
    const TABLES: u64 = 100_000;
    let (bytes, _) = grown(&Plan { objects: 110_000, method_tables: TABLES, seed: 7, ..Plan::UNCHANGED });
    let source = Arc::new(Counted::new(bytes));
    let mut analysis = Analysis::open(source.clone(), Options { window: 512 << 10, ..Options::default() }).unwrap();
    analysis.locate().unwrap();
    let located = source.reads();
    while let Some(next) = analysis.upcoming_on(0, 1).first().copied() {
        analysis.begin(0, next);
        analysis.read_window(0).unwrap();
        analysis.step().unwrap();
    }
    let walked = source.reads() - located;
    let report = analysis.finish().unwrap();
    assert!(report.method_tables.len() as u64 > TABLES);
    let named = source.reads() - located - walked;
    // 12.8 MB of method tables, as much again of the heap; measured: 29, 261, 5.
    assert!(located < 60 && walked < 400 && named < 50, "{located} reads to locate, {walked} to walk, {named} to name");
}
