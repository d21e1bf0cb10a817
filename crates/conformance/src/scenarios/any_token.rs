//! Any tree of cancellation, any watched value: ours, and the peers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::peers::{AsyncToken, AsyncWatch, WatchReceiver};
use crate::{Runtime, all, counted_in, until};

/// S66: cancelling goes down at once, and not up.
///
/// # Panics
///
/// If it does not.
pub async fn s66_down_and_not_up<C: AsyncToken, R: Runtime>(rt: R) {
    let root = C::new();
    let (child, sibling) = (root.child(), root.child());
    let grandchild = child.child();
    let waiting = Arc::new(AtomicUsize::new(0));
    let waits: Vec<_> = [&child, &grandchild, &grandchild]
        .map(|ctx| {
            let (ctx, waiting) = (ctx.clone(), Arc::clone(&waiting));
            rt.spawn(async move { counted_in(&waiting, ctx.cancelled()).await })
        })
        .into();
    until(&rt, || waiting.load(Ordering::SeqCst) == 3).await;
    child.cancel();
    assert!(child.is_cancelled() && grandchild.is_cancelled());
    assert!(!root.is_cancelled() && !sibling.is_cancelled());
    for wait in waits {
        wait.await.expect("a waiter ends");
    }
    root.cancel();
    assert!(sibling.is_cancelled() && root.child().is_cancelled());
}

/// S69: many wait, again and again; who leaves concerns nobody.
///
/// # Panics
///
/// If one is forgotten. (A hang is reported by the runner.)
pub async fn s69_many_wait<C: AsyncToken, R: Runtime>(rt: R) {
    let root = C::new();
    let (waiting, rt2) = (Arc::new(AtomicUsize::new(0)), rt.clone());
    let waits: Vec<_> = (0..20)
        .map(|n: u32| {
            let (ctx, waiting, rt) = (root.child(), Arc::clone(&waiting), rt2.clone());
            rt2.spawn(async move {
                let first = rt.timeout(Duration::from_millis(1), ctx.cancelled());
                assert!(n % 2 == 1 || first.await.is_err());
                counted_in(&waiting, ctx.cancelled()).await;
                ctx.cancelled().await;
            })
        })
        .collect();
    until(&rt, || waiting.load(Ordering::SeqCst) == 20).await;
    assert!(!root.is_cancelled());
    root.cancel();
    for wait in waits {
        wait.await.expect("a waiter ends");
    }
}

/// Scopes are made, waited for and dropped everywhere while the root is cancelled: none is left out.
///
/// # Panics
///
/// If one is. (A hang is reported by the runner.)
pub async fn a_forest_falls<C: AsyncToken, R: Runtime>(rt: R) {
    let root = C::new();
    let growers: Vec<_> = (0..6)
        .map(|_| {
            let (root, rt) = (root.clone(), rt.clone());
            async move {
                let mut last = root.child();
                while !root.is_cancelled() {
                    drop(last.child());
                    last = last.child();
                    rt.sleep(Duration::from_micros(100)).await;
                }
                last.cancelled().await;
                assert!(last.child().is_cancelled());
            }
        })
        .collect();
    let feller = {
        let (root, rt) = (root.clone(), rt.clone());
        rt.clone().spawn(async move {
            rt.sleep(Duration::from_millis(3)).await;
            root.cancel();
        })
    };
    all(&rt, growers).await;
    feller.await.expect("it ends");
}

/// Each receiver sees values in the order in which they were stored, and the last one for certain;
/// then the end.
///
/// # Panics
///
/// If one does not. (A hang is reported by the runner.)
pub async fn the_last_value_is_not_missed<W: AsyncWatch, R: Runtime>(rt: R) {
    const LAST: u64 = 30;
    let (tx, rx) = W::new(0);
    let readers: Vec<_> = (0..4)
        .map(|n| {
            let (mut rx, rt) = (rx.clone(), rt.clone());
            rt.clone().spawn(async move {
                let mut last = rx.load();
                while let Some(value) = rx.changed().await {
                    assert!(value > last);
                    last = value;
                    if n % 2 == 0 {
                        rt.sleep(Duration::from_micros(300)).await;
                    }
                }
                assert_eq!((last, rx.load()), (LAST, LAST));
            })
        })
        .collect();
    for value in 1..=LAST {
        tx.store(value);
        assert_eq!(tx.load(), value);
        if value % 3 == 0 {
            rt.sleep(Duration::from_micros(200)).await;
        }
    }
    drop(tx);
    for reader in readers {
        reader.await.expect("a reader ends");
    }
}

/// A receiver that stops waiting loses nothing: what is stored meanwhile is there the next time.
///
/// # Panics
///
/// If it does.
pub async fn who_stops_waiting_loses_nothing<W: AsyncWatch, R: Runtime>(rt: R) {
    let (tx, mut rx) = W::new(0);
    for value in 1..=20 {
        let impatient = rt.timeout(Duration::from_micros(100), rx.changed());
        assert!(impatient.await.is_err());
        tx.store(value);
        assert_eq!(rx.changed().await, Some(value));
    }
    tx.store(21);
    drop(tx);
    assert_eq!(rx.changed().await, Some(21));
    assert_eq!(rx.changed().await, None);
}
