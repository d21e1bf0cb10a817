//! The reentrant lock without a value: a [`RawMutex`], who holds it, and how deep.
//!
//! # States
//!
//! The mutex is what owners compete for, with its queue and its policy. The word ([`HoldWord`]) says
//! who is inside and how often. A second queue, the *kin*, has everybody who waits for the mutex,
//! marked with the owner's id: if the mutex goes to one future of an owner, the others of the same
//! owner need not wait for it.
//!
//! # Transitions
//!
//! ```text
//! lock     the owner is inside              DEPTH += 1, no queue
//!          else: the mutex's lock            OWNER, DEPTH = 1; WANTED: its kin are woken, to look again
//!          pending                           WANTED, into the kin's queue; and look again
//! woken    as `lock`; who enters as kin leaves the mutex's queue
//! unlock   DEPTH -= 1; at zero the mutex is unlocked
//! dropped  out of both queues
//! ```
//!
//! # Invariants
//!
//! 1. `DEPTH > 0` only while the mutex is held; whoever makes it zero unlocks.
//! 2. `WANTED` is set whenever the kin's queue is not empty and its lock is free.
//! 3. No wake-up is lost: of an owner that enters and a future of the same owner that queues, each
//!    changes the word by an exchange before it looks at what the other did. So either the first sees
//!    `WANTED` and looks for kin, or the second sees the first inside.
//! 4. Nothing is owed: to be woken as kin is no baton. Whoever is woken is in the mutex's queue as
//!    before, and if the owner has left when it looks, it waits on. So it can be dropped at will.

use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use sync_core::atomic::Ordering;
use sync_core::const_fn;
use sync_core::waiters::{
    Driver, Left, Locked, OnUnwind, Protocol, Turn, Verdict, WaitList, Waiting,
};
use sync_core::word::{Again, HoldWord};

use super::OwnerId;
use crate::mutex::{Adaptive, Policy, RawMutex};

/// A reentrant lock without a value, locked and unlocked by hand: Go's recursive mutex with a token.
///
/// Use [`ReentrantMutex`](super::ReentrantMutex) unless the calls cannot be paired by a guard.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use async_sync::{OwnerId, RawReentrantMutex};
///
/// let lock: RawReentrantMutex = RawReentrantMutex::new();
/// let me = OwnerId::new();
/// lock.lock(me).await;
/// lock.lock(me).await; // at once
/// assert_eq!((lock.owner(), lock.depth()), (Some(me), 2));
/// assert!(!lock.try_lock(OwnerId::new()));
/// lock.unlock(me);
/// lock.unlock(me);
/// assert!(!lock.is_locked());
/// # });
/// ```
#[doc(alias = "RecursiveMutex")]
#[doc(alias = "TokenRecursiveMutex")]
pub struct RawReentrantMutex<P: Policy = Adaptive> {
    lock: RawMutex<P>,
    hold: Hold,
}

impl<P: Policy> RawReentrantMutex<P> {
    const_fn! {
        /// An unlocked mutex.
        #[must_use]
        pub const fn new() -> Self {
            RawReentrantMutex {
                lock: RawMutex::new(),
                hold: Hold { word: HoldWord::new(), kin: WaitList::new() },
            }
        }
    }

