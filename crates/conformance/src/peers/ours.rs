//! Ours.

use std::sync::Arc;

use async_sync::mutex::{self, MutexGuard};
use async_sync::semaphore::{AcquireError, Permit};

use super::mutex::usual_mutex;
use super::once::usual_once_cell;
use super::{
    AsyncBarrier, AsyncGate, AsyncSemaphore, AsyncSignal, AsyncWaitGroup, BlockingMutex,
    ClosableSemaphore, GrowableSemaphore, OneByOne, ReusableWaitGroup, ShrinkableSemaphore,
    WaitingOnceCell, WeightedSemaphore,
};

/// The default policy.
pub type Adaptive = async_sync::Mutex<u64, mutex::Adaptive>;
/// Strict order.
pub type Fifo = async_sync::Mutex<u64, mutex::Fifo>;
/// Throughput only.
pub type Barging = async_sync::Mutex<u64, mutex::Barging>;
/// The semaphore.
pub type Semaphore = async_sync::Semaphore;
/// The wait group, with tokens that own it.
pub type WaitGroup = Arc<async_sync::WaitGroup>;
/// The cell.
pub type OnceCell = async_sync::OnceCell<u64>;

macro_rules! policies {
    ($($policy:ident),*) => {
        $(
            usual_mutex! {
                $policy, concat!("async-sync, ", stringify!($policy)), "async-sync",
                Self::with_policy, MutexGuard<'a, u64, mutex::$policy>, |tried| tried
            }

            impl BlockingMutex for $policy {
                fn lock_blocking(&self) -> Self::Guard<'_> {
                    self.lock_blocking()
                }
            }
        )*
    };
}

policies!(Adaptive, Fifo, Barging);

impl AsyncSemaphore for Semaphore {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";
    type Permit<'a> = Result<Permit<'a>, AcquireError>;

    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send {
        self.acquire()
    }

    fn try_acquire(&self) -> Option<Self::Permit<'_>> {
        self.try_acquire().ok().map(Ok)
    }

    fn is_refusal(permit: &Self::Permit<'_>) -> bool {
        permit.is_err()
    }
}

impl WeightedSemaphore for Semaphore {
    fn acquire_many(&self, n: usize) -> impl Future<Output = Self::Permit<'_>> + Send {
        self.acquire_many(n)
    }

    fn try_acquire_many(&self, n: usize) -> Option<Self::Permit<'_>> {
        self.try_acquire_many(n).ok().map(Ok)
    }
}

impl GrowableSemaphore for Semaphore {
    fn add_permits(&self, n: usize) {
        self.add_permits(n);
    }
}

impl ShrinkableSemaphore for Semaphore {
    fn remove_permits(&self, n: usize) {
        self.set_limit(self.limit() - n);
    }
}

impl ClosableSemaphore for Semaphore {
    fn close(&self) {
        self.close();
    }
}

impl AsyncWaitGroup for WaitGroup {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";
    type Token = async_sync::wait_group::OwnedToken;

    fn new() -> Self {
        Self::default()
    }

    fn token(&self) -> Self::Token {
        self.add_owned()
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        async_sync::WaitGroup::wait(self)
    }
}

impl ReusableWaitGroup for WaitGroup {}

usual_once_cell! { OnceCell, "async-sync" }

impl WaitingOnceCell for OnceCell {
    async fn wait(&self) -> u64 {
        *self.wait().await
    }
}

impl AsyncSignal for async_sync::AutoEvent {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";

    fn new() -> Self {
        Self::new()
    }

    fn set(&self) {
        self.set();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.wait()
    }
}

impl OneByOne for async_sync::AutoEvent {}

impl AsyncGate for async_sync::Event {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";

    fn new() -> Self {
        Self::new()
    }

    fn open(&self) {
        self.set();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.wait()
    }
}

impl AsyncGate for async_sync::Latch {
    const NAME: &'static str = "async-sync, Latch";
    const PACKAGE: &'static str = "async-sync";

    fn new() -> Self {
        Self::new(1)
    }

    fn open(&self) {
        self.count_down();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.wait()
    }
}

impl AsyncGate for async_sync::Notify {
    const NAME: &'static str = "async-sync, Notify";
    const PACKAGE: &'static str = "async-sync";

    fn new() -> Self {
        Self::new()
    }

    fn open(&self) {
        self.notify_all();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.listen()
    }
}

impl AsyncBarrier for async_sync::Barrier {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";

    fn new(parties: usize) -> Self {
        Self::new(parties)
    }

    #[allow(
        clippy::manual_async_fn,
        reason = "with its bound, as the trait has it"
    )]
    fn wait(&self) -> impl Future<Output = bool> + Send {
        async { self.wait().await.is_ok_and(|met| met.is_leader()) }
    }
}

/// A barrier that takes the arrival of a party that leaves back, and tells nobody.
#[derive(Debug)]
pub struct LenientBarrier(async_sync::Barrier);

impl AsyncBarrier for LenientBarrier {
    const NAME: &'static str = "async-sync, lenient";
    const PACKAGE: &'static str = "async-sync";

    fn new(parties: usize) -> Self {
        LenientBarrier(async_sync::Barrier::new(parties).lenient())
    }

    async fn wait(&self) -> bool {
        self.0.wait().await.is_ok_and(|met| met.is_leader())
    }
}
