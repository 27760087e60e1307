//! What .NET 5 and later have and the older runtimes have not: `GcDacVars` with a fifth generation, regions, exports of the DAC table and
//! of contract descriptors, RIDs in `flags2`, `Module.Base`.
//!
//! The numbers are those of coreclr's own sources and public binaries (gcinterface.dacvars.def, dac_gcheap_fields.h, dacvars.h,
//! gc/datadescriptor/datadescriptor.inc); what a build may move is an argument.

use super::*;

/// A runtime from .NET 5 on.
#[derive(Debug, Clone)]
pub struct Modern {
    /// 5 to 11.
    pub major: u16,
    /// `IMAGE_FILE_MACHINE_*`.
    pub machine: u16,
    /// Every generation has a list of regions of its own; else segments.
    pub regions: bool,
    /// Which of the two places that tell the GC's variables is there.
    pub published: Published,
    /// Words of a `heap_segment` in which allocated, committed, reserved, used, mem, flags and next lie. Only a descriptor can tell of
    /// another order than the usual one.
    pub segment_words: [u64; 7],
    /// `Module.Base`, where there is one.
    pub module_base: u64,
    /// The process has loaded the runtime and not started it: no heap, no types.
    pub idle: bool,
    /// `gc_structures_invalid_cnt`.
    pub structures_invalid: u32,
}

/// Where the GC's variables are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// In `GcDacVars`; of .NET 11 the slot of the sub-descriptor is null.
    DacVars,
    /// In the sub-descriptor alone: `GcDacVars` has entries that lead nowhere.
    Descriptor,
    /// In both.
    Both,
}

/// `IMAGE_FILE_MACHINE_I386`.
pub const X86: u16 = 0x14C;
/// `IMAGE_FILE_MACHINE_AMD64`.
pub const X64: u16 = 0x8664;
/// `IMAGE_FILE_MACHINE_ARM64`.
pub const ARM64: u16 = 0xAA64;

/// Parts of `.data`: variables of the DAC table, `GcDacVars`, the GC's own.
const DAC_VARIABLES: u64 = 0x100;
const GC_DAC_VARS: u64 = 0x800;
const GC_VARIABLES: u64 = 0xA00;
const GENERATION_TABLE: u64 = 0x1400;
/// Parts of `.rdata`.
const DAC_TABLE: u64 = 0;
const DESCRIPTOR: u64 = 0x800;
const GC_DESCRIPTOR: u64 = 0x840;
const POINTER_DATA: u64 = 0x900;
const GC_POINTER_DATA: u64 = 0xA00;
const FIELD_OFFSETS: u64 = 0xB00;
const JSON: u64 = 0x1000;
const GC_JSON: u64 = 0x3000;

/// Entries of `GcDacVars` behind its numbers, by their index.
mod entry {
    pub const GENERATION_TABLE: u64 = 3;
    pub const MAX_GEN: u64 = 4;
    pub const EPHEMERAL: u64 = 7;
    pub const ALLOC_ALLOCATED: u64 = 12;
    pub const FINALIZE_QUEUE: u64 = 15;
    pub const N_HEAPS: u64 = 19;
    pub const G_HEAPS: u64 = 20;
    pub const STRUCTURES_INVALID: u64 = 21;
    pub const HANDLE_TABLE_MAP: u64 = 26;
    pub const HEAP_OFFSETS: u64 = 27;
    pub const GENERATION_OFFSETS: u64 = 28;
}

impl SynthLayout {
    /// .NET 5 and later, as far as it is known.
    pub fn net(major: u16, pointer: u64) -> SynthLayout {
        let at = |x64: u64, x86: u64| if pointer == 8 { x64 } else { x86 };
        let late = major >= 8;
        SynthLayout {
            generation_size: match major {
                5 | 6 => at(272, 144),
                7 | 8 => at(264, 140),
                _ => at(256, 136),
            },
            start_segment: at(56, 40),
            allocation_start: at(64, 44),
            // The prefix that the DAC knows, up to 6; then wherever the offsets say.
            heap_size: at(0x3600, 0x1C00),
            heap_alloc_allocated: if major <= 6 { 0 } else { at(5216, 2864) },
            heap_ephemeral: if major <= 6 { pointer } else { at(5224, 2868) },
            heap_table: if major <= 6 { at(344, 176) } else { at(2384, 1264) },
            module_size: at(0x6A0, 0x3E0),
            module_simple_name: if late { at(168, 92) } else { pointer },
            module_file: match major {
                5..=7 => 2 * pointer,
                8 => at(176, 96),
                9 => at(184, 100),
                _ => at(192, 104),
            },
            module_dynamic: match major {
                5..=7 => at(0x428, 0x250),
                8 => at(0x3F8, 0x230),
                9 => at(0x2E0, 0x190),
                _ => at(0x2E8, 0x194),
            },
            file_il: pointer,
            image_size: at(0x140, 0xC0),
            image_layouts: match major {
                5 => at(72, 48),
                6 | 7 => at(96, 64),
                8 | 9 => at(104, 68),
                _ => at(112, 72),
            },
            ..SynthLayout::framework(pointer)
        }
    }
}

