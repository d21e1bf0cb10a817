//! Waiting for a set of tasks: [`WaitGroup`] with tokens, [`RawWaitGroup`] counted by hand.

#[cfg(all(test, loom))]
mod loom;
mod raw;
mod token;

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use sync_core::const_fn;

pub use raw::{RawWait, RawWaitGroup};
#[cfg(feature = "alloc")]
pub use token::OwnedToken;
#[cfg(feature = "alloc")]
pub use token::Tracked;
pub use token::{Token, TokenOf};

/// Waits until all tokens that were taken are dropped.
///
/// A [token](Self::add) is dropped when its task ends, however it ends: the count can neither go
/// below zero, nor stay above it because of a panic or a cancelled task.
///
/// From Go's `sync.WaitGroup`; [`track`](Self::track) is its `Go`. The group may be used again, and
/// even while waiters of the last round have not returned yet.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use async_sync::WaitGroup;
///
/// let group = Arc::new(WaitGroup::new());
/// for n in 0..10 {
///     let token = group.add_owned();
///     tokio::spawn(async move {
///         let _token = token; // before the first await
///         tokio::task::yield_now().await;
///         assert_ne!(n, 7, "a panic counts as done");
///     });
/// }
/// group.wait().await;
/// # });
/// ```
#[doc(alias = "sync.WaitGroup")]
pub struct WaitGroup {
    raw: RawWaitGroup,
}

impl WaitGroup {
    const_fn! {
        /// A group without tokens.
        #[must_use]
        pub const fn new() -> Self {
            WaitGroup { raw: RawWaitGroup::new() }
        }
    }

    /// Takes a token. Take it before the task is spawned: a group that nobody has joined yet does
    /// not wait.
    ///
    /// # Panics
    ///
    /// If there are [`RawWaitGroup::MAX`] tokens.
    #[doc(alias = "Add")]
    #[inline]
    pub fn add(&self) -> Token<'_> {
        TokenOf::new(self)
    }

    /// Takes a token that keeps the `Arc` and so may go anywhere.
    ///
    /// # Panics
    ///
    /// If there are [`RawWaitGroup::MAX`] tokens.
    #[cfg(feature = "alloc")]
    #[inline]
    pub fn add_owned(self: &Arc<Self>) -> OwnedToken {
        TokenOf::new(Arc::clone(self))
    }

    /// Wraps `future` so that it holds a token from now on until it completes or is dropped.
    ///
    /// The token is taken by this call, not by the first poll, so the group waits for a task that
    /// has been spawned and not yet run.
    ///
    /// # Panics
    ///
    /// If there are [`RawWaitGroup::MAX`] tokens.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use std::sync::Arc;
    /// use async_sync::WaitGroup;
    ///
    /// let group = Arc::new(WaitGroup::new());
    /// let task = tokio::spawn(group.track(async { 42 }));
    /// group.wait().await;
    /// assert_eq!(task.await.unwrap(), 42);
    /// # });
    /// ```
    #[cfg(feature = "alloc")]
    #[doc(alias = "Go")]
    pub fn track<F: Future>(self: &Arc<Self>, future: F) -> Tracked<F> {
        Tracked::new(self.add_owned(), future)
    }

    /// Waits until no token is left.
    ///
    /// Returns at once if there is none. Otherwise the wait ends when the last token of this round
    /// is dropped, even if others have been taken before this task runs.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on anybody else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "Wait")]
    #[inline]
    pub fn wait(&self) -> Wait<'_> {
        self.raw.wait()
    }

    /// Waits until no token is left, blocking this thread.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) {
        self.raw.wait_blocking();
    }

    /// How many tokens there are: a snapshot.
    #[must_use]
    pub fn count(&self) -> usize {
        self.raw.count()
    }

    /// How many futures wait: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.raw.waiters()
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("count", &self.count())
            .field("waiters", &self.waiters())
            .finish()
    }
}

/// The future of [`WaitGroup::wait`].
pub type Wait<'a> = RawWait<'a>;
