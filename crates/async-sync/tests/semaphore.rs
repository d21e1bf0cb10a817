//! The semaphore, polled by hand: every transition of `semaphore/raw.rs`, in virtual time.

mod support;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::Semaphore;
use async_sync::semaphore::{AcquireError, TryAcquireError};
use support::{Polled, Task, VirtualTime, queued};

/// Rounds of the simulations.
const ROUNDS: usize = if cfg!(miri) { 60 } else { 2000 };

#[test]
fn permits_are_taken_and_given_back() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(3);
    let two = Polled::new(semaphore.acquire_many(2)).ready().unwrap();
    assert_eq!((semaphore.available(), two.count()), (1, 2));
    let one = semaphore.try_acquire().unwrap();
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    drop(two);
    assert_eq!(semaphore.available(), 2);
    drop(one);
    assert_eq!(semaphore.available(), semaphore.limit());
}

#[test]
fn a_future_that_was_not_polled_has_no_effect() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(1);
    drop(semaphore.acquire());
    assert_eq!((semaphore.available(), semaphore.waiters()), (1, 0));
}

#[test]
fn a_big_request_is_not_passed() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(100);
    let one = semaphore.try_acquire().unwrap();
    let mut big = queued(semaphore.acquire_many(100));
    let mut small = queued(semaphore.acquire());
    assert_eq!(semaphore.available(), 99);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    drop(one);
    assert!(big.woken() && !small.woken());
    let all = big.ready().unwrap();
    assert!(!small.woken());
    drop(all);
    assert!(small.woken());
    drop(small.ready().unwrap());
    assert_eq!(semaphore.available(), 100);
}

#[test]
fn one_release_serves_as_many_as_it_can() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(40);
    let all = semaphore.try_acquire_many(40).unwrap();
    // more than one batch of wake-ups
    let mut waiters: Vec<_> = (0..40).map(|_| queued(semaphore.acquire())).collect();
    let mut late = queued(semaphore.acquire());
    drop(all);
    let permits: Vec<_> = waiters
        .iter_mut()
        .map(|waiter| {
            assert_eq!(waiter.task.woken(), 1);
            waiter.ready().unwrap()
        })
        .collect();
    late.pending();
    drop(permits);
    drop(late.ready().unwrap());
    assert_eq!((semaphore.available(), semaphore.waiters()), (40, 0));
}

#[test]
fn dropping_the_first_in_line_serves_those_behind() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let one = semaphore.try_acquire().unwrap();
    let big = queued(semaphore.acquire_many(2));
    let mut small = queued(semaphore.acquire());
    assert!(!small.woken());
    drop(big);
    assert!(small.woken(), "a permit was free all the time");
    drop(small.ready().unwrap());
    drop(one);
    assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
}

#[test]
fn dropping_a_granted_request_passes_its_permits_on() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let both = semaphore.try_acquire_many(2).unwrap();
    let big = queued(semaphore.acquire_many(2));
    let mut small = [queued(semaphore.acquire()), queued(semaphore.acquire())];
    drop(both);
    assert!(big.woken());
    drop(big);
    for waiter in &mut small {
        assert!(waiter.woken());
        drop(waiter.ready().unwrap());
    }
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn more_than_the_limit_is_an_error() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let error = AcquireError::TooMany {
        requested: 3,
        limit: 2,
    };
    assert_eq!(
        Polled::new(semaphore.acquire_many(3)).ready().unwrap_err(),
        error
    );
    assert_eq!(semaphore.try_acquire_many(3).unwrap_err(), error.into());
    assert!(error.to_string().contains("raise the limit"));
    let huge = Polled::new(semaphore.acquire_many(usize::MAX))
        .ready()
        .unwrap_err();
    assert_eq!(
        huge,
        AcquireError::TooMany {
            requested: usize::MAX,
            limit: 2
        }
    );
    // also while others wait
    let both = semaphore.try_acquire_many(2).unwrap();
    let mut waiter = queued(semaphore.acquire());
    assert_eq!(
        Polled::new(semaphore.acquire_many(3)).ready().unwrap_err(),
        error
    );
    drop(both);
    drop(waiter.ready().unwrap());
}

#[test]
fn zero_permits() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(0);
    drop(Polled::new(semaphore.acquire_many(0)).ready().unwrap());
    drop(semaphore.try_acquire_many(0).unwrap());
    assert!(matches!(
        semaphore.try_acquire(),
        Err(TryAcquireError::TooMany { .. })
    ));
    semaphore.set_limit(1);
    let one = semaphore.try_acquire().unwrap();
    drop(Polled::new(semaphore.acquire_many(0)).ready().unwrap());
    let _first = queued(semaphore.acquire());
    let mut zero = queued(semaphore.acquire_many(0));
    drop(one);
    drop(zero.ready().unwrap());
}

