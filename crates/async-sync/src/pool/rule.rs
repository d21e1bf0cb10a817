//! What becomes of an object that comes back: it is cleaned, and then kept or not.
//!
//! ```text
//! comes back --clean--> keep? --yes--> size at most the cap? --yes--> kept
//!                          \--no-----------------\--no--------------> dropped
//! ```
//!
//! All of it runs in the caller, before any lock. A rule that panics costs the object, and nothing else.

use std::fmt;

/// How many bytes an object holds on to, for a cap on what a pool keeps.
///
/// The capacity, not the length: a buffer that has been cleared is as big as before. (Go's `fmt` and
/// `encoding/json` kept huge buffers alive in this way, until they got a cap of 64 KiB.)
pub trait Size {
    /// The bytes that this object has allocated.
    fn size(&self) -> usize;
}

impl<T> Size for Vec<T> {
    fn size(&self) -> usize {
        self.capacity() * size_of::<T>()
    }
}

impl Size for String {
    fn size(&self) -> usize {
        self.capacity()
    }
}

impl<T: Size> Size for Box<T> {
    fn size(&self) -> usize {
        size_of::<T>() + (**self).size()
    }
}

/// Functions without captures, so that a pool can be a `static`.
pub(super) struct Rule<T> {
    pub(super) clean: Option<fn(&mut T)>,
    pub(super) keep: Option<fn(&T) -> bool>,
    pub(super) cap: Option<Cap<T>>,
}

/// How the size of an object is found, and the largest that is kept.
type Cap<T> = (fn(&T) -> usize, usize);

impl<T> Rule<T> {
    pub(super) const fn none() -> Self {
        Rule {
            clean: None,
            keep: None,
            cap: None,
        }
    }

    /// Cleans the object. Returns whether it is to be kept.
    #[inline]
    pub(super) fn keeps(&self, object: &mut T) -> bool {
        if let Some(clean) = self.clean {
            clean(object);
        }
        self.keep.is_none_or(|keep| keep(object))
            && self.cap.is_none_or(|(size, max)| size(object) <= max)
    }
}

// Not derived: that would ask for `T: Clone`.
impl<T> Clone for Rule<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Rule<T> {}

impl<T> fmt::Debug for Rule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("cleans", &self.clean.is_some())
            .field("asks", &self.keep.is_some())
            .field("max_size", &self.cap.map(|(_, max)| max))
            .finish()
    }
}
