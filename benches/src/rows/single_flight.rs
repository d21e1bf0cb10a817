//! P26: a thousand callers of one key.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use async_sync::SingleFlight;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use futures_util::task::AtomicWaker;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::repeat_many;
use crate::row::{Goal, Measure, Row};
use crate::sample::{Plan, figure};

const CALLERS: usize = 1000;
const KEY: &str = "https://go.dev";

/// The backend: what it answers, it answers when all callers have come.
#[derive(Default)]
struct Backend {
    calls: AtomicUsize,
    waiting: AtomicUsize,
    open: AtomicBool,
    work: AtomicWaker,
    done: AtomicUsize,
    end: AtomicWaker,
}

impl Backend {
    async fn call(self: Arc<Self>) -> u64 {
        self.calls.fetch_add(1, Relaxed);
        poll_fn(|cx| {
            self.work.register(cx.waker());
            if self.open.load(Acquire) {
                Poll::Ready(42)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn came(&self) {
        if self.waiting.fetch_add(1, AcqRel) + 1 == CALLERS {
            self.open.store(true, Release);
            self.work.wake();
        }
    }

    fn got(&self) {
        if self.done.fetch_add(1, AcqRel) + 1 == CALLERS {
            self.end.wake();
        }
    }

    async fn all_got(&self) {
        poll_fn(|cx| {
            self.end.register(cx.waker());
            if self.done.load(Acquire) == CALLERS {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await
    }
}

/// One of those that are compared.
trait Flights: Send + Sync + 'static {
    fn new() -> Self;
    /// Owned by the task that waits for it.
    fn run(group: Arc<Self>, backend: Arc<Backend>) -> impl Future<Output = u64> + Send + 'static;
}

struct Ours(Arc<SingleFlight<String, u64, Infallible>>);

impl Flights for Ours {
    fn new() -> Self {
        Ours(Arc::new(SingleFlight::new()))
    }

    async fn run(group: Arc<Self>, backend: Arc<Backend>) -> u64 {
        let run = group.0.run(KEY, || async { Ok(backend.call().await) });
        match run.await {
            Ok(outcome) => outcome.value,
            Err(never) => match never {},
        }
    }
}

/// In a task of its own.
struct OursSpawned(
    Arc<SingleFlight<String, u64, Infallible>>,
    runtime::TokioRuntime,
);

impl Flights for OursSpawned {
    fn new() -> Self {
        let runtime = runtime::TokioRuntime::current();
        OursSpawned(Arc::new(SingleFlight::new()), runtime)
    }

    async fn run(group: Arc<Self>, backend: Arc<Backend>) -> u64 {
        let work = || async { Ok(backend.call().await) };
        let run = group.0.spawn(&group.1, KEY.to_owned(), work);
        match run.await {
            Ok(outcome) => outcome.value,
            Err(never) => match never {},
        }
    }
}

struct Mea(mea::singleflight::Group<String, u64>);

impl Flights for Mea {
    fn new() -> Self {
        Mea(mea::singleflight::Group::new())
    }

    async fn run(group: Arc<Self>, backend: Arc<Backend>) -> u64 {
        group.0.work(KEY.to_owned(), || backend.call()).await
    }
}

/// What one writes with `futures`: a map of shared futures, each taken out by whoever has it first.
#[derive(Default)]
struct ByHand(Mutex<HashMap<String, Shared<BoxFuture<'static, u64>>>>);

impl Flights for ByHand {
    fn new() -> Self {
        ByHand::default()
    }

    async fn run(group: Arc<Self>, backend: Arc<Backend>) -> u64 {
        let lock = || group.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flight = {
            let mut map = lock();
            match map.get(KEY) {
                Some(flight) => flight.clone(),
                None => {
                    let flight = backend.call().boxed().shared();
                    map.insert(KEY.to_owned(), flight.clone());
                    flight
                }
            }
        };
        let value = flight.clone().await;
        let mut map = lock();
        if map.get(KEY).is_some_and(|other| other.ptr_eq(&flight)) {
            map.remove(KEY);
        }
        value
    }
}

/// Nobody waits for anything: what it costs to spawn a thousand tasks.
struct SpawnOnly;

impl Flights for SpawnOnly {
    fn new() -> Self {
        SpawnOnly
    }

    async fn run(_: Arc<Self>, _: Arc<Backend>) -> u64 {
        42
    }
}

/// Each waits until it is woken, one after the other: what it costs to spawn a thousand tasks and to
/// run each twice.
struct SpawnAndWake(Mutex<Vec<std::task::Waker>>);

impl Flights for SpawnAndWake {
    fn new() -> Self {
        SpawnAndWake(Mutex::new(Vec::with_capacity(CALLERS)))
    }

    async fn run(group: Arc<Self>, _: Arc<Backend>) -> u64 {
        let mut waited = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            let mut wakers = group.0.lock().unwrap_or_else(PoisonError::into_inner);
            wakers.push(cx.waker().clone());
            if wakers.len() == CALLERS {
                let wakers = std::mem::replace(&mut *wakers, Vec::with_capacity(CALLERS));
                for waker in wakers {
                    waker.wake();
                }
            }
            Poll::Pending
        })
        .await;
        42
    }
}

struct Storm<B> {
    cases: Cases,
    on: PhantomData<B>,
}

impl<B: Bed> Storm<B> {
    fn add<G: Flights>(&mut self, name: &str, role: Role) {
        let floor = role == Role::Floor;
        self.cases.add(name, role, move |plan: &Plan| {
            let bed = Arc::new(B::start());
            let group = bed.run(async { Arc::new(G::new()) });
            let (calls, rounds) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mut ballast = None;
            let mut sample = repeat_many(plan, CALLERS, |_| {
                let (inside, group) = (Arc::clone(&bed), Arc::clone(&group));
                let first = ballast.is_none();
                let (backend, above) = bed.run(async move {
                    let backend = Arc::new(Backend::default());
                    for _ in 0..CALLERS {
                        let (group, backend) = (Arc::clone(&group), Arc::clone(&backend));
                        inside.spawn(Box::pin(caller::<G>(group, backend)));
                    }
                    // See the notes.
                    let above = first.then(|| vec![1_u8; 64 << 10]);
                    backend.all_got().await;
                    (backend, above)
                });
                ballast = ballast.take().or(above);
                calls.fetch_add(backend.calls.load(Relaxed), Relaxed);
                rounds.fetch_add(1, Relaxed);
            });
            if !floor {
                let each = calls.into_inner() as f64 / rounds.into_inner() as f64;
                sample.figures.insert(figure::EXECUTIONS.to_owned(), each);
            }
            sample
        });
    }
}

/// A caller has come when it has been polled once: then it waits for the answer, whoever asks for it.
async fn caller<G: Flights>(group: Arc<G>, backend: Arc<Backend>) {
    let mut call = std::pin::pin!(G::run(group, Arc::clone(&backend)));
    let mut came = false;
    let value = poll_fn(|cx| {
        let polled = call.as_mut().poll(cx);
        if !std::mem::replace(&mut came, true) {
            backend.came();
        }
        polled
    })
    .await;
    assert_eq!(value, 42);
    backend.got();
}

const SPAWN: &str = "spawn only";
const SPAWNED: &str = "async-sync, spawned";

fn storm<B: Bed>(bed: &str) -> Point {
    let cases = Cases::new("single-flight", bed, Passes::Counted);
    let mut storm = Storm::<B> {
        cases,
        on: PhantomData,
    };
    storm.add::<Ours>(ours::PLAIN, Role::Ours);
    storm.add::<OursSpawned>(SPAWNED, Role::Ours);
    storm.add::<Mea>("mea", Role::Peer);
    storm.add::<ByHand>("futures Shared in a map", Role::Peer);
    storm.add::<SpawnOnly>(SPAWN, Role::Floor);
    storm.add::<SpawnAndWake>("spawn, wait, wake", Role::Floor);
    if B::TURN.is_none() {
        storm.cases.go("Go x/sync singleflight", &["single-flight"]);
    }
    storm.cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        id: "P26",
        title: "SingleFlight, 1000 callers of one key, spawned",
        about: "A task spawns 1000 tasks that ask for the same key. The work ends when all have asked. \
                Time and allocations per caller, and how often the work was begun.",
        judged: ours::PLAIN,
        floor: Some(SPAWN),
        measure: Measure::Nanos,
        points: vec![
            storm::<TokioOneThread>("tokio current-thread"),
            storm::<TokioTwoWorkers>("tokio, 2 workers"),
        ],
        goals: vec![
            Goal::TimesFloor(1.3),
            Goal::Ahead(crate::row::Rival::Peers),
            Goal::AtMost(Measure::Figure(figure::EXECUTIONS), 1.0),
        ],
        notes: &[
            "The floor is each task run once, without waiting. Whoever waits is run twice, which the \
             other floor shows: it keeps the wakers in a vector and calls them.",
            "Above the memory of the tasks lies a block that stays: otherwise glibc may give back all \
             that is above it after each thousand tasks and fetch it again, or not, depending on \
             which of the allocations of a case happens to lie on top (100 ns per caller).",
            "Go cannot tell when a goroutine waits, so its callers count themselves before they ask.",
        ],
    }]
}