#[test]
fn the_limit_moves_both_ways() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(4);
    let four = semaphore.try_acquire_many(4).unwrap();
    let mut waiters = [queued(semaphore.acquire()), queued(semaphore.acquire())];
    semaphore.set_limit(5);
    assert!(waiters[0].woken() && !waiters[1].woken());
    let fifth = waiters[0].ready().unwrap();
    semaphore.set_limit(2);
    assert_eq!(
        (semaphore.available(), semaphore.metrics().available),
        (0, -3)
    );
    drop(fifth);
    assert!(!waiters[1].woken(), "two more than the limit are still out");
    drop(four);
    drop(waiters[1].ready().unwrap());
    assert_eq!((semaphore.available(), semaphore.limit()), (2, 2));
    semaphore.add_permits(3);
    assert_eq!((semaphore.available(), semaphore.limit()), (5, 5));
}

#[test]
fn a_request_that_has_become_too_big_fails_and_makes_way() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(4);
    let two = semaphore.try_acquire_many(2).unwrap();
    let mut big = queued(semaphore.acquire_many(4));
    let mut small = queued(semaphore.acquire_many(1));
    semaphore.set_limit(3);
    assert!(big.woken() && small.woken());
    let error = AcquireError::TooMany {
        requested: 4,
        limit: 3,
    };
    assert_eq!(big.ready().unwrap_err(), error);
    drop(small.ready().unwrap());
    drop(two);
    assert_eq!(semaphore.available(), 3);
}

#[test]
fn closing_refuses_everybody_but_takes_nothing() {
    let _time = VirtualTime::start();
    let semaphore = Arc::new(Semaphore::new(1));
    let permit = semaphore.try_acquire().unwrap();
    let mut granted = queued(semaphore.acquire());
    // more than one batch
    let mut waiters: Vec<_> = (0..40).map(|_| queued(semaphore.acquire())).collect();
    drop(permit);
    semaphore.close();
    for waiter in &mut waiters {
        assert_eq!(waiter.task.woken(), 1);
        assert_eq!(waiter.ready().unwrap_err(), AcquireError::Closed);
    }
    drop(granted.ready().unwrap());
    assert!(semaphore.is_closed());
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    assert_eq!(
        Polled::new(Arc::clone(&semaphore).acquire_owned())
            .ready()
            .unwrap_err(),
        AcquireError::Closed
    );
    assert_eq!(
        Arc::strong_count(&semaphore),
        1,
        "the failed future let go of its Arc"
    );
    semaphore.close();
    assert_eq!((semaphore.available(), semaphore.waiters()), (1, 0));
}

#[test]
fn permits_split_merge_and_forget() {
    let semaphore = Arc::new(Semaphore::new(5));
    let mut permits = Arc::clone(&semaphore).try_acquire_many_owned(5).unwrap();
    let mut three = permits.split(3).unwrap();
    assert!(permits.split(3).is_none());
    assert_eq!(
        (permits.count(), three.count()),
        (2, 3),
        "a failed split changes nothing"
    );
    let one = three.split(1).unwrap();
    three.merge(one);
    assert_eq!(three.forget(), 3);
    assert_eq!(Arc::strong_count(&semaphore), 2);
    drop(permits);
    assert_eq!(semaphore.available(), 2);
    semaphore.release(3);
    assert_eq!(semaphore.available(), 5);
    let other = Arc::new(Semaphore::new(1));
    let mut a = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    let b = Arc::clone(&other).try_acquire_owned().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| a.merge(b))).is_err());
    assert_eq!(other.available(), 1, "nothing is lost by a refused merge");
}

/// SPEC S92.
#[test]
fn releasing_more_than_held_panics_and_changes_nothing() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    for n in [1, usize::MAX] {
        let panic = catch_unwind(AssertUnwindSafe(|| semaphore.release(n))).unwrap_err();
        let text = *panic.downcast_ref::<&str>().unwrap();
        assert_eq!(text, "semaphore: released more than held");
        assert_eq!(semaphore.available(), 2);
    }
    semaphore.try_acquire().unwrap().forget();
    let mut waiter = queued(semaphore.acquire_many(2));
    semaphore.release(1);
    drop(waiter.ready().unwrap());
}

#[test]
fn too_many_permits_are_refused() {
    let _time = VirtualTime::start();
    assert!(catch_unwind(|| Semaphore::new(Semaphore::MAX_PERMITS + 1)).is_err());
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    for change in [
        &(|s: &Semaphore| s.set_limit(usize::MAX)) as &dyn Fn(&Semaphore),
        &|s| s.add_permits(1),
        &|s| s.add_permits(usize::MAX),
    ] {
        assert!(catch_unwind(AssertUnwindSafe(|| change(&semaphore))).is_err());
        assert_eq!(semaphore.limit(), Semaphore::MAX_PERMITS);
    }
    let all = semaphore.try_acquire_many(Semaphore::MAX_PERMITS).unwrap();
    semaphore.set_limit(0);
    drop(all);
    assert_eq!(semaphore.metrics().available, 0);
}

