//! PE images and metadata, against bytes that the builders of `dropheap::synth` wrote.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a panic is a failed test"
)]

use dropheap::image::metadata::{Token, table};
use dropheap::image::{Metadata, PeImage};
use dropheap::memory::{Addr, Memory, PointerSize, unreadable};
use dropheap::synth::metadata::MetadataBuilder;
use dropheap::synth::pe::{PeBuilder, READ, ResourceName, WRITE};
use dropheap::{Error, Result};
use proptest::prelude::*;
use std::cell::Cell;

const BASE: Addr = Addr(0x1_8000_0000);
const X86: u16 = 0x14C;
const X64: u16 = 0x8664;

/// A process of a few pieces.
#[derive(Default)]
struct Pieces {
    pieces: Vec<(Addr, Vec<u8>)>,
    /// The longest read so far, in bytes.
    longest: Cell<usize>,
}

impl Pieces {
    fn one(addr: Addr, bytes: Vec<u8>) -> Pieces {
        Pieces { pieces: vec![(addr, bytes)], longest: Cell::new(0) }
    }

    /// The piece at `addr`, without the bytes `hole`.
    fn holed(addr: Addr, bytes: &[u8], hole: std::ops::Range<usize>) -> Pieces {
        let behind = (addr.plus(hole.end as u64), bytes[hole.end..].to_vec());
        Pieces { pieces: vec![(addr, bytes[..hole.start].to_vec()), behind], longest: Cell::new(0) }
    }
}

impl Memory for Pieces {
    fn read(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()> {
        self.longest.set(self.longest.get().max(buf.len()));
        for (start, bytes) in &self.pieces {
            if addr >= *start
                && let Some(from) = bytes.get(addr.since(*start) as usize..)
                && let Some(from) = from.get(..buf.len())
            {
                buf.copy_from_slice(from);
                return Ok(());
            }
        }
        Err(unreadable(what, addr, buf.len() as u64))
    }

    fn run(&self, addr: Addr) -> u64 {
        let runs = self.pieces.iter().filter(|(start, _)| addr >= *start);
        runs.map(|(start, bytes)| (bytes.len() as u64).saturating_sub(addr.since(*start))).max().unwrap_or(0)
    }
}

mod pe {
    use super::*;

    fn open(pe: &PeBuilder) -> (Pieces, PeImage) {
        let mem = Pieces::one(BASE, pe.mapped());
        let image = PeImage::open(&mem, BASE).unwrap();
        (mem, image)
    }

    #[test]
    fn headers_of_every_machine() {
        for (machine, name, pointer) in [
            (X86, "x86", Some(PointerSize::Four)),
            (X64, "x64", Some(PointerSize::Eight)),
            (0xAA64, "arm64", Some(PointerSize::Eight)),
            (0x1C4, "arm", None),
            (0x200, "unknown", None),
        ] {
            let mut pe = PeBuilder::new(machine);
            pe.timestamp = 0x5F00_1234;
            pe.is_dll = machine != X86;
            pe.section(".text", READ, vec![1; 0x123], 0);
            pe.section(".1234567", WRITE, vec![2; 0x10], 0x1000);
            let (_, image) = open(&pe);
            assert_eq!((image.machine, image.architecture(), image.pointer_size()), (machine, name, pointer));
            assert_eq!((image.timestamp, image.is_dll), (0x5F00_1234, machine != X86));
            assert_eq!(image.size_of_image, 0x4000);
            let names: Vec<_> = image.sections.iter().map(|s| (s.name.as_str(), s.rva, s.virtual_size)).collect();
            assert_eq!(names, [(".text", 0x1000, 0x123), (".1234567", 0x2000, 0x1010)]);
            assert_eq!((image.sections[1].raw_offset, image.sections[1].raw_size), (0x600, 0x200));
            assert_eq!(image.sections[1].characteristics, WRITE);
        }
    }

    #[test]
    fn what_is_no_image() {
        let bytes = PeBuilder::new(X64).mapped();
        for (at, code) in [(0, "damaged"), (0x80, "damaged"), (0x98, "damaged"), (0x87, "limit")] {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x40;
            let error = PeImage::open(&Pieces::one(BASE, bytes), BASE).unwrap_err();
            assert_eq!(error.code(), code, "byte {at:#x}: {error}");
        }
        for len in [0, 1, 0x3F, 0x40, 0x83, 0x97, 0x100] {
            let error = PeImage::open(&Pieces::one(BASE, bytes[..len].to_vec()), BASE).unwrap_err();
            assert_eq!(error.code(), "unreadable", "{len:#x} bytes: {error}");
        }
    }

    #[test]
    fn addresses_inside_and_outside() {
        let mut pe = PeBuilder::new(X64);
        pe.section(".text", READ, vec![0; 0x10], 0);
        let (_, image) = open(&pe);
        assert_eq!(image.rva(BASE), Some(0));
        assert_eq!(image.rva(BASE.plus(0x1FFF)), Some(0x1FFF));
        assert_eq!(image.rva(BASE.plus(0x2000)), None);
        assert!(!image.contains(BASE.minus(1)));
        assert!(!image.contains(Addr::NULL));
    }

