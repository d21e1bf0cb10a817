//! While a guard is out, the value cannot be reached past it.

fn main() {
    let mut mutex = async_sync::Mutex::new(1);
    let guard = mutex.try_lock().unwrap();
    *mutex.get_mut() = 2;
    drop(guard);
}
