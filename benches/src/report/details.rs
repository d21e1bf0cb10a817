//! The section of one row: what was measured, how it stands, and all figures.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::case::Role;
use crate::report::format::{digits, time};
use crate::report::summary;
use crate::row::{At, Measure, Row};
use crate::rows::reasons;
use crate::run::results::{Cell, Results};
use crate::sample::Fairness;

/// The head of the section, above the charts.
pub(super) fn section(row: &Row, results: &Results) -> String {
    let id = if row.id == "-" {
        String::new()
    } else {
        format!("{}: ", row.id)
    };
    let mut text = format!("## {id}{}\n\n{}", row.title, row.about);
    for note in row.notes {
        let _ = write!(text, " {note}");
    }
    text.push_str("\n\n");
    text.push_str(&goals(row, results));
    if !summary::met(row, results).is_empty()
        && let Some(reason) = reasons::of(row)
    {
        let _ = write!(text, "*Why it is behind*: {reason}\n\n");
    }
    text
}

fn goals(row: &Row, results: &Results) -> String {
    let mut text = head("goal", row);
    for goal in &row.goals {
        let _ = write!(text, "| {} |", goal.text());
        for point in 0..row.points.len() {
            let verdict = At {
                row,
                point,
                results,
            }
            .verdict(*goal);
            let _ = match verdict.met {
                Some(true) => write!(text, " {} |", verdict.because),
                Some(false) => write!(text, " **no: {}** |", verdict.because),
                None => write!(text, " {} |", verdict.because),
            };
        }
        text.push('\n');
    }
    text + "\n"
}

/// First column, then one for each point.
fn head(first: &str, row: &Row) -> String {
    let labels: Vec<_> = row
        .points
        .iter()
        .map(|point| point.label.as_str())
        .collect();
    format!(
        "| {first} | {} |\n|---|{}\n",
        labels.join(" | "),
        "---|".repeat(labels.len())
    )
}

/// The figures, below the charts.
pub(super) fn tables(row: &Row, results: &Results) -> String {
    let mut text = String::new();
    let cells = || {
        let points = 0..row.points.len();
        points.flat_map(|point| {
            At {
                row,
                point,
                results,
            }
            .cells()
        })
    };
    if cells().any(|(.., cell)| !cell.rounds.is_empty()) {
        text.push_str(&nanos(row, results));
    }
    text.push_str(&figures(row, results));
    if cells().any(|(.., cell)| cell.most_idle().is_some()) {
        text.push_str(&fairness(row, results));
    }
    text.push_str(&troubles(row, results));
    text
}

/// Everybody in the row, in its order.
fn everybody(row: &Row) -> Vec<(&str, Role)> {
    let mut all: Vec<(&str, Role)> = Vec::new();
    for case in row.points.iter().flat_map(|point| &point.cases) {
        if all.iter().all(|(name, _)| *name != case.peer) {
            all.push((&case.peer, case.role));
        }
    }
    all
}

fn label(name: &str, role: Role, row: &Row) -> String {
    match role {
        _ if name == row.judged => format!("**{name}**"),
        Role::Floor => format!("*{name}*"),
        Role::Ours | Role::Peer | Role::Go => name.to_owned(),
    }
}

fn cell_of<'a>(row: &'a Row, results: &'a Results, point: usize, peer: &str) -> Option<&'a Cell> {
    At {
        row,
        point,
        results,
    }
    .cells()
    .find(|(name, ..)| *name == peer)
    .map(|(.., cell)| cell)
}

fn nanos(row: &Row, results: &Results) -> String {
    let mut text = head("ns per operation: median (least - most)", row);
    for (name, role) in everybody(row) {
        let _ = write!(text, "| {} |", label(name, role, row));
        for point in 0..row.points.len() {
            let cell = cell_of(row, results, point, name);
            let _ = write!(text, " {} |", cell.map_or_else(|| "-".to_owned(), timing));
        }
        text.push('\n');
    }
    text + "\n"
}

