//! The handle of a job that was scheduled, and the error of one that was not.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use runtime::deadline_after;

use super::agenda::Key;
use super::core::Core;

/// A job that was scheduled. It can be called off and put off, from anywhere and at any time.
///
/// Nothing here panics or waits: if the job has been started, called off, or dropped with its group, the
/// methods say so. Dropping the handle leaves the job as it is. Clones are of the same job.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use orchestration::SchedGroup;
///
/// mini_executor::run(0, |rt| async move {
///     let group = SchedGroup::new(rt.clone());
///     let minute = Duration::from_secs(60);
///     let dinner = group.delay_fn(30 * minute, || println!("dinner is ready")).unwrap();
///     assert!(dinner.reschedule_after(60 * minute), "we are late");
///     assert!(dinner.cancel(), "we shall eat out");
///     assert!(!dinner.cancel(), "it has been called off");
///     group.wait().await.unwrap();
///     assert_eq!(rt.elapsed(), Duration::ZERO);
/// })
/// .unwrap();
/// ```
#[doc(alias = "Timer")]
#[derive(Clone)]
pub struct Scheduled {
    core: Arc<Core>,
    key: Key,
}

impl Scheduled {
    pub(super) fn new(core: &Arc<Core>, key: Key) -> Self {
        Self {
            core: Arc::clone(core),
            key,
        }
    }

    /// Calls the job off. Returns whether that was in time: then it will not be started any more, and
    /// has been dropped.
    ///
    /// A run that has been started goes on. For a job that recurs it is then the last one, and
    /// this returns true.
    #[doc(alias = "Stop")]
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn cancel(&self) -> bool {
        self.core.cancel(self.key)
    }

    /// Gives the job another time, earlier or later. Returns whether that was in time.
    ///
    /// Of those of the same instant it keeps the place that it had by its submission. Of a job that
    /// recurs, this moves the next run, and with it those that follow; also while it runs.
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn reschedule(&self, at: Instant) -> bool {
        self.core.reschedule(self.key, at)
    }

    /// [`reschedule`](Self::reschedule), counted from now.
    #[doc(alias = "Reset")]
    #[allow(clippy::must_use_candidate, reason = "seldom of interest")]
    pub fn reschedule_after(&self, delay: Duration) -> bool {
        self.reschedule(deadline_after(self.core.now(), delay))
    }

    /// When the job is due; `None` if it has been started, called off, or dropped with its group.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.core.due(self.key)
    }

    /// Whether it is still to be started. A job that recurs is, even while it runs.
    #[must_use]
    pub fn is_scheduled(&self) -> bool {
        self.core.contains(self.key)
    }
}

impl fmt::Debug for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduled")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A job was refused, and dropped, because the group has ended: it was waited for, dropped or aborted, its
/// context was cancelled, or a job has panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the schedgroup has ended and takes no more jobs")
    }
}

impl Error for Ended {}
