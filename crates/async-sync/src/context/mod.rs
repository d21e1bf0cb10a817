//! Contexts: a tree of scopes that are cancelled from above, with a cause, deadlines and values.
//!
//! # States
//!
//! A scope is alive, then cancelled for ever, with the cause that came first. Its word
//! ([`CancelWord`](sync_core::word::CancelWord)) says so in one load, and has a bit for "somebody
//! waits" and one for "everything below is cancelled, too". Beside the word are a queue of those who
//! wait (`raw`), the children and the callbacks (`node`).
//!
//! # Transitions
//!
//! ```text
//! child       entered in its parents under their locks; born cancelled if one of them is
//! cancel      this scope, then all below, breadth first; then all who wait; then the callbacks
//! deadline    a sleep that is polled by its own wake-up cancels its scope (`alarm`)
//! last drop   the scope leaves its parents: one lock, one slot
//! ```
//!
//! # Invariants
//!
//! 1. When a call of `cancel` returns, and when the first waker or callback runs, everything below is
//!    cancelled (`walk`).
//! 2. A parent does not keep its children. A child keeps its parents.
//! 3. No recursion, nor any memory for the tree's depth: neither to cancel nor to drop.
//! 4. Nothing foreign runs under a lock.

mod alarm;
mod callback;
mod cause;
#[cfg(feature = "runtime")]
mod deadline;
mod futures;
mod guard;
#[cfg(all(test, loom))]
mod loom;
mod node;
mod raw;
#[cfg(feature = "tokio-util")]
mod token;
mod values;
mod walk;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Instant;

pub use callback::OnCancel;
pub use cause::Cause;
pub use futures::{Cancelled, CancelledOwned, Run, RunOf, RunOwned};
pub use guard::CancelOnDrop;

use futures::Scope;
use node::Node;
use values::Values;

/// A scope of work that can be cancelled from outside, and what belongs to it: a deadline, values.
///
/// Go's `context.Context`, and tokio-util's `CancellationToken`. Cloning gives another handle of the
/// same scope; [`child`](Self::child) makes a scope below it, which is cancelled with it, and can be
/// cancelled alone. So give away a child, if the other side shall not be able to cancel your scope.
///
/// Everything that waits takes part in it through [`run`](Self::run); no operation has a variant of
/// its own for that.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// use async_sync::{Context, Event};
///
/// let service = Context::new();
/// let database_is_up = Event::new();
///
/// let request = service.child();
/// let handler = tokio::spawn(async move {
///     request.run(database_is_up.wait()).await?;
///     Ok::<_, async_sync::context::Cause>("served")
/// });
///
/// service.cancel(); // the service goes down
/// assert_eq!(handler.await.unwrap().unwrap_err().to_string(), "context canceled");
/// # });
/// ```
///
/// # The life of a scope
///
/// It lives as long as a handle, a child, or a future that waits for it. Its parent does not keep it:
/// a request that is done drops its context, and needs to cancel it only if others have clones.
/// A child keeps its parents: a line of scopes, each made as the child of the one before, takes memory
/// until the last of them is gone. Make the next one from the root, or from a parent that stays.
#[doc(alias = "CancellationToken")]
#[derive(Clone)]
pub struct Context {
    scope: Scope,
    values: Values,
}

impl Context {
    /// The context from which others come: never cancelled, without deadline and values.
    ///
    /// [`cancel`](Self::cancel) does nothing to it. To make a root that can be cancelled, use
    /// [`new`](Self::new).
    #[doc(alias = "TODO")]
    #[must_use]
    pub fn background() -> Self {
        #[cfg(not(any(loom, shuttle)))]
        let node = {
            static BACKGROUND: std::sync::OnceLock<Arc<Node>> = std::sync::OnceLock::new();
            Arc::clone(BACKGROUND.get_or_init(|| Node::root(true)))
        };
        #[cfg(any(loom, shuttle))]
        let node = Node::root(true);
        Context::of(node, None)
    }

    /// A root that can be cancelled.
    #[must_use]
    pub fn new() -> Self {
        Context::of(Node::root(false), None)
    }

    #[inline]
    fn of(node: Arc<Node>, values: Values) -> Self {
        Context {
            scope: Scope(node),
            values,
        }
    }

    #[inline]
    fn node(&self) -> &Arc<Node> {
        &self.scope.0
    }

    /// A scope below this one: cancelled with it, or alone.
    ///
    /// Making one takes the parent's lock for a moment, as does dropping it, however many others there
    /// are.
    #[doc(alias = "WithCancel")]
    #[doc(alias = "with_cancel")]
    #[doc(alias = "child_token")]
    #[must_use]
    pub fn child(&self) -> Self {
        Context::of(Node::child_of([self.node()], None), self.values.clone())
    }

