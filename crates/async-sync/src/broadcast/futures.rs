//! The named futures: an attempt, then the wait in the queue.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::{Slot, Waiting};

use super::raw::{Cursor, LANES, Shared, mark};
use super::sender::Handle;
use super::{Receiver, RecvError, SendError, Sender, TryRecvError, unshared};
use crate::channel::TrySendError;

/// The next item of a receiver, or waits for it.
#[inline]
pub(super) fn poll_recv<T: Clone, H: Deref<Target = Shared<T>>>(
    mut waiting: Pin<&mut Waiting<H, LANES>>,
    cursor: &mut Cursor<T>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, RecvError>> {
    loop {
        if waiting.is_idle()
            && let Some(received) = waiting.holder().receive(cursor)
        {
            waiting.finish();
            return Poll::Ready(received.map_err(|error| match error {
                TryRecvError::Lagged(missed) => RecvError::Lagged(missed),
                TryRecvError::Empty | TryRecvError::Closed => RecvError::Closed,
            }));
        }
        // (One that has completed panics here.)
        let _ = ready!(waiting.as_mut().poll_marked(cx, mark(cursor.next), None));
        waiting.as_mut().again();
    }
}

/// Sends what is in the slot, if there is room; else waits for it.
fn poll_send<T, H: Deref<Target = Shared<T>>>(
    mut waiting: Pin<&mut Waiting<H, LANES>>,
    slot: Pin<&mut Slot<Arc<T>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), SendError<T>>> {
    let mark = slot.into_ref().get_ref().put();
    if waiting.is_idle() {
        // SAFETY: the mark is that of the slot beside the waiter, for an `Arc<T>`. The waiter is idle, hence
        // not linked, and the slot is ours.
        let attempt = match unsafe { mark.take() } {
            Some(item) => waiting.holder().try_send(item).map(|_| ()),
            // The last poll sent it and did not return, because a waker panicked.
            None => Ok(()),
        };
        match attempt {
            Err(TrySendError::Full(item)) => {
                // SAFETY: as above.
                unsafe { mark.fill(item) }
            }
            done => {
                waiting.finish();
                return Poll::Ready(done.map_err(|error| SendError(unshared(error.into_inner()))));
            }
        }
    }
    let result = ready!(waiting.as_mut().poll_marked(cx, mark, None));
    Poll::Ready(result.map(|_| ()).map_err(|_| {
        // SAFETY: as above; the wait is over, so the waiter is not linked.
        let item: Option<Arc<T>> = unsafe { mark.take() };
        SendError(unshared(item.expect("what was refused was not taken")))
    }))
}

pin_project! {
    /// The future of [`Receiver::recv`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Recv<'a, T> {
        #[pin]
        waiting: Waiting<&'a Shared<T>, LANES>,
        cursor: &'a mut Cursor<T>,
    }
}

impl<'a, T> Recv<'a, T> {
    #[inline]
    pub(super) fn new(receiver: &'a mut Receiver<T>) -> Self {
        Recv {
            waiting: Waiting::borrowed(&*receiver.shared, 0),
            cursor: &mut receiver.cursor,
        }
    }
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_recv(this.waiting, this.cursor, cx)
    }
}

pin_project! {
    /// The future of [`Sender::send_lossless`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sending<'a, T> {
        // Dropped first: the waiter leaves the queue, from where its mark leads to the slot.
        #[pin]
        waiting: Waiting<&'a Shared<T>, LANES>,
        #[pin]
        slot: Slot<Arc<T>>,
    }
}

impl<'a, T> Sending<'a, T> {
    pub(super) fn new(sender: &'a Sender<T>, item: T) -> Self {
        Sending {
            waiting: Waiting::borrowed(&*sender.handle, 0),
            slot: Slot::new(Some(Arc::new(item))),
        }
    }
}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_send(this.waiting, this.slot, cx)
    }
}

pin_project! {
    /// The future of [`Sender::send_lossless_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct SendingOwned<T> {
        // Dropped first, as above.
        #[pin]
        waiting: Waiting<Handle<T>, LANES>,
        #[pin]
        slot: Slot<Arc<T>>,
    }
}

impl<T> SendingOwned<T> {
    pub(super) fn new(sender: Sender<T>, item: T) -> Self {
        SendingOwned {
            // SAFETY: a handle dereferences to the same channel as long as it exists.
            waiting: unsafe { Waiting::new(sender.handle, 0) },
            slot: Slot::new(Some(Arc::new(item))),
        }
    }
}

impl<T> Future for SendingOwned<T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_send(this.waiting, this.slot, cx)
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sending").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for SendingOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendingOwned").field(&self.waiting).finish()
    }
}
