//! The queue: circular, doubly linked, one pointer a lane, one lock for all lanes.
//!
//! ```text
//! lock: u32       the length, the patience, and the lock, see `lock`
//! oldest: u32     tick of the oldest unclaimed baton, 0 = none; readable without the lock
//! heads: *[LANES] first node of each lane, null when empty
//! ```
//!
//! All nodes are in one circle: first the batons, in the order in which they were given, then those
//! who wait, first come first. `first.prev` is the last. A lane is a part of that circle: lane 0 has
//! those who wait, the *last* lane the batons. A primitive with one baton at a time (a mutex) has a
//! single lane and finds the baton at its head; one with many (a semaphore) has a pointer to either
//! part, so that neither kind ever has to search. To give a baton moves a pointer and relinks nothing:
//! the neighbours' nodes most likely lie in another core's cache.
//!
//! A primitive with two kinds of waiters (a reader-writer lock) has a third lane between the two: the
//! circle is batons, lane 1, lane 0. Only who is given a baton past a lane that is not empty has to
//! be linked anew.
//!
//! # Patience
//!
//! A baton is stale when it has been unclaimed for `1 ms << patience`. Patience is 0 unless it proves
//! wrong: when a revoked waiter turns up after all, its baton was revoked too early, because tasks
//! wait that long for a thread, and patience goes up by one; each baton that is claimed within a
//! millisecond takes it down again. Without it, an overloaded program that also polls the object
//! often (`try_lock`) would take every baton away before its holder runs.
//!
//! # Invariants (while the lock is free)
//!
//! * A node whose future waits is linked iff its phase is Queued, Notified or Granted; `LEN` counts
//!   them all.
//! * Batons stand before all others, and a lane before those with smaller numbers. Each part's first
//!   node is the head of its lane. (Where there is one lane, it is both parts.)
//! * Batons stand in the order in which they were given.

use core::fmt;
use core::marker::PhantomData;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;
use core::task::Waker;

use super::batch::WakeBatch;
use super::links::Links;
use super::lock::{Guarded, LenLock};
use super::node::{Phase, Waiter};
use super::waiting::Verdict;
use crate::atomic::{AtomicU32, Ordering, UnsafeCell};
use crate::clock;
use crate::const_fn;

/// A queue of [`Waiter`]s with `LANES` lanes. The head of this file has its layout.
pub struct WaitList<const LANES: usize = 1> {
    lock: LenLock,
    pub(super) oldest: AtomicU32,
    pub(super) heads: UnsafeCell<[*const Waiter; LANES]>,
}

// SAFETY: the pointers are followed only under the lock; the nodes that they point to are Sync.
unsafe impl<const LANES: usize> Send for WaitList<LANES> {}
// SAFETY: as above.
unsafe impl<const LANES: usize> Sync for WaitList<LANES> {}
// Rule 2: whatever panics, the queue is whole.
impl<const LANES: usize> UnwindSafe for WaitList<LANES> {}
impl<const LANES: usize> RefUnwindSafe for WaitList<LANES> {}

impl<const LANES: usize> WaitList<LANES> {
    /// The lane where batons lie.
    pub(super) const BATONS: usize = LANES - 1;

    const_fn! {
        /// An empty queue.
        #[must_use]
        pub const fn new() -> Self {
            WaitList {
                lock: LenLock::new(),
                oldest: AtomicU32::new(0),
                heads: UnsafeCell::new([ptr::null(); LANES]),
            }
        }
    }

    /// How many waiters are queued, those with a baton included: a snapshot, without the lock.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock.peek().len() as usize
    }

    /// Whether nobody is queued: a snapshot, without the lock.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nobody is queued: a snapshot, without the lock. If so, what was done under the lock before
    /// the last one left is seen.
    #[inline]
    pub(super) fn is_deserted(&self) -> bool {
        // Acquire: pairs with the unlocking after which nobody was left.
        self.lock.peek_with(Ordering::Acquire).len() == 0
    }

    /// Whether a baton has been unclaimed for too long: a snapshot, without the lock. Looks at the
    /// clock only if there is a baton.
    #[inline]
    #[must_use]
    pub fn has_stale_baton(&self) -> bool {
        // Relaxed: a value that is out of date sends the caller to the lock, where it looks again,
        // or belongs to a baton that was passed on a moment ago.
        let oldest = self.oldest.load(Ordering::Relaxed);
        oldest != 0 && clock::is_older(oldest, clock::now(), limit(self.lock.peek()))
    }

    /// Locks the queue. Dropping the result unlocks it and then calls the wakers that were
    /// collected meanwhile.
    #[inline]
    pub fn lock(&self) -> Locked<'_, LANES> {
        Locked::new(self.acquire())
    }
}

