//! Maps, keyed locks, object pools and queues: S58 to S63, on every runtime.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_sync::{BoundedPool, BucketPool, KeyedMutex, Map, Pool, Queue};
use runtime::JoinHandle;

use crate::{Runtime, all, until};

const MILLI: Duration = Duration::from_millis(1);

/// S55, S56: tasks that work on keys of their own do not get into each other's way, and each finds what
/// it has stored; `range` stops when it is told to.
///
/// # Panics
///
/// If not.
pub async fn s55_disjoint_keys<R: Runtime>(rt: R) {
    let map = Arc::new(Map::<u64, u64>::new());
    let tasks = (0..8).map(|task| {
        let (map, rt) = (Arc::clone(&map), rt.clone());
        async move {
            for n in 0..20 {
                let key = task * 100 + n;
                map.store(key, n);
                if n % 5 == 0 {
                    rt.sleep(Duration::ZERO).await;
                }
                assert_eq!(map.load(&key), Some(n));
                assert!(map.delete(&key));
                if n % 2 == 0 {
                    assert_eq!(map.load_or_store(key, n), (n, false));
                }
            }
        }
    });
    all(&rt, tasks).await;
    assert_eq!(map.len(), 80);
    let mut seen = 0;
    map.range(|_, _| {
        seen += 1;
        seen < 10
    });
    assert_eq!(seen, 10);
}

/// S59: of many who store the same key at once, one does, and all get its value.
///
/// # Panics
///
/// If not.
pub async fn s59_load_or_store<R: Runtime>(rt: R) {
    let map = Arc::new(Map::<&str, u32>::new());
    let tasks = (0..10).map(|task| {
        let map = Arc::clone(&map);
        async move { map.load_or_store("key", task) }
    });
    let got = all(&rt, tasks).await;
    let first = map.load("key").expect("it is stored");
    assert!(got.iter().all(|(value, _)| *value == first));
    assert_eq!(got.iter().filter(|(_, loaded)| !loaded).count(), 1);
}

/// A value that is asked for by many is computed by one; if that one is aborted, by the next.
///
/// # Panics
///
/// If not.
pub async fn computed_once<R: Runtime>(rt: R) {
    let map = Arc::new(Map::<u8, usize>::new());
    let begun = Arc::new(AtomicUsize::new(0));
    let ask = || {
        let (map, begun, rt) = (Arc::clone(&map), Arc::clone(&begun), rt.clone());
        async move {
            map.get_or_compute(1, async || {
                let n = begun.fetch_add(1, SeqCst);
                if n == 0 {
                    // Until it is aborted.
                    std::future::pending::<()>().await;
                }
                rt.sleep(MILLI * 5).await;
                n
            })
            .await
        }
    };
    let first = rt.spawn(ask());
    until(&rt, || begun.load(SeqCst) == 1).await;
    let others: Vec<_> = (0..5).map(|_| rt.spawn(ask())).collect();
    rt.sleep(MILLI).await;
    first.abort();
    assert!(first.await.is_err());
    for other in others {
        assert_eq!(
            other.await.expect("a task ends"),
            1,
            "of the second attempt"
        );
    }
    assert_eq!((begun.load(SeqCst), map.computing()), (2, 0));
}