impl Scenario {
    /// .NET 5 to 11, workstation, with regions where that is the default: 64-bit from 7 on.
    pub fn net(major: u16, machine: u16) -> Scenario {
        let pointer = if machine == X86 { 4 } else { 8 };
        let at = |x64: u64, x86: u64| if pointer == 8 { x64 } else { x86 };
        Scenario {
            layout: SynthLayout::net(major, pointer),
            core: true,
            version: [major, 0, 1326, 5678],
            modern: Some(Modern {
                major,
                machine,
                regions: pointer == 8 && major >= 7,
                published: if major >= 11 { Published::Both } else { Published::DacVars },
                segment_words: [0, 1, 2, 3, 4, 5, 6],
                module_base: match major {
                    0..=8 => 0,
                    9 => at(192, 104),
                    _ => at(200, 108),
                },
                idle: false,
                structures_invalid: 0,
            }),
            ..Scenario::framework(pointer)
        }
    }
}

impl Scenario {
    /// Moves what the builds of .NET 5 and later have moved: fields of `generation`, `gc_heap`, Module, PEAssembly, PEImage and PEImageLayout. What
    /// the runtime tells of itself is told as it then is; what .NET 5 does not tell stays.
    #[must_use]
    pub fn moved(&self, seed: u64) -> Scenario {
        let mut scenario = self.clone();
        let Some(modern) = &mut scenario.modern else { return scenario };
        let mut r = Random::new(seed);
        let (before, p) = (self.layout.clone(), self.layout.pointer);
        let l = &mut scenario.layout;
        *l = before.shifted(seed);
        // Behind the search's bounds nothing is named; the table has five generations, and the variables have places of their own.
        l.data_size = before.data_size;
        let table = 5 * l.generation_size;
        [l.heap_alloc_allocated, l.heap_ephemeral] = r.apart(0x400, p, &[(l.heap_table, table)]);
        l.heap_size = (l.heap_table + table).max(0x400 * p) + 16 * p;
        if modern.major == 5 {
            (l.generation_size, l.start_segment, l.allocation_start) =
                (before.generation_size, before.start_segment, before.allocation_start);
            (l.heap_table, l.heap_alloc_allocated, l.heap_ephemeral, l.heap_size) =
                (before.heap_table, before.heap_alloc_allocated, before.heap_ephemeral, before.heap_size);
        }
        if modern.module_base > 0 {
            let taken = [l.module_simple_name, l.module_file, l.module_assembly, l.module_dynamic, 0].map(|at| (at, p));
            [modern.module_base] = r.apart(46, p, &taken);
        }
        if modern.major >= 11 {
            let mut words: [u64; 9] = std::array::from_fn(|i| i as u64);
            for i in (1..words.len()).rev() {
                words.swap(i, r.below(i as u64 + 1) as usize);
            }
            modern.segment_words.copy_from_slice(&words[..7]);
            // Only the descriptor can tell of the order.
            if modern.published == Published::DacVars {
                modern.published = Published::Both;
            }
        }
        scenario
    }
}

impl Modern {
    /// Bits of flags2 hold the RID; a canonical method table is named with tag 1.
    pub(super) fn rid_in_flags2(&self) -> bool {
        self.major >= 9
    }

    pub(super) fn canonical_tag(&self) -> u64 {
        if self.major >= 8 { 1 } else { 2 }
    }
}

