//! What is measured of mutexes.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use super::tools::{panics, queued};
use super::{Measurement, Verdict, check, list, of_every_lock, scenario};
use crate::peers::{AsyncMutex, BlockingMutex};
use crate::scenarios::any_mutex;

/// Of every mutex.
pub(super) fn every<M: AsyncMutex>() -> Vec<Measurement> {
    let mut all = of_every_lock::<M>();
    all.extend(list! {
        "owner-panics", owner_panics::<M>, "A panic of the owner gives the lock back",
            "A guard is dropped by unwinding; the waiter must be served.";
        "s1", || scenario!(any_mutex::s1_counter::<M, _>), "Scenario S1: no increment is lost",
            "Ten tasks, twenty guarded increments each, some over a sleep.";
        "s6", || scenario!(any_mutex::s6_no_cycle::<M, _>), "Scenario S6b: two locks, two tasks",
            "In the same order; then in opposite orders, giving up what one has when the rest is not free.";
        "s7", || scenario!(any_mutex::s7_order::<M, _>), "Scenario S7: four tasks in order",
            "They queue one after the other, on a runtime.";
        "s13", || scenario!(any_mutex::s13_cancelled_waiters::<M, _>), "Scenario S13: time limits of all lengths",
            "Twelve tasks, time limits of 0 to 160 µs around waiting and work.";
        "s14", || scenario!(any_mutex::s14_try_lock::<M, _>), "Scenarios S14, S15: `try_lock`",
            "Of a free, a held, and a lock that is about to be released.";
        "s19", || scenario!(any_mutex::s19_time_limit::<M, _>), "Scenario S19: a time limit",
            "Around a lock that is held; then again when it is free.";
        "s21", || scenario!(any_mutex::s21_philosophers::<M, _>), "Scenario S21: five philosophers",
            "Ten meals each.";
    });
    all
}

/// Of those that block.
pub(super) fn blocking<M: BlockingMutex>() -> Vec<Measurement> {
    list! {
        "blocking", blocking_in_a_runtime::<M>, "A thread of a runtime may block on it",
            "Inside of `block_on` of tokio, while another thread holds the lock for 5 ms.";
    }
}

fn owner_panics<M: AsyncMutex>() -> Verdict {
    let mutex = M::new(0);
    let mut guard = mutex.try_lock();
    let mut waiter = queued(mutex.lock());
    let panicked = panics(|| {
        let _guard = guard.take();
        panic!("owner");
    });
    assert!(panicked);
    check!(waiter.served().is_some(), "the waiter was never served");
    Verdict::kept()
}

fn blocking_in_a_runtime<M: BlockingMutex>() -> Verdict {
    let mutex = Arc::new(M::new(0));
    let (locked, wait) = mpsc::channel();
    let holder = std::thread::spawn({
        let mutex = Arc::clone(&mutex);
        move || {
            let mut guard = mutex.try_lock().expect("nobody else has it");
            locked.send(()).expect("somebody waits for this");
            std::thread::sleep(Duration::from_millis(5));
            *guard += 1;
        }
    });
    wait.recv().expect("the holder tells");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime starts");
    let mut seen = 0;
    let panicked = panics(|| runtime.block_on(async { seen = *mutex.lock_blocking() }));
    check!(!panicked, "panics inside of a runtime");
    check!(seen == 1, "it was not locked");
    holder.join().expect("the holder ends");
    Verdict::kept()
}
