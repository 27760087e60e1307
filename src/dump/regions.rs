//! Which bytes of the file are which addresses of the process.
//!
//! A dump's memory list may be in any order, with ranges that touch, overlap, wrap around or end beyond the file. Here they become a
//! sorted table without overlaps; whatever had to be cut is a [`Finding`](crate::error::Finding).

use crate::error::Findings;
use crate::memory::Addr;

/// Bytes that follow one another both in the process and in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Address of the first byte in the process.
    pub addr: Addr,
    /// Offset of the first byte in the file.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
}

/// The memory that a dump holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Regions {
    /// Ascending by address, no two overlap, neighbours that go on in the file too are one.
    table: Vec<Region>,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Region {
    start: u64,
    /// First address behind it.
    end: u64,
    offset: u64,
    /// First address that is missing from here on, across adjacent regions.
    run_end: u64,
}

impl Region {
    /// The part of it from `start` to `end`, which must touch it.
    fn clip(&self, start: u64, end: u64) -> Extent {
        let from = self.start.max(start);
        Extent {
            addr: Addr(from),
            offset: self.offset.saturating_add(from.saturating_sub(self.start)),
            len: self.end.min(end).saturating_sub(from),
        }
    }
}

impl Regions {
    /// Sorts and cleans the ranges of a memory list for a file of `file_len` bytes.
    ///
    /// Findings: `memory-truncated` (bytes beyond the file's end, partial), `memory-wraps` (a range that ends beyond the last address,
    /// partial), `memory-overlap` (an address that the list has twice: the range that begins first wins, then the one listed first).
    pub fn build(ranges: Vec<Extent>, file_len: u64, findings: &mut Findings) -> Regions {
        Regions::build_and_note(ranges, file_len, findings, |_| {})
    }

    /// As [`build`](Regions::build); tells of every piece that was dropped because its addresses were there already.
    pub(crate) fn build_and_note(
        mut ranges: Vec<Extent>,
        file_len: u64,
        findings: &mut Findings,
        mut dropped: impl FnMut(Extent),
    ) -> Regions {
        ranges.retain_mut(|range| {
            let in_file = file_len.saturating_sub(range.offset).min(range.len);
            if in_file < range.len {
                findings.add("memory-truncated", true, || {
                    format!(
                        "the file ends before all of its memory: of {} bytes at address {:#x} it has {in_file}",
                        range.len, range.addr.0
                    )
                });
            }
            // The very last address is given up: ends are exclusive, and no process has it.
            let in_space = u64::MAX.saturating_sub(range.addr.0).min(in_file);
            if in_space < in_file {
                findings.add("memory-wraps", true, || {
                    format!(
                        "a memory range of {} bytes at address {:#x} goes beyond the last address",
                        range.len, range.addr.0
                    )
                });
            }
            range.len = in_space;
            range.len > 0
        });
        // Stable: of two ranges with the same address the one listed first stays first.
        crate::order::by_key(&mut ranges, |range| range.addr);

        let mut table: Vec<Region> = Vec::with_capacity(ranges.len());
        for range in ranges {
            let end = range.addr.0.saturating_add(range.len);
            let known = table.last().map_or(0, |last| last.end);
            let start = range.addr.0.max(known);
            if start > range.addr.0 {
                findings.add("memory-overlap", false, || {
                    format!("the memory list holds some addresses twice, first at {:#x}", range.addr.0)
                });
                dropped(Extent { len: start.min(end).saturating_sub(range.addr.0), ..range });
            }
            if start >= end {
                continue;
            }
            let offset = range.offset.saturating_add(start.saturating_sub(range.addr.0));
            match table.last_mut() {
                Some(last)
                    if last.end == start
                        && last.offset.checked_add(last.end.wrapping_sub(last.start)) == Some(offset) =>
                {
                    last.end = end;
                }
                _ => table.push(Region { start, end, offset, run_end: end }),
            }
        }
        table.shrink_to_fit();

        let mut bytes: u64 = 0;
        let mut next: Option<(u64, u64)> = None;
        for region in table.iter_mut().rev() {
            region.run_end = match next {
                Some((start, run_end)) if start == region.end => run_end,
                _ => region.end,
            };
            next = Some((region.start, region.run_end));
            bytes = bytes.saturating_add(region.end.saturating_sub(region.start));
        }
        Regions { table, bytes }
    }

    /// The bytes from `addr` to the end of its region; `None` if `addr` is not in the dump.
    pub fn find(&self, addr: Addr) -> Option<Extent> {
        self.region(addr).map(|(_, region)| region.clip(addr.0, u64::MAX))
    }

    /// As [`find`](Regions::find), looking first at the region with the number `hint`; gives the number that was right.
    pub(crate) fn find_near(&self, addr: Addr, hint: usize) -> Option<(usize, Extent)> {
        let (number, region) = match self.table.get(hint) {
            Some(region) if region.start <= addr.0 && addr.0 < region.end => (hint, region),
            _ => self.region(addr)?,
        };
        Some((number, region.clip(addr.0, u64::MAX)))
    }

