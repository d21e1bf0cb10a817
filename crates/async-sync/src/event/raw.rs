//! What [`AutoEvent`](super::AutoEvent) and [`Notify`](super::Notify) have in common: notifications
//! that go to one waiter each.
//!
//! # States
//!
//! The word ([`EventWord`]): `SET` is a notification that was kept for the next who waits (an
//! `AutoEvent` keeps one, a `Notify` none), `WAITING`, and a round that moves whenever all are
//! released together. The queue has two lanes:
//!
//! * lane 0: those who wait, first come, first served;
//! * lane 1: batons, *Notified*, in the order in which they were given. `out` counts them.
//!
//! A waiter is marked with the round in which its future was made.
//!
//! # Transitions
//!
//! ```text
//! wait        SET and nobody waits: SET cleared, ready. Another round: ready.
//!             else, under the queue's lock, WAITING, lane 0
//! notify      under the queue's lock, pass_on: the heads of lane 0 are Notified, lane 1.
//!             An AutoEvent that nobody waits for: SET, one RMW
//! notify_all  under the queue's lock, ROUND += 1 and WAITING cleared; lane 0 is settled
//! polled      Notified, or another round                  ready
//!             Queued, a baton lies with another future    that one is Revoked, this one is ready
//!             of its task, as at two looks
//!             Revoked                                     Notify: ready. AutoEvent: takes SET, or an
//!                                                         unclaimed baton; else the front of lane 0
//! dropped     Notified                                    pass_on: the next one is Notified; nobody
//!                                                         waits: AutoEvent SET, Notify nothing
//! any         the oldest baton is stale, another waits    its holder is Revoked; pass_on
//! try         the same, and nobody waits                  its holder is Revoked
//! ```
//!
//! A `Notify` tells those who listen to look again at something of the caller's. So one that lost its
//! baton completes all the same, when it is polled at last: had it to wait, what happened since would
//! be lost on it. (For the same reason a stale baton is taken away only if somebody else is there to
//! have it.) An `AutoEvent` is itself what is waited for: as many are released as it was set.
//!
//! # Invariants
//!
//! 1. `WAITING` is set iff lane 0 is not empty, while the queue's lock is free; `SET` is clear then.
//!    ([`set`](RawNotify::set) exchanges the word without the lock, but only while `WAITING` is
//!    clear.)
//! 2. `loose`, notifications that came back or are still to be given, is zero while the queue's lock
//!    is free, unless a thread is calling wakers and comes back for them.
//! 3. A waiter queues in the round with which it is marked, so those of older rounds stand before all
//!    others in lane 0. They are there only while a thread that releases them is calling wakers.

use core::fmt;
use core::marker::PhantomData;

use sync_core::atomic::{AtomicUsize, Ordering};
use sync_core::waiters::{
    Driver, Left, Locked, OnUnwind, Phase, Protocol, Turn, Verdict, WaitList,
};
use sync_core::word::{EventState, EventWord};
use sync_core::{clock, const_fn};

/// Where batons lie.
const NOTIFIED: usize = 1;

/// The tag of one that completed without having used up a notification. (No round has it: they have
/// fewer bits.)
const RELEASED: usize = usize::MAX;

/// Whether a notification that nobody waits for is kept.
pub trait Keeping: Send + Sync + 'static {
    /// Whether it is.
    const KEEPS: bool;
}

/// For the next who comes.
#[derive(Debug)]
pub struct Kept;

/// Not at all.
#[derive(Debug)]
pub struct Transient;

impl Keeping for Kept {
    const KEEPS: bool = true;
}

impl Keeping for Transient {
    const KEEPS: bool = false;
}

pub struct RawNotify<K> {
    word: EventWord,
    queue: WaitList<2>,
    /// Batons that are out. This and the next are changed under the queue's lock only.
    out: AtomicUsize,
    loose: AtomicUsize,
    keeping: PhantomData<K>,
}

