//! Channels as cases: receives and sends that commit, or leave no trace.

mod support;

use std::future::pending;
use std::pin::Pin;

use async_sync::channel::{self, Receiver, Sender};
use async_sync::select::{Select, SelectSet, maybe, select_all, send, try_select, until_none};
use async_sync::{Event, select};
use support::{Polled, queued};
use sync_core::chance;
use sync_core::park::block_on;

/// Why there is `select::send`: a `send` that waits may be taken while another case is chosen.
#[test]
fn a_plain_send_may_happen_and_lose() {
    let (sender, receiver) = channel::rendezvous();
    let stop = Event::new();
    let mut both = queued(async {
        select! {
            biased;
            () = stop.wait() => "stopped",
            sent = sender.send(1) => sent.map_or("closed", |()| "sent"),
        }
    });
    assert_eq!(receiver.try_recv(), Ok(1));
    stop.set();
    assert_eq!(both.ready(), "stopped", "and yet it was sent");

    stop.reset();
    let mut one = queued(async {
        select! {
            biased;
            () = stop.wait() => "stopped",
            sent = send(&sender, 1) => sent.map_or("closed", |()| "sent"),
        }
    });
    let mut receives = queued(receiver.recv());
    stop.set();
    assert_eq!(one.ready(), "stopped");
    receives.pending();
    assert!(receiver.try_recv().is_err(), "nothing was sent");
    assert_eq!(receiver.waiters(), 1);
}

#[test]
fn a_receive_that_loses_leaves_the_item() {
    let channels: Vec<(Sender<u8>, Receiver<u8>)> = (0..5).map(|_| channel::bounded(2)).collect();
    let mut select = queued(select_all(
        channels.iter().map(|(_, receiver)| receiver.recv()),
    ));
    let mut behind = queued(channels[1].1.recv());
    for (n, (sender, _)) in channels.iter().enumerate() {
        sender.try_send(n as u8).unwrap();
    }
    assert!(!behind.woken());
    let (chosen, item) = select.ready();
    assert_eq!(item, Some(chosen as u8));
    for (n, (_, receiver)) in channels.iter().enumerate() {
        // The second one's item is promised to who waits behind, or was taken, and that one waits on.
        let free = n != chosen && n != 1;
        assert_eq!(receiver.len(), usize::from(free), "{n}");
        assert_eq!(receiver.waiters(), usize::from(n == 1), "{n}");
    }
    assert_eq!(behind.woken(), chosen != 1, "it goes to the next");
    if chosen != 1 {
        assert_eq!(behind.ready(), Some(1));
    }
}

#[test]
fn a_send_that_loses_gives_its_place_to_the_next() {
    let (one, first) = channel::bounded(1);
    let (two, second) = channel::bounded(1);
    one.try_send(0).unwrap();
    two.try_send(0).unwrap();
    let mut select = queued(select_all([send(&one, 1), send(&two, 2)]).biased());
    let mut behind = queued(two.send(3));
    assert_eq!(second.try_recv(), Ok(0));
    assert_eq!(first.try_recv(), Ok(0));
    assert!(!behind.woken());
    assert_eq!(select.ready(), (0, Ok(())));
    assert!(behind.woken());
    behind.ready().unwrap();
    assert_eq!((first.try_recv(), second.try_recv()), (Ok(1), Ok(3)));
    assert!(second.try_recv().is_err());
}

#[test]
fn dropped_at_every_point() {
    for capacity in [0, 1] {
        for point in 0..4 {
            let (one, first) = channel::bounded(capacity);
            let (two, second) = channel::bounded::<u8>(capacity);
            (0..capacity).for_each(|_| one.try_send(9).unwrap());
            let mut select = Select::new();
            select.case(send(&one, 1), |_| ());
            select.case(second.recv(), |_| ());
            let mut select = Polled::new(select.into_future());
            if point > 0 {
                select.pending();
            }
            let mut other = Polled::new(first.recv());
            if point > 1 {
                // Makes room for the send (rendezvous: waits for it).
                other.pending_or_ready();
            }
            let mut sends = Polled::new(two.send(2));
            if point > 2 {
                sends.ready().unwrap();
            }
            drop(select);
            drop((other, sends));
            let left: Vec<_> = first.drain().collect();
            let expected: &[u8] = if capacity == 1 && point < 2 {
                &[9]
            } else {
                &[]
            };
            assert_eq!(left, expected, "{capacity} {point}: nothing was sent");
            assert_eq!(
                second.drain().collect::<Vec<_>>(),
                if point > 2 { vec![2] } else { vec![] }
            );
            assert_eq!(first.waiters() + second.waiters(), 0);
            // Nothing is kept for anybody: both work as if new.
            if capacity == 1 {
                one.try_send(5).unwrap();
                assert!(one.try_send(6).is_err());
                assert_eq!(first.try_recv(), Ok(5));
            } else {
                assert!(one.try_send(5).is_err());
                let mut receives = queued(first.recv());
                one.try_send(5).unwrap();
                assert_eq!(receives.ready(), Some(5));
            }
        }
    }
}

