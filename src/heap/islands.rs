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
use super::segments::{Generation, Segment};
use super::walk::{Census, align_up, chain_holds, is_in, ranges, word};
use crate::dump::regions::{Extent, Regions};
use crate::memory::{Addr, Memory, PointerSize};
use crate::runtime::Runtime;
use std::collections::VecDeque;
use std::sync::Arc;

/// A jump in the file costs as much as so many bytes (measured in Chromium: 0.3 to 0.6 ms).
const JUMP: u64 = 1 << 20;

/// After so many rounds the heap is walked by address alone.
const ROUNDS: u32 = 3;

/// Nothing is counted on the island.
const NOWHERE: Addr = Addr(u64::MAX);

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
    pub end: Addr,
    /// Those from `start` to `end`.
    pub objects: u64,
    /// Their unaligned bytes.
    pub size: u64,
    /// The first bytes: a header that begins on another island may end there.
    pub head: Vec<u8>,
    /// The bytes behind `end`, where they are too few for a header.
    pub tail: Vec<u8>,
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
                    head: Vec::new(),
                    tail: Vec::new(),
                }));
            }
        }
        Islands { all, heap: ranges(segments), wrong: false, rounds: 0 }
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
        let extent = |n: usize| self.get(n).filter(|i| i.counts()).map(|i| i.extent);
        in_runs(self.all.len(), &|n| extent(n).map_or(0, |e| e.offset), &|n| extent(n).map_or(0, |e| e.len))
    }

    /// Number of the first island of a segment.
    pub fn first(&self, segment: usize) -> usize {
        self.all.partition_point(|i| i.segment < segment)
    }

    /// Whether counts must be thrown away; they are taken to be so from here on.
    pub fn begin_again(&mut self) -> bool {
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds >= ROUNDS {
            // Cannot be while the same bytes are read each time. Whatever is read: now nothing is counted on islands, so that nothing can be wrong.
            for island in &mut self.all {
                (island.start, island.objects) = (NOWHERE, 0);
            }
        }
        std::mem::take(&mut self.wrong)
    }

    /// The walk of an island has ended at `end`, in front of bytes that it cannot use or must not.
    pub fn leave(&mut self, number: usize, end: Addr, objects: u64, size: u64, tail: &[u8]) {
        let Some(island) = self.all.get_mut(number) else { return };
        if island.start.is_null() {
            island.start = NOWHERE;
        }
        (island.end, island.objects, island.size, island.tail) = (end, objects, size, tail.to_vec());
    }

    /// The walk by address passes over an island, or must read it for another reason.
    pub fn drop(&mut self, number: usize) {
        if let Some(island) = self.all.get_mut(number) {
            self.wrong |= island.objects > 0;
            (island.start, island.objects) = (NOWHERE, 0);
        }
    }

    /// The walk by address has come to `at` on an island. Gives the island if it goes on behind it; else it reads.
    pub fn arrive(&mut self, number: usize, at: Addr) -> Option<&Island> {
        let island = self.all.get_mut(number)?;
        let right = island.start == at;
        let likely = self.rounds == 0 && island.counts() && at < island.end;
        if !right {
            self.wrong |= island.objects > 0;
            island.start = at;
        }
        (right || likely).then_some(island)
    }
}

impl Island {
    /// Whether objects are counted on it.
    pub fn counts(&self) -> bool {
        self.start != NOWHERE
    }

    /// Where its walk begins: at an object, or where a guess may be made.
    pub fn from(&self, alignment: u64) -> Addr {
        if self.start.is_null() { align_up(self.extent.addr, alignment) } else { self.start }
    }

    /// First address behind it.
    pub fn behind(&self) -> Addr {
        self.extent.addr.plus(self.extent.len)
    }
}

/// The walk of an island has `bytes` of it from `at` on: where it is to go on.
pub fn land(
    census: &mut Census,
    number: usize,
    mem: &dyn Memory,
    rt: &Runtime,
    segment: &Segment,
    at: Addr,
    bytes: &[u8],
) -> Addr {
    let Census { islands, tables, .. } = census;
    let Some(island) = islands.all.get_mut(number) else { return at };
    let (first, end) = (at, at.plus(bytes.len() as u64));
    if at == island.extent.addr {
        // Two words: with one more that is left of the island before, it is a header.
        island.head = bytes.get(..16).unwrap_or(bytes).to_vec();
    }
    if !island.start.is_null() {
        return at;
    }
    // A word of which bytes are not there yet is zero, as in a gap that nothing was written to.
    let read = |at: Addr, size| {
        let from = usize::try_from(at.since(first)).ok()?;
        let word = match size {
            PointerSize::Four => word::<4>(bytes, from),
            PointerSize::Eight => word::<8>(bytes, from),
        };
        Some(word.unwrap_or(0))
    };
    let mut place = align_up(at, segment.alignment);
    while place < end {
        let table = read(place, rt.layout.pointer).unwrap_or(0) & !rt.layout.unmask;
        // References lead into the heap.
        if table != 0 && !is_in(&islands.heap, Addr(table)) && chain_holds(&read, mem, rt, tables, segment, place) {
            island.start = place;
            return place;
        }
        place = place.plus(segment.alignment);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heap_that_reads_otherwise_each_time_is_walked_by_address_in_the_end() {
        let extent = Extent { addr: Addr(0x1000), len: 0x1000, offset: 0 };
        let (start, end) = (Addr(0x1000), Addr(0x1fe0));
        let island = Island { segment: 0, extent, start, end, objects: 0, size: 0, head: Vec::new(), tail: Vec::new() };
        let mut islands = Islands { all: vec![island], ..Islands::default() };
        let mut rounds = 0;
        loop {
            if islands.get(0).is_some_and(Island::counts) {
                islands.leave(0, end, 7, 0x100, &[]);
            }
            // Never where the round before came to.
            let by_address = islands.arrive(0, Addr(0x1010 + 8 * u64::from(rounds))).is_none();
            rounds += 1;
            if !islands.begin_again() {
                assert!(by_address, "the island is read");
                break;
            }
            assert!(rounds < 10, "without end");
        }
        assert_eq!(rounds, ROUNDS + 1);
    }
}
