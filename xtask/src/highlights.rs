//! The README's figures: rows of the summary of `docs/benchmarks.md`, copied when that is written.

use crate::docs::{BENCHMARKS, README, Table};

/// The rows that say most to somebody who has not seen the report.
const ROWS: [&str; 16] = [
    "Mutex, lock and unlock, uncontended",
    "Mutex contended, tokio, 2 workers, empty section",
    "Mutex contended, tokio, 2 workers, yield inside",
    "Mutex in order of arrival, tokio, 2 workers, empty section",
    "Mutex, tokio current-thread, empty section",
    "Mutex, one wait, polled by hand",
    "RwLock, read or write, uncontended",
    "Semaphore, acquire and release, uncontended",
    "Semaphore, 4 permits held over a yield, tokio, 2 workers",
    "OnceCell, when it is set",
    "WaitGroup, 1000 spawned tasks",
    "Channel of 100 places, tokio, 2 workers",
    "Channel of 100 places, tokio current-thread",
    "Select among many channels, per message",
    "Context, is_cancelled",
    "Group of 100 000 trivial tasks, within one task",
];

/// What of a row is shown; the summary has its goals as well.
const COLUMNS: [&str; 5] = ["what", "points", "ours", "best peer", "ours / best peer"];

/// Puts the figures of the last report into the README.
pub(crate) fn write() -> Result<(), String> {
    let table = of(&BENCHMARKS.read()?)?;
    README.update("measured", |_| table)
}

/// The README's table, from the text of the report.
fn of(report: &str) -> Result<String, String> {
    let (_, summary) = report
        .split_once("## Summary\n")
        .ok_or("docs/benchmarks.md has no summary")?;
    let summary = summary.split("\n## ").next().unwrap_or_default();
    let summary = Table::parse(summary);
    let columns: Vec<usize> = COLUMNS
        .iter()
        .map(|name| summary.head.iter().position(|head| head == name))
        .collect::<Option<_>>()
        .ok_or("the summary has other columns")?;
    let pick = |cells: &[String]| columns.iter().map(|&i| cells[i].clone()).collect();
    let title = |row: &[String]| row[columns[0]].trim_matches('*').to_owned();
    let rows = ROWS.iter().map(|name| {
        let row = summary.rows.iter().find(|row| title(row) == *name);
        row.map(|row| pick(row))
            .ok_or_else(|| format!("the summary has no row {name:?}"))
    });
    let table = Table {
        head: pick(&summary.head),
        rows: rows.collect::<Result<_, _>>()?,
    };
    Ok(table.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_figures_of_the_report() {
        let report = BENCHMARKS.read().unwrap();
        assert_eq!(README.section("measured").unwrap(), of(&report).unwrap());
    }
}
