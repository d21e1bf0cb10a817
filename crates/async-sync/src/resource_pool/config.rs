//! The limits of a pool, and its clock.

use std::fmt;
use std::time::{Duration, Instant};

use runtime::Timer;

use super::manager::{Manager, Usage};
use super::{ResourcePool, Semaphore};

pub(super) struct Limits {
    pub(super) max: usize,
    pub(super) min_idle: usize,
    pub(super) max_idle: usize,
    idle: Option<Duration>,
    life: Option<Duration>,
    /// None: the clock of the system.
    clock: Option<Box<dyn Fn() -> Instant + Send + Sync>>,
}

impl Limits {
    pub(super) fn now(&self) -> Instant {
        match &self.clock {
            None => Instant::now(),
            Some(clock) => clock(),
        }
    }

    /// Whether ages matter at all: looking at a clock costs as much as the rest of a `get`.
    pub(super) fn ask_for_time(&self) -> bool {
        self.idle.is_some() || self.life.is_some()
    }

    /// The resource comes back.
    pub(super) fn note_idle(&self, usage: &mut Usage) {
        if self.ask_for_time() {
            usage.idle_since = Some(self.now());
        }
    }

    /// Whether a resource is too old to be lent once more, or to be kept.
    pub(super) fn is_over(&self, usage: &Usage, now: Instant) -> bool {
        let over = |since: Instant, limit: Option<Duration>| {
            limit.is_some_and(|limit| now.saturating_duration_since(since) >= limit)
        };
        over(usage.created, self.life) || usage.idle_since.is_some_and(|t| over(t, self.idle))
    }
}

/// What a [`ResourcePool`] shall be like.
///
/// Unless it is told otherwise: at most 10 resources, all of which may be idle, and no limits of age.
/// (Go's `sql.DB` keeps only two idle, which many find too few; and has no limit to those that are open.)
#[must_use]
pub struct Builder<M> {
    manager: M,
    limits: Limits,
}

impl<M: Manager> Builder<M> {
    pub(super) fn new(manager: M) -> Self {
        Builder {
            manager,
            limits: Limits {
                max: 10,
                min_idle: 0,
                max_idle: usize::MAX,
                idle: None,
                life: None,
                clock: None,
            },
        }
    }

    /// At most so many resources, lent or idle.
    #[doc(alias = "MaxOpenConns")]
    pub fn max(mut self, max: usize) -> Self {
        self.limits.max = max;
        self
    }

    /// At most so many idle ones: what comes back beyond that is closed.
    #[doc(alias = "MaxIdleConns")]
    pub fn max_idle(mut self, max_idle: usize) -> Self {
        self.limits.max_idle = max_idle;
        self
    }

    /// So many idle ones are created by [`fill`](ResourcePool::fill).
    pub fn min_idle(mut self, min_idle: usize) -> Self {
        self.limits.min_idle = min_idle;
        self
    }

    /// A resource that has been idle for so long is closed.
    #[doc(alias = "SetConnMaxIdleTime")]
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.limits.idle = Some(limit);
        self
    }

    /// A resource that has existed for so long is closed, as soon as it is not lent.
    #[doc(alias = "SetConnMaxLifetime")]
    pub fn life_limit(mut self, limit: Duration) -> Self {
        self.limits.life = Some(limit);
        self
    }

    /// The clock by which ages are measured, in place of the system's.
    pub fn timer<T: Timer>(mut self, timer: &T) -> Self {
        let timer = timer.clone();
        self.limits.clock = Some(Box::new(move || timer.now()));
        self
    }

    /// The pool. Nothing is created yet.
    ///
    /// # Panics
    ///
    /// If `max` is zero, or more than [`Semaphore::MAX_PERMITS`], or if `min_idle` is more than `max` or
    /// `max_idle`.
    #[must_use]
    pub fn build(self) -> ResourcePool<M> {
        let Limits {
            max,
            min_idle,
            max_idle,
            ..
        } = self.limits;
        assert!(max != 0, "a resource pool has at least one resource");
        assert!(
            max <= Semaphore::MAX_PERMITS,
            "a resource pool has at most {} resources",
            Semaphore::MAX_PERMITS
        );
        assert!(
            min_idle <= max.min(max_idle),
            "a resource pool of at most {max} resources, and {max_idle} idle ones, cannot keep {min_idle} idle"
        );
        ResourcePool::with_limits(self.manager, self.limits)
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("max", &self.max)
            .field("min_idle", &self.min_idle)
            .field("max_idle", &self.max_idle)
            .field("idle_limit", &self.idle)
            .field("life_limit", &self.life)
            .finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limits.fmt(f)
    }
}
