//! Which version is the newest, whether it is the last, and who waits for another.
//!
//! ```text
//! stored    under the queue's lock, VERSION += 1
//! closed    under the queue's lock, CLOSED
//! tell      under the queue's lock: who has not seen the version is settled, Ok; if it is the
//!           last, the others are, Refused
//! wait      another version than the one seen: ready. Closed: refused. Else the tail of the queue
//! polled    the same, even if nobody has come to settle it yet
//! ```
//!
//! # Invariant
//!
//! A waiter is marked with the version that it has seen, and queues under the lock only if that is
//! the newest. So while the lock is free, whoever is queued has seen the newest version of an open
//! watch, or a thread is about to [`tell`](RawWatch::tell) it.

use sync_core::atomic::Ordering;
use sync_core::const_fn;
use sync_core::waiters::{Driver, Left, Locked, OnUnwind, Protocol, Turn, Verdict, WaitList};
use sync_core::word::{WatchState, WatchWord};

/// What waiters of a closed watch are refused with.
const CLOSED: u8 = 1;

/// Public in name only: futures mention it.
#[derive(Debug)]
pub struct RawWatch {
    word: WatchWord,
    queue: WaitList,
}

impl RawWatch {
    const_fn! {
        pub(super) const fn new() -> Self {
            RawWatch { word: WatchWord::new(), queue: WaitList::new() }
        }
    }

    /// A snapshot. (Who finds another version than it has seen takes the lock for the value; who
    /// finds the same has the value. So it orders nothing.)
    #[inline]
    pub(super) fn state(&self) -> WatchState {
        self.word.load(Ordering::Relaxed)
    }

    /// The lock that guards the value, too.
    #[inline]
    pub(super) fn lock(&self) -> Locked<'_, 1> {
        self.queue.lock()
    }

    /// Another value is in its place. The caller holds the lock. Returns whether somebody is to be told.
    #[inline]
    pub(super) fn stored(&self, queue: &Locked<'_, 1>) -> bool {
        // Relaxed: see `state`.
        self.word.store(self.state().stored(), Ordering::Relaxed);
        !queue.is_empty()
    }

    /// There will be no other value.
    pub(super) fn close(&self) {
        let queue = self.queue.lock();
        if let Some(closed) = self.state().closed() {
            // Relaxed: who sees it closed has nothing to look at but the value, under the lock.
            self.word.store(closed, Ordering::Relaxed);
        }
        drop(queue);
        self.tell();
    }

    /// Wakes those whose wait is over. (The word is looked at anew for each: wakers run between two
    /// batches, and may have changed it.)
    #[inline(never)]
    pub(super) fn tell(&self) {
        let again = OnUnwind::new(|| self.tell());
        let mut queue = self.queue.lock();
        while let Some(head) = queue.front(0) {
            let state = self.state();
            if head.tag() != state.version() {
                head.settle(0);
            } else if state.is_closed() {
                head.settle(CLOSED);
            } else {
                break;
            }
            if !queue.has_room() {
                queue.flush();
            }
        }
        drop(queue);
        again.disarm();
    }

    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for RawWatch {
    const TIMED: bool = false;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn try_now(&self, seen: usize) -> bool {
        self.state().version() != seen
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        let state = self.state();
        if state.version() != turn.tag() {
            Verdict::Acquired
        } else if state.is_closed() {
            Verdict::Refused(CLOSED)
        } else {
            Verdict::Back
        }
    }

    fn turn(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        match self.arrive(queue, turn) {
            Verdict::Back if turn.can_wait() => Verdict::Stay,
            Verdict::Back => Verdict::Rearm,
            over => over,
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}
