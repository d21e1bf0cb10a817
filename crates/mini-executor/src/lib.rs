//! A small deterministic executor for tests, like Go's `testing/synctest`.
//!
//! * **One thread, one seed.** Whenever several tasks are ready, the seed picks which one is polled
//!   next. The same seed gives the same schedule, another seed another.
//! * **Virtual time.** When every task is asleep, time jumps to the next timer. An hour's timeout
//!   takes no time, and two sleeps never end in the wrong order.
//! * **Stalls are reports, not hangs.** If every task is asleep and no timer is left, the run ends
//!   with [`Stalled`]: which tasks are stuck, where they were spawned, and what they wait for.
//! * **Leaks can be errors**, with [`Builder::fail_on_leaks`]; and so can a livelock, with
//!   [`Builder::max_polls`].
//!
//! The executor is [`Spawn`](runtime::Spawn) and [`Timer`](runtime::Timer) like any other runtime,
//! so that generic code runs on it unchanged. `sync-core`'s clock is told the virtual time as well, and
//! its `chance` the seed, so that what a `select` of ours picks is repeated too.
//!
//! # A race, found and repeated
//!
//! Two tasks add one to a counter, but do not do it atomically. Whether the second addition is
//! lost depends on the order of four polls:
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use mini_executor::MiniRuntime;
//! use runtime::Spawn;
//!
//! async fn add_one(rt: MiniRuntime, counter: Arc<AtomicU32>) {
//!     let seen = counter.load(Ordering::Relaxed);
//!     rt.yield_now().await; // stands for any await between the look and the leap
//!     counter.store(seen + 1, Ordering::Relaxed);
//! }
//!
//! async fn scenario(rt: MiniRuntime) -> u32 {
//!     let counter = Arc::new(AtomicU32::new(0));
//!     let one = rt.spawn(add_one(rt.clone(), counter.clone()));
//!     let two = rt.spawn(add_one(rt.clone(), counter.clone()));
//!     one.await.unwrap();
//!     two.await.unwrap();
//!     counter.load(Ordering::Relaxed)
//! }
//!
//! // Some schedules lose an addition, and some do not: a single run would prove little.
//! let unlucky: Vec<u64> =
//!     (0..50).filter(|&seed| mini_executor::run(seed, scenario).unwrap() == 1).collect();
//! assert!(!unlucky.is_empty() && unlucky.len() < 50);
//!
//! // An unlucky seed is unlucky every time: debug with it.
//! assert_eq!(mini_executor::run(unlucky[0], scenario).unwrap(), 1);
//! ```
//!
//! A test asserts inside of the scenario and leaves the loop to [`run_seeds`], which says the seed
//! of the run that failed:
//!
//! ```should_panic
//! # use std::sync::Arc;
//! # use std::sync::atomic::{AtomicU32, Ordering};
//! # use mini_executor::MiniRuntime;
//! # use runtime::Spawn;
//! # async fn add_one(rt: MiniRuntime, counter: Arc<AtomicU32>) {
//! #     let seen = counter.load(Ordering::Relaxed);
//! #     rt.yield_now().await;
//! #     counter.store(seen + 1, Ordering::Relaxed);
//! # }
//! # async fn scenario(rt: MiniRuntime) -> u32 {
//! #     let counter = Arc::new(AtomicU32::new(0));
//! #     let one = rt.spawn(add_one(rt.clone(), counter.clone()));
//! #     let two = rt.spawn(add_one(rt.clone(), counter.clone()));
//! #     one.await.unwrap();
//! #     two.await.unwrap();
//! #     counter.load(Ordering::Relaxed)
//! # }
//! mini_executor::run_seeds(0..200, |rt| async move {
//!     assert_eq!(scenario(rt).await, 2);
//! });
//! // stderr: mini-executor: the run panicked; seed 0 repeats it
//! ```
//!
//! # A stall
//!
//! ```
//! use mini_executor::{MiniRuntime, waiting_for};
//! use runtime::Spawn;
//!
//! let stalled = mini_executor::run(7, |rt: MiniRuntime| async move {
//!     let never = waiting_for("a message that nobody sends", std::future::pending::<()>());
//!     rt.named("consumer").spawn(never).await.unwrap();
//! })
//! .unwrap_err();
//!
//! // all tasks are asleep at 0ns of virtual time, and no timer is set
//! //   task 0 (root) from src/lib.rs:9:15, 1 poll, waits for task 1 `consumer`
//! //   task 1 `consumer` from src/lib.rs:11:26, 1 poll, waits for a message that nobody sends
//! // seed 7 repeats it
//! let report = stalled.to_string();
//! assert!(report.starts_with("all tasks are asleep"));
//! assert!(report.contains("waits for a message that nobody sends"));
//! ```

#![forbid(unsafe_code)]

mod block_on;
mod builder;
mod executor;
mod handle;
mod report;
mod shared;
mod sleep;
mod waiting;

pub use self::block_on::block_on;
pub use self::builder::{Builder, Schedule, run, run_seeds};
pub use self::handle::{Metrics, MiniJoinHandle, MiniRuntime, YieldNow};
pub use self::report::{Report, RunError, Stalled, TaskReport};
pub use self::sleep::MiniSleep;
pub use self::waiting::{WaitingFor, waiting_for};
