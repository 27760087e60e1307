//! A smaller minidump of the same process: the small streams as they are, and of the memory only what is asked for.

use super::Dump;
use super::head::stream;
use super::regions::{Extent, merged};
use crate::error::{Error, Result};
use crate::limits::MAX_RANGES;
use crate::memory::{Addr, AddressSpace, Recorder};
use crate::process;
use crate::report::DumpFacts;
use crate::source::ByteSource;
use std::io::Write;

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// Writes a minidump with the memory in `keep` (address and bytes; what the dump does not hold is passed over) and returns its length in
/// bytes. The process environment block is kept too, so that opening it gives the same facts; modules, threads and contexts are the
/// same. Streamed: a megabyte at a time, data last.
///
/// # Errors
/// [`Error::Write`], [`Error::Io`], [`Error::Truncated`]; [`Error::Limit`] for more than [`MAX_RANGES`] ranges.
pub fn write_trimmed(source: &dyn ByteSource, dump: &Dump, keep: &[(Addr, u64)], out: &mut dyn Write) -> Result<u64> {
    let memory = Recorder::new(AddressSpace::new(source, &*dump.regions));
    process::complete(&mut DumpFacts::default(), &dump.modules, &dump.threads, &memory);
    let keep = merged(keep.iter().copied().chain(memory.touched()).collect());
    let extents = || keep.iter().flat_map(|&(addr, len)| dump.regions.extents(addr, Addr(addr.0.saturating_add(len))));

    // Extents that follow one another in the process become one range: in the new file they follow one another as well.
    let mut ranges: Vec<(Addr, u64)> = Vec::new();
    for Extent { addr, len, .. } in extents() {
        match ranges.last_mut() {
            Some((start, known)) if start.plus(*known) == addr => *known = known.saturating_add(len),
            _ => ranges.push((addr, len)),
        }
    }
    let count = ranges.len() as u64;
    if count > MAX_RANGES {
        return Err(Error::Limit { what: "memory ranges to keep".into(), value: count, limit: MAX_RANGES }.into());
    }

    // MINIDUMP_MEMORY64_LIST: count, BaseRva, (address, size) each; its directory entry is the one that the head keeps free.
    let mut head = dump.head.bytes.clone();
    head.resize(head.len().next_multiple_of(16), 0);
    let list_rva = head.len() as u64;
    let list_len = count.saturating_mul(16).saturating_add(16);
    let base_rva = list_rva.saturating_add(list_len);
    for (at, word) in [(32, u64::from(stream::MEMORY64_LIST)), (36, list_len), (40, list_rva)] {
        let word = u32::try_from(word).map_err(|_| damaged("its list is too long"))?;
        let place = head.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>());
        *place.ok_or_else(|| damaged("it has no directory"))? = word.to_le_bytes();
    }
    for word in [count, base_rva].into_iter().chain(ranges.iter().flat_map(|&(addr, len)| [addr.0, len])) {
        head.extend_from_slice(&word.to_le_bytes());
    }
    let failed = |e: std::io::Error| Error::Write { what: "the trimmed dump".into(), reason: e.to_string() };
    out.write_all(&head).map_err(failed)?;

    let mut written = base_rva;
    let mut chunk = vec![0; CHUNK];
    for extent in extents() {
        let mut done = 0;
        while done < extent.len {
            let n = usize::try_from(extent.len.saturating_sub(done)).unwrap_or(CHUNK).min(CHUNK);
            let part = chunk.get_mut(..n).unwrap_or_default();
            source.read_at(extent.offset.saturating_add(done), part, "memory to keep")?;
            out.write_all(part).map_err(failed)?;
            done = done.saturating_add(n as u64);
        }
        written = written.saturating_add(extent.len);
    }
    out.flush().map_err(failed)?;
    Ok(written)
}

fn damaged(detail: &str) -> Box<Error> {
    Error::Damaged { what: "the head of the trimmed dump".into(), detail: detail.into() }.into()
}
