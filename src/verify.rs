//! The oracle inside: what must be true of every heap that was understood, checked on one dump without any other tool.
//!
//! The walk itself proves little by little; here its result is held against what it did not use: chains of parents, metadata, the
//! references in the objects. A hard invariant that is broken means that dropheap misread the heap or that the dump is damaged; what
//! cannot be decided (memory that is missing, a GC in progress) is never called broken.

use crate::analysis::{self, Analysis, Located, MAX_THREADS, Options, Progress, walk_all};
use crate::dump::regions::Regions;
use crate::error::{Error, Finding, Findings, Result};
use crate::heap::references::GcDesc;
use crate::heap::segments::{Generation, Segment};
use crate::heap::starts::{self, Starts};
use crate::heap::walk::Outcome;
use crate::image::pe::PeImage;
use crate::limits;
use crate::memory::{Addr, AddressSpace, Memory, PointerSize};
use crate::modules::Modules;
use crate::names::Names;
use crate::printing::{shown, spoken};
use crate::report::{Cell, DumpFacts, RuntimeFacts};
use crate::runtime::Runtime;
use crate::runtime::method_table::MethodTable;
use crate::source::ByteSource;
use crate::stats;
use crate::types::Types;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

/// Schema name of [`VerifyReport`].
pub const VERIFY_SCHEMA: &str = "dropheap.verify/1";

/// What `dropheap verify` prints. The rules of [`crate::report`] hold for it; it has no command line of the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// [`VERIFY_SCHEMA`].
    pub schema: String,
    /// Version of dropheap.
    pub tool_version: String,
    /// The file and the process; `command_line` is always `null`.
    pub dump: DumpFacts,
    /// The CLR.
    pub runtime: RuntimeFacts,
    /// Of all invariants: `broken` if one is, else `undecided` if one is or the dump is partial, else `holds`.
    pub verdict: Verdict,
    /// `gc_structures_invalid_cnt`: not 0 while a GC moves objects.
    pub gc_structures_invalid_cnt: u32,
    /// True while a background GC runs beside the program (`current_c_gc_state`); `null` if that is not known.
    pub background_gc: Option<bool>,
    /// Bytes explained by object headers and proven gaps.
    pub explained_bytes: u64,
    /// Bytes from the first object to each segment's end.
    pub total_bytes: u64,
    /// Objects, Free included.
    pub objects: u64,
    /// The invariants, in a fixed order.
    pub invariants: Vec<Invariant>,
    /// What was counted for the invariant `references`.
    pub references: ReferenceCounts,
    /// What else the reader should know.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// How many invariants hold.
    pub fn holding(&self) -> usize {
        self.invariants.iter().filter(|i| i.verdict == Verdict::Holds).count()
    }
}

/// What became of an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Checked as far as it reaches, and true.
    Holds,
    /// Not true.
    Broken,
    /// Not true, or not checked whole, for a reason outside the reading of the heap: memory is missing, a GC was moving objects.
    Undecided,
}

/// Something that must be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invariant {
    /// A stable kebab-case name.
    pub code: String,
    /// What must be true.
    pub statement: String,
    /// True if it must hold on every complete dump that was not taken in a GC; `references` must on a quiescent one alone.
    pub hard: bool,
    /// Whether it is.
    pub verdict: Verdict,
    /// How many things were checked.
    pub checked: u64,
    /// For how many of them it is not true.
    pub failed: u64,
    /// Why it is undecided, or what the counts leave out.
    pub note: Option<String>,
    /// The first failures, a sentence each.
    pub examples: Vec<String>,
}

/// References by what they point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReferenceCounts {
    /// Method tables whose objects hold references.
    pub method_tables: u64,
    /// Their objects.
    pub objects: u64,
    /// References read.
    pub checked: u64,
    /// Of them not null.
    pub non_null: u64,
    /// Broken: into a segment, but not to the start of an object.
    pub inside: u64,
    /// Broken: outside all segments.
    pub outside: u64,
    /// Not judged: to a place in a segment where no object was found, but that segment was not walked exactly or not marked.
    pub unjudged: u64,
    /// Not read: their memory is not in the dump.
    pub missing: u64,
    /// Not read: bytes of segments beyond [`limits::STARTS`].
    pub skipped_bytes: u64,
}

impl ReferenceCounts {
    /// References that are neither null nor to an object.
    pub fn broken(&self) -> u64 {
        self.inside.saturating_add(self.outside)
    }

    fn plus(self, other: ReferenceCounts) -> ReferenceCounts {
        ReferenceCounts {
            method_tables: self.method_tables.saturating_add(other.method_tables),
            objects: self.objects.saturating_add(other.objects),
            checked: self.checked.saturating_add(other.checked),
            non_null: self.non_null.saturating_add(other.non_null),
            inside: self.inside.saturating_add(other.inside),
            outside: self.outside.saturating_add(other.outside),
            unjudged: self.unjudged.saturating_add(other.unjudged),
            missing: self.missing.saturating_add(other.missing),
            skipped_bytes: self.skipped_bytes.saturating_add(other.skipped_bytes),
        }
    }
}

/// Steps to System.Object.
const MAX_PARENTS: usize = 64;
/// Failures of one invariant that are told one by one.
const EXAMPLES: usize = 5;
/// Bytes of heap that one thread takes at a time.
const SHARE: u64 = 64 << 20;

