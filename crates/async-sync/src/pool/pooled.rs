//! The guard of every pool: an object, given back on drop.
//!
//! Written once over what leads to the pool: a reference, or an `Arc`. The public names are aliases.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::Arc;

/// What a guard can give its object back to. Implemented by the pools of this module.
pub trait PoolOf<T> {
    /// Takes the object back, or drops it.
    fn put(&self, object: T);
}

impl<T, P: PoolOf<T> + ?Sized> PoolOf<T> for &P {
    #[inline]
    fn put(&self, object: T) {
        (**self).put(object);
    }
}

impl<T, P: PoolOf<T> + ?Sized> PoolOf<T> for Arc<P> {
    #[inline]
    fn put(&self, object: T) {
        (**self).put(object);
    }
}

/// An object of a pool, given back on drop.
///
/// Spelt [`Pooled`] or [`OwnedPooled`].
#[must_use = "if unused the object goes back at once"]
#[clippy::has_significant_drop]
pub struct PooledIn<T, H: PoolOf<T>> {
    // Taken out by the destructor, or by `take`, which forgets the guard.
    object: ManuallyDrop<T>,
    home: H,
}

/// An object of a pool that is borrowed.
pub type Pooled<'a, T, P> = PooledIn<T, &'a P>;

/// An object that keeps the `Arc` of its pool.
pub type OwnedPooled<T, P> = PooledIn<T, Arc<P>>;

impl<T, H: PoolOf<T>> PooledIn<T, H> {
    #[inline]
    pub(super) fn new(home: H, object: T) -> Self {
        PooledIn {
            object: ManuallyDrop::new(object),
            home,
        }
    }

    /// Keeps the object: it does not go back.
    ///
    /// An associated function, so that it does not hide a method of the object.
    #[inline]
    #[must_use = "the object is not in the pool any more"]
    pub fn take(pooled: Self) -> T {
        let mut this = ManuallyDrop::new(pooled);
        // SAFETY: `this` is not used again, neither by a destructor. The object is taken first, so that
        // it is not lost if dropping what leads to the pool panics.
        unsafe {
            let object = ManuallyDrop::take(&mut this.object);
            ptr::drop_in_place(&raw mut this.home);
            object
        }
    }
}

impl<T, H: PoolOf<T>> Deref for PooledIn<T, H> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.object
    }
}

impl<T, H: PoolOf<T>> DerefMut for PooledIn<T, H> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.object
    }
}

impl<T, H: PoolOf<T>> Drop for PooledIn<T, H> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the end of the guard, and nobody looks at the object afterwards.
        let object = unsafe { ManuallyDrop::take(&mut self.object) };
        self.home.put(object);
    }
}

impl<T: fmt::Debug, H: PoolOf<T>> fmt::Debug for PooledIn<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
