//! A saved listing in the place of a dump: the text of `!dumpheap -stat`, or what `dropheap stat` printed as CSV or JSON -> [`HeapReport`].
//!
//! A report made of a listing has rows and totals and nothing else: [`DumpFacts::format`] is `listing` (text) or `csv`, generations, samples, segments and
//! supertypes are empty, aligned sizes are 0, the runtime has no name, and what the listing does not tell of a type (assembly, namespace, the other
//! spelling) is worked out of its name or stays empty. JSON is the report of the dump that it was made of, whole.
//!
//! | finding | meaning |
//! | --- | --- |
//! | `listing` | the numbers are a listing's |
//! | `listing-cut` | it has no last line with a total: rows may be missing (partial) |
//! | `listing-total` | its rows add up to another number than its total (partial) |
//! | `listing-unread` | lines between its rows could not be read (partial) |
//! | `listing-selection` | it was made with a filter, or has no row for Free (partial) |
//! | `listing-repeated` | rows came twice, with equal numbers, and were counted once |
//! | `listing-unchecked` | it has no total to check its rows against |

pub mod align;
mod csv;
pub(crate) mod lines;
mod sos;
pub mod spelling;

use crate::compact::{Cells, Samples, Text};
use crate::error::{Error, Findings, Result};
use crate::limits;
use crate::maps::{AddrSet, Sorted};
use crate::memory::Addr;
use crate::phrase;
use crate::report::{Cell, DumpFacts, FREE, HeapReport, MethodTableRow, Owner, REPORT_SCHEMA, TypeRow};
use crate::source::ByteSource;
use lines::Encoding;

/// What a text seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text that may have `!dumpheap -stat` in it.
    Text,
    /// `dropheap stat --format csv`.
    Csv,
    /// `dropheap stat --format json`.
    Json,
}

/// Bytes that [`kind`] looks at.
const SNIFFED: u64 = 4096;

/// What the file is, if its first bytes are those of a listing or of any other text; `None` for dumps, XML and everything else.
///
/// # Errors
/// Those of the read.
pub fn kind(source: &dyn ByteSource) -> Result<Option<Kind>> {
    let mut first = vec![0; usize::try_from(source.len().min(SNIFFED)).unwrap_or(0)];
    source.read_at(0, &mut first, "the first bytes of the file")?;
    let (encoding, mark) = Encoding::sniff(&first);
    let rest = first.get(usize::try_from(mark).unwrap_or(0)..).unwrap_or_default();
    let text = encoding.decode(rest);
    // A replaced character may be another code page's, or be cut by the end of what was read; other control characters are no text's.
    if text.is_empty() || text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1b}'))
    {
        return Ok(None);
    }
    let words = text.trim_start();
    if words.starts_with('{') {
        return Ok(phrase::is_in(words, "\"dropheap.").then_some(Kind::Json));
    }
    if csv::is_csv(text.lines().next().unwrap_or_default()) {
        return Ok(Some(Kind::Csv));
    }
    let other = words.is_empty()
        || words.starts_with('<')
        || words.starts_with('[')
        || words.starts_with("version https://git-lfs");
    // Bytes that are mostly no characters are no text.
    let replaced = text.chars().filter(|&c| c == char::REPLACEMENT_CHARACTER).count();
    Ok((!other && replaced.saturating_mul(8) < text.len()).then_some(Kind::Text))
}

/// The report of the listing in `source`, which [`kind`] has said to be one.
///
/// # Errors
/// [`Error::NotADump`] for a text without a listing, [`Error::BadListing`] for one that cannot be used, [`Error::Limit`] for one that is larger than any
/// real one; those of the reads.
pub fn read(source: &dyn ByteSource, file_name: &str, kind: Kind) -> Result<HeapReport> {
    let mut report = match kind {
        Kind::Json => return json(source),
        Kind::Csv => table(csv::rows(source)?)?,
        Kind::Text => text(source)?,
    };
    report.dump = DumpFacts {
        file_name: file_name.to_owned(),
        file_size: source.len(),
        format: if kind == Kind::Csv { "csv" } else { "listing" }.to_owned(),
        ..DumpFacts::default()
    };
    Ok(report)
}

