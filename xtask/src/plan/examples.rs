//! The examples as smoke tests, those that are not run by tests of their own; md5all on a tree whose digests are the
//! test vectors of RFC 1321 and FIPS 180.

use crate::step::{Command, Exit, Expect, Step};

struct Run {
    name: &'static str,
    example: &'static str,
    args: &'static str,
    expect: fn() -> Expect,
}

const RUNS: &[Run] = &[
    Run {
        name: "text",
        example: "md5all",
        args: "xtask/fixtures/tree --format text",
        expect: || digests(MD5),
    },
    Run {
        name: "json",
        example: "md5all",
        args: "xtask/fixtures/tree --format json",
        expect: || digests(MD5),
    },
    Run {
        name: "on smol",
        example: "md5all",
        args: "xtask/fixtures/tree --runtime smol",
        expect: || digests(MD5),
    },
    Run {
        name: "on mini-executor",
        example: "md5all",
        args: "xtask/fixtures/tree --runtime mini",
        expect: || digests(MD5),
    },
    Run {
        name: "sha256, one job",
        example: "md5all",
        args: "xtask/fixtures/tree --algorithm sha256 --jobs 1",
        expect: || digests(SHA256),
    },
    Run {
        name: "with figures",
        example: "md5all",
        args: "xtask/fixtures/tree --stats",
        expect: || Expect {
            stderr: vec!["--[0/4]--> read x", "--[0/4]--> digest x", "--> sink"],
            ..digests(MD5)
        },
    },
    Run {
        name: "bad path",
        example: "md5all",
        args: "xtask/fixtures/no-such-directory",
        expect: || error("no-such-directory"),
    },
    Run {
        name: "table",
        example: "readers_writers",
        args: "--tasks 4 --operations 4",
        expect: || Expect {
            stdout: vec!["WritePreferring", "100 % |"],
            never: vec![PANIC],
            ..Expect::default()
        },
    },
    Run {
        name: "three ways",
        example: "philosophers",
        args: "",
        expect: || {
            output(&[
                "in order: 5 philosophers have eaten 200 times each",
                "backing off: 5 philosophers have eaten 200 times each",
                "an arbitrator: 5 philosophers have eaten 200 times each",
            ])
        },
    },
    Run {
        name: "water and hydrogen peroxide",
        example: "h2o",
        args: "",
        expect: || {
            output(&[
                "H2O: 100 molecules, all pure",
                "H2O2: 100 molecules, all pure",
            ])
        },
    },
    Run {
        name: "a thousand requests",
        example: "stampede",
        args: "1000",
        expect: || Expect {
            stdout: vec!["1000 requests, one of them aborted: 1 query in "],
            never: vec![PANIC],
            ..Expect::default()
        },
    },
    Run {
        name: "in time",
        example: "worker_deadline",
        args: "",
        expect: || Expect {
            stdout: vec![
                "context deadline exceeded",
                "worker done!",
                "inner worker: trace code 12512312234",
                "inner worker: context canceled",
                "over",
            ],
            never: vec![PANIC, "overslept"],
            ..Expect::default()
        },
    },
    Run {
        name: "five changes",
        example: "config_reload",
        args: "",
        expect: || {
            output(&[
                "new config: Config { node: \"北京\", addr: \"10.77.95.27\"",
                "the logger saw count 5 at last",
                "3 servers followed, over",
            ])
        },
    },
    Run {
        name: "five numbers",
        example: "generator",
        args: "",
        expect: || {
            output(&[
                "1\n2\n3\n4\n5\n",
                "the generator ends: context canceled",
                "nothing is left",
            ])
        },
    },
    Run {
        name: "too slow",
        example: "two_phase_shutdown",
        args: "60000 200 50",
        expect: || {
            output(&[
                "closing: context deadline exceeded",
                "3 workers have finished",
                "清理超时，不等了",
                "优雅退出",
            ])
        },
    },
    Run {
        name: "in time",
        example: "two_phase_shutdown",
        args: "50 10000 50",
        expect: || Expect {
            stdout: vec!["cleaned up", "优雅退出"],
            never: vec![PANIC, "清理超时，不等了"],
            ..Expect::default()
        },
    },
    Run {
        name: "bad arguments",
        example: "two_phase_shutdown",
        args: "soon",
        expect: || error("CLEANUP_MS LIMIT_MS"),
    },
    Run {
        name: "sixty-four tasks, four connections",
        example: "connection_pool",
        args: "64",
        expect: || {
            output(&[
                "64 requests: 56 answered, 4 hung up on, 4 gave up",
                "at most 4 connections at a time of 4 allowed",
                "closed, and the server has seen all of them go",
            ])
        },
    },
    Run {
        name: "not a number",
        example: "connection_pool",
        args: "none",
        expect: || error("TASKS is a number above zero"),
    },
    Run {
        name: "ten thousand requests",
        example: "request_freelist",
        args: "10000",
        expect: || {
            output(&[
                "10000 requests of",
                "most objects were used again: yes",
                "after the rush: some idle ones kept by the first rotation: all, dropped by the second: all",
            ])
        },
    },
    Run {
        name: "its own site",
        example: "crawler",
        args: "--parallel 4",
        expect: || output(&["404 Not Found", "81 pages, 41 of them failed"]),
    },
    Run {
        name: "no server",
        example: "crawler",
        args: "http://127.0.0.1:9/ --attempts 2",
        expect: || Expect {
            exit: Exit::CleanFailure,
            stdout: vec!["given up after 2 attempts", "no connection"],
            never: vec![PANIC],
            ..Expect::default()
        },
    },
    Run {
        name: "sixty-four",
        example: "get_friends",
        args: "",
        expect: || {
            output(&[
                // (How many look-ups there were at a time is a matter of the machine: the example's tests count.)
                "64 friends, at most ",
                "the first is user 1",
            ])
        },
    },
    Run {
        name: "a tree of text",
        example: "word_count",
        args: "crates/sync-core/src 3",
        expect: || output(&[" the\n", " of them different, in "]),
    },
    Run {
        name: "no such tree",
        example: "word_count",
        args: "no-such-directory",
        expect: || error("no-such-directory"),
    },
    Run {
        name: "a log that is quiet",
        example: "log_tail",
        args: "CHANGELOG.md 50",
        expect: || output(&["the view's last line: ", " lines archived, 0 alarms"]),
    },
    Run {
        name: "four clients",
        example: "graceful_service",
        args: "--demo",
        expect: || {
            output(&[
                "listening on 127.0.0.1:",
                "slow: \"slow \\n\"",
                "3 connections were served, the log is flushed",
                "shut down (context canceled)",
                "1 late: connection 127.0.0.1:",
                "closed:  ",
                "everybody was in time",
            ])
        },
    },
    Run {
        name: "not an address",
        example: "graceful_service",
        args: "nowhere",
        expect: || error("graceful_service: invalid socket address syntax"),
    },
    Run {
        name: "a second",
        example: "cron",
        args: "xtask/fixtures/crontab 2s",
        expect: || {
            output(&[
                "every tenth of a second",
                "once",
                "cron: context deadline exceeded",
            ])
        },
    },
    Run {
        name: "no table",
        example: "cron",
        args: "xtask/fixtures/no-such-table",
        expect: || error("no-such-table"),
    },
];

