//! A generator that does not leak.
//!
//! ```text
//! cargo run --example generator
//! ```
//!
//! `numbers` is a task that sends 1, 2, 3, ... into a channel. Who reads stops after five. In Go, this
//! is the textbook's leaked goroutine: it waits for ever to send the sixth. Here it sends inside its
//! context, and the reader's guard cancels that context however the reader ends.

#![forbid(unsafe_code)]

use async_sync::Context;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// 1, 2, 3, ... until `ctx` is cancelled. The task tells how many it has sent.
fn numbers(ctx: Context) -> (mpsc::Receiver<u64>, JoinHandle<u64>) {
    let (tx, rx) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        let mut sent = 0;
        loop {
            // Any future takes part in a context, another crate's, too.
            match ctx.run(tx.send(sent + 1)).await {
                Ok(Ok(())) => sent += 1,
                Ok(Err(_)) => panic!("the reader keeps its side for longer than the context"),
                Err(cause) => {
                    println!("the generator ends: {cause}");
                    return sent;
                }
            }
        }
    });
    (rx, task)
}

#[tokio::main]
async fn main() {
    let program = Context::new();
    let (mut rx, task) = {
        let guard = program.child().cancel_on_drop();
        let (mut rx, task) = numbers(guard.context().clone());
        while let Some(n) = rx.recv().await {
            println!("{n}");
            if n == 5 {
                break; // the guard cancels the generator
            }
        }
        (rx, task)
    };
    let sent = task.await.expect("the generator ends");
    assert!(sent >= 5);
    assert_eq!(program.children(), 0);
    rx.close();
    println!("nothing is left");
}
