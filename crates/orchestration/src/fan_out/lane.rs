//! What lies between a fan-out and one of its outputs: a ring with one who puts and one who takes.
//!
//! ```text
//! open -- the input ends ------------> ended:  what is left is still taken
//!  |----- Slow::Disconnect, full ----> cut off: the same
//!  '----- the output is dropped -----> gone:   what is left is dropped
//! ```
//!
//! There is one on each side, so a waker for each is all that waiting takes: each leaves its waker under
//! the lock under which it found that it has to wait, and whoever changes that takes it out under the
//! lock. Items and wakers are cloned before the lock is taken, called and dropped after it was released.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Slow;

pub(super) struct Lane<T> {
    state: Mutex<State<T>>,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<T>,
    stage: Stage,
    lost: u64,
    // Called if there is room, where that is waited for; and in any case when the output is dropped.
    putter: Option<Waker>,
    wants_room: bool,
    taker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Ended,
    CutOff,
    Gone,
}

/// Whether an item can be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    /// Not now: the waker is called when it can.
    Full,
    /// Never again.
    Closed,
}

/// What became of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) lost: u64,
    pub(super) cut_off: bool,
    pub(super) gone: bool,
}

impl<T> Lane<T> {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Lane {
            state: Mutex::new(State {
                items: VecDeque::new(),
                stage: Stage::Open,
                lost: 0,
                putter: None,
                wants_room: false,
                taker: None,
            }),
            capacity,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing foreign runs under it, so a poisoned one is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody may still take something. If so, the waker is called when that changes.
    pub(super) fn is_wanted(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = self.lock();
        let open = state.stage == Stage::Open;
        let unused = if open {
            state.putter.replace(waker)
        } else {
            Some(waker)
        };
        drop(state);
        drop(unused);
        open
    }

    /// Whether an item can be put, by this policy for a full lane.
    pub(super) fn readiness(&self, slow: Slow, waker: &Waker) -> Readiness {
        let spare = waker.clone();
        let mut state = self.lock();
        let full = state.items.len() >= self.capacity;
        let (answer, waker, taker) = match (state.stage, full, slow) {
            (Stage::Open, true, Slow::Wait) => {
                state.wants_room = true;
                (Readiness::Full, state.putter.replace(spare), None)
            }
            (Stage::Open, true, Slow::Disconnect) => {
                state.stage = Stage::CutOff;
                (Readiness::Closed, Some(spare), state.taker.take())
            }
            (Stage::Open, ..) => (Readiness::Ready, Some(spare), None),
            _ => (Readiness::Closed, Some(spare), None),
        };
        drop(state);
        drop(waker);
        wake(taker);
        answer
    }

    /// Puts an item for which the lane was ready.
    pub(super) fn put(&self, item: T, slow: Slow) {
        let mut state = self.lock();
        let mut unwanted = None;
        if state.stage != Stage::Open {
            unwanted = Some(item);
        } else if state.items.len() < self.capacity {
            state.items.push_back(item);
        } else {
            state.lost += 1;
            if slow == Slow::DropNewest {
                unwanted = Some(item);
            } else {
                unwanted = state.items.pop_front();
                state.items.push_back(item);
            }
        }
        let taker = state.taker.take();
        drop(state);
        // First: a destructor may panic.
        wake(taker);
        drop(unwanted);
    }

    /// There will be no more.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        if state.stage == Stage::Open {
            state.stage = Stage::Ended;
        }
        let wakers = (state.taker.take(), state.putter.take());
        drop(state);
        wake(wakers.0);
        drop(wakers.1);
    }

    /// The next item, for whoever has the output.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        let (polled, unused, putter) = match state.items.pop_front() {
            Some(item) => {
                let waits = mem::take(&mut state.wants_room);
                let putter = if waits { state.putter.take() } else { None };
                (Poll::Ready(Some(item)), Some(waker), putter)
            }
            None if state.stage == Stage::Open => (Poll::Pending, state.taker.replace(waker), None),
            None => (Poll::Ready(None), Some(waker), None),
        };
        drop(state);
        drop(unused);
        wake(putter);
        polled
    }

    /// The output is dropped.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        if state.stage != Stage::CutOff {
            state.stage = Stage::Gone;
        }
        let items = mem::take(&mut state.items);
        let (putter, taker) = (state.putter.take(), state.taker.take());
        drop(state);
        wake(putter);
        drop((taker, items));
    }

    pub(super) fn len(&self) -> usize {
        self.lock().items.len()
    }

    pub(super) fn fate(&self) -> Fate {
        let state = self.lock();
        Fate {
            lost: state.lost,
            cut_off: state.stage == Stage::CutOff,
            gone: state.stage == Stage::Gone,
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
