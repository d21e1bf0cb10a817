//! Many waits are given up: the others must go on, and nothing may be lost.

use std::future::poll_fn;
use std::hint::black_box;
use std::pin::pin;
use std::task::Poll;

use conformance::peers::AsyncMutex;

use super::mutex_contended::all_added;
use super::ours;
use crate::case::{Cases, Passes, Point};
use crate::measure::bed::{Bed, TokioTwoWorkers};
use crate::measure::contest::{Operation, contest};
use crate::measure::waits::Watch;
use crate::peers::{self, EachMutex};
use crate::row::{Goal, Measure, Rival, Row};
use crate::sample::Plan;

struct Storm<M> {
    mutex: M,
    percent: u64,
}

impl<M: AsyncMutex> Storm<M> {
    /// Whether this attempt is to be given up if it has to wait: the same for every peer.
    fn gives_up(&self, task: usize, turn: u64) -> bool {
        let mut x = (task as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ turn;
        x = (x ^ (x >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        (x ^ (x >> 33)) % 100 < self.percent
    }
}

impl<B: Bed, M: AsyncMutex> Operation<B> for Storm<M> {
    async fn once<W: Watch>(&self, watch: &mut W, task: usize, turn: u64) -> bool {
        let mut guard = if self.gives_up(task, turn) {
            let mut lock = pin!(self.mutex.lock());
            let now = poll_fn(|cx| match lock.as_mut().poll(cx) {
                Poll::Ready(guard) => Poll::Ready(Some(guard)),
                Poll::Pending => Poll::Ready(None),
            });
            let Some(guard) = now.await else {
                // Somewhere in the queue, and perhaps chosen meanwhile: that is when it is dropped.
                B::yield_now().await;
                return false;
            };
            guard
        } else {
            watch.watch(self.mutex.lock()).await
        };
        *black_box(&mut *guard) += 1;
        B::yield_now().await;
        black_box(&mut *guard);
        true
    }

    fn verify(&self, operations: u64) -> Result<(), String> {
        all_added(&self.mutex, operations)
    }
}

struct Add {
    cases: Cases,
    percent: u64,
}

impl EachMutex for Add {
    fn mutex<M: AsyncMutex>(&mut self) {
        let percent = self.percent;
        self.cases
            .add(M::NAME, peers::role(M::PACKAGE), move |plan: &Plan| {
                contest::<TokioTwoWorkers, _>(plan, 64, |_| Storm {
                    mutex: M::new(0),
                    percent,
                })
            });
    }
}

fn point(percent: u64) -> Point {
    let cases = Cases::new(
        "mutex-storm",
        format!("{percent} % given up"),
        Passes::Timed,
    );
    let mut add = Add { cases, percent };
    peers::mutexes(&mut add);
    add.cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![Row {
        id: "-",
        title: "Mutex, cancellation storm, tokio, 2 workers",
        about: "64 tasks, the lock held over a yield. Of the attempts that have to wait, a part is \
                dropped a turn later, queued or just chosen. Time per acquisition that was made; in \
                the end the value is compared with their number, and the lock has to be free.",
        judged: ours::ADAPTIVE,
        floor: None,
        measure: Measure::Nanos,
        points: vec![point(25), point(50)],
        goals: vec![Goal::Ahead(Rival::Peers), Goal::NobodyIdle],
        notes: &["Go cannot give up a Lock."],
    }]
}
