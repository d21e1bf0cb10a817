//! Releasing many at once: whose wait is over is decided by a word, and told to them one by one.
//!
//! For primitives without batons. Those whose wait is over are a prefix of the queue, since whoever
//! came later saw a later word. The word is asked anew for each of them: wakers run between two
//! batches, and may have changed it.

use sync_core::waiters::{OnUnwind, WaitList};

/// Settles those at the front whose wait, by their tag, is over.
#[inline(never)]
pub(crate) fn release<F: Fn(usize) -> bool>(queue: &WaitList, is_over: &F) {
    let again = OnUnwind::new(|| release(queue, is_over));
    let mut queue = queue.lock();
    loop {
        queue.settle_while(usize::MAX, is_over);
        if queue.has_room() {
            break;
        }
        queue.flush();
    }
    again.disarm();
}