/// Walks the heap, then reads every reference of every object, and holds the result against the invariants.
///
/// # Errors
/// What the analysis reports: a heap that cannot be found has nothing to verify. [`Error::Cancelled`] if `progress` breaks.
pub fn verify(
    source: Arc<dyn ByteSource>,
    options: Options,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<VerifyReport> {
    let analysis = analysis::open(source, options, progress)?;
    let mut located = analysis.locate_with(&analysis.space)?;
    let (mem, rt) = (&analysis.space, Arc::clone(&located.runtime));
    let marked = starts::affordable(located.segments.iter().map(|s| &**s), rt.layout.pointer);
    // The heap is read twice.
    let twice =
        |p: Progress, before: u64| Progress { done: before.saturating_add(p.done), total: p.total.saturating_mul(2) };
    let mut outcome = walk_all(&analysis, &located, &marked, &mut |p| progress(twice(p, 0)))?;

    let walk_findings = std::mem::take(&mut outcome.findings);
    let background_gc = background_gc(mem, &rt);
    let heap = Heap {
        rt: &rt,
        segments: &located.segments,
        outcome: &outcome,
        in_gc: rt.gc.structures_invalid != 0,
        background_gc: background_gc == Some(true),
        holes: located.segments.iter().any(|s| has_hole(mem, s)),
    };
    let mut evidence = std::mem::take(&mut located.facts.evidence);
    let rows = stats::Met::of(mem, &rt, &outcome);
    let modules = Modules::calibrate(mem, &rt, rows.tables(), &mut evidence);
    let mut types = Types::new(mem, &rt, &analysis.dump, &modules, &mut evidence);
    located.facts.evidence = evidence;
    let mut names = Names::new(mem, &rt, modules);
    let mut name_findings = Findings::default();
    let rows =
        stats::fold(&outcome, rows, &located.segments, rt.known.free, &mut names, &mut types, &mut name_findings);
    let met = heap.met(mem);
    let mut tables = Tables::new(mem, &rt);

    let mut invariants = vec![
        heap.quiescent(),
        heap.segments_apart(),
        heap.segments_tile(),
        heap.walk_errors(&walk_findings),
        tables.prove_themselves(&met),
        tables.parent_chains(&met),
        modules_proven(&analysis, &rt, &met, &mut names),
        names_resolve(&met, &mut names),
        tables.array_elements(&met, &mut names),
    ];
    let (holders, descriptors) = descriptors(mem, &rt, &met);
    invariants.push(descriptors);
    invariants.push(heap.sums(&rows));
    let checker = Checker::new(&analysis, &located, &outcome, &holders);
    let total = rows.heap.total_bytes;
    let found = checker.run(&mut |done| progress(twice(Progress { done: done.min(total), total }, total)))?;
    invariants.push(heap.references(&found, &mut names));

    let mut findings = analysis.findings.clone();
    findings.merge(located.findings);
    findings.merge(walk_findings);
    findings.merge(name_findings);
    let any = |verdict| invariants.iter().any(|i| i.verdict == verdict);
    let verdict = if any(Verdict::Broken) {
        Verdict::Broken
    } else if any(Verdict::Undecided) || findings.partial() {
        Verdict::Undecided
    } else {
        Verdict::Holds
    };
    if let Some(sentence) = &mut located.facts.unproven {
        let held = invariants.iter().filter(|i| i.verdict == Verdict::Holds).count();
        sentence.push_str(&format!("; {held} of {} invariants hold", invariants.len()));
    }
    let mut dump = analysis.dump.facts.clone();
    dump.redact();
    Ok(VerifyReport {
        schema: VERIFY_SCHEMA.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        dump,
        runtime: located.facts,
        verdict,
        gc_structures_invalid_cnt: rt.gc.structures_invalid,
        background_gc,
        explained_bytes: rows.heap.explained_bytes,
        total_bytes: rows.heap.total_bytes,
        objects: rows.heap.objects,
        invariants,
        references: found.counts,
        findings: findings.into_vec(),
    })
}

/// `current_c_gc_state` (gcpriv.h: marking 0, planning 1, free 2): in every version the entry in front of `ephemeral_heap_segment`
/// (gcinterface.dacvars.def).
fn background_gc(mem: &dyn Memory, rt: &Runtime) -> Option<bool> {
    const WHAT: &str = "current_c_gc_state";
    let p = rt.layout.p();
    let word = |i: u64| mem.ptr(rt.gc.at.plus(i.wrapping_mul(p)), rt.layout.pointer, "GcDacVars").ok();
    // As in the search for GcDacVars: total_generation_count came with .NET 5.
    let first = if (4..=8).contains(&word(2)?.0) { 3 } else { 2 };
    let entries = rt.gc.at.plus(p.wrapping_mul(first));
    let entry = entries.plus(rt.layout.gc_dac_vars.ephemeral_heap_segment).minus(p);
    let state = mem.ptr(entry, rt.layout.pointer, WHAT).ok().filter(|a| !a.is_null())?;
    match mem.u32(state, WHAT).ok()? {
        0 | 1 => Some(true),
        2 => Some(false),
        _ => None,
    }
}

fn has_hole(mem: &dyn Memory, segment: &Segment) -> bool {
    mem.run(segment.start) < segment.end.since(segment.start)
}

/// An invariant under check.
struct Check {
    invariant: Invariant,
}

impl Check {
    fn hard(code: &str, statement: &str) -> Check {
        Check {
            invariant: Invariant {
                code: code.to_owned(),
                statement: statement.to_owned(),
                hard: true,
                verdict: Verdict::Holds,
                checked: 0,
                failed: 0,
                note: None,
                examples: Vec::new(),
            },
        }
    }

    fn soft(code: &str, statement: &str) -> Check {
        let mut check = Check::hard(code, statement);
        check.invariant.hard = false;
        check
    }

    /// One more thing was looked at.
    fn that(&mut self, holds: bool, example: impl FnOnce() -> String) {
        self.invariant.checked = self.invariant.checked.saturating_add(1);
        if !holds {
            self.invariant.failed = self.invariant.failed.saturating_add(1);
            self.invariant.verdict = Verdict::Broken;
            if self.invariant.examples.len() < EXAMPLES {
                self.invariant.examples.push(example());
            }
        }
    }

    /// It cannot be decided, at least not whole.
    fn undecided(&mut self, note: String) {
        if self.invariant.verdict == Verdict::Holds {
            self.invariant.verdict = Verdict::Undecided;
        }
        self.invariant.note.get_or_insert(note);
    }

    /// Failures are no fault of the reading, if there is a reason.
    fn excuse(&mut self, reason: Option<&str>) {
        if let (Verdict::Broken, Some(reason)) = (self.invariant.verdict, reason) {
            self.invariant.verdict = Verdict::Undecided;
            self.invariant.note = Some(reason.to_owned());
        }
    }

    fn done(self) -> Invariant {
        self.invariant
    }
}

const MOVING: &str = "a GC was moving objects when the dump was taken";
const MISSING: &str = "memory of the heap is missing from the dump";

/// The walked heap.
struct Heap<'a> {
    rt: &'a Runtime,
    segments: &'a [Arc<Segment>],
    outcome: &'a Outcome,
    in_gc: bool,
    background_gc: bool,
    /// Memory of a segment is missing.
    holes: bool,
}

