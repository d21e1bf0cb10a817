//! The mutex without a value: state machine, queue discipline, Go's unguarded interface.
//!
//! # States
//!
//! The word ([`LockWord`]) says whether the lock is held and what its holder has to do when it lets
//! go; the queue ([`WaitList`], one lane) says who waits. At most one waiter has a baton, and it is
//! the head of the queue:
//!
//! * *Notified*: it was woken and competes with newcomers. The word's `NOTIFIED` spares the
//!   releases meanwhile another wake-up.
//! * *Granted*: it owns the lock (`LOCKED` is set in its name).
//!
//! # Transitions
//!
//! ```text
//! lock     free, policy lets newcomers in     LOCKED (and a barge is counted if somebody waits)
//!          else                               WAITING, queue at the tail
//! unlock   nobody waits, or a young notification is out: clear LOCKED, one RMW.
//!          else, under the queue's lock, in one store:
//!            fifo, starving, barges used up   LOCKED stays, head Granted: a hand-over
//!            else                             LOCKED cleared, NOTIFIED, head Notified
//!          a waiter that comes between         LOCKED is cleared already: the same, by exchange
//! polled   Notified, free                     LOCKED, out of the queue
//!          Notified, held by a newcomer       stays the head, Queued; waited > 1 ms: STARVING
//!          Granted                            out of the queue; last, or waited < 1 ms: not STARVING
//!          Queued, the baton lies with another future of its task, as it did at two looks:
//!                                             that one is Revoked and this one takes the baton
//!          Queued, at three looks the lock is free and the head does not come: as a newcomer
//!          Revoked                            takes any unclaimed baton, else the front of the queue
//! dropped  with a baton                       it is passed on
//! any      the baton is stale                 its holder is Revoked, the next is handed the lock
//! ```
//!
//! # Invariants
//!
//! 1. `WAITING` is set whenever the queue's lock is free and the queue is not empty.
//! 2. If the queue is not empty, then somebody holds the lock, or the head has a baton, or a thread
//!    is about to run `pass_on` (it has cleared `LOCKED` and waits for the queue's lock).
//!    So a waiter that only queues, or only takes what it was given, need not pass anything on.
//! 3. `NOTIFIED` is set iff the head is Notified.
//!
//! Why a release that sees `NOTIFIED` may leave: the notified head will be polled and either takes
//! the lock, or finds it held and clears `NOTIFIED` in the very exchange that sees it held, so that
//! this holder's release will not leave. If it is not polled, the baton grows old.

use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use sync_core::atomic::Ordering;
use sync_core::waiters::{
    Driver, Home, Left, Locked, Phase, Protocol, Turn, Verdict, WaitList, Waiting,
};
use sync_core::word::{LockState, LockWord};
use sync_core::{clock, const_fn};

use super::condition;
use super::policy::{Adaptive, Policy};

/// A mutual-exclusion lock without a value, Go's `sync.Mutex`.
///
/// Any task may unlock what another one locked; nothing ties the lock to what it protects. Use
/// [`Mutex`](super::Mutex) unless that is what you need.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::RawMutex;
///
/// static TURN: RawMutex = RawMutex::new();
///
/// TURN.lock().await;
/// assert!(!TURN.try_lock());
/// TURN.unlock(); // by this task or any other
/// # });
/// ```
#[doc(alias = "sync.Mutex")]
pub struct RawMutex<P: Policy = Adaptive> {
    word: LockWord,
    queue: WaitList,
    policy: PhantomData<P>,
}

impl<P: Policy> RawMutex<P> {
    const_fn! {
        /// An unlocked mutex.
        #[must_use]
        pub const fn new() -> Self {
            RawMutex { word: LockWord::new(), queue: WaitList::new(), policy: PhantomData }
        }
    }

