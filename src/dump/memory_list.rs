//! Memory64List and MemoryList, read in pieces: file offsets are 64 bits wide here whatever the machine's `usize` is.

use super::head::{Header, Reader, Stream, stream, u32_at, u64_at};
use crate::dump::regions::Extent;
use crate::error::{Error, Findings, Result};
use crate::limits::MAX_RANGES;
use crate::memory::Addr;

/// Bytes of one descriptor, in both lists.
const DESCRIPTOR: u64 = 16;

/// The ranges of the dump's memory, in the order of its list: of the Memory64List if it has any, else of the MemoryList (dbghelp writes
/// the one for full dumps, the other for all others).
pub(super) fn read(reader: &mut Reader<'_>, header: &Header, findings: &mut Findings) -> Result<Vec<Extent>> {
    if let Some(found) = header.stream(stream::MEMORY64_LIST) {
        let ranges = memory64(reader, found, findings)?;
        if !ranges.is_empty() {
            return Ok(ranges);
        }
    }
    match header.stream(stream::MEMORY_LIST) {
        Some(found) => memory32(reader, found, findings),
        None => Ok(Vec::new()),
    }
}

/// `MINIDUMP_MEMORY64_LIST`: u64 count, u64 BaseRva, then (u64 address, u64 size); the bytes lie one behind the other from BaseRva on.
fn memory64(reader: &mut Reader<'_>, stream: Stream, findings: &mut Findings) -> Result<Vec<Extent>> {
    let Some(header) = list_header(reader, stream, 16, "Memory64List", findings)? else { return Ok(Vec::new()) };
    let mut offset = u64_at(&header, 8);
    descriptors(reader, stream, 16, u64_at(&header, 0), "Memory64List", findings, |entry| {
        let (addr, len) = (Addr(u64_at(entry, 0)), u64_at(entry, 8));
        let extent = Extent { addr, offset, len };
        // Beyond 2^64 nothing is in the file: the regions cut it.
        offset = offset.saturating_add(len);
        extent
    })
}

/// `MINIDUMP_MEMORY_LIST`: u32 count, then (u64 address, u32 size, u32 RVA).
fn memory32(reader: &mut Reader<'_>, stream: Stream, findings: &mut Findings) -> Result<Vec<Extent>> {
    let Some(header) = list_header(reader, stream, 4, "MemoryList", findings)? else { return Ok(Vec::new()) };
    let count = u64::from(u32_at(&header, 0));
    // Breakpad aligns the entries to 8 bytes; dbghelp does not.
    let padded = count.saturating_mul(DESCRIPTOR).saturating_add(8) == stream.len;
    descriptors(reader, stream, if padded { 8 } else { 4 }, count, "MemoryList", findings, |entry| Extent {
        addr: Addr(u64_at(entry, 0)),
        offset: u64::from(u32_at(entry, 12)),
        len: u64::from(u32_at(entry, 8)),
    })
}

fn list_header(
    reader: &mut Reader<'_>,
    stream: Stream,
    len: u64,
    name: &str,
    findings: &mut Findings,
) -> Result<Option<Vec<u8>>> {
    match reader.bytes(stream.rva, len, name) {
        Ok(header) => Ok(Some(header)),
        Err(error) if matches!(*error, Error::Io { .. }) => Err(error),
        Err(error) => {
            findings.add("memory-list-cut", true, || error.to_string());
            Ok(None)
        }
    }
}

/// Reads `count` descriptors behind a header of `header_len` bytes, fewer if the stream or the file ends before.
fn descriptors(
    reader: &mut Reader<'_>,
    stream: Stream,
    header_len: u64,
    count: u64,
    name: &str,
    findings: &mut Findings,
    mut decode: impl FnMut(&[u8]) -> Extent,
) -> Result<Vec<Extent>> {
    let start = stream.rva.saturating_add(header_len);
    let have = stream.len.saturating_sub(header_len).min(reader.file_len().saturating_sub(start)) / DESCRIPTOR;
    if count > have {
        findings.add("memory-list-cut", true, || format!("{name} says {count} ranges, but has room for {have}"));
    }
    let count = count.min(have);
    if count > MAX_RANGES {
        return Err(Error::Limit { what: "memory ranges".into(), value: count, limit: MAX_RANGES }.into());
    }
    let mut ranges = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let mut done = 0;
    while done < count {
        let n = count.saturating_sub(done).min(4096);
        let at = start.saturating_add(done.saturating_mul(DESCRIPTOR));
        let bytes = reader.bytes(at, n.saturating_mul(DESCRIPTOR), name)?;
        ranges.extend(bytes.chunks_exact(16).map(&mut decode).filter(|range| range.len > 0));
        done = done.saturating_add(n);
    }
    Ok(ranges)
}
