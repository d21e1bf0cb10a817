//! What the executor, its handles and its wakers share, behind one mutex.
//!
//! Invariants:
//!
//! * A task is in `ready` if and only if its `queued` is set, at most once, and only while it is in
//!   `tasks`. Waking a task that has finished therefore does nothing.
//! * A future spawned from anywhere lies in `inbox` (or, if it is not `Send`, in the executor
//!   thread's `LOCAL`) before its id is in `ready`.
//! * `closed` is set once, when the run ends. After that nothing is stored here any more, which
//!   also breaks the cycle `Shared -> timers -> Waker -> Shared`.
//! * Under the lock only plain data moves: wakers and futures are called, cloned and dropped
//!   outside.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::builder::{Builder, Schedule};
use crate::report::{Report, TaskReport};
use crate::waiting::Reason;
use sync_core::chance::Rng;

pub(crate) type TaskId = u64;
pub(crate) type SendFuture = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(crate) type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The future that was given to `run`.
pub(crate) const ROOT: TaskId = 0;

pub(crate) struct Shared {
    pub(crate) seed: u64,
    schedule: Schedule,
    start: Instant,
    thread: ThreadId,
    state: Mutex<State>,
    /// Signalled when something happens while the executor is parked.
    external: Condvar,
}

struct State {
    /// Nanoseconds since `start`.
    now: u64,
    rng: Rng,
    ready: VecDeque<TaskId>,
    tasks: BTreeMap<TaskId, Info>,
    inbox: Vec<(TaskId, SendFuture)>,
    /// By deadline, then by registration.
    timers: BTreeMap<TimerKey, Waker>,
    next_task: TaskId,
    /// The source of timer keys and of tokens for notes.
    next_token: u64,
    polls: u64,
    parked: bool,
    closed: bool,
}

/// What is known of a task that is alive.
pub(crate) struct Info {
    name: Option<Arc<str>>,
    spawned_at: &'static Location<'static>,
    polls: u64,
    queued: bool,
    waits_for: Vec<(u64, Reason)>,
}

impl Info {
    pub(crate) fn new(name: Option<Arc<str>>, spawned_at: &'static Location<'static>) -> Self {
        Self {
            name,
            spawned_at,
            polls: 0,
            queued: true,
            waits_for: Vec::new(),
        }
    }
}

/// The deadline in nanoseconds since the start, and a number that tells equal deadlines apart.
pub(crate) type TimerKey = (u64, u64);

thread_local! {
    /// Futures that are not `Send` on the way to their executor, which runs on this thread. Runs
    /// can be nested, so each entry says which run it is for.
    static LOCAL: RefCell<Vec<(usize, TaskId, LocalFuture)>> = const { RefCell::new(Vec::new()) };
}

/// What the executor does next.
pub(crate) enum Step {
    Poll {
        id: TaskId,
        now: u64,
    },
    /// Time has moved to the next timer: these are due.
    Fire(Vec<Waker>),
    Asleep,
    LimitReached,
}

