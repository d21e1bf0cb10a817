//! Pools of workers and dispatchers. Each scenario on every runtime.

mod common;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_sync::Context;
use common::{Census, Rt, poll_once, units, until, yield_now};
use futures_util::FutureExt as _;
use orchestration::worker_pool::{Builder, JobError, Stopped};
use orchestration::{Dispatcher, WorkerPool, dispatcher};
use runtime::{Spawn, Timer};

fn panics(text: &'static str) {
    // Without the panic hook's message.
    std::panic::resume_unwind(Box::new(text));
}

fn message(payload: Box<dyn std::any::Any + Send>) -> &'static str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("no text")
}

/// A job that is there until the context is cancelled.
fn lasting(census: &Census, until: &Context) -> impl Future<Output = ()> + Send + use<> {
    let (census, until) = (census.clone(), until.clone());
    async move {
        let resident = census.enter();
        until.cancelled().await;
        drop(resident);
    }
}

async fn jobs_are_begun_in_order_by_so_many_workers<R: Rt>(rt: R) {
    const JOBS: usize = if cfg!(miri) { 20 } else { 100 };
    for workers in [1, 4] {
        let pool = Builder::new(workers).queue(2).build(rt.clone());
        let census = Census::default();
        let begun: Arc<Mutex<Vec<usize>>> = Arc::default();
        for n in 0..JOBS {
            let (census, begun) = (census.clone(), Arc::clone(&begun));
            let job = async move {
                let resident = census.enter();
                begun.lock().unwrap().push(n);
                yield_now().await;
                drop(resident);
            };
            pool.submit(job).await.unwrap();
            assert!(pool.counts().queued <= 2);
        }
        let handle = pool.handle();
        pool.stop().await;
        assert_eq!((census.ever(), census.alive()), (JOBS, 0));
        assert!(census.most() <= workers);
        if workers == 1 {
            assert!(begun.lock().unwrap().is_sorted());
        }
        assert_eq!(handle.counts().completed, JOBS as u64);
        assert_eq!(handle.submit(async {}).await, Err(Stopped));
        let again = handle.try_submit(async {}).unwrap_err();
        assert!(!again.is_full() && again.into_inner().is_none());
        assert!(matches!(
            handle.submit_and_wait(async {}).await,
            Err(JobError::Stopped)
        ));
    }
}

async fn the_queue_is_bounded<R: Rt>(rt: R) {
    let end = Context::new();
    let census = Census::default();
    for room in [0, 1, 3] {
        let end = end.child();
        let pool = Builder::new(2).queue(room).build(rt.clone());
        for _ in 0..2 {
            pool.submit(lasting(&census, &end)).await.unwrap();
        }
        until(&rt, "both are busy", || pool.counts().busy == 2).await;
        for _ in 0..room {
            pool.try_submit(lasting(&census, &end)).unwrap();
        }
        assert_eq!(pool.counts().queued, room);
        let refused = pool.try_submit(lasting(&census, &end)).unwrap_err();
        assert!(refused.is_full());
        let handle = pool.handle();
        let mut waits = pin!(handle.submit(refused.into_inner().unwrap()));
        assert!(poll_once(waits.as_mut()).await.is_none());
        assert_eq!(pool.counts().submitting, 1);
        // One who gives up leaves nothing behind.
        {
            let mut gives_up = pin!(pool.submit(lasting(&census, &end)));
            assert!(poll_once(gives_up.as_mut()).await.is_none());
        }
        end.cancel();
        waits.await.unwrap();
        pool.idle().await;
        assert_eq!(pool.counts().completed, 2 + room as u64 + 1);
        assert_eq!(census.alive(), 0);
        pool.stop().await;
    }
}

async fn unbounded<R: Rt>(rt: R) {
    let pool = Builder::new(1).unbounded_queue().build(rt);
    let end = Context::new();
    let census = Census::default();
    let jobs = if cfg!(miri) { 50 } else { 1000 };
    for _ in 0..jobs {
        pool.try_submit(lasting(&census, &end)).unwrap();
    }
    end.cancel();
    pool.stop().await;
    assert_eq!((census.ever(), census.most()), (jobs, 1));
}

