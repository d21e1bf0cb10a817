//! Scheduled jobs: order, calling off and putting off, the ways in which a group ends. Each scenario on
//! every runtime.

mod common;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_sync::{Context, Event};
use common::{Census, Rt, on_mini, poll_once, units, until, yield_now};
use futures_util::FutureExt as _;
use mini_executor::MiniRuntime;
use orchestration::SchedGroup;
use orchestration::schedgroup::{Builder, Ended, Every, MissedTick, Scheduled};
use runtime::{Spawn, Timer};

type Log = Arc<Mutex<Vec<u32>>>;

fn note(log: &Log, n: u32) -> impl FnOnce() + Send + use<> {
    let log = Arc::clone(log);
    move || log.lock().unwrap().push(n)
}

fn read(log: &Log) -> Vec<u32> {
    log.lock().unwrap().clone()
}

fn bump(count: &AtomicUsize) {
    count.fetch_add(1, SeqCst);
}

/// Keeps the driver busy until what it returns is dropped. What is submitted meanwhile is all there before
/// the next job is begun, however late a thread is.
fn hold<R: Rt>(group: &SchedGroup<R>) -> mpsc::Sender<()> {
    let (free, held) = mpsc::channel();
    let waits = move || assert!(held.recv().is_err());
    group.delay_fn(Duration::ZERO, waits).unwrap();
    free
}

fn message(payload: Box<dyn std::any::Any + Send>) -> &'static str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("no text")
}

async fn by_time_then_by_submission<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let log = Log::default();
    let now = rt.now();
    let held = hold(&group);
    for (n, at) in [(5, 3), (1, 1), (3, 2), (2, 1), (4, 2)] {
        group.schedule_fn(now + units(at), note(&log, n)).unwrap();
    }
    // What is past is due at once, in its order.
    group.schedule_fn(now - units(2), note(&log, 0)).unwrap();
    assert!(group.waiting() > 0);
    drop(held);
    group.wait().await.unwrap();
    assert_eq!(read(&log), [0, 1, 2, 3, 4, 5]);
    assert!(rt.now() >= now + units(3));
}

async fn futures_and_functions_are_started_in_one_order<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let census = Census::default();
    for n in 0..50 {
        let resident = census.enter();
        let clock = rt.clone();
        let due = rt.now() + units(n % 3);
        let job = async move {
            assert!(clock.now() >= due, "early");
            yield_now().await;
            drop(resident);
        };
        group.schedule(due, job).unwrap();
    }
    group.wait().await.unwrap();
    assert_eq!((census.alive(), census.ever()), (0, 50));
}

async fn an_earlier_one_is_not_slept_through<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let log = Log::default();
    let late = group.delay_fn(units(60_000), note(&log, 9)).unwrap();
    rt.sleep(units(1)).await; // The driver sleeps.
    let soon = rt.now() + units(2);
    group.schedule_fn(soon, note(&log, 2)).unwrap();
    let sooner = soon - units(1);
    group.schedule_fn(sooner, note(&log, 1)).unwrap();
    let in_time = rt.now() < soon;
    until(&rt, "the earlier ones ran", || read(&log).len() == 2).await;
    // If this thread was stopped between the two, the driver did not know of the second.
    assert!(read(&log) == [1, 2] || !in_time);
    // Also one that was put forward.
    assert!(late.reschedule_after(units(1)));
    group.wait().await.unwrap();
    assert_eq!(read(&log)[2..], [9]);
}

async fn cancel_in_time_and_too_late<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let census = Census::default();
    let resident = census.enter();
    let job = group
        .delay(units(60_000), async move { drop(resident) })
        .unwrap();
    assert!(job.is_scheduled() && job.due().is_some());
    assert!(job.cancel());
    assert_eq!(census.alive(), 0, "dropped at once");
    assert!(!job.cancel() && !job.is_scheduled() && job.due().is_none());
    assert!(!job.reschedule_after(units(1)));

    let log = Log::default();
    let ran = group.delay_fn(Duration::ZERO, note(&log, 1)).unwrap();
    until(&rt, "it ran", || read(&log) == [1]).await;
    assert!(!ran.cancel() && !ran.is_scheduled());
    // Its place has another owner now.
    let next = group.delay_fn(units(60_000), note(&log, 2)).unwrap();
    assert!(!ran.cancel() && !ran.reschedule_after(Duration::ZERO));
    assert!(next.is_scheduled());
    assert!(next.reschedule_after(units(1)));
    group.wait().await.unwrap();
    assert_eq!(read(&log), [1, 2]);
    assert!(!next.cancel(), "handles outlive the group");
}

