//! Looking at a pipeline from outside, stopping it and cancelling it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_sync::Context;

use super::Metrics;
use super::metrics::StageStats;

/// Looks at a pipeline, stops it or cancels it, from anywhere. Clones are the same.
///
/// Given to a pipeline by [`Pipeline::control`](super::Pipeline::control), or asked of one that runs.
///
/// # Examples
///
/// A program that shows where its pipeline stands:
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
///
/// use orchestration::pipeline::{Control, Pipeline};
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let control = Control::new();
/// let seen = control.clone();
/// let shown = tokio::spawn(async move {
///     tokio::time::sleep(Duration::from_millis(1)).await;
///     println!("{}", seen.metrics());
/// });
/// let report = Pipeline::<_, Infallible>::from_iter("numbers", 0..1000)
///     .map("square", |n: u64| n * n)
///     .control(&control)
///     .run(TokioRuntime::current())
///     .await
///     .unwrap();
/// assert_eq!(report.metrics.stage("square").unwrap().given, 1000);
/// # shown.await.unwrap();
/// # }
/// ```
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    stop: Context,
    cancel: Context,
    stages: OnceLock<Vec<Arc<StageStats>>>,
}

impl Control {
    /// Of no pipeline yet.
    #[must_use]
    pub fn new() -> Self {
        Control {
            inner: Arc::new(Inner {
                stop: Context::new(),
                cancel: Context::new(),
                stages: OnceLock::new(),
            }),
        }
    }

    /// The source is to produce no more. What it has produced goes through to the end: the pipeline
    /// drains, and its report says that it was stopped.
    ///
    /// A pipeline that is told so before it starts produces nothing.
    #[doc(alias = "drain")]
    pub fn stop(&self) {
        self.inner.stop.cancel();
    }

    /// The pipeline fails with [`Error::Cancelled`](super::Error::Cancelled); what is in it is dropped.
    pub fn cancel(&self) {
        self.inner.cancel.cancel();
    }

    /// Where the stages stand: a snapshot. Before the pipeline starts there are none.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let stages = self.inner.stages.get().map_or(&[][..], Vec::as_slice);
        Metrics {
            stages: stages.iter().map(|stage| stage.read()).collect(),
        }
    }

    pub(super) fn stop_scope(&self) -> &Context {
        &self.inner.stop
    }

    pub(super) fn cancel_scope(&self) -> &Context {
        &self.inner.cancel
    }

    /// False if it has a pipeline already.
    pub(super) fn start(&self, stages: Vec<Arc<StageStats>>) -> bool {
        self.inner.stages.set(stages).is_ok()
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("started", &self.inner.stages.get().is_some())
            .field("stopped", &self.inner.stop.is_cancelled())
            .field("cancelled", &self.inner.cancel.is_cancelled())
            .finish()
    }
}
