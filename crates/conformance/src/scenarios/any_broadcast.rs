//! Any broadcast: ours, and the peers', whether their senders wait or their receivers lag.

use std::time::Duration;

use crate::peers::{AsyncBroadcast, Heard, LossyBroadcast};
use crate::{Runtime, all};

/// What a receiver gets until the end, all that it missed in one number.
async fn drain<B: AsyncBroadcast>(receiver: &mut B::Receiver) -> (Vec<u64>, u64) {
    let (mut items, mut missed) = (Vec::new(), 0);
    loop {
        match B::recv(receiver).await {
            Heard::Item(item) => items.push(item),
            Heard::Lagged(n) => missed += n,
            Heard::Closed => return (items, missed),
        }
    }
}

/// PT5: every element to every output, in order; all outputs end with the input.
///
/// # Panics
///
/// If not.
pub async fn pt5_every_item_to_every_receiver<B: AsyncBroadcast, R: Runtime>(rt: R) {
    let (sender, receiver) = B::channel(16);
    let receivers = (0..4).map(|_| B::subscribe(&sender));
    let mut receivers: Vec<_> = receivers.collect();
    receivers.push(receiver);
    let receivers = receivers.into_iter().map(|mut receiver| async move {
        let all = drain::<B>(&mut receiver).await;
        assert_eq!(B::recv(&mut receiver).await, Heard::Closed, "for ever");
        all
    });
    let receivers: Vec<_> = receivers.map(|task| rt.spawn(task)).collect();
    for n in 0..16 {
        assert!(B::send(&sender, n).await);
    }
    drop(sender);
    for receiver in receivers {
        let all = receiver.await.expect("a receiver ends");
        assert_eq!(all, ((0..16).collect(), 0));
    }
}

/// Who comes late gets what is sent from then on; what is left when all senders are gone is received.
///
/// # Panics
///
/// If not.
pub async fn late_receivers<B: AsyncBroadcast, R: Runtime>(_: R) {
    let (sender, mut first) = B::channel(4);
    assert!(B::send(&sender, 1).await);
    let mut second = B::subscribe(&sender);
    let other = sender.clone();
    assert!(B::send(&other, 2).await);
    drop(sender);
    assert!(B::send(&other, 3).await);
    drop(other);
    assert_eq!(drain::<B>(&mut first).await, (vec![1, 2, 3], 0));
    assert_eq!(drain::<B>(&mut second).await, (vec![2, 3], 0));
}

/// Sending to nobody fails, and does not wait.
///
/// # Panics
///
/// If not.
pub async fn nobody_receives<B: AsyncBroadcast, R: Runtime>(_: R) {
    let (sender, receiver) = B::channel(1);
    drop(receiver);
    for n in 0..3 {
        assert!(!B::send(&sender, n).await);
    }
}

/// A channel that nobody receives from is not closed: there may be receivers again.
///
/// # Panics
///
/// If not.
pub async fn receivers_come_back<B: AsyncBroadcast, R: Runtime>(_: R) {
    let (sender, receiver) = B::channel(1);
    drop(receiver);
    assert!(!B::send(&sender, 1).await);
    let mut receiver = B::subscribe(&sender);
    assert!(B::send(&sender, 7).await);
    assert_eq!(B::recv(&mut receiver).await, Heard::Item(7));
}

/// A slow receiver, where senders do not wait: it is told how many it has missed, once, and goes on with
/// the oldest that is left.
///
/// # Panics
///
/// If not.
pub async fn who_lags_is_told<B: LossyBroadcast, R: Runtime>(_: R) {
    let (sender, mut slow) = B::channel(4);
    let mut quick = B::subscribe(&sender);
    for n in 0..10 {
        assert!(B::send(&sender, n).await);
        assert_eq!(B::recv(&mut quick).await, Heard::Item(n));
    }
    assert_eq!(B::recv(&mut slow).await, Heard::Lagged(6));
    for n in 6..10 {
        assert_eq!(B::recv(&mut slow).await, Heard::Item(n));
    }
    drop(sender);
    assert_eq!(B::recv(&mut slow).await, Heard::Closed);
    assert_eq!(B::recv(&mut quick).await, Heard::Closed);
}

