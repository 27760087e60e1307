//! Reports of several dumps -> rows by (classic type name, assembly simple name). Pure: no input, no output, any number of dumps.
//!
//! Method tables are addresses of one process and say nothing about another, so they are not the key; they are listed. Two types of one
//! dump with the same key (the same assembly loaded twice) become one row. Objects of two dumps cannot be matched one by one, since
//! a GC moves them: only sums are compared.
//!
//! Codes of the findings, each counted once per dump that it is true of:
//!
//! | code | meaning |
//! | --- | --- |
//! | `partial-dump` | a dump was not wholly explained: its counts may be too low, and so may the deltas be wrong (partial) |
//! | `gc-in-progress` | a dump was taken while a GC moved objects (partial) |
//! | `unproven-runtime` | a dump is of a runtime that was never compared with its own DAC |
//! | `same-dump` | two dumps that follow each other are the same moment of the same process |
//! | `other-process` | a dump is of another process than the first one |
//! | `other-program` | its executable has another path |
//! | `other-runtime` | its runtime has another name or version |
//! | `other-architecture` | its pointers differ, hence the size of every object |
//! | `other-gc` | another GC mode or layout |
//! | `dump-order` | a dump was taken before the one in front of it |
//! | `listing-equal` | all rows of a saved listing are those of a dump |
//! | `listing-differs` | some are not: which |

use crate::account::{self, MemoryGrowth};
use crate::compact::{Cells, Text};
use crate::error::{Error, Findings, Result};
use crate::limits;
use crate::listing::{align, is_listing};
use crate::maps::Sorted;
use crate::report::{
    AssemblyRow, Cell, DIFF_SCHEMA, DiffDump, DiffReport, DiffRow, DiffTotals, DumpFacts, FREE, GroupBy, GroupRow,
    Groups, HeapReport, Owner, REPORT_SCHEMA, Supertype, TypeRow, percent, utc,
};
use crate::stats::add_new;
use std::borrow::Borrow;

/// Compares reports in the order given; delta is last minus first.
///
/// # Errors
/// [`Error::Usage`] for no report at all, for more than [`limits::MAX_DUMPS`], or for one of another schema.
pub fn diff<R: Borrow<HeapReport>>(reports: &[R]) -> Result<DiffReport> {
    let reports: Vec<&HeapReport> = reports.iter().map(Borrow::borrow).collect();
    compare(&reports)
}

fn compare(reports: &[&HeapReport]) -> Result<DiffReport> {
    if reports.is_empty() || reports.len() > limits::MAX_DUMPS {
        return Err(Error::Usage(format!(
            "a comparison takes 1 to {} dumps, not {}",
            limits::MAX_DUMPS,
            reports.len()
        ))
        .into());
    }
    if let Some(other) = reports.iter().find(|r| r.schema != REPORT_SCHEMA) {
        return Err(Error::Usage(format!(
            "cannot compare a report of schema `{}` (this is `{REPORT_SCHEMA}`)",
            other.schema
        ))
        .into());
    }

    let aligned = align::aligned(reports);
    let aligned: Option<Vec<&HeapReport>> = aligned.as_ref().map(|all| all.iter().collect());
    let reports = aligned.as_deref().unwrap_or(reports);
    let (mut rows, supertypes) = rows(reports);
    let mut free = DiffTotals::zero(reports.len());
    for (dump, report) in reports.iter().enumerate() {
        free.add(dump, report.heap.free);
    }
    free.subtract();
    for row in &mut rows {
        row.totals.subtract();
    }
    let total = DiffTotals::sum(reports.len(), rows.iter().map(|row| &row.totals).chain([&free]));
    arrange(&mut rows);

    Ok(DiffReport {
        schema: DIFF_SCHEMA.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        dumps: reports.iter().map(|r| diff_dump(r)).collect(),
        rows,
        supertypes,
        assemblies: assemblies(reports),
        groups: None,
        suspects: None,
        free,
        free_generations: reports.iter().map(|r| free_generations(r)).collect(),
        total,
        memory: growth(reports),
        findings: findings(reports).into_vec(),
    })
}

/// The order of [`DiffReport::rows`].
pub fn arrange(rows: &mut [DiffRow]) {
    crate::order::by(rows, |a, b| {
        let delta = |r: &DiffRow| r.totals.delta_size.unsigned_abs();
        delta(b).cmp(&delta(a)).then_with(|| key(a).cmp(&key(b)))
    });
}

fn key(row: &DiffRow) -> (&str, &str) {
    (&row.type_name, &row.module)
}

