//! The records of an event log in XML, one at a time: `LogFiles/eventlog.xml` of Azure App Service (root `Events`, no namespace), what `wevtutil qe /f:xml` and the
//! Event Viewer write (the schema's namespace, with or without a root). Elements are told by their local names, so that prefixes, order and what
//! else an element holds do not matter. One element at a time is in memory.

use crate::error::Result;
use crate::limits;
use crate::listing::lines::Encoding;
use crate::source::ByteSource;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// One event, as far as it is of interest here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) provider: String,
    pub(super) id: u64,
    pub(super) time: Option<u64>,
    pub(super) computer: String,
    /// Each `Data` with its `Name`, which older writers leave out.
    pub(super) data: Vec<(String, String)>,
    /// The rendered text, where the file has it.
    pub(super) message: String,
}

impl Record {
    /// The `Data` of a name, else the one at a place.
    pub(super) fn field(&self, name: &str, place: usize) -> Option<&str> {
        let named = self.data.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        let nameless = self.data.iter().all(|(n, _)| n.is_empty() || n.starts_with("param"));
        let found = named.or_else(|| self.data.get(place).filter(|_| nameless).map(|(_, value)| value.as_str()));
        found.map(str::trim).filter(|value| !value.is_empty())
    }

    /// All its text.
    pub(super) fn text(&self) -> String {
        let mut text: Vec<&str> = self.data.iter().map(|(_, value)| value.trim()).filter(|v| !v.is_empty()).collect();
        text.push(self.message.trim());
        text.join("\n")
    }
}

/// Why reading ended before the file did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// Line of the element, from 1 on.
    pub(super) line: u64,
    /// Byte of the file, where bytes are characters (UTF-8).
    pub(super) byte: Option<u64>,
    pub(super) why: String,
}

/// What a pass over a log found.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Events that came whole.
    pub(super) events: u64,
    /// Events that another one began inside of; they count as events.
    pub(super) unclosed: u64,
    pub(super) broken: Option<Broken>,
    /// True if there was an element `Event` or `Events` at all.
    pub(super) log: bool,
}

/// Reads all events.
pub(super) fn read(source: &dyn ByteSource, each: &mut dyn FnMut(Record)) -> Result<Passed> {
    let budget = Rc::new(Spent::default());
    let pieces = Pieces::new(source, Rc::clone(&budget))?;
    let mark = pieces.mark;
    let mut reader = Reader::from_reader(pieces);
    let config = reader.config_mut();
    (config.check_end_names, config.allow_unmatched_ends, config.allow_dangling_amp) = (false, true, true);

    let mut passed = Passed::default();
    let mut open = Open::default();
    let (mut record, mut root_open): (Option<Record>, bool) = (None, false);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        budget.since.set(0);
        let (line, before) = (budget.line.get(), reader.buffer_position());
        let event = reader.read_event_into(&mut buffer);
        let ended_in =
            |what: &str, byte: u64| Broken { line, byte: mark.map(|m| m.saturating_add(byte)), why: what.to_owned() };
        match event {
            Ok(Event::Start(tag)) => match tag.local_name().as_ref() {
                "Events" => (root_open, passed.log) = (true, true),
                "Event" => {
                    passed.log = true;
                    if let Some(mut record) = record.take() {
                        open.end(&mut record);
                        // Two writers at once, or a writer that was killed: the record before has no end.
                        passed.unclosed = passed.unclosed.saturating_add(1);
                        passed.events = passed.events.saturating_add(1);
                        each(record);
                    }
                    (record, open) = (Some(Record::default()), Open::default());
                }
                name => {
                    if let Some(record) = &mut record {
                        open.begin(name, &tag, record);
                    }
                }
            },
            Ok(Event::Empty(tag)) => {
                passed.log |= matches!(tag.local_name().as_ref(), "Events" | "Event");
                if let Some(record) = &mut record {
                    // An empty `Data` has its place too.
                    open.begin(tag.local_name().as_ref(), &tag, record);
                    open.end(record);
                }
            }
            Ok(Event::End(tag)) => match tag.local_name().as_ref() {
                "Event" => {
                    if let Some(record) = record.take() {
                        passed.events = passed.events.saturating_add(1);
                        each(record);
                    }
                    open = Open::default();
                }
                "Events" => root_open = false,
                _ => {
                    if let Some(record) = &mut record {
                        open.end(record);
                    }
                }
            },
            Ok(Event::Text(text)) => {
                if record.is_some() {
                    open.text(&text);
                }
            }
            Ok(Event::CData(text)) => open.text(&text),
            Ok(Event::GeneralRef(reference)) => open.text(&resolved(reference.as_ref())),
            Ok(Event::Eof) => {
                if record.is_some() {
                    passed.broken = Some(ended_in("the file ends in the middle of an event", before));
                } else if root_open {
                    passed.broken = Some(ended_in("the file ends before the end of its element `Events`", before));
                }
                break;
            }
            Ok(_) => {}
            Err(quick_xml::Error::Io(_)) => {
                // The system's own refusal is no fault of the file.
                if let Some(error) = budget.failed.take() {
                    return Err(error);
                }
                passed.broken = Some(ended_in(&format!("an element of more than {} bytes", limits::MAX_EVENT), before));
                break;
            }
            Err(error) => {
                passed.broken = Some(ended_in(&error.to_string(), reader.error_position()));
                break;
            }
        }
    }
    Ok(passed)
}

