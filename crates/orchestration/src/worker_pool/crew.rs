//! Workers that take jobs out of one channel: their life, their number, their counts.
//!
//! # States
//!
//! ```text
//! worker   hired -> idle <-> at a job -> gone
//! crew     open -> closed (what is queued is still done) -> all gone
//!            `---> cut off (what is queued is dropped)  ----^
//! ```
//!
//! A worker ends when the channel is closed and empty, or when it draws a *notice*: there is a second
//! channel, into which one is put for every worker too many. It looks there before each job, and waits
//! on both channels while it is idle. Who wants more workers takes notices back first.
//!
//! # Invariants
//!
//! 1. `outstanding` counts jobs from the moment in which they are about to be sent until they are gone:
//!    done, or dropped, wherever that is. So the count is a token that travels with the job.
//! 2. Of `wanted`, of hired minus gone, and of notices: hired - gone - notices == wanted, but for those
//!    that are about to go. Who is hired is counted under the lock of `wanted`, so there is always one.
//! 3. A panic ends one job. The worker's state, which may be half-way, is dropped, and made anew.
//! 4. When the last worker has gone, for whatever reason (its runtime has shut down, to make a worker
//!    panics), the channel is closed: nobody waits for workers that will never come.
//! 5. Nothing foreign is called under a lock.

use std::convert::Infallible;
use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::AcqRel, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_sync::channel::{self, Receiver, Sender};
use async_sync::context::OnCancel;
use async_sync::wait_group::OwnedToken;
use async_sync::{Context, WaitGroup};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use runtime::Spawn;

use super::turn::yield_now;
use crate::errgroup::{self, ErrGroup, Panic};

/// Jobs that a worker does before it lets others run, if none of them has to wait.
const TURN: usize = 32;

/// Makes workers.
pub(crate) trait Hire<J>: Send + Sync + 'static {
    type Worker: Work<J>;

    fn hire(&self) -> Self::Worker;
}

/// Does jobs, one at a time.
pub(crate) trait Work<J>: Send + 'static {
    /// Whether it went wrong in a way that somebody has been told of.
    fn work(&mut self, job: J) -> impl Future<Output = Told> + Send;
}

/// How a job ended, if it did not panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Fine,
    /// It has panicked, and whoever waits for it knows.
    Panicked,
}

pub(crate) type OnPanic = Arc<dyn Fn(Panic) + Send + Sync>;

pub(crate) struct Settings {
    pub(crate) workers: usize,
    pub(crate) context: Option<Context>,
    pub(crate) on_panic: Option<OnPanic>,
}

/// What a crew is doing: a snapshot, whose figures may be of slightly different moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Workers that are there, busy ones and idle ones.
    pub workers: usize,
    /// Workers that are at a job.
    pub busy: usize,
    /// Jobs in the queue.
    pub queued: usize,
    /// Submitters that wait for room in the queue, or for an idle worker.
    pub submitting: usize,
    /// Jobs that have been done, those that panicked among them.
    pub completed: u64,
    /// Jobs that have panicked.
    pub panicked: u64,
}

/// A job on its way.
pub(crate) struct Queued<J> {
    pub(crate) job: J,
    token: OwnedToken,
}

pub(crate) type Channel<J> = (Sender<Queued<J>>, Receiver<Queued<J>>);

pub(crate) struct Shared<J: Send + 'static> {
    jobs: Sender<Queued<J>>,
    queue: Receiver<Queued<J>>,
    notices: Sender<()>,
    drawn: Receiver<()>,
    // How many workers there should be.
    wanted: Mutex<usize>,
    outstanding: Arc<WaitGroup>,
    workers: AtomicUsize,
    busy: AtomicUsize,
    completed: AtomicU64,
    panicked: AtomicU64,
    cut_off: AtomicBool,
    on_panic: Option<OnPanic>,
    // The first one, if nobody is told.
    kept: Mutex<Option<Panic>>,
    // Spawns a worker. What a worker is, and on what it runs, is known in there only.
    spawn: Box<dyn Fn(Here<J>) + Send + Sync>,
}

