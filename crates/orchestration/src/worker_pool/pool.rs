//! The pool: jobs are futures of any type, boxed, and a worker awaits one after the other.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use async_sync::channel::TryReserveError;
use async_sync::oneshot;
use futures_util::FutureExt as _;
use runtime::Spawn;

use super::crew::{Channel, Crew, Hire, Settings, Shared, Told, Work};
use super::{Builder, Counts, JobError, Stopped, TrySubmitError, counts_of};
use crate::caught::Caught;

type Job = Pin<Box<dyn Future<Output = Told> + Send>>;

/// Makes workers that have no state.
struct Hands;

impl Hire<Job> for Hands {
    type Worker = Hands;

    fn hire(&self) -> Hands {
        Hands
    }
}

impl Work<Job> for Hands {
    fn work(&mut self, job: Job) -> impl Future<Output = Told> + Send {
        job
    }
}

/// A number of workers that run whatever they are given. See the [module](crate::worker_pool).
///
/// Jobs are submitted by the methods of [`WorkerPoolHandle`], to which the pool dereferences; a clone of
/// [`handle`](WorkerPoolHandle::handle) submits from elsewhere.
///
/// # Structure
///
/// Dropping the pool aborts it: what is queued is dropped, what runs is aborted.
///
/// # Fairness
///
/// Jobs are begun in the order in which they were submitted, and submitters wait in order of arrival.
///
/// # Examples
///
/// ```
/// use orchestration::WorkerPool;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let pool = WorkerPool::new(TokioRuntime::current(), 4);
/// for n in 0..100_u32 {
///     // Waits when four are running and four are queued.
///     pool.submit(async move { println!("{n}") }).await.unwrap();
/// }
/// assert_eq!(pool.submit_and_wait(async { 6 * 7 }).await.unwrap(), 42);
/// pool.stop().await;
/// # }
/// ```
#[doc(alias = "goroutine pool")]
#[must_use = "dropping a pool aborts its jobs"]
pub struct WorkerPool<R: Spawn> {
    handle: WorkerPoolHandle,
    crew: Crew<R, Job>,
}

/// Submits jobs to a [`WorkerPool`]. Clones submit to the same pool.
///
/// A handle does not keep the pool going: once it has stopped, every job is refused.
#[derive(Clone)]
pub struct WorkerPoolHandle {
    shared: Arc<Shared<Job>>,
}

impl<R: Spawn> WorkerPool<R> {
    /// A pool of `workers` tasks of `runtime`, with room for as many jobs in its queue.
    ///
    /// # Panics
    ///
    /// If `workers` is zero: no job would ever be done.
    #[track_caller]
    pub fn new(runtime: R, workers: usize) -> Self {
        Builder::new(workers).build(runtime)
    }

    pub(super) fn with(runtime: R, settings: Settings, channel: Channel<Job>) -> Self {
        let crew = Crew::new(runtime, settings, Hands, channel);
        let shared = Arc::clone(crew.shared());
        Self {
            handle: WorkerPoolHandle { shared },
            crew,
        }
    }

    /// Takes no more jobs, and waits until all that are queued have been done. Submitters that wait are refused.
    ///
    /// # Panics
    ///
    /// With the first panic of a job, if nobody else was told of it.
    ///
    /// # Cancel safety
    ///
    /// The future owns the pool: dropping it aborts what is left. So a limit is one line:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use orchestration::WorkerPool;
    /// # use runtime::{Timer, TokioRuntime};
    /// # #[tokio::main] async fn main() {
    /// # let rt = TokioRuntime::current();
    /// # let pool = WorkerPool::new(rt.clone(), 1);
    /// # pool.submit(std::future::pending::<()>()).await.unwrap();
    /// let in_time = rt.timeout(Duration::from_millis(5), pool.stop()).await;
    /// assert!(in_time.is_err());
    /// # }
    /// ```
    #[doc(alias = "StopWait")]
    #[doc(alias = "Release")]
    pub async fn stop(self) {
        self.crew.stop().await;
    }

    /// Drops what is queued, aborts what runs, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// With the first panic of a job, if nobody else was told of it.
    ///
    /// # Cancel safety
    ///
    /// The jobs are aborted at the first poll, and also if the future is dropped.
    #[doc(alias = "Stop")]
    pub async fn abort(self) {
        self.crew.abort().await;
    }
}

