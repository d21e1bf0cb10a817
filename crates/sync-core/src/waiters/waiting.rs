//! The future that waits: it owns a node and keeps the wait protocol; a [`Protocol`] decides.
//!
//! ```text
//! poll:  Idle? try_now() -> Ready            one atomic operation, no lock, nothing to undo
//!        clone the waker                     (no lock is held: the clone may do as it likes)
//!        lock the queue
//!          turn() decides: acquired | refused | wait
//!          unlink, or link and keep the waker
//!          pass_on() gives what is free to whoever is first
//!        unlock; call wakers; drop wakers
//! drop:  nothing owed? done
//!        lock; unlink; left() takes back what it held; pass_on(); unlock; call, drop wakers
//! ```
//!
//! Between unlocking and returning, foreign wakers run and may panic. An acquisition is therefore
//! *Held* until they have run: a future that is polled again returns it, one that is dropped gives
//! it back.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::list::{Locked, WaitList};
use super::node::{Phase, Waiter};
use crate::atomic::Ordering;
use crate::{clock, const_fn};

pub use super::list::Turn;

/// How a primitive treats those who wait for it.
///
/// # Safety
///
/// * [`queue`](Self::queue) returns the same queue every time, for as long as `self` exists.
/// * [`turn`](Self::turn) neither [flushes](Locked::flush) the queue nor revokes, settles or gives a
///   baton to the waiter whose turn it is.
/// * `LANES` is at least 1.
pub unsafe trait Protocol<const LANES: usize> {
    /// Whether the time of queueing is wanted: [`Turn::since`] costs a look at the clock.
    const TIMED: bool;

    /// The queue.
    fn queue(&self, _: Driver) -> &WaitList<LANES>;

    /// A newcomer tries without the queue: the uncontended path.
    fn try_now(&self, tag: usize) -> bool;

    /// A waiter is polled: decides what becomes of it, and of nobody else. Runs under the queue's
    /// lock, so it calls nothing foreign, and does not unlock it.
    fn turn(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict;

    /// A waiter went away: takes back what it held. It is out of the queue already, and
    /// [`pass_on`](Self::pass_on) follows.
    fn left(&self, left: Left, tag: usize);

    /// Gives whatever is free to whoever is first, and revokes batons that nobody claims. Called
    /// at the end of everything that happens under the queue's lock, so it must find nothing to do
    /// when there is nothing to do. May [`flush`](Locked::flush).
    fn pass_on(&self, queue: &mut Locked<'_, LANES>);
}

/// A thing that a future can refer to and that has a primitive inside: `Mutex<T>` has a raw mutex.
///
/// # Safety
///
/// [`raw`](Self::raw) returns the same primitive every time, for as long as `self` exists.
pub unsafe trait Contains<const LANES: usize> {
    /// The primitive.
    type Raw: Protocol<LANES>;

    /// The primitive.
    fn raw(&self, _: Driver) -> &Self::Raw;
}

/// What only this module can make: the right to reach the primitive inside of a thing, and its
/// queue. Without it, anybody could unlock a mutex whose guard is out.
#[derive(Clone, Copy, Debug)]
pub struct Driver(());

/// What becomes of a waiter that was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has what it waited for and leaves the queue.
    Acquired,
    /// It will not get it and leaves the queue, with the primitive's own code.
    Refused(u8),
    /// It waits where it is.
    Stay,
    /// It waits at the end of lane 0.
    Back,
    /// It waits at the front of lane 0, in the order of those whose baton was revoked, and behind a
    /// baton that lies there.
    Front,
    /// It would have to wait, but [`Turn::can_wait`] is false.
    Rearm,
}

/// What a waiter was when it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It only waited.
    Queued,
    /// It was told to try, and did not.
    Notified,
    /// It owned what it waited for.
    Acquired,
}

/// The primitive refused, with its own code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub u8);

/// Waits for the primitive that `H` refers to.
///
/// Named futures wrap this one and turn its output into a guard.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Waiting<H, const LANES: usize = 1>
where
    H: Deref<Target: Contains<LANES>>,
{
    waiter: Waiter,
    holder: H,
}

impl<'a, C: Contains<LANES> + ?Sized, const LANES: usize> Waiting<&'a C, LANES> {
    /// Waits for `holder`'s primitive.
    #[inline]
    pub fn borrowed(holder: &'a C, tag: usize) -> Self {
        // SAFETY: a shared reference always refers to the same place.
        unsafe { Waiting::new(holder, tag) }
    }
}