/// The owner of a crew.
pub(crate) struct Crew<R: Spawn, J: Send + 'static> {
    closes: Closes<J>,
    group: ErrGroup<R, (), Infallible>,
    // Withdrawn with the crew.
    _watch: Option<OnCancel>,
}

/// Cuts the crew off when its owner, or the future that waits for it, is dropped.
struct Closes<J: Send + 'static>(Arc<Shared<J>>);

impl<J: Send + 'static> Drop for Closes<J> {
    fn drop(&mut self) {
        self.0.cut_off();
        self.0.discard();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing foreign runs under these locks, so a poisoned one is still consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: Spawn, J: Send + 'static> Crew<R, J> {
    #[track_caller]
    pub(crate) fn new(
        runtime: R,
        settings: Settings,
        hire: impl Hire<J>,
        (jobs, queue): Channel<J>,
    ) -> Self {
        let group = errgroup::Builder::new().spawned(runtime);
        let (hire, tasks) = (Arc::new(hire), group.handle());
        let spawn = move |here| {
            // It is refused if the crew has been aborted.
            let _ = tasks.try_spawn(worker(here, Arc::clone(&hire)));
        };
        let (notices, drawn) = channel::unbounded();
        let shared = Arc::new(Shared {
            jobs,
            queue,
            notices,
            drawn,
            wanted: Mutex::new(0),
            outstanding: Arc::new(WaitGroup::new()),
            workers: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            completed: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            cut_off: AtomicBool::new(false),
            on_panic: settings.on_panic,
            kept: Mutex::new(None),
            spawn: Box::new(spawn),
        });
        shared.set_workers(settings.workers);
        let watch = settings.context.map(|context| {
            let shared = Arc::downgrade(&shared);
            context.on_cancel(move |_| {
                if let Some(shared) = shared.upgrade() {
                    shared.cut_off();
                }
            })
        });
        Self {
            closes: Closes(shared),
            group,
            _watch: watch,
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<J>> {
        &self.closes.0
    }

    /// Takes no more jobs, and waits until all that are queued have been done.
    pub(crate) async fn stop(self) {
        let Self { closes, group, .. } = self;
        closes.0.jobs.close();
        let Ok(_) = group.join().await;
        closes.0.raise_kept();
    }

    /// Drops what is queued, aborts what runs, and waits until it is gone.
    pub(crate) async fn abort(self) {
        let Self { closes, group, .. } = self;
        closes.0.cut_off();
        group.shutdown().await;
        closes.0.raise_kept();
    }
}

impl<J: Send + 'static> Shared<J> {
    pub(crate) fn jobs(&self) -> &Sender<Queued<J>> {
        &self.jobs
    }

    /// Counts a job in that is about to be sent.
    pub(crate) fn queued(&self, job: J) -> Queued<J> {
        Queued {
            job,
            token: self.outstanding.add_owned(),
        }
    }

    /// Waits until no job is queued or running.
    pub(crate) async fn idle(&self) {
        self.outstanding.wait().await;
    }

    pub(crate) fn counts(&self) -> Counts {
        // Relaxed, here and below: these counts order nothing.
        let workers = self.workers.load(Relaxed);
        let panicked = self.panicked.load(Relaxed);
        Counts {
            workers,
            busy: self.busy.load(Relaxed).min(workers),
            queued: self.queue.len(),
            // Idle workers wait there, too; and while there are such, no submitter waits.
            submitting: if self.busy.load(Relaxed) < workers {
                0
            } else {
                self.jobs.waiters()
            },
            completed: self.completed.load(Relaxed).max(panicked),
            panicked,
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.jobs.is_closed()
    }

    /// Has so many workers from now on, or as soon as those that are too many have finished their job.
    #[track_caller]
    pub(crate) fn set_workers(self: &Arc<Self>, n: usize) {
        assert!(n > 0, "a pool of 0 workers would do no job at all");
        let mut hired = Vec::new();
        let mut wanted = locked(&self.wanted);
        while *wanted < n {
            *wanted += 1;
            if self.drawn.try_recv().is_err() {
                hired.push(Here::new(self));
            }
        }
        while *wanted > n {
            *wanted -= 1;
            // To the channel of an idle worker, or for the first one that looks.
            let _ = self.notices.try_send(());
        }
        drop(wanted);
        hired.into_iter().for_each(&self.spawn);
    }

    /// Takes no more jobs, and does none of those that are queued.
    fn cut_off(&self) {
        self.cut_off.store(true, Relaxed);
        // What was stored before is seen by whoever finds the channel closed, or else takes an item that was
        // sent before: that one may be begun.
        self.jobs.close();
    }

    /// Drops what is queued.
    fn discard(&self) {
        while self.queue.try_recv().is_ok() {}
    }

    /// Panics, if a job has, and nobody was told.
    fn raise_kept(&self) {
        let kept = locked(&self.kept).take();
        if let Some(panic) = kept {
            resume_unwind(panic.into_payload());
        }
    }

    fn panicked(&self, panic: Panic) {
        match &self.on_panic {
            Some(tell) => tell(panic),
            None => {
                let mut kept = locked(&self.kept);
                let spare = if kept.is_none() {
                    kept.replace(panic)
                } else {
                    Some(panic)
                };
                drop(kept);
                drop(spare);
            }
        }
    }
}

/// A worker that is there.
struct Here<J: Send + 'static>(Arc<Shared<J>>);

impl<J: Send + 'static> Here<J> {
    fn new(shared: &Arc<Shared<J>>) -> Self {
        shared.workers.fetch_add(1, Relaxed);
        Self(Arc::clone(shared))
    }
}

impl<J: Send + 'static> Drop for Here<J> {
    fn drop(&mut self) {
        // AcqRel: the last one closes after all that the others did.
        if self.0.workers.fetch_sub(1, AcqRel) == 1 {
            self.0.jobs.close();
            self.0.discard();
        }
    }
}