/// One row per key, in the order of the keys.
fn rows(reports: &[&HeapReport]) -> (Vec<DiffRow>, Vec<Supertype>) {
    let mut rows: Sorted<(&str, &str), DiffRow> = Sorted::default();
    let mut supertypes = Supertypes::default();
    for (dump, report) in reports.iter().enumerate() {
        let numbers: Vec<u32> = report.supertypes.iter().map(|s| supertypes.number(s)).collect();
        let renumbered = |list: &[u32]| -> Vec<u32> {
            list.iter().filter_map(|&i| numbers.get(usize::try_from(i).ok()?).copied()).collect()
        };
        for ty in &report.types {
            let row = rows.entry((&ty.type_name, &ty.module), || DiffRow {
                type_name: ty.type_name.clone(),
                type_name_csharp: ty.type_name_csharp.clone(),
                module: ty.module.clone(),
                namespace: ty.namespace.clone(),
                owner: ty.owner,
                base_types: Vec::new(),
                interfaces: Vec::new(),
                totals: DiffTotals::zero(reports.len()),
                generations: vec![Cells::default(); reports.len()],
                array: ty.array,
                method_tables: vec![Vec::new(); reports.len()],
            });
            if row.array != ty.array {
                row.array = None;
            }
            if let Some(generations) = row.generations.get_mut(dump) {
                generations.add(&ty.generations);
            }
            row.owner = row.owner.max(ty.owner);
            add_new(&mut row.base_types, &renumbered(&ty.base_types));
            add_new(&mut row.interfaces, &renumbered(&ty.interfaces));
            row.totals.add(dump, Cell { count: ty.count, size: ty.total_size, aligned_size: ty.aligned_size });
            if let Some(tables) = row.method_tables.get_mut(dump) {
                tables.extend_from_slice(&ty.method_tables);
            }
        }
    }
    (rows.into_values(), supertypes.list)
}

/// Free blocks by generation: their method table is the one row of that name without a module.
fn free_generations(report: &HeapReport) -> Vec<Cell> {
    let mut all = Cells::default();
    for row in report.method_tables.iter().filter(|m| m.type_name == FREE && m.module.is_empty()) {
        all.add(&row.generations);
    }
    all.iter().collect()
}

/// The supertypes of all reports, each once.
#[derive(Default)]
struct Supertypes<'a> {
    list: Vec<Supertype>,
    index: Sorted<(&'a str, &'a str), ()>,
}