fn timing(cell: &Cell) -> String {
    if cell.trouble().is_some() {
        return "hangs or fails, see below".to_owned();
    }
    let Some(nanos) = cell.nanos() else {
        return "-".to_owned();
    };
    let [median, min, max] = [nanos.median, nanos.min, nanos.max].map(digits);
    match cell.most_idle() {
        Some(idle) if idle > 0 => format!("{median} ({min} - {max}), **{idle} at 0**"),
        _ => format!("{median} ({min} - {max})"),
    }
}

/// What is counted and not timed. A figure that is zero for everybody says nothing, unless it is
/// what the row is about.
fn figures(row: &Row, results: &Results) -> String {
    let mut columns = BTreeSet::new();
    for point in 0..row.points.len() {
        for (.., cell) in (At {
            row,
            point,
            results,
        })
        .cells()
        {
            let telling = |(name, value): &(&String, &f64)| {
                **value != 0.0 || row.measure == Measure::Figure(name_of(name))
            };
            columns.extend(
                cell.figures
                    .iter()
                    .filter(telling)
                    .map(|(name, _)| (point, name.clone())),
            );
        }
    }
    if columns.is_empty() {
        return String::new();
    }
    let heads: Vec<_> = columns
        .iter()
        .map(|(point, name)| match row.points.len() {
            1 => name.clone(),
            _ => format!("{}: {name}", row.points[*point].label),
        })
        .collect();
    let mut text = format!(
        "| per operation | {} |\n|---|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for (name, role) in everybody(row) {
        let values: Vec<_> = columns
            .iter()
            .map(|(point, figure)| {
                let value = cell_of(row, results, *point, name)?
                    .figures
                    .get(figure)
                    .copied();
                value.map(digits)
            })
            .collect();
        if values.iter().any(Option::is_some) {
            let values: Vec<_> = values
                .into_iter()
                .map(|value| value.unwrap_or("-".into()))
                .collect();
            let _ = writeln!(
                text,
                "| {} | {} |",
                label(name, role, row),
                values.join(" | ")
            );
        }
    }
    text + "\n"
}

fn name_of(name: &str) -> &'static str {
    use crate::sample::figure;
    [figure::OBJECT, figure::FUTURE, figure::HEAP, figure::WAITER]
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or("")
}

fn fairness(row: &Row, results: &Results) -> String {
    let mut text = String::from(
        "<details><summary>Fairness and waits</summary>\n\n\
         | | | ns | min/max | Jain | at 0 | p50 | p99 | p99.9 | worst wait |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for point in 0..row.points.len() {
        for (name, role, cell) in (At {
            row,
            point,
            results,
        })
        .cells()
        {
            let wait = |of: fn(&crate::sample::Waits) -> f64| {
                let wait = cell.fairness(|fairness| fairness.waits.as_ref().map(of));
                wait.map_or_else(|| "-".to_owned(), time)
            };
            let share = |of: fn(&Fairness) -> f64| {
                let share = cell.fairness(|fairness| Some(of(fairness)));
                share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"))
            };
            let idle = cell
                .most_idle()
                .map_or_else(|| "-".to_owned(), |idle| idle.to_string());
            let nanos = cell
                .nanos()
                .map_or_else(|| "-".to_owned(), |nanos| digits(nanos.median));
            let _ = writeln!(
                text,
                "| {} | {} | {nanos} | {} | {} | {idle} | {} | {} | {} | {} |",
                row.points[point].label,
                label(name, role, row),
                share(Fairness::least_share),
                share(|fairness| fairness.jain),
                wait(|waits| waits.p50),
                wait(|waits| waits.p99),
                wait(|waits| waits.p999),
                wait(|waits| waits.worst),
            );
        }
    }
    text + "\n</details>\n\n"
}

fn troubles(row: &Row, results: &Results) -> String {
    let mut text = String::new();
    for point in 0..row.points.len() {
        for (name, _, cell) in (At {
            row,
            point,
            results,
        })
        .cells()
        {
            for once in &cell.once {
                let label = &row.points[point].label;
                let _ = writeln!(
                    text,
                    "* {name}, {label}, in one round, not when repeated: {once}."
                );
            }
            if let Some(trouble) = cell.trouble() {
                let _ = writeln!(text, "* {name}, {}: {trouble}.", row.points[point].label);
            }
        }
    }
    if text.is_empty() { text } else { text + "\n" }
}
