//! The text of `!dumpheap -stat`, as it is found: the C++ SOS of the .NET Framework and of .NET Core up to 6, the C# SOS and `dotnet-dump` from 7
//! on, with whatever a debugger printed around it.
//!
//! ```text
//! 0:000> !dumpheap -stat                                      a prompt, warnings: not read
//! Statistics:
//!               MT    Count    TotalSize Class Name          begins a listing
//! 00007ffc8b0041c8        1           32 System.Object        16 digits on 64 bits, 8 on 32 (C++)
//!     7ffc8b0041c8     1,622    6,526,928 System.Object        as wide as its data, the reader's digit grouping (C#)
//! 0000020013ae6250       10          264      Free            padded to 9 (C++)
//! Total 296 objects                                           ends it; with ", 53,532 bytes" (C#)
//! Fragmented blocks larger than 0.5 MB:                       not read: sizes are rounded there (C++)
//! ```
//!
//! What is taken as a row without a header in front (somebody has pasted a piece) must also make sense as one. A line between rows that is no
//! row is the rest of the row before it if that was wrapped: where its brackets are still open, or where it is as wide as the widest lines.

use super::lines::Lines;
use crate::error::{Error, Result};
use crate::limits;
use crate::phrase;
use crate::source::ByteSource;
use std::cmp::Ordering;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) method_table: u64,
    pub(super) count: u64,
    pub(super) size: u64,
    pub(super) name: String,
    /// `Free` as the C++ SOS pads it: not a type that is called Free.
    pub(super) padded: bool,
}

/// One listing of a file.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Line of its header or first row, from 1 on.
    pub(super) line: u64,
    pub(super) rows: Vec<Row>,
    /// Objects, as its last line says.
    pub(super) objects: Option<u64>,
    /// Bytes, as its last line says (C# only).
    pub(super) bytes: Option<u64>,
    /// 4 or 8, where the width of the method tables tells; else 0.
    pub(super) pointer_size: u64,
    /// Options of the command, other than `-stat`.
    pub(super) options: Option<String>,
    /// Lines between rows that could not be read, and the first of them.
    pub(super) unread: Option<(u64, u64)>,
    /// Rows that came twice, with equal numbers.
    pub(super) repeated: u64,
    /// Characters of the widest line, and how many lines have so many.
    widest: (usize, u64),
    /// Lines that may be the rest of a row: after which row, how wide the line before was, its number, its text.
    rests: Vec<(usize, usize, u64, String)>,
    /// Width of the last line.
    width: usize,
    digits: Option<usize>,
}

/// What the next line may be.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Place {
    /// Anywhere.
    Outside,
    /// After `Statistics:`: the header must come.
    Statistics,
    /// Among rows.
    Rows,
    /// Among rows of another kind: up to a blank line or a prompt.
    Other,
}

/// All listings of a text, in order; those without rows are left out.
pub(super) fn listings(source: &dyn ByteSource) -> Result<Vec<Listing>> {
    let mut reader =
        Reader { place: Place::Outside, command: None, found: Vec::new(), room: limits::MAX_LISTING_NAMES };
    let mut lines = Lines::new(source)?;
    while let Some(line) = lines.next()? {
        reader.line(&line.text, line.number, line.cut)?;
    }
    let mut found = reader.found;
    for listing in &mut found {
        listing.finish();
    }
    found.retain(|l| !l.rows.is_empty());
    Ok(found)
}

struct Reader {
    place: Place,
    /// The command after the last prompt, where one was seen.
    command: Option<String>,
    found: Vec<Listing>,
    /// Bytes of names that may still be kept.
    room: usize,
}

