//! The reader-writer lock under every order of steps.

use async_sync::rwlock::{
    Fifo, Policy, ReadMostly, ReadPreferring, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard,
    RwLockWriteGuard, WritePreferring,
};
use conformance::explorer::sets::rwlock::kind::{DOWNGRADE, READ, UPGRADABLE, UPGRADE, WRITE};
use conformance::explorer::sets::rwlock::{Lock, Rule, RwLockSet};
use conformance::explorer::{Bounds, Boxed, Explorer, Waits};

/// Our lock.
struct Ours<P: Policy>(RwLock<u64, P>);

enum Guard<'a, P: Policy> {
    Reads(#[expect(dead_code, reason = "held")] RwLockReadGuard<'a, u64, P>),
    Writes(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'a, u64, P>),
    MayUpgrade(#[expect(dead_code, reason = "held")] RwLockUpgradableReadGuard<'a, u64, P>),
}

impl<P: Policy> Lock for Ours<P> {
    type Guard<'a> = Guard<'a, P>;

    fn new() -> Self {
        Ours(RwLock::with_policy(0))
    }

    fn lock<'a>(&'a self, kind: usize) -> Boxed<'a, Guard<'a, P>> {
        let lock = &self.0;
        match kind {
            READ => Box::pin(async { Guard::Reads(lock.read().await) }),
            WRITE => Box::pin(async { Guard::Writes(lock.write().await) }),
            UPGRADABLE => Box::pin(async { Guard::MayUpgrade(lock.upgradable_read().await) }),
            UPGRADE => Box::pin(async {
                let up = lock.upgradable_read().await;
                let seen = *up;
                let mut guard = RwLockUpgradableReadGuard::upgrade(up).await;
                assert_eq!(*guard, seen, "somebody wrote in between");
                *guard += 1;
                Guard::Writes(guard)
            }),
            _ => Box::pin(async {
                let mut guard = lock.write().await;
                *guard += 1;
                Guard::Reads(RwLockWriteGuard::downgrade(guard))
            }),
        }
    }

    fn try_lock(&self, kind: usize) -> Option<Guard<'_, P>> {
        match kind {
            READ => self.0.try_read().map(Guard::Reads),
            WRITE => self.0.try_write().map(Guard::Writes),
            _ => self.0.try_upgradable_read().map(Guard::MayUpgrade),
        }
    }

    fn kind(guard: &Guard<'_, P>) -> usize {
        match guard {
            Guard::Reads(_) => READ,
            Guard::Writes(_) => WRITE,
            Guard::MayUpgrade(_) => UPGRADABLE,
        }
    }

    fn state(&self) -> (usize, bool, bool, bool) {
        let state = self.0.metrics();
        (
            state.readers,
            state.is_write_locked,
            state.is_upgradable,
            state.is_barred,
        )
    }

    fn waiters(&self) -> usize {
        self.0.waiters()
    }
}

const NONE: Bounds = Bounds::NONE;

/// Time passes, and one future stops being polled: then somebody has to come.
const LATE: Bounds = Bounds {
    times: 2,
    parks: 1,
    waits: Waits::ForANudge,
    ..NONE
};

/// Time passes, and all are polled in the end, as those have to be who upgrade: they read meanwhile.
const SLOW: Bounds = Bounds {
    spurious: 1,
    times: 2,
    ..NONE
};

/// Polls that nobody asked for, and a waker that changes.
const ODD: Bounds = Bounds {
    spurious: 2,
    rewakes: 1,
    times: 1,
    ..NONE
};

fn check<P: Policy>(name: &str, rule: Rule) {
    let run = |what: &str, depth: usize, kinds: &[usize], bounds: Bounds, tries: (usize, usize)| {
        let actors = kinds.iter().copied().enumerate();
        let set = RwLockSet::<Ours<P>>::new(rule, actors).bounds(bounds);
        let set = set.tries(tries.0, tries.1);
        Explorer::new(depth).check(&format!("{name}, {what}"), &set);
    };
    let of_one_task = |what: &str, depth: usize, kinds: &[usize], bounds: Bounds| {
        let actors = kinds.iter().map(|kind| (0, *kind));
        let set = RwLockSet::<Ours<P>>::new(rule, actors).bounds(bounds);
        Explorer::new(depth).check(&format!("{name}, {what}"), &set);
    };
    run(
        "two read, one writes",
        8,
        &[READ, READ, WRITE],
        NONE,
        (1, 1),
    );
    run(
        "two read, two write",
        7,
        &[READ, READ, WRITE, WRITE],
        NONE,
        (0, 1),
    );
    run("late", 7, &[READ, READ, WRITE], LATE, (0, 0));
    run("late writers", 6, &[READ, WRITE, WRITE], LATE, (1, 0));
    run("odd polls", 6, &[READ, READ, WRITE], ODD, (0, 0));
    run("upgrade", 9, &[UPGRADE, READ, WRITE], NONE, (0, 0));
    run("late upgrade", 7, &[UPGRADE, READ, WRITE], SLOW, (0, 0));
    run("odd upgrade", 6, &[UPGRADE, READ, WRITE], ODD, (0, 0));
    run("two upgrades", 8, &[UPGRADE, UPGRADE, READ], NONE, (1, 0));
    run(
        "upgradable",
        7,
        &[UPGRADABLE, UPGRADABLE, READ, WRITE],
        NONE,
        (0, 0),
    );
    run(
        "late upgradable",
        6,
        &[UPGRADABLE, UPGRADE, READ],
        SLOW,
        (0, 0),
    );
    run("downgrade", 8, &[DOWNGRADE, READ, WRITE], NONE, (1, 0));
    run("late downgrade", 6, &[DOWNGRADE, READ, WRITE], LATE, (0, 0));
    let parked = Bounds {
        parks: 1,
        times: 1,
        ..NONE
    };
    // Within a task, nobody has to come later.
    of_one_task("one task, one parked", 7, &[READ, WRITE, WRITE], parked);
    of_one_task(
        "one task, two read, one parked",
        6,
        &[READ, READ, WRITE],
        parked,
    );
}

#[test]
fn write_preferring() {
    check::<WritePreferring>("WritePreferring", Rule::Phases);
}

#[test]
fn read_preferring() {
    check::<ReadPreferring>("ReadPreferring", Rule::Readers);
}

#[test]
fn fifo() {
    check::<Fifo>("Fifo", Rule::OneLine);
}

#[test]
fn read_mostly() {
    check::<ReadMostly>("ReadMostly", Rule::Phases);
}