impl<const LANES: usize> WaitList<LANES> {
    /// Locks the queue. The caller sees to it that it is unlocked.
    #[inline]
    pub(super) fn acquire(&self) -> Links<'_, LANES> {
        Links {
            list: self,
            guarded: self.lock.acquire(),
        }
    }

    /// Unlocks the queue, which the caller has locked.
    #[inline]
    pub(super) fn release(&self, guarded: Guarded) {
        self.lock.release(guarded);
    }
}

/// How long a baton may lie unclaimed.
#[derive(Clone, Copy, Debug)]
pub struct Patience(u32);

impl Patience {
    #[inline]
    pub(super) fn of(guarded: Guarded) -> Self {
        Patience(limit(guarded))
    }

    /// Whether a baton that was given at tick `given` has been unclaimed for too long at tick `now`.
    #[inline]
    #[must_use]
    pub fn is_over(self, given: u32, now: u32) -> bool {
        clock::is_older(given, now, self.0)
    }
}

/// How many ticks a baton may lie unclaimed.
#[inline]
fn limit(guarded: Guarded) -> u32 {
    clock::MILLI << guarded.patience()
}

impl<const LANES: usize> Default for WaitList<LANES> {
    fn default() -> Self {
        WaitList::new()
    }
}

impl<const LANES: usize> fmt::Debug for WaitList<LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitList")
            .field("len", &self.len())
            .finish()
    }
}

/// A locked queue, and the wakers to call once it is unlocked.
pub struct Locked<'a, const LANES: usize> {
    pub(super) links: Links<'a, LANES>,
    /// Whether `oldest` has to be determined anew.
    batons_moved: bool,
    /// Whether somebody was taken out of the queue by another one.
    pub(super) expelled: bool,
    /// See [`now`](Locked::now).
    now: Option<u32>,
    pub(super) batch: WakeBatch,
}

impl<'a, const LANES: usize> Locked<'a, LANES> {
    /// A queue that has just been locked.
    #[inline]
    pub(super) fn new(links: Links<'a, LANES>) -> Self {
        Locked {
            links,
            batons_moved: false,
            expelled: false,
            now: None,
            batch: WakeBatch::new(),
        }
    }

