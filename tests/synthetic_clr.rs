//! Synthetic processes of runtimes that no dump is at hand of: .NET Framework 4.x and .NET Core 1.x, workstation and server, x64 and x86.
//! The analysis must give exactly what the builder put there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a panic is a failed test"
)]

use dropheap::report::HeapReport;
use dropheap::synth::clr::{Expected, Row, Scenario, SynthLayout, modern};
use dropheap::{Options, analyze};
use std::ops::ControlFlow;
use std::sync::Arc;

fn run(scenario: &Scenario) -> (HeapReport, Expected) {
    let synth = scenario.build();
    let report = analyze(Arc::new(synth.dump), Options::default(), &mut |_| ControlFlow::Continue(())).unwrap();
    (report, synth.expected)
}

/// All rows, names, generations, and nothing unexplained.
fn assert_exact(report: &HeapReport, expected: &Expected) {
    let rows = report.method_tables.iter().map(|r| {
        let row = Row { name: r.type_name.clone(), module: r.module.clone(), count: r.count, size: r.total_size };
        (u64::from_str_radix(&r.method_table, 16).unwrap(), row)
    });
    let rows: std::collections::BTreeMap<u64, Row> = rows.collect();
    for (table, row) in &expected.rows {
        assert_eq!(rows.get(table), Some(row), "{table:x}; {:?} {:#?}", report.findings, report.runtime.evidence);
    }
    assert_eq!(rows.len(), expected.rows.len());
    for (g, (count, size)) in expected.generations.iter().enumerate() {
        let cell = report.heap.generations[g];
        assert_eq!((cell.count, cell.size), (*count, *size), "generation {g}");
    }
    assert_eq!(report.heap.segments.len(), expected.segments);
    assert_eq!(report.runtime.heaps, expected.heaps as u64);
    assert!(report.heap.complete, "{:?}", report.findings);
}

fn exact(scenario: &Scenario) -> HeapReport {
    let (report, expected) = run(scenario);
    assert_exact(&report, &expected);
    report
}

#[test]
fn framework_x64_workstation() {
    for seed in 1..12 {
        let report = exact(&Scenario { seed, ..Scenario::framework(8) });
        assert_eq!((report.runtime.flavour.as_str(), report.runtime.gc_mode.as_str()), ("framework", "workstation"));
        assert_eq!(
            report.runtime.unproven.as_deref(),
            Some("layout not yet proven on a real dump of this runtime; 5 of 5 invariants hold")
        );
    }
}

/// Dead objects behind the newest ones and variables that point to them: the right answer or none.
#[test]
fn stale_variables_never_give_a_wrong_number() {
    let mut refused = 0;
    for seed in 1..60 {
        let synth = Scenario { seed, stale_variables: true, ..Scenario::framework(8) }.build();
        match analyze(Arc::new(synth.dump), Options::default(), &mut |_| ControlFlow::Continue(())) {
            Ok(report) => assert_exact(&report, &synth.expected),
            Err(dropheap::Error::UnknownRuntime { .. }) => refused += 1,
            Err(e) => panic!("{e}"),
        }
    }
    assert!(refused < 30, "{refused} of 59");
    eprintln!("{refused} of 59 refused");
}

#[test]
fn framework_x86_workstation() {
    for seed in 1..12 {
        let report = exact(&Scenario { seed, ..Scenario::framework(4) });
        assert_eq!((report.runtime.architecture.as_str(), report.runtime.pointer_size), ("x86", 4));
    }
}

/// A 32-bit pool, dumped by a 64-bit tool: the pointer size is the runtime's, not the container's.
#[test]
fn framework_x86_in_an_x64_container() {
    let report = exact(&Scenario { wow64: true, ..Scenario::framework(4) });
    assert_eq!(report.dump.architecture.as_deref(), Some("x64"));
    assert_eq!((report.runtime.architecture.as_str(), report.runtime.pointer_size), ("x86", 4));
}

#[test]
fn framework_server() {
    for (pointer, heaps) in [(8, 1), (8, 2), (8, 7), (4, 2), (4, 16)] {
        for seed in 1..6 {
            let report = exact(&Scenario { seed, server_heaps: heaps, ..Scenario::framework(pointer) });
            assert_eq!((report.runtime.gc_mode.as_str(), report.runtime.heaps), ("server", heaps as u64));
        }
    }
}

#[test]
fn framework_before_4_6_shares_the_method_table_of_reference_arrays() {
    for pointer in [4, 8] {
        let scenario =
            Scenario { shared_reference_arrays: true, version: [4, 0, 30319, 34209], ..Scenario::framework(pointer) };
        let report = exact(&scenario);
        assert_eq!(report.runtime.name, ".NET Framework 4.0 to 4.5.2");
        assert!(report.types.iter().all(|t| t.type_name != "System.String[]"));
    }
}

/// Without the pages of its resources only its name tells what clr.dll is.
#[test]
fn framework_without_resources() {
    exact(&Scenario { resources: false, ..Scenario::framework(8) });
}

#[test]
fn core_1() {
    for (pointer, heaps) in [(8, 0), (4, 0), (8, 3)] {
        let scenario = Scenario {
            layout: SynthLayout::core1(pointer),
            core: true,
            version: [4, 6, 25211, 1],
            server_heaps: heaps,
            ..Scenario::framework(pointer)
        };
        let report = exact(&scenario);
        assert_eq!(report.runtime.name, ".NET Core 1.1.13");
        assert!(report.runtime.unproven.is_some());
    }
}

/// .NET 5 to 11 on every processor, workstation and server; most of them were never seen as a dump.
#[test]
fn net_5_to_11() {
    use modern::{ARM64, X64, X86};
    for major in 5..=11 {
        for machine in [X64, X86, ARM64] {
            for heaps in [0, 1, 3] {
                for seed in 1..5 {
                    let scenario = Scenario { server_heaps: heaps, seed, ..Scenario::net(major, machine) };
                    let report = exact(&scenario);
                    let r = &report.runtime;
                    let architecture = [(X64, "x64"), (X86, "x86"), (ARM64, "arm64")].iter().find(|a| a.0 == machine);
                    assert_eq!(r.name, format!(".NET {major}.0.13"));
                    assert_eq!(r.architecture, architecture.unwrap().1);
                    assert_eq!(r.gc_mode, if heaps > 0 { "server" } else { "workstation" });
                    assert_eq!(r.gc_layout, if machine != X86 && major >= 7 { "regions" } else { "segments" });
                    let seen = machine == X64 && matches!(major, 6 | 8 | 9 | 10);
                    assert_eq!(r.unproven.is_none(), seen, "{}: {:?}", r.name, r.unproven);
                    assert!(report.findings.iter().all(|f| f.code != "metadata-missing"), "{:?}", report.findings);
                }
            }
        }
    }
}