impl Heap<'_> {
    /// Method tables of objects, Free included.
    fn met(&self, mem: &dyn Memory) -> Vec<MethodTable> {
        let occurs = |i: usize| self.outcome.census.tallies.of(i).iter().any(Option::is_some);
        let tables = self.outcome.census.tables.tables(mem, self.rt);
        tables.into_iter().enumerate().filter(|(i, _)| occurs(*i)).map(|(_, t)| t).collect()
    }

    fn excuse(&self) -> Option<&'static str> {
        if self.in_gc {
            Some(MOVING)
        } else if self.holes {
            Some(MISSING)
        } else {
            None
        }
    }

    fn quiescent(&self) -> Invariant {
        let mut check = Check::soft("quiescent", "no GC was moving objects (gc_structures_invalid_cnt is 0)");
        let count = self.rt.gc.structures_invalid;
        check.that(count == 0, || format!("gc_structures_invalid_cnt is {count}"));
        check.excuse(self.excuse());
        check.done()
    }

    fn segments_apart(&self) -> Invariant {
        let mut check = Check::hard("segments-apart", "no two segments share an address");
        let mut sorted: Vec<&Arc<Segment>> = self.segments.iter().filter(|s| s.end > s.start).collect();
        sorted.sort_by_key(|s| s.start);
        let mut end = Addr::NULL;
        for s in sorted {
            check.that(s.start >= end, || {
                format!("segment {} begins at {}, in front of {end}, where another one ends", s.address, s.start)
            });
            end = end.max(s.end);
        }
        check.done()
    }

    fn segments_tile(&self) -> Invariant {
        let mut check =
            Check::hard("segments-tile", "every byte of every segment is an object or a proven gap, to its exact end");
        for (s, r) in self.segments.iter().zip(&self.outcome.segments) {
            let bytes = s.end.since(s.start);
            check.that(r.explained == bytes, || {
                format!(
                    "segment {}: {} of {bytes} bytes from {} to {} are explained",
                    s.address, r.explained, s.start, s.end
                )
            });
        }
        check.excuse(self.excuse());
        check.done()
    }

    fn walk_errors(&self, findings: &Findings) -> Invariant {
        let mut check = Check::hard("walk-errors", "the walk met nothing that it could not explain");
        let mut objects = 0u64;
        for r in &self.outcome.segments {
            objects = objects.saturating_add(r.objects);
        }
        for f in findings.as_slice().iter().filter(|f| f.partial) {
            check.that(false, || format!("{} ({}x): {}", f.code, f.count, f.message));
            check.invariant.failed = check.invariant.failed.saturating_add(f.count.saturating_sub(1));
        }
        check.invariant.checked = objects;
        check.excuse(self.excuse());
        check.done()
    }

    /// The same objects, counted in several ways.
    fn sums(&self, rows: &stats::Rows) -> Invariant {
        let mut check =
            Check::hard("sums", "generations, segments and method tables add up to the same objects and bytes");
        let mut same =
            |what: String, a: Cell, b: Cell| check.that(a == b, || format!("{what}: {} and {}", text(a), text(b)));
        let total = Cell { count: rows.heap.objects, size: rows.heap.size, aligned_size: rows.heap.aligned_size };
        let sum = |cells: &mut dyn Iterator<Item = Cell>| cells.fold(Cell::default(), Cell::plus);
        let generations = sum(&mut rows.heap.generations.iter().copied());
        same("the total and all generations".into(), total, generations);
        let tables = sum(&mut rows.method_tables.iter().map(|r| Cell {
            count: r.count,
            size: r.total_size,
            aligned_size: r.aligned_size,
        }));
        same("the total and all method tables".into(), total, tables);
        let types = sum(&mut rows.types.iter().map(|r| Cell {
            count: r.count,
            size: r.total_size,
            aligned_size: r.aligned_size,
        }));
        same("the total and all types with Free".into(), total, types.plus(rows.heap.free));

        // By generation, where a segment belongs to one; gen0, gen1 and gen2 together where a segment holds them all.
        let of_segments = self.segments.iter().zip(&self.outcome.segments).map(|(s, r)| {
            let cell = Cell { count: r.objects, size: r.size, aligned_size: r.explained.saturating_sub(r.gaps) };
            (s, cell)
        });
        let mixed = self.segments.iter().any(|s| s.parts.len() > 1);
        let class = |g: Generation| match g {
            Generation::Gen0 | Generation::Gen1 | Generation::Gen2 if mixed => Generation::Gen2.index(),
            other => other.index(),
        };
        let mut by_segment = [Cell::default(); 6];
        for (s, cell) in of_segments {
            if let Some(sum) = by_segment.get_mut(class(s.generation())) {
                *sum = sum.plus(cell);
            }
        }
        let mut by_generation = [Cell::default(); 6];
        let all = [
            Generation::Gen0,
            Generation::Gen1,
            Generation::Gen2,
            Generation::Loh,
            Generation::Poh,
            Generation::Frozen,
        ];
        for (generation, cell) in all.into_iter().zip(&rows.heap.generations) {
            if let Some(sum) = by_generation.get_mut(class(generation)) {
                *sum = sum.plus(*cell);
            }
        }
        for ((generation, a), b) in all.into_iter().zip(by_generation).zip(by_segment) {
            same(format!("{} by generation and by segment", generation.name()), a, b);
        }
        for (number, starts) in &self.outcome.starts {
            let (marked, counted) = (starts.count(), self.outcome.segments.get(*number).map_or(0, |r| r.objects));
            check.that(marked == counted, || {
                format!("segment number {number}: {marked} objects start in it, {counted} were counted")
            });
        }
        check.done()
    }

    fn references(&self, found: &Found, names: &mut Names<'_>) -> Invariant {
        let mut check = Check::soft(
            "references",
            "every reference in every object is null or points at the start of an object (on a quiescent heap)",
        );
        let c = &found.counts;
        check.invariant.checked = c.checked;
        check.invariant.failed = c.broken();
        if c.broken() > 0 {
            check.invariant.verdict = Verdict::Broken;
            for b in &found.broken {
                let name = names.name(b.table, &mut Findings::default());
                let place = if b.outside { "outside the heap" } else { "where no object starts" };
                check.invariant.examples.push(format!(
                    "{} at {} points at offset {} to {}, {place}",
                    name.classic, b.object, b.offset, b.value
                ));
            }
        }
        check.excuse(self.excuse());
        if self.background_gc {
            check
                .excuse(Some("a background GC was running: dead objects it has not swept yet may point to swept ones"));
        }
        let left = [
            (c.unjudged, "references lead to places in segments that were not walked exactly"),
            (c.missing, "references are missing from the dump"),
            (c.skipped_bytes, "bytes of the heap were not checked: it is larger than what object starts may take"),
        ];
        for (count, what) in left.into_iter().filter(|l| l.0 > 0) {
            check.undecided(format!("{count} {what}"));
        }
        check.done()
    }
}

