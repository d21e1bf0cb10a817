//! Channels for one item.

mod support;

use std::future::IntoFuture;
use std::sync::Arc;

use async_sync::oneshot::{self, RecvError, SendError, TryRecvError};
use support::{Polled, VirtualTime, queued};

#[test]
fn an_item_arrives_before_or_after_somebody_waits() {
    let _time = VirtualTime::start();
    let (sender, receiver) = oneshot::channel();
    sender.send(1).unwrap();
    assert_eq!(Polled::new(receiver.into_future()).ready(), Ok(1));
    let (sender, receiver) = oneshot::channel();
    let mut wait = queued(receiver.into_future());
    sender.send(2).unwrap();
    assert!(wait.woken());
    assert_eq!(wait.ready(), Ok(2));
}

#[test]
fn a_sender_that_goes_without_sending_is_an_error() {
    let _time = VirtualTime::start();
    let (sender, mut receiver) = oneshot::channel::<u8>();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let mut wait = queued(receiver.recv());
    drop(sender);
    assert!(wait.woken());
    assert_eq!(wait.ready(), Err(RecvError));
    drop(wait);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(receiver.recv_blocking(), Err(RecvError));
}

#[test]
fn the_item_comes_back_if_nobody_wants_it() {
    let (sender, receiver) = oneshot::channel();
    assert!(!sender.is_closed());
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send(1), Err(SendError(1)));
    let (sender, mut receiver) = oneshot::channel();
    receiver.close();
    assert_eq!(sender.send(1), Err(SendError(1)));
}

#[test]
fn waiting_may_be_given_up_and_begun_again() {
    let _time = VirtualTime::start();
    let (sender, mut receiver) = oneshot::channel();
    drop(queued(receiver.recv()));
    let wait = queued(receiver.recv());
    sender.send(1).unwrap();
    assert!(wait.woken());
    drop(wait);
    assert_eq!(Polled::new(receiver.recv()).ready(), Ok(1));
    assert_eq!(Polled::new(receiver.recv()).ready(), Err(RecvError));
}

#[test]
fn an_item_that_was_not_received_is_dropped() {
    let item = Arc::new(());
    let (sender, receiver) = oneshot::channel();
    sender.send(Arc::clone(&item)).unwrap();
    drop(receiver);
    assert_eq!(Arc::strong_count(&item), 1);
}

#[test]
fn a_thread_may_wait() {
    let (sender, receiver) = oneshot::channel();
    let thread = std::thread::spawn(move || receiver.recv_blocking());
    sender.send(7).unwrap();
    assert_eq!(thread.join().unwrap(), Ok(7));
}
