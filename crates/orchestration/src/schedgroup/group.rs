//! The owner of a group, and the handle that submits to it.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_sync::Context;
use async_sync::context::Cause;
use runtime::{Spawn, Timer, deadline_after};

use super::core::Core;
use super::driver::Driver;
use super::job::{BoxedJob, Call, CallAgain, Later, LaterAgain};
use super::{Builder, Ended, Every, Scheduled};
use crate::errgroup::{self, ErrGroup};

/// Jobs that are done at a given time, in the order of their times, by one timer: Matt Layher's
/// `schedgroup`.
///
/// Jobs are submitted by the methods of [`Scheduler`], to which the group dereferences; a clone of
/// [`scheduler`](Scheduler::scheduler) submits from elsewhere, also from the jobs themselves. Any number of
/// jobs can wait: to submit one, to call it off and to put it off takes a few instructions and no
/// wake-up, unless it becomes the next one. One that waits takes 40 bytes and what it captures; a group
/// itself, 20 kilobytes.
///
/// # Structure
///
/// Dropping the group ends it: what waits is dropped, what runs is aborted. A runtime may need a moment
/// for that; [`shutdown`](Self::shutdown) waits for it.
///
/// # Panics
///
/// The panic of a job ends the group (what waits is dropped, what runs is aborted) and is raised again
/// by [`wait`](Self::wait). [`Builder::on_panic`] is told instead, and lets the others go on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use orchestration::SchedGroup;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() {
/// let group = SchedGroup::new(TokioRuntime::current());
/// for n in [3, 1, 2] {
///     group.delay_fn(Duration::from_millis(10 * n), move || println!("{n}")).unwrap();
/// }
/// group.wait().await.unwrap(); // 1 2 3
/// # }
/// ```
#[doc(alias = "schedgroup")]
#[doc(alias = "DelayQueue")]
#[must_use = "dropping a group drops its jobs"]
pub struct SchedGroup<R: Spawn + Timer> {
    scheduler: Scheduler,
    // The driver is one of its tasks.
    running: ErrGroup<R, (), Infallible>,
    context: Context,
    ends: Ends,
}

