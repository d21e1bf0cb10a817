//! What a group hands to its tasks, so that they can stop: a scope of async-sync's tree of contexts.
//!
//! The token is a [`Context`](async_sync::Context) under a name that says what it is for; the group
//! makes a new one for each round, below the context that the group was given, if it was.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use async_sync::Context;
use async_sync::context::CancelledOwned;
use pin_project_lite::pin_project;

/// Tells tasks that they should stop. Clones share one scope.
///
/// A group makes one, gives it to the closures of [`spawn_with`], and cancels it as its
/// [`CancelPolicy`] says. It can also be made and used alone. It is a [`Context`] that knows less:
/// [`context`](Self::context) is for those who want causes, deadlines, values or children.
///
/// [`spawn_with`]: super::ErrGroupHandle::spawn_with
/// [`CancelPolicy`]: super::CancelPolicy
///
/// # Examples
///
/// ```
/// use orchestration::errgroup::CancelToken;
///
/// # mini_executor::block_on(async {
/// let token = CancelToken::new();
/// let other = token.clone();
/// assert!(!other.is_cancelled());
/// token.cancel();
/// other.cancelled().await;
/// assert!(other.is_cancelled());
/// # });
/// ```
#[derive(Clone, Default)]
#[doc(alias = "WithCancel")]
pub struct CancelToken {
    context: Context,
}

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The token's scope. What is run in it ([`Context::run`]) ends with it, and so do its children.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Cancels: every [`cancelled`](Self::cancelled), present and future, completes. Cancelling
    /// again does nothing.
    ///
    /// # Panics
    ///
    /// If a foreign waker panics, after all the others have been woken.
    pub fn cancel(&self) {
        self.context.cancel();
    }

    /// Whether the token was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.context.is_cancelled()
    }

    /// Waits until the token is cancelled. The future does not borrow the token.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect but that its waker is forgotten.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled {
            waiting: self.context.cancelled_owned(),
        }
    }
}

impl From<Context> for CancelToken {
    fn from(context: Context) -> Self {
        Self { context }
    }
}

impl From<CancelToken> for Context {
    fn from(token: CancelToken) -> Self {
        token.context
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`CancelToken::cancelled`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Cancelled {
        #[pin]
        waiting: CancelledOwned,
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.project().waiting.poll(cx).map(drop)
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled").finish_non_exhaustive()
    }
}
