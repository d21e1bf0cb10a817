//! Who of many futures in one task was woken.
//!
//! Each slot of a window has a bell, an `Arc` that is a waker; it is made once and used by all futures that
//! come to stand in that slot. To ring is to set a bit: one exchange, and a second one if it is the first
//! of its word. The owner takes whole words at a time.
//!
//! # States
//!
//! The summary has a bit for each word (or for several, when there are more words than bits), and `AWAKE`.
//!
//! ```text
//!  asleep (0) --- first bell: wakes the owner's task ---> bits --- look ---> AWAKE (+ bits)
//!      ^                                                                       |
//!      '---------------- sleep: only if there is no bit -----------------------'
//! ```
//!
//! # Invariants
//!
//! 1. A bit of a word is set before the word's bit in the summary; the owner takes the summary first. So a
//!    bit that is missed by one look is seen by the next, and that one is announced.
//! 2. Who finds the summary at 0 wakes the owner; nobody else does. So after a successful `sleep` the first
//!    bell wakes, and an owner that is awake costs a bell no wake-up.
//! 3. `sleep` leaves the waker before it exchanges the summary: a bell that comes between finds it, or
//!    makes the exchange fail.
//!
//! A bell that rings for a future which is gone rings for the next one in the slot: a spurious poll.

#[cfg(all(test, loom))]
mod loom;

use std::sync::Arc;
use std::task::{Wake, Waker};

use sync_core::atomic::{AtomicUsize, Ordering};

#[cfg(all(test, loom))]
use self::loom::AtomicWaker;
#[cfg(not(all(test, loom)))]
use futures_util::task::AtomicWaker;

/// Slots in a word.
const BITS: usize = usize::BITS as usize;
/// The owner will look before it sleeps.
const AWAKE: usize = 1 << WORDS;
/// The bits of the summary that stand for words.
const WORDS: usize = BITS - 1;

/// The bells of a window.
pub(super) struct Bells {
    words: Box<[AtomicUsize]>,
    summary: AtomicUsize,
    owner: AtomicWaker,
}

struct Bell {
    bells: Arc<Bells>,
    slot: usize,
}

impl Bells {
    /// For so many slots. The owner is awake.
    pub(super) fn new(slots: usize) -> Arc<Self> {
        let words = slots.div_ceil(BITS).max(1);
        Arc::new(Self {
            words: (0..words).map(|_| AtomicUsize::new(0)).collect(),
            summary: AtomicUsize::new(AWAKE),
            owner: AtomicWaker::new(),
        })
    }

    /// The waker of this slot.
    pub(super) fn waker(self: &Arc<Self>, slot: usize) -> Waker {
        Waker::from(Arc::new(Bell {
            bells: Arc::clone(self),
            slot,
        }))
    }

    fn ring(&self, slot: usize) {
        let word = slot / BITS;
        // Release, here and below: what was done before the bell is seen by the poll that it leads to.
        if self.words[word].fetch_or(1 << (slot % BITS), Ordering::Release) != 0 {
            // Whoever set the first bit announces the word, or has.
            return;
        }
        // AcqRel: the one who wakes publishes the bits of those who found it announced.
        if self.summary.fetch_or(1 << (word % WORDS), Ordering::AcqRel) == 0 {
            self.owner.wake();
        }
    }

    /// Wakes up, and calls `visit` for each slot whose bell has rung, until it says that it has
    /// enough. Whether there may be more.
    pub(super) fn look(&self, mut visit: impl FnMut(usize) -> bool) -> bool {
        // Acquire: pairs with `ring`.
        let mut announced = self.summary.swap(AWAKE, Ordering::Acquire) & !AWAKE;
        while announced != 0 {
            let group = announced.trailing_zeros() as usize;
            announced &= announced - 1;
            for word in (group..self.words.len()).step_by(WORDS) {
                let mut bits = self.words[word].swap(0, Ordering::Acquire);
                while bits != 0 {
                    let bit = bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    if visit(word * BITS + bit) {
                        continue;
                    }
                    // Back to where they were. The owner is awake: nobody is to be woken.
                    if bits != 0 {
                        self.words[word].fetch_or(bits, Ordering::Relaxed);
                    }
                    self.summary
                        .fetch_or(announced | 1 << group, Ordering::Relaxed);
                    return true;
                }
            }
        }
        false
    }

    /// Whether a bell has rung since the last look. Only a hint.
    pub(super) fn rung(&self) -> bool {
        self.summary.load(Ordering::Relaxed) & !AWAKE != 0
    }

    /// Goes to sleep, or sleeps on, until the next bell, which wakes `waker`. False if one has rung
    /// already.
    pub(super) fn sleep(&self, waker: &Waker) -> bool {
        self.owner.register(waker);
        // Release: whoever finds 0 finds the waker. Relaxed on failure: the look that follows acquires.
        let slept = self
            .summary
            .compare_exchange(AWAKE, 0, Ordering::Release, Ordering::Relaxed);
        matches!(slept, Ok(_) | Err(0))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.bells.ring(self.slot);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.bells.ring(self.slot);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn rung(bells: &Bells) -> Vec<usize> {
        let mut seen = Vec::new();
        bells.look(|slot| {
            seen.push(slot);
            true
        });
        seen
    }

    #[test]
    fn every_slot_has_a_bell_of_its_own() {
        let slots = BITS * (WORDS + 2);
        let bells = Bells::new(slots);
        for slot in [0, BITS - 1, BITS, BITS * WORDS, slots - 1] {
            bells.waker(slot).wake();
            assert!(bells.rung());
            assert_eq!(rung(&bells), [slot]);
            assert!(!bells.rung());
        }
    }

    #[test]
    fn who_has_enough_leaves_the_rest() {
        let bells = Bells::new(130);
        for slot in [3, 5, 64, 129] {
            bells.waker(slot).wake_by_ref();
        }
        let mut first = None;
        assert!(bells.look(|slot| {
            first = Some(slot);
            false
        }));
        assert_eq!(first, Some(3));
        assert_eq!(rung(&bells), [5, 64, 129]);
    }

    #[test]
    fn a_bell_keeps_its_owner_awake() {
        let bells = Bells::new(1);
        assert!(bells.sleep(Waker::noop()));
        assert!(bells.sleep(Waker::noop()), "polled in vain: it sleeps on");
        bells.waker(0).wake();
        assert!(!bells.sleep(Waker::noop()));
        assert_eq!(rung(&bells), [0]);
        bells.waker(0).wake();
        assert!(!bells.sleep(Waker::noop()), "rung while awake");
    }
}
