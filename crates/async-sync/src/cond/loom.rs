//! The condition variable under every interleaving of two or three threads.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use std::pin::Pin;
use std::task::Poll;

use sync_core::waiters::Calling;

use crate::mutex::{Adaptive, Fifo, MutexGuard, Policy};
use crate::{Cond, Mutex};
use sync_core::model::{Task, block_on, model, pass_time};

use super::Wait;

/// A value that loom watches: any access that the lock does not order is an error.
struct Shared<P: Policy> {
    mutex: Mutex<UnsafeCell<usize>, P>,
    cond: Cond,
}

type Waits<P> = Pin<Box<Wait<'static, MutexGuard<'static, UnsafeCell<usize>, P>>>>;

impl<P: Policy> Shared<P> {
    fn new() -> Self {
        Shared {
            mutex: Mutex::with_policy(UnsafeCell::new(0)),
            cond: Cond::new(),
        }
    }

    fn bump(value: &UnsafeCell<usize>) {
        // SAFETY: the caller has the lock; loom checks it.
        value.with_mut(|value| unsafe { *value += 1 });
    }

    fn read(value: &UnsafeCell<usize>) -> usize {
        // SAFETY: the caller has the lock; loom checks it.
        value.with(|value| unsafe { *value })
    }

    /// Queued in the `Cond`. Nobody else is about.
    fn parked(&'static self) -> Waits<P> {
        let mut wait = Box::pin(self.cond.wait(self.mutex.try_lock().unwrap()));
        assert!(Task::new().poll(wait.as_mut()).is_pending());
        wait
    }

    #[track_caller]
    fn ends_with(&self, expected: usize) {
        let guard = self.mutex.try_lock().expect("nobody holds the lock");
        assert_eq!(Self::read(&guard), expected);
        drop(guard);
        assert_eq!(self.mutex.metrics().count(), 0);
        assert_eq!(self.cond.waiters(), 0);
    }
}

/// Runs `check` with a value that lives until it returns.
fn with_static<P: Policy>(check: impl FnOnce(&'static Shared<P>)) {
    let shared: &'static Shared<P> = Box::leak(Box::new(Shared::new()));
    check(shared);
    // SAFETY: leaked above; the checks end their threads and drop their futures.
    drop(unsafe { Box::from_raw(std::ptr::from_ref(shared).cast_mut()) });
}

/// Somebody waits for a change that somebody else makes: the call is not lost, and the change is seen.
fn no_lost_call<P: Policy>(all: bool) {
    model(move || {
        let shared = Arc::new(Shared::<P>::new());
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                block_on(async {
                    let mut guard = shared.mutex.lock().await;
                    while Shared::<P>::read(&guard) == 0 {
                        guard = shared.cond.wait(guard).await;
                    }
                    Shared::<P>::bump(&guard);
                });
            })
        };
        block_on(async { Shared::<P>::bump(&*shared.mutex.lock().await) });
        if all {
            shared.cond.notify_all();
        } else {
            shared.cond.notify_one();
        }
        waiter.join().unwrap();
        shared.ends_with(2);
    });
}

#[test]
fn no_lost_call_adaptive() {
    no_lost_call::<Adaptive>(false);
}

#[test]
fn no_lost_call_fifo() {
    no_lost_call::<Fifo>(true);
}

/// A waiter is dropped while it is called: the other one gets the call, or the next.
#[test]
fn a_call_against_a_cancellation() {
    model(|| {
        with_static::<Adaptive>(|shared| {
            let (first, second) = (shared.parked(), shared.parked());
            let dropper = thread::spawn(move || drop(first));
            let caller = thread::spawn(move || assert!(shared.cond.notify_one()));
            block_on(async { Shared::<Adaptive>::bump(&*second.await) });
            dropper.join().unwrap();
            caller.join().unwrap();
            shared.ends_with(1);
        });
    });
}

/// Two are called. One comes and takes the other one along, which is dropped.
fn take_along_against_a_cancellation<P: Policy>() {
    model(|| {
        with_static::<P>(|shared| {
            let (first, second, third) = (shared.parked(), shared.parked(), shared.parked());
            assert!(shared.cond.notify_one());
            assert!(shared.cond.notify_one());
            let dropper = thread::spawn(move || drop(first));
            let comer = thread::spawn(move || {
                block_on(async { Shared::<P>::bump(&*second.await) });
            });
            // Whose call was passed on.
            block_on(async { Shared::<P>::bump(&*third.await) });
            dropper.join().unwrap();
            comer.join().unwrap();
            shared.ends_with(2);
        });
    });
}

