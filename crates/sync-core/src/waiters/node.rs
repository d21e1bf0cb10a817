//! The node: what a waiting future puts into the queue.

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomPinned;
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;
use core::task::Waker;

use crate::atomic::{AtomicU8, Ordering, UnsafeCell};
use crate::const_fn;

/// What a future knows about its wait. Nobody else looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not polled yet.
    Idle,
    /// It has waited, the [`Phase`] tells more.
    Waiting,
    /// Out of the queue with what it waited for, which it has not returned yet.
    Held,
    /// Over.
    Done,
}

/// Where a waiter stands. The head of [`waiters`](super) has the transitions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Phase(u8);

#[allow(
    non_upper_case_globals,
    reason = "variants, but a byte in memory and in registers"
)]
impl Phase {
    /// Not queued yet.
    pub const Idle: Phase = Phase(0);
    /// In the queue.
    pub const Queued: Phase = Phase(1);
    /// In a [`Lobby`](super::Lobby), until somebody calls.
    pub const Parked: Phase = Phase(2);
    /// In a lobby; called, but left asleep: another one will take it along.
    pub const Called: Phase = Phase(3);
    /// In a lobby; called and woken.
    pub const Woken: Phase = Phase(4);
    /// In the queue, told to try.
    pub const Notified: Phase = Phase(5);
    /// In the queue, owner of what it waited for.
    pub const Granted: Phase = Phase(6);
    /// In the queue, as Queued, but without a waker: it was woken before it came here, by a call that
    /// its future has not heeded yet.
    pub const Unarmed: Phase = Phase(7);
    /// Out of the queue after its baton was taken.
    pub const Revoked: Phase = Phase(8);
    /// Out of a lobby: it was called and did not come in time.
    pub const Missed: Phase = Phase(9);

    /// Values from here on are verdicts.
    const SETTLED: u8 = 16;

    /// Out of the queue with a verdict: 0 is success, anything else the primitive's own code.
    #[inline]
    pub(super) const fn settled(verdict: u8) -> Phase {
        Phase(verdict + Self::SETTLED)
    }

    /// The verdict with which it is out of the queue, if it is.
    #[inline]
    pub(super) const fn verdict(self) -> Option<u8> {
        self.0.checked_sub(Self::SETTLED)
    }

    /// Whether a node in this phase is in the queue.
    #[inline]
    #[must_use]
    pub const fn is_linked(self) -> bool {
        self.0 == Phase::Queued.0
            || self.0.wrapping_sub(Phase::Notified.0) <= Phase::Unarmed.0 - Phase::Notified.0
    }

    /// Whether a node in this phase is in a lobby.
    #[inline]
    pub(super) const fn is_in_lobby(self) -> bool {
        self.0.wrapping_sub(Phase::Parked.0) <= Phase::Woken.0 - Phase::Parked.0
    }

    /// Whether a node in this phase owns a waker.
    #[inline]
    const fn has_waker(self) -> bool {
        self.0.wrapping_sub(Phase::Queued.0) <= Phase::Called.0 - Phase::Queued.0
    }

    /// Whether this is a baton: an obligation that its holder has to use or pass on.
    #[inline]
    #[must_use]
    pub const fn is_baton(self) -> bool {
        self.0.wrapping_sub(Phase::Called.0) <= Phase::Granted.0 - Phase::Called.0
    }
}

impl fmt::Debug for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Phase::Idle => "Idle",
            Phase::Queued => "Queued",
            Phase::Parked => "Parked",
            Phase::Called => "Called",
            Phase::Woken => "Woken",
            Phase::Unarmed => "Unarmed",
            Phase::Missed => "Missed",
            Phase::Notified => "Notified",
            Phase::Granted => "Granted",
            Phase::Revoked => "Revoked",
            _ => "Settled",
        };
        match self.verdict() {
            Some(code) => f.debug_tuple(name).field(&code).finish(),
            None => f.write_str(name),
        }
    }
}

/// All that the lock of the queue guards while the node is linked, but for the tag.
pub(super) struct Fields {
    pub(super) prev: *const Waiter,
    pub(super) next: *const Waiter,
    /// Owned while the phase is Queued, Parked or Called. In every other phase these are the bits of a waker that was
    /// moved out: an identity to compare with, no more.
    waker: MaybeUninit<Waker>,
    /// The tick at which the waiter was first queued; in a lobby, the number of its arrival.
    pub(super) since: u32,
    /// The tick at which it was last given a baton; 0 if it never was.
    pub(super) baton: u32,
}

