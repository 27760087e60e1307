//! What the rows of reports are made of, small: a report may have 100,000 rows, and a comparison has them once more.
//!
//! In JSON all of it is what it stands for: [`Text`] a string, [`Addr`] a string of lower-case hex, [`Cells`] and [`Samples`] an array with an element
//! for each generation.

use crate::memory::Addr;
use crate::order;
use crate::printing::{Printer, Shown};
use crate::reading::{Kind, Slot, Value};
use crate::report::Cell;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A text that is shared, not copied: the name of a type stands in its row, in those of its method tables and in comparisons.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Text(Arc<str>);

impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        order::texts(self, other)
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Text {
    /// As a plain text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(text.into())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        String::deserialize(from).map(Text::from)
    }
}

impl Shown for Text {
    fn show(&self, to: &mut Printer<'_>) -> std::io::Result<()> {
        (**self).show(to)
    }
}

impl Slot for Text {
    fn kind(&self) -> Kind {
        Kind::Single
    }

    fn put(&mut self, value: Value<'_>) -> bool {
        let Value::Text(text) = value else { return false };
        *self = text.into();
        true
    }
}

impl Addr {
    /// The address that is written so: hex, in either case, without `0x`.
    pub fn parse(text: &str) -> Option<Addr> {
        // The standard library takes a sign too.
        let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| digits).map(Addr)
    }
}

impl Serialize for Addr {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Addr {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Addr, D::Error> {
        Addr::parse(&String::deserialize(from)?).ok_or_else(|| serde::de::Error::custom("no address"))
    }
}

impl Slot for Addr {
    fn kind(&self) -> Kind {
        Kind::Single
    }

    fn put(&mut self, value: Value<'_>) -> bool {
        let Value::Text(text) = value else { return false };
        Addr::parse(text).map(|at| *self = at).is_some()
    }
}

/// Objects and bytes by generation ([`crate::report::GENERATIONS`]): only generations with objects take room, since most types live in one or two.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    /// How many generations are told; 0 for a listing, which knows of none.
    told: u8,
    /// Ascending by generation, each once.
    held: Vec<(u8, Cell)>,
}

impl Cells {
    /// True if nothing is known of generations.
    pub fn is_empty(&self) -> bool {
        self.told == 0
    }

    /// Objects of a generation.
    pub fn get(&self, generation: usize) -> Cell {
        self.held.iter().find(|h| usize::from(h.0) == generation).map_or_else(Cell::default, |h| h.1)
    }

    /// All generations, in order.
    pub fn iter(&self) -> impl Iterator<Item = Cell> + '_ {
        (0..usize::from(self.told)).map(|generation| self.get(generation))
    }

    /// Adds those of another row.
    pub fn add(&mut self, more: &Cells) {
        self.told = self.told.max(more.told);
        for &(generation, cell) in &more.held {
            self.set(generation, self.get(generation.into()).plus(cell));
        }
    }

    /// Changes a generation.
    pub fn set(&mut self, generation: u8, cell: Cell) {
        self.told = self.told.max(generation.saturating_add(1));
        let at = self.held.partition_point(|h| h.0 < generation);
        match self.held.get_mut(at) {
            Some(known) if known.0 == generation => known.1 = cell,
            _ if cell == Cell::default() => {}
            _ => {
                self.held.reserve_exact(1);
                self.held.insert(at, (generation, cell));
            }
        }
    }
}

impl FromIterator<Cell> for Cells {
    fn from_iter<I: IntoIterator<Item = Cell>>(all: I) -> Cells {
        let mut cells = Cells::default();
        for (generation, cell) in (0..u8::MAX).zip(all) {
            cells.set(generation, cell);
        }
        cells
    }
}

impl PartialEq for Cells {
    fn eq(&self, other: &Cells) -> bool {
        self.told == other.told && self.iter().eq(other.iter())
    }
}

impl Eq for Cells {}

impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Cells, D::Error> {
        Ok(Vec::<Cell>::deserialize(from)?.into_iter().collect())
    }
}

impl Shown for Cells {
    fn show(&self, to: &mut Printer<'_>) -> std::io::Result<()> {
        to.array(self.told.into(), &|generation, to| self.get(generation).show(to))
    }
}

impl Slot for Cells {
    fn kind(&self) -> Kind {
        Kind::Array
    }

    fn part(&mut self, place: usize) -> Option<&mut dyn Slot> {
        let generation = u8::try_from(place).ok()?;
        self.told = generation.checked_add(1)?;
        // The one before it is read: it stays if there is something in it.
        self.held.pop_if(|h| h.1 == Cell::default());
        self.held.reserve_exact(1);
        self.held.push((generation, Cell::default()));
        self.held.last_mut().map(|h| &mut h.1 as &mut dyn Slot)
    }
}

/// Addresses of some objects by generation ([`crate::report::GENERATIONS`]).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Samples(List);

/// The addresses in one list; read from JSON, each array of addresses is the next generation's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct List {
    /// How many generations are told.
    told: u8,
    /// Ascending by generation.
    held: Vec<(u8, Addr)>,
}