async fn a_job_cancels_its_neighbour<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let log = Log::default();
    let victim: Arc<Mutex<Option<Scheduled>>> = Arc::default();
    let due = rt.now() + units(1);
    let (found, counted) = (Arc::clone(&victim), note(&log, 1));
    let first = move || {
        let neighbour = found.lock().unwrap().take();
        if neighbour.is_some_and(|job| job.cancel()) {
            counted();
        }
    };
    let held = hold(&group);
    group.schedule_fn(due, first).unwrap();
    let second = group.schedule_fn(due, note(&log, 2)).unwrap();
    *victim.lock().unwrap() = Some(second);
    group.schedule_fn(due, note(&log, 3)).unwrap();
    drop(held);
    group.wait().await.unwrap();
    assert_eq!(read(&log), [1, 3]);
}

async fn put_off_and_put_forward<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let log = Log::default();
    let now = rt.now();
    let held = hold(&group);
    let jobs: Vec<_> = (0..6)
        .map(|n| {
            group
                .schedule_fn(now + units(n + 1), note(&log, n))
                .unwrap()
        })
        .collect();
    // All at the same time, in an order that is not theirs: the order of submission holds.
    for n in [3, 1, 5] {
        assert!(jobs[n].reschedule(now + units(20)));
        assert_eq!(jobs[n].due(), Some(now + units(20)));
    }
    assert!(jobs[4].reschedule(now - units(1)), "due at once");
    drop(held);
    group.wait().await.unwrap();
    assert_eq!(read(&log), [4, 0, 2, 1, 3, 5]);
}

async fn jobs_submit_jobs_until_the_end<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let count = Arc::new(AtomicUsize::new(0));
    fn again(scheduler: orchestration::schedgroup::Scheduler, count: Arc<AtomicUsize>) {
        if count.fetch_add(1, SeqCst) < 9 {
            let next = scheduler.clone();
            // By turns a function and a future.
            let submitted = if count.load(SeqCst).is_multiple_of(2) {
                scheduler.delay_fn(units(1) / 10, move || again(next, count))
            } else {
                scheduler.delay(units(1) / 10, async move { again(next, count) })
            };
            submitted.unwrap();
        }
    }
    let scheduler = group.scheduler();
    again(group.scheduler(), Arc::clone(&count));
    group.wait().await.unwrap();
    assert_eq!(count.load(SeqCst), 10);
    // Go panics.
    assert_eq!(
        scheduler.delay_fn(Duration::ZERO, || ()).unwrap_err(),
        Ended
    );
    assert_eq!(
        scheduler.delay(Duration::ZERO, async {}).unwrap_err(),
        Ended
    );
    assert_eq!(scheduler.every(units(1), || async {}).unwrap_err(), Ended);
    assert_eq!(scheduler.every_fn(units(1), || ()).unwrap_err(), Ended);
    assert!(scheduler.has_ended());
}

async fn nothing_to_wait_for<R: Rt>(rt: R) {
    SchedGroup::new(rt.clone()).wait().await.unwrap();
    SchedGroup::new(rt.clone()).shutdown().await;
    let group = SchedGroup::new(rt);
    let job = group.delay_fn(units(60_000), || ()).unwrap();
    let mut wait = pin!(group.wait());
    for _ in 0..10 {
        assert!(poll_once(wait.as_mut()).await.is_none());
        yield_now().await;
    }
    // The last one that is left is called off while somebody waits and the driver sleeps.
    assert!(job.cancel());
    wait.await.unwrap();
}

