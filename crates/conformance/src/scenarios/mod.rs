//! The scenarios, by topic.

pub mod any_mutex;
pub mod any_rwlock;
pub mod any_semaphore;
pub mod any_wait_group;
pub mod mutex;
pub mod rwlock;
pub mod semaphore;
pub mod wait_group;