    #[test]
    fn exports_by_name() {
        let exports: &[(&str, Result<u32, &str>)] = &[
            ("g_dacTable", Ok(0x1008)),
            ("g_CLREngineMetrics", Ok(0x1010)),
            ("DotNetRuntimeInfo", Ok(0x1018)),
            ("Elsewhere", Err("NTDLL.RtlAllocateHeap")),
            ("_Decorated@12", Ok(0x1020)),
            ("_Decorated@x", Ok(0x1028)),
            ("_Decorate", Ok(0x1030)),
        ];
        for machine in [X86, X64] {
            let mut pe = PeBuilder::new(machine);
            pe.section(".data", WRITE, vec![0; 0x100], 0);
            pe.exports("coreclr.dll", exports);
            let (mem, image) = open(&pe);
            assert_eq!(image.exports(&mem).unwrap().unwrap().dll_name(&mem).unwrap(), "coreclr.dll");
            let names = [
                "g_dacTable",
                "g_dacTabl",
                "g_dacTable2",
                "Elsewhere",
                "DotNetRuntimeInfo",
                "g_CLREngineMetrics",
                "Decorated",
                "Decorate",
                "AAA",
                "zzz",
                "",
            ];
            let mut want = vec![("g_dacTable", 0x1008), ("DotNetRuntimeInfo", 0x1018), ("g_CLREngineMetrics", 0x1010)];
            if machine == X86 {
                want.push(("Decorated", 0x1020));
            }
            let want: Vec<_> = want.into_iter().map(|(name, rva)| (name, BASE.plus(rva))).collect();
            assert_eq!(image.find_exports(&mem, &names).unwrap(), want);
        }
    }

    #[test]
    fn an_image_without_exports_has_none() {
        let (mem, image) = open(&PeBuilder::new(X64));
        assert!(image.exports(&mem).unwrap().is_none());
        assert_eq!(image.find_exports(&mem, &["DllMain"]).unwrap(), []);
    }

    #[test]
    fn exports_that_are_not_in_the_dump() {
        let mut pe = PeBuilder::new(X64);
        pe.exports("a.dll", &[("f", Ok(0x10))]);
        let bytes = pe.mapped();
        let mem = Pieces::one(BASE, bytes[..0x1000].to_vec());
        let image = PeImage::open(&mem, BASE).unwrap();
        assert_eq!(image.find_exports(&mem, &["f"]).unwrap_err().code(), "unreadable");
        // The directory is there, its name table is not.
        let mem = Pieces::holed(BASE, &bytes, 0x1028..0x1040);
        assert_eq!(image.find_exports(&mem, &["f"]).unwrap_err().code(), "unreadable");
    }

    #[test]
    fn export_counts_of_a_stranger() {
        let mut pe = PeBuilder::new(X64);
        pe.exports("a.dll", &[("f", Ok(0x10))]);
        let bytes = pe.mapped();
        let find = |at: usize, value: u32| {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let mem = Pieces::one(BASE, bytes);
            PeImage::open(&mem, BASE).unwrap().find_exports(&mem, &["f"]).map_err(|e| e.code())
        };
        assert_eq!(find(0x1014, 1).unwrap().len(), 1);
        assert_eq!(find(0x1014, u32::MAX), Err("limit"));
        assert_eq!(find(0x1018, u32::MAX), Err("limit"));
        assert_eq!(find(0x1014, 0), Err("damaged"));
        assert_eq!(find(0x1018, 0).unwrap().len(), 0);
        assert_eq!(find(0x1018, 100_000), Err("unreadable"));
    }

    #[test]
    fn resources_by_name() {
        let debug_info = [7u8; 36];
        let mut pe = PeBuilder::new(X64);
        pe.resources(&[
            (10, ResourceName::Name("CLRDEBUGINFO"), &debug_info),
            (10, ResourceName::Name("COREXTERNALDATAACCESSRESOURCE"), b"dac"),
            (10, ResourceName::Id(1), b"number"),
            (11, ResourceName::Name("OTHER"), b"other"),
        ]);
        let (mem, image) = open(&pe);
        let text = |type_id, name| {
            let found = image.resource(&mem, type_id, name).unwrap();
            found.map(|(addr, len)| mem.bytes(addr, len as usize, "").unwrap())
        };
        assert_eq!(text(10, "CLRDEBUGINFO").unwrap(), debug_info);
        assert_eq!(text(10, "clrDebugInfo").unwrap(), debug_info);
        assert_eq!(text(10, "COREXTERNALDATAACCESSRESOURCE").unwrap(), b"dac");
        assert_eq!(text(11, "OTHER").unwrap(), b"other");
        assert_eq!(text(10, "OTHER"), None);
        assert_eq!(text(10, "CLRDEBUGINFOWINDOWSAMD64"), None);
        assert_eq!(text(12, "OTHER"), None);
        assert_eq!(image.version_info(&mem).unwrap(), None);

        let mem = Pieces::one(BASE, pe.mapped()[..0x1000].to_vec());
        assert_eq!(image.resource(&mem, 10, "CLRDEBUGINFO").unwrap_err().code(), "unreadable");
        let (mem, image) = open(&PeBuilder::new(X64));
        assert_eq!(image.resource(&mem, 10, "CLRDEBUGINFO").unwrap(), None);
    }

