//! The machine, the versions and the command: what a figure belongs to. No names of hosts, no
//! paths.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::run::callgrind::Callgrind;
use crate::run::go::Go;

/// What a figure belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// As one would type it.
    pub command: String,
    /// Today.
    pub date: String,
    facts: Vec<(String, String)>,
    versions: Vec<(String, String)>,
}

/// Peers and floors, and what the runs depend on.
const PACKAGES: [&str; 14] = [
    "async-sync",
    "orchestration",
    "tokio",
    "tokio-util",
    "futures-concurrency",
    "async-lock",
    "futures-util",
    "futures-intrusive",
    "mea",
    "saa",
    "maitake-sync",
    "parking_lot",
    "smol",
    "async-executor",
];

impl About {
    /// Asks the machine.
    #[must_use]
    pub fn gather(command: String, go: Option<&Go>, callgrind: Option<&Callgrind>) -> Self {
        let missing = || "not found: not measured".to_owned();
        let cores = thread::available_parallelism().map_or(0, usize::from);
        let go_version = go.map_or_else(missing, |go| go.version().to_owned());
        let xsync = match go {
            Some(go) if go.has_xsync() => "found",
            _ => "not found: its columns are not available",
        };
        let facts = [
            ("processor", processor()),
            ("cores", cores.to_string()),
            (
                "kernel",
                read("/proc/sys/kernel/ostype") + " " + &read("/proc/sys/kernel/osrelease"),
            ),
            ("load before", load()),
            ("rustc", output("rustc", &["--version"])),
            ("build", build()),
            ("commit", commit()),
            ("Go", go_version),
            ("Go's x/sync", xsync.to_owned()),
            (
                "valgrind",
                callgrind.map_or_else(missing, |found| found.version().to_owned()),
            ),
        ];
        About {
            command,
            date: today(),
            facts: facts.map(|(name, value)| (name.to_owned(), value)).into(),
            versions: versions().unwrap_or_default(),
        }
    }

    pub(super) fn tables(&self) -> String {
        let mut text = String::from("## Machine and versions\n\n| | |\n|---|---|\n");
        for (name, value) in &self.facts {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        for (name, version) in &self.versions {
            let _ = writeln!(text, "| {name} | {version} |");
        }
        text
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(file).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn processor() -> String {
    let info = read("/proc/cpuinfo");
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or(env::consts::ARCH.to_owned(), |(_, name)| {
        name.trim().to_owned()
    })
}

/// Of the last minute, without ours.
fn load() -> String {
    read("/proc/loadavg")
        .split(' ')
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

fn build() -> String {
    if cfg!(debug_assertions) {
        "WITHOUT OPTIMISATION: the figures mean nothing".to_owned()
    } else {
        "optimised; with fat LTO and one codegen unit by `cargo xtask bench`, without LTO if `--quick`"
            .to_owned()
    }
}

fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed = !output("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
    if changed {
        commit + ", with changes"
    } else {
        commit
    }
}

/// One line of output, or nothing.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// From the lock file, by way of cargo.
fn versions() -> Option<Vec<(String, String)>> {
    let metadata = output(
        "cargo",
        &["metadata", "--format-version", "1", "--locked", "--offline"],
    );
    let metadata: serde_json::Value = serde_json::from_str(&metadata).ok()?;
    let packages = metadata.get("packages")?.as_array()?;
    let text = |package: &serde_json::Value, key| Some(package.get(key)?.as_str()?.to_owned());
    let found = PACKAGES.iter().filter_map(|wanted| {
        let package = packages
            .iter()
            .find(|p| text(p, "name").as_deref() == Some(wanted))?;
        Some(((*wanted).to_owned(), text(package, "version")?))
    });
    Some(found.collect())
}

fn today() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// The date so many days after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut days) = (1970, days);
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(59), (1970, 3, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_453), (2025, 12, 31));
        assert_eq!(civil(20_454), (2026, 1, 1));
    }

    #[test]
    fn the_peers_versions_are_found() {
        let versions = versions().unwrap();
        assert_eq!(versions.len(), PACKAGES.len());
    }
}
