//! The outcomes of a group's tasks, kept until the group is joined. No locks, no tasks: both
//! flavours of the group write the same book.
//!
//! Each task opens a line, which fixes its place in the order of submission, and later enters a
//! value or a failure there. Failures are kept apart, in the order of completion, so the first of
//! them is the first error. What a group will never show is handed back at once, for the caller to
//! drop where foreign code may run.
//!
//! Values without a size need no place of their own: one is as good as another. So a group of
//! tasks that return `()` can run for ever without its book growing.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::builder::Settings;
use super::{Errors, Origin, Panic, TaskError};

/// How a task failed.
pub(super) enum Failure<E> {
    Error(E),
    Panic(Panic),
}

/// How a task ended.
pub(super) type Outcome<T, E> = Result<T, Failure<E>>;

pub struct Ledger<T, E> {
    opened: usize,
    // One of the two is used, by the size of `T`.
    sized: Vec<Option<T>>,
    sizeless: Vec<T>,
    // In the order of completion.
    failures: Vec<Entry<E>>,
    // Of a group that was told to stop and keep what there is.
    aborted: Vec<usize>,
}

/// A failure in the book.
struct Entry<E> {
    line: usize,
    origin: Origin,
    failure: Failure<E>,
}

// Nameable by the sealed part of `Ending` only.
impl<T, E> fmt::Debug for Ledger<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("opened", &self.opened)
            .finish_non_exhaustive()
    }
}

impl<T, E> Default for Ledger<T, E> {
    fn default() -> Self {
        Self {
            opened: 0,
            sized: Vec::new(),
            sizeless: Vec::new(),
            failures: Vec::new(),
            aborted: Vec::new(),
        }
    }
}

impl<T, E> Ledger<T, E> {
    /// A line for one more task.
    pub(super) fn open(&mut self) -> usize {
        let line = self.opened;
        self.opened += 1;
        if size_of::<T>() != 0 {
            self.sized.push(None);
        }
        line
    }

    pub(super) fn enter_value(&mut self, line: usize, value: T) {
        if size_of::<T>() == 0 {
            self.sizeless.push(value);
        } else {
            self.sized[line] = Some(value);
        }
    }

    /// Keeps the failure if the join will want it, else gives it back.
    pub(super) fn enter_failure(
        &mut self,
        line: usize,
        origin: Origin,
        failure: Failure<E>,
        settings: &Settings<E>,
    ) -> Option<Failure<E>> {
        let is_panic = |failure: &Failure<E>| matches!(failure, Failure::Panic(_));
        // A panic that will be raised again outranks every error: it must not be swallowed.
        let wanted = settings.collect
            || self.failures.is_empty()
            || (settings.raises_panics()
                && is_panic(&failure)
                && !self.failures.iter().any(|kept| is_panic(&kept.failure)));
        if wanted {
            self.failures.push(Entry {
                line,
                origin,
                failure,
            });
            None
        } else {
            Some(failure)
        }
    }

    /// The task of this line was aborted, and left nothing.
    pub(super) fn enter_aborted(&mut self, line: usize) {
        self.aborted.push(line);
    }

    /// Takes the values out, because the group has failed and nobody will ask for them.
    pub(super) fn forget_values(&mut self) -> impl Sized + use<T, E> {
        (
            std::mem::take(&mut self.sized),
            std::mem::take(&mut self.sizeless),
        )
    }

    /// Raises the panic that was kept for it, if there is one.
    fn raise_panic(&mut self, settings: &Settings<E>, verdict: &mut Option<Verdict<E>>) {
        if !settings.raises_panics() {
            return;
        }
        let panics = |entry: &mut Entry<E>| matches!(entry.failure, Failure::Panic(_));
        let entry = self.failures.extract_if(.., panics).next();
        if let Some(Failure::Panic(panic)) = entry.map(|entry| entry.failure) {
            raise(panic, verdict);
        }
    }

    /// The end of a group that was shut down: nothing is wanted but the panic.
    pub(super) fn close_unread(mut self, settings: &Settings<E>) {
        self.raise_panic(settings, &mut None);
    }

