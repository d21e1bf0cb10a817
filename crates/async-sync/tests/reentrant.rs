//! The reentrant mutex, polled by hand: every transition of `reentrant/raw.rs`, in virtual time.

mod support;

use std::cell::RefCell;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use async_sync::mutex::{Barging, Fifo, Policy};
use async_sync::reentrant::{OwnedReentrantMutexGuard, ReentrantMutexGuard, ZeroOwner};
use async_sync::{OwnerId, RawReentrantMutex, ReentrantMutex};
use support::{Polled, VirtualTime, queued};

fn id(n: u64) -> OwnerId {
    OwnerId::from(NonZeroU64::new(n).unwrap())
}

fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .expect("a text")
}

#[test]
fn ids() {
    assert_eq!(OwnerId::try_from(0), Err(ZeroOwner));
    assert_eq!(OwnerId::try_from(7).unwrap(), id(7));
    assert_eq!(id(7).get(), 7);
    assert_eq!(format!("{:?} {}", id(7), id(7)), "OwnerId(7) 7");
    let ids: Vec<_> = (0..100).map(|_| OwnerId::new()).collect();
    for (i, one) in ids.iter().enumerate() {
        assert!(one.get() >= 1 << 63);
        assert!(!ids[i + 1..].contains(one));
    }
}

#[test]
fn the_owner_enters_again_and_others_wait_until_the_last_guard_is_gone() {
    let _time = VirtualTime::start();
    let mutex = ReentrantMutex::new(RefCell::new(0));
    let (me, other) = (OwnerId::new(), OwnerId::new());
    let one = Polled::new(mutex.lock(me)).ready();
    let two = Polled::new(mutex.lock(me)).ready();
    let three = mutex.try_lock(me).unwrap();
    *three.borrow_mut() += 1;
    assert_eq!((mutex.depth(), mutex.owner()), (3, Some(me)));
    assert!(mutex.try_lock(other).is_none());
    let mut waits = queued(mutex.lock(other));
    assert_eq!(mutex.waiters(), 1);
    drop(one); // in whatever order
    drop(three);
    assert!(!waits.woken());
    waits.pending();
    drop(two);
    assert!(waits.woken());
    let guard = waits.ready();
    assert_eq!(*guard.borrow(), 1);
    assert_eq!((mutex.depth(), mutex.owner()), (1, Some(other)));
    assert!(std::ptr::eq(ReentrantMutexGuard::mutex(&guard), &mutex));
    drop(guard);
    assert_eq!((mutex.depth(), mutex.owner()), (0, None));
    assert!(!mutex.is_locked());
}

#[test]
fn an_owner_inside_enters_past_a_queue() {
    fn check<P: Policy>() {
        let _time = VirtualTime::start();
        let mutex = RawReentrantMutex::<P>::new();
        assert!(mutex.try_lock(id(1)));
        let mut waiters: Vec<_> = (2..5).map(|n| queued(mutex.lock(id(n)))).collect();
        Polled::new(mutex.lock(id(1))).ready();
        assert!(mutex.try_lock(id(1)));
        assert_eq!((mutex.depth(), mutex.waiters()), (3, 3));
        for _ in 0..3 {
            mutex.unlock(id(1));
        }
        for n in 2..5 {
            let mut first = waiters.remove(0);
            assert!(first.woken());
            first.ready();
            assert_eq!(mutex.owner(), Some(id(n)));
            mutex.unlock(id(n));
        }
        assert!(!mutex.is_locked());
    }
    check::<Fifo>();
    check::<Barging>();
    check::<async_sync::mutex::Adaptive>();
}

#[test]
fn wrong_owner() {
    let mutex = RawReentrantMutex::<Fifo>::new();
    assert_eq!(panic_of(|| mutex.unlock(id(8))), "wrong the owner(0): 8!");
    assert!(mutex.try_lock(id(7)));
    assert!(mutex.try_lock(id(7)));
    assert_eq!(panic_of(|| mutex.unlock(id(8))), "wrong the owner(7): 8!");
    assert_eq!((mutex.depth(), mutex.owner()), (2, Some(id(7))));
    mutex.unlock(id(7));
    mutex.unlock(id(7));
    assert_eq!(panic_of(|| mutex.unlock(id(7))), "wrong the owner(0): 7!");
    assert!(mutex.try_lock(id(8)), "it stays usable");
    // Ids that differ in one half only.
    assert!(!mutex.try_lock(id(8 | 1 << 40)));
    assert_eq!(
        panic_of(|| mutex.unlock(id(8 | 1 << 40))),
        format!("wrong the owner(8): {}!", 8u64 | 1 << 40)
    );
}

