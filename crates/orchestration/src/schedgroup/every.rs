//! How often something is done, and what becomes of runs for which it is too late.

use std::time::{Duration, Instant};

use runtime::MissedTick;

use super::job::Rhythm;

/// How often a recurring job is done: [`Scheduler::every`](super::Scheduler::every).
///
/// A job never overlaps with itself. A run that is due while the last one is still going, or while the
/// machine slept, is a missed tick, with which is done what [`drift`](Self::drift) says:
///
/// | policy | if the run of 10 s begins only at 35 s | drift |
/// |---|---|---|
/// | [`MissedTick::Burst`] | those of 20 and 30 at once, then 40, 50 | none, and none is left out |
/// | [`MissedTick::Skip`] (unless you say otherwise) | 40, 50, 60 | none |
/// | [`MissedTick::Delay`] | 45, 55, 65 | a whole period lies between two runs |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use orchestration::schedgroup::{Every, MissedTick};
///
/// let hourly = Every::new(Duration::from_secs(3600)).at_once().drift(MissedTick::Burst);
/// # let _ = hourly;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it does nothing until it is given to a group"]
pub struct Every {
    rhythm: Rhythm,
    first: First,
}

#[derive(Clone, Copy, Debug)]
enum First {
    After(Duration),
    At(Instant),
}

impl Every {
    /// Every `period`, for the first time when one has passed.
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    #[track_caller]
    pub fn new(period: Duration) -> Self {
        assert!(
            period > Duration::ZERO,
            "the period of a recurring job must not be zero"
        );
        Self {
            rhythm: Rhythm {
                period,
                drift: MissedTick::Skip,
            },
            first: First::After(period),
        }
    }

    /// The first run is due at once.
    pub fn at_once(self) -> Self {
        self.first_after(Duration::ZERO)
    }

    /// The first run is due after `delay`.
    pub fn first_after(mut self, delay: Duration) -> Self {
        self.first = First::After(delay);
        self
    }

    /// The first run is due at `time`, and those that follow, whole periods later.
    pub fn first_at(mut self, time: Instant) -> Self {
        self.first = First::At(time);
        self
    }

    /// What becomes of missed ticks.
    pub fn drift(mut self, policy: MissedTick) -> Self {
        self.rhythm.drift = policy;
        self
    }

    pub(super) fn rhythm(self) -> Rhythm {
        self.rhythm
    }

    pub(super) fn first(self, now: impl FnOnce() -> Instant) -> Instant {
        match self.first {
            First::After(delay) => runtime::deadline_after(now(), delay),
            First::At(time) => time,
        }
    }
}

impl From<Duration> for Every {
    /// As [`Every::new`], panics if the period is zero.
    fn from(period: Duration) -> Self {
        Self::new(period)
    }
}
