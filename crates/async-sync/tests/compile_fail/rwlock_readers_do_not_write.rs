use async_sync::RwLock;

fn main() {
    let lock = RwLock::new(1);
    *lock.read_blocking() += 1;
    *lock.upgradable_read_blocking() += 1;
}
