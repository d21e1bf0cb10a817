//! The reader-writer lock's state machine.
//!
//! # States
//!
//! The word ([`RwWord`]) says who holds the lock and what newcomers may do. The queue has three lanes:
//!
//! * lane 0: who waits to write, to read with the right to upgrade, or to upgrade; strictly first
//!   come, first served, but whoever upgrades comes first, as it reads already;
//! * lane 1: who waits to read. (In a lock with one line, readers wait in lane 0.)
//! * lane 2: batons. Each is *Granted*: its holder is in the word already.
//!
//! # Transitions
//!
//! ```text
//! read      open (no writer, nobody barred)         READERS += 1
//!           else                                    WAITING, lane 1, marked with the PHASE
//! write     free, nobody waits                      WRITER
//!           else                                    WAITING, BARRED, lane 0
//! leave     a reader that is not the last, or       READERS -= 1, one RMW.
//!             nobody waits
//!           a writer, nobody waits                  WRITER cleared, one exchange.
//!           a writer, somebody waits: under the     WRITER cleared, PHASE changes
//!             queue's lock                          pass_on
//! pass_on   under the queue's lock, while possible:
//!             a reader whose phase is open (its mark is not PHASE), or whom nobody bars: Granted
//!             else who upgrades, if it is the only reader: Granted
//!             else the head of lane 0: Granted
//!           WAITING, BARRED: as the lanes are then
//! polled    Granted                                 out of the queue
//!           Queued, batons lie with other futures of its task, as at two looks:
//!                                                   those are Revoked; if it fits in now, it enters
//!           Revoked                                 enters if it fits, or if it does in the place of
//!                                                   an unclaimed baton; else the front of its lane
//! dropped   Granted                                 leaves: pass_on
//! any       the oldest baton is stale               its holder is Revoked: leaves
//! ```
//!
//! # Invariants
//!
//! 1. Whenever the queue's lock is free: `WAITING` is set if anybody is in lanes 0 or 1, and `BARRED`
//!    (where the policy bars) if anybody is in lane 0.
//! 2. Whenever the queue's lock is free, whoever could be served by `pass_on` has been, or a thread is
//!    about to run it (it has left the word and waits for the queue's lock).
//! 3. The readers in lane 1 whose phase is open are a prefix of it: a phase opens only when a writer
//!    leaves, and none enters before they are served.
//!
//! So all readers that have queued until a writer leaves enter before the next one, and those who come
//! later do not delay it.

use core::fmt;

use sync_core::atomic::Ordering;
use sync_core::waiters::{
    Driver, Front, Home, Left, Locked, Phase, Protocol, Turn, Verdict, WaitList,
};
use sync_core::word::{RwState, RwWord};
use sync_core::{clock, const_fn};

use super::policy::{Policy, WritePreferring};
use super::readers::{self, Readers};

/// Lanes.
const READERS: usize = 1;
const GRANTED: usize = 2;
pub(super) const LANES: usize = 3;

/// What a waiter wants: the low bits of its tag.
pub(super) const READ: usize = 0;
pub(super) const WRITE: usize = 1;
pub(super) const UPGRADABLE: usize = 2;
/// The holder of the upgradable lock wants to write.
pub(super) const UPGRADE: usize = 3;
const KIND: usize = 3;
/// The phase in which it queued.
const MARK: usize = 4;

/// A reader-writer lock without a value, Go's `sync.RWMutex`.
///
/// Any task may unlock what another one locked; nothing ties the lock to what it protects. Use
/// [`RwLock`](super::RwLock) unless that is what you need.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::RawRwLock;
///
/// static SALE: RawRwLock = RawRwLock::new();
///
/// SALE.read().await;
/// SALE.read().await;
/// assert!(!SALE.try_write());
/// SALE.read_unlock(); // by this task or any other
/// SALE.read_unlock();
/// SALE.write().await;
/// SALE.write_unlock();
/// # });
/// ```
#[doc(alias = "sync.RWMutex")]
pub struct RawRwLock<P: Policy = WritePreferring> {
    word: RwWord,
    queue: WaitList<LANES>,
    readers: P::Readers,
}

impl<P: Policy> RawRwLock<P> {
    /// How many readers there can be: 2^57 - 1, or 2^25 - 1 where `usize` has 32 bits.
    pub const MAX_READERS: usize = RwState::MAX_READERS;

    const_fn! {
        /// An unlocked lock.
        #[must_use]
        pub const fn new() -> Self {
            RawRwLock {
                word: RwWord::new(),
                queue: WaitList::new(),
                #[cfg(not(loom))]
                readers: <P::Readers as Readers>::NEW,
                #[cfg(loom)]
                readers: <P::Readers as Readers>::new(),
            }
        }
    }

