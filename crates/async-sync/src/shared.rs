//! A reference that a future can hand out when it completes.

use core::ops::Deref;

/// Refers to the object of an owned future, mostly by an `Arc`, until [`take`](Self::take).
#[derive(Debug)]
pub(crate) struct Shared<H>(Option<H>);

impl<H: Deref> Shared<H> {
    #[inline]
    pub(crate) fn new(reference: H) -> Self {
        Shared(Some(reference))
    }

    /// The reference itself.
    #[cfg(feature = "single-flight")]
    #[inline]
    pub(crate) fn get(&self) -> &H {
        self.0.as_ref().expect(COMPLETED)
    }

    /// Moves the reference out, which saves the guard a count.
    #[inline]
    pub(crate) fn take(&mut self) -> H {
        self.0.take().expect(COMPLETED)
    }
}

const COMPLETED: &str = "a future was polled after it had completed";

impl<H: Deref> Deref for Shared<H> {
    type Target = H::Target;

    #[inline]
    fn deref(&self) -> &H::Target {
        self.0.as_deref().expect(COMPLETED)
    }
}
