//! Many futures in one task, their outputs in order or as they come: a stream.
//!
//! The futures stand in the slots of a ring, each in a box that is made once and used again and again. A
//! new future is polled before anything is done about it: if it is ready and everything before it has been
//! given, it is given at once, and no slot, bell or queue knew of it. A future that waits is polled again
//! when its bell has rung (see `bells`), and no other is.
//!
//! # States of a slot
//!
//! ```text
//!  Empty -> Running -> Done (ordered: waits for those before it) -> Empty
//!               `----> Empty (unordered, or the head of the order)
//! ```
//!
//! # Invariants
//!
//! 1. `running` slots are Running and at most `concurrency`; `taken` slots are not Empty and at most
//!    `window`. An item is taken from the source only if both leave room, so nothing piles up.
//! 2. Ordered: the slots from `head`, `taken` of them, are those that are not Empty, in the order of the source.
//! 3. `Pending` is returned only when the source will wake the task, or has ended, or there is no room, and
//!    then either the bells sleep, or the task was woken for those that rang.
//! 4. In one poll each bell is looked at once. So futures that wake themselves let others run.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::bells::Bells;
use super::order::{AsTheyCome, InOrder, Order};

pin_project! {
    /// A stream of the outputs of futures that run side by side in the task that polls it.
    ///
    /// Made by [`Map`](super::Map); [`Ordered`] and [`Unordered`] are its two forms.
    ///
    /// The futures make progress while the stream is polled, and at no other time. They need not be
    /// `Send`, and may borrow.
    ///
    /// # Cancel safety
    ///
    /// Leaving `next()` loses nothing. Dropping the stream drops all futures.
    ///
    /// # Panics
    ///
    /// The panic of a future, of the function, of the source or of the task's waker goes on to whoever
    /// polls; the stream is then good for nothing but to be dropped, and panics if it is polled.
    #[must_use = "streams do nothing unless polled"]
    pub struct InFlight<St, F, Fut, P>
    where
        Fut: Future,
    {
        // None once it has ended.
        #[pin]
        source: Option<St>,
        map: F,
        ring: Ring<Fut>,
        order: PhantomData<fn() -> P>,
    }
}

/// Outputs in the order of the source.
pub type Ordered<St, F, Fut> = InFlight<St, F, Fut, InOrder>;

/// Outputs as they come.
pub type Unordered<St, F, Fut> = InFlight<St, F, Fut, AsTheyCome>;

struct Ring<Fut: Future> {
    // Made one by one, as they are needed.
    slots: Vec<Slot<Fut>>,
    bells: Arc<Bells>,
    concurrency: usize,
    window: usize,
    running: usize,
    taken: usize,
    // Of the ordered.
    head: usize,
    // Of the unordered.
    empty: Vec<usize>,
    // Foreign code is being called: still so at the next poll if that panicked.
    calling: bool,
}

struct Slot<Fut: Future> {
    waker: Waker,
    // Some while Running, in a box that stays.
    future: Pin<Box<Option<Fut>>>,
    state: State<Fut::Output>,
}

enum State<T> {
    Empty,
    Running,
    Done(T),
}

impl<Fut: Future> Ring<Fut> {
    fn new(concurrency: usize, window: usize) -> Self {
        Self {
            slots: Vec::new(),
            bells: Bells::new(window),
            concurrency,
            window,
            running: 0,
            taken: 0,
            head: 0,
            empty: Vec::new(),
            calling: false,
        }
    }

    fn has_room(&self) -> bool {
        self.running < self.concurrency && self.taken < self.window
    }

    /// The slot for the next item of the source.
    #[inline]
    fn next_slot<P: Order>(&mut self) -> usize {
        if !P::ORDERED {
            return self.empty.pop().unwrap_or(self.slots.len());
        }
        let at = self.head + self.taken;
        if at < self.window {
            at
        } else {
            at - self.window
        }
    }

    /// Polls a new future. Its output if it may be given at once.
    #[inline]
    fn start<P: Order>(&mut self, future: Fut) -> Option<Fut::Output> {
        let at = self.next_slot::<P>();
        if at == self.slots.len() {
            self.slots.push(Slot {
                waker: self.bells.waker(at),
                future: Box::pin(None),
                state: State::Empty,
            });
        }
        let slot = &mut self.slots[at];
        slot.future.set(Some(future));
        match slot.poll() {
            Poll::Pending => {
                slot.state = State::Running;
                self.running += 1;
            }
            Poll::Ready(output) if P::ORDERED && self.taken > 0 => slot.state = State::Done(output),
            Poll::Ready(output) => {
                if !P::ORDERED {
                    self.empty.push(at);
                }
                return Some(output);
            }
        }
        self.taken += 1;
        None
    }

