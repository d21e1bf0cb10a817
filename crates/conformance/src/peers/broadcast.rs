//! Broadcasts: ours and the peers', behind one trait.
//!
//! A type with several policies for slow receivers is here once for each. Left out, because they cannot be
//! compared: bus and similar channels that block threads; postage, whose last release is years old; mea,
//! which has none.

use ::tokio::sync::broadcast as theirs;
use async_sync::broadcast as ours;

/// What a receiver gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// The next item.
    Item(u64),
    /// So many items were thrown away before it had them.
    Missed(u64),
    /// There will be none.
    End,
}

/// A channel of numbers whose every receiver gets every item.
pub trait AsyncBroadcast: 'static {
    /// Crate, and policy.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// Whether a send waits for the slowest receiver. If not, that one misses items.
    const LOSSLESS: bool;
    /// The side that sends.
    type Sender: Clone + Send + 'static;
    /// The side that receives.
    type Receiver: Send + 'static;

    /// Keeps so many items: a power of two, to which some round it.
    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// A receiver of what is sent from now on.
    fn subscribe(sender: &Self::Sender) -> Self::Receiver;

    /// Sends. Whether there was a receiver.
    fn send(sender: &mut Self::Sender, item: u64) -> impl Future<Output = bool> + Send;

    /// Receives. The peer's own future, or next to it.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Got> + Send;
}

fn got_ours(received: Result<u64, ours::RecvError>) -> Got {
    match received {
        Ok(item) => Got::Item(item),
        Err(ours::RecvError::Lagged(missed)) => Got::Missed(missed),
        Err(ours::RecvError::Closed) => Got::End,
    }
}

/// Ours, whose senders never wait.
#[derive(Debug)]
pub struct Ours;

impl AsyncBroadcast for Ours {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";
    const LOSSLESS: bool = false;
    type Sender = ours::Sender<u64>;
    type Receiver = ours::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        ours::channel(capacity)
    }

    fn subscribe(sender: &Self::Sender) -> Self::Receiver {
        sender.subscribe()
    }

    #[inline]
    async fn send(sender: &mut Self::Sender, item: u64) -> bool {
        sender.send(item).is_ok()
    }

    #[inline]
    async fn recv(receiver: &mut Self::Receiver) -> Got {
        got_ours(receiver.recv().await)
    }
}

/// Ours, whose senders wait for the slowest receiver.
#[derive(Debug)]
pub struct OursLossless;

impl AsyncBroadcast for OursLossless {
    const NAME: &'static str = "async-sync, lossless";
    const PACKAGE: &'static str = "async-sync";
    const LOSSLESS: bool = true;
    type Sender = ours::Sender<u64>;
    type Receiver = ours::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        ours::channel(capacity)
    }

    fn subscribe(sender: &Self::Sender) -> Self::Receiver {
        sender.subscribe()
    }

    #[inline]
    async fn send(sender: &mut Self::Sender, item: u64) -> bool {
        sender.send_lossless(item).await.is_ok()
    }

    #[inline]
    async fn recv(receiver: &mut Self::Receiver) -> Got {
        got_ours(receiver.recv().await)
    }
}

/// tokio's, whose senders never wait.
#[derive(Debug)]
pub struct Tokio;

impl AsyncBroadcast for Tokio {
    const NAME: &'static str = "tokio";
    const PACKAGE: &'static str = "tokio";
    const LOSSLESS: bool = false;
    type Sender = theirs::Sender<u64>;
    type Receiver = theirs::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        theirs::channel(capacity)
    }

    fn subscribe(sender: &Self::Sender) -> Self::Receiver {
        sender.subscribe()
    }

    #[inline]
    async fn send(sender: &mut Self::Sender, item: u64) -> bool {
        sender.send(item).is_ok()
    }

    #[inline]
    async fn recv(receiver: &mut Self::Receiver) -> Got {
        match receiver.recv().await {
            Ok(item) => Got::Item(item),
            Err(theirs::error::RecvError::Lagged(missed)) => Got::Missed(missed),
            Err(theirs::error::RecvError::Closed) => Got::End,
        }
    }
}

async fn recv_direct(receiver: &mut async_broadcast::Receiver<u64>) -> Got {
    // The future that is not boxed.
    match receiver.recv_direct().await {
        Ok(item) => Got::Item(item),
        Err(async_broadcast::RecvError::Overflowed(missed)) => Got::Missed(missed),
        Err(async_broadcast::RecvError::Closed) => Got::End,
    }
}

/// async-broadcast, whose senders wait for the slowest receiver.
#[derive(Debug)]
pub struct AsyncBroadcastCrate;

impl AsyncBroadcast for AsyncBroadcastCrate {
    const NAME: &'static str = "async-broadcast, lossless";
    const PACKAGE: &'static str = "async-broadcast";
    const LOSSLESS: bool = true;
    type Sender = async_broadcast::Sender<u64>;
    type Receiver = async_broadcast::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_broadcast::broadcast(capacity)
    }

    fn subscribe(sender: &Self::Sender) -> Self::Receiver {
        sender.new_receiver()
    }

    #[inline]
    async fn send(sender: &mut Self::Sender, item: u64) -> bool {
        sender.broadcast_direct(item).await.is_ok()
    }

    #[inline]
    async fn recv(receiver: &mut Self::Receiver) -> Got {
        recv_direct(receiver).await
    }
}

/// async-broadcast, told to overflow: its senders never wait.
#[derive(Debug)]
pub struct AsyncBroadcastOverflowing;

impl AsyncBroadcast for AsyncBroadcastOverflowing {
    const NAME: &'static str = "async-broadcast";
    const PACKAGE: &'static str = "async-broadcast";
    const LOSSLESS: bool = false;
    type Sender = async_broadcast::Sender<u64>;
    type Receiver = async_broadcast::Receiver<u64>;

    fn channel(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let (mut sender, receiver) = async_broadcast::broadcast(capacity);
        sender.set_overflow(true);
        (sender, receiver)
    }

    fn subscribe(sender: &Self::Sender) -> Self::Receiver {
        sender.new_receiver()
    }

    #[inline]
    async fn send(sender: &mut Self::Sender, item: u64) -> bool {
        sender.try_broadcast(item).is_ok()
    }

    #[inline]
    async fn recv(receiver: &mut Self::Receiver) -> Got {
        recv_direct(receiver).await
    }
}