impl Samples {
    /// Those of one method table, an element for each generation.
    pub fn of(generations: &[Vec<Addr>]) -> Samples {
        let numbered = || (0..u8::MAX).zip(generations);
        let mut list =
            List { told: 0, held: Vec::with_capacity(numbered().fold(0, |n, (_, all)| n.saturating_add(all.len()))) };
        for (generation, all) in numbered() {
            list.told = generation.saturating_add(1);
            list.held.extend(all.iter().map(|&at| (generation, at)));
        }
        Samples(list)
    }

    /// How many generations are told.
    pub fn generations(&self) -> usize {
        self.0.told.into()
    }

    /// Addresses of objects in any generation.
    pub fn all(&self) -> impl Iterator<Item = Addr> + '_ {
        self.0.held.iter().map(|h| h.1)
    }

    /// Addresses of objects in a generation.
    pub fn get(&self, generation: usize) -> impl Iterator<Item = Addr> + '_ {
        self.0.held.iter().filter(move |h| usize::from(h.0) == generation).map(|h| h.1)
    }
}

impl Serialize for Samples {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct One<'a>(&'a Samples, usize);
        impl Serialize for One<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_seq(self.0.get(self.1))
            }
        }
        to.collect_seq((0..self.generations()).map(|generation| One(self, generation)))
    }
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Samples, D::Error> {
        Ok(Samples::of(&Vec::<Vec<Addr>>::deserialize(from)?))
    }
}

impl Shown for Samples {
    fn show(&self, to: &mut Printer<'_>) -> std::io::Result<()> {
        to.array(self.generations(), &|generation, to| self.get(generation).collect::<Vec<_>>().show(to))
    }
}

impl Slot for Samples {
    fn kind(&self) -> Kind {
        Kind::Array
    }

    fn part(&mut self, place: usize) -> Option<&mut dyn Slot> {
        self.0.told = u8::try_from(place).ok()?.checked_add(1)?;
        Some(&mut self.0)
    }
}

impl Slot for List {
    fn kind(&self) -> Kind {
        Kind::Array
    }

    fn part(&mut self, _place: usize) -> Option<&mut dyn Slot> {
        self.held.push((self.told.saturating_sub(1), Addr::NULL));
        self.held.last_mut().map(|h| &mut h.1 as &mut dyn Slot)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "small numbers of the tests")]
mod tests {
    use super::*;
    use crate::reading::from_slice;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cells_are_the_array_that_they_stand_for(
            a in prop::collection::vec(0u64..3, 0..9), b in prop::collection::vec(0u64..3, 0..9),
        ) {
            let cells = |of: &[u64]| of.iter().map(|&n| Cell { count: n, size: n * 24, aligned_size: n * 32 }).collect();
            let (one, two): (Vec<Cell>, Vec<Cell>) = (cells(&a), cells(&b));
            let mut sum: Cells = one.iter().copied().collect();
            prop_assert_eq!(sum.iter().collect::<Vec<_>>(), &one[..]);
            let text = serde_json::to_string(&sum).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&one).unwrap());
            prop_assert_eq!(&from_slice::<Cells>(text.as_bytes()).unwrap(), &sum);
            prop_assert_eq!(&serde_json::from_str::<Cells>(&text).unwrap(), &sum);
            let mut cleared = sum.clone();
            (0..9).for_each(|generation| cleared.set(generation, Cell::default()));
            prop_assert!(cleared.iter().eq([Cell::default(); 9]));
            sum.add(&two.iter().copied().collect());
            let of = |all: &[Cell], i: usize| all.get(i).copied().unwrap_or_default();
            let want: Vec<Cell> = (0..one.len().max(two.len())).map(|i| of(&one, i).plus(of(&two, i))).collect();
            prop_assert_eq!(sum.iter().collect::<Vec<_>>(), want);
        }

        #[test]
        fn samples_are_the_arrays_that_they_stand_for(
            all in prop::collection::vec(prop::collection::vec(any::<u64>().prop_map(Addr), 0..4), 0..8),
        ) {
            let samples = Samples::of(&all);
            prop_assert_eq!(samples.generations(), all.len());
            for (generation, of) in all.iter().enumerate() {
                prop_assert_eq!(&samples.get(generation).collect::<Vec<_>>(), of);
            }
            let text = serde_json::to_string(&samples).unwrap();
            let strings: Vec<Vec<String>> = all.iter().map(|of| of.iter().map(Addr::to_string).collect()).collect();
            prop_assert_eq!(&text, &serde_json::to_string(&strings).unwrap());
            prop_assert_eq!(&from_slice::<Samples>(text.as_bytes()).unwrap(), &samples);
            prop_assert_eq!(&serde_json::from_str::<Samples>(&text).unwrap(), &samples);
        }
    }

    #[test]
    fn more_generations_than_can_be_are_refused() {
        let many = |one: &str| format!("[{}]", vec![one; 300].join(","));
        let cell = r#"{"count":1,"size":24,"aligned_size":24}"#;
        assert!(from_slice::<Cells>(many(cell).as_bytes()).is_err());
        assert!(from_slice::<Samples>(many("[]").as_bytes()).is_err());
    }

    #[test]
    fn addresses_are_hex_and_nothing_else() {
        assert_eq!(Addr::parse("7ff8A0"), Some(Addr(0x7f_f8a0)));
        for text in ["", "+1", "-1", "0x1", "g", "10000000000000000", " 1"] {
            assert_eq!(Addr::parse(text), None, "{text}");
        }
    }
}
