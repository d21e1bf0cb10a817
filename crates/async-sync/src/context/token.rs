//! To and from `tokio_util::sync::CancellationToken`.

use tokio_util::sync::CancellationToken;

use super::alarm::Alarm;
use super::{Cause, Context, OnCancel};

impl Context {
    /// A child that is cancelled by `token`, too.
    ///
    /// No task is needed for that: who cancels the token cancels the child.
    ///
    /// ```
    /// use async_sync::Context;
    /// use tokio_util::sync::CancellationToken;
    ///
    /// let token = CancellationToken::new();
    /// let ctx = Context::background().child_of_token(&token);
    /// token.cancel();
    /// assert!(ctx.is_cancelled());
    /// ```
    #[must_use]
    pub fn child_of_token(&self, token: &CancellationToken) -> Context {
        let child = self.child();
        if token.is_cancelled() {
            child.cancel();
        } else {
            let cancelled = Box::pin(token.clone().cancelled_owned());
            Alarm::set(child.node(), Cause::Canceled, cancelled);
        }
        child
    }

    /// A token that is cancelled with this context, as long as the second value is not dropped.
    ///
    /// ```
    /// use async_sync::Context;
    ///
    /// let ctx = Context::new();
    /// let (token, linked) = ctx.to_token();
    /// ctx.cancel();
    /// assert!(token.is_cancelled());
    /// drop(linked);
    /// ```
    pub fn to_token(&self) -> (CancellationToken, OnCancel) {
        let token = CancellationToken::new();
        let theirs = token.clone();
        let linked = self.on_cancel(move |_| theirs.cancel());
        (token, linked)
    }
}

impl From<&CancellationToken> for Context {
    /// A context that is cancelled by the token.
    fn from(token: &CancellationToken) -> Self {
        Context::background().child_of_token(token)
    }
}

impl From<CancellationToken> for Context {
    /// A context that is cancelled by the token.
    fn from(token: CancellationToken) -> Self {
        Context::from(&token)
    }
}
