//! Those who are told: a version that was seen, and its value.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use super::futures::{Changed, WaitFor};
use super::{Closed, Watch};

/// One who looks at a watch, and knows what it has seen. Spelt [`Receiver`] and [`Watcher`].
///
/// It has a reference of the value that it has seen last, so that value lives at least until the
/// receiver looks again or is dropped.
pub struct ReceiverOf<T, H: Deref<Target = Watch<T>>> {
    watch: H,
    /// Another version than the newest: there is something to look at.
    seen: usize,
    value: Arc<T>,
}

/// A receiver that keeps its watch: of a [`channel`](super::channel), or by [`Watch::subscribe_owned`].
pub type Receiver<T> = ReceiverOf<T, Arc<Watch<T>>>;

/// A receiver that borrows its watch: by [`Watch::subscribe`].
pub type Watcher<'a, T> = ReceiverOf<T, &'a Watch<T>>;

impl<T, H: Deref<Target = Watch<T>>> ReceiverOf<T, H> {
    pub(super) fn new(watch: H) -> Self {
        let (value, seen) = watch.load_with_version();
        ReceiverOf { watch, seen, value }
    }

    #[inline]
    pub(super) fn watch(&self) -> &Watch<T> {
        &self.watch
    }

    #[cfg(feature = "stream")]
    pub(super) fn into_watch(self) -> H {
        self.watch
    }

    #[inline]
    pub(super) fn version_seen(&self) -> usize {
        self.seen
    }

    /// Looks at the newest value.
    #[inline]
    fn refresh(&mut self) {
        if self.watch.version() != self.seen {
            let (value, version) = self.watch.load_with_version();
            let old = core::mem::replace(&mut self.value, value);
            self.seen = version;
            drop(old); // foreign, and the last thing that is done
        }
    }

    /// The last value, which counts as seen. One load, if it was seen before.
    ///
    /// The reference is to this receiver's own copy of the `Arc`: it keeps nobody from storing.
    #[doc(alias = "borrow_and_update")]
    #[inline]
    pub fn borrow(&mut self) -> &T {
        self.refresh();
        &self.value
    }

    /// The same, to be kept.
    #[inline]
    pub fn load(&mut self) -> Arc<T> {
        self.refresh();
        Arc::clone(&self.value)
    }

    /// What it has seen last, whatever was stored since.
    #[inline]
    #[must_use]
    pub fn seen(&self) -> &Arc<T> {
        &self.value
    }

    /// Whether there is a value that it has not seen.
    #[inline]
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.watch.version() != self.seen
    }

    /// Whether all senders are gone. There may be a value all the same that it has not seen.
    #[inline]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.watch.raw.state().is_closed()
    }

    /// Counts the last value as not seen: the next [`changed`](Self::changed) is ready at once.
    pub fn mark_changed(&mut self) {
        self.seen = self.watch.raw.state().version_before();
    }

    /// Waits for a value that it has not seen, and gives it.
    ///
    /// # Errors
    ///
    /// If there is none and all senders are gone.
    ///
    /// # Cancel safety
    ///
    /// A change counts as seen when the future is ready. Dropped before, it has no effect.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn changed(&mut self) -> Changed<'_, T, H> {
        Changed::new(self)
    }

    /// Waits for a value of which `pred` is true, and gives it; the last one, if that is.
    ///
    /// Values that were replaced before this receiver looked are not asked about.
    ///
    /// # Errors
    ///
    /// If all senders are gone, and of the last value it is not true.
    ///
    /// # Cancel safety
    ///
    /// Those that were asked about count as seen.
    ///
    /// # Panics
    ///
    /// If `pred` does. The future panics if it is polled after completion.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::watch;
    ///
    /// let (tx, mut rx) = watch::channel("starting");
    /// tx.store("ready");
    /// assert_eq!(rx.wait_for(|state| *state == "ready").await, Ok(&"ready"));
    /// drop(tx);
    /// assert!(rx.wait_for(|state| *state == "done").await.is_err());
    /// # });
    /// ```
    #[inline]
    pub fn wait_for<F: FnMut(&T) -> bool>(&mut self, pred: F) -> WaitFor<'_, T, H, F> {
        WaitFor::new(self, pred)
    }

    /// As [`changed`](Self::changed), blocking this thread.
    ///
    /// # Errors
    ///
    /// As `changed`.
    #[cfg(feature = "std")]
    pub fn changed_blocking(&mut self) -> Result<&T, Closed> {
        sync_core::park::block_on(self.changed())
    }

    /// As [`wait_for`](Self::wait_for), blocking this thread.
    ///
    /// # Errors
    ///
    /// As `wait_for`.
    #[cfg(feature = "std")]
    pub fn wait_for_blocking(&mut self, pred: impl FnMut(&T) -> bool) -> Result<&T, Closed> {
        sync_core::park::block_on(self.wait_for(pred))
    }

    /// What a future gives when it is over.
    pub(super) fn take(&mut self, result: Result<(), Closed>) -> Result<&T, Closed> {
        result.map(|()| self.borrow())
    }
}

impl<T, H: Deref<Target = Watch<T>> + Clone> Clone for ReceiverOf<T, H> {
    /// The clone has seen what this one has.
    fn clone(&self) -> Self {
        ReceiverOf {
            watch: self.watch.clone(),
            seen: self.seen,
            value: Arc::clone(&self.value),
        }
    }
}

impl<T, H: Deref<Target = Watch<T>>> fmt::Debug for ReceiverOf<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("changed", &self.has_changed())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
