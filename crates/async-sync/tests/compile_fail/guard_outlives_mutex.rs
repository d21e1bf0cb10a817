use async_sync::Mutex;

fn main() {
    let guard = {
        let mutex = Mutex::new(1);
        mutex.lock_blocking()
    };
    assert_eq!(*guard, 1);
}
