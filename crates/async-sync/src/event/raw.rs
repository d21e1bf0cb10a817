//! What [`AutoEvent`](super::AutoEvent) and [`Notify`](super::Notify) have in common: notifications
//! that go to one waiter each.
//!
//! # States
//!
//! The word ([`EventWord`]): `SET` is a notification that was kept for the next who waits (an
//! `AutoEvent` keeps one, a `Notify` none), `WAITING`, `KEPT` (some are kept beside the word), and a round
//! that moves whenever all are released together. The queue has two lanes:
//!
//! * lane 0: those who wait, first come, first served;
//! * lane 1: batons, *Notified*, in the order in which they were given. `out` counts them.
//!
//! A waiter is marked with the round in which its future was made. Those of the present round that are
//! Revoked, and neither polled nor dropped since, are the *absent* of an `AutoEvent`: they wait, but are not
//! in the queue. Sets that nobody in lane 0 is there to have are `kept` for them, and counted.
//!
//! # Transitions
//!
//! ```text
//! wait        SET and nobody waits: SET cleared, ready. Another round: ready.
//!             else, under the queue's lock, WAITING, lane 0
//!             An AutoEvent that keeps some for the absent: one of these, ready
//! notify      under the queue's lock, pass_on: the heads of lane 0 are Notified, lane 1.
//!             An AutoEvent that nobody waits for: SET, one RMW; that the absent alone wait for: kept
//! notify_all  under the queue's lock, ROUND += 1 and WAITING cleared; lane 0 is settled. Nobody is
//!             absent any more: of what was kept for them, SET remains
//! polled      Notified, or another round                  ready
//!             Queued, a baton lies with another future    that one is Revoked, this one is ready
//!             of its task, as at two looks
//!             Revoked                                     Notify: ready. AutoEvent: absent no longer; takes
//!                                                         one that is kept, or an unclaimed baton; else
//!                                                         the front of lane 0
//! dropped     Notified                                    pass_on: the next one is Notified; nobody
//!                                                         waits: AutoEvent kept or SET, Notify nothing
//!             Revoked                                     AutoEvent: absent no longer
//! any         the oldest baton is stale, another waits    its holder is Revoked; pass_on
//! try         SET, or some are kept                       takes one
//!             the oldest baton is stale, nobody waits     its holder is Revoked
//! reset       SET, or more are kept than are absent       that one is forgotten
//! ```
//!
//! A `Notify` tells those who listen to look again at something of the caller's. So one that lost its
//! baton completes all the same, when it is polled at last: had it to wait, what happened since would
//! be lost on it. (For the same reason a stale baton is taken away only if somebody else is there to
//! have it.) An `AutoEvent` is itself what is waited for: as many are released as it was set. One that
//! lost its baton may find that others have taken what was set since, but never that two sets were one
//! while it waited.
//!
//! # Invariants
//!
//! 1. `WAITING` is set if lane 0 is not empty or somebody is absent, while the queue's lock is free, and
//!    clear otherwise; `SET` is clear while it is set. ([`set`](RawNotify::set) exchanges the word
//!    without the lock, but only while `WAITING` is clear.) Both but for those of older rounds in lane 0,
//!    and where a thread that empties lane 0 is calling wakers.
//! 2. `loose`, notifications that came back or are still to be given, is zero while the queue's lock
//!    is free, unless a thread is calling wakers and comes back for them.
//! 3. A waiter queues in the round with which it is marked, so those of older rounds stand before all
//!    others in lane 0. They are there only while a thread that releases them is calling wakers. So
//!    where one of the present round has, or had, a baton, there are none.
//! 4. `kept` is at most `absent + 1`, one for each and one that is remembered, and zero if nobody is absent
//!    or lane 0 is not empty. The word has `KEPT` iff it is not zero: who does not lock the queue sees all
//!    that is to be had in one load.

use core::fmt;
use core::marker::PhantomData;

