//! Broadcasts, polled by hand.

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_sync::broadcast::{self, RecvError, SendError, TryRecvError};
use support::{Polled, queued};

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

#[test]
fn items_are_dropped_when_they_are_thrown_away() {
    let item = Arc::new(());
    let (sender, mut receiver) = broadcast::channel(1);
    sender.send(Arc::clone(&item)).unwrap();
    sender.send(Arc::clone(&item)).unwrap();
    assert_eq!(Arc::strong_count(&item), 2);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    drop(receiver.try_recv());
    drop((sender, receiver));
    assert_eq!(Arc::strong_count(&item), 1);
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
    sender.send(Item).unwrap();
    let mut recv = Polled::new(receiver.recv());
    assert!(catch_unwind(AssertUnwindSafe(|| recv.poll().is_ready())).is_err());
    PANICS.set(false);
    assert_eq!(recv.ready(), Ok(Item));
}

#[test]
fn a_channel_that_keeps_nothing_is_refused() {
    assert!(catch_unwind(|| broadcast::channel::<u8>(0)).is_err());
}

#[test]
fn threads_receive_everything() {
    let (sender, receiver) = broadcast::channel(1000);
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
    for n in 0..1000 {
        sender.send(n).unwrap();
    }
    drop((sender, receiver));
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 499_500);
    }
}
