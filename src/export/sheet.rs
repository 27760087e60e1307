//! What `table` and `md` show, before it is drawn: facts, columns, rows, totals. All text in it is already
//! [`visible`](text::visible).

use super::By;
use super::select::{Direction, Row, Select};
use super::text::{self, grouped, several, signed, visible};
use crate::report::{
    DiffDump, DiffReport, DiffRow, DiffTotals, DumpFacts, FREE, GroupBy, GroupRow, Groups, HeapFacts, HeapReport,
    MethodTableRow, Owner, TypeRow, percent, utc,
};

/// A table with its surroundings. The last column is the one of any width.
pub struct Sheet {
    /// Sentences above the table.
    pub facts: Vec<String>,
    /// By column.
    pub titles: Vec<String>,
    /// By column: true if it holds numbers.
    pub right: Vec<bool>,
    /// A text for each column.
    pub rows: Vec<Vec<String>>,
    /// Rows of sums under the others.
    pub foot: Vec<Vec<String>>,
    /// Sentences below the table.
    pub notes: Vec<String>,
}

/// One dump by type or by method table.
pub fn stat(report: &HeapReport, by: By, select: &Select) -> Sheet {
    let mut sheet = Sheet { facts: facts(report), ..Sheet::new() };
    match by {
        By::Type => types(report, select, &mut sheet),
        By::Mt => method_tables(report, select, &mut sheet),
    }
    sheet
}

fn types(report: &HeapReport, select: &Select, sheet: &mut Sheet) {
    sheet.columns(&[("Count", true), ("Total size", true), ("Module", false), ("Type", false)]);
    let mut shown: Vec<&TypeRow> = report.types.iter().collect();
    select.keep(&mut shown);
    select.arrange(&mut shown, Direction::Descending);
    sheet.rows = shown
        .iter()
        .map(|t| vec![grouped(t.count), grouped(t.total_size), shown_text(&t.module), shown_text(t.name(select.names))])
        .collect();

    let sums = |rows: &mut dyn Iterator<Item = &TypeRow>| {
        rows.fold((0_u64, 0_u64), |(c, s), t| (c.saturating_add(t.count), s.saturating_add(t.total_size)))
    };
    let mut foot = |(count, size): (u64, u64), what: String| {
        sheet.foot.push(vec![grouped(count), grouped(size), String::new(), what]);
    };
    if shown.len() != report.types.len() {
        foot(sums(&mut shown.iter().copied()), format!("{} shown", several(len(&shown), "type", "types")));
    }
    let all = sums(&mut report.types.iter());
    let free = (report.heap.free.count, report.heap.free.size);
    foot(all, several(len(&report.types), "type", "types"));
    foot(free, FREE.to_owned());
    foot((all.0.saturating_add(free.0), all.1.saturating_add(free.1)), "Total".to_owned());
}

fn method_tables(report: &HeapReport, select: &Select, sheet: &mut Sheet) {
    sheet.columns(&[("Method table", true), ("Count", true), ("Total size", true), ("Module", false), ("Type", false)]);
    let mut shown: Vec<&MethodTableRow> = report.method_tables.iter().collect();
    select.keep(&mut shown);
    select.arrange(&mut shown, Direction::Descending);
    sheet.rows = shown
        .iter()
        .map(|t| {
            let (module, name) = (shown_text(&t.module), shown_text(t.name(select.names)));
            vec![t.method_table.to_string(), grouped(t.count), grouped(t.total_size), module, name]
        })
        .collect();

    let sums = |rows: &mut dyn Iterator<Item = &MethodTableRow>| {
        rows.fold((0_u64, 0_u64), |(c, s), t| (c.saturating_add(t.count), s.saturating_add(t.total_size)))
    };
    let mut foot = |(count, size): (u64, u64), what: String| {
        sheet.foot.push(vec![String::new(), grouped(count), grouped(size), String::new(), what]);
    };
    if shown.len() != report.method_tables.len() {
        foot(
            sums(&mut shown.iter().copied()),
            format!("{} shown", several(len(&shown), "method table", "method tables")),
        );
    }
    let all = several(len(&report.method_tables), "method table", "method tables");
    foot(sums(&mut report.method_tables.iter()), format!("Total: {all}, {FREE} included"));
}

/// Several dumps: suspects or groups if that was asked for, else types.
pub fn comparison(report: &DiffReport, select: &Select) -> Sheet {
    match (&report.suspects, &report.groups) {
        (Some(suspects), _) => super::suspects::sheet(report, suspects, select),
        (None, Some(groups)) => self::groups(report, groups, select),
        (None, None) => diff(report, select),
    }
}

