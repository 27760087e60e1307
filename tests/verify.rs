//! `verify`: every invariant holds on every fixture, and each of them breaks when what it speaks of is damaged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod shared;

use dropheap::error::Findings;
use dropheap::heap::lanes;
use dropheap::heap::references::GcDesc;
use dropheap::heap::segments;
use dropheap::heap::walk::{Census, Outcome, Walk};
use dropheap::memory::{Addr, AddressSpace, Memory, PointerSize};
use dropheap::report::{HeapReport, MethodTableRow};
use dropheap::runtime::method_table::MethodTable;
use dropheap::runtime::{self, Runtime, identity};
use dropheap::source::ByteSource;
use dropheap::verify::{Invariant, Verdict, VerifyReport, verify};
use dropheap::{Error, Options, Progress};
use shared::{dumps, evening, unpack};
use std::ops::ControlFlow;
use std::sync::Arc;

fn options() -> Options {
    Options { file_name: "fixture.dmp".into(), ..Options::default() }
}

fn run(bytes: &[u8]) -> Result<VerifyReport, Box<Error>> {
    verify(Arc::new(bytes.to_vec()), options(), &mut |_| ControlFlow::Continue(()))
}

fn invariant<'a>(report: &'a VerifyReport, code: &str) -> &'a Invariant {
    report.invariants.iter().find(|i| i.code == code).unwrap()
}

/// Codes of the invariants that do not hold.
fn not_holding(report: &VerifyReport) -> Vec<&str> {
    report.invariants.iter().filter(|i| i.verdict != Verdict::Holds).map(|i| i.code.as_str()).collect()
}

/// A fixture that may be damaged.
struct Dump {
    bytes: Vec<u8>,
    rt: Runtime,
    heap: HeapReport,
}

impl Dump {
    fn open(set: &str) -> Dump {
        let bytes = evening(set);
        let dump = dropheap::dump::open(&bytes, "fixture.dmp").unwrap();
        let source: Arc<dyn ByteSource> = Arc::new(bytes.clone());
        let mem = AddressSpace::new(Arc::clone(&source), Arc::clone(&dump.regions));
        let module = identity::find(&mem, &dump.modules, None).unwrap().0.remove(0);
        let rt = runtime::locate(&mem, &dump.modules, &module).unwrap();
        let heap = dropheap::analyze(source, options(), &mut |_| ControlFlow::Continue(())).unwrap();
        Dump { bytes, rt, heap }
    }

    fn p(&self) -> u64 {
        self.rt.layout.p()
    }

    fn offset(&self, at: u64) -> usize {
        let dump = dropheap::dump::open(&self.bytes, "fixture.dmp").unwrap();
        dump.regions.find(Addr(at)).expect("address in the dump").offset as usize
    }

    fn word(&self, at: u64) -> u64 {
        let from = self.offset(at);
        let mut word = [0; 8];
        let p = self.p() as usize;
        word[..p].copy_from_slice(&self.bytes[from..from + p]);
        u64::from_le_bytes(word)
    }

    fn set(&mut self, at: u64, word: u64) {
        let (from, p) = (self.offset(at), self.p() as usize);
        self.bytes[from..from + p].copy_from_slice(&word.to_le_bytes()[..p]);
    }

    fn row(&self, name: &str) -> &MethodTableRow {
        self.heap.method_tables.iter().find(|r| r.type_name == name).unwrap_or_else(|| panic!("no {name} on the heap"))
    }

    fn table(&self, name: &str) -> u64 {
        self.row(name).method_table.0
    }

    /// An object of this type.
    fn object(&self, name: &str) -> u64 {
        self.row(name).samples.all().next().unwrap().0
    }

    /// Addresses of the references in an object.
    fn references(&self, name: &str, object: u64) -> Vec<u64> {
        let dump = dropheap::dump::open(&self.bytes, "fixture.dmp").unwrap();
        let mem = AddressSpace::new(&self.bytes, &*dump.regions);
        let table = MethodTable::read(&mem, &self.rt.layout, Addr(self.table(name))).unwrap();
        let desc = GcDesc::read(&mem, &self.rt.layout, &table).unwrap().unwrap();
        let count = u64::from(mem.u32(Addr(object + self.p()), "count").unwrap());
        let size = u64::from(table.base_size) + u64::from(table.component_size().unwrap_or(0)) * count;
        desc.references(size).map(|o| object + o).collect()
    }

    fn verify(&self) -> VerifyReport {
        run(&self.bytes).unwrap()
    }

