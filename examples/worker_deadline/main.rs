//! Work with a deadline: who waits is interrupted, who polls notices, and what belongs to the request
//! is passed on.
//!
//! ```text
//! cargo run --example worker_deadline
//! ```
//!
//! Three parts. A sleep that is too long for its deadline. A worker that tries to connect again and
//! again, until its request has no time left. Two levels of workers, of which the inner one learns
//! from its parent's context what the request is called, and ends with it.

#![forbid(unsafe_code)]

use std::time::Duration;

use async_sync::Context;
use runtime::{Timer, TokioRuntime};

/// What the request is called in the logs. A type of its own, so nobody else's number is taken for it.
struct TraceCode(u64);

const MS: Duration = Duration::from_millis(1);

/// Tries to connect until it is told to stop. The attempt itself is interrupted, too.
async fn connect(ctx: &Context, rt: &TokioRuntime) -> u32 {
    let mut attempts = 0;
    loop {
        attempts += 1;
        println!("db connecting ...");
        if ctx.run(rt.sleep(10 * MS)).await.is_err() {
            println!("worker done!");
            return attempts;
        }
    }
}

async fn worker(ctx: Context, rt: TokioRuntime) {
    let inner = tokio::spawn(inner_worker(ctx.child(), rt));
    let cause = ctx.cancelled().await;
    println!("worker: {cause}");
    inner.await.expect("the inner worker ends");
}

async fn inner_worker(ctx: Context, rt: TokioRuntime) {
    let code = ctx.value::<TraceCode>().map_or(0, |code| code.0);
    println!("inner worker: trace code {code}");
    // Work that does not wait for long looks now and then.
    while ctx.check().is_ok() {
        rt.sleep(5 * MS).await;
    }
    println!("inner worker: {}", ctx.cause().expect("it is cancelled"));
}

#[tokio::main]
async fn main() {
    let rt = TokioRuntime::current();

    let request = Context::background().with_timeout(&rt, 50 * MS);
    match request.run(rt.sleep(1000 * MS)).await {
        Ok(()) => println!("overslept"),
        Err(cause) => println!("{cause}"),
    }

    let request = Context::background().with_timeout(&rt, 50 * MS);
    let attempts = connect(&request, &rt).await;
    assert!(attempts <= 6, "five fit into the time");
    println!("over");

    let request = Context::new().with_value(TraceCode(12_512_312_234));
    let worker = tokio::spawn(worker(request.child(), rt.clone()));
    rt.sleep(30 * MS).await;
    request.cancel();
    worker.await.expect("the worker ends");
    println!("over");
}