/// Two selects that face each other on rendezvous channels, in both directions.
#[test]
fn selects_that_face_each_other() {
    for seed in 0..if cfg!(miri) { 3 } else { 50 } {
        let before = chance::set_seed(Some(seed));
        let (to_b, from_a) = channel::rendezvous();
        let (to_a, from_b) = channel::rendezvous();
        async fn side(to: &Sender<u32>, from: &Receiver<u32>, rounds: u32) -> (Vec<u32>, Vec<u32>) {
            let (mut sent, mut received) = (Vec::new(), Vec::new());
            let mut next = 0;
            while received.len() < rounds as usize || next < rounds {
                select! {
                    done = send(to, next), if next < rounds => {
                        done.unwrap();
                        sent.push(next);
                        next += 1;
                    }
                    item = from.recv(), if received.len() < rounds as usize => received.push(item.unwrap()),
                }
            }
            (sent, received)
        }
        let both = async { futures::join!(side(&to_b, &from_b, 20), side(&to_a, &from_a, 20)) };
        let (a, b) = block_on(both);
        let all: Vec<_> = (0..20).collect();
        assert_eq!((&a.0, &a.1, &b.0, &b.1), (&all, &all, &all, &all));
        assert_eq!(
            from_a.len() + from_b.len() + from_a.waiters() + from_b.waiters(),
            0
        );
        chance::set_seed(before);
    }
}

/// A select that sends to and receives from the same channel does not do business with itself alone
/// when it has a partner, and waits when it has none.
#[test]
fn both_ends_in_one_select() {
    let (sender, receiver) = channel::bounded(1);
    let first = block_on(async {
        select! {
            sent = send(&sender, 1) => { sent.unwrap(); "sent" }
            item = receiver.recv() => { assert_eq!(item, None); "received" }
        }
    });
    assert_eq!((first, receiver.len()), ("sent", 1));
}

/// On a rendezvous channel a select takes its own receive for a partner, as the documentation says; the
/// item is not lost.
#[test]
fn a_select_may_send_to_itself() {
    let (sender, receiver) = channel::rendezvous();
    for _ in 0..20 {
        let mut select = Polled::new(async {
            select! {
                sent = send(&sender, 1) => { sent.unwrap(); true }
                item = receiver.recv() => { assert_eq!(item, Some(1)); false }
            }
        });
        let sent = loop {
            if let std::task::Poll::Ready(sent) = select.poll() {
                break sent;
            }
            assert!(select.woken(), "nobody would poll it");
        };
        assert!(sent);
        assert_eq!(receiver.try_recv(), Ok(1));
    }
    assert_eq!(receiver.waiters(), 0);
}

/// S79, CH9: two channels, two sends and two receives, ten rounds: the first choice is a send, and what is
/// received was sent.
#[cfg_attr(miri, ignore = "many rounds, for statistics")]
#[test]
fn s79_sends_and_receives() {
    for seed in 0..200 {
        let before = chance::set_seed(Some(seed));
        let channels: Vec<(Sender<usize>, Receiver<usize>)> =
            (0..2).map(|_| channel::bounded(10)).collect();
        let mut sent = [Vec::new(), Vec::new()];
        for round in 0..10 {
            let mut select = Select::new();
            for (sender, receiver) in &channels {
                select.case(send(sender, round), |sent| sent.map(|()| None).unwrap());
                select.case(receiver.recv(), |item| Some(item.unwrap()));
            }
            let (case, item) = block_on(select.into_future());
            assert!(round > 0 || item.is_none(), "the first is a send");
            assert_eq!(case % 2 == 1, item.is_some());
            match item {
                None => sent[case / 2].push(round),
                Some(item) => assert_eq!(item, sent[case / 2].remove(0)),
            }
        }
        chance::set_seed(before);
    }
}

