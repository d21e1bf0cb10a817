//! The auto-reset event: each time it happens, one goes on. `raw` has the states.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::const_fn;
use sync_core::waiters::{Contains, Driver, Waiting};

use super::futures::NotifiedOf;
use super::raw::{Kept, RawNotify};

/// Releases one waiter for each time that it is set; remembers one time for which nobody waited.
///
/// Windows' and C#'s auto-reset event; with [`notify_all`](Self::notify_all), tokio's `Notify`. Strictly
/// first come, first served.
///
/// "At least one thing has happened since I last looked": so whoever is released looks for all that
/// may have happened. Where things have to be counted, a [`Semaphore`](crate::Semaphore) counts.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::{Arc, Mutex};
/// use async_sync::AutoEvent;
///
/// // A mailbox: many push, one takes all that is there.
/// let mailbox = Arc::new((Mutex::new(Vec::new()), AutoEvent::new()));
/// for letter in 0..10 {
///     let mailbox = Arc::clone(&mailbox);
///     tokio::spawn(async move {
///         mailbox.0.lock().unwrap().push(letter);
///         mailbox.1.set();
///     });
/// }
/// let mut read = Vec::new();
/// while read.len() < 10 {
///     mailbox.1.wait().await;
///     read.append(&mut mailbox.0.lock().unwrap());
/// }
/// # });
/// ```
#[doc(alias = "AutoResetEvent")]
#[doc(alias = "Notify")]
pub struct AutoEvent {
    raw: RawNotify<Kept>,
}

impl AutoEvent {
    const_fn! {
        /// An event that has not happened.
        #[must_use]
        pub const fn new() -> Self {
            AutoEvent { raw: RawNotify::new(false) }
        }
    }

    const_fn! {
        /// An event that has happened: the first wait ends at once.
        #[must_use]
        pub const fn new_set() -> Self {
            AutoEvent { raw: RawNotify::new(true) }
        }
    }

    /// It happens: releases the first who waits. If nobody does, the next wait ends at once; a second
    /// time before that changes nothing.
    ///
    /// What was done before is seen by the one that it releases.
    #[doc(alias = "notify_one")]
    #[inline]
    pub fn set(&self) {
        self.raw.set();
    }

    /// Forgets a time for which nobody waited. Returns whether there was one. (What is kept for those who wait
    /// is theirs: see the fairness of [`wait`](Self::wait).)
    #[inline]
    pub fn reset(&self) -> bool {
        self.raw.clear()
    }

    /// Releases all who wait, and all futures that have been made and not polled yet. Nothing is
    /// remembered; what was, still is.
    #[doc(alias = "notify_waiters")]
    #[doc(alias = "PulseEvent")]
    #[inline]
    pub fn notify_all(&self) {
        self.raw.notify_all();
    }

    /// Whether the next wait would end at once: a snapshot.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.raw.is_set()
    }

    /// Waits until the event is set for this waiter, and resets it.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped does not take anything with it: if it was released and has not
    /// returned, the next is released in its place.
    ///
    /// # Fairness
    ///
    /// First come, first served, in the order of the first polls. A waiter that was released and is
    /// not polled for more than a millisecond loses its place to the next, if there is one, or to a
    /// [`try_wait`](Self::try_wait): it is the first again when it is polled. Each time that the event is
    /// set until then counts, and ends its wait, unless others who ask earlier have taken them all.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "notified")]
    #[inline]
    pub fn wait(&self) -> AutoWait<'_> {
        NotifiedOf::new(Waiting::borrowed(self, self.raw.round()))
    }

    /// As [`wait`](Self::wait), with a future that keeps the `Arc`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn wait_owned(self: Arc<Self>) -> AutoWaitOwned {
        let round = self.raw.round();
        // SAFETY: an `Arc` dereferences to the same object as long as it exists.
        NotifiedOf::new(unsafe { Waiting::new(self, round) })
    }

    /// Waits until the event is set for this waiter, blocking this thread.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) {
        sync_core::park::block_on(self.wait());
    }

    /// Resets the event, if it is set. Returns whether it was: whether a wait would have ended at once.
    #[inline]
    #[must_use]
    pub fn try_wait(&self) -> bool {
        self.raw.try_take()
    }

    /// How many futures wait, those included that are released and have not returned: a snapshot.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl Contains<2> for AutoEvent {
    type Raw = RawNotify<Kept>;

    #[inline]
    fn raw(&self, _: Driver) -> &RawNotify<Kept> {
        &self.raw
    }
}

impl Default for AutoEvent {
    fn default() -> Self {
        AutoEvent::new()
    }
}

impl fmt::Debug for AutoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AutoEvent")
            .field("set", &self.is_set())
            .field("waiters", &self.waiters())
            .finish()
    }
}

/// The future of [`AutoEvent::wait`].
pub type AutoWait<'a> = NotifiedOf<&'a AutoEvent>;

/// The future of [`AutoEvent::wait_owned`].
#[cfg(feature = "alloc")]
pub type AutoWaitOwned = NotifiedOf<Arc<AutoEvent>>;
