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
//! 1. Only the root asks the limiter, for one slot at a time, unless there is a free one. What it gets is for itself,
//!    if it misses one, else for the part that has asked first; but if something misses its slot of which that one is
//!    a part, for that.
//! 2. Who misses its slot takes one that a part of its own has left here ([`Place::rob`]) before it asks. That part asks
//!    again when it is polled the next time. So nobody waits for what is polled by it alone.
//! 3. A slot is not promised to a part: the part is called, and has the slot if it comes. If it has not come when
//!    the root was polled again, the next one is called as well, and the first who comes has it; if nobody has come
//!    when the root was polled so often that each of its parts may have been, the slot is given back. So nobody
//!    waits for a part that has not begun and that nobody polls.
//! 4. A part that ends leaves its slot to what it is a part of, if that has lent its own (`slot.rs`).
//! 5. What is polled in another nest than before, or is gone, leaves with its permit; parts of its own lose theirs,
//!    and are woken if they have asked: nobody here would look after them.
//!
//! Nothing foreign happens under the lock: permits and wakers are dropped after it.
//!
//! A nest allocates: it is made by the first part, and has an entry for each. What is in a slot and has no parts in
//! others has none.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
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
    // Each behind what it is a part of.
    within: BTreeSet<(Id, Id)>,
    // Permits of parts that are not being polled.
    left: BTreeMap<Id, OwnedPermit>,
    // Parts that have asked, in the order in which they did.
    asking: BTreeMap<u64, Id>,
    // For those that were called; never more than there are of them.
    ready: Vec<OwnedPermit>,
    called: usize,
    // How often the root was polled since anybody was called or came.
    idle: usize,
    last: Id,
    last_ticket: u64,
}

/// Something in a slot within something else in a slot.
struct Part {
    of: Id,
    turn: Turn,
}

#[derive(Default)]
enum Turn {
    #[default]
    No,
    Asking(u64, Waker),
    // Woken, and has not come yet.
    Called(u64),
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

    /// All that are within `whole`.
    fn all_within(&self, whole: Id) -> Vec<Id> {
        let mut all = Vec::new();
        let mut next = Some(whole);
        let mut done = 0;
        while let Some(id) = next {
            all.extend(
                self.within
                    .range((id, 0)..=(id, Id::MAX))
                    .map(|&(_, id)| id),
            );
            next = all.get(done).copied();
            done += 1;
        }
        all
    }

    /// It waits no more.
    fn unask(&mut self, id: Id) -> Turn {
        let Some(part) = self.parts.get_mut(&id) else {
            return Turn::No;
        };
        let turn = mem::take(&mut part.turn);
        match &turn {
            Turn::No => {}
            Turn::Asking(ticket, _) => drop(self.asking.remove(ticket)),
            Turn::Called(_) => self.called -= 1,
        }
        turn
    }

    /// The permit that it left; or, if it was called, one that is ready.
    fn take(&mut self, id: Id) -> Option<OwnedPermit> {
        let left = self.left.remove(&id);
        if left.is_some() {
            return left;
        }
        let part = self.parts.get(&id)?;
        if !matches!(part.turn, Turn::Called(_)) {
            return None;
        }
        let permit = self.ready.pop()?;
        self.idle = 0;
        self.unask(id);
        Some(permit)
    }