    /// How many bytes are in the dump from `addr` on without a gap; 0 if `addr` itself is not.
    pub fn run(&self, addr: Addr) -> u64 {
        self.region(addr).map_or(0, |(_, region)| region.run_end.saturating_sub(addr.0))
    }

    /// What the dump holds from `start` up to `end` (exclusive), ascending by address; gaps are left out.
    pub fn extents(&self, start: Addr, end: Addr) -> impl Iterator<Item = Extent> + '_ {
        let first = self.table.partition_point(|region| region.end <= start.0);
        let rest = self.table.get(first..).unwrap_or_default();
        rest.iter()
            .take_while(move |region| region.start < end.0)
            .map(move |region| region.clip(start.0, end.0))
            .filter(|e| e.len > 0)
    }

    /// All of it, ascending by address.
    pub fn iter(&self) -> impl Iterator<Item = Extent> + '_ {
        self.extents(Addr(0), Addr(u64::MAX))
    }

    /// The runs of memory without a gap, as (start, end): ascending.
    pub fn runs(&self) -> impl Iterator<Item = (Addr, Addr)> + '_ {
        let mut last = None;
        self.table.iter().filter_map(move |region| {
            let first = last != Some(region.run_end);
            last = Some(region.run_end);
            first.then_some((Addr(region.start), Addr(region.run_end)))
        })
    }

    /// Number of extents.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True if there is no memory.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes of process memory, each address counted once.
    pub fn total_bytes(&self) -> u64 {
        self.bytes
    }

    fn region(&self, addr: Addr) -> Option<(usize, &Region)> {
        let number = self.table.partition_point(|region| region.end <= addr.0);
        self.table.get(number).filter(|region| region.start <= addr.0).map(|region| (number, region))
    }
}

