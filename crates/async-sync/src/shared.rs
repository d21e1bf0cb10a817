//! An `Arc` that a future can hand out when it completes.

use alloc::sync::Arc;
use core::ops::Deref;

/// Refers to the object of an owned future until [`take`](Self::take).
#[derive(Debug)]
pub(crate) struct Shared<C: ?Sized>(Option<Arc<C>>);

impl<C: ?Sized> Shared<C> {
    #[inline]
    pub(crate) fn new(object: Arc<C>) -> Self {
        Shared(Some(object))
    }

    /// What is referred to.
    #[cfg(feature = "single-flight")]
    #[inline]
    pub(crate) fn arc(&self) -> &Arc<C> {
        self.0.as_ref().expect(COMPLETED)
    }

    /// Moves the `Arc` out, which saves the guard a reference count.
    #[inline]
    pub(crate) fn take(&mut self) -> Arc<C> {
        self.0.take().expect(COMPLETED)
    }
}

const COMPLETED: &str = "a future was polled after it had completed";

impl<C: ?Sized> Deref for Shared<C> {
    type Target = C;

    #[inline]
    fn deref(&self) -> &C {
        self.0.as_deref().expect(COMPLETED)
    }
}
