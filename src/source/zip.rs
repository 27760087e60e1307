//! The directory of a zip archive: which entries, where their bytes begin.
//!
//! The central directory (at the file's end) is read by `rawzip`, Zip64 included; it alone is believed about sizes, since an archive that
//! was streamed (Kudu's) has zeros in its local headers. An archive that was cut off has no central directory: then the local headers are
//! followed from the front, and an entry without a size goes on as far as its deflate stream does.
//!
//! Structures: .ZIP File Format Specification (APPNOTE.TXT) 4.3.7, 4.3.9, 4.5.3.

use super::inflate::{End, Indexing};
use super::{ByteSource, SubSource, check_range};
use crate::error::{Error, Result};
use crate::limits::MAX_ENTRIES;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipLocator};
use std::cell::RefCell;
use std::io;
use std::sync::Arc;

/// What begins a local header.
pub const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
/// What may begin a data descriptor.
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
const LOCAL_HEADER_LEN: u64 = 30;
/// Bytes of extra fields and of a name: their lengths are 16 bits wide.
const MAX_FIELD: u64 = 65_535;
/// A stored entry with this in the size fields has its sizes in the Zip64 extra field.
const IN_ZIP64: u32 = u32::MAX;
const ZIP64_EXTRA: u16 = 1;
/// Inflated bytes of entries without a size that are passed over on the way to a dump: DLLs of a runtime have some MB.
const MAX_PASSED: u64 = 256 << 20;

/// How an entry is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// By Deflate.
    Deflated,
    /// By something that is not read here: its name or number.
    Other(u16),
}

impl Method {
    fn of(number: u16) -> Method {
        match CompressionMethod::new(number) {
            CompressionMethod::STORE => Method::Stored,
            CompressionMethod::DEFLATE => Method::Deflated,
            _ => Method::Other(number),
        }
    }

    /// Its name, for people.
    pub fn name(self) -> String {
        match self {
            Method::Stored => "Stored".into(),
            Method::Deflated => "Deflate".into(),
            Method::Other(number) => {
                CompressionMethod::new(number).name().map_or_else(|| format!("method {number}"), ToOwned::to_owned)
            }
        }
    }
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path; what is not UTF-8 in it is replaced.
    pub name: String,
    /// How it is packed.
    pub method: Method,
    /// Whether it needs a password.
    pub encrypted: bool,
    /// Bytes unpacked, as the directory says; `None` if it does not.
    pub size: Option<u64>,
    /// Bytes packed; of an entry without a size all up to the end of the file.
    pub packed: u64,
    /// CRC-32 of the unpacked bytes, where known.
    pub checksum: Option<u32>,
    /// Where its local header is.
    header: u64,
}

impl Entry {
    /// True for a folder.
    pub fn is_folder(&self) -> bool {
        self.name.ends_with(['/', '\\'])
    }

    /// The last part of its path.
    pub fn file_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// Where its packed bytes are in the archive: offset and length, the latter cut at the end of the file.
    ///
    /// # Errors
    /// [`Error::Archive`] if its local header is not where the directory says.
    pub fn place(&self, source: &dyn ByteSource) -> Result<(u64, u64)> {
        let found = check_range("a local header", self.header, LOCAL_HEADER_LEN, source.len()).is_ok();
        let header = if found { read(source, self.header, LOCAL_HEADER_LEN, "a local header")? } else { Vec::new() };
        if !header.starts_with(&LOCAL_HEADER) {
            return Err(damaged(format!("the header of {} is not where the archive's directory says", self.name)));
        }
        let fields = u64::from(u16_at(&header, 26)).saturating_add(u64::from(u16_at(&header, 28)));
        let start = self.header.saturating_add(LOCAL_HEADER_LEN).saturating_add(fields);
        Ok((start, source.len().saturating_sub(start).min(self.packed)))
    }
}

/// The entries of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// In the order of the directory.
    pub entries: Vec<Entry>,
    /// The central directory is missing: the archive was cut off, or never finished.
    pub cut: bool,
}

