//! What the runs of all cases said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::row::Measure;
use crate::sample::{Fairness, Sample};
use crate::stats::{Over, median};

/// By the id of the case.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Results {
    cells: BTreeMap<String, Cell>,
}

/// What the runs of one case said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cell {
    /// The timed runs, round by round.
    pub rounds: Vec<Sample>,
    /// What is counted once, since it is the same every time.
    pub figures: BTreeMap<String, f64>,
    /// Why there is no point in running it again.
    pub given_up: Option<String>,
    /// What went wrong once and, run again at once, did not.
    pub once: Vec<String>,
}

impl Results {
    /// The cell of a case, if it was run.
    #[must_use]
    pub fn cell(&self, id: &str) -> Option<&Cell> {
        self.cells.get(id)
    }

    /// The cell of a case, to fill it.
    pub fn entry(&mut self, id: &str) -> &mut Cell {
        self.cells.entry(id.to_owned()).or_default()
    }
}

impl Cell {
    /// The time over the rounds.
    #[must_use]
    pub fn nanos(&self) -> Option<Over> {
        self.over(Measure::Nanos)
    }

    /// What is measured in each round, over the rounds.
    #[must_use]
    pub fn over(&self, measure: Measure) -> Option<Over> {
        let of = |sample: &Sample| match measure {
            Measure::Nanos => sample.ns,
            Measure::WaitP99 => Some(sample.fairness.as_ref()?.waits?.p99),
            Measure::Figure(_) => None,
        };
        let values: Vec<f64> = self.rounds.iter().filter_map(of).collect();
        Over::of(&values)
    }

    /// A figure, or the median time.
    #[must_use]
    pub fn value(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Nanos | Measure::WaitP99 => Some(self.over(measure)?.median),
            Measure::Figure(name) => self.figures.get(name).copied(),
        }
    }

    /// Why its figures are not worth comparing, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        let rounds = || {
            self.rounds
                .iter()
                .find_map(|sample| sample.trouble.as_deref())
        };
        self.given_up.as_deref().or_else(rounds)
    }

    /// The median round's figure of fairness.
    pub fn fairness(&self, of: impl Fn(&Fairness) -> Option<f64>) -> Option<f64> {
        let figures: Vec<f64> = self
            .rounds
            .iter()
            .filter_map(|sample| of(sample.fairness.as_ref()?))
            .collect();
        (!figures.is_empty()).then(|| median(&figures))
    }

    /// The tasks without an operation in the round that had most of them.
    #[must_use]
    pub fn most_idle(&self) -> Option<u64> {
        let fairness = self
            .rounds
            .iter()
            .filter_map(|sample| sample.fairness.as_ref());
        fairness.map(|fairness| fairness.idle).max()
    }

    /// Whether no task was left without an operation, in any round.
    #[must_use]
    pub fn everybody_progressed(&self) -> bool {
        self.most_idle() == Some(0)
    }
}
