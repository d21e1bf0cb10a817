//! Mutual exclusion: [`Mutex`] with a value, [`RawMutex`] without one.
//!
//! One state machine (`raw`) serves all of it: borrowed and owned guards, asynchronous and blocking
//! calls, every policy.

mod condition;
mod futures;
mod guard;
#[cfg(all(test, loom))]
mod loom;
mod policy;
mod raw;
mod relock;

use core::cell::UnsafeCell;
use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::const_fn;
use sync_core::waiters::{Contains, Driver};

#[cfg(feature = "alloc")]
pub use futures::LockOwned;
pub use futures::{Lock, LockWhen};
pub use guard::{Guard, Handle, MappedGuard, MappedMutexGuard, MutexGuard, Unlock};
#[cfg(feature = "alloc")]
pub use guard::{OwnedMappedMutexGuard, OwnedMutexGuard};
pub use policy::{Adaptive, Barging, Fifo, Policy};
pub use raw::{MutexMetrics, RawLock, RawMutex};

/// A value that one task at a time may use.
///
/// The type parameter `P` says who gets a contended lock: [`Adaptive`] (Go's policy and the
/// default), [`Fifo`] or [`Barging`].
///
/// The guard may be held across `.await`; locking again while this task holds it waits for ever,
/// as with every lock that is not reentrant. A panic does not poison: the guard unlocks.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::Mutex;
///
/// let counter = Arc::new(Mutex::new(0));
/// let tasks: Vec<_> = (0..10)
///     .map(|_| {
///         let counter = Arc::clone(&counter);
///         tokio::spawn(async move {
///             for _ in 0..1000 {
///                 *counter.lock().await += 1;
///             }
///         })
///     })
///     .collect();
/// for task in tasks {
///     task.await.unwrap();
/// }
/// assert_eq!(*counter.lock().await, 10_000);
/// # });
/// ```
///
/// # With a time limit
///
/// Dropping the future gives up, so any timeout will do; nothing is lost if the lock arrives at the
/// same moment.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::time::Duration;
/// use async_sync::Mutex;
///
/// let mutex = Mutex::new(());
/// let guard = mutex.lock().await;
/// let limit = Duration::from_millis(5);
/// assert!(tokio::time::timeout(limit, mutex.lock()).await.is_err());
/// drop(guard);
/// assert!(tokio::time::timeout(limit, mutex.lock()).await.is_ok());
/// # });
/// ```
#[doc(alias = "sync.Mutex")]
pub struct Mutex<T: ?Sized, P: Policy = Adaptive> {
    raw: RawMutex<P>,
    value: UnsafeCell<T>,
}

// SAFETY: the mutex owns the value; sending it sends the value.
unsafe impl<T: ?Sized + Send, P: Policy> Send for Mutex<T, P> {}
// SAFETY: sharing the mutex lets one thread at a time reach the value, which is like sending it
// from one to the next.
unsafe impl<T: ?Sized + Send, P: Policy> Sync for Mutex<T, P> {}

impl<T> Mutex<T> {
    const_fn! {
        /// An unlocked mutex with the default policy.
        #[must_use]
        pub const fn new(value: T) -> Self {
            Mutex::with_policy(value)
        }
    }
}

