//! Who gets the lock after a task that did not come, or came too often. Found wanting by `cargo xtask mutants`.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use async_sync::mutex::{Adaptive, Barging, Fifo, Policy};
use async_sync::{Mutex, Semaphore};
use support::{VirtualTime, queued};

#[test]
fn after_a_stale_notification_the_next_need_not_compete() {
    fn check<P: Policy>() {
        let mut time = VirtualTime::start();
        let mutex = Mutex::<_, P>::with_policy(());
        let guard = mutex.try_lock().unwrap();
        let mut parked = queued(mutex.lock());
        let mut next = queued(mutex.lock());
        drop(guard);
        assert!(!mutex.is_locked(), "only notified");
        time.advance_us(1100);
        assert!(mutex.try_lock().is_none());
        assert!(mutex.is_locked(), "handed over");
        assert!(next.woken());
        drop(next.ready());
        drop(parked.ready());
        assert_eq!(mutex.metrics().count(), 0);
    }
    check::<Adaptive>();
    check::<Barging>();
}

/// A newcomer that waits may pass a waiter that was woken, since it pays with a place in the queue;
/// one that only looks may not.
#[test]
fn try_lock_leaves_the_lock_to_a_woken_waiter() {
    fn check<P: Policy>() {
        let _time = VirtualTime::start();
        let mutex = Mutex::<_, P>::with_policy(());
        let guard = mutex.try_lock().unwrap();
        let mut waiter = queued(mutex.lock());
        drop(guard);
        assert!(waiter.woken() && !mutex.is_locked());
        assert!(mutex.try_lock().is_none(), "it was promised");
        drop(waiter.ready());
        assert!(mutex.try_lock().is_some());
    }
    check::<Adaptive>();
    check::<Barging>();
}

/// A claim is an operation like every other one: it takes stale batons of others away.
#[test]
fn a_claim_revokes_a_stale_grant_of_another() {
    let mut time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let both = semaphore.try_acquire_many(2).unwrap();
    let mut first = queued(semaphore.acquire());
    let mut parked = queued(semaphore.acquire());
    let mut third = queued(semaphore.acquire());
    drop(both);
    time.advance_us(1100);
    let held = first.ready().unwrap();
    assert!(third.woken(), "the second grant was stale");
    drop((held, third.ready().unwrap()));
    drop(parked.ready().unwrap());
    assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
}

/// What a claim has got is not lost when it wakes somebody whose waker panics.
#[test]
fn a_claim_survives_the_panic_of_a_waker() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("wake");
        }
    }
    let mut time = VirtualTime::start();
    let semaphore = Semaphore::new(2);
    let both = semaphore.try_acquire_many(2).unwrap();
    let mut first = queued(semaphore.acquire());
    let parked = queued(semaphore.acquire());
    let mut third = Box::pin(semaphore.acquire());
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        third
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(both);
    time.advance_us(1100);
    // Takes the stale grant of `parked` away, and gives it to the third.
    assert!(catch_unwind(AssertUnwindSafe(|| drop(first.poll()))).is_err());
    drop((first, parked, third));
    assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
}

/// A task that is woken for another reason polls its waiter in vain, and keeps its place.
#[test]
fn a_spurious_poll_keeps_the_place() {
    let _time = VirtualTime::start();
    let mutex = Mutex::<_, Fifo>::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let mut locks = [queued(mutex.lock()), queued(mutex.lock())];
    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    let mut acquires = [queued(semaphore.acquire()), queued(semaphore.acquire())];
    for _ in 0..3 {
        locks[0].pending();
        acquires[0].pending();
    }
    drop((guard, permit));
    locks[1].pending();
    acquires[1].pending();
    for (lock, acquire) in locks.iter_mut().zip(&mut acquires) {
        drop((lock.ready(), acquire.ready()));
    }
}

/// One late task makes the queue patient, and one that is in time makes it forget that.
#[test]
fn patience_ends_with_a_task_that_is_in_time() {
    let mut time = VirtualTime::start();
    let mutex = Mutex::<_, Fifo>::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let mut late = queued(mutex.lock());
    drop(guard);
    time.advance_us(1100);
    let held = mutex.try_lock().expect("the grant is stale");
    late.pending(); // it comes after all
    drop(held);
    drop(late.ready()); // in time
    let guard = mutex.try_lock().unwrap();
    let parked = queued(mutex.lock());
    drop(guard);
    time.advance_us(1100);
    assert!(mutex.try_lock().is_some(), "a millisecond is enough again");
    drop(parked);
}
