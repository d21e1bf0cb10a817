//! A permit is for one item.
fn main() {
    let (sender, _receiver) = async_sync::channel::bounded(1);
    let permit = sender.try_reserve().unwrap();
    let _ = permit.send(1);
    let _ = permit.send(2);
}
