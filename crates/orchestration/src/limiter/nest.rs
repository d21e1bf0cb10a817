//! The slots of futures that are in slots within one future: see `limiter/mod.rs`.
//!
//! ```text
//! root, in the runtime or wherever      has the only place in the queue of the limiter
//!  |- part, a task of a local group     asks the root, leaves its permit in the nest between two polls
//!  '- part
//!      '- part of a part
//! ```
//!
//! The parts of a future are polled while it is, and perhaps not at all: it may await a group, give up, and go on
//! with something else. A slot that such a part has, or that the queue has promised it, helps nobody, and the whole
//! must not wait for it. Hence:
//!
//! 1. Only the root asks the limiter, for one slot at a time. What it gets is for itself, if it misses one, else
//!    for the part that has asked first; but if something misses its slot of which that one is a part, for that.
//! 2. Who misses its slot takes one that a part of its own has left here ([`Nest::rob`]) before it asks. That part asks
//!    again when it is polled the next time. So nobody waits for what is polled by it alone.
//! 3. A part that ends leaves its slot to what it is a part of, if that has lent its own (`slot.rs`).
//! 4. What is polled in another nest than before, or is gone, leaves with its permit; parts of its own lose theirs,
//!    and are woken if they have asked: nobody here would look after them.
//!
//! Nothing foreign happens under the lock: permits and wakers are dropped after it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use async_sync::semaphore::OwnedPermit;
use sync_core::waiters::WakeBatch;

type Id = u64;

const ROOT: Id = 0;

#[derive(Default)]
pub(super) struct Nest {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    parts: BTreeMap<Id, Part>,
    // Permits of parts that are not being polled.
    left: BTreeMap<Id, OwnedPermit>,
    // Parts that have asked, in the order in which they did.
    asking: BTreeMap<u64, Id>,
    last: Id,
    last_ticket: u64,
}

/// Something in a slot within something else in a slot.
struct Part {
    of: Id,
    // How many parts of its own it has.
    parts: usize,
    asked: Option<Asked>,
}

struct Asked {
    ticket: u64,
    waker: Waker,
}

/// Where a future stands in a nest.
pub(super) struct Place {
    nest: Arc<Nest>,
    id: Id,
}

impl State {
    /// Whether `id` is a part of `whole`, or a part of a part.
    fn is_within(&self, mut id: Id, whole: Id) -> bool {
        while let Some(part) = self.parts.get(&id) {
            if part.of == whole {
                return true;
            }
            id = part.of;
        }
        false
    }

    /// Whether `id` may have parts.
    fn has_parts(&self, id: Id) -> bool {
        id == ROOT || self.parts.get(&id).is_some_and(|part| part.parts > 0)
    }

    /// Those of `ids` that are within `whole`.
    fn within(&self, whole: Id, ids: impl Iterator<Item = Id>) -> Vec<Id> {
        if !self.has_parts(whole) {
            return Vec::new();
        }
        ids.filter(|id| self.is_within(*id, whole)).collect()
    }

    /// It does not ask any more.
    fn unask(&mut self, id: Id) -> Option<Waker> {
        let asked = self.parts.get_mut(&id)?.asked.take()?;
        self.asking.remove(&asked.ticket);
        Some(asked.waker)
    }

    /// Who gets the next slot.
    fn next(&self) -> Option<Id> {
        let (_, &first) = self.asking.first_key_value()?;
        let (mut next, mut at) = (first, first);
        while let Some(part) = self.parts.get(&at) {
            if part.asked.is_some() {
                next = at;
            }
            at = part.of;
        }
        Some(next)
    }
}

impl Place {
    /// Of what is not a part of anything.
    pub(super) fn root() -> Self {
        Place {
            nest: Arc::default(),
            id: ROOT,
        }
    }