    fn layout(&self) -> &runtime::layout::MethodTableLayout {
        &self.rt.layout.method_table
    }
}

const SETS: [&str; 5] = ["net10-x64-wks", "net8-x64-wks", "net31-x86-wks", "net21-x64-wks", "net20-x64-wks"];

#[test]
fn everything_holds_on_every_fixture() {
    for (.., path) in dumps() {
        let report = run(&unpack(&path)).unwrap();
        let name = path.display();
        assert_eq!(not_holding(&report), Vec::<&str>::new(), "{name}: {:#?}", report.invariants);
        assert_eq!(report.verdict, Verdict::Holds, "{name}: {:?}", report.findings);
        assert_eq!((report.gc_structures_invalid_cnt, report.invariants.len()), (0, 12), "{name}");
        assert_eq!(report.explained_bytes, report.total_bytes, "{name}");
        assert!(report.invariants.iter().all(|i| i.checked > 0 && i.failed == 0), "{name}: {:#?}", report.invariants);
        // The telemetry alone are 7,800 objects with more references than one.
        let c = report.references;
        assert!(c.method_tables > 150 && c.objects > 10_000 && c.non_null > 60_000, "{name}: {c:?}");
        assert!(c.checked > c.non_null, "{name}: {c:?}");
        assert_eq!((c.broken(), c.unjudged, c.missing, c.skipped_bytes), (0, 0, 0, 0), "{name}: {c:?}");
    }
}

/// Both words of a hash table's entry, fields of classes, arrays: whichever reference is wrong, it is found.
#[test]
fn a_reference_into_an_object() {
    for set in SETS {
        for name in ["System.Object[]", "LeakSim.Telemetry.RequestTelemetry", "System.String[]"] {
            let mut dump = Dump::open(set);
            let slots = dump
                .row(name)
                .samples
                .all()
                .map(|at| at.0)
                .flat_map(|object| dump.references(name, object))
                .collect::<Vec<_>>();
            let slot = *slots.iter().find(|&&slot| dump.word(slot) != 0).unwrap();
            let healthy = dump.verify().references;
            dump.set(slot, dump.word(slot) + dump.p());
            let report = dump.verify();
            assert_eq!(not_holding(&report), ["references"], "{set} {name}");
            assert_eq!(report.verdict, Verdict::Broken, "{set} {name}");
            let broken = invariant(&report, "references");
            assert_eq!((broken.failed, broken.examples.len(), broken.hard), (1, 1, false), "{set} {name}");
            assert!(broken.examples[0].starts_with(name), "{}", broken.examples[0]);
            let c = report.references;
            assert_eq!((c.inside, c.outside), (1, 0), "{set} {name}");
            assert_eq!((c.checked, c.non_null), (healthy.checked, healthy.non_null), "{set} {name}");

            dump.set(slot, 0x10);
            let c = dump.verify().references;
            assert_eq!((c.inside, c.outside), (0, 1), "{set} {name}");
            dump.set(slot, 0);
            let report = dump.verify();
            assert_eq!(report.verdict, Verdict::Holds, "{set} {name}");
            assert_eq!(report.references.non_null, healthy.non_null - 1, "{set} {name}");
        }
    }
}

/// The references of arrays of structures, by the repeated list.
#[test]
fn a_reference_in_an_array_of_structures() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let is_entries = |r: &&MethodTableRow| {
            r.type_name.starts_with("System.Collections.Generic.Dictionary`2+Entry[[System.String, ")
                && r.type_name.ends_with("[]")
        };
        let name = dump.heap.method_tables.iter().find(is_entries).unwrap().type_name.clone();
        let object = dump.object(&name);
        let slots = dump.references(&name, object);
        let length = u64::from(dump.word(object + dump.p()) as u32);
        assert!(length > 2 && slots.len() as u64 >= length, "{set}: {name} of {length} has {slots:?}");
        let slot = *slots.iter().rev().find(|&&s| dump.word(s) != 0).unwrap();
        dump.set(slot, dump.word(slot) + dump.p());
        let report = dump.verify();
        assert_eq!(not_holding(&report), ["references"], "{set} {name}");
        assert_eq!(report.references.inside, 1, "{set} {name}");
    }
}

