//! Channels for one item: ours and the peers', behind one trait.

use ::tokio::sync::oneshot as tokios;
use async_sync::oneshot as ours;
use futures::channel::oneshot as futures_oneshot;

/// A channel for one number.
pub trait AsyncOneshot: 'static {
    /// Crate.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// The side that sends.
    type Sender: Send + 'static;
    /// The side that receives.
    type Receiver: Send + 'static;

    /// A channel.
    fn channel() -> (Self::Sender, Self::Receiver);

    /// Sends. Whether somebody was there to receive.
    fn send(sender: Self::Sender, item: u64) -> bool;

    /// Waits until nobody waits for the item any more.
    fn closed(sender: &mut Self::Sender) -> impl Future<Output = ()> + Send;

    /// Receives, with a receiver that can be used again. The peer's own future, or next to it.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

/// Ours.
#[derive(Debug)]
pub struct Ours;

impl AsyncOneshot for Ours {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";
    type Sender = ours::Sender<u64>;
    type Receiver = ours::Receiver<u64>;

    #[inline]
    fn channel() -> (Self::Sender, Self::Receiver) {
        ours::channel()
    }

    #[inline]
    fn send(sender: Self::Sender, item: u64) -> bool {
        sender.send(item).is_ok()
    }

    async fn closed(sender: &mut Self::Sender) {
        sender.closed().await;
    }

    #[inline]
    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

/// tokio's.
#[derive(Debug)]
pub struct Tokio;

impl AsyncOneshot for Tokio {
    const NAME: &'static str = "tokio";
    const PACKAGE: &'static str = "tokio";
    type Sender = tokios::Sender<u64>;
    type Receiver = tokios::Receiver<u64>;

    #[inline]
    fn channel() -> (Self::Sender, Self::Receiver) {
        tokios::channel()
    }

    #[inline]
    fn send(sender: Self::Sender, item: u64) -> bool {
        sender.send(item).is_ok()
    }

    async fn closed(sender: &mut Self::Sender) {
        sender.closed().await;
    }

    #[inline]
    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.await.ok()
    }
}

/// futures'.
#[derive(Debug)]
pub struct Futures;

impl AsyncOneshot for Futures {
    const NAME: &'static str = "futures";
    const PACKAGE: &'static str = "futures";
    type Sender = futures_oneshot::Sender<u64>;
    type Receiver = futures_oneshot::Receiver<u64>;

    #[inline]
    fn channel() -> (Self::Sender, Self::Receiver) {
        futures_oneshot::channel()
    }

    #[inline]
    fn send(sender: Self::Sender, item: u64) -> bool {
        sender.send(item).is_ok()
    }

    async fn closed(sender: &mut Self::Sender) {
        sender.cancellation().await;
    }

    #[inline]
    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.await.ok()
    }
}
