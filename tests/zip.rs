//! Dumps in archives: by every writer at hand the same answer as of the plain dump; damaged, cut, lying and hostile ones give an error or
//! a finding, never a wrong number, and take no more memory than they may.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "tests"
)]

mod shared;

use assert_cmd::Command;
use dropheap::dump::packed::{Unpacked, Unpacking};
use dropheap::report::HeapReport;
use dropheap::source::inflate::{Budget, End, Indexing, InflateSource};
use dropheap::source::{ByteSource, SubSource};
use dropheap::synth::big::{Plan, make};
use dropheap::synth::clr::Scenario;
use dropheap::{Analysis, Error, Options};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use proptest::prelude::*;
use shared::{evening, fixture};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// The dump in most of the fixtures, as it lies in the stored one: what the builders make today may differ.
static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let archive = packed("kudu-stored.zip");
    let start = archive.windows(4).position(|w| w == b"MDMP").unwrap();
    archive[start..start + PLAIN_LEN].to_vec()
});
/// Its bytes (`tests/fixtures/zip/ORIGIN.md`).
const PLAIN_LEN: usize = 754_004;
static PLAIN_REPORT: LazyLock<HeapReport> = LazyLock::new(|| analyze(PLAIN.clone(), None).unwrap());

fn packed(name: &str) -> Vec<u8> {
    std::fs::read(fixture("zip").join(name)).unwrap()
}

fn analyze(bytes: Vec<u8>, entry: Option<&str>) -> Result<HeapReport, Box<Error>> {
    let options = Options { file_name: "w3wp.zip".into(), entry: entry.map(Into::into), ..Options::default() };
    dropheap::analyze(Arc::new(bytes), options, &mut |_| ControlFlow::Continue(()))
}

fn unpack(bytes: Vec<u8>) -> Result<Unpacked, Box<Error>> {
    Unpacking::begin(Arc::new(bytes), None)?.finish()
}

fn same(report: &HeapReport, plain: &HeapReport) -> bool {
    report.heap == plain.heap && report.method_tables == plain.method_tables && report.types == plain.types
}

fn codes(report: &HeapReport) -> Vec<(&str, bool)> {
    report.findings.iter().map(|f| (f.code.as_str(), f.partial)).collect()
}

fn deflate(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What a zip says of an entry; as it should be, or lies.
#[derive(Clone)]
struct Entry {
    name: &'static str,
    method: u16,
    data: Vec<u8>,
    size: u32,
    checksum: u32,
    flags: u16,
}

fn stored(name: &'static str, bytes: &[u8]) -> Entry {
    Entry {
        name,
        method: 0,
        data: bytes.to_vec(),
        size: bytes.len() as u32,
        checksum: crc32fast::hash(bytes),
        flags: 0,
    }
}

fn deflated(name: &'static str, bytes: &[u8]) -> Entry {
    Entry { method: 8, data: deflate(bytes, 6), ..stored(name, bytes) }
}

/// A zip (APPNOTE 4.3); `streamed`: bit 3, zeros in the local headers, data descriptors.
fn zip(entries: &[Entry], streamed: bool) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for e in entries {
        let at = out.len() as u32;
        let words = |numbers: &[u16]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let longs = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let flags = e.flags | if streamed { 8 } else { 0 };
        let sizes = longs(&[e.checksum, e.data.len() as u32, e.size]);
        let start = [words(&[20, flags, e.method, 0, 0]), sizes.clone(), words(&[e.name.len() as u16, 0])].concat();
        let mut local = start.clone();
        if streamed {
            local[10..22].fill(0);
        }
        out.extend([b"PK\x03\x04".as_slice(), &local, e.name.as_bytes(), &e.data].concat());
        if streamed {
            out.extend([b"PK\x07\x08".as_slice(), &sizes].concat());
        }
        let rest = [words(&[0, 0, 0]), longs(&[0, at])].concat();
        directory.extend([b"PK\x01\x02\x14\0".as_slice(), &start, &rest, e.name.as_bytes()].concat());
    }
    let (n, at) = (entries.len() as u16, out.len() as u32);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([n, n].iter().flat_map(|n| n.to_le_bytes()));
    out.extend([directory.len() as u32, at].iter().flat_map(|n| n.to_le_bytes()));
    out.extend([0, 0]);
    out
}

