//! How a group ends, as a type: so there is one `join`, whose error is of the right type for each.

use super::Errors;
use super::builder::Settings;
use super::ledger::{Ledger, Verdict};

/// How a group ends: with the values, or with the first error. See [`Builder`](super::Builder).
#[derive(Debug)]
pub enum FirstError {}

/// How a group ends: with the outcome of every task. See
/// [`Builder::collect_all`](super::Builder::collect_all).
#[derive(Debug)]
pub enum CollectAll {}

/// How a group ends: [`FirstError`] or [`CollectAll`].
///
/// Sealed: it cannot be implemented outside of this crate.
pub trait Ending: sealed::Close + 'static {
    /// What joining the group gives if a task failed: the first error, or all outcomes.
    type Failure<T, E>;
}

impl Ending for FirstError {
    type Failure<T, E> = E;
}

impl Ending for CollectAll {
    type Failure<T, E> = Errors<T, E>;
}

mod sealed {
    use super::*;

    pub trait Close {
        /// The end of a group whose rounds before have left `verdict`.
        fn close<T, E>(
            round: Ledger<T, E>,
            settings: &Settings<E>,
            verdict: &mut Option<Verdict<E>>,
        ) -> Result<Vec<T>, Self::Failure<T, E>>
        where
            Self: Ending;
    }

    impl Close for FirstError {
        fn close<T, E>(
            round: Ledger<T, E>,
            settings: &Settings<E>,
            verdict: &mut Option<Verdict<E>>,
        ) -> Result<Vec<T>, E> {
            let values = round.close_first(settings, verdict);
            match verdict.take() {
                None => Ok(values),
                Some(verdict) => Err(verdict.pronounce().error),
            }
        }
    }

    impl Close for CollectAll {
        fn close<T, E>(
            round: Ledger<T, E>,
            settings: &Settings<E>,
            verdict: &mut Option<Verdict<E>>,
        ) -> Result<Vec<T>, Errors<T, E>> {
            round.close_all(settings, verdict)
        }
    }
}
