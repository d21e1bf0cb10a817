//! P44, P45, P47: jobs at a time, sleeps and timeouts.

use std::collections::BTreeMap;
use std::fs;
use std::future::{Future, pending, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use orchestration::SchedGroup;
use orchestration::schedgroup::{SharedTimer, TimeQueue};
use runtime::{Timer, TokioRuntime};
use tokio_util::time::DelayQueue;

use crate::alloc;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::hand::{repeat, repeat_many};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::{Mode, Plan, Sample, figure};

const OURS: &str = "SchedGroup";
const ITEMS: &str = "TimeQueue";
const QUEUE: &str = "tokio-util DelayQueue";
const SLEEP: &str = "tokio sleep";
const GO: &str = "Go time.AfterFunc";

fn tokio(workers: usize) -> tokio::runtime::Runtime {
    let mut builder = match workers {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let builder = builder.worker_threads(workers).enable_time();
    builder.build().expect("a runtime starts")
}

/// Pauses between a second and a minute that repeat only after long.
struct Delays(u64);

impl Delays {
    fn next(&mut self) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        Duration::from_millis(1000 + (self.0 >> 33) % 59_000)
    }
}

/// Operations between two looks at the clock.
const BATCH: usize = 100;

// P44.

fn group_cancel(plan: &Plan, waiting: usize) -> Sample {
    let tokio = tokio(2);
    // The group's own task is on a worker, and this thread is not one.
    let group = SchedGroup::new(TokioRuntime::from(tokio.handle().clone()));
    let mut delays = Delays(7);
    let count = Arc::new(AtomicUsize::new(0));
    for _ in 0..waiting {
        let count = Arc::clone(&count);
        let job = move || drop(black_box(count));
        group.delay_fn(delays.next(), job).expect("it is open");
    }
    let mut in_time = true;
    let mut sample = repeat_many(plan, BATCH, |_| {
        for _ in 0..BATCH {
            let count = Arc::clone(&count);
            let job = group.delay_fn(delays.next(), move || drop(black_box(count)));
            in_time &= job.is_ok_and(|job| job.cancel());
        }
    });
    if !in_time {
        sample.trouble = Some("a job ran".to_owned());
    }
    sample
}

fn items_cancel(plan: &Plan, waiting: usize) -> Sample {
    let tokio = tokio(2);
    let queue = TimeQueue::new(TokioRuntime::from(tokio.handle().clone()));
    let mut delays = Delays(7);
    let count = Arc::new(AtomicUsize::new(0));
    for _ in 0..waiting {
        drop(queue.delay(delays.next(), Arc::clone(&count)));
    }
    let mut in_time = true;
    let mut sample = repeat_many(plan, BATCH, |_| {
        for _ in 0..BATCH {
            let item = queue.delay(delays.next(), Arc::clone(&count));
            in_time &= item.is_ok_and(|item| black_box(item.take()).is_some());
        }
    });
    if !in_time {
        sample.trouble = Some("an item was gone".to_owned());
    }
    sample
}

fn queue_cancel(plan: &Plan, waiting: usize) -> Sample {
    let tokio = tokio(1);
    tokio.block_on(async {
        let mut queue = DelayQueue::new();
        let mut delays = Delays(7);
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..waiting {
            queue.insert(Arc::clone(&count), delays.next());
        }
        repeat_many(plan, BATCH, |_| {
            for _ in 0..BATCH {
                let key = queue.insert(Arc::clone(&count), delays.next());
                drop(black_box(queue.remove(&key)));
            }
        })
    })
}

/// A sleep that is dropped: polled once, since only that arms it.
fn sleep_cancel(plan: &Plan, waiting: usize) -> Sample {
    let tokio = tokio(2);
    let _context = tokio.enter();
    let mut delays = Delays(7);
    let cx = &mut Context::from_waker(Waker::noop());
    let mut sleep = || {
        let mut sleep = Box::pin(tokio::time::sleep(delays.next()));
        let _ = sleep.as_mut().poll(cx);
        sleep
    };
    let _others: Vec<_> = (0..waiting).map(|_| sleep()).collect();
    repeat_many(plan, BATCH, |_| {
        for _ in 0..BATCH {
            drop(black_box(sleep()));
        }
    })
}

fn cancels(label: &str, waiting: usize) -> Point {
    let mut cases = Cases::new("timers-cancel", label, Passes::Counted);
    let scaled = move |plan: &Plan| waiting / usize::try_from(plan.shrink).unwrap_or(1);
    cases.add(OURS, Role::Ours, move |plan| {
        group_cancel(plan, scaled(plan))
    });
    cases.add(ITEMS, Role::Ours, move |plan| {
        items_cancel(plan, scaled(plan))
    });
    cases.add(QUEUE, Role::Peer, move |plan| {
        queue_cancel(plan, scaled(plan))
    });
    cases.add(SLEEP, Role::Peer, move |plan| {
        sleep_cancel(plan, scaled(plan))
    });
    cases.go(GO, &["timers-cancel", &waiting.to_string()]);
    cases.point()
}

// P45.

/// A runtime that is never stopped: what a thread that has ended has used is not to be found any more.
fn lasting() -> &'static tokio::runtime::Runtime {
    Box::leak(Box::new(tokio(2)))
}

