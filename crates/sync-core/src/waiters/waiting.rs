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
//! `pass_on` is skipped where nothing can have become free that is not somebody else's duty to pass
//! on: a newcomer that queues or is served, and a holder that uses its baton, as long as no other
//! baton is out. (Batons of others have to be looked at: they may be stale.)
//!
//! Between unlocking and returning, foreign wakers run and may panic. An acquisition is therefore
//! *Held* until they have run: a future that is polled again returns it, one that is dropped gives
//! it back.

use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use super::list::{Locked, WaitList};
use super::node::{Fields, Phase, Stage, Waiter};
use super::quiet;
use super::slot::Mark;
use crate::atomic::Ordering;
use crate::{clock, const_fn};

pub use super::list::Turn;

/// How a primitive treats those who wait for it.
///
/// # Safety
///
/// * [`queue`](Self::queue) returns the same queue every time, for as long as `self` exists.
/// * [`arrive`](Self::arrive) and [`turn`](Self::turn) neither [flush](Locked::flush) the queue
///   nor revoke, settle or give a baton to the waiter whose turn it is.
/// * `LANES` is at least 1.
pub unsafe trait Protocol<const LANES: usize> {
    /// Whether the time of queueing is wanted: [`Turn::since`] costs a look at the clock.
    const TIMED: bool;

    /// Whether the leaving of a waiter concerns others wherever it stood: [`pass_on`](Self::pass_on)
    /// follows then, even if it did not stand first.
    const LEAVING_CONCERNS_ALL: bool = false;

    /// Whether the leaving of a waiter whose baton was taken away, and which was not polled since, is told:
    /// [`Left::Revoked`].
    const COUNTS_REVOKED: bool = false;

    /// Whether waiters are settled with success: then a poll looks for that before anything else.
    const SETTLES: bool = false;

    /// Whether newcomers are [announced](Self::announce), and those with a baton
    /// [claim it quietly](Self::claim_quietly), while no other baton is out. The primitive is not `TIMED`,
    /// its newcomers wait in lane 0, and it refuses no holder of a baton.
    const QUIET: bool = false;

    /// Whether each look at the locked queue may concern others, also that of a newcomer and that of a
    /// holder which uses its baton: [`pass_on`](Self::pass_on) always follows then.
    const LOOKING_CONCERNS_ALL: bool = false;

    /// The queue.
    fn queue(&self, _: Driver) -> &WaitList<LANES>;

    /// A newcomer tries without the queue: the uncontended path.
    fn try_now(&self, tag: usize) -> bool;

    /// The lane in which a waiter with this `tag` waits. Smaller than `LANES - 1`, or 0.
    #[inline]
    fn lane(&self, tag: usize) -> usize {
        let _ = tag;
        0
    }

    /// A waiter that was given what it waited for takes it, and leaves the queue. Nothing can keep it
    /// from doing so; a primitive that has to note it does so here.
    #[inline]
    fn claim(&self, queue: &mut Locked<'_, LANES>, turn: &Turn<'_>) {
        let _ = (queue, turn);
    }

    /// A waiter that has the only baton takes what it waited for, and leaves the queue. Nobody gets
    /// anything by that, so [`pass_on`](Self::pass_on) does not follow.
    ///
    /// Runs under the queue's lock, and may touch nothing but the primitive's own fields.
    #[inline]
    fn claim_quietly(&self) {}

    /// A newcomer arrives while no baton is out: as [`arrive`](Self::arrive), which is not asked then.
    /// Returns whether it acquires; else it waits at the end of lane 0. May write another tag.
    ///
    /// Runs under the queue's lock, and may touch nothing but the primitive's own fields.
    #[inline]
    fn announce(&self, tag: &mut usize) -> bool {
        let _ = tag;
        unreachable!("asked of quiet primitives only")
    }

