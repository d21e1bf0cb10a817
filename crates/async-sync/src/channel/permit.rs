//! A place in the channel that is kept free for its holder.

use core::fmt;
use core::mem::ManuallyDrop;

use super::error::SendError;
use super::raw::Chan;

/// A place in a channel, kept free until it is used or dropped. From
/// [`Sender::reserve`](super::Sender::reserve).
#[must_use = "if unused the place is given up at once"]
#[clippy::has_significant_drop]
pub struct Permit<'a, T> {
    chan: &'a Chan<T>,
}

impl<'a, T> Permit<'a, T> {
    /// A place has been reserved.
    #[inline]
    pub(super) fn new(chan: &'a Chan<T>) -> Self {
        Permit { chan }
    }

    /// Sends `item`, without waiting.
    ///
    /// Works in a channel that was closed meanwhile, too: receivers are not told that everything has been
    /// received as long as there are permits.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item if no receiver is left.
    pub fn send(self, item: T) -> Result<(), SendError<T>> {
        ManuallyDrop::new(self).chan.put_reserved(item)
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.chan.release_place();
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
