//! A crawler that is bounded in every way: pages at a time, pages in all, attempts, time for each, time for all.
//!
//! * An `ErrGroup` has one task for each page, and a limit of how many run. A task submits the pages that its
//!   page links to; those that are too many wait as tasks, so nobody waits for a place that he holds
//!   himself.
//! * `Retry` asks again when a server is busy, and not when there is no such page.
//! * A `Context` has the deadline: no attempt is begun that would come too late for it.
//! * The group collects: a page that fails does not stop the others, and is told with its address.
//!
//! Run: `cargo run --release --example crawler` crawls a small site of its own, on a port of this
//! machine; `... crawler -- http://localhost:8000/` crawls yours.

mod crawl;
mod fetch;
mod site;

use std::process::ExitCode;
use std::time::Duration;

use async_sync::Context;
use clap::Parser;
use runtime::TokioRuntime;

use crate::crawl::{Bounds, crawl};

#[derive(Parser)]
struct Options {
    /// Where to begin; only `http://`. Without it, a site that this program serves itself.
    url: Option<hyper::Uri>,
    /// Pages at a time
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: u16,
    /// Pages in all
    #[arg(long, default_value = "200")]
    pages: usize,
    /// Attempts for each page
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u16).range(1..))]
    attempts: u16,
    /// Seconds for all
    #[arg(long, default_value = "30")]
    seconds: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let rt = TokioRuntime::current();
    let (start, site) = match options.url {
        Some(url) => (url, None),
        None => match site::serve().await {
            Ok((url, site)) => (url, Some(site)),
            Err(error) => {
                eprintln!("crawler: {error}");
                return ExitCode::FAILURE;
            }
        },
    };
    let context = Context::new().with_timeout(&rt, Duration::from_secs(options.seconds));
    let bounds = Bounds {
        parallel: options.parallel.into(),
        pages: options.pages,
        attempts: options.attempts.into(),
    };
    let results = crawl(&rt, &context, start, bounds).await;
    drop(site);

    let mut failed = 0;
    for result in &results {
        match result {
            Ok(page) => println!(
                "{:>6} bytes {:>3} links  {}",
                page.bytes,
                page.links.len(),
                page.url
            ),
            Err(error) => {
                failed += 1;
                println!("{error}");
            }
        }
    }
    println!("{} pages, {failed} of them failed", results.len());
    if failed == results.len() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
