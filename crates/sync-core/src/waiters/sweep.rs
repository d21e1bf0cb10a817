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