    /// How many waiters are queued, in all lanes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.links.guarded.len() as usize
    }

    /// Whether nobody is queued in any lane.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.links.guarded.len() == 0
    }

    /// How long a baton may lie unclaimed at present.
    #[inline]
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience::of(self.links.guarded)
    }

    /// A revoked waiter turned up: its baton was taken too early.
    pub(super) fn more_patience(&mut self) {
        self.links.guarded.more_patience();
    }

    /// A baton that was given at tick `given` is claimed: if that is soon enough, batons need no
    /// more patience than that.
    pub(super) fn claimed(&mut self, given: u32) {
        self.links.claimed(given);
    }

    /// The present tick. The clock is looked at once, as long as the queue stays locked.
    #[inline]
    pub fn now(&mut self) -> u32 {
        *self.now.get_or_insert_with(clock::now)
    }

    /// The first waiter of `lane`.
    ///
    /// # Panics
    ///
    /// If there is no such lane.
    #[inline]
    pub fn front(&mut self, lane: usize) -> Option<Front<'_, 'a, LANES>> {
        let node = self.links.head(lane);
        // A head pointer is null or points to a linked node, which outlives the lock: its future
        // cannot leave without it.
        (!node.is_null()).then_some(Front { queue: self, node })
    }

    /// The first of lane 0 whose tag `is` the right one. Walks past all others.
    pub fn find(&mut self, is: impl Fn(usize) -> bool) -> Option<Front<'_, 'a, LANES>> {
        let first = self.links.first();
        let mut node = self.links.head(0);
        while !node.is_null() {
            // SAFETY: heads and links point to linked, hence live, nodes while the lock is held.
            let waiter = unsafe { &*node };
            // SAFETY: the lock is held and the node is linked.
            let (found, next) = unsafe { (is(waiter.tag()), waiter.read(|fields| fields.next)) };
            if found {
                return Some(Front { queue: self, node });
            }
            node = if next == first { ptr::null() } else { next };
        }
        None
    }

    /// Takes up to `most` batons away whose tag `is` the right one, oldest first, in a queue with several
    /// lanes. Walks past all others, once. Returns how many there were.
    pub fn revoke_batons(&mut self, most: usize, is: impl Fn(usize) -> bool) -> usize {
        debug_assert!(LANES > 1);
        let mut revoked = 0;
        let mut node = self.links.head(WaitList::<LANES>::BATONS);
        while !node.is_null() && revoked < most {
            // SAFETY: heads and links point to linked, hence live, nodes while the lock is held; `node`
            // has not been taken out yet.
            let waiter = unsafe { &*node };
            // SAFETY: the lock is held and the node is linked.
            let (found, next) = unsafe { (is(waiter.tag()), waiter.read(|fields| fields.next)) };
            // Asked before this one leaves: then others are first.
            let last =
                next == self.links.first() || next == self.links.behind(WaitList::<LANES>::BATONS);
            if found {
                Front { queue: self, node }.revoke();
                revoked += 1;
            }
            node = if last { ptr::null() } else { next };
        }
        revoked
    }

    /// The first of the oldest batons whose holder belongs to the same task as the waiter whose turn it
    /// is, and is another.
    ///
    /// Looks at no more than [`SCAN`](Self::SCAN) batons: the lock is held only for a bounded time,
    /// and a baton further back will be revoked when it is stale.
    #[inline]
    pub fn same_task_baton(&mut self, turn: &Turn<'_>) -> Option<Front<'_, 'a, LANES>> {
        let (first, waiting) = (
            self.links.first(),
            self.links.behind(WaitList::<LANES>::BATONS),
        );
        let mut node = self.links.head(WaitList::<LANES>::BATONS);
        for _ in 0..Self::SCAN {
            if node.is_null() {
                return None;
            }
            // SAFETY: heads and links point to linked, hence live, nodes while the lock is held.
            let waiter = unsafe { &*node };
            if LANES == 1 && !waiter.phase(Ordering::Relaxed).is_baton() {
                return None;
            }
            // SAFETY: the lock is held and the node is linked.
            let (same, next) = unsafe { waiter.read(|f| (f.is_of_task(turn.waker), f.next)) };
            if same && !ptr::eq(node, turn.node) {
                return Some(Front { queue: self, node });
            }
            node = if next == first || next == waiting {
                ptr::null()
            } else {
                next
            };
        }
        None
    }

    /// Whether another wake-up has room. If not, [`flush`](Self::flush) before the next.
    #[inline]
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.batch.has_room()
    }

    /// Unlocks, calls the wakers collected so far, and locks again. Whatever the caller knew about
    /// the queue and the word may have changed.
    ///
    /// A panic of a waker does not come out here, where the caller has more to do, but when the
    /// queue is released.
    pub fn flush(&mut self) {
        /// Locks again in its destructor, so also when a waker panics and nothing can catch it
        /// (without `std`): what is dropped then is a locked queue, as always.
        struct Relock<'q, 'a, const LANES: usize>(&'q mut Locked<'a, LANES>);
        impl<const LANES: usize> Drop for Relock<'_, '_, LANES> {
            fn drop(&mut self) {
                self.0.links.guarded = self.0.links.list.lock.acquire();
            }
        }

        self.unlock();
        self.now = None;
        Relock(self).0.batch.wake_all();
    }

    /// The same in the middle of a loop. Without `std` nothing catches a panic, and it ends the loop:
    /// then `rest` is called, with the queue locked, to do what is left of it.
    pub fn flush_surely<F: FnMut(&mut Self)>(&mut self, rest: F) {
        struct Rest<'q, 'a, F: FnMut(&mut Locked<'a, LANES>), const LANES: usize>(
            &'q mut Locked<'a, LANES>,
            F,
        );
        impl<'a, F: FnMut(&mut Locked<'a, LANES>), const LANES: usize> Drop for Rest<'_, 'a, F, LANES> {
            fn drop(&mut self) {
                self.0.flush(); // those behind the one that panicked
                (self.1)(self.0);
            }
        }
        let rest = Rest(self, rest);
        rest.0.flush();
        core::mem::forget(rest);
    }

    #[inline]
    fn unlock(&mut self) {
        if self.batons_moved {
            self.batons_moved = false;
            let oldest = self.oldest_baton();
            // Relaxed: see `has_stale_baton`.
            self.links.list.oldest.store(oldest, Ordering::Relaxed);
        }
        self.links.list.lock.release(self.links.guarded);
    }

    /// Whether `node` is the first of its lane.
    #[inline]
    pub(super) fn is_first(&self, node: &Waiter) -> bool {
        (0..LANES).any(|lane| ptr::eq(self.links.head(lane), node))
    }

    /// Whether there is a baton that might be stale, or one was taken away from its holder: only then
    /// has [`Protocol::pass_on`](super::Protocol::pass_on) something to do that is not somebody
    /// else's duty already.
    #[inline]
    pub(super) fn concerns_batons(&mut self) -> bool {
        self.expelled || self.oldest_baton() != 0
    }

    #[inline]
    fn oldest_baton(&mut self) -> u32 {
        match self.front(WaitList::<LANES>::BATONS) {
            Some(front) if LANES > 1 || front.phase().is_baton() => front.given(),
            _ => 0,
        }
    }

    /// Notes that a node in `phase` is about to have another one.
    #[inline]
    pub(super) fn changed(&mut self, phase: Phase) {
        self.batons_moved |= phase.is_baton();
    }

    /// Links `node` at the end of `lane`.
    ///
    /// # Safety
    ///
    /// `node` is not linked anywhere, stays where it is until it has left this queue, and its
    /// future is the caller (or the caller holds the lock of the queue that it was in before).
    #[inline]
    pub(super) unsafe fn push_back(&mut self, node: *const Waiter, lane: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.links.push_back(node, lane) };
    }

    /// Takes `node` out.
    ///
    /// # Safety
    ///
    /// `node` is linked in this queue.
    #[inline]
    pub(super) unsafe fn unlink(&mut self, node: &Waiter) {
        self.changed(node.phase(Ordering::Relaxed));
        // SAFETY: the caller's promise.
        unsafe { self.links.unlink(node) };
    }

    /// Links `node`, whose baton was revoked: before all in `lane` who never had a baton, and behind
    /// those whose baton was given earlier than its own. So the revoked keep their order. (One that
    /// never had a baton goes before all of them.)
    ///
    /// Looks at no more than [`SCAN`](Self::SCAN) of those.
    ///
    /// # Safety
    ///
    /// As for [`push_back`](Self::push_back).
    pub(super) unsafe fn push_revoked(&mut self, node: &Waiter, lane: usize) {
        let (end, head) = (self.links.behind(lane), self.links.head(lane));
        // SAFETY: `node` is not linked and the caller's.
        let mine = unsafe { node.read(|fields| fields.baton) };
        let mut successor = head;
        for _ in 0..Self::SCAN {
            if successor.is_null() {
                break;
            }
            // SAFETY: heads and links point to linked, hence live, nodes while the lock is held.
            let other = unsafe { &*successor };
            // SAFETY: the lock is held and the node is linked.
            let (given, next) = unsafe { other.read(|fields| (fields.baton, fields.next)) };
            // A single-lane queue has at most one baton, at its head; in front of it nobody stands.
            let is_baton = other.phase(Ordering::Relaxed).is_baton();
            let was_earlier = given != 0 && mine != 0 && (mine.wrapping_sub(given) as i32) >= 0;
            if !is_baton && !was_earlier {
                break;
            }
            successor = if next == end { ptr::null() } else { next };
        }
        if successor.is_null() {
            // SAFETY: the caller's promise.
            return unsafe { self.push_back(node, lane) };
        }
        // SAFETY: the caller's promise; the successor is linked.
        unsafe { self.links.link_before(node, successor) };
        if successor == head {
            self.links.set_head(lane, node);
        }
    }

    /// Links `node` before all who wait in lane 0.
    ///
    /// # Safety
    ///
    /// As for [`push_back`](Self::push_back).
    pub(super) unsafe fn push_front(&mut self, node: *const Waiter) {
        let head = self.links.head(0);
        if head.is_null() {
            // SAFETY: the caller's promise.
            return unsafe { self.push_back(node, 0) };
        }
        // SAFETY: the caller's promise; the head is linked.
        unsafe { self.links.link_before(node, head) };
        self.links.set_head(0, node);
    }

    /// The first baton of a queue with two lanes, or null.
    #[inline]
    pub(super) fn first_baton(&self) -> *const Waiter {
        debug_assert!(LANES > 1);
        self.links.head(WaitList::<LANES>::BATONS)
    }

    /// The baton behind `node`, or null. The queue has two lanes.
    ///
    /// # Safety
    ///
    /// `node` is a baton of this queue.
    #[inline]
    pub(super) unsafe fn next_baton(&self, node: *const Waiter) -> *const Waiter {
        // SAFETY: the lock is held and the node is linked.
        let next = unsafe { (*node).read(|fields| fields.next) };
        if next == self.links.head(0) || next == self.first_baton() {
            ptr::null()
        } else {
            next
        }
    }

    /// Whether so many wake-ups more have room.
    #[inline]
    pub(super) fn has_room_for(&self, n: usize) -> bool {
        self.batch.has_room_for(n)
    }

    /// Calls `waker` once the queue is unlocked.
    ///
    /// # Panics
    ///
    /// If the batch of wake-ups is full.
    #[inline]
    pub(super) fn wake_later(&mut self, waker: Waker) {
        self.batch.push(waker);
    }

    /// How many nodes [`same_task_baton`](Self::same_task_baton) and `push_revoked` look at.
    pub const SCAN: usize = 16;
}