/// True for a report that was made of a listing: what it leaves empty is not known, rather than none.
pub fn is_listing(report: &HeapReport) -> bool {
    matches!(report.dump.format.as_str(), "listing" | "csv")
}

fn text(source: &dyn ByteSource) -> Result<HeapReport> {
    let mut all = sos::listings(source)?;
    // The same command twice, or a log and its copy.
    all.dedup_by(|b, a| (&a.rows, a.objects, a.bytes) == (&b.rows, b.objects, b.bytes));
    let mut all = all.into_iter();
    let Some(listing) = all.next() else {
        return Err(Error::NotADump {
            guess: "it is a text without a table of `!dumpheap -stat` in it".into(),
            next: "Open a dump, or the whole output of `!dumpheap -stat`: from the line `MT Count TotalSize Class Name` to `Total ... objects`.".into(),
        }.into());
    };
    if let Some(second) = all.next() {
        let others = all.count().saturating_add(2);
        return Err(Error::BadListing(format!(
            "it holds {others} different listings (the first two begin at lines {} and {})",
            listing.line, second.line
        ))
        .into());
    }
    if let Some(table) = listing.contradiction() {
        return Err(Error::BadListing(format!(
            "method table {table:x} comes twice, with other numbers: two listings are mixed"
        ))
        .into());
    }
    let mut findings = Findings::default();
    let (rows, objects, bytes) = (listing.rows.len(), listing.objects, listing.bytes);
    findings.add("listing", false, || {
        format!("the numbers are those of a listing of {rows} rows: no generations, no addresses of objects, nothing of the process")
    });
    if let Some(options) = &listing.options {
        findings.add("listing-selection", true, || {
            format!("the listing was made with `{options}`: it does not show the whole heap")
        });
    }
    if let Some((count, line)) = listing.unread {
        findings.add_many("listing-unread", true, count, || {
            format!(
                "line {line} stands between the rows of the listing and is none: a row may be lost, or a part of a name"
            )
        });
    }
    if listing.repeated > 0 {
        findings.add_many("listing-repeated", false, listing.repeated, || {
            "rows of the listing came twice, with equal numbers: they are counted once".into()
        });
    }
    // With padded rows, another row called Free is a type's.
    let padded = listing.rows.iter().any(|r| r.name == FREE && r.padded);
    let rows: Vec<Raw> = listing
        .rows
        .into_iter()
        .map(|row| Raw {
            free: row.name == FREE && row.padded == padded,
            method_table: Some(row.method_table),
            module: None,
            count: row.count,
            size: row.size,
            name: row.name,
        })
        .collect();
    let mut report = build(rows);
    report.runtime.pointer_size = listing.pointer_size;
    if listing.pointer_size == 4 {
        report.runtime.architecture = "x86".to_owned();
    }
    let (found, found_bytes) = (report.heap.objects, report.heap.size);
    match objects {
        None => findings.add("listing-cut", true, || {
            "the listing has no last line `Total ... objects`: it was cut, or copied in part, and the largest types come last".into()
        }),
        Some(total) if total != found => findings.add("listing-total", true, || {
            format!("the rows of the listing add up to {found} objects, its last line says {total}: rows are missing or changed")
        }),
        Some(_) => {}
    }
    if let Some(total) = bytes.filter(|&total| total != found_bytes) {
        findings.add("listing-total", true, || {
            format!("the rows of the listing add up to {found_bytes} bytes, its last line says {total}: rows are missing or changed")
        });
    }
    report.findings = findings.into_vec();
    Ok(report)
}

