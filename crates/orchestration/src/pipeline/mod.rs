//! Pipelines: named stages that work side by side, with queues between them.
//!
//! ```text
//! source --[queue]--> stage x4 --[queue]--> stage --[queue]--> whoever takes the results
//! ```
//!
//! * **Back-pressure.** Each stage takes more only if there is room behind it. The slowest stage sets the
//!   pace, and what is in memory is bounded.
//! * **Errors and cancellation travel both ways.** A stage that fails, panics or is cancelled ends all
//!   stages; a consumer that goes away ends them from the back; a source that ends, or is
//!   [stopped](Control::stop), lets them drain from the front.
//! * **Structured.** When a pipeline is said to have ended nothing of it runs any more. Dropping it aborts
//!   it.
//! * **Cheap per item.** Items that are quick are worked on many at a time, and then a hop costs some
//!   nanoseconds; items that are slow go one by one, each to whoever is free.
//! * **It tells where it stands.** Each stage counts, without contention; [`Metrics`] draws the
//!   stages, marks the bottleneck and gives the figures.
//!
//! | I want a stage that | use |
//! |---|---|
//! | awaits something for each item, and may fail | [`stage`](Pipeline::stage) |
//! | computes something small | [`map`](Pipeline::map), [`try_map`](Pipeline::try_map) |
//! | blocks, or computes for long: on the runtime's threads for that | [`blocking`](Pipeline::blocking), [`blocking_with`](Pipeline::blocking_with) a token |
//! | puts items together, or takes them apart | [`batch`](Pipeline::batch), [`batch_within`](Pipeline::batch_within), [`flatten`](Pipeline::flatten) |
//!
//! What follows a stage is about that stage: [`concurrency`](Pipeline::concurrency),
//! [`buffer`](Pipeline::buffer), [`unordered`](Pipeline::unordered), [`on_error`](Pipeline::on_error),
//! [`retry`](Pipeline::retry).
//!
//! # How it differs
//!
//! * **From `buffered` and its like**, of `futures`: what a stage has begun runs on while you are busy with
//!   a result, since its workers are tasks. There, futures in the buffer stand still meanwhile: their
//!   timeouts pass, their connections are closed, and one that holds a lock holds it (a deadlock, if your
//!   code wants that lock).
//! * **From a chain of channels**: an error ends the whole, and arrives; nobody is left waiting for a
//!   channel that nobody closes; nothing is queued without bound; and a hop is cheaper, since items go
//!   many at a time where they are quick.
//! * **From a pool of workers**: order is kept unless you say otherwise, without waiting for a whole batch.
//!
//! # From Go
//!
//! | Go | here |
//! |---|---|
//! | a channel, a goroutine that ranges over it and closes the next one | a stage |
//! | *n* of them, a `WaitGroup`, somebody who closes the output after it | `.concurrency(n).unordered()` |
//! | `select { case out <- x: case <-ctx.Done(): }` at every send | nothing: a context cancels each wait |
//! | `g.Wait()`, and then reading the results again for the error | `run`, `collect`, `for_each` give one or the other |
//! | a counter, and "the last one out closes the shop" | nothing: a stage's output ends with its last worker |
//!
//! # Examples
//!
//! Get the friends of a few users, three requests at a time, in order; a failed request is tried again
//! once, then left out:
//!
//! ```
//! use std::io;
//!
//! use orchestration::pipeline::{OnError, Pipeline};
//! use runtime::TokioRuntime;
//!
//! async fn name_of(id: u32) -> io::Result<String> {
//!     match id % 5 {
//!         0 => Err(io::Error::other("no such user")),
//!         _ => Ok(format!("user {id}")),
//!     }
//! }
//!
//! # #[tokio::main] async fn main() -> Result<(), orchestration::pipeline::Error<io::Error>> {
//! let (names, report) = Pipeline::from_iter("ids", 1..=7)
//!     .stage("fetch", name_of)
//!     .concurrency(3)
//!     .retry(|_error, failed| (failed < 2).then(|| std::future::ready(())))
//!     .on_error(OnError::Collect)
//!     .map("shout", |name: String| name.to_uppercase())
//!     .collect(TokioRuntime::current())
//!     .await?;
//! assert_eq!(names, ["USER 1", "USER 2", "USER 3", "USER 4", "USER 6", "USER 7"]);
//! assert_eq!(report.errors[0].to_string(), "stage `fetch`: no such user");
//! assert_eq!(report.metrics.stage("fetch").unwrap().retries, 1);
//! # Ok(()) }
//! ```

mod batch;
mod builder;
mod control;
mod ends;
mod error;
mod link;
mod metrics;
mod op;
mod picture;
mod run;
mod source;
mod stage;
mod worker;

pub use self::batch::{Batched, Endless, Flattened, Within};
pub use self::builder::Pipeline;
pub use self::control::Control;
pub use self::error::{Error, Report, StageError};
pub use self::metrics::StageMetrics;
pub use self::op::{Again, Async, Blocking, BlockingWith, Plain, Total};
pub use self::picture::Metrics;
pub use self::run::Running;
pub use self::source::{BlockingIter, FromStream, Iter};
pub use self::stage::Staged;

use builder::Settings;

/// What becomes of an item that a stage fails with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnError {
    /// The pipeline ends with that error.
    #[default]
    Stop,
    /// It is left out, and counted.
    Skip,
    /// It is left out, and the error is in the [`Report`] at the end. All of them are kept until then.
    Collect,
}
