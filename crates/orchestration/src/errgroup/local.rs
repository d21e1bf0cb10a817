//! The local flavour: a group whose tasks run inside the task that awaits the group.
//!
//! The children are in a `FuturesUnordered`, which polls only those that were woken. They make
//! progress while `ended`, `wait` or `join` is being awaited, or a `spawn` that finds the group full, and at no
//! other time.
//!
//! `spawn` polls its child once before it is stored (`try_spawn` stores it at once): a child that ends at once never enters the
//! set. One that waits is polled again by the set, which is when its wake-ups begin to come to it;
//! those of the first poll merely wake the whole task.
//!
//! There is one owner and `&mut self` everywhere, so there are no locks and no queue of submitters:
//! a `spawn` that finds the group full runs the children until one has ended.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_util::stream::FuturesUnordered;

use super::builder::{Builder, CancelPolicy, Settings};
use super::ending::{CollectAll, Ending, FirstError};
use super::ledger::{Failure, Ledger, Outcome, Verdict};
use super::sendness::{Accepts, Sendness, ThreadBound};
use super::{CancelToken, Errors, Origin, SpawnError, TaskError, TrySpawnError, WithToken, child};
use crate::limiter::lend_to;

/// A group of tasks that may fail, run inside the task that awaits the group: they may borrow.
///
/// It has the methods of [`ErrGroup`](super::ErrGroup), and its policies. The differences:
///
/// * The tasks run while `spawn`, `ended`, `wait` or `join` is awaited, one at a time, on one
///   thread. Await nothing else for long between these calls: the tasks stand still meanwhile.
/// * `spawn` starts its task at once, up to its first wait.
/// * Dropping the group drops the tasks there and then.
/// * Without `Send` tasks the group is not `Send`; [`local_send`](Builder::local_send) makes one
///   that takes only `Send` tasks and is `Send`, for use inside a task that moves between threads.
///
/// # Examples
///
/// ```
/// use orchestration::LocalErrGroup;
///
/// # mini_executor::block_on(async {
/// let words = vec!["seven".to_owned(), "eight".to_owned()];
/// let mut group = LocalErrGroup::new();
/// for word in &words {
///     group.spawn(async { Ok::<_, &str>(word.len()) }).await.unwrap();
/// }
/// assert_eq!(group.join().await, Ok(vec![5, 5]));
/// drop(words);
/// # });
/// ```
///
/// Source: `golang.org/x/sync/errgroup`, as far as it can be had without goroutines.
#[must_use = "dropping a group drops its tasks"]
pub struct LocalErrGroup<'a, T, E, P = FirstError, M = ThreadBound>
where
    M: Sendness<'a, Result<T, E>>,
{
    tasks: FuturesUnordered<Child<M::Boxed>>,
    ledger: Ledger<T, E>,
    settings: Settings<E>,
    token: CancelToken,
    verdict: Option<Verdict<E>>,
    stopped: bool,
    failed: bool,
    ending: PhantomData<fn() -> P>,
}

/// How a task has ended.
struct Ended<T, E> {
    line: usize,
    origin: Option<Origin>,
    outcome: Outcome<T, E>,
}

/// A task and its place in the order of submission.
struct Child<B> {
    line: usize,
    origin: Origin,
    // None once ended.
    future: Option<B>,
}

impl<B, T, E> Future for Child<B>
where
    B: Future<Output = Result<T, E>> + Unpin,
{
    type Output = Ended<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(child::poll(Pin::new(&mut self.future), cx));
        Poll::Ready(Ended {
            line: self.line,
            // Only a failure is asked for it.
            origin: outcome.is_err().then(|| self.origin.clone()),
            outcome,
        })
    }
}

impl<'a, T: 'a, E: 'a> LocalErrGroup<'a, T, E> {
    /// A group without a limit; the first error or panic drops the other tasks.
    pub fn new() -> Self {
        Builder::new().local()
    }
}

impl<'a, T: 'a, E: 'a> Default for LocalErrGroup<'a, T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T, E, P: Ending, M: Sendness<'a, Result<T, E>>> LocalErrGroup<'a, T, E, P, M> {
    pub(super) fn build(settings: Settings<E>) -> Self {
        Self {
            tasks: FuturesUnordered::new(),
            ledger: Ledger::default(),
            token: settings.token(),
            settings,
            verdict: None,
            stopped: false,
            failed: false,
            ending: PhantomData,
        }
    }

    /// The token of this group, which tells its tasks to stop.
    ///
    /// It is cancelled by a failure (if the policy is not `None`), when the group is dropped, and
    /// when a `wait` or `join` has seen the last task end; what is submitted after that `wait` gets
    /// a new one. Cancelling it yourself only tells the tasks; to stop the group from outside there
    /// is [`fail`](Self::fail).
    #[must_use]
    pub fn token(&self) -> CancelToken {
        self.token.clone()
    }

