//! P2 to P6: many tasks want the mutex, on three runtimes, with three critical sections.

use std::hint::black_box;
use std::marker::PhantomData;

use conformance::peers::AsyncMutex;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::floors::{BARE, BLOCKING, Bare, Blocking};
use crate::measure::bed::{Bed, SmolTwoThreads, TokioOneThread, TokioTwoWorkers};
use crate::measure::contest::{Operation, contest};
use crate::measure::waits::Watch;
use crate::measure::work::spend;
use crate::peers::{self, EachMutex};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

/// What is done with the lock held.
trait Section: Send + Sync + 'static {
    const NAME: &'static str;
    const YIELDS: bool = false;

    fn work(value: u64, _rounds: u64) -> u64 {
        value + 1
    }
}

/// One addition.
struct Empty;
/// 100 ns of work, and the addition.
struct Work;
/// The addition, and a wait of one turn of the runtime.
struct Yield;

impl Section for Empty {
    const NAME: &'static str = "empty";
}

impl Section for Work {
    const NAME: &'static str = "work";

    fn work(value: u64, rounds: u64) -> u64 {
        black_box(spend(rounds, value));
        value + 1
    }
}

impl Section for Yield {
    const NAME: &'static str = "yield";
    const YIELDS: bool = true;
}

struct Locked<M, S> {
    mutex: M,
    rounds: u64,
    section: PhantomData<S>,
}

impl<B: Bed, M: AsyncMutex, S: Section> Operation<B> for Locked<M, S> {
    async fn once<W: Watch>(&self, watch: &mut W, _task: usize, _turn: u64) -> bool {
        let mut guard = watch.watch(self.mutex.lock()).await;
        let value = black_box(&mut *guard);
        *value = S::work(*value, self.rounds);
        if S::YIELDS {
            B::yield_now().await;
        }
        black_box(&mut *guard);
        true
    }

    fn verify(&self, operations: u64) -> Result<(), String> {
        all_added(&self.mutex, operations)
    }
}

/// Whether the mutex is free again, and its value as many as the tasks have added to it.
pub(super) fn all_added<M: AsyncMutex>(mutex: &M, operations: u64) -> Result<(), String> {
    match mutex.try_lock() {
        None => Err("is still locked when all tasks have ended".to_owned()),
        Some(value) if *value != operations => Err(format!(
            "let two tasks in at once: {} of {operations} additions",
            *value
        )),
        Some(_) => Ok(()),
    }
}

/// No lock at all.
struct NoLock;

impl<B: Bed> Operation<B> for NoLock {
    async fn once<W: Watch>(&self, watch: &mut W, _task: usize, _turn: u64) -> bool {
        watch.watch(B::yield_now()).await;
        true
    }
}

struct Add<B, S> {
    cases: Cases,
    tasks: usize,
    on: PhantomData<(B, S)>,
}

impl<B: Bed, S: Section> EachMutex for Add<B, S> {
    fn mutex<M: AsyncMutex>(&mut self) {
        self.add::<M>(peers::role(M::PACKAGE));
    }
}

impl<B: Bed, S: Section> Add<B, S> {
    fn add<M: AsyncMutex>(&mut self, role: Role) {
        let tasks = self.tasks;
        self.cases.add(M::NAME, role, move |plan| {
            contest::<B, _>(plan, tasks, |plan: &Plan| Locked {
                mutex: M::new(0),
                rounds: plan.work,
                section: PhantomData::<S>,
            })
        });
    }
}

const YIELD_ALONE: &str = "yield_now alone";
const TASKS: [usize; 4] = [2, 8, 64, 1024];

fn points<B: Bed, S: Section>(bed: &str) -> Vec<Point> {
    let situation = format!("mutex-{bed}-{}", S::NAME);
    TASKS
        .map(|tasks| {
            let cases = Cases::new(&situation, format!("{tasks} tasks"), Passes::Timed);
            let mut add = Add::<B, S> {
                cases,
                tasks,
                on: PhantomData,
            };
            peers::mutexes(&mut add);
            if S::YIELDS {
                let run = move |plan: &Plan| contest::<B, _>(plan, tasks, |_| NoLock);
                add.cases.add(YIELD_ALONE, Role::Floor, run);
            } else if B::TURN.is_some() {
                add.add::<Bare>(Role::Floor);
            } else {
                add.add::<Blocking>(Role::Floor);
            }
            if bed == "tokio-mt" {
                add.cases
                    .go("Go sync.Mutex", &["mutex", S::NAME, &tasks.to_string()]);
            }
            add.cases.point()
        })
        .into()
}

