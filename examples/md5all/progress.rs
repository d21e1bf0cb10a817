//! The progress bar: on standard error, if that is a terminal, and else nothing at all.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressState, ProgressStyle};

#[derive(Clone, Debug)]
pub(crate) struct Progress {
    shown: Option<Shown>,
}

#[derive(Clone, Debug)]
struct Shown {
    bar: ProgressBar,
    bytes: Arc<AtomicU64>,
}

impl Progress {
    pub(crate) fn on_terminal(wanted: bool) -> Self {
        Self {
            shown: (wanted && io::stderr().is_terminal()).then(Shown::new),
        }
    }

    pub(crate) fn add_file(&self) {
        if let Some(shown) = &self.shown {
            shown.bar.inc(1);
        }
    }

    pub(crate) fn add_bytes(&self, count: u64) {
        if let Some(shown) = &self.shown {
            shown.bytes.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Takes the bar off the terminal.
    pub(crate) fn clear(&self) {
        if let Some(shown) = &self.shown {
            shown.bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn new() -> Self {
        let bytes = Arc::new(AtomicU64::new(0));
        let read = bytes.clone();
        let amount = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            // The writer is a buffer of the bar's.
            let _ = write!(out, "{}", HumanBytes(read.load(Ordering::Relaxed)));
        };
        // How many files there are is known only at the end, so there is no bar to be filled.
        let style = ProgressStyle::with_template("{spinner} {pos} files, {amount}, {elapsed}")
            .expect("the template is a constant")
            .with_key("amount", amount);
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, bytes }
    }
}
