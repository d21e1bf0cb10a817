//! Where `lock_when` waits for a value to change.
//!
//! A mutex has no room for a second queue, and few mutexes need one. So those whose predicate was
//! false wait in one of a fixed number of queues of the whole process, found by the address of
//! their mutex, and the mutex keeps one bit that says so. Two mutexes may share a queue; each wakes
//! only its own, so that what happens to one never depends on another one.
//!
//! No wake-up is lost: a future queues here, and sets the bit, while it holds the lock; every later
//! owner that may have changed the value sees the bit when it unlocks, clears it, and wakes all.

use sync_core::const_fn;
use sync_core::waiters::{Driver, Left, Locked, OnUnwind, Protocol, Turn, Verdict, WaitList};

const QUEUES: usize = if cfg!(any(loom, shuttle)) { 1 } else { 64 };

#[cfg(not(loom))]
static TABLE: [Changes; QUEUES] = [const { Changes::new() }; QUEUES];
#[cfg(loom)]
loom::lazy_static! {
    static ref TABLE: [Changes; QUEUES] = [Changes::new()];
}

/// The queue for the mutex at `address`.
pub(super) fn queue(address: usize) -> &'static Changes {
    // Mutexes are aligned to words and often lie at equal distances: mix the bits.
    let hash = (address >> 3).wrapping_mul(0x9e37_79b9);
    &TABLE[(hash >> 16) % QUEUES]
}

/// The value behind the mutex at `address` may have changed.
pub(super) fn changed(address: usize) {
    queue(address).wake_all(address);
}

#[derive(Debug)]
pub(super) struct Changes(WaitList);

impl Changes {
    const_fn! {
        const fn new() -> Self {
            Changes(WaitList::new())
        }
    }

    fn wake_all(&self, address: usize) {
        let again = OnUnwind::new(|| self.wake_all(address));
        let mut queue = self.0.lock();
        // No more than are queued now: those who come back meanwhile saw the change.
        for _ in 0..queue.len() {
            let Some(waiter) = queue.find(|tag| tag == address) else {
                break;
            };
            waiter.settle(0);
            if !queue.has_room() {
                queue.flush();
            }
        }
        again.disarm();
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for Changes {
    const TIMED: bool = false;

    fn queue(&self, _: Driver) -> &WaitList {
        &self.0
    }

    fn try_now(&self, _: usize) -> bool {
        false
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, _: &mut Turn<'_>) -> Verdict {
        Verdict::Back
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        turn.stay()
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}
