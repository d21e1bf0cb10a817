//! Guards: the right to use the value, given back on drop.
//!
//! Written once over the [`Handle`] that leads to the lock and the [`Mode`] in which it is held. The
//! public names are aliases.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use super::RwLock;
use super::futures::Upgrade;
use super::handle::{Handle, Token};
use super::mapped::MappedGuard;
use super::mode::{Mode, Reading, Upgradable, Writing};
use super::policy::WritePreferring;
use super::raw::UPGRADE;

/// The right to use the value of an [`RwLock`], given back on drop.
///
/// Spelt [`RwLockReadGuard`], [`RwLockWriteGuard`] or [`RwLockUpgradableReadGuard`], or with `Owned` in
/// front.
#[must_use = "if unused the lock is unlocked at once"]
#[clippy::has_significant_drop]
pub struct Guard<H: Handle<Value = T>, M: Mode, T: ?Sized> {
    handle: H,
    // Gives `&T` or `&mut T` out. (`H::Value` would say the same, but make the lifetime of a borrowed
    // guard invariant.) The handle asks that the value be Send and Sync, before the guard is Send.
    value: PhantomData<T>,
    mode: PhantomData<M>,
}

/// The guard of [`RwLock::read`].
pub type RwLockReadGuard<'a, T, P = WritePreferring> = Guard<&'a RwLock<T, P>, Reading, T>;
/// The guard of [`RwLock::write`].
pub type RwLockWriteGuard<'a, T, P = WritePreferring> = Guard<&'a RwLock<T, P>, Writing, T>;
/// The guard of [`RwLock::upgradable_read`].
pub type RwLockUpgradableReadGuard<'a, T, P = WritePreferring> =
    Guard<&'a RwLock<T, P>, Upgradable, T>;

/// The guard of [`RwLock::read_owned`].
#[cfg(feature = "alloc")]
pub type OwnedRwLockReadGuard<T, P = WritePreferring> = Guard<Arc<RwLock<T, P>>, Reading, T>;
/// The guard of [`RwLock::write_owned`].
#[cfg(feature = "alloc")]
pub type OwnedRwLockWriteGuard<T, P = WritePreferring> = Guard<Arc<RwLock<T, P>>, Writing, T>;
/// The guard of [`RwLock::upgradable_read_owned`].
#[cfg(feature = "alloc")]
pub type OwnedRwLockUpgradableReadGuard<T, P = WritePreferring> =
    Guard<Arc<RwLock<T, P>>, Upgradable, T>;

impl<H: Handle<Value = T>, M: Mode, T: ?Sized> Guard<H, M, T> {
    /// # Safety
    ///
    /// The caller has the lock in mode `M`, and leaves it to the guard.
    #[inline]
    pub(super) unsafe fn new(handle: H) -> Self {
        Guard {
            handle,
            value: PhantomData,
            mode: PhantomData,
        }
    }

    /// The lock that this guard holds.
    ///
    /// An associated function, so that it does not hide a method of the value.
    pub fn rwlock(guard: &Self) -> &RwLock<T, H::Policy> {
        guard.handle.lock()
    }

    #[inline]
    pub(super) fn handle(&self) -> &H {
        &self.handle
    }

    /// Keeps the lock locked and returns what leads to it.
    #[inline]
    pub(super) fn into_handle(self) -> H {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, neither by a destructor.
        unsafe { ptr::read(&this.handle) }
    }

    /// Gives a part of the rights back.
    fn into_mode<N: Mode>(self) -> Guard<H, N, T> {
        let handle = self.into_handle();
        // Before others are told: their wakers may panic, and then the guard lets go.
        // SAFETY: the caller asks for less than this guard has.
        let guard = unsafe { Guard::new(handle) };
        guard.handle.downgrade(M::KIND, N::KIND, Token::GIVEN);
        guard
    }
}

impl<H: Handle<Value = T>, T: ?Sized> Guard<H, Writing, T> {
    /// Goes on reading. Those who have queued to read enter, too; no writer comes in between.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::rwlock::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writing = lock.write().await;
    /// *writing = 2;
    /// let reading = RwLockWriteGuard::downgrade(writing);
    /// assert_eq!((*reading, *lock.read().await), (2, 2));
    /// # });
    /// ```
    pub fn downgrade(guard: Self) -> Guard<H, Reading, T> {
        guard.into_mode()
    }

    /// Goes on reading, with the right to write later.
    pub fn downgrade_to_upgradable(guard: Self) -> Guard<H, Upgradable, T> {
        guard.into_mode()
    }

