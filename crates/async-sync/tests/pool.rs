//! Object pools: what is kept, for how long, and what is dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::pool::PooledIn;
use async_sync::{BoundedPool, BucketPool, Pool};

/// Counts those that exist.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(alive: &'a AtomicUsize) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Counted(alive)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// S61.
#[test]
fn two_generations() {
    let alive = AtomicUsize::new(0);
    let pool = Pool::with_maker(|| Counted::new(&alive));
    assert!(pool.try_get().is_none(), "empty, and nothing is made");
    drop((pool.get(), pool.get()));
    assert_eq!((pool.idle(), alive.load(Ordering::Relaxed)), (2, 2));
    assert_eq!(pool.rotate(), 0);
    let second_chance = pool.try_get().expect("an object of the old generation");
    drop(second_chance); // young again
    assert_eq!(pool.rotate(), 1, "the one that nobody has taken");
    assert_eq!((pool.idle(), alive.load(Ordering::Relaxed)), (1, 1));
    assert_eq!(pool.rotate(), 1);
    assert_eq!((pool.idle(), alive.load(Ordering::Relaxed)), (0, 0));
    drop(pool.get());
    pool.rotate();
    assert_eq!(pool.clear(), 1, "of both generations");
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn the_young_come_first() {
    let pool: Pool<u32> = Pool::new(|| 0);
    pool.put(1);
    pool.put(2);
    pool.rotate();
    pool.put(3);
    pool.put(4);
    let mut taken: Vec<_> = (0..5).map(|_| pool.take()).collect();
    taken[..2].sort_unstable();
    taken[2..4].sort_unstable();
    assert_eq!(taken, [3, 4, 1, 2, 0]);
}

/// S62: what has grown beyond the cap is not kept.
#[test]
fn large_buffers_are_dropped() {
    let pool: Pool<Vec<u8>> = Pool::new(Vec::new)
        .cleaned_by(Vec::clear)
        .max_size(64 * 1024);
    pool.get().resize(64 * 1024, 1);
    assert_eq!(pool.idle(), 1, "exactly the cap");
    let mut buffer = pool.get();
    assert!(buffer.is_empty() && buffer.capacity() == 64 * 1024);
    buffer.reserve_exact(64 * 1024 + 1);
    drop(buffer);
    assert_eq!(pool.idle(), 0);

    let texts: Pool<String> = Pool::new(String::new).max_size(8);
    texts.put("a text of more than eight bytes".to_string());
    texts.put(String::with_capacity(8));
    assert_eq!(texts.idle(), 1);
    let boxed: Pool<Box<Vec<u64>>> = Pool::new(Box::default).max_size(32);
    boxed.put(Box::new(Vec::with_capacity(2)));
    assert_eq!(boxed.idle(), 0, "24 bytes for the vector and 16 in it");
}

#[test]
fn the_rule_cleans_first_and_asks_then() {
    static CLEANED: AtomicUsize = AtomicUsize::new(0);
    let pool: Pool<i32> = Pool::default()
        .cleaned_by(|n: &mut i32| {
            CLEANED.fetch_add(1, Ordering::Relaxed);
            *n += 1;
        })
        .keep_if(|n| *n % 2 == 0);
    pool.put(1);
    pool.put(2);
    assert_eq!((pool.idle(), CLEANED.load(Ordering::Relaxed)), (1, 2));
    assert_eq!(pool.take(), 2);
}

#[test]
fn an_object_may_be_kept_by_who_took_it() {
    let pool: Pool<String> = Pool::new(String::new);
    let mut text = pool.get();
    text.push_str("mine");
    assert_eq!(PooledIn::take(text), "mine");
    assert_eq!(pool.idle(), 0);
    let shared = Arc::new(pool);
    let owned = Arc::clone(&shared).get_owned();
    assert_eq!(format!("{owned:?}"), "\"\"");
    std::thread::spawn(move || drop(owned)).join().unwrap();
    assert_eq!(shared.idle(), 1);
    assert!(format!("{shared:?}").contains("idle: 1"));
}

/// What one thread gave back, another one finds.
#[test]
fn objects_are_found_on_other_shards() {
    let pool: Pool<u32> = Pool::new(|| 0);
    std::thread::scope(|scope| {
        for n in 1..=20 {
            let pool = &pool;
            scope.spawn(move || pool.put(n)).join().unwrap();
        }
    });
    let mut found: Vec<_> = (0..20).map(|_| pool.take()).collect();
    found.sort_unstable();
    assert_eq!(found, (1..=20).collect::<Vec<_>>());
    assert_eq!((pool.take(), pool.idle()), (0, 0));
}

/// Objects go round between threads, and nobody ever has one that another one has.
#[test]
fn nobody_shares_an_object() {
    let made = AtomicUsize::new(0);
    let in_use: Vec<_> = (0..64).map(|_| AtomicUsize::new(0)).collect();
    let pool = Pool::with_maker(|| made.fetch_add(1, Ordering::Relaxed));
    let (limit, rounds) = (8, if cfg!(miri) { 50 } else { 5000 });
    std::thread::scope(|scope| {
        for thread in 0..limit {
            let (pool, in_use) = (&pool, &in_use);
            scope.spawn(move || {
                for round in 0..rounds {
                    let object = pool.get();
                    // (More than these are made only if objects are dropped, as every shard was busy.)
                    if let Some(slot) = in_use.get(*object) {
                        assert_eq!(slot.fetch_add(1, Ordering::Relaxed), 0);
                        assert_eq!(slot.fetch_sub(1, Ordering::Relaxed), 1);
                    }
                    drop(object);
                    if thread == 0 && round % 100 == 0 {
                        pool.rotate();
                    }
                }
            });
        }
    });
    assert!(pool.idle() <= made.load(Ordering::Relaxed));
}

/// S63.
#[test]
fn a_bounded_pool_drops_the_surplus() {
    let alive = AtomicUsize::new(0);
    let pool = BoundedPool::with_maker(2, || Counted::new(&alive));
    assert!(pool.try_get().is_none());
    let three = [pool.get(), pool.get(), pool.get()];
    assert_eq!(alive.load(Ordering::Relaxed), 3, "an empty one makes more");
    drop(three);
    assert_eq!((pool.idle(), alive.load(Ordering::Relaxed)), (2, 2));
    assert_eq!((pool.limit(), pool.clear(), pool.idle()), (2, 2, 0));
    assert_eq!(alive.load(Ordering::Relaxed), 0);
    let none = BoundedPool::new(0, || 0);
    none.put(1);
    assert_eq!(none.idle(), 0);
    let pool = BoundedPool::new(9, || 0).keep_if(|n| *n > 1);
    for n in 0..5 {
        pool.put(n);
    }
    assert_eq!((pool.take(), pool.take(), pool.idle()), (4, 3, 1));
    let shared = Arc::new(pool);
    drop(Arc::clone(&shared).get_owned());
    assert_eq!((shared.idle(), shared.limit()), (1, 9));
    assert!(format!("{shared:?}").contains("idle: Some(1)"));
}

/// What a rule refuses, or panics about, is dropped, once: from a guard and by `put`.
#[test]
fn what_is_not_kept_is_dropped() {
    let counted = Arc::new(());
    let pool = Pool::with_maker(|| Arc::clone(&counted)).keep_if(|_| false);
    let bounded = BoundedPool::with_maker(9, || Arc::clone(&counted)).keep_if(|_| false);
    let full = BoundedPool::with_maker(0, || Arc::clone(&counted));
    let picky = Pool::with_maker(|| Arc::clone(&counted)).cleaned_by(|_| panic!("not this one"));
    drop((pool.get(), bounded.get(), full.get()));
    pool.put(pool.take());
    bounded.put(Arc::clone(&counted));
    full.put(Arc::clone(&counted));
    for object in [picky.get(), picky.get()] {
        catch_unwind(AssertUnwindSafe(|| drop(object))).unwrap_err();
    }
    catch_unwind(AssertUnwindSafe(|| picky.put(Arc::clone(&counted)))).unwrap_err();
    assert_eq!(Arc::strong_count(&counted), 1);
    assert_eq!(
        (pool.idle(), bounded.idle(), full.idle(), picky.idle()),
        (0, 0, 0, 0)
    );
}

/// S63: one that has grown is replaced by one of the right size, or dropped.
#[test]
fn a_bounded_pool_of_one_size() {
    let replaces = BoundedPool::new(2, || Vec::<u8>::with_capacity(16)).cleaned_by(|buffer| {
        if buffer.capacity() > 16 {
            *buffer = Vec::with_capacity(16);
        }
    });
    replaces.get().reserve(100);
    assert_eq!((replaces.idle(), replaces.get().capacity()), (1, 16));
    let drops = BoundedPool::new(2, || Vec::<u8>::with_capacity(16)).max_size(16);
    drops.get().reserve(100);
    assert_eq!(drops.idle(), 0);
}

/// S62: and every request fits, whatever came back before.
#[test]
fn buckets() {
    let pool = BucketPool::new(500, 4000);
    assert_eq!(pool.sizes().collect::<Vec<_>>(), [512, 1024, 2048, 4096]);
    assert!(pool.get(600).capacity() >= 1024);
    assert_eq!(pool.idle(), 1);
    pool.put(Vec::with_capacity(1023)); // to the tier of 512
    pool.put(Vec::with_capacity(511));
    pool.put(Vec::with_capacity(4097));
    assert_eq!(pool.idle(), 2, "the others are out of range");
    for size in [
        0, 1, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 9999,
    ] {
        let mut buffer = pool.get(size);
        assert!(buffer.is_empty() && buffer.capacity() >= size, "{size}");
        buffer.push(1);
    }
    assert_eq!(
        (pool.rotate(), pool.rotate() > 0, pool.idle()),
        (0, true, 0)
    );
    let shared = Arc::new(pool);
    let mut grows = Arc::clone(&shared).get_owned(1);
    grows.reserve_exact(2048);
    drop(grows);
    assert_eq!(format!("{shared:?}"), "{512: 0, 1024: 0, 2048: 1, 4096: 0}");
    assert_eq!((shared.clear(), shared.idle()), (1, 0));
}

#[test]
#[should_panic(expected = "the smallest tier of a bucket pool, 8, is larger than its largest, 4")]
fn buckets_the_wrong_way_round() {
    let _ = BucketPool::new(8, 4);
}

#[test]
#[should_panic(expected = "of zero bytes")]
fn buckets_of_nothing() {
    let _ = BucketPool::new(0, 4);
}
