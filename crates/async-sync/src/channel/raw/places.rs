//! Places that are kept free for permits, and the end of the channel.

use sync_core::atomic::Ordering;
use sync_core::waiters::{Kind, Mark, Protocol as _};

use super::super::error::{ReserveError, SendError, TryReserveError};
use super::super::items::Items;
use super::{BATONS, Chan, SENDERS, WORK};

impl<T> Chan<T> {
    /// Keeps a place free for the caller, if there is one.
    pub(in super::super) fn try_reserve(&self) -> Result<(), TryReserveError> {
        // A waker may panic: then there is no permit. After the queue, which is dropped before it, is unlocked.
        let mut place = Unused(self, false);
        let result = {
            let mut queue = self.queue.lock();
            if !queue.is_empty() {
                self.clear(&mut queue);
            }
            let (first, awaited) = (queue.front(SENDERS).is_none(), self.is_awaited(&mut queue));
            self.with(&queue, |state| {
                if state.books.is_closed() {
                    Err(TryReserveError::Closed)
                } else if first && let Some(books) = state.books.reserve(awaited) {
                    state.books = books;
                    place.1 = true;
                    Ok(())
                } else {
                    Err(TryReserveError::Full)
                }
            })
        };
        place.1 = false;
        result
    }

    /// The holder of a permit sends. Fails only if no receiver is left.
    pub(in super::super) fn put_reserved(&self, item: T) -> Result<(), SendError<T>> {
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
    pub(in super::super) fn release_place(&self) {
        let mut queue = self.queue.lock();
        self.with(&queue, |state| state.take_back(Kind::Place));
        if !queue.is_empty() {
            self.pass_on(&mut queue);
        }
    }

    /// Returns whether it was open.
    pub(in super::super) fn close(&self) -> bool {
        let _told = Told(self);
        let mut queue = self.queue.lock();
        let was_closed = self.with(&queue, |state| {
            let was_closed = state.books.is_closed();
            state.books = state.books.close();
            was_closed
        });
        // A place that was granted, and whose future has not come for it, would keep the end from those who
        // receive.
        loop {
            let revoked = queue.revoke_batons(WORK, |tag| Mark::kind_of(tag) == Kind::Place);
            self.with(&queue, |state| {
                (0..revoked).for_each(|_| state.take_back(Kind::Place));
            });
            if revoked < WORK {
                break;
            }
            self.flush(&mut queue); // others may want the queue
        }
        self.pass_on(&mut queue);
        !was_closed
    }

    /// The last receiver is gone: the items are of no use to anybody.
    pub(in super::super) fn abandon(&self) {
        let _told = Told(self);
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
}

/// Tells those who wait for the end alone, when the queue is unlocked, whatever wakers and destructors do.
struct Told<'a, T>(&'a Chan<T>);

impl<T> Drop for Told<'_, T> {
    fn drop(&mut self) {
        self.0.closed.set();
    }
}

/// A place on its way out, past foreign wakers: if one of them panics, it goes to the next in line.
struct Unused<'a, T>(&'a Chan<T>, bool);

impl<T> Drop for Unused<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.1 {
            self.0.release_place();
        }
    }
}

impl From<TryReserveError> for ReserveError {
    fn from(_: TryReserveError) -> Self {
        ReserveError
    }
}
