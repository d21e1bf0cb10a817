//! The named futures of [`Mutex`]: the raw mutex's wait, and a guard at the end.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::Mutex;
use super::condition::{self, Changes};
use super::guard::{Guard, MutexGuard};
use super::policy::{Adaptive, Policy};

pin_project! {
    /// The future of [`Mutex::lock`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Lock<'a, T: ?Sized, P: Policy = Adaptive> {
        #[pin]
        waiting: Waiting<&'a Mutex<T, P>>,
    }
}

impl<'a, T: ?Sized, P: Policy> Lock<'a, T, P> {
    #[inline]
    pub(super) fn new(mutex: &'a Mutex<T, P>) -> Self {
        Lock {
            waiting: Waiting::borrowed(mutex, 0),
        }
    }
}

impl<'a, T: ?Sized, P: Policy> Future for Lock<'a, T, P> {
    type Output = MutexGuard<'a, T, P>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = self.project().waiting;
        // A mutex refuses nobody.
        let _ = ready!(waiting.as_mut().poll(cx));
        // SAFETY: the wait is over, so the lock is ours.
        Poll::Ready(unsafe { Guard::new(*waiting.holder()) })
    }
}

impl<T: ?Sized, P: Policy> fmt::Debug for Lock<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lock").field(&self.waiting).finish()
    }
}

#[cfg(feature = "alloc")]
mod owned {
    use super::*;
    use crate::mutex::guard::OwnedMutexGuard;
    use crate::shared::Shared;
    use alloc::sync::Arc;

    pin_project! {
        /// The future of [`Mutex::lock_owned`].
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        pub struct LockOwned<T: ?Sized, P: Policy = Adaptive> {
            #[pin]
            waiting: Waiting<Shared<Arc<Mutex<T, P>>>>,
        }
    }

    impl<T: ?Sized, P: Policy> LockOwned<T, P> {
        #[inline]
        pub(in crate::mutex) fn new(mutex: Arc<Mutex<T, P>>) -> Self {
            // SAFETY: an `Arc` dereferences to the same object as long as it exists, and it is
            // taken out only after completion.
            let waiting = unsafe { Waiting::new(Shared::new(mutex), 0) };
            LockOwned { waiting }
        }
    }

    impl<T: ?Sized, P: Policy> Future for LockOwned<T, P> {
        type Output = OwnedMutexGuard<T, P>;

        #[inline]
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            let mut waiting = self.project().waiting;
            // A mutex refuses nobody.
            let _ = ready!(waiting.as_mut().poll(cx));
            // SAFETY: the future has completed.
            let mutex = unsafe { waiting.holder_mut() }.take();
            // SAFETY: the wait is over, so the lock is ours.
            Poll::Ready(unsafe { Guard::new(mutex) })
        }
    }

    impl<T: ?Sized, P: Policy> fmt::Debug for LockOwned<T, P> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("LockOwned").field(&self.waiting).finish()
        }
    }
}
#[cfg(feature = "alloc")]
pub use owned::LockOwned;

pin_project! {
    /// The future of [`Mutex::lock_when`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct LockWhen<'a, T: ?Sized, P: Policy, F> {
        mutex: &'a Mutex<T, P>,
        condition: F,
        #[pin]
        step: Step<'a, T, P>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<'a, T: ?Sized, P: Policy> {
        /// Waits for the lock, to look at the value.
        Look { #[pin] lock: Lock<'a, T, P> },
        /// The condition was false: waits until somebody has changed the value.
        Wait { #[pin] change: Waiting<&'static Changes> },
    }
}

impl<'a, T: ?Sized, P: Policy, F> LockWhen<'a, T, P, F> {
    pub(super) fn new(mutex: &'a Mutex<T, P>, condition: F) -> Self {
        LockWhen {
            mutex,
            condition,
            step: Step::Look {
                lock: Lock::new(mutex),
            },
        }
    }
}

impl<'a, T: ?Sized, P: Policy, F: FnMut(&T) -> bool> Future for LockWhen<'a, T, P, F> {
    type Output = MutexGuard<'a, T, P>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mutex = *this.mutex;
        loop {
            match this.step.as_mut().project() {
                StepProjection::Look { lock } => {
                    let guard = ready!(lock.poll(cx));
                    if (this.condition)(&guard) {
                        return Poll::Ready(guard);
                    }
                    // Queue for a change before anybody can make one, that is, under the lock.
                    let address = mutex.raw.address();
                    let changes = condition::queue(address);
                    this.step.set(Step::Wait {
                        change: Waiting::borrowed(changes, address),
                    });
                    if let StepProjection::Wait { change } = this.step.as_mut().project() {
                        // Always pending: nobody has woken a future that was not queued.
                        let queued = change.poll(cx);
                        debug_assert!(queued.is_pending());
                    }
                    mutex.raw.expect_change();
                    // The value is as it was, so others who wait for a change need not look.
                    guard.into_handle();
                    mutex.raw.unlock_held(false);
                    return Poll::Pending;
                }
                StepProjection::Wait { change } => {
                    // Not queued after a waker's `clone` panicked: then nobody would wake it.
                    if change.is_queued() {
                        let _ = ready!(change.poll(cx));
                    }
                    this.step.set(Step::Look {
                        lock: Lock::new(mutex),
                    });
                }
            }
        }
    }
}

impl<T: ?Sized, P: Policy, F> fmt::Debug for LockWhen<'_, T, P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match &self.step {
            Step::Look { .. } => "waits for the lock",
            Step::Wait { .. } => "waits for a change",
        };
        f.debug_tuple("LockWhen")
            .field(&format_args!("{step}"))
            .finish()
    }
}