#[test]
fn every_writer_gives_the_answer_of_the_plain_dump() {
    let names = [
        "kudu-fastest",
        "kudu-fastest-seekable",
        "kudu-optimal",
        "kudu-optimal-seekable",
        "kudu-stored",
        "infozip",
        "infozip-streamed",
        "infozip-stdin",
        "7zip",
    ];
    for name in names {
        let bytes = packed(&format!("{name}.zip"));
        let len = bytes.len() as u64;
        let report = analyze(bytes, None).unwrap();
        assert!(same(&report, &PLAIN_REPORT), "{name}");
        assert_eq!(report.findings, PLAIN_REPORT.findings, "{name}");
        let facts = report.dump;
        let entry = facts.entry.clone().unwrap();
        let expected = match name {
            "infozip-stdin" => "-",
            _ if name.starts_with("kudu") => "minidump.dmp",
            _ => "evening.dmp",
        };
        assert_eq!((entry.name.as_str(), entry.size), (expected, PLAIN.len() as u64), "{name}");
        assert_eq!(entry.method, if name.contains("stored") { "Stored" } else { "Deflate" });
        assert!(entry.packed_size < len && (entry.packed_size == entry.size) == name.contains("stored"));
        assert_eq!((facts.file_name.as_str(), facts.file_size), ("w3wp.zip", len));
        assert_eq!(facts.format, "minidump in zip");
        // All else is as of the plain dump.
        let plain = &PLAIN_REPORT.dump;
        let facts = dropheap::report::DumpFacts {
            format: plain.format.clone(),
            entry: None,
            file_size: plain.file_size,
            ..facts
        };
        assert_eq!(&facts, plain, "{name}");
    }
}

#[test]
fn our_own_writer_in_both_ways_and_names_in_folders() {
    let dll = b"MZ a library".as_slice();
    for streamed in [false, true] {
        for make in [stored, deflated] {
            let bytes =
                zip(&[make("bin/sos.dll", dll), make("LogFiles/w3wp.dmp", &PLAIN), make("empty", b"")], streamed);
            let report = analyze(bytes, None).unwrap();
            assert!(same(&report, &PLAIN_REPORT));
            assert_eq!(report.dump.entry.unwrap().name, "LogFiles/w3wp.dmp");
        }
    }
}

/// A real dump, against the rows of the runtime's own DAC; and each byte of it is inflated at most twice.
#[test]
fn a_real_dump_as_kudu_packs_it() {
    let bytes = packed("net31-x64-wks-afternoon.zip");
    let unpacked = unpack(bytes).unwrap();
    let inflated = unpacked.inflated.clone().unwrap();
    assert_eq!(inflated.inflations().most, 1);
    let mut analysis = Analysis::open_unpacked(unpacked, Options::default()).unwrap();
    analysis.locate().unwrap();
    assert_eq!(analysis.lanes(), 1, "an archive is read in the order of its bytes");
    while let Some(next) = analysis.upcoming_on(0, 1).first().copied() {
        analysis.begin(0, next);
        analysis.read_window(0).unwrap();
        analysis.step().unwrap();
    }
    let report = analysis.finish().unwrap();
    assert!(report.exact(), "{:?}", report.findings);
    let counted = inflated.inflations();
    assert_eq!(counted.len, 5_009_920);
    assert!(counted.most <= 2 && counted.inflated <= 2 * counted.len, "{counted:?}");

    let text = std::fs::read_to_string(fixture("net31-x64-wks/expected-afternoon.csv")).unwrap();
    let row = |line: &str| {
        let mut cells = line.splitn(4, ',');
        let mut next = || cells.next().unwrap().to_owned();
        (u64::from_str_radix(next().trim_start_matches("0x"), 16).unwrap(), (next(), next()))
    };
    let expected: BTreeMap<_, _> = text.lines().skip(1).map(row).collect();
    let rows = report.method_tables.iter().map(|r| (r.method_table.0, (r.count.to_string(), r.total_size.to_string())));
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(expected.len(), 281);
}

