//! Tokens: counting down when dropped.

use core::fmt;
use core::ops::Deref;

use super::Latch;

/// Counts down a [`Latch`] when it is dropped.
///
/// Spelt [`Token`] or [`OwnedToken`].
#[must_use = "if unused the token is dropped, and counts down, at once"]
#[clippy::has_significant_drop]
pub struct TokenOf<H: Deref<Target = Latch>> {
    latch: H,
}

/// What [`Latch::token`] returns.
pub type Token<'a> = TokenOf<&'a Latch>;

/// What [`Latch::token_owned`] returns.
#[cfg(feature = "alloc")]
pub type OwnedToken = TokenOf<alloc::sync::Arc<Latch>>;

impl<H: Deref<Target = Latch>> TokenOf<H> {
    #[inline]
    pub(super) fn new(latch: H) -> Self {
        TokenOf { latch }
    }

    /// The latch that it counts down.
    #[must_use]
    pub fn latch(&self) -> &Latch {
        &self.latch
    }
}

impl<H: Deref<Target = Latch>> Drop for TokenOf<H> {
    #[inline]
    fn drop(&mut self) {
        self.latch.count_down();
    }
}

impl<H: Deref<Target = Latch>> fmt::Debug for TokenOf<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("latch", &*self.latch)
            .finish()
    }
}
