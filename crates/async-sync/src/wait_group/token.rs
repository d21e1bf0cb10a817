//! Tokens: being counted, until dropped.

use core::fmt;
use core::ops::Deref;

use super::WaitGroup;

/// Being counted by a [`WaitGroup`], until dropped.
///
/// Spelt [`Token`] or [`OwnedToken`].
#[must_use = "if unused the token is dropped, and done, at once"]
#[clippy::has_significant_drop]
pub struct TokenOf<H: Deref<Target = WaitGroup>> {
    group: H,
}

/// What [`WaitGroup::add`] returns.
pub type Token<'a> = TokenOf<&'a WaitGroup>;

/// What [`WaitGroup::add_owned`] returns.
#[cfg(feature = "alloc")]
pub type OwnedToken = TokenOf<alloc::sync::Arc<WaitGroup>>;

impl<H: Deref<Target = WaitGroup>> TokenOf<H> {
    #[inline]
    pub(super) fn new(group: H) -> Self {
        group.raw.add_one();
        TokenOf { group }
    }

    /// The group that counts this token.
    #[must_use]
    pub fn group(&self) -> &WaitGroup {
        &self.group
    }
}

impl<H: Deref<Target = WaitGroup> + Clone> Clone for TokenOf<H> {
    /// Takes another token, which is possible even while somebody waits: this one keeps the round
    /// open.
    ///
    /// # Panics
    ///
    /// If there are [`RawWaitGroup::MAX`](super::RawWaitGroup::MAX) tokens.
    fn clone(&self) -> Self {
        TokenOf::new(self.group.clone())
    }
}

impl<H: Deref<Target = WaitGroup>> Drop for TokenOf<H> {
    #[inline]
    fn drop(&mut self) {
        self.group.raw.done_one();
    }
}

impl<H: Deref<Target = WaitGroup>> fmt::Debug for TokenOf<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("group", &*self.group)
            .finish()
    }
}

#[cfg(feature = "alloc")]
mod tracked {
    use super::OwnedToken;
    use core::pin::Pin;
    use core::task::{Context, Poll};
    use pin_project_lite::pin_project;

    pin_project! {
        /// A future that holds a token, made by [`WaitGroup::track`](super::WaitGroup::track).
        ///
        /// The token is given back when the future completes, or when this is dropped.
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        #[derive(Debug)]
        pub struct Tracked<F> {
            // Dropped first: if this is dropped before completion, what the future owns is gone by the
            // time the group hears of it.
            #[pin]
            future: F,
            token: Option<OwnedToken>,
        }
    }

    impl<F> Tracked<F> {
        pub(in crate::wait_group) fn new(token: OwnedToken, future: F) -> Self {
            Tracked {
                future,
                token: Some(token),
            }
        }
    }

    impl<F: Future> Future for Tracked<F> {
        type Output = F::Output;

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
            let this = self.project();
            let polled = this.future.poll(cx);
            if polled.is_ready() {
                *this.token = None;
            }
            polled
        }
    }
}
#[cfg(feature = "alloc")]
pub use tracked::Tracked;
