//! What the primitives of other crates may rely on: auto traits, sizes, and what cannot be copied.

#![cfg(not(any(loom, shuttle)))]

use std::mem::size_of;

use static_assertions::{assert_impl_all, assert_not_impl_any};
use sync_core::atomic::Ordering;
use sync_core::waiters::{
    Driver, Front, Left, Locked, Patience, Phase, Protocol, Refused, Turn, Verdict, WaitList,
    Waiter, Waiting, WakeBatch,
};
use sync_core::word::{
    CountState, CountWord, Done, LockState, LockWord, OnceState, OnceWord, PermitState, PermitWord,
    Rule,
};

// Words and queues are shared; nobody can copy one.
assert_impl_all!(LockWord: Send, Sync, Unpin);
assert_impl_all!(PermitWord: Send, Sync, Unpin);
assert_impl_all!(CountWord: Send, Sync, Unpin);
assert_impl_all!(OnceWord: Send, Sync, Unpin);
assert_impl_all!(WaitList<1>: Send, Sync, Unpin);
assert_impl_all!(WaitList<2>: Send, Sync, Unpin);
assert_not_impl_any!(LockWord: Clone, Copy);
assert_not_impl_any!(PermitWord: Clone, Copy);
assert_not_impl_any!(CountWord: Clone, Copy);
assert_not_impl_any!(OnceWord: Clone, Copy);
assert_not_impl_any!(WaitList<1>: Clone, Copy);

// Snapshots and verdicts are plain values.
assert_impl_all!(LockState: Copy, Eq, Send, Sync);
assert_impl_all!(PermitState: Copy, Eq, Send, Sync);
assert_impl_all!(CountState: Copy, Eq, Send, Sync);
assert_impl_all!(OnceState: Copy, Eq, Send, Sync);
assert_impl_all!(Rule: Copy, Eq, Send, Sync);
assert_impl_all!(Done: Copy, Eq, Send, Sync);
assert_impl_all!(Phase: Copy, Eq, Send, Sync);
assert_impl_all!(Left: Copy, Eq, Send, Sync);
assert_impl_all!(Verdict: Copy, Eq, Send, Sync);
assert_impl_all!(Refused: Copy, Eq, Send, Sync);
assert_impl_all!(Patience: Copy, Send, Sync);

// A node has a place that others point to.
assert_impl_all!(Waiter: Send, Sync);
assert_not_impl_any!(Waiter: Unpin, Clone);
assert_impl_all!(Waiting<&'static Nothing>: Send, Sync);
assert_not_impl_any!(Waiting<&'static Nothing>: Unpin, Clone);

// What exists while a queue is locked stays on its thread and cannot be made twice.
assert_not_impl_any!(Turn<'static>: Send, Sync, Clone);
assert_not_impl_any!(Front<'static, 'static, 1>: Send, Sync, Clone);
assert_not_impl_any!(Locked<'static, 1>: Clone);
assert_not_impl_any!(WakeBatch: Clone);

struct Nothing(WaitList);

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for Nothing {
    const TIMED: bool = false;
    fn queue(&self, _: Driver) -> &WaitList {
        &self.0
    }
    fn try_now(&self, _: usize) -> bool {
        false
    }
    fn arrive(&self, _: &mut Locked<'_, 1>, _: &mut Turn<'_>) -> Verdict {
        Verdict::Back
    }
    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        turn.stay()
    }
    fn left(&self, _: Left, _: usize) {}
    fn pass_on(&self, _: &mut Locked<'_, 1>) {}
}

#[cfg(target_pointer_width = "64")]
#[test]
fn sizes() {
    assert_eq!(size_of::<LockWord>(), 4);
    assert_eq!(size_of::<PermitWord>(), 8);
    assert_eq!(size_of::<CountWord>(), 8);
    assert_eq!(size_of::<OnceWord>(), 4);
    assert!(size_of::<WaitList<1>>() <= 16);
    assert!(size_of::<WaitList<2>>() <= 24);
    assert!(size_of::<Waiter>() <= 56);
    assert!(size_of::<Waiting<&Nothing>>() <= 64);
}

/// All of them can stand in a `static`.
#[test]
fn statics() {
    static LOCK: LockWord = LockWord::new();
    static PERMITS: PermitWord = PermitWord::new(3);
    static COUNT: CountWord = CountWord::new();
    static ONCE: OnceWord = OnceWord::new(OnceState::INCOMPLETE);
    static QUEUE: WaitList = WaitList::new();
    assert!(LOCK.try_take_free());
    assert_eq!(PERMITS.add(1), PermitState::with_permits(3));
    assert!(COUNT.add(1).is_ok());
    assert!(ONCE.update(Ordering::Relaxed, OnceState::begin).is_ok());
    assert!(QUEUE.is_empty());
    assert_eq!(LockWord::new().release_checked(), Err(LockState::FREE));
}
