//! P30 to P33: channels.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_sync::Latch;
use conformance::peers::channels::{
    AsyncChannelCrate, Crossfire, Flume, Futures, Kanal, Ours, Tachyonix, Tokio,
};
use conformance::peers::{AsyncChannel, RendezvousChannel, SharedChannel};

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::{ready, repeat, repeat_many};
use crate::peers;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

/// Items of one measurement, all senders together.
const ITEMS: usize = 80_000;
const CAPACITY: usize = 100;
const RING: &str = "ring of one sender and one receiver";

/// A ring without any waiting, for one sender and one receiver: nobody can be quicker.
struct Ring {
    slots: [AtomicU64; 128],
    head: AtomicUsize,
    tail: AtomicUsize,
}

impl Ring {
    fn new() -> Self {
        Ring {
            slots: [const { AtomicU64::new(0) }; 128],
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
        }
    }

    #[inline]
    fn put(&self, item: u64) -> bool {
        let tail = self.tail.load(Ordering::Relaxed);
        // Acquire: the place was read before it was given back.
        let free = tail - self.head.load(Ordering::Acquire) < CAPACITY;
        if free {
            self.slots[tail % 128].store(item, Ordering::Relaxed);
            // Release: publishes the item.
            self.tail.store(tail + 1, Ordering::Release);
        }
        free
    }

    #[inline]
    fn take(&self) -> Option<u64> {
        let head = self.head.load(Ordering::Relaxed);
        // Acquire: the item is seen.
        if head == self.tail.load(Ordering::Acquire) {
            return None;
        }
        let item = self.slots[head % 128].load(Ordering::Relaxed);
        // Release: gives the place back.
        self.head.store(head + 1, Ordering::Release);
        Some(item)
    }
}

fn free<C: AsyncChannel>(cases: &mut Cases) {
    cases.add(C::NAME, peers::role(C::PACKAGE), |plan| {
        let (mut sender, mut receiver) = C::bounded(CAPACITY);
        let (sender, receiver) = (black_box(&mut sender), black_box(&mut receiver));
        repeat(plan, |cx| {
            ready(|| C::send(sender, black_box(7)), cx);
            black_box(ready(|| C::recv(receiver), cx));
        })
    });
}

fn never_waiting() -> Point {
    let mut cases = Cases::new("channel-free", "one task", Passes::Instructions);
    free::<Ours>(&mut cases);
    free::<Tokio>(&mut cases);
    free::<AsyncChannelCrate>(&mut cases);
    free::<Flume>(&mut cases);
    free::<Kanal>(&mut cases);
    free::<Crossfire>(&mut cases);
    free::<Tachyonix>(&mut cases);
    free::<Futures>(&mut cases);
    cases.add(RING, Role::Floor, |plan| {
        let ring = Ring::new();
        let ring = black_box(&ring);
        repeat(plan, |_| {
            ring.put(black_box(7));
            black_box(ring.take());
        })
    });
    cases.go("Go channel", &["channel-free"]);
    cases.point()
}

/// `senders` tasks send, all that `receivers` has receive until the channel is closed; then everybody
/// has ended.
async fn pass<B: Bed, C: AsyncChannel>(
    bed: Arc<B>,
    sender: C::Sender,
    receivers: Vec<C::Receiver>,
    (senders, items): (usize, usize),
) -> u64 {
    let done = Arc::new(Latch::new(receivers.len()));
    let received = Arc::new(AtomicU64::new(0));
    for mut receiver in receivers {
        let (done, received) = (Arc::clone(&done), Arc::clone(&received));
        bed.spawn(Box::pin(async move {
            let mut count = 0;
            while let Some(item) = C::recv(&mut receiver).await {
                black_box(item);
                count += 1;
            }
            received.fetch_add(count, Ordering::Relaxed);
            done.count_down();
        }));
    }
    for n in 0..senders {
        let mut sender = sender.clone();
        bed.spawn(Box::pin(async move {
            for item in (n..items).step_by(senders) {
                C::send(&mut sender, item as u64).await;
            }
        }));
    }
    drop(sender);
    done.wait().await;
    received.load(Ordering::Relaxed)
}

struct Passing<'a, B> {
    cases: &'a mut Cases,
    senders: usize,
    receivers: usize,
    rendezvous: bool,
    bed: std::marker::PhantomData<B>,
}

