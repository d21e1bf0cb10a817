//! What a task costs, and an item of a pipeline: allocations, and memory that does not grow.

#![cfg(not(miri))] // counts of many rounds; what they run, other tests run
#![allow(missing_docs)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::yield_now;
use futures_util::StreamExt as _;
use orchestration::Limiter;
use orchestration::Pipeline;
use orchestration::errgroup::{Builder, ErrGroup, LocalErrGroup};
use orchestration::results::Map;
use runtime::{Spawn, TokioRuntime};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE_BYTES.set(LIVE_BYTES.get() + layout.size() as isize);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.set(LIVE_BYTES.get() - layout.size() as isize);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

const TASKS: usize = 10_000;
/// For vectors that grow, and the group itself.
const SLACK: usize = 100;

#[test]
fn a_spawned_task_is_one_allocation() {
    let tokio = current_thread();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let floor = allocations_of(|| {
        tokio.block_on(async { rt.spawn(async { Ok::<_, ()>(1) }).await.unwrap().unwrap() });
    });
    assert_eq!(floor, 1, "what tokio itself allocates");
    for limit in [None, Some(64)] {
        let count = allocations_of(|| {
            tokio.block_on(async {
                let builder = Builder::<()>::new();
                let builder = match limit {
                    Some(limit) => builder.limit(limit),
                    None => builder,
                };
                let group = builder.spawned(rt.clone());
                for n in 0..TASKS {
                    group.spawn(async move { Ok(n) }).await.unwrap();
                }
                group.join().await.unwrap();
            });
        });
        assert!(
            count <= TASKS + SLACK,
            "{count} allocations for {TASKS} tasks, limit {limit:?}"
        );
    }
}

#[test]
fn a_local_task_is_at_most_two_allocations() {
    let ready = allocations_of(|| {
        mini_executor::block_on(async {
            let mut group = LocalErrGroup::<_, ()>::new();
            for n in 0..TASKS {
                group.spawn(async move { Ok(n) }).await.unwrap();
            }
            group.join().await.unwrap();
        });
    });
    assert!(
        ready <= TASKS + SLACK,
        "{ready} allocations for {TASKS} tasks that do not wait"
    );
    let waiting = allocations_of(|| {
        mini_executor::block_on(async {
            let mut group = LocalErrGroup::<_, ()>::new();
            for n in 0..TASKS {
                group.try_spawn(async move { Ok(n) }).unwrap();
            }
            group.join().await.unwrap();
        });
    });
    assert!(
        waiting <= 2 * TASKS + SLACK,
        "{waiting} allocations for {TASKS} tasks"
    );
}

/// A server's group is never joined while it runs. Nothing may pile up in it.
#[test]
fn a_group_of_units_does_not_grow() {
    let tokio = current_thread();
    let rt = TokioRuntime::from(tokio.handle().clone());
    tokio.block_on(async {
        let group: ErrGroup<_, (), ()> = Builder::new().limit(4).spawned(rt);
        let mut base = 0;
        for round in 0..10 {
            for _ in 0..1000 {
                group.spawn(async { Ok(()) }).await.unwrap();
            }
            if round == 0 {
                base = LIVE_BYTES.get();
            }
        }
        assert!(
            LIVE_BYTES.get() - base < 4096,
            "grew by {} bytes",
            LIVE_BYTES.get() - base
        );
        assert_eq!(group.join().await.unwrap().len(), 10_000);
    });
}

/// Once its queues have their size: nothing for an item that is quick; for one that waits, at most a node
/// of the tree of what was given back.
#[test]
fn a_pipeline_allocates_nothing_per_item() {
    let tokio = current_thread();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let run = |items: u64| {
        allocations_of(|| {
            let ended = tokio.block_on(
                Pipeline::<_, std::convert::Infallible>::from_iter("numbers", 0..items)
                    .stage("one", |n| async move { Ok(n + 1) })
                    .stage("waits", |n| async move {
                        if n % 5 == 0 {
                            tokio::task::yield_now().await;
                        }
                        Ok(n)
                    })
                    .concurrency(3)
                    .unordered()
                    .fold(rt.clone(), 0, |sum, n| sum + n),
            );
            assert_eq!(ended.unwrap().0, items * (items + 1) / 2);
        })
    };
    let (few, many) = (run(10_000), run(100_000));
    assert!(
        many <= few + 90_000 / 5 + 100,
        "{few} allocations, then {many}"
    );
    let quick = |items: u64| {
        allocations_of(|| {
            let plan = Pipeline::<_, ()>::from_iter("numbers", 0..items).map("one", |n| n + 1);
            tokio.block_on(plan.run(rt.clone())).unwrap();
        })
    };
    let (few, many) = (quick(10_000), quick(100_000));
    assert!(many <= few + 100, "{few} allocations, then {many}");
}

