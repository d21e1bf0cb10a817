//! The dining philosophers, without deadlock, three ways.
//!
//! Five philosophers sit around a table with five forks, one between each two. To eat, one needs both
//! forks beside one's plate. If all take the left fork first, all wait for the right one for ever: each
//! holds something, waits for more, takes nothing away from others, and they wait in a circle. Each way
//! removes one of these conditions:
//!
//! * **in order**: `lock_all` takes the forks by address, so there is no circle;
//! * **backing off**: `lock_all_backing_off` puts down what it holds before it waits;
//! * **an arbitrator**: a semaphore lets four philosophers to the table, so one of them has a neighbour
//!   who does not eat.
//!
//! Run: `cargo run --release --example philosophers`

use std::sync::Arc;
use std::time::Duration;

use async_sync::{Mutex, Semaphore, lock_all, lock_all_backing_off};

const SEATS: usize = 5;
const MEALS: u32 = 200;

/// What a fork has seen: how often it was used.
type Fork = Mutex<u32>;

struct Table {
    forks: [Fork; SEATS],
    /// Lets all but one sit down at a time.
    chairs: Semaphore,
}

#[derive(Clone, Copy)]
enum Manner {
    InOrder,
    BackingOff,
    Arbitrator,
}

impl Table {
    fn new() -> Self {
        Table {
            forks: Default::default(),
            chairs: Semaphore::new(SEATS - 1),
        }
    }

    /// The forks to the left and to the right of a seat.
    fn hands(&self, seat: usize) -> [&Fork; 2] {
        [&self.forks[seat], &self.forks[(seat + 1) % SEATS]]
    }

    async fn meal(&self, seat: usize, manner: Manner) {
        match manner {
            Manner::InOrder => {
                let [mut left, mut right] = lock_all(self.hands(seat)).await;
                eat(&mut left, &mut right).await;
            }
            Manner::BackingOff => {
                let [mut left, mut right] = lock_all_backing_off(self.hands(seat)).await;
                eat(&mut left, &mut right).await;
            }
            Manner::Arbitrator => {
                let _chair = self.chairs.acquire().await.expect("never closed");
                // Left first, all of them: the chairs see to it that this goes well.
                let [left, right] = self.hands(seat);
                let mut left = left.lock().await;
                tokio::task::yield_now().await; // the moment at which five would be stuck
                let mut right = right.lock().await;
                eat(&mut left, &mut right).await;
            }
        }
    }
}

async fn eat(left: &mut u32, right: &mut u32) {
    *left += 1;
    *right += 1;
    tokio::task::yield_now().await;
}

async fn dinner(manner: Manner) -> [u32; SEATS] {
    let table = Arc::new(Table::new());
    let guests: Vec<_> = (0..SEATS)
        .map(|seat| {
            let table = Arc::clone(&table);
            tokio::spawn(async move {
                for _ in 0..MEALS {
                    table.meal(seat, manner).await;
                }
            })
        })
        .collect();
    for guest in guests {
        guest.await.expect("a philosopher does not panic");
    }
    // Nobody is there any more, so nothing is waited for.
    lock_all(&table.forks).await.map(|fork| *fork)
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    for (name, manner) in [
        ("in order", Manner::InOrder),
        ("backing off", Manner::BackingOff),
        ("an arbitrator", Manner::Arbitrator),
    ] {
        let limit = Duration::from_secs(60);
        let Ok(forks) = tokio::time::timeout(limit, dinner(manner)).await else {
            eprintln!("{name}: the philosophers starve");
            std::process::exit(1);
        };
        assert_eq!(forks, [2 * MEALS; SEATS], "each fork serves two");
        println!("{name}: {SEATS} philosophers have eaten {MEALS} times each");
    }
}
