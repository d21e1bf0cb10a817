//! Structured groups of tasks, on any runtime.
//!
//! * [`ErrGroup`]: tasks that may fail, run on a [`runtime::Spawn`]; the
//!   first error cancels the others, or all outcomes are collected, in the order of submission.
//! * [`LocalErrGroup`]: the same inside one task, for futures that
//!   borrow.
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

#![forbid(unsafe_code)]

pub mod dispatcher;
pub mod errgroup;
pub mod schedgroup;
pub mod shutdown;
pub mod worker_pool;

#[doc(inline)]
pub use dispatcher::Dispatcher;
#[doc(inline)]
pub use errgroup::{ErrGroup, LocalErrGroup};
#[doc(inline)]
pub use schedgroup::SchedGroup;
#[doc(inline)]
pub use shutdown::Shutdown;
#[doc(inline)]
pub use worker_pool::WorkerPool;
