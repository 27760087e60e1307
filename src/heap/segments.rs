//! Generation tables -> every segment or region of every generation, with the end of its objects.
//!
//! Source: src/coreclr/gc/gcpriv.h (`heap_segment`, `generation`), gcinterface.dac.h; the enumeration is the one of ClrMD's DacHeap.
//! With segments gen0 and gen1 live in the ephemeral segment, the tail of gen2's list; with regions every generation has its own list.
//! Frozen (NonGC) segments stand at the front of gen2's list.

use crate::error::{Error, Findings, Result};
use crate::limits;
use crate::maps::AddrSet;
use crate::memory::{Addr, Memory};
use crate::runtime::Runtime;
use crate::runtime::globals::GcHeap;
use crate::runtime::layout::Layout;

/// `heap_segment_flags_readonly`: frozen.
const FLAG_READONLY: u64 = 1;
/// The largest reservation accepted for one segment: 4 TB.
const MAX_RESERVATION: u64 = 1 << 42;

/// A generation, as [`crate::report::GENERATIONS`] numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// Generation 0.
    Gen0,
    /// Generation 1.
    Gen1,
    /// Generation 2.
    Gen2,
    /// Large object heap.
    Loh,
    /// Pinned object heap (5 and later).
    Poh,
    /// Frozen (NonGC) heap.
    Frozen,
}

impl Generation {
    /// Index in [`crate::report::GENERATIONS`].
    pub fn index(self) -> usize {
        match self {
            Generation::Gen0 => 0,
            Generation::Gen1 => 1,
            Generation::Gen2 => 2,
            Generation::Loh => 3,
            Generation::Poh => 4,
            Generation::Frozen => 5,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Generation::Gen0 => "gen0",
            Generation::Gen1 => "gen1",
            Generation::Gen2 => "gen2",
            Generation::Loh => "loh",
            Generation::Poh => "poh",
            Generation::Frozen => "frozen",
        }
    }
}

/// One segment or region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Address of the `heap_segment`.
    pub address: Addr,
    /// Number of the GC heap.
    pub heap: usize,
    /// First object.
    pub start: Addr,
    /// End of objects.
    pub end: Addr,
    /// End of its committed memory.
    pub committed: Addr,
    /// End of its reserved memory.
    pub reserved: Addr,
    /// True for the ephemeral segment of a heap with segments: it holds gen0, gen1 and part of gen2.
    pub ephemeral: bool,
    /// Parts by generation, ascending by address: (first address, generation). The first part begins at `start`.
    pub parts: Vec<(Addr, Generation)>,
    /// Step of objects: 8, or 4 on x86 outside the LOH and the POH.
    pub alignment: u64,
}

impl Segment {
    /// Generation of its first part.
    pub fn generation(&self) -> Generation {
        self.parts.first().map_or(Generation::Gen2, |p| p.1)
    }
}

/// The words of one `heap_segment`.
#[derive(Debug, Clone, Copy)]
struct HeapSegment {
    allocated: Addr,
    committed: Addr,
    reserved: Addr,
    mem: Addr,
    flags: u64,
    next: Addr,
}

fn read_segment(mem: &dyn Memory, l: &Layout, at: Addr) -> Result<HeapSegment> {
    let s = &l.segment;
    let word = |offset: u64, what: &str| mem.ptr(at.plus(offset), l.pointer, what);
    Ok(HeapSegment {
        allocated: word(s.allocated, "heap_segment.allocated")?,
        committed: word(s.committed, "heap_segment.committed")?,
        reserved: word(s.reserved, "heap_segment.reserved")?,
        mem: word(s.mem, "heap_segment.mem")?,
        flags: word(s.flags, "heap_segment.flags")?.0,
        next: word(s.next, "heap_segment.next")?,
    })
}

fn plausible(s: &HeapSegment) -> bool {
    !s.mem.is_null()
        && s.mem <= s.allocated
        && s.allocated <= s.committed
        && s.committed <= s.reserved
        && s.reserved.since(s.mem) <= MAX_RESERVATION
        && s.flags < 0x1_0000
}

