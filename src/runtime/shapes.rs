//! The GC's variables by their shape, where no `GcDacVars` leads to them: .NET Framework 4.x, .NET Core 1.x, and any build whose table
//! is not understood. Nothing here knows an offset that ever changed; every candidate is proven by what it points to.
//!
//! * Workstation: the generation table is a place in the writable sections where, at one stride, the words are gen0's and gen1's common
//!   segment, the head of gen2's list that ends in it, and a large object segment; at one distance behind each the allocation start.
//! * Server: an array of pointers to heaps that hold such a table at one common offset.
//! * Regions (.NET 7 and later): five different heads, the fourth of large, the fifth of pinned objects.
//! * The end of the newest objects (`alloc_allocated`) is the largest word between the segment's `allocated` and `used` at which a walk
//!   of the objects ends exactly; of a server GC the common offset in all heaps for which this holds. Dead objects of before the last GC
//!   may lie behind it: unless it is the end of all that was ever used, an open allocation context in front of it must prove it, for a
//!   GC fills those up (gc.cpp, `fix_allocation_contexts`).
//!
//! Sources: src/gc/gcpriv.h (`generation`, `heap_segment`, `gc_heap`), gc.cpp (`adjust_limit_clr`: `used` is raised to the end of the
//! newest objects less a pointer; a GC sets it to `allocated`).

use super::globals::{GcDacVars, GcHeap, section_words};
use super::{Runtime, note};
use crate::dump::Module;
use crate::dump::regions::{Extent, Regions};
use crate::error::Findings;
use crate::heap::lanes::drive;
use crate::heap::method_tables;
use crate::heap::segments::{Generation, Segment};
use crate::heap::walk::{Census, Walk};
use crate::image::pe::PeImage;
use crate::limits;
use crate::maps::{AddrSet, ByAddr};
use crate::memory::{Addr, Memory};
use crate::report::Evidence;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::rc::Rc;
use std::sync::Arc;

/// Strides of a generation that are tried, in pointers. Known ones are 29 to 34.
const STRIDES: std::ops::RangeInclusive<u64> = 8..=63;
/// Distances from `start_segment` to `allocation_start` that are tried, in pointers. Known ones are 1 to 3.
const DISTANCES: std::ops::RangeInclusive<u64> = 1..=8;
/// Bytes of a server heap that are searched for its table and its frontier. The 4.6-era table ends at 0x2400.
const HEAP_BYTES: u64 = 0x4000;
/// Words of the writable sections that are taken for pointers to the array of heaps. clr.dll has some 2,000 that point to memory.
const MAX_ARRAYS: usize = 16_384;
/// Candidates for one frontier that are walked to.
const MAX_FRONTIERS: usize = 64;
/// Bytes walked in all to prove frontiers.
const MAX_WALKED: u64 = 8 << 30;
/// From `start_segment` to `tail_region`, in pointers.
pub const TAIL: u64 = 3;
/// Length of one segment list.
const MAX_LIST: usize = 100_000;
const PAGE_MASK: u64 = 0xFFF;
/// `heap_segment` flags: frozen, large objects, pinned objects.
const FROZEN: u64 = 1;
const LOH: u64 = 8;
const POH: u64 = 512;
/// The largest reservation accepted for one segment.
const MAX_RESERVATION: u64 = 1 << 42;

/// Finds heaps, generations and frontiers. `rt` has everything but its `gc`.
///
/// # Errors
/// A sentence for [`crate::Error::UnknownRuntime`].
pub fn find(
    mem: &dyn Memory,
    modules: &[Module],
    rt: &Runtime,
    evidence: &mut Vec<Evidence>,
) -> Result<GcDacVars, String> {
    let mut images = vec![(rt.module.image.clone(), None)];
    // A standalone GC has its own copies of the variables, and those of the runtime are then zero.
    for module in modules.iter().filter(|m| m.base != rt.module.image.base) {
        if let Ok(image) = PeImage::open(mem, module.base)
            && image.pointer_size() == Some(rt.layout.pointer)
            && image.find_exports(mem, &["GC_Initialize"]).is_ok_and(|found| !found.is_empty())
        {
            images.push((image, Some(module.path.clone())));
        }
    }
    let mut reasons = Vec::new();
    for (image, gc_module) in images {
        let search = Search::new(mem, rt, image);
        match search.heaps(evidence) {
            Ok(mut gc) => {
                if let Some(path) = &gc_module {
                    note(evidence, "standalone GC", path, "its writable sections hold the generation table");
                }
                gc.gc_module = gc_module;
                return Ok(gc);
            }
            Err(why) => reasons.push(why),
        }
    }
    Err(reasons.join("; "))
}