    /// Calls whose turn it is.
    fn call(&mut self) -> Option<Waker> {
        let (_, &first) = self.asking.first_key_value()?;
        let (mut next, mut at) = (first, first);
        while let Some(part) = self.parts.get(&at) {
            if matches!(part.turn, Turn::Asking(..)) {
                next = at;
            }
            at = part.of;
        }
        let Turn::Asking(ticket, waker) = self.unask(next) else {
            return None;
        };
        let part = self.parts.get_mut(&next)?;
        part.turn = Turn::Called(ticket);
        self.called += 1;
        self.idle = 0;
        Some(waker)
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
        state.within.insert((self.id, id));
        let part = Part {
            of: self.id,
            turn: Turn::No,
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

    /// The permit that was left, if nobody took it, or that it was called for.
    pub(super) fn take(&self) -> Option<OwnedPermit> {
        self.nest.lock().take(self.id)
    }

    /// Whether it has left a permit.
    pub(super) fn has_left(&self) -> bool {
        self.nest.lock().left.contains_key(&self.id)
    }

    /// For the root, a slot to which nobody has come yet; else the permit of the last part of its own that has
    /// left one here.
    pub(super) fn rob(&self) -> Option<OwnedPermit> {
        let mut state = self.nest.lock();
        let of = if self.is_root() {
            if let Some(permit) = state.ready.pop() {
                // Nobody has begun in it.
                return Some(permit);
            }
            let mut ids = state.left.keys().copied().rev();
            ids.find(|id| state.is_within(*id, ROOT))?
        } else {
            let mut ids = state.all_within(self.id).into_iter().rev();
            ids.find(|id| state.left.contains_key(id))?
        };
        let permit = state.left.remove(&of);
        let turn = state.unask(self.id);
        drop(state);
        drop(turn);
        permit
    }

    /// The root is to find a slot for this one, and to wake `waker` then.
    pub(super) fn ask(&self, waker: &Waker) {
        let waker = waker.clone();
        let mut guard = self.nest.lock();
        let before = guard.unask(self.id);
        let state = &mut *guard;
        if let Some(part) = state.parts.get_mut(&self.id) {
            let ticket = match before {
                Turn::Asking(ticket, _) | Turn::Called(ticket) => ticket,
                Turn::No => {
                    state.last_ticket += 1;
                    state.last_ticket
                }
            };
            part.turn = Turn::Asking(ticket, waker);
            state.asking.insert(ticket, self.id);
        }
        drop(guard);
        drop(before);
    }

    /// Whether this one has not asked, and nobody has asked before it.
    pub(super) fn is_first(&self) -> bool {
        let state = self.nest.lock();
        let part = state.parts.get(&self.id);
        state.asking.is_empty() && part.is_some_and(|part| matches!(part.turn, Turn::No))
    }

    /// Whether somebody asks.
    pub(super) fn is_asked(&self) -> bool {
        !self.nest.lock().asking.is_empty()
    }

    /// Calls whose turn it is, to a slot.
    pub(super) fn serve(&self, permit: OwnedPermit) {
        let mut state = self.nest.lock();
        let Some(waker) = state.call() else {
            drop(state);
            drop(permit);
            return;
        };
        state.ready.push(permit);
        drop(state);
        waker.wake();
    }

    /// Calls one more if there is a slot to which nobody has come, and gives it back if nobody does. Whether the root
    /// is to be polled again, to see who comes.
    pub(super) fn call_more(&self) -> bool {
        let mut state = self.nest.lock();
        if state.ready.is_empty() {
            return false;
        }
        if let Some(waker) = state.call() {
            drop(state);
            waker.wake();
            return true;
        }
        state.idle += 1;
        if state.idle <= state.parts.len() {
            return true;
        }
        let permits = mem::take(&mut state.ready);
        drop(state);
        drop(permits);
        false
    }

    /// It is not here any more. Gives the permit that it had left.
    pub(super) fn leave(self) -> Option<OwnedPermit> {
        let mut batch = WakeBatch::new();
        let mut state = self.nest.lock();
        let own = state.take(self.id);
        let turn = state.unask(self.id);
        let parts = state.all_within(self.id);
        let permits = parts.iter().map(|id| state.left.remove(id));
        let mut permits: Vec<_> = permits.collect();
        let turns = parts.iter().map(|id| state.unask(*id));
        let turns: Vec<_> = turns.collect();
        while state.ready.len() > state.called {
            permits.push(state.ready.pop());
        }
        if let Some(part) = state.parts.remove(&self.id) {
            state.within.remove(&(part.of, self.id));
        }
        drop(state);
        for turn in turns {
            if let Turn::Asking(_, waker) = turn {
                if !batch.has_room() {
                    batch.wake_all();
                }
                batch.push(waker);
            }
        }
        // Before it, on every way out, those are woken.
        batch.wake_all();
        drop((turn, permits));
        own
    }
}

impl Nest {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs under it, so a poisoned one is still consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
