//! Building a pipeline, stage by stage.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_sync::Context;
use async_sync::channel::Receiver;
use futures_core::Stream;
use runtime::Timer;

use super::OnError;
use super::batch::{Batched, Endless, Flattened, Within};
use super::control::Control;
use super::metrics::StageStats;
use super::op::{Again, Async, Blocking, BlockingWith, Plain, Total};
use super::source::{BlockingIter, FromStream, Iter};
use super::stage::{BUFFER, Plan, Staged};
use crate::errgroup::CancelToken;

/// A source and its stages, not started yet. See the [module](super) for an example.
///
/// `P` is the stages so far, `E` the error that each of them may fail with.
#[must_use = "a pipeline does nothing until it is started"]
pub struct Pipeline<P, E> {
    pub(super) plan: P,
    pub(super) settings: Settings,
    error: PhantomData<fn() -> E>,
}

/// What does not depend on the stages' types.
pub(super) struct Settings {
    pub(super) stages: Vec<Arc<StageStats>>,
    pub(super) context: Option<Context>,
    pub(super) control: Option<Control>,
    pub(super) panics_as_errors: bool,
    // Of the queue behind the last stage.
    pub(super) buffer: usize,
}

impl Settings {
    fn stage(&mut self, name: &str) -> Arc<StageStats> {
        let stats = StageStats::new(name);
        self.stages.push(Arc::clone(&stats));
        stats
    }
}

/// With a first stage.
fn begin<P, E>(name: &str, plan: impl FnOnce(Arc<StageStats>) -> P) -> Pipeline<P, E> {
    let mut settings = Settings {
        stages: Vec::new(),
        context: None,
        control: None,
        panics_as_errors: false,
        buffer: BUFFER,
    };
    let stats = settings.stage(name);
    Pipeline {
        plan: plan(stats),
        settings,
        error: PhantomData,
    }
}

impl<I: Iterator, E> Pipeline<Iter<I>, E> {
    /// From an iterator that is quick to give its next item.
    pub fn from_iter(name: &str, items: impl IntoIterator<IntoIter = I>) -> Self {
        let items = items.into_iter();
        begin(name, |stats| Iter { items, stats })
    }
}

impl<I: Iterator, E> Pipeline<BlockingIter<I>, E> {
    /// From an iterator that may block: a walk through directories, the lines of a file. It runs on the
    /// runtime's threads for blocking code, many items at a time.
    pub fn from_blocking_iter(name: &str, items: impl IntoIterator<IntoIter = I>) -> Self {
        let items = items.into_iter();
        begin(name, |stats| BlockingIter { items, stats })
    }
}

impl<S: Stream, E> Pipeline<FromStream<S>, E> {
    /// From a stream.
    ///
    /// A panic of the stream is a panic of this stage.
    pub fn from_stream(name: &str, items: S) -> Self {
        begin(name, |stats| FromStream { items, stats })
    }
}

impl<T, E> Pipeline<FromStream<async_sync::channel::RecvStream<T>>, E> {
    /// From a channel. The pipeline ends when the channel is closed and empty; when the pipeline ends
    /// earlier, its receiver is dropped, and senders learn that as they always do.
    pub fn from_channel(name: &str, items: Receiver<T>) -> Self {
        Self::from_stream(name, items.into_stream())
    }
}

impl<P: Plan<E>, E> Pipeline<P, E> {
    fn then<P2>(
        mut self,
        name: &str,
        next: impl FnOnce(P, Arc<StageStats>) -> P2,
    ) -> Pipeline<P2, E> {
        let stats = self.settings.stage(name);
        Pipeline {
            plan: next(self.plan, stats),
            settings: self.settings,
            error: PhantomData,
        }
    }

    /// A stage that awaits `work(item)` for each item.
    ///
    /// One worker, in order, [`OnError::Stop`], 128 items of buffer, unless what follows says otherwise.
    ///
    /// # Cancel safety
    ///
    /// When the pipeline fails, is cancelled or dropped, the future is dropped where it awaits.
    #[doc(alias = "map")]
    pub fn stage<F, Fut, U>(self, name: &str, work: F) -> Pipeline<Staged<P, Async<F>>, E>
    where
        F: Fn(P::Item) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<U, E>> + Send,
        U: Send + 'static,
    {
        self.then(name, |prev, stats| Staged::new(prev, Async(work), stats))
    }

    /// A stage that computes something small, and cannot fail.
    #[doc(alias = "mapChan")]
    pub fn map<F, U>(self, name: &str, work: F) -> Pipeline<Staged<P, Total<F>>, E>
    where
        F: Fn(P::Item) -> U + Send + Sync + 'static,
        U: Send + 'static,
    {
        self.then(name, |prev, stats| Staged::new(prev, Total(work), stats))
    }

    /// A stage that computes something small, and may fail.
    pub fn try_map<F, U>(self, name: &str, work: F) -> Pipeline<Staged<P, Plain<F>>, E>
    where
        F: Fn(P::Item) -> Result<U, E> + Send + Sync + 'static,
        U: Send + 'static,
    {
        self.then(name, |prev, stats| Staged::new(prev, Plain(work), stats))
    }

