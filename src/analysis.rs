//! One dump from its bytes to its report, in steps: [`Analysis::open`] -> [`locate`](Analysis::locate) -> the fed walk
//! ([`upcoming`](Analysis::upcoming), [`feed`](Analysis::feed)) -> [`finish`](Analysis::finish). [`analyze`] does all of it where reads
//! are synchronous.

use crate::error::{Error, Result};
use crate::report::{DumpFacts, HeapReport, RuntimeFacts};
use crate::source::ByteSource;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What the caller may choose.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the file, for the report.
    pub file_name: String,
    /// Which runtime of the process, by its number in the list of runtimes; the default is the one with more heap bytes.
    pub runtime: Option<usize>,
    /// Bytes of one window of the walk; 0 = [`crate::limits::WINDOW_NATIVE`].
    pub window: u64,
}

/// A range of the [`ByteSource`] that the walk wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Offset in the source, bytes.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// How far the walk is, in bytes of heap segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes walked or skipped.
    pub done: u64,
    /// Bytes of all segments.
    pub total: u64,
}

/// One dump under analysis.
pub struct Analysis {
    facts: DumpFacts,
}

impl Analysis {
    /// Reads the head of the dump: streams, modules, threads, memory ranges, process facts.
    pub fn open(_source: Arc<dyn ByteSource>, _options: Options) -> Result<Analysis> {
        Err(Error::EmptyFile)
    }

    /// The file and the process; ready before the runtime is located.
    pub fn dump_facts(&self) -> &DumpFacts {
        &self.facts
    }

    /// Finds the runtime and its heap, and proves both.
    pub fn locate(&mut self) -> Result<&RuntimeFacts> {
        Err(Error::EmptyFile)
    }

    /// The next windows that the walk will want, in the order in which [`feed`](Analysis::feed) must get them; empty when it is done. Only
    /// the first one is certain: a later one may be skipped (the body of a large array), then its bytes are not needed, and feeding
    /// them does nothing.
    pub fn upcoming(&self, _max: usize) -> Vec<Window> {
        Vec::new()
    }

    /// Walks the bytes of one window.
    pub fn feed(&mut self, _offset: u64, _bytes: &[u8]) -> Result<Progress> {
        Err(Error::EmptyFile)
    }

    /// Resolves the names and writes the report.
    pub fn finish(self) -> Result<HeapReport> {
        Err(Error::EmptyFile)
    }
}

/// The whole analysis over synchronous reads. `progress` is called after each window and may stop it.
///
/// # Errors
/// [`Error::Cancelled`] if `progress` breaks; else what the steps report.
pub fn analyze(
    _source: Arc<dyn ByteSource>,
    _options: Options,
    _progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<HeapReport> {
    Err(Error::EmptyFile)
}