/// Work on one key goes one after the other; on different keys side by side; and nothing is left.
///
/// # Panics
///
/// If not.
pub async fn keyed_locks<R: Runtime>(rt: R) {
    let mutex = Arc::new(KeyedMutex::<u32>::new());
    let inside: Arc<[AtomicUsize; 3]> = Arc::default();
    let both = Arc::new(AtomicUsize::new(0));
    let tasks = (0..12_u32).map(|task| {
        let (mutex, inside, both, rt) = (
            Arc::clone(&mutex),
            Arc::clone(&inside),
            Arc::clone(&both),
            rt.clone(),
        );
        async move {
            let key = task % 3;
            let impatient = task % 4 == 3;
            let lock = mutex.lock(key);
            let guard = if impatient {
                match rt.timeout(MILLI, lock).await {
                    Ok(guard) => guard,
                    Err(_) => return,
                }
            } else {
                lock.await
            };
            let busy = &inside[key as usize];
            assert_eq!(busy.fetch_add(1, SeqCst), 0);
            let elsewhere = inside.iter().map(|n| n.load(SeqCst)).sum::<usize>();
            both.fetch_max(elsewhere, SeqCst);
            rt.sleep(MILLI * 2).await;
            if task < 3 {
                // One for each key.
                until(&rt, || both.load(SeqCst) > 1).await;
            }
            assert_eq!(busy.fetch_sub(1, SeqCst), 1);
            drop(guard);
        }
    });
    all(&rt, tasks).await;
    assert!(mutex.is_empty());
}

/// S60: what each producer pushes comes out in its order, once.
///
/// # Panics
///
/// If not.
pub async fn s60_queue<R: Runtime>(rt: R) {
    let queue = Arc::new(Queue::new());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let producers = (0..4).map(|producer| {
        let (queue, rt) = (Arc::clone(&queue), rt.clone());
        rt.clone().spawn(async move {
            for n in 0..25 {
                queue.push((producer, n));
                if n % 5 == 0 {
                    rt.sleep(Duration::ZERO).await;
                }
            }
        })
    });
    let producers: Vec<_> = producers.collect();
    let consumers = (0..2).map(|_| {
        let (queue, taken, rt) = (Arc::clone(&queue), Arc::clone(&taken), rt.clone());
        async move {
            let mut last = [None; 4];
            while taken.lock().expect("nobody panics").len() < 100 {
                let Some((producer, n)) = queue.pop() else {
                    rt.sleep(MILLI).await;
                    continue;
                };
                assert!(last[producer] < Some(n), "in order");
                last[producer] = Some(n);
                taken.lock().expect("nobody panics").push((producer, n));
            }
        }
    });
    all(&rt, consumers).await;
    for producer in producers {
        producer.await.expect("a producer ends");
    }
    let mut taken = std::mem::take(&mut *taken.lock().expect("nobody panics"));
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((taken.len(), queue.pop()), (100, None));
}

/// S61 to S63: generations, caps, tiers and bounds, with objects that go from task to task.
///
/// # Panics
///
/// If not.
pub async fn s61_pools<R: Runtime>(rt: R) {
    let pool = Arc::new(
        Pool::new(Vec::<u8>::new)
            .cleaned_by(Vec::clear)
            .max_size(1 << 16),
    );
    let buckets = Arc::new(BucketPool::new(512, 4096));
    let bounded = Arc::new(BoundedPool::new(2, || 0));
    let lent = Arc::new(AtomicUsize::new(0));
    let tasks = (0..6).map(|task| {
        let (pool, buckets, bounded, lent, rt) = (
            Arc::clone(&pool),
            Arc::clone(&buckets),
            Arc::clone(&bounded),
            Arc::clone(&lent),
            rt.clone(),
        );
        async move {
            let mut buffer = pool.get_owned();
            let mut sized = buckets.get_owned(600);
            let number = bounded.get_owned();
            assert!(buffer.is_empty() && sized.is_empty() && sized.capacity() >= 600);
            buffer.resize(100 << (task * 2), 1); // the last: more than the cap
            sized.push(1);
            lent.fetch_add(1, SeqCst);
            until(&rt, || lent.load(SeqCst) == 6).await;
            assert_eq!(sized.len(), 1);
            drop((buffer, sized, number));
        }
    });
    all(&rt, tasks).await;
    assert!(bounded.idle() <= 2 && buckets.idle() >= 1);
    let idle = pool.idle();
    assert!((1..6).contains(&idle), "the largest is not kept");
    assert_eq!((pool.rotate(), pool.idle()), (0, idle));
    assert_eq!((pool.rotate(), pool.idle()), (idle, 0));
}
