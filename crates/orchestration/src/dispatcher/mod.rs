//! Jobs of one type for workers with a state; a job is handed to a worker that is idle, never queued.
//!
//! Marcio Castilho's dispatcher (a channel of idle workers' channels) is in Go what a channel without room
//! is: a send ends when a receiver takes the item. So [`dispatch`](DispatcherHandle::dispatch) waits until a
//! worker is idle, in order of arrival; [`try_dispatch`](DispatcherHandle::try_dispatch) gives the job back if
//! none is; and [`call`](DispatcherHandle::call) also waits for the worker's answer. A job is not boxed, and to
//! dispatch one allocates nothing.
//!
//! Each worker has what it needs for itself: a connection, a buffer, a generator of random numbers. It is
//! made by the closure that the dispatcher is given, and made anew if a job panics.
//!
//! Whoever wants a queue, or jobs of several types, uses a [`WorkerPool`](crate::WorkerPool). The life
//! of a worker is the same; see there for panics and for stopping.

mod error;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use async_sync::channel::{self, SendError, TrySendError};
use async_sync::{Context, oneshot};
use runtime::Spawn;

pub use self::error::{DispatchError, TryDispatchError};
use crate::caught::Caught;
use crate::errgroup::Panic;
use crate::worker_pool::crew::{Crew, Hire, OnPanic, Settings, Shared, Told, Work};
use crate::worker_pool::{Counts, JobError, counts_of};

/// A job, and where the answer goes if somebody waits for it.
struct Call<J, T> {
    job: J,
    reply: Option<oneshot::Sender<Result<T, JobError>>>,
}

/// Makes a worker out of what the user's closure gives.
struct Maker<M>(M);

struct Handler<W>(W);

impl<J, T, M, W, F> Hire<Call<J, T>> for Maker<M>
where
    J: Send + 'static,
    T: Send + 'static,
    M: Fn() -> W + Send + Sync + 'static,
    W: FnMut(J) -> F + Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    type Worker = Handler<W>;

    fn hire(&self) -> Handler<W> {
        Handler((self.0)())
    }
}

impl<J, T, W, F> Work<Call<J, T>> for Handler<W>
where
    J: Send + 'static,
    T: Send + 'static,
    W: FnMut(J) -> F + Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    async fn work(&mut self, call: Call<J, T>) -> Told {
        let Some(reply) = call.reply else {
            (self.0)(call.job).await;
            return Told::Fine;
        };
        if reply.is_closed() {
            return Told::Fine;
        }
        // What `self` is after a panic does not matter: it is made anew.
        let handled = Caught::new(async { (self.0)(call.job).await });
        Told::tell(handled.await, reply)
    }
}

/// Hands jobs to idle workers. See the [module](crate::dispatcher).
///
/// Jobs are submitted by the methods of [`DispatcherHandle`], to which the dispatcher dereferences; a clone
/// of [`handle`](DispatcherHandle::handle) submits from elsewhere.
///
/// # Structure
///
/// Dropping the dispatcher aborts its workers.
///
/// # Fairness
///
/// Who waits for a worker is served in order of arrival, by the worker that has been idle for longest.
///
/// # Examples
///
/// ```
/// use orchestration::Dispatcher;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// // Each worker has a buffer of its own.
/// let hire = || {
///     let mut buffer = String::new();
///     move |name: &'static str| {
///         buffer.clear();
///         buffer.push_str("hello, ");
///         buffer.push_str(name);
///         let greeting = buffer.clone();
///         async move { greeting }
///     }
/// };
/// let dispatcher = Dispatcher::new(TokioRuntime::current(), 4, hire);
/// assert_eq!(dispatcher.call("world").await.unwrap(), "hello, world");
/// dispatcher.dispatch("nobody").await.unwrap();
/// dispatcher.stop().await;
/// # }
/// ```
#[must_use = "dropping a dispatcher aborts its workers"]
pub struct Dispatcher<R: Spawn, J: Send + 'static, T: Send + 'static = ()> {
    handle: DispatcherHandle<J, T>,
    crew: Crew<R, Call<J, T>>,
}

/// Submits jobs to a [`Dispatcher`]. Clones submit to the same one.
///
/// A handle does not keep the workers going: once they have stopped, every job is refused.
pub struct DispatcherHandle<J: Send + 'static, T: Send + 'static = ()> {
    shared: Arc<Shared<Call<J, T>>>,
}

/// The choices for a dispatcher.
///
/// ```
/// use orchestration::dispatcher::Builder;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let dispatcher = Builder::new(4)
///     .on_panic(|panic| eprintln!("a job has failed: {panic}"))
///     .build(TokioRuntime::current(), || |n: u32| async move { assert!(n < 10) });
/// dispatcher.dispatch(7).await.unwrap();
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    workers: usize,
    context: Option<Context>,
    on_panic: Option<OnPanic>,
}

impl Builder {
    /// So many workers.
    ///
    /// # Panics
    ///
    /// If `workers` is zero: no job would ever be done.
    #[track_caller]
    pub fn new(workers: usize) -> Self {
        assert!(workers > 0, "a pool of 0 workers would do no job at all");
        Self {
            workers,
            context: None,
            on_panic: None,
        }
    }

    /// When `context` is cancelled the workers take no more jobs. What runs goes on.
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// The panic of a job whose answer nobody waits for is told to `tell`, in the worker's task.
    /// If `tell` panics, all has stopped: the other jobs are aborted, and `stop` panics with it.
    pub fn on_panic(mut self, tell: impl Fn(Panic) + Send + Sync + 'static) -> Self {
        self.on_panic = Some(Arc::new(tell));
        self
    }

