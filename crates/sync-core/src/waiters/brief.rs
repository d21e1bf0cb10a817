//! A queue that is locked by somebody who expects to find nobody in it.
//!
//! A primitive whose state is guarded by the queue's lock (a channel) has its uncontended path here: one
//! exchange and one store. And if there is one to be served, and nothing else to be done, it is served here:
//! its waker is returned, to be called by whoever has unlocked the queue, so no batch of wakers is needed.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Waker};

use super::links::Links;
use super::list::{Locked, Patience, WaitList};
use super::node::{Fields, Phase, Stage, Waiter};
use super::slot::Mark;
use super::waiting::{Contains, Driver, Protocol, Waiting};
use crate::atomic::Ordering;
use crate::clock;

/// A queue that was locked [briefly](WaitList::lock_briefly). Dropping it unlocks the queue.
pub struct Brief<'a, const LANES: usize>(Links<'a, LANES>);

impl<const LANES: usize> WaitList<LANES> {
    /// Locks the queue, for who expects to find nobody in it.
    #[inline]
    pub fn lock_briefly(&self) -> Brief<'_, LANES> {
        Brief(self.acquire())
    }
}

impl<'a, const LANES: usize> Brief<'a, LANES> {
    /// Whether nobody waits in any lane. Batons may be out.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.0.below(WaitList::<LANES>::BATONS).is_null()
    }

    /// Whether nobody is queued in any lane.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.guarded.len() == 0
    }

    /// The first waiter of `lane`.
    #[inline]
    fn front(&self, lane: usize) -> Option<&Waiter> {
        let node = self.0.head(lane);
        // SAFETY: a head is null or points to a linked node, whose future takes it out under the lock, which
        // is held as long as `self` lives, before it goes away.
        (!node.is_null()).then(|| unsafe { &*node })
    }

    /// Whether somebody waits in `lane`.
    #[inline]
    #[must_use]
    pub fn has_waiter(&self, lane: usize) -> bool {
        !self.0.head(lane).is_null()
    }

    /// What the primitive wrote on the first of `lane`.
    #[inline]
    #[must_use]
    pub fn front_mark(&self, lane: usize) -> Option<*mut ()> {
        // SAFETY: the lock is held and the node is linked.
        self.front(lane).map(|node| unsafe { node.mark() })
    }

    /// Whether the oldest baton was unclaimed for too long at tick `now`.
    #[inline]
    #[must_use]
    pub fn has_stale_baton(&self, now: u32) -> bool {
        self.front(WaitList::<LANES>::BATONS).is_some_and(|node| {
            // SAFETY: the lock is held and the node is linked.
            let given = unsafe { node.read(|fields| fields.baton) };
            Patience::of(self.0.guarded).is_over(given, now)
        })
    }

    /// Ends the wait of the first of `lane` with a verdict, and unlocks the queue. Its waker is to be called.
    #[inline]
    #[must_use = "the waiter is to be woken"]
    pub fn settle_front(mut self, lane: usize, verdict: u8) -> Option<Waker> {
        debug_assert!(LANES > 1 && lane < WaitList::<LANES>::BATONS && verdict <= 200);
        let node_ptr = self.0.head(lane);
        if node_ptr.is_null() {
            return None;
        }
        // SAFETY: as in `front`; the last use of the reference is the store of the phase, before which its
        // future cannot let it go.
        let node = unsafe { &*node_ptr };
        // Relaxed: the phase of a linked node changes under the lock, which is held.
        let old = node.phase(Ordering::Relaxed);
        // SAFETY: the node is linked in this queue.
        unsafe { self.0.unlink(node) };
        // SAFETY: the lock is held and the node's phase still says that it is linked, so its future does not
        // touch the fields.
        let waker = unsafe { node.write(|fields| fields.take_waker(old)) };
        // Release: from here on the node belongs to its future, which may see this without the lock and free
        // it.
        node.set_phase(Phase::settled(verdict), Ordering::Release);
        waker
    }

    /// Grants to the first in the lane next to the batons, at tick `now`, and unlocks the queue. Its waker is
    /// to be called.
    #[inline]
    #[must_use = "the waiter is to be woken"]
    pub fn grant_next(mut self, now: u32) -> Option<Waker> {
        let (lane, batons) = (WaitList::<LANES>::BATONS - 1, WaitList::<LANES>::BATONS);
        let node_ptr = self.0.head(lane);
        if node_ptr.is_null() {
            return None;
        }
        let now = now.max(1); // 0 stands for "never"
        // SAFETY: as in `front`.
        let node = unsafe { &*node_ptr };
        // Relaxed: as in `settle_front`.
        let old = node.phase(Ordering::Relaxed);
        // SAFETY: the lock is held and the node is linked; its phase changes below.
        let (waker, next) = unsafe {
            node.write(|fields| {
                fields.baton = now;
                (fields.take_waker(old), fields.next)
            })
        };
        // It stands where the batons end, so nothing is linked anew.
        self.0.advance(lane, next);
        if self.0.head(batons).is_null() {
            self.0.set_head(batons, node_ptr);
            // Relaxed: see `WaitList::has_stale_baton`.
            self.0.list.oldest.store(now, Ordering::Relaxed);
        }
        // Relaxed: linked before and after; the lock publishes it.
        node.set_phase(Phase::Granted, Ordering::Relaxed);
        waker
    }

    /// There is somebody after all: goes on with the lock held.
    #[inline]
    #[must_use]
    pub fn stay(self) -> Locked<'a, LANES> {
        let this = ManuallyDrop::new(self);
        let Links { list, guarded } = this.0;
        Locked::new(Links { list, guarded })
    }
}

