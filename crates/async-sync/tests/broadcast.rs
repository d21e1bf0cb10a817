//! Broadcasts, polled by hand.

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_sync::broadcast::{self, RecvError, SendError, TryRecvError, TrySendError};
use support::{Polled, queued};

const MANY: usize = if cfg!(miri) { 40 } else { 1000 };

#[test]
fn everybody_gets_everything_from_the_subscription_on() {
    let (sender, mut first) = broadcast::channel(4);
    assert_eq!(sender.send(1), Ok(1));
    let mut second = sender.subscribe();
    let mut third = first.clone();
    assert_eq!(sender.send(2), Ok(3));
    assert_eq!((first.behind(), second.behind(), third.behind()), (2, 1, 2));
    for receiver in [&mut first, &mut third] {
        assert_eq!(Polled::new(receiver.recv()).ready(), Ok(1));
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
    assert_eq!(second.try_recv(), Ok(2));
}

#[test]
fn an_item_wakes_all_who_wait() {
    let (sender, receiver) = broadcast::channel(1);
    // more than one batch of wake-ups
    let mut receivers: Vec<_> = (0..40).map(|_| receiver.clone()).collect();
    let mut waits: Vec<_> = receivers.iter_mut().map(|r| queued(r.recv())).collect();
    assert_eq!(sender.waiters(), 40);
    assert_eq!(sender.send("item"), Ok(41));
    for wait in &mut waits {
        assert_eq!(wait.task.woken(), 1);
        assert_eq!(wait.ready(), Ok("item"));
    }
    assert_eq!(sender.waiters(), 0);
}

#[test]
fn who_is_too_slow_is_told_how_much_it_has_missed() {
    let (sender, mut receiver) = broadcast::channel(2);
    let mut wait = queued(receiver.recv());
    for n in 0..5 {
        sender.send(n).unwrap();
    }
    assert_eq!(wait.ready(), Err(RecvError::Lagged(3)));
    drop(wait);
    assert_eq!(receiver.try_recv(), Ok(3));
    sender.send(5).unwrap();
    sender.send(6).unwrap();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    assert_eq!(Polled::new(receiver.recv()).ready(), Ok(5));
    drop(sender);
    assert_eq!(receiver.recv_blocking(), Ok(6));
    for _ in 0..2 {
        assert_eq!(receiver.recv_blocking(), Err(RecvError::Closed));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }
}

#[test]
fn the_last_sender_wakes_all_who_wait() {
    let (sender, mut receiver) = broadcast::channel::<u8>(1);
    let other = sender.clone();
    let mut wait = queued(receiver.recv());
    drop(sender);
    assert!(!wait.woken());
    drop(other);
    assert!(wait.woken());
    assert_eq!(wait.ready(), Err(RecvError::Closed));
    assert!(catch_unwind(AssertUnwindSafe(|| wait.poll())).is_err());
}

#[test]
fn without_receivers_the_item_comes_back() {
    let (sender, receiver) = broadcast::channel(1);
    drop(receiver);
    assert_eq!(sender.send(1), Err(SendError(1)));
    let mut receiver = sender.subscribe();
    assert_eq!(sender.send(2), Ok(1));
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn waiting_may_be_given_up() {
    let (sender, mut receiver) = broadcast::channel(1);
    drop(receiver.recv());
    drop(queued(receiver.recv()));
    let mut wait = queued(receiver.recv());
    wait.pending();
    sender.send(1).unwrap();
    drop(wait);
    assert_eq!(sender.waiters(), 0);
    assert_eq!(receiver.try_recv(), Ok(1), "it was not received yet");
}

/// An item is dropped as soon as nobody will have it any more: it was thrown away, or everybody has had it,
/// or those who have not have left.
#[test]
fn items_are_kept_for_those_who_will_have_them() {
    let item = Arc::new(());
    let (sender, mut receiver) = broadcast::channel(1);
    sender.send(Arc::clone(&item)).unwrap();
    sender.send(Arc::clone(&item)).unwrap();
    assert_eq!(Arc::strong_count(&item), 2, "one was thrown away");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    drop(receiver.try_recv());
    assert_eq!((Arc::strong_count(&item), sender.len()), (1, 0));

    let (sender, mut receiver) = broadcast::channel(40);
    let (mut second, late) = (receiver.clone(), receiver.clone());
    for _ in 0..40 {
        sender.send(Arc::clone(&item)).unwrap();
    }
    while receiver.try_recv().is_ok() {}
    drop(second.try_recv());
    assert_eq!(Arc::strong_count(&item), 41, "one has had nothing yet");
    drop(late);
    assert_eq!((Arc::strong_count(&item), sender.len()), (40, 39));
    drop(second);
    assert_eq!((Arc::strong_count(&item), sender.len()), (1, 0));
    sender.send(Arc::clone(&item)).unwrap();
    drop((sender, receiver));
    assert_eq!(Arc::strong_count(&item), 1);
}

/// The last receiver gets the item itself.
#[test]
fn an_item_is_cloned_for_all_but_the_last() {
    thread_local!(static CLONES: Cell<usize> = const { Cell::new(0) });
    #[derive(Debug)]
    struct Item;
    impl Clone for Item {
        fn clone(&self) -> Self {
            CLONES.set(CLONES.get() + 1);
            Item
        }
    }
    let (sender, receiver) = broadcast::channel(2);
    let mut receivers = vec![receiver.clone(), receiver.clone(), receiver];
    sender.send(Item).unwrap();
    for receiver in &mut receivers {
        assert!(receiver.try_recv().is_ok());
    }
    assert_eq!(CLONES.get(), 2);
}

/// A clone that panics does not count as received.
#[test]
fn an_item_that_cannot_be_cloned_stays() {
    thread_local!(static PANICS: Cell<bool> = const { Cell::new(true) });
    #[derive(Debug, PartialEq)]
    struct Item;
    impl Clone for Item {
        fn clone(&self) -> Self {
            assert!(!PANICS.get(), "a clone");
            Item
        }
    }
    let (sender, mut receiver) = broadcast::channel(1);
    let mut other = receiver.clone();
    sender.send(Item).unwrap();
    let mut recv = Polled::new(receiver.recv());
    assert!(catch_unwind(AssertUnwindSafe(|| recv.poll().is_ready())).is_err());
    drop(recv);
    // Whatever becomes of the channel, it is still its next.
    sender.send(Item).unwrap();
    assert_eq!(receiver.behind(), 2);
    let mut copy = receiver.clone();
    assert!(catch_unwind(AssertUnwindSafe(|| receiver.try_recv())).is_err());
    PANICS.set(false);
    for receiver in [&mut receiver, &mut copy] {
        assert_eq!(Polled::new(receiver.recv()).ready(), Ok(Item));
        assert_eq!(receiver.behind(), 1);
        assert_eq!(receiver.try_recv(), Ok(Item));
    }
    assert_eq!(other.try_recv(), Err(TryRecvError::Lagged(1)));
    assert_eq!(other.try_recv(), Ok(Item));
}

/// The second policy: what is full is refused.
#[test]
fn who_tries_to_send_pushes_nobody_out() {
    let (sender, mut slow) = broadcast::channel(2);
    let mut quick = sender.subscribe();
    assert_eq!((sender.try_send(1), sender.try_send(2)), (Ok(2), Ok(2)));
    assert_eq!((quick.try_recv(), quick.try_recv()), (Ok(1), Ok(2)));
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(slow.try_recv(), Ok(1));
    assert_eq!(sender.try_send(3), Ok(2));
    assert_eq!((slow.try_recv(), slow.try_recv()), (Ok(2), Ok(3)));
    assert_eq!(quick.try_recv(), Ok(3));
    let waits = queued(quick.recv());
    assert_eq!(
        sender.try_send(4),
        Ok(2),
        "it is not held up by who waits to receive"
    );
    drop(waits);
    drop((slow, quick));
    assert_eq!(sender.try_send(5), Err(TrySendError::Closed(5)));
}

/// The third: who sends waits for the slowest.
#[test]
fn who_sends_losslessly_waits_for_the_slowest() {
    let (sender, mut slow) = broadcast::channel(1);
    let mut quick = sender.subscribe();
    assert_eq!(Polled::new(sender.send_lossless(1)).ready(), Ok(()));
    assert_eq!(quick.try_recv(), Ok(1));
    let mut first = queued(sender.send_lossless(2));
    let mut second = queued(sender.clone().send_lossless_owned(3));
    first.pending();
    assert_eq!(
        sender.try_send(9),
        Err(TrySendError::Full(9)),
        "others wait"
    );
    assert_eq!(sender.waiters(), 2);
    assert_eq!(slow.try_recv(), Ok(1));
    assert!(first.woken() && !second.woken());
    assert_eq!(first.ready(), Ok(()));
    assert!(catch_unwind(AssertUnwindSafe(|| first.poll())).is_err());
    drop(first);
    assert_eq!(slow.try_recv(), Ok(2));
    assert!(!second.woken());
    assert_eq!(quick.try_recv(), Ok(2));
    assert!(second.woken());
    assert_eq!(second.ready(), Ok(()));
    assert_eq!(sender.sender_count(), 2);
    drop(second);
    assert_eq!(sender.sender_count(), 1);
    assert_eq!((slow.try_recv(), quick.try_recv()), (Ok(3), Ok(3)));
}

/// A waiting sender's item reaches the receivers that wait for it.
#[test]
fn room_wakes_both_sides() {
    let (sender, mut slow) = broadcast::channel(1);
    let mut quick = sender.subscribe();
    sender.send(1).unwrap();
    assert_eq!(quick.try_recv(), Ok(1));
    let mut wait = queued(quick.recv());
    let mut send = queued(sender.send_lossless(2));
    assert_eq!(slow.try_recv(), Ok(1));
    assert!(wait.woken() && send.woken());
    assert_eq!((wait.ready(), send.ready()), (Ok(2), Ok(())));
}

#[test]
fn a_receiver_that_leaves_makes_room() {
    let (sender, mut quick) = broadcast::channel(2);
    let slow = quick.clone();
    let one = quick.clone();
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!((quick.try_recv(), quick.try_recv()), (Ok(1), Ok(2)));
    let mut sends: Vec<_> = (3..6).map(|n| queued(sender.send_lossless(n))).collect();
    drop(one);
    assert!(!sends[0].woken());
    drop(slow);
    assert_eq!((sends[0].ready(), sends[1].ready()), (Ok(()), Ok(())));
    sends[2].pending();
    assert_eq!(quick.try_recv(), Ok(3));
    assert_eq!(sends[2].ready(), Ok(()));
    assert_eq!((quick.try_recv(), quick.try_recv()), (Ok(4), Ok(5)));
}

#[test]
fn those_who_wait_to_send_get_their_items_back() {
    for by_call in [true, false] {
        let (sender, receiver) = broadcast::channel(1);
        sender.send(0).unwrap();
        // more than one batch of wake-ups
        let mut sends: Vec<_> = (0..40).map(|n| queued(sender.send_lossless(n))).collect();
        if by_call {
            assert!(sender.close() && !receiver.close());
        } else {
            drop(receiver);
        }
        for (n, send) in sends.iter_mut().enumerate() {
            assert_eq!(send.task.woken(), 1);
            assert_eq!(send.ready(), Err(SendError(n)));
        }
        assert_eq!(sender.waiters(), 0);
        assert_eq!(
            Polled::new(sender.send_lossless(1)).ready(),
            Err(SendError(1))
        );
    }
}

#[test]
fn a_channel_that_was_closed_gives_what_it_has() {
    let (sender, mut receiver) = broadcast::channel(2);
    let mut late = receiver.clone();
    sender.send(1).unwrap();
    assert_eq!(late.try_recv(), Ok(1));
    let mut wait = queued(late.recv());
    assert!(!receiver.is_closed() && receiver.close());
    assert!(wait.woken() && sender.is_closed());
    assert_eq!(wait.ready(), Err(RecvError::Closed));
    assert_eq!(sender.send(2), Err(SendError(2)));
    assert_eq!(sender.try_send(2), Err(TrySendError::Closed(2)));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(sender.subscribe().try_recv(), Err(TryRecvError::Closed));
}

/// At every point: never polled, queued, sent.
#[test]
fn a_send_may_be_given_up() {
    let item = Arc::new(());
    let (sender, mut receiver) = broadcast::channel(1);
    drop(sender.send_lossless(Arc::clone(&item)));
    assert_eq!((Arc::strong_count(&item), sender.len()), (1, 0));
    sender.send(Arc::clone(&item)).unwrap();
    drop(queued(sender.send_lossless(Arc::clone(&item))));
    assert_eq!((Arc::strong_count(&item), sender.waiters()), (2, 0));
    let first = queued(sender.send_lossless(Arc::clone(&item)));
    let second = queued(sender.send_lossless(Arc::clone(&item)));
    drop(first);
    assert!(!second.woken());
    assert!(receiver.try_recv().is_ok());
    assert!(second.woken());
    drop(second);
    assert!(receiver.try_recv().is_ok(), "it was sent all the same");
    assert_eq!(Arc::strong_count(&item), 1);
}

/// Who never waits passes those who do, and pushes the oldest out for the slow.
#[test]
fn both_policies_in_one_channel() {
    let (sender, mut receiver) = broadcast::channel(1);
    sender.send(1).unwrap();
    let mut send = queued(sender.send_lossless(3));
    assert_eq!(sender.send(2), Ok(1));
    send.pending();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    send.pending();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!((send.ready(), receiver.try_recv()), (Ok(()), Ok(3)));
}

/// A waker that changes between polls, and polls that nobody asked for.
#[test]
fn the_last_waker_is_called() {
    let (sender, mut receiver) = broadcast::channel(1);
    let mut wait = queued(receiver.recv());
    let first = std::mem::replace(&mut wait.task, support::Task::new());
    wait.pending();
    wait.pending();
    assert_eq!(first.kept(), 0);
    sender.send(1).unwrap();
    assert_eq!((first.woken(), wait.task.woken()), (0, 1));
    drop(wait);
    let mut send = queued(sender.send_lossless(2));
    let first = std::mem::replace(&mut send.task, support::Task::new());
    send.pending();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!((first.woken(), send.task.woken()), (0, 1));
}

#[test]
fn handles_know_their_channel() {
    let (sender, receiver) = broadcast::channel::<u8>(3);
    let (other, mut foreign) = broadcast::channel::<u8>(1);
    assert!(sender.same_channel(&sender.clone()) && !sender.same_channel(&other));
    assert!(receiver.same_channel(&sender.subscribe()) && !receiver.same_channel(&foreign));
    assert_eq!((receiver.capacity(), receiver.sender_count()), (3, 1));
    assert_eq!((sender.receiver_count(), sender.is_empty()), (1, true));
    other.send(1).unwrap();
    let mut fresh = foreign.resubscribe();
    assert_eq!(fresh.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(foreign.try_recv(), Ok(1));
    assert!(format!("{sender:?} {receiver:?}").contains("capacity: 3"));
}

#[test]
fn a_channel_of_any_size() {
    let (sender, mut receiver) = broadcast::channel(usize::MAX);
    for n in 0..100 {
        assert_eq!(sender.try_send(n), Ok(1));
    }
    assert_eq!(
        (0..100).map(|_| receiver.try_recv().unwrap()).sum::<i32>(),
        4950
    );
}

#[test]
fn a_channel_that_keeps_nothing_is_refused() {
    assert!(catch_unwind(|| broadcast::channel::<u8>(0)).is_err());
}

#[test]
fn threads_receive_everything() {
    let (sender, receiver) = broadcast::channel(MANY);
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let mut receiver = receiver.clone();
            std::thread::spawn(move || {
                let mut sum = 0;
                while let Ok(n) = receiver.recv_blocking() {
                    sum += n;
                }
                sum
            })
        })
        .collect();
    for n in 0..MANY {
        sender.send(n).unwrap();
    }
    drop((sender, receiver));
    for thread in threads {
        assert_eq!(thread.join().unwrap(), MANY * (MANY - 1) / 2);
    }
}

/// Senders that wait, receivers that come and go: those who stay get everything, in each sender's order.
#[test]
fn threads_wait_for_the_slowest() {
    let (sender, receiver) = broadcast::channel(2);
    let count = MANY as u64;
    let receivers: Vec<_> = (0..3)
        .map(|n| {
            let mut receiver = receiver.clone();
            std::thread::spawn(move || {
                let mut all = [Vec::new(), Vec::new()];
                loop {
                    match receiver.recv_blocking() {
                        Ok(item) => all[(item % 2) as usize].push(item),
                        Err(RecvError::Closed) => return (n, all),
                        Err(RecvError::Lagged(_)) => panic!("nothing is missed"),
                    }
                    if n == 2 && all[0].len() > MANY / 4 {
                        return (n, all); // leaves, and is not waited for
                    }
                }
            })
        })
        .collect();
    drop(receiver);
    let senders = [0, 1].map(|k| {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for n in 0..count / 2 {
                sender.send_lossless_blocking(2 * n + k).unwrap();
            }
        })
    });
    drop(sender);
    for sender in senders {
        sender.join().unwrap();
    }
    for receiver in receivers {
        let (n, all) = receiver.join().unwrap();
        assert!(all.iter().all(|items| items.is_sorted()));
        if n != 2 {
            assert_eq!(all.map(|items| items.len()), [MANY / 2; 2]);
        }
    }
}

