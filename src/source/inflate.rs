//! A deflated stream that is read at any place: no temporary file, no second copy in memory.
//!
//! [`Indexing`] inflates the stream once, from front to end: it learns its true length and checksum, and leaves a checkpoint every so many
//! bytes: where to go on from, and the 32 KiB behind which a stream may refer. [`InflateSource`] then inflates, for a read, the *spans*
//! between checkpoints that it touches, whole, and keeps of them what will be wanted again.
//!
//! Every byte is inflated once by the index, and once more if its span is read. A third time only if it had to be let go in between: what
//! is read as structures is kept squeezed ([`squeeze`](super::squeeze)), what a walk has passed ([`ByteSource::read_once`]) is not needed any
//! more. [`InflateSource::inflations`] counts.
//!
//! What it costs, whatever the length: [`Budget`]. Checkpoints stand between deflate blocks where they can: only the history is to be kept
//! then, squeezed too. When they take too much, every other one is dropped, and the spacing doubles.

use super::checksum::Hasher as Checksum;
use super::spans::Spans;
use super::squeeze::{PIECE, restore, squeeze};
use super::{ByteSource, check_range};
use crate::error::{Error, Result};
use crate::limits::{CHECKPOINT_SPACING, CHECKPOINTS, HELD, OPEN};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far back a deflate stream may refer.
const HISTORY: usize = PIECE;
/// Bytes inflated at a time: with the history they stay in the second-level cache.
const CHUNK: usize = 128 << 10;
/// Packed bytes read at a time by the index.
const READ: usize = 2 << 20;
/// The inflater looks at most so far ahead of the byte it is at.
const AHEAD: u64 = 64;
/// Bytes of one step of the index: some hundredths of a second.
const STEP: u64 = 16 << 20;

/// Memory that one stream may take, in bytes, and what follows from it.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Between two checkpoints, at first; at least one, at most twice as many.
    pub spacing: u64,
    /// Of all checkpoints.
    pub checkpoints: u64,
    /// Of spans that are being read.
    pub open: u64,
    /// Of what is kept squeezed.
    pub held: u64,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { spacing: CHECKPOINT_SPACING, checkpoints: CHECKPOINTS, open: OPEN, held: HELD }
    }
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where it says itself that it ends.
    Whole,
    /// The packed bytes ended before.
    Cut,
    /// What follows is no deflate stream.
    Damaged,
    /// It goes on behind the length that was promised; what is there was not looked at.
    TooLong,
}

/// Inflates from a checkpoint on, piece by piece.
struct Inflater {
    /// The packed bytes.
    source: Arc<dyn ByteSource>,
    /// Next packed byte to fetch, and how far it makes sense to fetch.
    fetch: u64,
    fetch_to: u64,
    state: Box<DecompressorOxide>,
    /// It stands between two blocks.
    between: bool,
    /// Packed bytes that were fetched; those before `used` are spent.
    input: Vec<u8>,
    used: usize,
    /// Bytes already inflated (at least the history, if there are as many), then room for a chunk.
    output: Vec<u8>,
    filled: usize,
}

impl Inflater {
    fn new(source: Arc<dyn ByteSource>) -> Inflater {
        let fetch_to = source.len();
        let output = vec![0; HISTORY.saturating_add(CHUNK)];
        let state = Box::new(DecompressorOxide::from_block_boundary_state(&BlockBoundaryState::default()));
        Inflater { source, fetch: 0, fetch_to, state, between: true, input: Vec::new(), used: 0, output, filled: 0 }
    }

    /// Goes to a checkpoint; packed bytes up to `fetch_to` will probably do.
    fn restart(&mut self, at: &Checkpoint, fetch_to: u64) -> Option<()> {
        (self.fetch, self.fetch_to) = (at.packed, fetch_to);
        match &at.state {
            State::Between(state) => *self.state = DecompressorOxide::from_block_boundary_state(state),
            State::Inside(state) => (*self.state).clone_from(state),
        }
        self.input.clear();
        self.used = 0;
        let mut block = [0; PIECE];
        restore(&at.history, &mut block)?;
        self.filled = usize::try_from(at.at).unwrap_or(HISTORY).min(HISTORY);
        self.output.get_mut(..self.filled)?.copy_from_slice(block.get(..self.filled)?);
        Some(())
    }

