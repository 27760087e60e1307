//! The GC's variables and the well-known method tables: several ways to each, every hit proven by its content.
//!
//! Sources: src/coreclr/gc/gcinterface.dac.h and gcinterface.dacvars.def (`GcDacVars`), src/coreclr/inc/dacvars.h and daccess.h (the DAC
//! table and the resource that held it up to 6), methodtable.h.

use super::identity::RuntimeModule;
use super::layout::{GcHeapLayout, Layout};
use super::method_table::{BackPointer, HAS_COMPONENT_SIZE, MethodTable};
use super::{Descriptor, note};
use crate::dump::Module;
use crate::image::pe::PeImage;
use crate::limits;
use crate::memory::{Addr, Memory, PointerSize};
use crate::report::Evidence;

/// Entries of `g_dacTable` that are tried. The table carries no length; the largest has 158 entries.
const DAC_TABLE_ENTRIES: u64 = 256;
/// Pointer entries of `GcDacVars` that must be null or lie in one module: the common ones of all versions.
const COMMON_ENTRIES: u64 = 22;
/// `major_version_number`: 1 or 2 so far; what a later one changes, the content shows.
const MAJOR_VERSIONS: std::ops::RangeInclusive<u8> = 1..=9;
/// Entries of `gc_heap_field_offsets`: alloc_allocated, ephemeral_heap_segment, generation_table (dac_gcheap_fields.h).
const FIELD_ALLOC_ALLOCATED: u64 = 0;
const FIELD_EPHEMERAL: u64 = 1;
const FIELD_FINALIZE_QUEUE: u64 = 2;
const FIELD_GENERATION_TABLE: u64 = 18;

/// The GC's variables, as `GcDacVars` points to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcDacVars {
    /// Address of the structure; null if the variables were found without it, by [`super::shapes`].
    pub at: Addr,
    /// `major_version_number`, `minor_version_number`.
    pub version: (u8, u8),
    /// Bytes of one `generation`.
    pub generation_size: u64,
    /// Generations with LOH and POH: 5, or 4 up to 3.1.
    pub generations: u64,
    /// Offset of `start_segment` in a generation.
    pub start_segment: u64,
    /// Offset of `allocation_start`; `None`: the heap has regions.
    pub allocation_start: Option<u64>,
    /// One per heap.
    pub heaps: Vec<GcHeap>,
    /// True for server GC.
    pub server: bool,
    /// `handle_table_map`, if the entry leads to readable memory.
    pub handle_table_map: Option<Addr>,
    /// `gc_structures_invalid_cnt`: not 0 while a GC moves objects.
    pub structures_invalid: u32,
    /// The standalone GC module that the variables lie in.
    pub gc_module: Option<String>,
}

/// One GC heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcHeap {
    /// Address of its generation table.
    pub generation_table: Addr,
    /// Its ephemeral segment or region.
    pub ephemeral_segment: Addr,
    /// End of objects in it.
    pub alloc_allocated: Addr,
    /// Its `CFinalize`.
    pub finalize_queue: Addr,
}

/// What a `GcDacVars` says whose lists of segments do not hold: of a damaged heap, or of one in another layout. What is found in another
/// way must be the same heap.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    generation_size: u64,
    generations: u64,
    /// 0: workstation.
    server_heaps: u64,
    /// Of a workstation GC.
    generation_table: Option<Addr>,
    /// Offsets of `start_segment` and `allocation_start`, if the structure tells them.
    told: Option<(u64, Option<u64>)>,
}

impl Claim {
    /// True if variables that were [found by their shape](super::shapes) are of the heap that the structure speaks of.
    pub fn fits(&self, found: &GcDacVars) -> bool {
        let heaps = if found.server { found.heaps.len() as u64 } else { 0 };
        let start = self.generation_table.zip(found.heaps.first());
        (found.generation_size, found.generations, heaps) == (self.generation_size, self.generations, self.server_heaps)
            && start.is_none_or(|(table, heap)| {
                let offset = heap.generation_table.since(table);
                table <= heap.generation_table
                    && self.told.map_or(offset < self.generation_size, |(start, _)| offset == start)
            })
            && self.told.is_none_or(|(start, objects)| objects.map(|o| o.wrapping_sub(start)) == found.allocation_start)
    }
}