impl Shared {
    pub(crate) fn new(builder: &Builder) -> Arc<Self> {
        Arc::new(Self {
            seed: builder.seed,
            schedule: builder.schedule,
            start: builder.start.unwrap_or_else(Instant::now),
            thread: thread::current().id(),
            state: Mutex::new(State {
                now: 0,
                rng: Rng::new(builder.seed),
                ready: VecDeque::new(),
                tasks: BTreeMap::new(),
                inbox: Vec::new(),
                timers: BTreeMap::new(),
                next_task: ROOT + 1,
                next_token: 0,
                polls: 0,
                parked: false,
                closed: false,
            }),
            external: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No foreign code runs under the lock, so a poisoned one is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a parked executor's rest.
    fn notify(&self, state: MutexGuard<'_, State>) {
        let parked = state.parked;
        drop(state);
        if parked {
            self.external.notify_one();
        }
    }

    pub(crate) fn is_executor_thread(&self) -> bool {
        self.thread == thread::current().id()
    }

    // Tasks.

    /// Enters a task that is ready, unless the run is over. The caller has put its future, or
    /// puts it before the executor can look, where the executor finds it.
    fn enter(state: &mut State, info: Info) -> Option<TaskId> {
        if state.closed {
            return None;
        }
        let id = state.next_task;
        state.next_task += 1;
        state.tasks.insert(id, info);
        state.ready.push_back(id);
        Some(id)
    }

    /// Enters the root future. Its number is set aside, because the scenario may have spawned
    /// tasks before it gave the future.
    pub(crate) fn enter_root(&self, info: Info) {
        let mut state = self.lock();
        state.tasks.insert(ROOT, info);
        state.ready.push_back(ROOT);
    }

    /// Enters a task. After the end of the run its future is dropped (an argument, hence after the
    /// lock, which is a local).
    pub(crate) fn spawn(&self, info: Info, future: SendFuture) -> Option<TaskId> {
        let mut state = self.lock();
        let id = Self::enter(&mut state, info)?;
        state.inbox.push((id, future));
        self.notify(state);
        Some(id)
    }

    /// [`spawn`](Self::spawn) on the executor's own thread.
    pub(crate) fn spawn_local(&self, info: Info, future: LocalFuture) -> Option<TaskId> {
        let id = Self::enter(&mut self.lock(), info)?;
        LOCAL.with_borrow_mut(|local| local.push((self.run_key(), id, future)));
        Some(id)
    }

    fn run_key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The futures that were spawned since the last call.
    pub(crate) fn arrivals(&self) -> Vec<(TaskId, LocalFuture)> {
        let inbox = mem::take(&mut self.lock().inbox);
        let mut arrivals: Vec<(TaskId, LocalFuture)> = inbox
            .into_iter()
            .map(|(id, future)| (id, future as LocalFuture))
            .collect();
        LOCAL.with_borrow_mut(|local| {
            let mine = local.extract_if(.., |(run, ..)| *run == self.run_key());
            arrivals.extend(mine.map(|(_, id, future)| (id, future)));
        });
        arrivals
    }

    fn wake(&self, id: TaskId) {
        let mut state = self.lock();
        let State { tasks, ready, .. } = &mut *state;
        if let Some(info) = tasks.get_mut(&id)
            && !info.queued
        {
            info.queued = true;
            ready.push_back(id);
            self.notify(state);
        }
    }

    pub(crate) fn finish(&self, id: TaskId) {
        let mut state = self.lock();
        let info = state.tasks.remove(&id);
        if info.as_ref().is_some_and(|info| info.queued) {
            state.ready.retain(|&ready| ready != id);
        }
        drop(state);
        drop(info);
    }

    // The run.

    /// Picks the next task; if there is none, moves time to the next timer, unless `frozen`; if
    /// there is none either, waits for another thread, if `external`.
    pub(crate) fn next(&self, max_polls: u64, frozen: bool, external: bool) -> Step {
        let mut state = self.lock();
        loop {
            let State {
                ready,
                tasks,
                rng,
                polls,
                ..
            } = &mut *state;
            if *polls == max_polls && !ready.is_empty() {
                return Step::LimitReached;
            }
            let picked = match self.schedule {
                Schedule::Fifo => ready.pop_front(),
                Schedule::Shuffled if ready.is_empty() => None,
                Schedule::Shuffled => ready.swap_remove_back(rng.below(ready.len())),
            };
            if let Some(id) = picked {
                if let Some(info) = tasks.get_mut(&id) {
                    info.queued = false;
                    info.polls += 1;
                }
                *polls += 1;
                return Step::Poll { id, now: state.now };
            }
            if !frozen && let Some((&(deadline, _), _)) = state.timers.first_key_value() {
                return Step::Fire(state.move_time(deadline));
            }
            if frozen || !external {
                return Step::Asleep;
            }
            state.parked = true;
            state = self
                .external
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.parked = false;
        }
    }

    /// Ends the run: from here on nothing is kept.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.ready.clear();
        let tasks = mem::take(&mut state.tasks);
        let timers = mem::take(&mut state.timers);
        drop(state);
        drop(tasks);
        drop(timers);
    }

    // Time.

    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    pub(crate) fn now_nanos(&self) -> u64 {
        self.lock().now
    }

    /// Moves time forward. The caller wakes the wakers, which come in the order of their deadlines.
    pub(crate) fn advance(&self, by: Duration) -> (u64, Vec<Waker>) {
        let mut state = self.lock();
        let now = state.now.saturating_add(nanos(by));
        (now, state.move_time(now))
    }

    /// Whether `deadline` has come. If not, `waker` is kept under `key` until it has.
    pub(crate) fn poll_timer(
        &self,
        deadline: u64,
        key: &mut Option<TimerKey>,
        waker: &Waker,
    ) -> bool {
        // Cloned before the lock is taken, and dropped after it is released, if it is not needed.
        let mut waker = Some(waker.clone());
        let mut replaced = None;
        let mut state = self.lock();
        let come = state.now >= deadline;
        if !come && !state.closed {
            let key = *key.get_or_insert_with(|| (deadline, state.next_token()));
            if let Some(waker) = waker.take() {
                replaced = state.timers.insert(key, waker);
            }
        }
        self.notify(state);
        drop(replaced);
        come
    }

    pub(crate) fn cancel_timer(&self, key: TimerKey) {
        let waker = self.lock().timers.remove(&key);
        drop(waker);
    }

    // What tasks wait for, and reports.

    pub(crate) fn leave_note(&self, task: TaskId, reason: Reason) -> u64 {
        let mut state = self.lock();
        let token = state.next_token();
        if let Some(info) = state.tasks.get_mut(&task) {
            info.waits_for.push((token, reason));
        }
        token
    }

    pub(crate) fn remove_note(&self, task: TaskId, token: u64) {
        if let Some(info) = self.lock().tasks.get_mut(&task) {
            info.waits_for.retain(|&(other, _)| other != token);
        }
    }

    /// Polls so far, tasks alive, timers set.
    pub(crate) fn counts(&self) -> (u64, usize, usize) {
        let state = self.lock();
        (state.polls, state.tasks.len(), state.timers.len())
    }

    pub(crate) fn report(&self) -> Report {
        let state = self.lock();
        let label = |id: TaskId| {
            let name = state.tasks.get(&id).and_then(|info| info.name.as_deref());
            TaskReport::label(id, name)
        };
        let tasks = state.tasks.iter().map(|(&id, info)| TaskReport {
            id,
            name: info.name.as_deref().map(String::from),
            spawned_at: info.spawned_at,
            polls: info.polls,
            ready: info.queued,
            waits_for: info
                .waits_for
                .iter()
                .map(|(_, reason)| reason.describe(label))
                .collect(),
        });
        Report {
            seed: self.seed,
            elapsed: Duration::from_nanos(state.now),
            polls: state.polls,
            tasks: tasks.collect(),
        }
    }
}

impl State {
    fn next_token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    /// Sets the time, which never goes back, and takes the wakers of the timers that are due.
    fn move_time(&mut self, now: u64) -> Vec<Waker> {
        self.now = self.now.max(now);
        let later = self.timers.split_off(&(self.now.saturating_add(1), 0));
        mem::replace(&mut self.timers, later)
            .into_values()
            .collect()
    }
}

/// Saturating: 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The waker of one task. It may be called from any thread, and outlive the run.
pub(crate) struct TaskWaker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: TaskId,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.shared.wake(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.shared.wake(self.id);
    }
}
