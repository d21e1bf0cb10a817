//! What the futures hold on to: the group, by reference or by `Arc`, and the key, borrowed or owned.
//! So everything is written once for both.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::SingleFlight;

/// What leads to a [`SingleFlight`]: a reference, or an `Arc`. Sealed.
pub trait Handle: sealed::Sealed {
    /// The group's keys.
    type Key;
    /// The group's values.
    type Value;
    /// The group's errors.
    type Error;
    /// The group's hasher.
    type Hasher;

    #[doc(hidden)]
    fn group(&self) -> &SingleFlight<Self::Key, Self::Value, Self::Error, Self::Hasher>;
}

impl<K, V, E, S> Handle for &SingleFlight<K, V, E, S> {
    type Key = K;
    type Value = V;
    type Error = E;
    type Hasher = S;

    #[inline]
    fn group(&self) -> &SingleFlight<K, V, E, S> {
        self
    }
}

impl<K, V, E, S> Handle for Arc<SingleFlight<K, V, E, S>> {
    type Key = K;
    type Value = V;
    type Error = E;
    type Hasher = S;

    #[inline]
    fn group(&self) -> &SingleFlight<K, V, E, S> {
        self
    }
}

/// A key that is looked up and, if there is no execution of it, becomes part of one. Sealed.
pub trait Lookup<K>: sealed::Sealed {
    /// What is looked up.
    type Query: Hash + Eq + ?Sized;

    #[doc(hidden)]
    fn query(&self) -> &Self::Query;
    #[doc(hidden)]
    fn into_key(self) -> K;
}

/// A key that is cloned only by the caller that begins an execution.
#[derive(Debug)]
pub struct ByRef<'a, Q: ?Sized>(pub(super) &'a Q);

impl<K, Q> Lookup<K> for ByRef<'_, Q>
where
    K: Borrow<Q>,
    Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
{
    type Query = Q;

    #[inline]
    fn query(&self) -> &Q {
        self.0
    }

    fn into_key(self) -> K {
        self.0.to_owned()
    }
}

/// A key that is given away.
#[derive(Debug)]
pub struct ByValue<K>(pub(super) K);

impl<K: Hash + Eq> Lookup<K> for ByValue<K> {
    type Query = K;

    #[inline]
    fn query(&self) -> &K {
        &self.0
    }

    fn into_key(self) -> K {
        self.0
    }
}

/// The hash of a key, or of what is looked up in its place.
#[inline]
pub(super) fn hash<S: BuildHasher, Q: Hash + ?Sized>(hasher: &S, key: &Q) -> u64 {
    hasher.hash_one(key)
}

mod sealed {
    pub trait Sealed {}
    impl<K, V, E, S> Sealed for &super::SingleFlight<K, V, E, S> {}
    impl<K, V, E, S> Sealed for super::Arc<super::SingleFlight<K, V, E, S>> {}
    impl<Q: ?Sized> Sealed for super::ByRef<'_, Q> {}
    impl<K> Sealed for super::ByValue<K> {}
}
