//! The report, with measurements so short that they mean nothing: everything runs, and everything is
//! written.
#![allow(missing_docs)]

use std::fs;
use std::process::Command;

use benches::rows;
use benches::sample::NOTHING_DONE;

#[test]
fn every_row_has_its_table_and_its_chart() {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("samples.json");
    let output = Command::new(env!("CARGO_BIN_EXE_report"))
        // Neither Go nor valgrind, which not every machine has.
        .args(["--tiny", "--rust-only", "--out"])
        .arg(directory.path())
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = fs::read_to_string(directory.path().join("benchmarks.md")).unwrap();
    for row in rows::all() {
        let heading = match row.id {
            "-" => format!("## {}\n", row.title),
            id => format!("## {id}: {}\n", row.title),
        };
        let (_, section) = text.split_once(&heading).expect(&heading);
        let section = section.split("\n## ").next().unwrap();
        for point in &row.points {
            assert!(section.contains(&point.label), "{heading} {}", point.label);
        }
        let judged = section.contains(&format!("| **{}** |", row.judged));
        assert!(judged, "{heading} without a line of ours");
        let chart = section.split_once("](benchmarks/").expect("a chart").1;
        let chart = directory
            .path()
            .join("benchmarks")
            .join(chart.split_once(')').unwrap().0);
        assert!(fs::read_to_string(chart).unwrap().contains("</svg>"));
    }
    assert!(
        !text.contains(env!("CARGO_MANIFEST_DIR")),
        "a path of this machine"
    );
    let samples: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    let cells = samples["results"]["cells"].as_object().unwrap();
    let cases: usize = rows::all().iter().map(|row| row.points.len()).sum();
    assert!(cells.len() > cases);
    // The samples are all that the document needs.
    let again = directory.path().join("again");
    let output = Command::new(env!("CARGO_BIN_EXE_report"))
        .arg("--from")
        .arg(&json)
        .arg("--out")
        .arg(&again)
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(
        fs::read_to_string(again.join("benchmarks.md")).unwrap(),
        text
    );
    // Ours never fails, hangs, or lets two tasks in at once.
    for (case, cell) in cells
        .iter()
        .filter(|(case, _)| case.contains("/async-sync"))
    {
        let trouble = cell["given_up"].as_str();
        // On a busy machine no worker may have had a processor in these two milliseconds.
        assert!(
            trouble.is_none_or(|trouble| trouble == NOTHING_DONE),
            "{case}: {trouble:?}"
        );
    }
}

#[test]
fn a_row_that_is_not_there_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_report"))
        .args(["--only", "P999"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("P999"));
}
