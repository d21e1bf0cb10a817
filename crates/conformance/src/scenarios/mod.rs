//! The scenarios, by topic.

pub mod any_channel;
pub mod any_event;
pub mod any_mutex;
pub mod any_once;
pub mod any_rwlock;
pub mod any_semaphore;
pub mod any_token;
pub mod any_wait_group;
pub mod barrier;
pub mod channel;
pub mod cond;
pub mod context;
pub mod lock_all;
pub mod map;
pub mod mutex;
pub mod once;
pub mod patterns;
pub mod pipeline;
pub mod reentrant;
pub mod resource_pool;
pub mod rwlock;
pub mod select;
pub mod semaphore;
pub mod single_flight;
pub mod wait_group;
pub mod watch;
