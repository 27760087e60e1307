//! The process: when, where, which program. From SystemInfo and from the process environment block, as far as the dump has it.
//!
//! Offsets of TEB, PEB, RTL_USER_PROCESS_PARAMETERS and `_HEAP_SEGMENT` are those of `ntdll`'s public symbols, unchanged since Windows Vista
//! (`_HEAP_SEGMENT`: since 7). Nothing here is ever fatal: what cannot be read stays `None`.
//!
//! **Secrets.** Of the environment block three variables are read, [`KEPT`], and no other ever leaves this file. The command line and the
//! comment of the dump's writer (a command line too) are in the facts, and no export prints them unasked ([`DumpFacts::redact`]). Paths are kept as they
//! are, the name of a user in them too: a module is found again by its path, and the name of a service's user is what the reader looks for.
//!
//! **Clones.** `procdump -r` and Kudu dump a snapshot (PssCaptureSnapshot with PSS_CAPTURE_VA_CLONE and PSS_CAPTURE_THREADS): the memory is read from a
//! process of its own, a copy. The TEBs are in that memory: their `ClientId` is the original's, whatever MiscInfo says. Whose pid and start MiscInfo then
//! has is not documented; where it has the original's, nothing tells a clone, and nothing is wrong. [by the documentation of the API and by Kudu's source;
//! no such dump was at hand]

use crate::dump::{Module, Thread};
use crate::limits;
use crate::maps::AddrSet;
use crate::memory::{Addr, Memory, PointerSize};
use crate::report::{CloneFacts, DumpFacts};
use minidump::format::MINIDUMP_SYSTEM_INFO;

/// Seconds since 1970 of a FILETIME (100 ns since 1601); `None` before 1970.
pub(crate) fn unix_time(file_time: u64) -> Option<u64> {
    (file_time / 10_000_000).checked_sub(11_644_473_600)
}

/// What SystemInfo says: operating system, the writer's architecture, processors.
pub(crate) fn system(facts: &mut DumpFacts, info: &MINIDUMP_SYSTEM_INFO) {
    let system = match info.platform_id {
        VER_PLATFORM_WIN32_NT => "Windows".to_owned(),
        other => format!("platform {other:#x}"),
    };
    facts.os = Some(format!("{system} {}.{}.{}", info.major_version, info.minor_version, info.build_number));
    // PROCESSOR_ARCHITECTURE_*
    facts.architecture = match info.processor_architecture {
        0 => Some("x86".into()),
        5 => Some("arm".into()),
        9 => Some("x64".into()),
        12 => Some("arm64".into()),
        _ => None,
    };
    facts.processors = Some(u32::from(info.number_of_processors)).filter(|&n| n != 0);
}

const VER_PLATFORM_WIN32_NT: u32 = 2;

/// Adds what the process environment block says: image path, command line, number of processors, and the pid where MiscInfo has none or
/// a clone's.
pub(crate) fn complete(facts: &mut DumpFacts, modules: &[Module], threads: &[Thread], memory: &dyn Memory) {
    let blocks = environment_blocks(threads, memory);
    identify(facts, blocks.first().and_then(|block| block.pid));
    for block in &blocks {
        let peb = Peb { addr: block.peb, shape: block.shape, memory };
        // SystemInfo's field is a byte.
        if let Some(n) = peb.processors().filter(|n| (1..=MAX_PROCESSORS).contains(n)) {
            facts.processors = Some(n);
        }
        if facts.os.is_none() {
            facts.os = peb.os();
        }
        facts.image_path = facts.image_path.take().or_else(|| peb.parameter(block.shape.image_path));
        facts.command_line = facts.command_line.take().or_else(|| peb.parameter(block.shape.command_line));
    }
    if facts.image_path.is_none() {
        // By contract of dbghelp the executable is the first module.
        facts.image_path = modules.first().map(|module| module.path.clone()).filter(|path| !path.is_empty());
    }
}

