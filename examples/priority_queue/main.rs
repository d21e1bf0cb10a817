//! A priority queue that can be closed, as Kubernetes' scheduler has one.
//!
//! ```text
//! pop    waits while the queue is empty; QueueClosed once it is closed and empty
//! add    puts an item in and calls all
//! close  calls all: a popper never hangs
//! ```
//!
//! A channel could not do it: it has an order of its own, and once closed it stays silent, while this
//! one calls all again and again. Items that were left when the queue was closed can still be popped.
//!
//! `cargo run --example priority_queue` runs it with tokio.

use std::collections::BinaryHeap;
use std::sync::Arc;

use async_sync::{Cond, Mutex};

/// The most urgent item first.
#[derive(Debug)]
struct PriorityQueue<T> {
    state: Mutex<State<T>>,
    changed: Cond,
}

#[derive(Debug)]
struct State<T> {
    heap: BinaryHeap<T>,
    closed: bool,
}

/// Closed, and nothing is left.
#[derive(Debug, PartialEq, Eq)]
struct QueueClosed;

impl<T: Ord> PriorityQueue<T> {
    fn new() -> Self {
        PriorityQueue {
            state: Mutex::new(State {
                heap: BinaryHeap::new(),
                closed: false,
            }),
            changed: Cond::new(),
        }
    }

    async fn pop(&self) -> Result<T, QueueClosed> {
        let mut state = self.state.lock().await;
        loop {
            if let Some(item) = state.heap.pop() {
                return Ok(item);
            }
            if state.closed {
                return Err(QueueClosed);
            }
            state = self.changed.wait(state).await;
        }
    }

    async fn add(&self, item: T) {
        self.state.lock().await.heap.push(item);
        self.changed.notify_all();
    }

    async fn close(&self) {
        self.state.lock().await.closed = true;
        self.changed.notify_all();
    }
}

#[tokio::main]
async fn main() {
    let queue = Arc::new(PriorityQueue::new());
    for (priority, name) in [(1, "low"), (9, "urgent"), (5, "normal")] {
        queue.add((priority, name)).await;
    }
    for _ in 0..2 {
        println!("{:?}", queue.pop().await);
    }
    queue.close().await;
    println!("closed; {:?} was left", queue.pop().await);
    println!("{:?}", queue.pop().await);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mini_executor::run_seeds;
    use runtime::{Spawn, Timer};
    use std::time::Duration;

    /// SPEC C4: poppers that wait are woken by an item, and by the end.
    #[test]
    fn closing_wakes_the_poppers_and_keeps_the_items() {
        run_seeds(0..200, |rt| async move {
            let queue = Arc::new(PriorityQueue::new());
            let poppers: Vec<_> = (0..5)
                .map(|_| {
                    let queue = Arc::clone(&queue);
                    rt.spawn(async move { queue.pop().await })
                })
                .collect();
            rt.sleep(Duration::from_millis(1)).await;
            assert_eq!(queue.changed.waiters(), 5);
            for item in [1, 3, 2] {
                queue.add(item).await;
            }
            queue.close().await;
            let mut got = Vec::new();
            for popper in poppers {
                got.push(popper.await.unwrap());
            }
            assert_eq!(got.iter().filter(|item| item.is_err()).count(), 2);
            let mut items: Vec<_> = got.into_iter().flatten().collect();
            items.sort_unstable();
            assert_eq!(items, [1, 2, 3]);
            queue.add(4).await;
            assert_eq!(queue.pop().await, Ok(4));
            assert_eq!(queue.pop().await, Err(QueueClosed));
        });
    }
}
