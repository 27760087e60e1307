//! A report on its way from the instance of the WebAssembly that read the dump to the one that holds the reports: JSON in pieces, a line each. A report of
//! 100,000 types is some 200 MB of JSON, and no memory here has to hold more of it than a piece.
//!
//! The first piece is the report without its rows, each other one is a report of some rows. A method table whose names are those of the type that lists
//! it crosses without them: its row shares the type's again when it has arrived.

use crate::compact::Text;
use crate::memory::Addr;
use crate::order;
use crate::printing::{Printer, Shown};
use crate::reading::from_slice;
use crate::report::{HeapReport, MethodTableRow, TypeRow};
use std::io;

/// Rows of one piece: some 2 MB.
const ROWS: usize = 2048;

/// Gives the pieces of a report to `send`, each with the line feed that ends it. The rows are used up.
///
/// # Errors
/// [`Printer::exact`]'s.
pub fn write(report: &mut HeapReport, send: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let by_table = ByTable::of(&report.types);
    for row in &mut report.method_tables {
        let names = |t: &TypeRow| {
            (&t.type_name, &t.type_name_csharp, &t.module) == (&row.type_name, &row.type_name_csharp, &row.module)
        };
        if by_table.find(&report.types, row).is_some_and(names) {
            (row.type_name, row.type_name_csharp, row.module) = Default::default();
        }
    }
    let mut types = std::mem::take(&mut report.types).into_iter();
    let mut method_tables = std::mem::take(&mut report.method_tables).into_iter();
    send_piece(report, send)?;
    while types.len() > 0 || method_tables.len() > 0 {
        let (types, method_tables) = (types.by_ref().take(ROWS), method_tables.by_ref().take(ROWS));
        let rows =
            HeapReport { types: types.collect(), method_tables: method_tables.collect(), ..HeapReport::default() };
        send_piece(&rows, send)?;
    }
    Ok(())
}

fn send_piece(piece: &HeapReport, send: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut line = Vec::new();
    piece.show(&mut Printer::exact(&mut line))?;
    line.push(b'\n');
    send(&line);
    Ok(())
}

/// Puts a report together of its pieces, which `next` gives in order, with or without the line feed.
///
/// # Errors
/// Those of [`from_slice`].
pub fn read(next: &mut dyn FnMut() -> Option<Vec<u8>>) -> Result<HeapReport, String> {
    let mut report: HeapReport = from_slice(&next().unwrap_or_default())?;
    while let Some(piece) = next() {
        let mut more: HeapReport = from_slice(&piece)?;
        report.types.append(&mut more.types);
        report.method_tables.append(&mut more.method_tables);
    }
    let by_table = ByTable::of(&report.types);
    for row in &mut report.method_tables {
        if row.type_name.is_empty()
            && let Some(known) = by_table.find(&report.types, row)
        {
            let share = Text::clone;
            (row.type_name, row.type_name_csharp, row.module) =
                (share(&known.type_name), share(&known.type_name_csharp), share(&known.module));
        }
    }
    Ok(report)
}

/// The type that lists a method table.
struct ByTable(Vec<(Addr, usize)>);

impl ByTable {
    fn of(types: &[TypeRow]) -> ByTable {
        let mut all = Vec::with_capacity(types.len());
        for (number, ty) in types.iter().enumerate() {
            all.extend(ty.method_tables.iter().map(|&table| (table, number)));
        }
        order::ascending(&mut all);
        ByTable(all)
    }

    fn find<'t>(&self, types: &'t [TypeRow], row: &MethodTableRow) -> Option<&'t TypeRow> {
        let at = self.0.partition_point(|known| known.0 < row.method_table);
        let known = self.0.get(at).filter(|known| known.0 == row.method_table)?;
        types.get(known.1)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "small numbers of the tests")]
mod tests {
    use super::*;
    use crate::report::Owner;

    fn crossed(mut report: HeapReport) -> (HeapReport, Vec<Vec<u8>>) {
        let mut pieces = Vec::new();
        write(&mut report, &mut |piece| pieces.push(piece.to_vec())).unwrap();
        let mut next = pieces.clone().into_iter();
        (read(&mut || next.next()).unwrap(), pieces)
    }

    #[test]
    fn a_report_arrives_as_it_was() {
        let (report, _) = crate::export::testing::pair();
        assert!(report.method_tables.iter().any(|r| r.type_name == crate::report::FREE));
        let (arrived, pieces) = crossed(report.clone());
        assert_eq!(arrived, report);
        assert_eq!(pieces.len(), 2);
        assert_eq!(crossed(HeapReport::default()).0, HeapReport::default());
        for piece in pieces {
            assert_eq!(piece.iter().position(|&b| b == b'\n'), Some(piece.len() - 1));
        }
    }

    #[test]
    fn many_rows_come_in_pieces_and_share_their_names() {
        let mut report = crate::export::testing::parse("");
        let rows = ROWS as u64 * 2 + 5;
        let name = |n: u64| Text::from(format!("N`1[[T{n}, m]]"));
        for n in 0..rows {
            let table = Addr(0x1000 + n * 8);
            report.types.push(TypeRow { type_name: name(n), method_tables: vec![table], ..TypeRow::default() });
            let mut row = MethodTableRow { method_table: table, type_name: name(n), ..MethodTableRow::default() };
            if n == 7 {
                // Not as its type has it: crosses as it is.
                (row.type_name_csharp, row.owner) = ("other".into(), Owner::Yours);
            }
            report.method_tables.push(row);
        }
        // None of a type, and one without a name.
        report.method_tables.push(MethodTableRow { type_name: "Free".into(), ..MethodTableRow::default() });
        report.method_tables.push(MethodTableRow { method_table: Addr(1), ..MethodTableRow::default() });
        let (arrived, pieces) = crossed(report.clone());
        assert_eq!(arrived, report);
        assert_eq!(pieces.len(), 4);
        let largest = pieces.iter().map(Vec::len).max().unwrap();
        assert!(largest < serde_json::to_vec(&report).unwrap().len() / 2, "{largest}");
        for (ty, row) in arrived.types.iter().zip(&arrived.method_tables).filter(|(_, r)| r.type_name_csharp.is_empty())
        {
            assert!(std::ptr::eq(ty.type_name.as_str(), row.type_name.as_str()));
        }
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(read(&mut || None).is_err());
        let mut pieces = [b"{}".to_vec()].into_iter();
        assert!(read(&mut || pieces.next()).is_err());
    }
}