fn text(c: Cell) -> String {
    format!("{} objects of {} bytes ({} aligned)", c.count, c.size, c.aligned_size)
}

/// What was found at the address of a method table.
#[derive(Debug, Clone, Copy)]
enum Proof {
    /// One that proves itself.
    Table(MethodTable),
    /// Something else.
    Refuted,
    /// Its memory or that of its class is not in the dump.
    Missing,
}

/// Method tables, proven once each: those of objects and those that they lead to.
pub(crate) struct Tables<'a> {
    mem: &'a dyn Memory,
    rt: &'a Runtime,
    known: FxHashMap<Addr, Proof>,
}

/// Where a chain of parents leads.
enum Chain {
    Object,
    Elsewhere(String),
    Missing,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(mem: &'a dyn Memory, rt: &'a Runtime) -> Tables<'a> {
        Tables { mem, rt, known: FxHashMap::default() }
    }

    fn get(&mut self, at: Addr) -> Proof {
        if let Some(known) = self.known.get(&at) {
            return *known;
        }
        let proof = match self.prove(at) {
            Ok(Some(table)) => Proof::Table(table),
            Ok(None) => Proof::Refuted,
            Err(_) => Proof::Missing,
        };
        if self.known.len() < limits::MAX_METHOD_TABLES {
            self.known.insert(at, proof);
        }
        proof
    }

    fn prove(&self, at: Addr) -> Result<Option<MethodTable>> {
        let l = &self.rt.layout;
        if at.is_null() || at.0.checked_rem(l.p()) != Some(0) {
            return Ok(None);
        }
        let table = MethodTable::read(self.mem, l, at)?;
        Ok(table.self_reference(self.mem, l, self.rt.back_pointer)?.then_some(table))
    }

    /// Those of objects again, and the canonical ones, parents and element types that they name.
    pub(crate) fn prove_themselves(&mut self, met: &[MethodTable]) -> Invariant {
        let mut check = Check::hard(
            "method-tables",
            "every method table, those of parents and elements included, is named by its class, and its tag leads to a canonical one",
        );
        let l = &self.rt.layout;
        let mut missing = 0u64;
        let mut todo: Vec<(Addr, Addr)> = met.iter().map(|t| (t.at, t.at)).collect();
        let mut seen: FxHashSet<Addr> = todo.iter().map(|t| t.0).collect();
        while let Some((at, by)) = todo.pop() {
            // The method table of Free has no class.
            if at == self.rt.known.free {
                continue;
            }
            let table = match self.get(at) {
                Proof::Table(table) => table,
                Proof::Refuted => {
                    check.that(false, || format!("{at}, named by method table {by}, does not prove itself"));
                    continue;
                }
                Proof::Missing => {
                    missing = missing.saturating_add(1);
                    continue;
                }
            };
            let canonical = table.canonical_table(self.mem, l).ok();
            match canonical.map(|c| self.get(c)) {
                // A canonical method table is its own: tag 0.
                Some(Proof::Table(c)) => check.that(c.canonical.0 & 3 == 0, || {
                    format!("{}, the canonical method table of {at}, has another one", c.at)
                }),
                Some(Proof::Refuted) => {
                    check.that(false, || format!("the canonical method table of {at} does not prove itself"));
                }
                Some(Proof::Missing) | None => missing = missing.saturating_add(1),
            }
            let parent = table.parent_table(self.mem, l).ok().filter(|p| !p.is_null());
            let element = table.per_inst_info;
            let element = (table.is_array() && element.0 & 3 == 0).then_some(element);
            for next in [canonical, parent, element].into_iter().flatten() {
                if seen.len() < limits::MAX_METHOD_TABLES && seen.insert(next) {
                    todo.push((next, at));
                }
            }
        }
        if missing > 0 {
            check.undecided(format!("{missing} method tables or their classes are not in the dump"));
        }
        check.done()
    }

    pub(crate) fn parent_chains(&mut self, met: &[MethodTable]) -> Invariant {
        let mut check = Check::hard("parent-chains", "every chain of parents ends at System.Object within 64 steps");
        let mut missing = 0u64;
        for table in met.iter().filter(|t| t.at != self.rt.known.free) {
            match self.chain(table) {
                Chain::Object => check.that(true, String::new),
                Chain::Elsewhere(why) => check.that(false, || format!("method table {}: {why}", table.at)),
                Chain::Missing => missing = missing.saturating_add(1),
            }
        }
        if missing > 0 {
            check.undecided(format!("{missing} chains lead to method tables that are not in the dump"));
        }
        check.done()
    }

    fn chain(&mut self, table: &MethodTable) -> Chain {
        let mut at = *table;
        for _ in 0..MAX_PARENTS {
            let Ok(parent) = at.parent_table(self.mem, &self.rt.layout) else { return Chain::Missing };
            if at.at == self.rt.known.object {
                return match parent.is_null() {
                    true => Chain::Object,
                    false => Chain::Elsewhere(format!("System.Object has a parent, {parent}")),
                };
            }
            if parent.is_null() {
                return Chain::Elsewhere(format!("its chain of parents ends at {}", at.at));
            }
            at = match self.get(parent) {
                Proof::Table(table) => table,
                Proof::Refuted => {
                    return Chain::Elsewhere(format!("{parent}, the parent of {}, is no method table", at.at));
                }
                Proof::Missing => return Chain::Missing,
            };
        }
        Chain::Elsewhere("its chain of parents does not end".into())
    }

    /// An element is a method table or a TypeDesc that has a name, as has everything that it is made of.
    fn array_elements(&mut self, met: &[MethodTable], names: &mut Names<'_>) -> Invariant {
        let mut check = Check::hard("array-elements", "the element type of every array resolves");
        for table in met.iter().filter(|t| t.is_array()) {
            let handle = table.per_inst_info;
            let missing = names.tokens;
            let named = named(names, table.at).is_ok() || names.tokens > missing;
            let holds = named && (handle.0 & 3 != 0 || matches!(self.get(handle), Proof::Table(_)));
            check.that(holds, || format!("array {}: {handle} is no type", table.at));
        }
        check.done()
    }
}

