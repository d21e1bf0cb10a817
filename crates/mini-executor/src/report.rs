//! Why a run did not give its output: `RunError`, and the report that comes with each.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// Why a run ended without an output.
///
/// `Debug` prints the same report as `Display`, so that it can be read where `unwrap` fails.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// Every task was asleep and no timer was set.
    Stalled(Stalled),
    /// The root future finished while other tasks were alive. Only with
    /// [`fail_on_leaks`](crate::Builder::fail_on_leaks).
    Leaked(Report),
    /// More polls than [`max_polls`](crate::Builder::max_polls): probably a livelock.
    PollLimit(Report),
}

impl RunError {
    /// The tasks that were alive, and the seed.
    #[must_use]
    pub fn report(&self) -> &Report {
        match self {
            Self::Stalled(stalled) => &stalled.report,
            Self::Leaked(report) | Self::PollLimit(report) => report,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled(stalled) => stalled.fmt(f),
            Self::Leaked(report) => {
                let at = report.elapsed;
                writeln!(f, "tasks outlive the root future at {at:?} of virtual time")?;
                report.fmt(f)
            }
            Self::PollLimit(report) => {
                let (polls, at) = (report.polls, report.elapsed);
                writeln!(
                    f,
                    "no end after {polls} polls, at {at:?} of virtual time (max_polls)"
                )?;
                report.fmt(f)
            }
        }
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for RunError {}

/// All tasks are asleep: every task waited, no timer was set, and nobody was left to wake any.
///
/// `Debug` prints the same report as `Display`, so that it can be read where `unwrap` fails.
#[derive(Clone, PartialEq, Eq)]
pub struct Stalled {
    pub(crate) report: Report,
}

impl Stalled {
    /// The stuck tasks, and the seed.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The stuck tasks, in the order in which they were spawned.
    #[must_use]
    pub fn tasks(&self) -> &[TaskReport] {
        &self.report.tasks
    }

    /// The seed that repeats the run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.report.seed
    }
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.report.elapsed;
        writeln!(
            f,
            "all tasks are asleep at {at:?} of virtual time, and no timer is set"
        )?;
        self.report.fmt(f)
    }
}

impl fmt::Debug for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Stalled {}

/// The state of a run when it failed. `Display` gives one line per task, and the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The seed that repeats the run.
    pub seed: u64,
    /// Virtual time since the start of the run.
    pub elapsed: Duration,
    /// How often futures were polled, over all tasks.
    pub polls: u64,
    /// The tasks that were alive, in the order in which they were spawned.
    pub tasks: Vec<TaskReport>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for task in &self.tasks {
            writeln!(f, "  {task}")?;
        }
        write!(f, "seed {} repeats it", self.seed)
    }
}

/// One task in a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskReport {
    /// Tasks are numbered as they are spawned; the root future is 0.
    pub id: u64,
    /// The name given by [`MiniRuntime::named`](crate::MiniRuntime::named).
    pub name: Option<String>,
    /// The call that spawned it.
    pub spawned_at: &'static Location<'static>,
    /// How often it was polled.
    pub polls: u64,
    /// Whether it was about to be polled. Never so in a [`Stalled`].
    pub ready: bool,
    /// What it waited for, as far as known: texts given to [`waiting_for`](crate::waiting_for),
    /// sleeps, and tasks whose handles it awaited. More than one if it waited for several at once.
    pub waits_for: Vec<String>,
}

impl TaskReport {
    pub(crate) fn label(id: u64, name: Option<&str>) -> String {
        match (id, name) {
            (crate::shared::ROOT, _) => format!("task {id} (root)"),
            (_, Some(name)) => format!("task {id} `{name}`"),
            (_, None) => format!("task {id}"),
        }
    }
}

impl fmt::Display for TaskReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = Self::label(self.id, self.name.as_deref());
        let plural = if self.polls == 1 { "" } else { "s" };
        write!(
            f,
            "{label} from {}, {} poll{plural}",
            self.spawned_at, self.polls
        )?;
        if self.ready {
            f.write_str(", ready to run")?;
        }
        for (n, what) in self.waits_for.iter().enumerate() {
            let link = if n == 0 { ", waits for" } else { " and" };
            write!(f, "{link} {what}")?;
        }
        Ok(())
    }
}
