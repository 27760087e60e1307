//! Words and numbers for people.

use std::borrow::Cow;

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
}
