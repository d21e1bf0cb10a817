//! The most frequent words of a tree of text files: a map-reduce in one program.
//!
//! ```text
//! cargo run --release --example word_count -- <dir> [how many]
//!
//! walk --> batch of files --> count (map, on threads) x cores --> merge (reduce)
//! ```
//!
//! * The walk blocks, so it is a blocking source; it waits while the counters are busy.
//! * Files are put together: handing one to another thread costs as much as counting a small one.
//! * Each batch is counted into a map of its own, so nothing is shared until the end, and the maps are
//!   merged by whoever waits for the pipeline.
//! * What cannot be read is told at the end, and the rest is counted.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use orchestration::pipeline::Pipeline;
use runtime::{Spawn, TokioRuntime};
use walkdir::WalkDir;

type Counts = HashMap<String, u64>;

/// What became of a batch of files, or of all.
#[derive(Debug, Default)]
struct Counted {
    words: Counts,
    files: u64,
    errors: Vec<String>,
}

/// The map.
fn count(paths: Vec<PathBuf>) -> Counted {
    let mut counted = Counted::default();
    for path in paths {
        match fs::read(&path) {
            Ok(bytes) => {
                counted.files += 1;
                for word in words(&String::from_utf8_lossy(&bytes)) {
                    *counted.words.entry(word).or_default() += 1;
                }
            }
            Err(error) => counted.errors.push(format!("{}: {error}", path.display())),
        }
    }
    counted
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|letter: char| !letter.is_alphanumeric());
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The reduce.
fn merge(mut all: Counted, part: Counted) -> Counted {
    if all.words.len() < part.words.len() {
        // The smaller into the larger.
        return merge(part, all);
    }
    for (word, count) in part.words {
        *all.words.entry(word).or_default() += count;
    }
    all.files += part.files;
    all.errors.extend(part.errors);
    all
}

/// Files that are counted together.
const BATCH: usize = 16;

async fn word_count<R: Spawn>(rt: R, dir: &Path) -> Counted {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let ended = Pipeline::from_blocking_iter("walk", WalkDir::new(dir))
        .map("files", |entry| match entry {
            Ok(entry) if entry.file_type().is_file() => Some(Ok(entry.into_path())),
            Ok(_) => None,
            Err(error) => Some(Err(error.to_string())),
        })
        .flatten("found")
        .batch("batch", BATCH)
        .blocking("count", |found: Vec<Result<PathBuf, String>>| {
            let (mut paths, mut errors) = (Vec::new(), Vec::new());
            for file in found {
                match file {
                    Ok(path) => paths.push(path),
                    Err(error) => errors.push(error),
                }
            }
            let mut counted = count(paths);
            counted.errors.append(&mut errors);
            Ok::<_, std::convert::Infallible>(counted)
        })
        .concurrency(cores)
        .buffer(2 * cores)
        .unordered()
        .fold(rt, Counted::default(), merge)
        .await;
    match ended {
        Ok((counted, _report)) => counted,
        Err(error) => unreachable!("nothing fails, and nobody cancels it: {error}"),
    }
}

/// The `most` most frequent words; of those that are as frequent, the first in the alphabet.
fn top(words: &Counts, most: usize) -> Vec<(&str, u64)> {
    let mut all: Vec<_> = words
        .iter()
        .map(|(word, count)| (word.as_str(), *count))
        .collect();
    all.sort_by(|(one, n), (two, m)| m.cmp(n).then(one.cmp(two)));
    all.truncate(most);
    all
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let dir = args.next().map(PathBuf::from);
    let most = args
        .next()
        .map_or(Some(10), |text| text.to_str()?.parse().ok());
    let (Some(dir), Some(most), None) = (dir, most, args.next()) else {
        eprintln!("word_count: the arguments are DIR [HOW_MANY]");
        return ExitCode::from(2);
    };
    let counted = word_count(TokioRuntime::current(), &dir).await;
    for (word, count) in top(&counted.words, most) {
        println!("{count:>8} {word}");
    }
    let sum: u64 = counted.words.values().sum();
    println!(
        "{sum} words, {} of them different, in {} files",
        counted.words.len(),
        counted.files
    );
    for error in &counted.errors {
        eprintln!("word_count: {error}");
    }
    if counted.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use runtime::SmolRuntime;

    use super::*;

    #[test]
    fn words_are_letters_and_digits() {
        let all: Vec<_> = words("The Fox, the fox's 2nd – Füchse!").collect();
        assert_eq!(all, ["the", "fox", "the", "fox", "s", "2nd", "füchse"]);
    }

    /// On this package's own sources, beside a loop.
    #[test]
    fn as_a_loop_would_count() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = WalkDir::new(dir).into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        let expected = count(files.map(walkdir::DirEntry::into_path).collect());
        assert!(expected.files > 20 && expected.words["the"] > 100);
        let on_mini = mini_executor::Builder::new()
            .run(|rt| async move { word_count(rt, dir).await })
            .unwrap();
        let on_smol = smol::block_on(word_count(SmolRuntime::new(), dir));
        for counted in [on_mini, on_smol] {
            assert_eq!((counted.files, counted.errors.len()), (expected.files, 0));
            assert!(counted.words == expected.words);
        }
    }

    #[test]
    fn a_directory_that_is_not_there() {
        let missing = Path::new("no-such-directory");
        let counted = smol::block_on(word_count(SmolRuntime::new(), missing));
        assert_eq!((counted.files, counted.errors.len()), (0, 1));
        assert!(counted.errors[0].contains("no-such-directory"));
    }

    #[test]
    fn the_top_of_the_list() {
        let words = [("b", 2), ("a", 2), ("c", 9)].map(|(word, n)| (word.to_owned(), n));
        assert_eq!(top(&words.into(), 2), [("c", 9), ("a", 2)]);
    }
}
