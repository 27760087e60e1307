//! JSON into reports, with little code: what `serde`'s derive would write anew for every type is here once, over tables of field names.
//!
//! `hifijson` takes the text apart. The rules are those of the derived readers (a test compares them): unknown fields are passed over, a
//! field that is missing or comes twice is an error, unless it is optional.

use hifijson::num::LexWrite;
use hifijson::str::LexAlloc;
use hifijson::token::Lex;
use hifijson::{Expect, SliceLexer};
use std::fmt;

/// A place that a value of JSON is read into.
pub trait Slot {
    /// What fits into it.
    fn kind(&self) -> Kind;

    /// Takes a single value, or refuses it.
    fn put(&mut self, _value: Value<'_>) -> bool {
        false
    }

    /// Where the parts go: the value of an optional one, the next element of an array, a field by its place in the names.
    fn part(&mut self, _place: usize) -> Option<&mut dyn Slot> {
        None
    }

    /// Where a field of any name goes.
    fn named(&mut self, _name: String) -> Option<&mut dyn Slot> {
        None
    }
}

/// What fits into a [`Slot`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A [`Value`].
    Single,
    /// Anything, or `null`.
    Optional,
    /// An array.
    Array,
    /// An object: its field names, and whether they have to be there.
    Object(&'static [(&'static str, bool)]),
    /// Whatever there is.
    Any,
}

