//! A pool of TCP connections to a server on loopback, used by more tasks than there are connections.
//!
//! ```text
//! cargo run --example connection_pool [-- TASKS]
//! ```
//!
//! The server speaks lines: `ping`, `square N`, and `crash`, at which it hangs up without an answer, as
//! servers do. It counts who connects. The client has at most four connections, whatever comes: requests
//! wait for one, connections are used again, those that break are replaced, and a request that gives up
//! in the middle takes its connection with it.

#![forbid(unsafe_code)]

mod client;
mod server;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_sync::ResourcePool;
use async_sync::resource_pool::LeaseIn;
use runtime::{Timer as _, TokioRuntime};

use client::{Connect, square};

/// At most so many connections, as the server would not thank us for more.
const CONNECTIONS: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let tasks = std::env::args().nth(1);
    let tasks = tasks.map_or(Ok(64), |n| n.parse());
    let Ok(tasks @ 1..) = tasks else {
        eprintln!("connection_pool: TASKS is a number above zero");
        return ExitCode::FAILURE;
    };
    match run(tasks).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("connection_pool: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(tasks: u64) -> anyhow::Result<()> {
    let (address, seen) = server::start().await.context("the server does not start")?;
    let timer = TokioRuntime::current();
    let pool = Arc::new(build(address, &timer));
    // The first requests shall not have to wait for a connection to be made.
    pool.fill().await?;

    let requests: Vec<_> = (0..tasks)
        .map(|n| {
            let (pool, timer) = (Arc::clone(&pool), timer.clone());
            tokio::spawn(async move { request(&pool, &timer, n).await })
        })
        .collect();
    let (mut answered, mut hung_up, mut gave_up) = (0, 0, 0);
    for (n, task) in (0..).zip(requests) {
        match task.await.context("a request panicked")?? {
            Outcome::Answer(answer) => {
                ensure!(answer == n * n, "the square of {n} is not {answer}");
                answered += 1;
            }
            Outcome::HungUp => hung_up += 1,
            Outcome::GaveUp => gave_up += 1,
        }
    }
    println!("{tasks} requests: {answered} answered, {hung_up} hung up on, {gave_up} gave up");

    let status = pool.status();
    ensure!(status.in_use() == 0, "nothing is lost: {status:?}");
    println!(
        "at most {} connections at a time of {CONNECTIONS} allowed, {} in all",
        pool.manager().most(),
        seen.all()
    );
    ensure!(pool.manager().most() <= CONNECTIONS, "more than allowed");

    // No more requests; those under way (there are none left) would be waited for.
    pool.close();
    pool.closed().await;
    seen.none_left().await;
    println!("closed, and the server has seen all of them go");
    Ok(())
}

fn build(address: SocketAddr, timer: &TokioRuntime) -> ResourcePool<Connect> {
    ResourcePool::builder(Connect::to(address))
        .max(CONNECTIONS)
        .min_idle(2)
        .idle_limit(Duration::from_secs(60))
        .life_limit(Duration::from_secs(3600))
        .timer(timer)
        .build()
}

/// What became of a request.
enum Outcome {
    Answer(u64),
    HungUp,
    GaveUp,
}

async fn request(
    pool: &ResourcePool<Connect>,
    timer: &TokioRuntime,
    n: u64,
) -> anyhow::Result<Outcome> {
    // A timeout for the wait is a timeout around `get`.
    let waiting = timer.timeout(Duration::from_secs(10), pool.get());
    let mut connection = waiting.await.context("no connection in ten seconds")??;
    if n % 16 == 15 {
        // Out of patience with the answer on its way: whoever got this connection next would read it.
        let answer = timer.timeout(Duration::ZERO, square(&mut connection, n));
        // (If this thread was stopped meanwhile it may be here already.)
        drop(answer.await);
        LeaseIn::mark_unusable(&mut connection);
        return Ok(Outcome::GaveUp);
    }
    if n % 16 == 7 {
        // The server hangs up. Nothing need be said: the check before the next use will notice.
        return match client::crash(&mut connection).await {
            Ok(()) => Ok(Outcome::HungUp),
            Err(error) => Err(error.into()),
        };
    }
    match square(&mut connection, n).await {
        Ok(answer) => Ok(Outcome::Answer(answer)),
        Err(error) => {
            LeaseIn::mark_unusable(&mut connection);
            Err(error).context("a connection that had been checked")
        }
    }
}
