//! The named future of [`AutoEvent`](super::AutoEvent) and [`Notify`](super::Notify).

use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;
use sync_core::waiters::{Contains, Waiting};

pin_project! {
    /// The future of one who waits for an [`AutoEvent`](super::AutoEvent), or listens to a
    /// [`Notify`](super::Notify). Spelt [`AutoWait`](super::AutoWait) and [`Listen`](super::Listen).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct NotifiedOf<H>
    where
        H: Deref,
        H::Target: Contains<2>,
    {
        // Completed by `enable`; the next poll says so.
        enabled: bool,
        #[pin]
        waiting: Waiting<H, 2>,
    }
}

impl<H: Deref<Target: Contains<2>>> NotifiedOf<H> {
    #[inline]
    pub(super) fn new(waiting: Waiting<H, 2>) -> Self {
        NotifiedOf {
            enabled: false,
            waiting,
        }
    }

    /// Takes a place in the queue without waiting: whatever happens from now on reaches this future,
    /// which is polled later. Returns whether it has happened already.
    ///
    /// To look at something, and to wait if it is not as wanted: first enable, then look.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped afterwards passes a notification on, as one that was polled. If this
    /// returned true, the notification is the caller's; the future is ready.
    ///
    /// # Panics
    ///
    /// If the future has completed.
    #[allow(
        clippy::must_use_candidate,
        reason = "most callers look at something else next"
    )]
    pub fn enable(mut self: Pin<&mut Self>) -> bool {
        if self.enabled {
            return true;
        }
        let mut cx = Context::from_waker(Waker::noop());
        let enabled = self.as_mut().poll(&mut cx).is_ready();
        *self.project().enabled = enabled;
        enabled
    }
}

impl<H: Deref<Target: Contains<2>>> Future for NotifiedOf<H> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if core::mem::take(this.enabled) {
            return Poll::Ready(());
        }
        // Nobody is refused.
        this.waiting.poll(cx).map(|_| ())
    }
}