async fn dropping_the_group_drops_all<R: Rt>(rt: R) {
    for wait in [false, true] {
        let group = SchedGroup::new(rt.clone());
        let census = Census::default();
        let scheduler = group.scheduler();
        let resident = census.enter();
        let running = async move {
            std::future::pending::<()>().await;
            drop(resident);
        };
        group.delay(Duration::ZERO, running).unwrap();
        until(&rt, "it runs", || group.running() == 1).await;
        let resident = census.enter();
        group
            .delay(units(60_000), async move { drop(resident) })
            .unwrap();
        let resident = census.enter();
        let recurring = move || {
            let _ = &resident;
        };
        group.every_fn(units(60_000), recurring).unwrap();
        assert_eq!(census.alive(), 3);
        if wait {
            let mut wait = Box::pin(group.wait());
            assert!(poll_once(wait.as_mut()).await.is_none());
            drop(wait);
        } else {
            drop(group);
        }
        assert!(scheduler.has_ended());
        assert_eq!(scheduler.waiting(), 0);
        until(&rt, "all are gone", || census.alive() == 0).await;
    }
}

async fn shutdown_waits_for_what_runs<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let census = Census::default();
    for delay in [0, 0, 60_000] {
        let resident = census.enter();
        let job = async move {
            std::future::pending::<()>().await;
            drop(resident);
        };
        group.delay(units(delay), job).unwrap();
    }
    until(&rt, "two run", || group.running() == 2).await;
    group.shutdown().await;
    assert_eq!(census.alive(), 0);
}

async fn a_context_ends_the_group<R: Rt>(rt: R) {
    let service = Context::new();
    let group = Builder::new().context(&service).build(rt.clone());
    let log = Log::default();
    let cancelled = Arc::new(Event::new());
    let (goes_on, ends) = (Arc::clone(&cancelled), note(&log, 1));
    let slow = async move {
        goes_on.wait().await;
        ends();
    };
    group.delay(Duration::ZERO, slow).unwrap();
    group.delay_fn(units(60_000), note(&log, 2)).unwrap();
    until(&rt, "it runs", || group.running() == 1).await;
    let scheduler = group.scheduler();
    let mut wait = pin!(group.wait());
    assert!(poll_once(wait.as_mut()).await.is_none());
    service.cancel();
    assert!(poll_once(wait.as_mut()).await.is_none());
    cancelled.set();
    let cause = wait.await.unwrap_err();
    assert!(cause.is_canceled());
    assert_eq!(
        read(&log),
        [1],
        "what runs has ended, nothing else was started"
    );
    assert!(scheduler.delay_fn(Duration::ZERO, || ()).is_err());

    // Cancelled before: nothing is started.
    let group = Builder::new().context(&service).build(rt.clone());
    let _ = group.delay_fn(Duration::ZERO, note(&log, 3));
    assert!(group.wait().await.is_err());
    assert_eq!(read(&log), [1]);

    // Cancelled when all was done.
    let request = Context::new();
    let group = Builder::new().context(&request).build(rt.clone());
    let done = note(&log, 4);
    group.delay_fn(Duration::ZERO, done).unwrap();
    group.wait().await.unwrap();
    request.cancel();
    assert_eq!(read(&log), [1, 4]);
}

async fn a_panic_ends_the_group<R: Rt>(rt: R) {
    for future in [false, true] {
        let group = SchedGroup::new(rt.clone());
        let census = Census::default();
        let resident = census.enter();
        let sibling = async move {
            std::future::pending::<()>().await;
            drop(resident);
        };
        group.delay(Duration::ZERO, sibling).unwrap();
        let resident = census.enter();
        group
            .delay_fn(units(60_000), move || drop(resident))
            .unwrap();
        // Without the panic hook's message.
        let panics = || std::panic::resume_unwind(Box::new("out of cheese"));
        if future {
            group.delay(units(1), async move { panics() }).unwrap();
        } else {
            group.delay_fn(units(1), panics).unwrap();
        }
        let payload = AssertUnwindSafe(group.wait())
            .catch_unwind()
            .await
            .unwrap_err();
        assert_eq!(message(payload), "out of cheese");
        assert_eq!(census.alive(), 0);
    }
}