    /// Waits for the lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; if it had been given the lock, the next
    /// in line gets it.
    ///
    /// # Fairness
    ///
    /// See the [policies](super::Policy).
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "Lock")]
    #[inline]
    pub fn lock(&self) -> RawLock<'_, P> {
        RawLock {
            waiting: Waiting::borrowed(self, 0),
        }
    }

    /// Takes the lock if that is possible at once.
    ///
    /// Returns `false` if the lock is held, about to go to a waiter that was woken, or starving.
    #[doc(alias = "TryLock")]
    #[inline]
    #[must_use = "the lock must be unlocked if this returns true"]
    pub fn try_lock(&self) -> bool {
        self.word.try_take_free() || self.try_lock_slow()
    }

    #[cold]
    fn try_lock_slow(&self) -> bool {
        let attempt = || {
            let join = |s: LockState| {
                if s.is_notified() {
                    None
                } else {
                    s.join(P::RULE)
                }
            };
            // Acquire: what the last owner did is seen.
            self.word.update(Ordering::Acquire, join).is_ok()
        };
        attempt()
            || self.queue.has_stale_baton() && {
                // The lock may be reserved for a future that nobody polls.
                self.pass_on(&mut self.queue.lock());
                attempt()
            }
    }

    /// Takes the lock, blocking this thread until that is possible.
    ///
    /// Waits in the same queue as [`lock`](Self::lock). Works inside and outside of runtimes; on a
    /// runtime's worker thread it blocks that worker.
    #[cfg(feature = "std")]
    pub fn lock_blocking(&self) {
        // Parking costs some 20 us, a short critical section far less: look again a few times, as
        // long as nobody is queued who should come first.
        for _ in 0..SPINS {
            if self.try_lock() {
                return;
            }
            if self.word.load(Ordering::Relaxed).is_waiting() {
                break;
            }
            core::hint::spin_loop();
        }
        sync_core::park::block_on(self.lock());
    }

    /// Lets go of the lock. Need not be called by the task that locked it.
    ///
    /// # Panics
    ///
    /// `unlock of unlocked mutex`, if nobody holds the lock. The mutex stays usable.
    #[doc(alias = "Unlock")]
    #[inline]
    pub fn unlock(&self) {
        match self.word.release_checked() {
            Ok(old) if old.is_only_locked() => {}
            Ok(old) => self.unlock_slow(old, true),
            Err(_) => panic!("unlock of unlocked mutex"),
        }
    }

    /// The same for a guard, which cannot be mistaken about holding the lock. If it has not
    /// `changed` what the lock protects, those who wait for a change are left alone.
    #[inline]
    pub(crate) fn unlock_held(&self, changed: bool) {
        // Relaxed: a hint. What comes between, the exchange sees.
        let state = self.word.load(Ordering::Relaxed);
        if !state.is_only_locked() {
            return self.unlock_contended(state, changed);
        }
        let old = self.word.release();
        if !old.is_only_locked() {
            self.unlock_slow(old, changed);
        }
    }

    #[inline(never)]
    fn unlock_contended(&self, state: LockState, changed: bool) {
        if state.is_waiting() && !self.somebody_comes(state) {
            // The owner lets go for the benefit of those who wait, without ever freeing the lock if
            // it goes to one of them. In a destructor: a waker that panics on the way must not cost
            // others the news.
            let _news = (changed && state.has_condition()).then(|| TellChange(self));
            self.pass_on_as::<true>(&mut self.queue.lock());
            return;
        }
        let old = self.word.release();
        // What has been looked at is not looked at twice.
        if old != state || old.has_condition() {
            self.unlock_slow(old, changed);
        }
    }

    #[inline(never)]
    fn unlock_slow(&self, old: LockState, changed: bool) {
        // In a destructor, as above.
        let _news = (changed && old.has_condition()).then(|| TellChange(self));
        if old.is_waiting() && !self.somebody_comes(old) {
            self.pass_on(&mut self.queue.lock());
        }
    }

    /// Whether the waiter that was notified will see to the lock once it is released.
    ///
    /// It is trusted for a millisecond. The clock is looked at while no more than four newcomers have
    /// passed it, and then after every eighth: a look costs more than the rest of a release.
    #[inline]
    fn somebody_comes(&self, state: LockState) -> bool {
        let looks = state.barges() <= 4 || state.barges().is_multiple_of(8);
        state.is_notified()
            && !state.must_hand_over(P::RULE)
            && !(looks && self.queue.has_stale_baton())
    }

    /// Notes, while the lock is held, that somebody waits for a change.
    pub(super) fn expect_change(&self) {
        // Relaxed: the owner's release publishes it, in the same word.
        let _ = self
            .word
            .update(Ordering::Relaxed, |s| Some(s.conditional()));
    }

    #[cfg(all(test, loom))]
    pub(super) fn word(&self) -> &LockWord {
        &self.word
    }

    /// What `condition` knows this lock by.
    pub(super) fn address(&self) -> usize {
        core::ptr::from_ref(&self.word).addr()
    }

    /// Whether somebody holds the lock: a snapshot.
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.word.load(Ordering::Relaxed).is_locked()
    }

    /// Whether the lock is handed over directly because somebody waits too long: a snapshot.
    #[inline]
    #[must_use]
    pub fn is_starving(&self) -> bool {
        self.word.load(Ordering::Relaxed).is_starving()
    }

    /// How many futures are queued: a snapshot.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.queue.len()
    }

    /// A snapshot of the lock's state, for monitoring.
    #[must_use]
    pub fn metrics(&self) -> MutexMetrics {
        let state = self.word.load(Ordering::Relaxed);
        MutexMetrics {
            is_locked: state.is_locked(),
            is_woken: state.is_notified(),
            is_starving: state.is_starving(),
            waiters: self.queue.len(),
        }
    }

    /// Gives the lock, or the notification, to the head of the queue. `OWNER`: the caller holds the
    /// lock and gives it up here; otherwise nothing happens while somebody holds it.
    #[inline]
    fn pass_on_as<const OWNER: bool>(&self, queue: &mut Locked<'_, 1>) {
        // Somebody was not polled in time: the next one does not have to compete.
        let mut late = false;
        let mut now = None;
        loop {
            let alone = queue.len() == 1;
            let patience = queue.patience();
            let Some(head) = queue.front(0) else {
                self.change::<OWNER>(|s| {
                    let s = s.drained();
                    Some(if OWNER { s.released() } else { s })
                });
                return;
            };
            let phase = head.phase();
            if phase.is_baton() {
                let tick = clock::now();
                now = Some(tick);
                if patience.is_over(head.given(), tick) {
                    late = true;
                    if phase == Phase::Granted {
                        // (So the caller is not the owner.)
                        head.revoke();
                        // Relaxed: as in `left`.
                        let _ = self.word.update(Ordering::Relaxed, |s| Some(s.released()));
                        continue;
                    }
                    if !alone {
                        head.revoke();
                        self.change::<OWNER>(|s| Some(s.unnotified()));
                        continue;
                    }
                    // The only waiter is not revoked but handed the lock: its task may sit in a run
                    // queue behind the very loop that keeps taking the lock.
                }
            }
            let state = self.word.load(Ordering::Relaxed);
            if state.is_locked() && !OWNER {
                return; // its owner will come here
            }
            let starves = P::STARVES
                && (late
                    || state.barges() != 0
                        && clock::is_stale(head.since(), *now.get_or_insert_with(clock::now)));
            let hand_over = |s: LockState| late || starves || s.must_hand_over(P::RULE);
            let given = self.change::<OWNER>(|s| {
                let s = if OWNER { s.released() } else { s };
                if hand_over(s) {
                    s.hand_over(starves)
                } else {
                    // Refused: the head knows already.
                    s.notify().or(OWNER.then_some(s))
                }
            });
            // None: a newcomer has it, or the head knows already.
            if let Some(old) = given {
                let phase = if hand_over(old) {
                    Phase::Granted
                } else if old.is_notified() {
                    return;
                } else {
                    Phase::Notified
                };
                head.give(phase, now.unwrap_or_else(clock::now));
            }
            return;
        }
    }

    /// Changes the word under the queue's lock. Returns what it was before, if it changed.
    #[inline]
    fn change<const OWNER: bool>(
        &self,
        next: impl Fn(LockState) -> Option<LockState>,
    ) -> Option<LockState> {
        if OWNER {
            let old = self.word.load(Ordering::Relaxed);
            if let Some(new) = next(old) {
                self.word.hand_on(new);
            }
            return Some(old);
        }
        // Acquire: a grant takes the lock in the name of the head, which sees what the last owner
        // did through this thread and the queue's lock.
        self.word
            .update(Ordering::Acquire, |s| next(s).filter(|new| *new != s))
            .ok()
    }

    /// The owner of a grant takes it: the lock is its already.
    fn own(&self, queue: &Locked<'_, 1>, turn: &Turn<'_>) {
        // Relaxed, here and below: the flags are changed under the queue's lock, and the lock
        // itself does not change hands in these exchanges.
        if turn.others(queue) == 0 {
            let _ = self.word.update(Ordering::Relaxed, |s| Some(s.drained()));
        } else if self.word.load(Ordering::Relaxed).is_starving()
            && !clock::is_stale(turn.since(), clock::now())
        {
            let _ = self.word.update(Ordering::Relaxed, |s| Some(s.normal()));
        }
    }

    /// The notified head competes with newcomers.
    fn retry(&self, queue: &Locked<'_, 1>, turn: &Turn<'_>) -> Verdict {
        let last = turn.others(queue) == 0;
        if !turn.can_wait() {
            // Most likely it need not wait, and a waker need not be cloned for nothing.
            return match self.word.update(Ordering::Acquire, |s| s.enter(last)) {
                Ok(_) => Verdict::Acquired,
                Err(_) => Verdict::Rearm,
            };
        }
        let starves = P::STARVES && clock::is_stale(turn.since(), clock::now());
        // One exchange decides: it takes the lock, or voids the notification while the lock is
        // held. Acquire, for the first case.
        let old = self.word.update(Ordering::Acquire, |s| {
            Some(s.enter(last).unwrap_or({
                let lost = s.unnotified();
                if starves { lost.starving() } else { lost }
            }))
        });
        match old {
            Ok(old) if !old.is_locked() => Verdict::Acquired,
            _ => Verdict::Stay,
        }
    }

    /// A waiter without a baton is polled: queued, or back after it lost its baton.
    fn compete(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        let mut first = turn.phase() == Phase::Revoked;
        let mut newcomer = false;
        if let Some(head) = queue.front(0).filter(|head| head.phase().is_baton()) {
            let same_task = head.is_of_same_task(turn);
            // Where newcomers may pass the queue, so may a waiter that is polled again and again
            // while the head, in whichever task, is not.
            let passes = turn.phase() == Phase::Queued
                && !P::RULE.fifo
                && !self.word.load(Ordering::Relaxed).is_locked();
            let may = if same_task || passes {
                turn.may_take_over()
            } else {
                turn.forget_looks();
                false
            };
            newcomer |= may;
            if first || same_task && may {
                let granted = head.phase() == Phase::Granted;
                head.revoke();
                if granted {
                    self.own(queue, turn);
                    return Verdict::Acquired;
                }
                let _ = self
                    .word
                    .update(Ordering::Relaxed, |s| Some(s.unnotified()));
                first = true;
            }
        } else {
            turn.forget_looks();
        }
        let last = turn.others(queue) == 0;
        first |= last || queue.front(0).is_some_and(|head| head.is(turn));
        let take = |s: LockState| match () {
            () if first => s.enter(last),
            () if newcomer => s.join(P::RULE),
            () => None,
        };
        match self.take_or_announce(take) {
            true => Verdict::Acquired,
            false if !turn.can_wait() => Verdict::Rearm,
            false if turn.phase() == Phase::Revoked => Verdict::Front,
            false => Verdict::Stay,
        }
    }

    /// One exchange decides: it takes the lock, or announces a waiter while the lock is not to be
    /// had. Returns which.
    #[inline]
    fn take_or_announce(&self, take: impl Fn(LockState) -> Option<LockState>) -> bool {
        // Acquire, for the first case.
        let old = self.word.update(Ordering::Acquire, |s| {
            Some(take(s).unwrap_or(s.queued())).filter(|new| *new != s)
        });
        old.is_ok_and(|old| take(old).is_some())
    }
}

