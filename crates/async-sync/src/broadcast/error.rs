//! Why a receiver got no item.

use core::fmt;

/// Why [`recv`](super::Receiver::recv) returned no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecvError {
    /// So many items were missed. The next call returns the oldest that is left.
    Lagged(u64),
    /// There will be none.
    Closed,
}

/// Why [`try_recv`](super::Receiver::try_recv) returned no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryRecvError {
    /// None is there now.
    Empty,
    /// So many items were missed. The next call returns the oldest that is left.
    Lagged(u64),
    /// There will be none.
    Closed,
}

/// So many items were missed: what a stream of items has in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lagged(pub u64);

impl From<RecvError> for TryRecvError {
    fn from(error: RecvError) -> Self {
        match error {
            RecvError::Lagged(missed) => TryRecvError::Lagged(missed),
            RecvError::Closed => TryRecvError::Closed,
        }
    }
}

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} items were missed", self.0)
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Lagged(missed) => Lagged(*missed).fmt(f),
            RecvError::Closed => f.write_str("the channel is closed"),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryRecvError::Empty => f.write_str("there is no item yet"),
            TryRecvError::Lagged(missed) => Lagged(*missed).fmt(f),
            TryRecvError::Closed => RecvError::Closed.fmt(f),
        }
    }
}

impl core::error::Error for Lagged {}
impl core::error::Error for RecvError {}
impl core::error::Error for TryRecvError {}
