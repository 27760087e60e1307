//! Maps with one copy of the code each, for the WebAssembly's size: `BTreeMap` and `HashMap` are four to eight kilobytes of it for every pair of types
//! that they are used with, and most maps here are asked a few times only.
//!
//! [`Sorted`] is a map in the order of its keys. The order is a list of places that knows nothing of keys and values, so that a new pair of types
//! adds a comparison only. It is what names are looked up in: those are a stranger's, and could be made to collide in a fast hash.
//!
//! [`ByAddr`] and [`AddrSet`] are hash tables over addresses, in no order. All share the one table of numbers, with the values in a list beside it.

use crate::memory::Addr;
use crate::order;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map in the order of its keys; nothing is taken out of it.
#[derive(Debug, Clone)]
pub struct Sorted<K, V> {
    /// In the order in which they came.
    entries: Vec<(K, V)>,
    places: Places,
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Sorted<K, V> {
        Sorted { entries: Vec::new(), places: Places::default() }
    }
}

impl<K: Ord, V> Sorted<K, V> {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let number = self.find(key).ok()?;
        self.entries.get(number).map(|e| &e.1)
    }

    /// The same, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let number = self.find(key).ok()?;
        self.entries.get_mut(number).map(|e| &mut e.1)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        match self.get_mut(&key) {
            Some(known) => *known = value,
            None => {
                self.number(key, || value);
            }
        }
    }

    /// True if the key is there.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// The number of the key: 0 for the first that came, and so on; a new one is put in with `value`.
    pub fn number(&mut self, key: K, value: impl FnOnce() -> V) -> usize {
        match self.find(&key) {
            Ok(number) => number,
            Err(place) => {
                let number = self.entries.len();
                self.entries.push((key, value()));
                self.places.insert(place, number);
                number
            }
        }
    }

    /// The value of the key, which is put in if it is not there yet.
    #[allow(clippy::missing_panics_doc, clippy::indexing_slicing, reason = "`number` gives the number of an entry")]
    pub fn entry(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let number = self.number(key, value);
        &mut self.entries[number].1
    }

    /// By [`number`](Sorted::number).
    pub fn by_number_mut(&mut self, number: usize) -> Option<&mut V> {
        self.entries.get_mut(number).map(|e| &mut e.1)
    }

    /// Keys and values by [`number`](Sorted::number).
    pub fn entries(&self) -> &[(K, V)] {
        &self.entries
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.places.runs.iter().flatten().filter_map(|&number| self.entries.get(number).map(|e| (&e.0, &e.1)))
    }

    /// Keys and values, in the order of the keys.
    pub fn into_entries(mut self) -> Vec<(K, V)> {
        order::arrange(self.places.runs.concat(), &mut |a, b| self.entries.swap(a, b));
        self.entries
    }

    /// The values, in the order of their keys.
    pub fn into_values(self) -> Vec<V> {
        let mut values = Vec::with_capacity(self.entries.len());
        for (_, value) in self.into_entries() {
            values.push(value);
        }
        values
    }

    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, Place>
    where
        K: Borrow<Q>,
    {
        let mut compare = |number: usize| self.entries.get(number).map_or(Ordering::Greater, |e| e.0.borrow().cmp(key));
        self.places.find(&mut compare)
    }
}

/// Of two values of a key the later one stays.
impl<K: Ord, V> FromIterator<(K, V)> for Sorted<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Sorted<K, V> {
        let mut map = Sorted::default();
        for (key, value) in all {
            map.insert(key, value);
        }
        map
    }
}

/// The numbers of the entries in the order of their keys, in runs: what comes between others moves one run, and not all.
#[derive(Debug, Clone, Default)]
struct Places {
    runs: Vec<Vec<usize>>,
}

/// Where a number belongs.
struct Place {
    run: usize,
    at: usize,
}

/// A run that gets longer becomes two.
const RUN: usize = 512;

impl Places {
    /// The number of the entry that compares as equal, or where it belongs.
    #[inline(never)]
    fn find(&self, compare: &mut dyn FnMut(usize) -> Ordering) -> Result<usize, Place> {
        let behind = self.runs.partition_point(|run| run.first().is_some_and(|&first| compare(first).is_le()));
        let run = behind.saturating_sub(1);
        let numbers = self.runs.get(run).map(Vec::as_slice).unwrap_or_default();
        let at = numbers.partition_point(|&number| compare(number).is_lt());
        match numbers.get(at) {
            Some(&number) if compare(number).is_eq() => Ok(number),
            _ => Err(Place { run, at }),
        }
    }

