//! What somebody has who is about to lend a resource, lends one, or gives one back. Each step is a value
//! whose destructor undoes it, so that it does not matter where a future is dropped or a manager panics.
//!
//! ```text
//! Place     a permit                          dropped: the permit goes to the next in line
//! Creating  a permit, ALIVE counted           dropped: ALIVE - 1, the permit goes on
//! Held      a permit and a resource           dropped: closed, ALIVE - 1, the permit goes on
//! Closing   a resource, ALIVE counted         dropped: closed, ALIVE - 1
//! ```

use std::ops::Deref;
use std::time::Instant;

use super::manager::{Manager, Usage};
use super::store::Entry;
use super::{ResourcePool, TryGetError, no_place};

/// The right to have one more resource out of the store: a permit of the pool that `H` leads to. (Not a
/// [`Permit`](crate::semaphore::Permit), which would borrow what `H` may own.)
pub(super) struct Place<H: Deref<Target = ResourcePool<M>>, M: Manager>(H);

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> Place<H, M> {
    /// Waits for a place. Nothing if the pool is closed.
    pub(super) async fn wait(pool: H) -> Option<Self> {
        let permit = pool.places.acquire().await.ok()?;
        permit.forget();
        Some(Place(pool))
    }

    pub(super) fn try_new(pool: H) -> Result<Self, TryGetError> {
        pool.places.try_acquire().map_err(no_place)?.forget();
        Ok(Place(pool))
    }

    pub(super) fn pool(&self) -> &ResourcePool<M> {
        &self.0
    }

    /// ALIVE has been counted up.
    pub(super) fn creating(self) -> Creating<H, M> {
        let mut creating = Creating {
            place: Some(self),
            began: None,
        };
        // A clock is foreign: if it panics, nothing has been created yet.
        creating.began = Some(creating.pool().limits.now());
        creating
    }
}

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> Drop for Place<H, M> {
    fn drop(&mut self) {
        self.0.places.release(1);
    }
}

/// The right to create a resource.
pub(super) struct Creating<H: Deref<Target = ResourcePool<M>>, M: Manager> {
    // There until it is dropped or has come to its end.
    place: Option<Place<H, M>>,
    /// The age of a resource counts from here.
    began: Option<Instant>,
}

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> Creating<H, M> {
    pub(super) fn pool(&self) -> &ResourcePool<M> {
        self.place.as_ref().expect(THERE).pool()
    }

    pub(super) fn created(mut self, resource: M::Resource) -> Held<H, M> {
        let place = self.place.take().expect(THERE);
        place.pool().store.count_created();
        let usage = Usage {
            created: self.began.expect(THERE),
            idle_since: None,
            lent: 0,
        };
        Held::new(place, Entry { resource, usage })
    }
}

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> Drop for Creating<H, M> {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            place.pool().end();
        }
    }
}

/// A resource that is out of the store.
pub(super) struct Held<H: Deref<Target = ResourcePool<M>>, M: Manager> {
    // Both are there until it is dropped or taken apart.
    entry: Option<Entry<M::Resource>>,
    place: Option<Place<H, M>>,
}

const THERE: &str = "it is there until the end";

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> Held<H, M> {
    pub(super) fn new(place: Place<H, M>, entry: Entry<M::Resource>) -> Self {
        Held {
            entry: Some(entry),
            place: Some(place),
        }
    }

    pub(super) fn pool(&self) -> &ResourcePool<M> {
        self.place.as_ref().expect(THERE).pool()
    }

    pub(super) fn entry(&self) -> &Entry<M::Resource> {
        self.entry.as_ref().expect(THERE)
    }

    /// Both at once, to let the manager look at the resource.
    pub(super) fn parts(&mut self) -> (&ResourcePool<M>, &mut Entry<M::Resource>) {
        (
            self.place.as_ref().expect(THERE).pool(),
            self.entry.as_mut().expect(THERE),
        )
    }

    /// Closes the resource, and keeps the place.
    pub(super) fn close(mut self) -> Place<H, M> {
        let place = self.place.take().expect(THERE);
        let entry = self.entry.take().expect(THERE);
        drop(Closing::new(place.pool(), entry.resource));
        place
    }

    /// Takes the resource out of the pool for good.
    pub(super) fn detach(mut self) -> M::Resource {
        let place = self.place.take().expect(THERE);
        let entry = self.entry.take().expect(THERE);
        place.pool().end();
        entry.resource
    }

    /// Gives the resource back to the store, which keeps it if it has room, at `index` or behind all
    /// others; and then the place to the next in line.
    pub(super) fn put_back(mut self, index: Option<usize>) {
        let place = self.place.take().expect(THERE);
        let entry = self.entry.take().expect(THERE);
        let pool = place.pool();
        if let Err(entry) = pool.store.put(entry, index, pool.limits.max_idle) {
            drop(Closing::new(pool, entry.resource));
        }
    }
}

impl<H: Deref<Target = ResourcePool<M>>, M: Manager> Drop for Held<H, M> {
    fn drop(&mut self) {
        // The place last, also if the closing panics.
        let place = self.place.take();
        if let (Some(place), Some(entry)) = (&place, self.entry.take()) {
            drop(Closing::new(place.pool(), entry.resource));
        }
    }
}

/// A resource that comes to its end.
pub(super) struct Closing<'a, M: Manager> {
    pool: &'a ResourcePool<M>,
    resource: Option<M::Resource>,
}

impl<'a, M: Manager> Closing<'a, M> {
    pub(super) fn new(pool: &'a ResourcePool<M>, resource: M::Resource) -> Self {
        let resource = Some(resource);
        Closing { pool, resource }
    }
}

impl<M: Manager> Drop for Closing<'_, M> {
    fn drop(&mut self) {
        struct End<'a, M: Manager>(&'a ResourcePool<M>);
        impl<M: Manager> Drop for End<'_, M> {
            fn drop(&mut self) {
                self.0.end();
            }
        }
        if let Some(resource) = self.resource.take() {
            // Afterwards, so that there are never more than `max`; also if the manager panics.
            let _end = End(self.pool);
            self.pool.manager.close(resource);
        }
    }
}
