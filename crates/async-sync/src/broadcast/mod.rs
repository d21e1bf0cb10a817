//! A channel whose every receiver gets every item.
//!
//! The last items are kept, as many as the channel's capacity. Sending never waits: a receiver that is so
//! slow that an item it has not had is thrown away is told how many it has missed, and goes on with the oldest
//! one that is left. (Who wants senders to wait for the slowest receiver sends into one
//! [`channel`](crate::channel) for each.)
//!
//! An item is shared by the receivers, and cloned by each when it receives it: what is expensive to clone
//! goes into an [`Arc`].
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use async_sync::broadcast::{self, RecvError};
//!
//! let (sender, mut quick) = broadcast::channel(2);
//! let mut slow = sender.subscribe();
//! for event in ["started", "halfway", "done"] {
//!     sender.send(event).unwrap();
//!     assert_eq!(quick.recv().await, Ok(event));
//! }
//! drop(sender);
//! assert_eq!(slow.recv().await, Err(RecvError::Lagged(1)));
//! assert_eq!(slow.recv().await, Ok("halfway"));
//! assert_eq!(slow.recv().await, Ok("done"));
//! assert_eq!(slow.recv().await, Err(RecvError::Closed));
//! # });
//! ```

#[cfg(all(test, loom))]
mod loom;
mod raw;

use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::atomic::Ordering;
use sync_core::waiters::{Mark, Waiting};

pub use crate::channel::SendError;
use raw::{Shared, Taken, tag};

/// A channel that keeps the last `capacity` items.
///
/// # Panics
///
/// If `capacity` is 0: nobody could ever receive anything.
#[must_use]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a broadcast channel keeps at least one item");
    let shared = Arc::new(Shared::new(capacity));
    let sender = Sender {
        shared: Arc::clone(&shared),
    };
    (sender, Receiver { shared, next: 0 })
}

/// Sends to all receivers. When the last of its clones is dropped, the channel is closed.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends `item` to all receivers that there are now, without waiting. Returns how many those are.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item if there is no receiver.
    pub fn send(&self, item: T) -> Result<usize, SendError<T>> {
        let receivers = self.receiver_count();
        if receivers == 0 {
            return Err(SendError(item));
        }
        self.shared.send(Arc::new(item));
        Ok(receivers)
    }

    /// A receiver of what is sent from now on.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        // Relaxed: as when an `Arc` is cloned.
        self.shared.receivers.fetch_add(1, Ordering::Relaxed);
        Receiver {
            next: self.shared.sent(),
            shared: Arc::clone(&self.shared),
        }
    }

    /// How many receivers there are: a snapshot.
    #[must_use]
    pub fn receiver_count(&self) -> usize {
        // Relaxed: a snapshot orders nothing.
        self.shared.receivers.load(Ordering::Relaxed)
    }

    /// How many items are kept.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// How many receivers wait: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.shared.waiters()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        // Relaxed: as for an `Arc`.
        shared.senders.fetch_add(1, Ordering::Relaxed);
        Sender { shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel: what the others did comes before the end.
        if self.shared.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.close();
        }
    }
}

/// Receives all that is sent. A clone receives the same, from the same item on.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// How many items it has had, or missed.
    next: u64,
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next item.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] with the number of items that were thrown away before this receiver had them;
    /// the next call returns the oldest that is left. [`RecvError::Closed`] if there will be none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no item: it will be the next one.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv {
            waiting: Waiting::borrowed(&*self.shared, 0),
            next: &mut self.next,
        }
    }

    /// The next item, if it is there.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv); or [`TryRecvError::Empty`].
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        take(&self.shared, &mut self.next).unwrap_or(Err(TryRecvError::Empty))
    }

    /// Waits for the next item, and blocks the thread meanwhile.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    #[cfg(feature = "std")]
    pub fn recv_blocking(&mut self) -> Result<T, RecvError> {
        sync_core::park::block_on(self.recv())
    }
}

impl<T> Receiver<T> {
    /// How many items were sent that this receiver has not had: a snapshot. If these are more than the
    /// channel keeps, it will miss some.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.shared.sent() - self.next
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let shared = Arc::clone(&self.shared);
        // Relaxed: as for an `Arc`.
        shared.receivers.fetch_add(1, Ordering::Relaxed);
        Receiver {
            shared,
            next: self.next,
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Relaxed: the count says whether it is worth sending, no more.
        self.shared.receivers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is there: `None` if nothing is, yet. An item is cloned, which is foreign, before it counts as
/// received.
fn take<T: Clone>(shared: &Shared<T>, next: &mut u64) -> Option<Result<T, TryRecvError>> {
    match shared.take(*next) {
        Taken::Item(item) => {
            let item = Arc::try_unwrap(item).unwrap_or_else(|item| T::clone(&item));
            *next += 1;
            Some(Ok(item))
        }
        Taken::Lagged(missed) => {
            *next += missed;
            Some(Err(TryRecvError::Lagged(missed)))
        }
        Taken::Closed => Some(Err(TryRecvError::Closed)),
        Taken::Empty => None,
    }
}

/// Why [`recv`](Receiver::recv) returned no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecvError {
    /// So many items were missed.
    Lagged(u64),
    /// There will be none.
    Closed,
}

/// Why [`try_recv`](Receiver::try_recv) returned no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryRecvError {
    /// None is there now.
    Empty,
    /// So many items were missed.
    Lagged(u64),
    /// There will be none.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Lagged(missed) => write!(f, "{missed} items were missed"),
            RecvError::Closed => f.write_str("the channel is closed"),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("there is no item yet"),
            TryRecvError::Lagged(missed) => RecvError::Lagged(*missed).fmt(f),
            TryRecvError::Closed => RecvError::Closed.fmt(f),
        }
    }
}

impl core::error::Error for RecvError {}
impl core::error::Error for TryRecvError {}

pin_project! {
    /// The future of [`Receiver::recv`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Recv<'a, T> {
        #[pin]
        waiting: Waiting<&'a Shared<T>>,
        next: &'a mut u64,
    }
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let shared = *this.waiting.holder();
        loop {
            if !this.waiting.is_idle() {
                // It waited. (If it has completed, this panics.)
                let mark = Mark::from_ptr(core::ptr::without_provenance_mut(0));
                let _ = ready!(this.waiting.as_mut().poll_marked(cx, mark, None));
                this.waiting.as_mut().again();
            }
            let taken = take(shared, this.next);
            if let Some(result) = taken {
                this.waiting.as_mut().finish();
                return Poll::Ready(result.map_err(|error| match error {
                    TryRecvError::Lagged(missed) => RecvError::Lagged(missed),
                    _ => RecvError::Closed,
                }));
            }
            let mark = Mark::from_ptr(core::ptr::without_provenance_mut(tag(**this.next)));
            let _ = ready!(this.waiting.as_mut().poll_marked(cx, mark, None));
            this.waiting.as_mut().again();
        }
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recv").field(&self.waiting).finish()
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("capacity", &self.capacity())
            .field("receivers", &self.receiver_count())
            .field("waiters", &self.waiters())
            .finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("capacity", &self.shared.capacity)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
