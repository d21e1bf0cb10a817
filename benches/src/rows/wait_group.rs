//! P23: wait groups.

use std::future::poll_fn;
use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU32, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use std::task::Poll;

use async_sync::{Latch, RawWaitGroup, WaitGroup};
use conformance::peers::AsyncWaitGroup;
use futures_util::task::AtomicWaker;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::{repeat, repeat_many};
use crate::peers::{self, EachWaitGroup};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

const RAW: &str = "async-sync, RawWaitGroup";
const OWNED: &str = "async-sync, owned token";
const LATCH: &str = "async-sync, Latch, counting down only";
const BARE: &str = "add and subtract";

struct Tokens(Cases);

impl EachWaitGroup for Tokens {
    fn wait_group<G: AsyncWaitGroup>(&mut self) {
        // mea's handles are cloned from one another; through the adapter its lock would be measured.
        // Ours stands in the table under its own name.
        match G::PACKAGE {
            "mea" => {}
            "async-sync" => self.add::<G>(OWNED),
            _ => self.add::<G>(G::NAME),
        }
    }
}

impl Tokens {
    fn add<G: AsyncWaitGroup>(&mut self, name: &str) {
        self.0.add(name, peers::role(G::PACKAGE), |plan| {
            let group = G::new();
            let _open = group.token();
            let group = black_box(&group);
            repeat(plan, |_| drop(group.token()))
        });
    }
}

fn one_thread() -> Point {
    let mut cases = Cases::new("wait-group", "one thread", Passes::Instructions);
    cases.add(ours::PLAIN, Role::Ours, |plan| {
        let group = WaitGroup::new();
        let _open = group.add();
        let group = black_box(&group);
        repeat(plan, |_| drop(group.add()))
    });
    cases.add(RAW, Role::Ours, |plan| {
        let group = RawWaitGroup::new();
        group.add(1);
        let group = black_box(&group);
        repeat(plan, |_| {
            group.add(1);
            group.done();
        })
    });
    let mut tokens = Tokens(cases);
    peers::wait_groups(&mut tokens);
    let mut cases = tokens.0;
    cases.add("mea WaitGroup", Role::Peer, |plan| {
        let group = mea::waitgroup::WaitGroup::new();
        let group = black_box(&group);
        repeat(plan, |_| drop(group.clone()))
    });
    cases.add("mea Latch, counting down only", Role::Peer, |plan| {
        let latch = mea::latch::Latch::new(u32::MAX);
        let latch = black_box(&latch);
        repeat(plan, |_| latch.count_down())
    });
    cases.add(LATCH, Role::Ours, |plan| {
        let latch = Latch::new(Latch::MAX);
        let latch = black_box(&latch);
        repeat(plan, |_| latch.count_down())
    });
    cases.add(BARE, Role::Floor, |plan| {
        let count = AtomicU32::new(1);
        let count = black_box(&count);
        repeat(plan, |_| {
            count.fetch_add(1, Relaxed);
            count.fetch_sub(1, AcqRel);
        })
    });
    cases.go("Go sync.WaitGroup", &["wait-group"]);
    cases.point()
}

/// A counter and one waker: what a group of spawned tasks needs at the least.
#[derive(Default)]
struct Least(Arc<Count>);

#[derive(Default)]
struct Count {
    count: AtomicUsize,
    waker: AtomicWaker,
}

struct LeastToken(Arc<Count>);

impl Drop for LeastToken {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, AcqRel) == 1 {
            self.0.waker.wake();
        }
    }
}

impl AsyncWaitGroup for Least {
    const NAME: &'static str = SPAWN_AND_COUNT;
    const PACKAGE: &'static str = "";
    type Token = LeastToken;

    fn new() -> Self {
        Self::default()
    }

    fn token(&self) -> LeastToken {
        self.0.count.fetch_add(1, Relaxed);
        LeastToken(Arc::clone(&self.0))
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        poll_fn(|cx| {
            self.0.waker.register(cx.waker());
            if self.0.count.load(Acquire) == 0 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    }
}

const SPAWN_AND_COUNT: &str = "spawn and count";

struct Spawned<B> {
    cases: Cases,
    on: PhantomData<B>,
}

impl<B: Bed> EachWaitGroup for Spawned<B> {
    fn wait_group<G: AsyncWaitGroup>(&mut self) {
        self.add::<G>(peers::role(G::PACKAGE));
    }
}

impl<B: Bed> Spawned<B> {
    fn add<G: AsyncWaitGroup>(&mut self, role: Role) {
        self.cases.add(G::NAME, role, |plan: &Plan| {
            let bed = Arc::new(B::start());
            repeat_many(plan, TASKS, |_| {
                let inside = Arc::clone(&bed);
                bed.run(async move {
                    let group = G::new();
                    for _ in 0..TASKS {
                        let token = group.token();
                        inside.spawn(Box::pin(async move { drop(token) }));
                    }
                    group.wait().await;
                });
            })
        });
    }
}

const TASKS: usize = 1000;

fn spawned<B: Bed>(bed: &str) -> Point {
    let cases = Cases::new("wait-group-spawned", bed, Passes::Counted);
    let mut add = Spawned::<B> {
        cases,
        on: PhantomData,
    };
    peers::wait_groups(&mut add);
    add.add::<Least>(Role::Floor);
    if B::TURN.is_none() {
        add.cases.go("Go sync.WaitGroup", &["wait-group-spawned"]);
    }
    add.cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "P23",
            title: "WaitGroup, add and done, one thread",
            about: "One more, one less, with one open token so that the count never reaches zero.",
            judged: ours::PLAIN,
            floor: Some(BARE),
            measure: Measure::Nanos,
            points: vec![one_thread()],
            goals: vec![Goal::AtMost(Measure::Nanos, 3.5)],
            notes: &[
                "A Latch has no add: its count is fixed when it is made, so it does half of the work.",
                "tokio-util's and mea's tokens own the group; ours do so where the name says it.",
            ],
        },
        Row {
            id: "P23",
            title: "WaitGroup, 1000 spawned tasks",
            about: "A task makes a group, spawns 1000 tasks with a token each, and waits. Time and \
                    allocations per task.",
            judged: ours::PLAIN,
            floor: Some(SPAWN_AND_COUNT),
            measure: Measure::Nanos,
            points: vec![
                spawned::<TokioOneThread>("tokio current-thread"),
                spawned::<TokioTwoWorkers>("tokio, 2 workers"),
            ],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[
                "mea's group is made of its handles; the adapter keeps one under a std Mutex, which \
                 is in its figure.",
            ],
        },
    ]
}
