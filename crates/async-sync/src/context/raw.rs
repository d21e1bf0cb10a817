//! Whether a scope is cancelled, and who waits for that.
//!
//! ```text
//! cancel    CANCELLED, one RMW. WAITING was set: `release`, when everything below is cancelled
//! release   under the queue's lock, everybody is settled
//! wait      CANCELLED: ready. Else, under the queue's lock, WAITING and the tail of the queue
//! polled    CANCELLED: ready, even if nobody has come to settle it yet
//! ```
//!
//! # Invariant
//!
//! Who queues sets `WAITING` under the lock, in an exchange that finds `CANCELLED` clear. So whoever
//! sets `CANCELLED` has seen the bit, or the waiter has seen the cancellation. Nobody queues after it.

use sync_core::atomic::Ordering;
use sync_core::waiters::{Driver, Left, Locked, Protocol, Turn, Verdict, WaitList};
use sync_core::word::{CancelState, CancelWord};

/// The head of this file explains it.
#[derive(Debug)]
pub(super) struct RawCancel {
    word: CancelWord,
    queue: WaitList,
}

impl RawCancel {
    pub(super) fn new() -> Self {
        RawCancel {
            word: CancelWord::new(),
            queue: WaitList::new(),
        }
    }

    /// What is known. If it is cancelled, what was done before that is seen; if it is covered, that
    /// everything below is cancelled.
    #[inline]
    pub(super) fn state(&self) -> CancelState {
        // Acquire: pairs with `cancel` and `cover`.
        self.word.load(Ordering::Acquire)
    }

    /// Cancels. Returns whether there may be waiters; `None` if it was cancelled already.
    pub(super) fn cancel(&self) -> Option<bool> {
        // Release: what was done before is seen by all who see it cancelled. (Those who wait are met
        // under the lock of their queue.)
        let old = self.word.update(Ordering::Release, CancelState::cancelled);
        old.ok().map(CancelState::is_waiting)
    }

    /// Everything below is cancelled.
    pub(super) fn cover(&self) {
        // Release: who sees this sees all below cancelled.
        let _ = self.word.update(Ordering::Release, CancelState::covered);
    }

    /// Wakes all who wait for what has happened.
    pub(super) fn release(&self) {
        crate::rounds::release(&self.queue, &|_| true);
    }

    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for RawCancel {
    const TIMED: bool = false;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        self.state().is_cancelled()
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, _: &mut Turn<'_>) -> Verdict {
        // Relaxed: the lock publishes the node, and nothing else is to be published.
        match self.word.update(Ordering::Relaxed, CancelState::queued) {
            Ok(_) => Verdict::Back,
            Err(_) => {
                // Acquire, for one that is cancelled: as in `state`.
                let _ = self.state();
                Verdict::Acquired
            }
        }
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        if self.state().is_cancelled() {
            Verdict::Acquired
        } else {
            turn.stay()
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}