async fn a_panic_is_raised_by_shutdown_too<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let panics = || std::panic::resume_unwind(Box::new("out of cheese"));
    group
        .delay(Duration::ZERO, async move { panics() })
        .unwrap();
    until(&rt, "it has ended", || group.has_ended()).await;
    let shutdown = AssertUnwindSafe(group.shutdown()).catch_unwind();
    assert_eq!(message(shutdown.await.unwrap_err()), "out of cheese");
}

async fn a_panic_is_told_and_the_others_go_on<R: Rt>(rt: R) {
    let told = Log::default();
    let tell = Arc::clone(&told);
    let group = Builder::new()
        .on_panic(move |panic| tell.lock().unwrap().push(panic.message().len() as u32))
        .build(rt.clone());
    let runs = Arc::new(AtomicUsize::new(0));
    let panics = |text| std::panic::resume_unwind(Box::new(text));
    group.delay_fn(Duration::ZERO, move || panics("1")).unwrap();
    group.delay(units(1), async move { panics("22") }).unwrap();
    let count = Arc::clone(&runs);
    let function = group.every_fn(Every::new(units(1)), move || {
        count.fetch_add(1, SeqCst);
        panics("333")
    });
    let count = Arc::clone(&runs);
    let future = group.every(units(1), move || {
        count.fetch_add(1, SeqCst);
        async move { panics("4444") }
    });
    // One that panics before there is a future.
    let make = group.every(units(1), move || {
        panics("55555");
        std::future::ready(())
    });
    until(&rt, "they came again", || {
        let told = told.lock().unwrap();
        let times = |len| told.iter().filter(|&&told| told == len).count();
        times(1) == 1 && times(2) == 1 && (3..=5).all(|len| times(len) >= 3)
    })
    .await;
    for job in [function, future, make] {
        assert!(job.unwrap().cancel());
    }
    group.wait().await.unwrap();
    assert!(runs.load(SeqCst) >= 6);
}

async fn a_recurring_job_never_overlaps<R: Rt>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let census = Census::default();
    let called_off = Arc::new(Event::new());
    let (inside, clock, end) = (census.clone(), rt.clone(), Arc::clone(&called_off));
    let job = group
        .every(
            Every::new(units(1) / 10).at_once().drift(MissedTick::Burst),
            move || {
                let (resident, rt) = (inside.enter(), clock.clone());
                let last = (inside.ever() == 4).then(|| Arc::clone(&end));
                async move {
                    rt.sleep(units(1)).await;
                    if let Some(called_off) = last {
                        called_off.wait().await;
                    }
                    drop(resident);
                }
            },
        )
        .unwrap();
    // In the middle of a run: it is the last.
    until(&rt, "the fourth runs", || census.ever() == 4).await;
    assert!(job.is_scheduled());
    assert!(job.cancel());
    assert!(!job.is_scheduled() && !job.cancel());
    called_off.set();
    group.wait().await.unwrap();
    assert_eq!((census.most(), census.alive(), census.ever()), (1, 0, 4));
}

async fn the_limit_is_kept<R: Rt>(rt: R) {
    let group = Builder::new().limit(3).build(rt.clone());
    let census = Census::default();
    for _ in 0..20 {
        let (census, rt) = (census.clone(), rt.clone());
        let job = async move {
            let _resident = census.enter();
            until(&rt, "three run", || census.most() >= 3).await;
        };
        group.delay(Duration::ZERO, job).unwrap();
    }
    group.wait().await.unwrap();
    assert_eq!((census.ever(), census.most()), (20, 3));
}

async fn a_limit_does_not_keep_the_group_from_ending<R: Rt>(rt: R) {
    let service = Context::new();
    let group = Builder::new().limit(1).context(&service).build(rt.clone());
    let census = Census::default();
    for _ in 0..3 {
        let (resident, context) = (census.enter(), service.clone());
        let job = async move {
            context.cancelled().await;
            drop(resident);
        };
        group.delay(Duration::ZERO, job).unwrap();
    }
    until(&rt, "one runs, one waits for its turn", || {
        group.running() == 2
    })
    .await;
    service.cancel();
    assert!(group.wait().await.is_err());
    assert_eq!(census.alive(), 0);
}

