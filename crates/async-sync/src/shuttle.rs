//! More threads than loom can exhaust, under many random schedules.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::{check_random, thread};

use crate::mutex::{Adaptive, Barging, Fifo, Mutex, Policy};
use crate::{RawWaitGroup, Semaphore};

const SCHEDULES: usize = 2_000;

/// Polls once, and gives up.
fn glance<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => Some(out),
        Poll::Pending => None,
    }
}

fn run(threads: usize, work: impl Fn(usize) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let threads: Vec<_> = (0..threads)
        .map(|n| {
            let work = Arc::clone(&work);
            thread::spawn(move || work(n))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

fn mutex<P: Policy>() {
    check_random(
        || {
            let mutex = Arc::new(Mutex::<_, P>::with_policy(0));
            let expected = Arc::new(AtomicUsize::new(0));
            let (shared, count) = (Arc::clone(&mutex), Arc::clone(&expected));
            run(4, move |n| {
                for round in 0..4 {
                    let done = if (n + round) % 3 == 0 {
                        glance(shared.lock()).map(|mut guard| *guard += 1).is_some()
                    } else {
                        *block_on(shared.lock()) += 1;
                        true
                    };
                    count.fetch_add(usize::from(done), Ordering::SeqCst);
                }
            });
            assert_eq!(*mutex.try_lock().unwrap(), expected.load(Ordering::SeqCst));
            assert_eq!(mutex.metrics().count(), 0);
        },
        SCHEDULES,
    );
}

#[test]
fn mutex_adaptive() {
    mutex::<Adaptive>();
}

#[test]
fn mutex_fifo() {
    mutex::<Fifo>();
}

#[test]
fn mutex_barging() {
    mutex::<Barging>();
}

#[test]
fn lock_when() {
    check_random(
        || {
            let mutex = Arc::new(Mutex::new(0));
            let shared = Arc::clone(&mutex);
            // Each thread waits for its turn: three rounds in strict rotation.
            run(3, move |n| {
                for round in 0..3 {
                    *block_on(shared.lock_when(|turn| *turn == 3 * round + n)) += 1;
                }
            });
            assert_eq!(*mutex.try_lock().unwrap(), 9);
        },
        SCHEDULES,
    );
}

#[test]
fn semaphore() {
    check_random(
        || {
            let semaphore = Arc::new(Semaphore::new(3));
            let held = Arc::new(AtomicUsize::new(0));
            let (shared, held) = (Arc::clone(&semaphore), held);
            run(4, move |n| {
                for round in 0..4 {
                    let weight = 1 + (n + round) % 3;
                    let permit = if (n * round) % 3 == 1 {
                        glance(shared.acquire_many(weight)).transpose().unwrap()
                    } else {
                        Some(block_on(shared.acquire_many(weight)).unwrap())
                    };
                    if let Some(permit) = permit {
                        let now = held.fetch_add(weight, Ordering::SeqCst) + weight;
                        assert!(now <= 3, "{now} permits of 3 are out");
                        held.fetch_sub(weight, Ordering::SeqCst);
                        drop(permit);
                    }
                }
            });
            assert_eq!((semaphore.available(), semaphore.waiters()), (3, 0));
        },
        SCHEDULES,
    );
}

#[test]
fn wait_group() {
    check_random(
        || {
            let group = Arc::new(RawWaitGroup::new());
            group.add(2);
            let done = Arc::new(AtomicUsize::new(0));
            let (shared, count) = (Arc::clone(&group), done);
            run(5, move |n| match n {
                0 | 1 => {
                    count.fetch_add(1, Ordering::SeqCst);
                    shared.done();
                }
                2 => drop(glance(shared.wait())),
                _ => {
                    block_on(shared.wait());
                    assert_eq!(count.load(Ordering::SeqCst), 2);
                }
            });
            assert_eq!((group.count(), group.waiters()), (0, 0));
        },
        SCHEDULES,
    );
}
