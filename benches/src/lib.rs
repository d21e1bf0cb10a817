//! What the benches share.
//!
//! `cargo bench` runs them, `cargo xtask bench --quick` in a hurry. Each group has a floor and the
//! peers beside ours, so compare within a group: absolute figures differ from machine to machine.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Polls a future that is ready at once.
///
/// # Panics
///
/// If it is not.
#[inline]
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => out,
        Poll::Pending => panic!("the future has to wait"),
    }
}

/// A multi-threaded tokio runtime with two workers.
///
/// # Panics
///
/// If it cannot be started.
#[must_use]
pub fn tokio_two_workers() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime starts")
}

/// The time that `tasks` tasks need for `operations` operations together, each task running
/// `operation` in a loop.
///
/// # Panics
///
/// If a task does.
pub fn shared<S, F, R>(
    runtime: &tokio::runtime::Runtime,
    state: &Arc<S>,
    tasks: u64,
    operations: u64,
    operation: F,
) -> Duration
where
    S: Send + Sync + 'static,
    F: Fn(Arc<S>, u64) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let each = operations.div_ceil(tasks);
    runtime.block_on(async {
        let start = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|_| tokio::spawn(operation(Arc::clone(state), each)))
            .collect();
        for task in running {
            task.await.expect("a task ends");
        }
        start.elapsed()
    })
}
