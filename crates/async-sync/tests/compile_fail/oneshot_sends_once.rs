//! A sender of one item is used up.
fn main() {
    let (sender, _receiver) = async_sync::oneshot::channel();
    let _ = sender.send(1);
    let _ = sender.send(2);
}
