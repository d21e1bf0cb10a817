//! The word of a latch: how many are still to come.
//!
//! ```text
//! 63 .. 0 (31 .. 0), signed
//! COUNT
//! ```
//!
//! The latch is open when the count is not above zero. Counting one less is a look and one
//! subtraction: the look keeps an open latch from counting on, and if several threads look before
//! one of them opens it, the count ends that much below zero. Nothing ever adds to it, so an open
//! latch stays open.
//!
//! One call takes the count from above zero to zero or below. That one has opened the latch.

use core::fmt;

use crate::atomic::{AtomicUsize, Ordering};
use crate::const_fn;

/// A snapshot of a [`LatchWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LatchState(usize);

impl LatchState {
    /// The largest count. Half of what fits, so that the latch is not closed again by as many threads
    /// as there can be that count down at the moment when it opens.
    pub const MAX: usize = usize::MAX / 4;

    /// How many are still to come: zero if the latch is open.
    #[inline]
    #[must_use]
    pub const fn count(self) -> usize {
        if self.is_open() { 0 } else { self.0 }
    }

    /// Whether nobody is still to come.
    #[inline]
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.0.cast_signed() <= 0
    }

    /// `n` less, but not less than zero; `None` if the latch is open.
    #[inline]
    #[must_use]
    pub const fn less(self, n: usize) -> Option<Self> {
        if self.is_open() {
            None
        } else {
            Some(LatchState(self.0.saturating_sub(n)))
        }
    }
}

impl fmt::Debug for LatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatchState")
            .field("count", &self.count())
            .finish()
    }
}

/// The word itself. The head of this file explains it.
pub struct LatchWord(AtomicUsize);

impl LatchWord {
    const_fn! {
        /// A word that counts `n`.
        ///
        /// # Panics
        ///
        /// If that is more than [`LatchState::MAX`].
        #[must_use]
        pub const fn new(n: usize) -> Self {
            assert!(n <= LatchState::MAX, "a latch counts at most Latch::MAX");
            LatchWord(AtomicUsize::new(n))
        }
    }

    /// A snapshot.
    #[inline]
    #[must_use]
    pub fn load(&self, order: Ordering) -> LatchState {
        LatchState(self.0.load(order))
    }

    /// Counts one less. Whether this call has opened the latch.
    #[inline]
    #[must_use]
    pub fn less_one(&self) -> bool {
        // Relaxed: an open latch has nothing to publish to.
        if self.load(Ordering::Relaxed).is_open() {
            return false;
        }
        // Release: whoever waits sees what was done. Acquire: the one that opens the latch wakes
        // in the name of all the others, so it must have seen their work.
        self.0.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Counts `n` less, but not less than zero. Whether this call has opened the latch.
    #[inline]
    #[must_use]
    pub fn less(&self, n: usize) -> bool {
        // AcqRel: as `less_one`.
        let old = super::update_loop!(&self.0, LatchState, Ordering::AcqRel, |s: LatchState| s
            .less(n));
        old.is_ok_and(|old| n >= old.count())
    }
}

impl fmt::Debug for LatchWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Ordering::Relaxed).fmt(f)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn it_counts_down_to_zero_and_no_further() {
        for count in [0, 1, 2, 3, LatchState::MAX - 1, LatchState::MAX] {
            for n in [0, 1, 2, 3, LatchState::MAX, LatchState::MAX + 1, usize::MAX] {
                let word = LatchWord::new(count);
                let state = word.load(Ordering::Relaxed);
                assert_eq!((state.count(), state.is_open()), (count, count == 0));
                let less = state.less(n);
                assert_eq!(less.is_none(), count == 0);
                let rest = count.saturating_sub(n);
                if let Some(less) = less {
                    assert_eq!((less.count(), less.is_open()), (rest, rest == 0));
                }
                assert_eq!(word.less(n), count != 0 && rest == 0, "{count} - {n}");
                assert_eq!(word.load(Ordering::Relaxed).count(), rest);
            }
        }
    }

    #[test]
    fn one_call_opens_it() {
        let word = LatchWord::new(2);
        assert!(!word.less_one());
        assert!(word.less_one());
        assert!(!word.less_one() && !word.less(1) && !word.less(0));
        assert!(word.load(Ordering::Relaxed).is_open());
    }

    #[test]
    fn threads_that_looked_in_time_leave_it_open() {
        let word = LatchWord::new(1);
        assert!(word.less_one());
        // What two others do that looked before.
        for _ in 0..2 {
            word.0.fetch_sub(1, Ordering::AcqRel);
            let state = word.load(Ordering::Relaxed);
            assert!(state.is_open() && state.less(1).is_none());
            assert_eq!(state.count(), 0);
        }
        assert!(!word.less_one() && !word.less(7));
    }

    #[test]
    #[should_panic = "at most Latch::MAX"]
    fn too_many() {
        let _ = LatchWord::new(LatchState::MAX + 1);
    }

    #[test]
    fn debug_names_the_field() {
        assert_eq!(
            format!("{:?}", LatchWord::new(3)),
            "LatchState { count: 3 }"
        );
    }
}
