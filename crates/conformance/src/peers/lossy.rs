//! Channels whose every receiver gets every item, with a limit to what is kept for the slow, who miss the rest.

use async_sync::broadcast;
use tokio::sync::broadcast as theirs;

/// What a receiver is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The next item.
    Item(u64),
    /// So many were missed.
    Lagged(u64),
    /// There will be none.
    Closed,
}

/// The side that sends.
pub trait LossyBroadcast: Clone + Send + Sync + Sized + 'static {
    /// Crate.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// The other side.
    type Receiver: LossyReceiver;

    /// Keeps so many items: a power of two, since tokio rounds up.
    fn new(capacity: usize) -> Self;

    /// Sends to all that there are. Whether there was somebody.
    fn send(&self, item: u64) -> bool;

    /// Receives what is sent from now on.
    fn subscribe(&self) -> Self::Receiver;
}

/// The side that receives.
pub trait LossyReceiver: Send + Sync + Sized + 'static {
    /// The next item.
    fn recv(&mut self) -> impl Future<Output = Heard> + Send;
}

impl LossyBroadcast for broadcast::Sender<u64> {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";
    type Receiver = broadcast::Receiver<u64>;

    fn new(capacity: usize) -> Self {
        broadcast::channel(capacity).0
    }

    fn send(&self, item: u64) -> bool {
        self.send(item).is_ok()
    }

    fn subscribe(&self) -> Self::Receiver {
        self.subscribe()
    }
}

impl LossyReceiver for broadcast::Receiver<u64> {
    async fn recv(&mut self) -> Heard {
        match self.recv().await {
            Ok(item) => Heard::Item(item),
            Err(broadcast::RecvError::Lagged(missed)) => Heard::Lagged(missed),
            Err(broadcast::RecvError::Closed) => Heard::Closed,
        }
    }
}

impl LossyBroadcast for theirs::Sender<u64> {
    const NAME: &'static str = "tokio";
    const PACKAGE: &'static str = "tokio";
    type Receiver = theirs::Receiver<u64>;

    fn new(capacity: usize) -> Self {
        Self::new(capacity)
    }

    fn send(&self, item: u64) -> bool {
        self.send(item).is_ok()
    }

    fn subscribe(&self) -> Self::Receiver {
        self.subscribe()
    }
}

impl LossyReceiver for theirs::Receiver<u64> {
    async fn recv(&mut self) -> Heard {
        match self.recv().await {
            Ok(item) => Heard::Item(item),
            Err(theirs::error::RecvError::Lagged(missed)) => Heard::Lagged(missed),
            Err(theirs::error::RecvError::Closed) => Heard::Closed,
        }
    }
}
