//! The handle to a spawned group: what can be asked of it and done to it from anywhere. How tasks are
//! submitted by it stands in `submit`.

use std::fmt;
use std::sync::Arc;

use async_sync::context::{Cause, OnCancel};
use async_sync::{Context, Semaphore};
use runtime::Spawn;

use super::shared::Shared;
use super::{CancelToken, Origin};

/// Submits tasks to an [`ErrGroup`](super::ErrGroup). Clones submit to the same group.
///
/// A handle does not keep the group going: once the owner is gone, every submission is refused.
pub struct ErrGroupHandle<S: Spawn, T, E> {
    pub(super) shared: Arc<Shared<S, T, E>>,
}

impl<S: Spawn, T, E> ErrGroupHandle<S, T, E> {
    /// A handle to the same group.
    #[must_use]
    pub fn handle(&self) -> Self {
        self.clone()
    }

    /// The token of this group, which tells its tasks to stop.
    ///
    /// It is cancelled by a failure (if the policy is not `None`), when the group is dropped or
    /// shut down, and when a `wait` or `join` has seen the last task end; what is submitted after
    /// that `wait` gets a new one. Cancelling it yourself only tells the tasks; to stop the group
    /// from outside there is [`fail`](Self::fail).
    #[must_use]
    pub fn token(&self) -> CancelToken {
        self.shared.token()
    }

    /// The number of tasks that have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.shared.running()
    }

    /// Whether the group takes no more tasks. It never takes any again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped()
    }

    /// The number of tasks that may be submitted and not ended, if it is limited.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.shared.limit()
    }

    /// Changes the limit. Raised, it lets those who wait for their turn submit at once. Lowered, it stops
    /// no task: it holds as soon as enough have ended.
    ///
    /// # Panics
    ///
    /// If `limit` is zero, or the group was made without a limit: then its tasks were not counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::errgroup::{Builder, ErrGroup};
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let group: ErrGroup<_, (), ()> = Builder::new().limit(1).spawned(TokioRuntime::current());
    /// group.try_spawn(std::future::pending()).unwrap();
    /// assert!(group.try_spawn(std::future::pending()).is_err());
    /// group.set_limit(2);
    /// assert!(group.try_spawn(std::future::pending()).is_ok());
    /// # }
    /// ```
    #[track_caller]
    #[doc(alias = "SetLimit")]
    pub fn set_limit(&self, limit: usize) {
        assert!(limit > 0, "ErrGroup: a limit of 0 would run no task at all");
        let slots = self.shared.slots();
        slots
            .expect("ErrGroup: a group that was made without a limit cannot be given one")
            .set_limit(limit.min(Semaphore::MAX_PERMITS));
    }

    /// Fails the group from outside, exactly as if one more task had ended with `error`.
    ///
    /// This is how a parent's cancellation, a deadline or Ctrl-C enters a group: under
    /// [`CancelPolicy::Abort`](super::CancelPolicy::Abort) it drops the tasks, under `Signal` it
    /// tells them, and joining gives `error` unless another came first.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::ErrGroup;
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let group: ErrGroup<_, (), &str> = ErrGroup::new(TokioRuntime::current());
    /// group.spawn(std::future::pending()).await.unwrap();
    /// group.fail("interrupted");
    /// assert_eq!(group.join().await, Err("interrupted"));
    /// # }
    /// ```
    #[track_caller]
    pub fn fail(&self, error: E) {
        self.shared.fail(Origin::caller(), error);
    }

    /// [Fails](Self::fail) the group with what `error` makes of the cause when `context` is cancelled, as
    /// long as what this returns is kept.
    ///
    /// Under [`CancelPolicy::Abort`](super::CancelPolicy::Abort) the tasks are dropped then, which
    /// [`Builder::context`](super::Builder::context) alone does not do: that only tells them.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_sync::Context;
    /// use async_sync::context::Cause;
    /// use orchestration::ErrGroup;
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let request = Context::new();
    /// let group: ErrGroup<_, (), Cause> = ErrGroup::new(TokioRuntime::current());
    /// let ends = group.fail_on_cancel(&request, Cause::clone);
    /// group.spawn(std::future::pending()).await.unwrap();
    /// request.cancel();
    /// assert!(matches!(group.join().await, Err(Cause::Canceled)));
    /// # drop(ends);
    /// # }
    /// ```
    #[track_caller]
    pub fn fail_on_cancel<F>(&self, context: &Context, error: F) -> OnCancel
    where
        F: FnOnce(&Cause) -> E + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (group, origin) = (self.handle(), Origin::caller());
        context.on_cancel(move |cause| group.shared.fail(origin, error(cause)))
    }
}

impl<S: Spawn, T, E> Clone for ErrGroupHandle<S, T, E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Spawn, T, E> ErrGroupHandle<S, T, E> {
    pub(super) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("running", &self.running())
            .field("limit", &self.limit())
            .field("stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}

impl<S: Spawn, T, E> fmt::Debug for ErrGroupHandle<S, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("ErrGroupHandle", f)
    }
}