    /// One node of VS_VERSIONINFO.
    fn version_node(key: &str, value: &[u8], is_text: bool, children: &[Vec<u8>]) -> Vec<u8> {
        let align = |out: &mut Vec<u8>| {
            while !out.len().is_multiple_of(4) {
                out.push(0);
            }
        };
        let value_len = if is_text { value.len() / 2 } else { value.len() } as u16;
        let mut out = vec![0, 0];
        out.extend(value_len.to_le_bytes());
        out.extend([u8::from(is_text), 0]);
        out.extend(key.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        align(&mut out);
        out.extend(value);
        for child in children {
            align(&mut out);
            out.extend(child);
        }
        let len = out.len() as u16;
        out[..2].copy_from_slice(&len.to_le_bytes());
        out
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn version_of_a_file() {
        let mut fixed = Vec::new();
        for value in [0xFEEF_04BDu32, 0x1_0000, 0x0004_0008, 0x2442_0001, 0x0004_0009, 0x0003_0002] {
            fixed.extend(value.to_le_bytes());
        }
        fixed.resize(52, 0);
        let strings = [("ProductName", "Microsoft® .NET"), ("FileVersion", "4.8"), ("Comments", "")];
        let strings: Vec<_> = strings.map(|(k, v)| version_node(k, &utf16(v), true, &[])).into();
        let strings = version_node("StringFileInfo", &[], true, &[version_node("040904b0", &[], true, &strings)]);
        let var = version_node("Translation", &[9, 4, 0xB0, 4], false, &[]);
        let var = version_node("VarFileInfo", &[], true, &[var]);
        let root = version_node("VS_VERSION_INFO", &fixed, false, &[var, strings]);

        let mut pe = PeBuilder::new(X86);
        pe.resources(&[(16, ResourceName::Id(1), &root)]);
        let (mem, image) = open(&pe);
        let info = image.version_info(&mem).unwrap().unwrap();
        assert_eq!(info.file_version, [4, 8, 0x2442, 1]);
        assert_eq!(info.product_version, [4, 9, 3, 2]);
        assert_eq!(info.string("ProductName"), Some("Microsoft® .NET"));
        assert_eq!(info.string("FileVersion"), Some("4.8"));
        assert_eq!(info.string("Comments"), Some(""));
        assert_eq!(info.string("CompanyName"), None);

        let mut pe = PeBuilder::new(X86);
        pe.resources(&[(16, ResourceName::Id(1), &root[..40])]);
        let (mem, image) = open(&pe);
        assert_eq!(image.version_info(&mem).unwrap_err().code(), "damaged");
    }

    #[test]
    fn writable_sections_are_disjoint_and_inside() {
        let mut pe = PeBuilder::new(X64);
        pe.section(".data", WRITE, vec![0; 0x10], 0x1800);
        pe.section(".rdata", READ, vec![0; 0x10], 0);
        pe.section(".tls", WRITE, vec![0; 0x10], 0);
        let (mut mem, image) = open(&pe);
        let at = |list: &[(u64, u64)]| list.iter().map(|&(rva, len)| (BASE.plus(rva), len)).collect::<Vec<_>>();
        assert_eq!(image.writable_sections(), at(&[(0x1000, 0x1810), (0x4000, 0x200)]));
        // The last one is made to begin in the first one and to go on behind the image, the second is made writable.
        let header = |n: usize| 0x80 + 24 + 240 + 40 * n;
        let bytes = &mut mem.pieces[0].1;
        bytes[header(2) + 8..][..8].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0x7F, 0x00, 0x18, 0, 0]);
        bytes[header(1) + 36..][..4].copy_from_slice(&WRITE.to_le_bytes());
        let image = PeImage::open(&mem, BASE).unwrap();
        assert_eq!(image.writable_sections(), at(&[(0x1000, 0x4000)]));
    }

    #[test]
    fn metadata_mapped_and_flat() {
        let mut metadata = MetadataBuilder::new("Plugin.dll", [3; 16]);
        metadata.assembly("Plugin", [1, 2, 3, 4]);
        let blob = metadata.build();
        for machine in [X86, X64] {
            let mut pe = PeBuilder::new(machine);
            pe.section(".data", WRITE, vec![0; 0x2345], 0);
            pe.metadata(&blob);
            // A bundle's image may begin at any byte.
            for (bytes, base) in [(pe.mapped(), BASE), (pe.flat(), Addr(0x7E3A_0B71))] {
                let mem = Pieces::one(base, bytes);
                let image = PeImage::open(&mem, base).unwrap();
                let (root, len) = image.metadata_root(&mem).unwrap().unwrap();
                assert_eq!(len as usize, blob.len());
                assert_eq!(mem.bytes(root, blob.len(), "").unwrap(), blob);
                let found = image.metadata(&mem).unwrap().unwrap();
                assert_eq!(found.simple_name(&mem).unwrap(), "Plugin");
            }
        }
        let (mem, image) = open(&PeBuilder::new(X64));
        assert!(image.metadata_root(&mem).unwrap().is_none());
        assert!(image.metadata(&mem).unwrap().is_none());
    }

    #[test]
    fn metadata_that_is_not_there() {
        let mut pe = PeBuilder::new(X64);
        pe.metadata(&MetadataBuilder::new("a.dll", [0; 16]).build());
        let mut bytes = pe.mapped();
        let mem = Pieces::one(BASE, bytes[..0x1000].to_vec());
        let image = PeImage::open(&mem, BASE).unwrap();
        assert_eq!(image.metadata_root(&mem).unwrap_err().code(), "unreadable");
        bytes[0x1000 + 0x10 + 72] = b'X';
        let mem = Pieces::one(BASE, bytes);
        assert_eq!(image.metadata_root(&mem).unwrap_err().code(), "damaged");
    }

