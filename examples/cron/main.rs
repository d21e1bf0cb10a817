//! Runs commands at their times, as cron does.
//!
//! ```text
//! cargo run --example cron -- TABLE [FOR]
//! ```
//!
//! TABLE is a file of lines as `every 10s COMMAND` and `after 500ms COMMAND`. Commands are run by the
//! shell, at most four at a time. One that takes longer than its period does not overlap with itself:
//! the runs that it has missed are left out. After FOR (`30s`, say), or at Ctrl-C, no command is begun any more,
//! and those that run are waited for.

#![forbid(unsafe_code)]

mod table;

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use async_sync::Context;
use async_sync::context::Cause;
use orchestration::SchedGroup;
use orchestration::schedgroup::{Builder, Ended, Every, MissedTick};
use runtime::{Spawn, Timer, TokioRuntime};

use table::{Entry, When};

/// Commands that run at a time.
const AT_ONCE: usize = 4;

/// Does all that is in the table, by `run`, until the context is cancelled.
async fn serve<R, F>(
    rt: R,
    service: &Context,
    table: Vec<Entry>,
    run: impl Fn(String) -> F + Send + Sync + 'static,
) -> Result<(), Cause>
where
    R: Spawn + Timer,
    F: Future<Output = ()> + Send + 'static,
{
    let group = Builder::new()
        .context(service)
        .limit(AT_ONCE)
        .on_panic(|panic| eprintln!("cron: {panic}"))
        .build(rt);
    let run = Arc::new(run);
    for entry in table {
        if enter(&group, entry, Arc::clone(&run)).is_err() {
            break; // Cancelled already: `wait` says so.
        }
    }
    group.wait().await
}

fn enter<R, F>(
    group: &SchedGroup<R>,
    entry: Entry,
    run: Arc<impl Fn(String) -> F + Send + Sync + 'static>,
) -> Result<(), Ended>
where
    R: Spawn + Timer,
    F: Future<Output = ()> + Send + 'static,
{
    let Entry { when, command } = entry;
    match when {
        When::Every(period) => {
            let every = Every::new(period).drift(MissedTick::Skip);
            group.every(every, move || run(command.clone()))?;
        }
        When::After(delay) => {
            let job = async move { run(command).await };
            group.delay(delay, job)?;
        }
    }
    Ok(())
}

async fn shell(rt: TokioRuntime, command: String) {
    let line = command.clone();
    let run = move || Command::new("sh").arg("-c").arg(line).status();
    match rt.spawn_blocking(run).await {
        Ok(Ok(status)) if status.success() => {}
        Ok(Ok(status)) => eprintln!("cron: {command}: {status}"),
        Ok(Err(error)) => eprintln!("cron: {command}: {error}"),
        Err(error) => eprintln!("cron: {command}: {error}"),
    }
}

fn arguments() -> Result<(Vec<Entry>, Option<Duration>), String> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("TABLE [FOR]")?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let table = table::parse(&text).map_err(|error| format!("{path}: {error}"))?;
    let limit = match args.next() {
        None => None,
        Some(text) => {
            let limit = table::duration(&text);
            Some(limit.ok_or_else(|| format!("{text:?} is no time, as 500ms, 10s, 5m or 1h"))?)
        }
    };
    Ok((table, limit))
}

#[tokio::main]
async fn main() -> ExitCode {
    let (table, limit) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("cron: {error}");
            return ExitCode::FAILURE;
        }
    };
    let rt = TokioRuntime::current();
    let service = match limit {
        Some(limit) => Context::new().with_timeout(&rt, limit),
        None => Context::new(),
    };
    let interrupted = service.clone();
    let handler = ctrlc::set_handler(move || {
        interrupted.cancel_with(Cause::custom("interrupted"));
    });
    if let Err(error) = handler {
        eprintln!("cron: {error}");
        return ExitCode::FAILURE;
    }
    let clock = rt.clone();
    match serve(rt, &service, table, move |command| {
        shell(clock.clone(), command)
    })
    .await
    {
        Ok(()) => println!("cron: nothing is left to do"),
        Err(cause) => println!("cron: {cause}"),
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A day in virtual time.
    #[test]
    fn a_day() {
        let second = Duration::from_secs(1);
        let table =
            table::parse("every 1h backup\nevery 10m slow\nafter 90m once\nevery 1h panics");
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&log);
        mini_executor::run(0, |rt| async move {
            let day = Context::new().with_timeout(&rt, 24 * 3600 * second);
            let clock = rt.clone();
            let run = move |command: String| {
                let (rt, log) = (clock.clone(), Arc::clone(&noted));
                async move {
                    log.lock().unwrap().push(command.clone());
                    match &*command {
                        // 25 minutes every 10: every third is done.
                        "slow" => rt.sleep(25 * 60 * second).await,
                        "panics" => std::panic::resume_unwind(Box::new("out of cheese")),
                        _ => rt.sleep(second).await,
                    }
                }
            };
            let cause = serve(rt.clone(), &day, table.unwrap(), run)
                .await
                .unwrap_err();
            assert!(cause.is_deadline_exceeded());
            // The slow one was waited for.
            assert!(rt.elapsed() < 25 * 3600 * second);
        })
        .unwrap();
        let log = log.lock().unwrap();
        let times = |command: &str| log.iter().filter(|&line| line == command).count();
        assert_eq!(
            (times("backup"), times("once"), times("panics")),
            (23, 1, 23)
        );
        assert!((48..=58).contains(&times("slow")), "{}", times("slow"));
    }
}
