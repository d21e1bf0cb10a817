//! Wakers that use the very object that wakes them, or panic: rule 2 of the wait protocol.

#[path = "hostile/rwlock.rs"]
mod rwlock;
mod support;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use async_sync::mutex::{Fifo, Policy};
use async_sync::{Mutex, RawWaitGroup, Semaphore};
use support::queued;

/// What the waker does when it is cloned, called, dropped.
struct Script {
    on_clone: Box<dyn Fn()>,
    on_wake: Box<dyn Fn()>,
    on_drop: Box<dyn Fn()>,
    wakes: AtomicUsize,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            on_clone: Box::new(|| {}),
            on_wake: Box::new(|| {}),
            on_drop: Box::new(|| {}),
            wakes: AtomicUsize::new(0),
        }
    }
}

/// A waker over a script that outlives it; single-threaded, as these tests are.
fn waker(script: &Script) -> Waker {
    fn of<'a>(data: *const ()) -> &'a Script {
        // SAFETY: made from a reference below; the tests drop all futures before their scripts.
        unsafe { &*data.cast() }
    }
    static VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            (of(data).on_clone)();
            RawWaker::new(data, &VTABLE)
        },
        |data| {
            of(data).wakes.fetch_add(1, Ordering::Relaxed);
            (of(data).on_wake)();
        },
        |data| (of(data).on_wake)(),
        |data| (of(data).on_drop)(),
    );
    // SAFETY: the functions above keep the contract for a single thread.
    unsafe { Waker::new(std::ptr::from_ref(script).cast(), &VTABLE) }
}

fn poll<F: Future>(future: &mut Pin<Box<F>>, script: &Script) -> Poll<F::Output> {
    let waker = waker(script);
    let result = future.as_mut().poll(&mut Context::from_waker(&waker));
    // The context's own waker is not the queue's business.
    std::mem::forget(waker);
    result
}

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// Locks, unlocks, queues and cancels.
fn use_mutex<P: Policy>(mutex: &Mutex<(), P>) {
    drop(mutex.try_lock());
    let mut lock = support::Polled::new(mutex.lock());
    let _ = lock.poll();
    drop(lock);
    let mut when = support::Polled::new(mutex.lock_when(|_| false));
    let _ = when.poll();
    assert!(!format!("{mutex:?}").is_empty());
}

#[test]
fn wakers_may_use_the_mutex_that_wakes_them() {
    let _time = support::VirtualTime::start();
    fn check<P: Policy>() {
        let mutex = Rc::new(Mutex::<(), P>::with_policy(()));
        let again = |mutex: &Rc<Mutex<(), P>>| -> Box<dyn Fn()> {
            let mutex = Rc::clone(mutex);
            Box::new(move || use_mutex(&mutex))
        };
        let script = Script {
            on_clone: again(&mutex),
            on_wake: again(&mutex),
            on_drop: again(&mutex),
            ..Script::default()
        };
        let other = Script {
            on_clone: again(&mutex),
            on_drop: again(&mutex),
            ..Script::default()
        };
        let guard = mutex.try_lock().unwrap();
        let mut first = Box::pin(mutex.lock());
        let mut second = Box::pin(mutex.lock());
        assert!(poll(&mut first, &script).is_pending());
        assert!(poll(&mut second, &script).is_pending());
        assert!(
            poll(&mut second, &other).is_pending(),
            "replaces, hence drops, a waker"
        );
        drop(guard);
        assert_eq!(script.wakes.load(Ordering::Relaxed), 1);
        let Poll::Ready(guard) = poll(&mut first, &script) else {
            panic!("the lock is free")
        };
        drop(guard);
        drop(second);
        assert!(mutex.try_lock().is_some());
        assert_eq!(mutex.waiters(), 0);
    }
    check::<async_sync::mutex::Adaptive>();
    check::<Fifo>();
    check::<async_sync::mutex::Barging>();
}

