//! Several locks at once, without deadlock.
//!
//! Who takes two locks one after the other may meet somebody who takes them the other way round, and
//! then both wait for ever. Of the four conditions of a deadlock, [`lock_all`](lock_all()) removes the circle: it
//! takes the locks of a set in the order of their [identities](Locker::id), whatever the order in the
//! set. [`lock_all_backing_off`] removes "hold and wait": it waits only while it holds nothing.
//! [`try_lock_all`] does not wait.
//!
//! All three may be mixed, and with tasks that hold one lock only. Not with tasks that hold one lock
//! and wait for another by hand: those are in no order.
//!
//! # The order
//!
//! A lock's identity is its address. The set borrows its locks, so none moves meanwhile, and whoever
//! competes for two of them borrows the same two: all agree about their order for as long as it
//! matters. No lock is of size zero, so different locks have different addresses, those in fields of
//! one struct included. What is equal is the same lock, and that is a panic, not a hang.
//!
//! # Futures that are not polled
//!
//! While [`lock_all`](lock_all()) waits for one lock it holds those before it. So a future of it that has been
//! polled and then lies about (a branch of a `select!` loop that is not polled while another branch
//! runs) keeps locks from everybody, as a guard in a forgotten variable does; no lock can take a *held*
//! lock away. Drop such a future, or poll it. A lock that was merely *given* to it and not noticed yet
//! goes on to others after a millisecond, as always here. [`lock_all_backing_off`] holds nothing while
//! it waits, but for the rare case that it has lost eight times and queues in order.

mod backing_off;
#[cfg(all(test, loom))]
mod loom;
mod ordered;
mod set;

pub use backing_off::LockAllBackingOff;
pub use ordered::LockAll;
pub use set::LockSet;

#[cfg(doc)]
use crate::Locker;

/// Waits for all locks of a set: a tuple of references, an array, a slice.
///
/// Deadlock-free: see the [module](self). The guards come in the order of the set.
///
/// For tuples and arrays nothing is allocated; for slices and vectors, the guards' vector and one of
/// the order, by this call. Waiting allocates nothing.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::{Mutex, Semaphore, lock_all};
///
/// struct Account {
///     balance: Mutex<i64>,
/// }
///
/// async fn transfer(from: &Account, to: &Account, amount: i64, audits: &Semaphore) {
///     // Whatever others transfer meanwhile, in whatever direction:
///     let (mut from, mut to, _audit) =
///         lock_all((&from.balance, &to.balance, audits)).await;
///     *from -= amount;
///     *to += amount;
/// }
///
/// let (a, b) = (Account { balance: Mutex::new(100) }, Account { balance: Mutex::new(0) });
/// let audits = Semaphore::new(3);
/// tokio::join!(
///     transfer(&a, &b, 30, &audits),
///     transfer(&b, &a, 10, &audits),
/// );
/// assert_eq!(*a.balance.lock().await, 80);
///
/// let stripes: Vec<Mutex<u32>> = (0..4).map(Mutex::new).collect();
/// let all = lock_all(&stripes).await;
/// assert_eq!(all.iter().map(|n| **n).sum::<u32>(), 6);
/// # });
/// ```
///
/// # Cancel safety
///
/// Dropping the future releases the locks that it has, the last taken first, and gives up its place in
/// the queue of the one that it waits for.
///
/// # Fairness
///
/// That of each lock. A set of many contended locks is held up by each of them in turn, and holds up
/// others meanwhile.
///
/// # Panics
///
/// At once, with nothing taken, if the same lock is in the set twice. The future panics if it is polled
/// after completion.
#[inline]
#[track_caller]
pub fn lock_all<S: LockSet>(set: S) -> LockAll<S> {
    LockAll::new(set)
}

/// Takes all locks of a set if that is possible at once, and none otherwise.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::{Mutex, RawMutex, lock_all};
///
/// let (a, b) = (Mutex::new(1), <RawMutex>::new());
/// let both = lock_all::try_lock_all((&a, &b)).unwrap();
/// assert!(lock_all::try_lock_all((&b, &a)).is_none());
/// drop(both);
/// b.lock().await;
/// assert!(lock_all::try_lock_all((&a, &b)).is_none());
/// assert!(!a.is_locked(), "all or nothing");
/// # });
/// ```
///
/// # Panics
///
/// If the same lock is in the set twice.
#[inline]
#[track_caller]
pub fn try_lock_all<S: LockSet>(set: S) -> Option<S::Guards> {
    core::pin::pin!(LockAll::new(set)).try_now()
}

/// Waits for all locks of a set without holding any of them meanwhile.
///
/// Waits for one lock, then tries the others; if one of those is busy, releases everything and waits
/// for that one. After eight failures it takes the locks as [`lock_all`](lock_all()) does, so that it comes to an
/// end. For locks that are held for long, where [`lock_all`](lock_all()) would keep some of them idle while it
/// waits for others; it takes more attempts, and more wake-ups of others, than that one.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::{Mutex, lock_all};
///
/// let forks = [const { Mutex::new(()) }; 5];
/// let eat = async |left: usize, right: usize| {
///     let _both = lock_all::lock_all_backing_off([&forks[left], &forks[right]]).await;
///     tokio::task::yield_now().await;
/// };
/// tokio::join!(eat(0, 1), eat(1, 2), eat(2, 3), eat(3, 4), eat(4, 0));
/// # });
/// ```
///
/// # Cancel safety
///
/// As for [`lock_all`](lock_all()).
///
/// # Fairness
///
/// None until it has failed eight times: to wait for one lock is no claim to the others.
///
/// # Panics
///
/// As for [`lock_all`](lock_all()).
#[inline]
#[track_caller]
pub fn lock_all_backing_off<S: LockSet>(set: S) -> LockAllBackingOff<S> {
    LockAllBackingOff::new(set)
}

/// Takes all locks of a set, blocking this thread until that is possible.
///
/// Everything that is said of [`lock_all`](lock_all()) holds.
///
/// # Panics
///
/// If the same lock is in the set twice.
#[cfg(feature = "std")]
#[track_caller]
pub fn lock_all_blocking<S: LockSet>(set: S) -> S::Guards {
    sync_core::park::block_on(LockAll::new(set))
}
