//! What the last to arrive does for all.

use core::convert::Infallible;

/// What the last to arrive does for all, before anybody is released.
///
/// Implemented for functions without arguments that return a `Result<(), E>`, see
/// [`Barrier::with_action`](super::Barrier::with_action), and for [`NoAction`].
pub trait Action {
    /// Why it can fail.
    type Error;

    /// Whether there is anything to do.
    const ACTS: bool;

    /// Does it.
    ///
    /// # Errors
    ///
    /// If it fails. The barrier is broken then.
    fn run(&self) -> Result<(), Self::Error>;
}

/// The action of a barrier that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoAction;

impl Action for NoAction {
    type Error = Infallible;
    const ACTS: bool = false;

    fn run(&self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl<F, E> Action for F
where
    F: Fn() -> Result<(), E>,
{
    type Error = E;
    const ACTS: bool = true;

    fn run(&self) -> Result<(), E> {
        self()
    }
}
