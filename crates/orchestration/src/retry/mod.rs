//! Trying again: a policy, and a budget that callers share.
//!
//! [`Retry`] is the policy: delays by [`backon`]'s builders, a number of attempts, a time for each and for
//! all, and what errors are worth it. [`RetryBudget`] keeps callers together from beating a service
//! that is down. [`RetryError`] says why it was given up.
//!
//! The clock is a [`runtime::Timer`], so tests run in virtual time.
//!
//! Source: `Retry` of gollback and of Hunch; gRPC's and Finagle's budgets.

mod budget;
mod error;
mod policy;

pub use self::budget::RetryBudget;
pub use self::error::{Failed, GaveUp, RetryError};
pub use self::policy::{Decision, Retry};
