//! P9 to P11 and P48: reader-writer locks.

use std::hint::black_box;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

use conformance::peers::AsyncRwLock;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::floors::{BARE_COUNT, BareCount};
use crate::measure::bed::{Bed, TokioTwoWorkers};
use crate::measure::contest::{Operation, contest};
use crate::measure::hand::{ready, repeat};
use crate::measure::waits::Watch;
use crate::peers::{self, EachRwLock};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

/// Adds the same situation of every lock.
struct Each<F>(F, Cases);

/// A situation.
trait Situation {
    fn add<L: AsyncRwLock>(&self, cases: &mut Cases, role: Role);
}

impl<S: Situation> EachRwLock for Each<S> {
    fn rwlock<L: AsyncRwLock>(&mut self) {
        self.0.add::<L>(&mut self.1, peers::role(L::PACKAGE));
    }
}

fn everybody(situation: &impl Situation, cases: Cases) -> Cases {
    let mut each = Each(situation, cases);
    peers::rwlocks(&mut each);
    each.1
}

impl<S: Situation> Situation for &S {
    fn add<L: AsyncRwLock>(&self, cases: &mut Cases, role: Role) {
        (**self).add::<L>(cases, role);
    }
}

struct FreeRead;

impl Situation for FreeRead {
    fn add<L: AsyncRwLock>(&self, cases: &mut Cases, role: Role) {
        cases.add(L::NAME, role, |plan| {
            let lock = L::new(7);
            // See P1: nothing is kept in a register from one operation to the next.
            let lock = black_box(&lock);
            repeat(plan, |cx| {
                let guard = ready(|| lock.read(), cx);
                black_box(*black_box(&*guard));
            })
        });
    }
}

struct FreeWrite;

impl Situation for FreeWrite {
    fn add<L: AsyncRwLock>(&self, cases: &mut Cases, role: Role) {
        cases.add(L::NAME, role, |plan| {
            let lock = L::new(0);
            let lock = black_box(&lock);
            repeat(plan, |cx| *ready(|| lock.write(), cx) += 1)
        });
    }
}

fn free(situation: &impl Situation, point: &str) -> Point {
    let name = format!("rwlock-{point}");
    let mut cases = everybody(situation, Cases::new(&name, point, Passes::Instructions));
    situation.add::<BareCount>(&mut cases, Role::Floor);
    cases.go("Go sync.RWMutex", &[&name]);
    cases.point()
}

/// Tasks let each other run after so many operations, for all peers alike. A task that never does, and
/// never finds the lock taken, keeps its worker for ever: no lock can do anything for the others.
const TURNS: u64 = 128;

/// Every task reads, and writes now and then.
struct Mixed<L> {
    lock: L,
    /// Of a hundred operations.
    writes: u64,
}

impl<B: Bed, L: AsyncRwLock> Operation<B> for Mixed<L> {
    async fn once<W: Watch>(&self, watch: &mut W, task: usize, turn: u64) -> bool {
        if draw(task, turn) % 100 < self.writes {
            let mut guard = watch.watch(self.lock.write()).await;
            *black_box(&mut *guard) += 1;
        } else {
            let guard = watch.watch(self.lock.read()).await;
            black_box(*black_box(&*guard));
        }
        if turn % TURNS == TURNS - 1 {
            B::yield_now().await;
        }
        true
    }

    fn verify(&self, _operations: u64) -> Result<(), String> {
        free_again(&self.lock)
    }
}

fn free_again<L: AsyncRwLock>(lock: &L) -> Result<(), String> {
    let free = lock.try_write().is_some() && lock.try_read().is_some();
    free.then_some(())
        .ok_or_else(|| "is still locked when all tasks have ended".to_owned())
}

