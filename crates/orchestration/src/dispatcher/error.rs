//! Why a job was not handed to a worker. It comes back.

use std::error::Error;
use std::fmt;

use crate::worker_pool::Stopped;

/// `dispatch` was refused, because the workers have stopped. Here is the job.
pub struct DispatchError<J>(
    /// The job.
    pub J,
);

impl<J> DispatchError<J> {
    /// The job.
    pub fn into_inner(self) -> J {
        self.0
    }
}

impl<J> fmt::Debug for DispatchError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DispatchError").finish_non_exhaustive()
    }
}

impl<J> fmt::Display for DispatchError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Stopped.fmt(f)
    }
}

impl<J> Error for DispatchError<J> {}

/// `try_dispatch` was refused. Here is the job.
pub enum TryDispatchError<J> {
    /// All workers are busy, or others wait for one.
    Busy(J),
    /// The workers have stopped.
    Stopped(J),
}

impl<J> TryDispatchError<J> {
    /// The job.
    pub fn into_inner(self) -> J {
        match self {
            Self::Busy(job) | Self::Stopped(job) => job,
        }
    }

    /// Whether no worker was idle: trying again later can succeed.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}

impl<J> fmt::Debug for TryDispatchError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy(_) => "Busy(..)",
            Self::Stopped(_) => "Stopped(..)",
        })
    }
}

impl<J> fmt::Display for TryDispatchError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(_) => f.write_str("no worker is idle"),
            Self::Stopped(_) => Stopped.fmt(f),
        }
    }
}

impl<J> Error for TryDispatchError<J> {}