/// Several dumps by type: only the types that changed in any of them.
pub fn diff(report: &DiffReport, select: &Select) -> Sheet {
    let mut sheet = Sheet { facts: dumps(report), ..Sheet::new() };
    sheet.titles = columns(report.dumps.len());
    sheet.right = vec![true; sheet.titles.len()];
    sheet.titles.extend(["Module".into(), "Type".into()]);
    sheet.right.extend([false, false]);

    let mut shown: Vec<&DiffRow> = report.rows.iter().collect();
    select.keep(&mut shown);
    let kept = len(&shown);
    shown.retain(|row| changed(&row.totals));
    let unchanged = kept.saturating_sub(len(&shown));
    select.arrange(&mut shown, Direction::Descending);
    sheet.rows =
        shown.iter().map(|r| totals(&r.totals, shown_text(&r.module), shown_text(r.name(select.names)))).collect();

    let all_changed = report.rows.iter().filter(|row| changed(&row.totals)).count();
    if shown.len() != all_changed {
        let sum = DiffTotals::sum(report.dumps.len(), shown.iter().map(|row| &row.totals));
        let of = several(u64::try_from(all_changed).unwrap_or(u64::MAX), "changed type", "changed types");
        sheet.foot.push(totals(&sum, String::new(), format!("{} of {of} shown", grouped(len(&shown)))));
    }
    sheet.foot.push(totals(&report.free, String::new(), FREE.to_owned()));
    let all = several(len(&report.rows), "type", "types");
    sheet.foot.push(totals(&report.total, String::new(), format!("Total: {all} and {FREE}")));
    if unchanged > 0 {
        let unchanged = several(unchanged, "unchanged type is", "unchanged types are");
        sheet.notes.push(format!("{unchanged} not listed; csv and json list all."));
    }
    sheet
}

/// Several dumps by group: only the groups that changed in any of them.
pub fn groups(report: &DiffReport, groups: &Groups, select: &Select) -> Sheet {
    let mut sheet = Sheet { facts: dumps(report), ..Sheet::new() };
    let (title, one, several_of) = match groups.by {
        GroupBy::Base => ("Base type", "base type", "base types"),
        GroupBy::Interface => ("Interface", "interface", "interfaces"),
        GroupBy::Namespace => ("Namespace", "namespace", "namespaces"),
        GroupBy::Assembly => ("Assembly", "assembly", "assemblies"),
        GroupBy::Kind => ("Kind", "kind", "kinds"),
    };
    // What the name alone does not say already.
    let with_owner = !matches!(groups.by, GroupBy::Namespace | GroupBy::Kind);
    let with_module = groups.overlap;
    sheet.titles = vec!["Types".into()];
    sheet.titles.extend(columns(report.dumps.len()));
    sheet.right = vec![true; sheet.titles.len()];
    let texts = [(with_owner, "Kind"), (with_module, "Module"), (true, title)];
    for (_, text) in texts.iter().filter(|(with, _)| *with) {
        sheet.titles.push((*text).into());
        sheet.right.push(false);
    }
    let line = |types: String, t: &DiffTotals, owner: &str, module: String, name: String| {
        let mut cells = vec![types];
        cells.extend(numbers(t));
        cells.extend(with_owner.then(|| owner.to_owned()));
        cells.extend(with_module.then_some(module));
        cells.push(name);
        cells
    };

    let mut shown: Vec<&GroupRow> = groups.rows.iter().collect();
    select.keep(&mut shown);
    let kept = len(&shown);
    shown.retain(|row| changed(&row.totals));
    let unchanged = kept.saturating_sub(len(&shown));
    select.arrange(&mut shown, Direction::Descending);
    sheet.rows = shown
        .iter()
        .map(|r| {
            let name = match r.name(select.names) {
                "" => "(none)".to_owned(),
                name => shown_text(name),
            };
            line(grouped(r.types), &r.totals, r.owner.map_or("", Owner::text), shown_text(&r.module), name)
        })
        .collect();

    let mut foot = |types: String, t: &DiffTotals, what: String| {
        sheet.foot.push(line(types, t, "", String::new(), what));
    };
    if groups.overlap {
        foot(grouped(groups.outside_types), &groups.outside, format!("Types with no {one}"));
    }
    foot(String::new(), &report.free, FREE.to_owned());
    let all = several(len(&report.rows), "type", "types");
    foot(grouped(len(&report.rows)), &report.total, format!("Total: {all} and {FREE}"));
    let changed = groups.rows.iter().filter(|row| changed(&row.totals)).count();
    let changed = u64::try_from(changed).unwrap_or(u64::MAX);
    if len(&shown) != changed {
        sheet.notes.push(format!("{} of {} changed {several_of} shown.", grouped(len(&shown)), grouped(changed)));
    }
    if groups.overlap {
        sheet.notes.push("A type may be in several rows: they do not add up to the total.".to_owned());
    }
    if unchanged > 0 {
        sheet
            .notes
            .push(format!("{} unchanged not listed; csv and json list all.", several(unchanged, one, several_of)));
    }
    sheet
}

/// A sentence per dump; one more where a layout was never proven on a real dump.
pub(super) fn dumps(report: &DiffReport) -> Vec<String> {
    let fact = |(number, dump): (usize, &DiffDump)| {
        if let Some(kind) = listing(&dump.dump) {
            return format!("{number}: {}, {kind}", process(&dump.dump));
        }
        let coverage = coverage(dump.complete, dump.explained_bytes, dump.total_bytes);
        let clr = visible(&dump.runtime);
        format!("{number}: {}, {clr} {}, {coverage}", process(&dump.dump), dump.architecture)
    };
    let unproven = report.findings.iter().filter(|f| f.code == "unproven-runtime");
    (1_usize..).zip(&report.dumps).map(fact).chain(unproven.map(|f| shown_text(&f.message))).collect()
}

