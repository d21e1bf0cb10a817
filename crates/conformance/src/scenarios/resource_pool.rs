//! Pools of connections, whoever made them; and what needs our own API.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use async_sync::ResourcePool;
use async_sync::resource_pool::{GetError, LeaseIn, Manager, TryGetError};
use runtime::JoinHandle;

use crate::peers::resource_pool::{AsyncPool, Ledger};
use crate::{Runtime, all, until};

const MILLI: Duration = Duration::from_millis(1);

/// S64: what came back last is lent first; what is broken is not lent again, and another takes its
/// place.
///
/// # Panics
///
/// If not.
pub async fn s64_last_in_first_out<P: AsyncPool, R: Runtime>(_rt: R) {
    let ledger = Arc::new(Ledger::default());
    let pool = P::new(Arc::clone(&ledger), 2).await;
    let inner = pool
        .lend(async |outer| (outer, pool.lend(async |inner| inner).await))
        .await;
    let Some((outer, Some(inner))) = inner else {
        panic!("two connections");
    };
    assert_ne!(outer, inner);
    // The outer one came back last.
    assert_eq!(pool.lend(async |number| number).await, Some(outer));
    P::spoil(pool.get().await.expect("a connection"));
    let next = pool.lend(async |number| number).await;
    assert_eq!((next, ledger.open.load(SeqCst)), (Some(inner), 1));
}

/// Many tasks share few connections: never more than the limit, and nobody hangs.
///
/// # Panics
///
/// If not.
pub async fn s64_a_crowd<P: AsyncPool, R: Runtime>(rt: R) {
    let ledger = Arc::new(Ledger::default());
    let pool = Arc::new(P::new(Arc::clone(&ledger), 3).await);
    let tasks = (0..12_u32).map(|task| {
        let (pool, rt) = (Arc::clone(&pool), rt.clone());
        async move {
            for round in 0..5 {
                let pause = MILLI * ((task + round) % 3);
                let lent = pool.lend(|_| rt.sleep(pause)).await;
                assert!(lent.is_some());
            }
        }
    });
    all(&rt, tasks).await;
    assert!(ledger.most.load(SeqCst) <= 3);
}

/// A creation that fails, and one that is cancelled, give their place to the next.
///
/// # Panics
///
/// If not. (A hang is reported by the runner.)
pub async fn a_place_is_passed_on<P: AsyncPool, R: Runtime>(rt: R) {
    let ledger = Arc::new(Ledger::default());
    let pool = Arc::new(P::new(Arc::clone(&ledger), 1).await);
    ledger.stuck.store(1, SeqCst);
    let lend = |pause: u32| {
        let (pool, rt) = (Arc::clone(&pool), rt.clone());
        async move { pool.lend(|_| rt.sleep(MILLI * pause)).await.is_some() }
    };
    let stuck = rt.spawn(lend(0));
    until(&rt, || ledger.stuck.load(SeqCst) == 0).await;
    ledger.failures.store(1, SeqCst);
    let waiting = [rt.spawn(lend(1)), rt.spawn(lend(1))];
    rt.sleep(MILLI * 3).await;
    stuck.abort();
    let mut lent = 0;
    for task in waiting {
        lent += usize::from(task.await.expect("a task ends"));
    }
    assert_eq!(lent, 1, "one creation failed");
    assert_eq!((ledger.most.load(SeqCst), ledger.open.load(SeqCst)), (1, 1));
}

/// Requests that are cancelled as they wait lose nothing.
///
/// # Panics
///
/// If not.
pub async fn cancelled_requests<P: AsyncPool, R: Runtime>(rt: R) {
    let ledger = Arc::new(Ledger::default());
    let pool = Arc::new(P::new(Arc::clone(&ledger), 2).await);
    let tasks = (0..16_u32).map(|task| {
        let (pool, rt) = (Arc::clone(&pool), rt.clone());
        async move {
            for round in 0..4 {
                let lend = pool.lend(|_| rt.sleep(MILLI * 2));
                let patience = MILLI * ((task * 7 + round) % 5);
                let _ = rt.timeout(patience, lend).await;
            }
        }
    });
    all(&rt, tasks).await;
    // Both places are there, and no more.
    let (a, b) = (Arc::clone(&pool), Arc::clone(&pool));
    let both = a
        .lend(|_| async move { b.lend(async |_| ()).await.is_some() })
        .await;
    assert_eq!(both, Some(true));
    assert!(ledger.most.load(SeqCst) <= 2);
}

/// A manager that counts.
struct Numbers(Arc<Ledger>);

impl Manager for Numbers {
    type Resource = usize;
    type Error = ();

    async fn create(&self) -> Result<usize, ()> {
        self.0.open.fetch_add(1, SeqCst);
        Ok(self.0.created.fetch_add(1, SeqCst))
    }

    fn close(&self, _: usize) {
        self.0.open.fetch_sub(1, SeqCst);
    }
}

/// S64: closing refuses all who wait, closes what is idle at once and what is lent when it comes back.
///
/// # Panics
///
/// If not.
pub async fn s64_close<R: Runtime>(rt: R) {
    let ledger = Arc::new(Ledger::default());
    let pool = Arc::new(ResourcePool::new(Numbers(Arc::clone(&ledger)), 2));
    let lent = pool.get().await.expect("a resource");
    let other = pool.get().await.expect("a resource");
    let waiting: Vec<_> = (0..3)
        .map(|_| rt.spawn(Arc::clone(&pool).get_owned()))
        .collect();
    until(&rt, || pool.status().waiters == 3).await;
    let closed = rt.spawn({
        let pool = Arc::clone(&pool);
        async move { pool.closed().await }
    });
    pool.close();
    for task in waiting {
        let refused = task.await.expect("a task ends");
        assert_eq!(refused.err(), Some(GetError::Closed));
    }
    drop(other);
    rt.sleep(MILLI).await;
    assert!(!closed.is_finished());
    drop(lent);
    closed.await.expect("a task ends");
    assert_eq!((ledger.open.load(SeqCst), pool.status().size), (0, 0));
}

/// S64: the limits of age, by the runtime's clock; `fill` and `maintain`.
///
/// # Panics
///
/// If not.
pub async fn s64_limits_of_age<R: Runtime>(rt: R) {
    let ledger = Arc::new(Ledger::default());
    let pool = ResourcePool::builder(Numbers(Arc::clone(&ledger)))
        .max(4)
        .min_idle(2)
        .idle_limit(MILLI * 1000)
        .timer(&rt)
        .build();
    pool.maintain().await.expect("two are created");
    assert_eq!(pool.status().idle, 2);
    let lease = pool.try_get().expect("one is idle");
    assert_eq!(*lease, 1);
    rt.sleep(MILLI * 1200).await;
    assert_eq!(pool.try_get().err(), Some(TryGetError::Empty), "too old");
    assert_eq!(ledger.open.load(SeqCst), 1, "the one that is lent");
    pool.maintain().await.expect("two are created");
    assert_eq!((pool.status().idle, pool.status().size), (2, 3));
    assert_eq!(LeaseIn::take(lease), 1);
    assert_eq!(pool.status().size, 2);
}
