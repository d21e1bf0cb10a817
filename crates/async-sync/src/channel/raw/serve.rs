//! Who waits is served: what there is goes to whoever is first, and batons that nobody claims are taken back.

use sync_core::waiters::{Kind, Locked, Mark, Phase, Protocol as _};

use super::{BATONS, CLOSED, Chan, LANES, RECEIVERS, SENDERS, SENT, State, WORK};

impl<T> Chan<T> {
    /// Takes the first item that was not promised: of those in the channel, or else of those that
    /// senders wait with. There is room for a wake-up.
    pub(super) fn take_first(&self, queue: &mut Locked<'_, LANES>) -> Option<T> {
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
        let own = unsafe { mark.take() }.expect("a sender that waits has its item");
        sender.settle(SENT);
        Some(self.with(queue, |state| state.exchange(own)))
    }

    /// Calls the wakers, with more to do afterwards, even if one of them panics and nothing can catch
    /// that (without `std`).
    pub(super) fn flush(&self, queue: &mut Locked<'_, LANES>) {
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
    pub(super) fn clear(&self, queue: &mut Locked<'_, LANES>) {
        if self.revoke_stale(queue) {
            self.serve(queue);
        }
    }

    /// As [`Protocol::pass_on`](sync_core::waiters::Protocol::pass_on). Ages are looked at only for those who
    /// would gain if a baton were taken back: a receiver waits while items are promised, or anybody while
    /// places are kept free.
    #[inline]
    pub(super) fn pass_on_to_all(&self, queue: &mut Locked<'_, LANES>) {
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
            self.revoke_stale(queue);
        }
        self.serve(queue);
    }

    /// The oldest baton stands first, so one look at it says whether any is stale.
    fn revoke_stale(&self, queue: &mut Locked<'_, LANES>) -> bool {
        let mut revoked = self.revoke_some(queue);
        let any = revoked != 0;
        while revoked == WORK {
            self.flush(queue); // others may want the queue
            revoked = self.revoke_some(queue);
        }
        any
    }

    /// The same, as far as is done without unlocking. Returns how many there were.
    pub(super) fn revoke_some(&self, queue: &mut Locked<'_, LANES>) -> usize {
        let mut revoked = 0;
        while revoked < WORK
            && let Some(mut owner) = queue.front(BATONS)
        {
            if !owner.is_stale() {
                break;
            }
            let kind = Mark::kind_of(owner.tag());
            owner.revoke();
            self.with(queue, |state| state.take_back(kind));
            revoked += 1;
        }
        revoked
    }

    /// Gives what there is to those who wait. Room for a wake-up is left at the end.
    pub(super) fn serve(&self, queue: &mut Locked<'_, LANES>) {
        loop {
            if !queue.has_room() {
                self.flush(queue);
                continue;
            }
            let books = self.with(queue, |state| state.books);
            let receiver = queue.front(RECEIVERS);
            let awaited = receiver.is_some();
            if let Some(receiver) = receiver {
                if let Some(books) = books.promise() {
                    receiver.give_now(Phase::Granted);
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
                sender.give_now(Phase::Granted);
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
}
