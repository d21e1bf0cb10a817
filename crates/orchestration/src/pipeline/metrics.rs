//! What is counted of a stage, without costing it anything that can be felt.
//!
//! Each worker has a block of its own, on cache lines of its own, which only it writes, once for each
//! batch: plain loads and stores, no read-modify-write, no line that two cores want. A snapshot adds
//! the blocks up, and is as exact as the last batches. Times come from `sync_core::clock` (14 ns a look,
//! microseconds, virtual in `mini-executor`); a single stretch of more than 73 minutes wraps.
//!
//! A worker is *busy*, *waits for input* or *waits for room*; the block says since when, so a snapshot
//! includes the stretch that is not over.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use sync_core::clock;

use super::link::Link;

/// What a worker does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Doing {
    Nothing = 0,
    Working = 1,
    WaitingForInput = 2,
    WaitingForRoom = 3,
}

const KINDS: usize = 4;

/// Buckets of a quarter of a power of two each, in nanoseconds: a quantile is at most a quarter too high.
const BUCKETS: usize = 4 * 40;

fn bucket(nanos: u64) -> usize {
    if nanos < 4 {
        return nanos as usize;
    }
    let log = nanos.ilog2() as usize;
    let quarter = (nanos >> (log - 2)) as usize & 3;
    (4 * (log - 1) + quarter).min(BUCKETS - 1)
}

/// The largest number of nanoseconds that falls into the bucket.
fn upper(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let (log, quarter) = (bucket / 4 + 1, bucket as u64 % 4);
    ((4 + quarter + 1) << (log - 2)) - 1
}

/// The block of one worker.
#[repr(align(128))]
pub(super) struct WorkerStats {
    taken: AtomicU64,
    given: AtomicU64,
    errors: AtomicU64,
    // Nanoseconds by `Doing`.
    spent: [AtomicU64; KINDS],
    doing: AtomicU32,
    since: AtomicU32,
    latencies: [AtomicU32; BUCKETS],
}

impl WorkerStats {
    pub(super) fn new() -> Self {
        WorkerStats {
            taken: AtomicU64::new(0),
            given: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            spent: [const { AtomicU64::new(0) }; KINDS],
            doing: AtomicU32::new(0),
            since: AtomicU32::new(0),
            latencies: [const { AtomicU32::new(0) }; BUCKETS],
        }
    }

    /// Only the worker calls this, so nothing is lost between the two. Relaxed: counts order nothing.
    #[inline]
    fn add(counter: &AtomicU64, more: u64) {
        counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
    }

    pub(super) fn count(&self, taken: u64, given: u64, errors: u64) {
        Self::add(&self.taken, taken);
        Self::add(&self.given, given);
        if errors > 0 {
            Self::add(&self.errors, errors);
        }
    }

    /// From now on it does this.
    pub(super) fn turn_to(&self, doing: Doing) -> u64 {
        let now = clock::now();
        let nanos = self.stretch(now);
        let before = self.doing.load(Ordering::Relaxed);
        Self::add(&self.spent[before as usize % KINDS], nanos);
        self.since.store(now, Ordering::Relaxed);
        self.doing.store(doing as u32, Ordering::Relaxed);
        nanos
    }

    /// It does this until the guard is dropped, and nothing then.
    pub(super) fn enter(&self, doing: Doing) -> Entered<'_> {
        self.turn_to(doing);
        Entered { stats: self }
    }

    fn stretch(&self, now: u32) -> u64 {
        let ticks = now.wrapping_sub(self.since.load(Ordering::Relaxed));
        // A stamp that two cores disagree about may lie in the future.
        if self.doing.load(Ordering::Relaxed) == Doing::Nothing as u32 || ticks > u32::MAX / 2 {
            return 0;
        }
        u64::from(ticks) << 10
    }

    /// `count` items took `nanos` together.
    pub(super) fn latency(&self, nanos: u64, count: u64) {
        let Some(each) = nanos.checked_div(count) else {
            return;
        };
        let counter = &self.latencies[bucket(each)];
        let more = u32::try_from(count).unwrap_or(u32::MAX);
        let sum = counter.load(Ordering::Relaxed).saturating_add(more);
        counter.store(sum, Ordering::Relaxed);
    }
}

