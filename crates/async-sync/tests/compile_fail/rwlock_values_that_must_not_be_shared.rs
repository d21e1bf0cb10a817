//! Readers look at the value at the same time: it has to be Sync.

use std::cell::Cell;

fn main() {
    let lock = async_sync::RwLock::new(Cell::new(1));
    std::thread::scope(|scope| {
        scope.spawn(|| drop(lock.try_read()));
    });
}
