//! A lock that its owner may take again: [`ReentrantMutex`] with a value, [`RawReentrantMutex`]
//! without one, [`OwnerId`] to say who asks.

mod futures;
mod guard;
#[cfg(all(test, loom))]
mod loom;
mod owner;
mod raw;

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::const_fn;

use crate::mutex::{Adaptive, Policy};

pub use futures::ReentrantLock;
#[cfg(feature = "alloc")]
pub use futures::ReentrantLockOwned;
#[cfg(feature = "alloc")]
pub use guard::OwnedReentrantMutexGuard;
pub use guard::{Handle, ReentrantGuard, ReentrantMutexGuard};
pub use owner::{OwnerId, ZeroOwner};
pub use raw::{RawReentrantLock, RawReentrantMutex};

/// A value that one owner at a time may look at, as often as it likes at the same time.
///
/// An owner is an explicit [`OwnerId`]: no runtime-agnostic library knows which task is running. To
/// lock again while this owner is inside counts one more and never waits.
///
/// Nested guards exist side by side, so they give a shared reference only. To change the value, put a
/// cell inside: `ReentrantMutex<RefCell<T>>` where all tasks run on one thread, an atomic or a
/// `std::sync::Mutex` (which the lock keeps uncontended) where they do not. The compiler insists: as
/// two threads may use the same id, the mutex is `Sync` only if the value is.
///
/// Where you can, restructure instead: a private function that expects the lock to be held, and
/// public ones that take it, need no reentrant lock.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::cell::RefCell;
/// use async_sync::{OwnerId, ReentrantMutex};
///
/// struct Ledger(ReentrantMutex<RefCell<Vec<i64>>>);
///
/// impl Ledger {
///     async fn add(&self, me: OwnerId, amount: i64) {
///         self.0.lock(me).await.borrow_mut().push(amount);
///     }
///
///     /// Nobody sees the ledger between the two.
///     async fn transfer(&self, me: OwnerId, amount: i64) {
///         let _all = self.0.lock(me).await;
///         self.add(me, -amount).await; // locks again: the same owner
///         self.add(me, amount).await;
///     }
/// }
///
/// let ledger = Ledger(ReentrantMutex::new(RefCell::default()));
/// ledger.transfer(OwnerId::new(), 5).await;
/// assert_eq!(*ledger.0.lock(OwnerId::new()).await.borrow(), [-5, 5]);
/// # });
/// ```
///
/// # Two futures of one owner
///
/// They may wait at the same time, in one task or in several. When the lock goes to one of them, the
/// others are woken and enter as well; the lock is free again when the last of them has left. So what
/// one of them waits for, another one of the same owner can do.
#[doc(alias = "RecursiveMutex")]
#[doc(alias = "TokenRecursiveMutex")]
pub struct ReentrantMutex<T: ?Sized, P: Policy = Adaptive> {
    raw: RawReentrantMutex<P>,
    // No `UnsafeCell`: nobody gets more than a shared reference out of a shared mutex.
    value: T,
}

impl<T> ReentrantMutex<T> {
    const_fn! {
        /// An unlocked mutex with the default policy.
        #[must_use]
        pub const fn new(value: T) -> Self {
            ReentrantMutex::with_policy(value)
        }
    }
}

