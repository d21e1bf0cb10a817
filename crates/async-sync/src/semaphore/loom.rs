//! The semaphore under every interleaving of two or three threads.

mod order;

use std::pin::pin;
use std::task::Poll;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{AcquireError, Semaphore};
use sync_core::model::{Task, block_on, model, pass_time};

#[track_caller]
fn all_back(semaphore: &Semaphore, permits: isize) {
    let metrics = semaphore.metrics();
    assert_eq!((metrics.available, metrics.waiters), (permits, 0));
}

/// One permit is a lock: what is done under it is ordered.
#[test]
fn one_permit_excludes() {
    model(|| {
        let shared = Arc::new((Semaphore::new(1), UnsafeCell::new(0)));
        let bump = |shared: &(Semaphore, UnsafeCell<u32>)| {
            let permit = block_on(shared.0.acquire()).unwrap();
            // SAFETY: there is one permit; loom checks it.
            shared.1.with_mut(|value| unsafe { *value += 1 });
            drop(permit);
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || bump(&shared))
            })
            .collect();
        bump(&shared);
        for thread in threads {
            thread.join().unwrap();
        }
        all_back(&shared.0, 1);
    });
}

/// Requests of different weights, more than one batch of wake-ups.
#[test]
fn weights() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(3));
        let all = semaphore.try_acquire_many(3).unwrap();
        let threads: Vec<_> = [2, 1]
            .map(|n| {
                let semaphore = Arc::clone(&semaphore);
                thread::spawn(move || {
                    let permits = block_on(semaphore.acquire_many(n)).unwrap();
                    assert_eq!(permits.count(), n);
                })
            })
            .into();
        drop(all);
        drop(block_on(semaphore.acquire_many(3)).unwrap());
        for thread in threads {
            thread.join().unwrap();
        }
        all_back(&semaphore, 3);
    });
}

/// One release serves more waiters than one batch holds, while one of them leaves.
#[test]
fn several_batches() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(4));
        let all = semaphore.try_acquire_many(4).unwrap();
        let task = Task::new();
        let leaver = Arc::clone(&semaphore);
        let leaver = thread::spawn(move || {
            let task = Task::new();
            let mut acquire = pin!(leaver.acquire());
            let _ = task.poll(acquire.as_mut());
        });
        let mut first = pin!(semaphore.acquire());
        let mut second = pin!(semaphore.acquire());
        let mut third = pin!(semaphore.acquire());
        assert!(task.poll(first.as_mut()).is_pending());
        assert!(task.poll(second.as_mut()).is_pending());
        assert!(task.poll(third.as_mut()).is_pending());
        drop(all);
        let permits = [first, second, third].map(|mut waiter| match task.poll(waiter.as_mut()) {
            Poll::Ready(permit) => permit.unwrap(),
            Poll::Pending => panic!("there are permits enough for all"),
        });
        drop(permits);
        leaver.join().unwrap();
        all_back(&semaphore, 4);
    });
}

/// A request that is first in line is dropped while permits come back.
#[test]
fn cancel_against_release() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let one = semaphore.try_acquire().unwrap();
        let big = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                let task = Task::new();
                let mut acquire = pin!(semaphore.acquire_many(2));
                let _ = task.poll(acquire.as_mut());
            })
        };
        let small = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(block_on(semaphore.acquire()).unwrap()))
        };
        drop(one);
        big.join().unwrap();
        small.join().unwrap();
        all_back(&semaphore, 2);
    });
}

/// Closing against an acquisition and a release.
#[test]
fn close() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire().unwrap();
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || match block_on(semaphore.acquire()) {
                Ok(_) | Err(AcquireError::Closed) => {}
                Err(other) => panic!("{other}"),
            })
        };
        let closer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        drop(permit);
        waiter.join().unwrap();
        closer.join().unwrap();
        all_back(&semaphore, 1);
    });
}

