//! A value that cancels when it is dropped.

use std::fmt;

use super::{Cause, Context};

/// Cancels its context when it is dropped, by a panic or a cancellation, too. Made by
/// [`Context::cancel_on_drop`].
///
/// Go's `defer cancel()`.
#[must_use = "dropped at once, this cancels at once"]
pub struct CancelOnDrop {
    ctx: Option<Context>,
}

impl CancelOnDrop {
    pub(super) fn new(ctx: Context) -> Self {
        CancelOnDrop { ctx: Some(ctx) }
    }

    /// Gives the context back; dropping the guard does nothing any more.
    #[must_use]
    pub fn disarm(mut self) -> Context {
        self.ctx.take().expect("taken only here")
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.ctx.as_ref().expect("taken only by `disarm`")
    }
}

impl std::ops::Deref for CancelOnDrop {
    type Target = Context;

    fn deref(&self) -> &Context {
        self.context()
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(ctx) = &self.ctx {
            ctx.cancel_with(Cause::Canceled);
        }
    }
}

impl fmt::Debug for CancelOnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelOnDrop").field(&self.ctx).finish()
    }
}
