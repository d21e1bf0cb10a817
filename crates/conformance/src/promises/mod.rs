//! Promises, measured: what a waiting type should keep, of ours and of the peers.
//!
//! A promise is a function over one of the traits of [`peers`](crate::peers) that tries to break it
//! and says what came of it. [`topics`] lists the measurements of every implementation of every type.
//! A measurement may hang or take the process with it: whoever runs it guards against that, see the
//! program `promises`, which writes the tables.
//!
//! Time is real, since the peers' is; the measurements that need some take a few milliseconds of it.

mod barrier;
mod broadcast;
mod cancel;
mod channel;
mod cond;
pub mod counting;
#[cfg(all(test, not(miri)))]
mod faulty;
mod futurelock;
mod gate;
mod hostile;
mod keyed;
mod known;
mod load;
mod lock;
mod mutex;
mod news;
mod once;
mod order;
mod polls;
mod resource_pool;
mod rwlock;
mod select;
mod semaphore;
mod signal;
mod single_flight;
mod token;
mod tools;
mod wait_group;
mod wakers;
mod watch;

use channel::turns::{receive, reserve};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use known::{Known, known};

/// What came of a measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The promise was kept; with what was measured, if it is a number.
    Kept(String),
    /// It was not, and how.
    Broken(String),
    /// The type does not say that it does this, or has no call for it.
    NotOffered(String),
    /// The measurement did not end.
    Hangs,
}

impl Verdict {
    fn kept() -> Self {
        Verdict::Kept(String::new())
    }
}

/// A list of measurements: id, function, promise, how it is measured.
macro_rules! list {
    ($($id:literal, $measure:expr, $promise:literal, $how:literal;)*) => {
        vec![$($crate::promises::Measurement {
            id: $id,
            promise: $promise,
            how: $how,
            measure: $measure,
        }),*]
    };
}
use list;

/// Ends the measurement with [`Verdict::Broken`] unless the condition holds.
macro_rules! check {
    ($condition:expr, $($detail:tt)+) => {
        if !$condition {
            return $crate::promises::Verdict::Broken(format!($($detail)+));
        }
    };
}
use check;

/// One promise of one implementation.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Names the promise on the command line.
    pub id: &'static str,
    /// The promise.
    pub promise: &'static str,
    /// How it is measured.
    pub how: &'static str,
    measure: fn() -> Verdict,
}

impl Measurement {
    /// Measures. May not return.
    ///
    /// A panic that the measurement does not expect counts as a broken promise.
    #[must_use]
    pub fn run(&self) -> Verdict {
        catch_unwind(AssertUnwindSafe(self.measure)).unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            let text = text.unwrap_or("of no text").lines().next().unwrap_or("");
            Verdict::Broken(format!("panics: {text}"))
        })
    }
}

/// All measurements of one implementation.
#[derive(Debug)]
pub struct Implementation {
    /// Names it on the command line.
    pub id: &'static str,
    /// Names it in the table.
    pub name: &'static str,
    /// The package that it comes from.
    pub package: &'static str,
    /// Those that apply to it. What is missing here is not offered.
    pub measurements: Vec<Measurement>,
}

impl Implementation {
    /// The measurement of a promise, if it is offered.
    #[must_use]
    pub fn measurement(&self, id: &str) -> Option<&Measurement> {
        self.measurements.iter().find(|it| it.id == id)
    }
}

/// A scenario as a measurement, on tokio with two workers. It panics if the promise is broken.
macro_rules! scenario {
    ($scenario:path) => {{
        $crate::run::tokio_multi_thread($scenario);
        $crate::promises::Verdict::kept()
    }};
}
use scenario;

macro_rules! implementations {
    ($of:ident, $base:ident: $($id:ident: $ty:ty $(, $offer:ident)*;)*) => {
        vec![$({
            #[allow(unused_mut, reason = "some offer nothing beyond the base")]
            let mut measurements = $of::every::<$ty>();
            $(measurements.extend($of::$offer::<$ty>());)*
            Implementation {
                id: stringify!($id),
                name: <$ty as crate::peers::$base>::NAME,
                package: <$ty as crate::peers::$base>::PACKAGE,
                measurements,
            }
        }),*]
    };
}

