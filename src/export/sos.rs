//! `--format sos`: byte for byte what the classic `!dumpheap -stat` prints (`HeapStat::Print` and `DumpHeapImpl` in SOS' `eeheap.cpp`
//! and `strike.cpp`, up to SOS 4.6 of .NET Core 3.1), so that what reads or remembers SOS feels at home.
//!
//! Two things are not SOS': names are made [`visible`] (SOS would send an escape sequence on to the terminal), and types have no
//! name of the form `<Unloaded Type>`, since dropheap can name what the DAC cannot.

use super::select::{Direction, Row, Select};
use super::text::visible;
use crate::report::{FREE, HeapReport, LargeFree, MethodTableRow};
use std::io::{self, Write};

/// The statistics, then the large Free blocks.
pub fn write(report: &HeapReport, select: &Select, out: &mut dyn Write) -> io::Result<()> {
    let digits = if report.runtime.pointer_size == 4 { 8 } else { 16 };
    let mut rows: Vec<&MethodTableRow> = report.method_tables.iter().collect();
    select.keep(&mut rows);
    // As `!dumpheap -stat -type` does: the objects of the wanted types. SOS has no `--top`; it does not change the total.
    let objects = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(row.count));
    select.arrange(&mut rows, Direction::Ascending);

    writeln!(out, "Statistics:")?;
    writeln!(out, "{:>digits$} {:>8} {:>12} Class Name", "MT", "Count", "TotalSize")?;
    for row in rows {
        write!(out, "{:0>digits$} {:>8} {:>12} ", row.method_table, row.count, row.total_size)?;
        if row.type_name == FREE && row.module.is_empty() {
            writeln!(out, "{FREE:>9}")?;
        } else {
            writeln!(out, "{}", visible(row.name(select.names)))?;
        }
    }
    writeln!(out, "Total {objects} objects")?;

    let mut blocks = report.heap.large_free.iter().filter(|block| in_small_object_heap(block)).peekable();
    if blocks.peek().is_some() {
        writeln!(out, "Fragmented blocks larger than 0.5 MB:")?;
        writeln!(out, "{:>digits$} {:>8} {:>16}", "Addr", "Size", "Followed by")?;
    }
    for block in blocks {
        write!(out, "{:0>digits$} {:>6}MB ", block.address, mega(block.size))?;
        match &block.followed_by {
            Some(next) => {
                let name = visible(block.followed_by_type.as_deref().unwrap_or_default());
                writeln!(out, "{:>16} {name}", format!("{next:0>digits$}"))?;
            }
            // SOS never gets here: it prints a block when it meets the next object.
            None => writeln!(out)?,
        }
    }
    Ok(())
}

/// SOS remembers a Free object only `if (!onLOH && itr->IsFree())`: a real listing of a dump with a 0.5 MB Free block on the large object
/// heap does not print it. Pinned and frozen objects came after that SOS.
fn in_small_object_heap(block: &LargeFree) -> bool {
    matches!(block.generation.as_str(), "gen0" | "gen1" | "gen2")
}

/// Megabytes as `%.1f` writes them: exact halves to the even tenth. Without a floating-point number, whose formatting is a part of the WebAssembly
/// that nothing else needs.
fn mega(bytes: u64) -> String {
    let tenths = (bytes & 0xF_FFFF).saturating_mul(10);
    let (whole, rest) = ((bytes >> 20).saturating_mul(10).saturating_add(tenths >> 20), tenths & 0xF_FFFF);
    let up = rest > 0x8_0000 || (rest == 0x8_0000 && whole & 1 == 1);
    let whole = whole.saturating_add(u64::from(up));
    format!("{}.{}", whole.wrapping_div(10), whole.wrapping_rem(10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::select::Sort;
    use crate::export::testing;
    use crate::export::testing::matching;

    fn text(report: &HeapReport, select: &Select) -> String {
        testing::written(|out| write(report, select, out))
    }

    #[test]
    fn megabytes_are_rounded_as_c_does() {
        for bytes in [
            0,
            524_288,
            524_376,
            1_498_464,
            78_643,
            78_644,
            131_072,
            262_144,
            393_216,
            655_360,
            786_432,
            1 << 40,
            (1 << 52) + 12_345,
        ] {
            assert_eq!(mega(bytes), format!("{:.1}", bytes as f64 / f64::from(1 << 20)), "{bytes}");
        }
        assert_eq!((mega(262_144), mega(786_432)), ("0.2".to_owned(), "0.8".to_owned()));
    }

    /// Two real listings, rows shuffled: SOS' own order, columns and blocks come back byte for byte.
    #[test]
    fn real_listings() {
        for (name, pointer_size) in [("net31-x64-wks-afternoon.txt", 8), ("net31-x86-wks-evening.txt", 4)] {
            let real = testing::fixture(&format!("sos/{name}"));
            let mut report = testing::parse(&real);
            assert!(report.method_tables.len() > 270 && report.heap.large_free.len() == 1, "{name}");
            report.runtime.pointer_size = pointer_size;
            report.method_tables.sort_by(|a, b| a.type_name.cmp(&b.type_name));
            let (warning, body) = real.split_at(real.find("Statistics:").unwrap());
            assert_eq!(warning.lines().count(), 4);
            assert_eq!(text(&report, &testing::select()), body, "{name}");
        }
    }

    /// By the dumps of net31-x64-srv: of three blocks of at least 0.5 MB SOS prints the two that are not on the large object heap.
    #[test]
    fn blocks_of_the_large_object_heap_are_left_out() {
        let mut report = testing::pair().0;
        let block = |address: &str, size, generation: &str| LargeFree {
            address: testing::at(address),
            size,
            generation: generation.into(),
            followed_by: Some(testing::at("7f02cb746478")),
            followed_by_type: Some("System.Byte[]".into()),
        };
        report.runtime.pointer_size = 8;
        report.heap.large_free = vec![block("7f03db1f3030", 524_376, "loh")];
        assert!(!text(&report, &testing::select()).contains("Fragmented"));
        report.heap.large_free.push(block("7f02cb5d8718", 1_498_464, "gen2"));
        let end = "Fragmented blocks larger than 0.5 MB:\n            Addr     Size      Followed by\n\
                   00007f02cb5d8718    1.4MB 00007f02cb746478 System.Byte[]\n";
        assert!(text(&report, &testing::select()).ends_with(end));
    }

    #[test]
    fn a_filter_counts_its_own_objects_as_sos_does() {
        let (report, _) = testing::pair();
        let select =
            Select { filter: Some(matching("Customer")), top: Some(1), sort: Sort::Count, ..testing::select() };
        assert_eq!(
            text(&report, &select),
            "Statistics:\n      MT    Count    TotalSize Class Name\n\
             00f74e38      136         3264 MemoryLeakApplication.Customer\nTotal 160 objects\n"
        );
    }

    #[test]
    fn a_name_cannot_forge_a_row() {
        let mut report = testing::pair().0;
        report.method_tables.truncate(1);
        report.method_tables[0].type_name = "A\nTotal 0 objects\u{1b}[2J".into();
        report.method_tables[0].module = "App".into();
        assert_eq!(text(&report, &testing::select()).lines().count(), 4);
        // A type may be called Free; it is not the free blocks.
        report.method_tables[0].type_name = "Free".into();
        assert!(
            text(&report, &testing::select()).contains(" Free\n")
                && !text(&report, &testing::select()).contains("  Free\n")
        );
    }
}
