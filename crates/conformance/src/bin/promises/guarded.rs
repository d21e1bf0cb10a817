//! One measurement in a process of its own, under a watchdog.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use conformance::promises::Verdict;

/// A verdict as the last line of the child's output.
pub(crate) fn to_line(verdict: &Verdict) -> String {
    let (word, detail) = match verdict {
        Verdict::Kept(detail) => ("kept", detail.as_str()),
        Verdict::Broken(detail) => ("broken", detail.as_str()),
        Verdict::NotOffered(detail) => ("not-offered", detail.as_str()),
        Verdict::Hangs => ("hangs", ""),
    };
    format!("{word}\t{detail}")
}

fn from_line(line: &str) -> Option<Verdict> {
    let (word, detail) = line.split_once('\t')?;
    let detail = detail.to_owned();
    Some(match word {
        "kept" => Verdict::Kept(detail),
        "broken" => Verdict::Broken(detail),
        "not-offered" => Verdict::NotOffered(detail),
        "hangs" => Verdict::Hangs,
        _ => return None,
    })
}

/// Runs `--one` in a child and ends it after `limit`.
///
/// # Panics
///
/// If this program cannot be started again.
pub(crate) fn run(one: [&str; 3], limit: Duration) -> Verdict {
    let program = std::env::current_exe().expect("this program knows where it is");
    let mut child = Command::new(program)
        .arg("--one")
        .args(one)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program starts again");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break status;
        }
        if start.elapsed() > limit {
            // It may have ended meanwhile.
            let _ = child.kill();
            let _ = child.wait();
            return Verdict::Hangs;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let mut text = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        let _ = stdout.read_to_string(&mut text);
    }
    text.lines()
        .last()
        .and_then(from_line)
        .unwrap_or_else(|| Verdict::Broken(format!("ends the process: {status}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_survive_the_pipe() {
        for verdict in [
            Verdict::Kept("7 times".to_owned()),
            Verdict::Broken("a\u{2009}detail".to_owned()),
            Verdict::NotOffered(String::new()),
            Verdict::Hangs,
        ] {
            assert_eq!(from_line(&to_line(&verdict)), Some(verdict));
        }
        assert_eq!(from_line("thread panicked"), None);
    }
}
