//! What a pool has to be told about its resources.

use std::sync::Arc;
use std::time::Instant;

/// Creates, checks and closes the resources of a [`ResourcePool`](super::ResourcePool).
///
/// Implemented with `async fn`s; their futures have to be `Send`.
pub trait Manager: Send + Sync {
    /// A connection, say.
    type Resource: Send;

    /// Why one could not be created, or is of no use any more.
    type Error: Send;

    /// Creates a resource.
    fn create(&self) -> impl Future<Output = Result<Self::Resource, Self::Error>> + Send;

    /// Looks at a resource that was idle, before it is lent again, and makes it ready. One that fails is
    /// closed, and the next one is looked at; the error is dropped.
    ///
    /// A check that is cancelled has the resource closed.
    fn check(
        &self,
        resource: &mut Self::Resource,
        usage: &Usage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = (resource, usage);
        async { Ok(()) }
    }

    /// Ends a resource. Called in destructors, so it does not wait; what takes time goes into a task.
    fn close(&self, resource: Self::Resource) {
        drop(resource);
    }
}

/// A manager that others look at, too.
impl<M: Manager> Manager for Arc<M> {
    type Resource = M::Resource;
    type Error = M::Error;

    fn create(&self) -> impl Future<Output = Result<M::Resource, M::Error>> + Send {
        (**self).create()
    }

    fn check(
        &self,
        resource: &mut M::Resource,
        usage: &Usage,
    ) -> impl Future<Output = Result<(), M::Error>> + Send {
        (**self).check(resource, usage)
    }

    fn close(&self, resource: M::Resource) {
        (**self).close(resource);
    }
}

/// What is known about a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// When its creation began, by the pool's clock.
    pub created: Instant,
    /// Since when it has been idle; if it is lent, since when it had been before. Nothing if it has not
    /// come back yet, or if the pool has no limits of age.
    pub idle_since: Option<Instant>,
    /// How often it has been lent.
    pub lent: u64,
}
