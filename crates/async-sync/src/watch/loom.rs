//! The watch under every interleaving of two or three threads. Loom sees each access to the slot, so
//! every model is also one of happens-before.

use std::pin::pin;
use std::sync::Arc;

use loom::thread;

use super::{Closed, Watch, channel};
use sync_core::model::{Note, Task, block_on, model};

/// Nobody sleeps through the last value.
#[test]
fn store_against_changed() {
    model(|| {
        let watch = Arc::new(Watch::new(0));
        let mut rx = watch.subscribe_owned();
        let storer = {
            let watch = Arc::clone(&watch);
            thread::spawn(move || {
                watch.store(1);
                watch.store(2);
            })
        };
        let follower = thread::spawn(move || {
            let mut last = 0;
            while last != 2 {
                let value = *block_on(rx.changed()).unwrap();
                assert!(value > last);
                last = value;
            }
            assert!(!rx.has_changed());
        });
        storer.join().unwrap();
        follower.join().unwrap();
        assert_eq!(watch.waiters(), 0);
    });
}

/// What was done before a store is seen by whoever sees the value, however it comes to see it.
#[test]
fn store_happens_before_the_value_is_seen() {
    model(|| {
        let note = Arc::new(Note::default());
        let (tx, mut rx) = channel(false);
        let storer = {
            let note = Arc::clone(&note);
            thread::spawn(move || {
                note.write();
                tx.store(true);
            })
        };
        let follower = thread::spawn(move || {
            if *rx.borrow() || *block_on(rx.changed()).unwrap() {
                assert_eq!(note.read(), 1);
            }
        });
        storer.join().unwrap();
        follower.join().unwrap();
    });
}

/// A receiver that stops to wait while a value is stored does not lose it, nor does another.
#[test]
fn store_against_a_leaving_waiter() {
    model(|| {
        let watch = Arc::new(Watch::new(0));
        let leaver = {
            let mut rx = watch.subscribe_owned();
            thread::spawn(move || {
                let task = Task::new();
                let left = {
                    let mut changed = pin!(rx.changed());
                    task.poll(changed.as_mut()).is_pending()
                };
                (left, rx)
            })
        };
        let stayer = {
            let mut rx = watch.subscribe_owned();
            thread::spawn(move || *block_on(rx.changed()).unwrap())
        };
        let storer = {
            let watch = Arc::clone(&watch);
            thread::spawn(move || watch.store(1))
        };
        storer.join().unwrap();
        let (left, mut rx) = leaver.join().unwrap();
        if left {
            assert!(rx.has_changed() && block_on(rx.changed()) == Ok(&1));
        } else {
            assert!(!rx.has_changed());
        }
        assert_eq!(stayer.join().unwrap(), 1);
        assert_eq!(watch.waiters(), 0);
    });
}

/// The end comes after the last value, and is not missed.
#[test]
fn the_last_sender_against_changed() {
    model(|| {
        let (tx, mut rx) = channel(0);
        let other = tx.clone();
        let storer = thread::spawn(move || {
            other.store(1);
        });
        let dropper = thread::spawn(move || drop(tx));
        assert_eq!(block_on(rx.changed()), Ok(&1));
        assert_eq!(block_on(rx.changed()), Err(Closed));
        storer.join().unwrap();
        dropper.join().unwrap();
    });
}

/// What was done before any sender was dropped is seen by who is told of the end.
#[test]
fn what_every_sender_did_happens_before_the_end() {
    model(|| {
        let (tx, mut rx) = channel(0);
        let notes = Arc::new([Note::default(), Note::default()]);
        let threads = [(0, tx.clone()), (1, tx)].map(|(n, tx)| {
            let notes = Arc::clone(&notes);
            thread::spawn(move || {
                notes[n].write();
                drop(tx);
            })
        });
        assert_eq!(block_on(rx.changed()), Err(Closed));
        for note in &*notes {
            assert_eq!(note.read(), 1);
        }
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// Two that store on a condition: nothing is lost.
#[test]
fn two_updates() {
    model(|| {
        let watch = Arc::new(Watch::new(0));
        let other = {
            let watch = Arc::clone(&watch);
            thread::spawn(move || watch.update(|n| n + 1))
        };
        let one = {
            let watch = Arc::clone(&watch);
            thread::spawn(move || watch.send_modify(|n| *n += 1))
        };
        one.join().unwrap();
        other.join().unwrap();
        assert_eq!((*watch.load(), watch.version()), (2, 2));
    });
}
