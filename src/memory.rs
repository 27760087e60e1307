//! The dumped process: addresses and reads. Nothing here knows what a CLR is.

use crate::error::{Error, Result};
use std::fmt;

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
        write!(f, "{:x}", self.0)
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

/// The error of a read of memory that the dump does not hold.
pub fn unreadable(what: &str, addr: Addr, len: u64) -> Error {
    Error::Unreadable { what: what.to_owned(), address: addr.0, len }
}
