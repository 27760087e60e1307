//! Rows of a listing matched with those of dumps, and what a listing proves.
//!
//! The key of a comparison is classic name + assembly. A listing has no assemblies, and its names may be in C# spelling. Its rows take the key of
//! the one type of the other sides with the same classic name, else of the one with the same C# name. Where several types have
//! that name (an assembly loaded twice, two assemblies with one name), a row goes to the one that has its method table; if that does not decide
//! it, the types of that name become one row, without an assembly, on every side: sums by name are certain, pairs would be guessed.
//!
//! Types made at run time have no name for the DAC (`<Unloaded Type>`): their rows are matched by method table, within one process.

use super::is_listing;
use crate::compact::Text;
use crate::error::Findings;
use crate::maps::{AddrSet, ByAddr, Sorted};
use crate::memory::Addr;
use crate::report::{Cell, FREE, HeapReport, MethodTableRow, TypeRow};

/// What the DAC calls a type that it cannot name.
const UNLOADED: &str = "<Unloaded Type>";

/// Rows that differ are spelled out up to this number.
const SPELLED_OUT: usize = 5;

type Key = (Text, Text);

/// The reports with rows that can be compared by (classic name, assembly); `None` if they can be as they are, since none is a listing's.
pub fn aligned(reports: &[&HeapReport]) -> Option<Vec<HeapReport>> {
    if !reports.iter().any(|r| is_listing(r)) {
        return None;
    }
    let mut keys = Keys::default();
    for report in reports.iter().filter(|r| !is_listing(r)) {
        for ty in &report.types {
            keys.insert(ty);
        }
    }
    // Listings of the classic spelling first: their names are the ones to show.
    let mut listings: Vec<&HeapReport> = reports.iter().copied().filter(|r| is_listing(r)).collect();
    crate::order::by_key(&mut listings, |r| !r.types.iter().any(|t| t.type_name.contains(['`'])));
    for listing in listings {
        let process = of_process(reports, listing);
        for ty in &listing.types {
            if unloaded(&ty.type_name) && ty.method_tables.iter().any(|t| named_elsewhere(&process, *t).is_some()) {
                continue;
            }
            match keys.find(ty, None) {
                Found::None => keys.insert(ty),
                Found::One(_) => {}
                Found::Several(_, all) => {
                    let decided = !ty.method_tables.is_empty()
                        && ty.method_tables.iter().all(|t| matches!(keys.find(ty, Some(*t)), Found::One(_)));
                    if !decided {
                        keys.merge(&all);
                    }
                }
            }
        }
    }
    Some(
        reports
            .iter()
            .map(|report| {
                let types = if is_listing(report) {
                    let process = of_process(reports, report);
                    keys.listed(report, &process)
                } else {
                    report.types.iter().map(|ty| keys.renamed(ty.clone())).collect()
                };
                HeapReport { types, ..(*report).clone() }
            })
            .collect(),
    )
}

/// The types of all sides.
#[derive(Default)]
struct Keys {
    known: Sorted<Key, Known>,
    /// Numbers of `known`.
    classic: Sorted<Text, Sorted<usize, ()>>,
    csharp: Sorted<Text, Sorted<usize, ()>>,
}

struct Known {
    row: TypeRow,
    /// Of all sides.
    tables: AddrSet,
    /// True if its rows become one with those of the other types of that name.
    merged: bool,
}

enum Found {
    None,
    One(Key),
    /// The first of them, and the numbers of all.
    Several(Key, Vec<usize>),
}

impl Keys {
    fn insert(&mut self, ty: &TypeRow) {
        let key = (ty.type_name.clone(), ty.module.clone());
        let number = self.known.number(key, || Known { row: ty.clone(), tables: AddrSet::default(), merged: false });
        self.classic.entry(ty.type_name.clone(), Sorted::default).insert(number, ());
        self.csharp.entry(bare(&ty.type_name_csharp), Sorted::default).insert(number, ());
        if let Some(known) = self.known.by_number_mut(number) {
            for &table in &ty.method_tables {
                known.tables.insert(table);
            }
        }
    }

    /// The types that a listing's row may be; with a method table, the one of them that has it.
    fn find(&self, ty: &TypeRow, table: Option<Addr>) -> Found {
        let mut all = self.of_name(self.classic.get(&ty.type_name), &ty.module);
        if all.is_empty() {
            all = self.of_name(self.csharp.get(&bare(&ty.type_name_csharp)), &ty.module);
        }
        if all.len() > 1
            && let Some(table) = table
        {
            all.retain(|(_, known)| known.1.tables.contains(table));
        }
        match all.iter().map(|(_, known)| &known.0).min() {
            None => Found::None,
            Some(key) if all.len() == 1 => Found::One(key.clone()),
            Some(key) => Found::Several(key.clone(), all.iter().map(|a| a.0).collect()),
        }
    }

