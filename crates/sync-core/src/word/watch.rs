//! The word of a watched value: which version it is, and whether there will be others.
//!
//! ```text
//! 63 .. 1 (31 .. 1)   0
//! VERSION             CLOSED
//! ```
//!
//! * `VERSION`: how often the value was stored, modulo its width. Only equality means something, so
//!   who has seen a version knows whether there is another.
//! * `CLOSED`: the version is the last.
//!
//! Changed under the queue's lock, read by anybody.

use core::fmt;

use crate::atomic::{AtomicUsize, Ordering};
use crate::const_fn;

const CLOSED: usize = 1;
const VERSION_ONE: usize = 2;

/// A snapshot of a [`WatchWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WatchState(usize);

impl WatchState {
    /// Which version this is. Only equality means something.
    #[inline]
    #[must_use]
    pub const fn version(self) -> usize {
        self.0 / VERSION_ONE
    }

    /// It is the last.
    #[inline]
    #[must_use]
    pub const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// The next version.
    #[inline]
    #[must_use]
    pub const fn stored(self) -> Self {
        WatchState(self.0.wrapping_add(VERSION_ONE))
    }

    /// There will be no other; `None` if that was known.
    #[inline]
    #[must_use]
    pub const fn closed(self) -> Option<Self> {
        if self.is_closed() {
            None
        } else {
            Some(WatchState(self.0 | CLOSED))
        }
    }

    /// A version that is not this one, and which whoever has seen this one has seen before it.
    #[inline]
    #[must_use]
    pub const fn version_before(self) -> usize {
        WatchState(self.0.wrapping_sub(VERSION_ONE)).version()
    }
}

impl fmt::Debug for WatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchState")
            .field("version", &self.version())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// The word itself. The head of this file explains the fields.
pub struct WatchWord(AtomicUsize);

impl WatchWord {
    const_fn! {
        /// The word of the first version.
        #[must_use]
        pub const fn new() -> Self {
            WatchWord(AtomicUsize::new(0))
        }
    }

    /// A snapshot.
    #[inline]
    #[must_use]
    pub fn load(&self, order: Ordering) -> WatchState {
        WatchState(self.0.load(order))
    }

    /// Writes a state. The caller holds the lock of the queue.
    #[inline]
    pub fn store(&self, state: WatchState, order: Ordering) {
        self.0.store(state.0, order);
    }
}

impl Default for WatchWord {
    fn default() -> Self {
        WatchWord::new()
    }
}

impl fmt::Debug for WatchWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Ordering::Relaxed).fmt(f)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const LAST: usize = usize::MAX / VERSION_ONE;

    #[test]
    fn every_transition_changes_what_it_names() {
        for version in [0, 1, 2, LAST - 1, LAST] {
            for closed in [0, CLOSED] {
                let s = WatchState((version * VERSION_ONE) | closed);
                let is_closed = closed == CLOSED;
                assert_eq!((s.version(), s.is_closed()), (version, is_closed));
                let next = s.stored();
                let expected = if version == LAST { 0 } else { version + 1 };
                assert_eq!((next.version(), next.is_closed()), (expected, is_closed));
                assert_eq!(next.version_before(), version);
                assert_ne!(s.version_before(), version);
                assert_eq!(
                    s.closed().map(|s| (s.version(), s.is_closed())),
                    (!is_closed).then_some((version, true))
                );
            }
        }
    }

    #[test]
    fn the_word_keeps_what_is_stored() {
        let word = WatchWord::default();
        let first = word.load(Ordering::Relaxed);
        assert_eq!((first.version(), first.is_closed()), (0, false));
        word.store(first.stored(), Ordering::Relaxed);
        assert_eq!(word.load(Ordering::Relaxed), first.stored());
        assert_eq!(
            format!("{word:?}"),
            "WatchState { version: 1, closed: false }"
        );
    }
}
