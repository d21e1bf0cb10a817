//! State words and intrusive waiter lists: the floor that `async-sync` stands on.
//!
//! Everything here is `no_std`, allocates nothing and depends on nothing. A primitive is made of
//! two parts, both of which are found here:
//!
//! * a **word** ([`word`]): one atomic integer with named bit fields, whose transitions are small
//!   pure functions. The uncontended paths touch only the word, once each way;
//! * a **queue** ([`waiters`]): an intrusive list whose nodes live inside the pinned futures that
//!   wait. The head of that module states the wait protocol that every primitive obeys.
//!
//! [`park`] lets a thread wait on the same queue, [`clock`] says how long somebody has waited,
//! [`chance`] who goes first where that is left open, and [`atomic`] is the facade through which a
//! model checker replaces every atomic of the workspace. (In a build for loom there is also `model`, how the
//! models of the workspace are run.)
//!
//! # Features
//!
//! * `std` (default): thread parking, a real clock, and wakers that panic are isolated from each
//!   other. Without it the crate is `no_std`; the clock then counts how often it was asked.
#![cfg_attr(not(any(feature = "std", loom, shuttle, test)), no_std)]

pub mod atomic;
pub mod chance;
pub mod clock;
#[cfg(loom)]
pub mod model;
#[cfg(feature = "std")]
pub mod park;
pub mod waiters;
pub mod word;
