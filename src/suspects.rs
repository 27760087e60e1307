//! What grew, in a handful of rows instead of thousands: types that belong together by what can be counted. Pure: [`DiffReport`] ->
//! [`Suspects`]. Nothing here says that something is a leak.
//!
//! **Growth** is the sum over the types whose size grew, Free apart: the one denominator. What a row **explains** is by how much its types grew
//! in the old generations (gen2, LOH, POH, frozen): a young object may be garbage by now. That orders every section; where a side has no
//! generations (a listing), the whole growth does.
//!
//! 1. **By interface or base type**: declared by a library or by you (by the assembly of the declaration: `IEnumerable<Order>` is the runtime's), at least
//!    two growing types, together 1 % of the growth, three rows at most. These objects are in the rows below, too. Equal sets of types are one row, under
//!    the name that arrays and generics of the heap use (`ITelemetry[]`), else the shortest. Of two rows, one inside the other, the wider one is left
//!    out if the narrower has 95 % of its growth: `ISupportMetrics` says nothing beside `OperationTelemetry` (net10-x64-appinsights: 99.8 %).
//! 2. **Same number**: two or more types whose count grew by exactly the same number, in a series in every step, together 0.5 % of the growth. Not proof
//!    that one owns the other. Numbers below [`MIN_NUMBER`] meet by chance: among 120 growing types `Double[]`, `Double[,]` and `Object[]` are each +4
//!    (net10-x64-wks). Not told of two processes, or if not all of the heaps could be read: then equal numbers are chance.
//! 3. **Resized**: arrays with the same count in every dump that are 4,096 bytes larger or more: a collection got more slots.
//! 4. **On their own**: every other growing type.
//!
//! A growing type is in one row of 2 to 4. Where the old generations as a whole did not grow by a thousandth, nothing is grouped: some types always grow
//! while others shrink, and among those that do, some always have something in common.

use crate::compact::Cells;
use crate::diff::group_with_members;
use crate::maps::Sorted;
use crate::phrase;
use crate::printing::shown;
use crate::report::{Cell, DiffDump, DiffReport, DiffRow, DiffTotals, GroupBy, Owner, Supertype};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Indexes of gen2, LOH, POH and frozen among [`crate::report::GENERATIONS`].
pub const OLD: [usize; 4] = [2, 3, 4, 5];

/// Rows of the first section at most.
pub const MAX_SUPERTYPES: usize = 3;
/// Of two rows of the first section, one inside the other, the wider is left out if the narrower has this much of its growth, percent.
const NARROWER: u64 = 95;
/// Growth of a row of the first section, and of the second, in thousandths of all growth.
const SUPERTYPE_SHARE: u64 = 10;
const NUMBER_SHARE: u64 = 5;
/// The smallest number that counts as the same number.
pub const MIN_NUMBER: i64 = 10;
/// By how much larger an array must be, bytes.
pub const MIN_RESIZED: i64 = 4096;
/// The old generations must have grown by their first size divided by this.
const NOTICEABLE: i64 = 1000;

/// The growing types of a comparison in four sections. Rows are indexes into [`DiffReport::rows`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspects {
    /// Bytes: the sum over the types whose size grew. The denominator of every share.
    pub growth: u64,
    /// How many types that are.
    pub growing_types: u64,
    /// Bytes by which the old generations of all types changed, Free apart; `null` where a side has no generations.
    pub old_delta_size: Option<i64>,
    /// Section 1.
    pub by_supertype: Vec<BySupertype>,
    /// Section 2.
    pub same_number: Vec<SameNumber>,
    /// Section 3.
    pub resized: Vec<Resized>,
    /// Section 4.
    pub alone: Vec<u32>,
    /// Why sections are empty although types grew.
    pub withheld: Vec<Withheld>,
}

/// Types together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Together {
    /// Its types.
    pub rows: Vec<u32>,
    /// Their sums.
    pub totals: DiffTotals,
    /// Bytes by which they changed in the old generations; `null` where a side has no generations.
    pub old_delta_size: Option<i64>,
}