    /// Waits for the lock, or enters at once if `owner` has it. Needs as many
    /// [`unlock`](Self::unlock)s as there were locks.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in the queue; if it had been given the lock, the next
    /// in line gets it.
    ///
    /// # Fairness
    ///
    /// Between owners as the [policy](Policy) says. Whoever waits while another future of its own
    /// owner gets the lock enters with that one, past everybody else, and as long as one of them is
    /// inside others of the same owner may enter.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after completion, or if the depth would exceed
    /// `usize::MAX / 4`.
    #[doc(alias = "Lock")]
    #[inline]
    pub fn lock(&self, owner: OwnerId) -> RawReentrantLock<'_, P> {
        RawReentrantLock {
            // SAFETY: a shared reference always refers to the same place.
            entry: unsafe { Entry::new(self, owner) },
        }
    }

    /// Takes the lock, or enters again, if that is possible at once.
    ///
    /// # Panics
    ///
    /// If the depth would exceed `usize::MAX / 4`.
    #[doc(alias = "TryLock")]
    #[inline]
    #[must_use = "the lock must be unlocked if this returns true"]
    pub fn try_lock(&self, owner: OwnerId) -> bool {
        if self.enter_again(owner) {
            return true;
        }
        if self.lock.try_lock() {
            self.enter(owner);
            return true;
        }
        // Another future of the same owner may have come between.
        self.enter_again(owner)
    }

    /// Takes the lock, or enters again, blocking this thread until that is possible.
    ///
    /// Waits in the same queue as [`lock`](Self::lock). Works inside and outside of runtimes.
    ///
    /// # Panics
    ///
    /// If the depth would exceed `usize::MAX / 4`.
    #[cfg(feature = "std")]
    pub fn lock_blocking(&self, owner: OwnerId) {
        sync_core::park::block_on(self.lock(owner));
    }

    /// Leaves once. The last time lets go of the lock.
    ///
    /// # Panics
    ///
    /// `wrong the owner(1): 2!`, if owner 1 has the lock and owner 2 unlocks; owner 0 is nobody. The
    /// mutex stays as it was.
    #[doc(alias = "Unlock")]
    #[inline]
    pub fn unlock(&self, owner: OwnerId) {
        match self.hold.word.leave_checked(owner.get()) {
            Ok(false) => {}
            Ok(true) => self.lock.unlock_held(true),
            Err(inside) => wrong_owner(inside, owner),
        }
    }

    /// Leaves once, for a guard, which cannot be mistaken about being inside.
    #[inline]
    pub(super) fn leave(&self) {
        if self.hold.word.leave() {
            self.lock.unlock_held(true);
        }
    }

    /// Enters if `owner` is inside already.
    #[inline]
    fn enter_again(&self, owner: OwnerId) -> bool {
        match self.hold.word.enter_again(owner.get()) {
            Again::Entered => true,
            Again::Outside => false,
            other => self.not_again(other),
        }
    }

    #[cold]
    fn not_again(&self, why: Again) -> bool {
        assert_ne!(
            why,
            Again::TooDeep,
            "a reentrant mutex was locked too often"
        );
        self.leave(); // it was mistaken
        false
    }

    /// Enters; the caller has just got the mutex. If a waker panics on the way, the lock is let go.
    #[inline]
    fn enter(&self, owner: OwnerId) {
        if self.hold.word.enter(owner.get()).is_wanted() {
            let leave = OnUnwind::new(|| self.leave());
            self.hold.call_kin(tag(owner));
            leave.disarm();
        }
    }

    /// Who is inside: a snapshot.
    #[must_use]
    pub fn owner(&self) -> Option<OwnerId> {
        let inside = self.hold.word.load(Ordering::Acquire).depth() != 0;
        inside.then(|| OwnerId::try_from(self.hold.word.owner()).ok())?
    }

    /// How often the owner has locked and not unlocked; 0 if nobody is inside: a snapshot.
    #[inline]
    #[must_use]
    pub fn depth(&self) -> usize {
        self.hold.word.load(Ordering::Relaxed).depth()
    }

    /// Whether somebody holds the lock: a snapshot.
    #[inline]
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.is_locked()
    }

    /// How many futures are queued: a snapshot.
    #[inline]
    #[must_use]
    pub fn waiters(&self) -> usize {
        self.lock.waiters()
    }
}

#[cold]
fn wrong_owner(inside: u64, owner: OwnerId) -> ! {
    panic!("wrong the owner({inside}): {owner}!")
}

/// What kin is found by. Where `usize` is short, others may be woken too, and look in vain.
fn tag(owner: OwnerId) -> usize {
    owner.get() as usize
}

