//! Why a context was cancelled.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a [`Context`](super::Context) was cancelled. The first cause stays.
///
/// ```
/// use async_sync::context::{Cause, Context};
///
/// let ctx = Context::new();
/// ctx.cancel_with(Cause::custom("the disk is full"));
/// ctx.cancel(); // too late
/// assert_eq!(ctx.cause().unwrap().to_string(), "the disk is full");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// Somebody called [`cancel`](super::Context::cancel).
    Canceled,
    /// The deadline has passed.
    DeadlineExceeded,
    /// Somebody said why.
    #[doc(alias = "WithCancelCause")]
    Custom(Arc<dyn Error + Send + Sync>),
}

impl Cause {
    /// A cause of your own: an error, or just a text.
    pub fn custom(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Cause::Custom(Arc::from(error.into()))
    }

    /// Whether it is [`Canceled`](Self::Canceled).
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        matches!(self, Cause::Canceled)
    }

    /// Whether it is [`DeadlineExceeded`](Self::DeadlineExceeded).
    #[must_use]
    pub fn is_deadline_exceeded(&self) -> bool {
        matches!(self, Cause::DeadlineExceeded)
    }

    /// The custom error, if it is of that type.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Cause::Custom(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Canceled => f.write_str("context canceled"),
            Cause::DeadlineExceeded => f.write_str("context deadline exceeded"),
            Cause::Custom(error) => error.fmt(f),
        }
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Its text is this one's text; so its source is this one's source.
            Cause::Custom(error) => error.source(),
            _ => None,
        }
    }
}

impl From<Cause> for std::io::Error {
    /// [`TimedOut`](std::io::ErrorKind::TimedOut) for a deadline, else
    /// [`Other`](std::io::ErrorKind::Other). (Not `Interrupted`: by convention that is tried again, and
    /// `read_to_end`, `write_all` and `copy` of the standard library would do so for ever.)
    fn from(cause: Cause) -> Self {
        use std::io::ErrorKind::{Other, TimedOut};
        let kind = match cause {
            Cause::DeadlineExceeded => TimedOut,
            Cause::Canceled | Cause::Custom(_) => Other,
        };
        std::io::Error::new(kind, cause)
    }
}
