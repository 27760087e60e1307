//! Which inflated bytes are kept, so that none is inflated again: the book-keeping of [`InflateSource`](super::inflate::InflateSource).
//!
//! A span is *open* (its bytes as they are) while it is being read. Later only what may be wanted again is *held*, squeezed: what was read
//! as structures, what lies around it, and what a walk has not come to, since it may be that only one end of the span is heap. Where
//! there is no room for all of that, the last goes first.

use super::squeeze::{PIECE, restore, squeeze};
use std::sync::{Arc, OnceLock};

/// Inflated bytes of a span, once they are there; empty if they could not be had.
pub type Bytes = Arc<OnceLock<Vec<u8>>>;

/// Mark of a piece that was read as structures.
const STRUCTURES: usize = usize::MAX;

/// The spans of one stream.
pub struct Spans {
    open: Vec<Open>,
    /// By number of the span.
    held: Vec<Option<Held>>,
    open_room: u64,
    held_room: u64,
    held_bytes: u64,
    clock: u64,
}

struct Open {
    number: usize,
    len: usize,
    used: u64,
    /// By piece: how many of its bytes a walk has taken, or [`STRUCTURES`].
    taken: Vec<usize>,
    bytes: Bytes,
}

struct Held {
    used: u64,
    rank: Rank,
    pieces: Vec<Option<Piece>>,
    /// How many of them were read as structures.
    structures: usize,
}

/// What goes first when there is no room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// What a walk has left: the other end of the span, the body of a large array.
    Left,
    /// Pieces around those with structures.
    Around,
    /// Pieces that were read as structures.
    Structures,
}

struct Piece {
    structures: bool,
    /// Bytes that no walk has taken.
    left: usize,
    squeezed: Box<[u8]>,
}

impl Held {
    fn bytes(&self) -> u64 {
        self.pieces.iter().flatten().fold(0, |sum, piece| sum.saturating_add(piece.squeezed.len() as u64))
    }

    fn count(&self) -> usize {
        self.pieces.iter().flatten().filter(|piece| piece.structures).count()
    }

    /// Drops what is of the lowest rank; true if there is something left.
    fn shrink(&mut self) -> bool {
        if self.rank != Rank::Around {
            return false;
        }
        self.rank = Rank::Structures;
        for piece in &mut self.pieces {
            *piece = piece.take().filter(|piece| piece.structures);
        }
        true
    }
}

/// The pieces that a range touches: number, and where in the piece and in the range the common bytes begin.
fn touched(from: usize, len: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let end = from.saturating_add(len);
    let first = from / PIECE;
    (first..end.div_ceil(PIECE).max(first)).map(move |number| {
        let start = number.saturating_mul(PIECE);
        (number, from.saturating_sub(start), start.saturating_sub(from))
    })
}

impl Spans {
    /// Room for bytes as they are, and for squeezed ones.
    pub fn new(count: usize, open_room: u64, held_room: u64) -> Spans {
        let held = std::iter::repeat_with(|| None).take(count).collect();
        Spans { open: Vec::new(), held, open_room, held_room, held_bytes: 0, clock: 0 }
    }

    /// Whether the span is open.
    pub fn is_open(&self, number: usize) -> bool {
        self.open.iter().any(|open| open.number == number)
    }

