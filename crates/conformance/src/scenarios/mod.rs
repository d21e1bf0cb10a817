//! The scenarios, by topic.

pub mod mutex;
pub mod semaphore;
pub mod wait_group;