/// The implementations of one type.
#[derive(Debug)]
pub struct Topic {
    /// Names it on the command line.
    pub id: &'static str,
    /// Over its table.
    pub title: &'static str,
    /// Its columns.
    pub implementations: Vec<Implementation>,
}

impl Topic {
    /// The promises of all of them: those of the first, then those that only others can make.
    #[must_use]
    pub fn promises(&self) -> Vec<&Measurement> {
        let mut all: Vec<&Measurement> = Vec::new();
        for it in self.implementations.iter().flat_map(|it| &it.measurements) {
            if all.iter().all(|known| known.id != it.id) {
                all.push(it);
            }
        }
        all
    }
}

/// For each type: the list of implementations, the module of the measurements, the peers' trait, the
/// title. (The dollar is for a macro that is made here.)
macro_rules! topics {
    ($d:tt $($each:ident: $of:ident, $base:ident, $title:literal;)*) => {
        /// Everything that is measured.
        #[must_use]
        pub fn topics() -> Vec<Topic> {
            vec![$({
                macro_rules! listed {
                    ($d($d list:tt)*) => { implementations! { $of, $base: $d($d list)* } };
                }
                Topic {
                    id: stringify!($of),
                    title: $title,
                    implementations: crate::$each!(listed),
                }
            }),*]
        }
    };
}

topics! { $
    for_each_mutex: mutex, AsyncMutex, "Mutexes";
    for_each_rwlock: rwlock, AsyncRwLock, "Reader-writer locks";
    for_each_cond: cond, AsyncCond, "Condition variables";
    for_each_semaphore: semaphore, AsyncSemaphore, "Semaphores";
    for_each_wait_group: wait_group, AsyncWaitGroup, "Wait groups";
    for_each_once_cell: once, AsyncOnceCell, "Cells that are set once";
    for_each_barrier: barrier, AsyncBarrier, "Barriers";
    for_each_signal: signal, AsyncSignal, "Signals, for one waiter at a time";
    for_each_gate: gate, AsyncGate, "Gates, for all waiters";
    for_each_single_flight: single_flight, AsyncSingleFlight, "Single flights";
    for_each_channel: channel, AsyncChannel, "Channels";
    for_each_shared_channel: receive, AsyncChannel, "Channels: those who wait to receive an item that goes round as a lock";
    for_each_reserving_channel: reserve, AsyncChannel, "Channels: those who wait to reserve the only place";
    for_each_broadcast: broadcast, AsyncBroadcast, "Broadcast channels";
    for_each_watch: watch, AsyncWatch, "Watched values";
    for_each_token: token, AsyncToken, "Trees of cancellation";
    for_each_select: select, AsyncSelect, "Waiting for the first of several";
    for_each_keyed_mutex: keyed, AsyncKeyedMutex, "Locks by key";
    for_each_resource_pool: resource_pool, AsyncPool, "Pools of connections";
}

/// The implementations of the type of this name.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn of(topic: &str) -> Vec<Implementation> {
    let of = topics().into_iter().find(|it| it.id == topic);
    of.expect("there is such a type").implementations
}

