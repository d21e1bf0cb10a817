//! Polling and dropping a child so that its panics become an outcome.
//!
//! A child that has ended is dropped before anybody is told, so whoever waits for the group knows
//! that nothing of the child is left. Both flavours of the group use these two functions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Panic;
use super::ledger::{Failure, Outcome};

/// Polls the child; when it has ended, in whatever way, it is gone.
pub(super) fn poll<F, T, E>(
    mut child: Pin<&mut Option<F>>,
    cx: &mut Context<'_>,
) -> Poll<Outcome<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let future = child.as_mut().as_pin_mut();
        future
            .expect("a child is not polled after its end")
            .poll(cx)
    }));
    let outcome = match polled {
        Ok(Poll::Pending) => return Poll::Pending,
        Ok(Poll::Ready(result)) => result.map_err(Failure::Error),
        Err(payload) => Err(Failure::Panic(Panic::new(payload))),
    };
    let outcome = match (outcome, discard(child)) {
        // The first panic is the one to report.
        (outcome @ Err(Failure::Panic(_)), _) | (outcome, None) => outcome,
        (_, Some(panic)) => Err(Failure::Panic(panic)),
    };
    Poll::Ready(outcome)
}

/// Drops the child, if it is still there, and gives the panic of its destructor.
pub(super) fn discard<F>(mut child: Pin<&mut Option<F>>) -> Option<Panic> {
    catch_unwind(AssertUnwindSafe(|| child.set(None)))
        .err()
        .map(Panic::new)
}
