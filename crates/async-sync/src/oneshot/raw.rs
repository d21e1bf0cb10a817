//! The state machine of a channel for one item.
//!
//! # States
//!
//! ```text
//! OPEN -> SENT        the item is there, until the receiver takes it
//!      -> UNSENT      the sender has gone without sending
//! any  -> + UNWANTED  the receiver has closed the channel, or has gone
//! ```
//!
//! The lock of the queue guards the state and the item. Two kinds of futures wait: the receiver's for the
//! item, the sender's for the receiver to lose interest. As a rule there is one of each at most (both need
//! their handle for themselves), but leaked ones stay in the queue, so there may be more.
//!
//! # Transitions
//!
//! ```text
//! send     UNWANTED: the item comes back. Else SENT, with the item; the receiver is settled
//! unsent   the sender is dropped: UNSENT; the receiver is settled
//! take     SENT with the item: the item. OPEN and wanted: nothing, yet. Else the end
//! close    UNWANTED; both kinds are settled
//! abandon  the receiver is dropped: UNWANTED; the item goes; the sender is settled
//! ```
//!
//! # Invariants
//!
//! 1. Whoever waits waits for something that has not happened, or somebody is about to settle it. Being
//!    settled obliges to nothing, so a future that leaves concerns nobody.
//! 2. An item is put once, and lies here until it is taken, or the receiver or the channel goes. It is
//!    dropped without the lock: it is foreign.

use sync_core::atomic::UnsafeCell;
use sync_core::waiters::{Brief, Driver, Left, Locked, Protocol, Turn, Verdict, WaitList};

use crate::channel::TryRecvError;

/// What a future waits for: its tag.
pub(super) const ITEM: usize = 0;
pub(super) const UNWANTED: usize = 1;

pub(super) struct Shared<T> {
    queue: WaitList,
    /// Guarded by the queue's lock.
    state: UnsafeCell<State<T>>,
}

struct State<T> {
    item: Option<T>,
    /// The sender has sent its item, or has gone.
    decided: bool,
    unwanted: bool,
}

impl<T> State<T> {
    /// Whether what is waited for under this tag has happened.
    #[inline]
    fn has_come(&self, tag: usize) -> bool {
        self.unwanted || (tag == ITEM && self.decided)
    }
}

// SAFETY: the item moves between the threads that use the channel, so it has to be Send. It is accessed under
// the queue's lock only, so never by two threads at once.
unsafe impl<T: Send> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Shared<T> {}
// Nobody sees an item before it has been received, whole; and no foreign code runs while the state changes.
impl<T> core::panic::UnwindSafe for Shared<T> {}
impl<T> core::panic::RefUnwindSafe for Shared<T> {}

/// A lock of the queue, as proof that it is held.
trait Held {}
impl Held for Locked<'_, 1> {}
impl Held for Brief<'_, 1> {}

impl<T> Shared<T> {
    pub(super) fn new() -> Self {
        Shared {
            queue: WaitList::new(),
            state: UnsafeCell::new(State {
                item: None,
                decided: false,
                unwanted: false,
            }),
        }
    }

    /// Access to what the lock guards. `f` neither locks nor calls anything foreign.
    #[inline]
    fn with<R>(&self, _: &impl Held, f: impl FnOnce(&mut State<T>) -> R) -> R {
        self.state.with_mut(|state| {
            // SAFETY: the lock is held (every caller passes the lock of this queue), and `f` does not
            // come here again.
            f(unsafe { &mut *state })
        })
    }

    /// Changes the state, and settles those who wait for that.
    #[inline]
    fn change<R>(&self, f: impl FnOnce(&mut State<T>) -> R) -> R {
        let queue = self.queue.lock_briefly();
        let result = self.with(&queue, f);
        if !queue.is_empty() {
            self.pass_on(&mut queue.stay());
        }
        result
    }

    #[inline]
    pub(super) fn send(&self, item: T) -> Result<(), T> {
        self.change(|state| {
            if state.unwanted {
                return Err(item);
            }
            state.item = Some(item);
            state.decided = true;
            Ok(())
        })
    }

    /// The sender goes without sending.
    pub(super) fn unsent(&self) {
        self.change(|state| state.decided = true);
    }

    #[inline]
    pub(super) fn take(&self) -> Result<T, TryRecvError> {
        self.with(&self.queue.lock_briefly(), |state| {
            let why_not = if state.has_come(ITEM) {
                TryRecvError::Closed
            } else {
                TryRecvError::Empty
            };
            state.item.take().ok_or(why_not)
        })
    }

    /// The receiver does not want the item any more, but for one that was sent already.
    pub(super) fn close(&self) {
        self.change(|state| state.unwanted = true);
    }

    /// The receiver goes.
    pub(super) fn abandon(&self) {
        // Dropped when the queue is unlocked.
        let _item = self.change(|state| {
            state.unwanted = true;
            state.item.take()
        });
    }

    pub(super) fn is_unwanted(&self) -> bool {
        self.with(&self.queue.lock_briefly(), |state| state.unwanted)
    }

    /// Whether the receiver would not have to wait.
    pub(super) fn is_ready(&self) -> bool {
        self.with(&self.queue.lock_briefly(), |state| state.has_come(ITEM))
    }
}

// SAFETY: `queue` returns the field, always the same. `arrive` and `turn` neither flush nor touch anybody.
unsafe impl<T> Protocol<1> for Shared<T> {
    const TIMED: bool = false;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    /// The futures have looked before they come here.
    #[inline]
    fn try_now(&self, _: usize) -> bool {
        false
    }

    fn arrive(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        if self.with(queue, |state| state.has_come(turn.tag())) {
            Verdict::Acquired
        } else {
            Verdict::Back
        }
    }

    fn turn(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        match self.arrive(queue, turn) {
            Verdict::Back => turn.stay(),
            done => done,
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, queue: &mut Locked<'_, 1>) {
        // What has happened stays so, whatever wakers do between two batches.
        loop {
            if !queue.has_room() {
                queue.flush_surely(|queue| self.pass_on(queue));
            }
            let (item, unwanted) = self.with(queue, |state| {
                (state.has_come(ITEM), state.has_come(UNWANTED))
            });
            let done = queue.find(|tag| if tag == ITEM { item } else { unwanted });
            let Some(waiter) = done else { return };
            waiter.settle(0);
        }
    }
}
