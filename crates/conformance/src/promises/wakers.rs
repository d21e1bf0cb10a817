//! Wakers that use the very object that wakes them, or panic.

use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::Context;

use super::hostile::{Deed, Script};
use super::lock::Lock;
use super::tools::{meanwhile, now, panics, queued};
use super::{Verdict, check};

/// Uses the lock in every way that does not wait.
fn using<L: Lock>(lock: &Arc<L>) -> Deed {
    let lock = Arc::clone(lock);
    Box::new(move || {
        drop(lock.try_take());
        drop(now(lock.take()));
    })
}

fn poll_panics<F: Future>(future: &mut Pin<Box<F>>, script: &Arc<Script>) -> bool {
    let mut context = Context::from_waker(script.waker());
    panics(|| drop(future.as_mut().poll(&mut context)))
}

/// A waiter with a hostile waker, one behind it, and a release.
fn release_to<L: Lock>(lock: &L, script: &Arc<Script>) -> Verdict {
    let held = lock.held();
    let mut hostile = Box::pin(lock.take());
    if poll_panics(&mut hostile, script) {
        // A clone has panicked, and the task dies of it. Now it is the next one's turn.
        let _ = panics(|| hostile = Box::pin(lock.take()));
        check!(
            !poll_panics(&mut hostile, script),
            "the next future panics, too"
        );
    }
    let mut behind = queued(lock.take());
    let _ = panics(|| drop(held));
    // Its task dies of the panic, or is cancelled.
    let _ = panics(|| drop(hostile));
    check!(script.done(), "the waker was not used as expected");
    check!(behind.served().is_some(), "the next was never served");
    drop(behind);
    check!(lock.try_take().is_some(), "it stays taken");
    Verdict::kept()
}

/// A waker's `wake` may use the object that it is called for.
pub(super) fn wake_uses_it<L: Lock>() -> Verdict {
    let lock = Arc::new(L::new());
    release_to(&*lock, &Script::on_wake(using(&lock)))
}

/// So may its `clone` ...
pub(super) fn clone_uses_it<L: Lock>() -> Verdict {
    let lock = Arc::new(L::new());
    release_to(&*lock, &Script::on_clone(using(&lock)))
}

/// ... and its `drop`.
pub(super) fn drop_uses_it<L: Lock>() -> Verdict {
    let lock = Arc::new(L::new());
    let script = Script::on_drop(using(&lock));
    let mut context = Context::from_waker(script.waker());
    let held = lock.held();
    let mut hostile = Box::pin(lock.take());
    assert!(hostile.as_mut().poll(&mut context).is_pending());
    drop(hostile); // and with it the waker
    check!(script.done(), "the waker of a dropped future is kept");
    drop(held);
    check!(lock.try_take().is_some(), "it stays taken");
    Verdict::kept()
}

/// No internal lock is held while a waker runs: another thread can use the object meanwhile.
pub(super) fn wake_without_lock<L: Lock>() -> Verdict {
    let lock = Arc::new(L::new());
    let (told, tells) = mpsc::channel();
    let script = Script::on_wake({
        let lock = Arc::clone(&lock);
        Box::new(move || _ = told.send(meanwhile(using(&lock))))
    });
    let verdict = release_to(&*lock, &script);
    check!(
        tells.try_recv() == Ok(true),
        "another thread could not use it for as long as the waker ran"
    );
    verdict
}

/// A waker that panics when it is called costs nobody else anything.
pub(super) fn wake_panics<L: Lock>() -> Verdict {
    release_to(&L::new(), &Script::on_wake(Box::new(|| panic!("wake"))))
}

/// Nor does one that panics when it is cloned ...
pub(super) fn clone_panics<L: Lock>() -> Verdict {
    release_to(&L::new(), &Script::on_clone(Box::new(|| panic!("clone"))))
}

/// ... or dropped.
pub(super) fn drop_panics<L: Lock>() -> Verdict {
    let lock = L::new();
    let script = Script::on_drop(Box::new(|| panic!("drop")));
    let mut context = Context::from_waker(script.waker());
    let held = lock.held();
    let mut hostile = Box::pin(lock.take());
    assert!(hostile.as_mut().poll(&mut context).is_pending());
    let mut behind = queued(lock.take());
    let _ = panics(|| drop(hostile));
    drop(held);
    check!(behind.served().is_some(), "the next was never served");
    drop(behind);
    check!(lock.try_take().is_some(), "it stays taken");
    Verdict::kept()
}