/// Decides which process it is, by MiscInfo (in the facts already), by the pid in the TEBs, and by the writer's comment.
fn identify(facts: &mut DumpFacts, of_tebs: Option<u32>) {
    let by_comment = facts.comment.as_deref().is_some_and(asks_for_a_clone);
    match (facts.pid, of_tebs) {
        (None, original) => facts.pid = original,
        (Some(clone), Some(original)) if clone != original => {
            facts.pid = Some(original);
            facts.clone = Some(CloneFacts { pid: Some(clone) });
        }
        _ => {}
    }
    if by_comment && facts.clone.is_none() {
        facts.clone = Some(CloneFacts { pid: None });
    }
    // A clone is made when the dump is: a start at that moment is the clone's, not the process's.
    let young = facts.uptime.is_some_and(|uptime| uptime <= CLONE_AGE);
    if facts.clone.as_ref().is_some_and(|clone| clone.pid.is_some()) || (facts.clone.is_some() && young) {
        // The threads' times are those of the threads that were captured.
        facts.started_at = facts
            .first_thread_at
            .filter(|&at| facts.captured_at.is_none_or(|taken| at.saturating_add(CLONE_AGE) < taken));
        facts.uptime = facts.started_at.and_then(|start| facts.captured_at?.checked_sub(start));
    }
}

/// Seconds from the making of a clone to that of its dump's header, at most.
const CLONE_AGE: u64 = 60;

/// True if the comment is procdump's (`*** procdump  -ma -r 1234`, then a line with the reason; so debuggers show it) and asks for a clone. Behind
/// `-x` the words are a program's.
fn asks_for_a_clone(comment: &str) -> bool {
    let line = comment.lines().find_map(|line| line.trim().strip_prefix("*** procdump"));
    let option =
        |word: &&str, letter: &str| word.strip_prefix(['-', '/']).is_some_and(|name| name.eq_ignore_ascii_case(letter));
    line.is_some_and(|line| line.split_whitespace().take_while(|w| !option(w, "x")).any(|w| option(&w, "r")))
}

/// The variables that are kept of an environment block: which web application, on which machine of its plan, in which pool.
pub const KEPT: [&str; 3] = ["APP_POOL_ID", "WEBSITE_INSTANCE_ID", "WEBSITE_SITE_NAME"];

/// Characters of a kept value; the instance id has 64.
const MAX_KEPT: usize = 256;

/// Adds the three variables of [`KEPT`]. Apart from [`complete`], since a trimmed dump must not get the pages of the environment for their sake.
pub(crate) fn environment(facts: &mut DumpFacts, threads: &[Thread], memory: &dyn Memory) {
    for block in environment_blocks(threads, memory) {
        let peb = Peb { addr: block.peb, shape: block.shape, memory };
        let Some([pool, instance, site]) = peb.environment() else { continue };
        facts.app_pool = facts.app_pool.take().or(pool);
        facts.instance_id = facts.instance_id.take().or(instance);
        facts.site_name = facts.site_name.take().or(site);
    }
}

/// Values of [`KEPT`] in `NAME=value` strings of UTF-16, each ended by a zero; an empty one ends the block.
fn kept(block: &[u8]) -> [Option<String>; 3] {
    let mut found = [None, None, None];
    let units: Vec<u16> = block
        .chunks_exact(2)
        .map(|c| u16::from_le_bytes([c.first().copied().unwrap_or(0), c.get(1).copied().unwrap_or(0)]))
        .collect();
    for variable in units.split(|&unit| unit == 0) {
        if variable.is_empty() {
            break;
        }
        for (name, value) in KEPT.iter().zip(&mut found) {
            // Names are compared without case, as Windows does.
            let same = |(&unit, byte): (&u16, u8)| u8::try_from(unit).is_ok_and(|c| c.eq_ignore_ascii_case(&byte));
            let Some((head, text)) = variable.split_at_checked(name.len().saturating_add(1)) else { continue };
            if value.is_none()
                && head.iter().zip(name.bytes().chain([b'='])).all(same)
                && !text.is_empty()
                && text.len() <= MAX_KEPT
            {
                *value = Some(String::from_utf16_lossy(text));
            }
        }
    }
    found
}

/// Ranges of addresses, as (first, first behind).
#[derive(Debug, Default)]
pub(crate) struct Ranges {
    /// Stacks of threads, of both kinds in a 32-bit process on 64-bit Windows.
    pub stacks: Vec<(Addr, Addr)>,
    /// TEBs, PEBs, KUSER_SHARED_DATA.
    pub blocks: Vec<(Addr, Addr)>,
    /// Segments of native heaps.
    pub native_heaps: Vec<(Addr, Addr)>,
}

/// KUSER_SHARED_DATA lies here in every process.
const SHARED_DATA: Addr = Addr(0x7ffe_0000);
const PAGE: u64 = 0x1000;
/// Windows reserves 1 MB, .NET 1.5 MB; who asks for more than this gets no thread.
const MAX_STACK: u64 = 1 << 30;