impl<H, const LANES: usize> Waiting<H, LANES>
where
    H: Deref<Target: Contains<LANES>>,
{
    /// An idle future queues with `mark` if the primitive `may` have it so: nobody is to be served or told
    /// anything, and no baton concerns the newcomer. Otherwise nothing has happened, and
    /// [`poll_marked`](Waiting::poll_marked) is next, with the clone of the waker that was made.
    ///
    /// # Errors
    ///
    /// If it does not wait; with the clone, if one was made.
    #[inline]
    pub fn queue_briefly(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mark: Mark,
        may: impl FnOnce(&H, &Brief<'_, LANES>) -> bool,
    ) -> Result<(), Option<Waker>> {
        // From here on only shared references: others may be following links to the node.
        let this = self.into_ref().get_ref();
        if this.waiter.stage() != Stage::Idle {
            return Err(None);
        }
        let raw = this.holder.raw(Driver(()));
        let mine = cx.waker().clone();
        let since = if <H::Target as Contains<LANES>>::Raw::TIMED {
            clock::now()
        } else {
            0
        };
        let mut queue = raw.queue(Driver(())).lock_briefly();
        if !may(&this.holder, &queue) {
            return Err(Some(mine));
        }
        // SAFETY: an idle node is not linked and belongs to its future; it has had no waker before, and it is
        // pinned, as `self` is; the destructor of `Waiting` unlinks it.
        unsafe {
            this.waiter.set_mark(mark.as_ptr());
            this.waiter.init(Fields::new(mine, since));
            let lane = raw.lane(this.waiter.tag());
            queue.0.push_back(&raw const this.waiter, lane);
        }
        // Relaxed: the lock publishes it.
        this.waiter.set_phase(Phase::Queued, Ordering::Relaxed);
        this.waiter.set_stage(Stage::Waiting);
        Ok(())
    }

    /// A future that was granted what it waits for takes it, by `take`, if the primitive `may` have it so:
    /// nobody gets anything by that. The future is over then.
    #[inline]
    pub fn claim_briefly<R>(
        self: Pin<&mut Self>,
        may: impl FnOnce(&H, &Brief<'_, LANES>) -> bool,
        take: impl FnOnce(&H, &Brief<'_, LANES>) -> R,
    ) -> Option<R> {
        // Only shared references, as above.
        let this = self.into_ref().get_ref();
        // Relaxed: only a guess.
        if this.waiter.stage() != Stage::Waiting
            || this.waiter.phase(Ordering::Relaxed) != Phase::Granted
        {
            return None;
        }
        let mut queue = this.holder.raw(Driver(())).queue(Driver(())).lock_briefly();
        // Relaxed: whoever changed it held the lock.
        if this.waiter.phase(Ordering::Relaxed) != Phase::Granted {
            return None;
        }
        if !may(&this.holder, &queue) {
            return None;
        }
        // SAFETY: a granted node is linked, and the lock is held.
        let given = unsafe {
            queue.0.unlink(&this.waiter);
            this.waiter.read(|fields| fields.baton)
        };
        queue.0.claimed(given);
        let oldest = queue.front(WaitList::<LANES>::BATONS).map_or(0, |node| {
            // SAFETY: the lock is held and the node is linked.
            unsafe { node.read(|fields| fields.baton) }
        });
        // Relaxed: see `WaitList::has_stale_baton`.
        queue.0.list.oldest.store(oldest, Ordering::Relaxed);
        let taken = take(&this.holder, &queue);
        drop(queue);
        this.waiter.set_stage(Stage::Done);
        Some(taken)
    }
}

impl<const LANES: usize> Drop for Brief<'_, LANES> {
    #[inline]
    fn drop(&mut self) {
        self.0.list.release(self.0.guarded);
    }
}

impl<const LANES: usize> fmt::Debug for Brief<'_, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brief")
            .field("len", &self.0.guarded.len())
            .finish()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use core::ptr;
    use core::task::Poll;
    use std::boxed::Box;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::super::bell::Bell;
    use super::*;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    type Future<'a> = Pin<Box<Waiting<&'a Bell, 2>>>;

    /// A future that waits, and its task.
    fn waits(bell: &Bell) -> (Future<'_>, Arc<Task>, Waker) {
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut future = Box::pin(Waiting::borrowed(bell, 0));
        let queued = future.as_mut().queue_briefly(
            &mut Context::from_waker(&waker),
            Mark::PLACE,
            |_, queue| queue.has_waiter(0) == (bell.waiters() != 0),
        );
        assert!(queued.is_ok());
        (future, task, waker)
    }

    fn poll(future: &mut Future<'_>, waker: &Waker) -> bool {
        match future.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Ready(result) => result.is_ok(),
            Poll::Pending => false,
        }
    }

    #[test]
    fn who_queued_briefly_waits_as_others_do() {
        let bell = Bell::new();
        let (mut first, task, waker) = waits(&bell);
        let (second, ..) = waits(&bell);
        assert_eq!((bell.waiters(), task.woken()), (2, 0));
        assert!(!poll(&mut first, &waker));
        drop(second);
        bell.ring_all();
        assert_eq!((bell.waiters(), task.woken()), (0, 1));
        assert!(poll(&mut first, &waker));
    }

    #[test]
    fn who_may_not_queue_gets_its_waker_back() {
        let bell = Bell::new();
        let task = Arc::new(Task::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut future = Box::pin(Waiting::borrowed(&bell, 0));
        let cx = &mut Context::from_waker(&waker);
        let refused = future.as_mut().queue_briefly(cx, Mark::PLACE, |_, _| false);
        assert_eq!((Arc::strong_count(&task), bell.waiters()), (3, 0));
        let mine = refused.expect_err("it may not");
        // (`will_wake` compares vtables as well, of which there may be two.)
        let same = mine.as_ref().map(|mine| ptr::eq(mine.data(), waker.data()));
        assert_eq!(same, Some(true), "a clone was made");
        // With it, it waits; and one that waits is not queued twice.
        let polled = future.as_mut().poll_marked(cx, Mark::PLACE, mine);
        assert_eq!(
            (
                polled.is_pending(),
                Arc::strong_count(&task),
                bell.waiters()
            ),
            (true, 3, 1)
        );
        let again = future.as_mut().queue_briefly(cx, Mark::PLACE, |_, _| true);
        assert!(again.expect_err("it waits already").is_none());
        drop(future);
        assert_eq!((Arc::strong_count(&task), bell.waiters()), (2, 0));
    }

    #[test]
    fn the_first_is_settled_and_leaves() {
        let bell = Bell::new();
        let (mut first, task, waker) = waits(&bell);
        let (_second, other, _) = waits(&bell);
        let mark = bell.list().lock_briefly().front_mark(0);
        assert_eq!(mark, Some(Mark::PLACE.as_ptr()));
        let woken = bell.list().lock_briefly().settle_front(0, 0);
        assert_eq!((bell.waiters(), task.woken()), (1, 0));
        woken.expect("its waker").wake();
        assert_eq!((task.woken(), other.woken()), (1, 0));
        assert!(poll(&mut first, &waker));
        assert!(
            Bell::new()
                .list()
                .lock_briefly()
                .settle_front(0, 0)
                .is_none()
        );
    }

    #[cfg(feature = "std")] // virtual time
    #[test]
    fn grants_are_given_in_turn_and_claimed_if_they_may_be() {
        let before = clock::set_virtual(Some(1 << 30));
        let bell = Bell::new();
        let mut all: [_; 3] = core::array::from_fn(|_| waits(&bell));
        let then = clock::now();
        for (_, task, _) in &all[..2] {
            let woken = bell.list().lock_briefly().grant_next(then);
            woken.expect("its waker").wake();
            assert_eq!(task.woken(), 1);
        }
        assert_eq!(all[2].1.woken(), 0);
        let stale = |now| bell.list().lock_briefly().has_stale_baton(now);
        assert!(!stale(then) && stale(then + 2 * clock::MILLI));
        // It may not, and nothing has happened; nor for one that was granted nothing.
        for n in [0, 2] {
            let claimed = all[n].0.as_mut().claim_briefly(|_, _| false, |_, _| ());
            assert_eq!((claimed, bell.waiters()), (None, 3));
        }
        for n in (0..2).rev() {
            let claimed = all[n]
                .0
                .as_mut()
                .claim_briefly(|_, queue| queue.has_waiter(0), |_, _| n);
            assert_eq!((claimed, bell.waiters()), (Some(n), n + 1));
            assert!(!bell.list().has_stale_baton());
        }
        let claimed = all[2].0.as_mut().claim_briefly(|_, _| true, |_, _| ());
        assert_eq!((claimed, bell.waiters()), (None, 1));
        drop(all);
        assert!(bell.list().lock_briefly().grant_next(then).is_none());
        clock::set_virtual(before);
    }

    #[cfg(feature = "std")] // virtual time
    #[test]
    fn the_clock_is_looked_at_once() {
        let before = clock::set_virtual(Some(1 << 30));
        let list = WaitList::<2>::new();
        let mut queue = list.lock();
        let now = queue.now();
        clock::set_virtual(Some(1 << 31));
        assert_eq!(queue.now(), now);
        queue.flush();
        assert!(queue.now() > now, "others had the queue meanwhile");
        drop(queue);
        clock::set_virtual(before);
    }
}
