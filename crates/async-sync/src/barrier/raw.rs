//! The barrier's state machine.
//!
//! # States
//!
//! The word ([`BarrierWord`]) has the generation, how many have arrived for it, whether the last of
//! them is running the action, and whether the barrier is broken. It changes under the queue's lock
//! only. The queue has one lane; each waiter carries the [`Ticket`] with which it arrived.
//!
//! # Transitions
//!
//! ```text
//! arrive   broken: refused. ACTING: queued, without having arrived.
//!          not the last: ARRIVED += 1, queued.
//!          the last: GENERATION += 1, ARRIVED = 0, or first ACTING, outside of the lock the action,
//!          and then that; everybody of this generation is settled
//! drop     of one that has arrived, while its generation is open: BROKEN, or ARRIVED -= 1 if the
//!          barrier is lenient
//! action   fails or panics: BROKEN
//! BROKEN   everybody is settled with that
//! reset    BROKEN if somebody waits; when nobody does any more, GENERATION += 1
//! ```
//!
//! Who came while an action was run is settled with "again" when that is over, and arrives when it is
//! polled. (It could not be counted at once: should the next generation be complete before the action
//! is over, nobody would be there to run the action for it.)
//!
//! # Invariants
//!
//! 1. A queued waiter's fate follows from its ticket and the word ([`BarrierState::fate`]): anybody
//!    may settle it, and it may see for itself. For a generation that is over was completed, if
//!    somebody of it is still queued: a broken one ends when nobody is, in `reset`.
//! 2. Those whose fate is decided are a prefix of the queue, and a thread is about to settle them.
//! 3. While a generation is open and not acting, `ARRIVED` of its waiters are queued.

use sync_core::const_fn;
use sync_core::waiters::{Driver, Left, Locked, OnUnwind, Protocol, Turn, Verdict, WaitList};
use sync_core::word::{Arrival, BarrierState, BarrierWord, Fate, Ticket};

/// Codes of a refusal.
pub(super) const BROKEN: u8 = 1;
pub(super) const AGAIN: u8 = 2;

#[derive(Debug)]
pub struct RawBarrier {
    word: BarrierWord,
    parties: usize,
    acts: bool,
    lenient: bool,
    queue: WaitList,
}

impl RawBarrier {
    const_fn! {
        pub(super) const fn new(parties: usize, acts: bool) -> Self {
            assert!(parties != 0, "parties must be positive number");
            assert!(
                parties <= BarrierState::MAX_PARTIES,
                "a barrier has at most Barrier::MAX_PARTIES parties"
            );
            RawBarrier {
                word: BarrierWord::new(),
                parties,
                acts,
                lenient: false,
                queue: WaitList::new(),
            }
        }
    }

    const_fn! {
        pub(super) const fn set_lenient(&mut self) {
            self.lenient = true;
        }
    }

    #[inline]
    pub(super) fn state(&self) -> BarrierState {
        self.word.load()
    }

    #[inline]
    pub(super) fn parties(&self) -> usize {
        self.parties
    }

    #[inline]
    pub(super) fn is_lenient(&self) -> bool {
        self.lenient
    }

    /// Whether the one with this ticket has arrived as the last.
    #[inline]
    pub(super) fn is_last(&self, ticket: Ticket) -> bool {
        ticket.index() + 1 == self.parties
    }

    /// The last has run the action: ends the generation.
    pub(super) fn acted(&self, well: bool) {
        let again = OnUnwind::new(|| self.settle());
        {
            let mut queue = self.queue.lock();
            let state = self.word.load();
            debug_assert!(state.is_acting());
            self.word
                .store(if well { state.next() } else { state.broken() });
            self.pass_on(&mut queue);
        }
        again.disarm();
    }

    /// Settles those whose fate is decided.
    fn settle(&self) {
        let again = OnUnwind::new(|| self.settle());
        self.pass_on(&mut self.queue.lock());
        again.disarm();
    }

    pub(super) fn reset(&self) {
        let state = {
            let _queue = self.queue.lock();
            let state = self.word.load();
            if state.is_acting() || !state.is_broken() && state.arrived() == 0 {
                return;
            }
            self.word.store(state.broken());
            state
        };
        self.mend(state.generation());
    }

    /// Begins the next generation when nobody is left of this one, which is broken.
    fn mend(&self, generation: usize) {
        let again = OnUnwind::new(|| self.mend(generation));
        {
            let mut queue = self.queue.lock();
            self.pass_on(&mut queue);
            // The queue was unlocked meanwhile, if many had to be woken. Somebody else may have
            // done it.
            let state = self.word.load();
            if state.is_broken() && state.generation() == generation {
                debug_assert!(queue.is_empty());
                self.word.store(state.next());
            }
        }
        again.disarm();
    }

    /// What the word says of the waiter with this tag.
    #[inline]
    fn verdict(&self, tag: usize) -> Option<u8> {
        match self.word.load().fate(Ticket::from_tag(tag)) {
            Fate::Open => None,
            Fate::Released => Some(0),
            Fate::Broken => Some(BROKEN),
            Fate::Again => Some(AGAIN),
        }
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for RawBarrier {
    const TIMED: bool = false;
    // If it breaks the barrier.
    const LEAVING_CONCERNS_ALL: bool = true;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.queue
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        // All who arrive need the queue, to wait in or to release it.
        false
    }

    #[inline]
    fn arrive(&self, queue: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        let state = self.word.load();
        turn.set_tag(state.ticket().tag());
        match state.arrive(self.parties, self.acts) {
            Arrival::Broken => Verdict::Refused(BROKEN),
            Arrival::TooEarly => Verdict::Back,
            Arrival::Waits(new) => {
                self.word.store(new);
                Verdict::Back
            }
            Arrival::Last(new) => {
                self.word.store(new);
                // `pass_on` follows if somebody is settled here, and settles the rest.
                while queue.has_room() {
                    let Some(head) = queue.front(0) else { break };
                    let Some(code) = self.verdict(head.tag()) else {
                        break;
                    };
                    head.settle(code);
                }
                Verdict::Acquired
            }
        }
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        match self.verdict(turn.tag()) {
            Some(0) => Verdict::Acquired,
            Some(code) => Verdict::Refused(code),
            None => turn.stay(),
        }
    }

    fn left(&self, left: Left, tag: usize) {
        let (state, ticket) = (self.word.load(), Ticket::from_tag(tag));
        if state.fate(ticket) != Fate::Open || ticket.is_early() {
            return;
        }
        let new = match left {
            // It was to run the action, and nobody will now. (Without an action its generation
            // would be over.)
            Left::Acquired => state.broken(),
            _ if state.is_acting() => return,
            _ if self.lenient => state.withdraw(),
            _ => state.broken(),
        };
        self.word.store(new);
    }

    fn pass_on(&self, queue: &mut Locked<'_, 1>) {
        loop {
            // Before, not after: the last to arrive may have filled the batch.
            if !queue.has_room() {
                self.flush(queue);
            }
            let Some(head) = queue.front(0) else { return };
            let Some(code) = self.verdict(head.tag()) else {
                return;
            };
            head.settle(code);
        }
    }
}

impl RawBarrier {
    /// Calls the wakers, with more to do afterwards.
    fn flush(&self, queue: &mut Locked<'_, 1>) {
        queue.flush_surely(|queue| self.pass_on(queue));
    }
}
