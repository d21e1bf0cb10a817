use async_sync::{Mutex, lock_all};

fn main() {
    let one = Mutex::new(1);
    let all = {
        let other = Mutex::new(2);
        lock_all((&one, &other))
    };
    drop(all);
}
