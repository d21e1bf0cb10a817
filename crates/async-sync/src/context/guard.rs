//! A value that cancels when it is dropped.

use std::fmt;
use std::ops::Deref;

use super::Context;

/// Cancels its context when it is dropped, by a panic or a cancellation, too. Made by
/// [`Context::cancel_on_drop`].
///
/// Go's `defer cancel()`.
#[must_use = "dropped at once, this cancels at once"]
pub struct CancelOnDrop {
    ctx: Context,
    armed: bool,
}

impl CancelOnDrop {
    pub(super) fn new(ctx: Context) -> Self {
        CancelOnDrop { ctx, armed: true }
    }

    /// Gives the context back; dropping the guard does nothing any more.
    #[must_use]
    pub fn disarm(mut self) -> Context {
        self.armed = false;
        self.ctx.clone()
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.ctx
    }
}

impl Deref for CancelOnDrop {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.ctx
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.armed {
            self.ctx.cancel();
        }
    }
}

impl fmt::Debug for CancelOnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelOnDrop").field(&self.ctx).finish()
    }
}