/// Nanoseconds that this process's threads have been on a processor.
fn on_cpu() -> Option<u64> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let times = tasks.flatten().filter_map(|task| {
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Some(times.sum())
}

const SPREAD: Duration = Duration::from_secs(1);

/// What is to go off.
#[derive(Clone)]
struct Load {
    n: usize,
    spread: Duration,
    fired: Arc<AtomicUsize>,
}

impl Load {
    /// When each is due, in no order; and what it counts itself in.
    fn each(&self) -> impl Iterator<Item = (Duration, Arc<AtomicUsize>)> {
        (0..self.n).map(|i| {
            let place = i.wrapping_mul(7_919) % self.n;
            let due = self.spread.mul_f64(place as f64 / self.n as f64);
            (due, Arc::clone(&self.fired))
        })
    }
}

/// Sets so many timers, and waits until all have gone off: processor time for each. When counting, the bytes
/// of each.
fn storm(plan: &Plan, n: usize, set: impl Fn(&Load) -> Waits) -> Sample {
    let load = Load {
        n: plan.scaled(n),
        spread: SPREAD.div_f64(plan.shrink as f64),
        fired: Arc::default(),
    };
    let each = |total: u64| total as f64 / load.n as f64;
    if let Mode::Count(_) = plan.mode {
        let mut waits = None;
        let heap = alloc::count(|| waits = Some(set(&load)));
        std::mem::forget(waits);
        return Sample {
            figures: BTreeMap::from([(figure::HEAP.to_owned(), each(heap.bytes))]),
            ..Sample::default()
        };
    }
    let before = on_cpu();
    set(&load)();
    let spent = on_cpu().zip(before).map(|(after, before)| after - before);
    let complete = load.fired.load(Relaxed) == load.n;
    Sample {
        ns: spent.map(each),
        trouble: (!complete).then(|| "some timers did not go off".to_owned()),
        ..Sample::default()
    }
}

/// Waits until all have gone off.
type Waits = Box<dyn FnOnce()>;

fn add(count: &AtomicUsize) {
    count.fetch_add(1, Relaxed);
}

fn group_storm(load: &Load) -> Waits {
    let tokio = lasting();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let group = SchedGroup::new(rt.clone());
    let now = rt.now();
    for (due, fired) in load.each() {
        let job = group.schedule_fn(now + due, move || add(&fired));
        drop(job.expect("it is open"));
    }
    Box::new(move || drop(tokio.block_on(group.wait())))
}

fn group_futures_storm(load: &Load) -> Waits {
    let tokio = lasting();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let group = SchedGroup::new(rt.clone());
    let now = rt.now();
    for (due, fired) in load.each() {
        let job = group.schedule(now + due, async move { add(&fired) });
        drop(job.expect("it is open"));
    }
    Box::new(move || drop(tokio.block_on(group.wait())))
}

fn items_storm(load: &Load) -> Waits {
    let tokio = lasting();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let mut queue = TimeQueue::new(rt.clone());
    let now = rt.now();
    for (due, fired) in load.each() {
        drop(queue.schedule(now + due, fired));
    }
    Box::new(move || {
        tokio.block_on(async {
            queue.close();
            while let Some(item) = queue.recv().await {
                add(&item);
            }
        });
    })
}

fn queue_storm(load: &Load) -> Waits {
    let tokio = lasting();
    let queue = {
        let _context = tokio.enter();
        let mut queue = DelayQueue::new();
        let now = tokio::time::Instant::now();
        for (due, fired) in load.each() {
            queue.insert_at(fired, now + due);
        }
        queue
    };
    Box::new(move || {
        tokio.block_on(async {
            let mut queue = queue;
            while let Some(expired) = queue.next().await {
                add(expired.get_ref());
            }
        });
    })
}

fn sleep_storm(load: &Load) -> Waits {
    let tokio = lasting();
    let tasks = tokio_util::task::TaskTracker::new();
    let now = tokio::time::Instant::now();
    for (due, fired) in load.each() {
        let task = async move {
            tokio::time::sleep_until(now + due).await;
            add(&fired);
        };
        drop(tasks.spawn_on(task, tokio.handle()));
    }
    tasks.close();
    Box::new(move || tokio.block_on(tasks.wait()))
}

/// Items that come out, one after the other.
fn item_storms(label: &str, n: usize) -> Point {
    let mut cases = Cases::new("timers-items", label, Passes::Counted);
    cases.add(ITEMS, Role::Ours, move |plan| storm(plan, n, items_storm));
    cases.add(QUEUE, Role::Peer, move |plan| storm(plan, n, queue_storm));
    cases.point()
}

/// Something that is done at its time.
fn storms(label: &str, n: usize) -> Point {
    let mut cases = Cases::new("timers-storm", label, Passes::Counted);
    cases.add(OURS, Role::Ours, move |plan| storm(plan, n, group_storm));
    cases.add("SchedGroup, futures", Role::Ours, move |plan| {
        storm(plan, n, group_futures_storm)
    });
    cases.add("tokio spawn and sleep", Role::Peer, move |plan| {
        storm(plan, n, sleep_storm)
    });
    cases.go(GO, &["timers-storm", &n.to_string()]);
    cases.point()
}

// P47.

const RUNTIME: &str = "runtime, TokioRuntime";
const SHARED: &str = "SharedTimer over tokio";
const MINI: &str = "runtime, mini-executor";
const TOKIO: &str = "tokio timeout";
const CLOCK: &str = "Instant::now";
const LONG: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
enum Inner {
    Ready,
    YieldsOnce,
    /// Polled once, and dropped.
    Dropped,
}

/// Ready when it is polled for the second time.
#[derive(Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// Makes timeouts around three futures, each of another type.
macro_rules! timeouts {
    ($plan:expr, $inner:expr, $timeout:expr) => {
        match $inner {
            Inner::Ready => repeat($plan, |cx| {
                let done = pin!($timeout(ready(()))).poll(cx).is_ready();
                assert!(black_box(done));
            }),
            Inner::YieldsOnce => repeat($plan, |cx| {
                let mut timeout = pin!($timeout(Yield::default()));
                assert!(timeout.as_mut().poll(cx).is_pending());
                assert!(black_box(timeout.poll(cx)).is_ready());
            }),
            Inner::Dropped => repeat($plan, |cx| {
                let timeout = pin!($timeout(pending::<()>()));
                assert!(black_box(timeout.poll(cx)).is_pending());
            }),
        }
    };
}

fn timeouts(label: &str, inner: Inner) -> Point {
    let mut cases = Cases::new("timers-timeout", label, Passes::Counted);
    // Not in a task: cooperative budgets do not run out.
    cases.add(RUNTIME, Role::Ours, move |plan| {
        let tokio = tokio(2);
        let _context = tokio.enter();
        let rt = TokioRuntime::from(tokio.handle().clone());
        timeouts!(plan, inner, |future| rt.timeout(LONG, future))
    });
    cases.add(SHARED, Role::Ours, move |plan| {
        let tokio = tokio(2);
        let _context = tokio.enter();
        let timer = SharedTimer::new(TokioRuntime::from(tokio.handle().clone()));
        timeouts!(plan, inner, |future| timer.timeout(LONG, future))
    });
    cases.add(MINI, Role::Ours, move |plan| {
        let mut sample = Sample::default();
        let run = mini_executor::run(0, |rt| {
            sample = timeouts!(plan, inner, |future| rt.timeout(LONG, future));
            ready(())
        });
        run.expect("it does not stall");
        sample
    });
    cases.add(TOKIO, Role::Floor, move |plan| {
        let tokio = tokio(2);
        let _context = tokio.enter();
        timeouts!(plan, inner, |future| tokio::time::timeout(LONG, future))
    });
    cases.add(CLOCK, Role::Floor, |plan| {
        repeat(plan, |_| {
            black_box(Instant::now());
        })
    });
    if matches!(inner, Inner::Dropped) {
        cases.go("Go time.AfterFunc and Stop", &["timers-cancel", "0"]);
    }
    cases.point()
}

fn timeout_points() -> Vec<Point> {
    vec![
        timeouts("ready at once", Inner::Ready),
        timeouts("yields once", Inner::YieldsOnce),
        timeouts("armed and dropped", Inner::Dropped),
    ]
}

const PROCESSOR: &str = "If the tables say ns per operation, it is processor time here.";

pub(super) fn rows() -> Vec<Row> {
    let ahead = || vec![Goal::Ahead(Rival::Peers), Goal::Ahead(Rival::Go(0))];
    vec![
        Row {
            id: "P44",
            title: "Scheduled and called off",
            about: "A function is scheduled, a second to a minute ahead, and called off, by a thread that \
                    is not the runtime's; alone, and beside others that wait.",
            judged: OURS,
            floor: None,
            measure: Measure::Nanos,
            points: vec![cancels("alone", 0), cancels("beside 100 000", 100_000)],
            goals: ahead(),
            notes: &[
                "DelayQueue belongs to one task, so its figure is without a lock and within the runtime; a \
                 service would put a lock or a channel around it.",
                "tokio's sleep is in a box and polled once.",
            ],
        },
        Row {
            id: "P45",
            title: "Items that come out within a second",
            about: "So many items are entered, in no order, and all come out at their time: processor time of \
                    the process for each, with two workers. Bytes on the heap for each that waits.",
            judged: ITEMS,
            floor: None,
            measure: Measure::Nanos,
            points: vec![
                item_storms("100 000", 100_000),
                item_storms("1 000 000", 1_000_000),
            ],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[
                PROCESSOR,
                "Items are entered into TimeQueue from any thread, into DelayQueue by its task.",
            ],
        },
        Row {
            id: "P45",
            title: "Jobs that are done within a second",
            about: "The same with functions and futures, which are called and spawned at their time.",
            judged: OURS,
            floor: None,
            measure: Measure::Nanos,
            points: vec![storms("100 000", 100_000), storms("1 000 000", 1_000_000)],
            goals: ahead(),
            notes: &[
                PROCESSOR,
                "SchedGroup calls a function for each, or spawns a future; the others start a task, or a \
                 goroutine.",
            ],
        },
        Row {
            id: "P47",
            title: "Timeouts, by the adapter",
            about: "`timeout` around a future that is ready at once; that is ready at the second poll; that is \
                    dropped after the first. What our trait adds to tokio's.",
            judged: RUNTIME,
            floor: Some(TOKIO),
            measure: Measure::Nanos,
            points: timeout_points(),
            goals: vec![Goal::FloorAnd(10.0)],
            notes: &[],
        },
        Row {
            id: "P47",
            title: "Timeouts, by a timer of our own",
            about: "The same, by one sleep of the runtime's timer for all timeouts.",
            judged: SHARED,
            floor: Some(CLOCK),
            measure: Measure::Nanos,
            points: timeout_points(),
            goals: vec![Goal::AtMost(Measure::Nanos, 80.0)],
            notes: &[],
        },
        Row {
            id: "P47",
            title: "Timeouts, in virtual time",
            about: "The same, on the mini executor.",
            judged: MINI,
            floor: Some(CLOCK),
            measure: Measure::Nanos,
            points: timeout_points(),
            goals: vec![Goal::AtMost(Measure::Nanos, 80.0)],
            notes: &[],
        },
    ]
}
