//! Reports into JSON, with little code: what `serde`'s derive would write anew for every type is here once, over tables of field names. The bytes are
//! those of `serde_json` (a test compares them), which writes the fractions itself.

use crate::export::json::MAX_SAFE;
use crate::export::text::invisible;
use crate::memory::Addr;
use std::io::{self, Write};

/// What can be printed as JSON.
pub trait Shown {
    /// Prints it.
    ///
    /// # Errors
    /// What the writer reports; `InvalidData` for a number that is too large for JavaScript, if [`Printer::exact`].
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()>;
}

/// Names the fields of a type for [`Shown`], in the order of printing; `field: "name"` has another name, and of `field: ""` the fields are printed, not
/// itself.
macro_rules! shown {
    ($type:ty { $($field:ident $(: $name:literal)?),* $(,)? }) => {
        impl $crate::printing::Shown for $type {
            fn show(&self, to: &mut $crate::printing::Printer<'_>) -> std::io::Result<()> {
                const NAMES: &[&str] = &[$($crate::printing::name!($field $($name)?)),*];
                to.object(NAMES, &[$(&self.$field),*])
            }
        }
    };
}
pub(crate) use shown;

/// The name of a field in JSON.
macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}
pub(crate) use name;

/// Prints an enum as one word, its variants in small letters with hyphens.
macro_rules! spoken {
    ($type:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::printing::Shown for $type {
            fn show(&self, to: &mut $crate::printing::Printer<'_>) -> std::io::Result<()> {
                to.word(match self {
                    $($type::$variant => stringify!($variant)),*
                })
            }
        }
    };
}
pub(crate) use spoken;

/// Writes JSON.
pub struct Printer<'w> {
    out: &'w mut dyn Write,
    pretty: bool,
    exact: bool,
    depth: usize,
    /// Nothing was printed yet of the innermost array or object.
    first: bool,
    /// The next object is a part of the one around it.
    inside: bool,
}

impl<'w> Printer<'w> {
    /// For people: a line each, as `serde_json`'s pretty printer has them.
    pub fn pretty(out: &'w mut dyn Write) -> Printer<'w> {
        Printer { out, pretty: true, exact: false, depth: 0, first: true, inside: false }
    }

    /// For JavaScript: no spaces, and a whole number that it could not read as it is, is an error.
    pub fn exact(out: &'w mut dyn Write) -> Printer<'w> {
        Printer { pretty: false, exact: true, ..Printer::pretty(out) }
    }

    /// Prints an object of named parts.
    ///
    /// # Errors
    /// As [`Shown::show`].
    pub fn object(&mut self, names: &[&str], parts: &[&dyn Shown]) -> io::Result<()> {
        let inside = std::mem::take(&mut self.inside);
        if !inside {
            self.open(b"{")?;
        }
        for (name, part) in names.iter().zip(parts) {
            if name.is_empty() {
                self.inside = true;
            } else {
                self.next()?;
                name.show(self)?;
                self.out.write_all(if self.pretty { b": " } else { b":" })?;
            }
            part.show(self)?;
        }
        if inside { Ok(()) } else { self.close(b"}") }
    }

    /// Prints an array; `element` prints one of them.
    ///
    /// # Errors
    /// As [`Shown::show`].
    pub fn array(&mut self, len: usize, element: &dyn Fn(usize, &mut Printer<'_>) -> io::Result<()>) -> io::Result<()> {
        self.open(b"[")?;
        for place in 0..len {
            self.next()?;
            element(place, self)?;
        }
        self.close(b"]")
    }

    /// Prints the name of a variant, `GcObjects` as `gc-objects`.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn word(&mut self, variant: &str) -> io::Result<()> {
        let mut text = String::new();
        for c in variant.chars() {
            if c.is_ascii_uppercase() && !text.is_empty() {
                text.push('-');
            }
            text.push(c.to_ascii_lowercase());
        }
        text.show(self)
    }

    fn whole(&mut self, sign: &str, size: u64) -> io::Result<()> {
        if self.exact && size > MAX_SAFE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        write!(self.out, "{sign}{size}")
    }

    fn open(&mut self, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_add(1);
        self.first = true;
        self.out.write_all(bracket)
    }

    fn next(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.first) {
            self.out.write_all(b",")?;
        }
        self.line()
    }

    fn close(&mut self, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if !std::mem::take(&mut self.first) {
            self.line()?;
        }
        self.out.write_all(bracket)
    }

    fn line(&mut self) -> io::Result<()> {
        if !self.pretty {
            return Ok(());
        }
        self.out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| self.out.write_all(b"  "))
    }
}

macro_rules! whole {
    ($($type:ty)*) => {$(
        impl Shown for $type {
            fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
                #[allow(clippy::unnecessary_cast, reason = "one of them is that type")]
                to.whole("", *self as u64)
            }
        }
    )*};
}
whole! { u64 u32 u16 usize }

impl Shown for i64 {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        to.whole(if *self < 0 { "-" } else { "" }, self.unsigned_abs())
    }
}

impl Shown for bool {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        to.out.write_all(if *self { b"true" } else { b"false" })
    }
}

