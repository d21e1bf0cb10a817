//! saa. All its waits are `async fn`s.

use ::saa::MutexGuard;

use super::{AsyncMutex, AsyncSemaphore, BlockingMutex, GrowableSemaphore, WeightedSemaphore};

/// saa's mutex, by its feature `lock_api`.
pub type Mutex = ::saa::Mutex<u64>;

impl AsyncMutex for Mutex {
    const NAME: &'static str = "saa";
    const PACKAGE: &'static str = "saa";
    type Guard<'a> = MutexGuard<'a, u64>;

    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send {
        ::saa::lock_async(self)
    }

    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.try_lock()
    }
}

impl BlockingMutex for Mutex {
    fn lock_blocking(&self) -> Self::Guard<'_> {
        self.lock()
    }
}

/// saa's semaphore, whose permits are not values: the adapter adds a guard that gives them back, and
/// an `async` block around the peer's future that makes the guard.
#[derive(Debug)]
pub struct Semaphore(::saa::Semaphore);

/// Permits of saa's semaphore, given back when dropped.
#[derive(Debug)]
pub struct Permit<'a>(&'a ::saa::Semaphore, usize);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.release_many(self.1);
    }
}

impl AsyncSemaphore for Semaphore {
    const NAME: &'static str = "saa";
    const PACKAGE: &'static str = "saa";
    type Permit<'a> = Result<Permit<'a>, ()>;

    /// # Panics
    ///
    /// With more than 63 permits, which is what saa counts to.
    fn new(permits: usize) -> Self {
        assert!(permits <= ::saa::Semaphore::MAX_PERMITS);
        Semaphore(::saa::Semaphore::with_permits(permits))
    }

    async fn acquire(&self) -> Self::Permit<'_> {
        self.0.acquire_async().await;
        Ok(Permit(&self.0, 1))
    }

    fn try_acquire(&self) -> Option<Self::Permit<'_>> {
        self.0.try_acquire().then(|| Ok(Permit(&self.0, 1)))
    }

    fn is_refusal(permit: &Self::Permit<'_>) -> bool {
        permit.is_err()
    }
}

impl WeightedSemaphore for Semaphore {
    async fn acquire_many(&self, n: usize) -> Self::Permit<'_> {
        if self.0.acquire_many_async(n).await {
            Ok(Permit(&self.0, n))
        } else {
            Err(())
        }
    }

    fn try_acquire_many(&self, n: usize) -> Option<Self::Permit<'_>> {
        self.0.try_acquire_many(n).then(|| Ok(Permit(&self.0, n)))
    }
}

impl GrowableSemaphore for Semaphore {
    fn add_permits(&self, n: usize) {
        assert!(self.0.release_many(n), "more than 63 permits");
    }
}
