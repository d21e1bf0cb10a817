//! A future borrows its handle, so a channel does not go away while somebody waits.
use async_sync::channel::{self, Permit, Recv};

fn recv<'a>() -> Recv<'a, u8> {
    let (_sender, receiver) = channel::bounded(1);
    receiver.recv()
}

fn permit<'a>() -> Permit<'a, u8> {
    let (sender, _receiver) = channel::bounded(1);
    sender.try_reserve().unwrap()
}

fn main() {
    drop((recv(), permit()));
}
