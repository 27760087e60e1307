//! The object walk: a state machine that names the windows of the file it wants and is fed their bytes.
//!
//! Every byte of a segment becomes an object, a proven gap (an open allocation context, the rest before the segment's end), or a
//! finding. The rules are the GC's own (src/coreclr/gc/gc.cpp, allocator) as measured on real dumps:
//!
//! * size = BaseSize + component size x u32 behind the method table pointer, at least three pointers; the step is rounded up to the
//!   alignment, the reported size is not (SOS sums unaligned sizes).
//! * a gap is zero but for its last word (the header slot of what follows; at the frontier it may be stale). With fewer than three
//!   words left before the end nothing is an object, whatever it looks like.
//!
//! Segments are walked in the order of the file offset of their first byte, inside a segment by address. Bodies of large arrays are
//! not read.

use super::hot::{Hot, Lane, Plain, Run, value};
use super::islands::{self, Islands};
use super::method_tables::{MethodTables, Shape};
use super::segments::{Generation, Segment};
use super::starts::Starts;
use super::tally::{Tallies, spread};
use crate::dump::regions::{Extent, Regions};
use crate::error::Findings;
use crate::limits;
use crate::maps::AddrSet;
use crate::memory::{Addr, Memory, PointerSize};
use crate::runtime::Runtime;
use std::sync::Arc;

/// A large Free block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeBlock {
    /// Its address.
    pub at: Addr,
    /// Its size as SOS reports it.
    pub size: u64,
    /// Where.
    pub generation: Generation,
    /// The object behind it and its method table.
    pub followed_by: Option<(Addr, Addr)>,
}

/// What one segment gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentResult {
    /// Objects, Free included.
    pub objects: u64,
    /// Unaligned bytes.
    pub size: u64,
    /// Bytes of objects (aligned) and of proven gaps.
    pub explained: u64,
    /// Bytes of gaps.
    pub gaps: u64,
    /// Objects, unaligned and aligned bytes up to the first error, if there was one.
    pub before_first_error: Option<(u64, u64, u64)>,
}

/// Method tables and what was counted of each; several walks of one thread share one.
#[derive(Debug, Default)]
pub struct Census {
    /// By [`Shape::index`].
    pub tallies: Tallies,
    /// The method tables behind the indexes.
    pub tables: MethodTables,
    pub(super) hot: Hot,
    /// Of a heap that lies scattered over the file, where that is walked in the file's order.
    pub islands: Islands,
}

/// Where the segments lie, ascending.
pub fn ranges(segments: &[Arc<Segment>]) -> Arc<[(Addr, Addr)]> {
    let mut ranges: Vec<(Addr, Addr)> = segments.iter().map(|s| (s.start, s.end)).collect();
    crate::order::ascending(&mut ranges);
    ranges.into()
}

/// Whether an address lies in one of the ranges, which are ascending.
pub(super) fn is_in(ranges: &[(Addr, Addr)], at: Addr) -> bool {
    let before = ranges.partition_point(|(start, _)| *start <= at);
    before.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|(_, end)| at < *end)
}

impl Census {
    /// Of a walk of a heap that lies there.
    pub fn of(heap: &Arc<[(Addr, Addr)]>) -> Census {
        Census { tables: MethodTables::beside(Arc::clone(heap)), ..Census::default() }
    }

    /// Writes what the hot loop counted to the tallies.
    pub fn settle(&mut self, rt: &Runtime) {
        match rt.layout.pointer {
            PointerSize::Eight => self.hot.write_to::<8>(&mut self.tallies),
            PointerSize::Four => self.hot.write_to::<4>(&mut self.tallies),
        }
    }

    /// Keeps the method tables, and of them nothing but their list: for who has taken from it what was counted.
    pub fn forget_counts(&mut self) {
        self.begin_again();
        self.tables.forget_index();
    }

    /// Nothing is counted; the method tables are still known.
    pub fn begin_again(&mut self) {
        (self.tallies, self.hot) = (Tallies::default(), Hot::default());
    }

    /// Adds another one, which must be settled; method tables are matched by address.
    pub fn merge(&mut self, other: &Census) {
        for (theirs, known) in other.tables.known().iter().enumerate() {
            if let Some(mine) = self.tables.adopt(*known) {
                self.tallies.merge(mine, &other.tallies, theirs);
            }
        }
        self.tables.note_refused(other.tables.refused());
    }
}

/// The result of a walk, or of a part of one.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the objects are.
    pub census: Census,
    /// By segment, in the order given to [`Walk::new`]; segments of other parts are default.
    pub segments: Vec<SegmentResult>,
    /// Large Free blocks.
    pub large_free: Vec<FreeBlock>,
    /// What went wrong.
    pub findings: Findings,
    /// The same by share, until [`gather`](Outcome::gather).
    of_shares: Vec<(usize, Findings)>,
    /// What segments gave, by number: a part knows of few of them.
    parts: Vec<(usize, SegmentResult)>,
    /// Pages (4 KiB) with object headers, if they were to be noted.
    pub touched: AddrSet,
    /// By number of the segment: where its objects start, if that was to be marked.
    pub starts: Vec<(usize, Starts)>,
}

