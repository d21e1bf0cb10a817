//! The wait group, polled by hand: every transition of `wait_group/raw.rs`.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_sync::{RawWaitGroup, WaitGroup};
use support::{Polled, queued};

fn panic_text(f: impl FnOnce()) -> &'static str {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_err()
        .downcast_ref::<&str>()
        .copied()
        .unwrap()
}

#[test]
fn an_empty_group_does_not_wait() {
    Polled::new(RawWaitGroup::new().wait()).ready();
    Polled::new(WaitGroup::new().wait()).ready();
    WaitGroup::new().wait_blocking();
}

/// SPEC S32.
#[test]
fn the_count_does_not_go_below_zero() {
    let group = RawWaitGroup::new();
    group.add(10);
    group.done_many(10);
    assert_eq!(panic_text(|| group.done()), "negative WaitGroup counter");
    group.add(1);
    group.done();
    assert_eq!(panic_text(|| group.done()), "negative WaitGroup counter");
    assert_eq!(group.count(), 0);
    assert_eq!(
        panic_text(|| group.add(RawWaitGroup::MAX + 1)),
        "WaitGroup counter exceeds RawWaitGroup::MAX"
    );
    group.add(RawWaitGroup::MAX);
    assert!(catch_unwind(AssertUnwindSafe(|| group.add(1))).is_err());
    assert_eq!(group.count(), RawWaitGroup::MAX);
    group.done_many(0);
}

/// SPEC S35, S38; more waiters than one batch of wake-ups.
#[test]
fn all_waiters_are_woken_at_zero() {
    let group = RawWaitGroup::new();
    group.add(2);
    let mut waiters: Vec<_> = (0..40).map(|_| queued(group.wait())).collect();
    assert_eq!((group.count(), group.waiters()), (2, 40));
    group.done();
    assert!(waiters.iter().all(|waiter| !waiter.woken()));
    group.done();
    for waiter in &mut waiters {
        assert_eq!(waiter.task.woken(), 1);
        waiter.ready();
    }
    assert_eq!(group.waiters(), 0);
}

#[test]
fn a_wait_ends_with_its_round() {
    let group = RawWaitGroup::new();
    group.add(1);
    let mut first = queued(group.wait());
    group.done();
    group.add(1);
    let mut second = queued(group.wait());
    first.ready();
    second.pending();
    assert!(!second.woken());
    group.done();
    second.ready();
}

#[test]
fn a_waiter_may_leave() {
    let group = RawWaitGroup::new();
    group.add(1);
    let leaves = queued(group.wait());
    let mut stays = queued(group.wait());
    let task = leaves.task.clone();
    drop(leaves);
    assert_eq!(task.kept(), 0);
    stays.pending();
    group.done();
    stays.ready();
    group.add(1);
    drop(queued(group.wait()));
    group.done(); // a round that nobody waits for any more
    assert_eq!((group.count(), group.waiters()), (0, 0));
    assert_eq!(
        format!("{group:?}"),
        "RawWaitGroup { count: 0, waiters: 0 }"
    );
}

#[test]
fn tokens_are_done_when_dropped() {
    let group = Arc::new(WaitGroup::new());
    let token = group.add();
    let owned = group.add_owned();
    let copy = owned.clone();
    assert_eq!(group.count(), 3);
    assert!(std::ptr::eq(owned.group(), &*group));
    let mut wait = queued(group.wait());
    drop(token);
    drop(owned);
    wait.pending();
    drop(copy);
    assert!(wait.woken());
    wait.ready();
}

/// SPEC S37.
#[test]
fn a_panic_counts_as_done() {
    let group = Arc::new(WaitGroup::new());
    let token = group.add_owned();
    let mut wait = queued(group.wait());
    let worker = std::thread::spawn(move || {
        let _token = token;
        std::panic::resume_unwind(Box::new("worker"));
    });
    assert!(worker.join().is_err());
    wait.ready();
}

#[test]
fn tracked_futures_count_from_their_creation_to_their_end() {
    let group = Arc::new(WaitGroup::new());
    let mut done = Polled::new(group.track(async { 7 }));
    let dropped = group.track(std::future::pending::<()>());
    assert_eq!(group.count(), 2);
    assert_eq!(done.ready(), 7);
    assert_eq!(
        group.count(),
        1,
        "it is done although it has not been dropped"
    );
    drop(dropped);
    assert_eq!(group.count(), 0);
}

/// SPEC S33.
#[test]
fn ten_workers() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let group = Arc::new(WaitGroup::new());
        for round in 1..if cfg!(miri) { 3 } else { 20 } {
            let counter = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            for _ in 0..10 {
                let (token, counter) = (group.add_owned(), Arc::clone(&counter));
                tokio::spawn(async move {
                    let _token = token;
                    tokio::task::yield_now().await;
                    counter.fetch_add(round, std::sync::atomic::Ordering::Relaxed);
                });
            }
            let waiter = {
                let group = Arc::clone(&group);
                std::thread::spawn(move || group.wait_blocking())
            };
            group.wait().await;
            // The wait makes the workers' relaxed additions visible.
            assert_eq!(
                counter.load(std::sync::atomic::Ordering::Relaxed),
                10 * round
            );
            waiter.join().unwrap();
        }
    });
}