    /// Bytes that the held pieces take.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Fills `buf` with the bytes from `from` on in the span, if all of them are held.
    pub fn held(&mut self, number: usize, from: usize, buf: &mut [u8], once: bool) -> bool {
        let Some(held) = self.held.get_mut(number).and_then(Option::as_mut) else { return false };
        let mut block = [0; PIECE];
        let all =
            |held: &Held| touched(from, buf.len()).all(|(piece, ..)| matches!(held.pieces.get(piece), Some(Some(_))));
        if !all(held) {
            return false;
        }
        for (piece, skip, to) in touched(from, buf.len()) {
            let Some(slot) = held.pieces.get_mut(piece) else { return false };
            let Some(piece) = slot else { return false };
            if restore(&piece.squeezed, &mut block).is_none() {
                return false;
            }
            piece.structures |= !once;
            let have = block.get(skip..).unwrap_or_default();
            let rest = buf.get_mut(to..).unwrap_or_default();
            let n = have.len().min(rest.len());
            if let (Some(rest), Some(have)) = (rest.get_mut(..n), have.get(..n)) {
                rest.copy_from_slice(have);
            }
            piece.left = piece.left.saturating_sub(if once { n } else { 0 });
            if piece.left == 0 && !piece.structures {
                self.held_bytes = self.held_bytes.saturating_sub(piece.squeezed.len() as u64);
                *slot = None;
            }
        }
        self.clock = self.clock.saturating_add(1);
        held.used = self.clock;
        if !once {
            held.structures = held.count();
            held.rank = held.rank.max(Rank::Around);
        }
        true
    }

    /// The span, opened if it is not.
    pub fn open(&mut self, number: usize, len: usize) -> Bytes {
        self.clock = self.clock.saturating_add(1);
        if let Some(open) = self.open.iter_mut().find(|open| open.number == number) {
            open.used = self.clock;
            return Arc::clone(&open.bytes);
        }
        let room = |open: &[Open]| open.iter().fold(len as u64, |sum, open| sum.saturating_add(open.len as u64));
        while room(&self.open) > self.open_room && self.close_oldest() {}
        let bytes = Bytes::default();
        let taken = vec![0; len.div_ceil(PIECE)];
        self.open.push(Open { number, len, used: self.clock, taken, bytes: Arc::clone(&bytes) });
        bytes
    }

    /// Notes that a range of an open span was read; `once`: by a walk, which does not come back.
    pub fn was_read(&mut self, number: usize, from: usize, len: usize, once: bool) {
        let Some(place) = self.open.iter().position(|open| open.number == number) else { return };
        let Some(open) = self.open.get_mut(place) else { return };
        let end = from.saturating_add(len);
        for (piece, skip, _) in touched(from, len) {
            let start = piece.saturating_mul(PIECE);
            let n = end.min(start.saturating_add(PIECE)).saturating_sub(start.saturating_add(skip));
            if let Some(taken) = open.taken.get_mut(piece) {
                *taken = if once { taken.saturating_add(n) } else { STRUCTURES };
            }
        }
        if once && open.wanted().next().is_none() {
            self.open.swap_remove(place);
        }
    }

    /// Closes the span that was not used for the longest time, and holds what is still wanted of it. False if there is none: a span that
    /// is being inflated cannot be closed.
    fn close_oldest(&mut self) -> bool {
        let ready = (0..).zip(&self.open).filter(|(_, open)| open.bytes.get().is_some());
        let Some((place, _)) = ready.min_by_key(|(_, open)| open.used) else { return false };
        let open = self.open.swap_remove(place);
        self.hold(&open);
        true
    }

    fn hold(&mut self, open: &Open) {
        let bytes = open.bytes.get().map_or(&[][..], Vec::as_slice);
        let Some(slot) = self.held.get_mut(open.number) else { return };
        let before = slot.take();
        let mut held = before.unwrap_or_else(|| Held { used: 0, rank: Rank::Left, pieces: Vec::new(), structures: 0 });
        self.held_bytes = self.held_bytes.saturating_sub(held.bytes());
        held.used = open.used;
        held.pieces.resize_with(open.taken.len(), || None);
        for (piece, structures) in open.wanted() {
            let from = piece.saturating_mul(PIECE);
            let to = from.saturating_add(PIECE).min(bytes.len());
            match (held.pieces.get_mut(piece), bytes.get(from..to)) {
                (Some(Some(known)), _) => known.structures |= structures,
                (Some(none), Some(bytes)) => {
                    let taken = open.taken.get(piece).filter(|_| !structures).copied().unwrap_or(0);
                    let left = bytes.len().saturating_sub(taken);
                    *none = Some(Piece { structures, left, squeezed: squeeze(bytes) });
                }
                _ => {}
            }
            if structures {
                held.rank = Rank::Around;
            }
        }
        self.held_bytes = self.held_bytes.saturating_add(held.bytes());
        held.structures = held.count();
        *slot = Some(held);
        while self.held_bytes > self.held_room && self.let_go() {}
    }