/// Tells those who wait for the value to change.
struct TellChange<'a, P: Policy>(&'a RawMutex<P>);

impl<P: Policy> Drop for TellChange<'_, P> {
    fn drop(&mut self) {
        // Relaxed: whoever waits for a change sets the flag while it holds the lock, and takes the
        // lock again before it looks.
        let _ = self
            .0
            .word
            .update(Ordering::Relaxed, |s| Some(s.unconditional()));
        condition::changed(self.0.address());
    }
}

/// How often a blocking call looks before it parks: one to two microseconds.
#[cfg(feature = "std")]
const SPINS: u32 = 50;

// SAFETY: `queue` returns the field, always the same.
unsafe impl<P: Policy> Protocol<1> for RawMutex<P> {
    const TIMED: bool = P::STARVES;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        // The second line is for a lock that is free while somebody waits.
        self.word.try_take_free()
            || self
                .word
                .update(Ordering::Acquire, |s| s.join(P::RULE))
                .is_ok()
    }

    #[inline]
    fn claim(&self, queue: &mut Locked<'_, 1>, turn: &Turn<'_>) {
        self.own(queue, turn);
    }

    #[inline]
    fn arrive(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        let alone = match queue.front(0) {
            None => true,
            Some(head) => {
                if head.phase().is_baton() && head.is_of_same_task(turn) {
                    // The first look of those that end in a take-over.
                    turn.may_take_over();
                }
                false
            }
        };
        let take = |s: LockState| {
            if alone {
                s.enter(true)
            } else {
                s.join(P::RULE)
            }
        };
        match self.take_or_announce(take) {
            true => Verdict::Acquired,
            false => Verdict::Back,
        }
    }

    fn turn(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        match turn.phase() {
            Phase::Notified => self.retry(queue, turn),
            _ => self.compete(queue, turn),
        }
    }

    fn left(&self, left: Left, _: usize) {
        // Relaxed: whoever leaves has done nothing under the lock, and the exchange continues the
        // release of the owner before it.
        let _ = match left {
            Left::Queued | Left::Revoked => return,
            Left::Notified => self
                .word
                .update(Ordering::Relaxed, |s| Some(s.unnotified())),
            Left::Acquired => self.word.update(Ordering::Relaxed, |s| Some(s.released())),
        };
    }

    #[inline]
    fn pass_on(&self, queue: &mut Locked<'_, 1>) {
        self.pass_on_as::<false>(queue);
    }
}

