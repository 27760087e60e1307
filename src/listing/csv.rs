//! dropheap's own `--format csv` of `stat`, by method table or by type, also as a spreadsheet has saved it again (semicolons or tabs, a byte order
//! mark).

use super::lines::Lines;
use super::sos::number;
use crate::error::{Error, Result};
use crate::limits;
use crate::source::ByteSource;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// `None` by type.
    pub(super) method_table: Option<u64>,
    /// `None` by method table.
    pub(super) module: Option<String>,
    pub(super) count: u64,
    pub(super) size: u64,
    pub(super) name: String,
}

/// The columns of the header, and what parts them. `None` if it is none of ours.
fn header(line: &str) -> Option<(bool, char)> {
    for separator in [',', ';', '\t'] {
        let columns: Vec<&str> = line.split(separator).map(|c| c.trim().trim_matches('"')).collect();
        match columns[..] {
            ["method_table" | "method_table_hex", "count", "total_size", "type_name"] => {
                return Some((true, separator));
            }
            ["type_name", "module", "count", "total_size"] => return Some((false, separator)),
            _ => {}
        }
    }
    None
}

/// True if a text begins with one of our headers.
pub(super) fn is_csv(first_line: &str) -> bool {
    header(first_line).is_some()
}

/// All rows.
///
/// # Errors
/// [`Error::BadListing`] naming the line that is no row.
pub(super) fn rows(source: &dyn ByteSource) -> Result<Vec<Row>> {
    let mut lines = Lines::new(source)?;
    let by = lines.next()?.and_then(|line| header(&line.text));
    let Some((by_method_table, separator)) = by else {
        return Err(Error::BadListing("its first line is not the header of `dropheap stat --format csv`".into()).into());
    };
    let mut rows = Vec::new();
    let mut room = limits::MAX_LISTING_NAMES;
    while let Some(line) = lines.next()? {
        let (number, mut cut, mut text) = (line.number, line.cut, line.text);
        // A quoted name may hold line feeds.
        while text.matches('"').count() % 2 == 1 && text.len() < limits::MAX_LINE {
            let Some(next) = lines.next()? else { break };
            cut |= next.cut;
            text.push('\n');
            text.push_str(&next.text);
        }
        if text.trim().is_empty() {
            continue;
        }
        let row = row(&text, by_method_table, separator).filter(|row| !cut && row.name.len() <= limits::MAX_NAME);
        let Some(row) = row else {
            return Err(Error::BadListing(format!(
                "line {number} is no row of the table: the file was cut or changed"
            ))
            .into());
        };
        let used = row.name.len().saturating_add(64);
        let left = room.checked_sub(used).filter(|_| rows.len() < limits::MAX_METHOD_TABLES);
        room = left.ok_or_else(|| Error::Limit {
            what: "the rows of a listing".into(),
            value: (rows.len() as u64).saturating_add(1),
            limit: limits::MAX_METHOD_TABLES as u64,
        })?;
        rows.push(row);
    }
    Ok(rows)
}

fn row(text: &str, by_method_table: bool, separator: char) -> Option<Row> {
    let fields = fields(text, separator)?;
    let [a, b, c, d] = <[String; 4]>::try_from(fields).ok()?;
    if by_method_table {
        let method_table = u64::from_str_radix(a.strip_prefix("0x").unwrap_or(&a), 16).ok()?;
        Some(Row { method_table: Some(method_table), module: None, count: number(&b)?, size: number(&c)?, name: d })
    } else {
        Some(Row { method_table: None, module: Some(b), count: number(&c)?, size: number(&d)?, name: a })
    }
}

/// RFC 4180; an apostrophe that keeps a spreadsheet from reading a formula is taken off again.
fn fields(text: &str, separator: char) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut chars = text.chars().peekable();
    let (mut quoted, mut was_quoted) = (false, false);
    loop {
        match chars.next() {
            Some('"') if quoted => {
                if chars.next_if_eq(&'"').is_some() {
                    field.push('"');
                } else {
                    quoted = false;
                }
            }
            Some('"') if field.is_empty() && !was_quoted => (quoted, was_quoted) = (true, true),
            Some(c) if c == separator && !quoted => {
                fields.push(plain(std::mem::take(&mut field)));
                was_quoted = false;
            }
            Some(c) => field.push(c),
            None => break,
        }
    }
    fields.push(plain(field));
    (!quoted).then_some(fields)
}

fn plain(field: String) -> String {
    match field.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => rest.to_owned(),
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<Row>> {
        rows(&text.as_bytes().to_vec())
    }

    #[test]
    fn both_tables() {
        let by_mt = read(
            "method_table,count,total_size,type_name\n1b98fd8,2,80,\"D`2[[A, m],[B, m]]\"\n1b,1,24,\"'=a\"\"\nb\"\n",
        )
        .unwrap();
        assert_eq!(by_mt.len(), 2);
        assert_eq!((by_mt[0].method_table, by_mt[0].count, by_mt[0].size), (Some(0x1b9_8fd8), 2, 80));
        assert_eq!((by_mt[0].name.as_str(), by_mt[1].name.as_str()), ("D`2[[A, m],[B, m]]", "=a\"\nb"));
        let by_type = read("\u{feff}type_name;module;count;total_size\r\nA;App;1;24\r\nFree;;3;90\r\n\r\n").unwrap();
        assert_eq!((by_type[0].module.as_deref(), by_type[1].module.as_deref()), (Some("App"), Some("")));
        assert_eq!(by_type[1].size, 90);
    }

    #[test]
    fn a_cut_file_names_the_line() {
        let error = read("type_name,module,count,total_size\nA,App,1,24\nB,Ap").unwrap_err();
        assert_eq!(error.code(), "bad-listing");
        assert!(error.to_string().contains("line 3 "), "{error}");
        assert!(read("type_name,module,count_1,size_1\n").is_err());
        assert!(read("type_name,module,count,total_size\n\"A,App,1,24\n").is_err());
    }

    proptest! {
        #[test]
        fn random_rows_never_panic(text in "(\\PC|[0-9a-f,;\\n\"' ]){0,200}") {
            let _ = read(&format!("method_table,count,total_size,type_name\n{text}"));
        }
    }
}
