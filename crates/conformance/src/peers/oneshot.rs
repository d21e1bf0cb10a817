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

macro_rules! oneshot {
    ($(#[$attr:meta])* $name:ident = $title:literal, $module:ident,
     |$tx:ident| $closed:expr, |$rx:ident| $recv:expr) => {
        $(#[$attr])*
        #[derive(Debug)]
        pub struct $name;

        impl AsyncOneshot for $name {
            const NAME: &'static str = $title;
            const PACKAGE: &'static str = $title;
            type Sender = $module::Sender<u64>;
            type Receiver = $module::Receiver<u64>;

            #[inline]
            fn channel() -> (Self::Sender, Self::Receiver) {
                $module::channel()
            }

            #[inline]
            fn send(sender: Self::Sender, item: u64) -> bool {
                sender.send(item).is_ok()
            }

            async fn closed($tx: &mut Self::Sender) {
                $closed.await;
            }

            #[inline]
            async fn recv($rx: &mut Self::Receiver) -> Option<u64> {
                $recv.await.ok()
            }
        }
    };
}

oneshot!(
    /// Ours.
    Ours = "async-sync", ours, |tx| tx.closed(), |rx| rx.recv()
);

oneshot!(
    /// tokio's.
    Tokio = "tokio", tokios, |tx| tx.closed(), |rx| rx
);

oneshot!(
    /// futures'.
    Futures = "futures", futures_oneshot, |tx| tx.cancellation(), |rx| rx
);
