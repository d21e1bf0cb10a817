//! Scenarios written once, run on every runtime.
//!
//! A scenario is an asynchronous function over any [`Runtime`] that panics when a promise is
//! broken. [`on_every_runtime!`](crate::on_every_runtime) makes four tests of each: on the
//! deterministic executor under many seeds, in virtual time, where a scenario that hangs is
//! reported at once with the list of what everybody waits for; on tokio with one thread and with
//! two; and on smol.
//!
//! [`peers`] puts other crates' types beside ours behind one trait each; [`promises`] measures what
//! all of them keep, and the program of that name writes `docs/conformance.md`.
//!
//! The numbers S1, S7, ... are those of the list of scenarios in the workspace's specification.
// Only the hostile wakers and the counting allocator of `promises` may.
#![deny(unsafe_code)]

pub mod explorer;
pub mod peers;
pub mod promises;
pub mod run;
pub mod scenarios;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::{Spawn, Timer};

/// What a scenario runs on.
pub trait Runtime: Spawn + Timer {}

impl<R: Spawn + Timer> Runtime for R {}

/// Runs all of `tasks` side by side, each in a task of its own, and returns what they return.
///
/// # Panics
///
/// If one of them does.
pub async fn all<R: Runtime, F>(rt: &R, tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let handles: Vec<_> = tasks.into_iter().map(|task| rt.spawn(task)).collect();
    let mut outputs = Vec::new();
    for handle in handles {
        outputs.push(handle.await.expect("a task of the scenario panicked"));
    }
    outputs
}

/// Awaits `future`, and counts it in `waiting` once it has been polled in vain.
///
/// So a scenario can tell that somebody has queued, of a type that does not say it.
pub async fn counted_in<F: Future>(waiting: &AtomicUsize, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut counted = false;
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() && !std::mem::replace(&mut counted, true) {
            waiting.fetch_add(1, Ordering::SeqCst);
        }
        polled
    })
    .await
}

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not within a minute of the runtime's time.
pub async fn until<R: Runtime>(rt: &R, condition: impl Fn() -> bool) {
    let deadline = rt.now() + Duration::from_secs(60);
    while !condition() {
        assert!(rt.now() < deadline, "waited a minute for a condition");
        rt.sleep(Duration::from_millis(1)).await;
    }
}
