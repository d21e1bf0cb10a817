//! P12 to P14: semaphores.

use std::hint::black_box;
use std::marker::PhantomData;

use conformance::peers::{AsyncSemaphore, WeightedSemaphore};

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::floors::{BARE_PERMITS, BarePermits};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::contest::{Operation, contest};
use crate::measure::hand::{ready, repeat};
use crate::measure::waits::Watch;
use crate::peers::{self, EachSemaphore, EachWeighted};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

struct Free(Cases);

impl EachSemaphore for Free {
    fn semaphore<S: AsyncSemaphore>(&mut self) {
        free::<S>(&mut self.0, peers::role(S::PACKAGE));
    }
}

fn free<S: AsyncSemaphore>(cases: &mut Cases, role: Role) {
    cases.add(S::NAME, role, |plan| {
        let semaphore = S::new(10);
        // See P1: nothing is kept in a register from one operation to the next.
        let semaphore = black_box(&semaphore);
        repeat(plan, |cx| drop(ready(|| semaphore.acquire(), cx)))
    });
}

fn uncontended() -> Point {
    let mut all = Free(Cases::new(
        "semaphore-free",
        "one task",
        Passes::Instructions,
    ));
    peers::semaphores(&mut all);
    let mut cases = all.0;
    free::<BarePermits>(&mut cases, Role::Floor);
    cases.go("Go x/sync semaphore", &["semaphore-free"]);
    cases.point()
}

/// One of four permits is held over a yield.
struct OverYield<S>(S);

impl<B: Bed, S: AsyncSemaphore> Operation<B> for OverYield<S> {
    async fn once<W: Watch>(&self, watch: &mut W, _task: usize, _turn: u64) -> bool {
        let permit = watch.watch(self.0.acquire()).await;
        B::yield_now().await;
        drop(black_box(permit));
        true
    }

    fn verify(&self, _operations: u64) -> Result<(), String> {
        let back: Vec<_> = (0..4).map_while(|_| self.0.try_acquire()).collect();
        let enough = back.len() == 4 && self.0.try_acquire().is_none();
        enough
            .then_some(())
            .ok_or_else(|| format!("{} of 4 permits came back", back.len()))
    }
}

/// One and ten of ten permits in turn.
struct Weighted<S>(S);

impl<B: Bed, S: WeightedSemaphore> Operation<B> for Weighted<S> {
    async fn once<W: Watch>(&self, watch: &mut W, task: usize, turn: u64) -> bool {
        let n = if (task as u64 + turn).is_multiple_of(2) {
            1
        } else {
            10
        };
        let permits = watch.watch(self.0.acquire_many(n)).await;
        drop(black_box(permits));
        true
    }

    fn verify(&self, _operations: u64) -> Result<(), String> {
        self.0
            .try_acquire_many(10)
            .map(drop)
            .ok_or_else(|| "not all permits came back".to_owned())
    }
}

/// No semaphore at all.
struct NoLimit;

impl<B: Bed> Operation<B> for NoLimit {
    async fn once<W: Watch>(&self, watch: &mut W, _task: usize, _turn: u64) -> bool {
        watch.watch(B::yield_now()).await;
        true
    }
}

struct Contended<B> {
    cases: Cases,
    tasks: usize,
    on: PhantomData<B>,
}

impl<B: Bed> EachSemaphore for Contended<B> {
    fn semaphore<S: AsyncSemaphore>(&mut self) {
        let tasks = self.tasks;
        let run = move |plan: &Plan| contest::<B, _>(plan, tasks, |_| OverYield(S::new(4)));
        self.cases.add(S::NAME, peers::role(S::PACKAGE), run);
    }
}

impl<B: Bed> EachWeighted for Contended<B> {
    fn semaphore<S: WeightedSemaphore>(&mut self) {
        let tasks = self.tasks;
        let run = move |plan: &Plan| contest::<B, _>(plan, tasks, |_| Weighted(S::new(10)));
        self.cases.add(S::NAME, peers::role(S::PACKAGE), run);
    }
}

const YIELD_ALONE: &str = "yield_now alone";

fn over_yield<B: Bed>(bed: &str) -> Vec<Point> {
    let point = |tasks: usize| {
        let situation = format!("semaphore-{bed}-yield");
        let cases = Cases::new(&situation, format!("{tasks} tasks"), Passes::Timed);
        let mut add = Contended::<B> {
            cases,
            tasks,
            on: PhantomData,
        };
        peers::semaphores(&mut add);
        let run = move |plan: &Plan| contest::<B, _>(plan, tasks, |_| NoLimit);
        add.cases.add(YIELD_ALONE, Role::Floor, run);
        if bed == "tokio-mt" {
            add.cases.go(
                "Go x/sync semaphore",
                &["semaphore", "yield", &tasks.to_string()],
            );
        }
        add.cases.point()
    };
    [8, 64, 1024].map(point).into()
}

fn weighted() -> Vec<Point> {
    let point = |tasks: usize| {
        let cases = Cases::new(
            "semaphore-weighted",
            format!("{tasks} tasks"),
            Passes::Timed,
        );
        let mut add = Contended::<TokioTwoWorkers> {
            cases,
            tasks,
            on: PhantomData,
        };
        peers::weighted(&mut add);
        add.cases.go(
            "Go x/sync semaphore",
            &["semaphore", "weighted", &tasks.to_string()],
        );
        add.cases.point()
    };
    [8, 64].map(point).into()
}

const SAA: &str = "saa counts to 63 permits.";
const AL: &str = "async-lock and others without a request for several permits are not in this row.";

pub(super) fn rows() -> Vec<Row> {
    let row = |id, title, about, floor, points, goals, notes| Row {
        id,
        title,
        about,
        judged: ours::PLAIN,
        floor,
        measure: Measure::Nanos,
        points,
        goals,
        notes,
    };
    // In order of arrival everybody gets the same.
    let ahead = || vec![Goal::Ahead(Rival::Peers), Goal::Jain(0.999)];
    vec![
        row(
            "P12",
            "Semaphore, acquire and release, uncontended",
            "One task takes one of ten permits and gives it back. The future is polled once, by \
             hand, and is ready.",
            Some(BARE_PERMITS),
            vec![uncontended()],
            vec![Goal::TimesFloor(1.25)],
            &[SAA],
        ),
        row(
            "P13",
            "Semaphore, 4 permits held over a yield, tokio, 2 workers",
            "Each task takes one of four permits, yields, and gives it back, for a fixed time.",
            Some(YIELD_ALONE),
            over_yield::<TokioTwoWorkers>("tokio-mt"),
            ahead(),
            &[],
        ),
        row(
            "P13",
            "Semaphore, 4 permits held over a yield, tokio current-thread",
            "The same on one thread.",
            Some(YIELD_ALONE),
            over_yield::<TokioOneThread>("tokio-ct"),
            ahead(),
            &[],
        ),
        row(
            "P14",
            "Semaphore, 1 and 10 of 10 permits, tokio, 2 workers",
            "Each task takes one and ten of ten permits in turn and gives them back at once; at any \
             time half of the tasks want ten.",
            None,
            weighted(),
            vec![Goal::Ahead(Rival::Peers)],
            &[AL],
        ),
    ]
}
