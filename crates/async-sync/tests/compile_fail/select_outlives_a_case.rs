use async_sync::Mutex;
use async_sync::select::select_all;

fn main() {
    let select = {
        let mutex = Mutex::new(0);
        select_all([mutex.lock()])
    };
    drop(select);
}
