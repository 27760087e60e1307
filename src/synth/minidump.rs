//! A minidump, written byte by byte from the structures of `minidumpapiset.h`.
//!
//! ```
//! let bytes = dropheap::synth::minidump::Builder::new().memory(0x10000, b"hello").misc_info(42, 1_700_000_000).finish();
//! assert_eq!(&bytes[..4], b"MDMP");
//! ```

use crate::error::Result;
use crate::source::{ByteSource, truncated};

/// Stream types, `MINIDUMP_STREAM_TYPE`.
pub mod stream {
    #![allow(missing_docs, reason = "named as Windows names them")]
    pub const THREAD_LIST: u32 = 3;
    pub const MODULE_LIST: u32 = 4;
    pub const MEMORY_LIST: u32 = 5;
    pub const EXCEPTION: u32 = 6;
    pub const SYSTEM_INFO: u32 = 7;
    pub const MEMORY64_LIST: u32 = 9;
    pub const COMMENT_A: u32 = 10;
    pub const COMMENT_W: u32 = 11;
    pub const HANDLE_DATA: u32 = 12;
    pub const UNLOADED_MODULE_LIST: u32 = 14;
    pub const MISC_INFO: u32 = 15;
    pub const MEMORY_INFO_LIST: u32 = 16;
    pub const THREAD_INFO_LIST: u32 = 17;
    pub const PROCESS_VM_COUNTERS: u32 = 22;
    pub const THREAD_NAMES: u32 = 24;
}

/// Builds a minidump. Begins as an x64 Windows 10 dump without threads, modules and memory.
#[derive(Debug, Clone)]
pub struct Builder {
    time_date_stamp: u32,
    flags: u64,
    x86: bool,
    memory: Vec<(u64, Vec<u8>)>,
    modules: Vec<Module>,
    threads: Vec<Thread>,
    thread_names: Vec<(u32, String)>,
    thread_times: Vec<(u32, u64)>,
    system_info: Option<(u16, u8, [u32; 3])>,
    service_pack: String,
    misc_info: Option<(u32, u32)>,
    raw: Vec<(u32, Vec<u8>)>,
    unused: usize,
    without: Vec<u32>,
    directory_last: bool,
    memory_list: bool,
    padded_lists: bool,
    padding: usize,
    base_rva: Option<u64>,
}

/// One region of [`Builder::memory_info`], in the numbers of `winnt.h`.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// BaseAddress.
    pub base: u64,
    /// AllocationBase.
    pub allocation: u64,
    /// RegionSize.
    pub size: u64,
    /// MEM_COMMIT, MEM_RESERVE or MEM_FREE.
    pub state: u32,
    /// PAGE_*.
    pub protection: u32,
    /// MEM_PRIVATE, MEM_MAPPED or MEM_IMAGE.
    pub kind: u32,
}

