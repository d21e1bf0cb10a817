//! Four workers print 1 2 3 4 in turn, one number a second: a token goes round.
//!
//! Each worker has a mailbox, a channel without places. It waits for the token, prints its number, works
//! for a second, and hands the token to the next: `send` ends when the next one has it. Nobody polls, and
//! nobody but the holder of the token does anything.
//!
//! On the executor with virtual time the twelve seconds take none. On tokio, replace `mini_executor::run`
//! and the runtime by tokio's: the workers stay as they are.
//!
//! Run: `cargo run --release --example token_ring`

use async_sync::channel::{self, Receiver, Sender};
use runtime::{Spawn, Timer};
use std::time::Duration;

const WORKERS: usize = 4;
const SECOND: Duration = Duration::from_secs(1);

/// Goes round; says how many steps are left.
struct Token(u32);

async fn worker<R: Timer>(
    rt: R,
    number: usize,
    mailbox: Receiver<Token>,
    next: Sender<Token>,
    prints: Sender<usize>,
) {
    while let Some(Token(steps)) = mailbox.recv().await {
        if prints.send(number).await.is_err() || steps == 1 {
            return;
        }
        rt.sleep(SECOND).await;
        if next.send(Token(steps - 1)).await.is_err() {
            return; // the next worker has gone, and the ring is broken
        }
    }
}

/// What is printed, and when.
async fn ring<R: Spawn + Timer>(rt: R, steps: u32) -> Vec<(Duration, usize)> {
    let (mailboxes, owners): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| channel::rendezvous()).unzip();
    let (prints, printed) = channel::unbounded();
    let mut workers = Vec::new();
    for (n, mailbox) in owners.into_iter().enumerate() {
        let next = mailboxes[(n + 1) % WORKERS].clone();
        let worker = worker(rt.clone(), n + 1, mailbox, next, prints.clone());
        workers.push(rt.spawn(worker));
    }
    let start = rt.now();
    mailboxes[0]
        .send(Token(steps))
        .await
        .expect("the first worker waits");
    drop((mailboxes, prints));
    let mut lines = Vec::new();
    while let Some(number) = printed.recv().await {
        lines.push((rt.now() - start, number));
        if lines.len() == steps as usize {
            break;
        }
    }
    // The others wait for a token that does not come any more; the first to end wakes the next.
    for worker in workers {
        worker.await.expect("a worker does not panic");
    }
    lines
}

fn main() {
    let lines = mini_executor::run(1, |rt| ring(rt, 12)).expect("nobody waits for ever");
    for (at, number) in lines {
        println!("{:2} s: {number}", at.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_second_in_turn() {
        let lines = mini_executor::run(7, |rt| ring(rt, 12)).expect("nobody waits for ever");
        for (n, (at, number)) in lines.iter().enumerate() {
            assert_eq!((*at, *number), (SECOND * n as u32, n % WORKERS + 1));
        }
        assert_eq!(lines.len(), 12);
    }
}
