//! Walks that are driven at once, each on a lane of its own: where the next object begins is only known when this one's method table was looked up, so that
//! one walk waits most of the time; what two of them wait for comes together ([`Hot::run_two`](super::hot::Hot::run_two)).
//!
//! Who reads fills a window for each lane, then lets the two that were filled first [`step`](Lanes::step) until one of them is used up. The heap is cut into shares of whole
//! segments, which the lanes take in turns; how it is cut depends on the heap alone, so that the answer is the same for any number of lanes.

use super::segments::Segment;
use super::walk::{Census, Mode, Outcome, Walk};
use crate::dump::regions::Regions;
use crate::error::Result;
use crate::limits;
use crate::memory::{Memory, PointerSize};
use crate::runtime::Runtime;
use std::collections::VecDeque;
use std::sync::Arc;

/// Windows that are walked at once.
pub const AT_ONCE: usize = 2;
/// Lanes where reads are streams: while two windows are walked, the streams of the others run ahead. A stream that is waited for hands over every 64 KiB by
/// itself, which costs Chromium half as much again. Measured: `npm --prefix www run bench`.
pub const STREAMS: usize = 4;

/// Segments are dealt out in runs of at most this many bytes: large enough to read on, small enough to share the work evenly.
const SHARE: u64 = 64 << 20;
/// And in about so many, that small heaps are shared as well.
const SHARES: u64 = 64;

/// A number, and the segments (or islands).
pub type Share = (usize, Vec<usize>);

/// Segments in the order in which one walk would take them, that of the file, in runs of about [`SHARE`] bytes or less.
pub fn shares(segments: &[Arc<Segment>], regions: &Regions) -> VecDeque<Share> {
    let first = |i: usize| segments.get(i).and_then(|s| regions.extents(s.start, s.end).next());
    let bytes = |i: usize| segments.get(i).map_or(0, |s| s.end.since(s.start));
    in_runs(segments.len(), &|i| first(i).map_or(u64::MAX, |e| e.offset), &bytes)
}

/// Cuts so many things, in the order of where they lie in the file, into runs of about [`SHARE`] bytes or less, about [`SHARES`] of them.
pub fn in_runs(count: usize, offset: &dyn Fn(usize) -> u64, of: &dyn Fn(usize) -> u64) -> VecDeque<Share> {
    let mut order: Vec<(u64, usize)> = (0..count).map(|i| (offset(i), i)).collect();
    crate::order::ascending(&mut order);
    let total = order.iter().fold(0u64, |sum, o| sum.saturating_add(of(o.1)));
    let share = total.checked_div(SHARES).unwrap_or(0).clamp(limits::PAGE, SHARE);
    let mut shares = VecDeque::new();
    let mut run = Vec::new();
    let mut bytes = 0u64;
    for (_, i) in order {
        run.push(i);
        bytes = bytes.saturating_add(of(i));
        if bytes >= share {
            shares.push_back((shares.len(), std::mem::take(&mut run)));
            bytes = 0;
        }
    }
    if !run.is_empty() {
        shares.push_back((shares.len(), run));
    }
    shares
}

/// Bytes of all segments.
pub fn total(segments: &[Arc<Segment>]) -> u64 {
    segments.iter().fold(0, |sum, s| sum.saturating_add(s.end.since(s.start)))
}

/// Bytes of the file that a lane walks on.
#[derive(Debug, Default)]
struct Window {
    offset: u64,
    /// 0 when it is used up.
    len: usize,
    filled: usize,
    /// Never shorter than before, so that it is filled with zeros only once.
    buffer: Vec<u8>,
}

