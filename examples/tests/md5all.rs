//! Runs md5all as a user does, on temporary trees.

#![cfg(unix)]
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use tempfile::TempDir;

const RUNTIMES: [&str; 3] = ["tokio", "smol", "mini"];

/// The example that belongs to this build of the tests.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let profile = test.parent().and_then(Path::parent).unwrap();
        let binary = profile.join("examples").join("md5all");
        // As the example has unit tests, `cargo test` builds it as a test and not as a program: so it
        // is built here, which takes no time if it is up to date.
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--package",
            "examples",
            "--example",
            "md5all",
        ]);
        build.arg("--target-dir").arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
        binary
    })
}

fn md5all(args: &[&str], dir: &Path) -> Output {
    Command::new(binary()).arg(dir).args(args).output().unwrap()
}

fn one_line(stderr: &[u8]) -> &str {
    let text = std::str::from_utf8(stderr).unwrap();
    assert!(
        text.starts_with("md5all: ") && text.ends_with('\n'),
        "{text:?}"
    );
    assert_eq!(text.lines().count(), 1, "{text:?}");
    assert!(!text.contains("panicked"), "{text:?}");
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Some hundred files of many sizes, in some directories.
fn tree() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..300_usize {
        let folder = dir.path().join(format!("d{}/e{}", n % 7, n % 3));
        fs::create_dir_all(&folder).unwrap();
        let content: Vec<u8> = (0..n * n).map(|byte| (byte * n) as u8).collect();
        fs::write(folder.join(format!("f{n}.bin")), content).unwrap();
    }
    // Where the order of paths is not the order of their components.
    fs::write(dir.path().join("d1.txt"), "beside a directory").unwrap();
    fs::write(dir.path().join("empty"), "").unwrap();
    fs::write(dir.path().join("large"), vec![7; 3 << 19]).unwrap();
    dir
}

fn sequential(dir: &Path) -> Vec<u8> {
    let mut lines = Vec::new();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let sum = hex(&Md5::digest(fs::read(entry.path()).unwrap()));
            lines.push((entry.into_path().into_os_string().into_vec(), sum));
        }
    }
    lines.sort();
    let line = |(path, sum): (Vec<u8>, String)| [sum.as_bytes(), b"  ", &path, b"\n"].concat();
    lines.into_iter().flat_map(line).collect()
}

#[test]
fn equals_the_sequential_result_on_every_runtime() {
    let dir = tree();
    let expected = sequential(dir.path());
    for runtime in RUNTIMES {
        for jobs in ["1", "7"] {
            let output = md5all(&["--runtime", runtime, "--jobs", jobs], dir.path());
            assert!(output.status.success(), "{output:?}");
            assert!(output.stdout == expected, "on {runtime} with {jobs} jobs");
            assert!(
                output.stderr.is_empty(),
                "no progress bar in a pipe: {output:?}"
            );
        }
    }
}

#[test]
fn the_stages_are_shown() {
    let dir = tree();
    let plain = md5all(&[], dir.path());
    for runtime in RUNTIMES {
        let output = md5all(
            &["--stats", "--runtime", runtime, "--jobs", "3"],
            dir.path(),
        );
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout == plain.stdout, "on {runtime}");
        let shown = String::from_utf8(output.stderr).unwrap();
        let picture = shown.lines().next().unwrap();
        for part in [
            "walk",
            "--[0/4]--> read x3",
            "--[0/4]--> digest x3",
            "--> sink",
        ] {
            assert!(picture.contains(part), "{shown}");
        }
        // The same number of batches everywhere.
        let figures = |stage| {
            let line = shown.lines().skip(1).find(|line| line.starts_with(stage));
            let line: Vec<_> = line.unwrap().split_whitespace().collect();
            (line[1].to_owned(), line[2].to_owned())
        };
        let (_, walked) = figures("walk");
        assert!(walked.parse::<u64>().unwrap() > 9, "{shown}");
        assert_eq!(figures("read"), (walked.clone(), walked.clone()), "{shown}");
        assert_eq!(
            figures("digest"),
            (walked.clone(), walked.clone()),
            "{shown}"
        );
        assert_eq!(figures("sink").0, walked, "{shown}");
    }
}

