//! The broadcast channel's state machine.
//!
//! # States
//!
//! One lock, that of the queue, guards everything: the [`Ring`] of items, which also knows where each
//! receiver is, and who waits. The queue has two lanes that are used:
//!
//! * lane 0: senders that wait for room, first come, first served. Each keeps its item in its own future
//!   ([`Slot`](sync_core::waiters::Slot)), where whoever makes room takes it;
//! * lane 1: receivers that have had everything. The tag says how much that was: NEXT.
//!
//! There are no batons: whoever is served is *settled*, and owes nothing to anybody. A receiver that was
//! woken takes its item when it is polled; that is there for it as long as it is kept for any receiver.
//!
//! # Transitions
//!
//! ```text
//! send     no receivers, or closed     the item comes back
//!          else                        put; the oldest one may go; serve
//! try      full, or a sender waits     the item comes back
//!          else                        as send
//! wait     (a sender) as try; if it is full or others wait, lane 0
//! recv     something there             taken; if that makes room, serve
//!          nothing, open               lane 1, with NEXT; if closed, refused
//! serve    lane 1's first has another NEXT than SENT, or closed      settled
//! (after   lane 0's first, and closed or no receivers                settled: refused, with its item
//! each)    lane 0's first, and there is room                         its item is put, and it is settled
//! leave    (a receiver) items that nobody else will have go; serve
//! close    CLOSED; serve
//! ```
//!
//! # Invariants (while the lock is free, and nobody is about to lock it again in `serve`)
//!
//! 1. Whoever is in lane 1 has a NEXT of SENT. As newcomers queue at the end, those to be settled stand first.
//! 2. If lane 0 is not empty, there is no room and there are receivers.
//! 3. Items are dropped and cloned without the lock: they are foreign. A receiver that has taken an item keeps it
//!    at hand ([`Cursor`]) until it is cloned.

use alloc::sync::Arc;
use core::panic::{RefUnwindSafe, UnwindSafe};

use sync_core::atomic::{AtomicUsize, UnsafeCell};
use sync_core::waiters::{
    Brief, Driver, Kind, Left, Locked, Mark, OnUnwind, Protocol, Turn, Verdict, WaitList,
};

use super::TryRecvError;
use super::ring::{Ring, Taken};
use crate::channel::TrySendError;

/// The lanes. The last is that of batons, which there are not.
const SENDERS: usize = 0;
const RECEIVERS: usize = 1;
pub(super) const LANES: usize = 3;

/// Verdicts.
const DONE: u8 = 0;
const CLOSED: u8 = 1;

/// Items that are taken out before the queue is unlocked for a moment.
const WORK: usize = 16;

pub(super) struct Shared<T> {
    queue: WaitList<LANES>,
    /// Guarded by the queue's lock.
    state: UnsafeCell<State<T>>,
    pub(super) capacity: usize,
    /// How many handles can send.
    pub(super) senders: AtomicUsize,
}

struct State<T> {
    ring: Ring<Arc<T>>,
    closed: bool,
}

impl<T> State<T> {
    /// Whether nothing can be sent.
    #[inline]
    fn refuses(&self) -> bool {
        self.closed || self.ring.receivers() == 0
    }

    /// Puts an item if no other one has to go for it.
    #[inline]
    fn try_put(&mut self, item: Arc<T>) -> Result<usize, TrySendError<Arc<T>>> {
        if self.refuses() {
            Err(TrySendError::Closed(item))
        } else if self.ring.has_room() {
            self.ring.put(item);
            Ok(self.ring.receivers())
        } else {
            Err(TrySendError::Full(item))
        }
    }
}

// SAFETY: the state is accessed under the queue's lock only. Items are shared by receivers in several
// threads, and dropped by any of them.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// Nothing foreign runs under the lock, so a panic finds the channel whole. It gives `&T` to `Clone`.
impl<T: RefUnwindSafe> UnwindSafe for Shared<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Shared<T> {}

/// Where a receiver is.
pub(super) struct Cursor<T> {
    /// How many items it has had, or missed.
    pub(super) next: u64,
    /// What it has taken and not cloned, because that panicked.
    pub(super) held: Option<Arc<T>>,
}

/// A lock of the queue, as proof that it is held.
trait Held {}
impl Held for Locked<'_, LANES> {}
impl Held for Brief<'_, LANES> {}