/// The element whose text is being read.
#[derive(Default)]
struct Open {
    what: What,
    name: String,
    text: String,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum What {
    #[default]
    Nothing,
    Id,
    Computer,
    Data,
    Message,
}

impl Open {
    fn begin(&mut self, local: &str, tag: &BytesStart<'_>, record: &mut Record) {
        self.text.clear();
        self.name.clear();
        self.what = match local {
            "EventID" => What::Id,
            "Computer" => What::Computer,
            "Data" => {
                self.name = attribute(tag, "Name").unwrap_or_default();
                What::Data
            }
            "Message" => What::Message,
            _ => What::Nothing,
        };
        match local {
            "Provider" => {
                record.provider =
                    attribute(tag, "Name").or_else(|| attribute(tag, "EventSourceName")).unwrap_or_default()
            }
            "TimeCreated" => record.time = attribute(tag, "SystemTime").and_then(|text| seconds(&text)),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.what != What::Nothing {
            append(&mut self.text, text, limits::MAX_EVENT_TEXT);
        }
    }

    fn end(&mut self, record: &mut Record) {
        let text = std::mem::take(&mut self.text);
        match std::mem::take(&mut self.what) {
            What::Nothing => {}
            What::Id => record.id = text.trim().parse().unwrap_or(0),
            What::Computer => record.computer = text.trim().to_owned(),
            What::Data => {
                if record.data.len() < limits::MAX_EVENT_DATA {
                    record.data.push((std::mem::take(&mut self.name), text));
                }
            }
            What::Message => record.message = text,
        }
    }
}

/// Adds text up to a number of bytes in all, at a character's end.
fn append(to: &mut String, text: &str, most: usize) {
    let room = most.saturating_sub(to.len());
    let end = (0..=room.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    to.push_str(text.get(..end).unwrap_or_default());
}

/// The value of an attribute by its local name. The crate's own iterator finds those that come twice, by a table of hashes, which is 2 KB of the WebAssembly.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut rest = tag.attributes_raw();
    loop {
        let (key, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let quoted = |quote: char| value.strip_prefix(quote)?.split_once(quote);
        let Some((value, behind)) = quoted('"').or_else(|| quoted('\'')) else {
            rest = value;
            continue;
        };
        if key.trim_end().rsplit(|c: char| c == ':' || c.is_whitespace()).next() == Some(name) {
            return Some(normal(value));
        }
        rest = behind;
    }
}

/// The value of an attribute as XML 1.0 normalises it.
fn normal(value: &str) -> String {
    let spaced: String = value.chars().map(|c| if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c }).collect();
    let mut kept = String::new();
    for (place, piece) in spaced.split('&').enumerate() {
        let (reference, text) = match piece.split_once(';').filter(|_| place > 0) {
            Some((reference, text)) => (resolved(reference), text),
            None => (if place > 0 { "&" } else { "" }.to_owned(), piece),
        };
        append(&mut kept, &reference, limits::MAX_EVENT_NAME);
        append(&mut kept, text, limits::MAX_EVENT_NAME);
    }
    kept
}

fn resolved(reference: &str) -> String {
    if let Ok(Some(c)) = BytesRef::new(reference).resolve_char_ref() {
        return c.to_string();
    }
    match reference {
        "lt" => "<".into(),
        "gt" => ">".into(),
        "amp" => "&".into(),
        "quot" => "\"".into(),
        "apos" => "'".into(),
        other => format!("&{other};"),
    }
}

/// `2019-01-06T05:10:48Z`, with fractions, with a zone, with a space for the T: seconds since 1970 in UTC.
#[allow(clippy::arithmetic_side_effects, reason = "every part was compared with its range first")]
pub(super) fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let (date, time) = text.split_once(['T', ' '])?;
    let part = |part: Option<&str>, range: std::ops::RangeInclusive<i64>| -> Option<i64> {
        let part = part?;
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|n| digits && range.contains(n))
    };
    let mut date = date.split('-');
    let (year, month, day) = (part(date.next(), 1970..=9999)?, part(date.next(), 1..=12)?, part(date.next(), 1..=31)?);
    let (clock, zone) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let clock = clock.split('.').next()?;
    let mut clock = clock.split(':');
    let (hour, minute, second) =
        (part(clock.next(), 0..=23)?, part(clock.next(), 0..=59)?, part(clock.next(), 0..=60)?);
    let offset = match zone.strip_prefix(['+', '-']) {
        None => 0,
        Some(rest) => {
            let mut rest = rest.split(':');
            let (hours, minutes) = (part(rest.next(), 0..=14)?, part(rest.next().or(Some("0")), 0..=59)?);
            (hours * 3600 + minutes * 60) * if zone.starts_with('-') { -1 } else { 1 }
        }
    };
    // The inverse of `report::utc`: days of a civil date, by years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second - offset).ok()
}