impl Window {
    fn full(&self) -> bool {
        self.len > 0 && self.filled == self.len
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

/// Fills a buffer from an offset of the file on.
pub type Read<'a> = &'a dyn Fn(u64, &mut [u8]) -> Result<()>;

/// Walks everything of one walk by synchronous reads.
///
/// # Errors
/// What `read` reports; `on_window`, which is told what [`Walk::progress`] says, ends the walk with what it returns.
pub fn drive(
    walk: &mut Walk,
    mem: &dyn Memory,
    rt: &Runtime,
    census: &mut Census,
    read: Read<'_>,
    on_window: &mut dyn FnMut((u64, u64)) -> Result<()>,
) -> Result<()> {
    let mut window = Vec::new();
    while let Some(&(offset, len)) = walk.upcoming(1).first() {
        window.resize(usize::try_from(len).unwrap_or(0), 0);
        read(offset, &mut window)?;
        walk.feed(mem, rt, census, offset, &window);
        on_window(walk.progress())?;
    }
    census.settle(rt);
    Ok(())
}

/// The walks and their windows.
#[derive(Default)]
pub struct Lanes {
    walks: Vec<Walk>,
    windows: Vec<Window>,
    /// Those with full windows, in the order in which they are walked.
    full: Vec<usize>,
}

impl Lanes {
    /// So many, with walks that have nothing to do yet.
    pub fn idle(count: usize, walk: &dyn Fn() -> Walk) -> Lanes {
        let mut lanes = Lanes::default();
        (0..count).for_each(|_| lanes.add(walk()));
        lanes
    }

    /// One more, with a walk that has nothing to do yet.
    pub fn add(&mut self, walk: Walk) {
        self.walks.push(walk);
        self.windows.push(Window::default());
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.walks.len()
    }

    /// The walk of a lane.
    pub fn walk(&mut self, lane: usize) -> Option<&mut Walk> {
        self.walks.get_mut(lane)
    }

    /// Whether no walk has anything to do.
    pub fn finished(&self) -> bool {
        self.walks.iter().all(Walk::finished) && self.windows.iter().all(|w| w.len == 0)
    }

    /// Whether a lane has a window that is not used up.
    pub fn busy(&self, lane: usize) -> bool {
        self.windows.get(lane).is_some_and(|w| w.len > 0)
    }

    /// As [`Walk::upcoming`].
    pub fn upcoming(&self, lane: usize, max: usize) -> Vec<(u64, u64)> {
        self.walks.get(lane).map(|w| w.upcoming(max)).unwrap_or_default()
    }

    /// Begins a window that the lane wants.
    pub fn begin(&mut self, lane: usize, offset: u64, len: u64) {
        let Some(window) = self.windows.get_mut(lane) else { return };
        window.offset = offset;
        window.len = usize::try_from(len).unwrap_or(0);
        window.filled = 0;
        if window.buffer.len() < window.len {
            window.buffer.resize(window.len, 0);
        }
    }

    /// What is missing of the window: its offset in the file, and the room for it.
    pub fn room(&mut self, lane: usize) -> (u64, &mut [u8]) {
        match self.windows.get_mut(lane) {
            Some(w) => {
                let offset = w.offset.saturating_add(w.filled as u64);
                (offset, w.buffer.get_mut(w.filled..w.len).unwrap_or_default())
            }
            None => (0, &mut []),
        }
    }

    /// So many bytes were written to the beginning of the [`room`](Lanes::room).
    pub fn filled(&mut self, lane: usize, bytes: usize) {
        if let Some(w) = self.windows.get_mut(lane) {
            let before = w.full();
            w.filled = w.filled.saturating_add(bytes).min(w.len);
            if w.full() && !before {
                self.full.push(lane);
            }
        }
    }

    /// Walks until one of the two windows that were filled first is used up; with less than two, to the end of the one.
    pub fn step(&mut self, mem: &dyn Memory, rt: &Runtime, census: &mut Census) {
        let Some(&one) = self.full.first() else { return };
        let used_up = match (self.full.get(1), rt.layout.pointer) {
            (Some(&other), PointerSize::Eight) => self.both::<8>([one, other], mem, rt, census),
            (Some(&other), PointerSize::Four) => self.both::<4>([one, other], mem, rt, census),
            (None, _) => {
                if let (Some(walk), Some(window)) = (self.walks.get_mut(one), self.windows.get(one)) {
                    walk.feed(mem, rt, census, window.offset, window.bytes());
                }
                one
            }
        };
        self.full.retain(|&lane| lane != used_up);
        if let Some(window) = self.windows.get_mut(used_up) {
            window.len = 0;
        }
    }

    /// Walks until the window of one of two lanes is used up; gives that lane.
    fn both<const P: usize>(
        &mut self,
        [one, two]: [usize; 2],
        mem: &dyn Memory,
        rt: &Runtime,
        census: &mut Census,
    ) -> usize {
        let Ok(mut walks) = self.walks.get_disjoint_mut([one, two]) else { return one };
        let (Some(window), Some(another)) = (self.windows.get(one), self.windows.get(two)) else { return one };
        let windows = [window, another];
        let [walk, other] = &mut walks;
        let Some(first) = walk.advance::<P>(mem, rt, census, window.offset, window.bytes(), Mode::Paired) else {
            return one;
        };
        let Some(second) = other.advance::<P>(mem, rt, census, another.offset, another.bytes(), Mode::Paired) else {
            return two;
        };
        let mut plains = [first, second];
        loop {
            let (runs, special) = census.hot.run_two(plains.each_ref(), &mut census.tallies);
            for ((walk, plain), run) in walks.iter_mut().zip(&mut plains).zip(runs) {
                walk.count_run(plain, run);
            }
            let (Some(walk), Some(window), Some(plain)) =
                (walks.get_mut(special), windows.get(special), plains.get_mut(special))
            else {
                return one;
            };
            match walk.advance::<P>(mem, rt, census, window.offset, window.bytes(), Mode::PairedBehindSpecial) {
                Some(next) => *plain = next,
                None => return if special == 0 { one } else { two },
            }
        }
    }

    /// Bytes of segments done.
    pub fn done(&self) -> u64 {
        self.walks.iter().fold(0, |sum, w| sum.saturating_add(w.progress().0))
    }

    /// A copy of the result so far, of a heap of so many segments, but for the census.
    pub fn so_far(&self, segments: usize) -> Outcome {
        let mut outcome = Outcome::in_parts(segments);
        for walk in &self.walks {
            outcome.merge(walk.so_far());
        }
        outcome.gather();
        outcome
    }

    /// The results, but for the census; to be [merged](Outcome::merge) and [gathered](Outcome::gather).
    pub fn finish(self) -> impl Iterator<Item = Outcome> {
        self.walks.into_iter().map(Walk::finish_part)
    }

    /// Walks everything by synchronous reads. `more` gives a walk that is finished more to do, or returns false.
    ///
    /// # Errors
    /// What `read` reports; `on_window`, which is told how many bytes more were walked, ends the walk with what it returns.
    pub fn drive(
        &mut self,
        mem: &dyn Memory,
        rt: &Runtime,
        census: &mut Census,
        read: Read<'_>,
        more: &mut dyn FnMut(&mut Walk, &mut Census) -> bool,
        on_window: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<()> {
        loop {
            let mut busy = false;
            for lane in 0..self.walks.len() {
                while !self.busy(lane) {
                    if let Some(&(offset, len)) = self.upcoming(lane, 1).first() {
                        self.begin(lane, offset, len);
                        let (offset, room) = self.room(lane);
                        read(offset, room)?;
                        self.filled(lane, usize::MAX);
                    } else if !self.walk(lane).is_some_and(|walk| more(walk, census)) {
                        break;
                    }
                }
                busy |= self.busy(lane);
            }
            if !busy {
                census.settle(rt);
                return Ok(());
            }
            let before = self.done();
            self.step(mem, rt, census);
            on_window(self.done().saturating_sub(before))?;
        }
    }
}
