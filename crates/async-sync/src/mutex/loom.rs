//! The mutex under every interleaving of two or three threads.

mod lock_when;

use std::pin::pin;
use std::task::{Context, Poll};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use sync_core::model::{Task, block_on, model, pass_time};

use super::{Adaptive, Barging, Fifo, Mutex, Policy};

/// A value that loom watches: any access that the lock does not order is an error.
struct Shared<P: Policy> {
    mutex: Mutex<UnsafeCell<usize>, P>,
}

impl<P: Policy> Shared<P> {
    fn new() -> Arc<Self> {
        Arc::new(Shared {
            mutex: Mutex::with_policy(UnsafeCell::new(0)),
        })
    }

    fn bump(value: &UnsafeCell<usize>) {
        // SAFETY: the caller has the lock; loom checks it.
        value.with_mut(|value| unsafe { *value += 1 });
    }

    fn lock(&self) {
        block_on(async { Self::bump(&*self.mutex.lock().await) });
    }

    /// Polls once; uses the lock if it is there, and gives up otherwise.
    fn try_once(&self) -> bool {
        let task = Task::new();
        let mut lock = pin!(self.mutex.lock());
        match task.poll(lock.as_mut()) {
            Poll::Ready(guard) => {
                Self::bump(&guard);
                true
            }
            Poll::Pending => false,
        }
    }

    #[track_caller]
    fn ends_with(&self, expected: usize) {
        let guard = self.mutex.try_lock().expect("nobody holds the lock");
        // SAFETY: the guard has the lock.
        assert_eq!(guard.with(|value| unsafe { *value }), expected);
        drop(guard);
        assert_eq!(self.mutex.metrics().count(), 0);
        assert!(!self.mutex.is_starving());
    }
}

fn exclusion<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.lock())
            })
            .collect();
        shared.lock();
        for thread in threads {
            thread.join().unwrap();
        }
        shared.ends_with(3);
    });
}

#[test]
fn exclusion_adaptive() {
    exclusion::<Adaptive>();
}

#[test]
fn exclusion_fifo() {
    exclusion::<Fifo>();
}

#[test]
fn exclusion_barging() {
    exclusion::<Barging>();
}

/// A queued waiter is dropped while the owner unlocks; the one behind it must not be stranded.
fn cancel<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        let guard = shared.mutex.try_lock().unwrap();
        let leaver = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || usize::from(shared.try_once()))
        };
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.lock())
        };
        drop(guard);
        let left = leaver.join().unwrap();
        waiter.join().unwrap();
        shared.ends_with(1 + left);
    });
}

#[test]
fn cancel_adaptive() {
    cancel::<Adaptive>();
}

#[test]
fn cancel_fifo() {
    cancel::<Fifo>();
}

/// A future that was queued, and perhaps given the baton, is dropped by another thread than polled
/// it.
#[test]
fn cancel_a_baton() {
    model(|| {
        let shared = Shared::<Adaptive>::new();
        let mutex: &'static Mutex<_, _> =
            Box::leak(Box::new(Mutex::<(), Adaptive>::with_policy(())));
        let guard = mutex.try_lock().unwrap();
        let task = Task::new();
        let mut first = Box::pin(mutex.lock());
        assert!(task.poll(first.as_mut()).is_pending());
        let dropper = thread::spawn(move || drop(first));
        let waiter = thread::spawn(move || drop(block_on(mutex.lock())));
        drop(guard);
        dropper.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(mutex.metrics().count(), 0);
        drop(shared);
        // SAFETY: leaked above, and nobody uses it any more.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(mutex).cast_mut()) });
    });
}

/// Newcomers pass a waiter whose notification is out: it loses, queues again, and gets the lock.
#[test]
fn barging_past_a_notified_waiter() {
    model(|| {
        let shared = Shared::<Adaptive>::new();
        let guard = shared.mutex.try_lock().unwrap();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.lock())
        };
        drop(guard);
        let passed = usize::from(shared.try_once()) + usize::from(shared.try_once());
        waiter.join().unwrap();
        shared.ends_with(1 + passed);
    });
}

/// A grant that is stale is revoked while its owner claims it.
fn revoke<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        let guard = shared.mutex.try_lock().unwrap();
        let late = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.lock())
        };
        drop(guard);
        pass_time();
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.lock())
        };
        let got = shared
            .mutex
            .try_lock()
            .map(|value| Shared::<P>::bump(&value))
            .is_some();
        late.join().unwrap();
        other.join().unwrap();
        shared.ends_with(2 + usize::from(got));
    });
}

