//! The adapter over smol: its global executor, the timers of `async-io`, the pool of `blocking`.
//!
//! smol cancels a task when its handle is dropped, panics into whoever awaits it, and aborts the
//! process when a cancelled future's destructor panics. Ours differs in all three, so a task is
//! wrapped by `task()` and smol's own handle is detached at once.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::{FAR_FUTURE, Spawn, TaskHandle, Timer, task};

/// Spawns on smol's global executor and keeps real time.
///
/// The executor starts itself at the first spawn, with one thread or as many as the environment
/// variable `SMOL_THREADS` says, and is never shut down.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use runtime::{SmolRuntime, Spawn, Timer};
///
/// let rt = SmolRuntime::new();
/// let answer = futures::executor::block_on(async {
///     let task = rt.spawn(async move {
///         rt.sleep(Duration::from_millis(1)).await;
///         6 * 7
///     });
///     rt.timeout(Duration::from_secs(5), task).await.unwrap().unwrap()
/// });
/// assert_eq!(answer, 42);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SmolRuntime;

impl SmolRuntime {
    /// The adapter. Starts nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Spawn for SmolRuntime {
    type Handle<T: Send + 'static> = TaskHandle<T>;

    fn spawn<F>(&self, future: F) -> TaskHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = task(future);
        ::smol::spawn(task).detach();
        handle
    }

    /// On the thread pool of the crate `blocking`. Aborting works only until `work` begins.
    fn spawn_blocking<F, T>(&self, work: F) -> TaskHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (task, handle) = task(async move { work() });
        // The task never waits: its one poll runs `work`, or sees that it was aborted before.
        ::smol::unblock(move || ::smol::future::block_on(task)).detach();
        handle
    }
}

impl Timer for SmolRuntime {
    type Sleep = SmolSleep;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, deadline: Instant) -> SmolSleep {
        // The reactor hands its nearest deadline to the system, and some refuse a huge one.
        let never = deadline.saturating_duration_since(Instant::now()) > FAR_FUTURE;
        let timer = if never {
            ::smol::Timer::never()
        } else {
            ::smol::Timer::at(deadline)
        };
        SmolSleep { timer }
    }
}

/// A sleep on the timers of `async-io`. A deadline beyond [`FAR_FUTURE`] never comes.
///
/// # Cancel safety
///
/// Dropping it before it completes has no effect.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct SmolSleep {
    timer: ::smol::Timer,
}

impl Future for SmolSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.timer).poll(cx).map(|_| ())
    }
}