async fn results_and_panics_come_back<R: Rt>(rt: R) {
    let pool = WorkerPool::new(rt.clone(), 2);
    let clock = rt.clone();
    let slow = async move {
        clock.sleep(units(1)).await;
        7
    };
    assert_eq!(pool.submit_and_wait(slow).await.unwrap(), 7);
    let error = pool
        .submit_and_wait(async { panics("out of cheese") })
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "task panicked: out of cheese");
    pool.idle().await;
    let counts = pool.counts();
    assert_eq!(
        (counts.workers, counts.completed, counts.panicked),
        (2, 2, 1)
    );
    // It was told, so it is not raised.
    pool.stop().await;
}

async fn panics_take_no_worker_away<R: Rt>(rt: R) {
    let pool = WorkerPool::new(rt.clone(), 1);
    for _ in 0..5 {
        pool.submit(async { panics("first") }).await.unwrap();
    }
    assert_eq!(pool.submit_and_wait(async { 1 }).await.unwrap(), 1);
    assert_eq!(pool.counts().workers, 1);
    let payload = AssertUnwindSafe(pool.stop())
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(message(payload), "first");

    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let tell = move |_| {
        count.fetch_add(1, SeqCst);
    };
    let pool = Builder::new(2).on_panic(tell).build(rt);
    for _ in 0..5 {
        pool.submit(async { panics("told") }).await.unwrap();
    }
    pool.stop().await;
    assert_eq!(told.load(SeqCst), 5);
}

async fn nobody_waits_for_the_result_any_more<R: Rt>(rt: R) {
    let end = Context::new();
    let census = Census::default();
    let pool = WorkerPool::new(rt.clone(), 1);
    pool.submit(lasting(&census, &end)).await.unwrap();
    {
        let mut waits = pin!(pool.submit_and_wait(lasting(&census, &end)));
        assert!(poll_once(waits.as_mut()).await.is_none());
    }
    end.cancel();
    pool.idle().await;
    assert_eq!(census.ever(), 1, "the other one was not begun");
    pool.stop().await;
}

async fn idle_is_the_end_of_a_batch<R: Rt>(rt: R) {
    let pool = WorkerPool::new(rt.clone(), 3);
    pool.idle().await;
    let census = Census::default();
    for round in 1..=3 {
        for _ in 0..10 {
            let (census, rt) = (census.clone(), rt.clone());
            let job = async move {
                let resident = census.enter();
                rt.sleep(units(1) / 10).await;
                drop(resident);
            };
            pool.submit(job).await.unwrap();
        }
        pool.idle().await;
        assert_eq!((census.alive(), census.ever()), (0, 10 * round));
    }
    pool.stop().await;
}

async fn more_and_fewer_workers<R: Rt>(rt: R) {
    let pool = Builder::new(2).unbounded_queue().build(rt.clone());
    let census = Census::default();
    let first = Context::new();
    for _ in 0..8 {
        pool.submit(lasting(&census, &first)).await.unwrap();
    }
    until(&rt, "two are busy", || census.alive() == 2).await;
    pool.set_workers(6);
    until(&rt, "six are busy", || census.alive() == 6).await;
    assert_eq!(pool.counts().workers, 6);
    // Those that are too many go when they have finished, not before.
    pool.set_workers(1);
    assert_eq!(census.alive(), 6);
    first.cancel();
    until(&rt, "one is left", || pool.counts().workers == 1).await;
    pool.idle().await;
    // Idle workers go, too; and what was asked for last holds.
    for n in [5, 2, 4, 1, 3] {
        pool.set_workers(n);
    }
    until(&rt, "three are there", || pool.counts().workers == 3).await;
    let second = Context::new();
    let census = Census::default();
    for _ in 0..8 {
        pool.submit(lasting(&census, &second)).await.unwrap();
    }
    until(&rt, "three are busy", || census.alive() == 3).await;
    second.cancel();
    pool.stop().await;
    assert_eq!((census.most(), census.ever()), (3, 8));
}

