//! Does `docs/verification.md` name the models that there are?
//!
//! The names are read from the sources: building the models would take a minute, and what this is
//! for is to notice in every test run that a model came, went or changed its name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::docs::VERIFICATION;
use crate::plan;

/// The modules whose tests are models.
const CHECKERS: [&str; 2] = ["loom", "shuttle"];

/// The paths of all models, such as `async_sync::mutex::loom::cancel_fifo`.
fn models(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for krate in fs::read_dir(root.join("crates")).unwrap().flatten() {
        let name = krate.file_name().to_string_lossy().replace('-', "_");
        let src = krate.path().join("src");
        for file in rust_files(&src) {
            let text = fs::read_to_string(&file).unwrap();
            let module = module(&name, file.strip_prefix(&src).unwrap());
            if module.iter().any(|part| CHECKERS.contains(&part.as_str())) {
                found.extend(tests(&text).map(|test| format!("{}::{test}", module.join("::"))));
            }
            for checker in CHECKERS {
                // A module of its own inside of a file lasts to the file's end, here.
                if let Some((_, inner)) = text.split_once(&format!("\nmod {checker} {{\n")) {
                    let path = format!("{}::{checker}", module.join("::"));
                    found.extend(tests(inner).map(|test| format!("{path}::{test}")));
                }
            }
        }
    }
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// `mutex/loom.rs` of `async_sync` is `async_sync::mutex::loom`.
fn module(krate: &str, file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    std::iter::once(krate.to_owned())
        .chain(parts.filter(|part| part != "mod" && part != "lib"))
        .collect()
}

/// The functions below a `#[test]`, and the names that macros make tests of: those in
/// `against_all! { name: ...; }`, and those in a line `each_way! { name name }`.
fn tests(text: &str) -> impl Iterator<Item = String> {
    let mut names = Vec::new();
    let mut is_test = false;
    let mut in_macro = false;
    for line in text.lines().map(str::trim) {
        let name = line
            .strip_prefix("fn ")
            .and_then(|rest| rest.split(['(', '<']).next());
        names.extend(listed(line).into_iter().flatten().map(str::to_owned));
        match (line, name) {
            ("#[test]", _) => is_test = true,
            ("against_all! {", _) => in_macro = true,
            ("}", _) => in_macro = false,
            (_, Some(name)) if is_test && !name.starts_with('$') => {
                names.push(name.to_owned());
                is_test = false;
            }
            (_, Some(_)) => is_test = false,
            _ if in_macro => names.extend(line.split_once(": ").map(|(name, _)| name.to_owned())),
            _ => {}
        }
    }
    names.into_iter()
}

/// `a` and `b` of `each_way! { a b }`.
fn listed(line: &str) -> Option<Vec<&str>> {
    let (_, body) = line.strip_suffix('}')?.split_once("! { ")?;
    let names: Vec<&str> = body.split_whitespace().collect();
    let is_name = |name: &&str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    names.iter().all(is_name).then_some(names)
}

/// The names in back quotes that have a checker in their path.
fn named(document: &str) -> BTreeSet<String> {
    document
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| {
            name.split("::")
                .any(|part| CHECKERS.contains(&part) && name.contains("::"))
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_document_names_every_model_and_no_other() {
    let models = models(plan::root());
    let named = named(&VERIFICATION.section("models").unwrap());
    let missing: Vec<_> = models.difference(&named).collect();
    let gone: Vec<_> = named.difference(&models).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "docs/verification.md does not have {missing:?}, and names {gone:?}, which do not exist"
    );
    assert!(models.len() > 40, "the scan finds too little: {models:?}");
}

#[test]
fn models_are_read_from_the_sources() {
    let text = "#[test]\nfn a() {\n#[test]\n#[ignore]\nfn b<T>() {\nfn c() {}\nagainst_all! {\n    \
                d: X;\n}\n    e: f;\n#[test]\nfn $name() {\nways! { g h_1 }\nmodel! { || x }";
    assert_eq!(tests(text).collect::<Vec<_>>(), ["a", "b", "d", "g", "h_1"]);
    assert_eq!(
        module("x", Path::new("y/mod.rs")).join("::"),
        "x::y".to_owned()
    );
    let named = named("`a::loom::b` and `loom`, `c::d`, `e::shuttle::f`");
    assert_eq!(
        named.into_iter().collect::<Vec<_>>(),
        ["a::loom::b", "e::shuttle::f"]
    );
}
