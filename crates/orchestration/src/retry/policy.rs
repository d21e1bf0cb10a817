//! The policy, and the loop that obeys it.
//!
//! ```text
//!  begin --> may it begin? --> attempt --> value: the end
//!    ^        | no                 '-----> error, or too late
//!    |        v                                |
//!    |     given up <-- no -- may it be repeated? (error, attempts, budget, deadline)
//!    |                                         | yes
//!    '------------------ sleep <---------------'
//! ```
//!
//! # Invariants
//!
//! 1. Nothing is slept through that ends in giving up: everything that can be known before the sleep is asked
//!    before it.
//! 2. A retry is taken from the budget last, when nothing else speaks against it.
//! 3. A cancellation ends an attempt and a sleep at once; an attempt that is ready wins.

use std::fmt;
use std::time::{Duration, Instant};

use async_sync::Context;
use async_sync::context::Cause;
use backon::{BackoffBuilder, ExponentialBuilder};
use runtime::{Elapsed, Timer, deadline_after};

use super::{Failed, GaveUp, RetryBudget, RetryError};
use crate::yield_now::yield_now;

/// What to do about an error. See [`Retry::run_if`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try again after the policy's delay.
    Retry,
    /// Try again after this delay: a server has said so.
    RetryAfter(Duration),
    /// Trying again would not help.
    GiveUp,
}

/// True: try again.
impl From<bool> for Decision {
    fn from(again: bool) -> Self {
        if again { Self::Retry } else { Self::GiveUp }
    }
}

/// A policy of trying again: how often, after what delays, for how long.
///
/// It holds nothing of a call, so one policy serves any number of them, also at the same time.
///
/// | | default | otherwise |
/// |---|---|---|
/// | delays | 1 s, 2 s, 4 s, with jitter | [`backoff`](Self::backoff): any of backon's |
/// | attempts | as many as the backoff has delays, and one | [`attempts`](Self::attempts), [`forever`](Self::forever) |
/// | an attempt | takes as long as it takes | [`attempt_timeout`](Self::attempt_timeout) |
/// | in all | no limit | [`context`](Self::context), [`attempt_needs`](Self::attempt_needs) |
/// | callers together | no limit | [`budget`](Self::budget) |
/// | errors | all are worth a retry | [`run_if`](Self::run_if) |
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use std::time::Duration;
///
/// use backon::ExponentialBuilder;
/// use orchestration::retry::Retry;
/// use runtime::TokioRuntime;
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let retry = Retry::new(TokioRuntime::current())
///     .backoff(ExponentialBuilder::default().with_min_delay(Duration::from_millis(1)).with_jitter())
///     .attempts(5)
///     .attempt_timeout(Duration::from_secs(1));
///
/// let calls = Cell::new(0);
/// let answer = retry.run(|attempt| {
///     calls.set(calls.get() + 1);
///     async move { if attempt < 2 { Err(std::io::Error::other("not yet")) } else { Ok(attempt) } }
/// });
/// assert_eq!(answer.await?, 2);
/// assert_eq!(calls.get(), 3);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is tried until `run` is awaited"]
pub struct Retry<R, B = ExponentialBuilder> {
    timer: R,
    backoff: B,
    attempts: Attempts,
    attempt_timeout: Option<Duration>,
    attempt_needs: Duration,
    budget: Option<RetryBudget>,
    context: Context,
}

#[derive(Clone, Copy, Debug)]
enum Attempts {
    // As many as the backoff has delays, and one.
    ByBackoff,
    AtMost(usize),
    Endless,
}

impl<R: Timer> Retry<R> {
    /// backon's exponential delays with jitter, and as many attempts as these allow: four.
    pub fn new(timer: R) -> Self {
        Self {
            timer,
            backoff: ExponentialBuilder::default().with_jitter(),
            attempts: Attempts::ByBackoff,
            attempt_timeout: None,
            attempt_needs: Duration::ZERO,
            budget: None,
            context: Context::background(),
        }
    }
}

