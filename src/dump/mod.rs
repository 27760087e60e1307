//! Which bytes are which addresses: containers. [`open`] reads what a minidump says about itself; the memory in it is reached through
//! [`Regions`] and [`AddressSpace`].
//!
//! Header, stream directory and memory lists are read here; the small streams go through a compact copy (`head`) to the `minidump`
//! crate. Nothing loads the file whole. Only the container as such can fail: a stream that is missing or damaged is a finding.

mod head;
pub mod memory_info;
mod memory_list;
pub mod packed;
pub mod regions;
mod sniff;
pub mod trim;

use crate::error::{Error, Findings, Result};
use crate::memory::{Addr, AddressSpace};
use crate::process;
use crate::report::DumpFacts;
use crate::source::ByteSource;
use head::{Head, Header, Reader, stream};
use memory_info::MemoryInfo;
use minidump::format::{
    MINIDUMP_MISC_INFO, MINIDUMP_MODULE, MINIDUMP_SYSTEM_INFO, MINIDUMP_THREAD, MINIDUMP_THREAD_INFO, MiscInfoFlags,
};
use regions::{Extent, Regions};
use scroll::Pread;
use scroll::ctx::TryFromCtx;
use std::sync::Arc;

/// A dump that was opened: everything but the memory itself.
#[derive(Debug, Clone)]
pub struct Dump {
    /// The file and the process.
    pub facts: DumpFacts,
    /// The module list, in its order: the executable is first.
    pub modules: Vec<Module>,
    /// The thread list.
    pub threads: Vec<Thread>,
    /// Where the memory is.
    pub regions: Arc<Regions>,
    /// The regions of the process, whether they are in the dump or not, if the writer listed them.
    pub memory_info: Option<MemoryInfo>,
    /// What is wrong with the container.
    pub findings: Findings,
    /// MINIDUMP_HEADER.Flags: the MINIDUMP_TYPE that was asked for. A wish, no promise.
    pub flags: u64,
    head: Head,
}

/// A module of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Where it is loaded.
    pub base: Addr,
    /// Bytes of its image.
    pub size: u64,
    /// Path on the machine where the dump was taken; empty if it could not be read.
    pub path: String,
    /// `TimeDateStamp` of its PE header.
    pub timestamp: u32,
    /// `CheckSum` of its PE header.
    pub checksum: u32,
    /// `dwFileVersion` of its version resource, where the writer copied one.
    pub file_version: Option<[u16; 4]>,
}

impl Module {
    /// The last part of its path.
    pub fn name(&self) -> &str {
        // Byte by byte: it is asked for of 10,000 modules, again and again.
        let from = self.path.bytes().rposition(|b| matches!(b, b'\\' | b'/')).map_or(0, |at| at.saturating_add(1));
        self.path.get(from..).unwrap_or_default()
    }

    /// True if the address lies in its image.
    pub fn contains(&self, addr: Addr) -> bool {
        self.base <= addr && addr.since(self.base) < self.size
    }
}

/// A thread of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: u32,
    /// Its thread environment block (of a 32-bit process dumped by a 64-bit tool: the 64-bit one).
    pub teb: Addr,
    /// Lowest address of its stack in use.
    pub stack: Addr,
    /// Bytes from there to the stack's base.
    pub stack_size: u64,
    context: (u32, u32),
}

/// Opens a minidump that may have been in an archive; as [`open`].
///
/// # Errors
/// As [`open`]; [`Error::Damaged`] with the archive's fault where it may be the reason.
pub fn open_unpacked(unpacked: &packed::Unpacked, file_name: &str) -> Result<Dump> {
    let mut dump = open(&*unpacked.source, file_name).map_err(|error| {
        match unpacked.findings.as_slice().iter().find(|finding| finding.partial) {
            Some(fault) => Error::Damaged { what: error.to_string(), detail: fault.message.clone() }.into(),
            None => error,
        }
    })?;
    if let Some((kind, entry)) = &unpacked.archive {
        dump.facts.format = format!("{} in {kind}", dump.facts.format);
        dump.facts.file_size = unpacked.file_len;
        dump.facts.entry = Some(entry.clone());
    }
    let mut findings = unpacked.findings.clone();
    findings.merge(std::mem::take(&mut dump.findings));
    dump.findings = findings;
    Ok(dump)
}

