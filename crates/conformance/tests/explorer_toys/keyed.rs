//! A toy lock for keys: a toy mutex for each, and the number of those who use it. It may make a mistake.

use std::cell::Cell;

use conformance::explorer::sets::keyed::KeyLock;

use super::{Held, Mistake, Toy};

/// None.
pub(crate) const RIGHT: usize = 0;
/// All keys have one lock.
pub(crate) const SHARES: usize = 1;
/// A key that was waited for in vain stays in memory.
pub(crate) const KEEPS: usize = 2;
/// Whoever leaves takes the entry out, also if others wait there: who comes next finds a new one.
pub(crate) const TAKES_OUT: usize = 3;

pub(crate) struct ToyKeyed<const MISTAKE: usize> {
    locks: [Toy; 2],
    users: [Cell<usize>; 2],
}

/// The use of a key.
struct Use<'a> {
    users: &'a Cell<usize>,
    stays: bool,
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        self.users.set(self.users.get() - usize::from(!self.stays));
    }
}

/// Unlocks, and then leaves.
pub(crate) struct Guard<'a> {
    held: Held<'a>,
    key: usize,
    takes_out: bool,
    _use: Use<'a>,
}

impl<const MISTAKE: usize> ToyKeyed<MISTAKE> {
    fn toy(&self, key: usize) -> &Toy {
        &self.locks[if MISTAKE == SHARES { 0 } else { key }]
    }

    fn enter(&self, key: usize, stays: bool) -> Use<'_> {
        let users = &self.users[key];
        users.set(users.get() + 1);
        Use { users, stays }
    }

    fn guard<'a>(&'a self, key: usize, held: Held<'a>, mut used: Use<'a>) -> Guard<'a> {
        used.stays = false;
        Guard {
            held,
            key,
            takes_out: MISTAKE == TAKES_OUT,
            _use: used,
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.takes_out && self.held.toy.queued() > 0 {
            // The old entry is given to who waits there, and the new one is free.
            self.held.toy.give_back(1);
        }
    }
}

impl<const MISTAKE: usize> KeyLock for ToyKeyed<MISTAKE> {
    type Guard<'a> = Guard<'a>;

    fn new() -> Self {
        ToyKeyed {
            locks: [(); 2].map(|()| Toy::with(1, Mistake::None)),
            users: Default::default(),
        }
    }

    async fn lock(&self, key: usize) -> Guard<'_> {
        let used = self.enter(key, MISTAKE == KEEPS);
        let held = self.toy(key).wait(1).await;
        self.guard(key, held, used)
    }

    fn try_lock(&self, key: usize) -> Option<Guard<'_>> {
        let held = self.toy(key).take(1)?;
        Some(self.guard(key, held, self.enter(key, false)))
    }

    fn key(guard: &Guard<'_>) -> usize {
        guard.key
    }

    fn is_locked(&self, key: usize) -> bool {
        self.toy(key).state.borrow().free == 0
    }

    fn waiters(&self, key: usize) -> usize {
        self.toy(key).queued()
    }

    fn entries(&self) -> usize {
        self.users.iter().filter(|users| users.get() > 0).count()
    }
}
