//! From a dump and its walked heap to claims, and from what the claims got to the account.

use super::intervals::{Claim, allot};
use super::{AddressSpaceFacts, ImageRow, MemoryAccount, MemoryOwner, OwnerRow, RegionRow, clr};
use crate::compact::Text;
use crate::dump::memory_info::{InfoKind, MemoryInfo, protection_text};
use crate::dump::regions::Regions;
use crate::dump::{Dump, Module};
use crate::error::Findings;
use crate::heap::segments::Segment;
use crate::heap::walk::Outcome;
use crate::image::pe::PeImage;
use crate::maps::{AddrSet, Sorted};
use crate::memory::{Addr, Memory};
use crate::process;
use crate::report::HeapFacts;
use crate::runtime::Runtime;
use std::sync::Arc;

/// The walked heap.
pub(crate) struct Heap<'a> {
    pub runtime: &'a Runtime,
    pub segments: &'a [Arc<Segment>],
    pub outcome: &'a Outcome,
    pub facts: &'a HeapFacts,
    pub modules: Vec<ManagedModule>,
}

/// A module of the runtime.
pub(crate) struct ManagedModule {
    /// Its `Module`.
    pub at: Addr,
    /// Where its image is, if it has one.
    pub base: Option<Addr>,
    /// Assembly simple name.
    pub name: Text,
}

/// The account of a dump. `heap` is `None` where there is none, or none that was understood: the GC's memory is then with the rest.
pub(crate) fn account(
    dump: &Dump,
    mem: &dyn Memory,
    heap: Option<&Heap<'_>>,
    findings: &mut Findings,
) -> MemoryAccount {
    let regions = &dump.regions;
    let mut how: Vec<(MemoryOwner, String)> = Vec::new();
    let mut claims = Vec::new();
    if let Some(heap) = heap {
        gc(dump, mem, heap, &mut claims, &mut how);
    }
    let images = images(dump, mem, heap);
    let first_image = claims.len();
    claims.extend(images.iter().map(|i| i.claim));
    threads(dump, mem, &mut claims);
    if let Some(heap) = heap {
        let code = clr::code(mem, heap.runtime, &mut claims);
        let loader = clr::loader_heaps(dump, mem, heap, code.is_some(), &mut claims);
        how.extend(code.map(|how| (MemoryOwner::CodeHeaps, how)));
        how.extend(loader.map(|how| (MemoryOwner::LoaderHeaps, how)));
    }
    if let Some(info) = &dump.memory_info {
        remainder(info, &mut claims);
    }

    let got = allot(&claims, regions, |c| {
        findings.add("memory-claimed-twice", false, || {
            let [first, second] = c.between.map(MemoryOwner::text);
            format!(
                "the bytes at {:#x} are claimed twice ({first}; {second}); they are counted once, as the first",
                c.at
            )
        });
    });
    let mut sums: Sorted<MemoryOwner, u64> = Sorted::default();
    let mut add = |owner, bytes| {
        let sum = sums.entry(owner, || 0u64);
        *sum = sum.saturating_add(bytes);
    };
    for (claim, &bytes) in claims.iter().zip(&got).filter(|(claim, _)| claim.owner != MemoryOwner::GcObjects) {
        add(claim.owner, bytes);
    }
    let all = got.iter().fold(0u64, |sum, &n| sum.saturating_add(n));
    add(MemoryOwner::NotAttributed, regions.total_bytes().saturating_sub(all));
    let mut heap_missing = 0;
    if let Some(heap) = heap {
        let in_dump = claims.iter().zip(&got).filter(|(c, _)| c.owner == MemoryOwner::GcObjects).map(|(_, &n)| n);
        let in_dump = in_dump.fold(0u64, u64::saturating_add);
        heap_missing = heap.facts.total_bytes.saturating_sub(in_dump);
        split(heap, in_dump).into_iter().for_each(|(owner, bytes)| add(owner, bytes));
    }

    let mut rows: Vec<ImageRow> = images
        .iter()
        .zip(got.get(first_image..).unwrap_or_default())
        .filter(|(_, bytes)| **bytes > 0)
        .map(|(image, &bytes)| ImageRow {
            name: image.name.clone(),
            base: Addr(image.claim.start).to_string(),
            managed: image.claim.owner == MemoryOwner::ManagedImages,
            bytes,
        })
        .collect();
    crate::order::by(&mut rows, |a, b| {
        b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)).then_with(|| a.base.cmp(&b.base))
    });
    let missing = |i: &Image| i.claim.end.saturating_sub(i.claim.start).saturating_sub(in_dump(regions, &i.claim));
    MemoryAccount {
        bytes: regions.total_bytes(),
        owners: sums
            .into_entries()
            .into_iter()
            .filter(|&(_, bytes)| bytes > 0)
            .map(|(owner, bytes)| OwnerRow {
                owner,
                bytes,
                how: how.iter().find(|h| h.0 == owner).map_or_else(|| says(owner).into(), |h| h.1.clone()),
            })
            .collect(),
        images: rows,
        images_missing: images.iter().fold(0u64, |sum, i| sum.saturating_add(missing(i))),
        heap_missing,
        address_space: dump.memory_info.as_ref().map(|info| address_space(info, regions)),
    }
}

