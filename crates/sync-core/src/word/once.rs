//! The word of something that is done once.
//!
//! ```text
//!  31 .. 4   3        2        1     0
//!  ROUND     WATCHED  WAITING  DONE  RUNNING
//! ```
//!
//! * `RUNNING`: somebody has the right to do it, or is about to be told so. Exclusive, like a lock.
//! * `DONE`: it has been done. Never together with any of the other three.
//! * `WAITING`: the queue of those who want to do it is not empty, so newcomers may not pass it.
//! * `WATCHED`: the queue of those who only wait until it is done is not empty.
//! * `ROUND`: how often it was reset, modulo its width. So whoever was queued knows whether *its*
//!   round is over, even when the next one began before it was told.
//!
//! ```text
//! incomplete --begin--> RUNNING --complete--> DONE --reset--> incomplete, next ROUND
//!     ^-------give_up------|
//! ```
//!
//! Every change is a read-modify-write, so what a completion publishes is seen by whoever acquires
//! any later value of the word.

use core::fmt;

use crate::atomic::AtomicU32;
use crate::const_fn;

const RUNNING: u32 = 1 << 0;
const DONE: u32 = 1 << 1;
const WAITING: u32 = 1 << 2;
const WATCHED: u32 = 1 << 3;
const ROUND_ONE: u32 = 1 << 4;
const ROUND: u32 = !(ROUND_ONE - 1);

/// A snapshot of an [`OnceWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OnceState(u32);

impl OnceState {
    /// Neither done nor being done, nobody waits.
    pub const INCOMPLETE: OnceState = OnceState(0);
    /// Done.
    pub const COMPLETE: OnceState = OnceState(DONE);

    /// Somebody has the right to do it.
    #[inline]
    #[must_use]
    pub const fn is_running(self) -> bool {
        self.0 & RUNNING != 0
    }

    /// It has been done.
    #[inline]
    #[must_use]
    pub const fn is_done(self) -> bool {
        self.0 & DONE != 0
    }

    /// Somebody is queued who wants to do it.
    #[inline]
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// Somebody is queued who waits until it is done.
    #[inline]
    #[must_use]
    pub const fn is_watched(self) -> bool {
        self.0 & WATCHED != 0
    }

    /// Which round this is. Only equality means something.
    #[inline]
    #[must_use]
    pub const fn round(self) -> usize {
        (self.0 / ROUND_ONE) as usize
    }

    /// Whether what somebody queued for in `round` is over.
    #[inline]
    #[must_use]
    pub const fn is_over_for(self, round: usize) -> bool {
        self.is_done() || self.round() != round
    }

    /// The right is taken; `None` if somebody has it, or it is done.
    #[inline]
    #[must_use]
    pub const fn begin(self) -> Option<Self> {
        if self.0 & (RUNNING | DONE) == 0 {
            Some(OnceState(self.0 | RUNNING))
        } else {
            None
        }
    }

    /// A newcomer takes the right; `None` also if somebody waits for it.
    #[inline]
    #[must_use]
    pub const fn join(self) -> Option<Self> {
        if self.is_waiting() {
            None
        } else {
            self.begin()
        }
    }

    /// The right is taken in the name of somebody who queued for it in `round`; `None` also if that is
    /// over.
    #[inline]
    #[must_use]
    pub const fn begin_round(self, round: usize) -> Option<Self> {
        if self.is_over_for(round) {
            None
        } else {
            self.begin()
        }
    }

    /// Whoever has the right gives it up; `None` if nobody has.
    #[inline]
    #[must_use]
    pub const fn give_up(self) -> Option<Self> {
        if self.is_running() {
            Some(OnceState(self.0 & !RUNNING))
        } else {
            None
        }
    }

    /// Whoever has the right has done it. Those who wait are to be told; `None` if nobody has the
    /// right.
    #[inline]
    #[must_use]
    pub const fn complete(self) -> Option<Self> {
        if self.is_running() {
            Some(OnceState(self.0 & ROUND | DONE))
        } else {
            None
        }
    }

    /// The next round, in which it has not been done yet; `None` if it has not been done in this one.
    #[inline]
    #[must_use]
    pub const fn reset(self) -> Option<Self> {
        if self.is_done() {
            Some(OnceState((self.0 & ROUND).wrapping_add(ROUND_ONE)))
        } else {
            None
        }
    }

    /// Somebody is queued who wants to do it; `None` if it is done.
    #[inline]
    #[must_use]
    pub const fn queued(self) -> Option<Self> {
        if self.is_done() {
            None
        } else {
            Some(OnceState(self.0 | WAITING))
        }
    }

    /// Somebody is queued who waits until it is done; `None` if it is done.
    #[inline]
    #[must_use]
    pub const fn watched(self) -> Option<Self> {
        if self.is_done() {
            None
        } else {
            Some(OnceState(self.0 | WATCHED))
        }
    }