/// Growing types that have a base type or an interface in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BySupertype {
    /// The base type or interface: index into [`DiffReport::supertypes`].
    pub supertype: u32,
    /// Others with the very same growing types.
    pub equal: Vec<u32>,
    /// Whose declaration it is.
    pub owner: Owner,
    /// Types on the heap that derive from it or implement it, growing or not.
    pub all_types: u64,
    /// A row of [`Suspects::same_number`] with the same number as all of these together.
    pub same_number: Option<u32>,
    /// Its growing types.
    pub types: Together,
}

/// Types whose count grew by the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameNumber {
    /// By how many objects each of them grew from the first dump to the last.
    pub number: u64,
    /// From dump to dump.
    pub steps: Vec<i64>,
    /// By dump: the smallest and the largest count among them.
    pub ranges: Vec<[u64; 2]>,
    /// Yours, then libraries', then the runtime's.
    pub types: Together,
}

/// Arrays that got more slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resized {
    /// The type.
    pub row: u32,
    /// By dump: elements of its arrays together; `null` where the type's method tables differ.
    pub slots: Vec<Option<u64>>,
    /// Bytes by which it changed in the old generations; `null` where a side has no generations.
    pub old_delta_size: Option<i64>,
}

/// Why a section is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// `groups` (sections 1 to 3) or `same_number` (section 2).
    pub section: String,
    /// `no-growth`, `other-process` or `partial`.
    pub code: String,
    /// For people.
    pub reason: String,
}

/// Groups the growing types of a comparison.
pub fn suspects(report: &DiffReport) -> Suspects {
    let growing: Vec<Grown<'_>> = (0_u32..)
        .zip(&report.rows)
        .filter(|(_, row)| row.totals.delta_size > 0)
        .map(|(number, row)| Grown { number, row, old: old_delta(report, row) })
        .collect();
    let growth = growing.iter().fold(0_u64, |sum, g| sum.saturating_add(g.row.totals.delta_size.unsigned_abs()));
    let (old_before, old_delta_size) = old_of_all(report);
    let mut found = Suspects {
        growth,
        growing_types: u64::try_from(growing.len()).unwrap_or(u64::MAX),
        old_delta_size,
        by_supertype: Vec::new(),
        same_number: Vec::new(),
        resized: Vec::new(),
        alone: Vec::new(),
        withheld: Vec::new(),
    };
    let mut grouped: Sorted<u32, ()> = Sorted::default();
    if growing.is_empty() {
        return found;
    }
    let free = report.free.sizes.first().copied().unwrap_or(0);
    let whole_before = report.total.sizes.first().copied().unwrap_or(0).saturating_sub(free);
    let whole_delta = report.total.delta_size.saturating_sub(report.free.delta_size);
    let noticeable = match old_delta_size {
        Some(delta) => delta > signed(old_before).wrapping_div(NOTICEABLE),
        None => whole_delta > signed(whole_before).wrapping_div(NOTICEABLE),
    };
    if noticeable {
        match why_no_numbers(report) {
            None => found.same_number = same_number(report, &growing, growth),
            Some((code, reason)) => found.withhold("same_number", code, reason),
        }
        for &number in found.same_number.iter().flat_map(|s| &s.types.rows) {
            grouped.insert(number, ());
        }
        found.by_supertype = by_supertype(report, &growing, growth);
        for group in &mut found.by_supertype {
            let steps = steps(&group.types.totals.counts);
            let same = found.same_number.iter().position(|s| s.steps == steps);
            group.same_number = same.and_then(|i| u32::try_from(i).ok());
        }
        let resized = growing.iter().filter(|g| is_resized(g.row) && !grouped.contains(&g.number));
        let mut resized: Vec<&Grown<'_>> = resized.collect();
        crate::order::by_key(&mut resized, |g| g.rank());
        found.resized =
            resized.iter().map(|g| Resized { row: g.number, slots: slots(g.row), old_delta_size: g.old }).collect();
        for grown in &resized {
            grouped.insert(grown.number, ());
        }
    } else {
        let generations = if old_delta_size.is_some() { "old generations" } else { "heap" };
        // Of a heap that was read in part nobody knows whether the whole of it grew.
        let what = if report.exact() {
            format!("The {generations} as a whole")
        } else {
            format!("What was read of the {generations}")
        };
        let reason = format!("{what} did not grow by a thousandth: growing types are listed, but not grouped.");
        found.withhold("groups", "no-growth", reason);
    }
    let mut alone: Vec<&Grown<'_>> = growing.iter().filter(|g| !grouped.contains(&g.number)).collect();
    crate::order::by_key(&mut alone, |g| g.rank());
    found.alone = alone.iter().map(|g| g.number).collect();
    found
}

