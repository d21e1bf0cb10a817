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
//! # Example
//!
//! ```
//! use conformance::explorer::sets::mutex::{Lock, MutexSet, Order};
//! use conformance::explorer::{Actor, Bounds, Explorer, replay};
//!
//! struct Ours(async_sync::Mutex<u64>);
//!
//! impl Lock for Ours {
//!     type Guard<'a> = async_sync::mutex::MutexGuard<'a, u64>;
//!
//!     fn new(value: u64) -> Self {
//!         Ours(async_sync::Mutex::new(value))
//!     }
//!     fn lock(&self) -> impl Future<Output = Self::Guard<'_>> {
//!         self.0.lock()
//!     }
//!     fn try_lock(&self) -> Option<Self::Guard<'_>> {
//!         self.0.try_lock()
//!     }
//! }
//!
//! let two = MutexSet::<Ours>::new(Actor::each_alone(2), Order::Queue);
//! let report = Explorer::new(9).check("two futures", &two);
//! assert_eq!(report.schedules, 12); // there are no more: it got to the end before depth 9
//!
//! // One stops being polled while it is first in line. As nobody comes later, the third waits.
//! let parks = Bounds { parks: 1, ..Bounds::NONE };
//! let three = MutexSet::<Ours>::new(Actor::each_alone(3), Order::Queue).bounds(parks);
//! let failure = Explorer::new(9).explore(&three).unwrap_err();
//! assert_eq!(failure.trace, "poll0 poll1 park1 poll2");
//! assert!(replay(&three, &failure.trace).broken.is_some());
//! println!("{failure}"); // step by step
//! ```
//!
//! # How far
//!
//! What is left out *and* loses something is bounded by number, in [`Bounds`] and in the depth, and
//! a [`Report`] says how far it went: it is never called exhaustive when it was cut short.
//! `EXPLORER_DEPTH=2 cargo test --release -p conformance --test explorer_mutex -- --nocapture` goes two
//! steps further than usual and prints the reports.

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
pub use scenario::{Actor, Bounds, Operation, Plan, Scenario, Waits};
pub use search::{Explorer, extra_depth, replay};
pub use world::{Boxed, Stage, World};
