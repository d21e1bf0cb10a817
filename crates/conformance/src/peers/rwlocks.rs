//! Everybody's reader-writer lock, behind one trait.

use async_sync::rwlock::{self, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};

use super::rwlock::usual_rwlock;
use super::{AsyncRwLock, DowngradableRwLock, UpgradableRwLock};

/// The default policy: Go's.
pub type WritePreferring = async_sync::RwLock<u64, rwlock::WritePreferring>;
/// Readers first.
pub type ReadPreferring = async_sync::RwLock<u64, rwlock::ReadPreferring>;
/// In one line.
pub type Fifo = async_sync::RwLock<u64, rwlock::Fifo>;
/// Readers counted beside the word.
pub type ReadMostly = async_sync::RwLock<u64, rwlock::ReadMostly>;
/// tokio's.
pub type Tokio = ::tokio::sync::RwLock<u64>;
/// async-lock's.
pub type AsyncLock = ::async_lock::RwLock<u64>;
/// mea's.
pub type Mea = ::mea::rwlock::RwLock<u64>;
/// maitake-sync's.
pub type Maitake = maitake_sync::RwLock<u64>;
/// saa's, by its feature `lock_api`.
pub type Saa = ::saa::RwLock<u64>;

macro_rules! policies {
    ($($policy:ident),*) => {$(
        usual_rwlock! {
            $policy, concat!("async-sync, ", stringify!($policy)), "async-sync", Self::with_policy,
            RwLockReadGuard<'a, u64, rwlock::$policy>, RwLockWriteGuard<'a, u64, rwlock::$policy>,
            |tried| tried
        }

        impl DowngradableRwLock for $policy {
            fn downgrade(guard: Self::WriteGuard<'_>) -> Self::ReadGuard<'_> {
                RwLockWriteGuard::downgrade(guard)
            }
        }

        impl UpgradableRwLock for $policy {
            type UpgradableGuard<'a> = RwLockUpgradableReadGuard<'a, u64, rwlock::$policy>;

            fn upgradable_read(&self) -> impl Future<Output = Self::UpgradableGuard<'_>> + Send {
                self.upgradable_read()
            }

            fn upgrade(
                guard: Self::UpgradableGuard<'_>,
            ) -> impl Future<Output = Self::WriteGuard<'_>> + Send {
                RwLockUpgradableReadGuard::upgrade(guard)
            }
        }
    )*};
}

policies!(WritePreferring, ReadPreferring, Fifo, ReadMostly);

usual_rwlock! {
    Tokio, "tokio", "tokio", Self::new,
    ::tokio::sync::RwLockReadGuard<'a, u64>, ::tokio::sync::RwLockWriteGuard<'a, u64>,
    |tried| tried.ok()
}

impl DowngradableRwLock for Tokio {
    fn downgrade(guard: Self::WriteGuard<'_>) -> Self::ReadGuard<'_> {
        guard.downgrade()
    }
}

usual_rwlock! {
    AsyncLock, "async-lock", "async-lock", Self::new,
    ::async_lock::RwLockReadGuard<'a, u64>, ::async_lock::RwLockWriteGuard<'a, u64>,
    |tried| tried
}

impl DowngradableRwLock for AsyncLock {
    fn downgrade(guard: Self::WriteGuard<'_>) -> Self::ReadGuard<'_> {
        ::async_lock::RwLockWriteGuard::downgrade(guard)
    }
}

impl UpgradableRwLock for AsyncLock {
    type UpgradableGuard<'a> = ::async_lock::RwLockUpgradableReadGuard<'a, u64>;

    fn upgradable_read(&self) -> impl Future<Output = Self::UpgradableGuard<'_>> + Send {
        self.upgradable_read()
    }

    fn upgrade(
        guard: Self::UpgradableGuard<'_>,
    ) -> impl Future<Output = Self::WriteGuard<'_>> + Send {
        ::async_lock::RwLockUpgradableReadGuard::upgrade(guard)
    }
}

usual_rwlock! {
    Mea, "mea", "mea", Self::new,
    ::mea::rwlock::RwLockReadGuard<'a, u64>, ::mea::rwlock::RwLockWriteGuard<'a, u64>,
    |tried| tried
}

impl DowngradableRwLock for Mea {
    fn downgrade(guard: Self::WriteGuard<'_>) -> Self::ReadGuard<'_> {
        guard.downgrade()
    }
}

usual_rwlock! {
    Maitake, "maitake-sync", "maitake-sync", Self::new,
    maitake_sync::RwLockReadGuard<'a, u64>, maitake_sync::RwLockWriteGuard<'a, u64>,
    |tried| tried
}

impl AsyncRwLock for Saa {
    const NAME: &'static str = "saa";
    const PACKAGE: &'static str = "saa";
    type ReadGuard<'a> = ::saa::RwLockReadGuard<'a, u64>;
    type WriteGuard<'a> = ::saa::RwLockWriteGuard<'a, u64>;

    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn read(&self) -> impl Future<Output = Self::ReadGuard<'_>> + Send {
        ::saa::read_async(self)
    }

    fn write(&self) -> impl Future<Output = Self::WriteGuard<'_>> + Send {
        ::saa::write_async(self)
    }

    fn try_read(&self) -> Option<Self::ReadGuard<'_>> {
        self.try_read()
    }

    fn try_write(&self) -> Option<Self::WriteGuard<'_>> {
        self.try_write()
    }
}
