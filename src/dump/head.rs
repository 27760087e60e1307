//! The small streams of a minidump, copied from wherever they lie in the file into a compact minidump of their own: the *head*.
//!
//! A dump has its stream directory first or last, and its names, contexts and records anywhere. The head has them together in a few
//! hundred kilobytes, so that the `minidump` crate, which wants all bytes in one slice, can parse them, and so that a trimmed dump is
//! the head with memory behind it. Every size is checked here against the file and the limits before the crate sees it.
//!
//! Structures: `MINIDUMP_HEADER`, `MINIDUMP_DIRECTORY`, `MINIDUMP_MODULE`, `MINIDUMP_THREAD`, ... of `minidumpapiset.h` (packed to 4 bytes).

use crate::error::{Error, Findings, Result};
use crate::limits::{MAX_HEAD, MAX_MODULES, MAX_STREAMS, MAX_STRING, MAX_THREADS};
use crate::source::paged::PageCache;
use crate::source::{ByteSource, check_range};

/// `MINIDUMP_STREAM_TYPE`
pub(super) mod stream {
    pub const UNUSED: u32 = 0;
    pub const THREAD_LIST: u32 = 3;
    pub const MODULE_LIST: u32 = 4;
    pub const MEMORY_LIST: u32 = 5;
    pub const EXCEPTION: u32 = 6;
    pub const SYSTEM_INFO: u32 = 7;
    pub const MEMORY64_LIST: u32 = 9;
    pub const COMMENT_A: u32 = 10;
    pub const COMMENT_W: u32 = 11;
    pub const UNLOADED_MODULE_LIST: u32 = 14;
    pub const MISC_INFO: u32 = 15;
    pub const MEMORY_INFO_LIST: u32 = 16;
    pub const THREAD_INFO_LIST: u32 = 17;
    pub const SYSTEM_MEMORY_INFO: u32 = 21;
    pub const PROCESS_VM_COUNTERS: u32 = 22;
    pub const THREAD_NAMES: u32 = 24;
}

/// `MINIDUMP_HEADER` and the directory behind its `StreamDirectoryRva`.
#[derive(Debug)]
pub(super) struct Header {
    pub version: u32,
    pub time_date_stamp: u32,
    pub flags: u64,
    pub streams: Vec<Stream>,
}

/// `MINIDUMP_DIRECTORY`
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    pub kind: u32,
    pub len: u64,
    pub rva: u64,
}

/// Small reads of the file, none of them beyond its end.
pub(super) struct Reader<'a> {
    source: &'a dyn ByteSource,
    cache: PageCache,
}

