//! Condition variables: two tasks that take turns, and a call of all while the lock is held.

use std::sync::Arc;

use async_sync::WaitGroup;
use conformance::peers::AsyncCond;
use conformance::peers::conds::{Mea, Ours, OursOverTokio};

use super::ours;
use crate::case::{Cases, Passes, Point};
use crate::measure::bed::{Bed, TokioOneThread, TokioTwoWorkers};
use crate::measure::hand::repeat_many;
use crate::peers;
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

const TURNS: usize = 1000;
const TASKS: usize = 1000;

/// The task `parity` adds one whenever the number is even, or odd.
async fn take_turns<C: AsyncCond>(cond: Arc<C>, parity: u64) {
    for _ in 0..TURNS / 2 {
        let mut number = cond.lock().await;
        while *number % 2 != parity {
            number = cond.wait(number).await;
        }
        *number += 1;
        drop(number);
        cond.notify_one();
    }
}

fn ping_pong<C: AsyncCond, B: Bed>(cases: &mut Cases) {
    cases.add(C::NAME, peers::role(C::PACKAGE), |plan: &Plan| {
        let bed = B::start();
        repeat_many(plan, TURNS, |_| {
            let cond = Arc::new(C::new());
            let done = Arc::new(WaitGroup::new());
            for parity in 0..2 {
                let (cond, token) = (Arc::clone(&cond), done.add_owned());
                bed.spawn(Box::pin(async move {
                    take_turns(cond, parity).await;
                    drop(token);
                }));
            }
            bed.run(async move { done.wait().await });
        })
    });
}

/// All wait; all are called by somebody who has the lock and lets the others run before it lets go.
fn herd<C: AsyncCond, B: Bed>(cases: &mut Cases) {
    cases.add(C::NAME, peers::role(C::PACKAGE), |plan: &Plan| {
        let bed = Arc::new(B::start());
        repeat_many(plan, TASKS, |_| {
            let inside = Arc::clone(&bed);
            bed.run(async move {
                let cond = Arc::new(C::new());
                let done = Arc::new(WaitGroup::new());
                for _ in 0..TASKS {
                    let (cond, token) = (Arc::clone(&cond), done.add_owned());
                    inside.spawn(Box::pin(async move {
                        let mut number = cond.lock().await;
                        *number += 1;
                        let mut number = cond.wait(number).await;
                        *number -= 1;
                        drop(number);
                        drop(token);
                    }));
                }
                let number = loop {
                    let number = cond.lock().await;
                    if *number == TASKS as u64 {
                        break number;
                    }
                    drop(number);
                    B::yield_now().await;
                };
                cond.notify_all();
                B::yield_now().await;
                drop(number);
                done.wait().await;
            });
        })
    });
}

fn point<B: Bed>(situation: &str, bed: &str) -> Point {
    let mut cases = Cases::new(situation, bed, Passes::Counted);
    if situation == "cond-ping-pong" {
        ping_pong::<Ours, B>(&mut cases);
        ping_pong::<OursOverTokio, B>(&mut cases);
        ping_pong::<Mea, B>(&mut cases);
    } else {
        herd::<Ours, B>(&mut cases);
        herd::<OursOverTokio, B>(&mut cases);
        herd::<Mea, B>(&mut cases);
    }
    if B::MANY {
        cases.go("Go sync.Cond", &[situation]);
    }
    cases.point()
}

fn both(situation: &str) -> Vec<Point> {
    vec![
        point::<TokioOneThread>(situation, "tokio current-thread"),
        point::<TokioTwoWorkers>(situation, "tokio, 2 workers"),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "-",
            title: "Cond, two tasks take turns",
            about: "Lock, wait until it is this task's turn, let go, call the other: per turn.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: both("cond-ping-pong"),
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &["mea's is the only other one for tasks that we know of."],
        },
        Row {
            id: "-",
            title: "Cond, a call of all while the lock is held, 1000 tasks",
            about: "1000 tasks are spawned and wait. Somebody who has the lock calls all and lets them \
                    run before it lets go. Per task, with spawning it.",
            judged: ours::PLAIN,
            floor: None,
            measure: Measure::Nanos,
            points: both("cond-herd"),
            goals: vec![Goal::Ahead(Rival::Peers)],
            notes: &[
                "Ours moves the waiters into the lock's queue; elsewhere, and with other locks, each \
                 is woken to find the lock held.",
            ],
        },
    ]
}
