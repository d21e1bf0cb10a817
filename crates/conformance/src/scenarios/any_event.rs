//! Any signal, gate or barrier: ours, and the peers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::peers::{AsyncBarrier, AsyncGate, AsyncSignal, OneByOne};
use crate::{Runtime, all, counted_in, until};

/// Two tasks throw a ball to each other.
///
/// # Panics
///
/// If it is lost. (A hang is reported by the runner.)
pub async fn ping_pong<S: AsyncSignal, R: Runtime>(rt: R) {
    let table = Arc::new((S::new(), S::new(), AtomicUsize::new(0)));
    let tasks = [0, 1].map(|side| {
        let table = Arc::clone(&table);
        async move {
            for turn in 0..20 {
                if side == 0 {
                    table.0.set();
                    table.1.wait().await;
                } else {
                    table.0.wait().await;
                    assert_eq!(table.2.fetch_add(1, Ordering::Relaxed), turn);
                    table.1.set();
                }
            }
        }
    });
    all(&rt, tasks).await;
    assert_eq!(table.2.load(Ordering::Relaxed), 20);
}

/// Each set releases one of those who wait, and no more.
///
/// # Panics
///
/// If it does not.
pub async fn one_by_one<S: OneByOne, R: Runtime>(rt: R) {
    let shared = Arc::new((S::new(), AtomicUsize::new(0), AtomicUsize::new(0)));
    let waits: Vec<_> = (0..4)
        .map(|_| {
            let shared = Arc::clone(&shared);
            rt.spawn(async move {
                counted_in(&shared.1, shared.0.wait()).await;
                shared.2.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    until(&rt, || shared.1.load(Ordering::SeqCst) == 4).await;
    for released in 1..=4 {
        shared.0.set();
        until(&rt, || shared.2.load(Ordering::SeqCst) == released).await;
        rt.sleep(Duration::from_millis(1)).await;
        assert_eq!(shared.2.load(Ordering::SeqCst), released);
    }
    for wait in waits {
        wait.await.expect("a waiter ends");
    }
}

/// PT10: one opens the gate, all who wait for it go on.
///
/// # Panics
///
/// If one does not. (A hang is reported by the runner.)
pub async fn pt10_broadcast<G: AsyncGate, R: Runtime>(rt: R) {
    let shared = Arc::new((G::new(), AtomicUsize::new(0), AtomicUsize::new(0)));
    let waits: Vec<_> = (0..20)
        .map(|_| {
            let shared = Arc::clone(&shared);
            rt.spawn(async move {
                counted_in(&shared.1, shared.0.wait()).await;
                assert_eq!(shared.2.load(Ordering::Relaxed), 1, "what the opener did");
            })
        })
        .collect();
    until(&rt, || shared.1.load(Ordering::SeqCst) == 20).await;
    shared.2.store(1, Ordering::Relaxed);
    shared.0.open();
    for wait in waits {
        wait.await.expect("a waiter ends");
    }
}

/// S102 for all: four tasks, 25 meetings, one leads each.
///
/// # Panics
///
/// If somebody is ahead of the others, or none or two lead.
pub async fn s102_in_step<B: AsyncBarrier, R: Runtime>(rt: R) {
    let shared = Arc::new((B::new(4), AtomicUsize::new(0), AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (shared, rt) = (Arc::clone(&shared), rt.clone());
            async move {
                for round in 1..=25 {
                    if task == round % 4 {
                        rt.sleep(Duration::from_micros(50)).await;
                    }
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    let leads = shared.0.wait().await;
                    shared.2.fetch_add(usize::from(leads), Ordering::Relaxed);
                    let came = shared.1.load(Ordering::Relaxed);
                    assert!(
                        (4 * round..4 * round + 4).contains(&came),
                        "{came} in {round}"
                    );
                }
            }
        })
        .collect();
    all(&rt, tasks).await;
    assert_eq!(shared.2.load(Ordering::Relaxed), 25);
}