impl<'a> Reader<'a> {
    pub fn new(source: &'a dyn ByteSource) -> Reader<'a> {
        Reader { source, cache: PageCache::new() }
    }

    pub fn file_len(&self) -> u64 {
        self.source.len()
    }

    /// Reads `len` bytes; nothing is allocated before they are known to be in the file.
    pub fn bytes(&mut self, offset: u64, len: u64, what: &str) -> Result<Vec<u8>> {
        check_range(what, offset, len, self.source.len())?;
        let too_long = || Error::Limit { what: format!("bytes of {what}"), value: len, limit: MAX_HEAD };
        if len > MAX_HEAD {
            return Err(too_long().into());
        }
        let mut buf = vec![0; usize::try_from(len).map_err(|_| too_long())?];
        self.cache.read(self.source, offset, &mut buf, what)?;
        Ok(buf)
    }
}

pub(super) const HEADER_LEN: u64 = 32;
const ENTRY_LEN: u64 = 12;

/// Reads the header and the stream directory. The signature was seen before.
pub(super) fn read_header(reader: &mut Reader<'_>, findings: &mut Findings) -> Result<Header> {
    let header = reader.bytes(0, HEADER_LEN, "the minidump header")?;
    let version = u32_at(&header, 4);
    if version & 0xffff != 0xa793 {
        let detail = format!("it says version {version:#x}; minidumps are version a793");
        return Err(Error::Damaged { what: "the minidump header".into(), detail }.into());
    }
    let count = u32_at(&header, 8);
    if count > MAX_STREAMS {
        let what = "streams".into();
        return Err(Error::Limit { what, value: u64::from(count), limit: u64::from(MAX_STREAMS) }.into());
    }
    let rva = u64::from(u32_at(&header, 12));
    let wanted = u64::from(count).saturating_mul(ENTRY_LEN);
    let mut len = wanted;
    if check_range("the stream directory", rva, wanted, reader.file_len()).is_err() {
        len = (reader.file_len().saturating_sub(rva) / ENTRY_LEN).saturating_mul(ENTRY_LEN);
        if len == 0 {
            check_range("the stream directory", rva, wanted, reader.file_len())?;
        }
        findings.add("stream-directory-cut", true, || {
            format!("the file ends in the stream directory: {} of {count} streams are listed", len / ENTRY_LEN)
        });
    }
    let directory = reader.bytes(rva, len, "the stream directory")?;
    let mut streams: Vec<Stream> = Vec::new();
    for entry in directory.chunks_exact(12) {
        let found =
            Stream { kind: u32_at(entry, 0), len: u64::from(u32_at(entry, 4)), rva: u64::from(u32_at(entry, 8)) };
        // dbghelp reserves more entries than it uses.
        if found.kind == stream::UNUSED {
            continue;
        }
        if streams.iter().any(|known| known.kind == found.kind) {
            findings.add("stream-twice", false, || {
                format!("the dump has two streams of type {}; the first is used", found.kind)
            });
        } else {
            streams.push(found);
        }
    }
    if streams.is_empty() {
        return Err(Error::Damaged {
            what: "the stream directory".into(),
            detail: "it lists no streams; whoever wrote the dump did not finish (disk full, or stopped)".into(),
        }
        .into());
    }
    Ok(Header { version, time_date_stamp: u32_at(&header, 20), flags: u64_at(&header, 24), streams })
}

impl Header {
    pub fn stream(&self, kind: u32) -> Option<Stream> {
        self.streams.iter().copied().find(|stream| stream.kind == kind)
    }
}

/// A complete minidump without memory. Its first directory entry is unused: a Memory64List can be put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub bytes: Vec<u8>,
}

/// How a stream is laid out, as far as its copy needs it.
struct Shape {
    kind: u32,
    name: &'static str,
    list: List,
    /// Bytes of one entry; 0: the stream holds no pointers and is copied as it is.
    entry: usize,
    pointers: &'static [Pointer],
    /// Entries; of a stream without pointers bytes.
    max: usize,
}

enum List {
    /// One entry, the stream itself.
    Single,
    /// u32 count, then entries; some writers put 4 bytes of padding behind the count.
    Counted,
    /// u32 header size, u32 entry size, u32 count.
    Headed,
}

/// A place in an entry that says where something else is.
enum Pointer {
    /// RVA of a `MINIDUMP_STRING`.
    Text(usize),
    /// A 64-bit RVA of a `MINIDUMP_STRING`.
    Text64(usize),
    /// `MINIDUMP_LOCATION_DESCRIPTOR` (size, RVA) of at most so many bytes.
    Block(usize, u64),
    /// RVA of a `MINIDUMP_LOCATION_DESCRIPTOR` in process memory: its size stays, its RVA means nothing in the head.
    Memory(usize),
}

/// A CodeView record holds a path; `IMAGE_DEBUG_MISC` too.
const MAX_RECORD: u64 = 64 << 10;
/// A CONTEXT with all extended state (AVX-512, AMX) is some 12 KB.
const MAX_CONTEXT: u64 = 64 << 10;

/// MiscInfo has 1,364 bytes; a comment is a line or two.
const MAX_PLAIN: usize = 1 << 20;

