//! A value that is set once.
//!
//! The slot is written by whoever has the right ([`Running`]), before it is completed, and read only
//! when it is done. Through a shared reference it is never done less: [`take`](OnceCell::take) needs
//! `&mut`, which proves that no future of the cell can be polled any more. (One may have been leaked,
//! with its place in a queue or with the right. It stays where it is, and `take` touches nothing
//! unless the cell is set; so nobody gets the right twice.)

use core::fmt;
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};

use sync_core::atomic::UnsafeCell;
use sync_core::const_fn;
use sync_core::word::OnceState;

use super::error::SetError;
use super::futures::{GetOrInit, GetOrTryInit, WaitSet};
use super::raw::{RawOnce, Running};

/// A value that is set once, by an asynchronous initialiser or by hand.
///
/// Of several callers that [initialise](Self::get_or_init) at the same time, one runs its
/// initialiser and the others wait for the value. If that one is cancelled, panics or
/// [fails](Self::get_or_try_init), the next in line runs *its own* initialiser: nobody hangs, and
/// nobody gets another caller's error.
///
/// The value is shared from then on; put a [`Mutex`](crate::Mutex) into the cell if it has to change.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::once::OnceCell;
///
/// # #[derive(Debug)] struct Pool; impl Pool { async fn connect() -> Result<Pool, String> { Ok(Pool) } }
/// static POOL: OnceCell<Pool> = OnceCell::new();
///
/// async fn pool() -> Result<&'static Pool, String> {
///     POOL.get_or_try_init(Pool::connect).await
/// }
///
/// let (first, second) = (pool().await?, pool().await?);
/// assert!(std::ptr::eq(first, second));
/// # Ok::<(), String>(())
/// # }).unwrap();
/// ```
///
/// # Initialising from within
///
/// An initialiser that asks the same cell to initialise waits for itself, hence for ever. It may
/// [`get`](Self::get), which tells that there is no value yet.
///
/// # A future that is not polled
///
/// While an initialiser runs, others wait for it, as they do for the holder of a lock: a future that
/// has begun and is neither polled nor dropped holds them up. (One that was only told to begin does
/// not: its turn passes to the others after a millisecond.)
#[doc(alias = "OnceLock")]
#[doc(alias = "sync.Once")]
#[doc(alias = "OnceValue")]
pub struct OnceCell<T> {
    raw: RawOnce,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the cell owns the value; sending it sends the value.
unsafe impl<T: Send> Send for OnceCell<T> {}
// SAFETY: sharing the cell shares the value, and lets one thread put it there and another take it away.
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}
// As for `std::sync::OnceLock`: an initialiser that panics leaves the cell as it was.
impl<T: UnwindSafe> UnwindSafe for OnceCell<T> {}
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceCell<T> {}

