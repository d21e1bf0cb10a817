//! Watch: the last value, and word of every change.
//!
//! # States
//!
//! The value is an `Arc`, in a slot that the lock of the queue guards; the word
//! ([`WatchWord`](sync_core::word::WatchWord)) counts its versions. A receiver has the version that
//! it has seen, and that version's value: a reference to it borrows from the receiver, and nobody
//! else notices.
//!
//! # Transitions
//!
//! ```text
//! load       under the lock, one reference more
//! store      the value is allocated; under the lock, the slot is exchanged and VERSION += 1; who
//!            waits is told; the old value is dropped
//! compare    the same, if the slot still has the value that the caller knows
//! borrow     the receiver has seen VERSION: its own value, one load. Else load
//! changed    waits for another VERSION (`raw`), then borrow
//! last sender dropped   CLOSED
//! ```
//!
//! # Invariants
//!
//! 1. The lock is held for a few instructions; no foreign code runs under it, nor is a value dropped.
//! 2. A receiver that waits has seen the newest version, so whatever is stored later wakes it.
//!
//! # Why this lock
//!
//! What is shared has to be read and counted in one step. Nobody holds this lock across an await, or
//! across anything else, so there is no guard that could be kept too long. Who reads often does so
//! through a receiver, which is one load while nothing has changed.

mod futures;
#[cfg(all(test, loom))]
mod loom;
mod raw;
mod receiver;
mod sender;
#[cfg(feature = "stream")]
mod stream;

use alloc::sync::Arc;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use sync_core::atomic::{AtomicUsize, UnsafeCell};
use sync_core::waiters::{Contains, Driver};

pub use futures::{Changed, WaitFor};
pub use receiver::{Receiver, ReceiverOf, Watcher};
pub use sender::{Sender, channel};
#[cfg(feature = "stream")]
pub use stream::Updates;

use raw::RawWatch;

/// The last value of something, for all who want to know it, and to know when it changes.
///
/// Go's `atomic.Value` with what its users miss: [`swap`](Self::swap),
/// [`compare_and_swap`](Self::compare_and_swap), and a way to wait for the next value. A program's
/// configuration is the usual tenant.
///
/// This is one cell for everybody, which may be shared by reference, in an `Arc` or a
/// [`Lazy`](crate::Lazy). Where those who store and those who read are to be told apart, and the end
/// of the former concerns the latter, use a [`channel`].
///
/// # Reading
///
/// [`load`](Self::load) gives an `Arc` of the value: keep it as long as you like, across any await. A
/// [receiver](Self::subscribe) has one of its own and gives plain references to it. In neither case is
/// anything locked meanwhile, so what is known to happen with guards (tokio's `borrow()` held across
/// an await stops the sender, and a second one behind that sender never returns) cannot.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::Watch;
///
/// struct Config { node: String, addr: String }
///
/// let config = Arc::new(Watch::new(Config { node: "a".into(), addr: "10.77.95.27".into() }));
/// let mut updates = config.subscribe_owned();
/// let server = tokio::spawn(async move {
///     let new = updates.changed().await.unwrap();
///     format!("now {} at {}", new.node, new.addr)
/// });
///
/// config.store(Config { node: "b".into(), addr: "10.77.95.28".into() });
/// assert_eq!(server.await.unwrap(), "now b at 10.77.95.28");
/// assert_eq!(config.load().node, "b");
/// # });
/// ```
///
/// # What is not kept
///
/// Values that nobody looked at: one who comes late sees the last. To receive all of them, use a
/// channel.
#[doc(alias = "atomic.Value")]
#[doc(alias = "ConfigCell")]
#[doc(alias = "ArcSwap")]
pub struct Watch<T> {
    raw: RawWatch,
    /// Guarded by the lock of the queue.
    value: UnsafeCell<Arc<T>>,
    /// How many [`Sender`]s there are, if it is that of a channel. Counted as an `Arc` counts.
    senders: AtomicUsize,
}

// SAFETY: the cell is accessed under the lock. It gives `Arc`s of the value to any thread, hence both.
unsafe impl<T: Send + Sync> Send for Watch<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Watch<T> {}
// Nothing foreign runs under the lock, so a panic finds the watch whole. It gives `&T` out.
impl<T: RefUnwindSafe> UnwindSafe for Watch<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Watch<T> {}

/// Someone else has stored a value meanwhile: [`Watch::compare_and_swap`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompareError<T> {
    /// What was not stored.
    pub new: T,
    /// What is there instead of what was expected.
    pub current: Arc<T>,
}

impl<T> fmt::Display for CompareError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another value was stored meanwhile")
    }
}

impl<T: fmt::Debug> core::error::Error for CompareError<T> {}

/// There will be no other value: all senders are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the watch is closed")
    }
}

impl core::error::Error for Closed {}