impl<'a> Supertypes<'a> {
    fn number(&mut self, one: &'a Supertype) -> u32 {
        let number = self.index.number((&one.type_name, &one.module), || ());
        match self.list.get_mut(number) {
            Some(known) => known.owner = known.owner.max(one.owner),
            None => self.list.push(one.clone()),
        }
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// The assemblies of all reports, each name once, with the highest owner and its reason.
fn assemblies(reports: &[&HeapReport]) -> Vec<AssemblyRow> {
    let mut all: Sorted<&str, &AssemblyRow> = Sorted::default();
    for assembly in reports.iter().flat_map(|r| &r.assemblies) {
        let known = all.entry(&assembly.name, || assembly);
        if assembly.owner > known.owner {
            *known = assembly;
        }
    }
    all.into_values().into_iter().cloned().collect()
}

/// Groups the types of a comparison.
///
/// A type is in the group of each of its interfaces, or of each of its base types; a base type that is on the heap itself is in its own group.
/// Groups by base type or interface overlap, hence are no parts of the total. Every type is in exactly one group by namespace, assembly, or kind.
pub fn group(report: &DiffReport, by: GroupBy) -> Groups {
    group_with_members(report, by).0
}

/// As [`group`]; and for each group, in the same order, the rows in it: indexes into [`DiffReport::rows`].
pub fn group_with_members(report: &DiffReport, by: GroupBy) -> (Groups, Vec<Vec<u32>>) {
    let dumps = report.dumps.len();
    let mut groups: Sorted<(Text, Text), (GroupRow, Vec<u32>)> = Sorted::default();
    let none = Text::default();
    let mut add = |name: &Text, csharp: &Text, module: &Text, owner: Option<Owner>, (number, row): (u32, &DiffRow)| {
        let (group, members) = groups.entry((name.clone(), module.clone()), || {
            let group = GroupRow {
                name: name.clone(),
                name_csharp: csharp.clone(),
                module: module.clone(),
                owner,
                types: 0,
                totals: DiffTotals::zero(dumps),
            };
            (group, Vec::new())
        });
        group.types = group.types.saturating_add(1);
        group.totals.add_line(&row.totals);
        members.push(number);
    };
    let supertype = |&number: &u32| report.supertypes.get(usize::try_from(number).ok()?);
    let bases: Sorted<(&str, &str), &Supertype> = report
        .rows
        .iter()
        .flat_map(|row| &row.base_types)
        .filter_map(supertype)
        .map(|s| ((s.type_name.as_str(), s.module.as_str()), s))
        .collect();
    let mut outside_types = 0_u64;
    let mut outside = DiffTotals::zero(dumps);
    for (number, row) in (0_u32..).zip(&report.rows) {
        let one = (number, row);
        match by {
            GroupBy::Base | GroupBy::Interface => {
                let (list, itself) = match by {
                    GroupBy::Base => (&row.base_types, bases.get(&key(row)).copied()),
                    _ => (&row.interfaces, None),
                };
                let mut any = false;
                for s in list.iter().filter_map(supertype).chain(itself) {
                    add(&s.type_name, &s.type_name_csharp, &s.module, Some(s.owner), one);
                    any = true;
                }
                if !any {
                    outside_types = outside_types.saturating_add(1);
                    outside.add_line(&row.totals);
                }
            }
            GroupBy::Namespace => add(&row.namespace, &row.namespace, &none, None, one),
            GroupBy::Assembly => {
                let owner = report.assemblies.iter().find(|a| a.name == row.module).map(|a| a.owner);
                add(&row.module, &row.module, &row.module, owner, one);
            }
            GroupBy::Kind => {
                let kind = row.owner.text().into();
                add(&kind, &kind, &none, Some(row.owner), one);
            }
        }
    }
    let mut groups: Vec<(GroupRow, Vec<u32>)> = groups.into_values();
    for (row, _) in &mut groups {
        row.totals.subtract();
    }
    outside.subtract();
    // Stable: equal deltas stay in the order of name and assembly.
    crate::order::by_key(&mut groups, |(row, _)| std::cmp::Reverse(row.totals.delta_size.unsigned_abs()));
    let (rows, members) = groups.into_iter().unzip();
    (Groups { by, overlap: by.overlaps(), rows, outside_types, outside }, members)
}

impl DiffTotals {
    /// The sum of lines of a comparison of so many dumps, saturating.
    pub fn sum<'a>(dumps: usize, lines: impl Iterator<Item = &'a DiffTotals>) -> DiffTotals {
        let mut sum = DiffTotals::zero(dumps);
        for line in lines {
            sum.add_line(line);
        }
        sum.subtract();
        sum
    }

    /// Adds another line's columns; the deltas wait for [`subtract`](DiffTotals::subtract).
    fn add_line(&mut self, line: &DiffTotals) {
        for (dump, (&count, &size)) in line.counts.iter().zip(&line.sizes).enumerate() {
            self.add(dump, Cell { count, size, aligned_size: 0 });
        }
    }

    fn zero(dumps: usize) -> DiffTotals {
        DiffTotals { counts: vec![0; dumps], sizes: vec![0; dumps], delta_count: 0, delta_size: 0 }
    }

    /// Adds objects and unaligned bytes to one dump's column.
    fn add(&mut self, dump: usize, cell: Cell) {
        if let Some(count) = self.counts.get_mut(dump) {
            *count = count.saturating_add(cell.count);
        }
        if let Some(size) = self.sizes.get_mut(dump) {
            *size = size.saturating_add(cell.size);
        }
    }

    /// Sets the deltas: last minus first.
    fn subtract(&mut self) {
        self.delta_count = delta(&self.counts);
        self.delta_size = delta(&self.sizes);
    }
}

fn delta(by_dump: &[u64]) -> i64 {
    let (first, last) = match by_dump {
        [first, .., last] => (*first, *last),
        _ => return 0,
    };
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    signed(last.saturating_sub(first)).saturating_sub(signed(first.saturating_sub(last)))
}

fn diff_dump(report: &HeapReport) -> DiffDump {
    DiffDump {
        dump: report.dump.clone(),
        runtime: report.runtime.name.clone(),
        architecture: report.runtime.architecture.clone(),
        complete: report.heap.complete,
        explained_bytes: report.heap.explained_bytes,
        total_bytes: report.heap.total_bytes,
        generations: report.heap.generations.clone(),
        memory: report.memory.clone(),
    }
}

fn growth(reports: &[&HeapReport]) -> Option<MemoryGrowth> {
    let [first, .., last] = reports else { return None };
    Some(account::growth(first.memory.as_ref()?, last.memory.as_ref()?))
}

/// What the reader should know before believing a delta.
fn findings(reports: &[&HeapReport]) -> Findings {
    let mut found = Findings::default();
    let kind = |r: &HeapReport| if is_listing(r) { "listing" } else { "dump" };
    let labels: Vec<String> = reports
        .iter()
        .zip(1_usize..)
        .map(|(r, number)| format!("{} {number} ({})", kind(r), r.dump.file_name))
        .collect();
    align::compare(reports, &labels, &mut found);

    for (label, report) in labels.iter().zip(reports) {
        if report.runtime.gc_in_progress {
            found.add("gc-in-progress", true, || {
                format!("{label} was taken while a GC moved objects: its counts and all deltas are not exact")
            });
        } else if !report.exact() {
            found.add("partial-dump", true, || {
                if is_listing(report) {
                    return format!("{label} is not whole: its counts may be too low and the deltas wrong");
                }
                let share = percent(report.heap.explained_bytes, report.heap.total_bytes);
                format!(
                    "{label} is partial ({share} of its heap explained): its counts may be too low and the deltas wrong"
                )
            });
        }
        if let Some(sentence) = &report.runtime.unproven {
            found.add("unproven-runtime", false, || format!("{label}: {sentence}"));
        }
    }

    for (pair, names) in reports.windows(2).zip(labels.windows(2)) {
        let ([before, after], [before_name, after_name]) = (pair, names) else { continue };
        if same_moment(before, after) {
            found.add("same-dump", false, || {
                format!("{before_name} and {after_name} are the same moment of the same process: is one file a copy of the other?")
            });
        }
        if let (Some(a), Some(b)) = (before.dump.captured_at, after.dump.captured_at)
            && b < a
        {
            found.add("dump-order", false, || {
                format!(
                    "{after_name} was taken before {before_name} ({} and {}): deltas run backwards in time",
                    utc(b),
                    utc(a)
                )
            });
        }
    }

    let (Some((first, rest)), Some((first_name, names))) = (reports.split_first(), labels.split_first()) else {
        return found;
    };
    for (label, report) in names.iter().zip(rest) {
        if other_process(first, report) {
            found.add("other-process", false, || {
                format!(
                    "{label} is of another process ({}) than {first_name} ({}): rows are matched by type name",
                    process(&report.dump),
                    process(&first.dump)
                )
            });
        }
        if let (Some(a), Some(b)) = (&first.dump.image_path, &report.dump.image_path)
            && !a.eq_ignore_ascii_case(b)
        {
            found.add("other-program", false, || format!("{label} is of {b}, but {first_name} is of {a}"));
        }
        let version = |r: &HeapReport| match &r.runtime.file_version {
            Some(version) => format!("{} ({version})", r.runtime.name),
            None => r.runtime.name.clone(),
        };
        // A listing tells its pointers at most.
        let known = |a: &str, b: &str| !a.is_empty() && !b.is_empty();
        if version(first) != version(report) && known(&first.runtime.name, &report.runtime.name) {
            found.add("other-runtime", false, || {
                format!(
                    "{label} is of {}, but {first_name} is of {}: the runtime's own types differ",
                    version(report),
                    version(first)
                )
            });
        }
        if first.runtime.architecture != report.runtime.architecture
            && known(&first.runtime.architecture, &report.runtime.architecture)
        {
            found.add("other-architecture", false, || {
                format!(
                    "{label} is {}, but {first_name} is {}: objects have other sizes, compare the counts",
                    report.runtime.architecture, first.runtime.architecture
                )
            });
        }
        let gc = |r: &HeapReport| format!("{} GC with {}", r.runtime.gc_mode, r.runtime.gc_layout);
        if gc(first) != gc(report) && !is_listing(first) && !is_listing(report) {
            found.add("other-gc", false, || {
                format!("{label} has a {}, but {first_name} a {}: compare Free with care", gc(report), gc(first))
            });
        }
    }
    found
}

/// Start times that come from two streams of a dump differ by up to two seconds (the process's own and its first thread's).
const SAME_START: u64 = 2;

/// Another machine (App Service names it by its instance), another pid, another start; where a start is unknown, other addresses of the
/// method table of `System.String`, which are the same all through a process and, with address space randomisation, almost surely others in
/// another one.
fn other_process(a: &HeapReport, b: &HeapReport) -> bool {
    if let (Some(a), Some(b)) = (&a.dump.instance_id, &b.dump.instance_id)
        && a != b
    {
        return true;
    }
    // Of a clone that only its writer's note tells of, the pid may be the clone's own.
    let pid = |r: &HeapReport| r.dump.pid.filter(|_| r.dump.clone.as_ref().is_none_or(|clone| clone.pid.is_some()));
    if let (Some(a), Some(b)) = (pid(a), pid(b))
        && a != b
    {
        return true;
    }
    match (a.dump.started_at, b.dump.started_at) {
        (Some(a), Some(b)) => a.abs_diff(b) > SAME_START,
        _ => match (string_row(a), string_row(b)) {
            // A table by type has none.
            (Some(a), Some(b)) if a.method_tables.is_empty() || b.method_tables.is_empty() => false,
            (Some(a), Some(b)) => a.method_tables != b.method_tables,
            _ => false,
        },
    }
}

fn string_row(report: &HeapReport) -> Option<&TypeRow> {
    report.types.iter().find(|t| {
        t.type_name == "System.String" && matches!(t.module.as_str(), "System.Private.CoreLib" | "mscorlib" | "")
    })
}

fn same_moment(a: &HeapReport, b: &HeapReport) -> bool {
    let facts = |r: &HeapReport| (r.dump.captured_at, r.dump.pid, r.dump.file_size, r.heap.objects, r.heap.size);
    a.dump.captured_at.is_some() && facts(a) == facts(b)
}

/// Characters of an instance id that tell the machines of a plan apart; it has 64.
const SHOWN_INSTANCE: usize = 12;

fn process(dump: &DumpFacts) -> String {
    let mut pid = dump.pid.map_or_else(|| "pid unknown".to_owned(), |pid| format!("pid {pid}"));
    if let Some(instance) = &dump.instance_id {
        pid = format!("{pid} on instance {}", instance.chars().take(SHOWN_INSTANCE).collect::<String>());
    }
    match dump.started_at {
        Some(start) => format!("{pid}, started {}", utc(start)),
        None => format!("{pid}, start unknown"),
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "small numbers of the tests")]
mod tests {
    use super::*;
    use crate::compact::Samples;
    use crate::export::testing::at;
    use crate::report::{ArrayShape, CloneFacts};
    use proptest::prelude::*;