    /// A newcomer that could not be served without the queue arrives. Returns
    /// [`Acquired`](Verdict::Acquired), [`Refused`](Verdict::Refused), [`Back`](Verdict::Back) or, if
    /// it comes before all who wait, [`Front`](Verdict::Front).
    ///
    /// Runs under the queue's lock, so it calls nothing foreign, and does not unlock it.
    fn arrive(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict;

    /// A waiter that has no grant is polled again: decides what becomes of it. One that is Revoked does
    /// not [`Stay`](Verdict::Stay), as it is out of the queue.
    ///
    /// Runs under the queue's lock, as `arrive`.
    fn turn(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict;

    /// A waiter went away: takes back what it held. It is out of the queue already, and
    /// [`pass_on`](Self::pass_on) follows.
    fn left(&self, left: Left, tag: usize);

    /// The same, for a primitive that wrote a pointer on its waiters.
    #[inline]
    fn left_mark(&self, left: Left, mark: *mut ()) {
        self.left(left, mark.addr());
    }

    /// Gives whatever is free to whoever is first, and revokes batons that nobody claims. Called at
    /// the end of what happens under the queue's lock, wherever something may be free or stale, so
    /// it must find nothing to do when there is nothing to do. May [`flush`](Locked::flush).
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

// SAFETY: a primitive is what it contains, always the same.
unsafe impl<R: Protocol<LANES>, const LANES: usize> Contains<LANES> for R {
    type Raw = Self;

    #[inline]
    fn raw(&self, _: Driver) -> &Self {
        self
    }
}

/// What only this module can make: the right to reach the primitive inside of a thing, and its
/// queue. Without it, anybody could unlock a mutex whose guard is out.
#[derive(Clone, Copy, Debug)]
pub struct Driver(pub(super) ());

/// What becomes of a waiter that was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has what it waited for and leaves the queue.
    Acquired,
    /// It will not get it and leaves the queue, with the primitive's own code.
    Refused(u8),
    /// It waits where it is.
    Stay,
    /// It waits at the end of its [lane](Protocol::lane).
    Back,
    /// It waits at the front of its lane, in the order of those whose baton was revoked, and behind a
    /// baton that lies there.
    Front,
    /// It would have to wait, but [`Turn::can_wait`] is false: ask again with a waker at hand.
    Rearm,
}

/// What a waiter was when it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It only waited.
    Queued,
    /// It was told to try, and did not.
    Notified,
    /// Its baton was taken away. Told to those only who [count them](Protocol::COUNTS_REVOKED).
    Revoked,
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
    pub(super) waiter: Waiter,
    pub(super) holder: H,
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
        let _queue = self.is_linked().then(|| self.queue().lock());
        // SAFETY: the lock is held if the node is linked. If it was not a moment ago, it still is
        // not: only a poll links it, and that needs `&mut self`.
        unsafe { self.waiter.tag() }
    }

