//! Groups that are run for their results: all, the first, some, the last.
//!
//! Each of them is a loop over a `Contest`: take an output, decide, and at the end stop what still runs and wait
//! until it is gone. The difference between the flavours is in `place`.

use std::collections::VecDeque;

use runtime::Spawn;

use super::contest::Contest;
use super::not_enough::NotEnough;
use super::place::{Here, On, Place};

/// Runs futures for their results. See the table in the [module](super).
///
/// [`here`](Self::here): inside the task that waits. [`on`](Self::on) a runtime: each in a task of
/// its own. The methods are the same.
///
/// # Structure
///
/// When a method has returned, nothing of the group is left: those that were not needed any more
/// have been dropped, also by their runtime. If the future of a method is dropped, so are the futures of
/// the group; tasks are aborted then, and their runtime may need a moment to drop them.
///
/// # Panics
///
/// The panic of a future goes on in the method, when the others are gone.
///
/// # Examples
///
/// Ask three mirrors, and take the first good answer:
///
/// ```
/// use orchestration::results::Results;
/// use runtime::TokioRuntime;
///
/// async fn ask(mirror: &'static str) -> Result<String, std::io::Error> {
/// #   if mirror == "down" { return Err(std::io::ErrorKind::NotFound.into()); }
///     Ok(format!("from {mirror}"))
/// }
///
/// # #[tokio::main] async fn main() {
/// let mirrors = Results::on(TokioRuntime::current());
/// let page = mirrors.race(["down", "up"].map(ask)).await;
/// assert_eq!(page.unwrap(), "from up");
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing runs until one of its methods is awaited"]
pub struct Results<P> {
    place: P,
    limit: usize,
}

impl Results<Here> {
    /// In the task that waits: the futures may borrow, and need not be `Send`.
    pub fn here() -> Self {
        Self {
            place: Here(()),
            limit: usize::MAX,
        }
    }
}

impl<S: Spawn> Results<On<S>> {
    /// Each in a task of its own on `runtime`.
    pub fn on(runtime: S) -> Self {
        Self {
            place: On(runtime),
            limit: usize::MAX,
        }
    }
}