impl<const LANES: usize> Drop for Locked<'_, LANES> {
    #[inline]
    fn drop(&mut self) {
        self.unlock();
    }
}

impl<const LANES: usize> fmt::Debug for Locked<'_, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked")
            .field("len", &self.links.guarded.len())
            .field("batch", &self.batch)
            .finish()
    }
}

/// A waiter, the first of its lane as a rule, while its queue is locked.
///
/// What takes the waiter out of its place consumes this handle, so a node that has left the queue
/// cannot be touched.
pub struct Front<'q, 'a, const LANES: usize> {
    queue: &'q mut Locked<'a, LANES>,
    node: *const Waiter,
}

impl<const LANES: usize> Front<'_, '_, LANES> {
    #[inline]
    fn node(&self) -> &Waiter {
        // SAFETY: the node is linked, the queue is locked as long as `self` lives, and a future
        // takes its node out of the queue, under that lock, before it goes away.
        unsafe { &*self.node }
    }

    /// Its phase: Queued, Notified or Granted.
    #[inline]
    #[must_use]
    pub fn phase(&self) -> Phase {
        // Relaxed: the phase of a linked node changes under the lock, which is held.
        self.node().phase(Ordering::Relaxed)
    }

    /// What the primitive wrote on it.
    #[inline]
    #[must_use]
    pub fn tag(&self) -> usize {
        // SAFETY: the lock is held and the node is linked.
        unsafe { self.node().tag() }
    }

