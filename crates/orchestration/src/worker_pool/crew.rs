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
//! A worker ends when the channel is closed and empty, or when there are more than are wanted: each looks
//! before it takes a job, and those that are idle are told to look.
//!
//! # Invariants
//!
//! 1. `outstanding` counts jobs from the moment in which they are about to be sent until they are gone:
//!    done, or dropped, wherever that is. So the count is a token that travels with the job.
//! 2. `staff` says how many workers are wanted and how many there are. Who is hired is counted before it is
//!    spawned, who leaves is counted out when it decides to, both under the lock. So there are never more
//!    than were wanted at some time, and never too few leave or too many.
//! 3. A panic ends one job. The worker's state, which may be half-way, is dropped, and made anew.
//! 4. When the last worker has gone, for whatever reason (its runtime has shut down, to make a worker
//!    panics), the channel is closed: nobody waits for workers that will never come.
//! 5. Nothing foreign is called under a lock.

use std::convert::Infallible;
use std::fmt;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_sync::channel::{Permit, Receiver, SendError, Sender};
use async_sync::context::OnCancel;
use async_sync::wait_group::OwnedToken;
use async_sync::{Context, Notify, WaitGroup, oneshot};
use futures_util::future::{Either, select};
use runtime::Spawn;

use super::JobError;
use crate::caught::{Caught, call};
use crate::errgroup::{self, ErrGroup, Panic};
use crate::yield_now::yield_now;

/// Jobs that a worker does before it lets others run, if none of them has to wait.
const TURN: usize = 32;

/// The most workers.
const MOST: usize = 1 << 20;

/// Makes workers.
pub(crate) trait Hire<J>: Send + Sync + 'static {
    type Worker: Work<J>;

    fn hire(&self) -> Self::Worker;
}

/// Does jobs, one at a time.
pub(crate) trait Work<J>: Send + 'static {
    /// Does a job, and says who knows how it ended.
    fn work(&mut self, job: J) -> impl Future<Output = Told> + Send;
}

/// How a job ended.
#[derive(Debug)]
pub(crate) enum Told {
    Fine,
    /// It has panicked, and whoever waits for it knows.
    Panicked,
    /// It has panicked, and nobody knows yet.
    Untold(Panic),
}

