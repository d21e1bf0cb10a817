//! More threads than loom can exhaust, under many random schedules.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;
use sync_core::clock;

use crate::mutex::{Adaptive, Barging, Fifo, Mutex, Policy};
use crate::{RawWaitGroup, Semaphore, channel};

mod broadcast;
#[cfg(feature = "context")]
mod context;
#[cfg(all(feature = "keyed", feature = "pool", feature = "resource-pool"))]
mod data;
mod selects;
mod watch;

/// So many, or as the environment says.
const SCHEDULES: usize = 2_000;

fn check_random(f: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("SHUTTLE_SCHEDULES").ok();
    let schedules = schedules.map_or(SCHEDULES, |n| n.parse().expect("a number of schedules"));
    shuttle::check_random(f, schedules);
    println!("{schedules} schedules");
}

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
    check_random(|| {
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
    });
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
    check_random(|| {
        let mutex = Arc::new(Mutex::new(0));
        let shared = Arc::clone(&mutex);
        // Each thread waits for its turn: three rounds in strict rotation.
        run(3, move |n| {
            for round in 0..3 {
                *block_on(shared.lock_when(|turn| *turn == 3 * round + n)) += 1;
            }
        });
        assert_eq!(*mutex.try_lock().unwrap(), 9);
    });
}

#[test]
fn semaphore() {
    check_random(|| {
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
    });
}

#[test]
fn wait_group() {
    check_random(|| {
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
    });
}

/// Limits that move, permits that are forgotten and come back, requests that leave.
#[test]
fn semaphore_limits() {
    check_random(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let shared = Arc::clone(&semaphore);
        run(4, move |n| {
            for round in 0..3 {
                match (n, round) {
                    (0, _) => shared.set_limit(1 + (round + 1) % 3),
                    (1, 1) => drop(glance(shared.acquire_many(2))),
                    (2, _) => {
                        let permits = block_on(shared.acquire()).unwrap().forget();
                        shared.release(permits);
                    }
                    _ => drop(block_on(shared.acquire_many(1 + round % 2))),
                }
            }
        });
        let limit = semaphore.limit();
        let available = semaphore.metrics().available;
        assert_eq!((available, semaphore.waiters()), (limit as isize, 0));
    });
}

#[test]
fn semaphore_close() {
    check_random(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let shared = Arc::clone(&semaphore);
        run(4, move |n| match n {
            0 => {
                drop(glance(shared.acquire_many(2)));
                shared.close();
            }
            _ => {
                while let Ok(permit) = block_on(shared.acquire_many(1 + n % 2)) {
                    drop(permit);
                }
            }
        });
        assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
    });
}

/// Rounds that follow each other while waiters of the last one have not returned.
#[test]
fn wait_group_rounds() {
    check_random(|| {
        let group = Arc::new(RawWaitGroup::new());
        let shared = Arc::clone(&group);
        run(4, move |n| {
            for _ in 0..3 {
                if n < 2 {
                    shared.add(1);
                    thread::yield_now();
                    shared.done();
                } else {
                    block_on(shared.wait());
                }
            }
        });
        assert_eq!((group.count(), group.waiters()), (0, 0));
    });
}

/// Tasks that come late: batons are revoked, and come back. (All threads of a model share the
/// thread that runs it, and with it its virtual time.)
fn late<P: Policy>() {
    check_random(|| {
        let before = clock::set_virtual(Some(1 << 40));
        let mutex = Arc::new(Mutex::<_, P>::with_policy(0));
        let shared = Arc::clone(&mutex);
        run(4, move |n| {
            for _ in 0..3 {
                *block_on(shared.lock()) += 1;
                if n == 0 {
                    let now = clock::set_virtual(None).expect("virtual time");
                    clock::set_virtual(Some(now + (2 << 20)));
                }
            }
        });
        assert_eq!(*mutex.try_lock().unwrap(), 12);
        assert_eq!(mutex.metrics().count(), 0);
        clock::set_virtual(before);
    });
}

#[test]
fn late_adaptive() {
    late::<Adaptive>();
}

#[test]
fn late_fifo() {
    late::<Fifo>();
}

/// Senders and receivers that give up now and then, a permit, and a closing: what was sent for certain is
/// received once, the rest at most once.
fn channels(capacity: usize) {
    check_random(move || {
        let (sender, receiver) = channel::bounded(capacity);
        let (sent, received) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let maybe = Arc::new(AtomicUsize::new(0));
        let (put, got, unsure) = (Arc::clone(&sent), Arc::clone(&received), Arc::clone(&maybe));
        let left = receiver.clone();
        run(5, move |n| match n {
            0 | 1 => {
                for round in 0..3 {
                    let result = if round == 1 {
                        // Dropped while it waits, it may have sent.
                        let result = glance(sender.send(()));
                        unsure.fetch_add(usize::from(result.is_none()), Ordering::SeqCst);
                        result.is_some_and(|result| result.is_ok())
                    } else {
                        block_on(sender.send(())).is_ok()
                    };
                    put.fetch_add(usize::from(result), Ordering::SeqCst);
                }
            }
            2 => {
                if let Ok(permit) = block_on(sender.reserve()) {
                    put.fetch_add(usize::from(permit.send(()).is_ok()), Ordering::SeqCst);
                }
                drop(glance(sender.reserve()));
            }
            3 => {
                for _ in 0..2 {
                    let item = glance(receiver.recv()).flatten();
                    got.fetch_add(usize::from(item.is_some()), Ordering::SeqCst);
                }
                got.fetch_add(usize::from(receiver.try_recv().is_ok()), Ordering::SeqCst);
                receiver.close();
            }
            _ => {
                while block_on(receiver.recv()).is_some() {
                    got.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let received = received.load(Ordering::SeqCst) + left.drain().count();
        let sent = sent.load(Ordering::SeqCst);
        assert!((sent..=sent + maybe.load(Ordering::SeqCst)).contains(&received));
        assert_eq!(left.waiters(), 0);
    });
}

#[test]
fn rendezvous() {
    channels(0);
}

#[test]
fn channel_of_one() {
    channels(1);
}

#[test]
fn channel_of_three() {
    channels(3);
}
