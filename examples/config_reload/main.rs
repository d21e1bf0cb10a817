//! A configuration that changes while the program runs.
//!
//! ```text
//! cargo run --example config_reload
//! ```
//!
//! One task loads the configuration again and again. Servers read it for every request, which is one
//! load while it has not changed, and one task logs each change. None of them can hold the loader up:
//! a server that works with an old configuration for long has an `Arc` of that one.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use async_sync::{Context, Watch};

const MS: Duration = Duration::from_millis(1);
const RELOADS: u32 = 5;

#[derive(Clone, Debug, PartialEq)]
struct Config {
    node: &'static str,
    addr: &'static str,
    count: u32,
}

async fn load(ctx: Context, config: Arc<Watch<Config>>) {
    for _ in 0..RELOADS {
        if ctx.run(tokio::time::sleep(20 * MS)).await.is_err() {
            return;
        }
        config.send_modify(|config| config.count += 1);
    }
}

/// Logs every change that it comes to see; the last one for certain.
async fn log(ctx: Context, config: Arc<Watch<Config>>) -> u32 {
    let mut config = config.subscribe();
    while let Ok(Ok(new)) = ctx.run(config.changed()).await {
        println!("new config: {new:?}");
    }
    config.borrow().count
}

/// Serves until it is told to stop, and one request more: what changed before it was told, that one sees.
/// Returns how many requests, and the last count it worked with.
async fn serve(ctx: Context, config: Arc<Watch<Config>>) -> (u32, u32) {
    let mut config = config.subscribe();
    let (mut requests, mut last) = (0, 0);
    loop {
        let told = ctx.is_cancelled();
        // The reference may be kept across the await: nobody waits for it.
        let current = config.borrow();
        tokio::time::sleep(3 * MS).await;
        assert!(current.count >= last, "it never goes back");
        last = current.count;
        requests += 1;
        if told {
            return (requests, last);
        }
    }
}

#[tokio::main]
async fn main() {
    let service = Context::new();
    let config = Arc::new(Watch::new(Config {
        node: "北京",
        addr: "10.77.95.27",
        count: 0,
    }));
    let logger = tokio::spawn(log(service.child(), Arc::clone(&config)));
    let servers: Vec<_> = (0..3)
        .map(|_| tokio::spawn(serve(service.child(), Arc::clone(&config))))
        .collect();

    load(service.child(), Arc::clone(&config)).await;
    service.cancel();

    let logged = logger.await.expect("the logger ends");
    println!("the logger saw count {logged} at last");
    assert_eq!(logged, RELOADS);
    for server in servers {
        let (requests, last) = server.await.expect("a server ends");
        assert_eq!(last, RELOADS, "after {requests} requests");
    }
    println!("3 servers followed, over");
}
