//! Selects whose task has a hostile waker, and cases that are hostile themselves.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_sync::mutex::Fifo;
use async_sync::select::{SelectAll, SelectSet, once, repeat, select_all};
use async_sync::{AutoEvent, Event, Mutex, Semaphore};

use super::{Script, panics, poll, support, waker};

type Waits = Pin<Box<dyn Future<Output = ()>>>;

/// The task's waker, called by a case's, polls and drops the very select.
#[test]
fn a_waker_may_use_the_select_that_wakes_it() {
    let event: &'static Event = support::leak(Event::new());
    let select: Rc<RefCell<Option<SelectAll<Waits>>>> = Rc::default();
    let polled = Rc::new(Cell::new(0));
    let again: Box<dyn Fn()> = {
        let (select, polled) = (Rc::clone(&select), Rc::clone(&polled));
        Box::new(move || {
            // Not while it is being polled; that needs `&mut`.
            let Ok(mut select) = select.try_borrow_mut() else {
                return;
            };
            if let Some(inner) = &mut *select {
                polled.set(polled.get() + 1);
                let mut cx = Context::from_waker(Waker::noop());
                if Pin::new(inner).poll(&mut cx).is_ready() {
                    *select = None;
                }
            }
        })
    };
    let script = Script {
        on_wake: again,
        ..Script::default()
    };
    let waits: [Waits; 2] = [Box::pin(event.wait()), Box::pin(event.wait())];
    *select.borrow_mut() = Some(select_all(waits));
    {
        let mut select = select.borrow_mut();
        let waker = waker(&script);
        let mut cx = Context::from_waker(&waker);
        assert!(
            Pin::new(select.as_mut().unwrap())
                .poll(&mut cx)
                .is_pending()
        );
        std::mem::forget(waker);
    }
    event.set();
    assert_eq!(polled.get(), 1);
    assert!(select.borrow().is_none());
    assert_eq!(event.waiters(), 0);
}

/// The task's waker panics when it is cloned, called, dropped: no mark is lost, and losers pass on.
#[test]
fn a_panicking_waker_costs_a_select_nothing() {
    for hostile in ["clone", "wake", "drop"] {
        let when = Rc::new(Cell::new(false));
        let script_of = |name| -> Box<dyn Fn()> {
            let when = Rc::clone(&when);
            let is_it = name == hostile;
            Box::new(move || assert!(!(is_it && when.get()), "a hostile waker"))
        };
        let script = Script {
            on_clone: script_of("clone"),
            on_wake: script_of("wake"),
            on_drop: script_of("drop"),
            ..Script::default()
        };
        let calm = Script::default();
        let lock = Mutex::<_, Fifo>::with_policy(());
        let event = AutoEvent::new();
        let held = lock.try_lock().unwrap();
        let cases: [Pin<Box<dyn Future<Output = ()> + '_>>; 2] = [
            Box::pin(async { drop(lock.lock().await) }),
            Box::pin(event.wait()),
        ];
        let mut select = Box::pin(select_all(cases));
        when.set(hostile == "clone");
        let first = panics(|| poll(&mut select, &script).is_pending());
        assert_eq!(first, hostile == "clone");
        when.set(false);
        assert!(poll(&mut select, &script).is_pending());
        when.set(true);
        // A case is woken, and wakes the task; the waker of the task is replaced.
        let woken = panics(|| event.set());
        assert_eq!(woken, hostile == "wake");
        when.set(false);
        drop(held);
        // Both cases were marked; one commits, the other passes on what it has.
        let Poll::Ready((chosen, ())) = poll(&mut select, &calm) else {
            panic!("{hostile}: a mark was lost")
        };
        drop(select);
        assert!(lock.try_lock().is_some(), "{hostile}");
        assert_eq!(event.is_set(), chosen == 0, "{hostile}");
        assert_eq!(lock.waiters() + event.waiters(), 0);
    }
}

