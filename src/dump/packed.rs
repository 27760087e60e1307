//! A file on its way to being a dump: one that is there as it is, or one inside a zip or gzip archive, opened where it lies.
//!
//! Of the entries of a zip that one is taken whose bytes begin as a minidump does; DLLs that Kudu puts beside it are passed over, several
//! dumps are a choice. A stored entry is a plain range of the file; a deflated one is indexed first ([`Unpacking::step`]), which also
//! proves its length and checksum. What is cut off or damaged is read as far as it goes, with a finding.

use super::sniff;
use crate::error::{COPY_AGAIN, EntryChoice, Error, Findings, Result};
use crate::report::EntryFacts;
use crate::source::inflate::{End, Indexing, InflateSource};
use crate::source::zip::{self, Directory, Entry, LOCAL_HEADER, Method};
use crate::source::{ByteSource, SubSource};
use std::sync::Arc;

/// What a gzip member begins with: magic and the only method there is.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// Bytes of a gzip header with a name and a comment.
const MAX_GZIP_HEADER: u64 = 64 << 10;
/// What a minidump begins with.
const MINIDUMP: &[u8] = b"MDMP";
/// A damaged stream still gives bytes, wrong ones, until it breaks a rule of the format, mostly at the end of its block (some ten thousand
/// symbols): so many bytes before that place are not believed.
const DOUBTFUL: u64 = 1 << 20;
/// Names in a message.
const NAMED: usize = 5;

/// A file that is being unpacked: [`step`](Unpacking::step) until there is nothing left, then [`finish`](Unpacking::finish).
pub struct Unpacking {
    file: Arc<dyn ByteSource>,
    bytes: Bytes,
    packing: Option<Packing>,
}

/// Where the bytes of the dump come from.
enum Bytes {
    /// A range of the file: all of it from the given offset on, or an entry.
    Plain(Arc<dyn ByteSource>, u64),
    Deflated(Box<Indexing>),
}

/// The archive around the dump.
struct Packing {
    kind: &'static str,
    entry: EntryFacts,
    /// Where the packed bytes begin.
    start: u64,
    size: Option<u64>,
    checksum: Option<u32>,
    /// A zip without its central directory.
    cut: bool,
}

/// A dump, unpacked.
pub struct Unpacked {
    /// Its bytes.
    pub source: Arc<dyn ByteSource>,
    /// Where they begin in the file, if they are a range of it.
    pub offset: Option<u64>,
    /// The same as `source`, if it is deflated.
    pub inflated: Option<Arc<InflateSource>>,
    /// Length of the file.
    pub file_len: u64,
    /// The archive's kind, `zip` or `gzip`, and the entry; `None` for a dump as it is.
    pub archive: Option<(&'static str, EntryFacts)>,
    /// What is wrong with the archive.
    pub findings: Findings,
}

impl Unpacking {
    /// Looks at the file's first bytes and, in a zip, for the dump: the entry named `wanted`, or the only one.
    ///
    /// # Errors
    /// [`Error::Archive`], [`Error::ChooseEntry`]; [`Error::NotADump`] for an archive without one; [`Error::Usage`] if there is no
    /// entry of that name; what reading reports. A file that is no archive is passed on as it is.
    pub fn begin(file: Arc<dyn ByteSource>, wanted: Option<&str>) -> Result<Unpacking> {
        let mut magic = [0; 4];
        let seen = usize::try_from(file.len()).unwrap_or(usize::MAX).min(magic.len());
        file.read_at(0, magic.get_mut(..seen).unwrap_or_default(), "the first bytes of the file")?;
        if magic == LOCAL_HEADER {
            Unpacking::zip(file, wanted)
        } else if magic.starts_with(&GZIP) {
            Unpacking::gzip(file)
        } else {
            Ok(Unpacking { bytes: Bytes::Plain(Arc::clone(&file), 0), file, packing: None })
        }
    }

    fn zip(file: Arc<dyn ByteSource>, wanted: Option<&str>) -> Result<Unpacking> {
        let directory = zip::directory(&file)?;
        let (entry, bytes) = choose(&file, &directory, wanted)?;
        let (start, _) = entry.place(&*file)?;
        let facts = EntryFacts {
            name: entry.name.clone(),
            size: entry.size.unwrap_or(0),
            packed_size: entry.packed,
            method: entry.method.name(),
        };
        let packing = Packing {
            kind: "zip",
            entry: facts,
            start,
            size: entry.size,
            checksum: entry.checksum,
            cut: directory.cut,
        };
        Ok(Unpacking { file, bytes, packing: Some(packing) })
    }

