use async_sync::{Cond, Mutex};

fn main() {
    let (cond, mutex) = (Cond::new(), Mutex::new(1));
    let mut guard = mutex.lock_blocking();
    let wait = cond.wait(guard);
    *guard = 2;
    drop(wait);
}
