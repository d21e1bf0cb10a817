//! Wakers of the reader-writer lock that use the lock that calls them, or panic: for those who wait
//! to read, to write, to read with the right to upgrade, to upgrade, and for a downgrade that wakes.

use async_sync::rwlock::{
    Fifo, Policy, ReadMostly, ReadPreferring, RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard,
    WritePreferring,
};

use super::*;

macro_rules! for_each_policy {
    ($($(#[$attr:meta])* fn $name:ident<$P:ident>() $body:block)*) => {$(
        mod $name {
            use super::*;
            $(#[$attr])*
            fn check<$P: Policy>() $body
            #[test]
            fn write_preferring() { check::<WritePreferring>() }
            #[test]
            fn read_preferring() { check::<ReadPreferring>() }
            #[test]
            fn fifo() { check::<Fifo>() }
            #[test]
            fn read_mostly() { check::<ReadMostly>() }
        }
    )*};
}

/// Locks in every way, queues and cancels.
fn use_lock<P: Policy>(lock: &RwLock<u32, P>) {
    drop(lock.try_read());
    drop(lock.try_write());
    if let Some(up) = lock.try_upgradable_read()
        && let Ok(writes) = RwLockUpgradableReadGuard::try_upgrade(up)
    {
        drop(RwLockWriteGuard::downgrade(writes));
    }
    let mut read = support::Polled::new(lock.read());
    let mut write = support::Polled::new(lock.write());
    let _ = (read.poll().is_ready(), write.poll().is_ready());
    drop((read, write));
    let mut up = support::Polled::new(lock.upgradable_read());
    let _ = up.poll();
    drop(up);
    assert!(!format!("{lock:?}").is_empty());
}

/// A script that uses the lock in all that it does.
fn busy<P: Policy>(lock: &Rc<RwLock<u32, P>>) -> Script {
    let again = || -> Box<dyn Fn()> {
        let lock = Rc::clone(lock);
        Box::new(move || use_lock(&lock))
    };
    Script {
        on_clone: again(),
        on_wake: again(),
        on_drop: again(),
        ..Script::default()
    }
}

#[track_caller]
fn as_new<P: Policy>(lock: &RwLock<u32, P>) {
    let metrics = lock.metrics();
    assert_eq!((metrics.readers, metrics.waiters), (0, 0), "{metrics:?}");
    assert!(!metrics.is_barred && !metrics.is_upgradable, "{metrics:?}");
    assert!(lock.try_write().is_some());
}

/// Polls a future whenever it was woken (here: always) until it is done.
fn finish<F: Future>(future: &mut Pin<Box<F>>, script: &Script) -> F::Output {
    for _ in 0..20 {
        if let Poll::Ready(output) = poll(future, script) {
            return output;
        }
    }
    panic!("never served")
}

for_each_policy! {
    fn wakers_may_use_the_lock_that_wakes_them<P>() {
        let _time = support::VirtualTime::start();
        let lock = Rc::new(RwLock::<u32, P>::with_policy(0));
        let (script, other) = (busy(&lock), busy(&lock));
        let held = lock.try_write().unwrap();
        let mut reads: Vec<_> = (0..CROWD).map(|_| Box::pin(lock.read())).collect();
        let mut write = Box::pin(lock.write());
        let mut up = Box::pin(lock.upgradable_read());
        for read in &mut reads {
            assert!(poll(read, &script).is_pending());
        }
        assert!(poll(&mut write, &script).is_pending());
        assert!(poll(&mut up, &script).is_pending());
        assert!(poll(&mut write, &other).is_pending(), "replaces, hence drops, a waker");
        // A downgrade wakes the readers.
        let reading = RwLockWriteGuard::downgrade(held);
        assert!(script.wakes.load(Ordering::Relaxed) > 0 || lock.waiters() == CROWD + 2);
        drop(reading);
        for read in &mut reads {
            drop(finish(read, &script));
        }
        drop(finish(&mut write, &other));
        drop(finish(&mut up, &script));
        as_new(&lock);
    }

    fn an_upgrades_waker_may_use_the_lock<P>() {
        let _time = support::VirtualTime::start();
        let lock = Rc::new(RwLock::<u32, P>::with_policy(0));
        let script = busy(&lock);
        for cancelled in [false, true] {
            let reader = lock.try_read().unwrap();
            let up = lock.try_upgradable_read().unwrap();
            let mut upgrade = Box::pin(RwLockUpgradableReadGuard::upgrade(up));
            assert!(poll(&mut upgrade, &script).is_pending());
            let mut behind = Box::pin(lock.write());
            assert!(poll(&mut behind, &script).is_pending());
            if cancelled {
                drop(upgrade); // drops its waker, which uses the lock
                drop(reader);
            } else {
                drop(reader);
                *finish(&mut upgrade, &script) += 1;
            }
            drop(finish(&mut behind, &script));
        }
        as_new(&lock);
    }

    fn a_waker_may_drop_the_other_waiters<P>() {
        let _time = support::VirtualTime::start();
        let lock = Rc::new(RwLock::<u32, P>::with_policy(0));
        let held = lock.try_write().unwrap();
        let others: Rc<RefCell<Vec<support::Polled<dyn Future<Output = ()>>>>> = Rc::default();
        let script = Script {
            on_wake: Box::new({
                let others = Rc::clone(&others);
                move || drop(std::mem::take(&mut *others.borrow_mut()))
            }),
            ..Script::default()
        };
        let mut first = Box::pin(lock.read());
        assert!(poll(&mut first, &script).is_pending());
        for n in 0..40 {
            let lock = Rc::clone(&lock);
            let mut other = support::Polled::new(async move {
                if n % 2 == 0 {
                    drop(lock.write().await);
                } else {
                    drop(lock.read().await);
                }
            });
            other.pending();
            others.borrow_mut().push(support::Polled { task: other.task, future: other.future });
        }
        drop(held);
        drop(finish(&mut first, &script));
        drop(std::mem::take(&mut *others.borrow_mut()));
        as_new(&lock);
    }

    /// A waker panics when it is called: whoever lets go gets the panic, nobody else is affected.
    fn a_panicking_waker_costs_nobody_else_a_wake_up<P>() {
        let _time = support::VirtualTime::start();
        let lock = RwLock::<u32, P>::with_policy(0);
        let bad = panicking();
        // 0: a writer unlocks, 1: it downgrades, 2: the same, and may upgrade.
        for way in 0..3 {
            let held = lock.try_write().unwrap();
            let mut bads: Vec<_> = (0..CROWD).map(|_| Box::pin(lock.read())).collect();
            for read in &mut bads {
                assert!(poll(read, &bad).is_pending());
            }
            let mut good = queued(lock.read());
            let mut write = queued(lock.write());
            assert!(panics(|| match way {
                0 => drop(held),
                1 => drop(RwLockWriteGuard::downgrade(held)),
                _ => drop(RwLockWriteGuard::downgrade_to_upgradable(held)),
            }));
            assert!(!lock.is_write_locked(), "way {way}: the writer has gone");
            assert!(good.woken(), "way {way}");
            drop(good.ready());
            assert!(!write.woken());
            drop(bads); // granted, and never polled
            assert!(write.woken(), "way {way}");
            drop(write.ready());
            as_new(&lock);
        }
    }

    /// The one who waits to upgrade has a waker that panics, when it is called, cloned, dropped.
    fn a_panicking_waker_of_an_upgrade<P>() {
        let _time = support::VirtualTime::start();
        let lock = RwLock::<u32, P>::with_policy(0);
        let start = || {
            let reader = lock.try_read().unwrap();
            let up = lock.try_upgradable_read().unwrap();
            (reader, Box::pin(RwLockUpgradableReadGuard::upgrade(up)))
        };
        // Called.
        let bad = panicking();
        let (reader, mut upgrade) = start();
        assert!(poll(&mut upgrade, &bad).is_pending());
        assert!(panics(|| drop(reader)));
        *finish(&mut upgrade, &bad) += 1;
        as_new(&lock);
        // Cloned: it has not queued, and is a reader still.
        let bad = panicking_clone();
        let (reader, mut upgrade) = start();
        assert!(panics(|| drop(poll(&mut upgrade, &bad))));
        assert_eq!((lock.reader_count(), lock.waiters()), (2, 0));
        drop((upgrade, reader));
        as_new(&lock);
        // Dropped, as it gives up in the queue: what it held is given back all the same.
        let bad = panicking_drop();
        let (reader, mut upgrade) = start();
        assert!(poll(&mut upgrade, &bad).is_pending());
        assert!(panics(|| drop(upgrade)));
        assert_eq!((lock.reader_count(), lock.waiters()), (1, 0));
        drop(reader);
        as_new(&lock);
    }

    /// The one who waits in the queue has a waker that panics when it is cloned or dropped.
    fn a_panicking_waker_of_one_that_queues<P>() {
        let _time = support::VirtualTime::start();
        let lock = RwLock::<u32, P>::with_policy(0);
        for writes in [false, true] {
            let held = lock.try_write().unwrap();
            let bad = panicking_clone();
            let mut first = Box::pin(async {
                if writes { drop(lock.write().await) } else { drop(lock.read().await) }
            });
            assert!(panics(|| assert!(poll(&mut first, &bad).is_ready())));
            drop(first);
            assert_eq!(lock.waiters(), 0);
            let bad = panicking_drop();
            let mut first = Box::pin(async {
                if writes { drop(lock.write().await) } else { drop(lock.read().await) }
            });
            assert!(poll(&mut first, &bad).is_pending());
            let mut behind = queued(lock.write());
            assert!(panics(|| drop(first)));
            drop(held);
            assert!(behind.woken());
            drop(behind.ready());
            as_new(&lock);
        }
    }

    /// A waker of somebody else panics as a poll succeeds: what the poll got is not lost, and comes out
    /// of the next one; or is given back, if there is none.
    fn a_panicking_waker_of_another_costs_the_poll_nothing<P>() {
        for polled_again in [true, false] {
            let mut time = support::VirtualTime::start();
            let lock = RwLock::<u32, P>::with_policy(0);
            let bad = panicking();
            let held = lock.try_write().unwrap();
            let parked = queued(lock.upgradable_read());
            let mut read = queued(lock.read());
            let mut victim = Box::pin(lock.upgradable_read());
            assert!(poll(&mut victim, &bad).is_pending());
            drop(held);
            assert_eq!(lock.reader_count(), 2);
            time.advance_us(1500);
            // Finds the grant of `parked` stale; `victim` is next.
            assert!(panics(|| drop(read.poll())));
            assert_eq!(bad.wakes.load(Ordering::Relaxed), 1);
            assert_eq!(lock.reader_count(), 2);
            if polled_again {
                drop(read.ready());
            }
            drop(read);
            drop(finish(&mut victim, &bad));
            drop(parked);
            as_new(&lock);
        }
    }

    /// A waker panics as somebody who was granted the lock, and did not notice, goes away.
    fn a_panicking_waker_behind_one_that_gives_up<P>() {
        let _time = support::VirtualTime::start();
        let lock = RwLock::<u32, P>::with_policy(0);
        let bad = panicking();
        let held = lock.try_write().unwrap();
        let granted = queued(lock.write());
        let mut victim = Box::pin(lock.write());
        assert!(poll(&mut victim, &bad).is_pending());
        let mut behind = queued(lock.write());
        drop(held);
        assert!(panics(|| drop(granted)));
        drop(finish(&mut victim, &bad));
        assert!(behind.woken());
        drop(behind.ready());
        as_new(&lock);
    }
}
