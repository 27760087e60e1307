//! A deflated stream that is read at any place: no temporary file, no second copy in memory.
//!
//! [`Indexing`] inflates the stream once, from front to end: it learns its true length and checksum, and leaves a checkpoint (the state
//! of the inflater and the 32 KiB behind which a stream may refer) every so many bytes. [`InflateSource`] then inflates, for a read,
//! the *spans* between checkpoints that it touches, whole, and keeps the last ones.
//!
//! What it costs: the checkpoints at most 64 MiB ([`MAX_CHECKPOINTS`]) whatever the length, since the spacing doubles and every other one
//! is dropped when there are too many; the kept spans [`SPANS`]. Every byte is inflated once by the index, and once more if its span is
//! read; again only if its span was pushed out in between. Spans that are read in large pieces (the walk of the heap) may take half
//! of the room, so that they do not push out those with structures. [`InflateSource::inflations`] counts.

use super::{ByteSource, check_range};
use crate::error::{Error, Result};
use crate::limits::{CHECKPOINT_SPACING, MAX_CHECKPOINTS, PAGE, SPANS};
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
    checksum: crc32fast::Hasher,
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
            checksum: crc32fast::Hasher::new(),
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

    /// What was inflated, to be read at any place: of a stream that is cut or damaged the part before.
    pub fn finish(self) -> InflateSource {
        let capacity = usize::try_from(SPANS.checked_div(self.spacing).unwrap_or(0)).unwrap_or(0).max(2);
        let spans = self.at.div_ceil(self.spacing.max(1));
        let counts = (0..spans).map(|_| AtomicU32::new(1)).collect();
        InflateSource {
            source: Arc::clone(&self.inflater.source),
            checkpoints: self.checkpoints,
            spacing: self.spacing,
            len: self.at,
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
        (lock(&self.kept).capacity / 2).max(1)
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

    /// Drops the span that was not used for the longest time: of the walked ones, if they have more than their half.
    fn make_room(&mut self) {
        let walked = self.slots.iter().filter(|slot| !slot.structures).count();
        let any = walked < (self.capacity / 2).max(1);
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