    /// Enters without the queue, as a newcomer.
    #[inline]
    pub(super) fn join(&self, kind: usize) -> bool {
        match kind {
            READ => self.join_read(),
            WRITE => self.join_write(),
            UPGRADABLE => {
                // Acquire: what the last writer did is seen.
                let order = readers::order::<P::Readers>(Ordering::Acquire);
                self.word.update(order, |s| s.join_upgradable()).is_ok()
            }
            _ => self.upgrade_now(),
        }
    }

    #[inline]
    fn join_read(&self) -> bool {
        if !P::Readers::SHARDED {
            // Acquire: what the last writer did is seen.
            return self
                .word
                .update(Ordering::Acquire, |s| s.join_read())
                .is_ok();
        }
        // Relaxed: a hint. Those who would have to take their count back leave it as it is: a writer
        // waits for a moment in which there is none.
        if !self.word.load(Ordering::Relaxed).is_open() {
            return false;
        }
        let place = self.readers.add();
        // Also Acquire.
        if self.word.load_in_order().is_open() {
            return true;
        }
        self.readers.undo(place);
        // Somebody who left meanwhile may have taken this one for a reader.
        self.look_after_leaving(self.word.load_in_order());
        false
    }

    #[inline]
    fn join_write(&self) -> bool {
        // Acquire: what everybody before did is seen.
        let order = readers::order::<P::Readers>(Ordering::Acquire);
        if self.word.update(order, |s| s.join_write()).is_err() {
            return false;
        }
        if P::Readers::SHARDED && self.readers.sum() != 0 {
            // The word was the way to find out.
            self.leave(WRITE);
            return false;
        }
        true
    }

    #[inline]
    fn upgrade_now(&self) -> bool {
        // (Sharded readers have to be barred before they can be counted: under the queue's lock.)
        !P::Readers::SHARDED
            && self
                .word
                .update(Ordering::Acquire, |s| s.upgraded())
                .is_ok()
    }

    /// Enters without waiting, or not at all.
    #[inline]
    pub(super) fn try_enter(&self, kind: usize) -> bool {
        self.join(kind) || self.try_slow(kind)
    }

    #[cold]
    fn try_slow(&self, kind: usize) -> bool {
        if self.queue.has_stale_baton() {
            // The lock may be reserved for a future that nobody polls.
            self.pass_on(&mut self.queue.lock());
        }
        if P::Readers::SHARDED && kind == UPGRADE {
            let mut queue = self.queue.lock();
            let entered = self.enter_closed(UPGRADE);
            self.pass_on(&mut queue);
            return entered;
        }
        self.join(kind)
    }

    /// Leaves what `kind` got.
    #[inline]
    pub(super) fn leave(&self, kind: usize) {
        match kind {
            READ => self.leave_read(),
            WRITE | UPGRADE => {
                if !self.word.leave_write() {
                    self.change_slow(Ordering::Release, RwState::left_write);
                }
            }
            _ => {
                if self.word.leave_upgradable().is_waiting() {
                    self.look();
                }
            }
        }
    }

    #[inline]
    fn leave_read(&self) {
        if P::Readers::SHARDED {
            self.readers.sub();
            self.look_after_leaving(self.word.load_in_order());
        } else {
            let before = self.word.leave_read();
            if before.concerns_waiters() || (before.is_waiting() && self.queue.has_stale_baton()) {
                self.look();
            }
        }
    }

    /// A reader that is counted beside the word has left: is it the last one that somebody waits for,
    /// or is what they wait for a grant that nobody claims?
    #[inline]
    fn look_after_leaving(&self, state: RwState) {
        if state.is_waiting() && (self.readers_at_most_one(state) || self.queue.has_stale_baton()) {
            self.look();
        }
    }

    /// Whether there is at most one reader. Slots are looked at one after the other, so the last who
    /// leaves finds it so, and others may.
    #[inline]
    fn readers_at_most_one(&self, state: RwState) -> bool {
        readers::count(state, &self.readers) as isize <= 1
    }

    #[inline(never)]
    fn look(&self) {
        self.pass_on(&mut self.queue.lock());
    }

