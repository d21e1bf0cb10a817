use std::cell::Cell;

use async_sync::watch;

fn main() {
    let (tx, mut rx) = watch::channel(Cell::new(1));
    std::thread::spawn(move || tx.load().set(2));
    rx.borrow().set(3);
}