#[test]
fn an_object_without_a_method_table() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let object = dump.object("LeakSim.Telemetry.RequestTelemetry");
        dump.set(object, 0x1234_5678);
        let report = dump.verify();
        assert_eq!(report.verdict, Verdict::Broken, "{set}");
        let codes = not_holding(&report);
        assert!(codes.contains(&"segments-tile") && codes.contains(&"walk-errors"), "{set}: {codes:?}");
        assert_eq!(invariant(&report, "segments-tile").failed, 1, "{set}");
        // Whoever refers to that object is not accused: the walk of the segment is.
        assert_eq!((report.references.broken(), invariant(&report, "references").verdict), (0, Verdict::Undecided));
        assert!(report.references.unjudged > 0);
    }
}

/// A String taken for an object of another size.
#[test]
fn an_object_with_another_method_table() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let (object, other) = (dump.object("LeakSim.Telemetry.RequestTelemetry"), dump.table("System.String"));
        dump.set(object, other);
        let report = dump.verify();
        assert_eq!(report.verdict, Verdict::Broken, "{set}");
        assert!(!report.invariants.iter().all(|i| !i.hard || i.verdict == Verdict::Holds), "{set}");
    }
}

#[test]
fn a_chain_of_parents_that_ends_elsewhere() {
    for set in SETS {
        // To nothing; to itself, for ever; to another type of the same chain length, which holds.
        let dump = Dump::open(set);
        let table = dump.table("LeakSim.Telemetry.RequestTelemetry");
        for (parent, codes) in [
            (0, &["parent-chains"][..]),
            (table, &["parent-chains"]),
            (table + 8, &["method-tables", "parent-chains"]),
            (dump.rt.known.object.0, &[]),
        ] {
            let mut dump = Dump::open(set);
            dump.set(table + dump.layout().parent, parent);
            let report = dump.verify();
            assert_eq!(not_holding(&report), codes, "{set} {parent:x}");
            if !codes.is_empty() {
                let chains = invariant(&report, "parent-chains");
                // Eight bytes further the words may lead out of a trimmed dump: nothing is decided then.
                let undecided = parent == table + 8 && chains.verdict == Verdict::Undecided;
                assert!(chains.hard && (chains.failed >= 1 || undecided), "{set} {parent:x}: {:?}", chains.examples);
                assert!(
                    undecided || chains.examples.iter().any(|e| e.contains(&format!("{table:x}"))),
                    "{set} {:?}",
                    chains.examples
                );
            }
        }
    }
}

/// The method table of a type without objects, which no walk would look at: a parent.
#[test]
fn a_parent_that_does_not_prove_itself() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let parent = dump.word(dump.table("LeakSim.Telemetry.RequestTelemetry") + dump.layout().parent);
        assert!(dump.heap.method_tables.iter().all(|r| r.method_table.0 != parent), "it is abstract");
        let class = parent + dump.layout().canonical;
        dump.set(class, dump.word(class) + 64);
        let report = dump.verify();
        let codes = not_holding(&report);
        assert_eq!(codes.get(..2), Some(&["method-tables", "parent-chains"][..]), "{set}: {codes:?}");
        // Where the program has an array of the parent, its element has no name.
        assert!(codes[2..].is_empty() || codes[2..] == ["names", "array-elements"], "{set}: {codes:?}");
        assert_eq!(invariant(&report, "method-tables").failed, 1, "{set}");
    }
}

/// A method table whose class does not name it is none: its objects are unexplained bytes.
#[test]
fn a_method_table_that_does_not_prove_itself() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let class = dump.table("LeakSim.Telemetry.RequestTelemetry") + dump.layout().canonical;
        dump.set(class, dump.word(class) + 64);
        let report = dump.verify();
        assert_eq!(report.verdict, Verdict::Broken, "{set}");
        assert!(not_holding(&report).contains(&"segments-tile"), "{set}: {:?}", not_holding(&report));
    }
}

#[test]
fn an_array_of_nothing() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let table = dump.table("LeakSim.Telemetry.RequestTelemetry[]");
        dump.set(table + dump.layout().per_inst_info, dump.rt.module.image.base.0);
        let report = dump.verify();
        let codes = not_holding(&report);
        assert!(codes.contains(&"array-elements") && codes.contains(&"names"), "{set}: {codes:?}");
        assert_eq!(invariant(&report, "array-elements").failed, 1, "{set}");
        assert_eq!(report.verdict, Verdict::Broken, "{set}");
    }
}

