//! What a task waits for, for the reports.
//!
//! While a task is polled, `CURRENT` names it. A future that returns `Pending` leaves a note with
//! that task, and takes it back when it is ready or dropped. A future that moves to another task
//! takes its note along at the next poll.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::shared::{Shared, TaskId};

thread_local! {
    static CURRENT: RefCell<Option<(Arc<Shared>, TaskId)>> = const { RefCell::new(None) };
}

/// Names the task that is being polled, until dropped. Polls of nested runs can be nested.
pub(crate) struct Current {
    previous: Option<(Arc<Shared>, TaskId)>,
}

impl Current {
    pub(crate) fn enter(shared: &Arc<Shared>, task: TaskId) -> Self {
        Self {
            previous: CURRENT.replace(Some((shared.clone(), task))),
        }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(self.previous.take());
    }
}

/// A cause of waiting.
pub(crate) enum Reason {
    Text(Cow<'static, str>),
    Task(TaskId),
    Timer(Duration),
    EndlessSleep,
}

impl Reason {
    pub(crate) fn describe(&self, label: impl Fn(TaskId) -> String) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Task(id) => label(*id),
            Self::Timer(at) => format!("a timer at {at:?}"),
            Self::EndlessSleep => String::from("a sleep without end"),
        }
    }
}

/// A note with the task that polls, as long as it waits.
#[derive(Default)]
pub(crate) struct Note {
    left_with: Option<(Arc<Shared>, TaskId, u64)>,
}

impl Note {
    /// Leaves the note with the current task, if it does not have it yet.
    pub(crate) fn leave(&mut self, reason: impl FnOnce() -> Reason) {
        let Some((shared, task)) = CURRENT.with_borrow(Clone::clone) else {
            return;
        };
        if let Some((with, id, _)) = &self.left_with
            && Arc::ptr_eq(with, &shared)
            && *id == task
        {
            return;
        }
        self.take_back();
        let token = shared.leave_note(task, reason());
        self.left_with = Some((shared, task, token));
    }

    pub(crate) fn take_back(&mut self) {
        if let Some((shared, task, token)) = self.left_with.take() {
            shared.remove_note(task, token);
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// Runs `future`, and lets stall and leak reports say that the task waits for `what`.
///
/// Outside of a run it only runs the future.
///
/// # Cancel safety
///
/// As cancel-safe as `future`.
///
/// # Examples
///
/// ```
/// use std::future::pending;
///
/// let stalled = mini_executor::run(0, |_| mini_executor::waiting_for("Godot", pending::<()>()));
/// assert_eq!(stalled.unwrap_err().tasks()[0].waits_for, ["Godot"]);
/// ```
pub fn waiting_for<F: Future>(what: impl Into<Cow<'static, str>>, future: F) -> WaitingFor<F> {
    WaitingFor {
        future,
        what: what.into(),
        note: Note::default(),
    }
}

pin_project! {
    /// A future that says what it waits for. Made by [`waiting_for`].
    #[must_use = "futures do nothing unless polled"]
    pub struct WaitingFor<F> {
        #[pin]
        future: F,
        what: Cow<'static, str>,
        note: Note,
    }
}

impl<F: Future> Future for WaitingFor<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(cx);
        if polled.is_ready() {
            this.note.take_back();
        } else {
            this.note.leave(|| Reason::Text(this.what.clone()));
        }
        polled
    }
}

impl<F> fmt::Debug for WaitingFor<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingFor")
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}
