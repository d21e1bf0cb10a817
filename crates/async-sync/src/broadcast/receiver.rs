//! The side that receives.

use alloc::sync::Arc;
use core::fmt;

use super::TryRecvError;
use super::futures::Recv;
use super::raw::{Cursor, Shared};

/// Receives all that is sent. A clone receives the same, from the same item on.
///
/// Items are cloned by several receivers at the same time, so to be sent to other threads a receiver needs
/// items that are `Sync`, too.
///
/// See the [module](super) for what becomes of one that is slow.
pub struct Receiver<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) cursor: Cursor<T>,
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next item.
    ///
    /// # Errors
    ///
    /// [`Lagged`](super::RecvError::Lagged) with the number of items that were thrown away before this receiver had
    /// them; the next call returns the oldest that is left. [`Closed`](super::RecvError::Closed) if there will be
    /// none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no item: it will be the next one.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion, or if cloning the item does: that item will be the
    /// next one.
    #[inline]
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv::new(self)
    }

    /// The next item, if it is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv); or [`TryRecvError::Empty`].
    #[inline]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let received = self.shared.receive(&mut self.cursor);
        received.unwrap_or(Err(TryRecvError::Empty))
    }

    /// Waits for the next item, and blocks the thread meanwhile.
    ///
    /// Works inside and outside of a runtime. Inside, it blocks the worker that it runs on.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[cfg(feature = "std")]
    pub fn recv_blocking(&mut self) -> Result<T, super::RecvError> {
        sync_core::park::block_on(self.recv())
    }
}

impl<T> Receiver<T> {
    /// A receiver of what is sent from now on.
    #[must_use]
    pub fn resubscribe(&self) -> Receiver<T> {
        Receiver {
            cursor: Cursor {
                next: self.shared.join(),
                held: None,
            },
            shared: Arc::clone(&self.shared),
        }
    }

    /// How many items were sent that this receiver has not had: a snapshot. If these are more than
    /// [`capacity`](Self::capacity), it has missed some.
    #[must_use]
    pub fn behind(&self) -> u64 {
        let held = u64::from(self.cursor.held.is_some());
        self.shared.look(|ring, _| ring.sent()) - self.cursor.next + held
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.join_at(self.cursor.next);
        Receiver {
            shared: Arc::clone(&self.shared),
            cursor: Cursor {
                next: self.cursor.next,
                held: self.cursor.held.clone(),
            },
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.leave(self.cursor.next);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::debug(&self.shared, "Receiver", f)
            .field("next", &self.cursor.next)
            .finish()
    }
}

super::observers!(Receiver, shared);
