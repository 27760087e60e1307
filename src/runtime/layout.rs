//! Typed offsets of the runtime's structures, resolved once per dump from a [`Descriptor`]. The walk sees only these structs: no
//! strings, no version tests.
//!
//! The data is in `layouts/`: one JSON per layout family in the shape of .NET's own data contracts (dotnet/runtime,
//! docs/design/datacontracts/data_descriptor.md) and `index.json`, which says which family a runtime's file version is tried with
//! first. `layouts/README.md` tells how to add one.

use super::descriptor::Descriptor;
use crate::error::{Error, Result};
use crate::memory::PointerSize;
use crate::reading::{self, record};

/// All offsets in bytes from the start of the structure; sizes in bytes.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Of the runtime.
    pub pointer: PointerSize,
    /// False where the runtime has no `GcDacVars` (before .NET Core 2.0).
    pub has_gc_dac_vars: bool,
    /// GC: `dac_gcheap`'s variables, relative to the first pointer entry of `GcDacVars`.
    pub gc_dac_vars: GcDacVarsLayout,
    /// GC: `heap_segment`.
    pub segment: HeapSegmentLayout,
    /// GC: `generation`, where `GcDacVars` has no offset array (up to .NET 5).
    pub generation: GenerationLayout,
    /// GC: `gc_heap` of a server GC without offset array (up to .NET 5).
    pub gc_heap: Option<GcHeapLayout>,
    /// VM: `MethodTable`.
    pub method_table: MethodTableLayout,
    /// VM: `EEClass::m_pMethodTable`, the back pointer to the canonical method table.
    pub eeclass_method_table: u64,
    /// VM: `ArrayBase::m_NumComponents`, u32; `StringObject::m_StringLength` lies at the same place.
    pub num_components: u64,
    /// VM: `ParamTypeDesc::m_Arg`; where the first one does not hold a type handle, the second is tried.
    pub type_arg: [u64; 2],
    /// VM: `ParamTypeDesc::m_TemplateMT` (up to 3.1, for arrays that are type arguments).
    pub template_method_table: u64,
    /// VM: where `Module::m_pSimpleName` is expected.
    pub module_simple_name: u64,
    /// Data pointer of an `SBuffer`.
    pub sbuffer_data: u64,
    /// Low bits of an object's method table pointer that the GC may set.
    pub unmask: u64,
    /// The smallest object.
    pub min_object: u64,
    /// Step of small objects.
    pub alignment: u64,
    /// Step of large objects.
    pub large_alignment: u64,
    /// BaseSize of a multi-dimensional array of rank 0: rank = (BaseSize - this) / 8.
    pub multi_dim_base: u64,
    /// BaseSize of System.String.
    pub string_base: u64,
    /// Bytes that SOS counts too few for each Free object, and the least it counts.
    pub free_quirk: u64,
    /// The least that SOS counts for a Free object.
    pub free_floor: u64,
    /// MethodTable flag "parent is indirect"; 0 where it does not exist.
    pub has_indirect_parent: u64,
    /// MethodTable flag2 "module is in a multipurpose slot"; 0 where the Module word is always the defining module.
    pub module_override: u64,
}

/// `GcDacVars`: offsets from the first pointer entry. Source: src/coreclr/gc/gcinterface.dacvars.def.
#[derive(Debug, Clone)]
pub struct GcDacVarsLayout {
    /// `max_gen`.
    pub max_gen: u64,
    /// `generation_table`.
    pub generation_table: u64,
    /// `ephemeral_heap_segment`.
    pub ephemeral_heap_segment: u64,
    /// `alloc_allocated`.
    pub alloc_allocated: u64,
    /// `finalize_queue`.
    pub finalize_queue: u64,
    /// `handle_table_map`; other data in 2.0.
    pub handle_table_map: u64,
    /// `n_heaps`.
    pub n_heaps: u64,
    /// `g_heaps`.
    pub g_heaps: u64,
    /// `gc_structures_invalid_cnt`.
    pub structures_invalid: u64,
    /// `gc_heap_field_offsets`.
    pub gc_heap_field_offsets: u64,
    /// `generation_field_offsets`.
    pub generation_field_offsets: u64,
}