    /// The number of tasks that have not ended, as far as the group has seen.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Whether the group takes no more tasks. It never takes any again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The number of tasks that may run at a time, if it is limited.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        self.settings.limit
    }

    /// Changes the limit. Lowered, it stops no task: it holds as soon as enough have ended.
    ///
    /// # Panics
    ///
    /// If `limit` is zero.
    #[track_caller]
    #[doc(alias = "SetLimit")]
    pub fn set_limit(&mut self, limit: usize) {
        assert!(limit > 0, "ErrGroup: a limit of 0 would run no task at all");
        self.settings.limit = Some(limit);
    }

    /// Fails the group from outside, exactly as if one more task had ended with `error`.
    #[track_caller]
    pub fn fail(&mut self, error: E) {
        let line = self.ledger.open();
        self.enter_failure(line, Origin::caller(), Failure::Error(error));
    }

    /// Submits a task and runs it up to its first wait. If the group is full, runs the tasks that
    /// it has until one has ended.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with `future` in it, if the group has stopped. It was not run.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the task was never run, and `future` is
    /// dropped. The other tasks stay where they are.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::errgroup::Builder;
    ///
    /// # mini_executor::block_on(async {
    /// let mut group = Builder::new().limit(2).local();
    /// for n in 0..10 {
    ///     group.spawn(async move { Ok::<_, ()>(n) }).await.unwrap();
    /// }
    /// assert_eq!(group.join().await.unwrap().len(), 10);
    /// # });
    /// ```
    #[doc(alias = "Go")]
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> impl Future<Output = Result<(), SpawnError<F>>>
    where
        F: Future<Output = Result<T, E>>,
        M: Accepts<'a, F>,
    {
        self.submit(Origin::caller(), future)
    }

    /// As [`spawn`](Self::spawn), and the task has a name, which is told with its error.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with `future` in it, if the group has stopped. It was not run.
    ///
    /// # Cancel safety
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_named<F>(
        &mut self,
        name: impl Into<Box<str>>,
        future: F,
    ) -> impl Future<Output = Result<(), SpawnError<F>>>
    where
        F: Future<Output = Result<T, E>>,
        M: Accepts<'a, F>,
    {
        self.submit(Origin::caller().named(name.into()), future)
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn would hold the task twice"
    )]
    fn submit<F>(
        &mut self,
        origin: Origin,
        future: F,
    ) -> impl Future<Output = Result<(), SpawnError<F>>>
    where
        F: Future<Output = Result<T, E>>,
        M: Accepts<'a, F>,
    {
        async move {
            if !self.room().await {
                return Err(SpawnError(future));
            }
            let boxed = self.boxed(future);
            self.start(origin, boxed).await;
            Ok(())
        }
    }

    /// As [`spawn`](Self::spawn), for a task that wants to know when to stop: `task` is called
    /// with the group's token once there is room, and inside the task.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with `task` in it, if the group has stopped. It was not called.
    ///
    /// # Cancel safety
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_with<C, F>(&mut self, task: C) -> impl Future<Output = Result<(), SpawnError<C>>>
    where
        C: FnOnce(CancelToken) -> F,
        F: Future<Output = Result<T, E>>,
        M: Accepts<'a, WithToken<C, F>>,
    {
        let origin = Origin::caller();
        async move {
            if !self.room().await {
                return Err(SpawnError(task));
            }
            let boxed = self.boxed(WithToken::new(task, self.token()));
            self.start(origin, boxed).await;
            Ok(())
        }
    }

    /// Submits a task if there is room. It runs when the group is awaited.
    ///
    /// Tasks that could end make room only when the group is awaited.
    ///
    /// # Errors
    ///
    /// [`TrySpawnError`] with `future` in it, if the group is full or has stopped. It was not run.
    #[track_caller]
    pub fn try_spawn<F>(&mut self, future: F) -> Result<(), TrySpawnError<F>>
    where
        F: Future<Output = Result<T, E>>,
        M: Accepts<'a, F>,
    {
        let future = self.check_room(future)?;
        let boxed = self.boxed(future);
        self.store(Origin::caller(), boxed);
        Ok(())
    }

    /// As [`try_spawn`](Self::try_spawn), for a task that wants the group's token.
    ///
    /// # Errors
    ///
    /// [`TrySpawnError`] with `task` in it, as [`try_spawn`](Self::try_spawn). It was not called.
    #[track_caller]
    pub fn try_spawn_with<C, F>(&mut self, task: C) -> Result<(), TrySpawnError<C>>
    where
        C: FnOnce(CancelToken) -> F,
        F: Future<Output = Result<T, E>>,
        M: Accepts<'a, WithToken<C, F>>,
    {
        let task = self.check_room(task)?;
        let boxed = self.boxed(WithToken::new(task, self.token()));
        self.store(Origin::caller(), boxed);
        Ok(())
    }

    /// Runs the tasks until all have ended, and leaves the outcomes for `wait` or `join`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped the tasks stay where they are, and go on when the group is
    /// awaited again.
    pub async fn ended(&mut self) {
        let limiter = self.settings.limiter.clone();
        let ended = poll_fn(|cx| self.poll_ended(cx));
        // The tasks may need the slot in which they are waited for.
        lend_to(limiter.as_ref(), ended).await;
    }

    /// Runs the tasks until all have ended, and gives their values in the order of submission.
    ///
    /// # Errors
    ///
    /// The first error, in the order of completion; if the group [collects](Builder::collect_all),
    /// [the outcomes](Errors) of all tasks, if one or more failed.
    ///
    /// # Panics
    ///
    /// With the panic of a task, if there was one and panics are not errors.
    ///
    /// # Cancel safety
    ///
    /// The future owns the group: dropping it drops the tasks. To wait and keep the group, there is
    /// [`ended`](Self::ended).
    #[doc(alias = "Wait")]
    pub async fn join(mut self) -> Result<Vec<T>, P::Failure<T, E>> {
        let round = self.round().await;
        P::close(round, &self.settings, &mut self.verdict)
    }

    /// Drops all tasks. Outcomes are dropped. The same as dropping the group, but for a panic.
    ///
    /// # Panics
    ///
    /// With the panic of a task, if there was one and panics are not errors.
    #[expect(
        clippy::unused_async,
        reason = "the same signature as that of ErrGroup"
    )]
    pub async fn shutdown(mut self) {
        self.token.cancel();
        self.drop_tasks();
        mem::take(&mut self.ledger).close_unread(&self.settings);
    }

    /// Runs the tasks until there is room for one more (true) or the group has stopped (false).
    async fn room(&mut self) -> bool {
        if !self.is_full() {
            // Nothing to wait for, so nothing to lend.
            return !self.stopped;
        }
        let limiter = self.settings.limiter.clone();
        lend_to(limiter.as_ref(), poll_fn(|cx| self.poll_room(cx))).await
    }

    fn boxed<F>(&self, future: F) -> <M as Sendness<'a, Result<T, E>>>::Boxed
    where
        F: Future<Output = Result<T, E>>,
        M: Accepts<'a, F>,
    {
        match &self.settings.limiter {
            None => M::boxed(future),
            Some(limiter) => M::boxed_in(limiter, future),
        }
    }

    fn is_full(&self) -> bool {
        self.settings
            .limit
            .is_some_and(|limit| self.tasks.len() >= limit)
    }

    fn check_room<F>(&self, submitted: F) -> Result<F, TrySpawnError<F>> {
        if self.stopped {
            Err(TrySpawnError::Stopped(submitted))
        } else if self.is_full() {
            Err(TrySpawnError::Full(submitted))
        } else {
            Ok(submitted)
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while !self.stopped && self.is_full() {
            // Not empty, as a limit is never zero, so this does not give None.
            if let Some(ended) = ready!(Pin::new(&mut self.tasks).poll_next(cx)) {
                self.enter(ended);
            }
        }
        Poll::Ready(!self.stopped)
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(ended) = ready!(Pin::new(&mut self.tasks).poll_next(cx)) {
            self.enter(ended);
        }
        Poll::Ready(())
    }

    fn store(&mut self, origin: Origin, future: M::Boxed) {
        let child = Child {
            line: self.ledger.open(),
            origin,
            future: Some(future),
        };
        self.tasks.push(child);
    }

    /// Polls the new task once, and stores it if it is not done.
    async fn start(&mut self, origin: Origin, future: M::Boxed) {
        let mut child = Child {
            line: self.ledger.open(),
            origin,
            future: Some(future),
        };
        // Always ready: there is no point at which the child could be lost.
        match poll_fn(|cx| Poll::Ready(Pin::new(&mut child).poll(cx))).await {
            Poll::Ready(ended) => self.enter(ended),
            Poll::Pending => self.tasks.push(child),
        }
    }

    /// Writes an outcome down.
    fn enter(&mut self, ended: Ended<T, E>) {
        match (ended.outcome, ended.origin) {
            (Ok(value), _) if !self.failed => self.ledger.enter_value(ended.line, value),
            (Err(failure), Some(origin)) => self.enter_failure(ended.line, origin, failure),
            (_unwanted, _) => {}
        }
    }

    /// Writes a failure down and does to the others what the policy says.
    fn enter_failure(&mut self, line: usize, origin: Origin, failure: Failure<E>) {
        let policy = self.settings.policy_for(&failure);
        if !self.settings.collect {
            self.failed = true;
            drop(self.ledger.forget_values());
        }
        let settings = &self.settings;
        drop(self.ledger.enter_failure(line, origin, failure, settings));
        if policy == CancelPolicy::None {
            return;
        }
        self.stopped = true;
        // Who is told may panic, and the tasks go all the same.
        let told = catch_unwind(AssertUnwindSafe(|| self.token.cancel()));
        if policy == CancelPolicy::Abort {
            self.drop_tasks();
        }
        if let Err(panic) = told {
            resume_unwind(panic);
        }
    }

    /// Drops all tasks, one by one, so that the panic of a destructor is seen and stops nothing.
    fn drop_tasks(&mut self) {
        for mut child in mem::take(&mut self.tasks) {
            if let Some(panic) = child::discard(Pin::new(&mut child.future)) {
                let failure = Failure::Panic(panic);
                drop(
                    self.ledger
                        .enter_failure(child.line, child.origin, failure, &self.settings),
                );
            } else if self.settings.collect {
                self.ledger.enter_aborted(child.line);
            }
        }
    }

    /// Runs the tasks to their end and takes their outcomes.
    async fn round(&mut self) -> Ledger<T, E> {
        self.ended().await;
        self.token.cancel();
        if !self.stopped {
            self.token = self.settings.token();
        }
        mem::take(&mut self.ledger)
    }
}