impl Reader {
    fn line(&mut self, line: &str, number: u64, cut: bool) -> Result<()> {
        let (prompt, text) = without_prompt(line);
        if prompt {
            self.place = Place::Outside;
            self.command = Some(text.trim().to_owned()).filter(|c| !c.is_empty());
        }
        let text = text.trim_end();
        let words = text.trim_start();
        if words.is_empty() {
            // A blank line ends a table of another kind; among rows somebody has pasted it.
            if self.place == Place::Other {
                self.place = Place::Outside;
            }
            return Ok(());
        }
        if is_header(words) {
            self.begin(number);
            return Ok(());
        }
        if words.starts_with("Statistics") {
            self.place = if words == "Statistics:" { Place::Statistics } else { Place::Other };
            return Ok(());
        }
        if words.starts_with("Fragmented blocks larger") {
            self.place = Place::Other;
            return Ok(());
        }
        match self.place {
            Place::Other => return Ok(()),
            // A table of `-strings` or of another command.
            Place::Statistics => {
                self.place = Place::Other;
                return Ok(());
            }
            Place::Outside | Place::Rows => {}
        }
        if let Some((objects, bytes)) = total(words) {
            if let (Place::Rows, Some(listing)) = (self.place, self.found.last_mut()) {
                (listing.objects, listing.bytes) = (Some(objects), bytes);
                self.place = Place::Outside;
            }
            return Ok(());
        }
        match row(text, self.place == Place::Rows) {
            Some((row, digits)) if !cut => {
                if self.place == Place::Outside {
                    self.begin(number);
                }
                self.room = self.room.checked_sub(row.name.len().saturating_add(64)).ok_or_else(|| Error::Limit {
                    what: "a listing".into(),
                    value: number,
                    limit: limits::MAX_LISTING_NAMES as u64,
                })?;
                if let Some(listing) = self.found.last_mut() {
                    listing.add(row, digits, text.chars().count())?;
                }
            }
            _ if self.place == Place::Rows => {
                if let Some(listing) = self.found.last_mut() {
                    listing.rest(text, number);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A new listing; not if the one before has no row yet.
    fn begin(&mut self, line: u64) {
        self.place = Place::Rows;
        let options = match &self.command {
            None => None,
            Some(command) => match options(command) {
                Some(options) => Some(options).filter(|o| !o.is_empty()),
                // The table of another command (`!gchandles`, `!finalizequeue`) has the same columns.
                None => {
                    self.place = Place::Other;
                    return;
                }
            },
        };
        if self.found.last().is_some_and(|l| l.rows.is_empty()) {
            self.found.pop();
        }
        if self.found.len() < limits::MAX_LISTINGS {
            self.found.push(Listing { line, options, ..Listing::default() });
        } else {
            self.place = Place::Other;
        }
    }
}

impl Listing {
    fn add(&mut self, row: Row, digits: usize, width: usize) -> Result<()> {
        if self.rows.len() >= limits::MAX_METHOD_TABLES {
            return Err(Error::Limit {
                what: "the rows of a listing".into(),
                value: (self.rows.len() as u64).saturating_add(1),
                limit: limits::MAX_METHOD_TABLES as u64,
            }
            .into());
        }
        // The C++ SOS pads method tables to the pointer's digits; the C# one does not, and prints no leading zero.
        self.digits = match self.digits {
            None => Some(digits),
            Some(known) if known == digits => Some(digits),
            Some(_) => Some(0),
        };
        self.measure(width);
        self.rows.push(row);
        Ok(())
    }

    fn measure(&mut self, width: usize) {
        self.width = width;
        match width.cmp(&self.widest.0) {
            Ordering::Greater => self.widest = (width, 1),
            Ordering::Equal => self.widest.1 = self.widest.1.saturating_add(1),
            Ordering::Less => {}
        }
    }

    fn rest(&mut self, text: &str, number: u64) {
        let width = text.chars().count();
        let Some(last) = self.rows.len().checked_sub(1) else { return };
        if self.rests.len() < limits::MAX_LISTING_RESTS {
            self.rests.push((last, self.width, number, text.to_owned()));
        } else {
            self.not_read(number);
        }
        self.measure(width);
    }

    fn not_read(&mut self, number: u64) {
        let (count, first) = self.unread.unwrap_or((0, number));
        self.unread = Some((count.saturating_add(1), first));
    }

    /// Joins what was wrapped, drops what came twice.
    fn finish(&mut self) {
        for (row, before, number, text) in std::mem::take(&mut self.rests) {
            let Some(row) = self.rows.get_mut(row) else { continue };
            // Lines that were wrapped have the same width, all but their ends.
            let wrapped = is_open(&row.name) || (before == self.widest.0 && self.widest.1 > 1);
            if wrapped && row.name.len().saturating_add(text.len()) <= limits::MAX_NAME {
                join(&mut row.name, &text);
            } else {
                self.not_read(number);
            }
        }
        self.pointer_size = match self.digits {
            Some(8) => 4,
            Some(12 | 16) => 8,
            _ if self.rows.iter().any(|r| r.method_table > u64::from(u32::MAX)) => 8,
            _ => 0,
        };
        let before = self.rows.len();
        crate::order::by_key(&mut self.rows, |r| r.method_table);
        self.rows.dedup();
        self.repeated = before.saturating_sub(self.rows.len()) as u64;
    }

    /// A method table that comes with two sets of numbers.
    pub(super) fn contradiction(&self) -> Option<u64> {
        self.rows.windows(2).find_map(|pair| match pair {
            [a, b] if a.method_table == b.method_table => Some(a.method_table),
            _ => None,
        })
    }
}

/// Without a debugger's prompt (`0:000> `, `0:000:x86> `, `> `), and whether there was one.
fn without_prompt(line: &str) -> (bool, &str) {
    let trimmed = line.trim_start();
    let Some((prompt, rest)) = trimmed.split_once('>') else { return (false, line) };
    let mut parts = prompt.split(':');
    let number = |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let windbg = number(parts.next()) && number(parts.next()) && parts.all(|p| p.len() <= 6);
    if prompt.is_empty() || windbg { (true, rest) } else { (false, line) }
}

/// The options of `!dumpheap -stat`, without `-stat`; `None` for another command.
fn options(command: &str) -> Option<String> {
    let mut words = command.trim_start_matches(['!', '.']).split_whitespace();
    let name = words.next()?.to_ascii_lowercase();
    // Also with the name of the extension, `!sos.dumpheap`.
    let name = name.rsplit(['.', '!']).next()?;
    if name == "sos" {
        return options(&words.collect::<Vec<_>>().join(" "));
    }
    if name != "dumpheap" {
        return None;
    }
    Some(words.filter(|w| !w.eq_ignore_ascii_case("-stat")).collect::<Vec<_>>().join(" "))
}

fn is_header(words: &str) -> bool {
    let mut words = words.split_whitespace();
    let all = [words.next(), words.next(), words.next(), words.next(), words.next()];
    all == ["MT", "Count", "TotalSize", "Class", "Name"].map(Some)
}

/// `Total 2,096,881 objects, 1,543,229,112 bytes`.
fn total(words: &str) -> Option<(u64, Option<u64>)> {
    let rest = words.strip_prefix("Total ").or_else(|| words.strip_prefix("total "))?;
    let (objects, rest) = phrase::split_once(rest, " objects")?;
    let objects = number(objects.trim())?;
    match rest.trim().trim_end_matches('.') {
        "" => Some((objects, None)),
        rest => {
            let bytes = rest.strip_prefix(',')?.trim().strip_suffix("bytes")?;
            Some((objects, Some(number(bytes.trim())?)))
        }
    }
}

/// A row and the number of its method table's digits. `listed`: a header or other rows came before.
fn row(line: &str, listed: bool) -> Option<(Row, usize)> {
    let blank = [' ', '\t'];
    let (table, rest) = line.trim_start_matches(blank).split_once(blank)?;
    let (count, rest) = rest.trim_start_matches(blank).split_once(blank)?;
    let (size, name) = rest.trim_start_matches(blank).split_once(blank)?;
    if !(5..=16).contains(&table.len()) || !table.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let method_table = u64::from_str_radix(table, 16).ok()?;
    // Objects of `!dumpheap` (address, method table, size, perhaps Free) are no rows: their second number is an address.
    if count.len() > 1 && count.starts_with('0') {
        return None;
    }
    let (count, size) = (number(count)?, number(size)?);
    let padded = name.starts_with("    ");
    let name = name.trim();
    if name.is_empty() || name.len() > limits::MAX_NAME {
        return None;
    }
    // Without a header: no object is smaller than three words of 32 bits, and a method table has all its digits.
    let sensible = count > 0 && count.checked_mul(12).is_some_and(|least| size >= least) && table.len() >= 8;
    if !listed && !sensible {
        return None;
    }
    Some((Row { method_table, count, size, name: name.to_owned(), padded }, table.len()))
}

/// A decimal number, perhaps grouped as some language does: `2,096,881`, `2.096.881`, `2 096 881` (no-break spaces), `2'096'881`.
pub(super) fn number(text: &str) -> Option<u64> {
    const SEPARATORS: [char; 7] = [',', '.', '\'', '\u{2019}', '\u{a0}', '\u{202f}', '\u{66c}'];
    let mut digits = String::new();
    let mut groups = text.split(SEPARATORS);
    let used: Vec<char> = text.chars().filter(|c| SEPARATORS.contains(c)).collect();
    if used.windows(2).any(|pair| matches!(pair, [a, b] if a != b)) {
        return None;
    }
    let first = groups.next()?;
    digits.push_str(first);
    let rest: Vec<&str> = groups.collect();
    if let Some((last, middle)) = rest.split_last() {
        // The last group is of three digits everywhere; those in front of it are of two in India.
        let middle_ok = middle.iter().all(|g| g.len() == 3) || middle.iter().all(|g| g.len() == 2);
        if last.len() != 3 || !middle_ok || first.len() > 3 {
            return None;
        }
    }
    for group in rest {
        digits.push_str(group);
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// True if brackets of a name are still open: it was cut. Angle brackets that compiler-made names hold are in pairs too.
fn is_open(name: &str) -> bool {
    let mut square = 0_i64;
    let mut angle = 0_i64;
    let mut escaped = false;
    for c in name.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => square = square.saturating_add(1),
            ']' => square = square.saturating_sub(1),
            '<' => angle = angle.saturating_add(1),
            '>' => angle = angle.saturating_sub(1),
            _ => {}
        }
    }
    square > 0 || angle > 0
}

/// Puts the rest of a wrapped name to it. A space at the break is lost in copying; there is one after every comma, but for those between
/// two arguments of the classic spelling (`],[`) and in the ranks of arrays (`[,]`).
fn join(name: &mut String, rest: &str) {
    let rest = rest.trim();
    let before = name.chars().rev().nth(1);
    let space = name.ends_with(',') && !rest.starts_with(['[', ']', ',']) && !matches!(before, Some('[' | ','));
    if space {
        name.push(' ');
    }
    name.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<Listing> {
        listings(&text.as_bytes().to_vec()).unwrap()
    }

    const CSHARP: &str = "> dumpheap -stat\nStatistics:\n          MT     Count     TotalSize Class Name\n7f00a8fb5fa8         1            24 System.Buffers.SharedArrayPool<System.Char>+Id\n\
                          55d5c4d7f8b0    12,345     1,234,560 Free\n7f00a8e7d2e0 2,084,535 1,541,994,528 System.Collections.Generic.Dictionary<System.String, App.Order>+Entry[]\n\
                          Total 2,096,881 objects, 1,543,229,112 bytes\n\nFragmented blocks larger than 0.5 MB:\n         Address           Size      Followed By\n\
                          7f0012345678 524,376 700012345678 System.Byte[]\n";

    #[test]
    fn the_new_sos() {
        let all = read(CSHARP);
        assert_eq!(all.len(), 1);
        let l = &all[0];
        assert_eq!((l.rows.len(), l.objects, l.bytes, l.pointer_size), (3, Some(2_096_881), Some(1_543_229_112), 8));
        assert_eq!(l.options, None);
        let dictionary = l.rows.iter().find(|r| r.method_table == 0x7f00_a8e7_d2e0).unwrap();
        assert_eq!((dictionary.count, dictionary.size), (2_084_535, 1_541_994_528));
        assert_eq!(dictionary.name, "System.Collections.Generic.Dictionary<System.String, App.Order>+Entry[]");
    }

    #[test]
    fn digits_are_grouped_as_the_reader_has_it() {
        for text in [
            "2,096,881",
            "2.096.881",
            "2'096'881",
            "2\u{2019}096\u{2019}881",
            "2\u{a0}096\u{a0}881",
            "2\u{202f}096\u{202f}881",
            "20,96,881",
            "2096881",
        ] {
            assert_eq!(number(text), Some(2_096_881), "{text}");
        }
        for text in ["", "1,2", "1,23,4567", "1,,234", "1.4MB", "12,345.678", "-5", "1234,567", "99999999999999999999"]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_debugger_prints_around_it_is_left_out() {
        let text = "Opened log file 'c:\\x.log'\n0:000> .loadby sos clr\n0:000> !dumpheap -stat\nPDB symbol for clr.dll not loaded\ntotal 0 objects\nStatistics:\n      MT    Count    TotalSize Class Name\n\
                    011b7998       10          116      Free\n00f754b4        8         2128 App.Customer[]\nTotal 18 objects\nFragmented blocks larger than 0.5 MB:\n    Addr     Size      Followed by\n\
                    011b7998    0.6MB 02f754b4 System.Byte[]\n0:000> !gchandles -stat\nStatistics:\n      MT    Count    TotalSize Class Name\n00f75000        3           36 System.Object\nTotal 3 objects\n\
                    0:000> !dumpheap -strings\nStatistics:\n   Count    TotalSize String\n12345678 1 678 bottles\n\n0:000> q";
        let all = read(text);
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!((all[0].rows.len(), all[0].objects, all[0].pointer_size, all[0].unread), (2, Some(18), 4, None));
        assert!(all[0].rows[1].padded);
        assert_eq!(read(&text.replace("-stat\nPDB", "-stat -min 1000\nPDB"))[0].options.as_deref(), Some("-min 1000"));
    }

    #[test]
    fn objects_are_no_rows() {
        let text = "         Address               MT     Size\n00000200155a2ea0 00007ffc8b005e70       40     \n0000020015512345 0000720015512345      536 Free\n";
        assert!(read(text).is_empty());
    }

    #[test]
    fn a_pasted_piece_needs_no_header() {
        let text = "7ffc8b0041c8 1 32 System.Object\n\n00007ffc8b080e30      123         7872 System.EventHandler";
        let all = read(text);
        assert_eq!((all.len(), all[0].rows.len(), all[0].objects), (1, 2, None));
    }

    #[test]
    fn two_listings_are_two() {
        let one = "MT Count TotalSize Class Name\n011b7998 10 116 Free\n";
        assert_eq!(read(&format!("{one}{one}Total 10 objects\n")).len(), 2);
        assert_eq!(read("MT Count TotalSize Class Name\nMT Count TotalSize Class Name\n").len(), 0);
    }

    /// A console of 80 columns: every line that is longer is broken there; an editor has trimmed the spaces at the ends.
    #[test]
    fn wrapped_lines_are_put_together() {
        let real = "              MT    Count    TotalSize Class Name\n\
            00007ffc8b003278        1           80 System.Collections.Generic.Dictionary`2[[System.Type, mscorlib],[System.Security.Policy.EvidenceTypeDescriptor, mscorlib]]\n\
            00007ffc8b0041c8        1           32 System.Security.Policy.AssemblyEvidenceFactoryWithALongName\n\
            00007ffc8b005e70       10        36472 System.Object[]\nTotal 12 objects\n";
        for columns in [60, 72, 80, 87, 100, 120] {
            let wrapped: String = real
                .lines()
                .flat_map(|line| {
                    let chars: Vec<char> = line.chars().collect();
                    chars
                        .chunks(columns)
                        .map(|c| c.iter().collect::<String>().trim_end().to_owned() + "\n")
                        .collect::<Vec<_>>()
                })
                .collect();
            let (all, want) = (read(&wrapped), read(real));
            assert_eq!(all[0].rows, want[0].rows, "{columns}: {wrapped}");
            assert_eq!((all[0].objects, all[0].unread), (Some(12), None), "{columns}");
        }
    }

    #[test]
    fn what_is_no_row_is_counted() {
        let text = "MT Count TotalSize Class Name\n011b7998 10 116 Free\nsomething else entirely, and wide\nshort\n00f754b4 8 2128 App.Customer[]\nTotal 18 objects\n";
        let all = read(text);
        assert_eq!(all[0].rows.len(), 2);
        assert_eq!(all[0].unread.map(|u| u.1), Some(3));
    }

    proptest! {
        #[test]
        fn random_text_never_panics(text in "(\\PC|[0-9a-f ,\\n\\r\\t<>\\[\\]`:]){0,400}") {
            let _ = listings(&text.into_bytes());
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = listings(&bytes);
        }
    }
}