/// `heap_segment`. Source: src/coreclr/gc/gcpriv.h, gcinterface.dac.h (`dac_heap_segment`).
#[derive(Debug, Clone)]
pub struct HeapSegmentLayout {
    /// End of objects, except in the ephemeral segment.
    pub allocated: u64,
    /// End of committed memory.
    pub committed: u64,
    /// End of the reservation.
    pub reserved: u64,
    /// Highest address ever used, less one pointer.
    pub used: u64,
    /// First object.
    pub mem: u64,
    /// Flag bits: 1 frozen, 8 LOH, 512 POH.
    pub flags: u64,
    /// Next segment.
    pub next: u64,
}

/// `generation`. Source: gcpriv.h, gcinterface.dac.h (`dac_generation`).
#[derive(Debug, Clone)]
pub struct GenerationLayout {
    /// `start_segment`.
    pub start_segment: u64,
    /// `allocation_start`.
    pub allocation_start: u64,
}

/// `gc_heap` of a server GC. Source: gcinterface.dac.h (`dac_gc_heap`).
#[derive(Debug, Clone)]
pub struct GcHeapLayout {
    /// `alloc_allocated`.
    pub alloc_allocated: u64,
    /// `ephemeral_heap_segment`.
    pub ephemeral_heap_segment: u64,
    /// `finalize_queue`.
    pub finalize_queue: u64,
    /// `generation_table`.
    pub generation_table: u64,
}

/// `MethodTable`. Source: src/coreclr/vm/methodtable.h.
#[derive(Debug, Clone)]
pub struct MethodTableLayout {
    /// Size of the fixed part; the vtable indirections follow.
    pub size: u64,
    /// u32 flags; the low half is the component size if bit 31 is set.
    pub flags: u64,
    /// u32 base size.
    pub base_size: u64,
    /// u16 or u32 flags2.
    pub flags2: u64,
    /// u16.
    pub num_virtuals: u64,
    /// u16.
    pub num_interfaces: u64,
    /// Pointer.
    pub parent: u64,
    /// Pointer to the module (up to 2.2: the loader module).
    pub module: u64,
    /// Tagged pointer: EEClass or canonical method table.
    pub canonical: u64,
    /// Pointer to the dictionaries; of arrays the element type handle.
    pub per_inst_info: u64,
    /// Pointer to the interface map.
    pub interface_map: u64,
}

/// One row of `layouts/index.json`.
#[derive(Debug, Clone, Default)]
pub struct IndexRow {
    /// `core` or `framework`.
    pub flavour: String,
    /// First file version (three parts).
    pub from: [u16; 3],
    /// Last file version (three parts).
    pub to: [u16; 3],
    /// 4 or 8.
    pub pointer_size: u64,
    /// For people.
    pub name: String,
    /// File name in `layouts/`, without extension.
    pub layout: String,
    /// The architectures (as in the report) on which results with it were compared with the runtime's own DAC, row by row.
    pub proven_on: Vec<String>,
}

record!(IndexRow { flavour, from, to, pointer_size, name, layout, proven_on });

/// The layout files. A new one is added here and in `index.json`.
const FILES: &[(&str, &str)] = &[
    ("base-64", include_str!("layouts/base-64.json")),
    ("base-32", include_str!("layouts/base-32.json")),
    ("core1-64", include_str!("layouts/core1-64.json")),
    ("core1-32", include_str!("layouts/core1-32.json")),
    ("core2-64", include_str!("layouts/core2-64.json")),
    ("core2-32", include_str!("layouts/core2-32.json")),
    ("core3-64", include_str!("layouts/core3-64.json")),
    ("core3-32", include_str!("layouts/core3-32.json")),
    ("framework-64", include_str!("layouts/framework-64.json")),
    ("framework-32", include_str!("layouts/framework-32.json")),
    ("net8-64", include_str!("layouts/net8-64.json")),
    ("net9-64", include_str!("layouts/net9-64.json")),
];

