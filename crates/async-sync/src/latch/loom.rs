//! The latch under every interleaving of two or three threads.

use std::pin::pin;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::Latch;
use sync_core::model::{Task, block_on, model};

/// What every worker did is seen by every waiter, whoever opens the latch.
#[test]
fn counts_happen_before_the_wait_returns() {
    model(|| {
        let shared = Arc::new((Latch::new(2), [UnsafeCell::new(0), UnsafeCell::new(0)]));
        let workers: Vec<_> = (0..2)
            .map(|i| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // SAFETY: each worker has a cell; loom checks it against the reads below.
                    shared.1[i].with_mut(|value| unsafe { *value += 1 });
                    if i == 0 {
                        shared.0.count_down();
                    } else {
                        shared.0.count_down_many(1);
                    }
                })
            })
            .collect();
        block_on(shared.0.wait());
        for cell in &shared.1 {
            // SAFETY: the workers are done; loom checks it.
            assert_eq!(cell.with(|value| unsafe { *value }), 1);
        }
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!((shared.0.count(), shared.0.waiters()), (0, 0));
    });
}

/// The same for one that only looks, and counts that come too late.
#[test]
fn counts_happen_before_a_look_that_finds_it_open() {
    model(|| {
        let shared = Arc::new((Latch::new(1), UnsafeCell::new(0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    if !shared.0.is_open() {
                        shared.0.count_down(); // one too many, perhaps
                    }
                    assert!(shared.0.try_wait());
                })
            })
            .collect();
        let looker = Arc::clone(&shared);
        if looker.0.try_wait() {
            looker.0.count_down();
            assert!(looker.0.is_open(), "an open latch stays open");
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(shared.0.is_open());
        // SAFETY: all others have ended.
        shared.1.with_mut(|value| unsafe { *value += 1 });
    });
}

/// Several waiters, one of which leaves, while the latch opens.
#[test]
fn cancel_against_the_last_count() {
    model(|| {
        let latch = Arc::new(Latch::new(1));
        let leaver = {
            let latch = Arc::clone(&latch);
            thread::spawn(move || {
                let task = Task::new();
                let mut wait = pin!(latch.wait());
                let _ = task.poll(wait.as_mut());
            })
        };
        let waiter = {
            let latch = Arc::clone(&latch);
            thread::spawn(move || block_on(latch.wait()))
        };
        latch.count_down();
        leaver.join().unwrap();
        waiter.join().unwrap();
        assert_eq!((latch.count(), latch.waiters()), (0, 0));
    });
}

/// All meet, and see what the others did.
#[test]
fn counting_down_and_waiting() {
    model(|| {
        let shared = Arc::new((Latch::new(2), [UnsafeCell::new(0), UnsafeCell::new(0)]));
        let meet = |i: usize, shared: &(Latch, [UnsafeCell<i32>; 2])| {
            // SAFETY: as above.
            shared.1[i].with_mut(|value| unsafe { *value += 1 });
            block_on(shared.0.count_down_and_wait());
            // SAFETY: the other one has counted down; loom checks it.
            assert_eq!(shared.1[1 - i].with(|value| unsafe { *value }), 1);
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || meet(0, &shared))
        };
        meet(1, &shared);
        other.join().unwrap();
    });
}
