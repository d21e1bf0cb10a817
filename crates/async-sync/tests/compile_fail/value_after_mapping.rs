use async_sync::mutex::{Mutex, MutexGuard};

fn main() {
    let mutex = Mutex::new((1, 2));
    let guard = mutex.lock_blocking();
    let first = MutexGuard::map(guard, |pair| &mut pair.0);
    assert_eq!(guard.1, 2);
    drop(first);
}