/// Who is inside, and who would like to be with them.
pub(super) struct Hold {
    word: HoldWord,
    kin: WaitList,
}

impl Hold {
    /// `owner` has come inside: its other futures can come, too.
    ///
    /// Walks past all that wait, as nobody knows beforehand whose owner comes next.
    #[cold]
    fn call_kin(&self, owner: usize) {
        let again = OnUnwind::new(|| self.call_kin(owner));
        let mut queue = self.kin.lock();
        // No more than are queued now: those who come back meanwhile have looked.
        for _ in 0..queue.len() {
            let Some(waiter) = queue.find(|tag| tag == owner) else {
                break;
            };
            waiter.settle(0);
            if !queue.has_room() {
                queue.flush();
            }
        }
        self.pass_on(&mut queue);
        again.disarm();
    }
}

// SAFETY: `queue` returns the field, always the same.
unsafe impl Protocol<1> for Hold {
    const TIMED: bool = false;

    #[inline]
    fn queue(&self, _: Driver) -> &WaitList {
        &self.kin
    }

    #[inline]
    fn try_now(&self, _: usize) -> bool {
        false
    }

    fn arrive(&self, _: &mut Locked<'_, 1>, _: &mut Turn<'_>) -> Verdict {
        self.word.want();
        Verdict::Back
    }

    fn turn(&self, _: &mut Locked<'_, 1>, turn: &mut Turn<'_>) -> Verdict {
        turn.stay()
    }

    fn left(&self, _: Left, _: usize) {}

    fn pass_on(&self, queue: &mut Locked<'_, 1>) {
        if queue.is_empty() {
            self.word.unwant();
        }
    }
}

impl<P: Policy> Default for RawReentrantMutex<P> {
    fn default() -> Self {
        RawReentrantMutex::new()
    }
}

impl<P: Policy> fmt::Debug for RawReentrantMutex<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawReentrantMutex")
            .field("owner", &self.owner())
            .field("depth", &self.depth())
            .field("waiters", &self.waiters())
            .finish()
    }
}

/// A way to the mutex inside of what `H` leads to.
struct LockOf<H>(H);

impl<H: Deref<Target = RawReentrantMutex<P>>, P: Policy> Deref for LockOf<H> {
    type Target = RawMutex<P>;

    #[inline]
    fn deref(&self) -> &RawMutex<P> {
        &self.0.lock
    }
}

/// A way to the kin's queue inside of what `H` leads to.
struct KinOf<H>(H);

impl<H: Deref<Target = RawReentrantMutex<P>>, P: Policy> Deref for KinOf<H> {
    type Target = Hold;

    #[inline]
    fn deref(&self) -> &Hold {
        &self.0.hold
    }
}

/// How far a future has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// Inside, and on the way out of the queues, where foreign wakers are called and dropped, and may
    /// panic: polled again, the future goes on with that; dropped, it leaves.
    Inside {
        /// It got the lock, and has to call its kin.
        first: bool,
    },
    Done,
}

pin_project! {
    /// Waits to be inside: the one state machine of borrowed, owned, raw and typed futures.
    pub(super) struct Entry<H, P>
    where
        H: Deref<Target = RawReentrantMutex<P>>,
        P: Policy,
    {
        holder: H,
        owner: OwnerId,
        stage: Stage,
        #[pin]
        lock: Waiting<LockOf<H>>,
        #[pin]
        kin: Option<Waiting<KinOf<H>>>,
    }

    impl<H, P> PinnedDrop for Entry<H, P>
    where
        H: Deref<Target = RawReentrantMutex<P>>,
        P: Policy,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if matches!(*this.stage, Stage::Inside { .. }) {
                this.holder.leave();
            }
        }
    }
}

