//! The semaphore's state machine.
//!
//! # States
//!
//! The word ([`PermitWord`]) counts the permits that nobody holds; negative is a debt that releases
//! pay off after the limit was lowered. The queue has two lanes:
//!
//! * lane 0: those who wait, strictly first come, first served. A big request at the head is not
//!   passed by small ones, so it is never starved;
//! * lane 1: batons, in the order in which they were given. Each is *Granted*: its permits are
//!   already taken off the word. (There is nothing to compete for, hence no *Notified*.)
//!
//! # Transitions
//!
//! ```text
//! acquire   open, nobody waits, enough permits     AVAILABLE -= n
//!           more than the limit, or closed          refused
//!           else                                    WAITING, lane 0
//! release   nobody waits: AVAILABLE += n, one RMW.
//!           else, under the queue's lock, pass_on:
//!             while the head's request is covered,  Granted, lane 1
//!             by what is released, or by AVAILABLE  (AVAILABLE -= n)
//!             what is left of the release           AVAILABLE += rest
//! polled    Granted                                 out of the queue
//!           Queued, a baton lies with another       that one is Revoked, its permits come back, and
//!           future of its task, as at two looks     this one may take them before lane 0
//!           Revoked                                 as first in line; else the front of lane 0
//! dropped   Granted                                 its permits come back: pass_on
//! any       the oldest baton is stale               its holder is Revoked, its permits come back
//! set_limit up: AVAILABLE += difference, pass_on. down: AVAILABLE -= difference
//! close     CLOSED; everybody in lane 0 is refused. What was granted stays granted.
//! ```
//!
//! # Invariants
//!
//! 1. `WAITING` is set whenever the queue's lock is free and lane 0 is not empty.
//! 2. If lane 0 is not empty, its head's request is within the limit and not covered, or a thread is
//!    about to run `pass_on` (it has added permits and waits for the queue's lock).
//! 3. `AVAILABLE` + permits held + permits granted = limit.

use sync_core::atomic::{AtomicUsize, Ordering};
use sync_core::waiters::{Driver, Left, Locked, Phase, Protocol, Refused, Turn, Verdict, WaitList};
use sync_core::word::{PermitState, PermitWord};
use sync_core::{clock, const_fn};

use super::error::AcquireError;

/// Where batons lie.
const GRANTED: usize = 1;

const CLOSED: u8 = 1;
const TOO_MANY: u8 = 2;

#[derive(Debug)]
pub struct RawSemaphore {
    word: PermitWord,
    /// Changed under the queue's lock only.
    limit: AtomicUsize,
    queue: WaitList<2>,
}

impl RawSemaphore {
    const_fn! {
        pub(super) const fn new(permits: usize) -> Self {
            RawSemaphore {
                word: PermitWord::new(permits),
                limit: AtomicUsize::new(permits),
                queue: WaitList::new(),
            }
        }
    }

    #[inline]
    pub(super) fn state(&self) -> PermitState {
        self.word.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }

    #[inline]
    pub(super) fn try_acquire(&self, n: usize) -> Result<(), PermitState> {
        // Acquire: what was done under these permits is seen.
        let join = || self.word.update(Ordering::Acquire, |s| s.join(n));
        match join() {
            Ok(_) => Ok(()),
            Err(_) if self.queue.has_stale_baton() => {
                // Permits may be reserved for a future that nobody polls.
                self.pass_on(&mut self.queue.lock());
                join().map(|_| ())
            }
            Err(refused) => Err(refused),
        }
    }

    /// Gives back permits that the caller holds.
    #[inline]
    pub(super) fn release(&self, n: usize) {
        // Relaxed: a hint. Where it is out of date, the addition tells.
        if self.word.load(Ordering::Relaxed).is_waiting() {
            self.release_to_waiters(n);
        } else if self.word.add(n).is_waiting() {
            self.release_to_waiters(0);
        }
    }

    #[inline(never)]
    fn release_to_waiters(&self, n: usize) {
        self.pass_on_with(&mut self.queue.lock(), n);
    }