    /// The types of a name that may be in this assembly, with their numbers.
    fn of_name(&self, numbers: Option<&Sorted<usize, ()>>, module: &Text) -> Vec<(usize, &(Key, Known))> {
        let mut all = Vec::new();
        for &(number, ()) in numbers.map(Sorted::entries).unwrap_or_default() {
            if let Some(known) = self.known.entries().get(number)
                && (module.is_empty() || known.0.1.is_empty() || known.0.1 == *module)
            {
                all.push((number, known));
            }
        }
        all
    }

    fn merge(&mut self, all: &[usize]) {
        for &number in all {
            if let Some(known) = self.known.by_number_mut(number) {
                known.merged = true;
            }
        }
    }

    /// A row under its final key.
    fn renamed(&self, mut ty: TypeRow) -> TypeRow {
        if self.known.get(&(ty.type_name.clone(), ty.module.clone())).is_some_and(|known| known.merged) {
            ty.module = Text::default();
        }
        ty
    }

    /// The rows of a listing under the keys of the others.
    fn listed(&self, report: &HeapReport, process: &[&HeapReport]) -> Vec<TypeRow> {
        let mut types: Sorted<Key, TypeRow> = Sorted::default();
        let mut add = |mut part: TypeRow, key: Key| {
            if let Some(Known { row: known, .. }) = self.known.get(&key) {
                part.type_name_csharp.clone_from(&known.type_name_csharp);
                part.namespace.clone_from(&known.namespace);
                (part.owner, part.array) = (known.owner, known.array);
            }
            (part.type_name, part.module) = key;
            let part = self.renamed(part);
            match types.get_mut(&(part.type_name.clone(), part.module.clone())) {
                Some(known) => {
                    known.count = known.count.saturating_add(part.count);
                    known.total_size = known.total_size.saturating_add(part.total_size);
                    known.method_tables.extend(part.method_tables);
                }
                None => types.insert((part.type_name.clone(), part.module.clone()), part),
            }
        };
        // By method table, where there are any: each may be another type's.
        let rows: ByAddr<&MethodTableRow> = report.method_tables.iter().map(|row| (row.method_table, row)).collect();
        for ty in &report.types {
            if ty.method_tables.is_empty() {
                let key = match self.find(ty, None) {
                    Found::One(key) | Found::Several(key, _) => key,
                    Found::None => (ty.type_name.clone(), ty.module.clone()),
                };
                add(ty.clone(), key);
                continue;
            }
            for &table in &ty.method_tables {
                let Some(row) = rows.get(table) else { continue };
                let named = unloaded(&ty.type_name).then(|| named_elsewhere(process, table)).flatten();
                let key = match (named, self.find(ty, Some(table))) {
                    (Some(named), _) => (named.type_name.clone(), named.module.clone()),
                    (None, Found::One(key) | Found::Several(key, _)) => key,
                    // Of several of that name none has the method table: they are merged, any of them stands for all.
                    (None, Found::None) => match self.find(ty, None) {
                        Found::One(key) | Found::Several(key, _) => key,
                        Found::None => (ty.type_name.clone(), ty.module.clone()),
                    },
                };
                add(
                    TypeRow { count: row.count, total_size: row.total_size, method_tables: vec![table], ..ty.clone() },
                    key,
                );
            }
        }
        types.into_values()
    }
}

/// Names of the C# spelling without the escapes that `dotnet-dump` leaves in them.
fn bare(csharp: &str) -> Text {
    csharp.replace('\\', "").into()
}

fn unloaded(name: &str) -> bool {
    name.starts_with(UNLOADED)
}

fn named_elsewhere<'a>(process: &[&'a HeapReport], table: Addr) -> Option<&'a MethodTableRow> {
    process.iter().find_map(|r| r.method_tables.iter().find(|row| row.method_table == table))
}

fn of_process<'a>(reports: &[&'a HeapReport], listing: &HeapReport) -> Vec<&'a HeapReport> {
    reports.iter().copied().filter(|r| !is_listing(r) && same_process(r, listing)).collect()
}

