//! The channel's state machine. Go's `hchan`, with waiters that may leave at any moment.
//!
//! # States
//!
//! One lock, that of the queue, guards everything: the [books](ChannelState), the items, the waiters.
//! So an operation that need not wait is one exchange and one store. The queue has three lanes:
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
//! close    CLOSED; places that were granted and not fetched are Revoked; serve
//! gone     the last receiver was dropped: CLOSED, all batons are Revoked, the items are dropped
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

use sync_core::atomic::{AtomicUsize, Ordering, UnsafeCell};
use sync_core::clock;
use sync_core::waiters::{
    Brief, Driver, Kind, Left, Locked, Mark, Phase, Protocol, Turn, Verdict, WaitList,
};
use sync_core::word::ChannelState;

use super::error::{ReserveError, SendError, TryRecvError, TryReserveError, TrySendError};
use super::items::Items;

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

#[repr(C, align(64))]
pub(super) struct Chan<T> {
    queue: WaitList<LANES>,
    /// Guarded by the queue's lock.
    state: UnsafeCell<State<T>>,
    /// How many handles there are on each side. Nobody comes back from zero.
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
    /// As in the books, where it never changes.
    capacity: usize,
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

    /// Sends, if that is possible at once.
    #[inline(always)]
    pub(super) fn try_put(&self, item: T) -> Result<(), TrySendError<T>> {
        let queue = self.queue.lock_briefly();
        if queue.is_quiet() && self.with(&queue, |state| state.books.has_room()) {
            self.with(&queue, |state| state.put(item));
            return Ok(());
        }
        self.put_among_others(queue, item)
    }

    #[inline(never)]
    fn put_among_others(&self, queue: Brief<'_, LANES>, item: T) -> Result<(), TrySendError<T>> {
        let books = self.with(&queue, |state| state.books);
        if books.is_closed() {
            return Err(TrySendError::Closed(item));
        }
        let unreserved = books.reserved() == 0;
        if unreserved && queue.is_quiet() {
            return Err(TrySendError::Full(item));
        }
        let mut queue = queue.stay();
        let mut now = None;
        let awaited = self.is_awaited(&mut queue);
        if unreserved && awaited && queue.front(SENDERS).is_none() {
            self.hand_over(&mut queue, item);
            return Ok(());
        }
        let mut admitted = self.admits_newcomer(&mut queue);
        if !admitted && !unreserved {
            // Places may be kept for a future that nobody polls.
            self.clear(&mut queue, &mut now);
            admitted = self.admits_newcomer(&mut queue);
        }
        if !admitted {
            return Err(TrySendError::Full(item));
        }
        self.with(&queue, |state| state.put(item));
        self.pass_on_at(&mut queue, &mut now);
        Ok(())
    }

    /// The first receiver that waits is promised an item that is put.
    #[inline]
    fn hand_over(&self, queue: &mut Locked<'_, LANES>, item: T) {
        self.with(queue, |state| {
            state.items.push(item);
            let books = state.books.put().promise();
            state.books = books.expect("one was put");
        });
        let now = clock::now();
        if let Some(receiver) = queue.front(RECEIVERS) {
            receiver.give(Phase::Granted, now);
        }
        if self.is_awaited(queue) {
            // Whose promises may have been forgotten by their holders.
            self.clear(queue, &mut Some(now));
        }
    }

    /// Whether a sender that comes now may put an item: no other waits, and it is admitted.
    fn admits_newcomer(&self, queue: &mut Locked<'_, LANES>) -> bool {
        let awaited = self.is_awaited(queue);
        queue.front(SENDERS).is_none() && self.with(queue, |state| state.books.admits(awaited))
    }

    /// Receives, if that is possible at once.
    #[inline(always)]
    pub(super) fn try_take(&self) -> Result<T, TryRecvError> {
        let queue = self.queue.lock_briefly();
        if queue.is_quiet()
            && let Some(item) = self.with(&queue, State::take)
        {
            return Ok(item);
        }
        self.take_among_others(queue)
    }

