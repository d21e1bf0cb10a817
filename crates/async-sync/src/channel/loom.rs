//! Channels under every interleaving of two or three threads: Go's four rules of what happens before
//! what, and the races of those who leave with those who serve them.

use std::pin::pin;
use std::task::Poll;
use std::vec::Vec;

use loom::sync::Arc;
use loom::thread;

use super::{Receiver, Sender, TryRecvError, bounded, rendezvous, unbounded};
use sync_core::model::{Note, Task, block_on, model_with, pass_time};

/// One preemption more than usual: the models are small.
fn model(f: impl Fn() + Send + Sync + 'static) {
    model_with(3, f);
}

/// A poll, then the drop.
fn glance<F: Future>(future: F) -> Option<F::Output> {
    let task = Task::new();
    let mut future = pin!(future);
    match task.poll(future.as_mut()) {
        Poll::Ready(out) => Some(out),
        Poll::Pending => None,
    }
}

fn rest<T>(receiver: &Receiver<T>) -> Vec<T> {
    receiver.drain().collect()
}

fn pair<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    bounded(capacity)
}

/// Rule 1: a send happens before the receive of its item completes.
#[test]
fn a_send_happens_before_its_receive() {
    model(|| {
        let (sender, receiver) = pair(1);
        let note = Arc::new(Note::default());
        let theirs = Arc::clone(&note);
        let thread = thread::spawn(move || {
            theirs.write();
            block_on(sender.send(())).unwrap();
        });
        assert_eq!(block_on(receiver.recv()), Some(()));
        assert_eq!(note.read(), 1);
        thread.join().unwrap();
    });
}

/// Rule 2: closing happens before a receive that returns nothing for that reason.
#[test]
fn closing_happens_before_the_end_is_seen() {
    model(|| {
        let (sender, receiver) = pair::<()>(1);
        let note = Arc::new(Note::default());
        let theirs = Arc::clone(&note);
        let thread = thread::spawn(move || {
            theirs.write();
            drop(sender);
        });
        assert_eq!(block_on(receiver.recv()), None);
        assert_eq!(note.read(), 1);
        thread.join().unwrap();
    });
}

/// The same for who waits for the end alone, on the other side; and then it is closed.
#[test]
fn the_end_is_told_to_those_who_wait_for_nothing_else() {
    model(|| {
        let (sender, receiver) = pair::<()>(1);
        let note = Arc::new(Note::default());
        let theirs = Arc::clone(&note);
        let thread = thread::spawn(move || {
            theirs.write();
            drop(receiver);
        });
        block_on(sender.closed());
        assert_eq!(note.read(), 1);
        assert!(sender.is_closed());
        thread.join().unwrap();
    });
}