/// The method table of `System.String` is the same all through a process and, with address space randomisation, almost surely another one in
/// another process.
fn same_process(a: &HeapReport, b: &HeapReport) -> bool {
    let string = |r: &HeapReport| -> Vec<Addr> {
        let strings = r.method_tables.iter().filter(|row| row.type_name == "System.String");
        strings.map(|row| row.method_table).collect()
    };
    let (a, b) = (string(a), string(b));
    !a.is_empty() && a == b
}

/// Says of each listing how many of its rows are equal to those of a dump of the same process (of the same types, where it has no method tables and
/// most are equal).
pub fn compare(reports: &[&HeapReport], labels: &[String], found: &mut Findings) {
    for (number, listing) in reports.iter().enumerate().filter(|(_, r)| is_listing(r)) {
        let others = reports.iter().enumerate().filter(|&(n, r)| n != number && (!is_listing(r) || n < number));
        let (dumps, rest): (Vec<_>, Vec<_>) = others.partition(|(_, r)| !is_listing(r));
        for (other_number, other) in dumps.into_iter().chain(rest) {
            let Some(outcome) = Outcome::of(other, listing) else { continue };
            let (Some(label), Some(other_label)) = (labels.get(number), labels.get(other_number)) else { continue };
            let equal = outcome.different.is_empty() && outcome.equal > 0;
            // Two listings are two moments: that they differ is what is asked for.
            if !equal && is_listing(other) {
                continue;
            }
            let code = if equal { "listing-equal" } else { "listing-differs" };
            found.add(code, false, || outcome.sentence(label, other_label));
            break;
        }
    }
}

/// The rows of a listing beside those of another report.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    equal: usize,
    /// Of these, how many the listing could not name.
    unnamed: usize,
    /// What is not equal, for people.
    different: Vec<String>,
    by_method_table: bool,
}

impl Outcome {
    fn of(other: &HeapReport, listing: &HeapReport) -> Option<Outcome> {
        if !other.method_tables.is_empty() && !listing.method_tables.is_empty() {
            return same_process(other, listing).then(|| Outcome::by_method_table(other, listing));
        }
        let outcome = Outcome::by_type(other, listing);
        (outcome.equal > outcome.different.len()).then_some(outcome)
    }

    fn by_method_table(other: &HeapReport, listing: &HeapReport) -> Outcome {
        let mut outcome = Outcome { by_method_table: true, ..Outcome::default() };
        let mut theirs: Sorted<Addr, Option<&MethodTableRow>> =
            other.method_tables.iter().map(|row| (row.method_table, Some(row))).collect();
        for row in &listing.method_tables {
            let Some(their) = theirs.get_mut(&row.method_table).and_then(Option::take) else {
                outcome.different.push(format!("{} ({}) is only in the listing", row.type_name, row.method_table));
                continue;
            };
            let name = row.type_name == their.type_name || bare(&row.type_name_csharp) == bare(&their.type_name_csharp);
            if (row.count, row.total_size) != (their.count, their.total_size) {
                outcome.different.push(counts(
                    &their.type_name,
                    (row.count, row.total_size),
                    (their.count, their.total_size),
                ));
            } else if name || unloaded(&row.type_name) {
                outcome.equal = outcome.equal.saturating_add(1);
                outcome.unnamed = outcome.unnamed.saturating_add(usize::from(!name));
            } else {
                outcome.different.push(format!("{} is called {} in the listing", their.type_name, row.type_name));
            }
        }
        for row in theirs.iter().filter_map(|(_, row)| *row) {
            outcome.different.push(format!("{} ({}) is not in the listing", row.type_name, row.method_table));
        }
        outcome
    }

    fn by_type(other: &HeapReport, listing: &HeapReport) -> Outcome {
        let mut outcome = Outcome::default();
        let rows = |report: &HeapReport| {
            let mut rows: Sorted<Key, Cell> = Sorted::default();
            for ty in &report.types {
                let row = rows.entry((ty.type_name.clone(), ty.module.clone()), Cell::default);
                *row = row.plus(Cell { count: ty.count, size: ty.total_size, aligned_size: 0 });
            }
            rows.insert((FREE.into(), Text::default()), Cell { aligned_size: 0, ..report.heap.free });
            rows
        };
        let theirs = rows(other);
        let listed = rows(listing);
        for (key, cell) in listed.iter() {
            match theirs.get(key) {
                None => outcome.different.push(format!("{} is only in the listing", key.0)),
                Some(their) if their == cell => outcome.equal = outcome.equal.saturating_add(1),
                Some(their) => {
                    outcome.different.push(counts(&key.0, (cell.count, cell.size), (their.count, their.size)));
                }
            }
        }
        for (key, _) in theirs.iter().filter(|(key, _)| !listed.contains(key)) {
            outcome.different.push(format!("{} is not in the listing", key.0));
        }
        outcome
    }