    /// Nobody is queued any more who wants to do it.
    #[inline]
    #[must_use]
    pub const fn drained(self) -> Self {
        OnceState(self.0 & !WAITING)
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState")
            .field("running", &self.is_running())
            .field("done", &self.is_done())
            .field("waiting", &self.is_waiting())
            .field("watched", &self.is_watched())
            .field("round", &self.round())
            .finish()
    }
}

/// The word itself. The head of this file explains the fields.
pub struct OnceWord(AtomicU32);

super::state_word!(OnceWord, OnceState);

impl OnceWord {
    const_fn! {
        /// A word in this state.
        #[must_use]
        pub const fn new(state: OnceState) -> Self {
            OnceWord(AtomicU32::new(state.0))
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::atomic::Ordering;

    /// Every state that can be reached, in the first, second and last round.
    fn all() -> impl Iterator<Item = OnceState> {
        [0, ROUND_ONE, ROUND].into_iter().flat_map(|round| {
            (0..16)
                .map(move |bits| OnceState(round | bits))
                .filter(|s| !s.is_done() || s.0 & !ROUND == DONE)
        })
    }

    type Flags = (bool, bool, bool, bool);

    fn flags(s: OnceState) -> Flags {
        (s.is_running(), s.is_done(), s.is_waiting(), s.is_watched())
    }

    #[test]
    fn the_states_are_nine_a_round() {
        assert_eq!(all().count(), 27);
        assert!(all().all(|s| all().any(|t| t.round() == s.round() && t != s)));
    }

    #[test]
    fn the_right_is_taken_by_one() {
        for s in all() {
            let (running, done, waiting, watched) = flags(s);
            let begun = s.begin();
            assert_eq!(begun.is_some(), !running && !done, "{s:?}");
            if let Some(new) = begun {
                assert_eq!(flags(new), (true, false, waiting, watched));
                assert_eq!(new.round(), s.round());
                assert_eq!(new.begin(), None);
                assert_eq!(new.give_up(), Some(s), "giving up undoes it");
            }
            assert_eq!(s.begin_round(s.round()), begun);
            assert_eq!(s.begin_round(s.round() + 1), None);
            assert_eq!(s.join(), if waiting { None } else { begun });
        }
    }

    #[test]
    fn only_whoever_has_the_right_gives_it_up_or_completes() {
        for s in all() {
            let (running, _, waiting, watched) = flags(s);
            assert_eq!(s.give_up().is_some(), running);
            assert_eq!(s.complete().is_some(), running);
            if let (Some(back), Some(done)) = (s.give_up(), s.complete()) {
                assert_eq!(flags(back), (false, false, waiting, watched));
                assert_eq!(flags(done), (false, true, false, false));
                assert_eq!((back.round(), done.round()), (s.round(), s.round()));
            }
        }
    }

    #[test]
    fn only_what_is_done_is_reset() {
        for s in all() {
            let reset = s.reset();
            assert_eq!(reset.is_some(), s.is_done());
            if let Some(new) = reset {
                assert_eq!(flags(new), (false, false, false, false));
                let next = (s.round() + 1) % (1 << 28);
                assert_eq!(new.round(), next);
                assert!(new.is_over_for(s.round()));
                assert!(!new.is_over_for(new.round()));
            }
        }
    }

    #[test]
    fn only_what_is_not_done_is_waited_for() {
        for s in all() {
            let (running, done, waiting, watched) = flags(s);
            assert_eq!((s.queued().is_none(), s.watched().is_none()), (done, done));
            assert_eq!(s.is_over_for(s.round()), done);
            if let (Some(queued), Some(seen)) = (s.queued(), s.watched()) {
                assert_eq!(flags(queued), (running, false, true, watched));
                assert_eq!(flags(seen), (running, false, waiting, true));
                assert_eq!((queued.round(), seen.round()), (s.round(), s.round()));
            }
            assert_eq!(flags(s.drained()), (running, done, false, watched));
            assert_eq!(s.drained().round(), s.round());
        }
    }

    #[test]
    fn the_word_goes_round() {
        let word = OnceWord::new(OnceState::INCOMPLETE);
        let order = Ordering::Relaxed;
        assert_eq!(word.update(order, OnceState::complete), Err(OnceState(0)));
        word.update(order, OnceState::join).unwrap();
        word.update(order, OnceState::queued).unwrap();
        let old = word.update(order, OnceState::complete).unwrap();
        assert_eq!(flags(old), (true, false, true, false));
        assert_eq!(word.load(order), OnceState::COMPLETE);
        word.update(order, OnceState::reset).unwrap();
        assert_eq!(word.load(order).round(), 1);
        assert!(OnceWord::new(OnceState::COMPLETE).load(order).is_done());
    }

    #[test]
    fn debug_names_the_fields() {
        let text = format!("{:?}", OnceWord::new(OnceState(RUNNING | WATCHED)));
        assert_eq!(
            text,
            "OnceState { running: true, done: false, waiting: false, watched: true, round: 0 }"
        );
    }
}
