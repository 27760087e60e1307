//! What can go wrong: [`Error`] ends an analysis, [`Finding`] is counted and shown beside the numbers.
//!
//! Every error carries a stable kebab-case [`code`](Error::code) for programs, a message that says what the file is and what was
//! being read, and a [`hint`](Error::hint): the user's next step. The page and the command line print both as they are.

use crate::reading::record;
use serde::{Deserialize, Serialize};

/// The result of everything that can end an analysis. The error is boxed: it is large, and each `?` on its way would copy it.
pub type Result<T, E = Box<Error>> = std::result::Result<T, E>;

/// A fatal error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system or the browser refused a read.
    #[error("cannot read {what} ({len} bytes at file offset {offset}): {reason}")]
    Io {
        /// What the bytes are for.
        what: String,
        /// File offset of the read, in bytes.
        offset: u64,
        /// Length of the read, in bytes.
        len: u64,
        /// The system's own words.
        reason: String,
    },
    /// The operating system refused to write the output.
    #[error("cannot write {what}: {reason}")]
    Write {
        /// What was written.
        what: String,
        /// The system's own words.
        reason: String,
    },
    /// The file has no bytes.
    #[error("the file is empty")]
    EmptyFile,
    /// The file is something else than a minidump; `guess` says what, as far as its first bytes tell.
    #[error("this is not a Windows minidump: {guess}")]
    NotADump {
        /// What the file seems to be.
        guess: String,
        /// The way from that kind of file to an analysis.
        next: String,
    },
    /// An archive from which no dump can be unpacked.
    #[error("the archive cannot be read: {detail}")]
    Archive {
        /// Why.
        detail: String,
        /// The way to a dump.
        next: String,
    },
    /// An archive with more than one dump.
    #[error("the zip holds {} dumps: {}", entries.len(), names(entries))]
    ChooseEntry {
        /// The dumps.
        entries: Vec<EntryChoice>,
    },
    /// The file ends before something that its own tables promise.
    #[error(
        "the dump is cut short: {what} should be at file offset {offset} ({len} bytes), but the file has {file_len} bytes"
    )]
    Truncated {
        /// What should have been there.
        what: String,
        /// Where, in bytes from the file's start.
        offset: u64,
        /// How many bytes.
        len: u64,
        /// The file's length.
        file_len: u64,
    },
    /// A saved listing that cannot stand for a dump.
    #[error("this listing cannot be used: {0}")]
    BadListing(String),
    /// A table of the container contradicts itself.
    #[error("the dump is damaged: {what}: {detail}")]
    Damaged {
        /// What was being read.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A number in the dump is larger than what any real dump holds; see [`crate::limits`].
    #[error("{what}: the dump says {value}, more than the {limit} that dropheap accepts")]
    Limit {
        /// What was counted.
        what: String,
        /// What the dump says.
        value: u64,
        /// The cap.
        limit: u64,
    },
    /// A valid minidump without the process's memory.
    #[error("this dump has no heap in it: {detail}")]
    NoHeapMemory {
        /// What memory it has instead.
        detail: String,
    },
    /// No .NET runtime among the modules.
    #[error("no .NET runtime was found in this process{detail}")]
    NoRuntime {
        /// What was looked at.
        detail: String,
    },
    /// A runtime that is known and not supported (NativeAOT, Mono, CLR 2).
    #[error("{runtime} is not supported: {reason}")]
    UnsupportedRuntime {
        /// Its name.
        runtime: String,
        /// Why.
        reason: String,
    },
    /// A runtime was found, but its heap structures could not be proven. Evidence says what was tried.
    #[error("{runtime} was found, but its heap could not be located with certainty: {missing}")]
    UnknownRuntime {
        /// Name and version of the runtime.
        runtime: String,
        /// Which piece was not found or not proven.
        missing: String,
        /// What was tried, a line each.
        evidence: Vec<String>,
    },
    /// Needed memory of the process is not in the dump.
    #[error("memory of the process is missing from the dump: {what} ({len} bytes at address {address:#x})")]
    Unreadable {
        /// What was being read.
        what: String,
        /// Its address in the process.
        address: u64,
        /// How many bytes.
        len: u64,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The caller's own words do not fit together.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// A stable name for programs, kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Io { .. } => "io",
            Error::Write { .. } => "write",
            Error::EmptyFile => "empty-file",
            Error::NotADump { .. } => "not-a-dump",
            Error::Archive { .. } => "archive",
            Error::ChooseEntry { .. } => "choose-entry",
            Error::Truncated { .. } => "truncated",
            Error::BadListing(_) => "bad-listing",
            Error::Damaged { .. } => "damaged",
            Error::Limit { .. } => "limit",
            Error::NoHeapMemory { .. } => "no-heap-memory",
            Error::NoRuntime { .. } => "no-runtime",
            Error::UnsupportedRuntime { .. } => "unsupported-runtime",
            Error::UnknownRuntime { .. } => "unknown-runtime",
            Error::Unreadable { .. } => "unreadable",
            Error::Cancelled => "cancelled",
            Error::Usage(_) => "usage",
        }
    }

    /// The user's next step.
    pub fn hint(&self) -> String {
        match self {
            Error::Io { .. } => "Check that the file is still there and complete, then try again.".into(),
            Error::Write { .. } => "Check that the disk has room and that the folder may be written to, then try again.".into(),
            Error::EmptyFile => "Copy or download the dump again; the transfer stopped before the first byte.".into(),
            Error::NotADump { next, .. } | Error::Archive { next, .. } => next.clone(),
            Error::ChooseEntry { .. } => "Choose one of them; on the command line: `--entry NAME`.".into(),
            Error::Truncated { .. } => {
                "Compare the file's size with the original and copy it again; if the original is as short, the disk was full or \
                 the process ended while the dump was written: take a new one."
                    .into()
            }
            Error::BadListing(_) => {
                "Save the output of `!dumpheap -stat` as text, one listing per file, from its header to its last line `Total ... objects`; or the \
                 whole of what `dropheap stat --format csv` or `json` prints."
                    .into()
            }
            Error::Damaged { .. } | Error::Limit { .. } => {
                "Copy the dump again from where it was taken and compare the checksums; if they agree, take a new dump.".into()
            }
            Error::NoHeapMemory { .. } => {
                "Take a full dump: `procdump -ma PID`, or in Kudu `/api/processes/PID/dump?dumpType=2`, or `dotnet-dump collect \
                 --type Full`."
                    .into()
            }
            Error::NoRuntime { .. } => {
                "Check that it is the right process (for IIS the w3wp.exe of the site's own pool, for `dotnet run` the child \
                 process); native processes have no .NET heap."
                    .into()
            }
            Error::UnsupportedRuntime { .. } => "Use the debugger of that runtime.".into(),
            Error::UnknownRuntime { .. } => {
                "Take a full dump if this one is not full, or add the framework's files (`--modules DIR`); else please report the runtime version and the output of `dropheap \
                 info` (it holds no data of the process)."
                    .into()
            }
            Error::Unreadable { .. } => {
                "Take a full dump (`procdump -ma PID`); a dump without image pages or with holes lacks what is needed here.".into()
            }
            Error::Cancelled => "Start again when you like.".into(),
            Error::Usage(_) => "See `dropheap --help`.".into(),
        }
    }
}