    fn ty(name: &str, module: &str, count: u64, size: u64, tables: &[&str]) -> TypeRow {
        TypeRow {
            type_name: name.into(),
            type_name_csharp: name.replace('+', ".").into(),
            module: module.into(),
            namespace: Text::default(),
            owner: Owner::Library,
            base_types: Vec::new(),
            interfaces: Vec::new(),
            count,
            total_size: size,
            aligned_size: size,
            generations: Cells::default(),
            method_tables: tables.iter().map(|&t| at(t)).collect(),
            array: None,
        }
    }

    /// A complete dump of one process; tests change what they are about.
    fn report(file: &str, types: Vec<TypeRow>) -> HeapReport {
        let mut r = HeapReport { types, ..HeapReport::new() };
        r.dump.file_name = file.into();
        r.dump.pid = Some(52);
        r.dump.started_at = Some(1_700_000_000);
        r.dump.captured_at = Some(1_700_000_100);
        r.dump.image_path = Some(r"C:\app\LeakSim.exe".into());
        r.runtime.name = ".NET 10.0.14".into();
        r.runtime.architecture = "x64".into();
        r.runtime.gc_mode = "workstation".into();
        r.runtime.gc_layout = "regions".into();
        r.heap.complete = true;
        r.heap.explained_bytes = 1000;
        r.heap.total_bytes = 1000;
        r
    }