impl<K: Keeping> RawNotify<K> {
    const_fn! {
        pub(super) const fn new(set: bool) -> Self {
            RawNotify {
                word: EventWord::new(set),
                queue: WaitList::new(),
                out: AtomicUsize::new(0),
                loose: AtomicUsize::new(0),
                keeping: PhantomData,
            }
        }
    }

    /// What a new future is marked with.
    #[inline]
    pub(super) fn round(&self) -> usize {
        // Relaxed: the caller's own knowledge of past rounds.
        self.word.load(Ordering::Relaxed).round()
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        // Acquire: pairs with `set`.
        self.word.load(Ordering::Acquire).is_set()
    }

    #[inline]
    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }

    /// One notification: for the first who waits, else kept.
    #[inline]
    pub(super) fn set(&self) {
        // Release: whoever takes it sees what was done; also if there was one already, so an
        // exchange in any case.
        if self
            .word
            .update(Ordering::Release, EventState::set_for_one)
            .is_err()
        {
            self.set_slow();
        }
    }

    #[inline(never)]
    fn set_slow(&self) {
        // The usual case: nobody has a baton, and nobody is about to give any.
        let notified = self.queue.notify_first(|round, last| {
            // Relaxed: guarded by the lock.
            let state = self.word.load(Ordering::Relaxed);
            if state.round() != round || self.loose.load(Ordering::Relaxed) != 0 {
                return false;
            }
            if last {
                // A store: somebody waits, so nobody else changes the word without the lock, but for
                // `clear`, which finds nothing to clear. Release: as `set`.
                self.word.store(state.drained(), Ordering::Release);
            }
            self.out.store(1, Ordering::Relaxed);
            true
        });
        if !notified {
            self.set_loudly();
        }
    }

    #[cold]
    #[inline(never)]
    fn set_loudly(&self) {
        let mut queue = self.queue.lock();
        self.add(&self.loose, 1);
        self.pass_on(&mut queue);
    }

    /// Takes a kept notification away.
    #[inline]
    pub(super) fn clear(&self) -> bool {
        // AcqRel: as `Event::reset`.
        self.word.clear(Ordering::AcqRel).is_set()
    }

    /// Takes a notification if one is to be had without waiting.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        // Acquire: what was done before it was set is seen.
        let take = || {
            self.word
                .update(Ordering::Acquire, EventState::reset)
                .is_ok()
        };
        if take() {
            return true;
        }
        if !self.queue.has_stale_baton() {
            return false;
        }
        // One lies with a future that nobody polls. Those who wait come first.
        let mut queue = self.queue.lock();
        self.pass_on(&mut queue);
        let patience = queue.patience();
        match queue.front(NOTIFIED) {
            _ if take() => true,
            Some(owner) if patience.is_over(owner.given(), clock::now()) => {
                owner.revoke();
                self.add(&self.out, -1);
                true
            }
            _ => false,
        }
    }

    /// Sees to it that `n` of those who wait are notified, or `n` more. Returns how many more are.
    pub(super) fn notify(&self, n: usize, more: bool) -> usize {
        let mut queue = self.queue.lock();
        self.revoke_stale(&mut queue);
        // Those whose baton was just taken away are notified no longer, and it is owed to others.
        let owed = self.loose.load(Ordering::Relaxed);
        let out = self.out.load(Ordering::Relaxed);
        let wanted = if more {
            n.saturating_add(owed)
        } else {
            n.saturating_sub(out).max(owed)
        };
        // Those who wait now, and nobody who comes while wakers are called.
        let given = wanted.min(queue.len() - out);
        self.loose.store(given, Ordering::Relaxed);
        self.pass_on(&mut queue);
        given
    }

    /// Releases all who wait, and all whose future has been made.
    pub(super) fn notify_all(&self) {
        let again = OnUnwind::new(|| self.release());
        {
            let mut queue = self.queue.lock();
            // Release: all whom it releases see what was done. Acquire: this thread settles them in
            // the name of others that have done the same.
            let _ = self.word.update(Ordering::AcqRel, |s| Some(s.next_round()));
            self.release_locked(&mut queue);
        }
        again.disarm();
    }

    fn release(&self) {
        let again = OnUnwind::new(|| self.release());
        self.release_locked(&mut self.queue.lock());
        again.disarm();
    }

    fn release_locked(&self, queue: &mut Locked<'_, 2>) {
        while let Some(head) = queue.front(0) {
            // Acquire: as in `Event::release`. Those of older rounds stand first.
            if self.word.load(Ordering::Acquire).round() == head.tag() {
                break;
            }
            head.settle(0);
            if !queue.has_room() {
                queue.flush();
            }
        }
        self.drain(queue);
    }

    /// Keeps invariant 1 where lane 0 may have been emptied, or not have been when the round moved.
    fn drain(&self, queue: &mut Locked<'_, 2>) {
        let waiting = queue.front(0).is_some();
        // Relaxed: it publishes nothing; `SET` does not change.
        let _ = self.word.update(Ordering::Relaxed, |s| {
            let new = if waiting {
                s.queued().unwrap_or(s)
            } else {
                s.drained()
            };
            Some(new).filter(|new| *new != s)
        });
    }

    /// Adds to a field that the queue's lock guards.
    #[inline]
    fn add(&self, field: &AtomicUsize, n: isize) {
        // Relaxed: the lock orders those who decide.
        let old = field.load(Ordering::Relaxed);
        field.store(old.wrapping_add_signed(n), Ordering::Relaxed);
    }

    /// Takes stale batons away, as many as there are others to have them. (In the word, two would be one.)
    fn revoke_stale(&self, queue: &mut Locked<'_, 2>) {
        let patience = queue.patience();
        let mut now = None;
        // The oldest baton stands first. Bounded: what is left is met by the next operation.
        for _ in 0..WORK {
            // Relaxed: guarded by the lock.
            let waiting = queue.len() - self.out.load(Ordering::Relaxed);
            if waiting <= self.loose.load(Ordering::Relaxed) {
                return;
            }
            match queue.front(NOTIFIED) {
                Some(owner)
                    if patience.is_over(owner.given(), *now.get_or_insert_with(clock::now)) =>
                {
                    owner.revoke();
                    self.add(&self.out, -1);
                    self.add(&self.loose, 1);
                }
                _ => return,
            }
        }
    }

    /// Calls the wakers, with more to do afterwards.
    fn flush(&self, queue: &mut Locked<'_, 2>) {
        queue.flush_surely(|queue| self.pass_on(queue));
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl<K: Keeping> Protocol<2> for RawNotify<K> {
    const TIMED: bool = false;
    const SETTLES: bool = true;
    const QUIET: bool = true;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList<2> {
        &self.queue
    }

    #[inline]
    fn claim_quietly(&self) {
        self.add(&self.out, -1);
    }

    #[inline]
    fn announce(&self, round: &mut usize) -> bool {
        // The lock is held, so the round does not move, nor does `WAITING`. Acquire: as in `try_now`.
        let state = self.word.load(Ordering::Acquire);
        if state.round() != *round {
            *round = RELEASED;
            return true;
        }
        if state.is_waiting() {
            return false; // hence not set either
        }
        // Acquire: as in `try_now`. Set and waited for it is never, so it may be taken.
        let old = self.word.update(Ordering::Acquire, |s| {
            Some(s.reset().unwrap_or_else(|| s.queued().unwrap_or(s)))
        });
        matches!(old, Ok(s) | Err(s) if s.is_set())
    }

    #[inline]
    fn try_now(&self, round: usize) -> bool {
        // Acquire: pairs with `notify_all`, and below with `set`.
        let state = self.word.load(Ordering::Acquire);
        let take = || {
            self.word
                .update(Ordering::Acquire, EventState::reset)
                .is_ok()
        };
        state.round() != round || K::KEEPS && state.is_set() && take()
    }

    fn arrive(&self, queue: &mut Locked<'_, 2>, turn: &mut Turn<'_>) -> Verdict {
        if queue.same_task_baton(turn).is_some() {
            // The first look of those that end in a take-over.
            turn.may_take_over();
        }
        let mut round = turn.tag();
        let acquired = self.announce(&mut round);
        turn.set_tag(round);
        if acquired {
            Verdict::Acquired
        } else {
            Verdict::Back
        }
    }

    fn turn(&self, queue: &mut Locked<'_, 2>, turn: &mut Turn<'_>) -> Verdict {
        if turn.phase() == Phase::Notified {
            self.claim_quietly();
            return Verdict::Acquired;
        }
        let revoked = turn.phase() == Phase::Revoked;
        // Acquire: as in `try_now`.
        if self.word.load(Ordering::Acquire).round() != turn.tag() || revoked && !K::KEEPS {
            turn.set_tag(RELEASED);
            return Verdict::Acquired;
        }
        let unclaimed = if revoked {
            // One exchange, as in `arrive`: a `set` that came between would find nobody waiting, and
            // this one would not find what it kept.
            let can_wait = turn.can_wait();
            let old = self.word.update(Ordering::Acquire, |s| {
                s.reset().or(if can_wait { s.queued() } else { None })
            });
            match old {
                Ok(s) if s.is_set() => return Verdict::Acquired,
                _ => {}
            }
            queue.front(NOTIFIED)
        } else {
            let owner = queue.same_task_baton(turn);
            if owner.is_none() {
                turn.forget_looks();
            }
            owner.filter(|_| turn.may_take_over())
        };
        if let Some(owner) = unclaimed {
            owner.revoke();
            self.add(&self.out, -1);
            return Verdict::Acquired;
        }
        match (turn.can_wait(), revoked) {
            (false, _) => Verdict::Rearm,
            (true, false) => Verdict::Stay,
            (true, true) => {
                // Not before those of an older round, see invariant 3.
                let first = queue.front(0).is_none_or(|head| head.tag() == turn.tag());
                if first { Verdict::Front } else { Verdict::Back }
            }
        }
    }

    fn left(&self, left: Left, tag: usize) {
        match left {
            Left::Notified => {
                self.add(&self.out, -1);
                self.add(&self.loose, 1);
            }
            // It had used one up, which nobody has heard of.
            Left::Acquired if tag != RELEASED => self.add(&self.loose, 1),
            _ => {}
        }
    }

    fn pass_on(&self, queue: &mut Locked<'_, 2>) {
        self.revoke_stale(queue);
        let mut now = None;
        loop {
            // Relaxed: guarded by the lock.
            let loose = self.loose.load(Ordering::Relaxed);
            let Some(head) = queue.front(0) else {
                self.loose.store(0, Ordering::Relaxed);
                // Release: as `set`, in the name of who set it, whom this thread has seen.
                let _ = self.word.update(Ordering::Release, |s| {
                    let s_new = s.drained();
                    let kept = if K::KEEPS && loose != 0 {
                        s_new.set_for_one().unwrap_or(s_new)
                    } else {
                        s_new
                    };
                    Some(kept).filter(|new| *new != s)
                });
                return;
            };
            if loose == 0 {
                return;
            }
            // Acquire: as in `release_locked`.
            if self.word.load(Ordering::Acquire).round() != head.tag() {
                // Released already, by one that is just calling wakers: it would be wasted on it.
                head.settle(0);
            } else {
                self.loose.store(loose - 1, Ordering::Relaxed);
                head.give(Phase::Notified, *now.get_or_insert_with(clock::now));
                self.add(&self.out, 1);
            }
            if !queue.has_room() {
                self.flush(queue);
                now = None; // foreign code has run
            }
        }
    }
}

/// Batons that one operation takes away at most.
const WORK: usize = if cfg!(any(loom, shuttle)) { 1 } else { 16 };

impl<K: Keeping> fmt::Debug for RawNotify<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawNotify")
            .field("word", &self.word)
            .field("queue", &self.queue)
            .finish()
    }
}
