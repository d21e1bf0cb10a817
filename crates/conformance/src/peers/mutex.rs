//! What a mutex does.

use std::ops::DerefMut;

/// An asynchronous mutex over a number.
pub trait AsyncMutex: Send + Sync + Sized + 'static {
    /// Crate and, where there are several, policy.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// Gives the lock back when dropped.
    type Guard<'a>: DerefMut<Target = u64> + Send;

    /// An unlocked mutex.
    fn new(value: u64) -> Self;

    /// Waits for the lock. The peer's own future.
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send;

    /// Takes the lock if that is possible at once.
    fn try_lock(&self) -> Option<Self::Guard<'_>>;
}

/// A mutex that threads can wait for as well.
pub trait BlockingMutex: AsyncMutex {
    /// Takes the lock, blocking this thread until that is possible.
    fn lock_blocking(&self) -> Self::Guard<'_>;
}

/// Writes the implementation for a type that has everything under the usual names. The block makes
/// an `Option` of what `try_lock` returns.
macro_rules! usual_mutex {
    ($ty:ty, $name:expr, $package:expr, $new:expr, $guard:ty, |$tried:ident| $option:expr) => {
        impl $crate::peers::AsyncMutex for $ty {
            const NAME: &'static str = $name;
            const PACKAGE: &'static str = $package;
            type Guard<'a> = $guard;

            fn new(value: u64) -> Self {
                $new(value)
            }

            fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send {
                self.lock()
            }

            fn try_lock(&self) -> Option<Self::Guard<'_>> {
                let $tried = self.try_lock();
                $option
            }
        }
    };
}
pub(super) use usual_mutex;