impl<R: Timer, B: BackoffBuilder + Clone> Retry<R, B> {
    /// The delays between attempts: `ConstantBuilder`, `ExponentialBuilder`, `FibonacciBuilder` of backon, or any
    /// other builder of an iterator of durations.
    ///
    /// Their number limits the attempts, unless [`attempts`](Self::attempts) or [`forever`](Self::forever)
    /// is set: then the last delay is used again and again. (backon's builders have three, if they are
    /// not told otherwise.)
    pub fn backoff<C: BackoffBuilder + Clone>(self, backoff: C) -> Retry<R, C> {
        Retry {
            timer: self.timer,
            backoff,
            attempts: self.attempts,
            attempt_timeout: self.attempt_timeout,
            attempt_needs: self.attempt_needs,
            budget: self.budget,
            context: self.context,
        }
    }

    /// At most so many attempts, the first included.
    ///
    /// # Panics
    ///
    /// If it is zero. (In gollback and Hunch this means for ever, which here is [`forever`](Self::forever).)
    #[track_caller]
    pub fn attempts(mut self, attempts: usize) -> Self {
        assert!(
            attempts > 0,
            "Retry: 0 attempts would try nothing; `forever` has no limit"
        );
        self.attempts = Attempts::AtMost(attempts);
        self
    }

    /// As many attempts as it takes.
    pub fn forever(mut self) -> Self {
        self.attempts = Attempts::Endless;
        self
    }

    /// An attempt that takes longer is dropped, and counts as failed.
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = Some(limit);
        self
    }

    /// Ends with this context. And gives up early: if the next attempt could begin only after the
    /// context's deadline, it does not sleep until then.
    pub fn context(mut self, context: &Context) -> Self {
        self.context = context.clone();
        self
    }

    /// An attempt needs at least so long: it is not begun when the context's deadline is nearer.
    pub fn attempt_needs(mut self, least: Duration) -> Self {
        self.attempt_needs = least;
        self
    }

    /// Retries are taken from this budget, which other callers share.
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    /// Calls `operation` with 0, 1, 2, ... until it succeeds, or the policy says that it is enough.
    ///
    /// # Errors
    ///
    /// [`RetryError`]: why it was given up, after how many attempts, and the last error.
    ///
    /// # Panics
    ///
    /// A panic of the operation is not an error: it goes on.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so is the attempt that runs.
    pub async fn run<F, T, E>(&self, operation: impl FnMut(usize) -> F) -> Result<T, RetryError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.run_if(operation, |_| true).await
    }

    /// As [`run`](Self::run), and `decide` is asked about each error, whether it is worth a retry:
    /// `true`, `false` or a [`Decision`]. It is not asked about an attempt that took too long.
    ///
    /// # Errors
    ///
    /// [`RetryError`]: why it was given up, after how many attempts, and the last error.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so is the attempt that runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Error, ErrorKind};
    ///
    /// use orchestration::retry::{GaveUp, Retry};
    /// use runtime::TokioRuntime;
    ///
    /// # #[tokio::main] async fn main() {
    /// let retry = Retry::new(TokioRuntime::current());
    /// let read = |_| async { std::fs::read("/no/such/file") };
    /// let error = retry.run_if(read, |error: &Error| error.kind() != ErrorKind::NotFound);
    /// let error = error.await.unwrap_err();
    /// assert_eq!(error.attempts(), 1);
    /// assert!(matches!(error.gave_up(), GaveUp::NotRetryable));
    /// # }
    /// ```
    pub async fn run_if<F, T, E, D>(
        &self,
        mut operation: impl FnMut(usize) -> F,
        mut decide: impl FnMut(&E) -> D,
    ) -> Result<T, RetryError<E>>
    where
        F: Future<Output = Result<T, E>>,
        D: Into<Decision>,
    {
        let mut call = Call {
            policy: self,
            began: self.timer.now(),
            attempts: 0,
            last: None,
        };
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
        let mut delays = self.backoff.clone().build();
        let mut last_delay = Duration::ZERO;
        loop {
            // After a sleep, too: it may have been longer than it was to be, and ended beside a cancellation.
            if let Err(gave_up) = call.may_begin(Duration::ZERO) {
                return Err(call.give_up(gave_up));
            }
            call.attempts += 1;
            let failed = match call.attempt(operation(call.attempts - 1)).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failed)) => failed,
                Err(cause) => return Err(call.give_up(GaveUp::Cancelled(cause))),
            };
            let decision = match &failed {
                Failed::Error(error) => decide(error).into(),
                Failed::TimedOut(_) => Decision::Retry,
            };
            call.last = Some(failed);
            let delay = delays.next();
            last_delay = delay.unwrap_or(last_delay);
            let enough = match self.attempts {
                Attempts::ByBackoff => delay.is_none(),
                Attempts::AtMost(most) => call.attempts >= most,
                Attempts::Endless => false,
            };
            let delay = match decision {
                Decision::GiveUp => return Err(call.give_up(GaveUp::NotRetryable)),
                _ if enough => return Err(call.give_up(GaveUp::NoAttemptsLeft)),
                Decision::Retry => last_delay,
                Decision::RetryAfter(delay) => delay,
            };
            if let Err(gave_up) = call.may_begin(delay) {
                return Err(call.give_up(gave_up));
            }
            if !self.budget.as_ref().is_none_or(RetryBudget::withdraw) {
                return Err(call.give_up(GaveUp::OutOfBudget));
            }
            let pause = async {
                if delay.is_zero() {
                    // A sleep that is over at once would let nobody else run.
                    yield_now().await;
                } else {
                    self.timer.sleep(delay).await;
                }
            };
            if let Err(cause) = self.context.run(pause).await {
                return Err(call.give_up(GaveUp::Cancelled(cause)));
            }
        }
    }
}

