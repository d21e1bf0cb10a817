//! A receiver has one place in the channel: who is to wait twice clones it.
fn main() {
    let (_sender, mut receiver) = async_sync::broadcast::channel::<u8>(1);
    let first = receiver.recv();
    let second = receiver.recv();
    drop((first, second));
}