/// The method tables that everything else is proven with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WellKnown {
    /// `g_pFreeObjectMethodTable`.
    pub free: Addr,
    /// `g_pStringClass`.
    pub string: Addr,
    /// `g_pObjectClass`.
    pub object: Addr,
}

/// Where a list of words to test comes from.
struct Words {
    how: &'static str,
    /// Values of the variables (already read through).
    values: Vec<Addr>,
}

/// The words to test, the best source first: entries of the DAC table, then every word of the writable sections.
fn dac_entries(mem: &dyn Memory, m: &RuntimeModule) -> Option<Words> {
    let p = m.pointer.bytes();
    if let Some(table) = m.dac_table {
        let mut values = Vec::new();
        for i in 0..DAC_TABLE_ENTRIES {
            let Ok(variable) = mem.ptr(table.plus(i.wrapping_mul(p)), m.pointer, "g_dacTable") else { break };
            if m.image.contains(variable)
                && let Ok(value) = mem.ptr(variable, m.pointer, "a variable of g_dacTable")
            {
                values.push(value);
            }
        }
        return Some(Words { how: "an entry of export g_dacTable", values });
    }
    let (at, len) = m.dac_resource?;
    let count = mem.u32(at, "COREXTERNALDATAACCESSRESOURCE").ok()?;
    let room = u64::from(len).checked_sub(24)?.checked_div(4)?;
    let mut values = Vec::new();
    for i in 0..u64::from(count).min(room) {
        let Ok(rva) = mem.u32(at.plus(24).plus(i.wrapping_mul(4)), "COREXTERNALDATAACCESSRESOURCE") else { break };
        if let Ok(value) = mem.ptr(m.image.base.plus(u64::from(rva)), m.pointer, "a variable of the DAC resource") {
            values.push(value);
        }
    }
    Some(Words { how: "an entry of resource COREXTERNALDATAACCESSRESOURCE", values })
}

/// Every aligned word of the writable sections, with its address. Bounded by the image's own size.
pub(crate) fn section_words(mem: &dyn Memory, image: &PeImage, pointer: PointerSize) -> Vec<(Addr, Addr)> {
    let p = usize::try_from(pointer.bytes()).unwrap_or(8);
    let mut words = Vec::new();
    for (start, len) in image.writable_sections() {
        let mut at = start;
        let end = start.plus(len);
        while at < end {
            let have = mem.run(at).min(end.since(at)).min(limits::PAGE);
            let Ok(have) = usize::try_from(have) else { break };
            if have < p {
                // A page of the section is not in the dump.
                at = Addr(at.0 | 0xFFF).plus(1);
                continue;
            }
            let Ok(bytes) = mem.bytes(at, have, "writable section of the runtime") else { break };
            for (i, word) in (0u64..).zip(bytes.chunks_exact(p)) {
                let mut w = [0; 8];
                if let Some(low) = w.get_mut(..p) {
                    low.copy_from_slice(word);
                }
                words.push((at.plus(i.wrapping_mul(pointer.bytes())), Addr(u64::from_le_bytes(w))));
            }
            at = at.plus(have as u64);
        }
    }
    words
}

fn section_values(mem: &dyn Memory, m: &RuntimeModule) -> Words {
    let mut values: Vec<Addr> = section_words(mem, &m.image, m.pointer).into_iter().map(|(_, v)| v).collect();
    crate::order::ascending(&mut values);
    values.dedup();
    Words { how: "a word of the runtime's writable sections", values }
}

impl GcDacVars {
    /// Nothing known yet.
    pub(crate) fn none() -> GcDacVars {
        GcDacVars {
            at: Addr::NULL,
            version: (0, 0),
            generation_size: 0,
            generations: 0,
            start_segment: 0,
            allocation_start: None,
            heaps: Vec::new(),
            server: false,
            handle_table_map: None,
            structures_invalid: 0,
            gc_module: None,
        }
    }

