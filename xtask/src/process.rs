//! One command under a watchdog: live output, a deadline, and nothing left behind.

use std::io::{self, Read, Write};
use std::process::{Command as Builder, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap};

use crate::step::Command;

/// How a command ended.
#[derive(Debug)]
pub(crate) enum End {
    Exited(Output),
    /// With what it had said by then.
    TimedOut(Output),
    Interrupted,
    NotStarted(String),
}

#[derive(Debug, Default)]
pub(crate) struct Output {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Empty, as is `stderr`, unless the command's output is read.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn both(&self) -> String {
        [self.stdout.as_str(), self.stderr.as_str()].join("\n")
    }
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A child has a process group of its own, so the terminal's Ctrl-C reaches only this process; the
/// wait loop hands it on.
pub(crate) fn kill_children_on_ctrl_c() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))
}

pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Runs a command to its end or its deadline. Output goes to the terminal as it comes, and is kept
/// as well when the command wants it read.
pub(crate) fn run(command: &Command, deadline: Instant) -> End {
    start(command)
        .and_then(|child| watch(child, command.quiet, deadline))
        .unwrap_or_else(|error| End::NotStarted(error.to_string()))
}

fn start(command: &Command) -> io::Result<Box<dyn ChildWrapper>> {
    let mut builder = Builder::new(&command.program);
    builder
        .args(&command.args)
        .envs(command.env.iter().map(|(name, value)| (name, value)))
        .current_dir(command.dir.as_deref().unwrap_or(crate::plan::root()))
        .stdin(Stdio::null());
    if command.is_read() {
        builder.stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    let mut wrap = CommandWrap::from(builder);
    #[cfg(unix)]
    wrap.wrap(process_wrap::std::ProcessGroup::leader());
    wrap.spawn()
}

fn watch(mut child: Box<dyn ChildWrapper>, quiet: bool, deadline: Instant) -> io::Result<End> {
    let stdout = child.stdout().take().map(|pipe| match quiet {
        true => Tee::start(pipe, io::sink()),
        false => Tee::start(pipe, io::stdout()),
    });
    let stderr = child.stderr().take().map(|pipe| match quiet {
        true => Tee::start(pipe, io::sink()),
        false => Tee::start(pipe, io::stderr()),
    });
    let tees = || stdout.iter().chain(&stderr);
    let output = |code| Output {
        code,
        stdout: stdout.as_ref().map(Tee::text).unwrap_or_default(),
        stderr: stderr.as_ref().map(Tee::text).unwrap_or_default(),
    };
    loop {
        // A grandchild that outlives the command holds its pipes open and is waited for, too.
        if let Some(status) = child.try_wait()?
            && tees().all(Tee::is_finished)
        {
            return Ok(End::Exited(output(status.code())));
        }
        let end = match () {
            () if interrupted() => End::Interrupted,
            () if Instant::now() >= deadline => End::TimedOut(output(None)),
            () => {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
        };
        child.kill()?;
        return Ok(end);
    }
}

/// Copies a pipe to the terminal and keeps what went through.
struct Tee {
    kept: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Tee {
    fn start(mut pipe: impl Read + Send + 'static, mut out: impl Write + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        let thread = thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                let bytes = &buffer[..read];
                keep.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(bytes);
                // Nobody may be reading our output any more; the command's verdict still counts.
                let _ = out.write_all(bytes).and_then(|()| out.flush());
            }
        });
        Self { kept, thread }
    }

    fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    fn text(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::step::Expect;

    fn shell(script: &str, limit: Duration) -> End {
        let mut command = Command::cargo("").expect(Expect {
            stdout: vec![""],
            ..Expect::default()
        });
        command.program = "sh".to_owned();
        command.args = vec!["-c".to_owned(), script.to_owned()];
        run(&command, Instant::now() + limit)
    }

    #[test]
    fn output_and_exit_code_are_kept() {
        let End::Exited(output) = shell("echo out; echo err >&2; exit 3", Duration::from_secs(60))
        else {
            panic!("did not exit");
        };
        assert_eq!(output.code, Some(3));
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("out\n", "err\n")
        );
    }

    #[test]
    fn a_missing_program_is_an_end_too() {
        let mut command = Command::cargo("");
        command.program = "no-such-program-anywhere".to_owned();
        assert!(matches!(run(&command, Instant::now()), End::NotStarted(_)));
    }

    #[test]
    fn the_watchdog_kills_descendants_as_well() {
        let marker = std::env::temp_dir().join(format!("xtask-watchdog-{}", std::process::id()));
        let script = format!("(sleep 3; touch {0}) & sleep 60", marker.display());
        let started = Instant::now();
        assert!(matches!(
            shell(&script, Duration::from_millis(200)),
            End::TimedOut(_)
        ));
        assert!(started.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(3500));
        assert!(!marker.exists(), "a grandchild survived its step");
    }

    #[test]
    fn a_leaked_grandchild_that_holds_the_pipes_is_found() {
        assert!(matches!(
            shell("sleep 60 &", Duration::from_millis(500)),
            End::TimedOut(_)
        ));
    }
}