    #[inline(never)]
    fn take_among_others(&self, queue: Brief<'_, LANES>) -> Result<T, TryRecvError> {
        let books = self.with(&queue, |state| state.books);
        if queue.is_quiet() && books.promised() == 0 {
            return Err(why_not(books)); // nothing is ready, and nobody waits with an item
        }
        // Whatever wakers do, an item that was taken is returned or goes back: after the queue, which is
        // dropped before it, is unlocked.
        let mut taken = Returned(self, None);
        let books = {
            let mut queue = queue.stay();
            let mut now = None;
            if !self.is_awaited(&mut queue) {
                taken.1 = self.take_first(&mut queue);
            }
            if taken.1.is_none() && books.promised() != 0 {
                // Items may have been promised to a future that nobody polls.
                self.clear(&mut queue, &mut now);
                if !self.is_awaited(&mut queue) {
                    taken.1 = self.take_first(&mut queue);
                }
            }
            if taken.1.is_some() {
                self.pass_on_at(&mut queue, &mut now);
            }
            self.with(&queue, |state| state.books)
        };
        taken.1.take().ok_or_else(|| why_not(books))
    }

    /// Receives as many as are there, up to `limit`, under one lock. The room for them is made before.
    pub(super) fn take_many(&self, into: &mut alloc::vec::Vec<T>, limit: usize) -> usize {
        let mut queue = self.queue.lock();
        let mut taken = 0;
        while taken < limit && into.len() < into.capacity() && !self.is_awaited(&mut queue) {
            let Some(item) = self.take_first(&mut queue) else {
                break;
            };
            into.push(item);
            taken += 1;
            if !queue.has_room() {
                break;
            }
        }
        if !queue.is_empty() {
            self.pass_on(&mut queue);
        }
        taken
    }

    /// Keeps a place free for the caller, if there is one.
    pub(super) fn try_reserve(&self) -> Result<(), TryReserveError> {
        let mut queue = self.queue.lock();
        if !queue.is_empty() {
            self.clear(&mut queue, &mut None);
        }
        let (first, awaited) = (queue.front(SENDERS).is_none(), self.is_awaited(&mut queue));
        self.with(&queue, |state| {
            if state.books.is_closed() {
                Err(TryReserveError::Closed)
            } else if first && let Some(books) = state.books.reserve(awaited) {
                state.books = books;
                Ok(())
            } else {
                Err(TryReserveError::Full)
            }
        })
    }

    /// The holder of a permit sends. Fails only if no receiver is left.
    pub(super) fn put_reserved(&self, item: T) -> Result<(), SendError<T>> {
        let mut queue = self.queue.lock();
        // Relaxed: if the items were dropped already, then under this lock and after the count fell to
        // zero. Otherwise they will be, and this one with them.
        let gone = self.receivers.load(Ordering::Relaxed) == 0;
        let result = self.with(&queue, |state| {
            state.take_back(Kind::Place);
            if gone {
                return Err(SendError(item));
            }
            state.put(item);
            Ok(())
        });
        if !queue.is_empty() {
            self.pass_on(&mut queue);
        }
        result
    }

    /// The holder of a permit does not use it.
    pub(super) fn release_place(&self) {
        let mut queue = self.queue.lock();
        self.with(&queue, |state| state.take_back(Kind::Place));
        if !queue.is_empty() {
            self.pass_on(&mut queue);
        }
    }

    /// Returns whether it was open.
    pub(super) fn close(&self) -> bool {
        let mut queue = self.queue.lock();
        let was_closed = self.with(&queue, |state| {
            let was_closed = state.books.is_closed();
            state.books = state.books.close();
            was_closed
        });
        // A place that was granted, and whose future has not come for it, would keep the end from those who
        // receive.
        while let Some(owner) = queue.find_baton(|tag| Mark::kind_of(tag) == Kind::Place) {
            owner.revoke();
            self.with(&queue, |state| state.take_back(Kind::Place));
        }
        self.pass_on(&mut queue);
        !was_closed
    }

