//! Where objects start: one bit per pointer-sized unit of a segment, set by the walk.
//!
//! Eight bytes are the step of objects (four on x86, where only the LOH and the POH step by eight), so that a heap takes 1/64 (1/32) of its size.

use super::segments::Segment;
use crate::limits;
use crate::memory::{Addr, PointerSize};

/// The starts of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starts {
    start: u64,
    /// log2 of the unit.
    shift: u32,
    words: Vec<u64>,
}

impl Starts {
    /// Nothing marked yet. The memory is the operating system's zero pages until a bit in it is set.
    pub fn new(segment: &Segment, pointer: PointerSize) -> Starts {
        let bytes = usize::try_from(memory_of(segment, pointer)).unwrap_or(0);
        Starts { start: segment.start.0, shift: shift_of(pointer), words: vec![0; bytes / 8] }
    }

    /// Marks an object; an address that is none of the segment's units does nothing.
    #[inline]
    pub fn mark(&mut self, at: Addr) {
        if let Some((word, bit)) = self.place(at)
            && let Some(word) = self.words.get_mut(word)
        {
            *word |= bit;
        }
    }

    /// True if an object starts at `at`.
    #[inline]
    pub fn contains(&self, at: Addr) -> bool {
        self.place(at).is_some_and(|(word, bit)| self.words.get(word).is_some_and(|w| w & bit != 0))
    }

    /// Objects marked.
    pub fn count(&self) -> u64 {
        self.words.iter().fold(0, |sum: u64, w| sum.saturating_add(u64::from(w.count_ones())))
    }

    /// The marked addresses from `from` on and below `to`, ascending.
    pub fn between(&self, from: Addr, to: Addr) -> impl Iterator<Item = Addr> + '_ {
        let unit = |at: Addr| at.0.saturating_sub(self.start) >> self.shift;
        let first = usize::try_from(unit(from) / 64).unwrap_or(usize::MAX);
        let words = self.words.get(first..).unwrap_or_default();
        (first as u64..)
            .zip(words)
            .take_while(move |(number, _)| number.wrapping_mul(64) <= unit(to))
            .flat_map(move |(number, &word)| Bits(word).map(move |bit| self.address(number, bit)))
            .filter(move |&at| from <= at && at < to)
    }

    fn address(&self, word: u64, bit: u32) -> Addr {
        Addr(self.start.wrapping_add(word.wrapping_mul(64).wrapping_add(u64::from(bit)) << self.shift))
    }

    #[inline]
    fn place(&self, at: Addr) -> Option<(usize, u64)> {
        let offset = at.0.checked_sub(self.start)?;
        let unit = offset >> self.shift;
        if unit << self.shift != offset {
            return None;
        }
        Some((usize::try_from(unit >> 6).ok()?, 1u64 << (unit & 63)))
    }
}

/// Bytes that the starts of a segment take.
pub fn memory_of(segment: &Segment, pointer: PointerSize) -> u64 {
    let bits = segment.end.since(segment.start) >> shift_of(pointer);
    (bits >> 6).saturating_add(1).saturating_mul(8)
}

/// Which segments get starts: one after the other until [`limits::STARTS`] bytes are spent.
pub fn affordable<'a>(segments: impl Iterator<Item = &'a Segment>, pointer: PointerSize) -> Vec<bool> {
    let mut left = limits::STARTS;
    segments
        .map(|segment| match left.checked_sub(memory_of(segment, pointer)) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        })
        .collect()
}

fn shift_of(pointer: PointerSize) -> u32 {
    match pointer {
        PointerSize::Four => 2,
        PointerSize::Eight => 3,
    }
}

/// The set bits of a word, from the lowest on.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        Some(bit)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "test code: it knows its numbers")]
mod tests {
    use super::*;
    use crate::heap::segments::Generation;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn segment(start: u64, end: u64) -> Segment {
        Segment {
            address: Addr(1),
            heap: 0,
            start: Addr(start),
            end: Addr(end),
            committed: Addr(end),
            reserved: Addr(end),
            ephemeral: false,
            parts: vec![(Addr(start), Generation::Gen2)],
            alignment: 8,
        }
    }

    proptest! {
        #[test]
        fn equals_a_set_of_addresses(
            units in prop::collection::btree_set(0u64..400, 0..60), from in 0u64..4000, to in 0u64..4000, wide: bool,
        ) {
            let (pointer, p) = if wide { (PointerSize::Eight, 8) } else { (PointerSize::Four, 4) };
            let base = 0x1_0010;
            let mut starts = Starts::new(&segment(base, base + 400 * p), pointer);
            let set: BTreeSet<u64> = units.iter().map(|u| base + u * p).collect();
            for &at in &set {
                starts.mark(Addr(at));
            }
            starts.mark(Addr(base - p));
            starts.mark(Addr(base + 1));
            prop_assert_eq!(starts.count(), set.len() as u64);
            for at in base - 20..base + 3300 {
                prop_assert_eq!(starts.contains(Addr(at)), set.contains(&at));
            }
            let between: Vec<u64> = starts.between(Addr(base + from), Addr(base + to)).map(|a| a.0).collect();
            let expected: Vec<u64> = set.iter().copied().filter(|&a| base + from <= a && a < base + to).collect();
            prop_assert_eq!(between, expected);
        }
    }

    #[test]
    fn a_segment_that_is_too_large_gets_none() {
        let all = [segment(0x1000, 0x2000), segment(0x10000, 1 << 45), segment(0x3000, 0x4000)];
        assert_eq!(affordable(all.iter(), PointerSize::Eight), [true, false, true]);
        assert_eq!(memory_of(&all[0], PointerSize::Eight), 0x1000 / 64 + 8);
        assert_eq!(memory_of(&all[0], PointerSize::Four), 0x1000 / 32 + 8);
    }
}
