//! What everybody in a service has of its shutdown.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_sync::Context;
use async_sync::context::Cause;

use super::table::Table;
use super::{Closing, Guard, Run, Running, Tracked};

/// Begins a [`Shutdown`](super::Shutdown), takes part in it, and learns of it. Clones are of the same one.
#[derive(Clone)]
pub struct ShutdownHandle {
    pub(super) table: Arc<Table>,
}

impl ShutdownHandle {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self { table }
    }

    /// Another handle of the same shutdown.
    #[must_use]
    pub fn handle(&self) -> Self {
        self.clone()
    }

    /// Begins the shutdown: from now on new work is refused. Returns whether it had not begun yet.
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn begin(&self) -> bool {
        self.begin_with(Cause::Canceled)
    }

    /// As [`begin`](Self::begin), with a cause for those who ask, and for the report.
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn begin_with(&self, cause: Cause) -> bool {
        self.table.refuse_work();
        self.table.closing.cancel_with(cause)
    }

    /// Begins the shutdown, if it has not begun, and ends both of its phases, whoever is still at work.
    pub fn force(&self) {
        self.table.forced.set();
        self.begin();
    }

    /// Cancelled when the shutdown begins. For loops that take new work, and whatever may end at any
    /// time.
    #[must_use]
    pub fn closing(&self) -> &Context {
        &self.table.closing
    }

    /// Cancelled when the first phase is over: whoever is still at work should give up.
    #[must_use]
    pub fn closed(&self) -> &Context {
        &self.table.closed
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.table.closing.is_cancelled()
    }

    /// Keeps the shutdown from ending while the guard lives, until the limits. `name` is for the report.
    ///
    /// # Errors
    ///
    /// [`Closing`], if the shutdown has begun: the work must not be begun.
    ///
    /// # Examples
    ///
    /// ```
    /// use orchestration::Shutdown;
    ///
    /// mini_executor::run(0, |rt| async move {
    ///     let shutdown = Shutdown::new(rt);
    ///     let guard = shutdown.guard("transfer 7").unwrap();
    ///     assert_eq!(shutdown.running()[0].name, "transfer 7");
    ///     shutdown.begin();
    ///     assert!(shutdown.guard("transfer 8").is_err());
    ///     let part = guard.fork("transfer 7, receipt"); // what was begun may go on
    ///     drop((guard, part));
    ///     assert!(shutdown.finish().await.is_clean());
    /// })
    /// .unwrap();
    /// ```
    pub fn guard(&self, name: impl Into<Cow<'static, str>>) -> Result<Guard, Closing> {
        Guard::enter(&self.table, name.into())
    }

    /// `future`, with a guard that lives until it has ended, or is dropped. The guard is taken now, and
    /// not at the first poll.
    ///
    /// # Errors
    ///
    /// [`Closing`], if the shutdown has begun. The future is dropped.
    pub fn track<F>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: F,
    ) -> Result<Tracked<F>, Closing> {
        let guard = self.guard(name)?;
        Ok(Tracked::new(future, guard))
    }

    /// As [`track`](Self::track), and when the first phase is over the future is dropped: its output is
    /// then an error, the cause.
    ///
    /// # Errors
    ///
    /// [`Closing`], if the shutdown has begun. The future is dropped.
    pub fn run<F: Future>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: F,
    ) -> Result<Run<F>, Closing> {
        self.track(name, self.closed().run_owned(future))
    }

    /// Has `cleanup` done when the first phase is over, within the future of
    /// [`finish`](super::Shutdown::finish), beside those of others. If one has to come after another, make it one.
    ///
    /// A panic is caught, and is in the report.
    ///
    /// # Errors
    ///
    /// [`Closing`], if it is too late: cleaning up has begun. The future is dropped.
    pub fn on_closed<F>(
        &self,
        name: impl Into<Cow<'static, str>>,
        cleanup: F,
    ) -> Result<(), Closing>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.table.on_closed(name.into(), Box::pin(cleanup)) {
            Ok(())
        } else {
            Err(Closing)
        }
    }

    /// Who is at work, and for how long, those who came first first: a snapshot.
    #[must_use]
    pub fn running(&self) -> Vec<Running> {
        self.table.running()
    }
}

impl fmt::Debug for ShutdownHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownHandle")
            .field("closing", &self.is_closing())
            .field("closed", &self.closed().is_cancelled())
            .field("running", &self.table.count())
            .finish_non_exhaustive()
    }
}
