//! Contexts with a deadline: the part that needs a runtime's timer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::{Timer, deadline_after};

use super::alarm::Alarm;
use super::node::{Deadline, Node};
use super::{Cause, Context};

impl Context {
    /// A child that is cancelled at `deadline`, with the cause
    /// [`DeadlineExceeded`](Cause::DeadlineExceeded), if nothing else cancels it before.
    ///
    /// If this context has a deadline that is not later, the child has that one. If `deadline` has
    /// passed, the child is cancelled at once.
    ///
    /// One sleep of `timer` is made for the child and everything below it, no task. It is polled
    /// here, and then by its own wake-up. So the thread that runs the timer cancels the child, and
    /// runs its callbacks. From the deadline on, [`is_cancelled`](Context::is_cancelled) is true and
    /// what waits is ready when it is polled, even if that thread is late. The sleep is given back
    /// when the child is cancelled, or dropped.
    ///
    /// # Panics
    ///
    /// As the timer's `sleep_until` does.
    #[doc(alias = "WithDeadline")]
    #[must_use]
    pub fn with_deadline<T: Timer>(&self, timer: &T, deadline: Instant) -> Context {
        let node = if self.deadline().is_some_and(|earlier| earlier <= deadline) {
            Node::child_of([self.node()], None)
        } else {
            let clock = timer.clone();
            let own = Deadline {
                at: deadline,
                now: Box::new(move || clock.now()),
            };
            let node = Node::child_of([self.node()], Some(Arc::new(own)));
            if timer.now() >= deadline {
                // Nobody knows the node, so there is nobody to call.
                super::walk::cancel(&node, &Cause::DeadlineExceeded).quietly();
            } else if !node.raw.state().is_cancelled() {
                let sleep = Box::pin(runtime::unbudgeted(timer.sleep_until(deadline)));
                Alarm::set(&node, Cause::DeadlineExceeded, sleep);
            }
            node
        };
        Context::of(node, self.values.clone())
    }

    /// A child that is cancelled when `timeout` has passed: [`with_deadline`](Self::with_deadline),
    /// from now on.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use async_sync::Context;
    /// use runtime::{Timer, TokioRuntime};
    ///
    /// # #[tokio::main] async fn main() {
    /// let rt = TokioRuntime::current();
    /// let ctx = Context::background().with_timeout(&rt, Duration::from_millis(5));
    /// let slow = ctx.run(rt.sleep(Duration::from_secs(60))).await;
    /// assert!(slow.unwrap_err().is_deadline_exceeded());
    /// # }
    /// ```
    #[doc(alias = "WithTimeout")]
    #[must_use]
    pub fn with_timeout<T: Timer>(&self, timer: &T, timeout: Duration) -> Context {
        self.with_deadline(timer, deadline_after(timer.now(), timeout))
    }
}