#[test]
fn two_waiters_of_one_owner_enter_together() {
    fn check<P: Policy>() {
        let _time = VirtualTime::start();
        let mutex = RawReentrantMutex::<P>::new();
        assert!(mutex.try_lock(id(1)));
        let mut first = queued(mutex.lock(id(2)));
        let mut others = queued(mutex.lock(id(3)));
        let mut second = queued(mutex.lock(id(2)));
        let mut third = queued(mutex.lock(id(2)));
        for waiter in [&mut first, &mut second, &mut third, &mut others] {
            waiter.pending();
            waiter.pending(); // spurious polls change nothing
        }
        mutex.unlock(id(1));
        assert!(first.woken());
        assert!(!second.woken());
        first.ready();
        assert!(second.woken() && third.woken(), "their owner is inside");
        assert!(!others.woken());
        second.ready();
        assert_eq!((mutex.depth(), mutex.waiters()), (2, 2));
        third.ready();
        others.pending();
        for _ in 0..3 {
            assert!(!others.woken());
            mutex.unlock(id(2));
        }
        assert!(others.woken());
        others.ready();
        mutex.unlock(id(3));
        assert_eq!((mutex.is_locked(), mutex.waiters()), (false, 0));
    }
    check::<Fifo>();
    check::<Barging>();
    check::<async_sync::mutex::Adaptive>();
}

/// Woken as kin, but too late: waits on, and is called the next time.
#[test]
fn kin_that_comes_too_late_waits_on() {
    let _time = VirtualTime::start();
    let mutex = RawReentrantMutex::<Fifo>::new();
    assert!(mutex.try_lock(id(1)));
    let mut first = queued(mutex.lock(id(2)));
    let mut between = queued(mutex.lock(id(3)));
    let mut late = queued(mutex.lock(id(2)));
    let mut again = queued(mutex.lock(id(2)));
    mutex.unlock(id(1));
    first.ready();
    assert!(late.woken() && again.woken());
    mutex.unlock(id(2)); // before they are polled
    late.pending();
    again.pending();
    between.ready();
    late.pending();
    mutex.unlock(id(3));
    assert!(late.woken());
    late.ready();
    assert!(again.woken(), "called again");
    again.ready();
    assert_eq!(mutex.depth(), 2);
    mutex.unlock(id(2));
    mutex.unlock(id(2));
    assert_eq!((mutex.is_locked(), mutex.waiters()), (false, 0));
}

/// The kin of one who takes the lock by `try_lock`, while they are notified but not polled.
#[test]
fn kin_of_a_try_lock() {
    let _time = VirtualTime::start();
    let mutex = RawReentrantMutex::<Barging>::new();
    assert!(mutex.try_lock(id(1)));
    let mut first = queued(mutex.lock(id(3)));
    let mut kin = queued(mutex.lock(id(2)));
    mutex.unlock(id(1));
    assert!(first.woken());
    first.ready();
    mutex.unlock(id(3));
    assert!(kin.woken());
    let mut newcomer = Polled::new(mutex.lock(id(2)));
    newcomer.pending_or_ready();
    kin.ready();
    assert_eq!(mutex.depth(), 2);
}

/// Every state in which a future can be dropped; the others must not notice.
#[test]
fn dropped_everywhere() {
    for state in 0..7 {
        let _time = VirtualTime::start();
        let mutex = RawReentrantMutex::<Fifo>::new();
        assert!(mutex.try_lock(id(1)));
        let mut first = Some(queued(mutex.lock(id(2))));
        let mut kin = Some(queued(mutex.lock(id(2))));
        let mut last = queued(mutex.lock(id(3)));
        let mut next = || first.as_mut().unwrap().ready();
        let mut inside = 0;
        match state {
            0 => drop(mutex.lock(id(2))), // not polled
            1 => first = None,            // queued
            2 => {
                mutex.unlock(id(1));
                first = None; // granted
                assert!(mutex.is_locked(), "passed on to kin");
            }
            3 => kin = None, // in both queues
            4 => {
                mutex.unlock(id(1));
                next();
                inside = 1;
                kin = None; // called
            }
            5 => {
                mutex.unlock(id(1));
                next();
                kin.as_mut().unwrap().ready();
                inside = 2;
                (first, kin) = (None, None); // over: they hold nothing
            }
            _ => (first, kin) = (None, None),
        }
        if !matches!(state, 2 | 4 | 5) {
            mutex.unlock(id(1));
        }
        for waiter in [&mut first, &mut kin].into_iter().flatten() {
            if state != 4 {
                assert!(waiter.woken(), "stranded in state {state}");
                waiter.ready();
                inside += 1;
            }
        }
        assert_eq!(mutex.depth(), inside);
        for _ in 0..inside {
            assert!(!last.woken());
            mutex.unlock(id(2));
        }
        assert!(last.woken(), "stranded in state {state}");
        last.ready();
        mutex.unlock(id(3));
        assert_eq!((mutex.is_locked(), mutex.waiters()), (false, 0), "{state}");
    }
}