// Futurelock: rule 6 of the wait protocol.

#[test]
fn the_same_task_takes_permits_over() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let both = semaphore.try_acquire_many(2).unwrap();
    let task = Task::new();
    let mut parked = Polled::of(&task, semaphore.acquire_many(2));
    parked.pending();
    let mut other = queued(semaphore.acquire());
    drop(both);
    let mut second = Polled::of(&task, semaphore.acquire_many(2));
    second.pending();
    second.pending();
    let held = second.ready().unwrap();
    parked.pending();
    assert!(!other.woken());
    drop(held);
    assert!(!other.woken(), "the parked future is back in front");
    drop(parked.ready().unwrap());
    drop(other.ready().unwrap());
}

#[test]
fn what_a_take_over_leaves_goes_to_the_next() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(3);
    let all = semaphore.try_acquire_many(3).unwrap();
    let task = Task::new();
    let mut parked = Polled::of(&task, semaphore.acquire_many(3));
    parked.pending();
    let mut other = queued(semaphore.acquire());
    drop(all);
    let mut second = Polled::of(&task, semaphore.acquire_many(1));
    second.pending();
    second.pending();
    let held = second.ready().unwrap();
    assert!(other.woken());
    drop(other.ready().unwrap());
    drop(held);
    drop(parked.ready().unwrap());
    assert_eq!(semaphore.available(), 3);
}

#[test]
fn a_take_over_that_does_not_suffice_loses_nothing() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(3);
    let mut two = semaphore.try_acquire_many(3).unwrap();
    let one = two.split(1).unwrap();
    let task = Task::new();
    let mut parked = Polled::of(&task, semaphore.acquire_many(1));
    parked.pending();
    drop(one);
    let mut big = Polled::of(&task, semaphore.acquire_many(3));
    big.pending();
    big.pending();
    big.pending();
    // the permit was given back, and the revoked request comes before all others
    let parked = parked.ready().unwrap();
    drop(two);
    big.pending();
    drop(parked);
    drop(big.ready().unwrap());
    assert_eq!((semaphore.available(), semaphore.waiters()), (3, 0));
}

#[test]
fn later_operations_revoke_stale_grants() {
    let mut time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let mut two = semaphore.try_acquire_many(2).unwrap();
    let one = two.split(1).unwrap();
    let mut parked = [queued(semaphore.acquire()), queued(semaphore.acquire())];
    let mut next = queued(semaphore.acquire());
    drop(two);
    time.advance_us(600);
    drop(one);
    time.advance_us(600);
    // the first grant is stale, the second is not
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    assert!(next.woken());
    let held = next.ready().unwrap();
    time.advance_us(600);
    drop(
        semaphore
            .try_acquire()
            .expect("the second grant is stale too"),
    );
    for waiter in &mut parked {
        drop(waiter.ready().unwrap());
    }
    drop(held);
    assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
}

#[test]
fn a_revoked_request_learns_that_the_semaphore_was_closed() {
    let mut time = VirtualTime::start();
    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    let mut parked = queued(semaphore.acquire());
    drop(permit);
    time.advance_us(1100);
    drop(semaphore.try_acquire().unwrap());
    semaphore.close();
    assert_eq!(parked.ready().unwrap_err(), AcquireError::Closed);
}

#[test]
fn a_revoked_request_leaves_others_alone_if_permits_are_free() {
    let mut time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let both = semaphore.try_acquire_many(2).unwrap();
    let mut parked = queued(semaphore.acquire());
    let mut next = queued(semaphore.acquire());
    drop(both);
    drop(next.ready().unwrap());
    time.advance_us(1100);
    let held = semaphore.try_acquire_many(2).unwrap(); // revokes `parked`
    let mut fresh = queued(semaphore.acquire());
    drop(held); // one permit to `fresh`, one is free
    drop(parked.ready().unwrap());
    drop(fresh.ready().unwrap());
    assert_eq!(fresh.task.woken(), 1);
    assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
}

