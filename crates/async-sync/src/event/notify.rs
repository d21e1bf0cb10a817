//! Notifications that are not remembered, for who looks at something of its own. `raw` has the states.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::const_fn;
use sync_core::waiters::{Contains, Driver, Waiting};

use super::futures::NotifiedOf;
use super::raw::{RawNotify, Transient};

/// Tells those who listen to look again.
///
/// For building other things: a flag, a counter, a lock-free queue, to which waiting has to be added.
/// It has no state of its own, so a notification that nobody listens for is gone. Nothing is lost in
/// this order, on either side:
///
/// 1. [`listen`](Self::listen), and [`enable`](NotifiedOf::enable) the future;
/// 2. look; if it is as wanted, drop the future: a notification that came meanwhile goes to the next;
/// 3. await the future, and begin again.
///
/// And whoever changes it notifies after the change. (The queue's lock orders the two: no fence is
/// needed, however relaxed the accesses are.)
///
/// The role of `event-listener`'s `Event`, without its allocation for each listener.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::pin::pin;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use async_sync::Notify;
///
/// #[derive(Default)]
/// struct Flag {
///     raised: AtomicBool,
///     changed: Notify,
/// }
///
/// impl Flag {
///     fn raise(&self) {
///         self.raised.store(true, Ordering::Release);
///         self.changed.notify_all();
///     }
///     async fn raised(&self) {
///         loop {
///             let mut listen = pin!(self.changed.listen());
///             listen.as_mut().enable();
///             if self.raised.load(Ordering::Acquire) {
///                 return;
///             }
///             listen.await;
///         }
///     }
/// }
///
/// let flag = Arc::new(Flag::default());
/// let waits = tokio::spawn({
///     let flag = Arc::clone(&flag);
///     async move { flag.raised().await }
/// });
/// flag.raise();
/// waits.await.unwrap();
/// # });
/// ```
#[doc(alias = "event-listener")]
pub struct Notify {
    raw: RawNotify<Transient>,
}

impl Notify {
    const_fn! {
        /// Nobody listens yet.
        #[must_use]
        pub const fn new() -> Self {
            Notify { raw: RawNotify::new(false) }
        }
    }

    /// A future that is ready when it has been notified.
    ///
    /// It listens from its first poll on, or from [`enable`](NotifiedOf::enable); to
    /// [`notify_all`](Self::notify_all), from now on.
    ///
    /// # Cancel safety
    ///
    /// A future that was notified, has not returned and is dropped passes that on to the next.
    ///
    /// # Fairness
    ///
    /// First come, first served. If one that was notified is not polled for more than a millisecond,
    /// the next operation notifies another one in its place; it completes all the same.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn listen(&self) -> Listen<'_> {
        NotifiedOf::new(Waiting::borrowed(self, self.raw.round()))
    }

    /// As [`listen`](Self::listen), with a future that keeps the `Arc`.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn listen_owned(self: Arc<Self>) -> ListenOwned {
        let round = self.raw.round();
        // SAFETY: an `Arc` dereferences to the same object as long as it exists.
        NotifiedOf::new(unsafe { Waiting::new(self, round) })
    }

    /// Waits for a notification, blocking this thread.
    ///
    /// Without looking at anything after it has begun to listen: see the example of the type for how
    /// not to lose one.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) {
        sync_core::park::block_on(self.listen());
    }

    /// Sees to it that at least `n` of those who listen are notified, the first of them. Those who are
    /// notified already, and have not returned, count. Returns how many this call has notified.
    ///
    /// For "there is work for `n`": if `n` are on their way, nobody else has to be woken. As
    /// `event-listener`'s method of this name.
    #[inline]
    pub fn notify(&self, n: usize) -> usize {
        self.raw.notify(n, false)
    }

    /// Notifies `n` more of those who listen, whoever is notified already. Returns how many.
    #[inline]
    pub fn notify_additional(&self, n: usize) -> usize {
        self.raw.notify(n, true)
    }

    /// Notifies one more of those who listen: `notify_additional(1)`. Returns whether there was one.
    ///
    /// One that shall be remembered if there is none: [`AutoEvent::set`](super::AutoEvent::set).
    #[inline]
    pub fn notify_one(&self) -> bool {
        self.raw.notify(1, true) != 0
    }

    /// Notifies all who listen, and all futures that have been made and not polled yet.
    #[doc(alias = "notify_waiters")]
    #[inline]
    pub fn notify_all(&self) {
        self.raw.notify_all();
    }

    /// How many futures listen, those included that are notified and have not returned: a snapshot.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl Contains<2> for Notify {
    type Raw = RawNotify<Transient>;

    #[inline]
    fn raw(&self, _: Driver) -> &RawNotify<Transient> {
        &self.raw
    }
}

impl Default for Notify {
    fn default() -> Self {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notify")
            .field("waiters", &self.waiters())
            .finish()
    }
}

/// The future of [`Notify::listen`].
pub type Listen<'a> = NotifiedOf<&'a Notify>;

/// The future of [`Notify::listen_owned`].
#[cfg(feature = "alloc")]
pub type ListenOwned = NotifiedOf<Arc<Notify>>;
