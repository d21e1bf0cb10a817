//! The spawned flavour: the owner of a group, and the handle that submits to it.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::mem;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use async_sync::context::{Cause, OnCancel};
use async_sync::semaphore::Permit;
use async_sync::{Context, Semaphore};
use runtime::Spawn;

use super::builder::{Builder, Settings};
use super::ending::{CollectAll, Ending, FirstError};
use super::ledger::{Ledger, Verdict};
use super::shared::{Admission, GiveUp, Shared};
use super::{CancelToken, Errors, Origin, SpawnError, TaskError, TrySpawnError, WithToken};
use crate::limiter::lend_to;

/// A group of tasks that may fail, run on a [`Spawn`]: Go's `errgroup.Group`.
///
/// By default the first error (in the order of completion) aborts the other tasks and is what
/// [`join`](Self::join) gives; without an error it gives the values in the order of submission. The
/// [`Builder`] has the other choices.
///
/// Tasks are submitted by the methods of [`ErrGroupHandle`], to which the group dereferences; a
/// clone of [`handle`](ErrGroupHandle::handle) submits from elsewhere, also from the tasks
/// themselves.
///
/// The values of the tasks are kept until they are asked for. A group that runs for as long as the
/// program does should have tasks that return `()`, which takes no memory.
///
/// # Structure
///
/// Dropping the group stops it: its token is cancelled and its tasks are aborted. A runtime may need
/// a moment to drop them; [`shutdown`](Self::shutdown) waits for that. Only
/// [`detach`](Self::detach) leaves tasks behind.
///
/// # Panics
///
/// The panic of a task is caught. It aborts the others (or does what the
/// [`CancelPolicy`](super::CancelPolicy) says), and is raised again where the group is joined, also
/// if an error came first. [`Builder::panics_as_errors`] makes it an error instead. The same holds
/// for a task that its runtime drops unfinished, because it shuts down for example.
///
/// # Examples
///
/// ```
/// use orchestration::ErrGroup;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() -> Result<(), std::num::ParseIntError> {
/// let group = ErrGroup::new(TokioRuntime::current());
/// for text in ["1", "2", "3"] {
///     group.spawn(async move { text.parse::<u32>() }).await.unwrap();
/// }
/// assert_eq!(group.join().await?, [1, 2, 3]);
/// # Ok(()) }
/// ```
///
/// Source: `golang.org/x/sync/errgroup`, with the wishes of its users and of its forks
/// (bilibili/kratos, neilotoole, facebookgo, go-pkgz/syncs).
#[doc(alias = "errgroup")]
#[doc(alias = "SizedGroup")]
#[must_use = "dropping a group aborts its tasks"]
pub struct ErrGroup<S: Spawn, T, E, P = FirstError> {
    handle: ErrGroupHandle<S, T, E>,
    // Only ever reached through `&mut self`. The mutex makes the group Sync if `E` is merely Send.
    verdict: Mutex<Option<Verdict<E>>>,
    // What the drop does to the tasks.
    leaves: GiveUp,
    ending: PhantomData<fn() -> P>,
}

/// Submits tasks to an [`ErrGroup`]. Clones submit to the same group.
///
/// A handle does not keep the group going: once the owner is gone, every submission is refused.
pub struct ErrGroupHandle<S: Spawn, T, E> {
    shared: Arc<Shared<S, T, E>>,
}

