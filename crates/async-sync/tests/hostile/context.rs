//! Wakers, callbacks and values that use the context or the watch that calls or drops them, or panic.

use std::sync::Arc;
use std::sync::Mutex as StdMutex;

use async_sync::Watch;
use async_sync::context::{Cause, Context};

use super::{
    AssertUnwindSafe, AtomicUsize, CROWD, Cell, Rc, Script, boom, catch_unwind, panicking,
    panicking_clone, panicking_drop, panics, poll, support,
};

/// Makes children, waits, enters callbacks, and whatever else does not cancel.
fn use_context(ctx: &Context) {
    let child = ctx.child().with_value(1);
    drop(child.on_cancel(|_| ()));
    let mut wait = support::Polled::new(child.cancelled());
    let _ = wait.poll().is_ready();
    drop(wait);
    child.cancel();
    let mut wait = support::Polled::new(ctx.cancelled());
    let _ = wait.poll().is_ready();
    let _ = (ctx.cause(), ctx.children(), ctx.waiters());
    assert!(!format!("{ctx:?}").is_empty());
}

#[test]
fn wakers_may_use_the_context_that_wakes_them() {
    let ctx = Rc::new(Context::new());
    let again = || -> Box<dyn Fn()> {
        let ctx = Rc::clone(&ctx);
        Box::new(move || use_context(&ctx))
    };
    let cancels = Rc::clone(&ctx);
    let script = Script {
        on_clone: again(),
        on_wake: Box::new(move || {
            use_context(&cancels);
            assert!(!cancels.cancel(), "it is cancelled");
        }),
        on_drop: again(),
        ..Script::default()
    };
    let below = ctx.child();
    let mut first = Box::pin(ctx.cancelled());
    let mut second = Box::pin(below.cancelled());
    let mut leaves = Box::pin(ctx.cancelled());
    assert!(poll(&mut first, &script).is_pending());
    assert!(poll(&mut second, &script).is_pending());
    assert!(poll(&mut leaves, &script).is_pending());
    let other = Script::default();
    assert!(poll(&mut first, &other).is_pending(), "its waker changes");
    assert!(poll(&mut first, &script).is_pending());
    drop(leaves);
    ctx.cancel();
    assert_eq!(script.wakes.load(super::Ordering::Relaxed), 2);
    assert!(poll(&mut first, &script).is_ready());
    assert!(poll(&mut second, &script).is_ready());
    drop((first, second));
    assert_eq!((ctx.waiters(), ctx.children()), (0, 1));
}

#[test]
fn a_waker_that_cancels_when_it_is_cloned_or_dropped() {
    let ctx = Rc::new(Context::new());
    let cancels = Rc::clone(&ctx);
    let script = Script {
        on_clone: Box::new(move || {
            cancels.cancel();
        }),
        ..Script::default()
    };
    let mut wait = Box::pin(ctx.cancelled());
    assert!(poll(&mut wait, &script).is_ready(), "cancelled meanwhile");
    let ctx = Rc::new(Context::new());
    let (parent, cancels) = (Rc::clone(&ctx), Rc::clone(&ctx));
    let script = Script {
        on_drop: Box::new(move || {
            cancels.cancel_with(Cause::custom("dropped"));
        }),
        ..Script::default()
    };
    let child = parent.child();
    let mut wait = Box::pin(child.cancelled());
    assert!(poll(&mut wait, &script).is_pending());
    drop(wait);
    assert_eq!(child.cause().unwrap().to_string(), "dropped");
}