#[test]
fn a_waker_may_drop_the_other_waiters() {
    let _time = support::VirtualTime::start();
    static MUTEX: Mutex<(), Fifo> = Mutex::with_policy(());
    let mutex = &MUTEX;
    let guard = mutex.try_lock().unwrap();
    let others = Rc::new(RefCell::new(Vec::new()));
    let script = Script {
        on_wake: Box::new({
            let others = Rc::clone(&others);
            move || others.borrow_mut().clear()
        }),
        ..Script::default()
    };
    let mut first = Box::pin(mutex.lock());
    assert!(poll(&mut first, &script).is_pending());
    for _ in 0..3 {
        others.borrow_mut().push(queued(mutex.lock()));
    }
    drop(guard);
    assert_eq!(mutex.waiters(), 1);
    assert!(poll(&mut first, &script).is_ready());
}

#[test]
fn a_waker_may_use_the_semaphore_that_wakes_it() {
    let _time = support::VirtualTime::start();
    let semaphore = Rc::new(Semaphore::new(2));
    let again: Rc<dyn Fn()> = {
        let semaphore = Rc::clone(&semaphore);
        Rc::new(move || {
            drop(semaphore.try_acquire());
            let mut two = support::Polled::new(semaphore.acquire_many(2));
            let _ = two.poll();
            semaphore.set_limit(3);
            semaphore.set_limit(2);
        })
    };
    let run = |f: &Rc<dyn Fn()>| -> Box<dyn Fn()> {
        let f = Rc::clone(f);
        Box::new(move || f())
    };
    let script = Script {
        on_clone: run(&again),
        on_wake: run(&again),
        on_drop: run(&again),
        ..Script::default()
    };
    let both = semaphore.try_acquire_many(2).unwrap();
    let mut waiters: Vec<_> = (0..40).map(|_| Box::pin(semaphore.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll(waiter, &script).is_pending());
    }
    drop(both);
    for waiter in &mut waiters {
        // Each permit that is dropped here wakes the next, whose waker uses the semaphore.
        assert!(matches!(poll(waiter, &script), Poll::Ready(Ok(_))));
    }
    assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
    // Closing from a waker that closing calls.
    let closer = Script {
        on_wake: Box::new({
            let semaphore = Rc::clone(&semaphore);
            move || semaphore.close()
        }),
        ..Script::default()
    };
    let both = semaphore.try_acquire_many(2).unwrap();
    let mut waiters: Vec<_> = (0..40).map(|_| Box::pin(semaphore.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll(waiter, &closer).is_pending());
    }
    semaphore.close();
    assert_eq!(closer.wakes.load(Ordering::Relaxed), 40);
    drop(both);
}

#[test]
fn a_waker_may_wait_again_for_the_group_that_wakes_it() {
    let group = Rc::new(RawWaitGroup::new());
    let script = Script {
        on_wake: Box::new({
            let group = Rc::clone(&group);
            move || {
                group.add(1);
                let _new_round = queued(group.wait());
                group.done();
            }
        }),
        ..Script::default()
    };
    group.add(1);
    let mut waiters: Vec<_> = (0..40).map(|_| Box::pin(group.wait())).collect();
    for waiter in &mut waiters {
        assert!(poll(waiter, &script).is_pending());
    }
    group.done();
    assert_eq!(script.wakes.load(Ordering::Relaxed), 40);
    for waiter in &mut waiters {
        assert!(poll(waiter, &script).is_ready());
    }
}

#[test]
fn a_waker_that_panics_when_called_costs_nobody_else_a_wake_up() {
    let _time = support::VirtualTime::start();
    let semaphore = Semaphore::new(3);
    let all = semaphore.try_acquire_many(3).unwrap();
    let bad = Script {
        on_wake: Box::new(|| panic!("wake")),
        ..Script::default()
    };
    let mut first = Box::pin(semaphore.acquire());
    let mut second = Box::pin(semaphore.acquire());
    assert!(poll(&mut first, &bad).is_pending());
    assert!(poll(&mut second, &bad).is_pending());
    let mut third = queued(semaphore.acquire());
    assert!(panics(|| drop(all)), "the panic comes out of the release");
    assert_eq!(bad.wakes.load(Ordering::Relaxed), 2);
    assert!(third.woken());
    drop(third.ready().unwrap());
    assert!(matches!(poll(&mut first, &bad), Poll::Ready(Ok(_))));
    assert!(matches!(poll(&mut second, &bad), Poll::Ready(Ok(_))));
    assert_eq!((semaphore.available(), semaphore.waiters()), (3, 0));
}

