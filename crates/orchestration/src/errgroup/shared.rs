//! The state that a spawned group, its handles and its tasks share, and the life of a task.
//!
//! # States
//!
//! A group is *open*, then *stopped*: it takes no more tasks, for ever. It stops when a failure
//! cancels it, or its owner drops, shuts down or detaches it. It is *failed* from the first failure
//! that the join will report, and *aborted* once the tasks' handles were taken to be aborted.
//!
//! A task's entry in the slab is
//!
//! ```text
//! Starting --- handle stored ---> Running --- task ends ---> (removed)
//!     \                                                          ^
//!      `------ task ends -------> Ended --- handle comes --------'
//! ```
//!
//! because a task may end on another thread before `Spawn::spawn` has given us its handle. Aborting
//! takes the handle out of a `Running` entry and leaves the entry to the task.
//!
//! # A task costs
//!
//! The runtime's own allocation and three short critical sections: admitted, handle stored, ended.
//! Nobody awaits the join handles; the last task to end wakes the one who waits.
//!
//! # Invariants
//!
//! 1. `running` counts the admitted tasks whose futures are not gone yet. It is decremented once
//!    per task, by the end of its last poll or by its drop.
//! 2. Nothing foreign (futures, wakers, handles, values, errors, the runtime) is called or dropped
//!    under the lock.
//! 3. A failure is entered and `stopped` is set *before* the failed task's permit is given back, so
//!    a submitter that gets that permit sees that it must not use it.
//! 4. A handle that comes when `aborted` is set is aborted by whoever brings it, so there is no
//!    moment at which an abort can miss a task.
//! 5. A round is taken under the same lock in which `running == 0` was seen, so it has the outcome
//!    of every task that was admitted.

use std::collections::HashMap;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use async_sync::Semaphore;
use async_sync::semaphore::Permit;
use pin_project_lite::pin_project;
use runtime::{JoinHandle, Spawn};
use slab::Slab;

use super::builder::{CancelPolicy, Settings};
use super::ledger::{Failure, Ledger, Outcome};
use super::{CancelToken, Origin, Panic, child};
use crate::limiter::in_use;

pub(super) struct Shared<S: Spawn, T, E> {
    runtime: S,
    settings: Settings<E>,
    // One permit per running task, if there is a limit. Closed when the group stops.
    slots: Option<Semaphore>,
    state: Mutex<State<S::Handle<()>, T, E>>,
}

struct State<H, T, E> {
    ledger: Ledger<T, E>,
    running: usize,
    tasks: Slab<Entry<H>>,
    // By line, of those that have one.
    names: HashMap<usize, Box<str>>,
    token: CancelToken,
    waiter: Option<Waker>,
    stopped: bool,
    failed: bool,
    aborted: bool,
    // Nobody will take the values: the group was dropped, shut down or detached.
    ownerless: bool,
}

struct Entry<H> {
    // Of the ledger.
    line: usize,
    location: &'static Location<'static>,
    stage: Stage<H>,
}

enum Stage<H> {
    Starting,
    // None: the handle was taken to be aborted.
    Running(Option<H>),
    Ended,
}

/// The right to run one task, counted in `running`.
pub(super) struct Admission {
    key: Key,
}

/// A task's entry. Small, because a task in the runtime has this in it: tokio rounds its tasks up
/// to two cache lines, and ours should not need four where its own would need two.
type Key = u32;

fn slots(limit: usize) -> Semaphore {
    Semaphore::new(limit.min(Semaphore::MAX_PERMITS))
}

/// What an owner may do to a group that it gives up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GiveUp {
    Abort,
    /// Abort, and keep what there is.
    Stop,
    Detach,
}

