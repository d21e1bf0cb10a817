//! [`Pool`]: an object cache, as Go's `sync.Pool`. The algorithm is in `shards`.

use std::fmt;
use std::sync::Arc;

use sync_core::const_fn;

use super::pooled::{Back, OwnedPooled, PoolOf, Pooled, PooledIn};
use super::rule::{Rule, Size};
use super::shards::Shards;

/// Objects that cost something to make, kept for whoever needs one next: Go's `sync.Pool`.
///
/// [`get`](Self::get) takes one, or makes one if there is none; the guard gives it back. Nobody ever
/// waits. Objects that nobody takes for two [generations](Self::rotate) are dropped, so a pool
/// shrinks after a rush.
///
/// ```
/// use async_sync::Pool;
///
/// static BUFFERS: Pool<Vec<u8>> = Pool::new(Vec::new).cleaned_by(Vec::clear).max_size(64 * 1024);
///
/// fn render(name: &str) -> usize {
///     let mut page = BUFFERS.get();
///     page.extend_from_slice(b"Hello, ");
///     page.extend_from_slice(name.as_bytes());
///     page.len()
/// } // cleared, and kept, unless it has grown beyond 64 KiB
///
/// assert_eq!(render("world"), 12);
/// assert_eq!(BUFFERS.idle(), 1);
/// assert_eq!(render("moon"), 11, "the same buffer, empty");
/// assert_eq!(BUFFERS.idle(), 1);
/// ```
///
/// # What it does not promise
///
/// An object that is given back may be dropped, at any time and by any thread, and which one is given
/// out is not defined. So it is no place for connections or for what must not be lost; see
/// [`ResourcePool`](crate::resource_pool). There is no limit to the number of objects; see
/// [`BoundedPool`](super::BoundedPool).
///
/// # Is it worth it?
///
/// A `get` and a drop together cost less than an allocation (`docs/benchmarks.md` has both), but not much less than a
/// small one. Measure; what pays are objects that are large, or costly to make.
#[doc(alias = "sync.Pool")]
#[doc(alias = "object pool")]
#[doc(alias = "freelist")]
pub struct Pool<T, F = fn() -> T> {
    shards: Shards<T>,
    rule: Rule<T>,
    make: F,
}

impl<T> Pool<T> {
    const_fn! {
        /// A pool whose objects are made by `make`, when there are none: a function, or a closure without
        /// captures, so that the pool has a type that can be written down.
        #[must_use]
        pub const fn new(make: fn() -> T) -> Self {
            Pool::with_maker(make)
        }
    }
}

impl<T, F> Pool<T, F> {
    const_fn! {
        /// The same with any closure.
        #[must_use]
        pub const fn with_maker(make: F) -> Self {
            Pool { shards: Shards::new(), rule: Rule::none(), make }
        }
    }

    /// With `clean`, which is called for each object that comes back.
    #[must_use]
    pub const fn cleaned_by(mut self, clean: fn(&mut T)) -> Self {
        self.rule.clean = Some(clean);
        self
    }

    /// Of the objects that come back, keeps those for which `keep` says so. It is asked after
    /// [`cleaned_by`](Self::cleaned_by).
    #[must_use]
    pub const fn keep_if(mut self, keep: fn(&T) -> bool) -> Self {
        self.rule.keep = Some(keep);
        self
    }

    /// Of the objects that come back, keeps those of at most `bytes`, so that one that has grown once
    /// does not hold its memory for ever.
    #[doc(alias = "max_retained")]
    #[must_use]
    pub const fn max_size(mut self, bytes: usize) -> Self
    where
        T: Size,
    {
        self.rule.cap = Some((T::size, bytes));
        self
    }

    /// Gives an object to the pool, which may drop it.
    #[doc(alias = "Put")]
    #[inline]
    pub fn put(&self, object: T) {
        Back::give(object, self);
    }

    /// Takes an object, if there is one.
    #[inline]
    pub fn try_get(&self) -> Option<Pooled<'_, T, Self>> {
        match self.shards.slot().full() {
            Some(full) => Some(full.take_as(|object| PooledIn::new(self, object))),
            None => self.shards.take().map(|object| PooledIn::new(self, object)),
        }
    }

    /// Begins a new generation: drops the objects that were there before the last one began, and that
    /// nobody has taken since. Returns how many.
    ///
    /// Go does this with every garbage collection. Here it is up to you: every minute, say, or when
    /// memory is short. Nothing is ever dropped for its age if you never call it.
    ///
    /// ```
    /// use async_sync::Pool;
    ///
    /// let pool: Pool<String> = Pool::new(String::new);
    /// pool.put("idle".to_string());
    /// assert_eq!(pool.rotate(), 0, "the first time it becomes old");
    /// assert_eq!(pool.rotate(), 1, "the second time it goes");
    /// assert_eq!(pool.idle(), 0);
    /// ```
    #[doc(alias = "poolCleanup")]
    pub fn rotate(&self) -> usize {
        self.shards.rotate()
    }

    /// Drops all objects that are in the pool. Returns how many.
    pub fn clear(&self) -> usize {
        self.shards.clear()
    }

    /// How many objects are in the pool: a snapshot.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.shards.len()
    }
}

impl<T, F: Fn() -> T> Pool<T, F> {
    /// Takes an object, or makes one.
    ///
    /// # Panics
    ///
    /// If `make` panics. The pool is as it was.
    #[doc(alias = "Get")]
    #[inline]
    pub fn get(&self) -> Pooled<'_, T, Self> {
        match self.shards.slot().full() {
            Some(full) => full.take_as(|object| PooledIn::new(self, object)),
            None => PooledIn::new(self, self.find_or_make()),
        }
    }

    /// The same, with a guard that keeps the `Arc`.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    #[inline]
    pub fn get_owned(self: Arc<Self>) -> OwnedPooled<T, Self> {
        let object = self.take();
        PooledIn::new(self, object)
    }

    /// Takes an object, or makes one, and leaves it to the caller, who may [`put`](Self::put) it back.
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    #[inline]
    pub fn take(&self) -> T {
        match self.shards.slot().full() {
            Some(full) => full.take(),
            None => self.find_or_make(),
        }
    }

    #[inline(never)]
    fn find_or_make(&self) -> T {
        self.shards.take().unwrap_or_else(&self.make)
    }
}

impl<T, F> PoolOf<T> for Pool<T, F> {
    #[inline]
    fn wants(&self, object: &mut T) -> bool {
        self.rule.keeps(object)
    }

    #[inline]
    fn keep(&self, object: Back<'_, T>) {
        match self.shards.slot().empty() {
            Some(empty) => empty.put(|| object.take()),
            // Refused if other threads are at all of the shards: then it is dropped, here.
            None => drop(self.shards.put(object.take())),
        }
    }
}

impl<T: Default> Default for Pool<T> {
    /// Of objects that are made by `T::default`.
    fn default() -> Self {
        Pool::new(T::default)
    }
}

impl<T, F> fmt::Debug for Pool<T, F> {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("idle", &self.idle())
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}
