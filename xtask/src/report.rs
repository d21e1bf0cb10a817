//! The closing table, the closing line and the exit code.

use std::process::ExitCode;

use crate::outcome::Outcome;
use crate::run::Row;

pub(crate) fn table(rows: &[Row]) -> String {
    let cells: Vec<[String; 3]> = rows
        .iter()
        .map(|row| {
            let result = match &row.outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Failed(reason) => format!("FAILED: {reason}"),
                Outcome::NotRun(reason) => format!("not run: {reason}"),
            };
            [
                row.name.clone(),
                result,
                format!("{:.1}", row.time.as_secs_f64()),
            ]
        })
        .collect();
    let heads = ["step", "result", "seconds"];
    let width = |column: usize| {
        let widest = cells.iter().map(|row| row[column].chars().count()).max();
        widest.unwrap_or(0).max(heads[column].len())
    };
    let [step, result, seconds] = [width(0), width(1), width(2)];
    let line = |row: [&str; 3]| {
        format!(
            "{:<step$}  {:<result$}  {:>seconds$}\n",
            row[0], row[1], row[2]
        )
    };
    let rule = [step, result, seconds].map(|width| "-".repeat(width));
    let mut table = line(heads) + &line(rule.each_ref().map(String::as_str));
    table.extend(
        cells
            .iter()
            .map(|row| line(row.each_ref().map(String::as_str))),
    );
    table
}

/// `N passed, N failed, N skipped`, counted in steps.
pub(crate) fn closing_line(rows: &[Row]) -> String {
    let count = |wanted: fn(&Outcome) -> bool| rows.iter().filter(|r| wanted(&r.outcome)).count();
    let passed = count(|outcome| matches!(outcome, Outcome::Passed));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = count(|outcome| matches!(outcome, Outcome::NotRun(_)));
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

/// Success when nothing failed.
pub(crate) fn exit_code(rows: &[Row]) -> ExitCode {
    let failed = rows
        .iter()
        .any(|row| matches!(row.outcome, Outcome::Failed(_)));
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::Figures;

    fn rows() -> Vec<Row> {
        let row = |name: &str, outcome, millis| Row {
            name: name.to_owned(),
            outcome,
            time: Duration::from_millis(millis),
            figures: Figures::default(),
        };
        vec![
            row("fmt", Outcome::Passed, 340),
            row(
                "clippy",
                Outcome::Failed("exit code 101".to_owned()),
                12_060,
            ),
            row(
                "deny",
                Outcome::NotRun("cargo install cargo-deny".to_owned()),
                0,
            ),
        ]
    }

    #[test]
    fn the_table_is_aligned() {
        let expected = "\
step    result                             seconds
------  ---------------------------------  -------
fmt     passed                                 0.3
clippy  FAILED: exit code 101                 12.1
deny    not run: cargo install cargo-deny      0.0
";
        assert_eq!(table(&rows()), expected);
    }

    #[test]
    fn every_step_is_counted_once() {
        assert_eq!(closing_line(&rows()), "1 passed, 1 failed, 1 skipped");
        assert_eq!(closing_line(&[]), "0 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn only_a_failure_fails() {
        let mut rows = rows();
        assert_eq!(exit_code(&rows), ExitCode::FAILURE);
        rows.remove(1);
        assert_eq!(exit_code(&rows), ExitCode::SUCCESS);
    }
}