/// Tasks, values, errors and the group: all memory comes back.
#[test]
fn nothing_leaks() {
    let tokio = current_thread();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let run = || {
        tokio.block_on(async {
            for fails in [false, true] {
                let group = Builder::new().limit(3).spawned(rt.clone());
                let handle = group.handle();
                let parent = async move {
                    // A task that holds a handle to its own group.
                    drop(handle.try_spawn(async { Ok("child".to_owned()) }));
                    if fails {
                        Err("error".to_owned())
                    } else {
                        Ok("parent".to_owned())
                    }
                };
                group.spawn(parent).await.unwrap();
                let keeper = group.handle();
                let forever = async move {
                    let _handle = keeper;
                    std::future::pending().await
                };
                group.spawn(forever).await.unwrap();
                if fails {
                    group.join().await.unwrap_err();
                } else {
                    tokio::task::yield_now().await;
                    drop(group);
                    tokio::task::yield_now().await;
                }
            }
        });
    };
    run();
    let before = LIVE_BYTES.get();
    for _ in 0..10 {
        run();
    }
    assert_eq!(LIVE_BYTES.get(), before);
}

/// The slots of a map are made once: an item allocates nothing, whether or not it waits.
#[test]
fn an_item_of_a_map_allocates_nothing() {
    for waits in [false, true] {
        let count = allocations_of(|| {
            mini_executor::block_on(async {
                let item = |n: usize| async move {
                    if waits {
                        yield_now().await;
                    }
                    n
                };
                let ordered = Map::new(0..TASKS, item).concurrency(8).ordered();
                assert_eq!(ordered.count().await, TASKS);
                let unordered = Map::new(0..TASKS, item).concurrency(8).unordered();
                assert_eq!(unordered.count().await, TASKS);
            });
        });
        assert!(count <= SLACK, "{count} allocations for {TASKS} items");
    }
}

/// Nor does an item that is handed to a task.
#[test]
fn an_item_of_a_spawned_map_allocates_nothing() {
    let tokio = current_thread();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let count = allocations_of(|| {
        tokio.block_on(async {
            let map = Map::new(0..TASKS, async |n: usize| n).concurrency(8);
            assert_eq!(map.ordered_on(rt).count().await, TASKS);
        });
    });
    // Eight tasks, each with two vectors that grow.
    assert!(count <= 2 * SLACK, "{count} allocations for {TASKS} items");
}

/// Waiting for a slot, and lending it, allocates nothing but, once a future, the count of those who lend and the
/// nest of its parts.
#[test]
fn a_slot_allocates_nothing() {
    let limiter = Limiter::new(1);
    let count = allocations_of(|| {
        mini_executor::block_on(async {
            for _ in 0..1000 {
                limiter.run(yield_now()).await;
            }
        });
    });
    assert!(count <= 5, "{count} allocations for 1000 slots");
    let count = allocations_of(|| {
        mini_executor::block_on(limiter.run(async {
            for _ in 0..1000 {
                limiter.lend(limiter.run(yield_now())).await;
            }
        }));
    });
    assert!(count <= 8, "{count} allocations for 1000 loans");
}

/// Fully used and dropped half-way: all memory comes back.
#[test]
fn maps_do_not_leak() {
    let tokio = current_thread();
    let rt = TokioRuntime::from(tokio.handle().clone());
    let run = || {
        tokio.block_on(async {
            for taken in [3, 100] {
                let map = || Map::new(0..50, async |n: u32| n.to_string()).concurrency(4);
                assert!(map().ordered().take(taken).count().await >= 3);
                let stream = std::pin::pin!(map().ordered_on(rt.clone()));
                assert!(stream.take(taken).count().await >= 3);
            }
            tokio::task::yield_now().await;
        });
    };
    run();
    let before = LIVE_BYTES.get();
    for _ in 0..10 {
        run();
    }
    assert_eq!(LIVE_BYTES.get(), before);
}
