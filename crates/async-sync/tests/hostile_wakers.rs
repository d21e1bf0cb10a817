//! Wakers that use the very object that wakes them, or panic: rule 2 of the wait protocol.

#[path = "hostile/broadcast.rs"]
mod broadcast;
#[path = "hostile/channel.rs"]
mod channel;
#[cfg(feature = "context")]
#[path = "hostile/context.rs"]
mod context;
#[path = "hostile/oneshot.rs"]
mod oneshot;
#[path = "hostile/rwlock.rs"]
mod rwlock;
#[path = "hostile/select.rs"]
mod select;
mod support;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use async_sync::mutex::{Fifo, Policy};
use async_sync::{
    AutoEvent, Barrier, Cond, Event, Latch, Mutex, Notify, Once, OnceCell, OwnerId,
    RawReentrantMutex, RawWaitGroup, Semaphore, lock_all, lock_all_backing_off, try_lock_all,
};
use support::queued;

/// More waiters than one batch of wake-ups holds.
const CROWD: usize = if cfg!(miri) { 18 } else { 40 };

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

/// Panics when it is called.
fn panicking() -> Script {
    Script {
        on_wake: Box::new(boom),
        ..Script::default()
    }
}

/// Panics when it is cloned.
fn panicking_clone() -> Script {
    Script {
        on_clone: Box::new(boom),
        ..Script::default()
    }
}

/// Panics when it is dropped.
fn panicking_drop() -> Script {
    Script {
        on_drop: Box::new(boom),
        ..Script::default()
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

/// With a waker that does nothing, for futures that outlive the statement: a script of it would not.
fn poll_quietly<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// Panics with nothing: what a panic behind the first one carries is leaked, and miri would count it.
fn boom() {
    std::panic::resume_unwind(Box::new(()));
}

fn panics<R>(f: impl FnOnce() -> R) -> bool {
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
    let mut waiters: Vec<_> = (0..CROWD).map(|_| Box::pin(semaphore.acquire())).collect();
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
    let mut waiters: Vec<_> = (0..CROWD).map(|_| Box::pin(semaphore.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll(waiter, &closer).is_pending());
    }
    semaphore.close();
    assert_eq!(closer.wakes.load(Ordering::Relaxed), CROWD);
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
    let mut waiters: Vec<_> = (0..CROWD).map(|_| Box::pin(group.wait())).collect();
    for waiter in &mut waiters {
        assert!(poll(waiter, &script).is_pending());
    }
    group.done();
    assert_eq!(script.wakes.load(Ordering::Relaxed), CROWD);
    for waiter in &mut waiters {
        assert!(poll(waiter, &script).is_ready());
    }
}

#[test]
fn a_waker_that_panics_when_called_costs_nobody_else_a_wake_up() {
    let _time = support::VirtualTime::start();
    let semaphore = Semaphore::new(3);
    let all = semaphore.try_acquire_many(3).unwrap();
    let bad = panicking();
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
    let mut waiters: Vec<_> = (0..CROWD).map(|_| Box::pin(group.wait())).collect();
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

/// One waker that panics, and a crowd behind it.
fn behind_a_panic<F: Future>(wait: impl Fn() -> F, release: impl FnOnce()) -> Vec<F::Output> {
    let bad = panicking();
    let mut first = Box::pin(wait());
    assert!(poll(&mut first, &bad).is_pending());
    let mut waiters: Vec<_> = (0..CROWD).map(|_| queued(wait())).collect();
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

    let semaphore = Semaphore::new(CROWD + 1);
    let all = semaphore.try_acquire_many(CROWD + 1).unwrap();
    drop(behind_a_panic(|| semaphore.acquire(), || drop(all)));
    assert_eq!((semaphore.available(), semaphore.waiters()), (CROWD + 1, 0));

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
    let bad = panicking();
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
    let bad = panicking();
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
    let bad = panicking();
    let mut waiter = Box::pin(mutex.lock());
    let panicked = panics(|| {
        let _guard = mutex.try_lock().unwrap();
        assert!(poll(&mut waiter, &bad).is_pending());
        panic!("first");
    });
    assert!(panicked);
    assert!(poll(&mut waiter, &bad).is_ready());
}

/// What a panic carries is foreign, too: it may panic when it is dropped.
#[test]
fn a_panic_that_panics_again_costs_nobody_a_wake_up() {
    struct First;
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("dropped"));
        }
    }
    let (first, bomb, last) = (
        Script {
            on_wake: Box::new(|| std::panic::resume_unwind(Box::new(First))),
            ..Script::default()
        },
        Script {
            on_wake: Box::new(|| std::panic::resume_unwind(Box::new(Bomb))),
            ..Script::default()
        },
        Script::default(),
    );
    for while_panicking in [false, true] {
        let event = Event::new();
        let mut waits: Vec<_> = (0..40).map(|_| Box::pin(event.wait())).collect();
        for (n, wait) in waits.iter_mut().enumerate() {
            let script = [&first, &bomb, &last][n % 3];
            assert!(poll(wait, script).is_pending());
        }
        let before = last.wakes.load(Ordering::Relaxed);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            struct SetOnDrop<'a>(&'a Event);
            impl Drop for SetOnDrop<'_> {
                fn drop(&mut self) {
                    self.0.set();
                }
            }
            let _set = SetOnDrop(&event);
            if while_panicking {
                std::panic::resume_unwind(Box::new("unwinding"));
            }
        }));
        let payload = panicked.unwrap_err();
        assert_eq!(payload.is::<First>(), !while_panicking);
        assert_eq!(payload.is::<&str>(), while_panicking, "unwinding");
        assert_eq!(last.wakes.load(Ordering::Relaxed) - before, 13);
        assert!(waits.iter_mut().all(|wait| poll(wait, &last).is_ready()));
    }
}