/// Where stacks, environment blocks and native heaps lie.
pub(crate) fn ranges(threads: &[Thread], memory: &dyn Memory) -> Ranges {
    let mut out = Ranges::default();
    out.blocks.push((SHARED_DATA, SHARED_DATA.plus(PAGE)));
    let mut by_teb: Vec<&Thread> = threads.iter().collect();
    crate::order::by_key(&mut by_teb, |thread| thread.teb);
    let mut pebs = AddrSet::default();
    let mut tebs = AddrSet::default();
    for (number, thread) in by_teb.into_iter().enumerate() {
        let mut listed = Some((thread.stack, thread.stack.plus(thread.stack_size)))
            .filter(|(from, to)| from < to && !from.is_null());
        if number < limits::MAX_STACKS {
            for (teb, shape) in tebs_of(thread.teb, memory) {
                if !tebs.insert(teb) {
                    continue;
                }
                out.blocks.push((teb, teb.plus(shape.teb_size)));
                if let Some(block) = block(teb, shape, memory)
                    && pebs.insert(block.peb)
                {
                    out.blocks.push((Addr(block.peb.0 & !0xfff), Addr(block.peb.0 & !0xfff).plus(PAGE)));
                    out.native_heaps.extend(Peb { addr: block.peb, shape, memory }.native_heaps());
                }
                let Some((mut from, mut to)) = stack_of(teb, shape, memory) else { continue };
                // The thread list has the part of it that is in use.
                if let Some((start, end)) = listed.filter(|&(start, end)| start < to && from < end) {
                    (from, to) = (from.min(start), to.max(end));
                    listed = None;
                }
                out.stacks.push((from, to));
            }
        }
        out.stacks.extend(listed);
    }
    out
}

/// The stack of a TEB: from DeallocationStack, where its reservation begins, else from StackLimit, up to StackBase.
fn stack_of(teb: Addr, shape: &Shape, memory: &dyn Memory) -> Option<(Addr, Addr)> {
    let word = |at: u64| memory.ptr(teb.plus(at), shape.pointer, "bounds of a stack").ok();
    let (base, limit) = (word(shape.stack_base)?, word(shape.stack_limit)?);
    let fits = |from: Addr| !from.is_null() && from < base && base.since(from) <= MAX_STACK;
    if !fits(limit) {
        return None;
    }
    let reserved = word(shape.deallocation_stack).filter(|&from| fits(from) && from <= limit);
    Some((reserved.unwrap_or(limit), base))
}

/// Windows' own limit is 2,048 (32 groups of 64).
const MAX_PROCESSORS: u32 = 4096;

/// Threads that are asked for the address of the PEB; all of a process agree.
const ASKED_THREADS: usize = 64;

/// Offsets for one pointer size.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    pointer: PointerSize,
    // TEB
    teb_size: u64,
    stack_base: u64,
    stack_limit: u64,
    deallocation_stack: u64,
    teb_self: u64,
    teb_pid: u64,
    teb_peb: u64,
    // PEB
    parameters: u64,
    processors: u64,
    os_major: u64,
    os_minor: u64,
    os_build: u64,
    heap_count: u64,
    heaps: u64,
    // RTL_USER_PROCESS_PARAMETERS
    image_path: u64,
    command_line: u64,
    environment: u64,
    environment_size: u64,
    // _HEAP_SEGMENT
    segment: SegmentShape,
}

/// Offsets in a `_HEAP_SEGMENT`; a `_HEAP` begins with one.
#[derive(Debug, PartialEq, Eq)]
struct SegmentShape {
    signature: u64,
    link: u64,
    heap: u64,
    base: u64,
    pages: u64,
}

static X64: Shape = Shape {
    pointer: PointerSize::Eight,
    teb_size: 0x2000,
    stack_base: 8,
    stack_limit: 0x10,
    deallocation_stack: 0x1478,
    teb_self: 0x30,
    teb_pid: 0x40,
    teb_peb: 0x60,
    parameters: 0x20,
    processors: 0xb8,
    os_major: 0x118,
    os_minor: 0x11c,
    os_build: 0x120,
    heap_count: 0xe8,
    heaps: 0xf0,
    image_path: 0x60,
    command_line: 0x70,
    environment: 0x80,
    environment_size: 0x3f0,
    segment: SegmentShape { signature: 0x10, link: 0x18, heap: 0x28, base: 0x30, pages: 0x38 },
};