/// The same of every sender, not only of the last.
#[test]
fn what_every_sender_did_happens_before_the_end() {
    model(|| {
        let (sender, receiver) = pair::<()>(1);
        let notes = Arc::new([Note::default(), Note::default()]);
        let threads: Vec<_> = [sender.clone(), sender]
            .into_iter()
            .enumerate()
            .map(|(n, sender)| {
                let notes = Arc::clone(&notes);
                thread::spawn(move || {
                    notes[n].write();
                    drop(sender);
                })
            })
            .collect();
        assert_eq!(block_on(receiver.recv()), None);
        assert_eq!((notes[0].read(), notes[1].read()), (1, 1));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// Rule 3: in a rendezvous, a receive happens before the send completes.
#[test]
fn a_receive_happens_before_its_send_completes() {
    model(|| {
        let (sender, receiver) = rendezvous();
        let note = Arc::new(Note::default());
        let theirs = Arc::clone(&note);
        let thread = thread::spawn(move || {
            theirs.write();
            assert_eq!(block_on(receiver.recv()), Some(7));
        });
        block_on(sender.send(7)).unwrap();
        assert_eq!(note.read(), 1);
        thread.join().unwrap();
    });
}

/// Rule 4: with m places, the n-th receive happens before the (n+m)-th send completes. So a channel of one
/// place is a lock.
#[test]
fn a_receive_happens_before_the_send_that_takes_its_place() {
    model(|| {
        let (sender, receiver) = pair(1);
        let note = Arc::new(Note::default());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (sender, receiver) = (sender.clone(), receiver.clone());
                let note = Arc::clone(&note);
                thread::spawn(move || {
                    block_on(sender.send(())).unwrap();
                    note.write();
                    receiver.try_recv().unwrap();
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(note.read(), 1);
        assert_eq!((receiver.len(), receiver.waiters()), (0, 0));
    });
}

/// Items of two senders: each arrives once, those of one sender in order.
#[test]
fn two_senders_one_receiver() {
    model(|| {
        let (sender, receiver) = pair(1);
        let other = sender.clone();
        let threads = [
            thread::spawn(move || {
                block_on(sender.send(1)).unwrap();
                block_on(sender.send(2)).unwrap();
            }),
            thread::spawn(move || block_on(other.send(3)).unwrap()),
        ];
        let mut seen = Vec::new();
        while let Some(item) = block_on(receiver.recv()) {
            seen.push(item);
        }
        let first: Vec<_> = seen.iter().filter(|item| **item < 3).collect();
        assert_eq!((first, seen.len()), (vec![&1, &2], 3));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A receiver leaves while an item is handed to it: the item goes to the other.
#[test]
fn leaving_against_a_hand_over() {
    for capacity in [0, 1] {
        model(move || {
            let (sender, receiver) = pair(capacity);
            let leaver = receiver.clone();
            let leaver = thread::spawn(move || glance(leaver.recv()).flatten());
            let other = thread::spawn(move || block_on(sender.send(1)));
            let mine = glance(receiver.recv()).flatten();
            let theirs = leaver.join().unwrap();
            let mut seen: Vec<_> = mine.into_iter().chain(theirs).collect();
            if seen.is_empty() {
                seen.extend(block_on(receiver.recv()));
            }
            other.join().unwrap().unwrap();
            seen.extend(rest(&receiver));
            assert_eq!((seen, receiver.waiters()), (vec![1], 0));
        });
    }
}

/// A sender leaves while its item is taken: it was sent, or it is dropped, and never both.
#[test]
fn leaving_against_a_receiver_that_makes_room() {
    model(|| {
        let (sender, receiver) = pair(1);
        let item = std::sync::Arc::new(());
        sender.try_send(std::sync::Arc::clone(&item)).unwrap();
        let (leaver, theirs) = (sender.clone(), std::sync::Arc::clone(&item));
        let leaver = thread::spawn(move || drop(glance(leaver.send(theirs))));
        let third = std::sync::Arc::clone(&item);
        let stayer = thread::spawn(move || block_on(sender.send(third)).unwrap());
        drop(block_on(receiver.recv()).unwrap());
        drop(block_on(receiver.recv()).unwrap());
        stayer.join().unwrap();
        leaver.join().unwrap();
        let left = rest(&receiver);
        assert!(left.len() <= 1, "what the leaver has sent, if it has");
        assert_eq!(std::sync::Arc::strong_count(&item), 1 + left.len());
        assert_eq!(receiver.waiters(), 0);
    });
}

/// Closing against a send and a receive: an item that was accepted is received.
#[test]
fn closing_against_both_sides() {
    model(|| {
        let (sender, receiver) = rendezvous();
        let closer = sender.clone();
        let closer = thread::spawn(move || closer.close());
        let send = thread::spawn(move || block_on(sender.send(1)).is_ok());
        let received = block_on(receiver.recv());
        let sent = send.join().unwrap();
        closer.join().unwrap();
        assert_eq!(received.is_some(), sent);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(receiver.waiters(), 0);
    });
}

/// The last receiver goes while somebody sends: every item is dropped once, or comes back.
#[test]
fn the_last_receiver_against_a_send() {
    model(|| {
        let (sender, receiver) = pair(1);
        let item = std::sync::Arc::new(());
        sender.try_send(std::sync::Arc::clone(&item)).unwrap();
        let gone = thread::spawn(move || {
            drop(glance(receiver.recv()));
            drop(receiver);
        });
        let result = block_on(sender.send(std::sync::Arc::clone(&item)));
        gone.join().unwrap();
        drop(result);
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
        assert!(sender.is_closed());
    });
}

/// An upgrade against the last drop: it gets a handle that keeps the channel open, or none.
#[test]
fn an_upgrade_against_the_last_drop() {
    model(|| {
        let (sender, receiver) = pair(1);
        let weak = sender.downgrade();
        let thread = thread::spawn(move || {
            if let Some(sender) = weak.upgrade() {
                sender.try_send(1).unwrap();
            }
        });
        drop(sender);
        let received = block_on(receiver.recv());
        thread.join().unwrap();
        assert!(received == Some(1) || receiver.try_recv() == Err(TryRecvError::Closed));
    });
}

/// A permit is used or dropped while others wait for places and items.
#[test]
fn permits_against_closing() {
    model(|| {
        let (sender, receiver) = pair(1);
        let permit = sender.try_reserve().unwrap();
        let other = sender.clone();
        let waiter = thread::spawn(move || block_on(other.reserve()).map(drop).is_ok());
        let theirs = receiver.clone();
        let recv = thread::spawn(move || block_on(theirs.recv()));
        permit.send(1).unwrap();
        assert_eq!(recv.join().unwrap(), Some(1));
        assert!(waiter.join().unwrap(), "the place is free again");
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    });
}

/// More receivers than one batch of wake-ups are told of the end, while one leaves.
#[test]
fn closing_in_several_batches() {
    model(|| {
        let (sender, receiver) = pair::<()>(1);
        let task = Task::new();
        let leaver = receiver.clone();
        let mut waits = [
            pin!(receiver.recv()),
            pin!(receiver.recv()),
            pin!(receiver.recv()),
        ];
        for wait in &mut waits {
            assert!(task.poll(wait.as_mut()).is_pending());
        }
        let leaver = thread::spawn(move || glance(leaver.recv()));
        drop(sender);
        for wait in &mut waits {
            assert_eq!(task.poll(wait.as_mut()), Poll::Ready(None));
        }
        leaver.join().unwrap();
        assert_eq!(receiver.waiters(), 0);
    });
}

/// A promise is revoked because it is stale, while its holder is polled: one of the two has the item.
#[test]
fn a_stale_promise_against_its_holder() {
    model(|| {
        let (sender, receiver) = pair(1);
        let receiver = Arc::new(receiver);
        let theirs = Arc::clone(&receiver);
        let (told, tell) = rendezvous_flag();
        let holder = thread::spawn(move || {
            let task = Task::new();
            let mut recv = pin!(theirs.recv());
            let first = task.poll(recv.as_mut());
            tell();
            match (first, task.poll(recv.as_mut())) {
                (Poll::Ready(item), _) | (_, Poll::Ready(item)) => item,
                _ => None,
            }
        });
        told();
        sender.try_send(1).unwrap();
        pass_time();
        let mine = receiver.try_recv().ok();
        let theirs = holder.join().unwrap();
        let seen: Vec<_> = mine
            .into_iter()
            .chain(theirs)
            .chain(rest(&receiver))
            .collect();
        assert_eq!((seen, receiver.waiters()), (vec![1], 0));
    });
}

/// A flag that one thread waits for. The holder must not be polled to its end before there is a promise.
fn rendezvous_flag() -> (impl FnOnce(), impl FnOnce()) {
    let flag = Arc::new((loom::sync::Mutex::new(false), loom::sync::Condvar::new()));
    let theirs = Arc::clone(&flag);
    let wait = move || {
        let mut set = flag.0.lock().unwrap();
        while !*set {
            set = flag.1.wait(set).unwrap();
        }
    };
    let set = move || {
        *theirs.0.lock().unwrap() = true;
        theirs.1.notify_one();
    };
    (wait, set)
}

/// The buffer of an unbounded channel grows while it is emptied.
#[test]
fn growing_against_receiving() {
    model(|| {
        let (sender, receiver) = unbounded();
        let thread = thread::spawn(move || {
            for n in 0..4 {
                sender.try_send(n).unwrap();
            }
        });
        let mut seen = Vec::new();
        while let Some(item) = block_on(receiver.recv()) {
            seen.push(item);
        }
        assert_eq!(seen, [0, 1, 2, 3]);
        thread.join().unwrap();
    });
}
