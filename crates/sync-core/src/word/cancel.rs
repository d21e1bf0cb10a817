//! The word of a scope that can be cancelled, once.
//!
//! ```text
//! 2         1         0
//! COVERED   WAITING   CANCELLED
//! ```
//!
//! * `CANCELLED`: for ever.
//! * `WAITING`: somebody queued before that. Set under the queue's lock, while `CANCELLED` is clear;
//!   never cleared, so whoever cancels learns from it whether there may be somebody to wake.
//! * `COVERED`: everything below is cancelled, too. Set after `CANCELLED`, for ever.

use core::fmt;

use crate::atomic::AtomicU8;
use crate::const_fn;

const CANCELLED: u8 = 1;
const WAITING: u8 = 2;
const COVERED: u8 = 4;

/// A snapshot of a [`CancelWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CancelState(u8);

impl CancelState {
    /// It is cancelled.
    #[inline]
    #[must_use]
    pub const fn is_cancelled(self) -> bool {
        self.0 & CANCELLED != 0
    }

    /// Somebody has waited for that.
    #[inline]
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// It is cancelled, and everything below it.
    #[inline]
    #[must_use]
    pub const fn is_covered(self) -> bool {
        self.0 & COVERED != 0
    }

    /// Somebody waits; `None` if there is nothing to wait for.
    #[inline]
    #[must_use]
    pub const fn queued(self) -> Option<Self> {
        if self.is_cancelled() {
            None
        } else {
            Some(CancelState(self.0 | WAITING))
        }
    }

    /// It is cancelled; `None` if it was.
    #[inline]
    #[must_use]
    pub const fn cancelled(self) -> Option<Self> {
        if self.is_cancelled() {
            None
        } else {
            Some(CancelState(self.0 | CANCELLED))
        }
    }

    /// Everything below is cancelled, too; `None` if that is known, or it is not cancelled itself.
    #[inline]
    #[must_use]
    pub const fn covered(self) -> Option<Self> {
        if self.is_covered() || !self.is_cancelled() {
            None
        } else {
            Some(CancelState(self.0 | COVERED))
        }
    }
}

impl fmt::Debug for CancelState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelState")
            .field("cancelled", &self.is_cancelled())
            .field("waiting", &self.is_waiting())
            .field("covered", &self.is_covered())
            .finish()
    }
}

/// The word itself. The head of this file explains the bits.
pub struct CancelWord(AtomicU8);

impl CancelWord {
    const_fn! {
        /// The word of a scope that is not cancelled.
        #[must_use]
        pub const fn new() -> Self {
            CancelWord(AtomicU8::new(0))
        }
    }
}

super::state_word!(CancelWord, CancelState);

impl Default for CancelWord {
    fn default() -> Self {
        CancelWord::new()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::atomic::Ordering;

    fn all() -> impl Iterator<Item = CancelState> {
        (0..8).map(CancelState)
    }

    fn fields(s: CancelState) -> (bool, bool, bool) {
        (s.is_cancelled(), s.is_waiting(), s.is_covered())
    }

    #[test]
    fn every_transition_changes_what_it_names() {
        for s in all() {
            let (cancelled, waiting, covered) = fields(s);
            assert_eq!(
                s.queued().map(fields),
                (!cancelled).then_some((false, true, covered)),
                "{s:?}"
            );
            assert_eq!(
                s.cancelled().map(fields),
                (!cancelled).then_some((true, waiting, covered)),
                "{s:?}"
            );
            assert_eq!(
                s.covered().map(fields),
                (cancelled && !covered).then_some((true, waiting, true)),
                "{s:?}"
            );
        }
    }

    #[test]
    fn the_word_follows() {
        let word = CancelWord::default();
        let now = |word: &CancelWord| fields(word.load(Ordering::Relaxed));
        assert_eq!(now(&word), (false, false, false));
        let update = |next: fn(CancelState) -> Option<CancelState>| {
            word.update(Ordering::Relaxed, next).map(fields)
        };
        assert!(update(CancelState::covered).is_err());
        assert_eq!(update(CancelState::queued), Ok((false, false, false)));
        assert_eq!(update(CancelState::cancelled), Ok((false, true, false)));
        assert!(update(CancelState::cancelled).is_err());
        assert!(update(CancelState::queued).is_err());
        assert_eq!(update(CancelState::covered), Ok((true, true, false)));
        assert_eq!(now(&word), (true, true, true));
    }

    #[test]
    fn debug_names_the_bits() {
        assert_eq!(
            format!("{:?}", CancelWord::new()),
            "CancelState { cancelled: false, waiting: false, covered: false }"
        );
    }
}
