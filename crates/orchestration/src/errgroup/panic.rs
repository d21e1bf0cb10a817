//! What a child panicked with, in a form that can travel as an error.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use runtime::JoinError;

/// The panic of a task, as an error.
///
/// It is an [`Error`], `Send` and `Sync`, so it converts into `anyhow::Error` and into
/// `Box<dyn Error + Send + Sync>` by `From`; see [`Builder::panics_as_errors`].
///
/// [`Builder::panics_as_errors`]: super::Builder::panics_as_errors
///
/// # Examples
///
/// ```
/// use orchestration::errgroup::Panic;
///
/// let panic = Panic::new(Box::new("out of cheese"));
/// assert_eq!(panic.message(), "out of cheese");
/// assert_eq!(panic.to_string(), "task panicked: out of cheese");
/// ```
pub struct Panic {
    // In a box, because every outcome has room for a panic, and few are one.
    caught: Box<Caught>,
}

struct Caught {
    message: String,
    // A payload is Send but not Sync. Nobody locks this: it is only ever taken out by value.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl Panic {
    /// Wraps what [`std::panic::catch_unwind`] caught.
    #[must_use]
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&'static str>() {
            (*text).to_owned()
        } else if let Some(text) = payload.downcast_ref::<String>() {
            text.clone()
        } else {
            "Box<dyn Any>".to_owned()
        };
        let payload = Mutex::new(payload);
        Self {
            caught: Box::new(Caught { message, payload }),
        }
    }

    /// A task that was gone before it had an outcome, though nobody in the group aborted it.
    pub(super) fn lost() -> Self {
        Self::new(Box::new(
            "a task of an ErrGroup was dropped by its runtime before it ended",
        ))
    }

    /// The text of the panic, or `Box<dyn Any>` if it carried something other than text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.caught.message
    }

    /// What the panic carried, to hand to [`std::panic::resume_unwind`].
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.caught
            .payload
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A [`JoinError`] is `Send` only; as a `Panic` it travels as any error does. That of a task that was
/// aborted becomes one with that text.
///
/// ```
/// use orchestration::errgroup::Panic;
/// use runtime::JoinError;
///
/// let error: anyhow::Error = Panic::from(JoinError::Panicked(Box::new("out of cheese"))).into();
/// assert_eq!(error.to_string(), "task panicked: out of cheese");
/// assert_eq!(Panic::from(JoinError::Aborted).message(), "task was aborted");
/// ```
impl From<JoinError> for Panic {
    fn from(error: JoinError) -> Self {
        Self::new(match error.try_into_panic() {
            Ok(payload) => payload,
            Err(aborted) => Box::new(aborted.to_string()),
        })
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.caught.message).finish()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task panicked: {}", self.caught.message)
    }
}

impl Error for Panic {}