async fn dropping_and_aborting<R: Rt>(rt: R) {
    for abort in [false, true] {
        let never = Context::new();
        let census = Census::default();
        let pool = Builder::new(2).unbounded_queue().build(rt.clone());
        let queued = census.enter();
        for _ in 0..2 {
            pool.submit(lasting(&census, &never)).await.unwrap();
        }
        pool.submit(async move { drop(queued) }).await.unwrap();
        until(&rt, "both are busy", || pool.counts().busy == 2).await;
        let handle = pool.handle();
        let mut idle = pin!(handle.idle());
        assert!(poll_once(idle.as_mut()).await.is_none());
        let mut waits = pin!(handle.submit_and_wait(async {}));
        assert!(poll_once(waits.as_mut()).await.is_none());
        if abort {
            pool.abort().await;
            assert_eq!(census.alive(), 0);
        } else {
            drop(pool);
            until(&rt, "all are gone", || census.alive() == 0).await;
        }
        assert!(matches!(waits.await, Err(JobError::Aborted)));
        idle.await;
        assert!(handle.is_stopped());
        assert_eq!(handle.submit(async {}).await, Err(Stopped));
    }
}

async fn stop_with_a_limit<R: Rt>(rt: R) {
    let never = Context::new();
    let census = Census::default();
    let pool = WorkerPool::new(rt.clone(), 1);
    pool.submit(lasting(&census, &never)).await.unwrap();
    pool.submit(lasting(&census, &never)).await.unwrap();
    let handle = pool.handle();
    let mut refused = pin!(handle.submit(async {}));
    let _ = poll_once(refused.as_mut()).await;
    assert!(rt.timeout(units(1), pool.stop()).await.is_err());
    until(&rt, "all are gone", || census.alive() == 0).await;
    assert_eq!(handle.counts().queued, 0);
}

async fn a_context_cuts_the_pool_off<R: Rt>(rt: R) {
    let (service, end) = (Context::new(), Context::new());
    let census = Census::default();
    let pool = Builder::new(1)
        .unbounded_queue()
        .context(&service)
        .build(rt.clone());
    for _ in 0..3 {
        pool.submit(lasting(&census, &end)).await.unwrap();
    }
    until(&rt, "one is busy", || census.alive() == 1).await;
    service.cancel();
    assert_eq!(pool.submit(async {}).await, Err(Stopped));
    assert_eq!(census.alive(), 1, "what runs goes on");
    end.cancel();
    pool.stop().await;
    assert_eq!(
        (census.ever(), census.alive()),
        (1, 0),
        "what was queued was dropped"
    );
}

/// Only those are hired who are missing.
async fn more_workers<R: Rt>(rt: R) {
    let pool = Builder::new(2).build(rt);
    for workers in 3..6 {
        pool.set_workers(workers);
        assert_eq!(pool.counts().workers, workers);
    }
    pool.stop().await;
}

/// A job whose result nobody waits for any more is not begun.
async fn a_result_that_nobody_wants<R: Rt>(rt: R) {
    let end = Context::new();
    let census = Census::default();
    let pool = Builder::new(1).unbounded_queue().build(rt.clone());
    pool.submit(lasting(&census, &end)).await.unwrap();
    until(&rt, "it is busy", || census.alive() == 1).await;
    {
        let second = census.clone();
        let mut waits = pin!(pool.submit_and_wait(async move { drop(second.enter()) }));
        assert!(poll_once(waits.as_mut()).await.is_none());
        assert_eq!(pool.counts().queued, 1);
    }
    end.cancel();
    pool.stop().await;
    assert_eq!(census.ever(), 1);
}

async fn a_dispatcher_queues_nothing<R: Rt>(rt: R) {
    let census = Census::default();
    let hired = Arc::new(AtomicUsize::new(0));
    let end = Context::new();
    let (inside, count, until_then) = (census.clone(), Arc::clone(&hired), end.clone());
    let jobs = Dispatcher::new(rt.clone(), 3, move || {
        count.fetch_add(1, SeqCst);
        let (census, end) = (inside.clone(), until_then.clone());
        let mut done = 0;
        move |n: u32| {
            done += 1;
            let job = lasting(&census, &end);
            async move {
                job.await;
                (n, done)
            }
        }
    });
    until(&rt, "the workers are there", || hired.load(SeqCst) == 3).await;
    for n in 0..3 {
        jobs.dispatch(n).await.unwrap();
    }
    until(&rt, "all are busy", || {
        (jobs.counts().busy, census.alive()) == (3, 3)
    })
    .await;
    let busy = jobs.try_dispatch(9).unwrap_err();
    assert!(busy.is_busy());
    assert_eq!(busy.into_inner(), 9);
    {
        let mut gives_up = pin!(jobs.dispatch(8));
        assert!(poll_once(gives_up.as_mut()).await.is_none());
        assert_eq!(jobs.counts().submitting, 1);
    }
    let handle = jobs.handle();
    let mut call = pin!(handle.call(7));
    assert!(poll_once(call.as_mut()).await.is_none());
    end.cancel();
    let (n, done) = call.await.unwrap();
    assert!(n == 7 && done == 2);
    jobs.idle().await;
    assert_eq!(
        (census.ever(), census.most(), jobs.counts().queued),
        (4, 3, 0)
    );
    jobs.stop().await;
}

