//! What a condition variable offers: waiting with a lock let go of, calls to one and to all.

use std::ops::DerefMut;

/// A condition variable and the lock it goes with, over a number.
pub trait AsyncCond: Send + Sync + 'static {
    /// In reports.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// The lock, locked.
    type Guard<'a>: DerefMut<Target = u64> + Send
    where
        Self: 'a;

    /// Unlocked, zero, nobody waits.
    fn new() -> Self;

    /// Waits for the lock.
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send;

    /// Lets go of the lock, waits for a call, and has the lock again.
    fn wait<'a>(&'a self, guard: Self::Guard<'a>) -> impl Future<Output = Self::Guard<'a>> + Send;

    /// Calls one.
    fn notify_one(&self);

    /// Calls all.
    fn notify_all(&self);
}

/// Ours, over our mutex.
#[derive(Debug, Default)]
pub struct Ours(async_sync::Mutex<u64>, async_sync::Cond);

impl AsyncCond for Ours {
    const NAME: &'static str = "async-sync";
    const PACKAGE: &'static str = "async-sync";
    type Guard<'a> = async_sync::mutex::MutexGuard<'a, u64>;

    fn new() -> Self {
        Ours::default()
    }
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send {
        self.0.lock()
    }
    fn wait<'a>(&'a self, guard: Self::Guard<'a>) -> impl Future<Output = Self::Guard<'a>> + Send {
        self.1.wait(guard)
    }
    fn notify_one(&self) {
        self.1.notify_one();
    }
    fn notify_all(&self) {
        self.1.notify_all();
    }
}

/// Ours, over tokio's mutex.
#[derive(Debug, Default)]
pub struct OursOverTokio(tokio::sync::Mutex<u64>, async_sync::Cond);

impl AsyncCond for OursOverTokio {
    const NAME: &'static str = "async-sync, tokio's Mutex";
    const PACKAGE: &'static str = "async-sync";
    type Guard<'a> = tokio::sync::MutexGuard<'a, u64>;

    fn new() -> Self {
        OursOverTokio::default()
    }
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send {
        self.0.lock()
    }
    fn wait<'a>(&'a self, guard: Self::Guard<'a>) -> impl Future<Output = Self::Guard<'a>> + Send {
        self.1.wait(guard)
    }
    fn notify_one(&self) {
        self.1.notify_one();
    }
    fn notify_all(&self) {
        self.1.notify_all();
    }
}

/// mea's. The only other one that we know of.
#[derive(Debug)]
pub struct Mea(::mea::mutex::Mutex<u64>, ::mea::condvar::Condvar);

impl AsyncCond for Mea {
    const NAME: &'static str = "mea";
    const PACKAGE: &'static str = "mea";
    type Guard<'a> = ::mea::mutex::MutexGuard<'a, u64>;

    fn new() -> Self {
        Mea(::mea::mutex::Mutex::new(0), ::mea::condvar::Condvar::new())
    }
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send {
        self.0.lock()
    }
    fn wait<'a>(&'a self, guard: Self::Guard<'a>) -> impl Future<Output = Self::Guard<'a>> + Send {
        self.1.wait(guard)
    }
    fn notify_one(&self) {
        self.1.notify_one();
    }
    fn notify_all(&self) {
        self.1.notify_all();
    }
}
