use async_sync::KeyedMutex;

fn main() {
    let guard = {
        let mutex = KeyedMutex::<u8>::new();
        mutex.lock_blocking(1)
    };
    assert_eq!(*guard.key(), 1);
}