    /// Narrows the guard to a part of the value. The lock stays held until that is dropped.
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedGuard<H::Mapped, Writing, U> {
        let part = ptr::NonNull::from(part(&mut guard));
        // SAFETY: the part belongs to the value that this guard had alone.
        unsafe { MappedGuard::new(guard.into_handle().into_mapped(Token::GIVEN), part) }
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard, if `part` returns `None`.
    pub fn filter_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedGuard<H::Mapped, Writing, U>, Self> {
        let Some(part) = part(&mut guard).map(ptr::NonNull::from) else {
            return Err(guard);
        };
        // SAFETY: the part belongs to the value that this guard had alone.
        Ok(unsafe { MappedGuard::new(guard.into_handle().into_mapped(Token::GIVEN), part) })
    }
}

impl<H: Handle<Value = T>, T: ?Sized> Guard<H, Reading, T> {
    /// Narrows the guard to a part of the value. The lock stays held until that is dropped.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::rwlock::{RwLock, RwLockReadGuard};
    ///
    /// let lock = RwLock::new((1, "one"));
    /// let name = RwLockReadGuard::map(lock.read().await, |pair| &pair.1);
    /// assert_eq!((*name, lock.reader_count()), ("one", 1));
    /// # });
    /// ```
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> &U,
    ) -> MappedGuard<H::Mapped, Reading, U> {
        let part = ptr::NonNull::from(part(&guard));
        // SAFETY: the part belongs to the value that this guard reads.
        unsafe { MappedGuard::new(guard.into_handle().into_mapped(Token::GIVEN), part) }
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard, if `part` returns `None`.
    pub fn filter_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedGuard<H::Mapped, Reading, U>, Self> {
        let Some(part) = part(&guard).map(ptr::NonNull::from) else {
            return Err(guard);
        };
        // SAFETY: the part belongs to the value that this guard reads.
        Ok(unsafe { MappedGuard::new(guard.into_handle().into_mapped(Token::GIVEN), part) })
    }
}

impl<H: Handle<Value = T>, T: ?Sized> Guard<H, Upgradable, T> {
    /// Waits until all other readers have left, and then writes. Nobody writes in between: what was
    /// read still holds.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the lock altogether; those in line go on.
    ///
    /// Until it is ready or dropped, it reads: also before its first poll, and if it is not polled any
    /// more. Others may take back the right to write that it was given and did not claim within a
    /// millisecond, and go on reading; nobody writes. Polled again, it waits as before.
    ///
    /// # Fairness
    ///
    /// Comes before all writers that wait. Meanwhile newcomers do not read, unless the policy prefers
    /// readers: then they may keep this one waiting for ever.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::rwlock::{RwLock, RwLockUpgradableReadGuard};
    ///
    /// let cache = RwLock::new(Vec::new());
    /// let reading = cache.upgradable_read().await; // beside other readers
    /// if !reading.contains(&"answer") {
    ///     RwLockUpgradableReadGuard::upgrade(reading).await.push("answer");
    /// }
    /// assert_eq!(*cache.read().await, ["answer"]);
    /// # });
    /// ```
    pub fn upgrade(guard: Self) -> Upgrade<H> {
        Upgrade::new(guard)
    }

    /// Writes at once, if nobody else reads.
    ///
    /// # Errors
    ///
    /// The guard, if somebody does.
    pub fn try_upgrade(guard: Self) -> Result<Guard<H, Writing, T>, Self> {
        if guard.handle.lock().raw.try_enter(UPGRADE) {
            // SAFETY: the lock is ours for writing.
            Ok(unsafe { Guard::new(guard.into_handle()) })
        } else {
            Err(guard)
        }
    }

    /// Gives up the right to write later; another reader may have it.
    pub fn downgrade(guard: Self) -> Guard<H, Reading, T> {
        guard.into_mode()
    }
}

impl<H: Handle<Value = T>, M: Mode, T: ?Sized> Deref for Guard<H, M, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has the lock, at least for reading, and `self` is borrowed as long as the
        // value.
        unsafe { &*self.handle.lock().value.get() }
    }
}

impl<H: Handle<Value = T>, T: ?Sized> DerefMut for Guard<H, Writing, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has the lock alone, and `self` is mutably borrowed as long as the value.
        unsafe { &mut *self.handle.lock().value.get() }
    }
}

impl<H: Handle<Value = T>, M: Mode, T: ?Sized> Drop for Guard<H, M, T> {
    #[inline]
    fn drop(&mut self) {
        self.handle.leave(M::KIND, Token::GIVEN);
    }
}

impl<H: Handle<Value = T>, M: Mode, T: ?Sized + fmt::Debug> fmt::Debug for Guard<H, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<H: Handle<Value = T>, M: Mode, T: ?Sized + fmt::Display> fmt::Display for Guard<H, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
