//! One measurement as a process that can be killed.

use std::env;
use std::fmt;
use std::io::{self, Read as _};
use std::process::{self, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::case::Run;
use crate::measure::hand::repeat;
use crate::rows;
use crate::sample::{Mode, Plan, Sample};

/// The first argument of a process that measures.
pub const CHILD: &str = "child";

/// Instead of the name of a case: the loop around an operation, without the operation.
pub const LOOP: &str = "loop";

/// Why a process has no figures.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It had to be killed.
    Killed(Duration),
    /// It ended by itself, with this last line on standard error.
    Failed(String),
    /// It never began.
    NotStarted(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Killed(after) => write!(f, "hung: killed after {} s", after.as_secs()),
            Ended::Failed(line) => write!(f, "failed: {line}"),
            Ended::NotStarted(why) => write!(f, "not started: {why}"),
        }
    }
}

/// This program, for one case.
#[must_use]
pub fn command(id: &str, plan: &Plan) -> Command {
    // Cannot fail where a program runs that was started from a file.
    let mut command = Command::new(env::current_exe().unwrap_or_default());
    command.arg(CHILD).arg(id).arg(text(plan));
    command
}

fn text(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap_or_default()
}

/// Runs it to its end or kills it.
///
/// # Errors
///
/// How it ended, if not with a sample.
pub fn run(mut command: Command, limit: Duration) -> Result<Sample, Ended> {
    let not_started = |error: io::Error| Ended::NotStarted(error.to_string());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(not_started)?;
    let (send, receive) = mpsc::channel();
    let outputs = child.stdout.take().zip(child.stderr.take());
    // A thread that blocks, rather than a look now and then that would disturb the measurement.
    let reader = thread::spawn(move || {
        if let Some((mut out, mut err)) = outputs {
            let (mut stdout, mut stderr) = (String::new(), String::new());
            // Both are short: neither pipe fills while the other is read.
            let _ = out
                .read_to_string(&mut stdout)
                .and_then(|_| err.read_to_string(&mut stderr));
            let _ = send.send((stdout, stderr));
        }
    });
    let output = receive.recv_timeout(limit);
    // Harmless if it has ended.
    let _ = child.kill();
    let _ = child.wait();
    let _ = reader.join();
    let (stdout, stderr) = output.map_err(|_| Ended::Killed(limit))?;
    serde_json::from_str(&stdout).map_err(|_| {
        let line = stderr.lines().find(|line| !line.trim().is_empty());
        Ended::Failed(line.unwrap_or("it said nothing").to_owned())
    })
}

/// What such a process does: runs the case, says what it measured and ends, whatever its tasks do.
///
/// # Panics
///
/// If there is no such case.
pub fn main(id: &str, plan: &str) -> ! {
    let plan: Plan = serde_json::from_str(plan).expect("a plan");
    if id == LOOP {
        repeat(&plan, |_| {});
        process::exit(0);
    }
    let rows = rows::all();
    let cases = rows
        .iter()
        .flat_map(|row| &row.points)
        .flat_map(|point| &point.cases);
    let mut cases = cases;
    let case = cases
        .find(|case| case.id == id)
        .expect("a case of this name");
    let Run::Here(run) = &case.run else {
        panic!("this case is Go's")
    };
    let sample = run(&plan);
    // Nothing is printed where instructions are counted: figures have more digits or fewer.
    if !matches!(plan.mode, Mode::Iterations(_)) {
        println!("{}", serde_json::to_string(&sample).unwrap_or_default());
    }
    process::exit(0)
}