#[test]
fn take_along_against_a_cancellation_adaptive() {
    take_along_against_a_cancellation::<Adaptive>();
}

#[test]
fn take_along_against_a_cancellation_fifo() {
    take_along_against_a_cancellation::<Fifo>();
}

/// All are called while the lock is held, and come while it is let go of. Three, so that one of them is
/// left asleep, and more than are moved at a time.
fn take_along_against_an_unlock<P: Policy>() {
    model(|| {
        with_static::<P>(|shared| {
            let (first, second, third) = (shared.parked(), shared.parked(), shared.parked());
            let guard = shared.mutex.try_lock().unwrap();
            assert_eq!(shared.cond.notify_all(), 3);
            let comer = thread::spawn(move || {
                block_on(async { Shared::<P>::bump(&*first.await) });
            });
            let sleeper = thread::spawn(move || {
                block_on(async { Shared::<P>::bump(&*third.await) });
            });
            Shared::<P>::bump(&guard);
            drop(guard);
            block_on(async { Shared::<P>::bump(&*second.await) });
            comer.join().unwrap();
            sleeper.join().unwrap();
            shared.ends_with(4);
        });
    });
}

#[test]
fn take_along_against_an_unlock_adaptive() {
    take_along_against_an_unlock::<Adaptive>();
}

#[test]
fn take_along_against_an_unlock_fifo() {
    take_along_against_an_unlock::<Fifo>();
}

/// Two threads call all.
#[test]
fn two_calls_of_all() {
    model(|| {
        with_static::<Adaptive>(|shared| {
            let (first, second) = (shared.parked(), shared.parked());
            let caller = thread::spawn(move || shared.cond.notify_all());
            let called = shared.cond.notify_all();
            block_on(async { Shared::<Adaptive>::bump(&*first.await) });
            block_on(async { Shared::<Adaptive>::bump(&*second.await) });
            assert_eq!(called + caller.join().unwrap(), 2);
            shared.ends_with(2);
        });
    });
}

/// A waiter comes in while all are called: it is called or not, and leaves nothing behind.
#[test]
fn a_call_of_all_against_a_newcomer() {
    model(|| {
        with_static::<Adaptive>(|shared| {
            let first = shared.parked();
            let late = thread::spawn(move || {
                let task = Task::new();
                let mut wait = std::pin::pin!(shared.cond.wait(shared.mutex.try_lock().unwrap()));
                assert!(task.poll(wait.as_mut()).is_pending());
                if let Poll::Ready(guard) = task.poll(wait.as_mut()) {
                    drop(guard);
                }
            });
            let called = shared.cond.notify_all();
            assert!(called == 1 || called == 2);
            late.join().unwrap();
            block_on(async { Shared::<Adaptive>::bump(&*first.await) });
            shared.ends_with(1);
        });
    });
}

/// A stale call is revoked while its waiter comes. Both waiters are called in the end, and the first is
/// not stranded with a call that went to the second.
#[test]
fn a_stale_call_against_its_waiter() {
    model(|| {
        with_static::<Adaptive>(|shared| {
            let (first, second) = (shared.parked(), shared.parked());
            assert!(shared.cond.notify_one());
            pass_time();
            let late = thread::spawn(move || {
                block_on(async { Shared::<Adaptive>::bump(&*first.await) });
            });
            let other = thread::spawn(move || {
                block_on(async { Shared::<Adaptive>::bump(&*second.await) });
            });
            // Revokes, or comes too late to do so; one call for each of them.
            shared.cond.notify_one();
            late.join().unwrap();
            other.join().unwrap();
            shared.ends_with(2);
        });
    });
}

/// Those who get their lock back themselves: a call that is dropped after it was heeded passes on.
#[test]
fn a_call_that_was_heeded_passes_on() {
    model(|| {
        let cond: &'static Cond = Box::leak(Box::new(Cond::new()));
        let parked = || {
            let mut calling = Box::pin(Calling::new(cond.lobby()));
            assert!(Task::new().poll(calling.as_mut()).is_pending());
            calling
        };
        let (mut first, second) = (parked(), parked());
        let leaver = thread::spawn(move || drop(Task::new().poll(first.as_mut())));
        let caller = thread::spawn(move || assert!(cond.notify_one()));
        block_on(second).settle();
        leaver.join().unwrap();
        caller.join().unwrap();
        assert_eq!(cond.waiters(), 0);
        // SAFETY: leaked above; all futures and threads that refer to it are gone.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(cond).cast_mut()) });
    });
}
