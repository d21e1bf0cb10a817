//! The choices for a concurrent map, and its four forms: in order or as they come, in this task or in
//! tasks of their own.

use std::fmt;
use std::num::NonZero;
use std::thread;

use futures_core::Stream;
use futures_util::stream::{self, Iter};
use runtime::Spawn;

use super::in_flight::{InFlight, Ordered, Unordered};
use super::on_tasks::OnTasks;
use super::order::{AsTheyCome, InOrder};

/// The most futures in one task, and the most items in a window.
///
/// A bit and a pointer are kept for each of a window.
const MOST: usize = 1 << 20;

/// So many items are taken ahead for each that runs, where they run in tasks of their own.
const AHEAD: usize = 32;

/// Calls an asynchronous function for each item of an iterator or stream, so many at a time, and
/// gives a stream of the outputs.
///
/// | | in the task that polls the stream | in tasks of a [`Spawn`] |
/// |---|---|---|
/// | in the order of the items | [`ordered`](Self::ordered) | [`ordered_on`](Self::ordered_on) |
/// | as they come | [`unordered`](Self::unordered) | [`unordered_on`](Self::unordered_on) |
///
/// The source is asked for an item only when there is room for it: the consumer sets the pace.
/// A future that is ready when it is first polled costs next to nothing.
///
/// If the outputs are `Result`s, `TryStreamExt::try_collect` and its kin end at the first error and
/// drop the stream, which ends what still runs.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt;
/// use orchestration::results::Map;
///
/// # mini_executor::block_on(async {
/// let squares = Map::new(1..=5, async |n: u32| n * n).concurrency(2).ordered();
/// assert_eq!(squares.collect::<Vec<_>>().await, [1, 4, 9, 16, 25]);
/// # });
/// ```
///
/// Futures that are there already, and their outputs as they come:
///
/// ```
/// use futures_util::StreamExt;
/// use orchestration::results::Map;
///
/// # mini_executor::block_on(async {
/// let futures = [3, 1, 2].map(|n: u32| async move { n });
/// let outputs = Map::new(futures, std::convert::identity).concurrency(3).unordered();
/// assert_eq!(outputs.fold(0, async |sum, n| sum + n).await, 6);
/// # });
/// ```
///
/// Source: `buffered` and `buffer_unordered` of the crate `futures`; Go's pool of workers between two channels.
#[doc(alias = "buffered")]
#[doc(alias = "buffer_unordered")]
#[must_use = "nothing runs until one of its forms is polled"]
pub struct Map<St, F> {
    source: St,
    map: F,
    // 0: as many as there are processors.
    concurrency: usize,
    window: Option<usize>,
}

impl<I: Iterator, F> Map<Iter<I>, F> {
    /// Over an iterator.
    pub fn new<Fut>(items: impl IntoIterator<IntoIter = I>, map: F) -> Self
    where
        F: FnMut(I::Item) -> Fut,
        Fut: Future,
    {
        Self::from_stream(stream::iter(items), map)
    }
}

impl<St: Stream, F> Map<St, F> {
    /// Over a stream.
    pub fn from_stream<Fut>(items: St, map: F) -> Self
    where
        F: FnMut(St::Item) -> Fut,
        Fut: Future,
    {
        Self {
            source: items,
            map,
            concurrency: 0,
            window: None,
        }
    }

    /// At most so many futures run at a time. 0, which is the default, means as many as there are
    /// processors.
    ///
    /// More than 1048576 count as that.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// At most so many items are taken from the source before their outputs are given. Never less
    /// than [`concurrency`](Self::concurrency).
    ///
    /// A future that takes long keeps back those behind it in the order. With a window that is wider than the
    /// concurrency, those behind it can go on until the window is full. The default is the
    /// concurrency; where items run in tasks of their own it is 32 times that, so that they can be
    /// handed over by the dozen.
    pub fn window(mut self, window: usize) -> Self {
        self.window = Some(window);
        self
    }

