//! The channel: what needs our own API. See [`any_channel`](super::any_channel) for the rest.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_sync::channel::{self, Receiver, SendError, TryRecvError, TrySendError};
use futures::future::poll_fn;
use sync_core::clock;

use crate::{Runtime, all, until};

/// S75: sending on a closed channel gives the item back, and a second closing is told so.
///
/// # Panics
///
/// If not.
pub async fn s75_errors<R: Runtime>(_: R) {
    let (sender, receiver) = channel::bounded(2);
    sender.send(1).await.expect("it is open");
    sender.send(2).await.expect("it is open");
    assert!(sender.close() && !receiver.close());
    assert_eq!(sender.send(3).await, Err(SendError(3)));
    assert_eq!(sender.try_send(4), Err(TrySendError::Closed(4)));
    for expected in [Some(1), Some(2), None, None] {
        assert_eq!(receiver.recv().await, expected);
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

/// A producer that holds a place, or waits for the end of the channel alone, stops when nobody listens.
///
/// # Panics
///
/// If it does not.
pub async fn nobody_listens_any_more<R: Runtime>(rt: R) {
    let (sender, receiver) = channel::bounded(1);
    let producer = {
        let sender = sender.clone();
        rt.spawn(async move {
            let mut sent = 0;
            let mut sender = Some(sender);
            // Each item is made when it is sure that it will be sent, by another task.
            while let Some(own) = sender.take()
                && let Ok(permit) = own.reserve_owned().await
            {
                sender = permit.send(sent).ok();
                sent += 1;
            }
            sent
        })
    };
    let watch = rt.spawn(async move { sender.closed().await });
    for n in 0..10 {
        assert_eq!(receiver.recv().await, Some(n));
    }
    drop(receiver);
    let sent = producer.await.expect("the producer ends");
    assert!((10..=12).contains(&sent), "{sent} were sent");
    watch.await.expect("it is told");
}

/// S77: closing wakes all who wait on either side, and every sender gets its own item back.
///
/// # Panics
///
/// If not.
pub async fn s77_closing_wakes_both_sides<R: Runtime>(rt: R) {
    let (sender, receiver) = channel::rendezvous();
    let senders = (0..20).map(|n| {
        let sender = sender.clone();
        rt.spawn(async move { sender.send(n).await })
    });
    let senders: Vec<_> = senders.collect();
    until(&rt, || sender.waiters() == 20).await;
    receiver.close();
    for (n, task) in senders.into_iter().enumerate() {
        assert_eq!(task.await.expect("a sender ends"), Err(SendError(n)));
    }
    let (sender, receiver) = channel::bounded::<u8>(3);
    let receivers = (0..20).map(|_| {
        let receiver = receiver.clone();
        rt.spawn(async move { receiver.recv().await })
    });
    let receivers: Vec<_> = receivers.collect();
    until(&rt, || sender.waiters() == 20).await;
    drop(sender);
    for task in receivers {
        assert_eq!(task.await.expect("a receiver ends"), None);
    }
}

/// Receivers are served in the order in which they came, senders too.
///
/// # Panics
///
/// If not.
pub async fn first_come_first_served<R: Runtime>(rt: R) {
    let (sender, receiver) = channel::bounded(1);
    let (served, order) = channel::unbounded();
    let mut tasks = Vec::new();
    for n in 0..8 {
        let (receiver, served) = (receiver.clone(), served.clone());
        tasks.push(rt.spawn(async move {
            receiver.recv().await.expect("there is an item");
            served.try_send(n).expect("there is always a place");
        }));
        until(&rt, || sender.waiters() == n + 1).await;
    }
    // One at a time: two that are woken at once may run in any order.
    for n in 0..8 {
        sender.send(n).await.expect("it is open");
        assert_eq!(order.recv().await, Some(n));
    }
    all_end(tasks).await;
    let mut tasks = Vec::new();
    sender.send(0).await.expect("it is open");
    for n in 1..8 {
        let sender = sender.clone();
        tasks.push(rt.spawn(async move { sender.send(n).await.expect("it is open") }));
        until(&rt, || receiver.waiters() == n).await;
    }
    for n in 0..8 {
        assert_eq!(receiver.recv().await, Some(n));
    }
    all_end(tasks).await;
}

async fn all_end<T>(tasks: Vec<impl Future<Output = Result<(), T>>>)
where
    T: std::fmt::Debug,
{
    for task in tasks {
        task.await.expect("a task ends");
    }
}

/// S81: odd numbers below ten through two places; the producer returns the receiver only. The sum is 25.
///
/// # Panics
///
/// If not.
pub async fn s81_producer_consumer<R: Runtime>(rt: R) {
    fn produce<R: Runtime>(rt: &R) -> Receiver<u32> {
        let (sender, receiver) = channel::bounded(2);
        let _detached = rt.spawn(async move {
            for n in (1..10).step_by(2) {
                sender.send(n).await.expect("somebody receives");
            }
        });
        receiver
    }
    let numbers = produce(&rt);
    let mut sum = 0;
    while let Some(n) = numbers.recv().await {
        sum += n;
    }
    assert_eq!(sum, 25);
}

/// S80: who asked for a result has gone; the worker that has it ends all the same.
///
/// # Panics
///
/// If not.
pub async fn s80_nobody_waits_for_the_result<R: Runtime>(rt: R) {
    let (sender, receiver) = channel::rendezvous();
    let limit = Duration::from_millis(2);
    // Not by time: on a busy machine, whoever waits for so long may be late for that.
    let (gone, late) = channel::rendezvous::<()>();
    let worker = rt.spawn(async move {
        late.recv().await;
        sender.send("a result").await
    });
    assert!(rt.timeout(limit, receiver.recv()).await.is_err());
    drop((receiver, gone));
    let result = worker.await.expect("the worker ends");
    assert_eq!(result, Err(SendError("a result")));
}

/// S83: four workers hand a token round, one step a millisecond.
///
/// # Panics
///
/// If not.
pub async fn s83_token_ring<R: Runtime>(rt: R) {
    const WORKERS: usize = 4;
    let (mailboxes, mut boxes): (Vec<_>, Vec<_>) =
        (0..WORKERS).map(|_| channel::rendezvous()).unzip();
    let (printed, seen) = channel::unbounded();
    let mut tasks = Vec::new();
    for n in (0..WORKERS).rev() {
        let mine = boxes.pop().expect("one each");
        let next = mailboxes[(n + 1) % WORKERS].clone();
        let (printed, rt2) = (printed.clone(), rt.clone());
        tasks.push(rt.spawn(async move {
            while let Some(token) = mine.recv().await {
                printed.send(n + 1).await.expect("somebody listens");
                rt2.sleep(Duration::from_millis(1)).await;
                if token == 1 || next.send(token - 1).await.is_err() {
                    break;
                }
            }
        }));
    }
    mailboxes[0].send(12).await.expect("the worker waits");
    drop((mailboxes, printed));
    let mut order = Vec::new();
    while let Some(n) = seen.recv().await {
        order.push(n);
    }
    assert_eq!(order, [1, 2, 3, 4].repeat(3));
    all_end(tasks).await;
}

/// A permit that is waited for in vain loses no item, and one that is dropped no place.
///
/// # Panics
///
/// If not.
pub async fn cancelled_reservations<R: Runtime>(rt: R) {
    let (sender, receiver) = channel::bounded(2);
    let senders = (0..6_u64).map(|n| {
        let (sender, rt) = (sender.clone(), rt.clone());
        async move {
            let mut sent = 0;
            for k in 0..10 {
                let patience = Duration::from_micros((n * 37 + k * 23) % 150);
                match rt.timeout(patience, sender.reserve()).await {
                    Ok(Ok(permit)) if k % 4 != 3 => {
                        permit.send(n).expect("somebody receives");
                        sent += 1;
                    }
                    _ => {}
                }
            }
            sent
        }
    });
    let senders: Vec<_> = senders.map(|task| rt.spawn(task)).collect();
    let count = {
        let receiver = receiver.clone();
        rt.spawn(async move {
            let mut count = 0;
            while receiver.recv().await.is_some() {
                count += 1;
            }
            count
        })
    };
    let mut sent = 0;
    for task in senders {
        sent += task.await.expect("a sender ends");
    }
    let permits = [
        sender.reserve().await.expect("it is open"),
        sender.reserve().await.expect("it is open"),
    ];
    drop(permits);
    drop(sender);
    assert_eq!(count.await.expect("the receiver ends"), sent);
}

/// RFD 609: a task that parks a receive which was promised an item, and awaits something else. The others
/// go on, after a millisecond at most and one more operation.
///
/// # Panics
///
/// If they hang.
pub async fn futurelock_across_tasks<R: Runtime>(rt: R) {
    let (sender, receiver) = channel::bounded(1);
    let received = Arc::new(AtomicUsize::new(0));
    let mut parked = pin!(receiver.recv());
    poll_fn(|cx| {
        assert!(parked.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    let (theirs, count) = (receiver.clone(), Arc::clone(&received));
    let other = rt.spawn(async move {
        let item = theirs.recv().await;
        count.fetch_add(1, Ordering::SeqCst);
        item
    });
    until(&rt, || sender.waiters() == 2).await;
    sender.send(1).await.expect("it is open");
    let _ = clock::now();
    rt.sleep(Duration::from_millis(3)).await;
    assert_eq!(received.load(Ordering::SeqCst), 0, "the parked one has it");
    // Any operation: this one finds nothing, and that it is time.
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(other.await.expect("it ends"), Some(1));
    sender.send(2).await.expect("it is open");
    assert_eq!(parked.await, Some(2));
}

/// Everything at once: many senders and receivers of few places, and a closing in the middle.
///
/// # Panics
///
/// If an item that was accepted is lost, or one that was refused arrives.
pub async fn closing_in_the_middle<R: Runtime>(rt: R) {
    for capacity in [0, 1, 4] {
        let (sender, receiver) = channel::bounded(capacity);
        let senders = (0..5).map(|_| {
            let sender = sender.clone();
            rt.spawn(async move {
                let mut sent = 0;
                while sender.send(()).await.is_ok() {
                    sent += 1;
                }
                sent
            })
        });
        let senders: Vec<_> = senders.collect();
        let receivers = (0..3).map(|n| {
            let receiver = receiver.clone();
            async move {
                let mut received = 0;
                while receiver.recv().await.is_some() {
                    received += 1;
                    if n == 0 && received == 30 {
                        receiver.close();
                    }
                }
                received
            }
        });
        let received: usize = all(&rt, receivers).await.iter().sum();
        let mut sent = 0;
        for task in senders {
            sent += task.await.expect("a sender ends");
        }
        assert_eq!(received, sent);
    }
}