    fn pair() -> (HeapReport, HeapReport) {
        let mut b = report("b.dmp", Vec::new());
        b.dump.captured_at = Some(1_700_009_000);
        (report("a.dmp", Vec::new()), b)
    }

    fn codes(reports: &[HeapReport]) -> Vec<(String, u64)> {
        diff(reports).unwrap().findings.into_iter().map(|f| (f.code, f.count)).collect()
    }

    fn names(d: &DiffReport) -> Vec<&str> {
        d.rows.iter().map(|r| &*r.type_name).collect()
    }

    #[test]
    fn types_are_matched_by_name_and_assembly_across_processes() {
        let a =
            report("a.dmp", vec![ty("App.Item", "App", 10, 240, &["1000"]), ty("App.Gone", "App", 1, 24, &["1100"])]);
        let b =
            report("b.dmp", vec![ty("App.Item", "App", 30, 720, &["7000"]), ty("App.New", "App", 2, 48, &["7100"])]);
        let d = diff(&[a, b]).unwrap();
        assert_eq!(names(&d), ["App.Item", "App.New", "App.Gone"]);
        let item = &d.rows[0];
        assert_eq!((&item.totals.counts[..], &item.totals.sizes[..]), (&[10, 30][..], &[240, 720][..]));
        assert_eq!((item.totals.delta_count, item.totals.delta_size), (20, 480));
        assert_eq!(item.method_tables, [[at("1000")], [at("7000")]]);
        let gone = &d.rows[2];
        assert_eq!((gone.totals.delta_count, gone.totals.delta_size), (-1, -24));
        assert_eq!(gone.method_tables, [vec![at("1100")], vec![]]);
        assert!(d.exact());
    }

    #[test]
    fn the_same_name_in_another_assembly_is_another_type() {
        let a = report("a.dmp", vec![ty("Log", "One", 1, 24, &[]), ty("Log", "Two", 5, 120, &[])]);
        let b = report("b.dmp", vec![ty("Log", "Two", 6, 144, &[]), ty("Log", "One", 1, 24, &[])]);
        let d = diff(&[a, b]).unwrap();
        let rows: Vec<_> = d.rows.iter().map(|r| (r.module.as_str(), r.totals.delta_count)).collect();
        assert_eq!(rows, [("Two", 1), ("One", 0)]);
    }

    #[test]
    fn equal_keys_of_one_dump_are_merged_and_their_method_tables_listed() {
        let a = report(
            "a.dmp",
            vec![ty("Plugin.T", "Plugin", 3, 72, &["10"]), ty("Plugin.T", "Plugin", 4, 96, &["20", "30"])],
        );
        let b = report("b.dmp", vec![ty("Plugin.T", "Plugin", 9, 216, &["40"])]);
        let d = diff(&[a, b]).unwrap();
        assert_eq!(d.rows.len(), 1);
        assert_eq!(d.rows[0].totals.counts, [7, 9]);
        assert_eq!(d.rows[0].totals.sizes, [168, 216]);
        assert_eq!(d.rows[0].method_tables, [["10", "20", "30"].map(at).to_vec(), vec![at("40")]]);
    }

    #[test]
    fn free_is_apart_and_in_the_total() {
        let (mut a, mut b) = pair();
        a.types.push(ty("App.Item", "App", 10, 240, &[]));
        a.heap.free = Cell { count: 5, size: 500, aligned_size: 520 };
        b.heap.free = Cell { count: 2, size: 100, aligned_size: 104 };
        let d = diff(&[a, b]).unwrap();
        assert_eq!(names(&d), ["App.Item"]);
        assert_eq!(d.free, DiffTotals { counts: vec![5, 2], sizes: vec![500, 100], delta_count: -3, delta_size: -400 });
        assert_eq!(
            d.total,
            DiffTotals { counts: vec![15, 2], sizes: vec![740, 100], delta_count: -13, delta_size: -640 }
        );
    }

