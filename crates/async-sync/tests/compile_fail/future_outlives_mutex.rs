//! A future that waits does not outlive what it waits for.

fn main() {
    let lock = {
        let mutex = async_sync::Mutex::new(());
        mutex.lock()
    };
    drop(lock);
}
