//! The task that starts jobs when they are due. One for a group, with one sleep at a time.
//!
//! It takes one job at a time out of the agenda, so that a job that cancels its neighbour of the same
//! instant is in time. The clock is read once for all that is due, and again before it sleeps. Every
//! so often it lets other tasks run.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::mem;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Instant;

use async_sync::Context;
use runtime::{Spawn, Timer};

use super::agenda::Key;
use super::core::{Core, Item, Step};
use super::job::{BoxedJob, BoxedRun, Rhythm, Start};
use crate::caught::{Caught, call};
use crate::errgroup::{ErrGroupHandle, Panic};
use crate::yield_now::yield_now;

/// What is done with the panic of a job, other than ending the group.
pub(super) type OnPanic = Arc<dyn Fn(Panic) + Send + Sync>;

/// Jobs that are started before the driver lets others run.
pub(super) const TURN: usize = 64;

pub(super) struct Driver<R: Spawn> {
    pub(super) core: Arc<Core>,
    pub(super) runtime: R,
    pub(super) running: ErrGroupHandle<R, (), Infallible>,
    pub(super) context: Context,
    pub(super) on_panic: Option<OnPanic>,
}

impl<R: Spawn> Drop for Driver<R> {
    fn drop(&mut self) {
        // Aborted, or done: in any case nobody will start what is left.
        self.core.end();
    }
}

impl<R: Spawn + Timer> Driver<R> {
    pub(super) async fn drive(self) -> Result<(), Infallible> {
        let mut now = self.runtime.now();
        let mut looked = true;
        let mut turn = 0;
        loop {
            if self.context.is_cancelled() {
                self.core.cut_short();
                return Ok(());
            }
            match self.core.step(now) {
                Step::Start { key, due, job } => {
                    looked = false;
                    if !self.start(key, due, job).await && !self.context.is_cancelled() {
                        return Ok(());
                    }
                }
                Step::More => looked = false,
                // Time has passed since it was looked at.
                Step::Sleep(_) if !mem::replace(&mut looked, true) => {
                    now = self.runtime.now();
                    continue;
                }
                Step::Sleep(until) => {
                    sleep(&self.core, &self.runtime, &self.context, until).await;
                    now = self.runtime.now();
                    turn = 0;
                    continue;
                }
                Step::End => return Ok(()),
            }
            turn += 1;
            if turn == TURN {
                turn = 0;
                yield_now().await;
            }
        }
    }

    /// False if there is nobody to start jobs for any more.
    async fn start(&self, key: Key, due: Instant, job: BoxedJob) -> bool {
        let recurs = job.recurs();
        let now = if recurs { self.runtime.now() } else { due };
        match job.start() {
            Start::Ran(result) => self.report(result),
            Start::RanAgain(result, job, rhythm) => {
                let back = bring_back(&self.core, key, rhythm.next(due, now), job);
                self.report(result);
                self.report(back);
            }
            Start::Future(run) => {
                let running = Running::new(&self.core, None);
                return self.spawn(run, running).await;
            }
            Start::FutureAgain(run, job, rhythm) => {
                let running = Running::new(&self.core, Some((key, job, rhythm, due)));
                return self.spawn(run, running).await;
            }
        }
        true
    }

    fn report(&self, result: Result<(), Panic>) {
        report(self.on_panic.as_ref(), result);
    }

    /// Waits for a slot, if there is a limit.
    async fn spawn(&self, run: BoxedRun, mut running: Running) -> bool {
        let on_panic = self.on_panic.clone();
        let runtime = self.runtime.clone();
        let task = async move {
            let began = runtime.now();
            let result = Caught::new(run).await;
            let back = running.comes_again(began);
            report(on_panic.as_ref(), result);
            report(on_panic.as_ref(), back);
            Ok(())
        };
        let spawned = self.context.run(self.running.spawn(task)).await;
        matches!(spawned, Ok(Ok(())))
    }
}

/// Until that time, or until something changes.
pub(super) async fn sleep<T: Item, R: Timer>(
    core: &Core<T>,
    runtime: &R,
    context: &Context,
    until: Option<Instant>,
) {
    let mut sleep = pin!(async {
        match until {
            Some(until) => runtime.sleep_until(until).await,
            None => pending().await,
        }
    });
    let mut cancelled = pin!(context.cancelled());
    poll_fn(|cx| {
        if !core.park(cx.waker()) || cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        sleep.as_mut().poll(cx)
    })
    .await;
}

/// Tells of a panic; if there is nobody to tell, it goes on, and ends the group.
fn report(on_panic: Option<&OnPanic>, result: Result<(), Panic>) {
    match (result, on_panic) {
        (Ok(()), _) => {}
        (Err(panic), Some(tell)) => tell(panic),
        (Err(panic), None) => resume_unwind(panic.into_payload()),
    }
}

/// A run: counted, and followed by the next one if the job recurs and the run was not aborted.
struct Running {
    core: Arc<Core>,
    again: Option<(Key, BoxedJob, Rhythm, Instant)>,
}

impl Running {
    fn new(core: &Arc<Core>, again: Option<(Key, BoxedJob, Rhythm, Instant)>) -> Self {
        core.begin();
        Self {
            core: Arc::clone(core),
            again,
        }
    }

    fn comes_again(&mut self, began: Instant) -> Result<(), Panic> {
        match self.again.take() {
            Some((key, job, rhythm, due)) => {
                bring_back(&self.core, key, rhythm.next(due, began), job)
            }
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let dropped = match self.again.take() {
            Some((key, job, ..)) => {
                self.core.forget(key);
                let_go(job)
            }
            None => Ok(()),
        };
        self.core.finish();
        if let Err(panic) = dropped
            && !thread::panicking()
        {
            resume_unwind(panic.into_payload());
        }
    }
}

/// Enters a job for its next run. If it was called off meanwhile it is dropped.
fn bring_back(core: &Core, key: Key, at: Instant, job: BoxedJob) -> Result<(), Panic> {
    core.bring_back(key, at, job).map_or(Ok(()), let_go)
}

/// Drops a job, which may panic.
fn let_go(job: BoxedJob) -> Result<(), Panic> {
    call(|| drop(job))
}