    /// A dispatcher whose workers are tasks of `runtime`. They are spawned now. Each makes what it
    /// works with by `hire`, in its own task, and again after a job has panicked. If `hire` panics the
    /// dispatcher has stopped: its jobs are aborted, and `stop` panics with it.
    pub fn build<R, J, T, M, W, F>(self, runtime: R, hire: M) -> Dispatcher<R, J, T>
    where
        R: Spawn,
        J: Send + 'static,
        T: Send + 'static,
        M: Fn() -> W + Send + Sync + 'static,
        W: FnMut(J) -> F + Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let settings = Settings {
            workers: self.workers,
            context: self.context,
            on_panic: self.on_panic,
        };
        let crew = Crew::new(runtime, settings, Maker(hire), channel::rendezvous());
        let shared = Arc::clone(crew.shared());
        Dispatcher {
            handle: DispatcherHandle { shared },
            crew,
        }
    }
}

impl<R: Spawn, J: Send + 'static, T: Send + 'static> Dispatcher<R, J, T> {
    /// A dispatcher of `workers` tasks of `runtime`. Each makes what it works with by `hire`.
    ///
    /// # Panics
    ///
    /// If `workers` is zero: no job would ever be done.
    #[track_caller]
    pub fn new<M, W, F>(runtime: R, workers: usize, hire: M) -> Self
    where
        M: Fn() -> W + Send + Sync + 'static,
        W: FnMut(J) -> F + Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        Builder::new(workers).build(runtime, hire)
    }

    /// Takes no more jobs, and waits until the workers have done those that they have. Who waits for a worker
    /// is refused.
    ///
    /// # Panics
    ///
    /// With the first panic of a job, if nobody else was told of it.
    ///
    /// # Cancel safety
    ///
    /// The future owns the dispatcher: dropping it aborts what is left.
    #[doc(alias = "Stop")]
    pub async fn stop(self) {
        self.crew.stop().await;
    }

    /// Aborts what runs, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// With the first panic of a job, if nobody else was told of it.
    ///
    /// # Cancel safety
    ///
    /// The jobs are aborted at the first poll, and also if the future is dropped.
    pub async fn abort(self) {
        self.crew.abort().await;
    }
}

impl<J: Send + 'static, T: Send + 'static> DispatcherHandle<J, T> {
    /// A handle to the same workers.
    #[must_use]
    pub fn handle(&self) -> Self {
        self.clone()
    }

    async fn hand_over(&self, call: Call<J, T>) -> Result<(), DispatchError<J>> {
        let sent = self.shared.jobs().send(self.shared.queued(call)).await;
        sent.map_err(|SendError(queued)| DispatchError(queued.job.job))
    }

    /// Waits until a worker is idle, and hands it the job.
    ///
    /// # Errors
    ///
    /// [`DispatchError`] with the job in it, if the workers have stopped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the job is dropped, unless a worker has been given it
    /// already.
    pub async fn dispatch(&self, job: J) -> Result<(), DispatchError<J>> {
        self.hand_over(Call { job, reply: None }).await
    }

    /// Hands the job to a worker, if one is idle.
    ///
    /// # Errors
    ///
    /// [`TryDispatchError`] with the job in it: all workers are busy (or others wait for one), or they have
    /// stopped.
    pub fn try_dispatch(&self, job: J) -> Result<(), TryDispatchError<J>> {
        let call = Call { job, reply: None };
        let sent = self.shared.jobs().try_send(self.shared.queued(call));
        sent.map_err(|error| match error {
            TrySendError::Full(queued) => TryDispatchError::Busy(queued.job.job),
            TrySendError::Closed(queued) => TryDispatchError::Stopped(queued.job.job),
        })
    }

    /// Waits until a worker is idle, hands it the job, and waits for the answer.
    ///
    /// # Errors
    ///
    /// [`JobError`]: the workers have stopped, or were aborted before the job was done; or it has panicked.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a job that has not been begun is not run. One that has goes on.
    pub async fn call(&self, job: J) -> Result<T, JobError> {
        let (reply, answer) = oneshot::channel();
        let reply = Some(reply);
        let handed = self.hand_over(Call { job, reply }).await;
        handed.map_err(|_| JobError::Stopped)?;
        answer.await.unwrap_or(Err(JobError::Aborted))
    }

    /// Waits until all workers are idle, and nobody waits for one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn idle(&self) {
        self.shared.idle().await;
    }

    /// Has `n` workers from now on. New ones are there at once; those that are too many go when they have
    /// finished their job.
    ///
    /// # Panics
    ///
    /// If `n` is zero: no job would ever be done; or more than 1048576.
    #[track_caller]
    pub fn set_workers(&self, n: usize) {
        self.shared.set_workers(n);
    }

    /// What the workers are doing: a snapshot.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Whether the workers have stopped, so that every job is refused.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.is_stopped()
    }
}

impl<R: Spawn, J: Send + 'static, T: Send + 'static> Deref for Dispatcher<R, J, T> {
    type Target = DispatcherHandle<J, T>;

    fn deref(&self) -> &Self::Target {
        &self.handle
    }
}

impl<J: Send + 'static, T: Send + 'static> Clone for DispatcherHandle<J, T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<R: Spawn, J: Send + 'static, T: Send + 'static> fmt::Debug for Dispatcher<R, J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        counts_of("Dispatcher", self.counts(), f)
    }
}

impl<J: Send + 'static, T: Send + 'static> fmt::Debug for DispatcherHandle<J, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        counts_of("DispatcherHandle", self.counts(), f)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("context", &self.context)
            .field("tells_panics", &self.on_panic.is_some())
            .finish()
    }
}
