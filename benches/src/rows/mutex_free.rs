//! P1: a mutex that nobody else wants.

use std::hint::black_box;

use conformance::peers::AsyncMutex;

use super::ours;
use crate::case::{Cases, Passes, Role};
use crate::floors::{BARE, Bare, Blocking};
use crate::measure::hand::{ready, repeat};
use crate::peers::{self, EachMutex};
use crate::row::{Goal, Measure, Row, instructions};

struct Add(Cases);

impl EachMutex for Add {
    fn mutex<M: AsyncMutex>(&mut self) {
        add::<M>(&mut self.0, peers::role(M::PACKAGE));
    }
}

fn add<M: AsyncMutex>(cases: &mut Cases, role: Role) {
    cases.add(M::NAME, role, |plan| {
        let mutex = M::new(0);
        // Anybody might look at it from here on, and `repeat` lets nothing be kept in a register from
        // one operation to the next: so each of them locks, adds in memory, and unlocks.
        let mutex = black_box(&mutex);
        repeat(plan, |cx| *ready(|| mutex.lock(), cx) += 1)
    });
}

pub(super) fn rows() -> Vec<Row> {
    let mut all = Add(Cases::new("mutex-free", "one task", Passes::Instructions));
    peers::mutexes(&mut all);
    let mut cases = all.0;
    cases.add("std (blocks)", Role::Floor, |plan| {
        let mutex = std::sync::Mutex::new(0_u64);
        let mutex = black_box(&mutex);
        repeat(plan, |_| *mutex.lock().expect("nobody panics") += 1)
    });
    add::<Blocking>(&mut cases, Role::Floor);
    add::<Bare>(&mut cases, Role::Floor);
    cases.go("Go sync.Mutex", &["mutex-free"]);
    vec![Row {
        id: "P1",
        title: "Mutex, lock and unlock, uncontended",
        about: "One task locks, adds to the value and unlocks. The future is polled once, by hand, \
                and is ready.",
        judged: ours::ADAPTIVE,
        floor: Some(BARE),
        measure: Measure::Nanos,
        points: vec![cases.point()],
        goals: vec![Goal::TimesFloor(1.15), instructions(30)],
        notes: &[],
    }]
}