/// The same numbers for everybody, without a state that would have to be kept (splitmix64).
fn draw(task: usize, turn: u64) -> u64 {
    let mut x = (turn + 1)
        .wrapping_add((task as u64) << 40)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

struct Mix {
    tasks: usize,
    writes: u64,
}

impl Situation for Mix {
    fn add<L: AsyncRwLock>(&self, cases: &mut Cases, role: Role) {
        let Mix { tasks, writes } = *self;
        cases.add(L::NAME, role, move |plan| {
            contest::<TokioTwoWorkers, _>(plan, tasks, |_| Mixed {
                lock: L::new(0),
                writes,
            })
        });
    }
}

fn mixed(writes: u64) -> Vec<Point> {
    let point = |tasks: usize| {
        let situation = format!("rwlock-mixed-{writes}");
        let cases = Cases::new(&situation, format!("{tasks} tasks"), Passes::Timed);
        let mut cases = everybody(&Mix { tasks, writes }, cases);
        let arguments = ["rwlock", &writes.to_string(), &tasks.to_string()];
        cases.go("Go sync.RWMutex", &arguments);
        cases.point()
    };
    [2, 8, 64].map(point).into()
}

/// The first task writes and lets the others run after each write; the others read, and let others
/// run after every 64 reads. Only the writer's waits are looked at.
struct Hammered<L>(L);

impl<B: Bed, L: AsyncRwLock> Operation<B> for Hammered<L> {
    async fn once<W: Watch>(&self, watch: &mut W, task: usize, turn: u64) -> bool {
        if task == 0 {
            let mut guard = watch.watch(self.0.write()).await;
            *black_box(&mut *guard) += 1;
            drop(guard);
            B::yield_now().await;
        } else {
            let guard = self.0.read().await;
            black_box(*black_box(&*guard));
            drop(guard);
            if turn.is_multiple_of(64) {
                B::yield_now().await;
            }
        }
        true
    }

    fn verify(&self, _operations: u64) -> Result<(), String> {
        free_again(&self.0)
    }
}

struct Hammer(usize);

impl Situation for Hammer {
    fn add<L: AsyncRwLock>(&self, cases: &mut Cases, role: Role) {
        let tasks = self.0 + 1;
        cases.add(L::NAME, role, move |plan| {
            contest::<TokioTwoWorkers, _>(plan, tasks, |_: &Plan| Hammered(L::new(0)))
        });
    }
}

fn hammered() -> Vec<Point> {
    let point = |readers: usize| {
        let cases = Cases::new(
            "rwlock-hammered",
            format!("{readers} readers"),
            Passes::Timed,
        );
        let mut cases = everybody(&Hammer(readers), cases);
        let arguments = ["rwlock-hammered", &(readers + 1).to_string()];
        cases.go("Go sync.RWMutex", &arguments);
        cases.point()
    };
    [8, 60].map(point).into()
}

/// A lock that is only read, by two tasks on two threads.
struct Read<L>(L);

impl<B: Bed, L: AsyncRwLock> Operation<B> for Read<L> {
    async fn once<W: Watch>(&self, watch: &mut W, _task: usize, _turn: u64) -> bool {
        let guard = watch.watch(self.0.read()).await;
        black_box(*black_box(&*guard));
        true
    }

    fn verify(&self, _operations: u64) -> Result<(), String> {
        free_again(&self.0)
    }
}

struct TwoReaders;

impl Situation for TwoReaders {
    fn add<L: AsyncRwLock>(&self, cases: &mut Cases, role: Role) {
        cases.add(L::NAME, role, |plan| {
            contest::<TokioTwoWorkers, _>(plan, 2, |_: &Plan| Read(L::new(0)))
        });
    }
}

/// Where a bare reader counts itself.
trait Place: Default + Send + Sync + 'static {
    const NAME: &'static str;

    fn of(&self, task: usize) -> &AtomicU64;
}

#[derive(Default)]
struct Shared(AtomicU64);

impl Place for Shared {
    const NAME: &'static str = "two additions, one line";

    fn of(&self, _task: usize) -> &AtomicU64 {
        &self.0
    }
}

#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU64);

#[derive(Default)]
struct Own([Line; 2]);

impl Place for Own {
    const NAME: &'static str = "two additions, a line each";