    fn checkpoint(&self, at: u64) -> Checkpoint {
        let history = self.output.get(self.filled.saturating_sub(HISTORY)..self.filled).unwrap_or_default();
        let state = if self.between { self.state.block_boundary_state() } else { None };
        let state = state.map_or_else(|| State::Inside(self.state.clone()), State::Between);
        Checkpoint { at, packed: self.packed(), state, history: squeeze(history) }
    }

    /// Packed bytes spent so far.
    fn packed(&self) -> u64 {
        self.fetch.saturating_sub(self.input.len().saturating_sub(self.used) as u64)
    }

    /// The next bytes, `max` or [`CHUNK`] of them; fewer only where the stream ends, or, if wanted, a block.
    fn next(&mut self, max: usize, to_block_end: bool, what: &str) -> Result<(&[u8], Option<End>)> {
        let start = self.filled.min(HISTORY);
        self.output.copy_within(self.filled.saturating_sub(start)..self.filled, 0);
        self.filled = start;
        let room = start.saturating_add(max.min(CHUNK));
        let stop = if to_block_end { TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY } else { 0 };
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_HAS_MORE_INPUT | stop;
        let mut end = None;
        self.between = false;
        while self.filled < room && end.is_none() && !self.between {
            let more = self.used < self.input.len() || self.fill(what)?;
            let input = self.input.get(self.used..).unwrap_or_default();
            let output = self.output.get_mut(..room).unwrap_or_default();
            let (status, used, made) = decompress(&mut self.state, input, output, self.filled, flags);
            self.used = self.used.saturating_add(used);
            self.filled = self.filled.saturating_add(made);
            self.between = status == TINFLStatus::BlockBoundary;
            end = match status {
                TINFLStatus::Done => Some(End::Whole),
                TINFLStatus::BlockBoundary => None,
                TINFLStatus::NeedsMoreInput if more => None,
                TINFLStatus::NeedsMoreInput => Some(End::Cut),
                TINFLStatus::HasMoreOutput if self.filled >= room => None,
                _ => Some(End::Damaged),
            };
        }
        Ok((self.output.get(start..self.filled).unwrap_or_default(), end))
    }

    /// Fetches packed bytes; false if there are no more.
    fn fill(&mut self, what: &str) -> Result<bool> {
        let left = self.source.len().saturating_sub(self.fetch);
        let wanted = self.fetch_to.saturating_sub(self.fetch).max(AHEAD).min(left);
        let len = usize::try_from(wanted).unwrap_or(READ).min(READ);
        self.input.resize(len, 0);
        self.used = 0;
        self.source.read_at(self.fetch, &mut self.input, what).inspect_err(|_| self.input.clear())?;
        self.fetch = self.fetch.saturating_add(len as u64);
        Ok(len > 0)
    }
}

/// Where inflating can begin.
struct Checkpoint {
    /// Inflated bytes before it.
    at: u64,
    /// Packed bytes spent before it.
    packed: u64,
    state: State,
    /// The bytes before it, as many as a stream may refer to, squeezed.
    history: Box<[u8]>,
}

/// Of an inflater.
enum State {
    Between(BlockBoundaryState),
    /// In the middle of a block that is too long to wait for its end.
    Inside(Box<DecompressorOxide>),
}

impl Checkpoint {
    /// Bytes that it takes.
    fn bytes(&self) -> u64 {
        let state = match self.state {
            State::Between(_) => 0,
            State::Inside(_) => size_of::<DecompressorOxide>(),
        };
        size_of::<Checkpoint>().saturating_add(state).saturating_add(self.history.len()) as u64
    }
}

/// The first pass over a stream.
pub struct Indexing {
    inflater: Inflater,
    checkpoints: Vec<Checkpoint>,
    /// Bytes that the checkpoints take.
    taken: u64,
    budget: Budget,
    at: u64,
    promised: Option<u64>,
    checksum: Checksum,
    end: Option<End>,
}

impl Indexing {
    /// A raw deflate stream from the first byte of `source` on; what lies behind its end is not touched. `promised`: the length it should
    /// have, where that is known; nothing beyond is inflated.
    pub fn new(source: Arc<dyn ByteSource>, promised: Option<u64>) -> Indexing {
        Indexing::with_budget(source, promised, Budget::default())
    }

    /// The same in another amount of memory.
    pub fn with_budget(source: Arc<dyn ByteSource>, promised: Option<u64>, budget: Budget) -> Indexing {
        Indexing {
            inflater: Inflater::new(source),
            checkpoints: Vec::new(),
            taken: 0,
            budget: Budget { spacing: budget.spacing.max(1), ..budget },
            at: 0,
            promised,
            checksum: Checksum::new(),
            end: None,
        }
    }

