//! The process: when, where, which program. From SystemInfo and from the process environment block, as far as the dump has it.
//!
//! Offsets of TEB, PEB and RTL_USER_PROCESS_PARAMETERS are those of `ntdll`'s public symbols, unchanged since Windows Vista. Nothing here
//! is ever fatal: what cannot be read stays `None`.

use crate::dump::{Module, Thread};
use crate::memory::{Addr, Memory, PointerSize};
use crate::report::DumpFacts;
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

/// Adds what the process environment block says: image path, command line, number of processors, and the pid where MiscInfo has none.
pub(crate) fn complete(facts: &mut DumpFacts, modules: &[Module], threads: &[Thread], memory: &impl Memory) {
    let blocks = environment_blocks(threads, memory);
    if facts.pid.is_none() {
        facts.pid = blocks.first().and_then(|block| block.pid);
    }
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

/// Windows' own limit is 2,048 (32 groups of 64).
const MAX_PROCESSORS: u32 = 4096;

/// Threads that are asked for the address of the PEB; all of a process agree.
const ASKED_THREADS: usize = 64;

/// Offsets for one pointer size.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    pointer: PointerSize,
    // TEB
    teb_self: u64,
    teb_pid: u64,
    teb_peb: u64,
    // PEB
    parameters: u64,
    processors: u64,
    os_major: u64,
    os_minor: u64,
    os_build: u64,
    // RTL_USER_PROCESS_PARAMETERS
    image_path: u64,
    command_line: u64,
}

static X64: Shape = Shape {
    pointer: PointerSize::Eight,
    teb_self: 0x30,
    teb_pid: 0x40,
    teb_peb: 0x60,
    parameters: 0x20,
    processors: 0xb8,
    os_major: 0x118,
    os_minor: 0x11c,
    os_build: 0x120,
    image_path: 0x60,
    command_line: 0x70,
};

static X86: Shape = Shape {
    pointer: PointerSize::Four,
    teb_self: 0x18,
    teb_pid: 0x20,
    teb_peb: 0x30,
    parameters: 0x10,
    processors: 0x64,
    os_major: 0xa4,
    os_minor: 0xa8,
    os_build: 0xac,
    image_path: 0x38,
    command_line: 0x40,
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
fn environment_blocks(threads: &[Thread], memory: &impl Memory) -> Vec<Block> {
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
    votes.sort_by_key(|&(_, votes)| std::cmp::Reverse(votes));
    let mut blocks: Vec<Block> = votes.into_iter().map(|(block, _)| block).collect();
    let best = blocks.first().map(|block| block.shape.pointer);
    if best == Some(PointerSize::Eight) {
        blocks.truncate(1);
    }
    blocks.truncate(2);
    blocks
}

/// The PEBs that one TEB leads to. A TEB proves itself: it holds its own address.
fn blocks_of(teb: Addr, memory: &impl Memory) -> Vec<Block> {
    let mut blocks = Vec::new();
    if is_teb(teb, &X64, memory) {
        // WOW64: the 32-bit TEB is where the first slot says (Vista to 8.1), at WowTebOffset (Windows 10), or two pages on.
        let slot = memory.u32(teb, "32-bit TEB").ok().map(|low| Addr(u64::from(low)));
        let offset = memory.u32(teb.plus(0x180c), "WowTebOffset").ok().filter(|&o| o != 0);
        let offset = offset.map(|o| teb.plus(i64::from(o.cast_signed()).cast_unsigned()));
        let candidates = [slot, offset, Some(teb.plus(0x2000))];
        let teb32 = candidates.into_iter().flatten().find(|&c| c != teb && is_teb(c, &X86, memory));
        blocks.extend(teb32.and_then(|teb| block(teb, &X86, memory)));
        blocks.extend(block(teb, &X64, memory));
    } else if is_teb(teb, &X86, memory) {
        blocks.extend(block(teb, &X86, memory));
    }
    blocks
}

fn is_teb(teb: Addr, shape: &Shape, memory: &impl Memory) -> bool {
    !teb.is_null() && memory.ptr(teb.plus(shape.teb_self), shape.pointer, "TEB").is_ok_and(|own| own == teb)
}

fn block(teb: Addr, shape: &'static Shape, memory: &impl Memory) -> Option<Block> {
    let peb = memory.ptr(teb.plus(shape.teb_peb), shape.pointer, "PEB pointer").ok().filter(|peb| !peb.is_null())?;
    let pid = memory.u32(teb.plus(shape.teb_pid), "process id").ok().filter(|&pid| pid != 0);
    Some(Block { peb, shape, pid })
}

struct Peb<'a, M> {
    addr: Addr,
    shape: &'static Shape,
    memory: &'a M,
}

impl<M: Memory> Peb<'_, M> {
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
}