fn table(rows: Vec<csv::Row>) -> Result<HeapReport> {
    let mut findings = Findings::default();
    let count = rows.len();
    findings.add("listing", false, || {
        format!("the numbers are those of a CSV table of {count} rows: no generations, no addresses of objects, nothing of the process")
    });
    findings.add("listing-unchecked", false, || {
        "a CSV table has no total: whether all rows of the heap are in it cannot be checked".into()
    });
    let mut seen = AddrSet::default();
    for row in &rows {
        if let Some(table) = row.method_table
            && !seen.insert(Addr(table))
        {
            return Err(Error::BadListing(format!("method table {table:x} comes twice")).into());
        }
    }
    let free = |row: &csv::Row| row.name == FREE && row.module.as_deref().unwrap_or_default().is_empty();
    if !rows.iter().any(free) {
        findings.add("listing-selection", true, || {
            "the CSV table has no row for Free: it seems to be a selection (`--filter`, `--top`) of the rows".into()
        });
    }
    let rows = rows.into_iter().map(|row| Raw {
        free: free(&row),
        method_table: row.method_table,
        module: row.module,
        count: row.count,
        size: row.size,
        name: row.name,
    });
    let mut report = build(rows.collect());
    report.findings = findings.into_vec();
    Ok(report)
}

/// A row of any listing.
struct Raw {
    free: bool,
    method_table: Option<u64>,
    module: Option<String>,
    count: u64,
    size: u64,
    name: String,
}

/// Rows by method table and by type, and the totals.
fn build(rows: Vec<Raw>) -> HeapReport {
    let mut report = HeapReport::new();
    let mut types: Sorted<(Text, Text), TypeRow> = Sorted::default();
    for row in rows {
        let heap = &mut report.heap;
        let cell = Cell { count: row.count, size: row.size, aligned_size: 0 };
        heap.objects = heap.objects.saturating_add(row.count);
        heap.size = heap.size.saturating_add(row.size);
        if row.free {
            heap.free = heap.free.plus(cell);
        }
        let namespace = spelling::namespace(&row.name).into();
        let (csharp, module) = (spelling::csharp(&row.name), row.module.unwrap_or_default());
        let (name, module): (Text, Text) = (row.name.into(), module.into());
        let csharp = csharp.map_or_else(|| name.clone(), Text::from);
        let table = row.method_table.map(Addr);
        if !row.free {
            let ty = types.entry((name.clone(), module.clone()), || TypeRow {
                type_name: name.clone(),
                type_name_csharp: csharp.clone(),
                module: module.clone(),
                namespace,
                owner: Owner::default(),
                base_types: Vec::new(),
                interfaces: Vec::new(),
                array: None,
                count: 0,
                total_size: 0,
                aligned_size: 0,
                generations: Cells::default(),
                method_tables: Vec::new(),
            });
            ty.count = ty.count.saturating_add(row.count);
            ty.total_size = ty.total_size.saturating_add(row.size);
            ty.method_tables.extend(table);
        }
        if let Some(method_table) = table {
            report.method_tables.push(MethodTableRow {
                method_table,
                type_name: name,
                type_name_csharp: csharp,
                module,
                owner: Owner::default(),
                count: row.count,
                total_size: row.size,
                aligned_size: 0,
                generations: Cells::default(),
                samples: Samples::default(),
            });
        }
    }
    report.heap.complete = true;
    report.types = types.into_values();
    crate::order::by(&mut report.types, |a, b| {
        b.total_size.cmp(&a.total_size).then_with(|| a.type_name.cmp(&b.type_name))
    });
    crate::order::by(&mut report.method_tables, MethodTableRow::sos_order);
    report
}

