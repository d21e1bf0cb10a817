//! The report's cases of one thread under criterion, for whoever works on one of them:
//! `cargo bench -p benches -- mutex-free`.
//!
//! Contended cases are the report's alone: criterion asks for a number of operations, and a fixed
//! number hides who gets none.
#![allow(missing_docs, reason = "criterion's macros")]

use std::time::Duration;

use benches::case::{Passes, Run};
use benches::rows;
use benches::sample::Plan;
use criterion::{Criterion, criterion_group, criterion_main};

fn hand(c: &mut Criterion) {
    let rows = rows::all();
    let cases = rows
        .iter()
        .flat_map(|row| &row.points)
        .flat_map(|point| &point.cases);
    for case in cases.filter(|case| case.passes != Passes::Timed) {
        if let Run::Here(run) = &case.run
            && case.passes != Passes::Sizes
        {
            c.bench_function(&case.id, |b| {
                b.iter_custom(|n| {
                    let sample = run(&Plan::iterations(n));
                    Duration::from_secs_f64(sample.ns.unwrap_or(0.0) * n as f64 / 1e9)
                });
            });
        }
    }
}

criterion_group!(benches, hand);
criterion_main!(benches);