    /// The first bytes, at most `max` of them, before any [`step`](Indexing::step): they are not inflated again by it.
    ///
    /// # Errors
    /// As [`step`](Indexing::step).
    pub fn peek(&mut self, max: usize) -> Result<&[u8]> {
        let all = std::mem::replace(&mut self.inflater.fetch_to, max as u64);
        self.advance(max)?;
        self.inflater.fetch_to = all;
        let from = self.inflater.filled.saturating_sub(usize::try_from(self.at).unwrap_or(0));
        Ok(self.inflater.output.get(from..self.inflater.filled).unwrap_or_default())
    }

    /// Inflates a piece; false if there is nothing left to do.
    ///
    /// # Errors
    /// What reading the packed bytes reports. A stream that is cut or damaged is none: it ends there.
    pub fn step(&mut self) -> Result<bool> {
        let until = self.at.saturating_add(STEP);
        while self.end.is_none() && self.at < until {
            self.advance(CHUNK)?;
        }
        Ok(self.end.is_none())
    }

    fn advance(&mut self, max: usize) -> Result<()> {
        let since = self.at.saturating_sub(self.checkpoints.last().map_or(0, |last| last.at));
        let (spacing, twice) = (self.budget.spacing, self.budget.spacing.saturating_mul(2));
        let due = since >= spacing || self.checkpoints.is_empty();
        let room = if due && (self.inflater.between || since >= twice) {
            self.leave_checkpoint();
            spacing
        } else if due {
            twice.saturating_sub(since)
        } else {
            spacing.saturating_sub(since)
        };
        let left = self.promised.map_or(u64::MAX, |promised| promised.saturating_sub(self.at));
        // At the promised end one byte more: there must be none.
        let max = usize::try_from(left.max(1).min(room)).unwrap_or(CHUNK).min(max);
        let to_block_end = since >= spacing;
        let (bytes, end) = self.inflater.next(max, to_block_end, "packed bytes of the dump")?;
        if left == 0 && !bytes.is_empty() {
            self.end = Some(End::TooLong);
            return Ok(());
        }
        self.checksum.update(bytes);
        self.at = self.at.saturating_add(bytes.len() as u64);
        self.end = end;
        Ok(())
    }

    fn leave_checkpoint(&mut self) {
        let checkpoint = self.inflater.checkpoint(self.at);
        self.taken = self.taken.saturating_add(checkpoint.bytes());
        self.checkpoints.push(checkpoint);
        while self.taken > self.budget.checkpoints && self.checkpoints.len() > 1 {
            let mut keep = false;
            self.checkpoints.retain(|_| {
                keep = !keep;
                keep
            });
            self.budget.spacing = self.budget.spacing.saturating_mul(2);
            self.taken = self.checkpoints.iter().fold(0, |sum, c| sum.saturating_add(c.bytes()));
        }
    }

    /// Packed bytes done, and of all.
    pub fn progress(&self) -> (u64, u64) {
        (self.inflater.packed(), self.inflater.source.len())
    }

    /// How the stream ended; `None` before the last [`step`](Indexing::step).
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// CRC-32 of what was inflated.
    pub fn checksum(&self) -> u32 {
        self.checksum.clone().finalize()
    }

    /// Bytes inflated.
    pub fn len(&self) -> u64 {
        self.at
    }

    /// True if there is no byte.
    pub fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// The first `len` bytes of what was inflated, to be read at any place.
    pub fn finish(mut self, len: u64) -> InflateSource {
        let len = len.min(self.at);
        self.checkpoints.retain(|c| c.at < len);
        let count = self.checkpoints.len();
        InflateSource {
            source: Arc::clone(&self.inflater.source),
            checkpoints: self.checkpoints,
            budget: self.budget,
            len,
            spans: Mutex::new(Spans::new(count, self.budget.open, self.budget.held)),
            idle: Mutex::new(vec![self.inflater]),
            counts: std::iter::repeat_with(|| AtomicU32::new(1)).take(count).collect(),
        }
    }
}

