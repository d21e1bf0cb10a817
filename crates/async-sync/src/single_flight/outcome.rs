//! What becomes of an execution, as each caller is told.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

/// The result of an execution, as one of its callers gets it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Outcome<V> {
    /// The value, or a clone of it.
    pub value: V,
    /// Whether it goes to more than one caller. Everybody is told the same.
    pub shared: bool,
    /// How many callers it goes to: those who had joined and not left when the work was done.
    pub callers: usize,
}

/// Why there is no value, as [`caught`](super::RunOf::caught) tells it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Failure<E> {
    /// The work returned this error.
    Failed(E),
    /// The work panicked.
    Panicked(Panicked),
    /// The task that ran the work was aborted, or its runtime shut down.
    Aborted,
}

impl<E> Failure<E> {
    /// The work's own error; panics go on.
    pub(super) fn or_panic(self) -> E {
        match self {
            Failure::Failed(error) => error,
            Failure::Panicked(panicked) => panicked.resume(),
            Failure::Aborted => panic!("SingleFlight: the task that ran the work was aborted"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Failed(error) => error.fmt(f),
            Failure::Panicked(panicked) => panicked.fmt(f),
            Failure::Aborted => f.write_str("the task that ran the work was aborted"),
        }
    }
}

impl<E: Error + 'static> Error for Failure<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Failure::Failed(error) => error.source(),
            Failure::Panicked(panicked) => Some(panicked),
            Failure::Aborted => None,
        }
    }
}

/// A panic of the work, for each of the callers.
#[derive(Clone)]
pub struct Panicked(Payload);

#[derive(Clone)]
enum Payload {
    Literal(&'static str),
    Text(Arc<str>),
    /// Cannot be cloned: the first caller that asks gets it.
    Other(Arc<Mutex<Option<Box<dyn Any + Send>>>>),
}

impl Panicked {
    pub(super) fn new(payload: Box<dyn Any + Send>) -> Self {
        let payload = match payload.downcast::<&'static str>() {
            Ok(literal) => return Panicked(Payload::Literal(*literal)),
            Err(payload) => payload,
        };
        Panicked(match payload.downcast::<String>() {
            Ok(text) => Payload::Text(Arc::from(*text)),
            Err(payload) => Payload::Other(Arc::new(Mutex::new(Some(payload)))),
        })
    }

    /// What the panic said, if it carried text.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.0 {
            Payload::Literal(text) => text,
            Payload::Text(text) => text,
            Payload::Other(_) => "a panic without text",
        }
    }

    /// What the panic carried: a `&'static str` or a `String` with its text. Anything else cannot be
    /// cloned: the first caller that asks gets it, the others a text that says so.
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        match self.0 {
            Payload::Literal(text) => Box::new(text),
            Payload::Text(text) => Box::new(String::from(&*text)),
            Payload::Other(first) => {
                let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
                first.unwrap_or_else(|| Box::new("a panic without text"))
            }
        }
    }

    /// Goes on with the panic. The panic hook has seen it already, so it is not called again.
    pub fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }
}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panicked").field(&self.message()).finish()
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the work panicked: {}", self.message())
    }
}

impl Error for Panicked {}
