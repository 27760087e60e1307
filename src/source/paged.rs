//! A bounded page cache for small, scattered reads: structures of the runtime, tables of the container.
//!
//! In a browser a read of 64 bytes costs as much as one of 64 KiB (1 to 2 ms); on disk a system call. The book-keeping (`Book`) knows
//! no bytes and no source, so that it is tested by itself.

use super::{ByteSource, check_range, truncated};
use crate::error::Result;
use crate::limits::{CACHE_PAGES, PAGE};
use crate::maps::Numbers;

/// Reads of more pages than this go past the cache: they would only push out what is worth keeping.
const MAX_CACHED_READ: u64 = 4 * PAGE;

/// Pages of one source. It does not own the source: give it the same one each time.
#[derive(Debug, Default)]
pub struct PageCache {
    book: Book,
    /// By slot of the book; [`PAGE`] bytes each, less at the source's end.
    pages: Vec<Vec<u8>>,
}

impl PageCache {
    /// An empty cache; memory is taken page by page, up to [`CACHE_PAGES`].
    pub fn new() -> PageCache {
        PageCache::default()
    }

    /// An empty cache of fewer pages.
    pub fn with_capacity(pages: usize) -> PageCache {
        PageCache { book: Book::with_capacity(pages.min(CACHE_PAGES)), pages: Vec::new() }
    }

    /// Fills `buf` from `offset` on, from kept pages where there are some.
    ///
    /// # Errors
    /// As [`ByteSource::read_at`].
    pub fn read(&mut self, source: &dyn ByteSource, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        let len = buf.len() as u64;
        check_range(what, offset, len, source.len())?;
        if len > MAX_CACHED_READ {
            return source.read_at(offset, buf, what);
        }
        let mut at = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let (start, room) = source.page(at);
            let page = self.page(source, start, room, what)?;
            let from = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
            let have = page.get(from..).unwrap_or_default();
            let n = have.len().min(rest.len());
            let (now, later) = rest.split_at_mut(n);
            now.copy_from_slice(have.get(..n).unwrap_or_default());
            if n == 0 {
                // Cannot be: the range was checked. Ends the loop in any case.
                return Err(truncated(what, offset, len, source.len()));
            }
            rest = later;
            at = at.saturating_add(n as u64);
        }
        Ok(())
    }

    fn page(&mut self, source: &dyn ByteSource, start: u64, room: u64, what: &str) -> Result<&[u8]> {
        let slot = match self.book.find(start) {
            Some(slot) => slot,
            None => {
                let slot = self.book.claim(start);
                if self.pages.len() <= slot {
                    self.pages.resize_with(slot.saturating_add(1), Vec::new);
                }
                let len = source.len().saturating_sub(start).min(room).min(PAGE);
                if let Some(page) = self.pages.get_mut(slot) {
                    page.resize(usize::try_from(len).unwrap_or(0), 0);
                    if let Err(e) = source.read_at(start, page, what) {
                        self.book.forget(slot);
                        return Err(e);
                    }
                }
                slot
            }
        };
        Ok(self.pages.get(slot).map_or(&[], Vec::as_slice))
    }
}

/// Which page is in which slot, and which slot goes next: second chance ("clock"), close to least recently used and cheap on a hit.
#[derive(Debug)]
struct Book {
    slots: Vec<Slot>,
    by_page: Numbers<u64, u32>,
    capacity: usize,
    hand: usize,
    /// The slot of the last hit: most reads stay on one page.
    last: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// `None`: its read failed, nothing is in it.
    page: Option<u64>,
    used: bool,
}

impl Default for Book {
    fn default() -> Book {
        Book::with_capacity(CACHE_PAGES)
    }
}

impl Book {
    fn with_capacity(capacity: usize) -> Book {
        Book { slots: Vec::new(), by_page: Numbers::default(), capacity: capacity.max(1), hand: 0, last: 0 }
    }

    /// The slot of a page that is there; marks it as used.
    fn find(&mut self, page: u64) -> Option<usize> {
        let slot = match self.slots.get(self.last) {
            Some(slot) if slot.page == Some(page) => self.last,
            _ => usize::try_from(*self.by_page.get(&page)?).ok()?,
        };
        self.slots.get_mut(slot)?.used = true;
        self.last = slot;
        Some(slot)
    }

    /// A slot for a page that is not there: a new one, or that of the first page that was not used since the hand last passed.
    fn claim(&mut self, page: u64) -> usize {
        let slot = if self.slots.len() < self.capacity {
            self.slots.push(Slot { page: None, used: false });
            self.slots.len().saturating_sub(1)
        } else {
            self.victim()
        };
        if let Some(entry) = self.slots.get_mut(slot) {
            if let Some(old) = entry.page.replace(page) {
                self.by_page.remove(&old);
            }
            entry.used = true;
        }
        self.by_page.insert(page, u32::try_from(slot).unwrap_or(u32::MAX));
        self.last = slot;
        slot
    }