impl Outcome {
    /// The result of a walk over so many segments, in parts that are to be [merged](Outcome::merge).
    pub fn in_parts(segments: usize) -> Outcome {
        Outcome { segments: vec![SegmentResult::default(); segments], ..Outcome::default() }
    }

    /// A part that is nothing but what objects were counted; it must be settled.
    pub fn counted(census: Census) -> Outcome {
        Outcome { census, ..Outcome::default() }
    }

    /// Adds the result of a [part](Walk::finish_part).
    pub fn merge(&mut self, other: Outcome) {
        self.census.merge(&other.census);
        for (number, result) in other.parts {
            if let Some(segment) = self.segments.get_mut(number) {
                *segment = result;
            }
        }
        self.large_free.extend(other.large_free);
        crate::order::by_key(&mut self.large_free, |f| f.at);
        self.findings.merge(other.findings);
        self.of_shares.extend(other.of_shares);
        self.touched.extend(&other.touched);
        self.starts.extend(other.starts);
    }

    /// Puts what went wrong into the order of the shares; the last step.
    pub fn gather(&mut self) {
        let mut of_shares = std::mem::take(&mut self.of_shares);
        crate::order::by_key(&mut of_shares, |s| s.0);
        let rest = std::mem::take(&mut self.findings);
        for (_, findings) in of_shares {
            self.findings.merge(findings);
        }
        self.findings.merge(rest);
        if self.census.tables.refused() {
            self.findings.add("too-many-method-tables", true, || {
                format!(
                    "the heap has more than {} method tables; the objects of the others are not counted",
                    limits::MAX_METHOD_TABLES
                )
            });
        }
    }
}

/// A segment to walk, with the places of its bytes in the file.
#[derive(Debug)]
struct Job {
    segment: usize,
    extents: Vec<Extent>,
    /// Where it begins.
    from: Addr,
    /// Bytes that are done with it, for who asks how far the walk is.
    bytes: u64,
    /// Nothing but this island.
    alone: Option<usize>,
    /// Its extents are islands, which were walked.
    joined: bool,
}

/// The walk over some of the heap's segments.
pub struct Walk {
    segments: Vec<Arc<Segment>>,
    jobs: Vec<Job>,
    job: usize,
    window: u64,
    /// Bytes between two segments that are read with both.
    bridged: u64,
    /// Next byte to look at, in the current job's segment.
    cursor: Addr,
    /// Bytes from `cursor` on that were fed, but are too few to read a header.
    carry: Vec<u8>,
    gap: Option<Gap>,
    /// The last step failed (a hole, an overrun): the next object must be confirmed by those behind it.
    doubt: bool,
    /// The Free block right in front of `cursor`, if it is a large one.
    pending_free: Option<usize>,
    /// See [`Walk::add_share`].
    share: Option<usize>,
    /// Bytes of the current segment that are not in the dump.
    done_before: u64,
    total: u64,
    note_pages: bool,
    last_page: u64,
    /// Segments whose object starts are to be marked; empty for none.
    mark: Vec<bool>,
    pointer: PointerSize,
    /// Of the current segment.
    starts: Option<Starts>,
    /// Something of the above wants to hear of every object.
    noting: bool,
    /// Scattered segments are walked over their islands.
    joining: bool,
    /// The scattered segment that the walk was in last, and its first island that the walk has not come to.
    island: Option<(usize, usize)>,
    /// What the current segment gave so far.
    here: SegmentResult,
    /// What those before it gave, by number of the segment.
    results: Vec<(usize, SegmentResult)>,
    out: Outcome,
}

/// Who counts the objects that nothing is special about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// This walk.
    Alone,
    /// The caller, for two walks at once.
    Paired,
    /// The same, but the next object is special.
    PairedBehindSpecial,
}

impl Mode {
    /// What holds for the object behind.
    fn then(self) -> Mode {
        if self == Mode::PairedBehindSpecial { Mode::Paired } else { self }
    }
}

/// Words that were no objects.
#[derive(Debug, Clone, Copy)]
struct Gap {
    start: Addr,
    /// Non-zero words in it but the last one read.
    nonzero: u64,
    /// The last word read was not zero.
    last_nonzero: bool,
}

/// No object of the large object heap is smaller: 85,000 bytes or what is configured above it, but 1,000 doubles on x86.
const LEAST_LARGE: u64 = 8_000;

/// Bytes of a header that a decision needs: method table pointer and count, and the next word.
const HEADER_WORDS: u64 = 3;

impl Walk {
    /// Prepares the walk of the segments numbered in `which`. `window` is the length of one read in bytes.
    pub fn new(segments: &[Arc<Segment>], which: &[usize], regions: &Regions, window: u64, note_pages: bool) -> Walk {
        let mut walk = Walk {
            segments: segments.to_vec(),
            jobs: Vec::new(),
            job: 0,
            window: window.max(limits::PAGE),
            bridged: limits::PAGE,
            cursor: Addr::NULL,
            carry: Vec::new(),
            gap: None,
            doubt: false,
            pending_free: None,
            share: None,
            done_before: 0,
            total: 0,
            note_pages,
            last_page: u64::MAX,
            mark: Vec::new(),
            pointer: PointerSize::Eight,
            starts: None,
            noting: note_pages,
            joining: false,
            island: None,
            here: SegmentResult::default(),
            results: Vec::new(),
            out: Outcome::default(),
        };
        walk.add(which, regions);
        walk
    }

