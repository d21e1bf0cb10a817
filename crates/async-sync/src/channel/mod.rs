//! Channels: items from any number of senders to any number of receivers.
//!
//! | | |
//! |---|---|
//! | [`bounded(n)`](bounded) | up to `n` items wait in the channel; then senders wait |
//! | [`unbounded()`](unbounded) | senders never wait |
//! | [`rendezvous()`](rendezvous) | no item waits in the channel: a send ends when a receiver takes the item |
//!
//! From Go's channels, with their order and their meaning of closing, and without their panics:
//!
//! * each item goes to one receiver, in the order in which the items were sent;
//! * who waits is served in the order in which it came. A receiver that waits is handed the next item
//!   past the buffer, and a sender that waits is served by whoever makes room;
//! * a channel is closed by [`close`](Sender::close), or when the last handle of either side is dropped.
//!   Then nothing more is sent (the sender gets its item back), and what is left is still received. When
//!   the last *receiver* is dropped, what is left is dropped too. Who waits for nothing but that awaits
//!   [`closed`](Sender::closed);
//! * [`recv`](Receiver::recv) returns `Option`: `None` is the normal end of a channel, as of an iterator or
//!   a stream, and not an error. (Only [`try_recv`](Receiver::try_recv) has two reasons to return nothing.)
//!
//! Go's nil channel, which is never ready, is an `Option<Receiver<T>>` or [`core::future::pending`].
//!
//! # Who waits can leave
//!
//! Every future can be dropped at any moment. A receive that is dropped loses no item: an item that was
//! promised to it is still in the channel, and goes to the next. (For a while there may then be one item
//! more than the capacity, in a rendezvous channel too.) A send that is dropped has sent its item, or
//! drops it; who wants to keep it uses [`reserve`](Sender::reserve), or
//! [`reserve_owned`](Sender::reserve_owned) for a permit that goes elsewhere.
//!
//! # What is allocated
//!
//! The channel itself, and its buffer: one ring of `n` places for a bounded channel of up to 65536. An
//! unbounded channel begins without a buffer and has one that grows; what a burst has left behind is given
//! back, but for the last ring. To wait and to be woken allocates nothing. (If more receivers at once were
//! promised an item and have not come for it than the buffer has places, it grows.)
//!
//! # Example
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use async_sync::channel;
//!
//! // Two workers that share a queue of jobs, of which no more than four wait.
//! let (jobs, queue) = channel::bounded(4);
//! let (results, done) = channel::unbounded();
//! for _ in 0..2 {
//!     let (queue, results) = (queue.clone(), results.clone());
//!     tokio::spawn(async move {
//!         while let Some(job) = queue.recv().await {
//!             results.send(job * job).await.unwrap();
//!         }
//!     });
//! }
//! drop((queue, results)); // the workers have theirs
//!
//! for n in 1..=10 {
//!     jobs.send(n).await.unwrap();
//! }
//! drop(jobs); // the workers end when the queue is empty
//!
//! let mut sum = 0;
//! while let Some(square) = done.recv().await {
//!     sum += square;
//! }
//! assert_eq!(sum, 385);
//! # });
//! ```

mod error;
mod futures;
mod handle;
mod items;
#[cfg(all(test, loom))]
mod loom;
mod owned;
mod permit;
mod raw;
mod receiver;
mod sender;
#[cfg(feature = "stream")]
mod stream;

use alloc::sync::Arc;
use core::fmt;

pub use error::{ReserveError, SendError, TryRecvError, TryReserveError, TrySendError};
pub use futures::{Recv, RecvMany, Reserve, Sending};
use handle::{Handle, Side};
pub use owned::{RecvOwned, ReserveOwned, SendingOwned};
pub use permit::{OwnedPermit, Permit};
use raw::Chan;
pub use receiver::{Drain, Receiver, WeakReceiver};
pub use sender::{Sender, WeakSender};
#[cfg(feature = "stream")]
pub use stream::{RecvStream, SendSink};

/// A channel in which up to `capacity` items wait. With 0 it is [`rendezvous`].
///
/// ```
/// let (sender, receiver) = async_sync::channel::bounded(2);
/// assert!(sender.try_send(1).is_ok() && sender.try_send(2).is_ok());
/// assert!(sender.try_send(3).is_err(), "there is no place left");
/// assert_eq!(receiver.drain().collect::<Vec<_>>(), [1, 2]);
/// ```
#[doc(alias = "make")]
#[doc(alias = "chan")]
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let chan = Arc::new(Chan::new(capacity));
    let sender = Sender {
        handle: Handle::first(Arc::clone(&chan)),
    };
    let receiver = Receiver {
        handle: Handle::first(chan),
    };
    (sender, receiver)
}

