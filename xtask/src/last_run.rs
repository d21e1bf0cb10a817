//! The last run of `cargo xtask deep`, as it is written into `docs/verification.md`.

use crate::docs::{Table, VERIFICATION};
use crate::need;
use crate::outcome::Outcome;
use crate::plan;
use crate::run::Row;

const HEAD: [&str; 6] = ["step", "result", "tests", "schedules", "time", "commit"];

/// Replaces the rows of the steps that have run, and leaves the others.
pub(crate) fn write(rows: &[Row]) -> Result<(), String> {
    let commit = commit();
    let new = rows.iter().map(|row| cells(row, &commit)).collect();
    let steps = plan::deep();
    let order: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    VERIFICATION.update("last run", |old| {
        let table = Table::parse(old).merge(&HEAD, new, &order);
        format!("{table}\n{}\n", toolchains())
    })
}

fn cells(row: &Row, commit: &str) -> Vec<String> {
    let result = match &row.outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Failed(reason) => format!("**failed**: {reason}"),
        Outcome::NotRun(reason) => format!("not available: {reason}"),
    };
    let number = |n: u64| match n {
        0 => String::new(),
        n => n.to_string(),
    };
    vec![
        row.name.clone(),
        result.replace('|', "/"),
        number(row.figures.tests),
        number(row.figures.schedules),
        format!("{:.0} s", row.time.as_secs_f64()),
        commit.to_owned(),
    ]
}

fn commit() -> String {
    let short = need::output("git", &["rev-parse", "--short", "HEAD"]);
    let changed = need::output("git", &["status", "--porcelain", "--", "crates"]);
    match (short, changed) {
        (Some(short), Some(changed)) if changed.is_empty() => short,
        (Some(short), _) => format!("{short}, changed"),
        (None, _) => "?".to_owned(),
    }
}

fn toolchains() -> String {
    let version = |args: &[&str]| need::output("rustc", args).unwrap_or_else(|| "none".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "The last of these with {} (miri, ThreadSanitizer: {}), on {} with {cores} cores.",
        version(&["--version"]),
        version(&["+nightly", "--version"]),
        need::host(),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::Figures;

    #[test]
    fn a_row_has_a_cell_for_each_head() {
        let row = Row {
            name: "loom".to_owned(),
            outcome: Outcome::Failed("a | b".to_owned()),
            time: Duration::from_millis(1600),
            figures: Figures {
                tests: 3,
                schedules: 0,
            },
        };
        assert_eq!(
            cells(&row, "abc"),
            ["loom", "**failed**: a / b", "3", "", "2 s", "abc"]
        );
        assert_eq!(cells(&row, "abc").len(), HEAD.len());
    }
}
