//! Why something was refused.

use core::error::Error;
use core::fmt;

/// Why [`OnceCell::set`](super::OnceCell::set) refused a value, which comes back in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SetError<T> {
    /// The cell has a value.
    AlreadySet(T),
    /// The cell has no value, and an initialiser is running, or about to.
    InProgress(T),
}

impl<T> SetError<T> {
    /// The value that was refused.
    pub fn into_inner(self) -> T {
        match self {
            SetError::AlreadySet(value) | SetError::InProgress(value) => value,
        }
    }

    /// Whether the cell has a value.
    #[must_use]
    pub fn is_already_set(&self) -> bool {
        matches!(self, SetError::AlreadySet(_))
    }

    /// Whether an initialiser is running.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        matches!(self, SetError::InProgress(_))
    }
}

// Without the value, so that every value's error is an error.
impl<T> fmt::Debug for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::AlreadySet(_) => "AlreadySet(..)",
            SetError::InProgress(_) => "InProgress(..)",
        })
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::AlreadySet(_) => "the cell has a value already",
            SetError::InProgress(_) => "the cell is being initialised",
        })
    }
}

impl<T> Error for SetError<T> {}

/// [`Once::reset`](super::Once::reset) was refused: it is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InProgress;

impl fmt::Display for InProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is being done")
    }
}

impl Error for InProgress {}