    #[test]
    fn a_short_optional_header_has_fewer_directories() {
        let mut pe = PeBuilder::new(X64);
        pe.exports("a.dll", &[("f", Ok(0x1000))]);
        let mut bytes = pe.mapped();
        // SizeOfOptionalHeader: not one directory fits, though NumberOfRvaAndSizes says 16.
        bytes[0x94..0x96].copy_from_slice(&112u16.to_le_bytes());
        bytes[0x86..0x88].copy_from_slice(&0u16.to_le_bytes());
        let mem = Pieces::one(BASE, bytes);
        let image = PeImage::open(&mem, BASE).unwrap();
        assert!(image.exports(&mem).unwrap().is_none());
    }
}

mod metadata {
    use super::*;

    const ROOT: Addr = Addr(0x0740_4BB4);

    fn open(builder: &MetadataBuilder) -> (Pieces, Metadata) {
        let bytes = builder.build();
        let len = bytes.len() as u64;
        let mem = Pieces::one(ROOT, bytes);
        let metadata = Metadata::open(&mem, ROOT, len).unwrap();
        (mem, metadata)
    }

    fn open_bytes(bytes: Vec<u8>) -> Result<Metadata> {
        let len = bytes.len() as u64;
        Metadata::open(&Pieces::one(ROOT, bytes), ROOT, len)
    }

    /// A module with something of everything; rows of TypeDef: 2 `Shop.Basket`, 3 its `Item`, 4 `Item`'s `` Price`1 ``, 5 ``Ns.Map`2``,
    /// 6 its `Entry`, 7 `Plain`, 8 `Plain+Odd.Name`.
    fn sample(heap_sizes: u8) -> MetadataBuilder {
        let mut m = MetadataBuilder::new("Shop.Core.dll", *b"0123456789abcdef");
        m.heap_sizes = heap_sizes;
        m.assembly("Shop.Core", [1, 22, 333, 4444]);
        let object = m.type_ref(0, "System", "Object");
        let outer = m.type_ref(0, "System.Collections", "Dictionary`2");
        let inner = m.type_ref(outer, "", "Enumerator");
        let innermost = m.type_ref(inner, "", "State");
        m.type_def(0x0010_0001, "Shop", "Basket", object);
        m.type_def(2, "", "Item", 0x0200_0002);
        m.type_def(2, "", "Price`1", innermost);
        m.type_def(1, "Ns", "Map`2", 0x1B00_0001);
        m.type_def(2, "", "Entry", 0);
        m.type_def(0, "", "Plain", object);
        m.type_def(2, "Odd", "<A>b__0+c\\, [d]", object);
        m.filler(0x1B, 1, if heap_sizes & 4 != 0 { 4 } else { 2 });
        // Out of order: a compiler sorts, an emitter may not.
        for (inner, outer) in [(8, 7), (3, 2), (6, 5), (4, 3)] {
            m.nested(inner, outer);
        }
        for (owner, number) in [(6, 0), (6, 1), (5, 0), (5, 1), (4, 0)] {
            m.generic_param(0x0200_0000 | owner, number, "T");
        }
        m.interface(7, object);
        m.interface(2, inner);
        m.interface(7, 0x0200_0002);
        m
    }

    /// Asks for everything that `sample` holds.
    fn check_sample(builder: &MetadataBuilder) {
        let (mem, m) = open(builder);
        assert_eq!(m.version, "v4.0.30319");
        assert_eq!(m.module_name(&mem).unwrap(), "Shop.Core.dll");
        assert_eq!(m.assembly_name(&mem).unwrap().as_deref(), Some("Shop.Core"));
        assert_eq!(m.assembly_version(&mem).unwrap(), Some([1, 22, 333, 4444]));
        assert_eq!(m.simple_name(&mem).unwrap(), "Shop.Core");
        assert_eq!(&m.mvid(&mem).unwrap(), b"0123456789abcdef");
        assert_eq!(m.type_def_count(), 8);
        let names: Vec<_> = (1..=8).map(|rid| m.full_name(&mem, rid).unwrap()).collect();
        assert_eq!(
            names,
            [
                "<Module>",
                "Shop.Basket",
                "Shop.Basket+Item",
                "Shop.Basket+Item+Price`1",
                "Ns.Map`2",
                "Ns.Map`2+Entry",
                "Plain",
                "Plain+Odd.<A>b__0+c\\, [d]",
            ]
        );
        let arities: Vec<_> = (1..=8).map(|rid| m.generic_arity(&mem, rid).unwrap()).collect();
        assert_eq!(arities, [0, 0, 0, 1, 2, 2, 0, 0]);
        assert_eq!(m.nesting(&mem, 4).unwrap(), [2, 3, 4]);
        let parts = m.name_parts(&mem, 8).unwrap();
        assert_eq!(
            parts,
            [("", "Plain"), ("Odd", "<A>b__0+c\\, [d]")].map(|(ns, name)| (ns.to_owned(), name.to_owned()))
        );
        assert_eq!(m.enclosing_class(&mem, 2).unwrap(), None);
        assert_eq!(m.enclosing_class(&mem, 8).unwrap(), Some(7));

        let basket = m.type_def(&mem, 2).unwrap();
        assert_eq!((basket.flags, basket.namespace.as_str(), basket.name.as_str()), (0x0010_0001, "Shop", "Basket"));
        assert_eq!((basket.field_list, basket.method_list), (1, 1));
        let bases: Vec<_> = (1..=8)
            .map(|rid| m.resolve_type_name(&mem, m.type_def(&mem, rid).unwrap().extends).unwrap().unwrap_or_default())
            .collect();
        let object = "System.Object";
        let innermost = "System.Collections.Dictionary`2+Enumerator+State";
        assert_eq!(bases, ["", object, "Shop.Basket", innermost, "", "", object, object]);
        assert_eq!(m.type_def(&mem, 5).unwrap().extends, Token::new(table::TYPE_SPEC, 1));
        assert!(m.type_def(&mem, 6).unwrap().extends.is_nil());

        let state = m.type_ref(&mem, 4).unwrap();
        assert_eq!((state.resolution_scope, state.name.as_str()), (Token::new(table::TYPE_REF, 3), "State"));
        let object = Token::new(table::TYPE_REF, 1);
        assert_eq!(m.interfaces(&mem, 7).unwrap(), [object, Token::new(table::TYPE_DEF, 2)]);
        assert_eq!(m.interfaces(&mem, 2).unwrap(), [Token::new(table::TYPE_REF, 3)]);
        assert_eq!(m.interfaces(&mem, 3).unwrap(), []);
    }

