//! Where those wait who want to be called first and the lock back afterwards: half of a condition
//! variable. The other half is `moving`.
//!
//! # States
//!
//! A guest's node is linked in the lobby, a queue with two lanes, in one of three phases:
//!
//! ```text
//! Parked   nobody has called it                                   lane 0, has its waker
//! Called   called, and asleep: a called guest before it will take it along   lane 1, has its waker
//! Woken    called and woken, not polled since                     lane 1, no waker
//! ```
//!
//! # Transitions
//!
//! ```text
//! enter     the waker is cloned; under the lobby's lock: the end of lane 0, Parked. Only then does
//!           its owner let go of the lock that it holds: whoever takes that next sees the guest
//! call      the first of lane 0 goes to the end of lane 1, Woken; of those whom one `notify_all`
//!           calls, only the first, second, fourth, eighth ... are Woken, the others are Called
//! polled    Parked             its waker is renewed
//!           Woken or Called    it takes its lock, if that is free and no other guest with the same lock
//!                              has been called. Else it takes all of those, itself among them, into
//!                              the queue of that lock, in the order in which they were called: each
//!                              is woken when the lock is its own. All this under the lobby's lock, so
//!                              nobody passes one who was called before
//!           Missed             its call is still its own, or it has been called again: it goes for its
//!                              lock. Else it takes over the call of the first who has not come
//!                              either, or parks at the front
//! dropped   it leaves. A call of one guest passes to the next
//! any       a call is stale: the guest is taken out, Missed; a call of one passes to the next who is
//!           parked, if there is one
//! ```
//!
//! A guest that is Missed and lost its call waits as the others do, but is not linked. It is counted
//! (`missed`), so that a call that finds nobody parked can be kept for it (`kept`); and of a call of all
//! it is enough to know the number of the last guest whom it concerned (`all`).
//!
//! # Invariants (while the lobby's lock is free)
//!
//! 1. Lane 1 is empty, or its first is Woken. So everybody who was called is behind somebody who is
//!    about to be polled; when that one goes, on whatever way, the next is woken.
//! 2. The first of lane 0 has waited longest (but for one that was Missed, which comes back to the front).
//! 3. Every node in the queue is the first field of a [`Guest`].
//! 4. `missed` counts the guests that are Missed and have no call; `kept` is at most as much.
//!
//! # Why the caller does not move the guests itself
//!
//! It would save the first guest a wake-up, and it would be unsound. A guest borrows its lock, and may be
//! leaked (`mem::forget` of a boxed future): then its node stays linked here when the lock is gone, and
//! the caller would follow a pointer to it. The guest that is *polled* still has its lock. It knows the
//! others' lock by the address of its queue, as a number; one that is leaked and happens to have the
//! same number is moved into a queue that exists, as a waiter that will never be polled.
//!
//! # Lock order
//!
//! The lobby's before the home's; nothing else holds two queues at a time.

use core::fmt;
use core::ptr;
use core::task::Waker;

use super::batch::WakeBatch;
use super::guest::{Guest, Place, Signal};
use super::list::{Locked, WaitList};
use super::node::{Fields, Phase, Stage, Waiter};
use super::unwind::OnUnwind;
use crate::atomic::{AtomicU32, Ordering};
use crate::{clock, const_fn};

/// How many guests are looked at while a lock is held.
pub(super) const CHUNK: usize = WakeBatch::CAPACITY;

/// A queue of those who wait to be called. The head of this file has its layout.
pub struct Lobby {
    pub(super) queue: WaitList<2>,
    /// The number of the guest that came last, wrapping. This and the others: guarded by the queue's
    /// lock, hence Relaxed everywhere.
    arrivals: AtomicU32,
    /// The number of the last guest whom a call of all concerned.
    all: AtomicU32,
    /// Guests that are out of the queue without a call; and [`EVER`].
    missed: AtomicU32,
    /// Calls for some of them.
    kept: AtomicU32,
}

/// In `missed`: somebody has missed its call, so that an empty queue says nothing any more. Read without
/// the lock.
const EVER: u32 = 1 << 31;

/// What a polled guest does next.
pub(super) enum Next {
    /// It waits.
    Wait,
    /// It is out of the lobby, and has its lock (its stage is Held) or goes for it as a newcomer (Idle).
    Out,
    /// It has to be moved to where its lock's waiters are, and others with it.
    TakeAlong,
    /// Somebody has taken it along: it is in its home's queue.
    Moved,
}

impl Lobby {
    const_fn! {
        /// An empty lobby.
        #[must_use]
        pub const fn new() -> Self {
            Lobby {
                queue: WaitList::new(),
                arrivals: AtomicU32::new(0),
                all: AtomicU32::new(0),
                missed: AtomicU32::new(0),
                kept: AtomicU32::new(0),
            }
        }
    }

