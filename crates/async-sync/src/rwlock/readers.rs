//! Where those who read are counted: in the lock's word, or beside it on several cache lines.
//!
//! [`Sharded`] counts modulo 2^n in slots, one a thread (several threads may share one). A reader that
//! moves to another thread leaves in that one's slot, so only the sum means something:
//!
//! ```text
//! enter   slot += 1; then the word: open? in. Else slot -= 1, and the queue decides
//! leave   slot -= 1; then the word: somebody waits? look at the queue
//! write   the word: BARRED or WRITER first; then the sum of all slots: zero? nobody reads
//! ```
//!
//! Each side writes its own before it reads the other's, all of it SeqCst: so if a reader has seen an
//! open word, a writer that looked afterwards has seen the reader.
//!
//! The sum is taken slot by slot while readers come and go. It is zero only if nobody reads: once the
//! word is closed, a slot grows only by those who see that and shrink *the same slot* again, so what
//! is seen of them never makes a sum smaller than it is; and a leaving that is not seen makes it
//! larger.

use core::fmt;

use sync_core::word::RwState;

use sync_core::atomic::{AtomicUsize, Ordering};

/// Where a lock counts its readers.
pub trait Readers: Send + Sync + fmt::Debug + 'static {
    /// None yet.
    #[cfg(not(loom))]
    const NEW: Self;
    /// Whether readers are counted here. If not, in the lock's word.
    const SHARDED: bool;
    /// None yet.
    #[cfg(loom)]
    fn new() -> Self;
    /// One more. Returns where, for [`undo`](Self::undo).
    fn add(&self) -> usize;
    /// Takes back what `add` did just now.
    fn undo(&self, place: usize);
    /// One less.
    fn sub(&self);
    /// How many there are: exact only while nobody can enter.
    fn sum(&self) -> usize;
}

/// In the word.
#[derive(Debug)]
pub struct Counted;

impl Readers for Counted {
    #[cfg(not(loom))]
    const NEW: Self = Counted;
    const SHARDED: bool = false;
    #[cfg(loom)]
    fn new() -> Self {
        Counted
    }
    #[inline]
    fn add(&self) -> usize {
        0
    }
    #[inline]
    fn undo(&self, _: usize) {}
    #[inline]
    fn sub(&self) {}
    #[inline]
    fn sum(&self) -> usize {
        0
    }
}

/// How many slots there are.
const SLOTS: usize = if cfg!(any(loom, shuttle)) { 2 } else { 8 };

/// In slots.
pub struct Sharded {
    slots: [Slot; SLOTS],
}

/// Two cache lines: processors fetch pairs of them.
#[repr(align(128))]
struct Slot(AtomicUsize);

impl Sharded {
    #[inline]
    fn change(&self, place: usize, by: usize) {
        // Also Release: the next writer sees what one that leaves has read.
        self.slots[place].0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Readers for Sharded {
    #[cfg(not(loom))]
    const NEW: Self = Sharded {
        slots: [const { Slot(AtomicUsize::new(0)) }; SLOTS],
    };
    const SHARDED: bool = true;
    #[cfg(loom)]
    fn new() -> Self {
        Sharded {
            slots: core::array::from_fn(|_| Slot(AtomicUsize::new(0))),
        }
    }

    #[inline]
    fn add(&self) -> usize {
        let place = here();
        self.change(place, 1);
        place
    }

    #[inline]
    fn undo(&self, place: usize) {
        self.change(place, usize::MAX);
    }

    #[inline]
    fn sub(&self) {
        self.change(here(), usize::MAX);
    }

    fn sum(&self) -> usize {
        // Also Acquire: what was done by those who have left is seen.
        #[cfg(not(loom))]
        let count = |slot: &Slot| slot.0.load(Ordering::SeqCst);
        // Loom knows no order of all SeqCst accesses, but one of all exchanges.
        #[cfg(loom)]
        let count = |slot: &Slot| slot.0.fetch_add(0, Ordering::SeqCst);
        self.slots.iter().map(count).fold(0, usize::wrapping_add)
    }
}

/// The order in which the word is written before slots are read.
pub(super) fn order<R: Readers>(weak: Ordering) -> Ordering {
    if R::SHARDED { Ordering::SeqCst } else { weak }
}

/// The slot of this thread.
#[cfg(all(feature = "std", not(any(loom, shuttle))))]
#[inline]
fn here() -> usize {
    use core::cell::Cell;
    use core::sync::atomic::AtomicUsize;

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static HERE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    // (While the thread's locals are destroyed there is no place of its own: any will do.)
    HERE.try_with(|here| {
        if here.get() == usize::MAX {
            here.set(NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS);
        }
        here.get() % SLOTS
    })
    .unwrap_or(0)
}

/// The slot of this stack: threads have different ones.
#[cfg(all(not(feature = "std"), not(any(loom, shuttle))))]
#[inline]
fn here() -> usize {
    let local = 0u8;
    (core::ptr::from_ref(&local).addr() >> 16) % SLOTS
}

/// The slot of this thread of the model.
#[cfg(loom)]
fn here() -> usize {
    // Its number is the same in every execution of the model; a hash of it would not be.
    let name = format!("{:?}", loom::thread::current().id());
    let digits = name.bytes().filter(u8::is_ascii_digit);
    digits.map(usize::from).sum::<usize>() % SLOTS
}

#[cfg(all(shuttle, not(loom)))]
fn here() -> usize {
    0
}

impl fmt::Debug for Sharded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sharded").field(&self.sum()).finish()
    }
}

/// How many read, in the word and beside it.
#[inline]
pub(super) fn count<R: Readers>(state: RwState, readers: &R) -> usize {
    state.readers().wrapping_add(readers.sum())
}
