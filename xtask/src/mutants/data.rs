//! The faults, as data: `xtask/mutants/*.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::tier::Tier;

/// A deliberate fault: one text in one file, replaced by another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutant {
    /// What is wrong, in a few words. Unique.
    pub(crate) name: String,
    /// Whom it would hurt, and how.
    pub(crate) why: String,
    /// From the root of the workspace.
    pub(crate) file: String,
    /// Has to occur exactly once in the file. As short as that allows, so that it ages slowly.
    pub(crate) old: String,
    pub(crate) new: String,
    /// Where to begin: cheaper tiers cannot see the fault (a memory ordering, say).
    #[serde(default)]
    pub(crate) tier: Tier,
    /// How many preemptions loom has to try.
    #[serde(default = "two")]
    pub(crate) preemptions: u8,
}

fn two() -> u8 {
    2
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutant: Vec<Mutant>,
}

/// All of them, in the order of the file names and then of the files.
pub(crate) fn load(root: &Path) -> Result<Vec<Mutant>, String> {
    let directory = root.join("xtask/mutants");
    let entries = fs::read_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    files.sort();
    let mut mutants = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let file: File = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        mutants.extend(file.mutant);
    }
    let mut names = BTreeSet::new();
    for mutant in &mutants {
        if !names.insert(&mutant.name) || mutant.name.contains('|') {
            return Err(format!("two mutants are called {:?}", mutant.name));
        }
    }
    Ok(mutants)
}

impl Mutant {
    /// The file with the fault in it.
    ///
    /// # Errors
    ///
    /// Why the mutant is stale.
    pub(crate) fn apply(&self, source: &str) -> Result<String, String> {
        match source.matches(&self.old).count() {
            1 => Ok(source.replacen(&self.old, &self.new, 1)),
            count => Err(format!(
                "STALE {:?}: {} has this text {count} times, it has to be there once; adapt `old` \
                 and `new` in xtask/mutants:\n{}",
                self.name,
                self.file,
                self.old.trim_end()
            )),
        }
    }

    /// The same for the file as it is under `root`.
    pub(crate) fn apply_in(&self, root: &Path) -> Result<String, String> {
        let source = fs::read_to_string(root.join(&self.file))
            .map_err(|error| format!("STALE {:?}: {}: {error}", self.name, self.file))?;
        self.apply(&source)
    }

    /// The file without what all files have in common.
    pub(crate) fn place(&self) -> String {
        let path = self.file.strip_prefix("crates/").unwrap_or(&self.file);
        path.replacen("/src/", "/", 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    fn mutant(old: &str) -> Mutant {
        Mutant {
            name: "m".to_owned(),
            why: String::new(),
            file: "crates/a/src/b/c.rs".to_owned(),
            old: old.to_owned(),
            new: "x".to_owned(),
            tier: Tier::Tests,
            preemptions: 2,
        }
    }

    #[test]
    fn a_text_that_is_there_once_is_replaced() {
        assert_eq!(mutant("b").apply("abc").as_deref(), Ok("axc"));
        assert_eq!(mutant("b").place(), "a/b/c.rs");
    }

    #[test]
    fn any_other_number_is_stale_and_says_so() {
        for source in ["ac", "abbc"] {
            let report = mutant("b").apply(source).unwrap_err();
            assert!(report.starts_with("STALE \"m\""), "{report}");
        }
    }

    #[test]
    fn every_mutant_fits_the_sources() {
        let mutants = load(plan::root()).unwrap();
        assert!(mutants.len() >= 30);
        let stale: Vec<_> = mutants
            .iter()
            .filter_map(|mutant| mutant.apply_in(plan::root()).err())
            .collect();
        assert!(stale.is_empty(), "{}", stale.join("\n\n"));
        for mutant in &mutants {
            assert_ne!(mutant.old, mutant.new, "{}", mutant.name);
            assert!(!mutant.why.is_empty(), "{}", mutant.name);
        }
    }
}
