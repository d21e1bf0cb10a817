//! A concurrent map with Go's interface, and initialisers that run once for a key: [`Map`].
//!
//! The entries are `papaya`'s: a hash table that is read without locks, and whose removed entries are
//! freed when nobody can be reading them any more. This module gives it names, values by clone, and
//! [`get_or_compute`](Map::get_or_compute), whose algorithm is in `compute`.
//!
//! Nothing foreign runs under a lock, since there is none: `Hash`, `Eq`, `Clone` and the closures
//! that are passed in may use the very map that calls them.

mod compute;
#[cfg(all(test, loom))]
mod loom;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};

use papaya::{Compute, Guard, Operation};

use crate::keyed::table::{Home, Table, sealed};

use compute::Computing;
pub use compute::{GetOrCompute, GetOrTryCompute};

/// A map that many tasks use at once: Go's `sync.Map`, with types.
///
/// Reads take no lock, so it is at its best where most operations are reads: caches, registries,
/// tables of sessions. (Where most operations insert and remove, a sharded map with locks is
/// faster, at the price of deadlocks with whatever runs under its locks.) Values come out as clones,
/// so make large ones an `Arc`; no guard is held that could be kept over an `await`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::Map;
///
/// struct Session(String);
///
/// let sessions = Map::<String, Arc<Session>>::new();
/// sessions.store("a1".to_string(), Arc::new(Session("Ann".to_string())));
/// assert_eq!(sessions.load("a1").unwrap().0, "Ann");
///
/// // Asked for by many at once, loaded by one of them.
/// let bob = sessions
///     .get_or_compute("b2".to_string(), async || Arc::new(Session("Bob".to_string())))
///     .await;
/// assert_eq!(bob.0, "Bob");
/// assert_eq!(sessions.len(), 2);
/// # });
/// ```
///
/// # When memory is freed
///
/// What was removed or replaced is freed once no thread can be reading it, in batches of some thirty
/// entries per thread, or by [`flush`](Self::flush). A destructor may therefore run late, and on any
/// thread that uses the map; it must not panic. Where the destructor matters, store an `Arc` and keep
/// what is in it alive no longer than it should be, or flush.
///
/// # Consistency
///
/// Each operation on a key is atomic. [`range`](Self::range) and [`clear`](Self::clear) visit what is
/// there for the whole of their time, and may or may not see what comes and goes meanwhile.
#[doc(alias = "sync.Map")]
#[doc(alias = "RWMap")]
#[doc(alias = "ConcurrentMap")]
pub struct Map<K, V, S = RandomState> {
    entries: papaya::HashMap<K, V, S>,
    /// The keys whose values are being computed.
    computing: Table<K, Computing<V>>,
    /// For these. (`papaya` does not show its own.)
    hasher: RandomState,
    /// What a model checker sees of the entries: that they were read or changed.
    #[cfg(loom)]
    steps: sync_core::atomic::AtomicUsize,
}

impl<K, V> Map<K, V> {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Map::with_hasher(RandomState::new())
    }
}

impl<K, V, S> Map<K, V, S> {
    /// An empty map with this hasher.
    #[must_use]
    pub fn with_hasher(hasher: S) -> Self {
        Map::with_capacity_and_hasher(0, hasher)
    }

    /// An empty map with room for so many entries, and with this hasher.
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let entries = papaya::HashMap::builder()
            .capacity(capacity)
            .hasher(hasher)
            .build();
        Map {
            entries,
            computing: Table::new(),
            hasher: RandomState::new(),
            #[cfg(loom)]
            steps: sync_core::atomic::AtomicUsize::new(0),
        }
    }
}

#[cfg(loom)]
impl<K, V, S> Map<K, V, S> {
    fn read(&self) {
        self.steps.load(sync_core::atomic::Ordering::Acquire);
    }

    fn changed(&self) {
        self.steps.fetch_add(1, sync_core::atomic::Ordering::AcqRel);
    }
}