/// A stretch of time.
pub(super) struct Entered<'a> {
    stats: &'a WorkerStats,
}

impl Entered<'_> {
    /// How many nanoseconds it has been so far.
    pub(super) fn nanos(&self) -> u64 {
        self.stats.stretch(clock::now())
    }

    /// It is over. How many nanoseconds that took.
    pub(super) fn end(self) -> u64 {
        std::mem::ManuallyDrop::new(self)
            .stats
            .turn_to(Doing::Nothing)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.stats.turn_to(Doing::Nothing);
    }
}

/// What the queue before a stage tells.
pub(super) trait Gauge: Send + Sync {
    fn depth(&self) -> usize;
}

impl<T: Send> Gauge for Link<T> {
    fn depth(&self) -> usize {
        self.depth()
    }
}

/// A stage, as those see it who look from outside.
pub(super) struct StageStats {
    pub(super) name: Arc<str>,
    // Made when the pipeline is started.
    workers: OnceLock<Vec<Arc<WorkerStats>>>,
    queue: OnceLock<(usize, Weak<dyn Gauge>)>,
    // Rare, and from several workers.
    pub(super) retries: AtomicU64,
}

impl StageStats {
    pub(super) fn new(name: &str) -> Arc<Self> {
        Arc::new(StageStats {
            name: name.into(),
            workers: OnceLock::new(),
            queue: OnceLock::new(),
            retries: AtomicU64::new(0),
        })
    }

    pub(super) fn start(&self, workers: usize) -> Vec<Arc<WorkerStats>> {
        let new = || (0..workers).map(|_| Arc::new(WorkerStats::new())).collect();
        self.workers.get_or_init(new).clone()
    }

    pub(super) fn watch<T: Send + 'static>(&self, queue: &Arc<Link<T>>) {
        let gauge: Weak<dyn Gauge> = Arc::downgrade(&(Arc::clone(queue) as Arc<dyn Gauge>));
        let _ = self.queue.set((queue.capacity(), gauge));
    }

    pub(super) fn read(&self) -> StageMetrics {
        let now = clock::now();
        let workers = self.workers.get().map_or(&[][..], Vec::as_slice);
        let sum = |of: fn(&WorkerStats) -> &AtomicU64| -> u64 {
            let each = workers
                .iter()
                .map(|stats| of(stats).load(Ordering::Relaxed));
            each.sum()
        };
        let spent = |kind: Doing| -> Duration {
            let each = workers.iter().map(|stats| {
                let doing = stats.doing.load(Ordering::Relaxed);
                let open = if doing == kind as u32 {
                    stats.stretch(now)
                } else {
                    0
                };
                stats.spent[kind as usize].load(Ordering::Relaxed) + open
            });
            Duration::from_nanos(each.sum())
        };
        let queue = self.queue.get();
        // None when the pipeline has ended, and its queues are gone.
        let depth =
            |(_, queue): &(usize, Weak<dyn Gauge>)| queue.upgrade().map(|queue| queue.depth());
        let mut latencies = [0_u64; BUCKETS];
        for stats in workers {
            for (sum, one) in latencies.iter_mut().zip(&stats.latencies) {
                *sum += u64::from(one.load(Ordering::Relaxed));
            }
        }
        StageMetrics {
            name: Arc::clone(&self.name),
            workers: workers.len(),
            taken: sum(|stats| &stats.taken),
            given: sum(|stats| &stats.given),
            errors: sum(|stats| &stats.errors),
            retries: self.retries.load(Ordering::Relaxed),
            queued: queue.and_then(depth).unwrap_or(0),
            capacity: queue.map(|(capacity, _)| *capacity),
            busy: spent(Doing::Working),
            starved: spent(Doing::WaitingForInput),
            blocked: spent(Doing::WaitingForRoom),
            p50: quantile(&latencies, 50),
            p99: quantile(&latencies, 99),
        }
    }
}

