//! futures-util.

use ::futures_util::lock::MutexGuard;

use super::AsyncMutex;

/// futures-util's mutex.
pub type Mutex = ::futures_util::lock::Mutex<u64>;

impl AsyncMutex for Mutex {
    const NAME: &'static str = "futures-util";
    const PACKAGE: &'static str = "futures-util";
    type Guard<'a> = MutexGuard<'a, u64>;

    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send {
        self.lock()
    }

    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        self.try_lock()
    }
}
