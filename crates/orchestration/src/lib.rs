//! Structured concurrency on any runtime: groups of tasks, results of many futures, retries, pipelines,
//! patterns over streams, scheduled jobs, worker pools, shutdown.
//!
//! | I want | use |
//! |---|---|
//! | to run tasks that may fail, and learn of the first failure | [`ErrGroup`] |
//! | the same inside one task, for futures that borrow | [`LocalErrGroup`] |
//! | stages that work side by side, with queues between them | [`Pipeline`] |
//! | whichever of many futures is done first | [`or_done`](or_done()) |
//! | many streams as one, that come and go | [`fan_in`](fan_in()), [`FanIn`] |
//! | one stream for many: to each, or shared out | [`FanOut`], [`tee`](tee()) |
//! | a stream of streams as one, in order | [`bridge`](bridge()), [`bridge_channels`] |
//! | Go's stages of streams | [`Stages`] |
//! | to count work that is done elsewhere, and keep its errors | [`ErrWaitGroup`](errgroup::ErrWaitGroup) |
//! | one limit for several groups, also nested ones | [`Limiter`] |
//! | all of many results, the first, a quorum, the last; a concurrent map; hedged requests | [`results`] |
//! | to try again, with backoff, deadlines and a shared budget | [`retry`] |
//!
//! * [`SchedGroup`]: jobs that are done at a given time, once or again and again, by one timer.
//! * [`WorkerPool`]: a number of workers, and a queue of jobs of any type.
//! * [`Dispatcher`]: jobs of one type, handed to workers that are idle.
//! * [`Shutdown`]: ending a service in two phases, in time, with a report of who was late.
//!
//! # What every part keeps
//!
//! * Nothing outlives the thing that owns it, unless it is detached by name.
//! * A limit is felt by whoever submits: nothing is queued without bound.
//! * A panic of a child hangs nobody and is not swallowed: the siblings are cancelled, and the
//!   panic is raised again where the group is joined, or becomes an error, as you choose.
//!
//! # Features
//!
//! * `tracing`: figures of pipelines as events of that crate.
//! * `signal`: `Shutdown::on_signals`, on unix.

#![forbid(unsafe_code)]

mod bridge;
mod caught;
pub mod dispatcher;
pub mod errgroup;
pub mod fan_in;
pub mod fan_out;
pub mod limiter;
mod or_done;
pub mod pipeline;
pub mod results;
pub mod retry;
pub mod schedgroup;
pub mod shutdown;
pub mod streams;
mod tee;
pub mod worker_pool;
mod yield_now;

#[doc(inline)]
pub use bridge::{Bridge, BridgeChannels, bridge, bridge_channels};
#[doc(inline)]
pub use dispatcher::Dispatcher;
#[doc(inline)]
pub use errgroup::{ErrGroup, LocalErrGroup};
#[doc(inline)]
pub use fan_in::{FanIn, fan_in};
#[doc(inline)]
pub use fan_out::FanOut;
#[doc(inline)]
pub use limiter::Limiter;
#[doc(inline)]
pub use or_done::{OrDone, or_done};
#[doc(inline)]
pub use pipeline::Pipeline;
#[doc(inline)]
pub use schedgroup::SchedGroup;
#[doc(inline)]
pub use shutdown::Shutdown;
#[doc(inline)]
pub use streams::Stages;
#[doc(inline)]
pub use tee::tee;
#[doc(inline)]
pub use worker_pool::WorkerPool;