    /// Whether the future holds a place in the queue, a baton, or an acquisition that it has not
    /// returned yet.
    #[inline]
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.is_linked() || self.waiter.stage() == Stage::Held
    }

    #[inline]
    fn is_linked(&self) -> bool {
        // Acquire: if the node has been unlinked, its fields are ours again.
        self.waiter.stage() == Stage::Waiting && self.waiter.phase(Ordering::Acquire).is_linked()
    }

    fn queue(&self) -> &WaitList<LANES> {
        self.holder.raw(Driver(())).queue(Driver(()))
    }

    /// Polls; the outer future's `poll` is this one and a guard. Returns the tag.
    ///
    /// Always inlined: where the future is made in the same function, an uncontended wait is then a
    /// handful of instructions, and otherwise it would be moved around for longer than it takes.
    ///
    /// # Errors
    ///
    /// What the primitive refused with.
    ///
    /// # Panics
    ///
    /// If the future has completed already, or if a waker panics that had to be called.
    #[inline(always)]
    pub fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<usize, Refused>> {
        // From here on only shared references: others may be following links to the node.
        let this = self.into_ref().get_ref();
        let raw = this.holder.raw(Driver(()));
        if this.waiter.stage() == Stage::Idle {
            // SAFETY: an idle node is not linked and belongs to its future.
            let tag = unsafe { this.waiter.tag() };
            if raw.try_now(tag) {
                this.waiter.set_stage(Stage::Done);
                return Poll::Ready(Ok(tag));
            }
        } else if <C<H, LANES>>::SETTLES && this.waiter.is_settled() {
            this.waiter.set_stage(Stage::Done);
            // SAFETY: a node that is settled is not linked, and belongs to its future.
            return Poll::Ready(Ok(unsafe { this.waiter.tag() }));
        }
        let polled = poll_slow(raw, &this.waiter, cx.waker());
        // SAFETY: a future that is over is not linked, and the caller's.
        polled.map_ok(|()| unsafe { this.waiter.tag() })
    }

    /// Whether the future was not polled yet, or is to wait [again](Self::again): then its outer future
    /// may try without the queue, and say so by [`finish`](Self::finish).
    #[inline]
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiter.stage() == Stage::Idle
    }

    /// Whether the future holds what it waited for, although its poll has not returned it: a waker
    /// panicked in between.
    #[inline]
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.waiter.stage() == Stage::Held
    }

    /// If the future is idle, its outer future tries without the queue. If that comes to something, this
    /// future is over.
    #[inline(always)]
    pub fn attempt<R>(self: Pin<&mut Self>, f: impl FnOnce(&H) -> Option<R>) -> Option<R> {
        let this = self.into_ref().get_ref();
        if this.waiter.stage() != Stage::Idle {
            return None;
        }
        let done = f(&this.holder)?;
        // `f` has the holder only, so the future is still idle.
        this.waiter.set_stage(Stage::Done);
        Some(done)
    }

    /// An idle future is over: its outer future got by another way what it would have waited for.
    ///
    /// # Panics
    ///
    /// If the future is not idle.
    #[inline]
    pub fn finish(self: Pin<&mut Self>) {
        assert!(
            self.is_idle(),
            "a future that waits was declared to be over"
        );
        self.waiter.set_stage(Stage::Done);
    }

    /// A future that has completed may be polled again, as a new one. For outer futures that complete
    /// more than once: streams.
    ///
    /// # Panics
    ///
    /// If the future has not completed.
    #[inline]
    pub fn again(self: Pin<&mut Self>) {
        assert!(
            self.waiter.stage() == Stage::Done,
            "a future that has not completed was asked to start again"
        );
        // SAFETY: a future that is over is not linked, and the caller's.
        unsafe { self.waiter.looks(|looks| *looks = 0) };
        self.waiter.set_stage(Stage::Idle);
    }

    /// Polls, as [`poll`](Self::poll) does, but does not [try](Protocol::try_now) without the queue. If it
    /// is idle, it writes `mark` on the waiter first, and keeps `mine`, a clone of the waker, if there is one.
    ///
    /// # Errors
    ///
    /// What the primitive refused with.
    ///
    /// # Panics
    ///
    /// As [`poll`](Self::poll).
    #[inline]
    pub fn poll_marked(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mark: Mark,
        mine: Option<Waker>,
    ) -> Poll<Result<usize, Refused>> {
        // Only shared references, as in `poll`.
        let this = self.into_ref().get_ref();
        let raw = this.holder.raw(Driver(()));
        let polled = if this.waiter.stage() == Stage::Idle {
            // SAFETY: an idle node is not linked and belongs to its future.
            unsafe { this.waiter.set_mark(mark.as_ptr()) };
            let mine = mine.unwrap_or_else(|| cx.waker().clone());
            arrive_marked(raw, &this.waiter, cx.waker(), mine)
        } else if this.waiter.is_settled() {
            this.waiter.set_stage(Stage::Done);
            Poll::Ready(Ok(()))
        } else {
            poll_marked_again(raw, &this.waiter, cx.waker())
        };
        // SAFETY: a future that is over is not linked, and the caller's.
        polled.map_ok(|()| unsafe { this.waiter.tag() })
    }
}

/// The primitive that `H` refers to.
type C<H, const LANES: usize> = <<H as Deref>::Target as Contains<LANES>>::Raw;

// The functions below are not generic over the holder, so each exists once for each primitive.

#[inline(never)]
pub(super) fn poll_slow<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
) -> Poll<Result<(), Refused>> {
    if !P::QUIET {
        return if node.stage() == Stage::Idle {
            first_poll(raw, node, waker)
        } else {
            poll_again(raw, node, waker)
        };
    }
    // The usual cases, in few registers. What is left to be done is told out of line.
    let rest = if node.stage() == Stage::Idle {
        quiet::announce(raw, node, waker)
    } else {
        quiet::claim(raw, node)
    };
    match rest {
        Ok(polled) => polled.map(Ok),
        Err(rest) => poll_loudly(raw, node, waker, rest),
    }
}

