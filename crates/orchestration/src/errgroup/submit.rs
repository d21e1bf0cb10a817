//! Submitting tasks to a spawned group.
//!
//! ```text
//!  place (if there is a limit, waits) -> admitted (unless the group has stopped) -> launched
//! ```
//!
//! Until the task is launched nothing of it has run, and what is dropped half-way gives its place back.

use async_sync::Semaphore;
use async_sync::semaphore::Permit;
use runtime::Spawn;

use super::handle::ErrGroupHandle;
use super::shared::Admission;
use super::{CancelToken, Origin, SpawnError, TrySpawnError, WithToken};
use crate::limiter::lend_to;

impl<S: Spawn, T, E> ErrGroupHandle<S, T, E> {
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
    /// [`ErrGroup::join_traced`](super::ErrGroup::join_traced) and [`Errors`](super::Errors).
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
