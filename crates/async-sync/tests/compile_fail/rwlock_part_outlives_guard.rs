use async_sync::RwLock;
use async_sync::rwlock::RwLockReadGuard;

fn main() {
    let lock = RwLock::new((1, 2));
    let mut stolen = &0;
    let part = RwLockReadGuard::map(lock.read_blocking(), |pair| {
        stolen = &pair.0;
        &pair.1
    });
    drop(part);
    assert_eq!(*stolen, 1);
}