    fn limits(&self, ahead: usize) -> (usize, usize) {
        let concurrency = match self.concurrency {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            given => given.min(MOST),
        };
        let window = self.window.unwrap_or(concurrency.saturating_mul(ahead));
        (concurrency, window.clamp(concurrency, MOST))
    }

    /// Outputs in the order of the items; the futures run in the task that polls the stream.
    ///
    /// # Cancel safety
    ///
    /// Leaving `next()` of the stream loses nothing; dropping the stream drops its futures.
    pub fn ordered<Fut>(self) -> Ordered<St, F, Fut>
    where
        F: FnMut(St::Item) -> Fut,
        Fut: Future,
    {
        let (concurrency, window) = self.limits(1);
        InFlight::new(self.source, self.map, concurrency, window)
    }

    /// Outputs as they come; the futures run in the task that polls the stream.
    ///
    /// # Cancel safety
    ///
    /// Leaving `next()` of the stream loses nothing; dropping the stream drops its futures.
    pub fn unordered<Fut>(self) -> Unordered<St, F, Fut>
    where
        F: FnMut(St::Item) -> Fut,
        Fut: Future,
    {
        let (concurrency, _) = self.limits(1);
        InFlight::new(self.source, self.map, concurrency, concurrency)
    }

    /// Outputs in the order of the items; the futures run in tasks on `runtime`.
    ///
    /// There are as many tasks as may run at a time, and each calls the function for one item after the
    /// other. Items that are ready at their first poll are handed over by the dozen; one that waits or takes
    /// long has its task for itself.
    ///
    /// # Panics
    ///
    /// The panic of a future or of the function ends the other tasks and goes on to whoever polls the stream.
    ///
    /// # Cancel safety
    ///
    /// Leaving `next()` of the stream loses nothing; dropping the stream aborts its tasks.
    /// [`OnTasks::shutdown`] also waits until they are gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::TryStreamExt;
    /// use orchestration::results::Map;
    /// use runtime::{Spawn, TokioRuntime};
    ///
    /// # #[tokio::main] async fn main() -> Result<(), std::num::ParseIntError> {
    /// let numbers = Map::new(["1", "2", "3"], async |text: &str| text.parse::<u32>());
    /// let numbers: Vec<_> =
    ///     numbers.concurrency(8).ordered_on(TokioRuntime::current()).try_collect().await?;
    /// assert_eq!(numbers, [1, 2, 3]);
    /// # Ok(()) }
    /// ```
    pub fn ordered_on<S, Fut>(self, runtime: S) -> OnTasks<S, St, F, Fut::Output, InOrder>
    where
        S: Spawn,
        F: FnMut(St::Item) -> Fut + Clone + Send + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
        St::Item: Send + 'static,
    {
        let (concurrency, window) = self.limits(AHEAD);
        OnTasks::new(runtime, self.source, self.map, concurrency, window)
    }

    /// Outputs as they come; the futures run in tasks on `runtime`. Otherwise as
    /// [`ordered_on`](Self::ordered_on).
    ///
    /// # Panics
    ///
    /// The panic of a future or of the function ends the other tasks and goes on to whoever polls the stream.
    ///
    /// # Cancel safety
    ///
    /// As [`ordered_on`](Self::ordered_on).
    pub fn unordered_on<S, Fut>(self, runtime: S) -> OnTasks<S, St, F, Fut::Output, AsTheyCome>
    where
        S: Spawn,
        F: FnMut(St::Item) -> Fut + Clone + Send + 'static,
        Fut: Future<Output: Send + 'static> + Send + 'static,
        St::Item: Send + 'static,
    {
        let (concurrency, window) = self.limits(AHEAD);
        OnTasks::new(runtime, self.source, self.map, concurrency, window)
    }
}

impl<St, F> fmt::Debug for Map<St, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("concurrency", &self.concurrency)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}