static X86: Shape = Shape {
    pointer: PointerSize::Four,
    teb_size: 0x1000,
    stack_base: 4,
    stack_limit: 8,
    deallocation_stack: 0xe0c,
    teb_self: 0x18,
    teb_pid: 0x20,
    teb_peb: 0x30,
    parameters: 0x10,
    processors: 0x64,
    os_major: 0xa4,
    os_minor: 0xa8,
    os_build: 0xac,
    heap_count: 0x88,
    heaps: 0x90,
    image_path: 0x38,
    command_line: 0x40,
    environment: 0x48,
    environment_size: 0x290,
    segment: SegmentShape { signature: 8, link: 0x10, heap: 0x18, base: 0x1c, pages: 0x20 },
};

/// `RTL_USER_PROCESS_PARAMETERS.Flags`, at 8 in both shapes: bit 0 is RTL_USER_PROC_PARAMS_NORMALIZED.
const PARAMETERS_FLAGS: u64 = 8;

/// A PEB that threads point to.
#[derive(Debug, Clone, Copy)]
struct Block {
    peb: Addr,
    shape: &'static Shape,
    pid: Option<u32>,
}

/// The PEBs of the process, best first: the one most threads agree on; of a 32-bit process in a 64-bit dump the 32-bit one, then the
/// 64-bit one.
fn environment_blocks(threads: &[Thread], memory: &dyn Memory) -> Vec<Block> {
    let mut votes: Vec<(Block, usize)> = Vec::new();
    for thread in threads.iter().take(ASKED_THREADS) {
        for block in blocks_of(thread.teb, memory) {
            match votes.iter_mut().find(|(known, _)| known.peb == block.peb && known.shape == block.shape) {
                Some((_, votes)) => *votes = votes.saturating_add(1),
                None => votes.push((block, 1)),
            }
        }
    }
    // Stable: the 32-bit block of a thread stays before its 64-bit one.
    crate::order::by_key(&mut votes, |&(_, votes)| std::cmp::Reverse(votes));
    let mut blocks: Vec<Block> = votes.into_iter().map(|(block, _)| block).collect();
    let best = blocks.first().map(|block| block.shape.pointer);
    if best == Some(PointerSize::Eight) {
        blocks.truncate(1);
    }
    blocks.truncate(2);
    blocks
}

/// The PEBs that one TEB leads to.
fn blocks_of(teb: Addr, memory: &dyn Memory) -> Vec<Block> {
    tebs_of(teb, memory).into_iter().filter_map(|(teb, shape)| block(teb, shape, memory)).collect()
}

/// The TEBs of a thread, the one of its own code first. A TEB proves itself: it holds its own address.
fn tebs_of(teb: Addr, memory: &dyn Memory) -> Vec<(Addr, &'static Shape)> {
    let mut tebs = Vec::new();
    if is_teb(teb, &X64, memory) {
        // WOW64: the 32-bit TEB is where the first slot says (Vista to 8.1), at WowTebOffset (Windows 10), or two pages on.
        let slot = memory.u32(teb, "32-bit TEB").ok().map(|low| Addr(u64::from(low)));
        let offset = memory.u32(teb.plus(0x180c), "WowTebOffset").ok().filter(|&o| o != 0);
        let offset = offset.map(|o| teb.plus(i64::from(o.cast_signed()).cast_unsigned()));
        let candidates = [slot, offset, Some(teb.plus(0x2000))];
        let teb32 = candidates.into_iter().flatten().find(|&c| c != teb && is_teb(c, &X86, memory));
        tebs.extend(teb32.map(|teb| (teb, &X86)));
        tebs.push((teb, &X64));
    } else if is_teb(teb, &X86, memory) {
        tebs.push((teb, &X86));
    }
    tebs
}

fn is_teb(teb: Addr, shape: &Shape, memory: &dyn Memory) -> bool {
    !teb.is_null() && memory.ptr(teb.plus(shape.teb_self), shape.pointer, "TEB").is_ok_and(|own| own == teb)
}

fn block(teb: Addr, shape: &'static Shape, memory: &dyn Memory) -> Option<Block> {
    let peb = memory.ptr(teb.plus(shape.teb_peb), shape.pointer, "PEB pointer").ok().filter(|peb| !peb.is_null())?;
    let pid = memory.u32(teb.plus(shape.teb_pid), "process id").ok().filter(|&pid| pid != 0);
    Some(Block { peb, shape, pid })
}

struct Peb<'a> {
    addr: Addr,
    shape: &'static Shape,
    memory: &'a dyn Memory,
}