/// The streams that are kept. Not kept: memory lists and MemoryInfoList (read apart, and large), HandleData and whatever has
/// pointers that are not known here.
const SHAPES: &[Shape] = &[
    plain(stream::MISC_INFO, "MiscInfo"),
    Shape {
        kind: stream::SYSTEM_INFO,
        name: "SystemInfo",
        list: List::Single,
        entry: 56,
        pointers: &[Pointer::Text(24)],
        max: 1,
    },
    Shape {
        kind: stream::MODULE_LIST,
        name: "ModuleList",
        list: List::Counted,
        entry: MODULE_LEN,
        pointers: &[Pointer::Text(20), Pointer::Block(MODULE_CODEVIEW, MAX_RECORD), Pointer::Block(84, MAX_RECORD)],
        max: MAX_MODULES,
    },
    Shape {
        kind: stream::THREAD_LIST,
        name: "ThreadList",
        list: List::Counted,
        entry: THREAD_LEN,
        pointers: &[Pointer::Memory(36), Pointer::Block(40, MAX_CONTEXT)],
        max: MAX_THREADS,
    },
    Shape {
        kind: stream::EXCEPTION,
        name: "Exception",
        list: List::Single,
        entry: 168,
        pointers: &[Pointer::Block(160, MAX_CONTEXT)],
        max: 1,
    },
    Shape {
        kind: stream::UNLOADED_MODULE_LIST,
        name: "UnloadedModuleList",
        list: List::Headed,
        entry: 24,
        pointers: &[Pointer::Text(20)],
        max: MAX_MODULES,
    },
    Shape {
        kind: stream::THREAD_INFO_LIST,
        name: "ThreadInfoList",
        list: List::Headed,
        entry: THREAD_INFO_LEN,
        pointers: &[],
        max: MAX_THREADS,
    },
    Shape {
        kind: stream::THREAD_NAMES,
        name: "ThreadNames",
        list: List::Counted,
        entry: 12,
        pointers: &[Pointer::Text64(4)],
        max: MAX_THREADS,
    },
    plain(stream::COMMENT_A, "CommentA"),
    plain(stream::COMMENT_W, "CommentW"),
    plain(stream::SYSTEM_MEMORY_INFO, "SystemMemoryInfo"),
    plain(stream::PROCESS_VM_COUNTERS, "ProcessVmCounters"),
];

pub(super) const MODULE_LEN: usize = 108;
pub(super) const THREAD_LEN: usize = 48;
pub(super) const THREAD_INFO_LEN: usize = 64;
const MODULE_CODEVIEW: usize = 76;

const fn plain(kind: u32, name: &'static str) -> Shape {
    Shape { kind, name, list: List::Single, entry: 0, pointers: &[], max: MAX_PLAIN }
}

impl Head {
    /// Copies the small streams. One that cannot be read is left out, with a finding.
    ///
    /// # Errors
    /// [`Error::Io`]
    pub fn copy(reader: &mut Reader<'_>, header: &Header, findings: &mut Findings) -> Result<Head> {
        // In the order of the shapes: what matters most comes first, in case there is no room for all.
        let known: Vec<(Stream, &Shape)> =
            SHAPES.iter().filter_map(|shape| Some((header.stream(shape.kind)?, shape))).collect();
        // One entry more, for a Memory64List.
        let entries = known.len().saturating_add(1);
        let mut out = Out { bytes: Vec::new(), empty_text: None };
        out.append(b"MDMP", 4)?;
        for word in [header.version, u32::try_from(entries).unwrap_or(0), 32, 0, header.time_date_stamp] {
            out.append(&word.to_le_bytes(), 4)?;
        }
        out.append(&header.flags.to_le_bytes(), 4)?;
        let directory = out.append(&vec![0; entries.saturating_mul(12)], 4)?;
        for (i, (stream, shape)) in known.into_iter().enumerate() {
            let before = out.bytes.len();
            let copied = match out.stream(reader, &stream, shape, findings) {
                Ok(copied) => copied,
                Err(error) if matches!(*error, Error::Io { .. }) => return Err(error),
                Err(error) => {
                    findings.add("stream-unreadable", false, || format!("stream {} is left out: {error}", shape.name));
                    out.bytes.truncate(before);
                    out.empty_text = out.empty_text.filter(|&at| u64::from(at) < before as u64);
                    continue;
                }
            };
            let entry = directory.saturating_add(i.saturating_add(1).saturating_mul(12));
            out.put_u32(entry, stream.kind);
            out.put_u32(entry.saturating_add(4), copied.1);
            out.put_u32(entry.saturating_add(8), copied.0);
        }
        out.bytes.shrink_to_fit();
        Ok(Head { bytes: out.bytes })
    }