impl World<'_> {
    /// coreclr.dll: exports or the DAC's resource, descriptors, variables.
    pub(super) fn modern_runtime_module(&mut self, modern: &Modern) {
        let p = self.l.pointer;
        let mut pe = PeBuilder::new(modern.machine);
        let text = pe.section(".text", 0x6000_0020, vec![0xCC; 0x1000], 0);
        let rdata = pe.section(".rdata", READ, vec![0; 0x5000], 0);
        let data = pe.section(".data", WRITE, vec![0; self.l.data_size as usize], 0);
        let mut exports = vec![("coreclr_initialize", Ok(text)), ("g_CLREngineMetrics", Ok(data))];
        if modern.major >= 8 {
            exports.push(("g_dacTable", Ok(rdata + DAC_TABLE as u32)));
        } else {
            let mut table = Vec::new();
            for value in [120u32, 68, pe.timestamp, 0, 0, 0] {
                table.extend(value.to_le_bytes());
            }
            for i in 0..120u32 {
                table.extend((data + DAC_VARIABLES as u32 + i * p as u32).to_le_bytes());
            }
            table.extend([0; 68 * 4]);
            pe.resources(&[(10, ResourceName::Name("COREXTERNALDATAACCESSRESOURCE"), &table)]);
        }
        if modern.major >= 9 {
            exports.push(("DotNetRuntimeContractDescriptor", Ok(rdata + DESCRIPTOR as u32)));
        }
        pe.exports("coreclr.dll", &exports);
        let have = pe.next_rva();
        pe.section(".more", READ, vec![0; 16], 0x20_0000);
        let mut bytes = pe.mapped();
        bytes.truncate(have as usize);
        self.space.add(self.clr, bytes);
        let version = self.scenario.version;
        let name = format!(
            "C:\\Program Files\\dotnet\\shared\\Microsoft.NETCore.App\\{}.0.{}\\coreclr.dll",
            modern.major,
            version[2] / 100
        );
        self.dump.module(&name, self.clr, pe.next_rva(), version, pe.timestamp);
        self.rdata = self.clr + u64::from(rdata);
        self.data = self.clr + u64::from(data);
        self.vtables = self.clr + u64::from(text) + 0x100;
        for i in 0..160 {
            self.space.word(self.rdata + DAC_TABLE + i * p, self.data + DAC_VARIABLES + i * p);
            // Something that leads somewhere: no proof may stop at a readable address.
            let value = match self.random.below(3) {
                0 => 0,
                1 => self.data + self.random.below(0x100) * p,
                _ => self.space.blocks[self.heap].base + self.random.below(0x100) * p,
            };
            self.space.word(self.data + DAC_VARIABLES + i * p, value);
        }
    }

    /// Index of a variable in the DAC table: g_gcDacGlobals, then Object, String, Exception, Free.
    fn dac_variable(&self, modern: &Modern, which: usize) -> u64 {
        let index = match modern.major {
            5 | 6 => [35, 55, 58, 63, 70],
            7 | 8 => [20, 41, 44, 48, 55],
            9 => [20, 44, 47, 51, 58],
            _ => [19, 43, 46, 50, 57],
        };
        self.data + DAC_VARIABLES + index[which] * self.l.pointer
    }

    /// An assembly: its image, mapped (or as a file in memory), and the `Module`.
    fn modern_module(&mut self, modern: &Modern, path: Option<&str>, metadata: &MetadataBuilder, name: &str) -> u64 {
        let p = self.l.pointer;
        let mut pe = PeBuilder::new(modern.machine);
        pe.metadata(&metadata.build());
        let base = self.next_image;
        self.next_image += 0x100_0000;
        let layouts = match path {
            Some(path) => {
                self.dump.module(path, base, pe.next_rva(), [modern.major, 0, 1, 0], 3);
                self.space.add(base, pe.mapped());
                let loaded = self.image_layout(base, 7);
                [0, 0, loaded, 0]
            }
            None => {
                self.space.add(base, pe.flat());
                let flat = self.image_layout(base, 0x72);
                [0, flat, 0, 0]
            }
        };
        let image = self.pe_image(layouts);
        let file = self.space.alloc(self.heap, 12 * p);
        self.space.word(file, self.vtables + 0x180);
        self.space.word(file + self.l.file_il, image);
        let at = self.module(self.loader, name, file, false);
        if modern.module_base > 0 {
            self.space.word(at + modern.module_base, base);
        }
        at
    }

    /// Modules, their metadata and all types.
    pub(super) fn modern_types(&mut self, modern: &Modern) {
        let p = self.l.pointer;
        let core_name = self.core_name();
        let folder = "C:\\Program Files\\dotnet\\shared\\Microsoft.NETCore.App";
        let loader = self.loader;

        let mut md = MetadataBuilder::new(&format!("{core_name}.dll"), [1; 16]);
        md.assembly(core_name, [modern.major, 0, 0, 0]);
        let collections = "System.Collections.Generic";
        let object_rid = md.type_def(1, "System", "Object", 0);
        let [value_rid, string_rid, array_rid, int_rid, byte_rid, char_rid, canon_rid, exception_rid] =
            ["ValueType", "String", "Array", "Int32", "Byte", "Char", "__Canon", "Exception"]
                .map(|n| md.type_def(1, "System", n, 0));
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
        let core = self.modern_module(modern, Some(&format!("{folder}\\{core_name}.dll")), &md, core_name);

        let mut md = MetadataBuilder::new("App.dll", [3; 16]);
        md.assembly("App", [1, 0, 0, 0]);
        let customer_rid = md.type_def(1, "App", "Customer", 0);
        let address_rid = md.type_def(2, "", "Address", 0);
        md.nested(address_rid, customer_rid);
        let price_rid = md.type_def(1, "App", "Price", 0);
        let app = self.modern_module(modern, Some("C:\\app\\App.dll"), &md, "App");

        let mut md = MetadataBuilder::new("Plugin.dll", [4; 16]);
        md.assembly("Plugin", [1, 0, 0, 0]);
        let widget_rid = md.type_def(1, "Plugin", "Widget", 0);
        let plugin = self.modern_module(modern, None, &md, "Plugin");

        let mut md = MetadataBuilder::new("Emitted", [5; 16]);
        md.table_stream = "#-";
        md.assembly("Emitted", [0; 4]);
        let emitted_rid = md.type_def(1, "Emitted", "Proxy", 0);
        let metadata = md.build();
        let file = self.space.alloc(self.heap, 12 * p);
        let dynamic = self.module(loader, "Emitted", file, true);
        let len = metadata.len() as u64;
        let buffer = if modern.major >= 9 {
            // { u32 size, bytes }
            let buffer = self.space.alloc(self.heap, len + 4);
            self.space.write(buffer + 4, &metadata);
            buffer
        } else {
            let bytes = self.space.alloc(self.heap, len);
            self.space.write(bytes, &metadata);
            let buffer = self.space.alloc(self.heap, 4 * p);
            self.space.u32(buffer + 4, len as u32);
            self.space.word(buffer + if p == 8 { 16 } else { 12 }, bytes);
            buffer
        };
        self.space.u32(buffer, len as u32);
        self.space.word(dynamic + self.l.module_dynamic, buffer);

        let start = self.space.alloc(loader, 16 * p);
        self.space.u32(start, COMPONENTS | 1);
        self.space.u32(start + 4, 3 * p as u32);
        self.free = start;
        self.expected.rows.insert(start, Row { name: "Free".into(), ..Row::default() });

        let object_mt = Mt { base_size: 3 * p, ..self.class(object_rid, 0, 0, core) };
        let object = self.typed(loader, "System.Object", core_name, &object_mt, 0);
        let disposable_mt = Mt { flags: INTERFACE, base_size: 0, ..self.class(disposable_rid, 0, 0, core) };
        let disposable = self.method_table(loader, &disposable_mt);
        let root = |w: &mut Self, rid| {
            let mt = Mt { base_size: 3 * p, ..w.class(rid, 0, object, core) };
            w.method_table(loader, &mt)
        };
        let (value, array) = (root(self, value_rid), root(self, array_rid));
        let canon_mt = self.class(canon_rid, 1, object, core);
        let canon = self.method_table(loader, &canon_mt);
        let string_mt = Mt {
            flags: COMPONENTS | 2,
            base_size: if p == 8 { 22 } else { 14 },
            interfaces: vec![disposable],
            ..self.class(string_rid, 0, object, core)
        };
        let string = self.typed(loader, "System.String", core_name, &string_mt, 2);
        self.kinds.last_mut().unwrap().frozen = true;
        let primitives = [(int_rid, "Int32"), (byte_rid, "Byte"), (char_rid, "Char")].map(|(rid, name)| {
            let mt = Mt { flags: PRIMITIVE, base_size: 3 * p, ..self.class(rid, 0, value, core) };
            self.typed(loader, &format!("System.{name}"), core_name, &mt, 0)
        });
        let [int, byte, char] = primitives;
        let exception_mt = self.class(exception_rid, 6, object, core);
        let exception = self.typed(loader, "System.Exception", core_name, &exception_mt, 0);

        let objects_mt = self.array(object, p, 0, array, core, Canonical::Own, true);
        let objects = self.typed(loader, "System.Object[]", core_name, &objects_mt, p);
        let mt = self.array(string, p, 0, array, core, Canonical::Of(objects), true);
        self.typed(loader, "System.String[]", core_name, &mt, p);
        for (element, name, component) in [(byte, "System.Byte", 1), (char, "System.Char", 2)] {
            let mt = self.array(element, component, 0, array, core, Canonical::Own, false);
            self.typed(loader, &format!("{name}[]"), core_name, &mt, component);
        }
        for (rank, suffix) in [(2, "[,]"), (3, "[,,]"), (1, "[*]")] {
            let mt = self.array(int, 4, rank, array, core, Canonical::Own, false);
            self.typed(loader, &format!("System.Int32{suffix}"), core_name, &mt, 4);
        }
        // int*[]: a TypeDesc for an element; 8.0 has its argument a word earlier.
        let pointer = self.space.alloc(loader, 6 * p);
        self.space.u32(pointer, 0x0F);
        self.space.word(pointer + if matches!(modern.major, 8) { p } else { 2 * p }, int);
        let mt = self.array(pointer + 2, p, 0, array, core, Canonical::Own, false);
        self.typed(loader, "System.Int32*[]", core_name, &mt, p);

        let list_canon_mt = Mt {
            flags: SHARED,
            arguments: vec![canon],
            interfaces: vec![disposable],
            ..self.class(list_rid, 3, object, core)
        };
        let list_canon = self.method_table(loader, &list_canon_mt);
        let generic =
            |mt: Mt, canonical: Canonical, arguments: Vec<u64>| Mt { flags: GENERIC, canonical, arguments, ..mt };
        let list = |argument: &str, assembly: &str| format!("{collections}.List`1[[{argument}, {assembly}]]");
        let customer_mt = Mt { interfaces: vec![disposable], ..self.class(customer_rid, 4, object, app) };
        let customer = self.typed(loader, "App.Customer", "App", &customer_mt, 0);
        for (argument, name, assembly) in [(string, "System.String", core_name), (customer, "App.Customer", "App")] {
            let mt = generic(self.class(list_rid, 3, object, core), Canonical::Of(list_canon), vec![argument]);
            self.typed(loader, &list(name, assembly), core_name, &mt, 0);
        }
        let mt = self.class(address_rid, 2, object, app);
        self.typed(loader, "App.Customer+Address", "App", &mt, 0);
        let mt = Mt { flags: VALUE_TYPE, base_size: 4 * p, ..self.class(price_rid, 0, value, app) };
        let price = self.typed(loader, "App.Price", "App", &mt, 0);
        let mt = self.array(customer, p, 0, array, app, Canonical::Of(objects), true);
        self.typed(loader, "App.Customer[]", "App", &mt, p);
        let name = |n: &str| format!("{collections}.{n}[[System.String, {core_name}],[App.Price, App]]");
        let mt = generic(self.class(dictionary_rid, 4, object, core), Canonical::Own, vec![string, price]);
        self.typed(loader, &name("Dictionary`2"), core_name, &mt, 0);
        let mt = Mt {
            base_size: 6 * p,
            references: References::None,
            ..generic(self.class(entry_rid, 0, value, core), Canonical::Own, vec![string, price])
        };
        let entry = self.method_table(loader, &mt);
        let mt = self.array(entry, 4 * p, 0, array, core, Canonical::Own, false);
        self.typed(loader, &format!("{}[]", name("Dictionary`2+Entry")), core_name, &mt, 4 * p);
        let mt = self.class(widget_rid, 2, object, plugin);
        self.typed(loader, "Plugin.Widget", "Plugin", &mt, 0);
        let mt = self.class(emitted_rid, 1, object, dynamic);
        self.typed(loader, "Emitted.Proxy", "Emitted", &mt, 0);

        for (which, table) in (1..).zip([object, string, exception, self.free]) {
            let at = self.dac_variable(modern, which);
            self.space.word(at, table);
        }
    }

    /// Heaps, and the places that tell of them.
    pub(super) fn modern_gc(&mut self, modern: &Modern) {
        let p = self.l.pointer;
        let variables = self.data + GC_VARIABLES;
        let variable = |i: u64| variables + 0x20 * i;
        let count = self.scenario.server_heaps as u64;
        let table_size = 5 * self.l.generation_size;
        let table = self.data + GENERATION_TABLE;
        if count == 0 {
            self.modern_heap(modern, table, variable(0), variable(1), true);
            self.expected.heaps = 1;
        } else {
            let array = self.space.alloc(self.heap, count * p);
            for i in 0..count {
                let heap = self.space.alloc(self.heap, self.l.heap_size.max(self.l.heap_table + table_size));
                self.space.word(array + i * p, heap);
                let [table, frontier, ephemeral] =
                    [self.l.heap_table, self.l.heap_alloc_allocated, self.l.heap_ephemeral].map(|o| heap + o);
                self.modern_heap(modern, table, frontier, ephemeral, i == 0);
            }
            self.space.u32(variable(3), count as u32);
            self.space.word(variable(4), array);
            self.expected.heaps = count as usize;
        }
        self.space.u32(variable(5), 2); // max_gen
        self.space.u32(variable(6), modern.structures_invalid);
        self.gc_dac_vars(modern, count > 0);
        if modern.major >= 9 {
            self.descriptors(modern, count > 0);
        }
    }

    /// `GcDacVars`, and the variable that points to it.
    fn gc_dac_vars(&mut self, modern: &Modern, server: bool) {
        let (p, l) = (self.l.pointer, self.l.clone());
        let variable = |i: u64| self.data + GC_VARIABLES + 0x20 * i;
        let at = self.data + GC_DAC_VARS;
        let minor = match modern.major {
            5..=8 => u8::from(modern.regions),
            9 => 1,
            10 => 4,
            _ => 8,
        };
        let mut entries = vec![0u64; 35];
        for (i, entry) in (0..).zip(&mut entries) {
            // Per-heap entries are null in a server process; whatever else leads into the runtime's data.
            let per_heap = matches!(i, 2 | 3 | 5..=18);
            *entry = if server && per_heap || i >= 27 { 0 } else { variable(20) + i * p };
        }
        let mut set = |i: u64, value: u64| entries[i as usize] = value;
        set(entry::MAX_GEN, variable(5));
        set(entry::STRUCTURES_INVALID, variable(6));
        set(entry::HANDLE_TABLE_MAP, variable(7));
        if server {
            set(entry::N_HEAPS, variable(3));
            set(entry::G_HEAPS, variable(4));
        } else {
            set(entry::N_HEAPS, 0);
            set(entry::G_HEAPS, 0);
            set(entry::GENERATION_TABLE, self.data + GENERATION_TABLE);
            set(entry::ALLOC_ALLOCATED, variable(0));
            set(entry::EPHEMERAL, variable(1));
            set(entry::FINALIZE_QUEUE, variable(2));
        }
        let offsets = self.rdata + FIELD_OFFSETS;
        if modern.major >= 6 {
            set(entry::GENERATION_OFFSETS, offsets);
            let start = if modern.regions { u64::from(u32::MAX) } else { l.allocation_start };
            for (i, value) in (0..).zip([0, l.start_segment, start]) {
                self.space.u32(offsets + 4 * i, value as u32);
            }
            if server {
                set(entry::HEAP_OFFSETS, offsets + 0x20);
                let count = if modern.major == 6 { 19 } else { 22 };
                for i in 0..count {
                    let value = match i {
                        0 => l.heap_alloc_allocated,
                        1 => l.heap_ephemeral,
                        2 => 2 * p,
                        16 | 17 if modern.regions => u64::from(u32::MAX),
                        18 => l.heap_table,
                        _ => 0x40 + 8 * i,
                    };
                    self.space.u32(offsets + 0x20 + 4 * i, value as u32);
                }
            }
        } else {
            // The structure ends here; what the linker put behind it are other variables, addresses of the module among them.
            for i in 27..35 {
                set(i, self.data + 0x40 * i);
            }
        }
        if modern.published == Published::Descriptor {
            entries[entry::MAX_GEN as usize] = self.data + 8;
        }
        self.space.write(at, &[if modern.major <= 6 { 1 } else { 2 }, minor]);
        self.space.word(at + p, l.generation_size);
        self.space.word(at + 2 * p, 5);
        for (i, &value) in (3..).zip(&entries) {
            self.space.word(at + i * p, value);
        }
        if modern.major >= 7 {
            // total_bookkeeping_elements, count_free_region_kinds: i32 each; card_table_info_size: size_t.
            let numbers = at + 38 * p;
            self.space.u32(numbers, 7);
            self.space.u32(numbers + 4, 3);
            self.space.word(numbers + 8, 64);
            if modern.major >= 11 && modern.published != Published::DacVars {
                self.space.word(numbers + 8 + 2 * p, self.rdata + GC_DESCRIPTOR);
            }
        }
        let slot = self.dac_variable(modern, 0);
        self.space.word(slot, at);
    }

    /// One GC heap: lists of regions or segments, its generation table.
    fn modern_heap(&mut self, modern: &Modern, table: u64, frontier_at: u64, ephemeral_at: u64, first: bool) {
        let p = self.l.pointer;
        let n = self.scenario.objects;
        let frozen = |w: &mut Self, next: u64| {
            let header = w.space.alloc(w.heap, 14 * p);
            w.old_segment(5, 1, n / 4 + 1, next, header).0
        };
        let heads: [(u64, u64); 5];
        let mut tails = [0; 5];
        if modern.regions {
            let loh2 = self.region(3, 8, n / 8 + 1, 0);
            let loh = self.region(3, 8 | 0x40, n / 8 + 1, loh2);
            let poh = self.region(4, 0x200, n / 4, 0);
            let mut gen2 = 0;
            for i in 0..3 {
                gen2 = self.region(2, 0x50, n / 2, gen2);
                if i == 0 {
                    tails[2] = gen2;
                }
            }
            if first && modern.major >= 8 {
                gen2 = frozen(self, gen2);
            }
            let gen1 = self.region(1, 0, n / 4, 0);
            let (ephemeral, frontier) = self.newest_region();
            let gen0 = self.region(0, 0, n / 2, ephemeral);
            self.space.word(frontier_at, frontier);
            self.space.word(ephemeral_at, ephemeral);
            heads = [gen0, gen1, gen2, loh, poh].map(|head| (head, 0));
            (tails[0], tails[1], tails[3], tails[4]) = (ephemeral, gen1, loh2, poh);
        } else {
            let loh2 = self.old_segment(3, 8, n / 8 + 1, 0, 0);
            let loh1 = self.old_segment(3, 8, n / 8 + 1, loh2.0, 0);
            let poh = self.old_segment(4, 0x200, n / 4, 0, 0);
            let ephemeral = self.ephemeral_segment();
            let old2 = self.old_segment(2, 0, n, ephemeral.header, 0);
            let head = if first && modern.major >= 8 { frozen(self, old2.0) } else { old2.0 };
            self.space.word(frontier_at, ephemeral.frontier);
            self.space.word(ephemeral_at, ephemeral.header);
            heads = [
                (ephemeral.header, ephemeral.gen0),
                (ephemeral.header, ephemeral.gen1),
                (head, old2.1),
                (loh1.0, loh1.1),
                (poh.0, poh.1),
            ];
        }
        for (g, (start, from)) in (0..).zip(heads) {
            let at = table + g * self.l.generation_size;
            for i in 0..self.l.generation_size / p {
                let value = if self.random.chance(3) { self.random.below(0x8000) } else { 0 };
                self.space.word(at + i * p, value);
            }
            self.space.word(at + self.l.start_segment, start);
            if modern.regions {
                // gcpriv.h: allocation_segment, allocation_context_start_region, tail_region.
                self.space.word(at + self.l.start_segment + p, tails[g as usize]);
                self.space.word(at + self.l.start_segment + 3 * p, tails[g as usize]);
            } else {
                self.space.word(at + self.l.allocation_start, from);
            }
        }
    }

    /// A region of old objects. Its header lies in the array that maps regions, its first object a few words into it.
    fn region(&mut self, generation: usize, flags: u64, objects: u64, next: u64) -> u64 {
        let p = self.l.pointer;
        let base = self.reserve(0x8_0000);
        let arena = self.space.add(base, vec![0; 0x8_0000]);
        let header = self.space.alloc(self.heap, 20 * p);
        let mem = base + 5 * p;
        let mut at = mem;
        for _ in 0..objects {
            if self.random.chance(6) {
                let len = self.random.below(if generation == 3 { 9000 } else { 200 });
                at = self.put(at, None, len, generation);
            }
            at = self.any(at, generation);
        }
        let committed = (at + p).next_multiple_of(0x1000);
        self.space.blocks[arena].bytes.truncate((committed - base) as usize);
        // Not a bound: it may be far below the objects' end.
        let used = if self.random.chance(2) { mem } else { at };
        self.segment_header(header, [at, committed, base + 0x8_0000, used, mem, flags, next]);
        header
    }

    /// The last region of generation 0, where threads allocate; header and frontier.
    fn newest_region(&mut self) -> (u64, u64) {
        let p = self.l.pointer;
        let base = self.reserve(0x8_0000);
        let arena = self.space.add(base, vec![0; 0x8_0000]);
        let header = self.space.alloc(self.heap, 20 * p);
        let mem = base + 5 * p;
        let mut at = mem;
        for _ in 0..self.random.below(self.scenario.objects) {
            if self.random.chance(10) {
                // An open allocation context: zeros, and three words behind its limit.
                at += (3 + self.random.below(60)) * p;
            }
            at = self.any(at, 0);
        }
        if self.random.chance(2) {
            at += (3 + self.random.below(500)) * p;
            let stale = [0, self.free, self.objects[0]][self.random.below(3) as usize];
            self.space.word(at - p, stale);
        }
        let committed = (at + p).next_multiple_of(0x1000);
        self.space.blocks[arena].bytes.truncate((committed - base) as usize);
        self.segment_header(header, [mem, committed, base + 0x8_0000, at, mem, 0, 0]);
        (header, at)
    }

    /// The contract descriptors: that of the VM, and of .NET 11 that of the GC.
    fn descriptors(&mut self, modern: &Modern, server: bool) {
        let (p, l) = (self.l.pointer, self.l.clone());
        let at = |x64: u64, x86: u64| if p == 8 { x64 } else { x86 };
        let data = self.data;
        let variable = |i: u64| data + GC_VARIABLES + 0x20 * i;
        let path = if modern.major >= 11 { String::new() } else { format!(r#","Base":{}"#, modern.module_base) };
        let chain = format!(
            r#""PEAssembly":{{"PEImage":{}}},"PEImage":{{"LoadedImageLayout":{}}},"PEImageLayout":{{"Base":{}}},"#,
            l.file_il,
            l.image_layouts + 2 * p,
            l.layout_base
        );
        let sub = if modern.major >= 11 { r#","subDescriptors":{"GC":[[6],"pointer"]}"# } else { "" };
        let json = format!(
            concat!(
                r#"{{"version":0,"baseline":"empty","contracts":{{"Loader":1,"GC":"c1"}},"types":{{"#,
                r#""Object":{{"m_pMethTab":[0,"pointer"],"!":{p}}},"Array":{{"m_NumComponents":[{p},"uint32"],"!":{two}}},"#,
                r#""MethodTable":{{"MTFlags":[0,"uint32"],"BaseSize":[4,"uint32"],"MTFlags2":[8,"uint32"],"NumVirtuals":[12,"uint16"],"#,
                r#""NumInterfaces":[14,"uint16"],"ParentMethodTable":[16,"pointer"],"Module":[{module},"pointer"],"#,
                r#""EEClassOrCanonMT":[{canonical},"pointer"],"PerInstInfo":[{inst},"pointer"],"!":{size}}},"#,
                r#""EEClass":{{"MethodTable":[{two},"pointer"]}},"ParamTypeDesc":{{"TypeArg":{two}}},{chain}"#,
                r#""Module":{{"PEAssembly":{file},"DynamicMetadata":{dynamic}{path}}}}},"#,
                r#""globals":{{"FreeObjectMethodTable":[[1],"pointer"],"StringMethodTable":[[2],"pointer"],"#,
                r#""ObjectMethodTable":[[3],"pointer"],"ObjectToMethodTableUnmask":["{unmask:#x}","uint8"],"Unknown":[[99],"pointer"]}}{sub}}}"#
            ),
            p = p,
            two = 2 * p,
            module = at(24, 20),
            canonical = at(40, 28),
            inst = at(48, 32),
            size = at(64, 40),
            chain = if modern.major >= 10 { chain.as_str() } else { "" },
            file = l.module_file,
            dynamic = l.module_dynamic,
            path = path,
            unmask = p - 1,
            sub = sub,
        );
        let slots = [
            0,
            self.dac_variable(modern, 4),
            self.dac_variable(modern, 2),
            self.dac_variable(modern, 1),
            0,
            0,
            // The address of GcDacVars.gc_descriptor.
            self.data + GC_DAC_VARS + 38 * p + 8 + 2 * p,
        ];
        self.descriptor(DESCRIPTOR, &json, JSON, POINTER_DATA, &slots);
        if modern.major < 11 {
            return;
        }
        let words = modern.segment_words.map(|w| w * p);
        let segment: Vec<String> = ["Allocated", "Committed", "Reserved", "Used", "Mem", "Flags", "Next"]
            .iter()
            .zip(words)
            .map(|(name, offset)| format!(r#""{name}":[{offset},"pointer"]"#))
            .collect();
        let start =
            if modern.regions { String::new() } else { format!(r#","AllocationStart":{}"#, l.allocation_start) };
        let kind = if modern.regions { "regions" } else { "segments" };
        let (mode, heap, variables) = if server {
            let heap = format!(
                r#","GCHeap":{{"AllocAllocated":{},"EphemeralHeapSegment":{},"GenerationTable":{},"FinalizeQueue":{}}}"#,
                l.heap_alloc_allocated,
                l.heap_ephemeral,
                l.heap_table,
                2 * p
            );
            ("server", heap, r#""NumHeaps":[[3],"pointer"],"Heaps":[[4],"pointer"]"#)
        } else {
            let names = r#""GCHeapGenerationTable":[[7],"pointer"],"GCHeapAllocAllocated":[[1],"pointer"],"GCHeapEphemeralHeapSegment":[[2],"pointer"]"#;
            ("workstation", String::new(), names)
        };
        let json = format!(
            concat!(
                r#"{{"version":0,"baseline":"empty","contracts":{{"GC":1}},"types":{{"Generation":{{"!":{size},"StartSegment":{start_segment}{start}}},"#,
                r#""HeapSegment":{{{segment}}}{heap}}},"globals":{{"GCIdentifiers":["{mode}, {kind}, background","string"],"TotalGenerationCount":[5,"uint32"],"#,
                r#""StructureInvalidCount":[[6],"pointer"],"MaxGeneration":[[5],"pointer"],{variables}}}}}"#
            ),
            size = l.generation_size,
            start_segment = l.start_segment,
            start = start,
            segment = segment.join(","),
            heap = heap,
            mode = mode,
            kind = kind,
            variables = variables,
        );
        let slots = [
            0,
            variable(0),
            variable(1),
            variable(3),
            variable(4),
            variable(5),
            variable(6),
            self.data + GENERATION_TABLE,
        ];
        self.descriptor(GC_DESCRIPTOR, &json, GC_JSON, GC_POINTER_DATA, &slots);
    }

    /// Header, JSON and pointer data in `.rdata`.
    fn descriptor(&mut self, header: u64, json: &str, json_at: u64, data_at: u64, slots: &[u64]) {
        let p = self.l.pointer;
        let at = self.rdata + header;
        self.space.write(at, b"DNCCDAC\0");
        self.space.u32(at + 8, if p == 4 { 3 } else { 1 });
        self.space.u32(at + 12, json.len() as u32);
        self.space.word(at + 16, self.rdata + json_at);
        self.space.u32(at + 16 + p, slots.len() as u32);
        self.space.word(at + 24 + p, self.rdata + data_at);
        self.space.write(self.rdata + json_at, json.as_bytes());
        for (i, &slot) in (0..).zip(slots) {
            self.space.word(self.rdata + data_at + i * p, slot);
        }
    }
}
