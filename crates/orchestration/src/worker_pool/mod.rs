//! A fixed number of workers that run whatever they are given; jobs wait in a queue.
//!
//! | I want | use |
//! |---|---|
//! | jobs run by at most *n* workers | [`WorkerPool::new`] |
//! | the submitter to wait when too many are queued | [`Builder::queue`]; the default has room for as many as there are workers |
//! | not to wait | [`try_submit`](WorkerPoolHandle::try_submit); or [`Builder::unbounded_queue`], as gammazero's pool has it |
//! | the result | [`submit_and_wait`](WorkerPoolHandle::submit_and_wait) |
//! | to wait until a batch is done | [`idle`](WorkerPoolHandle::idle) |
//! | more or fewer workers | [`set_workers`](WorkerPoolHandle::set_workers), at any time |
//! | to end in good order, or at once | [`WorkerPool::stop`], [`WorkerPool::abort`] |
//! | jobs of one type, workers with a state, no queue | [`Dispatcher`](crate::Dispatcher) |
//!
//! # What it is for
//!
//! Tasks are cheap, so a pool does not save their cost as it does for threads (though a job in a pool does
//! cost less than a task). It bounds how many run at a time, and how many wait for that. If results or errors
//! matter, an [`ErrGroup`](crate::ErrGroup) with a limit is the better choice.
//!
//! # Panics
//!
//! A job that panics takes no worker away and stops nobody. Its panic goes to who waits for its
//! result; or is told to [`Builder::on_panic`]; or else the first one is raised again by
//! [`stop`](WorkerPool::stop).
//!
//! # From Go
//!
//! | Go | here |
//! |---|---|
//! | gammazero `workerpool.New(n)` | `Builder::new(n).unbounded_queue().build(runtime)` |
//! | ivpusic `grpool.NewPool(n, queue)`, `pool.JobQueue <- f` | `Builder::new(n).queue(queue)`, `submit(f).await` |
//! | `Submit`, `SubmitWait` | `submit`, `submit_and_wait` |
//! | `Stop` (leaves out what is queued) | [`WorkerPool::abort`], which also ends what runs |
//! | `StopWait`, `Release` | [`WorkerPool::stop`] |
//! | ants `Tune`, tunny `SetSize` | `set_workers` |
//! | `WaitAll`, `Wait` | `idle` |
//!
//! # How it is built
//!
//! `crew` has the life of a worker and all the counting; this pool and the dispatcher are two ways to use it.

mod builder;
pub(crate) mod crew;
mod error;
mod pool;

pub use self::builder::Builder;
pub use self::crew::Counts;
pub(crate) use self::crew::counts_of;
pub use self::error::{JobError, Stopped, TrySubmitError};
pub use self::pool::{WorkerPool, WorkerPoolHandle};
