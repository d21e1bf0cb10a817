//! Running something in a slot: see `limiter/mod.rs`.

use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use async_sync::Semaphore;
use async_sync::semaphore::{AcquireOwned, OwnedPermit};
use pin_project_lite::pin_project;

use super::Limiter;
use super::nest::Place;

/// What a future in a slot has: the permit, unless it is lent; the number of those who lend; and its place
/// among the parts of one future, if it is one or has some.
#[derive(Default)]
pub(super) struct Slot {
    // Of a part: only while it is polled, and in its place between.
    pub(super) permit: Option<OwnedPermit>,
    // Made by the first who lends.
    pub(super) lenders: Option<Lenders>,
    // Made when it is found to be a part, or to have one.
    place: Option<Place>,
}

pub(super) type Lenders = Arc<AtomicUsize>;

impl Slot {
    pub(super) fn is_lent(&self) -> bool {
        // Relaxed, here and elsewhere: whoever changes it is polled by who reads it, or wakes it.
        let lenders = self.lenders.as_ref();
        lenders.is_some_and(|lenders| lenders.load(Ordering::Relaxed) > 0)
    }

    /// Whether it is needed and not here: it has not begun, or was lent and is not any more, or what it is a part of
    /// has taken it.
    pub(super) fn is_missed(&self) -> bool {
        self.permit.is_none() && !self.is_lent()
    }

    fn is_inside(&self) -> bool {
        self.permit.is_some() || self.place.as_ref().is_some_and(Place::has_left)
    }

    /// Finds out of what this is a part, and takes the permit that was left there.
    fn settle(&mut self, limiter: &Limiter) {
        // A place in what is around it, unless it has that already.
        let within = |whole: &mut Slot| {
            let whole = whole.place.get_or_insert_with(Place::root);
            let place = self.place.as_ref();
            (!place.is_some_and(|place| place.is_within(whole))).then(|| whole.within())
        };
        match with_slot(limiter, within) {
            Some(Some(place)) => {
                self.leave();
                self.place = Some(place);
            }
            None if self.part().is_some() => self.leave(),
            _ => {}
        }
        if let Some(place) = self.part()
            && let Some(permit) = place.take()
        {
            self.permit = Some(permit);
        }
    }

    /// Its place, if it is a part of something.
    fn part(&self) -> Option<&Place> {
        self.place.as_ref().filter(|place| !place.is_root())
    }

    /// Gives its place up, and has what it left there.
    fn leave(&mut self) {
        if let Some(place) = self.place.take()
            && let Some(permit) = place.leave()
        {
            self.permit = Some(permit);
        }
    }
}

struct Entered {
    limiter: *const Semaphore,
    slot: Slot,
}

thread_local! {
    /// The slots of the futures that are being polled, the innermost last.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// Takes the slot off the stack again. If the poll panics, which is how a future may end as well, the slot is
/// given back, though the future be kept.
struct Entry<'a> {
    held: &'a mut Held,
    // There is no stack any more when the thread ends, and drops what it has.
    stacked: bool,
    panics: bool,
}

impl<'a> Entry<'a> {
    fn new(held: &'a mut Held) -> Self {
        let entered = Entered {
            limiter: held.limiter.id(),
            slot: mem::take(&mut held.slot),
        };
        let mut entered = Some(entered);
        let _ = ENTERED.try_with(|stack| stack.borrow_mut().extend(entered.take()));
        let stacked = entered.is_none();
        if let Some(entered) = entered {
            held.slot = entered.slot;
        }
        Self {
            held,
            stacked,
            panics: true,
        }
    }

    fn leave(mut self) {
        self.panics = false;
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.stacked
            && let Ok(Some(entered)) = ENTERED.try_with(|stack| stack.borrow_mut().pop())
        {
            self.held.slot = entered.slot;
        }
        if self.panics {
            self.held.give_back();
        }
    }
}

/// Looks at the innermost slot of this limiter in which something is being polled.
pub(super) fn with_slot<T>(limiter: &Limiter, look: impl FnOnce(&mut Slot) -> T) -> Option<T> {
    let look = |stack: &RefCell<Vec<Entered>>| {
        let mut stack = stack.borrow_mut();
        let mut inner = stack.iter_mut().rev();
        let entered = inner.find(|entered| entered.limiter == limiter.id())?;
        Some(look(&mut entered.slot))
    };
    // Not there any more: the thread ends, and drops what it has.
    ENTERED.try_with(look).ok()?
}

/// The slot of a future, given back when the future has ended, or is gone.
struct Held {
    limiter: Limiter,
    slot: Slot,
}

