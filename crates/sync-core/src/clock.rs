//! How long has somebody waited? A cheap clock for fairness decisions, nothing else.
//!
//! [`now`] returns ticks of 1.024 us in a `u32` that wraps every 73 minutes; only differences mean
//! something, and only differences of milliseconds are ever asked for. A wrong answer costs
//! fairness, never safety: a baton that is revoked too early is merely passed on.
//!
//! Where the ticks come from, in this order:
//!
//! 1. the virtual time that a test executor set on this thread ([`set_virtual`]);
//! 2. on x86-64 with an invariant time-stamp counter, that counter, calibrated once against
//!    `Instant` (reading it costs a third to a half of `Instant::now`, and unlocking a contended
//!    lock asks for the time);
//! 3. `std::time::Instant`;
//! 4. without `std`, and under a model checker, nothing measures time: every look counts as
//!    [`PER_LOOK`] ticks (under a model checker: none), so that rules of the form "after one
//!    millisecond" become "after that many attempts".

/// One millisecond in ticks.
pub const MILLI: u32 = 977;

/// Ticks that pass with every call of [`now`] where nothing measures time.
pub const PER_LOOK: u32 = 32;

/// log2 of the nanoseconds in a tick.
const SHIFT: u32 = 10;

/// The present, in ticks.
#[inline]
#[must_use]
pub fn now() -> u32 {
    // Truncation is the wrap that the module's head speaks of.
    (source::nanos() >> SHIFT) as u32
}

/// Whether more than a millisecond lies between the tick `then` and the tick `now`.
#[inline]
#[must_use]
pub const fn is_stale(then: u32, now: u32) -> bool {
    is_older(then, now, MILLI)
}

/// Whether more than `limit` ticks lie between the tick `then` and the tick `now`.
///
/// A `then` that lies in the future, as two cores with unequal counters may see it, is young.
#[inline]
#[must_use]
pub const fn is_older(then: u32, now: u32, limit: u32) -> bool {
    let age = now.wrapping_sub(then);
    age > limit && age < u32::MAX - SKEW
}

/// How far in the future a stamp may seem to lie: about a second.
const SKEW: u32 = 1000 * MILLI;

#[cfg(feature = "std")]
pub use source::set_virtual;

#[cfg(feature = "std")]
mod source {
    use core::cell::Cell;
    use core::sync::atomic::{AtomicBool, Ordering};

    // These are not the facade's atomics: time is outside of what a model explores, and a switch
    // point at every look at the clock would only multiply its schedules.
    static ANY_VIRTUAL: AtomicBool = AtomicBool::new(false);

    std::thread_local! {
        static VIRTUAL: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Sets this thread's time to `now_nanos` nanoseconds, or gives it back to the real clock.
    /// Returns what was set before.
    ///
    /// For executors that simulate time: call it whenever virtual time moves, and restore the
    /// previous value on the way out.
    ///
    /// ```
    /// use sync_core::clock;
    ///
    /// let before = clock::set_virtual(Some(5 << 20));
    /// let then = clock::now();
    /// clock::set_virtual(Some(9 << 20)); // about four milliseconds later
    /// assert!(clock::is_stale(then, clock::now()));
    /// clock::set_virtual(before);
    /// ```
    pub fn set_virtual(now_nanos: Option<u64>) -> Option<u64> {
        if now_nanos.is_some() {
            // Relaxed: this thread reads its own store, no other thread needs to see it.
            ANY_VIRTUAL.store(true, Ordering::Relaxed);
        }
        VIRTUAL.with(|time| time.replace(now_nanos))
    }

    #[inline]
    pub(super) fn nanos() -> u64 {
        // Processes that never simulate time pay one load for the possibility.
        if ANY_VIRTUAL.load(Ordering::Relaxed)
            && let Ok(Some(nanos)) = VIRTUAL.try_with(Cell::get)
        {
            return nanos;
        }
        real_nanos()
    }

    #[cfg(any(loom, shuttle))]
    fn real_nanos() -> u64 {
        // A model must be deterministic: time stands still unless the model moves it.
        0
    }

    #[cfg(not(any(loom, shuttle)))]
    #[inline]
    fn real_nanos() -> u64 {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            super::counter::nanos()
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        {
            use std::sync::OnceLock;
            use std::time::Instant;
            static START: OnceLock<Instant> = OnceLock::new();
            START.get_or_init(Instant::now).elapsed().as_nanos() as u64
        }
    }
}

#[cfg(not(feature = "std"))]
mod source {
    use crate::atomic::{AtomicU32, Ordering};

    static LOOKS: AtomicU32 = AtomicU32::new(0);

