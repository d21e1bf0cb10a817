//! Shutting down in two phases: first no new work, then the cleaning up, for which there is not for
//! ever.
//!
//! ```text
//! cargo run --example two_phase_shutdown -- CLEANUP_MS LIMIT_MS [AFTER_MS]
//! ```
//!
//! The service works until Ctrl-C (or until AFTER_MS have passed). *Closing* tells the workers to
//! finish what they are at; *closed* comes when the cleaning up, CLEANUP_MS, is done, or its LIMIT_MS are
//! over. *Closing* is a context; what has to be done even though it is cancelled runs in a context that
//! is detached from it, and has a deadline of its own.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use async_sync::Context;
use async_sync::context::Cause;
use orchestration::errgroup::{Builder, CancelPolicy};
use runtime::{Timer, TokioRuntime};

struct Times {
    cleanup: Duration,
    limit: Duration,
    after: Option<Duration>,
}

impl Times {
    fn parse(args: impl Iterator<Item = String>) -> Option<Self> {
        let times: Result<Vec<u64>, _> = args.map(|arg| arg.parse()).collect();
        let ms = Duration::from_millis;
        match times.ok()?[..] {
            [cleanup, limit] => Some(Times {
                cleanup: ms(cleanup),
                limit: ms(limit),
                after: None,
            }),
            [cleanup, limit, after] => Some(Times {
                cleanup: ms(cleanup),
                limit: ms(limit),
                after: Some(ms(after)),
            }),
            _ => None,
        }
    }
}

/// Works until the service closes, and finishes what it has begun.
async fn work(closing: Context, rt: TokioRuntime) -> Result<u32, Cause> {
    let mut jobs = 0;
    while !closing.is_cancelled() {
        rt.sleep(Duration::from_millis(10)).await;
        jobs += 1;
    }
    Ok(jobs)
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(times) = Times::parse(std::env::args().skip(1)) else {
        eprintln!("two_phase_shutdown: CLEANUP_MS LIMIT_MS [AFTER_MS]");
        return ExitCode::FAILURE;
    };
    let rt = TokioRuntime::current();
    let closing = match times.after {
        Some(after) => Context::new().with_timeout(&rt, after),
        None => Context::new(),
    };
    // The handler's thread cancels; nobody polls for it.
    let on_signal = closing.clone();
    let handler = ctrlc::set_handler(move || {
        on_signal.cancel_with(Cause::custom("interrupted"));
    });
    if let Err(error) = handler {
        eprintln!("two_phase_shutdown: {error}");
        return ExitCode::FAILURE;
    }

    let workers = Builder::new()
        .cancel(CancelPolicy::None)
        .context(&closing)
        .spawned(rt.clone());
    for _ in 0..3 {
        let rt = rt.clone();
        let worker = |token: orchestration::errgroup::CancelToken| work(token.into(), rt);
        workers.spawn_with(worker).await.expect("the group is open");
    }

    let cause = closing.cancelled().await;
    println!("closing: {cause}");
    let jobs = workers.join().await.expect("no worker fails");
    println!("{} workers have finished", jobs.len());

    let start = Instant::now();
    let closed = closing.detached().with_timeout(&rt, times.limit);
    match closed.run(rt.sleep(times.cleanup)).await {
        Ok(()) => println!("cleaned up"),
        Err(_) => println!("清理超时，不等了"),
    }
    assert!(start.elapsed() >= times.cleanup.min(times.limit));
    println!("优雅退出");
    ExitCode::SUCCESS
}
