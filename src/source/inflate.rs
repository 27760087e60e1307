//! A deflated stream that is read at any place: no temporary file, no second copy in memory.
//!
//! [`Indexing`] inflates the stream once, from front to end: it learns its true length and checksum, and leaves a checkpoint (the state
//! of the inflater and the 32 KiB behind which a stream may refer) every so many bytes. [`InflateSource`] then inflates, for a read,
//! the *spans* between checkpoints that it touches, whole, and keeps the last ones.
//!
//! What it costs: the checkpoints at most 88 MB ([`MAX_CHECKPOINTS`]) whatever the length, since the spacing doubles and every other one
//! is dropped when there are too many; the kept spans [`SPANS`]. Every byte is inflated once by the index, and once more if its span is
//! read; again only if its span was pushed out in between. Spans that are read in large pieces (the walk of the heap) get a small part
//! of the room, so that they do not push out those with structures. [`InflateSource::inflations`] counts.

use super::checksum::Hasher as Checksum;
use super::{ByteSource, check_range};
use crate::error::{Error, Result};
use crate::limits::{CHECKPOINT_SPACING, MAX_CHECKPOINTS, PAGE, SPANS, WALKED_SPANS};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// How far back a deflate stream may refer.
const HISTORY: usize = 32 << 10;
/// Bytes inflated at a time: with the history they stay in the second-level cache.
const CHUNK: usize = CHECKPOINT_SPACING;
/// Packed bytes read at a time by the index.
const READ: usize = 2 << 20;
/// The inflater looks at most so far ahead of the byte it is at.
const AHEAD: u64 = 64;
/// Bytes of one step of the index: some hundredths of a second.
const STEP: u64 = 16 << 20;
/// Reads of more than this are taken for a walk through the stream; smaller ones for structures that will be asked for again.
const LARGE: u64 = 4 * PAGE;

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
        let (state, input) = (Box::default(), Vec::new());
        Inflater { source, fetch: 0, fetch_to, state, input, used: 0, output, filled: 0 }
    }

    /// Goes to a checkpoint; packed bytes up to `fetch_to` will probably do.
    fn restart(&mut self, at: &Checkpoint, fetch_to: u64) {
        (self.fetch, self.fetch_to) = (at.packed, fetch_to);
        (*self.state).clone_from(&at.state);
        self.input.clear();
        self.used = 0;
        self.filled = at.history.len();
        if let Some(history) = self.output.get_mut(..at.history.len()) {
            history.copy_from_slice(&at.history);
        }
    }

    fn checkpoint(&self) -> Checkpoint {
        let history = self.output.get(self.filled.saturating_sub(HISTORY)..self.filled).unwrap_or_default();
        Checkpoint { packed: self.packed(), state: self.state.clone(), history: history.into() }
    }

    /// Packed bytes spent so far.
    fn packed(&self) -> u64 {
        self.fetch.saturating_sub(self.input.len().saturating_sub(self.used) as u64)
    }

    /// The next bytes, `max` or [`CHUNK`] of them; fewer only where the stream ends.
    fn next(&mut self, max: usize, what: &str) -> Result<(&[u8], Option<End>)> {
        let start = self.filled.min(HISTORY);
        self.output.copy_within(self.filled.saturating_sub(start)..self.filled, 0);
        self.filled = start;
        let room = start.saturating_add(max.min(CHUNK));
        let mut end = None;
        while self.filled < room && end.is_none() {
            let more = self.used < self.input.len() || self.fill(what)?;
            let input = self.input.get(self.used..).unwrap_or_default();
            let output = self.output.get_mut(..room).unwrap_or_default();
            let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_HAS_MORE_INPUT;
            let (status, used, made) = decompress(&mut self.state, input, output, self.filled, flags);
            self.used = self.used.saturating_add(used);
            self.filled = self.filled.saturating_add(made);
            end = match status {
                TINFLStatus::Done => Some(End::Whole),
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
    /// Packed bytes spent before it.
    packed: u64,
    state: Box<DecompressorOxide>,
    history: Box<[u8]>,
}

/// The first bytes of a stream, at most `max` and [`CHECKPOINT_SPACING`]; fewer where it ends or is damaged.
///
/// # Errors
/// What reading `source` reports.
pub fn first(source: Arc<dyn ByteSource>, max: usize, what: &str) -> Result<Vec<u8>> {
    let mut inflater = Inflater::new(source);
    inflater.fetch_to = max as u64;
    Ok(inflater.next(max, what)?.0.to_vec())
}

/// The first pass over a stream.
pub struct Indexing {
    inflater: Inflater,
    checkpoints: Vec<Checkpoint>,
    spacing: u64,
    at: u64,
    promised: Option<u64>,
    checksum: Checksum,
    end: Option<End>,
}

impl Indexing {
    /// A raw deflate stream from the first byte of `source` on; what lies behind its end is not touched. `promised`: the length it should
    /// have, where that is known; nothing beyond is inflated.
    pub fn new(source: Arc<dyn ByteSource>, promised: Option<u64>) -> Indexing {
        Indexing {
            inflater: Inflater::new(source),
            checkpoints: Vec::new(),
            spacing: CHECKPOINT_SPACING as u64,
            at: 0,
            promised,
            checksum: Checksum::new(),
            end: None,
        }
    }

    /// Inflates a piece; false if there is nothing left to do.
    ///
    /// # Errors
    /// What reading the packed bytes reports. A stream that is cut or damaged is none: it ends there.
    pub fn step(&mut self) -> Result<bool> {
        let until = self.at.saturating_add(STEP);
        while self.end.is_none() && self.at < until {
            self.leave_checkpoint();
            let left = self.promised.map_or(u64::MAX, |promised| promised.saturating_sub(self.at));
            // At the promised end one byte more: there must be none.
            let max = usize::try_from(left.max(1)).unwrap_or(CHUNK);
            let (bytes, end) = self.inflater.next(max, "packed bytes of the dump")?;
            if left == 0 && !bytes.is_empty() {
                self.end = Some(End::TooLong);
                break;
            }
            self.checksum.update(bytes);
            self.at = self.at.saturating_add(bytes.len() as u64);
            self.end = end;
        }
        Ok(self.end.is_none())
    }

    fn leave_checkpoint(&mut self) {
        if self.at.checked_rem(self.spacing) != Some(0) {
            return;
        }
        if self.checkpoints.len() >= MAX_CHECKPOINTS {
            let mut keep = false;
            self.checkpoints.retain(|_| {
                keep = !keep;
                keep
            });
            self.spacing = self.spacing.saturating_mul(2);
            if self.at.checked_rem(self.spacing) != Some(0) {
                return;
            }
        }
        self.checkpoints.push(self.inflater.checkpoint());
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
    pub fn finish(self, len: u64) -> InflateSource {
        let len = len.min(self.at);
        let capacity = usize::try_from(SPANS.checked_div(self.spacing).unwrap_or(0)).unwrap_or(0).max(2);
        let spans = len.div_ceil(self.spacing.max(1));
        let counts = (0..spans).map(|_| AtomicU32::new(1)).collect();
        InflateSource {
            source: Arc::clone(&self.inflater.source),
            checkpoints: self.checkpoints,
            spacing: self.spacing,
            len,
            kept: Mutex::new(Kept { slots: Vec::new(), capacity, clock: 0 }),
            idle: Mutex::new(vec![self.inflater]),
            counts,
        }
    }
}

/// An inflated stream, readable at any place and by several threads at once.
pub struct InflateSource {
    source: Arc<dyn ByteSource>,
    /// The n-th lies n times `spacing` bytes from the start.
    checkpoints: Vec<Checkpoint>,
    spacing: u64,
    len: u64,
    kept: Mutex<Kept>,
    /// Inflaters that nobody uses now.
    idle: Mutex<Vec<Inflater>>,
    /// How often each span was inflated, the index included.
    counts: Vec<AtomicU32>,
}

impl fmt::Debug for InflateSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InflateSource {{ len: {}, spacing: {} }}", self.len, self.spacing)
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
}

impl InflateSource {
    /// What was inflated so far.
    pub fn inflations(&self) -> Inflations {
        let mut sum = Inflations { len: self.len, inflated: 0, most: 0 };
        for (i, count) in (0..).zip(&self.counts) {
            let count = count.load(Relaxed);
            sum.most = sum.most.max(count);
            sum.inflated = sum.inflated.saturating_add(self.span_len(i).saturating_mul(u64::from(count)));
        }
        sum
    }

    /// Bytes between checkpoints.
    pub fn spacing(&self) -> u64 {
        self.spacing
    }

    /// Bytes that the checkpoints take.
    pub fn checkpoint_bytes(&self) -> u64 {
        let one = |c: &Checkpoint| size_of::<DecompressorOxide>().saturating_add(c.history.len());
        self.checkpoints.iter().map(one).fold(0, |sum: u64, n| sum.saturating_add(n as u64))
    }

    fn span_len(&self, number: u64) -> u64 {
        self.len.saturating_sub(number.saturating_mul(self.spacing)).min(self.spacing)
    }

    fn inflate(&self, number: u64, what: &str) -> Result<Vec<u8>> {
        let changed = |detail: &str| Error::Damaged { what: what.to_owned(), detail: detail.to_owned() };
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let from = self.checkpoints.get(index).ok_or_else(|| changed("there is no checkpoint"))?;
        let next = self.checkpoints.get(index.saturating_add(1));
        let fetch_to = next.map_or(self.source.len(), |next| next.packed.saturating_add(AHEAD));
        let idle = lock(&self.idle).pop();
        let mut inflater = idle.unwrap_or_else(|| Inflater::new(Arc::clone(&self.source)));
        inflater.restart(from, fetch_to);
        if let Some(count) = self.counts.get(index) {
            count.fetch_add(1, Relaxed);
        }
        // At most the spacing, which is ours.
        let len = usize::try_from(self.span_len(number)).unwrap_or(0);
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let (chunk, end) = inflater.next(len.saturating_sub(bytes.len()), what)?;
            bytes.extend_from_slice(chunk);
            if end.is_some() && bytes.len() < len {
                return Err(changed("the archive was changed while it was read"));
            }
        }
        lock(&self.idle).push(inflater);
        Ok(bytes)
    }
}

impl ByteSource for InflateSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        check_range(what, offset, buf.len() as u64, self.len)?;
        let small = buf.len() as u64 <= LARGE;
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let number = at.checked_div(self.spacing).unwrap_or(0);
            let span = lock(&self.kept).span(number, small);
            // Whoever comes second waits for the first, and nobody inflates the same span at the same time.
            let mut failed = None;
            let bytes = span.get_or_init(|| {
                self.inflate(number, what).unwrap_or_else(|error| {
                    failed = Some(error);
                    Vec::new()
                })
            });
            let from = usize::try_from(at.saturating_sub(number.saturating_mul(self.spacing))).unwrap_or(usize::MAX);
            let have = bytes.get(from..).unwrap_or_default();
            let n = have.len().min(rest.len());
            if n == 0 {
                lock(&self.kept).forget(number);
                let reason = "it could not be inflated".to_owned();
                return Err(failed.unwrap_or(Error::Io { what: what.to_owned(), offset: at, len: 0, reason }));
            }
            let (now, later) = rest.split_at_mut(n);
            now.copy_from_slice(have.get(..n).unwrap_or_default());
            rest = later;
            at = at.saturating_add(n as u64);
        }
        Ok(())
    }

    fn readers(&self) -> usize {
        // Each of them is in a span of its own, beside those with structures.
        lock(&self.kept).for_walks()
    }
}

