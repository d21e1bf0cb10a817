//! Pools of workers, beside a task for each job behind a semaphore.

use std::hint::black_box;
use std::sync::Arc;

use async_sync::Semaphore;
use orchestration::worker_pool::Builder;
use orchestration::{Dispatcher, WorkerPool};
use runtime::TokioRuntime;
use tokio_util::task::TaskTracker;

use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::repeat_many;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

const OURS: &str = "WorkerPool";
const JOBS: usize = 100_000;
const WORKERS: usize = 8;

fn add<B, F>(cases: &mut Cases, peer: &str, role: Role, all: fn(usize) -> F)
where
    B: Bed,
    F: Future<Output = ()> + Send + 'static,
{
    cases.add(peer, role, move |plan: &Plan| {
        let bed = B::start();
        let n = plan.scaled(JOBS);
        repeat_many(plan, n, |_| bed.run(all(n)))
    });
}

/// A job that waits once.
async fn job(n: usize) {
    tokio::task::yield_now().await;
    black_box(n);
}

async fn pool(n: usize) {
    let pool = WorkerPool::new(TokioRuntime::current(), WORKERS);
    for i in 0..n {
        let _ = pool.submit(job(i)).await;
    }
    pool.stop().await;
}

async fn wide_pool(n: usize) {
    let pool = Builder::new(WORKERS)
        .queue(256)
        .build(TokioRuntime::current());
    for i in 0..n {
        let _ = pool.submit(job(i)).await;
    }
    pool.stop().await;
}

async fn dispatcher(n: usize) {
    let jobs = Dispatcher::new(TokioRuntime::current(), WORKERS, || job);
    for i in 0..n {
        let _ = jobs.dispatch(i).await;
    }
    jobs.stop().await;
}

async fn spawned(n: usize) {
    let slots = Arc::new(tokio::sync::Semaphore::new(WORKERS));
    let tasks = TaskTracker::new();
    for i in 0..n {
        let Ok(permit) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        drop(tasks.spawn(async move {
            job(i).await;
            drop(permit);
        }));
    }
    tasks.close();
    tasks.wait().await;
}

async fn spawned_with_ours(n: usize) {
    let slots = Arc::new(Semaphore::new(WORKERS));
    let tasks = TaskTracker::new();
    for i in 0..n {
        let Ok(permit) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        drop(tasks.spawn(async move {
            job(i).await;
            drop(permit);
        }));
    }
    tasks.close();
    tasks.wait().await;
}

fn point<B: Bed>(bed: &str) -> Point {
    let mut cases = Cases::new("worker-pool", bed, Passes::Counted);
    add::<B, _>(&mut cases, OURS, Role::Ours, pool);
    add::<B, _>(
        &mut cases,
        "WorkerPool, room for 256",
        Role::Ours,
        wide_pool,
    );
    add::<B, _>(&mut cases, "Dispatcher", Role::Ours, dispatcher);
    add::<B, _>(
        &mut cases,
        "tokio spawn, tokio Semaphore",
        Role::Peer,
        spawned,
    );
    add::<B, _>(
        &mut cases,
        "tokio spawn, our Semaphore",
        Role::Ours,
        spawned_with_ours,
    );
    if B::MANY {
        cases.go("Go, goroutines and a channel", &["worker-pool", "8"]);
    }
    cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        id: "-",
        title: "Worker pool, eight workers",
        about: "100 000 jobs that yield once, of which eight run at a time, and whose submitter waits while \
                there is no room. Time and allocations per job.",
        judged: OURS,
        floor: None,
        measure: Measure::Nanos,
        points: vec![
            point::<TokioOneThread>("tokio current-thread"),
            point::<TokioTwoWorkers>("tokio, 2 workers"),
        ],
        goals: vec![Goal::Ahead(Rival::Peers), Goal::Ahead(Rival::Go(0))],
        notes: &[
            "The pool has room for as many jobs in its queue as it has workers; with a semaphore there is no queue.",
        ],
    }]
}