#[test]
fn a_panicking_waker_of_another_costs_the_poll_nothing_it_had() {
    let _time = support::VirtualTime::start();
    // Polling this future passes permits on to a waiter whose waker panics: the permit that the
    // poll had just acquired must not be lost with the panic.
    let semaphore = Semaphore::new(3);
    let all = semaphore.try_acquire_many(3).unwrap();
    let bad = panicking();
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
    let on_clone = panicking_clone();
    let on_drop = panicking_drop();
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
    let Poll::Ready(Ok(permit)) = poll_quietly(&mut acquire) else {
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

/// Wakers of all kinds, at all the places where a reentrant mutex calls, clones and drops them.
#[test]
fn wakers_may_use_the_reentrant_mutex_that_wakes_them() {
    let _time = support::VirtualTime::start();
    let (one, two, three) = (OwnerId::new(), OwnerId::new(), OwnerId::new());
    let mutex = Rc::new(RawReentrantMutex::<Fifo>::new());
    let again = || -> Box<dyn Fn()> {
        let mutex = Rc::clone(&mutex);
        Box::new(move || {
            for owner in [one, two, three] {
                if mutex.try_lock(owner) {
                    mutex.unlock(owner);
                }
                let mut lock = support::Polled::new(mutex.lock(owner));
                if lock.poll().is_ready() {
                    mutex.unlock(owner);
                }
            }
            assert!(!format!("{mutex:?}").is_empty());
        })
    };
    let script = Script {
        on_clone: again(),
        on_wake: again(),
        on_drop: again(),
        ..Script::default()
    };
    assert!(mutex.try_lock(one));
    let mut first = Box::pin(mutex.lock(two));
    let mut kin = Box::pin(mutex.lock(two));
    let mut gone = Box::pin(mutex.lock(two));
    let mut last = Box::pin(mutex.lock(three));
    assert!(poll(&mut first, &script).is_pending());
    assert!(poll(&mut kin, &script).is_pending());
    assert!(poll(&mut gone, &script).is_pending());
    assert!(poll(&mut last, &script).is_pending());
    drop(gone);
    mutex.unlock(one);
    assert!(poll(&mut first, &script).is_ready());
    assert!(poll(&mut kin, &script).is_ready());
    assert_eq!(mutex.depth(), 2);
    mutex.unlock(two);
    mutex.unlock(two);
    assert!(poll(&mut last, &script).is_ready());
    mutex.unlock(three);
    assert_eq!((mutex.is_locked(), mutex.waiters()), (false, 0));
}

/// The one who gets the lock calls its kin, and one of their wakers panics.
#[test]
fn a_panicking_waker_of_kin_costs_nobody_anything() {
    let _time = support::VirtualTime::start();
    let (one, two, three) = (OwnerId::new(), OwnerId::new(), OwnerId::new());
    for dropped in [false, true] {
        let mutex = RawReentrantMutex::<Fifo>::new();
        let bad = panicking();
        assert!(mutex.try_lock(one));
        let mut first = queued(mutex.lock(two));
        let mut kin = Box::pin(mutex.lock(two));
        assert!(poll(&mut kin, &bad).is_pending());
        let mut more: Vec<_> = (0..CROWD).map(|_| queued(mutex.lock(two))).collect();
        let mut other = queued(mutex.lock(three));
        mutex.unlock(one);
        assert!(panics(|| first.pending_or_ready()));
        if dropped {
            // It was inside, and leaves; the next in the queue, with that waker, is handed the lock.
            assert!(panics(|| drop(first)));
        } else {
            first.ready();
        }
        for waiter in &mut more {
            assert!(waiter.woken(), "stranded behind a waker that panics");
        }
        // `kin` is the next in the queue.
        let enters = panics(|| assert!(poll(&mut kin, &bad).is_ready()));
        assert!(!enters);
        for waiter in &mut more {
            waiter.ready();
        }
        let depth = CROWD + 1 + usize::from(!dropped);
        assert_eq!(mutex.depth(), depth);
        for _ in 0..depth {
            other.pending();
            mutex.unlock(two);
        }
        other.ready();
        assert_eq!((mutex.depth(), mutex.waiters()), (1, 0));
    }
}

/// The future of a reentrant lock whose waker panics when it is cloned has no place that would keep
/// anybody up, and one whose waker panics when it is dropped keeps what it got.
#[test]
fn a_waker_that_panics_when_cloned_or_dropped_leaves_a_reentrant_mutex_as_it_was() {
    let _time = support::VirtualTime::start();
    let (one, two) = (OwnerId::new(), OwnerId::new());
    for panics_at in 1..=2 {
        let mutex = RawReentrantMutex::<Fifo>::new();
        let count = Rc::new(Cell::new(0));
        let fatal = Rc::clone(&count);
        let bad = Script {
            on_clone: Box::new(move || {
                fatal.set(fatal.get() + 1);
                assert_ne!(fatal.get(), panics_at, "clone");
            }),
            ..Script::default()
        };
        assert!(mutex.try_lock(one));
        let mut lock = Box::pin(mutex.lock(two));
        assert!(panics(|| assert!(poll(&mut lock, &bad).is_pending())));
        assert!(
            poll(&mut lock, &bad).is_pending(),
            "polled again, it queues"
        );
        let mut kin = queued(mutex.lock(two));
        mutex.unlock(one);
        assert!(poll(&mut lock, &bad).is_ready());
        assert!(kin.woken());
        kin.ready();
        mutex.unlock(two);
        mutex.unlock(two);
        assert!(!mutex.is_locked());
    }
    let mutex = RawReentrantMutex::<Fifo>::new();
    let armed = Rc::new(Cell::new(false));
    let fuse = Rc::clone(&armed);
    let bad = Script {
        on_drop: Box::new(move || assert!(!fuse.replace(false), "drop")),
        ..Script::default()
    };
    assert!(mutex.try_lock(one));
    let mut first = queued(mutex.lock(two));
    let mut kin = Box::pin(mutex.lock(two));
    assert!(poll(&mut kin, &bad).is_pending());
    mutex.unlock(one);
    first.ready();
    armed.set(true);
    assert!(panics(|| assert!(poll(&mut kin, &bad).is_ready())));
    assert_eq!(mutex.depth(), 2, "it is inside");
    drop(kin);
    assert_eq!(mutex.depth(), 1, "and was dropped without having said so");
    mutex.unlock(two);
    assert!(!mutex.is_locked());
}

/// A set of locks is given up while others wait for each of them, with wakers that use all of them.
#[test]
fn wakers_may_use_the_locks_of_a_set_that_is_dropped() {
    let _time = support::VirtualTime::start();
    let locks: Rc<[Mutex<(), Fifo>; 3]> = Rc::new([const { Mutex::with_policy(()) }; 3]);
    let again = |panic: bool| -> Box<dyn Fn()> {
        let locks = Rc::clone(&locks);
        Box::new(move || {
            drop(try_lock_all(&*locks));
            for lock in &*locks {
                use_mutex(lock);
            }
            support::Polled::new(lock_all(&*locks)).pending_or_ready();
            if panic {
                boom();
            }
        })
    };
    for panic in [false, true] {
        let script = Script {
            on_clone: again(false),
            on_wake: again(panic),
            on_drop: again(false),
            ..Script::default()
        };
        let busy = locks[2].try_lock().unwrap();
        let mut all = Box::pin(lock_all(&*locks));
        assert!(poll(&mut all, &script).is_pending());
        let mut waiters: Vec<_> = locks.iter().map(|lock| Box::pin(lock.lock())).collect();
        for waiter in &mut waiters {
            assert!(poll(waiter, &script).is_pending());
        }
        assert_eq!(panics(|| drop(all)), panic);
        assert_eq!(panics(|| drop(busy)), panic);
        for waiter in &mut waiters {
            assert!(poll(waiter, &script).is_ready(), "stranded");
        }
        drop(waiters);
        assert!(try_lock_all(&*locks).is_some());
    }
}

/// Backing off wakes somebody whose waker panics: nothing is held after that, and the future goes on.
#[test]
fn a_panicking_waker_does_not_leave_locks_with_one_that_backs_off() {
    let _time = support::VirtualTime::start();
    let locks = [const { Mutex::<(), Fifo>::with_policy(()) }; 4];
    let [a, b, c, d] = &locks;
    // They are given up by address, the last first: the waker panics after the others, and before them.
    for [handed, second, third] in [[a, b, c], [c, a, b]] {
        let bad = panicking();
        let (first, busy) = (handed.try_lock().unwrap(), d.try_lock().unwrap());
        let mut all = queued(lock_all_backing_off([handed, second, third, d]));
        let mut behind = Box::pin(handed.lock());
        assert!(poll(&mut behind, &bad).is_pending());
        drop(first);
        // It has one now, takes two more, finds `d` busy, and gives the one to who is behind.
        assert!(panics(|| all.pending_or_ready()));
        assert!(!second.is_locked() && !third.is_locked());
        drop(poll(&mut behind, &bad));
        assert!(!handed.is_locked());
        all.pending();
        assert_eq!(d.waiters(), 1);
        drop(busy);
        assert!(all.woken());
        drop(all.ready());
        assert!(try_lock_all(&locks).is_some());
    }
}

/// Looks, tries to set, queues and cancels.
fn use_cell(cell: &OnceCell<u8>) {
    let _ = cell.set(99);
    let mut get = support::Polled::new(cell.get_or_try_init(|| std::future::ready(Err(()))));
    let _ = get.poll();
    let mut wait = support::Polled::new(cell.wait());
    let _ = wait.poll();
    drop((get, wait));
    assert!(!format!("{cell:?}").is_empty());
}

#[test]
fn wakers_may_use_the_cell_that_wakes_them() {
    let _time = support::VirtualTime::start();
    let cell = Rc::new(OnceCell::new());
    let again = || -> Box<dyn Fn()> {
        let cell = Rc::clone(&cell);
        Box::new(move || use_cell(&cell))
    };
    let script = Script {
        on_clone: again(),
        on_wake: again(),
        on_drop: again(),
        ..Script::default()
    };
    let mut run = queued(cell.get_or_init(std::future::pending));
    let mut line: Vec<_> = (0..20)
        .map(|n| Box::pin(cell.get_or_init(move || std::future::ready(n))))
        .collect();
    let mut watchers: Vec<_> = (0..CROWD).map(|_| Box::pin(cell.wait())).collect();
    for waiter in &mut line {
        assert!(poll(waiter, &script).is_pending());
    }
    for watcher in &mut watchers {
        assert!(poll(watcher, &script).is_pending());
        assert!(poll_quietly(watcher).is_pending(), "drops a waker");
        assert!(poll(watcher, &script).is_pending());
    }
    run.pending();
    drop(run);
    assert_eq!(script.wakes.load(Ordering::Relaxed), 1, "the first in line");
    let leaver = line.remove(0);
    drop(leaver);
    assert_eq!(script.wakes.load(Ordering::Relaxed), 2, "and the next");
    let first = poll(&mut line[0], &script);
    assert!(matches!(first, Poll::Ready(&1)), "{first:?}");
    assert_eq!(script.wakes.load(Ordering::Relaxed), 2 + 18 + CROWD);
    for waiter in &mut line[1..] {
        assert!(matches!(poll(waiter, &script), Poll::Ready(&1)));
    }
    for watcher in &mut watchers {
        assert!(matches!(poll(watcher, &script), Poll::Ready(&1)));
    }
    assert_eq!(cell.waiters(), 0);
}

/// The first waker of the line resets the act and begins again: those behind it are told of their own
/// round, and whoever queues for the new one is not.
#[test]
fn a_waker_may_reset_what_wakes_it() {
    let once: Rc<Once> = Rc::new(Once::new());
    let next = Rc::new(RefCell::new(Vec::new()));
    let script = Script {
        on_wake: Box::new({
            let (once, next) = (Rc::clone(&once), Rc::clone(&next));
            move || {
                if once.reset().is_ok() {
                    for _ in 0..2 {
                        let (call, wait) = (Rc::clone(&once), Rc::clone(&once));
                        let call = async move { call.call_once(std::future::pending).await };
                        let wait = async move { wait.wait().await };
                        let call: Pin<Box<dyn Future<Output = ()>>> = Box::pin(call);
                        next.borrow_mut().push(queued(call));
                        next.borrow_mut().push(queued(Box::pin(wait)));
                    }
                }
            }
        }),
        ..Script::default()
    };
    let mut polls = 0;
    let mut run = queued(once.call_once(|| {
        std::future::poll_fn(move |_| {
            polls += 1;
            if polls == 1 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
    }));
    let mut line: Vec<_> = (0..CROWD)
        .map(|_| Box::pin(once.call_once(|| std::future::ready(()))))
        .collect();
    let mut watchers: Vec<_> = (0..CROWD).map(|_| Box::pin(once.wait())).collect();
    for waiter in &mut line {
        assert!(poll(waiter, &script).is_pending());
    }
    for watcher in &mut watchers {
        assert!(poll(watcher, &script).is_pending());
    }
    run.ready();
    assert_eq!(script.wakes.load(Ordering::Relaxed), 2 * CROWD);
    for waiter in &mut line {
        assert!(poll(waiter, &script).is_ready());
    }
    for watcher in &mut watchers {
        assert!(poll(watcher, &script).is_ready());
    }
    assert_eq!((next.borrow().len(), once.waiters()), (4, 3));
    for waiter in next.borrow_mut().iter_mut() {
        assert!(!waiter.woken());
        waiter.pending();
    }
}

#[test]
fn a_panicking_waker_strands_nobody_at_a_cell() {
    let _time = support::VirtualTime::start();
    let cell = OnceCell::new();
    behind_a_panic(|| cell.wait(), || assert!(cell.set(1).is_ok()));

    let cell = OnceCell::new();
    let open = Cell::new(false);
    let mut polls = 0;
    let mut run = queued(cell.get_or_init(|| {
        std::future::poll_fn(move |_| {
            polls += 1;
            if polls == 1 {
                Poll::Pending
            } else {
                Poll::Ready(5)
            }
        })
    }));
    let mut watchers: Vec<_> = (0..CROWD).map(|_| queued(cell.wait())).collect();
    let wait = || cell.get_or_init(async || -> u8 { panic!("somebody else runs") });
    behind_a_panic(wait, || {
        open.set(true);
        run.pending_or_ready();
    });
    for watcher in &mut watchers {
        assert!(watcher.woken(), "a waker of the line cost it the news");
        assert_eq!(watcher.ready(), &5);
    }
    assert!(panics(|| run.pending_or_ready()), "it is over");

    // The waker of the one that is told to begin: the error is lost in the panic, the turn is not.
    let cell = OnceCell::new();
    let mut polls = 0;
    let mut fails = queued(cell.get_or_try_init(|| {
        std::future::poll_fn(move |_| {
            polls += 1;
            if polls == 1 {
                Poll::Pending
            } else {
                Poll::Ready(Err(()))
            }
        })
    }));
    let bad = panicking();
    let mut next = Box::pin(cell.get_or_init(|| std::future::ready(6)));
    assert!(poll(&mut next, &bad).is_pending());
    assert!(panics(|| fails.poll()));
    assert!(matches!(poll(&mut next, &bad), Poll::Ready(&6)));
}

#[test]
fn a_waker_that_panics_when_cloned_or_dropped_leaves_the_cell_as_it_was() {
    let cell = OnceCell::new();
    let run = queued(cell.get_or_init(std::future::pending));
    let on_clone = panicking_clone();
    let mut next = Box::pin(cell.get_or_init(|| std::future::ready(1)));
    let mut wait = Box::pin(cell.wait());
    assert!(panics(|| poll(&mut next, &on_clone)));
    assert!(panics(|| poll(&mut wait, &on_clone)));
    assert_eq!(cell.waiters(), 0);
    assert!(poll_quietly(&mut wait).is_pending());
    drop(run);
    assert!(
        matches!(poll(&mut next, &on_clone), Poll::Ready(&1)),
        "needs no waker"
    );
    assert!(matches!(poll(&mut wait, &on_clone), Poll::Ready(&1)));

    // The right comes free between the first attempt and the queue, so the clone is not needed after
    // all; dropping it panics. The future has the right and has not begun.
    for polled_again in [true, false] {
        static CELL: OnceCell<u8> = OnceCell::new();
        let held = RefCell::new(Some(queued(CELL.get_or_init(std::future::pending))));
        let calm = Cell::new(false);
        let hostile = Script {
            on_clone: Box::new(move || drop(held.borrow_mut().take())),
            on_drop: Box::new(move || assert!(calm.replace(true), "dropped")),
            ..Script::default()
        };
        let mut get = Box::pin(CELL.get_or_try_init(|| std::future::ready(Err(7))));
        assert!(panics(|| poll(&mut get, &hostile)));
        let refused = CELL.set(1).unwrap_err();
        assert!(refused.is_in_progress(), "the future has the right");
        if polled_again {
            assert!(matches!(poll_quietly(&mut get), Poll::Ready(Err(7))));
        }
        drop(get);
        assert!(
            format!("{CELL:?}").contains("<not set>"),
            "it was given back"
        );
    }
}

/// The released ones behind a panic, of everything that releases many.
#[test]
fn a_panic_among_the_released_strands_nobody() {
    let _time = support::VirtualTime::start();
    let latch = Latch::new(1);
    behind_a_panic(|| latch.wait(), || latch.count_down());
    let event = Event::new();
    behind_a_panic(|| event.wait(), || event.set());
    let auto = AutoEvent::new();
    behind_a_panic(|| auto.wait(), || auto.notify_all());
    let notify = Notify::new();
    behind_a_panic(|| notify.listen(), || notify.notify_all());
    behind_a_panic(|| notify.listen(), || _ = notify.notify(CROWD + 1));
    assert_eq!((auto.waiters(), notify.waiters()), (0, 0));

    // All those wait; the last to arrive, who is told of the panic, is one more.
    let barrier = Barrier::new(CROWD + 2);
    let arrive = || _ = poll_quietly(&mut Box::pin(barrier.wait()));
    let met = behind_a_panic(|| barrier.wait(), arrive);
    assert!(met.iter().all(Result::is_ok) && !barrier.is_broken());
    let broken = behind_a_panic(|| barrier.wait(), || barrier.reset());
    assert!(broken.iter().all(Result::is_err) && !barrier.is_broken());
    let barrier = &Barrier::new(CROWD + 3);
    let leaver = queued(barrier.wait());
    let broken = behind_a_panic(|| barrier.wait(), move || drop(leaver));
    assert!(broken.iter().all(Result::is_err) && barrier.is_broken());
}

/// Wakers that use what wakes them, in all ways that there are.
#[test]
fn wakers_may_use_the_barrier_and_the_events_that_wake_them() {
    let _time = support::VirtualTime::start();
    let all = Rc::new((
        Barrier::new(3),
        Event::new(),
        AutoEvent::new(),
        Notify::new(),
        Latch::new(1),
    ));
    let touch: Rc<dyn Fn()> = {
        let all = Rc::clone(&all);
        Rc::new(move || {
            let (barrier, event, auto, notify, latch) = &*all;
            if barrier.waiting() == 0 {
                drop(queued(barrier.wait())); // which breaks it
                barrier.reset();
            }
            event.reset();
            drop(queued(event.wait()));
            let _ = support::Polled::new(auto.wait()).poll();
            notify.notify_one();
            drop(queued(notify.listen()));
            latch.count_down_many(0);
            let _ = support::Polled::new(latch.wait()).poll();
            assert!(!format!("{all:?}").is_empty());
        })
    };
    let again = || -> Box<dyn Fn()> {
        let touch = Rc::clone(&touch);
        Box::new(move || touch())
    };
    let script = Script {
        on_clone: again(),
        on_wake: again(),
        on_drop: again(),
        ..Script::default()
    };
    let (barrier, event, auto, notify, latch) = &*all;
    let mut meets = [Box::pin(barrier.wait()), Box::pin(barrier.wait())];
    let mut waits = [Box::pin(event.wait()), Box::pin(event.wait())];
    let mut autos = [Box::pin(auto.wait()), Box::pin(auto.wait())];
    let mut listens = [Box::pin(notify.listen()), Box::pin(notify.listen())];
    let mut opens = [Box::pin(latch.wait()), Box::pin(latch.wait())];
    for i in 0..2 {
        assert!(poll(&mut meets[i], &script).is_pending());
        assert!(poll(&mut waits[i], &script).is_pending());
        assert!(poll(&mut autos[i], &script).is_pending());
        let _ = poll(&mut listens[i], &script);
        assert!(poll(&mut opens[i], &script).is_pending());
    }
    assert!(support::Polled::new(barrier.wait()).ready().is_ok());
    event.set();
    auto.set();
    auto.set();
    notify.notify_all();
    latch.count_down();
    for meet in &mut meets {
        assert!(matches!(poll(meet, &script), Poll::Ready(Ok(_))));
    }
    for wait in &mut waits {
        assert!(poll(wait, &script).is_ready());
    }
    for open in &mut opens {
        assert!(poll(open, &script).is_ready());
    }
    drop((autos, listens));
    assert_eq!((auto.waiters(), notify.waiters()), (0, 0));
    assert_eq!((event.waiters(), latch.waiters()), (0, 0));
}

/// More than one batch of wakers: one in the first begins the next generation, the last one ends it.
#[test]
fn wakers_may_go_on_to_the_next_generation() {
    let barrier = Rc::new(Barrier::new(20));
    let next = Rc::new(RefCell::new(Vec::new()));
    let script = Script {
        on_wake: Box::new({
            let (barrier, next) = (Rc::clone(&barrier), Rc::clone(&next));
            move || {
                let barrier = Rc::clone(&barrier);
                let mut met = support::Polled::new(async move { barrier.wait().await });
                let _ = met.poll();
                next.borrow_mut().push(met);
            }
        }),
        ..Script::default()
    };
    let mut waits: Vec<_> = (0..19).map(|_| Box::pin(barrier.wait())).collect();
    for wait in &mut waits {
        assert!(poll(wait, &script).is_pending());
    }
    let last = support::Polled::new(barrier.wait()).ready().unwrap();
    assert_eq!(last.generation(), 0);
    assert_eq!((barrier.generation(), barrier.waiting()), (1, 19));
    for wait in &mut waits {
        let Poll::Ready(Ok(met)) = poll(wait, &script) else {
            panic!("its generation is complete")
        };
        assert_eq!(met.generation(), 0);
    }
    assert!(support::Polled::new(barrier.wait()).ready().is_ok());
    for mut met in next.take() {
        assert_eq!(met.ready().unwrap().generation(), 1);
    }
}

/// Wakers of a broken generation that are called before all of it have been told: those who are
/// polled then do not take the reset for success.
#[test]
fn a_broken_generation_stays_broken_while_it_is_being_told() {
    type Met = support::Polled<async_sync::barrier::Wait<'static>>;
    static BARRIER: Barrier = Barrier::new(50);
    let last: Rc<RefCell<Option<Met>>> = Rc::default();
    let script = Script {
        on_wake: Box::new({
            let last = Rc::clone(&last);
            move || {
                BARRIER.reset();
                let met = last.borrow_mut().take();
                assert!(met.expect("called once").ready().is_err(), "not met");
            }
        }),
        ..Script::default()
    };
    let mut first = Box::pin(BARRIER.wait());
    assert!(poll(&mut first, &script).is_pending());
    let mut others: Vec<_> = (0..30).map(|_| queued(BARRIER.wait())).collect();
    *last.borrow_mut() = Some(queued(BARRIER.wait()));
    BARRIER.reset();
    assert!(last.borrow().is_none());
    assert!(matches!(poll(&mut first, &script), Poll::Ready(Err(_))));
    for other in &mut others {
        assert!(other.woken());
        assert!(other.ready().is_err());
    }
    assert_eq!((BARRIER.generation(), BARRIER.waiting()), (1, 0));
}

#[test]
fn wakers_that_panic_when_cloned_or_dropped_leave_barriers_and_events_as_they_were() {
    let _time = support::VirtualTime::start();
    let on_clone = panicking_clone();
    // Once: the test's own waker is dropped, too, when a poll panics.
    let once = || -> Box<dyn Fn()> {
        let dropped = Cell::new(false);
        Box::new(move || assert!(dropped.replace(true), "drop"))
    };
    let drops = || Script {
        on_drop: once(),
        ..Script::default()
    };
    let scripts: [Script; 5] = std::array::from_fn(|_| drops());
    let [on_drop, scripts @ ..] = &scripts;
    let mut scripts = scripts.iter();
    let barrier = Barrier::new(2);
    let mut wait = Box::pin(barrier.wait());
    assert!(panics(|| _ = poll(&mut wait, &on_clone)));
    assert_eq!((barrier.waiting(), barrier.is_broken()), (0, false));
    assert!(poll(&mut wait, on_drop).is_pending());
    assert!(panics(|| drop(wait)));
    assert!(barrier.is_broken(), "it had arrived");
    barrier.reset();
    // The last to arrive needs no waker after all; dropping its clone panics. Polled again, it says
    // that all have met; dropped, it changes nothing.
    for polled_again in [true, false] {
        let mut first = queued(barrier.wait());
        let mut last = Box::pin(barrier.wait());
        let on_drop = scripts.next().unwrap();
        assert!(panics(|| _ = poll(&mut last, on_drop)));
        assert!(first.woken());
        assert!(first.ready().is_ok());
        if polled_again {
            assert!(matches!(poll(&mut last, &on_clone), Poll::Ready(Ok(met)) if met.is_leader()));
        }
        drop(last);
        assert!(!barrier.is_broken());
    }
    // With an action, which then has not been run: dropped, nobody will.
    let runs = Cell::new(0);
    let barrier = Barrier::with_action(2, || {
        runs.set(runs.get() + 1);
        Ok::<_, ()>(())
    });
    for polled_again in [true, false] {
        let mut first = queued(barrier.wait());
        let mut last = Box::pin(barrier.wait());
        let on_drop = scripts.next().unwrap();
        assert!(panics(|| _ = poll(&mut last, on_drop)));
        assert!(!first.woken());
        if polled_again {
            assert!(matches!(poll(&mut last, &on_clone), Poll::Ready(Ok(_))));
        }
        drop(last);
        assert!(first.woken());
        assert_eq!((first.ready().is_ok(), runs.get()), (polled_again, 1));
        assert_eq!(barrier.is_broken(), !polled_again);
    }
    // An auto event's notification comes back; what `notify_all` gave does not count as one.
    let event = Rc::new(AutoEvent::new());
    let mut wait = Box::pin(event.wait());
    assert!(panics(|| _ = poll(&mut wait, &on_clone)));
    let gives = Script {
        on_clone: Box::new({
            let event = Rc::clone(&event);
            move || event.set()
        }),
        on_drop: once(),
        ..Script::default()
    };
    assert!(panics(|| _ = poll(&mut wait, &gives)));
    assert!(!event.is_set());
    drop(wait);
    assert!(event.is_set() && event.reset());
    let releases = Script {
        on_clone: Box::new({
            let event = Rc::clone(&event);
            move || event.notify_all()
        }),
        on_drop: once(),
        ..Script::default()
    };
    let mut wait = Box::pin(event.wait());
    assert!(panics(|| _ = poll(&mut wait, &releases)));
    drop(wait);
    assert!(!event.is_set());
}

/// A listener that listens anew when it is woken: `notify` is for those who were there.
#[test]
fn notify_ends_although_its_wakers_listen_anew() {
    let _time = support::VirtualTime::start();
    let notify = Rc::new(Notify::new());
    let anew = Rc::new(RefCell::new(Vec::new()));
    let script = Script {
        on_wake: Box::new({
            let (notify, anew) = (Rc::clone(&notify), Rc::clone(&anew));
            move || {
                let notify = Rc::clone(&notify);
                let listen = queued(async move { notify.listen().await });
                anew.borrow_mut().push(listen);
            }
        }),
        ..Script::default()
    };
    let mut listens: Vec<_> = (0..CROWD).map(|_| Box::pin(notify.listen())).collect();
    for listen in &mut listens {
        assert!(poll(listen, &script).is_pending());
    }
    assert_eq!(notify.notify_additional(usize::MAX), CROWD);
    assert_eq!(anew.borrow().len(), CROWD);
    assert!(anew.borrow().iter().all(|listen| !listen.woken()));
    for listen in &mut listens {
        assert!(poll(listen, &script).is_ready());
    }
    notify.notify_all();
    for mut listen in anew.take() {
        listen.ready();
    }
}

/// Waits, calls, cancels.
fn use_cond<P: Policy>(cond: &Cond, mutex: &Mutex<(), P>) {
    if let Some(guard) = mutex.try_lock() {
        let mut wait = support::Polled::new(cond.wait(guard));
        let _ = wait.poll();
        if wait.task.woken() > 0 {
            let _ = wait.poll();
        }
    }
    assert!(!format!("{cond:?}").is_empty());
}

#[test]
fn wakers_may_use_the_cond_that_wakes_them() {
    let _time = support::VirtualTime::start();
    fn check<P: Policy>(all: bool) {
        let shared = Rc::new((Cond::new(), Mutex::<(), P>::with_policy(())));
        let again = |calls: bool| -> Box<dyn Fn()> {
            let shared = Rc::clone(&shared);
            let busy = Cell::new(false);
            Box::new(move || {
                // (A call wakes, and a waker that calls without end is a loop of the test's own.)
                if !busy.replace(true) {
                    use_cond(&shared.0, &shared.1);
                    if calls {
                        shared.0.notify_one();
                        shared.0.notify_all();
                    }
                    busy.set(false);
                }
            })
        };
        let script = Script {
            on_clone: again(false),
            on_wake: again(true),
            on_drop: again(false),
            ..Script::default()
        };
        let other = Script {
            on_clone: again(false),
            on_drop: again(false),
            ..Script::default()
        };
        let (cond, mutex) = &*shared;
        let mut waits: Vec<_> = (0..5)
            .map(|_| {
                let mut wait = Box::pin(cond.wait(mutex.try_lock().unwrap()));
                assert!(poll(&mut wait, &script).is_pending());
                wait
            })
            .collect();
        assert!(poll(&mut waits[4], &other).is_pending(), "replaces a waker");
        let guard = mutex.try_lock().unwrap();
        if all {
            cond.notify_all();
        } else {
            cond.notify_one();
        }
        for wait in &mut waits[1..] {
            assert!(poll(wait, &script).is_pending());
        }
        drop(guard);
        cond.notify_all();
        drop(waits.remove(1));
        for _ in 0..10 {
            waits.retain_mut(|wait| poll(wait, &script).is_pending());
        }
        assert_eq!(waits.len(), 0, "somebody is stranded");
        drop(waits);
        assert_eq!((cond.waiters(), mutex.waiters()), (0, 0));
        assert!(mutex.try_lock().is_some());
    }
    for all in [false, true] {
        check::<async_sync::mutex::Adaptive>(all);
        check::<Fifo>(all);
    }
}

/// Calls reach those behind a waker that panics, on whichever way.
#[test]
fn a_panic_strands_nobody_who_was_called() {
    let _time = support::VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::<_, Fifo>::with_policy(()));
    let bad = panicking();
    let wait = |script: &Script| {
        let mut wait = Box::pin(cond.wait(mutex.try_lock().unwrap()));
        assert!(poll(&mut wait, script).is_pending());
        wait
    };
    let lock_is_free = || assert!(mutex.try_lock().is_some());

    // In the middle of a call of all: everybody has been called.
    let mut first: Vec<_> = (0..40).map(|_| wait(&bad)).collect();
    let mut rest: Vec<_> = (0..40)
        .map(|_| queued(cond.wait(mutex.try_lock().unwrap())))
        .collect();
    assert!(panics(|| {
        cond.notify_all();
    }));
    assert!(rest[23].woken(), "the sixty-fourth");
    // The unlocking wakes the next, whose waker panics: then the lock is its own all the same.
    for wait in &mut first {
        let mut guard = None;
        assert!(!panics(|| guard = Some(poll(wait, &bad))));
        let Some(Poll::Ready(guard)) = guard else {
            panic!("stranded")
        };
        let _ = panics(|| drop(guard));
    }
    for wait in &mut rest {
        drop(wait.ready());
    }
    lock_is_free();

    // Called, and dropped; the call passes to one whose waker panics, and whose own call is not lost.
    let quiet = Script::default();
    let leaver = wait(&quiet);
    let mut heir = wait(&bad);
    assert!(cond.notify_one());
    assert!(panics(|| drop(leaver)));
    assert!(matches!(poll(&mut heir, &bad), Poll::Ready(_)));
    lock_is_free();

    // Called, given the lock, and dropped: the lock goes to one whose waker panics, the call to another.
    let mut leaver = wait(&quiet);
    let mut heir = queued(cond.wait(mutex.try_lock().unwrap()));
    let guard = mutex.try_lock().unwrap();
    assert!(cond.notify_one());
    assert!(poll(&mut leaver, &quiet).is_pending());
    let mut next = Box::pin(mutex.lock());
    assert!(poll(&mut next, &bad).is_pending());
    drop(guard);
    assert!(panics(|| drop(leaver)));
    assert!(heir.woken());
    let Poll::Ready(guard) = poll(&mut next, &bad) else {
        panic!("the lock is its own")
    };
    drop(guard);
    drop(heir.ready());
    lock_is_free();
    assert_eq!((cond.waiters(), mutex.waiters()), (0, 0));
}

/// Cloning happens before anything else; dropping, when everything is done.
#[test]
fn wakers_that_panic_when_cloned_or_dropped_leave_a_cond_whole() {
    let _time = support::VirtualTime::start();
    let (cond, mutex) = (Cond::new(), Mutex::<_, Fifo>::with_policy(()));
    let no_clone = panicking_clone();
    let no_drop = panicking_drop();
    let quiet = Script::default();
    let start = || cond.wait(mutex.try_lock().unwrap());

    // Not queued: it has the lock still, and may be polled again, or dropped.
    let mut wait = Box::pin(start());
    assert!(panics(|| drop(poll(&mut wait, &no_clone))));
    assert!(mutex.is_locked() && cond.waiters() == 0);
    assert!(poll(&mut wait, &quiet).is_pending());
    assert!(!mutex.is_locked());
    // Queued: it stays so.
    assert!(panics(|| drop(poll(&mut wait, &no_clone))));
    assert!(cond.notify_one());
    // Called, and the lock is held: it is moved, and then the clone fails; the call stays with it.
    let guard = mutex.try_lock().unwrap();
    assert!(panics(|| drop(poll(&mut wait, &no_clone))));
    assert_eq!((cond.waiters(), mutex.waiters()), (0, 1));
    drop(guard);
    let Poll::Ready(guard) = poll(&mut wait, &quiet) else {
        panic!("stranded")
    };
    drop(guard);

    // A waker that is replaced, and panics: the new one is there.
    let mut wait = Box::pin(start());
    assert!(poll(&mut wait, &no_drop).is_pending());
    assert!(panics(|| drop(poll(&mut wait, &quiet))));
    let before = quiet.wakes.load(Ordering::Relaxed);
    assert!(cond.notify_one());
    assert_eq!(quiet.wakes.load(Ordering::Relaxed), before + 1);
    assert!(poll(&mut wait, &quiet).is_ready());
    // One that is dropped with its future.
    let mut wait = Box::pin(start());
    assert!(poll(&mut wait, &no_drop).is_pending());
    assert!(panics(|| drop(wait)));
    assert_eq!((cond.waiters(), mutex.waiters()), (0, 0));
    assert!(mutex.try_lock().is_some());
}