    /// Of a new part.
    pub(super) fn within(&self) -> Self {
        let mut state = self.nest.lock();
        state.last += 1;
        let id = state.last;
        if let Some(whole) = state.parts.get_mut(&self.id) {
            whole.parts += 1;
        }
        let part = Part {
            of: self.id,
            parts: 0,
            asked: None,
        };
        state.parts.insert(id, part);
        drop(state);
        Place {
            nest: Arc::clone(&self.nest),
            id,
        }
    }

    pub(super) fn is_root(&self) -> bool {
        self.id == ROOT
    }

    /// Whether it is that of a part of this one, directly.
    pub(super) fn is_within(&self, whole: &Place) -> bool {
        let is_part = |state: MutexGuard<'_, State>| {
            let part = state.parts.get(&self.id);
            part.is_some_and(|part| part.of == whole.id)
        };
        Arc::ptr_eq(&self.nest, &whole.nest) && is_part(self.nest.lock())
    }

    /// Leaves the permit until the next poll.
    pub(super) fn put(&self, permit: OwnedPermit) {
        self.nest.lock().left.insert(self.id, permit);
    }

    /// The permit that was left, or that was meant for it, if nobody took it.
    pub(super) fn take(&self) -> Option<OwnedPermit> {
        self.nest.lock().left.remove(&self.id)
    }

    /// Whether it has left a permit.
    pub(super) fn has_left(&self) -> bool {
        self.nest.lock().left.contains_key(&self.id)
    }

    /// The permit of a part, the last one that there is.
    pub(super) fn rob(&self) -> Option<OwnedPermit> {
        let mut state = self.nest.lock();
        if !state.has_parts(self.id) {
            return None;
        }
        let mut ids = state.left.keys().rev();
        let of = *ids.find(|id| state.is_within(**id, self.id))?;
        let permit = state.left.remove(&of);
        let waker = state.unask(self.id);
        drop(state);
        drop(waker);
        permit
    }

    /// The root is to find a slot for this one, and to wake `waker` then.
    pub(super) fn ask(&self, waker: &Waker) {
        let waker = waker.clone();
        let mut guard = self.nest.lock();
        let state = &mut *guard;
        let Some(part) = state.parts.get_mut(&self.id) else {
            return;
        };
        let before = part.asked.take();
        let ticket = before.as_ref().map_or_else(
            || {
                state.last_ticket += 1;
                state.last_ticket
            },
            |before| before.ticket,
        );
        part.asked = Some(Asked { ticket, waker });
        state.asking.insert(ticket, self.id);
        drop(guard);
        drop(before);
    }

    /// Whether somebody asks.
    pub(super) fn is_asked(&self) -> bool {
        !self.nest.lock().asking.is_empty()
    }

    /// Gives a slot to whose turn it is.
    pub(super) fn serve(&self, permit: OwnedPermit) {
        let mut state = self.nest.lock();
        let Some(next) = state.next() else {
            drop(state);
            drop(permit);
            return;
        };
        state.left.insert(next, permit);
        let waker = state.unask(next);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// It is not here any more. Gives the permit that it had left.
    pub(super) fn leave(self) -> Option<OwnedPermit> {
        let mut state = self.nest.lock();
        let own = state.left.remove(&self.id);
        let waker = state.unask(self.id);
        let have_left = state.within(self.id, state.left.keys().copied());
        let ask = state.within(self.id, state.asking.values().copied());
        let permits = have_left.iter().map(|id| state.left.remove(id));
        let permits: Vec<_> = permits.collect();
        let wakers = ask.iter().filter_map(|id| state.unask(*id));
        let wakers: Vec<_> = wakers.collect();
        if let Some(part) = state.parts.remove(&self.id)
            && let Some(whole) = state.parts.get_mut(&part.of)
        {
            whole.parts -= 1;
        }
        drop(state);
        drop((waker, permits));
        let mut batch = WakeBatch::new();
        for waker in wakers {
            if !batch.has_room() {
                batch.wake_all();
            }
            batch.push(waker);
        }
        own
    }
}

impl Nest {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs under it, so a poisoned one is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
