//! Sleeping in virtual time.
//!
//! A sleep registers with the timers when it is first polled too early, keeps the waker of its
//! latest poll there, and deregisters when it is dropped.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use runtime::FAR_FUTURE;

use crate::shared::{Shared, TimerKey, nanos};
use crate::waiting::{Note, Reason};

/// A sleep of the virtual clock. Made by [`Timer::sleep`](runtime::Timer::sleep) on a
/// [`MiniRuntime`](crate::MiniRuntime).
///
/// It ends exactly at its deadline, unless time is [advanced](crate::MiniRuntime::advance) past it.
/// A deadline of [`FAR_FUTURE`] from now or later, as `Duration::MAX` gives, never comes and sets
/// no timer, so that a task that only waits for it counts as stuck. A sleep that is polled after
/// its run has ended never completes, because time stands still.
///
/// # Cancel safety
///
/// Dropping it before it completes has no effect.
#[must_use = "futures do nothing unless polled"]
pub struct MiniSleep {
    shared: Arc<Shared>,
    /// Nanoseconds since the start of the run; `None` for never.
    deadline: Option<u64>,
    key: Option<TimerKey>,
    note: Note,
}

impl MiniSleep {
    pub(crate) fn new(shared: Arc<Shared>, deadline: Instant) -> Self {
        let deadline = nanos(deadline.saturating_duration_since(shared.start()));
        let never = deadline.saturating_sub(shared.now_nanos()) >= nanos(FAR_FUTURE);
        Self::at(shared, (!never).then_some(deadline))
    }

    /// The same, counted from now, by one look at the clock.
    pub(crate) fn after(shared: Arc<Shared>, duration: Duration) -> Self {
        let ahead = duration < FAR_FUTURE;
        let deadline = ahead.then(|| shared.now_nanos().saturating_add(nanos(duration)));
        Self::at(shared, deadline)
    }

    fn at(shared: Arc<Shared>, deadline: Option<u64>) -> Self {
        Self {
            shared,
            deadline,
            key: None,
            note: Note::default(),
        }
    }
}

impl Future for MiniSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(deadline) = this.deadline else {
            this.note.leave(|| Reason::EndlessSleep);
            return Poll::Pending;
        };
        if this.shared.poll_timer(deadline, &mut this.key, cx.waker()) {
            this.key = None;
            this.note.take_back();
            Poll::Ready(())
        } else {
            this.note
                .leave(|| Reason::Timer(Duration::from_nanos(deadline)));
            Poll::Pending
        }
    }
}

impl Drop for MiniSleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.cancel_timer(key);
        }
    }
}

impl fmt::Debug for MiniSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiniSleep")
            .field("deadline", &self.deadline.map(Duration::from_nanos))
            .finish_non_exhaustive()
    }
}
