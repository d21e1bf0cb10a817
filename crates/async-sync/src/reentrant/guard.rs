//! Guards: a shared reference to the value, and one level of depth, given back on drop.
//!
//! Written once over the [`Handle`] that leads to the mutex: a reference for the borrowed guards, an
//! `Arc` for the owned ones. The public names are aliases.
//!
//! There is no `unsafe` here. Guards of one owner exist side by side, perhaps in several threads, so
//! none of them may give out `&mut T`; and for `&T` the mutex need not be asked: it keeps the value as
//! a plain field. So the compiler itself derives that guards go to other threads only if `T` is Sync.

use core::fmt;
use core::ops::Deref;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use super::ReentrantMutex;
use crate::mutex::{Adaptive, Policy};

/// What a guard holds on to: `&ReentrantMutex` or `Arc<ReentrantMutex>`. Sealed.
pub trait Handle: sealed::Sealed {
    /// The value behind the lock.
    type Value: ?Sized;
    /// The lock's policy.
    type Policy: Policy;

    #[doc(hidden)]
    fn mutex(&self) -> &ReentrantMutex<Self::Value, Self::Policy>;
}

mod sealed {
    pub trait Sealed {}
}

impl<T: ?Sized, P: Policy> sealed::Sealed for &ReentrantMutex<T, P> {}
impl<T: ?Sized, P: Policy> Handle for &ReentrantMutex<T, P> {
    type Value = T;
    type Policy = P;

    #[inline]
    fn mutex(&self) -> &ReentrantMutex<T, P> {
        self
    }
}

#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> sealed::Sealed for Arc<ReentrantMutex<T, P>> {}
#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> Handle for Arc<ReentrantMutex<T, P>> {
    type Value = T;
    type Policy = P;

    #[inline]
    fn mutex(&self) -> &ReentrantMutex<T, P> {
        self
    }
}

/// The right to look at the value of a [`ReentrantMutex`], given back on drop.
///
/// Spelt [`ReentrantMutexGuard`] or [`OwnedReentrantMutexGuard`].
#[must_use = "if unused the mutex is unlocked at once"]
#[clippy::has_significant_drop]
pub struct ReentrantGuard<H: Handle> {
    handle: H,
}

/// The guard of [`ReentrantMutex::lock`].
pub type ReentrantMutexGuard<'a, T, P = Adaptive> = ReentrantGuard<&'a ReentrantMutex<T, P>>;

/// The guard of [`ReentrantMutex::lock_owned`].
#[cfg(feature = "alloc")]
pub type OwnedReentrantMutexGuard<T, P = Adaptive> = ReentrantGuard<Arc<ReentrantMutex<T, P>>>;

impl<H: Handle> ReentrantGuard<H> {
    /// The caller is inside, and leaves it to the guard to leave.
    #[inline]
    pub(super) fn new(handle: H) -> Self {
        ReentrantGuard { handle }
    }

    /// The mutex that this guard locks.
    ///
    /// An associated function, so that it does not hide a method of the value.
    pub fn mutex(guard: &Self) -> &ReentrantMutex<H::Value, H::Policy> {
        guard.handle.mutex()
    }
}

impl<H: Handle> Deref for ReentrantGuard<H> {
    type Target = H::Value;

    #[inline]
    fn deref(&self) -> &H::Value {
        &self.handle.mutex().value
    }
}

impl<H: Handle> Drop for ReentrantGuard<H> {
    #[inline]
    fn drop(&mut self) {
        self.handle.mutex().raw.leave();
    }
}

impl<H: Handle<Value: fmt::Debug>> fmt::Debug for ReentrantGuard<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<H: Handle<Value: fmt::Display>> fmt::Display for ReentrantGuard<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
