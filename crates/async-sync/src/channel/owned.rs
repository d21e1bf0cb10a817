//! The futures that own their handle, and so may go anywhere.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::{Slot, Waiting};

use super::error::{ReserveError, SendError};
use super::futures::{poll_recv, poll_reserve, poll_send};
use super::handle::{Handle, Receives, Sends};
use super::raw::LANES;
use super::{OwnedPermit, Receiver, Sender};
use crate::shared::Shared;

pin_project! {
    /// The future of [`Sender::send_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct SendingOwned<T> {
        // Dropped first: the waiter leaves the queue, from where its mark leads to the slot.
        #[pin]
        waiting: Waiting<Handle<T, Sends>, LANES>,
        #[pin]
        slot: Slot<T>,
    }
}

impl<T> Sender<T> {
    /// Sends `item`, and is dropped with the future. For one that is to send more: clone it first.
    ///
    /// Everything that is said of [`send`](Self::send) holds.
    pub fn send_owned(self, item: T) -> SendingOwned<T> {
        SendingOwned {
            // SAFETY: a handle dereferences to the same channel as long as it exists.
            waiting: unsafe { Waiting::new(self.handle, 0) },
            slot: Slot::new(Some(item)),
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

pin_project! {
    /// The future of [`Receiver::recv_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RecvOwned<T> {
        // Dropped first, as above.
        #[pin]
        waiting: Waiting<Handle<T, Receives>, LANES>,
        #[pin]
        slot: Slot<T>,
    }
}

impl<T> Receiver<T> {
    /// Receives the next item, and is dropped with the future. For one that is to receive more: clone it
    /// first.
    ///
    /// Everything that is said of [`recv`](Self::recv) holds.
    pub fn recv_owned(self) -> RecvOwned<T> {
        RecvOwned {
            // SAFETY: a handle dereferences to the same channel as long as it exists.
            waiting: unsafe { Waiting::new(self.handle, 0) },
            slot: Slot::new(None),
        }
    }
}

impl<T> Future for RecvOwned<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_recv(this.waiting, this.slot, cx)
    }
}

pin_project! {
    /// The future of [`Sender::reserve_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReserveOwned<T> {
        #[pin]
        waiting: Waiting<Shared<Handle<T, Sends>>, LANES>,
    }
}

impl<T> Sender<T> {
    /// Waits for a place, for a permit that owns this sender and gives it back when it is used. For one that
    /// is to send meanwhile: clone it first.
    ///
    /// Everything that is said of [`reserve`](Self::reserve) holds.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (sender, receiver) = async_sync::channel::bounded(1);
    /// let permit = sender.reserve_owned().await.unwrap();
    /// // It may go anywhere, as into another task.
    /// let sender = tokio::spawn(async move { permit.send("hello") }).await.unwrap().unwrap();
    /// assert!(sender.try_send("there is one already").is_err());
    /// assert_eq!(receiver.recv().await, Some("hello"));
    /// # });
    /// ```
    pub fn reserve_owned(self) -> ReserveOwned<T> {
        ReserveOwned {
            // SAFETY: a handle dereferences to the same channel as long as it exists, and it is taken out
            // only after completion.
            waiting: unsafe { Waiting::new(Shared::new(self.handle), 0) },
        }
    }
}

impl<T> Future for ReserveOwned<T> {
    type Output = Result<OwnedPermit<T>, ReserveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = self.project().waiting;
        let reserved = ready!(poll_reserve(waiting.as_mut(), cx));
        // SAFETY: the future has completed.
        let handle = unsafe { waiting.holder_mut() }.take();
        Poll::Ready(reserved.map(|()| OwnedPermit::new(Sender { handle })))
    }
}

impl<T> fmt::Debug for ReserveOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReserveOwned").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for SendingOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendingOwned").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for RecvOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvOwned").field(&self.waiting).finish()
    }
}
