//! How a pipeline fails, and what it tells when it did not.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use async_sync::context::Cause;

use super::Metrics;
use crate::errgroup::Panic;

/// What a stage failed with, and which stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageError<E> {
    /// The stage's name.
    pub stage: Arc<str>,
    /// What it returned.
    pub error: E,
}

impl<E: fmt::Display> fmt::Display for StageError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage `{}`: {}", self.stage, self.error)
    }
}

impl<E: StdError + 'static> StdError for StageError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}

/// Why a pipeline ended before its source did. Nothing of it runs any more when this is returned.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// A stage under [`OnError::Stop`](super::OnError::Stop) failed: the first to do so.
    Stage(StageError<E>),
    /// Its context was cancelled, or [`Control::cancel`](super::Control::cancel) called.
    Cancelled(Cause),
    /// Whoever was to take its results was gone.
    Closed,
    /// A stage panicked, in a pipeline that has [panics as errors](super::Pipeline::panics_as_errors).
    Panicked {
        /// The stage's name.
        stage: Arc<str>,
        /// What it panicked with.
        panic: Panic,
    },
}

impl<E> Error<E> {
    /// The error that a stage returned, if that is why.
    pub fn into_stage_error(self) -> Option<E> {
        match self {
            Error::Stage(failed) => Some(failed.error),
            Error::Cancelled(_) | Error::Closed | Error::Panicked { .. } => None,
        }
    }

    /// Whether it was cancelled from outside.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Error::Cancelled(_))
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Stage(failed) => failed.fmt(f),
            Error::Cancelled(cause) => cause.fmt(f),
            Error::Closed => f.write_str("nobody takes the results of the pipeline any more"),
            Error::Panicked { stage, panic } => write!(f, "stage `{stage}`: {panic}"),
        }
    }
}

impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Stage(failed) => Some(&failed.error),
            Error::Panicked { panic, .. } => Some(panic),
            Error::Cancelled(_) | Error::Closed => None,
        }
    }
}

/// What a pipeline that has come to its end tells.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report<E> {
    /// What stages under [`OnError::Collect`](super::OnError::Collect) failed with, as it happened.
    pub errors: Vec<StageError<E>>,
    /// The last figures.
    pub metrics: Metrics,
    /// Whether it was [stopped](super::Control::stop) before its source had ended.
    pub stopped: bool,
}
