//! Which rows, in which order: `--filter`, `--sort`, `--top`, `--min-delta`, the same for every format.

use super::Names;
use crate::report::{DiffRow, DiffTotals, FREE, GroupRow, MethodTableRow, TypeRow};
use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

/// What the options need of a row of any kind.
pub trait Row {
    /// Classic spelling of its name.
    fn classic(&self) -> &str;
    /// C# spelling.
    fn csharp(&self) -> &str;
    /// Assembly simple name.
    fn module(&self) -> &str;
    /// The columns of a row of several dumps.
    fn totals(&self) -> Option<&DiffTotals> {
        None
    }
    /// Objects; of several dumps: in the last one.
    fn count(&self) -> u64 {
        self.totals().and_then(|t| t.counts.last().copied()).unwrap_or(0)
    }
    /// Unaligned bytes; of several dumps: in the last one.
    fn size(&self) -> u64 {
        self.totals().and_then(|t| t.sizes.last().copied()).unwrap_or(0)
    }
    /// Absolute size delta.
    fn delta(&self) -> u64 {
        self.totals().map_or(0, |t| t.delta_size.unsigned_abs())
    }
    /// Address of its method table, if it is a row of one.
    fn method_table(&self) -> Option<u64> {
        None
    }

    /// Its name in the spelling asked for.
    fn name(&self, names: Names) -> &str {
        match names {
            Names::Sos => self.classic(),
            Names::Csharp => self.csharp(),
        }
    }
}

impl Row for TypeRow {
    fn classic(&self) -> &str {
        &self.type_name
    }
    fn csharp(&self) -> &str {
        &self.type_name_csharp
    }
    fn module(&self) -> &str {
        &self.module
    }
    fn count(&self) -> u64 {
        self.count
    }
    fn size(&self) -> u64 {
        self.total_size
    }
}

impl Row for MethodTableRow {
    fn classic(&self) -> &str {
        &self.type_name
    }
    fn csharp(&self) -> &str {
        &self.type_name_csharp
    }
    fn module(&self) -> &str {
        &self.module
    }
    fn count(&self) -> u64 {
        self.count
    }
    fn size(&self) -> u64 {
        self.total_size
    }
    fn method_table(&self) -> Option<u64> {
        Some(self.method_table.0)
    }
}

impl Row for DiffRow {
    fn classic(&self) -> &str {
        &self.type_name
    }
    fn csharp(&self) -> &str {
        &self.type_name_csharp
    }
    fn module(&self) -> &str {
        &self.module
    }
    fn totals(&self) -> Option<&DiffTotals> {
        Some(&self.totals)
    }
}

impl Row for GroupRow {
    fn classic(&self) -> &str {
        &self.name
    }
    fn csharp(&self) -> &str {
        &self.name_csharp
    }
    fn module(&self) -> &str {
        &self.module
    }
    fn totals(&self) -> Option<&DiffTotals> {
        Some(&self.totals)
    }
}

/// The key of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Unaligned bytes, in the last dump.
    Size,
    /// Objects, in the last dump.
    Count,
    /// The alphabet.
    Name,
    /// Absolute change of size.
    Delta,
}

/// Which names are wanted. A closure, so that only the command line carries a regular expression engine.
#[derive(Clone)]
pub struct Filter(Rc<dyn Fn(&str) -> bool>);

impl Filter {
    /// Wants the names that the closure is true for.
    pub fn new(is_match: impl Fn(&str) -> bool + 'static) -> Filter {
        Filter(Rc::new(is_match))
    }

    fn is_match(&self, name: &str) -> bool {
        (self.0)(name)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}

/// The options of one call.
#[derive(Debug, Clone)]
pub struct Select {
    /// Spelling.
    pub names: Names,
    /// Names wanted; all if there is none.
    pub filter: Option<Filter>,
    /// Order.
    pub sort: Sort,
    /// Rows at most.
    pub top: Option<usize>,
    /// The least absolute change of size, bytes.
    pub min_delta: u64,
}

/// Largest first, or as SOS prints: the largest last, under the eyes of who scrolled to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Largest first.
    Descending,
    /// Largest last.
    Ascending,
}

impl Select {
    /// What is selected where nothing was asked for: everything. `people` read it, or programs.
    pub fn everything(sort: Sort, people: bool) -> Select {
        Select { names: Names::usual(people), filter: None, sort, top: None, min_delta: 0 }
    }

    /// Drops the rows that the filter or `--min-delta` does not want.
    pub fn keep<T: Row>(&self, rows: &mut Vec<T>) {
        rows.retain(|row| row.delta() >= self.min_delta && self.matches(row.classic(), row.csharp()));
    }

    /// True if the row of free blocks is wanted.
    pub fn wants_free(&self, delta_size: i64) -> bool {
        delta_size.unsigned_abs() >= self.min_delta && self.matches(FREE, FREE)
    }

