//! The word of an execution that several callers share.
//!
//! ```text
//!  31 .. 6    5     4     3     2        1      0
//!  CALLERS    KEEP  OVER  DONE  WAITING  WOKEN  POLLING
//! ```
//!
//! * `CALLERS`: who wants the result and has not taken it.
//! * `POLLING`: the work belongs to one thread, which polls it or is about to drop it. A task that
//!   runs the work has it from the beginning to the end.
//! * `WOKEN`: the work wants to be polled. Set from the beginning, and by each of its wake-ups.
//! * `WAITING`: the queue may have somebody in it. Set and cleared under the queue's lock.
//! * `DONE`: there is an outcome. Nobody joins any more.
//! * `OVER`: the last caller left before there was an outcome. Nobody joins any more; the work is
//!   dropped by that caller, or by the task that runs it.
//! * `KEEP`: the work goes on when nobody waits for it. Only of use where a task runs it.
//!
//! `DONE` and `OVER` exclude each other and are final.

use core::fmt;

use crate::atomic::{AtomicU32, Ordering};
use crate::const_fn;

const POLLING: u32 = 1 << 0;
const WOKEN: u32 = 1 << 1;
const WAITING: u32 = 1 << 2;
const DONE: u32 = 1 << 3;
const OVER: u32 = 1 << 4;
const KEEP: u32 = 1 << 5;
const SHIFT: u32 = 6;
const CALLER: u32 = 1 << SHIFT;

/// A snapshot of a [`FlightWord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FlightState(u32);

impl FlightState {
    /// The most callers of one execution.
    pub const MAX: u32 = u32::MAX >> SHIFT;

    /// Who wants the result and has not taken it.
    #[inline]
    #[must_use]
    pub const fn callers(self) -> u32 {
        self.0 >> SHIFT
    }

    /// The work belongs to a thread or task.
    #[inline]
    #[must_use]
    pub const fn is_polling(self) -> bool {
        self.0 & POLLING != 0
    }

    /// Somebody may be queued.
    #[inline]
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// There is an outcome.
    #[inline]
    #[must_use]
    pub const fn is_done(self) -> bool {
        self.0 & DONE != 0
    }

    /// Everybody has left.
    #[inline]
    #[must_use]
    pub const fn is_over(self) -> bool {
        self.0 & OVER != 0
    }

    /// The execution goes on: it may be joined.
    #[inline]
    #[must_use]
    pub const fn is_live(self) -> bool {
        self.0 & (DONE | OVER) == 0
    }

    /// The work wants to be polled, and nobody does so.
    #[inline]
    #[must_use]
    pub const fn wants_poll(self) -> bool {
        self.0 & (POLLING | WOKEN | DONE | OVER) == WOKEN
    }

    /// One more caller; `None` if the execution is not live.
    ///
    /// # Panics
    ///
    /// If there are [`MAX`](Self::MAX) callers.
    #[inline]
    #[must_use]
    pub const fn join(self) -> Option<Self> {
        assert!(self.callers() < Self::MAX, "too many callers of one flight");
        if self.is_live() {
            Some(FlightState(self.0 + CALLER))
        } else {
            None
        }
    }

    /// One caller less. The last one ends the execution, unless it is done or to be kept.
    #[inline]
    #[must_use]
    pub const fn leave(self) -> Self {
        debug_assert!(self.callers() != 0);
        let left = FlightState(self.0 - CALLER);
        if left.callers() == 0 && left.is_live() && left.0 & KEEP == 0 {
            FlightState(left.0 | OVER)
        } else {
            left
        }
    }

    /// It is to go on when nobody waits for it; `None` if it is not live.
    #[inline]
    #[must_use]
    pub const fn keep(self) -> Option<Self> {
        if self.is_live() {
            Some(FlightState(self.0 | KEEP))
        } else {
            None
        }
    }

    /// Somebody takes the work to poll it; `None` if it does not want that.
    #[inline]
    #[must_use]
    pub const fn begin_poll(self) -> Option<Self> {
        if self.wants_poll() {
            Some(FlightState(self.0 & !WOKEN | POLLING))
        } else {
            None
        }
    }