impl Peb<'_> {
    fn processors(&self) -> Option<u32> {
        self.memory.u32(self.addr.plus(self.shape.processors), "number of processors").ok()
    }

    fn os(&self) -> Option<String> {
        let major = self.memory.u32(self.addr.plus(self.shape.os_major), "OS version").ok()?;
        let minor = self.memory.u32(self.addr.plus(self.shape.os_minor), "OS version").ok()?;
        let build = self.memory.u16(self.addr.plus(self.shape.os_build), "OS build").ok()?;
        (major != 0).then(|| format!("Windows {major}.{minor}.{build}"))
    }

    /// A UNICODE_STRING of the process parameters; `None` if it is empty.
    fn parameter(&self, at: u64) -> Option<String> {
        let (memory, pointer) = (self.memory, self.shape.pointer);
        let parameters = memory.ptr(self.addr.plus(self.shape.parameters), pointer, "process parameters").ok()?;
        let normalized = memory.u32(parameters.plus(PARAMETERS_FLAGS), "process parameters").ok()? & 1 == 1;
        let string = parameters.plus(at);
        let len = memory.u16(string, "length of a process parameter").ok()?;
        let mut buffer = memory.ptr(string.plus(pointer.bytes()), pointer, "process parameter").ok()?;
        if !normalized {
            // Pointers are still offsets from the parameter block.
            buffer = parameters.plus(buffer.0);
        }
        let text = memory.utf16(buffer, usize::from(len / 2), "process parameter").ok()?;
        (!text.is_empty()).then_some(text)
    }

    /// The values of [`KEPT`]; the block itself is forgotten here.
    fn environment(&self) -> Option<[Option<String>; 3]> {
        let (memory, pointer) = (self.memory, self.shape.pointer);
        let parameters = memory.ptr(self.addr.plus(self.shape.parameters), pointer, "process parameters").ok()?;
        let normalized = memory.u32(parameters.plus(PARAMETERS_FLAGS), "process parameters").ok()? & 1 == 1;
        let mut block = memory.ptr(parameters.plus(self.shape.environment), pointer, "environment").ok()?;
        if block.is_null() {
            return None;
        }
        if !normalized {
            block = parameters.plus(block.0);
        }
        // EnvironmentSize came with Vista; 0 where it is not known.
        let size = memory.ptr(parameters.plus(self.shape.environment_size), pointer, "environment").ok();
        let size = size.map_or(0, |size| size.0);
        let size = if size == 0 { limits::MAX_ENVIRONMENT } else { size.min(limits::MAX_ENVIRONMENT) };
        let size = usize::try_from(size.min(memory.run(block))).ok()?;
        Some(kept(&memory.bytes(block, size, "environment").ok()?))
    }

    /// Segments of the heaps in `ProcessHeaps`: `_HEAP`s, which begin with their first segment; the list through it leads to the others. Each one
    /// proves itself: signature, address, heap. A segment heap (Windows 10, signature ddeeddee) has none: its memory stays with the rest.
    /// [offsets by public symbols; tried on synthetic processes only: Wine's heaps are not built like this]
    fn native_heaps(&self) -> Vec<(Addr, Addr)> {
        const WHAT: &str = "native heap";
        let (memory, shape, pointer) = (self.memory, self.shape, self.shape.pointer);
        let word = |at: Addr| memory.ptr(at, pointer, WHAT).ok();
        let mut found = Vec::new();
        let count = memory.u32(self.addr.plus(shape.heap_count), WHAT).unwrap_or(0);
        let Some(list) = word(self.addr.plus(shape.heaps)).filter(|list| !list.is_null()) else { return found };
        for i in 0..u64::from(count).min(limits::MAX_NATIVE_HEAPS) {
            let Some(heap) = word(list.plus(i.wrapping_mul(pointer.bytes()))) else { break };
            let first = heap.plus(shape.segment.link);
            let mut link = first;
            let mut seen = AddrSet::default();
            while seen.insert(link) && found.len() < limits::MAX_NATIVE_SEGMENTS {
                let segment = link.minus(shape.segment.link);
                let field = |at: u64| word(segment.plus(at));
                let proven = memory.u32(segment.plus(shape.segment.signature), WHAT).is_ok_and(|s| s == 0xffee_ffee)
                    && field(shape.segment.heap) == Some(heap)
                    && field(shape.segment.base) == Some(segment);
                if proven && let Ok(pages) = memory.u32(segment.plus(shape.segment.pages), WHAT) {
                    found.push((segment, segment.plus(u64::from(pages).saturating_mul(PAGE))));
                } else if link == first {
                    break;
                }
                // One of the links is the head of the list, in the `_HEAP`: no segment, and passed over.
                let Some(next) = word(link).filter(|next| !next.is_null()) else { break };
                link = next;
            }
        }
        found
    }
}
