//! Why permits were refused.

use core::fmt;

/// Why [`acquire`](super::Semaphore::acquire) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AcquireError {
    /// The semaphore was closed.
    Closed,
    /// More permits were asked for than there are, so waiting would never end. The limit may have
    /// been lowered while the request waited.
    TooMany {
        /// What was asked for.
        requested: usize,
        /// What there is when this is returned. A limit that was raised after it had refused a
        /// waiting request may be large enough: ask again.
        limit: usize,
    },
}

/// Why [`try_acquire`](super::Semaphore::try_acquire) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryAcquireError {
    /// The semaphore was closed.
    Closed,
    /// Not enough permits are free, or others wait for them already.
    NoPermits,
    /// More permits were asked for than there are.
    TooMany {
        /// What was asked for.
        requested: usize,
        /// What there is.
        limit: usize,
    },
}

impl From<AcquireError> for TryAcquireError {
    fn from(error: AcquireError) -> Self {
        match error {
            AcquireError::Closed => TryAcquireError::Closed,
            AcquireError::TooMany { requested, limit } => {
                TryAcquireError::TooMany { requested, limit }
            }
        }
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TryAcquireError::from(*self).fmt(f)
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryAcquireError::Closed => f.write_str("the semaphore is closed"),
            TryAcquireError::NoPermits => f.write_str("no permits are available now"),
            TryAcquireError::TooMany { requested, limit } => write!(
                f,
                "{requested} permits were requested of a semaphore whose limit is {limit}; \
                 ask for fewer or raise the limit"
            ),
        }
    }
}

impl core::error::Error for AcquireError {}
impl core::error::Error for TryAcquireError {}
