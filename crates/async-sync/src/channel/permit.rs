//! A place in the channel that is kept free for its holder.

use core::fmt;
use core::mem::ManuallyDrop;

use super::Sender;
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

/// A place in a channel together with the sender, which comes back when it is used. From
/// [`Sender::reserve_owned`].
#[must_use = "if unused the place is given up at once"]
#[clippy::has_significant_drop]
pub struct OwnedPermit<T> {
    /// Until the place is used.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    /// A place has been reserved.
    #[inline]
    pub(super) fn new(sender: Sender<T>) -> Self {
        OwnedPermit {
            sender: Some(sender),
        }
    }

    /// Sends `item`, without waiting, and returns the sender.
    ///
    /// All that is said of [`Permit::send`] holds.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the item if no receiver is left. The sender, which is of no use any more, is
    /// dropped.
    pub fn send(mut self, item: T) -> Result<Sender<T>, SendError<T>> {
        let sender = self.take();
        sender.handle.put_reserved(item)?;
        Ok(sender)
    }

    /// Gives the place up, and returns the sender.
    #[must_use = "else the sender is dropped: drop the permit instead"]
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.handle.release_place();
        sender
    }

    /// The place is used, or given up.
    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("a permit is used once")
    }

    /// Whether the place is one of the channel into which `sender` sends.
    #[must_use]
    pub fn same_channel(&self, sender: &Sender<T>) -> bool {
        self.sender
            .as_ref()
            .is_some_and(|own| own.same_channel(sender))
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.handle.release_place();
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
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
