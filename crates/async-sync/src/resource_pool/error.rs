//! Why there is no resource.

use std::error::Error;
use std::fmt;

/// Why [`get`](super::ResourcePool::get) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GetError<E> {
    /// The pool was closed.
    Closed,
    /// A resource could not be created.
    Create(E),
}

/// Why [`try_get`](super::ResourcePool::try_get) failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryGetError {
    /// The pool was closed.
    Closed,
    /// No resource is idle, or others wait already.
    Empty,
}

const CLOSED: &str = "the resource pool is closed";

impl<E: fmt::Display> fmt::Display for GetError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetError::Closed => f.write_str(CLOSED),
            GetError::Create(error) => write!(f, "a resource could not be created: {error}"),
        }
    }
}

impl<E: Error + 'static> Error for GetError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            GetError::Closed => None,
            GetError::Create(error) => Some(error),
        }
    }
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryGetError::Closed => CLOSED,
            TryGetError::Empty => "no resource is idle now",
        })
    }
}

impl Error for TryGetError {}