    fn sentence(&self, label: &str, other: &str) -> String {
        let total = self.equal.saturating_add(self.different.len());
        let what = if self.by_method_table { "method table, count, size, name" } else { "type, count, size" };
        let mut text = format!("{label} beside {other}: {} of {total} rows equal ({what})", self.equal);
        if self.unnamed > 0 {
            text.push_str(&format!("; {} of them have a name only in the dump", self.unnamed));
        }
        if !self.different.is_empty() {
            let shown: Vec<&str> = self.different.iter().take(SPELLED_OUT).map(String::as_str).collect();
            text.push_str(&format!("; not equal: {}", shown.join("; ")));
            let more = self.different.len().saturating_sub(SPELLED_OUT);
            if more > 0 {
                text.push_str(&format!("; and {more} more"));
            }
        }
        text
    }
}

fn counts(name: &str, listed: (u64, u64), theirs: (u64, u64)) -> String {
    format!(
        "{name}: {} objects of {} bytes in the listing, {} of {} in the other",
        listed.0, listed.1, theirs.0, theirs.1
    )
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::string_slice, reason = "tests")]
mod tests {
    use super::*;
    use crate::compact::Samples;
    use crate::diff::diff;
    use crate::listing::{kind, read};
    use crate::report::Owner;

    fn listing(text: &str) -> HeapReport {
        let bytes = text.as_bytes().to_vec();
        read(&bytes, "l.txt", kind(&bytes).unwrap().unwrap()).unwrap()
    }

    /// A report of a dump: method table, name, module, count, size.
    fn dump(rows: &[(&str, &str, &str, u64, u64)]) -> HeapReport {
        let mut report = HeapReport::new();
        report.dump.format = "minidump".into();
        report.heap.complete = true;
        for &(table, name, module, count, size) in rows {
            let csharp = Text::from(super::super::spelling::csharp(name).unwrap_or_else(|| name.into()));
            report.heap.objects += count;
            report.heap.size += size;
            report.method_tables.push(MethodTableRow {
                method_table: Addr::parse(table).unwrap(),
                type_name: name.into(),
                type_name_csharp: csharp.clone(),
                module: module.into(),
                owner: Owner::Runtime,
                count,
                total_size: size,
                aligned_size: size,
                generations: std::iter::repeat_n(Cell::default(), 6).collect(),
                samples: Samples::default(),
            });
            if name == FREE {
                report.heap.free = Cell { count, size, aligned_size: size };
                continue;
            }
            match report.types.iter_mut().find(|t| t.type_name == name && t.module == module) {
                Some(ty) => {
                    ty.count += count;
                    ty.total_size += size;
                    ty.method_tables.push(Addr::parse(table).unwrap());
                }
                None => report.types.push(TypeRow {
                    type_name: name.into(),
                    type_name_csharp: csharp,
                    module: module.into(),
                    namespace: Text::default(),
                    owner: Owner::Runtime,
                    base_types: Vec::new(),
                    interfaces: Vec::new(),
                    array: None,
                    count,
                    total_size: size,
                    aligned_size: size,
                    generations: std::iter::repeat_n(Cell::default(), 6).collect(),
                    method_tables: vec![Addr::parse(table).unwrap()],
                }),
            }
        }
        report
    }

    const STRING: (&str, &str, &str, u64, u64) = ("7f00001000", "System.String", "mscorlib", 37, 2812);
    const LIST: &str = "System.Collections.Generic.List`1[[App.Order, App]]";

    fn real() -> HeapReport {
        dump(&[
            STRING,
            ("7f00002000", LIST, "mscorlib", 3, 72),
            ("7f00003000", "App.Plugin", "PluginA", 5, 120),
            ("7f00004000", "App.Plugin", "PluginB", 7, 168),
            ("7f00005000", "Made.AtRunTime", "Emitted", 1, 24),
            ("27f0000000", FREE, "", 10, 264),
        ])
    }

    fn classic(plugin_table: &str) -> String {
        format!(
            "Statistics:\n              MT    Count    TotalSize Class Name\n0000007f00005000        1           24 <Unloaded Type>\n0000007f00002000        3           72 {LIST}\n\
             {plugin_table}        5          120 App.Plugin\n0000007f00004000        7          168 App.Plugin\n00000027f0000000       10          264      Free\n\
             0000007f00001000       37         2812 System.String\nTotal 63 objects\n"
        )
    }

