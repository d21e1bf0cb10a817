//! The choices that a group is made with.

use std::fmt;
use std::marker::PhantomData;

use async_sync::Context;
use runtime::Spawn;

use super::ending::{CollectAll, Ending, FirstError};
use super::ledger::Failure;
use super::local::LocalErrGroup;
use super::sendness::{SendTasks, ThreadBound};
use super::{CancelToken, ErrGroup, Panic};
use crate::Limiter;

/// What a failing task does to the other tasks of its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelPolicy {
    /// Nothing. The others run to their end, and the group goes on taking tasks; the first error
    /// is still what joining gives. This is Go's zero `errgroup.Group`.
    None,
    /// The group's token is cancelled, and each task decides what to do about it; the group takes
    /// no more tasks. This is Go's `errgroup.WithContext`.
    Signal,
    /// The token is cancelled and the futures of the others are dropped; the group takes no more
    /// tasks. Go has no such thing, and its users wish for it.
    #[default]
    Abort,
}

/// The choices for a group; its defaults are those of [`ErrGroup::new`].
///
/// | | default | otherwise |
/// |---|---|---|
/// | an error | the first one aborts the other tasks | [`cancel`](Self::cancel), [`collect_all`](Self::collect_all) |
/// | running at a time | any number | [`limit`](Self::limit): `spawn` waits for its turn (go-pkgz's preemptive `SizedGroup`) |
/// | | | [`eager`](Self::eager): `spawn` never waits, the tasks do (go-pkgz's `SizedGroup`) |
/// | | | [`bounded`](Self::bounded): so many run, and so many more are queued (neilotoole's) |
/// | | | [`limiter`](Self::limiter): several groups share one limit |
/// | a panic | aborts the others, is raised again at the join | [`panics_as_errors`](Self::panics_as_errors), [`panics_with`](Self::panics_with) |
///
/// # Examples
///
/// ```
/// use orchestration::errgroup::{Builder, CancelPolicy};
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() -> Result<(), std::io::Error> {
/// let group = Builder::new()
///     .limit(2)
///     .cancel(CancelPolicy::Signal)
///     .spawned(TokioRuntime::current());
/// for n in 0..5_u64 {
///     group.spawn(async move { Ok::<_, std::io::Error>(n * n) }).await.unwrap();
/// }
/// assert_eq!(group.join().await?, [0, 1, 4, 9, 16]);
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `spawned` or `local`"]
pub struct Builder<E, P = FirstError> {
    settings: Settings<E>,
    ending: PhantomData<fn() -> P>,
}

/// What is fixed when a group is made.
pub struct Settings<E> {
    // Of those that were submitted and have not ended.
    pub(super) limit: Option<usize>,
    // Of those that run.
    pub(super) limiter: Option<Limiter>,
    pub(super) cancel: CancelPolicy,
    pub(super) collect: bool,
    // Of which the group's tokens are children.
    context: Option<Context>,
    // None: raised again at the join.
    panics: Option<fn(Panic) -> E>,
}

impl<E> Settings<E> {
    /// The token of a new round.
    pub(super) fn token(&self) -> CancelToken {
        match &self.context {
            Some(context) => context.child().into(),
            None => CancelToken::new(),
        }
    }

    /// Whether a panic is raised again at the join.
    pub(super) fn raises_panics(&self) -> bool {
        self.panics.is_none()
    }

    /// What this failure does to the siblings.
    pub(super) fn policy_for(&self, failure: &Failure<E>) -> CancelPolicy {
        match failure {
            _ if !self.collect => self.cancel,
            // The outcomes will not be looked at: the join panics.
            Failure::Panic(_) if self.raises_panics() => CancelPolicy::Abort,
            _ => CancelPolicy::None,
        }
    }

    /// The failure as an error of the user's. Calls foreign code: not for use under a lock.
    pub(super) fn error_of(&self, failure: Failure<E>) -> E {
        match (failure, &self.panics) {
            (Failure::Error(error), _) => error,
            (Failure::Panic(panic), Some(convert)) => convert(panic),
            (Failure::Panic(panic), None) => std::panic::resume_unwind(panic.into_payload()),
        }
    }
}

impl<E> Default for Builder<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Builder<E> {
    /// No limit, the first error aborts the others, panics are raised again.
    pub fn new() -> Self {
        Self {
            settings: Settings {
                limit: None,
                limiter: None,
                cancel: CancelPolicy::default(),
                collect: false,
                context: None,
                panics: None,
            },
            ending: PhantomData,
        }
    }

    /// What the first failure does to the other tasks.
    pub fn cancel(mut self, policy: CancelPolicy) -> Self {
        self.settings.cancel = policy;
        self
    }

    /// Lets every task run to its end whatever becomes of the others, and gives all outcomes.
    ///
    /// `wait` and `join` then give [`Errors`](super::Errors) if anything failed. (A panic still
    /// aborts the others, unless panics are turned into errors.)
    pub fn collect_all(mut self) -> Builder<E, CollectAll> {
        self.settings.collect = true;
        Builder {
            settings: self.settings,
            ending: PhantomData,
        }
    }
}

impl<E, P: Ending> Builder<E, P> {
    /// At most `limit` tasks run at a time; `spawn` waits for its turn, in order of arrival.
    ///
    /// The limit can be changed later, see [`set_limit`](super::ErrGroupHandle::set_limit).
    ///
    /// # Panics
    ///
    /// If `limit` is zero: no task could ever run.
    #[track_caller]
    #[doc(alias = "SetLimit")]
    #[doc(alias = "Preemptive")]
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "ErrGroup: a limit of 0 would run no task at all");
        self.settings.limit = Some(limit);
        self
    }

    /// At most `limit` tasks run at a time, and `spawn` never waits: those that are too many wait as
    /// tasks, in the order in which their runtime first comes to them.
    ///
    /// Whoever submits without end is not held up, and all of it is kept in memory. This is go-pkgz's
    /// `SizedGroup` and `ErrSizedGroup`; with [`limit`](Self::limit) instead they are preemptive.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: no task could ever run.
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
    /// let group = Builder::new().eager(2).spawned(rt.clone());
    /// for _ in 0..10 {
    ///     let rt = rt.clone();
    ///     let task = async move { Ok::<_, ()>(rt.sleep(Duration::from_millis(1)).await) };
    ///     group.spawn(task).await.unwrap();
    /// }
    /// assert!(group.running() > 2, "submitted, though only two run at a time");
    /// assert_eq!(group.join().await.unwrap().len(), 10);
    /// # }
    /// ```
    #[track_caller]
    #[doc(alias = "SizedGroup")]
    #[doc(alias = "ErrSizedGroup")]
    #[doc(alias = "NewSizedGroup")]
    #[doc(alias = "NewErrSizedGroup")]
    pub fn eager(self, limit: usize) -> Self {
        assert!(limit > 0, "ErrGroup: a limit of 0 would run no task at all");
        self.limiter(&Limiter::new(limit))
    }

    /// At most `workers` tasks run at a time, and at most `queue` more wait as tasks; then `spawn` waits. With 0
    /// workers there are as many as processors; a queue of 0 is none. (neilotoole's takes the number of
    /// processors for both.)
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::errgroup::{Builder, ErrGroup};
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let group: ErrGroup<_, (), &str> =
    ///     Builder::new().bounded(2, 2).spawned(TokioRuntime::current());
    /// for _ in 0..4 {
    ///     group.try_spawn(std::future::pending()).unwrap();
    /// }
    /// assert!(group.try_spawn(std::future::pending()).unwrap_err().is_full());
    /// # }
    /// ```
    #[doc(alias = "WithContextN")]
    #[doc(alias = "GOMAXPROCS")]
    pub fn bounded(self, workers: usize, queue: usize) -> Self {
        let limiter = match workers {
            0 => Limiter::per_processor(),
            workers => Limiter::new(workers),
        };
        let limit = limiter.limit().saturating_add(queue);
        self.limiter(&limiter).limit(limit)
    }

    /// Tasks run in the slots of `limiter`, for which they wait as tasks: groups that are given the same
    /// one share its limit. [`limit`](Self::limit) holds beside it, for those that run or wait.
    ///
    /// Groups on one limiter may be nested: who waits for such a group in a slot
    /// [lends](Limiter::lend) it to the others.
    ///
    /// The tasks of a local group keep their slots while nobody awaits the group. Who gives up waiting for one (a
    /// `timeout` around `ended`) and goes on in a slot of its own does not wait for theirs: it takes one of them, whose
    /// task waits for another when the group is awaited again. Others do wait, so await such a group soon, or drop it.
    ///
    /// # Examples
    ///
    /// A tree, walked by two tasks at a time, however deep it is:
    ///
    /// ```
    /// use std::pin::Pin;
    ///
    /// use orchestration::Limiter;
    /// use orchestration::errgroup::Builder;
    /// use runtime::TokioRuntime;
    ///
    /// type Count = Pin<Box<dyn Future<Output = Result<usize, std::io::Error>> + Send>>;
    ///
    /// fn leaves(limiter: Limiter, depth: u32) -> Count {
    ///     Box::pin(async move {
    ///         if depth == 0 {
    ///             return Ok(1);
    ///         }
    ///         let below = Builder::new().limiter(&limiter).spawned(TokioRuntime::current());
    ///         for _ in 0..2 {
    ///             below.spawn(leaves(limiter.clone(), depth - 1)).await.expect("nothing fails");
    ///         }
    ///         Ok(below.join().await?.into_iter().sum())
    ///     })
    /// }
    ///
    /// # #[tokio::main] async fn main() {
    /// assert_eq!(leaves(Limiter::new(2), 5).await.unwrap(), 32);
    /// # }
    /// ```
    pub fn limiter(mut self, limiter: &Limiter) -> Self {
        self.settings.limiter = Some(limiter.clone());
        self
    }

    /// The group's tokens are children of `context`: cancelled with it, and with its values and
    /// deadline.
    ///
    /// As Go's `errgroup.WithContext`, this tells the tasks, and does not end them: one that does not
    /// listen runs on, and the group's outcome is what the tasks make of it. A task that is to end at
    /// its next await runs in `token.context().run(...)`; a group that is to end with its context is told
    /// by [`fail_on_cancel`](super::ErrGroupHandle::fail_on_cancel).
    ///
    /// # Examples
    ///
    /// ```
    /// use async_sync::Context;
    /// use async_sync::context::Cause;
    /// use orchestration::errgroup::Builder;
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let request = Context::new();
    /// let group = Builder::new().context(&request).spawned(TokioRuntime::current());
    /// let task = |token: orchestration::errgroup::CancelToken| async move {
    ///     token.context().run(std::future::pending::<()>()).await
    /// };
    /// group.spawn_with(task).await.unwrap();
    /// request.cancel();
    /// assert!(matches!(group.join().await, Err(Cause::Canceled)));
    /// # }
    /// ```
    #[doc(alias = "WithContext")]
    pub fn context(mut self, context: &Context) -> Self {
        self.settings.context = Some(context.clone());
        self
    }

    /// Treats the panic of a task as if the task had failed with `E::from(panic)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::errgroup::{Builder, ErrGroup};
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let group: ErrGroup<_, (), anyhow::Error> =
    ///     Builder::new().panics_as_errors().spawned(TokioRuntime::current());
    /// group.spawn(async { panic!("out of cheese") }).await.unwrap();
    /// let error = group.join().await.unwrap_err();
    /// assert_eq!(error.to_string(), "task panicked: out of cheese");
    /// # }
    /// ```
    pub fn panics_as_errors(self) -> Self
    where
        E: From<Panic>,
    {
        self.panics_with(E::from)
    }

    /// Treats the panic of a task as if the task had failed with `convert(panic)`.
    ///
    /// `convert` runs in the task that joins the group.
    pub fn panics_with(mut self, convert: fn(Panic) -> E) -> Self {
        self.settings.panics = Some(convert);
        self
    }

    /// A group whose tasks run on `runtime`.
    pub fn spawned<S: Spawn, T>(self, runtime: S) -> ErrGroup<S, T, E, P> {
        ErrGroup::build(runtime, self.settings)
    }

    /// A group whose tasks run inside the task that awaits it. They may borrow, and need not be
    /// `Send`; nor is the group.
    pub fn local<'a, T: 'a>(self) -> LocalErrGroup<'a, T, E, P, ThreadBound>
    where
        E: 'a,
    {
        LocalErrGroup::build(self.settings)
    }

    /// As [`local`](Self::local), for tasks that are `Send`, so that the group is `Send` too and
    /// can be used inside a task that moves between threads.
    pub fn local_send<'a, T: 'a>(self) -> LocalErrGroup<'a, T, E, P, SendTasks>
    where
        E: 'a,
    {
        LocalErrGroup::build(self.settings)
    }
}

impl<E> fmt::Debug for Settings<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("limit", &self.limit)
            .field("limiter", &self.limiter)
            .field("cancel", &self.cancel)
            .field("collect", &self.collect)
            .field("raises_panics", &self.raises_panics())
            .finish()
    }
}

impl<E, P> fmt::Debug for Builder<E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Builder").field(&self.settings).finish()
    }
}
