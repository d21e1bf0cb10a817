//! Ending a service in good order, and in time: two phases, each with a limit, and a report of who was late.
//!
//! ```text
//! open     --- a signal, `begin`, or a context ---> new work is refused, and `closing()` is cancelled
//! closing  --- nobody works any more, or the limit ---> `closed()` is cancelled
//! closed   --- all cleaning up is done and nobody works any more, or the limit ---> the report
//! ```
//!
//! | I want | use |
//! |---|---|
//! | to tell loops that no new work is wanted | [`closing`](ShutdownHandle::closing), a [`Context`] |
//! | work that was begun to be finished | [`guard`](ShutdownHandle::guard), [`track`](ShutdownHandle::track), by name |
//! | work that is not finished in time to be given up | [`closed`](ShutdownHandle::closed); [`run`](ShutdownHandle::run) does both |
//! | something done at the end: flush, unregister, say goodbye | [`on_closed`](ShutdownHandle::on_closed), by name |
//! | all this to begin at Ctrl-C and at SIGTERM | `on_signals` (feature `signal`, unix) |
//! | to wait for it | [`Shutdown::finish`], whose [`Report`] says who was late |
//! | not to wait any longer | [`force`](ShutdownHandle::force): a second signal does that |
//!
//! # How it is built
//!
//! A table of names behind a lock, two contexts, and one future, `finish`, which drives the phases. There is
//! no task and no thread, but for the one that waits for signals.

mod guard;
mod handle;
mod report;
#[cfg(all(unix, feature = "signal"))]
mod signal;
mod table;

use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_sync::Context;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use runtime::Timer;

use crate::errgroup::Panic;
pub use guard::{Closing, Guard, Run, Tracked};
pub use handle::ShutdownHandle;
pub use report::{Phase, Report, Running};
#[cfg(all(unix, feature = "signal"))]
pub use signal::{OnSignals, Signal};
use table::{Ends, Table};

/// The owner of a shutdown, who waits for it and sets its limits. See the [module](crate::shutdown).
///
/// What others need is in [`ShutdownHandle`], to which this dereferences; clones of
/// [`handle`](ShutdownHandle::handle) go wherever there is work.
///
/// If it is dropped, the shutdown is cut off: both contexts are cancelled, and what was to be done at the end
/// is dropped.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use orchestration::Shutdown;
/// use runtime::{Spawn, Timer};
///
/// mini_executor::run(0, |rt| async move {
///     let ms = Duration::from_millis;
///     let shutdown = Shutdown::new(rt.clone()).closing_limit(ms(500)).closed_limit(ms(1000));
///
///     // A worker finishes the job that it is at.
///     let (clock, closing) = (rt.clone(), shutdown.closing().clone());
///     let worker = async move {
///         while !closing.is_cancelled() {
///             clock.sleep(ms(300)).await; // a job
///         }
///     };
///     drop(rt.spawn(shutdown.track("worker", worker).unwrap()));
///
///     // This one does not listen.
///     let stubborn = shutdown.run("stubborn", std::future::pending::<()>()).unwrap();
///     drop(rt.spawn(stubborn));
///
///     let clock = rt.clone();
///     shutdown.on_closed("flush", async move { clock.sleep(ms(60)).await }).unwrap();
///
///     let handle = shutdown.handle();
///     let clock = rt.clone();
///     drop(rt.spawn(async move {
///         clock.sleep(ms(1000)).await;
///         handle.begin();
///     }));
///     let report = shutdown.finish().await;
///     assert_eq!(report.closing.took, ms(500));
///     assert_eq!(report.closing.late[0].name, "stubborn");
///     assert_eq!(report.closed.took, ms(60));
///     assert!(report.closed.late.is_empty());
/// })
/// .unwrap();
/// ```
#[doc(alias = "Graceful")]
#[must_use = "it does nothing until `finish` is awaited"]
pub struct Shutdown<R: Timer> {
    handle: ShutdownHandle,
    timer: R,
    closing_limit: Duration,
    closed_limit: Duration,
    // Whatever happens, nobody waits in vain for the end.
    _ends: Ends,
}

impl<R: Timer> Shutdown<R> {
    /// One that nothing but [`begin`](ShutdownHandle::begin) begins, without limits.
    pub fn new(timer: R) -> Self {
        Self::below(timer, &Context::background())
    }

