//! What a row of the report is: situations, who is judged, and the goals.

use crate::case::{Point, Role};
use crate::report::format;
use crate::run::results::{Cell, Results};
use crate::sample::figure;

/// A row of the report.
#[derive(Debug)]
pub struct Row {
    /// `P1`. Rows that only inform have no number: `-`.
    pub id: &'static str,
    /// In the summary and as a heading.
    pub title: &'static str,
    /// What is measured, in a sentence or two.
    pub about: &'static str,
    /// Which of ours the goals are about.
    pub judged: &'static str,
    /// What nobody can be quicker than.
    pub floor: Option<&'static str>,
    /// What the chart and the ratios are about.
    pub measure: Measure,
    /// The situations.
    pub points: Vec<Point>,
    /// What is wanted of it.
    pub goals: Vec<Goal>,
    /// What to know about a peer before comparing.
    pub notes: &'static [&'static str],
}

/// A figure of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Nanoseconds per operation.
    Nanos,
    /// What 99 of 100 acquisitions wait at most, in nanoseconds.
    WaitP99,
    /// One of the [figures](crate::sample::figure).
    Figure(&'static str),
}

/// Who has to be beaten.
#[derive(Clone, Copy, Debug)]
pub enum Rival {
    /// Every Rust peer.
    Peers,
    /// Every Rust peer under which no task was left without an operation.
    FairPeers,
    /// Go, from this point of the row on.
    Go(usize),
    /// This one.
    Named(&'static str),
}

/// What is wanted at every point of a row.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// Ahead: no more than the best one's median; 5 % more where the rounds lie further apart.
    Ahead(Rival),
    /// No more than so many times the floor.
    TimesFloor(f64),
    /// No more than the floor and this.
    FloorAnd(f64),
    /// No more than this, in whatever is measured.
    AtMost(Measure, f64),
    /// The same, by point.
    EachAtMost(Measure, &'static [f64]),
    /// No task without an operation, in any round.
    NobodyIdle,
    /// Nobody waited longer than so many milliseconds, in the median round.
    WorstWait(f64),
    /// The unluckiest task has at least this part of what the luckiest has.
    LeastShare(f64),
    /// Jain's index is at least this.
    Jain(f64),
    /// Compared with the row's first point, no more than so many times as much.
    Flat(f64),
}

/// What became of a goal at one point.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Met or not. `None`: not measured, or nobody to compare with.
    pub met: Option<bool>,
    /// The figures behind it.
    pub because: String,
}

impl Verdict {
    fn new(met: bool, because: String) -> Self {
        Verdict {
            met: Some(met),
            because,
        }
    }

    fn unknown(because: &str) -> Self {
        Verdict {
            met: None,
            because: because.to_owned(),
        }
    }
}

/// A row at one point, with what was measured there.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The row.
    pub row: &'a Row,
    /// Which of its points.
    pub point: usize,
    /// Everything that was measured.
    pub results: &'a Results,
}

impl<'a> At<'a> {
    /// Everybody at this point with what was measured, in the order of the row.
    pub fn cells(self) -> impl Iterator<Item = (&'a str, Role, &'a Cell)> {
        let cases = &self.row.points[self.point].cases;
        cases.iter().filter_map(move |case| {
            let cell = self.results.cell(&case.id)?;
            Some((case.peer.as_str(), case.role, cell))
        })
    }