    fn matches(&self, classic: &str, csharp: &str) -> bool {
        self.filter.as_ref().is_none_or(|wanted| wanted.is_match(classic) || wanted.is_match(csharp))
    }

    /// Sorts and cuts off. Names always ascend, since nobody reads an alphabet backwards.
    pub fn arrange<T: Row>(&self, rows: &mut Vec<T>, direction: Direction) {
        crate::order::by(rows, |a, b| self.order(a, b));
        if let Some(top) = self.top {
            rows.truncate(top);
        }
        if direction == Direction::Ascending && self.sort != Sort::Name {
            rows.reverse();
        }
    }

    /// Largest first. Equal rows of method tables ascend by address, so that the reverse is what SOS prints
    /// ([`MethodTableRow::sos_order`]); others ascend by name.
    fn order(&self, a: &dyn Row, b: &dyn Row) -> Ordering {
        let by_name = || a.name(self.names).cmp(b.name(self.names)).then_with(|| a.module().cmp(b.module()));
        let by_address = a.method_table().cmp(&b.method_table());
        let tie = || by_address.then_with(by_name);
        match self.sort {
            Sort::Size => b.size().cmp(&a.size()).then_with(tie),
            Sort::Count => b.count().cmp(&a.count()).then_with(|| b.size().cmp(&a.size())).then_with(tie),
            Sort::Delta => b.delta().cmp(&a.delta()).then_with(tie),
            Sort::Name => by_name().then(by_address),
        }
    }
}

impl<R: Row> Row for &R {
    fn classic(&self) -> &str {
        (**self).classic()
    }
    fn csharp(&self) -> &str {
        (**self).csharp()
    }
    fn module(&self) -> &str {
        (**self).module()
    }
    fn totals(&self) -> Option<&DiffTotals> {
        (**self).totals()
    }
    fn count(&self) -> u64 {
        (**self).count()
    }
    fn size(&self) -> u64 {
        (**self).size()
    }
    fn method_table(&self) -> Option<u64> {
        (**self).method_table()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing::{self, matching};

    fn names(rows: &[MethodTableRow]) -> Vec<String> {
        rows.iter().map(|r| r.method_table.to_string()).collect()
    }

    #[test]
    fn ascending_is_what_sos_prints() {
        let mut rows =
            testing::rows(&[("30", 1, 24, "C"), ("10", 1, 24, "A"), ("100", 1, 24, "B"), ("20", 9, 12, "D")]);
        let mut expected = rows.clone();
        expected.sort_by(|a, b| a.sos_order(b));
        testing::select().arrange(&mut rows, Direction::Ascending);
        assert_eq!(names(&rows), ["20", "100", "30", "10"]);
        assert_eq!(rows, expected);
    }

    #[test]
    fn top_keeps_the_largest_in_both_directions() {
        let all = testing::rows(&[("1", 1, 10, "A"), ("2", 1, 30, "B"), ("3", 5, 20, "C")]);
        let select = Select { top: Some(2), ..testing::select() };
        let mut rows = all.clone();
        select.arrange(&mut rows, Direction::Descending);
        assert_eq!(names(&rows), ["2", "3"]);
        let mut rows = all.clone();
        select.arrange(&mut rows, Direction::Ascending);
        assert_eq!(names(&rows), ["3", "2"]);
        let mut rows = all.clone();
        Select { sort: Sort::Count, top: Some(1), ..testing::select() }.arrange(&mut rows, Direction::Ascending);
        assert_eq!(names(&rows), ["3"]);
        let mut rows = all;
        Select { sort: Sort::Name, top: Some(2), ..testing::select() }.arrange(&mut rows, Direction::Ascending);
        assert_eq!(names(&rows), ["1", "2"]);
    }

    #[test]
    fn a_filter_takes_either_spelling() {
        let all = testing::rows(&[
            ("1", 1, 10, "List`1[[System.Int32, m]]"),
            ("2", 1, 30, "Free"),
            ("3", 5, 20, "App.Outer+Inner"),
        ]);
        for (regex, want) in
            [("Int32", &["1"][..]), (r"^App\.Outer\.Inner$", &["3"]), (r"Outer\+", &["3"]), ("nothing", &[])]
        {
            let mut rows = all.clone();
            let select = Select { filter: Some(matching(regex)), ..testing::select() };
            select.keep(&mut rows);
            assert_eq!(names(&rows), want, "{regex}");
            assert!(!select.wants_free(0));
        }
        assert!(Select { filter: Some(matching("^Free$")), ..testing::select() }.wants_free(0));
        assert!(!Select { min_delta: 10, ..testing::select() }.wants_free(-9));
        assert!(Select { min_delta: 10, ..testing::select() }.wants_free(-10));
    }
}
