//! The futures that wait in a [`Lobby`]: one that then goes for a lock of ours, [`Moving`], and one
//! that leaves that to whoever polls it, [`Calling`].
//!
//! ```text
//! Outside   the first poll enters the lobby; the owner lets go of the lock
//! Lobby     as in `lobby`: Parked, or called and not polled since
//! Home      out of the lobby: from here on exactly a `Waiting` of the lock, with the same functions
//! Over
//! ```
//!
//! Whoever is dropped before it is Over passes on a call that meant it alone, and the lock if it was
//! given that already.

use core::fmt;
use core::ops::Deref;
use core::pin::Pin;
use core::ptr;
use core::task::{Context, Poll};

use super::batch::WakeBatch;
use super::guest::{Guest, Owed, Place};
use super::list::Locked;
use super::lobby::{CHUNK, Lobby, Next, rouse};
use super::node::{Phase, Stage, Waiter};
use super::waiting::{Contains, Driver, Protocol, Refused, leave, poll_slow};
use crate::atomic::Ordering;
use crate::{clock, const_fn};

/// A lock into whose queue waiters may be moved without having been polled.
///
/// # Safety
///
/// [`moved_in`](Self::moved_in) leaves the queue as it is.
pub unsafe trait Home<const LANES: usize>: Protocol<LANES> + Sync {
    /// A waiter with this `tag` is about to be linked at the end of its lane. Announces it in the word,
    /// whether the lock is free or not; [`pass_on`](Protocol::pass_on) follows once all have been
    /// linked. Returns the tag that it has from then on.
    fn moved_in(&self, queue: &mut Locked<'_, LANES>, tag: usize) -> usize;
}

/// Waits to be called, and then for the lock that `H` refers to.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Moving<'a, H, const LANES: usize = 1>
where
    H: Deref<Target: Contains<LANES, Raw: Home<LANES>>>,
{
    guest: Guest,
    lobby: &'a Lobby,
    holder: H,
}

impl<'a, H, const LANES: usize> Moving<'a, H, LANES>
where
    H: Deref<Target: Contains<LANES, Raw: Home<LANES>>>,
{
    const_fn! {
        /// Waits in `lobby` and then for `holder`'s lock.
        ///
        /// # Safety
        ///
        /// `holder` dereferences to the same object as long as it exists.
        #[inline]
        pub const unsafe fn new(lobby: &'a Lobby, holder: H, tag: usize) -> Self {
            Moving { guest: Guest::new(tag), lobby, holder }
        }
    }

    /// What leads to the lock.
    #[inline]
    pub fn holder(&self) -> &H {
        &self.holder
    }

    /// The same, to be taken out once the future has completed.
    ///
    /// # Safety
    ///
    /// The future has completed, or what it is left with dereferences to the same object.
    #[inline]
    #[must_use]
    pub unsafe fn holder_mut(self: Pin<&mut Self>) -> &mut H {
        // SAFETY: the holder is not structurally pinned, and the node is not moved.
        unsafe { &mut self.get_unchecked_mut().holder }
    }

    /// Whether it has not entered the lobby yet, so that its owner still has the lock.
    #[inline]
    #[must_use]
    pub fn is_outside(&self) -> bool {
        self.guest.place() == Place::Outside
    }

    /// Polls. The first poll enters the lobby and is pending; the owner must let go of the lock when
    /// [`is_outside`](Self::is_outside) changes. Returns the tag.
    ///
    /// # Errors
    ///
    /// What the lock refused with.
    ///
    /// # Panics
    ///
    /// If the future has completed already, or if a waker panics that had to be called.
    #[inline]
    pub fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<usize, Refused>> {
        // From here on only shared references: others may be following links to the node.
        let this = self.into_ref().get_ref();
        poll_moving(this.lobby, this.holder.raw(Driver(())), &this.guest, cx)
    }
}

// The functions below are not generic over the holder, so each exists once for each lock.

fn poll_moving<P: Home<LANES>, const LANES: usize>(
    lobby: &Lobby,
    raw: &P,
    guest: &Guest,
    cx: &mut Context<'_>,
) -> Poll<Result<usize, Refused>> {
    let (node, waker) = (&guest.waiter, cx.waker());
    match guest.place() {
        Place::Outside => {
            let home = ptr::from_ref(raw.queue(Driver(()))).addr();
            // SAFETY: `poll` was given a pinned reference; the destructor of `Moving` takes it out.
            unsafe { lobby.enter(guest, home, waker) };
            return Poll::Pending;
        }
        Place::Lobby => loop {
            let take = || {
                // SAFETY: runs under the lobby's lock, while the guest is called or out of it.
                raw.try_now(unsafe { node.tag() })
            };
            // SAFETY: the place says so.
            match unsafe { lobby.look(guest, waker, take) } {
                Next::Wait => return Poll::Pending,
                Next::Out => break,
                // And looks again: its call may have been revoked meanwhile.
                Next::TakeAlong => take_along(lobby, raw, guest),
                Next::Moved => {
                    guest.set_place(Place::Home);
                    break;
                }
            }
        },
        Place::Home => {}
        Place::Over => panic!("a future was polled after it had completed"),
    }
    if node.stage() == Stage::Idle {
        // SAFETY: an idle node is not linked and belongs to its future.
        let tag = unsafe { node.tag() };
        if raw.try_now(tag) {
            node.set_stage(Stage::Done);
            guest.set_place(Place::Over);
            return Poll::Ready(Ok(tag));
        }
    }
    // SAFETY: a future that is over is not linked, and the caller's.
    let result = poll_slow(raw, node, waker).map_ok(|()| unsafe { node.tag() });
    match result {
        Poll::Ready(Ok(_)) => guest.set_place(Place::Over),
        Poll::Ready(Err(_)) => {
            guest.set_place(Place::Over);
            // SAFETY: the future is over, its node is not linked.
            drop(unsafe { guest.owed(lobby) });
        }
        Poll::Pending => {}
    }
    result
}

/// Moves the guests that have been called and have the same home into that one's queue, in their order;
/// among them `me`, unless somebody else has moved that meanwhile.
///
/// The lock may be free while they are linked, and nobody may be about to pass it on. So nothing here
/// can panic before `pass_on`: no waker is called, no lock given up with wakers in its batch.
#[inline(never)]
fn take_along<P: Home<LANES>, const LANES: usize>(lobby: &Lobby, raw: &P, me: &Guest) {
    let now = if P::TIMED { clock::now() } else { 0 };
    // Declared first, hence called last, once no queue is locked.
    let mut batch = WakeBatch::new();
    loop {
        let mut queue = lobby.queue.lock();
        let mut home = raw.queue(Driver(())).lock();
        if move_some(&mut queue, &mut home, raw, me, now) {
            continue;
        }
        if let Some(waker) = rouse(&mut queue) {
            batch.push(waker);
        }
        drop(queue);
        raw.pass_on(&mut home);
        return;
    }
}

/// Moves those among the first few. Returns whether there may be more.
fn move_some<P: Home<LANES>, const LANES: usize>(
    queue: &mut Locked<'_, 2>,
    home: &mut Locked<'_, LANES>,
    raw: &P,
    me: &Guest,
    now: u32,
) -> bool {
    let address = ptr::from_ref(raw.queue(Driver(()))).addr();
    let mut moved = 0;
    let mut node = queue.first_baton();
    for _ in 0..CHUNK {
        if node.is_null() {
            break;
        }
        // SAFETY: a baton of this queue, which is locked.
        let next = unsafe { queue.next_baton(node) };
        // SAFETY: linked in the lobby, which is locked.
        if unsafe { Guest::of(node).card(|card| card.home) } == address {
            // SAFETY: as above; the address is that of this home's queue, and two locks that exist at
            // the same time have different ones. (The head of `lobby` speaks of one that is leaked.)
            unsafe { move_one(queue, home, raw, node, now) };
            moved += 1;
        }
        node = next;
    }
    let here = me.waiter.phase(Ordering::Relaxed).is_in_lobby();
    if here && moved == 0 {
        // Behind more strangers than are looked at.
        // SAFETY: as above.
        unsafe { move_one(queue, home, raw, ptr::from_ref(me).cast::<Waiter>(), now) };
        return false;
    }
    here || moved == CHUNK
}

/// # Safety
///
/// `node` has been called, is linked in `queue`, and its home is `raw`.
unsafe fn move_one<P: Home<LANES>, const LANES: usize>(
    queue: &mut Locked<'_, 2>,
    home: &mut Locked<'_, LANES>,
    raw: &P,
    node: *const Waiter,
    now: u32,
) {
    // SAFETY: linked nodes are alive.
    let waiter = unsafe { &*node };
    let phase = waiter.phase(Ordering::Relaxed);
    // SAFETY: both locks are held: whichever queue the node is in, its fields are ours.
    unsafe {
        queue.unlink(waiter);
        let given = waiter.write(|fields| {
            fields.since = now;
            core::mem::take(&mut fields.baton)
        });
        queue.claimed(given);
        waiter.looks(|looks| *looks = 0);
        let tag = raw.moved_in(home, waiter.tag());
        waiter.set_tag(tag);
        home.push_back(node, raw.lane(tag));
    }
    let moved = if phase == Phase::Called {
        Phase::Queued // with the waker that it had
    } else {
        Phase::Unarmed
    };
    // Relaxed: whoever acts on it takes the lock of the one queue or the other first.
    waiter.set_phase(moved, Ordering::Relaxed);
}

impl<H, const LANES: usize> Drop for Moving<'_, H, LANES>
where
    H: Deref<Target: Contains<LANES, Raw: Home<LANES>>>,
{
    fn drop(&mut self) {
        let guest = &self.guest;
        match guest.place() {
            Place::Outside | Place::Over => return,
            // SAFETY: the place says so.
            Place::Lobby if !unsafe { self.lobby.leave(guest) } => return,
            Place::Lobby | Place::Home => {}
        }
        // In its destructor, as the wakers that are called meanwhile may panic.
        // SAFETY: it is not in the lobby.
        let _passed_on = unsafe { guest.owed(self.lobby) };
        if matches!(guest.waiter.stage(), Stage::Waiting | Stage::Held) {
            leave(self.holder.raw(Driver(())), &guest.waiter);
        }
    }
}

impl<H, const LANES: usize> fmt::Debug for Moving<'_, H, LANES>
where
    H: Deref<Target: Contains<LANES, Raw: Home<LANES>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moving")
            .field("guest", &self.guest)
            .finish()
    }
}