impl<H, T, E> State<H, T, E> {
    /// Takes every handle, to be aborted when the lock is free.
    fn take_handles(&mut self) -> Vec<H> {
        self.aborted = true;
        let handle = |(_, entry): (usize, &mut Entry<H>)| match &mut entry.stage {
            Stage::Running(handle) => handle.take(),
            Stage::Starting | Stage::Ended => None,
        };
        self.tasks.iter_mut().filter_map(handle).collect()
    }

    fn is_keeping_values(&self) -> bool {
        !self.failed && !self.ownerless
    }

    /// Where a task that has not ended comes from.
    fn origin(&self, key: usize) -> Origin {
        let Entry { line, location, .. } = &self.tasks[key];
        Origin {
            name: self.names.get(line).cloned(),
            location,
        }
    }
}

impl<S: Spawn, T, E> Shared<S, T, E> {
    pub(super) fn new(runtime: S, settings: Settings<E>) -> Self {
        Self {
            runtime,
            slots: settings.limit.map(slots),
            state: Mutex::new(State {
                ledger: Ledger::default(),
                running: 0,
                tasks: Slab::new(),
                names: HashMap::new(),
                token: settings.token(),
                waiter: None,
                stopped: false,
                failed: false,
                aborted: false,
                ownerless: false,
            }),
            settings,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S::Handle<()>, T, E>> {
        // Nothing foreign runs under the lock, so a poisoned one is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settings(&self) -> &Settings<E> {
        &self.settings
    }

    pub(super) fn slots(&self) -> Option<&Semaphore> {
        self.slots.as_ref()
    }

    pub(super) fn token(&self) -> CancelToken {
        self.lock().token.clone()
    }

    pub(super) fn running(&self) -> usize {
        // A task gives its permit back before it is counted out, so the count alone can be ahead
        // of the truth, which is never above the number of permits that are out.
        let running = self.lock().running;
        self.slots
            .as_ref()
            .map_or(running, |slots| running.min(in_use(slots)))
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.slots.as_ref().map(Semaphore::limit)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Counts one more task in, unless the group has stopped.
    pub(super) fn admit(&self, origin: Origin) -> Option<Admission> {
        let mut state = self.lock();
        if state.stopped {
            return None;
        }
        let entry = Entry {
            line: state.ledger.open(),
            location: origin.location,
            stage: Stage::Starting,
        };
        if let Some(name) = origin.name {
            state.names.insert(entry.line, name);
        }
        let key = state.tasks.insert(entry);
        state.running += 1;
        let key = Key::try_from(key).expect("fewer than 2^32 tasks at a time");
        Some(Admission { key })
    }

    /// Polls whether all tasks have ended.
    pub(super) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        let ended = state.running == 0;
        let unused = if ended {
            Some(waker)
        } else {
            state.waiter.replace(waker)
        };
        drop(state);
        drop(unused);
        if ended {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// The outcomes of all tasks since the last round, if all have ended. The round's token is
    /// cancelled, and the next round gets a new one.
    pub(super) fn take_round(&self) -> Option<Ledger<T, E>> {
        let fresh = self.settings.token();
        let mut state = self.lock();
        if state.running > 0 {
            return None;
        }
        let token = if state.stopped {
            state.token.clone()
        } else {
            mem::replace(&mut state.token, fresh)
        };
        drop(state);
        // Who is told may panic: then the outcomes are still there for the next who waits.
        token.cancel();
        let mut state = self.lock();
        // Tasks that were submitted meanwhile are of this round, and have the next token.
        (state.running == 0).then(|| mem::take(&mut state.ledger))
    }

    /// Stops the group for an owner that gives it up.
    pub(super) fn give_up(&self, how: GiveUp) {
        let mut state = self.lock();
        state.stopped = true;
        let values = (how != GiveUp::Stop).then(|| {
            state.ownerless = true;
            state.ledger.forget_values()
        });
        let waiter = state.waiter.take();
        let token = state.token.clone();
        let doomed = Doomed(match how {
            GiveUp::Abort | GiveUp::Stop => state.take_handles(),
            GiveUp::Detach => Vec::new(),
        });
        drop(state);
        drop(waiter);
        self.close_slots();
        if how != GiveUp::Detach {
            token.cancel();
        }
        drop(doomed);
        drop(values);
    }

    /// A failure that belongs to no task, as if one more task had ended with it.
    pub(super) fn fail(&self, origin: Origin, error: E) {
        let mut state = self.lock();
        let line = state.ledger.open();
        self.enter_failure(state, line, origin, Failure::Error(error));
    }

    /// Enters the failure and does to the others what the policy says. Consumes the lock.
    fn enter_failure(
        &self,
        mut state: MutexGuard<'_, State<S::Handle<()>, T, E>>,
        line: usize,
        origin: Origin,
        failure: Failure<E>,
    ) {
        let policy = self.settings.policy_for(&failure);
        let first = !state.failed;
        let values = (first && !self.settings.collect).then(|| {
            state.failed = true;
            state.ledger.forget_values()
        });
        let unwanted = if state.ownerless && matches!(failure, Failure::Error(_)) {
            Some(failure)
        } else {
            state
                .ledger
                .enter_failure(line, origin, failure, &self.settings)
        };
        let cancels = policy != CancelPolicy::None;
        state.stopped |= cancels;
        let token = cancels.then(|| state.token.clone());
        let doomed = Doomed(if policy == CancelPolicy::Abort {
            state.take_handles()
        } else {
            Vec::new()
        });
        drop(state);

        if let Some(token) = token {
            self.close_slots();
            token.cancel();
        }
        drop(doomed);
        drop((values, unwanted));
    }

    /// Sends the submitters that wait for a slot away.
    fn close_slots(&self) {
        if let Some(slots) = &self.slots {
            slots.close();
        }
    }

    /// The task's future is gone, with this outcome if it was not aborted.
    fn conclude(&self, key: Key, outcome: Option<Outcome<T, E>>) {
        // On every way out, also if a foreign waker panics: first the slot is given back, then the
        // end is told, so that whoever sees the end finds the slot free.
        let mut end = End {
            shared: self,
            key,
            value: None,
        };
        let slot = self.slots.as_ref().map(Held);
        match outcome {
            Some(Ok(value)) => end.value = Some(value),
            Some(Err(failure)) => {
                let state = self.lock();
                let line = state.tasks[key as usize].line;
                let origin = state.origin(key as usize);
                self.enter_failure(state, line, origin, failure);
            }
            None => {
                let mut state = self.lock();
                let line = state.tasks[key as usize].line;
                if self.settings.collect && !state.ownerless {
                    state.ledger.enter_aborted(line);
                }
            }
        }
        drop(slot);
        drop(end);
    }

    /// The last word of a task: counts it out and wakes the owner if it was the last one.
    fn end(&self, key: Key, value: Option<T>) {
        let key = key as usize;
        let mut state = self.lock();
        let line = state.tasks[key].line;
        if !state.names.is_empty() {
            state.names.remove(&line);
        }
        let unwanted = match value {
            Some(value) if state.is_keeping_values() => {
                state.ledger.enter_value(line, value);
                None
            }
            unwanted => unwanted,
        };
        let handle = match &mut state.tasks[key].stage {
            Stage::Running(handle) => {
                let handle = handle.take();
                state.tasks.remove(key);
                handle
            }
            starting => {
                *starting = Stage::Ended;
                None
            }
        };
        state.running -= 1;
        let waiter = if state.running == 0 {
            state.waiter.take()
        } else {
            None
        };
        drop(state);
        drop(handle);
        drop(unwanted);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

impl<S: Spawn, T: Send + 'static, E: Send + 'static> Shared<S, T, E> {
    /// Starts an admitted task, which takes the permit over. It runs in a slot of the limiter, if there
    /// is one.
    #[track_caller]
    pub(super) fn launch<F>(
        self: &Arc<Self>,
        admission: Admission,
        permit: Option<Permit<'_>>,
        future: F,
    ) where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        match &self.settings.limiter {
            None => self.start(admission, permit, future),
            Some(limiter) => {
                let group = Some(Arc::clone(self));
                let future = limiter.run(Unbegun { future, group });
                self.start(admission, permit, future);
            }
        }
    }

    #[track_caller]
    fn start<F>(self: &Arc<Self>, admission: Admission, permit: Option<Permit<'_>>, future: F)
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let task = Task {
            future: Some(future),
            shared: Arc::clone(self),
            key: admission.key,
        };
        if let Some(permit) = permit {
            permit.forget();
        }
        let key = admission.key as usize;
        let handle = self.runtime.spawn(task);

        let mut state = self.lock();
        let aborted = state.aborted;
        let stage = &mut state.tasks[key].stage;
        let spare = match stage {
            Stage::Ended => {
                state.tasks.remove(key);
                Some(handle)
            }
            _ if aborted => {
                *stage = Stage::Running(None);
                Some(handle)
            }
            _ => {
                *stage = Stage::Running(Some(handle));
                None
            }
        };
        drop(state);
        if let Some(handle) = spare
            && aborted
        {
            handle.abort();
        }
    }
}

/// Tasks that are aborted when this is dropped: also if one who is told of the cancellation panics.
struct Doomed<H: JoinHandle<()>>(Vec<H>);

impl<H: JoinHandle<()>> Drop for Doomed<H> {
    fn drop(&mut self) {
        for handle in &self.0 {
            handle.abort();
        }
    }
}

/// A slot that is given back when this is dropped.
struct Held<'a>(&'a Semaphore);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.release(1);
    }
}

/// Ends a task when it is dropped.
struct End<'a, S: Spawn, T, E> {
    shared: &'a Shared<S, T, E>,
    key: Key,
    value: Option<T>,
}

impl<S: Spawn, T, E> Drop for End<'_, S, T, E> {
    fn drop(&mut self) {
        self.shared.end(self.key, self.value.take());
    }
}

