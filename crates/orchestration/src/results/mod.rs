//! Futures that are run for their results.
//!
//! | I want | use | in Go |
//! |---|---|---|
//! | all of them, in order | [`Results::all`], [`Results::try_all`] | gollback and Hunch `All` |
//! | the first that succeeds | [`Results::race`] | gollback `Race` |
//! | the first n that succeed, whatever fails: a quorum | [`Results::any_n`] | |
//! | the first n, the last n | [`Results::take`], [`Results::last`] | Hunch `Take`, `Last` |
//! | all of them, as they come: a stream | [`Map::unordered`] | |
//! | one after the other | [`Waterfall`] | Hunch `Waterfall` |
//! | to ask again when the answer is late | [`Hedge`] | |
//! | to ask again when it failed | [`retry`](crate::retry) | gollback and Hunch `Retry` |
//! | a function called for each of many items, a stream of the outputs | [`Map`] | a pool of workers between two channels |
//! | tasks that come one by one, and the first error | [`errgroup`](crate::errgroup) | `errgroup` |
//!
//! Each runs its futures inside the task that waits, where they may borrow, or in tasks of their own on a
//! [`runtime::Spawn`].
//!
//! # In a context
//!
//! What is run in a context ends with it: `context.run(Results::here().race(...))`. The futures are
//! dropped before that returns; tasks are aborted.
//!
//! # How it is built
//!
//! ```text
//! Results, Hedge -> Contest { FuturesUnordered of Running } <- Place: Here | On<S>
//! Map -> InFlight { ring of slots, Bells }         in the task that polls
//!    '-> OnTasks <- Crew -> tasks that take batches   on a runtime
//! ```

mod bells;
mod contest;
mod crew;
mod group;
mod hedge;
mod in_flight;
mod map;
mod not_enough;
mod on_tasks;
mod order;
mod place;
mod waterfall;

pub use self::group::Results;
pub use self::hedge::Hedge;
pub use self::in_flight::{InFlight, Ordered, Unordered};
pub use self::map::Map;
pub use self::not_enough::NotEnough;
pub use self::on_tasks::OnTasks;
pub use self::order::{AsTheyCome, InOrder, Order};
pub use self::place::{Here, On, Place};
pub use self::waterfall::Waterfall;
