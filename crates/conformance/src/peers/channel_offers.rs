//! What channels do beyond sending and receiving, and who does it.
//!
//! Every channel tries and gives back ([`TryChannel`]) and carries values that have destructors
//! ([`ValueChannel`]); the rest are offers.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};

use super::AsyncChannel;
use super::channels::{
    AsyncChannelCrate, Crossfire, Flume, Futures, Kanal, Ours, Tachyonix, Tokio,
};

/// Something that says when it is dropped: the last reference tells.
pub type Value = Arc<()>;

/// Tries, and says what comes back of an item that is refused.
pub trait TryChannel: AsyncChannel {
    /// Sends if that is possible at once. Whether it was.
    fn try_send(sender: &mut Self::Sender, item: u64) -> bool;

    /// Receives what is there.
    fn try_recv(receiver: &mut Self::Receiver) -> Option<u64>;

    /// Sends, and returns what the channel gives back if it is closed.
    fn send_or_back(
        sender: &mut Self::Sender,
        item: u64,
    ) -> impl Future<Output = Result<(), Option<u64>>> + Send;
}

/// The same channel, for values with destructors.
pub trait ValueChannel: AsyncChannel {
    /// The side that sends.
    type ValueSender: Clone + Send + 'static;
    /// The side that receives.
    type ValueReceiver: Send + 'static;

    /// With so many places.
    fn values(capacity: usize) -> (Self::ValueSender, Self::ValueReceiver);

    /// Sends. Whether the channel was open.
    fn send_value(
        sender: &mut Self::ValueSender,
        value: Value,
    ) -> impl Future<Output = bool> + Send;

    /// Receives.
    fn recv_value(receiver: &mut Self::ValueReceiver)
    -> impl Future<Output = Option<Value>> + Send;
}

/// Can be closed while there are handles on both sides.
pub trait ClosableChannel: TryChannel {
    /// Closes.
    fn close(receiver: &mut Self::Receiver);
}

/// Keeps a place for who wants to send later.
pub trait ReservingChannel: ClosableChannel {
    /// The place.
    type Permit<'a>: Send;

    /// Waits for a place. The peer's own future, or next to it. `None`: closed.
    fn reserve(sender: &Self::Sender) -> impl Future<Output = Option<Self::Permit<'_>>> + Send;

    /// Reserves a place if there is one.
    fn try_reserve(sender: &Self::Sender) -> Option<Self::Permit<'_>>;

