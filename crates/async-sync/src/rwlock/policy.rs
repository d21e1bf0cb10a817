//! Who gets a reader-writer lock while others wait.

use super::readers::{Counted, Readers, Sharded};
pub use crate::mutex::Fifo;

/// A policy of an [`RwLock`](super::RwLock), chosen by type: [`WritePreferring`], [`ReadPreferring`],
/// [`Fifo`] or [`ReadMostly`].
///
/// The trait is sealed: a policy is a promise that the lock's algorithm keeps.
pub trait Policy: sealed::Sealed + Send + Sync + 'static {
    #[doc(hidden)]
    const RULE: Rule;
    /// Where readers are counted.
    #[doc(hidden)]
    type Readers: Readers;
}

/// What a lock's policy says about those who wait.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Readers wait in one line with the writers.
    pub(super) one_line: bool,
    /// Who waits to write keeps newcomers from reading.
    pub(super) bars: bool,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::WritePreferring {}
    impl Sealed for super::ReadPreferring {}
    impl Sealed for super::Fifo {}
    impl Sealed for super::ReadMostly {}
}

/// Go's policy, also called phase-fair: nobody starves.
///
/// A writer that waits keeps newcomers from reading, so it waits only for those who read already.
/// When a writer leaves, *all* readers that have queued until then enter together, before the next
/// writer. Writers go first come, first served.
///
/// So a reader waits for one writer at most (and for the readers before that one), a writer for the
/// writers before it and one phase of readers each.
#[derive(Clone, Copy, Debug, Default)]
pub struct WritePreferring;

/// Readers never wait for a writer that waits itself.
///
/// The most concurrency, and no promise to writers: as long as readers overlap, a writer waits. In
/// return a task that reads may take the lock for reading again.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadPreferring;

/// [`WritePreferring`], for locks that are almost only read.
///
/// Readers count themselves on cache lines of their own, so that two cores which only read do not
/// slow each other down. The price: a lock is about a kilobyte large, and writers look at every one
/// of those lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadMostly;

impl Policy for WritePreferring {
    const RULE: Rule = Rule {
        one_line: false,
        bars: true,
    };
    type Readers = Counted;
}

impl Policy for ReadPreferring {
    const RULE: Rule = Rule {
        one_line: false,
        bars: false,
    };
    type Readers = Counted;
}

impl Policy for Fifo {
    const RULE: Rule = Rule {
        one_line: true,
        bars: true,
    };
    type Readers = Counted;
}

impl Policy for ReadMostly {
    const RULE: Rule = Rule {
        one_line: false,
        bars: true,
    };
    type Readers = Sharded;
}