#[test]
fn a_panicking_waker_keeps_nobody_from_being_cancelled_or_woken() {
    let ctx = Context::new();
    let children: Vec<_> = (0..3).map(|_| ctx.child()).collect();
    let bad = panicking();
    let good = Script::default();
    let mut waits: Vec<_> = children
        .iter()
        .chain([&ctx])
        .flat_map(|ctx| [(ctx, &bad), (ctx, &good)])
        .map(|(ctx, script)| {
            let mut wait = Box::pin(ctx.cancelled());
            assert!(poll(&mut wait, script).is_pending());
            wait
        })
        .collect();
    let called = Arc::new(StdMutex::new(0));
    let theirs = Arc::clone(&called);
    let callback = children[2].on_cancel(move |_| *theirs.lock().unwrap() += 1);
    assert!(panics(|| ctx.cancel()));
    assert_eq!(good.wakes.load(super::Ordering::Relaxed), 4);
    assert_eq!(bad.wakes.load(super::Ordering::Relaxed), 4);
    assert!(children.iter().all(Context::is_cancelled) && !callback.stop());
    assert_eq!(*called.lock().unwrap(), 1);
    for wait in &mut waits {
        assert!(poll(wait, &good).is_ready());
    }
}

#[test]
fn wakers_that_panic_when_cloned_or_dropped_leave_a_context_whole() {
    let ctx = Context::new();
    let bad = panicking_clone();
    let mut wait = Box::pin(ctx.cancelled());
    assert!(panics(|| poll(&mut wait, &bad)));
    let drops = Cell::new(0);
    let bad = panicking_drop();
    assert!(poll(&mut wait, &bad).is_pending());
    let good = Script::default();
    assert!(panics(|| poll(&mut wait, &good)));
    assert!(poll(&mut wait, &good).is_pending());
    drops.set(1);
    ctx.cancel();
    assert!(poll(&mut wait, &good).is_ready());
    assert_eq!(ctx.waiters(), 0);
}

/// What a callback or a value owns may do anything when it is dropped.
#[test]
fn what_a_context_drops_may_use_it() {
    struct Uses(Context);
    impl Drop for Uses {
        fn drop(&mut self) {
            use_context(&self.0);
            self.0.cancel();
        }
    }
    let ctx = Context::new();
    let uses = Uses(ctx.clone());
    let withdrawn = ctx.on_cancel(move |_| drop(uses));
    assert!(withdrawn.stop());
    assert!(ctx.is_cancelled());

    // Of a child that goes away with its last handle; what it uses is its parent.
    let ctx = Context::new();
    let child = ctx.child();
    let uses = Uses(ctx.clone());
    child.on_cancel(move |_| drop(uses)).detach();
    let valued = child.with_value(StdMutex::new(Uses(ctx.clone())));
    drop(child);
    assert!(!ctx.is_cancelled());
    drop(valued);
    assert!(ctx.is_cancelled());
    assert_eq!(ctx.children(), 0);

    // And one that panics.
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            boom();
        }
    }
    let ctx = Context::new();
    let (bad, child) = (Bad, ctx.child());
    child.on_cancel(move |_| drop(bad)).detach();
    assert!(catch_unwind(|| drop(child)).is_err());
    assert_eq!(ctx.children(), 0);
    let bad = Bad;
    let withdrawn = ctx.on_cancel(move |_| drop(bad));
    assert!(panics(|| withdrawn.stop()));
    assert!(ctx.cancel());
}

/// A child that goes away, with a destructor that panics, while a walk has it in its hands: the walk
/// goes on.
#[test]
fn a_panicking_destructor_does_not_end_a_walk() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            boom();
        }
    }
    for _ in 0..if cfg!(miri) { 3 } else { 300 } {
        let root = Context::new();
        let bad: Vec<_> = (0..20)
            .map(|_| {
                let (child, bad) = (root.child(), Bad);
                child.on_cancel(move |_| std::mem::forget(bad)).detach();
                child
            })
            .collect();
        let last = root.child();
        let mut wait = support::queued(last.cancelled());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for child in bad {
                    panics(|| drop(child));
                }
            });
            panics(|| root.cancel());
        });
        assert!(last.is_cancelled() && wait.woken());
        wait.ready();
        drop(wait);
        drop(last);
        assert_eq!(root.children(), 0);
    }
}

