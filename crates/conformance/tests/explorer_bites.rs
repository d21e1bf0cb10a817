//! The explorer finds what is wrong, in as few steps as it takes, and counts right.

mod explorer_toys;

use conformance::explorer::sets::keyed::KeyedSet;
use conformance::explorer::sets::map::{Does, MapSet};
use conformance::explorer::sets::mutex::{Lock, MutexSet, Order};
use conformance::explorer::sets::semaphore::SemaphoreSet;
use conformance::explorer::{Actor, Bounds, Explorer, Extent, Scenario, replay};
use explorer_toys::keyed::{self, ToyKeyed};
use explorer_toys::map::{self, ToyMap};
use explorer_toys::{MISTAKES, Mistake, ToyMutex, ToySemaphore};

/// The number of a mistake.
const fn number(mistake: Mistake) -> usize {
    let mut n = 0;
    while MISTAKES[n] as usize != mistake as usize {
        n += 1;
    }
    n
}

/// Requires that exploring finds `message`, that `trace` is a shortest way to it, that a replay of
/// it finds the same, and that nothing is found below its length.
#[track_caller]
fn is_caught<S: Scenario>(scenario: &S, trace: &str, message: &str) {
    let steps = trace.split_whitespace().count();
    let failure = Explorer::new(steps + 2).explore(scenario).unwrap_err();
    assert!(failure.message.contains(message), "{failure}");
    assert_eq!(failure.trace, trace, "{failure}");
    let again = replay(scenario, trace);
    assert_eq!(again.broken, Some(failure.message), "{again}");
    if steps > 0 {
        Explorer::new(steps - 1).explore(scenario).unwrap();
    }
}

fn mutex<const MISTAKE: usize>(futures: usize) -> MutexSet<ToyMutex<MISTAKE>> {
    MutexSet::new(Actor::each_alone(futures), Order::Strict)
}

#[test]
fn a_toy_without_a_mistake_passes() {
    const NONE: usize = number(Mistake::None);
    let set = mutex::<NONE>(3).try_lock(1).bounds(Bounds {
        spurious: 1,
        rewakes: 1,
        ..Bounds::default()
    });
    Explorer::new(7).explore(&set).unwrap();
    let set = SemaphoreSet::<ToySemaphore<NONE>>::new(3, [(0, 2), (1, 3), (2, 1)]).try_one(1);
    let report = Explorer::new(20).explore(&set).unwrap();
    assert_eq!(report.extent, Extent::Complete, "{report}");
}

#[test]
fn a_wake_up_that_is_lost_with_a_cancelled_future() {
    const LOST: usize = number(Mistake::DropsWakeOnCancel);
    // 0 owns, 1 waits, is given the lock, and is cancelled.
    is_caught(
        &mutex::<LOST>(2),
        "poll0 poll1 release0 drop1",
        "not to be had",
    );
}

#[test]
fn permits_that_are_lost_with_a_cancelled_future() {
    const LOST: usize = number(Mistake::DropsWakeOnCancel);
    let set = SemaphoreSet::<ToySemaphore<LOST>>::new(2, [(0, 2), (1, 1)]);
    is_caught(&set, "poll0 poll1 release0 drop1", "permits do not add up");
}

#[test]
fn the_last_come_first() {
    const LIFO: usize = number(Mistake::Lifo);
    // Two wait; the rest happens at the end.
    is_caught(&mutex::<LIFO>(3), "poll0 poll1 poll2", "out of order");
}

#[test]
fn a_waker_that_is_kept() {
    const LEAK: usize = number(Mistake::LeaksWaker);
    is_caught(&mutex::<LEAK>(2), "poll0 poll1 drop1", "waker leak");
}

#[test]
fn a_lock_that_is_given_twice() {
    const TWICE: usize = number(Mistake::GrantsTwice);
    let set = MutexSet::<ToyMutex<TWICE>>::new(Actor::each_alone(3), Order::Any);
    is_caught(&set, "poll0 poll1 poll2 release0 poll1 poll2", "2 guards");
}