/// The same on several threads.
#[test]
fn threads_inflate_no_byte_a_third_time() {
    let gz = std::fs::read(fixture("net8-x64-wks/evening.dmp.gz")).unwrap();
    let unpacked = unpack(gz.clone()).unwrap();
    let inflated = unpacked.inflated.unwrap();
    let plain = analyze_source(unpacked.source);
    let counted = inflated.inflations();
    assert!(counted.most <= 2 && counted.inflated <= 2 * counted.len, "{counted:?}");
    assert!(same(&plain, &analyze(gz, None).unwrap()));
}

/// What a large zip asks for, scaled down: checkpoints that must thin out to every half megabyte, a twentieth of the bytes open at once, structures spread over the whole file and met all along the heap, in room for twice what they take. Each byte is inflated
/// twice at most, by threads and as the page does it; where there is much less room, it is told that it was more often.
#[test]
fn no_byte_of_a_large_zip_is_inflated_a_third_time() {
    let fixture_bytes = evening("net10-x64-wks");
    let expected = std::fs::read_to_string(fixture("net10-x64-wks/expected-evening.csv")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        objects: 400_000,
        method_tables: 3_000,
        file_size: 64 << 20,
        scattered: true,
        filled: true,
        zip: true,
        ..Plan::default()
    };
    let made = make(fixture_bytes, &expected, &plan, folder.path()).unwrap();
    let file: Arc<dyn ByteSource> = Arc::new(std::fs::read(&made.dump).unwrap());
    let entry = dropheap::source::zip::directory(&file).unwrap().entries.remove(0);
    let (start, len) = entry.place(&*file).unwrap();
    let inflated = |budget| {
        let packed = Arc::new(SubSource::new(Arc::clone(&file), start, len));
        let mut indexing = Indexing::with_budget(packed, entry.size, budget);
        while indexing.step().unwrap() {}
        assert_eq!((indexing.end(), Some(indexing.checksum())), (Some(End::Whole), entry.checksum));
        Arc::new(indexing.finish(u64::MAX))
    };
    let whole = std::fs::read_to_string(&made.expected).unwrap();
    let mut want: Vec<String> =
        whole.lines().skip(1).map(|l| l.splitn(4, ',').take(3).collect::<Vec<_>>().join(",")).collect();
    want.sort_unstable();
    let right = |report: &HeapReport| {
        let row =
            |m: &dropheap::report::MethodTableRow| format!("{:0>16},{},{}", m.method_table, m.count, m.total_size);
        let mut rows: Vec<String> = report.method_tables.iter().map(row).collect();
        rows.sort_unstable();
        assert!(rows == want && report.exact(), "{:?}", report.findings);
    };

    let budget = Budget { spacing: 16 << 10, checkpoints: 1536 << 10, open: 3 << 20, held: 4 << 20 };
    for threads in [1, 2, 4] {
        let source = inflated(budget);
        assert!(source.spacing() > budget.spacing && source.checkpoint_bytes() <= budget.checkpoints);
        let options = Options { threads, ..Options::default() };
        let read: Arc<InflateSource> = Arc::clone(&source);
        right(&dropheap::analyze(read, options, &mut |_| ControlFlow::Continue(())).unwrap());
        let counted = source.inflations();
        assert_eq!((counted.most, counted.beyond_two), (2, 0), "{threads}: {counted:?}");
        assert!(source.held_bytes() <= budget.held);
    }
    // As the page does it, asking in the middle.
    let source = inflated(budget);
    let read: Arc<InflateSource> = Arc::clone(&source);
    let mut analysis = Analysis::open(read, Options { window: 2 << 20, ..Options::default() }).unwrap();
    analysis.locate().unwrap();
    assert_eq!(analysis.lanes(), 1);
    for number in 0.. {
        let Some(next) = analysis.upcoming_on(0, 1).first().copied() else { break };
        analysis.begin(0, next);
        analysis.read_window(0).unwrap();
        analysis.step().unwrap();
        if number % 8 == 3 {
            assert!(!analysis.partial().unwrap().unwrap().method_tables.is_empty());
        }
    }
    right(&analysis.finish().unwrap());
    let counted = source.inflations();
    assert_eq!((counted.most, counted.beyond_two), (2, 0), "{counted:?}");

    let source = inflated(Budget { held: 100 << 10, open: 300 << 10, ..budget });
    let read: Arc<InflateSource> = Arc::clone(&source);
    right(&analyze_source(read));
    let counted = source.inflations();
    assert!(counted.most > 2 && counted.beyond_two > 0, "{counted:?}");
}

