//! Ending the wait of many at once.
//!
//! Those whose wait is over stand first. They are taken out of the circle together: each is read and given
//! back to its future, and the circle is closed behind the last of them. (One by one, each would write
//! into both of its neighbours, of which one is about to go as well.)

use core::ptr;

use super::list::Locked;
use super::node::Phase;
use crate::atomic::Ordering;

impl Locked<'_, 1> {
    /// Ends the wait of those at the front whose tag says that it `is_over`, successfully, until the
    /// batch of wake-ups is full or `most` of them are served. Returns how many that were.
    ///
    /// They have no batons, and all who wait have a waker. `is_over` does not panic.
    pub fn settle_while(&mut self, most: usize, is_over: impl Fn(usize) -> bool) -> usize {
        let first = self.links.head(0);
        if first.is_null() {
            return 0;
        }
        // SAFETY: heads point to linked, hence live, nodes while the lock is held.
        let last = unsafe { (*first).read(|fields| fields.prev) };
        let (mut next, mut served) = (first, 0);
        while served < most && self.batch.has_room() {
            // SAFETY: heads and links point to linked, hence live, nodes while the lock is held.
            let node = unsafe { &*next };
            // SAFETY: the lock is held and the node is linked.
            if !is_over(unsafe { node.tag() }) {
                break;
            }
            let (this, phase) = (next, node.phase(Ordering::Relaxed));
            debug_assert!(phase == Phase::Queued);
            // SAFETY: the lock is held and the node is linked; its phase changes below.
            let waker = unsafe {
                node.write(|fields| {
                    next = fields.next;
                    fields.take_waker(phase)
                })
            };
            if let Some(waker) = waker {
                self.batch.push(waker);
            }
            self.links.guarded.unlinked();
            served += 1;
            // Release: from here on the node belongs to its future, which may see this without the
            // lock and free it.
            node.set_phase(Phase::settled(0), Ordering::Release);
            if ptr::eq(this, last) {
                next = ptr::null();
                break;
            }
        }
        if !ptr::eq(next, first) {
            self.expelled = true;
            self.links.set_head(0, next);
            if !next.is_null() {
                // SAFETY: both are linked, hence live: whoever is still there stands between them. They
                // may be one node, so the accesses follow one another.
                unsafe {
                    (*next).write(|fields| fields.prev = last);
                    (*last).write(|fields| fields.next = next);
                }
            }
        }
        served
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use core::task::{Context, Waker};
    use std::boxed::Box;
    use std::vec::Vec;

    use super::*;
    use crate::waiters::{Driver, Left, Protocol, Turn, Verdict, WaitList, Waiting};

    /// Whoever waits here stays until it is swept.
    struct Hall(WaitList);

    // SAFETY: `queue` returns the field, always the same.
    unsafe impl Protocol<1> for Hall {
        const TIMED: bool = false;
        const SETTLES: bool = true;
        const QUIET: bool = true;

        fn queue(&self, _: Driver) -> &WaitList {
            &self.0
        }
        fn try_now(&self, _: usize) -> bool {
            false
        }
        fn announce(&self, _: &mut usize) -> bool {
            false
        }
        fn arrive(&self, _: &mut Locked<'_, 1>, _: &mut Turn<'_>) -> Verdict {
            Verdict::Back
        }
        fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
            // (`Waker::noop` and its clone need not know each other: the table may have several addresses.)
            turn.stay()
        }
        fn left(&self, _: Left, _: usize) {}
        fn pass_on(&self, _: &mut Locked<'_, 1>) {}
    }

    /// Every prefix, every limit, and every one that leaves the circle afterwards.
    #[test]
    fn the_circle_is_closed_behind_those_who_go() {
        for (n, over, most) in (0..5).flat_map(|n| {
            (0..=n).flat_map(move |over| (0..=n + 1).map(move |most| (n, over, most)))
        }) {
            let hall = Hall(WaitList::new());
            let mut cx = Context::from_waker(Waker::noop());
            let mut waits: Vec<_> = (0..n)
                .map(|i| Box::pin(Waiting::borrowed(&hall, usize::from(i >= over))))
                .collect();
            for wait in &mut waits {
                assert!(wait.as_mut().poll(&mut cx).is_pending());
            }
            let served = hall.0.lock().settle_while(most, |tag| tag == 0);
            assert_eq!(served, over.min(most));
            assert_eq!(hall.0.len(), n - served);
            for (i, wait) in waits.iter_mut().enumerate() {
                assert_eq!(wait.as_mut().poll(&mut cx).is_ready(), i < served);
            }
            let mut waits = waits.split_off(served);
            if waits.len() > 1 {
                drop(waits.remove(1));
            }
            assert_eq!(hall.0.lock().settle_while(n, |_| true), waits.len());
            assert!(hall.0.is_empty());
            for mut wait in waits {
                assert!(wait.as_mut().poll(&mut cx).is_ready());
            }
        }
    }

    /// What does not fit into a batch stays where it is, in its order.
    #[test]
    fn a_full_batch_ends_a_sweep() {
        const ALL: usize = 2 * super::super::WakeBatch::CAPACITY + 1;
        let hall = Hall(WaitList::new());
        let mut cx = Context::from_waker(Waker::noop());
        let mut waits: Vec<_> = (0..ALL)
            .map(|i| Box::pin(Waiting::borrowed(&hall, i)))
            .collect();
        for wait in &mut waits {
            assert!(wait.as_mut().poll(&mut cx).is_pending());
        }
        let mut left = ALL;
        while left > 0 {
            let served = hall.0.lock().settle_while(left, |_| true);
            assert_eq!(served, left.min(super::super::WakeBatch::CAPACITY));
            left -= served;
            let ready = waits.iter_mut().take(ALL - left).skip(ALL - left - served);
            assert!(
                ready
                    .into_iter()
                    .all(|wait| wait.as_mut().poll(&mut cx).is_ready())
            );
        }
        assert!(hall.0.is_empty());
    }
}
