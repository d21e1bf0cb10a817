//! Broadcasts under every interleaving of two or three threads.

use std::pin::pin;
use std::task::Poll;
use std::vec::Vec;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{RecvError, channel};
use crate::testing::{Task, block_on, model};

#[derive(Default)]
struct Note(UnsafeCell<u32>);

// SAFETY: the channel orders the accesses; that is what the model checks.
unsafe impl Sync for Note {}
// SAFETY: as above.
unsafe impl Send for Note {}

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
            // SAFETY: loom checks it.
            theirs[0].0.with_mut(|note| unsafe { *note = 1 });
            sender.send(()).unwrap();
            // SAFETY: loom checks it.
            theirs[1].0.with_mut(|note| unsafe { *note = 1 });
        });
        let theirs = Arc::clone(&notes);
        let waiter = thread::spawn(move || {
            assert_eq!(block_on(other.recv()), Ok(()));
            // SAFETY: loom checks it.
            assert_eq!(theirs[0].0.with(|note| unsafe { *note }), 1);
        });
        assert_eq!(block_on(receiver.recv()), Ok(()));
        // SAFETY: loom checks it.
        assert_eq!(notes[0].0.with(|note| unsafe { *note }), 1);
        assert_eq!(block_on(receiver.recv()), Err(RecvError::Closed));
        // SAFETY: loom checks it.
        assert_eq!(notes[1].0.with(|note| unsafe { *note }), 1);
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
                // SAFETY: loom checks it.
                notes[n].0.with_mut(|note| unsafe { *note = 1 });
                drop(sender);
            })
        });
        assert_eq!(block_on(receiver.recv()), Err(RecvError::Closed));
        for note in &*notes {
            // SAFETY: loom checks it.
            assert_eq!(note.0.with(|note| unsafe { *note }), 1);
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