fn analyze_source(source: Arc<dyn ByteSource>) -> HeapReport {
    dropheap::analyze(source, Options::default(), &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn gzip_is_opened_too() {
    let path = fixture("net31-x64-wks/afternoon.dmp.gz");
    let gz = std::fs::read(path).unwrap();
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(gz.as_slice()).read_to_end(&mut plain).unwrap();
    let len = plain.len() as u64;
    let plain = analyze(plain, None).unwrap();
    let report = analyze(gz.clone(), None).unwrap();
    assert!(same(&report, &plain) && report.exact());
    assert_eq!(report.dump.format, "minidump in gzip");
    assert_eq!(report.dump.entry.unwrap().size, len);

    let mut header = flate2::GzBuilder::new()
        .filename("a.dmp")
        .comment("c")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), Compression::fast());
    header.write_all(&PLAIN).unwrap();
    let named = header.finish().unwrap();
    assert_eq!(analyze(named.clone(), None).unwrap().dump.entry.unwrap().name, "a.dmp");

    let mut broken = gz.clone();
    let at = broken.len() - 6;
    broken[at] ^= 1;
    assert_eq!(codes(&analyze(broken, None).unwrap())[0], ("archive-checksum", true));
    let twice = [named.clone(), gz.clone()].concat();
    assert_eq!(codes(&analyze(twice, None).unwrap())[0], ("archive-size", true));
    let cut = named[..named.len() - 20].to_vec();
    assert_eq!(codes(&analyze(cut, None).unwrap())[0], ("archive-cut", true));
    let mut text = flate2::GzBuilder::new().write(Vec::new(), Compression::fast());
    text.write_all(b"{\"error\": 1}").unwrap();
    let error = analyze(text.finish().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("a gzip archive without one; what is in it looks like JSON"), "{error}");
    for len in 3..30.min(named.len()) {
        let error = analyze(named[..len].to_vec(), None).unwrap_err();
        assert!(matches!(error.code(), "archive" | "not-a-dump"), "{error}");
    }
}

#[test]
fn of_several_dumps_one_is_chosen() {
    let other = Scenario { objects: 30, ..Scenario::framework(8) }.build().dump;
    let both = zip(&[deflated("a/1.dmp", &PLAIN), stored("sos.dll", b"MZ"), deflated("a/2.dmp", &other)], true);
    let Error::ChooseEntry { entries } = *analyze(both.clone(), None).unwrap_err() else { panic!() };
    let names: Vec<_> = entries.iter().map(|e| (e.name.as_str(), e.size)).collect();
    assert_eq!(names, [("a/1.dmp", Some(PLAIN.len() as u64)), ("a/2.dmp", Some(other.len() as u64))]);
    let error = analyze(both.clone(), None).unwrap_err();
    assert_eq!(error.code(), "choose-entry");
    assert!(error.to_string().contains("2 dumps: a/1.dmp (") && error.hint().contains("--entry NAME"), "{error}");
    for wanted in ["a/1.dmp", "1.dmp"] {
        assert!(same(&analyze(both.clone(), Some(wanted)).unwrap(), &PLAIN_REPORT));
    }
    let second = analyze(both.clone(), Some("2.dmp")).unwrap();
    assert!(!same(&second, &PLAIN_REPORT));
    let error = analyze(both.clone(), Some("3.dmp")).unwrap_err();
    assert_eq!(error.to_string(), "the zip has no entry 3.dmp; it has a/1.dmp, sos.dll, a/2.dmp");
    assert_eq!(error.code(), "usage");
    let error = analyze(both, Some("sos.dll")).unwrap_err();
    assert!(error.to_string().contains("sos.dll in it looks like a Windows program"), "{error}");
    // A path that two entries end with decides nothing.
    let twins = zip(&[deflated("a/x.dmp", &PLAIN), deflated("b/x.dmp", &PLAIN)], false);
    assert_eq!(analyze(twins, Some("x.dmp")).unwrap_err().code(), "usage");
}

