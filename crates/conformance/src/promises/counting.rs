//! An allocator that counts.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting the allocations of each thread.
///
/// The program that measures installs it:
///
/// ```
/// use conformance::promises::counting::{self, Counting};
///
/// #[global_allocator]
/// static ALLOCATOR: Counting = Counting;
///
/// fn main() {
///     assert_eq!(counting::allocations(|| drop(Box::new(1))), 1);
/// }
/// ```
#[derive(Debug)]
pub struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

/// An allocation, or the change of one.
fn count(bytes: isize) {
    // A thread that is ending has no count any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    weigh(bytes);
}

fn weigh(bytes: isize) {
    let _ = BYTES.try_with(|sum| sum.set(sum.get() + bytes));
}

/// An allocation's size. (None is larger than half of what there is.)
fn size(bytes: usize) -> isize {
    bytes.cast_signed()
}

// SAFETY: all calls go to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        weigh(-size(layout.size()));
        // SAFETY: `ptr` came from `System`, with this layout.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(size(new_size) - size(layout.size()));
        // SAFETY: as above, and the caller keeps the contract of `realloc`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// How often this thread allocates in `f`.
///
/// # Panics
///
/// If [`Counting`] is not the allocator of this program.
pub fn allocations(f: impl FnOnce()) -> usize {
    assert_installed();
    counted(f)
}

/// How many bytes are left of what this thread allocates in `f`.
///
/// # Panics
///
/// If [`Counting`] is not the allocator of this program.
pub fn left(f: impl FnOnce()) -> isize {
    assert_installed();
    let before = BYTES.get();
    f();
    BYTES.get() - before
}

fn assert_installed() {
    let one = counted(|| drop(std::hint::black_box(Box::new(1))));
    assert!(one == 1, "this program does not count allocations");
}

fn counted(f: impl FnOnce()) -> usize {
    let before = COUNT.get();
    f();
    COUNT.get() - before
}
