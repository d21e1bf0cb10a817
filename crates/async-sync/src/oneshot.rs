//! A channel for one item: the reply to a request.
//!
//! A [bounded channel](channel::bounded) of one place whose handles are used up: sending never waits, and
//! nobody can send twice. Who does not want the reply any more drops the receiver, and the sender gets the item
//! back. (In Go, a worker whose result nobody receives hangs for ever, unless somebody thought of giving the
//! channel a place.)
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use async_sync::{channel, oneshot};
//!
//! /// A question, and where the answer goes.
//! type Request = (u32, oneshot::Sender<u32>);
//!
//! let (requests, inbox) = channel::bounded::<Request>(8);
//! tokio::spawn(async move {
//!     while let Some((question, reply)) = inbox.recv().await {
//!         let _ = reply.send(2 * question); // whoever asked may have gone
//!     }
//! });
//!
//! let (reply, answer) = oneshot::channel();
//! requests.send((21, reply)).await.unwrap();
//! assert_eq!(answer.await, Ok(42));
//! # });
//! ```

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::channel::{self, Recv, RecvOwned};
pub use crate::channel::{SendError, TryRecvError};

/// A channel for one item.
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel::bounded(1);
    (Sender { sender }, Receiver { receiver })
}

/// Sends the item.
pub struct Sender<T> {
    sender: channel::Sender<T>,
}

impl<T> Sender<T> {
    /// Sends `item`, without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item, if the receiver was dropped or has closed the channel.
    pub fn send(self, item: T) -> Result<(), SendError<T>> {
        // There is one place and one item, so it is never full.
        self.sender
            .try_send(item)
            .map_err(|error| SendError(error.into_inner()))
    }

    /// Whether nobody waits for the item any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// Receives the item: `receiver.await`, or [`recv`](Self::recv), which leaves the receiver where it is.
pub struct Receiver<T> {
    receiver: channel::Receiver<T>,
}

impl<T> Receiver<T> {
    /// Waits for the item.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the sender was dropped without sending, or the item was received already.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not lose the item: it can be received later.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    pub fn recv(&mut self) -> Wait<'_, T> {
        Wait {
            recv: self.receiver.recv(),
        }
    }

    /// The item, if it is there.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`]; or [`TryRecvError::Closed`] if there will be none.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.receiver.try_recv()
    }

    /// Waits for the item, and blocks the thread meanwhile.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[cfg(feature = "std")]
    pub fn recv_blocking(self) -> Result<T, RecvError> {
        self.receiver.recv_blocking().ok_or(RecvError)
    }

    /// The item is not wanted any more. If it was sent already, it can still be received.
    pub fn close(&mut self) {
        self.receiver.close();
    }
}

impl<T> IntoFuture for Receiver<T> {
    type Output = Result<T, RecvError>;
    type IntoFuture = WaitOwned<T>;

    fn into_future(self) -> WaitOwned<T> {
        WaitOwned {
            recv: self.receiver.recv_owned(),
        }
    }
}

/// There is no item, and there will be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecvError;

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender was dropped without sending")
    }
}

impl core::error::Error for RecvError {}

pin_project! {
    /// The future of [`Receiver::recv`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct Wait<'a, T> {
        #[pin]
        recv: Recv<'a, T>,
    }
}

pin_project! {
    /// The future of a [`Receiver`] that is awaited itself.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct WaitOwned<T> {
        #[pin]
        recv: RecvOwned<T>,
    }
}

impl<T> Future for Wait<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project()
            .recv
            .poll(cx)
            .map(|item| item.ok_or(RecvError))
    }
}

impl<T> Future for WaitOwned<T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project()
            .recv
            .poll(cx)
            .map(|item| item.ok_or(RecvError))
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