    /// More segments to walk, behind those that are there already; each only once.
    pub fn add(&mut self, which: &[usize], regions: &Regions) {
        let mut jobs = Vec::with_capacity(which.len());
        for &i in which {
            let Some(s) = self.segments.get(i).filter(|s| s.end > s.start) else { continue };
            let extents: Vec<Extent> = regions.extents(s.start, s.end).collect();
            let joined = self.joining && islands::scattered(s, &extents);
            // It is done with its islands.
            let bytes = if joined { 0 } else { s.end.since(s.start) };
            jobs.push(Job { segment: i, extents, from: s.start, bytes, alone: None, joined });
        }
        crate::order::by_key(&mut jobs, |j| (j.extents.first().map_or(u64::MAX, |e| e.offset), j.segment));
        self.add_jobs(jobs);
    }

    /// More islands to walk, in the order given.
    pub fn add_islands(&mut self, which: &[usize], islands: &Islands) {
        let job = |&number: &usize| {
            let island = islands.get(number).filter(|i| i.counts())?;
            let from = island.from(self.segments.get(island.segment)?.alignment);
            let (segment, bytes, extents) = (island.segment, island.extent.len, vec![island.extent]);
            Some(Job { segment, extents, from, bytes, alone: Some(number), joined: false })
        };
        self.add_jobs(which.iter().filter_map(job).collect());
    }

    fn add_jobs(&mut self, jobs: Vec<Job>) {
        let finished = self.job >= self.jobs.len();
        // What is done is not kept: the list is as long as the work ahead.
        self.jobs.drain(..self.job.min(self.jobs.len()));
        self.job = 0;
        self.total = jobs.iter().fold(self.total, |sum, job| sum.saturating_add(job.bytes));
        self.jobs.extend(jobs);
        if finished {
            self.begin();
        }
    }

    /// Whether windows may hold a little of what lies between segments, which saves reads. Of a source where reads cost nothing, and bytes that
    /// are read twice much, they may not: structures lie there.
    #[must_use]
    pub fn bridging(mut self, yes: bool) -> Walk {
        self.bridged = if yes { limits::PAGE } else { 0 };
        self
    }

    /// Whether scattered segments are walked over their islands, by [`hop`](Walk::hop).
    #[must_use]
    pub fn joining(mut self, yes: bool) -> Walk {
        self.joining = yes;
        self
    }

    /// Also marks where objects start, in the segments for which `which` says so. To be called before the first
    /// [`feed`](Walk::feed).
    #[must_use]
    pub fn marking(mut self, which: Vec<bool>, pointer: PointerSize) -> Walk {
        (self.mark, self.pointer) = (which, pointer);
        self.begin();
        self
    }

    /// Bytes of segments done, and of all.
    pub fn progress(&self) -> (u64, u64) {
        let here = self.jobs.get(self.job).map_or(0, |j| self.cursor.since(j.from).min(j.bytes));
        (self.done_before.saturating_add(here), self.total)
    }

    /// The next windows in the order in which they will be wanted, as (file offset, length). Only the first one is certain. Segments that
    /// lie close to each other in the file share a window. Windows end on a grid of the file, so that one asked for ahead still holds
    /// what is wanted when its turn comes, even if something in front of it was skipped.
    pub fn upcoming(&self, max: usize) -> Vec<(u64, u64)> {
        let mut windows: Vec<(u64, u64)> = Vec::new();
        let mut need = self.cursor.plus(self.carry.len() as u64);
        for job in self.jobs.get(self.job..).unwrap_or_default() {
            // Bodies of large arrays are skipped: little is read ahead of what decides how far.
            let large = self.segments.get(job.segment).is_some_and(|s| s.generation() == Generation::Loh);
            let (grid, max) = match large {
                true => (self.window.min(limits::WINDOW_LARGE), max.min(windows.len().saturating_add(2))),
                false => (self.window, max),
            };
            // What is behind one island is only known when the walk has come there.
            if job.joined && !windows.is_empty() {
                break;
            }
            let first = job.extents.partition_point(|e| e.addr.plus(e.len) <= need);
            let extents = job.extents.get(first..).unwrap_or_default();
            for extent in extents.iter().take(if job.joined { 1 } else { extents.len() }) {
                let skipped = need.since(extent.addr);
                let mut at = extent.offset.saturating_add(skipped);
                let mut left = extent.len.saturating_sub(skipped);
                while left > 0 {
                    let cell = |offset: u64| offset.checked_div(grid).unwrap_or(0);
                    let len = grid.saturating_sub(at.checked_rem(grid).unwrap_or(0)).min(left);
                    let (wanted, end) = (windows.len(), at.saturating_add(len));
                    match windows.last_mut() {
                        // It lies a little behind the last window, in the same cell of the grid.
                        Some(last)
                            if at.checked_sub(last.0.saturating_add(last.1)).is_some_and(|gap| gap <= self.bridged)
                                && cell(at) == cell(last.0) =>
                        {
                            last.1 = end.saturating_sub(last.0);
                        }
                        _ if wanted >= max => return windows,
                        _ => windows.push((at, len)),
                    }
                    at = at.saturating_add(len);
                    left = left.saturating_sub(len);
                }
            }
            need = Addr::NULL;
        }
        windows
    }