#[inline(never)]
fn arrive_marked<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
    mine: Waker,
) -> Poll<Result<(), Refused>> {
    arrive(raw, node, waker, mine)
}

#[inline(never)]
fn poll_marked_again<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
) -> Poll<Result<(), Refused>> {
    poll_again(raw, node, waker)
}

/// A poll that was begun quietly and is to be finished with all that there is.
#[inline(never)]
fn poll_loudly<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
    mine: Option<Waker>,
) -> Poll<Result<(), Refused>> {
    match mine {
        Some(mine) => arrive(raw, node, waker, mine),
        None => poll_again(raw, node, waker),
    }
}

/// A newcomer that cannot be served at once, or so it seemed: queues.
#[inline]
fn first_poll<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
) -> Poll<Result<(), Refused>> {
    arrive(raw, node, waker, waker.clone())
}

/// A newcomer arrives, with a waker of its own.
#[inline]
fn arrive<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
    mine: Waker,
) -> Poll<Result<(), Refused>> {
    let mut mine = Some(mine);
    let since = if P::TIMED { clock::now() } else { 0 };
    let look_again = {
        let mut queue = raw.queue(Driver(())).lock();
        let mut turn = Turn::new(node, waker, Phase::Idle, true);
        let verdict = raw.arrive(&mut queue, &mut turn);
        if let Verdict::Refused(code) = verdict {
            refuse(node, code);
            node.set_stage(Stage::Waiting);
            if P::LOOKING_CONCERNS_ALL || queue.concerns_batons() {
                raw.pass_on(&mut queue);
            }
            // Foreign code, both.
            drop(queue);
            drop(mine);
            node.set_stage(Stage::Done);
            return Poll::Ready(Err(Refused(code)));
        }
        let look_again = if verdict == Verdict::Acquired {
            node.set_stage(Stage::Held);
            None
        } else {
            debug_assert!(matches!(verdict, Verdict::Back | Verdict::Front));
            // SAFETY: the node is not linked, it has had no waker before, and it is pinned, as
            // `poll` was given a pinned reference; the destructor of `Waiting` unlinks it.
            unsafe {
                let mine = mine.take().expect("cloned above");
                node.init(Fields::new(mine, since));
                let lane = raw.lane(node.tag());
                match verdict {
                    Verdict::Front => queue.push_revoked(node, lane),
                    _ => queue.push_back(node, lane),
                }
            }
            // Relaxed: the lock publishes it.
            node.set_phase(Phase::Queued, Ordering::Relaxed);
            node.set_stage(Stage::Waiting);
            Some(turn.look_again)
        };
        if P::LOOKING_CONCERNS_ALL || queue.concerns_batons() {
            raw.pass_on(&mut queue);
        }
        look_again
    };
    match look_again {
        None => {
            // Foreign code: if it panics, the future still holds what it waited for.
            drop(mine);
            node.set_stage(Stage::Done);
            Poll::Ready(Ok(()))
        }
        Some(look_again) => {
            if look_again {
                waker.wake_by_ref();
            }
            Poll::Pending
        }
    }
}

/// A waiter is polled that has been polled before.
#[inline]
fn poll_again<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    node: &Waiter,
    waker: &Waker,
) -> Poll<Result<(), Refused>> {
    match node.stage() {
        Stage::Done => panic!("a future was polled after it had completed"),
        Stage::Held => {
            node.set_stage(Stage::Done);
            return Poll::Ready(Ok(()));
        }
        _ => {}
    }
    // Acquire: if the node has been unlinked, it is ours again.
    let phase = node.phase(Ordering::Acquire);
    if let Some(result) = conclude(phase) {
        node.set_stage(Stage::Done);
        return Poll::Ready(result);
    }
    let mut wakers = Wakers {
        // A revoked waiter holds none and will most likely wait.
        spare: (phase == Phase::Revoked).then(|| waker.clone()),
        old: None,
    };
    let mut counted = false;
    loop {
        let step = {
            let mut queue = raw.queue(Driver(())).lock();
            // Relaxed: whoever changed it held the lock.
            let phase = node.phase(Ordering::Relaxed);
            if phase == Phase::Revoked && !counted {
                counted = true;
                queue.more_patience();
            }
            match conclude(phase) {
                Some(result) => Step::Over(result),
                None if phase == Phase::Granted => {
                    claim(raw, &mut queue, node, waker);
                    Step::Over(Ok(()))
                }
                None => look(raw, &mut queue, node, waker, phase, &mut wakers),
            }
        };
        match step {
            Step::Over(result) => {
                drop(wakers);
                node.set_stage(Stage::Done);
                return Poll::Ready(result);
            }
            Step::Wait { look_again } => {
                drop(wakers);
                if look_again {
                    waker.wake_by_ref();
                }
                return Poll::Pending;
            }
            Step::Rearm => wakers.spare = Some(waker.clone()),
        }
    }
}