    /// Empties a slot.
    fn forget(&mut self, slot: usize) {
        if let Some(entry) = self.slots.get_mut(slot) {
            entry.used = false;
            if let Some(page) = entry.page.take() {
                self.by_page.remove(&page);
            }
        }
    }

    fn victim(&mut self) -> usize {
        loop {
            let slot = self.hand;
            self.hand = slot.saturating_add(1);
            match self.slots.get_mut(slot) {
                Some(entry) if entry.used => entry.used = false,
                Some(_) => return slot,
                None => self.hand = 0,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::source::counted::Counted;

    #[test]
    fn the_book_keeps_what_is_used_and_never_grows() {
        let mut book = Book::with_capacity(3);
        for page in [10, 11, 12] {
            assert_eq!(book.find(page), None);
            book.claim(page);
        }
        // All used: the hand clears all three and takes the first.
        assert_eq!(book.claim(13), 0);
        assert_eq!(book.find(10), None);
        // 11 is used again, 12 is not: 12 goes.
        assert_eq!(book.find(11), Some(1));
        assert_eq!(book.claim(14), 2);
        assert_eq!(book.find(12), None);
        assert_eq!((book.find(13), book.find(11), book.find(14)), (Some(0), Some(1), Some(2)));
        assert_eq!((book.slots.len(), book.by_page.len()), (3, 3));
    }

    #[test]
    fn a_forgotten_slot_is_found_no_more() {
        let mut book = Book::with_capacity(2);
        let slot = book.claim(7);
        book.forget(slot);
        assert_eq!(book.find(7), None);
        assert!(book.by_page.is_empty());
        book.claim(8);
        assert_eq!(book.claim(9), slot);
        assert_eq!(book.find(8), Some(1));
    }

    #[test]
    fn reads_equal_the_source_whatever_their_place_and_length() {
        let len = 3 * PAGE + 777;
        let bytes: Vec<u8> = (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
        let mut cache = PageCache::new();
        for (offset, n) in [
            (0, 1),
            (PAGE - 3, 6),
            (PAGE - 1, PAGE + 2),
            (3 * PAGE, 777),
            (len - 1, 1),
            (5, 2 * PAGE),
            (len, 0),
            (0, len),
        ] {
            let mut buf = vec![0; n as usize];
            cache.read(&bytes, offset, &mut buf, "x").unwrap();
            assert_eq!(buf, bytes[offset as usize..(offset + n) as usize], "{n} at {offset}");
        }
        for (offset, n) in [(len, 1), (len - 1, 2), (u64::MAX, 2), (len + PAGE, 0)] {
            assert!(cache.read(&bytes, offset, &mut vec![0; n], "x").is_err(), "{n} at {offset}");
        }
    }

    #[test]
    fn small_reads_share_a_page_and_large_ones_leave_the_cache_alone() {
        let source = Counted::new(vec![1u8; (20 * PAGE) as usize]);
        let mut cache = PageCache::new();
        for i in 0..1000 {
            cache.read(&source, i * 8, &mut [0; 8], "x").unwrap();
        }
        assert_eq!((source.reads(), source.bytes()), (1, PAGE));
        cache.read(&source, 0, &mut vec![0; (10 * PAGE) as usize], "large").unwrap();
        assert_eq!(cache.book.slots.len(), 1);
        assert_eq!(source.reads(), 2);
    }

    #[test]
    fn memory_is_bounded() {
        struct Zeros;
        impl ByteSource for Zeros {
            fn len(&self) -> u64 {
                1 << 40
            }
            fn read_at(&self, _: u64, buf: &mut [u8], _: &str) -> Result<()> {
                buf.fill(0);
                Ok(())
            }
        }
        let mut cache = PageCache::new();
        for i in 0..2000 {
            cache.read(&Zeros, i * PAGE * 1000, &mut [1; 8], "x").unwrap();
        }
        assert_eq!(cache.pages.len(), CACHE_PAGES);
        assert!(cache.pages.iter().all(|page| page.len() as u64 <= PAGE));
    }

    #[test]
    fn a_failed_read_is_not_remembered_as_bytes() {
        struct Once(std::sync::atomic::AtomicBool);
        impl ByteSource for Once {
            fn len(&self) -> u64 {
                100
            }
            fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
                if !self.0.swap(true, std::sync::atomic::Ordering::Relaxed) {
                    let (what, reason) = (what.to_owned(), "bad sector".to_owned());
                    return Err(Error::Io { what, offset, len: buf.len() as u64, reason }.into());
                }
                buf.fill(9);
                Ok(())
            }
        }
        let source = Once(false.into());
        let mut cache = PageCache::new();
        let mut buf = [0; 4];
        assert_eq!(cache.read(&source, 0, &mut buf, "x").unwrap_err().code(), "io");
        cache.read(&source, 0, &mut buf, "x").unwrap();
        assert_eq!(buf, [9; 4]);
    }
}
