//! In which order the cases of a `select!` are polled.
//!
//! `order[..left]` has those whose turn is still to come. The next one is drawn and changes places with
//! the last of them; so every permutation is equally likely, and only as much of it is drawn as is needed.

use sync_core::chance;

/// The turns of `N` cases.
#[derive(Debug)]
pub struct Turns<const N: usize> {
    order: [u8; N],
    left: usize,
    is_biased: bool,
}

impl<const N: usize> Turns<N> {
    /// In random order, or always in that of the cases.
    #[inline]
    #[must_use]
    pub fn new(is_biased: bool) -> Self {
        const { assert!(N <= 256, "a `select!` has at most 256 cases") };
        Turns {
            order: core::array::from_fn(|case| case as u8),
            left: N,
            is_biased,
        }
    }

    /// All have a turn again.
    #[inline]
    pub fn begin(&mut self) {
        self.left = N;
    }

    /// Whose turn it is.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "`begin` makes it no iterator"
    )]
    pub fn next(&mut self) -> Option<usize> {
        let left = self.left.checked_sub(1)?;
        self.left = left;
        if self.is_biased {
            return Some(N - 1 - left);
        }
        if left > 0 {
            self.order.swap(chance::below(left + 1), left);
        }
        Some(usize::from(self.order[left]))
    }
}

#[cfg(all(test, feature = "std", not(any(loom, shuttle))))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[cfg_attr(miri, ignore = "many rounds, for statistics")]
    #[test]
    fn every_permutation_is_equally_likely() {
        let before = chance::set_seed(Some(1));
        let mut turns = Turns::<4>::new(false);
        let mut seen = BTreeMap::new();
        for _ in 0..24_000 {
            turns.begin();
            let order: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
            *seen.entry(order).or_insert(0) += 1;
        }
        chance::set_seed(before);
        assert_eq!(seen.len(), 24);
        assert!(seen.values().all(|n| (850..1150).contains(n)), "{seen:?}");
    }

    #[test]
    fn biased_is_in_order() {
        let mut turns = Turns::<3>::new(true);
        for _ in 0..2 {
            turns.begin();
            assert_eq!(
                std::iter::from_fn(|| turns.next()).collect::<Vec<_>>(),
                [0, 1, 2]
            );
        }
        assert_eq!(Turns::<0>::new(false).next(), None);
    }
}
