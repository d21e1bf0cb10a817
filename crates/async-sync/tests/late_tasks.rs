//! Who gets the lock after a task that did not come. Found wanting by `cargo xtask mutants`.

mod support;

use async_sync::Mutex;
use async_sync::mutex::{Adaptive, Barging, Policy};
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
