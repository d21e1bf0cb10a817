//! One caller's attempt: wait for the right, then run the initialiser under it.
//!
//! ```text
//! Wait  --the right-->  Run  --its output-->  Over
//!   \--somebody else has done it------------>  Over
//! ```
//!
//! Whatever ends a run early gives the right up: the future is dropped (`Run` drops the initialiser
//! first, so that what it owns is gone when the next one begins), it panics, or its result is not
//! what the caller wanted and it drops the right. A run that panics is `Over` at once: its future may
//! be kept, and never be polled again.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::{Refused, Waiting};

use super::raw::{Line, RawOnce, Running};

pin_project! {
    /// The part of a future that all initialising calls share.
    #[project = AttemptProjection]
    pub(crate) enum Attempt<'a, F, Fut> {
        Wait {
            #[pin]
            waiting: Waiting<&'a Line>,
            initialiser: Option<F>,
        },
        Run {
            #[pin]
            future: Fut,
            right: Option<Running<'a>>,
        },
        Over,
    }
}

/// How an attempt ended.
pub(crate) enum Outcome<'a, R, F> {
    /// Somebody else has done it; the initialiser has not been called.
    Finished(#[cfg_attr(not(feature = "map"), allow(dead_code, reason = "for `Map`"))] F),
    /// The initialiser ran. Now it is [`complete`](Running::complete), or the right is given up.
    Ran(R, Running<'a>),
}

impl<F, Fut> Attempt<'_, F, Fut> {
    /// How far it has come, for `Debug`.
    pub(crate) fn stage(&self) -> &'static str {
        match self {
            Attempt::Wait { waiting, .. } if waiting.is_queued() => "waits",
            Attempt::Wait { .. } => "has not begun",
            Attempt::Run { .. } => "initialises",
            Attempt::Over => "is over",
        }
    }
}

impl<'a, F, Fut> Attempt<'a, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future,
{
    #[inline]
    pub(crate) fn new(raw: &'a RawOnce, initialiser: F) -> Self {
        Attempt::Wait {
            waiting: Waiting::borrowed(raw.line(), 0),
            initialiser: Some(initialiser),
        }
    }

    /// Polls; `raw` is what it was made of.
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        raw: &'a RawOnce,
        cx: &mut Context<'_>,
    ) -> Poll<Outcome<'a, Fut::Output, F>> {
        loop {
            match self.as_mut().project() {
                AttemptProjection::Wait {
                    waiting,
                    initialiser,
                } => {
                    // Without the queue. (Not if the initialiser has panicked: then this is over.)
                    let done = initialiser.is_some() && raw.is_done();
                    if done || matches!(ready!(waiting.poll(cx)), Err(Refused(_))) {
                        let unused = initialiser.take().expect("it has not been called");
                        self.set(Attempt::Over);
                        return Poll::Ready(Outcome::Finished(unused));
                    }
                    let right = raw.begun();
                    let initialiser = initialiser.take().expect("the wait has just ended");
                    let future = initialiser(); // if it panics, `right` is dropped
                    self.set(Attempt::Run {
                        future,
                        right: Some(right),
                    });
                }
                AttemptProjection::Run { .. } => return self.run(cx),
                AttemptProjection::Over => {
                    panic!("a future was polled after it had completed")
                }
            }
        }
    }

    fn run(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<'a, Fut::Output, F>> {
        /// Ends the attempt if the initialiser panics.
        struct OverOnPanic<'p, 'a, F, Fut>(Pin<&'p mut Attempt<'a, F, Fut>>);
        impl<F, Fut> Drop for OverOnPanic<'_, '_, F, Fut> {
            fn drop(&mut self) {
                self.0.set(Attempt::Over);
            }
        }

        let mut running = OverOnPanic(self.as_mut());
        let polled = match running.0.as_mut().project() {
            AttemptProjection::Run { future, right } => match future.poll(cx) {
                Poll::Ready(output) => right.take().map(|right| Outcome::Ran(output, right)),
                Poll::Pending => None,
            },
            _ => unreachable!("the caller has looked"),
        };
        core::mem::forget(running);
        match polled {
            Some(outcome) => {
                // Drops the future; if that panics, the outcome is dropped, and with it the right.
                self.set(Attempt::Over);
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}
