//! Items come and go: what a newcomer does who need not wait.

use sync_core::clock;
use sync_core::waiters::{Brief, Kind, Locked, Mark, Phase, Protocol as _};

use super::super::error::{TryRecvError, TrySendError};
use super::{Chan, LANES, RECEIVERS, SENDERS, SENT, State, why_not};

/// What a newcomer does who cannot be served at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Otherwise {
    /// It goes away, so this is its look at what lies unclaimed.
    Leaves,
    /// It waits in the queue, and looks when it gets there.
    Waits,
}

impl<T> Chan<T> {
    /// Sends, if that is possible at once.
    #[inline(always)]
    pub(in super::super) fn try_put(
        &self,
        item: T,
        otherwise: Otherwise,
    ) -> Result<(), TrySendError<T>> {
        let queue = self.queue.lock_briefly();
        if queue.is_quiet() && self.with(&queue, |state| state.books.has_room()) {
            self.with(&queue, |state| state.put(item));
            return Ok(());
        }
        self.put_among_others(queue, item, otherwise)
    }

    #[inline(never)]
    fn put_among_others(
        &self,
        queue: Brief<'_, LANES>,
        item: T,
        otherwise: Otherwise,
    ) -> Result<(), TrySendError<T>> {
        let (is_closed, reserved) = self.with(&queue, |state| {
            (state.books.is_closed(), state.books.reserved())
        });
        if is_closed {
            return Err(TrySendError::Closed(item));
        }
        if reserved == 0 {
            if queue.has_waiter(SENDERS) || !queue.has_waiter(RECEIVERS) {
                return Err(TrySendError::Full(item));
            }
            self.hand_over(queue, item);
            return Ok(());
        }
        let mut queue = queue.stay();
        let mut admitted = self.admits_newcomer(&mut queue);
        if !admitted && otherwise == Otherwise::Leaves {
            // Places may be kept for a future that nobody polls.
            self.clear(&mut queue);
            admitted = self.admits_newcomer(&mut queue);
        }
        if !admitted {
            return Err(TrySendError::Full(item));
        }
        self.with(&queue, |state| state.put(item));
        self.pass_on(&mut queue);
        Ok(())
    }

    /// The first receiver that waits is promised an item that is put.
    #[inline]
    fn hand_over(&self, queue: Brief<'_, LANES>, item: T) {
        self.with(&queue, |state| {
            state.items.push(item);
            state.books = state.books.hand_over();
        });
        let now = clock::now();
        if !queue.has_stale_baton(now) {
            if let Some(waker) = queue.grant_next(now) {
                waker.wake();
            }
            return;
        }
        let mut queue = queue.stay();
        if let Some(receiver) = queue.front(RECEIVERS) {
            receiver.give(Phase::Granted, now);
        }
        if self.is_awaited(&mut queue) {
            // Whose promises may have been forgotten by their holders.
            self.clear(&mut queue);
        }
    }

    /// Whether a sender that comes now may put an item: no other waits, and it is admitted.
    fn admits_newcomer(&self, queue: &mut Locked<'_, LANES>) -> bool {
        let awaited = self.is_awaited(queue);
        queue.front(SENDERS).is_none() && self.with(queue, |state| state.books.admits(awaited))
    }

    /// Receives, if that is possible at once.
    #[inline(always)]
    pub(in super::super) fn try_take(&self, otherwise: Otherwise) -> Result<T, TryRecvError> {
        let queue = self.queue.lock_briefly();
        if queue.is_quiet()
            && let Some(item) = self.with(&queue, State::take)
        {
            return Ok(item);
        }
        self.take_among_others(queue, otherwise)
    }

