//! The memory of a select's wakers: a header, and a slot for each case, in one allocation.
//!
//! A case's waker is a pointer to its slot; the slot knows the header. Clones of wakers and the select
//! itself share one count of references, and the last one frees the memory. A waker that outlives the
//! select finds no task to wake. Slots do not move: more of them come in blocks of their own, each as
//! large as all before.
//!
//! What the fields mean, and the way of a mark, are told in `ready`.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;
use core::task::{RawWaker, RawWakerVTable};

use sync_core::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, UnsafeCell};

use super::outer::Outer;

/// Nobody is on the list; the end of it. Otherwise: the number of a case, plus one.
pub(super) const EMPTY: u32 = 0;

/// Nobody is on the list, and the task waits.
pub(super) const WAITING: u32 = u32::MAX;

/// Cases in the first block of those that grow.
pub(super) const FIRST: usize = if cfg!(any(loom, shuttle)) { 1 } else { 4 };

/// More references than anybody needs. (Each is a waker in memory, or was leaked.)
const MAX_REFS: usize = usize::MAX / 2;

pub(super) struct Slot {
    shared: NonNull<Shared>,
    index: u32,
    /// The one before on the list. Belongs to who sets the flag until the case is on the list, then to
    /// who has taken the list until the flag is cleared.
    pub(super) next: AtomicU32,
    pub(super) marked: AtomicBool,
    /// A note of the owner's. (Not the facade's: there is nothing for a model to see. Atomic, as the slot
    /// is shared; it fills a gap.)
    pub(super) note: core::sync::atomic::AtomicU32,
}

pub(super) struct Shared {
    refs: AtomicUsize,
    pub(super) list: AtomicU32,
    pub(super) task: Outer,
    /// How many slots follow this header in the same allocation.
    pub(super) first: usize,
    /// The blocks of slots that came later. Belongs to the owner, and at last to who frees all.
    more: UnsafeCell<Vec<NonNull<[Slot]>>>,
}

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

impl Shared {
    /// With one reference, the caller's.
    pub(super) fn allocate(cases: usize) -> NonNull<Self> {
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
                more: UnsafeCell::new(Vec::new()),
            });
            let slots = memory.add(OFFSET).cast::<Slot>();
            for index in 0..cases {
                // ... or this does, and then leaks the memory.
                slots.add(index).write(Slot::new(shared, index));
            }
        }
        shared
    }

    /// Adds a block of slots for the cases from `cases` to its double.
    ///
    /// # Safety
    ///
    /// The caller is the owner, and has it exclusively.
    pub(super) unsafe fn grow(this: NonNull<Self>, cases: usize) {
        let block: Box<[Slot]> = (cases..2 * cases)
            .map(|index| Slot::new(this, index))
            .collect();
        // SAFETY: the owner's reference keeps it.
        let shared = unsafe { this.as_ref() };
        shared.more.with_mut(|more| {
            // SAFETY: the vector is the owner's. The block is freed with the rest. (Raw, so that moving the
            // pointer claims nothing about the slots.)
            unsafe { (*more).push(NonNull::from(Box::leak(block))) }
        });
    }

    /// The slot of a case.
    ///
    /// # Safety
    ///
    /// The caller is the owner, who does not add blocks meanwhile.
    #[inline]
    pub(super) unsafe fn slot(this: NonNull<Self>, index: usize) -> NonNull<Slot> {
        // SAFETY: the owner's reference keeps it.
        let shared = unsafe { this.as_ref() };
        if index < shared.first {
            // SAFETY: so many slots follow the header.
            return unsafe { this.byte_add(OFFSET).cast::<Slot>().add(index) };
        }
        let (block, at) = place(index);
        shared.more.with(|more| {
            // SAFETY: the vector is the owner's.
            let block: NonNull<[Slot]> = unsafe { &*more }[block - 1];
            assert!(at < block.len());
            // SAFETY: within the block, which lives as long as the header.
            unsafe { block.cast::<Slot>().add(at) }
        })
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

/// Gives up a reference when it is dropped.
pub(super) struct Release(pub(super) NonNull<Shared>);

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

/// A case is woken.
pub(super) fn mark(slot: &Slot) {
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

pub(super) static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

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
