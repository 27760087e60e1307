//! Sorting with one copy of the code: what each call adds is a comparison and a swap.
//!
//! `slice::sort_by` is some three kilobytes of WebAssembly for every type and every comparison that it is used with; 60 places sort here. All of
//! it is stable. What is in order already, as most tables of a dump are, costs one comparison per element.

use std::cmp::Ordering;

/// Sorts by a comparison.
pub fn by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let order = permutation(items.len(), &mut |a, b| match (items.get(a), items.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    });
    arrange(order, &mut |a, b| items.swap(a, b));
}

/// Sorts by a key.
pub fn by_key<T, K: Ord>(items: &mut [T], mut key: impl FnMut(&T) -> K) {
    by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts by the order of the type.
pub fn ascending<T: Ord>(items: &mut [T]) {
    by(items, T::cmp);
}

/// The order of `str`, eight bytes at a time: in WebAssembly the library's takes them one by one, and names of generic types begin alike for long.
#[inline(never)]
pub fn texts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some((x, rest_a)), Some((y, rest_b))) = (a.split_first_chunk(), b.split_first_chunk()) {
        if u64::from_ne_bytes(*x) != u64::from_ne_bytes(*y) {
            break;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.cmp(b)
}

/// Which element comes at each place; empty where all are in order.
#[inline(never)]
fn permutation(len: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    if (1..len).all(|i| compare(i.saturating_sub(1), i).is_le()) {
        return Vec::new();
    }
    // Runs of one element, of two, of four: each pair of neighbours is merged into the other list. That of the standard library is faster where
    // the comparison costs nothing, and ten times the code.
    let mut order: Vec<usize> = (0..len).collect();
    let mut run = 1;
    while run < len {
        let mut merged = Vec::with_capacity(len);
        for pair in order.chunks(run.saturating_mul(2)) {
            let (mut first, mut second) = pair.split_at_checked(run).unwrap_or((pair, &[]));
            while let ([a, after_a @ ..], [b, after_b @ ..]) = (first, second) {
                // Of equal ones that of the first run stays first.
                if compare(*b, *a).is_lt() {
                    merged.push(*b);
                    second = after_b;
                } else {
                    merged.push(*a);
                    first = after_a;
                }
            }
            merged.extend_from_slice(first);
            merged.extend_from_slice(second);
        }
        order = merged;
        run = run.saturating_mul(2);
    }
    order
}

/// Brings the elements to their places, cycle by cycle: `order` says for each place which element comes there.
#[inline(never)]
pub fn arrange(mut order: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for first in 0..order.len() {
        let mut to = first;
        // Each place gets its element from the place that the order names, until the cycle is closed; a place that is done names itself.
        while let Some(place) = order.get_mut(to) {
            let from = std::mem::replace(place, to);
            if from == first {
                break;
            }
            swap(to, from);
            to = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_in_the_order_of_the_standard_library(start in "[ab\u{7f}-\u{800}]{0,20}", a in "[ab\u{7f}-\u{800}]{0,12}", b in "[ab\u{7f}-\u{800}]{0,12}") {
            let (a, b) = (format!("{start}{a}"), format!("{start}{b}"));
            prop_assert_eq!(texts(&a, &b), a.cmp(&b));
            prop_assert_eq!(texts(&a, &a), Ordering::Equal);
        }

        #[test]
        fn sorts_as_the_standard_library_does(items in prop::collection::vec((0u8..9, any::<u16>()), 0..200)) {
            let (mut ours, mut theirs) = (items.clone(), items);
            by_key(&mut ours, |i| i.0);
            theirs.sort_by_key(|i| i.0);
            prop_assert_eq!(&ours, &theirs);
            ascending(&mut ours);
            theirs.sort();
            prop_assert_eq!(&ours, &theirs);
            by(&mut ours, |a, b| b.1.cmp(&a.1));
            theirs.sort_by_key(|b| std::cmp::Reverse(b.1));
            prop_assert_eq!(ours, theirs);
        }
    }
}