/// A dump in an archive that has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChoice {
    /// Its path in the archive.
    pub name: String,
    /// Bytes unpacked, where the archive says so.
    pub size: Option<u64>,
}

/// The next step after a damaged archive.
pub(crate) const COPY_AGAIN: &str = "Copy or download it again and compare its size with the original.";

fn names(entries: &[EntryChoice]) -> String {
    let size = |entry: &EntryChoice| entry.size.map(|size| format!(" ({size} bytes)")).unwrap_or_default();
    let names: Vec<String> = entries.iter().take(20).map(|entry| format!("{}{}", entry.name, size(entry))).collect();
    names.join(", ")
}

/// Something that is wrong with the dump or with the heap, or that the reader of the numbers should know. Never fatal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Finding {
    /// A stable kebab-case name, e.g. `heap-hole`.
    pub code: String,
    /// How often it was met.
    pub count: u64,
    /// One sentence for people; describes the first occurrence where they differ.
    pub message: String,
    /// True if the counts may be too low or wrong because of it: the result is then partial, never exact.
    pub partial: bool,
}

/// Findings by code, counted and capped: a damaged dump can hold millions.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Counts one more finding of this code; the first one's message is kept. At most [`crate::limits::MAX_FINDING_CODES`] codes.
    pub fn add(&mut self, code: &str, partial: bool, message: impl FnOnce() -> String) {
        self.add_many(code, partial, 1, message);
    }

    /// Counts `count` more findings of this code; as [`add`](Findings::add).
    pub fn add_many(&mut self, code: &str, partial: bool, count: u64, message: impl FnOnce() -> String) {
        if let Some(empty) = self.count(code, partial, count.max(1)) {
            *empty = message();
        }
    }

    /// The message to fill in, if it is the first of its code.
    #[inline(never)]
    fn count(&mut self, code: &str, partial: bool, count: u64) -> Option<&mut String> {
        if let Some(known) = self.list.iter_mut().find(|f| f.code == code) {
            known.count = known.count.saturating_add(count);
            known.partial |= partial;
            return None;
        }
        if self.list.len() >= crate::limits::MAX_FINDING_CODES {
            return None;
        }
        self.list.push(Finding { code: code.to_owned(), count, message: String::new(), partial });
        self.list.last_mut().map(|f| &mut f.message)
    }

    /// Adds the counts of another list.
    pub fn merge(&mut self, other: Findings) {
        for f in other.list {
            match self.list.iter_mut().find(|k| k.code == f.code) {
                Some(known) => {
                    known.count = known.count.saturating_add(f.count);
                    known.partial |= f.partial;
                }
                None => self.list.push(f),
            }
        }
    }

    /// True if one of them makes the result partial.
    pub fn partial(&self) -> bool {
        self.list.iter().any(|f| f.partial)
    }

    /// The list, in order of first occurrence.
    pub fn into_vec(self) -> Vec<Finding> {
        self.list
    }

    /// The list, in order of first occurrence.
    pub fn as_slice(&self) -> &[Finding] {
        &self.list
    }
}
record!(Finding { code, count, message, partial });