    /// How many guests there are: a snapshot. One that was called counts until it is polled.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len() + self.missed() as usize
    }

    /// Whether there is no guest: a snapshot.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is nobody to call. Without the lock: a guest that the caller has to know of let go,
    /// after it had come in, of a lock that the caller has held since; it has not gone unseen.
    #[inline]
    fn is_deserted(&self) -> bool {
        // Relaxed: what was written before the last guest left the queue is seen.
        self.queue.is_deserted() && self.missed.load(Ordering::Relaxed) == 0
    }

    #[inline]
    fn missed(&self) -> u32 {
        self.missed.load(Ordering::Relaxed) & !EVER
    }

    /// A guest has lost its call.
    fn one_more_missed(&self) {
        let missed = self.missed.load(Ordering::Relaxed) + 1;
        self.missed.store(missed | EVER, Ordering::Relaxed);
    }

    /// A guest that had lost its call is linked again, called again, or gone. Returns whether a call was
    /// kept for it and is left over.
    fn one_less_missed(&self) -> bool {
        let missed = self.missed() - 1;
        self.missed.store(missed | EVER, Ordering::Relaxed);
        let kept = self.kept.load(Ordering::Relaxed);
        if kept > missed {
            self.kept.store(missed, Ordering::Relaxed);
        }
        kept > missed
    }

    /// Whether a call of all has concerned the guest with this number.
    fn called_all(&self, number: u32) -> bool {
        let all = self.all.load(Ordering::Relaxed);
        all.wrapping_sub(number).cast_signed() >= 0
    }

    /// Calls the guest that has waited longest. Returns whether there was one.
    pub fn notify_one(&self) -> bool {
        if self.is_deserted() {
            return false;
        }
        let now = clock::now();
        let again = OnUnwind::new(|| {
            self.notify_one();
        });
        let mut queue = self.queue.lock();
        self.revoke_stale(&mut queue, now);
        if !queue.has_room() {
            queue.flush();
        }
        again.disarm();
        self.call_one(&mut queue, now)
    }

    /// Calls all guests that are there, and nobody who comes while this runs. Returns how many.
    pub fn notify_all(&self) -> usize {
        if self.is_deserted() {
            return 0;
        }
        let now = clock::now();
        let again = OnUnwind::new(|| {
            self.notify_all();
        });
        let mut queue = self.queue.lock();
        self.revoke_stale(&mut queue, now);
        let last = self.arrivals.load(Ordering::Relaxed);
        self.all.store(last, Ordering::Relaxed);
        // Those who have missed a call need not be woken: they were, and have not been polled since.
        let missed = self.missed() as usize;
        let mut called: usize = 0;
        loop {
            if called % CHUNK == CHUNK - 1 || !queue.has_room() {
                queue.flush();
            }
            let came = queue.front(0).map(|guest| guest.since());
            if came.is_none_or(|came| last.wrapping_sub(came).cast_signed() < 0) {
                break;
            }
            called += 1;
            call_next(&mut queue, Signal::All, called.is_power_of_two(), now);
        }
        again.disarm();
        called + missed
    }

    /// A guest comes in. Its future lets go of its lock afterwards.
    ///
    /// # Safety
    ///
    /// The guest is Outside and pinned, the caller its future, which takes it out of the lobby before it
    /// goes away.
    pub(super) unsafe fn enter(&self, guest: &Guest, home: usize, waker: &Waker) {
        if self.queue.has_stale_baton() {
            self.revoke_stale(&mut self.queue.lock(), clock::now());
        }
        let mine = waker.clone();
        let mut queue = self.queue.lock();
        // Relaxed: guarded by the lock.
        let number = self.arrivals.load(Ordering::Relaxed).wrapping_add(1);
        self.arrivals.store(number, Ordering::Relaxed);
        // SAFETY: the node is not linked, it has had no waker before, it is pinned; the caller is its
        // future. The pointer is made from one to the whole guest.
        unsafe {
            guest.card(|card| card.home = home);
            guest.waiter.init(Fields::new(mine, number));
            queue.push_back(ptr::from_ref(guest).cast::<Waiter>(), 0);
        }
        // Relaxed: the lock publishes it.
        guest.waiter.set_phase(Phase::Parked, Ordering::Relaxed);
        guest.waiter.set_stage(Stage::Waiting);
        guest.set_place(Place::Lobby);
    }

    /// A guest that was in the lobby when its future last looked is polled. `take` takes the lock if that
    /// is possible at once; it runs under the lobby's lock, and calls nothing foreign.
    ///
    /// # Safety
    ///
    /// The guest's place is this lobby, and the caller its future.
    pub(super) unsafe fn look(
        &self,
        guest: &Guest,
        waker: &Waker,
        take: impl Fn() -> bool,
    ) -> Next {
        let node = &guest.waiter;
        // Dropped once the lobby is unlocked.
        let (mut spare, mut old) = (None::<Waker>, None::<Waker>);
        let mut counted = false;
        let next = loop {
            let mut queue = self.queue.lock();
            // Relaxed: whoever changed it held the lock, or the home's, which comes next.
            let phase = node.phase(Ordering::Relaxed);
            if phase == Phase::Missed && !counted {
                counted = true;
                queue.more_patience();
            }
            match phase {
                Phase::Parked => {
                    // SAFETY: the lock is held and the node is linked.
                    if unsafe { node.read(|fields| fields.is_armed_for(waker, phase)) } {
                        break Next::Wait;
                    }
                }
                Phase::Called | Phase::Woken => {
                    if has_company(&queue, guest) || !take() {
                        break Next::TakeAlong;
                    }
                    // SAFETY: the node is linked here, the lock is held, and the phase changes below.
                    let given = unsafe {
                        queue.unlink(node);
                        node.write(|fields| {
                            old = fields.take_waker(phase);
                            fields.baton
                        })
                    };
                    queue.claimed(given);
                    out(guest, Stage::Held);
                    rouse_later(&mut queue);
                    break Next::Out;
                }
                Phase::Missed => {
                    // SAFETY: the node is not linked, and the caller is its future.
                    let called = unsafe { guest.card(|card| card.signal != Signal::None) };
                    if called || self.called_again(&mut queue, guest) {
                        out(guest, if take() { Stage::Held } else { Stage::Idle });
                        break Next::Out;
                    }
                }
                _ => break Next::Moved,
            }
            if let Some(new) = spare.take() {
                // SAFETY: the lock is held; the phase is or becomes Parked; a node that is linked now
                // is pinned, and its future takes it out.
                unsafe {
                    old = node.write(|fields| fields.put_waker(new, phase));
                    if phase == Phase::Missed {
                        queue.push_front(ptr::from_ref(guest).cast::<Waiter>());
                        self.one_less_missed();
                    }
                }
                node.set_phase(Phase::Parked, Ordering::Relaxed);
                break Next::Wait;
            }
            drop(queue);
            spare = Some(waker.clone());
        };
        drop((spare, old));
        next
    }

    /// A guest goes away. Returns whether it is in its home's queue and has to leave that as well.
    ///
    /// # Safety
    ///
    /// As for [`look`](Self::look).
    pub(super) unsafe fn leave(&self, guest: &Guest) -> bool {
        let node = &guest.waiter;
        // Dropped once the lobby is unlocked.
        let _waker;
        let mut queue = self.queue.lock();
        // Relaxed: as in `look`.
        let phase = node.phase(Ordering::Relaxed);
        if phase.is_in_lobby() {
            // SAFETY: the phase says that it is linked here, the lock is held; nobody looks at the
            // phase of a node that is not linked but its future, which is over.
            _waker = unsafe {
                queue.unlink(node);
                node.write(|fields| fields.take_waker(phase))
            };
        } else if phase != Phase::Missed {
            return true;
        }
        node.set_stage(Stage::Done);
        // SAFETY: the lock is held.
        let signal = unsafe { guest.card(|card| card.signal) };
        let passes_on = match signal {
            Signal::One => true,
            Signal::None if phase == Phase::Missed => self.one_less_missed(),
            _ => false,
        };
        if passes_on {
            self.call_one(&mut queue, clock::now());
        }
        rouse_later(&mut queue);
        false
    }

    /// Calls the first who is parked; if nobody is, the call is kept for one who has missed one. The
    /// batch has room for one wake-up.
    fn call_one(&self, queue: &mut Locked<'_, 2>, now: u32) -> bool {
        if call_next(queue, Signal::One, true, now) {
            return true;
        }
        let kept = self.kept.load(Ordering::Relaxed);
        let somebody = self.missed() > kept;
        if somebody {
            self.kept.store(kept + 1, Ordering::Relaxed);
        }
        somebody
    }

    /// A guest that missed its call, and lost it, is polled: it may have been called meanwhile. Otherwise it
    /// takes the call of the first who has not come either: it runs, the other does not.
    fn called_again(&self, queue: &mut Locked<'_, 2>, guest: &Guest) -> bool {
        // SAFETY: the node is not linked, and the caller is its future.
        let number = unsafe { guest.waiter.read(|fields| fields.since) };
        let signal = if self.called_all(number) {
            self.one_less_missed();
            Signal::All
        } else if let kept @ 1.. = self.kept.load(Ordering::Relaxed) {
            self.kept.store(kept - 1, Ordering::Relaxed);
            self.one_less_missed();
            Signal::One
        } else if self.lose_call(queue) {
            self.one_less_missed();
            Signal::One
        } else {
            return false;
        };
        // SAFETY: as above.
        unsafe { guest.card(|card| card.signal = signal) };
        true
    }

    /// Takes the first of the called out if its call is one that can be given to another.
    fn lose_call(&self, queue: &mut Locked<'_, 2>) -> bool {
        let Some(first) = queue.front(1) else {
            return false;
        };
        // SAFETY: it is linked in the lobby, which is locked.
        let other = unsafe { Guest::of(first.as_ptr()) };
        let concerns_all = self.called_all(first.since());
        // SAFETY: the lock is held.
        let loses = unsafe {
            other.card(|card| {
                let loses = card.signal == Signal::One && !concerns_all;
                if loses {
                    card.signal = Signal::None;
                }
                loses
            })
        };
        if loses {
            self.one_more_missed();
            first.expel(Phase::Missed);
            rouse_later(queue);
        }
        loses
    }

    /// Takes those out who were called long ago and have not come.
    fn revoke_stale(&self, queue: &mut Locked<'_, 2>, now: u32) {
        while queue.has_room_for(2) {
            let patience = queue.patience();
            let somebody_waits = queue.front(0).is_some();
            match queue.front(1) {
                Some(first) if patience.is_over(first.given(), now) => {
                    if somebody_waits && self.lose_call(queue) {
                        call_next(queue, Signal::One, true, now);
                    } else if let Some(first) = queue.front(1) {
                        // It keeps its call.
                        first.expel(Phase::Missed);
                        rouse_later(queue);
                    }
                }
                _ => return,
            }
        }
    }
}