/// Ranges of (address, bytes) in any order, made ascending and apart from each other; empty ones are dropped.
pub fn merged(mut ranges: Vec<(Addr, u64)>) -> Vec<(Addr, u64)> {
    ranges.retain(|&(_, len)| len > 0);
    crate::order::ascending(&mut ranges);
    let mut out: Vec<(Addr, u64)> = Vec::with_capacity(ranges.len());
    for (addr, len) in ranges {
        let len = len.min(u64::MAX.saturating_sub(addr.0));
        match out.last_mut() {
            Some((start, known)) if start.0.saturating_add(*known) >= addr.0 => {
                *known = (*known).max(addr.0.saturating_add(len).saturating_sub(start.0));
            }
            _ => out.push((addr, len)),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn e(addr: u64, offset: u64, len: u64) -> Extent {
        Extent { addr: Addr(addr), offset, len }
    }

    fn build(ranges: &[Extent], file_len: u64) -> (Regions, Findings) {
        let mut findings = Findings::default();
        (Regions::build(ranges.to_vec(), file_len, &mut findings), findings)
    }

    fn codes(findings: &Findings) -> Vec<(&str, u64, bool)> {
        findings.as_slice().iter().map(|f| (f.code.as_str(), f.count, f.partial)).collect()
    }

    #[test]
    fn out_of_order_ranges_are_found() {
        let (regions, findings) = build(&[e(0x3000, 0, 16), e(0x1000, 16, 16), e(0x2000, 32, 16)], 48);
        assert_eq!(codes(&findings), []);
        assert_eq!(regions.find(Addr(0x1008)), Some(e(0x1008, 24, 8)));
        assert_eq!(regions.find(Addr(0x200f)), Some(e(0x200f, 47, 1)));
        assert_eq!(regions.find(Addr(0x3000)), Some(e(0x3000, 0, 16)));
        assert_eq!(regions.find(Addr(0x3010)), None);
        assert_eq!(regions.find(Addr(0xfff)), None);
        assert_eq!((regions.len(), regions.total_bytes()), (3, 48));
    }

    #[test]
    fn adjacent_ranges_make_one_run_and_one_extent_only_where_the_file_agrees() {
        let (regions, _) = build(&[e(0x1000, 0, 16), e(0x1010, 16, 16), e(0x1020, 64, 16), e(0x1031, 80, 1)], 100);
        assert_eq!(regions.len(), 3);
        assert_eq!(regions.run(Addr(0x1001)), 0x2f);
        assert_eq!(regions.run(Addr(0x1030)), 0);
        assert_eq!(regions.run(Addr(0x1031)), 1);
        assert_eq!(regions.runs().collect::<Vec<_>>(), [(Addr(0x1000), Addr(0x1030)), (Addr(0x1031), Addr(0x1032))]);
        let all: Vec<_> = regions.extents(Addr(0x1008), Addr(0x1032)).collect();
        assert_eq!(all, [e(0x1008, 8, 24), e(0x1020, 64, 16), e(0x1031, 80, 1)]);
        assert_eq!(regions.extents(Addr(0x1008), Addr(0x1009)).collect::<Vec<_>>(), [e(0x1008, 8, 1)]);
        assert_eq!(regions.extents(Addr(0x1008), Addr(0x1008)).count(), 0);
        assert_eq!(regions.extents(Addr(0x1030), Addr(0x1031)).count(), 0);
        assert_eq!(regions.extents(Addr(0x2000), Addr(0x1000)).count(), 0);
    }

    #[test]
    fn of_overlapping_ranges_the_lower_one_wins() {
        let (regions, findings) = build(&[e(0x1008, 100, 16), e(0x1000, 0, 16), e(0x1002, 200, 3)], 1000);
        assert_eq!(codes(&findings), [("memory-overlap", 2, false)]);
        assert_eq!(regions.iter().collect::<Vec<_>>(), [e(0x1000, 0, 16), e(0x1010, 108, 8)]);
        assert_eq!(regions.total_bytes(), 24);
    }

    #[test]
    fn bytes_beyond_the_file_are_cut_and_counted() {
        let (regions, findings) =
            build(&[e(0x1000, 0, 16), e(0x2000, 8, 16), e(0x3000, 16, 4), e(0x4000, u64::MAX, 4)], 16);
        assert_eq!(codes(&findings), [("memory-truncated", 3, true)]);
        assert_eq!(regions.iter().collect::<Vec<_>>(), [e(0x1000, 0, 16), e(0x2000, 8, 8)]);
    }

    #[test]
    fn a_range_does_not_wrap_around_the_address_space() {
        let (regions, findings) = build(&[e(u64::MAX - 3, 0, 16)], 16);
        assert_eq!(codes(&findings), [("memory-wraps", 1, true)]);
        assert_eq!(regions.total_bytes(), 3);
        assert_eq!(regions.run(Addr(u64::MAX - 1)), 1);
        assert_eq!(regions.run(Addr(u64::MAX)), 0);
        assert_eq!(regions.run(Addr(0)), 0);
    }

    #[test]
    fn a_hundred_thousand_ranges_take_no_time() {
        let n = 100_000u64;
        // Adjacent in the process, backwards in the file: one run, no merged extent.
        let ranges: Vec<_> = (0..n).rev().map(|i| e(0x10000 + i * 16, (n - i) * 16, 16)).collect();
        let (regions, findings) = build(&ranges, (n + 1) * 16);
        assert_eq!(codes(&findings), []);
        assert_eq!(regions.len() as u64, n);
        for i in 0..n {
            assert_eq!(regions.run(Addr(0x10000 + i * 16)), (n - i) * 16);
            assert_eq!(regions.find(Addr(0x10000 + i * 16 + 3)).map(|x| x.offset), Some((n - i) * 16 + 3));
        }
    }

    #[test]
    fn merged_ranges_are_sorted_and_apart() {
        let at = |addr: u64, len: u64| (Addr(addr), len);
        let ranges =
            vec![at(50, 5), at(10, 10), at(20, 1), at(12, 2), at(51, 0), at(54, 9), at(u64::MAX, 7), at(100, 0)];
        assert_eq!(merged(ranges), [at(10, 11), at(50, 13), at(u64::MAX, 0)]);
    }

    proptest! {
        /// Against a plain map from address to file offset.
        #[test]
        fn equals_a_byte_by_byte_model(list in prop::collection::vec((0u64..60, 0u64..80, 0u64..20), 0..12), file_len in 0u64..80) {
            let ranges: Vec<_> = list.iter().map(|&(addr, offset, len)| e(addr, offset, len)).collect();
            let (regions, findings) = build(&ranges, file_len);
            let mut order: Vec<_> = (0..ranges.len()).collect();
            crate::order::by_key(&mut order, |&i| (ranges[i].addr, i));
            let mut model = std::collections::BTreeMap::new();
            let mut cut = false;
            for &i in &order {
                for k in 0..ranges[i].len {
                    if ranges[i].offset + k >= file_len {
                        cut = true;
                    } else {
                        model.entry(ranges[i].addr.0 + k).or_insert(ranges[i].offset + k);
                    }
                }
            }
            prop_assert_eq!(findings.partial(), cut);
            prop_assert_eq!(regions.total_bytes(), model.len() as u64);
            for addr in 0..100 {
                prop_assert_eq!(regions.find(Addr(addr)).map(|x| x.offset), model.get(&addr).copied());
                let run = (addr..).take_while(|a| model.contains_key(a)).count() as u64;
                prop_assert_eq!(regions.run(Addr(addr)), run);
            }
            let flat: Vec<_> = regions.iter().flat_map(|x| (0..x.len).map(move |k| (x.addr.0 + k, x.offset + k))).collect();
            prop_assert_eq!(flat, model.into_iter().collect::<Vec<_>>());
        }
    }
}
