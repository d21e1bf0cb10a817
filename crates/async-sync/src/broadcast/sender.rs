//! The side that sends.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use sync_core::atomic::Ordering;

use super::futures::{Sending, SendingOwned};
use super::raw::{Cursor, Shared};
use super::{Receiver, unshared};
use crate::channel::{SendError, TrySendError};

/// One of those who send. When there is none left, the channel is closed.
pub(super) struct Handle<T>(pub(super) Arc<Shared<T>>);

impl<T> Deref for Handle<T> {
    type Target = Shared<T>;

    #[inline]
    fn deref(&self) -> &Shared<T> {
        &self.0
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        // First: it aborts before so many handles were leaked that a count could wrap.
        let shared = Arc::clone(&self.0);
        // Relaxed: as for an `Arc`.
        shared.senders.fetch_add(1, Ordering::Relaxed);
        Handle(shared)
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        // AcqRel: what the others did comes before the end.
        if self.0.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.close();
        }
    }
}

/// Sends to all receivers. When the last of its clones is dropped, the channel is closed.
///
/// See the [module](super) for what becomes of slow receivers.
pub struct Sender<T> {
    pub(super) handle: Handle<T>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender {
            handle: self.handle.clone(),
        }
    }
}

impl<T> Sender<T> {
    /// Sends `item` to all receivers that there are now, without waiting. Returns how many those are.
    ///
    /// If the channel is full, the oldest item goes, and who has not had it is told so
    /// ([`RecvError::Lagged`](super::RecvError::Lagged)).
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item if there is no receiver, or the channel was [closed](Self::close).
    #[inline]
    pub fn send(&self, item: T) -> Result<usize, SendError<T>> {
        let sent = self.handle.send(Arc::new(item));
        sent.map_err(|item| SendError(unshared(item)))
    }

    /// Sends `item` if no receiver misses anything by it, and no other sender
    /// [waits](Self::send_lossless). Returns how many receivers there are.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] with the item, if the slowest receiver is behind by as many items as the channel
    /// keeps. [`TrySendError::Closed`], as for [`send`](Self::send).
    #[inline]
    pub fn try_send(&self, item: T) -> Result<usize, TrySendError<T>> {
        let sent = self.handle.try_send(Arc::new(item));
        sent.map_err(|error| match error {
            TrySendError::Full(item) => TrySendError::Full(unshared(item)),
            TrySendError::Closed(item) => TrySendError::Closed(unshared(item)),
        })
    }

    /// Sends `item`, and waits before that until no receiver misses anything by it: for the slowest receiver,
    /// to have or to leave. If all senders do so, no receiver ever lags.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (sender, mut receiver) = async_sync::broadcast::channel(1);
    /// let consumer = tokio::spawn(async move {
    ///     let mut all = Vec::new();
    ///     while let Ok(n) = receiver.recv().await {
    ///         all.push(n);
    ///     }
    ///     all
    /// });
    /// for n in 0..5 {
    ///     sender.send_lossless(n).await.unwrap();
    /// }
    /// drop(sender);
    /// assert_eq!(consumer.await.unwrap(), [0, 1, 2, 3, 4]);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item, if there is no receiver (any more), or the channel was
    /// [closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped has sent its item, or drops it; the place in the queue is lost.
    ///
    /// # Fairness
    ///
    /// First come, first served; [`send`](Self::send), which never waits, passes all who wait. A receiver
    /// that nobody polls holds the senders up: that is what was asked for.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    pub fn send_lossless(&self, item: T) -> Sending<'_, T> {
        Sending::new(self, item)
    }

    /// As [`send_lossless`](Self::send_lossless), with a sender that is dropped with the future. For one that
    /// is to send more: clone it first.
    pub fn send_lossless_owned(self, item: T) -> SendingOwned<T> {
        SendingOwned::new(self, item)
    }

    /// As [`send_lossless`](Self::send_lossless); blocks the thread meanwhile.
    ///
    /// Works inside and outside of a runtime. Inside, it blocks the worker that it runs on.
    ///
    /// # Errors
    ///
    /// As [`send_lossless`](Self::send_lossless).
    #[cfg(feature = "std")]
    pub fn send_lossless_blocking(&self, item: T) -> Result<(), SendError<T>> {
        sync_core::park::block_on(self.send_lossless(item))
    }

    /// A receiver of what is sent from now on.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver {
            cursor: Cursor {
                next: self.handle.join(),
                held: None,
            },
            shared: Arc::clone(&self.handle.0),
        }
    }

    /// How many items are kept: those that some receiver has not had. A snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.handle.look(|ring, _| ring.len())
    }

    /// Whether all receivers have had everything: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug(&self.handle, "Sender", f).finish()
    }
}

super::observers!(Sender, handle);