/// One type argument more than the metadata say.
#[test]
fn a_generic_type_with_too_many_arguments() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let name = "System.Collections.Generic.List`1[[LeakSim.Telemetry.ITelemetry, LeakSim]]";
        let info = dump.word(dump.table(name) + dump.layout().per_inst_info);
        // GenericsDictInfo { u16 dictionaries, u16 arguments } in front of the dictionaries.
        let at = dump.offset(info - 2);
        assert_eq!(dump.bytes[at..at + 2], [1, 0], "{set}");
        dump.bytes[at] = 0;
        let report = dump.verify();
        // Where the program has an array of these lists, its element has no name either.
        let codes = not_holding(&report);
        assert!(codes == ["names"] || codes == ["names", "array-elements"], "{set}: {codes:?}");
        let names = invariant(&report, "names");
        assert!(names.examples[0].contains("its metadata say 1"), "{}", names.examples[0]);
    }
}

#[test]
fn a_type_of_no_module() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let table = dump.table("LeakSim.Telemetry.RequestTelemetry");
        let field = table + dump.layout().module;
        // 2.1 stores it relative to the field.
        let base = if set.starts_with("net21") { field } else { 0 };
        dump.set(field, dump.rt.known.object.0.wrapping_sub(base));
        let report = dump.verify();
        assert!(not_holding(&report).contains(&"modules"), "{set}: {:?}", not_holding(&report));
        assert_eq!((report.verdict, invariant(&report, "modules").failed), (Verdict::Broken, 1), "{set}");
    }
}

#[test]
fn a_descriptor_of_references_that_is_none() {
    for set in SETS {
        for count in [0, 1 << 20, u64::MAX >> 1] {
            let mut dump = Dump::open(set);
            let table = dump.table("LeakSim.Telemetry.RequestTelemetry");
            dump.set(table - dump.p(), count);
            let report = dump.verify();
            assert_eq!(not_holding(&report), ["gc-descriptors"], "{set} {count:x}");
        }
    }
}

/// References taken from the wrong words: numbers among them lead nowhere.
#[test]
fn a_descriptor_of_other_words() {
    let mut dump = Dump::open("net10-x64-wks");
    let table = dump.table("System.String");
    // The characters of all strings, as if String were an array of references. Not one series fits all strings: a u16 each.
    let flags = dump.word(table);
    dump.set(table, flags | 0x0100_0000);
    let report = dump.verify();
    assert_eq!(report.verdict, Verdict::Broken, "{:?}", not_holding(&report));
    assert_eq!(not_holding(&report), ["gc-descriptors"]);
}

/// The dump without the memory from `from` up to `to`.
fn without(bytes: &[u8], from: u64, to: u64) -> Vec<u8> {
    let dump = dropheap::dump::open(&bytes, "fixture.dmp").unwrap();
    let keep: Vec<(Addr, u64)> = dump
        .regions
        .runs()
        .flat_map(|(start, end)| [(start.0, end.0.min(from)), (start.0.max(to), end.0)])
        .filter(|(start, end)| start < end)
        .map(|(start, end)| (Addr(start), end - start))
        .collect();
    let mut out = Vec::new();
    dropheap::dump::trim::write_trimmed(&bytes, &dump, &keep, &mut out).unwrap();
    out
}

/// Memory that is missing proves nothing against the reading: undecided, never broken.
#[test]
fn a_hole_is_no_fault() {
    for set in SETS {
        let dump = Dump::open(set);
        let whole = dump.verify();
        // In the middle of an object, as a page boundary is.
        let from = (dump.object("LeakSim.Telemetry.RequestTelemetry") & !0xFFF) + 0x1000;
        let report = run(&without(&dump.bytes, from, from + 0x1000)).unwrap();
        assert_eq!(report.verdict, Verdict::Undecided, "{set}: {:#?}", report.invariants);
        let tile = invariant(&report, "segments-tile");
        assert_eq!((tile.failed, tile.verdict), (1, Verdict::Undecided), "{set}");
        assert!(tile.note.as_ref().unwrap().contains("missing"), "{set}");
        assert!(report.references.checked < whole.references.checked, "{set}");
        assert_eq!(report.references.broken(), 0, "{set}: {:?}", report.references);
    }
}

