//! The document.

use std::fmt::Write as _;

use conformance::promises::Verdict;

use crate::Topic;

pub(crate) fn document(
    topics: &[Topic],
    only: &str,
    measure: impl Fn(&str, &str, &str) -> Verdict,
) -> String {
    let mut text = String::new();
    for topic in topics {
        for imp in topic
            .implementations
            .iter()
            .filter(|it| it.name.contains(only))
        {
            for m in &imp.measurements {
                let v = measure(topic.id, imp.id, m.id);
                let _ = writeln!(text, "{} | {} | {} | {v:?}", topic.title, imp.name, m.id);
            }
        }
    }
    text
}