/// What says that memory is an owner's, where that is the same for every dump.
fn says(owner: MemoryOwner) -> &'static str {
    match owner {
        MemoryOwner::GcObjects => "the walk: objects, rounded up to their alignment",
        MemoryOwner::GcFree => "the walk: Free objects, rounded up to their alignment",
        MemoryOwner::GcUnexplained => "segments up to their last object, less what the walk explains",
        MemoryOwner::GcEmpty => {
            "the walk: open allocation contexts; segments behind their last object; what else the GC reserved"
        }
        MemoryOwner::GcBookkeeping => "headers of segments",
        MemoryOwner::ManagedImages => "the module list and the runtime's modules: images with a CLI header",
        MemoryOwner::NativeImages => "the module list: images without a CLI header",
        MemoryOwner::ThreadStacks => "the TEBs and the thread list",
        MemoryOwner::ProcessBlocks => "the TEBs, the PEB, KUSER_SHARED_DATA",
        MemoryOwner::CodeHeaps | MemoryOwner::LoaderHeaps => "the runtime",
        MemoryOwner::NativeHeaps => "the PEB's list of heaps: segments that prove themselves",
        MemoryOwner::OtherExecutable => "MemoryInfoList: executable, and no image",
        MemoryOwner::OtherPrivate => "MemoryInfoList: MEM_PRIVATE",
        MemoryOwner::OtherMapped => "MemoryInfoList: MEM_MAPPED",
        MemoryOwner::OtherImages => "MemoryInfoList: MEM_IMAGE",
        MemoryOwner::NotAttributed => "nothing in the dump says whose it is",
    }
}

/// Segments, what belongs to them, and the GC's bookkeeping.
fn gc(dump: &Dump, mem: &dyn Memory, heap: &Heap<'_>, claims: &mut Vec<Claim>, how: &mut Vec<(MemoryOwner, String)>) {
    for s in heap.segments {
        let mut claim = |start: Addr, end: Addr, owner| claims.push(Claim { start: start.0, end: end.0, owner });
        claim(s.start, s.end, MemoryOwner::GcObjects);
        claim(s.end, s.committed.max(s.reserved), MemoryOwner::GcEmpty);
        // In front of the first object: the heap_segment itself, or the few words that a region leaves free.
        let header = if s.address < s.start && s.start.since(s.address) <= 0x1000 { s.address } else { s.start };
        claim(Addr(header.0.min(s.start.0 & !0xfff)), s.start, MemoryOwner::GcBookkeeping);
    }
    how.extend(clr::bookkeeping(dump, mem, heap, claims).map(|how| (MemoryOwner::GcBookkeeping, how)));
}

/// Divides what the dump holds of the segments, up to their ends of objects, by the totals of the walk. The parts add up to `in_dump`.
fn split(heap: &Heap<'_>, in_dump: u64) -> [(MemoryOwner, u64); 4] {
    let total = heap.facts.total_bytes;
    let free = heap.facts.free.aligned_size;
    let gaps = heap.outcome.segments.iter().fold(0u64, |sum, s| sum.saturating_add(s.gaps));
    let objects = heap.facts.aligned_size.saturating_sub(free);
    let unexplained = total.saturating_sub(heap.facts.explained_bytes);
    // What is not in the dump was not explained, or is the body of a large object that the walk did not have to read.
    let mut missing = total.saturating_sub(in_dump);
    let mut less = |bytes: u64| {
        let taken = bytes.min(missing);
        missing = missing.saturating_sub(taken);
        bytes.saturating_sub(taken)
    };
    let [_, objects, free] = [unexplained, objects, free].map(&mut less);
    let mut rest = in_dump;
    let mut give = |bytes: u64| {
        let given = bytes.min(rest);
        rest = rest.saturating_sub(given);
        given
    };
    let [objects, free, gaps] = [objects, free, gaps].map(&mut give);
    // What is left was not explained.
    [
        (MemoryOwner::GcObjects, objects),
        (MemoryOwner::GcFree, free),
        (MemoryOwner::GcEmpty, gaps),
        (MemoryOwner::GcUnexplained, rest),
    ]
}