impl<B: Bed> Passing<'_, B> {
    fn add<C: AsyncChannel>(
        &mut self,
        make: impl Fn() -> (C::Sender, C::Receiver) + Send + Sync + 'static,
        share: fn(&C::Receiver) -> C::Receiver,
    ) {
        let (senders, receivers) = (self.senders, self.receivers);
        self.cases
            .add(C::NAME, peers::role(C::PACKAGE), move |plan: &Plan| {
                let bed = Arc::new(B::start());
                let items = plan.scaled(ITEMS);
                let mut complete = true;
                let sample = repeat_many(plan, items, |_| {
                    let (sender, receiver) = make();
                    let mut all: Vec<_> = (1..receivers).map(|_| share(&receiver)).collect();
                    all.push(receiver);
                    let all = pass::<B, C>(Arc::clone(&bed), sender, all, (senders, items));
                    complete &= bed.run(all) == items as u64;
                });
                sample.trouble_if(!complete, "some items did not arrive")
            });
    }

    /// Of those with one receiver.
    fn single<C: AsyncChannel>(&mut self) {
        if self.receivers == 1 && !self.rendezvous {
            self.add::<C>(|| C::bounded(CAPACITY), |_| unreachable!("there is one"));
        }
    }

    fn shared<C: SharedChannel>(&mut self) {
        if !self.rendezvous {
            self.add::<C>(|| C::bounded(CAPACITY), C::share);
        }
    }

    fn both<C: SharedChannel + RendezvousChannel>(&mut self) {
        if self.rendezvous {
            self.add::<C>(C::rendezvous, C::share);
        } else {
            self.shared::<C>();
        }
    }

    fn everybody(&mut self) {
        self.both::<Ours>();
        self.single::<Tokio>();
        self.shared::<AsyncChannelCrate>();
        self.both::<Flume>();
        self.both::<Kanal>();
        self.shared::<Crossfire>();
        self.single::<Tachyonix>();
        self.single::<Futures>();
    }
}

fn passing<B: Bed>(bed: &str, rendezvous: bool, sizes: &[(usize, usize)]) -> Vec<Point> {
    let kind = if rendezvous { "rendezvous" } else { "channel" };
    let capacity = if rendezvous { 0 } else { CAPACITY };
    let point = |&(senders, receivers): &(usize, usize)| {
        let mut cases = Cases::new(
            &format!("{kind}-{bed}"),
            format!("{senders} x {receivers}"),
            Passes::Timed,
        );
        Passing::<B> {
            cases: &mut cases,
            senders,
            receivers,
            rendezvous,
            bed: std::marker::PhantomData,
        }
        .everybody();
        if B::TURN.is_none() {
            let numbers = [capacity, senders, receivers].map(|n| n.to_string());
            let [capacity, senders, receivers] = &numbers;
            cases.go("Go channel", &["channel", capacity, senders, receivers]);
        }
        cases.point()
    };
    sizes.iter().map(point).collect()
}

const WITH_WRAPPER: &str = "Every peer's future is awaited in an `async fn` of one line.";
const CROSSFIRE: &str = "crossfire makes a channel of one place of one without.";

pub(super) fn rows() -> Vec<Row> {
    let row = |id, title, about, points, notes| Row {
        id,
        title,
        about,
        judged: ours::PLAIN,
        floor: None,
        measure: Measure::Nanos,
        points,
        goals: vec![Goal::Ahead(Rival::Peers)],
        notes,
    };
    let sizes = [(1, 1), (8, 1), (8, 8)];
    let about = "Senders send 80000 numbers together, receivers receive until the channel is closed; \
                 tasks are spawned for each run. Per item.";
    vec![
        Row {
            floor: Some(RING),
            ..row(
                "P30",
                "Channel, send and receive in one task",
                "Never waiting: one item in a channel of 100 places. Each future is polled once, by \
                 hand, and is ready.",
                vec![never_waiting()],
                &[WITH_WRAPPER],
            )
        },
        row(
            "P31",
            "Channel of 100 places, tokio, 2 workers",
            about,
            passing::<TokioTwoWorkers>("tokio-mt", false, &sizes),
            &[WITH_WRAPPER],
        ),
        row(
            "P32",
            "Channel of 100 places, tokio current-thread",
            about,
            passing::<TokioOneThread>("tokio-ct", false, &sizes),
            &[WITH_WRAPPER],
        ),
        row(
            "P33",
            "Rendezvous, tokio, 2 workers",
            about,
            passing::<TokioTwoWorkers>("tokio-mt", true, &[(1, 1), (8, 8)]),
            &[WITH_WRAPPER, CROSSFIRE],
        ),
        row(
            "P33",
            "Rendezvous, tokio current-thread",
            about,
            passing::<TokioOneThread>("tokio-ct", true, &[(1, 1), (8, 8)]),
            &[WITH_WRAPPER, CROSSFIRE],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_a_queue_of_a_hundred() {
        let ring = Ring::new();
        for round in 0..5 {
            let filled = (0..).take_while(|n| ring.put(round + n)).count();
            assert_eq!(filled, CAPACITY);
            for n in 0..CAPACITY as u64 {
                assert_eq!(ring.take(), Some(round + n));
            }
            assert_eq!(ring.take(), None);
        }
    }
}
