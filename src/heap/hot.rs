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
    /// An object with a larger step is special.
    most: u64,
    /// What was counted since the entry was made.
    count: u64,
    size: u64,
    aligned: u64,
    /// An address with a hash below it may belong into the sample.
    threshold: u64,
    /// Number of the tally.
    tally: u32,
}

/// No key: method tables are aligned.
const NO_KEY: u64 = u64::MAX;
const EMPTY: Entry = Entry {
    key: NO_KEY,
    base_size: 0,
    component_size: 0,
    most: 0,
    count: 0,
    size: 0,
    aligned: 0,
    threshold: 0,
    tally: 0,
};

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
    minimum: u64,
    align_mask: u64,
    unmask: u64,
}

impl Lane {
    /// `None` if the segment's objects do not step by whole pointers: nothing real is so, but a description of a runtime may say it.
    pub fn new<const P: usize>(layout: &Layout, alignment: u64, base: u64, generation: Generation) -> Option<Lane> {
        let align_mask = alignment.wrapping_sub(1);
        let whole = alignment.is_power_of_two() && alignment >= P as u64;
        // The bits that hold the generation in a key must be none of the method table's.
        let free_bits = P == 4 || layout.unmask & 7 == 7;
        (whole && free_bits).then_some(Lane {
            base,
            generation,
            minimum: layout.min_object,
            align_mask,
            unmask: !layout.unmask,
        })
    }

    /// Key of a header word: the method table's address, and the generation in bits that no address has.
    #[inline(always)]
    fn key<const P: usize>(&self, word: u64) -> u64 {
        let generation = self.generation.index() as u64;
        (word & self.unmask) | if P == 4 { generation << 32 } else { generation }
    }
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
    /// Headers of the objects; none is counted that does not end in front of the last one.
    headers: &'w [[u8; P]],
    /// The words behind each header: as many, so that one comparison per object keeps both in bounds.
    behind: &'w [[u8; P]],
    /// The next object, in pointers from the window's first byte.
    pub from: usize,
}

impl<'w, const P: usize> Plain<'w, P> {
    /// The objects from `from` on, in front of `stop`; `None` if there is none.
    pub fn new(lane: Lane, words: &'w [[u8; P]], from: usize, stop: usize) -> Option<Plain<'w, P>> {
        let (headers, behind) = (words.get(..stop)?, words.get(1..stop.saturating_add(1))?);
        (from < stop).then_some(Plain { lane, headers, behind, from })
    }

    /// Address of the next object.
    pub fn at(&self) -> u64 {
        self.lane.base.wrapping_add((self.from as u64).wrapping_mul(P as u64))
    }
}

impl Hot {
    /// Counts objects up to but without the first special one.
    pub fn run<const P: usize>(&mut self, plain: &Plain<'_, P>, tallies: &mut Tallies) -> Run {
        let mut run = Run { next: plain.from, objects: 0, size: 0 };
        let Some(mut header) = plain.headers.get(plain.from) else { return run };
        while self.step(plain, &mut header, &mut run, tallies) {}
        run
    }

    /// Counts objects of several windows in turns, up to but without the first special one, and says in which window that is. A header
    /// can only be found when the one before it is understood: several such chains of waits take little longer than one.
    pub fn run_all<const P: usize, const N: usize>(
        &mut self,
        plains: [&Plain<'_, P>; N],
        tallies: &mut Tallies,
    ) -> ([Run; N], usize) {
        let mut runs = plains.map(|plain| Run { next: plain.from, objects: 0, size: 0 });
        let mut headers = plains.map(|plain| plain.headers.get(plain.from).unwrap_or(&[0; P]));
        loop {
            for (number, ((plain, header), run)) in plains.iter().zip(&mut headers).zip(&mut runs).enumerate() {
                if !self.step(plain, header, run, tallies) {
                    return (runs, number);
                }
            }
        }
    }

    /// One object; false in front of a special one.
    #[inline(always)]
    fn step<'w, const P: usize>(
        &mut self,
        plain: &Plain<'w, P>,
        header: &mut &'w [u8; P],
        run: &mut Run,
        tallies: &mut Tallies,
    ) -> bool {
        let lane = &plain.lane;
        let key = lane.key::<P>(value(header));
        let Some(entry) = self.0.get_mut(place(key)) else { return false };
        if entry.key != key {
            return false;
        }
        let Some(count) = plain.behind.get(run.next) else { return false };
        // The upper half of a pointer behind the method table is no part of a count. No branch on whether there is one: which types
        // follow each other is hard to foresee, and a multiplication is cheaper than a wrong guess.
        let count = value(count) & 0xFFFF_FFFF;
        let size = u64::from(entry.base_size).wrapping_add(u64::from(entry.component_size).wrapping_mul(count));
        let size = size.max(lane.minimum);
        let step = size.wrapping_add(lane.align_mask) & !lane.align_mask;
        if step > entry.most {
            return false;
        }
        let next = (run.next as u64).wrapping_add(step / P as u64);
        let Some(next_header) = usize::try_from(next).ok().and_then(|next| plain.headers.get(next)) else {
            return false;
        };
        entry.count = entry.count.wrapping_add(1);
        entry.size = entry.size.wrapping_add(size);
        entry.aligned = entry.aligned.wrapping_add(step);
        let at = lane.base.wrapping_add((run.next as u64).wrapping_mul(P as u64));
        if spread(at) < entry.threshold {
            entry.threshold = tallies.offer(entry.tally, at);
        }
        run.objects = run.objects.wrapping_add(1);
        run.size = run.size.wrapping_add(size);
        #[expect(clippy::cast_possible_truncation, reason = "it is an index of `headers`")]
        {
            run.next = next as usize;
        }
        *header = next_header;
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
        entry.write_to(tallies);
        let most = match shape.free {
            false => u64::MAX,
            // The DAC reports other sizes of these than they have.
            true if layout.free_quirk != 0 || layout.free_floor > layout.min_object => 0,
            true => limits::LARGE_FREE.saturating_sub(limits::PAGE),
        };
        *entry = Entry {
            key,
            base_size: shape.base_size,
            component_size: shape.component_size,
            most,
            count: 0,
            size: 0,
            aligned: 0,
            threshold: tallies.add(tally, 0, 0, 0),
            tally,
        };
    }

    /// Writes to the tallies what was counted since the last time.
    pub fn write_to(&mut self, tallies: &mut Tallies) {
        for entry in self.0.iter_mut() {
            entry.write_to(tallies);
        }
    }
}

impl Entry {
    fn write_to(&mut self, tallies: &mut Tallies) {
        if self.count > 0 {
            tallies.add(self.tally, self.count, self.size, self.aligned);
            (self.count, self.size, self.aligned) = (0, 0, 0);
        }
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "masked to the table's size")]
fn place(key: u64) -> usize {
    ((key >> 3) ^ (key >> 14)) as usize & (ENTRIES - 1)
}

#[inline(always)]
fn value<const P: usize>(word: &[u8; P]) -> u64 {
    let mut full = [0; 8];
    if let Some(low) = full.get_mut(..P) {
        low.copy_from_slice(word);
    }
    u64::from_le_bytes(full)
}