/// A module, listed or not.
struct Image {
    claim: Claim,
    name: String,
}

/// The images of the module list, and those of the runtime's modules that it lacks (assemblies bundled into a single file).
fn images(dump: &Dump, mem: &dyn Memory, heap: Option<&Heap<'_>>) -> Vec<Image> {
    let modules = heap.map(|h| h.modules.as_slice()).unwrap_or_default();
    let managed: Sorted<Addr, &ManagedModule> = modules.iter().filter_map(|m| Some((m.base?, m))).collect();
    let mut known = AddrSet::default();
    let mut images = Vec::new();
    for module in &dump.modules {
        if module.base.is_null() || !known.insert(module.base) {
            continue;
        }
        let is_managed =
            managed.contains(&module.base) || PeImage::open(mem, module.base).is_ok_and(|image| image.is_managed());
        let owner = if is_managed { MemoryOwner::ManagedImages } else { MemoryOwner::NativeImages };
        let claim = Claim { start: module.base.0, end: module.base.0.saturating_add(module.size), owner };
        images.push(Image { claim, name: Module::name(module).to_owned() });
    }
    let listed = |at: Addr| dump.modules.iter().any(|module| module.contains(at));
    for (base, module) in managed.iter().filter(|(base, _)| !known.contains(**base) && !listed(**base)) {
        // A view of a file: its sections lie as in the file.
        let Ok(image) = PeImage::open(mem, *base) else { continue };
        let claim =
            Claim { start: base.0, end: base.0.saturating_add(image.flat_size()), owner: MemoryOwner::ManagedImages };
        images.push(Image { claim, name: module.name.to_string() });
    }
    images
}

/// Stacks, environment blocks, native heaps.
fn threads(dump: &Dump, mem: &dyn Memory, claims: &mut Vec<Claim>) {
    let of = process::ranges(&dump.threads, mem);
    for (owner, ranges) in [
        (MemoryOwner::ThreadStacks, of.stacks),
        (MemoryOwner::ProcessBlocks, of.blocks),
        (MemoryOwner::NativeHeaps, of.native_heaps),
    ] {
        claims.extend(ranges.into_iter().map(|(start, end)| Claim { start: start.0, end: end.0, owner }));
    }
}

/// What nobody else claims, by its type and by whether it can be executed.
fn remainder(info: &MemoryInfo, claims: &mut Vec<Claim>) {
    let mut last: Option<Claim> = None;
    for region in &info.committed {
        let owner = match region.kind {
            InfoKind::Private | InfoKind::Mapped if region.is_executable() => MemoryOwner::OtherExecutable,
            InfoKind::Private => MemoryOwner::OtherPrivate,
            InfoKind::Mapped => MemoryOwner::OtherMapped,
            InfoKind::Image => MemoryOwner::OtherImages,
            InfoKind::Other => continue,
        };
        match &mut last {
            Some(claim) if claim.owner == owner && claim.end == region.start.0 => claim.end = region.end.0,
            _ => claims.extend(last.replace(Claim { start: region.start.0, end: region.end.0, owner })),
        }
    }
    claims.extend(last);
}

fn in_dump(regions: &Regions, range: &Claim) -> u64 {
    regions.extents(Addr(range.start), Addr(range.end)).fold(0u64, |sum, e| sum.saturating_add(e.len))
}

fn address_space(info: &MemoryInfo, regions: &Regions) -> AddressSpaceFacts {
    let mut rows: Sorted<(InfoKind, u32), (u64, u64)> = Sorted::default();
    for r in &info.committed {
        let (committed, in_dump) = rows.entry((r.kind, r.protection), || (0, 0));
        *committed = committed.saturating_add(r.end.since(r.start));
        *in_dump = regions.extents(r.start, r.end).fold(*in_dump, |sum, e| sum.saturating_add(e.len));
    }
    AddressSpaceFacts {
        committed: info.committed_bytes(),
        reserved: info.reserved,
        regions: rows
            .into_entries()
            .into_iter()
            .map(|((kind, protection), (committed, in_dump))| RegionRow {
                kind: kind.text().to_owned(),
                protection: protection_text(protection),
                committed,
                in_dump,
            })
            .collect(),
    }
}