/// Opens a minidump. `file_name` is for the report only.
///
/// # Errors
/// [`Error::EmptyFile`], [`Error::NotADump`] with a guess what it is, [`Error::Truncated`] before the end of header and directory,
/// [`Error::Damaged`], [`Error::Limit`], [`Error::Io`].
pub fn open(source: &dyn ByteSource, file_name: &str) -> Result<Dump> {
    if source.is_empty() {
        return Err(Error::EmptyFile.into());
    }
    let mut reader = Reader::new(source);
    let first = reader.bytes(0, source.len().min(sniff::SNIFFED), "the first bytes of the file")?;
    if !first.starts_with(b"MDMP") {
        return Err(sniff::not_a_dump(&first));
    }
    let mut findings = Findings::default();
    let header = head::read_header(&mut reader, &mut findings)?;
    let head = Head::copy(&mut reader, &header, &mut findings)?;

    let mut facts = DumpFacts {
        file_name: file_name.to_owned(),
        file_size: source.len(),
        format: "minidump".into(),
        captured_at: (header.time_date_stamp != 0).then(|| u64::from(header.time_date_stamp)),
        ..DumpFacts::default()
    };
    let (modules, threads) = parse(&header, &head, &mut facts, &mut findings);
    facts.modules = modules.len() as u64;
    facts.threads = threads.len() as u64;

    let mut ranges = memory_list::read(&mut reader, &header, &mut findings)?;
    for range in &mut ranges {
        range.addr = zero_extended(range.addr.0, &facts);
    }
    facts.memory_ranges = ranges.len() as u64;
    let mut dropped = Vec::new();
    let regions = Regions::build_and_note(ranges, source.len(), &mut findings, |extent| dropped.push(extent));
    contradictions(source, &regions, &dropped, &mut findings)?;
    facts.memory_bytes = regions.total_bytes();
    let memory_info = memory_info::read(&mut reader, &header, &mut findings)?;

    facts.comment = head.comment();
    facts.memory_limit = head.job_limit();
    let memory = AddressSpace::new(source, &regions);
    process::complete(&mut facts, &modules, &threads, &memory);
    process::environment(&mut facts, &threads, &memory);
    Ok(Dump { facts, modules, threads, regions: Arc::new(regions), memory_info, findings, flags: header.flags, head })
}

impl Dump {
    /// The registers of a thread: a CONTEXT of the writer's architecture. `None` if the dump has none.
    pub fn context(&self, thread: &Thread) -> Option<&[u8]> {
        self.head.slice(thread.context.0, thread.context.1).filter(|context| !context.is_empty())
    }

    /// Refuses a dump that has only what a dump without memory has: stacks, environment blocks of threads, a few bytes of code.
    ///
    /// # Errors
    /// [`Error::NoHeapMemory`]
    pub fn require_heap_memory(&self) -> Result<()> {
        // What is no heap: stacks, TEBs (one or two pages), images.
        let mut other: Vec<(Addr, u64)> = Vec::new();
        for thread in &self.threads {
            other.push((thread.stack, thread.stack_size));
            other.push((Addr(thread.teb.0 & !0xfff), 0x3000));
        }
        other.extend(self.modules.iter().map(|module| (module.base, module.size)));
        let other = regions::merged(other);
        // dbghelp adds pieces of some hundred bytes around what registers and stacks point to; a heap comes in pages.
        let is_heap = |from: u64, to: u64| to.saturating_sub(from) >= 4096;
        let found = self.regions.runs().any(|(start, end)| {
            let mut from = start.0;
            let next = other.partition_point(|&(addr, len)| addr.plus(len) <= start);
            for &(addr, len) in other.get(next..).unwrap_or_default() {
                if addr >= end {
                    break;
                }
                if is_heap(from, addr.0) {
                    return true;
                }
                from = from.max(addr.0.saturating_add(len));
            }
            is_heap(from, end.0)
        });
        if found {
            return Ok(());
        }
        let detail = match self.facts.memory_bytes {
            0 => format!("it was written without any memory (MINIDUMP_TYPE {:#x})", self.flags),
            n => format!("its {n} bytes of memory are stacks and images only (MINIDUMP_TYPE {:#x})", self.flags),
        };
        Err(Error::NoHeapMemory { detail }.into())
    }
}

