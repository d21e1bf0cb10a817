//! A pool of connections and the like: [`ResourcePool`].
//!
//! `store` keeps the idle resources and the numbers, `place` is the right to have one more resource,
//! `lease` is the guard, `config` the limits, `manager` what the user knows about the resources.
//!
//! # States
//!
//! A pool has `max` places: the permits of a [`Semaphore`], first come, first served. A resource is
//! *idle* in the store, or *lent*, or *between*: being created, checked or closed.
//!
//! # Transitions
//!
//! ```text
//! get     waits for a place. Then: the idle resource that came back last
//!            too old, or its check fails    it is closed, and the next one is looked at
//!            else                           lent
//!         none is idle: ALIVE + 1, and one is created
//!            it fails                       ALIVE - 1, the place goes to the next in line
//!            else                           lent
//!         the pool was closed meanwhile: what was checked or created is closed instead
//! drop    of a lease: usable, and the store has room: idle. Else it is closed.
//!         Then the place goes to the next in line
//! close   the store is closed and emptied, the semaphore closed, what was idle is closed
//! ```
//!
//! # Invariants
//!
//! 1. ALIVE counts the resources that exist or are being created. Each is idle, or belongs to somebody
//!    who has a place; and one is created only by who has a place and sees that none is idle, or that
//!    ALIVE is below `max`. So ALIVE never exceeds `max`: who has a place and sees none idle knows that
//!    all others have places of their own.
//! 2. A resource goes to the store before its place goes to the next in line, so that one finds it.
//! 3. A resource that is not handed on is closed before ALIVE and the place are given back, also when the
//!    closing panics. Whatever is dropped half-way, by cancellation or a panic, closes what it had.
//! 4. No method of the manager, and no destructor of a resource, runs under the store's lock.
//! 5. Once the store is closed nothing comes into it.

mod config;
mod error;
mod lease;
#[cfg(all(test, loom))]
mod loom;
mod manager;
mod place;
mod store;

use std::fmt;
use std::sync::Arc;

use crate::event::Event;
use crate::semaphore::{Semaphore, TryAcquireError};

pub use config::Builder;
pub use error::{GetError, TryGetError};
pub use lease::{Lease, LeaseIn, OwnedLease};
pub use manager::{Manager, Usage};
pub use store::Status;

use config::Limits;
use place::{Closing, Held, Place};
use store::Store;

/// At most so many resources, lent to one task at a time, and used again: connections to a database,
/// clients of a service, workers of another process.
///
/// [`get`](Self::get) gives the resource that was used last (the others may go idle, and be closed), after
/// the manager has checked it, or creates one if none is idle. When all are lent it waits, first come,
/// first served. The guard gives the resource back.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::time::Duration;
/// use async_sync::ResourcePool;
/// use async_sync::resource_pool::{Lease, Manager, Usage};
///
/// # #[derive(Debug)] struct Refused;
/// # struct Session { open: bool }
/// # impl Session {
/// #     async fn connect(_: &str) -> Result<Self, Refused> { Ok(Session { open: true }) }
/// #     async fn ping(&mut self) -> Result<(), Refused> { Ok(()) }
/// #     async fn query(&mut self, _: &str) -> Result<u32, Refused> { Ok(7) }
/// # }
/// struct Database(&'static str);
///
/// impl Manager for Database {
///     type Resource = Session;
///     type Error = Refused;
///
///     async fn create(&self) -> Result<Session, Refused> {
///         Session::connect(self.0).await
///     }
///
///     /// Asked before a session is lent again. One that fails is closed.
///     async fn check(&self, session: &mut Session, _: &Usage) -> Result<(), Refused> {
///         session.ping().await
///     }
/// }
///
/// let pool = ResourcePool::builder(Database("db.example:5432"))
///     .max(16)
///     .max_idle(4)
///     .idle_limit(Duration::from_secs(60))
///     .build();
///
/// let mut session = pool.get().await.unwrap();
/// let answer = session.query("SELECT 7").await;
/// if answer.is_err() {
///     // In the middle of something: it is closed when it comes back.
///     Lease::mark_unusable(&mut session);
/// }
/// drop(session);
/// assert_eq!((answer.unwrap(), pool.status().idle), (7, 1));
/// # });
/// ```
///
/// # What is never lost
///
/// A `get` that is cancelled while it waits gives up its turn. While it creates, the creating is dropped,
/// and the place goes to the next in line. While it checks, the resource is closed, since nobody knows how
/// far the check had come. The same goes for panics of the manager.
///
/// # Timeouts
///
/// A timeout is a timeout around the future: `timer.timeout(duration, pool.get())`.
///
/// # Time
///
/// Limits of age are looked at when a resource is about to be lent, or comes back, and by
/// [`reap`](Self::reap). The pool has no task of its own; call [`maintain`](Self::maintain) now and then, if
/// it is to close and create without being used.
#[doc(alias = "connection pool")]
#[doc(alias = "ConnPool")]
#[doc(alias = "sql.DB")]
pub struct ResourcePool<M: Manager> {
    manager: M,
    limits: Limits,
    places: Semaphore,
    store: Store<M::Resource>,
    /// Set when the pool is closed and no resource exists any more.
    gone: Event,
}