impl Shown for f64 {
    #[cfg(not(target_arch = "wasm32"))]
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        Ok(serde_json::to_writer(&mut to.out, self)?)
    }

    /// Fractions are in values for the page only, which reads them by the same engine: it can print them too, and does not need tables of three
    /// kilobytes for that.
    #[cfg(target_arch = "wasm32")]
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        let text = js_sys::JSON::stringify(&js_sys::Number::from(*self));
        to.out.write_all(text.map_or_else(|_| "null".to_owned(), String::from).as_bytes())
    }
}

impl Shown for str {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        if !to.pretty || !self.contains(invisible) {
            let special = |b: &u8| matches!(b, ..b' ' | b'"' | b'\\');
            to.out.write_all(b"\"")?;
            for piece in self.as_bytes().split_inclusive(special) {
                let Some((last, before)) = piece.split_last().filter(|(last, _)| special(last)) else {
                    to.out.write_all(piece)?;
                    continue;
                };
                to.out.write_all(before)?;
                match last {
                    b'"' => to.out.write_all(b"\\\""),
                    b'\\' => to.out.write_all(b"\\\\"),
                    b'\n' => to.out.write_all(b"\\n"),
                    b'\r' => to.out.write_all(b"\\r"),
                    b'\t' => to.out.write_all(b"\\t"),
                    8 => to.out.write_all(b"\\b"),
                    12 => to.out.write_all(b"\\f"),
                    _ => write!(to.out, "\\u{last:04x}"),
                }?;
            }
            return to.out.write_all(b"\"");
        }
        // What JSON leaves as it is but a terminal obeys (DEL, C1 controls, marks of direction) is escaped too: the same JSON, other letters.
        let mut bytes = Vec::new();
        self.show(&mut Printer::exact(&mut bytes))?;
        for c in String::from_utf8_lossy(&bytes).chars() {
            if invisible(c) {
                write!(to.out, "\\u{:04x}", u32::from(c))?;
            } else {
                write!(to.out, "{c}")?;
            }
        }
        Ok(())
    }
}

impl Shown for String {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        self.as_str().show(to)
    }
}

impl Shown for Addr {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        write!(to.out, "\"{self}\"")
    }
}

impl<T: Shown> Shown for Option<T> {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        match self {
            Some(value) => value.show(to),
            None => to.out.write_all(b"null"),
        }
    }
}

impl<T: Shown> Shown for [T] {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        to.array(self.len(), &|place, to| self.get(place).map_or(Ok(()), |value| value.show(to)))
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        self.as_slice().show(to)
    }
}

impl<const N: usize, T: Shown> Shown for [T; N] {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        self.as_slice().show(to)
    }
}

impl<T: Shown + ?Sized> Shown for &T {
    fn show(&self, to: &mut Printer<'_>) -> io::Result<()> {
        (**self).show(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;
    use crate::report::{ErrorFacts, GroupBy, InfoReport};
    use proptest::prelude::*;
    use serde::Serialize;

    fn same<T: Shown + Serialize>(value: &T) {
        let printed = |to: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            to(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        let exact = printed(&|bytes| value.show(&mut Printer::exact(bytes)).unwrap());
        assert_eq!(exact, serde_json::to_string(value).unwrap());
        let pretty = printed(&|bytes| value.show(&mut Printer::pretty(bytes)).unwrap());
        assert_eq!(pretty, serde_json::to_string_pretty(value).unwrap());
    }

    #[test]
    fn prints_what_the_derived_writer_prints() {
        let (a, b) = testing::pair();
        same(&a);
        same(&InfoReport {
            error: Some(ErrorFacts::of(&crate::error::Error::Usage("\"\\\u{1}é\u{1f600}".into()))),
            ..InfoReport::of(a.clone())
        });
        let mut diff = crate::diff::diff(&[&a, &b]).unwrap();
        diff.suspects = Some(crate::suspects::suspects(&diff));
        same(&diff);
        for by in [GroupBy::Base, GroupBy::Interface, GroupBy::Namespace, GroupBy::Assembly, GroupBy::Kind] {
            same(&crate::diff::group_with_members(&diff, by).0);
        }
        same(&[Some(-0.5), None, Some(1e300), Some(f64::NAN), Some(3.0)]);
        same(&[i64::from(i32::MIN), 0, 5]);
        same(&('\0'..'\u{7f}').map(String::from).chain([('\0'..'\u{7f}').collect()]).collect::<Vec<String>>());
        assert!(MAX_SAFE.show(&mut Printer::exact(&mut Vec::new())).is_ok());
        assert!((MAX_SAFE + 1).show(&mut Printer::exact(&mut Vec::new())).is_err());
        assert!((-9_007_199_254_740_992_i64).show(&mut Printer::exact(&mut Vec::new())).is_err());
        same(&i64::from(u32::MAX));
    }

    proptest! {
        #[test]
        fn prints_any_text(text: String, rows: Vec<Vec<(bool, u32)>>) {
            let mut bytes = Vec::new();
            text.show(&mut Printer::exact(&mut bytes)).unwrap();
            prop_assert_eq!(String::from_utf8(bytes).unwrap(), serde_json::to_string(&text).unwrap());
            same(&rows.iter().map(|row| row.iter().map(|r| r.0.then_some(r.1)).collect()).collect::<Vec<Vec<_>>>());
        }
    }
}
