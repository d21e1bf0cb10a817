//! How many retries callers may make together: one number, in thousandths.
//!
//! ```text
//!  deposit: a call begins    -> + part of a retry, up to the reserve
//!  withdraw: it is repeated  -> - one retry, or refused
//! ```
//!
//! Invariant: between 0 and the reserve.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One retry.
const ONE: u64 = 1000;

/// A budget of retries that many callers share, so that they do not beat a service that is down.
///
/// Each call pays in a part of a retry, each retry takes out a whole one: with `0.1`, one call in ten may be
/// repeated. The reserve is what there is at the start, and the most that is saved: a burst that is
/// allowed. Clones share one budget. [`Hedge`](crate::results::Hedge) pays from it as well.
///
/// # Examples
///
/// ```
/// use orchestration::retry::RetryBudget;
///
/// let budget = RetryBudget::new(1, 0.5);
/// assert!(budget.withdraw());
/// assert!(!budget.withdraw(), "the reserve is used up");
/// budget.deposit();
/// budget.deposit();
/// assert!(budget.withdraw());
/// ```
#[derive(Clone)]
pub struct RetryBudget {
    shared: Arc<Shared>,
}

struct Shared {
    // Relaxed throughout: a number that publishes nothing.
    saved: AtomicU64,
    reserve: u64,
    per_call: u64,
}

impl RetryBudget {
    /// `reserve` retries at the start and at most; each call adds `per_call` of one.
    ///
    /// # Panics
    ///
    /// If `per_call` is negative or not a number.
    #[track_caller]
    #[must_use]
    pub fn new(reserve: u32, per_call: f64) -> Self {
        assert!(
            per_call >= 0.0,
            "RetryBudget: each call adds a part of a retry, not {per_call}"
        );
        let reserve = u64::from(reserve) * ONE;
        Self {
            shared: Arc::new(Shared {
                saved: AtomicU64::new(reserve),
                reserve,
                // Saturates; more than the reserve cannot be saved anyhow.
                per_call: (per_call * ONE as f64).round() as u64,
            }),
        }
    }

    /// A call begins. [`Retry`](super::Retry) and [`Hedge`](crate::results::Hedge) do this themselves.
    pub fn deposit(&self) {
        let Shared {
            saved,
            reserve,
            per_call,
        } = &*self.shared;
        let add = |now: u64| (now < *reserve).then(|| now.saturating_add(*per_call).min(*reserve));
        // An error says that it is full.
        let _ = saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Takes one retry. False: there is none, and nothing was taken.
    #[must_use = "a retry that is refused must not be made"]
    pub fn withdraw(&self) -> bool {
        let take = |now: u64| now.checked_sub(ONE);
        let taken = self
            .shared
            .saved
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.is_ok()
    }

    /// How many retries could be made now: a snapshot.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.shared.saved.load(Ordering::Relaxed) / ONE
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_between_nothing_and_the_reserve() {
        let budget = RetryBudget::new(2, 0.4);
        budget.deposit();
        assert_eq!(budget.available(), 2);
        assert!(budget.withdraw());
        assert!(budget.withdraw());
        assert!(!budget.withdraw());
        budget.deposit();
        budget.deposit();
        assert!(!budget.withdraw(), "0.8 is not a whole one");
        budget.deposit();
        assert!(budget.withdraw());
        assert_eq!(budget.available(), 0);
    }

    #[test]
    fn odd_arguments() {
        let none = RetryBudget::new(0, 0.0);
        none.deposit();
        assert!(!none.withdraw());
        let huge = RetryBudget::new(u32::MAX, f64::INFINITY);
        assert!(huge.withdraw());
        huge.deposit();
        assert_eq!(huge.available(), u64::from(u32::MAX));
    }

    #[test]
    #[should_panic(expected = "a part of a retry")]
    fn not_a_number() {
        let _ = RetryBudget::new(1, f64::NAN);
    }
}
