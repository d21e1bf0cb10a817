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
        "async-sync, KeyedMutex",
        &["newcomers-queue"],
        Known::ByDesign("newcomers may win, within bounds, as with `Adaptive`"),
    ),
    (
        "async-sync, KeyedMutex",
        &["futurelock-alone"],
        Known::Documented("see ARCHITECTURE.md, \"What is known and left alone\""),
    ),
    (
        "async-sync",
        &["shared-order"],
        Known::ByDesign(
            "the first that is polled gets the first item: items are received in the order in which \
             they were sent",
        ),
    ),
    (
        "async-sync",
        &["flat-line"],
        Known::Documented("\"a child keeps its parents\""),
    ),
    (
        "async-sync, `select_all`",
        &["allocations"],
        Known::Documented("\"two allocations, one for the futures and one for their wakers\""),
    ),
    (
        "kanal",
        &[
            "recv-cancel-woken",
            "rendezvous-recv-cancel",
            "cancel-woken",
            "cancel-order",
            "cancel-storm",
        ],
        Known::Documented("\"it may result in the loss of the received value\""),
    ),
    (
        "bb8",
        &["spurious"],
        Known::ByDesign("the second one is with the request's timeout"),
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
