//! Toys: a mutex and a semaphore that are right, and in which each of some well-known mistakes can be
//! made on purpose.
//!
//! One ticket a waiter, `RefCell`s instead of locks. A release hands over to the first waiter.

pub(crate) mod keyed;
pub(crate) mod map;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use conformance::explorer::sets::mutex::Lock;
use conformance::explorer::sets::semaphore::{Counting, Refused};

/// The mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    /// A cancelled future that was handed the lock keeps it.
    DropsWakeOnCancel,
    /// The last waiter comes first.
    Lifo,
    /// A cancelled future leaves its place, and its waker, in the queue.
    LeaksWaker,
    /// A release wakes the first two, and both think that they own the lock.
    GrantsTwice,
    /// Only the first waker of a future is kept.
    KeepsOldWaker,
    /// A poll that nobody asked for is taken for the wake-up.
    TrustsPolls,
    /// A future queues when it is made, not when it is polled.
    QueuesEarly,
}

struct Ticket {
    id: usize,
    weight: usize,
    waker: Option<Waker>,
}

/// Who waits, who was given, what is free.
struct State {
    free: usize,
    next: usize,
    queue: VecDeque<Ticket>,
    granted: Vec<usize>,
}

/// A counting thing: with one permit, a mutex.
pub(crate) struct Toy {
    state: RefCell<State>,
    mistake: Mistake,
}

impl Toy {
    pub(crate) fn with(permits: usize, mistake: Mistake) -> Self {
        Toy {
            state: RefCell::new(State {
                free: permits,
                next: 0,
                queue: VecDeque::new(),
                granted: Vec::new(),
            }),
            mistake,
        }
    }

    fn give_back(&self, n: usize) {
        self.state.borrow_mut().free += n;
        self.serve();
    }

    fn serve(&self) {
        loop {
            let mut state = self.state.borrow_mut();
            let last = self.mistake == Mistake::Lifo;
            let first = if last {
                state.queue.back()
            } else {
                state.queue.front()
            };
            match first.map(|ticket| ticket.weight) {
                Some(weight) if weight <= state.free => state.free -= weight,
                _ => return,
            }
            let ticket = if last {
                state.queue.pop_back()
            } else {
                state.queue.pop_front()
            };
            let mut served = vec![ticket.unwrap()];
            if self.mistake == Mistake::GrantsTwice {
                served.extend(state.queue.pop_front());
            }
            state.granted.extend(served.iter().map(|ticket| ticket.id));
            drop(state);
            for waker in served.into_iter().filter_map(|ticket| ticket.waker) {
                waker.wake();
            }
        }
    }

    fn take(&self, weight: usize) -> Option<Held<'_>> {
        let mut state = self.state.borrow_mut();
        if state.queue.is_empty() && weight <= state.free {
            state.free -= weight;
            return Some(Held { toy: self, weight });
        }
        None
    }

    fn wait(&self, weight: usize) -> Wait<'_> {
        let mut wait = Wait {
            toy: self,
            weight,
            id: None,
        };
        if self.mistake == Mistake::QueuesEarly {
            wait.queue(None);
        }
        wait
    }

    fn queued(&self) -> usize {
        let state = self.state.borrow();
        state.queue.len() + state.granted.len()
    }

    /// All there is to know: what is free, and who of the waiters, in the order in which they came,
    /// has been given it.
    fn fingerprint(&self) -> u64 {
        let state = self.state.borrow();
        let mut waiters: Vec<_> = state.queue.iter().map(|ticket| (ticket.id, 1)).collect();
        waiters.extend(state.granted.iter().map(|id| (*id, 2)));
        waiters.sort_unstable();
        waiters
            .iter()
            .fold(state.free as u64, |sum, (_, kind)| sum * 4 + kind)
    }
}

pub(crate) struct Held<'a> {
    toy: &'a Toy,
    weight: usize,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.toy.give_back(self.weight);
    }
}

pub(crate) struct Wait<'a> {
    toy: &'a Toy,
    weight: usize,
    id: Option<usize>,
}

impl Wait<'_> {
    fn queue(&mut self, waker: Option<Waker>) {
        let mut state = self.toy.state.borrow_mut();
        state.next += 1;
        let (id, weight) = (state.next, self.weight);
        state.queue.push_back(Ticket { id, weight, waker });
        self.id = Some(id);
    }
}

