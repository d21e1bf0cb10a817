//! Many readers or one writer: [`RwLock`] with a value, [`RawRwLock`] without one.
//!
//! One state machine (`raw`) serves all of it: borrowed and owned guards, upgrades, asynchronous and
//! blocking calls, every policy.

mod futures;
mod guard;
mod handle;
#[cfg(all(test, loom))]
mod loom;
mod mapped;
mod mode;
mod policy;
mod raw;
mod read_locker;
mod readers;
mod relock;
mod unguarded;

use core::cell::UnsafeCell;
use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::const_fn;
use sync_core::waiters::{Contains, Driver};

pub use futures::{Locking, RawLocking, Read, UpgradableRead, Upgrade, Write};
#[cfg(feature = "alloc")]
pub use futures::{ReadOwned, UpgradableReadOwned, WriteOwned};
pub use guard::{Guard, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
#[cfg(feature = "alloc")]
pub use guard::{OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard};
pub use handle::{Handle, Leave};
pub use mapped::{MappedGuard, MappedRwLockReadGuard, MappedRwLockWriteGuard};
#[cfg(feature = "alloc")]
pub use mapped::{OwnedMappedRwLockReadGuard, OwnedMappedRwLockWriteGuard};
pub use mode::{Mode, Reading, Upgradable, Writing};
pub use policy::{Fifo, Policy, ReadMostly, ReadPreferring, WritePreferring};
pub use raw::{RawRwLock, RwLockMetrics};
pub use read_locker::ReadLocker;

/// A value that many tasks may read, or one may write.
///
/// The type parameter `P` says who gets a contended lock: [`WritePreferring`] (Go's policy and the
/// default), [`ReadPreferring`], [`Fifo`], or [`ReadMostly`] for locks that are almost only read.
///
/// Guards may be held across `.await`. A panic does not poison: the guard unlocks.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::RwLock;
///
/// let prices = Arc::new(RwLock::new(vec![1, 2, 3]));
/// let readers: Vec<_> = (0..10)
///     .map(|_| {
///         let prices = Arc::clone(&prices);
///         tokio::spawn(async move { prices.read().await.iter().sum::<u32>() })
///     })
///     .collect();
/// prices.write().await.push(4);
/// for reader in readers {
///     let sum = reader.await.unwrap();
///     assert!(sum == 6 || sum == 10);
/// }
/// # });
/// ```
///
/// # Three ways to lock yourself out
///
/// As with Go's: a task that writes and locks again, a task that reads and then wants to write (use
/// [`upgradable_read`](Self::upgradable_read)), and a task that reads and wants to read once more while
/// somebody waits to write: the writer waits for the first reading to end, the second reading for the
/// writer. ([`ReadPreferring`] allows the last one.)
#[doc(alias = "sync.RWMutex")]
#[doc(alias = "RWMutex")]
pub struct RwLock<T: ?Sized, P: Policy = WritePreferring> {
    raw: RawRwLock<P>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock owns the value; sending it sends the value.
unsafe impl<T: ?Sized + Send, P: Policy> Send for RwLock<T, P> {}
// SAFETY: sharing the lock lets several threads read the value at a time, and one thread at a time
// change it or take it out, which is like sending it from one to the next.
unsafe impl<T: ?Sized + Send + Sync, P: Policy> Sync for RwLock<T, P> {}

impl<T> RwLock<T> {
    const_fn! {
        /// An unlocked lock with the default policy.
        #[must_use]
        pub const fn new(value: T) -> Self {
            RwLock::with_policy(value)
        }
    }
}

impl<T, P: Policy> RwLock<T, P> {
    const_fn! {
        /// An unlocked lock with the policy that the type says.
        ///
        /// ```
        /// use async_sync::rwlock::{ReadMostly, RwLock};
        ///
        /// static CONFIG: RwLock<Vec<u32>, ReadMostly> = RwLock::with_policy(Vec::new());
        /// ```
        #[must_use]
        pub const fn with_policy(value: T) -> Self {
            RwLock { raw: RawRwLock::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized, P: Policy> RwLock<T, P> {
    /// Waits for the lock, to read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; if it had been given the lock, it leaves
    /// it.
    ///
    /// # Fairness
    ///
    /// See the [policies](Policy).
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "RLock")]
    #[inline]
    pub fn read(&self) -> Read<'_, T, P> {
        Locking::new(self)
    }

    /// Waits for the lock, to write.
    ///
    /// Everything that is said of [`read`](Self::read) holds.
    #[doc(alias = "Lock")]
    #[inline]
    pub fn write(&self) -> Write<'_, T, P> {
        Locking::new(self)
    }

    /// Waits for the lock, to read, with the right to [upgrade](Guard::upgrade): beside readers, but
    /// only one at a time.
    ///
    /// While it waits, it counts as somebody who waits to write.
    ///
    /// Everything that is said of [`read`](Self::read) holds.
    #[inline]
    pub fn upgradable_read(&self) -> UpgradableRead<'_, T, P> {
        Locking::new(self)
    }

    /// [`read`](Self::read); the guard keeps the `Arc` and so may go anywhere.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn read_owned(self: Arc<Self>) -> ReadOwned<T, P> {
        Locking::new(self)
    }

    /// [`write`](Self::write); the guard keeps the `Arc` and so may go anywhere.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn write_owned(self: Arc<Self>) -> WriteOwned<T, P> {
        Locking::new(self)
    }

    /// [`upgradable_read`](Self::upgradable_read); the guard keeps the `Arc` and so may go anywhere.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn upgradable_read_owned(self: Arc<Self>) -> UpgradableReadOwned<T, P> {
        Locking::new(self)
    }

    #[inline]
    fn try_as<M: Mode>(&self) -> Option<Guard<&Self, M, T>> {
        // SAFETY: if this returns true, the lock is ours.
        let guard = || unsafe { Guard::new(self) };
        self.raw.try_enter(M::KIND).then(guard)
    }

    /// Takes the lock for reading if that is possible at once.
    #[doc(alias = "TryRLock")]
    #[inline]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T, P>> {
        self.try_as()
    }

    /// Takes the lock for writing if that is possible at once.
    ///
    /// With [`ReadMostly`], readers that come while this looks may be made to queue for a moment.
    #[doc(alias = "TryLock")]
    #[inline]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T, P>> {
        self.try_as()
    }

    /// Takes the lock for reading, with the right to upgrade, if that is possible at once.
    #[inline]
    pub fn try_upgradable_read(&self) -> Option<RwLockUpgradableReadGuard<'_, T, P>> {
        self.try_as()
    }

    #[cfg(feature = "alloc")]
    #[inline]
    fn try_owned_as<M: Mode>(self: Arc<Self>) -> Result<Guard<Arc<Self>, M, T>, Arc<Self>> {
        if self.raw.try_enter(M::KIND) {
            // SAFETY: the lock is ours.
            Ok(unsafe { Guard::new(self) })
        } else {
            Err(self)
        }
    }

    /// [`try_read`](Self::try_read); the guard keeps the `Arc`.
    ///
    /// # Errors
    ///
    /// The `Arc`, if the lock is not to be had.
    #[cfg(feature = "alloc")]
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T, P>, Arc<Self>> {
        self.try_owned_as()
    }

    /// [`try_write`](Self::try_write); the guard keeps the `Arc`.
    ///
    /// # Errors
    ///
    /// The `Arc`, if the lock is not to be had.
    #[cfg(feature = "alloc")]
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T, P>, Arc<Self>> {
        self.try_owned_as()
    }

    /// [`try_upgradable_read`](Self::try_upgradable_read); the guard keeps the `Arc`.
    ///
    /// # Errors
    ///
    /// The `Arc`, if the lock is not to be had.
    #[cfg(feature = "alloc")]
    pub fn try_upgradable_read_owned(
        self: Arc<Self>,
    ) -> Result<OwnedRwLockUpgradableReadGuard<T, P>, Arc<Self>> {
        self.try_owned_as()
    }

    #[cfg(feature = "std")]
    fn block_as<M: Mode>(&self) -> Guard<&Self, M, T> {
        self.raw.block(M::KIND);
        // SAFETY: the lock is ours.
        unsafe { Guard::new(self) }
    }

    /// Takes the lock for reading, blocking this thread until that is possible.
    ///
    /// Waits in the same queue as [`read`](Self::read). Works inside and outside of runtimes and
    /// never panics because of one; on a runtime's worker thread it blocks that worker.
    #[cfg(feature = "std")]
    pub fn read_blocking(&self) -> RwLockReadGuard<'_, T, P> {
        self.block_as()
    }

    /// Takes the lock for writing, blocking this thread until that is possible, as
    /// [`read_blocking`](Self::read_blocking) does.
    #[cfg(feature = "std")]
    pub fn write_blocking(&self) -> RwLockWriteGuard<'_, T, P> {
        self.block_as()
    }

    /// Takes the lock for reading, with the right to upgrade, blocking this thread until that is
    /// possible, as [`read_blocking`](Self::read_blocking) does.
    #[cfg(feature = "std")]
    pub fn upgradable_read_blocking(&self) -> RwLockUpgradableReadGuard<'_, T, P> {
        self.block_as()
    }

    /// The reading side alone, for code that takes any lock: Go's `RLocker`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let lock = async_sync::RwLock::new(5);
    /// let reading = lock.read_locker();
    /// let (a, b) = (reading.lock().await, reading.lock().await);
    /// assert_eq!(*a + *b, 10);
    /// # });
    /// ```
    #[doc(alias = "RLocker")]
    #[must_use]
    pub fn read_locker(&self) -> ReadLocker<'_, T, P> {
        ReadLocker::new(self)
    }

    /// The value, without locking: `&mut` proves that nobody else is there.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// How many read, an upgradable reader included: a snapshot.
    #[must_use]
    pub fn reader_count(&self) -> usize {
        self.raw.reader_count()
    }

    /// Whether somebody writes or waits to: a snapshot.
    ///
    /// Who waits for an upgradable lock counts as somebody who waits to write.
    #[must_use]
    pub fn has_writer(&self) -> bool {
        self.raw.has_writer()
    }

    /// Whether somebody writes: a snapshot.
    #[must_use]
    pub fn is_write_locked(&self) -> bool {
        self.raw.is_write_locked()
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
    /// let lock = async_sync::RwLock::new(());
    /// let _a = lock.read().await;
    /// let _b = lock.upgradable_read().await;
    /// let metrics = lock.metrics();
    /// assert_eq!((metrics.readers, metrics.waiters), (2, 0));
    /// assert!(metrics.is_upgradable && !metrics.is_write_locked);
    /// # });
    /// ```
    #[must_use]
    pub fn metrics(&self) -> RwLockMetrics {
        self.raw.metrics()
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl<T: ?Sized, P: Policy> Contains<{ raw::LANES }> for RwLock<T, P> {
    type Raw = RawRwLock<P>;

    #[inline]
    fn raw(&self, _: Driver) -> &RawRwLock<P> {
        &self.raw
    }
}

impl<T: Default, P: Policy> Default for RwLock<T, P> {
    fn default() -> Self {
        RwLock::with_policy(T::default())
    }
}

// For the default policy only, so that `RwLock::from(5)` says all.
impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug, P: Policy> fmt::Debug for RwLock<T, P> {
    /// Never waits: a value that somebody writes is shown as `<locked>`. Looks at the value by
    /// [`try_read`](RwLock::try_read).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.try_read() {
            Some(guard) => out.field("value", &&*guard),
            None => out.field("value", &format_args!("<locked>")),
        };
        out.field("waiters", &self.waiters()).finish()
    }
}