    fn gzip(file: Arc<dyn ByteSource>) -> Result<Unpacking> {
        let (name, start) = gzip_header(&*file)?;
        let packed: Arc<dyn ByteSource> = Arc::new(SubSource::new(Arc::clone(&file), start, u64::MAX));
        let mut indexing = Box::new(Indexing::new(Arc::clone(&packed), None));
        let first = indexing.peek(first_len())?;
        if !first.starts_with(MINIDUMP) {
            return Err(inside("a gzip archive", None, first));
        }
        let entry = EntryFacts { name, size: 0, packed_size: packed.len(), method: Method::Deflated.name() };
        let packing = Packing { kind: "gzip", entry, start, size: None, checksum: None, cut: false };
        Ok(Unpacking { file, bytes: Bytes::Deflated(indexing), packing: Some(packing) })
    }

    /// Does a piece of the work; false if there is nothing left to do.
    ///
    /// # Errors
    /// What reading the file reports.
    pub fn step(&mut self) -> Result<bool> {
        match &mut self.bytes {
            Bytes::Plain(..) => Ok(false),
            Bytes::Deflated(indexing) => indexing.step(),
        }
    }

    /// Packed bytes done, and of all; 0 of 0 where nothing needs to be unpacked.
    pub fn progress(&self) -> (u64, u64) {
        match &self.bytes {
            Bytes::Plain(..) => (0, 0),
            Bytes::Deflated(indexing) => indexing.progress(),
        }
    }

    /// Does what is left, and hands out the dump.
    ///
    /// # Errors
    /// As [`step`](Unpacking::step).
    pub fn finish(mut self) -> Result<Unpacked> {
        while self.step()? {}
        let file_len = self.file.len();
        let mut findings = Findings::default();
        let (source, offset, inflated) = match self.bytes {
            Bytes::Plain(source, offset) => {
                if let Some(packing) = &mut self.packing {
                    packing.judge_stored(source.len(), &mut findings);
                }
                (source, Some(offset), None)
            }
            Bytes::Deflated(indexing) => {
                let len = match &mut self.packing {
                    Some(packing) => packing.judge(&*self.file, &indexing, &mut findings)?,
                    None => indexing.len(),
                };
                let inflated = Arc::new(indexing.finish(len));
                let source: Arc<dyn ByteSource> = Arc::<InflateSource>::clone(&inflated);
                (source, None, Some(inflated))
            }
        };
        let archive = self.packing.map(|packing| (packing.kind, packing.entry));
        Ok(Unpacked { source, offset, inflated, file_len, archive, findings })
    }
}

impl Packing {
    /// What the directory promised of a stored entry against what is in the file. Its checksum is not looked at: that would be the only
    /// reason to read it whole.
    fn judge_stored(&mut self, len: u64, findings: &mut Findings) {
        let promised = self.size.unwrap_or(len).max(self.entry.packed_size);
        if len < promised {
            self.ends_early(len, Some(promised), findings);
        } else if self.cut {
            self.no_directory(findings);
        }
        self.entry.size = len;
    }

    /// What was promised of a deflated entry against what came out of it; gives how many bytes of that are believed.
    fn judge(&mut self, file: &dyn ByteSource, indexing: &Indexing, findings: &mut Findings) -> Result<u64> {
        let mut len = indexing.len();
        let end = self.start.saturating_add(indexing.progress().0);
        if self.kind == "gzip" && indexing.end() == Some(End::Whole) {
            self.gzip_trailer(file, end, findings)?;
        } else if self.checksum.is_none() && indexing.end() == Some(End::Whole) {
            self.checksum = zip::descriptor(file, end, len)?;
        }
        let name = self.name();
        let proven = self.checksum == Some(indexing.checksum());
        let short = self.size.is_some_and(|size| len < size);
        match indexing.end() {
            Some(End::Whole) if !short && proven && !self.cut => {}
            Some(End::Whole) if !short && self.checksum.is_none() && !self.cut => self.ends_early(len, None, findings),
            Some(End::Whole) if !short && (proven || self.checksum.is_none()) => self.no_directory(findings),
            Some(End::Whole) if !short => {
                let (found, promised) = (indexing.checksum(), self.checksum.unwrap_or(0));
                findings.add("archive-checksum", true, || {
                    format!(
                        "{name} is not what was packed: its checksum is {found:08x}, the archive says {promised:08x}; numbers may be \
                         wrong. {COPY_AGAIN}"
                    )
                });
            }
            Some(End::Whole) if proven => findings.add("archive-size", true, || {
                format!(
                    "{name} is shorter than the archive says: {} were unpacked. {COPY_AGAIN}",
                    amount(len, self.size)
                )
            }),
            Some(End::TooLong) if proven => findings.add("archive-size", true, || {
                format!(
                    "{name} is longer than the {len} bytes that the archive says; the rest was not read. {COPY_AGAIN}"
                )
            }),
            // One that ends too early, or does not end, has met an end that was none, or missed the true one.
            Some(End::Whole | End::Damaged | End::TooLong) => {
                len = len.saturating_sub(DOUBTFUL);
                findings.add("archive-damaged", true, || {
                    let unpacked = amount(len, self.size);
                    format!("{name} is damaged in the archive: only {unpacked} could be unpacked. {COPY_AGAIN}")
                });
            }
            Some(End::Cut) | None => self.ends_early(len, self.size, findings),
        }
        self.entry.size = len;
        self.entry.packed_size = indexing.progress().0;
        Ok(len)
    }

