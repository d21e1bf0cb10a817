//! One execution for all who want the same at the same time: [`SingleFlight`].
//!
//! `table` finds the execution of a key, `flight` owns the work and its outcome, `raw` decides whose
//! turn it is, `futures` are the callers, `spawned` is the task that runs a work on its own.

mod flight;
mod futures;
mod handle;
#[cfg(all(test, loom))]
mod loom;
mod outcome;
mod raw;
#[cfg(feature = "runtime")]
mod spawned;
mod stack;
mod table;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use sync_core::const_fn;

use flight::{Flight, Work};
use table::{Found, Table};

pub use futures::{Caught, Joined, JoinedOf, JoinedOwned, Run, RunOf, RunOwned};
pub use handle::{ByRef, ByValue, Handle, Lookup};
pub use outcome::{Failure, Outcome, Panicked};

/// Calls for the same key at the same time become one execution, whose result all of them get.
///
/// Use it in front of what is expensive and asked for by many at once: when a hot entry of a cache
/// expires, one request goes to the database instead of a thousand. It is no cache: as soon as the
/// execution is done, the next call begins a new one.
///
/// From Go's `x/sync/singleflight`. What is different:
///
/// * **The callers own the execution together.** It survives the caller that began it, and does not
///   begin again when that one is cancelled; when the last caller is gone, the work is dropped. A
///   timeout of one caller is a timeout around its future, and concerns nobody else.
/// * **Whoever is polled drives the work.** No caller depends on another one being polled, and
///   there is no task in the background. Where a work is woken often and has many callers, or has to
///   go on without them, `spawn` gives it a task of its own (feature `runtime`).
/// * **A panic of the work reaches every caller**, as a panic with the same message, or as an error
///   with [`caught`](RunOf::caught).
///
/// Values and errors are cloned for each caller (the last one gets the original), so make large ones
/// an `Arc`. A key is borrowed; only the caller that begins an execution makes an owned one of it.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::SingleFlight;
///
/// struct Page(String);
///
/// #[derive(Debug)]
/// struct Offline;
///
/// /// Errors that are not `Clone` go into an `Arc`, like values that are large.
/// type Pages = SingleFlight<String, Arc<Page>, Arc<Offline>>;
///
/// async fn fetch(url: &str) -> Result<Page, Offline> {
///     tokio::task::yield_now().await;
///     Ok(Page(format!("the page at {url}")))
/// }
///
/// async fn page(pages: &Pages, url: &str) -> Result<Arc<Page>, Arc<Offline>> {
///     let owned = url.to_owned();
///     let outcome = pages.run(url, || async move {
///         fetch(&owned).await.map(Arc::new).map_err(Arc::new)
///     });
///     Ok(outcome.await?.value)
/// }
///
/// let pages = Arc::new(Pages::new());
/// let readers: Vec<_> = (0..10)
///     .map(|_| {
///         let pages = Arc::clone(&pages);
///         tokio::spawn(async move { page(&pages, "https://go.dev").await.unwrap() })
///     })
///     .collect();
/// for reader in readers {
///     assert_eq!(reader.await.unwrap().0, "the page at https://go.dev");
/// }
/// assert!(pages.is_empty());
/// # });
/// ```
///
/// # What runs where
///
/// The work is polled by its callers, so it is `Send + 'static` like a spawned task's, and what it
/// finds around itself (a task-local, a tracing span) is that of whichever caller polls it. A work
/// may use the same `SingleFlight` for other keys. It cannot wait for its own: a caller that is
/// polled inside of the very execution that it would wait for panics, and with it the work. (Where
/// two works wait for each other from different tasks, nobody notices; they wait for ever.)
///
/// `Hash`, `Eq` and the destructors of the keys run without any internal lock: they may panic, and may use
/// the `SingleFlight` that calls them.
#[doc(alias = "singleflight.Group")]
pub struct SingleFlight<K, V, E, S = RandomState> {
    table: Table<K, V, E>,
    hasher: S,
}

impl<K, V, E> SingleFlight<K, V, E> {
    /// Nothing in flight.
    #[must_use]
    pub fn new() -> Self {
        SingleFlight::with_hasher(RandomState::new())
    }
}

