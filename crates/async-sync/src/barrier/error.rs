//! Why a wait at a barrier ends before all have arrived.

use core::convert::Infallible;
use core::fmt;

/// The barrier is broken: not all will arrive.
///
/// `E` is the error of the barrier's action, if it has one that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenBarrier<E = Infallible> {
    /// Another one has left, or its action failed, or the barrier was reset.
    ByOthers,
    /// This was the last to arrive, and the action that it ran for all returned this.
    ByAction(E),
}

impl<E: fmt::Display> fmt::Display for BrokenBarrier<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokenBarrier::ByOthers => f.write_str(
                "the barrier is broken: another party left, failed, or reset it; \
                 call reset to use it again",
            ),
            BrokenBarrier::ByAction(error) => write!(f, "the barrier's action failed: {error}"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for BrokenBarrier<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            BrokenBarrier::ByOthers => None,
            BrokenBarrier::ByAction(error) => Some(error),
        }
    }
}