    /// Drops something of the lowest rank there is, of the span that was not used for the longest time; around structures, where there are
    /// the fewest of them: a lone page in the middle of other memory has none beside it. False if nothing is held.
    fn let_go(&mut self) -> bool {
        let structures = |held: &Held| if held.rank == Rank::Around { held.structures } else { 0 };
        let rank = |held: &Held| (held.rank, structures(held), held.used);
        let all = (0..).zip(&self.held).filter_map(|(number, held)| Some((number, rank(held.as_ref()?))));
        let Some((number, _)) = all.min_by_key(|(_, rank)| *rank) else { return false };
        let Some(slot) = self.held.get_mut(number) else { return false };
        let Some(mut held) = slot.take() else { return false };
        let before = held.bytes();
        if held.shrink() {
            self.held_bytes = self.held_bytes.saturating_add(held.bytes());
            *slot = Some(held);
        }
        self.held_bytes = self.held_bytes.saturating_sub(before);
        true
    }

    /// Forgets an open span whose bytes could not be had.
    pub fn forget(&mut self, number: usize) {
        self.open.retain(|open| open.number != number);
    }
}

impl Open {
    /// The pieces that may be wanted again, and whether they were read as structures.
    fn wanted(&self) -> impl Iterator<Item = (usize, bool)> {
        (0..).zip(&self.taken).filter_map(|(piece, &taken)| {
            let len = self.len.saturating_sub(PIECE.saturating_mul(piece)).min(PIECE);
            (taken == STRUCTURES || taken < len).then_some((piece, taken == STRUCTURES))
        })
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LEN: usize = 4 * PIECE;

    proptest! {
        #[test]
        fn sums_are_kept(reads in prop::collection::vec((0_usize..6, 0_usize..LEN, 1_usize..PIECE * 2, any::<bool>()), 1..80)) {
            keeps_sums(reads)?;
        }
    }

    /// A case that was found once: something has to go while pieces with structures are held.
    #[test]
    fn sums_are_kept_when_structures_have_to_go() {
        let reads = [(0, 0), (0, 0), (5, 65_536), (0, 0), (1, 0), (5, 0)];
        keeps_sums(reads.map(|(number, from)| (number, from, 1, false)).to_vec()).unwrap();
    }

    /// Whatever is read, opened and dropped: the sums that are kept are those of the pieces, and no more is held than there is room for.
    fn keeps_sums(reads: Vec<(usize, usize, usize, bool)>) -> Result<(), TestCaseError> {
        let room = (LEN + LEN / 2) as u64;
        let mut spans = Spans::new(6, 2 * LEN as u64, room);
        for (number, from, len, once) in reads {
            let len = len.min(LEN - from);
            if !spans.held(number, from, &mut vec![0; len], once) {
                let bytes = spans.open(number, LEN);
                // Noise, which cannot be squeezed.
                let mut seed = number as u64 + 1;
                let noise = || {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 56) as u8
                };
                bytes.get_or_init(|| std::iter::repeat_with(noise).take(LEN).collect());
                spans.was_read(number, from, len, once);
            }
            let held = || spans.held.iter().flatten();
            prop_assert!(held().all(|held| held.structures == held.count()));
            prop_assert_eq!(spans.held_bytes, held().map(Held::bytes).sum::<u64>());
            prop_assert!(spans.held_bytes <= room);
        }
        Ok(())
    }
}