#[test]
fn names_of_all_kinds_are_written_as_md5sum_does() {
    let dir = tempfile::tempdir().unwrap();
    let names: [&[u8]; 7] = [
        b"plain",
        b"with space",
        b"new\nline",
        b"back\\slash",
        b"car\rriage",
        b"\xff\xfe\n",
        b"\xc3\xa4",
    ];
    for name in names {
        fs::write(dir.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let output = md5all(&[], dir.path());
    assert!(output.status.success(), "{output:?}");

    let mut paths: Vec<_> = names
        .map(|name| dir.path().join(OsStr::from_bytes(name)))
        .into();
    paths.sort();
    match Command::new("md5sum").args(paths).output() {
        Ok(expected) => assert_eq!(output.stdout, expected.stdout),
        Err(error) => eprintln!("NOT COMPARED with md5sum, which does not run here: {error}"),
    }
    let escaped = format!("{}/new\\nline\n", dir.path().display());
    assert!(String::from_utf8_lossy(&output.stdout).contains(&escaped));
}

#[test]
fn other_algorithms() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("abc"), "abc").unwrap();
    for (algorithm, expected) in [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        (
            "sha256",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            "blake3",
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        ),
    ] {
        let output = md5all(&["--algorithm", algorithm], dir.path());
        assert!(
            output
                .stdout
                .starts_with(format!("{expected}  ").as_bytes()),
            "{output:?}"
        );
    }
}

#[test]
fn only_regular_files_are_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "abc").unwrap();
    fs::create_dir(dir.path().join("empty directory")).unwrap();
    symlink("file", dir.path().join("link to file")).unwrap();
    symlink(".", dir.path().join("link to directory")).unwrap();
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    // Opening it would wait for ever.
    assert!(
        Command::new("mkfifo")
            .arg(dir.path().join("fifo"))
            .status()
            .unwrap()
            .success()
    );
    let output = md5all(&[], dir.path());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, sequential(dir.path()));
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        1
    );

    // But what the user names is followed.
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link");
    symlink(dir.path(), &link).unwrap();
    let output = md5all(&[], &link);
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("link/file\n"),
        "{output:?}"
    );
    let output = md5all(&[], &dir.path().join("link to file"));
    assert!(
        String::from_utf8_lossy(&output.stdout).ends_with("link to file\n"),
        "{output:?}"
    );
    // A thing that is no file gets a line.
    let output = md5all(&[], &dir.path().join("fifo"));
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output.stderr).contains("neither a directory nor a regular file"));
}

#[test]
fn nothing_to_read_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    for runtime in RUNTIMES {
        let output = md5all(&["--runtime", runtime], dir.path());
        assert!(
            output.status.success() && output.stdout.is_empty(),
            "{output:?}"
        );
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn a_bad_path_gets_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    for runtime in RUNTIMES {
        for more in ["--jobs=2", "--keep-going"] {
            let output = md5all(&["--runtime", runtime, more], &missing);
            assert_eq!(output.status.code(), Some(1));
            assert!(output.stdout.is_empty());
            let line = one_line(&output.stderr);
            assert!(
                line.contains("missing: No such file or directory"),
                "{line}"
            );
        }
    }
}

