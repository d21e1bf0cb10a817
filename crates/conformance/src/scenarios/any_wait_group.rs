//! Any wait group: ours, and the peers'.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::JoinHandle;

use crate::peers::AsyncWaitGroup;
use crate::{Runtime, counted_in, until};

/// S33: ten workers; waiting ends with the last, and at once when there is nobody.
///
/// # Panics
///
/// If it does not.
pub async fn s33_ten_workers<W: AsyncWaitGroup, R: Runtime>(rt: R) {
    W::new().wait().await;
    let group = W::new();
    let counter = Arc::new(AtomicUsize::new(0));
    let start = rt.now();
    let workers: Vec<_> = (0..10)
        .map(|_| {
            let (token, counter) = (group.token(), Arc::clone(&counter));
            let sleep = rt.sleep(Duration::from_millis(10));
            rt.spawn(async move {
                sleep.await;
                counter.fetch_add(1, Ordering::Relaxed);
                drop(token);
            })
        })
        .collect();
    group.wait().await;
    assert_eq!(counter.load(Ordering::Relaxed), 10);
    assert!(rt.now() - start >= Duration::from_millis(10));
    for worker in workers {
        worker.await.expect("a worker ends");
    }
}

/// S35: several waiters wake together.
///
/// # Panics
///
/// If one does not. (A hang is reported by the runner.)
pub async fn s35_three_waiters<W: AsyncWaitGroup, R: Runtime>(rt: R) {
    let group = Arc::new(W::new());
    let waiting = Arc::new(AtomicUsize::new(0));
    let tokens: Vec<_> = (0..3).map(|_| group.token()).collect();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let (group, waiting) = (Arc::clone(&group), Arc::clone(&waiting));
            rt.spawn(async move { counted_in(&waiting, group.wait()).await })
        })
        .collect();
    until(&rt, || waiting.load(Ordering::SeqCst) == 3).await;
    drop(tokens);
    for waiter in waiters {
        waiter.await.expect("a waiter ends");
    }
}

/// S37: a worker that panics, and one that is aborted, count as done.
///
/// # Panics
///
/// If they do not. (A hang is reported by the runner.)
pub async fn s37_panic_and_abort<W: AsyncWaitGroup, R: Runtime>(rt: R) {
    let group = W::new();
    let token = group.token();
    let panics = rt.spawn(async move {
        let _token = token;
        // Without the panic hook's message.
        std::panic::resume_unwind(Box::new("worker"));
    });
    let token = group.token();
    let aborted = rt.spawn(async move {
        let _token = token;
        std::future::pending::<()>().await;
    });
    aborted.abort();
    group.wait().await;
    assert!(panics.await.is_err());
    assert!(aborted.await.is_err());
}
