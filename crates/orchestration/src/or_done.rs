//! `or_done`: whichever of many futures is done first.
//!
//! It is `select_all` without the number of the winner: each future has a waker of its own, only those
//! that were woken are polled, and the losers are dropped before the output is returned. There is no
//! recursion and no task for each.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_sync::select::{SelectAll, select_all};

/// Waits until one of `futures` is done, and gives its output. The others are dropped then.
///
/// The same request to several places, of which the first answer counts; whichever of several signals
/// comes first. Of those that are done at the same time any may win.
///
/// Go's `or` closes a channel, and its losers run on. Here a loser is gone before the answer is
/// there. (Futures of different types: [`async_sync::select!`].)
///
/// Without futures it waits for ever, as Go's nil channel does.
///
/// # Cancel safety
///
/// Dropping it drops all of the futures.
///
/// # Panics
///
/// If one of the futures does, after all were dropped; and if it is polled after its completion.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use orchestration::or_done;
/// use runtime::Timer;
///
/// # mini_executor::run(0, |rt| async move {
/// let (timer, begun) = (rt.clone(), rt.now());
/// let ask = |seconds| {
///     let timer = timer.clone();
///     async move {
///         timer.sleep(Duration::from_secs(seconds)).await;
///         format!("an answer after {seconds} s")
///     }
/// };
/// assert_eq!(or_done([30, 10, 60].map(ask)).await, "an answer after 10 s");
/// assert_eq!(rt.now() - begun, Duration::from_secs(10));
/// # }).unwrap();
/// ```
#[doc(alias = "or")]
pub fn or_done<I>(futures: I) -> OrDone<I::Item>
where
    I: IntoIterator<Item: Future>,
{
    OrDone {
        select: select_all(futures),
    }
}

/// The future of [`or_done`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct OrDone<F: Future> {
    select: SelectAll<F>,
}

// The futures are in a box.
impl<F: Future> Unpin for OrDone<F> {}

impl<F: Future> Future for OrDone<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.select)
            .poll(cx)
            .map(|(_, output)| output)
    }
}

impl<F: Future> fmt::Debug for OrDone<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrDone").finish_non_exhaustive()
    }
}
