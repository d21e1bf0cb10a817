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
