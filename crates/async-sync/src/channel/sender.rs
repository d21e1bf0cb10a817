//! The side that sends.

use alloc::sync::{Arc, Weak};
use core::fmt;

#[cfg(feature = "std")]
use super::error::{ReserveError, SendError};
use super::error::{TryReserveError, TrySendError};
use super::futures::{Reserve, Sending};
use super::handle::{Handle, Receives, Sends};
use super::permit::{OwnedPermit, Permit};
use super::raw::{Chan, Otherwise};

/// Sends into a channel. Clones send into the same one; when the last is dropped, the channel is
/// closed.
///
/// See the [module](super) for an example.
pub struct Sender<T> {
    pub(super) handle: Handle<T, Sends>,
}

impl<T> Sender<T> {
    /// Sends `item`: waits until there is a place for it, or a receiver.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (sender, receiver) = async_sync::channel::bounded(1);
    /// sender.send("here").await.unwrap();
    /// drop(receiver);
    /// let error = sender.send("back again").await.unwrap_err();
    /// assert_eq!(error.into_inner(), "back again");
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError`](super::SendError) with the item if the channel is closed, also if that happens while this waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future either finds the item sent, or drops it unsent; it leaves nothing behind in
    /// the channel. Who wants to keep an item that was not sent waits for a place first
    /// ([`reserve`](Self::reserve)) and gives the item afterwards.
    ///
    /// # Fairness
    ///
    /// First come, first served, together with those who wait in `reserve`. Items are received in the
    /// order in which they were sent.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn send(&self, item: T) -> Sending<'_, T> {
        Sending::new(self, item)
    }

    /// Sends `item` if that is possible at once: there is a place or a receiver waits, and no other sender
    /// waits.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] or [`TrySendError::Closed`], with the item.
    #[inline]
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        self.handle.try_put(item, Otherwise::Leaves)
    }

    /// Sends `item`, and blocks the thread until there is a place for it. It waits in the same queue as
    /// those who `await`.
    ///
    /// Works inside and outside of a runtime. Inside, it blocks the worker that it runs on.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[cfg(feature = "std")]
    pub fn send_blocking(&self, item: T) -> Result<(), SendError<T>> {
        sync_core::park::block_on(self.send(item))
    }

    /// Waits for a place, which is kept free until the permit is used or dropped.
    ///
    /// The item can then be made when it is sure that it will be sent, and a `reserve` that loses a race
    /// in a `select!` loses no item.
    ///
    /// In a rendezvous channel, it waits for a receiver; only one such permit at a time is out. If the
    /// receiver leaves before the item is sent, the item waits for the next one in the channel.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (sender, receiver) = async_sync::channel::bounded(1);
    /// let permit = sender.reserve().await.unwrap();
    /// assert!(sender.try_send(1).is_err(), "the only place is taken");
    /// permit.send(2).unwrap();
    /// assert_eq!(receiver.recv().await, Some(2));
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReserveError`](super::ReserveError) if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its turn; a place that it had been given goes to the next in line.
    ///
    /// # Fairness
    ///
    /// As [`send`](Self::send). A permit is passed over while its future is not polled: see the
    /// [crate](crate#what-every-type-keeps).
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn reserve(&self) -> Reserve<'_, T> {
        Reserve::new(self)
    }

    /// Waits for a place as [`reserve`](Self::reserve) does, blocking this thread.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    #[cfg(feature = "std")]
    pub fn reserve_blocking(&self) -> Result<Permit<'_, T>, ReserveError> {
        sync_core::park::block_on(self.reserve())
    }

    /// Reserves a place if there is one and no sender waits.
    ///
    /// # Errors
    ///
    /// [`TryReserveError::Full`] or [`TryReserveError::Closed`].
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TryReserveError> {
        self.handle.try_reserve()?;
        Ok(Permit::new(&self.handle))
    }

    /// The same, with a permit that owns the sender and gives it back when it is used. For one that is to
    /// send meanwhile: clone it first.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] or [`TrySendError::Closed`], with the sender.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.handle.try_reserve() {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TryReserveError::Full) => Err(TrySendError::Full(self)),
            Err(TryReserveError::Closed) => Err(TrySendError::Closed(self)),
        }
    }

    /// A sender that does not keep the channel open.
    #[must_use]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender {
            chan: Arc::downgrade(self.handle.chan()),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender {
            handle: self.handle.clone(),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug(&self.handle, "Sender", f)
    }
}

/// A [`Sender`] that does not keep the channel open.
pub struct WeakSender<T> {
    chan: Weak<Chan<T>>,
}

impl<T> WeakSender<T> {
    /// A sender, if there is still one.
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        Some(Sender {
            handle: Handle::upgrade(&self.chan)?,
        })
    }

    /// Whether both lead to the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        Weak::ptr_eq(&self.chan, &other.chan)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        WeakSender {
            chan: Weak::clone(&self.chan),
        }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}

super::observers!(Sender, Receives, Sends);
