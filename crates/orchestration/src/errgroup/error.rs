//! The errors of a group: a submission that was refused, and the failures of many tasks.

use std::error::Error;
use std::fmt;

use super::{Origin, TaskError};

/// `spawn` was refused, because the group has stopped: a task failed, or the group was dropped,
/// shut down or detached. What was submitted comes back; it was never run.
pub struct SpawnError<F>(
    /// What was submitted.
    pub F,
);

impl<F> SpawnError<F> {
    /// What was submitted.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for SpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the group has stopped and takes no more tasks")
    }
}

impl<F> Error for SpawnError<F> {}

/// `try_spawn` was refused. What was submitted comes back; it was never run.
pub enum TrySpawnError<F> {
    /// As many tasks as the limit allows are running (or others wait for their turn).
    Full(F),
    /// The group has stopped, see [`SpawnError`].
    Stopped(F),
}

impl<F> TrySpawnError<F> {
    /// What was submitted.
    pub fn into_inner(self) -> F {
        match self {
            Self::Full(submitted) | Self::Stopped(submitted) => submitted,
        }
    }

    /// Whether the group was full: trying again later can succeed.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the group has stopped: trying again is futile.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped(_))
    }
}

impl<F> fmt::Debug for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Stopped(_) => "Stopped(..)",
        })
    }
}

impl<F> fmt::Display for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the group is running as many tasks as its limit allows",
            Self::Stopped(_) => "the group has stopped and takes no more tasks",
        })
    }
}

impl<F> Error for TrySpawnError<F> {}

/// What became of every task of a collecting group of which at least one failed.
///
/// It displays as one line: how many failed, and each error with the place of its task in the
/// order of submission, counted from zero, and its name. With `{:#}` each error has a line of its own, with the
/// place in the source that submitted its task. (facebookgo/errgroup's `MultiError`, with the
/// successes kept.)
///
/// # Examples
///
/// ```
/// use orchestration::LocalErrGroup;
/// use orchestration::errgroup::Builder;
///
/// # mini_executor::block_on(async {
/// let mut group: LocalErrGroup<'_, u32, &str, _> = Builder::new().collect_all().local();
/// group.spawn(async { Ok(1) }).await.unwrap();
/// group.spawn_named("b.txt", async { Err("no luck") }).await.unwrap();
/// group.spawn(async { Ok(3) }).await.unwrap();
/// let errors = group.join().await.unwrap_err();
/// assert_eq!(errors.to_string(), "1 of 3 tasks failed: #1 b.txt: no luck");
/// assert!(format!("{errors:#}").starts_with("1 of 3 tasks failed:\n  #1 b.txt ("));
/// assert_eq!(errors.into_results(), [Ok(1), Err("no luck"), Ok(3)]);
/// # });
/// ```
#[derive(Clone)]
#[doc(alias = "MultiError")]
pub struct Errors<T, E> {
    // At least one is an Err.
    results: Vec<Result<T, E>>,
    // Of each Err, in this order.
    origins: Vec<Origin>,
}

impl<T, E> Errors<T, E> {
    /// All values if every task succeeded, else everything. `origins` are those of the failures.
    pub(super) fn split(results: Vec<Result<T, E>>, origins: Vec<Origin>) -> Result<Vec<T>, Self> {
        if origins.is_empty() {
            Ok(results.into_iter().filter_map(Result::ok).collect())
        } else {
            Err(Self { results, origins })
        }
    }

    /// Every task's result, in the order of submission.
    pub fn results(&self) -> &[Result<T, E>] {
        &self.results
    }

    /// Every task's result, in the order of submission.
    #[must_use]
    pub fn into_results(self) -> Vec<Result<T, E>> {
        self.results
    }

    /// The errors, each with its task's place in the order of submission.
    pub fn errors(&self) -> impl Iterator<Item = (usize, &E)> {
        self.results
            .iter()
            .enumerate()
            .filter_map(|(place, result)| Some((place, result.as_ref().err()?)))
    }

    /// The errors, each with its task's place and where that came from.
    pub fn failures(&self) -> impl Iterator<Item = TaskError<&E>> {
        let failures = self.errors().zip(&self.origins);
        failures.map(|((place, error), origin)| TaskError {
            place,
            origin: origin.clone(),
            error,
        })
    }
}

/// Whether the tasks ended alike, wherever they came from.
impl<T: PartialEq, E: PartialEq> PartialEq for Errors<T, E> {
    fn eq(&self, other: &Self) -> bool {
        self.results == other.results
    }
}

impl<T: Eq, E: Eq> Eq for Errors<T, E> {}

impl<T, E: fmt::Debug> fmt::Debug for Errors<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.errors()).finish()
    }
}

impl<T, E: fmt::Display> fmt::Display for Errors<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.results.len();
        write!(f, "{} of {all} tasks failed", self.origins.len())?;
        let mut separator = ':';
        for ((place, error), origin) in self.errors().zip(&self.origins) {
            if f.alternate() {
                let separator = if separator == ':' { ":" } else { "" };
                write!(f, "{separator}\n  #{place} ")?;
                match origin.name() {
                    Some(_) => origin.fmt(f),
                    None => write!(f, "({origin})"),
                }?;
                write!(f, ": {error:#}")?;
            } else {
                write!(f, "{separator} #{place}")?;
                if let Some(name) = origin.name() {
                    write!(f, " {name}")?;
                }
                write!(f, ": {error}")?;
            }
            separator = ';';
        }
        Ok(())
    }
}

impl<T, E: fmt::Debug + fmt::Display> Error for Errors<T, E> {}
