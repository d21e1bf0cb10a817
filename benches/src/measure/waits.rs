//! How long acquisitions wait.
//!
//! Two readings of a clock cost as much as several operations of a quick lock. So throughput and
//! waits are taken one after the other in the same process: first nobody looks at a clock, then
//! every acquisition that does not succeed at its first poll is timed.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::sample::Waits;

/// Looks at how long futures take, or does not.
pub trait Watch: Send + 'static {
    /// For a task that has wanted its turn since `start`.
    fn new(start: Instant) -> Self;

    /// Awaits.
    fn watch<F: Future + Send>(&mut self, future: F) -> impl Future<Output = F::Output> + Send;

    /// The task ends.
    fn end(self);
}

/// Does not look.
#[derive(Debug)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn new(_: Instant) -> Self {
        Unwatched
    }

    #[inline]
    fn watch<F: Future + Send>(&mut self, future: F) -> impl Future<Output = F::Output> + Send {
        future
    }

    fn end(self) {}
}

/// Looks at all that have to wait.
#[derive(Debug)]
pub struct Watched {
    // Until its first operation a task has been waiting since the start, polled or not.
    start: Option<Instant>,
    at_once: u64,
}

impl Watch for Watched {
    fn new(start: Instant) -> Self {
        Watched {
            start: Some(start),
            at_once: 0,
        }
    }

    async fn watch<F: Future + Send>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut since = self.start.take();
        let at_once = &mut self.at_once;
        poll_fn(move |cx| match future.as_mut().poll(cx) {
            Poll::Ready(out) => {
                match since {
                    Some(since) => record(since.elapsed()),
                    None => *at_once += 1,
                }
                Poll::Ready(out)
            }
            Poll::Pending => {
                since.get_or_insert_with(Instant::now);
                Poll::Pending
            }
        })
        .await
    }

    fn end(self) {
        with_own(|waits| {
            // Cannot fail: the histogram grows as it needs to.
            let _ = waits.record_n(0, self.at_once);
        });
    }
}

type Shard = Arc<Mutex<Histogram<u64>>>;

/// One for each thread, so that nobody waits for another.
static SHARDS: Mutex<Vec<Shard>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: OnceCell<Shard> = const { OnceCell::new() };
}

fn with_own(act: impl FnOnce(&mut Histogram<u64>)) {
    OWN.with(|own| {
        let shard = own.get_or_init(|| {
            let shard = Shard::new(Mutex::new(empty()));
            SHARDS
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Arc::clone(&shard));
            shard
        });
        act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

fn empty() -> Histogram<u64> {
    Histogram::new(3).expect("three digits")
}

fn record(wait: Duration) {
    let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
    with_own(|waits| {
        // Cannot fail: the histogram grows as it needs to.
        let _ = waits.record(nanos);
    });
}

/// What was recorded by the tasks that have ended.
#[must_use]
pub fn recorded() -> Option<Waits> {
    let mut all = empty();
    for shard in SHARDS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        // Cannot fail: the histogram grows as it needs to.
        let _ = all.add(&*shard.lock().unwrap_or_else(PoisonError::into_inner));
    }
    let at = |quantile| all.value_at_quantile(quantile) as f64;
    (!all.is_empty()).then(|| Waits {
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        worst: all.max() as f64,
    })
}
