//! A whole process with a CLR in it: runtime module, GC statics, segments with objects, method tables, modules and their metadata, as a
//! minidump, together with the answer that a reader must give ([`Expected`]).
//!
//! The shapes are those of the first public coreclr sources in desktop configuration (gcpriv.h, methodtable.h, ceeload.h, pefile.h,
//! peimage.h): what .NET Framework 4.x is believed to look like. Everything that has ever moved between builds is a field of
//! [`SynthLayout`] and can be moved. Nothing here is shared with the readers.

pub mod modern;

use self::modern::Modern;
use super::Random;
use super::metadata::MetadataBuilder;
use super::minidump;
use super::pe::{PeBuilder, READ, ResourceName, WRITE};
use std::collections::BTreeMap;

/// Offsets that differ between builds, in bytes. Offsets that never did (heap_segment, MethodTable, TypeDesc, SBuffer) are constants
/// of the writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SynthLayout {
    /// Bytes of a pointer.
    pub pointer: u64,
    /// Bytes of a `generation`.
    pub generation_size: u64,
    /// `generation.allocation_segment`.
    pub allocation_segment: u64,
    /// `generation.start_segment`.
    pub start_segment: u64,
    /// `generation.allocation_start`.
    pub allocation_start: u64,
    /// `generation.plan_allocation_start`.
    pub plan_allocation_start: u64,
    /// Bytes of a `gc_heap` (server).
    pub heap_size: u64,
    /// `gc_heap.alloc_allocated`.
    pub heap_alloc_allocated: u64,
    /// `gc_heap.ephemeral_heap_segment`.
    pub heap_ephemeral: u64,
    /// `gc_heap.generation_table`.
    pub heap_table: u64,
    /// Bytes of the runtime's `.data`.
    pub data_size: u64,
    /// Static `generation_table`, offset in `.data`.
    pub data_table: u64,
    /// Static `alloc_allocated`.
    pub data_alloc_allocated: u64,
    /// Static `ephemeral_heap_segment`.
    pub data_ephemeral: u64,
    /// Statics `n_heaps` (u32) and, a pointer behind it, `g_heaps`.
    pub data_heaps: u64,
    /// Statics of the well-known method tables.
    pub data_known: u64,
    /// Bytes of a `Module`.
    pub module_size: u64,
    /// `Module.m_pSimpleName`.
    pub module_simple_name: u64,
    /// `Module.m_file`.
    pub module_file: u64,
    /// `Module.m_pAssembly`.
    pub module_assembly: u64,
    /// `ReflectionModule.m_pDynamicMetadata`.
    pub module_dynamic: u64,
    /// `PEFile.m_identity`.
    pub file_identity: u64,
    /// `PEFile.m_openedILimage`.
    pub file_il: u64,
    /// `PEFile.m_nativeImage`.
    pub file_native: u64,
    /// Bytes of a `PEImage`.
    pub image_size: u64,
    /// `PEImage.m_pLayouts`, four pointers.
    pub image_layouts: u64,
    /// `PEImageLayout.m_base`.
    pub layout_base: u64,
    /// Bytes of an `EEClass`.
    pub class_size: u64,
}

impl SynthLayout {
    /// The 4.6-era desktop build ("D-a"), x64 (`pointer` 8) or x86 (4).
    pub fn framework(pointer: u64) -> SynthLayout {
        let at = |x64: u64, x86: u64| if pointer == 8 { x64 } else { x86 };
        SynthLayout {
            pointer,
            generation_size: at(0xE8, 0x80),
            allocation_segment: at(0x38, 0x28),
            start_segment: at(0x40, 0x2C),
            allocation_start: at(0x50, 0x34),
            plan_allocation_start: at(0xB8, 0x64),
            heap_size: at(0x2FA8, 0x1940),
            heap_alloc_allocated: at(0x1FE0, 0x1120),
            heap_ephemeral: at(0x100, 0x8C),
            heap_table: at(0x1FF0, 0x1128),
            data_size: 0x5000,
            data_table: 0x2340,
            data_alloc_allocated: 0x1A58,
            data_ephemeral: 0x1AC0,
            data_heaps: 0x2F10,
            data_known: 0x0420,
            module_size: at(0x6A0, 0x3E0),
            module_simple_name: at(8, 4),
            module_file: at(16, 8),
            module_assembly: at(48, 28),
            module_dynamic: at(1656, 964),
            file_identity: at(8, 4),
            file_il: at(16, 8),
            file_native: at(24, 12),
            image_size: at(0x100, 0xA0),
            image_layouts: at(80, 56),
            layout_base: at(8, 4),
            class_size: at(72, 40),
        }
    }

    /// .NET Core 1.0 and 1.1.
    pub fn core1(pointer: u64) -> SynthLayout {
        let at = |x64: u64, x86: u64| if pointer == 8 { x64 } else { x86 };
        SynthLayout {
            generation_size: at(0xF0, 0x88),
            heap_size: at(0x30F8, 0x1A28),
            heap_alloc_allocated: at(0x1FE8, 0x1114),
            heap_table: at(0x1FF8, 0x1120),
            module_dynamic: at(1640, 956),
            image_layouts: at(80, 52),
            ..SynthLayout::framework(pointer)
        }
    }

    /// Moves every field by a random multiple of the pointer size. Fields of one structure stay apart from each other; the order of
    /// `generation`'s fields is the old or the new one.
    #[must_use]
    pub fn shifted(&self, seed: u64) -> SynthLayout {
        let p = self.pointer;
        let mut r = Random::new(seed);
        let mut l = self.clone();
        let first = r.below(10) * p;
        if r.chance(2) {
            l.allocation_segment = first;
            l.start_segment = first + p;
            l.allocation_start = l.start_segment + p + r.below(3) * p;
        } else {
            l.start_segment = first;
            l.allocation_start = first + p + r.below(3) * p;
            l.allocation_segment = l.allocation_start + p + r.below(3) * p;
        }
        l.plan_allocation_start = l.allocation_start.max(l.allocation_segment) + p + r.below(8) * p;
        l.generation_size = (l.plan_allocation_start + p + r.below(24) * p).clamp(8 * p, 63 * p);

        let table = 4 * l.generation_size;
        l.heap_table = (8 + r.below(0x300)) * p;
        [l.heap_ephemeral, l.heap_alloc_allocated] = r.apart(0x400, p, &[(l.heap_table, table)]);
        l.heap_size = (l.heap_table + table).max(0x400 * p) + (16 + r.below(0x80)) * p;

        l.data_size = 0x4000 + r.below(4) * 0x1000;
        let words = l.data_size / p;
        l.data_table = r.below((l.data_size - table) / p) * p;
        let taken = [(l.data_table, table)];
        loop {
            [l.data_alloc_allocated, l.data_ephemeral, l.data_heaps, l.data_known] = r.apart(words - 16, p, &taken);
            let mut spots = [l.data_alloc_allocated, l.data_ephemeral, l.data_heaps, l.data_known];
            spots.sort_unstable();
            let free_behind = |at: u64| at + 8 * p <= l.data_table || at >= l.data_table + table;
            if spots.windows(2).all(|w| w[1] - w[0] >= 8 * p) && spots.iter().all(|&s| free_behind(s)) {
                break;
            }
        }

        [l.module_simple_name, l.module_file, l.module_assembly] = r.apart(46, p, &[(0, p)]);
        l.module_dynamic = (48 + r.below(320)) * p;
        l.module_size = l.module_dynamic.max(48 * p) + (1 + r.below(32)) * p;
        [l.file_identity, l.file_il, l.file_native] = r.apart(12, p, &[(0, p)]);
        l.image_layouts = (4 + r.below(33)) * p;
        l.image_size = l.image_layouts + 4 * p + r.below(8) * p;
        l.layout_base = (1 + r.below(3)) * p;
        l.class_size = (4 + r.below(12)) * p;
        l
    }
}