/// The same measurements, with only those who promise order of arrival.
fn in_order(points: Vec<Point>) -> Vec<Point> {
    const IN_ORDER: [&str; 5] = [
        ours::FIFO,
        "tokio",
        "futures-intrusive, fair",
        "mea",
        "maitake-sync",
    ];
    let keep = |mut point: Point| {
        point
            .cases
            .retain(|case| IN_ORDER.contains(&case.peer.as_str()));
        point
    };
    points.into_iter().map(keep).collect()
}

const ABOUT_EMPTY: &str = "Each task locks, adds to the value and unlocks, over and over, for a fixed \
     time. Time per operation of all tasks together.";
const ABOUT_WORK: &str = "The same with 100 ns of work while the lock is held.";
const ABOUT_YIELD: &str = "The same with one yield_now while the lock is held, so that every task \
     but one has to wait.";
const TURNS: &str = "On one thread a lock that is not held over an await is free whenever it is \
     asked for. The tasks let each other run after every 128 operations, for all peers alike.";
const BLOCKS: &str = "parking_lot blocks the worker: with more tasks than workers, the others never \
     run. It is here as a floor.";

pub(super) fn rows() -> Vec<Row> {
    let row = |id, title, about, floor, points, goals, notes| Row {
        id,
        title,
        about,
        judged: ours::ADAPTIVE,
        floor: Some(floor),
        measure: Measure::Nanos,
        points,
        goals,
        notes,
    };
    let ahead = || vec![Goal::Ahead(Rival::Peers)];
    let two = points::<TokioTwoWorkers, Empty>("tokio-mt");
    vec![
        row(
            "P2",
            "Mutex contended, tokio, 2 workers, empty section",
            ABOUT_EMPTY,
            BLOCKING,
            two.clone(),
            vec![
                Goal::AtMost(Measure::Nanos, 15.0),
                Goal::Ahead(Rival::FairPeers),
                Goal::Ahead(Rival::Go(1)),
                Goal::NobodyIdle,
                Goal::WorstWait(1.0),
            ],
            &[BLOCKS],
        ),
        row(
            "P3",
            "Mutex contended, tokio, 2 workers, 100 ns inside",
            ABOUT_WORK,
            BLOCKING,
            points::<TokioTwoWorkers, Work>("tokio-mt"),
            vec![Goal::TimesFloor(1.05)],
            &[BLOCKS],
        ),
        row(
            "P4",
            "Mutex contended, tokio, 2 workers, yield inside",
            ABOUT_YIELD,
            YIELD_ALONE,
            points::<TokioTwoWorkers, Yield>("tokio-mt"),
            vec![Goal::Ahead(Rival::Peers), Goal::LeastShare(0.5)],
            &[],
        ),
        Row {
            id: "P5",
            title: "Mutex in order of arrival, tokio, 2 workers, empty section",
            about: "The measurements of P2, among those who promise order of arrival.",
            judged: ours::FIFO,
            floor: None,
            measure: Measure::Nanos,
            points: in_order(two),
            goals: vec![
                Goal::Ahead(Rival::Named("futures-intrusive, fair")),
                Goal::Jain(0.999),
            ],
            notes: &[],
        },
        row(
            "P6",
            "Mutex, tokio current-thread, empty section",
            ABOUT_EMPTY,
            BARE,
            points::<TokioOneThread, Empty>("tokio-ct"),
            ahead(),
            &[TURNS],
        ),
        row(
            "P6",
            "Mutex, tokio current-thread, 100 ns inside",
            ABOUT_WORK,
            BARE,
            points::<TokioOneThread, Work>("tokio-ct"),
            ahead(),
            &[TURNS],
        ),
        row(
            "P6",
            "Mutex contended, tokio current-thread, yield inside",
            ABOUT_YIELD,
            YIELD_ALONE,
            points::<TokioOneThread, Yield>("tokio-ct"),
            ahead(),
            &[],
        ),
        row(
            "-",
            "Mutex contended, smol, 2 threads, empty section",
            ABOUT_EMPTY,
            BLOCKING,
            points::<SmolTwoThreads, Empty>("smol"),
            vec![Goal::Ahead(Rival::FairPeers), Goal::NobodyIdle],
            &[BLOCKS],
        ),
        row(
            "-",
            "Mutex contended, smol, 2 threads, 100 ns inside",
            ABOUT_WORK,
            BLOCKING,
            points::<SmolTwoThreads, Work>("smol"),
            vec![Goal::Ahead(Rival::FairPeers)],
            &[BLOCKS],
        ),
        row(
            "-",
            "Mutex contended, smol, 2 threads, yield inside",
            ABOUT_YIELD,
            YIELD_ALONE,
            points::<SmolTwoThreads, Yield>("smol"),
            vec![Goal::Ahead(Rival::Peers)],
            &[],
        ),
    ]
}
