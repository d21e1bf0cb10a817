//! A channel whose every receiver gets every item.
//!
//! Up to so many items are kept, the channel's capacity, each until all receivers have had it. What becomes
//! of a receiver that is slower than that is decided by who sends, item by item:
//!
//! | | when the slowest receiver is behind by as many items as the channel keeps |
//! |---|---|
//! | [`send`](Sender::send) | never waits: the oldest item goes. Who has not had it is told how many it has missed ([`RecvError::Lagged`]), and goes on with the oldest that is left. Nobody else notices |
//! | [`try_send`](Sender::try_send) | gives the item back ([`TrySendError::Full`]) |
//! | [`send_lossless`](Sender::send_lossless) | waits until that receiver has had one more item, or is dropped |
//!
//! So a channel into which everybody sends losslessly has receivers that never lag, and senders that are as
//! fast as the slowest of them: a receiver that is kept and not polled stops them all. A channel into which
//! everybody just sends has senders that nobody can hold up, and receivers that must be ready to have missed
//! something. Where progress may be missed but the result may not, one channel can do both.
//!
//! An item is shared by the receivers, and cloned by each when it receives it (the last one gets the item
//! itself): what is expensive to clone goes into an [`Arc`]. That is the one allocation that an item costs.
//! Nothing is allocated to receive, to wait, to be woken or to leave.
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

mod error;
mod futures;
#[cfg(all(test, loom))]
mod loom;
mod raw;
mod receiver;
mod ring;
mod sender;
#[cfg(feature = "stream")]
mod stream;

use alloc::sync::Arc;
use core::fmt;

use sync_core::atomic::Ordering;

pub use crate::channel::{SendError, TrySendError};
pub use error::{Lagged, RecvError, TryRecvError};
pub use futures::{Recv, Sending, SendingOwned};
use raw::{Cursor, Shared};
pub use receiver::Receiver;
use sender::Handle;
pub use sender::Sender;
#[cfg(feature = "stream")]
pub use stream::RecvStream;

/// A channel that keeps up to `capacity` items, of which each receiver gets every one.
///
/// The room for them is made at once, unless those are so many that most likely they will not come.
///
/// # Panics
///
/// If `capacity` is 0: nobody could ever receive anything.
#[must_use]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a broadcast channel keeps at least one item");
    let shared = Arc::new(Shared::new(capacity));
    let sender = Sender {
        handle: Handle(Arc::clone(&shared)),
    };
    let cursor = Cursor {
        next: 0,
        held: None,
    };
    (sender, Receiver { shared, cursor })
}

/// An item that comes back.
fn unshared<T>(item: Arc<T>) -> T {
    let Some(item) = Arc::into_inner(item) else {
        unreachable!("it was never shared");
    };
    item
}

/// What can be asked on either side.
macro_rules! observers {
    ($handle:ident, $shared:ident) => {
        impl<T> $handle<T> {
            /// Closes the channel: nothing more is sent, and what is kept is still received. Everybody who
            /// waits to send gets the item back.
            ///
            /// Returns whether it was open.
            pub fn close(&self) -> bool {
                self.$shared.close()
            }

            /// Whether the channel is closed: by a call, or because no sender is left. There may be items
            /// that a receiver has not had.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.$shared.look(|_, closed| closed)
            }

            /// How many items are kept at most.
            #[must_use]
            pub fn capacity(&self) -> usize {
                self.$shared.capacity
            }

            /// How many senders there are: a snapshot.
            #[must_use]
            pub fn sender_count(&self) -> usize {
                // Relaxed: a snapshot orders nothing.
                self.$shared
                    .senders
                    .load(sync_core::atomic::Ordering::Relaxed)
            }

            /// How many receivers there are: a snapshot.
            #[must_use]
            pub fn receiver_count(&self) -> usize {
                self.$shared.look(|ring, _| ring.receivers())
            }

            /// How many futures wait, on both sides: a snapshot.
            #[must_use]
            pub fn waiters(&self) -> usize {
                self.$shared.waiters()
            }

            /// Whether both belong to the same channel.
            #[must_use]
            pub fn same_channel(&self, other: &Self) -> bool {
                core::ptr::eq(&raw const *self.$shared, &raw const *other.$shared)
            }
        }
    };
}
use observers;

/// The snapshots that need no lock.
fn debug<'a, 'b, T>(
    shared: &Shared<T>,
    name: &str,
    f: &'a mut fmt::Formatter<'b>,
) -> fmt::DebugStruct<'a, 'b> {
    let mut debug = f.debug_struct(name);
    debug
        .field("capacity", &shared.capacity)
        .field("senders", &shared.senders.load(Ordering::Relaxed))
        .field("waiters", &shared.waiters());
    debug
}
