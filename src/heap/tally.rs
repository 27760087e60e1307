//! Objects and bytes by method table and generation, with a sample of their addresses.
//!
//! Most types live in one or two generations, so the tallies of a method table are a short list in one arena: a million method tables
//! take some 100 MB, not a row of six each.

use super::segments::Generation;
use crate::limits;
use crate::memory::Addr;

/// Objects of one method table in one generation.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    /// Objects.
    pub count: u64,
    /// Unaligned bytes, as SOS sums.
    pub size: u64,
    /// Aligned bytes.
    pub aligned: u64,
    /// The next tally of the same method table, or [`NONE`].
    next: u32,
    generation: Generation,
    /// Addresses in the sample.
    sampled: u8,
}

/// The tallies of a walk, or of a part of one.
#[derive(Debug, Clone)]
pub struct Tallies {
    /// By [`Shape::index`](super::method_tables::Shape::index): the first tally, or [`NONE`].
    first: Vec<u32>,
    all: Vec<Tally>,
    /// Room for `stride` addresses a tally, those with the smallest hashes, ascending by hash: the same dump gives the same sample,
    /// however the walk is cut into parts.
    addresses: Vec<u64>,
    stride: usize,
}

const NONE: u32 = u32::MAX;

impl Default for Tallies {
    fn default() -> Self {
        Tallies { first: Vec::new(), all: Vec::new(), addresses: Vec::new(), stride: limits::SAMPLES }
    }
}