fn quantile(latencies: &[u64; BUCKETS], percent: u64) -> Duration {
    let total: u64 = latencies.iter().sum();
    let rank = (total * percent).div_ceil(100);
    let mut seen = 0;
    for (index, count) in latencies.iter().enumerate() {
        seen += count;
        if seen >= rank && total > 0 {
            return Duration::from_nanos(upper(index));
        }
    }
    Duration::ZERO
}

/// What one stage has done, and what it does: part of a [`Metrics`](super::Metrics).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StageMetrics {
    /// What it was called when the pipeline was built.
    pub name: Arc<str>,
    /// How many workers it has.
    pub workers: usize,
    /// Items that it took from the stage before. (A source takes none.)
    pub taken: u64,
    /// Items that it gave to the stage behind.
    pub given: u64,
    /// Items that it failed with.
    pub errors: u64,
    /// Attempts after a failed one.
    pub retries: u64,
    /// Items that wait for it.
    pub queued: usize,
    /// How many may wait before the stage before has to. None: nothing waits before a source.
    pub capacity: Option<usize>,
    /// The time with items in hand, all workers together, including what an item waits for.
    pub busy: Duration,
    /// The time without an item, all workers together: the stages before are slower.
    pub starved: Duration,
    /// The time without room for a result, all workers together: the stages behind are slower.
    pub blocked: Duration,
    /// Half of the items took no longer. Items that are so quick that they are worked on many at a time
    /// count with the mean of their batch; the figure is rounded up, by a quarter at most.
    pub p50: Duration,
    /// 99 of 100 items took no longer, with the same proviso.
    pub p99: Duration,
}

impl StageMetrics {
    /// The part of its workers' time that the stage is busy: 1 if all are all the time. The time of a worker
    /// that has ended is what it took until then.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        let all = self.time().as_secs_f64();
        if all > 0.0 {
            self.busy.as_secs_f64() / all
        } else {
            0.0
        }
    }

    /// The time of all of its workers.
    pub(super) fn time(&self) -> Duration {
        self.busy + self.starved + self.blocked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_every_number_and_are_off_by_a_quarter_at_most() {
        let mut last = 0;
        let all = 0..if cfg!(miri) { 1000 } else { 100_000 };
        for nanos in all.chain((17..39).flat_map(|log| [1 << log, (1 << log) + 1])) {
            let at = bucket(nanos);
            assert!(at >= last, "{nanos}");
            assert!(upper(at) >= nanos, "{nanos} {}", upper(at));
            assert!(
                upper(at) as f64 <= nanos as f64 * 1.25,
                "{nanos} {}",
                upper(at)
            );
            last = at;
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles() {
        let stats = StageStats::new("stage");
        let workers = stats.start(2);
        assert_eq!(stats.read().p99, Duration::ZERO);
        workers[0].latency(98 * 100, 98);
        workers[1].latency(1 << 20, 2);
        workers[1].latency(5, 0);
        let metrics = stats.read();
        assert_eq!(metrics.p50, Duration::from_nanos(upper(bucket(100))));
        assert_eq!(metrics.p99, Duration::from_nanos(upper(bucket(1 << 19))));
    }

    #[test]
    fn a_stretch_that_is_not_over_counts() {
        let before = clock::set_virtual(Some(1 << 30));
        let stats = StageStats::new("stage");
        let worker = stats.start(1).pop().unwrap();
        {
            let _waiting = worker.enter(Doing::WaitingForInput);
            clock::set_virtual(Some((1 << 30) + (5 << 20)));
            assert_eq!(stats.read().starved, Duration::from_nanos(5 << 20));
        }
        clock::set_virtual(Some((1 << 30) + (9 << 20)));
        let metrics = stats.read();
        clock::set_virtual(before);
        assert_eq!(metrics.starved, Duration::from_nanos(5 << 20));
        assert_eq!((metrics.busy, metrics.utilisation()), (Duration::ZERO, 0.0));
    }
}
