//! Map: each operation beside a `HashMap`; what is computed once; what is freed.

mod support;

use std::cell::Cell;
use std::collections::HashMap;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use async_sync::{AutoEvent, Map};
use support::{Polled, Task, queued};

/// A generator of numbers that are random enough.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 16
}

/// Random operations on a map and on a `HashMap`, which must agree after each.
#[test]
fn random_operations_beside_a_hash_map() {
    let (seeds, steps) = if cfg!(miri) { (1, 100) } else { (50, 2000) };
    for seed in 1..=seeds {
        let (map, mut oracle) = (Map::<u64, u64>::new(), HashMap::new());
        let mut state = seed * 7919;
        for step in 0..steps {
            let (key, value) = (random(&mut state) % 12, random(&mut state) % 4);
            match random(&mut state) % 14 {
                0 | 1 => {
                    map.store(key, value);
                    oracle.insert(key, value);
                }
                2 => assert_eq!(map.swap(key, value), oracle.insert(key, value)),
                3 => {
                    let loaded = oracle.contains_key(&key);
                    let expected = (*oracle.entry(key).or_insert(value), loaded);
                    assert_eq!(map.load_or_store(key, value), expected);
                }
                4 => {
                    let expected = (*oracle.entry(key).or_insert(value), map.contains_key(&key));
                    assert_eq!(map.load_or_store_with(key, || value), expected);
                }
                5 => assert_eq!(map.load_and_delete(&key), oracle.remove(&key)),
                6 => assert_eq!(map.delete(&key), oracle.remove(&key).is_some()),
                7 => {
                    let swaps = oracle.get(&key) == Some(&(value / 2));
                    if swaps {
                        oracle.insert(key, value);
                    }
                    assert_eq!(map.compare_and_swap(key, &(value / 2), value), swaps);
                }
                8 => {
                    let deletes = oracle.get(&key) == Some(&value);
                    if deletes {
                        oracle.remove(&key);
                    }
                    assert_eq!(map.compare_and_delete(&key, &value), deletes);
                }
                9 => {
                    let step = |old: Option<&u64>| match old {
                        None => Some(value),
                        Some(n) if *n > 2 => None,
                        Some(n) => Some(n + 1),
                    };
                    let new = step(oracle.get(&key));
                    match new {
                        Some(new) => oracle.insert(key, new),
                        None => oracle.remove(&key),
                    };
                    assert_eq!(map.update(key, step), new);
                }
                10 if random(&mut state).is_multiple_of(20) => {
                    map.clear();
                    oracle.clear();
                }
                11 if random(&mut state).is_multiple_of(10) => {
                    map.retain(|_, v| *v != value);
                    oracle.retain(|_, v| *v != value);
                }
                12 => {
                    let expected = *oracle.entry(key).or_insert(value);
                    let got = Polled::new(map.get_or_compute(key, || ready(value))).ready();
                    assert_eq!(got, expected);
                }
                _ => assert_eq!(map.with(&key, |v| *v), oracle.get(&key).copied()),
            }
            assert_eq!(map.load(&key), oracle.get(&key).copied(), "step {step}");
            assert_eq!(
                (map.len(), map.is_empty()),
                (oracle.len(), oracle.is_empty())
            );
            assert_eq!(map.computing(), 0);
        }
        let mut seen = HashMap::new();
        map.range(|k, v| seen.insert(*k, *v).is_none());
        assert_eq!(seen, oracle, "each live key once");
    }
}

#[test]
fn range_stops_and_may_use_the_map() {
    let map: Map<u32, u32> = (0..100).map(|n| (n, n)).collect();
    let mut seen = 0;
    map.range(|_, _| {
        seen += 1;
        seen < 7
    });
    assert_eq!(seen, 7);
    map.range(|key, _| {
        map.delete(key);
        map.store(key + 1000, 0);
        assert!(map.load(&(key + 1000)).is_some());
        *key < 1000
    });
    assert!((0..100).filter(|n| map.contains_key(n)).count() < 100);
}

