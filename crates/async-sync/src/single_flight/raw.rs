//! The part of an execution that knows nothing of keys and values: whose turn it is to poll the work,
//! who waits, who is still there.
//!
//! # States
//!
//! The word ([`FlightWord`]) counts the callers and says whether the work wants to be polled, is being
//! polled, is done, or was given up by all. The queue has those callers who have nothing to do.
//!
//! # Transitions
//!
//! ```text
//! polled   DONE: takes the outcome
//!          the work wants it and nobody does it: POLLING, and polls the work
//!          else: under the queue's lock, WAITING and the tail of the queue
//! work     ready: the outcome is written, DONE, everybody in the queue is settled
//!          pending: not POLLING. If it was woken meanwhile, the same caller polls it again, a few
//!          times; then it leaves WOKEN as it is and settles everybody
//! woken    WOKEN. Somebody polls: that is all. Else everybody in the queue is settled
//! leave    CALLERS - 1. The last one: of a finished execution, drops the outcome; of another, OVER,
//!          and drops the work
//! ```
//!
//! # Why everybody is woken
//!
//! A wake-up of the work has to reach somebody who will poll. Any single caller may be one that is
//! never polled again (a `select!` that went another way, Oxide's RFD 609), and then the others would
//! hang. So all are woken, and whoever comes first polls the work; the others queue again. Each
//! caller that is woken has been polled since it was last woken, so a work that wakes itself all
//! the time costs each poll of a caller one wake-up, not one for each caller. Who has many callers
//! and a work that is woken often spawns it: then each caller is woken once.
//!
//! # Invariants
//!
//! 1. If the work wants to be polled and nobody does so, or there is an outcome, then the queue is
//!    empty, or a thread is about to settle everybody in it.
//! 2. `POLLING` gives access to the work, `OVER` gives it to whoever set it (if nobody polls). The
//!    outcome belongs to who polls until `DONE`; then it is shared by the callers, and the last of them
//!    has it alone.
//! 3. Nobody joins what is `DONE` or `OVER`, so a caller that is alone then remains alone.

use sync_core::atomic::Ordering;
use sync_core::waiters::{Driver, Left, Locked, Protocol, Turn, Verdict, WaitList};
use sync_core::word::{FlightState, FlightWord};

#[derive(Debug)]
pub(super) struct RawFlight {
    word: FlightWord,
    queue: WaitList,
}

impl RawFlight {
    /// One caller, and work that whoever comes may poll.
    pub(super) fn new() -> Self {
        RawFlight {
            word: FlightWord::new(),
            queue: WaitList::new(),
        }
    }

    /// One caller, and work that belongs to a task.
    #[cfg(feature = "runtime")]
    pub(super) fn spawned() -> Self {
        RawFlight {
            word: FlightWord::spawned(),
            queue: WaitList::new(),
        }
    }

    /// A snapshot. One that says `DONE` shows the outcome.
    #[inline]
    pub(super) fn state(&self) -> FlightState {
        // Acquire: pairs with the Release of `complete`; and, for who is alone, with that of `leave`.
        self.word.load(Ordering::Acquire)
    }

    /// One more caller, if the execution goes on.
    #[inline]
    pub(super) fn join(&self) -> bool {
        // Relaxed: whoever joins has found the execution under a lock, and has done nothing yet that
        // another would have to see.
        self.word
            .update(Ordering::Relaxed, FlightState::join)
            .is_ok()
    }

    /// One caller less. Returns the states before and after.
    #[inline]
    pub(super) fn leave(&self) -> (FlightState, FlightState) {
        // Release: who drops the outcome comes after all who have cloned it, and who drops the work
        // after all who have polled it. Acquire: that one sees them.
        let old = self.word.update(Ordering::AcqRel, |s| Some(s.leave()));
        let (Ok(old) | Err(old)) = old;
        (old, old.leave())
    }