    #[test]
    fn every_width_of_heap_indexes() {
        for heap_sizes in 0..8 {
            check_sample(&sample(heap_sizes));
        }
    }

    #[test]
    fn uncompressed_and_unsorted() {
        let mut m = sample(0);
        m.table_stream = "#-";
        m.sorted = 0;
        check_sample(&m);
    }

    #[test]
    fn minimal_delta_has_wide_indexes() {
        let mut m = sample(4);
        m.more_streams.push("#JTD");
        check_sample(&m);
    }

    /// Bytes of a row of every table with indexes of 2 bytes, added up by hand from II.22.
    const ROW_LENS: [usize; 0x2D] = [
        10, 6, 14, 2, 6, 2, 14, 2, 6, 4, 6, 6, 6, 4, 6, 8, 6, 2, 4, 2, 6, 4, 2, 6, 6, 6, 2, 2, 8, 6, 8, 4, 22, 4, 12,
        20, 6, 14, 8, 14, 12, 4, 8, 4, 4,
    ];
    /// What the row grows by if the indexes of strings, GUIDs and blobs take 4 bytes.
    const WIDER: [usize; 0x2D] = [
        8, 4, 4, 0, 4, 0, 4, 0, 2, 0, 4, 2, 2, 2, 2, 0, 0, 2, 0, 0, 2, 0, 0, 4, 0, 0, 2, 2, 2, 0, 0, 0, 6, 0, 0, 8, 0,
        0, 4, 4, 2, 0, 2, 2, 0,
    ];

    #[test]
    fn every_table_has_its_length() {
        for heap_sizes in [0, 7] {
            for filled in 0..ROW_LENS.len() as u8 {
                let mut m = sample(heap_sizes);
                // Tables of `sample` that are asked below would get empty rows.
                if [0x00, 0x02, 0x20, 0x29, 0x2A, 0x09].contains(&filled) {
                    continue;
                }
                let wider = if heap_sizes == 7 { WIDER[usize::from(filled)] } else { 0 };
                m.filler(filled, 3, ROW_LENS[usize::from(filled)] + wider);
                check_sample(&m);
            }
        }
    }

    #[test]
    fn all_tables_at_once() {
        for heap_sizes in [0, 7] {
            let mut m = MetadataBuilder::new("a.dll", [1; 16]);
            m.heap_sizes = heap_sizes;
            m.sorted = 0;
            for (table, (len, wider)) in ROW_LENS.iter().zip(WIDER).enumerate() {
                m.filler(table as u8, 1, len + if heap_sizes == 7 { wider } else { 0 });
            }
            // The last table of all: wrong if one of the others has a wrong length.
            m.assembly("Other", [0; 4]);
            m.generic_param(0x0200_0001, 0, "T");
            let (mem, found) = open(&m);
            assert_eq!(found.generic_arity(&mem, 1).unwrap(), 1);
            assert_eq!(found.full_name(&mem, 1).unwrap(), "<Module>");
            // Nothing is left between the tables and what follows them: one row more does not fit.
            let mut bytes = m.build();
            let start = stream_offset(&bytes);
            let last_count = start + 24 + 4 * 0x2C;
            assert_eq!(bytes[last_count], 1);
            bytes[last_count] = 2;
            assert_eq!(open_bytes(bytes).unwrap_err().code(), "damaged");
        }
    }

    /// Offset of the first stream.
    fn stream_offset(bytes: &[u8]) -> usize {
        u32::from_le_bytes(bytes[32..36].try_into().unwrap()) as usize
    }

    #[test]
    fn indexes_grow_with_the_tables() {
        // (table, its row with narrow indexes, rows): one below and one at the limit of each kind of index that types use.
        for (table, row_len, limit) in
            [(0x04, 6, 0x1_0000), (0x06, 14, 0x1_0000), (0x1B, 2, 0x4000), (0x23, 20, 0x4000)]
        {
            for rows in [limit - 2, limit - 1, limit, limit + 1] {
                let mut m = sample(0);
                m.filler(table, rows, row_len);
                if table == 0x06 && rows >= 0x8000 {
                    // TypeOrMethodDef has one tag bit: the owner of a parameter is wide already.
                    let (mem, found) = open(&m);
                    assert_eq!(found.generic_arity(&mem, 5).unwrap(), 2);
                }
                check_sample(&m);
            }
        }
        // Indexes into TypeDef itself: NestedClass.
        for rows in [0xFFFF, 0x1_0000u32] {
            let mut m = sample(1);
            (9..=rows).for_each(|_| _ = m.type_def(0, "", "Many", 0));
            m.nested(rows, 8);
            let (mem, found) = open(&m);
            assert_eq!(found.type_def_count(), rows);
            assert_eq!(found.enclosing_class(&mem, rows).unwrap(), Some(8));
            assert_eq!(found.enclosing_class(&mem, 4).unwrap(), Some(3));
        }
        // Many types: every index of a type is wide.
        let mut m = sample(1);
        for n in 0..0x1_0000 {
            m.type_def(0, "", "Many", if n == 0xFFFF { 0x0200_FFFF } else { 0 });
        }
        m.nested(0x1_0008, 7);
        m.generic_param(0x0201_0008, 0, "T");
        let (mem, found) = open(&m);
        assert_eq!(found.type_def_count(), 0x1_0008);
        assert_eq!(found.full_name(&mem, 0x1_0008).unwrap(), "Plain+Many");
        assert_eq!(found.generic_arity(&mem, 0x1_0008).unwrap(), 1);
        assert_eq!(found.type_def(&mem, 0x1_0008).unwrap().extends, Token(0x0200_FFFF));
        assert_eq!(found.full_name(&mem, 4).unwrap(), "Shop.Basket+Item+Price`1");
    }

