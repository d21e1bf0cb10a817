//! The condition variable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::mutex::{Fifo, Mutex};
use async_sync::{Cond, Mutex as AdaptiveMutex};
use runtime::JoinHandle;

use crate::{Runtime, all, until};

/// S39: calls reach the waiters in the order in which they came, and under a lock that keeps the order
/// they come back in it, whichever task is polled first. A call that finds nobody is not kept.
///
/// # Panics
///
/// If not.
pub async fn s39_in_order<R: Runtime>(rt: R) {
    for one_by_one in [false, true] {
        loop {
            let (order, took) = an_order(&rt, one_by_one).await;
            // A waiter that does not come within a millisecond of its call may be passed by the next: once
            // more, if threads were stopped for so long.
            if order == [0, 1, 2] {
                break;
            }
            assert!(took > Duration::from_micros(900), "{order:?}");
        }
    }
}

async fn an_order<R: Runtime>(rt: &R, one_by_one: bool) -> (Vec<usize>, Duration) {
    let shared = Arc::new((Mutex::<_, Fifo>::with_policy(Vec::new()), Cond::new()));
    assert!(!shared.1.notify_one());
    let mut waiters = Vec::new();
    for i in 0..3 {
        let mine = Arc::clone(&shared);
        waiters.push(rt.spawn(async move {
            let guard = mine.0.lock().await;
            let mut order = mine.1.wait(guard).await;
            order.push(i);
        }));
        until(rt, || shared.1.waiters() == i + 1).await;
    }
    let called = rt.now();
    if one_by_one {
        for _ in 0..3 {
            assert!(shared.1.notify_one());
        }
    } else {
        assert_eq!(shared.1.notify_all(), 3);
    }
    for waiter in waiters {
        waiter.await.expect("a waiter ends");
    }
    let took = rt.now() - called;
    assert!(!shared.1.notify_one());
    let order = std::mem::take(&mut *shared.0.lock().await);
    (order, took)
}

/// S40: ten athletes get ready and call; the referee goes on when all are ready, not earlier.
///
/// # Panics
///
/// If the referee goes on too early.
pub async fn s40_race_start<R: Runtime>(rt: R) {
    let shared = Arc::new((AdaptiveMutex::new(0), Cond::new()));
    let athletes: Vec<_> = (0..10u64)
        .map(|i| {
            let (shared, timer) = (Arc::clone(&shared), rt.clone());
            rt.spawn(async move {
                timer.sleep(Duration::from_millis(i * 7 % 10)).await;
                *shared.0.lock().await += 1;
                shared.1.notify_all();
            })
        })
        .collect();
    let ready = shared.0.lock().await;
    let ready = shared.1.wait_while(ready, |ready| *ready != 10).await;
    assert_eq!(*ready, 10);
    drop(ready);
    for athlete in athletes {
        athlete.await.expect("an athlete ends");
    }
}

/// S41: a single wait without a loop ends with the first call, too early.
///
/// # Panics
///
/// If it does not.
pub async fn s41_a_single_wait_is_too_early<R: Runtime>(rt: R) {
    let shared = Arc::new((AdaptiveMutex::new(0), Cond::new()));
    let guard = shared.0.lock().await;
    let athlete = {
        let shared = Arc::clone(&shared);
        rt.spawn(async move {
            *shared.0.lock().await += 1;
            shared.1.notify_all();
        })
    };
    let ready = shared.1.wait(guard).await;
    assert_eq!(*ready, 1, "of ten");
    drop(ready);
    athlete.await.expect("the athlete ends");
}

/// S43: while a task waits, others have the lock; when it returns, it has it.
///
/// # Panics
///
/// If not.
pub async fn s43_the_lock_is_free_meanwhile<R: Runtime>(rt: R) {
    let shared = Arc::new((AdaptiveMutex::new(0), Cond::new()));
    let waiter = {
        let (shared, timer) = (Arc::clone(&shared), rt.clone());
        rt.spawn(async move {
            let guard = shared.0.lock().await;
            let mut guard = shared.1.wait(guard).await;
            for _ in 0..3 {
                let seen = *guard;
                timer.sleep(Duration::from_millis(1)).await;
                assert_eq!(*guard, seen, "somebody else has the lock");
                *guard += 1;
            }
        })
    };
    until(&rt, || shared.1.waiters() == 1).await;
    for _ in 0..5 {
        *shared.0.lock().await += 1;
    }
    assert!(shared.1.notify_one());
    for _ in 0..5 {
        *shared.0.lock().await += 1;
    }
    waiter.await.expect("the waiter ends");
    assert_eq!(*shared.0.lock().await, 13);
}