/// A worker that is at a job.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(busy: &'a AtomicUsize) -> Self {
        busy.fetch_add(1, Relaxed);
        Self(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

async fn worker<J: Send + 'static, H: Hire<J>>(
    here: Here<J>,
    hire: Arc<H>,
) -> Result<(), Infallible> {
    let crew = &*here.0;
    let mut worker = hire.hire();
    let mut turn = 0;
    while let Some(Queued { job, token }) = next(crew).await {
        if crew.cut_off.load(Relaxed) {
            drop(job);
            continue;
        }
        let busy = Busy::new(&crew.busy);
        let ended = AssertUnwindSafe(worker.work(job)).catch_unwind().await;
        crew.completed.fetch_add(1, Relaxed);
        drop(busy);
        if !matches!(ended, Ok(Told::Fine)) {
            crew.panicked.fetch_add(1, Relaxed);
            worker = hire.hire();
        }
        if let Err(payload) = ended {
            crew.panicked(Panic::new(payload));
        }
        drop(token);
        turn += 1;
        if turn == TURN {
            turn = 0;
            yield_now().await;
        }
    }
    Ok(())
}

/// The next job; `None` if there is none any more, or not for this worker.
async fn next<J: Send + 'static>(crew: &Shared<J>) -> Option<Queued<J>> {
    if !crew.drawn.is_empty() && crew.drawn.try_recv().is_ok() {
        return None;
    }
    if let Ok(job) = crew.queue.try_recv() {
        return Some(job);
    }
    // A job first. The other one is dropped, and with it its place; what it was promised goes to the next.
    let (job, notice) = (pin!(crew.queue.recv()), pin!(crew.drawn.recv()));
    match select(job, notice).await {
        Either::Left((job, _)) => job,
        Either::Right(_) => None,
    }
}

/// For the `Debug` of those who use a crew.
pub(crate) fn counts_of(name: &str, counts: Counts, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("workers", &counts.workers)
        .field("busy", &counts.busy)
        .field("queued", &counts.queued)
        .field("completed", &counts.completed)
        .finish_non_exhaustive()
}
