//! The GC's handle tables: where they lie in memory.
//!
//! Source: src/coreclr/gc/handletablepriv.h and objecthandle.h. `HandleTableMap` { buckets, next, u32 max index } -> bucket { array of
//! tables (one per heap), index } -> `HandleTable` -> `TableSegment` of 64 KB with `pNextSegment` and `pHandleTable` near the end of its
//! header. Where a table keeps its segment list differs; it is found by the segment's pointer back.

use crate::maps::AddrSet;
use crate::memory::{Addr, Memory, PointerSize};
use crate::runtime::Runtime;

/// Bytes of a `TableSegment`.
const SEGMENT: u64 = 64 << 10;
/// Words of a table that are searched for its segment list.
const TABLE_WORDS: u64 = 48;
const MAX_MAPS: usize = 64;
const MAX_BUCKETS: u32 = 4096;
const MAX_SEGMENTS: usize = 100_000;

/// Address and bytes of everything the handle tables consist of; empty if they cannot be found.
pub fn memory_of_tables(mem: &dyn Memory, rt: &Runtime) -> Vec<(Addr, u64)> {
    let mut ranges = Vec::new();
    let pointer = rt.layout.pointer;
    let p = pointer.bytes();
    let read = |at: Addr, what: &str| mem.ptr(at, pointer, what).ok().filter(|a| !a.is_null());
    let mut map = rt.gc.handle_table_map;
    for _ in 0..MAX_MAPS {
        let Some(at) = map else { break };
        let Ok(buckets) = mem.u32(at.plus(p.wrapping_mul(2)), "HandleTableMap.dwMaxIndex") else { break };
        ranges.push((at, p.wrapping_mul(3)));
        if let Some(array) = read(at, "HandleTableMap.pBuckets") {
            let count = u64::from(buckets.min(MAX_BUCKETS));
            ranges.push((array, count.wrapping_mul(p)));
            for i in 0..count {
                if let Some(bucket) = read(array.plus(i.wrapping_mul(p)), "handle table bucket") {
                    add_bucket(mem, rt, bucket, &mut ranges);
                }
            }
        }
        map = read(at.plus(p), "HandleTableMap.pNext");
    }
    ranges
}

fn add_bucket(mem: &dyn Memory, rt: &Runtime, bucket: Addr, ranges: &mut Vec<(Addr, u64)>) {
    let pointer = rt.layout.pointer;
    let p = pointer.bytes();
    let Ok(tables) = mem.ptr(bucket, pointer, "bucket.pTable") else { return };
    ranges.push((bucket, p.wrapping_mul(2)));
    let count = rt.gc.heaps.len() as u64;
    ranges.push((tables, count.wrapping_mul(p)));
    for i in 0..count {
        if let Ok(table) = mem.ptr(tables.plus(i.wrapping_mul(p)), pointer, "HandleTable")
            && !table.is_null()
        {
            ranges.push((table, TABLE_WORDS.wrapping_mul(p)));
            add_segments(mem, pointer, table, ranges);
        }
    }
}

/// The segments of one table.
fn add_segments(mem: &dyn Memory, pointer: PointerSize, table: Addr, ranges: &mut Vec<(Addr, u64)>) {
    let p = pointer.bytes();
    let (next_segment, back) = match pointer {
        PointerSize::Eight => (1992, 2000),
        PointerSize::Four => (3912, 3916),
    };
    let is_segment = |s: Addr| {
        !s.is_null()
            && s.0.checked_rem(SEGMENT) == Some(0)
            && mem.ptr(s.plus(back), pointer, "TableSegment.pHandleTable").is_ok_and(|b| b == table)
    };
    let first = (0..TABLE_WORDS)
        .filter_map(|i| mem.ptr(table.plus(i.wrapping_mul(p)), pointer, "HandleTable.pSegmentList").ok())
        .find(|&s| is_segment(s));
    let mut seen = AddrSet::default();
    let mut at = first;
    while let Some(segment) = at {
        if !is_segment(segment) || !seen.insert(segment) || seen.len() > MAX_SEGMENTS {
            break;
        }
        ranges.push((segment, SEGMENT));
        at = mem.ptr(segment.plus(next_segment), pointer, "TableSegment.pNextSegment").ok();
    }
}