    fn ends_early(&self, len: u64, size: Option<u64>, findings: &mut Findings) {
        let (name, kind, unpacked) = (self.name(), self.kind, amount(len, size));
        findings.add("archive-cut", true, || {
            format!(
                "the {kind} file ends inside {name}: {unpacked} could be unpacked, the rest is missing. {COPY_AGAIN}"
            )
        });
    }

    fn no_directory(&self, findings: &mut Findings) {
        let name = self.name();
        let checked =
            if self.checksum.is_some() && self.entry.method == Method::Deflated.name() { "whole" } else { "there" };
        findings.add("archive-directory", false, || {
            format!("the zip has no directory: it was cut off behind {name}, which is {checked}")
        });
    }

    /// CRC-32 and length (modulo 2^32) behind a gzip member, and whether it is the only one.
    fn gzip_trailer(&mut self, file: &dyn ByteSource, end: u64, findings: &mut Findings) -> Result<()> {
        let mut trailer = [0; 11];
        let have = usize::try_from(file.len().saturating_sub(end)).unwrap_or(usize::MAX).min(trailer.len());
        file.read_at(end, trailer.get_mut(..have).unwrap_or_default(), "the end of the gzip archive")?;
        if have >= 8 {
            self.checksum = trailer.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        }
        if trailer.ends_with(&GZIP) {
            findings.add("archive-size", true, || {
                format!("the gzip archive has several parts; only the first was read. {}", sniff::UNPACK)
            });
        }
        Ok(())
    }

    fn name(&self) -> String {
        if self.entry.name.is_empty() { "the dump".to_owned() } else { self.entry.name.clone() }
    }
}

fn amount(len: u64, size: Option<u64>) -> String {
    size.map_or_else(|| format!("{len} bytes"), |size| format!("{len} of {size} bytes"))
}

fn first_len() -> usize {
    usize::try_from(sniff::SNIFFED).unwrap_or(usize::MAX)
}

/// What an entry seems to be.
enum Looks {
    Dump(Bytes),
    /// Its first bytes.
    Other(Vec<u8>),
    /// Why it cannot be read.
    Closed(Box<Error>),
}

/// The entry to open.
fn choose(file: &Arc<dyn ByteSource>, directory: &Directory, wanted: Option<&str>) -> Result<(Entry, Bytes)> {
    let files: Vec<&Entry> = directory.entries.iter().filter(|entry| !entry.is_folder()).collect();
    if let Some(wanted) = wanted {
        let entry = named(&files, wanted)?;
        return match look(file, entry)? {
            Looks::Dump(bytes) => Ok((entry.clone(), bytes)),
            Looks::Other(first) => Err(inside("a zip archive", Some(&entry.name), &first)),
            Looks::Closed(error) => Err(error),
        };
    }
    let (mut dumps, mut first_dump, mut closed, mut largest) = (Vec::new(), None, None, None::<(&Entry, Vec<u8>)>);
    for entry in &files {
        match look(file, entry)? {
            Looks::Dump(bytes) => {
                dumps.push(*entry);
                first_dump.get_or_insert(bytes);
            }
            Looks::Closed(error) => closed = closed.or(Some(error)),
            Looks::Other(first) => {
                if largest.as_ref().is_none_or(|(known, _)| entry.packed > known.packed) {
                    largest = Some((entry, first));
                }
            }
        }
    }
    if let ([only], Some(bytes)) = (dumps.as_slice(), first_dump) {
        return Ok(((*only).clone(), bytes));
    }
    match (dumps.as_slice(), closed, largest) {
        ([], Some(error), _) => Err(error),
        ([], None, Some((entry, first))) => Err(inside("a zip archive", Some(&entry.name), &first)),
        ([], None, None) if directory.cut => {
            Err(Error::Archive { detail: "it is cut off before the first file in it".into(), next: COPY_AGAIN.into() }
                .into())
        }
        ([], None, None) => {
            Err(Error::NotADump { guess: "it is a zip archive without files".into(), next: COPY_AGAIN.into() }.into())
        }
        (several, ..) => {
            let choice = |entry: &&Entry| EntryChoice { name: entry.name.clone(), size: entry.size };
            Err(Error::ChooseEntry { entries: several.iter().map(choice).collect() }.into())
        }
    }
}

/// The entry of this path, or the only one of this file name.
fn named<'a>(files: &[&'a Entry], wanted: &str) -> Result<&'a Entry> {
    let by_path = files.iter().find(|entry| entry.name == wanted);
    let mut by_name = files.iter().filter(|entry| entry.file_name() == wanted);
    match (by_path, by_name.next(), by_name.next()) {
        (Some(entry), ..) | (None, Some(entry), None) => Ok(entry),
        _ => {
            let mut names: Vec<&str> = files.iter().take(NAMED).map(|entry| entry.name.as_str()).collect();
            if files.len() > NAMED {
                names.push("...");
            }
            Err(Error::Usage(format!("the zip has no entry {wanted}; it has {}", names.join(", "))).into())
        }
    }
}

