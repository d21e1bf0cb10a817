//! The node: what a waiting future puts into the queue.

use core::fmt;
use core::marker::PhantomPinned;
use core::mem::MaybeUninit;
use core::ptr;
use core::task::Waker;

use crate::atomic::{AtomicU8, Ordering, UnsafeCell};
use crate::const_fn;

/// Where a waiter stands. The head of [`waiters`](super) has the transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not polled yet.
    Idle,
    /// In the queue.
    Queued,
    /// In the queue, told to try.
    Notified,
    /// In the queue, owner of what it waited for.
    Granted,
    /// Out of the queue after its baton was taken.
    Revoked,
    /// Out of the queue with what it waited for, which its future has not returned yet.
    Held,
    /// Out of the queue with a verdict: 0 is success, anything else the primitive's own code.
    Settled(u8),
    /// Over.
    Done,
}

impl Phase {
    /// Codes from here on are `Settled(code - SETTLED)`.
    const SETTLED: u8 = 16;

    fn from_code(code: u8) -> Phase {
        match code {
            0 => Phase::Idle,
            1 => Phase::Queued,
            2 => Phase::Notified,
            3 => Phase::Granted,
            4 => Phase::Revoked,
            5 => Phase::Held,
            6 => Phase::Done,
            code => Phase::Settled(code - Self::SETTLED),
        }
    }

    fn code(self) -> u8 {
        match self {
            Phase::Idle => 0,
            Phase::Queued => 1,
            Phase::Notified => 2,
            Phase::Granted => 3,
            Phase::Revoked => 4,
            Phase::Held => 5,
            Phase::Done => 6,
            Phase::Settled(verdict) => verdict + Self::SETTLED,
        }
    }

    /// Whether a node in this phase is in the queue.
    #[inline]
    #[must_use]
    pub const fn is_linked(self) -> bool {
        matches!(self, Phase::Queued | Phase::Notified | Phase::Granted)
    }

    /// Whether this is a baton: an obligation that its holder has to use or pass on.
    #[inline]
    #[must_use]
    pub const fn is_baton(self) -> bool {
        matches!(self, Phase::Notified | Phase::Granted)
    }
}

/// All that the lock of the queue guards while the node is linked.
pub(super) struct Fields {
    pub(super) prev: *const Waiter,
    pub(super) next: *const Waiter,
    /// Owned while the phase is Queued. In every later phase these are the bits of a waker that was
    /// moved out: an identity to compare with, no more. Uninitialised while Idle.
    waker: MaybeUninit<Waker>,
    /// The tick at which the waiter was first queued.
    pub(super) since: u32,
    /// The tick at which it was last given a baton; 0 if it never was.
    pub(super) baton: u32,
    /// The primitive's own: a weight, a round.
    pub(super) tag: usize,
}

/// A place in a queue, which lives in the future that waits.
///
/// Created by [`Waiting`](super::Waiting), seen by a [`Protocol`](super::Protocol) through
/// [`Turn`](super::Turn) and [`Front`](super::Front).
pub struct Waiter {
    phase: AtomicU8,
    /// See `Turn::look_again`. Guarded as the fields are; apart from them, it fits beside the phase.
    looks: UnsafeCell<u8>,
    fields: UnsafeCell<Fields>,
    /// Other nodes and the queue point here.
    _pin: PhantomPinned,
}

// SAFETY: the raw pointers are followed only under the lock of the queue, which makes the accesses
// exclusive; wakers are Send and Sync.
unsafe impl Send for Waiter {}
// SAFETY: as above; a shared reference gives access to nothing but the atomic phase.
unsafe impl Sync for Waiter {}

impl Waiter {
    const_fn! {
        /// A node that is not queued, with the primitive's `tag`.
        #[inline]
        pub(super) const fn new(tag: usize) -> Self {
            Waiter {
                phase: AtomicU8::new(0),
                looks: UnsafeCell::new(0),
                fields: UnsafeCell::new(Fields {
                    prev: ptr::null(),
                    next: ptr::null(),
                    waker: MaybeUninit::uninit(),
                    since: 0,
                    baton: 0,
                    tag,
                }),
                _pin: PhantomPinned,
            }
        }
    }

    /// The phase.
    #[inline]
    pub(super) fn phase(&self, order: Ordering) -> Phase {
        Phase::from_code(self.phase.load(order))
    }

    #[inline]
    pub(super) fn set_phase(&self, phase: Phase, order: Ordering) {
        self.phase.store(phase.code(), order);
    }

    /// Whether the node was never polled: the check of the fast path.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        // Relaxed: only the node's own future leaves Idle.
        self.phase.load(Ordering::Relaxed) == 0
    }

    /// Whether the node is neither queued nor owes anything: the check of the destructor.
    #[inline]
    pub(super) fn is_idle_or_done(&self) -> bool {
        // Relaxed: only the node's own future enters and leaves these phases.
        matches!(self.phase(Ordering::Relaxed), Phase::Idle | Phase::Done)
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

    /// Reads the fields.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the queue, or the node is not linked and the caller is its
    /// future.
    #[inline]
    pub(super) unsafe fn read<R>(&self, f: impl FnOnce(&Fields) -> R) -> R {
        self.fields.with(|fields| {
            // SAFETY: the caller has exclusive access, and nothing below nests another access.
            f(unsafe { &*fields })
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
            // SAFETY: the caller has exclusive access, and nothing below nests another access.
            f(unsafe { &mut *fields })
        })
    }
}

impl Fields {
    /// Whether the node, in `phase`, owns a waker that wakes the task of `waker`.
    #[inline]
    pub(super) fn is_armed_for(&self, waker: &Waker, phase: Phase) -> bool {
        phase == Phase::Queued && self.is_of_task(waker, phase)
    }

    /// Whether the last waker of the node, which is in `phase`, was one of the task of `waker`.
    ///
    /// A task that ended may leave its address to a new one; then this errs. The price of that is
    /// one place in the order, because a baton that is taken over is not lost.
    #[inline]
    pub(super) fn is_of_task(&self, waker: &Waker, phase: Phase) -> bool {
        if phase == Phase::Idle {
            return false;
        }
        // SAFETY: the slot was initialised when the node left Idle. `Waker` is two plain pointers,
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
    /// `phase` is the node's phase, and is changed before the lock of the queue is given up.
    #[inline]
    pub(super) unsafe fn take_waker(&mut self, phase: Phase) -> Option<Waker> {
        // SAFETY: a queued node owns an initialised waker; with its phase it gives up the ownership.
        (phase == Phase::Queued).then(|| unsafe { self.waker.assume_init_read() })
    }

    /// Puts a waker in a node that was in `phase` and becomes Queued. Returns the one it replaces,
    /// to be dropped once no lock is held.
    ///
    /// # Safety
    ///
    /// As for [`take_waker`](Self::take_waker); the new phase is Queued.
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
        // The owning future has taken the node out of the queue and its waker out of the node. A
        // node that is still linked here would be a bug that nobody survives.
        debug_assert!(
            !self.phase(Ordering::Relaxed).is_linked(),
            "a queued waiter was dropped: its future must leave the queue first"
        );
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("phase", &self.phase(Ordering::Relaxed))
            .finish()
    }
}
