//! What is measured of mutexes.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use super::tools::{panics, queued};
use super::{Measurement, Verdict, check, of_every_lock};
use crate::peers::{AsyncMutex, BlockingMutex};

/// Of every mutex.
pub(super) fn every<M: AsyncMutex>() -> Vec<Measurement> {
    let mut all = of_every_lock::<M>();
    all.push(Measurement {
        id: "owner-panics",
        promise: "A panic of the owner gives the lock back",
        how: "A guard is dropped by unwinding; the waiter must be served.",
        measure: owner_panics::<M>,
    });
    all
}

/// Of those that block.
pub(super) fn blocking<M: BlockingMutex>() -> Vec<Measurement> {
    vec![Measurement {
        id: "blocking",
        promise: "A thread of a runtime may block on it",
        how: "Inside of `block_on` of tokio, while another thread holds the lock for 5 ms.",
        measure: blocking_in_a_runtime::<M>,
    }]
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
