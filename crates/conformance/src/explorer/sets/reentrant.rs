//! The reentrant mutex: inside is one owner at a time, and all of its futures may come in.

use async_sync::OwnerId;
use async_sync::mutex::Policy;
use async_sync::reentrant::{ReentrantMutex, ReentrantMutexGuard};

use crate::explorer::{Actor, Bounds, Boxed, Operation, Plan, Scenario, World};

/// Futures that lock one mutex for owners.
#[derive(Debug)]
pub struct OwnerSet<P: Policy> {
    owners: Vec<OwnerId>,
    plan: Plan<Self>,
    policy: std::marker::PhantomData<P>,
}

/// A guard and whose it is.
pub type Inside<'a, P> = (OwnerId, ReentrantMutexGuard<'a, (), P>);

impl<P: Policy> OwnerSet<P> {
    /// Future number `i` locks for owner `owners[i]`. In between, so many times, the first owner tries.
    ///
    /// # Panics
    ///
    /// If there are not as many owners as actors, or one is 0.
    #[must_use]
    pub fn new(actors: Vec<Actor>, owners: &[u64], tries: usize) -> Self {
        assert_eq!(actors.len(), owners.len());
        let id = |n: &u64| OwnerId::try_from(*n).expect("an owner is not 0");
        let owners: Vec<_> = owners.iter().map(id).collect();
        let operation = Operation::<Self>::new("try_lock", tries, |world| {
            let me = OwnerId::try_from(1).expect("not 0");
            let inside = world.held().any(|(_, (owner, _))| *owner == me);
            match world.object().try_lock(me) {
                Some(guard) => world.keep((me, guard)),
                None if inside => return Err("refused, and its owner is inside".into()),
                None => {}
            }
            Ok(())
        });
        OwnerSet {
            owners,
            plan: Plan::new(actors, vec![operation]),
            policy: std::marker::PhantomData,
        }
    }

    /// With these bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.plan.bounds = bounds;
        self
    }
}

impl<P: Policy> Scenario for OwnerSet<P> {
    type Object = ReentrantMutex<(), P>;
    type Model = ();
    type Output<'a> = Inside<'a, P>;
    type Held<'a> = Inside<'a, P>;

    fn plan(&self) -> &Plan<Self> {
        &self.plan
    }

    fn object(&self) -> Self::Object {
        ReentrantMutex::with_policy(())
    }

    fn model(&self) {}

    fn future<'a>(&'a self, mutex: &'a Self::Object, actor: usize) -> Boxed<'a, Inside<'a, P>> {
        let owner = self.owners[actor];
        Box::pin(async move { (owner, mutex.lock(owner).await) })
    }

    fn completed<'a>(
        &'a self,
        _: &mut World<'a, Self>,
        _: usize,
        inside: Inside<'a, P>,
    ) -> Result<Option<Inside<'a, P>>, String> {
        Ok(Some(inside))
    }

    fn check(&self, world: &mut World<'_, Self>) -> Result<(), String> {
        let mut owners: Vec<_> = world.held().map(|(_, (owner, _))| *owner).collect();
        let depth = owners.len();
        owners.dedup();
        if owners.len() > 1 {
            return Err(format!("inside are {owners:?}"));
        }
        let mutex = world.object();
        if (mutex.depth(), mutex.owner()) != (depth, owners.first().copied()) {
            return Err(format!(
                "{depth} guards of {owners:?}, and it says {mutex:?}"
            ));
        }
        for i in world.pending() {
            if owners.contains(&self.owners[i]) && world.woken(i).is_none() {
                return Err(format!("the owner of {i} is inside, and nobody told it"));
            }
        }
        let woken = world.pending().any(|i| world.woken(i).is_some());
        if depth == 0 && !woken && world.pending().next().is_some() {
            return Err("free, and of those who wait nobody was woken".into());
        }
        super::mutex::waiters_are(world, mutex.waiters(), |_| true)
    }

    fn nudge<'a>(&'a self, world: &mut World<'a, Self>) -> Result<(), String> {
        drop(world.object().try_lock(OwnerId::new()));
        Ok(())
    }

    fn idle(&self, world: &World<'_, Self>) -> Result<(), String> {
        match world.object().try_lock(OwnerId::new()) {
            Some(_) => Ok(()),
            None => Err("all futures are gone, and the lock is not to be had".into()),
        }
    }

    fn describe(&self, world: &World<'_, Self>) -> String {
        format!("{:?}", world.object())
    }
}
