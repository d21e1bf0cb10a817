//! The named futures of [`RwLock`](super::RwLock): the raw lock's wait, and a guard at the end.

use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
use pin_project_lite::pin_project;
use sync_core::waiters::Waiting;

use super::RwLock;
use super::guard::Guard;
use super::handle::{Handle, Token};
use super::mode::{Mode, Reading, Upgradable, Writing};
use super::policy::{Policy, WritePreferring};
use super::raw::{LANES, RawRwLock, UPGRADE};

pin_project! {
    /// Waits for an [`RwLock`](super::RwLock).
    ///
    /// Spelt [`Read`], [`Write`] or [`UpgradableRead`], or with `Owned` behind.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Locking<H: Handle, M: Mode> {
        #[pin]
        waiting: Waiting<H::Holder, LANES>,
        mode: PhantomData<M>,
    }
}

/// The future of [`RwLock::read`].
pub type Read<'a, T, P = WritePreferring> = Locking<&'a RwLock<T, P>, Reading>;
/// The future of [`RwLock::write`].
pub type Write<'a, T, P = WritePreferring> = Locking<&'a RwLock<T, P>, Writing>;
/// The future of [`RwLock::upgradable_read`].
pub type UpgradableRead<'a, T, P = WritePreferring> = Locking<&'a RwLock<T, P>, Upgradable>;

/// The future of [`RwLock::read_owned`].
#[cfg(feature = "alloc")]
pub type ReadOwned<T, P = WritePreferring> = Locking<Arc<RwLock<T, P>>, Reading>;
/// The future of [`RwLock::write_owned`].
#[cfg(feature = "alloc")]
pub type WriteOwned<T, P = WritePreferring> = Locking<Arc<RwLock<T, P>>, Writing>;
/// The future of [`RwLock::upgradable_read_owned`].
#[cfg(feature = "alloc")]
pub type UpgradableReadOwned<T, P = WritePreferring> = Locking<Arc<RwLock<T, P>>, Upgradable>;

impl<H: Handle, M: Mode> Locking<H, M> {
    #[inline]
    pub(super) fn new(handle: H) -> Self {
        // SAFETY: a reference and an `Arc` dereference to the same object as long as they exist, and
        // the `Arc` is taken out only after completion.
        let waiting = unsafe { Waiting::new(handle.into_holder(Token::GIVEN), M::KIND) };
        Locking {
            waiting,
            mode: PhantomData,
        }
    }
}

impl<H: Handle<Value = T>, M: Mode, T: ?Sized> Future for Locking<H, M> {
    type Output = Guard<H, M, T>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = self.project().waiting;
        // A lock refuses nobody.
        let _ = ready!(waiting.as_mut().poll(cx));
        // SAFETY: the future has completed.
        let holder = unsafe { waiting.holder_mut() };
        // SAFETY: the wait is over, so the lock is ours.
        Poll::Ready(unsafe { Guard::new(H::from_holder(holder, Token::GIVEN)) })
    }
}

impl<H: Handle, M: Mode> fmt::Debug for Locking<H, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Locking").field(&self.waiting).finish()
    }
}

pin_project! {
    /// The future of [`Guard::upgrade`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Upgrade<H: Handle> {
        // Dropped first: it leaves the queue, and what it was given, as the reader that it was.
        #[pin]
        waiting: Waiting<H::Holder, LANES>,
        guard: Option<Guard<H, Upgradable, H::Value>>,
    }
}

impl<H: Handle> Upgrade<H> {
    pub(super) fn new(guard: Guard<H, Upgradable, H::Value>) -> Self {
        let holder = guard.handle().another(Token::GIVEN);
        Upgrade {
            // SAFETY: as in `Locking::new`; this one is never taken out.
            waiting: unsafe { Waiting::new(holder, UPGRADE) },
            guard: Some(guard),
        }
    }
}

impl<H: Handle<Value = T>, T: ?Sized> Future for Upgrade<H> {
    type Output = Guard<H, Writing, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // A lock refuses nobody.
        let _ = ready!(this.waiting.poll(cx));
        let guard = this.guard.take().expect("polled after completion");
        // SAFETY: the wait is over, so the lock is ours for writing.
        Poll::Ready(unsafe { Guard::new(guard.into_handle()) })
    }
}

impl<H: Handle> fmt::Debug for Upgrade<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upgrade").field(&self.waiting).finish()
    }
}

pin_project! {
    /// The future of [`RawRwLock::read`] and [`RawRwLock::write`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct RawLocking<'a, P: Policy = WritePreferring> {
        #[pin]
        waiting: Waiting<&'a RawRwLock<P>, LANES>,
    }
}

impl<'a, P: Policy> RawLocking<'a, P> {
    #[inline]
    pub(super) fn new(lock: &'a RawRwLock<P>, kind: usize) -> Self {
        RawLocking {
            waiting: Waiting::borrowed(lock, kind),
        }
    }
}

impl<P: Policy> Future for RawLocking<'_, P> {
    type Output = ();

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A lock refuses nobody.
        self.project().waiting.poll(cx).map(|_| ())
    }
}
