//! Heaps that lie scattered over the file: the bytes that follow one another in the process lie in short pieces, in any order. What reads in the order of
//! addresses jumps for each of them, and a jump costs a browser as much as hundreds of kilobytes that follow one another in the file.
//!
//! So the pieces, the *islands*, are walked in the order of the file. Where the first object of one begins is not known, since it is told by the object in
//! front of it, on another island; it is guessed: where a chain of objects holds. Then a walk in the order of addresses goes from island to island,
//! reading nothing: where it comes to an island's guessed start, it goes on behind the island's last object. Only what is special (a gap, a large Free
//! block, an error) it reads and walks itself. Where it comes to another place than was guessed, that island was counted wrong: all counts are thrown away,
//! and the islands are walked once more, from where the walk by address came to them. So guesses decide how long it takes, never what is counted: a
//! round counts only if the walk by address agreed with it on every island.
//!
//! In the first round a walk that comes to another place than was guessed takes it that both ways end at the same object, as they do where the guess was
//! a dead object in a Free block. From the second round on it reads, so that what it finds is certain: the third round is the last.

use super::lanes::{Share, in_runs};
use super::method_tables::MethodTables;
use super::segments::{Generation, Segment};
use crate::dump::regions::{Extent, Regions};
use crate::memory::{Addr, Memory};
use crate::runtime::Runtime;
use std::collections::VecDeque;
use std::sync::Arc;

/// A jump in the file costs as much as so many bytes (measured in Chromium: 0.3 to 0.6 ms).
const JUMP: u64 = 1 << 20;

/// Objects that must follow one another for a guess.
const CHAIN: u32 = 16;

/// Bytes of an object's header and of the word behind it, less the least part of them: what is kept of an island's ends.
const EDGE: usize = 16;

/// Nothing is counted on the island.
const NOWHERE: Addr = Addr(u64::MAX);

/// The first or last bytes of an island.
#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    bytes: [u8; EDGE],
    len: u8,
}

impl Edge {
    fn of(bytes: &[u8]) -> Edge {
        let mut edge = Edge::default();
        for (to, from) in edge.bytes.iter_mut().zip(bytes) {
            *to = *from;
            edge.len = edge.len.saturating_add(1);
        }
        edge
    }

    fn get(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// One piece of a segment.
#[derive(Debug, Clone)]
pub struct Island {
    /// Number of the segment.
    pub segment: usize,
    /// Where it lies.
    pub extent: Extent,
    /// The first object that is counted on it; null as long as it is to be guessed.
    start: Addr,
    /// Behind the last one.
    end: Addr,
    objects: u64,
    size: u64,
    /// The first bytes, in which a header may end that begins in front of it.
    head: Edge,
    /// The bytes behind `end` that are too few for a header.
    tail: Edge,
}

/// What the walk by address does on an island.
#[derive(Debug)]
pub enum Arrival {
    /// It goes on there, with the bytes that it has of it: so much was counted in between.
    Beyond(Addr, Vec<u8>, u64, u64),
    /// It reads.
    Read,
}

/// All islands of a heap.
#[derive(Debug, Default)]
pub struct Islands {
    /// By segment, ascending by address.
    all: Vec<Island>,
    /// Where the segments lie: no method table lies there.
    heap: Arc<[(Addr, Addr)]>,
    /// Something was counted that is wrong.
    wrong: bool,
    /// Rounds that were thrown away.
    rounds: u32,
}

/// Whether the pieces of a segment are rather walked in the order of the file. The bodies of large objects are skipped by address.
pub fn scattered(segment: &Segment, extents: &[Extent]) -> bool {
    let jumps = extents.windows(2).filter(|pair| match pair {
        [a, b] => b.offset.checked_sub(a.offset.saturating_add(a.len)).is_none_or(|gap| gap > JUMP),
        _ => false,
    });
    let bytes = segment.end.since(segment.start);
    segment.generation() != Generation::Loh && (jumps.count() as u64).saturating_mul(JUMP) > bytes
}

impl Islands {
    /// Those of the scattered segments.
    pub fn of(segments: &[Arc<Segment>], regions: &Regions) -> Islands {
        let mut all = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            let extents: Vec<Extent> = regions.extents(segment.start, segment.end).collect();
            if scattered(segment, &extents) {
                all.extend(extents.into_iter().map(|extent| Island {
                    segment: number,
                    extent,
                    // No guess where the segment begins.
                    start: if extent.addr == segment.start { extent.addr } else { Addr::NULL },
                    end: Addr::NULL,
                    objects: 0,
                    size: 0,
                    head: Edge::default(),
                    tail: Edge::default(),
                }));
            }
        }
        Islands { all, heap: super::walk::ranges(segments), wrong: false, rounds: 0 }
    }

    /// Whether the heap has none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether something was counted that is wrong.
    pub fn wrong(&self) -> bool {
        self.wrong
    }

    /// The island with that number.
    pub fn get(&self, number: usize) -> Option<&Island> {
        self.all.get(number)
    }

    /// Those to walk, in the order of the file, in runs as the [shares](super::lanes::shares) of a walk by address.
    pub fn shares(&self) -> VecDeque<Share> {
        let bytes = |n: usize| self.get(n).map_or(0, |i| i.extent.len);
        let mut order: Vec<usize> = (0..self.all.len()).filter(|&n| self.get(n).is_some_and(Island::counts)).collect();
        crate::order::by_key(&mut order, |&n| self.get(n).map(|i| i.extent.offset));
        in_runs(order, &bytes)
    }

    /// Number of the first island of a segment.
    pub fn first(&self, segment: usize) -> usize {
        self.all.partition_point(|i| i.segment < segment)
    }

    /// Whether counts must be thrown away; they are taken to be so from here on.
    pub fn begin_again(&mut self) -> bool {
        self.rounds = self.rounds.saturating_add(1);
        std::mem::take(&mut self.wrong)
    }

    /// The walk of an island has `bytes` of it from `at` on: where it is to go on.
    pub fn land(
        &mut self,
        number: usize,
        mem: &dyn Memory,
        rt: &Runtime,
        tables: &mut MethodTables,
        segment: &Segment,
        at: Addr,
        bytes: &[u8],
    ) -> Addr {
        let Some(island) = self.all.get_mut(number) else { return at };
        if at == island.extent.addr {
            island.head = Edge::of(bytes);
        }
        if !island.start.is_null() {
            return at;
        }
        let guess = Guess { mem, rt, segment, heap: &self.heap, bytes, at };
        match guess.first(tables) {
            Some(start) => {
                island.start = start;
                start
            }
            None => at.plus(bytes.len() as u64),
        }
    }

    /// The walk of an island has ended at `end`, in front of bytes that it cannot use or must not.
    pub fn leave(&mut self, number: usize, end: Addr, objects: u64, size: u64, tail: &[u8]) {
        let Some(island) = self.all.get_mut(number) else { return };
        if island.start.is_null() {
            island.start = NOWHERE;
        }
        (island.end, island.objects, island.size, island.tail) = (end, objects, size, Edge::of(tail));
    }

    /// The walk by address passes over an island, or must read it for another reason.
    pub fn drop(&mut self, number: usize) {
        if let Some(island) = self.all.get_mut(number) {
            self.wrong |= island.counts();
            island.start = NOWHERE;
        }
    }

    /// The walk by address has come to an object on an island.
    pub fn arrive(&mut self, number: usize, at: Addr) -> Arrival {
        let Some(island) = self.all.get_mut(number) else { return Arrival::Read };
        let right = island.start == at;
        let likely = self.rounds == 0 && island.counts() && at < island.end;
        if !right {
            self.wrong |= island.counts();
            island.start = at;
        }
        if right || likely {
            Arrival::Beyond(island.end, island.tail.get().to_vec(), island.objects, island.size)
        } else {
            Arrival::Read
        }
    }
}

impl Island {
    /// Whether objects are counted on it.
    fn counts(&self) -> bool {
        self.start != NOWHERE
    }

