use async_sync::rwlock::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};

// A guard gives `&mut T`, so it must be invariant in `T`.
fn shrink<'short>(guard: RwLockWriteGuard<'short, &'static str>) -> RwLockWriteGuard<'short, &'short str> {
    guard
}

fn shrink_mapped<'short>(
    guard: MappedRwLockWriteGuard<'short, &'static str>,
) -> MappedRwLockWriteGuard<'short, &'short str> {
    guard
}

fn main() {
    let lock = RwLock::new("static");
    let _ = shrink(lock.write_blocking());
    let _ = shrink_mapped(RwLockWriteGuard::map(lock.write_blocking(), |text| text));
}
