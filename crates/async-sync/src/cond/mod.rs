//! The condition variable: wait, with a lock let go of meanwhile, until somebody calls.
//!
//! # States
//!
//! All state is a queue, `sync_core`'s `Lobby`: who has not been called, who has been and has not come
//! yet. A waiter that is polled after a call goes for its lock, or finds itself in that lock's queue
//! already (`sync_core::waiters`, `lobby` and `moving`, have the algorithm).
//!
//! # Transitions
//!
//! ```text
//! wait, first poll   into the lobby, then the lock is let go of
//! notify_one         calls the first, wakes it
//! notify_all         calls all, wakes few
//! polled, called     takes all that were called along into the lock's queue; the lock wakes each of
//!                    them when it is that one's turn
//! dropped, called    a call of `notify_one` passes to the next
//! ```
//!
//! # Invariants
//!
//! 1. A waiter is in the lobby before its lock is free: no call is lost that is made after the lock was
//!    taken by somebody else.
//! 2. A call of `notify_one` ends with a waiter that has its lock back, or finds nobody to take it.

#[cfg(any(feature = "tokio", feature = "async-lock"))]
mod foreign;
mod futures;
#[cfg(all(test, loom))]
mod loom;
mod relock;

use core::fmt;
use core::ops::DerefMut;

use sync_core::const_fn;
use sync_core::waiters::Lobby;

pub use futures::{Wait, WaitWhile};
pub use relock::Relock;
pub(crate) use relock::sealed;
#[doc(hidden)]
pub use relock::{Again, Homed, Kept, Returning};

/// A place to wait until what a lock protects has changed: Go's `sync.Cond`, without its pitfalls.
///
/// [`wait`](Self::wait) takes a guard and returns one, so nobody can wait without the lock, nor use the
/// value meanwhile. [`notify_one`](Self::notify_one) calls the waiter that has waited longest,
/// [`notify_all`](Self::notify_all) everybody, as often as one likes. Whoever changes the value and then
/// calls need not hold the lock while it calls, but must have held it while it changed the value.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::collections::VecDeque;
/// use std::sync::Arc;
/// use async_sync::{Cond, Mutex};
///
/// #[derive(Default)]
/// struct Inbox {
///     letters: Mutex<VecDeque<u32>>,
///     arrived: Cond,
/// }
///
/// let inbox = Arc::new(Inbox::default());
/// let reader = tokio::spawn({
///     let inbox = Arc::clone(&inbox);
///     async move {
///         let letters = inbox.letters.lock().await;
///         let mut letters = inbox.arrived.wait_while(letters, |l| l.is_empty()).await;
///         letters.pop_front()
///     }
/// });
/// inbox.letters.lock().await.push_back(7);
/// inbox.arrived.notify_one();
/// assert_eq!(reader.await.unwrap(), Some(7));
/// # });
/// ```
///
/// # Which locks
///
/// Any whose guard is [`Relock`]. Waiters of one `Cond` may have different locks (where
/// `std::sync::Condvar` may panic).
///
/// With our own locks, `notify_all` starts no stampede: those who were called go into the lock's queue
/// unpolled, and each is woken when the lock is its own. For that a few of them are woken at once, the
/// first, second, fourth, eighth and so on, of whom the first to be polled moves all. With other crates'
/// locks, everybody is woken and locks again.
///
/// # Spurious wake-ups
///
/// A wait may end although what the waiter hopes for is not so: between the call and the return,
/// others have had the lock. Loop, or use [`wait_while`](Self::wait_while).
///
/// # A waiter that nobody polls
///
/// One that was called and is not polled for more than a millisecond is passed over by the next `wait` or
/// `notify_*`: its call goes to the next. From the poll on that follows the call, the call stays with its
/// waiter until that has the lock, or is dropped. (If it is not polled any more, its lock goes to others, as
/// all our locks do; the call does not.)
#[doc(alias = "sync.Cond")]
#[doc(alias = "Condvar")]
pub struct Cond {
    lobby: Lobby,
}

impl Cond {
    const_fn! {
        /// Nobody waits.
        #[must_use]
        pub const fn new() -> Self {
            Cond { lobby: Lobby::new() }
        }
    }

