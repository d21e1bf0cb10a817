//! `--stats`: where the stages stand, on standard error. Live if that is a terminal, and at the end.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use orchestration::pipeline::Control;

const EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Stats {
    control: Control,
    over: Arc<AtomicBool>,
    // None: not a terminal.
    shown: Option<JoinHandle<()>>,
}

impl Stats {
    pub(crate) fn show(control: Control) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let shown = io::stderr().is_terminal().then(|| {
            let (control, over) = (control.clone(), Arc::clone(&over));
            thread::spawn(move || draw(&control, &over))
        });
        Stats {
            control,
            over,
            shown,
        }
    }

    /// Takes the live view away, and prints what it came to.
    pub(crate) fn end(self) {
        self.over.store(true, Ordering::Release);
        if let Some(shown) = self.shown {
            shown.thread().unpark();
            // Drawing does not panic; if it did, the listing is still right.
            let _ = shown.join();
        }
        let _ = writeln!(io::stderr(), "{}", self.control.metrics());
    }
}

fn draw(control: &Control, over: &AtomicBool) {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    while !over.load(Ordering::Acquire) {
        bar.set_message(control.metrics().to_string());
        bar.tick();
        thread::park_timeout(EVERY);
    }
    bar.finish_and_clear();
}
