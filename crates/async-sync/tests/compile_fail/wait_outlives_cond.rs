use async_sync::{Cond, Mutex};

fn main() {
    let mutex = Mutex::new(1);
    let wait = {
        let cond = Cond::new();
        cond.wait(mutex.lock_blocking())
    };
    drop(wait);
}