/// S58: Go 1.15 leaked what `LoadAndDelete` took out (go#40999, of go#33762).
#[test]
fn what_is_deleted_is_freed() {
    let map = Map::<u32, Arc<u32>>::new();
    let dead = |weak: &Weak<u32>| weak.strong_count() == 0;
    let value = Arc::new(7);
    let weak = Arc::downgrade(&value);
    map.store(1, value);
    assert_eq!(map.load_and_delete(&1).as_deref(), Some(&7));
    assert_eq!(map.load_and_delete(&1), None);
    map.flush();
    assert!(dead(&weak), "deleted");

    const MANY: u32 = if cfg!(miri) { 300 } else { 1000 };
    let weaks: Vec<_> = (0..MANY)
        .map(|n| {
            let value = Arc::new(n);
            let weak = Arc::downgrade(&value);
            map.store(2, value);
            weak
        })
        .collect();
    let alive = weaks.iter().filter(|weak| !dead(weak)).count();
    assert!(alive <= 130, "{alive} of {MANY} that were replaced");
    map.flush();
    assert_eq!(weaks.iter().filter(|weak| !dead(weak)).count(), 1);
    map.clear();
    map.flush();
    assert!(dead(&weaks[MANY as usize - 1]), "cleared");
}

#[test]
fn an_absent_value_is_computed_by_one() {
    let map = Map::<&str, u32>::new();
    let (door, calls) = (AutoEvent::new(), Cell::new(0));
    let compute = || {
        map.get_or_compute("key", || {
            calls.set(calls.get() + 1);
            async {
                door.wait().await;
                7
            }
        })
    };
    let unpolled = compute();
    let mut first = queued(compute());
    let mut others = [queued(compute()), queued(compute())];
    assert_eq!((calls.get(), map.computing()), (1, 1));
    first.pending(); // spurious
    door.set();
    assert!(first.woken());
    assert_eq!(first.ready(), 7);
    for other in &mut others {
        assert!(other.woken(), "all are woken at once");
        assert_eq!(other.ready(), 7);
    }
    drop((first, others, unpolled));
    assert_eq!(
        (calls.get(), map.computing(), map.load("key")),
        (1, 0, Some(7))
    );
}

/// The one that computes is dropped, panics or fails; the next in line runs its own.
#[test]
fn the_next_in_line_takes_over() {
    for how in 0..3 {
        let map = Map::<u8, u32>::new();
        let (fail, door) = (how == 1, AutoEvent::new());
        let mut first = queued(map.get_or_try_compute(1, async || {
            door.wait().await;
            assert!(how != 2, "the initialiser's own");
            if fail { Err("refused") } else { Ok(1) }
        }));
        let leaves = queued(map.get_or_try_compute(1, async || Ok::<_, &str>(2)));
        let mut second = queued(map.get_or_try_compute(1, async || Ok::<_, &str>(3)));
        drop(leaves);
        match how {
            0 => drop(first),
            1 => {
                door.set();
                assert_eq!(first.ready(), Err("refused"));
                drop(first);
            }
            _ => {
                door.set();
                let result =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| first.poll()));
                assert!(result.is_err());
            }
        }
        assert!(second.woken(), "how {how}");
        assert_eq!(second.ready(), Ok(3));
        drop(second);
        assert_eq!(map.load(&1), Some(3));
    }
}

#[test]
fn all_leave_and_nothing_is_left() {
    let map = Map::<u8, u32>::new();
    let first = queued(map.get_or_compute(1, pending));
    let second = queued(map.get_or_compute(1, pending));
    assert_eq!(map.computing(), 1);
    drop(first);
    drop(second);
    assert_eq!((map.computing(), map.len()), (0, 0));
}

#[test]
fn a_value_that_is_stored_meanwhile_stays() {
    let map = Map::<u8, u32>::new();
    let door = AutoEvent::new();
    let mut computes = queued(map.get_or_compute(1, async || {
        door.wait().await;
        7
    }));
    let mut waits = queued(map.get_or_compute(1, async || unreachable!()));
    map.store(1, 8);
    assert_eq!(Polled::new(map.get_or_compute(1, async || 9)).ready(), 8);
    door.set();
    assert_eq!((computes.ready(), waits.ready()), (8, 8));
}

