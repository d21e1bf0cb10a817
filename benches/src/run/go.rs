//! The Go program: found, built, started.
//!
//! Go is `$GO`, or `go` in the path. `golang.org/x/sync` is taken from `$GO_XSYNC`, or from where
//! Debian's package puts it; it is not downloaded. Without it the cases of its types are left out.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::sample::Plan;

/// A built program.
#[derive(Clone, Debug)]
pub struct Go {
    program: PathBuf,
    version: String,
    has_xsync: bool,
}

/// Where Debian's golang-golang-x-sync-dev has the sources.
const DEBIAN: &str = "/usr/share/gocode/src/golang.org/x/sync";

impl Go {
    /// Builds the program into `directory`. `None` where there is no Go.
    ///
    /// # Errors
    ///
    /// If there is one, and it does not build.
    pub fn build(directory: &Path) -> anyhow::Result<Option<Self>> {
        let go = env::var_os("GO").unwrap_or_else(|| "go".into());
        let answer = Command::new(&go)
            .args(["env", "GOVERSION"])
            .stdin(Stdio::null())
            .output();
        let Ok(answer) = answer else { return Ok(None) };
        let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        if !answer.status.success() || version.is_empty() {
            return Ok(None);
        }
        let xsync = xsync();
        let module = match &xsync {
            None => "module bench\n\ngo 1.22\n".to_owned(),
            Some(sources) => format!(
                "module bench\n\ngo 1.22\n\nrequire golang.org/x/sync v0.0.0\n\n\
                 replace golang.org/x/sync => {}\n",
                sources.display()
            ),
        };
        let directory = directory.join("go");
        copy(
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/go")),
            &directory,
        )?;
        fs::write(directory.join("go.mod"), module)?;
        let program = directory.join("bench");
        let tags = if xsync.is_some() { "xsync" } else { "" };
        let built = Command::new(&go)
            .args(["build", "-tags", tags, "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(&directory)
            // Nothing is fetched: neither modules nor another toolchain.
            .envs([
                ("GOFLAGS", "-mod=mod"),
                ("GOPROXY", "off"),
                ("GOTOOLCHAIN", "local"),
            ])
            .stdin(Stdio::null())
            .output()?;
        if !built.status.success() {
            bail!(
                "go build: {}",
                String::from_utf8_lossy(&built.stderr).trim()
            );
        }
        Ok(Some(Go {
            program,
            version,
            has_xsync: xsync.is_some(),
        }))
    }

    /// `go1.27.3`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether x/sync was there.
    #[must_use]
    pub fn has_xsync(&self) -> bool {
        self.has_xsync
    }

    /// Whether the program can run this case.
    #[must_use]
    pub fn can(&self, arguments: &[String]) -> bool {
        const XSYNC: [&str; 5] = [
            "semaphore",
            "semaphore-free",
            "memory-semaphore",
            "group",
            "single-flight",
        ];
        let needs = arguments
            .first()
            .is_some_and(|case| XSYNC.contains(&case.as_str()));
        self.has_xsync || !needs
    }

    /// The program, for one case.
    #[must_use]
    pub fn command(&self, arguments: &[String], plan: &Plan) -> Command {
        let mut command = Command::new(&self.program);
        let settings = [plan.millis, plan.grace, plan.shrink].map(|n| n.to_string());
        command
            .args(settings)
            .args(arguments)
            .env("GOMAXPROCS", "2");
        command
    }
}

fn xsync() -> Option<PathBuf> {
    let wanted = env::var_os("GO_XSYNC").map_or_else(|| DEBIAN.into(), PathBuf::from);
    let sources = fs::canonicalize(wanted).ok()?;
    sources.join("go.mod").is_file().then_some(sources)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).context("the Go sources")? {
        let source = entry?.path();
        if let Some(name) = source.file_name() {
            fs::copy(&source, to.join(name))?;
        }
    }
    Ok(())
}
