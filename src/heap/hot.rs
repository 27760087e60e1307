//! The hot loop: objects whose method tables were met before, one after the other, as long as nothing is special about them.
//!
//! An object costs one look into a direct-mapped table whose entries hold what the step needs beside what is counted, one cache line
//! together; no allocation, no hash map, no division. Whatever is special (a method table that is not in the table, a gap, a large
//! Free block, the end of a window, of a generation or of the segment) ends the loop *in front of* that object, and the
//! state machine in [`super::walk`] looks at it.

use super::method_tables::Shape;
use super::segments::Generation;
use super::tally::{Tallies, spread};
use crate::limits;
use crate::runtime::layout::Layout;

/// One method table in one generation.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Entry {
    /// Method table and generation, see [`Lane::key`].
    key: u64,
    base_size: u32,
    component_size: u32,
    /// An object with more bytes beyond the smallest object's is special.
    most: u64,
    /// What was counted since the entry was made; the aligned bytes in pointers.
    count: u64,
    /// An address with a hash below it may belong into the sample. (Between the sums, so that they are not made a vector of two,
    /// which takes longer than two additions.)
    threshold: u64,
    size: u64,
    step: u64,
    /// Number of the tally.
    tally: u32,
}

/// No key: method tables are aligned.
const NO_KEY: u64 = u64::MAX;
const EMPTY: Entry =
    Entry { key: NO_KEY, base_size: 0, component_size: 0, most: 0, count: 0, size: 0, step: 0, threshold: 0, tally: 0 };

/// Entries: 128 KB, of which the lines in use stay in the first-level cache.
const ENTRIES: usize = 2048;

/// The table.
#[derive(Debug)]
pub struct Hot(Box<[Entry; ENTRIES]>);

impl Default for Hot {
    fn default() -> Hot {
        Hot(Box::new([EMPTY; ENTRIES]))
    }
}

/// What is the same for all objects of one part of one window.
#[derive(Debug, Clone, Copy)]
pub struct Lane {
    /// Address of the window's first byte.
    pub base: u64,
    /// Of the part's objects.
    pub generation: Generation,
    /// Its number, in the bits of a key that no method table's address has; and once more in others, so that a method table's entries of two
    /// generations, which two windows may be in, do not take turns in one place.
    tag: u64,
    /// Only on x86, where large objects step by eight and others by four.
    align_mask: u64,
}

impl Lane {
    /// `None` where the layout is none that the loop is made for: no real one is so, but a description of a runtime may say it.
    pub fn new<const P: usize>(layout: &Layout, alignment: u64, base: u64, generation: Generation) -> Option<Lane> {
        let p = P as u64;
        let known = layout.unmask == p.wrapping_sub(1)
            && layout.min_object == least::<P>()
            && (alignment == 8 || alignment == p);
        let number = generation.index() as u64;
        let tag = if P == 4 { number << 32 } else { number } | (number << 9);
        known.then_some(Lane { base, generation, tag, align_mask: alignment.wrapping_sub(1) })
    }

    /// Key of a header word: the method table's address and the generation.
    #[inline(always)]
    fn key<const P: usize>(&self, word: u64) -> u64 {
        (word & !(P as u64).wrapping_sub(1)) ^ self.tag
    }
}

/// Bytes of the smallest object.
const fn least<const P: usize>() -> u64 {
    3u64.wrapping_mul(P as u64)
}

/// What a run of objects came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// Where it ended, in pointers from the window's first byte.
    pub next: usize,
    /// Objects.
    pub objects: u64,
    /// Unaligned bytes.
    pub size: u64,
}

/// Objects of one window that nothing is known to be special about: a [`Lane`], its words, and how far they go.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'w, const P: usize> {
    /// What they share.
    pub lane: Lane,
    /// One word more than there may be headers; no object is counted that does not end in front of the last header.
    words: &'w [[u8; P]],
    /// The next object, in pointers from the window's first byte.
    pub from: usize,
}

/// The object that is looked at in one window.
#[derive(Clone, Copy)]
struct Seat {
    /// Its place, in pointers from the window's first byte.
    at: usize,
    header: u64,
    /// The word behind the header.
    behind: u64,
    /// Unaligned bytes counted so far.
    size: u64,
}

impl<'w, const P: usize> Plain<'w, P> {
    /// The objects from `from` on, in front of `stop`; `None` if there is none.
    pub fn new(lane: Lane, words: &'w [[u8; P]], from: usize, stop: usize) -> Option<Plain<'w, P>> {
        let words = words.get(..stop.checked_add(1)?)?;
        (from < stop).then_some(Plain { lane, words, from })
    }

    /// Address of the next object.
    pub fn at(&self) -> u64 {
        self.lane.base.wrapping_add((self.from as u64).wrapping_mul(P as u64))
    }

    fn seat(&self) -> Seat {
        let word = |n: usize| self.words.get(n).map_or(0, value);
        Seat { at: self.from, header: word(self.from), behind: word(self.from.wrapping_add(1)), size: 0 }
    }
}

impl Hot {
    /// Counts objects of a window, up to but without the first special one.
    pub fn run<const P: usize>(&mut self, plain: &Plain<'_, P>, tallies: &mut Tallies) -> Run {
        let mut seat = plain.seat();
        let mut objects = 0u64;
        while self.step(plain, &mut seat, tallies) {
            objects = objects.wrapping_add(1);
        }
        Run { next: seat.at, objects, size: seat.size }
    }

