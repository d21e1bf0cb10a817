//! tokio, and tokio-util's `TaskTracker` for a wait group.

use ::tokio::sync::{AcquireError, MutexGuard, SemaphorePermit};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::mutex::usual_mutex;
use super::once::usual_once_cell;
use super::{
    AsyncBarrier, AsyncGate, AsyncSemaphore, AsyncSignal, AsyncWaitGroup, BlockingMutex,
    ClosableSemaphore, GrowableSemaphore, OneByOne, ReusableWaitGroup, WeightedSemaphore,
};

/// tokio's mutex.
pub type Mutex = ::tokio::sync::Mutex<u64>;
/// tokio's semaphore.
///
/// Not [shrinkable](super::ShrinkableSemaphore): `forget_permits` takes only those that are free.
pub type Semaphore = ::tokio::sync::Semaphore;
/// A `TaskTracker`.
pub type WaitGroup = TaskTracker;
/// tokio's cell. Not [waiting](super::WaitingOnceCell): that is another type, which has no initialiser.
pub type OnceCell = ::tokio::sync::OnceCell<u64>;

usual_mutex! { Mutex, "tokio", "tokio", Self::new, MutexGuard<'a, u64>, |tried| tried.ok() }

impl BlockingMutex for Mutex {
    fn lock_blocking(&self) -> Self::Guard<'_> {
        self.blocking_lock()
    }
}

impl AsyncSemaphore for Semaphore {
    const NAME: &'static str = "tokio";
    const PACKAGE: &'static str = "tokio";
    type Permit<'a> = Result<SemaphorePermit<'a>, AcquireError>;

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
        self.acquire_many(u32::try_from(n).expect("tokio counts in u32"))
    }

    fn try_acquire_many(&self, n: usize) -> Option<Self::Permit<'_>> {
        let n = u32::try_from(n).expect("tokio counts in u32");
        self.try_acquire_many(n).ok().map(Ok)
    }
}

impl GrowableSemaphore for Semaphore {
    fn add_permits(&self, n: usize) {
        self.add_permits(n);
    }
}

impl ClosableSemaphore for Semaphore {
    fn close(&self) {
        self.close();
    }
}

impl AsyncWaitGroup for WaitGroup {
    const NAME: &'static str = "tokio-util TaskTracker";
    const PACKAGE: &'static str = "tokio-util";
    type Token = TaskTrackerToken;

    /// Closed at once: a tracker that is open is waited for even when it is empty. Closing does not
    /// refuse tokens.
    fn new() -> Self {
        let tracker = Self::new();
        tracker.close();
        tracker
    }

    fn token(&self) -> Self::Token {
        self.token()
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.wait()
    }
}

impl ReusableWaitGroup for WaitGroup {}

usual_once_cell! { OnceCell, "tokio" }

impl AsyncSignal for ::tokio::sync::Notify {
    const NAME: &'static str = "tokio Notify";
    const PACKAGE: &'static str = "tokio";

    fn new() -> Self {
        Self::new()
    }

    fn set(&self) {
        self.notify_one();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.notified()
    }
}

impl OneByOne for ::tokio::sync::Notify {}

impl AsyncGate for ::tokio::sync::Notify {
    const NAME: &'static str = "tokio Notify";
    const PACKAGE: &'static str = "tokio";

    fn new() -> Self {
        Self::new()
    }

    fn open(&self) {
        self.notify_waiters();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.notified()
    }
}

impl AsyncBarrier for ::tokio::sync::Barrier {
    const NAME: &'static str = "tokio";
    const PACKAGE: &'static str = "tokio";

    fn new(parties: usize) -> Self {
        Self::new(parties)
    }

    async fn wait(&self) -> bool {
        self.wait().await.is_leader()
    }
}
