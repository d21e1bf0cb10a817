//! The named futures of [`Latch`].

use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::Latch;

pin_project! {
    /// The future of [`Latch::wait`], spelt [`Wait`], and of [`Latch::wait_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct WaitOf<H>
    where
        H: Deref<Target = Latch>,
    {
        #[pin]
        waiting: Waiting<H>,
    }
}

/// The future of [`Latch::wait`].
pub type Wait<'a> = WaitOf<&'a Latch>;

/// The future of [`Latch::wait_owned`].
#[cfg(feature = "alloc")]
pub type WaitOwned = WaitOf<alloc::sync::Arc<Latch>>;

impl<'a> Wait<'a> {
    #[inline]
    pub(super) fn new(latch: &'a Latch) -> Self {
        WaitOf {
            waiting: Waiting::borrowed(latch, 0),
        }
    }
}

#[cfg(feature = "alloc")]
impl WaitOwned {
    #[inline]
    pub(super) fn new(latch: alloc::sync::Arc<Latch>) -> Self {
        // SAFETY: an `Arc` dereferences to the same object as long as it exists.
        let waiting = unsafe { Waiting::new(latch, 0) };
        WaitOf { waiting }
    }
}

impl<H: Deref<Target = Latch>> Future for WaitOf<H> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A latch refuses nobody.
        self.project().waiting.poll(cx).map(|_| ())
    }
}

pin_project! {
    /// The future of [`Latch::count_down_and_wait`], spelt [`CountDownAndWait`], and of
    /// [`Latch::count_down_and_wait_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct CountDownAndWaitOf<H>
    where
        H: Deref<Target = Latch>,
    {
        counted: bool,
        #[pin]
        waiting: Waiting<H>,
    }
}

/// The future of [`Latch::count_down_and_wait`].
pub type CountDownAndWait<'a> = CountDownAndWaitOf<&'a Latch>;

/// The future of [`Latch::count_down_and_wait_owned`].
#[cfg(feature = "alloc")]
pub type CountDownAndWaitOwned = CountDownAndWaitOf<alloc::sync::Arc<Latch>>;

impl<'a> CountDownAndWait<'a> {
    #[inline]
    pub(super) fn new(latch: &'a Latch) -> Self {
        CountDownAndWaitOf {
            counted: false,
            waiting: Waiting::borrowed(latch, 0),
        }
    }
}

#[cfg(feature = "alloc")]
impl CountDownAndWaitOwned {
    #[inline]
    pub(super) fn new(latch: alloc::sync::Arc<Latch>) -> Self {
        CountDownAndWaitOf {
            counted: false,
            // SAFETY: an `Arc` dereferences to the same object as long as it exists.
            waiting: unsafe { Waiting::new(latch, 0) },
        }
    }
}

impl<H: Deref<Target = Latch>> Future for CountDownAndWaitOf<H> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        // Noted first: a waker of those whom this wakes may panic.
        if !core::mem::replace(this.counted, true) {
            this.waiting.holder().count_down();
        }
        this.waiting.poll(cx).map(|_| ())
    }
}
