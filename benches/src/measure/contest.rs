//! Many tasks at one object for a fixed time: what they get through together, and what each of them
//! gets.
//!
//! A fixed time, not a fixed number of operations: where every task has to finish its share, an
//! unfair lock merely serves one task after the other and nobody notices.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::thread;
use std::time::{Duration, Instant};

use super::bed::Bed;
use super::waits::{self, Unwatched, Watch, Watched};
use crate::sample::{Fairness, NOTHING_DONE, Plan, Sample, figure};

/// What the tasks do.
pub trait Operation<B: Bed>: Send + Sync + 'static {
    /// Once. `watch` is to await whatever the task has to queue for. `false`: given up.
    fn once<W: Watch>(
        &self,
        watch: &mut W,
        task: usize,
        turn: u64,
    ) -> impl Future<Output = bool> + Send;

    /// After `operations` were done, whether the object bears it out.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn verify(&self, _operations: u64) -> Result<(), String> {
        Ok(())
    }
}

/// Lets so many tasks contend.
pub fn contest<B: Bed, O: Operation<B>>(
    plan: &Plan,
    tasks: usize,
    make: impl Fn(&Plan) -> O,
) -> Sample {
    let bed = B::start();
    let grace = Duration::from_millis(plan.grace);
    let object = Arc::new(make(plan));
    let tally = match round::<B, O, Unwatched>(&bed, &object, tasks, plan.duration(), grace) {
        Ok(tally) => tally,
        Err(trouble) => return *trouble,
    };
    let mut sample = tally.sample();
    if let Err(trouble) = object.verify(tally.done) {
        return Sample {
            trouble: Some(trouble),
            ..Sample::default()
        };
    }
    let object = Arc::new(make(plan));
    match round::<B, O, Watched>(&bed, &object, tasks, plan.duration() / 2, grace) {
        Ok(_) => {
            if let Some(fairness) = &mut sample.fairness {
                fairness.waits = waits::recorded();
            }
        }
        Err(trouble) => sample.trouble = trouble.trouble,
    }
    sample
}

const WAITING: u32 = 0;
const RUNNING: u32 = 1;
const STOPPED: u32 = 2;

struct Field<O> {
    object: Arc<O>,
    phase: AtomicU32,
    /// When it was made, and how many nanoseconds later the tasks were let go.
    made: Instant,
    start: AtomicU64,
    arrived: AtomicU64,
    ended: AtomicU64,
    /// Operations of each task until now.
    counts: Vec<Count>,
    /// Operations in all, also those that ended after the time.
    done: AtomicU64,
    cancelled: AtomicU64,
}

impl<O> Field<O> {
    fn counts(&self) -> Vec<u64> {
        self.counts
            .iter()
            .map(|count| count.0.load(Relaxed))
            .collect()
    }
}

#[repr(align(128))]
struct Count(AtomicU64);

struct Tally {
    counts: Vec<u64>,
    done: u64,
    cancelled: u64,
    time: Duration,
}

impl Tally {
    fn sample(&self) -> Sample {
        let operations: u64 = self.counts.iter().sum();
        let mut sample = Sample {
            fairness: Some(Fairness::of(&self.counts)),
            ..Sample::default()
        };
        if operations == 0 {
            sample.trouble = Some(NOTHING_DONE.to_owned());
        } else {
            sample.ns = Some(self.time.as_nanos() as f64 / operations as f64);
        }
        if self.cancelled > 0 {
            let all = (self.done + self.cancelled) as f64;
            let percent = 100.0 * self.cancelled as f64 / all;
            sample.figures.insert(figure::CANCELLED.to_owned(), percent);
        }
        sample
    }
}

fn round<B: Bed, O: Operation<B>, W: Watch>(
    bed: &B,
    object: &Arc<O>,
    tasks: usize,
    duration: Duration,
    grace: Duration,
) -> Result<Tally, Box<Sample>> {
    let field = Arc::new(Field {
        object: Arc::clone(object),
        phase: AtomicU32::new(WAITING),
        made: Instant::now(),
        start: AtomicU64::new(0),
        arrived: AtomicU64::new(0),
        ended: AtomicU64::new(0),
        counts: (0..tasks).map(|_| Count(AtomicU64::new(0))).collect(),
        done: AtomicU64::new(0),
        cancelled: AtomicU64::new(0),
    });
    for task in 0..tasks {
        bed.spawn(run::<B, O, W>(Arc::clone(&field), task));
    }
    let all = tasks as u64;
    until(grace, || field.arrived.load(Relaxed) == all);
    let start = Instant::now();
    let nanos = (start - field.made).as_nanos();
    field
        .start
        .store(u64::try_from(nanos).unwrap_or(0), Relaxed);
    field.phase.store(RUNNING, Release);
    // Until every task has been polled: tasks that a runtime has not come to yet are in no queue of
    // the lock, and whoever runs alone meanwhile has it for himself under the fairest of locks.
    thread::sleep(duration / 5);
    let settled = field.counts();
    let start = Instant::now();
    thread::sleep(duration);
    field.phase.store(STOPPED, Release);
    let time = start.elapsed();
    // Before the tasks have ended, since some may never.
    let mut counts = field.counts();
    for (count, before) in counts.iter_mut().zip(settled) {
        *count -= before;
    }
    if !until(grace, || field.ended.load(Acquire) == all) {
        let stuck = all - field.ended.load(Acquire);
        let tally = Tally {
            counts,
            done: 0,
            cancelled: 0,
            time,
        };
        let mut sample = tally.sample();
        sample.trouble = Some(format!(
            "{stuck} of {tasks} tasks hung: told to stop, they had not ended after {} ms",
            grace.as_millis()
        ));
        return Err(Box::new(sample));
    }
    Ok(Tally {
        counts,
        done: field.done.load(Relaxed),
        cancelled: field.cancelled.load(Relaxed),
        time,
    })
}

async fn run<B: Bed, O: Operation<B>, W: Watch>(field: Arc<Field<O>>, task: usize) {
    field.arrived.fetch_add(1, Relaxed);
    while field.phase.load(Acquire) == WAITING {
        B::yield_now().await;
    }
    // A task that the runtime has not polled since waits, too.
    let mut watch = W::new(field.made + Duration::from_nanos(field.start.load(Relaxed)));
    let own = &field.counts[task].0;
    let (mut done, mut cancelled, mut turn) = (0, 0, 0_u64);
    loop {
        let did = field.object.once(&mut watch, task, turn).await;
        turn += 1;
        if did {
            done += 1;
        } else {
            cancelled += 1;
        }
        if field.phase.load(Relaxed) != RUNNING {
            break;
        }
        own.store(done, Relaxed);
        if let Some(turns) = B::TURN
            && turn.is_multiple_of(turns)
        {
            B::yield_now().await;
        }
    }
    watch.end();
    field.done.fetch_add(done, Relaxed);
    field.cancelled.fetch_add(cancelled, Relaxed);
    field.ended.fetch_add(1, Release);
}

/// Looks at the condition every millisecond, `limit` times; `false` if it does not come true.
///
/// By looks and not by the clock: on a machine that stands still for a second, so do the tasks.
fn until(limit: Duration, condition: impl Fn() -> bool) -> bool {
    for _ in 0..limit.as_millis() {
        if condition() {
            return true;
        }
        thread::sleep(Duration::from_millis(1));
    }
    condition()
}