impl<H, P> Entry<H, P>
where
    H: Deref<Target = RawReentrantMutex<P>> + Clone,
    P: Policy,
{
    /// # Safety
    ///
    /// `holder`, and each clone of it, dereferences to the same object as long as it exists.
    #[inline]
    pub(super) unsafe fn new(holder: H, owner: OwnerId) -> Self {
        // SAFETY: the caller's promise; a field of the same object is always the same.
        let lock = unsafe { Waiting::new(LockOf(holder.clone()), 0) };
        Entry {
            holder,
            owner,
            stage: Stage::Waiting,
            lock,
            kin: None,
        }
    }

    #[inline]
    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if *this.stage == Stage::Waiting {
            let (raw, owner) = (&**this.holder, *this.owner);
            if raw.enter_again(owner) {
                *this.stage = Stage::Inside { first: false };
            } else if this.lock.as_mut().poll(cx).is_ready() {
                let wanted = raw.hold.word.enter(owner.get()).is_wanted();
                *this.stage = Stage::Inside { first: wanted };
            } else if wait_as_kin(this.holder, owner, this.kin.as_mut(), cx) {
                *this.stage = Stage::Inside { first: false };
            } else {
                return Poll::Pending;
            }
        }
        let first = match *this.stage {
            Stage::Inside { first } => first,
            _ => panic!("a future was polled after it had completed"),
        };
        if first || this.kin.is_some() || this.lock.is_queued() {
            leave_queues(this.holder, *this.owner, first, this.lock, this.kin);
        }
        *this.stage = Stage::Done;
        Poll::Ready(())
    }
}

/// Wakers of others are called, and this task's dropped.
#[inline(never)]
fn leave_queues<H, P>(
    holder: &H,
    owner: OwnerId,
    first: bool,
    mut lock: Pin<&mut Waiting<LockOf<H>>>,
    mut kin: Pin<&mut Option<Waiting<KinOf<H>>>>,
) where
    H: Deref<Target = RawReentrantMutex<P>> + Clone,
    P: Policy,
{
    kin.set(None); // first: nobody need call itself
    if lock.is_queued() {
        // SAFETY: a clone of the holder leads to the same object, as `Entry::new` was promised.
        lock.set(unsafe { Waiting::new(LockOf(holder.clone()), 0) });
    }
    if first {
        holder.hold.call_kin(tag(owner));
    }
}

/// Queues for the day when the owner comes inside. Returns whether it is there now.
#[inline(never)]
fn wait_as_kin<H, P>(
    holder: &H,
    owner: OwnerId,
    mut kin: Pin<&mut Option<Waiting<KinOf<H>>>>,
    cx: &mut Context<'_>,
) -> bool
where
    H: Deref<Target = RawReentrantMutex<P>> + Clone,
    P: Policy,
{
    if let Some(place) = kin.as_mut().as_pin_mut()
        && place.poll(cx).is_ready()
    {
        kin.set(None);
    }
    if kin.is_none() {
        // SAFETY: as in `leave_queues`.
        let place = unsafe { Waiting::new(KinOf(holder.clone()), tag(owner)) };
        kin.set(Some(place));
        if let Some(place) = kin.as_pin_mut() {
            let queued = place.poll(cx);
            debug_assert!(queued.is_pending());
        }
    }
    holder.enter_again(owner)
}

pin_project! {
    /// The future of [`RawReentrantMutex::lock`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RawReentrantLock<'a, P: Policy = Adaptive> {
        #[pin]
        entry: Entry<&'a RawReentrantMutex<P>, P>,
    }
}

impl<P: Policy> Future for RawReentrantLock<'_, P> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().entry.poll(cx)
    }
}

impl<H, P> fmt::Debug for Entry<H, P>
where
    H: Deref<Target = RawReentrantMutex<P>>,
    P: Policy,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("owner", &self.owner)
            .field("waiting", &self.lock)
            .finish()
    }
}

impl<P: Policy> fmt::Debug for RawReentrantLock<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawReentrantLock")
            .field(&self.entry)
            .finish()
    }
}
