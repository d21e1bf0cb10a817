//! A copy of the workspace under the target directory, in which faults are planted.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The copy. Only files that differ are written, so that cargo rebuilds only what depends on them.
pub(crate) struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// Brings the copy up to date with `source`.
    pub(crate) fn update(source: &Path, root: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        let wanted = files(source)?;
        for path in files(&root)? {
            if !wanted.contains(&path) {
                fs::remove_file(root.join(path))?;
            }
        }
        let scratch = Scratch { root };
        for path in &wanted {
            scratch.write(path, &fs::read(source.join(path))?)?;
        }
        Ok(scratch)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file, if it differs.
    pub(crate) fn write(&self, path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(path);
        if fs::read(&path).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)
    }
}

/// All files of a workspace, without what git and cargo put there.
fn files(root: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let path = folder.join(&name);
            let name = name.to_string_lossy();
            if name == ".git" || name == "target" || name.starts_with("target-") {
                continue;
            }
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_follows_its_source() {
        let base = std::env::temp_dir().join(format!("xtask-scratch-{}", std::process::id()));
        let (source, copy) = (base.join("source"), base.join("copy"));
        fs::create_dir_all(source.join("src")).unwrap();
        fs::create_dir_all(source.join("target")).unwrap();
        fs::write(source.join("src/a"), "a").unwrap();
        fs::write(source.join("b"), "b").unwrap();
        fs::write(source.join("target/c"), "c").unwrap();
        let scratch = Scratch::update(&source, copy.clone()).unwrap();
        assert_eq!(fs::read(copy.join("src/a")).unwrap(), b"a");
        assert!(!copy.join("target").exists());

        scratch.write("src/a", b"fault").unwrap();
        fs::remove_file(source.join("b")).unwrap();
        let untouched = fs::metadata(copy.join("src/a"))
            .unwrap()
            .modified()
            .unwrap();
        scratch.write("src/a", b"fault").unwrap();
        assert_eq!(
            fs::metadata(copy.join("src/a"))
                .unwrap()
                .modified()
                .unwrap(),
            untouched
        );
        Scratch::update(&source, copy.clone()).unwrap();
        assert_eq!(fs::read(copy.join("src/a")).unwrap(), b"a");
        assert!(!copy.join("b").exists());
        fs::remove_dir_all(base).unwrap();
    }
}
