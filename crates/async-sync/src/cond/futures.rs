//! The named futures of [`Cond`].
//!
//! [`Wait`] gives the guard up and gets it back; [`WaitWhile`] does so as often as its condition asks.

use core::fmt;
use core::ops::DerefMut;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::Cond;
use super::relock::{Again, Relock};

pin_project! {
    /// The future of [`Cond::wait`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Wait<'c, G: Relock> {
        #[pin]
        waiting: G::Waiting<'c>,
    }
}

impl<'c, G: Relock> Wait<'c, G> {
    #[inline]
    pub(super) fn new(cond: &'c Cond, guard: G) -> Self {
        Wait {
            waiting: G::Waiting::new(cond, guard),
        }
    }
}

impl<G: Relock> Future for Wait<'_, G> {
    type Output = G;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<G> {
        self.project().waiting.poll(cx)
    }
}

impl<G: Relock> fmt::Debug for Wait<'_, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Cond::wait_while`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WaitWhile<'c, G: Relock, F> {
        cond: &'c Cond,
        condition: F,
        #[pin]
        step: Step<'c, G>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<'c, G: Relock> {
        /// Has the lock, has not been polled. None: over.
        Start { guard: Option<G> },
        Wait { #[pin] wait: Wait<'c, G> },
    }
}

impl<'c, G: Relock, F> WaitWhile<'c, G, F> {
    #[inline]
    pub(super) fn new(cond: &'c Cond, guard: G, condition: F) -> Self {
        let guard = Some(guard);
        WaitWhile {
            cond,
            condition,
            step: Step::Start { guard },
        }
    }
}

impl<G, F> Future for WaitWhile<'_, G, F>
where
    G: Relock + DerefMut,
    F: FnMut(&mut G::Target) -> bool,
{
    type Output = G;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<G> {
        let mut this = self.project();
        loop {
            let mut guard = match this.step.as_mut().project() {
                StepProjection::Start { guard } => guard
                    .take()
                    .expect("a future was polled after it had completed"),
                StepProjection::Wait { wait } => ready!(wait.poll(cx)),
            };
            this.step.set(Step::Start { guard: None });
            // If it panics, the guard lets go of the lock.
            if !(this.condition)(&mut guard) {
                return Poll::Ready(guard);
            }
            let wait = Wait::new(this.cond, guard);
            this.step.set(Step::Wait { wait });
        }
    }
}

impl<G: Relock, F> fmt::Debug for WaitWhile<'_, G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitWhile").finish_non_exhaustive()
    }
}