/// Reads the directory of a zip archive: of a file that begins with [`LOCAL_HEADER`].
///
/// # Errors
/// [`Error::Archive`] if it is damaged, [`Error::Limit`] for more than [`MAX_ENTRIES`] entries, what reading reports.
pub fn directory(source: &Arc<dyn ByteSource>) -> Result<Directory> {
    match central(&**source) {
        // A broken directory behind whole local headers is as good as none.
        Err(error) if matches!(*error, Error::Archive { .. }) => Ok(Directory { entries: local(source)?, cut: true }),
        entries => Ok(Directory { entries: entries?, cut: false }),
    }
}

/// The source as `rawzip` reads it; keeps the error that an `io::Error` would lose.
struct Adapter<'a> {
    source: &'a dyn ByteSource,
    failed: RefCell<Option<Box<Error>>>,
}

impl ReaderAt for Adapter<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.source.len().saturating_sub(offset);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let part = buf.get_mut(..len).unwrap_or_default();
        self.source.read_at(offset, part, "the directory of the zip").map_err(|error| {
            *self.failed.borrow_mut() = Some(error);
            io::Error::from(io::ErrorKind::Other)
        })?;
        Ok(len)
    }
}

fn central(source: &dyn ByteSource) -> Result<Vec<Entry>> {
    let adapter = Adapter { source, failed: RefCell::default() };
    let failed =
        |error: rawzip::Error| adapter.failed.take().unwrap_or_else(|| damaged(format!("its directory: {error}")));
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive =
        ZipLocator::new().locate_in_reader(&adapter, &mut buffer, source.len()).map_err(|(_, error)| failed(error))?;
    let mut entries = Vec::new();
    let mut records = archive.entries(&mut buffer);
    while let Some(record) = records.next_entry().map_err(failed)? {
        if entries.len() >= MAX_ENTRIES {
            let what = "entries of the zip".into();
            return Err(Error::Limit { what, value: archive.entries_hint(), limit: MAX_ENTRIES as u64 }.into());
        }
        entries.push(Entry {
            name: String::from_utf8_lossy(record.file_path().as_bytes()).into_owned(),
            method: Method::of(record.compression_method().as_u16()),
            encrypted: record.flags().is_encrypted() || record.flags().has_strong_encryption(),
            size: Some(record.uncompressed_size_hint()),
            packed: record.compressed_size_hint(),
            checksum: Some(record.crc32()),
            header: record.local_header_offset(),
        });
    }
    if entries.is_empty() && archive.entries_hint() > 0 {
        return Err(damaged("its directory is empty".into()));
    }
    Ok(entries)
}

/// Follows the local headers from the first byte on.
fn local(source: &Arc<dyn ByteSource>) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0;
    while entries.len() < MAX_ENTRIES {
        let Some((entry, start)) = local_header(&**source, at)? else { break };
        let sized = entry.size.is_some();
        let packed = SubSource::new(Arc::clone(source), start, entry.packed);
        let end = start.saturating_add(entry.packed);
        let (method, encrypted) = (entry.method, entry.encrypted);
        entries.push(entry);
        at = if sized {
            end
        } else if method == Method::Deflated && !encrypted {
            match passed(source, start, packed, entries.last_mut())? {
                Some(next) => next,
                None => break,
            }
        } else {
            break;
        };
    }
    Ok(entries)
}

