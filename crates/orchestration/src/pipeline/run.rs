//! A pipeline that runs: whoever has it takes its results, and learns how it ended.
//!
//! The stages' workers are the tasks of an [`ErrGroup`] that aborts: the first failure drops all of
//! them, and so does dropping [`Running`]. Blocking code cannot be dropped; it is counted, looks at the
//! group's token before it begins, and is waited for by everything that waits.
//!
//! ```text
//! running -- source ends, all is taken ---------------> Ok(Report)
//!    |------ stop(): the source ends early -----------> Ok(Report { stopped })
//!    |------ finish() before all is taken ------------> Ok(Report), aborted
//!    |------ a stage fails, a panic, cancel() --------> Err, when the last worker is gone
//!    '------ dropped ---------------------------------> aborted
//! ```

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_sync::context::{Cause, OnCancel};
use async_sync::{Context, WaitGroup};
use futures_core::Stream;
use runtime::Spawn;

use super::Settings;
use super::control::Control;
use super::error::{Error, Report, StageError};
use super::link::{Batch, Link, Rx};
use super::metrics::{Doing, StageStats, WorkerStats};
use super::op::Env;
use super::stage::{Launch, Out, Plan};
use super::worker::{Collected, Pace};
use crate::errgroup::{Builder, CancelPolicy, CancelToken, ErrGroup, Panic};

/// What a worker, or somebody outside, ends the pipeline with.
pub(super) enum Failure<E> {
    /// A stage returned an error.
    Stage(StageError<E>),
    /// It was told to.
    Cancelled(Cause),
    /// Its results had nowhere to go.
    Closed,
    /// Whoever took its results has enough: no failure.
    Enough,
    /// A stage panicked.
    Panic(Panic),
}

impl<E> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").finish_non_exhaustive()
    }
}

/// What is known of a panic, beside what it carries.
#[derive(Debug, Default)]
pub(super) struct Notes {
    panicked: OnceLock<Arc<str>>,
}

impl Notes {
    /// The first one counts.
    pub(super) fn panicked(&self, stage: Arc<str>) {
        let _ = self.panicked.set(stage);
    }
}

/// A pipeline that runs. From [`Pipeline::start`](super::Pipeline::start).
///
/// # Structure
///
/// Dropping it aborts all stages. A runtime may need a moment to drop them, and blocking code ends with
/// the item that it is at; [`shutdown`](Self::shutdown) waits for both.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
///
/// use orchestration::pipeline::Pipeline;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let mut running = Pipeline::<_, Infallible>::from_iter("numbers", 1..)
///     .map("square", |n: u64| n * n)
///     .start(TokioRuntime::current());
/// while let Some(square) = running.next().await {
///     if square > 100 {
///         break; // The source is endless: it ends because nobody takes anything any more.
///     }
/// }
/// running.finish().await.unwrap();
/// # }
/// ```
#[must_use = "dropping it aborts the pipeline"]
pub struct Running<R: Spawn, T, E> {
    group: ErrGroup<R, (), Failure<E>>,
    // None once nobody takes any more.
    rx: Option<Rx<T>>,
    batch: Batch<T>,
    pace: Pace,
    // How many are or were in the batch.
    taken: usize,
    // There will be no more.
    ended: bool,
    stats: Arc<WorkerStats>,
    blocking: Arc<WaitGroup>,
    collected: Collected<E>,
    stopped: Arc<AtomicBool>,
    notes: Arc<Notes>,
    control: Control,
    _ends: OnCancel,
}

impl<R: Spawn, T: Send + 'static, E: Send + 'static> Running<R, T, E> {
    #[track_caller]
    pub(super) fn start<P>(rt: R, plan: P, settings: Settings) -> Self
    where
        P: Plan<E, Item = T>,
    {
        let control = settings.control.unwrap_or_default();
        let mut stages = settings.stages;
        let sink = StageStats::new("sink");
        stages.push(Arc::clone(&sink));
        assert!(control.start(stages), "a Control can control one pipeline");

        let mut parents = vec![control.cancel_scope()];
        parents.extend(&settings.context);
        let scope = Context::child_of(parents);
        let mut builder = Builder::new().cancel(CancelPolicy::Abort).context(&scope);
        if settings.panics_as_errors {
            builder = builder.panics_with(Failure::Panic);
        }
        let group = builder.spawned(rt.clone());
        let ends = group.fail_on_cancel(&scope, |cause| Failure::Cancelled(cause.clone()));

        let (link, mut receivers) = Link::new(settings.buffer, 1);
        sink.watch(&link);
        let launch = Launch {
            env: Env {
                rt,
                stop: group.token(),
                blocking: Arc::new(WaitGroup::new()),
            },
            group: &group,
            collected: Arc::new(Mutex::new(Vec::new())),
            stop: control.stop_scope().clone(),
            stopped: Arc::new(AtomicBool::new(false)),
            notes: Arc::new(Notes::default()),
        };
        plan.launch(&launch, Out(link));
        let Launch {
            env,
            collected,
            stopped,
            notes,
            ..
        } = launch;
        Running {
            rx: receivers.pop(),
            batch: Batch::new(),
            pace: Pace::new(),
            taken: 0,
            ended: false,
            stats: sink.start(1).pop().expect("there is one"),
            blocking: env.blocking,
            collected,
            stopped,
            notes,
            control,
            _ends: ends,
            group,
        }
    }

