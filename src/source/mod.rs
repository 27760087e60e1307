//! Where the bytes are: the [`ByteSource`] seam and its implementations.
//!
//! Offsets are `u64` everywhere; on wasm32 a `usize` ends at 4 GiB and dumps do not.

use crate::error::{Error, Result};
use crate::limits::PAGE;

#[cfg(target_arch = "wasm32")]
pub mod blob;
mod checksum;
pub mod counted;
#[cfg(not(target_arch = "wasm32"))]
pub mod file;
pub mod inflate;
pub mod paged;
pub mod spans;
pub mod squeeze;
pub mod zip;

/// On native targets a source is shared by the threads of the walk; in a browser each worker has its own.
#[cfg(not(target_arch = "wasm32"))]
pub trait Shared: Send + Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + Sync + ?Sized> Shared for T {}
/// On native targets a source is shared by the threads of the walk; in a browser each worker has its own.
#[cfg(target_arch = "wasm32")]
pub trait Shared {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> Shared for T {}

/// Bytes of a dump, wherever they live.
pub trait ByteSource: Shared {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// True if there is no byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`Error::Truncated`] if the range is not wholly inside the source, [`Error::Io`] if the system refuses; `what` names what is
    /// being read, for the message.
    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()>;

    /// As [`read_at`](ByteSource::read_at), by a walk that will not read these bytes again: nobody need keep them.
    ///
    /// # Errors
    /// As [`read_at`](ByteSource::read_at).
    fn read_once(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        self.read_at(offset, buf, what)
    }

    /// The bytes to fetch together with the one at `offset` when structures are read: where they begin, and how many at most.
    fn page(&self, offset: u64) -> (u64, u64) {
        (offset.saturating_sub(offset % PAGE), PAGE)
    }

    /// How many threads may read at once without doing the same work twice.
    fn readers(&self) -> usize {
        usize::MAX
    }
}

impl ByteSource for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        let from = usize::try_from(offset).ok();
        let bytes = from.and_then(|from| self.get(from..from.checked_add(buf.len())?));
        match bytes {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(truncated(what, offset, buf.len() as u64, <[u8]>::len(self) as u64)),
        }
    }
}

impl ByteSource for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        self.as_slice().read_at(offset, buf, what)
    }
}

impl<T: ByteSource + ?Sized> ByteSource for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        (**self).read_at(offset, buf, what)
    }

    fn read_once(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        (**self).read_once(offset, buf, what)
    }

    fn page(&self, offset: u64) -> (u64, u64) {
        (**self).page(offset)
    }

    fn readers(&self) -> usize {
        (**self).readers()
    }
}

impl<T: ByteSource + ?Sized> ByteSource for std::sync::Arc<T> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        (**self).read_at(offset, buf, what)
    }

    fn read_once(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        (**self).read_once(offset, buf, what)
    }

    fn page(&self, offset: u64) -> (u64, u64) {
        (**self).page(offset)
    }

    fn readers(&self) -> usize {
        (**self).readers()
    }
}

/// A range of another source.
pub struct SubSource {
    inner: std::sync::Arc<dyn ByteSource>,
    start: u64,
    len: u64,
}

impl SubSource {
    /// The bytes of `inner` from `start` on, `len` of them; fewer if it has no more.
    pub fn new(inner: std::sync::Arc<dyn ByteSource>, start: u64, len: u64) -> SubSource {
        let len = inner.len().saturating_sub(start).min(len);
        SubSource { inner, start, len }
    }
}

impl ByteSource for SubSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        check_range(what, offset, buf.len() as u64, self.len)?;
        self.inner.read_at(self.start.saturating_add(offset), buf, what)
    }

    fn read_once(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        check_range(what, offset, buf.len() as u64, self.len)?;
        self.inner.read_once(self.start.saturating_add(offset), buf, what)
    }

    fn readers(&self) -> usize {
        self.inner.readers()
    }
}

/// Refuses a read that is not wholly inside a source of `file_len` bytes.
pub fn check_range(what: &str, offset: u64, len: u64, file_len: u64) -> Result<()> {
    match offset.checked_add(len) {
        Some(end) if end <= file_len => Ok(()),
        _ => Err(truncated(what, offset, len, file_len)),
    }
}

/// The error of a read beyond the end.
pub fn truncated(what: &str, offset: u64, len: u64, file_len: u64) -> Box<Error> {
    Error::Truncated { what: what.to_owned(), offset, len, file_len }.into()
}