#[test]
fn a_waker_that_begins_a_new_round_does_not_see_it_end() {
    let group: Rc<RawWaitGroup> = Rc::new(RawWaitGroup::new());
    let next = Rc::new(std::cell::Cell::new(None));
    let script = Script {
        on_wake: Box::new({
            let (group, next) = (Rc::clone(&group), Rc::clone(&next));
            move || {
                if group.count() == 0 {
                    group.add(1);
                    let group = Rc::clone(&group);
                    next.set(Some(queued(async move { group.wait().await })));
                }
            }
        }),
        ..Script::default()
    };
    group.add(1);
    let mut waiters: Vec<_> = (0..40).map(|_| Box::pin(group.wait())).collect();
    for waiter in &mut waiters {
        assert!(poll(waiter, &script).is_pending());
    }
    group.done();
    let mut next = next.take().expect("the first waker has set it");
    assert!(
        !next.woken(),
        "the thread that ended the first round went on with the second"
    );
    next.pending();
    group.done();
    next.ready();
    for waiter in &mut waiters {
        assert!(poll(waiter, &script).is_ready());
    }
}

/// One waker that panics, and more waiters behind it than one batch holds.
fn behind_a_panic<F: Future>(wait: impl Fn() -> F, release: impl FnOnce()) -> Vec<F::Output> {
    let bad = Script {
        on_wake: Box::new(|| panic!("wake")),
        ..Script::default()
    };
    let mut first = Box::pin(wait());
    assert!(poll(&mut first, &bad).is_pending());
    let mut waiters: Vec<_> = (0..40).map(|_| queued(wait())).collect();
    assert!(panics(release), "the panic comes out in the end");
    let outputs = waiters
        .iter_mut()
        .map(|waiter| {
            assert!(waiter.woken(), "stranded behind a waker that panics");
            waiter.ready()
        })
        .collect();
    assert!(poll(&mut first, &bad).is_ready());
    outputs
}

#[test]
fn a_panic_in_a_full_batch_strands_nobody() {
    let _time = support::VirtualTime::start();
    let group = RawWaitGroup::new();
    group.add(1);
    behind_a_panic(|| group.wait(), || group.done());

    let semaphore = Semaphore::new(41);
    let all = semaphore.try_acquire_many(41).unwrap();
    drop(behind_a_panic(|| semaphore.acquire(), || drop(all)));
    assert_eq!((semaphore.available(), semaphore.waiters()), (41, 0));

    let semaphore = Semaphore::new(1);
    let one = semaphore.try_acquire().unwrap();
    let closed = behind_a_panic(|| semaphore.acquire(), || semaphore.close());
    assert!(closed.iter().all(Result::is_err));
    drop(one);

    let mutex = Mutex::new(false);
    let change = || *mutex.try_lock().unwrap() = true;
    let wait = || async { drop(mutex.lock_when(|open| *open).await) };
    behind_a_panic(wait, change);
}

#[test]
fn a_panic_of_the_next_owners_waker_does_not_hide_a_change() {
    let _time = support::VirtualTime::start();
    let mutex = Mutex::<_, Fifo>::with_policy(false);
    let bad = Script {
        on_wake: Box::new(|| panic!("wake")),
        ..Script::default()
    };
    let mut when = queued(mutex.lock_when(|open| *open));
    let mut guard = mutex.try_lock().unwrap();
    let mut next = Box::pin(mutex.lock());
    assert!(poll(&mut next, &bad).is_pending());
    *guard = true;
    assert!(panics(|| drop(guard)));
    drop(next); // its task died of the panic
    assert!(when.woken());
    drop(when.ready());
}

