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
//! | the same for every receiver: each gets each item; the slow ones lag, or the senders wait | [`broadcast`] (feature `alloc`) |
//! | to wait until a value behind a lock has changed | [`Cond`] |
//! | at most *n* at a time, or a budget of *n* bytes | [`Semaphore`] |
//! | a value that is made once, by whoever comes first | [`OnceCell`] |
//! | the same, where the value knows how it is made | [`Lazy`] |
//! | something done once, and perhaps [reset](Once::reset) | [`Once`] |
//! | to wait until a set of tasks is done | [`WaitGroup`] |
//! | the same, counted by hand | [`RawWaitGroup`] |
//! | the last value of something, and word of every change | [`Watch`] (feature `alloc`) |
//! | many callers of one key, one execution | [`SingleFlight`] (feature `single-flight`) |
//! | to wait for a number of things, once | [`Latch`] |
//! | a gate that is open or closed for all | [`Event`] |
//! | to cancel work from outside, with a cause, deadlines and values | [`Context`] (feature `context`) |
//! | to wake one waiter each time something happens | [`AutoEvent`] |
//! | to add waiting to a thing of my own | [`Notify`] |
//! | whichever of several comes first | [`select!`], [`select_all`](select::select_all) |
//! | the same again and again, among thousands | [`SelectSet`](select::SelectSet) |
//! | all of *n* tasks to meet before any goes on, again and again | [`Barrier`] |
//! | a lock for every user, file or account | [`KeyedMutex`] (feature `keyed`) |
//! | a map that many tasks use at once; a value per key that is made once | [`Map`] (feature `map`) |
//! | to use buffers and other objects again | [`Pool`]; [`BucketPool`], by size; [`BoundedPool`], at most *n* (feature `pool`) |
//! | to use connections again, and have at most *n* | [`ResourcePool`] (feature `resource-pool`) |
//! | to hand values on, without waiting | [`Queue`], [`BoundedQueue`] (feature `queue`) |
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
//! * `stream`: channels, broadcasts, and the changes of a [`Watch`], as `Stream`s, and channels as `Sink`s, of
//!   the crates `futures-core` and `futures-sink`.
//! * `context` (default): [`Context`]; with `tokio-util`, to and from its `CancellationToken`.
//! * `single-flight` (default): [`SingleFlight`], whose map is `hashbrown`'s.
//! * `runtime`: contexts with deadlines, and `SingleFlight::spawn`, which runs executions in tasks of
//!   their own, on any runtime that the crate `runtime` has an adapter for.
//! * `keyed`, `map`, `pool`, `queue`, `resource-pool`: what the table says. `keyed` brings `hashbrown`,
//!   `map` also `papaya`, `queue` `crossbeam-queue`, `resource-pool` the crate `runtime`.
#![cfg_attr(not(any(feature = "std", loom, shuttle, test)), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod barrier;
#[cfg(feature = "alloc")]
pub mod broadcast;
#[cfg(feature = "alloc")]
pub mod channel;
pub mod cond;
#[cfg(feature = "context")]
pub mod context;
pub mod event;
#[cfg(feature = "keyed")]
pub mod keyed;
pub mod latch;
pub mod lock_all;
pub mod locker;
#[cfg(feature = "map")]
pub mod map;
pub mod mutex;
pub mod once;
#[cfg(feature = "alloc")]
pub mod oneshot;
#[cfg(feature = "pool")]
pub mod pool;
#[cfg(feature = "queue")]
pub mod queue;
pub mod reentrant;
#[cfg(feature = "resource-pool")]
pub mod resource_pool;
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
pub mod wait_group;
#[cfg(feature = "alloc")]
pub mod watch;

#[doc(inline)]
pub use barrier::Barrier;
#[doc(inline)]
pub use cond::Cond;
#[cfg(feature = "context")]
#[doc(inline)]
pub use context::Context;
#[doc(inline)]
pub use event::{AutoEvent, Event, Notify};
#[cfg(feature = "keyed")]
#[doc(inline)]
pub use keyed::KeyedMutex;
#[doc(inline)]
pub use latch::Latch;
#[doc(inline)]
pub use lock_all::{lock_all, lock_all_backing_off, try_lock_all};
#[doc(inline)]
pub use locker::Locker;
#[cfg(feature = "map")]
#[doc(inline)]
pub use map::Map;
#[doc(inline)]
pub use mutex::{Mutex, RawMutex};
#[doc(inline)]
pub use once::{Lazy, Once, OnceCell};
#[cfg(feature = "pool")]
#[doc(inline)]
pub use pool::{BoundedPool, BucketPool, Pool};
#[cfg(feature = "queue")]
#[doc(inline)]
pub use queue::{BoundedQueue, Queue};
#[doc(inline)]
pub use reentrant::{OwnerId, RawReentrantMutex, ReentrantMutex};
#[cfg(feature = "resource-pool")]
#[doc(inline)]
pub use resource_pool::ResourcePool;
#[doc(inline)]
pub use rwlock::{RawRwLock, RwLock};
#[doc(inline)]
pub use semaphore::Semaphore;
#[cfg(feature = "single-flight")]
#[doc(inline)]
pub use single_flight::SingleFlight;
#[doc(inline)]
pub use wait_group::{RawWaitGroup, WaitGroup};
#[cfg(feature = "alloc")]
#[doc(inline)]
pub use watch::Watch;

/// The README's code, as a test.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