/// Modules and threads; what SystemInfo, MiscInfo and ThreadInfoList say goes to the facts.
///
/// Structures and errors are those of the `minidump` crate. Its readers of whole streams are not used: some decode UTF-16 through `encoding_rs`, whose
/// tables of every legacy encoding would be a quarter of the WebAssembly, or give up a whole module list for one bad CodeView record; the others
/// read much that nobody asks for, each of its types by code of its own.
fn parse(header: &Header, head: &Head, facts: &mut DumpFacts, findings: &mut Findings) -> (Vec<Module>, Vec<Thread>) {
    let mut lost = |kind: u32, name: &str, error: minidump::Error| match error {
        // Not in the head although in the file: its copy has said why.
        minidump::Error::StreamNotFound if header.stream(kind).is_some() => {}
        minidump::Error::StreamNotFound => findings.add("stream-missing", false, || format!("the dump has no {name}")),
        error => findings.add("stream-unreadable", false, || format!("{name} cannot be read: {error}")),
    };

    match single::<MINIDUMP_SYSTEM_INFO>(head, stream::SYSTEM_INFO) {
        Ok(info) => process::system(facts, &info),
        Err(e) => lost(stream::SYSTEM_INFO, "SystemInfo", e),
    }
    // Later versions only add to the first.
    match single::<MINIDUMP_MISC_INFO>(head, stream::MISC_INFO) {
        Ok(info) => {
            let has = |flag: MiscInfoFlags| info.flags1 & flag.bits() != 0;
            facts.pid = has(MiscInfoFlags::MINIDUMP_MISC1_PROCESS_ID).then_some(info.process_id);
            let times = has(MiscInfoFlags::MINIDUMP_MISC1_PROCESS_TIMES) && info.process_create_time != 0;
            facts.started_at = times.then_some(info.process_create_time.into());
        }
        Err(e) => lost(stream::MISC_INFO, "MiscInfo", e),
    }
    // Optional: many writers have no ThreadInfoList.
    if let Ok(list) = list::<MINIDUMP_THREAD_INFO>(head, stream::THREAD_INFO_LIST, 12, head::THREAD_INFO_LEN) {
        let first = list.iter().map(|info| info.create_time).filter(|&t| t != 0).min();
        facts.first_thread_at = first.and_then(process::unix_time);
    }
    facts.started_at = facts.started_at.or(facts.first_thread_at);
    facts.uptime = facts.started_at.and_then(|start| facts.captured_at?.checked_sub(start));

    let modules = match list::<MINIDUMP_MODULE>(head, stream::MODULE_LIST, 4, head::MODULE_LEN) {
        Ok(list) => {
            let sized = |raw: &&MINIDUMP_MODULE| {
                raw.size_of_image != 0 && raw.base_of_image.checked_add(u64::from(raw.size_of_image)).is_some()
            };
            list.iter().filter(sized).map(|raw| module_of(raw, head, facts)).collect()
        }
        Err(e) => {
            lost(stream::MODULE_LIST, "ModuleList", e);
            Vec::new()
        }
    };
    let threads = match list::<MINIDUMP_THREAD>(head, stream::THREAD_LIST, 4, head::THREAD_LEN) {
        Ok(list) => list.iter().map(|raw| thread_of(raw, facts)).collect(),
        Err(e) => {
            lost(stream::THREAD_LIST, "ThreadList", e);
            Vec::new()
        }
    };
    (modules, threads)
}

/// A structure of the `minidump` crate.
trait Raw: for<'a> TryFromCtx<'a, scroll::Endian, Error = scroll::Error> {}
impl<T: for<'a> TryFromCtx<'a, scroll::Endian, Error = scroll::Error>> Raw for T {}

/// A stream that is one structure.
fn single<T: Raw>(head: &Head, kind: u32) -> std::result::Result<T, minidump::Error> {
    let bytes = head.stream(kind).ok_or(minidump::Error::StreamNotFound)?;
    bytes.pread_with(0, scroll::LE).map_err(|_| minidump::Error::StreamReadFailure)
}