impl Held {
    /// To what the future is a part of, if that has lent its own, else to the queue.
    fn give_back(&mut self) {
        self.slot.leave();
        let mut permit = self.slot.permit.take();
        if permit.is_some() {
            with_slot(&self.limiter, |outer| {
                if outer.permit.is_none() {
                    outer.permit = permit.take();
                }
            });
        }
        drop(permit);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back();
    }
}

pin_project! {
    /// A future that runs in a slot. Made by [`Limiter::run`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InSlot<F> {
        // Dropped first: the slot is free when it is gone.
        #[pin]
        future: F,
        #[pin]
        acquire: Option<AcquireOwned>,
        held: Held,
        ended: bool,
    }
}

impl<F> InSlot<F> {
    pub(super) fn new(limiter: Limiter, future: F) -> Self {
        InSlot {
            future,
            acquire: None,
            held: Held {
                limiter,
                slot: Slot::default(),
            },
            ended: false,
        }
    }
}

/// Asks the limiter for a slot.
fn poll_acquire(
    limiter: &Limiter,
    mut acquire: Pin<&mut Option<AcquireOwned>>,
    cx: &mut Context<'_>,
) -> Poll<OwnedPermit> {
    if acquire.is_none() {
        let slots = Arc::clone(&limiter.slots);
        acquire.set(Some(slots.acquire_owned()));
    }
    let polled = acquire.as_mut().as_pin_mut().expect("made above").poll(cx);
    let permit = ready!(polled);
    acquire.set(None);
    // It is never closed, and never has less than one.
    Poll::Ready(permit.expect("a limiter has slots"))
}

/// A slot for a part, if nobody waits for one: it need not wait for its root, which may be blocked on it.
fn free(limiter: &Limiter, place: &Place) -> Option<OwnedPermit> {
    let slots = place.is_first().then(|| Arc::clone(&limiter.slots))?;
    slots.try_acquire_owned().ok()
}

/// Calls parts of a root that have asked, and asks the limiter for them.
fn serve(
    limiter: &Limiter,
    place: &Place,
    mut acquire: Pin<&mut Option<AcquireOwned>>,
    cx: &mut Context<'_>,
) {
    // Who is called may be of those that nobody polls, whose wake-ups need not come to the root: it looks again itself.
    let mut looks_again = place.call_more();
    while place.is_asked() {
        let Poll::Ready(permit) = poll_acquire(limiter, acquire.as_mut(), cx) else {
            break;
        };
        place.serve(permit);
        looks_again = true;
    }
    if !place.is_asked() {
        acquire.set(None);
    }
    if looks_again {
        cx.waker().wake_by_ref();
    }
}

impl<F: Future> Future for InSlot<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        assert!(!*this.ended, "InSlot polled after completion");
        loop {
            let Held { limiter, slot } = &mut *this.held;
            slot.settle(limiter);
            if slot.part().is_some() {
                // Of the time when it was no part.
                this.acquire.set(None);
            }
            if slot.is_missed() {
                slot.permit = slot.place.as_ref().and_then(Place::rob);
            }
            if slot.is_missed() {
                let permit = if let Some(place) = slot.part() {
                    let Some(permit) = free(limiter, place) else {
                        place.ask(cx.waker());
                        return Poll::Pending;
                    };
                    permit
                } else {
                    ready!(poll_acquire(limiter, this.acquire.as_mut(), cx))
                };
                slot.permit = Some(permit);
            }
            let entry = Entry::new(this.held);
            let polled = this.future.as_mut().poll(cx);
            entry.leave();
            if polled.is_ready() {
                *this.ended = true;
                this.acquire.set(None);
                this.held.give_back();
                return polled;
            }
            let Held { limiter, slot } = &mut *this.held;
            if slot.is_missed() {
                // Who lent has what it waited for, and wants the slot back.
                continue;
            }
            match &slot.place {
                _ if slot.is_lent() => slot.permit = None,
                Some(place) if !place.is_root() => {
                    // Where those can take it of which this is a part.
                    if let Some(permit) = slot.permit.take() {
                        place.put(permit);
                    }
                }
                _ => {}
            }
            if let Some(place) = &slot.place
                && place.is_root()
            {
                serve(limiter, place, this.acquire.as_mut(), cx);
            }
            return Poll::Pending;
        }
    }
}

impl<F> fmt::Debug for InSlot<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InSlot")
            .field("inside", &self.held.slot.is_inside())
            .finish_non_exhaustive()
    }
}
