//! Why it was given up, after how many attempts, and what the last of them said.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_sync::context::Cause;

/// Why no further attempt was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum GaveUp {
    /// As many attempts as were allowed have failed.
    NoAttemptsLeft,
    /// The error is not one that goes away.
    NotRetryable,
    /// The next attempt could not end before the context's deadline.
    OutOfTime,
    /// The [`RetryBudget`](super::RetryBudget) is used up.
    OutOfBudget,
    /// The context was cancelled; also if that happened while an attempt ran.
    Cancelled(Cause),
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAttemptsLeft => f.write_str("no attempts are left"),
            Self::NotRetryable => f.write_str("trying again would not help"),
            Self::OutOfTime => f.write_str("another one would not end before the deadline"),
            Self::OutOfBudget => f.write_str("the budget of retries is used up"),
            Self::Cancelled(cause) => write!(f, "{cause}"),
        }
    }
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed<E> {
    /// With this error.
    Error(E),
    /// It took longer than an attempt may.
    TimedOut(Duration),
}

impl<E: fmt::Display> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::TimedOut(limit) => write!(f, "the attempt took longer than {limit:?}"),
        }
    }
}

/// It was given up: why, after how many attempts, and how the last one failed.
///
/// ```
/// use orchestration::retry::Retry;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let retry = Retry::new(TokioRuntime::current()).attempts(2);
/// # let retry = retry.backoff(backon::ConstantBuilder::default().with_delay(std::time::Duration::ZERO));
/// let error = retry.run(|_| async { "two".parse::<u8>() }).await.unwrap_err();
/// assert_eq!(error.attempts(), 2);
/// assert!(error.to_string().contains("no attempts are left: invalid digit"));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RetryError<E> {
    pub(super) attempts: usize,
    pub(super) elapsed: Duration,
    pub(super) gave_up: GaveUp,
    pub(super) last: Option<Failed<E>>,
}

impl<E> RetryError<E> {
    /// How many attempts were begun.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.attempts
    }

    /// How long it all took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Why no further attempt was made.
    #[must_use]
    pub fn gave_up(&self) -> &GaveUp {
        &self.gave_up
    }

    /// How the last attempt failed that did. `None` if none did: there was no time for one, or it was
    /// cancelled.
    #[must_use]
    pub fn last(&self) -> Option<&Failed<E>> {
        self.last.as_ref()
    }

    /// The last error, unless the last attempt failed otherwise.
    #[must_use]
    pub fn into_last(self) -> Option<E> {
        match self.last? {
            Failed::Error(error) => Some(error),
            Failed::TimedOut(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for RetryError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.attempts == 1 { "" } else { "s" };
        write!(
            f,
            "given up after {} attempt{plural} in {:.1?}: {}",
            self.attempts, self.elapsed, self.gave_up
        )?;
        match &self.last {
            Some(last) => write!(f, ": {last}"),
            None => Ok(()),
        }
    }
}

impl<E: Error + 'static> Error for RetryError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.last {
            Some(Failed::Error(error)) => Some(error),
            _ => None,
        }
    }
}
