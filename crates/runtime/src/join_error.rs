//! Why a task gave no output.

use std::any::Any;
use std::error::Error;
use std::fmt;

/// Why a task gave no output: it was aborted, or it panicked.
///
/// # Examples
///
/// ```
/// use runtime::JoinError;
///
/// let error = JoinError::Panicked(Box::new("out of cheese"));
/// assert!(error.is_panic());
/// assert_eq!(error.panic_message(), "out of cheese");
/// assert_eq!(error.to_string(), "task panicked: out of cheese");
/// ```
pub enum JoinError {
    /// The task was aborted through its handle, or its runtime shut down before it finished.
    Aborted,
    /// The task panicked; this is what the panic carried.
    Panicked(Box<dyn Any + Send + 'static>),
}

impl JoinError {
    /// Whether the task was aborted.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        matches!(self, Self::Aborted)
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }

    /// What the panic carried, to hand to [`std::panic::resume_unwind`].
    ///
    /// # Panics
    ///
    /// If the task was aborted. [`try_into_panic`](Self::try_into_panic) does not panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::JoinError;
    ///
    /// let payload = JoinError::Panicked(Box::new(7_u32)).into_panic();
    /// assert_eq!(payload.downcast_ref::<u32>(), Some(&7));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        match self {
            Self::Panicked(payload) => payload,
            Self::Aborted => panic!("JoinError::into_panic: the task was aborted, no panic"),
        }
    }

    /// What the panic carried.
    ///
    /// # Errors
    ///
    /// The error itself, if the task was aborted.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, Self> {
        match self {
            Self::Panicked(payload) => Ok(payload),
            Self::Aborted => Err(self),
        }
    }

    /// The text of the panic, or `Box<dyn Any>` if it carried something other than text. For an
    /// aborted task, the same as `Display`.
    #[must_use]
    pub fn panic_message(&self) -> &str {
        match self {
            Self::Aborted => "task was aborted",
            Self::Panicked(payload) => {
                if let Some(text) = payload.downcast_ref::<&'static str>() {
                    text
                } else if let Some(text) = payload.downcast_ref::<String>() {
                    text
                } else {
                    "Box<dyn Any>"
                }
            }
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted => f.write_str("Aborted"),
            Self::Panicked(_) => f
                .debug_tuple("Panicked")
                .field(&self.panic_message())
                .finish(),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted => f.write_str(self.panic_message()),
            Self::Panicked(_) => write!(f, "task panicked: {}", self.panic_message()),
        }
    }
}

impl Error for JoinError {}
