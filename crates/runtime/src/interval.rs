//! Ticks at a fixed period: `Interval`, and what becomes of ticks that nobody took in time.
//!
//! The interval holds only the instant of its next tick. The sleep lives in the `Tick` future, and
//! the instant advances when that future completes. So nothing is boxed, and a `Tick` that is
//! dropped half-way loses nothing: the next one sleeps until the same instant.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use crate::{Timer, deadline_after};

/// What an [`Interval`] does when a tick is taken late.
///
/// For a period of 10 ms and ticks due at 10, 20, 30, ..., when the tick of 10 is taken only at 35:
///
/// | policy | next ticks |
/// |---|---|
/// | `Burst` | 20 and 30 at once, then 40, 50 |
/// | `Delay` | 45, 55, 65 |
/// | `Skip` | 40, 50, 60 |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissedTick {
    /// Every missed tick comes, at once, until the interval has caught up.
    #[default]
    Burst,
    /// Ticks start anew: the next is a whole period after the late one was taken.
    ///
    /// A tick counts as late after 5 ms (or a period, if that is shorter), so that the coarse
    /// clock of a runtime does not make the interval drift.
    Delay,
    /// Missed ticks never come; the next is the first still ahead that is a multiple of the period.
    Skip,
}

impl MissedTick {
    /// When the tick after the one that was due at `due` comes, if that was taken at `now`.
    ///
    /// For schedulers of your own; [`Interval`] does the same.
    ///
    /// # Panics
    ///
    /// If `period` is zero and the policy is `Skip`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use runtime::MissedTick;
    ///
    /// let (start, ms) = (Instant::now(), Duration::from_millis);
    /// let next = |policy: MissedTick| policy.next(start + ms(10), start + ms(35), ms(10)) - start;
    /// assert_eq!(next(MissedTick::Burst), ms(20));
    /// assert_eq!(next(MissedTick::Delay), ms(45));
    /// assert_eq!(next(MissedTick::Skip), ms(40));
    /// ```
    #[must_use]
    pub fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let late = now.saturating_duration_since(due);
        match self {
            Self::Delay if late > SLACK.min(period) => deadline_after(now, period),
            Self::Skip if late >= period => {
                let past = Duration::from_nanos_u128(late.as_nanos() % period.as_nanos());
                deadline_after(now - past, period)
            }
            _ => deadline_after(due, period),
        }
    }
}

/// How late a tick must be for [`MissedTick::Delay`] to take notice.
const SLACK: Duration = Duration::from_millis(5);

/// Ticks at a fixed period, by the clock `R`. Made by [`Timer::interval`].
///
/// The first tick completes at once, the following ones a period apart, however long the work
/// between two calls of [`tick`](Self::tick) took (if it took longer than a period, see
/// [`MissedTick`]).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use runtime::{MissedTick, Timer};
///
/// # async fn example<R: Timer>(rt: R) {
/// let mut interval = rt.interval(Duration::from_secs(1)).with_missed_tick(MissedTick::Skip);
/// for _ in 0..3 {
///     let due = interval.tick().await;
///     assert!(due <= rt.now());
/// }
/// # }
/// ```
pub struct Interval<R> {
    timer: R,
    period: Duration,
    next: Instant,
    missed_tick: MissedTick,
}

impl<R: Timer> Interval<R> {
    #[track_caller]
    pub(crate) fn new(timer: R, start: Instant, period: Duration) -> Self {
        assert!(
            period > Duration::ZERO,
            "the period of an interval must not be zero"
        );
        Self {
            timer,
            period,
            next: start,
            missed_tick: MissedTick::default(),
        }
    }

    /// Waits for the next tick and gives the instant at which it was due, which is not later than
    /// now.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it completes loses no tick.
    pub fn tick(&mut self) -> Tick<'_, R> {
        let sleep = self.timer.sleep_until(self.next);
        Tick {
            interval: self,
            sleep,
        }
    }

    /// Makes the next tick come a whole period from now.
    pub fn reset(&mut self) {
        self.next = deadline_after(self.timer.now(), self.period);
    }

    /// The time between two ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What happens to missed ticks. [`MissedTick::Burst`] unless it was set.
    #[must_use]
    pub fn missed_tick(&self) -> MissedTick {
        self.missed_tick
    }

    /// Sets what happens to missed ticks.
    pub fn set_missed_tick(&mut self, policy: MissedTick) {
        self.missed_tick = policy;
    }

    /// [`set_missed_tick`](Self::set_missed_tick), for use when the interval is made.
    #[must_use]
    pub fn with_missed_tick(mut self, policy: MissedTick) -> Self {
        self.missed_tick = policy;
        self
    }

    /// Takes the tick that is due, and says when it was.
    fn advance(&mut self) -> Instant {
        let due = self.next;
        let now = self.timer.now();
        self.next = self.missed_tick.next(due, now, self.period);
        due
    }
}

impl<R> fmt::Debug for Interval<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("period", &self.period)
            .field("next", &self.next)
            .field("missed_tick", &self.missed_tick)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits for the next tick of an [`Interval`]. Made by [`Interval::tick`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it before it completes loses no tick.
    ///
    /// # Panics
    ///
    /// Polling after completion polls the finished sleep again, which may panic.
    #[must_use = "futures do nothing unless polled"]
    pub struct Tick<'a, R>
    where
        R: Timer,
    {
        interval: &'a mut Interval<R>,
        #[pin]
        sleep: R::Sleep,
    }
}

impl<R: Timer> Future for Tick<'_, R> {
    type Output = Instant;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let this = self.project();
        this.sleep.poll(cx).map(|()| this.interval.advance())
    }
}

impl<R: Timer> fmt::Debug for Tick<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tick")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