/// Waits to be called, and no more: for those who know themselves how to get their lock back.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Calling<'a> {
    guest: Guest,
    lobby: &'a Lobby,
}

impl<'a> Calling<'a> {
    const_fn! {
        /// Waits in `lobby`.
        #[inline]
        pub const fn new(lobby: &'a Lobby) -> Self {
            Calling { guest: Guest::new(0), lobby }
        }
    }
}

impl<'a> Future for Calling<'a> {
    type Output = Owed<'a>;

    /// The first poll enters the lobby and is pending; its owner lets go of the lock after that.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Owed<'a>> {
        // From here on only shared references: others may be following links to the node.
        let this = self.into_ref().get_ref();
        let (guest, lobby) = (&this.guest, this.lobby);
        match guest.place() {
            Place::Outside => {
                // SAFETY: `poll` was given a pinned reference; the destructor takes the guest out.
                unsafe { lobby.enter(guest, 0, cx.waker()) };
                return Poll::Pending;
            }
            Place::Lobby => {
                // SAFETY: the place says so.
                if let Next::Wait = unsafe { lobby.look(guest, cx.waker(), || true) } {
                    return Poll::Pending;
                }
            }
            // `look` ended, and a waker panicked before the call was returned.
            Place::Home => {}
            Place::Over => panic!("a future was polled after it had completed"),
        }
        guest.set_place(Place::Over);
        // SAFETY: it is out of the lobby.
        Poll::Ready(unsafe { guest.owed(lobby) })
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        match self.guest.place() {
            Place::Lobby => {
                // SAFETY: the place says so. Without a home, nobody moves it anywhere.
                unsafe { self.lobby.leave(&self.guest) };
            }
            // As in `poll`.
            // SAFETY: it is out of the lobby.
            Place::Home => drop(unsafe { self.guest.owed(self.lobby) }),
            Place::Outside | Place::Over => {}
        }
    }
}