    /// One that also begins when `context` is cancelled.
    pub fn below(timer: R, context: &Context) -> Self {
        let clock = timer.clone();
        let table = Table::new(context.child(), Box::new(move || clock.now()));
        let table = Arc::new(table);
        Self {
            handle: ShutdownHandle::new(Arc::clone(&table)),
            timer,
            closing_limit: Duration::MAX,
            closed_limit: Duration::MAX,
            _ends: Ends(table),
        }
    }

    /// How long those who work have to finish, before they are told to give up.
    pub fn closing_limit(mut self, limit: Duration) -> Self {
        self.closing_limit = limit;
        self
    }

    /// How long cleaning up may take, and those who were told to give up may need for it.
    pub fn closed_limit(mut self, limit: Duration) -> Self {
        self.closed_limit = limit;
        self
    }

    /// Waits until the shutdown begins, goes through both phases, and tells how it went.
    ///
    /// What was given to [`on_closed`](ShutdownHandle::on_closed) runs within this future, side by side;
    /// what is not done at the limit is dropped. Nobody else is aborted: who is still working then is in
    /// the report, and it is for the caller to leave `main`, or to drop the runtime.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the shutdown is cut off, as if the owner had been dropped.
    pub async fn finish(self) -> Report {
        let table = &*self.handle.table;
        let cause = table.closing.cancelled().await;
        table.refuse_work();
        let closing = self.phase(self.closing_limit, pin!(table.drained())).await;

        let mut panics = Vec::new();
        let mut cleanups = table.take_cleanups();
        // Who is told may panic, and the cleaning up goes on.
        let told = AssertUnwindSafe(|| table.closed.cancel_with(cause.clone()));
        if let Err(payload) = catch_unwind(told) {
            panics.push(("closed".into(), Panic::new(payload)));
        }
        let mut names: Vec<_> = cleanups
            .iter()
            .map(|(name, _)| Some(name.clone()))
            .collect();
        let mut running: FuturesUnordered<_> = cleanups
            .iter_mut()
            .enumerate()
            .map(|(place, (_, cleanup))| cleanup.map(move |result| (place, result)))
            .collect();
        let begun = self.timer.now();
        let mut closed = {
            let cleaned = async {
                while let Some((place, result)) = running.next().await {
                    let name = names[place].take().unwrap_or_default();
                    panics.extend(result.err().map(|panic| (name, panic)));
                }
                table.drained().await;
            };
            self.phase(self.closed_limit, pin!(cleaned)).await
        };
        let age = self.timer.now().saturating_duration_since(begun);
        drop(running);
        for (name, cleanup) in &mut cleanups {
            // Of those that are late.
            let panic = Pin::new(cleanup).discard();
            panics.extend(panic.map(|panic| (name.clone(), panic)));
        }
        let late = names
            .into_iter()
            .flatten()
            .map(|name| Running { name, age });
        closed.late.extend(late);
        Report {
            cause,
            closing,
            closed,
            forced: table.is_forced(),
            panics,
        }
    }

    /// Waits for the end of a phase, for its limit, or for somebody who will not wait any longer.
    async fn phase(&self, limit: Duration, mut ends: impl Future<Output = ()> + Unpin) -> Phase {
        let table = &*self.handle.table;
        let begun = self.timer.now();
        let mut limit = pin!(self.timer.sleep(limit));
        let mut forced = pin!(table.forced.wait());
        let in_time = poll_fn(|cx| {
            if ends.poll_unpin(cx).is_ready() {
                return Poll::Ready(true);
            }
            if forced.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            limit.as_mut().poll(cx).map(|()| false)
        })
        .await;
        Phase {
            took: self.timer.now().saturating_duration_since(begun),
            timed_out: !in_time,
            late: if in_time { Vec::new() } else { table.running() },
        }
    }
}

impl<R: Timer> Deref for Shutdown<R> {
    type Target = ShutdownHandle;

    fn deref(&self) -> &ShutdownHandle {
        &self.handle
    }
}

impl<R: Timer> fmt::Debug for Shutdown<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown")
            .field("handle", &self.handle)
            .field("closing_limit", &self.closing_limit)
            .field("closed_limit", &self.closed_limit)
            .finish_non_exhaustive()
    }
}
