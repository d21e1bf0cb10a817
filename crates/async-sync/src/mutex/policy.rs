//! Who gets a mutex that is released while others wait.

use sync_core::word::Rule;

/// A policy of a [`Mutex`](super::Mutex), chosen by type: [`Adaptive`], [`Fifo`] or [`Barging`].
///
/// The trait is sealed: a policy is a promise that the lock's algorithm keeps.
pub trait Policy: sealed::Sealed + Send + Sync + 'static {
    #[doc(hidden)]
    const RULE: Rule;
    /// Whether a waiter that waits too long turns the lock starving.
    #[doc(hidden)]
    const STARVES: bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Adaptive {}
    impl Sealed for super::Fifo {}
    impl Sealed for super::Barging {}
}

/// Go's policy: throughput as long as nobody has to wait for it.
///
/// A task that asks for a free lock gets it, even past waiters: it runs, they would have to be
/// scheduled first. One waiter at a time is woken; if it loses to a newcomer it keeps its place at
/// the front. The advantage of newcomers is bounded twice:
///
/// * after 48 of them have passed the queue, the lock is handed to the head of the queue, whether
///   or not its task has been scheduled meanwhile;
/// * a waiter that loses after it has waited for more than a millisecond turns the lock *starving*:
///   every release hands it to the head, newcomers queue at the tail. The lock is back to normal
///   when its new owner was the last waiter or had waited for less than a millisecond.
///
/// (Go's mutex has the second bound only, and relies on its scheduler for the rest.)
#[derive(Clone, Copy, Debug, Default)]
pub struct Adaptive;

/// Strict order: the lock goes to the tasks in the order in which they asked.
///
/// Every release hands the lock to the head of the queue. Each acquisition under contention costs a
/// task switch, so expect a fraction of the throughput of [`Adaptive`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Fifo;

/// Newcomers may always win.
///
/// The most throughput, and no promise: a waiter may wait for as long as newcomers keep coming.
/// Only a waiter that has been told to try and got no chance for a millisecond is handed the lock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Barging;

impl Policy for Adaptive {
    // One under a model checker, so that the bound is reached.
    const RULE: Rule = Rule {
        fifo: false,
        barges: if cfg!(any(loom, shuttle)) { 1 } else { 48 },
    };
    const STARVES: bool = true;
}

impl Policy for Fifo {
    const RULE: Rule = Rule {
        fifo: true,
        barges: 0,
    };
    const STARVES: bool = false;
}

impl Policy for Barging {
    const RULE: Rule = Rule {
        fifo: false,
        barges: 0,
    };
    const STARVES: bool = false;
}
