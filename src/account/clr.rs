//! What the CLR's own structures say of memory that is no object: the GC's bookkeeping, code heaps, loader heaps. Everything here proves itself or
//! is left out, and nothing is fatal.
//!
//! | what | how it is found | from |
//! | --- | --- | --- |
//! | card table and what lies behind it | `card_table_info` at `GcDacVars.bookkeeping_start` (7 and later); before that by its content at the start of a reservation | gcpriv.h |
//! | range that the GC reserved for regions | `lowest_address`, `highest_address` of it | gcpriv.h |
//! | code heaps, stubs | `ExecutionManagerCodeRangeMapAddress` -> `RangeSectionMap` (named by the contract descriptor of 10 and later) | docs/design/datacontracts/ExecutionManager.md |
//! | loader heaps | `Module.LoaderAllocator` -> `LoaderAllocator.*Heap` (named by 10 and later) -> blocks | loaderheap.h |
//! | loader heaps | `LoaderHeap`s among the runtime's variables (the global loader allocator's), by their content | loaderheap.h |
//! | loader heaps | every reservation that holds a method table, a class or a module of a type on the heap, where MemoryInfoList tells reservations | |

use super::MemoryOwner;
use super::claims::Heap;
use super::intervals::Claim;
use crate::dump::Dump;
use crate::dump::memory_info::InfoKind;
use crate::dump::regions::merged;
use crate::limits;
use crate::maps::AddrSet;
use crate::memory::{Addr, Memory};
use crate::report::GENERATIONS;
use crate::runtime::Runtime;
use crate::runtime::globals::section_words;
use crate::runtime::layout::Layout;

/// Word of `GcDacVars` that points to the variable `bookkeeping_start`.
const BOOKKEEPING_START: u64 = 32;

/// Words of `card_table_info`: where the fields are.
struct CardTableShape {
    lowest: u64,
    highest: u64,
    brick: u64,
    size: u64,
    next: u64,
}

/// 7 and later; 2.0 to 6.0. [R: 8.0.4, 10.0.0; 3.1.23]
const CARD_TABLES: [CardTableShape; 2] = [
    CardTableShape { lowest: 3, highest: 4, brick: 5, size: 1, next: 2 },
    CardTableShape { lowest: 1, highest: 2, brick: 3, size: 6, next: 7 },
];

/// The largest of all bookkeeping: that of 256 TB of address space is some 100 GB, reserved.
const MAX_BOOKKEEPING: u64 = 1 << 40;
/// Old card tables that are followed; each growth of the heap's range can leave one.
const MAX_CARD_TABLES: usize = 64;

/// A `card_table_info` that proved itself.
struct CardTable {
    at: Addr,
    size: u64,
    lowest: Addr,
    highest: Addr,
    next: Addr,
}

/// Claims of the GC's bookkeeping and, with regions, of the range that the GC reserved for them. Gives the words that say how.
pub(crate) fn bookkeeping(dump: &Dump, mem: &dyn Memory, heap: &Heap<'_>, claims: &mut Vec<Claim>) -> Option<String> {
    let (table, shape, how) = find_card_table(dump, mem, heap)?;
    let claim = |start: Addr, end: Addr, owner| Claim { start: start.0, end: end.0, owner };
    if heap.runtime.gc.allocation_start.is_none() {
        // Regions: nothing but the GC's memory can be in there.
        claims.push(claim(table.lowest, table.highest, MemoryOwner::GcEmpty));
    }
    let p = heap.runtime.layout.p();
    let mut known = AddrSet::default();
    let mut next = Some(table);
    while let Some(table) = next.take().filter(|t| known.insert(t.at) && known.len() <= MAX_CARD_TABLES) {
        // The rest of its last page is nobody else's.
        let size = table.size.checked_next_multiple_of(0x1000).unwrap_or(table.size);
        claims.push(claim(table.at, table.at.plus(size), MemoryOwner::GcBookkeeping));
        // `next_card_table` is the address behind the older one's info.
        next = (!table.next.is_null())
            .then(|| read_card_table(mem, heap.runtime, shape, table.next.minus(p.wrapping_mul(8))))
            .flatten();
    }
    Some(format!("headers of segments; card table and what lies behind it: card_table_info {how}"))
}

