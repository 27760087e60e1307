//! `--format json`: the reports as they are ([`crate::report`]), pretty-printed, rows chosen and ordered by the options.

use super::select::{Direction, Select};
use super::text::invisible;
use crate::report::{DiffReport, HeapReport};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
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

/// Prints any value. Everything that is printed as JSON goes through here: another kind of writer or formatter would be another copy of all the
/// code that prints a report.
pub fn print(value: &impl Serialize, layout: Layout, mut out: &mut dyn Write) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut out, layout))
}

/// How JSON is laid out.
pub struct Layout {
    lines: Option<PrettyFormatter<'static>>,
    exact: bool,
}

impl Layout {
    /// For people: a line each.
    pub fn pretty() -> Layout {
        Layout { lines: Some(PrettyFormatter::new()), exact: false }
    }

    /// For JavaScript: no spaces, and a number that it could not read as it is, is an error.
    pub fn exact() -> Layout {
        Layout { lines: None, exact: true }
    }

    fn check(&self, size: u64) -> io::Result<()> {
        if self.exact && size > MAX_SAFE { Err(io::Error::other(TOO_LARGE)) } else { Ok(()) }
    }
}

/// The largest whole number that is exact in JavaScript, 2^53 - 1.
pub const MAX_SAFE: u64 = 9_007_199_254_740_991;

/// What is said of a larger one.
pub const TOO_LARGE: &str = "a number of the report does not fit into a JavaScript number: the dump is damaged";

/// The places where pretty JSON has white space.
macro_rules! lines {
    ($($method:ident($($first:ident)?) $plain:expr;)*) => {$(
        fn $method<W: ?Sized + Write>(&mut self, out: &mut W $(, $first: bool)?) -> io::Result<()> {
            match &mut self.lines {
                Some(lines) => lines.$method(out $(, $first)?),
                None => out.write_all($plain),
            }
        }
    )*};
}

impl Formatter for Layout {
    fn write_u64<W: ?Sized + Write>(&mut self, out: &mut W, value: u64) -> io::Result<()> {
        self.check(value)?;
        write!(out, "{value}")
    }

    fn write_i64<W: ?Sized + Write>(&mut self, out: &mut W, value: i64) -> io::Result<()> {
        self.check(value.unsigned_abs())?;
        write!(out, "{value}")
    }

    fn write_u32<W: ?Sized + Write>(&mut self, out: &mut W, value: u32) -> io::Result<()> {
        self.write_u64(out, value.into())
    }

    /// What JSON leaves as it is but a terminal obeys (DEL, C1 controls, marks of direction) is escaped too for people: the same JSON, other letters.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if self.lines.is_none() || !fragment.contains(invisible) {
            return out.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if invisible(c) {
                write!(out, "\\u{:04x}", u32::from(c))?;
            } else {
                write!(out, "{c}")?;
            }
        }
        Ok(())
    }

    lines! {
        begin_array() b"[";
        end_array() b"]";
        begin_array_value(first) if first { b"" } else { b"," };
        end_array_value() b"";
        begin_object() b"{";
        end_object() b"}";
        begin_object_key(first) if first { b"" } else { b"," };
        begin_object_value() b":";
        end_object_value() b"";
    }
}

/// For people, with a line feed at the end.
pub fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    print(value, Layout::pretty(), out)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::select::Sort;
    use crate::export::testing::matching;
    use crate::export::testing::{self, snapshot};

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn stat_is_the_report() {
        let (report, _) = testing::pair();
        let json = text(|out| stat(&mut report.clone(), &testing::select(), out));
        assert_eq!(serde_json::from_str::<HeapReport>(&json).unwrap(), report);
        let one = Select { filter: Some(matching("Customer")), top: Some(1), ..testing::select() };
        let mut some = report;
        // The evidence and segments are in the snapshot of `info`.
        some.heap.segments.clear();
        some.runtime.evidence.clear();
        snapshot("stat-json", &text(|out| stat(&mut some, &one, out)));
    }

    #[test]
    fn diff_is_the_report() {
        let (a, b) = testing::pair();
        let mut report = crate::diff::diff(&[a, b]).unwrap();
        let select = Select { sort: Sort::Delta, ..testing::select() };
        let json = text(|out| diff(&mut report.clone(), &select, out));
        assert_eq!(serde_json::from_str::<DiffReport>(&json).unwrap(), report);
        let one = Select { filter: Some(matching("Customer$")), ..select };
        snapshot("diff-json", &text(|out| diff(&mut report, &one, out)));
    }

    #[test]
    fn terminals_obey_nothing_in_it() {
        let name = "a\u{1b}[2J\u{9b}2J\u{7f}\u{202e}é\n";
        let json = text(|out| write(&[name], out));
        assert_eq!(json, "[\n  \"a\\u001b[2J\\u009b2J\\u007f\\u202eé\\n\"\n]\n");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [name]);
    }
}
