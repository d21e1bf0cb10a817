//! P42, P43: a function called for each of many items, outputs in order.

use std::hint::black_box;
use std::pin::pin;

use futures::Stream;
use futures::future::Either;
use futures_util::{StreamExt as _, stream};
use orchestration::results::Map;
use runtime::TokioRuntime;

use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioTwoWorkers};
use crate::measure::hand::repeat_many;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::{Plan, Sample};

const HERE: &str = "Map, ordered";
const HERE_AS_THEY_COME: &str = "Map, unordered";
const ON: &str = "Map, ordered_on";
const ON_AS_THEY_COME: &str = "Map, unordered_on";
const LOOP: &str = "a loop";
const ITEMS: u64 = 1_000_000;

/// What an item does: nothing, or wait once, for nothing.
#[derive(Clone, Copy)]
enum Work {
    Ready,
    Yields,
}

impl Work {
    fn label(self, concurrency: usize) -> String {
        match self {
            Work::Ready => format!("ready, {concurrency}"),
            Work::Yields => format!("yields once, {concurrency}"),
        }
    }

    fn item(self, n: u64) -> impl Future<Output = u64> + Send {
        match self {
            Work::Ready => Either::Left(async move { black_box(n) }),
            Work::Yields => Either::Right(async move {
                smol::future::yield_now().await;
                black_box(n)
            }),
        }
    }
}

async fn sum(outputs: impl Stream<Item = u64>) -> u64 {
    let mut outputs = pin!(outputs);
    let mut sum = 0_u64;
    while let Some(output) = outputs.next().await {
        sum += output;
    }
    sum
}

/// Runs it again and again, and looks at what comes out.
fn repeated(plan: &Plan, mut run: impl FnMut(u64) -> u64) -> Sample {
    let n = plan.scaled(ITEMS as usize) as u64;
    let mut complete = true;
    let mut sample = repeat_many(plan, n as usize, |_| complete &= run(n) == n * (n - 1) / 2);
    if !complete {
        sample.trouble = Some("some outputs are missing".to_owned());
    }
    sample
}

fn here(work: Work, concurrency: usize) -> Point {
    let label = work.label(concurrency);
    let mut cases = Cases::new("ordered-map", label, Passes::Counted);
    let item = move |n| work.item(n);
    cases.add(HERE, Role::Ours, move |plan: &Plan| {
        repeated(plan, |n| {
            let map = Map::new(0..n, item).concurrency(concurrency);
            mini_executor::block_on(sum(map.ordered()))
        })
    });
    cases.add(HERE_AS_THEY_COME, Role::Ours, move |plan: &Plan| {
        repeated(plan, |n| {
            let map = Map::new(0..n, item).concurrency(concurrency);
            mini_executor::block_on(sum(map.unordered()))
        })
    });
    cases.add("futures buffered", Role::Peer, move |plan: &Plan| {
        repeated(plan, |n| {
            let map = stream::iter(0..n).map(item).buffered(concurrency);
            mini_executor::block_on(sum(map))
        })
    });
    cases.add(
        "futures buffer_unordered",
        Role::Peer,
        move |plan: &Plan| {
            repeated(plan, |n| {
                let map = stream::iter(0..n).map(item).buffer_unordered(concurrency);
                mini_executor::block_on(sum(map))
            })
        },
    );
    cases.add("futures-concurrency", Role::Peer, move |plan: &Plan| {
        use futures_concurrency::concurrent_stream::ConcurrentStream as _;
        use futures_concurrency::stream::StreamExt as _;
        let limit = std::num::NonZero::new(concurrency);
        repeated(plan, |n| {
            let map = stream::iter(0..n).co().limit(limit).map(item);
            mini_executor::block_on(async {
                let outputs: Vec<u64> = map.collect().await;
                outputs.into_iter().sum()
            })
        })
    });
    cases.add(LOOP, Role::Floor, move |plan: &Plan| {
        repeated(plan, |n| {
            mini_executor::block_on(async {
                let mut sum = 0;
                for n in 0..n {
                    sum += item(n).await;
                }
                sum
            })
        })
    });
    cases.point()
}

fn on_tasks(work: Work, concurrency: usize) -> Point {
    let label = work.label(concurrency);
    let mut cases = Cases::new("spawned-map", label, Passes::Counted);
    let item = move |n| work.item(n);
    cases.add(ON, Role::Ours, move |plan: &Plan| {
        let bed = TokioTwoWorkers::start();
        repeated(plan, |n| {
            bed.run(async move {
                let map = Map::new(0..n, item).concurrency(concurrency);
                sum(map.ordered_on(TokioRuntime::current())).await
            })
        })
    });
    cases.add(ON_AS_THEY_COME, Role::Ours, move |plan: &Plan| {
        let bed = TokioTwoWorkers::start();
        repeated(plan, |n| {
            bed.run(async move {
                let map = Map::new(0..n, item).concurrency(concurrency);
                sum(map.unordered_on(TokioRuntime::current())).await
            })
        })
    });
    let joined = |joined: Result<u64, tokio::task::JoinError>| joined.expect("no task panics");
    cases.add("futures buffered, spawn", Role::Peer, move |plan: &Plan| {
        let bed = TokioTwoWorkers::start();
        repeated(plan, |n| {
            bed.run(async move {
                let tasks = stream::iter(0..n).map(move |n| tokio::spawn(item(n)));
                sum(tasks.buffered(concurrency).map(joined)).await
            })
        })
    });
    cases.add(
        "futures buffer_unordered, spawn",
        Role::Peer,
        move |plan: &Plan| {
            let bed = TokioTwoWorkers::start();
            repeated(plan, |n| {
                bed.run(async move {
                    let tasks = stream::iter(0..n).map(move |n| tokio::spawn(item(n)));
                    sum(tasks.buffer_unordered(concurrency).map(joined)).await
                })
            })
        },
    );
    cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "P42",
            title: "Ordered map over 1 000 000 items, within one task",
            about: "An asynchronous function is called for each item, 8 or 64 at a time, and the \
                    outputs are added up in order. Time and allocations per item.",
            judged: HERE,
            floor: Some(LOOP),
            measure: Measure::Nanos,
            points: vec![
                here(Work::Ready, 8),
                here(Work::Ready, 64),
                here(Work::Yields, 8),
                here(Work::Yields, 64),
            ],
            goals: vec![
                Goal::Ahead(Rival::Peers),
                Goal::EachAtMost(Measure::Nanos, &[8.0, 8.0, 45.0, 45.0]),
            ],
            notes: &[
                "The unordered peers and futures-concurrency, which collects, do not keep the order.",
            ],
        },
        Row {
            id: "P43",
            title: "Ordered map over 1 000 000 items, in tasks on 2 workers",
            about: "The same, where the function runs in tasks of their own on tokio with two \
                    workers.",
            judged: ON,
            floor: None,
            measure: Measure::Nanos,
            points: vec![
                on_tasks(Work::Ready, 8),
                on_tasks(Work::Ready, 64),
                on_tasks(Work::Yields, 8),
                on_tasks(Work::Yields, 64),
            ],
            goals: vec![
                Goal::Ahead(Rival::Peers),
                // What waits has a task to itself, and is not handed over by the dozen.
                Goal::EachAtMost(Measure::Nanos, &[130.0, 130.0]),
            ],
            notes: &[
                "Ours spawns as many tasks as may run at a time, and hands ready items over by the \
                 dozen; the peers spawn a task for each item.",
            ],
        },
    ]
}
