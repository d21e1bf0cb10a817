//! The named futures of a receiver.

use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::receiver::ReceiverOf;
use super::{Closed, Watch};

const COMPLETED: &str = "a future was polled after it had completed";

/// A receiver, on loan to a future; None when that is over.
struct Lent<'r, T, H: Deref<Target = Watch<T>>>(Option<&'r mut ReceiverOf<T, H>>);

impl<T, H: Deref<Target = Watch<T>>> Deref for Lent<'_, T, H> {
    type Target = Watch<T>;

    #[inline]
    fn deref(&self) -> &Watch<T> {
        self.0.as_ref().expect(COMPLETED).watch()
    }
}

type Wait<'r, T, H> = Waiting<Lent<'r, T, H>>;

/// Waits for another version than the one that the receiver has seen.
#[inline]
fn wait<'r, T, H: Deref<Target = Watch<T>>>(receiver: &'r mut ReceiverOf<T, H>) -> Wait<'r, T, H> {
    let seen = receiver.version_seen();
    // SAFETY: a receiver refers to the same watch as long as it exists, and it is not changed but by
    // its own methods, which are out of reach as long as it is lent.
    unsafe { Waiting::new(Lent(Some(receiver)), seen) }
}

/// A receiver that is no longer lent, and whether there is something to look at.
type Back<'r, T, H> = (&'r mut ReceiverOf<T, H>, Result<(), Closed>);

#[inline]
fn poll_wait<'r, T, H: Deref<Target = Watch<T>>>(
    mut waiting: Pin<&mut Wait<'r, T, H>>,
    cx: &mut Context<'_>,
) -> Poll<Back<'r, T, H>> {
    let result = ready!(waiting.as_mut().poll(cx));
    // SAFETY: the future has completed.
    let receiver = unsafe { waiting.holder_mut() }.0.take().expect(COMPLETED);
    Poll::Ready((receiver, result.map(|_| ()).map_err(|_| Closed)))
}

pin_project! {
    /// The future of [`ReceiverOf::changed`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Changed<'r, T, H: Deref<Target = Watch<T>>> {
        #[pin]
        waiting: Wait<'r, T, H>,
    }
}

impl<'r, T, H: Deref<Target = Watch<T>>> Changed<'r, T, H> {
    #[inline]
    pub(super) fn new(receiver: &'r mut ReceiverOf<T, H>) -> Self {
        Changed {
            waiting: wait(receiver),
        }
    }
}

impl<'r, T, H: Deref<Target = Watch<T>>> Future for Changed<'r, T, H> {
    type Output = Result<&'r T, Closed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (receiver, result) = ready!(poll_wait(self.project().waiting, cx));
        Poll::Ready(receiver.take(result))
    }
}

impl<T, H: Deref<Target = Watch<T>>> fmt::Debug for Changed<'_, T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Changed").field(&self.waiting).finish()
    }
}

pin_project! {
    /// The future of [`ReceiverOf::wait_for`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WaitFor<'r, T, H: Deref<Target = Watch<T>>, F> {
        pred: F,
        // Here, or on loan to `waiting`; nowhere when it is over.
        receiver: Option<&'r mut ReceiverOf<T, H>>,
        #[pin]
        waiting: Option<Wait<'r, T, H>>,
    }
}

impl<'r, T, H: Deref<Target = Watch<T>>, F> WaitFor<'r, T, H, F> {
    #[inline]
    pub(super) fn new(receiver: &'r mut ReceiverOf<T, H>, pred: F) -> Self {
        WaitFor {
            pred,
            receiver: Some(receiver),
            waiting: None,
        }
    }
}

impl<'r, T, H, F> Future for WaitFor<'r, T, H, F>
where
    H: Deref<Target = Watch<T>>,
    F: FnMut(&T) -> bool,
{
    type Output = Result<&'r T, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Some(waiting) = this.waiting.as_mut().as_pin_mut() {
                let (receiver, result) = ready!(poll_wait(waiting, cx));
                this.waiting.set(None);
                if let Err(closed) = result {
                    return Poll::Ready(Err(closed));
                }
                *this.receiver = Some(receiver);
            }
            // It stays in its place while the predicate runs, which may panic.
            let value = this.receiver.as_mut().expect(COMPLETED).borrow();
            let found = (this.pred)(value);
            let receiver = this.receiver.take().expect(COMPLETED);
            if found {
                return Poll::Ready(receiver.take(Ok(())));
            }
            this.waiting.set(Some(wait(receiver)));
        }
    }
}

impl<T, H: Deref<Target = Watch<T>>, F> fmt::Debug for WaitFor<'_, T, H, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor")
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}