    pub(super) fn nanos() -> u64 {
        // Relaxed: the count orders nothing.
        let looks = LOOKS.fetch_add(super::PER_LOOK, Ordering::Relaxed);
        u64::from(looks) << super::SHIFT
    }
}

/// The time-stamp counter, turned into nanoseconds.
#[cfg(all(feature = "std", target_arch = "x86_64", not(any(miri, loom, shuttle))))]
mod counter {
    use core::arch::x86_64::{__cpuid, _rdtsc};
    use core::sync::atomic::{AtomicU64, Ordering};
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    /// The counter and the clock, read together.
    #[derive(Clone, Copy)]
    struct Anchor {
        ticks: u64,
        /// Ticks that passed while the pair was read: how far apart the two may be.
        gap: u64,
        instant: Instant,
    }

    static START: OnceLock<Anchor> = OnceLock::new();

    /// Nanoseconds per 2^32 ticks; [`UNKNOWN`] until calibrated, [`UNUSABLE`] where the counter
    /// does not run at a constant rate.
    static SCALE: AtomicU64 = AtomicU64::new(UNKNOWN);
    const UNKNOWN: u64 = 0;
    const UNUSABLE: u64 = u64::MAX;

    /// Long enough that the error of reading the pairs is a few parts in 10^5.
    const CALIBRATION: Duration = Duration::from_millis(5);

    #[inline]
    fn ticks() -> u64 {
        // SAFETY: every x86-64 processor has the instruction; it reads a register.
        unsafe { _rdtsc() }
    }

    #[inline]
    pub(super) fn nanos() -> u64 {
        // Relaxed: the scale is a plain number; START is published by its own OnceLock.
        let scale = SCALE.load(Ordering::Relaxed);
        match START.get() {
            Some(start) if scale != UNKNOWN && scale != UNUSABLE => {
                let passed = ticks().saturating_sub(start.ticks);
                ((u128::from(passed) * u128::from(scale)) >> 32) as u64
            }
            _ => calibrate(scale),
        }
    }

    #[cold]
    fn calibrate(scale: u64) -> u64 {
        let start = START.get_or_init(read);
        let passed = start.instant.elapsed();
        if scale == UNKNOWN && passed >= CALIBRATION {
            let end = read();
            let ticks = end.ticks.saturating_sub(start.ticks);
            if !counter_is_invariant() || ticks == 0 {
                SCALE.store(UNUSABLE, Ordering::Relaxed);
            } else if end.gap.max(start.gap) < ticks / 1000 {
                let nanos = end.instant.duration_since(start.instant).as_nanos();
                let scale = (nanos << 32) / u128::from(ticks);
                SCALE.store(scale as u64, Ordering::Relaxed);
            }
            // Otherwise the thread was descheduled while it read: a later call tries again, over a
            // longer time in which the same gap weighs less.
        }
        passed.as_nanos() as u64
    }

    fn read() -> Anchor {
        (0..3)
            .map(|_| {
                let before = ticks();
                let instant = Instant::now();
                let gap = ticks().saturating_sub(before);
                Anchor {
                    ticks: before + gap / 2,
                    gap,
                    instant,
                }
            })
            .min_by_key(|anchor| anchor.gap)
            .expect("the range above is not empty")
    }

    fn counter_is_invariant() -> bool {
        const ADVANCED_POWER: u32 = 0x8000_0007;
        __cpuid(0x8000_0000).eax >= ADVANCED_POWER && __cpuid(ADVANCED_POWER).edx & (1 << 8) != 0
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_counter_agrees_with_the_clock() {
            nanos();
            std::thread::sleep(Duration::from_millis(20));
            nanos(); // calibrates
            // The clock is read before and after the counter: the thread may be stopped in between.
            let (outer, before, inner) = (Instant::now(), nanos(), Instant::now());
            std::thread::sleep(Duration::from_millis(50));
            let (least, after, most) = (inner.elapsed(), nanos(), outer.elapsed());
            let counted = Duration::from_nanos(after - before);
            assert!(
                least * 19 / 20 < counted && counted < most * 21 / 20,
                "the counter says {counted:?}, the clock {least:?} to {most:?}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_means_more_than_a_millisecond_ago() {
        assert!(!is_stale(100, 100));
        assert!(!is_stale(100, 100 + MILLI));
        assert!(is_stale(100, 101 + MILLI));
        // across the wrap
        assert!(!is_stale(u32::MAX - 10, 20));
        assert!(is_stale(u32::MAX - 10, MILLI));
        // a stamp from another core's future
        assert!(!is_stale(200, 100));
        // nearly a whole round of the counter ago
        assert!(is_stale(0, u32::MAX - 2 * SKEW));
    }

    #[cfg(all(feature = "std", not(any(loom, shuttle))))]
    #[test]
    fn virtual_time_is_this_threads_only() {
        let before = set_virtual(Some(7 << SHIFT));
        assert_eq!(now(), 7);
        std::thread::spawn(|| assert_eq!(set_virtual(None), None))
            .join()
            .unwrap();
        assert_eq!(now(), 7);
        set_virtual(before);
    }

    #[cfg(all(feature = "std", not(any(loom, shuttle))))]
    #[test]
    fn real_time_moves() {
        let then = now();
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert!(is_stale(then, now()));
    }
}