/// The value was computed and deleted, while one who had waited for it is not polled. Who comes then
/// must not get the deleted value, but have it computed anew.
#[test]
fn a_deleted_value_is_not_seen_by_those_who_come_later() {
    let map = Map::<u8, u32>::new();
    let door = AutoEvent::new();
    let mut computes = queued(map.get_or_compute(1, async || {
        door.wait().await;
        7
    }));
    let mut sleeper = queued(map.get_or_compute(1, async || unreachable!()));
    door.set();
    assert_eq!(computes.ready(), 7);
    assert!(map.delete(&1));
    assert_eq!(Polled::new(map.get_or_compute(1, async || 8)).ready(), 8);
    assert_eq!(sleeper.ready(), 7, "it was there while this one waited");
    drop((computes, sleeper));
    assert_eq!((map.load(&1), map.computing()), (Some(8), 0));
}

/// Woken, and dropped before it is polled: the turn goes on.
#[test]
fn a_turn_that_is_dropped_is_passed_on() {
    let map = Map::<u8, u32>::new();
    let first = queued(map.get_or_compute(1, pending));
    let second = queued(map.get_or_compute(1, pending));
    let mut third = queued(map.get_or_compute(1, async || 3));
    drop(first);
    assert!(second.woken() && !third.woken());
    drop(second);
    assert!(third.woken());
    assert_eq!(third.ready(), 3);
}

#[test]
#[should_panic(expected = "a future was polled after it had completed")]
fn polled_after_completion() {
    let map = Map::<u8, u32>::new();
    let mut future = Polled::new(map.get_or_compute(1, async || 1));
    assert_eq!(future.ready(), 1);
    let _ = future.poll();
}

#[test]
fn another_waker() {
    let map = Map::<u8, u32>::new();
    let first = queued(map.get_or_compute(1, pending));
    let mut second = queued(map.get_or_compute(1, async || 2));
    let old = std::mem::replace(&mut second.task, Task::new());
    second.pending();
    drop(first);
    assert!(second.woken() && old.woken() == 0);
    assert_eq!(second.ready(), 2);
}

/// Keys are computed, deleted and asked for by many threads; no key is ever computed by two at once.
#[test]
fn a_crowd_computes() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 1000 };
    let map = Arc::new(Map::<u64, u64>::new());
    let at_work: Arc<Vec<AtomicUsize>> = Arc::new((0..4).map(|_| AtomicUsize::new(0)).collect());
    runtime.block_on(async {
        let tasks: Vec<_> = (0..8u64)
            .map(|task| {
                let (map, at_work) = (Arc::clone(&map), Arc::clone(&at_work));
                tokio::spawn(async move {
                    let mut state = task * 31 + 1;
                    for _ in 0..ROUNDS {
                        let key = random(&mut state) % 4;
                        if random(&mut state).is_multiple_of(4) {
                            map.delete(&key);
                            continue;
                        }
                        let busy = &at_work[key as usize];
                        let value = map
                            .get_or_compute(key, async || {
                                assert_eq!(busy.fetch_add(1, Ordering::Relaxed), 0);
                                tokio::task::yield_now().await;
                                assert_eq!(busy.fetch_sub(1, Ordering::Relaxed), 1);
                                key * 10
                            })
                            .await;
                        assert_eq!(value, key * 10);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(map.computing(), 0);
}

/// Two threads load, store and delete disjoint keys and shared ones, and a counter is never wrong.
#[test]
fn threads_count() {
    const EACH: u64 = if cfg!(miri) { 20 } else { 1000 };
    let map = Map::<u64, u64>::new();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let map = &map;
            scope.spawn(move || {
                for n in 0..EACH {
                    map.update(0, |count| Some(count.map_or(1, |count| count + 1)));
                    let own = 1 + thread * EACH + n;
                    assert_eq!(map.load_or_store(own, n), (n, false));
                    assert_eq!(map.load_and_delete(&own), Some(n));
                }
            });
        }
    });
    assert_eq!((map.load(&0), map.len()), (Some(4 * EACH), 1));
    assert_eq!(format!("{map:?}"), format!("{{0: {}}}", 4 * EACH));
}
