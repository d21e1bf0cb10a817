//! What the tasks of a spawned map and the stream that they work for share, and the life of such a task.
//!
//! The stream puts items in and takes outputs out; the tasks do the opposite. Both do it by the
//! handful under one lock, so a lock is paid for by many items where they are quick, and nothing is spawned
//! for an item.
//!
//! # The life of a task
//!
//! ```text
//!  take a batch ---> item after item ---> hand in ---> take a batch ...  (none: idle; none and closed: ends)
//!                         |
//!                         '- one waits, or the batch takes long: hand in, give the rest back
//! ```
//!
//! A batch is one item at first, and twice as many after each that was quick. So an item that waits
//! keeps nobody behind it waiting, and one that computes keeps back half a batch at most.
//!
//! # Invariants
//!
//! 1. No foreign code (items, outputs, wakers) runs under the lock, nor is any dropped there.
//! 2. Items that are there and an idle task do not stay together: whoever puts items in, and whoever leaves
//!    some there, wakes one.
//! 3. Whoever makes an output ready to be given wakes the stream, if it sleeps; and so does who gives items back for
//!    which nobody is idle, while there may be more tasks: only the stream spawns them.
//! 4. A task that ends without having been told to leaves word: its panic, or that it is lost.

use std::any::Any;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt as _;
use sync_core::clock;

use super::order::Order;
use crate::yield_now::yield_now;

/// The most items of a batch.
const MOST: usize = 64;

/// A batch that takes longer than this is too big, in ticks of the clock: 50 us.
const LONG: u32 = clock::MILLI / 20;

pub(super) struct Crew<I, O> {
    state: Mutex<State<I, O>>,
}

struct State<I, O> {
    // With their places in the order.
    inputs: VecDeque<(u64, I)>,
    // Ordered: those from `given` on, where they are there. Unordered: as they came.
    outputs: VecDeque<Option<O>>,
    given: u64,
    stream: Option<Waker>,
    idle: Vec<(usize, Waker)>,
    // There may be more tasks.
    hires: bool,
    // And there should be.
    short: bool,
    closed: bool,
    panic: Option<Box<dyn Any + Send>>,
}

/// What a task holds between two visits.
struct Shift<I, O> {
    batch: VecDeque<(u64, I)>,
    done: Vec<(u64, O)>,
}

/// What is left of a crew that was closed. It is foreign code, which may panic: so first the tasks are
/// aborted, if they are to be, and then it is let go of.
pub(super) struct Closed<I, O> {
    idle: Vec<(usize, Waker)>,
    _inputs: VecDeque<(u64, I)>,
    _outputs: VecDeque<Option<O>>,
    _stream: Option<Waker>,
}

impl<I, O> Closed<I, O> {
    /// Calls those who are idle, so that they end.
    pub(super) fn call(self) {
        for (_, waker) in self.idle {
            waker.wake();
        }
    }
}

/// Those to wake when the lock is free.
#[derive(Default)]
struct Calls {
    stream: Option<Waker>,
    idle: Option<Waker>,
}

impl Calls {
    fn make(self) {
        // The stream's is the user's, who may panic: last.
        for waker in [self.idle, self.stream].into_iter().flatten() {
            waker.wake();
        }
    }
}

impl<I, O> State<I, O> {
    fn has_output(&self) -> bool {
        matches!(self.outputs.front(), Some(Some(_)))
    }

    fn enter<P: Order>(&mut self, done: &mut Vec<(u64, O)>) {
        for (place, output) in done.drain(..) {
            if !P::ORDERED {
                self.outputs.push_back(Some(output));
                continue;
            }
            // Within the window, so it is a small number.
            let at = (place - self.given) as usize;
            if at == self.outputs.len() {
                self.outputs.push_back(Some(output));
                continue;
            }
            if at > self.outputs.len() {
                self.outputs.resize_with(at + 1, || None);
            }
            self.outputs[at] = Some(output);
        }
    }

    /// Whether there is something for the stream to do.
    fn is_news(&self) -> bool {
        self.has_output() || self.panic.is_some() || self.short
    }

    fn calls(&mut self) -> Calls {
        let stream = if self.is_news() {
            self.stream.take()
        } else {
            None
        };
        let idle = if self.inputs.is_empty() {
            None
        } else {
            self.idle.pop().map(|(_, waker)| waker)
        };
        Calls { stream, idle }
    }

    /// Everything that can be given now.
    fn collect(&mut self, outputs: &mut VecDeque<O>) {
        while self.has_output() {
            outputs.extend(self.outputs.pop_front().flatten());
            self.given += 1;
        }
    }
}

