//! A timer by the wheel: sleeps that cost a few instructions, and one sleep of the runtime for all of them.
//!
//! # States of a sleep
//!
//! ```text
//! New --- first poll ---> Set (its waker is in the wheel) --- its time, next poll ---> Over
//!   `------- due already ---------------------------------------------------------------^
//! ```
//!
//! Its entry is taken out of the wheel when its time has come, before its waker is called. So a sleep
//! whose entry is gone is over, whoever polls it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use async_sync::Context;
use runtime::{Spawn, Timer};

use super::agenda::Key;
use super::core::{Core, Step};
use super::driver::{TURN, sleep};
use crate::yield_now::yield_now;

/// A [`Timer`] that shares one sleep of its runtime's timer among all of its own sleeps.
///
/// A timeout is armed and disarmed far more often than it comes true. Most runtimes' timers do work
/// for each that is armed: tokio's wakes its driver by a system call. Here it is an entry in a wheel, and
/// only a time that is earlier than all others wakes somebody. It is a timer as any other: for `timeout`,
/// `interval`, [`Context::with_timeout`](Context), a [`SchedGroup`](super::SchedGroup).
///
/// It is as exact as the runtime's timer. Its task ends with the last clone and the last sleep.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use orchestration::schedgroup::SharedTimer;
/// use runtime::{Timer, TokioRuntime};
///
/// # #[tokio::main] async fn main() {
/// let timer = SharedTimer::new(TokioRuntime::current());
/// let late = timer.timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
/// assert!(late.is_err());
/// # }
/// ```
pub struct SharedTimer<R: Spawn + Timer> {
    owner: Arc<Owner<R>>,
}

struct Owner<R: Spawn + Timer> {
    core: Arc<Core<Waker>>,
    runtime: R,
}

impl<R: Spawn + Timer> Drop for Owner<R> {
    fn drop(&mut self) {
        // Which wakes the driver, and that ends.
        self.core.end();
    }
}

impl<R: Spawn + Timer> SharedTimer<R> {
    /// A timer over that of `runtime`. Spawns one task.
    #[must_use]
    pub fn new(runtime: R) -> Self {
        let clock = runtime.clone();
        let core = Arc::new(Core::new(Box::new(move || clock.now())));
        let ends = Ends(Arc::clone(&core));
        drop(runtime.spawn(drive(ends, runtime.clone())));
        Self {
            owner: Arc::new(Owner { core, runtime }),
        }
    }

    /// How many sleeps wait for their time: a snapshot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.owner.core.counts().0
    }

    fn sleep_at(&self, deadline: Instant, stage: Stage) -> SharedSleep<R> {
        SharedSleep {
            owner: Arc::clone(&self.owner),
            deadline,
            stage,
        }
    }
}

/// Wakes whoever still sleeps when the driver is gone: there will be nobody else to do it.
struct Ends(Arc<Core<Waker>>);

impl Drop for Ends {
    fn drop(&mut self) {
        for waker in self.0.end_with() {
            wake(waker);
        }
    }
}

/// A foreign waker that panics must not take the others' sleeps along. The panic hook has reported it.
fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}

async fn drive<R: Timer>(ends: Ends, runtime: R) {
    let core = &*ends.0;
    let mut turn = 0;
    let mut now = runtime.now();
    let mut looked = true;
    loop {
        match core.step(now) {
            Step::Start { job: waker, .. } => {
                looked = false;
                wake(waker);
            }
            Step::More => looked = false,
            Step::Sleep(_) if !looked => {
                looked = true;
                now = runtime.now();
                continue;
            }
            Step::Sleep(until) => {
                sleep(core, &runtime, &Context::background(), until).await;
                now = runtime.now();
                turn = 0;
                continue;
            }
            Step::End => return,
        }
        turn += 1;
        if turn == TURN {
            turn = 0;
            yield_now().await;
        }
    }
}

impl<R: Spawn + Timer> Timer for SharedTimer<R> {
    type Sleep = SharedSleep<R>;

    fn now(&self) -> Instant {
        self.owner.runtime.now()
    }

    fn sleep_until(&self, deadline: Instant) -> SharedSleep<R> {
        self.sleep_at(deadline, Stage::New)
    }

    /// The clock is read here and not again at the first poll: if that comes only when the time is over,
    /// the sleep ends a moment later, by a wake-up.
    fn sleep(&self, duration: Duration) -> SharedSleep<R> {
        let deadline = runtime::deadline_after(self.now(), duration);
        let stage = if duration.is_zero() {
            Stage::Over
        } else {
            Stage::Ahead
        };
        self.sleep_at(deadline, stage)
    }
}

impl<R: Spawn + Timer> Clone for SharedTimer<R> {
    fn clone(&self) -> Self {
        Self {
            owner: Arc::clone(&self.owner),
        }
    }
}

impl<R: Spawn + Timer> fmt::Debug for SharedTimer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTimer")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

/// A sleep of a [`SharedTimer`].
///
/// # Cancel safety
///
/// Dropping it before it completes has no effect.
///
/// # Panics
///
/// When it is polled, if its runtime has shut down before its time.
#[must_use = "futures do nothing unless polled"]
pub struct SharedSleep<R: Spawn + Timer> {
    owner: Arc<Owner<R>>,
    deadline: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    New,
    // New, and its time had not come when it was made.
    Ahead,
    Set(Key),
    Over,
}

// Nothing in it is ever pinned.
impl<R: Spawn + Timer> Unpin for SharedSleep<R> {}

impl<R: Spawn + Timer> SharedSleep<R> {
    /// When it ends.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    #[inline]
    fn set(&mut self, waker: &Waker) {
        match self.owner.core.insert(self.deadline, waker.clone()) {
            Some(key) => self.stage = Stage::Set(key),
            None => panic!("a sleep of a SharedTimer whose runtime has shut down"),
        }
    }
}

impl<R: Spawn + Timer> Future for SharedSleep<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let core = &this.owner.core;
        match this.stage {
            Stage::Over => {}
            Stage::New if this.owner.runtime.now() >= this.deadline => {}
            Stage::New | Stage::Ahead => {
                this.set(cx.waker());
                return Poll::Pending;
            }
            Stage::Set(key) => match core.look(key, |waker| waker.will_wake(cx.waker())) {
                Some(true) => return Poll::Pending,
                Some(false) => {
                    // Cloned and dropped without the lock. If its time comes meanwhile, it is over either way.
                    drop(core.replace(key, cx.waker().clone()));
                    if core.contains(key) {
                        return Poll::Pending;
                    }
                }
                None => {}
            },
        }
        let ended_early = core.has_ended() && this.owner.runtime.now() < this.deadline;
        this.stage = Stage::Over;
        assert!(
            !ended_early,
            "a sleep of a SharedTimer whose runtime has shut down"
        );
        Poll::Ready(())
    }
}

impl<R: Spawn + Timer> Drop for SharedSleep<R> {
    fn drop(&mut self) {
        if let Stage::Set(key) = self.stage {
            self.owner.core.cancel(key);
        }
    }
}

impl<R: Spawn + Timer> fmt::Debug for SharedSleep<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSleep")
            .field("deadline", &self.deadline)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
