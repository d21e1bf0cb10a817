//! Something that is done once, and may be undone.

use core::fmt;
use core::panic::RefUnwindSafe;

use sync_core::const_fn;
use sync_core::word::OnceState;

use super::error::InProgress;
use super::futures::{CallOnce, CallOnceTry, WaitDone};
use super::raw::RawOnce;

/// Runs something once, whoever asks for it, and lets everybody else wait until it is done.
///
/// From Go's `sync.Once`, with what its users asked for: an operation that [may
/// fail](Self::call_once_try), a look whether [it is done](Self::is_done), a [`reset`](Self::reset).
/// Use [`OnceCell`](super::OnceCell) if it makes a value.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use async_sync::once::Once;
///
/// static MIGRATED: Once = Once::new();
/// # async fn migrate() {}
///
/// let tasks: Vec<_> = (0..10)
///     .map(|_| {
///         tokio::spawn(async {
///             MIGRATED.call_once(migrate).await;
///             assert!(MIGRATED.is_done()); // for each of them
///         })
///     })
///     .collect();
/// for task in tasks {
///     task.await.unwrap();
/// }
/// # });
/// ```
///
/// # Panics and cancelled runs
///
/// A run that panics or is dropped does not count: the next in line runs *its own* function. (In Go
/// a panic counts as done, and whoever comes later finds nothing prepared. If that is wanted, catch
/// the panic within the function.)
///
/// # Calling from within
///
/// A function that calls the same `Once` waits for itself, hence for ever.
#[doc(alias = "sync.Once")]
pub struct Once {
    raw: RawOnce,
}

// A run that panics leaves it as it was.
impl RefUnwindSafe for Once {}

impl Once {
    const_fn! {
        /// Not done yet.
        #[must_use]
        pub const fn new() -> Self {
            Once { raw: RawOnce::new(OnceState::INCOMPLETE) }
        }
    }

    /// Runs `f`, unless it is done already; returns when it is done.
    ///
    /// One function runs at a time. `f` is not called if somebody else's completes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before `f` has begun gives up its place. Afterwards it cancels `f`, and the
    /// next in line runs its own.
    ///
    /// # Fairness
    ///
    /// First come, first served. A caller that was told to begin and is not polled is passed over after
    /// a millisecond, when another one looks. One that has begun and is not polled holds up the
    /// others, as the holder of a lock does.
    ///
    /// # Panics
    ///
    /// A panic of `f` comes out of this future; it does not count as done. The future panics if it is
    /// polled after completion.
    #[doc(alias = "Do")]
    #[doc(alias = "do_once")]
    #[inline]
    pub fn call_once<F, Fut>(&self, f: F) -> CallOnce<'_, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = ()>,
    {
        CallOnce::new(&self.raw, f)
    }

    /// Runs `f`, which may fail, unless it is done already.
    ///
    /// As [`call_once`](Self::call_once); only a success counts as done. After a failure the next in
    /// line runs its own function.
    ///
    /// # Errors
    ///
    /// What this caller's own function failed with.
    ///
    /// # Cancel safety
    ///
    /// As for [`call_once`](Self::call_once).
    ///
    /// # Panics
    ///
    /// As [`call_once`](Self::call_once).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::once::Once;
    ///
    /// let once = Once::new();
    /// assert_eq!(once.call_once_try(async || Err("no network")).await, Err("no network"));
    /// assert!(!once.is_done());
    /// assert_eq!(once.call_once_try(async || Ok::<_, &str>(())).await, Ok(()));
    /// assert!(once.is_done());
    /// # });
    /// ```
    #[doc(alias = "Do")]
    #[inline]
    pub fn call_once_try<E, F, Fut>(&self, f: F) -> CallOnceTry<'_, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<(), E>>,
    {
        CallOnceTry::new(&self.raw, f)
    }

    /// Runs `f`, unless it is done already, blocking this thread.
    ///
    /// Waits in the same line as the tasks do, in and out of runtimes.
    ///
    /// # Panics
    ///
    /// If `f` panics. It does not count as done then.
    #[cfg(feature = "std")]
    pub fn call_once_blocking(&self, f: impl FnOnce()) {
        if !self.is_done() {
            sync_core::park::block_on(self.call_once(|| {
                f();
                core::future::ready(())
            }));
        }
    }

    /// Runs `f`, which may fail, unless it is done already, blocking this thread.
    ///
    /// # Errors
    ///
    /// What `f` failed with.
    ///
    /// # Panics
    ///
    /// If `f` panics. It does not count as done then.
    #[cfg(feature = "std")]
    pub fn call_once_try_blocking<E>(&self, f: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        if self.is_done() {
            return Ok(());
        }
        sync_core::park::block_on(self.call_once_try(|| core::future::ready(f())))
    }

    /// Whether it is done: false before, false while it runs, true afterwards.
    ///
    /// If it is, everything that was done is seen.
    #[doc(alias = "Done")]
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.raw.is_done()
    }

    /// Waits until somebody has done it, without doing it.
    ///
    /// The wait ends also if it has been [reset](Self::reset) since.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on anybody else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[inline]
    pub fn wait(&self) -> WaitDone<'_> {
        WaitDone::new(&self.raw)
    }

    /// Waits until somebody has done it, blocking this thread.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) {
        sync_core::park::block_on(self.wait());
    }

    /// Back to the beginning: the next call runs its function again.
    ///
    /// Nothing happens if it has not been done. Those who waited for the run that is undone by this
    /// return; those who come later wait for the next one.
    ///
    /// # Errors
    ///
    /// [`InProgress`] while a function runs or has been told to, so also from inside of one. Then
    /// nothing has changed.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::once::{InProgress, Once};
    ///
    /// let (once, mut runs) = (Once::new(), 0);
    /// once.call_once(async || {
    ///     runs += 1;
    ///     assert_eq!(once.reset(), Err(InProgress));
    /// })
    /// .await;
    /// once.reset()?;
    /// once.call_once(async || runs += 1).await;
    /// assert_eq!(runs, 2);
    /// # Ok::<(), InProgress>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "Reset")]
    pub fn reset(&self) -> Result<(), InProgress> {
        self.raw.reset().map_err(|_| InProgress)
    }

    /// How many futures are queued, to do it or to wait: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }
}

impl Default for Once {
    fn default() -> Self {
        Once::new()
    }
}

impl fmt::Debug for Once {
    /// Never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once")
            .field("done", &self.is_done())
            .field("running", &self.raw.is_running())
            .field("waiters", &self.waiters())
            .finish()
    }
}