#[test]
fn wakers_may_use_the_watch_that_wakes_them() {
    let watch = Rc::new(Watch::new(0));
    let again = || -> Box<dyn Fn()> {
        let watch = Rc::clone(&watch);
        Box::new(move || {
            let mut rx = watch.subscribe();
            let mut wait = support::Polled::new(rx.changed());
            let _ = wait.poll().is_ready();
            drop(wait);
            let _ = watch.compare_and_swap(&watch.load(), 0);
            watch.send_modify(|n| *n += 1);
            assert!(rx.has_changed() && !format!("{watch:?}").is_empty());
        })
    };
    let script = Script {
        on_clone: again(),
        on_wake: again(),
        on_drop: again(),
        ..Script::default()
    };
    let mut rx = watch.subscribe();
    let mut first = Box::pin(rx.changed());
    assert!(
        poll(&mut first, &script).is_ready(),
        "its own clone stores a value"
    );
    drop(first);
    let woken = Script {
        on_wake: again(),
        ..Script::default()
    };
    let mut receivers: Vec<_> = (0..CROWD).map(|_| watch.subscribe()).collect();
    let mut waits: Vec<_> = receivers
        .iter_mut()
        .map(|rx| Box::pin(rx.changed()))
        .collect();
    for wait in &mut waits {
        assert!(poll(wait, &woken).is_pending());
    }
    watch.store(1);
    assert_eq!(woken.wakes.load(super::Ordering::Relaxed), CROWD);
    let calm = Script::default();
    assert!(waits.iter_mut().all(|wait| poll(wait, &calm).is_ready()));
    drop(waits);
    assert_eq!(watch.waiters(), 0);
}

#[test]
fn a_panicking_waker_costs_no_receiver_a_change() {
    let watch = Watch::new(0);
    let bad = panicking();
    let good = Script::default();
    let mut receivers: Vec<_> = (0..40).map(|_| watch.subscribe()).collect();
    let mut waits: Vec<_> = receivers
        .iter_mut()
        .map(|rx| Box::pin(rx.changed()))
        .collect();
    for (n, wait) in waits.iter_mut().enumerate() {
        let script = if n % 3 == 0 { &bad } else { &good };
        assert!(poll(wait, script).is_pending());
    }
    assert!(panics(|| watch.store(1)));
    assert_eq!(good.wakes.load(super::Ordering::Relaxed), 26);
    for wait in &mut waits {
        assert!(poll(wait, &good).is_ready());
    }
    // A value that panics when it is dropped.
    struct Bad(bool);
    impl Drop for Bad {
        fn drop(&mut self) {
            if self.0 {
                boom();
            }
        }
    }
    let watch = Watch::new(Bad(true));
    let mut rx = watch.subscribe();
    let mut wait = support::queued(rx.changed());
    watch.store(Bad(false));
    assert!(wait.woken());
    assert!(
        panics(|| wait.pending_or_ready()),
        "the receiver's was the last"
    );
    drop(wait);
    assert!(!rx.has_changed() && !rx.borrow().0);
    let watch = Watch::new(Bad(true));
    assert!(panics(|| watch.store(Bad(false))));
    assert_eq!((watch.version(), watch.load().0), (1, false));
}

/// What a panic carries may panic when it is dropped: everybody is called all the same.
#[test]
fn a_panic_that_panics_again_keeps_nobody_from_being_called() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("dropped"));
        }
    }
    let ctx = Context::new();
    let calls = Arc::new(AtomicUsize::new(0));
    ctx.on_cancel(|_| std::panic::resume_unwind(Box::new("the first")))
        .detach();
    for _ in 0..3 {
        ctx.on_cancel(|_| std::panic::resume_unwind(Box::new(Bomb)))
            .detach();
        let calls = Arc::clone(&calls);
        ctx.on_cancel(move |_| {
            calls.fetch_add(1, super::Ordering::Relaxed);
        })
        .detach();
    }
    let payload = catch_unwind(AssertUnwindSafe(|| ctx.cancel())).unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "the first");
    assert_eq!(calls.load(super::Ordering::Relaxed), 3);
}