/// The owner of a grant takes it.
#[inline]
fn claim<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    queue: &mut Locked<'_, LANES>,
    node: &Waiter,
    waker: &Waker,
) {
    raw.claim(queue, &Turn::new(node, waker, Phase::Granted, false));
    // SAFETY: a granted node is linked, and the lock is held.
    let given = unsafe {
        queue.unlink(node);
        node.read(|fields| fields.baton)
    };
    queue.claimed(given);
    // Held: wakers that `pass_on` collects are called before the poll returns, and may panic.
    node.set_stage(Stage::Held);
    // A crowd that was let in together looks at the clock at every eighth claim.
    let looks = queue.len() < CROWD || queue.len().is_multiple_of(CROWD);
    if P::LOOKING_CONCERNS_ALL || looks && queue.concerns_batons() {
        raw.pass_on(queue);
    }
}

/// From so many in the queue on, one in so many claims looks whether others are stale.
const CROWD: usize = 8;

/// Wakers that are dropped once the queue is unlocked: a drop is foreign code.
struct Wakers {
    /// A clone, to be kept if the waiter has to wait.
    spare: Option<Waker>,
    /// What the node had before.
    old: Option<Waker>,
}

/// What a look at the locked queue led to.
enum Step {
    Over(Result<(), Refused>),
    Wait { look_again: bool },
    Rearm,
}

/// A waiter in `phase` has its turn.
#[inline]
fn look<P: Protocol<LANES>, const LANES: usize>(
    raw: &P,
    queue: &mut Locked<'_, LANES>,
    node: &Waiter,
    waker: &Waker,
    phase: Phase,
    wakers: &mut Wakers,
) -> Step {
    // SAFETY: the lock is held, and the node has been queued.
    let armed = phase == Phase::Queued && unsafe { node.read(|f| f.is_armed_for(waker, phase)) };
    let shown = if phase == Phase::Unarmed {
        Phase::Queued // to a protocol, the same
    } else {
        phase
    };
    let mut turn = Turn::new(node, waker, shown, armed || wakers.spare.is_some());
    let verdict = raw.turn(queue, &mut turn);
    let look_again = turn.look_again;
    let step = match verdict {
        Verdict::Acquired | Verdict::Refused(_) => {
            if phase.is_linked() {
                // SAFETY: the phase says so, and the lock is held.
                unsafe { queue.unlink(node) };
            }
            // SAFETY: the lock is held, and below the phase changes, or the stage: then nobody asks for the
            // phase again.
            let (old, given) = unsafe { node.write(|f| (f.take_waker(phase), f.baton)) };
            wakers.old = old;
            if phase.is_baton() {
                queue.claimed(given);
            }
            match verdict {
                Verdict::Refused(code) => {
                    refuse(node, code);
                    Step::Over(Err(Refused(code)))
                }
                _ => {
                    node.set_stage(Stage::Held);
                    Step::Over(Ok(()))
                }
            }
        }
        Verdict::Rearm if phase.is_baton() => {
            // It is about to use its baton: nobody shall find that unclaimed.
            return Step::Rearm;
        }
        Verdict::Rearm => Step::Rearm,
        place @ (Verdict::Stay | Verdict::Back | Verdict::Front) => {
            debug_assert!(turn.can_wait);
            if let Some(new) = wakers.spare.take() {
                // SAFETY: the lock is held, and the phase becomes Queued below.
                wakers.old = unsafe { node.write(|fields| fields.put_waker(new, phase)) };
            }
            // A baton becomes a plain waiter: back to where those are.
            let place = if LANES > 1 && phase.is_baton() {
                Verdict::Front
            } else {
                place
            };
            if place != Verdict::Stay {
                if phase.is_linked() {
                    // SAFETY: the phase says so, and the lock is held.
                    unsafe { queue.unlink(node) };
                }
                // SAFETY: the node is not linked; it is pinned, as `poll` was given a pinned
                // reference, and the destructor of `Waiting` unlinks it.
                unsafe {
                    let lane = raw.lane(node.tag());
                    match place {
                        Verdict::Front => queue.push_revoked(node, lane),
                        _ => queue.push_back(node, lane),
                    }
                }
            }
            queue.changed(phase);
            // Relaxed: the lock publishes it.
            node.set_phase(Phase::Queued, Ordering::Relaxed);
            Step::Wait { look_again }
        }
    };
    if P::LOOKING_CONCERNS_ALL || !phase.is_baton() || queue.concerns_batons() {
        raw.pass_on(queue);
    }
    step
}