impl<K, V, S> Map<K, V, S>
where
    K: Hash + Eq,
    S: BuildHasher,
{
    /// How many entries there are: a snapshot. (Go's `sync.Map` has none.)
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is a value for `key`.
    #[inline]
    #[must_use]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.contains_key(key, &self.entries.guard())
    }

    /// What `look` makes of the value for `key`, which is not cloned.
    ///
    /// What is removed meanwhile stays until `look` returns, so let it be brief.
    #[inline]
    pub fn with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        #[cfg(loom)]
        self.read();
        self.entries.get(key, &self.entries.guard()).map(look)
    }

    /// Sets the value for `key`.
    #[doc(alias = "Store")]
    #[doc(alias = "insert")]
    #[doc(alias = "Set")]
    #[inline]
    pub fn store(&self, key: K, value: V) {
        self.entries.insert(key, value, &self.entries.guard());
    }

    /// Removes the value for `key`. Returns whether there was one.
    #[doc(alias = "Delete")]
    #[inline]
    pub fn delete<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        #[cfg(loom)]
        self.changed();
        let guard = self.entries.guard();
        self.entries.remove(key, &guard).is_some()
    }

    /// Removes the value for `key` if it is equal to `old`. Returns whether it was.
    ///
    /// ```
    /// let map = async_sync::Map::<&str, u8>::new();
    /// map.store("a", 1);
    /// assert!(!map.compare_and_delete("a", &2));
    /// assert!(map.compare_and_delete("a", &1));
    /// assert!(!map.compare_and_delete("a", &1), "there is none");
    /// ```
    #[doc(alias = "CompareAndDelete")]
    pub fn compare_and_delete<Q>(&self, key: &Q, old: &V) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: PartialEq,
    {
        let guard = self.entries.guard();
        let removed = self.entries.remove_if(key, |_, value| value == old, &guard);
        matches!(removed, Ok(Some(_)))
    }

    /// Shows each entry to `f`, until that returns `false`.
    ///
    /// Holds no lock: `f` may use the map in any way.
    ///
    /// ```
    /// let map = async_sync::Map::<u32, &str>::new();
    /// for n in 0..10 {
    ///     map.store(n, "value");
    /// }
    /// map.range(|n, _| {
    ///     if n % 2 == 0 {
    ///         map.delete(n);
    ///     }
    ///     true
    /// });
    /// assert_eq!(map.len(), 5);
    /// ```
    #[doc(alias = "Range")]
    #[doc(alias = "Each")]
    #[doc(alias = "for_each")]
    pub fn range(&self, mut f: impl FnMut(&K, &V) -> bool) {
        let guard = self.entries.guard();
        for (key, value) in self.entries.iter(&guard) {
            if !f(key, value) {
                return;
            }
        }
    }

    /// Removes each entry for which `keep` returns `false`. It is asked again about a value that
    /// changes meanwhile.
    pub fn retain(&self, keep: impl FnMut(&K, &V) -> bool) {
        self.entries.retain(keep, &self.entries.guard());
    }

    /// Removes all entries.
    #[doc(alias = "Clear")]
    pub fn clear(&self) {
        self.entries.clear(&self.entries.guard());
    }

    /// Frees what this thread has removed or replaced, as far as nobody is reading it.
    ///
    /// See [when memory is freed](Self#when-memory-is-freed).
    pub fn flush(&self) {
        self.entries.guard().flush();
    }
}

impl<K, V, S> Map<K, V, S>
where
    K: Hash + Eq,
    V: Clone,
    S: BuildHasher,
{
    /// The value for `key`.
    ///
    /// ```
    /// let map = async_sync::Map::<String, u8>::new();
    /// map.store("a".to_string(), 1);
    /// assert_eq!(map.load("a"), Some(1));
    /// assert_eq!(map.load("b"), None);
    /// ```
    #[doc(alias = "Load")]
    #[doc(alias = "get")]
    #[inline]
    pub fn load<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.with(key, V::clone)
    }

    /// Sets the value for `key`. Returns the one before.
    #[doc(alias = "Swap")]
    pub fn swap(&self, key: K, value: V) -> Option<V> {
        let guard = self.entries.guard();
        self.entries.insert(key, value, &guard).cloned()
    }

    /// The value for `key`, and `true`; or, if there is none, `value`, which is stored, and `false`.
    ///
    /// ```
    /// let map = async_sync::Map::<&str, u8>::new();
    /// assert_eq!(map.load_or_store("a", 1), (1, false));
    /// assert_eq!(map.load_or_store("a", 2), (1, true));
    /// ```
    #[doc(alias = "LoadOrStore")]
    pub fn load_or_store(&self, key: K, value: V) -> (V, bool) {
        #[cfg(loom)]
        self.changed();
        match self.entries.try_insert(key, value, &self.entries.guard()) {
            Ok(stored) => (stored.clone(), false),
            Err(occupied) => (occupied.current.clone(), true),
        }
    }

    /// The same, where `make` is called only if there is no value. It may be called in vain: if
    /// somebody else stores one meanwhile, that one stays.
    pub fn load_or_store_with(&self, key: K, make: impl FnOnce() -> V) -> (V, bool) {
        match self.load(&key) {
            Some(value) => (value, true),
            None => self.load_or_store(key, make()),
        }
    }

    /// Removes the value for `key` and returns it.
    #[doc(alias = "LoadAndDelete")]
    #[doc(alias = "remove")]
    pub fn load_and_delete<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let guard = self.entries.guard();
        self.entries.remove(key, &guard).cloned()
    }

    /// Sets the value for `key` to `new` if it is equal to `old`. Returns whether it was.
    ///
    /// ```
    /// let map = async_sync::Map::<&str, u8>::new();
    /// assert!(!map.compare_and_swap("a", &1, 2), "there is none");
    /// map.store("a", 1);
    /// assert!(map.compare_and_swap("a", &1, 2));
    /// assert_eq!(map.load("a"), Some(2));
    /// ```
    #[doc(alias = "CompareAndSwap")]
    pub fn compare_and_swap(&self, key: K, old: &V, new: V) -> bool
    where
        V: PartialEq,
    {
        let guard = self.entries.guard();
        let swap = |entry: Option<(&K, &V)>| match entry {
            Some((_, value)) if value == old => Operation::Insert(new.clone()),
            _ => Operation::Abort(()),
        };
        matches!(
            self.entries.compute(key, swap, &guard),
            Compute::Updated { .. }
        )
    }

    /// Sets the value for `key` to what `change` makes of the one that is there, or removes it if that
    /// is nothing, in one atomic step. Returns what is there afterwards.
    ///
    /// `change` may be called several times, if others change the value meanwhile, so it only computes.
    ///
    /// ```
    /// let visits = async_sync::Map::<&str, u32>::new();
    /// for _ in 0..3 {
    ///     visits.update("page", |n| Some(n.map_or(1, |n| n + 1)));
    /// }
    /// assert_eq!(visits.load("page"), Some(3));
    /// assert_eq!(visits.update("page", |_| None), None);
    /// assert!(visits.is_empty());
    /// ```
    #[doc(alias = "Compute")]
    pub fn update(&self, key: K, mut change: impl FnMut(Option<&V>) -> Option<V>) -> Option<V> {
        let guard = self.entries.guard();
        let step = |entry: Option<(&K, &V)>| match (change(entry.map(|(_, value)| value)), entry) {
            (Some(value), _) => Operation::Insert(value),
            (None, Some(_)) => Operation::Remove,
            (None, None) => Operation::Abort(()),
        };
        match self.entries.compute(key, step, &guard) {
            Compute::Inserted(_, new) | Compute::Updated { new: (_, new), .. } => Some(new.clone()),
            Compute::Removed(..) | Compute::Aborted(()) => None,
        }
    }
}

