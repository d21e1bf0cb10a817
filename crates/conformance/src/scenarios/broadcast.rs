//! The broadcast: what needs our own API. See [`any_broadcast`](super::any_broadcast) for the rest.

use std::time::Duration;

use async_sync::broadcast::{self, Receiver, RecvError, SendError};

use crate::{Runtime, all, until};

/// Follows numbers that one sender sends from zero on. What it missed and what it got leave no gap. Returns
/// how far it came.
async fn follow<R: Runtime>(rt: &R, mut receiver: Receiver<u64>, from: u64, pause: u64) -> u64 {
    let mut next = from;
    loop {
        match receiver.recv().await {
            Ok(item) => {
                assert_eq!(item, next, "after what was missed comes the next");
                next += 1;
            }
            Err(RecvError::Lagged(missed)) => next += missed,
            Err(RecvError::Closed) => return next,
        }
        if next % 5 < pause {
            rt.sleep(Duration::from_micros(pause * 30)).await;
        }
    }
}

/// Everything at once: receivers of several speeds that come and go and copy themselves, a sender that never
/// waits. For each of them, what it got and what it missed add up.
///
/// # Panics
///
/// If not.
pub async fn what_is_missed_is_counted<R: Runtime>(rt: R) {
    const ITEMS: u64 = 80;
    let (sender, receiver) = broadcast::channel(3);
    let mut tasks: Vec<_> = (0..4)
        .map(|pause| {
            let (rt, receiver) = (rt.clone(), receiver.clone());
            rt.clone()
                .spawn(async move { follow(&rt, receiver, 0, pause).await })
        })
        .collect();
    drop(receiver);
    for n in 0..ITEMS {
        sender.send(n).expect("somebody receives");
        if n % 20 == 10 {
            let (clock, late) = (rt.clone(), sender.subscribe());
            let copy = late.clone();
            tasks.push(rt.spawn(async move { follow(&clock, late, n + 1, 2).await }));
            drop(copy);
        }
        if n.is_multiple_of(3) {
            rt.sleep(Duration::from_micros(n % 40)).await;
        }
    }
    drop(sender);
    for task in tasks {
        assert_eq!(task.await.expect("a receiver ends"), ITEMS);
    }
}

/// Both policies in one channel: the progress may be missed, the results may not.
///
/// # Panics
///
/// If a result is missed that nothing pushed out.
pub async fn progress_and_results<R: Runtime>(rt: R) {
    const RESULT: u64 = 1000;
    let (sender, receiver) = broadcast::channel(4);
    let results = (0..3).map(|pause| {
        let (rt, mut receiver) = (rt.clone(), receiver.clone());
        async move {
            let (mut results, mut missed) = (Vec::new(), 0);
            loop {
                match receiver.recv().await {
                    Ok(n) if n >= RESULT => results.push(n - RESULT),
                    Ok(_) => {}
                    Err(RecvError::Lagged(n)) => missed += n,
                    Err(RecvError::Closed) => return (results, missed),
                }
                rt.sleep(Duration::from_micros(pause * 20)).await;
            }
        }
    });
    let results: Vec<_> = results.map(|task| rt.spawn(task)).collect();
    drop(receiver);
    for n in 0..10 {
        // Progress is told only where there is room: it pushes no result out.
        for tick in 0..3 {
            let _ = sender.try_send(tick);
        }
        let sent = sender.send_lossless(RESULT + n).await;
        sent.expect("somebody receives");
    }
    drop(sender);
    for task in results {
        let all = task.await.expect("a receiver ends");
        assert_eq!(all, ((0..10).collect(), 0));
    }
}

/// Senders wait, and the channel is closed, or the last receiver leaves: each gets its own item back.
///
/// # Panics
///
/// If not.
pub async fn the_end_wakes_both_sides<R: Runtime>(rt: R) {
    for by_call in [true, false] {
        let (sender, receiver) = broadcast::channel(1);
        let mut quick = receiver.clone();
        sender.send(0).expect("somebody receives");
        assert_eq!(quick.recv().await, Ok(0));
        let waits = rt.spawn(async move { quick.recv().await });
        let senders = (1..20).map(|n| {
            let sender = sender.clone();
            rt.spawn(async move { sender.send_lossless(n).await })
        });
        let senders: Vec<_> = senders.collect();
        until(&rt, || sender.waiters() == 20).await;
        if by_call {
            assert!(receiver.close());
            let waited = waits.await.expect("the receiver ends");
            assert_eq!(waited, Err(RecvError::Closed));
        } else {
            // Makes room for one item, which is for the other, and that one then leaves, too.
            drop(receiver);
            assert!(matches!(waits.await.expect("it ends"), Ok(1..20)));
        }
        let mut refused = 0;
        for (n, task) in (1..).zip(senders) {
            match task.await.expect("a sender ends") {
                Ok(()) => {}
                Err(SendError(item)) => {
                    assert_eq!(item, n);
                    refused += 1;
                }
            }
        }
        assert!(if by_call {
            refused == 19
        } else {
            refused >= 17
        });
    }
}

/// Senders that wait are served in the order in which they came.
///
/// # Panics
///
/// If not.
pub async fn first_come_first_served<R: Runtime>(rt: R) {
    let (sender, mut receiver) = broadcast::channel(1);
    sender.send(0).expect("somebody receives");
    let mut tasks = Vec::new();
    for n in 1..8 {
        let sender = sender.clone();
        tasks.push(async move { sender.send_lossless(n).await });
        let task = tasks.pop().expect("pushed above");
        let _detached = rt.spawn(task);
        until(&rt, || receiver.waiters() == n).await;
    }
    for n in 0..8 {
        assert_eq!(receiver.recv().await, Ok(n));
    }
    drop(sender);
    assert_eq!(
        all(&rt, [async move { receiver.recv().await }]).await,
        [Err(RecvError::Closed)]
    );
}
