//! Operations of one thread, repeated.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::alloc;
use crate::sample::{Mode, Plan, Sample, figure};
use crate::stats::median;

/// Makes a future and polls it, which is ready at once. The context is the runtime's, which has made
/// it before; the future is made where it is polled, as `.await` does.
///
/// # Panics
///
/// If it is not ready.
#[inline]
pub fn ready<F: Future>(make: impl FnOnce() -> F, cx: &mut Context<'_>) -> F::Output {
    match pin!(make()).poll(cx) {
        Poll::Ready(out) => out,
        Poll::Pending => panic!("the future has to wait"),
    }
}

struct Wakes(AtomicU64);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Repeats `operation` as the plan says. It gets a context to poll with, whose waker does nothing
/// when time is taken, and counts when wake-ups are counted.
pub fn repeat(plan: &Plan, operation: impl FnMut(&mut Context<'_>)) -> Sample {
    repeat_many(plan, 1, operation)
}

/// As [`repeat`], where each call of `operations` does `each` of them.
pub fn repeat_many(
    plan: &Plan,
    each: usize,
    mut operations: impl FnMut(&mut Context<'_>),
) -> Sample {
    let each = each as f64;
    match plan.mode {
        Mode::Time => Sample {
            ns: Some(timed(plan.duration(), &mut operations) / each),
            ..Sample::default()
        },
        Mode::Iterations(n) => Sample {
            ns: Some(batch(n, Waker::noop(), &mut operations).as_nanos() as f64 / n as f64 / each),
            ..Sample::default()
        },
        Mode::Count(n) => {
            // Thread-locals, caches of nodes and the like come once and do not count.
            let n = n.div_ceil(each as u64).max(1);
            let wakes = Arc::new(Wakes(AtomicU64::new(0)));
            let waker = Waker::from(Arc::clone(&wakes));
            batch(2, &waker, &mut operations);
            wakes.0.store(0, Relaxed);
            let allocated = alloc::count(|| {
                batch(n, &waker, &mut operations);
            });
            let per = |count: u64| count as f64 / n as f64 / each;
            let mut sample = Sample::default();
            for (name, count) in [
                (figure::ALLOCATIONS, allocated.times),
                (figure::ALLOCATED, allocated.bytes),
                (figure::WAKES, wakes.0.load(Relaxed)),
            ] {
                sample.figures.insert(name.to_owned(), per(count));
            }
            sample
        }
    }
}

/// The one loop that is timed, and whose instructions are counted.
#[inline(never)]
fn batch(n: u64, waker: &Waker, operation: &mut impl FnMut(&mut Context<'_>)) -> Duration {
    let mut cx = Context::from_waker(waker);
    let start = Instant::now();
    for _ in 0..n {
        operation(black_box(&mut cx));
    }
    start.elapsed()
}

/// The median of many short batches: a batch that an interrupt or another process hits stands aside.
fn timed(duration: Duration, operation: &mut impl FnMut(&mut Context<'_>)) -> f64 {
    const BATCH: Duration = Duration::from_micros(200);
    let mut n = 1;
    let deadline = Instant::now() + duration;
    while batch(n, Waker::noop(), operation) < BATCH && n < 1 << 30 {
        n *= 2;
    }
    let mut batches = Vec::new();
    while batches.is_empty() || Instant::now() < deadline {
        let time = batch(n, Waker::noop(), operation);
        batches.push(time.as_nanos() as f64 / n as f64);
    }
    median(&batches)
}
