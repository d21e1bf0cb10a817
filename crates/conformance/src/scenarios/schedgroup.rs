//! Jobs at a time, recurring jobs, timeouts by the shared timer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_sync::Context;
use orchestration::SchedGroup;
use orchestration::schedgroup::{Builder, Every, SharedTimer};

use crate::{Runtime, all};

const MS: Duration = Duration::from_millis(1);

/// G12: what is scheduled for 300, 100 and 200 units is done in the order 1, 2, 3; afterwards, and only
/// afterwards, `wait` returns.
///
/// # Panics
///
/// If not.
pub async fn g12_one_two_three<R: Runtime>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let printed: Arc<Mutex<Vec<u32>>> = Arc::default();
    // All are there before the first is begun, also where this thread is late.
    let (free, held) = mpsc::channel::<()>();
    let hold = move || assert!(held.recv().is_err());
    group.delay_fn(Duration::ZERO, hold).expect("it is open");
    let start = rt.now();
    for n in [3, 1, 2] {
        let printed = Arc::clone(&printed);
        let print = move || printed.lock().expect("no panic").push(n);
        let due = start + 3 * MS * n;
        group.schedule_fn(due, print).expect("it is open");
    }
    drop(free);
    let scheduler = group.scheduler();
    group.wait().await.expect("there is no context");
    assert_eq!(*printed.lock().expect("no panic"), [1, 2, 3]);
    assert!(rt.now() - start >= 9 * MS);
    assert!(scheduler.delay_fn(MS, || ()).is_err(), "Go panics");
}

/// G12: a context that is cancelled ends the group, whose `wait` tells the cause.
///
/// # Panics
///
/// If not.
pub async fn g12_cancelled<R: Runtime>(rt: R) {
    let context = Context::new();
    let group = Builder::new().context(&context).build(rt.clone());
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    let job = async move { count.fetch_add(1, Ordering::SeqCst) };
    group.delay(Duration::from_secs(3600), job).expect("open");
    let waits = rt.spawn(group.wait());
    rt.sleep(MS).await;
    context.cancel();
    let cause = waits
        .await
        .expect("no panic")
        .expect_err("it was cut short");
    assert!(cause.is_canceled());
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

/// Tasks that submit, put off and call off, all at once: each job is done once, or was called off.
///
/// # Panics
///
/// If one is lost, or done in spite of it.
pub async fn each_job_is_done_or_called_off<R: Runtime>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let done = Arc::new(AtomicUsize::new(0));
    let submitters = (0..4_u32).map(|task| {
        let (scheduler, done, rt) = (group.scheduler(), Arc::clone(&done), rt.clone());
        async move {
            let mut called_off = 0;
            for n in 0..20_u32 {
                let done = Arc::clone(&done);
                let delay = Duration::from_micros(u64::from((7 * n + 3 * task) % 11) * 200);
                let count = move || {
                    done.fetch_add(1, Ordering::SeqCst);
                };
                let job = if n % 2 == 0 {
                    scheduler.delay_fn(delay, count)
                } else {
                    scheduler.delay(delay, async move { count() })
                };
                let job = job.expect("it is open");
                match (n + task) % 4 {
                    0 => {
                        rt.sleep(delay / 2).await;
                        called_off += usize::from(job.cancel());
                    }
                    1 => {
                        job.reschedule_after(delay * 2);
                    }
                    _ => {}
                }
            }
            called_off
        }
    });
    let called_off: usize = all(&rt, submitters).await.into_iter().sum();
    group.wait().await.expect("there is no context");
    assert_eq!(done.load(Ordering::SeqCst) + called_off, 80);
}

/// A recurring job is called off by another job, in the middle of its run, and ends with that.
///
/// # Panics
///
/// If it overlaps with itself, or comes again.
pub async fn a_recurring_job_ends<R: Runtime>(rt: R) {
    let group = SchedGroup::new(rt.clone());
    let (runs, inside) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, busy, clock) = (Arc::clone(&runs), Arc::clone(&inside), rt.clone());
    let job = group.every(Every::new(MS / 2).at_once(), move || {
        let (runs, inside, rt) = (Arc::clone(&count), Arc::clone(&busy), clock.clone());
        async move {
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "it overlaps");
            rt.sleep(MS).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            runs.fetch_add(1, Ordering::SeqCst);
        }
    });
    let job = job.expect("it is open");
    crate::until(&rt, || runs.load(Ordering::SeqCst) >= 3).await;
    assert!(job.cancel());
    group.wait().await.expect("there is no context");
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

/// Timeouts by the shared timer come true for those that are late, and for nobody else.
///
/// # Panics
///
/// If not.
pub async fn shared_timeouts<R: Runtime>(rt: R) {
    let timer = SharedTimer::new(rt.clone());
    let waits = (1..=8_u32).map(|n| {
        use runtime::Timer as _;
        let (timer, rt) = (timer.clone(), rt.clone());
        async move {
            let start = rt.now();
            let late = timer.timeout(MS * n, std::future::pending::<()>()).await;
            assert!(late.is_err() && rt.now() - start >= MS * n);
            let in_time = timer.timeout(Duration::MAX, timer.sleep(MS)).await;
            assert!(in_time.is_ok());
        }
    });
    all(&rt, waits).await;
    assert_eq!(timer.waiting(), 0);
}
