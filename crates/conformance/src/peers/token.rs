//! What trees of cancellation and watched values do, and who has them.

use async_sync::context::OnCancel;
use async_sync::{Context, watch};
use tokio_util::sync::CancellationToken;

/// A scope that is cancelled with the one above it.
pub trait AsyncToken: Clone + Send + Sync + Sized + 'static {
    /// Crate and type.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;

    /// A root.
    fn new() -> Self;

    /// A scope below this one.
    fn child(&self) -> Self;

    /// Cancels it and all below.
    fn cancel(&self);

    /// Whether it is cancelled.
    fn is_cancelled(&self) -> bool;

    /// Waits until it is. The peer's own future, if that tells nothing.
    fn cancelled(&self) -> impl Future<Output = ()> + Send;
}

/// Can have several parents.
pub trait TokenWithParents: AsyncToken {
    /// A scope below several others.
    fn child_of(parents: &[Self]) -> Self;
}

/// Calls functions when it is cancelled.
pub trait TokenWithCallbacks: AsyncToken {
    /// Withdraws the function when it is dropped.
    type Callback: Send;

    /// Calls `callback` when it is cancelled.
    fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> Self::Callback;

    /// Withdraws the function. Whether it will never be called.
    fn withdraw(callback: Self::Callback) -> bool;
}

impl TokenWithParents for Context {
    fn child_of(parents: &[Self]) -> Self {
        Context::child_of(parents)
    }
}

impl TokenWithCallbacks for Context {
    type Callback = OnCancel;

    fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> OnCancel {
        self.on_cancel(move |_| callback())
    }

    fn withdraw(callback: OnCancel) -> bool {
        callback.stop()
    }
}

impl AsyncToken for Context {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";

    fn new() -> Self {
        Self::new()
    }

    fn child(&self) -> Self {
        self.child()
    }

    fn cancel(&self) {
        self.cancel();
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled()
    }

    async fn cancelled(&self) {
        self.cancelled().await;
    }
}

impl AsyncToken for CancellationToken {
    const NAME: &'static str = "tokio-util";
    const PACKAGE: &'static str = "tokio-util";

    fn new() -> Self {
        Self::new()
    }

    fn child(&self) -> Self {
        self.child_token()
    }

    fn cancel(&self) {
        self.cancel();
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled()
    }

    fn cancelled(&self) -> impl Future<Output = ()> + Send {
        self.cancelled()
    }
}

/// The last value, and word of every change: the side that stores.
pub trait AsyncWatch: Send + Sync + Sized + 'static {
    /// Crate and type.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// The other side.
    type Receiver: WatchReceiver;

    /// Both sides, with a first value.
    fn new(value: u64) -> (Self, Self::Receiver);

    /// Stores a value.
    fn store(&self, value: u64);

    /// The last value.
    fn load(&self) -> u64;
}

/// The side that is told.
pub trait WatchReceiver: Clone + Send + Sync + Sized + 'static {
    /// The last value.
    fn load(&mut self) -> u64;

    /// Does `work` while it has a reference to the last value.
    fn borrowed(&mut self, work: impl FnOnce(&u64));

    /// Waits for a value that it has not seen; None if there is none and will be none.
    fn changed(&mut self) -> impl Future<Output = Option<u64>> + Send;
}

impl AsyncWatch for watch::Sender<u64> {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";
    type Receiver = watch::Receiver<u64>;

    fn new(value: u64) -> (Self, Self::Receiver) {
        watch::channel(value)
    }

    fn store(&self, value: u64) {
        (**self).store(value);
    }

    fn load(&self) -> u64 {
        *(**self).load()
    }
}

impl WatchReceiver for watch::Receiver<u64> {
    fn load(&mut self) -> u64 {
        *self.borrow()
    }

    fn borrowed(&mut self, work: impl FnOnce(&u64)) {
        work(self.borrow());
    }

    async fn changed(&mut self) -> Option<u64> {
        self.changed().await.ok().copied()
    }
}

impl AsyncWatch for tokio::sync::watch::Sender<u64> {
    const NAME: &'static str = "tokio";
    const PACKAGE: &'static str = "tokio";
    type Receiver = tokio::sync::watch::Receiver<u64>;

    fn new(value: u64) -> (Self, Self::Receiver) {
        tokio::sync::watch::channel(value)
    }

    fn store(&self, value: u64) {
        self.send_replace(value);
    }

    fn load(&self) -> u64 {
        *self.borrow()
    }
}

impl WatchReceiver for tokio::sync::watch::Receiver<u64> {
    fn load(&mut self) -> u64 {
        *self.borrow_and_update()
    }

    fn borrowed(&mut self, work: impl FnOnce(&u64)) {
        work(&self.borrow_and_update());
    }

    async fn changed(&mut self) -> Option<u64> {
        self.changed().await.ok()?;
        Some(*self.borrow_and_update())
    }
}
