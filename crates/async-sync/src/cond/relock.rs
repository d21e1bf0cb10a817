//! Which guards a [`Cond`](super::Cond) can take, and how they come back.
//!
//! ```text
//! Relock     a guard that can be let go of and had again; names the future that does so
//! Homed      a guard of a lock of ours: its waiters are moved into its queue   -> Returning
//! Foreign    a guard of another crate's: its waiters are woken, and lock again -> foreign::Again
//! ```

use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use sync_core::waiters::{Contains, Home, Moving};

use super::Cond;

/// A guard whose lock can be let go of and had again: what [`Cond::wait`] takes and returns.
///
/// Implemented for
///
/// * [`MutexGuard`](crate::mutex::MutexGuard) and
#[cfg_attr(
    feature = "alloc",
    doc = "[`OwnedMutexGuard`](crate::mutex::OwnedMutexGuard),"
)]
#[cfg_attr(not(feature = "alloc"), doc = "`OwnedMutexGuard`,")]
///   of any policy;
/// * the guards of an [`RwLock`](crate::RwLock), borrowed and owned, for reading, upgradable reading
///   and writing: a reader comes back as a reader;
/// * with feature `tokio`: `tokio::sync::MutexGuard` and `OwnedMutexGuard`;
/// * with feature `async-lock`: `async_lock::MutexGuard` and `MutexGuardArc`.
///
/// Mapped guards are not among them: while the lock is let go of, the part may go away.
///
/// The trait is sealed, as the order in which a waiter is queued and its lock let go of is the whole art.
pub trait Relock: sealed::Sealed + Sized {
    /// Lets go of the guard, waits for a call, and gets it back.
    #[doc(hidden)]
    type Waiting<'c>: Again<'c, Self>;
}

/// A future that gives a guard up and gets it back.
#[doc(hidden)]
pub trait Again<'c, G>: Future<Output = G> {
    /// Nothing happens before the first poll.
    fn new(cond: &'c Cond, guard: G) -> Self;
}

/// A guard of a lock that has a queue of ours, of `LANES` lanes.
#[doc(hidden)]
pub trait Homed<const LANES: usize>: sealed::Sealed + Sized {
    /// What the lock's queue knows of such waiters: readers and writers differ.
    const TAG: usize;
    /// The lock without its value.
    type Raw: Home<LANES>;
    /// What `Handle` refers to.
    type Lock: Contains<LANES, Raw = Self::Raw> + ?Sized;
    /// What is left of the guard when its lock is let go of: a reference, an `Arc`. Dereferences to the
    /// same lock as long as it exists.
    type Handle: Deref<Target = Self::Lock>;

    /// The lock stays locked.
    fn into_handle(self) -> Self::Handle;

    /// Lets go of the lock, as dropping the guard would.
    ///
    /// # Safety
    ///
    /// The caller has the lock, and no guard of it.
    unsafe fn unlock(handle: &Self::Handle);

    /// A guard.
    ///
    /// # Safety
    ///
    /// As for `unlock`.
    unsafe fn from_handle(handle: Self::Handle) -> Self;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The handle of a [`Returning`], until it is handed out.
#[doc(hidden)]
#[derive(Debug)]
pub struct Kept<H>(Option<H>);

impl<H: Deref> Deref for Kept<H> {
    type Target = H::Target;

    #[inline]
    fn deref(&self) -> &H::Target {
        self.0
            .as_ref()
            .expect("a future was polled after it had completed")
    }
}

/// Waits with a guard of a lock of ours.
// (Projected by hand: `pin_project_lite` knows no const parameters.)
#[doc(hidden)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Returning<'c, G: Homed<LANES>, const LANES: usize> {
    moving: Moving<'c, Kept<G::Handle>, LANES>,
}

impl<G: Homed<LANES>, const LANES: usize> Drop for Returning<'_, G, LANES> {
    fn drop(&mut self) {
        if self.moving.is_outside()
            && let Some(handle) = &self.moving.holder().0
        {
            // SAFETY: it has not entered the lobby, so the lock has not been let go of.
            unsafe { G::unlock(handle) };
        }
    }
}

impl<'c, G: Homed<LANES>, const LANES: usize> Again<'c, G> for Returning<'c, G, LANES> {
    #[inline]
    fn new(cond: &'c Cond, guard: G) -> Self {
        let handle = Kept(Some(guard.into_handle()));
        // SAFETY: a handle always dereferences to the same lock, and is taken out only after completion.
        let moving = unsafe { Moving::new(cond.lobby(), handle, G::TAG) };
        Returning { moving }
    }
}

impl<G: Homed<LANES>, const LANES: usize> Future for Returning<'_, G, LANES> {
    type Output = G;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<G> {
        // SAFETY: the field is pinned with `self`: nothing here moves it, the destructor neither, and
        // the type is Unpin only if the field is.
        let mut moving = unsafe { self.map_unchecked_mut(|this| &mut this.moving) };
        if moving.is_outside() {
            // First into the lobby, then the lock: whoever has it next sees us.
            let entered = moving.as_mut().poll(cx);
            debug_assert!(entered.is_pending());
            if let Some(handle) = &moving.holder().0 {
                // SAFETY: the guard was dissolved into the handle, and we have let go of it only now.
                unsafe { G::unlock(handle) };
            }
            return Poll::Pending;
        }
        // Locks that take part refuse nobody.
        let _ = ready!(moving.as_mut().poll(cx));
        // SAFETY: the future has completed.
        let handle = unsafe { moving.holder_mut() }.0.take();
        let handle = handle.expect("taken only here, after completion");
        // SAFETY: the wait is over, so the lock is ours.
        Poll::Ready(unsafe { G::from_handle(handle) })
    }
}

impl<G: Homed<LANES>, const LANES: usize> fmt::Debug for Returning<'_, G, LANES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.moving.fmt(f)
    }
}
