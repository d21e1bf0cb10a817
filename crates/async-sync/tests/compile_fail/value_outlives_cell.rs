use async_sync::OnceCell;

fn main() {
    let value = {
        let cell = OnceCell::from(1);
        cell.get().unwrap()
    };
    assert_eq!(*value, 1);
}