impl<K, V, S> Map<K, V, S>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher,
{
    /// The value for `key`, which `initialiser` makes if there is none.
    ///
    /// Of several callers that miss the same key at the same time, one runs its initialiser, and the
    /// others wait for the value. If that one is cancelled or panics, the next in line runs *its own*.
    /// A value that somebody [stores](Self::store) meanwhile stays, and is what all of them get.
    /// Nothing is left of the attempt when the last of them is gone.
    ///
    /// An initialiser that asks for its own key waits for itself, hence for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before its initialiser has begun gives up its place. Afterwards it cancels
    /// the initialiser, and the next in line runs its own.
    ///
    /// # Fairness
    ///
    /// First come, first served, as for a [`OnceCell`](crate::OnceCell).
    ///
    /// # Panics
    ///
    /// A panic of the initialiser comes out of this future only. The future panics if it is polled after
    /// completion.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let squares = async_sync::Map::<u32, u32>::new();
    /// assert_eq!(squares.get_or_compute(7, async || 7 * 7).await, 49);
    /// assert_eq!(squares.get_or_compute(7, async || unreachable!()).await, 49);
    /// # });
    /// ```
    #[doc(alias = "compute_if_absent")]
    pub fn get_or_compute<F, W>(&self, key: K, initialiser: F) -> GetOrCompute<'_, K, V, S, F, W>
    where
        F: FnOnce() -> W,
        W: Future<Output = V>,
    {
        GetOrCompute::new(self, key, initialiser)
    }

    /// The value for `key`, which `initialiser` makes, or fails to make, if there is none.
    ///
    /// As [`get_or_compute`](Self::get_or_compute). After a failure the next in line runs its own
    /// initialiser.
    ///
    /// # Errors
    ///
    /// What this caller's own initialiser failed with.
    ///
    /// # Cancel safety
    ///
    /// As [`get_or_compute`](Self::get_or_compute).
    ///
    /// # Panics
    ///
    /// As [`get_or_compute`](Self::get_or_compute).
    pub fn get_or_try_compute<E, F, W>(
        &self,
        key: K,
        initialiser: F,
    ) -> GetOrTryCompute<'_, K, V, S, F, W>
    where
        F: FnOnce() -> W,
        W: Future<Output = Result<V, E>>,
    {
        GetOrTryCompute::new(self, key, initialiser)
    }

    /// How many keys have their values computed at present: a snapshot.
    #[must_use]
    pub fn computing(&self) -> usize {
        self.computing.len()
    }
}

impl<K, V, S> sealed::Sealed for &Map<K, V, S> {}
impl<K, V, S> Home for &Map<K, V, S> {
    type Key = K;
    type Value = Computing<V>;

    fn table(&self, _: sealed::Inside) -> &Table<K, Computing<V>> {
        &self.computing
    }
}

impl<K, V, S: Default> Default for Map<K, V, S> {
    fn default() -> Self {
        Map::with_hasher(S::default())
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Extend<(K, V)> for Map<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.store(key, value);
        }
    }
}

impl<K: Hash + Eq, V, S: BuildHasher + Default> FromIterator<(K, V)> for Map<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Map::default();
        map.extend(entries);
        map
    }
}

impl<K, V, S> fmt::Debug for Map<K, V, S>
where
    K: Hash + Eq + fmt::Debug,
    V: fmt::Debug,
    S: BuildHasher,
{
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guard = self.entries.guard();
        f.debug_map().entries(self.entries.iter(&guard)).finish()
    }
}