#[test]
fn what_cannot_be_opened_is_said() {
    for (name, said, next) in [
        ("encrypted.zip", "evening.dmp is encrypted", "password"),
        ("aes.zip", "evening.dmp is encrypted", "password"),
        ("deflate64.zip", "packed by DEFLATE64", "Unpack it"),
    ] {
        let error = analyze(packed(name), None).unwrap_err();
        assert_eq!(error.code(), "archive");
        assert!(error.to_string().contains(said) && error.hint().contains(next), "{error} {}", error.hint());
    }
    let inner = zip(&[deflated("a.dmp", &PLAIN)], false);
    for (bytes, code, said) in [
        (zip(&[stored("inner.zip", &inner)], false), "not-a-dump", "inner.zip in it looks like a zip archive"),
        (zip(&[deflated("x.gcdump", b"\x14\0\0\0!FastSerialization.1")], false), "not-a-dump", "gcdump"),
        (zip(&[deflated("d/", b"")], false), "not-a-dump", "without files"),
        (zip(&[], false), "not-a-dump", "an empty zip"),
        (b"PK\x03\x04".to_vec(), "archive", "cut off before the first file"),
    ] {
        let error = analyze(bytes, None).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    // An encrypted neighbour does not matter.
    let locked = Entry { flags: 1, ..deflated("secret.txt", b"secret") };
    assert!(same(&analyze(zip(&[locked, deflated("a.dmp", &PLAIN)], false), None).unwrap(), &PLAIN_REPORT));
}

#[test]
fn lies_of_the_directory_are_findings() {
    let dump = deflated("a.dmp", &PLAIN);
    let len = PLAIN.len() as u32;
    let of = |len: u32| crc32fast::hash(&PLAIN[..len as usize]);
    for (entry, code, exact) in [
        (Entry { checksum: 1, ..dump.clone() }, "archive-checksum", true),
        (Entry { size: len + 1, ..dump.clone() }, "archive-size", true),
        (Entry { size: u32::MAX - 1, ..dump.clone() }, "archive-size", true),
        (Entry { size: len - 1000, checksum: of(len - 1000), ..dump.clone() }, "archive-size", false),
    ] {
        let report = analyze(zip(&[entry], true), None).unwrap();
        assert_eq!(codes(&report)[0], (code, true));
        assert!(!report.exact());
        assert!(!exact || report.method_tables == PLAIN_REPORT.method_tables);
        let finding = &report.findings[0].message;
        assert!(finding.contains("a.dmp") && finding.contains("download it again"), "{finding}");
    }
    // With next to nothing unpacked there is no dump; the reason is the archive's.
    let error = analyze(zip(&[Entry { size: 100, checksum: of(100), ..dump.clone() }], true), None).unwrap_err();
    assert_eq!(error.code(), "damaged");
    assert!(error.to_string().contains("a.dmp is longer than the 100 bytes"), "{error}");
    let mut elsewhere = zip(&[dump], true);
    let at = elsewhere.len() - 22 - 5 - 4;
    elsewhere[at] = 1;
    let error = analyze(elsewhere, None).unwrap_err();
    assert!(error.to_string().contains("a.dmp is not where the archive's directory says"), "{error}");
}

/// A zip that was cut off: behind the dump nothing is lost; inside it what was before is read.
#[test]
fn a_zip_that_was_cut_off_is_read_as_far_as_it_goes() {
    let dll = vec![0x4d; 100_000];
    for (bytes, dump_last) in [
        (packed("kudu-fastest.zip"), false),
        (packed("kudu-optimal-seekable.zip"), false),
        (packed("kudu-stored.zip"), false),
        (packed("7zip.zip"), false),
        (zip(&[deflated("sos.dll", &dll), deflated("a.dmp", &PLAIN)], true), true),
        (zip(&[deflated("sos.dll", &dll), deflated("a.dmp", &PLAIN)], false), true),
    ] {
        // Only the directory is gone.
        let whole = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        for cut in [whole, whole + 10, bytes.len() - 1] {
            let report = analyze(bytes[..cut].to_vec(), None).unwrap();
            assert!(same(&report, &PLAIN_REPORT), "{cut}");
            assert_eq!(codes(&report)[0], ("archive-directory", false), "{:?}", report.findings);
        }
        let last = if dump_last { whole } else { bytes.windows(4).rposition(|w| w == b"PK\x03\x04").unwrap() };
        for i in 0..40 {
            match analyze(bytes[..last * i / 40].to_vec(), None) {
                Ok(report) => assert!(!report.exact(), "{i}"),
                Err(error) => {
                    let known = ["archive", "damaged", "truncated", "empty-file", "not-a-dump", "no-heap-memory"];
                    assert!(known.contains(&error.code()), "{i}: {error} [{}]", error.code());
                }
            }
        }
    }
}

/// A real dump of which a fifth did not arrive, or that is damaged near its end: what can be counted is, and the finding says what is wrong.
#[test]
fn what_arrived_of_a_real_dump_is_counted() {
    let bytes = packed("net31-x64-wks-afternoon.zip");
    let whole = analyze(bytes.clone(), None).unwrap();
    let source = unpack(bytes.clone()).unwrap().source;
    let mut plain = vec![0; source.len() as usize];
    source.read_at(0, &mut plain, "all of it").unwrap();
    let mut damaged = bytes.clone();
    // Deflate's fixed and dynamic blocks cannot be so.
    damaged[bytes.len() * 19 / 20..][..100].fill(0xff);
    for (bytes, code, said, least) in [
        (bytes[..bytes.len() * 4 / 5].to_vec(), "archive-cut", "the zip file ends inside minidump.dmp", 80),
        // A megabyte before the damage is not believed, of five.
        (damaged, "archive-damaged", "minidump.dmp is damaged in the archive", 1),
    ] {
        let report = analyze(bytes, None).unwrap();
        assert!(!report.exact());
        assert_eq!(codes(&report)[0], (code, true));
        assert!(report.findings[0].message.contains(said), "{:?}", report.findings);
        // The same as of the plain dump, cut there.
        let len = report.dump.entry.as_ref().unwrap().size;
        assert!(same(&report, &analyze(plain[..len as usize].to_vec(), None).unwrap()), "{len}");
        let share = report.heap.objects * 100 / whole.heap.objects;
        assert!((least..100).contains(&share), "{share} % of the objects");
    }
    let error = analyze(bytes[..bytes.len() / 2].to_vec(), None).unwrap_err();
    assert_eq!(error.code(), "damaged");
    assert!(
        error.to_string().contains("not all of it could be unpacked: the zip file ends inside minidump.dmp"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A deflated dump with damage anywhere: an error, a finding that makes it partial, or the right numbers.
    #[test]
    fn damage_is_never_a_wrong_number(
        which in 0usize..3,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = packed(["kudu-fastest.zip", "7zip.zip", "infozip.zip"][which]);
        for (at, bits) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(report) = analyze(bytes, None) {
            let partial = report.findings.iter().any(|f| f.partial);
            prop_assert!(partial || report.method_tables == PLAIN_REPORT.method_tables, "{:?}", report.findings);
            prop_assert!(!report.exact() || same(&report, &PLAIN_REPORT));
        }
    }

    /// Any bytes behind the magic: no panic.
    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        for magic in [b"PK\x03\x04".as_slice(), b"\x1f\x8b\x08"] {
            prop_assert!(analyze([magic, &bytes].concat(), None).is_err());
        }
    }
}

/// Two gigabytes of zeros in two megabytes, behind the first bytes of a dump: inflated once, in bounded memory; and not at all if the entry
/// is no dump, or beyond what was promised.
#[test]
fn a_bomb_takes_little_memory_and_ends() {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(9));
    encoder.write_all(&PLAIN).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..2048 {
        encoder.write_all(&zeros).unwrap();
    }
    let data = encoder.finish().unwrap();
    assert!(data.len() < 3 << 20);
    let size = PLAIN.len() as u32 + (2 << 30);
    let bomb = Entry { data, size, ..deflated("a.dmp", &PLAIN) };
    let unpacked = unpack(zip(std::slice::from_ref(&bomb), true)).unwrap();
    let inflated = unpacked.inflated.unwrap();
    assert_eq!((inflated.len(), inflated.inflations().most), (u64::from(size), 1));
    assert!(inflated.checkpoint_bytes() < 90 << 20);
    // The memory of the dump is what its own list says.
    assert!(same(&analyze_source(unpacked.source), &PLAIN_REPORT));

    let started = Instant::now();
    let short = unpack(zip(&[Entry { size: PLAIN.len() as u32, ..bomb.clone() }], true)).unwrap();
    assert_eq!(short.inflated.unwrap().len(), PLAIN.len() as u64);
    let mut no_dump = bomb;
    no_dump.data = deflate(&vec![0; 200 << 20], 9);
    assert_eq!(unpack(zip(&[no_dump], true)).err().unwrap().code(), "not-a-dump");
    assert!(started.elapsed() < Duration::from_secs(20));
}

fn dropheap(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("dropheap").unwrap().args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_command_takes_a_zip() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = file("plain.dmp", &PLAIN);
    let zipped = file("kudu.zip", &packed("kudu-fastest.zip"));
    let csv = |dump: &str| dropheap(&["stat", dump, "--by", "mt", "--format", "csv"]);
    let (status, rows, _) = csv(&zipped);
    assert_eq!((status, &rows), (Some(0), &csv(&plain).1));
    assert!(rows.lines().count() > 10);

    let (status, text, _) = dropheap(&["info", &zipped]);
    assert_eq!(status, Some(0));
    assert!(text.contains("kudu.zip (45,353 bytes, minidump in zip)"), "{text}");
    assert!(text.contains("minidump.dmp (754,004 bytes packed to 44,894, Deflate)"), "{text}");
    let (status, text, _) = dropheap(&["diff", &plain, &zipped, "--format", "csv"]);
    assert_eq!(status, Some(0), "{text}");
    let (status, text, _) = dropheap(&["verify", &zipped]);
    assert_eq!((status, text), {
        let (status, text, _) = dropheap(&["verify", &plain]);
        (status, text.replace("plain.dmp", "kudu.zip"))
    });
    let out = folder.path().join("out.dmp");
    let (status, _, _) = dropheap(&["trim", &zipped, out.to_str().unwrap()]);
    assert_eq!(status, Some(0));
    assert!(std::fs::read(&out).unwrap().starts_with(b"MDMP"));
    assert_eq!(csv(out.to_str().unwrap()).1, rows);

    let other = Scenario { objects: 30, ..Scenario::framework(8) }.build().dump;
    let both = file("both.zip", &zip(&[deflated("a.dmp", &other), deflated("b.dmp", &PLAIN)], true));
    let (status, _, said) = dropheap(&["stat", &both]);
    assert_eq!(status, Some(1));
    assert!(
        said.contains("2 dumps: a.dmp") && said.contains("[choose-entry]") && said.contains("--entry NAME"),
        "{said}"
    );
    let (status, text, _) = dropheap(&["stat", &both, "--entry", "b.dmp", "--by", "mt", "--format", "csv"]);
    assert_eq!((status, text), (Some(0), rows));
    let (status, text, said) =
        dropheap(&["diff", &both, &both, "--entry", "a.dmp", "--entry", "b.dmp", "--format", "csv"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(text.lines().count() > 10);
    for line in [&["stat", &both, "--entry", "a.dmp", "--entry", "b.dmp"][..], &["stat", &both, "--entry", "c.dmp"]] {
        assert_eq!(dropheap(line).0, Some(2));
    }
    let mut damaged = packed("kudu-fastest.zip");
    damaged[30_000] ^= 0x55;
    let (status, _, said) = dropheap(&["stat", &file("damaged.zip", &damaged)]);
    assert!(matches!(status, Some(1 | 3)) && said.contains("ownload it again"), "{status:?} {said}");
}

/// `DROPHEAP_ZIP=path cargo test --test zip -- --ignored --nocapture`: how often the bytes of another zip are inflated.
#[test]
#[ignore = "needs a zip"]
fn inflations_of_a_given_zip() {
    let path = PathBuf::from(std::env::var_os("DROPHEAP_ZIP").unwrap());
    let file = Arc::new(dropheap::source::file::FileSource::open(&path).unwrap());
    let unpacked = Unpacking::begin(file, None).unwrap().finish().unwrap();
    let inflated = unpacked.inflated.unwrap();
    analyze_source(unpacked.source);
    let counted = inflated.inflations();
    println!(
        "{}: {counted:?}, {:.3} times in all; spacing {}, checkpoints {} bytes, held {} bytes",
        path.display(),
        counted.inflated as f64 / counted.len as f64,
        inflated.spacing(),
        inflated.checkpoint_bytes(),
        inflated.held_bytes()
    );
    assert_eq!(counted.beyond_two, 0);
}