impl<H, const LANES: usize> Waiting<H, LANES>
where
    H: Deref<Target: Contains<LANES>>,
{
    const_fn! {
        /// Waits for `holder`'s primitive.
        ///
        /// # Safety
        ///
        /// `holder` dereferences to the same object as long as it exists.
        #[inline]
        pub const unsafe fn new(holder: H, tag: usize) -> Self {
            Waiting { waiter: Waiter::new(tag), holder }
        }
    }

    /// What the future waits for.
    #[inline]
    pub fn holder(&self) -> &H {
        &self.holder
    }

    /// The same, to be taken out once the future has completed.
    ///
    /// # Safety
    ///
    /// The future has completed, or what it is left with dereferences to the same object.
    #[inline]
    #[must_use]
    pub unsafe fn holder_mut(self: Pin<&mut Self>) -> &mut H {
        // SAFETY: the holder is not structurally pinned, and the node is not moved.
        unsafe { &mut self.get_unchecked_mut().holder }
    }

    /// The number that was given to the constructor, or what the primitive wrote over it.
    ///
    /// Takes the lock if the future is queued.
    #[inline]
    #[must_use]
    pub fn tag(&self) -> usize {
        let _queue = self
            .waiter
            .phase(Ordering::Acquire)
            .is_linked()
            .then(|| self.queue().lock());
        // SAFETY: the lock is held if the node is linked. If it was not a moment ago, it still is
        // not: only a poll links it, and that needs `&mut self`.
        unsafe { self.waiter.read(|fields| fields.tag) }
    }

    /// Whether the future holds a place in the queue, a baton, or an acquisition that it has not
    /// returned yet.
    #[inline]
    #[must_use]
    pub fn is_queued(&self) -> bool {
        let phase = self.waiter.phase(Ordering::Acquire);
        phase.is_linked() || phase == Phase::Held
    }

    fn queue(&self) -> &WaitList<LANES> {
        self.holder.raw(Driver(())).queue(Driver(()))
    }

    /// Polls; the outer future's `poll` is this one and a guard.
    ///
    /// # Errors
    ///
    /// What the primitive refused with.
    ///
    /// # Panics
    ///
    /// If the future has completed already, or if a waker panics that had to be called.
    #[inline]
    pub fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        // From here on only shared references: others may be following links to the node.
        let this = self.into_ref().get_ref();
        let raw = this.holder.raw(Driver(()));
        if this.waiter.is_idle() {
            // SAFETY: an idle node is not linked and belongs to its future.
            let tag = unsafe { this.waiter.read(|fields| fields.tag) };
            if raw.try_now(tag) {
                // Relaxed: nobody else has seen the node.
                this.waiter.set_phase(Phase::Done, Ordering::Relaxed);
                return Poll::Ready(Ok(()));
            }
        }
        poll_slow(raw, &this.waiter, cx.waker())
    }
}

