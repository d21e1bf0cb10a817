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
//! A case's waker is a pointer to its slot; the slot knows the whole. Clones of wakers and the select
//! itself share one count of references, and the last one frees the memory. A waker that outlives the
//! select finds no task to wake. Slots do not move: more of them come in blocks of their own, each as
//! large as all before.
//!
//! Cases are numbers here, no pointers go around, and what a case is lies elsewhere: so this exists
//! once, for all types of cases.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;
use core::task::{RawWaker, RawWakerVTable, Waker};

use sync_core::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use super::outer::Outer;

/// Nobody is on the list; the end of it. Otherwise: the number of a case, plus one.
const EMPTY: u32 = 0;

/// Nobody is on the list, and the task waits.
const WAITING: u32 = u32::MAX;

/// Cases in the first block of those that grow.
pub(super) const FIRST: usize = if cfg!(any(loom, shuttle)) { 1 } else { 4 };

/// More references than anybody needs. (Each is a waker in memory, or was leaked.)
const MAX_REFS: usize = usize::MAX / 2;

struct Slot {
    shared: NonNull<Shared>,
    index: u32,
    /// The one before on the list. Belongs to who sets the flag until the case is on the list, then to
    /// who has taken the list until the flag is cleared.
    next: AtomicU32,
    marked: AtomicBool,
    /// A note of the owner's. (Not the facade's: there is nothing for a model to see. Atomic, as the slot
    /// is shared; it fills a gap.)
    note: core::sync::atomic::AtomicU32,
}

struct Shared {
    refs: AtomicUsize,
    list: AtomicU32,
    task: Outer,
    /// How many slots follow this header in the same allocation.
    first: usize,
    /// The blocks of slots that came later. Belongs to the owner, and at last to who frees all.
    more: sync_core::atomic::UnsafeCell<Vec<NonNull<[Slot]>>>,
}

/// The owner's side.
pub(super) struct Ready {
    shared: NonNull<Shared>,
}

// SAFETY: what is shared is atomic, or belongs to one side, see the fields. The owner's side changes
// only through `&mut self`.
unsafe impl Send for Ready {}
// SAFETY: as above.
unsafe impl Sync for Ready {}

impl Slot {
    fn new(shared: NonNull<Shared>, index: usize) -> Self {
        Slot {
            shared,
            // The last two numbers mean something else.
            index: u32::try_from(index + 2).expect(TOO_MANY) - 2,
            next: AtomicU32::new(EMPTY),
            marked: AtomicBool::new(false),
            note: core::sync::atomic::AtomicU32::new(0),
        }
    }
}

const TOO_MANY: &str = "a select has fewer than 2^32 - 2 cases";

/// Where the slots begin.
const OFFSET: usize = size_of::<Shared>().next_multiple_of(align_of::<Slot>());

fn layout(first: usize) -> Layout {
    let slots = Layout::array::<Slot>(first).expect(TOO_MANY);
    let (layout, offset) = Layout::new::<Shared>().extend(slots).expect(TOO_MANY);
    debug_assert_eq!(offset, OFFSET);
    layout.pad_to_align()
}

impl Ready {
    /// For cases `0..cases`, of which there is at least one. Allocates once.
    pub(super) fn new(cases: usize) -> Self {
        assert_ne!(cases, 0);
        let layout = layout(cases);
        // SAFETY: the layout is not empty, as a header is in it.
        let memory = unsafe { alloc(layout) };
        let Some(shared) = NonNull::new(memory.cast::<Shared>()) else {
            handle_alloc_error(layout)
        };
        // SAFETY: the memory is ours, and large enough and aligned for the header and, from `OFFSET`
        // on, the slots. Nothing here panics: `layout` has refused too large a number, ...
        unsafe {
            shared.write(Shared {
                refs: AtomicUsize::new(1),
                list: AtomicU32::new(EMPTY),
                task: Outer::new(),
                first: cases,
                more: sync_core::atomic::UnsafeCell::new(Vec::new()),
            });
            let slots = memory.add(OFFSET).cast::<Slot>();
            for index in 0..cases {
                // ... or this does, and then leaks the memory.
                slots.add(index).write(Slot::new(shared, index));
            }
        }
        Ready { shared }
    }

    /// Makes room for cases up to the double of `cases`, which is how many there is room for now. There
    /// was room for [`FIRST`] in the beginning.
    pub(super) fn grow(&mut self, cases: usize) {
        assert_eq!(self.shared().first, FIRST);
        let block: Box<[Slot]> = (cases..2 * cases)
            .map(|index| Slot::new(self.shared, index))
            .collect();
        self.shared().more.with_mut(|more| {
            // SAFETY: the vector is the owner's, and this is its owner, exclusively. The block is freed
            // with the rest. (Raw, so that moving the pointer claims nothing about the slots.)
            unsafe { (*more).push(NonNull::from(Box::leak(block))) }
        });
    }

    fn shared(&self) -> &Shared {
        // SAFETY: this is one of the references that keep it.
        unsafe { self.shared.as_ref() }
    }