    /// A scope below several others: cancelled with the first of them that is. It has the earliest
    /// deadline, and the values of the first parent.
    ///
    /// ```
    /// use async_sync::Context;
    ///
    /// let (service, request) = (Context::new(), Context::new());
    /// let both = Context::child_of([&request, &service]);
    /// service.cancel();
    /// assert!(both.is_cancelled() && !request.is_cancelled());
    /// ```
    #[must_use]
    pub fn child_of<'a>(parents: impl IntoIterator<Item = &'a Context>) -> Self {
        let mut values = None;
        let mut first = true;
        let nodes = parents.into_iter().map(|parent| {
            if std::mem::take(&mut first) {
                values = parent.values.clone();
            }
            parent.node()
        });
        let node = Node::child_of(nodes, None);
        Context::of(node, values)
    }

    /// A root with the values of this context: what has to be done even if this one is cancelled.
    #[doc(alias = "WithoutCancel")]
    #[must_use]
    pub fn detached(&self) -> Self {
        Context::of(Node::root(false), self.values.clone())
    }

    /// A handle of the same scope with one value more.
    ///
    /// A type has one value, the newest: use a type of your own for each meaning. Values are for what
    /// belongs to a request and crosses code that does not know it, a trace id for example; not for
    /// parameters.
    ///
    /// ```
    /// use async_sync::Context;
    ///
    /// #[derive(Debug, PartialEq)]
    /// struct TraceId(u64);
    ///
    /// let ctx = Context::new().with_value(TraceId(1));
    /// let child = ctx.child();
    /// assert_eq!(child.value::<TraceId>(), Some(&TraceId(1)));
    ///
    /// let inner = child.with_value(TraceId(2));
    /// assert_eq!(inner.value::<TraceId>(), Some(&TraceId(2)));
    /// assert_eq!(child.value::<TraceId>(), Some(&TraceId(1)));
    /// ```
    #[doc(alias = "WithValue")]
    #[must_use]
    pub fn with_value<T: Send + Sync + 'static>(&self, value: T) -> Self {
        Context {
            scope: self.scope.clone(),
            values: values::with(&self.values, value),
        }
    }

    /// The newest value of a type. Looks at one value after the other.
    #[doc(alias = "Value")]
    #[must_use]
    pub fn value<T: Send + Sync + 'static>(&self) -> Option<&T> {
        values::find(&self.values)
    }

    /// When it will be cancelled at the latest: its own deadline or that of an ancestor, whichever is
    /// earlier.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.node().deadline()
    }

    /// Cancels this scope and everything below it, with the cause [`Canceled`](Cause::Canceled).
    /// Returns whether it was alive.
    ///
    /// Whatever it returns, everything below is cancelled by then, and all waiting futures of what it
    /// cancelled have been woken and all callbacks called, by this call. (Of what another thread has
    /// cancelled, that one may still be calling.) Takes a time proportional to the number of scopes
    /// below.
    ///
    /// # Panics
    ///
    /// If a callback or a foreign waker panics: the first panic goes on after all the others have been
    /// called, unless the thread panics already.
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn cancel(&self) -> bool {
        self.cancel_with(Cause::Canceled)
    }

    /// As [`cancel`](Self::cancel), with a cause.
    ///
    /// # Panics
    ///
    /// As `cancel`.
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn cancel_with(&self, cause: Cause) -> bool {
        let node = self.node();
        if node.is_overdue() {
            // It counts as cancelled already.
            walk::cancel(node, &Cause::DeadlineExceeded).resume();
            return false;
        }
        walk::cancel(node, &cause).resume()
    }

    /// Whether it is cancelled. If so, what was done before the call that cancelled it is seen.
    ///
    /// One load; and a look at the timer's clock, if there is a deadline.
    #[inline]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.node().is_cancelled()
    }

    /// Why it is cancelled; `None` while it is not. Once there is a cause, it does not change.
    #[doc(alias = "Err")]
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.node().cause()
    }

    /// For loops that do not wait: `ctx.check()?`.
    ///
    /// # Errors
    ///
    /// The cause, if it is cancelled.
    #[inline]
    pub fn check(&self) -> Result<(), Cause> {
        if self.is_cancelled() {
            Err(self.cause().unwrap_or(Cause::Canceled))
        } else {
            Ok(())
        }
    }

    /// Waits until it is cancelled, and tells why.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on anybody else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion.
    #[doc(alias = "Done")]
    #[inline]
    pub fn cancelled(&self) -> Cancelled<'_> {
        Cancelled::new(self)
    }

    /// As [`cancelled`](Self::cancelled), with a future that has a handle of its own.
    #[inline]
    pub fn cancelled_owned(&self) -> CancelledOwned {
        CancelledOwned::new(self.clone())
    }

    /// Waits until it is cancelled, blocking this thread. For ever, if it is the background.
    #[allow(clippy::must_use_candidate, reason = "waiting is the purpose")]
    pub fn cancelled_blocking(&self) -> Cause {
        sync_core::park::block_on(self.cancelled())
    }

    /// Gives `future`, unless this context is cancelled before that is ready.
    ///
    /// The future is polled first, so one that is ready wins, even against a context that has been
    /// cancelled for long. When the context wins, the future is dropped before this one completes: a
    /// lock that it was given goes to the next.
    ///
    /// # Errors
    ///
    /// The output is the cause, if the context was cancelled first.
    ///
    /// # Cancel safety
    ///
    /// As cancel-safe as `future`.
    ///
    /// # Panics
    ///
    /// As `future`; and if it is polled after completion.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use async_sync::{Context, Mutex};
    ///
    /// let (ctx, mutex) = (Context::new(), Mutex::new(1));
    /// let guard = ctx.run(mutex.lock()).await.unwrap();
    ///
    /// ctx.cancel();
    /// assert!(ctx.run(mutex.lock()).await.is_err());
    /// drop(guard);
    /// assert_eq!(*ctx.run(mutex.lock()).await.unwrap(), 1, "ready wins");
    /// # });
    /// ```
    #[inline]
    pub fn run<F: Future>(&self, future: F) -> Run<'_, F> {
        RunOf::new(future, self.cancelled())
    }

    /// As [`run`](Self::run), with a future that has a handle of its own, to be spawned.
    #[inline]
    pub fn run_owned<F: Future>(&self, future: F) -> RunOwned<F> {
        RunOf::new(future, self.cancelled_owned())
    }

    /// Calls `callback` when this context is cancelled, at once if it is.
    ///
    /// Whoever cancels calls it, before that call returns, and after everything below is cancelled and
    /// those who wait are woken; so it should be short. Callbacks are called in no particular order.
    /// With a deadline, this is the thread of the timer.
    ///
    /// Dropping the handle withdraws the callback; [`OnCancel::stop`] also tells whether that was in
    /// time. [`OnCancel::detach`] leaves it there.
    ///
    /// # Panics
    ///
    /// If the context is cancelled and `callback` panics. One that panics later keeps nobody from
    /// being called; the first panic then goes on in [`cancel`](Self::cancel). When a deadline has
    /// cancelled the context, it is left at what the panic hook has reported.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_sync::Context;
    /// # use std::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let peer = TcpListener::bind("127.0.0.1:0")?;
    /// let ctx = Context::new();
    /// let stream = TcpStream::connect(peer.local_addr()?)?;
    /// let ours = stream.try_clone()?;
    /// // A read that blocks its thread knows nothing of contexts.
    /// let watching = ctx.on_cancel(move |_| {
    ///     let _ = ours.shutdown(std::net::Shutdown::Both);
    /// });
    /// // stream.read(...)
    /// assert!(watching.stop(), "it was not cancelled meanwhile");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "AfterFunc")]
    pub fn on_cancel(&self, callback: impl FnOnce(&Cause) + Send + 'static) -> OnCancel {
        OnCancel::enter(self, callback)
    }

    /// Cancels this context when the guard is dropped, by a panic or a cancellation, too.
    ///
    /// ```
    /// use async_sync::Context;
    ///
    /// let service = Context::new();
    /// let request = service.child();
    /// {
    ///     let _guard = request.clone().cancel_on_drop();
    /// }
    /// assert!(request.is_cancelled() && !service.is_cancelled());
    /// ```
    #[doc(alias = "drop_guard")]
    pub fn cancel_on_drop(self) -> CancelOnDrop {
        CancelOnDrop::new(self)
    }

    /// How many futures wait for the cancellation of this scope: a snapshot.
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.node().raw.waiters()
    }

    /// How many scopes are directly below this one and were not cancelled alone: a snapshot. None of
    /// the background's are counted.
    #[must_use]
    pub fn children(&self) -> usize {
        self.node().children()
    }

    /// Whether both are handles of the same scope.
    #[must_use]
    pub fn is_same(&self, other: &Context) -> bool {
        Arc::ptr_eq(self.node(), other.node())
    }
}

// Nothing foreign runs under a lock, so a panic finds no scope half-way.
impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}

impl Default for Context {
    /// A root that can be cancelled.
    fn default() -> Self {
        Context::new()
    }
}

impl fmt::Debug for Context {
    /// Neither takes a lock nor asks the clock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("cancelled", &self.node().raw.state().is_cancelled())
            .field("deadline", &self.deadline())
            .field("waiters", &self.waiters())
            .finish()
    }
}
