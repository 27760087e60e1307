//! The dumped process: addresses and reads. Nothing here knows what a CLR is.

use crate::dump::regions::{Extent, Regions};
use crate::error::{Error, Result};
use crate::maps::AddrSet;
use crate::source::ByteSource;
use crate::source::paged::PageCache;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// An address in the dumped process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Addr(pub u64);

impl Addr {
    /// The null pointer.
    pub const NULL: Addr = Addr(0);

    /// This address plus `bytes`; wraps, since both are a stranger's numbers: the read that follows fails then.
    #[must_use]
    pub fn plus(self, bytes: u64) -> Addr {
        Addr(self.0.wrapping_add(bytes))
    }

    /// This address minus `bytes`, wrapping.
    #[must_use]
    pub fn minus(self, bytes: u64) -> Addr {
        Addr(self.0.wrapping_sub(bytes))
    }

    /// Bytes from `other` to here, 0 if it lies behind.
    pub fn since(self, other: Addr) -> u64 {
        self.0.saturating_sub(other.0)
    }

    /// True for the null pointer.
    pub fn is_null(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// The size of a pointer in the dumped runtime: of its PE header's machine, never of the dump's SystemInfo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PointerSize {
    /// 4 bytes: x86.
    Four,
    /// 8 bytes: x64, arm64.
    Eight,
}

impl PointerSize {
    /// In bytes.
    pub fn bytes(self) -> u64 {
        match self {
            PointerSize::Four => 4,
            PointerSize::Eight => 8,
        }
    }
}

/// The memory of the dumped process.
///
/// Reads name what they read (`what`), so that a message can say it.
pub trait Memory {
    /// Fills `buf` from `addr` on.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if a byte of it is not in the dump, [`Error::Io`] if the file cannot be read.
    fn read(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()>;

    /// How many bytes are in the dump from `addr` on without a gap; 0 if `addr` itself is not.
    fn run(&self, addr: Addr) -> u64;

    /// Reads a `u8`.
    fn u8(&self, addr: Addr, what: &str) -> Result<u8> {
        let mut b = [0; 1];
        self.read(addr, &mut b, what)?;
        Ok(u8::from_le_bytes(b))
    }

    /// Reads a little-endian `u16`.
    fn u16(&self, addr: Addr, what: &str) -> Result<u16> {
        let mut b = [0; 2];
        self.read(addr, &mut b, what)?;
        Ok(u16::from_le_bytes(b))
    }

    /// Reads a little-endian `u32`.
    fn u32(&self, addr: Addr, what: &str) -> Result<u32> {
        let mut b = [0; 4];
        self.read(addr, &mut b, what)?;
        Ok(u32::from_le_bytes(b))
    }

    /// Reads a little-endian `u64`.
    fn u64(&self, addr: Addr, what: &str) -> Result<u64> {
        let mut b = [0; 8];
        self.read(addr, &mut b, what)?;
        Ok(u64::from_le_bytes(b))
    }

    /// Reads a pointer of the given size.
    fn ptr(&self, addr: Addr, size: PointerSize, what: &str) -> Result<Addr> {
        match size {
            PointerSize::Four => Ok(Addr(u64::from(self.u32(addr, what)?))),
            PointerSize::Eight => Ok(Addr(self.u64(addr, what)?)),
        }
    }

    /// Reads `len` bytes.
    ///
    /// # Errors
    /// As [`read`](Memory::read); [`Error::Unreadable`] before anything is allocated if the dump has fewer bytes there.
    fn bytes(&self, addr: Addr, len: usize, what: &str) -> Result<Vec<u8>> {
        if self.run(addr) < len as u64 {
            return Err(unreadable(what, addr, len as u64));
        }
        let mut buf = vec![0; len];
        self.read(addr, &mut buf, what)?;
        Ok(buf)
    }

    /// Reads bytes up to a zero or `max`, as text; invalid UTF-8 is replaced.
    fn c_string(&self, addr: Addr, max: usize, what: &str) -> Result<String> {
        let mut out = Vec::new();
        while out.len() < max {
            let room = max.saturating_sub(out.len()).min(64);
            let at = addr.plus(out.len() as u64);
            let have = usize::try_from(self.run(at)).unwrap_or(usize::MAX).min(room);
            if have == 0 {
                return Err(unreadable(what, at, 1));
            }
            let mut chunk = vec![0; have];
            self.read(at, &mut chunk, what)?;
            if let Some(end) = chunk.iter().position(|&b| b == 0) {
                chunk.truncate(end);
                out.extend_from_slice(&chunk);
                break;
            }
            out.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// Reads `chars` UTF-16 code units; unpaired surrogates are replaced.
    fn utf16(&self, addr: Addr, chars: usize, what: &str) -> Result<String> {
        let bytes = self.bytes(addr, chars.min(crate::limits::MAX_STRING).saturating_mul(2), what)?;
        let units = bytes.chunks_exact(2).map(|c| match *c {
            [a, b] => u16::from_le_bytes([a, b]),
            _ => 0,
        });
        Ok(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    }
}

impl<M: Memory + ?Sized> Memory for &M {
    fn read(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()> {
        (**self).read(addr, buf, what)
    }

    fn run(&self, addr: Addr) -> u64 {
        (**self).run(addr)
    }
}

/// The memory that a dump holds: its regions over its bytes. Cheap to make; one per thread, since each has a page cache of its own.
pub struct AddressSpace<S = Arc<dyn ByteSource>, R = Arc<Regions>> {
    source: S,
    regions: R,
    cache: RefCell<PageCache>,
    /// Number of the region of the last read: the next one is mostly there too.
    last: Cell<usize>,
}

impl<S: ByteSource, R: Deref<Target = Regions>> AddressSpace<S, R> {
    /// The memory of a dump. `regions` must be those of this `source`.
    pub fn new(source: S, regions: R) -> AddressSpace<S, R> {
        AddressSpace { source, regions, cache: RefCell::new(PageCache::new()), last: Cell::new(0) }
    }

    /// The same with a smaller cache, for a thread that only looks at method tables.
    pub fn small(source: S, regions: R) -> AddressSpace<S, R> {
        let cache = RefCell::new(PageCache::with_capacity(crate::limits::CACHE_PAGES_OF_THREAD));
        AddressSpace { source, regions, cache, last: Cell::new(0) }
    }

    /// The bytes of the dump.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Which of them are which addresses.
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    fn find(&self, addr: Addr) -> Option<Extent> {
        let (number, extent) = self.regions.find_near(addr, self.last.get())?;
        self.last.set(number);
        Some(extent)
    }
}

impl<S: ByteSource, R: Deref<Target = Regions>> Memory for AddressSpace<S, R> {
    fn read(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()> {
        let len = buf.len() as u64;
        let mut at = addr;
        let mut rest = buf;
        while !rest.is_empty() {
            let Some(extent) = self.find(at) else { return Err(unreadable(what, addr, len)) };
            let n = usize::try_from(extent.len).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_mut(n);
            self.cache.borrow_mut().read(&self.source, extent.offset, now, what)?;
            rest = later;
            at = at.plus(n as u64);
        }
        Ok(())
    }

    fn run(&self, addr: Addr) -> u64 {
        self.regions.run(addr)
    }
}

/// Notes which pages of the process are read through it: what a trimmed dump must keep.
pub struct Recorder<M> {
    inner: M,
    pages: RefCell<AddrSet>,
}

/// The granularity of [`Recorder`]: a page of x86 and x64 Windows.
const RECORDED_PAGE: u64 = 4096;

impl<M: Memory> Recorder<M> {
    /// Nothing noted yet.
    pub fn new(inner: M) -> Recorder<M> {
        Recorder { inner, pages: RefCell::default() }
    }

    /// Notes a range that was read by another way than this [`Memory`].
    pub fn note(&self, addr: Addr, len: u64) {
        if len == 0 {
            return;
        }
        let last = addr.0.saturating_add(len.saturating_sub(1)) / RECORDED_PAGE;
        for page in addr.0 / RECORDED_PAGE..=last {
            self.pages.borrow_mut().insert(Addr(page));
        }
    }

    /// The pages read so far, as ranges of (address, bytes): ascending, apart from each other.
    pub fn touched(&self) -> Vec<(Addr, u64)> {
        let mut ranges: Vec<(Addr, u64)> = Vec::new();
        for page in self.pages.borrow().sorted() {
            let start = page.0.saturating_mul(RECORDED_PAGE);
            match ranges.last_mut() {
                Some((addr, len)) if addr.0.checked_add(*len) == Some(start) => {
                    *len = len.saturating_add(RECORDED_PAGE)
                }
                _ => ranges.push((Addr(start), RECORDED_PAGE)),
            }
        }
        ranges
    }
}

impl<M: Memory> Memory for Recorder<M> {
    fn read(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()> {
        self.inner.read(addr, buf, what)?;
        // A failed read needs no page: it must fail in the trimmed dump as well.
        self.note(addr, buf.len() as u64);
        Ok(())
    }

    fn run(&self, addr: Addr) -> u64 {
        self.inner.run(addr)
    }
}

/// The error of a read of memory that the dump does not hold.
pub fn unreadable(what: &str, addr: Addr, len: u64) -> Box<Error> {
    Error::Unreadable { what: what.to_owned(), address: addr.0, len }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Findings;

    fn space() -> AddressSpace<Vec<u8>, Box<Regions>> {
        // 0x1000..0x1010 at offset 8, 0x1010..0x1020 at offset 40 (adjacent, elsewhere in the file), 0x5000..0x5004 at 0.
        let ranges = vec![extent(0x1000, 8, 16), extent(0x1010, 40, 16), extent(0x5000, 0, 4)];
        let source: Vec<u8> = (0..64).collect();
        let regions = Regions::build(ranges, 64, &mut Findings::default());
        AddressSpace::new(source, Box::new(regions))
    }

    fn extent(addr: u64, offset: u64, len: u64) -> Extent {
        Extent { addr: Addr(addr), offset, len }
    }

    #[test]
    fn reads_across_adjacent_regions_and_not_across_gaps() {
        let memory = space();
        assert_eq!(memory.bytes(Addr(0x100e), 4, "x").unwrap(), [22, 23, 40, 41]);
        assert_eq!(memory.u32(Addr(0x5000), "x").unwrap(), 0x0302_0100);
        assert_eq!(memory.run(Addr(0x1001)), 31);
        assert_eq!(memory.run(Addr(0x1020)), 0);
        for (addr, len) in [(0x101f, 2), (0xfff, 2), (0x5000, 5), (0x3000, 1), (u64::MAX, 8)] {
            let error = memory.read(Addr(addr), &mut vec![0; len], "x").unwrap_err();
            assert!(matches!(*error, Error::Unreadable { address, .. } if address == addr), "{addr:x}: {error}");
        }
        memory.read(Addr(0x3000), &mut [], "nothing").unwrap();
    }

    #[test]
    fn the_recorder_notes_pages_that_were_read_and_no_others() {
        let memory = Recorder::new(space());
        assert!(memory.read(Addr(0x3000), &mut [0; 1], "gap").is_err());
        assert!(memory.touched().is_empty());
        memory.u8(Addr(0x1011), "x").unwrap();
        memory.u8(Addr(0x5000), "x").unwrap();
        memory.note(Addr(0x1fff), 2);
        assert_eq!(memory.touched(), [(Addr(0x1000), 0x2000), (Addr(0x5000), 0x1000)]);
    }
}
