//! What a group, its handles and its driver share: the agenda behind a lock, and who has to be woken.
//!
//! # States
//!
//! ```text
//! open --- wait ---> closing --- nothing left ---> ended
//!   `------ dropped, aborted, context cancelled, a job panicked ----^
//! ```
//!
//! While a group is closing its jobs may still submit others, which are waited for. Once it has ended
//! everything is refused, and what was waiting has been dropped.
//!
//! # The one timer
//!
//! The driver sleeps until `armed`, or, with `armed` = 0, is awake or has been told to be. Whoever enters
//! a time before that sets `armed` to 0 and wakes the driver; a later time wakes nobody. The driver
//! sets `armed` under the lock under which it saw what is next, and when it then stores its waker it
//! looks whether `armed` is still what it was. So no earlier time is slept through.
//!
//! # Invariants
//!
//! 1. Nothing foreign (jobs, wakers, the clock) is called or dropped under the lock.
//! 2. `running` counts the futures of jobs that were handed to the runtime and are not gone yet.
//! 3. A group that is closing ends in the step that sees that nothing waits, nothing is away and
//!    nothing runs: whoever makes that true while the driver sleeps wakes it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::agenda::{Agenda, Due, Key};
use super::job::BoxedJob;

/// What waits for its time: a job, or the waker of a sleep.
pub(super) trait Item: Send {
    /// Whether it comes back after its time.
    fn recurs(&self) -> bool;
}

impl Item for BoxedJob {
    fn recurs(&self) -> bool {
        (**self).recurs()
    }
}

impl Item for Waker {
    fn recurs(&self) -> bool {
        false
    }
}

pub(super) struct Core<T = BoxedJob> {
    origin: Instant,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
    state: Mutex<State<T>>,
}

struct State<T> {
    agenda: Agenda<T>,
    armed: u64,
    driver: Option<Waker>,
    running: usize,
    closing: bool,
    ended: bool,
    // The context was cancelled before the group was done.
    cut_short: bool,
}

const AWAKE: u64 = 0;
const NEVER: u64 = u64::MAX;

/// What the driver does next.
pub(super) enum Step<T> {
    Start {
        key: Key,
        due: Instant,
        job: T,
    },
    More,
    /// Sleep until then, or until woken.
    Sleep(Option<Instant>),
    End,
}

/// How long before the group was made a time may lie and still keep its place in the order.
const PAST: Duration = Duration::from_secs(24 * 60 * 60);