fn find_card_table<'s>(
    dump: &Dump,
    mem: &dyn Memory,
    heap: &Heap<'_>,
) -> Option<(CardTable, &'s CardTableShape, &'static str)> {
    let rt = heap.runtime;
    // What the table must cover: all that the GC has reserved. Frozen segments lie elsewhere.
    let live = || heap.segments.iter().filter(|s| s.generation().name() != GENERATIONS[5]);
    let (first, last) = (live().map(|s| s.start).min()?, live().map(|s| s.reserved).max()?);
    let covers = |table: &CardTable| table.lowest <= first && last <= table.highest;
    if !rt.gc.at.is_null() && rt.gc.generations > 4 {
        let p = rt.layout.pointer;
        let variable = mem.ptr(rt.gc.at.plus(rt.layout.p().wrapping_mul(BOOKKEEPING_START)), p, "GcDacVars").ok()?;
        let at = mem.ptr(variable, p, "bookkeeping_start").unwrap_or(Addr::NULL);
        for shape in &CARD_TABLES {
            if let Some(table) = read_card_table(mem, rt, shape, at).filter(covers) {
                return Some((table, shape, "at GcDacVars.bookkeeping_start covers every segment"));
            }
        }
    }
    // One bit covers at most 256 bytes, hence the table has at least this many bytes.
    let least = last.since(first) / (256 * 8);
    let starts = reservation_starts(dump, heap, least);
    for start in starts.into_iter().take(limits::MAX_BOOKKEEPING_PROBES) {
        for shape in &CARD_TABLES {
            if let Some(table) = read_card_table(mem, rt, shape, start).filter(covers) {
                return Some((table, shape, "found by its content covers every segment"));
            }
        }
    }
    None
}

/// Addresses at which a reservation of at least so many bytes may begin: those of MemoryInfoList; without one the starts of runs of
/// memory, then what else is a multiple of 64 KiB. Segments and images are none.
fn reservation_starts(dump: &Dump, heap: &Heap<'_>, least: u64) -> Vec<Addr> {
    if let Some(info) = &dump.memory_info {
        let private = info.committed.iter().filter(|r| r.kind == InfoKind::Private && r.start == r.allocation);
        return private.map(|r| r.start).collect();
    }
    let (mut starts, mut inner) = (Vec::new(), Vec::new());
    let taken = heap.segments.iter().map(|s| (s.start, s.reserved.since(s.start)));
    let taken = merged(taken.chain(dump.modules.iter().map(|m| (m.base, m.size))).collect());
    // The end of the segment or image that an address lies in.
    let end_of_taken = |at: Addr| {
        let number = taken.partition_point(|&(start, _)| start <= at);
        let &(start, len) = number.checked_sub(1).and_then(|n| taken.get(n))?;
        Some(start.plus(len)).filter(|&end| at < end)
    };
    for (start, end) in dump.regions.runs() {
        let mut next = Some(start);
        while let Some(at) = next.filter(|&at| end.since(at) >= least.max(1)) {
            if inner.len() >= limits::MAX_BOOKKEEPING_PROBES {
                break;
            }
            let taken = end_of_taken(at);
            if at.0 & 0xffff == 0 && taken.is_none() {
                if at == start { starts.push(at) } else { inner.push(at) }
            }
            // The next multiple of 64 KiB.
            let last = taken.map_or(at.0, |end| end.0.saturating_sub(1));
            next = (last | 0xffff).checked_add(1).map(Addr);
        }
    }
    starts.extend(inner);
    starts
}