/// The name, or why there is none.
fn named(names: &mut Names<'_>, at: Addr) -> Result<(), String> {
    let mut findings = Findings::default();
    names.name(at, &mut findings);
    match findings.into_vec().pop() {
        None => Ok(()),
        Some(finding) => Err(finding.message),
    }
}

fn names_resolve(met: &[MethodTable], names: &mut Names<'_>) -> Invariant {
    let mut check = Check::hard(
        "names",
        "every type has a name, with as many type arguments as its metadata say, where metadata are in the dump",
    );
    let mut without = 0u64;
    for table in met {
        let missing = names.tokens;
        let name = named(names, table.at);
        if names.tokens > missing {
            without = without.saturating_add(1);
            continue;
        }
        check.that(name.is_ok(), || name.err().unwrap_or_default());
    }
    if without > 0 {
        check.undecided(format!("{without} method tables belong to modules without metadata in the dump"));
    }
    check.done()
}

fn modules_proven(analysis: &Analysis, rt: &Runtime, met: &[MethodTable], names: &mut Names<'_>) -> Invariant {
    let mut check = Check::hard("modules", "every module of a type on the heap is proven with its metadata");
    let mem = &analysis.space;
    let mut all: Vec<Addr> =
        met.iter().filter(|t| t.at != rt.known.free && !t.is_array()).map(|t| names.modules.module_of(t)).collect();
    all.sort_unstable();
    all.dedup();
    let mut unproven = 0u64;
    for at in all {
        let Ok(vtable) = mem.ptr(at, rt.layout.pointer, "vtable of a Module") else {
            unproven = unproven.saturating_add(1);
            continue;
        };
        let is_module = rt.module.image.contains(vtable);
        let info = names.modules.info(at);
        // Metadata that are there must be found; those that are not cannot be.
        let is_there = || {
            let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_ascii_lowercase();
            let wanted = info.simple_name.to_ascii_lowercase();
            let mut images = analysis.dump.modules.iter().filter(|m| stem(m.name()) == wanted);
            images.any(|m| PeImage::open(mem, m.base).and_then(|i| i.metadata(mem)).is_ok_and(|m| m.is_some()))
        };
        if is_module && info.metadata.is_none() && !is_there() {
            unproven = unproven.saturating_add(1);
            continue;
        }
        check.that(is_module && info.metadata.is_some(), || match is_module {
            true => format!("module {at} ({}) is not proven, though its metadata are in the dump", info.simple_name),
            false => format!("{at} is no module"),
        });
    }
    if unproven > 0 {
        check.undecided(format!("{unproven} modules or their metadata are not in the dump"));
    }
    check.done()
}