    /// Finds the structure by content and reads the variables.
    ///
    /// # Errors
    /// A sentence for [`crate::Error::UnknownRuntime`], and what a structure says whose lists of segments do not hold.
    pub fn find(
        mem: &dyn Memory,
        modules: &[Module],
        m: &RuntimeModule,
        l: &Layout,
        evidence: &mut Vec<Evidence>,
    ) -> Result<GcDacVars, (String, Option<Claim>)> {
        let mut reasons = Vec::new();
        let mut claim = None;
        let sources = [dac_entries(mem, m)].into_iter().flatten().map(Ok).chain([Err(())]);
        for source in sources {
            let words = source.unwrap_or_else(|()| section_values(mem, m));
            let mut candidates = words.values;
            candidates.retain(|&a| m.image.contains(a) && a.0 & 3 == 0);
            crate::order::ascending(&mut candidates);
            candidates.dedup();
            let hits: Vec<GcDacVars> =
                candidates.iter().filter_map(|&at| Self::accept(mem, modules, m, l, at, &mut claim)).collect();
            match hits.as_slice() {
                [one] => {
                    let (major, minor) = one.version;
                    note(
                        evidence,
                        "GcDacVars",
                        &format!("{}, version {major}.{minor}, generation size {}", one.at, one.generation_size),
                        &format!(
                            "{}; the only one of {} whose content fits; max_gen = 2; every start segment is a segment",
                            words.how,
                            candidates.len()
                        ),
                    );
                    one.evidence(evidence);
                    return Ok(one.clone());
                }
                other => {
                    reasons.push(format!("{} of {} candidates fit ({})", other.len(), candidates.len(), words.how))
                }
            }
        }
        Err((reasons.join("; "), claim))
    }

    fn evidence(&self, evidence: &mut Vec<Evidence>) {
        let mode = if self.server { "server" } else { "workstation" };
        note(
            evidence,
            "GC mode",
            &format!(
                "{mode}, {} heap(s), {}",
                self.heaps.len(),
                if self.allocation_start.is_some() { "segments" } else { "regions" }
            ),
            if self.server { "n_heaps and g_heaps are set" } else { "n_heaps and g_heaps are null" },
        );
        if let Some(module) = &self.gc_module {
            note(evidence, "standalone GC", module, "GcDacVars' pointers lead into this module");
        }
        note(
            evidence,
            "gc_structures_invalid_cnt",
            &self.structures_invalid.to_string(),
            if self.structures_invalid == 0 { "no GC was moving objects" } else { "a GC was moving objects" },
        );
    }

