//! The aligned grid of `table` and `info`.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use std::fmt::Write as _;
use std::io::{self, Write};

/// Columns of short text, then one column of any length: that one stays outside the table, which would pad every line to the
/// longest of a stranger's names.
pub struct Grid {
    table: Table,
    last: Vec<String>,
}

/// The longest text in a column that is not the last.
const CLIP: usize = 100;

impl Grid {
    /// A grid with a title per column; `right` says which of them hold numbers.
    pub fn new(titles: &[&str], right: &[bool]) -> Grid {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let mut grid = Grid { table, last: Vec::new() };
        grid.row(titles.iter().map(|&t| t.to_owned()).collect());
        for (column, &right) in grid.table.column_iter_mut().zip(right) {
            column.set_padding((0, 2));
            column.set_cell_alignment(if right { CellAlignment::Right } else { CellAlignment::Left });
        }
        grid
    }

    /// Adds a row; an empty one is a blank line.
    pub fn row(&mut self, mut cells: Vec<String>) {
        self.last.push(cells.pop().unwrap_or_default());
        self.table.add_row(cells.into_iter().map(clip));
    }

    /// Writes the lines.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        for (cells, last) in self.table.lines().zip(&self.last) {
            line.clear();
            let _ = write!(line, "{cells}{last}");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn clip(cell: String) -> String {
    match cell.char_indices().nth(CLIP) {
        Some((at, _)) => format!("{}…", cell.get(..at).unwrap_or_default()),
        None => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_aligns_and_keeps_long_names_whole() {
        let mut grid = Grid::new(&["N", "Where", "Name"], &[true, false, false]);
        let long = "x".repeat(70_000);
        grid.row(vec!["1,000".into(), "a".into(), long.clone()]);
        grid.row(vec![]);
        grid.row(vec!["5".into(), "y".repeat(101), String::new()]);
        let mut out = Vec::new();
        grid.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].trim_end_matches("Name").trim_end(), "    N  Where");
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["1,000", "a", &long]);
        assert_eq!(lines[2], "");
        assert_eq!(lines[3], format!("    5  {}…", "y".repeat(100)));
    }
}