    /// A `MINIDUMP_STRING`: u32 bytes, then UTF-16.
    pub fn text(&self, rva: u32) -> Option<String> {
        let start = usize::try_from(rva).ok()?;
        let (len, rest) = self.bytes.get(start..)?.split_first_chunk::<4>()?;
        let units = rest.get(..usize::try_from(u32::from_le_bytes(*len)).ok()?)?.chunks_exact(2);
        let units: Vec<u16> =
            units.map(|unit| unit.iter().rev().fold(0, |n, &byte| n << 8 | u16::from(byte))).collect();
        Some(String::from_utf16_lossy(&units))
    }

    /// The bytes of one stream of the head.
    pub fn stream(&self, kind: u32) -> Option<&[u8]> {
        let count = usize::try_from(u32_at(&self.bytes, 8)).ok()?;
        let entries = self.bytes.get(32..)?.chunks_exact(12).take(count);
        let entry = entries.into_iter().find(|entry| u32_at(entry, 0) == kind)?;
        self.slice(u32_at(entry, 8), u32_at(entry, 4))
    }

    /// CommentStreamW, else CommentStreamA: what the writer noted, up to a zero.
    pub fn comment(&self) -> Option<String> {
        let wide = self.stream(stream::COMMENT_W).map(|bytes| {
            let units = bytes.chunks_exact(2).map(|c| c.iter().rev().fold(0u16, |unit, &b| unit << 8 | u16::from(b)));
            let units: Vec<u16> = units.take_while(|&unit| unit != 0).take(MAX_STRING).collect();
            String::from_utf16_lossy(&units)
        });
        let narrow = || {
            let bytes = self.stream(stream::COMMENT_A)?;
            let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()).min(MAX_STRING);
            Some(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
        };
        let is_text = |text: &String| !text.trim().is_empty();
        wide.filter(is_text).or_else(narrow).filter(is_text)
    }

    /// The least of what the process's job lets it commit: `MINIDUMP_PROCESS_VM_COUNTERS_2.JobPrivateCommitLimit` and `JobTotalCommitLimit`,
    /// valid where the flag MINIDUMP_PROCESS_VM_COUNTERS_JOB is set.
    pub fn job_limit(&self) -> Option<u64> {
        let counters = self.stream(stream::PROCESS_VM_COUNTERS)?;
        let (revision, flags) = (counters.first().copied()?, counters.get(2).copied()?);
        if revision < 2 || flags & VM_COUNTERS_JOB == 0 || counters.len() < VM_COUNTERS_2 {
            return None;
        }
        let limits = [VM_COUNTERS_2.saturating_sub(16), VM_COUNTERS_2.saturating_sub(8)].map(|at| u64_at(counters, at));
        // A limit that is not set is 0 or as large as can be.
        limits.into_iter().filter(|&n| n != 0 && n < u64::MAX >> 1).min()
    }

    /// Bytes of the head.
    pub fn slice(&self, rva: u32, len: u32) -> Option<&[u8]> {
        let start = usize::try_from(rva).ok()?;
        self.bytes.get(start..start.checked_add(usize::try_from(len).ok()?)?)
    }
}

/// `MINIDUMP_PROCESS_VM_COUNTERS_JOB`
const VM_COUNTERS_JOB: u8 = 0x10;
/// Bytes of `MINIDUMP_PROCESS_VM_COUNTERS_2`: u16 revision, u16 flags, u32 page faults, 18 u64, the last two are the job's limits. (packed to 4)
const VM_COUNTERS_2: usize = 8 + 18 * 8;

/// The head while it is written.
struct Out {
    bytes: Vec<u8>,
    /// Where an empty `MINIDUMP_STRING` is, once one was needed.
    empty_text: Option<u32>,
}