/// An inflated stream, readable at any place and by several threads at once.
pub struct InflateSource {
    source: Arc<dyn ByteSource>,
    /// Ascending; the first one is at 0.
    checkpoints: Vec<Checkpoint>,
    budget: Budget,
    len: u64,
    spans: Mutex<Spans>,
    /// Inflaters that nobody uses now.
    idle: Mutex<Vec<Inflater>>,
    /// How often each span was inflated, the index included.
    counts: Vec<AtomicU32>,
}

impl fmt::Debug for InflateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InflateSource {{ len: {}, spacing: {} }}", self.len, self.budget.spacing)
    }
}

/// How often the bytes of a stream were inflated, the index included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inflations {
    /// Length of the stream, inflated.
    pub len: u64,
    /// Bytes inflated in all.
    pub inflated: u64,
    /// How often a byte was inflated that was inflated most often.
    pub most: u32,
    /// Bytes that were inflated more than twice.
    pub beyond_two: u64,
}

/// The bytes between two checkpoints.
#[derive(Clone, Copy)]
struct Place {
    number: usize,
    from: u64,
    len: usize,
}

impl InflateSource {
    /// What was inflated so far.
    pub fn inflations(&self) -> Inflations {
        let mut sum = Inflations { len: self.len, inflated: 0, most: 0, beyond_two: 0 };
        for (i, count) in (0..).zip(&self.counts) {
            let count = count.load(Relaxed);
            let len = self.place(i).map_or(0, |place| place.len as u64);
            sum.most = sum.most.max(count);
            sum.inflated = sum.inflated.saturating_add(len.saturating_mul(u64::from(count)));
            sum.beyond_two = sum.beyond_two.saturating_add(if count > 2 { len } else { 0 });
        }
        sum
    }

    /// Bytes between checkpoints: at least so many, at most twice.
    pub fn spacing(&self) -> u64 {
        self.budget.spacing
    }

    /// Bytes that the checkpoints take.
    pub fn checkpoint_bytes(&self) -> u64 {
        self.checkpoints.iter().fold(0, |sum, c| sum.saturating_add(c.bytes()))
    }

    /// Bytes that are kept squeezed now.
    pub fn held_bytes(&self) -> u64 {
        lock(&self.spans).held_bytes()
    }

    /// The span of this number.
    fn place(&self, number: usize) -> Option<Place> {
        let from = self.checkpoints.get(number)?.at;
        let next = self.checkpoints.get(number.saturating_add(1));
        let end = next.map_or(self.len, |next| next.at);
        Some(Place { number, from, len: usize::try_from(end.saturating_sub(from)).ok()? })
    }

    fn place_of(&self, offset: u64) -> Option<Place> {
        self.place(self.checkpoints.partition_point(|c| c.at <= offset).checked_sub(1)?)
    }

    /// Inflates the whole span into `bytes`, which is as long.
    fn inflate(&self, place: Place, bytes: &mut [u8], what: &str) -> Result<()> {
        let changed =
            || Error::Damaged { what: what.to_owned(), detail: "the archive was changed while it was read".into() };
        let from = self.checkpoints.get(place.number).ok_or_else(changed)?;
        let next = self.checkpoints.get(place.number.saturating_add(1));
        let fetch_to = next.map_or(self.source.len(), |next| next.packed.saturating_add(AHEAD));
        let idle = lock(&self.idle).pop();
        let mut inflater = idle.unwrap_or_else(|| Inflater::new(Arc::clone(&self.source)));
        inflater.restart(from, fetch_to).ok_or_else(changed)?;
        if let Some(count) = self.counts.get(place.number) {
            count.fetch_add(1, Relaxed);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (chunk, end) = inflater.next(rest.len(), false, what)?;
            let (now, later) = rest.split_at_mut(chunk.len().min(rest.len()));
            now.copy_from_slice(chunk);
            rest = later;
            if end.is_some() && !rest.is_empty() {
                return Err(changed().into());
            }
        }
        lock(&self.idle).push(inflater);
        Ok(())
    }

