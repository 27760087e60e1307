//! Which rows, in which order: `--filter`, `--sort`, `--top`, `--min-delta`, the same for every format.

use super::args::{DiffSort, Names, StatSort};
use dropheap::report::{DiffRow, FREE, GroupRow, MethodTableRow, TypeRow};
use regex::Regex;
use std::cmp::Ordering;

/// What the options need of a row of any kind.
pub trait Row {
    fn classic(&self) -> &str;
    fn csharp(&self) -> &str;
    fn module(&self) -> &str;
    /// Objects; of several dumps: in the last one.
    fn count(&self) -> u64;
    /// Unaligned bytes; of several dumps: in the last one.
    fn size(&self) -> u64;
    /// Absolute size delta.
    fn delta(&self) -> u64 {
        0
    }
    fn method_table(&self) -> Option<u64> {
        None
    }

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
        self.address()
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
    fn count(&self) -> u64 {
        self.totals.counts.last().copied().unwrap_or(0)
    }
    fn size(&self) -> u64 {
        self.totals.sizes.last().copied().unwrap_or(0)
    }
    fn delta(&self) -> u64 {
        self.totals.delta_size.unsigned_abs()
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
    fn count(&self) -> u64 {
        self.totals.counts.last().copied().unwrap_or(0)
    }
    fn size(&self) -> u64 {
        self.totals.sizes.last().copied().unwrap_or(0)
    }
    fn delta(&self) -> u64 {
        self.totals.delta_size.unsigned_abs()
    }
}

/// The key of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Size,
    Count,
    Name,
    Delta,
}

impl From<StatSort> for Sort {
    fn from(sort: StatSort) -> Sort {
        match sort {
            StatSort::Size => Sort::Size,
            StatSort::Count => Sort::Count,
            StatSort::Name => Sort::Name,
        }
    }
}

impl From<DiffSort> for Sort {
    fn from(sort: DiffSort) -> Sort {
        match sort {
            DiffSort::Size => Sort::Size,
            DiffSort::Count => Sort::Count,
            DiffSort::Name => Sort::Name,
            DiffSort::Delta => Sort::Delta,
        }
    }
}

/// The options of one call.
#[derive(Debug, Clone)]
pub struct Select {
    pub names: Names,
    pub filter: Option<Regex>,
    pub sort: Sort,
    pub top: Option<usize>,
    pub min_delta: u64,
}

/// Largest first, or as SOS prints: the largest last, under the eyes of who scrolled to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Descending,
    Ascending,
}

impl Select {
    /// Drops the rows that the filter or `--min-delta` does not want.
    pub fn keep<T: Row>(&self, rows: &mut Vec<T>) {
        rows.retain(|row| row.delta() >= self.min_delta && self.matches(row.classic(), row.csharp()));
    }

    /// True if the row of free blocks is wanted.
    pub fn wants_free(&self, delta_size: i64) -> bool {
        delta_size.unsigned_abs() >= self.min_delta && self.matches(FREE, FREE)
    }

    fn matches(&self, classic: &str, csharp: &str) -> bool {
        self.filter.as_ref().is_none_or(|regex| regex.is_match(classic) || regex.is_match(csharp))
    }

    /// Sorts and cuts off. Names always ascend, since nobody reads an alphabet backwards.
    pub fn arrange<T: Row>(&self, rows: &mut Vec<T>, direction: Direction) {
        rows.sort_by(|a, b| self.order(a, b));
        if let Some(top) = self.top {
            rows.truncate(top);
        }
        if direction == Direction::Ascending && self.sort != Sort::Name {
            rows.reverse();
        }
    }

    /// Largest first. Equal rows of method tables ascend by address, so that the reverse is what SOS prints
    /// ([`MethodTableRow::sos_order`]); others ascend by name.
    fn order<T: Row>(&self, a: &T, b: &T) -> Ordering {
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
    fn count(&self) -> u64 {
        (**self).count()
    }
    fn size(&self) -> u64 {
        (**self).size()
    }
    fn delta(&self) -> u64 {
        (**self).delta()
    }
    fn method_table(&self) -> Option<u64> {
        (**self).method_table()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::testing;

    fn names(rows: &[MethodTableRow]) -> Vec<&str> {
        rows.iter().map(|r| r.method_table.as_str()).collect()
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
            [("Int32", vec!["1"]), (r"^App\.Outer\.Inner$", vec!["3"]), (r"Outer\+", vec!["3"]), ("nothing", vec![])]
        {
            let mut rows = all.clone();
            let select = Select { filter: Some(Regex::new(regex).unwrap()), ..testing::select() };
            select.keep(&mut rows);
            assert_eq!(names(&rows), want, "{regex}");
            assert!(!select.wants_free(0));
        }
        assert!(Select { filter: Some(Regex::new("^Free$").unwrap()), ..testing::select() }.wants_free(0));
        assert!(!Select { min_delta: 10, ..testing::select() }.wants_free(-9));
        assert!(Select { min_delta: 10, ..testing::select() }.wants_free(-10));
    }
}