async fn a_send_that_is_dropped_is_counted_once<R: Rt>(rt: R) {
    // The future is dropped at every moment, also when a worker has the job and nobody has told it.
    for polls in 0..6 {
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        let jobs = Dispatcher::new(rt.clone(), 1, move || {
            let done = Arc::clone(&count);
            move |()| {
                done.fetch_add(1, SeqCst);
                yield_now()
            }
        });
        {
            let mut busy = pin!(jobs.dispatch(()).fuse());
            let mut next = pin!(jobs.dispatch(()).fuse());
            for _ in 0..polls {
                let _ = busy.as_mut().now_or_never();
                let _ = next.as_mut().now_or_never();
                yield_now().await;
                if jobs.counts().completed > 0 {
                    break;
                }
            }
        }
        jobs.idle().await;
        assert!(done.load(SeqCst) <= 2);
        assert_eq!(jobs.counts().completed as usize, done.load(SeqCst));
        jobs.stop().await;
    }
}

async fn a_worker_that_panics_is_made_anew<R: Rt>(rt: R) {
    let jobs = dispatcher::Builder::new(1).build(rt, || {
        let mut sum = 0;
        move |n: u32| {
            sum += n;
            if n == 13 {
                panics("unlucky");
            }
            let sum = sum;
            async move { sum }
        }
    });
    assert_eq!(jobs.call(2).await.unwrap(), 2);
    assert_eq!(jobs.call(3).await.unwrap(), 5);
    assert!(matches!(jobs.call(13).await, Err(JobError::Panicked(_))));
    assert_eq!(jobs.call(4).await.unwrap(), 4, "a new sum");
    jobs.stop().await;
}

async fn workers_that_cannot_be_made<R: Rt>(rt: R) {
    let jobs: Dispatcher<R, u32> = Dispatcher::new(rt.clone(), 2, || {
        panics("no connection");
        |_| async {}
    });
    // Nobody waits for ever for a worker that will never be there.
    let returned = jobs.dispatch(5).await.unwrap_err();
    assert_eq!(returned.into_inner(), 5);
    let payload = AssertUnwindSafe(jobs.stop())
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(message(payload), "no connection");
}

/// Who waited for it has gone: then the handler is told, or `stop` panics.
async fn the_panic_of_a_job_that_nobody_waits_for_any_more<R: Rt>(rt: R) {
    let begun = Arc::new(Context::new());
    let end = Context::new();
    let job = || {
        let (begun, end) = (Arc::clone(&begun), end.clone());
        async move {
            begun.cancel();
            end.cancelled().await;
            panics("out of cheese");
        }
    };
    let pool = WorkerPool::new(rt.clone(), 1);
    let dispatcher = Dispatcher::new(rt.clone(), 1, {
        let job = job();
        let job = Arc::new(Mutex::new(Some(job)));
        move || {
            let job = Arc::clone(&job);
            move |()| job.lock().unwrap().take().expect("there is one job")
        }
    });
    {
        let mut waits = pin!(pool.submit_and_wait(job()));
        let mut calls = pin!(dispatcher.call(()));
        let busy = || pool.counts().busy + dispatcher.counts().busy == 2;
        while !busy() {
            assert!(poll_once(waits.as_mut()).await.is_none());
            assert!(poll_once(calls.as_mut()).await.is_none());
            rt.sleep(units(1) / 10).await;
        }
        begun.cancelled().await;
    }
    end.cancel();
    let stopped = AssertUnwindSafe(pool.stop()).catch_unwind().await;
    assert_eq!(message(stopped.unwrap_err()), "out of cheese");
    let stopped = AssertUnwindSafe(dispatcher.stop()).catch_unwind().await;
    assert_eq!(message(stopped.unwrap_err()), "out of cheese");
}

