//! The scenarios, by topic.

pub mod any_event;
pub mod any_mutex;
pub mod any_semaphore;
pub mod any_wait_group;
pub mod barrier;
pub mod mutex;
pub mod semaphore;
pub mod wait_group;
