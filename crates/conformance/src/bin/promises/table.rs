//! The document: a table for each type, and a paragraph for each of its rows.

use std::fmt::Write as _;

use conformance::promises::{Implementation, Known, Measurement, Topic, Verdict, known};

const HEAD: &str = "\
# Who keeps which promise

What tasks may expect of locks, condition variables, semaphores, wait groups, cells, barriers, signals,
gates, single flights, channels, watched values, trees of cancellation, selects, locks by key and pools of
connections, measured of ours and of others'. Written by a program; repeat it with

```sh
cargo xtask conformance
```

A cell says what a measurement saw: ✓ the promise was kept, ✗ it was not, *hangs*: the measurement
did not end and was cut off. A dash means that the type does not offer this, or says that it is made
otherwise. The promises are those that we make; a ✗ does not say that the other crate ever made it.
Each measurement runs in a process of its own, in real time, with optimisations and without overflow
checks. Its code is in `crates/conformance/src/promises`.

";

/// The text. `measure` is asked for each measurement: type, implementation, promise.
pub(crate) fn document(
    topics: &[Topic],
    only: &str,
    measure: impl Fn(&str, &str, &str) -> Verdict,
) -> String {
    let mut text = HEAD.to_owned();
    text.push_str(&versions(topics));
    for topic in topics {
        let columns: Vec<_> = topic
            .implementations
            .iter()
            .filter(|it| it.name.contains(only))
            .collect();
        let rows: Vec<_> = topic
            .promises()
            .into_iter()
            .map(|row| (row, cells(topic.id, row, &columns, &measure)))
            .collect();
        text.push_str(&table(topic.title, &columns, &rows));
    }
    text
}

/// A verdict as it is shown, and what there is to say about it.
struct Cell {
    sign: &'static str,
    detail: String,
}

type Row<'a> = (&'a Measurement, Vec<Cell>);

fn cells(
    topic: &str,
    row: &Measurement,
    columns: &[&Implementation],
    measure: impl Fn(&str, &str, &str) -> Verdict,
) -> Vec<Cell> {
    let one = |column: &&Implementation| match column.measurement(row.id) {
        Some(_) => cell(
            measure(topic, column.id, row.id),
            known(column.name, row.id),
        ),
        None => Cell {
            sign: "–",
            detail: String::new(),
        },
    };
    columns.iter().map(one).collect()
}

fn cell(verdict: Verdict, known: Option<Known>) -> Cell {
    let (sign, detail) = match verdict {
        Verdict::Kept(detail) => {
            return Cell {
                sign: "✓", detail
            };
        }
        Verdict::NotOffered(detail) => {
            return Cell {
                sign: "–", detail
            };
        }
        Verdict::Broken(detail) => ("✗", detail),
        Verdict::Hangs => ("hangs", String::new()),
    };
    let (sign, said) = match known {
        Some(Known::ByDesign(said)) => ("–", said),
        Some(Known::Documented(said)) => (sign, said),
        None => return Cell { sign, detail },
    };
    let detail = format!("{detail} ({said})").trim_start().to_owned();
    Cell { sign, detail }
}

fn table(title: &str, columns: &[&Implementation], rows: &[Row<'_>]) -> String {
    let mut text = format!("## {title}\n\n| | |");
    for column in columns {
        let _ = write!(text, " {} |", column.name.replace(", ", "<br>"));
    }
    text.push_str("\n|--:|---|");
    text.push_str(&":-:|".repeat(columns.len()));
    for (n, (row, cells)) in rows.iter().enumerate() {
        let _ = write!(text, "\n| {} | {} |", n + 1, row.promise);
        for cell in cells {
            let _ = write!(text, " {} |", cell.sign);
        }
    }
    text.push_str("\n\nHow each row is measured, and what was seen:\n\n");
    for (n, (row, cells)) in rows.iter().enumerate() {
        let _ = write!(text, "{}. *{}.* {}", n + 1, row.promise, row.how);
        for (detail, names) in details(columns, cells) {
            let _ = write!(text, " **{}**: {detail}.", names.join("; "));
        }
        text.push('\n');
    }
    text.push('\n');
    text
}

/// Each thing to say once, with all of whom it is said.
fn details<'a>(columns: &[&'a Implementation], cells: &'a [Cell]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for (column, cell) in columns.iter().zip(cells) {
        if cell.detail.is_empty() {
            continue;
        }
        match all.iter_mut().find(|(detail, _)| *detail == cell.detail) {
            Some((_, names)) => names.push(column.name),
            None => all.push((&cell.detail, vec![column.name])),
        }
    }
    all
}

/// The packages and the versions that this program was built with.
fn versions(topics: &[Topic]) -> String {
    const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));
    let mut packages: Vec<_> = topics
        .iter()
        .flat_map(|topic| &topic.implementations)
        .map(|it| it.package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    let all: Vec<_> = packages
        .iter()
        .map(|package| format!("{package} {}", version(LOCK, package).unwrap_or("?")))
        .collect();
    format!("Versions: {}.\n\n", all.join(", "))
}

fn version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let mut lines = lock.lines();
    lines.find(|line| *line == format!("name = \"{package}\""))?;
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = "[[package]]\nname = \"a-b\"\nversion = \"1.0\"\n[[package]]\nname = \"a\"\nversion = \"2.0\"\n";
        assert_eq!(version(lock, "a"), Some("2.0"));
        assert_eq!(version(lock, "a-b"), Some("1.0"));
        assert_eq!(version(lock, "b"), None);
    }

    #[test]
    fn by_design_is_a_dash_and_says_why() {
        let cell = cell(
            Verdict::Broken("seen".to_owned()),
            Some(Known::ByDesign("why")),
        );
        assert_eq!((cell.sign, cell.detail.as_str()), ("–", "seen (why)"));
    }

    #[test]
    fn every_promise_has_one_row() {
        for topic in conformance::promises::topics() {
            let rows = topic.promises();
            for implementation in &topic.implementations {
                let all = &implementation.measurements;
                for (n, measurement) in all.iter().enumerate() {
                    let rows = rows.iter().filter(|row| row.id == measurement.id);
                    assert_eq!(rows.count(), 1);
                    let twice = all[n + 1..].iter().any(|it| it.id == measurement.id);
                    assert!(!twice, "{} {}", topic.id, measurement.id);
                }
            }
        }
    }
}
