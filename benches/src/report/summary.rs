//! The table at the head: one line for each row.

use crate::report::format::{digits, unit};
use crate::row::{At, Goal, Row, times};
use crate::run::results::Results;

pub(super) fn table(rows: &[Row], results: &Results) -> String {
    let mut text = String::from(
        "| row | what | points | goal | ours | best peer | ours / best peer | ours / floor | met |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        text.push_str(&line(row, results));
    }
    text
}

fn line(row: &Row, results: &Results) -> String {
    let at = |point| At {
        row,
        point,
        results,
    };
    let each = |cell: &dyn Fn(At<'_>) -> Option<String>| {
        let cells =
            (0..row.points.len()).map(|point| cell(at(point)).unwrap_or_else(|| "-".into()));
        join(cells.collect())
    };
    let mine = |at: At<'_>| at.ours().and_then(|cell| at.value(cell));
    let ours = each(&|at| mine(at).map(digits));
    let ratio = each(&|at| Some(format!("{:.2}", times(mine(at)?, at.best(at.rivals())?.2))));
    let floor = each(&|at| Some(format!("{:.2}", mine(at)? / at.value(at.floor()?)?)));
    let peers = (0..row.points.len()).map(|point| at(point).best(at(point).rivals()));
    let peers = names(
        &peers
            .map(|best| best.map(|(name, _, value)| (name, value)))
            .collect::<Vec<_>>(),
    );
    let met = met(row, results);
    let goals = row
        .goals
        .iter()
        .map(Goal::text)
        .collect::<Vec<_>>()
        .join("; ");
    let labels = row.points.iter().map(|point| point.label.clone()).collect();
    let bold = |text: &str| {
        if met.is_empty() {
            text.to_owned()
        } else {
            format!("**{text}**")
        }
    };
    format!(
        "| {} | {} | {} | {goals} | {} {} | {peers} | {} | {} | {} |\n",
        bold(row.id),
        bold(row.title),
        join(labels),
        bold(&ours),
        unit(row.measure),
        bold(&ratio),
        bold(&floor),
        if met.is_empty() {
            verdict(row, results).to_owned()
        } else {
            format!("**no**: {}", met.join("; "))
        },
    )
}

/// What is not met, with the points where it is not.
pub(super) fn met(row: &Row, results: &Results) -> Vec<String> {
    let unmet = row.goals.iter().filter_map(|goal| {
        let points: Vec<_> = (0..row.points.len())
            .filter_map(|point| {
                let verdict = At {
                    row,
                    point,
                    results,
                }
                .verdict(*goal);
                let label = &row.points[point].label;
                (verdict.met == Some(false)).then(|| format!("{} ({label})", verdict.because))
            })
            .collect();
        (!points.is_empty()).then(|| points.join(", "))
    });
    unmet.collect()
}

/// Of a row in which nothing is unmet: a goal that could not be judged is not met either.
fn verdict(row: &Row, results: &Results) -> &'static str {
    let known = |goal: &Goal| {
        (0..row.points.len()).any(|point| {
            At {
                row,
                point,
                results,
            }
            .verdict(*goal)
            .met
            .is_some()
        })
    };
    if row.goals.iter().all(known) {
        "yes"
    } else {
        "yes, as far as it could be measured"
    }
}

/// Points beside each other; what is the same at all of them once.
fn join(cells: Vec<String>) -> String {
    match cells.first() {
        Some(first) if cells.iter().all(|cell| cell == first) => first.clone(),
        _ => shorten(&cells).join(" / "),
    }
}

/// `2 tasks / 8 tasks` is `2 / 8 tasks`.
fn shorten(cells: &[String]) -> Vec<String> {
    let last_word = |cell: &String| cell.split_once(' ').map(|(_, rest)| rest.to_owned());
    let rest = cells.first().and_then(last_word);
    let same = rest.is_some() && cells.iter().all(|cell| last_word(cell) == rest);
    let short = |(i, cell): (usize, &String)| match cell.split_once(' ') {
        Some((first, _)) if same && i + 1 < cells.len() => first.to_owned(),
        _ => cell.clone(),
    };
    cells.iter().enumerate().map(short).collect()
}

/// The best peers with their values; a name that is best everywhere once.
fn names(best: &[Option<(&str, f64)>]) -> String {
    let first = best.iter().flatten().next().map(|(name, _)| *name);
    let one = best.iter().flatten().all(|(name, _)| Some(*name) == first);
    let cells = best.iter().map(|best| match best {
        None => "-".to_owned(),
        Some((_, value)) if one => digits(*value),
        Some((name, value)) => format!("{name} {}", digits(*value)),
    });
    let values = join(cells.collect());
    match first {
        Some(name) if one => format!("{name} {values}"),
        _ => values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_everywhere_is_said_once() {
        let join = |cells: &[&str]| join(cells.iter().map(ToString::to_string).collect());
        assert_eq!(join(&["2 tasks", "8 tasks"]), "2 / 8 tasks");
        assert_eq!(join(&["-", "-"]), "-");
        assert_eq!(join(&["ready", "yield once"]), "ready / yield once");
    }

    #[test]
    fn one_best_peer_is_named_once() {
        assert_eq!(names(&[Some(("a", 1.0)), Some(("a", 20.0))]), "a 1.0 / 20");
        assert_eq!(
            names(&[Some(("a", 1.0)), None, Some(("b", 2.0))]),
            "a 1.0 / - / b 2.0"
        );
        assert_eq!(names(&[None]), "-");
    }
}