impl Out {
    /// Appends at the next multiple of `align`; gives the position.
    fn append(&mut self, bytes: &[u8], align: usize) -> Result<usize> {
        let at = self.bytes.len().checked_next_multiple_of(align).unwrap_or(usize::MAX);
        let end = at.saturating_add(bytes.len()) as u64;
        if end > MAX_HEAD {
            return Err(Error::Limit { what: "bytes of the small streams".into(), value: end, limit: MAX_HEAD }.into());
        }
        self.bytes.resize(at, 0);
        self.bytes.extend_from_slice(bytes);
        Ok(at)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = at.checked_add(bytes.len()).and_then(|end| self.bytes.get_mut(at..end)) {
            place.copy_from_slice(bytes);
        }
    }

    fn put_u32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    /// Copies one stream and what it points to; gives its RVA and size.
    fn stream(
        &mut self,
        reader: &mut Reader<'_>,
        stream: &Stream,
        shape: &Shape,
        findings: &mut Findings,
    ) -> Result<(u32, u32)> {
        let name = shape.name;
        if shape.entry == 0 {
            let limit = shape.max as u64;
            if stream.len > limit {
                return Err(Error::Limit { what: format!("bytes of {name}"), value: stream.len, limit }.into());
            }
            let bytes = reader.bytes(stream.rva, stream.len, name)?;
            return Ok((rva(self.append(&bytes, 16)?), rva(bytes.len())));
        }
        let Entries { header, size, bytes } = Entries::read(reader, stream, shape, findings)?;
        let at = self.append(&header, 16)?;
        let mut place = self.append(&bytes, 1)?;
        for entry in bytes.chunks_exact(size) {
            for pointer in shape.pointers {
                self.pointer(reader, pointer, entry, place, name, findings)?;
            }
            place = place.saturating_add(size);
        }
        Ok((rva(at), rva(header.len().saturating_add(bytes.len()))))
    }

    /// Copies what one pointer of an entry points to and corrects it. `place`: where the entry is in the head.
    fn pointer(
        &mut self,
        reader: &mut Reader<'_>,
        pointer: &Pointer,
        entry: &[u8],
        place: usize,
        name: &str,
        findings: &mut Findings,
    ) -> Result<()> {
        let (field, from) = match *pointer {
            Pointer::Text(field) => (field, u64::from(u32_at(entry, field))),
            Pointer::Text64(field) => (field, u64_at(entry, field)),
            Pointer::Memory(field) => (field, 0),
            Pointer::Block(field, _) => (field, u64::from(u32_at(entry, field.saturating_add(4)))),
        };
        let place = place.saturating_add(field);
        match *pointer {
            Pointer::Memory(_) => self.put_u32(place, 0),
            Pointer::Text(_) | Pointer::Text64(_) => {
                let copied = match text(reader, from, name).and_then(|text| match text.is_empty() {
                    true => self.empty_text(),
                    false => Ok(rva(self.append(&text, 4)?)),
                }) {
                    Ok(copied) => copied,
                    Err(error) if matches!(*error, Error::Io { .. }) => return Err(error),
                    Err(error) => {
                        findings.add("name-unreadable", false, || format!("a name in {name} is missing: {error}"));
                        self.empty_text()?
                    }
                };
                match pointer {
                    Pointer::Text64(_) => self.put(place, &u64::from(copied).to_le_bytes()),
                    _ => self.put_u32(place, copied),
                }
            }
            Pointer::Block(_, max) => {
                let len = u64::from(u32_at(entry, field));
                let copied = match len {
                    0 => Ok((0, 0)),
                    len if len > max => {
                        let what = format!("bytes of a record of {name}");
                        Err(Error::Limit { what, value: len, limit: max }.into())
                    }
                    len => reader
                        .bytes(from, len, name)
                        .and_then(|block| Ok((rva(block.len()), rva(self.append(&block, 16)?)))),
                };
                let (len, at) = match copied {
                    Ok(copied) => copied,
                    Err(error) if matches!(*error, Error::Io { .. }) => return Err(error),
                    Err(error) => {
                        findings.add("record-unreadable", false, || format!("a record of {name} is left out: {error}"));
                        (0, 0)
                    }
                };
                self.put_u32(place, len);
                self.put_u32(place.saturating_add(4), at);
            }
        }
        Ok(())
    }