    /// Polls those whose bells have rung. The first output that may be given at once ends it.
    fn answer<P: Order>(&mut self) -> Option<Fut::Output> {
        let mut given = None;
        let (slots, running, head) = (&mut self.slots, &mut self.running, self.head);
        let mut freed = None;
        self.bells.look(|at| {
            // A bell is older than its slot's future, or than its slot's emptiness.
            let Some(slot) = slots.get_mut(at) else {
                return true;
            };
            if !matches!(slot.state, State::Running) {
                return true;
            }
            let Poll::Ready(output) = slot.poll() else {
                return true;
            };
            *running -= 1;
            if P::ORDERED && at != head {
                slot.state = State::Done(output);
                return true;
            }
            slot.state = State::Empty;
            freed = Some(at);
            given = Some(output);
            false
        });
        if let Some(at) = freed {
            self.taken -= 1;
            if P::ORDERED {
                self.advance();
            } else {
                self.empty.push(at);
            }
        }
        given
    }

    #[inline]
    fn advance(&mut self) {
        self.head += 1;
        if self.head == self.window {
            self.head = 0;
        }
    }

    /// The first in the order, if it is done.
    #[inline]
    fn pop(&mut self) -> Option<Fut::Output> {
        let slot = self.slots.get_mut(self.head)?;
        let State::Done(output) = mem::replace(&mut slot.state, State::Empty) else {
            unreachable!("looked at before");
        };
        self.taken -= 1;
        self.advance();
        Some(output)
    }

    #[inline]
    fn head_is_done(&self) -> bool {
        self.taken > 0 && matches!(self.slots[self.head].state, State::Done(_))
    }
}

impl<Fut: Future> Slot<Fut> {
    /// Polls the future, and drops it if it is ready.
    #[inline]
    fn poll(&mut self) -> Poll<Fut::Output> {
        let future = self.future.as_mut().as_pin_mut();
        let future = future.expect("a slot is polled while it has a future");
        let polled = future.poll(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.future.set(None);
        }
        polled
    }
}

impl<St, F, Fut, P> InFlight<St, F, Fut, P>
where
    St: Stream,
    F: FnMut(St::Item) -> Fut,
    Fut: Future,
    P: Order,
{
    pub(super) fn new(source: St, map: F, concurrency: usize, window: usize) -> Self {
        Self {
            source: Some(source),
            map,
            ring: Ring::new(concurrency, window.max(concurrency)),
            order: PhantomData,
        }
    }
}

impl<St, F, Fut: Future, P> InFlight<St, F, Fut, P> {
    /// The number of futures that have been started and have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.ring.running
    }

    /// The number of items that were taken from the source and whose outputs were not given yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.ring.taken
    }
}

impl<St, F, Fut, P> InFlight<St, F, Fut, P>
where
    St: Stream,
    F: FnMut(St::Item) -> Fut,
    Fut: Future,
    P: Order,
{
    /// Starts futures while there is room for them. The first output that may be given ends it.
    #[inline]
    fn fill(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Option<Fut::Output> {
        let mut this = self.as_mut().project();
        while this.ring.has_room() {
            let source = this.source.as_mut().as_pin_mut()?;
            match source.poll_next(cx) {
                Poll::Pending => return None,
                Poll::Ready(None) => {
                    this.source.set(None);
                    return None;
                }
                Poll::Ready(Some(item)) => {
                    let output = this.ring.start::<P>((this.map)(item));
                    if output.is_some() {
                        return output;
                    }
                }
            }
        }
        None
    }

    #[inline]
    fn poll_output(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        let ring = self.as_mut().project().ring;
        // What is there goes first; then its place is filled, so that as many run as may.
        if P::ORDERED && ring.head_is_done() {
            let output = ring.pop();
            if ring.taken > 0 {
                let next = self.fill(cx);
                debug_assert!(next.is_none(), "it would be out of turn");
            }
            return Poll::Ready(output);
        }
        if ring.taken > 0
            && ring.bells.rung()
            && let Some(output) = ring.answer::<P>()
        {
            return Poll::Ready(Some(output));
        }
        if let Some(output) = self.as_mut().fill(cx) {
            return Poll::Ready(Some(output));
        }
        let this = self.project();
        if this.ring.taken == 0 {
            return if this.source.is_none() {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        if !this.ring.bells.sleep(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<St, F, Fut, P> Stream for InFlight<St, F, Fut, P>
where
    St: Stream,
    F: FnMut(St::Item) -> Fut,
    Fut: Future,
    P: Order,
{
    type Item = Fut::Output;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        let calling = &mut self.as_mut().project().ring.calling;
        assert!(
            !mem::replace(calling, true),
            "a stream of futures was polled after one of them had panicked"
        );
        let polled = self.as_mut().poll_output(cx);
        self.project().ring.calling = false;
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.as_ref().map_or((0, Some(0)), Stream::size_hint);
        let taken = self.ring.taken;
        (
            least.saturating_add(taken),
            most.and_then(|most| most.checked_add(taken)),
        )
    }
}

impl<St, F, Fut: Future, P: Order> fmt::Debug for InFlight<St, F, Fut, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight")
            .field("ordered", &P::ORDERED)
            .field("running", &self.ring.running)
            .field("in_flight", &self.ring.taken)
            .finish_non_exhaustive()
    }
}