impl<P> Results<P> {
    /// At most so many futures run at a time. The others are taken from the iterator one by one, as
    /// room is made.
    ///
    /// # Panics
    ///
    /// If `limit` is zero: no future could ever run.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(
            limit > 0,
            "Results: a limit of 0 would run no future at all"
        );
        self.limit = limit;
        self
    }

    /// Waits for all, and gives their outputs in the order of the futures. (If these are `Result`s, an
    /// error stops nobody.)
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so are the futures.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::results::Results;
    ///
    /// # mini_executor::block_on(async {
    /// let words = ["1", "two"].map(async |word: &str| word.parse::<u8>());
    /// let numbers = Results::here().all(words.map(|word| word)).await;
    /// assert!(numbers[0].is_ok() && numbers[1].is_err());
    /// # });
    /// ```
    ///
    /// Source: gollback's `All`.
    #[doc(alias = "All")]
    #[doc(alias = "join_all")]
    pub async fn all<F>(&self, futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
    where
        F: Future,
        P: Place<F>,
    {
        let mut futures = futures.into_iter();
        let mut contest = Contest::new(self.limit);
        let mut outputs = Vec::new();
        while let Some((place, output)) = contest.next(&self.place, &mut futures).await {
            put(&mut outputs, place, output);
        }
        outputs.into_iter().map(written).collect()
    }

    /// Waits for all, and gives their values in the order of the futures; or stops all at the first error.
    ///
    /// # Errors
    ///
    /// The first error, in the order of completion.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so are the futures.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::results::Results;
    ///
    /// # mini_executor::block_on(async {
    /// let parse = |word: &'static str| async move { word.parse::<u8>() };
    /// assert_eq!(Results::here().try_all(["1", "2"].map(parse)).await, Ok(vec![1, 2]));
    /// assert!(Results::here().try_all(["1", "two"].map(parse)).await.is_err());
    /// # });
    /// ```
    ///
    /// Source: Hunch's `All`.
    #[doc(alias = "All")]
    #[doc(alias = "try_join_all")]
    pub async fn try_all<F, T, E>(&self, futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
    where
        F: Future<Output = Result<T, E>>,
        P: Place<F>,
    {
        let mut futures = futures.into_iter();
        let mut contest = Contest::new(self.limit);
        let mut values = Vec::new();
        while let Some((place, output)) = contest.next(&self.place, &mut futures).await {
            match output {
                Ok(value) => put(&mut values, place, value),
                Err(error) => {
                    contest.stop().await;
                    return Err(error);
                }
            }
        }
        Ok(values.into_iter().map(written).collect())
    }

    /// The first value. The others are stopped then, and waited for.
    ///
    /// # Errors
    ///
    /// All errors in the order of completion, if there was no value; none at all, if there was no future.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so are the futures.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::results::Results;
    ///
    /// # mini_executor::block_on(async {
    /// let parse = |word: &'static str| async move { word.parse::<u8>() };
    /// assert_eq!(Results::here().race(["one", "2", "3"].map(parse)).await.unwrap(), 2);
    ///
    /// let error = Results::here().race(["one", "two"].map(parse)).await.unwrap_err();
    /// assert_eq!(error.errors().len(), 2);
    /// # });
    /// ```
    ///
    /// Source: gollback's `Race`, with all of the errors instead of the last.
    #[doc(alias = "Race")]
    #[doc(alias = "select_ok")]
    pub async fn race<F, T, E>(
        &self,
        futures: impl IntoIterator<Item = F>,
    ) -> Result<T, NotEnough<E>>
    where
        F: Future<Output = Result<T, E>>,
        P: Place<F>,
    {
        // Just the one that was asked for.
        let mut values = self.any_n(1, futures).await?;
        Ok(values.swap_remove(0))
    }

    /// The first `n` values, in the order of completion, whatever fails meanwhile: a quorum. The others are
    /// stopped then, and waited for; and likewise as soon as there cannot be `n` any more.
    ///
    /// # Errors
    ///
    /// The errors up to then in the order of completion, if there cannot be `n` values. What values there
    /// were is dropped.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so are the futures.
    ///
    /// # Examples
    ///
    /// Two of three replicas have to agree to a write:
    ///
    /// ```
    /// use orchestration::results::Results;
    ///
    /// # mini_executor::block_on(async {
    /// let write = |replica: u32| async move {
    ///     if replica == 1 { Err("disk full") } else { Ok(replica) }
    /// };
    /// assert_eq!(Results::here().any_n(2, [0, 1, 2].map(write)).await.unwrap(), [0, 2]);
    ///
    /// let error = Results::here().any_n(3, [0, 1, 2].map(write)).await.unwrap_err();
    /// assert_eq!(error.to_string(), "2 of 3 wanted at most: #1: disk full");
    /// # });
    /// ```
    pub async fn any_n<F, T, E>(
        &self,
        n: usize,
        futures: impl IntoIterator<Item = F>,
    ) -> Result<Vec<T>, NotEnough<E>>
    where
        F: Future<Output = Result<T, E>>,
        P: Place<F>,
    {
        // How many are left has to be known, to give up in time.
        let futures: Vec<F> = futures.into_iter().collect();
        let all = futures.len();
        let mut futures = futures.into_iter();
        let mut contest = Contest::new(self.limit);
        let mut values = Vec::new();
        let mut errors = Vec::new();
        while values.len() < n && all - errors.len() >= n {
            // There are more, or it would have been over: values and errors are fewer than all.
            let Some((place, output)) = contest.next(&self.place, &mut futures).await else {
                break;
            };
            match output {
                Ok(value) => values.push(value),
                Err(error) => errors.push((place, error)),
            }
        }
        contest.stop().await;
        if values.len() == n {
            Ok(values)
        } else {
            Err(NotEnough {
                wanted: n,
                possible: all - errors.len(),
                errors,
            })
        }
    }

    /// The first `n` values, in the order of completion, unless something fails before that; all of
    /// them, if they are fewer. The others are stopped then, and waited for.
    ///
    /// # Errors
    ///
    /// The first error, if it comes before that.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so are the futures.
    ///
    /// Source: Hunch's `Take`.
    #[doc(alias = "Take")]
    pub async fn take<F, T, E>(
        &self,
        n: usize,
        futures: impl IntoIterator<Item = F>,
    ) -> Result<Vec<T>, E>
    where
        F: Future<Output = Result<T, E>>,
        P: Place<F>,
    {
        let mut futures = futures.into_iter();
        let mut contest = Contest::new(self.limit);
        let mut values = Vec::new();
        let mut failed = None;
        while values.len() < n && failed.is_none() {
            match contest.next(&self.place, &mut futures).await {
                None => break,
                Some((_, Ok(value))) => values.push(value),
                Some((_, Err(error))) => failed = Some(error),
            }
        }
        contest.stop().await;
        failed.map_or(Ok(values), Err)
    }

    /// The last `n` values, in the order of completion, unless something fails; all of them, if they are fewer.
    ///
    /// # Errors
    ///
    /// The first error. The others are stopped then, and waited for.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, so are the futures.
    ///
    /// Source: Hunch's `Last`.
    #[doc(alias = "Last")]
    pub async fn last<F, T, E>(
        &self,
        n: usize,
        futures: impl IntoIterator<Item = F>,
    ) -> Result<Vec<T>, E>
    where
        F: Future<Output = Result<T, E>>,
        P: Place<F>,
    {
        let mut futures = futures.into_iter();
        let mut contest = Contest::new(self.limit);
        let mut values = VecDeque::new();
        while let Some((_, output)) = contest.next(&self.place, &mut futures).await {
            match output {
                Ok(value) => {
                    values.push_back(value);
                    if values.len() > n {
                        values.pop_front();
                    }
                }
                Err(error) => {
                    contest.stop().await;
                    return Err(error);
                }
            }
        }
        Ok(values.into())
    }
}

fn put<T>(outputs: &mut Vec<Option<T>>, place: usize, output: T) {
    if outputs.len() <= place {
        outputs.resize_with(place + 1, || None);
    }
    outputs[place] = Some(output);
}

fn written<T>(output: Option<T>) -> T {
    output.expect("every future that has ended left an output")
}