    #[inline(never)]
    fn take_among_others(
        &self,
        queue: Brief<'_, LANES>,
        otherwise: Otherwise,
    ) -> Result<T, TryRecvError> {
        if queue.is_quiet() || queue.has_waiter(RECEIVERS) {
            // Nothing is ready, and nobody waits with an item; or others wait for the next.
            let books = self.with(&queue, |state| state.books);
            if otherwise == Otherwise::Waits || books.promised() == 0 {
                return Err(why_not(books));
            }
        } else if let Some(mark) = queue.front_mark(SENDERS)
            && Mark::from_ptr(mark).kind() == Kind::Put
            && self.with(&queue, |state| state.books.is_just_full())
        {
            // The usual case: the first sender's item takes the place of what is taken.
            return Ok(self.take_and_put(queue, Mark::from_ptr(mark)));
        }
        // Whatever wakers do, an item that was taken is returned or goes back: after the queue, which is
        // dropped before it, is unlocked.
        let mut taken = Returned(self, None);
        let books = {
            let mut queue = queue.stay();
            if !self.is_awaited(&mut queue) {
                taken.1 = self.take_first(&mut queue);
            }
            if taken.1.is_none()
                && otherwise == Otherwise::Leaves
                && self.with(&queue, |state| state.books.promised() != 0)
            {
                // Items may have been promised to a future that nobody polls.
                self.clear(&mut queue);
                if !self.is_awaited(&mut queue) {
                    taken.1 = self.take_first(&mut queue);
                }
            }
            if taken.1.is_some() {
                self.pass_on(&mut queue);
            }
            self.with(&queue, |state| state.books)
        };
        taken.1.take().ok_or_else(|| why_not(books))
    }

    /// Whether a receiver that comes now has to wait, and its coming concerns nobody.
    #[inline]
    pub(in super::super) fn keeps_receiver(&self, queue: &Brief<'_, LANES>) -> bool {
        !queue.has_waiter(SENDERS) && self.with(queue, |state| state.books.is_idle())
    }

    /// The same of a sender with an item.
    #[inline]
    pub(in super::super) fn keeps_sender(&self, queue: &Brief<'_, LANES>) -> bool {
        !queue.has_waiter(RECEIVERS) && self.with(queue, |state| state.books.is_just_full())
    }

    /// Whether it concerns nobody if a receiver claims what was promised to it: no other receiver waits, or
    /// none is to be told of the end, or could get what an old promise keeps.
    #[inline]
    pub(in super::super) fn may_claim(&self, queue: &Brief<'_, LANES>) -> bool {
        if !queue.has_waiter(RECEIVERS) {
            return true;
        }
        let (is_closed, promised) = self.with(queue, |state| {
            (state.books.is_closed(), state.books.promised())
        });
        !is_closed && (promised == 1 || !queue.has_stale_baton(clock::now()))
    }

    /// The receiver of a promise takes the first item.
    #[inline]
    pub(in super::super) fn claim_first(&self, queue: &Brief<'_, LANES>) -> T {
        self.with(queue, |state| {
            state.books = state.books.claim().expect("it was promised");
            state.items.pop().expect("what was promised is there")
        })
    }

    /// Takes the first item of a channel that is full, and puts that of the first sender that waits, whose
    /// mark this is. Nobody else can get anything by that.
    #[inline]
    fn take_and_put(&self, queue: Brief<'_, LANES>, mark: Mark) -> T {
        let taken = self.with(&queue, |state| {
            // SAFETY: a waiter of this kind in this queue has the mark of a slot of its own future, for a `T`.
            // It is linked, and the lock is held.
            let own = unsafe { mark.take() }.expect("a sender that waits has its item");
            state.exchange(own)
        });
        // A waker may panic: then the item goes back.
        let mut taken = Returned(self, Some(taken));
        if let Some(waker) = queue.settle_front(SENDERS, SENT) {
            waker.wake();
        }
        taken.1.take().expect("put in above")
    }

    /// Receives as many as are there, up to `limit`, under one lock. The room for them is made before.
    pub(in super::super) fn take_many(&self, into: &mut alloc::vec::Vec<T>, limit: usize) -> usize {
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
    pub(in super::super) fn put_back(&self, item: T) {
        let mut queue = self.queue.lock();
        self.with(&queue, |state| {
            state.items.push_front(item);
            state.books = state.books.put();
        });
        self.pass_on(&mut queue);
    }
}
