//! The two traits that make this workspace runtime-agnostic, and their adapters.
//!
//! * [`Spawn`] starts a `Send` future as a task and gives a [`JoinHandle`], which can be awaited,
//!   aborted or dropped (the task then runs on, detached).
//! * [`Timer`] tells the time and sleeps. [`timeout`](Timer::timeout) and
//!   [`interval`](Timer::interval) come with it.
//!
//! A library takes `R: Spawn + Timer` and never names a runtime; the program chooses one:
//!
//! | feature | adapter | over |
//! |---|---|---|
//! | `tokio` | `TokioRuntime` | a tokio `Handle` |
//! | `smol` | `SmolRuntime` | smol's global executor, `async-io`, `blocking` |
//! | none | your own, see below | whatever runs futures |
//!
//! For tests there is a third adapter in the crate `mini-executor`, whose time is virtual.
//!
//! # An adapter for your own runtime
//!
//! Two small impls. [`task()`] does the work that is the same everywhere: it catches panics, obeys
//! `abort`, and carries the result to the handle, so a runtime has only to poll a
//! `Future<Output = ()>`. Here each task and each sleep has a thread of its own:
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use futures::executor::block_on;
//! use runtime::{Elapsed, JoinHandle, Spawn, TaskHandle, Timer};
//!
//! #[derive(Clone)]
//! struct Threads;
//!
//! impl Spawn for Threads {
//!     type Handle<T: Send + 'static> = TaskHandle<T>;
//!
//!     fn spawn<F>(&self, future: F) -> TaskHandle<F::Output>
//!     where
//!         F: Future + Send + 'static,
//!         F::Output: Send + 'static,
//!     {
//!         let (task, handle) = runtime::task(future);
//!         std::thread::spawn(move || block_on(task));
//!         handle
//!     }
//! }
//!
//! impl Timer for Threads {
//!     type Sleep = Sleep;
//!
//!     fn now(&self) -> Instant {
//!         Instant::now()
//!     }
//!
//!     fn sleep_until(&self, deadline: Instant) -> Sleep {
//!         let (task, handle) = runtime::task(async move {
//!             std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
//!         });
//!         std::thread::spawn(move || block_on(task));
//!         Sleep(handle)
//!     }
//! }
//!
//! struct Sleep(TaskHandle<()>);
//!
//! impl Future for Sleep {
//!     type Output = ();
//!
//!     fn poll(
//!         mut self: std::pin::Pin<&mut Self>,
//!         cx: &mut std::task::Context<'_>,
//!     ) -> std::task::Poll<()> {
//!         std::pin::Pin::new(&mut self.0).poll(cx).map(|_| ())
//!     }
//! }
//!
//! block_on(async {
//!     let rt = Threads;
//!     assert_eq!(rt.spawn(async { 6 * 7 }).await.unwrap(), 42);
//!
//!     let stuck = rt.spawn(std::future::pending::<()>());
//!     stuck.abort();
//!     assert!(stuck.await.unwrap_err().is_aborted());
//!
//!     let late = rt.timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
//!     assert_eq!(late, Err(Elapsed));
//! });
//! ```

#![forbid(unsafe_code)]

mod interval;
mod join_error;
#[cfg(feature = "smol")]
mod smol;
mod spawn;
mod task;
mod timeout;
mod timer;
#[cfg(feature = "tokio")]
mod tokio;
mod unbudgeted;

pub use self::interval::{Interval, MissedTick, Tick};
pub use self::join_error::JoinError;
#[cfg(feature = "smol")]
pub use self::smol::{SmolRuntime, SmolSleep};
pub use self::spawn::{JoinHandle, Spawn};
pub use self::task::{Task, TaskHandle, task};
pub use self::timeout::{Elapsed, Timeout};
pub use self::timer::{FAR_FUTURE, Timer, deadline_after};
#[cfg(feature = "tokio")]
pub use self::tokio::{TokioJoinHandle, TokioRuntime};
pub use self::unbudgeted::{Unbudgeted, unbudgeted};
