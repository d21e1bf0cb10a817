//! The channel's state machine. Go's `hchan`, with waiters that may leave at any moment.
//!
//! # States
//!
//! One lock, that of the queue, guards everything: the [books](ChannelState), the items, the waiters.
//! (Who waits for nothing but the end waits at an [`Event`] beside it.)
//! So an operation that need not wait is one exchange and one store (`passing`). What becomes of those who
//! wait is in `serve`, how they come and go in `protocol`, permits and the end in `places`. The queue has
//! three lanes:
//!
//! * lane 0: senders that wait, first come, first served. One with an item keeps it in its own future
//!   ([`Slot`]), where whoever makes room takes it: the sender is then *settled*, and owes nothing. One
//!   that waits for a [`Permit`](super::Permit) has no item yet;
//! * lane 1: receivers that wait, first come, first served;
//! * lane 2: batons. Each is *Granted*: a receiver to which an item was promised, or a sender for which a
//!   place is kept free.
//!
//! A promised item stays where it is, and the promise does not say which it is. That is all the
//! difference to Go's hand-over from stack to stack: a promise is taken back by counting, so a receiver
//! that is dropped or that nobody polls cannot lose an item or bring it out of order.
//!
//! # Transitions
//!
//! ```text
//! send     no sender waits, and there is room or a receiver waits      item put, READY + 1
//!          closed                                                      refused, with the item
//!          else                                                        lane 0
//! recv     no receiver waits, and READY > 0                            first item taken, READY - 1
//!          same, READY = 0, a sender waits with an item                its item taken, it is settled
//!          closed and over (no item, no promise, no permit)            refused
//!          else                                                        lane 1
//! serve    READY > 0, lane 1 not empty     PROMISED + 1, READY - 1, its first is Granted
//! (after   closed and over                 everybody in lane 1 is settled: refused
//! each of  room, or lane 1 not empty:      the first of lane 0: its item is put, and it is settled, or a
//! these)                                   place is RESERVED and it is Granted
//!          closed                          everybody in lane 0 is settled: refused
//! polled   Granted receiver                first item taken, PROMISED - 1
//!          Granted sender                  it has its permit
//!          Revoked, or a baton of the same kind lies with another future of its task, as at two looks:
//!                                          that one is Revoked, and this one served
//! dropped  Granted                         PROMISED - 1, READY + 1; or RESERVED - 1; serve
//!          with an item that the poll      the item goes back to the front; serve
//!          could not return (a waker
//!          panicked)
//! any      the oldest baton is stale       its holder is Revoked, as if it were dropped
//! permit   used: RESERVED - 1, the item is put. dropped: RESERVED - 1. serve
//! close    CLOSED; places that were granted and not fetched are Revoked; serve. The event is set, unlocked
//! gone     the last receiver was dropped: CLOSED, all batons are Revoked, the items are dropped;
//!          the event is set
//! ```
//!
//! # Invariants (while the lock is free, and nobody is about to lock it again in `serve`)
//!
//! 1. If lane 1 is not empty, `READY` is zero, and lane 0 has nobody whom the books admit.
//! 2. If lane 0 is not empty, the books do not admit its first.
//! 3. `PROMISED` receivers and at most `RESERVED` senders are in lane 2; `READY + PROMISED` items lie in
//!    the channel.
//! 4. Items are taken in the order in which they were put.
//! 5. If the channel is closed, no place is granted: `RESERVED` counts permits only.
//!
//! # What happens before what
//!
//! Everything happens under one lock, which is taken with Acquire and released with Release. So
//! what is done before the n-th send is seen after the n-th receive, what is done before closing by
//! who receives nothing any more, and what is done before a receive by the sender whom it makes room
//! for: rules (1) to (4) of Go's memory model.

mod passing;
mod places;
mod protocol;
mod serve;

use sync_core::atomic::{AtomicUsize, UnsafeCell};
use sync_core::waiters::{Brief, Kind, Locked, WaitList};
use sync_core::word::ChannelState;

use super::error::TryRecvError;
use super::items::Items;
use crate::event::Event;

pub(super) use passing::Otherwise;

/// The lanes.
const SENDERS: usize = 0;
const RECEIVERS: usize = 1;
const BATONS: usize = 2;
pub(super) const LANES: usize = 3;

/// Verdicts.
const SENT: u8 = 0;
const CLOSED: u8 = 1;

/// Batons that are revoked before the queue is unlocked for a moment.
const WORK: usize = 16;

// In this order, so that what every operation touches is together, in two lines of the cache. Aligning it to
// lines, which takes 64 bytes more, was measured and changes nothing: what a neighbour in memory changes
// often lies more than a line away.
#[repr(C)]
pub(super) struct Chan<T> {
    queue: WaitList<LANES>,
    /// Guarded by the queue's lock.
    state: UnsafeCell<State<T>>,
    /// How many handles there are on each side. Nobody comes back from zero.
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
    /// As in the books, where it never changes.
    capacity: usize,
    /// Set when it is closed, for those who wait for nothing else.
    pub(super) closed: Event,
}

struct State<T> {
    books: ChannelState,
    items: Items<T>,
}

// SAFETY: items move between the threads that use the channel, so they have to be Send. They are
// accessed under the queue's lock only, so never by two threads at once.
unsafe impl<T: Send> Sync for Chan<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Chan<T> {}

/// A lock of the queue, as proof that it is held.
trait Held {}
impl Held for Locked<'_, LANES> {}
impl Held for Brief<'_, LANES> {}

impl<T> State<T> {
    #[inline]
    fn put(&mut self, item: T) {
        self.items.push(item);
        self.books = self.books.put();
    }

    #[inline]
    fn take(&mut self) -> Option<T> {
        // Asked first and changed last, so that of the books one number is read and written.
        if self.books.ready() == 0 {
            return None;
        }
        let item = self.items.pop()?;
        self.books = self.books.take().expect("an item is ready");
        Some(item)
    }

    /// Takes the first item and puts this one, which goes behind those that were promised: a promise names
    /// no item.
    #[inline]
    fn exchange(&mut self, own: T) -> T {
        match self.items.pop() {
            Some(first) => {
                self.items.push(own);
                first
            }
            None => own,
        }
    }

    /// What somebody was granted and does not use.
    fn take_back(&mut self, kind: Kind) {
        let books = match kind {
            Kind::Get => self.books.recant(),
            Kind::Place => self.books.release(),
            Kind::Put => None,
        };
        self.books = books.expect("what is taken back was given");
    }
}

impl<T> Chan<T> {
    /// A channel with one handle on each side.
    pub(super) fn new(capacity: usize) -> Self {
        Chan {
            queue: WaitList::new(),
            state: UnsafeCell::new(State {
                books: ChannelState::new(capacity),
                items: Items::with_capacity(capacity),
            }),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            capacity,
            closed: Event::new(),
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

    #[inline]
    pub(super) fn books(&self) -> ChannelState {
        self.with(&self.queue.lock_briefly(), |state| state.books)
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }

    /// Whether a receiver waits to which nothing was promised.
    #[inline]
    fn is_awaited(&self, queue: &mut Locked<'_, LANES>) -> bool {
        queue.front(RECEIVERS).is_some()
    }
}

/// Why nothing is received, if nothing is ready.
#[inline]
fn why_not(books: ChannelState) -> TryRecvError {
    if books.is_over() {
        TryRecvError::Closed
    } else {
        TryRecvError::Empty
    }
}