impl<I, O> Crew<I, O> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                inputs: VecDeque::new(),
                outputs: VecDeque::new(),
                given: 0,
                stream: None,
                idle: Vec::new(),
                hires: true,
                short: false,
                closed: false,
                panic: None,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<I, O>> {
        // Nothing foreign runs under the lock, so a poisoned one is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the stream, that says whether it may hire: puts items in and takes out what can be given. The
    /// number of tasks that are missing to look after the items, or the panic of one.
    pub(super) fn exchange(
        &self,
        items: &mut VecDeque<(u64, I)>,
        outputs: &mut VecDeque<O>,
        hires: bool,
    ) -> Result<usize, Box<dyn Any + Send>> {
        let mut state = self.lock();
        state.hires = hires;
        state.short = false;
        state.inputs.append(items);
        state.collect(outputs);
        if let Some(panic) = state.panic.take() {
            return Err(panic);
        }
        // Who is called calls the next.
        let missing = state.inputs.len().saturating_sub(state.idle.len());
        let calls = state.calls();
        drop(state);
        calls.make();
        Ok(missing)
    }

    /// For the stream: leaves its waker, unless there is something for it now.
    pub(super) fn poll_change(&self, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if state.is_news() {
            drop(state);
            return Poll::Ready(());
        }
        let old = state.stream.replace(waker);
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Tells the tasks to end, and takes out what nobody wants any more.
    #[must_use = "the tasks have to be called"]
    pub(super) fn close(&self) -> Closed<I, O> {
        let mut state = self.lock();
        state.closed = true;
        Closed {
            idle: mem::take(&mut state.idle),
            _inputs: mem::take(&mut state.inputs),
            _outputs: mem::take(&mut state.outputs),
            _stream: state.stream.take(),
        }
    }

    fn fail(&self, panic: Box<dyn Any + Send>) {
        let mut state = self.lock();
        let unwanted = if state.closed || state.panic.is_some() {
            Some(panic)
        } else {
            state.panic.replace(panic)
        };
        let calls = state.calls();
        drop(state);
        drop(unwanted);
        calls.make();
    }

    /// For a task: hands in what it has done and takes a batch. False if it shall end.
    fn poll_batch<P: Order>(
        &self,
        id: usize,
        shift: &mut Shift<I, O>,
        appetite: usize,
        cx: &Context<'_>,
    ) -> Poll<bool> {
        let mut waker = None;
        loop {
            let mut state = self.lock();
            state.enter::<P>(&mut shift.done);
            let closed = state.closed;
            let n = appetite.min(state.inputs.len());
            shift.batch.extend(state.inputs.drain(..n));
            let calls = state.calls();
            let sleeps = n == 0 && !closed;
            let registered = sleeps && waker.is_some();
            let mut old = None;
            if registered {
                let known = state.idle.iter().position(|(idle, _)| *idle == id);
                old = known.map(|at| state.idle.swap_remove(at));
                state.idle.extend(waker.take().map(|waker| (id, waker)));
            }
            drop(state);
            drop(old);
            calls.make();
            if n > 0 || closed {
                return Poll::Ready(!closed);
            }
            if registered {
                return Poll::Pending;
            }
            // It is foreign code, so not under the lock; and not needed by those that find a batch.
            waker = Some(cx.waker().clone());
        }
    }

    /// For a task that will be a while: hands in what it has done, and gives back what it has not begun.
    fn hand_back<P: Order>(&self, shift: &mut Shift<I, O>) {
        if shift.batch.is_empty() && shift.done.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.enter::<P>(&mut shift.done);
        let mut unwanted = VecDeque::new();
        if state.closed {
            mem::swap(&mut unwanted, &mut shift.batch);
        }
        while let Some(item) = shift.batch.pop_back() {
            state.inputs.push_front(item);
        }
        state.short |= state.hires && state.inputs.len() > state.idle.len();
        let calls = state.calls();
        drop(state);
        drop(unwanted);
        calls.make();
    }
}

/// The life of a task, and what becomes of its panic.
pub(super) async fn serve<I, O, F, Fut, P: Order>(crew: Arc<Crew<I, O>>, id: usize, map: F)
where
    F: FnMut(I) -> Fut,
    Fut: Future<Output = O>,
{
    let mut presence = Presence { crew, left: false };
    let life = work::<I, O, F, Fut, P>(&presence.crew, id, map);
    if let Err(panic) = AssertUnwindSafe(life).catch_unwind().await {
        presence.crew.fail(panic);
    }
    presence.left = true;
}

async fn work<I, O, F, Fut, P: Order>(crew: &Crew<I, O>, id: usize, mut map: F)
where
    F: FnMut(I) -> Fut,
    Fut: Future<Output = O>,
{
    let mut shift = Shift {
        batch: VecDeque::new(),
        done: Vec::new(),
    };
    let mut appetite = 1;
    while poll_fn(|cx| crew.poll_batch::<P>(id, &mut shift, appetite, cx)).await {
        let full = shift.batch.len() == MOST;
        let began = clock::now();
        let mut quick = true;
        let mut count = 0_usize;
        while let Some((place, item)) = shift.batch.pop_front() {
            let mut future = pin!(map(item));
            let output = poll_fn(|cx| {
                let polled = future.as_mut().poll(cx);
                if polled.is_pending() && mem::replace(&mut quick, false) {
                    crew.hand_back::<P>(&mut shift);
                }
                polled
            })
            .await;
            shift.done.push((place, output));
            count += 1;
            // Looking at the clock costs as much as a small item.
            if count.is_power_of_two() && clock::is_older(began, clock::now(), LONG) {
                quick = false;
                crew.hand_back::<P>(&mut shift);
            }
        }
        appetite = if quick { (2 * appetite).min(MOST) } else { 1 };
        if full {
            yield_now().await;
        }
    }
}

struct Presence<I, O> {
    crew: Arc<Crew<I, O>>,
    left: bool,
}

impl<I, O> Drop for Presence<I, O> {
    fn drop(&mut self) {
        if !self.left {
            self.crew.fail(Box::new(
                "a task of a concurrent map was dropped by its runtime before it ended",
            ));
        }
    }
}
