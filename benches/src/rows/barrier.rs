//! P24: barriers.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};

use conformance::peers::AsyncBarrier;
use futures_util::task::AtomicWaker;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::repeat_many;
use crate::peers::{self, EachBarrier};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

const PARTIES: usize = 8;
const ROUNDS: usize = 1000;

const YIELDS: &str = "yield_now, nobody meets";

/// What a party does in a round.
trait Round: Send + Sync + 'static {
    fn new() -> Self;
    fn once(&self) -> impl Future<Output = ()> + Send;
}

struct Meets<M>(M);

impl<M: AsyncBarrier> Round for Meets<M> {
    fn new() -> Self {
        Meets(M::new(PARTIES))
    }
    async fn once(&self) {
        self.0.wait().await;
    }
}

/// Only the switches between the tasks.
struct Yields<B>(PhantomData<fn() -> B>);

impl<B: Bed> Round for Yields<B> {
    fn new() -> Self {
        Yields(PhantomData)
    }
    async fn once(&self) {
        B::yield_now().await;
    }
}

struct Add<B> {
    cases: Cases,
    on: PhantomData<B>,
}

impl<B: Bed> EachBarrier for Add<B> {
    fn barrier<M: AsyncBarrier>(&mut self) {
        self.add::<Meets<M>>(M::NAME, peers::role(M::PACKAGE));
    }
}

impl<B: Bed> Add<B> {
    fn add<R: Round>(&mut self, name: &str, role: Role) {
        self.cases.add(name, role, |plan: &Plan| {
            let bed = Arc::new(B::start());
            repeat_many(plan, ROUNDS, |_| {
                let inside = Arc::clone(&bed);
                bed.run(async move {
                    let all = Arc::new((R::new(), AtomicUsize::new(PARTIES), AtomicWaker::new()));
                    for _ in 0..PARTIES {
                        let all = Arc::clone(&all);
                        inside.spawn(Box::pin(async move {
                            for _ in 0..ROUNDS {
                                all.0.once().await;
                            }
                            if all.1.fetch_sub(1, AcqRel) == 1 {
                                all.2.wake();
                            }
                        }));
                    }
                    std::future::poll_fn(|cx| {
                        all.2.register(cx.waker());
                        if all.1.load(std::sync::atomic::Ordering::Acquire) == 0 {
                            std::task::Poll::Ready(())
                        } else {
                            std::task::Poll::Pending
                        }
                    })
                    .await;
                });
            })
        });
    }
}

fn point<B: Bed>(bed: &str) -> Point {
    let mut add = Add::<B> {
        cases: Cases::new("barrier", bed, Passes::Counted),
        on: PhantomData,
    };
    peers::barriers(&mut add);
    add.add::<Yields<B>>(YIELDS, Role::Floor);
    if B::MANY {
        add.cases.go("Go sync.Cond, a barrier", &["barrier"]);
    }
    add.cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "P24",
            title: "Barrier of 8, current-thread",
            about: "8 tasks meet 1000 times. Time per meeting. The floor is one yield of each task.",
            judged: ours::PLAIN,
            floor: Some(YIELDS),
            measure: Measure::Nanos,
            points: vec![point::<TokioOneThread>("tokio current-thread")],
            goals: vec![Goal::TimesFloor(1.2), Goal::Ahead(Rival::Peers)],
            notes: &[],
        },
        Row {
            id: "P24",
            title: "Barrier of 8, multi-thread",
            about: "The same with two workers.",
            judged: ours::PLAIN,
            floor: Some(YIELDS),
            measure: Measure::Nanos,
            points: vec![point::<TokioTwoWorkers>("tokio, 2 workers")],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[],
        },
    ]
}
