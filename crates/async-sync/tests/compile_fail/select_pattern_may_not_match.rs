//! A pattern of a case has to match always: there is nothing to be done with an output that does not.

use async_sync::select;

async fn next(receiver: async_sync::channel::Receiver<u8>) -> u8 {
    select! {
        Some(item) = receiver.recv() => item,
        default => 0,
    }
}

async fn two_defaults() -> u8 {
    select! {
        default => 0,
        default => 1,
    }
}

fn main() {}
