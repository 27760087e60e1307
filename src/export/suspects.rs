//! `diff --suspects` as a table for people: four sections under one another, in the columns of a comparison. The rules are in [`crate::suspects`].

use super::select::{Row, Select};
use super::sheet::{Sheet, columns, dumps, len, numbers, shown_text};
use super::text::{grouped, several, signed};
use crate::report::{DiffReport, DiffRow, DiffTotals, FREE, share};
use crate::suspects::{BySupertype, Resized, SameNumber, Suspects, Together};

/// Types on their own that are shown unless `--top` says otherwise.
const SHOWN_ALONE: usize = 20;

const BY_SUPERTYPE: &str = "By interface or base type: declared in a library or by you; the same objects are in the rows below as well, so these do not add up";
const SAME_NUMBER: &str = "Same number: types whose count grew by exactly the same number; not proof of ownership";
const RESIZED: &str = "Resized: the same count, but larger: a collection got more slots";
const ALONE: &str = "On their own: in no group; the largest first";
const ORDER: &str =
    "Ordered by what a row explains: by how much its types grew in the old generations (gen2, LOH, POH, frozen).";

/// The sections that have rows.
pub fn sheet(report: &DiffReport, suspects: &Suspects, select: &Select) -> Sheet {
    let mut lines = Lines { report, suspects, select, rows: Vec::new() };
    lines.section(BY_SUPERTYPE, &suspects.by_supertype, Lines::by_supertype);
    lines.section(SAME_NUMBER, &suspects.same_number, Lines::same_number);
    lines.section(RESIZED, &suspects.resized, Lines::resized);
    let top = select.top.unwrap_or(SHOWN_ALONE);
    let shown = suspects.alone.get(..top).unwrap_or(&suspects.alone);
    lines.section(ALONE, shown, |lines, &row| lines.one(row, ""));

    let mut facts = dumps(report);
    facts.push(growth(report, suspects));
    let mut titles: Vec<String> = vec!["Of growth".into(), "Delta old".into()];
    titles.extend(columns(report.dumps.len()));
    let mut right = vec![true; titles.len()];
    titles.extend(["Kind".into(), "Suspect".into()]);
    right.extend([false, false]);

    let all = several(suspects.growing_types, "growing type", "growing types");
    let grown = report.rows.iter().filter(|row| row.totals.delta_size > 0).map(|row| &row.totals);
    let grown = DiffTotals::sum(report.dumps.len(), grown);
    let foot = |share: String, totals: &DiffTotals, what: String| lines.cells(share, None, totals, "", what);
    let types = several(len(&report.rows), "type", "types");
    let foot = vec![
        foot(share(suspects.growth, suspects.growth), &grown, all),
        foot(String::new(), &report.free, FREE.to_owned()),
        foot(String::new(), &report.total, format!("Total: {types} and {FREE}")),
    ];
    let mut notes: Vec<String> = suspects.withheld.iter().map(|w| w.reason.clone()).collect();
    let hidden = suspects.alone.len().saturating_sub(shown.len());
    if hidden > 0 {
        let hidden = several(u64::try_from(hidden).unwrap_or(u64::MAX), "more type", "more types");
        notes.push(format!("{hidden} on their own not listed: --top N lists N of them; csv and json list all."));
    }
    if suspects.old_delta_size.is_some() {
        notes.push(ORDER.to_owned());
    }
    Sheet { facts, titles, right, rows: lines.rows, foot, notes }
}

/// The denominator, in a sentence.
fn growth(report: &DiffReport, suspects: &Suspects) -> String {
    let of = several(len(&report.rows), "type", "types");
    let growth =
        format!("Growth: {} in {} of {of}", several(suspects.growth, "byte", "bytes"), grouped(suspects.growing_types));
    match suspects.old_delta_size {
        Some(delta) => format!("{growth}; the old generations of all types together: {} bytes", signed(delta)),
        None => growth,
    }
}

