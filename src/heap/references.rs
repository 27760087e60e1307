//! Which words of an object are references: the `CGCDesc` in front of its method table.
//!
//! Source: src/coreclr/gc/gcdesc.h (`CGCDesc`, `CGCDescSeries`, `go_through_object`), the same since 1.0. With P the size of a pointer and n
//! the signed word at MT - P:
//!
//! * n > 0: n series downwards from MT - 3P, each { `seriessize`, `startoffset` }. A series is `seriessize` + size of the object bytes
//!   long, so that one series serves arrays of any length.
//! * n < 0, arrays of structures: `startoffset` (of the first reference of the first element) at MT - 2P, then |n| `val_serie_item` downwards from MT - 3P, each a half word `nptrs` and a
//!   half word `skip` (bytes). The list is repeated to the end of the object.
//!
//! The size of an object here is BaseSize + components x component size, not rounded up. Offsets count from the method table pointer; the
//! last P bytes of the size are the header of the next object (the object's own lies at -P). The edge from an object of a collectible type
//! to its LoaderAllocator is in no GCDesc.
//!
//! All numbers are a stranger's: a descriptor is accepted only if its series lie inside the object and apart from each other, so that no
//! object has more references than words.

use crate::error::{Error, Result};
use crate::limits;
use crate::memory::{Addr, Memory, PointerSize};
use crate::runtime::layout::Layout;
use crate::runtime::method_table::{CONTAINS_POINTERS, MethodTable};

/// Where the references of the objects of one method table are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcDesc {
    p: u64,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Ascending by start.
    Series(Box<[Series]>),
    /// The items of one period, ascending, repeated from `start` on every `period` bytes.
    Repeating { start: u64, period: u64, items: Box<[Item]> },
}

/// From `start` on, `size` + size of the object bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Series {
    start: u64,
    size: i64,
}

/// Bytes of references in a period, from its begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    start: u64,
    len: u64,
}

/// References that follow one another in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Offset of the first one from the method table pointer, in bytes.
    pub offset: u64,
    /// Bytes; a multiple of the pointer size.
    pub len: u64,
}

const WHAT: &str = "GCDesc";

impl GcDesc {
    /// Reads the descriptor of a method table; `None` if its objects hold no references.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; [`Error::Damaged`] if it describes references where none can be; [`Error::Limit`] for more than
    /// [`limits::MAX_GC_SERIES`] series.
    pub fn read(mem: &dyn Memory, layout: &Layout, table: &MethodTable) -> Result<Option<GcDesc>> {
        if table.flags & CONTAINS_POINTERS == 0 {
            return Ok(None);
        }
        let (pointer, p) = (layout.pointer, layout.p());
        let n = signed(pointer, mem.ptr(table.at.minus(p), pointer, WHAT)?.0);
        let count = n.unsigned_abs();
        if count > limits::MAX_GC_SERIES {
            let what = format!("series of references of method table {}", table.at);
            return Err(Error::Limit { what, value: count, limit: limits::MAX_GC_SERIES }.into());
        }
        let words = match n {
            1.. => count.wrapping_mul(2),
            0 => 0,
            _ => count.wrapping_add(1),
        };
        let words = words_below(mem, pointer, table.at.minus(p), words)?;
        let kind = match n {
            1.. => series(&words, pointer, table),
            0 => Err("it has no series".to_owned()),
            _ => repeating(&words, pointer, table),
        };
        let kind =
            kind.map_err(|detail| Error::Damaged { what: format!("the GCDesc of method table {}", table.at), detail })?;
        Ok(Some(GcDesc { p, kind }))
    }