    fn read(&self, offset: u64, buf: &mut [u8], once: bool, what: &str) -> Result<()> {
        check_range(what, offset, buf.len() as u64, self.len)?;
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let missing = || Error::Damaged { what: what.to_owned(), detail: "there is no checkpoint".into() };
            let place = self.place_of(at).ok_or_else(missing)?;
            let from = usize::try_from(at.saturating_sub(place.from)).unwrap_or(usize::MAX);
            let n = place.len.saturating_sub(from).min(rest.len());
            if n == 0 {
                return Err(missing().into());
            }
            let (now, later) = rest.split_at_mut(n);
            self.read_span(place, from, now, once, what)?;
            rest = later;
            at = at.saturating_add(n as u64);
        }
        Ok(())
    }

    fn read_span(&self, place: Place, from: usize, buf: &mut [u8], once: bool, what: &str) -> Result<()> {
        let bytes = {
            let mut spans = lock(&self.spans);
            if !spans.is_open(place.number) {
                if spans.held(place.number, from, buf, once) {
                    return Ok(());
                }
                if once && buf.len() == place.len {
                    drop(spans);
                    return self.inflate(place, buf, what);
                }
            }
            spans.open(place.number, place.len)
        };
        // Whoever comes second waits for the first, and nobody inflates the same span at the same time.
        let mut failed = None;
        let bytes = bytes.get_or_init(|| {
            let mut bytes = vec![0; place.len];
            self.inflate(place, &mut bytes, what).err().map_or(bytes, |error| {
                failed = Some(error);
                Vec::new()
            })
        });
        let Some(have) = bytes.get(from..from.saturating_add(buf.len())) else {
            lock(&self.spans).forget(place.number);
            let reason = "it could not be inflated".to_owned();
            return Err(
                failed.unwrap_or(Error::Io { what: what.to_owned(), offset: place.from, len: 0, reason }.into())
            );
        };
        buf.copy_from_slice(have);
        lock(&self.spans).was_read(place.number, from, buf.len(), once);
        Ok(())
    }
}

impl ByteSource for InflateSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        self.read(offset, buf, false, what)
    }

    fn read_once(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        self.read(offset, buf, true, what)
    }

    /// A piece of a span: none of its neighbours need be kept for it.
    fn page(&self, offset: u64) -> (u64, u64) {
        const ONE: u64 = PIECE as u64;
        let Some(place) = self.place_of(offset) else { return (offset, ONE) };
        let within = offset.saturating_sub(place.from);
        let skipped = within.saturating_sub(within % ONE);
        (place.from.saturating_add(skipped), ONE.min((place.len as u64).saturating_sub(skipped)))
    }

    fn readers(&self) -> usize {
        // Each of them is in a span of its own, of up to twice the spacing, or two; half of the room is for structures.
        let spans = self.budget.open.checked_div(self.budget.spacing.saturating_mul(4)).unwrap_or(1);
        usize::try_from(spans).unwrap_or(usize::MAX).max(1)
    }
}

