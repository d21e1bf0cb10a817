//! The barrier: what needs our own API. See [`any_event`](super::any_event) for the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::Barrier;
use async_sync::barrier::BrokenBarrier;
use runtime::JoinHandle;

use crate::{Runtime, until};

/// S102: two arrivals wait, the third releases all; a hundred generations; the action runs once in
/// each, before anybody is released.
///
/// # Panics
///
/// If not.
pub async fn s102_a_hundred_generations<R: Runtime>(rt: R) {
    let runs = Arc::new(AtomicUsize::new(0));
    let ran = Arc::clone(&runs);
    let barrier = Arc::new(Barrier::with_action(3, move || {
        ran.fetch_add(1, Ordering::Relaxed);
        Ok::<_, ()>(())
    }));
    let parties: Vec<_> = (0..3)
        .map(|_| {
            let (barrier, runs) = (Arc::clone(&barrier), Arc::clone(&runs));
            rt.spawn(async move {
                let mut led = 0;
                for generation in 0..100 {
                    let met = barrier.wait().await.expect("nobody leaves");
                    assert_eq!(met.generation(), generation);
                    let ran = runs.load(Ordering::Relaxed);
                    // The next generation needs this party, too.
                    assert_eq!(ran, generation + 1);
                    led += usize::from(met.is_leader());
                }
                led
            })
        })
        .collect();
    let mut led = 0;
    for party in parties {
        led += party.await.expect("a party ends");
    }
    assert_eq!(
        (led, barrier.waiting(), barrier.generation()),
        (100, 0, 100)
    );
}

/// U1: a party that gives up breaks the barrier for the others; a reset mends it.
///
/// # Panics
///
/// If somebody is not told. (A hang is reported by the runner.)
pub async fn u1_who_gives_up_breaks_it<R: Runtime>(rt: R) {
    let barrier = Arc::new(Barrier::new(4));
    let mut parties: Vec<_> = (0..3)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            rt.spawn(async move { barrier.wait().await })
        })
        .collect();
    until(&rt, || barrier.waiting() == 3).await;
    let leaver = parties.remove(1);
    leaver.abort();
    assert!(leaver.await.is_err());
    for party in parties {
        let told = party.await.expect("a party ends");
        assert_eq!(told, Err(BrokenBarrier::ByOthers));
    }
    assert!(barrier.is_broken());
    assert_eq!(barrier.wait().await, Err(BrokenBarrier::ByOthers));
    barrier.reset();
    let parties: Vec<_> = (0..4)
        .map(|_| rt.spawn(Arc::clone(&barrier).wait_owned()))
        .collect();
    for party in parties {
        let met = party.await.expect("a party ends");
        assert_eq!(met.expect("nobody leaves").generation(), 1);
    }
}

/// A lenient barrier waits for somebody else in the place of one that gave up.
///
/// # Panics
///
/// If it does not.
pub async fn a_lenient_barrier_waits_for_another<R: Runtime>(rt: R) {
    let barrier = Arc::new(Barrier::new(3).lenient());
    let arrive = || rt.spawn(Arc::clone(&barrier).wait_owned());
    let stays = arrive();
    let leaves = arrive();
    until(&rt, || barrier.waiting() == 2).await;
    leaves.abort();
    assert!(leaves.await.is_err());
    until(&rt, || barrier.waiting() == 1).await;
    let another = arrive();
    until(&rt, || barrier.waiting() == 2).await;
    rt.sleep(Duration::from_millis(1)).await;
    assert!(!stays.is_finished());
    assert!(barrier.wait().await.is_ok_and(|met| met.is_leader()));
    for party in [stays, another] {
        assert!(party.await.expect("a party ends").is_ok());
    }
}