    /// A stage that blocks, or computes for long. Each item is a task on the runtime's threads for
    /// blocking code, which costs some microseconds: small items are put together with
    /// [`batch`](Self::batch) first.
    ///
    /// # Cancel safety
    ///
    /// Blocking code cannot be dropped half-way: it ends with the item that it is at, and whoever waits for
    /// the end of the pipeline waits for that.
    pub fn blocking<F, U>(self, name: &str, work: F) -> Pipeline<Staged<P, Blocking<F>>, E>
    where
        F: Fn(P::Item) -> Result<U, E> + Send + Sync + 'static,
        U: Send + 'static,
    {
        self.then(name, |prev, stats| {
            Staged::new(prev, Blocking(Arc::new(work)), stats)
        })
    }

    /// As [`blocking`](Self::blocking), for code that looks now and then whether it should stop: the token
    /// is cancelled when the pipeline has failed, was cancelled or dropped. What it returns then is of no
    /// interest to anybody.
    pub fn blocking_with<F, U>(self, name: &str, work: F) -> Pipeline<Staged<P, BlockingWith<F>>, E>
    where
        F: Fn(P::Item, &CancelToken) -> Result<U, E> + Send + Sync + 'static,
        U: Send + 'static,
    {
        self.then(name, |prev, stats| {
            Staged::new(prev, BlockingWith(Arc::new(work)), stats)
        })
    }

    /// A stage that puts `size` items together; the last ones may be fewer.
    ///
    /// # Panics
    ///
    /// If `size` is zero.
    #[track_caller]
    #[doc(alias = "chunks")]
    pub fn batch(self, name: &str, size: usize) -> Pipeline<Batched<P, Endless>, E> {
        self.batched(name, size, Endless)
    }

    /// A stage that puts up to `size` items together, and does not wait for more when the first of them is
    /// `wait` old.
    ///
    /// # Panics
    ///
    /// If `size` is zero.
    #[track_caller]
    #[doc(alias = "chunks_timeout")]
    pub fn batch_within<T: Timer>(
        self,
        name: &str,
        size: usize,
        wait: Duration,
        timer: T,
    ) -> Pipeline<Batched<P, Within<T>>, E> {
        self.batched(name, size, Within { timer, wait })
    }

    #[track_caller]
    fn batched<W>(self, name: &str, size: usize, patience: W) -> Pipeline<Batched<P, W>, E> {
        assert!(size > 0, "Pipeline: a batch of no items is never full");
        self.then(name, |prev, stats| Batched {
            prev,
            size,
            patience,
            stats,
            buffer: BUFFER,
        })
    }

    /// A stage that takes items apart: all that one yields, then all that the next one yields.
    #[doc(alias = "flat_map")]
    pub fn flatten(self, name: &str) -> Pipeline<Flattened<P>, E>
    where
        P::Item: IntoIterator,
    {
        self.then(name, |prev, stats| Flattened {
            prev,
            stats,
            buffer: BUFFER,
        })
    }

    /// The pipeline takes part in `context`: it is cancelled with it.
    #[doc(alias = "WithContext")]
    pub fn context(mut self, context: &Context) -> Self {
        self.settings.context = Some(context.clone());
        self
    }

    /// Lets `control` look at the pipeline, stop it and cancel it.
    pub fn control(mut self, control: &Control) -> Self {
        self.settings.control = Some(control.clone());
        self
    }

    /// A panic of a stage becomes [`Error::Panicked`](super::Error::Panicked), instead of being raised again where the pipeline
    /// is waited for.
    pub fn panics_as_errors(mut self) -> Self {
        self.settings.panics_as_errors = true;
        self
    }

    /// How many results may wait for whoever takes them.
    pub fn output_buffer(mut self, items: usize) -> Self {
        self.settings.buffer = items.max(1);
        self
    }
}

/// What is said of the last stage.
impl<P, O, E> Pipeline<Staged<P, O>, E> {
    /// So many items at a time, each in a worker of its own, which are tasks of the runtime from the start
    /// on. Zero counts as one.
    ///
    /// # Panics
    ///
    /// If there are more than 65536.
    #[track_caller]
    pub fn concurrency(mut self, workers: usize) -> Self {
        assert!(
            workers <= 1 << 16,
            "Pipeline: {workers} workers are too many, each is a task"
        );
        self.plan.concurrency = workers.max(1);
        self
    }

    /// So many items may wait for this stage before the one before it has to; and what its workers had in
    /// hand when that was reached. Zero counts as one.
    pub fn buffer(mut self, items: usize) -> Self {
        self.plan.buffer = items.max(1);
        self
    }

    /// Results are handed on as they come. Otherwise in the order of the items, for which those that are
    /// early wait.
    pub fn unordered(mut self) -> Self {
        self.plan.ordered = false;
        self
    }

    /// What becomes of an item that this stage fails with.
    pub fn on_error(mut self, policy: OnError) -> Self {
        self.plan.on_error = policy;
        self
    }

    /// Before an item counts as failed, `hook(error, how often it has failed)` is asked. It gives None, or
    /// a future that is awaited before the next attempt: a sleep that grows, a permit of a retry budget.
    ///
    /// Each attempt gets a clone of the item.
    pub fn retry<H, D>(self, hook: H) -> Pipeline<Staged<P, Again<O, H>>, E>
    where
        H: Fn(&E, usize) -> Option<D> + Send + Sync + 'static,
        D: Future + Send,
    {
        Pipeline {
            plan: self.plan.with(|op, stats| Again {
                op,
                hook,
                stats: Arc::clone(stats),
            }),
            settings: self.settings,
            error: PhantomData,
        }
    }
}

impl<P: fmt::Debug, E> fmt::Debug for Pipeline<P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("last", &self.plan)
            .field("stages", &self.settings.stages.len())
            .finish_non_exhaustive()
    }
}