/// A growing type.
struct Grown<'a> {
    number: u32,
    row: &'a DiffRow,
    old: Option<i64>,
}

/// Descending by what is explained, then by the whole growth; then in the order of the rows.
type Rank = (Reverse<i64>, Reverse<i64>, u32);

impl Grown<'_> {
    fn rank(&self) -> Rank {
        let size = self.row.totals.delta_size;
        (Reverse(self.old.unwrap_or(size)), Reverse(size), self.number)
    }
}

impl Together {
    fn of(report: &DiffReport, types: &[&Grown<'_>]) -> Together {
        Together {
            rows: types.iter().map(|g| g.number).collect(),
            totals: DiffTotals::sum(report.dumps.len(), types.iter().map(|g| &g.row.totals)),
            old_delta_size: types.iter().map(|g| g.old).try_fold(0_i64, |sum, old| Some(sum.saturating_add(old?))),
        }
    }

    /// As [`Grown::rank`].
    fn rank(&self) -> Rank {
        let size = self.totals.delta_size;
        (Reverse(self.old_delta_size.unwrap_or(size)), Reverse(size), self.rows.iter().copied().min().unwrap_or(0))
    }

    /// True if it makes so many thousandths of the growth.
    fn makes(&self, thousandths: u64, growth: u64) -> bool {
        let growth = u128::from(growth).saturating_mul(u128::from(thousandths));
        u128::from(self.totals.delta_size.unsigned_abs()).saturating_mul(1000) >= growth
    }

    /// True if all its rows are rows of the other.
    fn is_inside(&self, other: &Together) -> bool {
        let mut rows = other.rows.clone();
        crate::order::ascending(&mut rows);
        self.rows.iter().all(|row| rows.binary_search(row).is_ok())
    }
}

impl Suspects {
    fn withhold(&mut self, section: &str, code: &str, reason: String) {
        self.withheld.push(Withheld { section: section.to_owned(), code: code.to_owned(), reason });
    }