/// A thread that panicked has not left anything half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use super::*;
    use crate::source::counted::Counted;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use proptest::prelude::*;
    use std::io::Write;

    const SPACING: u64 = CHECKPOINT_SPACING;

    fn deflate(bytes: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Bytes as memory has them: runs of zeros, repeated words, noise.
    fn memory(seed: u64, len: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut bytes = Vec::with_capacity(len + 4096);
        while bytes.len() < len {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let run = (state >> 20) as usize % 3000 + 1;
            match state % 4 {
                0 => bytes.extend(std::iter::repeat_n(0, run)),
                1 => bytes.extend((0..run / 8).flat_map(|_| (state >> 8).to_le_bytes())),
                2 => bytes.extend((0..run).map(|i| (state.wrapping_mul(i as u64 * 2 + 1) >> 33) as u8)),
                // Far matches: what was there some way back.
                _ => {
                    let from = bytes.len().saturating_sub(run + (state >> 40) as usize % 32_000);
                    bytes.extend_from_within(from..from + run.min(bytes.len() - from));
                }
            }
        }
        bytes.truncate(len);
        bytes
    }

    fn index(packed: Vec<u8>, promised: Option<u64>) -> Indexing {
        let mut indexing = Indexing::new(Arc::new(packed), promised);
        while indexing.step().unwrap() {}
        indexing
    }

    fn read(source: &InflateSource, offset: u64, len: usize) -> Vec<u8> {
        let mut buf = vec![0xaa; len];
        source.read_at(offset, &mut buf, "x").unwrap();
        buf
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn reads_equal_the_plain_bytes(
            seed in any::<u64>(),
            len in 0usize..1_500_000,
            level in 0u32..10,
            reads in prop::collection::vec((any::<u64>(), 0usize..400_000), 1..30),
        ) {
            let plain = memory(seed, len);
            let indexing = index(deflate(&plain, level), Some(len as u64));
            prop_assert_eq!((indexing.end(), indexing.len()), (Some(End::Whole), len as u64));
            prop_assert_eq!(indexing.checksum(), crc32fast::hash(&plain));
            let source = indexing.finish(u64::MAX);
            for (at, n) in reads {
                let at = at % (len as u64 + 1);
                let n = n.min(len - at as usize);
                prop_assert!(read(&source, at, n) == plain[at as usize..at as usize + n], "{} at {}", n, at);
            }
            prop_assert!(source.read_at(len as u64, &mut [0], "x").is_err());
            // Everything fits into what is kept: nothing is inflated a third time.
            prop_assert!(source.inflations().most <= 2);
        }

        #[test]
        fn a_damaged_stream_ends_and_what_was_before_is_read(
            seed in any::<u64>(), level in 1u32..10, at in any::<prop::sample::Index>(), bits in 1u8..,
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let plain = memory(seed, 700_000);
            let mut packed = deflate(&plain, level);
            let at = at.index(packed.len());
            packed[at] ^= bits;
            if let Some(cut) = cut {
                packed.truncate(cut.index(packed.len()));
            }
            let indexing = index(packed, Some(plain.len() as u64));
            let len = indexing.len();
            prop_assert!(len <= plain.len() as u64);
            let honest = indexing.end() == Some(End::Whole) && indexing.checksum() == crc32fast::hash(&plain);
            let source = indexing.finish(u64::MAX);
            let again = read(&source, 0, len as usize);
            prop_assert!(!honest || again == plain);
            // From the back, each span from its own checkpoint: the same bytes.
            for at in (0..len / 90_000).rev().map(|i| i * 90_000) {
                let n = (len - at).min(1000) as usize;
                prop_assert!(read(&source, at, n) == again[at as usize..at as usize + n]);
            }
        }
    }

    #[test]
    fn every_end_is_told_apart() {
        let plain = memory(5, 300_000);
        let packed = deflate(&plain, 6);
        let end = |packed: &[u8], promised| {
            let indexing = index(packed.to_vec(), promised);
            (indexing.end().unwrap(), indexing.len())
        };
        assert_eq!(end(&packed, Some(300_000)), (End::Whole, 300_000));
        assert_eq!(end(&packed, None), (End::Whole, 300_000));
        assert_eq!(end(&packed, Some(299_999)), (End::TooLong, 299_999));
        assert_eq!(end(&packed, Some(1 << 60)), (End::Whole, 300_000));
        assert_eq!(end(&packed[..packed.len() / 2], None).0, End::Cut);
        assert_eq!(end(&[], Some(7)), (End::Cut, 0));
        // Block type 3 does not exist.
        assert_eq!(end(&[7], None), (End::Damaged, 0));
        let behind = [packed.clone(), b"something else".to_vec()].concat();
        let indexing = index(behind, None);
        assert_eq!((indexing.end(), indexing.progress().0), (Some(End::Whole), packed.len() as u64));
    }

    /// A stream of zeros of any length, by flushed blocks that repeat.
    fn zeros(len: usize) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(1));
        let block = vec![0; 1 << 20];
        for _ in 0..len >> 20 {
            encoder.write_all(&block).unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn checkpoints_thin_out_and_their_memory_is_bounded() {
        // Noise: histories that cannot be squeezed.
        let plain: Vec<u8> =
            (0..24u64 << 20).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) >> 40) as u8).collect();
        for (packed, whole) in [(deflate(&plain, 1), Some(&plain)), (zeros(900 << 20), None)] {
            let len = whole.map_or(900 << 20, |plain| plain.len() as u64);
            let budget = Budget { checkpoints: if whole.is_some() { 1 << 20 } else { 600_000 }, ..Budget::default() };
            let mut indexing = Indexing::with_budget(Arc::new(packed), None, budget);
            while indexing.step().unwrap() {
                assert!(indexing.taken <= budget.checkpoints);
            }
            assert_eq!((indexing.end(), indexing.len()), (Some(End::Whole), len));
            let source = indexing.finish(u64::MAX);
            let (spacing, held) = (source.spacing(), source.checkpoint_bytes());
            assert!(held <= budget.checkpoints && held > budget.checkpoints / 3, "{held} at {spacing}");
            assert!(spacing > SPACING && spacing.is_power_of_two());
            let places: Vec<Place> = (0..source.checkpoints.len()).map(|i| source.place(i).unwrap()).collect();
            assert_eq!(places.iter().map(|p| p.len as u64).sum::<u64>(), len);
            for place in &places[..places.len() - 1] {
                assert!((spacing..=2 * spacing).contains(&(place.len as u64)), "{} {spacing}", place.len);
            }
            for at in [0, len / 2 + 11, 5, len - 100, spacing * 3 - 50] {
                let expected = whole.map_or(vec![0; 100], |plain| plain[at as usize..at as usize + 100].to_vec());
                assert_eq!(read(&source, at, 100), expected, "{at}");
            }
        }
    }

    /// One block of 10 MB: no end to wait for, so the inflater's own state is kept.
    #[test]
    fn a_block_without_end_has_checkpoints_too() {
        // Fixed codes (RFC 1951, 3.2.6): a literal 0, then copies of 258 bytes from one byte back, and no end of the block.
        let (mut bits, mut count, mut packed) = (0u64, 0, Vec::new());
        let mut put = |value: u64, n: u32| {
            bits |= value << count;
            count += n;
            while count >= 8 {
                packed.push(bits as u8);
                bits >>= 8;
                count -= 8;
            }
        };
        put(0b011, 3);
        put(0b0000_1100, 8);
        for _ in 0..40_000 {
            // Length code 285 is 11000101, sent from its first bit on; distance code 0 is five zeros.
            put(0b1010_0011, 8);
            put(0, 5);
        }
        let indexing = index(packed, None);
        assert_eq!(indexing.end(), Some(End::Cut));
        let len = indexing.len();
        assert!(len > 9 << 20, "{len}");
        let source = indexing.finish(u64::MAX);
        let inside = source.checkpoints.iter().filter(|c| matches!(c.state, State::Inside(_))).count();
        assert_eq!(inside as u64, (len - 1) / (2 * SPACING));
        for at in (0..len - 100).step_by(777_777) {
            assert_eq!(read(&source, at, 100), vec![0; 100]);
        }
        assert_eq!(source.inflations().most, 2);
    }

    /// What is promised whatever the pattern: a read inflates the spans that it touches, no more.
    #[test]
    fn the_worst_pattern_costs_a_span_for_each_read() {
        let plain = memory(11, 6 << 20);
        let budget = Budget { open: 300 << 10, held: 100 << 10, ..Budget::default() };
        let source = small(&plain, budget);
        for round in 1..=3u64 {
            for number in (0..source.checkpoints.len()).rev() {
                let place = source.place(number).unwrap();
                let at = place.from + round;
                assert_eq!(read(&source, at, 8), plain[at as usize..at as usize + 8]);
            }
            let counted = source.inflations();
            assert!(counted.inflated <= counted.len + round * counted.len, "{round}: {counted:?}");
            assert!(source.held_bytes() <= budget.held);
        }
        let counted = source.inflations();
        assert!(counted.most == 4 && counted.beyond_two > counted.len / 2, "{counted:?}");
    }

    fn small(plain: &[u8], budget: Budget) -> InflateSource {
        let mut indexing = Indexing::with_budget(Arc::new(deflate(plain, 6)), None, budget);
        while indexing.step().unwrap() {}
        indexing.finish(u64::MAX)
    }

    fn walk(source: &InflateSource, plain: &[u8], from: u64, to: u64, window: usize) {
        let mut buf = vec![0; window];
        for at in (from..to).step_by(window) {
            let n = window.min((to - at) as usize);
            source.read_once(at, &mut buf[..n], "x").unwrap();
            assert!(buf[..n] == plain[at as usize..at as usize + n]);
        }
    }

    /// Structures before a walk, between its windows and after it, in room for two spans and a third of the bytes; walks that begin and end in
    /// the middle of spans, one behind the other.
    #[test]
    fn a_walk_pushes_no_structures_out_and_none_is_inflated_a_third_time() {
        let len = 12u64 << 20;
        let plain = memory(7, len as usize);
        for window in [40_000, 256 << 10, 1 << 20] {
            let budget = Budget { open: 600 << 10, held: 3 << 20, ..Budget::default() };
            let source = small(&plain, budget);
            let structures = |salt: u64| {
                for at in (0..64).map(|i| i * 4096 + salt).chain((0..10).map(|i| (i * 7 + 5) * 160_000 + salt)) {
                    assert_eq!(read(&source, at, 64), plain[at as usize..at as usize + 64]);
                }
            };
            structures(1);
            let cuts: Vec<u64> = (0..=8).map(|i| 300_001 + i * 1_450_000).collect();
            // As two threads with runs of segments: the second run first.
            for pair in cuts.windows(3).step_by(2) {
                walk(&source, &plain, pair[1], pair[1] + 100_000, window);
                structures(2);
                walk(&source, &plain, pair[0], pair[1], window);
                walk(&source, &plain, pair[1] + 100_000, pair[2], window);
            }
            structures(3);
            let counted = source.inflations();
            assert_eq!((counted.most, counted.beyond_two), (2, 0), "{window}: {counted:?} {}", source.held_bytes());
            assert!(source.held_bytes() <= budget.held);
        }
    }

    /// What is read whole by a walk is kept by nobody.
    #[test]
    fn a_walk_leaves_nothing_behind() {
        let plain = memory(13, 4 << 20);
        for window in [10_000, 300_000, 4 << 20] {
            let source = small(&plain, Budget::default());
            walk(&source, &plain, 0, plain.len() as u64, window);
            assert_eq!((source.inflations().inflated, source.held_bytes()), (2 * plain.len() as u64, 0));
            assert!((0..source.checkpoints.len()).all(|i| !lock(&source.spans).is_open(i)));
        }
    }

    /// The first bytes, looked at before all else, are inflated by the index alone.
    #[test]
    fn peeking_is_the_beginning_of_the_index() {
        let plain = memory(3, 500_000);
        let packed = Arc::new(Counted::new(deflate(&plain, 6)));
        let mut indexing = Indexing::new(Arc::<Counted<Vec<u8>>>::clone(&packed), None);
        assert_eq!(indexing.peek(4096).unwrap(), &plain[..4096]);
        assert!(packed.bytes() <= 4096 + AHEAD);
        while indexing.step().unwrap() {}
        assert_eq!((indexing.len(), indexing.checksum()), (500_000, crc32fast::hash(&plain)));
        assert_eq!(packed.bytes(), packed.len());
        let source = indexing.finish(u64::MAX);
        assert_eq!(read(&source, 0, plain.len()), plain);
    }

    #[test]
    fn threads_share_what_one_of_them_inflates() {
        let plain = memory(9, 8 << 20);
        let source = index(deflate(&plain, 1), None).finish(u64::MAX);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (source, plain) = (&source, &plain);
                scope.spawn(move || {
                    for i in 0..400u64 {
                        let at = (i * 104_729 + thread * 31) % (8 << 20);
                        let n = 5000.min(plain.len() - at as usize);
                        assert_eq!(read(source, at, n), plain[at as usize..at as usize + n]);
                    }
                });
            }
        });
        assert_eq!(source.inflations().most, 2);
    }

    #[test]
    fn packed_bytes_are_read_about_as_often_as_they_are_inflated() {
        let plain = memory(3, 20 << 20);
        let packed = deflate(&plain, 6);
        let len = packed.len() as u64;
        let counted = Arc::new(Counted::new(packed));
        let mut indexing = Indexing::new(Arc::<Counted<Vec<u8>>>::clone(&counted), None);
        while indexing.step().unwrap() {}
        assert_eq!(counted.bytes(), len);
        let source = indexing.finish(u64::MAX);
        assert_eq!(read(&source, 0, 20 << 20), plain);
        assert!(counted.bytes() < 2 * len + len / 50, "{} of {len}", counted.bytes());
    }

    #[test]
    fn a_file_that_changes_under_it_is_an_error() {
        struct Vanishing(Vec<u8>, std::sync::atomic::AtomicBool);
        impl ByteSource for Vanishing {
            fn len(&self) -> u64 {
                self.0.len() as u64
            }
            fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
                if self.1.load(Relaxed) {
                    let (what, reason) = (what.to_owned(), "gone".to_owned());
                    return Err(Error::Io { what, offset, len: buf.len() as u64, reason }.into());
                }
                self.0.as_slice().read_at(offset, buf, what)
            }
        }
        let plain = memory(3, 1 << 20);
        let packed = Arc::new(Vanishing(deflate(&plain, 6), false.into()));
        let mut indexing = Indexing::new(Arc::<Vanishing>::clone(&packed), None);
        while indexing.step().unwrap() {}
        let source = indexing.finish(u64::MAX);
        packed.1.store(true, Relaxed);
        for _ in 0..2 {
            assert_eq!(source.read_at(500_000, &mut [0; 8], "x").unwrap_err().code(), "io");
        }
        packed.1.store(false, Relaxed);
        assert_eq!(read(&source, 500_000, 8), plain[500_000..500_008]);
    }
}
