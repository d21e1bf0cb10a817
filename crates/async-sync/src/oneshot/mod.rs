//! A channel for one item: the reply to a request.
//!
//! Sending never waits, and uses the sender up, so nobody can send twice. Who does not want the reply any
//! more drops the receiver: then the sender gets the item back, and can be [told](Sender::closed) before it
//! has even made one. (In Go, a worker whose result nobody receives hangs for ever, unless somebody thought of
//! giving the channel a place.)
//!
//! The channel is one allocation. Nothing else is allocated, to send, to wait or to be woken.
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

mod futures;
#[cfg(all(test, loom))]
mod loom;
mod raw;

use alloc::sync::Arc;
use core::fmt;

pub use crate::channel::{SendError, TryRecvError};
pub use futures::{Closed, Wait, WaitOwned};
use raw::Shared;

/// A channel for one item.
#[must_use]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new());
    let sender = Sender {
        shared: Some(Arc::clone(&shared)),
    };
    let receiver = Receiver {
        shared,
        over: false,
    };
    (sender, receiver)
}

/// Sends the item. If it is dropped without that, the receiver is told.
pub struct Sender<T> {
    /// None when it has sent.
    shared: Option<Arc<Shared<T>>>,
}

impl<T> Sender<T> {
    fn shared(&self) -> &Shared<T> {
        let shared = self.shared.as_ref();
        shared.expect("only who sends takes it, and that uses the sender up")
    }

    /// Sends `item`, without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item, if the receiver was dropped or has closed the channel.
    #[inline]
    pub fn send(mut self, item: T) -> Result<(), SendError<T>> {
        match self.shared.take() {
            Some(shared) => shared.send(item).map_err(SendError),
            None => Err(SendError(item)),
        }
    }

    /// Whether nobody waits for the item any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared().is_unwanted()
    }

    /// Waits until nobody waits for the item any more: to stop the work on it then.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use std::future::pending;
    /// use async_sync::{oneshot, select};
    ///
    /// let (mut reply, answer) = oneshot::channel::<u32>();
    /// let worker = tokio::spawn(async move {
    ///     select! {
    ///         () = reply.closed() => "nobody wants to know",
    ///         () = pending() => "a result",
    ///     }
    /// });
    /// drop(answer);
    /// assert_eq!(worker.await.unwrap(), "nobody wants to know");
    /// # });
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "cancellation")]
    pub fn closed(&mut self) -> Closed<'_, T> {
        Closed::new(self)
    }

    /// As [`closed`](Self::closed); blocks the thread meanwhile.
    #[cfg(feature = "std")]
    pub fn closed_blocking(&mut self) {
        sync_core::park::block_on(self.closed());
    }
}

impl<T> Drop for Sender<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.unsent();
        }
    }
}

/// Receives the item: `receiver.await`, or [`recv`](Self::recv), which leaves the receiver where it is.
///
/// If it is dropped, the sender is told, and an item that was sent already is dropped, too.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// Whether the item, or the end, has been received.
    over: bool,
}

impl<T> Receiver<T> {
    /// Waits for the item.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if the sender was dropped without sending, the channel was [closed](Self::close) before
    /// it sent, or the item was received already.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not lose the item: it can be received later.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn recv(&mut self) -> Wait<'_, T> {
        Wait::new(self)
    }

    /// The item, if it is there.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`]; or [`TryRecvError::Closed`] if there will be none.
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let taken = self.shared.take();
        self.over |= !matches!(taken, Err(TryRecvError::Empty));
        taken
    }

    /// Waits for the item, and blocks the thread meanwhile.
    ///
    /// Works inside and outside of a runtime. Inside, it blocks the worker that it runs on.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[cfg(feature = "std")]
    pub fn recv_blocking(mut self) -> Result<T, RecvError> {
        sync_core::park::block_on(self.recv())
    }

    /// The item is not wanted any more. If it was sent already, it can still be received.
    pub fn close(&mut self) {
        self.shared.close();
    }

    /// Whether [`recv`](Self::recv) would return at once: the item is there, or there will be none.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready()
    }
}

impl<T> IntoFuture for Receiver<T> {
    type Output = Result<T, RecvError>;
    type IntoFuture = WaitOwned<T>;

    #[inline]
    fn into_future(self) -> WaitOwned<T> {
        WaitOwned::new(self)
    }
}

impl<T> Drop for Receiver<T> {
    #[inline]
    fn drop(&mut self) {
        // The end is known to both sides: the sender has gone, or the receiver has closed the channel.
        if !self.over {
            self.shared.abandon();
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

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
