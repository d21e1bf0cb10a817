//! The word of a wait group.
//!
//! ```text
//!  63 .. 32 (31 .. 12)   31 .. 1 (11 .. 1)   0
//!  COUNT                 ROUND               WAITING
//! ```
//!
//! * `COUNT`: what has been added and is not done yet.
//! * `ROUND`: how often the count came back to zero while somebody waited, modulo its width. So a
//!   waiter knows whether *its* round is over, even when the next one began before the waiter was
//!   told. (Go has to forbid such reuse and panics.)
//! * `WAITING`: the queue is not empty. Set under the queue's lock, cleared with the round.
//!
//! Counting one less is one subtraction. One that makes the count zero while somebody waits leaves
//! the word *overdue*: count zero and `WAITING`. Whoever does that moves the round in a second
//! exchange; an addition that meets an overdue word moves it in the very exchange that counts. So a
//! count above zero always belongs to the round of the word. Only who holds the count above zero
//! itself may add without looking.

use core::fmt;

use crate::atomic::{AtomicUsize, Ordering};
use crate::const_fn;

const WAITING: usize = 1;
const COUNT_SHIFT: u32 = if usize::BITS == 64 { 32 } else { 12 };
const ONE: usize = 1 << COUNT_SHIFT;
const ROUND: usize = (ONE - 1) & !WAITING;
const ROUND_ONE: usize = 2;

/// A snapshot of a [`CountWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CountState(usize);

impl CountState {
    /// The largest count: 2^31 - 1 where `usize` has 64 bits, 2^19 - 1 where it has 32. Half of what
    /// fits, so that additions which go too far are noticed before they do harm.
    pub const MAX: usize = usize::MAX >> (COUNT_SHIFT + 1);

    /// What has been added and is not done yet.
    #[inline]
    #[must_use]
    pub const fn count(self) -> usize {
        self.0 >> COUNT_SHIFT
    }

    /// Which round this is. Only equality means something.
    #[inline]
    #[must_use]
    pub const fn round(self) -> usize {
        (self.0 & ROUND) / ROUND_ONE
    }

    /// Somebody is queued.
    #[inline]
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// The count is zero and somebody waits for that: the round is over, but has not moved.
    #[inline]
    #[must_use]
    pub const fn is_overdue(self) -> bool {
        self.count() == 0 && self.is_waiting()
    }

    /// The next round, for which nobody waits.
    #[inline]
    #[must_use]
    pub const fn next_round(self) -> Self {
        CountState(self.0 & !(ROUND | WAITING) | (self.0 & ROUND).wrapping_add(ROUND_ONE) & ROUND)
    }

    /// `n` more to wait for; `None` if that is more than [`MAX`](Self::MAX).
    #[inline]
    #[must_use]
    pub const fn add(self, n: usize) -> Option<Self> {
        // Saturating: an addition that goes too far may not have been undone yet.
        if n > Self::MAX.saturating_sub(self.count()) {
            None
        } else if n != 0 && self.is_overdue() {
            Some(CountState(self.next_round().0 + n * ONE))
        } else {
            Some(CountState(self.0 + n * ONE))
        }
    }

    /// `n` are done; `None` if there are not that many. Reaching zero ends a round that somebody
    /// waits for.
    #[inline]
    #[must_use]
    pub const fn done(self, n: usize) -> Option<Self> {
        if n > self.count() {
            return None;
        }
        let rest = CountState(self.0 - n * ONE);
        Some(if n != 0 && rest.is_overdue() {
            rest.next_round()
        } else {
            rest
        })
    }

    /// Somebody waits for the end of this round; `None` if it is over already.
    #[inline]
    #[must_use]
    pub const fn queued(self) -> Option<Self> {
        if self.count() == 0 {
            None
        } else {
            Some(CountState(self.0 | WAITING))
        }
    }
}

impl fmt::Debug for CountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountState")
            .field("count", &self.count())
            .field("waiting", &self.is_waiting())
            .field("round", &self.round())
            .finish()
    }
}