    /// The end of a round of a `FirstError` group: the values, unless `verdict` is (now) there.
    pub(super) fn close_first(
        mut self,
        settings: &Settings<E>,
        verdict: &mut Option<Verdict<E>>,
    ) -> Vec<T> {
        // Also over the error of an earlier round.
        self.raise_panic(settings, verdict);
        if verdict.is_some() {
            return Vec::new();
        }
        if let Some(first) = self.failures.into_iter().next() {
            // The group has failed, also if its failure cannot be converted.
            let convert = AssertUnwindSafe(|| settings.error_of(first.failure));
            let error =
                catch_unwind(convert).unwrap_or_else(|payload| raise(Panic::new(payload), verdict));
            *verdict = Some(Verdict::Failed(TaskError {
                place: first.line,
                origin: first.origin,
                error,
            }));
            return Vec::new();
        }
        if size_of::<T>() == 0 {
            self.sizeless
        } else {
            self.sized.into_iter().map(written).collect()
        }
    }

    /// The end of a round of a `CollectAll` group.
    pub(super) fn close_all(
        mut self,
        settings: &Settings<E>,
        verdict: &mut Option<Verdict<E>>,
    ) -> Result<Vec<T>, Errors<T, E>> {
        if let Some(verdict) = verdict {
            verdict.raise_again();
        }
        self.raise_panic(settings, verdict);
        let origins = self.sorted_origins();
        let results = self.results(settings).map(written).collect();
        Errors::split(results, origins)
    }

    /// The end of a `CollectAll` group that was told to stop: `None` for those that were aborted.
    pub(super) fn close_stopped(mut self, settings: &Settings<E>) -> Vec<Option<Result<T, E>>> {
        self.raise_panic(settings, &mut None);
        self.sorted_origins();
        self.results(settings).collect()
    }

    /// Where the failures came from, in the order of submission, which is that of the failures from now on.
    fn sorted_origins(&mut self) -> Vec<Origin> {
        self.failures.sort_by_key(|entry| entry.line);
        self.failures
            .iter()
            .map(|entry| entry.origin.clone())
            .collect()
    }

    /// The result of each line. The failures are sorted.
    fn results(self, settings: &Settings<E>) -> impl Iterator<Item = Option<Result<T, E>>> {
        let mut aborted = self.aborted;
        aborted.sort_unstable();
        let mut aborted = aborted.into_iter().peekable();
        let mut failures = self.failures.into_iter().peekable();
        let mut sizeless = self.sizeless.into_iter();
        let mut sized = self.sized.into_iter();
        (0..self.opened).map(move |line| {
            // A line without a value is empty among the sized values, so it is stepped over.
            let value = sized.next();
            if aborted.next_if_eq(&line).is_some() {
                return None;
            }
            Some(match failures.next_if(|entry| entry.line == line) {
                Some(entry) => Err(settings.error_of(entry.failure)),
                None if size_of::<T>() == 0 => Ok(written(sizeless.next())),
                None => Ok(written(value.flatten())),
            })
        })
    }
}

/// Goes on with the panic, and remembers it for later joins.
fn raise<E>(panic: Panic, verdict: &mut Option<Verdict<E>>) -> ! {
    *verdict = Some(Verdict::Panicked(panic.message().to_owned()));
    resume_unwind(panic.into_payload())
}

fn written<T>(value: Option<T>) -> T {
    value.expect("every task that has ended left an outcome")
}

/// What a failed group says, at every join.
pub enum Verdict<E> {
    Failed(TaskError<E>),
    /// The payload was raised once; its text is raised from then on.
    Panicked(String),
}

impl<E> fmt::Debug for Verdict<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verdict").finish_non_exhaustive()
    }
}

impl<E> Verdict<E> {
    /// Panics, if the verdict is a panic.
    fn raise_again(&self) {
        if let Self::Panicked(message) = self {
            resume_unwind(Box::new(message.clone()));
        }
    }

    /// The error, or the panic.
    pub(super) fn pronounce(self) -> TaskError<E> {
        match self {
            Self::Failed(error) => error,
            Self::Panicked(message) => resume_unwind(Box::new(message)),
        }
    }

    /// The same, to be said again.
    pub(super) fn repeat(&self) -> E
    where
        E: Clone,
    {
        self.raise_again();
        match self {
            Self::Failed(task) => task.error.clone(),
            Self::Panicked(_) => unreachable!("raised above"),
        }
    }
}