/// A stream of structures of `len` bytes. The head has them right behind its `header` bytes, the last word of which is their number.
fn list<T: Raw>(head: &Head, kind: u32, header: usize, len: usize) -> std::result::Result<Vec<T>, minidump::Error> {
    let unreadable = || minidump::Error::StreamReadFailure;
    let bytes = head.stream(kind).ok_or(minidump::Error::StreamNotFound)?;
    let (header, entries) = bytes.split_at_checked(header).ok_or_else(unreadable)?;
    let count = head::u32_at(header, header.len().saturating_sub(4));
    let entries = entries.chunks_exact(len).take(usize::try_from(count).unwrap_or(usize::MAX));
    entries.map(|entry| entry.pread_with(0, scroll::LE).map_err(|_| unreadable())).collect()
}

fn module_of(raw: &MINIDUMP_MODULE, head: &Head, facts: &DumpFacts) -> Module {
    let version = &raw.version_info;
    let halves = |word: u32| [word >> 16, word & 0xffff].map(|half| u16::try_from(half).unwrap_or(0));
    let ([a, b], [c, d]) = (halves(version.file_version_hi), halves(version.file_version_lo));
    Module {
        base: zero_extended(raw.base_of_image, facts),
        size: u64::from(raw.size_of_image),
        path: head.text(raw.module_name_rva).unwrap_or_default(),
        timestamp: raw.time_date_stamp,
        checksum: raw.checksum,
        file_version: (version.signature == VS_FFI_SIGNATURE).then_some([a, b, c, d]),
    }
}

/// `VS_FIXEDFILEINFO.dwSignature`
const VS_FFI_SIGNATURE: u32 = 0xfeef_04bd;

fn thread_of(raw: &MINIDUMP_THREAD, facts: &DumpFacts) -> Thread {
    Thread {
        id: raw.thread_id,
        teb: zero_extended(raw.teb, facts),
        stack: zero_extended(raw.stack.start_of_memory_range, facts),
        stack_size: u64::from(raw.stack.memory.data_size),
        context: (raw.thread_context.rva, raw.thread_context.data_size),
    }
}

/// Compares the pieces that the memory list had twice with those that were kept: if they differ, nobody can say which is right.
fn contradictions(
    source: &dyn ByteSource,
    regions: &Regions,
    dropped: &[Extent],
    findings: &mut Findings,
) -> Result<()> {
    let mut budget = MAX_COMPARED;
    for piece in dropped {
        for kept in regions.extents(piece.addr, piece.addr.plus(piece.len)) {
            let mut done = 0;
            while done < kept.len {
                if budget == 0 {
                    findings.add("memory-contradiction", true, || {
                        "the memory list holds very many addresses twice; they were not all compared".into()
                    });
                    return Ok(());
                }
                let len = kept.len.saturating_sub(done).min(COMPARED_AT_ONCE);
                // A million tiny pieces cost reads, not bytes.
                budget = budget.saturating_sub(len.max(4096));
                let n = usize::try_from(len).unwrap_or(0);
                let (mut first, mut second) = (vec![0; n], vec![0; n]);
                let at = kept.addr.since(piece.addr).saturating_add(done);
                source.read_at(kept.offset.saturating_add(done), &mut first, "memory listed twice")?;
                source.read_at(piece.offset.saturating_add(at), &mut second, "memory listed twice")?;
                if first != second {
                    findings.add("memory-contradiction", true, || {
                        format!("the memory list has two versions of the bytes at {:#x}", kept.addr.plus(done).0)
                    });
                    return Ok(());
                }
                done = done.saturating_add(len);
            }
        }
    }
    Ok(())
}

/// Bytes of doubly listed memory that are compared; real dumps have none.
const MAX_COMPARED: u64 = 64 << 20;
const COMPARED_AT_ONCE: u64 = 1 << 20;

/// Some 32-bit writers sign-extend addresses above 2 GiB to 64 bits; those of a 32-bit process have no upper half.
fn zero_extended(addr: u64, facts: &DumpFacts) -> Addr {
    let sign_extended = addr >> 31 == 0x1_ffff_ffff;
    Addr(if sign_extended && facts.architecture.as_deref() == Some("x86") { addr & 0xffff_ffff } else { addr })
}