    /// Offsets of the references of an object of `size` bytes (BaseSize + components x component size), ascending.
    pub fn references(&self, size: u64) -> impl Iterator<Item = u64> + '_ {
        let step = usize::try_from(self.p).unwrap_or(8);
        self.runs(size).flat_map(move |run| (run.offset..run.offset.wrapping_add(run.len)).step_by(step))
    }

    /// As [`references`](GcDesc::references), in runs.
    pub fn runs(&self, size: u64) -> Runs<'_> {
        self.runs_between(size, 0, size)
    }

    /// The runs of the part from offset `from` up to `to`, both multiples of the pointer size; found without going through what lies
    /// before.
    pub fn runs_between(&self, size: u64, from: u64, to: u64) -> Runs<'_> {
        // The last P bytes of the size are the header of what follows.
        let end = to.min(size.saturating_sub(self.p));
        let period = match &self.kind {
            Kind::Series(_) => 0,
            Kind::Repeating { start, period, .. } => {
                let before = from.saturating_sub(*start).checked_div(*period).unwrap_or(0);
                start.saturating_add(before.saturating_mul(*period))
            }
        };
        Runs { desc: self, size, from, end, item: 0, period }
    }

    /// Series, or items of the repeated list.
    pub fn series(&self) -> usize {
        match &self.kind {
            Kind::Series(all) => all.len(),
            Kind::Repeating { items, .. } => items.len(),
        }
    }

    /// How many references an object of this size has; costs a pass over the series, not over the object.
    pub fn count(&self, size: u64) -> u64 {
        let Kind::Repeating { start, period, items } = &self.kind else { return self.count_runs(self.runs(size)) };
        let bytes = size.saturating_sub(self.p).saturating_sub(*start);
        let whole = bytes.checked_div(*period).unwrap_or(0);
        let of_one = items.iter().fold(0u64, |sum, i| sum.saturating_add(i.len)).checked_div(self.p).unwrap_or(0);
        let rest = start.saturating_add(whole.saturating_mul(*period));
        whole.saturating_mul(of_one).saturating_add(self.count_runs(self.runs_between(size, rest, size)))
    }

    fn count_runs(&self, runs: Runs<'_>) -> u64 {
        runs.fold(0u64, |sum, r| sum.saturating_add(r.len)).checked_div(self.p).unwrap_or(0)
    }
}

/// The runs of one object; see [`GcDesc::runs`].
#[derive(Debug, Clone)]
pub struct Runs<'a> {
    desc: &'a GcDesc,
    size: u64,
    from: u64,
    end: u64,
    item: usize,
    /// Begin of the current period.
    period: u64,
}

impl Iterator for Runs<'_> {
    type Item = Run;

    #[inline]
    fn next(&mut self) -> Option<Run> {
        loop {
            let (start, len) = match &self.desc.kind {
                Kind::Series(all) => {
                    let series = all.get(self.item)?;
                    self.item = self.item.saturating_add(1);
                    (series.start, self.size.saturating_add_signed(series.size))
                }
                Kind::Repeating { period, items, .. } => {
                    let item = items.get(self.item)?;
                    let start = self.period.saturating_add(item.start);
                    self.item = self.item.saturating_add(1);
                    if self.item >= items.len() {
                        self.item = 0;
                        self.period = self.period.saturating_add(*period);
                    }
                    (start, item.len)
                }
            };
            if start >= self.end {
                // Both kinds ascend.
                return None;
            }
            let offset = start.max(self.from);
            let len = start.saturating_add(len).min(self.end).saturating_sub(offset);
            let len = len & !self.desc.p.wrapping_sub(1);
            if len > 0 {
                return Some(Run { offset, len });
            }
        }
    }
}

fn series(words: &[u64], pointer: PointerSize, table: &MethodTable) -> Result<Kind, String> {
    let p = pointer.bytes();
    let base = u64::from(table.base_size);
    let arrays = table.component_size().unwrap_or(0);
    let mut all = Vec::with_capacity(words.len() / 2);
    for pair in words.chunks_exact(2) {
        // Downwards: the start offset lies above the size.
        let &[start, size] = pair else { continue };
        let size = signed(pointer, size);
        let len = i64::from(table.base_size).saturating_add(size);
        // Of an array this is the length without components.
        let Ok(len) = u64::try_from(len) else { return Err(format!("a series of {len} bytes")) };
        if start < p || start.saturating_add(len) > base.saturating_sub(p) || !aligned(start, p) || !aligned(len, p) {
            return Err(format!("a series of {len} bytes at offset {start} of an object of {base} bytes"));
        }
        all.push(Series { start, size });
    }
    if arrays > 0 && (all.len() != 1 || !aligned(u64::from(arrays), p)) {
        return Err(format!("{} series of an array with components of {arrays} bytes", all.len()));
    }
    crate::order::by_key(&mut all, |s| s.start);
    for (low, high) in all.iter().zip(all.iter().skip(1)) {
        if low.start.saturating_add(base.saturating_add_signed(low.size)) > high.start {
            return Err(format!("two series overlap at offset {}", high.start));
        }
    }
    Ok(Kind::Series(all.into()))
}