/// The shape test of a `heap_segment`: mem <= allocated <= committed <= reserved, small flags. `used` proves nothing: it is stale on
/// frozen segments and on regions.
pub fn looks_like_segment(mem: &dyn Memory, l: &Layout, at: Addr) -> bool {
    at.0.checked_rem(l.p()) == Some(0) && read_segment(mem, l, at).is_ok_and(|s| plausible(&s))
}

/// All segments of all heaps, each with at least one possible object; in the order heap, generation list, address of the list.
///
/// # Errors
/// [`Error::UnknownRuntime`] if a list leads to something that is no segment or does not end: the heap is then not understood.
pub fn enumerate(mem: &dyn Memory, rt: &Runtime, findings: &mut Findings) -> Result<Vec<Segment>> {
    let mut all = Vec::new();
    let mut seen = AddrSet::default();
    // Where the first object of a region lies, and how large basic regions are: the same for all.
    let (mut place, mut size) = (None, None);
    for (number, heap) in rt.gc.heaps.iter().enumerate() {
        let regions = rt.gc.allocation_start.is_none();
        // Segment lists of gen0 and gen1 are the tail of gen2's.
        let lists: &[(u64, Generation)] = if regions {
            &[
                (0, Generation::Gen0),
                (1, Generation::Gen1),
                (2, Generation::Gen2),
                (3, Generation::Loh),
                (4, Generation::Poh),
            ]
        } else {
            &[(2, Generation::Gen2), (3, Generation::Loh), (4, Generation::Poh)]
        };
        let mut ephemeral_seen = false;
        let mut tails = Vec::new();
        for &(g, generation) in lists {
            if g >= rt.gc.generations {
                continue;
            }
            let head = rt
                .gc
                .start_segment_of(mem, &rt.layout, heap, g)
                .ok_or_else(|| broken(rt, &format!("generation {g} of heap {number} is not in the dump")))?;
            if regions {
                tails.extend(rt.gc.tail_region_of(mem, &rt.layout, heap, g));
            }
            let mut at = head;
            while !at.is_null() {
                if !seen.insert(at) {
                    return Err(broken(
                        rt,
                        &format!("the segment list of generation {g} of heap {number} meets itself"),
                    ));
                }
                if all.len() >= limits::MAX_SEGMENTS {
                    return Err(Error::Limit {
                        what: "segments of the GC heap".into(),
                        value: all.len() as u64,
                        limit: limits::MAX_SEGMENTS as u64,
                    }
                    .into());
                }
                let words = read_segment(mem, &rt.layout, at)?;
                if !plausible(&words) {
                    return Err(broken(
                        rt,
                        &format!(
                            "the segment list of generation {g} of heap {number} leads to {at}, which is no segment"
                        ),
                    ));
                }
                if !begins_and_ends(mem, rt, at, &words, generation, &mut place, &mut size) {
                    findings.add("segment-bounds", true, || {
                        let HeapSegment { mem, allocated, .. } = words;
                        format!("segment {at} may have objects in front of {mem} or behind {allocated}, where it says that they begin and end")
                    });
                }
                let is_ephemeral = at == heap.ephemeral_segment;
                ephemeral_seen |= is_ephemeral;
                if let Some(segment) = build(mem, rt, number, heap, at, &words, generation, is_ephemeral, findings) {
                    all.push(segment);
                }
                at = words.next;
            }
        }
        for tail in tails {
            // Other builds may have another word there.
            if !seen.contains(tail) && looks_like_segment(mem, &rt.layout, tail) {
                findings.add("region-missing", true, || {
                    format!("region {tail} ends a generation of heap {number} but is in no list: regions are missing")
                });
            }
        }
        if !ephemeral_seen {
            return Err(broken(
                rt,
                &format!("the ephemeral segment {} of heap {number} is in no list", heap.ephemeral_segment),
            ));
        }
    }
    Ok(all)
}