#[test]
fn revoke_adaptive() {
    revoke::<Adaptive>();
}

#[test]
fn revoke_fifo() {
    revoke::<Fifo>();
}

/// Two futures of one task, of which only the second is polled, against an unlock.
fn take_over<P: Policy>() {
    model(|| {
        let shared = Shared::<P>::new();
        let guard = shared.mutex.try_lock().unwrap();
        let (other, unlocker) = {
            let shared = Arc::clone(&shared);
            let other = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.lock())
            };
            // `guard` cannot leave this scope; unlock by the raw interface, as any task may.
            std::mem::forget(guard);
            (other, thread::spawn(move || shared.mutex.raw.unlock()))
        };
        block_on(async {
            let mut parked = pin!(shared.mutex.lock());
            let mut first_poll = true;
            std::future::poll_fn(|cx: &mut Context<'_>| {
                if std::mem::take(&mut first_poll)
                    && let Poll::Ready(guard) = parked.as_mut().poll(cx)
                {
                    drop(guard);
                }
                Poll::Ready(())
            })
            .await;
            // `parked` may have a baton now and is not polled again.
            Shared::<P>::bump(&*shared.mutex.lock().await);
        });
        unlocker.join().unwrap();
        other.join().unwrap();
        shared.ends_with(2);
    });
}

#[test]
fn take_over_adaptive() {
    take_over::<Adaptive>();
}

#[test]
fn take_over_fifo() {
    take_over::<Fifo>();
}

/// Unlocks too many, at the same time as a lock, cost nothing but their panics.
#[test]
fn unlock_of_unlocked() {
    model(|| {
        let mutex = Arc::new(super::RawMutex::<Adaptive>::new());
        let misuse = |mutex: &super::RawMutex| usize::from(mutex.word().release_checked().is_err());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let mutex = Arc::clone(&mutex);
                thread::spawn(move || misuse(&mutex))
            })
            .collect();
        block_on(mutex.lock());
        let refused: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
        // At most one of them found the lock held, and unlocked it.
        assert_eq!(mutex.metrics().is_locked, refused == 2);
        assert!(refused >= 1);
    });
}

/// Go's interface: what was done before an `unlock` is seen by the next owner, whoever unlocked.
#[test]
fn raw_unlock_publishes() {
    model(|| {
        let shared = Arc::new((super::RawMutex::<Adaptive>::new(), UnsafeCell::new(0)));
        let bump = |shared: &(super::RawMutex, UnsafeCell<usize>)| {
            block_on(shared.0.lock());
            Shared::<Adaptive>::bump(&shared.1);
            shared.0.unlock();
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || bump(&shared))
        };
        bump(&shared);
        other.join().unwrap();
        assert_eq!(shared.0.metrics().count(), 0);
    });
}

/// An owner, a future that is given the lock and dropped unpolled, and a third one: what the first
/// did is seen by the third, though the second releases the lock with a Relaxed exchange.
#[test]
fn a_dropped_grant_keeps_the_order() {
    model(|| {
        let shared = Shared::<Fifo>::new();
        let guard = shared.mutex.try_lock().unwrap();
        let dropper = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let task = Task::new();
                let mut lock = pin!(shared.mutex.lock());
                // Gone either way; a guard has done nothing.
                drop(task.poll(lock.as_mut()));
            })
        };
        let third = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.lock())
        };
        Shared::<Fifo>::bump(&guard);
        drop(guard);
        dropper.join().unwrap();
        third.join().unwrap();
        shared.ends_with(2);
    });
}

/// A newcomer that finds the lock free beside a waiter, by `try_lock`.
#[test]
fn try_lock_beside_a_waiter() {
    model(|| {
        let shared = Shared::<Barging>::new();
        let waiter = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.lock())
        };
        let glance = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || usize::from(shared.try_once()))
        };
        let mut mine = 0;
        for _ in 0..2 {
            if let Some(guard) = shared.mutex.try_lock() {
                Shared::<Barging>::bump(&guard);
                mine += 1;
            }
        }
        waiter.join().unwrap();
        shared.ends_with(1 + mine + glance.join().unwrap());
    });
}
