//! Guards: the right to use the value, given back on drop.
//!
//! Written once over the [`Handle`] that leads to the mutex: a reference for the borrowed guards,
//! an `Arc` for the owned ones. The public names are aliases.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use super::policy::{Adaptive, Policy};
use super::{Mutex, raw::RawMutex};

/// What a guard holds on to: `&Mutex` or `Arc<Mutex>`. Sealed.
pub trait Handle: Unlock {
    /// The value behind the lock.
    type Value: ?Sized;
    /// The lock's policy.
    type Policy: Policy;
    /// What a mapped guard holds on to.
    type Mapped: Unlock;

    #[doc(hidden)]
    fn mutex(&self) -> &Mutex<Self::Value, Self::Policy>;
    #[doc(hidden)]
    fn into_mapped(self, _: sealed::Guard) -> Self::Mapped;
}

/// What a mapped guard holds on to: something that leads to a lock. Sealed.
pub trait Unlock: sealed::Sealed {
    #[doc(hidden)]
    fn unlock(&self, _: sealed::Guard);
}

mod sealed {
    pub trait Sealed {}

    /// What only this file can name: to call a method of a sealed trait is as bad as to implement
    /// it, where the method unlocks a mutex whose guard is out.
    #[derive(Debug)]
    pub struct Guard;
}

impl<T: ?Sized, P: Policy> sealed::Sealed for &Mutex<T, P> {}
impl<T: ?Sized, P: Policy> Unlock for &Mutex<T, P> {
    #[inline]
    fn unlock(&self, _: sealed::Guard) {
        self.raw.unlock_held(true);
    }
}
impl<'a, T: ?Sized, P: Policy> Handle for &'a Mutex<T, P> {
    type Value = T;
    type Policy = P;
    // Without the type of the value, so that parts of different things fit one variable.
    type Mapped = &'a RawMutex<P>;

    #[inline]
    fn mutex(&self) -> &Mutex<T, P> {
        self
    }
    fn into_mapped(self, _: sealed::Guard) -> &'a RawMutex<P> {
        &self.raw
    }
}

impl<P: Policy> sealed::Sealed for &RawMutex<P> {}
impl<P: Policy> Unlock for &RawMutex<P> {
    #[inline]
    fn unlock(&self, _: sealed::Guard) {
        self.unlock_held(true);
    }
}

#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> sealed::Sealed for Arc<Mutex<T, P>> {}
#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> Unlock for Arc<Mutex<T, P>> {
    #[inline]
    fn unlock(&self, _: sealed::Guard) {
        self.raw.unlock_held(true);
    }
}
#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> Handle for Arc<Mutex<T, P>> {
    type Value = T;
    type Policy = P;
    type Mapped = Self;

    #[inline]
    fn mutex(&self) -> &Mutex<T, P> {
        self
    }
    fn into_mapped(self, _: sealed::Guard) -> Self {
        self
    }
}

/// The right to use the value of a [`Mutex`], given back on drop.
///
/// Spelt [`MutexGuard`] or [`OwnedMutexGuard`].
#[must_use = "if unused the mutex is unlocked at once"]
#[clippy::has_significant_drop]
pub struct Guard<H: Handle<Value = T>, T: ?Sized> {
    handle: H,
    // Gives `&mut T` out, so it is Send and Sync only if the value is. (`H::Value` would say the
    // same, but make the lifetime of a borrowed guard invariant.)
    value: PhantomData<T>,
}

/// The guard of [`Mutex::lock`].
pub type MutexGuard<'a, T, P = Adaptive> = Guard<&'a Mutex<T, P>, T>;

/// The guard of [`Mutex::lock_owned`].
#[cfg(feature = "alloc")]
pub type OwnedMutexGuard<T, P = Adaptive> = Guard<Arc<Mutex<T, P>>, T>;

impl<H: Handle<Value = T>, T: ?Sized> Guard<H, T> {
    /// # Safety
    ///
    /// The caller has the lock, and leaves it to the guard.
    #[inline]
    pub(super) unsafe fn new(handle: H) -> Self {
        Guard {
            handle,
            value: PhantomData,
        }
    }

    /// The mutex that this guard locks.
    ///
    /// An associated function, so that it does not hide a method of the value.
    pub fn mutex(guard: &Self) -> &Mutex<T, H::Policy> {
        guard.handle.mutex()
    }