// SAFETY: it changes the word only.
unsafe impl<P: Policy> Home<1> for RawMutex<P> {
    #[inline]
    fn moved_in(&self, _: &mut Locked<'_, 1>, tag: usize) -> usize {
        // Relaxed: as where a newcomer announces itself; the lock is not taken here.
        let _ = self.word.update(Ordering::Relaxed, |s| {
            Some(s.queued()).filter(|new| *new != s)
        });
        tag
    }
}

impl<P: Policy> Default for RawMutex<P> {
    fn default() -> Self {
        RawMutex::new()
    }
}

impl<P: Policy> fmt::Debug for RawMutex<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.metrics().fmt(f)
    }
}

/// A snapshot of a mutex, taken without stopping anybody.
///
/// The numbers belong to about the same moment, not to exactly the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MutexMetrics {
    /// Somebody holds the lock.
    pub is_locked: bool,
    /// A waiter was woken and is about to try.
    pub is_woken: bool,
    /// The lock is handed over directly because somebody waits too long.
    pub is_starving: bool,
    /// Futures in the queue.
    pub waiters: usize,
}

impl MutexMetrics {
    /// How many hold the lock or wait for it.
    #[doc(alias = "Count")]
    #[must_use]
    pub fn count(&self) -> usize {
        self.waiters + usize::from(self.is_locked)
    }
}

pin_project! {
    /// The future of [`RawMutex::lock`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct RawLock<'a, P: Policy = Adaptive> {
        #[pin]
        waiting: Waiting<&'a RawMutex<P>>,
    }
}

impl<P: Policy> Future for RawLock<'_, P> {
    type Output = ();

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A mutex refuses nobody.
        self.project().waiting.poll(cx).map(|_| ())
    }
}
