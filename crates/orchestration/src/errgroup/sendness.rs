//! Whether the tasks of a local group are `Send`, as a type, and what they are stored as.

use futures_core::future::{BoxFuture, LocalBoxFuture};

use crate::Limiter;

/// Tasks that need not be `Send`: then the group is not `Send` either. See [`LocalErrGroup`](super::LocalErrGroup).
#[derive(Debug)]
pub enum ThreadBound {}

/// Tasks that are `Send`: then the group is `Send` too. See [`LocalErrGroup`](super::LocalErrGroup).
#[derive(Debug)]
pub enum SendTasks {}

/// Whether the tasks of a [`LocalErrGroup`](super::LocalErrGroup) are `Send`: [`ThreadBound`] or [`SendTasks`].
///
/// Sealed: it cannot be implemented outside of this crate.
pub trait Sendness<'a, R>: sealed::Sealed {
    /// A task in a box.
    type Boxed: Future<Output = R> + Unpin;
}

/// That a task of type `F` fits into a group of this [`Sendness`].
pub trait Accepts<'a, F: Future>: Sendness<'a, F::Output> {
    /// Puts the task into a box.
    fn boxed(future: F) -> Self::Boxed;

    /// Puts the task into a box, to run in a slot of the limiter.
    #[doc(hidden)]
    fn boxed_in(limiter: &Limiter, future: F) -> Self::Boxed;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ThreadBound {}
    impl Sealed for super::SendTasks {}
}

impl<'a, R: 'a> Sendness<'a, R> for ThreadBound {
    type Boxed = LocalBoxFuture<'a, R>;
}

impl<'a, R: 'a> Sendness<'a, R> for SendTasks {
    type Boxed = BoxFuture<'a, R>;
}

impl<'a, F: Future<Output: 'a> + 'a> Accepts<'a, F> for ThreadBound {
    fn boxed(future: F) -> Self::Boxed {
        Box::pin(future)
    }

    fn boxed_in(limiter: &Limiter, future: F) -> Self::Boxed {
        Box::pin(limiter.run(future))
    }
}

impl<'a, F: Future<Output: 'a> + Send + 'a> Accepts<'a, F> for SendTasks {
    fn boxed(future: F) -> Self::Boxed {
        Box::pin(future)
    }

    fn boxed_in(limiter: &Limiter, future: F) -> Self::Boxed {
        Box::pin(limiter.run(future))
    }
}