/// A waiter is out of the queue with the primitive's refusal. The future is over when foreign wakers have
/// been called and dropped: if one panics, the next poll returns the refusal.
#[inline]
fn refuse(node: &Waiter, code: u8) {
    debug_assert_ne!(code, 0, "that is success");
    // Relaxed: only its future looks at it from here on.
    node.set_phase(Phase::settled(code), Ordering::Relaxed);
}

/// The end of the story, if the phase is one.
#[inline]
fn conclude(phase: Phase) -> Option<Result<(), Refused>> {
    match phase.verdict()? {
        0 => Some(Ok(())),
        code => Some(Err(Refused(code))),
    }
}

#[inline(never)]
pub(super) fn leave<P: Protocol<LANES>, const LANES: usize>(raw: &P, node: &Waiter) {
    let held = node.stage() == Stage::Held;
    node.set_stage(Stage::Done);
    let waker;
    let concerns_others =
        |phase: Phase| phase.is_linked() || P::COUNTS_REVOKED && phase == Phase::Revoked;
    // Acquire: if the node has been unlinked, it is ours again.
    if !held && !concerns_others(node.phase(Ordering::Acquire)) {
        return;
    }
    {
        let mut queue = raw.queue(Driver(())).lock();
        // Relaxed: whoever changed it held the lock.
        let phase = node.phase(Ordering::Relaxed);
        let left = match phase {
            _ if held => Left::Acquired,
            Phase::Queued | Phase::Unarmed => Left::Queued,
            Phase::Notified => Left::Notified,
            Phase::Granted => Left::Acquired,
            Phase::Revoked if P::COUNTS_REVOKED => Left::Revoked,
            // Its baton was taken, or its wait ended, while we waited for the lock.
            _ => return,
        };
        // Who stands behind another one stands in nobody's way.
        let owes = P::LEAVING_CONCERNS_ALL || left != Left::Queued || queue.is_first(node);
        waker = if held || left == Left::Revoked {
            None
        } else {
            // SAFETY: the phase says that it is linked, and the lock is held.
            unsafe { queue.unlink(node) };
            // SAFETY: the lock is held, and nobody looks at the phase of a node that is not linked
            // but its future, which is over.
            unsafe { node.write(|fields| fields.take_waker(phase)) }
        };
        // SAFETY: the lock is held.
        raw.left_mark(left, unsafe { node.mark() });
        if owes || queue.concerns_batons() {
            raw.pass_on(&mut queue);
        }
    }
    drop(waker);
}

impl<H, const LANES: usize> Drop for Waiting<H, LANES>
where
    H: Deref<Target: Contains<LANES>>,
{
    #[inline]
    fn drop(&mut self) {
        if matches!(self.waiter.stage(), Stage::Waiting | Stage::Held) {
            leave(self.holder.raw(Driver(())), &self.waiter);
        }
    }
}

impl<H, const LANES: usize> fmt::Debug for Waiting<H, LANES>
where
    H: Deref<Target: Contains<LANES>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("waiter", &self.waiter)
            .finish()
    }
}
