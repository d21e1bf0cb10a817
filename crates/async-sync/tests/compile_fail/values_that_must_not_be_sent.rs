//! What must stay on its thread does not leave it through a lock.

use std::rc::Rc;

fn main() {
    let mutex = async_sync::Mutex::new(Rc::new(1));
    std::thread::scope(|scope| {
        scope.spawn(|| drop(mutex.try_lock()));
    });
}