/// CH8: a channel of ten, ten rounds, both ready: what is received comes in order.
#[cfg_attr(miri, ignore = "many rounds, for statistics")]
#[test]
fn ch8_a_loop() {
    let (sender, receiver) = channel::bounded(10);
    let mut received = Vec::new();
    block_on(async {
        for n in 0..1000 {
            select! {
                done = send(&sender, n) => done.unwrap(),
                item = receiver.recv() => received.push(item.unwrap()),
            }
        }
    });
    assert!(received.is_sorted() && received.len() > 300);
}

/// S78 with channels: nil ones are never ready, full ones about equally often.
#[cfg_attr(miri, ignore = "many rounds, for statistics")]
#[test]
fn s78_a_hundred_channels() {
    let before = chance::set_seed(Some(8));
    let channels: Vec<_> = (0..100).map(|_| channel::unbounded()).collect();
    let mut count = [0_u32; 100];
    for _ in 0..3000 {
        for (sender, receiver) in &channels {
            if receiver.is_empty() {
                sender.try_send(()).unwrap();
            }
        }
        let cases = channels
            .iter()
            .map(|(_, receiver)| maybe(Some(receiver.recv())));
        let nil = (0..100).map(|_| maybe(None));
        count[block_on(select_all(cases.chain(nil))).0] += 1;
    }
    chance::set_seed(before);
    assert!(count.iter().all(|n| (10..60).contains(n)), "{count:?}");
}

#[test]
fn default_and_close() {
    let (sender, receiver) = channel::bounded::<u8>(1);
    assert!(try_select([receiver.recv()]).is_none());
    assert_eq!(try_select([send(&sender, 1)]), Some((0, Ok(()))));
    assert!(try_select([send(&sender, 2)]).is_none());
    assert_eq!(try_select([receiver.recv()]), Some((0, Some(1))));
    // Closing wakes both sides.
    let (full, rest) = channel::rendezvous();
    let mut sends = queued(async {
        select! { sent = send(&full, 7) => sent, _ = pending::<()>() => unreachable!() }
    });
    let mut receives = queued(select_all([receiver.recv()]));
    rest.close();
    drop(sender);
    assert_eq!(sends.ready().unwrap_err().into_inner(), 7);
    assert_eq!(receives.ready(), (0, None));
}

#[test]
fn a_set_of_receivers_ends_with_its_channels() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..50).map(|_| channel::bounded(3)).unzip();
    let mut set: SelectSet<_> = receivers.iter().map(|r| until_none(|| r.recv())).collect();
    for (n, sender) in senders.iter().enumerate() {
        (0..n % 4).for_each(|m| sender.try_send(m).unwrap());
    }
    let mut items = 0;
    while set.try_next().is_some() {
        items += 1;
    }
    assert_eq!(items, (0..50).map(|n| n % 4).sum::<usize>());
    assert_eq!(set.len(), 50);
    let mut next = Polled::new(set.next());
    next.pending();
    drop(senders);
    assert!(next.ready().is_none());
    drop(next);
    assert!(set.is_empty());
}

/// A set is told of items that come while one of its own is being served.
#[test]
fn a_set_is_fair_among_channels() {
    let channels: [_; 3] = std::array::from_fn(|_| channel::unbounded());
    let mut set: SelectSet<_> = channels
        .iter()
        .map(|(_, r)| until_none(|| r.recv()))
        .collect();
    let keys: Vec<_> = set.keys().collect();
    (0..100).for_each(|n| channels[0].0.try_send(n).unwrap());
    assert_eq!(set.try_next(), Some((keys[0], 0)));
    channels[2].0.try_send(1000).unwrap();
    let next: Vec<_> = (0..2).map(|_| set.try_next().unwrap().0).collect();
    assert!(
        next.contains(&keys[2]),
        "the one that has many does not keep it from its turn"
    );
}

/// Boxed cases may be sent to other threads; and a channel with both is used from two.
#[test]
fn between_threads() {
    let (to, from) = channel::rendezvous::<u32>();
    let (back, answers) = channel::bounded::<u32>(1);
    let thread = std::thread::spawn(move || {
        block_on(async {
            loop {
                let item = select! { item = from.recv() => item };
                let Some(item) = item else { break };
                let cases: [Pin<Box<dyn Future<Output = bool> + Send + '_>>; 2] = [
                    Box::pin(async { send(&back, item * 2).await.is_ok() }),
                    Box::pin(pending()),
                ];
                assert_eq!(select_all(cases).await, (0, true));
            }
        });
    });
    block_on(async {
        for n in 0..if cfg!(miri) { 10 } else { 200 } {
            send(&to, n).await.unwrap();
            assert_eq!(answers.recv().await, Some(n * 2));
        }
    });
    drop(to);
    thread.join().unwrap();
}
