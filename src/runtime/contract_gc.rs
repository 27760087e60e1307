//! The GC's variables by the contract descriptor's names: .NET 11 and later publish them in the sub-descriptor `GC`.
//!
//! Source: dotnet/runtime src/coreclr/gc/datadescriptor/datadescriptor.inc and docs/design/datacontracts/GC.md. `GCIdentifiers` says
//! workstation or server and segments or regions; a workstation GC has its table at `GCHeapGenerationTable` and variables at
//! `GCHeapEphemeralHeapSegment`, `GCHeapAllocAllocated`; a server GC has `NumHeaps`, `Heaps` and offsets in type `GCHeap`.

use super::Descriptor;
use super::descriptor::Global;
use super::globals::{GcDacVars, GcHeap};
use super::identity::RuntimeModule;
use super::layout::Layout;
use crate::dump::Module;
use crate::limits;
use crate::memory::{Addr, Memory};

/// The variables that the descriptor names; `None` if it names none, or if they do not prove themselves.
pub fn find(mem: &dyn Memory, modules: &[Module], m: &RuntimeModule, l: &Layout, d: &Descriptor) -> Option<GcDacVars> {
    let Some(Global::Text(identifiers)) = d.global("GCIdentifiers") else { return None };
    let has = |word: &str| identifiers.split(',').any(|w| w.trim() == word);
    let variable = |name: &str| mem.ptr(d.pointer(name)?, l.pointer, "a variable of the contract descriptor").ok();
    let generation_size = d.field("Generation", "!").filter(|&s| (l.p().wrapping_mul(8)..=0x1000).contains(&s))?;
    let server = has("server");
    let mut heaps = Vec::new();
    if server {
        let count = u64::from(mem.u32(d.pointer("NumHeaps")?, "NumHeaps").ok()?);
        if count == 0 || count > limits::MAX_HEAPS {
            return None;
        }
        let array = variable("Heaps")?;
        for i in 0..count {
            let heap = mem.ptr(array.plus(i.wrapping_mul(l.p())), l.pointer, "Heaps").ok()?;
            let word = |field: &str| mem.ptr(heap.plus(d.field("GCHeap", field)?), l.pointer, "GCHeap").ok();
            heaps.push(GcHeap {
                generation_table: heap.plus(d.field("GCHeap", "GenerationTable")?),
                ephemeral_segment: word("EphemeralHeapSegment")?,
                alloc_allocated: word("AllocAllocated")?,
                finalize_queue: word("FinalizeQueue").unwrap_or(Addr::NULL),
            });
        }
    } else {
        heaps.push(GcHeap {
            generation_table: d.pointer("GCHeapGenerationTable")?,
            ephemeral_segment: variable("GCHeapEphemeralHeapSegment")?,
            alloc_allocated: variable("GCHeapAllocAllocated")?,
            finalize_queue: variable("GCHeapFinalizeQueue").unwrap_or(Addr::NULL),
        });
    }
    let invalid = d.pointer("StructureInvalidCount").and_then(|a| mem.u32(a, "StructureInvalidCount").ok());
    let home = d
        .pointer("GCHeapGenerationTable")
        .or_else(|| d.pointer("Heaps"))
        .and_then(|a| modules.iter().find(|module| module.contains(a)));
    let found = GcDacVars {
        at: Addr::NULL,
        version: (0, 0),
        generation_size,
        generations: d.number("TotalGenerationCount").filter(|n| (4..=8).contains(n)).unwrap_or(5),
        start_segment: d.field("Generation", "StartSegment")?,
        allocation_start: if has("regions") { None } else { Some(d.field("Generation", "AllocationStart")?) },
        heaps,
        server,
        handle_table_map: d.pointer("HandleTableMap"),
        structures_invalid: invalid.unwrap_or(0),
        gc_module: home.filter(|h| h.base != m.image.base).map(|h| h.path.clone()),
    };
    found.heads_are_segments(mem, l).then_some(found)
}