impl<T> Watch<T> {
    /// A watch with its first value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Watch::from_arc(Arc::new(value))
    }

    /// The same, with a value that is shared already.
    #[must_use]
    pub fn from_arc(value: Arc<T>) -> Self {
        Watch {
            raw: RawWatch::new(),
            value: UnsafeCell::new(value),
            senders: AtomicUsize::new(0),
        }
    }

    /// The last value.
    #[doc(alias = "borrow")]
    #[inline]
    #[must_use]
    pub fn load(&self) -> Arc<T> {
        self.load_with_version().0
    }

    #[inline]
    fn load_with_version(&self) -> (Arc<T>, usize) {
        let queue = self.raw.lock();
        let value = self.value.with(|value| {
            // SAFETY: the lock is held.
            Arc::clone(unsafe { &*value })
        });
        let version = self.raw.state().version();
        drop(queue);
        (value, version)
    }

    /// Stores a value and wakes all who wait for a change.
    #[doc(alias = "send")]
    pub fn store(&self, value: T) {
        self.swap(value);
    }

    /// Stores a value and returns the one before it.
    #[doc(alias = "send_replace")]
    pub fn swap(&self, value: T) -> Arc<T> {
        self.swap_arc(Arc::new(value))
    }

    /// As [`swap`](Self::swap), with a value that is shared already.
    pub fn swap_arc(&self, value: Arc<T>) -> Arc<T> {
        match self.exchange(value, None) {
            Ok(old) | Err(old) => old,
        }
    }

    /// Stores `new` if `current` is still the last value: the same `Arc`, not an equal value. Returns
    /// `current`'s own reference.
    ///
    /// # Errors
    ///
    /// If another one was stored meanwhile: that one, and `new`.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_sync::Watch;
    ///
    /// let watch = Watch::new(1);
    /// let one = watch.load();
    /// watch.compare_and_swap(&one, 2).unwrap();
    /// let error = watch.compare_and_swap(&one, 3).unwrap_err();
    /// assert_eq!((error.new, *error.current), (3, 2));
    /// ```
    #[doc(alias = "CompareAndSwap")]
    pub fn compare_and_swap(&self, current: &Arc<T>, new: T) -> Result<Arc<T>, CompareError<T>> {
        self.exchange(Arc::new(new), Some(current)).map_err(|new| {
            let Some(new) = Arc::into_inner(new) else {
                unreachable!("it was never shared");
            };
            let current = self.load();
            CompareError { new, current }
        })
    }

    /// Puts `new` in the slot and tells those who wait, or gives it back.
    fn exchange(&self, new: Arc<T>, expected: Option<&Arc<T>>) -> Result<Arc<T>, Arc<T>> {
        let queue = self.raw.lock();
        let result = self.value.with_mut(|value| {
            // SAFETY: the lock is held.
            let value = unsafe { &mut *value };
            if expected.is_some_and(|expected| !Arc::ptr_eq(expected, value)) {
                Err(new)
            } else {
                Ok(core::mem::replace(value, new))
            }
        });
        let tell = result.is_ok() && self.raw.stored(&queue);
        drop(queue);
        if tell {
            self.raw.tell();
        }
        result
    }

    /// Stores what `update` makes of the last value, and returns it.
    ///
    /// If another value is stored meanwhile, `update` is called again, with that one.
    ///
    /// # Panics
    ///
    /// If `update` does; nothing is stored then.
    #[doc(alias = "rcu")]
    pub fn update(&self, mut update: impl FnMut(&T) -> T) -> Arc<T> {
        let mut current = self.load();
        loop {
            let new = Arc::new(update(&current));
            match self.exchange(Arc::clone(&new), Some(&current)) {
                Ok(_) => return new,
                Err(_) => current = self.load(),
            }
        }
    }

    /// Changes a copy of the last value and stores it.
    ///
    /// If another value is stored meanwhile, `modify` is called again, with a copy of that one. (It
    /// runs without any lock, so it may use the watch, and takes nobody's time but the caller's.)
    ///
    /// # Panics
    ///
    /// If `modify` does; nothing is stored then.
    pub fn send_modify(&self, mut modify: impl FnMut(&mut T))
    where
        T: Clone,
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// As [`send_modify`](Self::send_modify), if `modify` says that it has changed something.
    /// Returns what it said: if false, nobody is woken.
    ///
    /// # Panics
    ///
    /// If `modify` does; nothing is stored then.
    #[allow(clippy::must_use_candidate, reason = "not of interest to all")]
    pub fn send_if_modified(&self, mut modify: impl FnMut(&mut T) -> bool) -> bool
    where
        T: Clone,
    {
        let mut current = self.load();
        loop {
            let mut new = T::clone(&current);
            if !modify(&mut new) {
                return false;
            }
            match self.exchange(Arc::new(new), Some(&current)) {
                Ok(_) => return true,
                Err(_) => current = self.load(),
            }
        }
    }

    /// A receiver that has seen the last value, and borrows the watch.
    #[must_use]
    pub fn subscribe(&self) -> Watcher<'_, T> {
        ReceiverOf::new(self)
    }

    /// A receiver that has seen the last value, and keeps the `Arc`.
    #[must_use]
    pub fn subscribe_owned(self: &Arc<Self>) -> Receiver<T> {
        ReceiverOf::new(Arc::clone(self))
    }

    /// How often a value was stored, modulo half of what a `usize` holds: a snapshot.
    #[inline]
    #[must_use]
    pub fn version(&self) -> usize {
        self.raw.state().version()
    }

    /// How many futures wait for a change: a snapshot.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }
}

// SAFETY: `raw` returns the field, always the same.
unsafe impl<T> Contains<1> for Watch<T> {
    type Raw = RawWatch;

    #[inline]
    fn raw(&self, _: Driver) -> &RawWatch {
        &self.raw
    }
}

impl<T: Default> Default for Watch<T> {
    fn default() -> Self {
        Watch::new(T::default())
    }
}

impl<T> From<T> for Watch<T> {
    fn from(value: T) -> Self {
        Watch::new(value)
    }
}

impl<T> fmt::Debug for Watch<T> {
    /// Takes no lock, so it does not show the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("version", &self.version())
            .field("closed", &self.raw.state().is_closed())
            .field("waiters", &self.waiters())
            .finish_non_exhaustive()
    }
}
