use async_sync::RwLock;

fn main() {
    let guard = {
        let lock = RwLock::new(1);
        lock.read_blocking()
    };
    let upgrade = {
        let lock = RwLock::new(1);
        let up = lock.upgradable_read_blocking();
        async_sync::rwlock::RwLockUpgradableReadGuard::upgrade(up)
    };
    drop((guard, upgrade));
}