async fn from_many_threads<R: Rt>(rt: R) {
    const EACH: u32 = if cfg!(miri) { 10 } else { 200 };
    let group = SchedGroup::new(rt.clone());
    let count = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (scheduler, count) = (group.scheduler(), Arc::clone(&count));
            std::thread::spawn(move || {
                let mut cancelled = 0;
                for n in 0..EACH {
                    let count = Arc::clone(&count);
                    let delay = Duration::from_micros(u64::from((n * 7 + thread) % 50) * 100);
                    let function = move || bump(&count);
                    let job = scheduler.delay_fn(delay, function).unwrap();
                    match n % 4 {
                        0 => cancelled += usize::from(job.cancel()),
                        1 => drop(job.reschedule_after(delay / 2)),
                        _ => {}
                    }
                }
                cancelled
            })
        })
        .collect();
    let cancelled: usize = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    group.wait().await.unwrap();
    assert_eq!(count.load(SeqCst) + cancelled, 4 * EACH as usize);
}

/// Panics when it is polled, and when it is dropped.
struct Bomb;

impl Future for Bomb {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::panic::resume_unwind(Box::new("out of cheese"))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("in a destructor"));
    }
}

/// The first panic is told, and the others go on.
async fn destructors_that_panic_are_told<R: Rt>(rt: R) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let group = Builder::new()
        .on_panic(move |panic| tell.lock().unwrap().push(panic.message().to_owned()))
        .build(rt);
    let log = Log::default();
    group.delay(Duration::ZERO, Bomb).unwrap();
    group.delay_fn(units(1), note(&log, 1)).unwrap();
    group.wait().await.unwrap();
    assert_eq!(*told.lock().unwrap(), ["out of cheese"]);
    assert_eq!(*log.lock().unwrap(), [1]);
}

/// That of a recurring job which is called off while it runs.
async fn a_job_that_is_called_off_is_dropped_in_peace<R: Rt>(rt: R) {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("late"));
        }
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let group = Builder::new()
        .on_panic(move |panic| tell.lock().unwrap().push(panic.message().to_owned()))
        .build(rt.clone());
    let calls_itself_off = || {
        let (late, handle) = (Late, Arc::new(Mutex::new(None::<Scheduled>)));
        let own = Arc::clone(&handle);
        let call_off = move || {
            let _ = &late;
            assert!(own.lock().unwrap().take().unwrap().cancel());
        };
        (call_off, handle)
    };
    let (call_off, handle) = calls_itself_off();
    *handle.lock().unwrap() = Some(group.every_fn(units(1), call_off).unwrap());
    let (call_off, handle) = calls_itself_off();
    let (clock, run) = (rt.clone(), units(1) / 2);
    let future = group.every(units(1), move || {
        call_off();
        clock.sleep(run)
    });
    *handle.lock().unwrap() = Some(future.unwrap());
    let log = Log::default();
    group.delay_fn(units(3), note(&log, 1)).unwrap();
    group.wait().await.unwrap();
    assert_eq!(*log.lock().unwrap(), [1]);
    assert_eq!(*told.lock().unwrap(), ["late", "late"]);
}

on_every_runtime! {
    by_time_then_by_submission
    futures_and_functions_are_started_in_one_order
    an_earlier_one_is_not_slept_through
    cancel_in_time_and_too_late
    a_job_cancels_its_neighbour
    put_off_and_put_forward
    jobs_submit_jobs_until_the_end
    nothing_to_wait_for
    dropping_the_group_drops_all
    shutdown_waits_for_what_runs
    a_context_ends_the_group
    a_panic_ends_the_group
    a_panic_is_raised_by_shutdown_too
    a_panic_is_told_and_the_others_go_on
    a_recurring_job_never_overlaps
    the_limit_is_kept
    a_limit_does_not_keep_the_group_from_ending
    destructors_come_back_to_the_group
    destructors_that_panic_are_told
    a_job_that_is_called_off_is_dropped_in_peace
}