/// S45: a gate that opens and closes again and again.
///
/// # Panics
///
/// If somebody is left behind.
pub async fn s45_calls_of_all_repeat<R: Runtime>(rt: R) {
    let shared = Arc::new((AdaptiveMutex::new(false), Cond::new()));
    for _ in 0..3 {
        let waiters = (0..20).map(|_| {
            let shared = Arc::clone(&shared);
            async move {
                let open = shared.0.lock().await;
                drop(shared.1.wait_while(open, |open| !*open).await);
            }
        });
        let gate = {
            let (shared, timer) = (Arc::clone(&shared), rt.clone());
            rt.spawn(async move {
                until(&timer, || shared.1.waiters() == 20).await;
                *shared.0.lock().await = true;
                shared.1.notify_all();
            })
        };
        all(&rt, waiters).await;
        gate.await.expect("the gate opens");
        *shared.0.lock().await = false;
    }
}

/// S46: a bounded queue out of two condition variables: pushing waits when it is full, popping when it
/// is empty; closing wakes all; what is left can still be had.
///
/// # Panics
///
/// If not.
pub async fn s46_bounded_queue<R: Runtime>(rt: R) {
    #[derive(Default)]
    struct Queue {
        items: AdaptiveMutex<(VecDeque<u32>, bool)>,
        not_full: Cond,
        not_empty: Cond,
    }
    impl Queue {
        async fn push(&self, item: u32) -> Result<(), u32> {
            let items = self.items.lock().await;
            let full = |(items, closed): &mut (VecDeque<u32>, bool)| items.len() == 2 && !*closed;
            let mut items = self.not_full.wait_while(items, full).await;
            if items.1 {
                return Err(item);
            }
            items.0.push_back(item);
            self.not_empty.notify_one();
            Ok(())
        }
        async fn pop(&self) -> Option<u32> {
            let items = self.items.lock().await;
            let empty = |(items, closed): &mut (VecDeque<u32>, bool)| items.is_empty() && !*closed;
            let mut items = self.not_empty.wait_while(items, empty).await;
            let item = items.0.pop_front();
            self.not_full.notify_one();
            item
        }
        async fn close(&self) {
            self.items.lock().await.1 = true;
            self.not_full.notify_all();
            self.not_empty.notify_all();
        }
    }
    let queue = Arc::new(Queue::default());
    let third = {
        let queue = Arc::clone(&queue);
        rt.spawn(async move {
            for item in 0..3 {
                queue.push(item).await.expect("the queue is open");
            }
        })
    };
    until(&rt, || queue.not_full.waiters() == 1).await;
    assert!(!third.is_finished(), "the third push waits");
    assert_eq!(queue.pop().await, Some(0));
    third.await.expect("the third push ends");
    assert_eq!(queue.pop().await, Some(1));
    assert_eq!(queue.pop().await, Some(2));
    let poppers: Vec<_> = (0..3)
        .map(|_| {
            let queue = Arc::clone(&queue);
            rt.spawn(async move { queue.pop().await })
        })
        .collect();
    until(&rt, || queue.not_empty.waiters() == 3).await;
    queue.push(3).await.expect("the queue is open");
    queue.close().await;
    let mut popped = Vec::new();
    for popper in poppers {
        popped.extend(popper.await.expect("a popper ends"));
    }
    assert_eq!(
        popped,
        [3],
        "one of them had it, the others learnt of the end"
    );
    assert_eq!(queue.push(4).await, Err(4));
    assert_eq!(queue.pop().await, None);
}