    /// The next result. None: there will be none any more; [`finish`](Self::finish) says why.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no result.
    #[inline]
    pub async fn next(&mut self) -> Option<T> {
        loop {
            if let Some((_, item)) = self.batch.next() {
                return Some(item);
            }
            if !self.refill().await {
                return None;
            }
        }
    }

    async fn refill(&mut self) -> bool {
        let nanos = self.stats.turn_to(Doing::Nothing);
        let taken = std::mem::take(&mut self.taken);
        self.stats.count(taken as u64, 0, 0);
        self.stats.latency(nanos, taken as u64);
        if taken > 0 {
            self.pace.learn(taken, nanos, false);
        }
        self.pace.turn().await;
        let Some(rx) = &self.rx else { return false };
        let some = rx
            .take(&mut self.batch, self.pace.limit(), &self.stats)
            .await;
        self.taken = self.batch.len();
        self.ended = !some;
        if some {
            self.stats.turn_to(Doing::Working);
        }
        some
    }

    /// Takes no more results, and waits until nothing of the pipeline is left.
    ///
    /// If [`next`](Self::next) has not returned None yet, the stages are aborted, and what is in them is
    /// dropped. That is no error.
    ///
    /// # Errors
    ///
    /// [`Error`], if the pipeline failed or was cancelled.
    ///
    /// # Panics
    ///
    /// With the panic of a stage, unless the pipeline has
    /// [panics as errors](super::Pipeline::panics_as_errors).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future aborts the pipeline.
    pub async fn finish(mut self) -> Result<Report<E>, Error<E>> {
        if !self.ended {
            // Somebody may wait for an input that says nothing, and would not notice that nobody is left. (Whoever
            // waits for a context is woken before the group is told that it was cancelled, and may come here first.)
            let cause = self.group.token().context().cause();
            self.group
                .fail(cause.map_or(Failure::Enough, Failure::Cancelled));
        }
        self.give_up();
        self.group.ended().await;
        self.blocking.wait().await;
        let Running {
            group,
            collected,
            stopped,
            notes,
            control,
            ..
        } = self;
        let ended = group.join().await;
        let metrics = control.metrics();
        #[cfg(feature = "tracing")]
        tracing::debug!(target: "orchestration::pipeline", failed = ended.is_err(), "ended\n{metrics}");
        match ended {
            Ok(_) | Err(Failure::Enough) => {
                let mut errors = collected.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(Report {
                    errors: std::mem::take(&mut *errors),
                    metrics,
                    stopped: stopped.load(Ordering::Relaxed),
                })
            }
            Err(Failure::Stage(failed)) => Err(Error::Stage(failed)),
            Err(Failure::Cancelled(cause)) => Err(Error::Cancelled(cause)),
            Err(Failure::Closed) => Err(Error::Closed),
            Err(Failure::Panic(panic)) => Err(Error::Panicked {
                stage: notes.panicked.get().map_or_else(|| "?".into(), Arc::clone),
                panic,
            }),
        }
    }

    /// Cancels the pipeline, and waits until nothing of it is left: tasks that were aborted, and blocking
    /// code that was in the middle of an item.
    ///
    /// # Panics
    ///
    /// With the panic of a stage, unless the pipeline has
    /// [panics as errors](super::Pipeline::panics_as_errors).
    ///
    /// # Cancel safety
    ///
    /// The stages are aborted at the first poll, and also if the future is dropped.
    pub async fn shutdown(mut self) {
        self.give_up();
        self.group.fail(Failure::Enough);
        self.group.ended().await;
        self.blocking.wait().await;
        self.group.shutdown().await;
    }

    /// Its control, which also tells where it stands.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The results as a stream; its last item is the error, if it failed. Dropping the stream aborts the
    /// pipeline.
    ///
    /// # Panics
    ///
    /// The stream panics as [`finish`](Self::finish) does.
    pub fn into_stream(self) -> impl Stream<Item = Result<T, Error<E>>> + Send
    where
        R: Send,
    {
        futures_util::stream::unfold(Some(self), |running| async {
            let mut running = running?;
            match running.next().await {
                Some(item) => Some((Ok(item), Some(running))),
                None => running.finish().await.err().map(|error| (Err(error), None)),
            }
        })
    }

    /// The pipeline fails, as if a stage of this name had.
    pub(super) fn fail(&self, failure: Failure<E>) {
        self.group.fail(failure);
    }

    /// Cancelled when the pipeline has failed: for what waits for something else than its results.
    pub(super) fn scope(&self) -> CancelToken {
        self.group.token()
    }

    fn give_up(&mut self) {
        let nanos = self.stats.turn_to(Doing::Nothing);
        let taken = std::mem::take(&mut self.taken) - self.batch.len();
        self.stats.count(taken as u64, 0, 0);
        self.stats.latency(nanos, taken as u64);
        self.rx = None;
        self.batch = Batch::new();
    }
}

impl<R: Spawn, T, E> fmt::Debug for Running<R, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("control", &self.control)
            .field("workers", &self.group.running())
            .finish_non_exhaustive()
    }
}