impl<M: Manager> ResourcePool<M> {
    /// A pool of at most `max` resources, without other limits. For those, see [`builder`](Self::builder).
    ///
    /// # Panics
    ///
    /// If `max` is zero.
    #[must_use]
    pub fn new(manager: M, max: usize) -> Self {
        ResourcePool::builder(manager).max(max).build()
    }

    /// What a pool of this manager's resources shall be like.
    pub fn builder(manager: M) -> Builder<M> {
        Builder::new(manager)
    }

    fn with_limits(manager: M, limits: Limits) -> Self {
        ResourcePool {
            manager,
            places: Semaphore::new(limits.max),
            limits,
            store: Store::new(),
            gone: Event::new(),
        }
    }

    /// What creates and checks the resources.
    #[must_use]
    pub fn manager(&self) -> &M {
        &self.manager
    }

    /// Waits for a resource, or creates one.
    ///
    /// The future has no name, as the manager's have none; it is not boxed.
    ///
    /// # Errors
    ///
    /// [`GetError::Create`] if the manager could not create one; the next in line tries for itself.
    /// [`GetError::Closed`] if the pool is closed, also while this waits, creates or checks.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future at any moment loses neither a place nor a resource. See
    /// [what is never lost](Self#what-is-never-lost).
    ///
    /// # Fairness
    ///
    /// First come, first served. A caller that is not polled when its turn comes loses it after a
    /// millisecond to the next, if anybody uses the pool.
    ///
    /// # Panics
    ///
    /// If the manager does. Nothing is lost.
    #[doc(alias = "Get")]
    #[doc(alias = "acquire")]
    pub async fn get(&self) -> Result<Lease<'_, M>, GetError<M::Error>> {
        LeaseIn::get(self).await
    }

    /// The same, with a guard that keeps the `Arc`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_owned(self: Arc<Self>) -> Result<OwnedLease<M>, GetError<M::Error>> {
        LeaseIn::get(self).await
    }

    /// Waits for a resource, blocking this thread.
    ///
    /// In the same line as the tasks. What the manager awaits has to work outside of a runtime.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_blocking(&self) -> Result<Lease<'_, M>, GetError<M::Error>> {
        sync_core::park::block_on(self.get())
    }

    /// Takes a resource that is idle, if nobody waits.
    ///
    /// It is within the limits of age, but it is not checked: that would take time.
    ///
    /// # Errors
    ///
    /// [`TryGetError::Empty`] if none is idle, or others wait; [`TryGetError::Closed`].
    pub fn try_get(&self) -> Result<Lease<'_, M>, TryGetError> {
        LeaseIn::try_get(self)
    }

    /// The same, with a guard that keeps the `Arc`.
    ///
    /// # Errors
    ///
    /// As [`try_get`](Self::try_get).
    pub fn try_get_owned(self: Arc<Self>) -> Result<OwnedLease<M>, TryGetError> {
        LeaseIn::try_get(self)
    }

    /// Refuses all requests from now on, and those that wait, create or check, and closes what is idle. What
    /// is lent is closed when it comes back; see [`closed`](Self::closed).
    ///
    /// # Panics
    ///
    /// If the manager's `close` does. Everything is closed all the same.
    pub fn close(&self) {
        struct NoteGone<'a, M: Manager>(&'a ResourcePool<M>);
        impl<M: Manager> Drop for NoteGone<'_, M> {
            fn drop(&mut self) {
                self.0.note_gone();
            }
        }
        // Last, also if a waker panics on the way.
        let _gone = NoteGone(self);
        let idle = self.store.close();
        // In destructors, each of its own: one that panics does not keep the others from it.
        let idle: Vec<_> = idle
            .into_iter()
            .map(|entry| Closing::new(self, entry.resource))
            .collect();
        self.places.close();
        drop(idle);
    }

    /// Whether the pool was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.places.is_closed()
    }

    /// Waits until the pool is closed and the last resource is gone: for an orderly end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub fn closed(&self) -> crate::event::Wait<'_> {
        self.gone.wait()
    }

    fn note_gone(&self) {
        if self.store.is_gone() {
            self.gone.set();
        }
    }

    /// One resource less exists.
    fn end(&self) {
        self.store.end();
        self.note_gone();
    }

    /// Closes the idle resources that are beyond a limit of age. Returns how many.
    ///
    /// # Panics
    ///
    /// If the manager's `close` does.
    pub fn reap(&self) -> usize {
        if !self.limits.ask_for_time() {
            return 0;
        }
        let now = self.limits.now();
        self.retain(|_, usage| !self.limits.is_over(usage, now))
    }

    /// Closes the idle resources for which `keep` returns `false`. Returns how many.
    ///
    /// It is asked about the one that has been idle for longest first. Each is taken out while it is
    /// looked at, and put back where it was; what is lent is not asked about.
    ///
    /// # Panics
    ///
    /// If `keep` does, or the manager's `close`; that resource is closed.
    pub fn retain(&self, mut keep: impl FnMut(&mut M::Resource, &Usage) -> bool) -> usize {
        let (mut index, mut closed) = (0, 0);
        for _ in 0..self.store.idle() {
            // A place, as long as it is out of the store. If there is none, all that are idle are about
            // to be taken by others.
            let Ok(place) = Place::try_new(self) else {
                break;
            };
            let Some(entry) = self.store.take_at(index) else {
                break;
            };
            let mut held = Held::new(place, entry);
            let (_, entry) = held.parts();
            if keep(&mut entry.resource, &entry.usage) {
                held.put_back(Some(index));
                index += 1;
            } else {
                drop(held);
                closed += 1;
            }
        }
        closed
    }

    /// Creates resources until `min_idle` are idle, or `max` exist, or none can be created at once.
    /// Returns how many.
    ///
    /// # Errors
    ///
    /// What the manager failed with. Those that were created before are in the pool.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the creating that is under way.
    pub async fn fill(&self) -> Result<usize, M::Error> {
        let mut created = 0;
        while self.store.idle() < self.limits.min_idle {
            let Ok(place) = Place::try_new(self) else {
                break;
            };
            if !self
                .store
                .begin_below(self.limits.max, self.limits.min_idle)
            {
                break;
            }
            let creating = place.creating();
            let resource = self.manager.create().await?;
            let mut held = creating.created(resource);
            self.limits.note_idle(&mut held.parts().1.usage);
            held.put_back(None);
            created += 1;
        }
        Ok(created)
    }

    /// [`reap`](Self::reap), and then [`fill`](Self::fill): to be called by a timer.
    ///
    /// # Errors
    ///
    /// As [`fill`](Self::fill).
    pub async fn maintain(&self) -> Result<(), M::Error> {
        self.reap();
        self.fill().await.map(drop)
    }

    /// A snapshot, for monitoring.
    #[must_use]
    pub fn status(&self) -> Status {
        self.store
            .status(self.limits.max, self.places.waiters(), self.is_closed())
    }
}

impl<M: Manager> Drop for ResourcePool<M> {
    /// Closes what is idle. (Nothing is lent any more.)
    fn drop(&mut self) {
        self.close();
    }
}

impl<M: Manager> fmt::Debug for ResourcePool<M> {
    /// Never blocks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (waiters, closed) = (self.places.waiters(), self.is_closed());
        f.debug_struct("ResourcePool")
            .field("limits", &self.limits)
            .field(
                "status",
                &self.store.try_status(self.limits.max, waiters, closed),
            )
            .finish_non_exhaustive()
    }
}

/// Why no place is to be had at once.
fn no_place(why: TryAcquireError) -> TryGetError {
    match why {
        TryAcquireError::Closed => TryGetError::Closed,
        TryAcquireError::NoPermits | TryAcquireError::TooMany { .. } => TryGetError::Empty,
    }
}
