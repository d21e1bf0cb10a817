//! [`BoundedPool`]: at most so many objects, and what is too many is dropped.
//!
//! # States
//!
//! A stack with a fixed capacity, behind a lock that is held to push or to pop.
//!
//! # Invariants
//!
//! The stack never has more than `limit` objects. Nothing of the objects runs under the lock: what does
//! not fit is dropped by who gives it, and what is made is made by who asks.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pooled::{Back, OwnedPooled, PoolOf, Pooled, PooledIn};
use super::rule::{Rule, Size};

/// At most a fixed number of objects; [`get`](Self::get) makes one if there is none, and one that comes
/// back when there are enough is dropped.
///
/// As [`Pool`](super::Pool), with a limit in place of generations, and one lock in place of shards: the
/// last that came back is the first to be taken, since it is the one that is warm. From `bpool`.
///
/// ```
/// use async_sync::BoundedPool;
///
/// let pool = BoundedPool::new(2, || Vec::with_capacity(1024)).cleaned_by(Vec::<u8>::clear);
/// let (a, b, c) = (pool.get(), pool.get(), pool.get());
/// drop((a, b, c));
/// assert_eq!(pool.idle(), 2, "the third was dropped");
/// ```
///
/// # Buffers of one size
///
/// A buffer that has grown is either [not kept](Self::max_size), or replaced:
///
/// ```
/// use async_sync::BoundedPool;
///
/// let pool = BoundedPool::new(8, || Vec::<u8>::with_capacity(1024)).cleaned_by(|buffer| {
///     buffer.clear();
///     if buffer.capacity() > 1024 {
///         *buffer = Vec::with_capacity(1024);
///     }
/// });
/// pool.get().resize(1 << 20, 0);
/// assert_eq!(pool.get().capacity(), 1024);
/// ```
#[doc(alias = "bpool")]
#[doc(alias = "BufferPool")]
#[doc(alias = "SizedBufferPool")]
pub struct BoundedPool<T, F = fn() -> T> {
    limit: usize,
    stack: Mutex<Vec<T>>,
    rule: Rule<T>,
    make: F,
}

impl<T> BoundedPool<T> {
    /// A pool of at most `limit` objects, which are made by `make`: a function, or a closure without
    /// captures, so that the pool has a type that can be written down.
    #[must_use]
    pub const fn new(limit: usize, make: fn() -> T) -> Self {
        BoundedPool::with_maker(limit, make)
    }
}

impl<T, F> BoundedPool<T, F> {
    /// The same with any closure.
    #[must_use]
    pub const fn with_maker(limit: usize, make: F) -> Self {
        BoundedPool {
            limit,
            stack: Mutex::new(Vec::new()),
            rule: Rule::none(),
            make,
        }
    }

    /// With `clean`, which is called for each object that comes back.
    #[must_use]
    pub const fn cleaned_by(mut self, clean: fn(&mut T)) -> Self {
        self.rule.clean = Some(clean);
        self
    }

    /// Of the objects that come back, keeps those for which `keep` says so.
    #[must_use]
    pub const fn keep_if(mut self, keep: fn(&T) -> bool) -> Self {
        self.rule.keep = Some(keep);
        self
    }

    /// Of the objects that come back, keeps those of at most `bytes`.
    #[must_use]
    pub const fn max_size(mut self, bytes: usize) -> Self
    where
        T: Size,
    {
        self.rule.cap = Some((T::size, bytes));
        self
    }

    fn stack(&self) -> MutexGuard<'_, Vec<T>> {
        // Nothing that panics runs under it, except an allocator.
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an object to the pool, which drops it if it is full.
    #[doc(alias = "Put")]
    #[inline]
    pub fn put(&self, object: T) {
        Back::give(object, self);
    }

    /// Takes an object, if there is one.
    #[inline]
    pub fn try_get(&self) -> Option<Pooled<'_, T, Self>> {
        let object = self.stack().pop()?;
        Some(PooledIn::new(self, object))
    }

    /// Drops all objects that are in the pool. Returns how many.
    pub fn clear(&self) -> usize {
        let all = mem::take(&mut *self.stack());
        all.len()
    }

    /// How many objects are in the pool: a snapshot.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.stack().len()
    }

    /// How many objects the pool keeps at most.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl<T, F: Fn() -> T> BoundedPool<T, F> {
    /// Takes an object, or makes one. Never waits for one to come back.
    ///
    /// # Panics
    ///
    /// If `make` panics. The pool is as it was.
    #[doc(alias = "Get")]
    #[inline]
    pub fn get(&self) -> Pooled<'_, T, Self> {
        PooledIn::new(self, self.take())
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
        // (The lock is let go of before `make` is called.)
        let object = self.stack().pop();
        object.unwrap_or_else(&self.make)
    }
}

impl<T, F> PoolOf<T> for BoundedPool<T, F> {
    #[inline]
    fn wants(&self, object: &mut T) -> bool {
        self.rule.keeps(object)
    }

    #[inline]
    fn keep(&self, object: Back<'_, T>) {
        let mut stack = self.stack();
        if stack.len() < self.limit {
            stack.push(object.take());
        }
        // Otherwise it is dropped with `object`, without the lock.
    }
}

impl<T, F> fmt::Debug for BoundedPool<T, F> {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.stack.try_lock().ok().map(|stack| stack.len());
        f.debug_struct("BoundedPool")
            .field("limit", &self.limit)
            .field("idle", &idle)
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}