fn look(file: &Arc<dyn ByteSource>, entry: &Entry) -> Result<Looks> {
    let name = &entry.name;
    let closed =
        |detail: String, next: &str| Ok(Looks::Closed(Error::Archive { detail, next: next.to_owned() }.into()));
    if entry.encrypted {
        return closed(format!("{name} is encrypted"), "Unpack it with its password, and open the .dmp file inside.");
    }
    let what = "the first bytes of a zip entry";
    let (start, len) = match entry.place(&**file) {
        Ok(place) => place,
        Err(error) if matches!(*error, Error::Archive { .. }) => return Ok(Looks::Closed(error)),
        Err(error) => return Err(error),
    };
    let packed: Arc<dyn ByteSource> = Arc::new(SubSource::new(Arc::clone(file), start, len));
    let (bytes, first) = match entry.method {
        Method::Stored => {
            let mut first = vec![0; usize::try_from(packed.len()).unwrap_or(usize::MAX).min(first_len())];
            packed.read_at(0, &mut first, what)?;
            (Bytes::Plain(packed, start), first)
        }
        Method::Deflated => {
            let mut indexing = Box::new(Indexing::new(packed, entry.size));
            let first = indexing.peek(first_len())?.to_vec();
            (Bytes::Deflated(indexing), first)
        }
        Method::Other(_) => {
            let method = entry.method.name();
            return closed(
                format!("{name} is packed by {method}, which dropheap does not read"),
                "Unpack it and open the .dmp file inside, or pack it by Deflate.",
            );
        }
    };
    Ok(if first.starts_with(MINIDUMP) { Looks::Dump(bytes) } else { Looks::Other(first) })
}

/// The error for an archive with something else in it.
fn inside(archive: &str, name: Option<&str>, first: &[u8]) -> Box<Error> {
    let Error::NotADump { guess, next } = *sniff::not_a_dump(first) else { return Error::EmptyFile.into() };
    let name = name.map_or_else(|| "what is in it".to_owned(), |name| format!("{name} in it"));
    let guess = guess.strip_prefix("it looks like ").map_or_else(
        || format!("it is {archive}; of {name}: {guess}"),
        |guess| format!("it is {archive} without one; {name} looks like {guess}"),
    );
    Error::NotADump { guess, next }.into()
}

/// Name of the file in a gzip member (RFC 1952, 2.3), and where its deflate stream begins.
fn gzip_header(file: &dyn ByteSource) -> Result<(String, u64)> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const CHECKSUM: u8 = 2;
    let mut header = vec![0; usize::try_from(file.len().min(MAX_GZIP_HEADER)).unwrap_or(0)];
    file.read_at(0, &mut header, "the gzip header")?;
    let cut = || Error::Archive { detail: "its gzip header is cut off".into(), next: COPY_AGAIN.into() };
    let flags = header.get(3).copied().ok_or_else(cut)?;
    let mut rest = header.get(10..).ok_or_else(cut)?;
    if flags & EXTRA != 0 {
        let len = rest.first_chunk().map(|b| usize::from(u16::from_le_bytes(*b))).ok_or_else(cut)?;
        rest = rest.get(len.saturating_add(2)..).ok_or_else(cut)?;
    }
    let mut name = String::new();
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|&b| b == 0).ok_or_else(cut)?;
            if flag == NAME {
                name = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
            }
            rest = rest.get(end.saturating_add(1)..).ok_or_else(cut)?;
        }
    }
    if flags & CHECKSUM != 0 {
        rest = rest.get(2..).ok_or_else(cut)?;
    }
    Ok((name, header.len().saturating_sub(rest.len()) as u64))
}
