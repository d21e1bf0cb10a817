//! The adapter over tokio: every call goes through a stored `Handle`, so that it works from any
//! thread, and every sleep is made inside that handle's context, so that a paused clock is seen.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ::tokio::runtime::{Handle, RuntimeFlavor, TryCurrentError};
use ::tokio::task::coop;
use ::tokio::time;

use crate::{FAR_FUTURE, JoinError, JoinHandle, Spawn, Timer};

/// Spawns on a tokio runtime and keeps its time. Cheap to clone; usable from any thread.
///
/// A task that is still running when the runtime shuts down gives [`JoinError::Aborted`], and so
/// does one spawned afterwards. A tokio clock that is paused is obeyed.
///
/// # Panics
///
/// Sleeps panic if the runtime was built without `enable_time`, or has shut down.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use runtime::{Spawn, Timer, TokioRuntime};
///
/// #[tokio::main]
/// async fn main() {
///     let rt = TokioRuntime::current();
///     let task = rt.spawn({
///         let rt = rt.clone();
///         async move { rt.sleep(Duration::from_millis(1)).await }
///     });
///     rt.timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TokioRuntime {
    handle: Handle,
}

impl TokioRuntime {
    /// The runtime that this code runs in.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime. [`try_current`](Self::try_current) does not panic.
    #[track_caller]
    #[must_use]
    pub fn current() -> Self {
        match Self::try_current() {
            Ok(runtime) => runtime,
            Err(error) => {
                panic!("TokioRuntime::current called outside of a tokio runtime: {error}")
            }
        }
    }

    /// The runtime that this code runs in.
    ///
    /// # Errors
    ///
    /// tokio's error, outside of a tokio runtime.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        Handle::try_current().map(Self::from)
    }

    /// The tokio handle that this adapter uses.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl From<Handle> for TokioRuntime {
    fn from(handle: Handle) -> Self {
        Self { handle }
    }
}

impl Spawn for TokioRuntime {
    type Handle<T: Send + 'static> = TokioJoinHandle<T>;

    fn spawn<F>(&self, future: F) -> TokioJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        TokioJoinHandle {
            inner: self.handle.spawn(future),
        }
    }

    /// On tokio's blocking pool. Aborting works only until `work` begins.
    fn spawn_blocking<F, T>(&self, work: F) -> TokioJoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        TokioJoinHandle {
            inner: self.handle.spawn_blocking(work),
        }
    }
}

impl Timer for TokioRuntime {
    type Sleep = time::Sleep;

    #[inline]
    fn now(&self) -> Instant {
        match self.handle.runtime_flavor() {
            // Its clock cannot be paused (tokio panics instead), so it is the system's.
            RuntimeFlavor::MultiThread => Instant::now(),
            _ => {
                let _context = self.handle.enter();
                time::Instant::now().into_std()
            }
        }
    }

    fn sleep_until(&self, deadline: Instant) -> time::Sleep {
        let _context = self.handle.enter();
        time::sleep_until(deadline.into())
    }

    /// As the provided one, and enters the runtime once instead of twice; not at all, if it is in there.
    #[inline]
    fn sleep(&self, duration: Duration) -> time::Sleep {
        let inside = |current: Handle| current.id() == self.handle.id();
        if Handle::try_current().is_ok_and(inside) {
            return time::sleep(duration.min(FAR_FUTURE));
        }
        let _context = self.handle.enter();
        time::sleep(duration.min(FAR_FUTURE))
    }
}

/// The [`JoinHandle`] of a task on tokio.
#[derive(Debug)]
#[must_use = "dropping the handle detaches the task"]
pub struct TokioJoinHandle<T> {
    inner: ::tokio::task::JoinHandle<T>,
}

impl<T> TokioJoinHandle<T> {
    /// tokio's own handle.
    #[must_use]
    pub fn into_inner(self) -> ::tokio::task::JoinHandle<T> {
        self.inner
    }
}

impl<T> Future for TokioJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.inner)
            .poll(cx)
            .map_err(|error| match error.try_into_panic() {
                Ok(payload) => JoinError::Panicked(payload),
                Err(_cancelled) => JoinError::Aborted,
            })
    }
}

impl<T: Send> JoinHandle<T> for TokioJoinHandle<T> {
    fn abort(&self) {
        self.inner.abort();
    }

    fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }
}

/// tokio's cooperative budget around the inner poll of a `Timeout`.
///
/// A future that spends the whole budget at every poll would keep the sleep from ever being
/// looked at, because a tokio sleep without budget is always pending. `tokio::time::timeout` polls
/// its sleep outside of the budget in that case, and so do we. Outside of tokio the budget is
/// unlimited and this does nothing.
pub(crate) struct Budget {
    had_some: bool,
}

impl Budget {
    pub(crate) fn before() -> Self {
        Self {
            had_some: coop::has_budget_remaining(),
        }
    }

    pub(crate) fn poll_after<S>(self, sleep: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<()>
    where
        S: Future<Output = ()>,
    {
        if self.had_some && !coop::has_budget_remaining() {
            pin!(coop::unconstrained(sleep)).poll(cx)
        } else {
            sleep.poll(cx)
        }
    }
}