#[test]
fn a_waker_that_is_out_of_date() {
    const OLD: usize = number(Mistake::KeepsOldWaker);
    let set = mutex::<OLD>(2).bounds(Bounds {
        rewakes: 1,
        ..Bounds::default()
    });
    is_caught(&set, "poll0 poll1 rewake1", "waker leak");
}

#[test]
fn a_poll_that_is_taken_for_a_wake_up() {
    const TRUSTS: usize = number(Mistake::TrustsPolls);
    let set = mutex::<TRUSTS>(2).bounds(Bounds {
        spurious: 1,
        ..Bounds::default()
    });
    is_caught(&set, "poll0 poll1 spurious1", "2 guards at a time");
}

#[test]
fn a_future_that_acts_before_it_is_polled() {
    const EARLY: usize = number(Mistake::QueuesEarly);
    is_caught(&mutex::<EARLY>(1), "", "waiters() says 1");
}

/// A future that lies in the queue and is never polled again: no toy has an answer to that.
#[test]
fn a_parked_future_stops_the_others() {
    const NONE: usize = number(Mistake::None);
    let set = mutex::<NONE>(3).bounds(Bounds {
        parks: 1,
        ..Bounds::default()
    });
    is_caught(&set, "poll0 poll1 park1 poll2", "lost wake-up");
}

fn keys<const MISTAKE: usize>() -> KeyedSet<ToyKeyed<MISTAKE>> {
    KeyedSet::new([(0, 0), (1, 0), (2, 1)])
}

#[test]
fn a_lock_for_all_keys() {
    let report = Explorer::new(20).explore(&keys::<{ keyed::RIGHT }>());
    assert_eq!(report.unwrap().extent, Extent::Complete);
    is_caught(&keys::<{ keyed::SHARES }>(), "", "it is not to be had");
}

#[test]
fn a_key_that_is_left_behind() {
    let set = keys::<{ keyed::KEEPS }>();
    is_caught(&set, "poll0 poll1 drop1", "1 entries, and 0 keys");
}

#[test]
fn a_key_that_is_taken_out_although_others_wait() {
    let set = keys::<{ keyed::TAKES_OUT }>();
    is_caught(&set, "poll0 poll1", "held, and is_locked says no");
}

#[test]
fn values_that_are_computed_at_the_same_time() {
    let set = MapSet::<ToyMap<{ map::NAIVE }>>::new([(0, 0, Does::Waits), (1, 0, Does::Waits)]);
    is_caught(&set, "poll0 poll1", "2 initialisers of key 0");
}

#[test]
fn a_value_that_is_stored_although_it_was_deleted() {
    let actors = [(0, 0, Does::Waits), (1, 0, Does::Waits)];
    let set = MapSet::<ToyMap<{ map::OVERWRITES }>>::new(actors);
    let trace = "poll0 poll1 end poll0 delete";
    is_caught(&set.ends(1, 0).changes(0, 1), trace, "instead of None");
}

#[test]
fn a_panic_is_a_failure_like_others() {
    /// Panics when a second future waits.
    struct Panics(ToyMutex<0>);
    impl Lock for Panics {
        type Guard<'a> = <ToyMutex<0> as Lock>::Guard<'a>;
        fn new(value: u64) -> Self {
            Panics(ToyMutex::new(value))
        }
        fn lock(&self) -> impl Future<Output = Self::Guard<'_>> {
            self.0.lock()
        }
        fn try_lock(&self) -> Option<Self::Guard<'_>> {
            self.0.try_lock()
        }
        fn waiters(&self) -> Option<usize> {
            let waiters = self.0.waiters();
            assert!(waiters < Some(2), "a toy panics");
            waiters
        }
    }
    let set = MutexSet::<Panics>::new(Actor::each_alone(3), Order::Strict);
    is_caught(&set, "poll0 poll1 poll2", "panic: a toy panics");
}