    /// The same, as the pointer that it may be.
    #[inline]
    #[must_use]
    pub fn mark(&self) -> *mut () {
        // SAFETY: the lock is held and the node is linked.
        unsafe { self.node().mark() }
    }

    /// The tick at which it was first queued.
    #[inline]
    #[must_use]
    pub fn since(&self) -> u32 {
        // SAFETY: the lock is held and the node is linked.
        unsafe { self.node().read(|fields| fields.since) }
    }

    /// The tick at which it was given its baton.
    #[inline]
    #[must_use]
    pub fn given(&self) -> u32 {
        // SAFETY: the lock is held and the node is linked.
        unsafe { self.node().read(|fields| fields.baton) }
    }

    /// Whether it is the waiter whose turn it is.
    #[inline]
    #[must_use]
    pub fn is(&self, turn: &Turn<'_>) -> bool {
        ptr::eq(self.node, turn.node)
    }

    /// Whether it belongs to the same task as the waiter whose turn it is.
    #[inline]
    #[must_use]
    pub fn is_of_same_task(&self, turn: &Turn<'_>) -> bool {
        // SAFETY: the lock is held and the node is linked.
        unsafe { self.node().read(|fields| fields.is_of_task(turn.waker)) }
    }

    /// Whether nobody stands behind it.
    #[inline]
    #[must_use]
    pub fn is_last(&self) -> bool {
        // SAFETY: the lock is held and the node is linked.
        unsafe { self.node().read(|fields| fields.next) == self.queue.links.first() }
    }