/// Of the files `empty`, `abc` and `deep/digits`.
const MD5: [&str; 3] = [
    "d41d8cd98f00b204e9800998ecf8427e",
    "900150983cd24fb0d6963f7d28e17f72",
    "57edf4a22be3c955ac49da2e2107b67a",
];

const SHA256: [&str; 3] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "f371bc4a311f2b009eef952dd83ca80e2b60026c8e935592d0f9c308453c813e",
];

fn digests(expected: [&'static str; 3]) -> Expect {
    output(&expected)
}

fn output(expected: &[&'static str]) -> Expect {
    Expect {
        stdout: expected.into(),
        never: vec![PANIC],
        ..Expect::default()
    }
}

/// One that is reported in words that name what is wrong.
fn error(about: &'static str) -> Expect {
    Expect {
        exit: Exit::CleanFailure,
        stderr: vec![about],
        never: vec![PANIC],
        ..Expect::default()
    }
}

/// What std prints when a thread panics.
const PANIC: &str = "panicked at";

pub(super) fn steps() -> impl Iterator<Item = Step> {
    RUNS.iter().map(
        |Run {
             name,
             example,
             args,
             expect,
         }| {
            // Built on its own first: an example that is missing, or does not compile, must not pass
            // for one that fails as expected.
            Step::new(format!("example {example}: {name}"))
                .run(Command::cargo(format!(
                    "build --release --example {example}"
                )))
                .run(
                    Command::cargo(format!(
                        "run --quiet --release --example {example} -- {args}"
                    ))
                    .expect(expect()),
                )
        },
    )
}