    /// True if nothing is left to feed, and nothing to [`hop`](Walk::hop).
    pub fn finished(&self) -> bool {
        self.job >= self.jobs.len() && self.island.is_none()
    }

    /// Walks as far as `bytes` (which lie at `offset` in the file) reach. Bytes that are not needed any more do nothing.
    pub fn feed(&mut self, mem: &dyn Memory, rt: &Runtime, census: &mut Census, offset: u64, bytes: &[u8]) {
        match rt.layout.pointer {
            PointerSize::Eight => _ = self.advance::<8>(mem, rt, census, offset, bytes, Mode::Alone),
            PointerSize::Four => _ = self.advance::<4>(mem, rt, census, offset, bytes, Mode::Alone),
        }
    }

    /// Walks as far as `bytes` reach, or up to objects that the caller is to count.
    pub(super) fn advance<'w, const P: usize>(
        &mut self,
        mem: &dyn Memory,
        rt: &Runtime,
        census: &mut Census,
        offset: u64,
        bytes: &'w [u8],
        mut mode: Mode,
    ) -> Option<Plain<'w, P>> {
        while let Some(job) = self.jobs.get(self.job) {
            let need = self.cursor.plus(self.carry.len() as u64);
            let alone = job.alone.is_some();
            let Some(extent) = extent_at(&job.extents, need) else {
                if alone {
                    self.leave(census);
                } else {
                    self.skip_hole(need);
                }
                continue;
            };
            let within = extent.offset.saturating_add(need.since(extent.addr));
            let from = within.checked_sub(offset).and_then(|f| usize::try_from(f).ok())?;
            let rest = bytes.get(from..).filter(|r| !r.is_empty())?;
            let room = usize::try_from(extent.addr.plus(extent.len).since(need)).unwrap_or(usize::MAX);
            let slice = rest.get(..room.min(rest.len())).unwrap_or_default();
            if alone && self.lands_elsewhere(mem, rt, census, slice) {
                continue;
            }
            let before = (self.job, self.cursor, self.carry.len());
            if self.carry.is_empty() {
                let plain = self.walk_words::<P>(mem, rt, census, slice, mode);
                if plain.is_some() {
                    return plain;
                }
            } else {
                // One header straddles two windows: stitch its beginning to a little of the new bytes.
                let mut stitched = std::mem::take(&mut self.carry);
                let head = slice.get(..slice.len().min(64)).unwrap_or_default();
                stitched.extend_from_slice(head);
                let start = self.cursor;
                let job = self.job;
                self.walk_words::<P>(mem, rt, census, &stitched, Mode::Alone);
                if self.job == job && self.cursor >= need {
                    // The rest is read from the window itself.
                    self.carry.clear();
                } else if self.job == job {
                    let used = usize::try_from(self.cursor.since(start)).unwrap_or(0);
                    self.carry = stitched.get(used..).unwrap_or_default().to_vec();
                }
            }
            mode = mode.then();
            if (self.job, self.cursor, self.carry.len()) == before {
                return None;
            }
        }
        None
    }

    /// Walks over islands as far as that takes no reading: to be called before [`upcoming`](Walk::upcoming).
    pub fn hop(&mut self, mem: &dyn Memory, rt: &Runtime, census: &mut Census) {
        loop {
            let job = self.jobs.get(self.job).filter(|j| j.joined);
            if let Some((segment, mut number)) = self.island
                && job.is_none_or(|j| j.segment != segment)
            {
                // It ended by itself: the walk has not come to its last islands.
                while census.islands.get(number).is_some_and(|i| i.segment == segment) {
                    census.islands.drop(number);
                    number = number.saturating_add(1);
                }
                self.island = None;
            }
            let Some(job) = job else { return };
            let segment = job.segment;
            let need = self.cursor.plus(self.carry.len() as u64);
            let (_, number) = *self.island.get_or_insert_with(|| (segment, census.islands.first(segment)));
            let island = census.islands.get(number).filter(|i| i.segment == segment && i.extent.addr <= need);
            let Some(island) = island else {
                if extent_at(&job.extents, need).is_some() {
                    return;
                }
                self.skip_hole(need);
                continue;
            };
            if need < island.behind() && self.cursor < island.extent.addr {
                // A header that begins on the island before.
                let before = (self.job, self.cursor, self.carry.len());
                let (offset, head) = (island.extent.offset, island.head.clone());
                self.feed(mem, rt, census, offset, &head);
                if (self.job, self.cursor, self.carry.len()) == before {
                    return;
                }
                continue;
            }
            self.island = Some((segment, number.saturating_add(1)));
            if island.behind() <= need {
                census.islands.drop(number);
                continue;
            }
            self.carry.clear();
            if self.gap.is_some() || self.doubt || self.pending_free.is_some() {
                census.islands.drop(number);
                return;
            }
            let Some(island) = census.islands.arrive(number, self.cursor) else { return };
            self.here.objects = self.here.objects.wrapping_add(island.objects);
            self.here.size = self.here.size.wrapping_add(island.size);
            self.here.explained = self.here.explained.wrapping_add(island.end.since(self.cursor));
            (self.cursor, self.carry) = (island.end, island.tail.clone());
        }
    }

    /// Bytes of an island come in: whether its walk begins, or must be looked for, behind the first of them.
    #[cold]
    fn lands_elsewhere(&mut self, mem: &dyn Memory, rt: &Runtime, census: &mut Census, bytes: &[u8]) -> bool {
        let (Some(number), Some(segment)) = (self.jobs.get(self.job).and_then(|j| j.alone), self.segment()) else {
            return false;
        };
        if !self.carry.is_empty() {
            return false;
        }
        let at = islands::land(census, number, mem, rt, &segment, self.cursor, bytes);
        std::mem::replace(&mut self.cursor, at) != at
    }

    /// Ends an island's walk in front of what is special.
    #[cold]
    fn leave(&mut self, census: &mut Census) {
        if let Some(gap) = self.gap.take() {
            self.cursor = gap.start;
        }
        if let Some(number) = self.jobs.get(self.job).and_then(|j| j.alone) {
            let here = std::mem::take(&mut self.here);
            census.islands.leave(number, self.cursor, here.objects, here.size, &self.carry);
            self.next_job();
        }
    }

    /// What the hot loop counted.
    pub(super) fn count_run<const P: usize>(&mut self, plain: &mut Plain<'_, P>, run: Run) {
        let from = plain.at();
        plain.from = run.next;
        self.cursor = Addr(plain.at());
        let stepped = self.cursor.since(Addr(from));
        if let Some(r) = self.result() {
            r.objects = r.objects.wrapping_add(run.objects);
            r.size = r.size.wrapping_add(run.size);
            r.explained = r.explained.wrapping_add(stepped);
        }
    }

    /// Ends the walk and hands out its result, but for the census. What was not fed becomes a finding.
    pub fn finish(self) -> Outcome {
        let mut whole = Outcome::in_parts(self.segments.len());
        whole.merge(self.finish_part());
        whole
    }

    /// As [`finish`](Walk::finish), of a walk over some of the segments: the result is to be [merged](Outcome::merge).
    pub fn finish_part(mut self) -> Outcome {
        self.end();
        self.out.parts = self.results;
        self.out
    }

    fn end(&mut self) {
        while let Some(job) = self.jobs.get(self.job) {
            let need = self.cursor.plus(self.carry.len() as u64);
            if extent_at(&job.extents, need).is_some() {
                self.first_error();
                self.out.findings.add("walk-unfinished", true, || format!("the walk stopped at {need}"));
                self.next_job();
            } else {
                self.skip_hole(need);
            }
        }
        self.end_share();
    }

    /// As [`add`](Walk::add); what goes wrong in these segments is kept apart under a number, so that the order in which threads come by
    /// their shares cannot be seen in the result.
    pub fn add_share(&mut self, number: usize, which: &[usize], regions: &Regions) {
        self.end_share();
        self.share = Some(number);
        self.add(which, regions);
    }

    fn end_share(&mut self) {
        if let Some(number) = self.share.take() {
            self.out.of_shares.push((number, std::mem::take(&mut self.out.findings)));
        }
    }

    /// A copy of the result so far, as [`finish_part`](Walk::finish_part) gives it, but for what only those who want to hear of every object get.
    pub fn so_far(&self) -> Outcome {
        let here = self.jobs.get(self.job).map(|job| (job.segment, self.here.clone()));
        Outcome {
            parts: self.results.iter().cloned().chain(here).collect(),
            large_free: self.out.large_free.clone(),
            findings: self.out.findings.clone(),
            of_shares: self.out.of_shares.clone(),
            ..Outcome::default()
        }
    }

    fn segment(&self) -> Option<Arc<Segment>> {
        self.segments.get(self.jobs.get(self.job)?.segment).cloned()
    }

    /// Starts the current job; a segment without a byte in the dump ends at once.
    fn begin(&mut self) {
        self.carry.clear();
        self.gap = None;
        self.doubt = false;
        self.pending_free = None;
        self.cursor = self.jobs.get(self.job).map_or(Addr::NULL, |j| j.from);
        if !self.mark.is_empty() {
            let number = self.jobs.get(self.job).map(|j| j.segment).filter(|&n| self.mark.get(n) == Some(&true));
            self.starts = number.and_then(|n| self.segments.get(n)).map(|s| Starts::new(s, self.pointer));
            self.noting = self.note_pages || self.starts.is_some();
        }
    }

    fn next_job(&mut self) {
        if let (Some(starts), Some(job)) = (self.starts.take(), self.jobs.get(self.job)) {
            self.out.starts.push((job.segment, starts));
        }
        if let Some(job) = self.jobs.get(self.job) {
            self.done_before = self.done_before.saturating_add(job.bytes);
            if job.alone.is_none() {
                self.results.push((job.segment, std::mem::take(&mut self.here)));
            }
        }
        self.job = self.job.saturating_add(1);
        self.begin();
    }

    fn result(&mut self) -> Option<&mut SegmentResult> {
        (self.job < self.jobs.len()).then_some(&mut self.here)
    }

    /// `need` is not in the dump: go on at the next extent, or end the segment.
    fn skip_hole(&mut self, need: Addr) {
        let Some(job) = self.jobs.get(self.job) else { return };
        let Some(segment) = self.segment() else { return };
        let next = job.extents.get(job.extents.partition_point(|e| e.addr <= need)).map(|e| e.addr);
        let to = next.unwrap_or(segment.end);
        self.close_gap(self.cursor, true);
        if self.cursor < segment.end {
            let (from, bytes) = (self.cursor, to.since(self.cursor));
            self.first_error();
            self.out.findings.add("heap-hole", true, || {
                format!("{bytes} bytes of the heap from {from} on are missing from the dump; the objects there are not counted")
            });
        }
        self.carry.clear();
        self.pending_free = None;
        self.doubt = true;
        match next {
            Some(next) => self.cursor = align_up(next, segment.alignment),
            None => self.next_job(),
        }
    }

    fn first_error(&mut self) {
        if let Some(r) = self.result()
            && r.before_first_error.is_none()
        {
            r.before_first_error = Some((r.objects, r.size, r.explained.saturating_sub(r.gaps)));
        }
    }

    /// Ends an open gap in front of `at`. A gap is proven if only its last word may be non-zero, and if there may be one.
    fn close_gap(&mut self, at: Addr, unproven: bool) {
        let Some(gap) = self.gap.take() else { return };
        let bytes = at.since(gap.start);
        if gap.nonzero > 0 {
            let words = gap.nonzero;
            self.out.findings.add("unexplained-bytes", true, || {
                format!("{bytes} bytes from {} on are no objects, and {words} words of them are not zero", gap.start)
            });
        } else if !unproven {
            if self.may_be_empty(gap.start, bytes) {
                if let Some(r) = self.result() {
                    r.explained = r.explained.saturating_add(bytes);
                    r.gaps = r.gaps.saturating_add(bytes);
                }
            } else {
                self.first_error();
                self.out.findings.add("unexplained-gap", true, || {
                    format!("{bytes} bytes from {} on are no objects where no thread allocates", gap.start)
                });
            }
        }
    }

    /// Whether nobody may have written `bytes` bytes of a segment yet: an allocation context is only open in generation 0 (a GC fills
    /// all of them with Free objects) and holds room for a Free object; a large or pinned object may be given out and not begun.
    fn may_be_empty(&self, at: Addr, bytes: u64) -> bool {
        let Some(segment) = self.segment() else { return false };
        // The least object of every runtime: header, method table, one field.
        let least = HEADER_WORDS.wrapping_mul(segment.alignment.min(8));
        match generation_at(&segment, at) {
            Generation::Gen0 | Generation::Poh => bytes >= least,
            Generation::Loh => bytes >= LEAST_LARGE && at != segment.start,
            Generation::Gen1 | Generation::Gen2 | Generation::Frozen => false,
        }
    }

    /// `bytes` begin at `cursor` and are contiguous memory of the current segment. Most objects are counted by [`Hot`], one that is
    /// special in some way by this loop.
    fn walk_words<'w, const P: usize>(
        &mut self,
        mem: &dyn Memory,
        rt: &Runtime,
        census: &mut Census,
        bytes: &'w [u8],
        mut mode: Mode,
    ) -> Option<Plain<'w, P>> {
        let segment = self.segment()?;
        let alone = self.jobs.get(self.job)?.alone.is_some();
        let layout = &rt.layout;
        let p = P as u64;
        let unmask = !layout.unmask;
        let (minimum, align_mask) = (layout.min_object, segment.alignment.wrapping_sub(1));
        let (quirk, free_floor) = (layout.free_quirk, layout.free_floor);
        let base = self.cursor;
        let end = segment.end;
        let fed_end = base.plus(bytes.len() as u64);
        let (words, _) = bytes.as_chunks::<P>();
        // Of the part of the segment that the cursor is in, and where in `words` it ends.
        let mut lane: Option<Lane> = None;
        let mut stop = 0;
        loop {
            let at = self.cursor;
            if alone && (self.gap.is_some() || end.0.saturating_sub(at.0) < HEADER_WORDS.wrapping_mul(p)) {
                self.leave(census);
                return None;
            }
            if end.0.saturating_sub(at.0) < HEADER_WORDS.wrapping_mul(p) {
                // No object fits: the rest is gap. Of its words only the last may be non-zero.
                self.end_segment::<P>(bytes, base);
                return None;
            }
            if fed_end.0.saturating_sub(at.0) < HEADER_WORDS.wrapping_mul(p) {
                if at < fed_end {
                    let from = usize::try_from(at.since(base)).unwrap_or(usize::MAX);
                    self.carry = bytes.get(from..).unwrap_or_default().to_vec();
                }
                return None;
            }
            let offset = usize::try_from(at.0.wrapping_sub(base.0)).ok()?;
            if !self.noting && self.gap.is_none() && !self.doubt && self.pending_free.is_none() {
                let from = offset.checked_div(P).unwrap_or(0);
                if from >= stop {
                    let (generation, part_end) = part_at(&segment, at);
                    lane = Lane::new::<P>(layout, segment.alignment, base.0, generation);
                    // Headers of that many words are in the window, in the part, and not too close to the segment's end.
                    let in_part = part_end.since(base).checked_div(p).unwrap_or(0);
                    let in_segment = end.since(base).checked_div(p).unwrap_or(0).saturating_sub(2);
                    let in_window = (words.len() as u64).saturating_sub(2);
                    stop = usize::try_from(in_part.min(in_segment).min(in_window)).unwrap_or(0);
                }
                if let Some(mut plain) = lane.and_then(|lane| Plain::new(lane, words, from, stop)) {
                    match mode {
                        Mode::Paired => return Some(plain),
                        Mode::PairedBehindSpecial => {}
                        Mode::Alone => {
                            let run = census.hot.run(&plain, &mut census.tallies);
                            if run.objects > 0 {
                                self.count_run(&mut plain, run);
                                continue;
                            }
                        }
                    }
                }
            }
            let word = word::<P>(bytes, offset)?;
            mode = mode.then();
            let table = word & unmask;
            let shape = if table == 0 { None } else { census.tables.get(mem, rt, table) };
            let Some(shape) = shape else {
                self.gap_word(at, word, p);
                continue;
            };
            let count = if shape.component_size == 0 { 0 } else { count::<P>(bytes, offset) };
            let size = u64::from(shape.base_size).wrapping_add(u64::from(shape.component_size).wrapping_mul(count));
            let stepped = size.max(minimum).wrapping_add(align_mask) & !align_mask;
            let next = at.plus(stepped);
            if next > end || alone && shape.free && size >= limits::LARGE_FREE {
                if !alone {
                    self.overrun(at, table, size);
                }
                self.gap_word(at, word, p);
                continue;
            }
            if self.gap.is_some() || self.doubt {
                if !self.accept_after_gap::<P>(mem, rt, census, at, bytes, offset) {
                    self.gap_word(at, word, p);
                    continue;
                }
                self.close_gap(at, false);
                self.doubt = false;
            }
            let generation = generation_at(&segment, at);
            let reported = if shape.free { size.saturating_sub(quirk).max(free_floor) } else { size.max(minimum) };
            let tally = self.count_object(census, generation, shape, at, reported, stepped);
            if let Some(lane) = lane.as_ref().filter(|l| l.generation == generation) {
                census.hot.admit::<P>(lane, layout, word, shape, tally, &mut census.tallies);
            }
            if shape.free || self.pending_free.is_some() {
                self.note_free(shape, at, Addr(table), reported, generation);
            }
            if self.noting {
                self.note_object(at, p);
            }
            self.cursor = next;
        }
    }

    fn count_object(
        &mut self,
        census: &mut Census,
        generation: Generation,
        shape: Shape,
        at: Addr,
        reported: u64,
        stepped: u64,
    ) -> u32 {
        let tally = census.tallies.slot(shape.index, generation);
        if spread(at.0) < census.tallies.add(tally, 1, reported, stepped) {
            census.tallies.offer(tally, at.0);
        }
        if let Some(r) = self.result() {
            r.objects = r.objects.wrapping_add(1);
            r.size = r.size.wrapping_add(reported);
            r.explained = r.explained.wrapping_add(stepped);
        }
        tally
    }

    /// One word that begins no object.
    fn gap_word(&mut self, at: Addr, word: u64, p: u64) {
        if self.note_pages {
            self.touch(at, p);
        }
        let nonzero = word != 0;
        match &mut self.gap {
            Some(gap) => {
                if gap.last_nonzero {
                    gap.nonzero = gap.nonzero.saturating_add(1);
                }
                gap.last_nonzero = nonzero;
            }
            None => self.gap = Some(Gap { start: at, nonzero: 0, last_nonzero: nonzero }),
        }
        if self.gap.is_some_and(|g| g.nonzero > 0) {
            self.first_error();
        }
        self.cursor = at.plus(p);
    }

    /// The object at `at` would reach beyond its segment.
    #[cold]
    fn overrun(&mut self, at: Addr, table: u64, size: u64) {
        self.first_error();
        self.doubt = true;
        self.out.findings.add("object-overrun", true, || {
            format!(
                "the object at {at} with method table {table:x} would have {size} bytes and reach beyond its segment"
            )
        });
    }

    /// The first candidate behind a gap. It may be a stale method table in the gap's last word, the header slot of the object behind it;
    /// and after words that were not zero it must be confirmed by what follows.
    #[cold]
    fn accept_after_gap<const P: usize>(
        &mut self,
        mem: &dyn Memory,
        rt: &Runtime,
        census: &mut Census,
        at: Addr,
        bytes: &[u8],
        offset: usize,
    ) -> bool {
        let Some(segment) = self.segment() else { return false };
        let read = |at, size| mem.ptr(at, size, "object header").ok().map(|word| word.0);
        let holds = |tables: &mut MethodTables, at| chain_holds(&read, mem, rt, tables, &segment, at);
        if self.doubt || self.gap.is_some_and(|g| g.nonzero > 0) {
            return holds(&mut census.tables, at);
        }
        let behind = word::<P>(bytes, offset.saturating_add(P)).map_or(0, |w| w & !rt.layout.unmask);
        if behind == 0 || census.tables.get(mem, rt, behind).is_none() {
            return true;
        }
        // Two method tables in a row: an object whose first field is one (a boxed handle), or a stale header slot in front of the object.
        holds(&mut census.tables, at) || !holds(&mut census.tables, at.plus(P as u64))
    }

    fn end_segment<const P: usize>(&mut self, bytes: &[u8], base: Addr) {
        let Some(segment) = self.segment() else { return };
        while self.cursor < segment.end {
            let word = usize::try_from(self.cursor.since(base)).ok().and_then(|o| word::<P>(bytes, o));
            let Some(word) = word else {
                // The last words are in the next window.
                let from = usize::try_from(self.cursor.since(base)).unwrap_or(usize::MAX);
                let rest = bytes.get(from..).unwrap_or_default();
                if base.plus(bytes.len() as u64) < segment.end {
                    self.carry = rest.to_vec();
                    return;
                }
                break;
            };
            self.gap_word(self.cursor, word, P as u64);
        }
        self.close_gap(segment.end, false);
        self.next_job();
    }

    /// Keeps large Free blocks and what follows them.
    fn note_free(&mut self, shape: Shape, at: Addr, table: Addr, reported: u64, generation: Generation) {
        if let Some(pending) = self.pending_free.take()
            && let Some(block) = self.out.large_free.get_mut(pending)
        {
            block.followed_by = Some((at, table));
        }
        // One more than are shown, so that it is seen that there are more.
        if shape.free && reported >= limits::LARGE_FREE && self.out.large_free.len() <= limits::MAX_LARGE_FREE {
            self.pending_free = Some(self.out.large_free.len());
            self.out.large_free.push(FreeBlock { at, size: reported, generation, followed_by: None });
        }
    }

    /// For those who want to hear of every object.
    fn note_object(&mut self, at: Addr, p: u64) {
        if let Some(starts) = &mut self.starts {
            starts.mark(at);
        }
        if self.note_pages {
            self.touch(at, p);
        }
    }

    fn touch(&mut self, at: Addr, p: u64) {
        // The header may straddle two pages.
        for page in [at.0 >> 12, at.plus(HEADER_WORDS.wrapping_mul(p)).minus(1).0 >> 12] {
            if page != self.last_page {
                self.out.touched.insert(Addr(page));
                self.last_page = page;
            }
        }
    }
}

