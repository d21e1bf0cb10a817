//! How a run is set up, and the shorthands `run` and `run_seeds`.

use std::panic::Location;
use std::time::Instant;

use crate::executor;
use crate::handle::MiniRuntime;
use crate::report::{RunError, Stalled};

/// In which order ready tasks are polled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// In the order in which they became ready, whatever the seed.
    Fifo,
    /// Each time the seed picks any one of them.
    #[default]
    Shuffled,
}

/// Sets up a run.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use mini_executor::Builder;
/// use runtime::Timer;
///
/// let elapsed = Builder::new()
///     .seed(7)
///     .fail_on_leaks(true)
///     .max_polls(1_000)
///     .run(|rt| async move {
///         rt.sleep(Duration::from_secs(5)).await;
///         rt.elapsed()
///     })
///     .unwrap();
/// assert_eq!(elapsed, Duration::from_secs(5));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `run`"]
pub struct Builder {
    pub(crate) seed: u64,
    pub(crate) schedule: Schedule,
    pub(crate) start: Option<Instant>,
    pub(crate) max_polls: u64,
    pub(crate) fail_on_leaks: bool,
    pub(crate) external_wakes: bool,
}

impl Builder {
    /// Seed 0, [`Schedule::Shuffled`], ten million polls, no leak check, no external wakes.
    pub fn new() -> Self {
        Self {
            seed: 0,
            schedule: Schedule::Shuffled,
            start: None,
            max_polls: 10_000_000,
            fail_on_leaks: false,
            external_wakes: false,
        }
    }

    /// Chooses the schedule. Any number is as good as any other.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// In which order ready tasks are polled.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// The instant at which virtual time starts. By default, the real time of the call of `run`.
    pub fn start(mut self, start: Instant) -> Self {
        self.start = Some(start);
        self
    }

    /// After how many polls, over all tasks, the run is given up with [`RunError::PollLimit`].
    ///
    /// This ends livelocks, such as tasks that wake each other for ever, or an interval that keeps
    /// time moving while the rest is stuck.
    pub fn max_polls(mut self, max_polls: u64) -> Self {
        self.max_polls = max_polls;
        self
    }

    /// Makes it an error, [`RunError::Leaked`], if tasks are alive when the root future has
    /// finished.
    ///
    /// Tasks that are ready then may still run, at the same instant of virtual time, so that a task
    /// that was just told to stop does not count. Without this, tasks that are alive are dropped.
    pub fn fail_on_leaks(mut self, fail: bool) -> Self {
        self.fail_on_leaks = fail;
        self
    }

    /// Waits for wake-ups from other threads where the run would otherwise have stalled.
    ///
    /// For code that uses threads: then the order of polls depends on them as well as on the seed,
    /// and a wake-up that never comes is a hang. Virtual time does not wait for other threads: as
    /// long as a timer is set, an idle run jumps to it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let output = mini_executor::Builder::new().allow_external_wakes(true).run(|_| {
    ///     let (task, handle) = runtime::task(async { 6 * 7 });
    ///     std::thread::spawn(move || {
    ///         std::thread::sleep(Duration::from_millis(5));
    ///         mini_executor::block_on(task);
    ///     });
    ///     handle
    /// });
    /// assert_eq!(output.unwrap().unwrap(), 42);
    /// ```
    pub fn allow_external_wakes(mut self, allow: bool) -> Self {
        self.external_wakes = allow;
        self
    }

    /// Runs the future that `scenario` gives, and the tasks that it spawns, until it has finished.
    ///
    /// Tasks that are alive then are dropped before this returns. Runs may be nested: the inner one
    /// is a single poll for the outer.
    ///
    /// # Errors
    ///
    /// [`RunError::Stalled`] if every task is asleep and no timer is set; [`RunError::Leaked`] and
    /// [`RunError::PollLimit`] as set up.
    ///
    /// # Panics
    ///
    /// With the panic of the scenario or its future, after the seed was printed to stderr. A panic
    /// of a spawned task goes to its handle instead.
    #[track_caller]
    pub fn run<F, Fut>(&self, scenario: F) -> Result<Fut::Output, RunError>
    where
        F: FnOnce(MiniRuntime) -> Fut,
        Fut: Future,
    {
        executor::run(self, Location::caller(), scenario)
    }

    /// [`run`](Self::run) for each of the seeds in turn.
    ///
    /// # Panics
    ///
    /// With the report of the first run that ends with a [`RunError`], or with the first panic of a
    /// scenario, after its seed was printed to stderr.
    #[track_caller]
    pub fn run_seeds<F, Fut>(&self, seeds: impl IntoIterator<Item = u64>, mut scenario: F)
    where
        F: FnMut(MiniRuntime) -> Fut,
        Fut: Future<Output = ()>,
    {
        for seed in seeds {
            if let Err(error) = self.clone().seed(seed).run(&mut scenario) {
                panic!("{error}");
            }
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs a scenario under one seed and otherwise the defaults of [`Builder::new`].
///
/// # Errors
///
/// [`Stalled`] if every task is asleep and no timer is set.
///
/// # Panics
///
/// As [`Builder::run`], and if the scenario has not ended after ten million polls.
///
/// # Examples
///
/// ```
/// assert_eq!(mini_executor::run(7, |_| async { 6 * 7 }).unwrap(), 42);
///
/// let stalled = mini_executor::run(7, |_| std::future::pending::<()>()).unwrap_err();
/// assert_eq!(stalled.tasks().len(), 1);
/// ```
#[track_caller]
pub fn run<F, Fut>(seed: u64, scenario: F) -> Result<Fut::Output, Stalled>
where
    F: FnOnce(MiniRuntime) -> Fut,
    Fut: Future,
{
    match Builder::new().seed(seed).run(scenario) {
        Ok(output) => Ok(output),
        Err(RunError::Stalled(stalled)) => Err(stalled),
        Err(error) => panic!("{error}"),
    }
}

/// Runs the same scenario under many seeds. [`Builder::run_seeds`] is the same with options.
///
/// # Panics
///
/// With the report of the first run that stalls, or with the first panic of a scenario. Either way
/// the seed is told.
///
/// # Examples
///
/// ```
/// use runtime::Spawn;
///
/// mini_executor::run_seeds(0..200, |rt| async move {
///     let task = rt.spawn(async { 6 * 7 });
///     assert_eq!(task.await.unwrap(), 42);
/// });
/// ```
#[track_caller]
pub fn run_seeds<F, Fut>(seeds: impl IntoIterator<Item = u64>, scenario: F)
where
    F: FnMut(MiniRuntime) -> Fut,
    Fut: Future<Output = ()>,
{
    Builder::new().run_seeds(seeds, scenario);
}