#[cfg(feature = "stream")]
#[test]
fn a_stream_says_where_it_lagged() {
    use broadcast::Lagged;
    use futures::stream::{FusedStream, StreamExt};

    let (sender, receiver) = broadcast::channel(1);
    let mut stream = Box::pin(receiver.into_stream());
    let mut next = queued(stream.next());
    sender.send(1).unwrap();
    assert!(next.woken());
    sender.send(2).unwrap();
    assert_eq!(next.ready(), Some(Err(Lagged(1))));
    drop(next);
    assert_eq!(Polled::new(stream.next()).ready(), Some(Ok(2)));
    drop(queued(stream.next())); // the stream still waits
    assert_eq!(sender.waiters(), 1);
    sender.send(3).unwrap();
    assert_eq!(Polled::new(stream.next()).ready(), Some(Ok(3)));
    drop(queued(stream.next()));
    drop(sender);
    assert!(!stream.is_terminated());
    for _ in 0..2 {
        assert_eq!(Polled::new(stream.next()).ready(), None);
    }
    assert!(stream.is_terminated());
    let (sender, receiver) = broadcast::channel::<u8>(1);
    let mut stream = Box::pin(receiver.into_stream());
    drop(queued(stream.next()));
    drop(stream);
    assert_eq!((sender.waiters(), sender.receiver_count()), (0, 0));
}
