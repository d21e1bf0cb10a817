//! The word of an event, manual-reset or auto-reset.
//!
//! ```text
//! 63 .. 3 (31 .. 3)   2      1         0
//! ROUND               KEPT   WAITING   SET
//! ```
//!
//! * `SET`: the event has happened. A manual-reset event stays so for everybody; of an auto-reset
//!   event, the next that waits takes it away.
//! * `WAITING`: somebody waits, and `SET` is clear. Set under the queue's lock.
//! * `KEPT`: an auto-reset event has happened for some who wait, but are not in the queue at present. How
//!   often is written elsewhere. Changed under the queue's lock; `SET` is clear, and as a rule `WAITING` set.
//! * `ROUND`: how often all that waited were released together, modulo its width. So a waiter knows
//!   whether it was among them, even if the event was reset since.

use core::fmt;

use crate::atomic::{AtomicUsize, Ordering};
use crate::const_fn;

const SET: usize = 1;
const WAITING: usize = 2;
const KEPT: usize = 4;
const ROUND_ONE: usize = 8;

/// A snapshot of an [`EventWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EventState(usize);

impl EventState {
    /// The event has happened.
    #[inline]
    #[must_use]
    pub const fn is_set(self) -> bool {
        self.0 & SET != 0
    }

    /// Somebody is queued.
    #[inline]
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// It has happened for some who wait and are not in the queue.
    #[inline]
    #[must_use]
    pub const fn is_kept(self) -> bool {
        self.0 & KEPT != 0
    }

    /// Which round this is. Only equality means something.
    #[inline]
    #[must_use]
    pub const fn round(self) -> usize {
        self.0 / ROUND_ONE
    }

    /// Happened, for everybody: all that wait are released.
    #[inline]
    #[must_use]
    pub const fn set_for_all(self) -> Self {
        if self.is_set() {
            self
        } else {
            EventState(self.next_round().0 | SET)
        }
    }

    /// All that wait are released, and nobody else.
    #[inline]
    #[must_use]
    pub const fn next_round(self) -> Self {
        EventState((self.0 & !WAITING).wrapping_add(ROUND_ONE))
    }

    /// Happened, for the next that waits; `None` if somebody waits already, who is to be given it.
    #[inline]
    #[must_use]
    pub const fn set_for_one(self) -> Option<Self> {
        if self.is_waiting() {
            None
        } else {
            Some(EventState(self.0 | SET))
        }
    }

    /// Has not happened; `None` if it had not.
    #[inline]
    #[must_use]
    pub const fn reset(self) -> Option<Self> {
        if self.is_set() {
            Some(EventState(self.0 & !SET))
        } else {
            None
        }
    }

    /// Somebody waits; `None` if the event has happened.
    #[inline]
    #[must_use]
    pub const fn queued(self) -> Option<Self> {
        if self.is_set() {
            None
        } else {
            Some(EventState(self.0 | WAITING))
        }
    }

    /// Nobody waits any more.
    #[inline]
    #[must_use]
    pub const fn drained(self) -> Self {
        EventState(self.0 & !WAITING)
    }

    /// Nobody is in the queue. If some are `absent`, who wait, then what has `happened` is for them first.
    #[inline]
    #[must_use]
    pub const fn deserted(self, absent: bool, happened: bool) -> Self {
        let bits = match (absent, happened) {
            (false, false) => 0,
            (false, true) => SET,
            (true, false) => WAITING,
            (true, true) => WAITING | KEPT,
        };
        EventState(self.0 & !(SET | WAITING | KEPT) | bits)
    }
}

impl fmt::Debug for EventState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventState")
            .field("set", &self.is_set())
            .field("waiting", &self.is_waiting())
            .field("kept", &self.is_kept())
            .field("round", &self.round())
            .finish()
    }
}

/// The word itself. The head of this file explains the fields.
pub struct EventWord(AtomicUsize);

super::state_word!(EventWord, EventState);

impl EventWord {
    const_fn! {
        /// The word of an event that nobody waits for.
        #[must_use]
        pub const fn new(set: bool) -> Self {
            EventWord(AtomicUsize::new(set as usize))
        }
    }

    /// Overwrites it. Only where nobody else can change it meanwhile.
    #[inline]
    pub fn store(&self, state: EventState, order: Ordering) {
        self.0.store(state.0, order);
    }

    /// Clears `SET`. Returns what was there before.
    #[inline]
    pub fn clear(&self, order: Ordering) -> EventState {
        EventState(self.0.fetch_and(!SET, order))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const LAST: usize = usize::MAX / ROUND_ONE;

    fn all() -> impl Iterator<Item = EventState> {
        [0, 1, LAST].into_iter().flat_map(|round| {
            [0, SET, WAITING, SET | WAITING]
                .into_iter()
                .map(move |bits| EventState((round * ROUND_ONE) | bits))
        })
    }

    fn fields(s: EventState) -> (bool, bool, usize) {
        (s.is_set(), s.is_waiting(), s.round())
    }

    #[test]
    fn every_transition_changes_what_it_names() {
        for s in all() {
            let (set, waiting, round) = fields(s);
            let next = if round == LAST { 0 } else { round + 1 };
            assert_eq!(fields(s.next_round()), (set, false, next), "{s:?}");
            let for_all = if set {
                (set, waiting, round)
            } else {
                (true, false, next)
            };
            assert_eq!(fields(s.set_for_all()), for_all, "{s:?}");
            assert_eq!(
                s.set_for_one().map(fields),
                (!waiting).then_some((true, false, round))
            );
            assert_eq!(
                s.reset().map(fields),
                set.then_some((false, waiting, round))
            );
            assert_eq!(
                s.queued().map(fields),
                (!set).then_some((false, true, round))
            );
            assert_eq!(fields(s.drained()), (set, false, round));
        }
    }

    #[test]
    fn what_happens_for_the_absent_is_kept_beside() {
        for s in all().flat_map(|s| [s, EventState(s.0 | KEPT)]) {
            for (absent, happened) in [(false, false), (false, true), (true, false), (true, true)] {
                let new = s.deserted(absent, happened);
                let expected = (happened && !absent, absent, s.round());
                assert_eq!((fields(new), new.is_kept()), (expected, happened && absent));
            }
            // No other transition touches it.
            let kept = |new: EventState| assert_eq!(new.is_kept(), s.is_kept(), "{s:?}");
            kept(s.next_round());
            kept(s.drained());
            [s.set_for_one(), s.reset(), s.queued()]
                .into_iter()
                .flatten()
                .for_each(kept);
        }
    }

    #[test]
    fn the_word_follows() {
        let word = EventWord::new(false);
        assert_eq!(fields(word.load(Ordering::Relaxed)), (false, false, 0));
        assert!(word.update(Ordering::Relaxed, EventState::reset).is_err());
        word.update(Ordering::Relaxed, EventState::queued).unwrap();
        assert!(
            word.update(Ordering::Relaxed, EventState::set_for_one)
                .is_err()
        );
        let all = |s: EventState| Some(s.set_for_all());
        assert!(word.update(Ordering::Relaxed, all).unwrap().is_waiting());
        assert_eq!(fields(word.load(Ordering::Relaxed)), (true, false, 1));
        assert!(word.clear(Ordering::Relaxed).is_set());
        assert!(!word.clear(Ordering::Relaxed).is_set());
        assert!(EventWord::new(true).load(Ordering::Relaxed).is_set());
    }

    #[test]
    fn debug_names_the_fields() {
        assert_eq!(
            format!("{:?}", EventWord::new(true)),
            "EventState { set: true, waiting: false, kept: false, round: 0 }"
        );
    }
}
