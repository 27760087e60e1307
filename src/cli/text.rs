//! Words and numbers for people, and the aligned grid of `table` and `info`.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// A stranger's text without what a terminal would obey or hide: control characters (escape sequences, line breaks) and marks of
/// writing direction are spelled out.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(invisible) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if invisible(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// C0, DEL and C1; line and paragraph separators; bidirectional marks, embeddings, overrides and isolates.
pub fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1234567` -> `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len().saturating_mul(2));
    for (place, digit) in (1..=digits.len()).rev().zip(digits.chars()) {
        out.push(digit);
        if place > 1 && place % 3 == 1 {
            out.push(',');
        }
    }
    out
}

/// `+1,234`, `-5`, `0`.
pub fn signed(number: i64) -> String {
    let sign = match number {
        1.. => "+",
        0 => "",
        _ => "-",
    };
    format!("{sign}{}", grouped(number.unsigned_abs()))
}

/// `1 object`, `2 objects`.
pub fn several(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// Seconds -> `2 d 3 h 4 min`, `3 min 12 s`: the two or three largest units.
pub fn duration(seconds: u64) -> String {
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min {rest} s"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{} d {hours} h {minutes} min", grouped(days)),
    }
}

/// The last part of a path of either system.
pub fn base_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

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
    fn numbers_are_grouped() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345, "12,345"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(n), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!((signed(1234).as_str(), signed(-5).as_str(), signed(0).as_str()), ("+1,234", "-5", "0"));
        assert_eq!(signed(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn durations_have_few_units() {
        assert_eq!(duration(0), "0 s");
        assert_eq!(duration(192), "3 min 12 s");
        assert_eq!(duration(3600 * 5 + 62), "5 h 1 min");
        assert_eq!(duration(86_400 * 2 + 3600 * 3 + 60 * 4 + 5), "2 d 3 h 4 min");
    }

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        assert_eq!(visible("List`1[[A, m]]"), "List`1[[A, m]]");
        assert_eq!(visible("a\u{1b}[31mb\nc\u{9b}d\u{202e}e\u{7f}"), r"a\u{1b}[31mb\u{a}c\u{9b}d\u{202e}e\u{7f}");
        assert_eq!(visible("Zoë 漢字"), "Zoë 漢字");
    }

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
