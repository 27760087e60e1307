//! `--format md`: a GitHub-flavoured Markdown table, to be pasted into an issue. Names are escaped, so that a type cannot format,
//! link or break the table.

use super::account;
use super::select::Select;
use super::sheet::{self, Sheet};
use crate::report::DiffReport;
use std::io::{self, Write};

/// A comparison: types or groups; then the accounts of memory, if all dumps have one.
pub fn diff(report: &DiffReport, select: &Select, out: &mut dyn Write) -> io::Result<()> {
    write(&sheet::comparison(report, select), out)?;
    if let Some(memory) = account::sheet(report) {
        writeln!(out)?;
        write(&memory, out)?;
    }
    Ok(())
}

/// Facts, table, sums, notes.
pub fn write(sheet: &Sheet, out: &mut dyn Write) -> io::Result<()> {
    for fact in &sheet.facts {
        writeln!(out, "- {}", escape(fact))?;
    }
    writeln!(out)?;
    line(out, sheet.titles.iter().map(String::as_str))?;
    line(out, sheet.right.iter().map(|&right| if right { "---:" } else { "---" }))?;
    for row in &sheet.rows {
        line(out, row.iter().map(|cell| escape(cell)))?;
    }
    for row in &sheet.foot {
        line(
            out,
            row.iter().map(|cell| if cell.is_empty() { String::new() } else { format!("**{}**", escape(cell)) }),
        )?;
    }
    if !sheet.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &sheet.notes {
        writeln!(out, "{}", escape(note))?;
    }
    Ok(())
}

fn line<T: AsRef<str>>(out: &mut dyn Write, cells: impl Iterator<Item = T>) -> io::Result<()> {
    write!(out, "|")?;
    for cell in cells {
        write!(out, " {} |", cell.as_ref())?;
    }
    writeln!(out)
}

/// Every character that means something inside a line of Markdown. `<`, `>` and `&` become entities: some renderers take HTML even
/// behind a backslash.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '|' | '*' | '_' | '[' | ']' | '~' | '#' | '$' | '!' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::By;
    use crate::export::select::Sort;
    use crate::export::sheet;
    use crate::export::testing::{self, snapshot};

    fn text(sheet: &Sheet) -> String {
        testing::written(|out| write(sheet, out))
    }

    #[test]
    fn stat_and_diff() {
        snapshot("stat-md", &text(&sheet::stat(&testing::pair().0, By::Type, &testing::for_people(Sort::Size))));
        snapshot("diff-md", &text(&sheet::diff(&testing::compared(), &testing::for_people(Sort::Delta))));
    }

    #[test]
    fn a_name_cannot_break_out_of_its_cell() {
        assert_eq!(escape("a|b`c<d>[x](y)_e_*f*"), r"a\|b\`c&lt;d&gt;\[x\](y)\_e\_\*f\*");
        assert_eq!(escape(r"back\slash & <script>"), r"back\\slash &amp; &lt;script&gt;");
        let mut report = testing::pair().0;
        report.types[0].type_name = "evil | 1 | 2 |\n| <img src=x onerror=alert(1)>".into();
        let text = text(&sheet::stat(&report, By::Type, &testing::select()));
        let line = text.lines().find(|l| l.contains("evil")).unwrap();
        assert!(line.ends_with(r" evil \| 1 \| 2 \|\\u{a}\| &lt;img src=x onerror=alert(1)&gt; |"), "{line}");
    }
}