    #[inline]
    fn slot(&self, index: usize) -> NonNull<Slot> {
        let shared = self.shared();
        if index < shared.first {
            // SAFETY: so many slots follow the header.
            unsafe { self.shared.byte_add(OFFSET).cast::<Slot>().add(index) }
        } else {
            let (block, at) = place(index);
            shared.more.with(|more| {
                // SAFETY: the vector is the owner's, who changes it only through `&mut self`.
                let block: NonNull<[Slot]> = unsafe { &*more }[block - 1];
                assert!(at < block.len());
                // SAFETY: within the block, which lives as long as the header.
                unsafe { block.cast::<Slot>().add(at) }
            })
        }
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

/// In which block (0: the first) a case is, and where in it. The first has [`FIRST`], each later one as
/// many as all before.
#[inline]
pub(super) fn place(index: usize) -> (usize, usize) {
    let Some(times) = (index / FIRST).checked_ilog2() else {
        return (0, index);
    };
    (times as usize + 1, index - (FIRST << times))
}

impl Drop for Ready {
    fn drop(&mut self) {
        // At the end, also if the drop of the task's waker panics.
        let _release = Release(self.shared);
        // Late wake-ups have nobody to wake.
        drop(self.shared().task.take());
    }
}

/// Gives up a reference when it is dropped.
struct Release(NonNull<Shared>);

impl Drop for Release {
    fn drop(&mut self) {
        // SAFETY: the reference that is given up keeps it alive until then.
        let refs = unsafe { &self.0.as_ref().refs };
        // Release: whatever this side did comes before the memory is freed.
        if refs.fetch_sub(1, Ordering::Release) == 1 {
            // Acquire: so did the others. (A load: ThreadSanitizer does not know fences.)
            refs.load(Ordering::Acquire);
            // SAFETY: nobody else is left.
            unsafe { free(self.0) };
        }
    }
}

/// # Safety
///
/// There is no reference left, and what was done through them happened before.
unsafe fn free(shared: NonNull<Shared>) {
    // SAFETY: the caller's promise; everything was made in `new` and `grow`, as it is unmade here.
    unsafe {
        let layout = layout(shared.as_ref().first);
        let slots = shared.byte_add(OFFSET).cast::<Slot>();
        for index in 0..shared.as_ref().first {
            slots.add(index).drop_in_place();
        }
        let more = shared
            .as_ref()
            .more
            .with_mut(|more| core::mem::take(&mut *more));
        for block in more {
            drop(Box::from_raw(block.as_ptr()));
        }
        shared.drop_in_place();
        dealloc(shared.as_ptr().cast(), layout);
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

fn mark(slot: &Slot) {
    // Release: what happened before, to who clears the flag. Acquire: who cleared it has read the link.
    if slot.marked.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: a slot lives as long as the whole.
    let shared = unsafe { slot.shared.as_ref() };
    // Relaxed: the number alone is of use here.
    let mut newest = shared.list.load(Ordering::Relaxed);
    loop {
        let before = if newest == WAITING { EMPTY } else { newest };
        slot.next.store(before, Ordering::Relaxed);
        // Release: the link, and those of the cases before, whose pushes this one continues.
        match shared.list.compare_exchange(
            newest,
            slot.index + 1,
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            Ok(_) => break,
            Err(now) => newest = now,
        }
    }
    if newest == WAITING {
        shared.task.wake();
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

/// # Safety, of all four
///
/// `data` points to a slot that the waker keeps alive.
unsafe fn slot<'a>(data: *const ()) -> &'a Slot {
    // SAFETY: the caller's promise.
    unsafe { &*data.cast() }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the data of a waker of ours.
    let shared = unsafe { slot(data).shared.as_ref() };
    // Relaxed: a new reference comes from one that is alive.
    if shared.refs.fetch_add(1, Ordering::Relaxed) > MAX_REFS {
        too_many_wakers();
    }
    RawWaker::new(data, &VTABLE)
}

#[cold]
fn too_many_wakers() -> ! {
    // A wrap would be a use after free, and whoever catches this panic could come again.
    struct Abort;
    impl Drop for Abort {
        fn drop(&mut self) {
            panic!("too many wakers of a select");
        }
    }
    let _abort = Abort;
    panic!("too many wakers of a select");
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the data of a waker of ours, whose reference is given up at the end, also if the task's
    // waker panics.
    let slot = unsafe { slot(data) };
    let _release = Release(slot.shared);
    mark(slot);
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the data of a waker of ours.
    mark(unsafe { slot(data) });
}

unsafe fn release(data: *const ()) {
    // SAFETY: the data of a waker of ours.
    drop(Release(unsafe { slot(data) }.shared));
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn blocks_double() {
        let size = |block: usize| {
            if block == 0 {
                FIRST
            } else {
                FIRST << (block - 1)
            }
        };
        let all = (0..5).flat_map(|block| (0..size(block)).map(move |at| (block, at)));
        assert!((0..FIRST * 16).map(place).eq(all));
    }
}