/// Every task is late, and somebody asks all the time: nobody starves, and the big request neither.
#[test]
fn late_tasks_are_served_in_turn() {
    let mut time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let got: [std::cell::Cell<u32>; 5] = Default::default();
    let mut tasks: Vec<_> = (0..5)
        .map(|n| {
            let (semaphore, got) = (&semaphore, &got);
            Polled::new(async move {
                loop {
                    // the first wants all permits
                    let permits = semaphore
                        .acquire_many(if n == 0 { 2 } else { 1 })
                        .await
                        .unwrap();
                    got[n].set(got[n].get() + 1);
                    tokio::task::yield_now().await;
                    drop(permits);
                }
            })
        })
        .collect();
    for _ in 0..ROUNDS {
        for task in &mut tasks {
            time.advance_us(700);
            let _: std::task::Poll<()> = task.poll();
            drop(semaphore.try_acquire());
        }
    }
    drop(tasks);
    let got = got.map(std::cell::Cell::into_inner);
    assert!(
        *got.iter().min().unwrap() as usize > ROUNDS / 100,
        "{got:?}"
    );
}

/// Many small requests, one that wants everything, a run queue of several milliseconds, and many who
/// look at every grant when it is late: the queue learns to be patient.
#[test]
fn overload_does_not_starve_the_big_request() {
    let semaphore = Semaphore::new(4);
    let got: [AtomicUsize; 11] = Default::default();
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
    for (n, got) in got.iter().enumerate() {
        let semaphore = &semaphore;
        tasks.push(Box::pin(async move {
            loop {
                let weight = if n == 0 { 4 } else { 1 };
                let permits = semaphore.acquire_many(weight).await.unwrap();
                got.fetch_add(1, Ordering::Relaxed);
                support::yield_now().await;
                drop(permits);
            }
        }));
    }
    for _ in 0..50 {
        tasks.push(Box::pin(async {
            loop {
                drop(semaphore.try_acquire());
                support::yield_now().await;
            }
        }));
    }
    support::run_queue(tasks, if cfg!(miri) { 1_500 } else { 60_000 }, 100);
    let got = got.map(AtomicUsize::into_inner);
    assert!(
        got[0] * 2 > got[1] && got[0] > 2,
        "the big one is the first: {got:?}"
    );
}

// On runtimes.

#[test]
fn the_number_of_holders_is_bounded() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let semaphore = Arc::new(Semaphore::new(3));
    let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..if cfg!(miri) { 8 } else { 50 })
            .map(|i| {
                let semaphore = Arc::clone(&semaphore);
                let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
                tokio::spawn(async move {
                    for _ in 0..if cfg!(miri) { 2 } else { 200 } {
                        let weight = 1 + i % 3;
                        let _permit = semaphore.acquire_many(weight).await.unwrap();
                        let held = now.fetch_add(weight, Ordering::SeqCst) + weight;
                        peak.fetch_max(held, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        now.fetch_sub(weight, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert!((1..=3).contains(&peak.load(Ordering::SeqCst)));
    assert_eq!((semaphore.available(), semaphore.waiters()), (3, 0));
}

#[test]
fn threads_wait_in_the_same_queue() {
    let semaphore = Arc::new(Semaphore::new(2));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..if cfg!(miri) { 10 } else { 200 } {
                    drop(semaphore.acquire_many_blocking(1 + n % 2).unwrap());
                    drop(
                        Arc::clone(&semaphore)
                            .acquire_many_owned_blocking(2)
                            .unwrap(),
                    );
                    drop(semaphore.acquire_blocking().unwrap());
                }
            });
        }
    });
    assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
    assert!(format!("{semaphore:?}").contains("available: 2"));
}

/// Rule 6 of the wait protocol: *any* later operation revokes a stale grant, also one that is refused.
#[test]
fn a_refused_request_revokes_a_stale_grant() {
    let mut time = VirtualTime::start();
    let semaphore = Semaphore::new(1);
    let one = semaphore.try_acquire().unwrap();
    let parked = queued(semaphore.acquire());
    let mut next = queued(semaphore.acquire());
    drop(one);
    time.advance_us(1100);
    assert!(!next.woken());
    assert!(Polled::new(semaphore.acquire_many(2)).ready().is_err());
    assert!(
        next.woken(),
        "the grant of a future that nobody polls is stale"
    );
    drop(next.ready());
    drop(parked);
}

/// Rule 6a: a task takes its own abandoned grant over though an older one of another task, which has
/// nothing more to do with the semaphore, lies there too.
#[test]
fn the_same_task_takes_its_grant_over_behind_one_of_another_task() {
    let _time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let all = semaphore.try_acquire_many(2).unwrap();
    let other = queued(semaphore.acquire());
    let task = Task::new();
    let mut parked = Polled::of(&task, semaphore.acquire());
    parked.pending();
    drop(all);
    task.woken();
    let mut second = Polled::of(&task, semaphore.acquire());
    second.pending();
    for _ in 0..3 {
        // A runtime polls it again only if it was woken.
        if task.woken() > 0
            && let std::task::Poll::Ready(got) = second.poll()
        {
            drop(got.unwrap());
            drop((parked, other));
            return;
        }
    }
    panic!("the task has locked itself out, and nobody will poll it again");
}
