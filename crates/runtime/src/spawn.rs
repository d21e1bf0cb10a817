//! Starting tasks: `Spawn`, and the `JoinHandle` that it gives.
//!
//! The contract that every adapter keeps, and that `tests/contract` checks on each of them:
//! a dropped handle detaches; an aborted task's future is dropped before its handle resolves; a
//! panic of the task reaches the handle and nobody else.

use crate::JoinError;

/// Starts `Send` futures as tasks of some runtime.
///
/// Implementations are handles: cheap to clone, usable from any thread, and free to outlive the
/// runtime (what spawning does then is the adapter's to say).
///
/// # Examples
///
/// ```
/// use runtime::{JoinError, Spawn};
///
/// /// Works on every runtime.
/// async fn sum_of_squares<R: Spawn>(rt: &R, numbers: Vec<u64>) -> Result<u64, JoinError> {
///     let tasks: Vec<_> = numbers.into_iter().map(|n| rt.spawn(async move { n * n })).collect();
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await?;
///     }
///     Ok(sum)
/// }
/// ```
pub trait Spawn: Clone + Send + Sync + 'static {
    /// What [`spawn`](Self::spawn) gives.
    type Handle<T: Send + 'static>: JoinHandle<T>;

    /// Starts `future` as a task of its own. It runs whether or not the handle is polled.
    ///
    /// # Panics
    ///
    /// Never because of the future: a panic inside it becomes [`JoinError::Panicked`].
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example<R: runtime::Spawn>(rt: R) {
    /// let task = rt.spawn(async { 6 * 7 });
    /// assert_eq!(task.await.unwrap(), 42);
    /// # }
    /// ```
    #[track_caller]
    fn spawn<F>(&self, future: F) -> Self::Handle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Runs blocking code where it does not stall other tasks.
    ///
    /// An adapter without a thread pool inherits this default, which runs `work` inline in a
    /// spawned task. Aborting works only until `work` begins.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example<R: runtime::Spawn>(rt: R) {
    /// let text = rt.spawn_blocking(|| std::fs::read_to_string("Cargo.toml")).await;
    /// assert!(text.unwrap().is_ok());
    /// # }
    /// ```
    #[track_caller]
    fn spawn_blocking<F, T>(&self, work: F) -> Self::Handle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn(async move { work() })
    }
}

/// A task that can be awaited and aborted. Dropping it detaches: the task runs on.
///
/// Awaiting gives the task's output, or says why there is none.
///
/// # Cancel safety
///
/// A `&mut` handle can be polled, left, and polled again: the result stays with the task until
/// it is taken. To wait with a deadline and keep the task, pass `&mut handle` to
/// [`Timer::timeout`](crate::Timer::timeout).
///
/// # Panics
///
/// Polling again after the result was given panics.
///
/// # Examples
///
/// ```
/// use runtime::{JoinHandle, Spawn};
///
/// async fn example<R: Spawn>(rt: R) {
///     let task = rt.spawn(std::future::pending::<()>());
///     task.abort();
///     assert!(task.await.unwrap_err().is_aborted());
/// }
/// ```
#[must_use = "dropping the handle detaches the task"]
pub trait JoinHandle<T>: Future<Output = Result<T, JoinError>> + Send + Unpin {
    /// Asks the runtime to drop the task's future at the next point where it is not being
    /// polled, and returns at once.
    ///
    /// The handle then gives [`JoinError::Aborted`], after the future is gone. A task that
    /// finishes first keeps its result; aborting a finished task does nothing.
    fn abort(&self);

    /// Whether the task has finished, been aborted or panicked, so that awaiting the handle
    /// would not wait.
    fn is_finished(&self) -> bool;
}
