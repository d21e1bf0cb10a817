//! Pools of workers, and the dispatcher.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::Event;
use orchestration::worker_pool::{Builder, JobError};
use orchestration::{Dispatcher, WorkerPool};

use crate::{Runtime, all, until};

const MS: Duration = Duration::from_millis(1);

/// S65: `submit_and_wait` returns when the job has been done.
///
/// # Panics
///
/// If it returns earlier.
pub async fn s65_submit_and_wait<R: Runtime>(rt: R) {
    let pool = WorkerPool::new(rt.clone(), 2);
    let done = Arc::new(AtomicUsize::new(0));
    let (count, clock) = (Arc::clone(&done), rt.clone());
    let job = async move {
        clock.sleep(MS).await;
        count.fetch_add(1, Ordering::SeqCst) + 41
    };
    assert_eq!(pool.submit_and_wait(job).await.expect("it is done"), 41);
    assert_eq!(done.load(Ordering::SeqCst), 1);
    pool.stop().await;
}

/// S65: a queue that is full makes submitters wait, and refuses those who will not.
///
/// # Panics
///
/// If not.
pub async fn s65_the_limit<R: Runtime>(rt: R) {
    let pool = Builder::new(1).queue(1).build(rt.clone());
    let end = Arc::new(Event::new());
    let waits = || {
        let end = Arc::clone(&end);
        async move { end.wait().await }
    };
    pool.submit(waits()).await.expect("it is open");
    until(&rt, || pool.counts().busy == 1).await;
    pool.try_submit(waits()).expect("there is room for one");
    assert!(pool.try_submit(waits()).expect_err("but not two").is_full());
    let handle = pool.handle();
    let job = waits();
    let submitter = rt.spawn(async move { handle.submit(job).await });
    until(&rt, || pool.counts().submitting == 1).await;
    end.set();
    submitter.await.expect("no panic").expect("it is open");
    pool.stop().await;
}

/// S65: `stop` finishes what is queued, and refuses what comes later.
///
/// # Panics
///
/// If not.
pub async fn s65_stop<R: Runtime>(rt: R) {
    let pool = Builder::new(3).unbounded_queue().build(rt.clone());
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..20 {
        let (done, rt) = (Arc::clone(&done), rt.clone());
        let job = async move {
            rt.sleep(MS / 10).await;
            done.fetch_add(1, Ordering::SeqCst);
        };
        pool.submit(job).await.expect("it is open");
    }
    let handle = pool.handle();
    pool.stop().await;
    assert_eq!(done.load(Ordering::SeqCst), 20);
    let late = handle.submit_and_wait(async {}).await;
    assert!(matches!(late, Err(JobError::Stopped)));
}

/// Many submit to few workers, whose number changes meanwhile: each job is done once.
///
/// # Panics
///
/// If one is lost, or more workers work than were ever wanted.
pub async fn each_job_is_done_once<R: Runtime>(rt: R) {
    let pool = Builder::new(2).queue(1).build(rt.clone());
    let (done, busy) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let submitters = (0..4).map(|_| {
        let (handle, done, busy, rt) = (
            pool.handle(),
            Arc::clone(&done),
            Arc::clone(&busy),
            rt.clone(),
        );
        async move {
            for n in 1..=10 {
                let (done, busy, rt) = (Arc::clone(&done), Arc::clone(&busy), rt.clone());
                let job = async move {
                    assert!(busy.fetch_add(1, Ordering::SeqCst) < 4);
                    rt.sleep(MS / 20).await;
                    busy.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                };
                handle.submit(job).await.expect("it is open");
                handle.set_workers(1 + n % 4);
            }
        }
    });
    all(&rt, submitters).await;
    pool.idle().await;
    assert_eq!(done.load(Ordering::SeqCst), 40);
    assert_eq!(pool.counts().completed, 40);
    pool.stop().await;
}

/// L10: a dispatcher hands a job to a worker that is idle, and to nobody if none is.
///
/// # Panics
///
/// If a job is queued, or lost.
pub async fn l10_idle_workers_only<R: Runtime>(rt: R) {
    let end = Arc::new(Event::new());
    let until_then = Arc::clone(&end);
    let jobs = Dispatcher::new(rt.clone(), 2, move || {
        let end = Arc::clone(&until_then);
        move |n: u32| {
            let end = Arc::clone(&end);
            async move {
                end.wait().await;
                n + 1
            }
        }
    });
    jobs.dispatch(1).await.expect("one is idle");
    jobs.dispatch(2).await.expect("another one is idle");
    until(&rt, || jobs.counts().busy == 2).await;
    assert_eq!(
        jobs.try_dispatch(3).expect_err("none is idle").into_inner(),
        3
    );
    let handle = jobs.handle();
    let call = rt.spawn(async move { handle.call(4).await });
    until(&rt, || jobs.counts().submitting == 1).await;
    assert_eq!(jobs.counts().queued, 0);
    end.set();
    assert_eq!(call.await.expect("no panic").expect("it is done"), 5);
    jobs.stop().await;
}
