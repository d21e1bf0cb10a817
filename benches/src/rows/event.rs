//! P20, P21, P22: events.

use std::future::poll_fn;
use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::task::Poll;

use conformance::peers::{AsyncGate, AsyncSignal};
use futures_util::task::AtomicWaker;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::repeat_many;
use crate::peers::{self, EachGate, EachSignal};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::{Plan, figure};

/// A flag and the waker of one task: what a signal for one needs at the least.
#[derive(Default)]
struct Least {
    flag: AtomicBool,
    waker: AtomicWaker,
}

const LEAST: &str = "flag and one waker";

impl AsyncSignal for Least {
    const NAME: &'static str = LEAST;
    const PACKAGE: &'static str = "";

    fn new() -> Self {
        Self::default()
    }

    fn set(&self) {
        self.flag.store(true, Release);
        self.waker.wake();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        poll_fn(|cx| {
            if self.flag.swap(false, AcqRel) {
                return Poll::Ready(());
            }
            self.waker.register(cx.waker());
            if self.flag.swap(false, AcqRel) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    }
}

struct PingPong<B> {
    cases: Cases,
    on: PhantomData<B>,
}

impl<B: Bed> EachSignal for PingPong<B> {
    fn signal<S: AsyncSignal>(&mut self) {
        self.add::<S>(peers::role(S::PACKAGE));
    }
}

const TURNS: usize = 1000;

impl<B: Bed> PingPong<B> {
    fn add<S: AsyncSignal>(&mut self, role: Role) {
        self.cases.add(S::NAME, role, |plan: &Plan| {
            let bed = B::start();
            let table = Arc::new((S::new(), S::new()));
            let other = Arc::clone(&table);
            bed.spawn(Box::pin(async move {
                loop {
                    other.0.wait().await;
                    other.1.set();
                }
            }));
            // A wait and a set of either side are two operations.
            repeat_many(plan, 2 * TURNS, |_| {
                let table = Arc::clone(&table);
                bed.run(async move {
                    for _ in 0..TURNS {
                        table.0.set();
                        table.1.wait().await;
                    }
                });
            })
        });
    }
}

fn ping_pong<B: Bed>(bed: &str) -> Point {
    let mut add = PingPong::<B> {
        cases: Cases::new("event-ping-pong", bed, Passes::Counted),
        on: PhantomData,
    };
    peers::signals(&mut add);
    add.add::<Least>(Role::Floor);
    if B::MANY {
        add.cases.go("Go channel of 1", &["event-ping-pong"]);
    }
    add.cases.point()
}

const WAITERS: usize = 1000;

struct ByHand(Cases);

impl EachGate for ByHand {
    fn gate<G: AsyncGate>(&mut self) {
        self.0.add(G::NAME, peers::role(G::PACKAGE), |plan| {
            let mut failed = false;
            // Places for the futures, which are made anew each time. A gate is for one time; those to
            // come are there already, so that making one is not measured.
            let gates: Vec<G> = (0..STOCK).map(|_| G::new()).collect();
            let mut places: Vec<Pin<Box<Option<_>>>> =
                (0..WAITERS).map(|_| Box::pin(None)).collect();
            let mut next = gates.iter();
            let sample = repeat_many(plan, WAITERS, |cx| {
                let Some(gate) = black_box(next.next()) else {
                    return;
                };
                for place in &mut places {
                    place.set(Some(gate.wait()));
                    if let Some(wait) = place.as_mut().as_pin_mut() {
                        failed |= wait.poll(cx).is_ready();
                    }
                }
                gate.open();
                for place in &mut places {
                    if let Some(wait) = place.as_mut().as_pin_mut() {
                        failed |= wait.poll(cx).is_pending();
                    }
                    place.set(None);
                }
            });
            drop(places);
            let spent = next.next().is_none();
            sample
                .trouble_if(failed, "did not wait, or was not released")
                .trouble_if(spent, "out of gates: the row's STOCK is too small")
        });
    }
}

/// More than fit into the time of a round, at 2 ns a waiter.
const STOCK: usize = 1 << 18;

fn by_hand() -> Point {
    let mut add = ByHand(Cases::new("event-wake-all", "by hand", Passes::Counted));
    peers::gates(&mut add);
    add.0.point()
}

struct Tasks<B> {
    cases: Cases,
    on: PhantomData<B>,
}

/// Gates that are opened one after the other, for as many tasks as wait for each of them in turn.
struct Row1000<G> {
    gates: Vec<G>,
    waiting: AtomicUsize,
    all_wait: AtomicWaker,
}

const GATES: usize = 32;

impl<G: AsyncGate> Row1000<G> {
    async fn pass(self: Arc<Self>) {
        for gate in &self.gates {
            let mut wait = pin!(gate.wait());
            let mut counted = false;
            poll_fn(|cx| {
                let polled = wait.as_mut().poll(cx);
                if polled.is_pending()
                    && !std::mem::replace(&mut counted, true)
                    && self.waiting.fetch_add(1, AcqRel) + 1 == WAITERS
                {
                    self.all_wait.wake();
                }
                polled
            })
            .await;
        }
        if self.waiting.fetch_add(1, AcqRel) + 1 == WAITERS {
            self.all_wait.wake();
        }
    }

    async fn everybody(&self) {
        poll_fn(|cx| {
            self.all_wait.register(cx.waker());
            if self.waiting.load(Acquire) == WAITERS {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        self.waiting.store(0, Relaxed);
    }
}

impl<B: Bed> EachGate for Tasks<B> {
    fn gate<G: AsyncGate>(&mut self) {
        self.cases
            .add(G::NAME, peers::role(G::PACKAGE), |plan: &Plan| {
                let bed = Arc::new(B::start());
                repeat_many(plan, GATES * WAITERS, |_| {
                    let inside = Arc::clone(&bed);
                    bed.run(async move {
                        let row = Arc::new(Row1000 {
                            gates: (0..GATES).map(|_| G::new()).collect(),
                            waiting: AtomicUsize::new(0),
                            all_wait: AtomicWaker::new(),
                        });
                        for _ in 0..WAITERS {
                            inside.spawn(Box::pin(Arc::clone(&row).pass()));
                        }
                        for gate in &row.gates {
                            row.everybody().await;
                            gate.open();
                        }
                        row.everybody().await;
                    });
                })
            });
    }
}

fn tasks<B: Bed>(bed: &str) -> Point {
    let mut add = Tasks::<B> {
        cases: Cases::new("event-wake-tasks", bed, Passes::Counted),
        on: PhantomData,
    };
    peers::gates(&mut add);
    if B::MANY {
        add.cases.go("Go close of a channel", &["event-wake-tasks"]);
    }
    add.cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "P20",
            title: "Event, ping-pong",
            about: "Two tasks and two events: each sets one and waits for the other. Time per set \
                    and wait.",
            judged: ours::PLAIN,
            floor: Some(LEAST),
            measure: Measure::Nanos,
            points: vec![
                ping_pong::<TokioOneThread>("tokio current-thread"),
                ping_pong::<TokioTwoWorkers>("tokio, 2 workers"),
            ],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[
                "Ours is the AutoEvent. futures-intrusive's is reset by whoever has waited, \
                      event-listener's has a flag beside it: both for one waiter at a time only.",
            ],
        },
        Row {
            id: "P21",
            title: "Event, 1000 waiters released, polled by hand",
            about: "1000 futures are made and polled, the event is set, and all are polled again. \
                    Time and allocations per waiter.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: vec![by_hand()],
            goals: vec![
                Goal::Ahead(Rival::Peers),
                Goal::AtMost(Measure::Figure(figure::ALLOCATIONS), 0.0),
            ],
            notes: &[],
        },
        Row {
            id: "P22",
            title: "Event, 1000 tasks released",
            about: "1000 tasks wait for 32 events one after the other; the next is set when all wait \
                    for it. Time per task and event.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: vec![
                tasks::<TokioOneThread>("tokio current-thread"),
                tasks::<TokioTwoWorkers>("tokio, 2 workers"),
            ],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[],
        },
    ]
}
