//! The latch, polled by hand: every transition of `latch/mod.rs`.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::Latch;
use support::{Polled, Task, queued};

#[test]
fn a_latch_of_zero_is_open() {
    let latch = Latch::new(0);
    assert!(latch.is_open() && latch.try_wait());
    Polled::new(latch.wait()).ready();
    Polled::new(latch.count_down_and_wait()).ready();
    latch.wait_blocking();
    assert_eq!(latch.count(), 0);
}

#[test]
fn it_opens_at_zero_and_stays_open() {
    let latch = Latch::new(3);
    // More waiters than one batch of wake-ups.
    let mut waiters: Vec<_> = (0..40).map(|_| queued(latch.wait())).collect();
    assert_eq!((latch.count(), latch.waiters()), (3, 40));
    latch.count_down();
    latch.count_down_many(0);
    latch.count_down();
    assert!(waiters.iter().all(|waiter| !waiter.woken()));
    assert!(!latch.is_open() && !latch.try_wait());
    latch.count_down();
    for waiter in &mut waiters {
        assert_eq!(waiter.task.woken(), 1);
        waiter.ready();
    }
    latch.count_down(); // nothing
    latch.count_down_many(usize::MAX);
    assert_eq!((latch.count(), latch.waiters()), (0, 0));
    Polled::new(latch.wait()).ready();
    assert_eq!(format!("{latch:?}"), "Latch { count: 0, waiters: 0 }");
}

#[test]
fn it_does_not_count_below_zero() {
    let latch = Latch::new(3);
    let mut wait = queued(latch.wait());
    latch.count_down_many(5);
    assert!(wait.woken());
    wait.ready();
    assert_eq!(latch.count(), 0);
    let latch = Latch::new(Latch::MAX);
    latch.count_down_many(Latch::MAX - 1);
    assert_eq!((latch.count(), latch.is_open()), (1, false));
    assert!(catch_unwind(|| Latch::new(Latch::MAX + 1)).is_err());
}

#[test]
fn a_waiter_may_leave() {
    let latch = Latch::new(1);
    let never_polled = latch.wait();
    let leaves = queued(latch.wait());
    let mut stays = queued(latch.wait());
    let task = leaves.task.clone();
    drop(leaves);
    assert_eq!((task.kept(), latch.waiters()), (0, 1));
    stays.pending(); // a spurious poll
    latch.count_down();
    drop(queued_then_ready(stays));
    drop(never_polled);
    assert_eq!((task.woken(), latch.waiters()), (0, 0));
}

/// A waiter that has been released may be dropped instead of being polled.
fn queued_then_ready<F: Future<Output = ()>>(waiter: Polled<F>) -> Polled<F> {
    assert!(waiter.woken());
    waiter
}

#[test]
fn the_last_waker_is_the_one_that_counts() {
    let latch = Latch::new(1);
    let mut wait = queued(latch.wait());
    let old = std::mem::replace(&mut wait.task, Task::new());
    wait.pending();
    assert_eq!(old.kept(), 0);
    latch.count_down();
    assert_eq!((old.woken(), wait.task.woken()), (0, 1));
    wait.ready();
}

#[test]
fn tokens_count_down_when_dropped() {
    let latch = Arc::new(Latch::new(3));
    let token = latch.token();
    let owned = latch.token_owned();
    assert_eq!(latch.count(), 3, "to take a token is not to count");
    assert!(std::ptr::eq(owned.latch(), &*latch));
    let mut wait = queued(Arc::clone(&latch).wait_owned());
    drop(token);
    drop(owned);
    wait.pending();
    let worker = std::thread::spawn({
        let token = latch.token_owned();
        move || {
            let _token = token;
            std::panic::resume_unwind(Box::new("worker"));
        }
    });
    assert!(worker.join().is_err());
    assert!(wait.woken());
    wait.ready();
}

#[test]
fn count_down_and_wait_counts_with_its_first_poll() {
    let latch = Arc::new(Latch::new(3));
    let unpolled = latch.count_down_and_wait();
    drop(unpolled);
    assert_eq!(latch.count(), 3);
    let mut first = queued(latch.count_down_and_wait());
    first.pending();
    assert_eq!(latch.count(), 2, "counted once");
    let second = queued(Arc::clone(&latch).count_down_and_wait_owned());
    drop(second);
    assert_eq!(latch.count(), 1, "not taken back");
    Polled::new(latch.count_down_and_wait()).ready();
    assert!(first.woken());
    first.ready();
}

#[test]
fn a_completed_future_is_not_polled() {
    let latch = Latch::new(1);
    let mut wait = queued(latch.wait());
    let mut counts = Polled::new(latch.count_down_and_wait());
    counts.ready();
    wait.ready();
    let text = |f: &mut dyn FnMut()| {
        let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
        *panic.downcast_ref::<&str>().unwrap()
    };
    let expected = "a future was polled after it had completed";
    assert_eq!(text(&mut || wait.ready()), expected);
    assert_eq!(text(&mut || counts.ready()), expected);
}

/// The wait makes the workers' relaxed additions visible.
#[test]
fn ten_workers() {
    for _ in 0..if cfg!(miri) { 2 } else { 50 } {
        let latch = Arc::new(Latch::new(10));
        let sum = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..10)
            .map(|_| {
                let (latch, sum) = (Arc::clone(&latch), Arc::clone(&sum));
                std::thread::spawn(move || {
                    sum.fetch_add(1, Ordering::Relaxed);
                    latch.count_down_and_wait_blocking();
                    assert_eq!(sum.load(Ordering::Relaxed), 10);
                })
            })
            .collect();
        latch.wait_blocking();
        assert_eq!(sum.load(Ordering::Relaxed), 10);
        for worker in workers {
            worker.join().unwrap();
        }
    }
}