use sync_core::atomic::{AtomicU32, Ordering};
use sync_core::waiters::{
    Driver, Front, Left, Locked, OnUnwind, Phase, Protocol, Turn, Verdict, WaitList,
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
    /// Batons that are out. This and the next three are read and changed under the queue's lock only.
    out: AtomicU32,
    loose: AtomicU32,
    /// Those who wait and are not in the queue, and what is kept for them.
    absent: AtomicU32,
    kept: AtomicU32,
    keeping: PhantomData<K>,
}

impl<K: Keeping> RawNotify<K> {
    const_fn! {
        pub(super) const fn new(set: bool) -> Self {
            RawNotify {
                word: EventWord::new(set),
                queue: WaitList::new(),
                out: AtomicU32::new(0),
                loose: AtomicU32::new(0),
                absent: AtomicU32::new(0),
                kept: AtomicU32::new(0),
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
        let state = self.word.load(Ordering::Acquire);
        state.is_set() || state.is_kept()
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
            if state.round() != round || get(&self.loose) != 0 {
                return false;
            }
            if last && get(&self.absent) == 0 {
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

    /// Takes a notification away for which nobody waits.
    #[inline]
    pub(super) fn clear(&self) -> bool {
        // AcqRel: as `Event::reset`.
        let old = self.word.clear(Ordering::AcqRel);
        old.is_set() || old.is_kept() && self.clear_kept()
    }

    #[cold]
    #[inline(never)]
    fn clear_kept(&self) -> bool {
        let _queue = self.queue.lock();
        // Those who are absent wait.
        if get(&self.kept) > get(&self.absent) {
            return self.take_kept();
        }
        // Who was absent may have come and left it. AcqRel: as above.
        self.word.clear(Ordering::AcqRel).is_set()
    }

    /// Takes a notification if one is to be had without waiting.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        // Acquire: what was done before it was set is seen.
        let take = || self.word.update(Ordering::Acquire, EventState::reset);
        match take() {
            Ok(_) => return true,
            Err(state) if !state.is_kept() && !self.queue.has_stale_baton() => return false,
            Err(_) => {}
        }
        // One is kept, or lies with a future that nobody polls. Those who wait come first.
        let mut queue = self.queue.lock();
        self.pass_on(&mut queue);
        if self.take_kept() || take().is_ok() {
            return true;
        }
        let patience = queue.patience();
        match queue.front(NOTIFIED) {
            Some(owner) if patience.is_over(owner.given(), clock::now()) => self.revoke(owner),
            _ => return false,
        }
        self.rest(&mut queue);
        true
    }

    /// Sees to it that `n` of those who wait are notified, or `n` more. Returns how many more are.
    pub(super) fn notify(&self, n: usize, more: bool) -> usize {
        let mut queue = self.queue.lock();
        self.revoke_stale(&mut queue);
        // Those whose baton was just taken away are notified no longer, and it is owed to others.
        let (owed, out) = (get(&self.loose) as usize, get(&self.out) as usize);
        let wanted = if more {
            n.saturating_add(owed)
        } else {
            n.saturating_sub(out).max(owed)
        };
        // Those who wait now, and nobody who comes while wakers are called.
        let given = wanted.min(queue.len() - out);
        // (A queue is not as long as that.)
        put(&self.loose, u32::try_from(given).unwrap_or(u32::MAX));
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
            // Those are of an older round now.
            put(&self.absent, 0);
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
        self.rest(queue);
    }

    /// Keeps the invariants where lane 0 may have been emptied, or somebody be absent. (If somebody of this
    /// round is in lane 0, `WAITING` has been set since the round began.)
    fn rest(&self, queue: &mut Locked<'_, 2>) {
        if queue.front(0).is_none() {
            self.keep();
        }
    }

    /// Lane 0 is empty: what is loose, kept, or in the word, is for the absent, and one is remembered.
    fn keep(&self) {
        let absent = get(&self.absent);
        let beside = get(&self.kept) + get(&self.loose);
        let happened = |s: EventState| {
            let all = beside.saturating_add(u32::from(s.is_set()));
            if K::KEEPS {
                all.min(absent.saturating_add(1))
            } else {
                0
            }
        };
        // Release: as `set`, in the name of who set it, whom this thread has seen. Acquire: who takes what
        // was in the word and is kept beside it sees by the lock what was done.
        let (Ok(old) | Err(old)) = self.word.update(Ordering::AcqRel, |s| {
            let new = s.deserted(absent != 0, happened(s) != 0);
            Some(new).filter(|new| *new != s)
        });
        put(&self.loose, 0);
        put(&self.kept, if absent == 0 { 0 } else { happened(old) });
    }

    /// Takes one of those that are kept for the absent.
    fn take_kept(&self) -> bool {
        let some = get(&self.kept) != 0;
        if some {
            self.add(&self.kept, -1);
            self.keep(); // lane 0 is empty
        }
        some
    }

    /// Adds to a field that the queue's lock guards.
    #[inline]
    fn add(&self, field: &AtomicU32, n: i32) {
        put(field, get(field).wrapping_add_signed(n));
    }

    /// Takes a baton away from `owner`. One who waits for an `AutoEvent` of the present round is absent then.
    fn revoke(&self, owner: Front<'_, '_, 2>) {
        // Relaxed: the round moves under the lock.
        if K::KEEPS && owner.tag() == self.word.load(Ordering::Relaxed).round() {
            let more = get(&self.absent).checked_add(1);
            put(&self.absent, more.expect("2^32 waiters are not polled"));
        }
        owner.revoke();
        self.add(&self.out, -1);
    }

    /// Takes stale batons away, as many as there are others to have them: what nobody else waits for, its
    /// holder may as well find.
    fn revoke_stale(&self, queue: &mut Locked<'_, 2>) {
        let patience = queue.patience();
        let mut now = None;
        // The oldest baton stands first. Bounded: what is left is met by the next operation.
        for _ in 0..WORK {
            let waiting = queue.len() - get(&self.out) as usize;
            if waiting <= get(&self.loose) as usize {
                return;
            }
            match queue.front(NOTIFIED) {
                Some(owner)
                    if patience.is_over(owner.given(), *now.get_or_insert_with(clock::now)) =>
                {
                    self.revoke(owner);
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
    const COUNTS_REVOKED: bool = K::KEEPS;

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
            // Hence not set. Kept it is only if nobody is in lane 0.
            return K::KEEPS && self.take_kept();
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
            if get(&self.kept) == 0 && queue.front(NOTIFIED).is_none() && !turn.can_wait() {
                return Verdict::Rearm;
            }
            // `pass_on` follows. Until then `WAITING` is set, so no `set` comes between.
            self.add(&self.absent, -1);
            if self.take_kept() {
                return Verdict::Acquired;
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
            self.revoke(owner);
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
            // Relaxed: the round moves under the lock. Those of older rounds are not counted.
            Left::Revoked if tag == self.word.load(Ordering::Relaxed).round() => {
                self.add(&self.absent, -1);
            }
            _ => {}
        }
    }

    fn pass_on(&self, queue: &mut Locked<'_, 2>) {
        self.revoke_stale(queue);
        let mut now = None;
        loop {
            let loose = get(&self.loose);
            let Some(head) = queue.front(0) else {
                return self.keep();
            };
            debug_assert_eq!(get(&self.kept), 0, "somebody is there to have it");
            if loose == 0 {
                return;
            }
            // Acquire: as in `release_locked`.
            if self.word.load(Ordering::Acquire).round() != head.tag() {
                // Released already, by one that is just calling wakers: it would be wasted on it.
                head.settle(0);
            } else {
                put(&self.loose, loose - 1);
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

/// Reads a field that the queue's lock guards.
#[inline]
fn get(field: &AtomicU32) -> u32 {
    field.load(Ordering::Relaxed) // the lock orders those who decide
}

/// Writes it.
#[inline]
fn put(field: &AtomicU32, n: u32) {
    field.store(n, Ordering::Relaxed); // as above
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