fn repeating(words: &[u64], pointer: PointerSize, table: &MethodTable) -> Result<Kind, String> {
    let p = pointer.bytes();
    let Some((&start, rest)) = words.split_first() else { return Err("it has no start".into()) };
    let component = table.component_size().map(u64::from);
    // Of an array the first reference lies in the first element, behind the bytes of an empty array.
    let end = u64::from(table.base_size).saturating_sub(p).saturating_add(component.unwrap_or(0));
    if start < p || start >= end || !aligned(start, p) {
        return Err(format!("references from offset {start} of an object of {} bytes", table.base_size));
    }
    let (mask, shift) = match pointer {
        PointerSize::Four => (0xFFFF, 16),
        PointerSize::Eight => (0xFFFF_FFFF, 32),
    };
    let mut period = 0u64;
    let mut items = Vec::with_capacity(rest.len());
    for &word in rest {
        let (pointers, skip) = (word & mask, word >> shift);
        // go_through_object reads at least one word of each item: an item without one exists in no real descriptor.
        if pointers == 0 || !aligned(skip, p) {
            return Err(format!("an item of {pointers} references and {skip} bytes"));
        }
        let len = pointers.wrapping_mul(p);
        items.push(Item { start: period, len });
        period = period.saturating_add(len).saturating_add(skip);
    }
    if items.is_empty() {
        return Err("it has no items".into());
    }
    if component.is_some_and(|c| c != period) {
        return Err(format!("items of {period} bytes for components of {} bytes", component.unwrap_or(0)));
    }
    Ok(Kind::Repeating { start, period, items: items.into() })
}

/// The `count` words below `top`, downwards.
fn words_below(mem: &dyn Memory, pointer: PointerSize, top: Addr, count: u64) -> Result<Vec<u64>> {
    let p = pointer.bytes();
    let len = count.wrapping_mul(p);
    let bytes = mem.bytes(top.minus(len), usize::try_from(len).unwrap_or(usize::MAX), WHAT)?;
    let word = |c: &[u8]| c.iter().rev().fold(0u64, |word, &b| word << 8 | u64::from(b));
    Ok(bytes.rchunks_exact(usize::try_from(p).unwrap_or(8)).map(word).collect())
}

fn signed(pointer: PointerSize, word: u64) -> i64 {
    match pointer {
        PointerSize::Four => i64::from(u32::try_from(word & 0xFFFF_FFFF).unwrap_or(0).cast_signed()),
        PointerSize::Eight => word.cast_signed(),
    }
}

fn aligned(n: u64, p: u64) -> bool {
    n & p.wrapping_sub(1) == 0
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "test code: it knows its numbers")]
mod tests {
    use super::*;
    use crate::memory::unreadable;
    use crate::runtime::layout;
    use crate::runtime::method_table::HAS_COMPONENT_SIZE;
    use proptest::prelude::*;

    /// Words below one address.
    struct Below(u64, Vec<u8>);

    impl Memory for Below {
        fn read(&self, addr: Addr, buf: &mut [u8], what: &str) -> Result<()> {
            let bytes = addr.0.checked_sub(self.0).and_then(|o| self.1.get(o as usize..o as usize + buf.len()));
            buf.copy_from_slice(bytes.ok_or_else(|| unreadable(what, addr, buf.len() as u64))?);
            Ok(())
        }