    /// The work is pending. If it was woken meanwhile, it stays with who polls it, for another poll.
    #[inline]
    #[must_use]
    pub const fn end_poll(self) -> Self {
        debug_assert!(self.is_polling());
        if self.0 & WOKEN != 0 {
            FlightState(self.0 & !WOKEN)
        } else {
            FlightState(self.0 & !POLLING)
        }
    }

    /// The work is pending and wants to be polled again, by whoever comes.
    #[inline]
    #[must_use]
    pub const fn give_up_poll(self) -> Self {
        debug_assert!(self.is_polling());
        FlightState(self.0 & !POLLING | WOKEN)
    }

    /// There is an outcome; `None` if nobody wants one any more.
    #[inline]
    #[must_use]
    pub const fn complete(self) -> Option<Self> {
        debug_assert!(self.is_polling() && !self.is_done());
        if self.is_over() {
            None
        } else {
            Some(FlightState(self.0 & !(POLLING | WOKEN) | DONE))
        }
    }

    /// Somebody is queued; `None` if there is something for it to do.
    #[inline]
    #[must_use]
    pub const fn queued(self) -> Option<Self> {
        if self.is_done() || self.wants_poll() {
            None
        } else {
            Some(FlightState(self.0 | WAITING))
        }
    }
}

impl fmt::Debug for FlightState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlightState")
            .field("callers", &self.callers())
            .field("keep", &(self.0 & KEEP != 0))
            .field("over", &self.is_over())
            .field("done", &self.is_done())
            .field("waiting", &self.is_waiting())
            .field("woken", &(self.0 & WOKEN != 0))
            .field("polling", &self.is_polling())
            .finish()
    }
}

/// The word itself. The head of this file explains the fields.
pub struct FlightWord(AtomicU32);

super::state_word!(FlightWord, FlightState);

impl FlightWord {
    const_fn! {
        /// One caller, and work that anybody may poll.
        #[must_use]
        pub const fn new() -> Self {
            FlightWord(AtomicU32::new(CALLER | WOKEN))
        }
    }

    const_fn! {
        /// One caller, and work that belongs to a task.
        #[must_use]
        pub const fn spawned() -> Self {
            FlightWord(AtomicU32::new(CALLER | POLLING))
        }
    }

    /// The work was woken. Returns the state before.
    #[inline]
    pub fn wake(&self, order: Ordering) -> FlightState {
        FlightState(self.0.fetch_or(WOKEN, order))
    }

    /// The queue is about to be emptied. Under the queue's lock.
    #[inline]
    pub fn drained(&self) {
        // Relaxed: only compared and changed under the lock, but by those who will take it.
        self.0.fetch_and(!WAITING, Ordering::Relaxed);
    }

    /// One attempt to go from `old` to `new`.
    ///
    /// # Errors
    ///
    /// The state that was met instead.
    #[inline]
    pub fn exchange(
        &self,
        old: FlightState,
        new: FlightState,
        order: Ordering,
    ) -> Result<(), FlightState> {
        match self
            .0
            .compare_exchange(old.0, new.0, order, Ordering::Relaxed)
        {
            Ok(_) => Ok(()),
            Err(seen) => Err(FlightState(seen)),
        }
    }
}