impl<T, P: Policy> Mutex<T, P> {
    const_fn! {
        /// An unlocked mutex with the policy that the type says.
        ///
        /// ```
        /// use async_sync::mutex::{Fifo, Mutex};
        ///
        /// static QUEUE: Mutex<Vec<u32>, Fifo> = Mutex::with_policy(Vec::new());
        /// ```
        #[must_use]
        pub const fn with_policy(value: T) -> Self {
            Mutex { raw: RawMutex::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized, P: Policy> Mutex<T, P> {
    /// Waits for the lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; if it had been given the lock, the next
    /// in line gets it.
    ///
    /// # Fairness
    ///
    /// See the [policies](Policy).
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "Lock")]
    #[inline]
    pub fn lock(&self) -> Lock<'_, T, P> {
        Lock::new(self)
    }

    /// Waits for the lock; the guard keeps the `Arc` and so may go anywhere.
    ///
    /// Everything that is said of [`lock`](Self::lock) holds.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use async_sync::Mutex;
    ///
    /// let mutex = Arc::new(Mutex::new(1));
    /// let guard = Arc::clone(&mutex).lock_owned().await;
    /// let task = tokio::spawn(async move { *guard + 1 });
    /// assert_eq!(task.await.unwrap(), 2);
    /// # });
    /// ```
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn lock_owned(self: Arc<Self>) -> LockOwned<T, P> {
        LockOwned::new(self)
    }

    /// Waits for the lock and for `condition` to hold of the value: a conditional critical section.
    ///
    /// The condition is looked at when the lock is first acquired, and again whenever somebody else
    /// has held the lock since. It runs while the lock is held, so it should be short; a panic in it
    /// releases the lock and comes out of the future.
    ///
    /// # Cancel safety
    ///
    /// As for [`lock`](Self::lock).
    ///
    /// # Fairness
    ///
    /// Those whose condition was false do not hold up those who only want the lock. Every release
    /// after a change wakes all of them, in the order in which they came; use one
    /// condition variable for each condition where hundreds of tasks wait for different things.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use async_sync::Mutex;
    ///
    /// let stock = Arc::new(Mutex::new(0));
    /// let buyer = tokio::spawn({
    ///     let stock = Arc::clone(&stock);
    ///     async move { *stock.lock_when(|n| *n >= 3).await -= 3 }
    /// });
    /// for _ in 0..3 {
    ///     *stock.lock().await += 1;
    /// }
    /// buyer.await.unwrap();
    /// assert_eq!(*stock.lock().await, 0);
    /// # });
    /// ```
    #[doc(alias = "CondMutex")]
    pub fn lock_when<F>(&self, condition: F) -> LockWhen<'_, T, P, F>
    where
        F: FnMut(&T) -> bool,
    {
        LockWhen::new(self, condition)
    }

    /// Takes the lock if that is possible at once.
    ///
    /// `None` if the lock is held, about to go to a waiter that was woken, or starving.
    #[doc(alias = "TryLock")]
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, P>> {
        // SAFETY: if this returns true, the lock is ours.
        self.raw.try_lock().then(|| unsafe { Guard::new(self) })
    }

    /// Takes the lock if that is possible at once; the guard keeps the `Arc`.
    ///
    /// # Errors
    ///
    /// The `Arc`, if the lock is not to be had.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T, P>, Arc<Self>> {
        if self.raw.try_lock() {
            // SAFETY: the lock is ours.
            Ok(unsafe { Guard::new(self) })
        } else {
            Err(self)
        }
    }

    /// Takes the lock, blocking this thread until that is possible.
    ///
    /// Waits in the same queue as [`lock`](Self::lock). Works inside and outside of runtimes and
    /// never panics because of one; on a runtime's worker thread it blocks that worker.
    #[cfg(feature = "std")]
    pub fn lock_blocking(&self) -> MutexGuard<'_, T, P> {
        self.raw.lock_blocking();
        // SAFETY: the lock is ours.
        unsafe { Guard::new(self) }
    }

    /// Takes the lock, blocking this thread until that is possible; the guard keeps the `Arc`.
    #[cfg(feature = "std")]
    pub fn lock_owned_blocking(self: Arc<Self>) -> OwnedMutexGuard<T, P> {
        self.raw.lock_blocking();
        // SAFETY: the lock is ours.
        unsafe { Guard::new(self) }
    }

    /// The value, without locking: `&mut` proves that nobody else is there.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Whether somebody holds the lock: a snapshot.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// Whether the lock is handed over directly because somebody waits too long: a snapshot.
    #[must_use]
    pub fn is_starving(&self) -> bool {
        self.raw.is_starving()
    }

    /// How many futures are queued: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }

    /// A snapshot of the lock's state, for monitoring.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let mutex = async_sync::Mutex::new(());
    /// let _guard = mutex.lock().await;
    /// let metrics = mutex.metrics();
    /// assert!(metrics.is_locked);
    /// assert_eq!((metrics.waiters, metrics.count()), (0, 1));
    /// # });
    /// ```
    #[must_use]
    pub fn metrics(&self) -> MutexMetrics {
        self.raw.metrics()
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl<T: ?Sized, P: Policy> Contains<1> for Mutex<T, P> {
    type Raw = RawMutex<P>;

    #[inline]
    fn raw(&self, _: Driver) -> &RawMutex<P> {
        &self.raw
    }
}

impl<T: Default, P: Policy> Default for Mutex<T, P> {
    fn default() -> Self {
        Mutex::with_policy(T::default())
    }
}

// For the default policy only, so that `Mutex::from(5)` says all.
impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug, P: Policy> fmt::Debug for Mutex<T, P> {
    /// Never waits: a value that somebody else uses is shown as `<locked>`. Looks at the value by
    /// [`try_lock`](Mutex::try_lock).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mutex");
        match self.try_lock() {
            Some(guard) => out.field("value", &&*guard),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.field("waiters", &self.waiters()).finish()
    }
}
