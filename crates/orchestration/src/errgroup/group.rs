//! The spawned flavour: the owner of a group, who waits for it. See `handle` for the others.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::mem;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use runtime::Spawn;

use super::builder::{Builder, Settings};
use super::ending::{CollectAll, Ending, FirstError};
use super::handle::ErrGroupHandle;
use super::ledger::{Ledger, Verdict};
use super::shared::{GiveUp, Shared};
use super::{Errors, TaskError};
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

impl<S: Spawn, T, E, P> fmt::Debug for ErrGroup<S, T, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt_as("ErrGroup", f)
    }
}
