//! `tee`: one stream, read twice.

use futures_core::Stream;

use crate::fan_out::{Broadcast, FanOut, FanOutRun, Output};

/// Two streams that both yield what `input` does.
///
/// The future does the work: it is awaited beside the outputs, or spawned. Each output may be 16 items
/// ahead of the other, then it waits; one that is dropped holds up nobody. [`FanOut`] has other choices.
///
/// # Cancel safety
///
/// Dropping the future ends both outputs, after what waits for them.
///
/// # Panics
///
/// The future panics if the input or a `clone` does.
///
/// # Examples
///
/// ```
/// use futures_util::{StreamExt, future, stream};
/// use orchestration::tee;
///
/// # mini_executor::block_on(async {
/// let (run, one, two) = tee(stream::iter(1..=100));
/// let sum = one.fold(0, |sum, n| future::ready(sum + n));
/// let most = two.fold(0, |most, n| future::ready(n.max(most)));
/// let (_, sum, most) = future::join3(run, sum, most).await;
/// assert_eq!((sum, most), (5050, 100));
/// # });
/// ```
#[doc(alias = "Tee")]
#[expect(
    clippy::type_complexity,
    reason = "the future and two outputs, with their names"
)]
pub fn tee<S>(input: S) -> (FanOutRun<S, Broadcast>, Output<S::Item>, Output<S::Item>)
where
    S: Stream<Item: Clone>,
{
    let (run, [one, two]) = FanOut::new(input).broadcast();
    (run, one, two)
}
