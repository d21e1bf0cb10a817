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

    /// What it printed, and how long it took.
    fn end(mut self) -> (String, Duration) {
        let begun = Instant::now();
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success(), "{text}");
        (text, begun.elapsed())
    }
}

#[test]
fn a_signal_lets_it_finish() {
    let service = Service::start();
    let mut client = TcpStream::connect(&service.address).unwrap();
    let mut answer = [0; 6];
    client.write_all(b"hello\n").unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello\n");
    // In the middle of a line.
    client.write_all(b"good").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    service.signal("TERM");
    std::thread::sleep(Duration::from_millis(50));
    client.write_all(b"!\n").unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"good!\n");
    let (text, _) = service.end();
    assert!(
        text.contains("1 connections were served, the log is flushed"),
        "{text}"
    );
    assert!(text.contains("shut down (SIGTERM)"), "{text}");
    assert!(!text.contains("late"), "{text}");
}

#[test]
fn who_does_not_finish_is_named() {
    let service = Service::start();
    let mut client = TcpStream::connect(&service.address).unwrap();
    client.write_all(b"never ends").unwrap();
    let name = format!("connection {}", client.local_addr().unwrap());
    std::thread::sleep(Duration::from_millis(100));
    service.signal("INT");
    let (text, took) = service.end();
    assert!(took >= Duration::from_millis(900), "{took:?}");
    assert!(text.contains("shut down (SIGINT)"), "{text}");
    assert!(text.contains(&format!("1 late: {name} (for ")), "{text}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let service = Service::start();
    let mut client = TcpStream::connect(&service.address).unwrap();
    client.write_all(b"never ends").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    service.signal("TERM");
    std::thread::sleep(Duration::from_millis(100));
    service.signal("TERM");
    let (text, took) = service.end();
    assert!(took < Duration::from_millis(800), "{took:?}");
    assert!(text.contains("shut down (SIGTERM, cut short)"), "{text}");
}