/// One call of `run`.
struct Call<'a, R, B, E> {
    policy: &'a Retry<R, B>,
    began: Instant,
    attempts: usize,
    last: Option<Failed<E>>,
}

impl<R: Timer, B, E> Call<'_, R, B, E> {
    /// Whether an attempt may begin after this delay, as far as is known now.
    fn may_begin(&self, delay: Duration) -> Result<(), GaveUp> {
        let policy = self.policy;
        policy.context.check().map_err(GaveUp::Cancelled)?;
        let Some(deadline) = policy.context.deadline() else {
            return Ok(());
        };
        let needed = delay.saturating_add(policy.attempt_needs);
        let end = deadline_after(policy.timer.now(), needed);
        // An attempt that takes no time still has none at the deadline itself.
        if end >= deadline {
            return Err(GaveUp::OutOfTime);
        }
        Ok(())
    }

    /// Runs an attempt, within its time and in the context.
    async fn attempt<T>(
        &self,
        attempt: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, Failed<E>>, Cause> {
        let policy = self.policy;
        let Some(limit) = policy.attempt_timeout else {
            let ended = policy.context.run(attempt).await?;
            return Ok(ended.map_err(Failed::Error));
        };
        let ended = policy.context.run(policy.timer.timeout(limit, attempt));
        Ok(match ended.await? {
            Ok(ended) => ended.map_err(Failed::Error),
            Err(Elapsed) => Err(Failed::TimedOut(limit)),
        })
    }

    fn give_up(&mut self, gave_up: GaveUp) -> RetryError<E> {
        let now = self.policy.timer.now();
        RetryError {
            attempts: self.attempts,
            elapsed: now.saturating_duration_since(self.began),
            gave_up,
            last: self.last.take(),
        }
    }
}

impl<R, B: fmt::Debug> fmt::Debug for Retry<R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("backoff", &self.backoff)
            .field("attempts", &self.attempts)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("attempt_needs", &self.attempt_needs)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