/// Spreads addresses evenly (Knuth's multiplicative hash): a fixed function, hence a fixed sample. No two addresses have the same hash.
#[inline]
pub fn spread(at: u64) -> u64 {
    at.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Tallies {
    /// Number of the tally of a method table in a generation; a new one if there is none.
    pub fn slot(&mut self, table: u32, generation: Generation) -> u32 {
        let table = usize::try_from(table).unwrap_or(usize::MAX);
        if self.first.len() <= table {
            self.first.resize(table.saturating_add(1), NONE);
        }
        let head = self.first.get(table).copied().unwrap_or(NONE);
        let mut at = head;
        while let Some(tally) = self.get(at) {
            if tally.generation == generation {
                return at;
            }
            at = tally.next;
        }
        if self.all.len() == limits::MAX_SAMPLED {
            self.shorten();
        }
        let new = u32::try_from(self.all.len()).unwrap_or(NONE);
        self.all.push(Tally { count: 0, size: 0, aligned: 0, next: head, generation, sampled: 0 });
        self.addresses.resize(self.all.len().saturating_mul(self.stride), 0);
        if let Some(first) = self.first.get_mut(table) {
            *first = new;
        }
        new
    }

    fn get(&self, slot: u32) -> Option<&Tally> {
        self.all.get(usize::try_from(slot).ok()?)
    }

    /// Adds objects and bytes; gives the threshold for hashes of addresses.
    #[inline]
    pub fn add(&mut self, slot: u32, count: u64, size: u64, aligned: u64) -> u64 {
        let Some(tally) = usize::try_from(slot).ok().and_then(|s| self.all.get_mut(s)) else { return 0 };
        tally.count = tally.count.wrapping_add(count);
        tally.size = tally.size.wrapping_add(size);
        tally.aligned = tally.aligned.wrapping_add(aligned);
        self.threshold(slot)
    }

    /// An address with a hash from here on is not in the sample.
    #[inline]
    fn threshold(&self, slot: u32) -> u64 {
        let sample = self.sample(slot);
        let last = sample.last().filter(|_| sample.len() == self.stride);
        last.map_or(u64::MAX, |&a| spread(a))
    }

    /// Offers an address to the sample; gives the new threshold.
    #[cold]
    #[inline(never)]
    pub fn offer(&mut self, slot: u32, at: u64) -> u64 {
        let Some(number) = usize::try_from(slot).ok() else { return 0 };
        let (hash, threshold) = (spread(at), self.threshold(slot));
        let Some(tally) = self.all.get_mut(number).filter(|_| hash < threshold) else { return threshold };
        let from = number.saturating_mul(self.stride);
        let Some(room) = self.addresses.get_mut(from..from.saturating_add(self.stride)) else { return 0 };
        let have = usize::from(tally.sampled);
        let place = room.iter().take(have).position(|&a| spread(a) > hash).unwrap_or(have);
        // The last one goes where there is no room.
        if let Some(tail) = room.get_mut(place..) {
            tail.rotate_right(1);
            if let Some(first) = tail.first_mut() {
                *first = at;
            }
        }
        tally.sampled = u8::try_from(have.saturating_add(1).min(self.stride)).unwrap_or(u8::MAX);
        self.threshold(slot)
    }

    /// So many tallies that there is only room for fewer addresses each: those with the smallest hashes stay.
    #[cold]
    fn shorten(&mut self) {
        let stride = limits::SAMPLES_OF_MANY.min(self.stride);
        let kept = self.addresses.chunks(self.stride).flat_map(|c| c.iter().take(stride).copied());
        self.addresses = kept.collect();
        self.stride = stride;
        let most = u8::try_from(stride).unwrap_or(u8::MAX);
        for tally in &mut self.all {
            tally.sampled = tally.sampled.min(most);
        }
    }

    /// The tallies of a method table that have objects, by generation.
    pub fn of(&self, table: usize) -> [Option<Tally>; 6] {
        self.numbers(table).map(|n| n.and_then(|n| self.get(n)).copied())
    }

    /// Sampled addresses of a method table by generation, ascending.
    pub fn samples(&self, table: usize) -> [Vec<Addr>; 6] {
        self.numbers(table).map(|n| {
            let mut all: Vec<Addr> = n.map_or(&[][..], |n| self.sample(n)).iter().map(|&a| Addr(a)).collect();
            crate::order::ascending(&mut all);
            all
        })
    }

    fn sample(&self, slot: u32) -> &[u64] {
        let number = usize::try_from(slot).unwrap_or(usize::MAX);
        let from = number.saturating_mul(self.stride);
        let have = self.get(slot).map_or(0, |t| usize::from(t.sampled));
        self.addresses.get(from..from.saturating_add(have)).unwrap_or_default()
    }

    fn numbers(&self, table: usize) -> [Option<u32>; 6] {
        let mut numbers = [None; 6];
        let mut at = self.first.get(table).copied().unwrap_or(NONE);
        while let Some(tally) = self.get(at) {
            if tally.count > 0
                && let Some(place) = numbers.get_mut(tally.generation.index())
            {
                *place = Some(at);
            }
            at = tally.next;
        }
        numbers
    }

    /// Adds what another part found of the method table that is number `theirs` there and `mine` here.
    pub fn merge(&mut self, mine: u32, other: &Tallies, theirs: usize) {
        for slot in other.numbers(theirs).into_iter().flatten() {
            let Some(tally) = other.get(slot) else { continue };
            let to = self.slot(mine, tally.generation);
            self.add(to, tally.count, tally.size, tally.aligned);
            for &at in other.sample(slot) {
                self.offer(to, at);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn fill(objects: &[(u32, Generation, u64)]) -> Tallies {
        let mut tallies = Tallies::default();
        for &(table, generation, at) in objects {
            let slot = tallies.slot(table, generation);
            if spread(at) < tallies.add(slot, 1, 24, 32) {
                tallies.offer(slot, at);
            }
        }
        tallies
    }

    const BOTH: [Generation; 2] = [Generation::Gen2, Generation::Loh];

    proptest! {
        #[test]
        fn parts_merged_equal_the_whole_and_samples_are_the_smallest_hashes(
            objects in prop::collection::btree_set((0u32..5, 0usize..2, 1u64..100_000), 0..200), cut in 0usize..200,
        ) {
            let objects: Vec<_> = objects.into_iter().map(|(t, g, at)| (t, BOTH[g], at * 8)).collect();
            let whole = fill(&objects);
            let (a, b) = objects.split_at(cut.min(objects.len()));
            let mut merged = fill(b);
            let other = fill(a);
            for table in 0..5 {
                merged.merge(table, &other, table as usize);
            }
            for table in 0..5u32 {
                let mut all = [BTreeSet::new(), BTreeSet::new()];
                for (_, g, at) in objects.iter().filter(|o| o.0 == table) {
                    all[usize::from(*g == BOTH[1])].insert((spread(*at), *at));
                }
                for tallies in [&whole, &merged] {
                    let (counts, samples) = (tallies.of(table as usize), tallies.samples(table as usize));
                    for (g, all) in BOTH.iter().zip(&all) {
                        let count = counts[g.index()].map_or(0, |t| t.count);
                        prop_assert_eq!(count, all.len() as u64);
                        let mut want: Vec<Addr> = all.iter().take(limits::SAMPLES).map(|s| Addr(s.1)).collect();
                        crate::order::ascending(&mut want);
                        prop_assert_eq!(&samples[g.index()], &want);
                    }
                }
            }
        }
    }

    #[test]
    fn many_tallies_keep_fewer_addresses_whenever_that_is_noticed() {
        let many = limits::MAX_SAMPLED as u32 + 1;
        // The first method table is seen before and after the others.
        let before: Vec<_> = (0..20).map(|i| (0, Generation::Gen2, 0x1000 + i * 24)).collect();
        let others: Vec<_> = (1..many).map(|t| (t, Generation::Gen2, 0x10_0000 + u64::from(t) * 8)).collect();
        let (mut early, mut late) = (before.clone(), others.clone());
        early.extend(&others);
        late.extend(&before);
        let (early, late) = (fill(&early), fill(&late));
        assert_eq!(early.samples(0), late.samples(0));
        assert_eq!(early.samples(0)[2].len(), limits::SAMPLES_OF_MANY);
        assert_eq!(early.of(0)[2].unwrap().count, 20);
    }
}
