//! What a scenario holds: the runtime handle, join handles, `yield_now`.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use runtime::{JoinError, JoinHandle, Spawn, TaskHandle, Timer};

use crate::executor::publish_time;
use crate::shared::{Info, Shared, TaskId};
use crate::sleep::MiniSleep;
use crate::waiting::{Note, Reason};

/// Spawns on the executor of a run and keeps its virtual time. Cheap to clone; usable from any
/// thread, although the tasks all run on one.
///
/// After the end of its run a task that is spawned gives [`JoinError::Aborted`], and time stands
/// still.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use mini_executor::MiniRuntime;
/// use runtime::{Spawn, Timer};
///
/// mini_executor::run(7, |rt: MiniRuntime| async move {
///     let sleeper = rt.named("sleeper").spawn({
///         let rt = rt.clone();
///         async move { rt.sleep(Duration::from_secs(3600)).await }
///     });
///     sleeper.await.unwrap();
///     assert_eq!(rt.elapsed(), Duration::from_secs(3600));
/// })
/// .unwrap();
/// ```
#[derive(Clone)]
pub struct MiniRuntime {
    shared: Arc<Shared>,
    name: Option<Arc<str>>,
}

impl MiniRuntime {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, name: None }
    }

    /// The same runtime, for spawning tasks that reports call `name`.
    ///
    /// Pass it to generic code to name the tasks that are spawned there.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self {
            shared: self.shared.clone(),
            name: Some(name.into()),
        }
    }

    /// [`spawn`](Spawn::spawn) for a future that is not `Send`.
    ///
    /// # Panics
    ///
    /// On any thread but the one that runs the tasks.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// mini_executor::run(7, |rt| async move {
    ///     let shared = Rc::new(5);
    ///     let task = rt.spawn_local(async move { *shared });
    ///     assert_eq!(task.await.unwrap(), 5);
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> MiniJoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let here = self.shared.is_executor_thread();
        assert!(
            here,
            "spawn_local called on a thread other than the executor's"
        );
        let (task, handle) = runtime::task(future);
        let id = self
            .shared
            .spawn_local(self.info(Location::caller()), Box::pin(task));
        MiniJoinHandle {
            handle,
            id,
            note: Note::default(),
        }
    }

    fn info(&self, spawned_at: &'static Location<'static>) -> Info {
        Info::new(self.name.clone(), spawned_at)
    }

    /// Lets the other ready tasks have a turn: under [`Schedule::Shuffled`](crate::Schedule) some,
    /// under [`Schedule::Fifo`](crate::Schedule) all of them.
    pub fn yield_now(&self) -> YieldNow {
        YieldNow { yielded: false }
    }

    /// Moves the virtual clock forward and wakes the sleeps that are due.
    ///
    /// They run at the caller's next await, all at the new time. To see the times in between, sleep
    /// instead. Called from another thread, it may race with the executor's own jumps.
    pub fn advance(&self, by: Duration) {
        let (now, due) = self.shared.advance(by);
        if self.shared.is_executor_thread() {
            publish_time(now);
        }
        for waker in due {
            waker.wake();
        }
    }

    /// Virtual time since the start of the run.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.shared.now_nanos())
    }

    /// The seed of the run, for seeding random numbers in a scenario.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.shared.seed
    }

    /// What the executor has done so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::Spawn;
    ///
    /// mini_executor::run(7, |rt| async move {
    ///     // An idle waiter costs no polls.
    ///     let idle = rt.spawn(std::future::pending::<()>());
    ///     rt.yield_now().await;
    ///     assert_eq!(rt.metrics().alive, 2);
    ///     assert!(rt.metrics().polls <= 3);
    ///     drop(idle);
    /// })
    /// .unwrap();
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let (polls, alive, timers) = self.shared.counts();
        Metrics {
            polls,
            alive,
            timers,
        }
    }
}

impl Spawn for MiniRuntime {
    type Handle<T: Send + 'static> = MiniJoinHandle<T>;

    fn spawn<F>(&self, future: F) -> MiniJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = runtime::task(future);
        let id = self
            .shared
            .spawn(self.info(Location::caller()), Box::pin(task));
        MiniJoinHandle {
            handle,
            id,
            note: Note::default(),
        }
    }
}

impl Timer for MiniRuntime {
    type Sleep = MiniSleep;

    /// The instant at which the run started, plus [`elapsed`](Self::elapsed).
    fn now(&self) -> Instant {
        self.shared.start() + self.elapsed()
    }

    fn sleep_until(&self, deadline: Instant) -> MiniSleep {
        MiniSleep::new(self.shared.clone(), deadline)
    }

    fn sleep(&self, duration: Duration) -> MiniSleep {
        MiniSleep::after(self.shared.clone(), duration)
    }
}

impl fmt::Debug for MiniRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiniRuntime")
            .field("seed", &self.seed())
            .field("elapsed", &self.elapsed())
            .field("metrics", &self.metrics())
            .finish_non_exhaustive()
    }
}

/// Counters of a run, as of one moment. See [`MiniRuntime::metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// How often futures were polled, over all tasks, the root future included.
    pub polls: u64,
    /// Tasks that have not finished, the root future included.
    pub alive: usize,
    /// Sleeps that wait for their time.
    pub timers: usize,
}

/// The [`JoinHandle`] of a task on this executor. Dropping it detaches the task.
///
/// While a task awaits it, reports say so.
#[must_use = "dropping the handle detaches the task"]
pub struct MiniJoinHandle<T> {
    handle: TaskHandle<T>,
    /// None if it was spawned after the end of the run.
    id: Option<TaskId>,
    note: Note,
}

impl<T> MiniJoinHandle<T> {
    /// See [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// See [`JoinHandle::is_finished`].
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> Future for MiniJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.handle).poll(cx);
        match this.id {
            Some(id) if polled.is_pending() => this.note.leave(|| Reason::Task(id)),
            _ => this.note.take_back(),
        }
        polled
    }
}

impl<T: Send> JoinHandle<T> for MiniJoinHandle<T> {
    fn abort(&self) {
        self.abort();
    }

    fn is_finished(&self) -> bool {
        self.is_finished()
    }
}

impl<T> fmt::Debug for MiniJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiniJoinHandle")
            .field("id", &self.id)
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// Pending once. Made by [`MiniRuntime::yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
