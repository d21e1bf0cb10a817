//! Models: keys that are entered and left, and what the mutex of a key keeps. The table is part of
//! them, with loom's mutex.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::task::Poll;

use loom::thread;
use sync_core::atomic::UnsafeCell;

use super::KeyedMutex;
use sync_core::model::{Task, block_on, model};

type Mutex = KeyedMutex<u8, BuildHasherDefault<DefaultHasher>>;

/// What the key stands for. Loom sees each access.
struct Account(UnsafeCell<u32>);

// SAFETY: what orders the accesses is what the models are about; loom checks them.
unsafe impl Sync for Account {}
// SAFETY: as above.
unsafe impl Send for Account {}

struct Bank {
    mutex: Arc<Mutex>,
    account: Account,
}

impl Bank {
    fn new() -> Arc<Self> {
        Arc::new(Bank {
            mutex: Arc::default(),
            account: Account(UnsafeCell::new(0)),
        })
    }

    /// Under the lock.
    fn deposit(&self) {
        self.account.0.with_mut(|n| {
            // SAFETY: loom fails if somebody else is there.
            unsafe { *n += 1 }
        });
    }

    fn balance(&self) -> u32 {
        self.account.0.with(|n| {
            // SAFETY: as above.
            unsafe { *n }
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
                bank.deposit();
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!((bank.balance(), bank.mutex.len()), (2, 0));
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
                    bank.deposit();
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
                    bank.deposit();
                }
            })
        };
        owner.join().unwrap();
        next.join().unwrap();
        looks.join().unwrap();
        assert!(bank.balance() <= 2);
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
                bank.deposit();
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
        assert_eq!(bank.balance(), 1);
        drop(guard);
        assert_eq!(bank.mutex.len(), 0);
    });
}
