//! Await-based synchronization for any executor: Go's `sync` toolbox, and what its users wish for.
//!
//! Nothing here belongs to a runtime: the futures only need to be polled, by tokio, smol, a hand-
//! written executor, or a thread that blocks. Waiting allocates nothing, dropping a future at any
//! moment is safe, and an uncontended operation is one atomic instruction each way.
//!
//! | I want | use |
//! |---|---|
//! | one task at a time at a value | [`Mutex`] |
//! | the same, without a value: lock here, unlock there | [`RawMutex`] |
//! | many readers or one writer at a value | [`RwLock`] |
//! | the same, without a value | [`RawRwLock`] |
//! | the same, and this owner may lock again | [`ReentrantMutex`] |
//! | several locks at once, without deadlock | [`lock_all`](lock_all()) |
//! | to write code for any of these locks | [`Locker`] |
//! | to hand items from some tasks to others | [`channel`] (feature `alloc`) |
//! | the same for one item: the reply to a request | [`oneshot`] (feature `alloc`) |
//! | the same for every receiver: each gets each item | [`broadcast`] (feature `alloc`) |
//! | to wait until a value behind a lock has changed | [`Cond`] |
//! | at most *n* at a time, or a budget of *n* bytes | [`Semaphore`] |
//! | a value that is made once, by whoever comes first | [`OnceCell`] |
//! | the same, where the value knows how it is made | [`Lazy`] |
//! | something done once, and perhaps [reset](Once::reset) | [`Once`] |
//! | to wait until a set of tasks is done | [`WaitGroup`] |
//! | the same, counted by hand | [`RawWaitGroup`] |
//! | many callers of one key, one execution | [`SingleFlight`] (feature `single-flight`) |
//! | to wait for a number of things, once | [`Latch`] |
//! | a gate that is open or closed for all | [`Event`] |
//! | to wake one waiter each time something happens | [`AutoEvent`] |
//! | to add waiting to a thing of my own | [`Notify`] |
//! | whichever of several comes first | [`select!`], [`select_all`](select::select_all) |
//! | the same again and again, among thousands | [`SelectSet`](select::SelectSet) |
//! | all of *n* tasks to meet before any goes on, again and again | [`Barrier`] |
//!
//! # What every type keeps
//!
//! * **Cancel safety.** Dropping a future that waits takes it out of the queue. If it had been
//!   given the lock or the permits already, they go to the next in line.
//! * **Futures that are not polled do not block others.** A lock that was handed to a future which
//!   nobody polls is taken over by another future of the same task that is polled, and taken back
//!   by the next operation that comes more than a millisecond later. (Oxide's RFD 609 describes how
//!   other asynchronous locks hang here.)
//! * **Foreign wakers.** No waker is called, cloned or dropped under an internal lock, so a waker
//!   may use the very object that wakes it, and one that panics costs nobody else a wake-up.
//! * **Blocking.** `*_blocking` calls wait in the same queue as the tasks do, inside or outside of
//!   a runtime (feature `std`).
//!
//! # Features
//!
//! * `std` (default): `*_blocking` calls, a real clock.
//! * `tokio`, `async-lock`: [`Cond`] also works with the guards of those crates' mutexes.
//! * `alloc`: the `*_owned` variants, through `Arc`. Without it the crate needs no allocator, and
//!   `no_std` targets need no more than atomic exchanges of a `usize`.
//! * `stream`: channels as `Stream` and `Sink` of the crates `futures-core` and `futures-sink`.
//! * `single-flight` (default): [`SingleFlight`], whose map is `hashbrown`'s.
//! * `runtime`: `SingleFlight::spawn`, which runs executions in tasks of their own, on any runtime
//!   that the crate `runtime` has an adapter for.
#![cfg_attr(not(any(feature = "std", loom, shuttle, test)), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod barrier;
#[cfg(feature = "alloc")]
pub mod broadcast;
#[cfg(feature = "alloc")]
pub mod channel;
pub mod cond;
pub mod event;
pub mod latch;
pub mod lock_all;
pub mod locker;
pub mod mutex;
pub mod once;
#[cfg(feature = "alloc")]
pub mod oneshot;
pub mod reentrant;
mod rounds;
pub mod rwlock;
pub mod select;
pub mod semaphore;
#[cfg(feature = "alloc")]
mod shared;
#[cfg(all(test, shuttle))]
mod shuttle;
#[cfg(feature = "single-flight")]
pub mod single_flight;
#[cfg(all(test, loom))]
mod testing;
pub mod wait_group;

#[doc(inline)]
pub use barrier::Barrier;
#[doc(inline)]
pub use cond::Cond;
#[doc(inline)]
pub use event::{AutoEvent, Event, Notify};
#[doc(inline)]
pub use latch::Latch;
#[doc(inline)]
pub use lock_all::{lock_all, lock_all_backing_off, try_lock_all};
#[doc(inline)]
pub use locker::Locker;
#[doc(inline)]
pub use mutex::{Mutex, RawMutex};
#[doc(inline)]
pub use once::{Lazy, Once, OnceCell};
#[doc(inline)]
pub use reentrant::{OwnerId, RawReentrantMutex, ReentrantMutex};
#[doc(inline)]
pub use rwlock::{RawRwLock, RwLock};
#[doc(inline)]
pub use semaphore::Semaphore;
#[cfg(feature = "single-flight")]
#[doc(inline)]
pub use single_flight::SingleFlight;
#[doc(inline)]
pub use wait_group::{RawWaitGroup, WaitGroup};

/// The README's code, as a test.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