    /// Gives back permits for whose existence there is only the caller's word.
    ///
    /// Under the queue's lock, where the limit does not move.
    pub(super) fn release_checked(&self, n: usize) {
        let added = {
            let mut queue = self.queue.lock();
            let limit = self.limit() as isize;
            let fits = |s: PermitState| {
                // Within the limit the sum cannot overflow.
                n <= PermitState::MAX && s.available() + n as isize <= limit
            };
            // Release: as `PermitWord::add`.
            let added = self
                .word
                .update(Ordering::Release, |s| if fits(s) { s.add(n) } else { None });
            if added.is_ok() {
                self.pass_on(&mut queue);
            }
            added
        };
        assert!(added.is_ok(), "semaphore: released more than held");
    }

    pub(super) fn set_limit(&self, limit: usize) {
        assert!(
            limit <= PermitState::MAX,
            "a semaphore counts at most Semaphore::MAX_PERMITS permits"
        );
        let mut queue = self.queue.lock();
        // Relaxed: written and compared under the queue's lock; other readers want a snapshot.
        let old = self.limit.load(Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
        if limit >= old {
            self.word.add(limit - old);
        } else {
            self.word.sub(old - limit);
        }
        self.pass_on(&mut queue);
    }

    /// Raises the limit by `n`.
    pub(super) fn add_permits(&self, n: usize) {
        let mut queue = self.queue.lock();
        // Relaxed: as in `set_limit`.
        let limit = self.limit.load(Ordering::Relaxed);
        assert!(
            n <= PermitState::MAX - limit,
            "a semaphore counts at most Semaphore::MAX_PERMITS permits"
        );
        self.limit.store(limit + n, Ordering::Relaxed);
        self.word.add(n);
        self.pass_on(&mut queue);
    }

    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        // Relaxed: closing publishes nothing but itself.
        let _ = self.word.update(Ordering::Relaxed, |s| Some(s.closed()));
        self.pass_on(&mut queue);
    }

    /// One exchange decides: it takes `n` permits, if the waiter is `first`, or announces a waiter
    /// while they are not to be had. `None`: it has to wait. `last`: nobody else does.
    #[inline]
    fn take_or_announce(&self, n: usize, first: bool, last: bool) -> Option<Verdict> {
        let too_many = n > self.limit();
        let take = |s: PermitState| if first { s.enter(n) } else { None };
        // Acquire, for the first case.
        let old = self.word.update(Ordering::Acquire, |s| {
            if s.is_closed() || too_many {
                return None;
            }
            let taken = take(s).map(|new| if last { new.drained() } else { new });
            Some(taken.unwrap_or(s.queued())).filter(|new| *new != s)
        });
        match old {
            Err(s) if s.is_closed() => Some(Verdict::Refused(CLOSED)),
            Err(_) if too_many => Some(Verdict::Refused(TOO_MANY)),
            // Taking no permits changes nothing, so it is not seen in `old`.
            Ok(s) | Err(s) if take(s).is_some() => Some(Verdict::Acquired),
            _ => None,
        }
    }

    /// Calls the wakers, with more to do afterwards.
    fn flush(&self, queue: &mut Locked<'_, 2>) {
        queue.flush_surely(|queue| self.pass_on(queue));
    }

