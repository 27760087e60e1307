//! The lines of a text file, one at a time: UTF-8, or UTF-16 as Windows tools save it. A line longer than any real one is cut, and says so.

use crate::error::Result;
use crate::limits;
use crate::source::ByteSource;

/// How the bytes of a text are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// By the byte order mark, else by the zeros that UTF-16 has beside every ASCII character. Returns the mark's length too.
    pub(crate) fn sniff(first: &[u8]) -> (Encoding, u64) {
        match first {
            [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
            [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
            [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
            [a, 0, b, 0, ..] if *a != 0 && *b != 0 => (Encoding::Utf16Le, 0),
            [0, a, 0, b, ..] if *a != 0 && *b != 0 => (Encoding::Utf16Be, 0),
            _ => (Encoding::Utf8, 0),
        }
    }

    /// The text of some bytes; what is no character becomes U+FFFD.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        let units = |of: fn([u8; 2]) -> u16| -> Vec<u16> {
            bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok().map(of)).collect()
        };
        match self {
            Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Encoding::Utf16Le => String::from_utf16_lossy(&units(u16::from_le_bytes)),
            Encoding::Utf16Be => String::from_utf16_lossy(&units(u16::from_be_bytes)),
        }
    }

    /// Where the first line feed of these bytes is (they begin at a character), and how long it is.
    fn line_feed(self, bytes: &[u8]) -> Option<(usize, usize)> {
        let of = |feed: [u8; 2]| bytes.chunks_exact(2).position(|pair| pair == feed).map(|i| (i.saturating_mul(2), 2));
        match self {
            Encoding::Utf8 => bytes.iter().position(|&b| b == b'\n').map(|i| (i, 1)),
            Encoding::Utf16Le => of([b'\n', 0]),
            Encoding::Utf16Be => of([0, b'\n']),
        }
    }
}

/// One line, without its end.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// From 1 on.
    pub(crate) number: u64,
    /// True if it was longer than [`limits::MAX_LINE`] bytes; the rest of it is not in `text`.
    pub(crate) cut: bool,
}

/// Reads a text forward, in pieces.
pub(crate) struct Lines<'a> {
    source: &'a dyn ByteSource,
    encoding: Encoding,
    /// Where the next piece begins.
    offset: u64,
    piece: Vec<u8>,
    /// What of the piece was handed out.
    used: usize,
    number: u64,
}

/// Bytes read at once; even, so that no UTF-16 unit is cut.
const PIECE: u64 = 64 << 10;

impl<'a> Lines<'a> {
    /// From the start of the file on.
    pub(crate) fn new(source: &'a dyn ByteSource) -> Result<Lines<'a>> {
        let mut first = vec![0; usize::try_from(source.len().min(4)).unwrap_or(0)];
        source.read_at(0, &mut first, "the first bytes of a text file")?;
        let (encoding, offset) = Encoding::sniff(&first);
        Ok(Lines { source, encoding, offset, piece: Vec::new(), used: 0, number: 0 })
    }

    /// The next line; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Line>> {
        let mut bytes: Vec<u8> = Vec::new();
        let (mut cut, mut any) = (false, false);
        loop {
            let rest = self.piece.get(self.used..).unwrap_or_default();
            if rest.is_empty() {
                if !self.refill()? {
                    break;
                }
                continue;
            }
            any = true;
            let (end, feed) = self.encoding.line_feed(rest).map_or((rest.len(), None), |(at, len)| (at, Some(len)));
            let room = limits::MAX_LINE.saturating_sub(bytes.len());
            cut |= end > room;
            bytes.extend_from_slice(rest.get(..end.min(room)).unwrap_or_default());
            self.used = self.used.saturating_add(end).saturating_add(feed.unwrap_or(0));
            if feed.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        let mut text = self.encoding.decode(&bytes);
        while text.ends_with(['\r', '\0']) {
            text.pop();
        }
        Ok(Some(Line { text, number: self.number, cut }))
    }

    fn refill(&mut self) -> Result<bool> {
        let len = self.source.len().saturating_sub(self.offset).min(PIECE);
        if len == 0 {
            return Ok(false);
        }
        self.piece.resize(usize::try_from(len).unwrap_or(0), 0);
        self.source.read_at(self.offset, &mut self.piece, "the lines of a text file")?;
        self.offset = self.offset.saturating_add(len);
        self.used = 0;
        Ok(true)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::string_slice, reason = "tests")]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(&bytes).unwrap();
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(line.text);
        }
        all
    }

    #[test]
    fn every_encoding_gives_the_same_lines() {
        let text = "MT\r\n\nä😀\nend";
        let units = |of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
        let (le, be) = (units(u16::to_le_bytes), units(u16::to_be_bytes));
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            le.clone(),
            [vec![0xFF, 0xFE], le].concat(),
            be.clone(),
            [vec![0xFE, 0xFF], be].concat(),
        ] {
            assert_eq!(lines(&bytes), ["MT", "", "ä😀", "end"]);
        }
        assert!(lines(b"").is_empty());
        assert_eq!(lines(b"\xEF\xBB\xBF\n"), [""]);
    }

    #[test]
    fn a_line_over_many_pieces_is_whole_and_an_endless_one_is_cut() {
        let long = "x".repeat(3 * PIECE as usize / 4);
        assert!(lines(format!("{long}\n{long}\n{long}\nb").as_bytes()) == [&long, &long, &long, "b"]);
        let endless = format!("{}\nb", "y".repeat(limits::MAX_LINE + 5));
        let bytes = endless.into_bytes();
        let mut lines = Lines::new(&bytes).unwrap();
        let first = lines.next().unwrap().unwrap();
        assert!(first.cut && first.text.len() == limits::MAX_LINE && first.number == 1);
        let second = lines.next().unwrap().unwrap();
        assert!(!second.cut && second.text == "b" && second.number == 2);
    }
}
