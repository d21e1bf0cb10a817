//! Works: futures that end when the scenario says so, well or badly, and that tell what became of them.
//!
//! What primitives run for their callers: an execution of a single flight, the initialiser of a value, the
//! creating or the check of a resource. They are `Send`, as some primitives ask for that.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The owner of works that are for none of the futures.
pub(super) const NOBODY: usize = usize::MAX;

/// What became of a work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// It is one of its scenario's works, by this number.
    pub(super) number: usize,
    /// The future that it was made for.
    pub(super) owner: usize,
    /// It was polled.
    pub(super) begun: bool,
    /// Whether it is to end, and well.
    pub(super) told: Option<bool>,
    /// It was woken, and not polled since.
    pub(super) wants: bool,
    /// It has ended, as it was told.
    pub(super) ended: bool,
    /// It has ended, or was cancelled.
    pub(super) dropped: bool,
}

impl Work {
    pub(super) fn is_running(&self) -> bool {
        self.begun && !self.dropped
    }

    /// It runs until it is told to end.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_running() && self.told.is_none()
    }

    pub(super) fn has_ended(&self, well: bool) -> bool {
        self.ended && self.told == Some(well)
    }
}

/// All works of a run, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Works(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    works: Vec<(Work, Option<Waker>)>,
    /// Those that begin now end well at once, instead of when they are told.
    at_once: bool,
    /// So many end badly before that.
    spoilt: usize,
    /// Those that have begun, in that order.
    begun: Vec<usize>,
}

impl Works {
    /// Whether those that begin from now on end well at once, or when they are told.
    pub(super) fn at_once(&self, at_once: bool) {
        self.lock().at_once = at_once;
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, for the future `owner`. It begins when it is polled.
    pub(super) fn add(&self, owner: usize) -> Doing {
        let mut inside = self.lock();
        let work = Work {
            number: inside.works.len(),
            owner,
            begun: false,
            told: None,
            wants: false,
            ended: false,
            dropped: false,
        };
        inside.works.push((work, None));
        Doing {
            works: self.clone(),
            number: work.number,
        }
    }

    pub(super) fn all(&self) -> Vec<Work> {
        self.lock().works.iter().map(|(work, _)| *work).collect()
    }

    pub(super) fn get(&self, number: usize) -> Option<Work> {
        Some(self.lock().works.get(number)?.0)
    }

    pub(super) fn running(&self) -> Vec<Work> {
        let mut all = self.all();
        all.retain(Work::is_running);
        all
    }

    /// The numbers of those that have begun since the last call.
    pub(super) fn take_begun(&self) -> Vec<usize> {
        std::mem::take(&mut self.lock().begun)
    }

    /// Whether one waits to be told.
    pub(super) fn is_any_waiting(&self) -> bool {
        self.lock().works.iter().any(|(work, _)| work.is_waiting())
    }

    /// Tells the oldest that waits for that how to end.
    pub(super) fn end(&self, well: bool) {
        let work = self.all().into_iter().find(Work::is_waiting);
        if let Some(work) = work {
            self.tell(work.number, well);
        }
    }

    /// Tells this one how to end.
    pub(super) fn tell(&self, number: usize, well: bool) {
        self.wake(number, Some(well));
    }

    /// Wakes the youngest that waits to be told, for nothing.
    pub(super) fn disturb(&self) {
        let work = self.all().into_iter().rfind(Work::is_waiting);
        if let Some(work) = work {
            self.wake(work.number, None);
        }
    }

    /// The next to begin ends badly, at once.
    pub(super) fn spoil(&self) {
        self.lock().spoilt += 1;
    }

    /// All end well, also those that are still to begin.
    pub(super) fn end_all(&self) {
        let works = {
            let mut inside = self.lock();
            (inside.at_once, inside.spoilt) = (true, 0);
            inside.works.len()
        };
        for number in 0..works {
            self.tell(number, true);
        }
    }

    fn wake(&self, number: usize, told: Option<bool>) {
        let waker = {
            let mut inside = self.lock();
            let (work, waker) = &mut inside.works[number];
            work.told = work.told.or(told);
            work.wants = true;
            waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A work: ends with its number.
#[derive(Debug)]
pub(super) struct Doing {
    works: Works,
    number: usize,
}

impl Doing {
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

impl Future for Doing {
    type Output = Result<usize, usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut guard = self.works.lock();
        let inside = &mut *guard;
        let (work, waker) = &mut inside.works[self.number];
        if !work.begun {
            inside.begun.push(self.number);
            if inside.spoilt > 0 && work.told.is_none() {
                inside.spoilt -= 1;
                work.told = Some(false);
            }
            work.told = work.told.or(inside.at_once.then_some(true));
        }
        (work.begun, work.wants, work.ended) = (true, false, work.told.is_some());
        match work.told {
            Some(true) => Poll::Ready(Ok(self.number)),
            Some(false) => Poll::Ready(Err(self.number)),
            None => {
                let old = waker.replace(cx.waker().clone());
                drop(guard);
                drop(old);
                Poll::Pending
            }
        }
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        let waker = {
            let mut inside = self.works.lock();
            let (work, waker) = &mut inside.works[self.number];
            work.dropped = true;
            waker.take()
        };
        drop(waker);
    }
}