/// A slow receiver, where senders wait for it: nobody misses anything, and when it leaves nobody waits for it
/// any more.
///
/// # Panics
///
/// If not.
pub async fn the_slowest_sets_the_pace<B: AsyncBroadcast, R: Runtime>(rt: R) {
    assert!(B::LOSSLESS);
    let (sender, mut slow) = B::channel(2);
    let mut quick = B::subscribe(&sender);
    let (clock, start) = (rt.clone(), rt.now());
    let slow = rt.spawn(async move {
        for n in 0..6 {
            clock.sleep(Duration::from_millis(1)).await;
            assert_eq!(B::recv(&mut slow).await, Heard::Item(n));
        }
        clock.sleep(Duration::from_millis(1)).await;
    });
    let quick = rt.spawn(async move { drain::<B>(&mut quick).await });
    for n in 0..12 {
        assert!(B::send(&sender, n).await);
    }
    assert!(rt.now() - start >= Duration::from_millis(7), "it waits");
    drop(sender);
    slow.await.expect("the slow one ends");
    let all = quick.await.expect("the quick one ends");
    assert_eq!(all, ((0..12).collect(), 0));
}

/// Receives that are cancelled at any moment lose nothing.
///
/// # Panics
///
/// If they do.
pub async fn cancelled_receives<B: AsyncBroadcast, R: Runtime>(rt: R) {
    const ITEMS: u64 = 60;
    let (sender, receiver) = B::channel(if B::LOSSLESS { 1 } else { 64 });
    let second = B::subscribe(&sender);
    let other = rt.clone();
    let receivers = [receiver, second].into_iter().zip(1..);
    let receivers = receivers.map(|(mut receiver, k)| {
        let rt = rt.clone();
        async move {
            let (mut expected, mut round) = (0, 0);
            loop {
                round += 1;
                let patience = Duration::from_micros(round * 11 * k % 130);
                match rt.timeout(patience, B::recv(&mut receiver)).await {
                    Ok(Heard::Item(item)) => {
                        assert_eq!(item, expected, "lost or out of order");
                        expected += 1;
                    }
                    Ok(Heard::Lagged(n)) => panic!("{n} were missed"),
                    Ok(Heard::Closed) => return expected,
                    Err(_) => {}
                }
            }
        }
    });
    let receivers: Vec<_> = receivers.collect();
    let send = rt.spawn(async move {
        for n in 0..ITEMS {
            assert!(B::send(&sender, n).await);
            if n.is_multiple_of(3) {
                other.sleep(Duration::from_micros(n * 7 % 90)).await;
            }
        }
    });
    assert_eq!(all(&rt, receivers).await, [ITEMS; 2]);
    send.await.expect("the sender ends");
}

/// Sends that are cancelled at any moment, receivers that come and go: whoever stays gets whatever was sent
/// for certain, once, in each sender's order; and in the same order as the others.
///
/// # Panics
///
/// If not.
pub async fn cancelled_sends<B: AsyncBroadcast, R: Runtime>(rt: R) {
    assert!(B::LOSSLESS);
    let (sender, receiver) = B::channel(1);
    let stay = [B::subscribe(&sender), receiver].map(|mut receiver| {
        let rt = rt.clone();
        async move {
            let mut all = Vec::new();
            loop {
                match B::recv(&mut receiver).await {
                    Heard::Item(item) => all.push(item),
                    Heard::Lagged(n) => panic!("{n} were missed"),
                    Heard::Closed => return all,
                }
                if all.len().is_multiple_of(4) {
                    rt.sleep(Duration::from_micros(all.len() as u64 % 70)).await;
                }
            }
        }
    });
    let stay: Vec<_> = stay.into_iter().map(|task| rt.spawn(task)).collect();
    let senders = (0..4_u64).map(|n| {
        let (sender, rt) = (sender.clone(), rt.clone());
        async move {
            let mut sent = Vec::new();
            for k in 0..8 {
                let patience = Duration::from_micros((n * 37 + k * 11) % 160);
                let item = n * 8 + k;
                // One that comes, gets what it gets, and goes.
                let mut guest = B::subscribe(&sender);
                if rt.timeout(patience, B::send(&sender, item)).await == Ok(true) {
                    sent.push(item);
                }
                let _ = rt.timeout(patience / 2, B::recv(&mut guest)).await;
            }
            sent
        }
    });
    let senders: Vec<_> = senders.collect();
    drop(sender);
    let sent = all(&rt, senders).await;
    let mut received = Vec::new();
    for task in stay {
        received.push(task.await.expect("a receiver ends"));
    }
    assert_eq!(received[0], received[1], "the same for all");
    for sent in sent {
        let sender = |item: &u64| sent.first().is_some_and(|first| item / 8 == first / 8);
        let mine: Vec<_> = received[0].iter().copied().filter(sender).collect();
        assert!(mine.is_sorted_by(|a, b| a < b), "once, in order");
        assert!(sent.iter().all(|item| mine.contains(item)), "one was lost");
    }
}