    fn of(&self, task: usize) -> &AtomicU64 {
        &self.0[task].0
    }
}

/// Up and down, and nobody looks.
struct Count<P>(P);

impl<B: Bed, P: Place> Operation<B> for Count<P> {
    async fn once<W: Watch>(&self, _watch: &mut W, task: usize, _turn: u64) -> bool {
        let count = self.0.of(task);
        count.fetch_add(1, Acquire);
        count.fetch_sub(1, Release);
        true
    }
}

fn two_readers() -> Point {
    let cases = Cases::new("rwlock-two-readers", "2 tasks", Passes::Timed);
    let mut cases = everybody(&TwoReaders, cases);
    bare::<Own>(&mut cases);
    bare::<Shared>(&mut cases);
    // No operation in a hundred writes.
    cases.go("Go sync.RWMutex", &["rwlock", "0", "2"]);
    cases.point()
}

fn bare<P: Place>(cases: &mut Cases) {
    cases.add(P::NAME, Role::Floor, |plan| {
        contest::<TokioTwoWorkers, _>(plan, 2, |_: &Plan| Count::<P>(P::default()))
    });
}

pub(super) fn rows() -> Vec<Row> {
    let row = |id, title, about, floor, points, goals| Row {
        id,
        title,
        about,
        judged: ours::WRITE_PREFERRING,
        floor,
        measure: Measure::Nanos,
        points,
        goals,
        notes: &[],
    };
    let hammered = hammered();
    let mixed = |title, writes| {
        row(
            "P10",
            title,
            "Each task reads the value, or adds to it, as a fixed sequence of random numbers says, for \
             a fixed time. After every 128 operations it lets other tasks run.",
            None,
            mixed(writes),
            vec![Goal::Ahead(Rival::Peers), Goal::Ahead(Rival::Go(2))],
        )
    };
    let two_readers = two_readers();
    vec![
        row(
            "P9",
            "RwLock, read or write, uncontended",
            "One task takes the lock, looks at the value or adds to it, and gives the lock back. The \
             future is polled once, by hand, and is ready.",
            Some(BARE_COUNT),
            vec![free(&FreeRead, "read"), free(&FreeWrite, "write")],
            vec![Goal::TimesFloor(1.2)],
        ),
        mixed("RwLock, 1 of 100 writes, tokio, 2 workers", 1),
        mixed("RwLock, 10 of 100 write, tokio, 2 workers", 10),
        mixed("RwLock, 50 of 100 write, tokio, 2 workers", 50),
        Row {
            measure: Measure::WaitP99,
            ..row(
                "P11",
                "RwLock, a writer among readers, tokio, 2 workers: the writer's wait",
                "One task writes and yields, over and over; the others read, and yield after every 64 \
                 reads. What 99 of 100 writes wait for the lock at most.",
                None,
                hammered.clone(),
                vec![Goal::Ahead(Rival::Peers)],
            )
        },
        row(
            "P11",
            "RwLock, a writer among readers, tokio, 2 workers: throughput",
            "The same runs: the time per operation, nearly all of which are reads.",
            None,
            hammered,
            vec![Goal::Ahead(Rival::Peers)],
        ),
        Row {
            judged: ours::READ_MOSTLY,
            ..row(
                "P48",
                "RwLock that is only read, two tasks, tokio, 2 workers: ReadMostly",
                "Two tasks on two threads read, over and over. Time per operation of both together.",
                Some(Own::NAME),
                vec![two_readers.clone()],
                vec![Goal::AtMost(Measure::Nanos, 4.0), Goal::Ahead(Rival::Peers)],
            )
        },
        row(
            "P48",
            "RwLock that is only read, two tasks, tokio, 2 workers: WritePreferring",
            "The same, for a lock that has its count in its word.",
            Some(Shared::NAME),
            vec![two_readers],
            vec![
                Goal::AtMost(Measure::Nanos, 14.0),
                Goal::Ahead(Rival::Peers),
            ],
        ),
    ]
}
