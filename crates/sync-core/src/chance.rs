//! Chance: who of several that could go first goes first. For fairness, not for secrets.
//!
//! The generator is SplitMix64: one addition and two multiplications, no bad seeds, the same on every
//! platform. Where the numbers of [`below`] come from, in this order:
//!
//! 1. the seed that a test executor set on this thread ([`set_seed`]): the same choices every time;
//! 2. a generator of this thread's own, which begins anywhere;
//! 3. without `std`, one generator for all: an atomic counter, mixed;
//! 4. under a model checker, which has to be able to repeat a run, always 0, unless a seed was set.

/// SplitMix64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(u64);

/// What is added with each number.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const fn scale(number: u64, bound: usize) -> usize {
    ((number as u128 * bound as u128) >> 64) as usize
}

impl Rng {
    /// Any seed is as good as any other.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Rng(seed)
    }

    #[inline]
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `bound`; 0 if that is 0. The bias is of the order of `bound` / 2^64.
    ///
    /// ```
    /// use sync_core::chance::Rng;
    ///
    /// let mut dice = Rng::new(7);
    /// assert!((0..100).all(|_| dice.below(6) < 6));
    /// assert_eq!(dice.below(0), 0);
    /// ```
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        scale(self.next(), bound)
    }
}

/// A number below `bound`, by this thread's chance; 0 if that is 0.
#[inline]
#[must_use]
pub fn below(bound: usize) -> usize {
    scale(source::next(), bound)
}

#[cfg(feature = "std")]
pub use source::set_seed;

#[cfg(feature = "std")]
mod source {
    use core::cell::Cell;

    use super::{STEP, mix};

    /// The state of a generator, whether it was seeded, and whether it has begun.
    #[derive(Clone, Copy)]
    struct State {
        seeded: bool,
        begun: bool,
        rng: u64,
    }

    std::thread_local! {
        static STATE: Cell<State> =
            const { Cell::new(State { seeded: false, begun: false, rng: 0 }) };
    }

    /// Sets the seed of this thread's chance, or makes it random again. Returns the generator that was
    /// set before, as it is now: given back as a seed, it goes on where it was.
    ///
    /// For executors that want the same seed to bring the same run: restore the previous value on the
    /// way out.
    ///
    /// ```
    /// use sync_core::chance::{below, set_seed};
    ///
    /// let before = set_seed(Some(7));
    /// let throws: Vec<_> = (0..10).map(|_| below(6)).collect();
    /// set_seed(Some(7));
    /// assert!(throws.iter().all(|&throw| throw == below(6)));
    /// set_seed(before);
    /// ```
    #[expect(clippy::must_use_candidate, reason = "it is called for its effect")]
    pub fn set_seed(seed: Option<u64>) -> Option<u64> {
        let new = State {
            seeded: seed.is_some(),
            begun: seed.is_some(),
            rng: seed.unwrap_or(0),
        };
        let old = STATE.with(|state| state.replace(new));
        old.seeded.then_some(old.rng)
    }

    #[inline]
    pub(super) fn next() -> u64 {
        // A thread whose locals are gone goes without.
        STATE
            .try_with(|state| {
                let mut now = state.get();
                if !now.begun {
                    match anywhere() {
                        Some(rng) => {
                            now = State {
                                begun: true,
                                rng,
                                ..now
                            }
                        }
                        None => return 0,
                    }
                }
                now.rng = now.rng.wrapping_add(STEP);
                state.set(now);
                mix(now.rng)
            })
            .unwrap_or(0)
    }

    #[cfg(any(loom, shuttle))]
    fn anywhere() -> Option<u64> {
        None
    }

    #[cfg(not(any(loom, shuttle)))]
    #[cold]
    fn anywhere() -> Option<u64> {
        use std::hash::BuildHasher;
        // The standard library's source of random keys.
        Some(std::collections::hash_map::RandomState::new().hash_one(0))
    }
}

#[cfg(not(feature = "std"))]
mod source {
    use core::sync::atomic::{AtomicUsize, Ordering};

    // Not the facade's: chance is outside of what a model explores.
    static COUNT: AtomicUsize = AtomicUsize::new(0);

    #[inline]
    pub(super) fn next() -> u64 {
        // Relaxed: the count orders nothing.
        let count = COUNT.fetch_add(1, Ordering::Relaxed) as u64;
        super::mix(count.wrapping_mul(super::STEP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that a seed brings the same run with every version: changing this is a breaking change.
    #[test]
    fn the_sequence_is_that_of_splitmix64() {
        let mut rng = Rng::new(0);
        assert_eq!(rng.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(rng.next(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(rng.next(), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn every_number_comes_about_equally_often() {
        let mut rng = Rng::new(1);
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            seen[rng.below(7)] += 1;
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
    }

    #[cfg(all(feature = "std", not(any(loom, shuttle))))]
    #[test]
    fn a_seed_is_this_threads_and_goes_on_after_a_nested_one() {
        let throws = |n| (0..n).map(|_| below(1000)).collect::<Vec<_>>();
        let before = set_seed(Some(3));
        let all = throws(8);
        set_seed(Some(3));
        let mut again = throws(4);
        let outer = set_seed(Some(99));
        std::thread::spawn(|| assert_eq!(set_seed(None), None))
            .join()
            .unwrap();
        throws(5);
        set_seed(outer);
        again.extend(throws(4));
        assert_eq!(again, all);
        set_seed(before);
    }

    #[cfg(all(feature = "std", not(any(loom, shuttle))))]
    #[test]
    fn two_threads_without_a_seed_differ() {
        let throws = || (0..8).map(|_| below(1 << 20)).collect::<Vec<_>>();
        let other = std::thread::spawn(throws).join().unwrap();
        assert_ne!(throws(), other);
    }
}
