//! The state machine of everything that is done once: who may do it, and who waits for it.
//!
//! # States
//!
//! The word ([`OnceWord`]) says whether it is done, and whether somebody has the right to do it. That
//! right is a lock which is held while the initialiser runs. There are two queues of one lane:
//!
//! * the *line* ([`Line`]): those who have an initialiser and want the right, first come, first
//!   served. At most one of them, the head, has a baton: it is *Granted* the right (`RUNNING` is set in
//!   its name) and has not begun yet;
//! * the *watchers*: those who only wait until it is done. They never get the right.
//!
//! # Transitions
//!
//! ```text
//! begin     free, nobody waits                 RUNNING
//!           else                               WAITING, the tail of the line
//! set       free                               RUNNING, also past those who wait: it is done at once
//! watch     not done                           WATCHED, the tail of the watchers
//! complete  DONE instead of RUNNING, both flags cleared, one exchange. Then, under the lock of each
//!           queue that the flags speak of, everybody in it whose round is over is settled
//! give up   RUNNING cleared. Somebody waits: under the line's lock, RUNNING, head Granted
//! reset     done: the next round. RUNNING: refused
//! polled    done, or another round             refused: there is nothing left to do
//!           Granted                            begins
//!           Queued, the baton lies with another future of its task, as it did at two looks:
//!                                              that one is Revoked and this one begins
//!           Revoked                            takes any unclaimed baton, else the front of the line
//! dropped   Granted                            gives up
//! any       the baton is stale                 its holder is Revoked, the next one is granted the right
//! ```
//!
//! # Invariants
//!
//! 1. `WAITING` is set whenever the line's lock is free and somebody of the present round is in it;
//!    `WATCHED` likewise.
//! 2. If somebody of the present round stands in the line, then somebody has the right, or the head is
//!    Granted, or a thread is about to run `pass_on` (it has cleared `RUNNING` and waits for the
//!    line's lock).
//! 3. Waiters stand in the order of their rounds, since a later one reads the word under the lock
//!    after an earlier one did; a revoked one had been the head, so nobody of an older round stood
//!    before it. So those whose round is over are a prefix of the queue.
//! 4. If a queued waiter's round is over, a thread is about to settle it.
//!
//! Why rounds: between a completion and the settling of those who wait, somebody may reset and begin
//! again. Those who queue then must not be told of the old completion, and those of the old round
//! must be.

use sync_core::atomic::Ordering;
use sync_core::waiters::{
    Driver, Left, Locked, OnUnwind, Phase, Protocol, Turn, Verdict, WaitList,
};
use sync_core::word::{OnceState, OnceWord};
use sync_core::{clock, const_fn};

/// Somebody else has done it.
const FINISHED: u8 = 1;

/// The word, the line and the watchers.
#[derive(Debug)]
pub(crate) struct RawOnce {
    line: Line,
    watchers: WaitList,
}

/// The word, and those who want to do it.
#[derive(Debug)]
pub(crate) struct Line {
    word: OnceWord,
    queue: WaitList,
}

impl RawOnce {
    const_fn! {
        pub(super) const fn new(state: OnceState) -> Self {
            RawOnce {
                line: Line { word: OnceWord::new(state), queue: WaitList::new() },
                watchers: WaitList::new(),
            }
        }
    }

    /// What futures wait for that want to do it.
    #[inline]
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    /// Whether it is done. If so, what was done is seen.
    #[inline(always)]
    pub(super) fn is_done(&self) -> bool {
        // Acquire: pairs with the Release of `complete`.
        self.line.word.load(Ordering::Acquire).is_done()
    }

    /// Whether somebody has the right to do it: a snapshot.
    #[inline]
    pub(super) fn is_running(&self) -> bool {
        self.line.word.load(Ordering::Relaxed).is_running()
    }

    /// How many futures are queued: a snapshot.
    #[inline]
    pub(super) fn waiters(&self) -> usize {
        self.line.queue.len() + self.watchers.len()
    }