#[derive(Debug, Clone)]
struct Module {
    name: String,
    base: u64,
    size: u32,
    version: [u16; 4],
    timestamp: u32,
    codeview: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Thread {
    id: u32,
    teb: u64,
    stack: u64,
    stack_size: u32,
    context: Vec<u8>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// x64, Windows 10.0.19045, 4 processors, taken at 1,700,000,000.
    pub fn new() -> Builder {
        Builder {
            time_date_stamp: 1_700_000_000,
            flags: 0x0002_0002,
            x86: false,
            memory: Vec::new(),
            modules: Vec::new(),
            threads: Vec::new(),
            thread_names: Vec::new(),
            thread_times: Vec::new(),
            system_info: Some((9, 4, [10, 0, 19045])),
            service_pack: String::new(),
            misc_info: None,
            raw: Vec::new(),
            unused: 0,
            without: Vec::new(),
            directory_last: false,
            memory_list: false,
            padded_lists: false,
            padding: 0,
            base_rva: None,
        }
    }

    /// The same for a 32-bit process and a 32-bit writer.
    pub fn x86() -> Builder {
        let mut builder = Builder::new();
        builder.x86 = true;
        builder.system_info = Some((0, 4, [10, 0, 19045]));
        builder
    }

    /// A range of memory; ranges are listed in the order of the calls.
    pub fn memory(&mut self, addr: u64, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.memory.push((addr, bytes.into()));
        self
    }

    /// A module with a CodeView record (PDB70) of its own.
    pub fn module(&mut self, name: &str, base: u64, size: u32, version: [u16; 4], timestamp: u32) -> &mut Self {
        let mut codeview = b"RSDS".to_vec();
        codeview.extend((0..16).map(|i| i ^ timestamp as u8 ^ base as u8));
        codeview.extend(1u32.to_le_bytes());
        codeview.extend(name.bytes());
        codeview.extend(b".pdb\0");
        self.modules.push(Module { name: name.into(), base, size, version, timestamp, codeview });
        self
    }

    /// Replaces the CodeView record of the last module.
    pub fn codeview(&mut self, record: &[u8]) -> &mut Self {
        self.modules.last_mut().expect("a module first").codeview = record.to_vec();
        self
    }

    /// A thread, with a context of the architecture's size.
    pub fn thread(&mut self, id: u32, teb: u64, stack: u64, stack_size: u32) -> &mut Self {
        let context = vec![id as u8; if self.x86 { 716 } else { 1232 }];
        self.threads.push(Thread { id, teb, stack, stack_size, context });
        self
    }

    /// A name in the ThreadNames stream.
    pub fn thread_name(&mut self, id: u32, name: &str) -> &mut Self {
        self.thread_names.push((id, name.into()));
        self
    }

    /// An entry in the ThreadInfoList stream; `created` is a FILETIME.
    pub fn thread_info(&mut self, id: u32, created: u64) -> &mut Self {
        self.thread_times.push((id, created));
        self
    }

    /// SystemInfo: PROCESSOR_ARCHITECTURE_*, number of processors, version.
    pub fn system_info(&mut self, architecture: u16, processors: u8, version: [u32; 3]) -> &mut Self {
        self.system_info = Some((architecture, processors, version));
        self
    }

    /// SystemInfo's CSDVersion.
    pub fn service_pack(&mut self, text: &str) -> &mut Self {
        self.service_pack = text.into();
        self
    }

    /// MiscInfo: process id and start, seconds since 1970.
    pub fn misc_info(&mut self, pid: u32, started_at: u32) -> &mut Self {
        self.misc_info = Some((pid, started_at));
        self
    }

    /// MINIDUMP_HEADER.TimeDateStamp
    pub fn time_date_stamp(&mut self, seconds: u32) -> &mut Self {
        self.time_date_stamp = seconds;
        self
    }

    /// MINIDUMP_HEADER.Flags
    pub fn flags(&mut self, flags: u64) -> &mut Self {
        self.flags = flags;
        self
    }

    /// A stream of these bytes, whatever the builder would write for that type.
    pub fn stream(&mut self, kind: u32, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.raw.push((kind, bytes.into()));
        self
    }

    /// Leaves a stream out that would be written otherwise.
    pub fn without(&mut self, kind: u32) -> &mut Self {
        self.without.push(kind);
        self
    }

    /// Directory entries of type 0: half of them first, half last.
    pub fn unused_entries(&mut self, n: usize) -> &mut Self {
        self.unused = n;
        self
    }

    /// Puts the memory ranges into another order, a different one for each seed.
    pub fn shuffle(&mut self, seed: u64) -> &mut Self {
        let mut state = seed | 1;
        for i in (1..self.memory.len()).rev() {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let j = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % (i + 1);
            self.memory.swap(i, j);
        }
        self
    }

    /// Stream directory behind the streams instead of before them.
    pub fn directory_last(&mut self) -> &mut Self {
        self.directory_last = true;
        self
    }

    /// Memory in a MemoryList (32-bit RVAs) instead of a Memory64List.
    pub fn memory_list(&mut self) -> &mut Self {
        self.memory_list = true;
        self
    }

    /// Four bytes of padding behind the count of each list, as Breakpad writes them.
    pub fn padded_lists(&mut self) -> &mut Self {
        self.padded_lists = true;
        self
    }

    /// So many bytes of rubbish before every structure: an odd number makes all RVAs unaligned.
    pub fn padding(&mut self, bytes: usize) -> &mut Self {
        self.padding = bytes;
        self
    }

    /// File offset of the first byte of memory. Beyond some megabytes use [`finish_sparse`](Builder::finish_sparse).
    pub fn base_rva(&mut self, offset: u64) -> &mut Self {
        self.base_rva = Some(offset);
        self
    }

    /// TEB, PEB and process parameters as memory of their own: for a thread with this `teb`. Takes the addresses `teb`, `peb` and
    /// `peb + 0x1000`, up to 0x2000 bytes from each.
    pub fn environment(&mut self, teb: u64, peb: u64, pid: u32, image_path: &str, command_line: &str) -> &mut Self {
        let wide = !self.x86;
        let parameters = peb + 0x1000;
        let mut page = [vec![0u8; 0x1000], vec![0u8; 0x1000], vec![0u8; 0x2000]];
        let put = |page: &mut [u8], at: usize, value: u64, len: usize| {
            page[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
        };
        let p = if wide { 8 } else { 4 };
        let at = |x64: usize, x86: usize| if wide { x64 } else { x86 };
        put(&mut page[0], at(0x30, 0x18), teb, p);
        put(&mut page[0], at(0x40, 0x20), u64::from(pid), p);
        put(&mut page[0], at(0x60, 0x30), peb, p);
        put(&mut page[1], at(0x20, 0x10), parameters, p);
        put(&mut page[1], at(0xb8, 0x64), 4, 4);
        put(&mut page[2], 8, 1, 4);
        let mut text_at = 0x400;
        for (field, text) in [(at(0x60, 0x38), image_path), (at(0x70, 0x40), command_line)] {
            let text: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            put(&mut page[2], field, text.len() as u64, 2);
            put(&mut page[2], field + 2, text.len() as u64, 2);
            put(&mut page[2], field + p, parameters + text_at as u64, p);
            page[2][text_at..text_at + text.len()].copy_from_slice(&text);
            text_at += text.len();
        }
        let [teb_page, peb_page, parameters_pages] = page;
        self.memory(teb, teb_page).memory(peb, peb_page).memory(parameters, parameters_pages)
    }

    /// The environment block of the process whose [`environment`](Builder::environment) was made with this `peb`: at `peb + 0x8000`.
    pub fn variables(&mut self, peb: u64, variables: &[(&str, &str)]) -> &mut Self {
        let text: String =
            variables.iter().map(|(name, value)| format!("{name}={value}\0")).chain(["\0".into()]).collect();
        let block: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (p, pointer, size) = if self.x86 { (4, 0x48, 0x290) } else { (8, 0x80, 0x3f0) };
        self.patch(peb + 0x1000 + pointer, peb + 0x8000, p).patch(peb + 0x1000 + size, block.len() as u64, p);
        self.memory(peb + 0x8000, block)
    }

    /// StackBase, StackLimit and DeallocationStack of a TEB that is in memory already.
    pub fn stack_bounds(&mut self, teb: u64, wide: bool, [base, limit, reserved]: [u64; 3]) -> &mut Self {
        let (p, at) = if wide { (8, [8, 0x10, 0x1478]) } else { (4, [4, 8, 0xe0c]) };
        self.patch(teb + at[0], base, p).patch(teb + at[1], limit, p).patch(teb + at[2], reserved, p)
    }

    /// Writes `len` bytes of a number over memory that is there already, the last given if it was given twice.
    pub fn patch(&mut self, addr: u64, value: u64, len: usize) -> &mut Self {
        let holds =
            |(start, bytes): &&mut (u64, Vec<u8>)| *start <= addr && addr + len as u64 <= start + bytes.len() as u64;
        let (start, bytes) = self.memory.iter_mut().rev().find(holds).expect("memory to patch");
        let at = (addr - *start) as usize;
        bytes[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
        self
    }

    /// A MemoryInfoList.
    pub fn memory_info(&mut self, regions: &[Info]) -> &mut Self {
        let mut out = Vec::new();
        out.extend(16u32.to_le_bytes());
        out.extend(48u32.to_le_bytes());
        out.extend((regions.len() as u64).to_le_bytes());
        for r in regions {
            out.extend(r.base.to_le_bytes());
            out.extend(r.allocation.to_le_bytes());
            out.extend([0; 8]);
            out.extend(r.size.to_le_bytes());
            for word in [r.state, r.protection, r.kind, 0] {
                out.extend(word.to_le_bytes());
            }
        }
        self.stream(stream::MEMORY_INFO_LIST, out)
    }

    /// The whole file. Memory far behind the head (see [`base_rva`](Builder::base_rva)) would fill it with zeros: refused beyond 64 MiB.
    pub fn finish(&self) -> Vec<u8> {
        let (mut head, base, data) = self.parts();
        assert!(base < head.len() as u64 + (64 << 20), "use finish_sparse");
        head.resize(base as usize, 0);
        head.extend(data);
        head
    }

    /// The file as a source that holds only the head and the memory, whatever lies between.
    pub fn finish_sparse(&self) -> SparseSource {
        let (head, base, data) = self.parts();
        SparseSource { len: base + data.len() as u64, pieces: vec![(0, head), (base, data)] }
    }

    /// Everything before the memory, the file offset of the memory, the memory.
    fn parts(&self) -> (Vec<u8>, u64, Vec<u8>) {
        let mut kinds: Vec<u32> =
            vec![stream::SYSTEM_INFO, stream::MISC_INFO, stream::THREAD_LIST, stream::MODULE_LIST];
        kinds.extend([stream::THREAD_INFO_LIST, stream::THREAD_NAMES]);
        kinds.push(if self.memory_list { stream::MEMORY_LIST } else { stream::MEMORY64_LIST });
        kinds.retain(|kind| !self.without.contains(kind));
        kinds.retain(|kind| match *kind {
            stream::SYSTEM_INFO => self.system_info.is_some(),
            stream::MISC_INFO => self.misc_info.is_some(),
            stream::THREAD_INFO_LIST => !self.thread_times.is_empty(),
            stream::THREAD_NAMES => !self.thread_names.is_empty(),
            _ => true,
        });
        kinds.retain(|kind| !self.raw.iter().any(|(raw, _)| raw == kind));
        kinds.extend(self.raw.iter().map(|(kind, _)| *kind));

        let entries = kinds.len() + self.unused;
        let mut file = File { bytes: vec![0; 32], padding: self.padding };
        let mut directory_at = 0;
        if !self.directory_last {
            directory_at = file.place(&vec![0; entries * 12]);
        }
        let mut directory = Vec::new();
        let mut memory_list_at = 0;
        directory.extend(vec![0; self.unused / 2 * 12]);
        for kind in kinds {
            let bytes = self.stream_bytes(kind, &mut file);
            let rva = file.place(&bytes);
            if matches!(kind, stream::MEMORY_LIST | stream::MEMORY64_LIST)
                && !self.raw.iter().any(|(raw, _)| *raw == kind)
            {
                memory_list_at = rva;
            }
            for word in [kind, bytes.len() as u32, rva] {
                directory.extend(word.to_le_bytes());
            }
        }
        directory.resize(entries * 12, 0);
        if self.directory_last {
            directory_at = file.place(&directory);
        } else {
            file.bytes[directory_at as usize..][..directory.len()].copy_from_slice(&directory);
        }
        let mut head = file.bytes;
        let base = self.base_rva.unwrap_or(head.len() as u64);
        assert!(base >= head.len() as u64, "memory would lie in the head");

        // The memory list knows its offsets last.
        let mut data = Vec::new();
        if memory_list_at != 0 && self.memory_list {
            let mut at = memory_list_at as usize + if self.padded_lists { 8 } else { 4 };
            for (_, bytes) in &self.memory {
                head[at + 12..at + 16].copy_from_slice(&((base + data.len() as u64) as u32).to_le_bytes());
                at += 16;
                data.extend(bytes);
            }
        } else if memory_list_at != 0 {
            head[memory_list_at as usize + 8..][..8].copy_from_slice(&base.to_le_bytes());
            for (_, bytes) in &self.memory {
                data.extend(bytes);
            }
        }

        head[..4].copy_from_slice(b"MDMP");
        for (at, word) in
            [(4, 0x61b1_a793), (8, entries as u32), (12, directory_at), (16, 0), (20, self.time_date_stamp)]
        {
            head[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
        }
        head[24..32].copy_from_slice(&self.flags.to_le_bytes());
        (head, base, data)
    }

    fn stream_bytes(&self, kind: u32, file: &mut File) -> Vec<u8> {
        if let Some((_, bytes)) = self.raw.iter().find(|(raw, _)| *raw == kind) {
            return bytes.clone();
        }
        let mut out = Vec::new();
        match kind {
            stream::SYSTEM_INFO => {
                let (architecture, processors, version) = self.system_info.expect("checked before");
                out.extend(architecture.to_le_bytes());
                out.extend([6, 0, 1, 2]);
                out.extend([processors, 1]);
                version.iter().for_each(|part| out.extend(part.to_le_bytes()));
                out.extend(2u32.to_le_bytes());
                out.extend(file.place_text(&self.service_pack).to_le_bytes());
                out.resize(56, 0);
            }
            stream::MISC_INFO => {
                let (pid, start) = self.misc_info.expect("checked before");
                for word in [24, 3, pid, start, 7, 8] {
                    out.extend(u32::to_le_bytes(word));
                }
            }
            stream::THREAD_LIST => {
                self.count(&mut out, self.threads.len());
                for thread in &self.threads {
                    for word in [thread.id, 0, 0x20, 0] {
                        out.extend(u32::to_le_bytes(word));
                    }
                    out.extend(thread.teb.to_le_bytes());
                    out.extend(thread.stack.to_le_bytes());
                    out.extend(thread.stack_size.to_le_bytes());
                    out.extend(0u32.to_le_bytes());
                    out.extend((thread.context.len() as u32).to_le_bytes());
                    out.extend(file.place(&thread.context).to_le_bytes());
                }
            }
            stream::MODULE_LIST => {
                self.count(&mut out, self.modules.len());
                for module in &self.modules {
                    out.extend(module.base.to_le_bytes());
                    for word in
                        [module.size, module.timestamp ^ 0xffff, module.timestamp, file.place_text(&module.name)]
                    {
                        out.extend(word.to_le_bytes());
                    }
                    let [a, b, c, d] = module.version.map(u32::from);
                    for word in [0xfeef_04bd, 0x1_0000, a << 16 | b, c << 16 | d, a << 16 | b, c << 16 | d] {
                        out.extend(u32::to_le_bytes(word));
                    }
                    out.extend([0; 28]);
                    out.extend((module.codeview.len() as u32).to_le_bytes());
                    out.extend(file.place(&module.codeview).to_le_bytes());
                    out.extend([0; 24]);
                }
            }
            stream::THREAD_INFO_LIST => {
                for word in [12, 64, self.thread_times.len() as u32] {
                    out.extend(u32::to_le_bytes(word));
                }
                for &(id, created) in &self.thread_times {
                    out.extend(id.to_le_bytes());
                    out.extend([0; 12]);
                    out.extend(created.to_le_bytes());
                    out.extend([0; 40]);
                }
            }
            stream::THREAD_NAMES => {
                self.count(&mut out, self.thread_names.len());
                for (id, name) in &self.thread_names {
                    out.extend(id.to_le_bytes());
                    out.extend(u64::from(file.place_text(name)).to_le_bytes());
                }
            }
            stream::MEMORY_LIST => {
                self.count(&mut out, self.memory.len());
                for (addr, bytes) in &self.memory {
                    out.extend(addr.to_le_bytes());
                    out.extend((bytes.len() as u32).to_le_bytes());
                    out.extend(0u32.to_le_bytes());
                }
            }
            stream::MEMORY64_LIST => {
                out.extend((self.memory.len() as u64).to_le_bytes());
                out.extend(0u64.to_le_bytes());
                for (addr, bytes) in &self.memory {
                    out.extend(addr.to_le_bytes());
                    out.extend((bytes.len() as u64).to_le_bytes());
                }
            }
            kind => panic!("no stream {kind}"),
        }
        out
    }

    fn count(&self, out: &mut Vec<u8>, n: usize) {
        out.extend((n as u32).to_le_bytes());
        if self.padded_lists {
            out.extend([0xcc; 4]);
        }
    }
}

struct File {
    bytes: Vec<u8>,
    padding: usize,
}

impl File {
    fn place(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len() + self.padding, 0xcc);
        let at = self.bytes.len() as u32;
        self.bytes.extend(bytes);
        at
    }

    fn place_text(&mut self, text: &str) -> u32 {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut bytes = (units.len() as u32).to_le_bytes().to_vec();
        bytes.extend(units);
        bytes.extend([0, 0]);
        self.place(&bytes)
    }
}

/// Where a stream's directory entry, its data and its length are in a finished dump: for tests that damage it.
pub fn locate_stream(dump: &[u8], kind: u32) -> Option<(usize, usize, usize)> {
    let word = |at: usize| u32::from_le_bytes(dump[at..at + 4].try_into().expect("four bytes")) as usize;
    (0..word(8))
        .map(|i| word(12) + i * 12)
        .find(|&at| word(at) == kind as usize)
        .map(|at| (at, word(at + 8), word(at + 4)))
}

/// A source that is mostly a hole: offsets beyond 4 GiB without a disk full. Holes read as zeros.
#[derive(Debug, Clone, Default)]
pub struct SparseSource {
    /// Length in bytes.
    pub len: u64,
    /// Pieces of content at their offsets; a later one covers an earlier one.
    pub pieces: Vec<(u64, Vec<u8>)>,
}

impl ByteSource for SparseSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8], what: &str) -> Result<()> {
        let wanted = buf.len() as u64;
        if offset > self.len || wanted > self.len - offset {
            return Err(truncated(what, offset, wanted, self.len));
        }
        buf.fill(0);
        for (start, bytes) in &self.pieces {
            let from = offset.max(*start);
            let to = (offset + wanted).min(start + bytes.len() as u64);
            if from < to {
                let source = &bytes[(from - start) as usize..(to - start) as usize];
                buf[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
            }
        }
        Ok(())
    }
}
