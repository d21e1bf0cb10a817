//! A second request when the first takes long.
//!
//! ```text
//!  start one -> wait: a value     -> stop the others, give it
//!                     the delay   -> start one more, if there may be one
//!                     an error    -> start one more at once, if there may be one;
//!                                    the last error when nothing runs any more
//! ```
//!
//! # Invariant
//!
//! While `run` waits, something runs, or has just been started: so it ends if the attempts do.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use runtime::{Spawn, Timer};

use super::contest::Contest;
use super::place::{Gone, Here, On, Place};
use crate::retry::RetryBudget;
use crate::yield_now::yield_now;

/// Asks again when the answer is late, and takes the first that comes: it cuts the long tail of the times that
/// answers take.
///
/// What is asked twice must do no harm when it is done twice. With a delay of what 95 of 100 answers take,
/// it costs 5 of 100 requests more; a [`RetryBudget`] keeps it at that when everything is late.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use orchestration::results::Hedge;
/// use orchestration::retry::RetryBudget;
/// use runtime::{Timer, TokioRuntime};
///
/// # #[tokio::main] async fn main() {
/// let rt = TokioRuntime::current();
/// // One in ten may be asked again.
/// let budget = RetryBudget::new(10, 0.1);
/// let hedge = Hedge::new(rt.clone()).after(Duration::from_millis(10)).budget(&budget);
/// let answer = hedge.run(|attempt| {
///     let rt = rt.clone();
///     async move {
///         if attempt == 0 {
///             rt.sleep(Duration::from_secs(60)).await; // a bad day
///         }
///         Ok::<_, std::io::Error>(attempt)
///     }
/// });
/// assert_eq!(answer.await.unwrap(), 1);
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is asked until `run` is awaited"]
pub struct Hedge<R, P = Here> {
    timer: R,
    place: P,
    delay: Duration,
    most: usize,
    budget: Option<RetryBudget>,
}

impl<R: Timer> Hedge<R> {
    /// One more request after 100 ms, without a budget; the attempts run in the task that waits.
    pub fn new(timer: R) -> Self {
        Self {
            timer,
            place: Here(()),
            delay: Duration::from_millis(100),
            most: 2,
            budget: None,
        }
    }
}

impl<R: Timer, P> Hedge<R, P> {
    /// How long an answer may take before one more is asked for. With no delay, that is one turn of the runtime.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// At most so many attempts, the first included.
    ///
    /// # Panics
    ///
    /// If it is zero.
    #[track_caller]
    pub fn at_most(mut self, attempts: usize) -> Self {
        assert!(attempts > 0, "Hedge: at most 0 attempts would ask nobody");
        self.most = attempts;
        self
    }

    /// Each attempt after the first takes from this budget, and is left out when that is used up.
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    /// Each attempt runs in a task of its own on `runtime`.
    pub fn spawned<S: Spawn>(self, runtime: S) -> Hedge<R, On<S>> {
        Hedge {
            timer: self.timer,
            place: On(runtime),
            delay: self.delay,
            most: self.most,
            budget: self.budget,
        }
    }

    /// Calls `ask` with 0, and with 1, 2, ... when the answer is late or an attempt has failed. The first value
    /// is given; the other attempts are stopped then, and waited for.
    ///
    /// # Errors
    ///
    /// The last error, when all attempts that may be made have failed.
    ///
    /// # Panics
    ///
    /// With the panic of an attempt, or of `ask`, when the others are gone.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so are the attempts.
    pub async fn run<F, T, E>(&self, mut ask: impl FnMut(usize) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        P: Place<F>,
    {
        let mut contest = Contest::new(usize::MAX);
        if let Some(budget) = &self.budget {
            budget.deposit();
        }
        contest.start_by(&self.place, || ask(0)).await;
        let mut started = 1;
        let mut sleep = pin!(self.sleep_if(started < self.most));
        let mut failed = None;
        loop {
            let ended = poll_fn(|cx| {
                if let Poll::Ready(ended) = contest.poll_next(cx) {
                    return Poll::Ready(Some(ended));
                }
                match sleep.as_mut().as_pin_mut() {
                    Some(sleep) => sleep.poll(cx).map(|()| None),
                    None => Poll::Pending,
                }
            });
            match ended.await {
                Some(Some((_, Ok(Ok(value))))) => {
                    contest.stop().await;
                    return Ok(value);
                }
                Some(Some((_, Ok(Err(error))))) => failed = Some(error),
                Some(Some((_, Err(Gone::Panicked(payload))))) => {
                    contest.stop_and_raise(payload).await;
                }
                Some(Some((_, Err(Gone::Stopped)))) => unreachable!("nobody has stopped it"),
                // The delay is over.
                Some(None) | None => {}
            }
            let another =
                started < self.most && self.budget.as_ref().is_none_or(RetryBudget::withdraw);
            if another {
                contest.start_by(&self.place, || ask(started)).await;
                started += 1;
                if self.delay.is_zero() {
                    // Else all that may be asked are, in one poll, before any can answer.
                    yield_now().await;
                }
            } else {
                // Asked once: a budget that is used up now is not asked again and again.
                started = self.most;
            }
            sleep.set(self.sleep_if(started < self.most));
            if contest.running() == 0
                && let Some(error) = failed.take()
            {
                return Err(error);
            }
        }
    }

    fn sleep_if(&self, wanted: bool) -> Option<R::Sleep> {
        wanted.then(|| self.timer.sleep(self.delay))
    }
}

impl<R, P> fmt::Debug for Hedge<R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hedge")
            .field("after", &self.delay)
            .field("at_most", &self.most)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
