//! The wait group: what needs our own API. See [`any_wait_group`](super::any_wait_group) for the
//! rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::{Event, RawWaitGroup, WaitGroup};
use runtime::JoinHandle;

use crate::{Runtime, until};

/// S34: children that add themselves are waited for only if they did so in time; counted before
/// they are spawned, they always are.
///
/// # Panics
///
/// If a wait returns early or late.
pub async fn s34_add_before_spawn<R: Runtime>(rt: R) {
    let late = Arc::new(RawWaitGroup::new());
    let waited = Arc::new(Event::new());
    let children: Vec<_> = (0..2)
        .map(|_| {
            let (late, waited) = (Arc::clone(&late), Arc::clone(&waited));
            rt.spawn(async move {
                waited.wait().await;
                late.add(1);
                late.done();
            })
        })
        .collect();
    late.wait().await; // the documented hazard: nobody has been counted
    assert!(children.iter().all(|child| !child.is_finished()));
    waited.set();
    for child in children {
        child.await.expect("a child ends");
    }
    let group = Arc::new(RawWaitGroup::new());
    let start = rt.now();
    group.add(2);
    let children: Vec<_> = [3, 5]
        .map(|ms| {
            let (group, rt) = (Arc::clone(&group), rt.clone());
            rt.clone().spawn(async move {
                rt.sleep(Duration::from_millis(ms)).await;
                group.done();
            })
        })
        .into();
    group.wait().await;
    assert!(rt.now() - start >= Duration::from_millis(5));
    for child in children {
        child.await.expect("a child ends");
    }
}

/// S35, S38: several waiters wake together; the count is there to look at.
///
/// # Panics
///
/// If one does not.
pub async fn s35_three_waiters<R: Runtime>(rt: R) {
    let group = Arc::new(WaitGroup::new());
    let tokens: Vec<_> = (0..3).map(|_| group.add_owned()).collect();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let group = Arc::clone(&group);
            rt.spawn(async move { group.wait().await })
        })
        .collect();
    until(&rt, || group.waiters() == 3).await;
    for (gone, token) in tokens.into_iter().enumerate() {
        assert_eq!(group.count(), 3 - gone);
        drop(token);
    }
    for waiter in waiters {
        waiter.await.expect("a waiter ends");
    }
}

/// S37: a worker that panics, and one that is aborted, count as done.
///
/// # Panics
///
/// If they do not. (A hang is reported by the runner.)
pub async fn s37_panic_and_abort<R: Runtime>(rt: R) {
    let group = Arc::new(WaitGroup::new());
    let panics = rt.spawn(group.track(async {
        // Without the panic hook's message.
        std::panic::resume_unwind(Box::new("worker"));
    }));
    let aborted = rt.spawn(group.track(std::future::pending::<()>()));
    aborted.abort();
    group.wait().await;
    assert!(panics.await.is_err());
    assert!(aborted.await.is_err());
}

/// A group is used round after round, while waiters of the last one may still be on their way.
///
/// # Panics
///
/// If a wait ends before its round, or not at all.
pub async fn rounds<R: Runtime>(rt: R) {
    let group = Arc::new(RawWaitGroup::new());
    let done = Arc::new(AtomicUsize::new(0));
    let mut waiters = Vec::new();
    for round in 1..=5 {
        group.add(2);
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (group, done, rt) = (Arc::clone(&group), Arc::clone(&done), rt.clone());
                rt.clone().spawn(async move {
                    rt.sleep(Duration::from_micros(100)).await;
                    done.fetch_add(1, Ordering::SeqCst);
                    group.done();
                })
            })
            .collect();
        let (watched, seen) = (Arc::clone(&group), Arc::clone(&done));
        waiters.push(rt.spawn(async move {
            watched.wait().await;
            assert!(seen.load(Ordering::SeqCst) >= 2);
        }));
        group.wait().await;
        assert_eq!(done.load(Ordering::SeqCst), 2 * round);
        for worker in workers {
            worker.await.expect("a worker ends");
        }
    }
    for waiter in waiters {
        waiter.await.expect("a waiter ends");
    }
}
