//! What a stage does to one item: an async function, a plain one, or one that blocks; and again, if it
//! failed and the hook says so.

use std::fmt;
use std::future::ready;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_sync::WaitGroup;
use runtime::{JoinError, Spawn};

use super::metrics::StageStats;
use crate::errgroup::CancelToken;

/// What the workers of a pipeline share.
pub struct Env<R> {
    pub(super) rt: R,
    // Cancelled when the pipeline has failed or was dropped: for blocking code, which cannot be aborted.
    pub(super) stop: CancelToken,
    // Counts the blocking code that runs.
    pub(super) blocking: Arc<WaitGroup>,
}

impl<R: Clone> Clone for Env<R> {
    fn clone(&self) -> Self {
        Env {
            rt: self.rt.clone(),
            stop: self.stop.clone(),
            blocking: Arc::clone(&self.blocking),
        }
    }
}

impl<R> fmt::Debug for Env<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

/// What a stage does to an item.
pub trait Op<T, E>: Send + Sync + 'static {
    /// What becomes of it.
    type Out: Send + 'static;

    /// Begins to.
    fn call<R: Spawn>(
        &self,
        env: &Env<R>,
        item: T,
    ) -> impl Future<Output = Result<Self::Out, E>> + Send;
}

/// Of [`Pipeline::stage`](super::Pipeline::stage).
pub struct Async<F>(pub(super) F);

impl<T, E, F, Fut, U> Op<T, E> for Async<F>
where
    F: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<U, E>> + Send,
    U: Send + 'static,
{
    type Out = U;

    #[inline]
    fn call<R: Spawn>(&self, _: &Env<R>, item: T) -> impl Future<Output = Result<U, E>> + Send {
        (self.0)(item)
    }
}

/// Of [`Pipeline::map`](super::Pipeline::map).
pub struct Total<F>(pub(super) F);

impl<T, E, F, U> Op<T, E> for Total<F>
where
    F: Fn(T) -> U + Send + Sync + 'static,
    U: Send + 'static,
    E: Send,
{
    type Out = U;

    #[inline]
    fn call<R: Spawn>(&self, _: &Env<R>, item: T) -> impl Future<Output = Result<U, E>> + Send {
        ready(Ok((self.0)(item)))
    }
}

/// Of [`Pipeline::try_map`](super::Pipeline::try_map).
pub struct Plain<F>(pub(super) F);

impl<T, E, F, U> Op<T, E> for Plain<F>
where
    F: Fn(T) -> Result<U, E> + Send + Sync + 'static,
    U: Send + 'static,
    E: Send,
{
    type Out = U;

    #[inline]
    fn call<R: Spawn>(&self, _: &Env<R>, item: T) -> impl Future<Output = Result<U, E>> + Send {
        ready((self.0)(item))
    }
}

/// Of [`Pipeline::blocking`](super::Pipeline::blocking).
pub struct Blocking<F>(pub(super) Arc<F>);

impl<T, E, F, U> Op<T, E> for Blocking<F>
where
    T: Send + 'static,
    F: Fn(T) -> Result<U, E> + Send + Sync + 'static,
    U: Send + 'static,
    E: Send + 'static,
{
    type Out = U;

    fn call<R: Spawn>(&self, env: &Env<R>, item: T) -> impl Future<Output = Result<U, E>> + Send {
        let work = Arc::clone(&self.0);
        on_threads(env, move || work(item))
    }
}

/// Of [`Pipeline::blocking_with`](super::Pipeline::blocking_with).
pub struct BlockingWith<F>(pub(super) Arc<F>);

impl<T, E, F, U> Op<T, E> for BlockingWith<F>
where
    T: Send + 'static,
    F: Fn(T, &CancelToken) -> Result<U, E> + Send + Sync + 'static,
    U: Send + 'static,
    E: Send + 'static,
{
    type Out = U;

    fn call<R: Spawn>(&self, env: &Env<R>, item: T) -> impl Future<Output = Result<U, E>> + Send {
        let work = Arc::clone(&self.0);
        // One of its own: if it cancels that, the others go on.
        let stop = CancelToken::from(env.stop.context().child());
        on_threads(env, move || work(item, &stop))
    }
}

/// Runs blocking code that the pipeline waits for at its end, even if nobody wants its result.
pub(super) async fn on_threads<R: Spawn, T: Send + 'static>(
    env: &Env<R>,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (stop, token) = (env.stop.clone(), env.blocking.add_owned());
    let running = env.rt.spawn_blocking(move || {
        // Dropped last, when nothing of the stage's is left.
        let _token = token;
        (!stop.is_cancelled()).then(work)
    });
    match running.await {
        Ok(Some(result)) => result,
        Err(JoinError::Panicked(payload)) => resume_unwind(payload),
        // The pipeline has failed, and this worker is about to be dropped; or its runtime shuts down,
        // and so is everything.
        Ok(None) | Err(JoinError::Aborted) => std::future::pending().await,
    }
}

/// Of `retry`.
pub struct Again<O, H> {
    pub(super) op: O,
    pub(super) hook: H,
    pub(super) stats: Arc<StageStats>,
}

impl<T, E, O, H, D> Op<T, E> for Again<O, H>
where
    T: Clone + Send,
    E: Send,
    O: Op<T, E>,
    H: Fn(&E, usize) -> Option<D> + Send + Sync + 'static,
    D: Future + Send,
{
    type Out = O::Out;

    async fn call<R: Spawn>(&self, env: &Env<R>, item: T) -> Result<O::Out, E> {
        let mut failed = 0;
        loop {
            let error = match self.op.call(env, item.clone()).await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            failed += 1;
            match (self.hook)(&error, failed) {
                None => return Err(error),
                Some(delay) => drop((error, delay.await)),
            }
            self.stats.retries.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<F> fmt::Debug for Async<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Total<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Total").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Plain<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plain").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Blocking<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for BlockingWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingWith").finish_non_exhaustive()
    }
}

impl<O, H> fmt::Debug for Again<O, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Again").finish_non_exhaustive()
    }
}
