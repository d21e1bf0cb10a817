//! Items that come out at their time: the wheel without jobs. Nothing is boxed, and no task is spawned.
//!
//! Whoever awaits [`recv`](TimeQueue::recv) is the driver: it takes what is due, one item at a time, and
//! sleeps until the next one by the runtime's timer.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_sync::Context;
use runtime::{Timer, deadline_after};

use super::agenda::Key;
use super::core::{Core, Item, Step};
use super::driver::sleep;

/// An item. It does not come back.
struct Plain<T>(T);

impl<T: Send> Item for Plain<T> {
    fn recurs(&self) -> bool {
        false
    }
}

/// A queue out of which items come at their time, in the order of their times, and those of the same
/// instant in the order in which they were entered.
///
/// Items are entered by the methods of [`TimeSender`], to which the queue dereferences; a clone of
/// [`sender`](TimeSender::sender) enters them from anywhere. Where each item is to be *done* something with, a
/// [`SchedGroup`](super::SchedGroup) does it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use orchestration::schedgroup::TimeQueue;
///
/// mini_executor::run(0, |rt| async move {
///     let second = Duration::from_secs(1);
///     let mut sessions = TimeQueue::new(rt.clone());
///     let alice = sessions.delay(60 * second, "alice").unwrap();
///     sessions.delay(60 * second, "bob").unwrap();
///     let carol = sessions.delay(60 * second, "carol").unwrap();
///
///     rt.advance(30 * second);
///     assert!(alice.reschedule_after(60 * second), "she is still there");
///     assert_eq!(carol.take(), Some("carol"), "she has logged out");
///
///     assert_eq!(sessions.recv().await, Some("bob"));
///     sessions.close();
///     assert_eq!(sessions.recv().await, Some("alice"));
///     assert_eq!(sessions.recv().await, None);
///     assert_eq!(rt.elapsed(), 90 * second);
/// })
/// .unwrap();
/// ```
#[doc(alias = "DelayQueue")]
#[must_use = "dropping a queue drops its items"]
pub struct TimeQueue<R: Timer, T: Send + 'static> {
    sender: TimeSender<T>,
    runtime: R,
}

/// Enters items into a [`TimeQueue`]. Clones enter them into the same one.
///
/// A sender does not keep the queue: once that is dropped, every item is refused.
pub struct TimeSender<T: Send + 'static> {
    core: Arc<Core<Plain<T>>>,
}

/// An item that was entered into a [`TimeQueue`]: it can be taken out, and given another time, from anywhere.
/// Nothing here panics. Dropping it leaves the item where it is.
pub struct Waiting<T: Send + 'static> {
    core: Arc<Core<Plain<T>>>,
    key: Key,
}

impl<R: Timer, T: Send + 'static> TimeQueue<R, T> {
    /// An empty queue, by the time of `runtime`.
    pub fn new(runtime: R) -> Self {
        let clock = runtime.clone();
        let core = Core::new(Box::new(move || clock.now()));
        Self {
            sender: TimeSender {
                core: Arc::new(core),
            },
            runtime,
        }
    }

    /// Waits for the next item whose time has come. `None` if the queue was [closed](TimeSender::close)
    /// and is empty.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no item.
    pub async fn recv(&mut self) -> Option<T> {
        let core = &*self.sender.core;
        let mut now = self.runtime.now();
        loop {
            match core.step(now) {
                Step::Start { job, .. } => return Some(job.0),
                Step::More => {}
                Step::Sleep(until) => {
                    sleep(core, &self.runtime, &Context::background(), until).await;
                    now = self.runtime.now();
                }
                Step::End => return None,
            }
        }
    }
}

impl<T: Send + 'static> TimeSender<T> {
    /// A handle to the same queue.
    #[must_use]
    pub fn sender(&self) -> Self {
        self.clone()
    }

    /// Enters an item that is due when `delay` has passed.
    ///
    /// # Errors
    ///
    /// The item, if the queue is gone, or was closed and has been emptied.
    pub fn delay(&self, delay: Duration, item: T) -> Result<Waiting<T>, T> {
        self.schedule(deadline_after(self.core.now(), delay), item)
    }

    /// Enters an item that is due at `time`.
    ///
    /// # Errors
    ///
    /// The item, if the queue is gone, or was closed and has been emptied.
    pub fn schedule(&self, time: Instant, item: T) -> Result<Waiting<T>, T> {
        let key = self
            .core
            .try_insert(time, Plain(item))
            .map_err(|plain| plain.0)?;
        Ok(Waiting {
            core: Arc::clone(&self.core),
            key,
        })
    }

    /// From now on, `recv` gives `None` when nothing is left. Until then, items are still taken.
    pub fn close(&self) {
        self.core.close();
    }

    /// How many items wait for their time: a snapshot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.core.counts().0
    }
}

impl<T: Send + 'static> Waiting<T> {
    /// Takes the item out, if it is still there.
    #[doc(alias = "try_remove")]
    #[must_use]
    pub fn take(&self) -> Option<T> {
        let removed = self.core.take(self.key)?;
        removed.map(|plain| plain.0)
    }

    /// Gives the item another time, earlier or later. Returns whether it was still there.
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn reschedule(&self, at: Instant) -> bool {
        self.core.reschedule(self.key, at)
    }

    /// [`reschedule`](Self::reschedule), counted from now.
    #[doc(alias = "reset")]
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn reschedule_after(&self, delay: Duration) -> bool {
        self.reschedule(deadline_after(self.core.now(), delay))
    }

    /// When it is due, if it is still there.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.core.due(self.key)
    }
}

impl<R: Timer, T: Send + 'static> Drop for TimeQueue<R, T> {
    fn drop(&mut self) {
        self.sender.core.end();
    }
}

impl<R: Timer, T: Send + 'static> Deref for TimeQueue<R, T> {
    type Target = TimeSender<T>;

    fn deref(&self) -> &TimeSender<T> {
        &self.sender
    }
}

impl<T: Send + 'static> Clone for TimeSender<T> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
        }
    }
}

impl<T: Send + 'static> Clone for Waiting<T> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            key: self.key,
        }
    }
}

impl<R: Timer, T: Send + 'static> fmt::Debug for TimeQueue<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeQueue")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> fmt::Debug for TimeSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeSender")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> fmt::Debug for Waiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("due", &self.due())
            .finish_non_exhaustive()
    }
}