    #[inline(never)]
    fn insert(&mut self, place: Place, number: usize) {
        let Some(run) = self.runs.get_mut(place.run) else {
            self.runs.push(vec![number]);
            return;
        };
        run.insert(place.at, number);
        if run.len() > RUN {
            let rest = run.split_off(RUN / 2);
            self.runs.insert(place.run.saturating_add(1), rest);
        }
    }
}

/// A hash table over addresses or other numbers.
pub type Numbers<K, V> = HashMap<K, V, BuildHasherDefault<AddrHasher>>;

/// A set of addresses or other numbers.
pub type NumberSet<K> = HashSet<K, BuildHasherDefault<AddrHasher>>;

/// Multiplies, as `rustc-hash` does; that one is of 32 bits on wasm32, where the low bits of aligned addresses, always the same, came to stand among
/// those that say where a table looks: a million method tables were looked for in a few thousand places.
#[derive(Debug, Clone, Copy, Default)]
pub struct AddrHasher(u64);

impl Hasher for AddrHasher {
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&b| self.write_u64(b.into()));
    }

    /// The upper half of a product depends on all of its number: it goes where 32-bit machines look, and where tables begin to.
    fn finish(&self) -> u64 {
        self.0.rotate_left(32)
    }
}

/// Values by address.
#[derive(Debug, Clone)]
pub struct ByAddr<V> {
    numbers: Numbers<u64, u32>,
    /// By number: in the order in which they came.
    values: Vec<V>,
}

impl<V> Default for ByAddr<V> {
    fn default() -> ByAddr<V> {
        ByAddr { numbers: Numbers::default(), values: Vec::new() }
    }
}

impl<V> ByAddr<V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value of an address.
    pub fn get(&self, at: Addr) -> Option<&V> {
        self.values.get(known(&self.numbers, at)?)
    }

    /// The value of the address, which is put in if it is not there yet.
    #[allow(clippy::missing_panics_doc, clippy::indexing_slicing, reason = "the number is that of a value")]
    pub fn entry(&mut self, at: Addr, value: impl FnOnce() -> V) -> &mut V {
        let number = number(&mut self.numbers, at);
        if number == self.values.len() {
            self.values.push(value());
        }
        &mut self.values[number]
    }

    /// Sets the value of an address.
    pub fn insert(&mut self, at: Addr, value: V) {
        match known(&self.numbers, at).and_then(|number| self.values.get_mut(number)) {
            Some(known) => *known = value,
            None => {
                self.entry(at, || value);
            }
        }
    }

    /// The values, in the order in which their addresses came.
    pub fn values(&self) -> &[V] {
        &self.values
    }

    /// The values, in the order in which their addresses came.
    pub fn into_values(self) -> Vec<V> {
        self.values
    }

    /// The addresses, in no order.
    pub fn keys(&self) -> impl Iterator<Item = Addr> + '_ {
        self.numbers.keys().map(|&at| Addr(at))
    }
}

/// Of two values of an address the later one stays.
impl<V> FromIterator<(Addr, V)> for ByAddr<V> {
    fn from_iter<I: IntoIterator<Item = (Addr, V)>>(all: I) -> ByAddr<V> {
        let mut map = ByAddr::default();
        for (at, value) in all {
            map.insert(at, value);
        }
        map
    }
}

#[inline(never)]
fn known(numbers: &Numbers<u64, u32>, at: Addr) -> Option<usize> {
    numbers.get(&at.0).and_then(|&number| usize::try_from(number).ok())
}

/// The number of an address; the next one for a new address.
#[inline(never)]
fn number(numbers: &mut Numbers<u64, u32>, at: Addr) -> usize {
    let next = numbers.len();
    // Four thousand million of them would not fit into the memory of any machine that this runs on.
    let number = *numbers.entry(at.0).or_insert(u32::try_from(next).unwrap_or(u32::MAX));
    usize::try_from(number).unwrap_or(next)
}

/// A set of addresses.
#[derive(Debug, Clone, Default)]
pub struct AddrSet(NumberSet<u64>);

impl AddrSet {
    /// True if it is new.
    #[inline(never)]
    pub fn insert(&mut self, at: Addr) -> bool {
        self.0.insert(at.0)
    }

