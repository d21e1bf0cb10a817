//! How a shutdown went.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use async_sync::context::Cause;

use crate::errgroup::Panic;

/// How a shutdown went. Displays as a few lines, for a log.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// Why it was begun.
    pub cause: Cause,
    /// The first phase: who was at work finishes.
    pub closing: Phase,
    /// The second: cleaning up, and those who were told to give up.
    pub closed: Phase,
    /// Whether somebody would not wait any longer.
    pub forced: bool,
    /// What panicked while it cleaned up, or as it was told that the first phase is over (`closed`).
    pub panics: Vec<(Cow<'static, str>, Panic)>,
}

/// How a phase went.
#[derive(Debug)]
#[non_exhaustive]
pub struct Phase {
    /// How long it took.
    pub took: Duration,
    /// Whether its limit came first (or somebody who would not wait any longer).
    pub timed_out: bool,
    /// Who was still at work then, those who came first first.
    pub late: Vec<Running>,
}

/// Somebody who is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Running {
    /// The name that was given.
    pub name: Cow<'static, str>,
    /// For how long.
    pub age: Duration,
}

impl Report {
    /// Whether everybody was in time, and nothing panicked.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        !self.closing.timed_out && !self.closed.timed_out && self.panics.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forced = if self.forced { ", cut short" } else { "" };
        writeln!(f, "shut down ({}{forced})", self.cause)?;
        write!(f, "  closing: {}", self.closing)?;
        write!(f, "\n  closed:  {}", self.closed)?;
        for (name, panic) in &self.panics {
            write!(f, "\n  {name}: {panic}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            took,
            timed_out,
            late,
        } = self;
        write!(f, "{took:.1?}, ")?;
        if !timed_out {
            return f.write_str("everybody was in time");
        }
        write!(f, "{} late:", late.len())?;
        for (place, Running { name, age }) in late.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma} {name} (for {age:.1?})")?;
        }
        Ok(())
    }
}
