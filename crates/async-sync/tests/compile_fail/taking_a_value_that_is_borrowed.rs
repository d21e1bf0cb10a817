//! What was lent stays where it is, and a future that waits keeps the cell.

use async_sync::OnceCell;

fn main() {
    let mut cell = OnceCell::from(1);
    let value = cell.get().unwrap();
    cell.take();
    assert_eq!(*value, 1);
    let wait = cell.wait();
    cell.take();
    drop(wait);
}
