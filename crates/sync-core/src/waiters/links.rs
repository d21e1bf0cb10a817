//! The circle of a locked queue: what links nodes and takes them out, and nothing else.
//!
//! `list` has the layout and its invariants. [`Links`] neither collects wakers nor unlocks by itself,
//! so it lives in registers. [`Locked`](super::Locked) is this with wakers to call, `Quiet` is this without.

use core::ptr;

use super::list::WaitList;
use super::lock::{Guarded, LenLock};
use super::node::Waiter;
use crate::atomic::Ordering;
use crate::clock;

/// The nodes of a queue that is locked.
pub(super) struct Links<'a, const LANES: usize> {
    pub(super) list: &'a WaitList<LANES>,
    pub(super) guarded: Guarded,
}

impl<'a, const LANES: usize> Links<'a, LANES> {
    #[inline]
    pub(super) fn head(&self, lane: usize) -> *const Waiter {
        self.list.heads.with(|heads| {
            // SAFETY: the lock is held, so nobody writes.
            unsafe { (*heads)[lane] }
        })
    }

    /// The first of all: a baton, if there is any.
    #[inline]
    pub(super) fn first(&self) -> *const Waiter {
        let baton = self.head(WaitList::<LANES>::BATONS);
        if LANES > 1 && baton.is_null() {
            self.below(WaitList::<LANES>::BATONS)
        } else {
            baton
        }
    }

    /// The first of those in lanes below `lane`, or null.
    #[inline]
    pub(super) fn below(&self, lane: usize) -> *const Waiter {
        for lane in (0..lane).rev() {
            let head = self.head(lane);
            if !head.is_null() {
                return head;
            }
        }
        ptr::null()
    }

    /// The node in front of which `lane` ends: the first of the next part, in the circle.
    #[inline]
    pub(super) fn behind(&self, lane: usize) -> *const Waiter {
        let next = self.below(lane);
        if next.is_null() { self.first() } else { next }
    }

    #[inline]
    pub(super) fn set_head(&mut self, lane: usize, node: *const Waiter) {
        self.list.heads.with_mut(|heads| {
            // SAFETY: the lock is held, so nobody else reads or writes.
            unsafe { (*heads)[lane] = node }
        });
    }

    /// Links `node` at the end of `lane`.
    ///
    /// # Safety
    ///
    /// `node` is not linked anywhere, stays where it is until it has left this queue, and its
    /// future is the caller (or the caller holds the lock of the queue that it was in before).
    #[inline]
    pub(super) unsafe fn push_back(&mut self, node: *const Waiter, lane: usize) {
        // SAFETY: the caller's promise; behind the last is before the first.
        unsafe { self.link_before(node, self.behind(lane)) };
        if self.head(lane).is_null() {
            self.set_head(lane, node);
        }
    }

    /// Links `node` between `successor` and the one before it, or alone if that is null. The heads
    /// stay.
    ///
    /// # Safety
    ///
    /// As for [`push_back`](Self::push_back); `successor` is linked, or null and the queue empty.
    #[inline]
    pub(super) unsafe fn link_before(&mut self, node_ptr: *const Waiter, successor: *const Waiter) {
        assert!(
            self.guarded.len() < LenLock::MAX,
            "more than 2^27 - 1 waiters in one queue"
        );
        // SAFETY: the caller's promise.
        let node = unsafe { &*node_ptr };
        self.guarded.linked();
        if successor.is_null() {
            // SAFETY: the lock is held, and `node` is not linked: nobody else accesses its fields.
            unsafe { node.write(|fields| (fields.prev, fields.next) = (node_ptr, node_ptr)) };
            return;
        }
        // SAFETY: links point to linked, hence live, nodes; the lock gives access to their fields.
        // `successor` may be its own predecessor, so the accesses follow one another.
        unsafe {
            let prev = (*successor).write(|f| core::mem::replace(&mut f.prev, node_ptr));
            (*prev).write(|f| f.next = node_ptr);
            node.write(|fields| (fields.prev, fields.next) = (prev, successor));
        }
    }

    /// The head of `lane` leaves it: `next`, which stands behind it, is the next one, if it is of the
    /// same lane.
    #[inline]
    pub(super) fn advance(&mut self, lane: usize, next: *const Waiter) {
        let last = next == self.head(lane) || next == self.behind(lane);
        self.set_head(lane, if last { ptr::null() } else { next });
    }

    /// Takes `node` out.
    ///
    /// # Safety
    ///
    /// `node` is linked in this queue.
    #[inline]
    pub(super) unsafe fn unlink(&mut self, node: &Waiter) {
        let node_ptr: *const Waiter = node;
        // SAFETY: the lock is held and the node is linked in this queue.
        let (prev, next) = unsafe { node.read(|f| (f.prev, f.next)) };
        self.guarded.unlinked();
        for lane in 0..LANES {
            if self.head(lane) == node_ptr {
                self.advance(lane, next);
                break;
            }
        }
        if next != node_ptr {
            // SAFETY: links point to linked, hence live, nodes; the lock gives access to their fields.
            // `prev` and `next` may be one node, so the accesses follow one another.
            unsafe {
                (*prev).write(|f| f.next = next);
                (*next).write(|f| f.prev = prev);
            }
        }
    }

    /// A baton that was given at tick `given` is claimed: if that is soon enough, batons need no
    /// more patience than that.
    #[inline]
    pub(super) fn claimed(&mut self, given: u32) {
        if self.guarded.patience() != 0 && !clock::is_stale(given, clock::now()) {
            self.guarded.less_patience();
        }
    }

    /// Whether anybody has a baton.
    #[inline]
    pub(super) fn has_baton(&self) -> bool {
        let first = self.head(WaitList::<LANES>::BATONS);
        // SAFETY: heads point to linked, hence live, nodes while the lock is held.
        !first.is_null() && (LANES > 1 || unsafe { &*first }.phase(Ordering::Relaxed).is_baton())
    }

    /// Whether `node` has the only baton.
    ///
    /// # Safety
    ///
    /// `node` is linked, with a baton.
    #[inline]
    pub(super) unsafe fn is_only_baton(&self, node: &Waiter) -> bool {
        if LANES == 1 {
            return true;
        }
        let batons = WaitList::<LANES>::BATONS;
        // SAFETY: the caller's promise, and the lock is held.
        let next = unsafe { node.read(|fields| fields.next) };
        // The first of them, and the last.
        ptr::eq(node, self.head(batons))
            && (ptr::eq(next, node) || ptr::eq(next, self.below(batons)))
    }
}
