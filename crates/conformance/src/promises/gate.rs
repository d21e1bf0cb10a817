//! What is measured of gates: what happens once, for all.

use super::news::{self, News};
use super::{Measurement, list, scenario};
use crate::peers::AsyncGate;
use crate::scenarios::any_event;

/// Of every gate.
pub(super) fn every<G: AsyncGate>() -> Vec<Measurement> {
    let mut all = news::of_all_news::<Opens<G>>();
    all.extend(news::of_those_who_may_leave::<Opens<G>>());
    all.extend(news::of_own_futures::<Opens<G>>());
    all.extend(list! {
        "pt10", || scenario!(any_event::pt10_broadcast::<G, _>), "Scenario PT10: one opens, all go on",
            "Twenty tasks, which see what the opener did.";
    });
    all
}

/// The news that it is open.
struct Opens<G>(G);

impl<G: AsyncGate> News for Opens<G> {
    fn new(_: usize) -> Self {
        Opens(G::new())
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.0.wait()
    }

    fn happen(&self) {
        self.0.open();
    }
}