/// What [`CountWord::done`] has brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Done {
    /// There is nothing else to do.
    Counted,
    /// A round ended that somebody waited for: wake those who wait for another round than the
    /// word's present one.
    RoundOver,
}

/// The word itself. The head of this file explains the fields.
pub struct CountWord(AtomicUsize);

super::state_word!(CountWord, CountState);

impl CountWord {
    const_fn! {
        /// A word that counts zero.
        #[must_use]
        pub const fn new() -> Self {
            CountWord(AtomicUsize::new(0))
        }
    }

    /// Counts `n` more.
    ///
    /// # Errors
    ///
    /// The state, unchanged, if the count would exceed [`CountState::MAX`].
    #[inline]
    pub fn add(&self, n: usize) -> Result<(), CountState> {
        // Relaxed: an addition publishes nothing; whoever hands work to another task does.
        self.update(Ordering::Relaxed, |s| s.add(n)).map(|_| ())
    }

    /// Counts one more while the caller keeps the count above zero: one addition.
    ///
    /// (Nothing else may add without an exchange. Between an addition that finds the word overdue and
    /// the exchange that moves the round, the word would look like one whose round goes on, to others
    /// that add and wait, and to the one that made the count zero.)
    ///
    /// # Errors
    ///
    /// The state, unchanged, if the count would exceed [`CountState::MAX`].
    #[inline]
    pub fn add_another(&self) -> Result<(), CountState> {
        // Relaxed: as `add`.
        let old = CountState(self.0.fetch_add(ONE, Ordering::Relaxed));
        debug_assert!(old.count() != 0);
        if old.count() >= CountState::MAX {
            // There are as many more to come before this could be mistaken for a small count; and it
            // does not make the count zero.
            self.0.fetch_sub(ONE, Ordering::Relaxed);
            return Err(old);
        }
        Ok(())
    }

    /// Counts `n` less.
    ///
    /// # Errors
    ///
    /// The state, unchanged, if the count is smaller than `n`.
    #[inline]
    pub fn done(&self, n: usize) -> Result<Done, CountState> {
        // Release: a waiter sees what was done. Acquire: the one that makes the count zero wakes
        // the waiters in the name of all the others, so it must have seen their work.
        let old = self.update(Ordering::AcqRel, |s| s.done(n))?;
        let over = old.is_waiting() && old.count() == n && n != 0;
        Ok(if over { Done::RoundOver } else { Done::Counted })
    }

    /// Counts one less, which the caller has added: one subtraction.
    #[inline]
    pub fn done_one(&self) -> Done {
        // AcqRel: as `done`.
        let old = CountState(self.0.fetch_sub(ONE, Ordering::AcqRel));
        debug_assert!(old.count() != 0);
        if old.count() != 1 || !old.is_waiting() {
            return Done::Counted;
        }
        // Refused: an addition has moved the round. Relaxed: part of
        // the release sequences of those who made the count zero.
        let _ = self.update(Ordering::Relaxed, |s| {
            s.is_overdue().then(|| s.next_round())
        });
        Done::RoundOver
    }
}