    /// The writer, or the reader that may upgrade, gives up a part of its rights.
    pub(super) fn downgrade(&self, from: usize, to: usize) {
        match (from, to) {
            (WRITE, READ) if P::Readers::SHARDED => {
                // Before the word is opened: there is no moment without this reader.
                self.readers.add();
                self.change_slow(Ordering::Release, RwState::left_write);
            }
            // Release: those who read after it see what the writer did.
            (WRITE, READ) => self.change_slow(Ordering::Release, RwState::downgraded),
            (WRITE, _) => self.change_slow(Ordering::Release, RwState::downgraded_to_upgradable),
            _ if P::Readers::SHARDED => {
                self.readers.add();
                self.change_slow(Ordering::Release, RwState::left_upgradable);
            }
            _ => self.change_slow(Ordering::Release, RwState::not_upgradable),
        }
    }

    /// Changes the word and serves those who wait.
    #[inline(never)]
    fn change_slow(&self, order: Ordering, change: impl Fn(RwState) -> RwState) {
        let mut queue = self.queue.lock();
        self.change(order, change);
        self.pass_on(&mut queue);
    }

    #[inline]
    fn change(&self, order: Ordering, change: impl Fn(RwState) -> RwState) {
        let _ = self.word.update(order, |s| Some(change(s)));
    }

    /// The same by somebody who does not know that there is something to give up.
    ///
    /// # Errors
    ///
    /// If nobody holds the lock in this way.
    pub(super) fn leave_checked(&self, kind: usize) -> Result<(), ()> {
        let mut queue = self.queue.lock();
        let left = if kind == READ && P::Readers::SHARDED {
            if self.readers.sum() == 0 {
                return Err(());
            }
            self.readers.sub();
            Ok(RwState::FREE)
        } else {
            // Release: as `leave`.
            self.word.update(Ordering::Release, |s| match kind {
                READ if s.readers() > usize::from(s.is_upgradable()) => Some(s.left_read()),
                WRITE if s.is_written() => Some(s.left_write()),
                _ => None,
            })
        };
        self.pass_on(&mut queue);
        left.map(|_| ()).map_err(|_| ())
    }

    /// Whether newcomers could enter as `kind` at once: a snapshot.
    pub(super) fn state(&self) -> RwState {
        self.word.load(Ordering::Relaxed)
    }

    /// How many read, upgradable readers included: a snapshot.
    #[must_use]
    pub fn reader_count(&self) -> usize {
        let count = readers::count(self.state(), &self.readers);
        // Several slots are not looked at in the same moment.
        if (count as isize) < 0 { 0 } else { count }
    }

    /// Whether somebody writes: a snapshot.
    #[inline]
    #[must_use]
    pub fn is_write_locked(&self) -> bool {
        self.state().is_written()
    }

    /// Whether somebody writes or waits to: a snapshot.
    ///
    /// Who waits for an upgradable lock counts as somebody who waits to write.
    #[must_use]
    pub fn has_writer(&self) -> bool {
        // Readers only wait because of a writer.
        let state = self.state();
        state.is_written() || state.is_waiting()
    }

