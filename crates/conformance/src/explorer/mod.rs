//! Every order in which a few futures can be polled, woken, cancelled and left alone.
//!
//! A [`Scenario`] says what there is: one object, a few futures that wait for it, and operations
//! that others do meanwhile. The explorer runs *every* sequence of steps up to a depth, on one
//! thread, in virtual time, and looks after each step whether the promises are kept.
//!
//! # Steps
//!
//! ```text
//! poll0      future 0 is polled: for the first time, or because it was woken
//! spurious0  future 0 is polled although nobody woke it
//! rewake0    future 0 is polled with a waker that it has not seen yet
//! drop0      future 0 is cancelled
//! park0      future 0 is never polled again, and not dropped either (as by `mem::forget`)
//! release0   what future 0 returned is dropped; higher numbers are what operations have kept
//! time       time passes, more than the millisecond after which a baton is stale
//! try_lock   an operation of the scenario, by its name
//! ```
//!
//! # Algorithm
//!
//! ```text
//! for depth in 0, 1, 2, ...
//!     depth first: for every sequence of `depth` steps that are possible one after the other
//!         make a new object and its futures; do the steps, check after each
//!         end it: give back all that is held, poll exactly what is woken until nothing is,
//!                 and require that every future has completed, that the object is as new,
//!                 and that no clone of a waker is left
//! ```
//!
//! States are not stored; a sequence is replayed from the start, so nothing has to be cloneable or
//! comparable. Since shorter sequences come first, the first failure is a shortest one, and since
//! each prefix is ended in a round of its own, none hides behind what could happen later. The trace
//! of a failure is a line of the steps above, which [`replay`] runs again and explains.
//!
//! # What is left out, and why that loses nothing
//!
//! * Of identical futures that were never polled, the first is polled first. Name the others
//!   differently and every other order is one that was run.
//! * Of things that are held and [alike](Scenario::held_are_alike), the first is released.
//! * Futures that were never polled are not dropped before the end. They must not have had an effect.
//! * With a [fingerprint](Scenario::fingerprint), a state that was seen with as many steps to go is
//!   not explored again. That is as sound as the fingerprint; the counts say how often it happened.
//!
//! What is left out *and* loses something is bounded by number, in [`Bounds`] and in the depth, and
//! a [`Report`] says how far it went: it is never called exhaustive when it was cut short.

mod action;
mod clock;
mod ending;
pub mod order;
mod report;
mod run;
mod scenario;
mod search;
pub mod sets;
mod task;
mod world;

pub use report::{Extent, Failure, Replay, Report};
pub use scenario::{Actor, Bounds, Operation, Scenario, Waits};
pub use search::{Explorer, extra_depth, replay};
pub use world::{Boxed, Stage, World};