    /// Lets go of the lock, waits for a call, and gets the lock back.
    ///
    /// The lock is let go of at the first poll, after the waiter has been queued: a call by anybody who
    /// has the lock later is not missed. Until then the future holds it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future at any moment is safe; the guard is gone then, and the lock free. If
    /// [`notify_one`](Self::notify_one) had called this waiter, its call passes to the next, also if this
    /// one was waiting for the lock again.
    ///
    /// # Fairness
    ///
    /// Waiters are called in the order in which they came, and get into the lock's queue in the order in
    /// which they were called. There the lock's own rules hold.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use async_sync::{Cond, Mutex};
    ///
    /// let shared = Arc::new((Mutex::new(false), Cond::new()));
    /// let task = tokio::spawn({
    ///     let shared = Arc::clone(&shared);
    ///     async move {
    ///         *shared.0.lock().await = true;
    ///         shared.1.notify_all();
    ///     }
    /// });
    /// let mut ready = shared.0.lock().await;
    /// while !*ready {
    ///     ready = shared.1.wait(ready).await;
    /// }
    /// assert!(*ready);
    /// # task.await.unwrap();
    /// # });
    /// ```
    #[doc(alias = "Wait")]
    #[inline]
    pub fn wait<G: Relock>(&self, guard: G) -> Wait<'_, G> {
        Wait::new(self, guard)
    }

    /// Waits as long as `condition` holds of the value. It is looked at before the first wait, and then
    /// after each call.
    ///
    /// It runs while the lock is held. If it panics, the lock is let go of and the panic comes out of the
    /// future.
    ///
    /// # Cancel safety
    ///
    /// As for [`wait`](Self::wait). A call that ended a wait is used up when `condition` is looked at.
    ///
    /// # Fairness
    ///
    /// As for [`wait`](Self::wait); a waiter whose condition still holds waits again, behind the others.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion, or if `condition` does.
    #[inline]
    pub fn wait_while<G, F>(&self, guard: G, condition: F) -> WaitWhile<'_, G, F>
    where
        G: Relock + DerefMut,
        F: FnMut(&mut G::Target) -> bool,
    {
        WaitWhile::new(self, guard, condition)
    }

    /// Waits as [`wait`](Self::wait) does, blocking this thread. In the same queue; inside and outside of
    /// runtimes.
    #[cfg(feature = "std")]
    pub fn wait_blocking<G: Relock>(&self, guard: G) -> G {
        sync_core::park::block_on(self.wait(guard))
    }

    /// Waits as [`wait_while`](Self::wait_while) does, blocking this thread.
    ///
    /// # Panics
    ///
    /// If `condition` does.
    #[cfg(feature = "std")]
    pub fn wait_while_blocking<G, F>(&self, guard: G, condition: F) -> G
    where
        G: Relock + DerefMut,
        F: FnMut(&mut G::Target) -> bool,
    {
        sync_core::park::block_on(self.wait_while(guard, condition))
    }

    /// Calls the waiter that has waited longest. Returns whether there was one.
    ///
    /// A call is not kept: if nobody waits, nothing happens.
    ///
    /// # Fairness
    ///
    /// Strictly first come, first called.
    #[doc(alias = "Signal")]
    #[inline]
    pub fn notify_one(&self) -> bool {
        self.lobby.notify_one()
    }

    /// Calls everybody who waits now, in the order in which they came. Returns how many.
    ///
    /// May be done again and again. Those who come while it runs are not called.
    #[doc(alias = "Broadcast")]
    #[inline]
    pub fn notify_all(&self) -> usize {
        self.lobby.notify_all()
    }

    /// How many wait: a snapshot. One that was called counts until it is polled, or until another
    /// one has taken it along to the lock.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.lobby.len()
    }

    #[inline]
    pub(crate) fn lobby(&self) -> &Lobby {
        &self.lobby
    }
}

impl Default for Cond {
    fn default() -> Self {
        Cond::new()
    }
}

impl fmt::Debug for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cond")
            .field("waiters", &self.waiters())
            .finish()
    }
}