/// The mark of a receiver that has had `next` items. Only equality with the present means something.
#[inline]
pub(super) fn mark(next: u64) -> Mark {
    const GET: usize = 1; // as `Kind::Get` is written
    Mark::from_ptr(core::ptr::without_provenance_mut(
        (next as usize) << 2 | GET,
    ))
}

impl<T> Shared<T> {
    /// With one sender and one receiver.
    pub(super) fn new(capacity: usize) -> Self {
        Shared {
            queue: WaitList::new(),
            state: UnsafeCell::new(State {
                ring: Ring::new(capacity),
                closed: false,
            }),
            capacity,
            senders: AtomicUsize::new(1),
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

    /// A look at the ring, and whether the channel is closed.
    pub(super) fn look<R>(&self, f: impl FnOnce(&Ring<Arc<T>>, bool) -> R) -> R {
        self.with(&self.queue.lock_briefly(), |state| {
            f(&state.ring, state.closed)
        })
    }

    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }

    /// Sends to all receivers, and says how many those are.
    #[inline]
    pub(super) fn send(&self, item: Arc<T>) -> Result<usize, Arc<T>> {
        // Dropped at the end, when the queue is unlocked.
        let _oldest;
        let queue = self.queue.lock_briefly();
        let receivers = self.with(&queue, |state| {
            if state.refuses() {
                return Err(item);
            }
            let oldest = state.ring.put(item);
            Ok((state.ring.receivers(), oldest))
        });
        let (receivers, oldest) = receivers?;
        _oldest = oldest;
        self.served(queue);
        Ok(receivers)
    }

    /// The same, if no receiver misses an item by it and no other sender waits.
    #[inline]
    pub(super) fn try_send(&self, item: Arc<T>) -> Result<usize, TrySendError<Arc<T>>> {
        let queue = self.queue.lock_briefly();
        if queue.is_quiet() {
            return self.with(&queue, |state| state.try_put(item));
        }
        let mut queue = queue.stay();
        let first = queue.front(SENDERS).is_none();
        let sent = self.with(&queue, |state| {
            if first || state.refuses() {
                state.try_put(item)
            } else {
                Err(TrySendError::Full(item))
            }
        })?;
        self.pass_on(&mut queue);
        Ok(sent)
    }

    /// Something has changed: serves those who wait.
    #[inline]
    fn served(&self, queue: Brief<'_, LANES>) {
        if !queue.is_quiet() {
            self.pass_on(&mut queue.stay());
        }
    }

    /// Takes what is there for a receiver; an item goes into its hand. `None` if nothing is, yet.
    #[inline]
    pub(super) fn take(&self, cursor: &mut Cursor<T>) -> Option<Result<(), TryRecvError>> {
        let queue = self.queue.lock_briefly();
        let (taken, closed) = self.with(&queue, |state| {
            (state.ring.take(&mut cursor.next), state.closed)
        });
        match taken {
            Taken::Shared(item) => cursor.held = Some(item),
            Taken::Last(item) => {
                // In its hand first: wakers may panic.
                cursor.held = Some(item);
                self.served(queue);
            }
            Taken::Lagged(missed) => return Some(Err(TryRecvError::Lagged(missed))),
            Taken::Nothing if closed => return Some(Err(TryRecvError::Closed)),
            Taken::Nothing => return None,
        }
        Some(Ok(()))
    }

    /// The next item of a receiver. `None` if there is none, yet.
    #[inline]
    pub(super) fn receive(&self, cursor: &mut Cursor<T>) -> Option<Result<T, TryRecvError>>
    where
        T: Clone,
    {
        if cursor.held.is_none()
            && let Err(error) = self.take(cursor)?
        {
            return Some(Err(error));
        }
        let item = cursor.held.take()?;
        Some(Ok(Arc::try_unwrap(item).unwrap_or_else(|item| {
            // It stays in its hand while it is cloned, which is foreign and may panic.
            let item = T::clone(cursor.held.insert(item));
            cursor.held = None;
            item
        })))
    }

    /// A receiver of what is sent from now on.
    pub(super) fn join(&self) -> u64 {
        self.with(&self.queue.lock_briefly(), |state| state.ring.join())
    }

    /// A receiver beside another one.
    pub(super) fn join_at(&self, next: u64) {
        self.with(&self.queue.lock_briefly(), |state| state.ring.join_at(next));
    }

    /// A receiver leaves.
    pub(super) fn leave(&self, next: u64) {
        let concerns = self.with(&self.queue.lock_briefly(), |state| {
            state.ring.leave(next);
            state.ring.is_done() || state.ring.receivers() == 0
        });
        if concerns {
            self.sweep();
        }
    }

    /// Drops the items that nobody will have any more, some at a time.
    fn sweep(&self) {
        loop {
            let mut done: [Option<Arc<T>>; WORK] = [const { None }; WORK];
            // An item that panics when it is dropped, or a waker: the others go, too.
            let rest = OnUnwind::new(|| self.sweep());
            let mut queue = self.queue.lock();
            self.with(&queue, |state| {
                for place in &mut done {
                    *place = state.ring.pop_done();
                }
            });
            self.pass_on(&mut queue);
            drop(queue);
            let more = done[WORK - 1].is_some();
            drop(done);
            rest.disarm();
            if !more {
                return;
            }
        }
    }

    /// Nothing more is sent. Returns whether it was open.
    pub(super) fn close(&self) -> bool {
        let mut queue = self.queue.lock();
        let was_closed = self.with(&queue, |state| core::mem::replace(&mut state.closed, true));
        self.pass_on(&mut queue);
        !was_closed
    }

    /// A sender that comes, first of those that wait, puts its item if it may.
    fn put_own(&self, queue: &Locked<'_, LANES>, mark: Mark) -> bool {
        self.with(queue, |state| {
            let room = state.ring.has_room();
            if room {
                // SAFETY: the mark of the waiter whose turn it is: its slot is a `Slot<Arc<T>>` of its
                // future, and the lock is held.
                let item: Option<Arc<T>> = unsafe { mark.take() };
                state
                    .ring
                    .put(item.expect("a sender that waits has its item"));
            }
            room
        })
    }
}

// SAFETY: `queue` returns the field, always the same. `arrive` and `turn` neither flush nor touch anybody.
unsafe impl<T> Protocol<LANES> for Shared<T> {
    const TIMED: bool = false;

