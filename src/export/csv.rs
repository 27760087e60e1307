//! `--format csv`: RFC 4180 quoting, UTF-8, line feeds. Text that a spreadsheet would take for a formula gets an apostrophe in front.

use super::By;
use super::select::{Direction, Row, Select};
use super::suspects::lines;
use super::text::visible;
use crate::report::{
    DiffReport, DiffRow, DiffTotals, FREE, GroupRow, Groups, HeapReport, MethodTableRow, Owner, TypeRow,
};
use crate::suspects::Suspects;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writer of one table; on a terminal, control characters of names are spelled out.
pub struct Csv<'a> {
    out: &'a mut dyn Write,
    terminal: bool,
    line: String,
}

impl<'a> Csv<'a> {
    /// Writes to `out`; `terminal` says whether a terminal reads it.
    pub fn new(out: &'a mut dyn Write, terminal: bool) -> Csv<'a> {
        Csv { out, terminal, line: String::new() }
    }

    /// One dump. By method table the rows are in the order of SOS, Free among them; by type Free is the last row.
    pub fn stat(&mut self, report: &HeapReport, by: By, select: &Select) -> io::Result<()> {
        match by {
            By::Mt => self.method_tables(report, select),
            By::Type => self.types(report, select),
        }
    }

    fn method_tables(&mut self, report: &HeapReport, select: &Select) -> io::Result<()> {
        self.header("method_table,count,total_size,type_name")?;
        let mut rows: Vec<&MethodTableRow> = report.method_tables.iter().collect();
        select.keep(&mut rows);
        select.arrange(&mut rows, Direction::Ascending);
        for row in rows {
            self.number(row.method_table)
                .number(row.count)
                .number(row.total_size)
                .text(row.name(select.names))
                .end()?;
        }
        Ok(())
    }

    fn types(&mut self, report: &HeapReport, select: &Select) -> io::Result<()> {
        self.header("type_name,module,count,total_size")?;
        let mut rows: Vec<&TypeRow> = report.types.iter().collect();
        select.keep(&mut rows);
        select.arrange(&mut rows, Direction::Descending);
        for row in rows {
            self.text(row.name(select.names)).text(&row.module).number(row.count).number(row.total_size).end()?;
        }
        if select.wants_free(0) {
            self.text(FREE).text("").number(report.heap.free.count).number(report.heap.free.size).end()?;
        }
        Ok(())
    }

    /// Several dumps: suspects or groups if that was asked for, else types.
    pub fn comparison(&mut self, report: &DiffReport, select: &Select) -> io::Result<()> {
        match (&report.suspects, &report.groups) {
            (Some(suspects), _) => self.suspects(report, suspects, select),
            (None, Some(groups)) => self.groups(report, groups, select),
            (None, None) => self.diff(report, select),
        }
    }

    /// Several dumps: all types, changed or not, then Free.
    pub fn diff(&mut self, report: &DiffReport, select: &Select) -> io::Result<()> {
        self.text("type_name").text("module");
        for number in 1..=report.dumps.len() {
            self.text(&format!("count_{number}")).text(&format!("size_{number}"));
        }
        self.text("delta_count").text("delta_size").end()?;
        let mut rows: Vec<&DiffRow> = report.rows.iter().collect();
        select.keep(&mut rows);
        select.arrange(&mut rows, Direction::Descending);
        for row in rows {
            self.text(row.name(select.names)).text(&row.module).totals(&row.totals).end()?;
        }
        if select.wants_free(report.free.delta_size) {
            self.text(FREE).text("").totals(&report.free).end()?;
        }
        Ok(())
    }

    /// Several dumps: all groups, changed or not; then Free, where the groups add up with it to the total.
    pub fn groups(&mut self, report: &DiffReport, groups: &Groups, select: &Select) -> io::Result<()> {
        self.text("group").text("module").text("owner").text("types");
        for number in 1..=report.dumps.len() {
            self.text(&format!("count_{number}")).text(&format!("size_{number}"));
        }
        self.text("delta_count").text("delta_size").end()?;
        let mut rows: Vec<&GroupRow> = groups.rows.iter().collect();
        select.keep(&mut rows);
        select.arrange(&mut rows, Direction::Descending);
        for row in rows {
            let owner = row.owner.map_or("", Owner::text);
            self.text(row.name(select.names))
                .text(&row.module)
                .text(owner)
                .number(row.types)
                .totals(&row.totals)
                .end()?;
        }
        if !groups.overlap && select.wants_free(report.free.delta_size) {
            self.text(FREE).text("").text("").number(0).totals(&report.free).end()?;
        }
        Ok(())
    }

    /// Several dumps: the growing types, section by section; a type of a base type or interface comes again in another section.
    pub fn suspects(&mut self, report: &DiffReport, suspects: &Suspects, select: &Select) -> io::Result<()> {
        self.text("section").text("group").text("type_name").text("module").text("owner");
        for number in 1..=report.dumps.len() {
            self.text(&format!("count_{number}")).text(&format!("size_{number}"));
        }
        self.text("delta_count").text("delta_size").text("delta_old");
        for number in 1..=report.dumps.len() {
            self.text(&format!("slots_{number}"));
        }
        self.end()?;
        for line in lines(report, suspects, select) {
            let row = line.row;
            self.text(line.section).text(&line.group).text(row.name(select.names)).text(&row.module);
            self.text(row.owner.text()).totals(&row.totals).known(line.old);
            for dump in 0..report.dumps.len() {
                self.known(line.slots.get(dump).copied().flatten());
            }
            self.end()?;
        }
        Ok(())
    }

    /// A number, or nothing where it is not known.
    fn known(&mut self, number: Option<impl std::fmt::Display>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.text(""),
        }
    }