#[test]
fn dropping_a_future_calls_and_drops_wakers_without_the_lock() {
    // The dropped future's own waker, and those of the many that it makes way for.
    let _time = support::VirtualTime::start();
    let semaphore = Rc::new(Semaphore::new(30));
    let one = semaphore.try_acquire().unwrap();
    let touch: Rc<dyn Fn()> = {
        let semaphore = Rc::clone(&semaphore);
        Rc::new(move || drop(semaphore.try_acquire_many(0)))
    };
    let on_drop = {
        let touch = Rc::clone(&touch);
        Script {
            on_drop: Box::new(move || touch()),
            ..Script::default()
        }
    };
    let bad = Script {
        on_wake: Box::new(|| panic!("wake")),
        ..Script::default()
    };
    let mut big = Box::pin(semaphore.acquire_many(30));
    assert!(poll(&mut big, &on_drop).is_pending());
    let mut small: Vec<_> = (0..29).map(|_| Box::pin(semaphore.acquire())).collect();
    for waiter in &mut small {
        assert!(poll(waiter, &bad).is_pending());
    }
    assert!(panics(|| drop(big)));
    for waiter in &mut small {
        assert!(poll(waiter, &bad).is_ready());
    }
    drop(one);
    assert_eq!((semaphore.available(), semaphore.waiters()), (30, 0));
}

#[test]
fn a_waker_that_panics_while_the_thread_panics_does_not_abort() {
    let mutex = Mutex::new(());
    let bad = Script {
        on_wake: Box::new(|| panic!("wake")),
        ..Script::default()
    };
    let mut waiter = Box::pin(mutex.lock());
    let panicked = panics(|| {
        let _guard = mutex.try_lock().unwrap();
        assert!(poll(&mut waiter, &bad).is_pending());
        panic!("first");
    });
    assert!(panicked);
    assert!(poll(&mut waiter, &bad).is_ready());
}

#[test]
fn a_panicking_waker_of_another_costs_the_poll_nothing_it_had() {
    let _time = support::VirtualTime::start();
    // Polling this future passes permits on to a waiter whose waker panics: the permit that the
    // poll had just acquired must not be lost with the panic.
    let semaphore = Semaphore::new(3);
    let all = semaphore.try_acquire_many(3).unwrap();
    let bad = Script {
        on_wake: Box::new(|| panic!("wake")),
        ..Script::default()
    };
    let task = support::Task::new();
    let mut parked = support::Polled::of(&task, semaphore.acquire_many(3));
    parked.pending();
    let mut victim = Box::pin(semaphore.acquire());
    assert!(poll(&mut victim, &bad).is_pending());
    drop(all); // granted to `parked`, which is not polled
    for polled_again in [true, false] {
        let mut taker = support::Polled::of(&task, semaphore.acquire());
        if polled_again {
            taker.pending(); // two looks at the grant of its task
            taker.pending();
            assert!(panics(|| drop(taker.poll())));
            drop(taker.ready().unwrap());
            drop(poll(&mut victim, &bad));
            drop(parked.ready().unwrap());
        } else {
            let all = semaphore.try_acquire_many(3).unwrap();
            parked = support::Polled::of(&task, semaphore.acquire_many(3));
            parked.pending();
            victim = Box::pin(semaphore.acquire());
            assert!(poll(&mut victim, &bad).is_pending());
            drop(all);
            taker.pending();
            taker.pending();
            assert!(panics(|| drop(taker.poll())));
            drop(taker); // gives back what it had acquired
            drop(poll(&mut victim, &bad));
            parked.pending_or_ready();
        }
    }
    drop((parked, victim));
    assert_eq!((semaphore.available(), semaphore.waiters()), (3, 0));
}

#[test]
fn a_waker_that_panics_when_cloned_or_dropped_leaves_all_as_it_was() {
    let _time = support::VirtualTime::start();
    let mutex = Mutex::<_, Fifo>::with_policy(());
    let guard = mutex.try_lock().unwrap();
    let on_clone = Script {
        on_clone: Box::new(|| panic!("clone")),
        ..Script::default()
    };
    let on_drop = Script {
        on_drop: Box::new(|| panic!("drop")),
        ..Script::default()
    };
    let mut first = Box::pin(mutex.lock());
    assert!(panics(|| drop(poll(&mut first, &on_clone))));
    assert_eq!(mutex.waiters(), 0);
    assert!(poll(&mut first, &on_drop).is_pending());
    let mut second = queued(mutex.lock());
    assert!(
        panics(|| drop(poll(&mut first, &on_clone))),
        "a clone to replace the waker"
    );
    assert_eq!(mutex.waiters(), 2);
    assert!(
        panics(|| drop(first)),
        "the queue's waker is dropped with the future"
    );
    drop(guard);
    drop(second.ready());
    assert!(mutex.try_lock().is_some());
    assert_eq!(mutex.waiters(), 0);
}