/// S47: two goroutines wait for a shared resource; one call of all after a while reaches both.
///
/// # Panics
///
/// If it does not.
pub async fn s47_shared_resource<R: Runtime>(rt: R) {
    let shared = Arc::new((AdaptiveMutex::new(false), Cond::new()));
    let start = rt.now();
    let waiters = (0..2).map(|_| {
        let shared = Arc::clone(&shared);
        async move {
            let resource = shared.0.lock().await;
            let resource = shared.1.wait_while(resource, |there| !*there).await;
            *resource
        }
    });
    let provider = {
        let (shared, timer) = (Arc::clone(&shared), rt.clone());
        rt.spawn(async move {
            timer.sleep(Duration::from_millis(20)).await;
            *shared.0.lock().await = true;
            shared.1.notify_all();
        })
    };
    assert_eq!(all(&rt, waiters).await, [true, true]);
    assert!(rt.now() - start >= Duration::from_millis(20));
    provider.await.expect("the provider ends");
}

/// Waiters that give up at any moment, beside others that do not: each token that is put there with one
/// call is taken.
///
/// # Panics
///
/// If a call is lost with a waiter that gave up.
pub async fn cancelled_waiters_pass_calls_on<R: Runtime>(rt: R) {
    let shared = Arc::new((AdaptiveMutex::new(0u32), Cond::new()));
    let over = Arc::new(AtomicBool::new(false));
    let takers: Vec<_> = (0..4)
        .map(|_| {
            let shared = Arc::clone(&shared);
            rt.spawn(async move {
                for _ in 0..5 {
                    let tokens = shared.0.lock().await;
                    *shared.1.wait_while(tokens, |n| *n == 0).await -= 1;
                }
            })
        })
        .collect();
    let fickle: Vec<_> = (0..3u64)
        .map(|i| {
            let (shared, over, rt2) = (Arc::clone(&shared), Arc::clone(&over), rt.clone());
            rt.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let tokens = shared.0.lock().await;
                    let wait = shared.1.wait_while(tokens, |_| true);
                    let limit = Duration::from_micros(100 * (i + 1));
                    assert!(rt2.timeout(limit, wait).await.is_err());
                }
            })
        })
        .collect();
    for i in 0..20 {
        *shared.0.lock().await += 1;
        shared.1.notify_one();
        if i % 3 == 0 {
            rt.sleep(Duration::from_micros(150)).await;
        }
    }
    // A fickle one that is called and finds its condition as it was has used the call up: it waits
    // although there are tokens, as nobody should. So the takers are called until all have theirs.
    until(&rt, || {
        shared.1.notify_all();
        takers.iter().all(JoinHandle::is_finished)
    })
    .await;
    over.store(true, Ordering::Relaxed);
    for task in takers.into_iter().chain(fickle) {
        task.await.expect("a task ends");
    }
    assert_eq!(*shared.0.lock().await, 0);
}

/// The same operations over tokio's mutex, whose waiters are woken one and all.
///
/// # Panics
///
/// If a waiter is left behind, or two have the lock.
pub async fn over_tokio<R: Runtime>(rt: R) {
    let shared = Arc::new((tokio::sync::Mutex::new(0u32), Cond::new()));
    let inside = Arc::new(AtomicUsize::new(0));
    let takers = (0..10).map(|_| {
        let (shared, inside, timer) = (Arc::clone(&shared), Arc::clone(&inside), rt.clone());
        async move {
            let tokens = shared.0.lock().await;
            let mut tokens = shared.1.wait_while(tokens, |n| *n == 0).await;
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
            timer.sleep(Duration::from_micros(50)).await;
            *tokens -= 1;
            inside.fetch_sub(1, Ordering::SeqCst);
        }
    });
    let giver = {
        let (shared, timer) = (Arc::clone(&shared), rt.clone());
        rt.spawn(async move {
            for _ in 0..5 {
                *shared.0.lock().await += 1;
                shared.1.notify_one();
            }
            until(&timer, || shared.1.waiters() <= 5).await;
            *shared.0.lock().await += 5;
            shared.1.notify_all();
        })
    };
    all(&rt, takers).await;
    giver.await.expect("the giver ends");
    assert_eq!(*shared.0.lock().await, 0);
}
