//! Broadcasts: ours and the peers', behind one trait.
//!
//! A type with several policies for slow receivers is here once for each. Left out, because they cannot be
//! compared: bus and similar channels that block threads; postage, whose last release is years old; mea,
//! which has none.

use ::tokio::sync::broadcast as tokios;
use async_sync::broadcast as ours;

/// What a receiver is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The next item.
    Item(u64),
    /// So many items were thrown away before it had them.
    Lagged(u64),
    /// There will be none.
    Closed,
}

/// A channel of numbers whose every receiver gets every item.
pub trait AsyncBroadcast: 'static {
    /// Crate, and policy.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// Whether a send waits for the slowest receiver. If not, it is a [`LossyBroadcast`].
    const LOSSLESS: bool;
    /// The side that sends.
    type Sender: Clone + Send + Sync + 'static;
    /// The side that receives.
    type Receiver: Send + 'static;

    /// Keeps so many items: a power of two, to which some round it.
    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// A receiver of what is sent from now on.
    fn subscribe(sender: &Self::Sender) -> Self::Receiver;

    /// Sends. Whether there was a receiver.
    fn send(sender: &Self::Sender, item: u64) -> impl Future<Output = bool> + Send;

    /// Receives. The peer's own future, or next to it.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Heard> + Send;
}

/// Its senders never wait: who receives too slowly misses items.
pub trait LossyBroadcast: AsyncBroadcast {
    /// Sends. Whether there was a receiver.
    fn send_now(sender: &Self::Sender, item: u64) -> bool;
}

/// What a package has: its ends, how one subscribes and receives; then its policies: each one's name, whether
/// it is lossless, how a channel is made and how one sends.
macro_rules! broadcasts {
    ($package:literal, $sender:ty, $receiver:ty, $subscribe:path, |$rx:ident| $recv:expr;
     $($(#[$attr:meta])* $name:ident = $title:literal, lossless: $lossless:tt, $make:path,
       |$tx:ident, $item:ident| $send:expr;)*) => {$(
        $(#[$attr])*
        #[derive(Debug)]
        pub struct $name;

        impl AsyncBroadcast for $name {
            const NAME: &'static str = $title;
            const PACKAGE: &'static str = $package;
            const LOSSLESS: bool = $lossless;
            type Sender = $sender;
            type Receiver = $receiver;

            fn channel(capacity: usize) -> ($sender, $receiver) {
                $make(capacity)
            }

            fn subscribe(sender: &$sender) -> $receiver {
                $subscribe(sender)
            }

            #[inline]
            async fn send($tx: &$sender, $item: u64) -> bool {
                $send
            }

            #[inline]
            async fn recv($rx: &mut $receiver) -> Heard {
                $recv
            }
        }

        broadcasts!(@$lossless $name, |$tx, $item| $send);
    )*};
    (@false $name:ident, |$tx:ident, $item:ident| $send:expr) => {
        impl LossyBroadcast for $name {
            fn send_now($tx: &Self::Sender, $item: u64) -> bool {
                $send
            }
        }
    };
    (@true $($lossless:tt)*) => {};
}

broadcasts! {
    "async-sync", ours::Sender<u64>, ours::Receiver<u64>, ours::Sender::subscribe,
    |rx| match rx.recv().await {
        Ok(item) => Heard::Item(item),
        Err(ours::RecvError::Lagged(missed)) => Heard::Lagged(missed),
        Err(ours::RecvError::Closed) => Heard::Closed,
    };

    /// Ours, whose senders never wait.
    Ours = "async-sync", lossless: false, ours::channel, |tx, item| tx.send(item).is_ok();

    /// Ours, whose senders wait for the slowest receiver.
    OursLossless = "async-sync, lossless", lossless: true, ours::channel,
    |tx, item| tx.send_lossless(item).await.is_ok();
}

broadcasts! {
    "tokio", tokios::Sender<u64>, tokios::Receiver<u64>, tokios::Sender::subscribe,
    |rx| match rx.recv().await {
        Ok(item) => Heard::Item(item),
        Err(tokios::error::RecvError::Lagged(missed)) => Heard::Lagged(missed),
        Err(tokios::error::RecvError::Closed) => Heard::Closed,
    };

    /// tokio's, whose senders never wait.
    Tokio = "tokio", lossless: false, tokios::channel, |tx, item| tx.send(item).is_ok();
}

fn overflowing(capacity: usize) -> (async_broadcast::Sender<u64>, async_broadcast::Receiver<u64>) {
    let (mut sender, receiver) = async_broadcast::broadcast(capacity);
    sender.set_overflow(true);
    (sender, receiver)
}

broadcasts! {
    "async-broadcast", async_broadcast::Sender<u64>, async_broadcast::Receiver<u64>,
    async_broadcast::Sender::new_receiver,
    // The future that is not boxed.
    |rx| match rx.recv_direct().await {
        Ok(item) => Heard::Item(item),
        Err(async_broadcast::RecvError::Overflowed(missed)) => Heard::Lagged(missed),
        Err(async_broadcast::RecvError::Closed) => Heard::Closed,
    };

    /// async-broadcast, whose senders wait for the slowest receiver.
    AsyncBroadcastCrate = "async-broadcast, lossless", lossless: true, async_broadcast::broadcast,
    |tx, item| tx.broadcast_direct(item).await.is_ok();

    /// async-broadcast, told to overflow: its senders never wait.
    AsyncBroadcastOverflowing = "async-broadcast", lossless: false, overflowing,
    |tx, item| tx.try_broadcast(item).is_ok();
}
