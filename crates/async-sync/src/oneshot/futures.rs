//! The named futures.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::raw::{ITEM, Shared, UNWANTED};
use super::{Receiver, RecvError, Sender, TryRecvError};

/// The item, or waits for it. `over` says that there is nothing left to come.
#[inline]
fn poll_recv<T, H: Deref<Target = Shared<T>>>(
    mut waiting: Pin<&mut Waiting<H>>,
    over: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<Result<T, RecvError>> {
    loop {
        if waiting.is_idle() {
            match waiting.holder().take() {
                Err(TryRecvError::Empty) => {}
                taken => {
                    waiting.finish();
                    *over = true;
                    return Poll::Ready(taken.map_err(|_| RecvError));
                }
            }
        }
        // (One that has completed panics here.)
        let _ = ready!(waiting.as_mut().poll(cx));
        waiting.as_mut().again();
    }
}

pin_project! {
    /// The future of [`Receiver::recv`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Wait<'a, T> {
        #[pin]
        waiting: Waiting<&'a Shared<T>>,
        over: &'a mut bool,
    }
}

impl<'a, T> Wait<'a, T> {
    #[inline]
    pub(super) fn new(receiver: &'a mut Receiver<T>) -> Self {
        Wait {
            waiting: Waiting::borrowed(&*receiver.shared, ITEM),
            over: &mut receiver.over,
        }
    }
}

impl<T> Future for Wait<'_, T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_recv(this.waiting, this.over, cx)
    }
}

pin_project! {
    /// The future of a [`Receiver`] that is awaited itself.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WaitOwned<T> {
        #[pin]
        waiting: Waiting<Arc<Shared<T>>>,
        // Dropped last: the future does not wait any more.
        receiver: Receiver<T>,
    }
}

impl<T> WaitOwned<T> {
    #[inline]
    pub(super) fn new(receiver: Receiver<T>) -> Self {
        WaitOwned {
            // SAFETY: an `Arc` dereferences to the same object as long as it exists.
            waiting: unsafe { Waiting::new(Arc::clone(&receiver.shared), ITEM) },
            receiver,
        }
    }
}

impl<T> Future for WaitOwned<T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_recv(this.waiting, &mut this.receiver.over, cx)
    }
}

pin_project! {
    /// The future of [`Sender::closed`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Closed<'a, T> {
        #[pin]
        waiting: Waiting<&'a Shared<T>>,
    }
}

impl<'a, T> Closed<'a, T> {
    pub(super) fn new(sender: &'a Sender<T>) -> Self {
        Closed {
            waiting: Waiting::borrowed(sender.shared(), UNWANTED),
        }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().waiting.poll(cx).map(|_| ())
    }
}

impl<T> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for WaitOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WaitOwned").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closed").field(&self.waiting).finish()
    }
}