impl<K, V, E, S> SingleFlight<K, V, E, S> {
    const_fn! {
        /// Nothing in flight; keys are hashed by `hasher`. For a `static`, and where keys are trusted.
        ///
        /// ```
        /// use std::hash::{BuildHasherDefault, DefaultHasher};
        /// use async_sync::SingleFlight;
        ///
        /// type Hasher = BuildHasherDefault<DefaultHasher>;
        /// static LOOKUPS: SingleFlight<u64, String, (), Hasher> =
        ///     SingleFlight::with_hasher(Hasher::new());
        ///
        /// assert!(LOOKUPS.is_empty());
        /// ```
        #[must_use]
        pub const fn with_hasher(hasher: S) -> Self {
            SingleFlight { table: Table::new(), hasher }
        }
    }

    /// How many executions there are, without those that were [forgotten](Self::forget): a snapshot.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nothing is in flight: a snapshot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K, V, E, S> SingleFlight<K, V, E, S>
where
    K: Hash + Eq,
    S: BuildHasher,
{
    /// Joins the execution of `key` that is in flight, or begins one with `work`.
    ///
    /// `work` is called, by the first poll of the execution, only if there was none to join.
    ///
    /// Nothing happens before the future is polled for the first time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the execution to the other callers; if there are none, the work
    /// is dropped.
    ///
    /// # Errors
    ///
    /// What the work returned, a clone for each caller.
    ///
    /// # Panics
    ///
    /// The future panics if the work has panicked, whichever caller polled that; if the task that ran
    /// the work was aborted; if it is polled after completion; if the work waits for its own key.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::SingleFlight;
    ///
    /// let group = SingleFlight::<String, usize, ()>::new();
    /// let slow = || async {
    ///     tokio::task::yield_now().await;
    ///     Ok(42)
    /// };
    /// let (a, b) = tokio::join!(group.run("answer", slow), group.run("answer", slow));
    /// assert!(a.unwrap().shared && b.unwrap().shared);
    ///
    /// let alone = group.run("answer", slow).await.unwrap();
    /// assert_eq!((alone.value, alone.shared, alone.callers), (42, false, 1));
    /// # });
    /// ```
    #[doc(alias = "Do")]
    #[inline]
    pub fn run<'a, Q, F, W>(&'a self, key: &'a Q, work: F) -> Run<'a, Q, F, K, V, E, S>
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<V, E>> + Send + 'static,
    {
        RunOf::new(self, ByRef(key), work)
    }

    /// The same, with a future that keeps the `Arc` and the key and so may go anywhere.
    #[inline]
    pub fn run_owned<F, W>(self: &Arc<Self>, key: K, work: F) -> RunOwned<F, K, V, E, S>
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<V, E>> + Send + 'static,
    {
        RunOf::new(Arc::clone(self), ByValue(key), work)
    }

    /// The same, blocking this thread, which polls the work like any other caller.
    ///
    /// # Errors
    ///
    /// What the work returned.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_blocking<Q, F, W>(&self, key: &Q, work: F) -> Result<Outcome<V>, E>
    where
        K: Borrow<Q> + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<V, E>> + Send + 'static,
    {
        sync_core::park::block_on(self.run(key, work))
    }

    /// Joins or begins an execution at once, and returns the caller's place in it, to be awaited later.
    ///
    /// Unlike [`run`](Self::run), this counts from now on. Unless somebody polls one of its callers,
    /// the work does not begin.
    #[doc(alias = "DoChan")]
    pub fn start<Q, F, W>(&self, key: &Q, work: F) -> Joined<'_, K, V, E, S>
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Hash + Eq + ?Sized,
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<V, E>> + Send + 'static,
    {
        let flight = self.begin(ByRef(key), work);
        // SAFETY: `begin` has joined in our name.
        unsafe { JoinedOf::new(self, flight) }
    }

    /// The same, with a place that keeps the `Arc`.
    #[doc(alias = "DoChan")]
    pub fn start_owned<F, W>(self: &Arc<Self>, key: K, work: F) -> JoinedOwned<K, V, E, S>
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<V, E>> + Send + 'static,
    {
        let flight = self.begin(ByValue(key), work);
        // SAFETY: `begin` has joined in our name.
        unsafe { JoinedOf::new(Arc::clone(self), flight) }
    }

    /// Joins the execution of `key` that is in flight; `None` if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::SingleFlight;
    ///
    /// let group = SingleFlight::<String, u8, ()>::new();
    /// assert!(group.subscribe("key").is_none());
    /// let first = group.start("key", || async { Ok(1) });
    /// let second = group.subscribe("key").unwrap();
    /// drop(first);
    /// assert_eq!(second.await.unwrap().value, 1, "the work is not lost with who began it");
    /// # });
    /// ```
    pub fn subscribe<Q>(&self, key: &Q) -> Option<Joined<'_, K, V, E, S>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let flight = self.find(key).filter(|flight| flight.raw().join())?;
        // SAFETY: joined in this moment.
        Some(unsafe { JoinedOf::new(self, flight) })
    }

