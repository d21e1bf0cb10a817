//! The named futures of [`Context`].
//!
//! A future that waits looks at the deadline's clock, too: if that has passed, it cancels its own
//! scope, and is ready even where the timer's thread does not get its turn. A background context is
//! never cancelled, so who waits for it does not queue in it.

use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use pin_project_lite::pin_project;
use sync_core::waiters::{Contains, Driver, Waiting};

use super::cause::Cause;
use super::node::Node;
use super::raw::RawCancel;
use super::{Context, walk};

/// Refers to a node: what futures wait for.
#[derive(Clone)]
pub(super) struct Scope(pub(super) Arc<Node>);

// SAFETY: the node is the same as long as `self` exists, and `raw` is a field of it.
unsafe impl Contains<1> for Scope {
    type Raw = RawCancel;

    #[inline]
    fn raw(&self, _: Driver) -> &RawCancel {
        &self.0.raw
    }
}

/// A scope as an owned future has it.
struct Owned(Scope);

impl Deref for Owned {
    type Target = Scope;

    #[inline]
    fn deref(&self) -> &Scope {
        &self.0
    }
}

#[inline]
fn poll_cancelled<H: Deref<Target = Scope>>(
    mut waiting: Pin<&mut Waiting<H>>,
    cx: &mut TaskContext<'_>,
) -> Poll<Cause> {
    let node = &waiting.holder().0;
    if node.is_background() {
        return Poll::Pending;
    }
    if !node.raw.state().is_cancelled() && node.is_overdue() {
        walk::cancel(node, &Cause::DeadlineExceeded).quietly();
    }
    // Nobody is refused.
    let _ = ready!(waiting.as_mut().poll(cx));
    Poll::Ready(waiting.holder().0.cause().unwrap_or(Cause::Canceled))
}

pin_project! {
    /// The future of [`Context::cancelled`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Cancelled<'a> {
        #[pin]
        waiting: Waiting<&'a Scope>,
    }
}

impl<'a> Cancelled<'a> {
    #[inline]
    pub(super) fn new(ctx: &'a Context) -> Self {
        Cancelled {
            waiting: Waiting::borrowed(&ctx.scope, 0),
        }
    }
}

impl Future for Cancelled<'_> {
    type Output = Cause;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Cause> {
        poll_cancelled(self.project().waiting, cx)
    }
}

impl fmt::Debug for Cancelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelled").field(&self.waiting).finish()
    }
}

pin_project! {
    /// The future of [`Context::cancelled_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct CancelledOwned {
        #[pin]
        waiting: Waiting<Owned>,
    }
}

impl CancelledOwned {
    #[inline]
    pub(super) fn new(ctx: Context) -> Self {
        // SAFETY: `Owned` refers to the same node, hence the same primitive, as long as it exists;
        // nothing else of it is referred to.
        let waiting = unsafe { Waiting::new(Owned(ctx.scope), 0) };
        CancelledOwned { waiting }
    }
}

impl Future for CancelledOwned {
    type Output = Cause;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Cause> {
        poll_cancelled(self.project().waiting, cx)
    }
}

impl fmt::Debug for CancelledOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CancelledOwned")
            .field(&self.waiting)
            .finish()
    }
}

pin_project! {
    /// The future of [`Context::run`], spelt [`Run`], and of [`Context::run_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RunOf<F, C> {
        // None when it is over: what it held is given back before anybody is told.
        #[pin]
        future: Option<F>,
        #[pin]
        cancelled: C,
    }
}

/// The future of [`Context::run`].
pub type Run<'a, F> = RunOf<F, Cancelled<'a>>;

/// The future of [`Context::run_owned`].
pub type RunOwned<F> = RunOf<F, CancelledOwned>;

impl<F, C> RunOf<F, C> {
    #[inline]
    pub(super) fn new(future: F, cancelled: C) -> Self {
        RunOf {
            future: Some(future),
            cancelled,
        }
    }
}

impl<F: Future, C: Future<Output = Cause>> Future for RunOf<F, C> {
    type Output = Result<F::Output, Cause>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("a future was polled after it had completed");
        };
        // The future first: if it is ready, it is, whatever else has happened.
        let result = match future.poll(cx) {
            Poll::Ready(out) => Ok(out),
            Poll::Pending => Err(ready!(this.cancelled.poll(cx))),
        };
        this.future.set(None);
        Poll::Ready(result)
    }
}

impl<F, C> fmt::Debug for RunOf<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("over", &self.future.is_none())
            .finish_non_exhaustive()
    }
}