    fn cell(self, peer: &str) -> Option<&'a Cell> {
        self.cells()
            .find(|(name, ..)| *name == peer)
            .map(|(.., cell)| cell)
    }

    /// The one that is judged.
    #[must_use]
    pub fn ours(self) -> Option<&'a Cell> {
        self.cell(self.row.judged)
    }

    /// The floor.
    #[must_use]
    pub fn floor(self) -> Option<&'a Cell> {
        self.cell(self.row.floor?)
    }

    /// A cell's value of what the row is about.
    #[must_use]
    pub fn value(self, cell: &Cell) -> Option<f64> {
        cell.value(self.row.measure)
    }

    /// The best of some rivals.
    #[must_use]
    pub fn best(self, rival: Rival) -> Option<(&'a str, &'a Cell, f64)> {
        self.cells()
            .filter(|(name, role, cell)| match rival {
                Rival::Peers => *role == Role::Peer,
                Rival::FairPeers => *role == Role::Peer && cell.everybody_progressed(),
                Rival::Go(from) => *role == Role::Go && self.point >= from,
                Rival::Named(peer) => *name == peer,
            })
            // One that hangs has no figure that could be compared.
            .filter(|(.., cell)| cell.trouble().is_none())
            .filter_map(|(name, _, cell)| Some((name, cell, self.value(cell)?)))
            .min_by(|a, b| a.2.total_cmp(&b.2))
    }

    /// The rivals that the row's ratio is about.
    #[must_use]
    pub fn rivals(self) -> Rival {
        let ahead = self.row.goals.iter().find_map(|goal| match goal {
            Goal::Ahead(Rival::Go(_)) => None,
            Goal::Ahead(rival) => Some(*rival),
            _ => None,
        });
        ahead.unwrap_or(Rival::Peers)
    }

    /// Judges.
    #[must_use]
    pub fn verdict(self, goal: Goal) -> Verdict {
        let Some(ours) = self.ours() else {
            return Verdict::unknown("not measured");
        };
        if let Some(trouble) = ours.trouble() {
            return Verdict::new(false, trouble.to_owned());
        }
        self.judge(goal, ours)
            .unwrap_or_else(|| Verdict::unknown("nothing to compare with"))
    }

    fn judge(self, goal: Goal, ours: &Cell) -> Option<Verdict> {
        let value = self.value(ours);
        Some(match goal {
            Goal::Ahead(rival) => {
                let (name, cell, best) = self.best(rival)?;
                let ratio = times(value?, best);
                let spread = |cell: &Cell| {
                    cell.over(self.row.measure)
                        .map_or(0.0, |over| over.spread())
                };
                let wide = spread(ours).max(spread(cell)) > 0.05;
                let limit = if wide { 1.05 } else { 1.0 };
                Verdict::new(ratio <= limit, format!("{ratio:.2} of {name}"))
            }
            Goal::TimesFloor(times) => {
                let ratio = value? / self.value(self.floor()?)?;
                Verdict::new(ratio <= times, format!("{ratio:.2} of the floor"))
            }
            Goal::FloorAnd(more) => {
                let above = value? - self.value(self.floor()?)?;
                Verdict::new(above <= more, format!("floor {above:+.0}"))
            }
            Goal::AtMost(measure, limit) => {
                let value = ours.value(measure)?;
                Verdict::new(value <= limit, format::quantity(measure, value))
            }
            Goal::EachAtMost(measure, limits) => {
                return self.judge(Goal::AtMost(measure, *limits.get(self.point)?), ours);
            }
            Goal::NobodyIdle => {
                let idle = ours.most_idle()?;
                Verdict::new(idle == 0, format!("{idle} tasks at 0"))
            }
            Goal::WorstWait(millis) => {
                let worst = ours.fairness(|fairness| Some(fairness.waits?.worst))?;
                Verdict::new(
                    worst <= millis * 1e6,
                    format!("worst wait {}", format::time(worst)),
                )
            }
            Goal::LeastShare(part) => {
                let share = ours.fairness(|fairness| Some(fairness.least_share()))?;
                Verdict::new(share >= part, format!("min/max {share:.2}"))
            }
            Goal::Jain(index) => {
                let jain = ours.fairness(|fairness| Some(fairness.jain))?;
                Verdict::new(jain >= index, format!("Jain {jain:.4}"))
            }
            Goal::Flat(times) => {
                let first = At { point: 0, ..self };
                let ratio = value? / first.value(first.ours()?)?;
                Verdict::new(ratio <= times, format!("{ratio:.2} of the first"))
            }
        })
    }
}

impl Goal {
    /// In the summary.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Goal::Ahead(Rival::Peers) => "ahead of every Rust peer".to_owned(),
            Goal::Ahead(Rival::FairPeers) => {
                "ahead of every Rust peer that lets every task progress".to_owned()
            }
            Goal::Ahead(Rival::Go(0)) => "ahead of Go".to_owned(),
            Goal::Ahead(Rival::Go(_)) => "ahead of Go from the second point on".to_owned(),
            Goal::Ahead(Rival::Named(peer)) => format!("ahead of {peer}"),
            Goal::TimesFloor(times) => format!("<= {times} x floor"),
            Goal::FloorAnd(more) => format!("<= floor + {more} ns"),
            Goal::AtMost(measure, limit) => format!("<= {}", format::quantity(*measure, *limit)),
            Goal::EachAtMost(measure, limits) => {
                let limits: Vec<_> = limits.iter().map(|limit| format!("{limit}")).collect();
                format!("<= {} {}", limits.join(" / "), format::unit(*measure))
            }
            Goal::NobodyIdle => "no task at 0 operations".to_owned(),
            Goal::WorstWait(millis) => format!("worst wait <= {millis} ms"),
            Goal::LeastShare(part) => format!("min/max operations per task >= {part}"),
            Goal::Jain(index) => format!("Jain >= {index}"),
            Goal::Flat(times) => format!("no point > {times} x the first"),
        }
    }
}

/// How many times as much. Nothing is once as much as nothing: nobody waited, say.
#[must_use]
pub fn times(value: f64, than: f64) -> f64 {
    if value == than { 1.0 } else { value / than }
}

/// No more instructions than this.
#[must_use]
pub const fn instructions(limit: u32) -> Goal {
    Goal::AtMost(Measure::Figure(figure::INSTRUCTIONS), limit as f64)
}
