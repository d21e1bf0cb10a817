//! P36: channels for one item.

use std::hint::black_box;
use std::sync::Arc;

use conformance::peers::AsyncOneshot;
use conformance::peers::oneshots::{Futures, Ours, Tokio};

use super::ours;
use crate::case::{Cases, Passes, Point};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::{ready, repeat, repeat_many};
use crate::peers;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

/// Questions of one measurement.
const QUESTIONS: usize = 20_000;

fn free<O: AsyncOneshot>(cases: &mut Cases) {
    cases.add(O::NAME, peers::role(O::PACKAGE), |plan| {
        repeat(plan, |cx| {
            let (sender, mut receiver) = O::channel();
            O::send(black_box(sender), black_box(7));
            black_box(ready(|| O::recv(black_box(&mut receiver)), cx));
        })
    });
}

fn never_waiting() -> Point {
    let mut cases = Cases::new("oneshot-free", "one task", Passes::Instructions);
    free::<Ours>(&mut cases);
    free::<Tokio>(&mut cases);
    free::<Futures>(&mut cases);
    cases.point()
}

/// One task asks, another one answers; a question goes through a channel of one place, the same for all.
async fn questions<B: Bed, O: AsyncOneshot>(bed: Arc<B>, count: usize) -> usize {
    let (requests, inbox) = async_sync::channel::bounded::<(u64, O::Sender)>(1);
    bed.spawn(Box::pin(async move {
        while let Some((question, reply)) = inbox.recv().await {
            O::send(reply, question + 1);
        }
    }));
    let mut answered = 0;
    for n in 0..count as u64 {
        let (reply, mut answer) = O::channel();
        if requests.send((n, reply)).await.is_err() {
            break;
        }
        answered += usize::from(O::recv(&mut answer).await == Some(n + 1));
    }
    answered
}

fn asking<B: Bed, O: AsyncOneshot>(cases: &mut Cases) {
    cases.add(O::NAME, peers::role(O::PACKAGE), |plan: &Plan| {
        let bed = Arc::new(B::start());
        let count = plan.scaled(QUESTIONS);
        let mut complete = true;
        let sample = repeat_many(plan, count, |_| {
            complete &= bed.run(questions::<B, O>(Arc::clone(&bed), count)) == count;
        });
        sample.trouble_if(!complete, "some answers did not arrive")
    });
}

fn between_tasks<B: Bed>(bed: &str, label: &str) -> Point {
    let mut cases = Cases::new(&format!("oneshot-{bed}"), label, Passes::Timed);
    asking::<B, Ours>(&mut cases);
    asking::<B, Tokio>(&mut cases);
    asking::<B, Futures>(&mut cases);
    cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    let row = |title, about, points| Row {
        id: "P36",
        title,
        about,
        judged: ours::PLAIN,
        floor: None,
        measure: Measure::Nanos,
        points,
        goals: vec![Goal::Ahead(Rival::Peers)],
        notes: &[],
    };
    vec![
        row(
            "Oneshot, made, sent and received in one task",
            "A channel is made, its item is sent and received, both ends are dropped. Nobody waits.",
            vec![never_waiting()],
        ),
        row(
            "Oneshot, question and answer between two tasks",
            "A task sends a question with a new channel for the answer, and waits for that; another one answers. \
             20000 times; the questions go through our bounded channel of one place for everybody. Per question.",
            vec![
                between_tasks::<TokioOneThread>("tokio-ct", "current-thread"),
                between_tasks::<TokioTwoWorkers>("tokio-mt", "2 workers"),
            ],
        ),
    ]
}