    /// How many futures are queued: a snapshot.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.queue.len()
    }

    /// Whose turn it is enters, under the queue's lock. Readers that are counted beside the word are
    /// barred already where that matters.
    fn enter(&self, kind: usize) -> bool {
        if kind == READ && P::Readers::SHARDED {
            if self.word.load_in_order().is_written() {
                return false;
            }
            // Nobody can become the writer: somebody waits, and the queue is locked.
            self.readers.add();
            return true;
        }
        if P::Readers::SHARDED && kind != UPGRADABLE && self.readers.sum() != 0 {
            return false;
        }
        // Acquire: what was done before is seen, by the one who enters, or by the one in whose name
        // this is done, through the queue's lock.
        self.word
            .update(Ordering::Acquire, |s| Self::entered(kind, s))
            .is_ok()
    }

    #[inline]
    fn entered(kind: usize, s: RwState) -> Option<RwState> {
        match kind {
            READ => s.enter_read(),
            WRITE => s.enter_write(),
            UPGRADABLE => s.enter_upgradable(),
            _ => s.upgraded(),
        }
    }

    /// As [`enter`](Self::enter), by somebody who is not queued. Where readers are counted beside the
    /// word, it has to be closed before; then `pass_on` has to follow, for the flags.
    fn enter_closed(&self, kind: usize) -> bool {
        if P::Readers::SHARDED {
            self.change(Ordering::SeqCst, |s| s.queued(kind != READ));
        }
        self.enter(kind)
    }

    /// Who is not queued enters, if it is `allowed` to; else it is announced, in the same exchange: who
    /// leaves afterwards sees it.
    fn enter_or_announce(&self, allowed: bool, turn: &mut Turn<'_>) -> bool {
        let kind = turn.tag() & KIND;
        let announce = |s: RwState| Self::announced(kind, s);
        let enter = |s: RwState| {
            if allowed {
                Self::entered(kind, s)
            } else {
                None
            }
        };
        let old = if P::Readers::SHARDED {
            // Announced first: newcomers see that, or are seen.
            let old = self.word.update(Ordering::SeqCst, |s| Some(announce(s)));
            if allowed && self.enter(kind) {
                return true;
            }
            old
        } else {
            // Acquire, for those who enter.
            let old = self
                .word
                .update(Ordering::Acquire, |s| Some(enter(s).unwrap_or(announce(s))));
            if old.is_ok_and(|old| enter(old).is_some()) {
                return true;
            }
            old
        };
        if let Ok(old) = old {
            turn.set_tag(Self::marked(kind, old));
        }
        false
    }

    /// One of this `kind` queues.
    fn announced(kind: usize, s: RwState) -> RwState {
        let bars = P::RULE.bars && (kind != READ || P::RULE.one_line);
        let s = s.queued(bars);
        if kind == UPGRADE {
            s.upgrading(true)
        } else {
            s
        }
    }

    /// The tag of one that queues in this state.
    fn marked(kind: usize, s: RwState) -> usize {
        let marked = kind == READ && s.phase();
        kind | if marked { MARK } else { 0 }
    }

    /// What a waiter held goes back.
    fn give_back(&self, kind: usize) {
        // Relaxed: whoever gives back has done nothing, and the exchange continues the release of
        // those before it.
        match kind {
            READ if P::Readers::SHARDED => self.readers.sub(),
            READ => self.change(Ordering::Relaxed, RwState::left_read),
            WRITE => self.change(Ordering::Relaxed, RwState::unwritten),
            UPGRADABLE => self.change(Ordering::Relaxed, RwState::left_upgradable),
            _ => self.change(Ordering::Relaxed, RwState::not_upgraded),
        }
    }

    /// Who is to be served next, if that is possible.
    fn next<'q, 'l>(&self, queue: &'q mut Locked<'l, LANES>) -> Option<Front<'q, 'l, LANES>> {
        let state = self.state();
        if state.is_written() {
            return None;
        }
        let line = queue.front(0).is_some();
        let is_open = |tag: usize| (tag & MARK != 0) != state.phase();
        let reads = queue
            .front(READERS)
            .is_some_and(|reader| !line || !P::RULE.bars || is_open(reader.tag()));
        if reads {
            queue.front(READERS)
        } else if state.is_upgrading() {
            queue.find(|tag| tag & KIND == UPGRADE)
        } else {
            queue.front(0)
        }
    }

    /// Calls the wakers, with more to do afterwards.
    fn flush(&self, queue: &mut Locked<'_, LANES>) {
        queue.flush_surely(|queue| self.pass_on(queue));
    }
}

/// Batons that are revoked before the queue is unlocked for a moment.
const WORK: usize = 16;

// SAFETY: `queue` returns the field, always the same.
unsafe impl<P: Policy> Protocol<LANES> for RawRwLock<P> {
    const TIMED: bool = false;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList<LANES> {
        &self.queue
    }

    #[inline]
    fn try_now(&self, tag: usize) -> bool {
        self.join(tag & KIND)
    }

    #[inline]
    fn lane(&self, tag: usize) -> usize {
        if tag & KIND == READ && !P::RULE.one_line {
            READERS
        } else {
            0
        }
    }

    fn arrive(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict {
        if queue.same_task_baton(turn).is_some() {
            // The first look of those that end in a take-over.
            turn.may_take_over();
        }
        let kind = turn.tag();
        let line = queue.front(0).is_some();
        let allowed = match kind {
            READ | UPGRADABLE => !line || !P::RULE.bars,
            WRITE => !line && queue.front(READERS).is_none(),
            _ => true,
        };
        if self.enter_or_announce(allowed, turn) {
            if P::Readers::SHARDED {
                self.describe(queue); // it was announced
            }
            Verdict::Acquired
        } else if kind == UPGRADE {
            Verdict::Front
        } else {
            Verdict::Back
        }
    }

    fn turn(&self, queue: &mut Locked<'_, LANES>, turn: &mut Turn<'_>) -> Verdict {
        let kind = turn.tag() & KIND;
        let revoked = turn.phase() == Phase::Revoked;
        let mut first = revoked;
        if revoked {
            if self.enter_closed(kind) {
                return Verdict::Acquired;
            }
            // It runs, the holder of an unclaimed baton does not.
            if let Some(owner) = queue.front(GRANTED) {
                let theirs = owner.tag() & KIND;
                if theirs != READ || self.readers_at_most_one(self.state()) {
                    owner.revoke();
                    self.give_back(theirs);
                }
            }
        } else if queue.same_task_baton(turn).is_none() {
            turn.forget_looks();
        } else if turn.may_take_over() {
            // All of them: each may be what keeps this one out.
            for _ in 0..Locked::<'_, LANES>::SCAN {
                let Some(owner) = queue.same_task_baton(turn) else {
                    break;
                };
                let theirs = owner.tag() & KIND;
                owner.revoke();
                self.give_back(theirs);
            }
            first = true;
        }
        if !turn.can_wait() {
            return match first && self.enter_closed(kind) {
                true => Verdict::Acquired,
                false => Verdict::Rearm,
            };
        }
        if first && self.enter_or_announce(true, turn) {
            return Verdict::Acquired;
        }
        if revoked {
            Verdict::Front
        } else {
            Verdict::Stay
        }
    }