    fn totals(&mut self, totals: &DiffTotals) -> &mut Self {
        for (&count, &size) in totals.counts.iter().zip(&totals.sizes) {
            self.number(count).number(size);
        }
        self.number(totals.delta_count).number(totals.delta_size)
    }

    fn header(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    pub(super) fn number(&mut self, number: impl std::fmt::Display) -> &mut Self {
        let _ = write!(self.line, "{number},");
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        let shown = if self.terminal { visible(text) } else { text.into() };
        let formula = shown.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        let apostrophe = if formula { "'" } else { "" };
        if shown.contains(['"', ',', '\n', '\r']) {
            let _ = write!(self.line, "\"{apostrophe}{}\",", shown.replace('"', "\"\""));
        } else {
            let _ = write!(self.line, "{apostrophe}{shown},");
        }
        self
    }

    pub(super) fn end(&mut self) -> io::Result<()> {
        self.line.pop();
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::select::Sort;
    use crate::export::testing::matching;
    use crate::export::testing::{self, snapshot};
    use crate::report::GroupBy;

    fn text(write: impl Fn(&mut Csv) -> io::Result<()>) -> String {
        testing::written(|out| write(&mut Csv::new(out, false)))
    }

    #[test]
    fn stat() {
        let (report, _) = testing::pair();
        snapshot("stat-csv-mt", &text(|csv| csv.stat(&report, By::Mt, &testing::select())));
        snapshot("stat-csv-type", &text(|csv| csv.stat(&report, By::Type, &testing::select())));
    }

    #[test]
    fn diff() {
        let (a, b) = testing::pair();
        let report = crate::diff::diff(&[a.clone(), b.clone(), a]).unwrap();
        let select = Select { sort: Sort::Delta, ..testing::select() };
        snapshot("diff-csv", &text(|csv| csv.diff(&report, &select)));
        let filtered = Select { filter: Some(matching("^System")), ..select };
        assert!(!text(|csv| csv.diff(&report, &filtered)).contains("Free"));
    }

    #[test]
    fn groups() {
        let report = testing::compared();
        let select = Select { sort: Sort::Delta, ..testing::select() };
        let of = |by| text(|csv| csv.groups(&report, &crate::diff::group(&report, by), &select));
        snapshot("diff-csv-groups", &[of(GroupBy::Kind), of(GroupBy::Interface)].concat());
    }

    /// The row without its line feed.
    fn cell(name: &str, terminal: bool) -> String {
        let mut out = Vec::new();
        Csv::new(&mut out, terminal).text(name).end().unwrap();
        let line = String::from_utf8(out).unwrap();
        line.strip_suffix('\n').unwrap().to_owned()
    }

    #[test]
    fn cells_are_quoted_as_python_reads_them() {
        assert_eq!(cell("System.String", false), "System.String");
        assert_eq!(cell("D`2[[A, m],[B, m]]", false), "\"D`2[[A, m],[B, m]]\"");
        assert_eq!(cell("a\"b", false), "\"a\"\"b\"");
        assert_eq!(cell("a\nb", false), "\"a\nb\"");
        assert_eq!(cell("", false), "");
    }

    #[test]
    fn a_spreadsheet_finds_no_formula() {
        for name in ["=1+1", "+A1", "-A1", "@SUM(A1)", "\tx"] {
            assert_eq!(cell(name, false), format!("'{name}"));
        }
        assert_eq!(cell("=HYPERLINK(\"http://x\",\"y\")", false), "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
        assert_eq!(cell("\r=1", false), "\"'\r=1\"");
        assert_eq!(cell("\n=1", false), "\"'\n=1\"");
        // Inside a name they are harmless, and the numbers of a diff keep their sign.
        assert_eq!(cell("Outer+Inner", false), "Outer+Inner");
    }

    #[test]
    fn a_terminal_gets_no_control_characters() {
        assert_eq!(cell("a\u{1b}[2J\nb", true), r"a\u{1b}[2J\u{a}b");
        assert_eq!(cell("a\u{1b}[2J", false), "a\u{1b}[2J");
    }
}
