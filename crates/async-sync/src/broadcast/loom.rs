//! Broadcasts under every interleaving of two or three threads.

use std::pin::pin;
use std::task::Poll;
use std::vec::Vec;

use loom::sync::Arc;
use loom::thread;

use super::{RecvError, SendError, TryRecvError, channel};
use sync_core::model::{Note, Task, block_on, model};

/// What was done before a send is seen by every receiver of its item; what was done before the last sender
/// was dropped, by whoever is told of the end.
#[test]
fn a_send_happens_before_each_receive() {
    model(|| {
        let (sender, mut receiver) = channel(1);
        let mut other = receiver.clone();
        let notes = Arc::new([Note::default(), Note::default()]);
        let theirs = Arc::clone(&notes);
        let sender = thread::spawn(move || {
            theirs[0].write();
            sender.send(()).unwrap();
            theirs[1].write();
        });
        let theirs = Arc::clone(&notes);
        let waiter = thread::spawn(move || {
            assert_eq!(block_on(other.recv()), Ok(()));
            assert_eq!(theirs[0].read(), 1);
        });
        assert_eq!(block_on(receiver.recv()), Ok(()));
        assert_eq!(notes[0].read(), 1);
        assert_eq!(block_on(receiver.recv()), Err(RecvError::Closed));
        assert_eq!(notes[1].read(), 1);
        sender.join().unwrap();
        waiter.join().unwrap();
    });
}

/// What was done before any sender was dropped, not only the last, is seen by whoever is told of the end.
#[test]
fn what_every_sender_did_happens_before_the_end() {
    model(|| {
        let (sender, mut receiver) = channel::<()>(1);
        let notes = Arc::new([Note::default(), Note::default()]);
        let threads = [(0, sender.clone()), (1, sender)].map(|(n, sender)| {
            let notes = Arc::clone(&notes);
            thread::spawn(move || {
                notes[n].write();
                drop(sender);
            })
        });
        assert_eq!(block_on(receiver.recv()), Err(RecvError::Closed));
        for note in &*notes {
            assert_eq!(note.read(), 1);
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A receiver that has found nothing and queues does not sleep through what is sent meanwhile. (No end
/// follows that would wake it.)
#[test]
fn a_newcomer_against_a_send() {
    model(|| {
        let (sender, mut receiver) = channel(1);
        let waiter = thread::spawn(move || assert_eq!(block_on(receiver.recv()), Ok(7)));
        assert_eq!(sender.send(7).unwrap(), 1);
        waiter.join().unwrap();
        assert_eq!(sender.waiters(), 0);
    });
}

/// A receiver leaves and comes back while items are sent and thrown away: it has had or missed all of them.
#[test]
fn items_and_misses_add_up() {
    model(|| {
        let (sender, mut receiver) = channel(1);
        let thread = thread::spawn(move || {
            for n in 0..3 {
                sender.send(n).unwrap();
            }
        });
        let (mut seen, mut missed) = (Vec::new(), 0);
        {
            let task = Task::new();
            let mut recv = pin!(receiver.recv());
            match task.poll(recv.as_mut()) {
                Poll::Ready(Ok(n)) => seen.push(n),
                Poll::Ready(Err(RecvError::Lagged(n))) => missed += n,
                Poll::Ready(Err(RecvError::Closed)) => panic!("the last item is kept"),
                Poll::Pending => {}
            }
        }
        loop {
            match block_on(receiver.recv()) {
                Ok(n) => seen.push(n),
                Err(RecvError::Lagged(n)) => missed += n,
                Err(RecvError::Closed) => break,
            }
        }
        assert_eq!(seen.len() as u64 + missed, 3);
        assert!(seen.is_sorted() && seen.last() == Some(&2));
        thread.join().unwrap();
    });
}

/// A sender that waits for room, and receivers that make it: by receiving, and by leaving.
#[test]
fn room_is_made_for_a_sender_that_waits() {
    model(|| {
        let (sender, mut receiver) = channel(1);
        let leaver = receiver.clone();
        sender.send(0).unwrap();
        let note = Arc::new(Note::default());
        let theirs = Arc::clone(&note);
        let sender = thread::spawn(move || {
            assert_eq!(block_on(sender.send_lossless(1)), Ok(()));
            assert_eq!(theirs.read(), 1);
        });
        let leaver = thread::spawn(move || {
            note.write();
            drop(leaver);
        });
        for expected in [Ok(0), Ok(1), Err(RecvError::Closed)] {
            assert_eq!(block_on(receiver.recv()), expected, "nothing is missed");
        }
        sender.join().unwrap();
        leaver.join().unwrap();
    });
}

/// The last receiver leaves as a sender waits, or has given up: the item is put and dropped with the rest, or
/// comes back.
#[test]
fn the_last_receiver_against_a_sender_that_waits() {
    model(|| {
        let item = std::sync::Arc::new(());
        let (sender, receiver) = channel(1);
        sender.send(std::sync::Arc::clone(&item)).unwrap();
        let theirs = std::sync::Arc::clone(&item);
        let thread = thread::spawn(move || {
            let sent = block_on(sender.send_lossless(theirs));
            // No receiver was there: the first one leaves before there is room.
            assert!(matches!(sent, Err(SendError(_))));
            sender
        });
        let leaver = thread::spawn(move || drop(receiver));
        leaver.join().unwrap();
        assert_eq!(thread.join().unwrap().len(), 0);
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
    });
}

/// A sender gives up as room is made: its item was sent, or was not; nobody else waits for nothing.
#[test]
fn a_sender_that_gives_up_against_a_receive() {
    model(|| {
        let (sender, mut receiver) = channel(1);
        sender.send(0).unwrap();
        let other = sender.clone();
        let leaver = thread::spawn(move || {
            let task = Task::new();
            let mut send = pin!(other.send_lossless(1));
            task.poll(send.as_mut()).is_ready()
        });
        let waiter = thread::spawn(move || block_on(sender.send_lossless(2)).unwrap());
        let mut all = Vec::new();
        while let Ok(n) = block_on(receiver.recv()) {
            all.push(n);
        }
        let sent = leaver.join().unwrap();
        waiter.join().unwrap();
        assert!(!sent || all.contains(&1));
        assert!(all.contains(&2) && all[0] == 0);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    });
}

/// Two receive the same item, of whom either may be the last: both get it, and then it is gone.
#[test]
fn two_receive_the_last_item() {
    model(|| {
        let item = std::sync::Arc::new(7);
        let (sender, mut receiver) = channel(2);
        let mut other = receiver.clone();
        sender.send(std::sync::Arc::clone(&item)).unwrap();
        let thread = thread::spawn(move || assert_eq!(other.try_recv().as_deref(), Ok(&7)));
        let thread_too = thread::spawn(move || assert_eq!(receiver.try_recv().as_deref(), Ok(&7)));
        thread.join().unwrap();
        thread_too.join().unwrap();
        assert_eq!(sender.len(), 0);
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
    });
}
