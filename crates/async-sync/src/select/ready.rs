//! Which cases of a select were woken: one allocation with a waker for each case, and a list of marks.
//!
//! ```text
//! case:   unmarked -- its waker is called --> marked, on the list -- drained --> unmarked, polled
//! list:   EMPTY | WAITING | last case that was marked -> ... -> first
//!         EMPTY   -- sleep --> WAITING    the task has registered its waker, and waits
//!         WAITING -- mark ---> one case   whoever does this wakes the task
//!         cases   -- drain --> EMPTY
//! ```
//!
//! * A waker sets its case's flag. If it was not set, it pushes the case on the list; if the task waited,
//!   it wakes it. So a wake-up costs the same among three cases and among thousands, and wakes the task once
//!   until that has looked, and not at all while it looks.
//! * The task takes the whole list in one exchange, and clears each flag before it polls the case: a
//!   wake-up that comes later sets it again.
//! * The task registers its waker, and then waits in one exchange that succeeds only if the list is empty.
//!   A wake-up comes before that, and is on the list; or after, and finds the task waiting.
//!
//! Cases are numbers here, no pointers go around, and what a case is lies elsewhere: so this exists
//! once, for all types of cases. The memory, and the wakers' side, are in `slots`.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;
use core::task::{RawWaker, Waker};

use sync_core::atomic::Ordering;

use super::slots::{EMPTY, FIRST, Release, Shared, Slot, VTABLE, WAITING, mark};

/// The owner's side.
pub(super) struct Ready {
    shared: NonNull<Shared>,
}

// SAFETY: what is shared is atomic, or belongs to one side, see the fields. The owner's side changes
// only through `&mut self`.
unsafe impl Send for Ready {}
// SAFETY: as above.
unsafe impl Sync for Ready {}

impl Ready {
    /// For cases `0..cases`, of which there is at least one. Allocates once.
    pub(super) fn new(cases: usize) -> Self {
        assert_ne!(cases, 0);
        Ready {
            shared: Shared::allocate(cases),
        }
    }

    /// Makes room for cases up to the double of `cases`, which is how many there is room for now. There
    /// was room for [`FIRST`] in the beginning.
    pub(super) fn grow(&mut self, cases: usize) {
        assert_eq!(self.shared().first, FIRST);
        // SAFETY: the owner, exclusively; the header is alive.
        unsafe { Shared::grow(self.shared, cases) };
    }

    fn shared(&self) -> &Shared {
        // SAFETY: this is one of the references that keep it.
        unsafe { self.shared.as_ref() }
    }

    #[inline]
    fn slot(&self, index: usize) -> NonNull<Slot> {
        // SAFETY: this is the owner's reference, and only `&mut self` adds blocks.
        unsafe { Shared::slot(self.shared, index) }
    }

    /// The task waits, with this waker; or not, if cases have been marked since the last
    /// [drain](Self::drain).
    #[must_use]
    pub(super) fn sleep(&self, waker: &Waker) -> bool {
        self.shared().task.register(waker);
        // Relaxed: whoever finds WAITING takes the lock of the registration before it wakes.
        let waits = self.shared().list.compare_exchange(
            EMPTY,
            WAITING,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        matches!(waits, Ok(_) | Err(WAITING))
    }

    /// Takes all marked cases, in the order in which they were marked.
    pub(super) fn drain(&mut self, mut case: impl FnMut(&Self, usize)) {
        // Relaxed: a mark that is missed here keeps the task from sleeping. (A task that waits, and is
        // polled although nobody woke it, goes on waiting: it may only ask.)
        if matches!(self.shared().list.load(Ordering::Relaxed), EMPTY | WAITING) {
            return;
        }
        // Acquire: the links that were made before the pushes.
        let mut newest = self.shared().list.swap(EMPTY, Ordering::Acquire);
        // The list has the newest first: turn it around.
        let mut oldest = EMPTY;
        while newest != EMPTY {
            // SAFETY: numbers on the list are those of slots.
            let slot = unsafe { self.slot(newest as usize - 1).as_ref() };
            // Relaxed, all three: the links of cases that were taken are this thread's.
            let before = slot.next.load(Ordering::Relaxed);
            slot.next.store(oldest, Ordering::Relaxed);
            (oldest, newest) = (newest, before);
        }
        while oldest != EMPTY {
            let index = oldest as usize - 1;
            // SAFETY: as above.
            let slot = unsafe { self.slot(index).as_ref() };
            oldest = slot.next.load(Ordering::Relaxed);
            // Acquire: what happened before the wake-ups, also those that found the flag set; an
            // exchange, so that each of those is either seen by it or sees it. Release: the link has
            // been read.
            slot.marked.swap(false, Ordering::AcqRel);
            case(self, index);
        }
    }

    /// Marks a case as if it had been woken.
    pub(super) fn mark(&self, index: usize) {
        // SAFETY: the slot lives as long as this.
        mark(unsafe { self.slot(index).as_ref() });
    }

    /// What the owner has noted under a number below that of the cases.
    #[inline]
    pub(super) fn note(&self, at: usize) -> usize {
        // SAFETY: the slot lives as long as this. Relaxed: only the owner reads and writes it.
        unsafe { self.slot(at).as_ref() }
            .note
            .load(Ordering::Relaxed) as usize
    }

    #[inline]
    pub(super) fn set_note(&self, at: usize, note: usize) {
        // SAFETY: as above. A note is the number of a case, so it fits.
        unsafe { self.slot(at).as_ref() }
            .note
            .store(note as u32, Ordering::Relaxed);
    }

    /// The waker of a case, on loan.
    pub(super) fn waker(&self, index: usize) -> CaseWaker<'_> {
        let raw = RawWaker::new(self.slot(index).as_ptr().cast_const().cast(), &VTABLE);
        // SAFETY: the functions of the table keep the contract of a waker. This one has no reference of
        // its own and does not give one up, as it is not dropped; it does not outlive `self`, which has one.
        let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw) });
        CaseWaker {
            waker,
            _ready: PhantomData,
        }
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // At the end, also if the drop of the task's waker panics.
        let _release = Release(self.shared);
        // Late wake-ups have nobody to wake.
        drop(self.shared().task.take());
    }
}

/// The waker of a case, as long as it is needed for a poll.
pub(super) struct CaseWaker<'a> {
    waker: ManuallyDrop<Waker>,
    _ready: PhantomData<&'a Ready>,
}

impl Deref for CaseWaker<'_> {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        &self.waker
    }
}
