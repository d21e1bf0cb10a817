//! Foreign futures, polled and dropped so that their panics become an outcome.
//!
//! A future that has ended, in whatever way, is dropped before anybody is told: a destructor that panics
//! counts as a panic of the future, and takes nobody along.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::errgroup::Panic;

/// Calls what may panic.
pub(crate) fn call<T>(function: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(function)).map_err(Panic::new)
}

/// Polls the future; when it has ended, it is gone.
pub(crate) fn poll<F: Future>(
    mut future: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Panic>> {
    let polled = call(|| {
        let future = future.as_mut().as_pin_mut();
        future
            .expect("a future is not polled after its end")
            .poll(cx)
    });
    let output = match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(output)) => Ok(output),
        Err(panic) => Err(panic),
    };
    let output = match (output, discard(future)) {
        // The first panic is the one to report.
        (output @ Err(_), _) | (output, None) => output,
        (_, Some(panic)) => Err(panic),
    };
    Poll::Ready(output)
}

/// Drops the future, if it is still there, and gives the panic of its destructor.
pub(crate) fn discard<F>(mut future: Pin<&mut Option<F>>) -> Option<Panic> {
    call(|| future.set(None)).err()
}

pin_project! {
    /// A future whose output is the other's, or its panic.
    pub(crate) struct Caught<F> {
        // None once ended.
        #[pin]
        future: Option<F>,
    }
}

impl<F> Caught<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Some(future),
        }
    }

    /// Drops the future, if it has not ended, and gives the panic of its destructor.
    pub(crate) fn discard(self: Pin<&mut Self>) -> Option<Panic> {
        discard(self.project().future)
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panic>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        poll(self.project().future, cx)
    }
}