    /// The content test of one address; `None` if anything does not fit.
    fn accept(
        mem: &dyn Memory,
        modules: &[Module],
        m: &RuntimeModule,
        l: &Layout,
        at: Addr,
        claim: &mut Option<Claim>,
    ) -> Option<GcDacVars> {
        const WHAT: &str = "GcDacVars";
        let p = l.p();
        let word = |i: u64| mem.ptr(at.plus(i.wrapping_mul(p)), l.pointer, WHAT).ok();
        let head = word(0)?.0;
        let [major, minor, rest @ ..] = head.to_le_bytes();
        if !MAJOR_VERSIONS.contains(&major) || minor >= 16 || rest.iter().any(|&b| b != 0) {
            return None;
        }
        let generation_size = word(1)?.0;
        if !(0x40..=0x400).contains(&generation_size) || generation_size.checked_rem(p) != Some(0) {
            return None;
        }
        // total_generation_count came with .NET 5; up to 3.1 the word is already the first pointer.
        let (first, generations) = match word(2)?.0 {
            n @ 4..=8 => (3, n),
            _ => (2, 4),
        };
        let base = at.plus(p.wrapping_mul(first));
        let mut home: Option<&Module> = None;
        let mut set = 0u32;
        for i in 0..COMMON_ENTRIES {
            let entry = mem.ptr(base.plus(i.wrapping_mul(p)), l.pointer, WHAT).ok()?;
            if entry.is_null() {
                continue;
            }
            set = set.saturating_add(1);
            match home {
                Some(module) if module.contains(entry) => {}
                Some(_) => return None,
                None => home = Some(modules.iter().find(|module| module.contains(entry))?),
            }
        }
        let home = home?;
        if set < 4 {
            return None;
        }
        let vars = &l.gc_dac_vars;
        // An entry is the address of a variable, or null.
        let entry = |offset: u64| mem.ptr(base.plus(offset), l.pointer, WHAT).ok();
        let max_gen = entry(vars.max_gen)?;
        if mem.u32(max_gen, "max_gen").ok()? != 2 {
            return None;
        }
        let invalid = entry(vars.structures_invalid)?;
        let structures_invalid =
            if invalid.is_null() { 0 } else { mem.u32(invalid, "gc_structures_invalid_cnt").ok()? };

        // 6 and later carry the offsets of the generation's fields: i32 [allocation_context, start_segment, allocation_start or -1]. In 5 the
        // structure ends before these entries, and what lies behind it may lead into the module as well: then the layout's offsets
        // are the ones under which the start segments are segments.
        let told =
            FieldOffsets::told(mem, home, entry(vars.generation_field_offsets), entry(vars.gc_heap_field_offsets));
        let known = l.gc_heap.as_ref().filter(|_| m.contract_descriptor.is_none()).map(|heap| FieldOffsets {
            start_segment: l.generation.start_segment,
            allocation_start: Some(l.generation.allocation_start),
            heap: Some(heap.clone()),
        });
        let told = told.filter(|t| first == 3 && t.start_segment < generation_size);
        let n_heaps = entry(vars.n_heaps)?;
        let g_heaps = entry(vars.g_heaps)?;
        let count =
            if n_heaps.is_null() || g_heaps.is_null() { 0 } else { u64::from(mem.u32(n_heaps, "n_heaps").ok()?) };
        let server = count > 0;
        let allocation_start = |f: &FieldOffsets| f.allocation_start.filter(|&o| o < generation_size);
        claim.get_or_insert(Claim {
            generation_size,
            generations,
            server_heaps: count,
            generation_table: entry(vars.generation_table).filter(|_| !server),
            told: told.as_ref().map(|t| (t.start_segment, allocation_start(t))),
        });
        if count > limits::MAX_HEAPS {
            return None;
        }
        let heaps = |fields: &FieldOffsets| -> Option<Vec<GcHeap>> {
            if !server {
                let variable = |offset: u64, what: &str| mem.ptr(entry(offset)?, l.pointer, what).ok();
                return Some(vec![GcHeap {
                    generation_table: entry(vars.generation_table)?,
                    ephemeral_segment: variable(vars.ephemeral_heap_segment, "ephemeral_heap_segment")?,
                    alloc_allocated: variable(vars.alloc_allocated, "alloc_allocated")?,
                    finalize_queue: variable(vars.finalize_queue, "finalize_queue").unwrap_or(Addr::NULL),
                }]);
            }
            let at = fields.heap.as_ref()?;
            let array = mem.ptr(g_heaps, l.pointer, "g_heaps").ok()?;
            let heap = |i: u64| {
                let heap = mem.ptr(array.plus(i.wrapping_mul(p)), l.pointer, "g_heaps").ok()?;
                let word = |offset: u64, what: &str| mem.ptr(heap.plus(offset), l.pointer, what).ok();
                Some(GcHeap {
                    generation_table: heap.plus(at.generation_table),
                    ephemeral_segment: word(at.ephemeral_heap_segment, "gc_heap.ephemeral_heap_segment")?,
                    alloc_allocated: word(at.alloc_allocated, "gc_heap.alloc_allocated")?,
                    finalize_queue: word(at.finalize_queue, "gc_heap.finalize_queue").unwrap_or(Addr::NULL),
                })
            };
            (0..count).map(heap).collect()
        };
        [told, known].into_iter().flatten().find_map(|fields| {
            let found = GcDacVars {
                at,
                version: (major, minor),
                generation_size,
                generations,
                start_segment: fields.start_segment,
                allocation_start: allocation_start(&fields),
                heaps: heaps(&fields)?,
                server,
                handle_table_map: entry(vars.handle_table_map).filter(|a| mem.run(*a) >= p),
                structures_invalid,
                gc_module: (home.base != m.image.base).then(|| home.path.clone()),
            };
            found.heads_are_segments(mem, l).then_some(found)
        })
    }

    /// True if both name the same heap, wherever they found it.
    pub fn same_heap(&self, other: &GcDacVars) -> bool {
        (self.generation_size, self.start_segment, self.allocation_start, self.server)
            == (other.generation_size, other.start_segment, other.allocation_start, other.server)
            && self
                .heaps
                .iter()
                .map(|h| (h.generation_table, h.ephemeral_segment, h.alloc_allocated))
                .eq(other.heaps.iter().map(|h| (h.generation_table, h.ephemeral_segment, h.alloc_allocated)))
    }

