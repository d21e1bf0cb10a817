//! Several locks at once, and a lock that its owner takes again.

use std::hint::black_box;

use async_sync::{OwnerId, RawReentrantMutex, lock_all, lock_all_backing_off};
use conformance::peers::AsyncMutex;
use conformance::peers::mutexes::Adaptive;

use super::ours;
use crate::case::{Cases, Passes, Point, Role};
use crate::floors::BLOCKING;
use crate::measure::hand::{ready, repeat};
use crate::peers::{self, EachMutex};
use crate::row::{Goal, Measure, Rival, Row};

/// Our own mutexes, locked one after the other by hand: nobody who uses them can be quicker.
const BY_HAND: &str = "async-sync, one after the other";
const BY_TRIAL: &str = "async-sync, backing off";

struct ByHand<const N: usize>(Cases);

impl<const N: usize> EachMutex for ByHand<N> {
    fn mutex<M: AsyncMutex>(&mut self) {
        if peers::role(M::PACKAGE) == Role::Peer {
            by_hand::<M, N>(&mut self.0, M::NAME, Role::Peer);
        }
    }
}

/// Locks all, adds to each value, and unlocks all, the last first.
fn by_hand<M: AsyncMutex, const N: usize>(cases: &mut Cases, name: &str, role: Role) {
    cases.add(name, role, |plan| {
        let locks: [M; N] = std::array::from_fn(|_| M::new(0));
        let locks = black_box(&locks);
        repeat(plan, |cx| {
            let mut guards: [Option<M::Guard<'_>>; N] = [const { None }; N];
            for (guard, lock) in guards.iter_mut().zip(locks) {
                *guard = Some(ready(|| lock.lock(), cx));
            }
            for guard in guards.iter_mut().rev() {
                if let Some(mut guard) = guard.take() {
                    *guard += 1;
                }
            }
        })
    });
}

fn point<const N: usize>() -> Point {
    let mut all = ByHand::<N>(Cases::new(
        "lock-all",
        format!("{N} locks"),
        Passes::Instructions,
    ));
    let ours = |cases: &mut Cases| {
        cases.add(ours::PLAIN, Role::Ours, |plan| {
            let locks: [async_sync::Mutex<u64>; N] =
                std::array::from_fn(|_| async_sync::Mutex::new(0));
            let locks = black_box(&locks);
            repeat(plan, |cx| {
                for mut guard in ready(|| lock_all(locks), cx) {
                    *guard += 1;
                }
            })
        });
        cases.add(BY_TRIAL, Role::Ours, |plan| {
            let locks: [async_sync::Mutex<u64>; N] =
                std::array::from_fn(|_| async_sync::Mutex::new(0));
            let locks = black_box(&locks);
            repeat(plan, |cx| {
                for mut guard in ready(|| lock_all_backing_off(locks), cx) {
                    *guard += 1;
                }
            })
        });
    };
    ours(&mut all.0);
    peers::mutexes(&mut all);
    let mut cases = all.0;
    by_hand::<Adaptive, N>(&mut cases, BY_HAND, Role::Floor);
    cases.point()
}

/// A pair as a tuple, as most sets are.
fn tuple() -> Point {
    let mut all = ByHand::<2>(Cases::new("lock-all", "a tuple of 2", Passes::Instructions));
    all.0.add(ours::PLAIN, Role::Ours, |plan| {
        let locks = (async_sync::Mutex::new(0_u64), async_sync::Mutex::new(0_u64));
        let (one, two) = black_box(&locks);
        repeat(plan, |cx| {
            let (mut one, mut two) = ready(|| lock_all((two, one)), cx);
            *one += 1;
            *two += 1;
        })
    });
    peers::mutexes(&mut all);
    let mut cases = all.0;
    by_hand::<Adaptive, 2>(&mut cases, BY_HAND, Role::Floor);
    cases.point()
}

/// Locks so many times, and unlocks as often.
fn reentrant<const DEPTH: usize>(label: &str) -> Point {
    let mut cases = Cases::new("reentrant", label, Passes::Instructions);
    cases.add(ours::PLAIN, Role::Ours, |plan| {
        let mutex = <RawReentrantMutex>::new();
        let mutex = black_box(&mutex);
        let me = OwnerId::new();
        repeat(plan, |cx| {
            for _ in 0..DEPTH {
                ready(|| mutex.lock(me), cx);
            }
            for _ in 0..DEPTH {
                mutex.unlock(me);
            }
        })
    });
    cases.add(BLOCKING, Role::Floor, |plan| {
        let mutex = parking_lot::ReentrantMutex::new(());
        let mutex = black_box(&mutex);
        repeat(plan, |_| {
            for _ in 0..DEPTH {
                std::mem::forget(mutex.lock());
            }
            for _ in 0..DEPTH {
                // SAFETY: this thread has locked it as often, and forgot the guards.
                unsafe { mutex.force_unlock() };
            }
        })
    });
    cases.point()
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            id: "-",
            title: "Several locks at once, uncontended",
            about: "One task locks all of a set, adds to each value, and unlocks all. Others take the \
                    locks one after the other, in the order of an array, as nobody could with locks \
                    that come in any order.",
            judged: ours::PLAIN,
            floor: Some(BY_HAND),
            measure: Measure::Nanos,
            points: vec![tuple(), point::<2>(), point::<8>()],
            goals: vec![Goal::Ahead(Rival::Named("tokio"))],
            notes: &[],
        },
        Row {
            id: "-",
            title: "Reentrant mutex, uncontended",
            about: "One owner locks and unlocks, once, or four times nested. parking_lot knows its \
                    owner by a thread-local number.",
            judged: ours::PLAIN,
            floor: Some(BLOCKING),
            measure: Measure::Nanos,
            points: vec![reentrant::<1>("once"), reentrant::<4>("four deep")],
            goals: vec![Goal::TimesFloor(1.5)],
            notes: &[],
        },
    ]
}