/// The words of a `heap_segment` that a shape is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Words {
    allocated: Addr,
    committed: Addr,
    used: Addr,
    mem: Addr,
    flags: u64,
    next: Addr,
    /// The address and the ends are those of a segment with its header in front; regions and frozen segments have it elsewhere.
    in_front: bool,
}

/// A generation table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    /// Address of generation 0's `start_segment`.
    at: Addr,
    stride: u64,
    /// From `start_segment` to `allocation_start`; `None` with regions.
    distance: Option<u64>,
    generations: u64,
    ephemeral: Addr,
    /// `allocation_start` of generation 0.
    gen0: Addr,
    /// Heads of generation 0's list (regions).
    head0: Addr,
    /// Segments of all lists.
    segments: usize,
}

impl Table {
    /// What is left when different tables lead to the same segments.
    fn rank(&self) -> (usize, Reverse<u64>, Reverse<Addr>) {
        (self.segments, Reverse(self.distance.unwrap_or(0)), Reverse(self.at))
    }

    fn shape(&self) -> (u64, Option<u64>, u64) {
        (self.stride, self.distance, self.generations)
    }
}

/// What a walk met.
#[derive(Debug, Clone, Copy, Default)]
struct Walked {
    objects: u64,
    /// Bytes, as SOS sums them.
    size: u64,
    /// Bytes of gaps.
    gaps: u64,
}

/// What lies between two possible ends of the newest objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// No object: both give the same numbers.
    Same,
    /// An open allocation context behind the first object: this is no remainder of before the last GC, which closed them all.
    Newer,
    /// Objects that may be dead.
    Unknown,
}

/// Pointers at consecutive addresses: a run of words that tables are looked for in.
struct Run {
    start: Addr,
    words: Vec<Addr>,
}

struct Search<'a> {
    mem: &'a dyn Memory,
    rt: &'a Runtime,
    image: PeImage,
    p: u64,
    /// Writable sections, by address.
    sections: Vec<Run>,
    segments: RefCell<ByAddr<Option<Words>>>,
    lists: RefCell<ByAddr<Option<Rc<Vec<Addr>>>>>,
}

