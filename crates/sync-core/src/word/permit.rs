//! The word of a semaphore.
//!
//! ```text
//!  63 (or 31) .. 2           1       0
//!  AVAILABLE (signed)        CLOSED  WAITING
//! ```
//!
//! * `AVAILABLE`: permits that nobody holds. Negative while a limit that was lowered waits for
//!   permits to come back: releases pay the debt with the same addition.
//! * `WAITING`: the queue is not empty, so newcomers may not take permits past it. Set and cleared
//!   only under the queue's lock.
//! * `CLOSED`: no permit is given out any more.

use core::fmt;

use crate::atomic::{AtomicUsize, Ordering};
use crate::const_fn;

const WAITING: usize = 1 << 0;
const CLOSED: usize = 1 << 1;
const SHIFT: u32 = 2;
const PERMIT: usize = 1 << SHIFT;

/// A snapshot of a [`PermitWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PermitState(usize);

impl PermitState {
    /// The most permits that a word counts. A quarter of the signed range, so that neither a debt
    /// nor a mistaken release overflows.
    pub const MAX: usize = usize::MAX >> (SHIFT + 2);

    /// Open, nobody waits.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX`](Self::MAX) permits.
    #[must_use]
    pub const fn with_permits(permits: usize) -> Self {
        assert!(
            permits <= Self::MAX,
            "a semaphore counts at most usize::MAX >> 4 permits"
        );
        PermitState(permits << SHIFT)
    }

    /// Permits that nobody holds; negative is a debt.
    #[inline]
    #[must_use]
    pub const fn available(self) -> isize {
        (self.0 as isize) >> SHIFT
    }

    /// Somebody is queued.
    #[inline]
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// No permit is given out any more.
    #[inline]
    #[must_use]
    pub const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Whether `n` permits are there, whoever may have a right to them.
    #[inline]
    #[must_use]
    pub const fn covers(self, n: usize) -> bool {
        // MAX is far below isize::MAX, so a larger n cannot be covered.
        n <= Self::MAX && self.available() >= n as isize
    }

    /// A newcomer takes `n` permits: all of them or none, and never past a waiter.
    #[inline]
    #[must_use]
    pub const fn join(self, n: usize) -> Option<Self> {
        if self.0 & (WAITING | CLOSED) != 0 {
            None
        } else {
            self.enter(n)
        }
    }

    /// The first in the queue takes `n` permits.
    #[inline]
    #[must_use]
    pub const fn enter(self, n: usize) -> Option<Self> {
        if self.covers(n) {
            Some(PermitState(self.0.wrapping_sub(n << SHIFT)))
        } else {
            None
        }
    }

    /// `n` permits come back.
    #[inline]
    #[must_use]
    pub const fn add(self, n: usize) -> Option<Self> {
        match self.available().checked_add_unsigned(n) {
            Some(sum) if sum <= Self::MAX as isize => {
                Some(PermitState(self.0.wrapping_add(n << SHIFT)))
            }
            _ => None,
        }
    }

    /// `n` permits that somebody holds come back, so the sum cannot overflow.
    #[inline]
    #[must_use]
    pub const fn plus(self, n: usize) -> Self {
        PermitState(self.0.wrapping_add(n << SHIFT))
    }

    /// The queue gets a waiter.
    #[inline]
    #[must_use]
    pub const fn queued(self) -> Self {
        PermitState(self.0 | WAITING)
    }

    /// The queue is empty.
    #[inline]
    #[must_use]
    pub const fn drained(self) -> Self {
        PermitState(self.0 & !WAITING)
    }

    /// No permit is given out any more.
    #[inline]
    #[must_use]
    pub const fn closed(self) -> Self {
        PermitState(self.0 | CLOSED)
    }
}

impl fmt::Debug for PermitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitState")
            .field("available", &self.available())
            .field("waiting", &self.is_waiting())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// The word itself. The head of this file explains the fields.
pub struct PermitWord(AtomicUsize);

super::state_word!(PermitWord, PermitState);

impl PermitWord {
    const_fn! {
        /// A word with `permits` permits, at most [`PermitState::MAX`].
        ///
        /// # Panics
        ///
        /// If there are more.
        #[must_use]
        pub const fn new(permits: usize) -> Self {
            PermitWord(AtomicUsize::new(PermitState::with_permits(permits).0))
        }
    }

    /// Gives `n` permits back: one addition. Returns the state before.
    #[inline]
    pub fn add(&self, n: usize) -> PermitState {
        // Release: whoever gets these permits sees what was done under them.
        PermitState(self.0.fetch_add(n * PERMIT, Ordering::Release))
    }

    /// Takes `n` permits away, into debt if need be. Returns the state before.
    #[inline]
    pub fn sub(&self, n: usize) -> PermitState {
        // Acquire: as `enter`, what was done under these permits is seen.
        PermitState(self.0.fetch_sub(n * PERMIT, Ordering::Acquire))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = PermitState> {
        let max = PermitState::MAX as isize;
        (0..4usize).flat_map(move |flags| {
            [-max, -3, -1, 0, 1, 2, 3, max - 1, max]
                .into_iter()
                .map(move |n| PermitState((n << SHIFT) as usize | flags))
        })
    }

    #[test]
    fn newcomers_never_pass_a_waiter_and_take_all_or_none() {
        for s in all() {
            for n in [
                0,
                1,
                2,
                3,
                4,
                PermitState::MAX,
                PermitState::MAX + 1,
                usize::MAX,
            ] {
                let covered = i128::from(s.available() as i64) >= n as i128;
                assert_eq!(s.covers(n), covered, "{s:?} {n}");
                assert_eq!(s.enter(n).is_some(), covered);
                assert_eq!(
                    s.join(n).is_some(),
                    covered && !s.is_waiting() && !s.is_closed()
                );
                if let Some(new) = s.enter(n) {
                    assert_eq!(new.available(), s.available() - n as isize);
                    assert_eq!(new.is_waiting(), s.is_waiting());
                    assert_eq!(new.is_closed(), s.is_closed());
                }
            }
        }
    }

    #[test]
    fn flags_are_set_and_cleared_alone() {
        for s in all() {
            assert_eq!(s.queued().drained(), s.drained());
            assert!(s.queued().is_waiting() && !s.drained().is_waiting());
            assert_eq!(s.queued().available(), s.available());
            assert!(s.closed().is_closed());
            assert_eq!(s.closed().available(), s.available());
        }
    }

    #[test]
    fn additions_pay_a_debt() {
        let word = PermitWord::new(2);
        assert_eq!(word.sub(5).available(), 2);
        assert_eq!(word.load(Ordering::Relaxed).available(), -3);
        assert!(!word.load(Ordering::Relaxed).covers(0));
        word.add(3);
        assert!(word.load(Ordering::Relaxed).covers(0));
        assert_eq!(word.load(Ordering::Relaxed).join(1), None);
        word.add(1);
        let taken = word.update(Ordering::Acquire, |s| s.join(1)).unwrap();
        assert_eq!(taken.available(), 1);
        let refused = word.update(Ordering::Acquire, |s| s.join(1)).unwrap_err();
        assert_eq!(refused.available(), 0);
    }

    #[test]
    #[should_panic(expected = "at most usize::MAX >> 4 permits")]
    fn too_many_permits_are_refused() {
        let _ = PermitWord::new(PermitState::MAX + 1);
    }

    #[test]
    fn debug_names_the_fields() {
        let text = format!("{:?}", PermitWord::new(3));
        assert!(
            text.contains("available: 3") && text.contains("closed: false"),
            "{text}"
        );
    }
}