/// The middle of a large array of references is not in the dump: the walk needs no more than its header, but its references are
/// counted as missing.
#[test]
fn references_that_are_missing_are_said() {
    for set in SETS {
        let dump = Dump::open(set);
        let whole = dump.verify().references;
        let row =
            dump.heap.method_tables.iter().filter(|r| r.type_name.ends_with("Object[]")).max_by_key(|r| r.total_size);
        let name = &row.unwrap().type_name;
        let samples = row.unwrap().samples.all().map(|at| at.0);
        let slots = samples.map(|object| dump.references(name, object)).max_by_key(Vec::len).unwrap();
        let from = (slots[0] & !0xFFF) + 0x1000;
        assert!(*slots.last().unwrap() > from + 0x1000, "{set}: {} references in {name}", slots.len());
        let report = run(&without(&dump.bytes, from, from + 0x1000)).unwrap();
        let c = report.references;
        assert_eq!((c.missing, c.checked), (0x1000 / dump.p(), whole.checked - 0x1000 / dump.p()), "{set}");
        assert_eq!(invariant(&report, "references").verdict, Verdict::Undecided, "{set}");
        assert_eq!(invariant(&report, "segments-tile").verdict, Verdict::Holds, "{set}");
        assert_eq!((report.verdict, c.broken()), (Verdict::Undecided, 0), "{set}");
    }
}

/// A terabyte of heap, by its own word: more than object starts may take.
#[test]
fn what_is_too_large_is_not_checked_and_said() {
    for set in ["net8-x64-wks", "net31-x64-wks"] {
        let mut dump = Dump::open(set);
        let whole = dump.verify().references;
        let row = dump.heap.heap.segments.iter().find(|s| s.generation == "loh").unwrap();
        let [at, start] = [row.address.0, row.start.0];
        let fields = dump.rt.layout.segment.clone();
        for field in [fields.reserved, fields.committed, fields.allocated] {
            dump.set(at + field, start + (1 << 40));
        }
        let report = dump.verify();
        let c = report.references;
        assert_eq!((c.skipped_bytes, c.broken()), (1 << 40, 0), "{set}");
        assert!(c.checked < whole.checked && c.unjudged > 0, "{set}: {c:?}");
        assert_eq!(invariant(&report, "references").verdict, Verdict::Undecided, "{set}");
        // Regions lie side by side: one that long covers others.
        let apart = if set == "net8-x64-wks" { Verdict::Broken } else { Verdict::Holds };
        assert_eq!(invariant(&report, "segments-apart").verdict, apart, "{set}");
    }
}

/// `gc_structures_invalid_cnt` by way of GcDacVars.
fn structures_invalid(dump: &Dump) -> u64 {
    let p = dump.p();
    let first = if (4..=8).contains(&dump.word(dump.rt.gc.at.0 + 2 * p)) { 3 } else { 2 };
    dump.word(dump.rt.gc.at.0 + first * p + dump.rt.layout.gc_dac_vars.structures_invalid)
}

#[test]
fn a_dump_taken_in_a_gc_decides_nothing_about_the_heap() {
    for set in SETS {
        let mut dump = Dump::open(set);
        let at = dump.offset(structures_invalid(&dump));
        assert_eq!(dump.bytes[at..at + 4], [0; 4], "{set}");
        dump.bytes[at] = 1;
        let report = dump.verify();
        assert_eq!((report.verdict, report.gc_structures_invalid_cnt), (Verdict::Undecided, 1), "{set}");
        assert_eq!(not_holding(&report), ["quiescent"], "{set}");
        // What a GC does to objects is excused...
        let object = dump.object("LeakSim.Telemetry.RequestTelemetry");
        dump.set(object, 0x1234_5678);
        assert_eq!(dump.verify().verdict, Verdict::Undecided, "{set}");
        // ... what it does not touch is not.
        let table = dump.table("LeakSim.Telemetry.EventTelemetry");
        dump.set(table + dump.layout().parent, table);
        assert_eq!(dump.verify().verdict, Verdict::Broken, "{set}");
    }
}

