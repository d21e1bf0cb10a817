//! The guard of a resource, given back on drop; and how one is come by.
//!
//! Written once over what leads to the pool: a reference, or an `Arc`. The public names are aliases.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::manager::{Manager, Usage};
use super::place::{Held, Place};
use super::store::Next;
use super::{GetError, ResourcePool, TryGetError};

/// A resource of a [`ResourcePool`], given back on drop.
///
/// Spelt [`Lease`] or [`OwnedLease`].
#[must_use = "if unused the resource goes back at once"]
#[clippy::has_significant_drop]
pub struct LeaseIn<H: Deref<Target = ResourcePool<M>>, M: Manager> {
    // Empty only while it is dropped.
    held: Option<Held<H, M>>,
    usable: bool,
}

/// What [`ResourcePool::get`] returns.
pub type Lease<'a, M> = LeaseIn<&'a ResourcePool<M>, M>;

/// What [`ResourcePool::get_owned`] returns.
pub type OwnedLease<M> = LeaseIn<Arc<ResourcePool<M>>, M>;

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> LeaseIn<H, M> {
    pub(super) async fn get(pool: H) -> Result<Self, GetError<M::Error>> {
        let mut place = Place::wait(pool).await.ok_or(GetError::Closed)?;
        loop {
            let next = place.pool().store.take_or_begin();
            let held = match next {
                Next::Closed => return Err(GetError::Closed),
                Next::Create => {
                    let creating = place.creating();
                    let created = creating.pool().manager.create().await;
                    creating.created(created.map_err(GetError::Create)?)
                }
                Next::Idle(entry) => {
                    let mut held = Held::new(place, entry);
                    if is_too_old(&held) || !is_fit(&mut held).await {
                        place = held.close();
                        continue;
                    }
                    held
                }
            };
            // Meanwhile, perhaps.
            if held.pool().is_closed() {
                return Err(GetError::Closed); // and the resource is closed
            }
            return Ok(LeaseIn::new(held));
        }
    }

    pub(super) fn try_get(pool: H) -> Result<Self, TryGetError> {
        let mut place = Place::try_new(pool)?;
        loop {
            let entry = place.pool().store.take().ok_or(TryGetError::Empty)?;
            let held = Held::new(place, entry);
            if !is_too_old(&held) {
                return Ok(LeaseIn::new(held));
            }
            place = held.close();
        }
    }

    fn new(mut held: Held<H, M>) -> Self {
        held.parts().1.usage.lent += 1;
        LeaseIn {
            held: Some(held),
            usable: true,
        }
    }

    fn held(&self) -> &Held<H, M> {
        self.held.as_ref().expect(THERE)
    }

    /// The resource is closed instead of given back: it is broken, or in the middle of something.
    ///
    /// An associated function, as the others, so that it does not hide a method of the resource.
    #[doc(alias = "MarkUnusable")]
    pub fn mark_unusable(lease: &mut Self) {
        lease.usable = false;
    }

    /// Takes the resource out of the pool, which may have another one in its place.
    #[doc(alias = "Hijack")]
    #[must_use = "nobody else closes the resource any more"]
    pub fn take(mut lease: Self) -> M::Resource {
        let Some(held) = lease.held.take() else {
            unreachable!("{THERE}")
        };
        held.detach()
    }

    /// What is known about the resource.
    #[must_use]
    pub fn usage(lease: &Self) -> Usage {
        lease.held().entry().usage
    }

    /// The pool that it belongs to.
    #[must_use]
    pub fn pool(lease: &Self) -> &ResourcePool<M> {
        lease.held().pool()
    }
}

fn is_too_old<H: Deref<Target = ResourcePool<M>>, M: Manager>(held: &Held<H, M>) -> bool {
    let limits = &held.pool().limits;
    limits.ask_for_time() && limits.is_over(&held.entry().usage, limits.now())
}

/// Whether the manager finds nothing wrong with it.
async fn is_fit<H: Deref<Target = ResourcePool<M>>, M: Manager>(held: &mut Held<H, M>) -> bool {
    let (pool, entry) = held.parts();
    let checked = pool.manager.check(&mut entry.resource, &entry.usage);
    checked.await.is_ok()
}

const THERE: &str = "the resource is there until the guard is gone";

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> Deref for LeaseIn<H, M> {
    type Target = M::Resource;

    #[inline]
    fn deref(&self) -> &M::Resource {
        &self.held().entry().resource
    }
}

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> DerefMut for LeaseIn<H, M> {
    #[inline]
    fn deref_mut(&mut self) -> &mut M::Resource {
        &mut self.held.as_mut().expect(THERE).parts().1.resource
    }
}

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> Drop for LeaseIn<H, M> {
    fn drop(&mut self) {
        let Some(mut held) = self.held.take() else {
            return; // it was taken
        };
        if !self.usable {
            return; // `held` closes it
        }
        let (pool, entry) = held.parts();
        pool.limits.note_idle(&mut entry.usage);
        if !is_too_old(&held) {
            held.put_back(None);
        }
    }
}

impl<H: Deref<Target = ResourcePool<M>>, M: Manager<Resource: fmt::Debug>> fmt::Debug
    for LeaseIn<H, M>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
