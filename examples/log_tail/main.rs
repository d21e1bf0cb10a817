//! Follows a log file and fans its lines out: everything to an archive, what is wrong to an alarm, and the
//! latest to a view that is slow and may miss lines.
//!
//! ```text
//! cargo run --release --example log_tail -- <file> [stop after so many quiet milliseconds]
//!
//!                      .--> archive: every line, in order; nothing is lost
//! file --> FanOut Wait +--> alarm: the lines that say ERROR
//!                      '--> FanOut DropOldest --> view: draws now and then, always the latest
//! ```
//!
//! The archive and the alarm must not lose a line, so the file waits for them. The view must not hold them
//! up, so it has a fan-out of its own that drops what is too old. Each part is a future; they run side
//! by side in one task, and when the file has ended all of them have.

#![forbid(unsafe_code)]

use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::join4;
use futures_util::stream::{self, Stream, StreamExt as _};
use orchestration::Stages as _;
use orchestration::fan_out::{FanOut, Slow};
use runtime::{Timer, TokioRuntime};

/// How often the end of the file is looked at.
const POLL: Duration = Duration::from_millis(10);

/// How often the view is drawn.
const FRAME: Duration = Duration::from_millis(50);

/// The lines of a file that grows, until nothing was added for `patience`, or it cannot be read.
fn tail<T: Timer>(
    mut file: impl BufRead,
    timer: T,
    patience: Duration,
) -> impl Stream<Item = String> {
    let mut quiet = Duration::ZERO;
    let mut line = String::new();
    stream::poll_fn(move |_| {
        // A line may be written in parts: what there is of it is kept.
        let read = file.read_line(&mut line);
        let item = match read {
            Ok(_) if line.ends_with('\n') => Some(Some(line.trim_end().to_owned())),
            Ok(_) => Some(None),
            Err(_) => None,
        };
        if matches!(item, Some(Some(_))) {
            line.clear();
        }
        std::task::Poll::Ready(item)
    })
    .then(move |item| {
        quiet = if item.is_some() {
            Duration::ZERO
        } else {
            quiet + POLL
        };
        let (over, pause) = (quiet >= patience, item.is_none().then(|| timer.sleep(POLL)));
        async move {
            if let Some(pause) = pause {
                pause.await;
            }
            (item, over)
        }
    })
    .take_prefix(|(_, over)| !over)
    .filter_map(|(item, _)| std::future::ready(item))
}

/// What each of them has seen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    archived: Vec<String>,
    alarms: Vec<String>,
    last: Option<String>,
    drawn: u64,
    missed: u64,
}

async fn follow<T: Timer>(lines: impl Stream<Item = String>, timer: T) -> Seen {
    let (run, [archive, alarm, view]) = FanOut::new(lines).capacity(64).broadcast();
    let (view_run, [mut view]) = FanOut::new(view)
        .capacity(1)
        .slow(Slow::DropOldest)
        .broadcast();
    let archive = archive.collect::<Vec<_>>();
    let alarm = alarm
        .take_fn(|line| line.contains("ERROR"))
        .collect::<Vec<_>>();
    let view = async {
        let (mut drawn, mut last) = (0, None);
        while let Some(line) = view.next().await {
            drawn += 1;
            last = Some(line);
            timer.sleep(FRAME).await;
        }
        (drawn, last, view.lost())
    };
    let runs = async { futures_util::future::join(run, view_run).await };
    let (_, archived, alarms, (drawn, last, missed)) = join4(runs, archive, alarm, view).await;
    Seen {
        archived,
        alarms,
        last,
        drawn,
        missed,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let path = args.next().map(PathBuf::from);
    let quiet = args
        .next()
        .map_or(Some(1000), |text| text.to_str()?.parse().ok());
    let (Some(path), Some(quiet), None) = (path, quiet, args.next()) else {
        eprintln!("log_tail: the arguments are FILE [QUIET_MS]");
        return ExitCode::from(2);
    };
    let file: io::Result<_> = std::fs::File::open(&path);
    let file = match file {
        Ok(file) => BufReader::new(file),
        Err(error) => {
            eprintln!("log_tail: {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    let rt = TokioRuntime::current();
    let seen = follow(tail(file, rt.clone(), Duration::from_millis(quiet)), rt).await;
    for line in &seen.alarms {
        println!("alarm: {line}");
    }
    let last = seen.last.as_deref().unwrap_or("nothing");
    println!("the view's last line: {last}");
    println!(
        "{} lines archived, {} alarms",
        seen.archived.len(),
        seen.alarms.len()
    );
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A log that a writer adds to, a part of a line at a time.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>, usize);

    impl io::Read for Log {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let written = self.0.lock().unwrap();
            let new = &written[self.1..];
            let count = new.len().min(buffer.len());
            buffer[..count].copy_from_slice(&new[..count]);
            self.1 += count;
            Ok(count)
        }
    }

    #[test]
    fn all_is_archived_and_the_view_has_the_latest() {
        mini_executor::run_seeds(0..50, |rt| async move {
            let log = Log::default();
            let lines: Vec<_> = (0..200)
                .map(|n| format!("{} line {n}", if n % 50 == 7 { "ERROR" } else { "INFO" }))
                .collect();
            let written = Arc::clone(&log.0);
            let (text, timer) = (lines.join("\n") + "\n", rt.clone());
            let writer = runtime::Spawn::spawn(&rt, async move {
                for part in text.as_bytes().chunks(37) {
                    written.lock().unwrap().extend(part);
                    timer.sleep(Duration::from_millis(4)).await;
                }
            });
            let patience = Duration::from_millis(100);
            let seen = follow(tail(BufReader::new(log), rt.clone(), patience), rt).await;
            writer.await.unwrap();
            assert_eq!(seen.archived, lines);
            assert_eq!(seen.alarms, [7, 57, 107, 157].map(|n| lines[n].clone()));
            assert_eq!(seen.last.as_ref(), lines.last());
            assert!(
                seen.missed > 0 && seen.drawn + seen.missed == 200,
                "{seen:?}"
            );
        });
    }

    #[test]
    fn a_quiet_log_ends() {
        let seen = mini_executor::run(0, |rt| {
            follow(
                tail(&b"only\n"[..], rt.clone(), Duration::from_millis(30)),
                rt,
            )
        });
        let seen = seen.unwrap();
        assert_eq!(
            (seen.archived.len(), seen.last.as_deref()),
            (1, Some("only"))
        );
    }
}