impl<'a, T, E, M: Sendness<'a, Result<T, E>>> LocalErrGroup<'a, T, E, FirstError, M> {
    async fn settle(&mut self) -> Vec<T> {
        let round = self.round().await;
        round.close_first(&self.settings, &mut self.verdict)
    }

    /// As [`join`](Self::join), and the error says which task it is of.
    ///
    /// # Errors
    ///
    /// The first error, in the order of completion.
    ///
    /// # Panics
    ///
    /// With the panic of a task, if there was one and panics are not errors.
    ///
    /// # Cancel safety
    ///
    /// As [`join`](Self::join).
    pub async fn join_traced(mut self) -> Result<Vec<T>, TaskError<E>> {
        let values = self.settle().await;
        self.verdict
            .take()
            .map_or(Ok(values), |verdict| Err(verdict.pronounce()))
    }

    /// Runs the tasks until all have ended, and gives their values in the order of submission.
    ///
    /// A group that failed stays failed: every later `wait` gives the same error, as in Go.
    /// After a success the group can be used again.
    ///
    /// # Errors
    ///
    /// The first error, in the order of completion.
    ///
    /// # Panics
    ///
    /// With the panic of a task, if there was one and panics are not errors; in every later `wait`
    /// with the text of that panic.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped nothing is lost: `wait` can be called again.
    #[doc(alias = "Wait")]
    pub async fn wait(&mut self) -> Result<Vec<T>, E>
    where
        E: Clone,
    {
        let values = self.settle().await;
        self.verdict
            .as_ref()
            .map_or(Ok(values), |verdict| Err(verdict.repeat()))
    }
}