    /// True if there is a row in one of the first three sections.
    pub fn any_group(&self) -> bool {
        !(self.by_supertype.is_empty() && self.same_number.is_empty() && self.resized.is_empty())
    }
}

/// Equal numbers mean something only between moments of one process that were read completely.
fn why_no_numbers(report: &DiffReport) -> Option<(&'static str, String)> {
    if report.findings.iter().any(|f| f.code == "other-process") {
        let reason =
            "Types whose count grew by the same number are not looked for: the dumps are of different processes.";
        return Some(("other-process", reason.to_owned()));
    }
    if !report.exact() {
        let reason =
            "Types whose count grew by the same number are not looked for: the counts are not exact for every dump.";
        return Some(("partial", reason.to_owned()));
    }
    None
}

fn same_number(report: &DiffReport, growing: &[Grown<'_>], growth: u64) -> Vec<SameNumber> {
    let mut by_steps: Sorted<Vec<i64>, Vec<&Grown<'_>>> = Sorted::default();
    for grown in growing.iter().filter(|g| g.row.totals.delta_count >= MIN_NUMBER) {
        by_steps.entry(steps(&grown.row.totals.counts), Vec::new).push(grown);
    }
    let mut found: Vec<SameNumber> = by_steps
        .into_entries()
        .into_iter()
        .filter(|(_, types)| types.len() >= 2)
        .map(|(steps, mut types)| {
            crate::order::by_key(&mut types, |g| (Reverse(g.row.owner), g.rank()));
            let count = |dump: usize| types.iter().filter_map(move |g| g.row.totals.counts.get(dump).copied());
            SameNumber {
                number: types.first().map_or(0, |g| g.row.totals.delta_count.unsigned_abs()),
                steps,
                ranges: (0..report.dumps.len())
                    .map(|dump| [count(dump).min().unwrap_or(0), count(dump).max().unwrap_or(0)])
                    .collect(),
                types: Together::of(report, &types),
            }
        })
        .filter(|group| group.types.makes(NUMBER_SHARE, growth))
        .collect();
    crate::order::by_key(&mut found, |group| group.types.rank());
    found
}

fn by_supertype(report: &DiffReport, growing: &[Grown<'_>], growth: u64) -> Vec<BySupertype> {
    // They are in the order of their numbers.
    let by_number = |number: u32| growing.get(growing.binary_search_by_key(&number, |g| g.number).ok()?);
    let numbers: Sorted<(&str, &str), u32> =
        (0_u32..).zip(&report.supertypes).map(|(i, s)| ((s.type_name.as_str(), s.module.as_str()), i)).collect();
    // By its growing types: the base types and interfaces that have them, each with how many types it has in all.
    let mut sets: Sorted<Vec<u32>, Vec<(u32, u64)>> = Sorted::default();
    for by in [GroupBy::Interface, GroupBy::Base] {
        let (groups, members) = group_with_members(report, by);
        for (group, members) in groups.rows.iter().zip(members) {
            let grown: Vec<u32> = members.into_iter().filter(|&number| by_number(number).is_some()).collect();
            let Some(&number) = numbers.get(&(group.name.as_str(), group.module.as_str())) else { continue };
            if grown.len() >= 2 && declared_by(report, number) != Owner::Runtime {
                let known = sets.entry(grown, Vec::new);
                if !known.iter().any(|(n, _)| *n == number) {
                    known.push((number, group.types));
                }
            }
        }
    }
    let mut candidates: Vec<(Together, Vec<(u32, u64)>)> = sets
        .into_entries()
        .into_iter()
        .map(|(rows, names)| {
            let mut types: Vec<&Grown<'_>> = rows.iter().filter_map(|&number| by_number(number)).collect();
            crate::order::by_key(&mut types, |g| g.rank());
            (Together::of(report, &types), names)
        })
        .filter(|(types, _)| types.makes(SUPERTYPE_SHARE, growth))
        .collect();
    crate::order::by_key(&mut candidates, |(types, _)| types.rank());
    let kept = candidates.iter().filter(|(types, _)| !candidates.iter().any(|(other, _)| is_narrower(other, types)));
    kept.take(MAX_SUPERTYPES)
        .filter_map(|(types, names)| {
            let (supertype, all_types) = *names.iter().min_by_key(|(number, _)| name_rank(report, *number))?;
            Some(BySupertype {
                supertype,
                equal: names.iter().map(|(number, _)| *number).filter(|number| *number != supertype).collect(),
                owner: declared_by(report, supertype),
                all_types,
                same_number: None,
                types: types.clone(),
            })
        })
        .collect()
}

/// True if `inner` lies inside `outer` and has nearly all of its growth.
fn is_narrower(inner: &Together, outer: &Together) -> bool {
    let growth = |t: &Together| u128::from(t.totals.delta_size.unsigned_abs());
    inner.rows.len() < outer.rows.len()
        && growth(inner).saturating_mul(100) >= growth(outer).saturating_mul(u128::from(NARROWER))
        && inner.is_inside(outer)
}

/// Whose assembly declares it, whatever its type arguments are.
fn declared_by(report: &DiffReport, number: u32) -> Owner {
    let Some(supertype) = supertype(report, number) else { return Owner::Runtime };
    let assembly = report.assemblies.iter().find(|a| a.name == supertype.module);
    assembly.map_or(supertype.owner, |a| a.owner)
}

fn supertype(report: &DiffReport, number: u32) -> Option<&Supertype> {
    report.supertypes.get(usize::try_from(number).ok()?)
}

/// Of several names for the same types, the least is taken: most used by arrays and generics of the heap, shortest, first of the alphabet.
fn name_rank(report: &DiffReport, number: u32) -> (Reverse<usize>, usize, &str) {
    let name = supertype(report, number).map_or("", |s| s.type_name.as_str());
    let (element, argument) = (format!("{name}["), format!("[{name}, "));
    let uses =
        report.rows.iter().filter(|r| r.type_name.starts_with(&element) || phrase::is_in(&r.type_name, &argument));
    (Reverse(uses.count()), name.len(), name)
}

fn is_resized(row: &DiffRow) -> bool {
    let counts = &row.totals.counts;
    row.array.is_some() && row.totals.delta_size >= MIN_RESIZED && counts.iter().all(|n| Some(n) == counts.first())
}

fn slots(row: &DiffRow) -> Vec<Option<u64>> {
    let both = row.totals.counts.iter().zip(&row.totals.sizes);
    both.map(|(&count, &size)| row.array.and_then(|array| array.slots(count, size))).collect()
}

/// From dump to dump.
fn steps(counts: &[u64]) -> Vec<i64> {
    counts
        .windows(2)
        .map(|pair| pair.last().map_or(0, |b| signed(*b)).saturating_sub(pair.first().map_or(0, |a| signed(*a))))
        .collect()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// True if every dump tells its generations; a listing does not.
fn has_generations(report: &DiffReport) -> bool {
    report.dumps.iter().all(|d| !d.generations.is_empty())
}

fn old_bytes(cells: impl Iterator<Item = Cell>) -> i64 {
    let old = cells.enumerate().filter(|(generation, _)| OLD.contains(generation));
    old.fold(0_i64, |sum, (_, cell)| sum.saturating_add(signed(cell.size)))
}

/// Bytes by which a type changed in the old generations; `None` where a side has no generations.
pub fn old_delta(report: &DiffReport, row: &DiffRow) -> Option<i64> {
    let of = |cells: Option<&Cells>| cells.map_or(0, |c| old_bytes(c.iter()));
    has_generations(report).then(|| of(row.generations.last()).saturating_sub(of(row.generations.first())))
}

/// Old bytes of all types in the first dump, Free apart, and by how much they changed.
fn old_of_all(report: &DiffReport) -> (u64, Option<i64>) {
    let of = |dump: Option<&DiffDump>, free: Option<&Vec<Cell>>| {
        let bytes = |cells: Option<&Vec<Cell>>| cells.map_or(0, |c| old_bytes(c.iter().copied()));
        bytes(dump.map(|d| &d.generations)).saturating_sub(bytes(free))
    };
    let first = of(report.dumps.first(), report.free_generations.first());
    let last = of(report.dumps.last(), report.free_generations.last());
    (u64::try_from(first).unwrap_or(0), has_generations(report).then(|| last.saturating_sub(first)))
}

shown!(Suspects { growth, growing_types, old_delta_size, by_supertype, same_number, resized, alone, withheld });
shown!(Together { rows, totals, old_delta_size });
shown!(BySupertype { supertype, equal, owner, all_types, same_number, types });
shown!(SameNumber { number, steps, ranges, types });
shown!(Resized { row, slots, old_delta_size });
shown!(Withheld { section, code, reason });
