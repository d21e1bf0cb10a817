//! The table: what is done, and when.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) when: When,
    pub(crate) command: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Again and again.
    Every(Duration),
    /// Once.
    After(Duration),
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TableError {
    line: usize,
    what: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for TableError {}

/// Reads a table: `every 10s COMMAND` or `after 500ms COMMAND`, one a line; `#` begins a comment.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, TableError> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(n, line)| (n + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(n, line)| line.parse().map_err(|what| TableError { line: n, what }))
        .collect()
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = line.splitn(3, char::is_whitespace);
        let (kind, time) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let command = words.next().unwrap_or("").trim();
        let time = duration(time)
            .ok_or_else(|| format!("{time:?} is no time, as 500ms, 10s, 5m or 1h"))?;
        let when = match kind {
            "every" if time.is_zero() => return Err("a period of zero".to_owned()),
            "every" => When::Every(time),
            "after" => When::After(time),
            _ => return Err(format!("{kind:?} is neither `every` nor `after`")),
        };
        if command.is_empty() {
            return Err("there is no command".to_owned());
        }
        let command = command.to_owned();
        Ok(Entry { when, command })
    }
}

pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table() {
        let text = "# backups\n\nevery 10s  tar c /etc\nafter 500ms echo once\n";
        let table = parse(text).unwrap();
        let ms = Duration::from_millis;
        assert_eq!(table[0].when, When::Every(ms(10_000)));
        assert_eq!(table[0].command, "tar c /etc");
        assert_eq!(table[1].when, When::After(ms(500)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, wrong) in [
            ("every 10s", "line 1: there is no command"),
            (
                "\nevery soon echo",
                "line 2: \"soon\" is no time, as 500ms, 10s, 5m or 1h",
            ),
            ("every 0s echo", "line 1: a period of zero"),
            (
                "at 10s echo",
                "line 1: \"at\" is neither `every` nor `after`",
            ),
            (
                "every 99999999999999999999h echo",
                "line 1: \"99999999999999999999h\" is no time, as 500ms, 10s, 5m or 1h",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), wrong);
        }
    }
}