    #[test]
    fn generations_are_summed_by_dump_and_free_is_found_by_its_empty_module() {
        let cells =
            |gen2: u64| vec![Cell::default(), Cell::default(), Cell { count: gen2, size: gen2 * 24, aligned_size: 0 }];
        let (mut a, b) = pair();
        for (module, n) in [("m", 5), ("m", 7)] {
            a.types.push(TypeRow { generations: cells(n).into_iter().collect(), ..ty("T", module, n, n * 24, &[]) });
        }
        for (name, module) in [(FREE, ""), (FREE, "App")] {
            a.method_tables.push(crate::report::MethodTableRow {
                method_table: at("1"),
                type_name: name.into(),
                type_name_csharp: name.into(),
                module: module.into(),
                owner: Owner::Runtime,
                count: 3,
                total_size: 72,
                aligned_size: 72,
                generations: cells(3).into_iter().collect(),
                samples: Samples::default(),
            });
        }
        let d = diff(&[a, b]).unwrap();
        assert_eq!(d.rows[0].generations, [cells(12).into_iter().collect(), Cells::default()]);
        assert_eq!(d.free_generations, [cells(3), Vec::new()]);
    }

    #[test]
    fn the_shape_of_an_array_is_told_where_all_dumps_agree() {
        let of = |component_size| {
            let array = Some(ArrayShape { base_size: 24, component_size });
            report("x.dmp", vec![TypeRow { array, ..ty("T[]", "m", 1, 24, &[]) }])
        };
        assert_eq!(diff(&[of(8), of(8)]).unwrap().rows[0].array, Some(ArrayShape { base_size: 24, component_size: 8 }));
        assert_eq!(diff(&[of(8), of(4), of(8)]).unwrap().rows[0].array, None);
    }

    #[test]
    fn rows_descend_by_absolute_delta_then_ascend_by_name() {
        let a = report("a.dmp", vec![ty("B", "m", 1, 100, &[]), ty("A", "m", 1, 50, &[]), ty("D", "m", 9, 900, &[])]);
        let b = report("b.dmp", vec![ty("C", "m", 1, 50, &[]), ty("D", "m", 9, 900, &[])]);
        assert_eq!(names(&diff(&[a, b]).unwrap()), ["B", "A", "C", "D"]);
    }

    #[test]
    fn any_number_of_dumps_delta_is_last_minus_first() {
        let of = |n: u64| report("x.dmp", vec![ty("T", "m", n, n * 24, &[])]);
        let d = diff(&[of(5), of(100), of(7)]).unwrap();
        assert_eq!(d.rows[0].totals.counts, [5, 100, 7]);
        assert_eq!((d.rows[0].totals.delta_count, d.rows[0].totals.delta_size), (2, 48));
        let d = diff(&[of(5)]).unwrap();
        assert_eq!((d.rows[0].totals.counts.as_slice(), d.rows[0].totals.delta_count), (&[5][..], 0));
        assert_eq!(diff::<HeapReport>(&[]).unwrap_err().code(), "usage");
        assert_eq!(diff(&vec![of(1); limits::MAX_DUMPS + 1]).unwrap_err().code(), "usage");
        assert!(diff(&vec![of(1); limits::MAX_DUMPS]).is_ok());
    }

    #[test]
    fn a_report_of_another_schema_is_refused() {
        let mut b = report("b.dmp", Vec::new());
        b.schema = "dropheap.report/2".into();
        assert_eq!(diff(&[report("a.dmp", Vec::new()), b]).unwrap_err().code(), "usage");
    }

    #[test]
    fn absurd_numbers_saturate() {
        let a = report(
            "a.dmp",
            vec![ty("T", "m", u64::MAX, u64::MAX, &[]), ty("T", "m", 1, 1, &[]), ty("U", "m", 0, 0, &[])],
        );
        let b = report("b.dmp", vec![ty("T", "m", 0, 0, &[]), ty("U", "m", u64::MAX, u64::MAX, &[])]);
        let d = diff(&[a, b]).unwrap();
        assert_eq!(d.rows[0].totals.counts, [u64::MAX, 0]);
        assert_eq!((d.rows[0].totals.delta_size, d.rows[1].totals.delta_size), (-i64::MAX, i64::MAX));
        assert_eq!(d.total.delta_size, 0);
    }

    #[test]
    fn two_dumps_of_one_process_need_no_warning() {
        let (a, mut b) = pair();
        b.dump.started_at = Some(1_700_000_002);
        b.dump.image_path = Some(r"c:\APP\LeakSim.exe".into());
        assert_eq!(codes(&[a, b]), []);
    }