    /// Uses it.
    fn use_place(permit: Self::Permit<'_>, item: u64);
}

/// Receives many at a time.
pub trait ManyChannel: TryChannel {
    /// Waits for one, and receives up to so many.
    fn recv_many(
        receiver: &mut Self::Receiver,
        items: &mut Vec<u64>,
        limit: usize,
    ) -> impl Future<Output = usize> + Send;
}

macro_rules! offers {
    ($name:ident, $sender:ty, $receiver:ty, $make:path,
     try: |$tt:ident, $ti:ident| $try_send:expr, |$tr:ident| $try_recv:expr,
     send: |$st:ident, $si:ident| $send:expr, recv: |$rr:ident| $recv:expr) => {
        impl TryChannel for $name {
            fn try_send($tt: &mut Self::Sender, $ti: u64) -> bool {
                $try_send
            }

            fn try_recv($tr: &mut Self::Receiver) -> Option<u64> {
                $try_recv
            }

            async fn send_or_back($st: &mut Self::Sender, $si: u64) -> Result<(), Option<u64>> {
                $send
            }
        }

        impl ValueChannel for $name {
            type ValueSender = $sender;
            type ValueReceiver = $receiver;

            fn values(capacity: usize) -> ($sender, $receiver) {
                $make(capacity)
            }

            async fn send_value($st: &mut $sender, $si: Value) -> bool {
                let sent: Result<(), Option<Value>> = $send;
                sent.is_ok()
            }

            async fn recv_value($rr: &mut $receiver) -> Option<Value> {
                $recv
            }
        }
    };
}

offers!(
    Ours,
    async_sync::channel::Sender<Value>,
    async_sync::channel::Receiver<Value>,
    async_sync::channel::bounded,
    try: |tx, item| tx.try_send(item).is_ok(), |rx| rx.try_recv().ok(),
    send: |tx, item| tx.send(item).await.map_err(|back| Some(back.into_inner())),
    recv: |rx| rx.recv().await
);

offers!(
    Tokio,
    ::tokio::sync::mpsc::Sender<Value>,
    ::tokio::sync::mpsc::Receiver<Value>,
    ::tokio::sync::mpsc::channel,
    try: |tx, item| tx.try_send(item).is_ok(), |rx| rx.try_recv().ok(),
    send: |tx, item| tx.send(item).await.map_err(|back| Some(back.0)),
    recv: |rx| rx.recv().await
);

offers!(
    AsyncChannelCrate,
    async_channel::Sender<Value>,
    async_channel::Receiver<Value>,
    async_channel::bounded,
    try: |tx, item| tx.try_send(item).is_ok(), |rx| rx.try_recv().ok(),
    send: |tx, item| tx.send(item).await.map_err(|back| Some(back.into_inner())),
    recv: |rx| rx.recv().await.ok()
);

offers!(
    Flume,
    flume::Sender<Value>,
    flume::Receiver<Value>,
    flume::bounded,
    try: |tx, item| tx.try_send(item).is_ok(), |rx| rx.try_recv().ok(),
    send: |tx, item| tx.send_async(item).await.map_err(|back| Some(back.into_inner())),
    recv: |rx| rx.recv_async().await.ok()
);

offers!(
    Kanal,
    kanal::AsyncSender<Value>,
    kanal::AsyncReceiver<Value>,
    kanal::bounded_async,
    try: |tx, item| tx.try_send(item).is_ok_and(|sent| sent), |rx| rx.try_recv().ok().flatten(),
    send: |tx, item| tx.send(item).await.map_err(|_| None),
    recv: |rx| rx.recv().await.ok()
);

offers!(
    Crossfire,
    crossfire::MAsyncTx<crossfire::mpmc::Array<Value>>,
    crossfire::MAsyncRx<crossfire::mpmc::Array<Value>>,
    crossfire::mpmc::bounded_async,
    try: |tx, item| tx.try_send(item).is_ok(), |rx| rx.try_recv().ok(),
    send: |tx, item| tx.send(item).await.map_err(|back| Some(back.0)),
    recv: |rx| rx.recv().await.ok()
);

offers!(
    Tachyonix,
    tachyonix::Sender<Value>,
    tachyonix::Receiver<Value>,
    tachyonix::channel,
    try: |tx, item| tx.try_send(item).is_ok(), |rx| rx.try_recv().ok(),
    send: |tx, item| tx.send(item).await.map_err(|back| Some(back.0)),
    recv: |rx| rx.recv().await.ok()
);

offers!(
    Futures,
    futures::channel::mpsc::Sender<Value>,
    futures::channel::mpsc::Receiver<Value>,
    futures::channel::mpsc::channel,
    try: |tx, item| tx.try_send(item).is_ok(), |rx| rx.try_recv().ok(),
    send: |tx, item| tx.send(item).await.map_err(|_| None),
    recv: |rx| rx.next().await
);

macro_rules! closable {
    ($($name:ident),*) => {
        $(impl ClosableChannel for $name {
            fn close(receiver: &mut Self::Receiver) {
                let _ = receiver.close();
            }
        })*
    };
}

closable!(Ours, Tokio, AsyncChannelCrate, Kanal, Tachyonix, Futures);

impl ReservingChannel for Ours {
    type Permit<'a> = async_sync::channel::Permit<'a, u64>;

    async fn reserve(sender: &Self::Sender) -> Option<Self::Permit<'_>> {
        sender.reserve().await.ok()
    }

    fn try_reserve(sender: &Self::Sender) -> Option<Self::Permit<'_>> {
        sender.try_reserve().ok()
    }

    fn use_place(permit: Self::Permit<'_>, item: u64) {
        // A refusal shows in what is received.
        let _ = permit.send(item);
    }
}

impl ReservingChannel for Tokio {
    type Permit<'a> = ::tokio::sync::mpsc::Permit<'a, u64>;

    async fn reserve(sender: &Self::Sender) -> Option<Self::Permit<'_>> {
        sender.reserve().await.ok()
    }

    fn try_reserve(sender: &Self::Sender) -> Option<Self::Permit<'_>> {
        sender.try_reserve().ok()
    }

    fn use_place(permit: Self::Permit<'_>, item: u64) {
        permit.send(item);
    }
}

impl ManyChannel for Ours {
    async fn recv_many(receiver: &mut Self::Receiver, items: &mut Vec<u64>, limit: usize) -> usize {
        receiver.recv_many(items, limit).await
    }
}

impl ManyChannel for Tokio {
    async fn recv_many(receiver: &mut Self::Receiver, items: &mut Vec<u64>, limit: usize) -> usize {
        receiver.recv_many(items, limit).await
    }
}