    /// It goes on when nobody waits for it; false if it does not go on at all.
    #[cfg(feature = "runtime")]
    pub(super) fn keep(&self) -> bool {
        // Relaxed: publishes nothing.
        self.word
            .update(Ordering::Relaxed, FlightState::keep)
            .is_ok()
    }

    /// Takes the right to poll the work, if there is reason to.
    #[inline]
    pub(super) fn begin_poll(&self) -> bool {
        // Acquire: the work is as the last poll left it, and what the waker did before is seen.
        self.word
            .update(Ordering::Acquire, FlightState::begin_poll)
            .is_ok()
    }

    /// The work is pending. True if it was woken meanwhile, and the right to poll it is kept.
    #[inline]
    pub(super) fn end_poll(&self) -> bool {
        // Release: the next poll sees the work. Acquire: or this one's next sees what the waker did.
        let old = self.word.update(Ordering::AcqRel, |s| Some(s.end_poll()));
        let (Ok(old) | Err(old)) = old;
        old.end_poll().is_polling()
    }

    /// The work is pending, and wants to be polled by somebody else for a change.
    pub(super) fn give_up_poll(&self) {
        // Release: the next poll sees the work.
        let old = self
            .word
            .update(Ordering::Release, |s| Some(s.give_up_poll()));
        let (Ok(old) | Err(old)) = old;
        if old.is_waiting() {
            self.wake_all();
        }
    }

    /// The outcome has been written. `callers` is told how many will get it, before they can look.
    /// False if nobody wants it any more.
    pub(super) fn complete(&self, mut callers: impl FnMut(u32)) -> bool {
        let mut old = self.word.load(Ordering::Relaxed);
        loop {
            let Some(new) = old.complete() else {
                return false;
            };
            callers(old.callers());
            // Release: the outcome. Acquire: if there are no callers left, it is dropped here.
            match self.word.exchange(old, new, Ordering::AcqRel) {
                Ok(()) => return true,
                Err(seen) => old = seen,
            }
        }
    }

    /// The work's waker was called.
    pub(super) fn wake(&self) {
        // Release: whoever polls next sees what was done before.
        let old = self.word.wake(Ordering::Release);
        if !old.is_polling() && old.is_live() && old.is_waiting() {
            self.wake_all();
        }
    }

    /// Wakes those who are queued now. (Not those who queue meanwhile: a waker may poll at once, and
    /// this would go on for ever.)
    pub(super) fn wake_all(&self) {
        let mut queue = self.queue.lock();
        self.word.drained();
        let mut left = queue.len();
        loop {
            left -= queue.settle_while(left, |_| true);
            // (Where there is room for more, there is nobody left.)
            if left == 0 || queue.has_room() {
                break;
            }
            queue.flush();
        }
    }

    /// How many callers are queued: a snapshot.
    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }
}

/// There is something to do: an outcome to take, or work to poll.
#[inline]
fn has_news(state: FlightState) -> bool {
    state.is_done() || state.wants_poll()
}

// SAFETY: `queue` returns the field, always the same. Nothing here gives batons or flushes.
unsafe impl Protocol<1> for RawFlight {
    const TIMED: bool = false;
    const SETTLES: bool = true;
    const QUIET: bool = true;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        // The caller has looked a moment ago.
        false
    }

    #[inline]
    fn announce(&self, _: &mut usize) -> bool {
        // Relaxed, and no exchange, where somebody waits already: `WAITING` is cleared under the lock,
        // which this one holds, so whoever brings news has seen it and is still to come.
        let state = self.word.load(Ordering::Relaxed);
        if state.is_waiting() && !has_news(state) {
            return false;
        }
        // Relaxed: the caller looks again before it acts.
        self.word
            .update(Ordering::Relaxed, FlightState::queued)
            .is_err()
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        if self.announce(&mut turn.tag()) {
            Verdict::Acquired
        } else {
            Verdict::Back
        }
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        // Relaxed: as in `arrive`. It has been queued, so whoever brings news settles it.
        if has_news(self.word.load(Ordering::Relaxed)) {
            Verdict::Acquired
        } else {
            turn.stay()
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}