#[test]
fn verify_can_be_stopped_and_tells_how_far_it_is() {
    let dump = Dump::open("net8-x64-wks");
    let mut last = Progress::default();
    let source = || Arc::new(dump.bytes.clone());
    verify(source(), options(), &mut |p| {
        assert!(p.done >= last.done && p.done <= p.total);
        last = p;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((last.done, last.total), (2 * dump.heap.heap.total_bytes, 2 * dump.heap.heap.total_bytes));
    for stop_at in [1, last.total / 2 + 1] {
        let stopped = verify(source(), options(), &mut |p| match p.done >= stop_at {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        assert_eq!(stopped.unwrap_err().code(), "cancelled");
    }
}

/// Random bytes over the heap and the types: any verdict or error, no panic, no endless loop.
#[test]
fn no_damage_makes_it_panic() {
    let dump = Dump::open("net31-x86-wks");
    let mut random = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let tables: Vec<u64> = dump.heap.method_tables.iter().map(|r| r.method_table.0).collect();
    for round in 0..40 {
        let mut bytes = dump.bytes.clone();
        for _ in 0..20 {
            let table = tables[next() as usize % tables.len()];
            let at = dump.offset(table).wrapping_add(next() as usize % 80).wrapping_sub(40);
            let at = if round % 2 == 0 { at } else { next() as usize % bytes.len() };
            if at < bytes.len() {
                bytes[at] = next() as u8;
            }
        }
        let _ = run(&bytes);
    }
}

/// A thread that finds no segment left gives an empty part; which thread ends first must not matter.
#[test]
fn a_part_that_walked_nothing_loses_nothing() {
    let dump = Dump::open("net31-x86-wks");
    let opened = dropheap::dump::open(&dump.bytes, "fixture.dmp").unwrap();
    let mem = AddressSpace::new(&dump.bytes, &*opened.regions);
    let mut findings = Findings::default();
    let segments = segments::enumerate(&mem, &dump.rt, &mut findings).unwrap();
    let segments: Vec<_> = segments.into_iter().map(Arc::new).collect();
    let all: Vec<usize> = (0..segments.len()).collect();
    let walked = || {
        let mut walk = Walk::new(&segments, &all, &opened.regions, 1 << 20, false);
        let read = |offset, buf: &mut [u8]| dump.bytes.read_at(offset, buf, "heap segment");
        lanes::drive(&mut walk, &mem, &dump.rt, &mut Census::default(), &read, &mut |_| Ok(())).unwrap();
        walk
    };
    let whole = walked().finish().segments;
    assert!(whole.len() > 1 && whole.iter().all(|s| s.objects > 0));
    let nothing = || Walk::new(&segments, &[], &opened.regions, 1 << 20, false);
    for parts in [[nothing(), walked()], [walked(), nothing()]] {
        let mut outcome = Outcome::in_parts(segments.len());
        parts.into_iter().for_each(|part| outcome.merge(part.finish_part()));
        assert_eq!(outcome.segments, whole);
    }
}

/// What verifying reads is in a trimmed dump.
#[test]
fn a_trimmed_dump_verifies_as_the_original() {
    for set in ["net21-x64-wks", "net21-x86-wks", "net10-x64-wks"] {
        let dump = Dump::open(set);
        let source: Arc<dyn ByteSource> = Arc::new(dump.bytes.clone());
        let mut trimmed = Vec::new();
        let go = &mut |_| ControlFlow::Continue(());
        dropheap::trim(source, dropheap::Keep::Graph, options(), &mut trimmed, go).unwrap();
        let (a, b) = (dump.verify(), run(&trimmed).unwrap());
        assert_eq!((a.invariants, a.references, a.verdict), (b.invariants, b.references, b.verdict), "{set}");
    }
}

#[test]
fn the_exit_status_is_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evening.dmp");
    let mut dump = Dump::open("net31-x86-wks");
    let run = |bytes: &[u8], format: &str| {
        std::fs::write(&path, bytes).unwrap();
        let line = ["verify", path.to_str().unwrap(), "--format", format];
        let output = assert_cmd::Command::cargo_bin("dropheap").unwrap().args(line).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, stdout, stderr) = run(&dump.bytes, "table");
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.ends_with("\n12 of 12 invariants hold\n"), "{stdout}");
    assert!(stdout.contains("gc_structures_invalid_cnt 0"), "{stdout}");

    let table = dump.table("LeakSim.Telemetry.EventTelemetry");
    let parent = table + dump.layout().parent;
    let healthy = dump.word(parent);
    dump.set(parent, table);
    let (code, stdout, _) = run(&dump.bytes, "table");
    assert_eq!(code, Some(1), "{stdout}");
    assert!(stdout.contains("\nparent-chains BROKEN\n"), "{stdout}");
    assert!(stdout.ends_with("\n11 of 12 invariants hold\n"), "{stdout}");
    dump.set(parent, healthy);

    let at = dump.offset(structures_invalid(&dump));
    dump.bytes[at] = 1;
    let (code, stdout, stderr) = run(&dump.bytes, "json");
    assert_eq!(code, Some(3), "{stdout}");
    assert!(stderr.contains("[gc-in-progress]"), "{stderr}");
    let report: VerifyReport = serde_json::from_str(&stdout).unwrap();
    assert_eq!((report.schema.as_str(), report.verdict), ("dropheap.verify/1", Verdict::Undecided));
    assert_eq!(report.runtime.pointer_size, 4);
    assert!(matches!(dump.rt.layout.pointer, PointerSize::Four));
}
