//! P7: the price of one wait, without a runtime.

use std::hint::black_box;
use std::pin::pin;

use conformance::peers::AsyncMutex;

use super::ours;
use crate::case::{Cases, Passes, Role};
use crate::floors::{BARE, Bare};
use crate::measure::hand::repeat;
use crate::peers::{self, EachMutex};
use crate::row::{Goal, Measure, Row};
use crate::sample::figure;

struct Add(Cases);

impl EachMutex for Add {
    fn mutex<M: AsyncMutex>(&mut self) {
        self.0.add(M::NAME, peers::role(M::PACKAGE), |plan| {
            let mutex = M::new(0);
            let mut hung = false;
            let sample = repeat(plan, |cx| {
                let Some(mut first) = black_box(&mutex).try_lock() else {
                    hung = true;
                    return;
                };
                *black_box(&mut *first) += 1;
                let mut second = pin!(mutex.lock());
                let waits = second.as_mut().poll(cx).is_pending();
                drop(first);
                let done = second
                    .as_mut()
                    .poll(cx)
                    .map(|mut guard| *black_box(&mut *guard) += 1);
                hung |= !waits || done.is_pending();
            });
            sample.trouble_if(hung, "did not wait, or was not let in afterwards")
        });
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut add = Add(Cases::new("mutex-wait", "by hand", Passes::Instructions));
    peers::mutexes(&mut add);
    let mut cases = add.0;
    cases.add(BARE, Role::Floor, |plan| {
        let mutex = Bare::new(0);
        repeat(plan, |_| {
            for _ in 0..2 {
                if let Some(mut guard) = black_box(&mutex).try_lock() {
                    *black_box(&mut *guard) += 1;
                }
            }
        })
    });
    vec![Row {
        id: "P7",
        title: "Mutex, one wait, polled by hand",
        about: "Lock; a second future is polled and has to wait; unlock, which wakes it; it is \
                polled again and has the lock; unlock. The floor is two uncontended locks.",
        judged: ours::ADAPTIVE,
        floor: Some(BARE),
        measure: Measure::Nanos,
        points: vec![cases.point()],
        goals: vec![
            Goal::AtMost(Measure::Nanos, 14.0),
            Goal::AtMost(Measure::Figure(figure::ALLOCATIONS), 0.0),
            Goal::AtMost(Measure::Figure(figure::WAKES), 1.0),
        ],
        notes: &[],
    }]
}