    fn left(&self, left: Left, tag: usize) {
        let kind = tag & KIND;
        match left {
            Left::Acquired => self.give_back(kind),
            _ if kind == UPGRADE => self.change(Ordering::Relaxed, |s| s.upgrading(false)),
            _ => {}
        }
    }

    fn pass_on(&self, queue: &mut Locked<'_, LANES>) {
        let mut now = None;
        let mut revoked = 0;
        let patience = queue.patience();
        // The oldest baton stands first, so one look at it says whether any is stale.
        while let Some(owner) = queue.front(GRANTED) {
            if !patience.is_over(owner.given(), *now.get_or_insert_with(clock::now)) {
                break;
            }
            let theirs = owner.tag() & KIND;
            owner.revoke();
            self.give_back(theirs);
            revoked += 1;
            if revoked % WORK == 0 {
                self.flush(queue); // others may want the queue
                now = None;
            }
        }
        while let Some(head) = self.next(queue) {
            let kind = head.tag() & KIND;
            if !self.enter(kind) {
                break;
            }
            if kind == UPGRADABLE {
                // Readers may enter beside it, and shall not wait for a line of its like.
                self.change(Ordering::Relaxed, RwState::next_phase);
            }
            head.give(Phase::Granted, *now.get_or_insert_with(clock::now));
            if !queue.has_room() {
                self.flush(queue);
                now = None; // foreign code has run
            }
        }
        self.describe(queue);
    }
}

impl<P: Policy> RawRwLock<P> {
    /// Notes in the word who waits.
    fn describe(&self, queue: &mut Locked<'_, LANES>) {
        let line = queue.front(0).is_some();
        let waiting = line || queue.front(READERS).is_some();
        let barred = line && P::RULE.bars;
        // Relaxed: the flags concern those who take the queue's lock, or wait for the next change of
        // the word. SeqCst for readers that are counted elsewhere: those that were let in are seen by
        // whoever sees the word without the flags.
        let order = readers::order::<P::Readers>(Ordering::Relaxed);
        let _ = self.word.update(order, |s| {
            Some(s.with_queue(waiting, barred)).filter(|new| *new != s)
        });
    }
}

// SAFETY: it changes the word only.
unsafe impl<P: Policy> Home<LANES> for RawRwLock<P> {
    fn moved_in(&self, _: &mut Locked<'_, LANES>, tag: usize) -> usize {
        let kind = tag & KIND;
        // As where a newcomer announces itself; the lock is not taken here.
        let order = readers::order::<P::Readers>(Ordering::Relaxed);
        let old = self.word.update(order, |s| Some(Self::announced(kind, s)));
        old.map_or(tag, |s| Self::marked(kind, s))
    }
}

impl<P: Policy> Default for RawRwLock<P> {
    fn default() -> Self {
        RawRwLock::new()
    }
}

impl<P: Policy> fmt::Debug for RawRwLock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.metrics().fmt(f)
    }
}

/// A snapshot of a reader-writer lock, taken without stopping anybody.
///
/// The numbers belong to about the same moment, not to exactly the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RwLockMetrics {
    /// How many read, an upgradable reader included.
    pub readers: usize,
    /// Somebody writes.
    pub is_write_locked: bool,
    /// One of the readers may upgrade.
    pub is_upgradable: bool,
    /// Newcomers who want to read have to queue.
    pub is_barred: bool,
    /// Futures in the queue.
    pub waiters: usize,
}

impl<P: Policy> RawRwLock<P> {
    /// A snapshot of the lock's state, for monitoring.
    #[must_use]
    pub fn metrics(&self) -> RwLockMetrics {
        let state = self.state();
        RwLockMetrics {
            readers: self.reader_count(),
            is_write_locked: state.is_written(),
            is_upgradable: state.is_upgradable(),
            is_barred: state.is_barred(),
            waiters: self.queue.len(),
        }
    }
}