impl Default for CountWord {
    fn default() -> Self {
        CountWord::new()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = CountState> {
        [0, 1, 2, 3, CountState::MAX - 1, CountState::MAX]
            .into_iter()
            .flat_map(|count| {
                [0, 1, ROUND / ROUND_ONE]
                    .into_iter()
                    .flat_map(move |round| {
                        [0, WAITING]
                            .into_iter()
                            .map(move |w| CountState((count * ONE) | (round * ROUND_ONE) | w))
                    })
            })
    }

    #[test]
    fn counts_go_up_and_down_within_bounds() {
        for s in all() {
            for n in [0, 1, 2, 3, CountState::MAX, CountState::MAX + 1, usize::MAX] {
                let up = s.add(n);
                assert_eq!(
                    up.is_some(),
                    s.count()
                        .checked_add(n)
                        .is_some_and(|c| c <= CountState::MAX)
                );
                if let Some(up) = up {
                    assert_eq!(up.count(), s.count() + n);
                    let old = if n != 0 && s.is_overdue() {
                        s.next_round()
                    } else {
                        s
                    };
                    assert_eq!(
                        (up.round(), up.is_waiting()),
                        (old.round(), old.is_waiting())
                    );
                }
                let down = s.done(n);
                assert_eq!(down.is_some(), n <= s.count());
                if let Some(down) = down {
                    assert_eq!(down.count(), s.count() - n);
                    let over = n != 0 && down.count() == 0 && s.is_waiting();
                    assert_eq!(down.is_waiting(), s.is_waiting() && !over);
                    let next = (s.round() + usize::from(over)) % (ROUND / ROUND_ONE + 1);
                    assert_eq!(down.round(), next, "{s:?} - {n}");
                }
            }
        }
    }

    #[test]
    fn only_a_round_that_goes_on_can_be_waited_for() {
        for s in all() {
            match s.queued() {
                None => assert_eq!(s.count(), 0),
                Some(new) => {
                    assert!(new.is_waiting());
                    assert_eq!((new.count(), new.round()), (s.count(), s.round()));
                }
            }
        }
    }

    #[test]
    fn the_word_tells_when_a_round_is_over() {
        let word = CountWord::new();
        word.add(2).unwrap();
        assert_eq!(word.done(1), Ok(Done::Counted));
        assert_eq!(word.done(1), Ok(Done::Counted), "nobody waited");
        assert!(word.done(1).is_err(), "negative");
        assert_eq!(
            word.load(Ordering::Relaxed).count(),
            0,
            "a refused done changes nothing"
        );
        word.add(1).unwrap();
        word.update(Ordering::Relaxed, CountState::queued).unwrap();
        let round = word.load(Ordering::Relaxed).round();
        assert_eq!(word.done(1), Ok(Done::RoundOver));
        assert_ne!(word.load(Ordering::Relaxed).round(), round);
        assert!(!word.load(Ordering::Relaxed).is_waiting());
        assert!(word.add(CountState::MAX).is_ok());
        assert!(word.add(1).is_err(), "too many");
        let full = word.load(Ordering::Relaxed);
        assert_eq!(word.add_another(), Err(full), "too many");
        assert_eq!(word.load(Ordering::Relaxed), full);
    }

    #[test]
    fn an_overdue_round_is_moved_by_the_next_addition() {
        {
            let word = CountWord::new();
            word.add(1).unwrap();
            word.update(Ordering::Relaxed, CountState::queued).unwrap();
            let round = word.load(Ordering::Relaxed).round();
            // What `done_one` does first.
            word.0.fetch_sub(ONE, Ordering::Relaxed);
            assert!(word.load(Ordering::Relaxed).is_overdue());
            word.add(1).unwrap();
            let state = word.load(Ordering::Relaxed);
            assert_eq!((state.count(), state.is_waiting()), (1, false));
            assert_ne!(state.round(), round);
        }
    }

    #[test]
    fn one_less_ends_a_round_that_somebody_waits_for() {
        let word = CountWord::new();
        word.add(2).unwrap();
        assert_eq!(word.done_one(), Done::Counted);
        word.update(Ordering::Relaxed, CountState::queued).unwrap();
        let round = word.load(Ordering::Relaxed).round();
        assert_eq!(word.done_one(), Done::RoundOver);
        let state = word.load(Ordering::Relaxed);
        assert!(state.round() != round && !state.is_waiting());
        word.add(1).unwrap();
        assert_eq!(word.done_one(), Done::Counted, "nobody waited");
    }

    #[test]
    fn debug_names_the_fields() {
        let text = format!("{:?}", CountWord::new());
        assert!(
            text.contains("count: 0") && text.contains("round: 0"),
            "{text}"
        );
    }
}