    /// Where its walk begins: at an object, or where a guess may be made.
    pub fn from(&self, alignment: u64) -> Addr {
        if self.start.is_null() { super::walk::align_up(self.extent.addr, alignment) } else { self.start }
    }

    /// First address behind it.
    pub fn behind(&self) -> Addr {
        self.extent.addr.plus(self.extent.len)
    }

    /// Its first bytes.
    pub fn head(&self) -> &[u8] {
        self.head.get()
    }
}

/// Where an object may begin.
struct Guess<'a> {
    mem: &'a dyn Memory,
    rt: &'a Runtime,
    segment: &'a Segment,
    heap: &'a [(Addr, Addr)],
    bytes: &'a [u8],
    /// Address of the first byte.
    at: Addr,
}

impl Guess<'_> {
    /// The first place from which a chain of objects holds.
    fn first(&self, tables: &mut MethodTables) -> Option<Addr> {
        let step = self.segment.alignment;
        let first = super::walk::align_up(self.at, step).since(self.at);
        let mut places = (first..self.bytes.len() as u64).step_by(usize::try_from(step).ok()?);
        places.find_map(|offset| Some(self.at.plus(offset)).filter(|&place| self.holds(tables, place)))
    }

    /// Whether objects follow one another from there on, up to the last of the bytes or long enough.
    fn holds(&self, tables: &mut MethodTables, place: Addr) -> bool {
        let mut at = place;
        for done in 0..CHAIN {
            match self.next(tables, at) {
                Some(Some(next)) => at = next,
                Some(None) => return done > 0,
                None => return false,
            }
        }
        true
    }

    /// Where the object at `at` ends; `Some(None)` if its header is not in the bytes.
    fn next(&self, tables: &mut MethodTables, at: Addr) -> Option<Option<Addr>> {
        let (layout, p) = (&self.rt.layout, usize::try_from(self.rt.layout.p()).ok()?);
        let from = usize::try_from(at.since(self.at)).ok()?;
        let Some(header) = self.bytes.get(from..).and_then(|b| b.get(..p.saturating_add(4))) else { return Some(None) };
        let (table, count) = header.split_at_checked(p)?;
        let mut word = [0; 8];
        word.get_mut(..p)?.copy_from_slice(table);
        let table = u64::from_le_bytes(word) & !layout.unmask;
        if table == 0 || is_in(self.heap, Addr(table)) {
            return None;
        }
        let shape = tables.get(self.mem, self.rt, table)?;
        let count = u64::from(u32::from_le_bytes(*count.first_chunk()?));
        let size = u64::from(shape.base_size).wrapping_add(u64::from(shape.component_size).wrapping_mul(count));
        let next = super::walk::align_up(at.plus(size.max(layout.min_object)), self.segment.alignment);
        (next <= self.segment.end).then_some(Some(next))
    }
}

/// Whether an address lies in one of the ranges, which are ascending.
pub fn is_in(ranges: &[(Addr, Addr)], at: Addr) -> bool {
    let before = ranges.partition_point(|(start, _)| *start <= at);
    before.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|(_, end)| at < *end)
}
