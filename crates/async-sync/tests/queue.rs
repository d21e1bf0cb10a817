//! Queues: order, nothing lost, nothing twice.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_sync::{BoundedQueue, Queue};

/// S60: eight producers and eight consumers, through both queues.
#[test]
fn nothing_is_lost_or_doubled_and_each_producer_keeps_its_order() {
    const PRODUCERS: usize = 8;
    let each = if cfg!(miri) { 5 } else { 2000 };
    for bounded in [false, true] {
        let (queue, ring) = (Queue::new(), BoundedQueue::new(16));
        let taken = AtomicUsize::new(0);
        let mut all: Vec<(usize, usize)> = std::thread::scope(|scope| {
            for producer in 0..PRODUCERS {
                let (queue, ring) = (&queue, &ring);
                scope.spawn(move || {
                    for n in 0..each {
                        let mut item = (producer, n);
                        if bounded {
                            while let Err(back) = ring.push(item) {
                                item = back;
                                std::thread::yield_now();
                            }
                        } else {
                            queue.push(item);
                        }
                    }
                });
            }
            let consumers: Vec<_> = (0..8)
                .map(|_| {
                    let (queue, ring, taken) = (&queue, &ring, &taken);
                    scope.spawn(move || {
                        let mut mine: Vec<(usize, usize)> = Vec::new();
                        while taken.load(Ordering::Relaxed) < PRODUCERS * each {
                            let item = if bounded { ring.pop() } else { queue.pop() };
                            let Some(item) = item else {
                                std::thread::yield_now();
                                continue;
                            };
                            taken.fetch_add(1, Ordering::Relaxed);
                            let last = mine.iter().rev().find(|(p, _)| *p == item.0);
                            assert!(last.is_none_or(|(_, n)| *n < item.1), "in order");
                            mine.push(item);
                        }
                        mine
                    })
                })
                .collect();
            let consumed = consumers.into_iter().flat_map(|c| c.join().unwrap());
            consumed.collect()
        });
        all.sort_unstable();
        let expected: Vec<_> = (0..PRODUCERS)
            .flat_map(|p| (0..each).map(move |n| (p, n)))
            .collect();
        assert_eq!(all, expected);
        assert_eq!((queue.pop(), ring.pop()), (None, None));
    }
}

/// Random operations beside a `VecDeque`.
#[test]
fn beside_a_vec_deque() {
    let (queue, ring) = (Queue::new(), BoundedQueue::new(5));
    let (mut all, mut five) = (VecDeque::new(), VecDeque::new());
    let mut random = 1u64;
    for n in 0..if cfg!(miri) { 200 } else { 5000 } {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        match random % 8 {
            0..=2 => {
                queue.push(n);
                all.push_back(n);
                let fits = five.len() < 5;
                if fits {
                    five.push_back(n);
                }
                assert_eq!(ring.push(n), if fits { Ok(()) } else { Err(n) });
            }
            3 => {
                let evicted = if five.len() == 5 {
                    five.pop_front()
                } else {
                    None
                };
                five.push_back(n);
                assert_eq!(ring.push_evicting(n), evicted);
            }
            4 if random.is_multiple_of(50) => {
                assert!(queue.drain().eq(all.drain(..)));
                assert!(ring.drain().eq(five.drain(..)));
            }
            _ => assert_eq!(
                (queue.pop(), ring.pop()),
                (all.pop_front(), five.pop_front())
            ),
        }
        assert_eq!((queue.len(), queue.is_empty()), (all.len(), all.is_empty()));
        assert_eq!((ring.len(), ring.is_full()), (five.len(), five.len() == 5));
        assert_eq!((ring.is_empty(), ring.capacity()), (five.is_empty(), 5));
    }
    assert!(format!("{queue:?} {ring:?}").contains("capacity: 5"));
}

/// What comes while it drains is left.
#[test]
fn draining_ends() {
    let queue: Queue<u32> = (0..3).collect();
    let mut drained = Vec::new();
    for n in queue.drain() {
        queue.push(n + 10);
        drained.push(n);
    }
    assert_eq!((drained, queue.len()), (vec![0, 1, 2], 3));
    let ring = BoundedQueue::new(4);
    ring.push(1).unwrap();
    for n in ring.drain() {
        ring.push(n + 1).unwrap();
    }
    assert_eq!(ring.pop(), Some(2));
}

#[test]
#[should_panic(expected = "room for at least one item")]
fn a_ring_for_nothing() {
    let _ = BoundedQueue::<u8>::new(0);
}