/// The index, in order.
pub fn index() -> Result<Vec<IndexRow>> {
    reading::from_slice(include_bytes!("layouts/index.json")).map_err(|e| broken("index.json", &e))
}

/// The row for a runtime; without a version the last one of its flavour and pointer size, which its own structures then have to prove.
pub fn row_for(flavour: &str, version: Option<[u16; 4]>, pointer: PointerSize) -> Result<Option<IndexRow>> {
    let mut last = None;
    for row in index()? {
        if row.flavour != flavour || row.pointer_size != pointer.bytes() {
            continue;
        }
        if let Some([a, b, c, _]) = version
            && row.from <= [a, b, c]
            && [a, b, c] <= row.to
        {
            return Ok(Some(row));
        }
        last = Some(row);
    }
    Ok(if version.is_none() { last } else { None })
}

/// A layout family by name, with everything it builds on.
pub fn descriptor(name: &str) -> Result<Descriptor> {
    let mut chain = Vec::new();
    let mut next = name.to_owned();
    while next != "empty" {
        let text = FILES.iter().find(|(n, _)| *n == next).map(|(_, text)| *text);
        let d = Descriptor::parse(text.ok_or_else(|| broken(&next, "no such layout"))?)?;
        next = d.baseline.clone();
        chain.push(d);
        if chain.len() > FILES.len() {
            return Err(broken(name, "its baselines go in a circle"));
        }
    }
    let mut all = Descriptor::default();
    while let Some(d) = chain.pop() {
        all.overlay(d);
    }
    Ok(all)
}

impl Layout {
    /// Takes the offsets out of a composed descriptor.
    ///
    /// # Errors
    /// [`Error::UnknownRuntime`] if a field is missing.
    pub fn resolve(d: &Descriptor, pointer: PointerSize) -> Result<Layout> {
        let field = |t: &str, f: &str| d.field(t, f).ok_or_else(|| broken(t, &format!("no offset of {f}")));
        let global = |g: &str| d.number(g).ok_or_else(|| broken(g, "no value"));
        let type_arg = field("ParamTypeDesc", "TypeArg")?;
        let p = pointer.bytes();
        Ok(Layout {
            pointer,
            has_gc_dac_vars: global("HasGcDacVars")? != 0,
            gc_dac_vars: GcDacVarsLayout {
                max_gen: field("GcDacVars", "MaxGen")?,
                generation_table: field("GcDacVars", "GenerationTable")?,
                ephemeral_heap_segment: field("GcDacVars", "EphemeralHeapSegment")?,
                alloc_allocated: field("GcDacVars", "AllocAllocated")?,
                finalize_queue: field("GcDacVars", "FinalizeQueue")?,
                handle_table_map: field("GcDacVars", "HandleTableMap")?,
                n_heaps: field("GcDacVars", "NumHeaps")?,
                g_heaps: field("GcDacVars", "Heaps")?,
                structures_invalid: field("GcDacVars", "StructureInvalidCount")?,
                gc_heap_field_offsets: field("GcDacVars", "GCHeapFieldOffsets")?,
                generation_field_offsets: field("GcDacVars", "GenerationFieldOffsets")?,
            },
            segment: HeapSegmentLayout {
                allocated: field("HeapSegment", "Allocated")?,
                committed: field("HeapSegment", "Committed")?,
                reserved: field("HeapSegment", "Reserved")?,
                used: field("HeapSegment", "Used")?,
                mem: field("HeapSegment", "Mem")?,
                flags: field("HeapSegment", "Flags")?,
                next: field("HeapSegment", "Next")?,
            },
            generation: GenerationLayout {
                start_segment: field("Generation", "StartSegment")?,
                allocation_start: field("Generation", "AllocationStart")?,
            },
            gc_heap: match (
                d.field("GCHeap", "AllocAllocated"),
                d.field("GCHeap", "EphemeralHeapSegment"),
                d.field("GCHeap", "FinalizeQueue"),
                d.field("GCHeap", "GenerationTable"),
            ) {
                (Some(alloc_allocated), Some(ephemeral_heap_segment), Some(finalize_queue), Some(generation_table)) => {
                    Some(GcHeapLayout { alloc_allocated, ephemeral_heap_segment, finalize_queue, generation_table })
                }
                _ => None,
            },
            method_table: MethodTableLayout {
                size: field("MethodTable", "!")?,
                flags: field("MethodTable", "MTFlags")?,
                base_size: field("MethodTable", "BaseSize")?,
                flags2: field("MethodTable", "MTFlags2")?,
                num_virtuals: field("MethodTable", "NumVirtuals")?,
                num_interfaces: field("MethodTable", "NumInterfaces")?,
                parent: field("MethodTable", "ParentMethodTable")?,
                module: field("MethodTable", "Module")?,
                canonical: field("MethodTable", "EEClassOrCanonMT")?,
                per_inst_info: field("MethodTable", "PerInstInfo")?,
                interface_map: field("MethodTable", "InterfaceMap")?,
            },
            eeclass_method_table: field("EEClass", "MethodTable")?,
            num_components: field("Array", "m_NumComponents")?,
            // The argument is at 2P or at P: 16 in 6, 8 in 8.0, 16 again from 9.
            type_arg: [type_arg, if type_arg == p { p.wrapping_mul(2) } else { p }],
            template_method_table: field("ParamTypeDesc", "TemplateMethodTable")?,
            module_simple_name: field("Module", "SimpleName")?,
            sbuffer_data: field("DynamicMetadata", "SBufferData")?,
            unmask: global("ObjectToMethodTableUnmask")?,
            min_object: global("MinObjectSize")?,
            alignment: global("ObjectAlignment")?,
            large_alignment: global("LargeObjectAlignment")?,
            multi_dim_base: global("MultiDimBaseSize")?,
            string_base: global("StringBaseSize")?,
            free_quirk: global("FreeSizeQuirk")?,
            free_floor: global("FreeSizeFloor")?,
            has_indirect_parent: global("HasIndirectParent")?,
            module_override: global("ModuleOverride")?,
        })
    }

