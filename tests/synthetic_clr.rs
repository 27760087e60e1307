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
use dropheap::synth::clr::{self, Expected, Row, Scenario, SynthLayout, modern};
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
        let row =
            Row { name: r.type_name.to_string(), module: r.module.to_string(), count: r.count, size: r.total_size };
        (r.method_table.0, row)
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
            Err(e) if matches!(*e, dropheap::Error::UnknownRuntime { .. }) => refused += 1,
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
    // A late servicing build has a file version as .NET Core 2 has: then it is read without a `GcDacVars` all the same, and not called proven.
    for (pointer, heaps, build) in [(8, 0, 25211), (4, 0, 25211), (8, 3, 25211), (8, 0, 27618), (4, 2, 27618)] {
        let scenario = Scenario {
            layout: SynthLayout::core1(pointer),
            core: true,
            version: [4, 6, build, 1],
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

/// How a piece was found.
fn how(report: &HeapReport, what: &str) -> Vec<String> {
    report.runtime.evidence.iter().filter(|e| e.what == what).map(|e| e.how.clone()).collect()
}

/// .NET 5's `GcDacVars` ends before the offsets that later ones have, and what lies behind it leads into the module as well.
#[test]
fn the_gcs_variables_come_from_the_runtimes_own_table() {
    for (major, machine) in
        [(5, modern::X64), (5, modern::X86), (6, modern::X86), (7, modern::X64), (10, modern::ARM64)]
    {
        for server_heaps in [0, 2] {
            let report = exact(&Scenario { server_heaps, ..Scenario::net(major, machine) });
            let found = how(&report, "GcDacVars");
            assert!(found.len() == 1 && found[0].contains("the only one of"), "{major}: {found:?}");
        }
    }
}

fn net_11(machine: u16, change: impl Fn(&mut modern::Modern)) -> Scenario {
    let mut scenario = Scenario::net(11, machine);
    change(scenario.modern.as_mut().unwrap());
    scenario
}

/// .NET 11 composes two descriptors: the VM's names the slot in which the GC publishes its own.
#[test]
fn net_11_by_either_source_and_both() {
    use modern::Published;
    let source = [
        (Published::Both, Some("GcDacVars agrees")),
        (Published::Descriptor, Some("no GcDacVars to compare with")),
        (Published::DacVars, None),
    ];
    for (published, said) in source {
        for (machine, heaps) in
            [(modern::X64, 0), (modern::X64, 4), (modern::ARM64, 2), (modern::X86, 0), (modern::X86, 2)]
        {
            let scenario = net_11(machine, |m| m.published = published);
            let report = exact(&Scenario { server_heaps: heaps, ..scenario });
            assert_eq!(how(&report, "GC variables").first().map(String::as_str), said, "{published:?}");
        }
    }
}

/// A `heap_segment` in another order, which only the GC's descriptor can tell.
#[test]
fn net_11_with_moved_fields() {
    for seed in 1..20 {
        for (machine, heaps) in [(modern::X64, 0), (modern::X64, 3), (modern::X86, 2)] {
            let mut scenario = net_11(machine, |m| m.segment_words = [8, 3, 9, 1, 5, 0, 2]);
            scenario.layout.start_segment = scenario.layout.pointer * (3 + seed % 5);
            scenario.layout.allocation_start = scenario.layout.pointer * 9;
            scenario.layout.module_file += scenario.layout.pointer * seed;
            scenario.layout.image_layouts += scenario.layout.pointer * (seed % 3);
            exact(&Scenario { seed, server_heaps: heaps, ..scenario });
        }
    }
}

/// A GC that was moving objects is said, whichever source tells it.
#[test]
fn net_11_inside_a_gc() {
    for published in [modern::Published::Descriptor, modern::Published::DacVars] {
        let scenario = net_11(modern::X64, |m| (m.published, m.structures_invalid) = (published, 1));
        let (report, _) = run(&scenario);
        assert!(report.runtime.gc_in_progress && !report.exact());
        assert!(report.findings.iter().any(|f| f.code == "gc-in-progress"));
    }
}

/// clr.dll and coreclr.dll in one process; both have a heap, that of coreclr is the larger one.
fn mixed() -> (Arc<Vec<u8>>, Vec<Expected>) {
    let framework = Scenario { objects: 20, ..Scenario::framework(8) };
    let core = Scenario { objects: 60, shift: 0x10_0000_0000, seed: 5, ..Scenario::net(8, modern::X64) };
    let (dump, expected) = clr::process(&[framework, core]);
    (Arc::new(dump), expected)
}

fn choose(dump: &Arc<Vec<u8>>, runtime: Option<usize>) -> dropheap::Result<HeapReport> {
    let source: Arc<dyn dropheap::source::ByteSource> = Arc::new(dump.to_vec());
    analyze(source, Options { runtime, ..Options::default() }, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn two_runtimes_in_one_process() {
    let (dump, expected) = mixed();
    let default = choose(&dump, None).unwrap();
    assert_exact(&default, &expected[1]);
    for (number, flavour) in [(0, "framework"), (1, "core")] {
        let report = choose(&dump, Some(number)).unwrap();
        assert_exact(&report, &expected[number]);
        assert_eq!(report.runtime.flavour, flavour);
        let all = &report.runtime.candidates;
        assert_eq!(all.iter().map(|c| (c.number, c.used)).collect::<Vec<_>>(), [(0, number == 0), (1, number == 1)]);
        assert!(all[0].heap_bytes.unwrap() < all[1].heap_bytes.unwrap() && all.iter().all(|c| c.why_not.is_none()));
        let said = report.findings.iter().find(|f| f.code == "several-runtimes").unwrap();
        assert!(said.message.contains(".NET Framework 4.7.3535 (clr.dll at ") && !said.partial, "{}", said.message);
    }
    let dropheap::Error::Usage(why) = *choose(&dump, Some(2)).unwrap_err() else { panic!("there is no third runtime") };
    assert!(why.contains("no runtime number 2") && why.contains("1: .NET 8.0.13 (coreclr.dll at "), "{why}");
}

/// A second coreclr that was loaded and has not started its heap.
#[test]
fn a_runtime_without_a_heap_is_listed_and_refused() {
    let mut idle = Scenario::net(9, modern::X64);
    idle.modern.as_mut().unwrap().idle = true;
    let live = Scenario { shift: 0x10_0000_0000, ..Scenario::net(10, modern::X64) };
    let (dump, expected) = clr::process(&[idle, live]);
    let dump = Arc::new(dump);
    let report = choose(&dump, None).unwrap();
    assert_exact(&report, &expected[1]);
    let other = &report.runtime.candidates[0];
    assert!(!other.used && other.heap_bytes.is_none() && other.why_not.is_some());
    assert!(matches!(*choose(&dump, Some(0)).unwrap_err(), dropheap::Error::UnknownRuntime { .. }));
}

/// The desktop layouts from 4.5 to 4.8: what the sources of each time say. Of 4.8 nobody knows whether its GC has the old order of fields
/// or that of .NET Core 2: both.
#[test]
fn framework_4_5_to_4_8() {
    for pointer in [4, 8] {
        let at = |x64: u64, x86: u64| if pointer == 8 { x64 } else { x86 };
        let first = SynthLayout::framework(pointer);
        let second = SynthLayout {
            generation_size: at(0xF0, 0x88),
            heap_size: at(0x30F8, 0x1A28),
            heap_alloc_allocated: at(0x1FE8, 0x1114),
            heap_table: at(0x1FF8, 0x1120),
            module_dynamic: at(1664, 968),
            ..first.clone()
        };
        let third =
            SynthLayout { heap_alloc_allocated: at(0x1FE0, 0x1110), heap_table: at(0x1FF0, 0x111C), ..second.clone() };
        let core_2 = SynthLayout {
            allocation_segment: at(0x48, 0x30),
            start_segment: at(0x38, 0x28),
            allocation_start: at(0x40, 0x2C),
            heap_size: at(0x3020, 0x19A8),
            heap_alloc_allocated: 0,
            heap_ephemeral: pointer,
            heap_table: at(0x158, 0xB0),
            ..second.clone()
        };
        let builds = [
            ([4, 0, 30319, 18444], &first),
            ([4, 0, 30319, 34209], &first),
            ([4, 6, 1055, 0], &first),
            ([4, 6, 1590, 0], &second),
            ([4, 7, 2053, 0], &second),
            ([4, 7, 3535, 0], &third),
            ([4, 8, 4300, 0], &third),
            ([4, 8, 4645, 0], &core_2),
            ([4, 8, 9032, 0], &core_2),
        ];
        for (version, layout) in builds {
            let shared_reference_arrays = version[1] == 0;
            for (server_heaps, wow64, seed) in
                [(0, false, 3), (0, pointer == 4, 4), (4, false, 5), (1, pointer == 4, 6)]
            {
                let report = exact(&Scenario {
                    layout: layout.clone(),
                    version,
                    shared_reference_arrays,
                    server_heaps,
                    wow64,
                    seed,
                    ..Scenario::framework(pointer)
                });
                assert_eq!(report.runtime.flavour, "framework");
                assert!(report.runtime.unproven.is_some());
            }
        }
    }
}

/// Damaged segments where nothing but their shape tells of them, and where the runtime's tables do: the right answer, a partial one, or none.
#[test]
fn changed_segments_never_give_other_counts_unsaid() {
    let scenarios = [
        Scenario::framework(8),
        Scenario::framework(4),
        Scenario { server_heaps: 3, ..Scenario::framework(8) },
        Scenario { server_heaps: 2, ..Scenario::framework(4) },
        Scenario { server_heaps: 2, ..Scenario::net(5, modern::X64) },
        Scenario::net(6, modern::X86),
        Scenario { server_heaps: 2, ..Scenario::net(7, modern::X64) },
        Scenario::net(10, modern::ARM64),
        net_11(modern::X64, |m| m.published = modern::Published::Descriptor),
    ];
    for scenario in scenarios {
        let synth = scenario.build();
        let bytes = synth.dump;
        let whole = choose(&Arc::new(bytes.clone()), None).unwrap();
        assert_exact(&whole, &synth.expected);
        let regions = dropheap::dump::open(&bytes, "a.dmp").unwrap().regions;
        let p = whole.runtime.pointer_size;
        let offset = |at: u64| regions.find(dropheap::memory::Addr(at)).unwrap().offset as usize;
        let counts = |r: &HeapReport| {
            let mut rows: Vec<_> = r.method_tables.iter().map(|r| (r.method_table, r.count, r.total_size)).collect();
            rows.sort_unstable();
            rows
        };
        let (mut told, mut same) = (0, 0);
        let segments = &whole.heap.segments;
        for (i, segment) in segments.iter().enumerate() {
            let other = segments[(i + 1) % segments.len()].address.0;
            // committed, reserved, mem, flags, next.
            for w in [1, 2, 4, 5, 6] {
                let word = |at: u64| {
                    let mut word = [0; 8];
                    word[..p as usize].copy_from_slice(&bytes[offset(at)..][..p as usize]);
                    u64::from_le_bytes(word)
                };
                let (at, was) = (segment.address.0 + w * p, word(segment.address.0 + w * p));
                let other = if w == 6 { segment.address.0 } else { word(other + w * p) };
                for new in [0, other, was ^ 1 << 4, was ^ 1 << 14, was ^ 1 << 17] {
                    // Without regions nothing tells where the list of large or pinned objects ends.
                    if (w, new) == (6, 0)
                        && whole.runtime.gc_layout == "segments"
                        && ["loh", "poh"].contains(&segment.generation.as_str())
                    {
                        continue;
                    }
                    let mut changed = bytes.clone();
                    changed[offset(at)..][..p as usize].copy_from_slice(&new.to_le_bytes()[..p as usize]);
                    match choose(&Arc::new(changed), None) {
                        Ok(report) if report.exact() => {
                            let name = &report.runtime.name;
                            assert!(
                                counts(&report) == counts(&whole),
                                "{name}: {new:x} for {was:x} at {at:x}, word {w}"
                            );
                            same += 1;
                        }
                        _ => told += 1,
                    }
                }
            }
        }
        assert!(told > 10 && same > 10, "{}: {told} told, {same} the same", whole.runtime.name);
    }
}
