//! A weighted semaphore: at most so many permits are out at a time.

mod error;
mod futures;
#[cfg(all(test, loom))]
mod loom;
mod permit;
mod raw;

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::const_fn;
use sync_core::waiters::{Contains, Driver};
use sync_core::word::PermitState;

pub use error::{AcquireError, TryAcquireError};
pub use futures::Acquire;
#[cfg(feature = "alloc")]
pub use futures::AcquireOwned;
#[cfg(feature = "alloc")]
pub use permit::OwnedPermit;
pub use permit::{Permit, Permits};
use raw::RawSemaphore;

/// A number of permits, of which each acquisition takes some.
///
/// Strictly first come, first served: a request that cannot be met yet holds up all that come after
/// it, so a big one is not starved by small ones. Requests are met completely or not at all. A
/// request for more than the limit is an error instead of a wait for ever.
///
/// The limit can change at any time ([`set_limit`](Self::set_limit)).
///
/// From Go's `golang.org/x/sync/semaphore.Weighted`, with the changes that its users asked for.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::Semaphore;
///
/// // No more than three requests at a time.
/// let limit = Arc::new(Semaphore::new(3));
/// let mut tasks = Vec::new();
/// for url in ["a", "b", "c", "d", "e"] {
///     let permit = Arc::clone(&limit).acquire_owned().await?;
///     tasks.push(tokio::spawn(async move {
///         let _permit = permit; // until the task ends, also by a panic
///         url.len()
///     }));
/// }
/// # for task in tasks { task.await.unwrap(); }
/// # Ok::<_, async_sync::semaphore::AcquireError>(())
/// # }).unwrap();
/// ```
#[doc(alias = "Weighted")]
pub struct Semaphore {
    raw: RawSemaphore,
}

impl Semaphore {
    /// The most permits that a semaphore can have: `usize::MAX >> 4`.
    pub const MAX_PERMITS: usize = PermitState::MAX;

    const_fn! {
        /// A semaphore with `permits` permits.
        ///
        /// With none, every request is refused as too big until the limit is raised.
        ///
        /// # Panics
        ///
        /// If `permits` is more than [`MAX_PERMITS`](Self::MAX_PERMITS).
        #[doc(alias = "NewWeighted")]
        #[must_use]
        pub const fn new(permits: usize) -> Self {
            Semaphore { raw: RawSemaphore::new(permits) }
        }
    }