/// The report that `dropheap stat --format json` printed.
fn json(source: &dyn ByteSource) -> Result<HeapReport> {
    let len = source.len();
    if len > limits::MAX_REPORT {
        return Err(Error::Limit {
            what: "the bytes of a report in JSON".into(),
            value: len,
            limit: limits::MAX_REPORT,
        }
        .into());
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    source.read_at(0, &mut bytes, "a report in JSON")?;
    let (encoding, mark) = Encoding::sniff(&bytes);
    let rest = bytes.get(usize::try_from(mark).unwrap_or(0)..).unwrap_or_default();
    // PowerShell's `>` writes UTF-16.
    let decoded;
    let rest = if encoding == Encoding::Utf8 {
        rest
    } else {
        decoded = encoding.decode(rest);
        decoded.as_bytes()
    };
    #[derive(Default)]
    struct Head {
        schema: String,
    }
    crate::reading::record!(Head { schema });
    let bad = |e: String| Error::BadListing(format!("it is no whole JSON: {e}"));
    let head: Head = crate::reading::from_slice(rest).map_err(bad)?;
    if head.schema != REPORT_SCHEMA {
        return Err(Error::BadListing(format!(
            "it is JSON of schema `{}`; only `{REPORT_SCHEMA}`, which `dropheap stat --format json` prints, can stand in the place of a dump",
            head.schema
        )).into());
    }
    let mut report: HeapReport = crate::reading::from_slice(rest).map_err(bad)?;
    let mut sum = report.heap.free;
    for ty in &report.types {
        sum = sum.plus(Cell { count: ty.count, size: ty.total_size, aligned_size: ty.aligned_size });
    }
    if (sum.count, sum.size) != (report.heap.objects, report.heap.size) {
        let mut findings = Findings::default();
        findings.add("listing-selection", true, || {
            format!(
                "the rows of the report add up to {} objects, its total is {}: it is a selection (`--filter`, `--top`) of the rows",
                sum.count, report.heap.objects
            )
        });
        report.findings.extend(findings.into_vec());
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report(text: &str) -> Result<HeapReport> {
        let bytes = text.as_bytes().to_vec();
        let kind = kind(&bytes)?.expect("a text");
        read(&bytes, "l.txt", kind)
    }

    fn codes(report: &HeapReport) -> Vec<&str> {
        report.findings.iter().map(|f| f.code.as_str()).collect()
    }

    const SMALL: &str = "Statistics:\n      MT    Count    TotalSize Class Name\n00f74e38      136         3264 App.Customer\n011b7998       10          116      Free\n\
                         00f754b4        8         2128 App.Customer[]\n00f754b8        1           12 App.Customer\nTotal 155 objects\n";

    #[test]
    fn a_listing_becomes_a_report() {
        let report = report(SMALL).unwrap();
        assert_eq!((report.heap.objects, report.heap.size, report.heap.complete), (155, 5520, true));
        assert_eq!((report.heap.free.count, report.heap.free.size), (10, 116));
        assert_eq!((report.method_tables.len(), report.types.len()), (4, 2));
        let customer = report.types.iter().find(|t| t.type_name == "App.Customer").unwrap();
        assert_eq!((customer.count, customer.total_size, customer.namespace.as_str()), (137, 3276, "App"));
        assert_eq!(customer.method_tables, [Addr(0xf7_4e38), Addr(0xf7_54b8)]);
        assert_eq!((report.runtime.pointer_size, report.dump.format.as_str()), (4, "listing"));
        assert!(report.heap.generations.is_empty() && report.types[0].generations.is_empty());
        assert!(report.exact() && codes(&report) == ["listing"]);
    }

    #[test]
    fn a_listing_that_was_cut_says_so() {
        let cut = SMALL.replace("Total 155 objects\n", "");
        assert_eq!(codes(&report(&cut).unwrap()), ["listing", "listing-cut"]);
        let lost = SMALL.replace("00f754b8        1           12 App.Customer\n", "");
        let lost = report(&lost).unwrap();
        assert_eq!(codes(&lost), ["listing", "listing-total"]);
        assert!(
            !lost.exact()
                && lost.findings[1].message.contains("154 objects")
                && lost.findings[1].message.contains("155")
        );
        let bytes = "MT Count TotalSize Class Name\n7f00a8fb5fa8 1 24 A\nTotal 1 objects, 25 bytes\n";
        assert_eq!(codes(&report(bytes).unwrap()), ["listing", "listing-total"]);
    }

    #[test]
    fn one_file_one_listing() {
        assert!(report(&SMALL.repeat(2)).is_ok(), "the same one twice is one");
        let two = format!("{SMALL}\n{}", SMALL.replace("136", "137"));
        let error = report(&two).unwrap_err();
        assert_eq!(error.code(), "bad-listing");
        assert!(
            error.to_string().contains("2 different listings") && error.to_string().contains("lines 2 and 10"),
            "{error}"
        );
        let mixed = SMALL.replace("Total 155", "00f74e38      137         3288 App.Customer\nTotal 155");
        assert!(report(&mixed).unwrap_err().to_string().contains("f74e38 comes twice"));
        let repeated = SMALL.replace("Total 155", "00f74e38      136         3264 App.Customer\nTotal 155");
        assert_eq!(codes(&report(&repeated).unwrap()), ["listing", "listing-repeated"]);
    }

    #[test]
    fn free_is_told_from_a_type_of_that_name() {
        let text = SMALL.replace("App.Customer[]", "Free");
        let report = report(&text).unwrap();
        assert_eq!(report.heap.free.count, 10);
        assert_eq!(report.types.iter().find(|t| t.type_name == "Free").unwrap().count, 8);
    }

    #[test]
    fn other_texts_are_refused_with_a_way_out() {
        for text in ["hello, world\n", "Total 5 objects\n"] {
            let error = report(text).unwrap_err();
            assert_eq!(error.code(), "not-a-dump");
            assert!(error.hint().contains("!dumpheap -stat"), "{error}");
        }
        for bytes in
            [&b"MDMP\x93\xa7"[..], b"PK\x03\x04\0\0", b"<Events>", b"\x7fELF\x02", b"", b"{\"error\":1}", &[0xde; 100]]
        {
            assert_eq!(kind(&bytes.to_vec()).unwrap(), None, "{bytes:?}");
        }
    }

    #[test]
    fn json_and_csv_are_read_back() {
        let first = report(SMALL).unwrap();
        let text = serde_json::to_string_pretty(&first).unwrap();
        assert_eq!(report(&text).unwrap(), first);
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16, "r.json", kind(&utf16).unwrap().unwrap()).unwrap(), first);
        let mut selection = first.clone();
        selection.types.pop();
        assert_eq!(
            codes(&report(&serde_json::to_string(&selection).unwrap()).unwrap()),
            ["listing", "listing-selection"]
        );
        let error = report("{\"schema\":\"dropheap.diff/1\"}").unwrap_err();
        assert!(error.to_string().contains("dropheap.diff/1"), "{error}");
        let cut = text.get(..text.len() / 2).unwrap();
        assert_eq!(report(cut).unwrap_err().code(), "bad-listing");
        let csv = "type_name,module,count,total_size\nApp.Customer,App,137,3276\n";
        assert_eq!(codes(&report(csv).unwrap()), ["listing", "listing-unchecked", "listing-selection"]);
        let csv = report(&format!("{csv}Free,,10,116\n")).unwrap();
        assert!(
            csv.exact() && csv.types[0].module == "App" && csv.method_tables.is_empty() && csv.heap.free.size == 116
        );
    }

    proptest! {
        #[test]
        fn broken_bytes_never_panic(at in 0..SMALL.len(), byte in any::<u8>(), cut in 0..SMALL.len()) {
            let mut bytes = SMALL.as_bytes().to_vec();
            bytes[at] = byte;
            bytes.truncate(cut);
            if let Some(kind) = kind(&bytes).unwrap() {
                let _ = read(&bytes, "l.txt", kind);
            }
            for kind in [Kind::Text, Kind::Csv, Kind::Json] {
                let _ = read(&bytes, "l.txt", kind);
            }
        }
    }
}
