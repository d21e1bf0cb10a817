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
//! | to wait until a value behind a lock has changed | [`Cond`] |
//! | at most *n* at a time, or a budget of *n* bytes | [`Semaphore`] |
//! | to wait until a set of tasks is done | [`WaitGroup`] |
//! | the same, counted by hand | [`RawWaitGroup`] |
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
#![cfg_attr(not(any(feature = "std", loom, shuttle, test)), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod cond;
pub mod mutex;
pub mod semaphore;
#[cfg(feature = "alloc")]
mod shared;
#[cfg(all(test, shuttle))]
mod shuttle;
#[cfg(all(test, loom))]
mod testing;
pub mod wait_group;

#[doc(inline)]
pub use cond::Cond;
#[doc(inline)]
pub use mutex::{Mutex, RawMutex};
#[doc(inline)]
pub use semaphore::Semaphore;
#[doc(inline)]
pub use wait_group::{RawWaitGroup, WaitGroup};

/// The README's code, as a test.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
