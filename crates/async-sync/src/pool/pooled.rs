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
    /// Cleans an object that comes back. Returns whether it is to be kept.
    fn wants(&self, object: &mut T) -> bool;

    /// Keeps the object, or drops it if there is no room.
    fn keep(&self, object: Back<'_, T>);
}

impl<T, P: PoolOf<T> + ?Sized> PoolOf<T> for &P {
    #[inline]
    fn wants(&self, object: &mut T) -> bool {
        (**self).wants(object)
    }

    #[inline]
    fn keep(&self, object: Back<'_, T>) {
        (**self).keep(object);
    }
}

impl<T, P: PoolOf<T> + ?Sized> PoolOf<T> for Arc<P> {
    #[inline]
    fn wants(&self, object: &mut T) -> bool {
        (**self).wants(object)
    }

    #[inline]
    fn keep(&self, object: Back<'_, T>) {
        (**self).keep(object);
    }
}

/// An object on its way back, dropped unless it is kept: also if a rule panics. It stays where it is until
/// there is a place for it, as each move costs as much as an uncontended exchange.
pub struct Back<'a, T>(&'a mut ManuallyDrop<T>);

impl<'a, T> Back<'a, T> {
    /// # Safety
    ///
    /// There is an object, and nobody looks at it again.
    #[inline]
    unsafe fn new(object: &'a mut ManuallyDrop<T>) -> Self {
        Back(object)
    }

    /// Gives an object back that is not in a guard.
    #[inline]
    pub(super) fn give<P: PoolOf<T>>(object: T, home: &P) {
        let mut object = ManuallyDrop::new(object);
        // SAFETY: nobody but this looks at it.
        unsafe { Back::new(&mut object) }.to(home);
    }

    #[inline]
    fn to(self, home: &impl PoolOf<T>) {
        if home.wants(self.0) {
            home.keep(self);
        }
    }

    /// Moves it to where it is kept.
    #[inline]
    pub(super) fn take(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: there is an object, and nobody looks at it again: not the destructor, which is skipped.
        unsafe { ManuallyDrop::take(this.0) }
    }
}

impl<T> Drop for Back<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: there is an object, and nobody looks at it again.
        unsafe { ManuallyDrop::drop(self.0) };
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
        let object = unsafe { Back::new(&mut self.object) };
        object.to(&self.home);
    }
}

impl<T: fmt::Debug> fmt::Debug for Back<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Back").field(&**self.0).finish()
    }
}

impl<T: fmt::Debug, H: PoolOf<T>> fmt::Debug for PooledIn<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