/// What the reader below has used.
#[derive(Default)]
struct Spent {
    /// Bytes since the last element began.
    since: Cell<usize>,
    /// Line feeds read, plus 1.
    line: Cell<u64>,
    failed: Cell<Option<Box<crate::error::Error>>>,
}

/// A text file as UTF-8, read forward in pieces; ends with an error where one element takes more than [`limits::MAX_EVENT`] bytes.
struct Pieces<'a> {
    source: &'a dyn ByteSource,
    encoding: Encoding,
    offset: u64,
    piece: Vec<u8>,
    /// The start of a character that the last piece ended in.
    rest: Vec<u8>,
    used: usize,
    spent: Rc<Spent>,
    /// Length of the byte order mark; `None` if bytes of the file are not those of the text.
    mark: Option<u64>,
}

/// Bytes read at once.
const PIECE: u64 = 256 << 10;

impl<'a> Pieces<'a> {
    fn new(source: &'a dyn ByteSource, spent: Rc<Spent>) -> Result<Pieces<'a>> {
        let mut first = vec![0; usize::try_from(source.len().min(4)).unwrap_or(0)];
        source.read_at(0, &mut first, "the first bytes of an event log")?;
        let (encoding, mark) = Encoding::sniff(&first);
        spent.line.set(1);
        let in_bytes = (encoding == Encoding::Utf8).then_some(mark);
        Ok(Pieces {
            source,
            encoding,
            offset: mark,
            piece: Vec::new(),
            rest: Vec::new(),
            used: 0,
            spent,
            mark: in_bytes,
        })
    }

    fn refill(&mut self) -> Result<()> {
        let len = self.source.len().saturating_sub(self.offset).min(PIECE);
        self.piece.resize(usize::try_from(len).unwrap_or(0), 0);
        self.source.read_at(self.offset, &mut self.piece, "an event log")?;
        self.offset = self.offset.saturating_add(len);
        self.used = 0;
        if self.encoding != Encoding::Utf8 {
            // A surrogate pair over two pieces becomes two U+FFFD: texts of exceptions, not what is looked for.
            self.piece = self.encoding.decode(&self.piece).into_bytes();
            return Ok(());
        }
        if !self.rest.is_empty() {
            self.piece.splice(..0, std::mem::take(&mut self.rest));
        }
        // A character over two pieces is whole in the next; what is no UTF-8 (`wevtutil` writes the console's code page) becomes U+FFFD.
        if let Err(error) = std::str::from_utf8(&self.piece) {
            if error.error_len().is_none() && self.offset < self.source.len() {
                self.rest = self.piece.split_off(error.valid_up_to());
            } else {
                self.piece = String::from_utf8_lossy(&self.piece).into_owned().into_bytes();
            }
        }
        Ok(())
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut from = self.fill_buf()?;
        let len = from.read(into)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.spent.since.get() > limits::MAX_EVENT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if self.used >= self.piece.len()
            && let Err(error) = self.refill()
        {
            self.spent.failed.set(Some(error));
            return Err(io::ErrorKind::Other.into());
        }
        Ok(self.piece.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, len: usize) {
        let end = self.used.saturating_add(len).min(self.piece.len());
        let read = self.piece.get(self.used..end).unwrap_or_default();
        let feeds = read.iter().filter(|&&b| b == b'\n').count() as u64;
        self.spent.line.set(self.spent.line.get().saturating_add(feeds));
        self.spent.since.set(self.spent.since.get().saturating_add(len));
        self.used = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> (Vec<Record>, Passed) {
        let mut records = Vec::new();
        let passed = read(&text.as_bytes().to_vec(), &mut |record| records.push(record)).unwrap();
        (records, passed)
    }

    const ONE: &str = "<Events>\n<Event><System><Provider Name=\"W3SVC-WP\"/><EventID>2299</EventID><TimeCreated SystemTime=\"2019-01-06T05:10:48Z\"/>\
                       <Computer></Computer></System><EventData><Data>a &lt;b&gt; &amp; c &#65;\n</Data><Data/><Data Name=\"n\"><![CDATA[<x>]]></Data></EventData></Event>\n</Events>";

    #[test]
    fn values_of_attributes_are_normalised() {
        let (records, _) = all(
            "<Event><Provider Name=\"a\tb&#65;&lt;\nc\"/><EventData><Data Name='&no; x'>1</Data></EventData></Event>",
        );
        assert_eq!((records[0].provider.as_str(), records[0].data[0].0.as_str()), ("a bA< c", "&no; x"));
    }

    #[test]
    fn attributes_are_found_by_local_name_whatever_stands_beside_them() {
        for (tag, want) in [
            ("e:Name = \"a=b\" Name='c'", "a=b"),
            ("Guid='{Name=\"x\"}'\n Name=\"y\"", "y"),
            ("NameX='1' Name=2 XName='3' Name='4'", "4"),
            ("EventSourceName='s' Name", "s"),
            ("Name='&amp;&#x41;&lt&gt;;'", "&A&lt>;"),
        ] {
            let (records, _) = all(&format!("<Event><Provider {tag}/></Event>"));
            assert_eq!(records[0].provider, want, "{tag}");
        }
    }

    #[test]
    fn a_record() {
        let (records, passed) = all(ONE);
        assert_eq!((passed.events, passed.broken, passed.unclosed, passed.log), (1, None, 0, true));
        let record = &records[0];
        assert_eq!((record.provider.as_str(), record.id, record.time), ("W3SVC-WP", 2299, Some(1_546_751_448)));
        assert_eq!(
            record.data,
            [(String::new(), "a <b> & c A\n".into()), (String::new(), String::new()), ("n".to_owned(), "<x>".into())]
        );
    }

    #[test]
    fn namespaces_prefixes_and_order_do_not_matter() {
        let prefixed = "<?xml version='1.0'?><e:Event xmlns:e='http://schemas.microsoft.com/win/2004/08/events/event'><e:System><e:TimeCreated SystemTime='2026-08-16T00:59:57.6922852Z'/>\
                        <e:EventID Qualifiers='16384'>5076</e:EventID><e:Provider EventSourceName='WAS' Guid='{5}' Name='Microsoft-Windows-WAS'/></e:System></e:Event>";
        let (records, passed) = all(prefixed);
        assert_eq!((passed.events, passed.broken), (1, None));
        assert_eq!((records[0].provider.as_str(), records[0].id), ("Microsoft-Windows-WAS", 5076));
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(ONE.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let mut records = Vec::new();
        read(&utf16, &mut |r| records.push(r)).unwrap();
        assert_eq!(records, all(ONE).0);
    }

    #[test]
    fn times() {
        for (text, want) in [
            ("2019-01-06T05:10:48Z", Some(1_546_751_448)),
            ("2019-01-06T05:10:48.123456700Z", Some(1_546_751_448)),
            ("2019-01-06 05:10:48.000", Some(1_546_751_448)),
            ("2019-1-6T5:10:48", Some(1_546_751_448)),
            ("2019-01-06T06:10:48+01:00", Some(1_546_751_448)),
            ("2019-01-05T22:10:48-07:00", Some(1_546_751_448)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T00:00:00Z", Some(951_782_400)),
            ("2019-13-06T05:10:48Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), want, "{text}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_still_one() {
        let (records, passed) = all(
            "<Events><Event><System><EventID>1</EventID><Event><System><EventID>2</EventID></System></Event></Events>",
        );
        assert_eq!((records.len(), passed.events, passed.unclosed, passed.broken), (2, 2, 1, None));
    }

    #[test]
    fn no_element_takes_more_than_its_share() {
        let endless =
            format!("<Events>\n<Event><Data>{}</Data></Event></Events>", "x".repeat(limits::MAX_EVENT + (1 << 20)));
        let (records, passed) = all(&endless);
        assert!(records.is_empty());
        let broken = passed.broken.unwrap();
        assert_eq!(broken.line, 2);
        assert!(broken.why.contains("an element of more than"), "{broken:?}");
    }

    proptest! {
        #[test]
        fn broken_bytes_never_panic(at in 0..ONE.len(), byte in any::<u8>(), cut in 0..ONE.len()) {
            let mut bytes = ONE.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = read(&bytes, &mut |_| {}).unwrap();
            bytes.truncate(cut);
            let _ = read(&bytes, &mut |_| {}).unwrap();
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes, &mut |_| {}).unwrap();
        }

        #[test]
        fn random_times_never_panic(text in "[0-9TZ:+. -]{0,30}") {
            let _ = seconds(&text);
        }
    }
}