impl Fields {
    /// For a node that is about to be queued for the first time.
    #[inline]
    pub(super) fn new(waker: Waker, since: u32) -> Self {
        Fields {
            prev: ptr::null(),
            next: ptr::null(),
            waker: MaybeUninit::new(waker),
            since,
            baton: 0,
        }
    }
}

/// A place in a queue, which lives in the future that waits.
///
/// Created by [`Waiting`](super::Waiting), seen by a [`Protocol`](super::Protocol) through
/// [`Turn`](super::Turn) and [`Front`](super::Front).
// In this order, so that what a new node has to write is together: otherwise the compiler clears all that
// lies in between.
#[repr(C)]
pub struct Waiter {
    /// The primitive's own: a weight, a round, or where the future keeps what it sends. A pointer, so
    /// that it can be the latter. Guarded as the fields are.
    tag: UnsafeCell<*mut ()>,
    /// The future's own, so neither atomic nor guarded: the uncontended path touches nothing else.
    stage: Cell<Stage>,
    phase: AtomicU8,
    /// See `Turn::look_again`. Guarded as the fields are; apart from them, it fits beside the phase.
    looks: UnsafeCell<u8>,
    /// Initialised when the node is first queued: a future that need not wait writes next to nothing.
    fields: UnsafeCell<MaybeUninit<Fields>>,
    /// Other nodes and the queue point here.
    _pin: PhantomPinned,
}

// SAFETY: the raw pointers are followed only under the lock of the queue, which makes the accesses
// exclusive; wakers are Send and Sync.
unsafe impl Send for Waiter {}
// SAFETY: as above. A shared reference gives access to the atomic phase and, to read only, to the
// stage, which the future changes while it is borrowed mutably.
unsafe impl Sync for Waiter {}
// As for `WaitList`.
impl UnwindSafe for Waiter {}
impl RefUnwindSafe for Waiter {}

impl Waiter {
    const_fn! {
        /// A node that is not queued, with the primitive's `tag`.
        #[inline]
        pub(super) const fn new(tag: usize) -> Self {
            Waiter {
                tag: UnsafeCell::new(ptr::without_provenance_mut(tag)),
                stage: Cell::new(Stage::Idle),
                phase: AtomicU8::new(0),
                looks: UnsafeCell::new(0),
                fields: UnsafeCell::new(MaybeUninit::uninit()),
                _pin: PhantomPinned,
            }
        }
    }

    /// What its future knows.
    #[inline]
    pub(super) fn stage(&self) -> Stage {
        self.stage.get()
    }

    /// Only the future calls this, from a method that borrows it mutably.
    #[inline]
    pub(super) fn set_stage(&self, stage: Stage) {
        self.stage.set(stage);
    }

    /// The phase.
    #[inline]
    pub(super) fn phase(&self, order: Ordering) -> Phase {
        Phase(self.phase.load(order))
    }

    #[inline]
    pub(super) fn set_phase(&self, phase: Phase, order: Ordering) {
        self.phase.store(phase.0, order);
    }

    /// Whether the wait is over, successfully, and the future has not noted that. If so, the node is the
    /// future's again.
    #[inline]
    pub(super) fn is_settled(&self) -> bool {
        // Acquire: whoever settled it came last.
        self.stage() == Stage::Waiting && self.phase(Ordering::Acquire) == Phase::settled(0)
    }

    /// Reads or changes how often the waiter has looked.
    ///
    /// # Safety
    ///
    /// As for [`read`](Self::read).
    #[inline]
    pub(super) unsafe fn looks<R>(&self, f: impl FnOnce(&mut u8) -> R) -> R {
        self.looks.with_mut(|looks| {
            // SAFETY: the caller has exclusive access, and nothing below nests another access.
            f(unsafe { &mut *looks })
        })
    }