/// What kind of process.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Offsets.
    pub layout: SynthLayout,
    /// Server GC with so many heaps; 0 is workstation.
    pub server_heaps: usize,
    /// A 32-bit process in a dump of a 64-bit tool: SystemInfo says x64.
    pub wow64: bool,
    /// Decides the objects, gaps, garbage and decoys.
    pub seed: u64,
    /// .NET Framework 4.0 to 4.5.2: arrays of references share one method table and keep the element type in the object.
    pub shared_reference_arrays: bool,
    /// coreclr.dll instead of clr.dll, System.Private.CoreLib instead of mscorlib.
    pub core: bool,
    /// The runtime has its resources CLRDEBUGINFO and COREXTERNALDATAACCESSRESOURCE; without them only its name tells.
    pub resources: bool,
    /// File version of the runtime.
    pub version: [u16; 4],
    /// Objects of each generation and segment, about.
    pub objects: u64,
    /// Variables of `.data` point to such dead objects.
    pub stale_variables: bool,
    /// Objects that are no more alive lie behind the end of the newest ones, as after a GC.
    pub stale: bool,
    /// .NET 5 or later; `layout` and `core` go with it.
    pub modern: Option<Modern>,
    /// Moves everything in the address space: for a second runtime in one process.
    pub shift: u64,
}

impl Scenario {
    /// .NET Framework 4.7, workstation.
    pub fn framework(pointer: u64) -> Scenario {
        Scenario {
            layout: SynthLayout::framework(pointer),
            server_heaps: 0,
            wow64: false,
            seed: 1,
            shared_reference_arrays: false,
            core: false,
            resources: true,
            version: [4, 7, 3535, 0],
            objects: 40,
            stale: true,
            stale_variables: false,
            modern: None,
            shift: 0,
        }
    }

    fn container(&self) -> minidump::Builder {
        if self.layout.pointer == 4 && !self.wow64 {
            return minidump::Builder::x86();
        }
        let mut builder = minidump::Builder::new();
        if self.modern.as_ref().is_some_and(|m| m.machine == modern::ARM64) {
            builder.system_info(12, 8, [10, 0, 26100]);
        }
        builder
    }

    /// Writes the process.
    pub fn build(&self) -> Synth {
        let (dump, mut expected) = process(std::slice::from_ref(self));
        Synth { dump, expected: expected.remove(0) }
    }
}

/// One process with several runtimes in it, which must lie apart ([`Scenario::shift`]). The container is that of the first.
pub fn process(runtimes: &[Scenario]) -> (Vec<u8>, Vec<Expected>) {
    let mut dump = runtimes[0].container();
    dump.module("C:\\Windows\\System32\\inetsrv\\w3wp.exe", 0x40_0000, 0x8000, [10, 0, 1, 2], 7);
    let expected = runtimes.iter().map(|scenario| World::new(scenario, &mut dump).finish()).collect();
    dump.thread(100, 0, 0, 0);
    (dump.finish(), expected)
}

/// A dump and its answer.
#[derive(Debug, Clone)]
pub struct Synth {
    /// The minidump.
    pub dump: Vec<u8>,
    /// What a reader must find in it.
    pub expected: Expected,
}

/// The true content of the heap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// By address of the method table.
    pub rows: BTreeMap<u64, Row>,
    /// Objects and bytes of gen0, gen1, gen2, LOH, POH, frozen; Free included.
    pub generations: [(u64, u64); 6],
    /// GC heaps.
    pub heaps: usize,
    /// Segments with at least their header.
    pub segments: usize,
}

/// One method table's objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// As SOS prints it.
    pub name: String,
    /// Simple name of the assembly.
    pub module: String,
    /// Objects.
    pub count: u64,
    /// Bytes, as SOS sums them.
    pub size: u64,
}

impl Random {
    fn new(seed: u64) -> Random {
        let mut r = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x2545_F491_4F6C_DD1D);
        r.0 |= 1;
        for _ in 0..4 {
            r.next();
        }
        r
    }

    /// True once in `n` times.
    fn chance(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Offsets of words below `words`, all different and outside `taken` (offset, bytes).
    fn apart<const N: usize>(&mut self, words: u64, p: u64, taken: &[(u64, u64)]) -> [u64; N] {
        let mut out = [0; N];
        for i in 0..N {
            loop {
                let at = self.below(words) * p;
                if !out[..i].contains(&at) && !taken.iter().any(|&(from, len)| at + p > from && at < from + len) {
                    out[i] = at;
                    break;
                }
            }
        }
        out
    }
}

/// Memory of the process in the making.
#[derive(Debug)]
struct Block {
    base: u64,
    bytes: Vec<u8>,
    /// Where the next structure goes.
    used: u64,
}

/// Where structures are put: an index of a block.
type Arena = usize;

#[derive(Debug)]
struct Space {
    p: u64,
    blocks: Vec<Block>,
}

impl Space {
    fn add(&mut self, base: u64, bytes: Vec<u8>) -> Arena {
        self.blocks.push(Block { base, bytes, used: 0 });
        self.blocks.len() - 1
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        let block = self
            .blocks
            .iter_mut()
            .find(|b| b.base <= at && at + bytes.len() as u64 <= b.base + b.bytes.len() as u64)
            .unwrap_or_else(|| panic!("nothing at {at:#x}"));
        let from = (at - block.base) as usize;
        block.bytes[from..from + bytes.len()].copy_from_slice(bytes);
    }

    fn word(&mut self, at: u64, value: u64) {
        let p = self.p as usize;
        self.write(at, &value.to_le_bytes()[..p]);
    }

    fn u32(&mut self, at: u64, value: u32) {
        self.write(at, &value.to_le_bytes());
    }

    fn u16(&mut self, at: u64, value: u16) {
        self.write(at, &value.to_le_bytes());
    }

    /// Room for a structure; 16 bytes apart from its neighbour.
    fn alloc(&mut self, arena: Arena, len: u64) -> u64 {
        let block = &mut self.blocks[arena];
        let at = block.used.next_multiple_of(16);
        block.used = at + len;
        assert!(block.used <= block.bytes.len() as u64, "arena at {:#x} is full", block.base);
        block.base + at
    }

    fn text(&mut self, arena: Arena, text: &str) -> u64 {
        let at = self.alloc(arena, text.len() as u64 + 1);
        self.write(at, text.as_bytes());
        at
    }
}

/// One kind of object that can be on the heap.
#[derive(Debug, Clone)]
struct Kind {
    table: u64,
    name: String,
    module: String,
    base_size: u64,
    /// 0: no components.
    component: u64,
    references: References,
    /// May lie in the large object heap, in a frozen segment.
    large: bool,
    frozen: bool,
    /// Word written at 2P of each object: the element type of a shared reference array.
    element: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum References {
    None,
    /// All fields.
    Fields,
    /// All elements, from this offset on.
    Elements(u64),
}

/// A `Module` and where its types go.
#[derive(Debug, Clone)]
struct ModuleAt {
    at: u64,
    name: String,
    /// Method tables and classes.
    arena: Arena,
}

/// How a method table says which its canonical one is.
#[derive(Debug, Clone, Copy)]
enum Canonical {
    Own,
    /// Tag 2.
    Of(u64),
    /// Tag 3, through a cell.
    ThroughCell(u64),
}

/// How a method table with flag "module override" says its module.
#[derive(Debug, Clone, Copy)]
enum Override {
    Relative(u64),
    Absolute(u64),
    /// Relative to a cell; bit 0 set.
    RelativeCell(u64),
}

struct Mt {
    flags: u32,
    base_size: u64,
    rid: u16,
    virtuals: u16,
    parent: u64,
    indirect_parent: bool,
    module: u64,
    canonical: Canonical,
    /// Type handles of generic arguments.
    arguments: Vec<u64>,
    element: u64,
    interfaces: Vec<u64>,
    overridden: Option<Override>,
    references: References,
}

const COMPONENTS: u32 = 0x8000_0000;
const POINTERS: u32 = 0x0100_0000;
const SZ_ARRAY: u32 = 0x000A_0000;
const MD_ARRAY: u32 = 0x0008_0000;
const INTERFACE: u32 = 0x000C_0000;
const INDIRECT_PARENT: u32 = 0x0080_0000;
const VALUE_TYPE: u32 = 0x0004_0000;
const PRIMITIVE: u32 = 0x0007_0000;
const GENERIC: u32 = 0x10;
const SHARED: u32 = 0x20;

struct World<'s> {
    scenario: &'s Scenario,
    l: SynthLayout,
    space: Space,
    dump: &'s mut minidump::Builder,
    random: Random,
    /// Native heap: GC structures, PEFiles.
    heap: Arena,
    /// Loader heap of the runtime.
    loader: Arena,
    clr: u64,
    data: u64,
    rdata: u64,
    next_image: u64,
    vtables: u64,
    free: u64,
    kinds: Vec<Kind>,
    expected: Expected,
    /// Objects so far, for references.
    objects: Vec<u64>,
    next_segment: u64,
    core_file: u64,
}