    /// A sender that arrives may put its item, which concerns the receivers.
    const LOOKING_CONCERNS_ALL: bool = true;

    fn queue(&self, _: Driver) -> &WaitList<LANES> {
        &self.queue
    }

    /// The futures have looked before they come here.
    fn try_now(&self, _: usize) -> bool {
        false
    }

    fn lane(&self, tag: usize) -> usize {
        match Mark::kind_of(tag) {
            Kind::Get => RECEIVERS,
            Kind::Put | Kind::Place => SENDERS,
        }
    }

    fn arrive(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict {
        let (next, refuses, closed) = self.with(queue, |state| {
            (mark(state.ring.sent()), state.refuses(), state.closed)
        });
        let own = Mark::from_ptr(turn.mark());
        let done = match own.kind() {
            Kind::Get => closed || own != next,
            _ if refuses => return Verdict::Refused(CLOSED),
            _ => queue.front(SENDERS).is_none() && self.put_own(queue, own),
        };
        if done {
            Verdict::Acquired
        } else {
            Verdict::Back
        }
    }

    /// Whoever waits is served by those who change something.
    fn turn(&self, _: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict {
        turn.stay()
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, queue: &mut Locked<'_, LANES>) {
        loop {
            if !queue.has_room() {
                queue.flush_surely(|queue| self.pass_on(queue));
            }
            let (next, refuses, closed, room) = self.with(queue, |state| {
                let ring = &state.ring;
                (
                    mark(ring.sent()),
                    state.refuses(),
                    state.closed,
                    ring.has_room(),
                )
            });
            if let Some(receiver) = queue.front(RECEIVERS)
                && (closed || Mark::from_ptr(receiver.mark()) != next)
            {
                receiver.settle(DONE);
                continue;
            }
            let Some(sender) = queue.front(SENDERS) else {
                return;
            };
            if refuses {
                sender.settle(CLOSED);
                continue;
            }
            if !room {
                return;
            }
            let own = Mark::from_ptr(sender.mark());
            // SAFETY: a waiter in this lane has the mark of a slot of its own future, for an `Arc<T>`. It
            // is linked, and the lock is held.
            let item: Option<Arc<T>> = unsafe { own.take() };
            sender.settle(DONE);
            self.with(queue, |state| {
                state
                    .ring
                    .put(item.expect("a sender that waits has its item"));
            });
        }
    }
}
