//! The start of a race: ten athletes get ready, the referee fires when all are.
//!
//! Each athlete counts itself and calls. The referee wakes up, looks, and waits again, until ten are
//! ready: up to ten times. (One who waits once, without a loop, fires at the first call.)
//!
//! `cargo run --example race_start`

use std::sync::Arc;
use std::time::Duration;

use async_sync::{Cond, Mutex};

const ATHLETES: u64 = 10;

#[tokio::main]
async fn main() {
    let start = Arc::new((Mutex::new(0), Cond::new()));
    let athletes: Vec<_> = (1..=ATHLETES)
        .map(|number| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(number * 7 % 10 * 3)).await;
                let (ready, changed) = &*start;
                *ready.lock().await += 1;
                println!("athlete {number} is ready");
                changed.notify_all();
            })
        })
        .collect();
    let (ready, changed) = &*start;
    let mut looks = 0;
    let mut count = ready.lock().await;
    while *count != ATHLETES {
        count = changed.wait(count).await;
        looks += 1;
    }
    println!("{} ready after {looks} looks: go!", *count);
    drop(count);
    for athlete in athletes {
        athlete.await.expect("an athlete ends");
    }
}