/// The last one to wait leaves no trace, so that the next owner need not look for kin.
#[test]
fn wakers_are_let_go() {
    let mutex = RawReentrantMutex::<Fifo>::new();
    assert!(mutex.try_lock(id(1)));
    let mut waits = queued(mutex.lock(id(2)));
    let task = waits.task.clone();
    assert!(task.kept() > 1);
    waits.pending();
    drop(waits);
    assert_eq!(task.kept(), 0);
    let mut kin = queued(mutex.lock(id(2)));
    mutex.unlock(id(1));
    kin.ready();
    let task = kin.task.clone();
    assert_eq!(task.kept(), 1, "by the future, for its polls");
    mutex.unlock(id(2));
}

/// Two futures of one task and one owner, of which each needs the other to have entered.
#[test]
fn what_one_waits_for_another_of_its_owner_can_do() {
    let _time = VirtualTime::start();
    let mutex = ReentrantMutex::new(());
    let held = mutex.try_lock(id(1)).unwrap();
    let (tell, told) = futures::channel::oneshot::channel();
    let me = id(2);
    let mut both = queued(async {
        futures::join!(
            async {
                let _guard = mutex.lock(me).await;
                told.await.unwrap(); // with the lock
            },
            async {
                let _guard = mutex.lock(me).await;
                tell.send(()).unwrap();
            },
        )
    });
    drop(held);
    while both.poll().is_pending() {
        assert!(both.woken(), "stalled");
    }
    assert!(!mutex.is_locked());
}

#[test]
fn owned_and_blocking() {
    let mutex = Arc::new(ReentrantMutex::<_, Fifo>::with_policy(5));
    let me = OwnerId::new();
    let one: OwnedReentrantMutexGuard<_, _> =
        Polled::new(Arc::clone(&mutex).lock_owned(me)).ready();
    let two = mutex.lock_blocking(me);
    let three = Arc::clone(&mutex).lock_owned_blocking(me);
    let four = Arc::clone(&mutex).try_lock_owned(me).unwrap();
    assert_eq!(*one + *two + *three + *four, 20);
    assert_eq!(format!("{one} {two:?}"), "5 5");
    assert!(Arc::clone(&mutex).try_lock_owned(OwnerId::new()).is_err());
    assert_eq!(mutex.depth(), 4);
    let mut waits = queued(Arc::clone(&mutex).lock_owned(id(1)));
    drop((one, two, three, four));
    let guard = waits.ready();
    drop(waits);
    let text = format!("{mutex:?}");
    assert!(
        text.contains("depth: 1") && text.contains("OwnerId(1)"),
        "{text}"
    );
    drop(mutex);
    assert_eq!(*guard, 5, "the guard keeps it");
}

#[test]
fn the_value_can_be_changed_by_its_only_owner() {
    let mut mutex = ReentrantMutex::from(1);
    *mutex.get_mut() += 1;
    assert_eq!(mutex.into_inner(), 2);
    assert_eq!(
        *ReentrantMutex::<u8, Fifo>::default().lock_blocking(id(1)),
        0
    );
}

#[test]
fn polled_after_completion() {
    let mutex = RawReentrantMutex::<Fifo>::new();
    let mut first = Polled::new(mutex.lock(id(1)));
    first.ready();
    let mut nested = Polled::new(mutex.lock(id(1)));
    nested.ready();
    for done in [&mut first, &mut nested] {
        assert!(panic_of(|| done.pending_or_ready()).contains("polled after it had completed"));
    }
    assert_eq!(mutex.depth(), 2);
}

/// Threads of two owners, two threads each, against each other.
#[test]
fn threads() {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 5000 };
    let mutex = ReentrantMutex::new(std::sync::atomic::AtomicU64::new(0));
    use std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        for n in [1, 1, 2, 2] {
            let mutex = &mutex;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let guard = mutex.lock_blocking(id(n));
                    guard.store(n, Relaxed);
                    // Whoever is inside with us stores the same.
                    let nested = mutex.lock_blocking(id(n));
                    assert_eq!(nested.load(Relaxed), n);
                    assert_eq!(mutex.owner(), Some(id(n)));
                }
            });
        }
    });
    assert_eq!(
        (mutex.depth(), mutex.is_locked(), mutex.waiters()),
        (0, false, 0)
    );
    assert!(matches!(
        Polled::new(mutex.lock(id(9))).poll(),
        Poll::Ready(_)
    ));
}
