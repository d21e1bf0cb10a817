//! One peer in one situation, and how it is run.

use std::fmt;
use std::sync::Arc;

use crate::sample::{Plan, Sample};

/// Who somebody is in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of this workspace.
    Ours,
    /// A Rust crate to be compared with.
    Peer,
    /// Go.
    Go,
    /// What nobody can be quicker than.
    Floor,
}

/// What is measured of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Time only.
    Timed,
    /// Time, and in a run of its own allocations and wake-ups.
    Counted,
    /// These, and under valgrind instructions.
    Instructions,
    /// Sizes: nothing is timed.
    Sizes,
}

/// One peer in one situation.
pub struct Case {
    /// `situation/point/peer`. Two rows may share a case; it is measured once.
    pub id: String,
    /// The peer's name in the tables.
    pub peer: String,
    /// Who it is.
    pub role: Role,
    /// What is measured.
    pub passes: Passes,
    /// How.
    pub run: Run,
}

/// How a case is run, in a child process in any case.
pub enum Run {
    /// This program.
    Here(Box<dyn Fn(&Plan) -> Sample + Send + Sync>),
    /// The Go program, with these arguments.
    Go(Vec<String>),
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Run::Here(_) => f.write_str("Here"),
            Run::Go(arguments) => f.debug_tuple("Go").field(arguments).finish(),
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.id).finish()
    }
}

/// A place on the axis of a chart: a number of tasks, a runtime.
#[derive(Clone, Debug)]
pub struct Point {
    /// What stands there.
    pub label: String,
    /// Who is measured there.
    pub cases: Vec<Arc<Case>>,
}

/// Collects the cases of one point.
#[derive(Debug)]
pub struct Cases {
    situation: String,
    point: String,
    passes: Passes,
    cases: Vec<Arc<Case>>,
}

impl Cases {
    /// None yet. `situation` and `point` name them.
    pub fn new(situation: &str, point: impl Into<String>, passes: Passes) -> Self {
        Cases {
            situation: situation.to_owned(),
            point: point.into(),
            passes,
            cases: Vec::new(),
        }
    }

    /// Adds a case of this program.
    pub fn add(
        &mut self,
        peer: &str,
        role: Role,
        run: impl Fn(&Plan) -> Sample + Send + Sync + 'static,
    ) {
        self.push(peer, role, self.passes, Run::Here(Box::new(run)));
    }

    /// Adds a case of the Go program.
    pub fn go(&mut self, peer: &str, arguments: &[&str]) {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let passes = match self.passes {
            Passes::Sizes => Passes::Sizes,
            Passes::Timed | Passes::Counted | Passes::Instructions => Passes::Timed,
        };
        self.push(peer, Role::Go, passes, Run::Go(arguments));
    }

    fn push(&mut self, peer: &str, role: Role, passes: Passes, run: Run) {
        self.cases.push(Arc::new(Case {
            id: format!("{}/{}/{peer}", self.situation, self.point),
            peer: peer.to_owned(),
            role,
            passes,
            run,
        }));
    }

    /// The point with all of them.
    #[must_use]
    pub fn point(self) -> Point {
        Point {
            label: self.point,
            cases: self.cases,
        }
    }
}
