//! Channels for one item under every interleaving of two or three threads.

use std::pin::pin;
use std::task::Poll;

use loom::sync::Arc;
use loom::thread;

use super::{RecvError, SendError, channel};
use sync_core::model::{Note, Task, block_on, model_with};

/// One preemption more than usual: the models are small.
fn model(f: impl Fn() + Send + Sync + 'static) {
    model_with(3, f);
}

/// What was done before the send is seen by who receives the item.
#[test]
fn a_send_happens_before_its_receive() {
    model(|| {
        let (sender, receiver) = channel();
        let note = Arc::new(Note::default());
        let theirs = Arc::clone(&note);
        let sender = thread::spawn(move || {
            theirs.write();
            assert_eq!(sender.send(7), Ok(()));
        });
        let waiter = thread::spawn(move || {
            assert_eq!(block_on(receiver.into_future()), Ok(7));
            assert_eq!(note.read(), 1);
        });
        sender.join().unwrap();
        waiter.join().unwrap();
    });
}

/// What was done before the sender was dropped is seen by who is told of that.
#[test]
fn the_senders_end_happens_before_it_is_known() {
    model(|| {
        let (sender, mut receiver) = channel::<()>();
        let note = Arc::new(Note::default());
        let theirs = Arc::clone(&note);
        let sender = thread::spawn(move || {
            theirs.write();
            drop(sender);
        });
        let waiter = thread::spawn(move || {
            assert_eq!(block_on(receiver.recv()), Err(RecvError));
            assert_eq!(note.read(), 1);
        });
        sender.join().unwrap();
        waiter.join().unwrap();
    });
}

/// The receiver goes, and what it did before is seen by who waits for that.
#[test]
fn the_receivers_end_happens_before_it_is_known() {
    model(|| {
        let (mut sender, receiver) = channel::<()>();
        let note = Arc::new(Note::default());
        let theirs = Arc::clone(&note);
        let leaver = thread::spawn(move || {
            theirs.write();
            drop(receiver);
        });
        let waiter = thread::spawn(move || {
            block_on(sender.closed());
            assert_eq!(note.read(), 1);
            assert_eq!(sender.send(()), Err(SendError(())));
        });
        leaver.join().unwrap();
        waiter.join().unwrap();
    });
}

/// A send against the receiver's leaving, which waited or not: the item comes back, or is dropped with the
/// receiver; never both, never neither.
#[test]
fn a_send_against_a_receiver_that_leaves() {
    model(|| {
        let item = std::sync::Arc::new(());
        let (sender, mut receiver) = channel();
        let theirs = std::sync::Arc::clone(&item);
        let sender = thread::spawn(move || sender.send(theirs).is_ok());
        let leaver = thread::spawn(move || {
            let task = Task::new();
            let received = task.poll(pin!(receiver.recv()));
            matches!(received, Poll::Ready(Ok(_)))
        });
        let (sent, received) = (sender.join().unwrap(), leaver.join().unwrap());
        assert!(sent || !received);
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
    });
}

/// A receive that is given up loses nothing.
#[test]
fn a_receive_that_is_given_up_against_a_send() {
    model(|| {
        let (sender, mut receiver) = channel();
        let sender = thread::spawn(move || sender.send(7).unwrap());
        let waiter = thread::spawn(move || {
            let first = {
                let task = Task::new();
                task.poll(pin!(receiver.recv()))
            };
            let first = match first {
                Poll::Ready(received) => received,
                Poll::Pending => block_on(receiver.recv()),
            };
            assert_eq!(first, Ok(7));
        });
        sender.join().unwrap();
        waiter.join().unwrap();
    });
}
