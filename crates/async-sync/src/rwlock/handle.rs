//! What futures and guards hold on to: a reference to the lock, or an `Arc` of it. Everything else is
//! written once over the two.

use core::fmt;
use core::ops::Deref;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use super::RwLock;
use super::policy::Policy;
use super::raw::RawRwLock;
#[cfg(feature = "alloc")]
use crate::shared::Shared;

/// What a guard holds on to: `&RwLock` or `Arc<RwLock>`. Sealed.
pub trait Handle: Leave + Sized {
    /// The value behind the lock.
    type Value: ?Sized;
    /// The lock's policy.
    type Policy: Policy;
    /// What a mapped guard holds on to.
    type Mapped: Leave;
    /// What a future holds on to until it completes.
    #[doc(hidden)]
    type Holder: Deref<Target = RwLock<Self::Value, Self::Policy>> + fmt::Debug;

    #[doc(hidden)]
    fn lock(&self) -> &RwLock<Self::Value, Self::Policy>;
    #[doc(hidden)]
    fn into_mapped(self, _: Token) -> Self::Mapped;
    #[doc(hidden)]
    fn into_holder(self, _: Token) -> Self::Holder;
    #[doc(hidden)]
    fn another(&self, _: Token) -> Self::Holder;
    #[doc(hidden)]
    fn from_holder(holder: &mut Self::Holder, _: Token) -> Self;
}

/// What a mapped guard holds on to: something that leads to a lock. Sealed.
pub trait Leave: sealed::Sealed {
    #[doc(hidden)]
    fn leave(&self, kind: usize, _: Token);
    #[doc(hidden)]
    fn downgrade(&self, from: usize, to: usize, _: Token);
}

mod sealed {
    pub trait Sealed {}
}

/// What only this module can make: to call a method of a sealed trait is as bad as to implement it,
/// where the method unlocks a lock whose guard is out.
#[derive(Clone, Copy, Debug)]
pub struct Token(());

impl Token {
    pub(super) const GIVEN: Token = Token(());
}

impl<T: ?Sized, P: Policy> sealed::Sealed for &RwLock<T, P> {}
impl<T: ?Sized, P: Policy> Leave for &RwLock<T, P> {
    #[inline]
    fn leave(&self, kind: usize, _: Token) {
        self.raw.leave(kind);
    }
    fn downgrade(&self, from: usize, to: usize, _: Token) {
        self.raw.downgrade(from, to);
    }
}
impl<'a, T: ?Sized, P: Policy> Handle for &'a RwLock<T, P> {
    type Value = T;
    type Policy = P;
    // Without the type of the value, so that parts of different things fit one variable.
    type Mapped = &'a RawRwLock<P>;
    type Holder = Borrowed<'a, T, P>;

    #[inline]
    fn lock(&self) -> &RwLock<T, P> {
        self
    }
    fn into_mapped(self, _: Token) -> &'a RawRwLock<P> {
        &self.raw
    }
    #[inline]
    fn into_holder(self, _: Token) -> Borrowed<'a, T, P> {
        Borrowed(self)
    }
    fn another(&self, _: Token) -> Borrowed<'a, T, P> {
        Borrowed(self)
    }
    #[inline]
    fn from_holder(holder: &mut Borrowed<'a, T, P>, _: Token) -> Self {
        holder.0
    }
}

/// A reference whose `Debug` does not ask for the value's.
pub struct Borrowed<'a, T: ?Sized, P: Policy>(&'a RwLock<T, P>);

impl<T: ?Sized, P: Policy> Deref for Borrowed<'_, T, P> {
    type Target = RwLock<T, P>;

    #[inline]
    fn deref(&self) -> &RwLock<T, P> {
        self.0
    }
}

impl<T: ?Sized, P: Policy> fmt::Debug for Borrowed<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.raw.fmt(f)
    }
}

impl<P: Policy> sealed::Sealed for &RawRwLock<P> {}
impl<P: Policy> Leave for &RawRwLock<P> {
    #[inline]
    fn leave(&self, kind: usize, _: Token) {
        RawRwLock::leave(self, kind);
    }
    fn downgrade(&self, from: usize, to: usize, _: Token) {
        RawRwLock::downgrade(self, from, to);
    }
}

#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> sealed::Sealed for Arc<RwLock<T, P>> {}
#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> Leave for Arc<RwLock<T, P>> {
    #[inline]
    fn leave(&self, kind: usize, _: Token) {
        self.raw.leave(kind);
    }
    fn downgrade(&self, from: usize, to: usize, _: Token) {
        self.raw.downgrade(from, to);
    }
}
#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> Handle for Arc<RwLock<T, P>> {
    type Value = T;
    type Policy = P;
    type Mapped = Self;
    type Holder = Owned<T, P>;

    #[inline]
    fn lock(&self) -> &RwLock<T, P> {
        self
    }
    fn into_mapped(self, _: Token) -> Self {
        self
    }
    #[inline]
    fn into_holder(self, _: Token) -> Owned<T, P> {
        Owned(Shared::new(self))
    }
    fn another(&self, _: Token) -> Owned<T, P> {
        Owned(Shared::new(Arc::clone(self)))
    }
    #[inline]
    fn from_holder(holder: &mut Owned<T, P>, _: Token) -> Self {
        holder.0.take()
    }
}

/// An `Arc` that can be taken out, whose `Debug` does not ask for the value's.
#[cfg(feature = "alloc")]
pub struct Owned<T: ?Sized, P: Policy>(Shared<Arc<RwLock<T, P>>>);

#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> Deref for Owned<T, P> {
    type Target = RwLock<T, P>;

    #[inline]
    fn deref(&self) -> &RwLock<T, P> {
        &self.0
    }
}

#[cfg(feature = "alloc")]
impl<T: ?Sized, P: Policy> fmt::Debug for Owned<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arc<RwLock>")
    }
}