    /// Counts objects of two windows in turns, up to but without the first special one, and says in which window that is. A header
    /// can only be found when the one before it is understood: two such chains of waits take little longer than one. (No array and no loop over the
    /// two: what is optimised for size would keep them in memory, which takes longer than one window after the other.)
    pub fn run_two<const P: usize>(
        &mut self,
        [one, other]: [&Plain<'_, P>; 2],
        tallies: &mut Tallies,
    ) -> ([Run; 2], usize) {
        let (mut seat, mut second) = (one.seat(), other.seat());
        let mut rounds = 0u64;
        let special = loop {
            if !self.step(one, &mut seat, tallies) {
                break 0;
            }
            if !self.step(other, &mut second, tallies) {
                break 1;
            }
            rounds = rounds.wrapping_add(1);
        };
        let objects = rounds.wrapping_add(special as u64);
        let first = Run { next: seat.at, objects, size: seat.size };
        ([first, Run { next: second.at, objects: rounds, size: second.size }], special)
    }

    /// One object; false in front of a special one.
    #[inline(always)]
    fn step<const P: usize>(&mut self, plain: &Plain<'_, P>, seat: &mut Seat, tallies: &mut Tallies) -> bool {
        let key = plain.lane.key::<P>(seat.header);
        let Some(entry) = self.0.get_mut(place(key)) else { return false };
        if entry.key != key {
            return false;
        }
        // The upper half of a pointer behind the method table is no part of a count. No branch on whether there is one: which types
        // follow each other is hard to foresee, and a multiplication is cheaper than a wrong guess.
        let count = seat.behind & 0xFFFF_FFFF;
        let size = u64::from(entry.base_size).wrapping_add(u64::from(entry.component_size).wrapping_mul(count));
        // A smaller one (the empty string) is special, too.
        if size.wrapping_sub(least::<P>()) > entry.most {
            return false;
        }
        let step = if P == 8 {
            size.wrapping_add(7) >> 3
        } else {
            (size.wrapping_add(plain.lane.align_mask) & !plain.lane.align_mask) >> 2
        };
        let Ok(next) = usize::try_from((seat.at as u64).wrapping_add(step)) else { return false };
        let Some(behind) = plain.words.get(next.wrapping_add(1)) else { return false };
        let Some(header) = plain.words.get(next) else { return false };
        entry.count = entry.count.wrapping_add(1);
        entry.size = entry.size.wrapping_add(size);
        entry.step = entry.step.wrapping_add(step);
        let at = plain.lane.base.wrapping_add((seat.at as u64).wrapping_mul(P as u64));
        if spread(at) < entry.threshold {
            entry.threshold = tallies.offer(entry.tally, at);
        }
        *seat = Seat { at: next, header: value(header), behind: value(behind), size: seat.size.wrapping_add(size) };
        true
    }

    /// Makes the next objects like this one quick; what was in its place is written to the tallies.
    pub fn admit<const P: usize>(
        &mut self,
        lane: &Lane,
        layout: &Layout,
        word: u64,
        shape: Shape,
        tally: u32,
        tallies: &mut Tallies,
    ) {
        let key = lane.key::<P>(word);
        let Some(entry) = self.0.get_mut(place(key)) else { return };
        if entry.key == key {
            return;
        }
        let most = match shape.free {
            false => u64::MAX.wrapping_sub(least::<P>()),
            // The DAC reports other sizes of these than they have.
            true if layout.free_quirk != 0 || layout.free_floor > layout.min_object => return,
            true => limits::LARGE_FREE.saturating_sub(limits::PAGE),
        };
        entry.write_to::<P>(tallies);
        *entry = Entry {
            key,
            base_size: shape.base_size,
            component_size: shape.component_size,
            most,
            count: 0,
            size: 0,
            step: 0,
            threshold: tallies.add(tally, 0, 0, 0),
            tally,
        };
    }

    /// Writes to the tallies what was counted since the last time.
    pub fn write_to<const P: usize>(&mut self, tallies: &mut Tallies) {
        for entry in self.0.iter_mut() {
            entry.write_to::<P>(tallies);
        }
    }
}

impl Entry {
    fn write_to<const P: usize>(&mut self, tallies: &mut Tallies) {
        if self.count > 0 {
            tallies.add(self.tally, self.count, self.size, self.step.wrapping_mul(P as u64));
            (self.count, self.size, self.step) = (0, 0, 0);
        }
    }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "masked to the table's size")]
fn place(key: u64) -> usize {
    ((key ^ (key >> 11)) >> 3) as usize & (ENTRIES - 1)
}

/// (No copy into a longer array: what is optimised for size would call a function for it, once for each object.)
#[inline(always)]
pub(super) fn value<const P: usize>(word: &[u8; P]) -> u64 {
    match (word.first_chunk(), word.first_chunk()) {
        (Some(&eight), _) => u64::from_le_bytes(eight),
        (None, Some(&four)) => u64::from(u32::from_le_bytes(four)),
        (None, None) => 0,
    }
}