/// The titles of [`numbers`].
pub(super) fn columns(dumps: usize) -> Vec<String> {
    let numbers = || (1..=dumps).map(|n| n.to_string());
    let mut titles: Vec<String> = numbers().map(|n| format!("Count {n}")).collect();
    titles.push("Delta count".into());
    titles.extend(numbers().map(|n| format!("Size {n}")));
    titles.push("Delta size".into());
    titles
}

fn changed(totals: &DiffTotals) -> bool {
    let varies = |by_dump: &[u64]| by_dump.iter().any(|n| Some(n) != by_dump.first());
    varies(&totals.counts) || varies(&totals.sizes)
}

fn totals(totals: &DiffTotals, module: String, name: String) -> Vec<String> {
    let mut cells = numbers(totals);
    cells.extend([module, name]);
    cells
}

pub(super) fn numbers(totals: &DiffTotals) -> Vec<String> {
    let mut cells: Vec<String> = totals.counts.iter().map(|&n| grouped(n)).collect();
    cells.push(signed(totals.delta_count));
    cells.extend(totals.sizes.iter().map(|&n| grouped(n)));
    cells.push(signed(totals.delta_size));
    cells
}

impl Sheet {
    fn new() -> Sheet {
        let none = Vec::new;
        Sheet {
            facts: Vec::new(),
            titles: Vec::new(),
            right: Vec::new(),
            rows: none(),
            foot: none(),
            notes: Vec::new(),
        }
    }

    fn columns(&mut self, columns: &[(&str, bool)]) {
        (self.titles, self.right) = columns.iter().map(|&(title, right)| (title.to_owned(), right)).unzip();
    }
}

/// The headline of one dump: which process at which moment, which runtime, how much of the heap.
fn facts(report: &HeapReport) -> Vec<String> {
    let (runtime, heap) = (&report.runtime, &report.heap);
    if let Some(kind) = listing(&report.dump) {
        let (objects, bytes) = (several(heap.objects, "object", "objects"), several(heap.size, "byte", "bytes"));
        return vec![format!("{}, {kind}", process(&report.dump)), format!("{objects}, {bytes}")];
    }
    let mut facts = vec![
        format!(
            "{}, {} {}, {} GC",
            process(&report.dump),
            visible(&runtime.name),
            runtime.architecture,
            runtime.gc_mode
        ),
        format!(
            "{}, {}, {}",
            several(heap.objects, "object", "objects"),
            several(heap.size, "byte", "bytes"),
            coverage(heap.complete, heap.explained_bytes, heap.total_bytes)
        ),
    ];
    facts.extend(both_counts(heap));
    if runtime.gc_in_progress {
        facts.push("NOT EXACT: taken while a GC moved objects".to_owned());
    }
    facts.extend(runtime.unproven.as_deref().map(|sentence| visible(sentence).into_owned()));
    facts
}

/// `a.dmp: App.exe (pid 5), taken 2026-10-01 12:00:00 UTC, up 3 min 12 s`.
fn process(dump: &DumpFacts) -> String {
    let mut line = visible(&dump.file_name).into_owned();
    if let Some(path) = &dump.image_path {
        line = format!("{line}: {}", visible(text::base_name(path)));
    }
    if let Some(pid) = dump.pid {
        line = format!("{line} (pid {pid})");
    }
    if let Some(time) = dump.captured_at {
        line = format!("{line}, taken {}", utc(time));
    }
    if let Some(uptime) = dump.uptime {
        line = format!("{line}, up {}", text::duration(uptime));
    }
    line
}

/// What a saved listing is; nothing of its process is known.
pub fn listing(dump: &DumpFacts) -> Option<&'static str> {
    match dump.format.as_str() {
        "listing" => Some("a saved listing of !dumpheap -stat"),
        "csv" => Some("a saved table of dropheap"),
        _ => None,
    }
}

/// How much of the heap the numbers cover.
pub fn coverage(complete: bool, explained: u64, total: u64) -> String {
    let share = percent(explained, total);
    if complete { format!("{share} of the heap explained") } else { format!("PARTIAL: {share} of the heap explained") }
}

/// Where the walk met errors: what a walk counts that gives up a segment at its first one, and what this one counted.
pub fn both_counts(heap: &HeapFacts) -> Option<String> {
    let before = heap.before_first_error.as_ref()?;
    Some(format!(
        "up to the first error of each segment: {}; resynchronised behind errors: {}",
        several(before.count, "object", "objects"),
        several(heap.objects, "object", "objects")
    ))
}

pub(super) fn shown_text(text: &str) -> String {
    visible(text).into_owned()
}

pub(super) fn len<T>(rows: &[T]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}
