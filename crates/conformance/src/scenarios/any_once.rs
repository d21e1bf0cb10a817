//! Any cell that is set once: ours, and the peers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::JoinHandle;

use crate::peers::{AsyncOnceCell, Init, WaitingOnceCell};
use crate::{Runtime, all, counted_in, until};

/// S48: ten callers at the same time; one initialiser runs, all get its value.
///
/// # Panics
///
/// If that is not so.
pub async fn s48_one_of_ten<C: AsyncOnceCell, R: Runtime>(rt: R) {
    let shared = Arc::new((C::new(), AtomicUsize::new(0)));
    let callers = (0..10).map(|n| {
        let (shared, rt) = (Arc::clone(&shared), rt.clone());
        async move {
            let inner = Arc::clone(&shared);
            let make = move || -> Init {
                Box::pin(async move {
                    inner.1.fetch_add(1, Ordering::SeqCst);
                    rt.sleep(Duration::from_millis(1)).await;
                    Ok(n)
                })
            };
            let value = shared.0.get_or_try_init(make).await;
            assert_eq!(value.ok(), shared.0.get());
            value
        }
    });
    let values = all(&rt, callers.collect::<Vec<_>>()).await;
    assert_eq!(shared.1.load(Ordering::SeqCst), 1);
    assert!(
        values
            .iter()
            .all(|value| value.is_ok() && *value == values[0])
    );
}

/// S49: a caller that comes while the initialiser runs returns when it is done, with the value.
///
/// # Panics
///
/// If it returns earlier.
pub async fn s49_the_second_caller_waits<C: AsyncOnceCell, R: Runtime>(rt: R) {
    let cell = Arc::new(C::new());
    let counts: Arc<[AtomicUsize; 3]> = Arc::default();
    let first = {
        let (cell, counts, rt) = (Arc::clone(&cell), Arc::clone(&counts), rt.clone());
        rt.clone().spawn(async move {
            let make = move || -> Init {
                Box::pin(async move {
                    counts[0].store(1, Ordering::SeqCst);
                    until(&rt, || counts[2].load(Ordering::SeqCst) == 1).await;
                    Ok(1)
                })
            };
            cell.get_or_try_init(make).await
        })
    };
    until(&rt, || counts[0].load(Ordering::SeqCst) == 1).await;
    assert_eq!(cell.get(), None, "set while it is being made");
    let second = {
        let (cell, counts) = (Arc::clone(&cell), Arc::clone(&counts));
        rt.spawn(async move {
            let wait = cell.get_or_try_init(|| Box::pin(async { Ok(2) }));
            (counted_in(&counts[1], wait).await, cell.get())
        })
    };
    until(&rt, || counts[1].load(Ordering::SeqCst) == 1).await;
    rt.sleep(Duration::from_millis(2)).await;
    assert!(!second.is_finished(), "it returns too early");
    counts[2].store(1, Ordering::SeqCst);
    let second = second.await.expect("the second caller ends");
    assert_eq!(second, (Ok(1), Some(1)));
    assert_eq!(first.await.expect("the first caller ends"), Ok(1));
}

/// S52: the initialiser fails twice, then succeeds: it ran three times, each error went to its own
/// caller, and later calls do not run it.
///
/// # Panics
///
/// If that is not so.
pub async fn s52_two_failures<C: AsyncOnceCell, R: Runtime>(rt: R) {
    let shared = Arc::new((C::new(), AtomicUsize::new(0)));
    let callers = (0..6).map(|_| {
        let (shared, rt) = (Arc::clone(&shared), rt.clone());
        async move {
            let inner = Arc::clone(&shared);
            let make = move || -> Init {
                Box::pin(async move {
                    let run = inner.1.fetch_add(1, Ordering::SeqCst) as u64 + 1;
                    rt.sleep(Duration::from_millis(1)).await;
                    if run < 3 { Err(run) } else { Ok(run) }
                })
            };
            shared.0.get_or_try_init(make).await
        }
    });
    let mut results = all(&rt, callers.collect::<Vec<_>>()).await;
    results.sort();
    assert_eq!(results, [Ok(3), Ok(3), Ok(3), Ok(3), Err(1), Err(2)]);
    assert_eq!(shared.1.load(Ordering::SeqCst), 3);
}

/// The caller whose initialiser runs is aborted, and another one's panics: the next takes over each
/// time, with its own.
///
/// # Panics
///
/// If it does not. (A hang is reported by the runner.)
pub async fn abort_and_panic<C: AsyncOnceCell, R: Runtime>(rt: R) {
    let cell = Arc::new(C::new());
    let begun = Arc::new(AtomicUsize::new(0));
    let call = |make: fn() -> Init| {
        let (cell, begun) = (Arc::clone(&cell), Arc::clone(&begun));
        rt.spawn(async move {
            let make = move || {
                begun.fetch_add(1, Ordering::SeqCst);
                make()
            };
            cell.get_or_try_init(make).await
        })
    };
    let aborted = call(|| Box::pin(std::future::pending()));
    until(&rt, || begun.load(Ordering::SeqCst) == 1).await;
    // Without the panic hook's message.
    let panics = call(|| Box::pin(async { std::panic::resume_unwind(Box::new("initialiser")) }));
    rt.sleep(Duration::from_millis(1)).await;
    aborted.abort();
    assert!(panics.await.is_err());
    let last = call(|| Box::pin(async { Ok(3) }));
    assert_eq!(last.await.expect("the last caller ends"), Ok(3));
    assert!(aborted.await.is_err());
    assert_eq!((begun.load(Ordering::SeqCst), cell.get()), (3, Some(3)));
}

/// Some wait for the value without an initialiser, while others try, fail and are aborted.
///
/// # Panics
///
/// If one of them is not told. (A hang is reported by the runner.)
pub async fn waiting_for_somebody_else<C: WaitingOnceCell, R: Runtime>(rt: R) {
    let cell = Arc::new(C::new());
    let waiting = Arc::new(AtomicUsize::new(0));
    let watchers: Vec<_> = (0..3)
        .map(|_| {
            let (cell, waiting) = (Arc::clone(&cell), Arc::clone(&waiting));
            rt.spawn(async move { counted_in(&waiting, cell.wait()).await })
        })
        .collect();
    until(&rt, || waiting.load(Ordering::SeqCst) == 3).await;
    let failed = cell.get_or_try_init(|| Box::pin(async { Err(7) })).await;
    assert_eq!(failed, Err(7));
    let hangs = {
        let cell = Arc::clone(&cell);
        rt.spawn(async move {
            cell.get_or_try_init(|| Box::pin(std::future::pending()))
                .await
        })
    };
    rt.sleep(Duration::from_millis(1)).await;
    hangs.abort();
    assert!(hangs.await.is_err());
    assert!(watchers.iter().all(|watcher| !watcher.is_finished()));
    let set = cell.get_or_try_init(|| Box::pin(async { Ok(8) })).await;
    assert_eq!(set, Ok(8));
    for watcher in watchers {
        assert_eq!(watcher.await.expect("a watcher ends"), 8);
    }
}