impl<'a> Future for Wait<'a> {
    type Output = Held<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Held<'a>> {
        let Wait { toy, weight, id } = *self;
        let Some(id) = id else {
            return match toy.take(weight) {
                Some(held) => Poll::Ready(held),
                None => {
                    self.queue(Some(cx.waker().clone()));
                    Poll::Pending
                }
            };
        };
        let mut state = toy.state.borrow_mut();
        let granted = state.granted.len();
        state.granted.retain(|other| *other != id);
        let mut mine = state.granted.len() != granted;
        if !mine && toy.mistake == Mistake::TrustsPolls {
            state.queue.retain(|ticket| ticket.id != id);
            mine = true;
        }
        if mine {
            self.id = None;
            return Poll::Ready(Held { toy, weight });
        }
        let ticket = state
            .queue
            .iter_mut()
            .find(|ticket| ticket.id == id)
            .unwrap();
        let old = match toy.mistake {
            Mistake::KeepsOldWaker if ticket.waker.is_some() => None,
            _ => ticket.waker.replace(cx.waker().clone()),
        };
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let mut state = self.toy.state.borrow_mut();
        let granted = state.granted.len();
        state.granted.retain(|other| *other != id);
        if state.granted.len() != granted {
            drop(state);
            if self.toy.mistake != Mistake::DropsWakeOnCancel {
                self.toy.give_back(self.weight);
            }
            return;
        }
        if self.toy.mistake == Mistake::LeaksWaker {
            // Its place is gone, its waker is not.
            let ticket = state
                .queue
                .iter_mut()
                .find(|ticket| ticket.id == id)
                .unwrap();
            mem::forget(ticket.waker.take());
        }
        let queue = mem::take(&mut state.queue);
        state.queue = queue.into_iter().filter(|ticket| ticket.id != id).collect();
        drop(state);
        self.toy.serve(); // the next may ask for less
    }
}

/// `MISTAKE` is one of [`MISTAKES`]; `MERGE`: it gives a fingerprint.
pub(crate) struct ToyMutex<const MISTAKE: usize, const MERGE: bool = false>(Toy);

pub(crate) const MISTAKES: [Mistake; 8] = [
    Mistake::None,
    Mistake::DropsWakeOnCancel,
    Mistake::Lifo,
    Mistake::LeaksWaker,
    Mistake::GrantsTwice,
    Mistake::KeepsOldWaker,
    Mistake::TrustsPolls,
    Mistake::QueuesEarly,
];

impl<const MISTAKE: usize, const MERGE: bool> Lock for ToyMutex<MISTAKE, MERGE> {
    type Guard<'a> = Held<'a>;

    fn new(_: u64) -> Self {
        ToyMutex(Toy::with(1, MISTAKES[MISTAKE]))
    }

    fn lock(&self) -> impl Future<Output = Held<'_>> {
        self.0.wait(1)
    }

    fn try_lock(&self) -> Option<Held<'_>> {
        self.0.take(1)
    }

    fn waiters(&self) -> Option<usize> {
        Some(self.0.queued())
    }

    fn fingerprint(&self) -> Option<u64> {
        MERGE.then(|| self.0.fingerprint())
    }
}

/// The same for semaphores.
pub(crate) struct ToySemaphore<const MISTAKE: usize>(Toy);

impl<const MISTAKE: usize> Counting for ToySemaphore<MISTAKE> {
    type Permit<'a> = Held<'a>;

    fn new(permits: usize) -> Self {
        ToySemaphore(Toy::with(permits, MISTAKES[MISTAKE]))
    }

    fn acquire(&self, n: usize) -> impl Future<Output = Result<Held<'_>, Refused>> {
        use futures::FutureExt;
        self.0.wait(n).map(Ok)
    }

    fn try_acquire(&self, n: usize) -> Option<Held<'_>> {
        self.0.take(n)
    }

    fn count(permit: &Held<'_>) -> usize {
        permit.weight
    }

    fn available(&self) -> Option<isize> {
        Some(self.0.state.borrow().free as isize)
    }
}
