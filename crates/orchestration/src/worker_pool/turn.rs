//! Letting others run, for loops that may always find something to do.

use std::future::poll_fn;
use std::mem;
use std::task::Poll;

/// Pending once.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
