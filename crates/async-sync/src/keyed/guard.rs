//! The right to a key, given back on drop: first the mutex is unlocked, then the key is left.

use std::fmt;
use std::sync::Arc;

use super::KeyedMutex;
use super::table::{Home, Place};
use crate::mutex::RawMutex;

/// The right to a key of a [`KeyedMutex`], given back on drop.
///
/// Spelt [`KeyedGuard`] or [`OwnedKeyedGuard`].
#[must_use = "if unused the key is unlocked at once"]
#[clippy::has_significant_drop]
pub struct KeyGuard<H: Home<Key = K, Value = RawMutex>, K> {
    place: Place<H, K, RawMutex>,
}

/// The guard of [`KeyedMutex::lock`].
pub type KeyedGuard<'a, K, S = std::hash::RandomState> = KeyGuard<&'a KeyedMutex<K, S>, K>;

/// The guard of [`KeyedMutex::lock_owned`].
pub type OwnedKeyedGuard<K, S = std::hash::RandomState> = KeyGuard<Arc<KeyedMutex<K, S>>, K>;

impl<H: Home<Key = K, Value = RawMutex>, K> KeyGuard<H, K> {
    /// The mutex of `place` is locked, and left to the guard.
    pub(super) fn new(place: Place<H, K, RawMutex>) -> Self {
        debug_assert!(place.is_locked());
        KeyGuard { place }
    }

    pub(super) fn try_new(place: Place<H, K, RawMutex>) -> Option<Self> {
        place.try_lock().then(|| KeyGuard::new(place))
    }

    /// The key that is locked: the one that was given by whoever locked it first, and is equal to
    /// that of this guard.
    #[must_use]
    pub fn key(&self) -> &K {
        self.place.slot().key()
    }
}

impl<H: Home<Key = K, Value = RawMutex>, K> Drop for KeyGuard<H, K> {
    fn drop(&mut self) {
        // The place is left afterwards, also if a waker panics here.
        self.place.unlock_held(true);
    }
}

impl<H: Home<Key = K, Value = RawMutex>, K: fmt::Debug> fmt::Debug for KeyGuard<H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyGuard").field(self.key()).finish()
    }
}
