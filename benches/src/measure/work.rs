//! 100 nanoseconds of work that no optimiser can remove or shorten.

use std::hint::black_box;
use std::time::Instant;

/// Goes through so many rounds, each of which needs the result of the last.
#[inline]
#[must_use]
pub fn spend(rounds: u64, seed: u64) -> u64 {
    let mut x = seed | 1;
    for _ in 0..rounds {
        x = black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
    x
}

/// The rounds of [`spend`] that take 100 ns: of several tries the quickest, so that whatever else
/// the machine does makes it no smaller.
#[must_use]
pub fn calibrate() -> u64 {
    const ROUNDS: u64 = 200_000;
    let try_once = || {
        let start = Instant::now();
        black_box(spend(ROUNDS, black_box(7)));
        start.elapsed().as_nanos() as f64 / ROUNDS as f64
    };
    let per_round = (0..20).map(|_| try_once()).fold(f64::MAX, f64::min);
    (100.0 / per_round).round().max(1.0) as u64
}