/// The guest, which is not linked any more, is as one that has just got its lock, or has not asked for it
/// yet.
fn out(guest: &Guest, stage: Stage) {
    // Relaxed: only its future looks at it from here on.
    guest.waiter.set_phase(Phase::Idle, Ordering::Relaxed);
    guest.waiter.set_stage(stage);
    guest.set_place(Place::Home);
}

/// Calls the first who is parked, if there is anybody. The batch has room for one wake-up.
fn call_next(queue: &mut Locked<'_, 2>, signal: Signal, wake: bool, now: u32) -> bool {
    let alone = queue.first_baton().is_null();
    let Some(first) = queue.front(0) else {
        return false;
    };
    // SAFETY: it is linked in the lobby, which is locked.
    let guest = unsafe { Guest::of(first.as_ptr()) };
    // SAFETY: the lock is held.
    let homeless = unsafe {
        guest.card(|card| {
            card.signal = signal;
            card.home == 0
        })
    };
    // Invariant 1; and nobody can take a guest along whose home is not known.
    let wake = wake || alone || homeless;
    let phase = if wake { Phase::Woken } else { Phase::Called };
    first.promote(phase, now, wake);
    true
}

/// Keeps invariant 1: whoever is first of the called is to be woken, with this waker.
#[must_use]
pub(super) fn rouse(queue: &mut Locked<'_, 2>) -> Option<Waker> {
    let node = queue.front(1)?.as_ptr();
    // SAFETY: it is linked, and the lock is held.
    let node = unsafe { &*node };
    if node.phase(Ordering::Relaxed) != Phase::Called {
        return None;
    }
    queue.changed(Phase::Called);
    node.set_phase(Phase::Woken, Ordering::Relaxed);
    // SAFETY: the lock is held; the phase has changed and does not own the waker any more.
    unsafe {
        node.write(|fields| {
            fields.baton = clock::now().max(1); // 0 stands for "never"
            fields.take_waker(Phase::Called)
        })
    }
}

fn rouse_later(queue: &mut Locked<'_, 2>) {
    if let Some(waker) = rouse(queue) {
        queue.wake_later(waker);
    }
}

/// Whether another guest with the same home has been called. Looks at the first few.
fn has_company(queue: &Locked<'_, 2>, guest: &Guest) -> bool {
    // SAFETY: the lock is held.
    let home = unsafe { guest.card(|card| card.home) };
    let mut node = queue.first_baton();
    for _ in 0..CHUNK {
        if home == 0 || node.is_null() {
            return false;
        }
        let other = ptr::addr_eq(node, guest);
        // SAFETY: linked in the lobby, which is locked.
        if !other && unsafe { Guest::of(node).card(|card| card.home) } == home {
            return true;
        }
        // SAFETY: a baton of this queue.
        node = unsafe { queue.next_baton(node) };
    }
    false
}

impl Default for Lobby {
    fn default() -> Self {
        Lobby::new()
    }
}

impl fmt::Debug for Lobby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lobby").field("len", &self.len()).finish()
    }
}
