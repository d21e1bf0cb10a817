use async_sync::Mutex;
use sync_core::waiters::Contains;

fn main() {
    let mutex = Mutex::new(1);
    let _guard = mutex.lock_blocking();
    // Would unlock a mutex whose guard is out.
    mutex.raw().unlock();
}
