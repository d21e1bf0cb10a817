use async_sync::mutex::{Mutex, MutexGuard};

// A guard gives `&mut T`, so it must be invariant in `T`.
fn shrink<'short>(guard: MutexGuard<'short, &'static str>) -> MutexGuard<'short, &'short str> {
    guard
}

fn main() {
    let mutex = Mutex::new("static");
    let _ = shrink(mutex.lock_blocking());
}
