//! Nested guards exist side by side: none of them gives the value out alone.

use async_sync::{OwnerId, ReentrantMutex};

fn main() {
    let mutex = ReentrantMutex::new(1);
    let guard = mutex.lock_blocking(OwnerId::new());
    *guard = 2;
}