    /// Gives permits to those who wait: `gift` ones that are not in the word, so that a release to a
    /// waiter need not pass through it, and what the word has.
    fn pass_on_with(&self, queue: &mut Locked<'_, 2>, mut gift: usize) {
        let mut now = None;
        let mut revoked = 0;
        let patience = queue.patience();
        // The oldest baton stands first, so one look at it says whether any is stale.
        while let Some(owner) = queue.front(GRANTED) {
            if !patience.is_over(owner.given(), *now.get_or_insert_with(clock::now)) {
                break;
            }
            gift += owner.tag();
            owner.revoke();
            revoked += 1;
            if revoked % WORK == 0 {
                self.word.add(core::mem::take(&mut gift));
                self.flush(queue); // others may want the queue
                now = None;
            }
        }
        loop {
            let Some(head) = queue.front(0) else {
                // Release, for the gift: as `PermitWord::add`. `WAITING` only concerns waiters.
                let _ = self.word.update(Ordering::Release, |s| {
                    Some(s.plus(gift).drained()).filter(|new| *new != s)
                });
                return;
            };
            let n = head.tag();
            let state = self.state();
            if state.is_closed() {
                head.settle(CLOSED);
            } else if n > self.limit() {
                head.settle(TOO_MANY);
            } else {
                // A debt comes first. It does not grow meanwhile: the limit moves under this lock.
                if n <= gift && state.available() >= 0 {
                    gift -= n;
                } else {
                    if gift != 0 {
                        self.word.add(core::mem::take(&mut gift));
                    }
                    // Acquire: a grant takes the permits in the name of the head, which sees what
                    // was done under them through this thread and the queue's lock.
                    if self.word.update(Ordering::Acquire, |s| s.enter(n)).is_err() {
                        return;
                    }
                }
                head.give(Phase::Granted, *now.get_or_insert_with(clock::now));
            }
            if !queue.has_room() {
                if gift != 0 {
                    self.word.add(core::mem::take(&mut gift));
                }
                self.flush(queue);
                now = None; // foreign code has run
            }
        }
    }

    /// What a refusal means for a request of `n` permits.
    #[cold]
    pub(super) fn refusal(&self, Refused(code): Refused, n: usize) -> AcquireError {
        match code {
            CLOSED => AcquireError::Closed,
            _ => AcquireError::TooMany {
                requested: n,
                limit: self.limit(),
            },
        }
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<2> for RawSemaphore {
    const TIMED: bool = false;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList<2> {
        &self.queue
    }

    #[inline]
    fn try_now(&self, n: usize) -> bool {
        // Acquire: what was done under these permits is seen.
        self.word.update(Ordering::Acquire, |s| s.join(n)).is_ok()
    }

    #[inline]
    fn arrive(&self, queue: &mut Locked<'_, 2>, turn: &mut Turn<'_>) -> Verdict {
        if queue.same_task_baton(turn).is_some() {
            // The first look of those that end in a take-over.
            turn.may_take_over();
        }
        let alone = queue.front(0).is_none();
        self.take_or_announce(turn.tag(), alone, alone)
            .unwrap_or(Verdict::Back)
    }

    fn turn(&self, queue: &mut Locked<'_, 2>, turn: &mut Turn<'_>) -> Verdict {
        let n = turn.tag();
        let revoked = turn.phase() == Phase::Revoked;
        let mut first = revoked;
        let unclaimed = if revoked {
            // Somebody else's grant only if what is free does not suffice.
            if self.state().covers(n) {
                None
            } else {
                queue.front(GRANTED)
            }
        } else {
            let owner = queue.same_task_baton(turn);
            if owner.is_none() {
                turn.forget_looks();
            }
            owner.filter(|_| turn.may_take_over())
        };
        if let Some(owner) = unclaimed {
            // Back to the word with its permits; if they do not suffice, `pass_on` follows.
            self.word.add(owner.tag());
            owner.revoke();
            first = true;
        }
        let (head, last) = match queue.front(0) {
            Some(head) => (head.is(turn), head.is(turn) && head.is_last()),
            None => (true, true),
        };
        match self.take_or_announce(n, first | head, last) {
            Some(verdict) => verdict,
            None if !turn.can_wait() => Verdict::Rearm,
            None if revoked => Verdict::Front,
            None => Verdict::Stay,
        }
    }

    fn left(&self, left: Left, n: usize) {
        if left == Left::Acquired {
            self.word.add(n);
        }
    }

    #[inline]
    fn pass_on(&self, queue: &mut Locked<'_, 2>) {
        self.pass_on_with(queue, 0);
    }
}

/// Batons that are revoked before the queue is unlocked for a moment.
const WORK: usize = 16;
