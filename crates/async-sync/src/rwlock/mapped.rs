//! Guards of a part of the value.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

#[cfg(feature = "alloc")]
use super::RwLock;
use super::handle::{Leave, Token};
use super::mode::{Mode, Reading, Writing};
use super::policy::WritePreferring;
use super::raw::RawRwLock;

/// The right to use a part of the value of an [`RwLock`](super::RwLock), given back on drop.
///
/// Spelt [`MappedRwLockReadGuard`] or [`MappedRwLockWriteGuard`], or with `Owned` in front.
#[must_use = "if unused the lock is unlocked at once"]
#[clippy::has_significant_drop]
pub struct MappedGuard<H: Leave, M: Mode, U: ?Sized> {
    handle: H,
    part: NonNull<U>,
    // Invariant, as `&mut U`.
    unique: PhantomData<fn(U) -> U>,
    mode: PhantomData<M>,
}

/// What [`RwLockReadGuard::map`](super::Guard::map) returns.
pub type MappedRwLockReadGuard<'a, U, P = WritePreferring> =
    MappedGuard<&'a RawRwLock<P>, Reading, U>;
/// What [`RwLockWriteGuard::map`](super::Guard::map) returns.
pub type MappedRwLockWriteGuard<'a, U, P = WritePreferring> =
    MappedGuard<&'a RawRwLock<P>, Writing, U>;
/// What [`OwnedRwLockReadGuard::map`](super::Guard::map) returns.
#[cfg(feature = "alloc")]
pub type OwnedMappedRwLockReadGuard<T, U, P = WritePreferring> =
    MappedGuard<Arc<RwLock<T, P>>, Reading, U>;
/// What [`OwnedRwLockWriteGuard::map`](super::Guard::map) returns.
#[cfg(feature = "alloc")]
pub type OwnedMappedRwLockWriteGuard<T, U, P = WritePreferring> =
    MappedGuard<Arc<RwLock<T, P>>, Writing, U>;

// SAFETY: the guard is a `&U` with a handle.
unsafe impl<H: Leave + Send, U: ?Sized + Sync> Send for MappedGuard<H, Reading, U> {}
// SAFETY: the guard is a `&mut U` with a handle.
unsafe impl<H: Leave + Send, U: ?Sized + Send> Send for MappedGuard<H, Writing, U> {}
// SAFETY: a shared reference to the guard gives `&U` out.
unsafe impl<H: Leave + Sync, M: Mode, U: ?Sized + Sync> Sync for MappedGuard<H, M, U> {}

impl<H: Leave, M: Mode, U: ?Sized> MappedGuard<H, M, U> {
    /// # Safety
    ///
    /// The caller has the lock that `handle` leads to in mode `M`, leaves it to the guard, and `part`
    /// lies in what the lock guards.
    pub(super) unsafe fn new(handle: H, part: NonNull<U>) -> Self {
        MappedGuard {
            handle,
            part,
            unique: PhantomData,
            mode: PhantomData,
        }
    }

    fn into_handle(self) -> H {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, neither by a destructor.
        unsafe { ptr::read(&this.handle) }
    }
}

impl<H: Leave, U: ?Sized> MappedGuard<H, Reading, U> {
    /// Narrows the guard further.
    pub fn map<V: ?Sized>(guard: Self, part: impl FnOnce(&U) -> &V) -> MappedGuard<H, Reading, V> {
        let part = NonNull::from(part(&guard));
        // SAFETY: the part belongs to what this guard reads.
        unsafe { MappedGuard::new(guard.into_handle(), part) }
    }

    /// Narrows the guard further, if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard, if `part` returns `None`.
    pub fn filter_map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&U) -> Option<&V>,
    ) -> Result<MappedGuard<H, Reading, V>, Self> {
        let Some(part) = part(&guard).map(NonNull::from) else {
            return Err(guard);
        };
        // SAFETY: the part belongs to what this guard reads.
        Ok(unsafe { MappedGuard::new(guard.into_handle(), part) })
    }
}

impl<H: Leave, U: ?Sized> MappedGuard<H, Writing, U> {
    /// Narrows the guard further.
    pub fn map<V: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> MappedGuard<H, Writing, V> {
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
    ) -> Result<MappedGuard<H, Writing, V>, Self> {
        let Some(part) = part(&mut guard).map(NonNull::from) else {
            return Err(guard);
        };
        // SAFETY: the part belongs to what this guard had alone.
        Ok(unsafe { MappedGuard::new(guard.into_handle(), part) })
    }

    // No downgrade: `AtomicU32::get_mut` maps what other readers may write to a plain `&mut u32`.
}

impl<H: Leave, M: Mode, U: ?Sized> Deref for MappedGuard<H, M, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: the guard has the lock, at least for reading, and `self` is borrowed as long as the
        // part.
        unsafe { self.part.as_ref() }
    }
}

impl<H: Leave, U: ?Sized> DerefMut for MappedGuard<H, Writing, U> {
    #[inline]
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: the guard has the lock alone, and `self` is mutably borrowed as long as the part.
        unsafe { self.part.as_mut() }
    }
}

impl<H: Leave, M: Mode, U: ?Sized> Drop for MappedGuard<H, M, U> {
    #[inline]
    fn drop(&mut self) {
        self.handle.leave(M::KIND, Token::GIVEN);
    }
}

impl<H: Leave, M: Mode, U: ?Sized + fmt::Debug> fmt::Debug for MappedGuard<H, M, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<H: Leave, M: Mode, U: ?Sized + fmt::Display> fmt::Display for MappedGuard<H, M, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