    /// The same, with a place that keeps the `Arc`.
    pub fn subscribe_owned<Q>(self: &Arc<Self>, key: &Q) -> Option<JoinedOwned<K, V, E, S>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let flight = self.find(key).filter(|flight| flight.raw().join())?;
        // SAFETY: joined in this moment.
        Some(unsafe { JoinedOf::new(Arc::clone(self), flight) })
    }

    /// Forgets the execution of `key`: the next caller begins a new one.
    ///
    /// The old one goes on for its callers, and its end does not concern the new one. Returns whether
    /// there was one.
    #[doc(alias = "Forget")]
    pub fn forget<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let forgotten = self.table.forget(handle::hash(&self.hasher, key), key);
        // A dead one is about to be taken out by whoever has ended it.
        forgotten.is_some_and(|flight| flight.state().is_live())
    }

    /// Whether there is an execution of `key` that a caller would join: a snapshot.
    #[must_use]
    pub fn in_flight<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.find(key)
            .is_some_and(|flight| flight.state().is_live())
    }

    /// How many callers the execution of `key` has; 0 if there is none: a snapshot.
    #[must_use]
    pub fn callers<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let state = self.find(key).map(|flight| flight.state());
        state
            .filter(|s| s.is_live())
            .map_or(0, |s| s.callers() as usize)
    }

    /// How many callers of `key` are queued: a snapshot.
    #[must_use]
    pub fn waiters<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.find(key).map_or(0, |flight| flight.raw().waiters())
    }

    fn find<Q>(&self, key: &Q) -> Option<Arc<Flight<K, V, E>>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.table.get(handle::hash(&self.hasher, key), key)
    }

    /// The execution of `key`, joined, or a new one.
    #[inline]
    fn begin<L, F, W>(&self, key: L, work: F) -> Arc<Flight<K, V, E>>
    where
        L: Lookup<K>,
        K: Borrow<L::Query>,
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = Result<V, E>> + Send + 'static,
    {
        let hash = handle::hash(&self.hasher, key.query());
        let found = self.table.get(hash, key.query());
        if let Some(flight) = &found
            && flight.raw().join()
        {
            return found.expect("just seen");
        }
        // Called by the first poll, so a panic of it is one of the work.
        let work: Work<V, E> = Box::pin(async move { work().await });
        self.insert(Flight::new(hash, key.into_key(), work), found)
            .1
    }

    /// Inserts a flight in whose name one caller has joined, in the place of one that is `dead`, unless
    /// there is a live one, which is joined instead. Returns whether the new one was inserted.
    fn insert(
        &self,
        new: Arc<Flight<K, V, E>>,
        mut dead: Option<Arc<Flight<K, V, E>>>,
    ) -> (bool, Arc<Flight<K, V, E>>) {
        loop {
            match self.table.insert(&new, dead.as_ref()) {
                Found::Inserted { instead_of } => {
                    // Foreign destructors, perhaps; the lock is free.
                    drop((instead_of, dead));
                    return (true, new);
                }
                // (The new one, with its work that never began, is dropped.)
                Found::Other(other) if other.raw().join() => return (false, other),
                Found::Other(other) => dead = Some(other),
            }
        }
    }
}

impl<K, V, E, S: Default> Default for SingleFlight<K, V, E, S> {
    fn default() -> Self {
        SingleFlight::with_hasher(S::default())
    }
}

impl<K, V, E, S> fmt::Debug for SingleFlight<K, V, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight")
            .field("in_flight", &self.table)
            .finish_non_exhaustive()
    }
}
