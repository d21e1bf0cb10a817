//! How a child ends: with its value, its error or its panic. Both flavours of the group use this.
//!
//! A child that has ended is dropped before anybody is told, so whoever waits for the group knows
//! that nothing of the child is left.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::ledger::{Failure, Outcome};
use crate::caught;
pub(super) use crate::caught::discard;

/// Polls the child; when it has ended, in whatever way, it is gone.
pub(super) fn poll<F, T, E>(child: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<Outcome<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    Poll::Ready(match ready!(caught::poll(child, cx)) {
        Ok(result) => result.map_err(Failure::Error),
        Err(panic) => Err(Failure::Panic(panic)),
    })
}
