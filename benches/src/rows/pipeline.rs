//! P46: pipelines.

use std::convert::Infallible;
use std::hint::black_box;

use async_sync::channel;
use futures_util::stream::{self, StreamExt as _};
use orchestration::Pipeline;
use runtime::TokioRuntime;
use tokio::sync::mpsc;

use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::repeat_many;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

const OURS: &str = "Pipeline";
const ITEMS: usize = 1_000_000;
const STAGES: usize = 3;
/// Between two stages, for everybody.
const BUFFER: usize = 128;

/// What a stage does.
async fn step(n: u64) -> Result<u64, Infallible> {
    Ok(black_box(n) + 1)
}

/// Adds somebody who puts `n` items through all stages and gives their sum.
fn add<B, F>(cases: &mut Cases, peer: &str, role: Role, all: fn(u64) -> F)
where
    B: Bed,
    F: Future<Output = u64> + Send + 'static,
{
    cases.add(peer, role, move |plan: &Plan| {
        let bed = B::start();
        let n = plan.scaled(ITEMS) as u64;
        let expected = (0..n).map(|item| item + STAGES as u64).sum::<u64>();
        let mut complete = true;
        let each = plan.scaled(ITEMS) * STAGES;
        let mut sample = repeat_many(plan, each, |_| complete &= bed.run(all(n)) == expected);
        if !complete {
            sample.trouble = Some("some items did not arrive".to_owned());
        }
        sample
    });
}

/// What our stages give; there are no errors.
fn unwrapped<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

async fn pipeline(n: u64) -> u64 {
    let ended = Pipeline::<_, Infallible>::from_iter("numbers", 0..n)
        .stage("one", step)
        .buffer(BUFFER)
        .stage("two", step)
        .buffer(BUFFER)
        .stage("three", step)
        .buffer(BUFFER)
        .output_buffer(BUFFER)
        .fold(TokioRuntime::current(), 0, |sum, item| sum + item)
        .await;
    ended.map_or(0, |(sum, _)| sum)
}

async fn buffered(n: u64) -> u64 {
    let one = stream::iter(0..n).map(step).buffered(BUFFER).map(unwrapped);
    let two = one.map(step).buffered(BUFFER).map(unwrapped);
    let three = two.map(step).buffered(BUFFER).map(unwrapped);
    three.fold(0, |sum, item| async move { sum + item }).await
}

/// A task for each stage, a channel before each.
macro_rules! chain {
    ($name:ident, $bounded:path) => {
        async fn $name(n: u64) -> u64 {
            #[allow(unused_mut, reason = "not all receive by `&mut`")]
            let (sender, mut receiver) = $bounded(BUFFER);
            tokio::spawn(async move {
                for item in 0..n {
                    let _ = sender.send(item).await;
                }
            });
            for _ in 0..STAGES {
                #[allow(unused_mut, reason = "as above")]
                let (sender, mut next) = $bounded(BUFFER);
                std::mem::swap(&mut receiver, &mut next);
                tokio::spawn(async move {
                    while let Some(item) = next.recv().await {
                        let _ = sender.send(unwrapped(step(item).await)).await;
                    }
                });
            }
            let mut sum = 0;
            while let Some(item) = receiver.recv().await {
                sum += item;
            }
            sum
        }
    };
}

chain!(mpsc_chain, mpsc::channel);
chain!(channel_chain, channel::bounded);

fn point<B: Bed>(bed: &str) -> Point {
    let mut cases = Cases::new("pipeline", bed, Passes::Timed);
    add::<B, _>(&mut cases, OURS, Role::Ours, pipeline);
    add::<B, _>(
        &mut cases,
        "a task a stage, async-sync channels",
        Role::Ours,
        channel_chain,
    );
    add::<B, _>(
        &mut cases,
        "a task a stage, tokio mpsc",
        Role::Peer,
        mpsc_chain,
    );
    add::<B, _>(
        &mut cases,
        "futures buffered, in one task",
        Role::Peer,
        buffered,
    );
    if B::TURN.is_none() {
        cases.go("Go, a goroutine a stage", &["pipeline"]);
    }
    cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        id: "P46",
        title: "Pipeline of three stages, a million items",
        about: "Numbers from an iterator through three stages that add one, into a sum; 128 places \
                between two stages. Per item and stage.",
        judged: OURS,
        floor: None,
        measure: Measure::Nanos,
        points: vec![
            point::<TokioTwoWorkers>("tokio, 2 workers"),
            point::<TokioOneThread>("tokio current-thread"),
        ],
        goals: vec![Goal::Ahead(Rival::Peers), Goal::Ahead(Rival::Go(0))],
        notes: &[
            "Ours counts items, times and quantiles for each stage meanwhile; the others count nothing.",
            "The chain of futures' buffered runs in one task: nothing is handed to another.",
        ],
    }]
}
