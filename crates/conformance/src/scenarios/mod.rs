//! The scenarios, by topic.

pub mod any_mutex;
pub mod any_semaphore;
pub mod any_wait_group;
pub mod cond;
pub mod mutex;
pub mod semaphore;
pub mod wait_group;
