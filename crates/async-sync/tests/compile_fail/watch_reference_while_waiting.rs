use async_sync::Watch;

fn main() {
    let watch = Watch::new(1);
    let mut receiver = watch.subscribe();
    let value = receiver.borrow();
    let wait = receiver.changed();
    assert_eq!(*value, 1);
    drop(wait);
}