    /// Waits for one permit. See [`acquire_many`](Self::acquire_many).
    #[doc(alias = "Acquire")]
    #[inline]
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `n` permits: all of them at once, or none.
    ///
    /// A request for 0 permits waits its turn like every other one.
    ///
    /// # Errors
    ///
    /// The future returns [`AcquireError::TooMany`] if `n` is more than the limit, or becomes so
    /// while the request is the first in line, and [`AcquireError::Closed`] if the semaphore is
    /// closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; permits that it had been given go to
    /// the next in line, also to one that is now the first and asks for less.
    ///
    /// # Fairness
    ///
    /// First come, first served. The exceptions are those that keep a future which nobody polls from
    /// blocking the others: it is passed over until it is polled again.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn acquire_many(&self, n: usize) -> Acquire<'_> {
        Acquire::new(self, n)
    }

    /// Waits for one permit, which keeps the `Arc` and so may go anywhere.
    ///
    /// Everything that is said of [`acquire_many`](Self::acquire_many) holds.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn acquire_owned(self: Arc<Self>) -> AcquireOwned {
        self.acquire_many_owned(1)
    }

    /// Waits for `n` permits, which keep the `Arc` and so may go anywhere.
    ///
    /// Everything that is said of [`acquire_many`](Self::acquire_many) holds.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn acquire_many_owned(self: Arc<Self>, n: usize) -> AcquireOwned {
        AcquireOwned::new(self, n)
    }

    /// Takes one permit if it is free and nobody waits.
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    #[doc(alias = "TryAcquire")]
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if they are free and nobody waits.
    ///
    /// # Errors
    ///
    /// [`NoPermits`](TryAcquireError::NoPermits) if they are not free, or others wait for permits
    /// already; [`TooMany`](TryAcquireError::TooMany) if the limit is smaller;
    /// [`Closed`](TryAcquireError::Closed) if the semaphore is closed.
    #[inline]
    pub fn try_acquire_many(&self, n: usize) -> Result<Permit<'_>, TryAcquireError> {
        match self.raw.try_acquire(n) {
            Ok(()) => Ok(Permits::new(self, n)),
            Err(state) => Err(self.why_not(state, n)),
        }
    }

    /// Takes one permit if it is free and nobody waits; it keeps the `Arc`.
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// Takes `n` permits if they are free and nobody waits; they keep the `Arc`.
    ///
    /// # Errors
    ///
    /// As [`try_acquire_many`](Self::try_acquire_many).
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: usize,
    ) -> Result<OwnedPermit, TryAcquireError> {
        match self.raw.try_acquire(n) {
            Ok(()) => Ok(Permits::new(self, n)),
            Err(state) => Err(self.why_not(state, n)),
        }
    }

    #[cold]
    fn why_not(&self, state: PermitState, n: usize) -> TryAcquireError {
        let limit = self.limit();
        if state.is_closed() {
            TryAcquireError::Closed
        } else if n > limit {
            TryAcquireError::TooMany {
                requested: n,
                limit,
            }
        } else {
            TryAcquireError::NoPermits
        }
    }

    /// Waits for one permit, blocking this thread.
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    #[cfg(feature = "std")]
    pub fn acquire_blocking(&self) -> Result<Permit<'_>, AcquireError> {
        self.acquire_many_blocking(1)
    }

    /// Waits for `n` permits, blocking this thread.
    ///
    /// Waits in the same queue as [`acquire_many`](Self::acquire_many). Works inside and outside of
    /// runtimes and never panics because of one; on a runtime's worker thread it blocks that worker.
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    #[cfg(feature = "std")]
    pub fn acquire_many_blocking(&self, n: usize) -> Result<Permit<'_>, AcquireError> {
        sync_core::park::block_on(self.acquire_many(n))
    }

    /// Waits for `n` permits, blocking this thread; they keep the `Arc`.
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    #[cfg(feature = "std")]
    pub fn acquire_many_owned_blocking(
        self: Arc<Self>,
        n: usize,
    ) -> Result<OwnedPermit, AcquireError> {
        sync_core::park::block_on(self.acquire_many_owned(n))
    }

    /// Gives back `n` permits that were [forgotten](Permits::forget), Go's way of releasing: any
    /// task may do it.
    ///
    /// To create permits that never existed, raise the limit.
    ///
    /// # Panics
    ///
    /// `semaphore: released more than held`, if so many permits are not out. Nothing has changed
    /// then.
    #[doc(alias = "Release")]
    #[inline]
    pub fn release(&self, n: usize) {
        self.raw.release_checked(n);
    }

    /// Changes the number of permits.
    ///
    /// Raised, it serves waiters at once. Lowered, it takes nothing from anybody: until enough
    /// permits have come back, none are given out. Requests that have become too big fail with
    /// [`AcquireError::TooMany`] once they are first in line.
    ///
    /// # Panics
    ///
    /// If `limit` is more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let semaphore = async_sync::Semaphore::new(2);
    /// let both = semaphore.acquire_many(2).await.unwrap();
    /// semaphore.set_limit(1);
    /// drop(both);
    /// assert_eq!(semaphore.available(), 1);
    /// # });
    /// ```
    pub fn set_limit(&self, limit: usize) {
        self.raw.set_limit(limit);
    }

    /// Raises the limit by `n`.
    ///
    /// # Panics
    ///
    /// If the limit would be more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    pub fn add_permits(&self, n: usize) {
        self.raw.add_permits(n);
    }

    /// How many permits there are, free or taken: a snapshot.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.raw.limit()
    }

    /// How many permits are free: a snapshot. 0 while a lowered limit waits for permits to come
    /// back.
    #[must_use]
    pub fn available(&self) -> usize {
        self.raw.state().available().max(0).unsigned_abs()
    }

    /// How many futures are queued: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }

    /// Refuses all requests from now on, and those that wait. Permits that are out stay valid.
    pub fn close(&self) {
        self.raw.close();
    }

    /// Whether the semaphore was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.raw.state().is_closed()
    }

    /// A snapshot of the semaphore's state, for monitoring.
    #[must_use]
    pub fn metrics(&self) -> SemaphoreMetrics {
        let state = self.raw.state();
        SemaphoreMetrics {
            limit: self.limit(),
            available: state.available(),
            waiters: self.waiters(),
            is_closed: state.is_closed(),
        }
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl Contains<2> for Semaphore {
    type Raw = RawSemaphore;

    #[inline]
    fn raw(&self, _: Driver) -> &RawSemaphore {
        &self.raw
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.metrics().fmt(f)
    }
}

/// A snapshot of a semaphore, taken without stopping anybody.
///
/// The numbers belong to about the same moment, not to exactly the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SemaphoreMetrics {
    /// Permits that there are, free or taken.
    pub limit: usize,
    /// Permits that are free; negative while a lowered limit waits for permits to come back.
    pub available: isize,
    /// Futures in the queue.
    pub waiters: usize,
    /// No permit is given out any more.
    pub is_closed: bool,
}
