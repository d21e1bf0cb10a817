use async_sync::{OwnerId, ReentrantMutex};

fn main() {
    let guard = {
        let mutex = ReentrantMutex::new(1);
        mutex.lock_blocking(OwnerId::new())
    };
    assert_eq!(*guard, 1);
}