mod threads {
    #[test]
    fn on_tokio() {
        super::common::on_tokio(4, super::from_many_threads);
    }

    #[test]
    #[cfg_attr(miri, ignore = "smol's timers are the kernel's: timerfd_create")]
    fn on_smol() {
        super::common::on_smol(super::from_many_threads);
    }
}

/// Submits when it is dropped, and calls another job off: whoever drops it holds no lock.
struct Reentrant {
    scheduler: orchestration::schedgroup::Scheduler,
    other: Option<Scheduled>,
    log: Log,
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        if let Some(other) = self.other.take() {
            other.cancel();
        }
        let _ = self.scheduler.delay_fn(Duration::ZERO, note(&self.log, 1));
    }
}

async fn destructors_come_back_to_the_group<R: Rt>(rt: R) {
    let log = Log::default();
    let reentrant = |group: &SchedGroup<R>, other| Reentrant {
        scheduler: group.scheduler(),
        other,
        log: Arc::clone(&log),
    };
    // Called off.
    let group = SchedGroup::new(rt.clone());
    let other = group.delay_fn(units(60_000), || ()).unwrap();
    let state = reentrant(&group, Some(other));
    let job = group.delay_fn(units(60_000), move || drop(state)).unwrap();
    assert!(job.cancel());
    group.wait().await.unwrap();
    assert_eq!(read(&log), [1]);
    // With its group, and after a run.
    let group = SchedGroup::new(rt.clone());
    for _ in 0..3 {
        let state = reentrant(&group, None);
        group
            .delay(units(60_000), async move { drop(state) })
            .unwrap();
    }
    let state = reentrant(&group, None);
    group.delay_fn(Duration::ZERO, move || drop(state)).unwrap();
    until(&rt, "it ran, and what it has submitted", || {
        read(&log) == [1, 1]
    })
    .await;
    group.shutdown().await;
    assert_eq!(read(&log), [1, 1]);
}

/// When the runs of a recurring job begin, if its second run takes 25 of its period of 10.
async fn begins(rt: MiniRuntime, drift: MissedTick) -> Vec<u128> {
    let ms = Duration::from_millis;
    let group = SchedGroup::new(rt.clone());
    let log: Arc<Mutex<Vec<u128>>> = Arc::default();
    let (begun, clock) = (Arc::clone(&log), rt.clone());
    let job = group.every(Every::new(ms(10)).drift(drift), move || {
        begun.lock().unwrap().push(clock.elapsed().as_millis());
        let long = begun.lock().unwrap().len() == 2;
        let rt = clock.clone();
        async move { rt.sleep(ms(if long { 25 } else { 1 })).await }
    });
    let job = job.unwrap();
    group
        .delay_fn(ms(85), move || assert!(job.cancel()))
        .unwrap();
    group.wait().await.unwrap();
    log.lock().unwrap().clone()
}

#[test]
fn missed_ticks() {
    on_mini(|rt| async move {
        // The run of 20 lasts until 45, so that of 30 begins at 45.
        let ticks = begins(rt, MissedTick::Burst).await;
        assert_eq!(ticks, [10, 20, 45, 46, 50, 60, 70, 80]);
    });
    on_mini(|rt| async move {
        let ticks = begins(rt, MissedTick::Skip).await;
        assert_eq!(ticks, [10, 20, 45, 50, 60, 70, 80]);
    });
    on_mini(|rt| async move {
        let ticks = begins(rt, MissedTick::Delay).await;
        assert_eq!(ticks, [10, 20, 45, 55, 65, 75, 85]);
    });
}

#[test]
fn a_run_is_moved_while_the_last_one_goes_on() {
    on_mini(|rt| async move {
        let second = Duration::from_secs(1);
        let group = SchedGroup::new(rt.clone());
        let log: Arc<Mutex<Vec<u64>>> = Arc::default();
        let (begun, clock) = (Arc::clone(&log), rt.clone());
        let job = group.every(10 * second, move || {
            begun.lock().unwrap().push(clock.elapsed().as_secs());
            let rt = clock.clone();
            async move { rt.sleep(2 * second).await }
        });
        let job = job.unwrap();
        let moved = job.clone();
        group
            .delay_fn(11 * second, move || {
                assert!(moved.reschedule_after(2 * second))
            })
            .unwrap();
        group
            .delay_fn(24 * second, move || assert!(job.cancel()))
            .unwrap();
        group.wait().await.unwrap();
        assert_eq!(*log.lock().unwrap(), [10, 13, 23]);
    });
}

