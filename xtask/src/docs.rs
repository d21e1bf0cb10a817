//! The parts of documents that commands write: tables between markers.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use crate::plan;

pub(crate) const VERIFICATION: Document = Document("docs/verification.md");
pub(crate) const BENCHMARKS: Document = Document("docs/benchmarks.md");
pub(crate) const README: Document = Document("README.md");

/// A file of the repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document(&'static str);

impl Document {
    fn path(self) -> PathBuf {
        plan::root().join(self.0)
    }

    /// The whole of it.
    pub(crate) fn read(self) -> Result<String, String> {
        fs::read_to_string(self.path()).map_err(|error| format!("{}: {error}", self.0))
    }

    /// The text of a section.
    #[cfg(test)]
    pub(crate) fn section(self, name: &str) -> Result<String, String> {
        let text = self.read()?;
        let (start, end) = self.bounds(&text, name)?;
        Ok(text[start..end].to_owned())
    }

    /// Replaces the text of a section.
    pub(crate) fn update(self, name: &str, new: impl FnOnce(&str) -> String) -> Result<(), String> {
        let text = self.read()?;
        let (start, end) = self.bounds(&text, name)?;
        let text = [&text[..start], &new(&text[start..end]), &text[end..]].concat();
        fs::write(self.path(), text).map_err(|error| format!("{}: {error}", self.0))
    }

    /// Where the section's text begins and ends.
    fn bounds(self, text: &str, section: &str) -> Result<(usize, usize), String> {
        let (begin, end) = (
            format!("<!-- begin: {section} -->\n"),
            format!("<!-- end: {section} -->"),
        );
        let missing = |marker: &str| format!("{} has no {}", self.0, marker.trim());
        let start = text.find(&begin).ok_or_else(|| missing(&begin))? + begin.len();
        let length = text[start..].find(&end).ok_or_else(|| missing(&end))?;
        Ok((start, start + length))
    }
}

/// A table whose rows are known by their first cell.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn parse(text: &str) -> Self {
        let mut lines = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'))
            .map(|line| {
                line.split(" | ")
                    .map(|cell| cell.trim().to_owned())
                    .collect()
            })
            .filter(|cells: &Vec<String>| !cells[0].starts_with("--"));
        Table {
            head: lines.next().unwrap_or_default(),
            rows: lines.collect(),
        }
    }

    /// The first cells.
    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row[0].as_str())
    }

    /// New rows take the place of old ones; those that are not in `order` go.
    pub(crate) fn merge(mut self, head: &[&str], new: Vec<Vec<String>>, order: &[&str]) -> Self {
        self.rows
            .retain(|old| new.iter().all(|row| row[0] != old[0]));
        self.rows.extend(new);
        let place = |row: &Vec<String>| order.iter().position(|name| *name == row[0]);
        self.rows.retain(|row| place(row).is_some());
        self.rows.sort_by_key(|row| place(row));
        self.head = head.iter().map(ToString::to_string).collect();
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        writeln!(f, "{}", line(&self.head))?;
        writeln!(f, "|{}", "---|".repeat(self.head.len()))?;
        self.rows
            .iter()
            .try_for_each(|row| writeln!(f, "{}", line(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "| a | b |\n|---|---|\n| one | 1 |\n| two | 2 |\n";

    #[test]
    fn tables_survive_the_round_trip() {
        assert_eq!(Table::parse(OLD).to_string(), OLD);
    }

    #[test]
    fn rows_are_replaced_added_ordered_and_dropped() {
        let new = vec![
            vec!["three".to_owned(), "3".to_owned()],
            vec!["one".to_owned(), "I".to_owned()],
        ];
        let merged = Table::parse(OLD).merge(&["a", "b"], new, &["three", "one"]);
        let expected = "| a | b |\n|---|---|\n| three | 3 |\n| one | I |\n";
        assert_eq!(merged.to_string(), expected);
    }

    #[test]
    fn sections_stand_between_markers() {
        let text = "x\n<!-- begin: s -->\ninside\n<!-- end: s -->\ny";
        let (start, end) = README.bounds(text, "s").unwrap();
        assert_eq!(&text[start..end], "inside\n");
        assert!(README.bounds(text, "t").unwrap_err().contains("begin: t"));
    }
}