impl Default for FlightWord {
    fn default() -> Self {
        FlightWord::new()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// All states that can be.
    fn all() -> impl Iterator<Item = FlightState> {
        [0, 1, 2, 3, FlightState::MAX - 1, FlightState::MAX]
            .into_iter()
            .flat_map(|callers| (0..CALLER).map(move |bits| FlightState((callers << SHIFT) | bits)))
            .filter(|s| s.0 & (DONE | OVER) != DONE | OVER)
    }

    fn bits(s: FlightState) -> u32 {
        s.0 & (CALLER - 1)
    }

    #[test]
    fn only_a_live_execution_is_joined() {
        for s in all().filter(|s| s.callers() < FlightState::MAX) {
            assert_eq!(s.join().is_some(), s.is_live());
            if let Some(new) = s.join() {
                assert_eq!((new.callers(), bits(new)), (s.callers() + 1, bits(s)));
            }
        }
    }

    #[test]
    #[should_panic(expected = "too many callers")]
    fn callers_do_not_overflow() {
        let _ = FlightState(FlightState::MAX << SHIFT).join();
    }

    #[test]
    fn the_last_caller_ends_it_unless_done_or_kept() {
        for s in all().filter(|s| s.callers() > 0) {
            let left = s.leave();
            assert_eq!(left.callers(), s.callers() - 1);
            let ends = s.callers() == 1 && s.is_live() && s.0 & KEEP == 0;
            assert_eq!(bits(left), bits(s) | if ends { OVER } else { 0 });
        }
    }

    #[test]
    fn one_poll_at_a_time_and_only_when_wanted() {
        for s in all() {
            let wants = s.is_live() && s.0 & WOKEN != 0 && !s.is_polling();
            assert_eq!(s.wants_poll(), wants);
            assert_eq!(s.begin_poll().is_some(), wants);
            if let Some(new) = s.begin_poll() {
                assert!(new.is_polling() && new.0 & WOKEN == 0);
                assert_eq!(new.0 | WOKEN, s.0 | POLLING, "nothing else");
            }
        }
    }

    #[test]
    fn a_wake_up_during_a_poll_is_kept() {
        for s in all().filter(|s| s.is_polling()) {
            let woken = s.0 & WOKEN != 0;
            let ended = s.end_poll();
            assert_eq!(ended.is_polling(), woken, "polled again, by the same");
            assert_eq!(ended.0 & WOKEN, 0);
            assert_eq!(ended.0 | POLLING | WOKEN, s.0 | WOKEN, "nothing else");
            let given_up = s.give_up_poll();
            assert_eq!(given_up.0, (s.0 | WOKEN) & !POLLING);
        }
    }

    #[test]
    fn it_is_done_unless_everybody_has_left() {
        for s in all().filter(|s| s.is_polling() && !s.is_done()) {
            assert_eq!(s.complete().is_none(), s.is_over());
            if let Some(new) = s.complete() {
                assert!(new.is_done() && !new.is_polling() && !new.wants_poll());
                assert_eq!(new.callers(), s.callers());
                assert_eq!(
                    (new.is_waiting(), new.0 & KEEP),
                    (s.is_waiting(), s.0 & KEEP)
                );
            }
        }
    }

    #[test]
    fn nobody_waits_where_there_is_something_to_do() {
        for s in all() {
            match s.queued() {
                None => assert!(s.is_done() || s.wants_poll()),
                Some(new) => assert_eq!(new.0, s.0 | WAITING),
            }
        }
    }

    #[test]
    fn only_a_live_execution_is_kept() {
        for s in all() {
            assert_eq!(s.keep(), s.is_live().then_some(FlightState(s.0 | KEEP)));
        }
    }

    #[test]
    fn the_word_begins_with_one_caller() {
        let word = FlightWord::new();
        let first = word.load(Ordering::Relaxed);
        assert_eq!(first.callers(), 1);
        assert!(first.wants_poll() && !first.is_waiting());
        let spawned = FlightWord::spawned().load(Ordering::Relaxed);
        assert!(spawned.is_polling() && !spawned.wants_poll());
        word.update(Ordering::Relaxed, FlightState::begin_poll)
            .unwrap();
        assert!(!word.wake(Ordering::Relaxed).wants_poll());
        word.update(Ordering::Relaxed, |s| Some(s.end_poll()))
            .unwrap();
        assert!(word.load(Ordering::Relaxed).is_polling(), "woken meanwhile");
        let text = format!("{word:?}");
        assert!(
            text.contains("callers: 1") && text.contains("polling: true"),
            "{text}"
        );
    }

    #[test]
    fn an_exchange_meets_what_others_did() {
        let word = FlightWord::new();
        let old = word.load(Ordering::Relaxed);
        word.update(Ordering::Relaxed, FlightState::join).unwrap();
        let seen = word.exchange(old, old.leave(), Ordering::Relaxed);
        assert_eq!(seen.unwrap_err().callers(), 2);
        word.update(Ordering::Relaxed, FlightState::queued)
            .unwrap_err();
        word.update(Ordering::Relaxed, FlightState::begin_poll)
            .unwrap();
        word.update(Ordering::Relaxed, FlightState::queued).unwrap();
        assert!(word.load(Ordering::Relaxed).is_waiting());
        word.drained();
        assert!(!word.load(Ordering::Relaxed).is_waiting());
    }
}
