//! The named futures of [`Semaphore`]: the raw semaphore's wait, and permits at the end.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::{AcquireError, Permit, Permits, Semaphore};

pin_project! {
    /// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Acquire<'a> {
        #[pin]
        waiting: Waiting<&'a Semaphore, 2>,
    }
}

impl<'a> Acquire<'a> {
    #[inline]
    pub(super) fn new(semaphore: &'a Semaphore, permits: usize) -> Self {
        Acquire {
            waiting: Waiting::borrowed(semaphore, permits),
        }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<Permit<'a>, AcquireError>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = self.project().waiting;
        waiting.as_mut().poll(cx).map(|result| {
            let semaphore = *waiting.holder();
            match result {
                Ok(permits) => Ok(Permits::new(semaphore, permits)),
                Err(refused) => Err(semaphore.raw.refusal(refused, waiting.tag())),
            }
        })
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Acquire").field(&self.waiting).finish()
    }
}

#[cfg(feature = "alloc")]
mod owned {
    use super::*;
    use crate::semaphore::OwnedPermit;
    use crate::shared::Shared;
    use alloc::sync::Arc;

    pin_project! {
        /// The future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        pub struct AcquireOwned {
            #[pin]
            waiting: Waiting<Shared<Arc<Semaphore>>, 2>,
        }
    }

    impl AcquireOwned {
        #[inline]
        pub(in crate::semaphore) fn new(semaphore: Arc<Semaphore>, permits: usize) -> Self {
            // SAFETY: an `Arc` dereferences to the same object as long as it exists, and it is
            // taken out only after completion.
            let waiting = unsafe { Waiting::new(Shared::new(semaphore), permits) };
            AcquireOwned { waiting }
        }
    }

    impl Future for AcquireOwned {
        type Output = Result<OwnedPermit, AcquireError>;

        #[inline]
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            let mut waiting = self.project().waiting;
            waiting.as_mut().poll(cx).map(|result| {
                let asked = waiting.tag();
                // SAFETY: the future has completed.
                let semaphore = unsafe { waiting.holder_mut() }.take();
                match result {
                    Ok(permits) => Ok(Permits::new(semaphore, permits)),
                    Err(refused) => Err(semaphore.raw.refusal(refused, asked)),
                }
            })
        }
    }

    impl fmt::Debug for AcquireOwned {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_tuple("AcquireOwned").field(&self.waiting).finish()
        }
    }
}
#[cfg(feature = "alloc")]
pub use owned::AcquireOwned;
