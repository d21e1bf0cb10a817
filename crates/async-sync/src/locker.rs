//! [`Locker`]: what all exclusive locks have in common, for code that takes any of them.
//!
//! A lock, a guard that unlocks when it is dropped, a future with a name that ends in the guard, and
//! an identity that tells two locks apart. Nothing else is asked for, so a lock of another crate can
//! implement it too.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use pin_project_lite::pin_project;

use crate::mutex::{Adaptive, Lock, Mutex, MutexGuard, Policy, RawLock, RawMutex};
use crate::rwlock::{self, Read, ReadLocker, RwLock, RwLockReadGuard, RwLockWriteGuard, Write};
use crate::semaphore::{Acquire, Permit, Semaphore};

/// Any lock that one holder at a time has: Go's `sync.Locker`, with a guard in place of `Unlock`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::{Locker, Mutex, RawMutex, Semaphore};
///
/// /// Runs `work` while nobody else has `lock`, whatever it is.
/// async fn exclusively<L: Locker, T>(lock: &L, work: impl AsyncFnOnce() -> T) -> T {
///     let _guard = lock.lock().await;
///     work().await
/// }
///
/// assert_eq!(exclusively(&Mutex::new("value"), async || 1).await, 1);
/// assert_eq!(exclusively(&<RawMutex>::new(), async || 2).await, 2);
/// assert_eq!(exclusively(&Semaphore::new(1), async || 3).await, 3);
/// # });
/// ```
#[doc(alias = "sync.Locker")]
pub trait Locker {
    /// Holds the lock until it is dropped.
    type Guard<'a>
    where
        Self: 'a;

    /// Waits for the lock. Has to be cancel safe: dropped at any moment, it holds nothing and waits for
    /// nothing.
    type Lock<'a>: Future<Output = Self::Guard<'a>>
    where
        Self: 'a;

    /// Waits for the lock.
    fn lock(&self) -> Self::Lock<'_>;

    /// Takes the lock if that is possible at once.
    fn try_lock(&self) -> Option<Self::Guard<'_>>;

    /// What tells this lock from all others that exist at the same time: the address of its state, as
    /// a rule. Two lockers that lead to one lock (its read side and its write side, say) have the same
    /// identity. It does not change while the lock is borrowed.
    ///
    /// [`lock_all`](crate::lock_all()) takes locks in this order.
    fn id(&self) -> usize;
}

impl<T: ?Sized, P: Policy> Locker for Mutex<T, P> {
    type Guard<'a>
        = MutexGuard<'a, T, P>
    where
        Self: 'a;
    type Lock<'a>
        = Lock<'a, T, P>
    where
        Self: 'a;

    #[inline]
    fn lock(&self) -> Lock<'_, T, P> {
        self.lock()
    }

    #[inline]
    fn try_lock(&self) -> Option<MutexGuard<'_, T, P>> {
        self.try_lock()
    }

    #[inline]
    fn id(&self) -> usize {
        address(self)
    }
}

/// The side that writes. [`read_locker`](RwLock::read_locker) is the other one.
impl<T: ?Sized, P: rwlock::Policy> Locker for RwLock<T, P> {
    type Guard<'a>
        = RwLockWriteGuard<'a, T, P>
    where
        Self: 'a;
    type Lock<'a>
        = Write<'a, T, P>
    where
        Self: 'a;

    #[inline]
    fn lock(&self) -> Write<'_, T, P> {
        self.write()
    }

    #[inline]
    fn try_lock(&self) -> Option<RwLockWriteGuard<'_, T, P>> {
        self.try_write()
    }

    #[inline]
    fn id(&self) -> usize {
        address(self)
    }
}

impl<'l, T: ?Sized, P: rwlock::Policy> Locker for ReadLocker<'l, T, P> {
    type Guard<'a>
        = RwLockReadGuard<'l, T, P>
    where
        Self: 'a;
    type Lock<'a>
        = Read<'l, T, P>
    where
        Self: 'a;

    #[inline]
    fn lock(&self) -> Read<'l, T, P> {
        self.lock()
    }

    #[inline]
    fn try_lock(&self) -> Option<RwLockReadGuard<'l, T, P>> {
        self.try_lock()
    }

    #[inline]
    fn id(&self) -> usize {
        self.rwlock().id()
    }
}

impl<P: Policy> Locker for RawMutex<P> {
    type Guard<'a> = RawMutexGuard<'a, P>;
    type Lock<'a> = RawMutexLock<'a, P>;

