//! What is measured and what is wanted of it.

mod barrier;
mod broadcast;
mod cancel;
mod channel;
mod concurrent_map;
mod cond;
mod context;
mod event;
mod group;
mod lock_all;
mod map;
mod memory;
mod mutex_contended;
mod mutex_free;
mod mutex_waits;
mod once;
mod oneshot;
mod pipeline;
mod pools;
pub(crate) mod reasons;
mod rwlock;
mod select;
mod semaphore;
mod single_flight;
mod storm;
mod timers;
mod wait_group;
mod worker_pool;

use crate::row::Row;

/// All rows, in the order of the report.
#[must_use]
pub fn all() -> Vec<Row> {
    [
        mutex_free::rows(),
        mutex_contended::rows(),
        mutex_waits::rows(),
        cancel::rows(),
        rwlock::rows(),
        semaphore::rows(),
        lock_all::rows(),
        memory::rows(),
        storm::rows(),
        wait_group::rows(),
        once::rows(),
        single_flight::rows(),
        event::rows(),
        barrier::rows(),
        cond::rows(),
        channel::rows(),
        broadcast::rows(),
        oneshot::rows(),
        select::rows(),
        context::rows(),
        map::rows(),
        pools::rows(),
        group::rows(),
        concurrent_map::rows(),
        pipeline::rows(),
        timers::rows(),
        worker_pool::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The names under which `conformance` has ours.
mod ours {
    pub(super) const ADAPTIVE: &str = "async-sync, Adaptive";
    pub(super) const FIFO: &str = "async-sync, Fifo";
    pub(super) const WRITE_PREFERRING: &str = "async-sync, WritePreferring";
    pub(super) const READ_MOSTLY: &str = "async-sync, ReadMostly";
    pub(super) const PLAIN: &str = "async-sync";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::case::Role;

    #[test]
    fn whoever_is_judged_takes_part_at_every_point() {
        for row in all() {
            for point in &row.points {
                let judged = point.cases.iter().find(|case| case.peer == row.judged);
                assert_eq!(
                    judged.map(|case| case.role),
                    Some(Role::Ours),
                    "{} {}",
                    row.id,
                    point.label
                );
                if let Some(floor) = row.floor {
                    assert!(
                        point.cases.iter().any(|case| case.peer == floor),
                        "{}",
                        row.id
                    );
                }
            }
        }
    }

    #[test]
    fn a_row_has_no_two_cases_of_one_name_at_a_point() {
        for row in all() {
            let ids: Vec<_> = row
                .points
                .iter()
                .flat_map(|point| &point.cases)
                .map(|case| &case.id)
                .collect();
            let distinct: BTreeSet<_> = ids.iter().collect();
            assert_eq!(distinct.len(), ids.len(), "{} {}", row.id, row.title);
        }
    }
}