    #[test]
    fn a_listing_of_the_same_dump_proves_it() {
        let report = diff(&[real(), listing(&classic("0000007f00003000"))]).unwrap();
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
        let finding = &report.findings[0];
        assert_eq!((finding.code.as_str(), finding.partial), ("listing-equal", false));
        assert!(finding.message.contains("6 of 6 rows equal") && finding.message.contains("1 of them"), "{finding:?}");
        assert!(report.exact());
        assert!(
            report.rows.iter().all(|r| r.totals.delta_size == 0 && r.totals.counts[0] == r.totals.counts[1]),
            "{:?}",
            report.rows
        );
        assert_eq!(report.rows.len(), 5);
        assert_eq!((report.free.counts.clone(), report.total.delta_size), (vec![10, 10], 0));
        assert!(report.dumps[1].generations.is_empty());
        assert!(report.rows.iter().all(|r| r.owner == Owner::Runtime));
    }

    #[test]
    fn and_says_what_is_not_equal() {
        let text = classic("0000007f00003000")
            .replace("       37         2812", "       38         2850")
            .replace("Total 63", "Total 64");
        let report = diff(&[real(), listing(&text)]).unwrap();
        let finding = &report.findings[0];
        assert_eq!(finding.code, "listing-differs");
        assert!(finding.message.contains("5 of 6 rows equal"), "{finding:?}");
        assert!(
            finding.message.contains("System.String: 38 objects of 2850 bytes in the listing, 37 of 2812 in the other"),
            "{finding:?}"
        );
    }

    /// Of another process, nobody can say which of two types of one name a row is: they are one row.
    #[test]
    fn types_of_one_name_are_summed_where_nothing_tells_them_apart() {
        let other_process = classic("0000007f00003008").replace("7f00001000", "7f0000a000");
        let report = diff(&[real(), listing(&other_process)]).unwrap();
        let plugins: Vec<_> = report.rows.iter().filter(|r| r.type_name == "App.Plugin").collect();
        assert_eq!(plugins.len(), 1, "{plugins:?}");
        assert_eq!((plugins[0].module.as_str(), plugins[0].totals.counts.clone()), ("", vec![12, 12]));
        assert!(report.findings.iter().any(|f| f.code == "other-process"), "{:?}", report.findings);
        // Nothing is lost or counted twice.
        assert_eq!((report.total.counts.clone(), report.total.delta_size), (vec![63, 63], 0));
        assert!(report.rows.iter().any(|r| r.type_name == "<Unloaded Type>" && r.totals.counts == [0, 1]));
    }

    #[test]
    fn csharp_names_find_their_types() {
        let text = "          MT Count TotalSize Class Name\n7f00002000     4        96 System.Collections.Generic.List<App.Order>\n27f0000000    10       264 Free\n\
                    7f00001000    37     2,812 System.String\nTotal 51 objects, 3,172 bytes\n";
        let report = diff(&[real(), listing(text)]).unwrap();
        let list = report.rows.iter().find(|r| r.type_name == LIST).unwrap();
        assert_eq!((list.module.as_str(), list.totals.counts.clone()), ("mscorlib", vec![3, 4]));
        // Two listings, one in each spelling; the classic one gives the name.
        let report = diff(&[listing(text), listing(&classic("0000007f00003000"))]).unwrap();
        let list = report.rows.iter().find(|r| r.type_name == LIST).unwrap();
        assert_eq!(list.totals.counts, [4, 3]);
        assert_eq!(report.rows.len(), 4);
    }

    #[test]
    fn a_table_by_type_knows_assemblies() {
        let csv = format!(
            "type_name,module,count,total_size\nSystem.String,mscorlib,37,2812\nApp.Plugin,PluginB,7,168\nApp.Plugin,PluginA,5,120\n\"{LIST}\",mscorlib,3,72\n\
             Made.AtRunTime,Emitted,1,24\nFree,,10,264\n"
        );
        let report = diff(&[real(), listing(&csv)]).unwrap();
        let finding = &report.findings[0];
        assert!(finding.code == "listing-equal" && finding.message.contains("6 of 6 rows"), "{:?}", report.findings);
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
        assert_eq!(report.rows.len(), 5);
    }

    #[test]
    fn dumps_alone_are_left_as_they_are() {
        assert!(aligned(&[&real(), &real()]).is_none());
    }
}
