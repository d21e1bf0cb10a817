//! Channels: ours and the peers', behind one trait.
//!
//! Left out, because it cannot be compared fairly: crossfire and tachyonix as rendezvous channels; they
//! have none (crossfire makes a channel of one place of it). futures' sender has to be mutable, hence the
//! `&mut` of the trait, and a clone of it brings one place more.

use futures::{SinkExt, StreamExt};

/// An asynchronous channel of numbers.
pub trait AsyncChannel: 'static {
    /// Crate.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// The side that sends.
    type Sender: Clone + Send + 'static;
    /// The side that receives.
    type Receiver: Send + 'static;

    /// With so many places, at least one.
    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver);

    /// Sends. The peer's own future, or next to it. Whether the channel was open.
    fn send(sender: &mut Self::Sender, item: u64) -> impl Future<Output = bool> + Send;

    /// Receives. The peer's own future, or next to it. `None`: closed and empty.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

/// Has any number of receivers.
pub trait SharedChannel: AsyncChannel {
    /// Another receiver.
    fn share(receiver: &Self::Receiver) -> Self::Receiver;
}

/// Can be made without places.
pub trait RendezvousChannel: AsyncChannel {
    /// Without places.
    fn rendezvous() -> (Self::Sender, Self::Receiver);
}

macro_rules! channel {
    ($(#[$attr:meta])* $name:ident = $title:literal, $package:literal,
     $sender:ty, $receiver:ty, $make:path,
     |$tx:ident, $item:ident| $send:expr, |$rx:ident| $recv:expr $(, $more:ident)*) => {
        $(#[$attr])*
        #[derive(Debug)]
        pub struct $name;

        impl AsyncChannel for $name {
            const NAME: &'static str = $title;
            const PACKAGE: &'static str = $package;
            type Sender = $sender;
            type Receiver = $receiver;

            fn bounded(capacity: usize) -> ($sender, $receiver) {
                $make(capacity)
            }

            #[inline]
            async fn send($tx: &mut $sender, $item: u64) -> bool {
                $send
            }

            #[inline]
            async fn recv($rx: &mut $receiver) -> Option<u64> {
                $recv
            }
        }

        $(channel!(@$more $name);)*
    };
    (@shared $name:ident) => {
        impl SharedChannel for $name {
            fn share(receiver: &Self::Receiver) -> Self::Receiver {
                receiver.clone()
            }
        }
    };
    (@rendezvous $name:ident) => {
        impl RendezvousChannel for $name {
            fn rendezvous() -> (Self::Sender, Self::Receiver) {
                Self::bounded(0)
            }
        }
    };
}

channel!(
    /// Ours.
    Ours = "async-sync", "async-sync",
    async_sync::channel::Sender<u64>, async_sync::channel::Receiver<u64>,
    async_sync::channel::bounded,
    |tx, item| tx.send(item).await.is_ok(), |rx| rx.recv().await, shared, rendezvous
);

channel!(
    /// tokio's mpsc.
    Tokio = "tokio", "tokio",
    ::tokio::sync::mpsc::Sender<u64>, ::tokio::sync::mpsc::Receiver<u64>,
    ::tokio::sync::mpsc::channel,
    |tx, item| tx.send(item).await.is_ok(), |rx| rx.recv().await
);

channel!(
    /// async-channel.
    AsyncChannelCrate = "async-channel", "async-channel",
    async_channel::Sender<u64>, async_channel::Receiver<u64>,
    async_channel::bounded,
    |tx, item| tx.send(item).await.is_ok(), |rx| rx.recv().await.ok(), shared
);

channel!(
    /// flume.
    Flume = "flume", "flume",
    flume::Sender<u64>, flume::Receiver<u64>,
    flume::bounded,
    |tx, item| tx.send_async(item).await.is_ok(), |rx| rx.recv_async().await.ok(), shared, rendezvous
);

channel!(
    /// kanal.
    Kanal = "kanal", "kanal",
    kanal::AsyncSender<u64>, kanal::AsyncReceiver<u64>,
    kanal::bounded_async,
    |tx, item| tx.send(item).await.is_ok(), |rx| rx.recv().await.ok(), shared, rendezvous
);

channel!(
    /// crossfire's mpmc.
    Crossfire = "crossfire", "crossfire",
    crossfire::MAsyncTx<crossfire::mpmc::Array<u64>>,
    crossfire::MAsyncRx<crossfire::mpmc::Array<u64>>,
    crossfire::mpmc::bounded_async,
    |tx, item| tx.send(item).await.is_ok(), |rx| rx.recv().await.ok(), shared
);

channel!(
    /// tachyonix.
    Tachyonix = "tachyonix", "tachyonix",
    tachyonix::Sender<u64>, tachyonix::Receiver<u64>,
    tachyonix::channel,
    |tx, item| tx.send(item).await.is_ok(), |rx| rx.recv().await.ok()
);

channel!(
    /// futures' mpsc, whose capacity does not count one place of each sender.
    Futures = "futures", "futures",
    futures::channel::mpsc::Sender<u64>, futures::channel::mpsc::Receiver<u64>,
    futures::channel::mpsc::channel,
    |tx, item| tx.send(item).await.is_ok(), |rx| rx.next().await
);