struct Lines<'a> {
    report: &'a DiffReport,
    suspects: &'a Suspects,
    select: &'a Select,
    rows: Vec<Vec<String>>,
}

impl<'a> Lines<'a> {
    fn section<T>(&mut self, title: &str, all: &[T], line: impl Fn(&mut Lines<'a>, &T)) {
        if all.is_empty() {
            return;
        }
        // Share, old, the numbers of a comparison, kind.
        let empty = self.report.dumps.len().saturating_mul(2).saturating_add(5);
        if !self.rows.is_empty() {
            self.rows.push(vec![String::new(); empty.saturating_add(1)]);
        }
        let mut heading = vec![String::new(); empty];
        heading.push(title.to_owned());
        self.rows.push(heading);
        for one in all {
            line(self, one);
        }
    }

    fn by_supertype(&mut self, group: &BySupertype) {
        let name = usize::try_from(group.supertype).ok().and_then(|i| self.report.supertypes.get(i));
        let name = name.map_or("", |s| match self.select.names {
            super::Names::Sos => &s.type_name,
            super::Names::Csharp => &s.type_name_csharp,
        });
        let mut what = format!("{}, {}", shown_text(name), several(len(&group.types.rows), "type", "types"));
        let same = group.same_number.and_then(|i| self.suspects.same_number.get(usize::try_from(i).ok()?));
        if let Some(same) = same {
            let types = several(len(&same.types.rows), "type", "types");
            what = format!("{what}; together as many as each of the {types} below");
        }
        self.group(&group.types, group.owner.text(), what);
    }

    fn same_number(&mut self, group: &SameNumber) {
        let each = format!("each +{}", grouped(group.number));
        let bytes = self.bytes_of_one(group);
        let what = format!(
            "{} types, {each}; {} for one of each",
            grouped(len(&group.types.rows)),
            several(bytes, "byte", "bytes")
        );
        self.group(&group.types, "", what);
    }

    /// Rounded, halves up.
    fn bytes_of_one(&self, group: &SameNumber) -> u64 {
        let size = group.types.totals.delta_size.unsigned_abs();
        let half = group.number.checked_div(2).unwrap_or(0);
        size.saturating_add(half).checked_div(group.number).unwrap_or(0)
    }

    fn group(&mut self, types: &Together, kind: &str, what: String) {
        let of_growth = self.share(&types.totals);
        let cells = self.cells(of_growth, types.old_delta_size, &types.totals, kind, what);
        self.rows.push(cells);
        for &row in &types.rows {
            self.one(row, "· ");
        }
    }

    fn resized(&mut self, resized: &Resized) {
        let slots: Option<Vec<String>> = resized.slots.iter().map(|n| n.map(grouped)).collect();
        let slots = slots.map_or(String::new(), |slots| format!("{} slots: ", slots.join(" -> ")));
        self.one(resized.row, &slots);
    }

    fn one(&mut self, number: u32, before: &str) {
        let Some(row) = row(self.report, number) else { return };
        let what = format!("{before}{}", shown_text(row.name(self.select.names)));
        let of_growth = self.share(&row.totals);
        let old = old(self.report, row);
        let cells = self.cells(of_growth, old, &row.totals, row.owner.text(), what);
        self.rows.push(cells);
    }

    fn share(&self, totals: &DiffTotals) -> String {
        share(totals.delta_size.unsigned_abs(), self.suspects.growth)
    }

    fn cells(&self, share: String, old: Option<i64>, totals: &DiffTotals, kind: &str, what: String) -> Vec<String> {
        let mut cells = vec![share, old.map_or(String::new(), signed)];
        cells.extend(numbers(totals));
        cells.extend([kind.to_owned(), what]);
        cells
    }
}

fn row(report: &DiffReport, number: u32) -> Option<&DiffRow> {
    report.rows.get(usize::try_from(number).ok()?)
}

fn old(report: &DiffReport, row: &DiffRow) -> Option<i64> {
    crate::suspects::old_delta(report, row)
}

/// The lines of `--format csv`: a type of a group each.
pub struct Line<'a> {
    /// `supertype`, `same number`, `resized` or `alone`.
    pub section: &'static str,
    /// Name of the base type or interface, or the number; empty for a type that stands for itself.
    pub group: String,
    /// The type.
    pub row: &'a DiffRow,
    /// Bytes by which it changed in the old generations, if known.
    pub old: Option<i64>,
    /// By dump: elements of its arrays, if it was resized.
    pub slots: Vec<Option<u64>>,
}

