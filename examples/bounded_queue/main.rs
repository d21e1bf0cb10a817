//! A bounded queue out of a mutex and two condition variables.
//!
//! ```text
//! push   waits while the queue is full; an error once it is closed, with the item
//! pop    waits while the queue is empty; None once it is closed and empty
//! close  wakes everybody; what is in the queue can still be popped
//! ```
//!
//! Two condition variables, so that a push never wakes a push: each call goes to somebody who can use
//! it. One call for one item, as each item is for one popper; a call of all only where everybody is
//! concerned. A popper that gives up (a timeout, a `select!`) passes its call on.
//!
//! `cargo run --example bounded_queue` runs it with tokio, three producers and two consumers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_sync::{Cond, Mutex};

/// A queue of at most so many items.
#[derive(Debug)]
struct BoundedQueue<T> {
    state: Mutex<State<T>>,
    not_full: Cond,
    not_empty: Cond,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

/// The queue is closed; the item comes back.
#[derive(Debug, PartialEq, Eq)]
struct Closed<T>(T);

impl<T> BoundedQueue<T> {
    fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "nothing would ever go through");
        BoundedQueue {
            state: Mutex::new(State {
                items: VecDeque::with_capacity(capacity),
                closed: false,
            }),
            not_full: Cond::new(),
            not_empty: Cond::new(),
            capacity,
        }
    }

    async fn push(&self, item: T) -> Result<(), Closed<T>> {
        let state = self.state.lock().await;
        let mut state = self
            .not_full
            .wait_while(state, |s| s.items.len() == self.capacity && !s.closed)
            .await;
        if state.closed {
            return Err(Closed(item));
        }
        state.items.push_back(item);
        drop(state); // whoever is called finds the lock free
        self.not_empty.notify_one();
        Ok(())
    }

    async fn pop(&self) -> Option<T> {
        let state = self.state.lock().await;
        let mut state = self
            .not_empty
            .wait_while(state, |s| s.items.is_empty() && !s.closed)
            .await;
        let item = state.items.pop_front();
        drop(state);
        self.not_full.notify_one();
        item
    }

    async fn close(&self) {
        self.state.lock().await.closed = true;
        self.not_full.notify_all();
        self.not_empty.notify_all();
    }
}

#[tokio::main]
async fn main() {
    let queue = Arc::new(BoundedQueue::new(2));
    let producers: Vec<_> = (0..3)
        .map(|p| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                for n in 0..4 {
                    queue.push(p * 10 + n).await.expect("not closed yet");
                }
            })
        })
        .collect();
    let consumers: Vec<_> = (0..2)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let mut got = Vec::new();
                loop {
                    // Giving up in between loses nothing.
                    match tokio::time::timeout(Duration::from_millis(5), queue.pop()).await {
                        Ok(Some(item)) => got.push(item),
                        Ok(None) => return got,
                        Err(_) => {}
                    }
                }
            })
        })
        .collect();
    for producer in producers {
        producer.await.expect("a producer ends");
    }
    queue.close().await;
    let mut all = Vec::new();
    for (i, consumer) in consumers.into_iter().enumerate() {
        let got = consumer.await.expect("a consumer ends");
        println!("consumer {i}: {got:?}");
        all.extend(got);
    }
    all.sort_unstable();
    println!("all: {all:?}");
    println!("after close: {:?}", queue.push(99).await);
}

#[cfg(test)]
mod tests {
    use super::*;
    use mini_executor::run_seeds;
    use runtime::{Spawn, Timer};

    /// SPEC S46, under many schedules.
    #[test]
    fn the_third_push_waits_and_closing_wakes_everybody() {
        run_seeds(0..200, |rt| async move {
            let queue = Arc::new(BoundedQueue::new(2));
            let pusher = {
                let queue = Arc::clone(&queue);
                rt.spawn(async move {
                    for n in 0..4 {
                        queue.push(n).await.unwrap();
                    }
                    queue.push(4).await
                })
            };
            rt.sleep(Duration::from_millis(1)).await;
            assert_eq!(queue.state.lock().await.items.len(), 2);
            assert_eq!(queue.not_full.waiters(), 1);
            for n in 0..2 {
                assert_eq!(queue.pop().await, Some(n));
            }
            rt.sleep(Duration::from_millis(1)).await;
            let popper = {
                let queue = Arc::clone(&queue);
                rt.spawn(async move {
                    let mut got = Vec::new();
                    while let Some(item) = queue.pop().await {
                        got.push(item);
                    }
                    got
                })
            };
            queue.close().await;
            match pusher.await.unwrap() {
                Ok(()) => assert_eq!(popper.await.unwrap(), [2, 3, 4]),
                Err(Closed(4)) => assert_eq!(popper.await.unwrap(), [2, 3]),
                Err(other) => panic!("{other:?}"),
            }
        });
    }

    /// A popper that gives up when it has just been called passes the call on.
    #[test]
    fn giving_up_loses_no_item() {
        run_seeds(0..200, |rt| async move {
            let queue = Arc::new(BoundedQueue::new(1));
            let fickle = {
                let (queue, timer) = (Arc::clone(&queue), rt.clone());
                rt.spawn(async move {
                    timer
                        .timeout(Duration::from_millis(1), queue.pop())
                        .await
                        .ok()
                        .flatten()
                })
            };
            let steady = {
                let queue = Arc::clone(&queue);
                rt.spawn(async move { queue.pop().await })
            };
            rt.sleep(Duration::from_millis(1)).await; // as the timeout ends
            queue.push(7).await.unwrap();
            rt.sleep(Duration::from_millis(1)).await;
            queue.close().await;
            let got = (fickle.await.unwrap(), steady.await.unwrap());
            assert!(got == (Some(7), None) || got == (None, Some(7)), "{got:?}");
        });
    }
}