/// Reads one and proves it as far as it proves itself: a count of references, a range, a brick table inside it.
fn read_card_table(mem: &dyn Memory, rt: &Runtime, shape: &CardTableShape, at: Addr) -> Option<CardTable> {
    let p = rt.layout.p();
    let word = |i: u64| mem.ptr(at.plus(i.wrapping_mul(p)), rt.layout.pointer, "card_table_info").ok();
    let count = mem.u32(at, "card_table_info").ok()?;
    let (lowest, highest, brick) = (word(shape.lowest)?, word(shape.highest)?, word(shape.brick)?);
    let size = word(shape.size)?.0;
    let fits = (1..=0xffff).contains(&count)
        && at.0 & 0xfff == 0
        && lowest < highest
        && size <= MAX_BOOKKEEPING
        && at < brick
        && brick.since(at) < size;
    fits.then_some(CardTable { at, size, lowest, highest, next: word(shape.next)? })
}

/// `RANGE_SECTION_RANGELIST` (codeman.h): stubs of a loader heap, no code heap.
const RANGE_LIST: u64 = 4;
/// Entries of one level of the map.
const MAP_ENTRIES: usize = 256;

/// Claims of code heaps and stubs by the map that the runtime itself finds code with. `None` if the runtime does not name it, or if it cannot be read.
pub(crate) fn code(mem: &dyn Memory, rt: &Runtime, claims: &mut Vec<Claim>) -> Option<String> {
    let d = &rt.shapes;
    let p = rt.layout.p();
    let map = d.pointer("ExecutionManagerCodeRangeMapAddress")?.plus(d.field("RangeSectionMap", "TopLevelData")?);
    let fragment = |field: &str| d.field("RangeSectionFragment", field);
    let section = |field: &str| d.field("RangeSection", field);
    let (next, to_section) = (fragment("Next")?, fragment("RangeSection")?);
    let (begin, end) = (section("RangeBegin")?, section("RangeEndOpen")?);
    let (flags, heap_list, r2r) = (section("Flags")?, section("HeapList")?, section("R2RModule")?);
    let word = |at: Addr, offset: u64| mem.ptr(at.plus(offset), rt.layout.pointer, "the runtime's map of code");
    // The low bit of a link says that it is of a collectible assembly.
    let untagged = |a: Addr| Addr(a.0 & !1);

    // Five levels of a byte of the address each, two with 32 bits.
    let mut level = vec![map];
    for _ in 0..if p == 8 { 5 } else { 2 } {
        let mut below = Vec::new();
        for table in level {
            let size = usize::try_from(p).unwrap_or(8).saturating_mul(MAP_ENTRIES);
            let bytes = mem.bytes(table, size, "the runtime's map of code").ok()?;
            let entries = (0u64..).zip(bytes.chunks_exact(usize::try_from(p).unwrap_or(8)));
            for (i, _) in entries.filter(|(_, bytes)| bytes.iter().any(|&b| b != 0)) {
                below.push(untagged(word(table, i.wrapping_mul(p)).ok()?));
                if below.len() > limits::MAX_CODE_RANGES {
                    return None;
                }
            }
        }
        level = below;
    }
    let mut sections = AddrSet::default();
    let mut budget = limits::MAX_CODE_RANGES;
    for mut at in level {
        while !at.is_null() {
            budget = budget.checked_sub(1)?;
            sections.insert(word(at, to_section).ok()?);
            at = untagged(word(at, next).ok()?);
        }
    }
    let mut found = Vec::new();
    for at in sections.sorted() {
        let (start, stop) = (word(at, begin).ok()?, word(at, end).ok()?);
        if !word(at, r2r).ok()?.is_null() || start >= stop {
            // Code of an image.
            continue;
        }
        let owner = if !word(at, heap_list).ok()?.is_null() {
            MemoryOwner::CodeHeaps
        } else if mem.u32(at.plus(flags), "flags of a range of code").is_ok_and(|f| u64::from(f) & RANGE_LIST != 0) {
            MemoryOwner::LoaderHeaps
        } else {
            continue;
        };
        found.push(Claim { start: start.0, end: stop.0, owner });
    }
    claims.append(&mut found);
    Some("the runtime's own map of code (ExecutionManagerCodeRangeMapAddress): ranges with a code heap".into())
}