    /// Takes the right if nobody has it, also past those who wait for it: the caller is done with it
    /// in a moment.
    ///
    /// # Errors
    ///
    /// The state that does not allow it.
    pub(super) fn try_begin(&self) -> Result<Running<'_>, OnceState> {
        let begin = || {
            // Acquire: what the one before has left is seen.
            self.line.word.update(Ordering::Acquire, OnceState::begin)
        };
        let begun = match begin() {
            Err(state) if state.is_running() && self.take_stale_right() => begin(),
            other => other,
        };
        begun.map(|_| Running(self))
    }

    /// The right, for whoever has been told that it is theirs.
    #[inline]
    pub(super) fn begun(&self) -> Running<'_> {
        debug_assert!(self.is_running());
        Running(self)
    }

    /// Back to the beginning, if it is done. Nothing happens if it has not begun.
    ///
    /// # Errors
    ///
    /// The state, if it is being done.
    pub(super) fn reset(&self) -> Result<(), OnceState> {
        let reset = || {
            // Acquire: what was done is seen by whoever undoes it. Release: that is seen by whoever
            // does it again.
            match self.line.word.update(Ordering::AcqRel, OnceState::reset) {
                Err(state) if state.is_running() => Err(state),
                _ => Ok(()),
            }
        };
        match reset() {
            Err(_) if self.take_stale_right() => reset(),
            other => other,
        }
    }

    /// Takes the right away from a future that was given it and is not polled. Returns whether there
    /// was anything to take.
    pub(super) fn take_stale_right(&self) -> bool {
        let stale = self.line.queue.has_stale_baton();
        if stale {
            self.line.serve(&mut self.line.queue.lock());
        }
        stale
    }

    /// It is done: everybody is told.
    fn complete(&self) {
        // Release: whoever sees that it is done sees what was done.
        let old = self
            .line
            .word
            .update(Ordering::Release, OnceState::complete)
            .expect("somebody has the right");
        // In a destructor: a waker of the line that panics must not cost the watchers the news.
        let _news = old.is_watched().then(|| TellWatchers(self));
        if old.is_waiting() {
            let again = OnUnwind::new(|| self.line.serve(&mut self.line.queue.lock()));
            self.line.serve(&mut self.line.queue.lock());
            again.disarm();
        }
    }

    fn settle_watchers(&self) {
        let again = OnUnwind::new(|| self.settle_watchers());
        let mut queue = self.watchers.lock();
        while let Some(head) = queue.front(0) {
            // Acquire: a watcher may be settled here in the name of another thread, which has
            // completed a newer round, and it must see what was done in that one, too.
            let state = self.line.word.load(Ordering::Acquire);
            if !state.is_over_for(head.tag()) {
                break;
            }
            head.settle(0);
            if !queue.has_room() {
                queue.flush();
            }
        }
        // Before the wakers of the last batch, behind whom there is nobody.
        again.disarm();
    }
}

struct TellWatchers<'a>(&'a RawOnce);

impl Drop for TellWatchers<'_> {
    fn drop(&mut self) {
        self.0.settle_watchers();
    }
}

/// The right to do it. Gives it up on drop.
#[derive(Debug)]
pub(crate) struct Running<'a>(&'a RawOnce);

impl Running<'_> {
    /// It is done.
    pub(super) fn complete(self) {
        let raw = self.0;
        core::mem::forget(self);
        raw.complete();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let line = &self.0.line;
        // Release: the next one sees what was done, and undone, in vain.
        let old = line.word.update(Ordering::Release, OnceState::give_up);
        if old.is_ok_and(OnceState::is_waiting) {
            line.serve(&mut line.queue.lock());
        }
    }
}

impl Line {
    /// Calls the wakers, with more to do afterwards.
    fn flush(&self, queue: &mut Locked<'_, 1>) {
        queue.flush_surely(|queue| self.serve(queue));
    }

    /// Settles those whose round is over, revokes a stale baton, gives the right to the head if nobody
    /// has it.
    fn serve(&self, queue: &mut Locked<'_, 1>) {
        loop {
            let patience = queue.patience();
            let Some(head) = queue.front(0) else {
                // Relaxed: the flag is changed under the queue's lock and publishes nothing.
                let _ = self.word.update(Ordering::Relaxed, |s| {
                    Some(s.drained()).filter(|new| *new != s)
                });
                return;
            };
            // Acquire: whoever is settled here may have been waiting for another thread's completion.
            let state = self.word.load(Ordering::Acquire);
            let round = head.tag();
            if state.is_over_for(round) {
                // (It is not Granted: while it has the right, its round goes on.)
                debug_assert!(!head.phase().is_baton());
                head.settle(FINISHED);
                if !queue.has_room() {
                    self.flush(queue);
                }
            } else if head.phase().is_baton() {
                if !patience.is_over(head.given(), clock::now()) {
                    return;
                }
                head.revoke();
                // Relaxed: as in `left`.
                let _ = self.word.update(Ordering::Relaxed, OnceState::give_up);
            } else {
                // Acquire: the head sees what the one before it did, through this thread and the
                // queue's lock.
                match self
                    .word
                    .update(Ordering::Acquire, |s| s.begin_round(round))
                {
                    Ok(_) => return head.give(Phase::Granted, clock::now()),
                    // Its round has ended this moment.
                    Err(state) if state.is_over_for(round) => {}
                    // Whoever has the right will come here.
                    Err(_) => return,
                }
            }
        }
    }

