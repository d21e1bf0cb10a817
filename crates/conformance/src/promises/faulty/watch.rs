//! Watched values.

use std::sync::{Arc, Mutex, Weak};

use async_sync::watch;

use super::super::watch::every;
use super::future::Faulty;
use super::*;
use crate::peers::{AsyncWatch, WatchReceiver};

struct Tx<const FAULT: u8>(watch::Sender<u64>, Arc<Mutex<()>>, Mutex<Vec<u64>>);

struct Rx<const FAULT: u8> {
    receiver: watch::Receiver<u64>,
    lock: Arc<Mutex<()>>,
    /// (A sender is there as long as its lock has two references at least, one of them here.)
    senders: Weak<Mutex<()>>,
    first: u64,
    told: bool,
}

impl<const FAULT: u8> AsyncWatch for Tx<FAULT> {
    const NAME: &'static str = "faulty";
    const PACKAGE: &'static str = "";
    type Receiver = Rx<FAULT>;

    fn new(value: u64) -> (Self, Rx<FAULT>) {
        let (sender, mut receiver) = watch::channel(value);
        if FAULT == EAGER {
            receiver.mark_changed();
        }
        let lock = Arc::<Mutex<()>>::default();
        let receiver = Rx {
            receiver,
            senders: Arc::downgrade(&lock),
            lock: Arc::default(),
            first: value,
            told: false,
        };
        let lock = if FAULT == LOCKED {
            Arc::clone(&receiver.lock)
        } else {
            lock
        };
        (Tx(sender, lock, Mutex::default()), receiver)
    }

    fn store(&self, value: u64) {
        let _held = (FAULT == LOCKED).then(|| self.1.lock());
        let mut stored = self.2.lock().unwrap();
        stored.push(value);
        // (OTHER: as long as there is one to be seen, no other is stored.)
        if FAULT != OTHER || stored.len() == 1 {
            drop(stored);
            self.0.store(value);
        }
    }

    fn load(&self) -> u64 {
        let _held = (FAULT == LOCKED).then(|| self.1.lock());
        self.0.load()
    }
}

impl<const FAULT: u8> Clone for Rx<FAULT> {
    fn clone(&self) -> Self {
        let mut receiver = self.receiver.clone();
        if FAULT == FORGETS {
            let _ = receiver.load();
        }
        Rx {
            receiver,
            lock: Arc::clone(&self.lock),
            senders: Weak::clone(&self.senders),
            first: self.first,
            told: false,
        }
    }
}

impl<const FAULT: u8> WatchReceiver for Rx<FAULT> {
    fn load(&mut self) -> u64 {
        let _held = (FAULT == LOCKED).then(|| self.lock.lock());
        *self.receiver.borrow()
    }

    fn borrowed(&mut self, work: impl FnOnce(&u64)) {
        work(self.receiver.borrow());
    }

    fn changed(&mut self) -> impl Future<Output = Option<u64>> + Send {
        if FAULT == IDLE && self.senders.strong_count() == 0 {
            self.told = true;
        }
        if FAULT == STAYS {
            // What is there when it begins to wait is no change.
            let _ = self.receiver.load();
        }
        let lock = Arc::clone(&self.lock);
        Faulty::<_, FAULT>::new(async move {
            if FAULT == LOCKED {
                drop(lock.lock());
            }
            if std::mem::take(&mut self.told) && FAULT == IDLE {
                return None;
            }
            if FAULT == EATS {
                self.receiver.mark_changed();
                let seen = **self.receiver.seen();
                loop {
                    let value = *self.receiver.changed().await.ok()?;
                    if value != seen {
                        return Some(value);
                    }
                }
            }
            let value = *self.receiver.changed().await.ok()?;
            if FAULT == TWICE && !self.told {
                self.told = true;
                self.receiver.mark_changed();
            }
            Some(value)
        })
    }
}

fn all<const FAULT: u8>() -> Vec<Measurement> {
    every::<Tx<FAULT>>()
}

#[test]
fn with_a_fault() {
    let deaf = ["end-wakes", "all-wake", "leaked", "threads", "last-value"];
    bites(&all::<SOUND>(), &all::<DEAF>(), &deaf);
    bites(&all::<SOUND>(), &all::<STALE>(), &["another-waker"]);
    bites(&all::<SOUND>(), &all::<HOARDS>(), &["spurious"]);
    bites(&all::<SOUND>(), &all::<LEAKS>(), &["cancel"]);
    counts_allocations(&all::<ALLOCATES>());
    bites(
        &all::<SOUND>(),
        &all::<LOCKED>(),
        &["wake-unlocked", "wake-reenters"],
    );
    bites(&all::<SOUND>(), &all::<EAGER>(), &["seen"]);
    bites(&all::<SOUND>(), &all::<TWICE>(), &["latest"]);
    bites(
        &all::<SOUND>(),
        &all::<STAYS>(),
        &["before", "changed-cancel", "impatient"],
    );
    bites(&all::<SOUND>(), &all::<FORGETS>(), &["clone"]);
    bites(&all::<SOUND>(), &all::<IDLE>(), &["end"]);
    bites(&all::<SOUND>(), &all::<OTHER>(), &["latest"]);
}
