//! Those who are at work: a guard in hand, or around a future.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_sync::context::RunOwned;
use pin_project_lite::pin_project;

use super::table::{Name, Table};

/// Keeps a shutdown from ending, until its limits. Made by [`ShutdownHandle::guard`].
///
/// [`ShutdownHandle::guard`]: super::ShutdownHandle::guard
#[must_use = "a guard that is dropped guards nothing"]
pub struct Guard {
    table: Arc<Table>,
    key: usize,
}

impl Guard {
    pub(super) fn enter(table: &Arc<Table>, name: Name) -> Result<Self, Closing> {
        let key = table.enter(name).map_err(|_| Closing)?;
        Ok(Self {
            table: Arc::clone(table),
            key,
        })
    }

    /// A guard for a part of this one's work. It is never refused: what was begun may be finished.
    pub fn fork(&self, name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            table: Arc::clone(&self.table),
            key: self.table.enter_with(name.into()),
        }
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        self.table.name_of(self.key)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.table.leave(self.key);
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.name()).finish()
    }
}

/// The shutdown has begun: new work is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing;

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service is closing and takes no new work")
    }
}

impl Error for Closing {}

/// The future of [`ShutdownHandle::run`](super::ShutdownHandle::run).
pub type Run<F> = Tracked<RunOwned<F>>;

pin_project! {
    /// The future of [`ShutdownHandle::track`](super::ShutdownHandle::track).
    ///
    /// # Cancel safety
    ///
    /// As cancel-safe as the inner future.
    #[must_use = "futures do nothing unless polled"]
    pub struct Tracked<F> {
        // Dropped before the guard, so that whoever waits for the guard knows that it is gone.
        #[pin]
        future: Option<F>,
        guard: Option<Guard>,
    }
}

impl<F> Tracked<F> {
    pub(super) fn new(future: F, guard: Guard) -> Self {
        Self {
            future: Some(future),
            guard: Some(guard),
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a tracked future was polled after its completion");
        let polled = future.poll(cx);
        if polled.is_ready() {
            this.future.set(None);
            *this.guard = None;
        }
        polled
    }
}

impl<F> fmt::Debug for Tracked<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
