//! P15, and the memory of a hundred thousand waiters.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::mem::{size_of, size_of_val};
use std::task::{Context, Waker};

use conformance::peers::{AsyncMutex, AsyncRwLock, AsyncSemaphore};

use super::ours;
use crate::alloc;
use crate::case::{Cases, Passes, Point};
use crate::peers::{self, EachMutex, EachRwLock, EachSemaphore};
use crate::row::{Goal, Measure, Row};
use crate::sample::{Plan, Sample, figure};

struct Add(Cases);

impl EachMutex for Add {
    fn mutex<M: AsyncMutex>(&mut self) {
        self.0.add(M::NAME, peers::role(M::PACKAGE), |plan| {
            let mutex: &'static M = Box::leak(Box::new(M::new(0)));
            let object = size_of::<M>() - size_of::<u64>();
            std::mem::forget(mutex.try_lock());
            waiters(plan, object, || mutex.lock())
        });
    }
}

impl EachSemaphore for Add {
    fn semaphore<S: AsyncSemaphore>(&mut self) {
        self.0.add(S::NAME, peers::role(S::PACKAGE), |plan| {
            let semaphore: &'static S = Box::leak(Box::new(S::new(1)));
            std::mem::forget(semaphore.try_acquire());
            waiters(plan, size_of::<S>(), || semaphore.acquire())
        });
    }
}

impl EachRwLock for Add {
    fn rwlock<L: AsyncRwLock>(&mut self) {
        self.0.add(L::NAME, peers::role(L::PACKAGE), |plan| {
            let lock: &'static L = Box::leak(Box::new(L::new(0)));
            let object = size_of::<L>() - size_of::<u64>();
            std::mem::forget(lock.try_write());
            waiters(plan, object, || lock.read())
        });
    }
}

/// Queues a hundred thousand futures.
fn waiters<F: Future>(plan: &Plan, object: usize, wait: impl Fn() -> F) -> Sample {
    let n = plan.scaled(100_000);
    let mut queue: Vec<_> = (0..n).map(|_| Box::pin(wait())).collect();
    let future = queue.first().map_or(0, |future| size_of_val(&**future));
    let cx = &mut Context::from_waker(Waker::noop());
    let mut early = false;
    let heap = alloc::count(|| {
        for waiter in &mut queue {
            early |= black_box(waiter.as_mut()).poll(cx).is_ready();
        }
    });
    // The process ends here; some peers need long to let a hundred thousand go.
    std::mem::forget(queue);
    let heap = heap.bytes as f64 / n as f64;
    let figures = [
        (figure::OBJECT, object as f64),
        (figure::FUTURE, future as f64),
        (figure::HEAP, heap),
        (figure::WAITER, future as f64 + heap),
    ];
    Sample {
        figures: BTreeMap::from(figures.map(|(name, value)| (name.to_owned(), value))),
        trouble: early.then(|| "let somebody in while the lock was held".to_owned()),
        ..Sample::default()
    }
}

fn mutexes() -> Point {
    let mut add = Add(Cases::new("memory-mutex", "Mutex", Passes::Sizes));
    peers::mutexes(&mut add);
    add.0.go("Go sync.Mutex", &["memory-mutex"]);
    add.0.point()
}

fn rwlocks() -> Point {
    let mut add = Add(Cases::new("memory-rwlock", "RwLock", Passes::Sizes));
    peers::rwlocks(&mut add);
    add.0.go("Go sync.RWMutex", &["memory-rwlock"]);
    add.0.point()
}

fn semaphores() -> Point {
    let mut add = Add(Cases::new("memory-semaphore", "Semaphore", Passes::Sizes));
    peers::semaphores(&mut add);
    add.0.go("Go x/sync semaphore", &["memory-semaphore"]);
    add.0.point()
}

const GO: &str = "In Go the waiter is a goroutine; its bytes are those that the runtime asked the \
     system for, stack included.";
const FUTURES: &str = "The future is the peer's own; in a task it is a part of the task.";

fn row(title: &'static str, judged: &'static str, point: Point, object: f64) -> Row {
    let at_most = |name, limit| Goal::AtMost(Measure::Figure(name), limit);
    Row {
        id: "P15",
        title,
        about: "Bytes of the object without the value in it, of a future that waits, and of what \
                100 000 queued futures have on the heap, for each of them.",
        judged,
        floor: None,
        measure: Measure::Figure(figure::WAITER),
        points: vec![point],
        goals: vec![
            at_most(figure::OBJECT, object),
            at_most(figure::FUTURE, 64.0),
            at_most(figure::HEAP, 0.0),
        ],
        notes: &[FUTURES, GO],
    }
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("Mutex, bytes", ours::ADAPTIVE, mutexes(), 24.0),
        row(
            "RwLock, bytes, of waiting readers",
            ours::WRITE_PREFERRING,
            rwlocks(),
            32.0,
        ),
        row("Semaphore, bytes", ours::PLAIN, semaphores(), 40.0),
    ]
}