impl<T: Item> Core<T> {
    pub(super) fn new(now: Box<dyn Fn() -> Instant + Send + Sync>) -> Self {
        let start = now();
        let origin = start.checked_sub(PAST).unwrap_or(start);
        Self {
            origin,
            now,
            state: Mutex::new(State {
                agenda: Agenda::new(nanos_between(origin, start)),
                armed: AWAKE,
                driver: None,
                running: 0,
                closing: false,
                ended: false,
                cut_short: false,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing foreign runs under the lock, so a poisoned one is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Instant {
        (self.now)()
    }

    fn nanos(&self, at: Instant) -> u64 {
        nanos_between(self.origin, at)
    }

    /// `None`: further away than this platform's clock can say.
    fn instant(&self, nanos: u64) -> Option<Instant> {
        self.origin.checked_add(Duration::from_nanos(nanos))
    }

    // For those who submit.

    /// Enters a job, unless the group has ended.
    pub(super) fn insert(&self, at: Instant, job: T) -> Option<Key> {
        self.try_insert(at, job).ok()
    }

    /// As `insert`, and gives the job back.
    #[inline]
    pub(super) fn try_insert(&self, at: Instant, job: T) -> Result<Key, T> {
        let at = self.nanos(at);
        let mut state = self.lock();
        if state.ended {
            drop(state);
            return Err(job);
        }
        let key = state.agenda.insert(at, job);
        state.now_due(at).release(state);
        Ok(key)
    }

    /// Takes a job out: `None` if it was not there, or nothing of it if it was away.
    pub(super) fn take(&self, key: Key) -> Option<Option<T>> {
        let mut state = self.lock();
        let removed = state.agenda.remove(key);
        state.now_fewer().release(state);
        removed
    }

    /// Takes a job out. True if it was there: it will not be started any more.
    pub(super) fn cancel(&self, key: Key) -> bool {
        self.take(key).is_some()
    }

    pub(super) fn reschedule(&self, key: Key, at: Instant) -> bool {
        let at = self.nanos(at);
        let mut state = self.lock();
        if !state.agenda.move_to(key, at) {
            return false;
        }
        state.now_due(at).release(state);
        true
    }

    pub(super) fn due(&self, key: Key) -> Option<Instant> {
        let at = self.lock().agenda.time_of(key)?;
        self.instant(at)
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.lock().agenda.contains(key)
    }

    /// How many wait, and how many run.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.agenda.waiting(), state.running)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    // For the owner.

    /// From now on the group ends when nothing is left.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.awaken().release(state);
    }

    pub(super) fn cut_short(&self) {
        self.lock().cut_short = true;
    }

    pub(super) fn was_cut_short(&self) -> bool {
        self.lock().cut_short
    }

    /// Puts a waiting item in the place of another one, which comes back, as the new one does if it is too late.
    pub(super) fn replace(&self, key: Key, item: T) -> T {
        let mut state = self.lock();
        match state.agenda.item(key) {
            Some(place) => std::mem::replace(place, item),
            None => item,
        }
    }

    /// What `look` says of a waiting item. It is called under the lock.
    pub(super) fn look<A>(&self, key: Key, look: impl FnOnce(&T) -> A) -> Option<A> {
        self.lock().agenda.item(key).map(|item| look(item))
    }

    /// Takes nothing more, and gives what waits.
    pub(super) fn end_with(&self) -> Vec<T> {
        let mut state = self.lock();
        state.ended = true;
        let items = state.agenda.clear();
        state.awaken().release(state);
        items.into_items().collect()
    }

    /// Drops what waits, and takes nothing more.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        let jobs = state.agenda.clear();
        state.awaken().release(state);
        drop(jobs);
    }

    // For the driver and the runs.

    /// What is next, as of `now`.
    pub(super) fn step(&self, now: Instant) -> Step<T> {
        let now = self.nanos(now);
        let mut state = self.lock();
        state.armed = AWAKE;
        if state.ended {
            return Step::End;
        }
        match state.agenda.take_due(now) {
            Due::Item { key, at, item } => {
                if !item.recurs() {
                    state.agenda.remove(key);
                }
                drop(state);
                let due = self.instant(at).unwrap_or(self.origin);
                Step::Start {
                    key,
                    due,
                    job: item,
                }
            }
            Due::More => Step::More,
            Due::Not { before } => {
                state.armed = before;
                drop(state);
                Step::Sleep(self.instant(before))
            }
            Due::Nothing => {
                let over = state.is_over();
                state.ended |= over;
                state.armed = NEVER;
                let spare = state.agenda.shrink();
                drop(state);
                drop(spare);
                if over { Step::End } else { Step::Sleep(None) }
            }
        }
    }

    /// Leaves the waker of the driver that goes to sleep. False if it must not: something has changed.
    pub(super) fn park(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = self.lock();
        if state.armed == AWAKE {
            drop(state);
            drop(waker);
            return false;
        }
        let old = state.driver.replace(waker);
        drop(state);
        drop(old);
        true
    }

    /// A run has begun.
    pub(super) fn begin(&self) {
        self.lock().running += 1;
    }

    /// A run has ended.
    pub(super) fn finish(&self) {
        let mut state = self.lock();
        state.running -= 1;
        state.now_fewer().release(state);
    }

    /// A recurring job's run is over, and this is when the next one is due. Gives the job if it was called off
    /// meanwhile.
    pub(super) fn bring_back(&self, key: Key, at: Instant, job: T) -> Option<T> {
        let at = self.nanos(at);
        let mut state = self.lock();
        let back = state.agenda.bring_back(key, at, job);
        let woken = match &back {
            Ok(at) => state.now_due(*at),
            Err(_) => Woken(None),
        };
        woken.release(state);
        back.err()
    }

    /// A recurring job will not come back.
    pub(super) fn forget(&self, key: Key) {
        self.cancel(key);
    }
}

/// At most `u64::MAX`, five hundred years; none if it lies before.
fn nanos_between(origin: Instant, at: Instant) -> u64 {
    let since = at.saturating_duration_since(origin);
    let nanos = since.as_secs().saturating_mul(1_000_000_000);
    nanos.saturating_add(u64::from(since.subsec_nanos()))
}

/// A driver that has to be woken as soon as the lock is free.
struct Woken(Option<Waker>);

impl Woken {
    fn release<T>(self, state: MutexGuard<'_, State<T>>) {
        drop(state);
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }
}

impl<T> State<T> {
    fn awaken(&mut self) -> Woken {
        self.armed = AWAKE;
        Woken(self.driver.take())
    }

    /// Something is due at this time.
    fn now_due(&mut self, at: u64) -> Woken {
        if at < self.armed {
            self.awaken()
        } else {
            Woken(None)
        }
    }

    /// Something is gone.
    fn now_fewer(&mut self) -> Woken {
        if self.is_over() {
            self.awaken()
        } else {
            Woken(None)
        }
    }

    fn is_over(&self) -> bool {
        self.closing && self.running == 0 && self.agenda.used() == 0
    }
}

#[cfg(test)]
mod tests;