impl<T> OnceCell<T> {
    const_fn! {
        /// A cell without a value.
        #[must_use]
        pub const fn new() -> Self {
            OnceCell {
                raw: RawOnce::new(OnceState::INCOMPLETE),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    const_fn! {
        /// A cell that has its value.
        ///
        /// ```
        /// use async_sync::once::OnceCell;
        ///
        /// static PORT: OnceCell<u16> = OnceCell::new_with(8080);
        /// assert_eq!(PORT.get(), Some(&8080));
        /// ```
        #[must_use]
        pub const fn new_with(value: T) -> Self {
            OnceCell {
                raw: RawOnce::new(OnceState::COMPLETE),
                value: UnsafeCell::new(MaybeUninit::new(value)),
            }
        }
    }

    #[inline(always)]
    pub(crate) fn raw(&self) -> &RawOnce {
        &self.raw
    }

    /// # Safety
    ///
    /// The cell has been seen to be set.
    #[inline(always)]
    pub(crate) unsafe fn get_unchecked(&self) -> &T {
        self.value.with(|slot| {
            // SAFETY: it was written before it was said to be set, and is not written again as long
            // as the cell is borrowed.
            unsafe { (*slot).assume_init_ref() }
        })
    }

    /// Puts the value there and tells everybody.
    ///
    /// # Safety
    ///
    /// `right` is the right to initialise this very cell.
    pub(crate) unsafe fn fill(&self, right: Running<'_>, value: T) {
        self.value.with_mut(|slot| {
            // SAFETY: who has the right is alone with the slot, and there is nothing in it yet.
            unsafe { (*slot).write(value) };
        });
        right.complete();
    }

    /// The value, if it is set. One load.
    #[inline(always)]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        if self.raw.is_done() {
            // SAFETY: it is set.
            Some(unsafe { self.get_unchecked() })
        } else {
            None
        }
    }

    /// The value, if it is set: `&mut` proves that nobody else is there.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if self.raw.is_done() {
            // SAFETY: it is set, so the slot has been written, and the cell is ours.
            Some(
                self.value
                    .with_mut(|slot| unsafe { (*slot).assume_init_mut() }),
            )
        } else {
            None
        }
    }

    /// Whether the value is set. False while an initialiser runs.
    #[doc(alias = "is_initialized")]
    #[doc(alias = "initialized")]
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.raw.is_done()
    }

    /// How many futures are queued, to initialise or to wait: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }

    /// The value, which `initialiser` makes if it is not set.
    ///
    /// One initialiser runs at a time; the first that completes sets the value, and all who wait get
    /// it. `initialiser` is not called if the value is set by somebody else. On a cell that is set this
    /// costs one load.
    ///
    /// Works with an `async fn`, an `async` closure, or a closure that returns a future.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before its initialiser has begun gives up its place. Afterwards it cancels
    /// the initialiser, and the next in line runs its own, from the beginning.
    ///
    /// # Fairness
    ///
    /// First come, first served. A caller that was told to begin and is not polled is passed over after
    /// a millisecond, when another one looks.
    ///
    /// # Panics
    ///
    /// A panic of the initialiser comes out of this future, and the next in line takes over: it counts
    /// as not done. (Go's `sync.Once` counts it as done.) The future panics if it is polled after
    /// completion.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::once::OnceCell;
    ///
    /// let cell = OnceCell::new();
    /// let answer = cell.get_or_init(async || 42).await;
    /// assert_eq!(answer, cell.get_or_init(async || unreachable!()).await);
    /// # });
    /// ```
    #[doc(alias = "Do")]
    #[inline(always)]
    pub fn get_or_init<F, Fut>(&self, initialiser: F) -> GetOrInit<'_, T, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        GetOrInit::new(self, initialiser)
    }

    /// The value, which `initialiser` makes, or fails to make, if it is not set.
    ///
    /// As [`get_or_init`](Self::get_or_init). After a failure the cell is as it was, and the next in
    /// line runs its own initialiser.
    ///
    /// # Errors
    ///
    /// What this caller's own initialiser failed with.
    ///
    /// # Cancel safety
    ///
    /// As for [`get_or_init`](Self::get_or_init).
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[inline(always)]
    pub fn get_or_try_init<E, F, Fut>(&self, initialiser: F) -> GetOrTryInit<'_, T, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        GetOrTryInit::new(self, initialiser)
    }

    /// The value, which `initialiser` makes if it is not set, blocking this thread.
    ///
    /// Waits in the same line as the tasks do, in and out of runtimes.
    ///
    /// # Panics
    ///
    /// If `initialiser` panics. It counts as not done then.
    #[cfg(feature = "std")]
    pub fn get_or_init_blocking(&self, initialiser: impl FnOnce() -> T) -> &T {
        match self.get() {
            Some(value) => value,
            None => {
                sync_core::park::block_on(self.get_or_init(|| core::future::ready(initialiser())))
            }
        }
    }

    /// The value, which `initialiser` makes, or fails to make, if it is not set, blocking this thread.
    ///
    /// # Errors
    ///
    /// What `initialiser` failed with.
    ///
    /// # Panics
    ///
    /// If `initialiser` panics. It counts as not done then.
    #[cfg(feature = "std")]
    pub fn get_or_try_init_blocking<E>(
        &self,
        initialiser: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        match self.get() {
            Some(value) => Ok(value),
            None => sync_core::park::block_on(
                self.get_or_try_init(|| core::future::ready(initialiser())),
            ),
        }
    }

    /// Waits until somebody sets the value, without initialising it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on anybody else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
    /// use async_sync::once::OnceCell;
    ///
    /// static CONFIG: OnceCell<String> = OnceCell::new();
    ///
    /// let reader = tokio::spawn(async { CONFIG.wait().await.len() });
    /// CONFIG.set("verbose".to_string()).unwrap();
    /// assert_eq!(reader.await.unwrap(), 7);
    /// # });
    /// ```
    #[inline]
    pub fn wait(&self) -> WaitSet<'_, T> {
        WaitSet::new(self)
    }

    /// Waits until somebody sets the value, blocking this thread.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) -> &T {
        sync_core::park::block_on(self.wait())
    }

    /// Sets the value, unless it is set or being initialised. Never waits.
    ///
    /// Those who wait in line are passed: they get this value.
    ///
    /// # Errors
    ///
    /// The value comes back, with the reason: [`SetError::AlreadySet`], or [`SetError::InProgress`]
    /// while an initialiser runs or has been told to. (In the latter case [`wait`](Self::wait), or try
    /// again: the initialiser may fail.)
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.raw.try_begin() {
            Ok(right) => {
                // SAFETY: it is the right to initialise this cell.
                unsafe { self.fill(right, value) };
                Ok(())
            }
            Err(state) if state.is_done() => Err(SetError::AlreadySet(value)),
            Err(_) => Err(SetError::InProgress(value)),
        }
    }

    /// Takes the value out; the cell may be set again.
    ///
    /// To start anew from within a shared cell, use [`Once`](super::Once) and its
    /// [`reset`](super::Once::reset).
    #[doc(alias = "reset")]
    pub fn take(&mut self) -> Option<T> {
        if !self.raw.is_done() {
            return None;
        }
        let reset = self.raw.reset();
        debug_assert!(reset.is_ok(), "it was done");
        // SAFETY: it was set, so the slot has been written; the cell is ours, and says that the slot
        // is empty from now on.
        Some(
            self.value
                .with_mut(|slot| unsafe { (*slot).assume_init_read() }),
        )
    }

    /// The value, if it is set.
    #[must_use]
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }
}

impl<T> Drop for OnceCell<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for OnceCell<T> {
    /// Without a value.
    fn default() -> Self {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    /// With its value.
    fn from(value: T) -> Self {
        OnceCell::new_with(value)
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    /// A cell of its own with the present value, or without one. Nobody waits for it.
    fn clone(&self) -> Self {
        self.get()
            .cloned()
            .map_or_else(OnceCell::new, OnceCell::new_with)
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    /// Compares the present values; cells without one are equal.
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    /// Never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("OnceCell");
        match self.get() {
            Some(value) => out.field("value", value),
            None if self.raw.is_running() => out.field("value", &format_args!("<in progress>")),
            None => out.field("value", &format_args!("<not set>")),
        };
        out.field("waiters", &self.waiters()).finish()
    }
}
