use async_sync::rwlock::{RwLock, RwLockUpgradableReadGuard};

fn main() {
    let lock = RwLock::new(1);
    let up = lock.upgradable_read_blocking();
    let _upgrade = RwLockUpgradableReadGuard::upgrade(up);
    assert_eq!(*up, 1);
}
