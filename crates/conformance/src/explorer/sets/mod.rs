//! Scenarios for the usual kinds of primitives, whoever made them.
//!
//! Each set is written against a small trait, so a peer takes part with a few lines. What only some
//! offer (a limit that changes, a lock without guards) is added by the test that knows the type, as
//! an [`Operation`](super::Operation).

pub mod barrier;
pub mod broadcast;
pub mod channel;
pub mod cond;
pub mod keyed;
pub mod lock_all;
pub mod map;
pub mod mutex;
pub mod once;
pub mod oneshot;
pub mod reentrant;
pub mod resource_pool;
pub mod rwlock;
pub mod scope;
pub mod select;
pub mod semaphore;
pub mod signal;
pub mod single_flight;
pub mod wait_group;
pub mod watch;
mod work;
