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

/// A lock and a condition variable whose operations have the usual names.
macro_rules! usual_cond {
    ($cond:ident, $name:literal, $package:literal, $new:expr, $guard:ty) => {
        impl AsyncCond for $cond {
            const NAME: &'static str = $name;
            const PACKAGE: &'static str = $package;
            type Guard<'a> = $guard;

            fn new() -> Self {
                $new
            }
            fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send {
                self.0.lock()
            }
            fn wait<'a>(
                &'a self,
                guard: Self::Guard<'a>,
            ) -> impl Future<Output = Self::Guard<'a>> + Send {
                self.1.wait(guard)
            }
            fn notify_one(&self) {
                self.1.notify_one();
            }
            fn notify_all(&self) {
                self.1.notify_all();
            }
        }
    };
}

/// Ours, over our mutex.
#[derive(Debug, Default)]
pub struct Ours(async_sync::Mutex<u64>, async_sync::Cond);

usual_cond! {
    Ours, "async-sync", "async-sync", Ours::default(),
    async_sync::mutex::MutexGuard<'a, u64>
}

/// Ours, over tokio's mutex.
#[derive(Debug, Default)]
pub struct OursOverTokio(tokio::sync::Mutex<u64>, async_sync::Cond);

usual_cond! {
    OursOverTokio, "async-sync, tokio's Mutex", "async-sync", OursOverTokio::default(),
    tokio::sync::MutexGuard<'a, u64>
}

/// mea's. The only other one that we know of.
#[derive(Debug)]
pub struct Mea(::mea::mutex::Mutex<u64>, ::mea::condvar::Condvar);

usual_cond! {
    Mea, "mea", "mea", Mea(::mea::mutex::Mutex::new(0), ::mea::condvar::Condvar::new()),
    ::mea::mutex::MutexGuard<'a, u64>
}
