//! Intrusive queues of waiting futures, and the wait protocol.
//!
//! # The wait protocol
//!
//! Every primitive obeys these rules. Most are kept by this module, so that a primitive only has to
//! decide, in its [`Protocol`] implementation, who gets what.
//!
//! 1. A waiter is `Idle -> Queued -> Notified | Granted -> over`, or `Revoked -> Queued`.
//!    *Notified*: try again. *Granted*: the resource is yours. Both are **batons**: they oblige
//!    their holder, and only one future has each. *Settled* is a verdict that concerns its waiter
//!    alone (a round is over, the semaphore was closed) and obliges to nothing.
//! 2. No waker is called, cloned or dropped while a queue is locked. A waker may re-enter any
//!    operation of the same object, and may panic: nothing is lost, deadlocked or poisoned.
//! 3. Nothing allocates. The node lives in the pinned future, wakers to be called lie on the stack.
//! 4. Dropping a future at any moment is safe. A waiter that holds a baton and is dropped passes it
//!    on.
//! 5. A future that was never polled has no effect. One that is polled after completion panics.
//!    Spurious polls, and a waker that changes between polls, are normal.
//! 6. A baton that lies with a future which nobody polls does not freeze the others (Oxide's RFD 609
//!    calls that futurelock):
//!    * another waiter of the *same task* that is polled takes it over, at the third look: by then the
//!      task has polled all that it polls, and the baton's holder was not among it;
//!    * any later operation that meets a baton which has been unclaimed for more than a millisecond
//!      revokes it and passes it on (longer where that has proved too short, see `list`);
//!    * a waiter whose baton was taken is *Revoked*: out of the queue, at nobody's expense, until
//!      it is polled. Then it takes over a baton that is still unclaimed (it runs, that one's
//!      holder does not), or returns to the front, behind those who were given theirs before it.
//!
//!    The last point keeps a program alive whose tasks all wait for a thread longer than a
//!    millisecond: without it, batons could go round for ever.
//! 7. Orderings are the weakest that the model checker accepts. Nothing spins on time.
//! 8. A queue is locked for a bounded, tiny number of instructions; wake-ups happen after that, in
//!    batches of [`WakeBatch::CAPACITY`].
//!
//! # Who may touch what
//!
//! What the future alone knows (not polled yet, waiting, holding what it waited for, over) is a plain
//! byte of its own. The fields of its node are made when it first queues.
//!
//! A node whose future waits is *linked* in the phases Queued, Notified and Granted. While it is
//! linked, its fields belong to whoever holds the queue's lock; otherwise to its future. The phase
//! itself is atomic: it is written under the lock whenever the node is linked before or after, and a
//! future that reads an unlinked phase (Acquire) owns its node again (the writer's Release came
//! last).
//!
//! # Parts
//!
//! [`Waiter`] is the node, [`WaitList`] the queue, [`Locked`] the queue while it is locked,
//! [`Waiting`] the future that owns a node and drives a [`Protocol`].
//!
//! Those who first wait to be called, and then for a lock, wait in a [`Lobby`]: see `lobby`, which
//! has the phases of that part, and [`Moving`], the future that goes from a lobby into the queue of a
//! [`Home`].

mod batch;
#[cfg(all(test, not(shuttle)))]
mod bell;
mod guest;
mod list;
mod lobby;
mod lock;
#[cfg(all(test, loom))]
mod loom;
mod moving;
mod node;
mod slot;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
mod unwind;
mod waiting;

pub use batch::WakeBatch;
pub use guest::Owed;
pub use list::{Brief, Front, Locked, Patience, WaitList};
pub use lobby::Lobby;
pub use moving::{Calling, Home, Moving};
pub use node::{Phase, Waiter};
pub use slot::{Kind, Mark, Slot};
pub use unwind::OnUnwind;
pub use waiting::{Contains, Driver, Left, Protocol, Refused, Turn, Verdict, Waiting};