impl<'s> World<'s> {
    fn new(scenario: &'s Scenario, dump: &'s mut minidump::Builder) -> World<'s> {
        let l = scenario.layout.clone();
        let wide = l.pointer == 8;
        let at = |x64: u64, x86: u64| scenario.shift + if wide { x64 } else { x86 };
        let mut space = Space { p: l.pointer, blocks: Vec::new() };
        let heap = space.add(at(0x0215_4000_0000, 0x0510_0000), vec![0; 0x8_0000]);
        let loader = space.add(at(0x7FF9_A000_0000, 0x0170_0000), vec![0; 0x1_0000]);
        let mut w = World {
            scenario,
            space,
            dump,
            random: Random::new(scenario.seed),
            heap,
            loader,
            clr: at(0x7FFA_1000_0000, 0x7300_0000),
            data: 0,
            rdata: 0,
            next_image: at(0x7FFA_2000_0000, 0x6000_0000),
            vtables: 0,
            free: 0,
            kinds: Vec::new(),
            expected: Expected::default(),
            objects: Vec::new(),
            // Large addresses on x86: a large-address-aware pool.
            next_segment: at(0x0216_0000_0000, 0x7FFC_0000 + 0x1_0000),
            core_file: 0,
            l,
        };
        match &scenario.modern {
            Some(modern) => w.modern_runtime_module(modern),
            None => w.runtime_module(),
        }
        w
    }

    /// Writes the heap and gives all memory to the dump.
    fn finish(mut self) -> Expected {
        match &self.scenario.modern {
            Some(modern) if modern.idle => {}
            Some(modern) => {
                self.modern_types(modern);
                self.modern_gc(modern);
            }
            None => {
                self.types();
                self.gc();
            }
        }
        for block in &self.space.blocks {
            self.dump.memory(block.base, block.bytes.clone());
        }
        self.expected.rows.retain(|_, row| row.count > 0);
        self.expected
    }

    fn machine(&self) -> u16 {
        if self.l.pointer == 8 { 0x8664 } else { 0x14C }
    }

    fn core_name(&self) -> &'static str {
        if self.scenario.core { "System.Private.CoreLib" } else { "mscorlib" }
    }

    /// clr.dll: vtables, writable data, resources.
    fn runtime_module(&mut self) {
        let mut pe = PeBuilder::new(self.machine());
        let text = pe.section(".text", 0x6000_0020, vec![0xCC; 0x1000], 0);
        let data = pe.section(".data", WRITE, vec![0; self.l.data_size as usize], 0);
        if self.scenario.resources {
            // version 0, GUID, stamps and sizes of the DAC and the DBI
            let guid: [u8; 16] = if self.scenario.core {
                [0x0D, 0x76, 0xEE, 0xB1, 0x4A, 0x6C, 0x33, 0x45, 0xBA, 0x41, 0x6F, 0x4F, 0x66, 0x1F, 0xAB, 0xAF]
            } else {
                [0x89, 0x39, 0x7F, 0x26, 0x86, 0xD7, 0x9A, 0x4B, 0x9A, 0xF6, 0xD1, 0x9E, 0x42, 0xD5, 0x57, 0xEC]
            };
            let mut info = vec![0; 4];
            info.extend(guid);
            info.resize(36, 7);
            // A table of RVAs that lead to variables of all sorts: hints for nobody.
            let mut table = Vec::new();
            for value in [40u32, 88, pe.timestamp, 0, 0, 0] {
                table.extend(value.to_le_bytes());
            }
            for i in 0..40u32 {
                table.extend((data + 0x40 * i).to_le_bytes());
            }
            table.extend([0; 88 * 4]);
            pe.resources(&[
                (10, ResourceName::Name("CLRDEBUGINFO"), &info),
                (10, ResourceName::Name("COREXTERNALDATAACCESSRESOURCE"), &table),
            ]);
        }
        if self.scenario.core {
            pe.exports("coreclr.dll", &[("GetCLRRuntimeHost", Ok(text)), ("coreclr_initialize", Ok(text + 16))]);
        }
        // No runtime is smaller than a megabyte; the pages are not in the dump.
        let have = pe.next_rva();
        pe.section(".more", READ, vec![0; 16], 0x20_0000);
        let size = pe.next_rva();
        let mut bytes = pe.mapped();
        bytes.truncate(have as usize);
        self.space.add(self.clr, bytes);
        let name = if self.scenario.core {
            "C:\\Program Files\\dotnet\\shared\\Microsoft.NETCore.App\\1.1.13\\coreclr.dll"
        } else {
            "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\clr.dll"
        };
        self.dump.module(name, self.clr, size, self.scenario.version, pe.timestamp);
        self.data = self.clr + u64::from(data);
        self.vtables = self.clr + u64::from(text) + 0x100;
    }

    /// An assembly's image in memory: `native` images have room for method tables in their own pages.
    fn image(&mut self, path: &str, metadata: &MetadataBuilder, native: bool) -> (u64, Option<Arena>) {
        let mut pe = PeBuilder::new(self.machine());
        pe.metadata(&metadata.build());
        let room = 0x1_0000;
        let data = native.then(|| pe.section(".data", WRITE, vec![0; room], 0));
        let base = self.next_image;
        self.next_image += 0x100_0000;
        self.dump.module(path, base, pe.next_rva(), [4, 7, 1, 0], 3);
        let arena = self.space.add(base, pe.mapped());
        self.space.blocks[arena].used = u64::from(data.unwrap_or(0));
        (base, data.map(|_| arena))
    }

    /// `PEImageLayout`.
    fn image_layout(&mut self, base: u64, kind: u32) -> u64 {
        let p = self.l.pointer;
        let at = self.space.alloc(self.heap, 12 * p);
        self.space.word(at, self.vtables + 0x200);
        self.space.word(at + self.l.layout_base, base);
        self.space.u32(at + 11 * p, kind);
        at
    }

    /// `PEImage` with its four layouts (flat, mapped, loaded, introspection), 0 where there is none.
    fn pe_image(&mut self, layouts: [u64; 4]) -> u64 {
        let p = self.l.pointer;
        let at = self.space.alloc(self.heap, self.l.image_size);
        self.space.u32(at, 40);
        for (i, layout) in (0..).zip(layouts) {
            self.space.word(at + self.l.image_layouts + i * p, layout);
        }
        at
    }

    fn pe_file(&mut self, identity: u64, il: u64, native: u64) -> u64 {
        let at = self.space.alloc(self.heap, 13 * self.l.pointer);
        self.space.word(at, self.vtables + 0x180);
        self.space.word(at + self.l.file_identity, identity);
        self.space.word(at + self.l.file_il, il);
        self.space.word(at + self.l.file_native, native);
        at
    }

    /// `Module`, with an `Assembly` beside it from which ways lead to the files of others.
    fn module(&mut self, arena: Arena, name: &str, file: u64, dynamic: bool) -> u64 {
        let p = self.l.pointer;
        let text = self.space.text(arena, name);
        let at = self.space.alloc(arena, self.l.module_size);
        self.space.word(at, self.vtables + if dynamic { 0x40 } else { 0 });
        self.space.word(at + self.l.module_simple_name, text);
        self.space.word(at + self.l.module_file, file);
        let assembly = self.space.alloc(self.heap, 12 * p);
        self.space.word(assembly, self.vtables + 0x80);
        for i in 1..12 {
            // Stray ways: to the file of this module, and to the core library's.
            let to = if self.random.chance(2) { file } else { self.core_file };
            self.space.word(assembly + i * p, to);
        }
        self.space.word(at + self.l.module_assembly, assembly);
        at
    }

    /// A method table with its GCDesc, vtable, slots, class and dictionary.
    fn method_table(&mut self, arena: Arena, mt: &Mt) -> u64 {
        let p = self.l.pointer;
        let at = |x64: u64, x86: u64| if p == 8 { x64 } else { x86 };
        let size = at(64, 40);
        let chunks = u64::from(mt.virtuals).div_ceil(8);
        let start = self.space.alloc(arena, 4 * p + size + (chunks + 8) * p);
        let table = start + 4 * p;
        let mut flags = mt.flags;
        match mt.references {
            References::None => {}
            References::Fields => self.gc_desc(table, p, (2 * p).wrapping_neg()),
            References::Elements(first) => self.gc_desc(table, first, (first + p).wrapping_neg()),
        }
        if mt.references != References::None {
            flags |= POINTERS;
        }
        let mut parent = mt.parent;
        if mt.indirect_parent {
            // The word points into a cell, such that the parent is where its own parent would be.
            let cell = self.space.alloc(arena, p);
            self.space.word(cell, mt.parent);
            parent = cell - 16;
            flags |= INDIRECT_PARENT;
        }
        let mut flags2 = 0u16;
        if !mt.arguments.is_empty() {
            flags2 |= 1;
        }
        if !mt.interfaces.is_empty() {
            flags2 |= 2;
        }
        // A dispatch map or non-virtual slots of their own take a slot, too.
        if mt.virtuals > 12 {
            flags2 |= 8;
        }
        if mt.overridden.is_some() {
            flags2 |= 0x10;
        }
        self.space.u32(table, flags);
        self.space.u32(table + 4, mt.base_size as u32);
        if self.scenario.modern.as_ref().is_some_and(Modern::rid_in_flags2) {
            self.space.u32(table + 8, u32::from(mt.rid) << 8 | u32::from(flags2));
        } else {
            self.space.u16(table + 8, flags2);
            self.space.u16(table + 10, mt.rid);
        }
        self.space.u16(table + 12, mt.virtuals);
        self.space.u16(table + 14, mt.interfaces.len() as u16);
        self.space.word(table + 16, parent);
        self.space.word(table + at(24, 20), mt.module);
        let canonical = match mt.canonical {
            Canonical::Own => {
                let class = self.space.alloc(arena, self.l.class_size.max(4 * p));
                self.space.word(class + 2 * p, table);
                class
            }
            Canonical::Of(other) => other + self.scenario.modern.as_ref().map_or(2, Modern::canonical_tag),
            Canonical::ThroughCell(other) => {
                let cell = self.space.alloc(arena, p);
                self.space.word(cell, other);
                cell + 3
            }
        };
        self.space.word(table + at(40, 28), canonical);
        let (slot1, slot2) = (table + at(48, 32), table + at(56, 36));
        if mt.element != 0 {
            self.space.word(slot1, mt.element);
        } else if !mt.arguments.is_empty() {
            let dictionary = self.space.alloc(arena, (mt.arguments.len() as u64 + 2) * p);
            for (i, &argument) in (0..).zip(&mt.arguments) {
                self.space.word(dictionary + i * p, argument);
            }
            let info = self.space.alloc(arena, 4 * p);
            self.space.u16(info + 2 * p - 4, 1);
            self.space.u16(info + 2 * p - 2, mt.arguments.len() as u16);
            self.space.word(info + 2 * p, dictionary);
            self.space.word(slot1, info + 2 * p);
        }
        if !mt.interfaces.is_empty() {
            let map = self.space.alloc(arena, mt.interfaces.len() as u64 * p);
            for (i, &interface) in (0..).zip(&mt.interfaces) {
                self.space.word(map + i * p, interface);
            }
            self.space.word(slot2, map);
        }
        if let Some(form) = mt.overridden {
            // methodtable.cpp, GetMultipurposeSlotPtr: the first free fixed slot, else the overflow area behind the vtable.
            let used = u64::from((flags2 & 0x0F).count_ones());
            let overflow = table + size + chunks * p;
            let slot = match (flags2 & 1 != 0, flags2 & 2 != 0) {
                (true, true) => overflow + (used - 2) * p,
                _ if used >= 2 => overflow + (used - 2) * p,
                (false, _) => slot1,
                (true, false) => slot2,
            };
            let value = match form {
                Override::Absolute(module) => module,
                Override::Relative(module) => module.wrapping_sub(slot),
                Override::RelativeCell(module) => {
                    let cell = self.space.alloc(arena, p);
                    self.space.word(cell, module);
                    (cell + 1).wrapping_sub(slot)
                }
            };
            self.space.word(slot, value);
        }
        table
    }

    /// One series of references.
    fn gc_desc(&mut self, table: u64, offset: u64, less: u64) {
        let p = self.l.pointer;
        self.space.word(table - p, 1);
        self.space.word(table - 2 * p, offset);
        self.space.word(table - 3 * p, less);
    }

    /// A method table with objects on the heap.
    fn typed(&mut self, arena: Arena, name: &str, module: &str, mt: &Mt, component: u64) -> u64 {
        let table = self.method_table(arena, mt);
        self.kind(table, name, module, mt, component);
        table
    }

    fn kind(&mut self, table: u64, name: &str, module: &str, mt: &Mt, component: u64) {
        self.kinds.push(Kind {
            table,
            name: name.to_owned(),
            module: module.to_owned(),
            base_size: mt.base_size,
            component,
            references: mt.references,
            large: component > 0,
            frozen: false,
            element: 0,
        });
    }

    /// Array of reference or other elements.
    #[allow(clippy::too_many_arguments, reason = "a builder's shorthand")]
    fn array(
        &self,
        element: u64,
        component: u64,
        rank: u64,
        parent: u64,
        module: u64,
        canonical: Canonical,
        references: bool,
    ) -> Mt {
        let p = self.l.pointer;
        let (category, base) = if rank == 0 { (SZ_ARRAY, 3 * p) } else { (MD_ARRAY, 3 * p + 8 * rank) };
        Mt {
            flags: COMPONENTS | category | component as u32,
            base_size: base,
            rid: 0,
            virtuals: 5,
            parent,
            indirect_parent: false,
            module,
            canonical,
            arguments: Vec::new(),
            element,
            interfaces: Vec::new(),
            overridden: None,
            references: if references { References::Elements(base - p) } else { References::None },
        }
    }

    fn class(&self, rid: u32, fields: u64, parent: u64, module: u64) -> Mt {
        Mt {
            flags: 0,
            base_size: (2 + fields) * self.l.pointer,
            rid: rid as u16,
            virtuals: 4 + (rid as u16 * 3) % 13,
            parent,
            indirect_parent: false,
            module,
            canonical: Canonical::Own,
            arguments: Vec::new(),
            element: 0,
            interfaces: Vec::new(),
            overridden: None,
            references: if fields > 0 { References::Fields } else { References::None },
        }
    }

    /// Modules, their metadata and all types.
    fn types(&mut self) {
        let p = self.l.pointer;
        let core_name = self.core_name();

        // The core library: a native image only, its IL is not mapped.
        let mut md = MetadataBuilder::new(&format!("{core_name}.dll"), [1; 16]);
        md.assembly(core_name, [4, 0, 0, 0]);
        let collections = "System.Collections.Generic";
        let object_rid = md.type_def(1, "System", "Object", 0);
        let value_rid = md.type_def(1, "System", "ValueType", 0);
        let string_rid = md.type_def(1, "System", "String", 0);
        let array_rid = md.type_def(1, "System", "Array", 0);
        let [int_rid, byte_rid, char_rid] = ["Int32", "Byte", "Char"].map(|n| md.type_def(1, "System", n, 0));
        let canon_rid = md.type_def(1, "System", "__Canon", 0);
        let disposable_rid = md.type_def(0xA1, "System", "IDisposable", 0);
        let list_rid = md.type_def(1, collections, "List`1", 0);
        md.generic_param(0x0200_0000 | list_rid, 0, "T");
        let dictionary_rid = md.type_def(1, collections, "Dictionary`2", 0);
        let entry_rid = md.type_def(2, "", "Entry", 0);
        md.nested(entry_rid, dictionary_rid);
        for owner in [dictionary_rid, entry_rid] {
            md.generic_param(0x0200_0000 | owner, 0, "TKey");
            md.generic_param(0x0200_0000 | owner, 1, "TValue");
        }
        let exception_rid = md.type_def(1, "System", "Exception", 0);
        let proxy_rid = md.type_def(1, "System.Runtime.Remoting.Proxies", "__TransparentProxy", 0);
        let timer_rid = md.type_def(1, "System.Threading", "Timer", 0);
        let (core_base, core_arena) = self.image(&format!("C:\\Windows\\assembly\\{core_name}.ni.dll"), &md, true);
        let core_arena = core_arena.unwrap();
        let core_layout = self.image_layout(core_base, 4);
        let identity = self.pe_image([0; 4]);
        let native = self.pe_image([0, 0, core_layout, 0]);
        self.core_file = self.pe_file(identity, identity, native);
        let core = self.module(core_arena, core_name, self.core_file, false);

        // A second native image; its types' parents are in the first one.
        let mut md = MetadataBuilder::new("System.dll", [2; 16]);
        md.assembly("System", [4, 0, 0, 0]);
        let uri_rid = md.type_def(1, "System", "Uri", 0);
        let info_rid = md.type_def(2, "", "UriInfo", 0);
        md.nested(info_rid, uri_rid);
        let point_rid = md.type_def(1, "System.Drawing", "Point", 0);
        let (system_base, system_arena) = self.image("C:\\Windows\\assembly\\System.ni.dll", &md, true);
        let system_arena = system_arena.unwrap();
        let system_layout = self.image_layout(system_base, 4);
        let identity = self.pe_image([0; 4]);
        let native = self.pe_image([0, 0, system_layout, 0]);
        let file = self.pe_file(identity, identity, native);
        let system = self.module(system_arena, "System", file, false);

        // The application: mapped and loaded, in two domains.
        let mut md = MetadataBuilder::new("App.exe", [3; 16]);
        md.assembly("App", [1, 0, 0, 0]);
        let customer_rid = md.type_def(1, "App", "Customer", 0);
        let address_rid = md.type_def(2, "", "Address", 0);
        md.nested(address_rid, customer_rid);
        let price_rid = md.type_def(1, "App", "Price", 0);
        let (app_base, _) = self.image("C:\\inetpub\\App.exe", &md, false);
        let mapped = self.image_layout(app_base, 1);
        let loaded = self.image_layout(app_base, 4);
        let app_image = self.pe_image([0, mapped, loaded, 0]);
        let mut domains = Vec::new();
        for _ in 0..2 {
            let file = self.pe_file(app_image, app_image, 0);
            let at = self.module(self.loader, "App", file, false);
            domains.push(ModuleAt { at, name: "App".into(), arena: self.loader });
        }

        // A plug-in from a byte array: flat, in the first slot only.
        let mut md = MetadataBuilder::new("Plugin.dll", [4; 16]);
        md.assembly("Plugin", [1, 0, 0, 0]);
        let widget_rid = md.type_def(1, "Plugin", "Widget", 0);
        let mut pe = PeBuilder::new(self.machine());
        pe.metadata(&md.build());
        let flat_base = self.scenario.shift + if p == 8 { 0x0217_0000_0000 } else { 0x0B00_0000 };
        self.space.add(flat_base, pe.flat());
        let flat = self.image_layout(flat_base, 2);
        let image = self.pe_image([flat, 0, 0, 0]);
        let file = self.pe_file(image, image, 0);
        let plugin = self.module(self.loader, "Plugin", file, false);

        // A dynamic assembly: its metadata in an SBuffer, its file without images.
        let mut md = MetadataBuilder::new("Emitted", [5; 16]);
        md.table_stream = "#-";
        md.assembly("Emitted", [0; 4]);
        let emitted_rid = md.type_def(1, "Emitted", "Proxy", 0);
        let metadata = md.build();
        let bytes = self.space.alloc(self.heap, metadata.len() as u64);
        self.space.write(bytes, &metadata);
        let buffer = self.space.alloc(self.heap, 4 * p);
        self.space.u32(buffer, metadata.len() as u32);
        self.space.u32(buffer + 4, metadata.len() as u32);
        self.space.word(buffer + if p == 8 { 16 } else { 12 }, bytes);
        let file = self.pe_file(0, 0, 0);
        let dynamic = self.module(self.loader, "Emitted", file, true);
        self.space.word(dynamic + self.l.module_dynamic, buffer);

        // Free has nothing but sizes.
        let start = self.space.alloc(self.loader, 16 * p);
        self.space.u32(start, COMPONENTS | 1);
        self.space.u32(start + 4, 3 * p as u32);
        self.free = start;
        self.expected.rows.insert(start, Row { name: "Free".into(), ..Row::default() });

        // Core types, in the pages of the native image.
        let object_mt = Mt { base_size: 3 * p, ..self.class(object_rid, 0, 0, core) };
        let object = self.typed(core_arena, "System.Object", core_name, &object_mt, 0);
        let disposable_mt = Mt { flags: INTERFACE, base_size: 0, ..self.class(disposable_rid, 0, object, core) };
        let disposable = self.method_table(core_arena, &disposable_mt);
        let value_mt = Mt { base_size: 3 * p, ..self.class(value_rid, 0, object, core) };
        let value = self.method_table(core_arena, &value_mt);
        let array_mt = Mt { base_size: 3 * p, ..self.class(array_rid, 0, object, core) };
        let array = self.method_table(core_arena, &array_mt);
        let canon_mt = self.class(canon_rid, 1, object, core);
        let canon = self.method_table(core_arena, &canon_mt);
        let string_mt = Mt {
            flags: COMPONENTS | 2,
            base_size: if p == 8 { 26 } else { 14 },
            interfaces: vec![disposable],
            ..self.class(string_rid, 0, object, core)
        };
        let string = self.typed(core_arena, "System.String", core_name, &string_mt, 2);
        self.kinds.last_mut().unwrap().frozen = true;
        let mut primitives = Vec::new();
        for (rid, name) in [(int_rid, "Int32"), (byte_rid, "Byte"), (char_rid, "Char")] {
            let mt = Mt { flags: PRIMITIVE, base_size: 3 * p, ..self.class(rid, 0, value, core) };
            let table = self.typed(core_arena, &format!("System.{name}"), core_name, &mt, 0);
            primitives.push(table);
        }
        let [int, byte, char] = primitives[..] else { panic!("three primitives") };
        let exception_mt = self.class(exception_rid, 6, object, core);
        let exception = self.typed(core_arena, "System.Exception", core_name, &exception_mt, 0);
        // Remoting: categories that alias the arrays' without the component bit.
        let proxy_mt = Mt { flags: 0x000E_0000, ..self.class(proxy_rid, 5, object, core) };
        self.typed(core_arena, "System.Runtime.Remoting.Proxies.__TransparentProxy", core_name, &proxy_mt, 0);
        let timer_mt =
            Mt { flags: 0x0002_0000, interfaces: vec![disposable], ..self.class(timer_rid, 2, object, core) };
        self.typed(core_arena, "System.Threading.Timer", core_name, &timer_mt, 0);

        // Arrays. Those of references share one canonical method table, or even one method table.
        let legacy = self.scenario.shared_reference_arrays;
        let mut objects_mt = self.array(object, p, 0, array, core, Canonical::Own, true);
        if legacy {
            objects_mt.base_size = 4 * p;
            objects_mt.references = References::Elements(3 * p);
        }
        let objects = self.typed(core_arena, "System.Object[]", core_name, &objects_mt, p);
        let shared_array = |w: &mut Self, element: u64, name: &str, module: &str, canonical: Canonical| {
            if legacy {
                w.kind(objects, "System.Object[]", core_name, &objects_mt, p);
                w.kinds.last_mut().unwrap().element = element;
                return objects;
            }
            let mt = w.array(element, p, 0, array, core, canonical, true);
            let table = w.method_table(core_arena, &mt);
            w.kind(table, &format!("{name}[]"), module, &mt, p);
            table
        };
        if legacy {
            self.kinds.last_mut().unwrap().element = object;
        }
        let strings = shared_array(self, string, "System.String", core_name, Canonical::ThroughCell(objects));
        for (element, name, component) in [(byte, "System.Byte", 1), (char, "System.Char", 2)] {
            let mt = self.array(element, component, 0, array, core, Canonical::Own, false);
            self.typed(core_arena, &format!("{name}[]"), core_name, &mt, component);
        }
        let bytes = self.kinds.iter().find(|k| k.name == "System.Byte[]").unwrap().table;
        let mut grid = 0;
        for (rank, suffix) in [(2, "[,]"), (3, "[,,]"), (1, "[*]")] {
            let mt = self.array(int, 4, rank, array, core, Canonical::Own, false);
            let table = self.typed(core_arena, &format!("System.Int32{suffix}"), core_name, &mt, 4);
            if rank == 2 {
                grid = table;
            }
        }

        // Generics: shared code of references is canonical, each instantiation points to it.
        let list_canon_mt = Mt {
            flags: SHARED,
            arguments: vec![canon],
            interfaces: vec![disposable],
            ..self.class(list_rid, 3, object, core)
        };
        let list_canon = self.method_table(core_arena, &list_canon_mt);
        let generic =
            |mt: Mt, canonical: Canonical, arguments: Vec<u64>| Mt { flags: GENERIC, canonical, arguments, ..mt };
        let list = |argument: &str, assembly: &str| format!("{collections}.List`1[[{argument}, {assembly}]]");
        // In the native image: tag 3, and an argument behind a cell.
        let cell = self.space.alloc(core_arena, p);
        self.space.word(cell, string);
        let mt = generic(self.class(list_rid, 3, object, core), Canonical::ThroughCell(list_canon), vec![cell + 1]);
        self.typed(core_arena, &list("System.String", core_name), core_name, &mt, 0);
        // Array TypeDescs as arguments.
        let desc_start = self.space.alloc(self.loader, 8 * p);
        let (sz, md_desc) = (desc_start, desc_start + 4 * p);
        for (desc, kind, template, argument) in [(sz, 0x1D, bytes, byte), (md_desc, 0x14, grid, int)] {
            self.space.u32(desc, kind);
            self.space.word(desc + p, template);
            self.space.word(desc + 2 * p, argument);
        }
        for (desc, name) in [(sz, "System.Byte[]"), (md_desc, "System.Int32[,]")] {
            let mt = generic(self.class(list_rid, 3, object, core), Canonical::Of(list_canon), vec![desc + 2]);
            self.typed(self.loader, &list(name, core_name), core_name, &mt, 0);
        }

        // System.ni.dll: parents through cells.
        let uri_mt = Mt { indirect_parent: true, ..self.class(uri_rid, 7, object, system) };
        self.typed(system_arena, "System.Uri", "System", &uri_mt, 0);
        let info_mt = Mt { indirect_parent: true, ..self.class(info_rid, 4, object, system) };
        self.typed(system_arena, "System.Uri+UriInfo", "System", &info_mt, 0);
        let point_mt = Mt {
            flags: VALUE_TYPE,
            base_size: 4 * p,
            indirect_parent: true,
            ..self.class(point_rid, 0, value, system)
        };
        let point = self.typed(system_arena, "System.Drawing.Point", "System", &point_mt, 0);
        // A value-type instantiation lives in the image that needed it: its loader module is not its module.
        let forms: [(u64, &str, Override, Vec<u64>, u16); 3] = [
            (point, "System.Drawing.Point", Override::Relative(core), vec![], 5),
            (int, "System.Int32", Override::RelativeCell(core), vec![disposable], 17),
            (char, "System.Char", Override::Absolute(core), vec![disposable], 9),
        ];
        for (argument, name, form, interfaces, virtuals) in forms {
            let mt = Mt {
                overridden: Some(form),
                interfaces,
                virtuals,
                ..generic(self.class(list_rid, 3, object, system), Canonical::Own, vec![argument])
            };
            let table = self.method_table(system_arena, &mt);
            let assembly = if argument == point { "System" } else { core_name };
            self.kind(table, &list(name, assembly), core_name, &mt, 0);
        }

        // The application's types, once per domain: equal names, different method tables.
        for domain in &domains {
            let mt = Mt { interfaces: vec![disposable], ..self.class(customer_rid, 4, object, domain.at) };
            let customer = self.method_table(domain.arena, &mt);
            self.kind(customer, "App.Customer", &domain.name, &mt, 0);
            let mt = self.class(address_rid, 2, object, domain.at);
            let address = self.method_table(domain.arena, &mt);
            self.kind(address, "App.Customer+Address", &domain.name, &mt, 0);
            let mt = Mt { flags: VALUE_TYPE, base_size: 4 * p, ..self.class(price_rid, 0, value, domain.at) };
            let price = self.method_table(domain.arena, &mt);
            self.kind(price, "App.Price", &domain.name, &mt, 0);
            shared_array(self, customer, "App.Customer", &domain.name, Canonical::Of(objects));
            let mt = generic(self.class(list_rid, 3, object, domain.at), Canonical::Of(list_canon), vec![customer]);
            let table = self.method_table(domain.arena, &mt);
            self.kind(table, &list("App.Customer", "App"), core_name, &mt, 0);
            // Two arguments, one of them the application's value type; its entries are structs.
            let name = |n: &str| format!("{collections}.{n}[[System.String, {core_name}],[App.Price, App]]");
            let mt = Mt {
                overridden: Some(Override::Relative(core)),
                virtuals: 21,
                ..generic(self.class(dictionary_rid, 4, object, domain.at), Canonical::Own, vec![string, price])
            };
            let table = self.method_table(domain.arena, &mt);
            self.kind(table, &name("Dictionary`2"), core_name, &mt, 0);
            let mt = Mt {
                overridden: Some(Override::Relative(core)),
                base_size: 6 * p,
                references: References::None,
                ..generic(self.class(entry_rid, 0, value, domain.at), Canonical::Own, vec![string, price])
            };
            let entry = self.method_table(domain.arena, &mt);
            let mt = self.array(entry, 4 * p, 0, array, domain.at, Canonical::Own, false);
            let table = self.method_table(domain.arena, &mt);
            self.kind(table, &format!("{}[]", name("Dictionary`2+Entry")), core_name, &mt, 4 * p);
        }
        let mt = self.class(widget_rid, 2, object, plugin);
        self.typed(self.loader, "Plugin.Widget", "Plugin", &mt, 0);
        let mt = self.class(emitted_rid, 1, object, dynamic);
        self.typed(self.loader, "Emitted.Proxy", "Emitted", &mt, 0);

        let known = self.data + self.l.data_known;
        for (i, table) in (0..).zip([object, string, self.free, array, objects, exception, strings]) {
            self.space.word(known + i * p, table);
        }
    }

    /// Heaps, segments, objects, and the statics that lead there.
    fn gc(&mut self) {
        let p = self.l.pointer;
        self.decoys();
        if self.scenario.server_heaps == 0 {
            let (table, frontier, ephemeral) = (
                self.data + self.l.data_table,
                self.data + self.l.data_alloc_allocated,
                self.data + self.l.data_ephemeral,
            );
            self.gc_heap(table, frontier, ephemeral, true);
            self.expected.heaps = 1;
        } else {
            let count = self.scenario.server_heaps;
            let array = self.space.alloc(self.heap, count as u64 * p);
            for i in 0..count as u64 {
                let heap = self.space.alloc(self.heap, self.l.heap_size);
                self.space.word(array + i * p, heap);
                // A little of everything in between, none of it an address of the heap.
                for at in (0..self.l.heap_size / p).step_by(7) {
                    let value = if self.random.chance(3) { self.vtables + 8 * at } else { self.random.below(0x4000) };
                    self.space.word(heap + at * p, value);
                }
                let at = [self.l.heap_table, self.l.heap_alloc_allocated, self.l.heap_ephemeral].map(|o| heap + o);
                self.gc_heap(at[0], at[1], at[2], i == 0);
            }
            let statics = self.data + self.l.data_heaps;
            self.space.u32(statics, count as u32);
            self.space.word(statics + p, array);
            self.expected.heaps = count;
        }
    }

    /// Words of `.data` that look like something: numbers, addresses of the image, of structures.
    fn decoys(&mut self) {
        let p = self.l.pointer;
        let spots = self.static_spots();
        let heap = self.space.blocks[self.heap].base;
        for i in 0..self.l.data_size / p {
            let at = i * p;
            if spots.iter().any(|&(from, len)| at + p > from && at < from + len) || !self.random.chance(3) {
                continue;
            }
            let value = match self.random.below(4) {
                0 => self.random.below(0x1_0000),
                1 => self.clr + self.random.below(0x2000) * p,
                2 => heap + self.random.below(0x1000) * p,
                _ => self.core_file + self.random.below(8) * p,
            };
            self.space.word(self.data + at, value);
        }
    }

    /// One GC heap: its segments and its table of generations.
    fn gc_heap(&mut self, table: u64, frontier_at: u64, ephemeral_at: u64, first: bool) {
        let p = self.l.pointer;
        let n = self.scenario.objects;
        // LOH: two segments.
        let loh2 = self.old_segment(3, 8, n / 8 + 1, 0, 0);
        let loh1 = self.old_segment(3, 8, n / 8 + 1, loh2.0, 0);
        // SOH: the ephemeral segment is the tail of generation 2.
        let ephemeral = self.ephemeral_segment();
        let old2 = self.old_segment(2, 0, n, ephemeral.header, 0);
        let old1 = self.old_segment(2, 0, n / 2, old2.0, 0);
        let head = if first {
            let header = self.space.alloc(self.heap, 14 * p);
            self.old_segment(5, 1, n / 4 + 1, old1.0, header).0
        } else {
            old1.0
        };
        let generations = [
            (ephemeral.header, ephemeral.header, ephemeral.gen0),
            (ephemeral.header, ephemeral.header, ephemeral.gen1),
            // The allocator of generation 2 has moved on to a later segment.
            (head, if self.random.chance(2) { old2.0 } else { ephemeral.header }, old1.1),
            (loh1.0, if self.random.chance(2) { loh2.0 } else { loh1.0 }, loh1.1),
        ];
        for (g, (start, allocation, from)) in (0..).zip(generations) {
            let at = table + g * self.l.generation_size;
            for i in 0..self.l.generation_size / p {
                // Whatever a generation has besides: counters, lists of free blocks.
                let value = if self.random.chance(3) { self.random.below(0x8000) } else { 0 };
                self.space.word(at + i * p, value);
            }
            self.space.word(at + self.l.allocation_segment, allocation);
            self.space.word(at + self.l.start_segment, start);
            self.space.word(at + self.l.allocation_start, from);
            let plan = if self.random.chance(2) { from } else { 0 };
            self.space.word(at + self.l.plan_allocation_start, plan);
        }
        self.space.word(frontier_at, ephemeral.frontier);
        self.space.word(ephemeral_at, ephemeral.header);
        self.heap_decoys(&ephemeral, frontier_at);
    }

    /// Words that point into the ephemeral segment but are not its end: among the statics, in a server process among the fields of the
    /// heap.
    fn heap_decoys(&mut self, e: &Ephemeral, frontier_at: u64) {
        let p = self.l.pointer;
        let l = &self.l;
        let (base, len, spots) = if self.scenario.server_heaps == 0 {
            (self.data, l.data_size, self.static_spots())
        } else {
            let table = (l.heap_table, 4 * l.generation_size);
            (
                frontier_at - l.heap_alloc_allocated,
                l.heap_size,
                vec![table, (l.heap_alloc_allocated, p), (l.heap_ephemeral, p)],
            )
        };
        let free: Vec<u64> = (0..len / p)
            .map(|i| i * p)
            .filter(|&at| !spots.iter().any(|&(from, len)| at + p > from && at < from + len))
            .collect();
        let mut values = vec![e.header, e.gen0, e.gen1, e.committed, e.reserved, e.allocated];
        // Objects of generation 0, starts and middles, below the end; middles of dead ones above it.
        values.extend(e.boundaries.iter().filter(|_| self.random.chance(5)));
        values.extend(e.boundaries.iter().filter(|_| self.random.chance(9)).map(|b| b + p));
        values.extend(e.stale_middles.iter());
        for value in values {
            let at = free[self.random.below(free.len() as u64) as usize];
            self.space.word(base + at, value);
        }
        if self.scenario.server_heaps > 0 {
            // The same fields in every heap: where the last GC ended, some object, the first one.
            let mut same = Random::new(self.scenario.seed);
            let some = e.boundaries[self.random.below(e.boundaries.len() as u64) as usize];
            for value in [e.allocated, some, e.gen0, e.reserved] {
                let at = free[same.below(free.len() as u64) as usize];
                self.space.word(base + at, value);
            }
        }
    }

    /// Where `.data` holds what matters.
    fn static_spots(&self) -> Vec<(u64, u64)> {
        let (l, p) = (&self.l, self.l.pointer);
        vec![
            (l.data_table, 4 * l.generation_size),
            (l.data_alloc_allocated, p),
            (l.data_ephemeral, p),
            (l.data_heaps, 2 * p),
            (l.data_known, 8 * p),
        ]
    }

    fn reserve(&mut self, len: u64) -> u64 {
        let at = self.next_segment;
        self.next_segment += len.next_multiple_of(0x1_0000) + 0x2_0000;
        at
    }

    /// Writes a `heap_segment`: allocated, committed, reserved, used, mem, flags, next, and what follows.
    fn segment_header(&mut self, at: u64, words: [u64; 7]) {
        let places = self.scenario.modern.as_ref().map_or([0, 1, 2, 3, 4, 5, 6], |m| m.segment_words);
        self.space.word(at + 7 * self.l.pointer, words[0]);
        for (i, word) in places.into_iter().zip(words) {
            self.space.word(at + i * self.l.pointer, word);
        }
        self.expected.segments += 1;
    }

    /// A segment full of old, large or frozen objects. A header elsewhere makes it a frozen one. Returns header and first object.
    fn old_segment(&mut self, generation: usize, flags: u64, objects: u64, next: u64, header: u64) -> (u64, u64) {
        let p = self.l.pointer;
        let base = self.reserve(0x8_0000);
        let arena = self.space.add(base, vec![0; 0x8_0000]);
        let (header, mem) = if header == 0 { (base, base + 0x1000) } else { (header, base + p) };
        let mut at = mem;
        if generation != 5 {
            at = self.put(at, None, 0, generation);
        }
        for _ in 0..objects {
            if self.random.chance(6) && generation != 5 {
                let len = self.random.below(if generation == 3 { 9000 } else { 200 });
                at = self.put(at, None, len, generation);
            }
            at = self.any(at, generation);
        }
        let committed = (at + p).next_multiple_of(0x1000);
        assert!(committed <= base + 0x8_0000, "too many objects for a segment");
        self.space.blocks[arena].bytes.truncate((committed - base) as usize);
        let used = if self.random.chance(2) { at - p } else { committed - self.random.below(8) * p };
        let reserved = if generation == 5 { committed } else { base + 0x8_0000 };
        self.segment_header(header, [at, committed, reserved, used.max(mem), mem, flags, next]);
        (header, mem)
    }

    fn ephemeral_segment(&mut self) -> Ephemeral {
        let p = self.l.pointer;
        let n = self.scenario.objects;
        let base = self.reserve(0x10_0000);
        let arena = self.space.add(base, vec![0; 0x10_0000]);
        let mem = base + 0x1000;
        let mut at = mem;
        for _ in 0..n {
            at = self.any(at, 2);
        }
        let gen1 = at;
        at = self.put(at, None, 0, 1);
        for _ in 0..self.random.below(n) {
            at = self.any(at, 1);
        }
        let gen0 = at;
        at = self.put(at, None, 0, 0);
        let mut boundaries = vec![gen0, at];
        for _ in 0..self.random.below(n / 2) {
            at = self.any(at, 0);
            boundaries.push(at);
        }
        // The last GC ended here; everything behind was allocated since.
        let allocated = at;
        let mut fresh = self.random.below(2 * n);
        if self.random.chance(8) {
            fresh = 0;
        }
        for i in 0..fresh {
            if self.random.chance(10) {
                // An open allocation context: zeros up to its limit and three words more; the last word is the header of what follows.
                let len = (3 + self.random.below(60)) * p;
                let value = self.random.below(3) * 0x0800_0000;
                if i + 1 < fresh {
                    self.space.u32(at + len - 4, value as u32);
                }
                at += len;
            }
            at = self.any(at, 0);
            boundaries.push(at);
        }
        // The context that the newest objects came from is open, unless it is just full.
        let dead = self.scenario.stale && self.random.chance(2);
        if fresh > 0 && (dead || self.random.chance(2)) {
            at += (3 + self.random.below(500)) * p;
            // What was there before: perhaps the address of a method table.
            let stale = match self.random.below(3) {
                0 => 0,
                1 => self.free,
                _ => self.kinds[self.random.below(self.kinds.len() as u64) as usize].table,
            };
            self.space.word(at - p, stale);
        }
        let frontier = at;
        let mut used = frontier - p;
        let mut stale_middles = Vec::new();
        if dead {
            let before = (self.expected.clone(), self.objects.len());
            // The first one is cut: what is left of it are references.
            let cut = self.random.below(12);
            for i in 0..cut {
                self.space.word(frontier + i * p, if self.random.chance(3) { 0 } else { mem + 8 * i });
            }
            let mut end = frontier + cut * p;
            for _ in 0..self.random.below(30) + 1 {
                let next = self.any(end, 0);
                if self.random.chance(4) && next - end >= 5 * p {
                    stale_middles.push(end + 3 * p);
                }
                if self.scenario.stale_variables && self.random.chance(4) {
                    stale_middles.push(end);
                }
                end = next;
            }
            self.expected = before.0;
            self.objects.truncate(before.1);
            used = end;
        }
        let committed = (used + 2 * p + self.random.below(4) * 0x1000).next_multiple_of(0x1000);
        assert!(committed <= base + 0x10_0000, "too many objects for a segment");
        self.space.blocks[arena].bytes.truncate((committed - base) as usize);
        let reserved = base + 0x10_0000;
        self.segment_header(base, [allocated, committed, reserved, used, mem, 0, 0]);
        Ephemeral { header: base, gen0, gen1, frontier, allocated, committed, reserved, boundaries, stale_middles }
    }

    /// An object of a random kind.
    fn any(&mut self, at: u64, generation: usize) -> u64 {
        let fitting: Vec<usize> = (0..self.kinds.len())
            .filter(|&i| match generation {
                3 => self.kinds[i].large,
                5 => self.kinds[i].frozen,
                _ => true,
            })
            .collect();
        let kind = fitting[self.random.below(fitting.len() as u64) as usize];
        let count = if self.kinds[kind].component == 0 {
            0
        } else if generation == 3 {
            self.random.below(6000 / self.kinds[kind].component)
        } else {
            self.random.below(24)
        };
        self.put(at, Some(kind), count, generation)
    }

    /// Writes an object (`None`: Free) with `count` components; returns where the next one goes.
    fn put(&mut self, at: u64, kind: Option<usize>, count: u64, generation: usize) -> u64 {
        let p = self.l.pointer;
        let kind = kind.map(|k| self.kinds[k].clone());
        let (table, base, component) = match &kind {
            Some(k) => (k.table, k.base_size, k.component),
            None => (self.free, 3 * p, 1),
        };
        let size = (base + component * count).max(3 * p);
        // gc.cpp, get_alignment_constant(FALSE): large and pinned objects.
        let step = size.next_multiple_of(if p == 8 || matches!(generation, 3 | 4) { 8 } else { 4 });
        self.space.word(at, table);
        if component > 0 {
            self.space.u32(at + p, count as u32);
        }
        if self.random.chance(12) {
            // A sync block index in the header.
            let index = 0x0800_0000 | self.random.below(500) as u32;
            self.space.u32(at - 4, index);
        }
        if let Some(k) = &kind {
            let reference = |w: &mut Self, field: u64| {
                let some = w.objects.len() as u64;
                let to = if some == 0 || w.random.chance(3) { 0 } else { w.objects[w.random.below(some) as usize] };
                w.space.word(field, to);
            };
            match k.references {
                References::Fields => (at + p..at + base - p).step_by(p as usize).for_each(|f| reference(self, f)),
                References::Elements(first) => {
                    (0..count).for_each(|i| reference(self, at + first + i * p));
                    if first == 3 * p {
                        self.space.word(at + 2 * p, k.element);
                    }
                }
                References::None if component > 0 && component <= 4 => {
                    let first =
                        if component == 2 && base < 3 * p + 8 && !k.name.ends_with(']') { p + 4 } else { base - p };
                    let junk: Vec<u8> = (0..component * count).map(|_| self.random.next() as u8).collect();
                    self.space.write(at + first, &junk);
                }
                References::None => {}
            }
            self.objects.push(at);
        }
        let name = kind.as_ref().map_or("Free", |k| &k.name);
        let module = kind.as_ref().map_or("", |k| &k.module);
        // SOS counts the components of Free and of strings in different ways (strike, GetObjSize): two bytes less per Free.
        let reported = match (&kind, p) {
            (Some(_), _) => size,
            (None, _) if self.scenario.modern.is_some() => size,
            (None, 8) => (base + count - 2).max(24),
            (None, _) => base + count - 2,
        };
        let row = self.expected.rows.entry(table).or_default();
        if row.name.is_empty() {
            (row.name, row.module) = (name.to_owned(), module.to_owned());
        }
        row.count += 1;
        row.size += reported;
        let (objects, bytes) = &mut self.expected.generations[generation];
        *objects += 1;
        *bytes += reported;
        at + step
    }
}

/// The ephemeral segment as it was written.
struct Ephemeral {
    header: u64,
    gen0: u64,
    gen1: u64,
    frontier: u64,
    allocated: u64,
    committed: u64,
    reserved: u64,
    /// Ends of objects of generation 0.
    boundaries: Vec<u64>,
    /// Addresses inside of dead objects behind the frontier.
    stale_middles: Vec<u64>,
}
