//! Why a job was refused, or has no result.

use std::error::Error;
use std::fmt;

use crate::errgroup::Panic;

/// The pool was stopped, aborted or dropped, or its context was cancelled. What was submitted has been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the workers have stopped and take no more jobs")
    }
}

impl Error for Stopped {}

/// `try_submit` was refused.
pub enum TrySubmitError<F> {
    /// There is no room in the queue. Here is the job.
    Full(F),
    /// See [`Stopped`].
    Stopped,
}

impl<F> TrySubmitError<F> {
    /// Whether there was no room: trying again later can succeed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// The job, if there was no room.
    pub fn into_inner(self) -> Option<F> {
        match self {
            Self::Full(job) => Some(job),
            Self::Stopped => None,
        }
    }
}

impl<F> fmt::Debug for TrySubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Stopped => "Stopped",
        })
    }
}

impl<F> fmt::Display for TrySubmitError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("there is no room in the queue"),
            Self::Stopped => Stopped.fmt(f),
        }
    }
}

impl<F> Error for TrySubmitError<F> {}

/// Why a job has no result.
#[derive(Debug)]
pub enum JobError {
    /// It was not run. See [`Stopped`].
    Stopped,
    /// It was dropped before it ended: the workers were aborted, or cut off before its turn.
    Aborted,
    /// It has panicked.
    Panicked(Panic),
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => Stopped.fmt(f),
            Self::Aborted => f.write_str("the job was dropped before it ended"),
            Self::Panicked(panic) => panic.fmt(f),
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Panicked(panic) => Some(panic),
            Self::Stopped | Self::Aborted => None,
        }
    }
}
