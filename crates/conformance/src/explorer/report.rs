//! What an exploration found, and how far it went.

use std::fmt;
use std::time::Duration;

/// How far an exploration went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// There are no longer schedules.
    Complete,
    /// All schedules of up to so many steps.
    Depth(usize),
    /// *Not* exhaustive: the number of schedules that was allowed was used up at this depth. All
    /// shorter ones were run.
    Cut(usize),
}

/// No promise was broken.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// How far the exploration went.
    pub extent: Extent,
    /// Different sequences of steps that were run and ended.
    pub schedules: u64,
    /// Steps in all runs, replayed prefixes and ends included.
    pub steps: u64,
    /// Sequences that were not continued because their state had been seen.
    pub merged: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schedules = self.schedules;
        match self.extent {
            Extent::Complete => write!(f, "exhaustive, at any depth: {schedules} schedules")?,
            Extent::Depth(n) => write!(f, "exhaustive to depth {n}: {schedules} schedules")?,
            Extent::Cut(n) => write!(f, "NOT exhaustive: {schedules} schedules, cut at depth {n}")?,
        }
        if self.merged != 0 {
            write!(f, ", {} merged", self.merged)?;
        }
        let seconds = self.elapsed.as_secs_f32();
        write!(f, ", {} steps, {seconds:.2} s", self.steps)
    }
}

/// A promise was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The steps that lead to it, for [`replay`](super::replay). No shorter sequence does.
    pub trace: String,
    /// Which promise.
    pub message: String,
    /// Schedules that were run before.
    pub schedules: u64,
    /// What happened at each step.
    pub explained: Replay,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            trace,
            message,
            schedules,
            ..
        } = self;
        writeln!(f, "{message}")?;
        writeln!(f, "found after {schedules} schedules; a shortest trace is")?;
        writeln!(f, "    replay(&scenario, {trace:?})")?;
        write!(f, "{}", self.explained)
    }
}

impl std::error::Error for Failure {}

/// A schedule, step by step.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What each step came to.
    pub lines: Vec<String>,
    /// The promise that was broken, if one was.
    pub broken: Option<String>,
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, line) in self.lines.iter().enumerate() {
            writeln!(f, "{:>3} {line}", n + 1)?;
        }
        match &self.broken {
            Some(message) => write!(f, "    {message}"),
            None => write!(f, "    all promises kept"),
        }
    }
}
