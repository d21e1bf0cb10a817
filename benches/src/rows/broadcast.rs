//! P35: broadcasts.
//!
//! Two kinds are compared, each with its own: senders that never wait, and senders that wait for the slowest
//! receiver. Where nobody may wait, the receivers read on time: that they lag would be quicker, and is not
//! what is measured.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_sync::Latch;
use conformance::peers::broadcasts::{
    AsyncBroadcastCrate, AsyncBroadcastOverflowing, Ours, OursLossless, Tokio,
};
use conformance::peers::{AsyncBroadcast, Heard};

use super::ours;
use crate::case::{Cases, Passes, Point};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::{ready, repeat, repeat_many};
use crate::peers;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

/// Items of one measurement.
const ITEMS: usize = 20_000;
const CAPACITY: usize = 128;
const LOSSLESS: &str = "async-sync, lossless";

/// One item to so many receivers.
fn free<B: AsyncBroadcast>(cases: &mut Cases, receivers: usize) {
    cases.add(B::NAME, peers::role(B::PACKAGE), move |plan| {
        let (sender, receiver) = B::channel(CAPACITY);
        let mut all: Vec<_> = (1..receivers).map(|_| B::subscribe(&sender)).collect();
        all.push(receiver);
        let (sender, all) = (black_box(&sender), black_box(&mut all));
        repeat(plan, |cx| {
            ready(|| B::send(sender, black_box(7)), cx);
            for receiver in all.iter_mut() {
                black_box(ready(|| B::recv(receiver), cx));
            }
        })
    });
}

fn never_waiting(receivers: usize) -> Point {
    let label = format!("1 x {receivers}");
    let mut cases = Cases::new("broadcast-free", label, Passes::Instructions);
    free::<Ours>(&mut cases, receivers);
    free::<OursLossless>(&mut cases, receivers);
    free::<Tokio>(&mut cases, receivers);
    free::<AsyncBroadcastOverflowing>(&mut cases, receivers);
    free::<AsyncBroadcastCrate>(&mut cases, receivers);
    cases.point()
}

/// One task sends, each receiver receives in one of its own until the end. How many items arrived, all
/// together. A sender that does not wait lets the receivers run after each half of what is kept, and then
/// until they have had it.
async fn pass<E: Bed, B: AsyncBroadcast>(bed: Arc<E>, receivers: usize, items: usize) -> u64 {
    let (sender, receiver) = B::channel(CAPACITY);
    let mut all: Vec<_> = (1..receivers).map(|_| B::subscribe(&sender)).collect();
    all.push(receiver);
    let done = Arc::new(Latch::new(receivers));
    let received = Arc::new(AtomicU64::new(0));
    for mut receiver in all {
        let (done, received) = (Arc::clone(&done), Arc::clone(&received));
        bed.spawn(Box::pin(async move {
            loop {
                match B::recv(&mut receiver).await {
                    Heard::Item(item) => {
                        black_box(item);
                        received.fetch_add(1, Ordering::Relaxed);
                    }
                    Heard::Lagged(_) => {}
                    Heard::Closed => break,
                }
            }
            done.count_down();
        }));
    }
    let arrived = Arc::clone(&received);
    bed.spawn(Box::pin(async move {
        for item in 1..=items {
            B::send(&sender, item as u64).await;
            if !B::LOSSLESS && item.is_multiple_of(CAPACITY / 2) {
                while arrived.load(Ordering::Relaxed) < (item * receivers) as u64 {
                    E::yield_now().await;
                }
            }
        }
    }));
    done.wait().await;
    received.load(Ordering::Relaxed)
}

fn passing<E: Bed, B: AsyncBroadcast>(cases: &mut Cases, receivers: usize) {
    cases.add(B::NAME, peers::role(B::PACKAGE), move |plan: &Plan| {
        let bed = Arc::new(E::start());
        let items = plan.scaled(ITEMS);
        let mut complete = true;
        let sample = repeat_many(plan, items, |_| {
            let all = pass::<E, B>(Arc::clone(&bed), receivers, items);
            complete &= bed.run(all) == (items * receivers) as u64;
        });
        sample.trouble_if(!complete, "some items did not arrive")
    });
}

fn waiting<E: Bed>(bed: &str) -> Vec<Point> {
    let point = |receivers| {
        let label = format!("1 x {receivers}");
        let mut cases = Cases::new(&format!("broadcast-{bed}"), label, Passes::Timed);
        passing::<E, OursLossless>(&mut cases, receivers);
        passing::<E, AsyncBroadcastCrate>(&mut cases, receivers);
        passing::<E, Ours>(&mut cases, receivers);
        passing::<E, Tokio>(&mut cases, receivers);
        passing::<E, AsyncBroadcastOverflowing>(&mut cases, receivers);
        cases.point()
    };
    [1, 8].into_iter().map(point).collect()
}

const WITH_WRAPPER: &str = "Every peer's future is awaited in an `async fn` of one line.";
const KINDS: &str = "Those whose senders never wait let the receivers run after each 64 items, and go on when \
     these have had them; those whose senders wait do so when 128 items are kept. async-broadcast \
     can do either, like ours; tokio has senders that never wait only.";

pub(super) fn rows() -> Vec<Row> {
    let row = |title, about, judged, points, notes| Row {
        id: "P35",
        title,
        about,
        judged,
        floor: None,
        measure: Measure::Nanos,
        points,
        goals: vec![Goal::Ahead(Rival::Peers)],
        notes,
    };
    let about = "One task sends 20000 numbers to all receivers, each in a task of its own; tasks are \
                 spawned for each run. Per item sent.";
    vec![
        row(
            "Broadcast, send and receive in one task",
            "Never waiting: one item, which every receiver has before the next. Each future is polled once, \
             by hand, and is ready.",
            ours::PLAIN,
            vec![never_waiting(1), never_waiting(8)],
            &[WITH_WRAPPER],
        ),
        row(
            "Broadcast, tokio, 2 workers",
            about,
            LOSSLESS,
            waiting::<TokioTwoWorkers>("tokio-mt"),
            &[WITH_WRAPPER, KINDS],
        ),
        row(
            "Broadcast, tokio current-thread",
            about,
            LOSSLESS,
            waiting::<TokioOneThread>("tokio-ct"),
            &[WITH_WRAPPER, KINDS],
        ),
    ]
}