    /// The primitive's own.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the queue, or the node is not linked and the caller is its
    /// future.
    #[inline]
    pub(super) unsafe fn tag(&self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.mark() }.addr()
    }

    /// The primitive's own, as the pointer that it may be.
    ///
    /// # Safety
    ///
    /// As for [`tag`](Self::tag).
    #[inline]
    pub(super) unsafe fn mark(&self) -> *mut () {
        self.tag.with(|tag| {
            // SAFETY: the caller has exclusive access.
            unsafe { *tag }
        })
    }

    /// Changes the primitive's own.
    ///
    /// # Safety
    ///
    /// As for [`tag`](Self::tag).
    #[inline]
    pub(super) unsafe fn set_tag(&self, tag: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.set_mark(ptr::without_provenance_mut(tag)) }
    }

    /// Changes the primitive's own to a pointer.
    ///
    /// # Safety
    ///
    /// As for [`tag`](Self::tag).
    #[inline]
    pub(super) unsafe fn set_mark(&self, mark: *mut ()) {
        self.tag.with_mut(|old| {
            // SAFETY: the caller has exclusive access.
            unsafe { *old = mark }
        });
    }

    /// Makes the fields of a node that has never been queued.
    ///
    /// # Safety
    ///
    /// As for [`tag`](Self::tag). A waker in the fields that are overwritten is leaked.
    #[inline]
    pub(super) unsafe fn init(&self, new: Fields) {
        self.fields.with_mut(|fields| {
            // SAFETY: the caller has exclusive access.
            unsafe { (*fields).write(new) };
        });
    }

    /// Reads the fields.
    ///
    /// # Safety
    ///
    /// As for [`tag`](Self::tag), and the node has been queued before, or is now.
    #[inline]
    pub(super) unsafe fn read<R>(&self, f: impl FnOnce(&Fields) -> R) -> R {
        self.fields.with(|fields| {
            // SAFETY: the caller has exclusive access to fields that are initialised, and nothing
            // below nests another access.
            f(unsafe { (*fields).assume_init_ref() })
        })
    }

    /// Changes the fields.
    ///
    /// # Safety
    ///
    /// As for [`read`](Self::read); and `f` accesses no field of this node by another way.
    #[inline]
    pub(super) unsafe fn write<R>(&self, f: impl FnOnce(&mut Fields) -> R) -> R {
        self.fields.with_mut(|fields| {
            // SAFETY: as for `read`.
            f(unsafe { (*fields).assume_init_mut() })
        })
    }
}

impl Fields {
    /// Whether the node, which is in `phase`, owns a waker that wakes the task of `waker`.
    #[inline]
    pub(super) fn is_armed_for(&self, waker: &Waker, phase: Phase) -> bool {
        phase.has_waker() && self.is_of_task(waker)
    }

    /// Whether the last waker of the node was one of the task of `waker`.
    ///
    /// A task that ended may leave its address to a new one; then this errs. The price of that is
    /// one place in the order, because a baton that is taken over is not lost.
    #[inline]
    pub(super) fn is_of_task(&self, waker: &Waker) -> bool {
        // SAFETY: the slot was initialised with the fields. `Waker` is two plain pointers,
        // and `will_wake` only compares them, so one that was moved out may be looked at; the
        // reference neither drops nor calls it.
        let mine = unsafe { self.waker.assume_init_ref() };
        mine.will_wake(waker)
    }

    /// Moves the waker out of a node in `phase`, to be called or dropped once no lock is held. Its
    /// identity stays.
    ///
    /// # Safety
    ///
    /// `phase` is the node's phase. Before the lock of the queue is given up, either that is changed,
    /// or the future's stage is no longer `Waiting`, and nobody asks for the phase again.
    #[inline]
    pub(super) unsafe fn take_waker(&mut self, phase: Phase) -> Option<Waker> {
        // SAFETY: such a node owns an initialised waker; with its phase it gives up the ownership.
        phase
            .has_waker()
            .then(|| unsafe { self.waker.assume_init_read() })
    }

    /// Puts a waker in a node that was in `phase` and becomes Queued or Parked. Returns the one it replaces,
    /// to be dropped once no lock is held.
    ///
    /// # Safety
    ///
    /// As for [`take_waker`](Self::take_waker); the new phase is Queued or Parked.
    #[inline]
    pub(super) unsafe fn put_waker(&mut self, waker: Waker, phase: Phase) -> Option<Waker> {
        // SAFETY: the caller promises as much.
        let old = unsafe { self.take_waker(phase) };
        self.waker.write(waker);
        old
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // Loom is told that the node is gone: whoever touched it last must have published that.
        #[cfg(loom)]
        self.fields.with_mut(|_| ());
        // The owning future has taken the node out of the queue and its waker out of the node. A
        // node that is still linked here would be a bug that nobody survives.
        debug_assert!(
            self.stage() != Stage::Waiting || {
                let phase = self.phase(Ordering::Relaxed);
                !phase.is_linked() && !phase.is_in_lobby()
            },
            "a queued waiter was dropped: its future must leave the queue first"
        );
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("stage", &self.stage())
            .field("phase", &self.phase(Ordering::Relaxed))
            .finish()
    }
}