/// Whether objects begin where those of such a segment do, and end where nothing follows.
fn begins_and_ends(
    mem: &dyn Memory,
    rt: &Runtime,
    at: Addr,
    words: &HeapSegment,
    generation: Generation,
    place: &mut Option<u64>,
    size: &mut Option<u64>,
) -> bool {
    // Regions, and the frozen segments that the runtime makes (8 and later), begin at a border of the system's allocation granularity.
    let (start, p) = (words.mem.0 & 0xFFFF, rt.layout.p());
    let bytes = words.reserved.since(Addr(words.mem.0.wrapping_sub(start)));
    if words.flags & FLAG_READONLY != 0 {
        // Behind a header of one pointer, and what was never given out is zero. Before, in images and in any place.
        return rt.gc.generations < 5
            || start == p
                && (words.allocated == words.committed
                    || mem
                        .ptr(words.allocated, rt.layout.pointer, "end of a frozen segment")
                        .is_ok_and(|word| word.is_null()));
    }
    if rt.gc.allocation_start.is_none() {
        let basic = generation < Generation::Loh;
        return *place.get_or_insert(start) == start && (!basic || *size.get_or_insert(bytes) == bytes);
    }
    // gc.cpp, segment_info_size: the header has a page of its own, or less.
    words.mem > at && words.mem.since(at) <= 0x1000
}

#[expect(clippy::too_many_arguments, reason = "one call; the parts of one list position")]
fn build(
    mem: &dyn Memory,
    rt: &Runtime,
    number: usize,
    heap: &GcHeap,
    at: Addr,
    words: &HeapSegment,
    generation: Generation,
    is_ephemeral: bool,
    findings: &mut Findings,
) -> Option<Segment> {
    // A GC refreshes `allocated` only when it ends; the frontier of the ephemeral segment is alloc_allocated.
    let end = if is_ephemeral { heap.alloc_allocated } else { words.allocated };
    if end < words.mem || end > words.reserved {
        findings.add("segment-end", true, || {
            format!("the end of objects {end} of segment {at} lies outside the segment; its committed end was used")
        });
    }
    let end = if end < words.mem || end > words.reserved { words.committed } else { end };
    let generation = if words.flags & FLAG_READONLY != 0 { Generation::Frozen } else { generation };
    let regions = rt.gc.allocation_start.is_none();
    let mut parts = vec![(words.mem, generation)];
    if is_ephemeral && !regions {
        let start = |g| rt.gc.allocation_start_of(mem, &rt.layout, heap, g);
        let (gen1, gen0) = (start(1)?, start(0)?);
        if words.mem <= gen1 && gen1 <= gen0 && gen0 <= end {
            parts.push((gen1, Generation::Gen1));
            parts.push((gen0, Generation::Gen0));
        } else {
            findings.add("generation-starts", rt.gc.structures_invalid == 0, || {
                format!("generation 0 starts at {gen0}, generation 1 at {gen1}: not both in the ephemeral segment; all of it is counted as gen2")
            });
        }
    }
    // gc.cpp, get_alignment_constant: all of the user-old heaps (LOH, POH) take the larger step.
    let alignment = match generation {
        Generation::Loh | Generation::Poh => rt.layout.large_alignment,
        _ => rt.layout.alignment,
    };
    Some(Segment {
        address: at,
        heap: number,
        start: words.mem,
        end,
        committed: words.committed,
        reserved: words.reserved,
        ephemeral: is_ephemeral && !regions,
        parts,
        alignment,
    })
}

fn broken(rt: &Runtime, missing: &str) -> Box<Error> {
    Error::UnknownRuntime {
        runtime: rt.module.display_name(),
        missing: missing.to_owned(),
        evidence: rt.evidence.iter().map(|e| format!("{}: {} ({})", e.what, e.value, e.how)).collect(),
    }
    .into()
}
