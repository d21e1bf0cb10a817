//! The choices that a group is made with.

use std::fmt;
use std::sync::Arc;

use async_sync::Context;
use runtime::{Spawn, Timer};

use super::SchedGroup;
use super::driver::OnPanic;
use crate::errgroup::Panic;

/// The choices for a group; its defaults are those of [`SchedGroup::new`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use async_sync::Context;
/// use orchestration::schedgroup::Builder;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let service = Context::new();
/// let group = Builder::new()
///     .context(&service)
///     .limit(8)
///     .on_panic(|panic| eprintln!("a job has failed: {panic}"))
///     .build(TokioRuntime::current());
/// group.every(Duration::from_millis(1), || async { panic!("out of cheese") }).unwrap();
/// # let stop = service.clone();
/// group.delay_fn(Duration::from_millis(5), move || assert!(stop.cancel())).unwrap();
/// assert!(group.wait().await.unwrap_err().is_canceled());
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    pub(super) context: Option<Context>,
    pub(super) limit: Option<usize>,
    pub(super) on_panic: Option<OnPanic>,
}

impl Builder {
    /// No context, no limit, and a panic ends the group.
    pub fn new() -> Self {
        Self::default()
    }

    /// The group ends when `context` is cancelled: no job is started any more, those that wait are
    /// dropped, and [`wait`](SchedGroup::wait) gives the cause once those that run have ended.
    ///
    /// (As Go's, this does not end what runs: a job that is to end at its next await runs in
    /// `context.run(...)`.)
    #[doc(alias = "New")]
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// At most `limit` futures run at a time. Those that are due wait for their turn, in their order,
    /// and functions behind them wait, too.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: no future could ever run.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(
            limit > 0,
            "SchedGroup: a limit of 0 would run no job at all"
        );
        self.limit = Some(limit);
        self
    }

    /// A job that panics is told to `tell`, and the group goes on; a job that recurs comes again.
    pub fn on_panic(mut self, tell: impl Fn(Panic) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Arc::new(tell));
        self
    }

    /// A group whose jobs run on `runtime`, by its time. Spawns one task.
    pub fn build<R: Spawn + Timer>(self, runtime: R) -> SchedGroup<R> {
        SchedGroup::with(self, runtime)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("context", &self.context)
            .field("limit", &self.limit)
            .field("tells_panics", &self.on_panic.is_some())
            .finish()
    }
}