/// The local header at `at` and where the data behind it begins; `None` if there is none.
fn local_header(source: &dyn ByteSource, at: u64) -> Result<Option<(Entry, u64)>> {
    if check_range("a local header", at, LOCAL_HEADER_LEN, source.len()).is_err() {
        return Ok(None);
    }
    let header = read(source, at, LOCAL_HEADER_LEN, "a local header")?;
    if !header.starts_with(&LOCAL_HEADER) {
        return Ok(None);
    }
    let flags = u16_at(&header, 6);
    let (name_len, extra_len) = (u64::from(u16_at(&header, 26)), u64::from(u16_at(&header, 28)));
    let names = at.saturating_add(LOCAL_HEADER_LEN);
    let start = names.saturating_add(name_len).saturating_add(extra_len);
    if start > source.len() {
        return Ok(None);
    }
    let name = read(source, names, name_len, "the name of a zip entry")?;
    let extra = read(source, names.saturating_add(name_len), extra_len, "an extra field of a zip entry")?;
    let (packed32, size32) = (u32_at(&header, 18), u32_at(&header, 22));
    let (mut packed, mut size) = (u64::from(packed32), u64::from(size32));
    if packed32 == IN_ZIP64 || size32 == IN_ZIP64 {
        (size, packed) = zip64(&extra).unwrap_or((size, packed));
    }
    // Bit 3: sizes and checksum follow the data, and stand in the central directory.
    let sized = flags & 8 == 0;
    let entry = Entry {
        name: String::from_utf8_lossy(&name).into_owned(),
        method: Method::of(u16_at(&header, 8)),
        encrypted: flags & 1 != 0,
        size: sized.then_some(size),
        packed: if sized { packed } else { source.len().saturating_sub(start) },
        checksum: sized.then(|| u32_at(&header, 14)),
        header: at,
    };
    Ok(Some((entry, start)))
}

/// Goes to the end of a deflated entry without a size, learns it and the checksum behind it, and says where the next header is. A dump
/// is not passed: whoever looks for one has found it, and inflates it himself.
fn passed(
    source: &Arc<dyn ByteSource>,
    start: u64,
    packed: SubSource,
    entry: Option<&mut Entry>,
) -> Result<Option<u64>> {
    let packed: Arc<dyn ByteSource> = Arc::new(packed);
    let mut stream = Indexing::new(packed, None);
    if stream.peek(4)? == *b"MDMP" {
        return Ok(None);
    }
    while stream.len() < MAX_PASSED && stream.step()? {}
    if stream.end() != Some(End::Whole) {
        return Ok(None);
    }
    let spent = stream.progress().0;
    if let Some(entry) = entry {
        (entry.size, entry.packed) = (Some(stream.len()), spent);
    }
    let end = start.saturating_add(spent);
    let behind = read(source, end, source.len().saturating_sub(end).min(28), "a data descriptor")?;
    // With or without a signature, with sizes of 4 or 8 bytes.
    let next = [12, 16, 20, 24].into_iter().find(|&n| behind.get(n..).is_some_and(|b| b.starts_with(&LOCAL_HEADER)));
    Ok(next.map(|n| end.saturating_add(n as u64)))
}

/// The checksum in the data descriptor at `at`, behind an entry of `size` bytes, if one is there.
pub fn descriptor(source: &dyn ByteSource, at: u64, size: u64) -> Result<Option<u32>> {
    let behind = read(source, at, source.len().saturating_sub(at).min(24), "a data descriptor")?;
    let fields = behind.get(4..).filter(|_| behind.starts_with(&DESCRIPTOR)).unwrap_or_default();
    let (size32, size64) = (u64::from(u32_at(fields, 8)), u64_at(fields, 12));
    let known = (fields.len() >= 12 && size32 == size) || (fields.len() >= 20 && size64 == size);
    Ok(known.then(|| u32_at(fields, 0)))
}

/// Sizes in the Zip64 extra field of a local header: unpacked, packed.
fn zip64(mut extra: &[u8]) -> Option<(u64, u64)> {
    loop {
        let (id, len) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let field = extra.get(4..)?.get(..len)?;
        if id == ZIP64_EXTRA {
            return (len >= 16).then(|| (u64_at(field, 0), u64_at(field, 8)));
        }
        extra = extra.get(4..)?.get(len..)?;
    }
}

/// The bytes of a header; their number comes from 16-bit fields, or is ours.
fn read(source: &dyn ByteSource, at: u64, len: u64, what: &str) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len.min(MAX_FIELD)).unwrap_or(0)];
    source.read_at(at, &mut bytes, what)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b))
}

fn damaged(detail: String) -> Box<Error> {
    Error::Archive { detail, next: crate::error::COPY_AGAIN.to_owned() }.into()
}
