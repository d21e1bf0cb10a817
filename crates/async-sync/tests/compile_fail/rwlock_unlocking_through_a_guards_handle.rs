use async_sync::rwlock::{Leave, RwLock};

fn main() {
    let lock = RwLock::new(1);
    let _guard = lock.write_blocking();
    Leave::leave(&&lock, 1);
}