    #[test]
    fn pointer_tables_widen_their_columns() {
        for (pointer, target, row_len) in [(0x03, 0x04, 6), (0x05, 0x06, 14)] {
            let mut m = sample(0);
            m.table_stream = "#-";
            m.filler(pointer, 3, 2);
            m.filler(target, 3, row_len);
            check_sample(&m);
        }
        let mut m = MetadataBuilder::new("a.dll", [0; 16]);
        m.table_stream = "#-";
        m.filler(0x03, 0x1_0000, 2);
        let mut bytes = m.build();
        // The builder knows nothing of it: its FieldList takes two bytes, and the tables do not fit any more.
        assert_eq!(open_bytes(bytes.clone()).unwrap_err().code(), "damaged");
        let start = stream_offset(&bytes);
        let row = start + 24 + 4 * 3 + 10;
        bytes.splice(row + 12..row + 12, [0, 0]);
        // The stream headers behind the root: the table stream is longer, the others lie two bytes further.
        let grow = |bytes: &mut Vec<u8>, at: usize| {
            let value = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) + 2;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        };
        for at in [36, 44, 64] {
            grow(&mut bytes, at);
        }
        let mem = Pieces::one(ROOT, bytes.clone());
        let found = Metadata::open(&mem, ROOT, bytes.len() as u64).unwrap();
        assert_eq!(found.type_def(&mem, 1).unwrap().method_list, 1);
        assert_eq!(found.module_name(&mem).unwrap(), "a.dll");
    }

    #[test]
    fn extra_data_is_skipped() {
        let m = sample(0x40);
        let mut bytes = m.build();
        let rows = (0..64).filter(|bit| bytes[stream_offset(&bytes) + 8 + bit / 8] >> (bit % 8) & 1 != 0).count();
        let at = stream_offset(&bytes) + 24 + 4 * rows;
        let error = open_bytes(bytes.clone()).map(|found| found.full_name(&Pieces::one(ROOT, bytes.clone()), 2));
        assert!(!matches!(error, Ok(Ok(name)) if name == "Shop.Basket"), "it reads the same without the extra data");
        bytes.splice(at..at, [0xEE; 4]);
        for at in [36, 44, 64] {
            let value = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) + 4;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let mem = Pieces::one(ROOT, bytes.clone());
        let found = Metadata::open(&mem, ROOT, bytes.len() as u64).unwrap();
        assert_eq!(found.full_name(&mem, 4).unwrap(), "Shop.Basket+Item+Price`1");
        assert_eq!(found.simple_name(&mem).unwrap(), "Shop.Core");
    }

    #[test]
    fn extra_data_of_the_root_is_skipped() {
        let mut bytes = sample(0).build();
        bytes[28] |= 1;
        bytes.splice(32..32, [3, 0, 0, 0, 0xEE, 0xEE, 0xEE]);
        for at in [39, 51, 71, 83] {
            let value = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) + 7;
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        let mem = Pieces::one(ROOT, bytes.clone());
        let found = Metadata::open(&mem, ROOT, bytes.len() as u64).unwrap();
        assert_eq!(found.simple_name(&mem).unwrap(), "Shop.Core");
    }

    #[test]
    fn a_module_without_an_mvid() {
        let mut m = MetadataBuilder::new("manifest", [0xAB; 16]);
        let (mem, found) = open(&m);
        assert_eq!(found.mvid(&mem).unwrap(), [0xAB; 16]);
        m.without_mvid();
        let (mem, found) = open(&m);
        assert_eq!(found.mvid(&mem).unwrap(), [0; 16]);
    }

    #[test]
    fn modules_without_an_assembly() {
        for (module, simple) in
            [("Net.Module.netmodule", "Net.Module"), ("bare", "bare"), (".hidden", ".hidden"), ("", "")]
        {
            let (mem, m) = open(&MetadataBuilder::new(module, [0; 16]));
            assert_eq!(m.assembly_name(&mem).unwrap(), None);
            assert_eq!(m.assembly_version(&mem).unwrap(), None);
            assert_eq!(m.simple_name(&mem).unwrap(), simple);
        }
    }

    #[test]
    fn names_that_are_no_utf8() {
        let mut m = MetadataBuilder::new("a.dll", [0; 16]);
        m.type_def_bytes(0, "Größe".as_bytes(), b"\xFFx\xC3", 0);
        let (mem, found) = open(&m);
        assert_eq!(found.full_name(&mem, 2).unwrap(), "Größe.\u{FFFD}x\u{FFFD}");
    }