    /// Gives it a baton at tick `now`: Notified or Granted. It is woken unless it had a baton already.
    ///
    /// # Panics
    ///
    /// If the batch of wake-ups is full.
    pub fn give(self, phase: Phase, now: u32) {
        self.promote(phase, now, true);
    }

    /// The same, at the [present](Locked::now) tick.
    #[inline]
    pub fn give_now(self, phase: Phase) {
        let now = self.queue.now();
        self.promote(phase, now, true);
    }

    /// Whether its baton has been unclaimed for too long at the [present](Locked::now) tick.
    #[inline]
    #[must_use]
    pub fn is_stale(&mut self) -> bool {
        let given = self.given();
        self.queue.patience().is_over(given, self.queue.now())
    }

    /// The same; without `wake` it keeps its waker.
    #[inline]
    pub(super) fn promote(self, phase: Phase, now: u32, wake: bool) {
        debug_assert!(phase.is_baton());
        // SAFETY: the node is linked and the queue is locked as long as `self` lives.
        let node = unsafe { &*self.node };
        let old = self.phase();
        // SAFETY: the lock is held and the node is linked; its phase changes below.
        let waker = unsafe {
            node.write(|fields| {
                fields.baton = now.max(1); // 0 stands for "never"
                if wake { fields.take_waker(old) } else { None }
            })
        };
        if let Some(waker) = waker {
            self.queue.batch.push(waker);
        }
        if LANES > 1 && !old.is_baton() {
            let batons_end = self.queue.links.behind(WaitList::<LANES>::BATONS);
            let lane = (0..WaitList::<LANES>::BATONS)
                .find(|&lane| ptr::eq(self.queue.links.head(lane), batons_end));
            match lane {
                Some(lane) if ptr::eq(batons_end, self.node) => {
                    // It stands where the batons end.
                    // SAFETY: the lock is held and the node is linked.
                    let next = unsafe { node.read(|fields| fields.next) };
                    self.queue.links.advance(lane, next);
                }
                // SAFETY: it is linked in this queue, and then it is not; `batons_end` is linked, as
                // somebody waits, and another node.
                _ => unsafe {
                    self.queue.unlink(node);
                    self.queue.links.link_before(node, batons_end);
                },
            }
            if self.queue.links.head(WaitList::<LANES>::BATONS).is_null() {
                self.queue
                    .links
                    .set_head(WaitList::<LANES>::BATONS, self.node);
            }
        }
        self.queue.batons_moved = true;
        // Relaxed: linked before and after; the lock publishes it.
        node.set_phase(phase, Ordering::Relaxed);
    }

    /// Takes its baton away. It leaves the queue until its future is polled.
    pub fn revoke(self) {
        self.expel(Phase::Revoked);
    }

    /// Ends its wait with a verdict: 0 is success, other codes are the primitive's own, at most
    /// 200. It is woken.
    ///
    /// # Panics
    ///
    /// If the batch of wake-ups is full.
    pub fn settle(self, verdict: u8) {
        debug_assert!(verdict <= 200);
        self.expel(Phase::settled(verdict));
    }

    /// The node itself.
    #[inline]
    pub(super) fn as_ptr(&self) -> *const Waiter {
        self.node
    }

    /// Takes it out, into a phase that is not linked.
    pub(super) fn expel(self, phase: Phase) {
        // SAFETY: the node is linked and the queue is locked as long as `self` lives; the last use
        // of the reference is the store of the phase, before which its future cannot let it go.
        let node = unsafe { &*self.node };
        let old = self.phase();
        self.queue.expelled = true;
        // SAFETY: the node is linked in this queue.
        unsafe { self.queue.unlink(node) };
        // SAFETY: the lock is held and the node's phase still says that it is linked, so its future
        // does not touch the fields.
        if let Some(waker) = unsafe { node.write(|fields| fields.take_waker(old)) } {
            self.queue.batch.push(waker);
        }
        // Release: from here on the node belongs to its future, which may see this without the
        // lock and free it.
        node.set_phase(phase, Ordering::Release);
    }
}