    fn empty_text(&mut self) -> Result<u32> {
        match self.empty_text {
            Some(at) => Ok(at),
            None => {
                let at = rva(self.append(&[0; 6], 4)?);
                self.empty_text = Some(at);
                Ok(at)
            }
        }
    }
}

/// The entries of a list stream.
struct Entries {
    /// What is to be written before them.
    header: Vec<u8>,
    /// Bytes of one entry.
    size: usize,
    bytes: Vec<u8>,
}

impl Entries {
    /// Reads them; fewer than the stream says if the stream, the file or the limit ends before, with a finding.
    fn read(reader: &mut Reader<'_>, stream: &Stream, shape: &Shape, findings: &mut Findings) -> Result<Entries> {
        let name = shape.name;
        let (mut header, header_len, size, count) = match shape.list {
            List::Single => (Vec::new(), 0, shape.entry, 1),
            List::Counted => {
                let count = reader.bytes(stream.rva, 4, name)?;
                let entries = u64::from(u32_at(&count, 0));
                let packed = entries.saturating_mul(shape.entry as u64).saturating_add(4);
                // Breakpad aligns the entries to 8 bytes; dbghelp does not.
                let header_len = if packed.saturating_add(4) == stream.len { 8 } else { 4 };
                (count, header_len, shape.entry, entries)
            }
            List::Headed => {
                let header = reader.bytes(stream.rva, 12, name)?;
                let header_len = u32_at(&header, 0);
                let entry = usize::try_from(u32_at(&header, 4)).unwrap_or(usize::MAX);
                if header_len < 12 || entry != shape.entry {
                    let detail = format!("its header has {header_len} bytes, its entries {entry}");
                    return Err(Error::Damaged { what: name.into(), detail }.into());
                }
                let written = [&12u32.to_le_bytes(), header.get(4..).unwrap_or_default()].concat();
                (written, u64::from(header_len), entry, u64::from(u32_at(&header, 8)))
            }
        };
        let first = stream.rva.saturating_add(header_len);
        let have = stream.len.saturating_sub(header_len).min(reader.file_len().saturating_sub(first));
        let room = have.checked_div(size as u64).unwrap_or(0);
        let kept = count.min(room).min(shape.max as u64);
        if kept < count {
            if kept == 0 {
                check_range(name, first, size as u64, first.saturating_add(have))?;
            }
            findings.add("list-cut", false, || format!("{name} says {count} entries; {kept} are read"));
        }
        let bytes = reader.bytes(first, kept.saturating_mul(size as u64), name)?;
        // The count is the last word of both kinds of header.
        if let (Some(count), Ok(kept)) = (header.last_chunk_mut::<4>(), u32::try_from(kept)) {
            *count = kept.to_le_bytes();
        }
        Ok(Entries { header, size, bytes })
    }
}

/// A `MINIDUMP_STRING` (u32 length in bytes, UTF-16, a zero), with unpaired surrogates replaced: the `minidump` crate gives up at one.
/// Empty for an empty one or RVA 0.
fn text(reader: &mut Reader<'_>, at: u64, what: &str) -> Result<Vec<u8>> {
    if at == 0 {
        return Ok(Vec::new());
    }
    let len = u64::from(u32_at(&reader.bytes(at, 4, what)?, 0));
    if len % 2 != 0 || len > (MAX_STRING as u64).saturating_mul(2) {
        return Err(Error::Damaged { what: what.into(), detail: format!("a name of {len} bytes") }.into());
    }
    let bytes = reader.bytes(at.saturating_add(4), len, what)?;
    let units = bytes.chunks_exact(2).map(|c| match *c {
        [a, b] => u16::from_le_bytes([a, b]),
        _ => 0,
    });
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut out = rva(text.encode_utf16().count().saturating_mul(2)).to_le_bytes().to_vec();
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    out.extend([0, 0]);
    Ok(out)
}

/// A position in the head; it is never longer than [`MAX_HEAD`].
fn rva(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A little-endian `u32` of a structure that was read whole; 0 beyond its end.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    array(bytes, at).map_or(0, u32::from_le_bytes)
}

/// A little-endian `u64`, likewise.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    array(bytes, at).map_or(0, u64::from_le_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
