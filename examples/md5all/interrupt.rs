//! Ctrl-C: once to stop in good order, twice to be gone.

use std::fmt;
use std::io;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use crate::failure::Failure;

/// Remembers Ctrl-C, and tells whoever asked to be told.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    happened: bool,
    tell: Option<Box<dyn FnOnce() + Send>>,
}

impl Interrupt {
    /// Takes Ctrl-C over from the system, for the whole process.
    pub(crate) fn install() -> Result<Self, Failure> {
        let interrupt = Self::default();
        let handler = interrupt.clone();
        // The handler runs in a thread of its own, not in the signal's context.
        ctrlc::set_handler(move || {
            if !handler.happen() {
                process::exit(130);
            }
        })
        .map_err(|error| Failure::io("Ctrl-C", io::Error::other(error)))?;
        Ok(interrupt)
    }

    pub(crate) fn happened(&self) -> bool {
        self.with(|state| state.happened)
    }

    /// Calls `tell` at the first Ctrl-C, or at once if that was before.
    pub(crate) fn tell(&self, tell: impl FnOnce() + Send + 'static) {
        let late = self.with(|state| {
            if state.happened {
                return Some(tell);
            }
            state.tell = Some(Box::new(tell));
            None
        });
        if let Some(tell) = late {
            tell();
        }
    }

    /// False if it had happened before.
    fn happen(&self) -> bool {
        let (first, tell) = self.with(|state| {
            (
                !std::mem::replace(&mut state.happened, true),
                state.tell.take(),
            )
        });
        if let Some(tell) = tell {
            tell();
        }
        first
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt")
            .field("happened", &self.happened())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn tells_once_whether_early_or_late() {
        let interrupt = Interrupt::default();
        let told = Arc::new(AtomicUsize::new(0));
        let count = || {
            let told = told.clone();
            move || {
                told.fetch_add(1, Ordering::Relaxed);
            }
        };
        interrupt.tell(count());
        assert!(!interrupt.happened());
        assert!(interrupt.happen());
        assert!(!interrupt.happen());
        assert_eq!(told.load(Ordering::Relaxed), 1);
        interrupt.tell(count());
        assert_eq!(told.load(Ordering::Relaxed), 2);
    }
}