    #[test]
    fn another_process_is_told() {
        let (a, mut b) = pair();
        b.dump.pid = Some(53);
        let found = diff(&[a.clone(), b.clone()]).unwrap().findings;
        assert_eq!(found[0].code, "other-process");
        assert!(!found[0].partial);
        assert_eq!(
            found[0].message,
            "dump 2 (b.dmp) is of another process (pid 53, started 2023-11-14 22:13:20 UTC) than dump 1 (a.dmp) (pid 52, started \
             2023-11-14 22:13:20 UTC): rows are matched by type name"
        );
        b.dump.pid = Some(52);
        b.dump.started_at = Some(1_700_000_003);
        assert_eq!(codes(&[a.clone(), b.clone()]), [("other-process".to_owned(), 1)]);
        b.dump.image_path = Some(r"C:\app2\LeakSim.exe".into());
        assert_eq!(codes(&[a.clone(), b.clone(), b]).last(), Some(&("other-program".to_owned(), 2)));
    }

    #[test]
    fn the_same_pid_on_another_machine_is_another_process() {
        let (mut a, mut b) = pair();
        (a.dump.instance_id, b.dump.instance_id) = (Some("0a1b".repeat(16)), Some("0a1b".repeat(16)));
        assert_eq!(codes(&[a.clone(), b.clone()]), []);
        b.dump.instance_id = Some("ffff".repeat(16));
        let found = diff(&[a.clone(), b.clone()]).unwrap().findings;
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("(pid 52 on instance ffffffffffff, started "), "{}", found[0].message);
        a.dump.instance_id = None;
        assert_eq!(codes(&[a, b]), []);
    }

    #[test]
    fn the_pid_of_a_clone_decides_nothing_where_it_may_be_its_own() {
        let (mut a, b) = pair();
        a.dump.pid = Some(9000);
        a.dump.clone = Some(CloneFacts { pid: None });
        assert_eq!(codes(&[a.clone(), b.clone()]), []);
        a.dump.clone = Some(CloneFacts { pid: Some(77) });
        assert_eq!(codes(&[a, b]), [("other-process".to_owned(), 1)]);
    }

    #[test]
    fn without_a_start_the_method_table_of_string_tells_the_process() {
        let (mut a, mut b) = pair();
        (a.dump.started_at, b.dump.started_at) = (None, None);
        a.types.push(ty("System.String", "System.Private.CoreLib", 1, 24, &["1000"]));
        b.types.push(ty("System.String", "System.Private.CoreLib", 1, 24, &["1000"]));
        assert_eq!(codes(&[a.clone(), b.clone()]), []);
        b.types[0].method_tables = vec![at("2000")];
        assert_eq!(codes(&[a, b]), [("other-process".to_owned(), 1)]);
    }

    #[test]
    fn another_runtime_architecture_or_gc_is_told() {
        let (a, mut b) = pair();
        b.runtime.file_version = Some("10.0.1526.1".into());
        assert_eq!(codes(&[a.clone(), b.clone()]), [("other-runtime".to_owned(), 1)]);
        b.runtime = a.runtime.clone();
        b.runtime.architecture = "x86".into();
        b.runtime.gc_mode = "server".into();
        assert_eq!(codes(&[a, b]), [("other-architecture".to_owned(), 1), ("other-gc".to_owned(), 1)]);
    }

    #[test]
    fn partial_dumps_make_a_partial_diff() {
        let (a, mut b) = pair();
        b.heap.complete = false;
        b.heap.explained_bytes = 999;
        let d = diff(&[a.clone(), b.clone()]).unwrap();
        assert!(!d.exact());
        assert_eq!(d.findings.len(), 1);
        assert_eq!(
            d.findings[0].message,
            "dump 2 (b.dmp) is partial (99.90 % of its heap explained): its counts may be too low and the deltas wrong"
        );
        b.runtime.gc_in_progress = true;
        let d = diff(&[a, b]).unwrap();
        assert_eq!((d.findings[0].code.as_str(), d.findings[0].partial, d.exact()), ("gc-in-progress", true, false));
    }

    #[test]
    fn order_copies_and_unproven_runtimes_are_told() {
        let (a, mut b) = pair();
        assert_eq!(codes(&[b.clone(), a.clone()]), [("dump-order".to_owned(), 1)]);
        assert_eq!(codes(&[a.clone(), a.clone()]), [("same-dump".to_owned(), 1)]);
        b.runtime.unproven = Some("No dump of .NET 12 was ever compared.".into());
        assert_eq!(codes(&[a, b]), [("unproven-runtime".to_owned(), 1)]);
    }