/// Ends the group when the owner, or the future that waits for it, is dropped.
struct Ends(Arc<Core>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Submits jobs to a [`SchedGroup`]. Clones submit to the same group.
///
/// A scheduler does not keep the group going: once it has ended, every job is refused.
#[derive(Clone)]
pub struct Scheduler {
    core: Arc<Core>,
}

impl<R: Spawn + Timer> SchedGroup<R> {
    /// A group whose jobs run on `runtime`, by its time. Spawns one task.
    pub fn new(runtime: R) -> Self {
        Builder::new().build(runtime)
    }

    pub(super) fn with(settings: Builder, runtime: R) -> Self {
        let clock = runtime.clone();
        let core = Arc::new(Core::new(Box::new(move || clock.now())));
        let tasks = match settings.limit {
            // And the driver.
            Some(limit) => errgroup::Builder::new().limit(limit.saturating_add(1)),
            None => errgroup::Builder::new(),
        };
        let running = tasks.spawned(runtime.clone());
        let context = settings.context.unwrap_or_else(Context::background);
        let driver = Driver {
            core: Arc::clone(&core),
            runtime,
            running: running.handle(),
            context: context.clone(),
            on_panic: settings.on_panic,
        };
        let spawned = running.try_spawn(driver.drive());
        assert!(spawned.is_ok(), "a new group takes a task");
        Self {
            scheduler: Scheduler {
                core: Arc::clone(&core),
            },
            running,
            context,
            ends: Ends(core),
        }
    }

    /// Waits until all jobs have been done. Afterwards every job is refused.
    ///
    /// Jobs that are submitted meanwhile, by jobs or by other holders of a [`Scheduler`], are waited
    /// for. A job that recurs is waited for until it is called off.
    ///
    /// # Errors
    ///
    /// The cause, if the group's context was cancelled before all was done. What was running has
    /// ended all the same.
    ///
    /// # Panics
    ///
    /// With the panic of a job, if there was one and [`Builder::on_panic`] is not told.
    ///
    /// # Cancel safety
    ///
    /// The future owns the group: dropping it drops the group, and with it all its jobs.
    #[doc(alias = "Wait")]
    pub async fn wait(self) -> Result<(), Cause> {
        let Self {
            running,
            context,
            ends,
            ..
        } = self;
        ends.0.close();
        let Ok(_) = running.join().await;
        match context.cause() {
            Some(cause) if ends.0.was_cut_short() => Err(cause),
            _ => Ok(()),
        }
    }

    /// Drops what waits, aborts what runs, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// With the panic of a job, if there was one and [`Builder::on_panic`] is not told.
    ///
    /// # Cancel safety
    ///
    /// The jobs are aborted at the first poll, and also if the future is dropped.
    pub async fn shutdown(self) {
        let Self { running, ends, .. } = self;
        drop(ends);
        running.shutdown().await;
    }
}

impl Scheduler {
    /// A handle to the same group.
    #[must_use]
    pub fn scheduler(&self) -> Self {
        self.clone()
    }

    fn submit(&self, at: Instant, job: BoxedJob) -> Option<Scheduled> {
        let key = self.core.insert(at, job)?;
        Some(Scheduled::new(&self.core, key))
    }

    fn after(&self, delay: Duration) -> Instant {
        deadline_after(self.core.now(), delay)
    }

    /// Runs `future` when `delay` has passed, as a task of its own. Not before; how much later depends
    /// on the runtime's timer.
    ///
    /// # Errors
    ///
    /// [`Ended`], if the group has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use orchestration::SchedGroup;
    /// use runtime::Timer;
    ///
    /// mini_executor::run(0, |rt| async move {
    ///     let group = SchedGroup::new(rt.clone());
    ///     let scheduler = group.scheduler();
    ///     let again = async move {
    ///         // Jobs submit jobs.
    ///         scheduler.delay(Duration::from_secs(2), async {}).unwrap();
    ///     };
    ///     group.delay(Duration::from_secs(1), again).unwrap();
    ///     group.wait().await.unwrap();
    ///     assert_eq!(rt.elapsed(), Duration::from_secs(3));
    /// })
    /// .unwrap();
    /// ```
    #[doc(alias = "Delay")]
    pub fn delay<F>(&self, delay: Duration, future: F) -> Result<Scheduled, Ended>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.schedule(self.after(delay), future)
    }

    /// Runs `future` at `time`, as a task of its own. At once, if that has passed.
    ///
    /// # Errors
    ///
    /// [`Ended`], if the group has ended.
    #[doc(alias = "Schedule")]
    pub fn schedule<F>(&self, time: Instant, future: F) -> Result<Scheduled, Ended>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.submit(time, Box::pin(Later { future })).ok_or(Ended)
    }

    /// Calls `function` when `delay` has passed, within the group's own task: for what is short.
    ///
    /// # Errors
    ///
    /// [`Ended`], if the group has ended.
    #[doc(alias = "AfterFunc")]
    #[inline]
    pub fn delay_fn<C>(&self, delay: Duration, function: C) -> Result<Scheduled, Ended>
    where
        C: FnOnce() + Send + 'static,
    {
        self.schedule_fn(self.after(delay), function)
    }

    /// Calls `function` at `time`, within the group's own task: for what is short.
    ///
    /// # Errors
    ///
    /// [`Ended`], if the group has ended.
    #[inline]
    pub fn schedule_fn<C>(&self, time: Instant, function: C) -> Result<Scheduled, Ended>
    where
        C: FnOnce() + Send + 'static,
    {
        self.submit(time, Box::pin(Call(function))).ok_or(Ended)
    }

    /// Runs the futures that `make` gives, again and again, each as a task of its own, and none before
    /// the last one has ended.
    ///
    /// # Errors
    ///
    /// [`Ended`], if the group has ended.
    ///
    /// # Panics
    ///
    /// If a period is given instead of an [`Every`], and is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use orchestration::SchedGroup;
    /// use orchestration::schedgroup::Every;
    /// use runtime::Timer;
    ///
    /// mini_executor::run(0, |rt| async move {
    ///     let group = SchedGroup::new(rt.clone());
    ///     let second = Duration::from_secs(1);
    ///     let clock = rt.clone();
    ///     let backup = group
    ///         .every(Every::new(10 * second).at_once(), move || {
    ///             let rt = clock.clone();
    ///             async move { rt.sleep(second).await }
    ///         })
    ///         .unwrap();
    ///     group.delay_fn(25 * second, move || assert!(backup.cancel())).unwrap();
    ///     group.wait().await.unwrap();
    ///     assert_eq!(rt.elapsed(), 25 * second);
    /// })
    /// .unwrap();
    /// ```
    #[doc(alias = "NewTicker")]
    #[doc(alias = "cron")]
    pub fn every<C, F>(&self, every: impl Into<Every>, make: C) -> Result<Scheduled, Ended>
    where
        C: FnMut() -> F + Send + 'static,
        F: Future<Output: Send> + Send + 'static,
    {
        let every = every.into();
        let first = every.first(|| self.core.now());
        let rhythm = every.rhythm();
        let job = Box::pin(LaterAgain { make, rhythm });
        self.submit(first, job).ok_or(Ended)
    }

    /// Calls `function` again and again, within the group's own task: for what is short.
    ///
    /// # Errors
    ///
    /// [`Ended`], if the group has ended.
    ///
    /// # Panics
    ///
    /// If a period is given instead of an [`Every`], and is zero.
    pub fn every_fn<C>(&self, every: impl Into<Every>, function: C) -> Result<Scheduled, Ended>
    where
        C: FnMut() + Send + 'static,
    {
        let every = every.into();
        let first = every.first(|| self.core.now());
        let rhythm = every.rhythm();
        let job = Box::pin(CallAgain { function, rhythm });
        self.submit(first, job).ok_or(Ended)
    }

    /// How many jobs wait for their time: a snapshot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.core.counts().0
    }

    /// How many futures of jobs run: a snapshot. (Those that are due and wait for the limit count, too.)
    #[must_use]
    pub fn running(&self) -> usize {
        self.core.counts().1
    }

    /// Whether the group has ended, so that every job is refused.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.core.has_ended()
    }

    fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (waiting, running) = self.core.counts();
        f.debug_struct(name)
            .field("waiting", &waiting)
            .field("running", &running)
            .field("ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}

impl<R: Spawn + Timer> Deref for SchedGroup<R> {
    type Target = Scheduler;

    fn deref(&self) -> &Scheduler {
        &self.scheduler
    }
}

impl<R: Spawn + Timer> fmt::Debug for SchedGroup<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scheduler.fmt_as("SchedGroup", f)
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("Scheduler", f)
    }
}
