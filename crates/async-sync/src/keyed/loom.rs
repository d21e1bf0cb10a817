//! Models: keys that are entered and left, and what the mutex of a key keeps. The table is part of
//! them, with loom's mutex.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::task::Poll;

use loom::thread;

use super::KeyedMutex;
use sync_core::model::{Note, Task, block_on, model};

type Mutex = KeyedMutex<u8, BuildHasherDefault<DefaultHasher>>;

struct Bank {
    mutex: Arc<Mutex>,
    /// What the key stands for: added to under the lock.
    account: Note,
}

impl Bank {
    fn new() -> Arc<Self> {
        Arc::new(Bank {
            mutex: Arc::default(),
            account: Note::default(),
        })
    }
}

/// One owner, the next, whether they meet at one entry or the second comes to a new one.
#[test]
fn exclusion() {
    model(|| {
        let bank = Bank::new();
        let threads = [0, 1].map(|_| {
            let bank = Arc::clone(&bank);
            thread::spawn(move || {
                let _guard = block_on(bank.mutex.lock(1));
                bank.account.add();
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!((bank.account.read(), bank.mutex.len()), (2, 0));
    });
}

/// The first owner leaves the entry to somebody who may never have the lock, and who may leave it last;
/// the next owner comes to a new entry, and sees what the first did.
#[test]
fn who_gives_up_and_leaves_last_hands_on_the_order() {
    model(|| {
        let bank = Bank::new();
        let owner = {
            let bank = Arc::clone(&bank);
            thread::spawn(move || {
                if let Some(_guard) = bank.mutex.try_lock(1) {
                    bank.account.add();
                }
            })
        };
        let looks = {
            let bank = Arc::clone(&bank);
            thread::spawn(move || drop(bank.mutex.try_lock(1)))
        };
        let next = {
            let bank = Arc::clone(&bank);
            thread::spawn(move || {
                if let Some(_guard) = bank.mutex.try_lock(1) {
                    bank.account.add();
                }
            })
        };
        owner.join().unwrap();
        next.join().unwrap();
        looks.join().unwrap();
        assert!(bank.account.read() <= 2);
        assert_eq!(bank.mutex.len(), 0);
    });
}

/// A waiter is dropped as it is given the key; the one behind it gets it, and the entry goes with the
/// last of them.
#[test]
fn cancel_against_unlock() {
    model(|| {
        let bank = Bank::new();
        let guard = Arc::clone(&bank.mutex).try_lock_owned(1).unwrap();
        let mut leaves = Box::pin(Arc::clone(&bank.mutex).lock_owned(1));
        assert!(Task::new().poll(leaves.as_mut()).is_pending());
        let mut stays = Box::pin(Arc::clone(&bank.mutex).lock_owned(1));
        let task = Task::new();
        assert!(task.poll(stays.as_mut()).is_pending());
        let unlocks = {
            let bank = Arc::clone(&bank);
            thread::spawn(move || {
                bank.account.add();
                drop(guard);
            })
        };
        let leaver = thread::spawn(move || drop(leaves));
        unlocks.join().unwrap();
        leaver.join().unwrap();
        assert_eq!(task.wakes(), 1);
        let Poll::Ready(guard) = task.poll(stays.as_mut()) else {
            panic!("the key is free, and nobody else is there");
        };
        assert_eq!(bank.account.read(), 1);
        drop(guard);
        assert_eq!(bank.mutex.len(), 0);
    });
}