async fn a_context_ends_the_waiting_for_jobs_behind_a_busy_worker<R: Rt>(rt: R) {
    let (service, end) = (Context::new(), Context::new());
    let census = Census::default();
    let pool = Builder::new(1).context(&service).build(rt.clone());
    pool.submit(lasting(&census, &end)).await.unwrap();
    until(&rt, "it is busy", || census.alive() == 1).await;
    let mut waits = pin!(pool.submit_and_wait(async {}));
    assert!(poll_once(waits.as_mut()).await.is_none());
    service.cancel();
    assert!(matches!(waits.await, Err(JobError::Aborted)));
    end.cancel();
    pool.idle().await;
}

/// Panics when it is dropped, and when it is polled.
struct Bomb;

impl Future for Bomb {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        panics("out of cheese");
        unreachable!()
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panics("in a destructor");
    }
}

/// They end their own job, and nothing else.
async fn destructors_of_jobs_that_panic<R: Rt>(rt: R) {
    let told = Arc::new(AtomicUsize::new(0));
    let pool = {
        let told = Arc::clone(&told);
        Builder::new(1)
            .unbounded_queue()
            .on_panic(move |_| {
                told.fetch_add(1, SeqCst);
            })
            .build(rt.clone())
    };
    pool.submit(Bomb).await.unwrap();
    assert!(pool.submit_and_wait(Bomb).await.is_err());
    assert_eq!(pool.submit_and_wait(async { 7 }).await.unwrap(), 7);
    assert_eq!(told.load(SeqCst), 1);
    // Those that are queued when it is aborted.
    let (census, end) = (Census::default(), Context::new());
    pool.submit(lasting(&census, &end)).await.unwrap();
    until(&rt, "it is busy", || census.alive() == 1).await;
    for _ in 0..3 {
        pool.submit(Bomb).await.unwrap();
    }
    let handle = pool.handle();
    pool.abort().await;
    handle.idle().await;
    assert_eq!(told.load(SeqCst), 4);
}

on_every_runtime! {
    jobs_are_begun_in_order_by_so_many_workers
    the_queue_is_bounded
    unbounded
    results_and_panics_come_back
    panics_take_no_worker_away
    nobody_waits_for_the_result_any_more
    idle_is_the_end_of_a_batch
    more_and_fewer_workers
    dropping_and_aborting
    stop_with_a_limit
    a_context_cuts_the_pool_off
    a_result_that_nobody_wants
    more_workers
    a_dispatcher_queues_nothing
    a_send_that_is_dropped_is_counted_once
    a_worker_that_panics_is_made_anew
    workers_that_cannot_be_made
    the_panic_of_a_job_that_nobody_waits_for_any_more
    a_context_ends_the_waiting_for_jobs_behind_a_busy_worker
    destructors_of_jobs_that_panic
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

/// A job has been handed to a worker, which has not come for it when the context is cancelled: it is not begun.
#[test]
fn cut_off_before_the_worker_comes_for_its_job() {
    common::on_mini(|rt| async move {
        let (service, census) = (Context::new(), Census::default());
        let pool = Builder::new(1).context(&service).build(rt.clone());
        rt.sleep(units(1)).await; // the worker waits
        let inside = census.clone();
        let submitted = pool.submit(async move { drop(inside.enter()) });
        assert!(submitted.now_or_never().expect("there is room").is_ok());
        service.cancel();
        pool.idle().await;
        pool.stop().await;
        assert_eq!(census.ever(), 0);
    });
}

/// Jobs that panic, submitters that give up at any poll, workers that come and go, and every way to end:
/// whatever happens, nothing is left, nobody hangs, and no more work than were ever wanted.
#[test]
fn faults() {
    common::on_mini(|rt| async move {
        let mut dice = Dice(rt.seed());
        let census = Census::default();
        let busy = Census::default();
        let service = Context::new();
        let builder = Builder::new(1 + dice.roll(4) as usize).context(&service);
        let builder = builder.on_panic(|_| ());
        let room = dice.roll(4) as usize;
        let pool = if room == 3 {
            builder.unbounded_queue()
        } else {
            builder.queue(room)
        };
        let pool = pool.build(rt.clone());
        let mut submitters = Vec::new();
        for _ in 0..30 {
            let (resident, busy, clock) = (census.enter(), busy.clone(), rt.clone());
            let (rest, fails) = (units(dice.roll(3) as u32), dice.roll(4) == 0);
            let job = async move {
                let _resident = resident;
                let _busy = busy.enter();
                clock.sleep(rest).await;
                if fails {
                    panics("out of cheese");
                }
            };
            let handle = pool.handle();
            match dice.roll(4) {
                0 => drop(handle.try_submit(job)),
                1 => {
                    // Gives up after so many polls.
                    let mut waits = pin!(handle.submit_and_wait(job).fuse());
                    for _ in 0..dice.roll(4) {
                        let _ = poll_once(waits.as_mut()).await;
                        rt.yield_now().await;
                    }
                }
                2 => submitters.push(rt.spawn(async move {
                    let _ = handle.submit(job).await;
                })),
                _ => submitters.push(rt.spawn(async move {
                    let _ = handle.submit_and_wait(job).await;
                })),
            }
            match dice.roll(6) {
                0 => pool.set_workers(1 + dice.roll(4) as usize),
                1 => rt.sleep(units(1) / 3).await,
                2 => rt.yield_now().await,
                _ => {}
            }
        }
        let ending = dice.roll(5);
        match ending {
            0 => pool.stop().await,
            1 => {
                pool.idle().await;
                pool.stop().await;
            }
            2 => {
                service.cancel();
                pool.stop().await;
            }
            3 => pool.abort().await,
            _ => drop(pool),
        }
        for submitter in submitters {
            submitter.await.unwrap();
        }
        until(&rt, "all are gone", || census.alive() == 0).await;
        assert!(busy.most() <= 4, "{} at work, ending {ending}", busy.most());
    });
}

#[test]
fn a_runtime_that_goes_away_sends_submitters_away() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let rt = runtime::TokioRuntime::from(tokio.handle().clone());
    let pool = WorkerPool::new(rt, 1);
    tokio.block_on(async {
        for _ in 0..2 {
            pool.submit(std::future::pending::<()>()).await.unwrap();
        }
    });
    let mut waits = pin!(pool.submit(async {}));
    assert!(waits.as_mut().now_or_never().is_none());
    drop(tokio);
    assert_eq!(waits.now_or_never(), Some(Err(Stopped)));
}