/// A task that changes its waker while the old one panics as it is dropped.
#[test]
fn a_waker_that_panics_when_it_is_replaced() {
    let dropped = Rc::new(Cell::new(false));
    let script = Script {
        on_drop: {
            let dropped = Rc::clone(&dropped);
            Box::new(move || assert!(dropped.replace(true), "a hostile waker"))
        },
        ..Script::default()
    };
    let calm = Script::default();
    let event = Event::new();
    let mut select = Box::pin(select_all([event.wait()]));
    assert!(poll(&mut select, &script).is_pending());
    assert!(panics(|| poll(&mut select, &calm).is_pending()));
    event.set();
    assert_eq!(
        calm.wakes.load(std::sync::atomic::Ordering::Relaxed),
        1,
        "it is registered"
    );
    assert!(poll(&mut select, &calm).is_ready());
}

/// A set whose task has a hostile waker, which adds to nothing but may ask for permits itself.
#[test]
fn a_set_among_hostile_wakers() {
    let semaphore: &'static Semaphore = support::leak(Semaphore::new(2));
    let all = semaphore.try_acquire_many(2).unwrap();
    let script = Script {
        on_clone: Box::new(|| drop(semaphore.try_acquire())),
        on_wake: Box::new(|| {
            drop(semaphore.try_acquire());
            panic!("a hostile waker");
        }),
        on_drop: Box::new(|| drop(semaphore.try_acquire())),
        ..Script::default()
    };
    let mut set: SelectSet<_> = (0..2).map(|_| repeat(|| semaphore.acquire())).collect();
    {
        let mut next = Box::pin(set.next());
        assert!(poll(&mut next, &script).is_pending());
        assert!(
            panics(|| drop(all)),
            "the waker's panic comes out where it was woken"
        );
    }
    let permits: Vec<_> = std::iter::from_fn(|| set.try_next()).collect();
    assert_eq!(permits.len(), 2, "both were granted");
    drop(permits);
    drop(set);
    assert_eq!((semaphore.available(), semaphore.waiters()), (2, 0));
}

/// Cases whose destructors panic: the others are dropped all the same, and pass on what they have.
#[test]
fn a_destructor_that_panics() {
    struct Hostile;
    impl Drop for Hostile {
        fn drop(&mut self) {
            panic!("a hostile destructor");
        }
    }
    let lock = Mutex::<_, Fifo>::with_policy(());
    let semaphore = Semaphore::new(1);
    let held = lock.try_lock().unwrap();
    let (one, two) = (Event::new(), &lock);
    let cases: [Pin<Box<dyn Future<Output = ()> + '_>>; 3] = [
        Box::pin(async {
            let _hostile = Hostile;
            std::future::pending::<()>().await;
        }),
        Box::pin(one.wait()),
        Box::pin(async {
            let _permit = semaphore.acquire().await;
            drop(two.lock().await);
        }),
    ];
    let calm = Script::default();
    let mut select = Box::pin(select_all(cases));
    assert!(poll(&mut select, &calm).is_pending());
    drop(held); // to the third
    one.set();
    assert!(panics(|| {
        // Either is ready; whichever is, the first case goes.
        poll(&mut select, &calm).is_ready()
    }));
    assert!(panics(|| poll(&mut select, &calm).is_ready()), "it is over");
    assert!(lock.try_lock().is_some());
    assert_eq!(semaphore.available(), 1);

    // In a set only the one.
    let mut set: SelectSet<Pin<Box<dyn async_sync::select::Source<Item = ()> + '_>>> =
        SelectSet::new();
    let hostile = set.add(Box::pin(once(async {
        let _hostile = Hostile;
        std::future::pending::<()>().await;
    })));
    set.add(Box::pin(once(one.wait())));
    let mut seen = 0;
    while set.try_next().is_some() {
        seen += 1;
    }
    assert!(panics(|| set.remove(hostile)));
    assert!(!set.contains(hostile));
    assert_eq!((seen, set.len()), (1, 0));
    set.add(Box::pin(once(async {})));
    assert!(set.try_next().is_some(), "it is as good as before");
}