impl<T, P: Policy> ReentrantMutex<T, P> {
    const_fn! {
        /// An unlocked mutex with the policy that the type says.
        #[must_use]
        pub const fn with_policy(value: T) -> Self {
            ReentrantMutex { raw: RawReentrantMutex::new(), value }
        }
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: ?Sized, P: Policy> ReentrantMutex<T, P> {
    /// Waits for the lock, or enters at once if `owner` has it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; if it had been given the lock, the next
    /// in line gets it.
    ///
    /// # Fairness
    ///
    /// Between owners as the [policy](Policy) says. Whoever waits while another future of its own
    /// owner gets the lock enters with that one, past everybody else, and as long as one of them is
    /// inside others of the same owner may enter.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion, or if the depth would exceed
    /// `usize::MAX / 4`.
    #[doc(alias = "Lock")]
    #[inline]
    pub fn lock(&self, owner: OwnerId) -> ReentrantLock<'_, T, P> {
        ReentrantLock::new(self, owner)
    }

    /// Waits for the lock; the guard keeps the `Arc` and so may go anywhere.
    ///
    /// Everything that is said of [`lock`](Self::lock) holds.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use async_sync::{OwnerId, ReentrantMutex};
    ///
    /// let mutex = Arc::new(ReentrantMutex::new(1));
    /// let guard = Arc::clone(&mutex).lock_owned(OwnerId::new()).await;
    /// let task = tokio::spawn(async move { *guard + 1 });
    /// assert_eq!(task.await.unwrap(), 2);
    /// # });
    /// ```
    #[cfg(feature = "alloc")]
    pub fn lock_owned(self: Arc<Self>, owner: OwnerId) -> ReentrantLockOwned<T, P> {
        ReentrantLockOwned::new(self, owner)
    }

    /// Takes the lock, or enters again, if that is possible at once.
    ///
    /// `None` if another owner has it, or it is about to go to a waiter.
    ///
    /// # Panics
    ///
    /// If the depth would exceed `usize::MAX / 4`.
    #[doc(alias = "TryLock")]
    #[inline]
    pub fn try_lock(&self, owner: OwnerId) -> Option<ReentrantMutexGuard<'_, T, P>> {
        self.raw.try_lock(owner).then(|| ReentrantGuard::new(self))
    }

    /// Takes the lock, or enters again, if that is possible at once; the guard keeps the `Arc`.
    ///
    /// # Errors
    ///
    /// The `Arc`, if the lock is not to be had.
    ///
    /// # Panics
    ///
    /// If the depth would exceed `usize::MAX / 4`.
    #[cfg(feature = "alloc")]
    pub fn try_lock_owned(
        self: Arc<Self>,
        owner: OwnerId,
    ) -> Result<OwnedReentrantMutexGuard<T, P>, Arc<Self>> {
        if self.raw.try_lock(owner) {
            Ok(ReentrantGuard::new(self))
        } else {
            Err(self)
        }
    }

    /// Takes the lock, or enters again, blocking this thread until that is possible.
    ///
    /// Waits in the same queue as [`lock`](Self::lock). Works inside and outside of runtimes and
    /// never panics because of one; on a runtime's worker thread it blocks that worker.
    ///
    /// # Panics
    ///
    /// If the depth would exceed `usize::MAX / 4`.
    #[cfg(feature = "std")]
    pub fn lock_blocking(&self, owner: OwnerId) -> ReentrantMutexGuard<'_, T, P> {
        self.raw.lock_blocking(owner);
        ReentrantGuard::new(self)
    }

    /// Takes the lock, or enters again, blocking this thread until that is possible; the guard keeps
    /// the `Arc`.
    ///
    /// # Panics
    ///
    /// If the depth would exceed `usize::MAX / 4`.
    #[cfg(feature = "std")]
    pub fn lock_owned_blocking(self: Arc<Self>, owner: OwnerId) -> OwnedReentrantMutexGuard<T, P> {
        self.raw.lock_blocking(owner);
        ReentrantGuard::new(self)
    }

    /// The value, to change it without locking: `&mut` proves that nobody else is there.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// Who is inside: a snapshot.
    #[must_use]
    pub fn owner(&self) -> Option<OwnerId> {
        self.raw.owner()
    }

    /// How many guards the owner has; 0 if nobody is inside: a snapshot.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.raw.depth()
    }

    /// Whether somebody holds the lock: a snapshot.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// How many futures are queued: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }
}

impl<T: Default, P: Policy> Default for ReentrantMutex<T, P> {
    fn default() -> Self {
        ReentrantMutex::with_policy(T::default())
    }
}

impl<T> From<T> for ReentrantMutex<T> {
    fn from(value: T) -> Self {
        ReentrantMutex::new(value)
    }
}

impl<T: ?Sized, P: Policy> fmt::Debug for ReentrantMutex<T, P> {
    /// Never waits, and does not show the value: whether it may be looked at is up to its owner.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReentrantMutex")
            .field("owner", &self.owner())
            .field("depth", &self.depth())
            .field("waiters", &self.waiters())
            .finish_non_exhaustive()
    }
}
