use async_sync::mutex::{Mutex, Unlock};

fn main() {
    let mutex = Mutex::new(1);
    let _guard = mutex.lock_blocking();
    Unlock::unlock(&&mutex);
}
