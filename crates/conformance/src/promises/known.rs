//! What implementations say of themselves.

/// Something that the documentation of an implementation says about a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The opposite is what it is made for: a broken promise counts as not offered.
    ByDesign(&'static str),
    /// It says that it does not keep this.
    Documented(&'static str),
}

/// Implementation's name, promises, and what is said.
const KNOWN: &[(&str, &[&str], Known)] = &[
    (
        "async-sync, Adaptive",
        &["newcomers-queue"],
        Known::ByDesign("newcomers may win, within bounds"),
    ),
    (
        "async-sync, Barging",
        &["newcomers-queue", "late-waiters", "shares"],
        Known::ByDesign("the policy's documentation says: the most throughput, and no promise"),
    ),
    (
        "async-sync",
        &["futurelock-unordered", "futurelock-alone"],
        Known::Documented("see ARCHITECTURE.md, \"What is known and left alone\""),
    ),
    (
        "async-sync, Adaptive",
        &["futurelock-alone"],
        Known::Documented("see ARCHITECTURE.md, \"What is known and left alone\""),
    ),
    (
        "async-sync, Fifo",
        &["futurelock-unordered", "futurelock-alone"],
        Known::Documented("see ARCHITECTURE.md, \"What is known and left alone\""),
    ),
    (
        "async-sync, Barging",
        &["futurelock-alone"],
        Known::Documented("see ARCHITECTURE.md, \"What is known and left alone\""),
    ),
    (
        "async-sync, WritePreferring",
        &["futurelock-unordered", "futurelock-alone"],
        Known::Documented("see ARCHITECTURE.md, \"What is known and left alone\""),
    ),
    (
        "async-sync, ReadPreferring",
        &["futurelock-unordered", "futurelock-alone"],
        Known::Documented("see ARCHITECTURE.md, \"What is known and left alone\""),
    ),
    (
        "async-sync, ReadMostly",
        &["futurelock-unordered", "futurelock-alone"],
        Known::Documented("see ARCHITECTURE.md, \"What is known and left alone\""),
    ),
    (
        "async-sync, ReadPreferring",
        &["bars", "not-starved"],
        Known::ByDesign("readers first, and no promise to writers"),
    ),
    (
        "async-sync, Fifo",
        &["one-writer"],
        Known::ByDesign("in one line, first come, first served"),
    ),
    (
        "tokio",
        &["blocking"],
        Known::Documented("\"panics if called within an asynchronous execution context\""),
    ),
    (
        "tokio",
        &["party-cancel", "party-cancel-told"],
        Known::Documented("\"not cancel safe\""),
    ),
    (
        "mea",
        &["party-cancel", "party-cancel-told"],
        Known::Documented("\"not cancellation safe\""),
    ),
    (
        "mea",
        &["starter", "work-panics"],
        Known::Documented("\"another caller waiting for the same key may retry it\""),
    ),
    (
        "async-lock",
        &["newcomers-queue"],
        Known::ByDesign("the mutex documents eventual fairness, the semaphore no order"),
    ),
    (
        "futures-util",
        &[
            "in-order",
            "newcomers-queue",
            "late-waiters",
            "idle-waiters",
            "shares",
            "s7",
        ],
        Known::ByDesign("it documents no fairness guarantees"),
    ),
    (
        "futures-intrusive, unfair",
        &[
            "in-order",
            "newcomers-queue",
            "late-waiters",
            "idle-waiters",
            "shares",
            "big-first",
            "s1-big",
            "s7",
        ],
        Known::ByDesign("made unfair by an argument of its constructor"),
    ),
];

/// What the implementation of that name says about that promise.
#[must_use]
pub fn known(implementation: &str, promise: &str) -> Option<Known> {
    KNOWN
        .iter()
        .find(|(name, promises, _)| *name == implementation && promises.contains(&promise))
        .map(|(_, _, known)| *known)
}