    #[test]
    fn endless_and_deep_nesting() {
        let mut m = MetadataBuilder::new("a.dll", [0; 16]);
        for _ in 0..200 {
            m.type_def(0, "", "T", 0);
        }
        for rid in 3..=101 {
            m.nested(rid, rid - 1);
        }
        m.nested(110, 112);
        m.nested(111, 110);
        m.nested(112, 111);
        m.nested(120, 120);
        let (mem, found) = open(&m);
        assert_eq!(found.full_name(&mem, 65).unwrap().len(), 127);
        assert_eq!(found.full_name(&mem, 66).unwrap_err().code(), "limit");
        assert_eq!(found.full_name(&mem, 111).unwrap_err().code(), "damaged");
        assert_eq!(found.full_name(&mem, 120).unwrap_err().code(), "damaged");

        let mut m = MetadataBuilder::new("a.dll", [0; 16]);
        m.type_ref(0x0100_0002, "", "A");
        m.type_ref(0x0100_0001, "", "B");
        let (mem, found) = open(&m);
        assert_eq!(found.resolve_type_name(&mem, Token(0x0100_0001)).unwrap_err().code(), "damaged");
    }

    #[test]
    fn what_is_asked_for_and_not_there() {
        let (mem, m) = open(&sample(0));
        for rid in [0, 9, 0x00FF_FFFF, u32::MAX] {
            assert_eq!(m.type_def(&mem, rid).unwrap_err().code(), "damaged");
            assert_eq!(m.full_name(&mem, rid).unwrap_err().code(), "damaged");
            assert_eq!(m.generic_arity(&mem, rid).unwrap(), 0);
        }
        assert_eq!(m.resolve_type_name(&mem, Token(0x0100_0009)).unwrap_err().code(), "damaged");
        assert_eq!(m.resolve_type_name(&mem, Token(0x1B00_0001)).unwrap(), None);
        assert_eq!(m.resolve_type_name(&mem, Token(0)).unwrap(), None);
        assert_eq!((m.row_count(0x2A), m.row_count(0x2B), m.row_count(0xFF)), (5, 0, 0));
    }

    #[test]
    fn a_large_unsorted_table_is_refused() {
        let mut m = MetadataBuilder::new("a.dll", [0; 16]);
        m.sorted = 0;
        m.filler(0x29, 0x1_0001, 4);
        let (mem, found) = open(&m);
        assert_eq!(found.full_name(&mem, 1).unwrap_err().code(), "limit");
        m.sorted = 1 << 0x29;
        let (mem, found) = open(&m);
        assert_eq!(found.full_name(&mem, 1).unwrap(), "<Module>");
    }

    #[test]
    fn tables_of_no_known_shape() {
        let bytes = sample(0).build();
        let valid = stream_offset(&bytes) + 8;
        let unknown_shape = |result: &Result<Metadata>| match result {
            Err(error) => matches!(&**error, Error::Damaged { detail, .. } if detail.contains("known shape")),
            Ok(_) => false,
        };
        for bit in 0x2D..64usize {
            let mut bytes = bytes.clone();
            bytes[valid + bit / 8] |= 1 << (bit % 8);
            let result = open_bytes(bytes);
            if (0x30..=0x37).contains(&bit) {
                // A portable PDB's: known, and no business of ours. The count shifts the tables of this sample, whatever comes of it.
                assert!(!unknown_shape(&result));
            } else {
                assert!(unknown_shape(&result), "bit {bit:#x}");
            }
        }
        let mut m = sample(0);
        m.filler(0x30, 2, 8);
        m.filler(0x37, 2, 6);
        check_sample(&m);
    }

    #[test]
    fn counts_and_lengths_of_a_stranger() {
        let bytes = sample(0).build();
        let len = bytes.len();
        let with = |at: usize, value: u32| {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            open_bytes(bytes).map(|_| ()).map_err(|e| e.code())
        };
        let start = stream_offset(&bytes);
        assert_eq!(with(0, 0x424A_5342), Ok(()));
        assert_eq!(with(0, 0x424A_5343), Err("damaged"));
        assert_eq!(with(12, u32::MAX), Err("damaged"));
        assert_eq!(with(32, len as u32), Err("damaged"));
        assert_eq!(with(36, u32::MAX), Err("damaged"));
        assert_eq!(with(start + 24, 0x00FF_FFFF), Err("damaged"));
        assert_eq!(with(start + 24, 0x0100_0000), Err("limit"));
        assert_eq!(with(start + 24, u32::MAX), Err("limit"));

        let mem = Pieces::one(ROOT, bytes.clone());
        assert_eq!(Metadata::open(&mem, ROOT, u64::MAX).unwrap_err().code(), "limit");
        for short in 0..start + 24 {
            assert_eq!(Metadata::open(&mem, ROOT, short as u64).unwrap_err().code(), "damaged", "{short} bytes");
            let mem = Pieces::one(ROOT, bytes[..short].to_vec());
            assert_eq!(
                Metadata::open(&mem, ROOT, len as u64).unwrap_err().code(),
                "unreadable",
                "{short} bytes in the dump"
            );
        }
    }

