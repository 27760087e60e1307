//! Counts what is read from another source: for benchmarks and for tests of the budget.

use super::ByteSource;
use crate::error::Result;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A source that counts the reads that go through it.
#[derive(Debug)]
pub struct Counted<S> {
    inner: S,
    reads: AtomicU64,
    bytes: AtomicU64,
}

impl<S: ByteSource> Counted<S> {
    /// Starts at zero.
    pub fn new(inner: S) -> Counted<S> {
        Counted { inner, reads: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// Reads so far, failed ones included.
    pub fn reads(&self) -> u64 {
        self.reads.load(Relaxed)
    }

    /// Bytes asked for so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}

impl<S: ByteSource> ByteSource for Counted<S> {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        self.reads.fetch_add(1, Relaxed);
        self.bytes.fetch_add(buf.len() as u64, Relaxed);
        self.inner.read_at(offset, buf, what)
    }

    fn read_once(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        self.reads.fetch_add(1, Relaxed);
        self.bytes.fetch_add(buf.len() as u64, Relaxed);
        self.inner.read_once(offset, buf, what)
    }

    fn page(&self, offset: u64) -> (u64, u64) {
        self.inner.page(offset)
    }
}
