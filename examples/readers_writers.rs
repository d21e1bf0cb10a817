//! Is a reader-writer lock worth it? A sweep over the share of writers.
//!
//! ```text
//! cargo run --release --example readers_writers -- --tasks 16 --operations 20
//! ```
//!
//! Tasks read or write a value and hold the lock for a while: longer for a write. The table says how
//! long all of them take under each lock, in milliseconds. As long as somebody reads, the
//! reader-writer locks win; with writers only, they do what a mutex does.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_sync::rwlock::{Fifo, Policy, ReadMostly, ReadPreferring, RwLock, WritePreferring};
use async_sync::{Mutex, WaitGroup};
use clap::Parser;
use tokio::time::sleep;

#[derive(Clone, Copy, Debug, Parser)]
#[command(about = "Mutex or RwLock? How long it takes, by the share of writers")]
struct Args {
    /// Tasks at work.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    tasks: u32,
    /// Operations of each task.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    operations: u32,
    /// How long a read holds the lock, in milliseconds.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    read_ms: u64,
    /// How long a write holds the lock, in milliseconds.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1000))]
    write_ms: u64,
}

/// What the sweep compares: how a task reads and writes.
trait Lock: Send + Sync + 'static {
    fn read(&self, hold: Duration) -> impl Future<Output = u64> + Send;
    fn write(&self, hold: Duration) -> impl Future<Output = ()> + Send;
}

impl Lock for Mutex<u64> {
    async fn read(&self, hold: Duration) -> u64 {
        let value = self.lock().await;
        sleep(hold).await;
        *value
    }

    async fn write(&self, hold: Duration) {
        let mut value = self.lock().await;
        sleep(hold).await;
        *value += 1;
    }
}

impl<P: Policy> Lock for RwLock<u64, P> {
    async fn read(&self, hold: Duration) -> u64 {
        let value = RwLock::read(self).await;
        sleep(hold).await;
        *value
    }

    async fn write(&self, hold: Duration) {
        let mut value = RwLock::write(self).await;
        sleep(hold).await;
        *value += 1;
    }
}

/// Runs all tasks with `percent` writes, and returns how long that took.
async fn run<L: Lock>(lock: L, args: Args, percent: u32) -> Duration {
    let (read, write) = (
        Duration::from_millis(args.read_ms),
        Duration::from_millis(args.write_ms),
    );
    let lock = Arc::new(lock);
    let group = Arc::new(WaitGroup::new());
    let start = Instant::now();
    let mut writes = 0;
    for task in 0..args.tasks {
        // Spread over all tasks: this many of the first `n` operations are writes.
        let first = task * args.operations;
        let due = |n: u32| u64::from(n) * u64::from(percent) / 100;
        let plan: Vec<bool> = (first..first + args.operations)
            .map(|n| due(n + 1) > due(n))
            .collect();
        writes += plan.iter().filter(|&&writes| writes).count() as u64;
        let lock = Arc::clone(&lock);
        tokio::spawn(group.track(async move {
            for writes in plan {
                if writes {
                    lock.write(write).await;
                } else {
                    lock.read(read).await;
                }
            }
        }));
    }
    group.wait().await;
    let took = start.elapsed();
    assert_eq!(lock.read(Duration::ZERO).await, writes, "no write is lost");
    took
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let args = Args::parse();
    println!(
        "{} tasks, {} operations each; a read holds the lock for {} ms, a write for {} ms\n",
        args.tasks, args.operations, args.read_ms, args.write_ms
    );
    println!("writes |   Mutex | WritePreferring | ReadPreferring |    Fifo | ReadMostly");
    println!("------:|--------:|----------------:|---------------:|--------:|-----------:");
    for percent in [0, 1, 10, 50, 100] {
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        let mutex = ms(run(Mutex::new(0), args, percent).await);
        let writers = ms(run(RwLock::<_, WritePreferring>::with_policy(0), args, percent).await);
        let readers = ms(run(RwLock::<_, ReadPreferring>::with_policy(0), args, percent).await);
        let fifo = ms(run(RwLock::<_, Fifo>::with_policy(0), args, percent).await);
        let mostly = ms(run(RwLock::<_, ReadMostly>::with_policy(0), args, percent).await);
        println!(
            "{percent:>4} % | {mutex:>7.1} | {writers:>15.1} | {readers:>14.1} | {fifo:>7.1} | \
             {mostly:>10.1}"
        );
    }
}
