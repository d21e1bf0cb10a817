//! Channels for one item.

mod support;

use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// At every point: never polled, queued, told.
#[test]
fn who_sends_may_be_told_that_nobody_waits() {
    let (mut sender, receiver) = oneshot::channel::<u8>();
    drop(sender.closed());
    drop(queued(sender.closed()));
    let mut closed = queued(sender.closed());
    closed.pending();
    let first = std::mem::replace(&mut closed.task, support::Task::new());
    closed.pending();
    drop(receiver);
    assert_eq!((first.woken(), closed.task.woken()), (0, 1));
    closed.ready();
    assert!(catch_unwind(AssertUnwindSafe(|| closed.poll())).is_err());
    drop(closed);
    Polled::new(sender.closed()).ready();
    sender.closed_blocking();
    let (mut sender, mut receiver) = oneshot::channel::<u8>();
    let closed = queued(sender.closed());
    receiver.close();
    assert!(closed.woken());
    drop(closed);
    assert!(receiver.is_ready());
    assert_eq!(sender.send(1), Err(SendError(1)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn what_was_sent_before_closing_is_received() {
    let (sender, mut receiver) = oneshot::channel();
    assert!(!receiver.is_ready());
    sender.send(1).unwrap();
    receiver.close();
    assert!(receiver.is_ready());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn the_last_waker_is_called_and_a_completed_future_panics() {
    let (sender, receiver) = oneshot::channel();
    let mut wait = queued(receiver.into_future());
    let first = std::mem::replace(&mut wait.task, support::Task::new());
    wait.pending();
    wait.pending();
    sender.send(1).unwrap();
    assert_eq!((first.woken(), wait.task.woken()), (0, 1));
    assert_eq!(wait.ready(), Ok(1));
    assert!(catch_unwind(AssertUnwindSafe(|| wait.poll())).is_err());
}

/// A future that owns the receiver gives it up when it is dropped, polled or not, told or not.
#[test]
fn a_dropped_wait_tells_the_sender() {
    let item = Arc::new(());
    for polls in 0..2 {
        let (sender, receiver) = oneshot::channel();
        let mut wait = Polled::new(receiver.into_future());
        (0..polls).for_each(|_| wait.pending());
        drop(wait);
        assert!(sender.is_closed());
        assert_eq!(
            sender.send(Arc::clone(&item)),
            Err(SendError(Arc::clone(&item)))
        );
    }
    let (sender, receiver) = oneshot::channel();
    let wait = queued(receiver.into_future());
    sender.send(Arc::clone(&item)).unwrap();
    assert!(wait.task.woken() > 0);
    drop(wait);
    assert_eq!(Arc::strong_count(&item), 1);
}