    #[test]
    fn a_missing_page_is_an_error_of_what_needs_it() {
        let m = sample(0);
        let bytes = m.build();
        let strings = u32::from_le_bytes(bytes[44..48].try_into().unwrap()) as usize;
        assert_eq!(&bytes[strings..strings + 9], b"\0Shop.Cor");
        let mem = Pieces::holed(ROOT, &bytes, strings..strings + 60);
        let found = Metadata::open(&mem, ROOT, bytes.len() as u64).unwrap();
        assert_eq!(found.module_name(&mem).unwrap_err().code(), "unreadable");
        assert_eq!(found.generic_arity(&mem, 5).unwrap(), 2);
    }

    #[test]
    fn strings_end_with_their_heap() {
        let m = sample(0);
        let mut bytes = m.build();
        let at = stream_offset(&bytes);
        // The Module row's name: an index at, before and behind the end of the heap.
        let tables = (0..64).filter(|bit| bytes[at + 8 + bit / 8] >> (bit % 8) & 1 != 0).count();
        let name = at + 24 + 4 * tables + 2;
        let heap_len = u32::from_le_bytes(bytes[48..52].try_into().unwrap()) as u16;
        let mut ask = |index: u16| {
            bytes[name..name + 2].copy_from_slice(&index.to_le_bytes());
            let mem = Pieces::one(ROOT, bytes.clone());
            Metadata::open(&mem, ROOT, bytes.len() as u64).unwrap().module_name(&mem).map_err(|e| e.code())
        };
        assert_eq!(ask(0), Ok(String::new()));
        assert_eq!(ask(heap_len - 2), Ok("T".into()));
        assert_eq!(ask(heap_len - 1), Ok(String::new()));
        assert_eq!(ask(heap_len), Err("damaged"));
        assert_eq!(ask(u16::MAX), Err("damaged"));
    }

    #[test]
    fn a_name_longer_than_any_is_refused() {
        let mut m = MetadataBuilder::new("a.dll", [0; 16]);
        m.heap_sizes = 1;
        m.type_def(0, "", &"x".repeat(70_000), 0);
        m.type_def(0, "", &"y".repeat(60_000), 0);
        let (mem, found) = open(&m);
        assert_eq!(found.full_name(&mem, 2).unwrap_err().code(), "limit");
        assert_eq!(found.full_name(&mem, 3).unwrap().len(), 60_000);
    }

    /// Asks for everything of a module, whatever it answers.
    pub fn ask_everything(mem: &dyn Memory, m: &Metadata) {
        let _ = (m.module_name(mem), m.assembly_name(mem), m.assembly_version(mem), m.simple_name(mem), m.mvid(mem));
        for rid in (0..40).chain([m.type_def_count(), m.type_def_count().wrapping_add(1), u32::MAX]) {
            let _ = (m.full_name(mem, rid), m.generic_arity(mem, rid), m.interfaces(mem, rid), m.nesting(mem, rid));
            if let Ok(t) = m.type_def(mem, rid) {
                let _ = m.resolve_type_name(mem, t.extends);
            }
            let _ = m.resolve_type_name(mem, Token::new(table::TYPE_REF, rid));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Some bytes are changed, most of them in the headers and tables: errors and wrong names may come of it, no panic, no endless
        /// loop, no read (and so no buffer) that is longer than what the dump has.
        #[test]
        fn damaged_metadata(
            heap_sizes in 0u8..8,
            uncompressed: bool,
            sorted: bool,
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
        ) {
            let mut m = sample(heap_sizes);
            m.table_stream = if uncompressed { "#-" } else { "#~" };
            if !sorted {
                m.sorted = 0;
            }
            let mut bytes = m.build();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let len = bytes.len();
            if let Some(cut) = cut {
                bytes.truncate(cut.index(len));
            }
            let mem = Pieces::one(ROOT, bytes);
            if let Ok(m) = Metadata::open(&mem, ROOT, len as u64) {
                ask_everything(&mem, &m);
            }
            prop_assert!(mem.longest.get() <= len);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// As `damaged_metadata`, for a whole image, mapped or flat.
    #[test]
    fn damaged_images(
        narrow: bool,
        flat: bool,
        headers in proptest::collection::vec((0usize..0x400, any::<u8>()), 0..6),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
    ) {
        let mut pe = PeBuilder::new(if narrow { X86 } else { X64 });
        pe.metadata(&MetadataBuilder::new("a.dll", [0; 16]).build());
        pe.exports("a.dll", &[("one", Ok(0x1000)), ("two", Err("b.three")), ("_two@4", Ok(0x1004))]);
        pe.resources(&[(10, ResourceName::Name("NAME"), b"1234"), (16, ResourceName::Id(1), &[52; 80])]);
        let mut bytes = if flat { pe.flat() } else { pe.mapped() };
        let len = bytes.len();
        for (at, value) in headers {
            bytes[at] = value;
        }
        // The content of the sections is short and lies at their starts.
        for (at, value) in changes {
            let (section, at) = (at.index(len) / 0x200 * 0x200, at.index(0x200));
            if let Some(byte) = bytes.get_mut(section + at) {
                *byte = value;
            }
        }
        let mem = Pieces::one(BASE, bytes);
        if let Ok(image) = PeImage::open(&mem, BASE) {
            let _ = (image.writable_sections(), image.find_exports(&mem, &["one", "two", "three"]));
            let _ = image.exports(&mem).map(|e| e.map(|e| e.dll_name(&mem)));
            let _ = (image.resource(&mem, 10, "NAME"), image.version_info(&mem));
            if let Ok(Some(m)) = image.metadata(&mem) {
                metadata::ask_everything(&mem, &m);
            }
        }
        prop_assert!(mem.longest.get() <= len);
    }
}
