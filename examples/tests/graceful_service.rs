//! Runs the service, and sends it signals.

#![forbid(unsafe_code)]
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The example that belongs to this build of the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--package",
        "examples",
        "--example",
        "graceful_service",
    ]);
    build.arg("--target-dir").arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success());
    profile.join("examples").join("graceful_service")
}

struct Service {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Service {
    fn start() -> Self {
        let mut command = Command::new(program());
        command.arg("127.0.0.1:0").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self {
            child,
            stdout,
            address,
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// A client in the middle of a line: it has come with the one before, which is answered.
    fn client(&self, line: &str) -> TcpStream {
        let mut client = TcpStream::connect(&self.address).unwrap();
        client
            .write_all(format!("hello\n{line}").as_bytes())
            .unwrap();
        let mut answer = [0; 6];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello\n");
        client
    }

    /// What it printed.
    fn end(mut self) -> String {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success(), "{text}");
        text
    }
}

/// Who is idle is hung up on when the service closes.
fn hung_up_on(mut idle: TcpStream) {
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_signal_lets_it_finish() {
    let service = Service::start();
    let (mut client, idle) = (service.client("good"), service.client(""));
    service.signal("TERM");
    hung_up_on(idle);
    client.write_all(b"!\n").unwrap();
    let mut answer = [0; 6];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"good!\n");
    let text = service.end();
    assert!(
        text.contains("2 connections were served, the log is flushed"),
        "{text}"
    );
    assert!(text.contains("shut down (SIGTERM)"), "{text}");
    assert!(!text.contains("late"), "{text}");
}

#[test]
fn who_does_not_finish_is_named() {
    let service = Service::start();
    let client = service.client("never ends");
    let name = format!("connection {}", client.local_addr().unwrap());
    let begun = Instant::now();
    service.signal("INT");
    let text = service.end();
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(text.contains("shut down (SIGINT)"), "{text}");
    assert!(text.contains(&format!("1 late: {name} (for ")), "{text}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let service = Service::start();
    let (_client, idle) = (service.client("never ends"), service.client(""));
    service.signal("TERM");
    // Two of a kind that come together are one.
    hung_up_on(idle);
    service.signal("TERM");
    let text = service.end();
    assert!(text.contains("shut down (SIGTERM, cut short)"), "{text}");
}
