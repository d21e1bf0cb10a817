//! The error of a race and of a quorum.

use std::error::Error;
use std::fmt;

/// Fewer values than were wanted: the error of [`race`](super::Results::race) and [`any_n`](super::Results::any_n).
///
/// It displays as one line, with the place of each future that failed, counted from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotEnough<E> {
    pub(super) wanted: usize,
    pub(super) possible: usize,
    pub(super) errors: Vec<(usize, E)>,
}

impl<E> NotEnough<E> {
    /// How many values were wanted.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// How many there could have been at most, when it was given up.
    #[must_use]
    pub fn possible(&self) -> usize {
        self.possible
    }

    /// The errors in the order of completion, each with the place of its future in the order of submission.
    #[must_use]
    pub fn errors(&self) -> &[(usize, E)] {
        &self.errors
    }

    /// The last error: what gollback's `Race` gives. `None` if nothing failed, because too few took part.
    #[must_use]
    pub fn into_last(mut self) -> Option<E> {
        self.errors.pop().map(|(_, error)| error)
    }
}

impl<E: fmt::Display> fmt::Display for NotEnough<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} wanted at most", self.possible, self.wanted)?;
        let mut separator = ':';
        for (place, error) in &self.errors {
            write!(f, "{separator} #{place}: {error}")?;
            separator = ';';
        }
        Ok(())
    }
}

impl<E: Error + 'static> Error for NotEnough<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let (_, last) = self.errors.last()?;
        Some(last)
    }
}