/// A channel in which any number of items wait: sending never waits, so nothing slows down who sends
/// faster than others receive.
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

/// A channel in which no item waits: a send ends when a receiver takes its item.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (sender, receiver) = async_sync::channel::rendezvous();
/// assert!(sender.try_send("nobody waits for it").is_err());
/// let (sent, received) = futures::join!(sender.send("hello"), receiver.recv());
/// assert_eq!((sent, received), (Ok(()), Some("hello")));
/// # });
/// ```
#[must_use]
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    bounded(0)
}

/// What can be asked on either side.
macro_rules! observers {
    ($handle:ident, $receives:ident, $sends:ident) => {
        // Nothing foreign runs under the lock, so a panic finds the channel whole; items are moved only.
        impl<T> core::panic::UnwindSafe for $handle<T> {}
        impl<T> core::panic::RefUnwindSafe for $handle<T> {}

        impl<T> $handle<T> {
            /// Closes the channel: nothing more is sent, and what is left is still received. Everybody who
            /// waits to send gets the item back.
            ///
            /// Returns whether it was open. (Go panics if it was not: `close of closed channel`.)
            #[doc(alias = "close of closed channel")]
            pub fn close(&self) -> bool {
                self.handle.close()
            }

            /// Whether the channel is closed. There may be items left.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.handle.books().is_closed()
            }

            /// Waits until the channel is closed, by [`close`](Self::close) or with the last handle of a side.
            ///
            /// For who works for the other side and would stop when nobody is there any more.
            ///
            /// ```
            /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            /// use async_sync::{channel, select};
            ///
            /// let (sender, receiver) = channel::bounded::<u32>(1);
            /// let search = tokio::spawn(async move {
            ///     select! {
            ///         () = sender.closed() => "nobody wants to know any more",
            ///         () = core::future::pending() => "found", // after a long time
            ///     }
            /// });
            /// drop(receiver);
            /// assert_eq!(search.await.unwrap(), "nobody wants to know any more");
            /// # });
            /// ```
            ///
            /// # Cancel safety
            ///
            /// Dropping the future has no effect on anybody else.
            ///
            /// # Fairness
            ///
            /// All who wait are told, after those who wait to send or to receive.
            ///
            /// # Panics
            ///
            /// The future panics if it is polled after completion.
            pub fn closed(&self) -> crate::event::Wait<'_> {
                self.handle.closed.wait()
            }

            /// Waits until the channel is closed, as [`closed`](Self::closed) does, blocking this thread.
            #[cfg(feature = "std")]
            pub fn closed_blocking(&self) {
                self.handle.closed.wait_blocking();
            }

            /// How many items are in the channel, for whoever comes. (What was promised to a receiver that
            /// waited is not counted, and neither is what senders wait with.)
            #[must_use]
            pub fn len(&self) -> usize {
                self.handle.books().ready()
            }

            /// Whether there is no item for who comes now.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether there is no place for another item. A rendezvous channel is always full.
            #[must_use]
            pub fn is_full(&self) -> bool {
                !self.handle.books().has_room()
            }

            /// How many items may wait in the channel; `None` if any number.
            #[doc(alias = "cap")]
            #[must_use]
            pub fn capacity(&self) -> Option<usize> {
                match self.handle.capacity() {
                    usize::MAX => None,
                    capacity => Some(capacity),
                }
            }

            /// How many senders there are: a snapshot.
            #[must_use]
            pub fn sender_count(&self) -> usize {
                super::handle::Handle::<T, $sends>::count_of(&self.handle)
            }

            /// How many receivers there are: a snapshot.
            #[must_use]
            pub fn receiver_count(&self) -> usize {
                super::handle::Handle::<T, $receives>::count_of(&self.handle)
            }

            /// How many wait to send or to receive: a snapshot.
            #[must_use]
            pub fn waiters(&self) -> usize {
                self.handle.waiters()
            }

            /// Whether both lead to the same channel.
            #[must_use]
            pub fn same_channel(&self, other: &Self) -> bool {
                Arc::ptr_eq(self.handle.chan(), other.handle.chan())
            }
        }
    };
}
use observers;

/// The snapshots that need no lock.
fn debug<T, S: Side>(handle: &Handle<T, S>, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("capacity", &handle.capacity())
        .field("senders", &Handle::<T, handle::Sends>::count_of(handle))
        .field(
            "receivers",
            &Handle::<T, handle::Receives>::count_of(handle),
        )
        .field("waiters", &handle.waiters())
        .finish()
}
