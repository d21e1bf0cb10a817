//! Structured groups of tasks, on any runtime.
//!
//! * [`ErrGroup`]: tasks that may fail, run on a [`runtime::Spawn`]; the
//!   first error cancels the others, or all outcomes are collected, in the order of submission.
//! * [`LocalErrGroup`]: the same inside one task, for futures that
//!   borrow.
//!
//! * [`ErrWaitGroup`](errgroup::ErrWaitGroup): counts work that is done elsewhere, and keeps its errors.
//! * [`Limiter`]: a limit that groups share, which may be nested on it.
//! * [`results`]: all of many results, the first, a quorum, the last; a concurrent map over streams, in order
//!   or as they come; hedged requests.
//! * [`retry`]: trying again, with backoff, deadlines and a shared budget.
//!
//! # What every part keeps
//!
//! * Nothing outlives the thing that owns it, unless it is detached by name.
//! * A limit is felt by whoever submits: nothing is queued without bound.
//! * A panic of a child hangs nobody and is not swallowed: the siblings are cancelled, and the
//!   panic is raised again where the group is joined, or becomes an error, as you choose.

#![forbid(unsafe_code)]

pub mod errgroup;
pub mod limiter;
pub mod results;
pub mod retry;
mod yield_now;

#[doc(inline)]
pub use errgroup::{ErrGroup, LocalErrGroup};
#[doc(inline)]
pub use limiter::Limiter;
