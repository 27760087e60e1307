//! MemoryInfoList: what `VirtualQueryEx` said of every region of the process, whether its bytes are in the dump or not.
//!
//! Source: `MINIDUMP_MEMORY_INFO_LIST` and `MINIDUMP_MEMORY_INFO` of `minidumpapiset.h`; state, type and protection as in `winnt.h`. Not every
//! writer has it: a dump by Kudu does not.

use super::head::{Header, Reader, stream, u32_at, u64_at};
use crate::error::{Error, Findings, Result};
use crate::limits::MAX_RANGES;
use crate::memory::Addr;

const MEM_COMMIT: u32 = 0x1000;
const MEM_RESERVE: u32 = 0x2000;
const MEM_PRIVATE: u32 = 0x2_0000;
const MEM_MAPPED: u32 = 0x4_0000;
const MEM_IMAGE: u32 = 0x100_0000;

/// Bytes of the fields of one entry that are read.
const ENTRY: u64 = 48;

/// The regions of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryInfo {
    /// The committed ones, ascending, no two overlap; neighbours that differ in nothing are one.
    pub committed: Vec<InfoRegion>,
    /// Bytes that are reserved and not committed.
    pub reserved: u64,
}

/// A committed region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InfoRegion {
    /// First address.
    pub start: Addr,
    /// First address behind it.
    pub end: Addr,
    /// First address of the reservation (`VirtualAlloc`, a view, an image) that it is part of.
    pub allocation: Addr,
    /// `PAGE_*`.
    pub protection: u32,
    /// `MEM_*`, the type.
    pub kind: InfoKind,
}

/// What stands behind the pages of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InfoKind {
    /// MEM_PRIVATE: of this process alone.
    Private,
    /// MEM_MAPPED: a view of a file or of a section.
    Mapped,
    /// MEM_IMAGE: a view of a program or library.
    Image,
    /// None of the three.
    Other,
}

impl InfoKind {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            InfoKind::Private => "private",
            InfoKind::Mapped => "mapped",
            InfoKind::Image => "image",
            InfoKind::Other => "other",
        }
    }
}

/// `PAGE_*` in the letters that everybody knows: `rw`, `rx`, with what else is set.
pub fn protection_text(protection: u32) -> String {
    let access = match protection & 0xff {
        0x01 => "no access",
        0x02 => "r",
        0x04 => "rw",
        0x08 => "r, copy on write",
        0x10 => "x",
        0x20 => "rx",
        0x40 => "rwx",
        0x80 => "rx, copy on write",
        _ => return format!("{protection:#x}"),
    };
    let more = [(0x100, ", guard"), (0x200, ", not cached"), (0x400, ", write combined")];
    let more: String = more.iter().filter(|(bit, _)| protection & bit != 0).map(|(_, text)| *text).collect();
    format!("{access}{more}")
}

/// The list, if the dump has one that can be read.
///
/// # Errors
/// [`Error::Io`], [`Error::Limit`]
pub(super) fn read(reader: &mut Reader<'_>, header: &Header, findings: &mut Findings) -> Result<Option<MemoryInfo>> {
    let Some(found) = header.stream(stream::MEMORY_INFO_LIST) else { return Ok(None) };
    match whole(reader, found.rva, found.len) {
        Ok(info) => Ok(Some(info)),
        Err(error) if matches!(*error, Error::Io { .. }) => Err(error),
        Err(error) => {
            findings.add("stream-unreadable", false, || format!("MemoryInfoList is not used: {error}"));
            Ok(None)
        }
    }
}

fn whole(reader: &mut Reader<'_>, rva: u64, len: u64) -> Result<MemoryInfo> {
    const WHAT: &str = "MemoryInfoList";
    let damaged = |detail: &str| Error::Damaged { what: WHAT.into(), detail: detail.into() };
    let head = reader.bytes(rva, 16, WHAT)?;
    let (header_len, entry_len) = (u64::from(u32_at(&head, 0)), u64::from(u32_at(&head, 4)));
    let count = u64_at(&head, 8);
    if header_len < 16 || !(ENTRY..=1024).contains(&entry_len) {
        return Err(damaged(&format!("its entries have {entry_len} bytes")).into());
    }
    let room = len.saturating_sub(header_len).checked_div(entry_len).unwrap_or(0);
    if count > room {
        return Err(damaged(&format!("it says {count} regions, but has room for {room}")).into());
    }
    if count > MAX_RANGES {
        return Err(Error::Limit { what: "regions of MemoryInfoList".into(), value: count, limit: MAX_RANGES }.into());
    }
    let mut info = MemoryInfo::default();
    let mut done = 0;
    while done < count {
        let n = count.saturating_sub(done).min(4096);
        let at = rva.saturating_add(header_len).saturating_add(done.saturating_mul(entry_len));
        let bytes = reader.bytes(at, n.saturating_mul(entry_len), WHAT)?;
        for entry in bytes.chunks_exact(usize::try_from(entry_len).unwrap_or(usize::MAX)) {
            info.add(entry);
        }
        done = done.saturating_add(n);
    }
    info.committed.shrink_to_fit();
    Ok(info)
}

impl MemoryInfo {
    /// Adds one `MINIDUMP_MEMORY_INFO`. The list ascends by contract; what overlaps the region before it is cut.
    fn add(&mut self, entry: &[u8]) {
        let (start, size) = (u64_at(entry, 0), u64_at(entry, 24));
        let end = start.saturating_add(size);
        match u32_at(entry, 32) {
            MEM_RESERVE => self.reserved = self.reserved.saturating_add(size),
            MEM_COMMIT => {
                let last = self.committed.last_mut();
                let start = start.max(last.as_ref().map_or(0, |last| last.end.0));
                let kind = match u32_at(entry, 40) {
                    MEM_PRIVATE => InfoKind::Private,
                    MEM_MAPPED => InfoKind::Mapped,
                    MEM_IMAGE => InfoKind::Image,
                    _ => InfoKind::Other,
                };
                let region = InfoRegion {
                    start: Addr(start),
                    end: Addr(end),
                    allocation: Addr(u64_at(entry, 8)),
                    protection: u32_at(entry, 36),
                    kind,
                };
                match last {
                    _ if start >= end => {}
                    Some(last) if last.continues(&region) => last.end = region.end,
                    _ => self.committed.push(region),
                }
            }
            _ => {}
        }
    }

    /// The region that an address lies in.
    pub fn find(&self, addr: Addr) -> Option<&InfoRegion> {
        let number = self.committed.partition_point(|region| region.end <= addr);
        self.committed.get(number).filter(|region| region.start <= addr)
    }

    /// All committed bytes.
    pub fn committed_bytes(&self) -> u64 {
        self.committed.iter().fold(0, |sum, region| sum.saturating_add(region.end.since(region.start)))
    }
}

impl InfoRegion {
    /// True if code in it can run: any of the `PAGE_EXECUTE*`.
    pub fn is_executable(&self) -> bool {
        self.protection & 0xf0 != 0
    }

    fn continues(&self, next: &InfoRegion) -> bool {
        self.end == next.start
            && (self.allocation, self.protection, self.kind) == (next.allocation, next.protection, next.kind)
    }
}