impl<const LANES: usize> fmt::Debug for Front<'_, '_, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front")
            .field("phase", &self.phase())
            .field("tag", &self.tag())
            .finish()
    }
}

/// The turn of a waiter that is polled, while its queue is locked.
pub struct Turn<'a> {
    pub(super) node: &'a Waiter,
    pub(super) waker: &'a Waker,
    pub(super) phase: Phase,
    pub(super) can_wait: bool,
    pub(super) look_again: bool,
    pub(super) _not_send: PhantomData<*const ()>,
}

impl<'a> Turn<'a> {
    #[inline]
    pub(super) fn new(node: &'a Waiter, waker: &'a Waker, phase: Phase, can_wait: bool) -> Self {
        Turn {
            node,
            waker,
            phase,
            can_wait,
            look_again: false,
            _not_send: PhantomData,
        }
    }

    /// Its phase: Idle, Queued, Notified or Revoked, or Granted while it claims.
    #[inline]
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it may be told to wait. If not, `turn` returns
    /// [`Verdict::Rearm`](super::Verdict::Rearm) *before it changes anything* and is called again
    /// with a waker at hand.
    #[inline]
    #[must_use]
    pub fn can_wait(&self) -> bool {
        self.can_wait
    }

    /// What `turn` returns for one that goes on waiting where it is, and has changed nothing.
    #[inline]
    #[must_use]
    pub fn stay(&self) -> Verdict {
        if self.can_wait {
            Verdict::Stay
        } else {
            Verdict::Rearm
        }
    }

    /// Whether it may take over an unclaimed baton of its own task.
    ///
    /// Not at the first look: the task may be about to poll the baton's holder. If not, the look is
    /// counted and the task polled once more. At the third look, the task has polled all that it
    /// polls at least once since the first, in whatever order it does so; the holder is then a
    /// future that it does not poll.
    pub fn may_take_over(&mut self) -> bool {
        const LOOKS: u8 = 2;
        // SAFETY: the caller's queue is locked while a turn exists, and the node is the caller's.
        let may = unsafe {
            self.node.looks(|looks| {
                let may = *looks == LOOKS;
                if !may && self.can_wait {
                    *looks += 1;
                }
                may
            })
        };
        self.look_again |= !may && self.can_wait;
        may
    }

    /// There was nothing to take over: the looks are counted from the beginning.
    #[inline]
    pub fn forget_looks(&mut self) {
        // SAFETY: as for `may_take_over`.
        unsafe { self.node.looks(|looks| *looks = 0) };
    }

    /// What the primitive wrote on it.
    #[inline]
    #[must_use]
    pub fn tag(&self) -> usize {
        // SAFETY: the caller's queue is locked while a turn exists, and the node is the caller's.
        unsafe { self.node.tag() }
    }

    /// The same, as the pointer that it may be.
    #[inline]
    #[must_use]
    pub fn mark(&self) -> *mut () {
        // SAFETY: as for `tag`.
        unsafe { self.node.mark() }
    }

    /// Writes on it.
    #[inline]
    pub fn set_tag(&mut self, tag: usize) {
        // SAFETY: as for `tag`.
        unsafe { self.node.set_tag(tag) }
    }

    /// The tick at which it was first queued; the present one if it has not been yet.
    #[inline]
    #[must_use]
    pub fn since(&self) -> u32 {
        if self.phase == Phase::Idle {
            return clock::now();
        }
        // SAFETY: as for `tag`; it has been queued, so the fields are initialised.
        unsafe { self.node.read(|fields| fields.since) }
    }

    /// How many others are queued.
    #[inline]
    #[must_use]
    pub fn others<const LANES: usize>(&self, queue: &Locked<'_, LANES>) -> usize {
        queue.len() - usize::from(self.phase.is_linked())
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("phase", &self.phase)
            .field("tag", &self.tag())
            .finish()
    }
}