/// What is measured of everything that one at a time may have, mutex or permit.
fn of_every_lock<L: lock::Lock>() -> Vec<Measurement> {
    list! {
        "exclusion", load::exclusion::<L>, "Never two at a time",
            "Eight tasks on tokio with two workers take it 500 times each, some over a yield, and count who is inside.";
        "in-order", order::in_order::<L>, "Waiters are served in the order in which they came",
            "Sixteen queued futures, no newcomers. After each release those that were woken are polled, the last one first.";
        "newcomers-queue", order::newcomers_queue::<L>, "Nobody passes the queue (strict order)",
            "One waiter is queued, the holder releases, and before the waiter is polled a newcomer calls `try_`, then polls a future.";
        "late-waiters", order::late_waiters::<L>, "A waiter that is always polled second is served within 20 ms",
            "A loop releases, takes it again at once, and only then polls the waiter if it was woken.";
        "idle-waiters", order::waiters_that_do_not_run::<L>, "A loop does not pass a waiter for ever whose task cannot run",
            "The same loop for 20 ms; the waiter is not polled at all, as if its task stood in the run queue behind the loop.";
        "shares", load::shares::<L>, "No waiting task is left with nothing",
            "Eight tasks on tokio with two workers queue for it; from then on they do nothing but take it and give it back, for 200 ms.";
        "no-herd", order::no_herd::<L>, "A release wakes one waiter, not all",
            "Sixty-four waiters are served one after the other; kept if there are at most two wake-ups for each.";
        "never-polled", cancel::never_polled::<L>, "A future that was never polled has no effect",
            "One is made and kept; others take the lock meanwhile.";
        "cancel-queued", cancel::queued_waiters::<L>, "A queued waiter may be dropped",
            "The first, second or third of three; the others are served when they are woken.";
        "cancel-woken", cancel::woken_waiters::<L>, "A waiter that is dropped after it was woken passes that on",
            "The first two of four are dropped, one after the other, when the lock was released to them.";
        "cancel-order", cancel::order::<L>, "... to the next in line",
            "One of three waiters is woken and dropped: the second must be woken, not the third.";
        "cancel-storm", load::cancellation::<L>, "Cancellation at any moment loses nothing",
            "Eight tasks on tokio with two workers poll a future up to four times and drop it, 100 times; then one more task must get the lock.";
        "residue", cancel::residue::<L>, "Dropped futures leave nothing behind",
            "A hundred queued futures are dropped; clones of their wakers are counted, and wake-ups after a release.";
        "futurelock-task", futurelock::one_task::<L>, "No futurelock within a task",
            "A task polls two futures, of which the lock is released to the first, and from then on only the second, whenever it is woken.";
        "futurelock-unordered", futurelock::unordered::<L>, "... with the parked future in a `FuturesUnordered`",
            "The same; the parked future has another waker than the awaited one, and nobody else comes.";
        "futurelock-tasks", futurelock::other_task::<L>, "No futurelock across tasks, as long as others come",
            "The first in line is woken and not polled. After 3 ms a newcomer looks at the lock every 0.1 ms; the second in line must be served within 500 looks.";
        "futurelock-alone", futurelock::nobody_comes::<L>, "No futurelock across tasks even if nobody else comes",
            "The same without the newcomer. (Needs a timer, or a release that wakes more than one.)";
        "leaked", cancel::leaked::<L>, "Leaked waiters do not block others for ever",
            "Three queued futures are leaked, the lock is released, and a newcomer looks at it every 0.1 ms, 500 times.";
        "wake-reenters", wakers::wake_uses_it::<L>, "A waker may use the object that calls it",
            "`wake` takes the lock if it is free, and polls and drops a future of it.";
        "clone-reenters", wakers::clone_uses_it::<L>, "... when it is cloned",
            "The same in `clone`.";
        "drop-reenters", wakers::drop_uses_it::<L>, "... when it is dropped",
            "The same in `drop`, of the waker of a future that is dropped in the queue.";
        "wake-unlocked", wakers::wake_without_lock::<L>, "No internal lock is held while a waker runs",
            "`wake` waits for up to 500 ms for another thread that uses the object.";
        "wake-panics", wakers::wake_panics::<L>, "A waker that panics costs nobody else a wake-up",
            "The first in line has a waker that panics and is then dropped; the second must be served.";
        "clone-panics", wakers::clone_panics::<L>, "... when it is cloned",
            "The first poll panics and its future is dropped; another takes its place, and a second waiter behind it must be served.";
        "drop-panics", wakers::drop_panics::<L>, "... when it is dropped",
            "The first in line is dropped, and its waker panics; then the lock is released to the second.";
        "spurious", polls::spurious::<L>, "Spurious polls change nothing",
            "Two waiters are polled a thousand times; then the first must be woken first, and no more than one clone of a waker kept.";
        "another-waker", polls::another_waker::<L>, "The waker of the last poll is woken, and no other",
            "A waiter is polled with one waker, then with another.";
        "after-completion", polls::after_completion::<L>, "A poll after completion panics",
            "Instead of waiting for ever, or returning the lock twice.";
        "allocations", polls::allocations::<L>, "Waiting does not allocate",
            "A counting allocator around a wait that is polled once before and once after the release; the future lies on the stack.";
    }
}
