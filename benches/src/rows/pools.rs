//! Pools of objects and of connections.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

use async_sync::resource_pool::Manager;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::measure::hand::{repeat, repeat_many};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::{Plan, Sample};

type Buffer = Vec<u8>;

fn buffer() -> Buffer {
    Vec::with_capacity(1024)
}

struct Allocate;

impl opool::PoolAllocator<Buffer> for Allocate {
    fn allocate(&self) -> Buffer {
        buffer()
    }
}

fn objects() -> Point {
    let mut cases = Cases::new("pool", "get and put", Passes::Counted);
    cases.add(ours::PLAIN, Role::Ours, |plan| {
        let pool = async_sync::Pool::new(buffer);
        let pool = black_box(&pool);
        repeat(plan, |_| {
            black_box(&mut *pool.get());
        })
    });
    cases.add(BOUNDED, Role::Ours, |plan| {
        let pool = async_sync::BoundedPool::new(16, buffer);
        let pool = black_box(&pool);
        repeat(plan, |_| {
            black_box(&mut *pool.get());
        })
    });
    cases.add("opool", Role::Peer, |plan| {
        let pool = opool::Pool::new(16, Allocate);
        let pool = black_box(&pool);
        repeat(plan, |_| {
            black_box(&mut *pool.get());
        })
    });
    cases.add("std Mutex<Vec>", Role::Peer, |plan| {
        let pool = Mutex::new(Vec::new());
        let pool = black_box(&pool);
        let lock = || pool.lock().unwrap_or_else(PoisonError::into_inner);
        repeat(plan, |_| {
            let taken = lock().pop();
            let mut object = taken.unwrap_or_else(buffer);
            black_box(&mut object);
            lock().push(object);
        })
    });
    cases.go("Go sync.Pool", &["pool"]);
    cases.add("allocate and free", Role::Floor, |plan| {
        repeat(plan, |_| {
            black_box(&mut buffer());
        })
    });
    cases.point()
}

const BOUNDED: &str = "async-sync, BoundedPool";

/// A connection that costs nothing: what is measured is the pool.
struct Plain;

impl Manager for Plain {
    type Resource = u64;
    type Error = Infallible;

    async fn create(&self) -> Result<u64, Infallible> {
        Ok(7)
    }
}

impl deadpool::managed::Manager for Plain {
    type Type = u64;
    type Error = Infallible;

    async fn create(&self) -> Result<u64, Infallible> {
        Ok(7)
    }

    async fn recycle(
        &self,
        _: &mut u64,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Infallible> {
        Ok(())
    }
}

impl bb8::ManageConnection for Plain {
    type Connection = u64;
    type Error = Infallible;

    async fn connect(&self) -> Result<u64, Infallible> {
        Ok(7)
    }

    async fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

/// One of those that are compared.
trait Connections: Sized + Send + Sync + 'static {
    fn new(max: usize) -> impl Future<Output = Self> + Send;
    /// Gets one, does `work`, and gives it back.
    fn lend<W: Future<Output = ()> + Send>(
        &self,
        work: impl FnOnce() -> W + Send,
    ) -> impl Future<Output = ()> + Send;
}

struct Ours(async_sync::ResourcePool<Plain>);

impl Connections for Ours {
    async fn new(max: usize) -> Self {
        Ours(async_sync::ResourcePool::new(Plain, max))
    }
    async fn lend<W: Future<Output = ()> + Send>(&self, work: impl FnOnce() -> W + Send) {
        let Ok(mut lease) = self.0.get().await else {
            unreachable!("the pool is not closed")
        };
        black_box(&mut *lease);
        work().await;
    }
}

struct Deadpool(deadpool::managed::Pool<Plain>);

impl Connections for Deadpool {
    async fn new(max: usize) -> Self {
        let builder = deadpool::managed::Pool::builder(Plain).max_size(max);
        Deadpool(builder.build().expect("no timeouts are set"))
    }
    async fn lend<W: Future<Output = ()> + Send>(&self, work: impl FnOnce() -> W + Send) {
        let Ok(mut object) = self.0.get().await else {
            unreachable!("the pool is not closed")
        };
        black_box(&mut *object);
        work().await;
    }
}

struct Bb8(bb8::Pool<Plain>);

impl Connections for Bb8 {
    async fn new(max: usize) -> Self {
        let max = u32::try_from(max).expect("a small number");
        let builder = bb8::Pool::builder().max_size(max);
        Bb8(builder.build(Plain).await.expect("nothing can fail"))
    }
    async fn lend<W: Future<Output = ()> + Send>(&self, work: impl FnOnce() -> W + Send) {
        let Ok(mut connection) = self.0.get().await else {
            unreachable!("nobody waits for so long")
        };
        black_box(&mut *connection);
        work().await;
    }
}

/// Operations between two looks at the clock.
const BATCH: usize = 1000;

fn runtime(workers: usize) -> tokio::runtime::Runtime {
    // bb8 needs the time: each `get` has a timeout.
    let mut builder = match workers {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder.enable_time().build().expect("a runtime starts")
}

fn alone<C: Connections>(plan: &Plan) -> Sample {
    let runtime = runtime(0);
    let pool = runtime.block_on(C::new(8));
    repeat_many(plan, BATCH, |_| {
        runtime.block_on(async {
            for _ in 0..BATCH {
                pool.lend(async || ()).await;
            }
        });
    })
}

const TASKS: usize = 64;

fn crowd<C: Connections>(plan: &Plan) -> Sample {
    let runtime = runtime(2);
    let pool = Arc::new(runtime.block_on(C::new(8)));
    repeat_many(plan, TASKS * BATCH / 10, |_| {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let pool = Arc::clone(&pool);
                    tokio::spawn(async move {
                        for _ in 0..BATCH / 10 {
                            pool.lend(tokio::task::yield_now).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no task panics");
            }
        });
    })
}

fn connections() -> Vec<Point> {
    let mut one = Cases::new("resource-pool", "1 task", Passes::Counted);
    one.add(ours::PLAIN, Role::Ours, alone::<Ours>);
    one.add("deadpool", Role::Peer, alone::<Deadpool>);
    one.add("bb8", Role::Peer, alone::<Bb8>);
    let mut many = Cases::new("resource-pool", "64 tasks, 8 resources", Passes::Counted);
    many.add(ours::PLAIN, Role::Ours, crowd::<Ours>);
    many.add("deadpool", Role::Peer, crowd::<Deadpool>);
    many.add("bb8", Role::Peer, crowd::<Bb8>);
    vec![one.point(), many.point()]
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "-",
            title: "Pool, get and put",
            about: "A buffer of 1024 bytes is taken and given back, by one thread.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: vec![objects()],
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &["opool and BoundedPool keep a fixed number; `Pool` forgets what is not used."],
        },
        Row {
            id: "-",
            title: "ResourcePool, get and put",
            about: "A resource that costs nothing is taken and given back: by one task on tokio's \
                    current-thread runtime; by 64 tasks on two workers that hold it over a yield.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: connections(),
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[
                "bb8 always has a timeout for `get` and checks each connection; deadpool counts uses and \
                 reads the clock; ours reads it only if there are limits of age.",
            ],
        },
    ]
}