    /// One exchange decides: it takes the right, if the waiter is `first`, or announces a waiter while
    /// it is not to be had; nothing, if the round for which the waiter is queued (if it is) is over.
    /// `last`: nobody else waits.
    ///
    /// # Errors
    ///
    /// The round that the waiter has to wait for.
    fn begin_or_announce(
        &self,
        queued_for: Option<usize>,
        first: bool,
        last: bool,
    ) -> Result<Verdict, usize> {
        let is_over = |s: OnceState| queued_for.map_or(s.is_done(), |round| s.is_over_for(round));
        let begin = |s: OnceState| {
            let begun = if first { s.begin() } else { None };
            begun.map(|new| if last { new.drained() } else { new })
        };
        // Acquire: what the one before has left is seen.
        let old = self.word.update(Ordering::Acquire, |s| {
            let new = if is_over(s) {
                None
            } else {
                begin(s).or_else(|| s.queued())
            };
            new.filter(|new| *new != s)
        });
        match old {
            Ok(old) if begin(old).is_some() => Ok(Verdict::Acquired),
            Err(state) if is_over(state) => {
                // Acquire: what was done is seen. (The exchange that was refused has seen nothing.)
                let _ = self.word.load(Ordering::Acquire);
                Ok(Verdict::Refused(FINISHED))
            }
            // Not a later look at the word: the round might have moved on, to one in which nobody has
            // announced this waiter.
            Ok(state) | Err(state) => Err(state.round()),
        }
    }

    /// A waiter takes over a right that it was given already, in another's name.
    fn own(&self, queue: &Locked<'_, 1>, turn: &Turn<'_>) {
        if turn.others(queue) == 0 {
            // Relaxed: the flag is changed under the queue's lock and publishes nothing.
            let _ = self.word.update(Ordering::Relaxed, |s| Some(s.drained()));
        }
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for Line {
    const TIMED: bool = false;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        // Acquire: what the one before has left is seen.
        self.word.update(Ordering::Acquire, OnceState::join).is_ok()
    }

    fn claim(&self, queue: &mut Locked<'_, 1>, turn: &Turn<'_>) {
        self.own(queue, turn);
    }

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
        self.begin_or_announce(None, alone, alone)
            .unwrap_or_else(|round| {
                turn.set_tag(round);
                Verdict::Back
            })
    }

    fn turn(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        // Acquire: what was done is seen.
        let state = self.word.load(Ordering::Acquire);
        if state.is_over_for(turn.tag()) {
            return Verdict::Refused(FINISHED);
        }
        let revoked = turn.phase() == Phase::Revoked;
        if let Some(head) = queue.front(0).filter(|head| head.phase().is_baton()) {
            let may = if revoked {
                true
            } else if head.is_of_same_task(turn) {
                turn.may_take_over()
            } else {
                turn.forget_looks();
                false
            };
            if may {
                head.revoke();
                self.own(queue, turn);
                return Verdict::Acquired;
            }
        } else {
            turn.forget_looks();
        }
        let last = turn.others(queue) == 0;
        let first = revoked || last || queue.front(0).is_some_and(|head| head.is(turn));
        match self.begin_or_announce(Some(turn.tag()), first, last) {
            Ok(verdict) => verdict,
            Err(_) if !turn.can_wait() => Verdict::Rearm,
            Err(_) if revoked => Verdict::Front,
            Err(_) => Verdict::Stay,
        }
    }

    fn left(&self, left: Left, _: usize) {
        if left == Left::Acquired {
            // Relaxed: whoever leaves has done nothing with the right, and the exchange continues the
            // release of the one before it.
            let _ = self.word.update(Ordering::Relaxed, OnceState::give_up);
        }
    }

    #[inline]
    fn pass_on(&self, queue: &mut Locked<'_, 1>) {
        self.serve(queue);
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for RawOnce {
    const TIMED: bool = false;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.watchers
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        self.is_done()
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        match self.line.word.update(Ordering::Relaxed, OnceState::watched) {
            Ok(state) => {
                turn.set_tag(state.round());
                Verdict::Back
            }
            Err(_) => {
                // Acquire: what was done is seen.
                let _ = self.line.word.load(Ordering::Acquire);
                Verdict::Acquired
            }
        }
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        // Acquire: what was done is seen.
        let state = self.line.word.load(Ordering::Acquire);
        if state.is_over_for(turn.tag()) {
            Verdict::Acquired
        } else {
            turn.stay()
        }
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}