impl<'a> Search<'a> {
    fn new(mem: &'a dyn Memory, rt: &'a Runtime, image: PeImage) -> Search<'a> {
        let p = rt.layout.p();
        let mut sections: Vec<Run> = Vec::new();
        for (at, value) in section_words(mem, &image, rt.layout.pointer) {
            match sections.last_mut() {
                Some(run) if run.start.plus((run.words.len() as u64).wrapping_mul(p)) == at => run.words.push(value),
                _ => sections.push(Run { start: at, words: vec![value] }),
            }
        }
        Search { mem, rt, image, p, sections, segments: RefCell::default(), lists: RefCell::default() }
    }

    /// Workstation first: in a server process its table is zero.
    fn heaps(&self, evidence: &mut Vec<Evidence>) -> Result<GcDacVars, String> {
        // The right variable may be in a page that is missing, and a stale one in its place.
        if self.image.writable_sections().iter().any(|(start, len)| self.mem.run(*start) < *len) {
            return Err("pages of its variables are not in the dump".to_owned());
        }
        let mut tables: Vec<Table> = self.sections.iter().flat_map(|run| self.tables(run)).collect();
        crate::order::by_key(&mut tables, |t| Reverse(t.rank()));
        if let Some(table) = tables.first() {
            note(
                evidence,
                "generation table",
                &describe(table, "a word of the writable sections"),
                &format!(
                    "found by its shape: {} place(s) fit, this one reaches the most segments ({})",
                    tables.len(),
                    table.segments
                ),
            );
            let heap = self.workstation_frontier(table, evidence)?;
            note(
                evidence,
                "GC mode",
                &format!("workstation, 1 heap(s), {}", kind(table)),
                "a generation table among the runtime's variables",
            );
            return Ok(self.result(table, vec![heap], false));
        }
        let (tables, array) = self
            .server_tables()
            .ok_or("no generation table among the runtime's variables, and no array of GC heaps")?;
        let first = tables.first().ok_or("no heap")?;
        let known_count = self.words().any(|(_, v)| v.0 & 0xFFFF_FFFF == tables.len() as u64);
        if !known_count {
            return Err(format!("an array of {} GC heaps was found, but no variable with that number", tables.len()));
        }
        note(
            evidence,
            "generation tables",
            &describe(first, &format!("in each of {} heaps, array {array}", tables.len())),
            "found by their shape: the array with the most heaps and segments",
        );
        let heaps = self.server_frontiers(&tables, array, evidence)?;
        note(
            evidence,
            "GC mode",
            &format!("server, {} heap(s), {}", heaps.len(), kind(first)),
            "an array of heaps with a generation table each",
        );
        Ok(self.result(first, heaps, true))
    }

    fn result(&self, table: &Table, heaps: Vec<GcHeap>, server: bool) -> GcDacVars {
        GcDacVars {
            generation_size: table.stride,
            generations: table.generations,
            // The table's address is that of its first start_segment.
            start_segment: 0,
            allocation_start: table.distance,
            heaps,
            server,
            ..GcDacVars::none()
        }
    }

    /// All words of the writable sections.
    fn words(&self) -> impl Iterator<Item = (Addr, Addr)> + '_ {
        self.sections
            .iter()
            .flat_map(|run| (0u64..).zip(&run.words).map(|(i, &value)| (run.start.plus(i.wrapping_mul(self.p)), value)))
    }

    /// The words of memory at `at`, at most `bytes`.
    fn run_at(&self, at: Addr, bytes: u64) -> Run {
        let len = usize::try_from(self.mem.run(at).min(bytes)).unwrap_or(0);
        let step = usize::try_from(self.p).unwrap_or(8);
        let bytes = self.mem.bytes(at, len, "GC heap").unwrap_or_default();
        let words = bytes.chunks_exact(step).map(|chunk| {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            Addr(u64::from_le_bytes(word))
        });
        Run { start: at, words: words.collect() }
    }

    /// The shape of a `heap_segment`.
    fn segment(&self, at: Addr) -> Option<Words> {
        if at.0 <= 0xFFFF || at.0.checked_rem(self.p) != Some(0) {
            return None;
        }
        if let Some(known) = self.segments.borrow().get(at) {
            return *known;
        }
        let found = self.read_segment(at);
        self.segments.borrow_mut().insert(at, found);
        found
    }

    fn read_segment(&self, at: Addr) -> Option<Words> {
        let s = &self.rt.layout.segment;
        let run = self.run_at(at, s.next.wrapping_add(self.p));
        let word = |offset: u64| run.words.get(usize::try_from(offset.checked_div(self.p)?).ok()?).copied();
        let (allocated, committed, reserved) = (word(s.allocated)?, word(s.committed)?, word(s.reserved)?);
        let (used, mem, flags, next) = (word(s.used)?, word(s.mem)?, word(s.flags)?.0, word(s.next)?);
        let ordered = mem.0 > 0xFFFF && mem <= allocated && allocated <= committed && committed <= reserved;
        let room = reserved.since(mem);
        let sizes = room <= MAX_RESERVATION && flags < 0x1000 && mem.0.checked_rem(self.p) == Some(0);
        if !ordered || !sizes {
            return None;
        }
        let frozen = flags & FROZEN != 0;
        // Frozen segments lie in images and files, of any size and place.
        let pages = [committed, reserved].iter().all(|a| a.0 & PAGE_MASK == 0) && room >= PAGE_MASK;
        if !frozen && !pages {
            return None;
        }
        let in_front = !frozen && at.0 & PAGE_MASK == 0 && at < mem && mem.since(at) <= 0x1_0000 && used <= committed;
        Some(Words { allocated, committed, used, mem, flags, next, in_front })
    }

    /// A whole list; `None` if it leads to something else.
    fn list(&self, head: Addr) -> Option<Rc<Vec<Addr>>> {
        if let Some(known) = self.lists.borrow().get(head) {
            return known.clone();
        }
        let mut all = Vec::new();
        let mut seen = AddrSet::default();
        let mut at = head;
        let mut whole = true;
        while !at.is_null() {
            let Some(words) = self.segment(at).filter(|_| seen.insert(at) && all.len() < MAX_LIST) else {
                whole = false;
                break;
            };
            all.push(at);
            at = words.next;
        }
        let list = whole.then(|| Rc::new(all));
        self.lists.borrow_mut().insert(head, list.clone());
        list
    }

    /// Generation tables in a run of words.
    fn tables(&self, run: &Run) -> Vec<Table> {
        let mut found = Vec::new();
        for (i, &value) in run.words.iter().enumerate() {
            let Some(words) = self.segment(value).filter(|w| w.flags & (LOH | POH | FROZEN) == 0) else { continue };
            for stride in STRIDES {
                let fits =
                    if words.in_front { self.segments_at(run, i, stride) } else { self.regions_at(run, i, stride) };
                found.extend(fits);
            }
        }
        found
    }

    /// A table of a heap with segments whose first `start_segment` is word `i` of the run; `stride` in pointers.
    fn segments_at(&self, run: &Run, i: usize, stride: u64) -> Option<Table> {
        let ephemeral = self.word_in(run, i, stride, 0, 0)?;
        if self.word_in(run, i, stride, 1, 0)? != ephemeral {
            return None;
        }
        let (old, large) = (self.word_in(run, i, stride, 2, 0)?, self.word_in(run, i, stride, 3, 0)?);
        let eph = self.segment(ephemeral).filter(|w| w.in_front)?;
        if self.segment(large)?.flags & LOH == 0 {
            return None;
        }
        let (olds, larges) = (self.list(old)?, self.list(large)?);
        // The ephemeral segment is the tail of gen2's list.
        if olds.last() != Some(&ephemeral) || larges.iter().any(|&s| self.segment(s).is_none_or(|w| w.flags & LOH == 0))
        {
            return None;
        }
        let pinned =
            self.word_in(run, i, stride, 4, 0).filter(|&h| self.segment(h).is_some_and(|w| w.flags & POH != 0));
        let pinned = pinned.and_then(|h| self.list(h));
        let first_of = |list: &[Addr], at: Addr| list.iter().any(|&s| self.segment(s).is_some_and(|w| w.mem == at));
        for distance in DISTANCES {
            let start = |g| self.word_in(run, i, stride, g, distance);
            let (Some(gen0), Some(gen1), Some(gen2), Some(gen3)) = (start(0), start(1), start(2), start(3)) else {
                continue;
            };
            let young = eph.mem <= gen1 && gen1 <= gen0 && gen0 <= eph.committed;
            if young && first_of(&olds, gen2) && first_of(&larges, gen3) {
                let segments =
                    olds.len().saturating_add(larges.len()).saturating_add(pinned.as_ref().map_or(0, |l| l.len()));
                return Some(Table {
                    at: run.start.plus((i as u64).wrapping_mul(self.p)),
                    stride: stride.wrapping_mul(self.p),
                    distance: Some(distance.wrapping_mul(self.p)),
                    generations: if pinned.is_some() { 5 } else { 4 },
                    ephemeral,
                    gen0,
                    head0: ephemeral,
                    segments,
                });
            }
        }
        None
    }

    /// The same for a heap with regions: five different heads.
    fn regions_at(&self, run: &Run, i: usize, stride: u64) -> Option<Table> {
        let mut heads = Vec::new();
        let mut segments = 0usize;
        for (g, want) in [(0, 0), (1, 0), (2, 0), (3, LOH), (4, POH)] {
            let head = self.word_in(run, i, stride, g, 0)?;
            if self.segment(head)?.flags & (LOH | POH) != want || heads.contains(&head) {
                return None;
            }
            heads.push(head);
        }
        for (g, &head) in (0..).zip(&heads) {
            let list = self.list(head)?;
            // Three words behind `start_segment` lies `tail_region`; other words of a generation lead to regions in the middle of the list.
            if self.word_in(run, i, stride, g, TAIL) != list.last().copied() {
                return None;
            }
            segments = segments.saturating_add(list.len());
        }
        let head0 = *heads.first()?;
        Some(Table {
            at: run.start.plus((i as u64).wrapping_mul(self.p)),
            stride: stride.wrapping_mul(self.p),
            distance: None,
            generations: 5,
            ephemeral: head0,
            gen0: self.segment(head0)?.mem,
            head0,
            segments,
        })
    }

    /// Word `extra` behind `start_segment` of generation `g`, for the table that begins at word `i`.
    fn word_in(&self, run: &Run, i: usize, stride: u64, g: u64, extra: u64) -> Option<Addr> {
        let at = usize::try_from(g.wrapping_mul(stride).wrapping_add(extra)).ok()?;
        run.words.get(i.checked_add(at)?).copied()
    }

    /// The tables of all server heaps, and the address of the array: the array with the most heaps, then segments, then the smaller
    /// distance, then the smallest offset.
    fn server_tables(&self) -> Option<(Vec<Table>, Addr)> {
        let mut arrays: Vec<Addr> = self
            .words()
            .map(|(_, v)| v)
            .filter(|&v| v.0 > 0xFFFF && v.0.checked_rem(self.p) == Some(0) && !self.image.contains(v))
            .collect();
        crate::order::ascending(&mut arrays);
        arrays.dedup();
        arrays.truncate(MAX_ARRAYS);
        let mut by_heap: ByAddr<Rc<Vec<Table>>> = ByAddr::default();
        let mut best: Option<(Vec<Table>, Addr)> = None;
        // Heaps in an array that goes on with one that is not understood: another array with no more of them is not the whole.
        let mut broken = 0;
        for array in arrays {
            let Some(first) = self.pointer(array) else { continue };
            let tables = Rc::clone(by_heap.entry(first, || Rc::new(self.tables(&self.run_at(first, HEAP_BYTES)))));
            for table in tables.iter() {
                let offset = table.at.since(first);
                let (heaps, whole) = self.heaps_of(array, table, offset);
                if !whole {
                    broken = broken.max(heaps.len());
                    continue;
                }
                if heaps.is_empty() {
                    continue;
                }
                let rank = |heaps: &[Table]| {
                    let segments = heaps.iter().fold(0usize, |sum, t| sum.saturating_add(t.segments));
                    (heaps.len(), segments, heaps.first().map(|t| (Reverse(t.distance.unwrap_or(0)), Reverse(t.at))))
                };
                if best.as_ref().is_none_or(|(known, _)| rank(&heaps) > rank(known)) {
                    best = Some((heaps, array));
                }
            }
        }
        best.filter(|(heaps, _)| heaps.len() > broken)
    }

    /// The tables of the heaps `array[0..]`, as far as each has one like `table` at `offset` with segments of its own; and false if the array
    /// goes on with a heap that is not understood.
    fn heaps_of(&self, array: Addr, table: &Table, offset: u64) -> (Vec<Table>, bool) {
        let mut heaps: Vec<Table> = Vec::new();
        let mut ephemerals = AddrSet::default();
        for i in 0..limits::MAX_HEAPS {
            let Some(heap) = self.pointer(array.plus(i.wrapping_mul(self.p))) else { break };
            let words = table.stride.wrapping_mul(4).wrapping_add(table.distance.unwrap_or(0)).wrapping_add(self.p);
            let run = self.run_at(heap.plus(offset), words.max(table.stride.wrapping_mul(5)));
            let stride = table.stride.checked_div(self.p).unwrap_or(0);
            let like = if table.distance.is_some() {
                self.segments_at(&run, 0, stride)
            } else {
                self.regions_at(&run, 0, stride)
            };
            match like.filter(|t| t.shape() == table.shape() && ephemerals.insert(t.ephemeral)) {
                Some(t) => heaps.push(t),
                None => {
                    // Behind the last heap comes anything but a heap.
                    let words = [0, 1, 3].map(|g| self.word_in(&run, 0, stride, g, 0));
                    let [young, middle, large] = words.map(|at| Some((at?, self.segment(at?).filter(|w| w.in_front)?)));
                    let heap_like =
                        young.is_some() && young == middle || large.is_some_and(|(_, w)| w.flags & LOH != 0);
                    let known = heaps.iter().any(|t| t.at == heap.plus(offset));
                    if heap_like && !known && table.distance.is_some() {
                        return (heaps, false);
                    }
                    break;
                }
            }
        }
        (heaps, true)
    }

    /// A pointer to readable memory.
    fn pointer(&self, at: Addr) -> Option<Addr> {
        let value = self.mem.ptr(at, self.rt.layout.pointer, "array of GC heaps").ok()?;
        (value.0 > 0xFFFF && value.0.checked_rem(self.p) == Some(0) && self.mem.run(value) >= self.p).then_some(value)
    }

    /// The segments that `alloc_allocated` may lie in, with the first and last address that it may have: the ephemeral one, or any region
    /// of generation 0.
    fn open_segments(&self, table: &Table) -> Vec<(Addr, Words, Addr, Addr)> {
        let list = if table.distance.is_some() {
            Rc::new(vec![table.ephemeral])
        } else {
            self.list(table.head0).unwrap_or_default()
        };
        list.iter()
            .filter_map(|&at| {
                let words = self.segment(at)?;
                let first = if table.distance.is_some() { words.allocated.max(table.gen0) } else { words.allocated };
                Some((at, words, first, words.used.plus(self.p).min(words.committed)))
            })
            .collect()
    }

    /// Workstation: the largest variable at which the walk of the newest objects ends.
    fn workstation_frontier(&self, table: &Table, evidence: &mut Vec<Evidence>) -> Result<GcHeap, String> {
        let mut values: Vec<Addr> = self.words().map(|(_, v)| v).collect();
        crate::order::ascending(&mut values);
        values.dedup();
        let is_variable = |a: Addr| values.binary_search(&a).is_ok();
        let mut candidates: Vec<(Addr, Addr, Addr)> = Vec::new();
        for (at, _, first, last) in self.open_segments(table) {
            // `ephemeral_heap_segment` is a variable, too.
            if table.distance.is_none() && !is_variable(at) {
                continue;
            }
            let from = values.partition_point(|&v| v < first);
            let to = values.partition_point(|&v| v <= last);
            candidates.extend(values.get(from..to).unwrap_or_default().iter().map(|&v| (v, at, first)));
        }
        // With regions: the one that most was allocated in since the last GC.
        crate::order::by_key(&mut candidates, |&(v, at, first)| {
            (Reverse(if table.distance.is_none() { v.since(first) } else { 0 }), Reverse(v), at)
        });
        let mut budget = MAX_WALKED;
        let total = candidates.len();
        candidates.truncate(MAX_FRONTIERS);
        let mut fitting = candidates.into_iter().filter(|&(v, _, first)| self.ends_at(first, v, &mut budget).is_some());
        let Some((v, at, first)) = fitting.next() else {
            return Err(format!(
                "none of {total} variables between allocated and used of the newest segment is the end of its objects"
            ));
        };
        // Dead objects of before the last GC may lie behind the end, and a stale variable may point among them.
        let used_up = self.segment(at).is_some_and(|w| w.used.plus(self.p) == v);
        let lower: Vec<Addr> = fitting.filter(|c| c.1 == at).map(|c| c.0).chain([first]).collect();
        let mut budget = MAX_WALKED;
        let rest = lower.into_iter().map(|below| self.rest(first, below, v, &mut budget)).find(|r| *r != Rest::Same);
        if !used_up && rest == Some(Rest::Unknown) {
            return Err(format!(
                "the newest objects may end at {v} or before: nothing tells which of the variables is not a stale one"
            ));
        }
        note(
            evidence,
            "alloc_allocated",
            &format!("{v} in segment {at}"),
            &format!(
                "the largest of {total} variables between allocated and used at which a walk ends; {}",
                why_newest(v > first, used_up)
            ),
        );
        Ok(GcHeap { generation_table: table.at, ephemeral_segment: at, alloc_allocated: v, finalize_queue: Addr::NULL })
    }

    /// Server: the common offset in all heaps at which the end of the newest objects stands; the largest sum wins.
    fn server_frontiers(
        &self,
        tables: &[Table],
        array: Addr,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Vec<GcHeap>, String> {
        let mut heaps = Vec::new();
        for (i, table) in (0u64..).zip(tables) {
            let heap = self.pointer(array.plus(i.wrapping_mul(self.p))).ok_or("a GC heap is not in the dump")?;
            heaps.push((table, self.run_at(heap, HEAP_BYTES), self.open_segments(table)));
        }
        let words = heaps.iter().map(|h| h.1.words.len()).min().unwrap_or(0);
        // Of each heap: the end, its segment, the segment's first possible end.
        type End = (Addr, Addr, Addr);
        let mut candidates: Vec<(u64, usize, Vec<End>)> = Vec::new();
        for offset in 0..words {
            let ends: Option<Vec<End>> = heaps
                .iter()
                .map(|(_, run, open)| {
                    let v = *run.words.get(offset)?;
                    open.iter()
                        .find(|&&(_, _, first, last)| first <= v && v <= last)
                        .map(|&(at, _, first, _)| (v, at, first))
                })
                .collect();
            let Some(ends) = ends else { continue };
            // With regions: `ephemeral_heap_segment` stands at another common offset.
            let named =
                |other: usize| heaps.iter().zip(&ends).all(|((_, run, _), end)| run.words.get(other) == Some(&end.1));
            if tables.iter().any(|t| t.distance.is_none()) && !(0..words).any(named) {
                continue;
            }
            let sum = ends.iter().fold(0u64, |sum, (v, _, first)| sum.saturating_add(v.since(*first)));
            candidates.push((sum, offset, ends));
        }
        crate::order::by_key(&mut candidates, |(sum, offset, _)| (Reverse(*sum), *offset));
        candidates.dedup_by(|b, a| a.2 == b.2);
        let mut budget = MAX_WALKED;
        let total = candidates.len();
        candidates.truncate(MAX_FRONTIERS);
        let mut fitting = candidates
            .into_iter()
            .filter(|(_, _, ends)| ends.iter().all(|&(v, _, first)| self.ends_at(first, v, &mut budget).is_some()));
        let Some((sum, offset, ends)) = fitting.next() else {
            return Err(format!("none of {total} common offsets of the heaps is the end of their newest objects"));
        };
        let used_up = ends.iter().any(|&(v, at, _)| self.segment(at).is_some_and(|w| w.used.plus(self.p) == v));
        let mut lower: Vec<Vec<End>> = fitting.map(|(_, _, lower)| lower).collect();
        lower.push(ends.iter().map(|&(_, at, first)| (first, at, first)).collect());
        let mut budget = MAX_WALKED;
        let rest = lower.into_iter().find_map(|lower| {
            let of = |(end, below): (&End, &End)| match below.1 == end.1 {
                true => self.rest(end.2, below.0, end.0, &mut budget),
                false => Rest::Unknown,
            };
            let all: Vec<Rest> = ends.iter().zip(&lower).map(of).collect();
            // The same field in all heaps: what proves it in one proves it in all.
            [Rest::Newer, Rest::Unknown].into_iter().find(|r| all.contains(r))
        });
        if !used_up && rest == Some(Rest::Unknown) {
            return Err("nothing tells which of several offsets of the heaps is not a stale end of the newest objects"
                .to_owned());
        }
        note(
            evidence,
            "gc_heap.alloc_allocated",
            &format!("offset {:#x}", (offset as u64).wrapping_mul(self.p)),
            &format!(
                "of {total} offsets with an address between allocated and used in every heap the one with the largest sum ({sum}) at which \
                 all walks end; {}",
                why_newest(sum > 0, used_up)
            ),
        );
        let heap = |table: &Table, (v, at, _): (Addr, Addr, Addr)| GcHeap {
            generation_table: table.at,
            ephemeral_segment: at,
            alloc_allocated: v,
            finalize_queue: Addr::NULL,
        };
        Ok(tables.iter().zip(ends).map(|(table, end)| heap(table, end)).collect())
    }

    /// What lies between two possible ends of the newest objects, `below` and `end`.
    fn rest(&self, first: Addr, below: Addr, end: Addr, budget: &mut u64) -> Rest {
        if below >= end {
            return Rest::Same;
        }
        let count = |w: &Walked| (w.objects, w.size);
        let (Some(lower), Some(higher)) = (self.ends_at(first, below, budget), self.ends_at(first, end, budget)) else {
            return Rest::Unknown;
        };
        if count(&lower) == count(&higher) {
            return Rest::Same;
        }
        let mut at = below;
        while at < end {
            let Ok(word) = self.mem.ptr(at, self.rt.layout.pointer, "newest objects") else { break };
            let table = Addr(word.0 & !self.rt.layout.unmask);
            if !word.is_null() && method_tables::prove(self.mem, self.rt, table).is_some() {
                let open = self.ends_at(at, end, budget).is_some_and(|w| w.gaps > 0);
                return if open { Rest::Newer } else { Rest::Unknown };
            }
            at = at.plus(self.p);
        }
        Rest::Unknown
    }

    /// The objects between `start` (a border of objects) and `end`, if every byte in between is explained when the heap ends at `end`.
    fn ends_at(&self, start: Addr, end: Addr, budget: &mut u64) -> Option<Walked> {
        let len = end.since(start);
        *budget = budget.checked_sub(len)?;
        if len == 0 {
            return Some(Walked::default());
        }
        let segment = Segment {
            address: start,
            heap: 0,
            start,
            end,
            committed: end,
            reserved: end,
            ephemeral: false,
            parts: vec![(start, Generation::Gen0)],
            alignment: self.rt.layout.alignment,
        };
        let regions = Regions::build(vec![Extent { addr: start, offset: 0, len }], len, &mut Findings::default());
        let mut walk = Walk::new(&[Arc::new(segment)], &[0], &regions, limits::WINDOW_NATIVE, false);
        let mut census = Census::default();
        let read = |offset: u64, buf: &mut [u8]| self.mem.read(start.plus(offset), buf, "newest objects");
        drive(&mut walk, self.mem, self.rt, &mut census, &read, &mut |_| Ok(())).ok()?;
        let outcome = walk.finish();
        let result = outcome.segments.first().filter(|s| s.explained == len)?;
        (!outcome.findings.partial()).then_some(Walked {
            objects: result.objects,
            size: result.size,
            gaps: result.gaps,
        })
    }
}

/// What tells that the end found is not a stale one.
fn why_newest(allocated_since: bool, used_up: bool) -> &'static str {
    match (allocated_since, used_up) {
        (false, _) => "nothing was allocated since the last GC",
        (_, true) => "everything that was ever used lies in front of it",
        _ => "an allocation context in front of it is open, and a GC closes them all",
    }
}

fn kind(table: &Table) -> &'static str {
    if table.distance.is_some() { "segments" } else { "regions" }
}

fn describe(table: &Table, place: &str) -> String {
    let start = match table.distance {
        Some(d) => format!("allocation_start {d} bytes behind start_segment"),
        None => "no allocation_start".to_owned(),
    };
    format!("{} ({place}), generation size {}, {start}", table.at, table.stride)
}