    /// `Shape` <- `Circle` (yours, implements `IDraw`), `Box` (implements nothing); numbers of supertypes differ between the dumps.
    fn shapes(order: [&str; 3], counts: [u64; 3]) -> HeapReport {
        let number = |name: &str| order.iter().position(|&n| n == name).map(|i| u32::try_from(i).unwrap()).unwrap();
        let mut r = report("x.dmp", Vec::new());
        r.supertypes = order
            .iter()
            .map(|&name| Supertype {
                type_name: name.into(),
                type_name_csharp: name.into(),
                module: if name == "Object" { "Core" } else { "Lib" }.into(),
                owner: if name == "Object" { Owner::Runtime } else { Owner::Library },
            })
            .collect();
        r.assemblies = [("App", Owner::Yours), ("Core", Owner::Runtime), ("Lib", Owner::Library)]
            .map(|(name, owner)| AssemblyRow { name: name.into(), owner, reason: String::new() })
            .into();
        let rows = [
            ("Shape", "Lib", "Draw", Owner::Library, vec!["Object"], vec!["IDraw"]),
            ("Circle", "App", "Draw", Owner::Yours, vec!["Shape", "Object"], vec!["IDraw"]),
            ("Box", "App", "", Owner::Yours, vec!["Object"], vec![]),
        ];
        for ((name, module, space, owner, bases, interfaces), n) in rows.into_iter().zip(counts) {
            r.types.push(TypeRow {
                namespace: space.into(),
                owner,
                base_types: bases.into_iter().map(number).collect(),
                interfaces: interfaces.into_iter().map(number).collect(),
                ..ty(name, module, n, n * 100, &[])
            });
        }
        r
    }

    fn groups(by: GroupBy) -> (Vec<(String, u64, Vec<u64>)>, u64) {
        let a = shapes(["Object", "Shape", "IDraw"], [1, 10, 5]);
        let b = shapes(["IDraw", "Object", "Shape"], [2, 30, 5]);
        let groups = group(&diff(&[a, b]).unwrap(), by);
        (
            groups.rows.into_iter().map(|g| (g.name.to_string(), g.types, g.totals.counts)).collect(),
            groups.outside_types,
        )
    }

    #[test]
    fn types_are_grouped() {
        let row = |name: &str, types, counts: [u64; 2]| (name.to_owned(), types, counts.to_vec());
        assert_eq!(groups(GroupBy::Interface), (vec![row("IDraw", 2, [11, 32])], 1));
        // Shape is in its own group; Object is no type of this heap.
        assert_eq!(groups(GroupBy::Base), (vec![row("Object", 3, [16, 37]), row("Shape", 2, [11, 32])], 0));
        assert_eq!(groups(GroupBy::Namespace), (vec![row("Draw", 2, [11, 32]), row("", 1, [5, 5])], 0));
        assert_eq!(groups(GroupBy::Assembly), (vec![row("App", 2, [15, 35]), row("Lib", 1, [1, 2])], 0));
        assert_eq!(groups(GroupBy::Kind), (vec![row("yours", 2, [15, 35]), row("library", 1, [1, 2])], 0));
        let d = diff(&[shapes(["Object", "Shape", "IDraw"], [1, 2, 3])]).unwrap();
        assert_eq!(group(&d, GroupBy::Assembly).rows[0].owner, Some(Owner::Yours));
        assert!(group(&d, GroupBy::Base).overlap && !group(&d, GroupBy::Kind).overlap);
    }

    /// A number that points nowhere is a stranger's.
    #[test]
    fn absurd_supertypes_are_left_out() {
        let mut a = shapes(["Object", "Shape", "IDraw"], [1, 2, 3]);
        a.types[0].interfaces = vec![99, u32::MAX];
        let d = diff(&[a]).unwrap();
        assert_eq!(group(&d, GroupBy::Interface).rows[0].types, 1);
    }

    proptest! {
        /// Whatever the reports hold: columns add up to the totals, every delta is last minus first, and no key comes twice.
        #[test]
        fn sums_hold(dumps in prop::collection::vec(prop::collection::vec((0_u8..6, 0_u8..2, 0_u64..1000, 0_u64..100_000), 0..12), 1..5)) {
            let reports: Vec<_> = dumps
                .iter()
                .map(|types| {
                    let types = types.iter().map(|&(t, m, c, s)| ty(&format!("T{t}"), &format!("M{m}"), c, s, &[])).collect();
                    report("x.dmp", types)
                })
                .collect();
            let d = diff(&reports).unwrap();
            for (i, r) in reports.iter().enumerate() {
                prop_assert_eq!(d.rows.iter().map(|r| r.totals.counts[i]).sum::<u64>(), r.types.iter().map(|t| t.count).sum::<u64>());
                for by in [GroupBy::Namespace, GroupBy::Assembly, GroupBy::Kind] {
                    let groups = group(&d, by);
                    prop_assert_eq!(groups.rows.iter().map(|g| g.totals.sizes[i]).sum::<u64>(), d.total.sizes[i]);
                }
                prop_assert_eq!(d.total.sizes[i], r.types.iter().map(|t| t.total_size).sum::<u64>());
            }
            for row in &d.rows {
                let sizes = &row.totals.sizes;
                prop_assert_eq!(row.totals.delta_size, i64::try_from(sizes[sizes.len() - 1]).unwrap() - i64::try_from(sizes[0]).unwrap());
            }
            let mut keys: Vec<_> = d.rows.iter().map(key).collect();
            crate::order::ascending(&mut keys);
            keys.dedup();
            prop_assert_eq!(keys.len(), d.rows.len());
        }
    }
}