/// What has no parts.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the kinds of JSON")]
pub enum Value<'a> {
    Flag(bool),
    Whole(u64),
    Negative(i64),
    /// A number with a fraction or an exponent, or one too large, as it is written.
    Fraction(&'a str),
    Text(&'a str),
}

/// Names the fields of a type for [`Slot`] and [`Shown`](crate::printing::Shown), in the order of printing; one that is `= late` may be missing, as may every
/// `Option`.
macro_rules! record {
    ($type:ty { $($field:ident $(= $late:ident)?),* $(,)? }) => {
        impl $crate::reading::Slot for $type {
            fn kind(&self) -> $crate::reading::Kind {
                const NAMES: &[(&str, bool)] = &[$((stringify!($field), $crate::reading::required!($($late)?))),*];
                $crate::reading::Kind::Object(NAMES)
            }

            fn part(&mut self, place: usize) -> Option<&mut dyn $crate::reading::Slot> {
                let all: [&mut dyn $crate::reading::Slot; _] = [$(&mut self.$field),*];
                all.into_iter().nth(place)
            }
        }

        $crate::printing::shown!($type { $($field),* });
    };
}
pub(crate) use record;

/// Whether a field has to be there.
macro_rules! required {
    () => {
        true
    };
    (late) => {
        false
    };
}
pub(crate) use required;

/// Makes a [`Slot`] of an enum that is one word in JSON, its variants in small letters with hyphens.
macro_rules! word {
    ($type:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::reading::Slot for $type {
            fn kind(&self) -> $crate::reading::Kind {
                $crate::reading::Kind::Single
            }

            fn put(&mut self, value: $crate::reading::Value<'_>) -> bool {
                const ALL: &[(&str, $type)] = &[$((stringify!($variant), $type::$variant)),*];
                ALL.iter().find(|(name, _)| $crate::reading::is_word(&value, name)).map(|v| *self = v.1).is_some()
            }
        }

        $crate::printing::spoken!($type { $($variant),* });
    };
}
pub(crate) use word;

/// Whether a value is the name of a variant, `GcObjects` as `gc-objects`.
pub(crate) fn is_word(value: &Value<'_>, variant: &str) -> bool {
    let Value::Text(text) = value else { return false };
    let mut text = text.bytes();
    let mut first = true;
    variant.bytes().all(|b| {
        let hyphen = b.is_ascii_uppercase() && !std::mem::take(&mut first);
        (!hyphen || text.next() == Some(b'-')) && text.next() == Some(b.to_ascii_lowercase())
    }) && text.next().is_none()
}

/// Reads a whole text.
///
/// # Errors
/// What is wrong with it, and where.
pub fn from_slice<T: Slot + Default>(text: &[u8]) -> Result<T, String> {
    let mut value = T::default();
    into(text, &mut value)?;
    Ok(value)
}

fn into(text: &[u8], slot: &mut dyn Slot) -> Result<(), String> {
    let mut json = SliceLexer::new(text);
    let whole = json.exactly_one(Lex::ws_peek, |first, json| value(first, json, slot, DEPTH));
    whole.map_err(|refused| {
        let read = text.strip_suffix(json.as_slice()).unwrap_or(text);
        let (mut line, mut column) = (1usize, 0usize);
        for byte in read {
            (line, column) =
                if *byte == b'\n' { (line.saturating_add(1), 0) } else { (line, column.saturating_add(1)) };
        }
        format!("{refused} at line {line} column {column}")
    })
}

macro_rules! single {
    ($($type:ty: $value:pat => $new:expr;)*) => {$(
        impl Slot for $type {
            fn kind(&self) -> Kind {
                Kind::Single
            }

            fn put(&mut self, value: Value<'_>) -> bool {
                let new: Option<$type> = match value {
                    $value => $new,
                    _ => None,
                };
                new.map(|v| *self = v).is_some()
            }
        }
    )*};
}

single! {
    bool: Value::Flag(v) => Some(v);
    u64: Value::Whole(v) => Some(v);
    u32: Value::Whole(v) => v.try_into().ok();
    u16: Value::Whole(v) => v.try_into().ok();
    usize: Value::Whole(v) => v.try_into().ok();
    String: Value::Text(v) => Some(v.to_owned());
}

impl Slot for i64 {
    fn kind(&self) -> Kind {
        Kind::Single
    }

    fn put(&mut self, value: Value<'_>) -> bool {
        let new = match value {
            Value::Whole(v) => v.try_into().ok(),
            Value::Negative(v) => Some(v),
            _ => None,
        };
        new.map(|v| *self = v).is_some()
    }
}

impl Slot for f64 {
    fn kind(&self) -> Kind {
        Kind::Single
    }

    fn put(&mut self, value: Value<'_>) -> bool {
        *self = match value {
            Value::Whole(v) => v as f64,
            Value::Negative(v) => v as f64,
            Value::Fraction(v) => parsed(v),
            _ => return false,
        };
        self.is_finite()
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn parsed(fraction: &str) -> f64 {
    fraction.parse().unwrap_or(f64::NAN)
}

/// The engine has the tables for it, as for printing.
#[cfg(target_arch = "wasm32")]
fn parsed(fraction: &str) -> f64 {
    js_sys::parse_float(fraction)
}

impl<T: Slot + Default> Slot for Option<T> {
    fn kind(&self) -> Kind {
        Kind::Optional
    }

    fn part(&mut self, _place: usize) -> Option<&mut dyn Slot> {
        Some(self.insert(T::default()))
    }
}

impl<T: Slot + Default> Slot for Vec<T> {
    fn kind(&self) -> Kind {
        Kind::Array
    }

    fn part(&mut self, _place: usize) -> Option<&mut dyn Slot> {
        self.push(T::default());
        self.last_mut().map(|v| v as &mut dyn Slot)
    }
}

impl<const N: usize> Slot for [u16; N] {
    fn kind(&self) -> Kind {
        Kind::Array
    }

    fn part(&mut self, place: usize) -> Option<&mut dyn Slot> {
        self.get_mut(place).map(|v| v as &mut dyn Slot)
    }
}

/// Any JSON, of which nothing is known before; numbers as far as they are whole and not negative.
#[derive(Debug, Default)]
pub enum Json {
    /// `null`, and what is not told apart.
    #[default]
    Other,
    /// A number.
    Number(u64),
    /// A string.
    Text(String),
    /// An array that is not empty.
    List(Vec<Json>),
    /// An object that is not empty, in the text's order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The fields of an object.
    pub fn entries(&self) -> &[(String, Json)] {
        if let Json::Object(fields) = self { fields } else { &[] }
    }

    /// A field of an object; the last, if it comes twice.
    pub fn field(&self, name: &str) -> Option<&Json> {
        self.entries().iter().rfind(|f| f.0 == name).map(|f| &f.1)
    }

    /// The fields of a field.
    pub fn fields(&self, name: &str) -> &[(String, Json)] {
        self.field(name).map_or(&[], Json::entries)
    }
}

impl Slot for Json {
    fn kind(&self) -> Kind {
        Kind::Any
    }

    fn put(&mut self, value: Value<'_>) -> bool {
        *self = match value {
            Value::Whole(v) => Json::Number(v),
            Value::Text(v) => Json::Text(v.to_owned()),
            _ => Json::Other,
        };
        true
    }

    fn part(&mut self, place: usize) -> Option<&mut dyn Slot> {
        if place == 0 {
            *self = Json::List(Vec::new());
        }
        let Json::List(all) = self else { return None };
        all.push(Json::Other);
        all.last_mut().map(|v| v as &mut dyn Slot)
    }

    fn named(&mut self, name: String) -> Option<&mut dyn Slot> {
        if !matches!(self, Json::Object(_)) {
            *self = Json::Object(Vec::new());
        }
        let Json::Object(all) = self else { return None };
        all.push((name, Json::Other));
        all.last_mut().map(|v| &mut v.1 as &mut dyn Slot)
    }
}

/// Takes whatever comes, and keeps nothing.
struct Passed;

impl Slot for Passed {
    fn kind(&self) -> Kind {
        Kind::Any
    }

    fn put(&mut self, _value: Value<'_>) -> bool {
        true
    }

    fn part(&mut self, _place: usize) -> Option<&mut dyn Slot> {
        Some(self)
    }

    fn named(&mut self, _name: String) -> Option<&mut dyn Slot> {
        Some(self)
    }
}

/// Arrays and objects inside each other: far more than a report has.
const DEPTH: usize = 128;

/// Why a text is not read.
enum Refused {
    Json(hifijson::Error),
    Misplaced(&'static str),
    Missing(&'static str),
}

impl<E: Into<hifijson::Error>> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused::Json(error.into())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Json(error) => error.fmt(f),
            Refused::Misplaced(what) => f.write_str(what),
            Refused::Missing(field) => write!(f, "missing field `{field}`"),
        }
    }
}

/// The one reader of all slots; `next` is the first letter of the value, which still is to come.
fn value(next: u8, json: &mut SliceLexer<'_>, slot: &mut dyn Slot, depth: usize) -> Result<(), Refused> {
    const NOT_HERE: Refused = Refused::Misplaced("a value that does not belong here");
    let inner = if slot.kind() == Kind::Optional && next != b'n' { slot.part(0) } else { Some(slot) };
    let slot = inner.ok_or(NOT_HERE)?;
    let kind = slot.kind();
    let inside = depth.checked_sub(1).ok_or(hifijson::Error::Depth);
    let fits = match next {
        b'a'..=b'z' => match json.null_or_bool().ok_or(Expect::Value)? {
            Some(flag) => slot.put(Value::Flag(flag)),
            // Nothing was there before: each slot is read into once.
            None if matches!(kind, Kind::Optional | Kind::Any) => true,
            None => return Err(Refused::Misplaced("null, where a value has to be")),
        },
        b'"' => slot.put(Value::Text(&json.discarded().str_string()?)),
        b'-' | b'0'..=b'9' => {
            let digits = String::from_utf8_lossy(json.num_bytes().validated()?.0);
            slot.put(match (digits.parse(), digits.parse()) {
                (Ok(whole), _) => Value::Whole(whole),
                (_, Ok(negative @ ..0)) => Value::Negative(negative),
                _ => Value::Fraction(&digits),
            })
        }
        b'[' => {
            if !matches!(kind, Kind::Array | Kind::Any) {
                return Err(Refused::Misplaced("an array, where none belongs"));
            }
            let (inside, mut place) = (inside?, 0usize);
            json.discarded().seq(b']', Lex::ws_peek, |next, json| {
                // An element has a place only once it is there.
                let part = slot.part(place).ok_or(Refused::Misplaced("too many elements"))?;
                place = place.saturating_add(1);
                value(next, json, part, inside)
            })?;
            true
        }
        b'{' => {
            object(json, slot, kind, inside?)?;
            true
        }
        _ => return Err(Expect::Value.into()),
    };
    if fits { Ok(()) } else { Err(NOT_HERE) }
}

fn object(json: &mut SliceLexer<'_>, slot: &mut dyn Slot, kind: Kind, depth: usize) -> Result<(), Refused> {
    const NOT_HERE: Refused = Refused::Misplaced("an object, where none belongs");
    let names = match kind {
        Kind::Object(names) => names,
        Kind::Any => &[],
        _ => return Err(NOT_HERE),
    };
    let mut seen = 0u64;
    json.discarded().seq(b'}', Lex::ws_peek, |next, json| {
        json.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
        let name = json.str_string()?;
        json.expect(Lex::ws_peek, b':').ok_or(Expect::Colon)?;
        let next = json.ws_peek().ok_or(Expect::Value)?;
        if kind == Kind::Any {
            return value(next, json, slot.named(name.into_owned()).ok_or(NOT_HERE)?, depth);
        }
        let place = names.iter().position(|n| n.0 == name);
        match place.and_then(|place| Some((1u64.checked_shl(u32::try_from(place).ok()?)?, slot.part(place)?))) {
            Some((bit, _)) if seen & bit != 0 => Err(Refused::Misplaced("a field that comes twice")),
            Some((bit, part)) => {
                seen |= bit;
                value(next, json, part, depth)
            }
            None => value(next, json, &mut Passed, depth),
        }
    })?;
    for (place, (name, required)) in names.iter().enumerate() {
        if *required
            && (seen >> (place & 63)) & 1 == 0
            && slot.part(place).is_some_and(|part| part.kind() != Kind::Optional)
        {
            return Err(Refused::Missing(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CloneFacts, HeapReport};
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_derived_reader_reads() {
        let (report, _) = crate::export::testing::pair();
        let text = serde_json::to_vec(&report).unwrap();
        assert!(!report.types.is_empty() && !report.heap.segments.is_empty());
        assert_eq!(from_slice::<HeapReport>(&text).unwrap(), report);
        let bad = |text: &str| assert!(from_slice::<HeapReport>(text.as_bytes()).is_err(), "{text}");
        let text = String::from_utf8(text).unwrap();
        bad(&text.replacen("\"schema\"", "\"other\"", 1));
        bad(&text.replacen("\"schema\"", "\"schema\":\"\",\"schema\"", 1));
        bad(&text.replacen("\"types\":[", "\"types\":[[],", 1));
        bad(&format!("{text} 1"));
    }

    #[test]
    fn words_are_read_as_the_derived_reader_reads_them() {
        use crate::account::MemoryOwner;
        fn same<T: Slot + Default + serde::Serialize + serde::de::DeserializeOwned + PartialEq + fmt::Debug>(
            all: &[T],
        ) {
            for one in all {
                let text = serde_json::to_string(one).unwrap();
                assert_eq!(&from_slice::<T>(text.as_bytes()).unwrap(), one);
                for wrong in [
                    text.to_uppercase(),
                    text.replace('-', ""),
                    text.replacen('"', "\"-", 1),
                    format!("[{text}]"),
                    "1".into(),
                ] {
                    let (own, derived) =
                        (from_slice::<T>(wrong.as_bytes()).ok(), serde_json::from_str::<T>(&wrong).ok());
                    assert_eq!(own, derived, "{wrong}");
                }
            }
            assert!(from_slice::<T>(b"\"\"").is_err() && from_slice::<T>(b"\"gc-\"").is_err());
        }
        use crate::events::Kind as EventKind;
        use crate::report::Owner;
        same(&MemoryOwner::ALL);
        same(&[EventKind::Recycle, EventKind::Crash, EventKind::Stop, EventKind::Error]);
        same(&[Owner::Runtime, Owner::Library, Owner::Yours]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, want) in [
            ("", "value expected at line 1 column 0"),
            ("{\n \"a\": [1,\n 2", "comma or end of sequence expected at line 3 column 2"),
            ("[1] 2", "end of file expected at line 1 column 4"),
            ("{\"a\" 1}", "colon expected at line 1 column 5"),
            ("[\"\\x\"]", "invalid escape character x at line 1 column 4"),
        ] {
            assert_eq!(from_slice::<Json>(text.as_bytes()).unwrap_err(), want, "{text}");
        }
        // Neither kept nor passed over does it take more stack than it may.
        let (deep, unknown) = ("[".repeat(1 << 20), format!("{{\"pid\":1,\"other\":{}", "{\"a\":".repeat(1 << 20)));
        assert!(from_slice::<Json>(deep.as_bytes()).unwrap_err().starts_with("maximal depth exceeded"));
        assert!(from_slice::<CloneFacts>(unknown.as_bytes()).unwrap_err().starts_with("maximal depth exceeded"));
        let known: CloneFacts = from_slice(b"{\"other\": {\"a\": [1, null, {}]}, \"pid\": 7}").unwrap();
        assert_eq!(known, CloneFacts { pid: Some(7) });
    }

    proptest! {
        #[test]
        fn a_changed_byte_means_what_it_means_to_the_derived_reader(at: prop::sample::Index, byte in 0x20..0x7fu8) {
            let mut text = serde_json::to_vec(&crate::export::testing::pair().0).unwrap();
            let at = at.index(text.len());
            text[at] = byte;
            let (own, derived) = (from_slice::<HeapReport>(&text).ok(), serde_json::from_slice::<HeapReport>(&text).ok());
            prop_assert_eq!(own, derived, "{} {}", at, String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn numbers_that_are_not_whole_are_no_whole_numbers() {
        for text in ["1.0", "-1.5", "1e3", "-0", "18446744073709551616", "{\"a\":1}", "{}"] {
            assert!(from_slice::<u64>(text.as_bytes()).is_err(), "{text}");
            assert!(from_slice::<Option<i64>>(text.as_bytes()).is_err(), "{text}");
            assert!(from_slice::<Vec<u64>>(text.as_bytes()).is_err(), "{text}");
        }
        let error = from_slice::<HeapReport>(b"1.5").unwrap_err();
        assert_eq!(error, "a value that does not belong here at line 1 column 3");
        assert_eq!(from_slice::<u64>(b"18446744073709551615").unwrap(), u64::MAX);
        assert_eq!(from_slice::<Option<i64>>(b"-9223372036854775808").unwrap(), Some(i64::MIN));
        for (text, value) in [("1.5e2", 150.0), ("-0.1", -0.1), ("3", 3.0), ("-3", -3.0)] {
            assert_eq!(from_slice::<f64>(text.as_bytes()).unwrap(), value, "{text}");
        }
        for text in ["1e999", "\"1\"", "{\"$serde_json::private::Number\":1}"] {
            assert!(from_slice::<f64>(text.as_bytes()).is_err(), "{text}");
        }
        let any: Json = from_slice(br#"{"a": 1.5, "b": 7, "c": [2.5, 3]}"#).unwrap();
        assert!(matches!(any.field("a"), Some(Json::Other)) && matches!(any.field("b"), Some(Json::Number(7))));
        assert!(matches!(any.field("c"), Some(Json::List(all)) if matches!(all[..], [Json::Other, Json::Number(3)])));
    }
}