        fn run(&self, addr: Addr) -> u64 {
            addr.0.checked_sub(self.0).map_or(0, |o| (self.1.len() as u64).saturating_sub(o))
        }
    }

    const MT: u64 = 0x10000;

    /// `words` from MT - P downwards.
    fn read(pointer: PointerSize, base_size: u32, component: Option<u32>, words: &[u64]) -> Result<Option<GcDesc>> {
        let p = pointer.bytes() as usize;
        let bytes: Vec<u8> = words.iter().rev().flat_map(|w| w.to_le_bytes()[..p].to_vec()).collect();
        let mem = Below(MT - bytes.len() as u64, bytes);
        let name = if p == 8 { "net9-64" } else { "core3-32" };
        let layout = Layout::resolve(&layout::descriptor(name).unwrap(), pointer).unwrap();
        let table = MethodTable {
            at: Addr(MT),
            flags: CONTAINS_POINTERS | component.map_or(0, |c| HAS_COMPONENT_SIZE | c),
            base_size,
            ..MethodTable::default()
        };
        GcDesc::read(&mem, &layout, &table)
    }

    fn offsets(desc: &GcDesc, size: u64) -> Vec<u64> {
        desc.references(size).collect()
    }

    fn minus(n: u64) -> u64 {
        n.wrapping_neg()
    }

    #[test]
    fn an_object_with_two_series() {
        // 48 bytes: header, method table, two references, a number, one reference.
        let desc = read(PointerSize::Eight, 48, None, &[2, 32, minus(40), 8, minus(32)]).unwrap().unwrap();
        assert_eq!(offsets(&desc, 48), [8, 16, 32]);
        assert_eq!(desc.count(48), 3);
        assert_eq!(
            desc.runs_between(48, 16, 40).collect::<Vec<_>>(),
            [Run { offset: 16, len: 8 }, Run { offset: 32, len: 8 }]
        );
    }

    #[test]
    fn an_array_of_references() {
        let desc = read(PointerSize::Eight, 24, Some(8), &[1, 16, minus(24)]).unwrap().unwrap();
        assert!(offsets(&desc, 24).is_empty());
        assert_eq!(offsets(&desc, 24 + 3 * 8), [16, 24, 32]);
        let desc = read(PointerSize::Four, 12, Some(4), &[1, 8, minus(12)]).unwrap().unwrap();
        assert_eq!(offsets(&desc, 12 + 3 * 4), [8, 12, 16]);
    }

    #[test]
    fn an_array_of_structures() {
        // Dictionary's Entry<string, object>: { i32, i32, reference, reference } -> the runtime orders { ref, ref, ints }.
        let desc = read(PointerSize::Eight, 24, Some(24), &[minus(1), 16, 8 << 32 | 2]).unwrap().unwrap();
        assert_eq!(offsets(&desc, 24 + 2 * 24), [16, 24, 40, 48]);
        assert_eq!(desc.count(24 + 2 * 24), 4);
        // The first reference may lie behind the size of an empty array.
        let desc = read(PointerSize::Eight, 24, Some(24), &[minus(1), 32, 16 << 32 | 1]).unwrap().unwrap();
        assert_eq!(offsets(&desc, 24 + 2 * 24), [32, 56]);
        // x86 has half words of 16 bits: one reference, 4 bytes, two references, 8 bytes.
        let desc = read(PointerSize::Four, 12, Some(24), &[minus(2), 8, 4 << 16 | 1, 8 << 16 | 2]).unwrap().unwrap();
        assert_eq!(offsets(&desc, 12 + 2 * 24), [8, 16, 20, 32, 40, 44]);
    }

    #[test]
    fn the_middle_of_a_large_array_costs_nothing() {
        let desc = read(PointerSize::Eight, 24, Some(24), &[minus(1), 16, 8 << 32 | 2]).unwrap().unwrap();
        let size = 24 + 24 * (1u64 << 40);
        assert_eq!(desc.count(size), 2 << 40);
        let from = 16 + 24 * (1 << 39);
        let runs: Vec<_> = desc.runs_between(size, from + 8, from + 40).collect();
        assert_eq!(runs, [Run { offset: from + 8, len: 8 }, Run { offset: from + 24, len: 16 }]);
    }