/// What the second pass needs of a method table whose objects hold references.
struct Holder {
    base_size: u64,
    component_size: u64,
    desc: GcDesc,
}

type Holders = FxHashMap<u64, Holder>;

fn descriptors(mem: &dyn Memory, rt: &Runtime, met: &[MethodTable]) -> (Holders, Invariant) {
    let mut check =
        Check::hard("gc-descriptors", "every GCDesc describes words inside the objects of its method table, each once");
    let mut holders = Holders::default();
    let mut series = 0usize;
    for table in met {
        match GcDesc::read(mem, &rt.layout, table) {
            Ok(None) => {}
            Ok(Some(desc)) => {
                check.that(true, String::new);
                series = series.saturating_add(desc.series());
                if series > limits::MAX_GC_SERIES_TOTAL {
                    check.undecided(format!("more than {} series of references", limits::MAX_GC_SERIES_TOTAL));
                    break;
                }
                let component_size = u64::from(table.component_size().unwrap_or(0));
                holders.insert(table.at.0, Holder { base_size: u64::from(table.base_size), component_size, desc });
            }
            Err(e) if matches!(*e, Error::Unreadable { .. }) => check.undecided(e.to_string()),
            Err(e) => check.that(false, || e.to_string()),
        }
    }
    (holders, check.done())
}

/// A reference that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct BrokenReference {
    object: Addr,
    offset: u64,
    value: Addr,
    table: Addr,
    outside: bool,
}

/// What the second pass found.
#[derive(Debug, Default)]
struct Found {
    counts: ReferenceCounts,
    /// Those with the lowest addresses.
    broken: Vec<BrokenReference>,
}

impl Found {
    fn merge(&mut self, other: Found) {
        self.counts = self.counts.plus(other.counts);
        self.broken.extend(other.broken);
        self.broken.sort_unstable();
        self.broken.truncate(EXAMPLES);
    }
}

/// A segment as the target of references.
struct Target<'a> {
    start: u64,
    end: u64,
    starts: Option<&'a Starts>,
    /// Where no start is, none should be.
    exact: bool,
}

/// The second pass: every reference of every object.
struct Checker<'a> {
    source: &'a Arc<dyn ByteSource>,
    regions: &'a Arc<Regions>,
    rt: &'a Runtime,
    holders: &'a Holders,
    /// Ascending.
    targets: Vec<Target<'a>>,
    /// (starts, from, to) in the order of addresses.
    shares: Vec<(&'a Starts, Addr, Addr)>,
    skipped_bytes: u64,
}

