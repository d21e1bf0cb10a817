//! Stages of streams under the names that Go's programmers know, over the combinators of `futures`.
//!
//! `futures` has most of them; its predicates return futures, so each plain one has to be wrapped in
//! `ready`. These take plain closures. What is here is written with what is there.
//!
//! | Go | here | of `futures` |
//! |---|---|---|
//! | `asStream(done, values...)` | `stream::iter(values).until_cancelled(&ctx)` | `iter`, `take_until` |
//! | `takeN` | [`take_n`](Stages::take_n) | `take` |
//! | `takeFn` | [`take_fn`](Stages::take_fn) | `filter` |
//! | `takeWhile` | [`take_prefix`](Stages::take_prefix) | `take_while` |
//! | `skipN` | [`skip_n`](Stages::skip_n) | `skip` |
//! | `skipFn` | [`skip_fn`](Stages::skip_fn) | `filter` |
//! | `skipWhile` | [`skip_prefix`](Stages::skip_prefix) | `skip_while` |
//! | `mapChan` | `map` | `map` |
//! | `reduce` | [`reduce`](Stages::reduce), which has no seed | `fold`, which has one |
//! | `orDone(done, c)` | [`until_cancelled`](Stages::until_cancelled) | `take_until` |
//!
//! In Go each of them has to look at a `done` channel, or it stays for ever when its input is idle. A stream
//! is dropped instead; to end it from elsewhere, [`until_cancelled`](Stages::until_cancelled) goes
//! anywhere into the chain.

use std::future::ready;

use async_sync::Context;
use async_sync::context::CancelledOwned;
use futures_core::Stream;
use futures_util::StreamExt;
use futures_util::stream::{Skip, Take, TakeUntil};

/// Stages of streams, with plain closures. Implemented for every stream.
///
/// # Cancel safety
///
/// All of them are as cancel-safe as their input: an item that is taken from it is returned, or rejected,
/// in the same poll.
///
/// # Examples
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use orchestration::Stages;
///
/// # mini_executor::block_on(async {
/// let sum = stream::iter(1..)
///     .skip_prefix(|n| *n < 10)
///     .take_fn(|n| n % 2 == 1)
///     .take_n(3)
///     .map(|n| n * 10)
///     .reduce(|sum, n| sum + n)
///     .await;
/// assert_eq!(sum, Some(110 + 130 + 150));
/// # });
/// ```
pub trait Stages: Stream + Sized {
    /// The first `n` items, or as many as there are. It does not ask for one more.
    #[doc(alias = "takeN")]
    #[doc(alias = "take")]
    fn take_n(self, n: usize) -> Take<Self> {
        self.take(n)
    }

    /// The items that `wanted` says yes to.
    #[doc(alias = "takeFn")]
    #[doc(alias = "filter")]
    fn take_fn(
        self,
        mut wanted: impl FnMut(&Self::Item) -> bool,
    ) -> impl Stream<Item = Self::Item> {
        self.filter(move |item| ready(wanted(item)))
    }

    /// The items before the first that `wanted` says no to.
    #[doc(alias = "takeWhile")]
    #[doc(alias = "take_while")]
    fn take_prefix(
        self,
        mut wanted: impl FnMut(&Self::Item) -> bool,
    ) -> impl Stream<Item = Self::Item> {
        self.take_while(move |item| ready(wanted(item)))
    }

    /// All items but the first `n`.
    #[doc(alias = "skipN")]
    #[doc(alias = "skip")]
    fn skip_n(self, n: usize) -> Skip<Self> {
        self.skip(n)
    }

    /// The items that `unwanted` says no to.
    #[doc(alias = "skipFn")]
    #[doc(alias = "filter")]
    fn skip_fn(
        self,
        mut unwanted: impl FnMut(&Self::Item) -> bool,
    ) -> impl Stream<Item = Self::Item> {
        self.filter(move |item| ready(!unwanted(item)))
    }

    /// The first item that `unwanted` says no to, and all after it.
    #[doc(alias = "skipWhile")]
    #[doc(alias = "skip_while")]
    fn skip_prefix(
        self,
        mut unwanted: impl FnMut(&Self::Item) -> bool,
    ) -> impl Stream<Item = Self::Item> {
        self.skip_while(move |item| ready(unwanted(item)))
    }

    /// The items until `context` is cancelled, also if that happens while the input is idle.
    #[doc(alias = "orDone")]
    #[doc(alias = "take_until")]
    fn until_cancelled(self, context: &Context) -> TakeUntil<Self, CancelledOwned> {
        self.take_until(context.cancelled_owned())
    }

    /// Puts the items together, two at a time, from the first on. None if there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops what was put together so far.
    #[doc(alias = "fold")]
    fn reduce(
        self,
        mut join: impl FnMut(Self::Item, Self::Item) -> Self::Item,
    ) -> impl Future<Output = Option<Self::Item>> {
        self.fold(None, move |sum, item| {
            ready(Some(match sum {
                None => item,
                Some(sum) => join(sum, item),
            }))
        })
    }
}

impl<S: Stream> Stages for S {}
