//! Polling a sleep on behalf of nobody in particular.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// The future of [`unbudgeted`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Unbudgeted<F> {
        #[pin]
        future: F,
    }
}

/// Polls `future` outside of the cooperative budget of the task that happens to poll it.
///
/// For a sleep that is polled by whoever wakes it. A tokio sleep that is polled by a task without
/// budget is pending, and wakes itself so that the task polls it again later; where no task does,
/// that goes round in circles. Runtimes without a budget, and builds without the feature `tokio`,
/// poll it as it is.
pub fn unbudgeted<F: Future>(future: F) -> Unbudgeted<F> {
    Unbudgeted { future }
}

impl<F: Future> Future for Unbudgeted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.project().future;
        #[cfg(feature = "tokio")]
        return std::pin::pin!(::tokio::task::coop::unconstrained(future)).poll(cx);
        #[cfg(not(feature = "tokio"))]
        future.poll(cx)
    }
}