    /// Every generation's start segment is null or looks like a segment, and at least the old generations have one.
    pub(super) fn heads_are_segments(&self, mem: &dyn Memory, l: &Layout) -> bool {
        self.heaps.iter().all(|heap| {
            let mut seen = 0u32;
            for g in 0..self.generations {
                let Some(head) = self.start_segment_of(mem, l, heap, g) else { return false };
                if head.is_null() {
                    continue;
                }
                if !crate::heap::segments::looks_like_segment(mem, l, head) {
                    return false;
                }
                seen = seen.saturating_add(1);
            }
            seen >= 2
        })
    }

    /// `generation_table[g].start_segment`.
    pub fn start_segment_of(&self, mem: &dyn Memory, l: &Layout, heap: &GcHeap, g: u64) -> Option<Addr> {
        let at = heap.generation_table.plus(g.wrapping_mul(self.generation_size)).plus(self.start_segment);
        mem.ptr(at, l.pointer, "generation.start_segment").ok()
    }

    /// `generation_table[g].tail_region`, of regions: gcpriv.h, three words behind `start_segment` (8 to 11).
    pub fn tail_region_of(&self, mem: &dyn Memory, l: &Layout, heap: &GcHeap, g: u64) -> Option<Addr> {
        let at = heap.generation_table.plus(g.wrapping_mul(self.generation_size)).plus(self.start_segment);
        mem.ptr(at.plus(super::shapes::TAIL.wrapping_mul(l.p())), l.pointer, "generation.tail_region").ok()
    }

    /// `generation_table[g].allocation_start`, where the heap has segments.
    pub fn allocation_start_of(&self, mem: &dyn Memory, l: &Layout, heap: &GcHeap, g: u64) -> Option<Addr> {
        let at = heap.generation_table.plus(g.wrapping_mul(self.generation_size)).plus(self.allocation_start?);
        mem.ptr(at, l.pointer, "generation.allocation_start").ok()
    }
}

/// Where the fields of `generation` and of a server's `gc_heap` lie.
struct FieldOffsets {
    start_segment: u64,
    /// A number that no generation has (-1) where there is none: the heap has regions.
    allocation_start: Option<u64>,
    heap: Option<GcHeapLayout>,
}

impl FieldOffsets {
    /// As the arrays say that `GcDacVars` leads to.
    fn told(mem: &dyn Memory, home: &Module, generation: Option<Addr>, heap: Option<Addr>) -> Option<FieldOffsets> {
        let field = |array: Addr, i: u64, what: &str| mem.u32(array.plus(i.wrapping_mul(4)), what).ok().map(u64::from);
        let generation = generation.filter(|&a| home.contains(a))?;
        let of_generation = |i| field(generation, i, "generation_field_offsets");
        let heap = heap.filter(|&a| home.contains(a)).and_then(|array| {
            let of_heap = |i| field(array, i, "gc_heap_field_offsets");
            Some(GcHeapLayout {
                alloc_allocated: of_heap(FIELD_ALLOC_ALLOCATED)?,
                ephemeral_heap_segment: of_heap(FIELD_EPHEMERAL)?,
                finalize_queue: of_heap(FIELD_FINALIZE_QUEUE)?,
                generation_table: of_heap(FIELD_GENERATION_TABLE)?,
            })
        });
        Some(FieldOffsets { start_segment: of_generation(1)?, allocation_start: of_generation(2), heap })
    }
}

