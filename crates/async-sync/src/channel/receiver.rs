//! The side that receives.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;

use super::error::TryRecvError;
use super::futures::{Recv, RecvMany};
use super::handle::{Handle, Receives, Sends};
use super::raw::{Chan, Otherwise};

/// Receives from a channel. Clones receive from the same one: each item goes to one of them. When the
/// last is dropped, the channel is closed and the items that are left are dropped.
///
/// See the [module](super) for an example.
pub struct Receiver<T> {
    pub(super) handle: Handle<T, Receives>,
}

impl<T> Receiver<T> {
    /// Receives the next item; waits until there is one. `None`: the channel is closed, and everything
    /// that was sent has been received.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (sender, receiver) = async_sync::channel::bounded(2);
    /// sender.send(1).await.unwrap();
    /// sender.send(2).await.unwrap();
    /// drop(sender); // closes it
    /// let mut sum = 0;
    /// while let Some(n) = receiver.recv().await {
    ///     sum += n;
    /// }
    /// assert_eq!(sum, 3);
    /// # });
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no item. An item that it had been promised stays in the channel, for the
    /// next in line.
    ///
    /// # Fairness
    ///
    /// First come, first served. The exceptions are those that keep a future which nobody polls from
    /// blocking the others: it is passed over until it is polled again. Of several that were woken, the first
    /// that is polled gets the first item: items are received in the order in which they were sent.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn recv(&self) -> Recv<'_, T> {
        Recv::new(self)
    }

    /// Receives the next item if there is one and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`]; or [`TryRecvError::Closed`], if nothing will come any more.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.handle.try_take(Otherwise::Leaves)
    }

    /// Receives the next item, and blocks the thread until there is one. It waits in the same queue as
    /// those who `await`.
    ///
    /// Works inside and outside of a runtime. Inside, it blocks the worker that it runs on.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn recv_blocking(&self) -> Option<T> {
        sync_core::park::block_on(self.recv())
    }

    /// Receives up to `limit` items into `buffer`; waits until there is at least one. Returns how many:
    /// zero if the channel is closed and empty, or if `limit` is zero.
    ///
    /// Items that are there are taken many at a time, which costs less than one by one.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (sender, receiver) = async_sync::channel::unbounded();
    /// for n in 0..5 {
    ///     sender.try_send(n).unwrap();
    /// }
    /// let mut buffer = Vec::new();
    /// assert_eq!(receiver.recv_many(&mut buffer, 3).await, 3);
    /// assert_eq!(receiver.recv_many(&mut buffer, 3).await, 2);
    /// assert_eq!(buffer, [0, 1, 2, 3, 4]);
    /// # });
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no item: as long as it has not completed, nothing was received.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn recv_many<'a>(&'a self, buffer: &'a mut Vec<T>, limit: usize) -> RecvMany<'a, T> {
        RecvMany::new(self, buffer, limit)
    }

    /// Takes out, one by one, the items that are in the channel, and whatever is sent meanwhile. Ends when
    /// it finds the channel empty.
    ///
    /// To shut down: [`close`](Self::close), then `drain`.
    pub fn drain(&self) -> Drain<'_, T> {
        Drain { receiver: self }
    }

    /// A receiver that does not keep the channel open.
    #[must_use]
    pub fn downgrade(&self) -> WeakReceiver<T> {
        WeakReceiver {
            chan: Arc::downgrade(self.handle.chan()),
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver {
            handle: self.handle.clone(),
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug(&self.handle, "Receiver", f)
    }
}

/// A [`Receiver`] that does not keep the channel open.
pub struct WeakReceiver<T> {
    chan: Weak<Chan<T>>,
}

impl<T> WeakReceiver<T> {
    /// A receiver, if there is still one.
    #[must_use]
    pub fn upgrade(&self) -> Option<Receiver<T>> {
        Some(Receiver {
            handle: Handle::upgrade(&self.chan)?,
        })
    }

    /// Whether both lead to the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Weak::ptr_eq(&self.chan, &other.chan)
    }
}

impl<T> Clone for WeakReceiver<T> {
    fn clone(&self) -> Self {
        WeakReceiver {
            chan: Weak::clone(&self.chan),
        }
    }
}

impl<T> fmt::Debug for WeakReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakReceiver").finish_non_exhaustive()
    }
}

/// What [`Receiver::drain`] returns.
#[must_use = "iterators do nothing unless they are consumed"]
pub struct Drain<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> fmt::Debug for Drain<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drain").field(&self.receiver).finish()
    }
}

super::observers!(Receiver, Receives, Sends);
