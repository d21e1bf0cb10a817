//! A primitive for the tests of this module: strokes that each serve one waiter.
//!
//! It uses everything that the queue offers: two lanes, verdicts, refusals,
//! revocation, take-over, batches.

use super::*;
use crate::atomic::{AtomicUsize, Ordering};
use crate::clock;

pub(super) const CLOSED: u8 = 7;

/// `STROKES << 2 | CLOSED << 1 | WAITING`: strokes that nobody has heard.
pub(super) struct Bell {
    word: AtomicUsize,
    queue: WaitList<2>,
}

const WAITING: usize = 1;
const SHUT: usize = 2;
const STROKE: usize = 4;

impl Bell {
    pub(super) fn new() -> Self {
        Bell {
            word: AtomicUsize::new(0),
            queue: WaitList::new(),
        }
    }

    #[cfg(not(loom))]
    pub(super) fn list(&self) -> &WaitList<2> {
        &self.queue
    }

    pub(super) fn waiters(&self) -> usize {
        self.queue.len()
    }

    /// Serves one waiter, or the next that comes.
    pub(super) fn ring_one(&self) {
        if self.word.fetch_add(STROKE, Ordering::Release) & WAITING != 0 {
            self.pass_on(&mut self.queue.lock());
        }
    }

    /// Ends the wait of all who are queued.
    pub(super) fn ring_all(&self) {
        let mut queue = self.queue.lock();
        for _ in 0..queue.len() {
            let Some(head) = queue.front(0) else { break };
            head.settle(0);
            if !queue.has_room() {
                queue.flush();
            }
        }
        self.pass_on(&mut queue);
    }

    /// Refuses all who are queued or come later.
    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        self.word.fetch_or(SHUT, Ordering::Relaxed);
        self.pass_on(&mut queue);
    }

    /// Takes the oldest baton away.
    pub(super) fn revoke(&self) {
        let mut queue = self.queue.lock();
        if let Some(owner) = queue.front(1) {
            self.word.fetch_add(STROKE, Ordering::Relaxed);
            owner.revoke();
        }
        self.pass_on(&mut queue);
    }

    fn try_hear(&self, mask: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word >= STROKE && word & mask == 0 {
            let heard = word - STROKE;
            match self
                .word
                .compare_exchange(word, heard, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(seen) => word = seen,
            }
        }
        false
    }

    /// Announces a waiter and looks afterwards: a stroke in between sees the announcement.
    fn announce_and_look(&self, first: bool) -> Option<Verdict> {
        if self.word.fetch_or(WAITING, Ordering::Relaxed) & SHUT != 0 {
            return Some(Verdict::Refused(CLOSED));
        }
        (first && self.try_hear(SHUT)).then_some(Verdict::Acquired)
    }

    /// Nobody is queued, and the word knows it.
    #[track_caller]
    pub(super) fn check(&self) {
        drop(self.queue.lock());
        assert_eq!(self.waiters(), 0);
        self.pass_on(&mut self.queue.lock());
        assert_eq!(self.word.load(Ordering::Relaxed) & WAITING, 0);
    }

    /// Strokes that nobody has heard.
    #[cfg(loom)]
    pub(super) fn strokes(&self) -> usize {
        self.word.load(Ordering::Relaxed) / STROKE
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<2> for Bell {
    const TIMED: bool = true;

    fn queue(&self, _: Driver) -> &WaitList<2> {
        &self.queue
    }

    fn try_now(&self, _: usize) -> bool {
        self.try_hear(WAITING | SHUT)
    }

    fn arrive(&self, queue: &mut Locked<'_, 2>, turn: &mut Turn<'_>) -> Verdict {
        if queue.same_task_baton(turn).is_some() {
            turn.may_take_over();
        }
        let alone = queue.front(0).is_none();
        self.announce_and_look(alone).unwrap_or(Verdict::Back)
    }

    fn turn(&self, queue: &mut Locked<'_, 2>, turn: &mut Turn<'_>) -> Verdict {
        let revoked = turn.phase() == Phase::Revoked;
        let mut first = revoked;
        if !first && let Some(owner) = queue.same_task_baton(turn) {
            if !turn.may_take_over() {
                return turn.stay();
            }
            self.word.fetch_add(STROKE, Ordering::Relaxed);
            owner.revoke();
            first = true;
        }
        first |= queue.front(0).is_none_or(|head| head.is(turn));
        if !turn.can_wait() {
            return Verdict::Rearm;
        }
        self.announce_and_look(first).unwrap_or(if revoked {
            Verdict::Front
        } else {
            Verdict::Stay
        })
    }

    fn left(&self, left: Left, _: usize) {
        if left == Left::Acquired {
            self.word.fetch_add(STROKE, Ordering::Relaxed);
        }
    }

    fn pass_on(&self, queue: &mut Locked<'_, 2>) {
        while let Some(head) = queue.front(0) {
            if self.word.load(Ordering::Relaxed) & SHUT != 0 {
                head.settle(CLOSED);
            } else if self.try_hear(0) {
                head.give(Phase::Granted, clock::now());
            } else {
                return;
            }
            if !queue.has_room() {
                queue.flush();
            }
        }
        self.word.fetch_and(!WAITING, Ordering::Relaxed);
    }
}