/// Claims of loader heaps. Gives the words that say how; `None` if nothing was found.
pub(crate) fn loader_heaps(
    dump: &Dump,
    mem: &dyn Memory,
    heap: &Heap<'_>,
    stubs: bool,
    claims: &mut Vec<Claim>,
) -> Option<String> {
    let mut how = Vec::new();
    if stubs {
        how.push("stubs in the map of code");
    }
    if let Some(blocks) = allocator_blocks(mem, heap) {
        claims.extend(blocks.into_iter().map(|(start, end)| Claim {
            start: start.0,
            end: end.0,
            owner: MemoryOwner::LoaderHeaps,
        }));
        how.push("blocks of LoaderAllocator's heaps");
    }
    let mut claim = |(start, end): (Addr, Addr)| {
        claims.push(Claim { start: start.0, end: end.0, owner: MemoryOwner::LoaderHeaps });
    };
    let among_variables = static_heaps(mem, heap.runtime);
    if !among_variables.is_empty() {
        how.push("blocks of the LoaderHeaps among the runtime's variables");
    }
    among_variables.into_iter().for_each(&mut claim);
    let before = claims.len();
    reservations(mem, dump, heap, claims);
    if claims.len() > before {
        how.push("reservations that hold a method table, class or module of a type on the heap");
    }
    (!how.is_empty()).then(|| how.join("; "))
}

/// The blocks of the loader heaps of every loader allocator of a module; `None` if the runtime does not name them or if no method table
/// of the heap lies in them.
fn allocator_blocks(mem: &dyn Memory, heap: &Heap<'_>) -> Option<Vec<(Addr, Addr)>> {
    let (d, l) = (&heap.runtime.shapes, &heap.runtime.layout);
    let allocator = d.field("Module", "LoaderAllocator")?;
    let heaps = ["LowFrequencyHeap", "HighFrequencyHeap", "StubHeap"];
    let heaps: Vec<u64> = heaps.iter().filter_map(|name| d.field("LoaderAllocator", name)).collect();
    if heaps.is_empty() {
        return None;
    }
    let word = |at: Addr, i: u64| mem.ptr(at.plus(i.wrapping_mul(l.p())), l.pointer, "a loader heap").ok();
    let mut chains = Chains::default();
    for module in &heap.modules {
        let Ok(allocator) = mem.ptr(module.at.plus(allocator), l.pointer, "Module.LoaderAllocator") else { continue };
        for &offset in &heaps {
            // LoaderHeap: a vtable, then m_pFirstBlock. [R: 10.0.0, 10.0.14]
            let Ok(one) = mem.ptr(allocator.plus(offset), l.pointer, "a loader heap") else { continue };
            chains.follow(mem, l, word(one, 1).unwrap_or(Addr::NULL));
        }
    }
    let mut blocks = chains.blocks;
    crate::order::ascending(&mut blocks);
    let holds = |at: Addr| {
        let number = blocks.partition_point(|&(start, _)| start <= at);
        number.checked_sub(1).and_then(|n| blocks.get(n)).is_some_and(|&(_, end)| at < end)
    };
    heap.outcome.census.tables.known().iter().any(|t| holds(t.at)).then_some(blocks)
}

/// The largest block of a loader heap; what is reserved at a time is 64 KB to some MB.
const MAX_LOADER_BLOCK: u64 = 1 << 30;

/// Blocks of loader heaps, as (first address, first behind): `LoaderHeapBlock` { next, address, bytes }, the same in all versions.
#[derive(Default)]
struct Chains {
    seen: AddrSet,
    blocks: Vec<(Addr, Addr)>,
}