fn unlocked<E>(verdict: &mut Mutex<Option<Verdict<E>>>) -> &mut Option<Verdict<E>> {
    verdict.get_mut().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Spawn, T, E> ErrGroup<S, T, E> {
    /// A group on `runtime`, without a limit; the first error or panic aborts the other tasks.
    pub fn new(runtime: S) -> Self {
        Builder::new().spawned(runtime)
    }
}

impl<S: Spawn, T, E, P: Ending> ErrGroup<S, T, E, P> {
    pub(super) fn build(runtime: S, settings: Settings<E>) -> Self {
        Self {
            handle: ErrGroupHandle {
                shared: Arc::new(Shared::new(runtime, settings)),
            },
            verdict: Mutex::new(None),
            leaves: GiveUp::Abort,
            ending: PhantomData,
        }
    }

    /// Waits until no task is running, and leaves the outcomes for `wait` or `join`.
    ///
    /// Tasks that are submitted meanwhile are waited for, a submitter that still waits for its turn
    /// is not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    ///
    /// # Examples
    ///
    /// Giving up after a while, whether or not the error type is [`Clone`]:
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use orchestration::ErrGroup;
    /// use runtime::{Timer, TokioRuntime};
    ///
    /// # #[tokio::main] async fn main() {
    /// let rt = TokioRuntime::current();
    /// let mut group: ErrGroup<_, (), std::io::Error> = ErrGroup::new(rt.clone());
    /// group.spawn(std::future::pending()).await.unwrap();
    /// match rt.timeout(Duration::from_millis(5), group.ended()).await {
    ///     Ok(()) => drop(group.join().await),
    ///     Err(_elapsed) => group.shutdown().await,
    /// }
    /// # }
    /// ```
    pub async fn ended(&mut self) {
        let shared = &self.handle.shared;
        let ended = poll_fn(|cx| shared.poll_ended(cx));
        // The tasks may need the slot in which they are waited for.
        lend_to(shared.settings().limiter.as_ref(), ended).await;
    }

    /// Waits until all tasks have ended, and gives their values in the order of submission.
    ///
    /// The error comes by value and need not be [`Clone`]; to wait several times, or to go on with
    /// the group, there is `wait`.
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
    /// The future owns the group: dropping it drops the group, which aborts the tasks. To wait and
    /// keep the group, there is [`ended`](Self::ended).
    #[doc(alias = "Wait")]
    pub async fn join(mut self) -> Result<Vec<T>, P::Failure<T, E>> {
        let round = self.round().await;
        let settings = self.handle.shared.settings();
        P::close(round, settings, unlocked(&mut self.verdict))
    }

    /// Aborts all tasks and waits until they are gone. Outcomes are dropped.
    ///
    /// # Panics
    ///
    /// With the panic of a task, if there was one and panics are not errors.
    ///
    /// # Cancel safety
    ///
    /// The tasks are aborted at the first poll, and also if the future is dropped.
    pub async fn shutdown(mut self) {
        self.handle.shared.give_up(GiveUp::Abort);
        self.round()
            .await
            .close_unread(self.handle.shared.settings());
    }

    /// Gives the group up and lets its tasks run on. Nobody will see how they end, but a failure
    /// still does to the others what the policy says. Handles are refused from now on.
    pub fn detach(mut self) {
        self.leaves = GiveUp::Detach;
    }

    async fn round(&mut self) -> Ledger<T, E> {
        loop {
            self.ended().await;
            if let Some(round) = self.handle.shared.take_round() {
                return round;
            }
        }
    }
}

impl<S: Spawn, T, E> ErrGroup<S, T, E, FirstError> {
    async fn settle(&mut self) -> Vec<T> {
        let round = self.round().await;
        round.close_first(self.handle.shared.settings(), unlocked(&mut self.verdict))
    }

    /// As [`join`](Self::join), and the error says which task it is of: its place, its name if it was given
    /// one, and the line that submitted it.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::ErrGroup;
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let group = ErrGroup::new(TokioRuntime::current());
    /// for file in ["Cargo.toml", "/no/such/file"] {
    ///     let read = async move { std::fs::read(file) };
    ///     group.spawn_named(file, read).await.unwrap();
    /// }
    /// let error = group.join_traced().await.unwrap_err();
    /// assert!(error.to_string().starts_with("task #1 /no/such/file ("));
    /// # }
    /// ```
    pub async fn join_traced(mut self) -> Result<Vec<T>, TaskError<E>> {
        let values = self.settle().await;
        let verdict = unlocked(&mut self.verdict).take();
        verdict.map_or(Ok(values), |verdict| Err(verdict.pronounce()))
    }

    /// Waits until all tasks have ended, and gives their values in the order of submission.
    ///
    /// A group that failed stays failed: every later `wait` gives the same error, as in Go.
    /// After a success the group can be used again: the next `wait` gives the values of the tasks
    /// submitted since, and their token is a new one, because the end of a `wait` cancels the old.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::ErrGroup;
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let mut group = ErrGroup::new(TokioRuntime::current());
    /// group.spawn(async { Ok::<_, &str>(1) }).await.unwrap();
    /// assert_eq!(group.wait().await, Ok(vec![1]));
    ///
    /// group.spawn(async { Err("no luck") }).await.unwrap();
    /// assert_eq!(group.wait().await, Err("no luck"));
    /// assert_eq!(group.wait().await, Err("no luck"));
    /// # }
    /// ```
    #[doc(alias = "Wait")]
    pub async fn wait(&mut self) -> Result<Vec<T>, E>
    where
        E: Clone,
    {
        let values = self.settle().await;
        let verdict = unlocked(&mut self.verdict).as_ref();
        verdict.map_or(Ok(values), |verdict| Err(verdict.repeat()))
    }
}

impl<S: Spawn, T, E> ErrGroup<S, T, E, CollectAll> {
    /// Aborts the tasks that run, waits until they are gone, and gives the outcomes of the others: in the order of
    /// submission, `None` for one that was aborted.
    ///
    /// # Panics
    ///
    /// With the panic of a task, if there was one and panics are not errors.
    ///
    /// # Cancel safety
    ///
    /// The tasks are aborted at the first poll, and also if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use orchestration::errgroup::Builder;
    /// use runtime::{Timer, TokioRuntime};
    ///
    /// # #[tokio::main] async fn main() {
    /// let rt = TokioRuntime::current();
    /// let mut group = Builder::new().collect_all().spawned(rt.clone());
    /// group.spawn(async { Ok::<_, &str>(1) }).await.unwrap();
    /// group.spawn(std::future::pending()).await.unwrap();
    /// // Whatever is there after a while is good enough.
    /// let _ = rt.timeout(Duration::from_millis(5), group.ended()).await;
    /// assert_eq!(group.stop().await, [Some(Ok(1)), None]);
    /// # }
    /// ```
    pub async fn stop(mut self) -> Vec<Option<Result<T, E>>> {
        self.handle.shared.give_up(GiveUp::Stop);
        let round = self.round().await;
        round.close_stopped(self.handle.shared.settings())
    }

    /// Waits until all tasks have ended, and gives their values in the order of submission.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::errgroup::Builder;
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let mut group = Builder::new().collect_all().spawned(TokioRuntime::current());
    /// for text in ["1", "two", "3"] {
    ///     group.spawn(async move { text.parse::<u32>() }).await.unwrap();
    /// }
    /// let errors = group.wait().await.unwrap_err();
    /// assert_eq!(errors.to_string(), "1 of 3 tasks failed: #1: invalid digit found in string");
    /// assert_eq!(errors.results()[2], Ok(3));
    /// # }
    /// ```
    pub async fn wait(&mut self) -> Result<Vec<T>, Errors<T, E>> {
        let round = self.round().await;
        round.close_all(self.handle.shared.settings(), unlocked(&mut self.verdict))
    }
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
        self.shared.fail(error);
    }

    /// [Fails](Self::fail) the group with what `error` makes of the cause when `context` is cancelled, as
    /// long as what this returns is kept.
    ///
    /// Under [`CancelPolicy::Abort`](super::CancelPolicy::Abort) the tasks are dropped then, which
    /// [`Builder::context`] alone does not do: that only tells them.
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
    pub fn fail_on_cancel<F>(&self, context: &Context, error: F) -> OnCancel
    where
        F: FnOnce(&Cause) -> E + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let group = self.handle();
        context.on_cancel(move |cause| group.fail(error(cause)))
    }

    /// Waits for a place, if the group has a limit. `None`: it has stopped.
    async fn place(&self) -> Option<Option<Permit<'_>>> {
        let Some(slots) = self.shared.slots() else {
            return Some(None);
        };
        // Those that are in the way may need the slot in which this is waited for.
        let limiter = self.shared.settings().limiter.as_ref();
        let acquired = lend_to(limiter, slots.acquire()).await;
        // Closed. (`TooMany` cannot be: a limit is never zero.)
        acquired.ok().map(Some)
    }

    /// The right to run a task, if the group has not stopped.
    fn enter<'a>(
        &self,
        place: Option<Option<Permit<'a>>>,
        origin: Origin,
    ) -> Option<(Admission, Option<Permit<'a>>)> {
        let permit = place?;
        Some((self.shared.admit(origin)?, permit))
    }

    /// Both at once, where a missing place is an error.
    fn try_enter<F>(
        &self,
        origin: Origin,
        submitted: F,
    ) -> Result<(Admission, Option<Permit<'_>>, F), TrySpawnError<F>> {
        let permit = match self.shared.slots().map(Semaphore::try_acquire) {
            None => None,
            Some(Ok(permit)) => Some(permit),
            Some(Err(_)) if self.shared.is_stopped() => {
                return Err(TrySpawnError::Stopped(submitted));
            }
            Some(Err(_)) => return Err(TrySpawnError::Full(submitted)),
        };
        match self.shared.admit(origin) {
            Some(admission) => Ok((admission, permit, submitted)),
            None => Err(TrySpawnError::Stopped(submitted)),
        }
    }
}