/// One future: nothing; poll; poll release. (`drop` needs a pending future.)
#[test]
fn schedules_of_one_future_are_counted_by_hand() {
    let report = Explorer::new(9).explore(&mutex::<0>(1)).unwrap();
    assert_eq!(report.extent, Extent::Complete);
    assert_eq!(report.schedules, 3);
}

/// Two alike futures of a mutex, steps P (poll), R (release), D (drop); 1 is polled after 0.
///
/// ```text
/// 0  -
/// 1  P0
/// 2  P0 R0      P0 P1
/// 3  P0 R0 P1   P0 P1 R0          P0 P1 D1
/// 4  ... R1     P0 P1 R0 P1       P0 P1 R0 D1   P0 P1 D1 R0
/// 5             P0 P1 R0 P1 R1
/// ```
#[test]
fn schedules_of_two_futures_are_counted_by_hand() {
    let set = mutex::<0>(2);
    let by_depth = [1, 2, 4, 7, 11, 12];
    for (depth, schedules) in by_depth.into_iter().enumerate() {
        let report = Explorer::new(depth).explore(&set).unwrap();
        assert_eq!(report.schedules, schedules, "depth {depth}");
        assert_eq!(report.extent, Extent::Depth(depth));
    }
    let all = Explorer::new(6).explore(&set).unwrap();
    assert_eq!((all.extent, all.schedules), (Extent::Complete, 12));
    // Unlike futures may be polled in either order: all but the empty schedule, twice.
    let mut actors = Actor::each_alone(2);
    actors[1].kind = 1;
    let set = MutexSet::<ToyMutex<0>>::new(actors, Order::Strict);
    let all = Explorer::new(6).explore(&set).unwrap();
    assert_eq!((all.extent, all.schedules), (Extent::Complete, 23));
}

/// States that were seen are not explored again: the same verdicts, for less.
#[test]
fn merging_finds_the_same() {
    const NONE: usize = number(Mistake::None);
    const LIFO: usize = number(Mistake::Lifo);
    let every = MutexSet::<ToyMutex<NONE>>::new(Actor::each_alone(4), Order::Strict).try_lock(1);
    let every = Explorer::new(8).explore(&every).unwrap();
    let merged = MutexSet::<ToyMutex<NONE, true>>::new(Actor::each_alone(4), Order::Strict);
    let merged = Explorer::new(8).explore(&merged.try_lock(1)).unwrap();
    assert_eq!((every.merged, every.extent), (0, merged.extent));
    assert!(merged.schedules < every.schedules / 2, "{merged}, {every}");
    let wrong = MutexSet::<ToyMutex<LIFO, true>>::new(Actor::each_alone(3), Order::Strict);
    is_caught(&wrong, "poll0 poll1 poll2", "out of order");
}

#[test]
fn a_cut_is_reported() {
    let report = Explorer::new(6).at_most(5).explore(&mutex::<0>(2)).unwrap();
    assert_eq!((report.extent, report.schedules), (Extent::Cut(3), 5));
    assert!(
        report
            .to_string()
            .starts_with("NOT exhaustive: 5 schedules, cut at depth 3")
    );
    // Exactly enough is enough.
    let report = Explorer::new(5)
        .at_most(12)
        .explore(&mutex::<0>(2))
        .unwrap();
    assert_eq!(report.extent, Extent::Depth(5));
}

#[test]
fn a_replay_says_what_is_possible() {
    let set = mutex::<0>(2);
    let done = replay(&set, "poll0 release0");
    assert_eq!(done.broken, None, "{done}");
    assert!(done.lines[0].contains("0 done holds, 1 new"), "{done}");
    let wrong = replay(&set, "poll0 poll0");
    let message = wrong.broken.unwrap();
    assert_eq!(
        message,
        "poll0 is not possible here; these are: poll1 release0"
    );
}
