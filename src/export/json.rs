//! `--format json`: the reports as they are ([`crate::report`]), pretty-printed, rows chosen and ordered by the options.

use super::select::{Direction, Select};
use crate::printing::{Printer, Shown};
use crate::report::{DiffReport, HeapReport};
use std::io::{self, Write};

/// Types descend, method tables ascend as in SOS: the rows of the report are brought into that order.
pub fn stat(report: &mut HeapReport, select: &Select, out: &mut dyn Write) -> io::Result<()> {
    select.keep(&mut report.types);
    select.arrange(&mut report.types, Direction::Descending);
    select.keep(&mut report.method_tables);
    select.arrange(&mut report.method_tables, Direction::Ascending);
    write(report, out)
}

/// All types, changed or not. Of a grouped report the groups are chosen and ordered: its rows stay all, since they say who is in a group; with
/// suspects the rows stay in their order too, since those name them by their place.
pub fn diff(report: &mut DiffReport, select: &Select, out: &mut dyn Write) -> io::Result<()> {
    if report.suspects.is_some() {
        return write(report, out);
    }
    if let Some(groups) = &mut report.groups {
        select.keep(&mut groups.rows);
        select.arrange(&mut groups.rows, Direction::Descending);
    } else {
        select.keep(&mut report.rows);
        select.arrange(&mut report.rows, Direction::Descending);
    }
    write(report, out)
}

/// The largest whole number that is exact in JavaScript, 2^53 - 1.
pub const MAX_SAFE: u64 = 9_007_199_254_740_991;

/// What is said of a larger one.
pub const TOO_LARGE: &str = "a number of the report does not fit into a JavaScript number: the dump is damaged";

/// For people, with a line feed at the end.
pub fn write(value: &dyn Shown, out: &mut dyn Write) -> io::Result<()> {
    value.show(&mut Printer::pretty(out))?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::select::Sort;
    use crate::export::testing::{self, matching, snapshot, written};

    #[test]
    fn stat_is_the_report() {
        let (report, _) = testing::pair();
        let json = written(|out| stat(&mut report.clone(), &testing::select(), out));
        assert_eq!(serde_json::from_str::<HeapReport>(&json).unwrap(), report);
        let one = Select { filter: Some(matching("Customer")), top: Some(1), ..testing::select() };
        let mut some = report;
        // The evidence and segments are in the snapshot of `info`.
        some.heap.segments.clear();
        some.runtime.evidence.clear();
        snapshot("stat-json", &written(|out| stat(&mut some, &one, out)));
    }

    #[test]
    fn diff_is_the_report() {
        let mut report = testing::compared();
        let select = Select { sort: Sort::Delta, ..testing::select() };
        let json = written(|out| diff(&mut report.clone(), &select, out));
        assert_eq!(serde_json::from_str::<DiffReport>(&json).unwrap(), report);
        let one = Select { filter: Some(matching("Customer$")), ..select };
        snapshot("diff-json", &written(|out| diff(&mut report, &one, out)));
    }

    #[test]
    fn terminals_obey_nothing_in_it() {
        let name = "a\u{1b}[2J\u{9b}2J\u{7f}\u{202e}é\n";
        let json = written(|out| write(&[name], out));
        assert_eq!(json, "[\n  \"a\\u001b[2J\\u009b2J\\u007f\\u202eé\\n\"\n]\n");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [name]);
    }
}