    #[inline]
    fn lock(&self) -> RawMutexLock<'_, P> {
        RawMutexLock {
            mutex: self,
            lock: self.lock(),
        }
    }

    #[inline]
    fn try_lock(&self) -> Option<RawMutexGuard<'_, P>> {
        self.try_lock().then(|| RawMutexGuard { mutex: self })
    }

    #[inline]
    fn id(&self) -> usize {
        address(self)
    }
}

/// Of one permit. A lock in the strict sense if the semaphore's limit is one.
///
/// # Panics
///
/// The future panics if the semaphore is closed, or if its limit is zero: a lock that will never be
/// had is a mistake of the program.
impl Locker for Semaphore {
    type Guard<'a> = Permit<'a>;
    type Lock<'a> = AcquireLock<'a>;

    #[inline]
    fn lock(&self) -> AcquireLock<'_> {
        AcquireLock {
            acquire: self.acquire(),
        }
    }

    /// `None` as well if the semaphore is closed.
    #[inline]
    fn try_lock(&self) -> Option<Permit<'_>> {
        self.try_acquire().ok()
    }

    #[inline]
    fn id(&self) -> usize {
        address(self)
    }
}

impl<L: Locker + ?Sized> Locker for &L {
    type Guard<'a>
        = L::Guard<'a>
    where
        Self: 'a;
    type Lock<'a>
        = L::Lock<'a>
    where
        Self: 'a;

    #[inline]
    fn lock(&self) -> Self::Lock<'_> {
        (**self).lock()
    }

    #[inline]
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        (**self).try_lock()
    }

    #[inline]
    fn id(&self) -> usize {
        (**self).id()
    }
}

/// The guard borrows the `Arc`; for one that does not, see the `lock_owned` of the type.
#[cfg(feature = "alloc")]
impl<L: Locker + ?Sized> Locker for Arc<L> {
    type Guard<'a>
        = L::Guard<'a>
    where
        Self: 'a;
    type Lock<'a>
        = L::Lock<'a>
    where
        Self: 'a;

    #[inline]
    fn lock(&self) -> Self::Lock<'_> {
        (**self).lock()
    }

    #[inline]
    fn try_lock(&self) -> Option<Self::Guard<'_>> {
        (**self).try_lock()
    }

    #[inline]
    fn id(&self) -> usize {
        (**self).id()
    }
}

/// Two locks that exist at the same time have different addresses: each has a state of at least a
/// word, so none is of size zero, and two objects with bytes do not overlap unless one is inside the
/// other. (A mutex inside the value of a mutex lies behind the outer one's state.)
#[inline]
fn address<L: ?Sized>(lock: &L) -> usize {
    core::ptr::from_ref(lock).addr()
}

/// The guard of a [`RawMutex`] that is locked as a [`Locker`].
#[must_use = "if unused the mutex is unlocked at once"]
#[clippy::has_significant_drop]
pub struct RawMutexGuard<'a, P: Policy = Adaptive> {
    mutex: &'a RawMutex<P>,
}

impl<P: Policy> Drop for RawMutexGuard<'_, P> {
    /// As [`RawMutex::unlock`], but an unlock by somebody else meanwhile is not noticed: who mixes
    /// guards and calls by hand keeps them paired.
    #[inline]
    fn drop(&mut self) {
        self.mutex.unlock();
    }
}

impl<P: Policy> fmt::Debug for RawMutexGuard<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawMutexGuard").field(&self.mutex).finish()
    }
}

pin_project! {
    /// The future of a [`RawMutex`] that is locked as a [`Locker`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct RawMutexLock<'a, P: Policy = Adaptive> {
        mutex: &'a RawMutex<P>,
        #[pin]
        lock: RawLock<'a, P>,
    }
}

impl<'a, P: Policy> Future for RawMutexLock<'a, P> {
    type Output = RawMutexGuard<'a, P>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.lock
            .poll(cx)
            .map(|()| RawMutexGuard { mutex: this.mutex })
    }
}

pin_project! {
    /// The future of a [`Semaphore`] that is locked as a [`Locker`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct AcquireLock<'a> {
        #[pin]
        acquire: Acquire<'a>,
    }
}

impl<'a> Future for AcquireLock<'a> {
    type Output = Permit<'a>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().acquire.poll(cx).map(|result| match result {
            Ok(permit) => permit,
            Err(why) => panic!("a semaphore was used as a lock that cannot be had: {why}"),
        })
    }
}