impl WorkerPoolHandle {
    /// A handle to the same pool.
    #[must_use]
    pub fn handle(&self) -> Self {
        self.clone()
    }

    /// Submits a job. Waits while the queue is full.
    ///
    /// A job that submits to its own pool, and waits for room or for the result, can wait for itself: the
    /// workers may all be at that. It should use [`try_submit`](Self::try_submit).
    ///
    /// # Errors
    ///
    /// [`Stopped`], if the pool has stopped. The job was not run.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the job was not submitted.
    #[doc(alias = "Submit")]
    pub async fn submit<F>(&self, job: F) -> Result<(), Stopped>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let permit = self.shared.jobs().reserve().await.map_err(|_| Stopped)?;
        let sent = self.shared.send(permit, boxed(job));
        sent.then_some(()).ok_or(Stopped)
    }

    /// Submits a job if there is room in the queue.
    ///
    /// # Errors
    ///
    /// [`TrySubmitError`]: the queue is full (and here is the job), or the pool has stopped.
    pub fn try_submit<F>(&self, job: F) -> Result<(), TrySubmitError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let permit = match self.shared.jobs().try_reserve() {
            Ok(permit) => permit,
            Err(TryReserveError::Full) => return Err(TrySubmitError::Full(job)),
            Err(_) => return Err(TrySubmitError::Stopped),
        };
        let sent = self.shared.send(permit, boxed(job));
        sent.then_some(()).ok_or(TrySubmitError::Stopped)
    }

    /// Submits a job, waiting while the queue is full, and then waits for its result.
    ///
    /// # Errors
    ///
    /// [`JobError`]: the pool has stopped, or was aborted before the job was done; or the job has panicked.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a job that has not been begun is not run. One that has goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::WorkerPool;
    /// use orchestration::worker_pool::JobError;
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let pool = WorkerPool::new(TokioRuntime::current(), 2);
    /// let fails = pool.submit_and_wait(async { "seven".parse::<u32>() }).await;
    /// assert!(fails.unwrap().is_err());
    /// let panics = pool.submit_and_wait(async { panic!("out of cheese") }).await;
    /// assert!(matches!(panics, Err(JobError::Panicked(panic)) if panic.message() == "out of cheese"));
    /// # }
    /// ```
    #[doc(alias = "SubmitWait")]
    pub async fn submit_and_wait<F>(&self, job: F) -> Result<F::Output, JobError>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let permit = self.shared.jobs().reserve().await;
        let permit = permit.map_err(|_| JobError::Stopped)?;
        let (reply, result) = oneshot::channel();
        let job: Job = Box::pin(async move {
            if reply.is_closed() {
                return Told::Fine;
            }
            Told::tell(Caught::new(job).await, reply)
        });
        if !self.shared.send(permit, job) {
            return Err(JobError::Stopped);
        }
        result.await.unwrap_or(Err(JobError::Aborted))
    }

    /// Waits until no job is queued or running.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    #[doc(alias = "WaitAll")]
    pub async fn idle(&self) {
        self.shared.idle().await;
    }

    /// Has `n` workers from now on. New ones are there at once; those that are too many go when they have
    /// finished their job.
    ///
    /// # Panics
    ///
    /// If `n` is zero: no job would ever be done; or more than 1048576.
    #[doc(alias = "Tune")]
    #[doc(alias = "SetSize")]
    #[track_caller]
    pub fn set_workers(&self, n: usize) {
        self.shared.set_workers(n);
    }

    /// What the pool is doing: a snapshot.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Whether the pool has stopped, so that every job is refused.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped()
    }
}

fn boxed<F>(job: F) -> Job
where
    F: Future<Output: Send> + Send + 'static,
{
    Box::pin(job.map(|_| Told::Fine))
}

impl<R: Spawn> Deref for WorkerPool<R> {
    type Target = WorkerPoolHandle;

    fn deref(&self) -> &Self::Target {
        &self.handle
    }
}

impl<R: Spawn> fmt::Debug for WorkerPool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        counts_of("WorkerPool", self.counts(), f)
    }
}

impl fmt::Debug for WorkerPoolHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        counts_of("WorkerPoolHandle", self.counts(), f)
    }
}