impl<S: Spawn, T: Send + 'static, E: Send + 'static> ErrGroupHandle<S, T, E> {
    /// Submits a task. If the group has a limit, waits until fewer tasks than that are running, in
    /// order of arrival; without a limit it does not wait.
    ///
    /// The task is running when this completes.
    ///
    /// A task of the group that submits to its own group holds a slot while it waits for another
    /// one: with a limit it should use [`try_spawn`](Self::try_spawn).
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with `future` in it, if the group has stopped. It was not run.
    ///
    /// # Panics
    ///
    /// If the runtime's `spawn` does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the task was never run, `future` is dropped,
    /// the place in the queue is given up and no slot is lost.
    ///
    /// # Fairness
    ///
    /// First come, first served.
    ///
    /// # Examples
    ///
    /// The limit is felt by the loop, so a million inputs do not become a million tasks:
    ///
    /// ```
    /// use orchestration::errgroup::Builder;
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let group = Builder::new().limit(8).spawned(TokioRuntime::current());
    /// for n in 0..1000_u32 {
    ///     let work = async move { n.checked_mul(2).ok_or("too big") };
    ///     if group.spawn(work).await.is_err() {
    ///         break; // The group has failed: `join` says why.
    ///     }
    ///     assert!(group.running() <= 8);
    /// }
    /// assert_eq!(group.join().await.unwrap().len(), 1000);
    /// # }
    /// ```
    #[doc(alias = "Go")]
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> impl Future<Output = Result<(), SpawnError<F>>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.submit(Origin::caller(), future)
    }

    /// As [`spawn`](Self::spawn), and the task has a name, which is told with its error: see
    /// [`ErrGroup::join_traced`] and [`Errors`].
    ///
    /// The line that calls this is told in any case.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with `future` in it, if the group has stopped. It was not run.
    ///
    /// # Panics
    ///
    /// If the runtime's `spawn` does.
    ///
    /// # Cancel safety
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn spawn_named<F>(
        &self,
        name: impl Into<Box<str>>,
        future: F,
    ) -> impl Future<Output = Result<(), SpawnError<F>>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.submit(Origin::caller().named(name.into()), future)
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn would hold the task twice"
    )]
    fn submit<F>(
        &self,
        origin: Origin,
        future: F,
    ) -> impl Future<Output = Result<(), SpawnError<F>>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        async move {
            let place = self.place().await;
            let Some((admission, permit)) = self.enter(place, origin) else {
                return Err(SpawnError(future));
            };
            self.shared.launch(admission, permit, future);
            Ok(())
        }
    }

    /// As [`spawn`](Self::spawn), for a task that wants to know when to stop: `task` is called
    /// with the group's token once there is a slot, and inside the task.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] with `task` in it, if the group has stopped. It was not called.
    ///
    /// # Panics
    ///
    /// If the runtime's `spawn` does. A panic of `task` is a panic of the task.
    ///
    /// # Cancel safety
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::errgroup::{Builder, CancelPolicy};
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let group = Builder::new().cancel(CancelPolicy::Signal).spawned(TokioRuntime::current());
    /// let polite = group.spawn_with(|token| async move {
    ///     token.cancelled().await;
    ///     // Time to clean up.
    ///     Ok(())
    /// });
    /// polite.await.unwrap();
    /// group.spawn(async { Err("no luck") }).await.unwrap();
    /// assert_eq!(group.join().await, Err("no luck"));
    /// # }
    /// ```
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn would hold the task twice"
    )]
    #[track_caller]
    pub fn spawn_with<C, F>(&self, task: C) -> impl Future<Output = Result<(), SpawnError<C>>>
    where
        C: FnOnce(CancelToken) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let origin = Origin::caller();
        async move {
            let place = self.place().await;
            let Some((admission, permit)) = self.enter(place, origin) else {
                return Err(SpawnError(task));
            };
            let token = self.shared.token();
            let future = WithToken::new(task, token);
            self.shared.launch(admission, permit, future);
            Ok(())
        }
    }

    /// Submits a task if it can run at once.
    ///
    /// # Errors
    ///
    /// [`TrySpawnError`] with `future` in it, if the group is full, or others wait for their turn,
    /// or the group has stopped. It was not run.
    ///
    /// # Panics
    ///
    /// If the runtime's `spawn` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::errgroup::{Builder, ErrGroup};
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let group: ErrGroup<_, (), &str> =
    ///     Builder::new().limit(1).spawned(TokioRuntime::current());
    /// group.try_spawn(std::future::pending()).unwrap();
    /// let refused = group.try_spawn(async { Ok(()) }).unwrap_err();
    /// assert!(refused.is_full());
    /// assert_eq!(refused.into_inner().await, Ok(()));
    /// # }
    /// ```
    #[doc(alias = "TryGo")]
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<(), TrySpawnError<F>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (admission, permit, future) = self.try_enter(Origin::caller(), future)?;
        self.shared.launch(admission, permit, future);
        Ok(())
    }

    /// As [`try_spawn`](Self::try_spawn), and the task has a name, which is told with its error.
    ///
    /// # Errors
    ///
    /// [`TrySpawnError`] with `future` in it, as [`try_spawn`](Self::try_spawn). It was not run.
    ///
    /// # Panics
    ///
    /// If the runtime's `spawn` does.
    #[track_caller]
    pub fn try_spawn_named<F>(
        &self,
        name: impl Into<Box<str>>,
        future: F,
    ) -> Result<(), TrySpawnError<F>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let origin = Origin::caller().named(name.into());
        let (admission, permit, future) = self.try_enter(origin, future)?;
        self.shared.launch(admission, permit, future);
        Ok(())
    }

    /// As [`try_spawn`](Self::try_spawn), for a task that wants the group's token.
    ///
    /// # Errors
    ///
    /// [`TrySpawnError`] with `task` in it, as [`try_spawn`](Self::try_spawn). It was not called.
    ///
    /// # Panics
    ///
    /// If the runtime's `spawn` does. A panic of `task` is a panic of the task.
    #[track_caller]
    pub fn try_spawn_with<C, F>(&self, task: C) -> Result<(), TrySpawnError<C>>
    where
        C: FnOnce(CancelToken) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (admission, permit, task) = self.try_enter(Origin::caller(), task)?;
        let token = self.shared.token();
        let future = WithToken::new(task, token);
        self.shared.launch(admission, permit, future);
        Ok(())
    }
}

impl<S: Spawn, T, E, P> Deref for ErrGroup<S, T, E, P> {
    type Target = ErrGroupHandle<S, T, E>;

    fn deref(&self) -> &Self::Target {
        &self.handle
    }
}

impl<S: Spawn, T, E, P> Drop for ErrGroup<S, T, E, P> {
    fn drop(&mut self) {
        self.handle
            .shared
            .give_up(mem::replace(&mut self.leaves, GiveUp::Abort));
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
    fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

impl<S: Spawn, T, E, P> fmt::Debug for ErrGroup<S, T, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt_as("ErrGroup", f)
    }
}