impl Chains {
    /// Adds the chain that begins with this block, as far as it is one.
    fn follow(&mut self, mem: &dyn Memory, l: &Layout, first: Addr) {
        let mut next = first;
        while !next.is_null() && self.seen.insert(next) && self.blocks.len() < limits::MAX_LOADER_BLOCKS {
            let Some((start, end, behind)) = loader_block(mem, l, next) else { return };
            self.blocks.push((start, end));
            next = behind;
        }
    }
}

/// A `LoaderHeapBlock` that can be one: first address, first behind, next block.
fn loader_block(mem: &dyn Memory, l: &Layout, at: Addr) -> Option<(Addr, Addr, Addr)> {
    let word = |i: u64| mem.ptr(at.plus(i.wrapping_mul(l.p())), l.pointer, "a block of a loader heap").ok();
    let (next, start, size) = (word(0)?, word(1)?, word(2)?);
    let fits = start.0 & 0xfff == 0 && size.0 & 0xfff == 0 && !size.is_null() && size.0 <= MAX_LOADER_BLOCK;
    fits.then(|| (start, start.plus(size.0), next))
}

/// Words from `m_pFirstBlock` to `m_pAllocPtr` in an `UnlockedLoaderHeap`: up to 6, and from 7 on. [R: 2.0, 2.1, 3.1, 6.0; 8.0, 9.0, 10.0]
const TO_ALLOC_POINTER: [usize; 2] = [1, 3];

/// The blocks of the loader heaps that lie among the runtime's own variables: those of the global loader allocator. One proves itself: a
/// pointer to a block, and the allocation pointer, the end of what is committed and the end of what is reserved, in this order, the last
/// one at the very end of that block.
fn static_heaps(mem: &dyn Memory, rt: &Runtime) -> Vec<(Addr, Addr)> {
    let l = &rt.layout;
    let words = section_words(mem, &rt.module.image, l.pointer);
    let mut chains = Chains::default();
    for (i, &(at, first)) in words.iter().enumerate() {
        if first.is_null() || first.0.checked_rem(l.p()) != Some(0) || rt.module.image.contains(first) {
            continue;
        }
        let proven = TO_ALLOC_POINTER.iter().any(|&skip| {
            let value = |n: usize| {
                let n = skip.saturating_add(n);
                let &(place, value) = words.get(i.saturating_add(n))?;
                (place == at.plus((n as u64).wrapping_mul(l.p()))).then_some(value)
            };
            let (Some(alloc), Some(committed), Some(reserved)) = (value(0), value(1), value(2)) else { return false };
            let ordered = alloc <= committed && committed <= reserved && !alloc.is_null();
            // Most words end here, unread.
            ordered
                && committed.0 & 0xfff == 0
                && reserved.0 & 0xfff == 0
                && reserved.since(alloc) <= MAX_LOADER_BLOCK
                && loader_block(mem, l, first).is_some_and(|(start, end, _)| start <= alloc && reserved == end)
        });
        if proven {
            chains.follow(mem, l, first);
        }
    }
    chains.blocks
}

/// Claims every reservation, but for images, that holds a method table, a class or a module: the runtime makes all three in loader heaps
/// or finds them in images.
fn reservations(mem: &dyn Memory, dump: &Dump, heap: &Heap<'_>, claims: &mut Vec<Claim>) {
    let Some(info) = &dump.memory_info else { return };
    let tables = heap.outcome.census.tables.each(mem, heap.runtime).filter(|t| t.at != heap.runtime.known.free);
    // Of a canonical method table this is its class; else a tagged pointer to the canonical one, a method table as well.
    let places = tables.flat_map(|t| [t.at, Addr(t.canonical.0 & !3)]).chain(heap.modules.iter().map(|m| m.at));
    let found = places.filter_map(|at| info.find(at)).filter(|r| r.kind != InfoKind::Image).map(|r| r.allocation);
    let found: AddrSet = found.collect();
    let regions = info.committed.iter().filter(|r| r.kind != InfoKind::Image && found.contains(r.allocation));
    claims.extend(regions.map(|r| Claim { start: r.start.0, end: r.end.0, owner: MemoryOwner::LoaderHeaps }));
}
