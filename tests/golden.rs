//! Trimmed dumps of real runtimes against the answer of each runtime's own DAC: every method table, count, size and name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod shared;

use dropheap::report::{GENERATIONS, HeapReport};
use dropheap::{Analysis, Options};
use shared::{dumps, fixture, unpack};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What the DAC prints for types of Reflection.Emit modules.
const UNNAMED: &str = "<Unloaded Type>";

fn analyze(bytes: Vec<u8>) -> HeapReport {
    let options = Options { file_name: "fixture.dmp".into(), ..Options::default() };
    dropheap::analyze(Arc::new(bytes), options, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// method table -> count, size, name.
fn expected(set: &str, stage: &str) -> BTreeMap<u64, (u64, u64, String)> {
    let text = std::fs::read_to_string(fixture(format!("{set}/expected-{stage}.csv"))).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.splitn(4, ',');
            let mut next = || cells.next().unwrap();
            let table = u64::from_str_radix(next(), 16).unwrap();
            let (count, size) = (next().parse().unwrap(), next().parse().unwrap());
            (table, (count, size, next().trim_matches('"').replace("\"\"", "\"")))
        })
        .collect()
}

#[test]
fn every_row_equals_the_dac() {
    for (set, stage, path) in dumps() {
        let report = analyze(unpack(&path));
        let mut want = expected(&set, &stage);
        for row in &report.method_tables {
            let have = (row.count, row.total_size);
            let (count, size, name) = want
                .remove(&row.method_table.0)
                .unwrap_or_else(|| panic!("{set}/{stage}: {row:?} is not in the DAC's answer"));
            assert_eq!(have, (count, size), "{set}/{stage}: {name}");
            if name != UNNAMED {
                assert_eq!(row.type_name, name, "{set}/{stage}");
            }
        }
        assert!(want.is_empty(), "{set}/{stage}: missing {want:?}");
        assert_eq!(report.heap.explained_bytes, report.heap.total_bytes, "{set}/{stage}: coverage");
        assert!(report.heap.complete && report.findings.is_empty(), "{set}/{stage}: {:?}", report.findings);
    }
}

#[test]
fn generations_equal_the_reference() {
    let mut compared = 0;
    for (set, stage, path) in dumps() {
        let reference = fixture(format!("{set}/expected-generations-{stage}.json"));
        let Ok(text) = std::fs::read_to_string(reference) else { continue };
        let want: serde_json::Value = serde_json::from_str(&text).unwrap();
        let report = analyze(unpack(&path));
        for (cell, (ours, theirs)) in report.heap.generations.iter().zip(GENERATIONS.iter().zip([
            "Generation0",
            "Generation1",
            "Generation2",
            "Large",
            "Pinned",
            "Frozen",
        ])) {
            let number = |field| want[theirs][field].as_u64().unwrap_or(0);
            assert_eq!((cell.count, cell.size), (number("objects"), number("bytes")), "{set}/{stage}: {ours}");
        }
        compared += 1;
    }
    assert!(compared >= 4, "only {compared} references");
}

/// The same dump gives the same report however its bytes are cut into windows, forwards over one thread or over several.
#[test]
fn windows_do_not_matter() {
    let (_, _, path) = dumps().into_iter().find(|d| d.0 == "net31-x86-wks").unwrap();
    let bytes = unpack(&path);
    let whole = analyze(bytes.clone());
    for window in [1, 65_536 + 24, 1 << 20] {
        let options = Options { file_name: "fixture.dmp".into(), window, ..Options::default() };
        let mut analysis = Analysis::open(Arc::new(bytes.clone()), options).unwrap();
        analysis.locate().unwrap();
        let mut fed = 0;
        while let Some(want) = analysis.upcoming_on(0, 3).first().copied() {
            analysis.begin(0, want);
            analysis.read_window(0).unwrap();
            analysis.step().unwrap();
            fed += 1;
            assert!(fed < 100_000, "the walk does not end");
        }
        assert_eq!(analysis.finish().unwrap(), whole, "window {window}");
    }
}

/// The pair of one process: the telemetry of the incident.
#[test]
fn the_incident() {
    for set in ["net31-x64-wks", "net8-x64-wks", "net9-x64-wks", "net10-x64-wks"] {
        let reports = ["afternoon", "evening"].map(|stage| analyze(unpack(format!("{set}/{stage}.dmp.gz"))));
        let diff = dropheap::diff::diff(&reports).unwrap();
        let telemetry: Vec<_> = [
            ("RequestTelemetry", 3100, 7400),
            ("DependencyTelemetry", 2900, 7000),
            ("MetricTelemetry", 450, 1000),
            ("EventTelemetry", 100, 250),
        ]
        .into_iter()
        .map(|(name, before, after)| {
            let name = format!("LeakSim.Telemetry.{name}");
            let row = diff.rows.iter().find(|r| r.type_name == name).unwrap();
            assert_eq!(
                (row.totals.counts.clone(), row.module.as_str()),
                (vec![before, after], "LeakSim"),
                "{set}: {name}"
            );
            row.totals.delta_count
        })
        .collect();
        assert!(telemetry.iter().all(|d| *d > 0));
        assert!(diff.findings.is_empty(), "{set}: {:?}", diff.findings);
    }
}

/// A hole in the heap makes the result partial and says so; what is left is counted, and nothing twice.
#[test]
fn a_hole_is_said() {
    let (_, _, path) = dumps().into_iter().find(|d| d.0 == "net10-x64-wks" && d.1 == "evening").unwrap();
    let bytes = unpack(&path);
    let whole = analyze(bytes.clone());
    let cut = analyze(bytes[..bytes.len() - 300_000].to_vec());
    assert!(!cut.heap.complete);
    assert!(cut.findings.iter().any(|f| f.partial), "{:?}", cut.findings);
    assert!(cut.heap.objects <= whole.heap.objects);
    for row in &cut.method_tables {
        let full = whole.method_tables.iter().find(|r| r.method_table == row.method_table).unwrap();
        assert!(row.count <= full.count, "{}", row.type_name);
    }
}

/// A file that ends before its memory is said to be cut short, however little of it is left.
#[test]
fn a_cut_file_is_said_to_be_cut() {
    let (_, _, path) = dumps().into_iter().find(|d| d.0 == "net31-x64-wks" && d.1 == "evening").unwrap();
    let bytes = unpack(&path);
    for len in [200_000, 1_000_000] {
        let error =
            dropheap::analyze(Arc::new(bytes[..len].to_vec()), Options::default(), &mut |_| ControlFlow::Continue(()))
                .unwrap_err();
        assert_eq!(error.code(), "damaged", "{len}: {error}");
        assert!(error.to_string().contains("cut short"), "{len}: {error}");
    }
}
