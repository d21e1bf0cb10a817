//! Guards of other crates' mutexes.
//!
//! Their queues are not ours, so a waiter that was called locks again by itself:
//!
//! ```text
//! Wait     has the guard; at the first poll it queues and drops the guard; then it waits for a call
//! Lock     was called, and waits for the lock. Dropped here, it passes the call on
//! ```

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::{Calling, Owed};

use super::Cond;
use super::relock::{Again, Relock, sealed};

/// A guard of a lock that has a queue of its own.
#[doc(hidden)]
pub trait Foreign: sealed::Sealed + Sized {
    /// What leads to the lock: a reference, an `Arc`.
    type Lock;
    /// Waits for the lock.
    type Locking: Future<Output = Self>;

    /// What leads to the lock.
    fn lock_of(guard: &Self) -> Self::Lock;

    /// Takes the lock if that is possible at once; otherwise a future that waits for it.
    fn relock(lock: Self::Lock) -> Result<Self, Self::Locking>;
}

pin_project! {
    /// Waits with a guard of another crate's.
    #[doc(hidden)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Elsewhere<'c, G: Foreign> {
        #[pin]
        step: Step<'c, G>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<'c, G: Foreign> {
        Wait {
            #[pin]
            calling: Calling<'c>,
            guard: Option<G>,
            lock: Option<G::Lock>,
        },
        Lock {
            #[pin]
            locking: G::Locking,
            owed: Option<Owed<'c>>,
        },
        Over,
    }
}

impl<'c, G: Foreign> Again<'c, G> for Elsewhere<'c, G> {
    fn new(cond: &'c Cond, guard: G) -> Self {
        let lock = Some(G::lock_of(&guard));
        Elsewhere {
            step: Step::Wait {
                calling: Calling::new(cond.lobby()),
                guard: Some(guard),
                lock,
            },
        }
    }
}

impl<G: Foreign> Future for Elsewhere<'_, G> {
    type Output = G;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<G> {
        let mut step = self.project().step;
        loop {
            match step.as_mut().project() {
                StepProjection::Wait {
                    mut calling,
                    guard,
                    lock,
                } => {
                    let called = calling.as_mut().poll(cx);
                    // Queued by the first poll: only now the lock may go.
                    drop(guard.take());
                    let owed = ready!(called);
                    let lock = lock.take().expect("taken only here");
                    match G::relock(lock) {
                        Ok(guard) => {
                            owed.settle();
                            step.set(Step::Over);
                            return Poll::Ready(guard);
                        }
                        Err(locking) => step.set(Step::Lock {
                            locking,
                            owed: Some(owed),
                        }),
                    }
                }
                StepProjection::Lock { locking, owed } => {
                    let guard = ready!(locking.poll(cx));
                    if let Some(owed) = owed.take() {
                        owed.settle();
                    }
                    step.set(Step::Over);
                    return Poll::Ready(guard);
                }
                StepProjection::Over => panic!("a future was polled after it had completed"),
            }
        }
    }
}

impl<G: Foreign> fmt::Debug for Elsewhere<'_, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match &self.step {
            Step::Wait { .. } => "waits for a call",
            Step::Lock { .. } => "waits for the lock",
            Step::Over => "over",
        };
        f.debug_tuple("Elsewhere")
            .field(&format_args!("{step}"))
            .finish()
    }
}

/// tokio's lock futures have no name, so one is boxed where the lock is not free when a waiter comes
/// back: the only allocation of this crate's waits.
#[cfg(feature = "tokio")]
mod of_tokio {
    use super::*;
    use alloc::boxed::Box;
    use alloc::sync::Arc;
    use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};

    type Boxed<'a, G> = Pin<Box<dyn Future<Output = G> + Send + 'a>>;

    impl<T: ?Sized + Send> sealed::Sealed for MutexGuard<'_, T> {}
    impl<T: ?Sized + Send> Relock for MutexGuard<'_, T> {
        type Waiting<'c> = Elsewhere<'c, Self>;
    }
    impl<'a, T: ?Sized + Send> Foreign for MutexGuard<'a, T> {
        type Lock = &'a Mutex<T>;
        type Locking = Boxed<'a, Self>;

        fn lock_of(guard: &Self) -> Self::Lock {
            MutexGuard::mutex(guard)
        }
        fn relock(lock: Self::Lock) -> Result<Self, Self::Locking> {
            match lock.try_lock() {
                Ok(guard) => Ok(guard),
                Err(_) => Err(Box::pin(lock.lock())),
            }
        }
    }

    impl<T: ?Sized + Send + 'static> sealed::Sealed for OwnedMutexGuard<T> {}
    impl<T: ?Sized + Send + 'static> Relock for OwnedMutexGuard<T> {
        type Waiting<'c> = Elsewhere<'c, Self>;
    }
    impl<T: ?Sized + Send + 'static> Foreign for OwnedMutexGuard<T> {
        type Lock = Arc<Mutex<T>>;
        type Locking = Boxed<'static, Self>;

        fn lock_of(guard: &Self) -> Self::Lock {
            Arc::clone(OwnedMutexGuard::mutex(guard))
        }
        fn relock(lock: Self::Lock) -> Result<Self, Self::Locking> {
            match Arc::clone(&lock).try_lock_owned() {
                Ok(guard) => Ok(guard),
                Err(_) => Err(Box::pin(lock.lock_owned())),
            }
        }
    }
}

#[cfg(feature = "async-lock")]
mod of_async_lock {
    use super::*;
    use alloc::sync::Arc;
    use async_lock::futures::{Lock, LockArc};
    use async_lock::{Mutex, MutexGuard, MutexGuardArc};

    impl<T: ?Sized> sealed::Sealed for MutexGuard<'_, T> {}
    impl<T: ?Sized> Relock for MutexGuard<'_, T> {
        type Waiting<'c> = Elsewhere<'c, Self>;
    }
    impl<'a, T: ?Sized> Foreign for MutexGuard<'a, T> {
        type Lock = &'a Mutex<T>;
        type Locking = Lock<'a, T>;

        fn lock_of(guard: &Self) -> Self::Lock {
            MutexGuard::source(guard)
        }
        fn relock(lock: Self::Lock) -> Result<Self, Self::Locking> {
            lock.try_lock().ok_or_else(|| lock.lock())
        }
    }

    impl<T: ?Sized + Send> sealed::Sealed for MutexGuardArc<T> {}
    impl<T: ?Sized + Send> Relock for MutexGuardArc<T> {
        type Waiting<'c> = Elsewhere<'c, Self>;
    }
    impl<T: ?Sized + Send> Foreign for MutexGuardArc<T> {
        type Lock = Arc<Mutex<T>>;
        type Locking = LockArc<T>;

        fn lock_of(guard: &Self) -> Self::Lock {
            Arc::clone(MutexGuardArc::source(guard))
        }
        fn relock(lock: Self::Lock) -> Result<Self, Self::Locking> {
            lock.try_lock_arc().ok_or_else(|| lock.lock_arc())
        }
    }
}
