//! P8: a waiter gives up and queues again.

use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};

use conformance::peers::AsyncMutex;

use super::ours;
use crate::case::{Cases, Passes, Point};
use crate::measure::hand::repeat;
use crate::peers::{self, EachMutex};
use crate::row::{Goal, Measure, Rival, Row};

struct Add {
    cases: Cases,
    waiting: usize,
}

impl EachMutex for Add {
    fn mutex<M: AsyncMutex>(&mut self) {
        let waiting = self.waiting;
        self.cases
            .add(M::NAME, peers::role(M::PACKAGE), move |plan| {
                // It outlives the futures, which borrow it.
                let mutex = M::new(0);
                let held = mutex.try_lock();
                let cx = &mut Context::from_waker(Waker::noop());
                let mut queue: Vec<Pin<Box<Option<_>>>> =
                    (0..waiting).map(|_| Box::pin(Some(mutex.lock()))).collect();
                let mut early = false;
                for waiter in &mut queue {
                    if let Some(future) = waiter.as_mut().as_pin_mut() {
                        early |= future.poll(cx).is_ready();
                    }
                }
                // A stride without a common factor with the length: everybody has a turn, never in order.
                let mut next = 0;
                let sample = repeat(plan, |cx| {
                    next = (next + 617) % waiting;
                    let waiter = &mut queue[next];
                    waiter.set(None);
                    waiter.set(Some(black_box(&mutex).lock()));
                    if let Some(future) = waiter.as_mut().as_pin_mut() {
                        early |= future.poll(cx).is_ready();
                    }
                });
                // Futures first: a mutex that is unlocked with a thousand waiters wakes them.
                drop(queue);
                drop(held);
                sample.trouble_if(early, "let somebody in while the lock was held")
            });
    }
}

fn point(waiting: usize) -> Point {
    let cases = Cases::new(
        "mutex-cancel",
        format!("{waiting} waiting"),
        Passes::Counted,
    );
    let mut add = Add { cases, waiting };
    peers::mutexes(&mut add);
    add.cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        id: "P8",
        title: "Mutex, cancel a waiter and queue again",
        about: "The lock is held. One of those who wait is dropped, from anywhere in the queue, and a \
                new one is polled in its place.",
        judged: ours::ADAPTIVE,
        floor: None,
        measure: Measure::Nanos,
        points: vec![point(1), point(1000)],
        // 1000 futures and their nodes do not fit into the first-level cache.
        goals: vec![Goal::Ahead(Rival::Peers), Goal::Flat(1.5)],
        notes: &[],
    }]
}