/// The extent with `addr`; extents are ascending and apart.
fn extent_at(extents: &[Extent], addr: Addr) -> Option<Extent> {
    let behind = extents.partition_point(|e| e.addr <= addr);
    extents.get(behind.checked_sub(1)?).filter(|e| addr < e.addr.plus(e.len)).copied()
}

/// From `at` on 16 objects follow each other, or the chain reaches the segment's end or an untouched gap. `read` knows words of the segment.
pub(super) fn chain_holds(
    read: &dyn Fn(Addr, PointerSize) -> Option<u64>,
    mem: &dyn Memory,
    rt: &Runtime,
    tables: &mut MethodTables,
    segment: &Segment,
    at: Addr,
) -> bool {
    let (layout, mut at) = (&rt.layout, at);
    for _ in 0..16 {
        if segment.end.since(at) < HEADER_WORDS.wrapping_mul(layout.p()) {
            return at <= segment.end;
        }
        let Some(word) = read(at, layout.pointer) else { return false };
        if word == 0 {
            return true;
        }
        let Some(shape) = tables.get(mem, rt, word & !layout.unmask) else { return false };
        let count = if shape.component_size == 0 {
            0
        } else {
            match read(at.plus(layout.num_components), PointerSize::Four) {
                Some(n) => n,
                None => return false,
            }
        };
        let size = u64::from(shape.base_size).wrapping_add(u64::from(shape.component_size).wrapping_mul(count));
        let mask = segment.alignment.wrapping_sub(1);
        at = at.plus(size.max(layout.min_object).wrapping_add(mask) & !mask);
        if at > segment.end {
            return false;
        }
    }
    true
}

/// The generation at `at` and where it ends.
fn part_at(segment: &Segment, at: Addr) -> (Generation, Addr) {
    let end = segment.parts.iter().map(|p| p.0).find(|start| *start > at).unwrap_or(segment.end);
    (generation_at(segment, at), end)
}

#[inline]
fn generation_at(segment: &Segment, at: Addr) -> Generation {
    match segment.parts.as_slice() {
        [only] => only.1,
        parts => parts.iter().rev().find(|p| p.0 <= at).map_or(Generation::Gen2, |p| p.1),
    }
}

#[inline]
pub(super) fn word<const P: usize>(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(value(bytes.get(offset..)?.first_chunk::<P>()?))
}

/// The u32 behind the method table pointer: number of components.
#[inline]
fn count<const P: usize>(bytes: &[u8], offset: usize) -> u64 {
    let from = offset.wrapping_add(P);
    bytes
        .get(from..from.wrapping_add(4))
        .and_then(|b| b.try_into().ok())
        .map_or(0, |b| u64::from(u32::from_le_bytes(b)))
}

pub(super) fn align_up(at: Addr, alignment: u64) -> Addr {
    let mask = alignment.wrapping_sub(1);
    Addr(at.0.wrapping_add(mask) & !mask)
}
