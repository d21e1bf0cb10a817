//! The channel: a watch whose end is noticed.
//!
//! Senders are counted in the watch. Who drops the last one closes it; only senders store, and only a
//! sender makes another, so a closed channel stays as it is.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use sync_core::atomic::Ordering;

use super::receiver::ReceiverOf;
use super::{Receiver, Watch};

/// A watch with two sides: those who store, and those who are told of it, and of the end.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use async_sync::watch;
///
/// let (tx, mut rx) = watch::channel(0);
/// let worker = tokio::spawn(async move {
///     let mut last = *rx.borrow();
///     while let Ok(progress) = rx.changed().await {
///         assert!(*progress > last);
///         last = *progress;
///     }
///     last
/// });
/// for percent in 1..=100 {
///     tx.store(percent);
/// }
/// drop(tx);
/// assert_eq!(worker.await.unwrap(), 100, "the last one is never missed");
/// # });
/// ```
#[must_use]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let watch = Arc::new(Watch::new(value));
    // Relaxed: nobody else has it yet.
    watch.senders.store(1, Ordering::Relaxed);
    let receiver = ReceiverOf::new(Arc::clone(&watch));
    (Sender { watch }, receiver)
}

/// The side of a [`channel`] that stores: all that a [`Watch`] can do. When the last one is dropped,
/// the channel is closed.
pub struct Sender<T> {
    watch: Arc<Watch<T>>,
}

impl<T> Sender<T> {
    /// A receiver that has seen the last value.
    #[must_use]
    pub fn subscribe(&self) -> Receiver<T> {
        ReceiverOf::new(Arc::clone(&self.watch))
    }

    /// How many receivers there are: a snapshot.
    #[must_use]
    pub fn receivers(&self) -> usize {
        let senders = self.watch.senders.load(Ordering::Relaxed);
        Arc::strong_count(&self.watch).saturating_sub(senders)
    }
}

impl<T> Deref for Sender<T> {
    type Target = Watch<T>;

    #[inline]
    fn deref(&self) -> &Watch<T> {
        &self.watch
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // Relaxed: there is one already, which keeps the channel open.
        self.watch.senders.fetch_add(1, Ordering::Relaxed);
        Sender {
            watch: Arc::clone(&self.watch),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // AcqRel: what the others stored comes before the end. (They stored under the lock, which the
        // closing takes, too; so this is for those who look at what else they did.)
        if self.watch.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.watch.raw.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.watch).finish()
    }
}
