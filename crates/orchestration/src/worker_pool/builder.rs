//! The choices that a pool is made with.

use std::fmt;
use std::sync::Arc;

use async_sync::Context;
use async_sync::channel;
use runtime::Spawn;

use super::WorkerPool;
use super::crew::{OnPanic, Settings};
use crate::errgroup::Panic;

/// The choices for a pool.
///
/// # Examples
///
/// ```
/// use orchestration::worker_pool::Builder;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let pool = Builder::new(4)
///     .queue(100)
///     .on_panic(|panic| eprintln!("a job has failed: {panic}"))
///     .build(TokioRuntime::current());
/// pool.submit(async { panic!("out of cheese") }).await.unwrap();
/// pool.stop().await;
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    workers: usize,
    queue: Option<usize>,
    context: Option<Context>,
    on_panic: Option<OnPanic>,
}

impl Builder {
    /// `workers` workers, and a queue with room for as many jobs.
    ///
    /// # Panics
    ///
    /// If `workers` is zero: no job would ever be done.
    #[track_caller]
    pub fn new(workers: usize) -> Self {
        assert!(workers > 0, "a pool of 0 workers would do no job at all");
        Self {
            workers,
            queue: Some(workers),
            context: None,
            on_panic: None,
        }
    }

    /// Up to `room` jobs wait in the queue; then submitters wait. With no room at all, a job is
    /// submitted when a worker takes it.
    pub fn queue(mut self, room: usize) -> Self {
        self.queue = Some(room);
        self
    }

    /// Submitters never wait. Whoever submits faster than jobs are done should not choose this.
    pub fn unbounded_queue(mut self) -> Self {
        self.queue = None;
        self
    }

    /// When `context` is cancelled the pool takes no more jobs, and drops those that are queued. What
    /// runs goes on: a job that is to end at its next await runs in `context.run(...)`.
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// The panic of a job whose result nobody waits for is told to `tell`, in the worker's task.
    /// If `tell` panics, all has stopped: the other jobs are aborted, and `stop` panics with it.
    #[doc(alias = "PanicHandler")]
    pub fn on_panic(mut self, tell: impl Fn(Panic) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Arc::new(tell));
        self
    }

    /// A pool whose workers are tasks of `runtime`. They are spawned now.
    pub fn build<R: Spawn>(self, runtime: R) -> WorkerPool<R> {
        let channel = match self.queue {
            Some(0) => channel::rendezvous(),
            Some(room) => channel::bounded(room),
            None => channel::unbounded(),
        };
        let settings = Settings {
            workers: self.workers,
            context: self.context,
            on_panic: self.on_panic,
        };
        WorkerPool::with(runtime, settings, channel)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("queue", &self.queue)
            .field("context", &self.context)
            .field("tells_panics", &self.on_panic.is_some())
            .finish()
    }
}
