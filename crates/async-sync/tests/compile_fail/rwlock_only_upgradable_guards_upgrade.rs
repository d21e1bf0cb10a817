use async_sync::rwlock::{RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard};

fn main() {
    let lock = RwLock::new(1);
    let _ = RwLockUpgradableReadGuard::upgrade(lock.read_blocking());
    let _ = RwLockWriteGuard::downgrade(lock.read_blocking());
}