/// Not generic over the holder, so it exists once for each primitive.
#[cold]
#[inline(never)]
fn poll_slow<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
) -> Poll<Result<(), Refused>> {
    // Acquire: if the node has been unlinked, it is ours again.
    let phase = node.phase(Ordering::Acquire);
    if let Some(result) = conclude(node, phase) {
        return Poll::Ready(result);
    }
    // These two hold no waker and will most likely wait.
    let mut spare = matches!(phase, Phase::Idle | Phase::Revoked).then(|| waker.clone());
    let mut counted = false;
    loop {
        let mut queue = raw.queue(Driver(())).lock();
        // Relaxed: whoever changed it held the lock.
        let phase = node.phase(Ordering::Relaxed);
        if let Some(result) = conclude(node, phase) {
            queue.release();
            return Poll::Ready(result);
        }
        // SAFETY: the lock is held.
        let armed = unsafe { node.read(|fields| fields.is_armed_for(waker, phase)) };
        let can_wait = armed || spare.is_some();
        let mut turn = Turn {
            node,
            waker,
            phase,
            can_wait,
            look_again: false,
            _not_send: PhantomData,
        };
        if phase == Phase::Revoked && !counted {
            counted = true;
            queue.more_patience();
        }
        let verdict = raw.turn(&mut queue, &mut turn);
        let look_again = turn.look_again;
        match verdict {
            verdict @ (Verdict::Acquired | Verdict::Refused(_)) => {
                if phase.is_linked() {
                    // SAFETY: the phase says so, and the lock is held.
                    unsafe { queue.unlink(node) };
                }
                // SAFETY: the lock is held, and the phase changes below.
                let (old, given) =
                    unsafe { node.write(|fields| (fields.take_waker(phase), fields.baton)) };
                if phase.is_baton() {
                    queue.claimed(given);
                }
                // Relaxed, here and below: an unlinked node is read by its future only.
                let result = match verdict {
                    Verdict::Refused(code) => {
                        node.set_phase(Phase::Done, Ordering::Relaxed);
                        Err(Refused(code))
                    }
                    _ => {
                        node.set_phase(Phase::Held, Ordering::Relaxed);
                        Ok(())
                    }
                };
                raw.pass_on(&mut queue);
                queue.release();
                drop((old, spare));
                node.set_phase(Phase::Done, Ordering::Relaxed);
                return Poll::Ready(result);
            }
            Verdict::Rearm => {
                debug_assert!(!can_wait);
                raw.pass_on(&mut queue);
                queue.release();
                spare = Some(waker.clone());
            }
            place @ (Verdict::Stay | Verdict::Back | Verdict::Front) => {
                debug_assert!(can_wait);
                let old = spare.take().and_then(|new| {
                    // SAFETY: the lock is held, and the phase becomes Queued below.
                    unsafe { node.write(|fields| fields.put_waker(new, phase)) }
                });
                // A baton becomes a plain waiter: back to the lane where those are.
                let place = if LANES > 1 && phase.is_baton() {
                    Verdict::Front
                } else {
                    place
                };
                if place != Verdict::Stay {
                    if phase.is_linked() {
                        // SAFETY: the phase says so, and the lock is held.
                        unsafe { queue.unlink(node) };
                    } else if P::TIMED && phase == Phase::Idle {
                        let now = clock::now();
                        // SAFETY: the lock is held.
                        unsafe { node.write(|fields| fields.since = now) };
                    }
                    // SAFETY: the node is not linked; it is pinned, as `poll` was given a pinned
                    // reference, and the destructor of `Waiting` unlinks it.
                    unsafe {
                        match place {
                            Verdict::Front => queue.push_revoked(node),
                            _ => queue.push_back(node, 0),
                        }
                    }
                }
                queue.changed(phase);
                // Relaxed: the lock publishes it.
                node.set_phase(Phase::Queued, Ordering::Relaxed);
                raw.pass_on(&mut queue);
                queue.release();
                drop(old);
                if look_again {
                    waker.wake_by_ref();
                }
                return Poll::Pending;
            }
        }
    }
}

/// The end of the story, if the phase is one.
fn conclude(node: &Waiter, phase: Phase) -> Option<Result<(), Refused>> {
    let result = match phase {
        Phase::Held | Phase::Settled(0) => Ok(()),
        Phase::Settled(code) => Err(Refused(code)),
        Phase::Done => panic!("a future was polled after it had completed"),
        Phase::Idle | Phase::Revoked => return None,
        Phase::Queued | Phase::Notified | Phase::Granted => return None,
    };
    // Relaxed: an unlinked node is read by its future only.
    node.set_phase(Phase::Done, Ordering::Relaxed);
    Some(result)
}

#[cold]
#[inline(never)]
fn leave<P: Protocol<LANES>, const LANES: usize>(raw: &P, node: &Waiter) {
    // Acquire: if the node has been unlinked, it is ours again.
    if matches!(
        node.phase(Ordering::Acquire),
        Phase::Revoked | Phase::Settled(_)
    ) {
        return;
    }
    let mut queue = raw.queue(Driver(())).lock();
    // Relaxed: whoever changed it held the lock.
    let phase = node.phase(Ordering::Relaxed);
    let left = match phase {
        Phase::Queued => Left::Queued,
        Phase::Notified => Left::Notified,
        Phase::Granted | Phase::Held => Left::Acquired,
        // Its baton was taken, or its wait ended, while we waited for the lock.
        Phase::Revoked | Phase::Settled(_) | Phase::Idle | Phase::Done => return,
    };
    if phase.is_linked() {
        // SAFETY: the phase says so, and the lock is held.
        unsafe { queue.unlink(node) };
    }
    // SAFETY: the lock is held, and the phase changes below.
    let (waker, tag) = unsafe { node.write(|fields| (fields.take_waker(phase), fields.tag)) };
    // Relaxed: an unlinked node is read by its future only.
    node.set_phase(Phase::Done, Ordering::Relaxed);
    raw.left(left, tag);
    raw.pass_on(&mut queue);
    queue.release();
    drop(waker);
}

impl<H, const LANES: usize> Drop for Waiting<H, LANES>
where
    H: Deref<Target: Contains<LANES>>,
{
    #[inline]
    fn drop(&mut self) {
        if !self.waiter.is_idle_or_done() {
            leave(self.holder.raw(Driver(())), &self.waiter);
        }
    }
}

impl<H, const LANES: usize> fmt::Debug for Waiting<H, LANES>
where
    H: Deref<Target: Contains<LANES>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a snapshot.
        f.debug_struct("Waiting")
            .field("phase", &self.waiter.phase(Ordering::Relaxed))
            .finish()
    }
}