pin_project! {
    /// A child, wrapped for the runtime. It holds a slot of its group, if those are limited.
    struct Task<S, T, E, F>
    where
        S: Spawn,
    {
        // None once ended: then the drop has nothing to do.
        #[pin]
        future: Option<F>,
        shared: Arc<Shared<S, T, E>>,
        key: Key,
    }

    impl<S, T, E, F> PinnedDrop for Task<S, T, E, F>
    where
        S: Spawn,
    {
        // Aborted, or dropped by its runtime.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.future.is_none() {
                return;
            }
            let failure = match child::discard(this.future) {
                None if this.shared.lock().aborted => None,
                panic => Some(Err(Failure::Panic(panic.unwrap_or_else(Panic::lost)))),
            };
            this.shared.conclude(*this.key, failure);
        }
    }
}

pin_project! {
    /// What waits for a slot, and does not begin when it gets one if it is about to be aborted: the slot of the
    /// one that was aborted before it, while another thread goes through the handles.
    struct Unbegun<S, T, E, F>
    where
        S: Spawn,
    {
        #[pin]
        future: F,
        // Until it begins.
        group: Option<Arc<Shared<S, T, E>>>,
    }
}

impl<S, T, E, F> Future for Unbegun<S, T, E, F>
where
    S: Spawn,
    F: Future<Output = Result<T, E>>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(group) = this.group {
            if group.lock().aborted {
                return Poll::Pending; // its handle was taken, or is on its way (invariant 4)
            }
            *this.group = None;
        }
        this.future.poll(cx)
    }
}

impl<S, T, E, F> Future for Task<S, T, E, F>
where
    S: Spawn,
    F: Future<Output = Result<T, E>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let outcome = ready!(child::poll(this.future, cx));
        this.shared.conclude(*this.key, Some(outcome));
        Poll::Ready(())
    }
}