/// Numbers that a seed chooses.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// All at once, and every way to end: whatever happens, nothing is left, and nobody hangs.
#[test]
fn faults() {
    on_mini(|rt| async move {
        let mut dice = Dice(rt.seed());
        let census = Census::default();
        let told = Arc::new(AtomicUsize::new(0));
        let service = Context::new();
        let mut builder = Builder::new().context(&service);
        let handled = dice.roll(2) == 0;
        if handled {
            let count = Arc::clone(&told);
            builder = builder.on_panic(move |_| bump(&count));
        }
        if dice.roll(2) == 0 {
            builder = builder.limit(1 + dice.roll(3) as usize);
        }
        let group = builder.build(rt.clone());
        let mut jobs = Vec::new();
        for _ in 0..30 {
            let delay = units(dice.roll(6) as u32) / 2;
            let (resident, clock) = (census.enter(), rt.clone());
            let rest = units(dice.roll(3) as u32);
            let fails = dice.roll(if handled { 4 } else { 60 }) == 0;
            let run = move || {
                if fails {
                    // Without the panic hook's message.
                    std::panic::resume_unwind(Box::new("out of cheese"));
                }
            };
            let job = match dice.roll(4) {
                0 => group.delay_fn(delay, move || {
                    let _resident = resident;
                    run();
                }),
                1 => group.delay(delay, async move {
                    clock.sleep(rest).await;
                    run();
                    drop(resident);
                }),
                2 => group.every_fn(Every::new(units(1)).first_after(delay), move || {
                    let _resident = &resident;
                    run();
                }),
                _ => group.every(Every::new(units(1)).first_after(delay), move || {
                    let (inside, rt) = (resident.another(), clock.clone());
                    async move {
                        let _resident = inside;
                        rt.sleep(rest).await;
                        run();
                    }
                }),
            };
            // Refused, if one that was due at once has panicked.
            jobs.extend(job);
            match dice.roll(5) {
                0 => rt.yield_now().await,
                1 => rt.sleep(units(1) / 3).await,
                _ => {}
            }
            let some = dice.roll(jobs.len().max(1) as u64) as usize;
            if let Some(job) = jobs.get(some) {
                match dice.roll(4) {
                    0 => {
                        job.cancel();
                    }
                    1 => {
                        job.reschedule_after(units(1));
                    }
                    _ => {}
                }
            }
        }
        let ending = dice.roll(5);
        if ending < 2 {
            jobs.iter()
                .for_each(|job| assert!(job.cancel() || !job.is_scheduled()));
        }
        match ending {
            0 | 1 => drop(AssertUnwindSafe(group.wait()).catch_unwind().await),
            2 => {
                service.cancel();
                drop(AssertUnwindSafe(group.wait()).catch_unwind().await);
            }
            3 => drop(AssertUnwindSafe(group.shutdown()).catch_unwind().await),
            _ => {
                drop(group);
                until(&rt, "all are gone", || census.alive() == 0).await;
            }
        }
        drop(jobs);
        assert_eq!(census.alive(), 0, "ending {ending}");
    });
}

#[test]
fn exact_in_virtual_time_from_nanoseconds_to_years() {
    let delays = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_nanos((1 << 20) - 1),
        Duration::from_nanos(1 << 20),
        Duration::from_nanos((1 << 26) + 1),
        Duration::from_millis(1500),
        Duration::from_secs(3600),
        Duration::from_secs(3 * 365 * 24 * 3600),
        runtime::FAR_FUTURE / 2,
    ];
    on_mini(|rt| async move {
        let group = SchedGroup::new(rt.clone());
        let count = Arc::new(AtomicUsize::new(0));
        for delay in delays {
            let (clock, count) = (rt.clone(), Arc::clone(&count));
            let job = move || {
                assert_eq!(clock.elapsed(), delay);
                count.fetch_add(1, SeqCst);
            };
            group.delay_fn(delay, job).unwrap();
        }
        group.wait().await.unwrap();
        assert_eq!(count.load(SeqCst), delays.len());
    });
}