    /// True if it is in the set.
    #[inline(never)]
    pub fn contains(&self, at: Addr) -> bool {
        self.0.contains(&at.0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds those of another set.
    pub fn extend(&mut self, other: &AddrSet) {
        for &at in &other.0 {
            self.insert(Addr(at));
        }
    }

    /// Ascending.
    #[inline(never)]
    pub fn sorted(&self) -> Vec<Addr> {
        let mut all: Vec<Addr> = self.0.iter().map(|&at| Addr(at)).collect();
        order::ascending(&mut all);
        all
    }
}

impl FromIterator<Addr> for AddrSet {
    fn from_iter<I: IntoIterator<Item = Addr>>(all: I) -> AddrSet {
        let mut set = AddrSet::default();
        for at in all {
            set.insert(at);
        }
        set
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "small numbers of the tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn sorted_is_a_tree(keys in prop::collection::vec(0u16..3000, 0..4000)) {
            let (mut ours, mut theirs) = (Sorted::default(), BTreeMap::new());
            for (i, &key) in keys.iter().enumerate() {
                *ours.entry(key, || 0) += i;
                *theirs.entry(key).or_insert(0) += i;
                prop_assert_eq!(ours.get(&key), theirs.get(&key));
                prop_assert_eq!(ours.get(&(key + 1)), theirs.get(&(key + 1)));
            }
            prop_assert!(ours.iter().eq(theirs.iter()));
            prop_assert_eq!(ours.len(), theirs.len());
            prop_assert_eq!(ours.into_entries(), theirs.into_iter().collect::<Vec<_>>());
            let pairs = || keys.iter().copied().zip(0..);
            let (ours, theirs) = (pairs().collect::<Sorted<u16, i32>>(), pairs().collect::<BTreeMap<u16, i32>>());
            prop_assert!(ours.iter().eq(theirs.iter()));
        }

        #[test]
        fn by_addr_is_a_hash_table(keys in prop::collection::vec(0u64..300, 0..400)) {
            let (mut ours, mut theirs) = (ByAddr::default(), HashMap::new());
            let mut set = AddrSet::default();
            for (i, &key) in keys.iter().enumerate() {
                prop_assert_eq!(set.insert(Addr(key)), !theirs.contains_key(&key));
                if i % 3 == 0 {
                    ours.insert(Addr(key), i);
                    theirs.insert(key, i);
                } else {
                    *ours.entry(Addr(key), || 7) += i;
                    *theirs.entry(key).or_insert(7) += i;
                }
            }
            for key in 0..300 {
                prop_assert_eq!(ours.get(Addr(key)), theirs.get(&key));
                prop_assert_eq!(set.contains(Addr(key)), theirs.contains_key(&key));
            }
            prop_assert_eq!((ours.len(), set.len(), ours.values().len()), (theirs.len(), theirs.len(), theirs.len()));
            let mut keys: Vec<Addr> = ours.keys().collect();
            order::ascending(&mut keys);
            prop_assert_eq!(keys, set.sorted());
        }
    }

    /// What a table looks at, of the hashes of structures side by side: the lowest bits say where (it looks at 16 places at once), the upper seven of the
    /// machine's width which.
    #[test]
    fn hashes_of_aligned_addresses_are_spread() {
        const N: u64 = 1 << 16;
        for base in [0x7ff8_1234_0000, 0x0090_0000_0000, 0x40_0000] {
            for step in [4, 8, 24, 64, 128, 4096, 1 << 16] {
                let (mut places, mut tags, mut short_tags) = (vec![0; 1 << 12], [0; 128], [0; 128]);
                for i in 0..N {
                    let mut hasher = AddrHasher::default();
                    hasher.write_u64(base + i * step);
                    let hash = hasher.finish();
                    places[(hash & (N - 1)) as usize / 16] += 1;
                    tags[(hash >> 57) as usize] += 1;
                    short_tags[((hash >> 25) & 127) as usize] += 1;
                }
                let most = places.iter().max().unwrap();
                assert!(*most <= 48, "{base:x}, {step}: {most} in 16 places");
                for tags in [tags, short_tags] {
                    let used = tags.iter().filter(|&&n| n > 0).count();
                    assert!(used >= 100, "{base:x}, {step}: {used} tags");
                }
            }
        }
    }

    #[test]
    fn a_million_keys_take_no_time_in_any_order() {
        let n = 1_000_000_u64;
        for key in
            [|i, _| i, |i, n| n - i, |i: u64, _| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)] as [fn(u64, u64) -> u64; 3]
        {
            let map: Sorted<u64, u64> = (0..n).map(|i| (key(i, n), i)).collect();
            assert_eq!(map.len() as u64, n);
            assert!((0..n).step_by(997).all(|i| map.get(&key(i, n)) == Some(&i)));
        }
    }
}
