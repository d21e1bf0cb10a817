//! A producer that hands out a receiver, and consumers that share one.
//!
//! The producer owns the only sender, so the channel is closed when it ends, however it ends; who has the
//! receiver can neither send into the channel nor forget to close it. The consumers' loops end by
//! themselves: `recv` returns `None` when the channel is closed and everything was received. (In Go,
//! `for { x := <-ch }` goes on receiving zeros.)
//!
//! Run: `cargo run --release --example producer_consumer`

use async_sync::channel::{self, Receiver};

/// The odd numbers below `end`. No more than two wait in the channel: then the producer waits.
fn odd_numbers(end: u32) -> Receiver<u32> {
    let (sender, receiver) = channel::bounded(2);
    tokio::spawn(async move {
        for n in (1..end).step_by(2) {
            if sender.send(n).await.is_err() {
                return; // nobody wants the rest
            }
        }
    });
    receiver
}

/// Adds up what `numbers` brings, with three consumers. Returns each one's part.
async fn sum(numbers: Receiver<u32>) -> Vec<u32> {
    let consumers: Vec<_> = (0..3)
        .map(|_| {
            let numbers = numbers.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                while let Some(n) = numbers.recv().await {
                    sum += n;
                    tokio::task::yield_now().await; // the others have their turn
                }
                sum
            })
        })
        .collect();
    let mut sums = Vec::new();
    for consumer in consumers {
        sums.push(consumer.await.expect("a consumer does not panic"));
    }
    sums
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let parts = sum(odd_numbers(10)).await;
    let total: u32 = parts.iter().sum();
    println!("{total} by three consumers");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sum_is_25() {
        assert_eq!(sum(odd_numbers(10)).await.iter().sum::<u32>(), 25);
    }

    #[tokio::test]
    async fn a_producer_whose_receiver_is_gone_ends() {
        let numbers = odd_numbers(u32::MAX);
        assert_eq!(numbers.recv().await, Some(1));
        let left = numbers.downgrade();
        drop(numbers);
        while left.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    }
}
