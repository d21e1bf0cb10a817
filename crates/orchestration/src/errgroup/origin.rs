//! Where a task came from, to be told with its error.

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// Where a task came from: the line that submitted it, and its name if it was given one.
///
/// It displays as `fetch (src/main.rs:12:9)`, or the place alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub(super) name: Option<Box<str>>,
    pub(super) location: &'static Location<'static>,
}

impl Origin {
    #[track_caller]
    pub(super) fn caller() -> Self {
        Self {
            name: None,
            location: Location::caller(),
        }
    }

    pub(super) fn named(self, name: Box<str>) -> Self {
        Self {
            name: Some(name),
            ..self
        }
    }

    /// The name that [`spawn_named`](super::ErrGroupHandle::spawn_named) was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The line that submitted the task, or failed the group from outside.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.location),
            None => self.location.fmt(f),
        }
    }
}

/// The error of a task, with where the task came from.
///
/// It displays as `task #1 fetch (src/main.rs:12:9): no luck`. The error itself is its
/// [`source`](Error::source).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskError<E> {
    /// The task's place in the order of submission, counted from zero.
    pub place: usize,
    /// Where the task came from.
    pub origin: Origin,
    /// The error.
    pub error: E,
}

impl<E: fmt::Display> fmt::Display for TaskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task #{} ", self.place)?;
        match self.origin.name() {
            Some(_) => self.origin.fmt(f),
            None => write!(f, "({})", self.origin),
        }?;
        write!(f, ": {}", self.error)
    }
}

impl<E: Error + 'static> Error for TaskError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
