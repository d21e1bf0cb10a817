//! Pools of connections.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::super::resource_pool::{closable, every};
use super::*;
use crate::peers::resource_pool::{Connection, Ledger, Ours};
use crate::peers::{AsyncPool, ClosablePool};

struct Pool<const FAULT: u8>(Ours);

/// KEEPS: what a panic drops does not come back.
struct Lease<'a, const FAULT: u8>(Option<<Ours as AsyncPool>::Lease<'a>>);

impl<const FAULT: u8> Deref for Lease<'_, FAULT> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0.as_ref().expect("it is lent")
    }
}

impl<const FAULT: u8> DerefMut for Lease<'_, FAULT> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.0.as_mut().expect("it is lent")
    }
}

impl<const FAULT: u8> Drop for Lease<'_, FAULT> {
    fn drop(&mut self) {
        if FAULT == KEEPS && std::thread::panicking() {
            std::mem::forget(self.0.take());
        }
    }
}

impl<const FAULT: u8> AsyncPool for Pool<FAULT> {
    const NAME: &'static str = "faulty";
    const PACKAGE: &'static str = "";
    type Lease<'a> = Lease<'a, FAULT>;

    /// (OTHER: with one more. APART: with a ledger of its own.)
    async fn new(ledger: Arc<Ledger>, max: usize) -> Self {
        let ledger = if FAULT == APART {
            Arc::default()
        } else {
            ledger
        };
        let max = max + usize::from(FAULT == OTHER);
        Pool(<Ours as AsyncPool>::new(ledger, max).await)
    }

    async fn lend<T: Send, W: Future<Output = T> + Send>(
        &self,
        work: impl FnOnce(usize) -> W + Send,
    ) -> Option<T> {
        let lease = self.get().await?;
        let result = work(lease.number).await;
        if FAULT == STAYS {
            std::mem::forget(lease);
        }
        Some(result)
    }

    async fn get(&self) -> Option<Self::Lease<'_>> {
        Some(Lease(Some(AsyncPool::get(&self.0).await?)))
    }

    fn spoil(mut lease: Self::Lease<'_>) {
        let inner = lease.0.take().expect("it is lent");
        if FAULT != EMPTY {
            <Ours as AsyncPool>::spoil(inner);
        }
    }
}

impl<const FAULT: u8> ClosablePool for Pool<FAULT> {
    fn close(&self) {
        if FAULT != IDLE {
            ClosablePool::close(&self.0);
        }
    }
}

fn all<const FAULT: u8>() -> Vec<Measurement> {
    let mut all = every::<Pool<FAULT>>();
    all.extend(closable::<Pool<FAULT>>());
    all
}

#[test]
fn with_a_fault() {
    bites(&all::<SOUND>(), &all::<APART>(), &["check-panics"]);
    bites(&all::<SOUND>(), &all::<EMPTY>(), &["spoilt", "s64"]);
    bites(&all::<SOUND>(), &all::<KEEPS>(), &["task-panics"]);
    bites(&all::<SOUND>(), &all::<OTHER>(), &["at-most"]);
    bites(&all::<SOUND>(), &all::<STAYS>(), &["time-limits"]);
    bites(&all::<SOUND>(), &all::<IDLE>(), &["close", "close-idle"]);
}