/// The lock comes free between the first attempt and the queue, so that the clone of the waker is not
/// needed after all; dropping it panics.
#[test]
fn a_panicking_drop_of_a_waker_that_was_not_needed_gives_the_lock_back() {
    let _time = support::VirtualTime::start();
    static MUTEX: Mutex<(), Fifo> = Mutex::with_policy(());
    static SEMAPHORE: Semaphore = Semaphore::new(1);
    /// Gives `held` back when it is cloned, panics when that clone is dropped.
    fn script<T: 'static>(held: T) -> Script {
        let held = RefCell::new(Some(held));
        let calm = Cell::new(false);
        Script {
            on_clone: Box::new(move || drop(held.borrow_mut().take())),
            on_drop: Box::new(move || assert!(calm.replace(true), "dropped")),
            ..Script::default()
        }
    }

    let hostile = script(MUTEX.try_lock().unwrap());
    let mut lock = Box::pin(MUTEX.lock());
    assert!(panics(|| drop(poll(&mut lock, &hostile))));
    assert!(MUTEX.is_locked(), "the future has it");
    drop(lock);
    assert!(MUTEX.try_lock().is_some(), "and gave it back");

    let hostile = script(SEMAPHORE.try_acquire().unwrap());
    let mut acquire = Box::pin(SEMAPHORE.acquire());
    assert!(panics(|| drop(poll(&mut acquire, &hostile))));
    let Poll::Ready(Ok(permit)) = poll(&mut acquire, &Script::default()) else {
        panic!("a future that is polled again returns what it holds")
    };
    assert_eq!(SEMAPHORE.available(), 0);
    drop(permit);
    assert_eq!(SEMAPHORE.available(), 1);
}

#[test]
fn futures_may_be_forgotten_once_they_have_a_place_of_their_own() {
    // A leaked box is never moved or freed, so its node stays valid; its baton is revoked.
    let mut time = support::VirtualTime::start();
    static MUTEX: Mutex<(), Fifo> = Mutex::with_policy(());
    let mutex = &MUTEX;
    let guard = mutex.try_lock().unwrap();
    let forgotten = Box::into_raw(unpinned(queued(mutex.lock()).future));
    let mut next = queued(mutex.lock());
    drop(guard);
    assert!(!next.woken());
    time.advance_us(1100);
    assert!(mutex.try_lock().is_none());
    assert!(
        next.woken(),
        "try_lock revoked the baton of the forgotten future"
    );
    drop(next.ready());
    assert!(mutex.try_lock().is_some());
    // SAFETY: from `into_raw` above. For the leak checker only; it never moved.
    drop(unsafe { Box::from_raw(forgotten) });
}

fn unpinned<F>(future: Pin<Box<F>>) -> Box<F> {
    // SAFETY: the caller does not move the future out of its box.
    unsafe { Pin::into_inner_unchecked(future) }
}

#[test]
fn who_leaves_the_queue_drops_its_waker_without_the_lock() {
    let _time = support::VirtualTime::start();
    let semaphore = Rc::new(Semaphore::new(1));
    let script = Script {
        on_drop: Box::new({
            let semaphore = Rc::clone(&semaphore);
            move || semaphore.set_limit(1) // locks the queue
        }),
        ..Script::default()
    };
    let permit = semaphore.try_acquire().unwrap();
    let mut parked = Box::pin(semaphore.acquire());
    let mut taker = Box::pin(semaphore.acquire());
    assert!(poll(&mut parked, &script).is_pending());
    assert!(poll(&mut taker, &script).is_pending());
    drop(permit); // granted to `parked`, which is not polled
    assert!(poll(&mut taker, &script).is_pending());
    assert!(poll(&mut taker, &script).is_pending());
    assert!(matches!(poll(&mut taker, &script), Poll::Ready(Ok(_))));
    drop(parked);
    assert_eq!((semaphore.available(), semaphore.waiters()), (1, 0));
    // The same for one that gives up while it only waits.
    let permit = semaphore.try_acquire().unwrap();
    let mut leaver = Box::pin(semaphore.acquire());
    assert!(poll(&mut leaver, &script).is_pending());
    drop((leaver, permit));
    assert_eq!((semaphore.available(), semaphore.waiters()), (1, 0));
}