impl WellKnown {
    /// Finds Free, String and Object: by the contract descriptor's names, else among the DAC table's variables, else among all words of
    /// the writable sections; always by content.
    ///
    /// # Errors
    /// A sentence for [`crate::Error::UnknownRuntime`].
    pub fn find(
        mem: &dyn Memory,
        m: &RuntimeModule,
        l: &Layout,
        contract: Option<&Descriptor>,
        evidence: &mut Vec<Evidence>,
    ) -> Result<(WellKnown, BackPointer), String> {
        let named = contract.map(|d| {
            let values = ["FreeObjectMethodTable", "StringMethodTable", "ObjectMethodTable"]
                .iter()
                .filter_map(|g| mem.ptr(d.pointer(g)?, l.pointer, "a global of the contract descriptor").ok())
                .collect();
            Words { how: "a global of the contract descriptor", values }
        });
        let table = dac_entries(mem, m);
        let mut winner: Option<(WellKnown, BackPointer)> = None;
        let mut reasons = Vec::new();
        let mut how = String::new();
        for source in [named, table].into_iter().flatten() {
            match Self::among(mem, l, &source.values) {
                Ok(found) if winner.is_none() => {
                    winner = Some(found);
                    how = source.how.to_owned();
                }
                Ok(found) if winner == Some(found) => how.push_str(&format!("; {} agrees", source.how)),
                Ok(_) => return Err(format!("{how} and {} lead to different ones", source.how)),
                Err(why) => reasons.push(format!("{}: {why}", source.how)),
            }
        }
        if winner.is_none() {
            let all = section_values(mem, m);
            match Self::among(mem, l, &all.values) {
                Ok(found) => {
                    winner = Some(found);
                    how = all.how.to_owned();
                }
                Err(why) => reasons.push(format!("{}: {why}", all.how)),
            }
        }
        let Some((known, mode)) = winner else { return Err(reasons.join("; ")) };
        note(
            evidence,
            "method tables of Free, String, Object",
            &format!("{}, {}, {}", known.free, known.string, known.object),
            &format!("{how}; flags and sizes fit, each EEClass points back"),
        );
        Ok((known, mode))
    }

    /// Exactly one Free and one String among `values`; Object is String's parent.
    fn among(mem: &dyn Memory, l: &Layout, values: &[Addr]) -> Result<(WellKnown, BackPointer), String> {
        let mut free = Vec::new();
        let mut string = Vec::new();
        for &at in values {
            if at.is_null() || at.0.checked_rem(l.p()) != Some(0) {
                continue;
            }
            // Most words are no pointers, most pointers no method tables: flags and base size first.
            let Ok(flags) = mem.u32(at, "method table") else { continue };
            if flags & HAS_COMPONENT_SIZE == 0 || !matches!(flags & 0xFFFF, 1 | 2) {
                continue;
            }
            let Ok(mt) = MethodTable::read(mem, l, at) else { continue };
            if is_free(&mt, l) && !free.contains(&at) {
                free.push(at);
            }
            if let Some(mode) = is_string(mem, &mt, l)
                && !string.contains(&(mt, mode))
            {
                string.push((mt, mode));
            }
        }
        let ([free], [(string, mode)]) = (free.as_slice(), string.as_slice()) else {
            let lost = match (free.len(), string.len()) {
                // Free is data; String may lie in an image of the core library that was compiled ahead of time.
                (1, 0) => {
                    ": the dump may lack the core library's image; take a full dump, or add the framework's files"
                }
                _ => "",
            };
            return Err(format!(
                "{} candidates for Free, {} for String among {} words{lost}",
                free.len(),
                string.len(),
                values.len()
            ));
        };
        let object = string.parent_table(mem, l).map_err(|e| e.to_string())?;
        let object = MethodTable::read(mem, l, object).map_err(|e| e.to_string())?;
        let fits = object.parent.is_null()
            && u64::from(object.base_size) == l.min_object
            && object.component_size().is_none()
            && object.proves_itself(mem, l, *mode);
        if !fits {
            return Err("String's parent does not look like System.Object".into());
        }
        Ok((WellKnown { free: *free, string: string.at, object: object.at }, *mode))
    }
}

/// Free: component size 1, the smallest base size, no parent, module, auxiliary data or class.
fn is_free(mt: &MethodTable, l: &Layout) -> bool {
    mt.flags & HAS_COMPONENT_SIZE != 0
        && mt.flags & 0xFFFF == 1
        && u64::from(mt.base_size) == l.min_object
        && mt.parent.is_null()
        && mt.module.is_null()
        && mt.canonical.is_null()
}

/// String: component size 2, not an array, the base size of this family of runtimes (another one would mean that what SOS counts is that of
/// another family, too), canonical, and its class points back in one of the two modes.
fn is_string(mem: &dyn Memory, mt: &MethodTable, l: &Layout) -> Option<BackPointer> {
    let shape = mt.component_size() == Some(2)
        && !mt.is_array()
        && u64::from(mt.base_size) == l.string_base
        && !mt.parent.is_null();
    if !shape {
        return None;
    }
    [BackPointer::Absolute, BackPointer::Relative].into_iter().find(|&mode| mt.proves_itself(mem, l, mode))
}