    /// The last receiver is gone: the items are of no use to anybody.
    pub(super) fn abandon(&self) {
        // Dropped at the end, when the queue is unlocked: items are foreign.
        let mut _items = Items::with_capacity(0);
        let mut queue = self.queue.lock();
        self.with(&queue, |state| state.books = state.books.close());
        // (Those are left whose futures were leaked, and senders that have not come for a permit.)
        let mut revoked = 0;
        while let Some(owner) = queue.front(BATONS) {
            let kind = Mark::kind_of(owner.tag());
            owner.revoke();
            self.with(&queue, |state| state.take_back(kind));
            revoked += 1;
            if revoked % WORK == 0 {
                self.flush(&mut queue);
            }
        }
        self.with(&queue, |state| {
            let books = state.books.abandon();
            state.books = books.expect("all promises were taken back");
            _items = state.items.take();
        });
        self.pass_on(&mut queue);
    }

    /// Whether a receiver waits to which nothing was promised.
    #[inline]
    fn is_awaited(&self, queue: &mut Locked<'_, LANES>) -> bool {
        queue.front(RECEIVERS).is_some()
    }

    /// Takes the first item that was not promised: of those in the channel, or else of those that
    /// senders wait with. There is room for a wake-up.
    fn take_first(&self, queue: &mut Locked<'_, LANES>) -> Option<T> {
        if let Some(item) = self.with(queue, State::take) {
            return Some(item);
        }
        let sender = queue.front(SENDERS)?;
        let mark = Mark::from_ptr(sender.mark());
        if mark.kind() != Kind::Put {
            return None;
        }
        // SAFETY: a waiter of this kind in this queue has the mark of a slot of its own future, for a
        // `T`. It is linked, and the lock is held.
        let item = unsafe { mark.take() };
        sender.settle(SENT);
        item
    }

