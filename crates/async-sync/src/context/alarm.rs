//! A future whose end cancels a node: the sleep of a deadline, the cancellation of a foreign token.
//!
//! No task polls it. It is polled once when it is set, and then by its own waker: so by whoever wakes
//! it, the thread of the runtime's timer as a rule, which then cancels the node and calls those who
//! wait for it. A context with a deadline costs a timer's entry, and neither a task nor a timer for
//! each that waits.
//!
//! # States
//!
//! ```text
//! turn   IDLE -> POLLING -> IDLE        whoever wakes it polls it
//!                POLLING -> AGAIN -> POLLING   it was woken meanwhile: once more
//! slot   Set -> Away -> Set             the future, while nobody polls it; it is polled without a lock
//!        any -> Disarmed                the node was cancelled or dropped
//! ```
//!
//! The timer keeps the waker, the waker the alarm, the alarm the future, and that its place in the
//! timer: a circle, which disarming breaks.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use sync_core::atomic::{AtomicU8, Mutex, Ordering};

use super::cause::Cause;
use super::node::Node;
use super::walk;

const IDLE: u8 = 0;
const POLLING: u8 = 1;
const AGAIN: u8 = 2;

type Ends = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) struct Alarm {
    turn: AtomicU8,
    slot: Mutex<Slot>,
    node: Weak<Node>,
    cause: Cause,
}

enum Slot {
    Set(Ends),
    Away,
    Disarmed,
}

/// The end of a future that panicked instead, such as a sleep whose runtime has gone.
#[derive(Debug)]
struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the timer of a context has failed")
    }
}

impl std::error::Error for Failed {}

#[cfg_attr(
    not(any(feature = "runtime", feature = "tokio-util", all(loom, test))),
    allow(dead_code, reason = "without these features, nothing sets an alarm")
)]
impl Alarm {
    /// Cancels `node` with `cause` when `future` ends.
    pub(super) fn set(node: &Arc<Node>, cause: Cause, future: Ends) {
        let alarm = Arc::new(Alarm {
            turn: AtomicU8::new(IDLE),
            slot: Mutex::new(Slot::Set(future)),
            node: Arc::downgrade(node),
            cause,
        });
        {
            let mut inner = node.lock();
            if !node.raw.state().is_cancelled() {
                inner.alarm = Some(Arc::clone(&alarm));
            }
            // Otherwise nobody would disarm it; and nobody polls it, so it goes away here.
            else {
                drop(inner);
                return;
            }
        }
        alarm.ring();
    }
}

impl Alarm {
    fn change(&self, slot: Slot) -> Slot {
        let mut place = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*place, &slot) {
            // What is put back after that is for the caller to drop.
            (Slot::Disarmed, _) => slot,
            _ => mem::replace(&mut *place, slot),
        }
    }

    /// It is not needed any more: drops the future.
    pub(super) fn disarm(&self) {
        drop(self.change(Slot::Disarmed));
    }

    /// The future has been woken, or is to be polled for the first time.
    fn ring(self: &Arc<Self>) {
        // AcqRel, here and below: what was done before the wake-up is seen by the poll that follows,
        // whoever makes it.
        let turn = self
            .turn
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |turn| match turn {
                IDLE => Some(POLLING),
                POLLING => Some(AGAIN),
                _ => None,
            });
        if turn != Ok(IDLE) {
            return;
        }
        let waker = Waker::from(Arc::clone(self));
        // The slot is Disarmed, or we have the turn and it is Set.
        while let Slot::Set(mut future) = self.change(Slot::Away) {
            let mut cx = TaskContext::from_waker(&waker);
            let poll = || future.as_mut().poll(&mut cx);
            let cause = match catch_unwind(AssertUnwindSafe(poll)) {
                Ok(Poll::Ready(())) => self.cause.clone(),
                Ok(Poll::Pending) => {
                    drop(self.change(Slot::Set(future)));
                    let idle = self.turn.compare_exchange(
                        POLLING,
                        IDLE,
                        Ordering::AcqRel,
                        Ordering::Acquire,
                    );
                    if idle.is_ok() {
                        return;
                    }
                    // Only this thread has the turn.
                    self.turn.store(POLLING, Ordering::Relaxed);
                    continue;
                }
                Err(_) => Cause::custom(Failed),
            };
            // The turn is never given back: it is over.
            let end = || {
                drop(future);
                if let Some(node) = self.node.upgrade() {
                    walk::cancel(&node, &cause).quietly();
                }
            };
            // Nobody here has asked for what they do, and this is a thread of the timer.
            let _ = catch_unwind(AssertUnwindSafe(end));
            return;
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