/// Raising the limit against an acquisition, and lowering it against a release.
#[test]
fn set_limit() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.try_acquire().unwrap();
        let waiter = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || match block_on(semaphore.acquire_many(2)) {
                Ok(_) | Err(AcquireError::TooMany { .. }) => {}
                Err(other) => panic!("{other}"),
            })
        };
        let resizer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                semaphore.set_limit(2);
                semaphore.set_limit(1);
            })
        };
        drop(permit);
        waiter.join().unwrap();
        resizer.join().unwrap();
        all_back(&semaphore, 1);
    });
}

/// A grant that is stale is revoked while its owner claims or drops it.
#[test]
fn revoke() {
    for drops in [false, true] {
        model(move || {
            let semaphore = Arc::new(Semaphore::new(1));
            let permit = semaphore.try_acquire().unwrap();
            let late = {
                let semaphore = Arc::clone(&semaphore);
                thread::spawn(move || {
                    if drops {
                        let task = Task::new();
                        let mut acquire = pin!(semaphore.acquire());
                        if task.poll(acquire.as_mut()).is_pending() {
                            let _ = task.poll(acquire.as_mut());
                        }
                    } else {
                        drop(block_on(semaphore.acquire()).unwrap());
                    }
                })
            };
            drop(permit);
            pass_time();
            let other = {
                let semaphore = Arc::clone(&semaphore);
                thread::spawn(move || drop(block_on(semaphore.acquire()).unwrap()))
            };
            drop(semaphore.try_acquire());
            late.join().unwrap();
            other.join().unwrap();
            all_back(&semaphore, 1);
        });
    }
}

/// Two futures of one task, of which only the second is polled, against a release.
#[test]
fn take_over() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        semaphore.try_acquire_many(2).unwrap().forget();
        let releaser = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.release(2))
        };
        let other = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(block_on(semaphore.acquire()).unwrap()))
        };
        block_on(async {
            let mut parked = pin!(semaphore.acquire_many(2));
            std::future::poll_fn(|cx| {
                drop(parked.as_mut().poll(cx));
                Poll::Ready(())
            })
            .await;
            drop(semaphore.acquire().await.unwrap());
        });
        releaser.join().unwrap();
        other.join().unwrap();
        all_back(&semaphore, 2);
    });
}

/// Forgotten permits come back while the limit moves.
#[test]
fn release_against_set_limit() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(5));
        semaphore.try_acquire_many(2).unwrap().forget();
        let resizer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.set_limit(1))
        };
        semaphore.release(2);
        resizer.join().unwrap();
        all_back(&semaphore, 1);
    });
}

/// A limit that is lowered below what is out: nobody new gets a permit before the debt is paid.
#[test]
fn a_debt_is_paid_first() {
    model(|| {
        let shared = Arc::new((Semaphore::new(2), UnsafeCell::new(0)));
        let both = shared.0.try_acquire_many(2).unwrap();
        shared.0.set_limit(1);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let permit = block_on(shared.0.acquire()).unwrap();
                    // SAFETY: there is one permit now; loom checks it.
                    shared.1.with_mut(|value| unsafe { *value += 1 });
                    drop(permit);
                })
            })
            .collect();
        drop(both);
        for thread in threads {
            thread.join().unwrap();
        }
        all_back(&shared.0, 1);
    });
}

/// Permits that are forgotten, closing, and a request that leaves with a grant: everything that
/// exists is accounted for, and nobody waits for a semaphore that is closed.
#[test]
fn close_against_a_grant_that_leaves() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let both = semaphore.try_acquire_many(2).unwrap().forget();
        let leaver = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || {
                let task = Task::new();
                let mut acquire = pin!(semaphore.acquire_many(2));
                let _ = task.poll(acquire.as_mut());
            })
        };
        let closer = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        let task = Task::new();
        let mut late = Box::pin(semaphore.acquire());
        let _ = task.poll(late.as_mut());
        semaphore.release(both);
        leaver.join().unwrap();
        closer.join().unwrap();
        drop(late);
        all_back(&semaphore, 2);
        assert!(semaphore.is_closed());
    });
}