#[test]
fn bad_arguments_get_one_line() {
    let dir = tempfile::tempdir().unwrap();
    for (args, about) in [
        (["--jobs", "0"], "--jobs must be at least 1"),
        (["--jobs", "many"], "--jobs"),
        (["--runtime", "go"], "go"),
    ] {
        let output = md5all(&args, dir.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(one_line(&output.stderr).contains(about), "{output:?}");
    }
    // However many: it is a limit, not a number of threads to start.
    let output = md5all(&["--jobs", &usize::MAX.to_string()], dir.path());
    assert!(output.status.success(), "{output:?}");
}

/// Root can read everything, so the program runs as nobody.
fn as_nobody(args: &[&str], dir: &Path) -> Output {
    let bin = tempfile::tempdir().unwrap();
    fs::set_permissions(bin.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = bin.path().join("md5all");
    // Not by `fs::copy`: a program that another thread starts meanwhile would inherit the open file, and until
    // it runs this one would be busy.
    let copied = Command::new("cp").arg(binary()).arg(&program).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let is_root = fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")));
    let mut command = Command::new(&program);
    if is_root {
        command.uid(65534).gid(65534);
    }
    command
        .current_dir("/")
        .arg(dir)
        .args(args)
        .output()
        .unwrap()
}

fn tree_with_secrets() -> TempDir {
    let dir = tree();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for secret in ["d3/secret.bin", "secret.bin"] {
        let path = dir.path().join(secret);
        fs::write(&path, "secret").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    dir
}

#[test]
fn the_first_unreadable_file_stops_everything() {
    let dir = tree_with_secrets();
    for runtime in RUNTIMES {
        let output = as_nobody(&["--runtime", runtime], dir.path());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stdout.is_empty());
        let line = one_line(&output.stderr);
        assert!(line.contains("secret.bin: Permission denied"), "{line}");
    }
}

#[test]
fn keep_going_reads_what_can_be_read() {
    let dir = tree_with_secrets();
    let all = String::from_utf8(sequential(dir.path())).unwrap();
    let readable: String = all
        .lines()
        .filter(|line| !line.contains("secret"))
        .map(|line| format!("{line}\n"))
        .collect();
    for runtime in RUNTIMES {
        let output = as_nobody(&["--keep-going", "--runtime", runtime], dir.path());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), readable);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors.lines().count(), 2, "{errors}");
        assert!(
            errors
                .lines()
                .all(|line| line.contains("secret.bin: Permission denied"))
        );
    }
    let output = as_nobody(&["--keep-going", "--format", "json"], dir.path());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["errors"].as_array().unwrap().len(), 2);
    assert_eq!(
        document["files"].as_array().unwrap().len(),
        readable.lines().count()
    );
}

#[test]
fn json_says_the_same() {
    let dir = tree();
    let odd = dir.path().join(OsStr::from_bytes(b"odd\xff\"\n"));
    fs::write(&odd, "odd").unwrap();
    let output = md5all(&["--format", "json"], dir.path());
    assert!(output.status.success(), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["algorithm"], "md5");
    assert_eq!(document["errors"].as_array().unwrap().len(), 0);
    let files = document["files"].as_array().unwrap();
    assert_eq!(files.len(), 304);
    for file in files {
        let path = match file.get("path_hex") {
            None => PathBuf::from(file["path"].as_str().unwrap()),
            Some(hexed) => {
                assert_eq!(hexed.as_str().unwrap(), hex(odd.as_os_str().as_bytes()));
                odd.clone()
            }
        };
        let content = fs::read(path).unwrap();
        assert_eq!(file["bytes"].as_u64().unwrap(), content.len() as u64);
        assert_eq!(file["digest"].as_str().unwrap(), hex(&Md5::digest(content)));
    }
}

#[test]
fn a_broken_pipe_gets_one_line() {
    let dir = tree();
    for format in ["text", "json"] {
        let mut command = Command::new(binary());
        command.arg(dir.path()).args(["--format", format]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            one_line(&output.stderr).contains("standard output: Broken pipe"),
            "{output:?}"
        );
    }
}

/// Where no `/proc` shows which files a process has open, half a second has to do.
fn until_it_reads(pid: &str, file: &Path) {
    let open = Path::new("/proc").join(pid).join("fd");
    if !open.exists() {
        return sleep(Duration::from_millis(500));
    }
    let has = || {
        let open = fs::read_dir(&open).into_iter().flatten().flatten();
        open.map(|fd| fs::read_link(fd.path()))
            .any(|link| link.is_ok_and(|link| link == file))
    };
    let begun = Instant::now();
    while !has() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never reads");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn ctrl_c_ends_it_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("small"), "small").unwrap();
    // Takes minutes to read, and no space on the disk.
    let large = dir.path().canonicalize().unwrap().join("large");
    fs::File::create(&large).unwrap().set_len(1 << 38).unwrap();
    for runtime in RUNTIMES {
        let mut command = Command::new(binary());
        command.arg(dir.path()).args(["--runtime", runtime]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id().to_string();
        until_it_reads(&pid, &large);
        assert!(child.try_wait().unwrap().is_none(), "it is reading");
        let pressed = Instant::now();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let status = child.wait().unwrap();
        assert!(pressed.elapsed() < Duration::from_secs(20));
        assert_eq!(status.code(), Some(130), "on {runtime}");
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        child.stdout.unwrap().read_to_end(&mut stdout).unwrap();
        child.stderr.unwrap().read_to_end(&mut stderr).unwrap();
        assert!(stdout.is_empty());
        assert_eq!(one_line(&stderr), "md5all: interrupted\n");
    }
}