    /// Narrows the guard to a part of the value. The lock stays held until that is dropped.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::mutex::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(mutex.lock().await, |pair| &mut pair.0);
    /// *number = 2;
    /// assert!(mutex.is_locked());
    /// drop(number);
    /// assert_eq!(*mutex.lock().await, (2, "one"));
    /// # });
    /// ```
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedGuard<H::Mapped, U> {
        let part = NonNull::from(part(&mut guard));
        // SAFETY: the part belongs to the value that this guard had alone.
        unsafe { MappedGuard::new(guard.into_handle().into_mapped(sealed::Guard), part) }
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard, if `part` returns `None`.
    pub fn filter_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedGuard<H::Mapped, U>, Self> {
        let Some(part) = part(&mut guard).map(NonNull::from) else {
            return Err(guard);
        };
        // SAFETY: the part belongs to the value that this guard had alone.
        Ok(unsafe { MappedGuard::new(guard.into_handle().into_mapped(sealed::Guard), part) })
    }

    /// Keeps the lock locked and returns what leads to it.
    #[inline]
    pub(super) fn into_handle(self) -> H {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, neither by a destructor.
        unsafe { ptr::read(&this.handle) }
    }
}

impl<H: Handle<Value = T>, T: ?Sized> Deref for Guard<H, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard has the lock, and `self` is borrowed as long as the value.
        unsafe { &*self.handle.mutex().value.get() }
    }
}

impl<H: Handle<Value = T>, T: ?Sized> DerefMut for Guard<H, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has the lock, and `self` is mutably borrowed as long as the value.
        unsafe { &mut *self.handle.mutex().value.get() }
    }
}

impl<H: Handle<Value = T>, T: ?Sized> Drop for Guard<H, T> {
    #[inline]
    fn drop(&mut self) {
        self.handle.unlock(sealed::Guard);
    }
}

impl<H: Handle<Value = T>, T: ?Sized + fmt::Debug> fmt::Debug for Guard<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<H: Handle<Value = T>, T: ?Sized + fmt::Display> fmt::Display for Guard<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The right to use a part of the value of a [`Mutex`], given back on drop.
///
/// Spelt [`MappedMutexGuard`] or [`OwnedMappedMutexGuard`].
#[must_use = "if unused the mutex is unlocked at once"]
#[clippy::has_significant_drop]
pub struct MappedGuard<H: Unlock, U: ?Sized> {
    handle: H,
    part: NonNull<U>,
    // As `&mut U`: invariant, and Send and Sync as that is.
    unique: PhantomData<fn(U) -> U>,
}

/// What [`MutexGuard::map`](Guard::map) returns.
pub type MappedMutexGuard<'a, U, P = Adaptive> = MappedGuard<&'a RawMutex<P>, U>;

/// What [`OwnedMutexGuard::map`](Guard::map) returns.
#[cfg(feature = "alloc")]
pub type OwnedMappedMutexGuard<T, U, P = Adaptive> = MappedGuard<Arc<Mutex<T, P>>, U>;

// SAFETY: the guard is a `&mut U` with a handle.
unsafe impl<H: Unlock + Send, U: ?Sized + Send> Send for MappedGuard<H, U> {}
// SAFETY: as above.
unsafe impl<H: Unlock + Sync, U: ?Sized + Sync> Sync for MappedGuard<H, U> {}

impl<H: Unlock, U: ?Sized> MappedGuard<H, U> {
    /// # Safety
    ///
    /// The caller has the lock that `handle` leads to, leaves it to the guard, and `part` lies in
    /// what only the lock's owner may use.
    unsafe fn new(handle: H, part: NonNull<U>) -> Self {
        MappedGuard {
            handle,
            part,
            unique: PhantomData,
        }
    }

    /// Narrows the guard further.
    pub fn map<V: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> MappedGuard<H, V> {
        let part = NonNull::from(part(&mut guard));
        // SAFETY: the part belongs to what this guard had alone.
        unsafe { MappedGuard::new(guard.into_handle(), part) }
    }

    /// Narrows the guard further, if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard, if `part` returns `None`.
    pub fn filter_map<V: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<MappedGuard<H, V>, Self> {
        let Some(part) = part(&mut guard).map(NonNull::from) else {
            return Err(guard);
        };
        // SAFETY: the part belongs to what this guard had alone.
        Ok(unsafe { MappedGuard::new(guard.into_handle(), part) })
    }

    fn into_handle(self) -> H {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, neither by a destructor.
        unsafe { ptr::read(&this.handle) }
    }
}

impl<H: Unlock, U: ?Sized> Deref for MappedGuard<H, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: the guard has the lock, and `self` is borrowed as long as the part.
        unsafe { self.part.as_ref() }
    }
}

impl<H: Unlock, U: ?Sized> DerefMut for MappedGuard<H, U> {
    #[inline]
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: the guard has the lock, and `self` is mutably borrowed as long as the part.
        unsafe { self.part.as_mut() }
    }
}

impl<H: Unlock, U: ?Sized> Drop for MappedGuard<H, U> {
    #[inline]
    fn drop(&mut self) {
        self.handle.unlock(sealed::Guard);
    }
}

impl<H: Unlock, U: ?Sized + fmt::Debug> fmt::Debug for MappedGuard<H, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<H: Unlock, U: ?Sized + fmt::Display> fmt::Display for MappedGuard<H, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