/// Inflated bytes of a span, once they are there; empty if they could not be had.
type Span = Arc<OnceLock<Vec<u8>>>;

/// The spans that are kept, and which of them goes next.
struct Kept {
    slots: Vec<Slot>,
    capacity: usize,
    clock: u64,
}

struct Slot {
    number: u64,
    used: u64,
    /// It was read in small pieces: structures.
    structures: bool,
    span: Span,
}

impl Kept {
    /// The span of this number, a new one if it is not there.
    fn span(&mut self, number: u64, small: bool) -> Span {
        self.clock = self.clock.saturating_add(1);
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == number) {
            slot.used = self.clock;
            slot.structures |= small;
            return Arc::clone(&slot.span);
        }
        if self.slots.len() >= self.capacity {
            self.make_room();
        }
        let span = Span::default();
        self.slots.push(Slot { number, used: self.clock, structures: small, span: Arc::clone(&span) });
        span
    }

    /// How many spans without structures are kept when there is no room left.
    fn for_walks(&self) -> usize {
        (self.capacity / 4).clamp(1, WALKED_SPANS)
    }

    /// Drops the span that was not used for the longest time: of the walked ones, if they have more than their part.
    fn make_room(&mut self) {
        let walked = self.slots.iter().filter(|slot| !slot.structures).count();
        let any = walked < self.for_walks();
        let oldest =
            (0..).zip(&self.slots).filter(|(_, slot)| any || !slot.structures).min_by_key(|(_, slot)| slot.used);
        if let Some(place) = oldest.map(|(place, _)| place) {
            self.slots.swap_remove(place);
        }
    }

    fn forget(&mut self, number: u64) {
        self.slots.retain(|slot| slot.number != number);
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

    const SPACING: u64 = CHECKPOINT_SPACING as u64;

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
        let len = 900usize << 20;
        let packed = zeros(len);
        let indexing = index(packed, None);
        assert_eq!((indexing.end(), indexing.len()), (Some(End::Whole), len as u64));
        assert!(indexing.checkpoints.len() <= MAX_CHECKPOINTS);
        let source = indexing.finish(u64::MAX);
        assert_eq!(source.spacing(), 4 * SPACING);
        assert!(source.checkpoint_bytes() < 90 << 20, "{}", source.checkpoint_bytes());
        assert_eq!(source.checkpoints.len() as u64, (len as u64).div_ceil(source.spacing()));
        for at in [0, 777 << 20, 5, (len as u64) - 100, source.spacing() * 3 - 50] {
            assert_eq!(read(&source, at, 100), vec![0; 100], "{at}");
        }
    }

    /// What is promised whatever the pattern: a read inflates the spans that it touches, no more.
    #[test]
    fn the_worst_pattern_costs_a_span_for_each_read() {
        let len = 96usize << 20;
        let source = index(zeros(len), None).finish(u64::MAX);
        let kept = SPANS / SPACING;
        let spans = len as u64 / SPACING;
        assert!(spans > kept);
        for round in 1..=3u64 {
            for number in (0..spans).rev() {
                read(&source, number * SPACING + round, 8);
            }
            let counted = source.inflations();
            assert!(counted.inflated <= counted.len + round * counted.len, "{round}: {counted:?}");
        }
        assert_eq!(source.inflations().most, 4);
    }

    #[test]
    fn what_is_kept_is_not_inflated_again_and_a_walk_does_not_push_it_out() {
        let len = 160usize << 20;
        let source = index(zeros(len), None).finish(u64::MAX);
        let structures: Vec<u64> = (0..SPANS / SPACING - WALKED_SPANS as u64).map(|i| i * 2 * SPACING).collect();
        for &at in &structures {
            read(&source, at, 64);
        }
        // The walk: all of it, a megabyte at a time.
        for at in (0..len as u64).step_by(1 << 20) {
            read(&source, at, 1 << 20);
        }
        for &at in structures.iter().rev() {
            read(&source, at + 100, 64);
        }
        let counted = source.inflations();
        assert_eq!((counted.most, counted.inflated), (2, 2 * counted.len));
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
                    return Err(Error::Io { what, offset, len: buf.len() as u64, reason });
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
