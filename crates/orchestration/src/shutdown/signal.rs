//! Signals, by a thread that waits for them: no runtime is needed, and a busy one is no hindrance.

use std::error::Error;
use std::fmt;
use std::io;
use std::process;
use std::thread::{self, JoinHandle};

use async_sync::context::Cause;
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use super::ShutdownHandle;

/// The signal that began a shutdown: the cause that its report has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// SIGINT: somebody has pressed Ctrl-C.
    Interrupt,
    /// SIGTERM: whoever runs the service wants it to end.
    Terminate,
}

impl Signal {
    fn of(number: i32) -> Self {
        if number == SIGINT {
            Self::Interrupt
        } else {
            Self::Terminate
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

impl Error for Signal {}

/// Listens to signals until it is dropped. Made by [`ShutdownHandle::on_signals`].
#[derive(Debug)]
#[must_use = "dropping it ends the listening"]
pub struct OnSignals {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl ShutdownHandle {
    /// From now on SIGINT (Ctrl-C) and SIGTERM begin the shutdown. A second one ends it at once
    /// ([`force`](Self::force)). A third one ends the process, with the status that a shell gives to a signal: by
    /// then nobody is there who awaits [`finish`](super::Shutdown::finish).
    ///
    /// A thread waits for the signals. The process keeps ignoring their usual effect when this has been
    /// dropped: a signal handler that was installed once stays.
    ///
    /// # Errors
    ///
    /// What the system says, if the handlers cannot be installed or the thread not started.
    pub fn on_signals(&self) -> io::Result<OnSignals> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        let shutdown = self.handle();
        let listen = move || {
            for (times, number) in signals.forever().enumerate() {
                match times {
                    0 => {
                        shutdown.begin_with(Cause::custom(Signal::of(number)));
                    }
                    1 => shutdown.force(),
                    _ => process::exit(128 + number),
                }
            }
        };
        let thread = thread::Builder::new()
            .name("signals".to_owned())
            .spawn(listen)?;
        Ok(OnSignals {
            handle,
            thread: Some(thread),
        })
    }
}

impl Drop for OnSignals {
    fn drop(&mut self) {
        self.handle.close();
        // (Whoever is told of a signal is told by that thread, which cannot wait for itself.)
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // It has nothing that could panic but foreign wakers; those are reported by the panic hook.
            let _ = thread.join();
        }
    }
}
