//! What was measured, as a document: a summary, the machine, and a section with a table and a chart
//! for each row. Nothing in it is typed by hand.

mod chart;
mod details;
pub mod format;
pub mod machine;
mod summary;

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::row::Row;
use crate::run::results::Results;
use machine::About;

/// The table, and its charts in a folder beside it.
const DOCUMENT: &str = "benchmarks.md";
const CHARTS: &str = "benchmarks";

/// Writes `benchmarks.md` and `benchmarks/*.svg`.
///
/// # Errors
///
/// If a file cannot be written, or a chart not be drawn.
pub fn write(
    directory: &Path,
    rows: &[Row],
    results: &Results,
    about: &About,
) -> anyhow::Result<()> {
    let charts = directory.join(CHARTS);
    // Charts of rows that are no more would stay.
    if charts.is_dir() {
        fs::remove_dir_all(&charts).context("the old charts")?;
    }
    fs::create_dir_all(&charts).with_context(|| format!("{}", charts.display()))?;
    let mut text = format!(
        "# Benchmarks\n\nWritten by `{}` on {}; not by hand.\n\n## Summary\n\n{}\n{}\n{}",
        about.command,
        about.date,
        summary::table(rows, results),
        about.tables(),
        METHOD,
    );
    for row in rows {
        text.push_str(&details::section(row, results));
        for chart in chart::of(row, results) {
            let name = format!("{}{}.svg", slug(row), chart.suffix);
            let svg = chart.draw().map_err(anyhow::Error::msg)?;
            fs::write(charts.join(&name), svg)?;
            text.push_str(&format!("![{}]({CHARTS}/{name})\n\n", chart.title));
        }
        text.push_str(&details::tables(row, results));
    }
    let text = text.trim_end().to_owned() + "\n";
    fs::write(directory.join(DOCUMENT), text).context(DOCUMENT)
}

/// The name of a row in a file name.
fn slug(row: &Row) -> String {
    let words = format!("{} {}", row.id, row.title).to_lowercase();
    let words: Vec<&str> = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-")
}

const METHOD: &str = "\
## Method

* Every measurement is a process of its own, started again in each round: a peer that hangs is \
  killed and disturbs nobody, and luck with the layout of memory shows as spread instead of favouring \
  one. A round runs everybody once, each beside those it is compared with; every other round runs \
  backwards. Figures are medians of the rounds, with the least and the most. Compare within a row: \
  absolute figures differ from machine to machine.
* *Ahead* means at most 1.00 of the best peer's median, 1.05 where the rounds of either lie further \
  apart than 5 %. A row that is not met is **bold**.
* One thread: futures are polled by hand, with a waker that does nothing. The figure of a process is \
  the median of batches of 0.2 ms.
* Contended: a fixed time, not a fixed number of operations. All tasks start together and repeat the \
  operation until they are told to stop; after a fifth of the time counting begins, and the time from \
  then on is divided by the operations of all. So a lock that starves some tasks shows it, by their \
  operations. Nobody reads a clock meanwhile, which would cost more than a quick lock does: the waits \
  are taken directly afterwards, in the same process with a new lock and half of the time, where every acquisition that is not ready at its first poll is timed \
  (in Go: every one). An acquisition still waiting when the time is up is timed until it is served.
* *min/max*: operations of the unluckiest task per operation of the luckiest; *Jain*: Jain's index of \
  the operations per task, 1 if all have the same; *at 0*: tasks without one operation, in the worst \
  round. After the time, the value under the lock is compared with the operations that were made.
* A peer *hangs* if its tasks do not end after they were told to. A run that hangs, fails or gets \
  nothing done is repeated at once; after a second time that peer is not run again. Both are listed.
* The value under the lock is read and written through `black_box`, and the guard lives across the \
  work. Peers are used through one thin adapter each (`crates/conformance/src/peers`), with their own \
  futures, their default features and their default policy, or one column for each policy.
* Instructions: valgrind's callgrind, for n and for 2n operations; the difference over n is exact, and without \
  those of the loop around it. \
  Allocations: a counting allocator, in a run that is not timed. Go is asked for neither.
* 100 ns of work is a chain of multiplications whose length is found by timing it, once for all Rust \
  peers and by Go for itself.

";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rows;

    #[test]
    fn every_row_has_a_file_name_of_its_own() {
        let rows = rows::all();
        let names: BTreeSet<_> = rows.iter().map(slug).collect();
        assert_eq!(names.len(), rows.len());
    }
}
