//! The broadcast channel's state machine.
//!
//! # States
//!
//! A ring has the last items, at most as many as the capacity; `SENT` counts all that were ever sent. A
//! receiver is a number, `NEXT`: how many items it has received or missed. The lock of the queue guards the
//! ring. There are no batons: whoever waits is *settled* by the next item, and takes it when it is polled.
//!
//! # Transitions
//!
//! ```text
//! send     SENT + 1; the oldest item goes if the ring is full; everybody who waited is settled
//! take     NEXT = SENT            nothing there: Empty, or Closed
//!          SENT - NEXT > ring     so many were missed: Lagged, NEXT = SENT - ring
//!          else                   the item, shared
//! wait     NEXT = SENT and open   queue, tag NEXT
//!          else                   ready
//! close    (the last sender is gone) everybody is settled
//! ```
//!
//! # Invariants
//!
//! 1. Whoever is queued has the tag `SENT`, or somebody is about to settle it. As newcomers queue at the end,
//!    those to be settled stand first.
//! 2. Items are dropped, cloned and compared without the lock: they are foreign.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::panic::{RefUnwindSafe, UnwindSafe};

use sync_core::atomic::{AtomicUsize, UnsafeCell};
use sync_core::waiters::{Driver, Left, Locked, OnUnwind, Protocol, Turn, Verdict, WaitList};

#[derive(Debug)]
pub(super) struct Shared<T> {
    queue: WaitList,
    /// Guarded by the queue's lock.
    state: UnsafeCell<State<T>>,
    pub(super) capacity: usize,
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
}

#[derive(Debug)]
struct State<T> {
    ring: VecDeque<Arc<T>>,
    sent: u64,
    closed: bool,
}

// SAFETY: the state is accessed under the queue's lock only. Items are shared by receivers in several
// threads, and dropped by any of them.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// Nothing foreign runs under the lock, so a panic finds the channel whole. It gives `&T` to `Clone`.
impl<T: RefUnwindSafe> UnwindSafe for Shared<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Shared<T> {}

/// What a receiver finds.
pub(super) enum Taken<T> {
    Item(Arc<T>),
    /// So many were missed.
    Lagged(u64),
    Empty,
    Closed,
}

impl<T> Shared<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Shared {
            queue: WaitList::new(),
            state: UnsafeCell::new(State {
                ring: VecDeque::with_capacity(capacity),
                sent: 0,
                closed: false,
            }),
            capacity,
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    fn with<R>(&self, _: &Locked<'_, 1>, f: impl FnOnce(&mut State<T>) -> R) -> R {
        self.state.with_mut(|state| {
            // SAFETY: the lock is held (every caller passes the lock of this queue), and `f` does not
            // come here again.
            f(unsafe { &mut *state })
        })
    }

    /// How many items were ever sent.
    pub(super) fn sent(&self) -> u64 {
        self.with(&self.queue.lock(), |state| state.sent)
    }

    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn send(&self, item: Arc<T>) {
        // Dropped at the end, when the queue is unlocked.
        let mut _oldest = None;
        self.change(|state| {
            if state.ring.len() == self.capacity {
                _oldest = state.ring.pop_front();
            }
            state.ring.push_back(item);
            state.sent += 1;
        });
    }

    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Changes the state and tells everybody.
    fn change(&self, f: impl FnOnce(&mut State<T>)) {
        // Without `std`, a panic of a waker leaves the loop: then somebody has to go on.
        let rest = OnUnwind::new(|| self.pass_on(&mut self.queue.lock()));
        {
            let mut queue = self.queue.lock();
            self.with(&queue, f);
            self.pass_on(&mut queue);
        }
        rest.disarm();
    }

    /// What is there for a receiver that has had `next` items.
    pub(super) fn take(&self, next: u64) -> Taken<T> {
        self.with(&self.queue.lock(), |state| {
            let (behind, kept) = (state.sent - next, state.ring.len() as u64);
            match behind {
                0 if state.closed => Taken::Closed,
                0 => Taken::Empty,
                // Fits: the ring is not larger than what an index can be.
                _ if behind <= kept => {
                    Taken::Item(Arc::clone(&state.ring[(kept - behind) as usize]))
                }
                _ => Taken::Lagged(behind - kept),
            }
        })
    }
}

/// The tag of a receiver: only equality with the present means something.
#[inline]
pub(super) fn tag(next: u64) -> usize {
    next as usize
}

// SAFETY: `queue` returns the field, always the same. `arrive` and `turn` neither flush nor touch anybody.
unsafe impl<T> Protocol<1> for Shared<T> {
    const TIMED: bool = false;

    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    /// The futures of this module have looked before they come here.
    fn try_now(&self, _: usize) -> bool {
        false
    }

    fn arrive(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        let waits = self.with(queue, |state| {
            !state.closed && tag(state.sent) == turn.tag()
        });
        if waits {
            Verdict::Back
        } else {
            Verdict::Acquired
        }
    }

    fn turn(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        match self.arrive(queue, turn) {
            Verdict::Back if turn.can_wait() => Verdict::Stay,
            Verdict::Back => Verdict::Rearm,
            done => done,
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, queue: &mut Locked<'_, 1>) {
        loop {
            let (sent, closed) = self.with(queue, |state| (tag(state.sent), state.closed));
            let Some(first) = queue.front(0) else { return };
            if !closed && first.tag() == sent {
                return;
            }
            first.settle(0);
            if !queue.has_room() {
                queue.flush();
            }
        }
    }
}
