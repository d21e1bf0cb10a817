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

use std::panic::resume_unwind;

use super::builder::Settings;
use super::{Errors, Panic};

/// How a task failed.
pub(super) enum Failure<E> {
    Error(E),
    Panic(Panic),
}

/// How a task ended.
pub(super) type Outcome<T, E> = Result<T, Failure<E>>;

pub(super) struct Ledger<T, E> {
    opened: usize,
    // One of the two is used, by the size of `T`.
    sized: Vec<Option<T>>,
    sizeless: Vec<T>,
    // In the order of completion.
    failures: Vec<(usize, Failure<E>)>,
}

impl<T, E> Default for Ledger<T, E> {
    fn default() -> Self {
        Self {
            opened: 0,
            sized: Vec::new(),
            sizeless: Vec::new(),
            failures: Vec::new(),
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
        failure: Failure<E>,
        settings: &Settings<E>,
    ) -> Option<Failure<E>> {
        let is_panic = |failure: &Failure<E>| matches!(failure, Failure::Panic(_));
        // A panic that will be raised again outranks every error: it must not be swallowed.
        let wanted = settings.collect
            || self.failures.is_empty()
            || (settings.raises_panics()
                && is_panic(&failure)
                && !self.failures.iter().any(|(_, kept)| is_panic(kept)));
        if wanted {
            self.failures.push((line, failure));
            None
        } else {
            Some(failure)
        }
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
        let panics = |(_, failure): &mut (usize, Failure<E>)| matches!(failure, Failure::Panic(_));
        if let Some((_, Failure::Panic(panic))) = self.failures.extract_if(.., panics).next() {
            *verdict = Some(Verdict::Panicked(panic.message().to_owned()));
            resume_unwind(panic.into_payload());
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
        if verdict.is_some() {
            return Vec::new();
        }
        self.raise_panic(settings, verdict);
        if let Some((_, failure)) = self.failures.into_iter().next() {
            *verdict = Some(Verdict::Failed(settings.error_of(failure)));
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
        self.failures.sort_by_key(|(line, _)| *line);
        let mut failures = self.failures.into_iter().peekable();
        let mut sizeless = self.sizeless.into_iter();
        let mut sized = self.sized.into_iter();
        let results = (0..self.opened).map(|line| {
            // A failed line is empty among the sized values, so it is stepped over.
            let value = sized.next();
            match failures.next_if(|(failed, _)| *failed == line) {
                Some((_, failure)) => Err(settings.error_of(failure)),
                None if size_of::<T>() == 0 => Ok(written(sizeless.next())),
                None => Ok(written(value.flatten())),
            }
        });
        Errors::split(results.collect())
    }
}

fn written<T>(value: Option<T>) -> T {
    value.expect("every task that has ended left an outcome")
}

/// What a failed group says, at every join.
pub(super) enum Verdict<E> {
    Failed(E),
    /// The payload was raised once; its text is raised from then on.
    Panicked(String),
}

impl<E> Verdict<E> {
    /// Panics, if the verdict is a panic.
    fn raise_again(&self) {
        if let Self::Panicked(message) = self {
            resume_unwind(Box::new(message.clone()));
        }
    }

    /// The error, or the panic.
    pub(super) fn pronounce(self) -> E {
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
            Self::Failed(error) => error.clone(),
            Self::Panicked(_) => unreachable!("raised above"),
        }
    }
}
