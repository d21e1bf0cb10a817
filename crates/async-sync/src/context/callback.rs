//! Functions that are called when a context is cancelled, and the handle that withdraws one.
//!
//! A callback is in its node's slab until it begins; whoever takes it out of there, under the lock,
//! has it: the one that cancels, to call it, or its handle, to drop it. So it is called once or not
//! at all, and both know which.

use std::fmt;
use std::sync::Arc;

use super::Context;
use super::node::Node;

/// A function that waits for the cancellation of a context: made by
/// [`Context::on_cancel`]. Dropping this withdraws the function.
#[must_use = "dropping this withdraws the callback; `detach` leaves it there"]
pub struct OnCancel {
    node: Arc<Node>,
    /// None: it began at once.
    key: Option<usize>,
}

impl OnCancel {
    pub(super) fn enter(
        ctx: &Context,
        callback: impl FnOnce(&super::Cause) + Send + 'static,
    ) -> Self {
        let node = Arc::clone(ctx.node());
        // A deadline that has passed may have nobody left to call.
        let mut callback: Option<super::node::Callback> = Some(Box::new(callback));
        let key = if node.is_overdue() {
            None
        } else {
            let mut inner = node.lock();
            // Under the lock: whoever cancels looks at the callbacks after that.
            let alive = !node.raw.state().is_cancelled() && !node.is_background();
            callback
                .take_if(|_| alive)
                .map(|callback| inner.callbacks.insert(callback))
        };
        if key.is_none()
            && let (Some(callback), Some(cause)) = (callback, node.cause())
        {
            callback(&cause);
        }
        OnCancel { node, key }
    }

    /// Withdraws the function. Returns whether it had not begun: if so, it never will.
    ///
    /// If not, it has been called or is being called by another thread; this does not wait for it.
    #[allow(clippy::must_use_candidate, reason = "to withdraw it is the purpose")]
    pub fn stop(mut self) -> bool {
        self.withdraw() // and `drop` finds nothing to do
    }

    /// Leaves the function in its place. It is called when the context is cancelled, or dropped when
    /// the last handle of the context, the last child and the last future that waits are.
    pub fn detach(self) {
        let mut this = self;
        this.key = None;
    }

    fn withdraw(&mut self) -> bool {
        let Some(key) = self.key.take() else {
            return false;
        };
        // Nothing is entered after the cancellation, so the key is ours for ever. The function, whose
        // destructor is foreign, is dropped without the lock.
        let callback = self.node.lock().callbacks.try_remove(key);
        callback.is_some()
    }
}

impl Drop for OnCancel {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl fmt::Debug for OnCancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnCancel").finish_non_exhaustive()
    }
}
