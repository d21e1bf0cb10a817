//! A future with a deadline: `Timeout`, and the error `Elapsed`.
//!
//! The inner future is always polled first, so a result that is there is never thrown away for
//! the clock's sake.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A future that gives up when a sleep is over. Made by
    /// [`Timer::timeout`](crate::Timer::timeout) and [`Timer::timeout_at`](crate::Timer::timeout_at).
    ///
    /// # Cancel safety
    ///
    /// As cancel-safe as the inner future.
    ///
    /// # Panics
    ///
    /// Polling after completion polls the inner future or the sleep again, which may panic.
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Timeout<S, F> {
        #[pin]
        future: F,
        #[pin]
        sleep: S,
    }
}

impl<S, F> Timeout<S, F> {
    pub(crate) fn new(sleep: S, future: F) -> Self {
        Self { future, sleep }
    }

    /// The inner future.
    #[must_use]
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The inner future, pinned.
    #[must_use]
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }

    /// The inner future, without its deadline.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<S: Future<Output = ()>, F: Future> Future for Timeout<S, F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        #[cfg(feature = "tokio")]
        let budget = crate::tokio::Budget::before();

        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }

        #[cfg(feature = "tokio")]
        let slept = budget.poll_after(this.sleep, cx);
        #[cfg(not(feature = "tokio"))]
        let slept = this.sleep.poll(cx);
        slept.map(|()| Err(Elapsed))
    }
}

/// The future was not ready in time.
///
/// # Examples
///
/// ```
/// use runtime::Elapsed;
///
/// assert_eq!(Elapsed.to_string(), "deadline has elapsed");
/// assert_eq!(std::io::Error::from(Elapsed).kind(), std::io::ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}
