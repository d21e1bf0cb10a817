//! Any channel: ours, and the peers'.

use std::time::Duration;

use runtime::JoinHandle;

use crate::peers::{AsyncChannel, RendezvousChannel, SharedChannel};
use crate::{Runtime, all};

/// S75: what is left is received after closing, in order; then nothing, for ever.
///
/// # Panics
///
/// If not.
pub async fn s75_closing<C: AsyncChannel, R: Runtime>(_: R) {
    let (mut sender, mut receiver) = C::bounded(2);
    assert!(C::send(&mut sender, 1).await);
    assert!(C::send(&mut sender, 2).await);
    drop(sender);
    for expected in [Some(1), Some(2), None, None] {
        assert_eq!(C::recv(&mut receiver).await, expected);
    }
}

/// A sender is told that nobody receives any more.
///
/// # Panics
///
/// If not.
pub async fn s75_nobody_receives<C: AsyncChannel, R: Runtime>(rt: R) {
    let (mut sender, receiver) = C::bounded(1);
    assert!(C::send(&mut sender, 1).await);
    let waiting = rt.spawn(async move {
        // (futures has one place more.)
        C::send(&mut sender, 2).await && C::send(&mut sender, 3).await
    });
    rt.sleep(Duration::from_millis(1)).await;
    drop(receiver);
    assert!(!waiting.await.expect("the sender ends"));
}

/// S77: closing wakes all receivers that wait.
///
/// # Panics
///
/// If not.
pub async fn s77_closing_wakes<C: SharedChannel, R: Runtime>(rt: R) {
    let (sender, receiver) = C::bounded(1);
    let waiting = (0..20).map(|_| {
        let mut receiver = C::share(&receiver);
        async move { C::recv(&mut receiver).await }
    });
    let tasks: Vec<_> = waiting.map(|wait| rt.spawn(wait)).collect();
    rt.sleep(Duration::from_millis(1)).await;
    drop(sender);
    for task in tasks {
        assert_eq!(task.await.expect("a receiver ends"), None);
    }
}

/// S74: a send without a receiver waits; with one, it ends.
///
/// # Panics
///
/// If not.
pub async fn s74_rendezvous<C: RendezvousChannel, R: Runtime>(rt: R) {
    let (mut sender, mut receiver) = C::rendezvous();
    let start = rt.now();
    let wait = Duration::from_millis(5);
    let send = rt.spawn(async move { C::send(&mut sender, 7).await });
    rt.sleep(wait).await;
    assert!(!send.is_finished(), "sent, and nobody has received");
    assert_eq!(C::recv(&mut receiver).await, Some(7));
    assert!(send.await.expect("the sender ends"));
    assert!(rt.now() - start >= wait);
}

/// The items of each sender arrive in order, every one of them once.
///
/// # Panics
///
/// If not.
pub async fn order<C: AsyncChannel, R: Runtime>(rt: R) {
    const EACH: u64 = 50;
    for capacity in [1, 3] {
        let (sender, mut receiver) = C::bounded(capacity);
        let senders = (0..4_u64).map(|n| {
            let mut sender = sender.clone();
            rt.spawn(async move {
                for k in 0..EACH {
                    assert!(C::send(&mut sender, n * EACH + k).await);
                }
            })
        });
        let senders: Vec<_> = senders.collect();
        drop(sender);
        let mut next = [0; 4];
        while let Some(item) = C::recv(&mut receiver).await {
            let n = (item / EACH) as usize;
            assert_eq!(item % EACH, next[n]);
            next[n] += 1;
        }
        assert_eq!(next, [EACH; 4]);
        for sender in senders {
            sender.await.expect("a sender ends");
        }
    }
}

/// S81: three consumers of ten items: all end, and every item was processed once.
///
/// # Panics
///
/// If not.
pub async fn s81_consumers<C: SharedChannel, R: Runtime>(rt: R) {
    let (mut sender, receiver) = C::bounded(2);
    let consumers = (0..3).map(|_| {
        let mut receiver = C::share(&receiver);
        async move {
            let mut sum = (0, 0);
            while let Some(item) = C::recv(&mut receiver).await {
                sum = (sum.0 + 1, sum.1 + item);
            }
            sum
        }
    });
    let consumers: Vec<_> = consumers.map(|consumer| rt.spawn(consumer)).collect();
    drop(receiver);
    for n in 1..=10 {
        assert!(C::send(&mut sender, n).await);
    }
    drop(sender);
    let mut total = (0, 0);
    for consumer in consumers {
        let sum = consumer.await.expect("a consumer ends");
        total = (total.0 + sum.0, total.1 + sum.1);
    }
    assert_eq!(total, (10, 55));
}

/// Receives that are cancelled at any moment lose no item.
///
/// # Panics
///
/// If they do.
pub async fn cancelled_receives<C: AsyncChannel, R: Runtime>(rt: R) {
    const ITEMS: u64 = 60;
    let (mut sender, mut receiver) = C::bounded(1);
    // One that certainly waits when it is cancelled, however slow the other threads are.
    let early = rt.timeout(Duration::from_micros(1), C::recv(&mut receiver));
    assert!(early.await.is_err(), "an item that nobody has sent");
    let other = rt.clone();
    let send = rt.spawn(async move {
        for n in 0..ITEMS {
            assert!(C::send(&mut sender, n).await);
            if n % 3 == 0 {
                other.sleep(Duration::from_micros(n * 7 % 90)).await;
            }
        }
    });
    let mut expected = 0;
    let mut round = 0;
    loop {
        round += 1;
        let patience = Duration::from_micros(round * 11 % 130);
        match rt.timeout(patience, C::recv(&mut receiver)).await {
            Ok(Some(item)) => {
                assert_eq!(item, expected, "lost or out of order");
                expected += 1;
            }
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(expected, ITEMS);
    send.await.expect("the sender ends");
}

/// Sends and receives that are cancelled at any moment, on all sides: nothing arrives twice, and whatever
/// was sent for certain arrives.
///
/// # Panics
///
/// If not.
pub async fn cancelled_everything<C: SharedChannel, R: Runtime>(rt: R) {
    let (sender, receiver) = C::bounded(1);
    let senders = (0..4_u64).map(|n| {
        let (mut sender, rt) = (sender.clone(), rt.clone());
        async move {
            let mut sent = Vec::new();
            for k in 0..8 {
                let patience = Duration::from_micros((n * 37 + k * 11) % 160);
                let item = n * 8 + k;
                if rt.timeout(patience, C::send(&mut sender, item)).await == Ok(true) {
                    sent.push(item);
                }
            }
            sent
        }
    });
    let senders: Vec<_> = senders.map(|task| rt.spawn(task)).collect();
    drop(sender);
    let receivers = (0..3_u64).map(|n| {
        let (mut receiver, rt) = (C::share(&receiver), rt.clone());
        async move {
            let mut received = Vec::new();
            for k in 0.. {
                let patience = Duration::from_micros((n * 53 + k * 29) % 190);
                match rt.timeout(patience, C::recv(&mut receiver)).await {
                    Ok(Some(item)) => received.push(item),
                    Ok(None) => break,
                    Err(_) => {}
                }
            }
            received
        }
    });
    let mut received: Vec<u64> = all(&rt, receivers).await.concat();
    drop(receiver);
    received.sort_unstable();
    let count = received.len();
    received.dedup();
    assert_eq!(received.len(), count, "an item was received twice");
    for sender in senders {
        for item in sender.await.expect("a sender ends") {
            assert!(received.binary_search(&item).is_ok(), "{item} was lost");
        }
    }
}