impl Told {
    /// Gives the result of a job to whoever waits for it, or waited.
    pub(crate) fn tell<T>(
        result: Result<T, Panic>,
        reply: oneshot::Sender<Result<T, JobError>>,
    ) -> Self {
        let told = if result.is_ok() {
            Self::Fine
        } else {
            Self::Panicked
        };
        match reply.send(result.map_err(JobError::Panicked)) {
            Err(SendError(Err(JobError::Panicked(panic)))) => Self::Untold(panic),
            _ => told,
        }
    }
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
    staff: Mutex<Staff>,
    // Whether there were too many when `staff` was last changed: a hint, so that a busy worker need not lock.
    too_many: AtomicBool,
    // Told when fewer are wanted.
    fewer: Notify,
    outstanding: Arc<WaitGroup>,
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

struct Staff {
    wanted: usize,
    present: usize,
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
        let shared = Arc::new(Shared {
            jobs,
            queue,
            staff: Mutex::new(Staff {
                wanted: 0,
                present: 0,
            }),
            too_many: AtomicBool::new(false),
            fewer: Notify::new(),
            outstanding: Arc::new(WaitGroup::new()),
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
                    // The workers may be busy for ever.
                    shared.discard();
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

    /// Sends a job into a place that was reserved. False if the workers have stopped.
    pub(crate) fn send(&self, place: Permit<'_, Queued<J>>, job: J) -> bool {
        let sent = place.send(self.queued(job));
        // The place was kept when the channel was closed. If the last worker had gone by then, nobody else
        // looks into it any more.
        if self.jobs.is_closed() && locked(&self.staff).present == 0 {
            self.discard();
        }
        sent.is_ok()
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
        let workers = locked(&self.staff).present;
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
        assert!(n <= MOST, "{n} workers are too many, each is a task");
        let mut staff = locked(&self.staff);
        let fewer = n < staff.wanted;
        staff.wanted = n;
        let hired = n.saturating_sub(staff.present);
        staff.present += hired;
        self.hint(&staff);
        drop(staff);
        let hired = (0..hired).map(|_| Here::new(self));
        // All of them are there, to be counted out if to spawn one panics.
        let hired: Vec<_> = hired.collect();
        hired.into_iter().for_each(&self.spawn);
        if fewer {
            self.fewer.notify_all();
        }
    }

    fn hint(&self, staff: &Staff) {
        let too_many = staff.present > staff.wanted;
        self.too_many.store(too_many, Relaxed);
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
        while let Ok(queued) = self.queue.try_recv() {
            self.let_go(queued);
        }
    }

    /// Drops a job. If it panics, those behind it are dropped all the same.
    fn let_go(&self, Queued { job, token }: Queued<J>) {
        if let Err(panic) = call(|| drop(job)) {
            self.panicked(panic);
        }
        drop(token);
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

/// A worker that is there, and has been counted.
struct Here<J: Send + 'static> {
    crew: Arc<Shared<J>>,
    counted: bool,
}

impl<J: Send + 'static> Here<J> {
    fn new(crew: &Arc<Shared<J>>) -> Self {
        Self {
            crew: Arc::clone(crew),
            counted: true,
        }
    }

    /// Counts this worker out if there are too many.
    fn leaves(&mut self) -> bool {
        let mut staff = locked(&self.crew.staff);
        if staff.present <= staff.wanted {
            return false;
        }
        staff.present -= 1;
        self.crew.hint(&staff);
        self.counted = false;
        true
    }
}

impl<J: Send + 'static> Drop for Here<J> {
    fn drop(&mut self) {
        if !self.counted {
            return;
        }
        let mut staff = locked(&self.crew.staff);
        staff.present -= 1;
        self.crew.hint(&staff);
        let last = staff.present == 0;
        drop(staff);
        if last {
            self.crew.jobs.close();
            self.crew.discard();
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
    mut here: Here<J>,
    hire: Arc<H>,
) -> Result<(), Infallible> {
    let mut worker = hire.hire();
    let mut turn = 0;
    while let Some(Queued { job, token }) = next(&mut here).await {
        let crew = &*here.crew;
        if crew.cut_off.load(Relaxed) {
            crew.let_go(Queued { job, token });
            continue;
        }
        let busy = Busy::new(&crew.busy);
        let ended = Caught::new(worker.work(job)).await;
        crew.completed.fetch_add(1, Relaxed);
        drop(busy);
        let told = ended.unwrap_or_else(Told::Untold);
        if !matches!(told, Told::Fine) {
            crew.panicked.fetch_add(1, Relaxed);
            worker = hire.hire();
        }
        if let Told::Untold(panic) = told {
            crew.panicked(panic);
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
async fn next<J: Send + 'static>(here: &mut Here<J>) -> Option<Queued<J>> {
    if here.crew.too_many.load(Relaxed) && here.leaves() {
        return None;
    }
    if let Ok(job) = here.crew.queue.try_recv() {
        return Some(job);
    }
    wait(here).await
}

/// The same, for a worker that has nothing to do.
async fn wait<J: Send + 'static>(here: &mut Here<J>) -> Option<Queued<J>> {
    let crew = Arc::clone(&here.crew);
    loop {
        // It hears of whatever comes after this.
        let fewer = pin!(crew.fewer.listen());
        if here.leaves() {
            return None;
        }
        // A job first. What the other one was promised goes to the next.
        match select(pin!(crew.queue.recv()), fewer).await {
            Either::Left((job, _)) => return job,
            Either::Right(_) => {}
        }
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