impl<'a> Checker<'a> {
    fn new(analysis: &'a Analysis, located: &'a Located, outcome: &'a Outcome, holders: &'a Holders) -> Checker<'a> {
        let by_number: FxHashMap<usize, &Starts> = outcome.starts.iter().map(|(n, s)| (*n, s)).collect();
        let mut targets = Vec::new();
        let mut shares = Vec::new();
        let mut skipped_bytes = 0u64;
        for (number, (s, r)) in located.segments.iter().zip(&outcome.segments).enumerate() {
            let starts = by_number.get(&number).copied();
            let exact = starts.is_some() && r.explained == s.end.since(s.start);
            targets.push(Target { start: s.start.0, end: s.end.0, starts, exact });
            let Some(starts) = starts else {
                skipped_bytes = skipped_bytes.saturating_add(s.end.since(s.start));
                continue;
            };
            let mut at = s.start;
            while at < s.end {
                let to = Addr(at.0.saturating_add(SHARE)).min(s.end);
                shares.push((starts, at, to));
                at = to;
            }
        }
        targets.sort_by_key(|t| t.start);
        shares.sort_by_key(|s| s.1);
        Checker {
            source: &analysis.source,
            regions: &analysis.dump.regions,
            rt: &located.runtime,
            holders,
            targets,
            shares,
            skipped_bytes,
        }
    }

    /// On as many threads as there are processors; `progress` gets the bytes of heap done.
    fn run(&self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<Found> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(MAX_THREADS).min(self.shares.len()).min(self.source.readers()).max(1);
        let queue = Mutex::new(self.shares.iter());
        let stop = AtomicBool::new(false);
        let (sender, receiver) = mpsc::channel::<u64>();
        let mut found = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let (sender, queue, stop) = (sender.clone(), &queue, &stop);
                    scope.spawn(move || -> Result<Found> {
                        let mut pass = Pass::new(self);
                        while let Some(&(starts, from, to)) = queue.lock().map_or(None, |mut q| q.next()) {
                            if stop.load(Ordering::Relaxed) {
                                return Err(Error::Cancelled.into());
                            }
                            pass.share(starts, from, to)?;
                            // A receiver that is gone has stopped us.
                            let _ = sender.send(to.since(from));
                        }
                        Ok(pass.found)
                    })
                })
                .collect();
            drop(sender);
            let mut done = 0u64;
            for bytes in receiver {
                done = done.saturating_add(bytes);
                if progress(done).is_break() {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            let mut all = Found::default();
            for worker in workers {
                let part = worker.join().map_err(|_| Error::Damaged {
                    what: "the check of references".into(),
                    detail: "a thread of it failed".into(),
                })??;
                all.merge(part);
            }
            if stop.load(Ordering::Relaxed) { Err(Box::new(Error::Cancelled)) } else { Ok(all) }
        })?;
        found.counts.method_tables = self.holders.len() as u64;
        found.counts.skipped_bytes = self.skipped_bytes;
        Ok(found)
    }
}

/// One thread of it.
struct Pass<'a> {
    checker: &'a Checker<'a>,
    space: AddressSpace<&'a Arc<dyn ByteSource>, &'a Regions>,
    window: Window,
    /// The target of the last reference.
    last: usize,
    found: Found,
}

/// Bytes of the heap, read ahead.
#[derive(Default)]
struct Window {
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
    #[inline]
    fn get(&self, at: Addr, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(at.0.checked_sub(self.at)?).ok()?;
        self.bytes.get(from..from.checked_add(len)?)
    }

    /// `len` bytes at `at`, if they are one piece of the file; `end` is where reading ahead stops.
    #[inline]
    fn load(&mut self, checker: &Checker<'_>, at: Addr, len: usize, end: Addr) -> Result<Option<&[u8]>> {
        if self.get(at, len).is_none() {
            self.fill(checker, at, len, end)?;
        }
        Ok(self.get(at, len))
    }

    #[cold]
    fn fill(&mut self, checker: &Checker<'_>, at: Addr, len: usize, end: Addr) -> Result<()> {
        let Some(extent) = checker.regions.find(at) else { return Ok(()) };
        if extent.len < len as u64 {
            return Ok(());
        }
        let ahead = end.since(at).clamp(len as u64, limits::WINDOW_NATIVE.max(len as u64)).min(extent.len);
        self.bytes.resize(usize::try_from(ahead).unwrap_or(len), 0);
        self.at = at.0;
        checker.source.read_once(extent.offset, &mut self.bytes, "objects of the heap")
    }
}

