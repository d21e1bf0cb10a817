//! P40, P41: groups of tasks with results.

use std::convert::Infallible;
use std::hint::black_box;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use orchestration::{ErrGroup, LocalErrGroup};
use runtime::TokioRuntime;
use tokio::task::JoinSet;
use tokio::task::coop::unconstrained;
use tokio_util::task::TaskTracker;

use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::repeat_many;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::{Plan, figure};

const OURS: &str = "ErrGroup";
const LOCAL: &str = "LocalErrGroup";
const HANDLES: &str = "spawn and JoinHandle";
const TASKS: usize = 100_000;

/// Adds somebody who runs `n` tasks and collects them, inside of a task of the runtime.
fn add<B, F>(cases: &mut Cases, peer: &str, role: Role, all: fn(usize) -> F)
where
    B: Bed,
    F: Future<Output = usize> + Send + 'static,
{
    cases.add(peer, role, move |plan: &Plan| {
        let bed = B::start();
        let n = plan.scaled(TASKS);
        let mut complete = true;
        let sample = repeat_many(plan, n, |_| complete &= bed.run(all(n)) == n);
        sample.trouble_if(!complete, "some tasks were not joined")
    });
}

async fn task(n: usize) -> Result<usize, Infallible> {
    Ok(black_box(n))
}

async fn err_group(n: usize) -> usize {
    let group = ErrGroup::new(TokioRuntime::current());
    for i in 0..n {
        // It has not stopped, since no task fails.
        let _ = group.spawn(task(i)).await;
    }
    group.join().await.map_or(0, |values| values.len())
}

async fn join_set(n: usize) -> usize {
    let mut set = JoinSet::new();
    for i in 0..n {
        set.spawn(task(i));
    }
    let mut done = 0;
    while let Some(Ok(Ok(_))) = set.join_next().await {
        done += 1;
    }
    done
}

async fn task_tracker(n: usize) -> usize {
    let tracker = TaskTracker::new();
    for i in 0..n {
        drop(tracker.spawn(task(i)));
    }
    tracker.close();
    tracker.wait().await;
    n
}

async fn unordered(n: usize) -> usize {
    // Under tokio's budget a handle that is ready says it is not, a hundred thousand times over.
    let spawn = |i| unconstrained(tokio::spawn(task(i)));
    let mut handles: FuturesUnordered<_> = (0..n).map(spawn).collect();
    let mut done = 0;
    while let Some(Ok(Ok(_))) = handles.next().await {
        done += 1;
    }
    done
}

async fn handles(n: usize) -> usize {
    let handles: Vec<_> = (0..n).map(|i| tokio::spawn(task(i))).collect();
    let mut done = 0;
    for handle in handles {
        done += usize::from(handle.await.is_ok());
    }
    done
}

fn spawned<B: Bed>(bed: &str) -> Point {
    let mut cases = Cases::new("group", bed, Passes::Counted);
    add::<B, _>(&mut cases, OURS, Role::Ours, err_group);
    add::<B, _>(&mut cases, "tokio JoinSet", Role::Peer, join_set);
    add::<B, _>(
        &mut cases,
        "tokio-util TaskTracker",
        Role::Peer,
        task_tracker,
    );
    add::<B, _>(
        &mut cases,
        "FuturesUnordered of JoinHandles",
        Role::Peer,
        unordered,
    );
    add::<B, _>(&mut cases, HANDLES, Role::Floor, handles);
    if B::TURN.is_none() {
        cases.go("Go x/sync errgroup", &["group"]);
    }
    cases.point()
}

/// A task that waits once, for nothing.
async fn yielding(n: usize) -> Result<usize, Infallible> {
    smol::future::yield_now().await;
    task(n).await
}

fn local<F>(label: &str, make: fn(usize) -> F) -> Point
where
    F: Future<Output = Result<usize, Infallible>> + 'static,
{
    let mut cases = Cases::new("group-local", label, Passes::Counted);
    cases.add(LOCAL, Role::Ours, move |plan: &Plan| {
        let n = plan.scaled(TASKS);
        repeat_many(plan, n, |_| {
            let values = mini_executor::block_on(async {
                let mut group = LocalErrGroup::new();
                for i in 0..n {
                    let _ = group.spawn(make(i)).await;
                }
                group.join().await
            });
            black_box(values.map_or(0, |values| values.len()));
        })
    });
    cases.add("FuturesUnordered", Role::Peer, move |plan: &Plan| {
        let n = plan.scaled(TASKS);
        repeat_many(plan, n, |_| {
            let values: Vec<_> = mini_executor::block_on(async {
                (0..n)
                    .map(make)
                    .collect::<FuturesUnordered<_>>()
                    .collect()
                    .await
            });
            black_box(values.len());
        })
    });
    cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "P40",
            title: "Group of 100 000 trivial tasks, spawned",
            about: "A task spawns them and waits for all. Time and allocations per task.",
            judged: OURS,
            floor: Some(HANDLES),
            measure: Measure::Nanos,
            points: vec![
                spawned::<TokioOneThread>("tokio current-thread"),
                spawned::<TokioTwoWorkers>("tokio, 2 workers"),
            ],
            goals: vec![
                Goal::FloorAnd(30.0),
                Goal::AtMost(Measure::Figure(figure::ALLOCATIONS), 2.0),
            ],
            notes: &[
                "ErrGroup keeps the results in the order of submission; JoinSet and FuturesUnordered \
                 give them as they come, TaskTracker and Go's errgroup give none.",
            ],
        },
        Row {
            id: "P41",
            title: "Group of 100 000 trivial tasks, within one task",
            about: "The same without a runtime: the tasks run inside of the future that waits for \
                    them.",
            judged: LOCAL,
            floor: None,
            measure: Measure::Nanos,
            points: vec![local("ready", task), local("yield once", yielding)],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &["LocalErrGroup keeps the order of submission, FuturesUnordered does not."],
        },
    ]
}
