//! The reading side of a lock as a lock of its own.

use core::fmt;

use super::policy::{Policy, WritePreferring};
use super::{Read, RwLock, RwLockReadGuard};

/// What [`RwLock::read_locker`] returns: to lock it is to read.
pub struct ReadLocker<'a, T: ?Sized, P: Policy = WritePreferring> {
    lock: &'a RwLock<T, P>,
}

impl<'a, T: ?Sized, P: Policy> ReadLocker<'a, T, P> {
    pub(super) fn new(lock: &'a RwLock<T, P>) -> Self {
        ReadLocker { lock }
    }

    /// The lock whose side this is.
    #[must_use]
    pub fn rwlock(&self) -> &'a RwLock<T, P> {
        self.lock
    }

    /// [`RwLock::read`].
    #[doc(alias = "Lock")]
    #[inline]
    pub fn lock(&self) -> Read<'a, T, P> {
        self.lock.read()
    }

    /// [`RwLock::try_read`].
    #[doc(alias = "TryLock")]
    #[inline]
    #[must_use]
    pub fn try_lock(&self) -> Option<RwLockReadGuard<'a, T, P>> {
        self.lock.try_read()
    }

    /// [`RwLock::read_blocking`].
    #[cfg(feature = "std")]
    pub fn lock_blocking(&self) -> RwLockReadGuard<'a, T, P> {
        self.lock.read_blocking()
    }
}

impl<T: ?Sized, P: Policy> Clone for ReadLocker<'_, T, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized, P: Policy> Copy for ReadLocker<'_, T, P> {}

impl<T: ?Sized + fmt::Debug, P: Policy> fmt::Debug for ReadLocker<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadLocker").field(&self.lock).finish()
    }
}