    /// Calls the wakers, with more to do afterwards, even if one of them panics and nothing can catch
    /// that (without `std`).
    fn flush(&self, queue: &mut Locked<'_, LANES>) {
        struct Again<'r, 'q, 'l, T>(&'r Chan<T>, &'q mut Locked<'l, LANES>);
        impl<T> Drop for Again<'_, '_, '_, T> {
            fn drop(&mut self) {
                self.1.flush(); // those behind the one that panicked
                self.0.pass_on(self.1);
            }
        }
        let again = Again(self, queue);
        again.1.flush();
        core::mem::forget(again);
    }

    /// Takes stale batons back, and serves those who wait if that made anything free.
    #[inline]
    fn clear(&self, queue: &mut Locked<'_, LANES>, now: &mut Option<u32>) {
        if self.revoke_stale(queue, now) {
            self.serve(queue, now);
        }
    }

    /// As [`Protocol::pass_on`]. The clock is looked at only for those who would gain if a baton were taken
    /// back: a receiver waits while items are promised, or anybody while places are kept free.
    #[inline]
    fn pass_on_at(&self, queue: &mut Locked<'_, LANES>, now: &mut Option<u32>) {
        let (receivers, senders) = (self.is_awaited(queue), queue.front(SENDERS).is_some());
        if !receivers && !senders {
            return;
        }
        let (idle, out) = self.with(queue, |state| {
            let books = &state.books;
            // Nobody can be served whom a look at the books does not show.
            let idle = !books.is_closed()
                && books.reserved() == 0
                && if receivers {
                    !senders && books.is_empty()
                } else {
                    !books.has_room()
                };
            (
                idle,
                (receivers && books.promised() > 0) || books.reserved() > 0,
            )
        });
        if idle {
            return;
        }
        if out {
            self.revoke_stale(queue, now);
        }
        self.serve(queue, now);
    }

    /// The oldest baton stands first, so one look at it says whether any is stale.
    fn revoke_stale(&self, queue: &mut Locked<'_, LANES>, now: &mut Option<u32>) -> bool {
        let mut revoked = 0;
        let patience = queue.patience();
        while let Some(owner) = queue.front(BATONS) {
            if !patience.is_over(owner.given(), *now.get_or_insert_with(clock::now)) {
                break;
            }
            let kind = Mark::kind_of(owner.tag());
            owner.revoke();
            self.with(queue, |state| state.take_back(kind));
            revoked += 1;
            if revoked % WORK == 0 {
                self.flush(queue); // others may want the queue
                *now = None;
            }
        }
        revoked != 0
    }

    /// Gives what there is to those who wait. Room for a wake-up is left at the end.
    fn serve(&self, queue: &mut Locked<'_, LANES>, now: &mut Option<u32>) {
        loop {
            if !queue.has_room() {
                self.flush(queue);
                *now = None; // foreign code has run
                continue;
            }
            let books = self.with(queue, |state| state.books);
            let receiver = queue.front(RECEIVERS);
            let awaited = receiver.is_some();
            if let Some(receiver) = receiver {
                if let Some(books) = books.promise() {
                    receiver.give(Phase::Granted, *now.get_or_insert_with(clock::now));
                    self.with(queue, |state| state.books = books);
                    continue;
                }
                if books.is_over() {
                    receiver.settle(CLOSED);
                    continue;
                }
            }
            let Some(sender) = queue.front(SENDERS) else {
                return;
            };
            if books.is_closed() {
                sender.settle(CLOSED);
                continue;
            }
            let mark = Mark::from_ptr(sender.mark());
            if mark.kind() == Kind::Place {
                let Some(books) = books.reserve(awaited) else {
                    return;
                };
                sender.give(Phase::Granted, *now.get_or_insert_with(clock::now));
                self.with(queue, |state| state.books = books);
                continue;
            }
            if !books.admits(awaited) {
                return;
            }
            // SAFETY: as in `take_first`.
            let item = unsafe { mark.take() }.expect("a sender that waits has its item");
            sender.settle(SENT);
            self.with(queue, |state| state.put(item));
        }
    }

    /// A sender with an item, the first of those that wait, puts it if it may.
    fn put_own(&self, queue: &mut Locked<'_, LANES>, mark: Mark) -> bool {
        let awaited = self.is_awaited(queue);
        self.with(queue, |state| {
            let admitted = state.books.admits(awaited);
            if admitted {
                // SAFETY: the mark of the waiter whose turn it is: its slot is a `Slot<T>` of its future,
                // and the lock is held.
                let item = unsafe { mark.take() };
                state.put(item.expect("a sender that waits has its item"));
            }
            admitted
        })
    }

    /// The first of those that wait gets what it waits for, if that is there.
    fn serve_own(&self, queue: &mut Locked<'_, LANES>, mark: Mark) -> bool {
        match mark.kind() {
            Kind::Put => self.put_own(queue, mark),
            Kind::Get => match self.take_first(queue) {
                Some(item) => {
                    // SAFETY: as in `put_own`.
                    unsafe { mark.fill(item) };
                    true
                }
                None => false,
            },
            Kind::Place => {
                let awaited = self.is_awaited(queue);
                self.with(queue, |state| {
                    let books = state.books.reserve(awaited);
                    state.books = books.unwrap_or(state.books);
                    books.is_some()
                })
            }
        }
    }

    /// Whether a waiter of this kind waits in vain.
    fn refuses(&self, queue: &Locked<'_, LANES>, kind: Kind) -> bool {
        self.with(queue, |state| match kind {
            Kind::Get => state.books.is_over(),
            Kind::Put | Kind::Place => state.books.is_closed(),
        })
    }

    /// A waiter of some task is polled: a baton of the same kind that lies unclaimed with another future
    /// of that task, or, for one that was revoked, with anybody.
    fn take_over(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>, kind: Kind) -> bool {
        let revoked = turn.phase() == Phase::Revoked;
        let owner = if revoked {
            queue.front(BATONS)
        } else {
            queue.same_task_baton(turn)
        };
        let owner = owner.filter(|owner| Mark::kind_of(owner.tag()) == kind);
        let Some(owner) = owner else {
            turn.forget_looks();
            return false;
        };
        if !revoked && !turn.may_take_over() {
            return false;
        }
        owner.revoke();
        self.with(queue, |state| state.take_back(kind));
        true
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

/// An item on its way out, past foreign wakers: if one of them panics, it goes back to the front.
struct Returned<'a, T>(&'a Chan<T>, Option<T>);

impl<T> Drop for Returned<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(item) = self.1.take() {
            self.0.put_back(item);
        }
    }
}

