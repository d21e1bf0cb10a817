//! A lock for every key: [`KeyedMutex`].
//!
//! `table` has the keys that are in use, each with a [`RawMutex`] and the number of those who hold or
//! wait; `futures` enter a key and wait for its mutex; `guard` unlocks, and then leaves the key.
//!
//! A key is entered by the first poll of a future, not before, and left by whatever ends: the guard, or
//! the future that is dropped while it waits. Who leaves last takes the entry out of the table.
//! The mutex does what any mutex does; the table knows nothing of locks.

mod futures;
mod guard;
#[cfg(all(test, loom))]
mod loom;
pub(crate) mod table;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use sync_core::const_fn;

use crate::mutex::RawMutex;
use table::{Home, Place, Table, sealed};

pub use futures::{KeyedLock, KeyedLockOwned, LockKey};
pub use guard::{KeyGuard, KeyedGuard, OwnedKeyedGuard};

/// A mutex for every key, of which only those in use take memory.
///
/// Tasks that lock different keys do not meet. An entry appears with the first who locks its key and
/// is gone with the last who holds it or waits for it, also if that one is cancelled or panics. So
/// the keys may be user names, file names or account numbers, without end.
///
/// It protects no value of its own: lock the key, and then work on whatever the key stands for, a row of
/// a database, a file, an entry of a [`Map`](crate::map::Map).
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::KeyedMutex;
///
/// let accounts = Arc::new(KeyedMutex::<u32>::new());
///
/// /// Reads and writes the account in two steps; nobody else does so meanwhile.
/// async fn deposit(accounts: &KeyedMutex<u32>, account: u32) {
///     let _guard = accounts.lock(account).await;
///     /* SELECT ... UPDATE ... */
/// }
///
/// let tasks: Vec<_> = (0..100)
///     .map(|n| {
///         let accounts = Arc::clone(&accounts);
///         tokio::spawn(async move { deposit(&accounts, n % 10).await })
///     })
///     .collect();
/// for task in tasks {
///     task.await.unwrap();
/// }
/// assert!(accounts.is_empty(), "nothing is left of the keys");
/// # });
/// ```
///
/// # Two keys at once
///
/// A task that holds one key and waits for another may wait for a task that does the same the other way
/// round. Lock several keys in the order of the keys.
///
/// # Keys
///
/// `Hash`, `Eq` and the destructors of the keys run without any internal lock: they may panic, and may
/// use the mutex that calls them. The first key that has been locked is kept with the entry; those who
/// come later only compare theirs with it.
///
/// # Costs
///
/// One allocation for a key that nobody uses yet, none to join others in waiting for it, and none to
/// wait or to wake. Tables grow, and keep their size.
#[doc(alias = "KeyLock")]
#[doc(alias = "kmutex")]
pub struct KeyedMutex<K, S = RandomState> {
    table: Table<K, RawMutex>,
    hasher: S,
}

impl<K> KeyedMutex<K> {
    /// Without any key.
    #[must_use]
    pub fn new() -> Self {
        KeyedMutex::with_hasher(RandomState::new())
    }
}

impl<K, S> KeyedMutex<K, S> {
    const_fn! {
        /// Without any key, and with this hasher: `const`, so that it can be a `static`.
        ///
        /// ```
        /// use std::hash::{BuildHasherDefault, DefaultHasher};
        /// use async_sync::KeyedMutex;
        ///
        /// static FILES: KeyedMutex<String, BuildHasherDefault<DefaultHasher>> =
        ///     KeyedMutex::with_hasher(BuildHasherDefault::new());
        ///
        /// let guard = FILES.try_lock("notes.txt".to_string()).unwrap();
        /// assert!(FILES.is_locked("notes.txt"));
        /// drop(guard);
        /// assert!(!FILES.is_locked("notes.txt"));
        /// ```
        #[must_use]
        pub const fn with_hasher(hasher: S) -> Self {
            KeyedMutex { table: Table::new(), hasher }
        }
    }

    /// How many keys are in use, locked or about to be: a snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no key is in use: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq, S: BuildHasher> KeyedMutex<K, S> {
    /// Waits until nobody else has `key`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place; if it had been given the key, the next in line gets it.
    ///
    /// # Fairness
    ///
    /// As [`Adaptive`](crate::mutex::Adaptive), for each key.
    ///
    /// # Panics
    ///
    /// If the key's `Hash` panics; the future, if its `Eq` does, or if it is polled after completion.
    /// Nothing is locked then.
    #[doc(alias = "Lock")]
    pub fn lock(&self, key: K) -> KeyedLock<'_, K, S> {
        LockKey::new(self, self.hash(&key), key)
    }

    /// The same, with a guard that keeps the `Arc`.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock).
    pub fn lock_owned(self: Arc<Self>, key: K) -> KeyedLockOwned<K, S> {
        let hash = self.hash(&key);
        LockKey::new(self, hash, key)
    }

    /// Locks `key` if that is possible at once.
    ///
    /// # Panics
    ///
    /// If the key's `Hash` or `Eq` panics.
    #[doc(alias = "TryLock")]
    pub fn try_lock(&self, key: K) -> Option<KeyedGuard<'_, K, S>> {
        KeyGuard::try_new(Place::enter(self, self.hash(&key), key, RawMutex::new))
    }

    /// The same, with a guard that keeps the `Arc`.
    ///
    /// # Panics
    ///
    /// As [`try_lock`](Self::try_lock).
    pub fn try_lock_owned(self: Arc<Self>, key: K) -> Option<OwnedKeyedGuard<K, S>> {
        let hash = self.hash(&key);
        KeyGuard::try_new(Place::enter(self, hash, key, RawMutex::new))
    }

    /// Waits until nobody else has `key`, blocking this thread.
    ///
    /// In the same line as the tasks, in and out of runtimes.
    ///
    /// # Panics
    ///
    /// As [`try_lock`](Self::try_lock).
    pub fn lock_blocking(&self, key: K) -> KeyedGuard<'_, K, S> {
        sync_core::park::block_on(self.lock(key))
    }

    /// Whether somebody has `key`: a snapshot.
    #[must_use]
    pub fn is_locked<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let slot = self.table.find(self.hash(key), key);
        slot.is_some_and(|slot| slot.value().is_locked())
    }

    /// How many futures are queued for `key`: a snapshot.
    #[must_use]
    pub fn waiters<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let slot = self.table.find(self.hash(key), key);
        slot.map_or(0, |slot| slot.value().waiters())
    }

    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }
}

impl<K, S> sealed::Sealed for &KeyedMutex<K, S> {}
impl<K, S> Home for &KeyedMutex<K, S> {
    type Key = K;
    type Value = RawMutex;

    fn table(&self, _: sealed::Inside) -> &Table<K, RawMutex> {
        &self.table
    }
}

impl<K, S> sealed::Sealed for Arc<KeyedMutex<K, S>> {}
impl<K, S> Home for Arc<KeyedMutex<K, S>> {
    type Key = K;
    type Value = RawMutex;

    fn table(&self, _: sealed::Inside) -> &Table<K, RawMutex> {
        &self.table
    }
}

impl<K, S: Default> Default for KeyedMutex<K, S> {
    fn default() -> Self {
        KeyedMutex::with_hasher(S::default())
    }
}

impl<K, S> fmt::Debug for KeyedMutex<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedMutex")
            .field("keys", &self.table)
            .finish_non_exhaustive()
    }
}
