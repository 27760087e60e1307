//! Claims on addresses -> bytes. Every byte of the dump's memory goes to one claim at most: of those that want it, to the one that comes first
//! in the order of [`MemoryOwner`].
//!
//! A sweep over the sorted ends of the claims beside one over the regions of the dump: n log n in the number of claims, no byte is read.

use super::MemoryOwner;
use crate::dump::regions::{Extent, Regions};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Addresses that belong to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Whose.
    pub owner: MemoryOwner,
}

/// Two claims that cannot both be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction {
    /// Where the second one begins.
    pub at: u64,
    /// The owners.
    pub between: [MemoryOwner; 2],
}

/// The bytes of the dump that each claim got, in the order of the claims.
pub fn allot(claims: &[Claim], regions: &Regions, mut contradiction: impl FnMut(Contradiction)) -> Vec<u64> {
    let mut got = vec![0u64; claims.len()];
    let mut order: Vec<usize> = (0..claims.len()).collect();
    let claim = |i: usize| claims.get(i).copied().filter(|c| c.start < c.end);
    order.retain(|&i| claim(i).is_some());
    crate::order::by_key(&mut order, |&i| claim(i).map(|c| c.start));
    let mut next = order.into_iter().filter_map(|i| Some((i, claim(i)?))).peekable();
    // What is open at the sweep's place: the first in the order of owners on top, the first one listed of the same owner.
    let mut open: BinaryHeap<Reverse<(MemoryOwner, usize)>> = BinaryHeap::new();
    let mut memory = Bytes { rest: regions.iter(), now: None };
    let mut at = 0u64;
    loop {
        let end_of = |i: usize| claim(i).map_or(0, |c| c.end);
        while open.peek().is_some_and(|&Reverse((_, i))| end_of(i) <= at) {
            open.pop();
        }
        let starts = next.peek().map(|(_, c)| c.start);
        match open.peek() {
            // Nothing is open: on to the next claim.
            None => match starts {
                Some(start) => at = at.max(start),
                None => return got,
            },
            Some(&Reverse((_, top))) => {
                let to = starts.unwrap_or(u64::MAX).min(end_of(top));
                let bytes = memory.between(at, to);
                if let Some(sum) = got.get_mut(top) {
                    *sum = sum.saturating_add(bytes);
                }
                at = to;
            }
        }
        while let Some((i, c)) = next.next_if(|(_, c)| c.start <= at) {
            if let Some(&Reverse((owner, top))) = open.peek()
                && end_of(top) > at
                && owner.excludes(c.owner)
            {
                contradiction(Contradiction { at, between: [owner, c.owner] });
            }
            open.push(Reverse((c.owner, i)));
        }
    }
}

/// The dump's bytes, counted from low to high addresses.
struct Bytes<I> {
    rest: I,
    now: Option<Extent>,
}

impl<I: Iterator<Item = Extent>> Bytes<I> {
    /// How many lie in `from..to`. Calls ascend.
    fn between(&mut self, from: u64, to: u64) -> u64 {
        let mut sum = 0u64;
        loop {
            let Some(extent) = self.now.take().or_else(|| self.rest.next()) else { return sum };
            let end = extent.addr.0.saturating_add(extent.len);
            if end > from && extent.addr.0 < to {
                sum = sum.saturating_add(end.min(to).saturating_sub(extent.addr.0.max(from)));
            }
            if end > to {
                self.now = Some(extent);
                return sum;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "test code: it knows its numbers")]
mod tests {
    use super::*;
    use crate::error::Findings;
    use crate::memory::Addr;
    use proptest::prelude::*;

    const OWNERS: [MemoryOwner; 4] =
        [MemoryOwner::GcObjects, MemoryOwner::GcEmpty, MemoryOwner::NativeImages, MemoryOwner::ThreadStacks];

    fn claim(start: u64, end: u64, owner: MemoryOwner) -> Claim {
        Claim { start, end, owner }
    }

    fn regions(ranges: &[(u64, u64)]) -> Regions {
        let mut offset = 0;
        let list = ranges.iter().map(|&(addr, len)| {
            offset += len + 1;
            Extent { addr: Addr(addr), offset: offset - len, len }
        });
        Regions::build(list.collect(), u64::MAX, &mut Findings::default())
    }

    #[test]
    fn the_first_owner_wins_and_nothing_counts_twice() {
        let memory = regions(&[(0x1000, 0x1000), (0x4000, 0x1000)]);
        let claims = [
            claim(0, u64::MAX, MemoryOwner::GcEmpty),
            claim(0x1800, 0x4100, MemoryOwner::GcObjects),
            claim(0x4080, 0x4200, MemoryOwner::GcObjects),
            claim(0x1000, 0x1000, MemoryOwner::GcObjects),
            claim(0x9000, 0x8000, MemoryOwner::GcObjects),
        ];
        let mut found = Vec::new();
        assert_eq!(allot(&claims, &memory, |c| found.push(c)), [0x1000 + 0x1000 - 0x800 - 0x200, 0x900, 0x100, 0, 0]);
        assert_eq!(found, [Contradiction { at: 0x4080, between: [MemoryOwner::GcObjects; 2] }]);
    }

    #[test]
    fn a_hundred_thousand_of_each_take_no_time() {
        let n = 100_000u64;
        let memory = regions(&(0..n).map(|i| (i * 0x3000, 0x1000)).collect::<Vec<_>>());
        let mut claims: Vec<Claim> =
            (0..n).rev().map(|i| claim(i * 0x3000, i * 0x3000 + 0x800, MemoryOwner::GcObjects)).collect();
        claims.push(claim(0, n * 0x3000, MemoryOwner::GcEmpty));
        let started = std::time::Instant::now();
        let got = allot(&claims, &memory, |_| {});
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
        assert_eq!((got[0], got[claims.len() - 1]), (0x800, n * 0x800));
    }

    proptest! {
        #[test]
        fn equals_a_byte_by_byte_model(
            memory in prop::collection::vec((0u64..300, 1u64..30), 0..20),
            list in prop::collection::vec((0u64..300, 0u64..60, 0usize..4), 0..20),
        ) {
            let memory = regions(&memory);
            let claims: Vec<Claim> = list.iter().map(|&(at, len, o)| claim(at, at + len, OWNERS[o])).collect();
            let mut model = vec![0u64; claims.len()];
            for byte in memory.iter().flat_map(|e| e.addr.0..e.addr.0 + e.len) {
                let wanted = (0..claims.len()).filter(|&i| claims[i].start <= byte && byte < claims[i].end);
                // Of one owner's claims any may win: the sums by owner are what is promised.
                if let Some(i) = wanted.min_by_key(|&i| (claims[i].owner, i)) {
                    model[i] += 1;
                }
            }
            let got = allot(&claims, &memory, |_| {});
            prop_assert_eq!(got, model);
        }
    }
}
