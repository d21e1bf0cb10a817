//! What is done without a batch of wakers: to queue, to notify one, to claim the only baton.
//!
//! These are the usual cases of a primitive that is [`QUIET`](Protocol::QUIET), and wake nobody, or one
//! who is woken when all is done. Where there is more to it, because other batons are out and may be
//! stale or of the same task, nothing has happened yet, and the caller goes the long way (`waiting`).

use core::ops::{Deref, DerefMut};
use core::ptr;
use core::task::{Poll, Waker};

use super::links::Links;
use super::list::WaitList;
use super::node::{Fields, Phase, Stage, Waiter};
use super::waiting::{Driver, Protocol};
use crate::atomic::Ordering;
use crate::clock;

/// A locked queue while there is nobody to wake, or one, who is woken by whoever has unlocked it. Dropping
/// it unlocks it.
pub(super) struct Quiet<'a, const LANES: usize>(Links<'a, LANES>);

impl<const LANES: usize> WaitList<LANES> {
    /// Locks the queue for those who have nobody to wake.
    #[inline]
    pub(super) fn quiet(&self) -> Quiet<'_, LANES> {
        Quiet(self.acquire())
    }
}

impl<const LANES: usize> Quiet<'_, LANES> {
    /// Whoever has the only baton claims it, and leaves.
    ///
    /// # Safety
    ///
    /// `node` is linked, and has the only baton.
    #[inline]
    pub(super) unsafe fn claim(&mut self, node: &Waiter) {
        // SAFETY: the caller's promise.
        unsafe { self.0.unlink(node) };
        if self.0.guarded.patience() != 0 {
            // SAFETY: the node has just been unlinked by its future.
            self.0.claimed(unsafe { node.read(|fields| fields.baton) });
        }
        // Relaxed: see `WaitList::has_stale_baton`.
        self.0.list.oldest.store(0, Ordering::Relaxed);
    }
}

impl WaitList<2> {
    /// Notifies the first who waits, if there is one, no baton is out, and `may` agrees; returns whether it
    /// did. The waiter is woken when the queue is unlocked.
    ///
    /// `may` is told its tag, and whether it is the last who waits, and runs under the lock.
    #[inline]
    pub fn notify_first(&self, may: impl FnOnce(usize, bool) -> bool) -> bool {
        // Before the lock, which is held for less time so.
        let now = clock::now().max(1); // 0 stands for "never"
        let mut queue = self.quiet();
        let first = queue.0.head(0);
        if first.is_null() || queue.0.has_baton() {
            return false;
        }
        // SAFETY: heads point to linked, hence live, nodes while the lock is held.
        let node = unsafe { &*first };
        // SAFETY: the lock is held and the node is linked.
        let (tag, next) = unsafe { (node.tag(), node.read(|fields| fields.next)) };
        let last = ptr::eq(first, next);
        if !may(tag, last) {
            return false;
        }
        let phase = node.phase(Ordering::Relaxed);
        // SAFETY: the lock is held and the node is linked; its phase changes below.
        let waker = unsafe {
            node.write(|fields| {
                fields.baton = now;
                fields.take_waker(phase)
            })
        };
        // Where the batons end, so nothing is linked anew.
        queue.0.set_head(1, first);
        queue.0.set_head(0, if last { ptr::null() } else { next });
        // Relaxed: linked before and after; the lock publishes it.
        node.set_phase(Phase::Notified, Ordering::Relaxed);
        // Relaxed: see `has_stale_baton`.
        self.oldest.store(now, Ordering::Relaxed);
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }
}

impl<const LANES: usize> Drop for Quiet<'_, LANES> {
    #[inline]
    fn drop(&mut self) {
        self.0.list.release(self.0.guarded);
    }
}

impl<'a, const LANES: usize> Deref for Quiet<'a, LANES> {
    type Target = Links<'a, LANES>;

    #[inline]
    fn deref(&self) -> &Links<'a, LANES> {
        &self.0
    }
}

impl<const LANES: usize> DerefMut for Quiet<'_, LANES> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// A newcomer queues, unless there are batons that it has to look at: then it comes back with its waker.
#[inline]
pub(super) fn announce<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
) -> Result<Poll<()>, Option<Waker>> {
    debug_assert!(!P::TIMED);
    let mine = waker.clone();
    let mut queue = raw.queue(Driver(())).quiet();
    if queue.has_baton() {
        return Err(Some(mine));
    }
    // SAFETY: the node is not linked, and its future's.
    let mut tag = unsafe { node.tag() };
    let acquired = raw.announce(&mut tag);
    // SAFETY: as above.
    unsafe { node.set_tag(tag) };
    if acquired {
        // As in `arrive`.
        node.set_stage(Stage::Held);
        drop(queue);
        drop(mine);
        node.set_stage(Stage::Done);
        return Ok(Poll::Ready(()));
    }
    // SAFETY: as in `arrive`.
    unsafe {
        node.init(Fields::new(mine, 0));
        queue.push_back(node, 0);
    }
    // Relaxed: the lock publishes it.
    node.set_phase(Phase::Queued, Ordering::Relaxed);
    node.set_stage(Stage::Waiting);
    Ok(Poll::Pending)
}

/// The holder of a baton uses it, if that is the only one.
#[inline]
pub(super) fn claim<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
) -> Result<Poll<()>, Option<Waker>> {
    // Relaxed: only a guess.
    if node.stage() != Stage::Waiting || !node.phase(Ordering::Relaxed).is_baton() {
        return Err(None);
    }
    let mut queue = raw.queue(Driver(())).quiet();
    // Relaxed: whoever changed it held the lock.
    if !node.phase(Ordering::Relaxed).is_baton() {
        return Err(None);
    }
    // SAFETY: a node with a baton is linked, and the lock is held.
    unsafe {
        if !queue.is_only_baton(node) {
            return Err(None);
        }
        queue.claim(node);
    }
    raw.claim_quietly();
    node.set_stage(Stage::Done);
    Ok(Poll::Ready(()))
}