    #[test]
    fn what_no_runtime_writes_is_refused() {
        let code =
            |base, component, words: &[u64]| read(PointerSize::Eight, base, component, words).unwrap_err().code();
        // No series; more than the limit; not in the dump.
        assert_eq!(code(48, None, &[0]), "damaged");
        assert_eq!(code(48, None, &[1 << 40]), "limit");
        assert_eq!(code(48, None, &[1 << 63]), "limit");
        assert_eq!(code(48, None, &[3, 8, minus(40)]), "unreadable");
        // Over the method table, over the end, odd, negative, overlapping.
        assert_eq!(code(48, None, &[1, 0, minus(40)]), "damaged");
        assert_eq!(code(48, None, &[1, 8, minus(8)]), "damaged");
        assert_eq!(code(48, None, &[1, 12, minus(40)]), "damaged");
        assert_eq!(code(48, None, &[1, 8, minus(56)]), "damaged");
        assert_eq!(code(48, None, &[2, 8, minus(32), 16, minus(40)]), "damaged");
        // Two series of an array; an item without references; one that ends nowhere.
        assert_eq!(code(32, Some(8), &[2, 8, minus(32), 16, minus(32)]), "damaged");
        assert_eq!(code(24, Some(8), &[minus(1), 16, 8 << 32]), "damaged");
        assert_eq!(code(24, Some(24), &[minus(1), 16, 8 << 32 | 1]), "damaged");
        assert_eq!(code(24, Some(16), &[minus(1), 1 << 40, 8 << 32 | 1]), "damaged");
        assert_eq!(code(24, Some(16), &[minus(1), 16, 3 << 32 | 1]), "damaged");
    }

    #[test]
    fn without_the_flag_there_is_nothing_to_read() {
        let mem = Below(0, Vec::new());
        let layout = Layout::resolve(&layout::descriptor("net9-64").unwrap(), PointerSize::Eight).unwrap();
        let table = MethodTable { at: Addr(MT), base_size: 24, ..MethodTable::default() };
        assert_eq!(GcDesc::read(&mem, &layout, &table).unwrap(), None);
    }

    proptest! {
        /// Any words: an error or a descriptor whose references are words of the object, each once; parts give the same as the whole.
        #[test]
        fn every_descriptor_stays_inside_the_object(
            words in prop::collection::vec(prop_oneof![
                -4i64..4, (0i64..12).prop_map(|n| n * 4), (0i64..16).prop_map(|n| -n * 4),
                ((0i64..4), (0i64..6)).prop_map(|(n, s)| n | (s * 4) << 16), ((0i64..4), (0i64..6)).prop_map(|(n, s)| n | (s * 8) << 32),
                any::<i64>(),
            ], 7),
            base in 2u32..20, component in prop::option::of(0u32..40), components in 0u64..20, wide: bool, cut in 0u64..100,
        ) {
            let (pointer, p) = if wide { (PointerSize::Eight, 8) } else { (PointerSize::Four, 4) };
            let words: Vec<u64> = words.into_iter().map(i64::cast_unsigned).collect();
            if let Ok(Some(desc)) = read(pointer, base * p as u32, component, &words) {
                let size = u64::from(base) * p + components * u64::from(component.unwrap_or(0));
                let all = offsets(&desc, size);
                prop_assert!(all.windows(2).all(|w| w[0] < w[1]), "{:?}", all);
                prop_assert!(all.iter().all(|&o| o >= p && o % p == 0 && o + p <= size - p), "{:?} of {}", all, size);
                prop_assert_eq!(desc.count(size), all.len() as u64);
                let cut = cut / p * p;
                let parts: Vec<Run> = desc.runs_between(size, 0, cut).chain(desc.runs_between(size, cut, size)).collect();
                let parts: Vec<u64> = parts.iter().flat_map(|r| (r.offset..r.offset + r.len).step_by(p as usize)).collect();
                prop_assert_eq!(parts, all);
            }
        }
    }
}
