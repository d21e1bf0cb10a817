//! What a reader-writer lock does.

use std::ops::{Deref, DerefMut};

/// An asynchronous reader-writer lock over a number.
pub trait AsyncRwLock: Send + Sync + Sized + 'static {
    /// Crate and, where there are several, policy.
    const NAME: &'static str;
    /// The package that it comes from.
    const PACKAGE: &'static str;
    /// Gives the lock back when dropped.
    type ReadGuard<'a>: Deref<Target = u64> + Send;
    /// The same for who writes.
    type WriteGuard<'a>: DerefMut<Target = u64> + Send;

    /// An unlocked lock.
    fn new(value: u64) -> Self;

    /// Waits for the lock, to read. The peer's own future.
    fn read(&self) -> impl Future<Output = Self::ReadGuard<'_>> + Send;

    /// Waits for the lock, to write. The peer's own future.
    fn write(&self) -> impl Future<Output = Self::WriteGuard<'_>> + Send;

    /// Takes the lock for reading if that is possible at once.
    fn try_read(&self) -> Option<Self::ReadGuard<'_>>;

    /// Takes the lock for writing if that is possible at once.
    fn try_write(&self) -> Option<Self::WriteGuard<'_>>;
}

/// One that lets a writer go on as a reader.
pub trait DowngradableRwLock: AsyncRwLock {
    /// Nobody writes in between.
    fn downgrade(guard: Self::WriteGuard<'_>) -> Self::ReadGuard<'_>;
}

/// One with readers that may become the writer.
pub trait UpgradableRwLock: AsyncRwLock {
    /// The right to read now and to write later.
    type UpgradableGuard<'a>: Deref<Target = u64> + Send;

    /// Waits for that right.
    fn upgradable_read(&self) -> impl Future<Output = Self::UpgradableGuard<'_>> + Send;

    /// Waits for the other readers to leave.
    fn upgrade(
        guard: Self::UpgradableGuard<'_>,
    ) -> impl Future<Output = Self::WriteGuard<'_>> + Send;
}

/// Writes the implementation for a type that has everything under the usual names. The block makes
/// an `Option` of what a `try_` method returns.
macro_rules! usual_rwlock {
    ($ty:ty, $name:expr, $package:expr, $new:expr, $read:ty, $write:ty, |$tried:ident| $option:expr) => {
        impl $crate::peers::AsyncRwLock for $ty {
            const NAME: &'static str = $name;
            const PACKAGE: &'static str = $package;
            type ReadGuard<'a> = $read;
            type WriteGuard<'a> = $write;

            fn new(value: u64) -> Self {
                $new(value)
            }

            fn read(&self) -> impl Future<Output = Self::ReadGuard<'_>> + Send {
                self.read()
            }

            fn write(&self) -> impl Future<Output = Self::WriteGuard<'_>> + Send {
                self.write()
            }

            fn try_read(&self) -> Option<Self::ReadGuard<'_>> {
                let $tried = self.try_read();
                $option
            }

            fn try_write(&self) -> Option<Self::WriteGuard<'_>> {
                let $tried = self.try_write();
                $option
            }
        }
    };
}
pub(super) use usual_rwlock;
