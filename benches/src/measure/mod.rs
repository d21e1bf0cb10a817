//! The instruments: what runs inside of a child process.

pub mod bed;
pub mod contest;
pub mod hand;
pub mod waits;
pub mod work;