impl<'a, T, E, M: Sendness<'a, Result<T, E>>> LocalErrGroup<'a, T, E, CollectAll, M> {
    /// Drops the tasks that have not ended, and gives the outcomes of the others: in the order of submission,
    /// `None` for one that was dropped.
    ///
    /// # Panics
    ///
    /// With the panic of a task, if there was one and panics are not errors.
    #[expect(
        clippy::unused_async,
        reason = "the same signature as that of ErrGroup"
    )]
    pub async fn stop(mut self) -> Vec<Option<Result<T, E>>> {
        self.token.cancel();
        self.drop_tasks();
        mem::take(&mut self.ledger).close_stopped(&self.settings)
    }

    /// Runs the tasks until all have ended, and gives their values in the order of submission.
    ///
    /// A group that collects does not stop at an error: each `wait` gives the outcomes of the tasks
    /// submitted since the last.
    ///
    /// # Errors
    ///
    /// The outcomes of all tasks, if one or more failed.
    ///
    /// # Panics
    ///
    /// With the panic of a task, if there was one and panics are not errors; in every later `wait`
    /// with the text of that panic.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped nothing is lost: `wait` can be called again.
    pub async fn wait(&mut self) -> Result<Vec<T>, Errors<T, E>> {
        let round = self.round().await;
        round.close_all(&self.settings, &mut self.verdict)
    }
}

impl<'a, T, E, P, M: Sendness<'a, Result<T, E>>> Drop for LocalErrGroup<'a, T, E, P, M> {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

impl<'a, T, E, P, M: Sendness<'a, Result<T, E>>> fmt::Debug for LocalErrGroup<'a, T, E, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalErrGroup")
            .field("running", &self.tasks.len())
            .field("limit", &self.settings.limit)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}
