//! Two threads may use one owner id, so a value that is not Sync stays on its thread.

use std::cell::RefCell;

use async_sync::{OwnerId, ReentrantMutex};

fn main() {
    let mutex = ReentrantMutex::new(RefCell::new(1));
    let me = OwnerId::new();
    std::thread::scope(|scope| {
        scope.spawn(|| *mutex.lock_blocking(me).borrow_mut() += 1);
    });
}
