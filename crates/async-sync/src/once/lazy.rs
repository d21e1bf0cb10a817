//! A cell that carries its initialiser.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::fmt;
#[cfg(feature = "alloc")]
use core::pin::Pin;

use sync_core::const_fn;

use super::cell::OnceCell;
use super::futures::{GetOrInit, WaitSet};

/// What a [`Lazy`] in a `static` is initialised by: a function without captures that boxes its future,
/// since a `static` cannot name it. The box is made once, by the caller who initialises.
#[cfg(feature = "alloc")]
pub type Boxed<T> = fn() -> Pin<Box<dyn Future<Output = T> + Send>>;

/// A value that is initialised, asynchronously, by the first who asks for it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::once::Lazy;
///
/// # struct Config { port: u16 } async fn load() -> Config { Config { port: 8080 } }
/// static CONFIG: Lazy<Config> = Lazy::new(|| Box::pin(load()));
///
/// assert!(CONFIG.get().is_none());
/// assert_eq!(CONFIG.force().await.port, 8080);
/// # });
/// ```
///
/// Elsewhere the future need not be boxed:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::once::Lazy;
///
/// let name = "world";
/// let greeting = Lazy::new(async || format!("hello, {name}"));
/// assert_eq!(*greeting.force().await, "hello, world");
/// # });
/// ```
///
/// It cannot be dereferenced as `std::sync::LazyLock` can: that would have to block.
///
/// # Cancelled and failed runs
///
/// The initialiser is a function that can be called again, and it is: when the caller who runs it is
/// dropped, or it panics, the next caller starts it from the beginning. The work of the cancelled
/// run is lost. Spawn the work in the initialiser, and await its handle, if it must not be.
/// (For an initialiser that may fail, use [`OnceCell::get_or_try_init`].)
pub struct Lazy<T, #[cfg(feature = "alloc")] F = Boxed<T>, #[cfg(not(feature = "alloc"))] F> {
    cell: OnceCell<T>,
    initialiser: F,
}

/// The future of [`Lazy::force`].
pub type Force<'a, T, F, Fut> = GetOrInit<'a, T, &'a F, Fut>;

impl<T, F> Lazy<T, F> {
    const_fn! {
        /// Not initialised yet.
        #[must_use]
        pub const fn new(initialiser: F) -> Self {
            Lazy { cell: OnceCell::new(), initialiser }
        }
    }

    /// The value, which the initialiser makes if nobody has asked for it yet.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the initialiser if this caller runs it; the next caller starts it
    /// again.
    ///
    /// # Panics
    ///
    /// If the initialiser does; the next caller starts it again. The future panics if it is polled
    /// after completion.
    #[inline(always)]
    pub fn force<Fut>(&self) -> Force<'_, T, F, Fut>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = T>,
    {
        self.cell.get_or_init(&self.initialiser)
    }

    /// The value, which the initialiser makes if nobody has asked for it yet, blocking this thread,
    /// which polls the initialiser.
    ///
    /// # Panics
    ///
    /// As [`force`](Self::force). An initialiser that needs a runtime (tokio's timers, say) panics
    /// outside of one.
    #[cfg(feature = "std")]
    pub fn force_blocking<Fut>(&self) -> &T
    where
        F: Fn() -> Fut,
        Fut: Future<Output = T>,
    {
        match self.get() {
            Some(value) => value,
            None => sync_core::park::block_on(self.force()),
        }
    }

    /// The value, if somebody has initialised it.
    #[inline(always)]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.cell.get()
    }

    /// The value, if somebody has initialised it: `&mut` proves that nobody else is there.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.cell.get_mut()
    }

    /// Waits until somebody has initialised it, without doing so.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on anybody else.
    #[inline]
    pub fn wait(&self) -> WaitSet<'_, T> {
        self.cell.wait()
    }

    /// How many futures are queued: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.cell.waiters()
    }

    /// The value, if somebody has initialised it.
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.cell.into_inner()
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Lazy<T, F> {
    /// Never waits, and initialises nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lazy").field(&self.cell).finish()
    }
}
