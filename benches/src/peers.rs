//! Everybody that `conformance` has an adapter for, as generic visits.

use conformance::peers::{
    AsyncBarrier, AsyncGate, AsyncMutex, AsyncRwLock, AsyncSemaphore, AsyncSignal, AsyncWaitGroup,
    WeightedSemaphore,
};

use crate::case::Role;

/// Is shown every mutex.
pub trait EachMutex {
    /// One of them.
    fn mutex<M: AsyncMutex>(&mut self);
}

/// Is shown every semaphore.
pub trait EachSemaphore {
    /// One of them.
    fn semaphore<S: AsyncSemaphore>(&mut self);
}

/// Is shown every semaphore that gives several permits at a time.
pub trait EachWeighted {
    /// One of them.
    fn semaphore<S: WeightedSemaphore>(&mut self);
}

/// Is shown every reader-writer lock.
pub trait EachRwLock {
    /// One of them.
    fn rwlock<L: AsyncRwLock>(&mut self);
}

/// Is shown every wait group.
pub trait EachWaitGroup {
    /// One of them.
    fn wait_group<W: AsyncWaitGroup>(&mut self);
}

/// Is shown every signal.
pub trait EachSignal {
    /// One of them.
    fn signal<S: AsyncSignal>(&mut self);
}

/// Is shown every gate.
pub trait EachGate {
    /// One of them.
    fn gate<G: AsyncGate>(&mut self);
}

/// Is shown every barrier.
pub trait EachBarrier {
    /// One of them.
    fn barrier<B: AsyncBarrier>(&mut self);
}

macro_rules! mutexes {
    ($($id:ident: $mutex:ty $(, $offer:ident)*;)*) => {
        /// Shows every mutex.
        pub fn mutexes(visitor: &mut impl EachMutex) {
            $(visitor.mutex::<$mutex>();)*
        }
    };
}
conformance::for_each_mutex!(mutexes);

macro_rules! if_weighted {
    ($visitor:ident, $semaphore:ty, weighted) => {
        $visitor.semaphore::<$semaphore>();
    };
    ($visitor:ident, $semaphore:ty, $other:ident) => {};
}

macro_rules! semaphores {
    ($($id:ident: $semaphore:ty $(, $offer:ident)*;)*) => {
        /// Shows every semaphore.
        pub fn semaphores(visitor: &mut impl EachSemaphore) {
            $(visitor.semaphore::<$semaphore>();)*
        }

        /// Shows every semaphore that gives several permits at a time.
        pub fn weighted(visitor: &mut impl EachWeighted) {
            semaphores!(@ visitor $($semaphore: $($offer)*;)*);
        }
    };
    (@ $visitor:ident $($semaphore:ty: $($offer:ident)*;)*) => {
        $(semaphores!(@@ $visitor, $semaphore, $($offer)*);)*
    };
    (@@ $visitor:ident, $semaphore:ty, $($offer:ident)*) => {
        $(if_weighted!($visitor, $semaphore, $offer);)*
    };
}
conformance::for_each_semaphore!(semaphores);

macro_rules! rwlocks {
    ($($id:ident: $lock:ty $(, $offer:ident)*;)*) => {
        /// Shows every reader-writer lock.
        pub fn rwlocks(visitor: &mut impl EachRwLock) {
            $(visitor.rwlock::<$lock>();)*
        }
    };
}
conformance::for_each_rwlock!(rwlocks);

macro_rules! wait_groups {
    ($($id:ident: $group:ty $(, $offer:ident)*;)*) => {
        /// Shows every wait group.
        pub fn wait_groups(visitor: &mut impl EachWaitGroup) {
            $(visitor.wait_group::<$group>();)*
        }
    };
}
conformance::for_each_wait_group!(wait_groups);

macro_rules! signals {
    ($($id:ident: $signal:ty $(, $offer:ident)*;)*) => {
        /// Shows every signal.
        pub fn signals(visitor: &mut impl EachSignal) {
            $(visitor.signal::<$signal>();)*
        }
    };
}
conformance::for_each_signal!(signals);

macro_rules! gates {
    ($($id:ident: $gate:ty;)*) => {
        /// Shows every gate.
        pub fn gates(visitor: &mut impl EachGate) {
            $(visitor.gate::<$gate>();)*
        }
    };
}
conformance::for_each_gate!(gates);

macro_rules! barriers {
    ($($id:ident: $barrier:ty;)*) => {
        /// Shows every barrier.
        pub fn barriers(visitor: &mut impl EachBarrier) {
            $(visitor.barrier::<$barrier>();)*
        }
    };
}
conformance::for_each_barrier!(barriers);

/// Ours or a peer, by the package.
#[must_use]
pub fn role(package: &str) -> Role {
    if package == "async-sync" {
        Role::Ours
    } else {
        Role::Peer
    }
}
