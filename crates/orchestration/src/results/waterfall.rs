//! One step after the other, each with the value of the one before: a chain of `and_then`.

use std::fmt;

use futures_util::future::{AndThen, TryFutureExt as _};

/// A chain of steps, of which each gets the value of the one before; the first error ends it.
///
/// In a function that is written down step by step, `?` does the same. This is for chains that are put
/// together elsewhere, and for those who come from Hunch.
///
/// # Examples
///
/// ```
/// use orchestration::results::Waterfall;
///
/// # mini_executor::block_on(async {
/// let total = Waterfall::new(async { "6,7".split_once(',').ok_or("no comma") })
///     .then(async |(a, b): (&str, &str)| {
///         Ok((a.parse::<u32>().map_err(|_| "no number")?, b.parse::<u32>().map_err(|_| "no number")?))
///     })
///     .then(async |(a, b)| Ok(a * b));
/// assert_eq!(total.await, Ok(42));
/// # });
/// ```
///
/// Source: Hunch's `Waterfall`, with a type for each step.
#[must_use = "nothing runs until it is awaited"]
pub struct Waterfall<F> {
    steps: F,
}

impl<F, T, E> Waterfall<F>
where
    F: Future<Output = Result<T, E>>,
{
    /// A chain of one step.
    pub fn new(first: F) -> Self {
        Self { steps: first }
    }

    /// One more step, which gets the value of the last.
    pub fn then<G, Fut, U>(self, step: G) -> Waterfall<AndThen<F, Fut, G>>
    where
        G: FnOnce(T) -> Fut,
        Fut: Future<Output = Result<U, E>>,
    {
        Waterfall {
            steps: self.steps.and_then(step),
        }
    }
}

impl<F: Future> IntoFuture for Waterfall<F> {
    type Output = F::Output;
    type IntoFuture = F;

    fn into_future(self) -> F {
        self.steps
    }
}

impl<F> fmt::Debug for Waterfall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waterfall").finish_non_exhaustive()
    }
}