#[test]
fn one_timer_which_later_jobs_leave_alone() {
    on_mini(|rt| async move {
        let group = SchedGroup::new(rt.clone());
        let second = Duration::from_secs(1);
        group.delay_fn(second, || ()).unwrap();
        rt.sleep(second / 2).await;
        let polls = rt.metrics().polls;
        for n in 0..if cfg!(miri) { 100 } else { 1000 } {
            group.delay_fn(second + second * n, || ()).unwrap();
        }
        let jobs: Vec<_> = (0..100)
            .map(|_| group.delay_fn(2 * second, || ()).unwrap())
            .collect();
        assert!(jobs.iter().all(Scheduled::cancel));
        for _ in 0..5 {
            rt.yield_now().await;
        }
        let metrics = rt.metrics();
        assert_eq!(
            (metrics.polls - polls, metrics.timers),
            (5, 1),
            "nobody but us was polled"
        );
        group.shutdown().await;
    });
}

#[test]
fn many_at_once_let_others_run() {
    let fifo = mini_executor::Builder::new().schedule(mini_executor::Schedule::Fifo);
    fifo.run(|rt| async move {
        let group = SchedGroup::new(rt.clone());
        let count = Arc::new(AtomicUsize::new(0));
        let n = if cfg!(miri) { 300 } else { 10_000 };
        for _ in 0..n {
            let count = Arc::clone(&count);
            group
                .delay_fn(Duration::ZERO, move || bump(&count))
                .unwrap();
        }
        let mut wait = pin!(group.wait());
        let mut seen = 0;
        while poll_once(wait.as_mut()).await.is_none() {
            let now = count.load(SeqCst);
            assert!(now - seen <= 64, "{} in one go", now - seen);
            seen = now;
            rt.yield_now().await;
        }
        assert_eq!(count.load(SeqCst), n);
    })
    .unwrap();
}

#[test]
fn a_group_that_is_waited_for_in_vain_stalls() {
    let stalled = mini_executor::run(0, |rt| async move {
        let group = SchedGroup::new(rt);
        group
            .delay(Duration::ZERO, std::future::pending::<()>())
            .unwrap();
        group.wait().await.unwrap();
    });
    assert!(stalled.is_err());
}

#[test]
fn a_runtime_that_goes_away_takes_the_jobs_along() {
    let census = Census::default();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let group = SchedGroup::new(runtime::TokioRuntime::from(tokio.handle().clone()));
    let scheduler = group.scheduler();
    let resident = census.enter();
    let job = scheduler
        .delay(Duration::from_secs(60), async move { drop(resident) })
        .unwrap();
    tokio.block_on(yield_now());
    drop(tokio);
    assert_eq!(census.alive(), 0);
    assert!(!job.cancel());
    assert!(scheduler.delay_fn(Duration::ZERO, || ()).is_err());
    let payload = AssertUnwindSafe(group.wait()).catch_unwind().now_or_never();
    assert!(
        payload.expect("it does not wait").is_err(),
        "a lost driver is not a success"
    );
}

#[test]
#[should_panic(expected = "period of a recurring job must not be zero")]
fn a_period_of_zero() {
    let _ = Every::new(Duration::ZERO);
}

#[test]
#[should_panic(expected = "a limit of 0 would run no job at all")]
fn a_limit_of_zero() {
    let _ = Builder::new().limit(0);
}

#[test]
fn debug_says_how_many() {
    on_mini(|rt| async move {
        let group = SchedGroup::new(rt.clone());
        let job = group.delay_fn(units(1), || ()).unwrap();
        let text = format!("{group:?} {:?} {job:?}", group.scheduler());
        assert!(
            text.starts_with("SchedGroup { waiting: 1, running: 0, ended: false"),
            "{text}"
        );
        drop(rt.spawn(async {}));
        group.wait().await.unwrap();
    });
}
