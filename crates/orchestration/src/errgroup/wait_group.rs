//! A wait group that keeps errors: facebookgo's `errgroup.Group`.
//!
//! A wait group counts, and a list has what was said. An error is written down before its token is counted
//! out, so whoever sees the count at zero sees all of them.

use std::error::Error;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use async_sync::WaitGroup;
use async_sync::wait_group::OwnedToken;

/// Counts work that is done elsewhere, and keeps its errors.
///
/// For work that is not a task of a group: threads, callbacks, tasks that somebody else spawns. What is a
/// future of one's own is better off in an [`ErrGroup`](super::ErrGroup) with
/// [`collect_all`](super::Builder::collect_all), which also ends it. Clones share one count.
///
/// # Examples
///
/// ```
/// use orchestration::errgroup::ErrWaitGroup;
///
/// # #[tokio::main] async fn main() {
/// let group = ErrWaitGroup::new();
/// for n in 0..4 {
///     let work = group.add();
///     std::thread::spawn(move || {
///         if n % 2 == 1 {
///             work.error(format!("{n} is odd"));
///         }
///         // The end of `work` is the end of the work.
///     });
/// }
/// let errors = group.wait().await.unwrap_err();
/// assert_eq!(errors.errors().len(), 2);
/// # }
/// ```
///
/// Source: `github.com/facebookgo/errgroup`.
pub struct ErrWaitGroup<E> {
    shared: Arc<Shared<E>>,
}

struct Shared<E> {
    work: Arc<WaitGroup>,
    errors: Mutex<Vec<E>>,
}

impl<E> ErrWaitGroup<E> {
    /// Nothing to wait for.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                work: Arc::new(WaitGroup::new()),
                errors: Mutex::new(Vec::new()),
            }),
        }
    }

    /// Counts one more piece of work, until the token is dropped.
    #[doc(alias = "Add")]
    pub fn add(&self) -> ErrToken<E> {
        ErrToken {
            _counted: self.shared.work.add_owned(),
            shared: Arc::clone(&self.shared),
        }
    }

    /// How many tokens there are: a snapshot.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.work.count()
    }

    /// Waits until there is no token any more, and takes the errors.
    ///
    /// # Errors
    ///
    /// All errors since the last `wait` that took them, in the order in which they came.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped nothing is lost.
    #[doc(alias = "Wait")]
    pub async fn wait(&self) -> Result<(), MultiError<E>> {
        self.shared.work.wait().await;
        let errors = mem::take(&mut *self.shared.errors());
        if errors.is_empty() {
            Ok(())
        } else {
            Err(MultiError { errors })
        }
    }
}

impl<E> Shared<E> {
    fn errors(&self) -> std::sync::MutexGuard<'_, Vec<E>> {
        // Nothing foreign runs under the lock.
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Default for ErrWaitGroup<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Clone for ErrWaitGroup<E> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<E> fmt::Debug for ErrWaitGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrWaitGroup")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

/// A piece of work of an [`ErrWaitGroup`]. Dropping it is Go's `Done`.
#[must_use = "dropped at once, it is not waited for"]
#[doc(alias = "Done")]
pub struct ErrToken<E> {
    shared: Arc<Shared<E>>,
    _counted: OwnedToken,
}

impl<E> ErrToken<E> {
    /// Leaves an error. There may be several.
    #[doc(alias = "Error")]
    pub fn error(&self, error: E) {
        self.shared.errors().push(error);
    }

    /// Ends the work with this outcome, and gives its value.
    pub fn done<T>(self, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(error);
                None
            }
        }
    }
}

impl<E> fmt::Debug for ErrToken<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrToken").finish_non_exhaustive()
    }
}

/// One or more errors, in the order in which they came: the error of [`ErrWaitGroup::wait`].
///
/// It displays as one line; with `{:#}` each error has a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiError<E> {
    errors: Vec<E>,
}

impl<E> MultiError<E> {
    /// The errors. At least one.
    #[must_use]
    pub fn errors(&self) -> &[E] {
        &self.errors
    }

    /// The errors. At least one.
    #[must_use]
    pub fn into_errors(self) -> Vec<E> {
        self.errors
    }
}

impl<E: fmt::Display> fmt::Display for MultiError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = &self.errors[..] {
            return only.fmt(f);
        }
        write!(f, "{} errors", self.errors.len())?;
        let mut separator = ':';
        for error in &self.errors {
            if f.alternate() {
                let colon = if separator == ':' { ":" } else { "" };
                write!(f, "{colon}\n  {error:#}")?;
            } else {
                write!(f, "{separator} {error}")?;
            }
            separator = ';';
        }
        Ok(())
    }
}

impl<E: Error + 'static> Error for MultiError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.errors[..] {
            [only] => only.source(),
            _ => None,
        }
    }
}