/// Every type of every section, in order; a type of a supertype comes again in another section.
pub fn lines<'a>(report: &'a DiffReport, suspects: &Suspects, select: &Select) -> Vec<Line<'a>> {
    let mut all = Vec::new();
    let mut add = |section: &'static str, group: &str, number: u32, slots: &[Option<u64>]| {
        if let Some(row) = row(report, number) {
            all.push(Line { section, group: group.to_owned(), row, old: old(report, row), slots: slots.to_vec() });
        }
    };
    for group in &suspects.by_supertype {
        let supertype = usize::try_from(group.supertype).ok().and_then(|i| report.supertypes.get(i));
        let name = supertype.map_or("", |s| match select.names {
            super::Names::Sos => &s.type_name,
            super::Names::Csharp => &s.type_name_csharp,
        });
        for &number in &group.types.rows {
            add("supertype", name, number, &[]);
        }
    }
    for group in &suspects.same_number {
        for &number in &group.types.rows {
            add("same number", &group.number.to_string(), number, &[]);
        }
    }
    for resized in &suspects.resized {
        add("resized", "", resized.row, &resized.slots);
    }
    let top = select.top.unwrap_or(usize::MAX);
    for &number in suspects.alone.iter().take(top) {
        add("alone", "", number, &[]);
    }
    all
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::string_slice, reason = "tests")]
mod tests {
    use super::*;
    use crate::export::select::Sort;
    use crate::export::testing::{self, snapshot};
    use crate::export::{csv::Csv, json, md};
    use crate::report::{ArrayShape, Cell, HeapReport};

    /// The customers, and an array that got larger; all in gen2.
    fn reports() -> [HeapReport; 2] {
        let (mut a, mut b) = testing::pair();
        for r in [&mut a, &mut b] {
            let gen0 = std::mem::take(&mut r.heap.generations[0]);
            r.heap.generations[2] = gen0;
            for t in &mut r.types {
                t.generations.set(5, Cell::default());
                t.generations.set(2, Cell { count: t.count, size: t.total_size, aligned_size: t.aligned_size });
                if t.type_name == "System.Object[]" {
                    t.array = Some(ArrayShape { base_size: 12, component_size: 4 });
                }
            }
        }
        let array = b.types.iter_mut().find(|t| t.type_name == "System.Object[]").unwrap();
        array.total_size += 8000;
        array.generations.set(2, Cell { size: array.total_size, ..array.generations.get(2) });
        b.heap.generations[2].size += 8000;
        [a, b]
    }

    #[test]
    fn every_format() {
        let mut report = crate::diff::diff(&reports()).unwrap();
        report.suspects = Some(crate::suspects::suspects(&report));
        let found = report.suspects.clone().unwrap();
        assert!(!found.same_number.is_empty() && !found.resized.is_empty(), "{found:?}");
        let people = Select { sort: Sort::Delta, ..Select::everything(Sort::Delta, true) };
        let mut out = Vec::new();
        md::diff(&report, &people, &mut out).unwrap();
        out.extend(b"----\n");
        let programs = Select::everything(Sort::Delta, false);
        Csv::new(&mut out, false).suspects(&report, &found, &programs).unwrap();
        snapshot("diff-suspects", &String::from_utf8(out).unwrap());
        let mut out = Vec::new();
        json::diff(&mut report.clone(), &programs, &mut out).unwrap();
        let read: DiffReport = serde_json::from_slice(&out).unwrap();
        assert_eq!(read, report, "the rows stay as they are, since the sections name them by their place");
    }
}