impl<'a> Pass<'a> {
    fn new(checker: &'a Checker<'a>) -> Pass<'a> {
        let space = AddressSpace::new(checker.source, &**checker.regions);
        Pass { checker, space, window: Window::default(), last: 0, found: Found::default() }
    }

    fn share(&mut self, starts: &Starts, from: Addr, to: Addr) -> Result<()> {
        match self.checker.rt.layout.pointer {
            PointerSize::Eight => self.objects::<8>(starts, from, to),
            PointerSize::Four => self.objects::<4>(starts, from, to),
        }
    }

    fn objects<const P: usize>(&mut self, starts: &Starts, from: Addr, to: Addr) -> Result<()> {
        let checker = self.checker;
        let unmask = !checker.rt.layout.unmask;
        for at in starts.between(from, to) {
            let mut header = [0; 12];
            let header = header.get_mut(..P.wrapping_add(4)).unwrap_or_default();
            match self.window.load(checker, at, header.len(), to)? {
                Some(bytes) => header.copy_from_slice(bytes),
                None => self.space.read(at, header, "object header")?,
            }
            let table = word::<P>(header) & unmask;
            let Some(holder) = checker.holders.get(&table) else { continue };
            let count = match holder.component_size {
                0 => 0,
                _ => header.get(P..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b)),
            };
            let size = holder.base_size.wrapping_add(holder.component_size.wrapping_mul(u64::from(count)));
            self.found.counts.objects = self.found.counts.objects.wrapping_add(1);
            // The last P bytes of the size are the header of what follows.
            let len = size.saturating_sub(P as u64);
            let whole = usize::try_from(len).ok().filter(|&l| l as u64 <= limits::WINDOW_NATIVE);
            let window = std::mem::take(&mut self.window);
            let window = self.body::<P>(window, at, table, holder, size, whole, to)?;
            self.window = window;
        }
        Ok(())
    }

    /// The references of one object. The window is handed in and back, since it is read while the counts are written.
    #[expect(clippy::too_many_arguments, reason = "one call; what is known of the object")]
    #[inline]
    fn body<const P: usize>(
        &mut self,
        mut window: Window,
        at: Addr,
        table: u64,
        holder: &Holder,
        size: u64,
        whole: Option<usize>,
        to: Addr,
    ) -> Result<Window> {
        let bytes = match whole {
            Some(len) => window.load(self.checker, at, len, to)?,
            None => None,
        };
        match bytes {
            Some(bytes) => {
                let runs = holder.desc.runs(size);
                self.runs::<P>(runs, bytes, at, 0, table);
            }
            None => self.in_pieces::<P>(at, table, holder, size)?,
        }
        Ok(window)
    }

    /// An object that is larger than a window, or in several pieces of the file, or not all there.
    #[cold]
    fn in_pieces<const P: usize>(&mut self, at: Addr, table: u64, holder: &Holder, size: u64) -> Result<()> {
        let p = P as u64;
        let before = self.found.counts.checked;
        let mut buffer = Vec::new();
        let mut offset = 0u64;
        while offset < size {
            let here = at.plus(offset);
            let have = self.space.run(here).min(size.saturating_sub(offset)).min(limits::WINDOW_NATIVE);
            let have = have & !p.wrapping_sub(1);
            if have == 0 {
                // Go on at the next word that is in the dump.
                let beyond = here.plus(p);
                let next = self.checker.regions.extents(beyond, at.plus(size)).next();
                let Some(next) = next else { break };
                offset = next.addr.since(at).saturating_add(p.wrapping_sub(1)) & !p.wrapping_sub(1);
                continue;
            }
            buffer.resize(usize::try_from(have).unwrap_or(0), 0);
            self.space.read(here, &mut buffer, "object of the heap")?;
            let runs = holder.desc.runs_between(size, offset, offset.saturating_add(have));
            self.runs::<P>(runs, &buffer, at, offset, table);
            offset = offset.saturating_add(have);
        }
        let read = self.found.counts.checked.saturating_sub(before);
        let missing = holder.desc.count(size).saturating_sub(read);
        self.found.counts.missing = self.found.counts.missing.saturating_add(missing);
        Ok(())
    }

    /// `bytes` are the object's from `begin` on.
    #[inline]
    fn runs<const P: usize>(
        &mut self,
        runs: impl Iterator<Item = crate::heap::references::Run>,
        bytes: &[u8],
        object: Addr,
        begin: u64,
        table: u64,
    ) {
        for run in runs {
            let from = usize::try_from(run.offset.wrapping_sub(begin)).unwrap_or(usize::MAX);
            let len = usize::try_from(run.len).unwrap_or(usize::MAX);
            let words = bytes.get(from..from.saturating_add(len)).unwrap_or_default();
            let mut offset = run.offset;
            for chunk in words.chunks_exact(P) {
                let value = word::<P>(chunk);
                self.found.counts.checked = self.found.counts.checked.wrapping_add(1);
                if value != 0 {
                    self.found.counts.non_null = self.found.counts.non_null.wrapping_add(1);
                    if !self.leads_to_object(value) {
                        self.leads_nowhere(object, offset, value, table);
                    }
                }
                offset = offset.wrapping_add(P as u64);
            }
        }
    }

    #[inline]
    fn leads_to_object(&mut self, value: u64) -> bool {
        self.target(value).and_then(|t| t.starts).is_some_and(|s| s.contains(Addr(value)))
    }

    /// The segment with this address; mostly that of the reference before.
    #[inline]
    fn target(&mut self, value: u64) -> Option<&'a Target<'a>> {
        let targets = &self.checker.targets;
        let inside = |t: &&Target<'_>| t.start <= value && value < t.end;
        let near = targets.get(self.last).filter(inside);
        if near.is_some() {
            return near;
        }
        self.last = targets.partition_point(|t| t.start <= value).checked_sub(1)?;
        targets.get(self.last).filter(inside)
    }

    #[cold]
    fn leads_nowhere(&mut self, object: Addr, offset: u64, value: u64, table: u64) {
        let target = self.target(value);
        let counts = &mut self.found.counts;
        match target {
            Some(t) if !t.exact => {
                counts.unjudged = counts.unjudged.saturating_add(1);
                return;
            }
            Some(_) => counts.inside = counts.inside.saturating_add(1),
            None => counts.outside = counts.outside.saturating_add(1),
        }
        let broken = &mut self.found.broken;
        // A share ascends, shares come in any order.
        if broken.len() < EXAMPLES || broken.last().is_some_and(|b| object < b.object) {
            let outside = target.is_none();
            broken.push(BrokenReference { object, offset, value: Addr(value), table: Addr(table), outside });
            broken.sort_unstable();
            broken.truncate(EXAMPLES);
        }
    }
}

/// The little-endian word at the start of `bytes`.
#[inline]
fn word<const P: usize>(bytes: &[u8]) -> u64 {
    let mut full = [0; 8];
    if let (Some(to), Some(from)) = (full.get_mut(..P), bytes.get(..P)) {
        to.copy_from_slice(from);
    }
    u64::from_le_bytes(full)
}

shown!(VerifyReport {
    schema,
    tool_version,
    dump,
    runtime,
    verdict,
    gc_structures_invalid_cnt,
    background_gc,
    explained_bytes,
    total_bytes,
    objects,
    invariants,
    references,
    findings
});
spoken!(Verdict { Holds, Broken, Undecided });
shown!(Invariant { code, statement, hard, verdict, checked, failed, note, examples });
shown!(ReferenceCounts {
    method_tables,
    objects,
    checked,
    non_null,
    inside,
    outside,
    unjudged,
    missing,
    skipped_bytes
});
