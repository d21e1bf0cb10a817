//! The named futures of [`ReentrantMutex`]: the raw lock's entry, and a guard at the end.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::guard::{ReentrantGuard, ReentrantMutexGuard};
use super::raw::{Entry, RawReentrantMutex};
use super::{OwnerId, ReentrantMutex};
use crate::mutex::{Adaptive, Policy};

pin_project! {
    /// The future of [`ReentrantMutex::lock`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReentrantLock<'a, T: ?Sized, P: Policy = Adaptive> {
        mutex: &'a ReentrantMutex<T, P>,
        #[pin]
        entry: Entry<&'a RawReentrantMutex<P>, P>,
    }
}

impl<'a, T: ?Sized, P: Policy> ReentrantLock<'a, T, P> {
    #[inline]
    pub(super) fn new(mutex: &'a ReentrantMutex<T, P>, owner: OwnerId) -> Self {
        ReentrantLock {
            mutex,
            // SAFETY: a shared reference always refers to the same place.
            entry: unsafe { Entry::new(&mutex.raw, owner) },
        }
    }
}

impl<'a, T: ?Sized, P: Policy> Future for ReentrantLock<'a, T, P> {
    type Output = ReentrantMutexGuard<'a, T, P>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        ready!(this.entry.poll(cx));
        Poll::Ready(ReentrantGuard::new(*this.mutex))
    }
}

impl<T: ?Sized, P: Policy> fmt::Debug for ReentrantLock<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReentrantLock").field(&self.entry).finish()
    }
}

#[cfg(feature = "alloc")]
mod owned {
    use super::*;
    use crate::reentrant::OwnedReentrantMutexGuard;
    use alloc::sync::Arc;
    use core::ops::Deref;

    /// A way to the raw lock inside of what an `Arc` has.
    pub(in crate::reentrant) struct RawOf<T: ?Sized, P: Policy>(Arc<ReentrantMutex<T, P>>);

    impl<T: ?Sized, P: Policy> Deref for RawOf<T, P> {
        type Target = RawReentrantMutex<P>;

        #[inline]
        fn deref(&self) -> &RawReentrantMutex<P> {
            &self.0.raw
        }
    }

    impl<T: ?Sized, P: Policy> Clone for RawOf<T, P> {
        fn clone(&self) -> Self {
            RawOf(Arc::clone(&self.0))
        }
    }

    pin_project! {
        /// The future of [`ReentrantMutex::lock_owned`].
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        pub struct ReentrantLockOwned<T: ?Sized, P: Policy = Adaptive> {
            mutex: Arc<ReentrantMutex<T, P>>,
            #[pin]
            entry: Entry<RawOf<T, P>, P>,
        }
    }

    impl<T: ?Sized, P: Policy> ReentrantLockOwned<T, P> {
        pub(in crate::reentrant) fn new(mutex: Arc<ReentrantMutex<T, P>>, owner: OwnerId) -> Self {
            // SAFETY: an `Arc`, as each clone of it, dereferences to the same object.
            let entry = unsafe { Entry::new(RawOf(Arc::clone(&mutex)), owner) };
            ReentrantLockOwned { mutex, entry }
        }
    }

    impl<T: ?Sized, P: Policy> Future for ReentrantLockOwned<T, P> {
        type Output = OwnedReentrantMutexGuard<T, P>;

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            let this = self.project();
            ready!(this.entry.poll(cx));
            Poll::Ready(ReentrantGuard::new(Arc::clone(this.mutex)))
        }
    }

    impl<T: ?Sized, P: Policy> fmt::Debug for ReentrantLockOwned<T, P> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("ReentrantLockOwned")
                .field(&self.entry)
                .finish()
        }
    }
}
#[cfg(feature = "alloc")]
pub use owned::ReentrantLockOwned;