#[test]
#[should_panic(expected = "a pool of 0 workers would do no job at all")]
fn a_pool_of_nobody() {
    let _ = Builder::new(0);
}

#[test]
#[should_panic(expected = "a pool of 0 workers would do no job at all")]
fn a_pool_of_nobody_any_more() {
    let _ = mini_executor::run(0, |rt| async move {
        WorkerPool::new(rt, 1).set_workers(0);
    });
}

#[test]
fn debug_says_how_many() {
    mini_executor::run(0, |rt| async move {
        let pool = WorkerPool::new(rt.clone(), 2);
        let text = format!("{pool:?} {:?}", pool.handle());
        assert!(text.starts_with("WorkerPool { workers: 2, busy: 0, queued: 0, completed: 0"));
        let jobs = Dispatcher::new(rt.clone(), 1, || |()| async {});
        let text = format!("{jobs:?} {:?}", jobs.handle());
        assert!(text.starts_with("Dispatcher { workers: 1"), "{text}");
        drop(rt.spawn(async {}));
        jobs.stop().await;
        pool.stop().await;
        rt.sleep(Duration::from_secs(1)).await;
    })
    .unwrap();
}

/// A place that was reserved is good after the end. Whoever uses it is told, and does not wait.
#[test]
#[cfg_attr(miri, ignore = "it takes many threads")]
fn submitted_as_the_last_worker_goes() {
    for round in 0..10_000 {
        let pool = WorkerPool::new(runtime::SmolRuntime::new(), 1);
        let (handle, both) = (pool.handle(), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                both.wait();
                let waited = smol::block_on(handle.submit_and_wait(async {}));
                drop(waited);
            });
            both.wait();
            for _ in 0..round % 50 {
                std::hint::spin_loop();
            }
            drop(pool);
        });
        smol::block_on(handle.idle());
    }
}

#[test]
fn too_many_workers_are_refused() {
    common::on_tokio(1, |rt| async move {
        let pool = WorkerPool::new(rt, 1);
        let refused = std::panic::catch_unwind(AssertUnwindSafe(|| pool.set_workers(usize::MAX)));
        assert!(refused.is_err());
        assert_eq!(pool.counts().workers, 1);
        assert_eq!(pool.submit_and_wait(async { 7 }).await.unwrap(), 7);
        pool.stop().await;
    });
}
