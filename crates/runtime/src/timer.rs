//! Telling the time and sleeping: `Timer`.
//!
//! An adapter gives `now` and `sleep_until`; everything else is built from these two, so that a
//! virtual clock rules timeouts and intervals as well.

use std::time::{Duration, Instant};

use crate::{Interval, Timeout};

/// The longest time that [`deadline_after`] adds: thirty years.
///
/// `Instant` has no maximum that can be asked for, and some platforms overflow at a hundred years.
pub const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// `now + delay`, with `delay` capped at [`FAR_FUTURE`], so that it never overflows.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// assert_eq!(runtime::deadline_after(now, Duration::from_secs(1)), now + Duration::from_secs(1));
/// assert_eq!(runtime::deadline_after(now, Duration::MAX), now + runtime::FAR_FUTURE);
/// ```
#[must_use]
pub fn deadline_after(now: Instant, delay: Duration) -> Instant {
    now + delay.min(FAR_FUTURE)
}

/// A clock and its sleeps.
///
/// Resolution is the adapter's (a millisecond for tokio, exact in `mini-executor`). A sleep never
/// ends early by this timer's own [`now`](Self::now).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use runtime::{Elapsed, Timer};
///
/// /// Works on every runtime.
/// async fn first_line<R: Timer>(
///     rt: &R,
///     line: impl Future<Output = String>,
/// ) -> Result<String, Elapsed> {
///     rt.sleep(Duration::from_millis(10)).await;
///     rt.timeout(Duration::from_secs(5), line).await
/// }
/// ```
pub trait Timer: Clone + Send + Sync + 'static {
    /// What the sleeping methods give. Dropping it cancels the sleep.
    type Sleep: Future<Output = ()> + Send + 'static;

    /// The present instant of this clock. In tests it may be virtual, so compare it only with
    /// instants of the same timer.
    fn now(&self) -> Instant;

    /// Sleeps until `deadline`. A deadline that has passed completes at the first poll.
    ///
    /// # Cancel safety
    ///
    /// Dropping the sleep before it completes has no effect.
    fn sleep_until(&self, deadline: Instant) -> Self::Sleep;

    /// Sleeps for `duration`, counted from this call and not from the first poll.
    ///
    /// A duration beyond [`FAR_FUTURE`] counts as [`FAR_FUTURE`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the sleep before it completes has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example<R: runtime::Timer>(rt: R) {
    /// rt.sleep(std::time::Duration::from_millis(1)).await;
    /// # }
    /// ```
    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.sleep_until(deadline_after(self.now(), duration))
    }

    /// Gives `future` until `duration` has passed, counted from this call.
    ///
    /// The future is polled before the clock is looked at: one that is ready at once wins even
    /// against a zero duration. A duration beyond [`FAR_FUTURE`], such as `Duration::MAX`, counts
    /// as [`FAR_FUTURE`]. The future is dropped with the [`Timeout`]; to keep it, pass `&mut`.
    ///
    /// # Errors
    ///
    /// The output is [`Elapsed`](crate::Elapsed) if the future was not ready in time.
    ///
    /// # Cancel safety
    ///
    /// As cancel-safe as `future`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn example<R: runtime::Timer>(rt: R) {
    /// let ready = rt.timeout(Duration::ZERO, async { 7 }).await;
    /// assert_eq!(ready, Ok(7));
    ///
    /// let late = rt.timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
    /// assert!(late.is_err());
    /// # }
    /// ```
    fn timeout<F>(&self, duration: Duration, future: F) -> Timeout<Self::Sleep, F>
    where
        F: Future,
    {
        Timeout::new(self.sleep(duration), future)
    }

    /// [`timeout`](Self::timeout) with an instant instead of a duration.
    ///
    /// # Errors
    ///
    /// The output is [`Elapsed`](crate::Elapsed) if the future was not ready by `deadline`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn example<R: runtime::Timer>(rt: R) -> Result<(), runtime::Elapsed> {
    /// // One deadline for both steps.
    /// let deadline = rt.now() + Duration::from_secs(5);
    /// rt.timeout_at(deadline, async { /* connect */ }).await?;
    /// rt.timeout_at(deadline, async { /* ask */ }).await
    /// # }
    /// ```
    fn timeout_at<F>(&self, deadline: Instant, future: F) -> Timeout<Self::Sleep, F>
    where
        F: Future,
    {
        Timeout::new(self.sleep_until(deadline), future)
    }

    /// Ticks now, and then once every `period`. See [`Interval`].
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn example<R: runtime::Timer>(rt: R) {
    /// let mut every_second = rt.interval(Duration::from_secs(1));
    /// every_second.tick().await; // at once
    /// every_second.tick().await; // a second later
    /// # }
    /// ```
    #[track_caller]
    fn interval(&self, period: Duration) -> Interval<Self> {
        self.interval_at(self.now(), period)
    }

    /// Ticks at `start`, and then once every `period`. See [`Interval`].
    ///
    /// # Panics
    ///
    /// If `period` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # async fn example<R: runtime::Timer>(rt: R) {
    /// // No tick at once: the first comes after a whole period.
    /// let period = Duration::from_secs(1);
    /// let mut interval = rt.interval_at(rt.now() + period, period);
    /// interval.tick().await;
    /// # }
    /// ```
    #[track_caller]
    fn interval_at(&self, start: Instant, period: Duration) -> Interval<Self> {
        Interval::new(self.clone(), start, period)
    }
}
