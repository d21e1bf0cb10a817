//! maitake-sync, with its feature `std`.

use maitake_sync::{MutexGuard, WaitResult, semaphore};

use super::mutex::usual_mutex;
use super::{
    AsyncGate, AsyncSemaphore, AsyncSignal, ClosableSemaphore, GrowableSemaphore, OneByOne,
    WeightedSemaphore,
};

/// maitake-sync's mutex.
pub type Mutex = maitake_sync::Mutex<u64>;
/// maitake-sync's semaphore.
pub type Semaphore = maitake_sync::Semaphore;

usual_mutex! { Mutex, "maitake-sync", "maitake-sync", Self::new, MutexGuard<'a, u64>, |tried| tried }

impl AsyncSemaphore for Semaphore {
    const NAME: &'static str = "maitake-sync";
    const PACKAGE: &'static str = "maitake-sync";
    type Permit<'a> = WaitResult<semaphore::Permit<'a>>;

    fn new(permits: usize) -> Self {
        Self::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send {
        self.acquire(1)
    }

    fn try_acquire(&self) -> Option<Self::Permit<'_>> {
        self.try_acquire(1).ok().map(Ok)
    }

    fn is_refusal(permit: &Self::Permit<'_>) -> bool {
        permit.is_err()
    }
}

impl WeightedSemaphore for Semaphore {
    fn acquire_many(&self, n: usize) -> impl Future<Output = Self::Permit<'_>> + Send {
        self.acquire(n)
    }

    fn try_acquire_many(&self, n: usize) -> Option<Self::Permit<'_>> {
        self.try_acquire(n).ok().map(Ok)
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

impl AsyncSignal for maitake_sync::WaitQueue {
    const NAME: &'static str = "maitake-sync WaitQueue";
    const PACKAGE: &'static str = "maitake-sync";

    fn new() -> Self {
        Self::new()
    }

    fn set(&self) {
        self.wake();
    }

    async fn wait(&self) {
        // An error means closed, which nobody does.
        let _ = self.wait().await;
    }
}

impl OneByOne for maitake_sync::WaitQueue {}

impl AsyncGate for maitake_sync::WaitQueue {
    const NAME: &'static str = "maitake-sync WaitQueue";
    const PACKAGE: &'static str = "maitake-sync";

    fn new() -> Self {
        Self::new()
    }

    fn open(&self) {
        self.wake_all();
    }

    async fn wait(&self) {
        let _ = self.wait().await;
    }
}
