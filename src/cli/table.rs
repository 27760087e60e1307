//! `--format table`: aligned columns for a terminal or a text file.

use super::grid::Grid;
use dropheap::export::sheet::Sheet;
use std::io::{self, Write};

/// Facts, table, sums, notes. The rows move into the grid: there may be 100,000.
pub fn write(sheet: Sheet, out: &mut dyn Write) -> io::Result<()> {
    for fact in &sheet.facts {
        writeln!(out, "{fact}")?;
    }
    writeln!(out)?;
    let titles: Vec<&str> = sheet.titles.iter().map(String::as_str).collect();
    let mut grid = Grid::new(&titles, &sheet.right);
    for row in sheet.rows {
        grid.row(row);
    }
    grid.row(Vec::new());
    for row in sheet.foot {
        grid.row(row);
    }
    grid.write(out)?;
    if !sheet.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &sheet.notes {
        writeln!(out, "{note}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::testing::{self, matching, snapshot};
    use dropheap::export::select::{Select, Sort};
    use dropheap::export::{By, Names, account, md, sheet};
    use dropheap::report::GroupBy;

    fn text(sheet: Sheet) -> String {
        testing::written(|out| write(sheet, out))
    }

    #[test]
    fn stat() {
        let (report, _) = testing::pair();
        let select = testing::for_people(Sort::Size);
        snapshot("stat-table", &text(sheet::stat(&report, By::Type, &select)));
        snapshot("stat-table-mt", &text(sheet::stat(&report, By::Mt, &select)));
        let some = Select { names: Names::Sos, top: Some(2), filter: Some(matching("System")), ..testing::select() };
        snapshot("stat-table-some", &text(sheet::stat(&report, By::Type, &some)));
    }

    #[test]
    fn a_partial_stat_says_so_above_the_numbers() {
        let (mut report, _) = testing::pair();
        report.heap.complete = false;
        report.heap.explained_bytes -= 1;
        report.runtime.gc_in_progress = true;
        report.runtime.unproven = Some("No dump of this runtime was ever compared with its own DAC.".into());
        let text = text(sheet::stat(&report, By::Type, &testing::select()));
        let facts: Vec<&str> = text.lines().take_while(|l| !l.is_empty()).collect();
        assert!(facts[1].contains("PARTIAL: 99.99 % of the heap explained"), "{facts:?}");
        assert_eq!(facts[2], "NOT EXACT: taken while a GC moved objects");
        assert!(facts[3].starts_with("No dump of this runtime"));
    }

    #[test]
    fn diff() {
        let (a, b) = testing::pair();
        let select = testing::for_people(Sort::Delta);
        snapshot("diff-table", &text(sheet::diff(&testing::compared(), &select)));
        let three = dropheap::diff::diff(&[a.clone(), b, a]).unwrap();
        snapshot("diff-table-three", &text(sheet::diff(&three, &Select { top: Some(1), ..select })));
    }

    #[test]
    fn groups() {
        let mut report = testing::compared();
        let select = testing::for_people(Sort::Delta);
        let mut all = String::new();
        for by in [GroupBy::Base, GroupBy::Interface, GroupBy::Namespace, GroupBy::Assembly, GroupBy::Kind] {
            report.groups = Some(dropheap::diff::group(&report, by));
            all.push_str(&text(sheet::comparison(&report, &select)));
            all.push_str("----\n");
        }
        snapshot("diff-table-groups", &all);
    }

    #[test]
    fn two_accounts_and_what_grew() {
        let (mut a, mut b) = testing::pair();
        assert!(account::sheet(&dropheap::diff::diff(&[a.clone(), b.clone()]).unwrap()).is_none());
        (a.memory, b.memory) = (Some(testing::account(0)), Some(testing::account(1_048_576)));
        let report = dropheap::diff::diff(&[a, b]).unwrap();
        let sheet = || account::sheet(&report).unwrap();
        let both = testing::written(|out| write(sheet(), out).and_then(|()| md::write(&sheet(), out)));
        snapshot("diff-memory", &both);
    }
}
