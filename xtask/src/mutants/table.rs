//! The mutants' rows in `docs/verification.md`.

use super::data::Mutant;
use super::tier::Tier;
use super::trial::Trial;
use crate::docs::{Table, VERIFICATION};

const SECTION: &str = "mutants";

/// One row: fault, where, caught by, time.
#[derive(Debug)]
pub(crate) struct Row {
    cells: [String; 4],
    survived: bool,
}

impl Row {
    pub(crate) fn new(mutant: &Mutant, trial: &Trial) -> Self {
        Row {
            cells: [
                mutant.name.clone(),
                mutant.place(),
                if trial.caught.is_empty() {
                    "**nobody**".to_owned()
                } else {
                    caught_by(&trial.caught)
                },
                super::seconds(trial.time),
            ],
            survived: trial.caught.is_empty(),
        }
    }

    pub(crate) fn survivor(&self) -> Option<&str> {
        self.survived.then_some(&self.cells[0])
    }
}

pub(crate) fn caught_by(caught: &[(Tier, String)]) -> String {
    let each: Vec<String> = caught
        .iter()
        .map(|(tier, test)| format!("{tier}: {test}"))
        .collect();
    each.join("; ")
}

/// Writes the new rows over the old ones, in the order of the mutants.
pub(crate) fn write(all: &[Mutant], rows: &[Row]) -> Result<(), String> {
    let names: Vec<&str> = all.iter().map(|mutant| mutant.name.as_str()).collect();
    let rows = rows.iter().map(|row| row.cells.to_vec()).collect();
    VERIFICATION.update(SECTION, |old| {
        let head = ["fault", "where", "caught by", "time"];
        Table::parse(old).merge(&head, rows, &names).to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::data;
    use crate::plan;

    /// The document has every mutant, and no other; nobody survives.
    #[test]
    fn the_document_is_complete() {
        let table = Table::parse(&VERIFICATION.section(SECTION).unwrap());
        let mut written: Vec<_> = table.names().collect();
        let mutants = data::load(plan::root()).unwrap();
        let mut names: Vec<_> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
        written.sort_unstable();
        names.sort_unstable();
        assert_eq!(
            written, names,
            "run `cargo xtask mutants --write-docs --only <name>`"
        );
    }
}
