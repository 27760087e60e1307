//! Phrases in texts. What `str::split_once` and `str::contains` do, without their two-way search: that is 2 KB of the WebAssembly, and pays for
//! phrases that begin over and over again. (`str::contains` of a `char` links it too, of a function or an array of `char` it does not.)

/// The text before a phrase's first place, and behind it.
pub fn split_once<'t>(text: &'t str, phrase: &str) -> Option<(&'t str, &'t str)> {
    let Some(first) = phrase.bytes().next() else { return Some(("", text)) };
    let mut starts = text.bytes().enumerate().filter(|(_, b)| *b == first);
    starts.find_map(|(at, _)| Some((text.get(..at)?, text.get(at..)?.strip_prefix(phrase)?)))
}

/// Whether a phrase is in the text.
pub fn is_in(text: &str, phrase: &str) -> bool {
    split_once(text, phrase).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_the_standard_library_finds(text in "[aé]{0,20}", phrase in "[aé]{0,3}") {
            prop_assert_eq!(super::split_once(&text, &phrase), text.split_once(phrase.as_str()));
            prop_assert_eq!(super::is_in(&text, &phrase), text.contains(&phrase));
        }
    }
}