impl<T> Chan<T> {
    /// An item that was taken and could not be returned goes back to the front.
    #[cold]
    pub(super) fn put_back(&self, item: T) {
        let mut queue = self.queue.lock();
        self.with(&queue, |state| {
            state.items.push_front(item);
            state.books = state.books.put();
        });
        self.pass_on(&mut queue);
    }
}

// SAFETY: `queue` returns the field, always the same. `arrive` and `turn` neither flush nor touch the
// waiter whose turn it is.
unsafe impl<T> Protocol<LANES> for Chan<T> {
    const TIMED: bool = false;
    // Who takes an item makes room; who waits for one may be waited for.
    const LOOKING_CONCERNS_ALL: bool = true;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList<LANES> {
        &self.queue
    }

    /// The futures of this module have tried before they come here.
    #[inline]
    fn try_now(&self, _: usize) -> bool {
        false
    }

    #[inline]
    fn lane(&self, tag: usize) -> usize {
        match Mark::kind_of(tag) {
            Kind::Get => RECEIVERS,
            Kind::Put | Kind::Place => SENDERS,
        }
    }

    fn claim(&self, queue: &mut Locked<'_, LANES>, turn: &Turn<'_>) {
        let mark = Mark::from_ptr(turn.mark());
        if mark.kind() != Kind::Get {
            return; // the place stays reserved
        }
        let item = self.with(queue, |state| {
            state.books = state.books.claim().expect("it was promised");
            state.items.pop().expect("what was promised is there")
        });
        // SAFETY: as in `put_own`.
        unsafe { mark.fill(item) };
    }

    fn arrive(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict {
        let mark = Mark::from_ptr(turn.mark());
        let kind = mark.kind();
        let batons = self.with(queue, |state| match kind {
            Kind::Put => false,
            Kind::Get => state.books.promised() > 0,
            Kind::Place => state.books.reserved() > 0,
        });
        if batons && queue.same_task_baton(turn).is_some() {
            // The first look of those that end in a take-over.
            turn.may_take_over();
        }
        if self.refuses(queue, kind) {
            return Verdict::Refused(CLOSED);
        }
        let alone = queue.front(self.lane(turn.tag())).is_none();
        if alone && self.serve_own(queue, mark) {
            Verdict::Acquired
        } else {
            Verdict::Back
        }
    }

    fn turn(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict {
        let mark = Mark::from_ptr(turn.mark());
        let kind = mark.kind();
        let revoked = turn.phase() == Phase::Revoked;
        if self.refuses(queue, kind) {
            return Verdict::Refused(CLOSED);
        }
        let head = queue.front(self.lane(turn.tag()));
        let first = revoked || head.is_some_and(|head| head.is(turn));
        if first && self.serve_own(queue, mark) {
            return Verdict::Acquired;
        }
        if kind != Kind::Put && self.take_over(queue, turn, kind) && self.serve_own(queue, mark) {
            return Verdict::Acquired;
        }
        if !turn.can_wait() {
            Verdict::Rearm
        } else if revoked {
            Verdict::Front
        } else {
            Verdict::Stay
        }
    }

    fn left(&self, _: Left, _: usize) {
        unreachable!("the waiters of a channel have marks");
    }

    fn left_mark(&self, left: Left, mark: *mut ()) {
        let mark = Mark::from_ptr(mark);
        if left != Left::Acquired || mark.kind() == Kind::Put {
            return; // a sender that acquired has sent
        }
        // The driver holds the lock, and passes nothing that would prove it.
        self.state.with_mut(|state| {
            // SAFETY: `left_mark` is called under the lock, and nothing below comes here again.
            let state = unsafe { &mut *state };
            let taken = if mark.kind() == Kind::Get {
                // SAFETY: the mark is that of a slot of the future that leaves; it is not linked any
                // more, and the lock is held.
                unsafe { mark.take() }
            } else {
                None
            };
            match taken {
                Some(item) => {
                    state.items.push_front(item);
                    state.books = state.books.put();
                }
                None => state.take_back(mark.kind()),
            }
        });
    }

    fn pass_on(&self, queue: &mut Locked<'_, LANES>) {
        self.pass_on_at(queue, &mut None);
    }
}

impl From<TryReserveError> for ReserveError {
    fn from(_: TryReserveError) -> Self {
        ReserveError
    }
}
