//! How those who wait come, are polled, and go: the protocol of the driver.

use sync_core::waiters::{
    Driver, Kind, Left, Locked, Mark, Phase, Protocol, Turn, Verdict, WaitList,
};

use super::{BATONS, CLOSED, Chan, LANES, RECEIVERS, SENDERS};

impl<T> Chan<T> {
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
            Kind::Get => state.books.promised() > 0,
            Kind::Put | Kind::Place => state.books.reserved() > 0,
        });
        if batons {
            self.revoke_some(queue);
            if kind != Kind::Put && queue.same_task_baton(turn).is_some() {
                // The first look of those that end in a take-over.
                turn.may_take_over();
            }
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
        self.pass_on_to_all(queue);
    }
}