    /// Bytes of a pointer.
    pub fn p(&self) -> u64 {
        self.pointer.bytes()
    }
}

fn broken(what: &str, why: &str) -> Box<Error> {
    Error::UnknownRuntime {
        runtime: "the runtime".into(),
        missing: format!("layout data {what}: {why}"),
        evidence: Vec::new(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_index_resolves() {
        let rows = index().unwrap();
        assert!(rows.len() > 8);
        for row in rows {
            let pointer = if row.pointer_size == 4 { PointerSize::Four } else { PointerSize::Eight };
            let layout = Layout::resolve(&descriptor(&row.layout).unwrap(), pointer).unwrap();
            assert_eq!(layout.min_object, 3 * layout.p(), "{}", row.name);
            assert!(row.from <= row.to, "{}", row.name);
            for [a, b, c] in [row.from, row.to] {
                let first = row_for(&row.flavour, Some([a, b, c, 0]), pointer).unwrap().unwrap();
                assert_eq!(first.name, row.name, "another row comes first");
            }
        }
    }

    #[test]
    fn every_layout_file_is_reached_from_the_index() {
        let mut reached: Vec<String> = index().unwrap().into_iter().map(|r| r.layout).collect();
        for name in reached.clone() {
            let text = FILES.iter().find(|(n, _)| *n == name).unwrap().1;
            reached.push(Descriptor::parse(text).unwrap().baseline);
        }
        for (name, _) in FILES {
            assert!(reached.iter().any(|r| r == name), "{name} is used by no row");
        }
    }

    #[test]
    fn versions_choose_their_rows() {
        let name = |v: [u16; 4], p| row_for("core", Some(v), p).unwrap().unwrap().layout;
        assert_eq!(name([4, 6, 30411, 1], PointerSize::Eight), "core2-64");
        assert_eq!(name([4, 700, 22, 11601], PointerSize::Four), "core3-32");
        assert_eq!(name([8, 0, 424, 16909], PointerSize::Eight), "net8-64");
        assert_eq!(name([10, 0, 1426, 52326], PointerSize::Eight), "net9-64");
    }
}
